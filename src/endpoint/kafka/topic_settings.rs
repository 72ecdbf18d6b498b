//! The settings of topics, as the cluster tells them (`DescribeConfigs`, KIP-133).
#![allow(unsafe_code, reason = "the safe interface asks over connections of its own, one after the other")]

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::time::Duration;

use rdkafka::bindings::{
    rd_kafka_ConfigEntry_name, rd_kafka_ConfigEntry_value, rd_kafka_ConfigResource_configs,
    rd_kafka_ConfigResource_destroy, rd_kafka_ConfigResource_error, rd_kafka_ConfigResource_name,
    rd_kafka_ConfigResource_new, rd_kafka_DescribeConfigs, rd_kafka_DescribeConfigs_result_resources,
    rd_kafka_ResourceType_t, rd_kafka_admin_op_t, rd_kafka_event_DescribeConfigs_result,
};
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;

use super::listener::Listener;
use super::question::{Answer, NO_ERROR, Question, lent};

/// Settings of one topic by their names.
pub(super) type Settings = HashMap<String, String>;

/// Asks for the settings of these topics.
///
/// # Errors
/// When the client cannot put the question.
pub(super) fn ask<'a>(
    client: &'a Client<Listener>,
    topics: &[&str],
    patience: Duration,
) -> Result<Question<'a>, RDKafkaErrorCode> {
    let names: Vec<CString> = topics.iter().filter_map(|name| CString::new(*name).ok()).collect();
    let kind = rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS;
    Question::put(client, kind, patience, |client, options, queue| {
        let topic = rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
        // SAFETY: the names live as long as the calls, which copy them; each resource is given back once.
        unsafe {
            let new = |name: &CString| rd_kafka_ConfigResource_new(topic, name.as_ptr());
            let mut resources: Vec<_> = names.iter().map(new).filter(|made| !made.is_null()).collect();
            rd_kafka_DescribeConfigs(client, resources.as_mut_ptr(), resources.len(), options, queue);
            for resource in resources {
                rd_kafka_ConfigResource_destroy(resource);
            }
        }
    })
}

/// The settings in an answer to [`ask`], by topic; a topic whose settings the cluster does not show us is left out.
pub(super) fn in_answer(answer: &Answer) -> HashMap<String, Settings> {
    let mut found = HashMap::new();
    // SAFETY: the answer is one to this question, or the client has nothing to lend, and lives to the end of this function;
    // names are texts, and a value is one or missing.
    unsafe {
        let mut count = 0;
        let result = rd_kafka_event_DescribeConfigs_result(answer.event());
        if result.is_null() {
            return found;
        }
        let resources = rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
        for resource in lent(resources.cast_const(), count) {
            if rd_kafka_ConfigResource_error(*resource) != NO_ERROR {
                continue;
            }
            let mut count = 0;
            let entries = rd_kafka_ConfigResource_configs(*resource, &raw mut count);
            let settings = lent(entries.cast_const(), count).iter().filter_map(|entry| {
                let value = rd_kafka_ConfigEntry_value(*entry);
                (!value.is_null()).then(|| (text(rd_kafka_ConfigEntry_name(*entry)), text(value)))
            });
            found.insert(text(rd_kafka_ConfigResource_name(*resource)), settings.collect());
        }
    }
    found
}

/// A copy of a text of the client.
///
/// # Safety
/// The pointer is one to a text that ends with a null byte.
unsafe fn text(words: *const std::ffi::c_char) -> String {
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(words) }.to_string_lossy().into_owned()
}
