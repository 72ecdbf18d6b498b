//! `eddy validate --events`: checks a stream of events against the contract, in memory that does not grow with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::CommandError;
use crate::archive::Reader;
use crate::check::events::{EventChecker, EventPart, EventVerdict};
use crate::diagnostic::{Diagnostic, Severity};
use crate::event::{Event, Timestamp, json_lines};
use crate::schema::Violation;
use crate::source_text::Position;

/// Bytes a JSON list of events may have; lines have no such limit.
const LARGEST_LIST: u64 = 64 * 1024 * 1024;
/// First bytes of a zstd frame and of a skippable one.
const ZSTD: [[u8; 4]; 2] = [[0x28, 0xb5, 0x2f, 0xfd], [0x50, 0x2a, 0x4d, 0x18]];

/// What came of the events.
#[derive(Debug, Default)]
pub struct EventFindings {
    /// The first findings.
    pub diagnostics: Vec<Diagnostic>,
    /// Findings beyond those.
    pub left_out: usize,
    /// Events read.
    pub events: usize,
    /// Events with findings.
    pub faulty: usize,
    /// Findings of one kind: how many, and the line of the first.
    pub groups: BTreeMap<String, (usize, u64)>,
    /// Why events were not checked, and how many.
    pub unchecked: BTreeMap<String, usize>,
}

/// Checks every event of a file, or of standard input when the path is `-`.
///
/// # Errors
/// When the input cannot be read, or bare payloads come without a name for their message.
pub fn check(
    path: &Path,
    message: Option<&str>,
    checker: &EventChecker,
    cap: usize,
) -> Result<EventFindings, CommandError> {
    let known: Vec<&str> = checker.names().collect();
    if let Some(name) = message.filter(|name| checker.message(name).is_none()) {
        let near = crate::diagnostic::nearest(name, known.iter().copied());
        let hint = near
            .map_or_else(|| format!("it has {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        return Err(CommandError::usage(format!("the contract has no message `{name}`")).hint(hint));
    }
    let only = known.first().copied().filter(|first| known.iter().all(|name| name == first));
    let bare = message.or(only);
    let name = path.display().to_string();
    let mut run = Run { checker, message, bare, name, cap, found: EventFindings::default() };
    run.read(path)?;
    Ok(run.found)
}

/// Line and column, from 1, and offset, from 0, at which an event begins.
type Start = (u64, u32, u64);

struct Run<'a> {
    checker: &'a EventChecker,
    /// The message every event is said to be.
    message: Option<&'a str>,
    /// The message a bare payload is.
    bare: Option<&'a str>,
    name: String,
    cap: usize,
    found: EventFindings,
}

impl Run<'_> {
    fn read(&mut self, path: &Path) -> Result<(), CommandError> {
        let is_stdin = path.as_os_str() == "-";
        let input: Box<dyn Read + Send> = if is_stdin {
            Box::new(std::io::stdin())
        } else {
            Box::new(File::open(path).map_err(|error| {
                CommandError::usage(format!("cannot read `{}`: {error}", self.name))
                    .hint("check the path of the events")
            })?)
        };
        let mut input = BufReader::with_capacity(1 << 16, input);
        let start = input.fill_buf().map_err(|error| self.unreadable(&error))?;
        if ZSTD.iter().any(|magic| start.starts_with(magic)) {
            return self.archive(input);
        }
        match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'[') => self.list(input),
            _ => self.lines(input),
        }
    }

    fn unreadable(&self, error: &std::io::Error) -> CommandError {
        CommandError::usage(format!("cannot read `{}`: {error}", self.name))
    }

    fn archive(&mut self, input: BufReader<Box<dyn Read + Send>>) -> Result<(), CommandError> {
        let mut reader = Reader::from_stream(self.name.clone(), Box::new(input))?;
        while let Some(line) = reader.next_line()? {
            let verdict = self.verdict(&line.event);
            self.take(&verdict, (reader.line_number(), 1, 0), false);
        }
        Ok(())
    }

    fn lines(&mut self, mut input: impl BufRead) -> Result<(), CommandError> {
        let mut line = Vec::new();
        let mut offset = 0_u64;
        for number in 1.. {
            line.clear();
            let limit = json_lines::MAX_LINE as u64 + 1;
            let read = input.by_ref().take(limit).read_until(b'\n', &mut line);
            let read = read.map_err(|error| self.unreadable(&error))? as u64;
            if read == 0 {
                break;
            }
            if read == limit {
                return Err(CommandError::usage(format!("line {number} of `{}` is too long", self.name)));
            }
            if !line.trim_ascii().is_empty() {
                self.line(line.trim_ascii_end(), (number, 1, offset))?;
            }
            offset += read;
        }
        Ok(())
    }

    fn list(&mut self, input: impl Read) -> Result<(), CommandError> {
        let mut text = String::new();
        let read = input.take(LARGEST_LIST + 1).read_to_string(&mut text);
        read.map_err(|error| self.unreadable(&error))?;
        if text.len() as u64 > LARGEST_LIST {
            let error = CommandError::usage(format!("the list in `{}` is larger than 64 MiB", self.name));
            return Err(error.hint("write one event per line: `jq -c '.[]'`"));
        }
        let items: Vec<&serde_json::value::RawValue> = match serde_json::from_str(&text) {
            Ok(items) => items,
            Err(error) => {
                self.not_an_event(&error.to_string(), error.line() as u64, 0);
                return Ok(());
            }
        };
        let (mut number, mut counted) = (1, 0);
        for item in items {
            let at = item.get().as_ptr() as usize - text.as_ptr() as usize;
            number += memchr::memchr_iter(b'\n', &text.as_bytes()[counted..at]).count() as u64;
            counted = at;
            let line_start = text[..at].rfind('\n').map_or(0, |at| at + 1);
            let column = u32::try_from(text[line_start..at].chars().count() + 1).unwrap_or(u32::MAX);
            self.line(item.get().as_bytes(), (number, column, at as u64))?;
        }
        Ok(())
    }

    /// One event line, or one bare payload.
    fn line(&mut self, line: &[u8], start: Start) -> Result<(), CommandError> {
        let number = start.0;
        if number == 1 && is_archive_header(line) {
            return Ok(());
        }
        let decoded = json_lines::decode(line, Some(Timestamp(0)));
        if let Ok(decoded) = decoded {
            let verdict = self.verdict(&decoded.event);
            self.take(&verdict, start, false);
            return Ok(());
        }
        let Some(name) = self.bare else {
            let error = CommandError::usage(format!(
                "line {number} of `{}` does not say which message it is",
                self.name
            ));
            return Err(error.hint(
                "say it by `--message NAME`, or give events with their channel: `{\"src\":…,\"v\":…}`",
            ));
        };
        let event = Event { received: Timestamp(0), ..Event::new(String::new(), line.to_vec()) };
        let verdict = self.checker.check_as(&event, name).unwrap_or_default();
        self.take(&verdict, start, true);
        Ok(())
    }

    fn verdict(&self, event: &Event) -> EventVerdict {
        let named = self.message.and_then(|name| self.checker.check_as(event, name));
        named.unwrap_or_else(|| {
            let mut verdict = self.checker.check(event);
            if verdict.channel.is_none() && verdict.message.is_none() {
                verdict.message = Some(event.channel.clone());
            }
            verdict
        })
    }

    fn take(&mut self, verdict: &EventVerdict, start: Start, is_bare: bool) {
        let (number, column, offset) = start;
        self.found.events += 1;
        self.found.faulty += usize::from(!verdict.is_valid());
        if let Some(reason) = &verdict.unchecked {
            *self.found.unchecked.entry(reason.clone()).or_default() += 1;
        }
        if verdict.channel.is_none() {
            let channel = verdict.message.as_deref().unwrap_or_default();
            let text = format!("no contract has the channel `{channel}`");
            let help = verdict.meant.as_ref().map(|near| format!("did you mean `{near}`?"));
            self.add("ED5001", text.clone(), text, (number, column, offset), help);
        }
        for (part, violation) in &verdict.violations {
            self.violation(verdict, *part, violation, (start, is_bare));
        }
    }

    fn violation(
        &mut self,
        verdict: &EventVerdict,
        part: EventPart,
        violation: &Violation,
        ((number, start, offset), is_bare): (Start, bool),
    ) {
        let message = verdict.message.as_deref().unwrap_or("?");
        let part = if part == EventPart::Headers { "headers" } else { "payload" };
        let place = violation.position.filter(|_| is_bare && part == "payload");
        let (line, column, inner) = place.map_or((0, 1, 0), |at| {
            let before = if at.line == 1 { at.column.saturating_add(start - 1) } else { at.column };
            (u64::from(at.line - 1), before, u64::from(at.offset))
        });
        let code = if violation.keyword == "json" { "ED5003" } else { "ED5002" };
        let group = format!("`{message}` {part}{}: {}", violation.instance_pointer, violation.keyword);
        let text = format!("{part} of `{message}`: {}", violation.message);
        let at = self.add(code, text, group, (number + line, column, offset + inner), violation.help.clone());
        if let Some(finding) = at {
            finding.pointer.clone_from(&violation.instance_pointer);
            finding.schema_pointer = Some(violation.schema_pointer.clone());
            finding.expected.clone_from(&violation.expected);
            finding.actual.clone_from(&violation.actual);
            finding.related.extend(
                violation.schema_span.map(|span| crate::diagnostic::Label {
                    span,
                    text: "the schema says so here".to_owned(),
                }),
            );
        }
    }

    fn not_an_event(&mut self, message: &str, number: u64, offset: u64) {
        self.found.faulty += 1;
        let text = format!("not a list of events: {message}");
        self.add("ED5003", text, "not a list of events".to_owned(), (number, 1, offset), None);
    }

    fn add(
        &mut self,
        code: &'static str,
        message: String,
        group: String,
        (line, column, offset): (u64, u32, u64),
        help: Option<String>,
    ) -> Option<&mut Diagnostic> {
        self.found.groups.entry(group).or_insert((0, line)).0 += 1;
        if self.found.diagnostics.len() >= self.cap {
            self.found.left_out += 1;
            return None;
        }
        let mut finding = Diagnostic::about_file(code, message, self.name.clone());
        finding.severity = Severity::Error;
        finding.help = help;
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        finding.position = Some(Position { line: narrow(line), column, offset: narrow(offset) });
        self.found.diagnostics.push(finding);
        self.found.diagnostics.last_mut()
    }
}

fn is_archive_header(line: &[u8]) -> bool {
    line.starts_with(b"{\"eddy\":")
}
