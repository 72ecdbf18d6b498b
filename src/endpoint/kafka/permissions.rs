//! What we may do at a cluster and with its topics, as the cluster tells it (the fields `…_authorized_operations` of its
//! answers to Metadata and `DescribeCluster`, KIP-430).
#![allow(unsafe_code, reason = "the safe interface of the client does not ask for permissions")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};
use std::time::Duration;

use rdkafka::bindings::{
    rd_kafka_AclOperation_name, rd_kafka_AclOperation_t, rd_kafka_DescribeCluster,
    rd_kafka_DescribeCluster_result_authorized_operations, rd_kafka_DescribeTopics,
    rd_kafka_DescribeTopics_result_topics, rd_kafka_TopicCollection_destroy,
    rd_kafka_TopicCollection_of_topic_names, rd_kafka_TopicDescription_authorized_operations,
    rd_kafka_TopicDescription_error, rd_kafka_TopicDescription_name, rd_kafka_admin_op_t,
    rd_kafka_error_code, rd_kafka_event_DescribeCluster_result, rd_kafka_event_DescribeTopics_result,
};
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;

use super::listener::Listener;
use super::question::{Answer, NO_ERROR, Question, lent};

/// Names of operations as `kafka-acls.sh` writes them, in alphabetical order.
pub(super) type Operations = Vec<String>;

/// Asks what may be done with each of these topics.
///
/// # Errors
/// When the client cannot put the question.
pub(super) fn ask_of_topics<'a>(
    client: &'a Client<Listener>,
    topics: &[&str],
    patience: Duration,
) -> Result<Question<'a>, RDKafkaErrorCode> {
    let names: Vec<CString> = topics.iter().filter_map(|name| CString::new(*name).ok()).collect();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let kind = rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    Question::put(client, kind, patience, |client, options, queue| {
        // SAFETY: the names and their pointers live as long as the call, which copies them; the collection is given back once.
        unsafe {
            let collection = rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            rd_kafka_DescribeTopics(client, collection, options, queue);
            rd_kafka_TopicCollection_destroy(collection);
        }
    })
}

/// What may be done with each of the topics that [`ask_of_topics`] was asked about; one that the cluster does not show us is
/// left out.
pub(super) fn of_topics_in(answer: &Answer) -> BTreeMap<String, Operations> {
    let mut found = BTreeMap::new();
    // SAFETY: the answer is one to this question, or the client has nothing to lend, and lives to the end of this function.
    unsafe {
        let mut count = 0;
        let result = rd_kafka_event_DescribeTopics_result(answer.event());
        if result.is_null() {
            return found;
        }
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
    found
}

/// What may be done with each of these topics; a topic that the cluster does not show us is left out.
///
/// # Errors
/// When the cluster does not answer in time, or is older than Kafka 2.3 and tells no permissions.
pub(super) fn of_topics(
    client: &Client<Listener>,
    topics: &[&str],
    patience: Duration,
) -> Result<BTreeMap<String, Operations>, RDKafkaErrorCode> {
    Ok(of_topics_in(&ask_of_topics(client, topics, patience)?.answer()?))
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
    let question = Question::put(client, kind, patience, |client, options, queue| {
        // SAFETY: all three live as long as the call.
        unsafe { rd_kafka_DescribeCluster(client, options, queue) };
    })?;
    let answer = question.answer()?;
    let mut count = 0;
    // SAFETY: as in `of_topics_in`.
    unsafe {
        let result = rd_kafka_event_DescribeCluster_result(answer.event());
        let operations = rd_kafka_DescribeCluster_result_authorized_operations(result, &raw mut count);
        Ok(names_of(lent(operations, count)))
    }
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
