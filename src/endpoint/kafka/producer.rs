//! A producer and the thread that takes in its receipts.

#![allow(unsafe_code, reason = "the safe interface sends nothing early, and looks topics up each time")]

use std::ffi::CString;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::bindings::rd_kafka_vtype_t as Field;
use rdkafka::bindings::{
    RD_KAFKA_MSG_F_COPY, rd_kafka_flush, rd_kafka_headers_t, rd_kafka_last_error, rd_kafka_message_status,
    rd_kafka_producev, rd_kafka_resp_err_t, rd_kafka_topic_destroy, rd_kafka_topic_new, rd_kafka_topic_t,
};
use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{BaseProducer, Producer as _, PurgeConfig};

use super::listener::Listener;
use super::message::Record;
use crate::endpoint::{EndpointError, EndpointErrorKind};

/// How soon the thread sees that it is to end; receipts are taken in at once.
const LOOK: Duration = Duration::from_millis(20);

/// How long nothing waits for others in the client once it was told to hurry, in milliseconds.
const HURRY_MS: i32 = 20;

/// The partition is for the client to choose.
const UNCHOSEN: i32 = -1;

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

/// A topic as the client knows it: looked up once for all records that go there.
pub(super) struct Topic {
    native: NonNull<rd_kafka_topic_t>,
    /// The client does not end before its topics do.
    _client: Arc<BaseProducer<Listener>>,
}

// SAFETY: the client guards what it knows of a topic with locks of its own, whichever thread asks.
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: it was made for us alone, and this is its last use.
        unsafe { rd_kafka_topic_destroy(self.native.as_ptr()) };
    }
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

    /// A topic by its name, whether the cluster has it or not.
    ///
    /// # Errors
    /// When the client takes it for no name.
    pub(super) fn topic(&self, name: &str) -> Result<Topic, EndpointError> {
        let no_name = |why: &str| {
            let message = format!("the Kafka client does not take `{name}` for the name of a topic: {why}");
            EndpointError::new(EndpointErrorKind::Rejected, message)
                .help("the names of topics have up to 249 letters, digits, `.`, `_` and `-`")
        };
        let text = CString::new(name).map_err(|error| no_name(&error.to_string()))?;
        // SAFETY: the client lives as long as the producer, and copies the name. Without settings of its own the topic has
        // those of the client.
        let native = unsafe { rd_kafka_topic_new(self.client().native_ptr(), text.as_ptr(), null_mut()) };
        let Some(native) = NonNull::new(native) else {
            // SAFETY: it only reads what the last call of this thread left.
            let why = RDKafkaErrorCode::from(unsafe { rd_kafka_last_error() });
            return Err(no_name(&why.to_string()));
        };
        Ok(Topic { native, _client: Arc::clone(&self.base) })
    }

    /// Hands a record to the client, or gives it back with the reason.
    #[allow(clippy::result_large_err, reason = "the record comes back so that it need not be made again")]
    pub(super) fn send<'a>(&self, topic: &Topic, record: Record<'a>) -> Result<(), (KafkaError, Record<'a>)> {
        let bytes = |field: Option<&[u8]>| {
            field.map_or((null_mut(), 0), |field| (field.as_ptr().cast_mut(), field.len()))
        };
        let ((payload, payload_length), (key, key_length)) = (bytes(record.payload), bytes(record.key));
        let headers = record.headers.as_ref().map_or(null_mut(), |headers| {
            std::ptr::from_ref(headers.as_borrowed()).cast_mut().cast::<rd_kafka_headers_t>()
        });
        // SAFETY: each field is followed by what belongs to it, as the header of the client has it, and copied before the call
        // returns; the number comes back as it is and stands for no memory. Headers are the client's from then on when it took
        // the record, and ours when it did not.
        let said = unsafe {
            rd_kafka_producev(
                self.client().native_ptr(),
                Field::RD_KAFKA_VTYPE_RKT,
                topic.native.as_ptr(),
                Field::RD_KAFKA_VTYPE_PARTITION,
                record.partition.unwrap_or(UNCHOSEN),
                Field::RD_KAFKA_VTYPE_MSGFLAGS,
                RD_KAFKA_MSG_F_COPY,
                Field::RD_KAFKA_VTYPE_VALUE,
                payload,
                payload_length,
                Field::RD_KAFKA_VTYPE_KEY,
                key,
                key_length,
                Field::RD_KAFKA_VTYPE_OPAQUE,
                std::ptr::without_provenance_mut::<u8>(record.sequence),
                Field::RD_KAFKA_VTYPE_TIMESTAMP,
                record.time,
                Field::RD_KAFKA_VTYPE_HEADERS,
                headers,
                Field::RD_KAFKA_VTYPE_END,
            )
        };
        if said == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            std::mem::forget(record.headers);
            return Ok(());
        }
        Err((KafkaError::MessageProduction(said.into()), record))
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
