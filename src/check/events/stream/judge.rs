//! One event of a stream: which message it is, whether it fits, and where in the stream it does not.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use sonic_rs::{JsonValueTrait, LazyValue};

use super::Options;
use super::chunks::{Chunk, Content, Flaw};
use super::tally::{Cause, Found, StreamPosition, Tally, field_of, meant};
use crate::check::events::{EventChecker, EventMessage, EventPart, EventVerdict, Unassigned};
use crate::event::{Event, Timestamp, json_lines};
use crate::schema::Violation;
use crate::source_text::tree::pointer_push;

static CHANNEL_FIELD: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"src\""));
static SPECVERSION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"specversion\""));

/// Judges chunks, one at a time.
pub(super) struct Judge<'a> {
    checker: &'a EventChecker,
    options: &'a Options,
    /// The message every bare payload is.
    bare: Option<&'a EventMessage>,
    cap: usize,
    /// Findings after which to stop.
    limit: u64,
    tally: Tally,
}

/// What came of a chunk, and where in the stream it ends, counted from its beginning.
pub(super) struct Outcome {
    pub tally: Tally,
    pub end: StreamPosition,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        checker: &'a EventChecker,
        options: &'a Options,
        cap: usize,
        limit: Option<u64>,
    ) -> Self {
        let named = options.message.as_deref().and_then(|name| checker.message(name));
        let bare = named.or_else(|| checker.only_message());
        let limit = limit.unwrap_or(u64::MAX);
        Self { checker, options, bare, cap, limit, tally: Tally::default() }
    }

    /// Judges the events of a chunk, to the end or to the limit. Places count from the beginning of its text.
    pub(super) fn chunk(mut self, chunk: &Chunk) -> Outcome {
        let mut place = Place::new(&chunk.text);
        match &chunk.content {
            Content::Lines => self.lines(chunk, &mut place),
            Content::Values(values) => {
                for range in values {
                    if self.is_full() {
                        break;
                    }
                    place.go_to(range.start);
                    self.text(chunk.text[range.clone()].trim_ascii(), place.position(), false);
                }
            }
            Content::Events(events) => {
                for (line, event) in events {
                    if self.is_full() {
                        break;
                    }
                    self.event(event, StreamPosition { line: *line, column: 1, offset: 0 });
                }
            }
        }
        place.go_to(chunk.text.len());
        if let Some(flaw) = chunk.flaw.filter(|_| !self.is_full()) {
            self.flaw(flaw, place.position());
        }
        let mut end = place.position();
        if chunk.skipped_lines > 0 {
            end = StreamPosition { line: end.line + chunk.skipped_lines, column: 1, ..end };
        }
        Outcome { tally: self.tally, end }
    }

    fn is_full(&self) -> bool {
        self.tally.found >= self.limit
    }

    fn lines(&mut self, chunk: &Chunk, place: &mut Place<'_>) {
        let text = chunk.text.as_slice();
        let mut from = 0;
        while from < text.len() && !self.is_full() {
            let end = memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |length| from + length);
            let line = text[from..end].trim_ascii_end();
            let is_first = chunk.offset == 0 && from == 0;
            let line = if is_first { line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line) } else { line };
            let is_header = is_first && line.starts_with(b"{\"eddy\":");
            if !is_header && !line.trim_ascii_start().is_empty() {
                let at = StreamPosition { line: place.line, column: 1, offset: from as u64 };
                self.text(line, at, chunk.is_last && end == text.len());
            }
            place.next_line(end);
            from = end + 1;
        }
    }

    fn flaw(&mut self, flaw: Flaw, at: StreamPosition) {
        let (code, reason, text) = match flaw {
            Flaw::TooLong => ("ED5007", "too long", "the event is larger than 64 MiB".to_owned()),
            Flaw::Unclosed => {
                ("ED5003", "list without its end", "the list ends without its closing bracket".to_owned())
            }
            Flaw::AfterList => {
                ("ED5003", "text after the list", "there is more after the list of events".to_owned())
            }
        };
        let cause = Cause { code, reason: reason.to_owned(), ..Cause::default() };
        self.tally.faulty += 1;
        self.tally.add(&self.options.name, Found { cause, text, help: None, at, violation: None }, self.cap);
    }

    /// An event as text: a line of a recording, a CloudEvents event, or a bare payload.
    fn text(&mut self, text: &[u8], at: StreamPosition, is_cut: bool) {
        if CHANNEL_FIELD.find(text).is_some() {
            match json_lines::decode(text, Some(Timestamp(0))) {
                Ok(line) => return self.event(&line.event, at),
                Err(error) if is_event_line(text) => {
                    return self.unreadable(
                        &error.message,
                        StreamPosition {
                            column: at
                                .column
                                .saturating_add(u32::try_from(error.column).unwrap_or(1).max(1) - 1),
                            ..at
                        },
                    );
                }
                Err(_) => {}
            }
        }
        self.tally.events += 1;
        if self.options.message.is_none()
            && SPECVERSION.find(text).is_some()
            && let Ok(version) = sonic_rs::get_from_slice(text, ["specversion"])
            && version.is_str()
        {
            return self.cloud_event(text, at);
        }
        self.bare(text, at, is_cut);
    }

    fn bare(&mut self, text: &[u8], at: StreamPosition, is_cut: bool) {
        let Some(message) = self.bare else {
            return match serde_json::from_slice::<serde::de::IgnoredAny>(text) {
                Ok(_) => self.unassigned("a payload does not say which message it is", None, at),
                Err(error) => self.unparsed(text, &error, is_cut, at),
            };
        };
        self.tally.is_message(&message.name);
        let (violations, unchecked) = message.check_payload(text);
        if let Some(reason) = unchecked {
            *self.tally.unchecked.entry(reason).or_default() += 1;
        }
        self.tally.faulty += u64::from(!violations.is_empty());
        for mut violation in violations {
            if self.is_full() {
                return;
            }
            if violation.keyword == "json" && is_cut && std::str::from_utf8(text).is_ok() {
                "the stream ends before the event does".clone_into(&mut violation.message);
            }
            self.violation(&message.name, EventPart::Payload, &violation, (at, true));
        }
    }

    /// A text that is no JSON, when it is not known which message it should be.
    fn unparsed(&mut self, text: &[u8], error: &serde_json::Error, is_cut: bool, at: StreamPosition) {
        let (line, column) = (error.line().max(1), error.column().max(1));
        let message = match std::str::from_utf8(text) {
            Err(error) => format!("no event: byte {} is not UTF-8", error.valid_up_to() + 1),
            Ok(_) if is_cut && error.is_eof() => "the stream ends before the event does".to_owned(),
            Ok(_) if error.is_eof() => "the line ends before the event does".to_owned(),
            Ok(_) => format!("no event: it is no JSON from column {column} on"),
        };
        let column = u32::try_from(column).unwrap_or(u32::MAX);
        let column = if line == 1 { at.column.saturating_add(column - 1) } else { column };
        self.unreadable_at(
            &message,
            "no JSON",
            StreamPosition { line: at.line + line as u64 - 1, column, ..at },
        );
    }

    fn unreadable(&mut self, message: &str, at: StreamPosition) {
        self.tally.events += 1;
        self.unreadable_at(&format!("no event: {message}"), "no event", at);
    }

    fn unreadable_at(&mut self, text: &str, reason: &str, at: StreamPosition) {
        let cause = Cause { code: "ED5003", reason: reason.to_owned(), ..Cause::default() };
        self.tally.faulty += 1;
        let found = Found { cause, text: text.to_owned(), help: None, at, violation: None };
        self.tally.add(&self.options.name, found, self.cap);
    }

    fn unassigned(&mut self, reason: &str, help: Option<String>, at: StreamPosition) {
        let cause = Cause { code: "ED5004", reason: reason.to_owned(), ..Cause::default() };
        let advice = "say it by `--message NAME`, by the `type` of CloudEvents, or by the channel: `{\"src\":…,\"v\":…}`";
        let help = help.or_else(|| Some(advice.to_owned()));
        self.tally.faulty += 1;
        let found = Found { cause, text: reason.to_owned(), help, at, violation: None };
        self.tally.add(&self.options.name, found, self.cap);
    }

    /// An event in the structured mode of CloudEvents, or one of a batch.
    fn cloud_event(&mut self, text: &[u8], at: StreamPosition) {
        let missing: Vec<&str> = ["id", "source", "type"]
            .into_iter()
            .filter(|name| attribute(text, name).is_none_or(|value| value.is_empty()))
            .collect();
        if !missing.is_empty() {
            let reason =
                format!("CloudEvents attribute `{}` is missing, empty or no text", missing.join("`, `"));
            let cause = Cause { code: "ED5008", reason: reason.clone(), ..Cause::default() };
            self.tally.faulty += 1;
            let found = Found { cause, text: reason, help: None, at, violation: None };
            return self.tally.add(&self.options.name, found, self.cap);
        }
        let kind = attribute(text, "type").unwrap_or_default();
        let Some(message) = self.checker.message(&kind).or_else(|| self.checker.only_message()) else {
            let help = meant(&kind, self.checker.names());
            return self.unassigned(
                &format!("no message is called `{kind}`, the `type` of CloudEvents"),
                help,
                at,
            );
        };
        self.tally.is_message(&message.name);
        let (violations, unchecked) = message.check_cloud_event(text);
        if let Some(reason) = unchecked {
            *self.tally.unchecked.entry(reason).or_default() += 1;
        }
        self.tally.faulty += u64::from(!violations.is_empty());
        for violation in &violations {
            if self.is_full() {
                return;
            }
            self.violation(&message.name, EventPart::Payload, violation, (at, true));
        }
    }

    /// An event with its channel and headers.
    fn event(&mut self, event: &Event, at: StreamPosition) {
        self.tally.events += 1;
        let ids = &self.options.schema_ids;
        let named = self.options.message.as_deref().and_then(|name| self.checker.message(name));
        let named = named.map(|message| self.checker.check_framed_as(event, message, ids));
        let verdict = named.unwrap_or_else(|| self.checker.check_with_ids(event, ids));
        if let Some(reason) = &verdict.unchecked {
            *self.tally.unchecked.entry(reason.clone()).or_default() += 1;
        }
        self.tally.faulty += u64::from(!verdict.is_valid());
        if let Some(Unassigned { code, reason, help }) = &verdict.unassigned {
            let cause = Cause { code, reason: reason.clone(), ..Cause::default() };
            let found = Found { cause, text: reason.clone(), help: help.clone(), at, violation: None };
            return self.tally.add(&self.options.name, found, self.cap);
        }
        if verdict.channel.is_none() {
            return self.no_channel(event, &verdict, at);
        }
        let name = verdict.message.as_deref().unwrap_or("?");
        self.tally.is_message(name);
        for (part, violation) in &verdict.violations {
            if self.is_full() {
                return;
            }
            self.violation(name, *part, violation, (at, false));
        }
    }

    fn no_channel(&mut self, event: &Event, verdict: &EventVerdict, at: StreamPosition) {
        let text = format!("no contract has the channel `{}`", event.channel);
        let help = verdict.meant.as_ref().map(|near| format!("did you mean `{near}`?"));
        let cause = Cause { code: "ED5001", reason: text.clone(), ..Cause::default() };
        self.tally.add(&self.options.name, Found { cause, text, help, at, violation: None }, self.cap);
    }

    /// A violation in an event at a place. Positions inside it are places of the stream when the value itself stands
    /// there, `is_written`, and not as the text or base64 of a field.
    fn violation(
        &mut self,
        message: &str,
        part: EventPart,
        violation: &Violation,
        (event, is_written): (StreamPosition, bool),
    ) {
        let place = violation.position.filter(|_| is_written);
        let mut at = event;
        if let Some(place) = place {
            let column =
                if place.line == 1 { place.column.saturating_add(event.column - 1) } else { place.column };
            at = StreamPosition {
                line: event.line + u64::from(place.line - 1),
                column,
                offset: event.offset + u64::from(place.offset),
            };
        }
        let word = if part == EventPart::Headers { "headers" } else { "payload" };
        let code = if violation.keyword == "json" { "ED5003" } else { "ED5002" };
        let cause = Cause {
            code,
            message: Some(message.to_owned()),
            part: Some(part),
            pointer: Some(field_of(&at_fault(violation))),
            reason: violation.keyword.clone(),
        };
        let text = format!("{word} of `{message}`: {}", violation.message);
        let found = Found { cause, text, help: violation.help.clone(), at, violation: Some(violation) };
        self.tally.add(&self.options.name, found, self.cap);
    }
}

/// The field at fault: of a missing one the field itself, and not the object it is missing from.
fn at_fault(violation: &Violation) -> String {
    let missing = violation.expected.as_deref().filter(|_| violation.keyword == "required");
    match missing {
        Some(name) => pointer_push(&violation.instance_pointer, name.trim_matches('`')),
        None => violation.instance_pointer.clone(),
    }
}

/// A text attribute of a CloudEvents event.
fn attribute<'t>(text: &'t [u8], name: &str) -> Option<Cow<'t, str>> {
    let value: LazyValue<'t> = sonic_rs::get_from_slice(text, [name]).ok()?;
    value.is_str().then(|| value.as_str().map(|text| Cow::Owned(text.to_owned())))?
}

/// Whether a text is meant as the line of a recording: it has a channel and a payload, whatever is wrong with them.
fn is_event_line(text: &[u8]) -> bool {
    let has = |name: &str| sonic_rs::get_from_slice(text, [name]).is_ok();
    has("src") && (has("v") || has("v64"))
}

/// Walks along a text and counts its lines and columns.
struct Place<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
    line_start: usize,
}

impl<'t> Place<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, line: 1, line_start: 0 }
    }

    fn go_to(&mut self, at: usize) {
        let at = at.min(self.text.len());
        let Some(passed) = self.text.get(self.at..at) else {
            return;
        };
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        if let Some(last) = memchr::memrchr(b'\n', passed) {
            self.line_start = self.at + last + 1;
        }
        self.at = at;
    }

    /// Past the line feed that stands at `end`, if one does.
    fn next_line(&mut self, end: usize) {
        if end < self.text.len() {
            self.line += 1;
            self.line_start = end + 1;
            self.at = end + 1;
        }
    }

    fn position(&self) -> StreamPosition {
        let characters = String::from_utf8_lossy(&self.text[self.line_start..self.at]).chars().count();
        let column = u32::try_from(characters + 1).unwrap_or(u32::MAX);
        StreamPosition { line: self.line, column, offset: self.at as u64 }
    }
}
