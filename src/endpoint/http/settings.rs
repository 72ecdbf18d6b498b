//! What the address of an HTTP endpoint asks for, read and checked before anything is opened.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use url::Url;

use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::tls::{self, Identity, read_authorities};
use crate::endpoint::{Address, Credentials, EndpointError, EndpointErrorKind, SinkOptions, SourceOptions};
use crate::event::Event;
use crate::event::percent::{decode_text, encode_path};

/// What may stand after the `#` of the address of a sink.
const SINK_OPTIONS: [&str; 11] = [
    "batch",
    "ca",
    "cert",
    "concurrency",
    "handshake",
    "header",
    "key",
    "mode",
    "order",
    "origin",
    "timeout",
];
/// What may stand after the `#` of the address of a source.
const SOURCE_OPTIONS: [&str; 6] = ["cert", "header", "key", "max-body", "mode", "timeout"];
/// Requests under way at once, when the address does not say.
const CONCURRENCY: u32 = 32;
/// Events of one batch, when the address does not say.
const BATCH: u32 = 100;
/// Bytes of a body taken, when the address does not say: 16 MiB.
const MAX_BODY: u32 = 16 * 1024 * 1024;
/// Bytes of the longest URL that the client takes.
const LONGEST_URL: usize = 65_534;
/// Who we say we are when a receiver is asked for its permission.
const ORIGIN: &str = "eddy";

/// How an event is written into a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A CloudEvent, its attributes among the headers.
    Binary,
    /// A CloudEvent as one JSON object.
    Structured,
    /// Many CloudEvents as a JSON list.
    Batch,
    /// No CloudEvent: the payload is the body, the headers are the headers.
    Plain,
}

impl Mode {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "binary" => Self::Binary,
            "structured" => Self::Structured,
            "batch" => Self::Batch,
            "plain" => Self::Plain,
            _ => return None,
        })
    }
}

/// How a sink works.
#[derive(Clone)]
pub(super) struct SinkSettings {
    pub(super) address: Address,
    /// Without one, events go in binary mode, but those that are structured already go as they are.
    pub(super) mode: Option<Mode>,
    pub(super) concurrency: usize,
    pub(super) batch: usize,
    /// Events of one channel and key wait for each other.
    pub(super) ordered: bool,
    pub(super) handshake: bool,
    pub(super) origin: HeaderValue,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) credentials: Option<Credentials>,
    /// Certificates to trust, PEM; those of the platform without them.
    pub(super) authorities: Option<Vec<u8>>,
    /// Our certificate and its key.
    pub(super) identity: Option<Identity>,
}

impl SinkSettings {
    /// Reads them.
    pub(super) fn new(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let found = AddressOptions::of_role(address, &SINK_OPTIONS, (&SOURCE_OPTIONS, "receiving"))?;
        tls::refuse_without_encryption(&found, address, "https://")?;
        let number = |name, range, default| -> Result<usize, EndpointError> {
            let number = found.number(name, range)?.unwrap_or(default);
            Ok(usize::try_from(number).unwrap_or(usize::MAX))
        };
        let ordered = match found.text("order") {
            None | Some("lane") => true,
            Some("none") => false,
            Some(other) => return Err(found.wrong("order", other, "`order=lane` or `order=none`")),
        };
        let origin = found.text("origin").unwrap_or(ORIGIN);
        let origin_value = HeaderValue::from_str(origin)
            .map_err(|_| found.wrong("origin", origin, "a DNS name, such as `origin=eddy.example.com`"))?;
        let timeout = found.number("timeout", 1..=86_400)?;
        Ok(Self {
            mode: mode(&found)?,
            concurrency: number("concurrency", 1..=1000, CONCURRENCY)?,
            batch: number("batch", 1..=10_000, BATCH)?,
            ordered,
            handshake: found.flag("handshake")?.unwrap_or(true),
            origin: origin_value,
            connect_timeout: options.connect_timeout,
            timeout: timeout.map_or(options.receipt_timeout, |seconds| Duration::from_secs(seconds.into())),
            headers: headers(&found, address)?,
            credentials: address.credentials.clone().or_else(|| options.credentials.clone()),
            authorities: found.text("ca").map(read_authorities).transpose()?,
            identity: identity(&found)?,
            address: address.clone(),
        })
    }

    /// The mode the address of a sink asks for.
    pub(super) fn mode_of(address: &Address) -> Result<Option<Mode>, EndpointError> {
        mode(&AddressOptions::new(address, &SINK_OPTIONS)?)
    }

    /// Where events go: to the path of the address when one is written, else to the channel of each.
    pub(super) fn url_for(&self, event: &Event) -> Result<Url, EndpointError> {
        if has_path(&self.address) {
            let mut url = self.url("")?;
            self.add_query(&mut url, event);
            return Ok(url);
        }
        let is_dots = |part: &str| matches!(part, "." | "..");
        if event.channel.split('/').any(is_dots) {
            let message = format!("the channel `{}` cannot be the path of a URL", event.channel);
            return Err(EndpointError::new(EndpointErrorKind::Rejected, message)
                .help("write a path in the address: then all events go there"));
        }
        let mut url = self.url(&event.channel)?;
        self.add_query(&mut url, event);
        let size = url.as_str().len();
        if size > LONGEST_URL {
            let message = format!("the channel makes a URL of {size} bytes, and requests take {LONGEST_URL}");
            return Err(EndpointError::new(EndpointErrorKind::Rejected, message)
                .help("write a path in the address: then all events go there"));
        }
        Ok(url)
    }

    /// The query of the event, where it is sent as the request that it was recorded as.
    pub(super) fn query_of<'a>(&self, event: &'a Event) -> Option<&'a str> {
        let recorded = || event.attributes.get("query")?.as_str();
        if self.mode == Some(Mode::Plain) { recorded() } else { None }
    }

    /// What the address says of a query goes before what the event says.
    fn add_query(&self, url: &mut Url, event: &Event) {
        if let (None, Some(query)) = (url.query(), self.query_of(event)) {
            url.set_query(Some(query));
        }
    }

    /// The URL of the address, or of a channel where the address has no path.
    pub(super) fn url(&self, channel: &str) -> Result<Url, EndpointError> {
        let scheme = if self.address.tls { "https" } else { "http" };
        let (written, query) = split_target(&self.address);
        let path = if written_is_path(&self.address, written) {
            written.to_owned()
        } else if self.address.path.is_empty() {
            format!("/{}", encode_path(channel))
        } else {
            format!("/{}", encode_path(&self.address.path))
        };
        let text = format!("{scheme}://{}{path}{query}", self.address.authority());
        Url::parse(&text).map_err(|error| {
            let message = format!("`{}` is no address to send to: {error}", self.address);
            EndpointError::new(EndpointErrorKind::Unsupported, message)
        })
    }
}

/// How a source works.
#[derive(Clone)]
pub(super) struct SourceSettings {
    pub(super) address: Address,
    /// Structured events are made binary ones.
    pub(super) as_binary: bool,
    pub(super) max_body: usize,
    /// How long a request waits for the reader.
    pub(super) timeout: Duration,
    pub(super) credentials: Option<Credentials>,
    /// Headers that every sender must show, beside the credentials.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) identity: Option<Identity>,
}

impl SourceSettings {
    /// Reads them.
    pub(super) fn new(address: &Address, options: &SourceOptions) -> Result<Self, EndpointError> {
        let found = AddressOptions::of_role(address, &SOURCE_OPTIONS, (&SINK_OPTIONS, "sending"))?;
        tls::refuse_without_encryption(&found, address, "https://")?;
        let as_binary = match found.text("mode") {
            None => false,
            Some("binary") => true,
            Some(other) => {
                let wanted = "`mode=binary`, or leave `mode` out to have requests as they came";
                return Err(found.wrong("mode", other, wanted));
            }
        };
        let max_body = found.number("max-body", 1..=u32::MAX)?.unwrap_or(MAX_BODY);
        let identity = identity(&found)?;
        if address.tls && identity.is_none() {
            let message = format!("`{address}` cannot listen with encryption without a certificate");
            return Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help("add `#cert=FILE&key=FILE` with PEM files, or listen with `http://`"));
        }
        let timeout = found.number("timeout", 1..=86_400)?.unwrap_or(30);
        Ok(Self {
            as_binary,
            max_body: usize::try_from(max_body).unwrap_or(usize::MAX),
            timeout: Duration::from_secs(timeout.into()),
            credentials: address.credentials.clone().or_else(|| options.credentials.clone()),
            headers: headers(&found, address)?,
            identity,
            address: address.clone(),
        })
    }

    /// Whether a request for this path is for us: it is the path of the address, or lies below it.
    pub(super) fn takes(&self, path: &str) -> bool {
        let prefix = self.address.path.trim_end_matches('/');
        let path = decode_text(path);
        let rest = path.strip_prefix('/').unwrap_or(&path).strip_prefix(prefix);
        rest.is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }
}

fn mode(options: &AddressOptions<'_>) -> Result<Option<Mode>, EndpointError> {
    let Some(text) = options.text("mode") else {
        return Ok(None);
    };
    let wanted = "`mode=binary`, `mode=structured`, `mode=batch` or `mode=plain`";
    Mode::parse(text).map(Some).ok_or_else(|| options.wrong("mode", text, wanted))
}

/// The certificate and the key an address names; its options stand after `#`.
fn identity(options: &AddressOptions<'_>) -> Result<Option<Identity>, EndpointError> {
    Identity::of(options)
        .map_err(|error| EndpointError { help: error.help.as_deref().map(after_hash), ..error })
}

/// What to do next, in the words of other systems, whose options stand after `?`.
pub(super) fn after_hash(help: &str) -> String {
    help.replace("`?", "`#")
}

/// The headers of an address. Of several, the wrong one is told by its name.
fn headers(
    options: &AddressOptions<'_>,
    address: &Address,
) -> Result<Vec<(HeaderName, HeaderValue)>, EndpointError> {
    let is_only = options.texts("header").count() == 1;
    let read = |text| {
        header(text, address).map_err(|error| if is_only { options.marked("header", error) } else { error })
    };
    options.texts("header").map(read).collect()
}

/// `Name: value`; the value is a secret.
fn header(text: &str, address: &Address) -> Result<(HeaderName, HeaderValue), EndpointError> {
    let read = || {
        let (name, value) = text.split_once(':')?;
        let mut value = HeaderValue::from_bytes(value.trim().as_bytes()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value))
    };
    read().ok_or_else(|| {
        let name: String = text.chars().take_while(|each| is_name_character(*each)).collect();
        let message = format!("`header={name}…` in the address of `{address}` cannot be used");
        EndpointError::new(EndpointErrorKind::Unsupported, message)
            .help("write `header=Name: value`, a `&` in it as `%26`")
    })
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-' || character == '_'
}

fn split_target(address: &Address) -> (&str, &str) {
    address.target.split_at(address.target.find('?').unwrap_or(address.target.len()))
}

/// Whether the path as written is still the one that is meant: a channel may have been chosen since.
fn written_is_path(address: &Address, written: &str) -> bool {
    !written.is_empty() && decode_text(written.strip_prefix('/').unwrap_or(written)) == address.path
}

/// Whether the address says where all events go.
fn has_path(address: &Address) -> bool {
    !address.path.is_empty() || !split_target(address).0.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{SinkSettings, SourceSettings};
    use crate::endpoint::{Address, EndpointError, SinkOptions, SourceOptions};
    use crate::event::Event;

    fn sink(text: &str) -> Result<SinkSettings, EndpointError> {
        SinkSettings::new(&Address::parse(text).expect("an address"), &SinkOptions::default())
    }

    #[test]
    fn a_plain_request_has_the_query_that_was_recorded() {
        let mut event = Event::new("hooks/a b", "");
        event.attributes.insert("query".to_owned(), "q=1&r=a%20b#c".into());
        let to = |address: &str| sink(address).expect("settings").url_for(&event).expect("a URL").to_string();
        assert_eq!(to("http://h#mode=plain"), "http://h/hooks/a%20b?q=1&r=a%20b%23c");
        assert_eq!(to("http://h/x#mode=plain"), "http://h/x?q=1&r=a%20b%23c");
        assert_eq!(to("http://h/x?key=2#mode=plain"), "http://h/x?key=2");
        assert_eq!(to("http://h"), "http://h/hooks/a%20b", "a CloudEvent is posted");
    }

    #[test]
    fn targets_are_as_written() {
        let to = |address: &str, channel: &str| {
            let url = sink(address).expect("settings").url_for(&Event::new(channel, ""));
            url.map(|url| url.to_string()).map_err(|error| error.message)
        };
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(to("http://h:81/a%2Fb/?x=1&y#mode=plain", "c"), ok("http://h:81/a%2Fb/?x=1&y"));
        assert_eq!(to("http://h", "shop/ü?#%"), ok("http://h/shop/%C3%BC%3F%23%25"));
        assert_eq!(to("http://h?x=1", "c"), ok("http://h/c?x=1"));
        assert_eq!(to("http://h/", "c"), ok("http://h/"));
        assert_eq!(to("http://h", ""), ok("http://h/"));
        assert!(to("http://h", "a/../b").is_err());
        let mut chosen = sink("http://h/old?x=1").expect("settings");
        "new ü".clone_into(&mut chosen.address.path);
        assert_eq!(chosen.url("").expect("a URL").as_str(), "http://h/new%20%C3%BC?x=1");
    }

    #[test]
    fn options_are_checked_and_secrets_stay_secret() {
        for (text, words) in [
            ("http://h#mode=bynary", "mode=bynary"),
            ("http://h#order=key", "order=key"),
            ("https://h#cert=a.pem", "there is no `key`"),
            ("http://h#ca=a.pem", "not encrypted"),
            ("http://h#header=Authorization%20s3cret", "header=Authorization"),
            ("http://h#header=X-Bad%0Aname:%20s3cret", "header=X-Bad…"),
            ("http://h#concurency=3", "concurency"),
        ] {
            let error = sink(text).err().expect(text);
            assert!(error.message.contains(words) && error.help.is_some(), "{error:?}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
        let secret = sink("http://h#header=Authorization: s3cret").expect("settings");
        assert!(!format!("{:?}", secret.headers).contains("s3cret"));
    }

    #[test]
    fn a_source_takes_what_lies_below_its_path() {
        let source = |text: &str| {
            let address = Address::parse(text).expect("an address");
            SourceSettings::new(&address, &SourceOptions::default()).expect("settings")
        };
        let hooks = source("http://127.0.0.1:0/hooks/");
        assert!(hooks.takes("/hooks") && hooks.takes("/hooks/") && hooks.takes("/hooks/a%20b"));
        assert!(!hooks.takes("/hooksx") && !hooks.takes("/") && !hooks.takes("/other"));
        assert!(source("http://127.0.0.1:0").takes("/any/thing") && source("http://h:0/").takes("/x"));
        let guarded = source("http://127.0.0.1:0#header=X-Token: s3cret&header=X-Other: 1");
        assert_eq!(guarded.headers.len(), 2);
        assert!(!format!("{:?}", guarded.headers).contains("s3cret"));
    }
}
