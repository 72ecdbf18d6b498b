//! Events as people read them: pretty with colour, or one to a line. Control characters never reach the terminal.

use std::io::{self, Write};

use base64::Engine;
use colored::{Color, Colorize};

use super::json_view;
use crate::event::{Event, TimeKind};

/// Bytes of a binary payload that are shown.
const MOST_DUMPED: usize = 512;

/// Writes events for people.
#[derive(Clone, Copy, Debug)]
pub struct EventView {
    color: bool,
}

impl EventView {
    /// A view with or without colour.
    #[must_use]
    pub fn new(color: bool) -> Self {
        Self { color }
    }

    /// The event over several lines: time, channel, key and facts, headers, then the payload, and an empty line.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn pretty(self, out: &mut dyn Write, event: &Event, marks: &[String]) -> io::Result<()> {
        let time = self.paint(&event.received.to_string(), Color::BrightBlack);
        write!(out, "{time}  {}", self.paint(&visible(&event.channel), Color::Cyan))?;
        if let Some(key) = &event.key {
            write!(out, "  key={}", self.paint(&text_or_base64(key), Color::Yellow))?;
        }
        for fact in facts(event) {
            write!(out, "  {}", self.paint(&fact, Color::BrightBlack))?;
        }
        writeln!(out)?;
        for header in &event.headers {
            let value = header.value.as_deref().map_or_else(|| "null".to_owned(), text_or_base64);
            writeln!(out, "  {}: {value}", self.paint(&visible(&header.name), Color::Magenta))?;
        }
        for mark in marks {
            writeln!(out, "  {} {}", self.paint("!", Color::Red), visible(mark))?;
        }
        self.payload(out, event.payload.as_deref())?;
        writeln!(out)
    }

    /// The event on one line: time, channel, key and payload between tabs.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn line(self, out: &mut dyn Write, event: &Event, marks: &[String]) -> io::Result<()> {
        let key = event.key.as_deref().map_or_else(|| "-".to_owned(), text_or_base64);
        let payload = event.payload.as_deref().map_or_else(|| "null".to_owned(), text_or_base64);
        let time = self.paint(&event.received.to_string(), Color::BrightBlack);
        let channel = self.paint(&visible(&event.channel), Color::Cyan);
        write!(out, "{time}\t{channel}\t{key}\t{payload}")?;
        for mark in marks {
            write!(out, "\t! {}", visible(mark))?;
        }
        writeln!(out)
    }

    fn payload(self, out: &mut dyn Write, payload: Option<&[u8]>) -> io::Result<()> {
        let Some(bytes) = payload else {
            return writeln!(out, "  {}", self.paint("null payload (tombstone)", Color::BrightBlack));
        };
        if bytes.is_empty() {
            return writeln!(out, "  {}", self.paint("empty payload", Color::BrightBlack));
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return self.dump(out, bytes, error.valid_up_to()),
        };
        if json_view::is_json(text) {
            return json_view::write(out, text, "  ", self.color);
        }
        for line in text.lines() {
            writeln!(out, "  {}", visible(line))?;
        }
        Ok(())
    }

    fn dump(self, out: &mut dyn Write, bytes: &[u8], wrong_at: usize) -> io::Result<()> {
        let reason = format!("binary, {} bytes: not UTF-8 at byte {wrong_at}", bytes.len());
        writeln!(out, "  {}", self.paint(&reason, Color::BrightBlack))?;
        let shown = &bytes[..bytes.len().min(MOST_DUMPED)];
        for (row, chunk) in shown.chunks(16).enumerate() {
            let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
            let graphic = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
            let ascii: String = chunk.iter().map(graphic).collect();
            writeln!(out, "  {:08x}  {:<47}  |{ascii}|", row * 16, hex.join(" "))?;
        }
        let left = bytes.len() - shown.len();
        if left > 0 {
            writeln!(out, "  … {left} more bytes")?;
        }
        Ok(())
    }

    fn paint(self, text: &str, color: Color) -> String {
        if self.color { super::forced(|| text.color(color).to_string()) } else { text.to_owned() }
    }
}

/// Place, broker time and protocol facts, each as `name=value`.
fn facts(event: &Event) -> Vec<String> {
    let place = &event.place;
    let mut facts = Vec::new();
    facts.extend(place.partition.map(|partition| format!("partition={partition}")));
    facts.extend(place.offset.map(|offset| format!("offset={offset}")));
    facts.extend(event.broker_time.map(|stamp| {
        let kind = if stamp.kind == TimeKind::Create { "created" } else { "appended" };
        format!("{kind}={}", stamp.time)
    }));
    facts.extend(event.attributes.iter().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{}={}", visible(name), visible(&value))
    }));
    facts
}

/// Bytes as text, or as `base64:…` when they are no text.
#[must_use]
pub fn text_or_base64(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => visible(text),
        Err(_) => format!("base64:{}", base64::prelude::BASE64_STANDARD.encode(bytes)),
    }
}

/// The text with control characters written as escapes, so that no payload can drive the terminal.
#[must_use]
pub fn visible(text: &str) -> String {
    let hidden =
        |each: char| each.is_control() || matches!(each, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(hidden) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for each in text.chars() {
        match each {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            each if hidden(each) => shown.extend(each.escape_unicode()),
            each => shown.push(each),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{EventView, visible};
    use crate::event::{Event, Header, Timestamp};

    fn pretty(payload: &'static [u8]) -> String {
        let mut event =
            Event { received: Timestamp(1_700_000_000_123_456), ..Event::new("shop/orders", payload) };
        event.key = Some("customer-3".into());
        event.headers = vec![Header::text("trace", "a\x1b[31m"), Header { name: "none".into(), value: None }];
        event.attributes.insert("qos".to_owned(), 1.into());
        let mut out = Vec::new();
        EventView::new(false).pretty(&mut out, &event, &[]).expect("writing");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn an_event_is_readable() {
        let head = "2023-11-14T22:13:20.123456Z  shop/orders  key=customer-3  qos=1\n  \
                    trace: a\\u{1b}[31m\n  none: null\n";
        let json = "  {\n    \"id\": 7\n  }\n\n";
        assert_eq!(pretty(br#"{"id":7}"#), format!("{head}{json}"));
        assert_eq!(pretty(b"two\nlines"), format!("{head}  two\n  lines\n\n"));
        assert_eq!(pretty(b""), format!("{head}  empty payload\n\n"));
        let binary = pretty(b"ab\xff\x00");
        assert!(binary.contains("binary, 4 bytes: not UTF-8 at byte 2"), "{binary}");
        assert!(binary.contains("00000000  61 62 ff 00 "), "{binary}");
    }

    #[test]
    fn one_line_stays_one_line() {
        let event = Event { received: Timestamp(0), ..Event::new("a\tb", "x\ny") };
        let mut out = Vec::new();
        EventView::new(false).line(&mut out, &event, &["broken".to_owned()]).expect("writing");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "1970-01-01T00:00:00.000000Z\ta\\tb\t-\tx\\ny\t! broken\n");
        assert_eq!(visible("a\u{202e}b"), "a\\u{202e}b");
    }
}
