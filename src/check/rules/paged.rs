//! The codes that no rule over documents makes: those of reading, made by the loader, and those of events.

use super::{Category, Rule};
use crate::diagnostic::Severity;

macro_rules! pages {
    ($list:ident; $($code:literal $name:literal $file:literal $severity:ident $category:ident [$($alias:literal)*];)*) => {
        /// Codes with pages of their own, in order.
        pub static $list: &[&Rule] = &[$(&Rule {
            code: $code,
            name: $name,
            severity: Severity::$severity,
            category: Category::$category,
            clause: "",
            aliases: &[$($alias),*],
            source: include_str!(concat!("../pages/", $file, ".md")),
            check: None,
        }),*];
    };
}

pages! {
    READING;
    "ED0101" "cannot-read" "cannot_read" Error Correctness [];
    "ED0102" "not-utf-8" "not_utf_8" Error Correctness [];
    "ED0103" "not-yaml" "not_yaml" Error Correctness ["asyncapi-is-asyncapi"];
    "ED0104" "empty-document" "empty_document" Error Correctness [];
    "ED0105" "duplicate-key" "duplicate_key" Error Correctness [];
    "ED0106" "merge-key" "merge_key" Warning Interop [];
    "ED0107" "too-deep" "too_deep" Error Correctness [];
    "ED0108" "too-large" "too_large" Error Correctness [];
    "ED0109" "alias-expansion" "alias_expansion" Error Correctness [];
    "ED0110" "several-documents" "several_documents" Error Correctness [];
    "ED0111" "bad-alias" "bad_alias" Error Correctness [];
    "ED0112" "complex-key" "complex_key" Error Interop [];
    "ED0113" "unknown-tag" "unknown_tag" Error Spec [];
    "ED0114" "tag-mismatch" "tag_mismatch" Error Correctness [];
    "ED0201" "unknown-kind" "unknown_kind" Error Correctness ["asyncapi-is-asyncapi"];
    "ED0202" "unknown-version" "unknown_version" Error Spec ["asyncapi-is-asyncapi"];
    "ED0203" "version-not-text" "version_not_text" Error Spec ["asyncapi-is-asyncapi"];
    "ED0204" "bad-event" "bad_event" Error Correctness [];
    "ED0205" "unknown-event-key" "unknown_event_key" Error Correctness [];
    "ED0301" "target-not-found" "target_not_found" Error Spec ["invalid-ref"];
    "ED0302" "file-not-found" "file_not_found" Error Spec ["invalid-ref"];
    "ED0303" "remote-reference" "remote_reference" Warning Interop [];
    "ED0304" "reference-circle" "reference_circle" Error Spec [];
    "ED0305" "malformed-reference" "malformed_reference" Error Spec [];
    "ED0306" "reference-not-fetched" "reference_not_fetched" Error Correctness [];
    "ED0307" "reference-changed" "reference_changed" Error Correctness [];
}

pages! {
    COMMENTS;
    "ED4001" "allow-unused" "allow_unused" Warning Style [];
    "ED4002" "allow-without-reason" "allow_without_reason" Warning Style [];
    "ED4003" "allow-unknown" "allow_unknown" Warning Correctness [];
}

pages! {
    EDITS;
    "ED4101" "not-carried" "not_carried" Warning Interop [];
    "ED4102" "other-file-not-converted" "other_file_not_converted" Warning Interop [];
    "ED4103" "alias-written-out" "alias_written_out" Info Style [];
    "ED4111" "remote-left" "remote_left" Warning Interop [];
    "ED4112" "broken-left" "broken_left" Error Correctness [];
    "ED4113" "comments-lost" "comments_lost" Info Style [];
}

pages! {
    EVENTS;
    "ED5001" "event-channel" "event_channel" Error Correctness [];
    "ED5002" "event-invalid" "event_invalid" Error Correctness [];
    "ED5003" "event-unreadable" "event_unreadable" Error Correctness [];
    "ED5004" "event-unassigned" "event_unassigned" Error Correctness [];
    "ED5005" "event-schema-id" "event_schema_id" Error Correctness [];
    "ED5006" "event-frame" "event_frame" Error Correctness [];
    "ED5007" "event-too-long" "event_too_long" Error Correctness [];
    "ED5008" "cloud-event-attribute" "cloud_event_attribute" Error Interop [];
}

pages! {
    TOPOLOGY;
    "ED6001" "saved-graph" "saved_graph" Error Correctness [];
    "ED6002" "broken-recording" "broken_recording" Error Correctness [];
    "ED6003" "project-lock" "project_lock" Error Correctness [];
    "ED6101" "topology-no-producer" "topology_no_producer" Warning Correctness [];
    "ED6102" "topology-no-consumer" "topology_no_consumer" Warning Correctness [];
    "ED6103" "topology-unused" "topology_unused" Warning Style [];
    "ED6104" "topology-version-skew" "topology_version_skew" Warning Correctness [];
    "ED6105" "topology-cycle" "topology_cycle" Warning Correctness [];
    "ED6106" "topology-dead-letters-unread" "topology_dead_letters_unread" Warning Correctness [];
    "ED6107" "topology-described-twice" "topology_described_twice" Warning Correctness [];
    "ED6108" "topology-assertion" "topology_assertion" Error Correctness [];
    "ED6201" "topology-undocumented" "topology_undocumented" Warning Correctness [];
    "ED6202" "topology-missing" "topology_missing" Warning Correctness [];
}
