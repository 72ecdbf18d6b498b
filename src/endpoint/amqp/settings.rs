//! What an AMQP address and its options ask for, checked before anything is sent.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::wire::ShortText;
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::{Address, Credentials, EndpointError, EndpointErrorKind, mask, tls};
use crate::event::percent;

/// Options an AMQP address may have.
const OPTIONS: [&str; 9] =
    ["ca", "cert", "key", "management", "peek", "prefetch", "queue", "routing-key", "window"];
/// Those that count only when events are sent.
const SENDING: [&str; 1] = ["mode"];
/// Events under way to a reader that it has not acknowledged, when the address does not say.
const PREFETCH: u32 = 1000;
/// Events under way to the server that it has not confirmed, when the address does not say.
const WINDOW: u32 = 4096;

/// How we say who we are.
#[derive(Clone, Debug)]
pub(super) enum Login {
    /// With a user and a password.
    Plain(Credentials),
    /// With the certificate the connection was encrypted with.
    External,
}

/// What a connection is made with, and what is done on it.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) address: Address,
    pub(super) virtual_host: ShortText,
    /// The exchange; empty is the default one, which leads to the queue that the routing key names.
    pub(super) exchange: String,
    pub(super) queue: Option<String>,
    pub(super) routing_key: Option<String>,
    pub(super) peek: bool,
    pub(super) prefetch: u16,
    pub(super) window: usize,
    pub(super) login: Login,
    pub(super) encryption: Option<Arc<rustls::ClientConfig>>,
    /// Whether we show a certificate.
    pub(super) certified: bool,
    pub(super) management: Option<url::Url>,
    pub(super) connect_timeout: Duration,
}

impl Settings {
    /// The routing key of all events, when the address names one; to the default exchange it is the name of a queue.
    pub(super) fn key_of_all(&self) -> Option<&str> {
        self.queue.as_deref().or(self.routing_key.as_deref())
    }

    /// Reads them.
    ///
    /// # Errors
    /// When an option is unknown, cannot be used, or contradicts another, or a file cannot be read.
    pub(super) fn read(
        address: &Address,
        credentials: Option<&Credentials>,
        connect_timeout: Duration,
    ) -> Result<Self, EndpointError> {
        let options = options_of(address)?;
        let (host_part, exchange_part) = parts_of(&address.path);
        let (mut virtual_host, exchange) = (
            percent::decode_text(&address.path[host_part.clone()]),
            percent::decode_text(&address.path[exchange_part.clone()]),
        );
        if virtual_host.is_empty() {
            "/".clone_into(&mut virtual_host);
        }
        short(&exchange, "exchange").map_err(|error| address.refuse_path(exchange_part, error))?;
        let text = |name: &str| options.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let (queue, routing_key) = (text("queue"), text("routing-key"));
        if queue.is_some() && (routing_key.is_some() || !exchange.is_empty()) {
            let message = format!("`{address}` names a queue and an exchange or a routing key");
            let error = EndpointError::new(EndpointErrorKind::Unsupported, message).help(
                "name either a queue, `?queue=NAME`, or an exchange, `/VHOST/EXCHANGE?routing-key=KEY`",
            );
            return Err(options.marked("queue", error));
        }
        let known = address.credentials.clone().or_else(|| credentials.cloned());
        tls::refuse_without_encryption(&options, address, "amqps://")?;
        let identity = tls::Identity::of(&options)?;
        let login = match known {
            Some(known) => Login::Plain(known),
            None if identity.is_some() => Login::External,
            None => Login::Plain(Credentials { username: "guest".to_owned(), password: "guest".to_owned() }),
        };
        let encryption = if address.tls {
            let authorities = options.text("ca").map(tls::read_authorities).transpose()?;
            Some(Arc::new(tls::client_config(authorities.as_deref(), identity.as_ref())?))
        } else {
            None
        };
        let prefetch = options.number("prefetch", 1..=65_535)?.unwrap_or(PREFETCH);
        let window = options.number("window", 1..=1_000_000)?.unwrap_or(WINDOW);
        Ok(Self {
            virtual_host: short(&virtual_host, "virtual host")
                .map_err(|error| address.refuse_path(host_part, error))?,
            exchange,
            queue,
            routing_key,
            peek: options.flag("peek")?.unwrap_or(false),
            prefetch: u16::try_from(prefetch).unwrap_or(u16::MAX),
            window: usize::try_from(window).unwrap_or(usize::MAX),
            login,
            encryption,
            certified: identity.is_some(),
            management: management(&options)?,
            connect_timeout,
            address: address.clone(),
        })
    }

    /// The virtual host as text.
    pub(super) fn virtual_host_name(&self) -> String {
        String::from_utf8_lossy(self.virtual_host.bytes()).into_owned()
    }
}

/// Where in a path the virtual host and the exchange stand.
pub(super) fn parts_of(path: &str) -> (Range<usize>, Range<usize>) {
    let end = path.find('/').unwrap_or(path.len());
    (0..end, (end + 1).min(path.len())..path.len())
}

/// A name the protocol can carry.
///
/// # Errors
/// When it is longer than that.
pub(super) fn short(text: &str, what: &str) -> Result<ShortText, EndpointError> {
    ShortText::new(text).ok_or_else(|| {
        let message = format!("the {what} has {} bytes, and AMQP takes 255", text.len());
        EndpointError::new(EndpointErrorKind::Rejected, message).help("shorten it")
    })
}

/// Whether an address can be used, without reading the files it names.
///
/// # Errors
/// When an option is unknown.
pub(super) fn check(address: &Address) -> Result<(), EndpointError> {
    management(&options_of(address)?).map(drop)
}

/// Where the management interface is, when the address says it.
///
/// # Errors
/// When that is no URL of a web server.
fn management(options: &AddressOptions<'_>) -> Result<Option<url::Url>, EndpointError> {
    let Some(text) = options.text("management").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.map(Some).ok_or_else(|| {
        let error = options.wrong("management", &mask(text), "a URL such as `http://HOST:15672`");
        // Who we are there is not shown, not even where it is underlined.
        EndpointError { wrong: error.wrong.filter(|_| !text.contains('@')), ..error }
    })
}

/// Whether events can be read from an address with these options.
///
/// # Errors
/// When an option is unknown, or counts only when events are sent.
pub(super) fn check_reading(address: &Address) -> Result<(), EndpointError> {
    AddressOptions::of_role(address, &OPTIONS, (&SENDING, "sending")).map(drop)
}

fn options_of(address: &Address) -> Result<AddressOptions<'_>, EndpointError> {
    AddressOptions::new(address, &[&OPTIONS[..], &SENDING].concat())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Login, Settings};
    use crate::endpoint::{Address, EndpointError};

    fn read(text: &str) -> Result<Settings, EndpointError> {
        let address = Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        Settings::read(&address, None, Duration::ZERO)
    }

    #[test]
    fn paths_name_a_virtual_host_and_an_exchange() {
        for (text, virtual_host, exchange) in [
            ("amqp://h", "/", ""),
            ("amqp://h/", "/", ""),
            ("amqp://h/%2F", "/", ""),
            ("amqp://h/%2f/shop", "/", "shop"),
            ("amqp://h//shop", "/", "shop"),
            ("amqp://h/staging", "staging", ""),
            ("amqp://h/a%2Fb/c%2Fd%20e?routing-key=x", "a/b", "c/d e"),
        ] {
            let settings = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let found = (settings.virtual_host_name(), settings.exchange.as_str().to_owned());
            assert_eq!(found, (virtual_host.to_owned(), exchange.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_queue_beside_an_exchange_is_underlined() {
        let error = read("amqp://h/%2F/shop?queue=q").expect_err("both");
        let (text, range) = *error.wrong.expect("a mark");
        assert_eq!((text.as_str(), &text[range]), ("amqp://h/%2F/shop?queue=q", "q"));
    }

    #[test]
    fn a_management_interface_that_is_none_is_underlined_without_its_password() {
        let error = read("amqp://h/?management=nonsense").expect_err("no URL");
        let (text, range) = *error.wrong.expect("a mark");
        assert_eq!(&text[range], "nonsense");
        let error = read("amqp://h/?management=http://u:s3cret@h:port").expect_err("no URL");
        assert!(error.wrong.is_none() && !format!("{error:?}").contains("s3cret"), "{error:?}");
        assert!(read("amqp://h/?management=http://u:p@h:15672").is_ok());
    }

    #[test]
    fn a_name_that_is_too_long_is_underlined() {
        let long = "x".repeat(256);
        for (text, wrong) in [
            (format!("amqp://h/{long}/shop"), long.as_str()),
            (format!("amqp://h/%2F/{long}?routing-key=a"), long.as_str()),
        ] {
            let error = read(&text).expect_err("too long");
            let (written, range) = *error.wrong.expect("a mark");
            assert_eq!((&written[range], written.as_str()), (wrong, text.as_str()));
        }
    }

    #[test]
    fn contradictions_and_unknown_options_are_refused() {
        for (text, words) in [
            ("amqp://h/%2F/shop?queue=q", "either a queue"),
            ("amqp://h/?queue=q&routing-key=k", "either a queue"),
            ("amqp://h/?routing_key=k", "did you mean `routing-key`"),
            ("amqp://h/?prefetch=0", "from 1 to 65535"),
            ("amqp://h/?queue=q&management=nonsense", "`http://HOST:15672`"),
            ("amqp://h/?management=amqp://h", "`http://HOST:15672`"),
            ("amqps://h/?cert=client.pem", "key=FILE"),
            ("amqp://h/?ca=authority.pem", "`amqps://`"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.help.as_deref().is_some_and(|help| help.contains(words)), "{text}: {error:?}");
        }
        assert!(
            matches!(read("amqp://h").expect("guest").login, Login::Plain(guest) if guest.username == "guest")
        );
    }
}
