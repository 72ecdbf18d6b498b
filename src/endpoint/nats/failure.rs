//! What went wrong on a NATS connection, in the words of a user, with the next step.

use std::error::Error;

use async_nats::{ConnectError, ConnectErrorKind};

use super::access;
use crate::endpoint::tls::{DISTRUST_HELP, distrust, refusal};
use crate::endpoint::{Address, EndpointError, EndpointErrorKind as Kind};

/// The connection could not be made.
pub(super) fn connect(error: &ConnectError, address: &Address) -> EndpointError {
    let cause = root_cause(error);
    if let Some(what) = distrust(&cause) {
        let message = format!("no encrypted connection to `{address}`: {what}");
        return EndpointError::new(Kind::Unauthorised, message).help(DISTRUST_HELP);
    }
    if let Some((what, help)) = refusal(&cause) {
        let message = format!("no encrypted connection to `{address}`: {what}");
        return EndpointError::new(Kind::Unauthorised, message).help(help);
    }
    // What a server without TLS says is no part of a greeting.
    if address.tls && cause.contains("InvalidContentType") {
        let message = format!("`{address}` speaks NATS without encryption");
        return EndpointError::new(Kind::Unauthorised, message)
            .help("write `nats://`, or `jetstream+nats://`, or give the server a certificate (`tls` in its configuration)");
    }
    let (not_let_in, not_let_in_help) = access::not_let_in(address);
    let (kind, what, help) = match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            (Kind::Unauthorised, not_let_in, not_let_in_help)
        }
        ConnectErrorKind::TimedOut => (
            Kind::Timeout,
            "did not greet us in time".to_owned(),
            "is it a NATS port, and does a firewall let us through?",
        ),
        ConnectErrorKind::Tls => (
            Kind::Unauthorised,
            format!("agrees on no encryption: {cause}"),
            "name the certificates to trust with `?ca=FILE`",
        ),
        ConnectErrorKind::Dns => (
            Kind::Unreachable,
            format!("cannot be found: {cause}"),
            "check the host name in the address, as in `nats://HOST:4222`",
        ),
        ConnectErrorKind::ServerParse | ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => (
            Kind::Unreachable,
            format!("does not answer: {cause}"),
            "is a NATS server listening there? `nats-server -js` starts one",
        ),
    };
    EndpointError::new(kind, format!("`{address}` {what}")).help(help)
}

fn root_cause(error: &dyn Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The connection broke; the client makes a new one by itself.
pub(super) fn disconnected(address: &Address) -> EndpointError {
    EndpointError::new(Kind::Disconnected, format!("the connection to `{address}` was lost"))
}

/// The connection broke before the server said anything about the event.
pub(super) fn unanswered() -> EndpointError {
    EndpointError::new(Kind::Disconnected, "the connection was lost before the server acknowledged the event")
}

/// The server said nothing about the event for too long.
pub(super) fn late(address: &Address) -> EndpointError {
    EndpointError::new(Kind::Timeout, format!("no receipt from `{address}` in time"))
}

/// The server sent a refusal that names a subject.
pub(super) fn forbidden(words: &str, address: &Address) -> EndpointError {
    EndpointError::new(Kind::Unauthorised, format!("`{address}` says: {words}"))
        .help("give the user the permission in the server's configuration, or use another user")
}

/// The event is larger than the server takes.
pub(super) fn too_large(size: usize, limit: usize) -> EndpointError {
    EndpointError::new(
        Kind::TooLarge,
        format!("an event of {size} bytes is larger than the {limit} bytes the server takes"),
    )
    .help("raise `max_payload` of the server, or leave the event out")
}

/// A subject that cannot be published to or subscribed to.
pub(super) fn bad_subject(subject: &str) -> EndpointError {
    EndpointError::new(Kind::Rejected, format!("`{subject}` is not a subject"))
        .help("a subject is words joined by `.`, without blanks; wildcards `*` and `>` are for reading only")
}

/// A JetStream request failed.
pub(super) fn request(what: &str, error: &dyn Error, address: &Address) -> EndpointError {
    let cause = root_cause(error);
    // Nobody listening on the JetStream subjects is how a server without it answers.
    let nobody = ["no responders", "JetStream resource does not exist"];
    if nobody.iter().any(|words| cause.contains(words)) {
        return EndpointError::new(Kind::Unsupported, format!("`{address}` has no JetStream"))
            .help("start the server with `nats-server -js`, or use `nats://` for subjects without streams");
    }
    let kind = if cause.contains("timed out") { Kind::Timeout } else { Kind::Rejected };
    EndpointError::new(kind, format!("`{address}` could not {what}: {cause}"))
}
