//! What came of many events: counts, the first findings, and findings grouped by their cause.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::check::events::EventPart;
use crate::diagnostic::{Diagnostic, Label, nearest};
use crate::schema::Violation;
use crate::source_text::Position;

/// Causes told apart; what is beyond is counted together.
const MOST_GROUPS: usize = 2_000;
/// Examples kept of one cause.
const EXAMPLES: usize = 3;

/// A place in a stream: line and column from 1, offset in bytes from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StreamPosition {
    /// The line.
    pub line: u64,
    /// The character of the line.
    pub column: u32,
    /// The byte of the stream.
    pub offset: u64,
}

impl StreamPosition {
    /// The same place, seen from the beginning of a stream in which `base` stands before it.
    pub(super) fn after(self, base: &Self) -> Self {
        let column = if self.line == 1 { self.column.saturating_add(base.column - 1) } else { self.column };
        Self { line: self.line + base.line - 1, column, offset: self.offset + base.offset }
    }

    fn narrow(self) -> Position {
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Position { line: narrow(self.line), column: self.column, offset: narrow(self.offset) }
    }
}

/// What findings of one cause have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Cause {
    /// The code of the findings.
    pub code: &'static str,
    /// The message the events are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Headers or payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<EventPart>,
    /// JSON Pointer in that part; `*` stands for any item of an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The keyword that is broken, or what is wrong in a few words.
    pub reason: String,
}

/// One finding kept as an example of its cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Where.
    #[serde(flatten)]
    pub position: StreamPosition,
    /// What.
    pub text: String,
}

/// Findings of one cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// Counts, findings and groups of some events, in the order of the stream.
#[derive(Debug, Default)]
pub struct Tally {
    /// Events read.
    pub events: u64,
    /// Events with findings.
    pub faulty: u64,
    /// The first findings.
    pub diagnostics: Vec<Diagnostic>,
    positions: Vec<StreamPosition>,
    /// Findings in all.
    pub found: u64,
    /// Findings by cause.
    pub groups: HashMap<Cause, Group>,
    /// Why events were not checked, and how many.
    pub unchecked: BTreeMap<String, u64>,
    /// Events by the message they were taken for.
    pub messages: BTreeMap<String, u64>,
}

/// A finding in the making.
pub(super) struct Found<'a> {
    pub cause: Cause,
    pub text: String,
    pub help: Option<String>,
    pub at: StreamPosition,
    pub violation: Option<&'a Violation>,
}

impl Tally {
    /// Counts an event as one of a message.
    pub(super) fn is_message(&mut self, name: &str) {
        if let Some(count) = self.messages.get_mut(name) {
            *count += 1;
        } else {
            self.messages.insert(name.to_owned(), 1);
        }
    }

    /// Adds a finding about a stream; as one to show when fewer than `cap` are there.
    pub(super) fn add(&mut self, stream: &str, found: Found<'_>, cap: usize) {
        self.found += 1;
        let is_shown = self.diagnostics.len() < cap;
        if is_shown {
            self.diagnostics.push(diagnostic(stream, &found));
            self.positions.push(found.at);
        }
        let Found { cause, text, at, .. } = found;
        let group = self.group(cause);
        group.count += 1;
        if group.examples.len() < EXAMPLES {
            group.examples.push(Example { position: at, text });
        }
    }

    /// The group of a cause. Keys that are different in every event would make groups without end.
    fn group(&mut self, cause: Cause) -> &mut Group {
        let is_known = self.groups.len() < MOST_GROUPS || self.groups.contains_key(&cause);
        let other = || Cause { code: cause.code, reason: "other causes".to_owned(), ..Cause::default() };
        let cause = if is_known { cause } else { other() };
        self.groups.entry(cause).or_default()
    }

    /// Adds what came of the events after these, which begin at `base`.
    pub(super) fn append(&mut self, later: Self, base: &StreamPosition, cap: usize) {
        self.events += later.events;
        self.faulty += later.faulty;
        self.found += later.found;
        let room = cap.saturating_sub(self.diagnostics.len());
        for (mut finding, position) in later.diagnostics.into_iter().zip(later.positions).take(room) {
            let position = position.after(base);
            finding.position = Some(position.narrow());
            self.diagnostics.push(finding);
            self.positions.push(position);
        }
        let mut groups: Vec<(Cause, Group)> = later.groups.into_iter().collect();
        // Which causes find room must not depend on the order of a hash.
        groups.sort_by_cached_key(|(cause, group)| {
            (group.examples.first().map(|example| example.position.offset), cause.clone())
        });
        for (cause, group) in groups {
            let known = self.group(cause);
            known.count += group.count;
            for example in group.examples.into_iter().take(EXAMPLES - known.examples.len()) {
                known.examples.push(Example { position: example.position.after(base), ..example });
            }
        }
        for (reason, count) in later.unchecked {
            *self.unchecked.entry(reason).or_default() += count;
        }
        for (name, count) in later.messages {
            *self.messages.entry(name).or_default() += count;
        }
    }

    /// The groups, the largest first.
    #[must_use]
    pub fn causes(&self) -> Vec<(&Cause, &Group)> {
        let mut causes: Vec<_> = self.groups.iter().collect();
        causes.sort_by_key(|(cause, group)| {
            let first =
                group.examples.first().map(|example| (example.position.line, example.position.column));
            (std::cmp::Reverse(group.count), first, *cause)
        });
        causes
    }

    /// Findings per field, a message's part and pointer, the most first.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldCount<'_>> {
        let mut counts: BTreeMap<(&str, EventPart, &str), u64> = BTreeMap::new();
        for (cause, group) in &self.groups {
            if let (Some(message), Some(part), Some(pointer)) = (&cause.message, cause.part, &cause.pointer) {
                *counts.entry((message, part, pointer)).or_default() += group.count;
            }
        }
        let field = |((message, part, pointer), count)| FieldCount { message, part, pointer, count };
        let mut fields: Vec<_> = counts.into_iter().map(field).collect();
        fields.sort_by_key(|field| std::cmp::Reverse(field.count));
        fields
    }
}

/// How often a field is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FieldCount<'a> {
    /// The message.
    pub message: &'a str,
    /// Headers or payload.
    pub part: EventPart,
    /// JSON Pointer in that part.
    pub pointer: &'a str,
    /// Findings.
    pub count: u64,
}

fn diagnostic(stream: &str, found: &Found<'_>) -> Diagnostic {
    let mut finding = Diagnostic::about_file(found.cause.code, found.text.clone(), stream);
    finding.position = Some(found.at.narrow());
    finding.help.clone_from(&found.help);
    if let Some(violation) = found.violation {
        finding.pointer.clone_from(&violation.instance_pointer);
        finding.schema_pointer = Some(violation.schema_pointer.clone());
        finding.expected.clone_from(&violation.expected);
        finding.actual.clone_from(&violation.actual);
        let label = |span| Label { span, text: "the schema says so here".to_owned() };
        finding.related.extend(violation.schema_span.map(label));
    }
    finding
}

/// The pointer with every index of an array replaced by `*`.
pub(super) fn field_of(pointer: &str) -> String {
    let is_index = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    let token = |token: &str| if is_index(token) { "*".to_owned() } else { token.to_owned() };
    pointer.split('/').map(token).collect::<Vec<_>>().join("/")
}

/// A guess at which of these names was meant, or a list of them.
pub(in crate::check::events) fn meant<'a>(
    word: &str,
    known: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let known: Vec<&str> = known.take(200).collect();
    match nearest(word, known.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() || known.len() > 12 => None,
        None => Some(format!("the contract has {}", known.join(", "))),
    }
}
