//! What a replay will do and what it did, as text and as JSON.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::endpoint::Capabilities;
use crate::replay::summary::Quantiles;
use crate::replay::survey::Loss;
use crate::replay::{FaultCount, Outcome, Summary, Survey};

use super::figures::{counted, grouped, rate, size, span};

/// Channels shown in text; JSON has them all.
const MOST_CHANNELS: usize = 20;

/// What is shown before anything is sent.
#[derive(Clone, Debug)]
pub struct PlanView<'a> {
    /// What was found in the selection.
    pub survey: &'a Survey,
    /// The target's address, masked.
    pub target: String,
    /// What the target can carry.
    pub carried: Capabilities,
    /// There is a schedule, so the run has a length.
    pub paced: bool,
    /// The protected environment the target belongs to.
    pub protected: Option<&'a str>,
    /// What decides which events have a fault on purpose.
    pub seed: Option<u64>,
    /// What is changed about identities, times and partitions: flag and value.
    pub changes: Vec<(&'static str, String)>,
}

/// The plan for people.
///
/// # Errors
/// Those of the writer.
pub fn plan_text(out: &mut dyn Write, plan: &PlanView<'_>) -> io::Result<()> {
    let survey = plan.survey;
    writeln!(
        out,
        "plan      {} ({}) to {}",
        counted(survey.events, "event"),
        size(survey.bytes),
        plan.target
    )?;
    if let (Some(first), Some(last)) = (survey.first, survey.last) {
        let recorded = Duration::from_micros(u64::try_from(last.since(first)).unwrap_or(0));
        writeln!(out, "recorded  {first} to {last}, {}", span(recorded))?;
    }
    let length = if plan.paced { span(survey.length) } else { "as fast as the target takes them".to_owned() };
    writeln!(out, "duration  {length}")?;
    let mut channels: Vec<_> = survey.channels.iter().collect();
    channels.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.events));
    for (index, (channel, counts)) in channels.iter().take(MOST_CHANNELS).enumerate() {
        let label = if index == 0 { "channels" } else { "" };
        writeln!(out, "{label:<8}  {:>9}  {channel}", grouped(counts.events))?;
    }
    if channels.len() > MOST_CHANNELS {
        writeln!(out, "{:<8}  and {} more", "", counted((channels.len() - MOST_CHANNELS) as u64, "channel"))?;
    }
    if survey.losses.is_empty() {
        writeln!(out, "losses    none: {} carries everything in them", plan.carried.name)?;
    }
    for each in &survey.losses {
        writeln!(out, "losses    {} cannot carry {}", plan.carried.name, loss(each))?;
    }
    if !plan.changes.is_empty() {
        let changes: Vec<String> =
            plan.changes.iter().map(|(flag, value)| format!("{flag} {value}")).collect();
        writeln!(out, "changes   {}", changes.join(", "))?;
    }
    faults(out, &survey.faults)?;
    if let Some(name) = plan.protected {
        writeln!(out, "protected the target belongs to `{name}`: add `--confirm {name}`")?;
    }
    writeln!(out, "dry run   nothing was sent")?;
    out.flush()
}

fn faults(out: &mut dyn Write, faults: &[FaultCount]) -> io::Result<()> {
    for (index, each) in faults.iter().enumerate() {
        let label = if index == 0 { "faults" } else { "" };
        writeln!(out, "{label:<8}  {:>9}  {}", grouped(each.events), each.fault)?;
    }
    Ok(())
}

/// The plan as one JSON object.
///
/// # Errors
/// Those of the writer.
pub fn plan_json(out: &mut dyn Write, plan: &PlanView<'_>) -> io::Result<()> {
    let survey = plan.survey;
    let channels: Vec<Value> = survey
        .channels
        .iter()
        .map(|(channel, counts)| json!({"channel": channel, "events": counts.events, "bytes": counts.bytes}))
        .collect();
    let changes: Vec<Value> =
        plan.changes.iter().map(|(flag, value)| json!({"flag": flag, "value": value})).collect();
    let object = json!({
        "target": plan.target,
        "events": survey.events,
        "bytes": survey.bytes,
        "first": survey.first.map(|time| time.to_string()),
        "last": survey.last.map(|time| time.to_string()),
        "duration_us": plan.paced.then(|| u64::try_from(survey.length.as_micros()).unwrap_or(u64::MAX)),
        "channels": channels,
        "losses": survey.losses,
        "out_of_time_order": survey.held_back,
        "changes": changes,
        "faults": survey.faults,
        "seed": plan.seed,
        "protected": plan.protected,
    });
    writeln!(out, "{object}")?;
    out.flush()
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
    writeln!(out, "took      {}{pace}", span(time))?;
    writeln!(out, "lag       {}", quantiles(summary.lag_us))?;
    writeln!(out, "response  {}", quantiles(summary.response_us))?;
    if let Some(busiest) = summary.lanes.first() {
        let key = busiest.key.as_ref().map(|key| format!(" key {key}")).unwrap_or_default();
        let (lanes, sent) = (counted(summary.lanes.len() as u64, "lane"), grouped(busiest.sent));
        writeln!(out, "lanes     {lanes}, the busiest {}{key} with {sent}", busiest.channel)?;
    }
    if summary.failed > 0 {
        writeln!(out, "failed    {}", counted(summary.failed, "event"))?;
    }
    if summary.left_out_late > 0 {
        writeln!(out, "late      {} left out", counted(summary.left_out_late, "event"))?;
    }
    if summary.stretched_us > 0 {
        let moved = span(Duration::from_micros(summary.stretched_us));
        writeln!(out, "late      the schedule was moved by {moved}")?;
    }
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

fn quantiles(times: Quantiles) -> String {
    let show = |micros| span(Duration::from_micros(micros));
    format!("p50 {}, p99 {}, max {}", show(times.p50), show(times.p99), show(times.max))
}

#[cfg(test)]
mod tests {
    use crate::endpoint::Capabilities;
    use crate::endpoint::capabilities::Acknowledgement;
    use crate::event::Event;
    use crate::replay::lanes::LaneTable;
    use crate::replay::summary::Quantiles;
    use crate::replay::{Summary, Survey};

    use super::{PlanView, plan_text, summary_json};

    #[test]
    fn the_summary_is_what_its_schema_says() {
        let mut lanes = LaneTable::default();
        lanes.lane(&Event::new("a", "x"));
        lanes.lane(&Event { key: Some("k".into()), ..Event::new("a", "x") });
        lanes.lane(&Event { key: Some(b"\xff".to_vec().into()), ..Event::new("a", "x") });
        let summary = Summary {
            run: uuid::Uuid::now_v7().to_string(),
            settled_before: 0,
            planned: None,
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
            lag_us: Quantiles { p50: 1, p99: 2, max: 3 },
            response_us: Quantiles::default(),
            lanes: lanes.into_counts(),
        };
        let mut text = Vec::new();
        summary_json(&mut text, &summary).expect("writing");
        let schema = include_str!("../../docs/schemas/replay-summary.schema.json");
        let schema = serde_json::from_str(schema).expect("a schema");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let value = serde_json::from_slice(&text).expect("json");
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }

    #[test]
    fn a_plan_names_what_would_be_lost() {
        let survey = Survey {
            events: 2,
            losses: vec![crate::replay::survey::Loss { what: "key".to_owned(), events: 1, first: 2 }],
            ..Survey::default()
        };
        let carried = Capabilities {
            name: "example",
            keys: false,
            acknowledgement: Acknowledgement::None,
            replayable: false,
            seek_time: false,
            ..Capabilities::ALL
        };
        let target = "memory:x".to_owned();
        let plan = PlanView {
            survey: &survey,
            target,
            carried,
            paced: false,
            protected: Some("prod"),
            seed: None,
            changes: Vec::new(),
        };
        let mut text = Vec::new();
        plan_text(&mut text, &plan).expect("writing");
        let text = String::from_utf8(text).expect("text");
        assert!(
            text.contains("losses    example cannot carry key of 1 event, the first is number 2"),
            "{text}"
        );
        assert!(text.contains("add `--confirm prod`") && text.contains("as fast as"), "{text}");
    }
}
