//! A producer and the thread that takes in its receipts.

#![allow(unsafe_code, reason = "the safe interface of the client does not send what it holds back")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::bindings::{rd_kafka_flush, rd_kafka_message_status};
use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{BaseProducer, Producer as _, PurgeConfig};

use super::listener::Listener;
use super::message::Record;
use crate::endpoint::{EndpointError, EndpointErrorKind};

/// How soon the thread sees that it is to end; receipts are taken in at once.
const LOOK: Duration = Duration::from_millis(20);

/// How long nothing waits for others in the client once it was told to hurry, in milliseconds.
const HURRY_MS: i32 = 20;

/// How long a broker may take to show that it is there.
const ASKING: Duration = Duration::from_millis(500);

/// How long events may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For any receipt.
    pub(super) receipt: Duration,
    /// For a broker, while none is there.
    pub(super) broker: Duration,
}

/// Whether an event that was given back was never handed to a broker, as far as the client knows.
pub(super) fn surely_unsent(message: &BorrowedMessage<'_>) -> bool {
    // SAFETY: the message lives as long as the borrow, and the client only reads it.
    let status = unsafe { rd_kafka_message_status(message.ptr()) };
    status == rdkafka::bindings::rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED
}

/// A producer; receipts go to the book of its listener.
pub(super) struct Producer {
    base: Arc<BaseProducer<Listener>>,
    ended: Arc<AtomicBool>,
    /// What waits is being sent.
    hurrying: Arc<AtomicBool>,
}

impl Producer {
    /// Starts it; nothing is sent yet. When events wait in vain, for a broker or too long for any receipt, all of them are given
    /// back, so that none of them overtakes another when they go again. Without patience, as in transactions, nothing is given
    /// back: they end as a whole.
    pub(super) fn start(
        config: &ClientConfig,
        listener: Listener,
        patience: Option<Patience>,
    ) -> Result<Self, EndpointError> {
        let made = BaseProducer::from_config_and_context(config, listener);
        let producer = Arc::new(made.map_err(|error| cannot_start(&error))?);
        let ended = Arc::new(AtomicBool::new(false));
        let (polled, until) = (Arc::clone(&producer), Arc::clone(&ended));
        let thread = std::thread::Builder::new().name("eddy-receipts".to_owned());
        let started = thread.spawn(move || {
            while !until.load(Ordering::Relaxed) {
                polled.poll(LOOK);
                let is_there = || polled.client().fetch_metadata(None, ASKING).is_ok();
                if patience.is_some_and(|patience| polled.context().waits_in_vain(patience, is_there)) {
                    polled.purge(PurgeConfig::default().queue().inflight());
                }
            }
        });
        started.map_err(|error| {
            EndpointError::new(EndpointErrorKind::File, format!("cannot start a thread: {error}"))
        })?;
        Ok(Self { base: producer, ended, hurrying: Arc::default() })
    }

    /// The client below.
    pub(super) fn client(&self) -> &Client<Listener> {
        self.base.client()
    }

    /// Hands a record to the client, or gives it back with the reason.
    #[allow(clippy::result_large_err, reason = "the record comes back so that it need not be made again")]
    pub(super) fn send<'a>(&self, record: Record<'a>) -> Result<(), (KafkaError, Record<'a>)> {
        self.base.send(record)
    }

    /// Takes over what an earlier producer of the same transactional id has begun.
    pub(super) fn take_over(&self, timeout: Duration) -> Result<(), KafkaError> {
        self.base.init_transactions(timeout)
    }

    /// Begins a transaction; records sent from now on belong to it.
    pub(super) fn begin_transaction(&self) -> Result<(), KafkaError> {
        self.base.begin_transaction()
    }

    /// Waits until everything is acknowledged, and ends the transaction.
    pub(super) fn commit_transaction(&self, timeout: Duration) -> Result<(), KafkaError> {
        self.base.commit_transaction(timeout)
    }

    /// Takes back what was sent since the transaction began.
    pub(super) fn abort_transaction(&self, timeout: Duration) -> Result<(), KafkaError> {
        self.base.abort_transaction(timeout)
    }

    /// Has everything that waits to go together with more sent now. Returns at once: the client waits for receipts meanwhile.
    pub(super) fn hurry(&self) {
        if self.hurrying.swap(true, Ordering::AcqRel) {
            return;
        }
        let (producer, hurrying) = (Arc::clone(&self.base), Arc::clone(&self.hurrying));
        tokio::task::spawn_blocking(move || {
            // SAFETY: the client lives as long as the producer, and may be asked by any thread at any time. That not all is
            // acknowledged after this time is no failure.
            unsafe { rd_kafka_flush(producer.client().native_ptr(), HURRY_MS) };
            hurrying.store(false, Ordering::Release);
        });
    }

    /// Waits until everything is acknowledged or failed.
    pub(super) fn flush(&self, timeout: Duration) -> Result<(), KafkaError> {
        self.base.flush(timeout)
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// The client did not accept its own configuration.
pub(super) fn cannot_start(error: &KafkaError) -> EndpointError {
    let words = match error {
        KafkaError::ClientConfig(_, words, name, _) => format!("`{name}`: {words}"),
        KafkaError::ClientCreation(words) => words.clone(),
        other => other.to_string(),
    };
    EndpointError::new(EndpointErrorKind::Unsupported, format!("the Kafka client cannot start: {words}"))
        .help("`cert` and `key` must belong together and be PEM; see `docs/systems.md` for the other options")
}
