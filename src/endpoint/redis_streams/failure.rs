//! What went wrong on a Redis connection, in the words of a user, with the next step.

use redis::{ErrorKind, RedisError, ServerError};

use crate::endpoint::{Address, EndpointError, EndpointErrorKind as Kind, tls};

/// The connection could not be made.
pub(super) fn connect(error: &RedisError, address: &Address) -> EndpointError {
    let cause = error.to_string();
    if let Some(trouble) = tls::trouble(&cause, address) {
        return trouble;
    }
    if cause.contains("KeyMismatch") {
        return tls::other_key(address);
    }
    if let Some(code) = error.code() {
        return said(code, error.detail().unwrap_or_default(), address);
    }
    if error.kind() == ErrorKind::AuthenticationFailed {
        return not_let_in(address, "user or password are wrong");
    }
    if error.kind() == ErrorKind::Parse {
        let message = format!("what answers at `{address}` does not speak the protocol of Redis");
        return EndpointError::new(Kind::Unreachable, message)
            .help("check the port, as in `redis://HOST:6379`; one with TLS is named with `rediss://`");
    }
    if error.is_timeout() {
        return no_greeting(address);
    }
    // The words of the encryption library when the two sides do not come to terms.
    let at_odds = ["alert", "handshake", "corrupt message", "InvalidMessage"];
    if address.tls && at_odds.iter().any(|words| cause.contains(words)) {
        let message = format!("`{address}` agrees on no encryption: {cause}");
        return EndpointError::new(Kind::Unauthorised, message).help(
            "a server that wants a certificate gets it with `?cert=FILE&key=FILE`; one without TLS is named with `redis://`",
        );
    }
    let (what, help) = if error.is_connection_dropped() && !error.is_connection_refusal() {
        let help = "is it a Redis port? a port with TLS is named with `rediss://`";
        (format!("ends the connection at once: {cause}"), help)
    } else if cause.contains("lookup") {
        (format!("cannot be found: {cause}"), "check the host name in the address, as in `redis://HOST:6379`")
    } else {
        let help = "is a Redis server listening there? `redis-server --port PORT` starts one";
        (format!("does not answer: {cause}"), help)
    };
    EndpointError::new(Kind::Unreachable, format!("`{address}` {what}")).help(help)
}

/// Nobody said anything in time.
pub(super) fn no_greeting(address: &Address) -> EndpointError {
    // A server without TLS waits for the end of the line in what it takes for a command.
    let help = if address.tls {
        "is it a port with TLS? one without is named with `redis://`; and does a firewall let us through?"
    } else {
        "is it a Redis port, and does a firewall let us through?"
    };
    EndpointError::new(Kind::Timeout, format!("`{address}` did not greet us in time")).help(help)
}

/// The server was asked for encryption and speaks without it.
pub(super) fn no_encryption(address: &Address) -> EndpointError {
    EndpointError::new(Kind::Unauthorised, format!("`{address}` speaks Redis without encryption"))
        .help("write `redis://`, or name the port that has TLS (`tls-port` of the server)")
}

/// The streams of one address are not together.
pub(super) fn at_several_nodes(address: &Address) -> EndpointError {
    let message = format!("`{address}` is part of a cluster, and the streams lie at several nodes of it");
    EndpointError::new(Kind::Unsupported, message)
        .help("name one stream per address, or give their names the same `{tag}`")
}

/// Each node names another one.
pub(super) fn never_at_rest(address: &Address) -> EndpointError {
    let message = format!("the cluster of `{address}` does not agree where the stream lies");
    EndpointError::new(Kind::Unreachable, message)
        .help("is it being rearranged? `redis-cli --cluster check HOST:PORT` tells")
}

fn not_let_in(address: &Address, why: &str) -> EndpointError {
    EndpointError::new(Kind::Unauthorised, format!("`{address}` does not let us in: {why}"))
        .help("check what you log in with: `redis://USER:PASSWORD@HOST/…`, or `auth` of the environment in `eddy.yaml`")
}

/// A command failed on a connection that stood.
pub(super) fn command(error: &RedisError, address: &Address) -> EndpointError {
    if let Some(code) = error.code() {
        return said(code, error.detail().unwrap_or_default(), address);
    }
    if error.is_timeout() {
        return EndpointError::new(Kind::Timeout, format!("no answer from `{address}` in time"));
    }
    if error.kind() == ErrorKind::Io {
        return disconnected(address);
    }
    EndpointError::new(Kind::Malformed, format!("`{address}` gave an answer that makes no sense: {error}"))
}

/// The connection broke; the next call makes a new one.
pub(super) fn disconnected(address: &Address) -> EndpointError {
    EndpointError::new(Kind::Disconnected, format!("the connection to `{address}` was lost"))
}

/// The server has said nothing for too long about what was sent.
pub(super) fn no_answer(address: &Address, patience: std::time::Duration) -> EndpointError {
    let message = format!("`{address}` did not answer within {} s", patience.as_secs_f32());
    EndpointError::new(Kind::Timeout, message)
}

/// An answer that is not of the form its command has.
pub(super) fn odd_answer(address: &Address) -> EndpointError {
    let message = format!("`{address}` gave an answer that is not of the expected form");
    EndpointError::new(Kind::Malformed, message)
}

/// A refusal among the answers to several commands.
pub(super) fn refusal(error: &ServerError, address: &Address) -> EndpointError {
    said(error.code(), error.details().unwrap_or_default(), address)
}

/// What a server's code means, and what to do.
pub(super) fn said(code: &str, words: &str, address: &Address) -> EndpointError {
    let (kind, what, help) = match code {
        "NOAUTH" => return not_let_in(address, "it wants a user and a password"),
        "WRONGPASS" => return not_let_in(address, "user or password are wrong"),
        "NOPERM" => return forbidden(words, address),
        "WRONGTYPE" => (
            Kind::Unsupported,
            "keeps something else than a stream under that key".to_owned(),
            "`redis-cli TYPE KEY` tells what it is; name another key",
        ),
        "OOM" => (
            Kind::Full,
            "has no memory left for it".to_owned(),
            "raise `maxmemory` of the server, or let `?maxlen=N` trim the stream",
        ),
        "READONLY" => return replica(address),
        "MISCONF" | "NOREPLICAS" => (
            Kind::Full,
            format!("takes no writes now: {words}"),
            "its operator must mend it, or change `stop-writes-on-bgsave-error` or `min-replicas-to-write`",
        ),
        "LOADING" => return still_loading(address),
        "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" => (
            Kind::Unreachable,
            format!("cannot serve it now: {code} {words}"),
            "look at the state of the servers, for example with `eddy doctor URL`",
        ),
        "NOGROUP" | "UNBLOCKED" => return gone(code, words, address),
        "MOVED" | "ASK" => return moved(words, address),
        "CROSSSLOT" => (
            Kind::Unsupported,
            "is part of a cluster, and the streams lie in different slots of it".to_owned(),
            "name one stream per address, or give their names the same `{tag}`",
        ),
        _ if words.contains("max number of clients") => (
            Kind::Unreachable,
            "has no room for one more client".to_owned(),
            "raise `maxclients` of the server, or close others",
        ),
        _ if words.contains("SELECT is not allowed") => (
            Kind::Unsupported,
            "is part of a cluster, which has only the database 0".to_owned(),
            "leave `db` out of the address",
        ),
        _ if words.contains("DB index") => (
            Kind::Unsupported,
            format!("has no such database: {words}"),
            "`?db=N` goes from 0 to 15, unless the server's `databases` says otherwise",
        ),
        _ if words.contains("equal or smaller") => (
            Kind::Rejected,
            "keeps a later entry in that stream already, and ids only grow".to_owned(),
            "send to an empty stream, or without `id=keep`",
        ),
        _ => {
            let message = format!("`{address}` refused it: {code} {words}");
            return EndpointError::new(Kind::Rejected, message.trim_end().to_owned());
        }
    };
    EndpointError::new(kind, format!("`{address}` {what}")).help(help)
}

/// The rules of the user lack a command or a key; the server may say whose they are.
fn forbidden(words: &str, address: &Address) -> EndpointError {
    let user = words.split_once("User ").and_then(|(_, rest)| rest.split_once(" has no permissions"));
    let user = user.map_or("NAME", |(user, _)| user);
    let command = words.split_once("to run the '").and_then(|(_, rest)| rest.split_once('\''));
    let rules = match command {
        Some((command, _))
            if ["xreadgroup", "xgroup", "xack"].iter().any(|each| command.starts_with(each)) =>
        {
            format!("+{command}`; a reader in a group needs `+xreadgroup`, `+xgroup` and `+xack")
        }
        Some((command, _)) => format!("+{command}"),
        None if words.contains("key") => "~STREAM".to_owned(),
        None => "~STREAM +xadd +xread +xrange +xrevrange".to_owned(),
    };
    EndpointError::new(Kind::Unauthorised, format!("`{address}` forbids it: {words}"))
        .help(format!("give the user the permission: `ACL SETUSER {user} {rules}`"))
}

/// The server only copies another one.
pub(super) fn replica(address: &Address) -> EndpointError {
    EndpointError::new(Kind::Unsupported, format!("`{address}` is a replica and takes no writes"))
        .help("name its master; `eddy doctor URL` tells where that is")
}

/// The server has just started.
pub(super) fn still_loading(address: &Address) -> EndpointError {
    EndpointError::new(Kind::Unreachable, format!("`{address}` is still loading its data"))
        .help("try again in a while; `redis-cli INFO persistence` tells how long it will take (`loading_eta_seconds`)")
}

/// What is read was deleted meanwhile, or the server does not serve it any more.
fn gone(code: &str, words: &str, address: &Address) -> EndpointError {
    // The server has become a replica, or someone ended the waiting by hand: it is asked again.
    if code == "UNBLOCKED" && !words.contains("no longer exists") {
        return disconnected(address);
    }
    let what = if code == "NOGROUP" { "a group" } else { "a stream" };
    EndpointError::new(Kind::NotFound, format!("{what} of `{address}` is not there any more: {words}"))
        .help("was it deleted? `redis-cli XINFO GROUPS STREAM` lists the groups there are, and `XGROUP CREATE STREAM GROUP 0` makes one")
}

fn moved(words: &str, address: &Address) -> EndpointError {
    let node = words.split(' ').nth(1).unwrap_or("another node");
    let message = format!("`{address}` is part of a cluster, and the stream lies at `{node}`");
    EndpointError::new(Kind::Unsupported, message)
        .help(format!(
            "write the stream after the host, as in `redis://{node}/STREAM`: then its node is found; without one a single \
             node is spoken to"
        ))
}

#[cfg(test)]
mod tests {
    use super::said;
    use crate::endpoint::{Address, EndpointErrorKind as Kind};

    #[test]
    fn a_key_of_another_certificate_is_named() {
        let address = Address::parse("rediss://h/s?cert=c.pem&key=k.pem").expect("an address");
        let cause = "inconsistent keys: KeyMismatch".to_owned();
        let error = redis::RedisError::from((redis::ErrorKind::InvalidClientConfig, "no client", cause));
        let told = super::connect(&error, &address);
        assert_eq!(told.kind, Kind::Malformed);
        assert!(told.message.contains("`c.pem`") && told.help.is_some(), "{told:?}");
    }

    #[test]
    fn what_a_server_says_has_a_kind_and_a_next_step() {
        let address = Address::parse("redis://h/s").expect("an address");
        for (code, words, kind, help) in [
            (
                "NOPERM",
                "User web has no permissions to run the 'xadd' command",
                Kind::Unauthorised,
                "`ACL SETUSER web +xadd`",
            ),
            (
                "NOPERM",
                "User web has no permissions to run the 'xgroup|create' command",
                Kind::Unauthorised,
                "`ACL SETUSER web +xgroup|create`; a reader in a group needs `+xreadgroup`, `+xgroup` and `+xack`",
            ),
            (
                "NOPERM",
                "this user has no permissions to run the 'xread' command or its subcommand",
                Kind::Unauthorised,
                "`ACL SETUSER NAME +xread`",
            ),
            ("NOPERM", "No permissions to access a key", Kind::Unauthorised, "`ACL SETUSER NAME ~STREAM`"),
            ("ERR", "SELECT is not allowed in cluster mode", Kind::Unsupported, "leave `db` out"),
            ("ERR", "DB index is out of range", Kind::Unsupported, "from 0 to 15"),
            (
                "NOGROUP",
                "the consumer group this client was blocked on no longer exists",
                Kind::NotFound,
                "`XGROUP CREATE",
            ),
            ("WRONGTYPE", "Operation against a key", Kind::Unsupported, "`redis-cli TYPE KEY`"),
            ("UNBLOCKED", "the stream key no longer exists", Kind::NotFound, "was it deleted?"),
        ] {
            let error = said(code, words, &address);
            assert_eq!(error.kind, kind, "{error:?}");
            assert!(error.help.as_deref().is_some_and(|advice| advice.contains(help)), "{error:?}");
        }
        assert!(said("UNBLOCKED", "force unblock: the instance is a replica now", &address).retryable());
    }
}
