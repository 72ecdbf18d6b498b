//! What a cluster says of its brokers and topics, asked with an eye on why it does not answer.

use std::time::{Duration, Instant};

use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::{Metadata, MetadataPartition};
use rdkafka::types::RDKafkaRespErr;

use super::failure;
use super::listener::Listener;
use crate::endpoint::{Address, EndpointError, EndpointErrorKind};

/// A name may have several addresses, of which the first does not answer: the others get this long.
const OTHER_ADDRESSES: Duration = Duration::from_millis(400);
/// Topics with such names are the cluster's own.
const INTERNAL: &str = "__";

/// A topic and its partitions, in order.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) partitions: Vec<i32>,
}

impl Topic {
    /// Its name with each of its partitions.
    pub(super) fn lanes(&self) -> impl Iterator<Item = (String, i32)> {
        self.partitions.iter().map(|partition| (self.name.clone(), *partition))
    }
}

/// What a cluster says of itself.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) brokers: Vec<String>,
    /// The topics asked for, or all that are not internal.
    pub(super) topics: Vec<Topic>,
}

/// Asks the cluster until it answers, refuses or the time is over; `poll` lets the client call back meanwhile.
pub(super) fn ask(
    client: &Client<Listener>,
    topic: Option<&str>,
    timeout: Duration,
    poll: &dyn Fn(),
) -> Result<Cluster, EndpointError> {
    read(&fetch(client, topic, timeout, poll)?, topic, client.context())
}

/// Whether the cluster lets us in: any question shows it. One after a single topic has a short answer, whatever it is, but may
/// make the topic where the client asks for that (`makes_topics`).
pub(super) fn answers(
    client: &Client<Listener>,
    makes_topics: bool,
    timeout: Duration,
    poll: &dyn Fn(),
) -> Result<(), EndpointError> {
    fetch(client, (!makes_topics).then_some("eddy"), timeout, poll).map(drop)
}

fn fetch(
    client: &Client<Listener>,
    topic: Option<&str>,
    timeout: Duration,
    poll: &dyn Fn(),
) -> Result<Metadata, EndpointError> {
    let listener = client.context();
    let address = listener.address();
    let deadline = Instant::now() + timeout;
    let mut slice = Duration::from_millis(50);
    loop {
        poll();
        if let Some(refusal) = listener.refusal() {
            return Err(refusal);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let asked = client.fetch_metadata(topic, slice.min(left).max(Duration::from_millis(1)));
        let error = match asked {
            Ok(metadata) => {
                listener.answered();
                return Ok(metadata);
            }
            Err(error) => error,
        };
        poll();
        if let Some(refusal) = listener.refusal() {
            return Err(refusal);
        }
        let down = listener.down();
        if let Some((since, why)) = &down
            && since.elapsed() > OTHER_ADDRESSES
        {
            return Err(why.clone());
        }
        if Instant::now() >= deadline {
            return Err(down.map_or_else(|| failure::silence(address, timeout.as_secs_f32()), |(_, why)| why));
        }
        if !may_be_a_matter_of_time(&error) {
            return Err(failure::request("tell of its topics", &error, address));
        }
        slice = (slice * 2).min(Duration::from_secs(1));
    }
}

fn may_be_a_matter_of_time(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::OperationTimedOut
                | Code::AllBrokersDown
                | Code::RequestTimedOut
                | Code::NetworkException
                | Code::LeaderNotAvailable
        )
    )
}

fn read(metadata: &Metadata, asked: Option<&str>, listener: &Listener) -> Result<Cluster, EndpointError> {
    let mut topics = Vec::new();
    for topic in metadata.topics() {
        match topic.error() {
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) if asked.is_some() => {
                return Err(failure::forbidden(topic.name(), "Describe", listener.address()));
            }
            // Asked for and not there, or about to be made: it has no partitions, which says it.
            _ if asked.is_none() && topic.name().starts_with(INTERNAL) => continue,
            _ => {}
        }
        let mut partitions: Vec<i32> = topic.partitions().iter().map(MetadataPartition::id).collect();
        partitions.sort_unstable();
        topics.push(Topic { name: topic.name().to_owned(), partitions });
    }
    topics.retain(|topic| !topic.partitions.is_empty());
    topics.sort_by(|one, other| one.name.cmp(&other.name));
    let brokers =
        metadata.brokers().iter().map(|broker| format!("{}:{}", broker.host(), broker.port())).collect();
    Ok(Cluster { brokers, topics })
}

/// One topic by its name.
///
/// # Errors
/// When there is none of that name, with the nearest one, and as [`ask`].
pub(super) fn topic(
    client: &Client<Listener>,
    name: &str,
    timeout: Duration,
    poll: &dyn Fn(),
) -> Result<Topic, EndpointError> {
    let address = client.context().address().clone();
    if !is_a_name(name) {
        return Err(no_name(name));
    }
    let found = ask(client, Some(name), timeout, poll)?.topics.pop();
    found.ok_or_else(|| {
        let all = ask(client, None, timeout, poll).map(|cluster| cluster.topics).unwrap_or_default();
        let names: Vec<String> = all.into_iter().map(|topic| topic.name).collect();
        failure::no_topic(name, &names, &address)
    })
}

/// Refuses an address with one of these names in its path that is none of a topic, before anything is asked.
pub(super) fn check_names<'a>(
    address: &Address,
    mut names: impl Iterator<Item = &'a str>,
) -> Result<(), EndpointError> {
    let Some(wrong) = names.find(|name| !name.is_empty() && !is_a_name(name)) else {
        return Ok(());
    };
    let begin = address.path.find(wrong).unwrap_or_default();
    let letters = wrong.char_indices().find(|(_, each)| !is_of_a_name(*each));
    let range = letters.map_or(0..wrong.len(), |(at, each)| at..at + each.len_utf8());
    Err(address.refuse_path(begin + range.start..begin + range.end, no_name(wrong)))
}

fn no_name(name: &str) -> EndpointError {
    let message = format!("`{name}` is not the name of a topic");
    EndpointError::new(EndpointErrorKind::Rejected, message).help(failure::NAMES)
}

/// Whether Kafka would take it for a topic.
pub(super) fn is_a_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 249 && name != "." && name != ".." && name.chars().all(is_of_a_name)
}

fn is_of_a_name(each: char) -> bool {
    each.is_ascii_alphanumeric() || "._-".contains(each)
}

#[cfg(test)]
mod tests {
    use super::is_a_name;

    #[test]
    fn names_of_topics() {
        for (name, expected) in [
            ("orders.v1_eu-west", true),
            ("", false),
            ("..", false),
            ("a b", false),
            ("ü", false),
            ("a/b", false),
        ] {
            assert_eq!(is_a_name(name), expected, "{name}");
        }
    }
}
