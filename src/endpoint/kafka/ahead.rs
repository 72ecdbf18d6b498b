//! A producer that connects, and asks for its producer id, before it is known what it is to send.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;

use super::listener::Listener;
use super::producer::{Patience, Producer};
use super::{cluster, settings};
use crate::endpoint::ahead::Ahead;
use crate::endpoint::receipt_book::ReceiptBook;
use crate::endpoint::{Address, EndpointError, SinkOptions};

/// How long no broker may be there before events that wait for one are given back.
const GONE: Duration = Duration::from_secs(2);

/// How a producer is started.
pub(super) struct Settings {
    config: ClientConfig,
    listener: Listener,
    linger: settings::Linger,
    patience: Option<Patience>,
}

impl Settings {
    /// Reads address and options.
    pub(super) fn read(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let (mut config, listener) =
            settings::connection(address, options.credentials.as_ref(), &settings::SINK_OPTIONS)?;
        // The last record of a transaction, the progress of the run, would wait alone.
        let in_bulk = options.in_bulk && options.transactions.is_none();
        let batching = settings::Batching { in_bulk, at_once: options.at_once };
        let linger = settings::sending(&mut config, address, options.receipt_timeout, batching)?;
        if let Some(wanted) = &options.transactions {
            settings::transacting(&mut config, address, &wanted.run)?;
        } else {
            // The client forgets single events in its own time, and later ones may go before they go again: we do not let it
            // come to that.
            let beyond = options.receipt_timeout * 4 + Duration::from_secs(60);
            config.set("message.timeout.ms", beyond.as_millis().to_string());
        }
        // What waits to go together with more waits for nothing else.
        let patience =
            Patience { receipt: options.receipt_timeout + linger.time, broker: GONE + linger.time };
        let patience = options.transactions.is_none().then_some(patience);
        if let Some(together) = config.get("batch.size").and_then(|bytes| bytes.parse().ok()) {
            listener.sends_together(together);
        }
        Ok(Self { config, listener, linger, patience })
    }

    /// Whether topics that are not there are to be made.
    pub(super) fn creates(&self) -> bool {
        self.config.get("allow.auto.create.topics") == Some("true")
    }

    /// Whether the cluster gives the producer an id of its own, outside of transactions.
    pub(super) fn gets_an_id(&self) -> bool {
        self.patience.is_some() && self.config.get("enable.idempotence") == Some("true")
    }

    /// Whether what waits in the client is to be sent when nothing follows.
    pub(super) fn holds_back(&self) -> bool {
        self.linger.is_unasked
    }

    /// Starts a producer; nothing is sent yet.
    pub(super) fn start(self) -> Result<Started, EndpointError> {
        let book = self.listener.book();
        let producer = Arc::new(Producer::start(&self.config, self.listener, self.patience)?);
        Ok(Started { producer, book, asks_for_its_id: false })
    }

    fn written(&self) -> BTreeMap<String, String> {
        let config = self.config.config_map().into_iter();
        config.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// A producer, and the receipts it gets.
#[derive(Clone)]
pub(super) struct Started {
    pub(super) producer: Arc<Producer>,
    pub(super) book: Arc<ReceiptBook>,
    /// It has been seen to that the client asks for its producer id.
    pub(super) asks_for_its_id: bool,
}

/// A producer that was started ahead, for the sink that is opened first.
struct Begun {
    address: Address,
    written: BTreeMap<String, String>,
    started: Mutex<Option<Started>>,
}

impl Begun {
    fn started(&self) -> MutexGuard<'_, Option<Started>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a producer and has it connect, without waiting for it. None when it cannot be started: whoever opens the sink is told
/// why.
pub(super) fn begin(address: &Address, options: &SinkOptions) -> Option<Ahead> {
    let settings = Settings::read(address, options).ok()?;
    let (written, creates) = (settings.written(), settings.creates());
    let started = settings.start().ok()?;
    let (producer, timeout) = (Arc::clone(&started.producer), options.connect_timeout);
    let body = move || {
        // The second answer makes the client ask for its producer id; see `once_more`. Who asks after us is told what fails.
        for _ in 0..2 {
            if cluster::answers(producer.client(), creates, timeout, &|| {}).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("eddy-kafka".to_owned()).spawn(body).ok()?;
    let started = Mutex::new(Some(Started { asks_for_its_id: true, ..started }));
    Some(Ahead::of(Begun { address: address.clone(), written, started }))
}

/// The producer that was begun for this address, to ask its cluster.
pub(super) fn asking(address: &Address, options: &SinkOptions) -> Option<Arc<Producer>> {
    let begun: &Begun = options.ahead.as_ref()?.begun()?;
    let started = begun.started();
    started.as_ref().filter(|_| begun.address == *address).map(|started| Arc::clone(&started.producer))
}

/// What was begun is of no use: whoever asks next connects anew.
pub(super) fn give_up(options: &SinkOptions) {
    if let Some(begun) = options.ahead.as_ref().and_then(|ahead| ahead.begun::<Begun>()) {
        begun.started().take();
    }
}

/// The producer that was begun with these very settings, once.
pub(super) fn taken(address: &Address, options: &SinkOptions, settings: &Settings) -> Option<Started> {
    let begun: &Begun = options.ahead.as_ref()?.begun()?;
    let is_the_same = begun.address == *address && begun.written == settings.written();
    let started = begun.started().take();
    started.filter(|_| is_the_same)
}

#[cfg(test)]
mod tests {
    use super::{Settings, asking, begin, give_up, taken};
    use crate::endpoint::{Address, SinkOptions};

    fn address(text: &str) -> Address {
        Address::parse(text).expect("an address")
    }

    #[test]
    fn what_was_begun_is_taken_once_and_only_with_the_same_settings() {
        let here = address("kafka://127.0.0.1:1/orders");
        let plain = SinkOptions { in_bulk: true, ..SinkOptions::default() };
        let ahead = |options: &SinkOptions| {
            let ahead = begin(&here, options);
            assert!(ahead.is_some(), "it starts without a broker");
            SinkOptions { ahead, ..options.clone() }
        };
        let take = |address: &Address, options: &SinkOptions| {
            let settings = Settings::read(address, options).expect("settings");
            taken(address, options, &settings).is_some()
        };
        let options = ahead(&plain);
        assert!(asking(&here, &options).is_some());
        assert!(asking(&address("kafka://127.0.0.1:1/others"), &options).is_none());
        assert!(take(&here, &options));
        assert!(!take(&here, &options), "it is somebody's already");
        // A topic that takes less at once than what is sent together, so that it goes in smaller parts.
        let mut smaller = ahead(&plain);
        smaller.at_once = Some(10_000);
        assert!(!take(&here, &smaller));
        let mut as_large = ahead(&plain);
        as_large.at_once = Some(1_048_516);
        assert!(take(&here, &as_large));
        let given_up = ahead(&plain);
        give_up(&given_up);
        assert!(asking(&here, &given_up).is_none());
        assert!(begin(&address("kafka://127.0.0.1:1/orders?linger=long"), &plain).is_none());
    }
}
