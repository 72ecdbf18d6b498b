//! From an address to the client's configuration: brokers, encryption, who we are, and what the options say.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::listener::Listener;
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::{Address, Credentials, EndpointError, EndpointErrorKind, tls};

/// What may stand after the `?` of a sink's address.
pub(super) const SINK_OPTIONS: [&str; 13] = [
    "batch",
    "ca",
    "cert",
    "client-id",
    "compression",
    "create",
    "idempotent",
    "key",
    "linger",
    "mode",
    "partition",
    "partitioner",
    "sasl",
];
/// What may stand after the `?` of a source's address.
pub(super) const SOURCE_OPTIONS: [&str; 8] =
    ["ca", "cert", "client-id", "group", "isolation", "key", "partition", "sasl"];
/// Options of the source and the sink; a probe takes every address they take.
pub(super) const ALL_OPTIONS: [&str; 15] = [
    "batch",
    "ca",
    "cert",
    "client-id",
    "compression",
    "create",
    "group",
    "idempotent",
    "isolation",
    "key",
    "linger",
    "mode",
    "partition",
    "partitioner",
    "sasl",
];

/// How the two sides of SASL agree on who we are: the spelling in an address and on the wire.
const MECHANISMS: [(&str, &str); 4] = [
    ("plain", "PLAIN"),
    ("scram-sha-256", "SCRAM-SHA-256"),
    ("scram-sha-512", "SCRAM-SHA-512"),
    ("oauthbearer", "OAUTHBEARER"),
];
const COMPRESSIONS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
const PARTITIONERS: [&str; 7] =
    ["murmur2_random", "murmur2", "consistent_random", "consistent", "fnv1a_random", "fnv1a", "random"];
const ISOLATIONS: [&str; 2] = ["read_committed", "read_uncommitted"];

/// What connecting needs, the same for sources and sinks.
pub(super) fn connection(
    address: &Address,
    credentials: Option<&Credentials>,
    known: &[&'static str],
) -> Result<(ClientConfig, Listener), EndpointError> {
    let when = if known.contains(&"group") { "sending" } else { "reading" };
    let options = AddressOptions::of_role(address, known, (&ALL_OPTIONS, when))?;
    let credentials = address.credentials.as_ref().or(credentials);
    let mechanism = mechanism(&options, credentials, address)?;
    let protocol = match (mechanism, address.tls) {
        (None, false) => "plaintext",
        (None, true) => "ssl",
        (Some(_), false) => "sasl_plaintext",
        (Some(_), true) => "sasl_ssl",
    };
    let mut config = ClientConfig::new();
    // Why a broker hung up is said at this level, to our listener only.
    config.set_log_level(RDKafkaLogLevel::Info);
    config
        .set("bootstrap.servers", address.authority())
        .set("client.id", options.text("client-id").unwrap_or("eddy"))
        .set("security.protocol", protocol)
        .set("allow.auto.create.topics", "false")
        // Half of it also passes between the first connection and the next one.
        .set("reconnect.backoff.ms", "10")
        .set("reconnect.backoff.max.ms", "1000")
        .set("socket.keepalive.enable", "true");
    let mut token = None;
    match (mechanism, credentials) {
        (Some("OAUTHBEARER"), Some(found)) => {
            config.set("sasl.mechanism", "OAUTHBEARER");
            token = Some(found.clone());
        }
        (Some(mechanism), Some(found)) => {
            config
                .set("sasl.mechanism", mechanism)
                .set("sasl.username", &found.username)
                .set("sasl.password", &found.password);
        }
        _ => {}
    }
    encryption(&mut config, &options, address)?;
    Ok((config, Listener::new(address.clone(), mechanism.is_some(), token)))
}

fn mechanism(
    options: &AddressOptions<'_>,
    credentials: Option<&Credentials>,
    address: &Address,
) -> Result<Option<&'static str>, EndpointError> {
    let Some(wanted) = options.text("sasl") else {
        return Ok(credentials.map(|_| "PLAIN"));
    };
    let known = MECHANISMS.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let Some((_, mechanism)) = known else {
        let known = MECHANISMS.map(|(name, _)| name);
        return Err(unspoken(wanted).map_or_else(
            || not_one_of(options, "sasl", wanted, &known),
            |error| options.marked("sasl", error),
        ));
    };
    if credentials.is_some() {
        return Ok(Some(mechanism));
    }
    let message = format!("`sasl={wanted}` in the address of `{address}` has no user to show");
    let error = EndpointError::new(EndpointErrorKind::Unsupported, message)
        .help("write `USER:PASSWORD@` before the host, or set `auth` of the environment in `eddy.yaml`");
    Err(options.marked("sasl", error))
}

/// What to do instead of a mechanism that there is, but not here.
fn unspoken(mechanism: &str) -> Option<EndpointError> {
    let (what, help) = match mechanism.to_lowercase().replace('_', "-").as_str() {
        "gssapi" | "kerberos" => (
            "Kerberos (GSSAPI)",
            "ask whoever runs the cluster for a listener with `scram-sha-512`, `oauthbearer` or client certificates",
        ),
        "aws-msk-iam" | "msk-iam" | "iam" => (
            "AWS_MSK_IAM",
            "brokers of MSK take the same login as `sasl=oauthbearer`, with a signed token of 15 minutes as the password: \
             `auth: { sasl: oauthbearer, token: { command: … } }` in `eddy.yaml` runs the signer",
        ),
        _ => return None,
    };
    Some(EndpointError::new(EndpointErrorKind::Unsupported, format!("eddy does not speak {what}")).help(help))
}

fn encryption(
    config: &mut ClientConfig,
    options: &AddressOptions<'_>,
    address: &Address,
) -> Result<(), EndpointError> {
    let [authority, certificate, key] = ["ca", "cert", "key"].map(|name| options.text(name));
    tls::refuse_without_encryption(options, address, "kafkas://")?;
    if !address.tls {
        return Ok(());
    }
    if let Some(path) = authority {
        tls::read_authorities(path)?;
    }
    // `probe`: an OpenSSL that is part of this program does not know where the system keeps its authorities.
    config.set("ssl.ca.location", authority.unwrap_or("probe"));
    match (certificate, key) {
        (None, None) => {}
        (Some(certificate), Some(key)) => {
            readable("cert", certificate)?;
            readable("key", key)?;
            config.set("ssl.certificate.location", certificate).set("ssl.key.location", key);
        }
        (present, _) => {
            let (there, missing) = if present.is_some() { ("cert", "key") } else { ("key", "cert") };
            let message = format!("`{there}` in the address of `{address}` comes without `{missing}`");
            let error = EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help("name both: `cert=FILE` with our certificate and `key=FILE` with its private key, PEM");
            return Err(options.marked(there, error));
        }
    }
    Ok(())
}

fn readable(option: &str, path: &str) -> Result<(), EndpointError> {
    std::fs::File::open(path).map(drop).map_err(|error| {
        let message = format!("cannot read `{path}`: {error}");
        EndpointError::new(EndpointErrorKind::File, message).help(format!("`{option}` names a PEM file"))
    })
}

/// How long events wait for others to go with them, in milliseconds.
const LINGER_MS: u32 = 5;
/// The same where many follow each other at once: longer than the client's queue takes to be sent. Events that have waited
/// for so long while all requests under way are taken make the client ask without a pause whether it may go on.
const LINGER_IN_BULK_MS: u32 = 100;

/// Bytes that go together at most, and the most that an address may ask for.
const BATCH: u32 = 1_000_000;
const MOST_BATCH: u32 = 100_000_000;

/// How events go together, as far as the address does not say it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Batching {
    /// They come as fast as they are taken.
    pub in_bulk: bool,
    /// Bytes that each topic takes at once, where the cluster was asked.
    pub at_once: Option<u64>,
}

/// How long events wait for others to go with them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linger {
    pub time: Duration,
    /// Longer than anybody asked for, so that they are to be sent at once when nothing follows.
    pub is_unasked: bool,
}

/// What the options of a sink say, added to what connecting needs; how long events wait for others.
pub(super) fn sending(
    config: &mut ClientConfig,
    address: &Address,
    receipt_timeout: Duration,
    Batching { in_bulk, at_once }: Batching,
) -> Result<Linger, EndpointError> {
    let options = AddressOptions::new(address, &SINK_OPTIONS)?;
    let timeout = receipt_timeout.as_millis().max(1);
    let given = options.number("linger", 0..=60_000)?;
    let linger = given.unwrap_or(if in_bulk { LINGER_IN_BULK_MS } else { LINGER_MS });
    // A receipt is never waited for longer than events are held back to go together.
    let timeout = timeout.max(u128::from(linger) + 1);
    let batch = match options.number("batch", 1..=MOST_BATCH)? {
        Some(given) => given,
        None => at_once.map_or(BATCH, |bytes| u32::try_from(bytes).unwrap_or(BATCH).clamp(1, BATCH)),
    };
    let idempotent = options.flag("idempotent")?.unwrap_or(true);
    config
        .set("acks", "all")
        .set("enable.idempotence", if idempotent { "true" } else { "false" })
        .set("linger.ms", linger.to_string())
        .set("batch.size", batch.to_string())
        .set("compression.type", one_of(&options, "compression", &COMPRESSIONS)?.unwrap_or("none"))
        .set("partitioner", one_of(&options, "partitioner", &PARTITIONERS)?.unwrap_or(PARTITIONERS[0]))
        .set("message.timeout.ms", timeout.to_string())
        // How large is too large is for the broker to say.
        .set("message.max.bytes", "1000000000")
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", QUEUE_KBYTES.to_string())
        .set("topic.metadata.propagation.max.ms", "2000");
    if !idempotent {
        // Two requests under way, the first sent again: without idempotence that is how order is lost.
        config.set("max.in.flight.requests.per.connection", "1");
    }
    if options.flag("create")?.unwrap_or(false) {
        config.set("allow.auto.create.topics", "true");
    }
    Ok(Linger { time: Duration::from_millis(linger.into()), is_unasked: in_bulk && given.is_none() })
}

/// Whether topics that are not there are asked for; what is neither yes nor no is refused where the sink is opened.
pub(super) fn makes_topics(address: &Address) -> bool {
    let flag = AddressOptions::new(address, &SINK_OPTIONS).and_then(|options| options.flag("create"));
    flag.ok().flatten().unwrap_or(false)
}

/// How long a transaction may last until the cluster takes it back.
const TRANSACTION: Duration = Duration::from_secs(60);

/// What is needed besides so that the events of a run go in transactions.
///
/// # Errors
/// When the address asks for what does not go with them.
pub(super) fn transacting(
    config: &mut ClientConfig,
    address: &Address,
    run: &str,
) -> Result<(), EndpointError> {
    let options = AddressOptions::new(address, &SINK_OPTIONS)?;
    if options.flag("idempotent")? == Some(false) {
        return Err(options.wrong("idempotent", "false", "`true`: transactions need it"));
    }
    let waits = config.get("message.timeout.ms").and_then(|text| text.parse().ok()).unwrap_or(u128::MAX);
    config
        .set("transactional.id", format!("eddy-{run}"))
        .set("transaction.timeout.ms", TRANSACTION.as_millis().to_string())
        .set("message.timeout.ms", waits.min(TRANSACTION.as_millis()).to_string());
    Ok(())
}

/// Kibibytes of events that wait to be sent; beyond, handing over waits.
const QUEUE_KBYTES: usize = 32 * 1024;
/// Bytes of the largest event that can wait to be sent.
pub(super) const LARGEST_EVENT: usize = QUEUE_KBYTES * 1024 - 65_536;

/// What the options of a source say, added to what connecting needs; the consumer group, when one is joined.
pub(super) fn reading(config: &mut ClientConfig, address: &Address) -> Result<Option<String>, EndpointError> {
    let options = AddressOptions::new(address, &SOURCE_OPTIONS)?;
    let group = options.text("group");
    if group == Some("") {
        return Err(options.wrong("group", "", "the name of a consumer group"));
    }
    consuming(config, group.unwrap_or("eddy"));
    config
        .set("isolation.level", one_of(&options, "isolation", &ISOLATIONS)?.unwrap_or(ISOLATIONS[0]))
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", if group.is_some() { "true" } else { "false" })
        .set("auto.commit.interval.ms", "1000")
        .set("max.poll.interval.ms", "86400000")
        .set("session.timeout.ms", "10000");
    Ok(group.map(str::to_owned))
}

/// The one partition that is to be read.
pub(super) fn partition_to_read(address: &Address) -> Result<Option<i32>, EndpointError> {
    let options = AddressOptions::new(address, &SOURCE_OPTIONS)?;
    one_partition(&options, "group", "a group shares out partitions itself")
}

/// The one partition that everything is sent to.
pub(super) fn partition_to_fill(address: &Address) -> Result<Option<i32>, EndpointError> {
    let options = AddressOptions::new(address, &SINK_OPTIONS)?;
    one_partition(&options, "partitioner", "a partitioner chooses partitions itself")
}

fn one_partition(
    options: &AddressOptions<'_>,
    rival: &str,
    reason: &str,
) -> Result<Option<i32>, EndpointError> {
    let number = options.number("partition", 0..=i32::MAX.unsigned_abs())?;
    match number.and_then(|number| i32::try_from(number).ok()) {
        Some(_) if options.text(rival).is_some() => {
            let text = options.text("partition").unwrap_or_default();
            Err(options.wrong("partition", text, &format!("either `partition` or `{rival}`: {reason}")))
        }
        partition => Ok(partition),
    }
}

/// What every consumer of ours has: bounded buffers and short waits. The group is a name only, as long as nobody
/// subscribes or commits.
pub(super) fn consuming(config: &mut ClientConfig, group: &str) {
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Partitions join a fetch one after the other; this is how long the later ones wait for the first.
        .set("fetch.wait.max.ms", "100")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.error.backoff.ms", "100")
        .set("fetch.message.max.bytes", "1048576")
        // Of what is compressed ten times as much may come.
        .set("fetch.max.bytes", "2097152")
        .set("message.max.bytes", "2097152")
        .set("receive.message.max.bytes", "1000000000")
        .set("queued.min.messages", "50000")
        .set("queued.max.messages.kbytes", "4096");
}

fn one_of(
    options: &AddressOptions<'_>,
    name: &str,
    known: &[&'static str],
) -> Result<Option<&'static str>, EndpointError> {
    let Some(text) = options.text(name) else {
        return Ok(None);
    };
    let written = text.replace('-', "_");
    let found = known.iter().find(|each| each.eq_ignore_ascii_case(&written));
    found.map(|each| Some(*each)).ok_or_else(|| not_one_of(options, name, text, known))
}

fn not_one_of(options: &AddressOptions<'_>, name: &str, text: &str, known: &[&str]) -> EndpointError {
    let all = known.iter().map(|each| format!("`{each}`")).collect::<Vec<_>>().join(", ");
    options.wrong(name, text, &format!("one of {all}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ALL_OPTIONS, Batching, SINK_OPTIONS, SOURCE_OPTIONS, connection, reading, sending};
    use crate::endpoint::{Address, EndpointError, EndpointErrorKind};

    fn address(text: &str) -> Address {
        Address::parse(text).expect("an address")
    }

    fn refused(text: &str) -> EndpointError {
        let address = address(text);
        let told = connection(&address, None, &ALL_OPTIONS).and_then(|(mut config, _)| {
            let sent = address.options.iter().all(|(name, _)| SINK_OPTIONS.contains(&name.as_str()));
            if sent {
                sending(&mut config, &address, Duration::from_secs(1), Batching::default()).map(drop)
            } else {
                reading(&mut config, &address).map(drop)
            }
        });
        told.expect_err("refused")
    }

    #[test]
    fn the_address_decides_how_we_connect() {
        for (text, protocol, mechanism) in [
            ("kafka://a,b:1/t", "plaintext", None),
            ("kafkas://a/t", "ssl", None),
            ("kafka://me:secret@a/t", "sasl_plaintext", Some("PLAIN")),
            ("kafkas://me:secret@a/t?sasl=scram-sha-512", "sasl_ssl", Some("SCRAM-SHA-512")),
            ("kafkas://me:token@a/t?sasl=oauthbearer", "sasl_ssl", Some("OAUTHBEARER")),
        ] {
            let (config, _) = connection(&address(text), None, &ALL_OPTIONS).expect("a configuration");
            assert_eq!(config.get("security.protocol"), Some(protocol), "{text}");
            assert_eq!(config.get("sasl.mechanism"), mechanism, "{text}");
        }
        let (config, _) = connection(&address("kafka://a,b:1/t"), None, &ALL_OPTIONS).expect("two");
        assert_eq!(config.get("bootstrap.servers"), Some("a:9092,b:1"));
    }

    #[test]
    fn events_in_bulk_wait_longer_for_each_other_unless_the_address_says_how_long() {
        for (text, in_bulk, linger, held_back) in [
            ("kafka://a/t", false, "5", false),
            ("kafka://a/t", true, "100", true),
            ("kafka://a/t?linger=7", true, "7", false),
        ] {
            let (mut config, _) = connection(&address(text), None, &ALL_OPTIONS).expect("a configuration");
            let batching = Batching { in_bulk, at_once: None };
            let told = sending(&mut config, &address(text), Duration::from_secs(1), batching);
            assert_eq!(
                (told.expect("right").is_unasked, config.get("linger.ms")),
                (held_back, Some(linger)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_goes_together_is_what_the_topics_take_unless_the_address_says_how_much() {
        for (text, at_once, batch) in [
            ("kafka://a/t", None, "1000000"),
            ("kafka://a/t", Some(20_000), "20000"),
            ("kafka://a/t", Some(u64::MAX), "1000000"),
            ("kafka://a/t?batch=30000", Some(20_000), "30000"),
        ] {
            let (mut config, _) = connection(&address(text), None, &ALL_OPTIONS).expect("a configuration");
            let batching = Batching { in_bulk: true, at_once };
            sending(&mut config, &address(text), Duration::from_secs(1), batching).expect("right");
            assert_eq!(config.get("batch.size"), Some(batch), "{text}");
        }
    }

    #[test]
    fn options_are_checked_before_connecting() {
        for (text, words) in [
            ("kafka://a/t?sasl=plane", "`plain`"),
            ("kafka://a/t?sasl=plain", "`USER:PASSWORD@`"),
            ("kafka://a/t?sasl=GSSAPI", "`scram-sha-512`"),
            ("kafkas://a/t?sasl=aws_msk_iam", "`sasl=oauthbearer`"),
            ("kafka://a/t?ca=x.pem", "`kafkas://`"),
            ("kafkas://a/t?cert=x.pem", "`key=FILE`"),
            ("kafka://a/t?compression=zip", "`zstd`"),
            ("kafka://a/t?partitioner=java", "`murmur2_random`"),
            ("kafka://a/t?linger=soon", "a whole number"),
            ("kafka://a/t?isolation=none", "`read_committed`"),
            ("kafka://a/t?group=", "the name of a consumer group"),
            ("kafka://a/t?compresion=zstd", "did you mean `compression`"),
        ] {
            let error = refused(text);
            let help = error.help.expect("help");
            assert!(help.contains(words) && error.wrong.is_some(), "{text}: {help}");
        }
        assert_eq!(refused("kafkas://a/t?cert=no.pem&key=no.pem").kind, EndpointErrorKind::File);
    }

    #[test]
    fn every_option_is_known_to_a_probe() {
        assert!(SINK_OPTIONS.iter().chain(&SOURCE_OPTIONS).all(|name| ALL_OPTIONS.contains(name)));
    }
}
