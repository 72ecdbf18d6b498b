//! Events in transactions, each with the progress of its run: receipts are given when the transaction has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::checkpoint::TOPIC;
use super::producer::Producer;
use super::{checkpoint, failure, message};
use crate::endpoint::receipt_book::ReceiptBook;
use crate::endpoint::{
    Address, Checkpoint, Delivery, EndpointError, EndpointErrorKind, Receipts, SinkOptions,
    Transactions as Wanted,
};
use crate::event::{Event, NUMBER_HEADER, Timestamp};

/// Events after which a transaction ends by itself: between two of them the client waits for the cluster.
const MOST_EVENTS: usize = 49_152;
/// Bytes after which it does.
const MOST_BYTES: usize = 24 * 1024 * 1024;
/// The age at which it does, so that readers of what is committed do not wait for long.
const MOST_TIME: Duration = Duration::from_millis(250);
/// How long a transaction is tried to be ended. The cluster takes back by itself what lasts longer than half of it.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked, while receipts are waited for, whether one of them is a refusal.
const LOOK: Duration = Duration::from_millis(500);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The transactions of one sink, one after the other.
pub(super) struct Transactions {
    ends: Ends,
    open: Option<Open>,
    ending: Option<JoinHandle<Result<(), EndpointError>>>,
    lost: Option<EndpointError>,
}

/// What ending a transaction needs.
#[derive(Clone)]
struct Ends {
    producer: Arc<Producer>,
    book: Arc<ReceiptBook>,
    address: Address,
    run: String,
    checkpoint: Arc<dyn Checkpoint>,
}

/// A transaction under way.
struct Open {
    began: Instant,
    numbers: Vec<u64>,
    batches: Vec<Held>,
    events: usize,
    bytes: usize,
    /// A batch is being handed over.
    partly: bool,
    /// That was broken off, and nobody knows what of the batch belongs to the transaction.
    broken: bool,
}

impl Open {
    fn now() -> Self {
        Self {
            began: Instant::now(),
            numbers: Vec::new(),
            batches: Vec::new(),
            events: 0,
            bytes: 0,
            partly: false,
            broken: false,
        }
    }

    fn is_full(&self) -> bool {
        self.events >= MOST_EVENTS || self.bytes >= MOST_BYTES || self.began.elapsed() >= MOST_TIME
    }
}

/// Receipts that are kept back until the transaction has ended.
type Held = (Receipts, oneshot::Sender<Vec<Delivery>>);

/// How a transaction ended.
enum End {
    Committed,
    TakenBack(String),
    Unknown(EndpointError),
}

impl Transactions {
    /// Takes the run over from whoever had it, and has its progress told.
    pub(super) fn take_over(
        wanted: &Wanted,
        (producer, book): (Arc<Producer>, Arc<ReceiptBook>),
        address: &Address,
        options: &SinkOptions,
    ) -> Result<Self, EndpointError> {
        // What another process of the run has under way is taken back here, and it can begin nothing more.
        let taken = until_it_answers(|timeout| producer.take_over(timeout));
        taken.map_err(|error| failure::request("let us send in transactions", &error, address))?;
        let committed = checkpoint::committed(address, options, &wanted.run)?;
        wanted.checkpoint.take_up(committed.as_deref())?;
        let (address, run, checkpoint) =
            (address.clone(), wanted.run.clone(), Arc::clone(&wanted.checkpoint));
        let ends = Ends { producer, book, address, run, checkpoint };
        if committed.is_none() {
            // A run that has begun has a record, so that a later part of it is not mistaken for the first.
            ends.begin()?;
            match ends.end(&[], false) {
                End::Committed => {}
                End::TakenBack(words) => return Err(failure::taken_back(&words, &ends.address)),
                End::Unknown(error) => return Err(error),
            }
        }
        Ok(Self { ends, open: None, ending: None, lost: None })
    }

    /// Makes ready for another batch.
    ///
    /// # Errors
    /// When nothing more can be sent.
    pub(super) async fn begin(&mut self) -> Result<(), EndpointError> {
        self.ended().await;
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        if self.open.is_none() {
            self.ends.begin()?;
        }
        let open = self.open.get_or_insert_with(Open::now);
        (open.broken, open.partly) = (open.broken || open.partly, true);
        Ok(())
    }

    /// Waits until the last transaction has ended.
    async fn ended(&mut self) {
        if let Some(ending) = &mut self.ending {
            let ended = ending.await;
            self.ending = None;
            let lost = ended.unwrap_or_else(|_| Err(EndpointError::receipt_lost()));
            self.lost = lost.err().or(self.lost.take());
        }
    }

    /// The batch was handed over, except for events that failed at once; its receipts come when the transaction has ended.
    pub(super) fn hold(&mut self, batch: &[Event], failed: &[bool], receipts: Receipts) -> Receipts {
        let open = self.open.get_or_insert_with(Open::now);
        open.partly = false;
        open.events += batch.len();
        for (event, _) in batch.iter().zip(failed).filter(|(_, failed)| !**failed) {
            open.bytes += event.size();
            open.numbers.extend(event.header_text(NUMBER_HEADER).and_then(|text| text.parse::<u64>().ok()));
        }
        let (report, reported) = oneshot::channel();
        open.batches.push((receipts, report));
        let count = batch.len();
        if open.is_full() {
            self.end();
        }
        Box::pin(async move {
            let lost = || Delivery::failed(EndpointError::receipt_lost());
            reported.await.unwrap_or_else(|_| std::iter::repeat_with(lost).take(count).collect())
        })
    }

    /// Has the transaction under way end.
    pub(super) fn end(&mut self) {
        if let Some(open) = self.open.take() {
            self.ending = Some(tokio::spawn(self.ends.clone().end_and_tell(open)));
        }
    }

    /// Waits for the last transaction, and takes back what was begun and not ended.
    pub(super) async fn leave(mut self) {
        self.ended().await;
        if self.open.is_some() {
            let producer = Arc::clone(&self.ends.producer);
            // What is not taken back here the cluster takes back by itself.
            let _ = super::blocking(move || Ok(producer.abort_transaction(ATTEMPT).is_ok())).await;
        }
    }
}

impl Ends {
    fn begin(&self) -> Result<(), EndpointError> {
        self.producer.client().context().take_refused();
        self.producer.begin_transaction().map_err(|error| {
            let words = words_of(&error);
            match error {
                KafkaError::Transaction(error) if error.is_fatal() => {
                    failure::taken_over(&words, &self.address)
                }
                _ => failure::taken_back(&words, &self.address),
            }
        })
    }

    async fn end_and_tell(self, open: Open) -> Result<(), EndpointError> {
        let address = self.address.clone();
        let (numbers, broken) = (open.numbers, open.partly || open.broken);
        let ended = super::blocking(move || Ok(self.end(&numbers, broken))).await;
        let end = ended.unwrap_or_else(|error| End::Unknown(failure::undecided(&error.message, &address)));
        for (receipts, report) in open.batches {
            let deliveries = receipts.await.into_iter().map(|delivery| told(delivery, &end, &address));
            // Whoever does not want the receipts need not take them.
            let _ = report.send(deliveries.collect());
        }
        match end {
            End::Unknown(error) => Err(error),
            End::Committed | End::TakenBack(_) => Ok(()),
        }
    }

    /// Ends the transaction under way, with the progress of the run as its last record.
    fn end(&self, numbers: &[u64], broken: bool) -> End {
        if broken {
            return self.take_back("it was broken off".to_owned());
        }
        if let Err(error) = self.send_checkpoint(numbers) {
            return self.take_back(error.to_string());
        }
        let deadline = Instant::now() + PATIENCE;
        while self.producer.flush(LOOK).is_err() && Instant::now() < deadline {
            // Behind a refused event the client sends nothing more, and would wait for its receipts until they time out.
            if self.producer.client().context().take_refused() {
                return self.take_back("the cluster refused an event of it".to_owned());
            }
        }
        match until_it_answers(|timeout| self.producer.commit_transaction(timeout)) {
            Ok(()) => {
                self.checkpoint.committed(numbers);
                End::Committed
            }
            Err(error) if requires_abort(&error) => self.take_back(words_of(&error)),
            Err(error) => self.lost(&error),
        }
    }

    fn send_checkpoint(&self, numbers: &[u64]) -> Result<(), EndpointError> {
        let mut event = Event::new(TOPIC, self.checkpoint.with(numbers));
        event.key = Some(self.run.clone().into());
        let (sequence, _) = self.book.begin(1);
        let topic = self.producer.topic(TOPIC)?;
        let mut record = message::record(None, &event, (sequence, Timestamp::now()))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.producer.send(&topic, record) {
                Ok(()) => return Ok(()),
                Err((error, given_back)) if failure::is_full(&error) && Instant::now() < deadline => {
                    record = given_back;
                    // Flushing makes room; how far it gets in this time does not matter.
                    let _ = self.producer.flush(Duration::from_millis(50));
                }
                Err((error, _)) => {
                    let size = self.producer.client().context().size(event.size());
                    let failed = failure::delivery(&error, TOPIC, size, &self.address);
                    self.book.settle(sequence, Err(failed.clone()));
                    return Err(failed);
                }
            }
        }
    }

    fn take_back(&self, why: String) -> End {
        match until_it_answers(|timeout| self.producer.abort_transaction(timeout)) {
            Ok(()) => End::TakenBack(why),
            Err(error) => self.lost(&error),
        }
    }

    fn lost(&self, error: &KafkaError) -> End {
        let words = words_of(error);
        End::Unknown(match error {
            KafkaError::Transaction(error) if failure::is_fenced(error.code()) => {
                failure::taken_over(&words, &self.address)
            }
            _ => failure::undecided(&words, &self.address),
        })
    }
}

/// What became of an event, once it is known how its transaction ended.
fn told(delivery: Delivery, end: &End, address: &Address) -> Delivery {
    match (end, &delivery.outcome) {
        (End::Committed, Ok(_)) => Delivery { at: Instant::now(), ..delivery },
        (End::Committed, Err(_)) => delivery,
        // The event itself is not taken, and so the transaction with it was not.
        (End::TakenBack(_), Err(error)) if !error.retryable() && !error.is_final() => delivery,
        (End::TakenBack(words), _) => Delivery::failed(failure::taken_back(words, address)),
        (End::Unknown(error), _) => Delivery::failed(error.clone()),
    }
}

/// Asks again while the client says that the answer may still come.
fn until_it_answers(ask: impl Fn(Duration) -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask(ATTEMPT) {
            Err(error) if may_come(&error) && Instant::now() < deadline => {}
            outcome => return outcome,
        }
    }
}

/// Whether the same question may have an answer later.
fn may_come(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => {
            error.is_retriable() && !error.is_fatal() && !error.txn_requires_abort()
        }
        // Waiting for the receipts before the question took too long.
        KafkaError::Flush(_) => true,
        _ => false,
    }
}

fn requires_abort(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.txn_requires_abort() && !error.is_fatal())
}

fn words_of(error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(error) => error.string(),
        other => failure::words_of(other),
    }
}

/// The receipts of a batch none of which could be handed over.
pub(super) fn refused(count: usize, error: &EndpointError) -> Receipts {
    let kind = if error.retryable() { EndpointErrorKind::Unreachable } else { error.kind };
    let error = EndpointError { kind, ..error.clone() };
    let failed = std::iter::repeat_with(|| Delivery::failed(error.clone())).take(count).collect();
    Box::pin(std::future::ready(failed))
}

#[cfg(test)]
mod tests {
    use super::{End, told};
    use crate::endpoint::kafka::failure;
    use crate::endpoint::{Address, Delivery, EndpointError, EndpointErrorKind};
    use crate::event::Place;

    #[test]
    fn receipts_are_those_of_the_transaction() {
        let address = Address::parse("kafka://h/t").expect("an address");
        let kind =
            |delivery: Delivery, end: &End| told(delivery, end, &address).outcome.err().map(|e| e.kind);
        let taken = || Delivery::acknowledged(Place::default());
        let too_large = || Delivery::failed(failure::too_large(9, "t"));
        let unanswered = || Delivery::failed(EndpointError::receipt_lost());
        let back = End::TakenBack("a broker was away".to_owned());
        let unknown = End::Unknown(failure::undecided("silence", &address));
        assert_eq!(kind(taken(), &End::Committed), None);
        assert_eq!(kind(too_large(), &End::Committed), Some(EndpointErrorKind::TooLarge));
        // Nothing of it is there, so that sending it again makes no duplicate; what is too large stays so.
        assert_eq!(kind(taken(), &back), Some(EndpointErrorKind::Unreachable));
        assert_eq!(kind(unanswered(), &back), Some(EndpointErrorKind::Unreachable));
        assert_eq!(kind(too_large(), &back), Some(EndpointErrorKind::TooLarge));
        for delivery in [taken(), too_large(), unanswered()] {
            assert_eq!(kind(delivery, &unknown), Some(EndpointErrorKind::Fenced));
        }
    }
}
