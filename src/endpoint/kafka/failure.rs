//! What went wrong on a Kafka connection, in the words of a user, with the next step.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::endpoint::{Address, EndpointError, EndpointErrorKind as Kind};

const LET_IN_HELP: &str = "check what you log in with: `kafka://USER:PASSWORD@HOST/…` with `sasl=` as the cluster has it, or `auth` of the \
                           environment in `eddy.yaml`";

/// A refusal of the connection that no further attempt changes, if these words are one.
pub(super) fn refusal(code: Code, reason: &str, address: &Address) -> Option<EndpointError> {
    let words = meat(reason);
    if [
        "certificate verify failed",
        "certificate could not be verified",
        "Failed to verify broker certificate",
    ]
    .iter()
    .any(|each| words.contains(each))
    {
        let (why, help) = distrust(&words);
        let message = format!("no encrypted connection to `{address}`: {why}");
        return Some(EndpointError::new(Kind::Unauthorised, message).help(help));
    }
    let wants_certificate = ["certificate required", "bad certificate", "SSL alert number 116", "unknown ca"];
    if wants_certificate.iter().any(|each| words.to_ascii_lowercase().contains(&each.to_ascii_lowercase())) {
        return Some(without_certificate(address));
    }
    if words.contains("broker might require SASL authentication") {
        let message = format!("`{address}` wants to know who we are");
        return Some(EndpointError::new(Kind::Unauthorised, message).help(LET_IN_HELP));
    }
    if words.contains("Unsupported SASL mechanism") || words.contains("mechanism not supported") {
        let message = format!("`{address}` does not know this way to log in: {words}");
        return Some(EndpointError::new(Kind::Unauthorised, message).help(
            "write `sasl=` as the cluster has it: `plain`, `scram-sha-256`, `scram-sha-512` or `oauthbearer`",
        ));
    }
    // What a listener without SASL answers to a login.
    if words.contains("not valid in current SASL state") {
        let message = format!("`{address}` takes no login: this listener of the cluster is one without SASL");
        return Some(EndpointError::new(Kind::Unauthorised, message).help(
            "leave user, password and `sasl=` out, or name the port of a listener that asks for them",
        ));
    }
    (matches!(code, Code::Authentication | Code::SaslAuthenticationFailed)).then(|| {
        let message = format!("`{address}` does not let us in: {words}");
        EndpointError::new(Kind::Unauthorised, message).help(LET_IN_HELP)
    })
}

fn without_certificate(address: &Address) -> EndpointError {
    let message = format!("`{address}` does not accept our certificate, or we showed none");
    EndpointError::new(Kind::Unauthorised, message)
        .help("name a certificate it knows with `?cert=FILE` and its private key with `&key=FILE`, both PEM")
}

/// What the broker's certificate lacks, and what to do. The client seldom passes on what OpenSSL knows of it.
fn distrust(words: &str) -> (&'static str, &'static str) {
    let says = |any: &[&str]| any.iter().any(|each| words.contains(each));
    if says(&["has expired"]) {
        return (
            "its certificate has expired",
            "the broker needs a new certificate, unless the clock of this machine is wrong",
        );
    }
    if says(&["not yet valid"]) {
        return (
            "its certificate is not valid yet",
            "the broker needs another certificate, unless the clock of this machine is wrong",
        );
    }
    if says(&["hostname mismatch", "Hostname mismatch", "IP address mismatch"]) {
        return (
            "its certificate is for another host name",
            "connect by a name that it is for, or give the broker one for this name; further brokers go by the names in \
             their `advertised.listeners`",
        );
    }
    if says(&["self-signed", "self signed", "unable to get local issuer", "unable to get issuer"]) {
        return (
            "its certificate was issued by an authority that is not trusted here",
            "name the certificate of the authority that issued it with `?ca=FILE`",
        );
    }
    (
        "its certificate cannot be verified",
        "does `?ca=FILE` name the authority that issued it, is it for this host name, and has it not expired? \
         `openssl s_client -connect HOST:PORT -CAfile FILE -verify_hostname HOST` tells",
    )
}

/// No broker answers; `reason` is why the last attempt failed, in the client's words, and `logs_in` whether we said who
/// we are.
pub(super) fn connection(reason: &str, address: &Address, logs_in: bool) -> EndpointError {
    let words = meat(reason);
    // A broker hangs up without a word on who does not log in, once it has told its versions. Whether we notice while
    // we read or while we write is chance.
    let hung_up = ["connection closed by peer", "Broken pipe", "Connection reset by peer"];
    if !logs_in && reason.contains("in state UP") && hung_up.iter().any(|each| reason.contains(each)) {
        let message = format!("`{address}` hangs up on us: it seems to want to know who we are");
        return EndpointError::new(Kind::Unauthorised, message).help(LET_IN_HELP);
    }
    // A broker that misses our certificate says so and is gone; whether we read it is chance.
    let shows_none = address.tls && address.option("cert").is_none();
    let is_gone = reason.contains("Disconnected: SSL connection closed by peer");
    if shows_none && is_gone && !reason.contains("in state UP") {
        if reason.contains("in state SSL_HANDSHAKE") {
            let message = format!("`{address}` closed the connection while encryption was agreed on");
            return EndpointError::new(Kind::Unauthorised, message).help(
                "it may ask for a client certificate: name one with `?cert=FILE` and its key with `&key=FILE`; a listener without \
                 encryption wants `kafka://`",
            );
        }
        return without_certificate(address);
    }
    if reason.contains("in state APIVERSION_QUERY") || words.contains("incorrect security.protocol") {
        let message = format!("`{address}` does not answer as Kafka does");
        return EndpointError::new(Kind::Unreachable, message).help(
            "does it want encryption? write `kafkas://`; otherwise, is it the port of a Kafka listener?",
        );
    }
    if words.contains("SSL handshake failed") || words.contains("wrong version number") {
        let message = format!("`{address}` agrees on no encryption: {words}");
        return EndpointError::new(Kind::Unreachable, message)
            .help("a listener without encryption wants `kafka://`");
    }
    if words.contains("Failed to resolve") {
        let message = format!("`{address}` cannot be found: {words}");
        return EndpointError::new(Kind::Unreachable, message)
            .help("check the host name in the address, as in `kafka://HOST:9092`");
    }
    EndpointError::new(Kind::Unreachable, format!("`{address}` does not answer: {words}"))
        .help("is a Kafka broker listening there? `kafka-server-start.sh` starts one")
}

/// Nothing was said in time.
pub(super) fn silence(address: &Address, seconds: f32) -> EndpointError {
    EndpointError::new(Kind::Timeout, format!("`{address}` did not answer within {seconds} s"))
        .help("is it the port of a Kafka listener, and does a firewall let us through?")
}

/// What is said to a reader when all brokers are gone; the client connects again by itself.
pub(super) fn disconnected(address: &Address) -> EndpointError {
    EndpointError::new(Kind::Disconnected, format!("the connection to `{address}` was lost"))
}

/// A question could not be answered.
pub(super) fn request(what: &str, error: &KafkaError, address: &Address) -> EndpointError {
    let code = error.rdkafka_error_code();
    let kind = match code {
        Some(Code::OperationTimedOut | Code::RequestTimedOut) => Kind::Timeout,
        Some(
            Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::NetworkException
            // A cluster that changes its leaders, or has just come back, answers so for a while.
            | Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::ReplicaNotAvailable
            | Code::UnknownLeaderEpoch
            | Code::FencedLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::NotCoordinator
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress,
        ) => Kind::Disconnected,
        Some(
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed,
        ) => Kind::Unauthorised,
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => Kind::NotFound,
        _ => Kind::Rejected,
    };
    EndpointError::new(kind, format!("`{address}` could not {what}: {}", words_of(error)))
}

/// There is no such topic; `names` are those there are.
pub(super) fn no_topic(topic: &str, names: &[String], address: &Address) -> EndpointError {
    let message = format!("there is no topic `{topic}` at `{}`", address.authority());
    let near = crate::diagnostic::nearest(topic, names.iter().map(String::as_str));
    let make = format!(
        "`kafka-topics.sh --bootstrap-server {} --create --topic {topic}` makes it; a sink asks for it with `?create`",
        address.authority()
    );
    let help = match (near, names.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, false) => format!("topics there: {}; {make}", listed(names)),
        (None, true) => format!("there is no topic yet: {make}"),
    };
    EndpointError::new(Kind::NotFound, message).help(help)
}

/// No topic has a name that fits; `names` are those there are.
pub(super) fn no_match(pattern: &str, names: &[String], address: &Address) -> EndpointError {
    let message = format!("no topic at `{}` fits the pattern `{pattern}`", address.authority());
    let help = match names {
        [] => "there is no topic yet".to_owned(),
        names => format!("topics there: {}", listed(names)),
    };
    EndpointError::new(Kind::NotFound, message).help(help)
}

/// What is a topic, for people who have named none.
pub(super) const NAMES: &str = "a topic has up to 249 letters, digits, `.`, `_` and `-`";

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(10).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 10 { format!("{shown} and {} more", names.len() - 10) } else { shown }
}

/// The topic has no partition of this number.
pub(super) fn no_partition(partition: i32, topic: &str, count: usize, address: &Address) -> EndpointError {
    let message = format!("the topic `{topic}` at `{}` has no partition {partition}", address.authority());
    let help = match count {
        1 => "it has one partition, number 0".to_owned(),
        _ => format!("it has {count} partitions, with the numbers 0 to {}", count.saturating_sub(1)),
    };
    EndpointError::new(Kind::NotFound, message).help(help)
}

/// We may not do something with a topic.
pub(super) fn forbidden(topic: &str, missing: &str, address: &Address) -> EndpointError {
    let permission = missing.to_uppercase();
    let message = format!("`{address}` forbids us the topic `{topic}`: we lack the permission {permission}");
    let more = if missing == "Describe" { "; Read and Write include it" } else { "" };
    EndpointError::new(Kind::Unauthorised, message).help(format!(
        "`kafka-acls.sh --bootstrap-server {} --add --allow-principal User:NAME --operation {missing} --topic {topic}` gives it \
         to a user{more}; or use another user",
        address.authority()
    ))
}

/// No receipt came for too long.
pub(super) fn no_receipt(address: &Address) -> EndpointError {
    EndpointError::new(Kind::Timeout, format!("no receipt from `{address}` in time"))
}

/// How much an event that was not taken has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) bytes: usize,
    /// No other goes together with it.
    pub(super) goes_alone: bool,
}

/// What to do with an event that is larger than a topic takes.
const SMALLER: &str = "raise `max.message.bytes` of the topic, have it sent smaller with `?compression=zstd`, or leave the event out";

/// The event did not get where it should.
pub(super) fn delivery(error: &KafkaError, topic: &str, size: Size, address: &Address) -> EndpointError {
    let Some(code) = error.rdkafka_error_code() else {
        return EndpointError::new(Kind::Rejected, format!("`{topic}` cannot be sent to: {error}"));
    };
    match code {
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => {
            if size.goes_alone { too_large(size.bytes, topic) } else { too_large_together(size.bytes, topic) }
        }
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
            no_topic(topic, &[], address)
        }
        Code::TopicAuthorizationFailed => forbidden(topic, "Write", address),
        Code::ClusterAuthorizationFailed => {
            EndpointError::new(Kind::Unauthorised, format!("`{address}` forbids us to send without repeats"))
                .help("give the user the permission IDEMPOTENT_WRITE, or write `?idempotent=false`")
        }
        Code::MessageTimedOut | Code::RequestTimedOut | Code::OperationTimedOut => no_receipt(address),
        Code::PurgeQueue
        | Code::PurgeInflight
        | Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::NetworkException => EndpointError::receipt_lost(),
        Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend | Code::LeaderNotAvailable => {
            let message = format!("`{address}` has not enough replicas of `{topic}`: {}", words_of(error));
            EndpointError::new(Kind::Timeout, message)
        }
        Code::Fatal | Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => {
            taken_over(&words_of(error), address)
        }
        Code::State
        | Code::InvalidTransactionalState
        | Code::InvalidProducerIdMapping
        | Code::OutOfOrderSequenceNumber
        | Code::UnknownProducerId
        | Code::TransactionCoordinatorFenced => EndpointError::new(
            Kind::Disconnected,
            format!("`{topic}` does not take the event now: {}", words_of(error)),
        ),
        Code::InvalidTimestamp => EndpointError::new(
            Kind::Rejected,
            format!("`{topic}` does not take events of this time: {}", words_of(error)),
        )
        .help("the topic has `message.timestamp.before.max.ms` or `message.timestamp.after.max.ms`"),
        Code::InvalidRecord => {
            EndpointError::new(Kind::Rejected, format!("`{topic}` refuses the event: {}", words_of(error)))
                .help("a compacted topic takes only events with a key")
        }
        _ => EndpointError::new(Kind::Rejected, format!("`{topic}` refuses the event: {}", words_of(error))),
    }
}

/// The client can do no more: another process has taken the run over, or order could not be kept.
pub(super) fn taken_over(words: &str, address: &Address) -> EndpointError {
    let message = format!("`{address}` takes nothing more from this process: {words}");
    EndpointError::new(Kind::Fenced, message)
        .help("is the same run going on in another process? otherwise go on with `--resume`")
}

/// Whether the last transaction ended is not known.
pub(super) fn undecided(words: &str, address: &Address) -> EndpointError {
    let message = format!("`{address}` does not say whether the last transaction ended: {words}");
    EndpointError::new(Kind::Fenced, message)
        .help("go on with `--resume`, which looks what of the run is committed")
}

/// The transaction that an event belonged to was taken back, so it is not there.
pub(super) fn taken_back(words: &str, address: &Address) -> EndpointError {
    EndpointError::new(Kind::Unreachable, format!("`{address}` has taken a transaction back: {words}"))
}

/// Another process has taken the run over.
pub(super) fn is_fenced(code: Code) -> bool {
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

/// The queue of the client is full.
pub(super) fn is_full(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageProduction(Code::QueueFull))
}

/// The broker did not take what was sent together; it does not say which event of it is to blame.
fn too_large_together(size: usize, topic: &str) -> EndpointError {
    let message = format!(
        "an event of {size} bytes, or what was sent together with it, is larger than the topic `{topic}` takes"
    );
    EndpointError::new(Kind::TooLarge, message).help(format!(
        "`?batch=BYTES` in the address keeps what is sent together below `max.message.bytes` of the topic; for an event that is \
         larger by itself, {SMALLER}"
    ))
}

/// The event is larger than the topic takes.
pub(super) fn too_large(size: usize, topic: &str) -> EndpointError {
    EndpointError::new(
        Kind::TooLarge,
        format!("an event of {size} bytes is larger than the topic `{topic}` takes"),
    )
    .help(SMALLER)
}

/// The thread that reads is gone, and not because it came to an end.
pub(super) fn reader_lost() -> EndpointError {
    EndpointError::new(Kind::Rejected, "the thread that reads from Kafka ended unexpectedly")
}

/// The client's description of a code, beginning in lower case.
pub(super) fn words_of(error: &KafkaError) -> String {
    let text = error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| code.to_string());
    // `MessageProduction (Broker: Not enough replicas)` and its like: the inner words are the description.
    let inner = text.split_once(" (").map_or(text.as_str(), |(_, inner)| inner.trim_end_matches(')'));
    let inner = inner.strip_prefix("Broker: ").or_else(|| inner.strip_prefix("Local: ")).unwrap_or(inner);
    lower_first(inner)
}

/// `host:port/bootstrap: Connect to … failed: Connection refused (after 0ms in state CONNECT)`: what matters of it.
fn meat(reason: &str) -> String {
    let without_times = reason.split(" (after ").next().unwrap_or(reason);
    let without_place = match without_times.split_once(": ") {
        Some((place, rest)) if !place.contains(' ') => rest,
        _ => without_times,
    };
    let without_attempt = match without_place.split_once(" failed: ") {
        Some((attempt, rest)) if attempt.starts_with("Connect to ") => rest,
        _ => without_place,
    };
    let plain = without_attempt.strip_prefix("SASL authentication error: ").unwrap_or(without_attempt);
    let plain = plain.strip_prefix("Authentication failed: ").unwrap_or(plain);
    if plain.starts_with("SSL") || plain.starts_with("SASL") || plain.starts_with("Failed to") {
        return plain.to_owned();
    }
    lower_first(plain)
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode as Code;

    use rdkafka::error::KafkaError;

    use super::{Size, connection, delivery, meat, refusal};
    use crate::endpoint::{Address, EndpointErrorKind as Kind};

    #[test]
    fn the_clients_words_are_put_plainly() {
        let reason = "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in \
                      state CONNECT)";
        assert_eq!(meat(reason), "connection refused");
        let reason = "h:1/1: SASL authentication error: Authentication failed: Invalid username or password (after \
                      5ms in state AUTH_REQ)";
        assert_eq!(meat(reason), "invalid username or password");
        assert_eq!(meat("GroupCoordinator: x"), "x");
    }

    #[test]
    fn an_event_that_goes_alone_is_too_large_itself() {
        let address = Address::parse("kafka://h/t").expect("an address");
        let told = |goes_alone| {
            let error = KafkaError::MessageProduction(Code::MessageSizeTooLarge);
            delivery(&error, "t", Size { bytes: 3_000_000, goes_alone }, &address)
        };
        let (alone, together) = (told(true), told(false));
        assert_eq!(alone.message, "an event of 3000000 bytes is larger than the topic `t` takes");
        let help = alone.help.expect("help");
        assert!(help.contains("`max.message.bytes`") && help.contains("`?compression=zstd`"), "{help}");
        assert!(!help.contains("batch"), "{help}");
        assert!(together.help.expect("help").contains("`?batch=BYTES`"));
    }

    #[test]
    fn refusals_are_told_from_other_trouble() {
        let address = Address::parse("kafkas://h/t").expect("an address");
        let told = |code, reason: &str| refusal(code, reason, &address).map(|error| error.message);
        let verify = "h:9092/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: \
                      broker certificate could not be verified (after 3ms in state SSL_HANDSHAKE)";
        assert!(
            told(Code::SSL, verify).expect("distrust").contains("cannot be verified"),
            "no reason is told"
        );
        let plain = "h:9092/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL \
                     state: broker's supported mechanisms:  (after 0ms in state AUTH_HANDSHAKE)";
        assert!(told(Code::Authentication, plain).expect("a reason").contains("one without SASL"));
        for (reason, what) in [
            ("certificate has expired", "has expired"),
            ("certificate is not yet valid", "not valid yet"),
            ("hostname mismatch", "another host name"),
            ("IP address mismatch", "another host name"),
            ("unable to get local issuer certificate", "an authority that is not trusted"),
            ("self-signed certificate in certificate chain", "an authority that is not trusted"),
        ] {
            let words =
                format!("h:9092/1: Failed to verify broker certificate: {reason} (after 3ms in state SSL)");
            assert!(told(Code::SSL, &words).expect("distrust").contains(what), "{reason}");
        }
        let wrong = "h:9092/1: SASL authentication error: Invalid credentials (after 3ms in state AUTH_REQ)";
        assert!(told(Code::Authentication, wrong).expect("refused").contains("invalid credentials"));
        assert_eq!(
            told(Code::BrokerTransportFailure, "h:1/1: Connect to h failed: Connection refused"),
            None
        );
        let hung_up =
            "h:1/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after 2ms in state ";
        let error = connection(&format!("{hung_up}UP)"), &address, false);
        assert_eq!(error.kind, Kind::Unauthorised);
        assert_eq!(connection(&format!("{hung_up}UP)"), &address, true).kind, Kind::Unreachable);
        for words in ["Send failed: Broken pipe", "Receive failed: Connection reset by peer"] {
            let error = connection(&format!("h:1/1: {words} (after 2ms in state UP)"), &address, false);
            assert_eq!(error.kind, Kind::Unauthorised, "{words}");
        }
        let error = connection(&format!("{hung_up}APIVERSION_QUERY)"), &address, false);
        assert_eq!(error.kind, Kind::Unreachable);
        assert!(error.help.expect("help").contains("`kafkas://`"));
    }
}
