//! What an MQTT address and its options ask for, checked before anything is sent.

use std::time::Duration;

use super::failure;
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::tls;
use crate::endpoint::{
    Address, Credentials, ENDS, EndpointError, EndpointErrorKind, SinkOptions, SourceOptions, Start, Stop,
};

/// Options an MQTT address may have.
const OPTIONS: [&str; 10] =
    ["ca", "cert", "clean", "client-id", "dynamic-security", "keep-alive", "key", "qos", "retain", "version"];
/// Those that count only when events are sent.
const SENDING: [&str; 1] = ["mode"];

/// The protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// 5.0.
    V5,
    /// 3.1.1.
    V3,
}

/// A subscription.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) filter: String,
    pub(super) qos: u8,
    /// Whether retained messages are wanted.
    pub(super) retained: bool,
}

/// What a session is opened with.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) address: Address,
    pub(super) version: Version,
    pub(super) client_id: String,
    /// The broker forgets the session when we leave.
    pub(super) clean: bool,
    /// Seconds between signs of life; 0 is never.
    pub(super) keep_alive: u16,
    pub(super) qos: Option<u8>,
    pub(super) retain: Option<bool>,
    pub(super) credentials: Option<Credentials>,
    /// Certificates to trust, PEM; `None` is those of the platform.
    pub(super) authorities: Option<Vec<u8>>,
    /// Our own certificate, where the broker asks for one.
    pub(super) identity: Option<tls::Identity>,
    pub(super) connect_timeout: Duration,
    /// The dynamic security plugin of Mosquitto may be asked about permissions.
    pub(super) dynamic_security: bool,
    pub(super) subscription: Option<Subscription>,
}

impl Settings {
    /// The settings of a source: a topic filter is needed.
    pub(super) fn for_source(address: &Address, options: &SourceOptions) -> Result<Self, EndpointError> {
        refuse_seeking(address, options)?;
        AddressOptions::of_role(address, &OPTIONS, (&SENDING, "sending"))?;
        failure::check_filter(&address.path, address)?;
        if address.path.is_empty() {
            let message = format!("`{address}` names no topic to subscribe to");
            return Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help(format!("write a topic or filter after the host: `{address}/#` takes every topic")));
        }
        let mut settings = Self::read(address, options.credentials.as_ref(), options.connect_timeout)?;
        settings.subscription = Some(Subscription {
            filter: address.path.clone(),
            qos: settings.qos.unwrap_or(1),
            retained: options.start != Start::End,
        });
        Ok(settings)
    }

    /// The settings of a sink: the path is a topic or empty.
    pub(super) fn for_sink(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        if let Some(at) = address.path.find(['+', '#']) {
            let message = format!("`{address}` is a filter; events are sent to one topic");
            let error = EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help("leave the topic out to send each event to its own channel");
            return Err(address.refuse_path(at..at + 1, error));
        }
        Self::read(address, options.credentials.as_ref(), options.connect_timeout)
    }

    /// The settings of a probe: the path does not matter.
    pub(super) fn for_probe(
        address: &Address,
        credentials: Option<&Credentials>,
        connect_timeout: Duration,
    ) -> Result<Self, EndpointError> {
        Self::read(address, credentials, connect_timeout)
    }

    fn read(
        address: &Address,
        credentials: Option<&Credentials>,
        connect_timeout: Duration,
    ) -> Result<Self, EndpointError> {
        let options = options_of(address)?;
        tls::refuse_without_encryption(&options, address, "mqtts://")?;
        let version = version(&options)?;
        let clean = options.flag("clean")?.unwrap_or(true);
        let client_id = options.text("client-id").map(str::to_owned);
        if !clean && client_id.is_none() {
            let message = format!("`clean=false` in `{address}` needs a client id to come back to");
            return Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help("add `&client-id=NAME`, a name no other client uses"));
        }
        let qos = options.number("qos", 0..=2)?.and_then(|qos| u8::try_from(qos).ok());
        let keep_alive = options.number("keep-alive", 0..=65_535)?.unwrap_or(30);
        Ok(Self {
            address: address.clone(),
            version,
            client_id: client_id.unwrap_or_else(random_client_id),
            clean,
            keep_alive: u16::try_from(keep_alive).unwrap_or(u16::MAX),
            qos,
            retain: options.flag("retain")?,
            credentials: address.credentials.clone().or_else(|| credentials.cloned()),
            authorities: options.text("ca").map(tls::read_authorities).transpose()?,
            identity: tls::Identity::of(&options)?,
            connect_timeout,
            dynamic_security: options.flag("dynamic-security")?.unwrap_or(false),
            subscription: None,
        })
    }
}

/// The version an address asks for.
///
/// # Errors
/// When there is no such version, or an option is unknown.
pub(super) fn version_of(address: &Address) -> Result<Version, EndpointError> {
    version(&options_of(address)?)
}

fn options_of(address: &Address) -> Result<AddressOptions<'_>, EndpointError> {
    AddressOptions::new(address, &[&OPTIONS[..], &SENDING].concat())
}

fn version(options: &AddressOptions<'_>) -> Result<Version, EndpointError> {
    match options.text("version") {
        None | Some("5" | "5.0") => Ok(Version::V5),
        Some("3.1.1") => Ok(Version::V3),
        Some(other) => Err(options.wrong("version", other, "`5` or `3.1.1`")),
    }
}

fn random_client_id() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("eddy-{}", &random[..12])
}

/// A live broker has no past to seek in.
fn refuse_seeking(address: &Address, options: &SourceOptions) -> Result<(), EndpointError> {
    let what = match (options.start, options.stop) {
        (Start::Offset(_), _) => "begin at an offset",
        (Start::Time(_), _) => "begin at a time",
        (Start::Last(_), _) => "read the last events",
        (_, Stop::PresentEnd) => "know where its present end is",
        (_, Stop::Offset(_)) => "stop at an offset",
        (Start::Default | Start::Beginning | Start::End, Stop::Never | Stop::Time(_)) => return Ok(()),
    };
    let message = format!("MQTT keeps no events, so `{address}` cannot {what}");
    Err(EndpointError::new(EndpointErrorKind::Unsupported, message).help(format!(
        "leave `--from` out; {ENDS}. What was recorded with `eddy record` can be read from any place"
    )))
}

#[cfg(test)]
mod tests {
    use super::{Version, version_of};
    use crate::endpoint::Address;

    #[test]
    fn a_version_has_one_name() {
        let version = |text: &str| version_of(&Address::parse(text).expect(text));
        assert_eq!(version("mqtt://h/x?version=3.1.1").ok(), Some(Version::V3));
        assert_eq!(version("mqtt://h/x?version=5").ok(), Some(Version::V5));
        let error = version("mqtt://h/x?version=4").expect_err("the number on the wire");
        assert_eq!(error.help.as_deref(), Some("write `5` or `3.1.1`"));
    }
}
