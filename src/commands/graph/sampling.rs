//! `eddy graph --sample`: who sent the newest events of each channel, by what these say themselves. No group is joined.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::super::Context;
use super::super::doctor::unlock;
use super::super::target::Place;
use crate::endpoint::address::Scheme;
use crate::endpoint::inspect::{Direction, KnownBy, NotObservable, Observed, ObservedFlow, SeenBy, Why};
use crate::endpoint::open::{open_source, reading_of};
use crate::endpoint::{Address, EndpointError, EndpointErrorKind, SourceOptions, Start, Stop};
use crate::event::Event;
use crate::topology::aliases::Identity;
use crate::topology::sightings::sender;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the events of one channel may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long all events of one system may take to come.
const ALTOGETHER: Duration = Duration::from_secs(60);
/// Channels that are read at the same time.
const AT_ONCE: usize = 4;
/// How sure a name that stands in events makes it, in hundredths: whoever sends writes there what it likes.
const CONFIDENCE: u8 = 80;

/// What is read.
#[derive(Clone, Debug)]
pub(super) struct Sampling {
    /// Events of each channel at most.
    pub events: u64,
    /// Headers with the name of the service.
    pub headers: Vec<String>,
}

/// Senders by channel, identity, name, and what says so.
type Senders = BTreeMap<(String, Identity, String, String), u64>;

impl Sampling {
    /// Reads the newest events of every channel that a system told of, and adds who sent them.
    pub(super) async fn look(&self, place: &Place, told: &mut Observed, context: &Context) {
        let scheme = match place.address.scheme {
            Scheme::Kafka => Scheme::Kafka,
            Scheme::Redis => Scheme::Redis,
            Scheme::Nats | Scheme::JetStream => Scheme::JetStream,
            Scheme::Amqp => {
                return note(
                    told,
                    Why::Unsupported,
                    "a queue gives each event to one reader, so none is read",
                );
            }
            _ => return note(told, Why::Unsupported, "this system keeps no events that could be read"),
        };
        let (server, credentials) = match unlock(place, &context.environment).await {
            Ok(unlocked) => unlocked,
            Err(error) => return note(told, Why::Denied, &error.message),
        };
        let options = SourceOptions {
            start: Start::Last(self.events),
            stop: Stop::PresentEnd,
            connect_timeout: CONNECT,
            credentials,
            ..SourceOptions::default()
        };
        let addresses = told.channels.iter().map(|channel| {
            let mut address = reading_of(&server, &channel.name, None);
            address.scheme = scheme;
            address
        });
        let addresses: Vec<Address> = addresses.collect();
        self.channels(&addresses, &options, told).await;
    }

    async fn channels(&self, addresses: &[Address], options: &SourceOptions, told: &mut Observed) {
        let reads = addresses.iter().map(|address| self.channel(address, options));
        let mut reads = futures_util::stream::iter(reads).buffer_unordered(AT_ONCE);
        let deadline = tokio::time::Instant::now() + ALTOGETHER;
        let (mut senders, mut events) = (Senders::new(), BTreeMap::new());
        let (mut read, mut failed) = (0, Vec::new());
        while let Ok(Some(outcome)) = tokio::time::timeout_at(deadline, reads.next()).await {
            read += 1;
            match outcome {
                Ok(found) => self.count(&found, &mut senders, &mut events),
                Err(error) => failed.push(error.to_string()),
            }
        }
        if read < addresses.len() {
            let (count, seconds) = (addresses.len(), ALTOGETHER.as_secs());
            let words = format!("{read} of {count} channels were read within {seconds} s");
            note(told, Why::Incomplete, &words);
        }
        failed.sort();
        if let Some(first) = failed.first() {
            note(told, Why::Incomplete, &format!("{} channels could not be read: {first}", failed.len()));
        }
        told.flows.extend(flows(senders, &events));
    }

    /// The newest events of one channel.
    async fn channel(&self, address: &Address, options: &SourceOptions) -> Result<Vec<Event>, EndpointError> {
        let most = usize::try_from(self.events).unwrap_or(usize::MAX);
        let mut source = open_source(address, options).await?;
        let mut events = Vec::new();
        let reading = async {
            while events.len() < most {
                let batch = source.next_batch(most - events.len()).await?;
                if batch.is_empty() {
                    break;
                }
                events.extend(batch);
            }
            Ok::<(), EndpointError>(())
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        // A consumer of ours that cannot be taken away now goes by itself.
        let _ = tokio::time::timeout(CONNECT, source.close()).await;
        match read {
            Ok(read) => read?,
            Err(_) if events.is_empty() => {
                let message = format!("no event of `{address}` came within {} s", PATIENCE.as_secs());
                return Err(EndpointError::new(EndpointErrorKind::Timeout, message));
            }
            Err(_) => {}
        }
        Ok(events)
    }

    fn count(&self, found: &[Event], senders: &mut Senders, events: &mut BTreeMap<String, u64>) {
        for event in found {
            *events.entry(event.channel.to_string()).or_default() += 1;
            if let Some((identity, name, by)) = sender(event, &self.headers) {
                *senders.entry((event.channel.to_string(), identity, name, by)).or_default() += 1;
            }
        }
    }
}

fn note(told: &mut Observed, why: Why, words: &str) {
    told.not_observable.push(NotObservable::remark(why, format!("senders named in events: {words}")));
}

fn flows(senders: Senders, events: &BTreeMap<String, u64>) -> impl Iterator<Item = ObservedFlow> {
    senders.into_iter().map(|((channel, identity, who, by), count)| ObservedFlow {
        remark: format!("{count} of the newest {} with {by}", events.get(&channel).copied().unwrap_or(count)),
        who,
        known_by: match identity {
            Identity::User => KnownBy::User,
            Identity::Client => KnownBy::Client,
            Identity::Group => KnownBy::Group,
            Identity::Service => KnownBy::Service,
        },
        clients: Vec::new(),
        direction: Direction::Sends,
        addresses: vec![channel],
        seen_by: SeenBy::EventHeader,
        confidence: CONFIDENCE,
        waiting: None,
    })
}
