//! What went wrong on an MQTT connection, in the words of a user, with the next step.

use std::io;
use std::ops::Range;

use super::message::MAX_TEXT;
use super::settings::Settings;
use crate::endpoint::address_path::parts;
use crate::endpoint::{Address, EndpointError, EndpointErrorKind, tls as encryption};

/// Why a broker does not take us, as both versions say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The user or password is wrong.
    Credentials,
    /// The user may not.
    Forbidden,
    /// The protocol version is not spoken.
    Version,
    /// The client id is not taken.
    ClientId,
    /// Not now.
    Busy,
    /// Anything else.
    Other,
}

/// A failure of the socket. `connected` tells a loss from an attempt.
pub(super) fn socket(error: &io::Error, address: &Address, connected: bool) -> EndpointError {
    if connected {
        let message = format!("the connection to `{address}` was lost: {error}");
        let lost = EndpointError::new(EndpointErrorKind::Disconnected, message);
        let is_closed = error.kind() == io::ErrorKind::ConnectionAborted;
        return if is_closed { named_by_another(lost, address) } else { lost };
    }
    if let Some(trouble) = encryption::trouble(&error.to_string(), address) {
        return trouble;
    }
    let (what, help) = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            ("connection refused".to_owned(), "is a broker listening there? `eddy broker` starts one")
        }
        // A broker that misses a client certificate may be gone before its reason arrives.
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof
            if address.tls && address.option("cert").is_none() =>
        {
            (
                "it closed the connection; it may ask for a client certificate, or have no TLS on this port"
                    .to_owned(),
                "name one with `?cert=FILE&key=FILE`, or write `mqtt://` for a port without TLS",
            )
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof => {
            ("it closed the connection during the greeting".to_owned(), NO_MQTT_HELP)
        }
        io::ErrorKind::InvalidData => (error.to_string(), TLS_HELP),
        _ => (error.to_string(), "check the host name and the port in the address"),
    };
    let message = format!("cannot connect to `{address}`: {what}");
    EndpointError::new(EndpointErrorKind::Unreachable, message).help(help)
}

/// A broker lets the last one in of those who give the same name, and few say so to the other.
pub(super) fn named_by_another(lost: EndpointError, address: &Address) -> EndpointError {
    match address.option("client-id") {
        Some(name) => lost.help(format!(
            "does another client call itself `{name}`? a broker keeps one of each `client-id`"
        )),
        None => lost,
    }
}

const NO_MQTT_HELP: &str =
    "is it an MQTT port? an old broker may need `?version=3.1.1`, a TLS port `mqtts://`";

const TLS_HELP: &str =
    "name the certificates to trust with `?ca=FILE`, or use `mqtt://` where the port has no encryption";

/// The broker closed the connection, or answered nothing.
pub(super) fn closed(address: &Address, connected: bool) -> EndpointError {
    socket(&io::Error::new(io::ErrorKind::ConnectionAborted, "closed by the broker"), address, connected)
}

/// Encryption could not be agreed on.
pub(super) fn tls(what: &str, address: &Address) -> EndpointError {
    if let Some(trouble) = encryption::trouble(what, address) {
        return trouble;
    }
    // What a broker without TLS says is no part of a greeting.
    if what.contains("InvalidContentType") {
        let message = format!("`{address}` speaks MQTT without encryption");
        return EndpointError::new(EndpointErrorKind::Unauthorised, message)
            .help("write `mqtt://`, or name the port that has TLS, 8883 as a rule");
    }
    let message = format!("no encrypted connection to `{address}`: {what}");
    EndpointError::new(EndpointErrorKind::Unauthorised, message).help(TLS_HELP)
}

/// No answer in time.
pub(super) fn timeout(address: &Address) -> EndpointError {
    EndpointError::new(EndpointErrorKind::Timeout, format!("`{address}` did not answer in time"))
        .help("is it an MQTT port, and does a firewall let us through?")
}

/// The broker did not greet us in the time allowed.
pub(super) fn silent(settings: &Settings) -> EndpointError {
    let seconds = settings.connect_timeout.as_secs_f32();
    let message = format!("`{}` did not greet us within {seconds:.1} s", settings.address);
    EndpointError::new(EndpointErrorKind::Timeout, message)
        .help("is it an MQTT port, and does a firewall let us through?")
}

/// The event is larger than what the broker takes, or than any message may be.
pub(super) fn too_large(size: usize, limit: u32) -> EndpointError {
    let words = format!("an event of {size} bytes is larger than the {limit} bytes the broker takes");
    EndpointError::new(EndpointErrorKind::TooLarge, words)
        .help("raise the broker's packet limit, or leave the event out")
}

/// What to do where a broker does not know who we say we are.
const LOGIN_HELP: &str =
    "check what you log in with: `mqtt://USER:PASSWORD@HOST/…`, or `auth` of the environment in `eddy.yaml`";

/// The broker greeted us with a no.
pub(super) fn refusal(refusal: Refusal, reason: &str, settings: &Settings) -> EndpointError {
    use EndpointErrorKind as Kind;
    let address = &settings.address;
    let (kind, what, help) = match refusal {
        Refusal::Credentials => (Kind::Unauthorised, "does not accept the user name or password", LOGIN_HELP),
        // Many brokers have this one answer for a wrong password too.
        Refusal::Forbidden if settings.credentials.is_some() => {
            (Kind::Unauthorised, "does not let us in", LOGIN_HELP)
        }
        Refusal::Forbidden => (
            Kind::Unauthorised,
            "does not let us in",
            "does it ask for a user and a password? write `mqtt://USER:PASSWORD@HOST/…`",
        ),
        Refusal::Version => (
            Kind::Unsupported,
            "does not speak this version of MQTT",
            "add `?version=3.1.1` to the address, or `?version=5`",
        ),
        Refusal::ClientId => {
            (Kind::Unsupported, "does not take the client id", "name another with `?client-id=NAME`")
        }
        Refusal::Busy => (Kind::Unreachable, "cannot take us now", "try again later"),
        Refusal::Other => (Kind::Rejected, "refused the connection", "the broker's log may say more"),
    };
    EndpointError::new(kind, format!("`{address}` {what} ({reason})")).help(help)
}

/// The broker still keeps a session under this client id, and we know nothing of it.
pub(super) fn foreign_session(address: &Address) -> EndpointError {
    let message = format!("`{address}` keeps a session of an earlier client with the same client id");
    EndpointError::new(EndpointErrorKind::Rejected, message)
        .help("use another `client-id`, or leave `clean=false` out")
}

/// Bytes that are no MQTT: of a broker, or, before it has let us in, of something else that listens there.
pub(super) fn protocol(what: &str, address: &Address, connected: bool) -> EndpointError {
    // With TLS 1.3 a broker says what it has against our certificate only after the greeting.
    if let Some(trouble) = encryption::trouble(what, address) {
        return trouble;
    }
    let (kind, message) = if connected {
        (EndpointErrorKind::Malformed, format!("`{address}` does not speak MQTT as agreed: {what}"))
    } else {
        (
            EndpointErrorKind::Unreachable,
            format!("cannot connect to `{address}`: what it says is no greeting of MQTT"),
        )
    };
    EndpointError::new(kind, message).help(NO_MQTT_HELP)
}

/// The event was on its way when the session ended; whether it arrived is not known.
pub(super) fn session_reset() -> EndpointError {
    EndpointError::new(
        EndpointErrorKind::Disconnected,
        "the connection was lost before the broker acknowledged the event",
    )
}

/// The broker said no to one message.
pub(super) fn publish_refused(kind: EndpointErrorKind, reason: &str) -> EndpointError {
    let error = EndpointError::new(kind, format!("the broker refused the event ({reason})"));
    if kind == EndpointErrorKind::Unauthorised {
        return error.help(
            "may this user write to that topic? give it the permission in the broker's access list, or use another user",
        );
    }
    error
}

/// The broker said no to the subscription.
pub(super) fn subscription_refused(filter: &str, reason: &str, address: &Address) -> EndpointError {
    let kind = if reason.contains("NotAuthorized") {
        EndpointErrorKind::Unauthorised
    } else {
        EndpointErrorKind::Rejected
    };
    EndpointError::new(kind, format!("`{address}` refused the subscription to `{filter}` ({reason})"))
        .help("may this user read that topic, and does the broker allow such a filter?")
}

/// Refuses a filter that is none before anything is sent.
///
/// # Errors
/// When wildcards stand where MQTT does not have them, or it cannot be written.
pub(super) fn check_filter(filter: &str, address: &Address) -> Result<(), EndpointError> {
    let refused = |help: &str| {
        EndpointError::new(EndpointErrorKind::Unsupported, format!("`{filter}` is no topic filter"))
            .help(help)
    };
    if let Some(level) = level_with_misplaced_wildcard(filter) {
        let error = refused(
            "`#` may stand only at the end, and `#` and `+` only as a whole level: `shop/+/orders`, `shop/#`",
        );
        return Err(address.refuse_path(level, error));
    }
    if filter.len() > MAX_TEXT || filter.contains('\0') {
        return Err(refused("MQTT has filters of up to 65535 bytes, without U+0000"));
    }
    Ok(())
}

/// Where the first level is that has a wildcard where MQTT has none.
fn level_with_misplaced_wildcard(filter: &str) -> Option<Range<usize>> {
    let last = filter.split('/').count() - 1;
    let is_wrong = |number: usize, level: &str| match level {
        "+" => false,
        "#" => number != last,
        _ => level.contains(['#', '+']),
    };
    let mut levels = parts(filter, '/').enumerate();
    levels.find(|(number, (_, level))| is_wrong(*number, level)).map(|(_, (place, _))| place)
}

#[cfg(test)]
mod tests {
    use super::{LOGIN_HELP, Refusal, check_filter, publish_refused, refusal};
    use crate::endpoint::mqtt::settings::Settings;
    use crate::endpoint::{Address, Credentials, EndpointErrorKind};

    #[test]
    fn a_wildcard_in_the_wrong_place_is_underlined() {
        for (text, wrong) in [
            ("mqtt://h/a/+/b/#", None),
            ("mqtt://h/$share/g/a", None),
            ("mqtt://h/a#b", Some("a#b")),
            ("mqtt://h/a/+b", Some("+b")),
            ("mqtt://h/#/+?qos=1", Some("#")),
        ] {
            let address = Address::parse(text).expect(text);
            let error = check_filter(&address.path, &address).err();
            assert!(error.as_ref().is_none_or(|error| error.kind == EndpointErrorKind::Unsupported));
            let marked = error.and_then(|error| error.wrong).map(|wrong| wrong.0[wrong.1].to_owned());
            assert_eq!(marked.as_deref(), wrong, "{text}");
        }
    }

    #[test]
    fn who_has_logged_in_is_told_to_look_at_that() {
        let address = Address::parse("mqtt://h/a").expect("an address");
        let credentials = Credentials { username: "ann".to_owned(), password: "wr0ng".to_owned() };
        let help = |credentials: Option<&Credentials>| {
            let settings = Settings::for_probe(&address, credentials, std::time::Duration::ZERO);
            refusal(Refusal::Forbidden, "NotAuthorized", &settings.expect("settings")).help.expect("help")
        };
        assert_eq!(help(Some(&credentials)), LOGIN_HELP);
        assert!(help(None).starts_with("does it ask for a user and a password?"));
        let forbidden = publish_refused(EndpointErrorKind::Unauthorised, "NotAuthorized");
        assert!(forbidden.help.expect("help").starts_with("may this user write to that topic?"));
    }
}
