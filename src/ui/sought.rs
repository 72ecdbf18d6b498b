//! What in an event fulfils the expressions it was sought by, as places in the texts that are shown. It paints nothing.

use std::ops::Range;

use serde_json::Value;

use super::json_view::is_json;
use super::json_walk::each_value;
use crate::event::{Header, correlation};
use crate::replay::{Pattern, pattern};

/// The expressions of `--match` and `--correlation`.
#[derive(Clone, Debug, Default)]
pub(super) struct Sought(Vec<Pattern>);

impl Sought {
    /// Places of what these found.
    pub(super) fn new(patterns: &[Pattern]) -> Self {
        Self(patterns.to_vec())
    }

    /// Whether the channel was sought.
    pub(super) fn is_channel(&self, channel: &str) -> bool {
        self.0.iter().any(|each| matches!(each, Pattern::Channel(wanted) if wanted.matches(channel)))
    }

    /// Whether the header was sought, by its value too.
    pub(super) fn is_header(&self, header: &Header) -> bool {
        self.0.iter().any(|each| match each {
            Pattern::Correlation(identifier) => correlation::is_in_header(header, identifier),
            each => each.is_of_header(header),
        })
    }

    /// Whether the fact of the protocol carries what was sought.
    pub(super) fn is_fact(&self, name: &str, value: &Value) -> bool {
        self.0.iter().any(|each| match each {
            Pattern::Correlation(identifier) => correlation::is_in_attribute(name, value, identifier),
            _ => false,
        })
    }

    /// What of a key was sought: all of it, or the texts in it.
    pub(super) fn in_key(&self, key: &str) -> Vec<Range<usize>> {
        if self.0.iter().any(|each| matches!(each, Pattern::Key(wanted) if wanted.matches(key))) {
            return std::iter::once(0..key.len()).collect();
        }
        self.texts(key)
    }

    /// What of a payload was sought: the texts in it, and of JSON the values.
    pub(super) fn in_payload(&self, payload: &str) -> Vec<Range<usize>> {
        let mut found = self.texts(payload);
        let of_values = |each: &&Pattern| matches!(each, Pattern::Payload(..) | Pattern::Correlation(_));
        let patterns: Vec<&Pattern> = self.0.iter().filter(of_values).collect();
        if !patterns.is_empty() && is_json(payload) {
            each_value(payload, |pointer, range| {
                if patterns.iter().any(|each| is_value(each, pointer, &payload[range.clone()])) {
                    found.push(range);
                }
            });
        }
        joined(found)
    }

    fn texts(&self, text: &str) -> Vec<Range<usize>> {
        let needles = self.0.iter().filter_map(|each| match each {
            Pattern::Contains(needle) => Some(needle.as_str()),
            _ => None,
        });
        let found = needles.flat_map(|needle| text.match_indices(needle));
        joined(found.map(|(at, part)| at..at + part.len()).collect())
    }
}

/// Whether a value of a payload is the one that was sought.
fn is_value(pattern: &Pattern, pointer: &str, text: &str) -> bool {
    let read = || serde_json::from_str::<Value>(text).ok();
    match pattern {
        Pattern::Payload(wanted_at, wanted) if wanted_at == pointer => {
            read().is_some_and(|found| pattern::equals(&found, wanted))
        }
        Pattern::Correlation(identifier) => {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            text.contains(identifier.as_str())
                && read().is_some_and(|found| correlation::is_in_member(name, &found, identifier))
        }
        _ => false,
    }
}

/// In order, those that touch as one.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut all: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match all.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => all.push(range),
        }
    }
    all
}

/// The part of a text from `begin` to `end`, cut where what was sought begins and ends, and whether it was sought.
pub(super) fn parts<'a>(
    text: &'a str,
    (begin, end): (usize, usize),
    sought: &[Range<usize>],
) -> Vec<(&'a str, bool)> {
    let mut at = begin;
    let mut parts = Vec::new();
    for range in sought.iter().filter(|range| range.start < end && begin < range.end) {
        let (from, to) = (range.start.max(begin), range.end.min(end));
        parts.extend((at < from).then(|| (&text[at..from], false)));
        parts.push((&text[from..to], true));
        at = to;
    }
    parts.extend((at < end || parts.is_empty()).then(|| (&text[at..end], false)));
    parts
}

#[cfg(test)]
mod tests {
    use super::{Sought, parts};
    use crate::event::Header;
    use crate::replay::Pattern;

    fn sought(texts: &[&str]) -> Sought {
        let patterns: Vec<Pattern> =
            texts.iter().map(|text| Pattern::parse(text).expect("a pattern")).collect();
        Sought::new(&patterns)
    }

    #[test]
    fn only_what_matches_was_sought() {
        let headers = sought(&["header.a=2"]);
        assert!(headers.is_header(&Header::text("A", "2")));
        for (name, value) in [("a", "1"), ("a", "12"), ("ab", "2"), ("b", "2")] {
            assert!(!headers.is_header(&Header::text(name, value)), "{name}: {value}");
        }
        let channel = sought(&["channel=shop/*", "key=k?", "2"]);
        assert!(channel.is_channel("shop/a") && !channel.is_channel("2"));
        assert_eq!(channel.in_key("k2").first(), Some(&(0..2)));
        assert_eq!(channel.in_key("2-2"), [0..1, 2..3]);
        assert!(!channel.is_header(&Header::text("a", "2")), "a text is sought in key and payload");
    }

    #[test]
    fn values_are_found_where_they_stand() {
        let found = |texts: &[&str], payload: &'static str| -> Vec<&str> {
            sought(texts).in_payload(payload).into_iter().map(|range| &payload[range]).collect()
        };
        let payload = r#"{"id":7, "a":{"id":"7","b/c":[1,{"d":null},[]],"e":[1,2]},"id2":7}"#;
        assert_eq!(found(&["payload./id=7"], payload), ["7"]);
        assert_eq!(found(&["payload./a/id=7"], payload), ["\"7\""]);
        assert_eq!(found(&["payload./a/b~1c/1/d=null"], payload), ["null"]);
        assert_eq!(found(&["payload./a/e=[1,2]"], payload), ["[1,2]"]);
        assert_eq!(found(&["payload./a/e/1=2", "payload./id2=7"], payload), ["2", "7"]);
        assert!(found(&["payload./id=8"], payload).is_empty());
        assert_eq!(found(&["\"id\":7"], payload), ["\"id\":7"]);
        assert_eq!(found(&["ab", "bc"], "abc ab"), ["abc", "ab"]);
        let own = Sought::new(&[Pattern::Correlation("7".to_owned())]);
        let values: Vec<&str> = own.in_payload(payload).into_iter().map(|range| &payload[range]).collect();
        assert_eq!(values, ["7", "\"7\""]);
        assert!(own.is_header(&Header::text("trace-id", "7")) && !own.is_header(&Header::text("a", "7")));
        assert!(own.is_fact("message_id", &"7".into()) && !own.is_fact("qos", &"7".into()));
    }

    #[test]
    fn a_text_is_cut_where_the_sought_begins_and_ends() {
        assert_eq!(
            parts("abcdef", (1, 5), &[0..2, 3..4]),
            [("b", true), ("c", false), ("d", true), ("e", false)]
        );
        assert_eq!(parts("abc", (0, 3), &[]), [("abc", false)]);
        assert_eq!(parts("abc", (1, 1), &[]), [("", false)]);
        assert_eq!(parts("abc", (0, 2), std::slice::from_ref(&(0..3))), [("ab", true)]);
    }
}
