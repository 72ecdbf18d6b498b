//! What a run says about itself on standard error, beside the findings.

use super::reading::Read;
use crate::check::Report;
use crate::commands::Context;
use crate::commands::validate_events::EventFindings;
use crate::contract::DocumentKind;
use crate::output::json::Summary;

/// Kinds of findings shown in the summary.
const GROUPS_SHOWN: usize = 20;

/// Events read, findings grouped by kind, and what was not checked.
pub fn say_events(events: &EventFindings, context: &Context) {
    let read = counted(events.events, "event");
    context.ui.say(format!("{read} checked, {} with findings", events.faulty));
    let mut groups: Vec<_> = events.groups.iter().collect();
    groups.sort_by_key(|(_, (count, line))| (std::cmp::Reverse(*count), *line));
    for (group, (count, line)) in groups.iter().take(GROUPS_SHOWN) {
        context.ui.say(format!("{count:>8} × {group} (first in line {line})"));
    }
    if groups.len() > GROUPS_SHOWN {
        context.ui.say(format!("         and {} other kinds", groups.len() - GROUPS_SHOWN));
    }
    for (reason, count) in &events.unchecked {
        context.ui.warn(format!("{} not checked: {reason}", counted(*count, "event")));
    }
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
