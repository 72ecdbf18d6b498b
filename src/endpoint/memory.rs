//! Named logs inside this process: a complete endpoint without a server, for tests and for putting engines together.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::capabilities::{Assurance, Capabilities};
use super::{
    Address, BoxFuture, Delivery, End, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions, Source,
    SourceOptions, Start, Stop,
};
use crate::event::{BrokerTime, Event, Place, TimeKind, Timestamp};

/// Events a log keeps; beyond them the oldest are dropped, and slow readers are told.
pub const MAX_EVENTS: usize = 1_000_000;
/// Bytes of keys, payloads and headers a log keeps.
pub const MAX_BYTES: usize = 1024 * 1024 * 1024;
/// Events given out at once at most, so that readers do not hold the lock for long.
const MAX_BATCH: usize = 4096;

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    name: "memory",
    assurance: Assurance::EffectivelyOnce,
    max_payload: Some(MAX_BYTES),
    ..Capabilities::ALL
};

static LOGS: LazyLock<Mutex<HashMap<String, Arc<Log>>>> = LazyLock::new(Mutex::default);

/// One named log; all who open the name share it, and it lives as long as the process.
#[derive(Default)]
struct Log {
    kept: Mutex<Kept>,
    grown: Notify,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Event>,
    /// Offset of the first event kept; the first ever has 0.
    first: u64,
    bytes: usize,
}

impl Kept {
    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    fn append(&mut self, event: &Event) -> Place {
        let place = Place { partition: None, offset: Some(self.end()) };
        let mut event = event.clone();
        event.place = place.clone();
        event.broker_time.get_or_insert(BrokerTime { time: Timestamp::now(), kind: TimeKind::Append });
        self.bytes += event.size();
        self.events.push_back(event);
        while self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.size();
            self.first += 1;
        }
        place
    }

    /// Offset of the first event at or after a time, by the time the log knows it.
    fn offset_of(&self, time: Timestamp) -> u64 {
        let place = self.events.iter().position(|event| event_time(event) >= time);
        place.map_or_else(|| self.end(), |place| self.first + place as u64)
    }
}

fn event_time(event: &Event) -> Timestamp {
    event.broker_time.map_or(event.received, |broker_time| broker_time.time)
}

fn log(address: &Address) -> Result<Arc<Log>, EndpointError> {
    if address.path.is_empty() {
        return Err(EndpointError::new(EndpointErrorKind::NotFound, "`memory:` names no log")
            .help("write `memory:name`"));
    }
    let mut logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Arc::clone(logs.entry(address.path.clone()).or_default()))
}

/// Where the next event of a log will lie.
///
/// # Errors
/// When the address has no name.
pub(super) fn end(address: &Address) -> Result<End, EndpointError> {
    let log = log(address)?;
    let offset = lock(&log).end();
    Ok(End { channel: address.path.clone(), partition: None, offset })
}

fn lock(log: &Log) -> MutexGuard<'_, Kept> {
    log.kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a log from any of its places; offsets count from 0.
pub struct MemorySource {
    log: Arc<Log>,
    next: u64,
    end: Option<u64>,
    until: Option<Timestamp>,
    dropped: u64,
}

impl MemorySource {
    /// Opens a log; by default reading begins at the oldest event kept.
    ///
    /// # Errors
    /// When the address has no name.
    pub fn open(address: &Address, options: &SourceOptions) -> Result<Self, EndpointError> {
        let log = log(address)?;
        let kept = lock(&log);
        let next = match options.start {
            Start::Default | Start::Beginning => kept.first,
            Start::End => kept.end(),
            Start::Offset(offset) => offset,
            Start::Time(time) => kept.offset_of(time),
            Start::Last(count) => kept.end().saturating_sub(count).max(kept.first),
        };
        let (end, until) = match options.stop {
            Stop::Never => (None, None),
            Stop::PresentEnd => (Some(kept.end()), None),
            Stop::Offset(offset) => (Some(offset), None),
            Stop::Time(time) => (None, Some(time)),
        };
        drop(kept);
        Ok(Self { log, next, end, until, dropped: 0 })
    }

    /// What is there to read: `None` when there is nothing yet, an empty batch at the end.
    fn take(&mut self, max: usize) -> Option<Vec<Event>> {
        let kept = lock(&self.log);
        if self.next < kept.first {
            self.dropped += kept.first - self.next;
            self.next = kept.first;
        }
        if self.end.is_some_and(|end| self.next >= end) {
            return Some(Vec::new());
        }
        let available = usize::try_from(kept.end().checked_sub(self.next)?).unwrap_or(usize::MAX);
        let allowed = self.end.map_or(u64::MAX, |end| end - self.next);
        let count =
            available.min(max.clamp(1, MAX_BATCH)).min(usize::try_from(allowed).unwrap_or(usize::MAX));
        if count == 0 {
            return None;
        }
        let begin = usize::try_from(self.next - kept.first).unwrap_or(usize::MAX);
        let now = Timestamp::now();
        let batch: Vec<Event> = kept
            .events
            .range(begin..begin + count)
            .take_while(|event| self.until.is_none_or(|until| event_time(event) <= until))
            .map(|event| Event { received: now, ..event.clone() })
            .collect();
        if batch.is_empty() {
            self.end = Some(self.next);
        }
        self.next += batch.len() as u64;
        Some(batch)
    }
}

impl Source for MemorySource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(async move {
            let log = Arc::clone(&self.log);
            loop {
                // Registered before looking, so that an event that comes in between wakes us.
                let grown = log.grown.notified();
                if let Some(batch) = self.take(max) {
                    return Ok(batch);
                }
                grown.await;
            }
        })
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }

    fn leaves_what_it_reads(&self) -> bool {
        true
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Appends to a log.
pub struct MemorySink {
    log: Arc<Log>,
}

impl MemorySink {
    /// Opens a log.
    ///
    /// # Errors
    /// When the address has no name.
    pub fn open(address: &Address, _options: &SinkOptions) -> Result<Self, EndpointError> {
        Ok(Self { log: log(address)? })
    }

    fn append(&mut self, batch: &[Event]) -> Vec<Delivery> {
        let mut kept = lock(&self.log);
        batch.iter().map(|event| deliver(&mut kept, event)).collect()
    }
}

fn deliver(kept: &mut Kept, event: &Event) -> Delivery {
    let size = event.size();
    if size > MAX_BYTES {
        let message = format!("an event of {size} bytes on `{}` is too large for a log", event.channel);
        return Delivery::failed(EndpointError::new(EndpointErrorKind::TooLarge, message));
    }
    Delivery::acknowledged(kept.append(event))
}

impl Sink for MemorySink {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        let deliveries = self.append(batch);
        self.log.grown.notify_waiters();
        let receipts: Receipts = Box::pin(std::future::ready(deliveries));
        Box::pin(std::future::ready(receipts))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_EVENTS, MemorySink, MemorySource};
    use crate::endpoint::{Address, Sink, SinkOptions, Source, SourceOptions, Start, Stop};
    use crate::event::{BrokerTime, Event, TimeKind, Timestamp};

    fn address(name: &str) -> Address {
        Address::parse(&format!("memory:{name}")).expect("an address")
    }

    async fn send(name: &str, batch: &[Event]) {
        let mut sink = MemorySink::open(&address(name), &SinkOptions::default()).expect("opened");
        let receipts = sink.send(batch).await.await;
        assert!(receipts.iter().all(|receipt| receipt.outcome.is_ok()));
    }

    fn source(name: &str, start: Start, stop: Stop) -> MemorySource {
        let options = SourceOptions { start, stop, ..SourceOptions::default() };
        MemorySource::open(&address(name), &options).expect("opened")
    }

    async fn offsets(mut source: MemorySource) -> Vec<u64> {
        let mut offsets = Vec::new();
        loop {
            let batch = source.next_batch(2).await.expect("a batch");
            if batch.is_empty() {
                return offsets;
            }
            offsets.extend(batch.iter().filter_map(|event| event.place.offset));
        }
    }

    #[tokio::test]
    async fn a_log_can_be_read_from_every_place() {
        let at = |second: i64| Event {
            broker_time: Some(BrokerTime { time: Timestamp(second), kind: TimeKind::Create }),
            ..Event::new("c", "x")
        };
        send("places", &[at(10), at(20), at(30), at(40)]).await;
        assert_eq!(offsets(source("places", Start::Default, Stop::PresentEnd)).await, [0, 1, 2, 3]);
        assert_eq!(offsets(source("places", Start::Last(1), Stop::PresentEnd)).await, [3]);
        assert_eq!(offsets(source("places", Start::Offset(1), Stop::Offset(3))).await, [1, 2]);
        let (from, to) = (Start::Time(Timestamp(15)), Stop::Time(Timestamp(30)));
        assert_eq!(offsets(source("places", from, to)).await, [1, 2]);
        assert_eq!(offsets(source("places", Start::End, Stop::PresentEnd)).await, Vec::<u64>::new());
    }

    #[tokio::test]
    async fn a_reader_waits_for_what_comes() {
        let mut source = source("waits", Start::End, Stop::Never);
        let reading = tokio::spawn(async move { source.next_batch(10).await });
        tokio::task::yield_now().await;
        send("waits", &[Event::new("c", "late")]).await;
        let batch = reading.await.expect("joined").expect("a batch");
        assert_eq!(batch[0].payload.as_deref(), Some(&b"late"[..]));
    }

    #[tokio::test]
    async fn what_is_too_old_is_dropped_and_counted() {
        let mut source = source("bounded", Start::Beginning, Stop::Never);
        let batch = vec![Event { channel: "c".into(), ..Event::default() }; 100_000];
        for _ in 0..10 {
            send("bounded", &batch).await;
        }
        send("bounded", &batch[..5]).await;
        let first = source.next_batch(1).await.expect("a batch");
        assert_eq!((first[0].place.offset, source.dropped()), (Some(5), 5));
        assert_eq!(MAX_EVENTS, 1_000_000);
    }
}
