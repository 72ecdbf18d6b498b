//! Questions that the safe interface of the client does not put, or puts over connections of their own only: several may be
//! under way at once over those that are there.
#![allow(unsafe_code, reason = "the safe interface does not put these questions")]

use std::ffi::c_char;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings::{
    rd_kafka_AdminOptions_destroy, rd_kafka_AdminOptions_new,
    rd_kafka_AdminOptions_set_include_authorized_operations, rd_kafka_AdminOptions_set_request_timeout,
    rd_kafka_AdminOptions_t, rd_kafka_admin_op_t, rd_kafka_error_destroy, rd_kafka_event_destroy,
    rd_kafka_event_error, rd_kafka_event_t, rd_kafka_queue_destroy, rd_kafka_queue_new, rd_kafka_queue_poll,
    rd_kafka_queue_t, rd_kafka_resp_err_t,
};
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafka;

use super::listener::Listener;

pub(super) const NO_ERROR: rd_kafka_resp_err_t = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
/// Bytes for the words of a refused option; nobody reads them.
const WORDS: usize = 256;

/// A question that was put to a client; the answer is waited for with [`Question::answer`].
pub(super) struct Question<'a> {
    options: NonNull<rd_kafka_AdminOptions_t>,
    queue: NonNull<rd_kafka_queue_t>,
    milliseconds: i32,
    client: PhantomData<&'a Client<Listener>>,
}

impl<'a> Question<'a> {
    /// Puts a question, with `put` as the call of the client for it: it gets the client, the options and the queue.
    pub(super) fn put(
        client: &'a Client<Listener>,
        kind: rd_kafka_admin_op_t,
        patience: Duration,
        put: impl FnOnce(*mut RDKafka, *const rd_kafka_AdminOptions_t, *mut rd_kafka_queue_t),
    ) -> Result<Self, RDKafkaErrorCode> {
        let milliseconds = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        let client = client.native_ptr();
        // SAFETY: the client lives longer than the question.
        let (options, queue) =
            unsafe { (rd_kafka_AdminOptions_new(client, kind), rd_kafka_queue_new(client)) };
        let made = NonNull::new(options).zip(NonNull::new(queue));
        let (options, queue) = made.ok_or(RDKafkaErrorCode::Fail)?;
        let question = Self { options, queue, milliseconds, client: PhantomData };
        let (options, queue) = (question.options.as_ptr(), question.queue.as_ptr());
        let mut words: [c_char; WORDS] = [0; WORDS];
        // SAFETY: client, options and queue live as long as the question, and the words as long as the call.
        unsafe {
            rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, words.as_mut_ptr(), WORDS);
            // A question that has nothing to do with permissions refuses this, and is none the worse for it.
            let refused = rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
            if !refused.is_null() {
                rd_kafka_error_destroy(refused);
            }
        }
        put(client, options, queue);
        Ok(question)
    }

    /// Waits for the answer, or until the client has given up, which it does by itself within the time it was told.
    ///
    /// # Errors
    /// What the client says of a question without an answer.
    pub(super) fn answer(self) -> Result<Answer, RDKafkaErrorCode> {
        // SAFETY: the queue is that of the question.
        let event =
            unsafe { rd_kafka_queue_poll(self.queue.as_ptr(), self.milliseconds.saturating_add(1000)) };
        let answer = Answer(NonNull::new(event).ok_or(RDKafkaErrorCode::OperationTimedOut)?);
        // SAFETY: the event is the one that just came.
        match unsafe { rd_kafka_event_error(answer.event()) } {
            NO_ERROR => Ok(answer),
            error => Err(error.into()),
        }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        // SAFETY: both are ours, and given back once; an answer that comes later is thrown away by the client.
        unsafe {
            rd_kafka_queue_destroy(self.queue.as_ptr());
            rd_kafka_AdminOptions_destroy(self.options.as_ptr());
        }
    }
}

/// An answer of the client.
pub(super) struct Answer(NonNull<rd_kafka_event_t>);

impl Answer {
    /// As the client has it; it and what it lends live as long as this.
    pub(super) const fn event(&self) -> *mut rd_kafka_event_t {
        self.0.as_ptr()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: it is ours, and given back once.
        unsafe { rd_kafka_event_destroy(self.event()) };
    }
}

/// A list of the client; an empty one where there is none.
///
/// # Safety
/// Where the pointer is not null, so many items lie there for as long as the result is used.
pub(super) unsafe fn lent<'a, T>(items: *const T, count: usize) -> &'a [T] {
    if items.is_null() {
        return &[];
    }
    // SAFETY: as the caller says.
    unsafe { std::slice::from_raw_parts(items, count) }
}
