//! Captures of GoReplay: a line with kind, identifier and time, then HTTP as it went over the wire, then a separator.

use std::collections::{HashMap, VecDeque};
use std::io;

use serde_json::{Map, Value};

use super::http_text::{Message, channel, event, request_facts};
use super::json_texts::unnumbered;
use super::{Events, Input, read_until};
use crate::event::json_lines::Line;
use crate::event::{Event, Timestamp};

/// The line between captures; a line break stands before it.
const SEPARATOR: &str = "🐵🙈🙉";
/// Requests that are kept for their responses.
const MOST_REQUESTS: usize = 10_000;
/// A number of nanoseconds below this is a span, not a time since 1970.
const EARLIEST: i64 = 1_000_000_000_000_000;

pub(super) struct Captures {
    input: Input,
    line: u64,
    arrival: Timestamp,
    /// Channel and time of requests by their identifiers.
    requests: HashMap<String, (String, Timestamp)>,
    order: VecDeque<String>,
}

/// What stands between two separators.
struct Capture {
    /// Where it begins.
    line: u64,
    text: Vec<u8>,
    /// Whether the separator behind it is there, which GoReplay writes behind the last one too.
    whole: bool,
}

impl Captures {
    pub(super) fn new(input: Input, arrival: Timestamp) -> Self {
        Self { input, line: 0, arrival, requests: HashMap::new(), order: VecDeque::new() }
    }

    /// The next capture.
    fn capture(&mut self) -> io::Result<Option<Capture>> {
        let mut text = Vec::new();
        let line = self.line + 1;
        loop {
            let before = text.len();
            if !read_until(&mut self.input, b'\n', &mut text)? {
                return Ok((!text.is_empty()).then_some(Capture { line, text, whole: false }));
            }
            self.line += 1;
            if text[before..].trim_ascii_end() == SEPARATOR.as_bytes() {
                // The line break before the separator belongs to it.
                text.truncate(before.saturating_sub(1));
                return Ok(Some(Capture { line, text, whole: true }));
            }
        }
    }

    fn decode(&mut self, text: &[u8]) -> Result<Event, String> {
        let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
        let head = String::from_utf8_lossy(&text[..end]).into_owned();
        let mut words = head.split_ascii_whitespace();
        let (kind, identifier) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let time = words.next().and_then(|word| word.parse::<i64>().ok());
        let Some(time) = time.filter(|_| matches!(kind, "1" | "2" | "3")) else {
            let shown: String = head.chars().take(60).collect();
            return Err(format!("`{}` is no head of a capture", shown.escape_debug()));
        };
        let message = Message::parse(text.get(end + 1..).unwrap_or_default())?;
        let mut made = if kind == "1" {
            self.request(identifier, time, message)
        } else {
            self.response(kind, identifier, time, message)
        };
        made.attributes.insert("gor_id".to_owned(), Value::from(identifier));
        Ok(made)
    }

    fn request(&mut self, identifier: &str, time: i64, message: Message) -> Event {
        let [method, target, _] = &message.words;
        let facts = request_facts(method, target, message.host.as_deref(), message.header("content-type"));
        let channel = channel(target);
        let received = if time >= EARLIEST { Timestamp(time / 1000) } else { self.arrival };
        if self.requests.insert(identifier.to_owned(), (channel.clone(), received)).is_none() {
            self.order.push_back(identifier.to_owned());
        }
        if self.order.len() > MOST_REQUESTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.requests.remove(&oldest);
        }
        Event { received, attributes: facts.into(), ..event(channel, Some(message.body), message.headers) }
    }

    fn response(&mut self, kind: &str, identifier: &str, time: i64, message: Message) -> Event {
        let request = self.requests.get(identifier).cloned();
        let (channel, asked) = request.unwrap_or_else(|| ("response".to_owned(), self.arrival));
        // Older captures have the time it took, newer ones the moment.
        let received = if time >= EARLIEST {
            Timestamp(time / 1000)
        } else {
            Timestamp(asked.0.saturating_add(time / 1000))
        };
        let mut facts = Map::new();
        let of = if kind == "2" { "response" } else { "replayed-response" };
        facts.insert("gor_kind".to_owned(), Value::from(of));
        let status: Option<u16> = message.words[1].parse().ok();
        facts.insert("status".to_owned(), Value::from(status));
        if let Some(content_type) = message.header("content-type") {
            facts.insert("content_type".to_owned(), Value::from(content_type));
        }
        Event { received, attributes: facts.into(), ..event(channel, Some(message.body), message.headers) }
    }
}

impl Events for Captures {
    fn next(&mut self) -> io::Result<Option<(u64, Result<Line, String>)>> {
        while let Some(Capture { line, text, whole }) = self.capture()? {
            if text.trim_ascii().is_empty() {
                continue;
            }
            // Nobody knows how much is missing, and a part of the separator would go for a part of the body.
            let event = if whole {
                self.decode(&text)
            } else {
                Err(format!("the file ends before the separator behind it (`{SEPARATOR}`): it is cut off"))
            };
            return Ok(Some((line, event.map(unnumbered))));
        }
        Ok(None)
    }
}
