//! What a run says about itself on standard error, beside the findings.

use super::reading::Read;
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

fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// What each file was taken for, for those who ask for details.
pub fn say_kinds(read: &Read, context: &Context) {
    for document in &read.loaded.contract.documents {
        let kind = match document.kind {
            DocumentKind::AsyncApi2(minor) => format!("AsyncAPI 2.{minor}"),
            DocumentKind::AsyncApi3(minor) => format!("AsyncAPI 3.{minor}"),
            DocumentKind::EventSchema => "event schema".to_owned(),
        };
        context.ui.detail(format!("{}: {kind}", document.path.display()));
    }
    for path in &read.skipped {
        context
            .ui
            .detail(format!("{}: skipped, neither an AsyncAPI document nor an event schema", path.display()));
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
