//! Events as people read them: pretty with colour, or one to a line. Control characters never reach the terminal.

use std::io::{self, Write};
use std::ops::Range;

use base64::Engine;
use colored::{Color, Colorize};

use super::json_view::JsonView;
use super::sought::{Sought, parts};
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
    sought: Sought,
}

impl EventView {
    /// A view with or without colour; lines are fitted into `width` columns, when there is one.
    #[must_use]
    pub fn new(color: bool, width: Option<usize>) -> Self {
        Self { color, width, sought: Sought::default() }
    }

    /// What was sought is marked where colour can mark it.
    #[must_use]
    pub fn marking(mut self, sought: &[Pattern]) -> Self {
        self.sought = if self.color { Sought::new(sought) } else { Sought::default() };
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
            let value = self.shown(&value, self.sought.is_header(header), None);
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
        let channel = self.shown(&channel, self.sought.is_channel(&event.channel), Some(Color::Cyan));
        write!(out, "{}  {channel}", self.paint(&time, Color::BrightBlack))?;
        let key = event.key.as_deref().map(|key| {
            let parts = self.key(key);
            let length: usize = parts.iter().map(|(part, _)| columns(part)).sum();
            (length + 4, format!("key={}", self.painted(&parts, Some(Color::Yellow))))
        });
        let facts = self.facts(event).into_iter().map(|(fact, is_sought)| {
            (columns(&fact), self.shown(&fact, is_sought, Some(Color::BrightBlack)))
        });
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
        let key = event.key.as_deref().map_or_else(|| vec![("-".to_owned(), false)], |key| self.key(key));
        let payload = self.line_payload(event);
        let time = event.time().to_string();
        let channel = (visible(&event.channel), self.sought.is_channel(&event.channel));
        let gap = if self.width.is_some() { "  " } else { "\t" };
        let mut fields = vec![
            (vec![(time, false)], Some(Color::BrightBlack)),
            (vec![channel], Some(Color::Cyan)),
            (key, None),
        ];
        let marks = marks.iter().map(|mark| vec![(format!("! {}", visible(mark)), false)]);
        fields.extend(marks.map(|mark| (mark, Some(Color::Red))));
        // Marks follow the payload where the line has no end, and precede it where they would be cut off.
        let at = if self.width.is_some() { fields.len() } else { 3 };
        fields.insert(at, (payload, None));
        let mut left = self.width.unwrap_or(usize::MAX);
        for (index, (parts, color)) in fields.into_iter().enumerate() {
            let gap = if index == 0 { "" } else { gap };
            if left <= gap.len() {
                break;
            }
            let parts = fitted_parts(parts, left - gap.len());
            let taken: usize = parts.iter().map(|(part, _)| columns(part)).sum();
            left = left.saturating_sub(gap.len() + taken);
            write!(out, "{gap}{}", self.painted(&parts, color))?;
        }
        writeln!(out)
    }

    /// The key as it is shown, cut where what was sought begins and ends.
    fn key(&self, key: &[u8]) -> Parts {
        shown_parts(key, |text| self.sought.in_key(text))
    }

    /// What the payload holds, on one line.
    fn line_payload(&self, event: &Event) -> Parts {
        let Some(bytes) = event.payload.as_deref() else {
            return vec![("null".to_owned(), false)];
        };
        let sought = |text: &str| self.sought.in_payload(text);
        match coding::decoded(event) {
            None => shown_parts(bytes, sought),
            Some(Decoded { content: Ok(content), .. }) => shown_parts(&content, sought),
            Some(Decoded { coding, content: Err(reason) }) => {
                let note = format!("{} that cannot be read ({}): ", coding.name(), visible(&reason));
                vec![(note + &text_or_base64(bytes), false)]
            }
        }
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
        let sought = self.sought.in_payload(text);
        if json_view::is_json(text) {
            let paint = |part: &str, color, is_sought: bool| self.shown(part, is_sought, color);
            return JsonView::new("  ", &paint, &sought).write(out, text);
        }
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let end = at + line.lines().next().map_or(0, str::len);
            let parts = parts(text, (at, end), &sought);
            let parts: Parts =
                parts.into_iter().map(|(part, is_sought)| (visible(part), is_sought)).collect();
            writeln!(out, "  {}", self.painted(&parts, None))?;
            at += line.len();
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

    /// The text marked when it was sought, else in its colour.
    fn shown(&self, text: &str, is_sought: bool, color: Option<Color>) -> String {
        match color {
            _ if is_sought => self.mark(text),
            Some(color) => self.paint(text, color),
            None => text.to_owned(),
        }
    }

    /// What was sought of the parts marked, the others in their colour.
    fn painted(&self, parts: &Parts, color: Option<Color>) -> String {
        parts.iter().map(|(part, is_sought)| self.shown(part, *is_sought, color)).collect()
    }

    /// Place, broker time and protocol facts, each as `name=value`, and whether it was sought.
    fn facts(&self, event: &Event) -> Parts {
        let place = &event.place;
        let mut facts = Vec::new();
        facts.extend(place.partition.map(|partition| (format!("partition={partition}"), false)));
        facts.extend(place.offset.map(|offset| (format!("offset={offset}"), false)));
        // The time at the head is the broker's; when it was read matters only where that was much later.
        let is_late = |stamp: &BrokerTime| event.received.since(stamp.time).abs() >= LATE;
        let late = event.broker_time.filter(is_late);
        facts.extend(late.map(|_| (format!("received={}", event.received), false)));
        facts.extend(event.attributes.iter().map(|(name, value)| {
            let is_sought = self.sought.is_fact(name, value);
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (format!("{}={}", visible(name), visible(&value)), is_sought)
        }));
        facts
    }
}

/// Parts of a text as they are shown, and whether each was sought.
type Parts = Vec<(String, bool)>;

/// Bytes as they are shown, cut where what was sought begins and ends; bytes that are no text are not looked at.
fn shown_parts(bytes: &[u8], sought: impl Fn(&str) -> Vec<Range<usize>>) -> Parts {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let parts = parts(text, (0, text.len()), &sought(text));
            parts.into_iter().map(|(part, is_sought)| (visible(part), is_sought)).collect()
        }
        Err(_) => vec![(text_or_base64(bytes), false)],
    }
}

/// As much of the parts as fits in so many columns, with `…` at the end of what does not.
fn fitted_parts(parts: Parts, columns_left: usize) -> Parts {
    let whole: String = parts.iter().map(|(part, _)| part.as_str()).collect();
    let fitted = fitted(&whole, columns_left);
    if fitted == whole {
        return parts;
    }
    let mut rest = fitted.strip_suffix('…').unwrap_or(&fitted);
    let mut cut = Vec::new();
    for (part, is_sought) in parts {
        let (taken, behind) = rest.split_at(part.len().min(rest.len()));
        cut.push((taken.to_owned(), is_sought));
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    cut.push(("…".to_owned(), false));
    cut
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

    #[test]
    fn only_what_matched_is_marked_also_on_one_line() {
        let mut event =
            Event { received: Timestamp(0), ..Event::new("shop/2", r#"{"state":"failed","id":2,"x":"2"}"#) };
        event.headers = vec![Header::text("a", "1"), Header::text("a", "2"), Header::text("ab", "2")];
        let view = |width, sought: &[&str]| {
            let sought: Vec<Pattern> = sought.iter().map(|text| Pattern::parse(text).expect(text)).collect();
            EventView::new(true, width).marking(&sought)
        };
        let marks = |text: &str| -> Vec<String> {
            let marked = text.split("\u{1b}[43;30m").skip(1);
            marked.filter_map(|part| Some(part.split_once("\u{1b}[0m")?.0.to_owned())).collect()
        };
        let pretty = |sought: &[&str]| {
            let mut out = Vec::new();
            view(None, sought).pretty(&mut out, &event, &[]).expect("writing");
            marks(&String::from_utf8(out).expect("text"))
        };
        let line = |width, sought: &[&str]| {
            let mut out = Vec::new();
            view(width, sought).line(&mut out, &event, &[]).expect("writing");
            marks(&String::from_utf8(out).expect("text"))
        };
        assert_eq!(pretty(&["header.a=2"]), ["2"]);
        assert!(line(None, &["header.a=2"]).is_empty(), "one line shows no headers");
        assert_eq!(pretty(&["payload./state=failed", "payload./id=2"]), ["\"failed\"", "2"]);
        assert_eq!(line(None, &["payload./state=failed", "channel=shop/*"]), ["shop/2", "\"failed\""]);
        assert_eq!(line(None, &["2"]), ["2", "2"], "neither in the time nor in the channel");
        assert_eq!(pretty(&["\"id\":2"]), ["\"id\"", ":", "2"]);
        // The line ends within what was sought.
        assert_eq!(line(Some(54), &["payload./state=failed"]), ["\"fai"]);
    }
}
