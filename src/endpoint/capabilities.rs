//! What a system can carry: one struct that steers the conformance suite, the table in the docs and refusals.

use crate::event::{Event, TimeKind};

/// How an endpoint acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acknowledgement {
    /// Nothing is said per event; only that the connection took the bytes.
    None,
    /// The system confirms each event.
    PerEvent,
}

/// How sure a run with a ledger can be, even after a crash, of what arrives in a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// Nothing is confirmed, so what is lost is not sent again.
    AtMostOnce,
    /// What was not confirmed is sent again, and may then be there twice.
    AtLeastOnce,
    /// What lies there is read back by its marks, and is not sent again.
    EffectivelyOnce,
    /// Events go in transactions together with the progress of the run.
    ExactlyOnce,
}

impl Assurance {
    /// The name that people and flags know it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at-most-once",
            Self::AtLeastOnce => "at-least-once",
            Self::EffectivelyOnce => "effectively-once",
            Self::ExactlyOnce => "exactly-once",
        }
    }
}

/// Which of the facts that a sender gave an event a system carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Facts {
    /// All of them.
    All,
    /// Those with these names.
    Only(&'static [&'static str]),
}

/// Names of facts that a sender gives an event, in any system; the others say how it came to us.
const GIVEN: [&str; 18] = [
    "app_id",
    "cluster_id",
    "content_encoding",
    "content_type",
    "correlation_data",
    "correlation_id",
    "expiration",
    "message_expiry_interval",
    "message_id",
    "method",
    "payload_format_indicator",
    "priority",
    "query",
    "reply",
    "reply_to",
    "response_topic",
    "type",
    "user_id",
];

/// What a system can carry and do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Capabilities {
    /// The name users know it by.
    pub name: &'static str,
    /// Keys are carried.
    pub keys: bool,
    /// Headers are carried at all.
    pub headers: bool,
    /// The same header name may come twice.
    pub repeated_headers: bool,
    /// The order of headers with different names is kept.
    pub header_order: bool,
    /// Header values may be any bytes.
    pub binary_headers: bool,
    /// A null header value is not the empty one.
    pub null_headers: bool,
    /// A null payload is not the empty one.
    pub null_payload: bool,
    /// The facts of a sender that are carried.
    pub facts: Facts,
    /// The sender may set the time.
    pub timestamps: bool,
    /// The finest part of such a time that is carried, in microseconds.
    pub time_unit: i64,
    /// The sender may choose the partition.
    pub partitions: bool,
    /// How delivery is confirmed.
    pub acknowledgement: Acknowledgement,
    /// The surest delivery there is for a run with a ledger.
    pub assurance: Assurance,
    /// Events are kept, so that reading may begin in the past.
    pub replayable: bool,
    /// Reading may begin at a time.
    pub seek_time: bool,
    /// Largest payload by default, in bytes; `None` is no limit of its own.
    pub max_payload: Option<usize>,
}

impl Capabilities {
    /// Everything an event can hold, kept and confirmed; others are described by what they lack.
    pub const ALL: Self = Self {
        name: "",
        keys: true,
        headers: true,
        repeated_headers: true,
        header_order: true,
        binary_headers: true,
        null_headers: true,
        null_payload: true,
        facts: Facts::All,
        timestamps: true,
        time_unit: 1,
        partitions: true,
        acknowledgement: Acknowledgement::PerEvent,
        assurance: Assurance::AtLeastOnce,
        replayable: true,
        seek_time: true,
        max_payload: None,
    };

    /// The losses, as [`Capabilities::losses`] names them, over which an event is refused; others are left away.
    pub const REFUSED: [&'static str; 2] = ["binary header values", "repeated header names"];

    /// What this system would lose of the event, in words for a user; empty when nothing is lost.
    #[must_use]
    pub fn losses(&self, event: &Event) -> Vec<&'static str> {
        let mut losses = Vec::new();
        let mut note = |lost: bool, words: &'static str| {
            if lost {
                losses.push(words);
            }
        };
        let values = || event.headers.iter().map(|header| header.value.as_ref());
        note(!self.keys && event.key.is_some(), "key");
        note(!self.headers && !event.headers.is_empty(), "headers");
        if self.headers {
            note(!self.null_headers && values().any(|value| value.is_none()), "null header values");
            let is_binary = || values().flatten().any(|value| std::str::from_utf8(value).is_err());
            note(!self.binary_headers && is_binary(), "binary header values");
            note(!self.repeated_headers && event.repeats_headers(), "repeated header names");
        }
        note(!self.null_payload && event.payload.is_none(), "null payload");
        losses
    }

    /// Whether the time that a sender gave the event is finer than what is carried of it.
    #[must_use]
    pub fn shortens_time(&self, event: &Event) -> bool {
        let own = event.broker_time.filter(|found| found.kind == TimeKind::Create);
        self.timestamps && own.is_some_and(|found| found.time.0.rem_euclid(self.time_unit) > 0)
    }

    /// Whether nothing is lost with a fact of this name: it is carried, or no sender gave it.
    #[must_use]
    pub fn carries_fact(&self, name: &str) -> bool {
        match self.facts {
            Facts::All => true,
            Facts::Only(carried) => carried.contains(&name) || !GIVEN.contains(&name),
        }
    }

    /// The names of facts that a sender gave the event and that this system has no place for. A request that posts is what
    /// any event can become.
    #[must_use]
    pub fn facts_left(&self, event: &Event) -> Vec<&'static str> {
        if self.facts == Facts::All || event.attributes.is_empty() {
            return Vec::new();
        }
        let is_said = |name: &&str| match event.attributes.get(*name) {
            None | Some(serde_json::Value::Null) => false,
            Some(value) => !(*name == "method" && value == "POST"),
        };
        GIVEN.into_iter().filter(|name| is_said(name) && !self.carries_fact(name)).collect()
    }

    /// Takes away what this system can only refuse to send: text is what its headers carry, or each name once.
    pub fn narrow(&self, event: &mut Event) {
        if !self.binary_headers {
            let is_text = |value: &bytes::Bytes| std::str::from_utf8(value).is_ok();
            event.headers.retain(|header| header.value.as_ref().is_none_or(is_text));
        }
        if !self.repeated_headers && event.repeats_headers() {
            let mut names = std::collections::HashSet::new();
            event.headers.retain(|header| names.insert(header.name.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Capabilities, Facts};
    use crate::event::{BrokerTime, Event, Header, TimeKind, Timestamp};

    #[test]
    fn facts_of_a_sender_are_left_where_they_have_no_place() {
        let mut event = Event::new("a", "x");
        let system = Capabilities { facts: Facts::Only(&["content_type"]), ..Capabilities::ALL };
        assert!(system.facts_left(&event).is_empty());
        for (name, value) in [("content_type", "text"), ("type", "t"), ("qos", "1"), ("method", "POST")] {
            event.attributes.insert(name.to_owned(), value.into());
        }
        event.attributes.insert("reply_to".to_owned(), serde_json::Value::Null);
        assert_eq!(system.facts_left(&event), ["type"]);
        event.attributes.insert("method".to_owned(), "PUT".into());
        assert_eq!(system.facts_left(&event), ["method", "type"]);
        assert!(Capabilities::ALL.facts_left(&event).is_empty());
        assert!(system.carries_fact("qos") && !system.carries_fact("type"));
    }

    #[test]
    fn a_time_is_shortened_where_it_is_finer_than_the_system() {
        let mut event = Event::new("a", "x");
        let milliseconds = Capabilities { time_unit: 1000, ..Capabilities::ALL };
        assert!(!milliseconds.shortens_time(&event));
        for (micros, kind, is_shortened) in [
            (1_500_000, TimeKind::Create, false),
            (1_500_001, TimeKind::Create, true),
            (-1, TimeKind::Create, true),
            (1_500_001, TimeKind::Append, false),
        ] {
            event.broker_time = Some(BrokerTime { time: Timestamp(micros), kind });
            assert_eq!(milliseconds.shortens_time(&event), is_shortened, "{micros}");
            assert!(!Capabilities::ALL.shortens_time(&event));
        }
    }

    #[test]
    fn what_is_narrowed_can_be_sent() {
        let mut event = Event::new("a", "x");
        let header =
            |name: &str, value: &'static [u8]| Header { name: name.into(), value: Some(value.into()) };
        event.headers = vec![header("a", b"1"), header("b", b"\xff"), header("a", b"2"), header("c", b"3")];
        let whole = event.clone();
        Capabilities::ALL.narrow(&mut event);
        assert_eq!(event, whole);
        Capabilities { binary_headers: false, ..Capabilities::ALL }.narrow(&mut event);
        assert_eq!(event.headers, [header("a", b"1"), header("a", b"2"), header("c", b"3")]);
        Capabilities { repeated_headers: false, ..Capabilities::ALL }.narrow(&mut event);
        assert_eq!(event.headers, [header("a", b"1"), header("c", b"3")]);
    }
}
