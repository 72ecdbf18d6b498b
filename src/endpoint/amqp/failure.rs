//! What went wrong on an AMQP connection, in the words of a user, with the next step.

use std::io;
use std::time::Duration;

use super::settings::parts_of;
use super::wire::{Malformed, SPEAKS_TLS};
use crate::endpoint::{Address, EndpointError, EndpointErrorKind as Kind, tls};

/// The connection could not be made.
pub(super) fn connect(error: &io::Error, address: &Address) -> EndpointError {
    let (what, help) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            "connection refused".to_owned(),
            "is a broker listening there? RabbitMQ listens on 5672, with TLS on 5671: `amqps://`",
        ),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => (
            "it closed the connection during the greeting".to_owned(),
            "is it an AMQP port? a port with TLS needs `amqps://`; a broker that is just starting needs a moment",
        ),
        _ => (error.to_string(), "check the host name and the port in the address, as in `amqp://HOST:5672`"),
    };
    EndpointError::new(Kind::Unreachable, format!("cannot connect to `{address}`: {what}")).help(help)
}

/// Encryption could not be agreed on.
pub(super) fn encrypt(error: &io::Error, address: &Address) -> EndpointError {
    let words = error.to_string();
    if let Some(trouble) = tls::trouble(&words, address) {
        return trouble;
    }
    // What a broker without TLS says is no part of a greeting.
    if words.contains("InvalidContentType") {
        let message = format!("`{address}` speaks AMQP without encryption");
        return EndpointError::new(Kind::Unauthorised, message)
            .help("write `amqp://`, or name the port that has TLS, 5671 as a rule");
    }
    let message = format!("no encrypted connection to `{address}`: {words}");
    EndpointError::new(Kind::Unauthorised, message)
        .help("use `amqp://` where the port has no encryption, `cert=FILE` and `key=FILE` where it wants a certificate")
}

/// The server ended the connection when it had seen our certificate.
pub(super) fn certificate_refused(address: &Address) -> EndpointError {
    let message = format!("`{address}` closed the connection when it had seen our certificate");
    EndpointError::new(Kind::Unauthorised, message)
        .help("does it trust the authority that issued the one `cert` names? its log says why it does not")
}

/// No answer in time.
pub(super) fn silent(address: &Address, after: Duration) -> EndpointError {
    let message = format!("`{address}` did not answer within {} s", after.as_secs_f32());
    EndpointError::new(Kind::Timeout, message).help("is it an AMQP port, and does a firewall let us through?")
}

/// Bytes that are no AMQP 0-9-1.
pub(super) fn protocol(what: Malformed, address: &Address) -> EndpointError {
    let help = if what == SPEAKS_TLS {
        "write `amqps://` for a port with TLS"
    } else {
        "is it an AMQP port, such as 5672, and not that of another protocol?"
    };
    EndpointError::new(Kind::Malformed, format!("`{address}` does not speak AMQP 0-9-1 as agreed: {what}"))
        .help(help)
}

/// What answers is no broker of this protocol, so that none is reached.
pub(super) fn no_amqp(what: Malformed, address: &Address) -> EndpointError {
    EndpointError { kind: Kind::Unreachable, ..protocol(what, address) }
}

/// The server takes none of the ways we could say who we are.
pub(super) fn mechanism(wanted: &str, offered: &str, address: &Address) -> EndpointError {
    let message = format!("`{address}` does not take the login `{wanted}`; it takes {offered}");
    let help = if wanted == "EXTERNAL" {
        "let the broker's plugin `rabbitmq_auth_mechanism_ssl` take certificates, or write `amqps://USER:PASSWORD@HOST`"
    } else {
        "use a certificate, `cert=FILE` and `key=FILE`, or let the broker take a password"
    };
    EndpointError::new(Kind::Unauthorised, message).help(help)
}

/// The connection broke.
pub(super) fn lost(address: &Address, cause: &str) -> EndpointError {
    EndpointError::new(Kind::Disconnected, format!("the connection to `{address}` was lost: {cause}"))
}

/// The connection broke before the server said anything about the event.
pub(super) fn unanswered() -> EndpointError {
    EndpointError::new(Kind::Disconnected, "the connection was lost before the broker confirmed the event")
}

/// The server ended the connection or the channel, and says why.
pub(super) fn closed(code: u16, text: &str, address: &Address) -> EndpointError {
    let words = text.split_once(" - ").map_or(text, |(_, words)| words).trim_end_matches('.');
    // A restart, an operator, a leader that is being chosen: it passes.
    if matches!(code, 320 | 541) {
        return lost(address, words);
    }
    let (kind, help) = explain(code, words);
    let error = EndpointError::new(kind, format!("`{address}` says: {words} ({code})")).help(help);
    let (virtual_host, exchange) = parts_of(&address.path);
    let wrong = match code {
        530 if words.contains("not found") => virtual_host,
        404 if words.contains("no exchange") => exchange,
        _ => return error,
    };
    if wrong.is_empty() { error } else { address.underline_path(wrong, error) }
}

fn explain(code: u16, words: &str) -> (Kind, &'static str) {
    match code {
        403 if words.contains("mechanism EXTERNAL") => (
            Kind::Unauthorised,
            "the broker has no user of the name in the certificate, which is the whole subject, as in `CN=NAME,O=FIRM`, or what `ssl_cert_login_from` of the broker says; its log says who it looked for",
        ),
        403 if words.contains("Login was refused") => (
            Kind::Unauthorised,
            "check what you log in with: `amqp://USER:PASSWORD@HOST/…`, or `auth` of the environment in `eddy.yaml`; `guest` is let in from the broker's own machine only",
        ),
        403 if words.contains("exclusive use") => (
            Kind::Unauthorised,
            "another consumer has the queue for itself: end that one, or read the exchange instead; `rabbitmqctl list_consumers` shows it",
        ),
        403 if words.contains("internal exchange") => (
            Kind::Unauthorised,
            "only other exchanges lead to it: name one of them, which `rabbitmqctl list_bindings` shows",
        ),
        403 => (
            Kind::Unauthorised,
            "give the user the permission with `rabbitmqctl set_permissions`, or use another user",
        ),
        530 if words.contains("refused for user") => (
            Kind::Unauthorised,
            "give the user the virtual host with `rabbitmqctl set_permissions -p VHOST USER …`, or use another user",
        ),
        530 if words.contains("not found") => (
            Kind::NotFound,
            "the first part of the path names the virtual host, `%2F` is the default one: `amqp://HOST/%2F/EXCHANGE`",
        ),
        404 if words.contains("no exchange") => (
            Kind::NotFound,
            "the second part of the path names the exchange, `amqp://HOST/VHOST/EXCHANGE`; `rabbitmqctl list_exchanges` shows those there are",
        ),
        404 => {
            (Kind::NotFound, "`?queue=NAME` names the queue; `rabbitmqctl list_queues` shows those there are")
        }
        405 => (
            Kind::Unsupported,
            "the queue belongs to another connection alone: name the exchange before it, `amqp://HOST/VHOST/EXCHANGE`, to read what it gets or to send to it",
        ),
        501..=505 => (Kind::Malformed, "the broker's log says more"),
        506 => (Kind::Disconnected, "the broker is short of resources; its log says more"),
        540 => (Kind::Unsupported, "the broker cannot do this; its log says more"),
        _ => (Kind::Rejected, "the broker's log may say more"),
    }
}

/// The queue was deleted, or its leader moved, while we read it.
pub(super) fn cancelled(address: &Address) -> EndpointError {
    EndpointError::new(
        Kind::Disconnected,
        format!("`{address}` ended our reading: the queue is gone or moves"),
    )
    .help("`rabbitmqctl list_queues` shows whether it is still there")
}

/// No queue takes the event.
pub(super) fn unroutable(exchange: &str, routing_key: &str, recorded_from: Option<&str>) -> EndpointError {
    if exchange.is_empty() {
        let message = format!("there is no queue `{routing_key}` to take the event");
        let help = match recorded_from {
            Some(origin) => format!(
                "it came from the exchange `{origin}`: name that in the address, `amqp://HOST/VHOST/{origin}`"
            ),
            None => "declare the queue, or name the exchange in the address: `amqp://HOST/VHOST/EXCHANGE`"
                .to_owned(),
        };
        return EndpointError::new(Kind::NotFound, message).help(help);
    }
    let message = format!(
        "no queue takes the event: nothing is bound to `{exchange}` for the routing key `{routing_key}`"
    );
    EndpointError::new(Kind::NotFound, message)
        .help("bind a queue to the exchange for this key, or send with another `routing-key=`")
}

/// The server has been asked to take the event, and did not. Where an exchange passes it on to several queues, the others may
/// have it, so that it must not go to them again and again.
pub(super) fn refused(to_one_queue: bool) -> EndpointError {
    let kind = if to_one_queue { Kind::Busy } else { Kind::Rejected };
    EndpointError::new(kind, "the broker could not take the event (negative confirmation)")
        .help("a queue that is full and rejects is the usual reason; the broker's log says more")
}

/// The event is larger than the server takes.
pub(super) fn too_large(size: usize, limit: Option<usize>) -> EndpointError {
    let limit = limit.map_or_else(|| " what".to_owned(), |limit| format!(" the {limit} bytes"));
    EndpointError::new(
        Kind::TooLarge,
        format!("an event of {size} bytes is larger than{limit} the broker takes"),
    )
    .help("raise `max_message_size` of the broker, or leave the event out")
}

/// The size of the event a server ended the channel over, and its limit: it names both in its words.
pub(super) fn size_limit(error: &EndpointError) -> Option<(usize, Option<usize>)> {
    let (_, words) = error.message.split_once("message size ")?;
    let mut numbers = words.split(|each: char| !each.is_ascii_digit()).filter(|part| !part.is_empty());
    let size = numbers.next()?.parse().ok()?;
    Some((size, numbers.next().and_then(|limit| limit.parse().ok())))
}

/// Headers and properties have to fit one frame.
pub(super) fn headers_too_large(size: usize, limit: usize) -> EndpointError {
    let message = format!("headers of {size} bytes are larger than the {limit} bytes of a frame");
    EndpointError::new(Kind::TooLarge, message).help("raise `frame_max` of the broker, or leave headers out")
}

/// The server asked us to wait, and it took too long.
pub(super) fn blocked(reason: &str, address: &Address, after: Duration) -> EndpointError {
    let message = format!("`{address}` took nothing for {} s: {reason}", after.as_secs_f32());
    EndpointError::new(Kind::Timeout, message).help(
        "RabbitMQ stops taking events when memory or disk run low: `rabbitmq-diagnostics alarms` says which",
    )
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{closed, encrypt, explain, protocol};
    use crate::endpoint::amqp::wire::take_frame;
    use crate::endpoint::{Address, EndpointErrorKind as Kind};

    #[test]
    fn what_a_server_says_has_a_kind() {
        let address = Address::parse("amqp://h").expect("an address");
        for (code, text, kind) in [
            (320, "CONNECTION_FORCED - broker forced connection closure", Kind::Disconnected),
            (
                403,
                "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN",
                Kind::Unauthorised,
            ),
            (403, "ACCESS_REFUSED - access to queue 'a' refused for user 'b'", Kind::Unauthorised),
            (530, "NOT_ALLOWED - vhost x not found", Kind::NotFound),
            (530, "NOT_ALLOWED - access to vhost 'x' refused for user 'y'", Kind::Unauthorised),
            (404, "NOT_FOUND - no exchange 'x' in vhost '/'", Kind::NotFound),
            (404, "NOT_FOUND - no queue 'x' in vhost '/'", Kind::NotFound),
            (405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'x'", Kind::Unsupported),
            (406, "PRECONDITION_FAILED - unknown delivery tag 1", Kind::Rejected),
        ] {
            let error = closed(code, text, &address);
            assert_eq!(error.kind, kind, "{text}");
            assert!(!error.message.contains(" - "), "{error}");
        }
        let address = Address::parse("amqp://h/a%2Fb/x").expect("an address");
        for (code, text, wrong) in [
            (530, "NOT_ALLOWED - vhost a/b not found", "a%2Fb"),
            (404, "NOT_FOUND - no exchange 'x' in vhost 'a/b'", "x"),
        ] {
            let (written, range) = *closed(code, text, &address).wrong.expect("a mark");
            assert_eq!(&written[range], wrong);
        }
        for (code, words, help) in [
            (404, "no exchange 'x'", "EXCHANGE"),
            (403, "Login was refused using authentication mechanism PLAIN", "USER:PASSWORD"),
            (403, "Login was refused using authentication mechanism EXTERNAL", "name in the certificate"),
            (403, "queue 'x' in vhost '/' in exclusive use", "another consumer"),
            (403, "cannot publish to internal exchange 'x' in vhost '/'", "list_bindings"),
            (403, "write access to exchange 'x' refused for user 'y'", "set_permissions"),
            (405, "cannot obtain exclusive access to locked queue 'x'", "to send to it"),
        ] {
            assert!(explain(code, words).1.contains(help), "{words}");
        }
    }

    #[test]
    fn encryption_on_one_side_only_is_named_with_the_other_scheme() {
        let plain = Address::parse("amqp://h").expect("an address");
        let alert = take_frame(&mut b"\x15\x03\x03\x00\x02\x02\x46"[..].into()).expect_err("no frame");
        let error = protocol(alert, &plain);
        assert!(error.help.as_deref().is_some_and(|help| help.contains("`amqps://`")), "{error:?}");
        let cause =
            io::Error::new(io::ErrorKind::InvalidData, "received corrupt message of type InvalidContentType");
        let error = encrypt(&cause, &Address::parse("amqps://h").expect("an address"));
        assert!(error.message.contains("without encryption"), "{error:?}");
        assert!(error.help.as_deref().is_some_and(|help| help.contains("`amqp://`")), "{error:?}");
    }
}
