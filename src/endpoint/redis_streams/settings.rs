//! What an address and its options say about the connection and the streams.

use std::time::Duration;

use redis::{
    Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, TlsCertificates,
};

use super::failure;
use super::id::EntryId;
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::masking::{hosts_part, mask};
use crate::endpoint::{Address, Credentials, EndpointError, EndpointErrorKind, tls};

/// What may stand after the `?` of any address.
const OF_ALL: [&str; 6] = ["ca", "cert", "key", "db", "field", "sentinel"];
/// … of a source.
const OF_SOURCES: [&str; 3] = ["group", "consumer", "after"];
/// … of a sink.
const OF_SINKS: [&str; 2] = ["id", "maxlen"];

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Source,
    Sink,
    /// Takes every address the other two take.
    Observer,
}

/// Where the ids of sent entries come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ids {
    /// From the server.
    #[default]
    Auto,
    /// From the recording.
    Keep,
}

/// A reader that shares the work with others.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub(super) group: String,
    pub(super) consumer: String,
}

/// Everything an address says.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) address: Address,
    pub(super) client: Client,
    credentials: Option<Credentials>,
    /// The name of the master, when the hosts of the address are Sentinels.
    pub(super) sentinel: Option<String>,
    pub(super) connect_timeout: Duration,
    /// The field of the payload.
    pub(super) field: Option<String>,
    pub(super) membership: Option<Membership>,
    /// Reading begins right after this entry.
    pub(super) after: Option<EntryId>,
    pub(super) ids: Ids,
    pub(super) maxlen: Option<u32>,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// When an option is unknown or cannot be used, or a file of certificates cannot be read.
    pub(super) fn read(
        address: &Address,
        credentials: Option<&Credentials>,
        connect_timeout: Duration,
        role: Role,
    ) -> Result<Self, EndpointError> {
        let options = checked(address, role)?;
        Ok(Self {
            client: client(address, credentials, &options)?,
            credentials: credentials.cloned(),
            sentinel: options.text("sentinel").map(str::to_owned),
            address: address.clone(),
            connect_timeout,
            field: field(&options)?,
            membership: membership(&options)?,
            after: match options.text("after") {
                None => None,
                Some(text) => Some(EntryId::parse(text).ok_or_else(|| {
                    options.wrong("after", text, "the id of an entry, such as `1793491200000-0`")
                })?),
            },
            ids: match options.text("id") {
                None | Some("auto") => Ids::Auto,
                Some("keep") => Ids::Keep,
                Some(text) => return Err(options.wrong("id", text, "`auto` or `keep`")),
            },
            maxlen: options.number("maxlen", 0..=u32::MAX)?,
        })
    }

    /// The client of another node of the same cluster, let in by the same means.
    ///
    /// # Errors
    /// When a file of certificates cannot be read any more.
    pub(super) fn client_of(&self, node: &Address) -> Result<Client, EndpointError> {
        client(node, self.credentials.as_ref(), &checked(node, Role::Observer)?)
    }

    /// How connections are encrypted that the client library does not make.
    ///
    /// # Errors
    /// When certificates or a key cannot be read or used.
    pub(super) fn encryption(&self) -> Result<rustls::ClientConfig, EndpointError> {
        let options = checked(&self.address, Role::Observer)?;
        let authorities = options.text("ca").map(tls::read_authorities).transpose()?;
        tls::client_config(authorities.as_deref(), tls::Identity::of(&options)?.as_ref())
    }

    /// The streams the path names.
    pub(super) fn streams(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.address.path.split(',').filter(|name| !name.is_empty()) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }
}

/// The client of a server that is not told who we are.
///
/// # Errors
/// When a file of certificates cannot be read.
pub(super) fn client_without_login(node: &Address) -> Result<Client, EndpointError> {
    client(node, None, &checked(node, Role::Observer)?)
}

/// The options of an address, their names checked.
///
/// # Errors
/// The first unknown one.
pub(super) fn checked(address: &Address, role: Role) -> Result<AddressOptions<'_>, EndpointError> {
    let mut known = OF_ALL.to_vec();
    if role != Role::Sink {
        known.extend(OF_SOURCES);
    }
    if role != Role::Source {
        known.extend(OF_SINKS);
    }
    let others: (&[_], _) =
        if role == Role::Sink { (&OF_SOURCES, "reading") } else { (&OF_SINKS, "sending") };
    let options = AddressOptions::of_role(address, &known, others)?;
    match options.text("sentinel") {
        Some("") => Err(options.wrong("sentinel", "", "the name of a master, such as `mymaster`")),
        None if !address.more_hosts.is_empty() => {
            let message = format!("`{address}` names several hosts, which only Sentinels may be");
            let mut error = EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help("add `?sentinel=NAME`, the name of the master; of a cluster one node is enough");
            let written = mask(&address.written);
            // From the first comma between hosts to the end of them.
            let more = hosts_part(&written).and_then(|hosts| {
                written[hosts.clone()].find(',').map(|comma| hosts.start + comma..hosts.end)
            });
            error.wrong = more.map(|more| Box::new((written, more)));
            Err(error)
        }
        _ => Ok(options),
    }
}

fn field(options: &AddressOptions) -> Result<Option<String>, EndpointError> {
    match options.text("field") {
        Some(text @ ("" | "key" | "content_type" | "eddy")) => {
            Err(options.wrong("field", text, "the name of a field that may hold the payload, such as `data`"))
        }
        other => Ok(other.map(str::to_owned)),
    }
}

fn membership(options: &AddressOptions) -> Result<Option<Membership>, EndpointError> {
    match (options.text("group"), options.text("consumer")) {
        (None, None) => Ok(None),
        (Some(text @ ""), _) => Err(options.wrong("group", text, "the name of a consumer group")),
        (_, Some(text @ "")) => {
            Err(options.wrong("consumer", text, "a name among the consumers of the group"))
        }
        (None, Some(text)) => Err(options.wrong("consumer", text, "`group=NAME` beside it")),
        (Some(group), consumer) => {
            Ok(Some(Membership { group: group.to_owned(), consumer: consumer.unwrap_or("eddy").to_owned() }))
        }
    }
}

fn client(
    address: &Address,
    credentials: Option<&Credentials>,
    options: &AddressOptions,
) -> Result<Client, EndpointError> {
    let mut login = RedisConnectionInfo::default()
        .set_lib_name("eddy", env!("CARGO_PKG_VERSION"))
        .set_db(i64::from(options.number("db", 0..=1_000_000)?.unwrap_or(0)));
    if let Some(found) = address.credentials.as_ref().or(credentials) {
        login = login.set_password(&found.password);
        if !found.username.is_empty() {
            login = login.set_username(&found.username);
        }
    }
    tls::refuse_without_encryption(options, address, "rediss://")?;
    let place = if address.tls {
        ConnectionAddr::TcpTls {
            host: address.host.clone(),
            port: address.port,
            insecure: false,
            tls_params: None,
        }
    } else {
        ConnectionAddr::Tcp(address.host.clone(), address.port)
    };
    let certificates = certificates(options)?;
    let information = place.into_connection_info().map(|information| information.set_redis_settings(login));
    let made = information.and_then(|information| {
        if address.tls {
            // Which library does the arithmetic is decided once per process; whoever was first has decided the same.
            let _ = rustls::crypto::ring::default_provider().install_default();
            Client::build_with_tls(information, certificates)
        } else {
            Client::open(information)
        }
    });
    made.map_err(|error| {
        if !error.is_io_error() {
            return failure::connect(&error, address);
        }
        let message = format!("the certificates for `{address}` cannot be used: {error}");
        EndpointError::new(EndpointErrorKind::Malformed, message)
            .help("`ca`, `cert` and `key` name PEM files; `cert` and `key` belong together")
    })
}

fn certificates(options: &AddressOptions) -> Result<TlsCertificates, EndpointError> {
    let root_cert = options.text("ca").map(tls::read_authorities).transpose()?;
    let client_tls = match (options.text("cert"), options.text("key")) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            Some(ClientTlsConfig { client_cert: file("cert", certificate)?, client_key: file("key", key)? })
        }
        (Some(text), None) => return Err(options.wrong("cert", text, "`key=FILE` beside it")),
        (None, Some(text)) => return Err(options.wrong("key", text, "`cert=FILE` beside it")),
    };
    Ok(TlsCertificates { client_tls, root_cert })
}

fn file(option: &str, path: &str) -> Result<Vec<u8>, EndpointError> {
    std::fs::read(path).map_err(|error| {
        EndpointError::new(EndpointErrorKind::File, format!("cannot read `{path}`: {error}"))
            .help(format!("`{option}` names a PEM file"))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Role, Settings};
    use crate::endpoint::Address;

    fn read(text: &str, role: Role) -> Result<Settings, (String, String)> {
        let address = Address::parse(text).expect("an address");
        let read = Settings::read(&address, None, Duration::from_secs(1), role);
        read.map_err(|error| (error.message, error.help.unwrap_or_default()))
    }

    #[test]
    fn streams_are_a_list_without_repeats() {
        let settings = read("redis://h/a,b,,a?db=3&field=data", Role::Source).expect("settings");
        assert_eq!(settings.streams(), ["a", "b"]);
        assert_eq!(settings.field.as_deref(), Some("data"));
        assert_eq!(settings.client.get_connection_info().redis_settings().db(), 3);
    }

    #[test]
    fn a_password_alone_is_the_default_users() {
        let settings = read("redis://:secret@h/a", Role::Sink).expect("settings");
        let login = settings.client.get_connection_info().redis_settings();
        assert_eq!((login.username(), login.password()), (None, Some("secret")));
        assert_eq!(settings.address.to_string(), "redis://:***@h:6379/a");
    }

    #[test]
    fn hosts_beyond_the_first_are_underlined_where_only_one_may_be() {
        let address = Address::parse("redis://me:pw@a:1,b:2,c/s?db=1").expect("an address");
        let error =
            Settings::read(&address, None, Duration::from_secs(1), Role::Source).expect_err("several");
        let (text, range) = *error.wrong.expect("a mark");
        assert_eq!((text.as_str(), &text[range]), ("redis://me:***@a:1,b:2,c/s?db=1", ",b:2,c"));
    }

    #[test]
    fn wrong_options_are_named_with_the_right_form() {
        for (url, role, message, help) in [
            ("redis://h/a?gruop=x", Role::Source, "unknown option `gruop`", "did you mean `group`?"),
            ("redis://h/a?maxlen=9", Role::Source, "`maxlen` in the address", "leave it out"),
            ("redis://h/a?id=same", Role::Sink, "`id=same`", "`auto` or `keep`"),
            ("redis://h/a?db=x", Role::Sink, "`db=x`", "a whole number"),
            ("redis://h/a?after=x", Role::Source, "`after=x`", "`1793491200000-0`"),
            ("redis://h/a?consumer=x", Role::Source, "`consumer=x`", "`group=NAME`"),
            ("redis://h/a?group=", Role::Source, "`group=`", "name of a consumer group"),
            ("redis://h/a?field=key", Role::Source, "`field=key`", "such as `data`"),
            ("redis://h/a?ca=x", Role::Source, "`ca` of", "`rediss://`"),
            ("rediss://h/a?cert=x", Role::Sink, "`cert=x`", "`key=FILE`"),
        ] {
            let (said, advice) = read(url, role).expect_err(url);
            assert!(said.contains(message) && advice.contains(help), "{url}: {said} / {advice}");
        }
    }
}
