//! Which events belong together: the identifiers that headers, protocol facts and payloads carry for it.
//!
//! An event belongs to an identifier when one of these equals it: a header or a fact of the protocol of one of the
//! [`NAMES`], with any prefix of `ce_`, `ce-` or `x-`; the trace of a `traceparent`; or a member of a JSON payload of one
//! of those names, at any depth. Case and the signs between words do not count in names.

use base64::Engine;
use serde_json::Value;

use super::{Event, Header, coding};

/// Names without signs between words, in lower case.
pub const NAMES: [&str; 10] = [
    "correlationid",
    "correlationdata",
    "correlation",
    "conversationid",
    "causationid",
    "traceid",
    "traceparent",
    "requestid",
    "messageid",
    "id",
];

/// Whether the event carries the identifier.
#[must_use]
pub fn belongs(event: &Event, identifier: &str) -> bool {
    in_headers(event, identifier) || in_attributes(event, identifier) || in_payload(event, identifier)
}

fn in_headers(event: &Event, identifier: &str) -> bool {
    event.headers.iter().any(|header| is_in_header(header, identifier))
}

fn in_attributes(event: &Event, identifier: &str) -> bool {
    event.attributes.iter().any(|(name, value)| is_in_attribute(name, value, identifier))
}

/// Whether a header carries the identifier.
#[must_use]
pub fn is_in_header(header: &Header, identifier: &str) -> bool {
    let value = header.value.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    value.is_some_and(|value| is_name(&header.name) && equals(&header.name, value, identifier))
}

/// Whether a fact of the protocol carries the identifier.
#[must_use]
pub fn is_in_attribute(name: &str, value: &Value, identifier: &str) -> bool {
    let Some(text) = value.as_str().filter(|_| is_name(name)) else {
        return false;
    };
    // MQTT carries its correlation data as bytes, which stand in base64.
    let decoded =
        || base64::prelude::BASE64_STANDARD.decode(text).is_ok_and(|bytes| bytes == identifier.as_bytes());
    equals(name, text, identifier) || (name == "correlation_data" && decoded())
}

/// Whether a member of a JSON payload is the identifier.
#[must_use]
pub fn is_in_member(name: &str, value: &Value, identifier: &str) -> bool {
    match value {
        Value::String(text) => is_name(name) && equals(name, text, identifier),
        Value::Number(number) => is_name(name) && number.to_string() == identifier,
        _ => false,
    }
}

fn in_payload(event: &Event, identifier: &str) -> bool {
    let Some(payload) = coding::plain_payload(event) else {
        return false;
    };
    // Most payloads do not hold it at all and need not be read.
    memchr::memmem::find(&payload, identifier.as_bytes()).is_some()
        && serde_json::from_slice::<Value>(&payload).is_ok_and(|value| in_value(&value, identifier))
}

fn in_value(value: &Value, identifier: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| in_value(item, identifier)),
        Value::Object(members) => members
            .iter()
            .any(|(name, member)| is_in_member(name, member, identifier) || in_value(member, identifier)),
        _ => false,
    }
}

fn is_name(name: &str) -> bool {
    NAMES.contains(&plain_name(name).as_str())
}

/// The name in lower case, without signs and without the prefix of its protocol.
#[must_use]
pub fn plain_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let prefixes = ["ce_", "ce-", "cloudevents:", "cloudevents_", "x-"];
    let body = prefixes.iter().find_map(|prefix| lower.strip_prefix(prefix)).unwrap_or(&lower);
    body.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn equals(name: &str, value: &str, identifier: &str) -> bool {
    // `00-TRACE-SPAN-FLAGS`: the trace is what several events have in common.
    let is_trace = || plain_name(name) == "traceparent" && value.split('-').nth(1) == Some(identifier);
    value == identifier || is_trace()
}

#[cfg(test)]
mod tests {
    use super::belongs;
    use crate::event::{Event, Header};

    #[test]
    fn identifiers_are_found_where_they_are_carried() {
        let with = |name: &str, value: &str| Event {
            headers: vec![Header::text(name, value)],
            ..Event::new("a", "")
        };
        for name in [
            "correlation-id",
            "Correlation_ID",
            "correlationId",
            "x-correlation-id",
            "ce_correlationid",
            "ce-id",
        ] {
            assert!(belongs(&with(name, "c1"), "c1"), "{name}");
            assert!(!belongs(&with(name, "c12"), "c1"), "{name}");
        }
        assert!(!belongs(&with("source", "c1"), "c1"));
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(belongs(&with("traceparent", trace), "4bf92f3577b34da6a3ce929d0e0e4736"));
        assert!(belongs(&with("traceparent", trace), trace) && !belongs(&with("traceparent", trace), "01"));
        let mut event = Event::new("a", "");
        event.attributes.insert("correlation_data".to_owned(), "YzE=".into());
        assert!(belongs(&event, "c1") && belongs(&event, "YzE=") && !belongs(&event, "c2"));
        for payload in
            [r#"{"correlationId":"c1"}"#, r#"{"meta":[{"correlation_id":"c1"}]}"#, r#"{"id":"c1","data":{}}"#]
        {
            assert!(belongs(&Event::new("a", payload), "c1"), "{payload}");
        }
        assert!(belongs(&Event::new("a", r#"{"requestId":17}"#), "17"));
        for payload in [r#"{"name":"c1"}"#, "c1", r#"{"correlationId":"c1x"}"#, r#"{"correlationId":["c1"]}"#]
        {
            assert!(!belongs(&Event::new("a", payload), "c1"), "{payload}");
        }
    }
}
