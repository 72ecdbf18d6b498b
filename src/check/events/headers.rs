//! The headers of an event as the object their schema describes.

use serde_json::{Map, Value};

use crate::event::Event;
use crate::schema::{Compiled, Violation};

/// Names that belong to transports and tracing, which no headers schema has to list.
const CARRIED: [&str; 6] =
    ["content-type", "content-encoding", "traceparent", "tracestate", "baggage", "nats-msg-id"];

/// All violations of the headers of an event. Header values are text: where the schema asks for another type, a text
/// that reads as such a value counts as it.
pub(super) fn check(schema: &Compiled, event: &Event) -> Vec<Violation> {
    let mut headers = object(schema, event);
    let mut found = schema.check_value(&headers);
    let mut changed = false;
    for violation in
        found.iter().filter(|violation| matches!(violation.keyword.as_str(), "type" | "enum" | "const"))
    {
        let Some(value) = headers.pointer_mut(&violation.instance_pointer) else {
            continue;
        };
        let read = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let Some(read) = read.filter(|read| !read.is_string()) {
            *value = read;
            changed = true;
        }
    }
    if changed {
        found = schema.check_value(&headers);
    }
    found.retain(|violation| !is_carried(violation));
    found
}

fn object(schema: &Compiled, event: &Event) -> Value {
    let declared: Vec<String> = schema
        .place()
        .and_then(|place| place.node.get("properties").cloned())
        .map(|properties| properties.entries().iter().map(|entry| entry.key.clone()).collect())
        .unwrap_or_default();
    let mut members = Map::new();
    for header in &event.headers {
        let value = match &header.value {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
            None => Value::Null,
        };
        let written = declared.iter().find(|name| name.eq_ignore_ascii_case(&header.name));
        let exact = declared.iter().any(|name| *name == header.name);
        let name = written.filter(|_| !exact).map_or(header.name.as_str(), String::as_str);
        members.entry(name).or_insert(value);
    }
    Value::Object(members)
}

fn is_carried(violation: &Violation) -> bool {
    if !matches!(
        violation.keyword.as_str(),
        "additionalProperties" | "unevaluatedProperties" | "propertyNames"
    ) {
        return false;
    }
    let name = violation.instance_pointer.trim_start_matches('/').to_ascii_lowercase();
    let is_envelope =
        ["ce_", "ce-", "cloudevents:", "cloudevents_"].iter().any(|prefix| name.starts_with(prefix));
    is_envelope || CARRIED.contains(&name.as_str())
}
