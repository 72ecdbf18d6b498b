//! What a run says about itself on standard error, beside the findings.

use super::reading::Read;
use crate::check::Report;
use crate::check::events::EventPart;
use crate::check::events::stream::{Cause, Checked, FieldCount};
use crate::commands::Context;
use crate::contract::DocumentKind;
use crate::output::figures;
use crate::output::json::Summary;

/// Kinds of findings shown in the summary.
const GROUPS_SHOWN: usize = 20;
/// Fields shown, and fields up to which the causes say enough.
const FIELDS_SHOWN: usize = 10;
const FIELDS_FROM: usize = 3;
/// Characters of the longest bar.
const BAR: u64 = 20;

/// Events read, findings grouped by cause, the fields most at fault, and what was not checked.
pub fn say_events(events: &Checked, context: &Context) {
    let tally = &events.tally;
    let read = figures::counted(tally.events, "event");
    let stopped = if events.stopped { "; stopped at the limit of findings" } else { "" };
    context.ui.say(format!("{read} checked, {} with findings{stopped}", figures::grouped(tally.faulty)));
    let causes = tally.causes();
    for (cause, group) in causes.iter().take(GROUPS_SHOWN) {
        let first = group.examples.first().map_or(0, |example| example.position.line);
        context.ui.say(format!("{:>8} × {} (first in line {first})", group.count, words(cause)));
    }
    if causes.len() > GROUPS_SHOWN {
        context.ui.say(format!("         and {} other causes", causes.len() - GROUPS_SHOWN));
    }
    say_fields(&tally.fields(), context);
    for (reason, count) in &tally.unchecked {
        context.ui.warn(format!("{} not checked: {reason}", figures::counted(*count, "event")));
    }
}

/// A bar for each of the fields most at fault, when there are several causes to compare.
fn say_fields(fields: &[FieldCount<'_>], context: &Context) {
    let Some(most) = fields.first().map(|field| field.count).filter(|_| fields.len() > FIELDS_FROM) else {
        return;
    };
    context.ui.say("fields most at fault:");
    for field in fields.iter().take(FIELDS_SHOWN) {
        let length = usize::try_from((field.count * BAR).div_ceil(most)).unwrap_or_default();
        let part = part_word(field.part);
        context.ui.say(format!(
            "{:>8} {:<20} `{}` {part}{}",
            field.count,
            "█".repeat(length),
            field.message,
            field.pointer
        ));
    }
}

fn part_word(part: EventPart) -> &'static str {
    match part {
        EventPart::Headers => "headers",
        EventPart::Payload => "payload",
    }
}

/// A cause in one line.
fn words(cause: &Cause) -> String {
    let Some(part) = cause.part.map(part_word) else {
        return cause.reason.clone();
    };
    let message = cause.message.as_deref().unwrap_or("?");
    format!("`{message}` {part}{}: {}", cause.pointer.as_deref().unwrap_or_default(), cause.reason)
}

/// A number and its noun.
pub fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// What comments and the baseline took out of the report, and what the baseline can be rid of.
pub fn say_known(report: &Report, context: &Context) {
    if report.allowed > 0 {
        context.ui.detail(format!("{} allowed by comments", counted(report.allowed, "finding")));
    }
    if report.known > 0 {
        context.ui.say(format!("{} known from the baseline", counted(report.known, "finding")));
    }
    let gone: usize = report.gone.iter().map(|known| known.count).sum();
    if gone > 0 {
        let count = counted(gone, "finding");
        context
            .ui
            .say(format!("{count} of the baseline are no longer there; `--write-baseline` writes it anew"));
    }
    for known in &report.gone {
        context.ui.detail(format!("  no longer there: {} {}: {}", known.file, known.code, known.message));
    }
}

/// What each file was taken for, for those who ask for details; how many of each kind there are, unless there is but one
/// kind of AsyncAPI documents.
pub fn say_kinds(read: &Read, context: &Context) {
    let documents = &read.loaded.contract.documents;
    for document in documents {
        context.ui.detail(format!("{}: {}", document.path.display(), document.kind.name()));
    }
    for path in &read.skipped {
        context.ui.detail(format!("{}: skipped, neither an AsyncAPI document nor a schema", path.display()));
    }
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for kind in documents.iter().map(|document| family(&document.kind)) {
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    kinds.sort();
    if kinds.len() > 1 || documents.iter().any(|document| document.kind.is_bare_schema()) {
        let counts: Vec<String> = kinds.iter().map(|(kind, count)| several(kind, *count)).collect();
        context.ui.say(counts.join(", "));
    }
}

/// Documents that are told apart in the count.
fn family(kind: &DocumentKind) -> String {
    match kind {
        DocumentKind::AsyncApi2(_) | DocumentKind::AsyncApi3(_) => "AsyncAPI document".to_owned(),
        DocumentKind::JsonSchema(dialect) => {
            format!("JSON Schema ({})", dialect.name().trim_start_matches("JSON Schema "))
        }
        other => other.name(),
    }
}

/// `2 JSON Schemas (2020-12)`: the noun stands before what is in parentheses.
fn several(kind: &str, count: usize) -> String {
    match kind.split_once(" (").filter(|_| count != 1) {
        Some((noun, rest)) => format!("{count} {noun}s ({rest}"),
        None => counted(count, kind),
    }
}

/// Findings by weight and the number of files.
pub fn summary_line(summary: Summary, context: &Context) -> String {
    let mut parts = Vec::new();
    let weights = [
        (summary.errors, "error", "red"),
        (summary.warnings, "warning", "yellow"),
        (summary.infos, "note", "blue"),
        (summary.hints, "hint", "cyan"),
    ];
    for (count, word, color) in weights {
        if count > 0 {
            parts.push(context.ui.paint(&counted(count, word), color));
        }
    }
    if parts.is_empty() {
        parts.push(context.ui.paint("no findings", "green"));
    }
    let skipped = match summary.skipped {
        0 => String::new(),
        count => format!(", {} skipped", counted(count, "other file")),
    };
    format!("{} in {}{skipped}", parts.join(", "), counted(summary.files, "file"))
}
