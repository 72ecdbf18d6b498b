//! The URL that names an endpoint, parsed once; secrets are masked by type whenever it is shown.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

use super::masking::{Guess, PASSWORD_HELP, ends_in_the_password, mask, refusal, wrong_part};
use super::{Credentials, EndpointError, EndpointErrorKind};
use crate::event::{Event, percent};

/// The kind of system an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `file:path` or a bare path.
    File,
    /// `-`.
    Stdio,
    /// `memory:name`.
    Memory,
    /// `mqtt://host:1883/topic`, `mqtts://` with TLS; `?version=3.1.1` for the older protocol.
    Mqtt,
    /// `nats://host:4222/subject`.
    Nats,
    /// `jetstream+nats://host/stream`.
    JetStream,
    /// `redis://host:6379/stream`, `rediss://` with TLS; more Sentinels follow the first, separated by `,`.
    Redis,
    /// `kafka://host:9092/topic`, `kafkas://` with TLS; more brokers follow the first, separated by `,`.
    Kafka,
    /// `http://host/path`, `https://` with TLS; our options stand after `#`, because `?` is the target's own.
    Http,
    /// `amqp://host:5672/vhost/exchange`, `amqps://` with TLS.
    Amqp,
}

/// An endpoint's address.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// The kind of system.
    pub scheme: Scheme,
    /// Transport encryption was asked for.
    pub tls: bool,
    /// Host name or IP address; empty for files, stdio and memory.
    pub host: String,
    /// Port, the system's default when not written.
    pub port: u16,
    /// Further hosts of the same cluster, each with its port.
    pub more_hosts: Vec<String>,
    /// Topic, subject, stream, path or name, percent-decoded; may be empty. With AMQP, where a `/` may be a part of a
    /// name, as written.
    pub path: String,
    /// Options after `?`, over HTTP after `#`, decoded, in order.
    pub options: Vec<(String, String)>,
    /// HTTP: the path, when one was written, and the query with its `?`, exactly as written.
    pub target: String,
    /// User and password written in the address.
    pub credentials: Option<Credentials>,
    /// The address as it was written, secrets included: for an underline, and never shown unmasked.
    pub(super) written: String,
    /// Options that were not written in the address but set elsewhere, and where.
    pub(super) granted: Vec<(String, String)>,
}

/// An address that cannot be used: which part, and the accepted form.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct AddressError {
    /// What is wrong with which part, masked.
    pub message: String,
    /// The accepted form.
    pub help: String,
    /// The text as given, masked, and the byte range in it that is wrong, for an underline.
    pub wrong: Option<(String, std::ops::Range<usize>)>,
}

/// Schemes by spelling: name, kind, TLS, default port.
const SCHEMES: [(&str, Scheme, bool, u16); 18] = [
    ("mqtt", Scheme::Mqtt, false, 1883),
    ("tcp", Scheme::Mqtt, false, 1883),
    ("mqtts", Scheme::Mqtt, true, 8883),
    ("nats", Scheme::Nats, false, 4222),
    ("tls", Scheme::Nats, true, 4222),
    ("jetstream+nats", Scheme::JetStream, false, 4222),
    ("jetstream", Scheme::JetStream, false, 4222),
    ("jetstream+tls", Scheme::JetStream, true, 4222),
    ("redis", Scheme::Redis, false, 6379),
    ("rediss", Scheme::Redis, true, 6379),
    ("kafka", Scheme::Kafka, false, 9092),
    ("kafkas", Scheme::Kafka, true, 9092),
    ("http", Scheme::Http, false, 80),
    ("https", Scheme::Http, true, 443),
    ("amqp", Scheme::Amqp, false, 5672),
    ("amqps", Scheme::Amqp, true, 5671),
    ("file", Scheme::File, false, 0),
    ("memory", Scheme::Memory, false, 0),
];

impl Address {
    /// Reads an address. A text without a scheme is a file path, `-` is standard input or output.
    ///
    /// # Errors
    /// [`AddressError`] with the wrong part and the accepted form.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text == "-" {
            return Ok(Self::local(Scheme::Stdio, ""));
        }
        // An object is read and written as a file is.
        if text.starts_with("s3://") {
            return Ok(Self::local(Scheme::File, text));
        }
        let Some((scheme_text, rest)) = split_scheme(text) else {
            return Ok(Self::local(Scheme::File, text));
        };
        let found = SCHEMES.iter().find(|(name, ..)| *name == scheme_text);
        let Some((_, scheme, tls, port)) = found else {
            return Err(unknown_scheme(text, scheme_text));
        };
        match scheme {
            Scheme::File | Scheme::Memory => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                Ok(Self::local(*scheme, path))
            }
            _ => Self::parse_network(text, *scheme, *tls, *port),
        }
    }

    fn local(scheme: Scheme, path: &str) -> Self {
        Self {
            scheme,
            tls: false,
            host: String::new(),
            port: 0,
            more_hosts: Vec::new(),
            path: path.to_owned(),
            options: Vec::new(),
            target: String::new(),
            credentials: None,
            written: path.to_owned(),
            granted: Vec::new(),
        }
    }

    fn parse_network(text: &str, scheme: Scheme, tls: bool, port: u16) -> Result<Self, AddressError> {
        if let Some(refusal) = refusal(text) {
            return Err(refusal);
        }
        let has_several = matches!(scheme, Scheme::Kafka | Scheme::Redis);
        let (first, more) = if has_several { split_hosts(text) } else { (text.to_owned(), Vec::new()) };
        let more_hosts =
            more.iter().map(|host| another_host(text, host, scheme, port)).collect::<Result<_, _>>()?;
        // `#` is a wildcard in MQTT topics and only HTTP has fragments: people write it unescaped.
        let is_http = scheme == Scheme::Http;
        let escaped = if is_http { first } else { first.replace('#', "%23") };
        let url = url::Url::parse(&escaped).map_err(|error| {
            let ends_early = ends_in_the_password(text);
            AddressError {
                message: format!("`{}` is not a usable address: {error}", mask(text)),
                help: if ends_early { PASSWORD_HELP.to_owned() } else { format!("write {}", form(scheme)) },
                wrong: wrong_part(text, error).filter(|_| !ends_early),
            }
        })?;
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return Err(AddressError {
                message: format!("`{}` names no host", mask(text)),
                help: format!("write {}", form(scheme)),
                wrong: wrong_part(text, url::ParseError::EmptyHost),
            });
        };
        let decode = |part: &str| percent::decode_text(part);
        let written = !url.username().is_empty() || url.password().is_some();
        let credentials = written.then(|| Credentials {
            username: decode(url.username()),
            password: decode(url.password().unwrap_or_default()),
        });
        let written = url.path().strip_prefix('/').unwrap_or(url.path());
        let path = if scheme == Scheme::Amqp { written.to_owned() } else { decode(written) };
        Ok(Self {
            scheme,
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(port),
            more_hosts,
            path,
            options: if is_http { fragment_options(&url) } else { url.query_pairs().into_owned().collect() },
            target: if is_http { target(text, &url) } else { String::new() },
            credentials,
            written: text.to_owned(),
            granted: Vec::new(),
        })
    }

    /// Whether what seems to be the host may be a part of a token or password with a `/` of its own.
    fn may_begin_with_a_secret(&self) -> bool {
        self.is_of_network() && Guess::of(&self.written).is_some()
    }

    fn is_of_network(&self) -> bool {
        !matches!(self.scheme, Scheme::File | Scheme::Stdio | Scheme::Memory)
    }

    /// The error of an address that leads nowhere, with what may be wrong with it.
    pub(super) fn explained(&self, error: EndpointError) -> EndpointError {
        let leads_nowhere = matches!(error.kind, EndpointErrorKind::Unreachable | EndpointErrorKind::Timeout);
        match self.help_of_a_secret() {
            Some(help) if leads_nowhere => error.help(help),
            _ => error,
        }
    }

    /// What helps where the host may be the beginning of a secret.
    pub(super) fn help_of_a_secret(&self) -> Option<&'static str> {
        self.may_begin_with_a_secret().then_some(PASSWORD_HELP)
    }

    /// The value of an option after `?`.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        let found = self.options.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Adds an option that was set elsewhere than in the address; one that is written there stays as it is.
    /// `origin` says where it was set, for messages.
    pub fn grant(&mut self, name: &str, value: String, origin: &str) {
        let written = self.option(name).is_some() && !self.granted.iter().any(|(each, _)| each == name);
        if !written {
            self.options.push((name.to_owned(), value));
            self.granted.push((name.to_owned(), origin.to_owned()));
        }
    }

    /// Where an option was set, when that was not in the address.
    #[cfg_attr(
        not(any(
            feature = "amqp",
            feature = "http",
            feature = "kafka",
            feature = "mqtt",
            feature = "nats",
            feature = "redis"
        )),
        expect(dead_code, reason = "only systems with options in their addresses ask for it")
    )]
    pub(super) fn origin(&self, name: &str) -> Option<&str> {
        self.granted.iter().find(|(each, _)| each == name).map(|(_, origin)| origin.as_str())
    }

    /// Whether both name the same server, as far as their texts say: the kind of system, the host and the port; for
    /// RabbitMQ the virtual host and for Redis the database too.
    #[must_use]
    pub fn is_same_server(&self, other: &Self) -> bool {
        let kind = |scheme| if scheme == Scheme::JetStream { Scheme::Nats } else { scheme };
        let part = |address: &Self| match address.scheme {
            Scheme::Amqp => address.path.split('/').next().filter(|name| !name.is_empty()).map(str::to_owned),
            Scheme::Redis => {
                let database = address.option("db").filter(|number| *number != "0");
                let parts = [database, address.option("sentinel")].map(Option::unwrap_or_default);
                Some(parts.join(" ").trim_end().to_owned()).filter(|part| !part.is_empty())
            }
            _ => None,
        };
        kind(self.scheme) == kind(other.scheme) && self.shares_a_host(other) && part(self) == part(other)
    }

    /// Whether a host and port of one are among those of the other, as far as their texts say.
    #[must_use]
    pub fn shares_a_host(&self, other: &Self) -> bool {
        let others = other.hosts();
        self.hosts().iter().any(|host| others.contains(host))
    }

    /// Whether every host and port of this one is among those of the other, as far as their texts say.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let others = other.hosts();
        self.hosts().iter().all(|host| others.contains(host))
    }

    /// Hosts with their ports, the names of this machine as one.
    fn hosts(&self) -> Vec<String> {
        let known = |host: &str| {
            let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let number = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
            let is_here = number.is_some_and(|number| {
                let number = number.to_canonical();
                number.is_loopback() || number.is_unspecified()
            });
            if name == "localhost" || is_here {
                format!("127.0.0.1:{port}")
            } else {
                format!("{name}:{port}")
            }
        };
        self.authority().split(',').map(known).collect()
    }

    /// The channel a sink sends an event to: the path, when one is written, else the event's own channel.
    ///
    /// # Errors
    /// When neither names one.
    pub fn channel_for<'a>(&'a self, event: &'a Event) -> Result<&'a str, EndpointError> {
        let chosen = if self.path.is_empty() { event.channel.as_str() } else { self.path.as_str() };
        if !chosen.is_empty() {
            return Ok(chosen);
        }
        let message = format!("the event has no channel and `{self}` names none");
        Err(EndpointError::new(EndpointErrorKind::Rejected, message)
            .help("write the channel after the host in the address"))
    }

    /// Host and port as a system wants them, and the further ones behind it, separated by `,`.
    #[must_use]
    pub fn authority(&self) -> String {
        let first = host_and_port(&self.host, self.port);
        self.more_hosts.iter().fold(first, |all, host| format!("{all},{host}"))
    }
}

impl Scheme {
    /// Options without which an address would not say which place it is.
    fn options_that_say_where(self) -> &'static [&'static str] {
        match self {
            Self::Amqp => &["queue"],
            Self::Redis => &["db", "sentinel"],
            _ => &[],
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.scheme, self.tls) {
            (Scheme::Stdio, _) => return formatter.write_str("-"),
            // A URL with a slip in its scheme is taken for a path, with its password.
            (Scheme::File, _) if self.path.contains('@') => return formatter.write_str(&mask(&self.path)),
            (Scheme::File, _) => return formatter.write_str(&self.path),
            (Scheme::Memory, _) => return write!(formatter, "memory:{}", self.path),
            (Scheme::Mqtt, false) => "mqtt",
            (Scheme::Mqtt, true) => "mqtts",
            (Scheme::Nats, false) => "nats",
            (Scheme::Nats, true) => "tls",
            (Scheme::JetStream, false) => "jetstream+nats",
            (Scheme::JetStream, true) => "jetstream+tls",
            (Scheme::Redis, false) => "redis",
            (Scheme::Redis, true) => "rediss",
            (Scheme::Kafka, false) => "kafka",
            (Scheme::Kafka, true) => "kafkas",
            (Scheme::Http, false) => "http",
            (Scheme::Http, true) => "https",
            (Scheme::Amqp, false) => "amqp",
            (Scheme::Amqp, true) => "amqps",
        };
        // A user alone may be a token.
        let user = self.credentials.as_ref().map(|found| match found.password.as_str() {
            "" => "***@".to_owned(),
            _ => format!("{}:***@", found.username),
        });
        if self.may_begin_with_a_secret() {
            let (user, host) = (user.unwrap_or_else(|| "***@".to_owned()), self.path.rsplit_once('@'));
            write!(formatter, "{scheme}://{user}{}", host.map_or(self.path.as_str(), |(_, host)| host))?;
        } else {
            write!(formatter, "{scheme}://{}{}", user.unwrap_or_default(), self.authority())?;
            if !self.path.is_empty() {
                write!(formatter, "/{}", self.path)?;
            }
        }
        let places = self.scheme.options_that_say_where().iter();
        let named = places.filter_map(|name| Some((*name, self.option(name)?)));
        for (place, (name, value)) in named.enumerate() {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let mark = if place == 0 { '?' } else { '&' };
            write!(formatter, "{mark}{name}={}", percent::encode(value, is_plain))?;
        }
        // Queries of webhooks hold secrets.
        if self.target.contains('?') { formatter.write_str("?***") } else { Ok(()) }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Address({self})")
    }
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let plausible = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|each| each.is_ascii_alphanumeric() || "+-.".contains(each));
    let known = rest.starts_with("//") || scheme == "file" || scheme == "memory";
    (plausible && known).then_some((scheme, rest))
}

fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The address with its first host only, and the further hosts.
fn split_hosts(text: &str) -> (String, Vec<&str>) {
    let begin = text.find("://").map_or(0, |at| at + 3);
    let end = text[begin..].find(['/', '?']).map_or(text.len(), |at| begin + at);
    let hosts = text[begin..end].rfind('@').map_or(begin, |at| begin + at + 1);
    let mut all = text[hosts..end].split(',');
    let first = all.next().unwrap_or_default();
    (format!("{}{first}{}", &text[..hosts], &text[end..]), all.collect())
}

fn another_host(text: &str, host: &str, scheme: Scheme, port: u16) -> Result<String, AddressError> {
    let url = url::Url::parse(&format!("kafka://{host}")).ok();
    let found = url.as_ref().and_then(|url| url.host_str()).filter(|found| !found.is_empty());
    let plain = !host.contains(['/', '@', '?']);
    let Some((found, url)) = found.zip(url.as_ref()).filter(|_| plain) else {
        let masked = mask(text);
        // Behind the first host, which may have the same name.
        let wrong = masked.find(&format!(",{host}")).map(|at| at + 1..at + 1 + host.len());
        return Err(AddressError {
            message: format!("`{host}` in `{masked}` is not a host with a port"),
            help: format!("write {}, further hosts behind the first, separated by `,`", form(scheme)),
            wrong: wrong.map(|range| (masked, range)),
        });
    };
    Ok(host_and_port(found.trim_matches(['[', ']']), url.port().unwrap_or(port)))
}

fn unknown_scheme(text: &str, scheme: &str) -> AddressError {
    let names = SCHEMES.iter().map(|(name, ..)| *name);
    let near = crate::diagnostic::nearest(scheme, names.clone());
    let all = names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    AddressError {
        message: format!("unknown scheme `{scheme}` in `{}`", mask(text)),
        help: near.map_or_else(
            || format!("known schemes are {all}, a path, or `-`"),
            |near| format!("did you mean `{near}`? known schemes are {all}, a path, or `-`"),
        ),
        wrong: Some((mask(text), 0..scheme.len())),
    }
}

fn form(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Mqtt => "`mqtt://host:1883/topic`",
        Scheme::Nats => "`nats://host:4222/subject`",
        Scheme::JetStream => "`jetstream+nats://host:4222/stream`",
        Scheme::Redis => "`redis://host:6379/stream`",
        Scheme::Kafka => "`kafka://host:9092/topic`",
        Scheme::Http => "`http://host:8080/path`",
        Scheme::Amqp => "`amqp://host:5672/vhost/exchange`",
        Scheme::File => "`file:path`",
        Scheme::Memory => "`memory:name`",
        Scheme::Stdio => "`-`",
    }
}

/// Options after `#`; a `+` is a `+`, because values of headers stand there.
fn fragment_options(url: &url::Url) -> Vec<(String, String)> {
    let pairs = url.fragment().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let split = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    split.map(|(name, value)| (percent::decode_text(name), percent::decode_text(value))).collect()
}

/// The path and the query of an HTTP address as they go to the server; a path is there only when one was written.
fn target(text: &str, url: &url::Url) -> String {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let has_path = rest.find(['/', '?', '#']).is_some_and(|at| rest[at..].starts_with('/'));
    let path = if has_path { url.path() } else { "" };
    match url.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_same_server_is_known_by_kind_host_and_port() {
        let same = |one: &str, other: &str| {
            super::Address::parse(one).expect(one).is_same_server(&super::Address::parse(other).expect(other))
        };
        assert!(same("kafka://u:***@h/a", "kafka://h:9092/b"));
        assert!(same("nats://localhost/a", "jetstream+nats://127.0.0.1:4222/S"));
        assert!(same("mqtt://LocalHost/a", "mqtt://[::1]/a") && same("kafka://a,b/t", "kafka://B.,c/t"));
        assert!(
            same("mqtt://127.0.1.1/a", "mqtt://[::ffff:127.0.0.1]/a")
                && !same("mqtt://127.h/a", "mqtt://h/a")
        );
        assert!(!same("kafka://a,b:1/t", "kafka://b,c/t"));
        let within = |one: &str, other: &str| {
            super::Address::parse(one).expect(one).is_within(&super::Address::parse(other).expect(other))
        };
        assert!(within("kafka://b/t", "kafka://a,b/t") && !within("kafka://a,foreign/t", "kafka://a,b/t"));
        assert!(!same("mqtt://h/a", "mqtt://h:1884/a") && !same("mqtt://h/a", "nats://h:1883/a"));
        assert!(!same("amqp://h/one/x", "amqp://h/two/x") && same("amqp://h/one/x", "amqp://h/one/y"));
        assert!(!same("redis://h/a?db=1", "redis://h/a") && same("redis://h/a?db=0", "redis://h/b"));
    }

    use super::{Address, Scheme};
    use crate::endpoint::{EndpointError, EndpointErrorKind};

    #[test]
    fn reads_every_form() {
        let mqtt = Address::parse("mqtt://me:secret@[::1]:1884/a/+/b%20c/#?qos=1")
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((mqtt.scheme, mqtt.host.as_str(), mqtt.port), (Scheme::Mqtt, "::1", 1884));
        assert_eq!(mqtt.to_string(), "mqtt://me:***@[::1]:1884/a/+/b c/#");
        assert_eq!(mqtt.option("qos"), Some("1"));
        let amqp =
            Address::parse("amqps://h/%2F/a%2Fb?routing-key=#").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((amqp.port, amqp.path.as_str()), (5671, "%2F/a%2Fb"));
        assert_eq!(
            (amqp.to_string().as_str(), amqp.option("routing-key")),
            ("amqps://h:5671/%2F/a%2Fb", Some("#"))
        );
        assert_eq!(Address::parse("-").map(|found| found.scheme), Ok(Scheme::Stdio));
        assert_eq!(Address::parse("C.ndjson").map(|found| found.scheme), Ok(Scheme::File));
        assert_eq!(Address::parse("memory:x").map(|found| found.path), Ok("x".to_owned()));
    }

    #[test]
    fn a_password_with_a_letter_that_ends_hosts_is_known() {
        for text in ["mqtt://ann:wr/ong@127.0.0.1:18840/x", "kafka://ann:a?b@h/t", "redis://:a/b@h/s"] {
            let error = Address::parse(text).expect_err(text);
            assert!(error.help.contains("`%2F`") && error.wrong.is_none(), "{error:?}");
        }
        assert!(Address::parse("mqtt://h:1/a@b").is_ok());
        for text in [
            "redis://user:p@ss/w@127.0.0.1/x",
            "nats://user:p@s/w@h:4222",
            "amqp://u:p@s/w@rabbit.example.com/x",
        ] {
            let error = Address::parse(text).expect_err(text);
            assert!(error.help.contains("`%40`") && !error.message.contains("s/w"), "{error:?}");
        }
        for text in
            ["mqtt://u:p@h:1883/a@b.c", "mqtt://u:p@h.org/me@mail.com/x", "mqtt://u:p@localhost/me@mail.com"]
        {
            assert!(Address::parse(text).is_ok(), "{text}");
        }
        for (text, shown) in [
            ("mqtt://s3cr/et@broker", "mqtt://***@broker"),
            ("nats://user:p@a/ss@broker/x", "nats://user:***@broker/x"),
            ("redis://user:12/ss@broker", "redis://***@broker"),
            ("mqtt://broker/a%40b", "mqtt://broker:1883/a@b"),
        ] {
            assert_eq!(Address::parse(text).expect(text).to_string(), shown);
        }
        let error = EndpointError::new(EndpointErrorKind::Unreachable, "no");
        let error = Address::parse("nats://user:p@a/ss@broker/x").expect("an address").explained(error);
        assert!(error.help.is_some_and(|help| help.contains("`%2F`")));
        let path = Address::parse("redis//user:s3cret@h/x").expect("a path");
        assert_eq!(path.to_string(), "redis//user:***@h/x");
    }

    #[test]
    fn a_cluster_has_several_hosts() {
        let kafka =
            Address::parse("kafkas://me:s,ecret@a:1,b,[::1]:3/^or.*|t,u?group=g").expect("an address");
        assert_eq!((kafka.host.as_str(), kafka.port, kafka.tls), ("a", 1, true));
        assert_eq!(kafka.authority(), "a:1,b:9092,[::1]:3");
        assert_eq!(kafka.path, "^or.*|t,u");
        assert_eq!(kafka.to_string(), "kafkas://me:***@a:1,b:9092,[::1]:3/^or.*|t,u");
        for wrong in ["kafka://a,/t", "kafka://a,b:port/t", "kafka://,a/t"] {
            let error = Address::parse(wrong).expect_err("no host");
            assert!(error.help.contains("`kafka://host:9092/topic`"), "{error:?}");
        }
    }

    #[test]
    fn http_keeps_what_is_the_targets_own() {
        let read = |text: &str| Address::parse(text).unwrap_or_else(|error| panic!("{error}"));
        let full = read("https://:t0ken@h/a%2Fb?x=1&mode=2#mode=batch&header=A:%20b%26c+d&header=B");
        assert_eq!((full.scheme, full.tls, full.port), (Scheme::Http, true, 443));
        assert_eq!(full.target, "/a%2Fb?x=1&mode=2");
        assert_eq!(full.option("mode"), Some("batch"));
        let options: Vec<&str> = full.options.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(options, ["batch", "A: b&c+d", "B"]);
        assert_eq!(full.credentials.as_ref().map(|found| found.password.as_str()), Some("t0ken"));
        assert_eq!(full.to_string(), "https://:***@h:443/a/b?***");
        let targets =
            ["http://h", "http://h/", "http://h?x=1", "http://h:0/p/"].map(|text| read(text).target);
        assert_eq!(targets, ["", "/", "?x=1", "/p/"]);
    }

    #[test]
    fn unknown_schemes_get_a_suggestion_and_no_secret() {
        let error = Address::parse("mqt://me:secret@host/x").expect_err("unknown");
        assert!(error.help.contains("`mqtt`") && !error.message.contains("secret"), "{error:?}");
    }
}
