//! What a redrive would do and what it did, as text and as JSON.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;

use super::figures::{counted, grouped, rate, span};
use crate::replay::preflight::Finding;
use crate::replay::redrive::{Counts, Row};

/// Rows shown in text; JSON has them all.
const MOST_ROWS: usize = 20;

/// What is shown of a redrive.
#[derive(Clone, Debug)]
pub struct RedriveView<'a> {
    /// Where the dead letters lie, masked.
    pub source: String,
    /// Where they go when it is not to their origins, masked.
    pub target: Option<String>,
    /// The counts; of a dry run, what would be.
    pub counts: &'a Counts,
    /// Events by origin and reason.
    pub rows: &'a [Row],
    /// What speaks against sending; of a dry run.
    pub findings: &'a [Finding],
    /// Dead letters that were there and about which nothing was decided, where that is known.
    pub left: Option<u64>,
    /// Nothing was sent.
    pub dry_run: bool,
    /// The dry run looked only at the first part.
    pub cut: bool,
    /// From the first event to the last receipt.
    pub duration: Duration,
    /// How often an event is sent back at most.
    pub most_redrives: u64,
}

/// For people.
///
/// # Errors
/// Those of the writer.
pub fn text(out: &mut dyn Write, view: &RedriveView<'_>) -> io::Result<()> {
    let counts = view.counts;
    write_rows(out, view)?;
    let (verb, to) = if view.dry_run { ("would go", "plan") } else { ("back", "redriven") };
    let where_to = view.target.as_deref().unwrap_or("their origins");
    let pace = rate(counts.redriven, view.duration).filter(|_| !view.dry_run && counts.redriven > 0);
    let took = pace.map(|pace| format!(" in {}, {pace}", span(view.duration))).unwrap_or_default();
    let redriven = grouped(counts.redriven);
    writeln!(
        out,
        "{to:<11} {redriven} of {} {verb} to {where_to}{took}",
        counted(counts.read, "dead letter")
    )?;
    if counts.quarantined > 0 {
        writeln!(out, "quarantine  {}", counted(counts.quarantined, "event"))?;
    }
    let mut left = |label: &str, number: u64, why: &str| match number {
        0 => Ok(()),
        _ => writeln!(out, "{label:<11} {}: {why}", counted(number, "event")),
    };
    left("left", counts.without_origin, "nothing says where they came from")?;
    let often = match view.most_redrives {
        0 => "`--max-redrives 0` sends none back".to_owned(),
        most => format!("sent back {} before", counted(most, "time")),
    };
    left("left", counts.sent_back_too_often, &often)?;
    left("left", counts.from_here, "they say that they came from here")?;
    left("left", counts.not_chosen, "not chosen")?;
    left("refused", counts.refused, "their origin did not take them; they stay")?;
    left("repeated", counts.repeated_later, "arrived, and go again with the next run")?;
    left("to go", view.left.unwrap_or(0).saturating_sub(counts.refused), "not taken back by this run")?;
    if !counts.left_at.is_empty() {
        writeln!(out, "            at {}", counts.left_at.join(", "))?;
    }
    for finding in view.findings {
        writeln!(out, "{:<11} {}: {}", finding.severity.word(), finding.name, finding.message)?;
        if let Some(help) = &finding.help {
            writeln!(out, "            {help}")?;
        }
    }
    if view.dry_run {
        let part = if view.cut {
            format!("; only the first {} were looked at", grouped(counts.read))
        } else {
            String::new()
        };
        writeln!(out, "dry run     nothing was sent{part}")?;
    }
    out.flush()
}

fn write_rows(out: &mut dyn Write, view: &RedriveView<'_>) -> io::Result<()> {
    if view.rows.is_empty() {
        return Ok(());
    }
    let origin = |row: &Row| super::visible::visible(row.origin.as_deref().unwrap_or("unknown"));
    let shown = &view.rows[..view.rows.len().min(MOST_ROWS)];
    let width = shown.iter().map(|row| origin(row).chars().count()).max().unwrap_or(0).max(6);
    writeln!(out, "   EVENTS  {:<width$}  REASON", "ORIGIN")?;
    for row in shown {
        let reason = super::visible::visible(row.reason.as_deref().unwrap_or("-"));
        writeln!(out, "{:>9}  {:<width$}  {reason}", grouped(row.events), origin(row))?;
    }
    if view.rows.len() > MOST_ROWS {
        writeln!(out, "           and {} more", counted((view.rows.len() - MOST_ROWS) as u64, "row"))?;
    }
    writeln!(out)
}

/// As one JSON object, `docs/schemas/redrive-summary.schema.json`.
///
/// # Errors
/// Those of the writer.
pub fn json(out: &mut dyn Write, view: &RedriveView<'_>) -> io::Result<()> {
    let object = json!({
        "source": view.source,
        "target": view.target,
        "dry_run": view.dry_run,
        "complete": !view.cut && view.left.unwrap_or(0) == 0,
        "counts": view.counts,
        "unread": view.left,
        "duration_us": u64::try_from(view.duration.as_micros()).unwrap_or(u64::MAX),
        "by_origin": view.rows,
        "findings": view.findings,
    });
    writeln!(out, "{object}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RedriveView, json, text};
    use crate::replay::redrive::{Counts, Row};

    fn view<'a>(counts: &'a Counts, rows: &'a [Row]) -> RedriveView<'a> {
        RedriveView {
            source: "kafka://h:9092/dead".to_owned(),
            target: None,
            counts,
            rows,
            findings: &[],
            left: Some(2),
            dry_run: false,
            cut: false,
            duration: Duration::from_secs(2),
            most_redrives: 3,
        }
    }

    #[test]
    fn the_summary_is_what_its_schema_says() {
        let counts = Counts { read: 3, redriven: 2, without_origin: 1, ..Counts::default() };
        let rows = [Row { origin: Some("a\u{1b}[1m".to_owned()), reason: None, events: 3 }];
        let mut out = Vec::new();
        json(&mut out, &view(&counts, &rows)).expect("writing");
        let schema = include_str!("../../docs/schemas/redrive-summary.schema.json");
        let schema = serde_json::from_str(schema).expect("a schema");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let value = serde_json::from_slice(&out).expect("json");
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let mut out = Vec::new();
        text(&mut out, &view(&counts, &rows)).expect("writing");
        let out = String::from_utf8(out).expect("text");
        assert!(
            !out.contains('\u{1b}') && out.contains("2 of 3 dead letters back to their origins"),
            "{out}"
        );
        assert!(out.contains("left        1 event: nothing says"), "{out}");
    }
}
