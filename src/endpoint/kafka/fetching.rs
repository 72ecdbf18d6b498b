//! Records taken from the client many at a time, in one call, and without a wrapper for each.
//!
//! The safe interface of `rdkafka` hands out one record a call, which costs more than all else that reading does. This is
//! one of two files of the crate with `unsafe` in them; `tests/architecture.rs` sees to that.
//!
//! The client can give all that lies ready to a callback as well. For the time of that call its queue is empty, and it goes on
//! fetching as if nothing waited to be read: a reader that is slower than the cluster would be given ever more.
#![allow(unsafe_code, reason = "the client gives many records at a time through its interface in C only")]

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use compact_str::CompactString;
use rdkafka::bindings::{
    rd_kafka_consume_batch_queue, rd_kafka_header_get_all, rd_kafka_headers_t, rd_kafka_message_destroy,
    rd_kafka_message_headers, rd_kafka_message_t, rd_kafka_message_timestamp, rd_kafka_queue_destroy,
    rd_kafka_queue_forward, rd_kafka_queue_get_partition, rd_kafka_queue_new, rd_kafka_queue_t,
    rd_kafka_resp_err_t, rd_kafka_timestamp_type_t, rd_kafka_topic_name,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafka;

use super::listener::Listener;
use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::{Attributes, BrokerTime, Event, Header, Place, TimeKind, Timestamp};

/// Payloads up to this size share memory with their neighbours: asking for memory costs as much as reading a record.
const SMALL: usize = 512;
/// Bytes shared in this way, all of which stay for as long as one of the payloads does.
const SHARED: usize = 4096;

/// Records taken out of a queue of the client at once, and how often at most before something else is looked at.
const TAKEN: usize = 256;
const TIMES: usize = 64;

/// Where the names of headers stand that are not UTF-8, as base64 by the place of their header.
pub(super) const FOREIGN_NAMES: &str = "header_names";

/// What came of a partition.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are events, and none is kept")]
pub(super) enum Fetched {
    /// An event.
    Event(Event),
    /// There is nothing behind what was read, for now: the client would go on at this offset.
    End { topic: String, partition: i32, offset: i64 },
    /// The client does not go on with it by itself.
    Failure(RDKafkaErrorCode),
}

/// A queue of its own for the records of some partitions.
pub(super) struct Fetching {
    queue: NonNull<rd_kafka_queue_t>,
    /// Kept, because the queue must not outlive it.
    consumer: Arc<BaseConsumer<Listener>>,
    /// The topic of the record that was read last: most often that of the next one too.
    topic: CompactString,
    /// Where the next small payload goes.
    shared: BytesMut,
    /// What was taken out of the queue and not yet looked at.
    taken: VecDeque<Message>,
    /// Queues that lead here.
    followed: Vec<Fetching>,
}

// SAFETY: queues of the client may be used from any thread, and this one is used from one at a time.
unsafe impl Send for Fetching {}

impl Fetching {
    /// A queue that nothing goes to yet.
    pub(super) fn new(consumer: &Arc<BaseConsumer<Listener>>) -> Result<Self, EndpointError> {
        // SAFETY: the client lives as long as the consumer.
        let queue = unsafe { rd_kafka_queue_new(consumer.client().native_ptr()) };
        let none = || EndpointError::new(EndpointErrorKind::Unsupported, "the Kafka client makes no queue");
        let queue = NonNull::new(queue).ok_or_else(none)?;
        Ok(Self {
            queue,
            consumer: Arc::clone(consumer),
            topic: CompactString::default(),
            shared: BytesMut::new(),
            taken: VecDeque::with_capacity(TAKEN),
            followed: Vec::new(),
        })
    }

    fn client(&self) -> *mut RDKafka {
        self.consumer.client().native_ptr()
    }

    /// Has the records of a partition come here; to be said before the partition is assigned, so that none goes astray.
    pub(super) fn add(&self, topic: &str, partition: i32) {
        // No topic has such a name.
        let Ok(topic) = CString::new(topic) else { return };
        // SAFETY: the client lives as long as the consumer, the name as long as the call, and the queue of the partition
        // until it is given back here; the client counts who else holds it.
        unsafe {
            let of_partition = rd_kafka_queue_get_partition(self.client(), topic.as_ptr(), partition);
            if !of_partition.is_null() {
                rd_kafka_queue_forward(of_partition, self.queue.as_ptr());
                rd_kafka_queue_destroy(of_partition);
            }
        }
    }

    /// Has what lies in others, and what comes to them from now on, come here.
    ///
    /// They stay for as long as this one does: a queue that goes takes along what lies where it leads to, and nothing more comes
    /// there.
    pub(super) fn follow(&mut self, others: impl IntoIterator<Item = Self>) {
        for mut other in others {
            self.taken.append(&mut other.taken);
            // SAFETY: both queues live, and belong to one client, which counts who holds them.
            unsafe { rd_kafka_queue_forward(other.queue.as_ptr(), self.queue.as_ptr()) };
            self.followed.push(other);
        }
    }

    /// Gives what lies ready to `each` until that answers false; waits for something to come, but not longer than `wait`.
    pub(super) fn take(&mut self, wait: Duration, mut each: impl FnMut(Fetched) -> bool) {
        // Records that lie ready together carry one time of receipt: asking the clock costs as much as reading a record.
        let mut received = None;
        if self.taken.is_empty() && self.refill(Duration::ZERO, TAKEN) == 0 && !wait.is_zero() {
            // The client waits until it has as many as are asked for.
            self.refill(wait, 1);
        }
        for _ in 0..TIMES {
            while let Some(message) = self.taken.pop_front() {
                let received = *received.get_or_insert_with(Timestamp::now);
                // SAFETY: it is ours until it is dropped.
                let fetched =
                    unsafe { fetched(message.0.as_ref(), &mut self.topic, &mut self.shared, received) };
                if !each(fetched) {
                    return;
                }
            }
            if self.refill(Duration::ZERO, TAKEN) == 0 {
                return;
            }
        }
    }

    /// Takes up to so many records out of the queue, and waits for all of them, but not longer than `wait`; how many came.
    fn refill(&mut self, wait: Duration, most: usize) -> usize {
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        let mut found = [ptr::null_mut(); TAKEN];
        let most = most.min(TAKEN);
        // SAFETY: there is room for so many, and each that is written there is ours to give back.
        let count =
            unsafe { rd_kafka_consume_batch_queue(self.queue.as_ptr(), wait, found.as_mut_ptr(), most) };
        // Less than none means that there is no such queue.
        let count = usize::try_from(count).unwrap_or(0);
        self.taken.extend(found.iter().take(count).filter_map(|message| NonNull::new(*message)).map(Message));
        count
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        // They belong to the client, which may end with us.
        self.taken.clear();
        // SAFETY: it was made by `new` and is given back once; the consumer is still there.
        unsafe { rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// A message of the client that is ours until it is dropped.
struct Message(NonNull<rd_kafka_message_t>);

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: it was taken out of a queue of the client, and is given back once.
        unsafe { rd_kafka_message_destroy(self.0.as_ptr()) };
    }
}

/// What a message says; `known` is the topic of the one before, and small payloads go into `shared`.
///
/// # Safety
/// The message must be one that the client lends.
unsafe fn fetched(
    message: &rd_kafka_message_t,
    known: &mut CompactString,
    shared: &mut BytesMut,
    received: Timestamp,
) -> Fetched {
    // SAFETY: a message of a partition has a topic, whose name ends with a zero byte and lives as long as the message.
    let topic = unsafe { CStr::from_ptr(rd_kafka_topic_name(message.rkt)) }.to_bytes();
    if known.as_bytes() != topic {
        *known = String::from_utf8_lossy(topic).into();
    }
    match message.err {
        rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {}
        rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
            let (partition, offset) = (message.partition, message.offset);
            return Fetched::End { topic: known.to_string(), partition, offset };
        }
        error => return Fetched::Failure(error.into()),
    }
    // SAFETY: the message is no error, so its fields are those of a record.
    let ((headers, attributes), broker_time) = unsafe { (headers(message), broker_time(message)) };
    Fetched::Event(Event {
        channel: known.clone(),
        // SAFETY: pointer and length belong together. Keys may be remembered for long, and so share nothing.
        key: unsafe { lent(message.key, message.key_len) }.map(Bytes::copy_from_slice),
        // SAFETY: as above.
        payload: unsafe { lent(message.payload, message.len) }.map(|bytes| kept(bytes, shared)),
        headers,
        received,
        broker_time,
        place: Place { partition: Some(message.partition), offset: u64::try_from(message.offset).ok() },
        attributes,
    })
}

/// Bytes of the client; none where there are none, which is not the same as empty ones.
///
/// # Safety
/// Where the pointer is not null, so many bytes lie there for as long as the result is used.
unsafe fn lent<'a>(bytes: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: as the caller says.
    let there = |bytes: NonNull<c_void>| unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), length) };
    NonNull::new(bytes.cast_mut()).map(there)
}

/// A copy that stays.
fn kept(bytes: &[u8], shared: &mut BytesMut) -> Bytes {
    if bytes.len() > SMALL {
        return Bytes::copy_from_slice(bytes);
    }
    if shared.capacity() < bytes.len() {
        *shared = BytesMut::with_capacity(SHARED);
    }
    shared.extend_from_slice(bytes);
    shared.split().freeze()
}

/// # Safety
/// The message must be a record that the client lends.
unsafe fn broker_time(message: &rd_kafka_message_t) -> Option<BrokerTime> {
    let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    // SAFETY: both live for the time of the call.
    let milliseconds = unsafe { rd_kafka_message_timestamp(message, &raw mut kind) };
    let kind = match kind {
        rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => TimeKind::Create,
        rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => TimeKind::Append,
        rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => return None,
    };
    (milliseconds != -1).then(|| BrokerTime { time: Timestamp(milliseconds.saturating_mul(1000)), kind })
}

/// The headers of a record in order, and the names among them that are not UTF-8.
pub(super) fn headers_of(message: &BorrowedMessage<'_>) -> (Vec<Header>, Attributes) {
    // SAFETY: the message lives as long as the borrow, and is a record.
    unsafe { headers(&*message.ptr()) }
}

/// The headers in order. Names that are not UTF-8 stand in base64 beside them, by the place of their header.
///
/// # Safety
/// The message must be a record that the client lends.
unsafe fn headers(message: &rd_kafka_message_t) -> (Vec<Header>, Attributes) {
    const NO_ERROR: rd_kafka_resp_err_t = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
    let mut list: *mut rd_kafka_headers_t = ptr::null_mut();
    let (mut found, mut foreign) = (Vec::new(), serde_json::Map::new());
    // SAFETY: both live for the time of the call; the list then belongs to the message.
    if unsafe { rd_kafka_message_headers(message, &raw mut list) } != NO_ERROR {
        return (found, Attributes::default());
    }
    loop {
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the list lives as long as the message; behind the last header the answer is an error.
        let answer = unsafe {
            rd_kafka_header_get_all(list, found.len(), &raw mut name, &raw mut value, &raw mut size)
        };
        if answer != NO_ERROR {
            break;
        }
        // SAFETY: the client ends names with a zero byte, and says how long the value is.
        let (name, value) = unsafe { (CStr::from_ptr(name), lent(value, size)) };
        if name.to_str().is_err() {
            foreign.insert(found.len().to_string(), BASE64_STANDARD.encode(name.to_bytes()).into());
        }
        let value = value.map(Bytes::copy_from_slice);
        found.push(Header { name: name.to_string_lossy().into(), value });
    }
    let mut attributes = Attributes::default();
    if !foreign.is_empty() {
        attributes.insert(FOREIGN_NAMES.to_owned(), foreign.into());
    }
    (found, attributes)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::{SHARED, SMALL, kept};

    #[test]
    fn small_payloads_share_memory_and_stay_what_they_are() {
        let mut shared = BytesMut::new();
        let lengths = [0, 1, 200, SMALL, SMALL + 1, 3, SHARED, 7].repeat(40);
        let payloads: Vec<Vec<u8>> =
            lengths.iter().enumerate().map(|(at, length)| vec![at.to_le_bytes()[0]; *length]).collect();
        let copies: Vec<_> = payloads.iter().map(|payload| kept(payload, &mut shared)).collect();
        assert!(payloads.iter().zip(&copies).all(|(payload, copy)| payload == copy));
        let neighbours = [kept(b"a", &mut shared), kept(b"b", &mut shared)];
        assert_eq!(neighbours[0].as_ptr().wrapping_add(1), neighbours[1].as_ptr());
    }
}
