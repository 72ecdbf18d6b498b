//! Events as people read them: pretty with colour, or one to a line. Control characters never reach the terminal.

use std::io::{self, Write};

use base64::Engine;
use colored::{Color, Colorize};

use super::json_view::JsonView;
use super::{forced, json_view};
use crate::event::coding::{self, Decoded};
use crate::event::{BrokerTime, Event};
use crate::output::figures::size;
use crate::output::visible::{columns, fitted, visible};
use crate::replay::Pattern;

/// Bytes of a binary payload that are shown.
const MOST_DUMPED: usize = 512;

/// Microseconds between the time of an event and its arrival that are worth a word.
const LATE: i64 = 1_000_000;

/// Writes events for people.
#[derive(Clone, Debug, Default)]
pub struct EventView {
    color: bool,
    width: Option<usize>,
    sought: Vec<Pattern>,
}

impl EventView {
    /// A view with or without colour; lines are fitted into `width` columns, when there is one.
    #[must_use]
    pub fn new(color: bool, width: Option<usize>) -> Self {
        Self { color, width, sought: Vec::new() }
    }

    /// What was sought is marked where colour can mark it.
    #[must_use]
    pub fn marking(mut self, sought: &[Pattern]) -> Self {
        self.sought = if self.color { sought.to_vec() } else { Vec::new() };
        self
    }

    /// The event over several lines: time, channel, key and facts, headers, then the payload, and an empty line.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn pretty(&self, out: &mut dyn Write, event: &Event, marks: &[String]) -> io::Result<()> {
        self.head(out, event)?;
        for header in &event.headers {
            let value = header.value.as_deref().map_or_else(|| "null".to_owned(), text_or_base64);
            let is_sought = |pattern: &Pattern| matches!(pattern, Pattern::Header(name, _) if name.eq_ignore_ascii_case(&header.name));
            let value = self.marked_if(&value, is_sought, None);
            writeln!(out, "  {}: {value}", self.paint(&visible(&header.name), Color::Magenta))?;
        }
        for mark in marks {
            writeln!(out, "  {} {}", self.paint("!", Color::Red), visible(mark))?;
        }
        self.payload(out, event)?;
        writeln!(out)
    }

    /// Time, channel, key and facts; what does not fit into the width goes on in the next line.
    fn head(&self, out: &mut dyn Write, event: &Event) -> io::Result<()> {
        let channel = visible(&event.channel);
        let time = event.time().to_string();
        let mut used = columns(&time) + 2 + columns(&channel);
        let channel =
            self.marked_if(&channel, |pattern| matches!(pattern, Pattern::Channel(_)), Some(Color::Cyan));
        write!(out, "{}  {channel}", self.paint(&time, Color::BrightBlack))?;
        let key = event.key.as_deref().map(text_or_base64).map(|key| {
            let shown =
                self.marked_if(&key, |pattern| matches!(pattern, Pattern::Key(_)), Some(Color::Yellow));
            (columns(&key) + 4, format!("key={shown}"))
        });
        let facts =
            facts(event).into_iter().map(|fact| (columns(&fact), self.paint(&fact, Color::BrightBlack)));
        for (length, shown) in key.into_iter().chain(facts) {
            let fits = self.width.is_none_or(|width| used + 2 + length <= width);
            let (gap, begin) = if fits { ("  ", used) } else { ("\n  ", 0) };
            write!(out, "{gap}{shown}")?;
            used = begin + 2 + length;
        }
        writeln!(out)
    }

    /// The event on one line: time, channel, key and payload between tabs. On a terminal it is cut where the line ends.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn line(&self, out: &mut dyn Write, event: &Event, marks: &[String]) -> io::Result<()> {
        let key = event.key.as_deref().map_or_else(|| "-".to_owned(), text_or_base64);
        let payload = line_payload(event);
        let time = event.time().to_string();
        let channel = visible(&event.channel);
        let gap = if self.width.is_some() { "  " } else { "\t" };
        let mut fields = vec![(time, Some(Color::BrightBlack)), (channel, Some(Color::Cyan)), (key, None)];
        fields.extend(marks.iter().map(|mark| (format!("! {}", visible(mark)), Some(Color::Red))));
        // Marks follow the payload where the line has no end, and precede it where they would be cut off.
        let at = if self.width.is_some() { fields.len() } else { 3 };
        fields.insert(at, (payload, None));
        let mut left = self.width.unwrap_or(usize::MAX);
        for (index, (text, color)) in fields.iter().enumerate() {
            let gap = if index == 0 { "" } else { gap };
            if left <= gap.len() {
                break;
            }
            let text = fitted(text, left - gap.len());
            left = left.saturating_sub(gap.len() + columns(&text));
            write!(out, "{gap}{}", self.marked(&text, *color))?;
        }
        writeln!(out)
    }

    fn payload(&self, out: &mut dyn Write, event: &Event) -> io::Result<()> {
        let Some(bytes) = event.payload.as_deref() else {
            return writeln!(out, "  {}", self.paint("null payload (tombstone)", Color::BrightBlack));
        };
        if bytes.is_empty() {
            return writeln!(out, "  {}", self.paint("empty payload", Color::BrightBlack));
        }
        match coding::decoded(event) {
            None => self.content(out, bytes),
            Some(Decoded { coding, content: Ok(content) }) => {
                let (packed, whole) = (size(bytes.len() as u64), size(content.len() as u64));
                let note = format!("{}, {packed} for {whole}", coding.name());
                writeln!(out, "  {}", self.paint(&note, Color::BrightBlack))?;
                self.content(out, &content)
            }
            Some(Decoded { coding, content: Err(reason) }) => {
                let note = format!("{} that cannot be read: {}", coding.name(), visible(&reason));
                writeln!(out, "  {}", self.paint(&note, Color::Red))?;
                self.content(out, bytes)
            }
        }
    }

    fn content(&self, out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return self.dump(out, bytes, error.valid_up_to()),
        };
        if json_view::is_json(text) {
            let pointers = self.sought.iter().filter_map(|pattern| match pattern {
                Pattern::Payload(pointer, _) => Some(pointer.as_str()),
                _ => None,
            });
            let paint = |token: &str, color, is_sought: bool| {
                if is_sought { self.mark(token) } else { self.marked(token, color) }
            };
            return JsonView::new("  ", &paint, pointers.collect()).write(out, text);
        }
        for line in text.lines() {
            writeln!(out, "  {}", self.marked(&visible(line), None))?;
        }
        Ok(())
    }

    fn dump(&self, out: &mut dyn Write, bytes: &[u8], wrong_at: usize) -> io::Result<()> {
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

    fn paint(&self, text: &str, color: Color) -> String {
        if self.color { forced(|| text.color(color).to_string()) } else { text.to_owned() }
    }

    fn mark(&self, text: &str) -> String {
        if self.color { forced(|| text.black().on_yellow().to_string()) } else { text.to_owned() }
    }

    /// The whole text marked when one of the patterns is about it, else the parts of it that were sought.
    fn marked_if(&self, text: &str, is_about: impl Fn(&Pattern) -> bool, color: Option<Color>) -> String {
        if self.sought.iter().any(is_about) { self.mark(text) } else { self.marked(text, color) }
    }

    /// The text in its colour, with the parts of it that were sought marked.
    fn marked(&self, text: &str, color: Option<Color>) -> String {
        let plain = |text: &str| color.map_or_else(|| text.to_owned(), |color| self.paint(text, color));
        let needle = self.sought.iter().find_map(|pattern| match pattern {
            Pattern::Contains(needle) | Pattern::Correlation(needle) if text.contains(needle.as_str()) => {
                Some(needle.as_str())
            }
            _ => None,
        });
        let Some(needle) = needle else {
            return plain(text);
        };
        let between: Vec<String> = text.split(needle).map(plain).collect();
        between.join(&self.mark(needle))
    }
}

/// What the payload holds, on one line.
fn line_payload(event: &Event) -> String {
    let Some(bytes) = event.payload.as_deref() else {
        return "null".to_owned();
    };
    match coding::decoded(event) {
        None => text_or_base64(bytes),
        Some(Decoded { content: Ok(content), .. }) => text_or_base64(&content),
        Some(Decoded { coding, content: Err(reason) }) => {
            format!("{} that cannot be read ({}): {}", coding.name(), visible(&reason), text_or_base64(bytes))
        }
    }
}

/// Place, broker time and protocol facts, each as `name=value`.
fn facts(event: &Event) -> Vec<String> {
    let place = &event.place;
    let mut facts = Vec::new();
    facts.extend(place.partition.map(|partition| format!("partition={partition}")));
    facts.extend(place.offset.map(|offset| format!("offset={offset}")));
    // The time at the head is the broker's; when it was read matters only where that was much later.
    let is_late = |stamp: &BrokerTime| event.received.since(stamp.time).abs() >= LATE;
    facts.extend(event.broker_time.filter(is_late).map(|_| format!("received={}", event.received)));
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

#[cfg(test)]
mod tests {
    use super::EventView;
    use crate::event::{Event, Header, Timestamp};
    use crate::replay::Pattern;

    fn pretty(payload: &'static [u8]) -> String {
        let mut event =
            Event { received: Timestamp(1_700_000_000_123_456), ..Event::new("shop/orders", payload) };
        event.key = Some("customer-3".into());
        event.headers = vec![Header::text("trace", "a\x1b[31m"), Header { name: "none".into(), value: None }];
        event.attributes.insert("qos".to_owned(), 1.into());
        let mut out = Vec::new();
        EventView::new(false, None).pretty(&mut out, &event, &[]).expect("writing");
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
        EventView::new(false, None).line(&mut out, &event, &["broken".to_owned()]).expect("writing");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "1970-01-01T00:00:00.000000Z\ta\\tb\t-\tx\\ny\t! broken\n");
    }

    fn line(event: &Event, width: Option<usize>, marks: &[String]) -> String {
        let mut out = Vec::new();
        EventView::new(false, width).line(&mut out, event, marks).expect("writing");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_line_fits_the_terminal_and_keeps_its_marks() {
        let event = Event {
            received: Timestamp(0),
            ..Event::new("a", "日本語のとても長いペイロード".repeat(9))
        };
        let text = line(&event, Some(60), &["broken".to_owned()]);
        assert_eq!(text, "1970-01-01T00:00:00.000000Z  a  -  ! broken  日本語のとても…\n");
        assert!(line(&event, None, &[]).len() > 300);
    }

    #[test]
    fn facts_go_on_in_the_next_line() {
        let mut event = Event { received: Timestamp(0), ..Event::new("shop/orders", "x") };
        event.key = Some("a-key-of-some-length".into());
        event.attributes.insert("content_type".to_owned(), "application/json".into());
        let mut out = Vec::new();
        EventView::new(false, Some(64)).pretty(&mut out, &event, &[]).expect("writing");
        let text = String::from_utf8(out).expect("text");
        let head = "1970-01-01T00:00:00.000000Z  shop/orders\n  key=a-key-of-some-length  content_type=application/json\n";
        assert_eq!(text, format!("{head}  x\n\n"));
    }

    #[test]
    fn compressed_payloads_are_shown_by_their_content() {
        let packed = zstd::encode_all(&br#"{"id":7}"#[..], 1).expect("packing");
        let event = Event { received: Timestamp(0), ..Event::new("a", packed.clone()) };
        assert!(line(&event, None, &[]).ends_with("\t{\"id\":7}\n"));
        let mut out = Vec::new();
        EventView::new(false, None).pretty(&mut out, &event, &[]).expect("writing");
        let text = String::from_utf8(out).expect("text");
        assert!(text.contains("  zstd, 17 B for 8 B\n  {\n    \"id\": 7\n  }\n"), "{text}");
        let cut = Event { payload: Some(packed[..12].to_vec().into()), ..event };
        assert!(line(&cut, None, &[]).contains("zstd that cannot be read ("), "{}", line(&cut, None, &[]));
    }

    #[test]
    fn what_was_sought_is_marked() {
        let mut event = Event {
            received: Timestamp(0),
            ..Event::new("a", r#"{"list":[{"id":7},{"id":8}],"x":"seven"}"#)
        };
        event.key = Some("k".into());
        event.headers = vec![Header::text("trace", "t1")];
        let sought = ["payload./list/1/id=8", "key=k", "header.Trace=t*", "eve"];
        let sought: Vec<Pattern> = sought.iter().map(|text| Pattern::parse(text).expect(text)).collect();
        let mut out = Vec::new();
        EventView::new(true, None).marking(&sought).pretty(&mut out, &event, &[]).expect("writing");
        let text = String::from_utf8(out).expect("text");
        let marked = |part: &str| text.contains(&format!("\u{1b}[43;30m{part}\u{1b}[0m"));
        assert!(marked("8") && marked("k") && marked("t1") && marked("eve") && !marked("7"), "{text}");
    }
}
