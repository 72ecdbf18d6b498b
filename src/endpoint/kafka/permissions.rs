//! What we may do at a cluster and with its topics, as the cluster tells it (the fields `…_authorized_operations` of its
//! answers to Metadata and `DescribeCluster`, KIP-430).
#![allow(unsafe_code, reason = "the safe interface of the client does not ask for permissions")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings::{
    rd_kafka_AclOperation_name, rd_kafka_AclOperation_t, rd_kafka_AdminOptions_destroy,
    rd_kafka_AdminOptions_new, rd_kafka_AdminOptions_set_include_authorized_operations,
    rd_kafka_AdminOptions_set_request_timeout, rd_kafka_AdminOptions_t, rd_kafka_DescribeCluster,
    rd_kafka_DescribeCluster_result_authorized_operations, rd_kafka_DescribeTopics,
    rd_kafka_DescribeTopics_result_topics, rd_kafka_TopicCollection_destroy,
    rd_kafka_TopicCollection_of_topic_names, rd_kafka_TopicDescription_authorized_operations,
    rd_kafka_TopicDescription_error, rd_kafka_TopicDescription_name, rd_kafka_admin_op_t,
    rd_kafka_error_code, rd_kafka_error_destroy, rd_kafka_event_DescribeCluster_result,
    rd_kafka_event_DescribeTopics_result, rd_kafka_event_destroy, rd_kafka_event_error, rd_kafka_event_t,
    rd_kafka_queue_destroy, rd_kafka_queue_new, rd_kafka_queue_poll, rd_kafka_queue_t, rd_kafka_resp_err_t,
};
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafka;

use super::listener::Listener;

const NO_ERROR: rd_kafka_resp_err_t = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
/// Bytes for the words of a refused option; nobody reads them.
const WORDS: usize = 256;

/// Names of operations as `kafka-acls.sh` writes them, in alphabetical order.
pub(super) type Operations = Vec<String>;

/// What may be done with each of these topics; a topic that the cluster does not show us is left out.
///
/// # Errors
/// When the cluster does not answer in time, or is older than Kafka 2.3 and tells no permissions.
pub(super) fn of_topics(
    client: &Client<Listener>,
    topics: &[&str],
    patience: Duration,
) -> Result<BTreeMap<String, Operations>, RDKafkaErrorCode> {
    let names: Vec<CString> = topics.iter().filter_map(|name| CString::new(*name).ok()).collect();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let kind = rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    let answer = ask(client, kind, patience, |client, options, queue| {
        // SAFETY: the names and their pointers live as long as the call, which copies them; the collection is given back once.
        unsafe {
            let collection = rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            rd_kafka_DescribeTopics(client, collection, options, queue);
            rd_kafka_TopicCollection_destroy(collection);
        }
    })?;
    let mut found = BTreeMap::new();
    // SAFETY: the answer is one to this question and lives to the end of this function, and with it what it lends.
    unsafe {
        let mut count = 0;
        let result = rd_kafka_event_DescribeTopics_result(answer.0.as_ptr());
        let topics = rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        for topic in lent(topics.cast_const(), count) {
            if rd_kafka_error_code(rd_kafka_TopicDescription_error(*topic)) != NO_ERROR {
                continue;
            }
            let name = CStr::from_ptr(rd_kafka_TopicDescription_name(*topic));
            let mut count = 0;
            let operations = rd_kafka_TopicDescription_authorized_operations(*topic, &raw mut count);
            found.insert(name.to_string_lossy().into_owned(), names_of(lent(operations, count)));
        }
    }
    Ok(found)
}

/// What may be done with the cluster itself.
///
/// # Errors
/// As for [`of_topics`].
pub(super) fn of_cluster(
    client: &Client<Listener>,
    patience: Duration,
) -> Result<Operations, RDKafkaErrorCode> {
    let kind = rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER;
    let answer = ask(client, kind, patience, |client, options, queue| {
        // SAFETY: all three live as long as the call.
        unsafe { rd_kafka_DescribeCluster(client, options, queue) };
    })?;
    let mut count = 0;
    // SAFETY: as in `of_topics`.
    unsafe {
        let result = rd_kafka_event_DescribeCluster_result(answer.0.as_ptr());
        let operations = rd_kafka_DescribeCluster_result_authorized_operations(result, &raw mut count);
        Ok(names_of(lent(operations, count)))
    }
}

/// An answer of the client.
struct Answer(NonNull<rd_kafka_event_t>);

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: it is ours, and given back once.
        unsafe { rd_kafka_event_destroy(self.0.as_ptr()) };
    }
}

/// Puts a question with a queue for its answer, and waits for that.
fn ask(
    client: &Client<Listener>,
    kind: rd_kafka_admin_op_t,
    patience: Duration,
    put: impl FnOnce(*mut RDKafka, *const rd_kafka_AdminOptions_t, *mut rd_kafka_queue_t),
) -> Result<Answer, RDKafkaErrorCode> {
    let milliseconds = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
    let client = client.native_ptr();
    let mut words = [0; WORDS];
    // SAFETY: the client lives as long as its borrow; options and queue are made here and given back once, after the answer
    // came or the client has given up, which it does by itself within the time it is told.
    unsafe {
        let options = rd_kafka_AdminOptions_new(client, kind);
        let queue = rd_kafka_queue_new(client);
        rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, words.as_mut_ptr(), WORDS);
        let refused = rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
        if !refused.is_null() {
            rd_kafka_error_destroy(refused);
        }
        put(client, options, queue);
        let answer = NonNull::new(rd_kafka_queue_poll(queue, milliseconds.saturating_add(1000)));
        rd_kafka_queue_destroy(queue);
        rd_kafka_AdminOptions_destroy(options);
        let answer = Answer(answer.ok_or(RDKafkaErrorCode::OperationTimedOut)?);
        match rd_kafka_event_error(answer.0.as_ptr()) {
            NO_ERROR => Ok(answer),
            error => Err(error.into()),
        }
    }
}

/// A list of the client; an empty one where there is none.
///
/// # Safety
/// Where the pointer is not null, so many items lie there for as long as the result is used.
unsafe fn lent<'a, T>(items: *const T, count: usize) -> &'a [T] {
    if items.is_null() {
        return &[];
    }
    // SAFETY: as the caller says.
    unsafe { std::slice::from_raw_parts(items, count) }
}

fn names_of(operations: &[rd_kafka_AclOperation_t]) -> Operations {
    let mut names: Operations = operations
        .iter()
        .map(|operation| {
            // SAFETY: the client has a name for each, which is never given back.
            unsafe { CStr::from_ptr(rd_kafka_AclOperation_name(*operation)) }.to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}
