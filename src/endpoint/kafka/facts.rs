//! What a cluster tells of topics before events are sent to them: partitions, limits of size and age.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _};

use super::cluster::Cluster;
use super::listener::Listener;
use super::message::EARLIEST;
use super::permissions::{self, Operations};
use super::topic_settings::Settings;
use super::{ahead, blocking, cluster, failure, let_go, producer, settings, topic_settings};
use crate::endpoint::facts::{ChannelFacts, Presence, TargetFacts};
use crate::endpoint::{Address, EndpointError, SinkOptions};

/// Bytes of a batch around an event with neither key nor headers.
pub(super) const AROUND_ONE_EVENT: usize = 72;
/// How long the settings of topics may take to come.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a cluster says when it is asked about topics.
struct Told {
    cluster: Cluster,
    id: Option<String>,
    /// What may be done with topics, by name.
    allowed: Result<BTreeMap<String, Operations>, RDKafkaErrorCode>,
    /// Settings of topics, by name.
    settings: Result<HashMap<String, Settings>, RDKafkaErrorCode>,
}

impl Told {
    /// Asks over one connection; permissions and settings at once.
    fn by(
        client: &Client<Listener>,
        topics: &[String],
        timeout: Duration,
        poll: &dyn Fn(),
    ) -> Result<Self, EndpointError> {
        let cluster = cluster::ask(client, None, timeout, poll)?;
        let id = client.fetch_cluster_id(Duration::from_millis(200));
        let there = |name: &&str| cluster.topics.iter().any(|topic| topic.name == *name);
        let topics: Vec<&str> = topics.iter().map(String::as_str).filter(there).collect();
        if topics.is_empty() {
            return Ok(Self { cluster, id, allowed: Ok(BTreeMap::new()), settings: Ok(HashMap::new()) });
        }
        let permissions = permissions::ask_of_topics(client, &topics, PATIENCE);
        let settings = topic_settings::ask(client, &topics, PATIENCE);
        let allowed = permissions.and_then(|question| Ok(permissions::of_topics_in(&question.answer()?)));
        let settings = settings.and_then(|question| Ok(topic_settings::in_answer(&question.answer()?)));
        Ok(Self { cluster, id, allowed, settings })
    }
}

/// What the cluster says of these topics: over the connection that was begun for sending, else over one of its own.
async fn told(address: &Address, options: &SinkOptions, topics: Vec<String>) -> Result<Told, EndpointError> {
    let (asked, credentials, timeout) =
        (address.clone(), options.credentials.clone(), options.connect_timeout);
    let begun = ahead::asking(address, options);
    blocking(move || {
        if let Some(producer) = begun {
            return Told::by(producer.client(), &topics, timeout, &|| {});
        }
        let (config, listener) = settings::connection(&asked, credentials.as_ref(), &settings::ALL_OPTIONS)?;
        let client: BaseProducer<Listener> = BaseProducer::from_config_and_context(&config, listener)
            .map_err(|error| producer::cannot_start(&error))?;
        let poll = || {
            client.poll(Duration::ZERO);
        };
        let told = Told::by(client.client(), &topics, timeout, &poll);
        let_go(client);
        told
    })
    .await
}

/// Asks for the topics that events of these channels go to.
///
/// # Errors
/// When no broker can be reached or lets us in.
pub(super) async fn ask(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<TargetFacts, EndpointError> {
    let names: Vec<String> = match address.path.as_str() {
        "" => channels.iter().map(|&name| name.to_owned()).collect(),
        path => vec![path.to_owned()],
    };
    let Told { cluster, id, allowed, settings } =
        told(address, options, names.clone()).await.inspect_err(|_| ahead::give_up(options))?;
    let there: Vec<String> = cluster.topics.iter().map(|topic| topic.name.clone()).collect();
    let mut facts = TargetFacts { cluster: id, ..TargetFacts::default() };
    let allowed = allowed.unwrap_or_else(|code| {
        facts.not_told.push(format!("permissions: the cluster does not tell them ({code})"));
        BTreeMap::new()
    });
    let mut settings = settings.unwrap_or_else(|code| {
        let error =
            failure::request("tell of the settings of its topics", &KafkaError::AdminOp(code), address);
        facts.not_told.push(format!("limits of topics: {error}"));
        HashMap::new()
    });
    for name in names {
        let Some(topic) = cluster.topics.iter().find(|topic| topic.name == name) else {
            facts.channels.push(missing(&name, &there, address));
            continue;
        };
        let partitions = u32::try_from(topic.partitions.len()).ok();
        let may_send = allowed.get(&name).and_then(may_write);
        let mut channel =
            ChannelFacts { presence: Presence::There, partitions, may_send, ..of_any_time(&name) };
        if let Some(settings) = settings.remove(&channel.channel) {
            limits(&mut channel, &settings, address);
        }
        if ["partition", "partitioner"].iter().any(|option| address.option(option).is_some()) {
            channel.partitions = None;
        }
        facts.channels.push(channel);
    }
    Ok(facts)
}

/// Whether events may be sent, where anything at all is told.
fn may_write(operations: &Operations) -> Option<bool> {
    (!operations.is_empty()).then(|| operations.iter().any(|operation| operation == "WRITE"))
}

fn missing(name: &str, there: &[String], address: &Address) -> ChannelFacts {
    if !cluster::is_a_name(name) {
        let against = Some(format!("`{name}` is not the name of a topic"));
        let help = Some(format!(
            "{}; `--map-channel OLD=NEW` gives events of one channel another, `--map '.channel |= gsub(\"[^A-Za-z0-9._-]\"; \".\")'` \
             all of them",
            failure::NAMES
        ));
        return ChannelFacts { against, help, ..ChannelFacts::unknown(name) };
    }
    let is_made = settings::makes_topics(address);
    let presence = if is_made { Presence::MadeOnSending } else { Presence::Missing };
    let help = failure::no_topic(name, there, address).help;
    ChannelFacts { presence, help, ..of_any_time(name) }
}

/// A topic of which nothing is known but the times that Kafka carries.
fn of_any_time(name: &str) -> ChannelFacts {
    ChannelFacts { earliest_us: Some(EARLIEST.0), ..ChannelFacts::unknown(name) }
}

fn limits(channel: &mut ChannelFacts, config: &Settings, address: &Address) {
    let text = |name: &str| config.get(name).map(String::as_str).unwrap_or_default();
    // The largest number stands for no limit, and so do negative ones.
    let number = |name: &str| text(name).parse::<i64>().ok().filter(|number| *number != i64::MAX);
    let positive = |name: &str| number(name).and_then(|number| u64::try_from(number).ok());
    let own_time = text("message.timestamp.type") != "LogAppendTime";
    if text("cleanup.policy").contains("delete") || text("cleanup.policy").is_empty() {
        channel.kept_for = positive("retention.ms").map(Duration::from_millis);
        channel.ages_by_own_time = own_time;
        let each = positive("retention.bytes");
        channel.most_bytes = each.zip(channel.partitions).map(|(bytes, count)| bytes * u64::from(count));
    }
    if own_time {
        // Before Kafka 3.6 one setting said both.
        let both = positive("message.timestamp.difference.max.ms");
        channel.most_behind = positive("message.timestamp.before.max.ms").or(both).map(Duration::from_millis);
        channel.most_ahead = positive("message.timestamp.after.max.ms").or(both).map(Duration::from_millis);
    }
    // The limit is that of a batch as it is sent; what compression makes of it nobody knows before.
    let is_plain = address.option("compression").is_none_or(|how| how == "none");
    channel.largest_event = positive("max.message.bytes")
        .filter(|_| is_plain)
        .map(|bytes| bytes.saturating_sub(AROUND_ONE_EVENT as u64));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{EARLIEST, limits, missing};
    use crate::endpoint::Address;
    use crate::endpoint::facts::{ChannelFacts, Presence};

    #[test]
    fn what_is_no_name_of_a_topic_is_said_so_even_where_topics_are_made() {
        for address in ["kafka://h", "kafka://h?create"] {
            let address = Address::parse(address).expect("an address");
            let facts = missing("shop/orders", &["orders".to_owned()], &address);
            assert_eq!(facts.against.as_deref(), Some("`shop/orders` is not the name of a topic"));
            assert!(facts.help.expect("the next step").contains("--map-channel"));
        }
        let facts = missing("payments", &[], &Address::parse("kafka://h:9").expect("an address"));
        assert_eq!((facts.presence, facts.against), (Presence::Missing, None));
        assert_eq!(facts.earliest_us, Some(EARLIEST.0));
        assert!(facts.help.expect("the next step").contains("--bootstrap-server h:9 --create"));
    }

    fn read(address: &str, settings: &[(&str, &str)]) -> ChannelFacts {
        let mut channel = ChannelFacts { partitions: Some(3), ..ChannelFacts::unknown("a") };
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        limits(&mut channel, &settings.collect(), &Address::parse(address).expect("an address"));
        channel
    }

    #[test]
    fn settings_of_a_topic_become_facts() {
        let settings = [
            ("cleanup.policy", "delete"),
            ("retention.ms", "604800000"),
            ("retention.bytes", "1000"),
            ("max.message.bytes", "1048588"),
            ("message.timestamp.before.max.ms", "9223372036854775807"),
            ("message.timestamp.after.max.ms", "3600000"),
        ];
        let found = read("kafka://h/a", &settings);
        assert_eq!((found.kept_for, found.ages_by_own_time), (Some(Duration::from_secs(604_800)), true));
        assert_eq!((found.most_bytes, found.largest_event), (Some(3_000), Some(1_048_516)));
        assert_eq!((found.most_behind, found.most_ahead), (None, Some(Duration::from_secs(3600))));
        let append = read(
            "kafka://h/a?compression=zstd",
            &[&settings[..], &[("message.timestamp.type", "LogAppendTime")]].concat(),
        );
        assert_eq!((append.ages_by_own_time, append.most_ahead, append.largest_event), (false, None, None));
        let compact = read("kafka://h/a", &[("cleanup.policy", "compact"), ("retention.ms", "-1")]);
        assert_eq!((compact.kept_for, compact.most_bytes), (None, None));
    }
}
