//! What went wrong on a NATS connection, in the words of a user, with the next step.

use std::error::Error;
use std::io;
use std::time::Duration;

use async_nats::{ConnectError, ConnectErrorKind};

use super::access;
use crate::endpoint::{Address, EndpointError, EndpointErrorKind as Kind, tls};

/// The client could not make the connection.
pub(super) fn connect(error: &ConnectError, address: &Address) -> EndpointError {
    let cause = root_cause(error);
    if let Some(trouble) = tls::trouble(&cause, address) {
        return trouble;
    }
    // What a server without TLS says is no part of a greeting.
    if cause.contains("InvalidContentType") {
        return without_encryption(address);
    }
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => not_let_in(address),
        ConnectErrorKind::TimedOut => {
            EndpointError::new(Kind::Timeout, format!("`{address}` did not greet us in time"))
                .help(SILENCE_HELP)
        }
        ConnectErrorKind::Tls => no_encryption(&cause, address),
        ConnectErrorKind::Dns => not_found(&cause, address),
        ConnectErrorKind::ServerParse | ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => {
            does_not_answer(&cause, address)
        }
    }
}

const SILENCE_HELP: &str = "is it a NATS port, and does a firewall let us through?";

/// Nobody could be reached there.
pub(super) fn unreachable(error: &io::Error, address: &Address) -> EndpointError {
    let cause = error.to_string();
    // The standard library has no kind of its own for it.
    if cause.contains("lookup address") {
        not_found(&cause, address)
    } else {
        does_not_answer(&cause, address)
    }
}

/// The server, or what is there, broke off during the greeting.
pub(super) fn broken_off(error: &io::Error, address: &Address) -> EndpointError {
    let cause = error.to_string();
    let trouble = tls::trouble(&cause, address);
    trouble.unwrap_or_else(|| does_not_answer(&cause, address))
}

/// Encryption could not be agreed on.
pub(super) fn encrypt(error: &io::Error, address: &Address) -> EndpointError {
    let cause = error.to_string();
    let trouble = tls::trouble(&cause, address);
    trouble.unwrap_or_else(|| match error.kind() {
        io::ErrorKind::InvalidData => no_encryption(&cause, address),
        io::ErrorKind::InvalidInput => not_found(&cause, address),
        _ => does_not_answer(&cause, address),
    })
}

/// The server did not end the greeting in time.
pub(super) fn no_greeting(address: &Address, after: Duration) -> EndpointError {
    let message = format!("`{address}` did not greet us within {} s", after.as_secs_f32());
    EndpointError::new(Kind::Timeout, message).help(SILENCE_HELP)
}

/// What is there speaks something else.
pub(super) fn no_nats(address: &Address) -> EndpointError {
    does_not_answer("what it says is no NATS", address)
}

/// The server, with which we were connected, said something else.
pub(super) fn odd_words(address: &Address) -> EndpointError {
    EndpointError::new(
        Kind::Disconnected,
        format!("`{address}` said something that is no NATS, and was left"),
    )
}

/// The server did not let us in, in its words.
pub(super) fn refused(words: &str, address: &Address) -> EndpointError {
    let lower = words.to_ascii_lowercase();
    if lower.contains("auth") && !lower.contains("timeout") {
        return not_let_in(address);
    }
    does_not_answer(&format!("it says `{words}`"), address)
}

/// There is no encryption on this port.
pub(super) fn without_encryption(address: &Address) -> EndpointError {
    if !address.tls {
        let message =
            format!("`{address}` speaks NATS without encryption, and the address names certificates");
        return EndpointError::new(Kind::Unauthorised, message).help(
            "leave `ca`, `cert` and `key` out, or give the server a certificate (`tls` in its configuration)",
        );
    }
    let message = format!("`{address}` speaks NATS without encryption");
    EndpointError::new(Kind::Unauthorised, message)
        .help("write `nats://`, or `jetstream+nats://`, or give the server a certificate (`tls` in its configuration)")
}

fn no_encryption(cause: &str, address: &Address) -> EndpointError {
    EndpointError::new(Kind::Unauthorised, format!("`{address}` agrees on no encryption: {cause}"))
        .help("name the certificates to trust with `?ca=FILE`")
}

/// The server does not know who we say we are, or nobody without a name.
pub(super) fn not_let_in(address: &Address) -> EndpointError {
    let (what, help) = access::not_let_in(address);
    EndpointError::new(Kind::Unauthorised, format!("`{address}` {what}")).help(help)
}

fn not_found(cause: &str, address: &Address) -> EndpointError {
    EndpointError::new(Kind::Unreachable, format!("`{address}` cannot be found: {cause}"))
        .help("check the host name in the address, as in `nats://HOST:4222`")
}

fn does_not_answer(cause: &str, address: &Address) -> EndpointError {
    EndpointError::new(Kind::Unreachable, format!("`{address}` does not answer: {cause}"))
        .help("is a NATS server listening there? `nats-server -js` starts one")
}

fn root_cause(error: &dyn Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The connection broke.
pub(super) fn disconnected(address: &Address) -> EndpointError {
    EndpointError::new(Kind::Disconnected, format!("the connection to `{address}` was lost"))
}

/// The server closed the connection, and said why.
pub(super) fn closed(words: &str, address: &Address) -> EndpointError {
    EndpointError::new(Kind::Disconnected, format!("`{address}` closed the connection: {words}"))
}

/// The event was not handed to the connection.
pub(super) fn not_sent(address: &Address) -> EndpointError {
    EndpointError::new(
        Kind::Unreachable,
        format!("nothing more goes to `{address}` over a connection that was given up"),
    )
}

/// The server said nothing of acknowledgements for too long.
pub(super) fn no_inbox(address: &Address, after: Duration) -> EndpointError {
    let message =
        format!("`{address}` did not say within {} s that it will acknowledge events", after.as_secs_f32());
    EndpointError::new(Kind::Timeout, message)
}

/// The connection broke before the server said anything about the event.
pub(super) fn unanswered() -> EndpointError {
    EndpointError::new(
        Kind::Disconnected,
        "the connection was lost before the server said that it has the event",
    )
}

/// The server said nothing about the event for too long.
pub(super) fn late(address: &Address) -> EndpointError {
    EndpointError::new(Kind::Timeout, format!("no receipt from `{address}` in time"))
}

/// The server sent a refusal that names a subject.
pub(super) fn forbidden(words: &str, address: &Address) -> EndpointError {
    let help = if words.contains("$JS.") || words.contains("_INBOX") {
        "who uses streams may publish to `$JS.API.STREAM.NAMES`, `$JS.API.STREAM.INFO.*`, `$JS.API.CONSUMER.>` and `$JS.ACK.>`, \
         and subscribe to `_INBOX.>`: give the user these permissions in the server's configuration, or use another user"
    } else {
        "give the user the permission in the server's configuration, or use another user"
    };
    EndpointError::new(Kind::Unauthorised, format!("`{address}` says: {words}")).help(help)
}

/// The event is larger than the server takes.
pub(super) fn too_large(size: usize, limit: usize) -> EndpointError {
    EndpointError::new(
        Kind::TooLarge,
        format!("an event of {size} bytes is larger than the {limit} bytes the server takes"),
    )
    .help("raise `max_payload` of the server, or leave the event out")
}

/// The subject does not fit into the line that announces a message.
pub(super) fn too_long(size: usize, limit: usize) -> EndpointError {
    EndpointError::new(
        Kind::Rejected,
        format!(
            "a subject of {size} bytes is too long: with that of an answer there is room for {limit} bytes"
        ),
    )
}

/// A subject that cannot be published to or subscribed to.
pub(super) fn bad_subject(subject: &str) -> EndpointError {
    EndpointError::new(Kind::Rejected, format!("`{subject}` is not a subject"))
        .help("a subject is words joined by `.`, without blanks; wildcards `*` and, at the end, `>` are for reading only")
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

/// The stream has another event of the same name, and took this one for a repeat of it.
pub(super) fn taken_for_another(sequence: u64, address: &Address) -> EndpointError {
    let message = format!(
        "`{address}` has an event of the same `Nats-Msg-Id` already (sequence {sequence}), and did not keep this one"
    );
    EndpointError::new(Kind::Rejected, message).help(
        "send it without the header or with another one, or when the stream's window for repeats is over (two minutes unless set \
         otherwise)",
    )
}

/// A stream has the name of the one that was read, and is another one.
pub(super) fn made_anew(name: &str, address: &Address) -> EndpointError {
    let message =
        format!("the stream `{name}` of `{address}` was made anew: it is read from its first event");
    EndpointError::new(Kind::Disconnected, message)
}

/// The durable consumer was deleted while events were taken through it.
pub(super) fn consumer_gone(name: &str, address: &Address) -> EndpointError {
    let message = format!("the durable consumer `{name}` of `{address}` is not there any more");
    EndpointError::new(Kind::NotFound, message).help(
        "was it deleted, or its stream? the same command makes it anew, and begins with the oldest event",
    )
}

/// The stream was deleted while it was read.
pub(super) fn not_there_any_more(name: &str, address: &Address) -> EndpointError {
    EndpointError::new(Kind::NotFound, format!("the stream `{name}` of `{address}` is not there any more"))
        .help("was it deleted, or kept in memory only by a server that was started again?")
}
