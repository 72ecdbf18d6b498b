//! What the client calls back: failures of its connections, requests for a token, and receipts.

use std::error::Error;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message};
use rdkafka::producer::{NoCustomPartitioner, ProducerContext};

use super::facts::AROUND_ONE_EVENT;
use super::failure::{self, Size};
use super::producer::{Patience, surely_unsent};
use crate::endpoint::receipt_book::ReceiptBook;
use crate::endpoint::{Address, Credentials, EndpointError, EndpointErrorKind};
use crate::event::Place;

/// How long a token counts as fresh; the one we have is shown again after it.
const TOKEN_LIFETIME_MS: i64 = 24 * 3600 * 1000;

/// What is known of the connections of one client.
#[derive(Debug, Default)]
struct Standing {
    /// A refusal that no further attempt changes.
    refusal: Option<EndpointError>,
    /// Why the last attempt failed, in the client's words.
    last: Option<String>,
    /// Since when no broker answers.
    down: Option<Instant>,
}

/// Who is told which partitions a group gives us and takes from us, by the thread that polls, before it happens.
pub(super) trait Member: Debug + Send + Sync {
    /// These are ours.
    fn gained(&self, consumer: &BaseConsumer<Listener>, partitions: &TopicPartitionList);

    /// These are ours no more.
    fn lost(&self, consumer: &BaseConsumer<Listener>, partitions: &TopicPartitionList);
}

/// The listener of one client.
#[derive(Debug)]
pub(super) struct Listener {
    address: Address,
    logs_in: bool,
    token: Option<Credentials>,
    standing: Mutex<Standing>,
    book: Arc<ReceiptBook>,
    /// The cluster refused an event for good.
    refused: AtomicBool,
    /// Why nothing more goes until the caller has seen what failed.
    trouble: Mutex<Option<EndpointError>>,
    halted: AtomicBool,
    /// Bytes that go together at most: an event that has as many goes alone.
    together: AtomicUsize,
    /// No broker answered when it was last known.
    is_down: AtomicBool,
    member: OnceLock<Arc<dyn Member>>,
    /// How often a group has shared out its partitions.
    rebalances: AtomicU64,
}

impl Listener {
    /// A listener; `logs_in` is whether the client says who it is, `token` is shown to a broker that asks for one.
    pub(super) fn new(address: Address, logs_in: bool, token: Option<Credentials>) -> Self {
        Self {
            address,
            logs_in,
            token,
            standing: Mutex::default(),
            book: Arc::default(),
            refused: AtomicBool::new(false),
            trouble: Mutex::default(),
            halted: AtomicBool::new(false),
            together: AtomicUsize::new(usize::MAX),
            is_down: AtomicBool::new(false),
            member: OnceLock::new(),
            rebalances: AtomicU64::new(0),
        }
    }

    /// Whether the cluster refused an event since this was last asked.
    pub(super) fn take_refused(&self) -> bool {
        self.refused.swap(false, Ordering::AcqRel)
    }

    /// So many bytes of events go together at most.
    pub(super) fn sends_together(&self, bytes: usize) {
        self.together.store(bytes, Ordering::Relaxed);
    }

    /// How much an event has, with its key.
    pub(super) fn size(&self, bytes: usize) -> Size {
        Size { bytes, goes_alone: bytes + AROUND_ONE_EVENT >= self.together.load(Ordering::Relaxed) }
    }

    /// Lets nothing more go until the caller has seen what failed, and says why.
    fn halt(&self, why: EndpointError) {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.halted.store(true, Ordering::Release);
    }

    /// Why nothing goes for now, of the kind that says that an event did not go.
    pub(super) fn halted(&self) -> Option<EndpointError> {
        self.trouble().map(|why| EndpointError { kind: EndpointErrorKind::Unreachable, ..why })
    }

    /// Why nothing goes for now.
    fn trouble(&self) -> Option<EndpointError> {
        if !self.halted.load(Ordering::Acquire) {
            return None;
        }
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The caller has seen what failed.
    pub(super) fn lift(&self) {
        if self.halted.swap(false, Ordering::AcqRel) {
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Looks whether events wait in vain: no broker is there, or no receipt comes for so long. Whether what waits is to be given
    /// back. That no broker was there is said once, and not that one came back: `is_there` asks.
    pub(super) fn waits_in_vain(&self, patience: Patience, is_there: impl Fn() -> bool) -> bool {
        let Some(since) = self.book.still_since() else { return false };
        if self.halted.load(Ordering::Acquire) {
            return true;
        }
        let down = if self.is_down.load(Ordering::Acquire) { self.down() } else { None };
        match down {
            Some((down, why)) if since.max(down).elapsed() > patience.broker => {
                if is_there() {
                    self.answered();
                    return false;
                }
                self.halt(why);
            }
            _ if since.elapsed() > patience.receipt => self.halt(failure::no_receipt(&self.address)),
            _ => return false,
        }
        true
    }

    /// A listener for one more client of the same settings.
    pub(super) fn for_another(&self) -> Self {
        Self::new(self.address.clone(), self.logs_in, self.token.clone())
    }

    /// Tells of the partitions of a group from now on.
    pub(super) fn tell(&self, member: Arc<dyn Member>) {
        // A client joins one group.
        let _ = self.member.set(member);
    }

    /// How often a group has shared out its partitions among its members.
    pub(super) fn rebalances(&self) -> u64 {
        self.rebalances.load(Ordering::Relaxed)
    }

    /// The receipts of a producer with this listener.
    pub(super) fn book(&self) -> Arc<ReceiptBook> {
        Arc::clone(&self.book)
    }

    /// The address the client was made for.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, code: RDKafkaErrorCode, reason: &str) {
        let mut standing = self.standing();
        if let Some(refusal) = failure::refusal(code, reason, &self.address) {
            standing.refusal.get_or_insert(refusal);
        }
        standing.last = Some(reason.to_owned());
    }

    /// A refusal that no further attempt changes: a wrong password, a certificate that is not trusted.
    pub(super) fn refusal(&self) -> Option<EndpointError> {
        self.standing().refusal.clone()
    }

    /// Since when no broker answers, and why, as far as is known.
    pub(super) fn down(&self) -> Option<(Instant, EndpointError)> {
        let standing = self.standing();
        let words = standing.last.as_deref().unwrap_or("no broker answers");
        standing.down.map(|since| (since, failure::connection(words, &self.address, self.logs_in)))
    }

    /// A broker answered.
    pub(super) fn answered(&self) {
        self.is_down.store(false, Ordering::Release);
        *self.standing() = Standing::default();
    }

    /// What became of an event that was not taken. What follows it in the client must not overtake it when it goes again.
    fn failed(&self, error: &KafkaError, message: &BorrowedMessage<'_>) -> EndpointError {
        let is_given_back = matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
        );
        let given_back = self.trouble().filter(|_| is_given_back).map(|why| {
            // What went over a connection that was lost waits in the client again, and a broker may have it; over one that stands
            // still it may yet arrive.
            let kind = match why.kind {
                _ if surely_unsent(message) => EndpointErrorKind::Unreachable,
                EndpointErrorKind::Timeout => EndpointErrorKind::Timeout,
                _ => EndpointErrorKind::Disconnected,
            };
            EndpointError { kind, ..why }
        });
        let failed = given_back.unwrap_or_else(|| {
            let size = self.size(message.payload_len() + message.key_len());
            failure::delivery(error, message.topic(), size, &self.address)
        });
        if failed.retryable() {
            self.halt(failed.clone());
        } else {
            self.refused.store(true, Ordering::Release);
        }
        failed
    }
}

impl ClientContext for Listener {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    /// Why a broker hung up is written to the log only.
    fn log(&self, _: RDKafkaLogLevel, facility: &str, words: &str) {
        if facility == "FAIL" {
            let words = words.split_once("]: ").map_or(words, |(_, rest)| rest);
            self.note(RDKafkaErrorCode::BrokerTransportFailure, words);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                self.standing().down.get_or_insert_with(Instant::now);
                self.is_down.store(true, Ordering::Release);
            }
            Some(code) => self.note(code, reason),
            None => {}
        }
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let found = self.token.as_ref().ok_or("there is no token")?;
        let now = crate::event::Timestamp::now().0 / 1000;
        let (principal, token) = if found.password.is_empty() {
            ("eddy", &found.username)
        } else {
            (found.username.as_str(), &found.password)
        };
        Ok(OAuthToken {
            token: token.clone(),
            principal_name: principal.to_owned(),
            lifetime_ms: now + TOKEN_LIFETIME_MS,
        })
    }
}

impl ConsumerContext for Listener {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.rebalances.fetch_add(1, Ordering::Relaxed);
        match (self.member.get(), rebalance) {
            (Some(member), Rebalance::Assign(partitions)) => member.gained(consumer, partitions),
            (Some(member), Rebalance::Revoke(partitions)) => member.lost(consumer, partitions),
            _ => {}
        }
    }
}

impl ProducerContext<NoCustomPartitioner> for Listener {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, sequence: usize) {
        let outcome = match result {
            Ok(message) => {
                if self.is_down.load(Ordering::Relaxed) {
                    self.answered();
                }
                let offset = u64::try_from(message.offset()).ok();
                Ok(Place { partition: Some(message.partition()), offset })
            }
            Err((error, message)) => Err(self.failed(error, message)),
        };
        self.book.settle(sequence, outcome);
    }
}
