//! The newest events of a channel, for a page that asked for them: from its system, without joining a group.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::hub::{Hub, Message, Wish};
use super::picture::Picture;
use super::showing::Shown;
use crate::commands::graph::observing::protocol;
use crate::commands::reading::Reading;
use crate::commands::target::{Place, with_wildcards};
use crate::endpoint::address::Scheme;
use crate::endpoint::inspect::Observed;
use crate::endpoint::open::{open_source, reading_of};
use crate::endpoint::{Address, Source, SourceOptions, Start};
use crate::event::Event;
use crate::replay::Masker;
use crate::settings::Environment;
use crate::topology::Node;
use crate::topology::patterns::Pattern;

/// Events of the past that are shown first, where the system keeps them.
const PAST: u64 = 20;
/// Events shown in one second at most.
const PER_SECOND: u32 = 50;
/// Events read at once.
const BATCH: usize = 100;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Options of an address that reading does not know.
const ONLY_LOOKED_AT: [&str; 2] = ["management", "monitor"];

/// How events are read and shown.
pub(super) struct Tails {
    /// Where the systems are.
    pub systems: Vec<Place>,
    /// Where secrets come from.
    pub environment: Environment,
    /// What must not be seen.
    pub masker: Option<Masker>,
    /// What payloads are read by.
    pub reading: Reading,
}

impl Tails {
    /// Shows a page what it wishes to see, until it goes.
    pub(super) fn show(&self, wish: Wish, picture: &Picture, hub: &Hub) {
        let found = picture.channel(&wish.channel).ok_or_else(|| "there is no such channel now".to_owned());
        let place = found.and_then(|node| self.place(node, picture));
        let (place, start) = match place {
            Ok(found) => found,
            Err(words) => {
                return refuse(&wish, &words);
            }
        };
        let tail = Tail {
            out: wish.out,
            masker: self.masker.clone(),
            reading: self.reading.clone(),
            budget: Budget::new(),
        };
        let room = wish.room;
        let (environment, mut over) = (self.environment.clone(), hub.over.subscribe());
        tokio::spawn(async move {
            let gone = tail.out.clone();
            let ended = async {
                tokio::select! {
                    () = gone.closed() => {}
                    _ = over.wait_for(|over| *over) => {}
                }
            };
            tail.run(place, start, environment, ended).await;
            drop(room);
        });
    }

    /// Where the events of a channel are read: from the system that showed it, else from one that speaks its protocol.
    fn place(&self, node: &Node, picture: &Picture) -> Result<(Place, Start), String> {
        let known = picture.sources(node);
        let speaks = |place: &&Place| {
            let own = if node.protocol.as_deref() == Some("jetstream") {
                Some("nats")
            } else {
                node.protocol.as_deref()
            };
            own.is_none_or(|own| own == protocol(&place.address))
        };
        let is_known = |place: &&Place| known.contains(&place.address.to_string().as_str());
        let mut systems = self.systems.iter().filter(speaks);
        let place = systems.clone().find(is_known).or_else(|| systems.next());
        let place = place.ok_or("none of the systems that are asked has this channel")?;
        let shown = place.address.to_string();
        let told = picture.looked().and_then(|looked| {
            let system = looked.systems.iter().find(|system| system.address == shown);
            system.map(|system| &system.told)
        });
        let (address, start) = reading(&place.address, &node.name, told)?;
        Ok((Place { address, ..place.clone() }, start))
    }
}

/// Tells a page why it sees nothing.
pub(super) fn refuse(wish: &Wish, words: &str) {
    // The page that asked may have gone.
    let _ = wish.out.try_send(("trouble", words.to_owned()));
}

/// The address by which a channel of a system is read, and where reading begins.
fn reading(server: &Address, channel: &str, told: Option<&Observed>) -> Result<(Address, Start), String> {
    let filled = with_wildcards(channel, server.scheme);
    match server.scheme {
        Scheme::Kafka | Scheme::Redis if channel.contains('{') => {
            Err("the address of this channel has parameters: it stands for many".to_owned())
        }
        Scheme::Kafka | Scheme::Redis => Ok((reading_of(server, channel, None), Start::Last(PAST))),
        Scheme::Mqtt => Ok((reading_of(server, &filled, None), Start::Default)),
        Scheme::Nats | Scheme::JetStream => {
            let subject = Pattern::new(Some("nats"), &filled);
            let keeps = |address: &String| Pattern::new(Some("nats"), address).meets(&subject);
            let mut streams = told.iter().flat_map(|told| &told.channels);
            let Some(stream) = streams.find(|stream| stream.addresses.iter().any(keeps)) else {
                let mut address = reading_of(server, &filled, None);
                address.scheme = Scheme::Nats;
                return Ok((address, Start::Default));
            };
            let mut address = reading_of(server, &stream.name, None);
            address.scheme = Scheme::JetStream;
            address.options.push(("subject".to_owned(), filled));
            Ok((address, Start::Last(PAST)))
        }
        Scheme::Amqp if server.path.split('/').nth(1).is_some_and(|exchange| !exchange.is_empty()) => {
            let mut address = server.clone();
            address.options.retain(|(name, _)| !ONLY_LOOKED_AT.contains(&name.as_str()));
            address.options.push(("routing-key".to_owned(), filled));
            Ok((address, Start::Default))
        }
        Scheme::Amqp => {
            Err("a queue gives each event to one reader; name the exchange in the address of the system, \
             `amqp://host/%2F/EXCHANGE`, to see what comes to it"
                .to_owned())
        }
        _ => Err("this system shows no events to lookers-on".to_owned()),
    }
}

/// The events of one channel on their way to one page.
struct Tail {
    out: mpsc::Sender<Message>,
    masker: Option<Masker>,
    reading: Reading,
    budget: Budget,
}

impl Tail {
    /// Shows events until `ended`, then leaves the system at once, so that nothing of ours stays there.
    async fn run(
        mut self,
        place: Place,
        start: Start,
        environment: Environment,
        ended: impl Future<Output = ()>,
    ) {
        let mut ended = pin!(ended);
        let mut source = match opened(place, start, environment).await {
            Ok(source) => source,
            Err(words) => return self.say("trouble", words).await,
        };
        tokio::select! {
            () = self.go_on(source.as_mut()) => {}
            () = ended.as_mut() => {}
        }
        // Whoever looked has gone; that leaving failed concerns nobody.
        let _ = tokio::time::timeout(CONNECT, source.close()).await;
    }

    async fn go_on(&mut self, source: &mut dyn Source) {
        self.say("listening", "yes".to_owned()).await;
        loop {
            let rest = self.budget.rest();
            let batch = tokio::select! {
                batch = source.next_batch(BATCH) => batch,
                () = tokio::time::sleep(rest), if self.budget.left > 0 => {
                    self.say_left().await;
                    continue;
                }
            };
            match batch {
                Ok(batch) if batch.is_empty() => {
                    return self.say("trouble", "the events have ended".to_owned()).await;
                }
                Ok(batch) => batch.into_iter().for_each(|event| self.take(event)),
                Err(error) if error.retryable() => {}
                Err(error) => return self.say("trouble", error.to_string()).await,
            }
        }
    }

    fn take(&mut self, mut event: Event) {
        if !self.budget.takes() {
            return;
        }
        let mut notes = Vec::new();
        if let Some(masker) = &self.masker {
            match masker.apply(&mut event) {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => {
                    event = Event { payload: None, key: None, headers: Vec::new(), ..event };
                    notes.push("it could not be masked and is not shown".to_owned());
                }
            }
        } else if let Some(read) = self.reading.read(&event) {
            (event, notes) = (read.event, read.notes);
        }
        let shown = serde_json::to_string(&Shown::new(&event, &notes)).unwrap_or_default();
        if let Err(TrySendError::Full(_)) = self.out.try_send(("event", shown)) {
            self.budget.left += 1;
        }
    }

    async fn say(&self, kind: &'static str, words: String) {
        // A page that has gone needs no words.
        let _ = self.out.send((kind, words)).await;
    }

    async fn say_left(&mut self) {
        let left = std::mem::take(&mut self.budget.left);
        self.say("left", left.to_string()).await;
    }
}

async fn opened(place: Place, start: Start, environment: Environment) -> Result<Box<dyn Source>, String> {
    // Files are read and programs run that hold what lets us in.
    let unlocked = tokio::task::spawn_blocking(move || place.unlock(&environment)).await;
    let (address, credentials) =
        unlocked.map_err(|error| error.to_string())?.map_err(|error| error.message)?;
    let options = SourceOptions { start, connect_timeout: CONNECT, credentials, ..SourceOptions::default() };
    open_source(&address, &options).await.map_err(|error| error.to_string())
}

/// So many events in each second, and no more.
struct Budget {
    since: Instant,
    taken: u32,
    /// Events that were not shown, and not told of yet.
    left: u64,
}

impl Budget {
    fn new() -> Self {
        Self { since: Instant::now(), taken: 0, left: 0 }
    }

    fn takes(&mut self) -> bool {
        if self.since.elapsed() >= Duration::from_secs(1) {
            (self.since, self.taken) = (Instant::now(), 0);
        }
        self.taken += 1;
        let takes = self.taken <= PER_SECOND;
        self.left += u64::from(!takes);
        takes
    }

    /// Until the second is over.
    fn rest(&self) -> Duration {
        Duration::from_secs(1).saturating_sub(self.since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, PER_SECOND, reading};
    use crate::endpoint::inspect::{Observed, ObservedChannel};
    use crate::endpoint::{Address, Start};

    fn read(server: &str, channel: &str, told: Option<&Observed>) -> Result<(String, bool), String> {
        let (address, start) = reading(&Address::parse(server).expect("an address"), channel, told)?;
        let options: Vec<String> =
            address.options.iter().map(|(name, value)| format!("?{name}={value}")).collect();
        Ok((format!("{address}{}", options.concat()), start != Start::Default))
    }

    #[test]
    fn each_system_is_read_without_a_group() {
        let stream = ObservedChannel {
            name: "ORDERS".to_owned(),
            addresses: vec!["orders.>".to_owned()],
            ..ObservedChannel::default()
        };
        let told = Observed { channels: vec![stream], ..Observed::default() };
        for (server, channel, expected) in [
            ("kafka://h:9092", "orders", Some(("kafka://h:9092/orders", true))),
            ("kafka://h:9092", "orders.{id}", None),
            ("redis://h:6379", "orders", Some(("redis://h:6379/orders", true))),
            ("mqtt://h:1883", "shop/{id}/paid", Some(("mqtt://h:1883/shop/+/paid", false))),
            ("nats://h:4222?monitor=http://h:8222", "audit.{id}", Some(("nats://h:4222/audit.*", false))),
            (
                "nats://h:4222",
                "orders.placed",
                Some(("jetstream+nats://h:4222/ORDERS?subject=orders.placed", true)),
            ),
            (
                "amqp://h:5672/%2F/shop?management=http://h:15672",
                "paid",
                Some(("amqp://h:5672/%2F/shop?routing-key=paid", false)),
            ),
            ("amqp://h:5672/%2F", "paid", None),
            ("http://h:80/hooks", "hooks", None),
        ] {
            let found = read(server, channel, Some(&told)).ok();
            let expected = expected.map(|(address, past): (&str, bool)| (address.to_owned(), past));
            assert_eq!(found, expected, "{server} {channel}");
        }
    }

    #[test]
    fn a_flood_is_counted_instead_of_shown() {
        let mut budget = Budget::new();
        let shown = (0..200).filter(|_| budget.takes()).count();
        assert!(shown >= PER_SECOND as usize);
        assert_eq!(shown as u64 + budget.left, 200);
    }
}
