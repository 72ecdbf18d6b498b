//! The topic in which runs keep their progress, one record for each transaction under the name of the run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode as Code;

use super::cluster::{self, Topic};
use super::listener::Listener;
use super::positions::{Lane, Offsets, Span};
use super::source::{serve, start};
use super::{blocking, failure, last, observe, settings};
use crate::endpoint::{Address, EndpointError, EndpointErrorKind, SinkOptions};

/// Where the progress of runs lies.
pub(super) const TOPIC: &str = "__eddy_checkpoint";
/// How long making the topic may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Another run that died holds up readers of what is committed for as long as its transaction may last.
const OTHERS_END: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Makes the topic where it is not there yet.
///
/// # Errors
/// When the cluster does not make it, or cannot be reached.
pub(super) async fn make_topic(address: &Address, options: &SinkOptions) -> Result<(), EndpointError> {
    let (asked, credentials, timeout) =
        (address.clone(), options.credentials.clone(), options.connect_timeout);
    let looked = blocking(move || {
        let consumer = observe::connect(&asked, credentials.as_ref(), "eddy")?;
        cluster::topic(consumer.client(), TOPIC, timeout, &|| serve(&consumer))
    });
    match looked.await {
        Err(error) if error.kind == EndpointErrorKind::NotFound => {}
        found => return found.map(drop),
    }
    let refused = |error| failure::request("make the topic of checkpoints", &error, address);
    let (config, listener) =
        settings::connection(address, options.credentials.as_ref(), &settings::ALL_OPTIONS)?;
    let admin: AdminClient<Listener> =
        AdminClient::from_config_and_context(&config, listener).map_err(refused)?;
    // As many replicas as the cluster has by default.
    let topic = NewTopic::new(TOPIC, 1, TopicReplication::Fixed(-1)).set("cleanup.policy", "compact");
    let how = AdminOptions::new().request_timeout(Some(PATIENCE));
    let answers = admin.create_topics(&[topic], &how).await.map_err(refused)?;
    match answers.into_iter().find_map(Result::err) {
        None | Some((_, Code::TopicAlreadyExists)) => Ok(()),
        Some((_, code)) => {
            let message = format!("`{address}` does not make the topic `{TOPIC}`: {code}");
            let help = format!(
                "have it made: `kafka-topics.sh --create --topic {TOPIC} --partitions 1 --config cleanup.policy=compact`"
            );
            Err(EndpointError::new(EndpointErrorKind::Unauthorised, message).help(help))
        }
    }
}

/// The last record that is committed for a run. Nothing of the run may be under way.
///
/// # Errors
/// When the topic cannot be read, or when transactions of others hold up its end for too long.
pub(super) fn committed(
    address: &Address,
    options: &SinkOptions,
    run: &str,
) -> Result<Option<Vec<u8>>, EndpointError> {
    let consumer = |isolation: &str| {
        let credentials = options.credentials.as_ref();
        let (mut config, listener) = settings::connection(address, credentials, &settings::ALL_OPTIONS)?;
        settings::consuming(&mut config, "eddy");
        config.set("isolation.level", isolation).set("enable.partition.eof", "true");
        start(&config, listener)
    };
    let (all, consumer) = (consumer("read_uncommitted")?, consumer("read_committed")?);
    let timeout = options.connect_timeout;
    let topics = [cluster::topic(all.client(), TOPIC, timeout, &|| serve(&all))?];
    let offsets = |consumer| Offsets { consumer, timeout };
    let written = offsets(&*all).behind_last(&topics)?;
    let committed = offsets(&*consumer);
    wait_for_others(&consumer, &committed, &topics, &written)?;
    let first = committed.first(&topics)?;
    let spans: BTreeMap<Lane, Span> = written
        .into_iter()
        .map(|(lane, end)| {
            let next = first.get(&lane).copied().unwrap_or(0);
            (lane, Span { next, end: Some(end) })
        })
        .filter(|(_, span)| span.end > Some(span.next))
        .collect();
    let mut found = None;
    last::read_whole(&consumer, spans, timeout, |event| {
        if event.key.as_deref() == Some(run.as_bytes()) {
            found = event.payload.map(|payload| payload.to_vec());
        }
    })?;
    Ok(found)
}

/// What is committed can be read only up to the first transaction under way, whoever's it is.
fn wait_for_others(
    consumer: &BaseConsumer<Listener>,
    committed: &Offsets<'_>,
    topics: &[Topic],
    written: &BTreeMap<Lane, i64>,
) -> Result<(), EndpointError> {
    let deadline = Instant::now() + OTHERS_END;
    loop {
        let readable = committed.behind_last(topics)?;
        if written.iter().all(|(lane, end)| readable.get(lane).is_some_and(|readable| readable >= end)) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let address = consumer.client().context().address();
            let message = format!("a transaction of another run at `{address}` does not end");
            return Err(EndpointError::new(EndpointErrorKind::Timeout, message)
                .help("`kafka-transactions.sh find-hanging` finds it; then `--resume` again"));
        }
        std::thread::sleep(LOOK);
    }
}
