//! An event as the page shows it: bounded, without what steers, and without what is secret.

use serde::Serialize;

use crate::endpoint::is_secret_header;
use crate::event::coding::{self, Decoded};
use crate::event::{Event, Header};
use crate::output::figures::size;
use crate::output::visible::{harmless, visible};

/// Bytes of a payload that are shown.
const PAYLOAD: usize = 8 * 1024;
/// Bytes of a key, and of the value of a header, that are shown.
const SHORT: usize = 256;
/// Headers that are shown.
const HEADERS: usize = 30;
/// What stands for a value that is not shown.
const HIDDEN: &str = "•••";

/// An event for the page.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    time: String,
    channel: String,
    key: Option<String>,
    headers: Vec<(String, Option<String>)>,
    payload: Option<String>,
    note: String,
}

impl Shown {
    /// An event and what is to be noted about it.
    pub(super) fn new(event: &Event, notes: &[String]) -> Self {
        let mut notes: Vec<String> = notes.iter().map(|note| visible(note)).collect();
        let content = match coding::decoded(event) {
            None => event.payload.clone(),
            Some(Decoded { coding, content: Ok(content) }) => {
                notes.push(coding.name().to_owned());
                Some(content)
            }
            Some(Decoded { coding, content: Err(reason) }) => {
                notes.push(format!("{} that cannot be read: {}", coding.name(), visible(&reason)));
                event.payload.clone()
            }
        };
        let payload = content.map(|content| {
            let (shown, note) = text(&content, PAYLOAD);
            notes.extend(note);
            shown
        });
        let more = event.headers.len().saturating_sub(HEADERS);
        if more > 0 {
            notes.push(format!("{more} more headers"));
        }
        Self {
            time: event.time().to_string(),
            channel: visible(&event.channel),
            key: event.key.as_deref().map(|key| visible(&text(key, SHORT).0)),
            headers: event.headers.iter().take(HEADERS).map(header).collect(),
            payload,
            note: notes.join(", "),
        }
    }
}

fn header(header: &Header) -> (String, Option<String>) {
    let value = header.value.as_deref().map(|value| {
        if is_secret_header(&header.name) {
            return HIDDEN.to_owned();
        }
        visible(&text(value, SHORT).0)
    });
    (visible(&text(header.name.as_bytes(), SHORT).0), value)
}

/// As much as is shown, and what is to be noted about the rest.
fn text(bytes: &[u8], most: usize) -> (String, Option<String>) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return ("(binary)".to_owned(), Some(format!("binary, {}", size(bytes.len() as u64))));
    };
    let cut = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let shown = String::from_utf8_lossy(&harmless(&bytes[..cut])).into_owned();
    let is_cut = cut < text.len();
    let note = is_cut.then(|| format!("the first {} of {}", size(cut as u64), size(bytes.len() as u64)));
    (if is_cut { format!("{shown}…") } else { shown }, note)
}

#[cfg(test)]
mod tests {
    use super::Shown;
    use crate::event::{Event, Header};

    #[test]
    fn what_is_shown_is_bounded_and_steers_nothing() {
        let mut event = Event::new("orders\u{202e}", format!("{{\"a\":\"\u{1b}[31m{}\"}}", "é".repeat(9000)));
        event.key = Some("k\n1".into());
        event.headers = (0..40).map(|number| Header::text(format!("h{number}"), "x".repeat(999))).collect();
        event.headers[0] = Header::text("X-Auth-Token", "abc");
        event.headers[1] = Header { name: "null".into(), value: None };
        let shown = serde_json::to_value(Shown::new(&event, &["noted".to_owned()])).expect("JSON");
        let payload = shown["payload"].as_str().expect("a text");
        assert!(payload.len() < 8300 && payload.ends_with('…') && !payload.contains('\u{1b}'), "{payload}");
        assert_eq!(shown["channel"], "orders\\u{202e}");
        assert_eq!(shown["key"], "k\\n1");
        assert_eq!(shown["headers"].as_array().map(Vec::len), Some(30));
        assert_eq!(shown["headers"][0], serde_json::json!(["X-Auth-Token", "•••"]));
        assert_eq!(shown["headers"][1], serde_json::json!(["null", null]));
        assert!(shown["headers"][2][1].as_str().is_some_and(|value| value.len() < 300));
        assert_eq!(shown["note"], "noted, the first 8.00 KiB of 17.6 KiB, 10 more headers");
    }

    #[test]
    fn bytes_that_are_no_text_are_not_shown() {
        let shown = Shown::new(&Event::new("c", vec![0xff, 0x00]), &[]);
        let shown = serde_json::to_value(shown).expect("JSON");
        assert_eq!(shown["payload"], "(binary)");
        assert_eq!(shown["note"], "binary, 2 B");
    }
}
