//! What a Kafka cluster tells of itself: its brokers, its topics, and how far consumer groups have read them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::cluster::{self, Cluster, Topic};
use super::groups;
use super::listener::Listener;
use super::permissions::{self, Operations};
use super::positions::{Lane, Offsets};
use super::senders::{self, Senders};
use super::source::{serve, start};
use super::{failure, settings};
use crate::endpoint::inspect::{
    Count, Direction, Inspect, NotObservable, Observed, ObservedChannel, ObservedReader, ProbeReport, Why,
};
use crate::endpoint::{Address, BoxFuture, Credentials, EndpointError, SinkOptions};

/// A client for questions only.
pub(super) fn connect(
    address: &Address,
    credentials: Option<&Credentials>,
    group: &str,
) -> Result<Arc<BaseConsumer<Listener>>, EndpointError> {
    let (mut config, listener) = settings::connection(address, credentials, &settings::ALL_OPTIONS)?;
    settings::consuming(&mut config, group);
    start(&config, listener)
}

/// Connects once and says what answered.
pub(super) fn probe(address: &Address, credentials: Option<&Credentials>, timeout: Duration) -> ProbeReport {
    let began = Instant::now();
    let asked = connect(address, credentials, "eddy").and_then(|consumer| {
        let cluster = cluster::ask(consumer.client(), None, timeout, &|| serve(&consumer))?;
        Ok((consumer, cluster))
    });
    let (consumer, cluster) = match asked {
        Ok(asked) => asked,
        Err(error) => return ProbeReport::failed(address, &error),
    };
    let mut report = ProbeReport::greeted(address, began.elapsed());
    report.server = Some("Kafka".to_owned());
    let shown: Vec<&str> = cluster.brokers.iter().take(5).map(String::as_str).collect();
    let more = cluster.brokers.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    report.fact("brokers", &format!("{} ({}{more})", cluster.brokers.len(), shown.join(", ")));
    if let Some(id) = consumer.client().fetch_cluster_id(Duration::from_millis(200)) {
        report.fact("cluster id", &id);
    }
    report.fact("topics", &cluster.topics.len());
    let partitions: usize = cluster.topics.iter().map(|topic| topic.partitions.len()).sum();
    report.fact("partitions", &partitions);
    permitted(&mut report, &consumer, address, timeout);
    look_for_topics(&mut report, &consumer, &cluster, timeout);
    report
}

/// Adds what is wrong with the topics of the path. One that the cluster does not list is asked for by itself: it may be forbidden.
fn look_for_topics(
    report: &mut ProbeReport,
    consumer: &BaseConsumer<Listener>,
    cluster: &Cluster,
    timeout: Duration,
) {
    let path = consumer.client().context().address().path.as_str();
    if path.is_empty() || path.starts_with('^') {
        return;
    }
    let is_listed = |topic: &&str| cluster.topics.iter().any(|listed| listed.name == *topic);
    for topic in path.split(',').filter(|topic| !is_listed(topic)) {
        if let Err(error) = cluster::topic(consumer.client(), topic, timeout, &|| serve(consumer)) {
            report.unusable(&error);
        }
    }
}

/// Adds what we may do at the cluster, and with the topics of the path.
fn permitted(
    report: &mut ProbeReport,
    consumer: &BaseConsumer<Listener>,
    address: &Address,
    timeout: Duration,
) {
    let words = |operations: &Operations| match operations.as_slice() {
        [] => "nothing, or the cluster does not tell".to_owned(),
        operations => operations.join(", "),
    };
    match permissions::of_cluster(consumer.client(), timeout) {
        Ok(operations) => report.fact("may do at the cluster", &words(&operations)),
        Err(code) => report.fact("may do at the cluster", &format!("not observable: {code}")),
    }
    let topics: Vec<&str> = match &address.path {
        path if path.is_empty() || path.starts_with('^') => return,
        path => path.split(',').collect(),
    };
    for (topic, operations) in permissions::of_topics(consumer.client(), &topics, timeout).unwrap_or_default()
    {
        report.fact(&format!("may do with `{topic}`"), &words(&operations));
    }
}

/// A client for questions about topics and groups.
pub(super) struct KafkaInspector {
    consumer: Arc<BaseConsumer<Listener>>,
    credentials: Option<Credentials>,
    timeout: Duration,
}

impl KafkaInspector {
    /// Connects.
    pub(super) fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let consumer = connect(address, options.credentials.as_ref(), "eddy")?;
        cluster::answers(consumer.client(), false, options.connect_timeout, &|| serve(&consumer))?;
        let (credentials, timeout) = (options.credentials.clone(), options.connect_timeout);
        Ok(Self { consumer, credentials, timeout })
    }
}

/// What no cluster tells.
fn not_observable() -> Vec<NotObservable> {
    vec![
        NotObservable::of(
            Direction::Sends,
            Why::Unsupported,
            "producers: a Kafka cluster tells who sends of transactions only",
        ),
        NotObservable::remark(
            Why::Unsupported,
            "consumers without a group: a Kafka cluster keeps no trace of them",
        ),
    ]
}

/// Who sends, as far as transactions and permissions tell: asked over connections of our own, which know no encryption.
fn senders(
    address: &Address,
    credentials: Option<&Credentials>,
    cluster: &Cluster,
    timeout: Duration,
) -> Senders {
    let login = address.credentials.as_ref().or(credentials);
    let is_plain = address.option("sasl").is_none_or(|mechanism| mechanism.eq_ignore_ascii_case("plain"));
    if address.tls || (login.is_some() && !is_plain) {
        let words = "transactions, producers and permissions: asked only over connections without TLS, with no login or PLAIN";
        let remarks = vec![NotObservable::remark(Why::Unsupported, words)];
        return Senders { remarks, ..Senders::default() };
    }
    senders::ask(&cluster.brokers, login, &cluster.topics, timeout)
}

/// Asks for topics, the events they keep, and who has read how far.
fn ask(
    consumer: &BaseConsumer<Listener>,
    credentials: Option<&Credentials>,
    timeout: Duration,
) -> Result<Observed, EndpointError> {
    let address = consumer.client().context().address();
    let cluster = cluster::ask(consumer.client(), None, timeout, &|| serve(consumer))?;
    let senders = senders(address, credentials, &cluster, timeout);
    let topics = cluster.topics;
    let offsets = Offsets { consumer, timeout };
    let (first, behind) = (offsets.first(&topics)?, offsets.behind_last(&topics)?);
    let identity = consumer.client().fetch_cluster_id(Duration::from_millis(200));
    let mut observed = Observed { identity, not_observable: not_observable(), ..Observed::default() };
    observed.flows.extend(senders.flows);
    observed.allowed.extend(senders.allowed);
    observed.not_observable.extend(senders.remarks);
    let mut readers: BTreeMap<String, Vec<ObservedReader>> = BTreeMap::new();
    match consumer.fetch_group_list(None, timeout) {
        Ok(listed) => {
            for group in groups::consuming(&listed) {
                let name = group.name().to_owned();
                match lags(address, credentials, &name, &topics, &behind, timeout) {
                    Ok((lags, taken)) => {
                        observed.flows.extend(groups::flows(group, &lags));
                        observed.counts.extend(taken);
                        for (topic, waiting) in lags {
                            let reader = ObservedReader { name: name.clone(), waiting: Some(waiting) };
                            readers.entry(topic).or_default().push(reader);
                        }
                    }
                    Err(error) => {
                        observed.flows.extend(groups::flows(group, &BTreeMap::new()));
                        observed.not_observable.push(unseen(&format!("positions of group `{name}`"), &error));
                    }
                }
            }
        }
        Err(error) => {
            let error = failure::request("list its consumer groups", &error, address);
            observed.not_observable.push(unseen("consumer groups", &error));
        }
    }
    observed.counts.extend(topics.iter().map(|topic| Count {
        channel: topic.name.clone(),
        reader: None,
        events: kept(topic, &BTreeMap::new(), &behind),
    }));
    let channel = |topic: &Topic| ObservedChannel {
        name: topic.name.clone(),
        addresses: vec![topic.name.clone()],
        events: Some(kept(topic, &first, &behind)),
        bytes: None,
        readers: readers.remove(&topic.name).unwrap_or_default(),
    };
    observed.channels = topics.iter().map(channel).collect();
    Ok(observed)
}

fn unseen(what: &str, error: &EndpointError) -> NotObservable {
    NotObservable::error(Direction::Receives, what, error)
}

/// Offsets between the oldest event and the next: as many events as are kept, or more where there are gaps.
fn kept(topic: &Topic, first: &BTreeMap<Lane, i64>, behind: &BTreeMap<Lane, i64>) -> u64 {
    let lane = |partition: &i32| (topic.name.clone(), *partition);
    let counts = topic.partitions.iter().map(|partition| {
        let lane = lane(partition);
        let (first, behind) = (first.get(&lane).copied(), behind.get(&lane).copied());
        u64::try_from(behind.unwrap_or(0) - first.unwrap_or(0)).unwrap_or(0)
    });
    counts.sum()
}

/// Events of each topic that a group has read from and not taken yet, and how many it has taken. The group is not joined.
fn lags(
    address: &Address,
    credentials: Option<&Credentials>,
    group: &str,
    topics: &[Topic],
    behind: &BTreeMap<Lane, i64>,
    timeout: Duration,
) -> Result<(BTreeMap<String, u64>, Vec<Count>), EndpointError> {
    let refused = |error| failure::request("tell how far a group has read", &error, address);
    let consumer = connect(address, credentials, group)?;
    let mut asked = TopicPartitionList::new();
    for topic in topics {
        for partition in &topic.partitions {
            asked.add_partition(&topic.name, *partition);
        }
    }
    serve(&consumer);
    let committed = consumer.committed_offsets(asked, timeout).map_err(refused)?;
    let mut lags: BTreeMap<String, u64> = BTreeMap::new();
    let mut taken: BTreeMap<String, u64> = BTreeMap::new();
    for element in committed.elements() {
        if let Offset::Offset(next) = element.offset() {
            let lane = (element.topic().to_owned(), element.partition());
            let waiting = behind.get(&lane).map_or(0, |behind| u64::try_from(behind - next).unwrap_or(0));
            *taken.entry(lane.0.clone()).or_default() += u64::try_from(next).unwrap_or(0);
            *lags.entry(lane.0).or_default() += waiting;
        }
    }
    let count = |(channel, events)| Count { channel, reader: Some(group.to_owned()), events };
    Ok((lags, taken.into_iter().map(count).collect()))
}

impl Inspect for KafkaInspector {
    fn topology(&mut self) -> BoxFuture<'_, Result<Observed, EndpointError>> {
        let (consumer, credentials) = (Arc::clone(&self.consumer), self.credentials.clone());
        let timeout = self.timeout;
        Box::pin(super::blocking(move || ask(&consumer, credentials.as_ref(), timeout)))
    }
}
