//! What a replay did, as text and as JSON.

use std::io::{self, Write};
use std::time::Duration;

use crate::replay::shard_report::Merged;
use crate::replay::summary::Quantiles;
use crate::replay::survey::Loss;
use crate::replay::{FaultCount, Outcome, Summary};

use super::figures::{counted, grouped, rate, span};
use super::visible::visible;

/// How many events had each fault.
pub(super) fn faults(out: &mut dyn Write, faults: &[FaultCount]) -> io::Result<()> {
    for (index, each) in faults.iter().enumerate() {
        let label = if index == 0 { "faults" } else { "" };
        writeln!(out, "{label:<8}  {:>9}  {}", grouped(each.events), each.fault)?;
    }
    Ok(())
}

/// One thing the target cannot carry, in words.
#[must_use]
pub fn loss(loss: &Loss) -> String {
    format!("{} of {}, the first is number {}", loss.what, counted(loss.events, "event"), grouped(loss.first))
}

/// What a run came to, for people.
///
/// # Errors
/// Those of the writer.
pub fn outcome_text(out: &mut dyn Write, outcome: &Outcome, target: &str) -> io::Result<()> {
    let summary = &outcome.summary;
    let time = Duration::from_micros(summary.duration_us);
    let planned = summary.planned.unwrap_or(summary.sent);
    let pace = rate(summary.acknowledged, time).map(|rate| format!(", {rate}")).unwrap_or_default();
    let acknowledged = grouped(summary.acknowledged);
    writeln!(out, "replayed  {acknowledged} of {} to {target}", counted(planned, "event"))?;
    if summary.sent > 0 {
        writeln!(out, "took      {}{pace}", span(time))?;
    }
    for (name, times) in [("lag       ", &summary.lag_us), ("response  ", &summary.response_us)] {
        if times.count > 0 {
            writeln!(out, "{name}{}", quantiles(times))?;
        }
    }
    if let Some(busiest) = summary.lanes.first() {
        let key = busiest.key.as_ref().map(|key| format!(" key {key}")).unwrap_or_default();
        let (lanes, sent) = (counted(summary.lanes.len() as u64, "lane"), grouped(busiest.sent));
        writeln!(out, "lanes     {lanes}, the busiest {}{key} with {sent}", busiest.channel)?;
    }
    if summary.failed > 0 {
        writeln!(out, "failed    {}", counted(summary.failed, "event"))?;
    }
    late(out, summary.left_out_late, summary.stretched_us)?;
    if summary.possible_duplicates > 0 {
        let events = counted(summary.possible_duplicates, "event");
        writeln!(out, "repeated  {events} may have arrived twice")?;
    }
    faults(out, &summary.faults)?;
    out.flush()
}

/// The summary as one JSON object, `docs/schemas/replay-summary.schema.json`.
///
/// # Errors
/// Those of the writer.
pub fn summary_json(out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    serde_json::to_writer(&mut *out, summary)?;
    writeln!(out)?;
    out.flush()
}

/// What the shards of a run came to, for people.
///
/// # Errors
/// Those of the writer.
pub fn merged_text(out: &mut dyn Write, merged: &Merged) -> io::Result<()> {
    let time = Duration::from_micros(merged.duration_us);
    let planned = merged.planned.unwrap_or(merged.sent);
    let pace = rate(merged.acknowledged, time).map(|rate| format!(", {rate}")).unwrap_or_default();
    let (arrived, shards) = (grouped(merged.acknowledged), counted(merged.shards, "shard"));
    writeln!(out, "replayed  {arrived} of {} by {shards}", counted(planned, "event"))?;
    if merged.settled_before > 0 {
        writeln!(out, "before    {} settled by earlier parts", counted(merged.settled_before, "event"))?;
    }
    writeln!(out, "took      {}{pace}", span(time))?;
    let bound = |times: &Quantiles| if times.count == 0 && times.max > 0 { "at most " } else { "" };
    writeln!(out, "lag       {}{}", bound(&merged.lag_us), quantiles(&merged.lag_us))?;
    writeln!(out, "response  {}{}", bound(&merged.response_us), quantiles(&merged.response_us))?;
    if let Some(busiest) = merged.lanes.first() {
        let key = busiest.key.as_ref().map(|key| format!(" key {}", visible(key))).unwrap_or_default();
        let (lanes, sent) = (counted(merged.lanes.len() as u64, "lane"), grouped(busiest.sent));
        writeln!(out, "lanes     {lanes}, the busiest {}{key} with {sent}", visible(&busiest.channel))?;
    }
    if merged.failed > 0 {
        writeln!(out, "failed    {}", counted(merged.failed, "event"))?;
    }
    late(out, merged.left_out_late, merged.stretched_us)?;
    if merged.possible_duplicates > 0 {
        writeln!(out, "repeated  {} may have arrived twice", counted(merged.possible_duplicates, "event"))?;
    }
    faults(out, &merged.faults)?;
    out.flush()
}

/// What the shards of a run came to, as one JSON object.
///
/// # Errors
/// Those of the writer.
pub fn merged_json(out: &mut dyn Write, merged: &Merged) -> io::Result<()> {
    serde_json::to_writer(&mut *out, merged)?;
    writeln!(out)?;
    out.flush()
}

/// What was done about late events.
fn late(out: &mut dyn Write, left_out: u64, stretched_us: u64) -> io::Result<()> {
    if left_out > 0 {
        writeln!(out, "late      {} left out", counted(left_out, "event"))?;
    }
    if stretched_us > 0 {
        let moved = span(Duration::from_micros(stretched_us));
        writeln!(out, "late      the schedule was moved by {moved}")?;
    }
    Ok(())
}

fn quantiles(times: &Quantiles) -> String {
    let show = |micros| span(Duration::from_micros(micros));
    format!("p50 {}, p99 {}, max {}", show(times.p50), show(times.p99), show(times.max))
}

#[cfg(test)]
mod tests {
    use crate::event::Event;
    use crate::replay::lanes::LaneTable;
    use crate::replay::summary::Quantiles;
    use crate::replay::{Summary, Undelivered};

    use super::summary_json;

    #[test]
    fn the_summary_is_what_its_schema_says() {
        let mut lanes = LaneTable::default();
        lanes.lane(&Event::new("a", "x"));
        lanes.lane(&Event { key: Some("k".into()), ..Event::new("a", "x") });
        lanes.lane(&Event { key: Some(b"\xff".to_vec().into()), ..Event::new("a", "x") });
        let summary = Summary {
            run: uuid::Uuid::now_v7().to_string(),
            shard: None,
            settled_before: 0,
            planned: None,
            removed: crate::endpoint::Removed { events: 5, at_most: true },
            sent: 3,
            acknowledged: 2,
            failed: 1,
            possible_duplicates: 0,
            faults: ["drop:1% if key=k".parse::<crate::replay::Fault>().expect("a fault")]
                .iter()
                .map(|fault| crate::replay::FaultCount {
                    fault: fault.to_string(),
                    kind: fault.kind,
                    events: 1,
                })
                .collect(),
            seed: Some(7),
            left_out_late: 0,
            stretched_us: 0,
            clamped: 0,
            duration_us: 5,
            lag_us: Quantiles { p50: 1, p99: 2, max: 3, count: 3, ..Quantiles::default() },
            response_us: Quantiles::default(),
            lanes: lanes.into_counts(),
            undelivered: vec![Undelivered {
                number: 8,
                channel: "a".to_owned(),
                key: None,
                key_base64: Some("/w==".to_owned()),
                error: "too large".to_owned(),
            }],
        };
        let mut text = Vec::new();
        summary_json(&mut text, &summary).expect("writing");
        let schema = include_str!("../../docs/schemas/replay-summary.schema.json");
        let schema = serde_json::from_str(schema).expect("a schema");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let value: serde_json::Value = serde_json::from_slice(&text).expect("json");
        // Nothing was counted, so there is no histogram: an empty text is no encoding of one.
        assert!(value["response_us"].get("histogram").is_none(), "{value}");
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}
