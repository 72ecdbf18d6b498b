//! What a replay would do, before anything is sent: as text and as JSON.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::figures::{counted, grouped, size, span};
use super::replay::{faults, loss};
use crate::endpoint::Capabilities;
use crate::endpoint::facts::TargetFacts;
use crate::endpoint::inspect::ProbeReport;
use crate::event::Timestamp;
use crate::replay::Survey;
use crate::replay::preflight::{Caps, Finding};

/// Channels shown in text; JSON has them all.
const MOST_CHANNELS: usize = 20;

/// Who the target is.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Nobody: a file, a pipe, or a log in this process.
    None,
    /// It was not asked.
    NotAsked,
    /// It could not be reached, and why.
    NotReached(String),
    /// It answered: what it says of itself, and of the channels.
    Reached(Box<ProbeReport>, Option<Box<TargetFacts>>),
}

/// How well delivery is assured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Each event once, also after a crash, in transactions.
    ExactlyOnce,
    /// Each event once, also after a crash, because what has arrived is read back.
    EffectivelyOnce,
    /// Each event once or more, also after a crash.
    AtLeastOnceAcrossCrashes,
    /// Each event once or more, for as long as the process lives.
    AtLeastOnce,
    /// The same of a topic, which has no ledger.
    AtLeastOnceOfTopic,
    /// Nothing is confirmed.
    AtMostOnce,
}

impl Guarantee {
    fn words(self) -> (&'static str, bool, &'static str) {
        match self {
            Self::ExactlyOnce => (
                "exactly-once",
                true,
                "exactly once, also after a crash: readers of committed events see each once",
            ),
            Self::EffectivelyOnce => (
                "effectively-once",
                true,
                "effectively once, also after a crash: what has arrived does not go again",
            ),
            Self::AtLeastOnceAcrossCrashes => {
                ("at-least-once", true, "at least once, also after a crash: some events may go twice then")
            }
            Self::AtLeastOnce => (
                "at-least-once",
                false,
                "at least once while this process lives; `--ledger FILE` survives its end",
            ),
            Self::AtLeastOnceOfTopic => (
                "at-least-once",
                false,
                "at least once while this process lives; `?group=NAME` behind the topic survives its end",
            ),
            Self::AtMostOnce => ("at-most-once", false, "at most once: the target confirms no event"),
        }
    }
}

/// What is shown before anything is sent.
#[derive(Clone, Debug)]
pub struct PlanView<'a> {
    /// What was found in the selection.
    pub survey: &'a Survey,
    /// The target's address, masked.
    pub target: String,
    /// The channel or place all events go to, when the address names one.
    pub only: Option<&'a str>,
    /// New names of channels: old, new.
    pub renames: &'a [(String, String)],
    /// What the target can carry.
    pub carried: Capabilities,
    /// There is a schedule, so the run has a length.
    pub paced: bool,
    /// How often the selection is sent.
    pub rounds: u64,
    /// When the schedule begins, when that was said.
    pub start_at: Option<Timestamp>,
    /// The protected environment the target belongs to.
    pub protected: Option<&'a str>,
    /// Who the target is.
    pub identity: &'a Identity,
    /// How well delivery is assured.
    pub guarantee: Guarantee,
    /// Events are marked.
    pub marks: bool,
    /// The most that may be sent.
    pub caps: Caps,
    /// What speaks against the run, the worst first.
    pub findings: Vec<&'a Finding>,
    /// Whether a run that would lose something sends nothing.
    pub refuses_losses: bool,
    /// What decides which events have a fault on purpose.
    pub seed: Option<u64>,
    /// What is changed about identities, times and partitions: flag and value.
    pub changes: Vec<(&'static str, String)>,
}

impl PlanView<'_> {
    /// Where events of a channel go to, when that is another one.
    fn destination<'a>(&'a self, channel: &'a str) -> Option<&'a str> {
        self.only.filter(|only| *only != channel)
    }

    /// The old names of a channel.
    fn origins(&self, channel: &str) -> Vec<&str> {
        let renames = self.renames.iter().filter(|(_, new)| new == channel);
        renames.map(|(old, _)| old.as_str()).collect()
    }
}

/// The plan for people.
///
/// # Errors
/// Those of the writer.
pub fn plan_text(out: &mut dyn Write, plan: &PlanView<'_>) -> io::Result<()> {
    let survey = plan.survey;
    let (events, bytes) = (counted(survey.events, "event"), size(survey.bytes));
    writeln!(out, "plan      {events} ({bytes}) to {}", plan.target)?;
    identity_text(out, plan.identity)?;
    if let (Some(first), Some(last)) = (survey.first, survey.last) {
        let recorded = Duration::from_micros(u64::try_from(last.since(first)).unwrap_or(0));
        writeln!(out, "recorded  {first} to {last}, {}", span(recorded))?;
    }
    let length = if plan.paced { span(survey.length) } else { "as fast as the target takes them".to_owned() };
    if let Some(start) = plan.start_at {
        writeln!(out, "begins    {start}")?;
    }
    let rounds = if plan.rounds > 1 { format!(", {}", counted(plan.rounds, "round")) } else { String::new() };
    writeln!(out, "duration  {length}{rounds}")?;
    if let Some(mean) = mean(plan) {
        let mean = if mean == 0 { "under 1".to_owned() } else { grouped(mean) };
        let of = if plan.rounds > 1 { " of the first round" } else { "" };
        let most = busiest(plan).map(|most| format!(", {}/s in the busiest second{of}", grouped(most)));
        writeln!(out, "rate      {mean}/s on average{}", most.unwrap_or_default())?;
    }
    channels_text(out, plan)?;
    if survey.losses.is_empty() {
        losses_text(out, (survey, &plan.findings), &plan.carried)?;
    }
    for each in &survey.losses {
        writeln!(out, "losses    {} cannot carry {}", plan.carried.name, loss(each))?;
    }
    if !survey.losses.is_empty() && plan.refuses_losses {
        writeln!(out, "          nothing is sent then; `--loss allow` sends the events without it")?;
    }
    writeln!(out, "delivery  {}", plan.guarantee.words().2)?;
    if !plan.changes.is_empty() {
        let changes: Vec<String> =
            plan.changes.iter().map(|(flag, value)| format!("{flag} {value}")).collect();
        writeln!(out, "changes   {}", changes.join(", "))?;
    }
    faults(out, &survey.faults)?;
    let marks = if plan.marks { "`eddy-run` and `eddy-seq` on each event" } else { "none" };
    writeln!(out, "marks     {marks}")?;
    caps_text(out, &plan.caps)?;
    for finding in &plan.findings {
        let (severity, name) = (finding.severity.word(), finding.name);
        writeln!(out, "{severity:<8}  {name}: {}", finding.message)?;
        if let Some(help) = &finding.help {
            writeln!(out, "          {help}")?;
        }
    }
    if let Some(name) = plan.protected {
        writeln!(out, "protected the target belongs to `{name}`: add `--confirm {name}`")?;
    }
    writeln!(out, "dry run   nothing was sent")?;
    out.flush()
}

/// What nothing is refused for is said all the same.
fn losses_text(
    out: &mut dyn Write,
    (survey, findings): (&Survey, &[&Finding]),
    carried: &Capabilities,
) -> io::Result<()> {
    let own_time =
        (!carried.timestamps).then_some("their senders' times, in whose place are those of arrival");
    let own_order = (carried.headers && !carried.header_order).then_some("the order of headers");
    let facts = (!survey.facts_left.is_empty()).then_some("the facts that are named below");
    let is_shortened = findings.iter().any(|finding| finding.name == "times-shortened");
    let fine = is_shortened.then_some("the parts of times that are named below");
    let kept_back: Vec<_> = own_time.into_iter().chain(own_order).chain(facts).chain(fine).collect();
    match kept_back.as_slice() {
        [] => writeln!(out, "losses    none: {} carries everything in them", carried.name),
        parts => {
            writeln!(
                out,
                "losses    {} carries everything in them but {}",
                carried.name,
                parts.join(", and ")
            )
        }
    }
}

fn identity_text(out: &mut dyn Write, identity: &Identity) -> io::Result<()> {
    match identity {
        Identity::None => Ok(()),
        Identity::NotAsked => writeln!(out, "target    not asked"),
        Identity::NotReached(why) => writeln!(out, "target    not reached: {why}"),
        Identity::Reached(report, facts) => {
            let server = report.server.as_deref().unwrap_or("a server that does not say what it is");
            let names = names(report);
            let words: Vec<String> = names.iter().map(|(name, value)| format!(", {name} {value}")).collect();
            writeln!(out, "target    {server}{}", words.concat())?;
            for untold in facts.iter().flat_map(|facts| &facts.not_told) {
                writeln!(out, "not told  {untold}")?;
            }
            Ok(())
        }
    }
}

/// The facts that tell one server from another.
fn names(report: &ProbeReport) -> Vec<(&str, &str)> {
    let kinds = ["cluster id", "server name", "cluster", "virtual host", "role"];
    let facts = report.facts.iter().filter(|fact| kinds.contains(&fact.name.as_str()));
    facts.map(|fact| (fact.name.as_str(), fact.value.as_str())).collect()
}

fn channels_text(out: &mut dyn Write, plan: &PlanView<'_>) -> io::Result<()> {
    let mut channels: Vec<_> = plan.survey.channels.iter().collect();
    channels.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.events));
    for (index, (channel, counts)) in channels.iter().take(MOST_CHANNELS).enumerate() {
        let label = if index == 0 { "channels" } else { "" };
        let origins = plan.origins(channel).into_iter();
        let from = origins.map(|old| format!(" (recorded as {old})")).collect::<String>();
        let to = plan.destination(channel).map(|to| format!(" -> {to}")).unwrap_or_default();
        writeln!(
            out,
            "{label:<8}  {:>9}  {:>9}  {channel}{from}{to}",
            grouped(counts.events),
            size(counts.bytes)
        )?;
    }
    if channels.len() > MOST_CHANNELS {
        writeln!(out, "{:<8}  and {} more", "", counted((channels.len() - MOST_CHANNELS) as u64, "channel"))?;
    }
    Ok(())
}

fn caps_text(out: &mut dyn Write, caps: &Caps) -> io::Result<()> {
    let parts =
        [caps.events.map(|most| counted(most, "event")), caps.bytes.map(size), caps.duration.map(span)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return Ok(());
    }
    writeln!(out, "caps      {}", parts.join(", "))
}

/// The plan as one JSON object, `docs/schemas/replay-plan.schema.json`.
///
/// # Errors
/// Those of the writer.
pub fn plan_json(out: &mut dyn Write, plan: &PlanView<'_>) -> io::Result<()> {
    let survey = plan.survey;
    let channels: Vec<Value> = survey
        .channels
        .iter()
        .map(|(channel, counts)| {
            json!({
                "channel": channel,
                "events": counts.events,
                "bytes": counts.bytes,
                "largest": counts.largest,
                "recorded_as": plan.origins(channel),
                "to": plan.destination(channel).unwrap_or(channel),
            })
        })
        .collect();
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let (guarantee, survives, _) = plan.guarantee.words();
    let left_out = &survey.left_out;
    let changes: Vec<Value> =
        plan.changes.iter().map(|(flag, value)| json!({"flag": flag, "value": value})).collect();
    let object = json!({
        "target": plan.target,
        "identity": identity_json(plan.identity),
        "events": survey.events,
        "bytes": survey.bytes,
        "first": survey.first.map(|time| time.to_string()),
        "last": survey.last.map(|time| time.to_string()),
        "rounds": plan.rounds,
        "start_at": plan.start_at.map(|time| time.to_string()),
        "duration_us": plan.paced.then(|| micros(survey.length)),
        "rate": plan.paced.then(|| json!({
            "mean_per_second": mean(plan),
            "busiest_second": busiest(plan),
        })),
        "channels": channels,
        "losses": survey.losses,
        "facts_left": survey.facts_left,
        "delivery": { "guarantee": guarantee, "survives_crash": survives },
        "marks": plan.marks,
        "caps": plan.caps,
        "left_out": {
            "replayed": left_out.replayed,
            "looped": left_out.looped,
            "unsampled": survey.unsampled,
        },
        "invalid": { "events": left_out.invalid, "first": left_out.first_invalid },
        "findings": plan.findings,
        "out_of_time_order": survey.held_back,
        "changes": changes,
        "faults": survey.faults,
        "seed": plan.seed,
        "protected": plan.protected,
    });
    writeln!(out, "{object}")?;
    out.flush()
}

/// Events per second of a run that is long enough to have a rate.
fn mean(plan: &PlanView<'_>) -> Option<u64> {
    let length = plan.survey.length;
    if !plan.paced || length < Duration::from_secs(1) {
        return None;
    }
    let rate = u128::from(plan.survey.events) * 1_000_000_000 / length.as_nanos();
    u64::try_from(rate).ok()
}

/// The most events of one second. The seconds of a short run do not say it: where it is no whole number of them, the mean can
/// be above each.
fn busiest(plan: &PlanView<'_>) -> Option<u64> {
    plan.survey.busiest_second.filter(|most| mean(plan).is_none_or(|mean| *most >= mean))
}

fn identity_json(identity: &Identity) -> Value {
    match identity {
        Identity::None => Value::Null,
        Identity::NotAsked => json!({ "reached": null }),
        Identity::NotReached(why) => json!({ "reached": false, "why": why }),
        Identity::Reached(report, facts) => json!({
            "reached": true,
            "server": report.server,
            "protocol": report.protocol,
            "cluster": facts.as_ref().and_then(|facts| facts.cluster.clone()),
            "facts": report.facts,
            "not_told": facts.as_ref().map(|facts| facts.not_told.clone()).unwrap_or_default(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Guarantee, Identity, PlanView, plan_json, plan_text};
    use crate::endpoint::Capabilities;
    use crate::endpoint::capabilities::Acknowledgement;
    use crate::endpoint::facts::TargetFacts;
    use crate::endpoint::inspect::ProbeReport;
    use crate::replay::Survey;
    use crate::replay::guard::{Invalid, LeftOut};
    use crate::replay::preflight::{Caps, Finding};
    use crate::replay::survey::ChannelCounts;

    fn survey() -> Survey {
        let counts = ChannelCounts { events: 2, bytes: 40, largest: 30, ..ChannelCounts::default() };
        let invalid = Invalid { number: 1, channel: "a".to_owned(), findings: vec!["wrong".to_owned()] };
        Survey {
            events: 2,
            bytes: 40,
            channels: [("a".to_owned(), counts)].into(),
            losses: vec![crate::replay::survey::Loss { what: "key".to_owned(), events: 1, first: 2 }],
            left_out: LeftOut { invalid: 1, first_invalid: vec![invalid], ..LeftOut::default() },
            ..Survey::default()
        }
    }

    fn plan<'a>(
        survey: &'a Survey,
        identity: &'a Identity,
        findings: &'a [Finding],
        renames: &'a [(String, String)],
    ) -> PlanView<'a> {
        let carried = Capabilities {
            name: "example",
            keys: false,
            acknowledgement: Acknowledgement::None,
            replayable: false,
            seek_time: false,
            ..Capabilities::ALL
        };
        PlanView {
            survey,
            target: "memory:x".to_owned(),
            only: None,
            renames,
            carried,
            paced: false,
            rounds: 1,
            start_at: None,
            protected: Some("prod"),
            identity,
            guarantee: Guarantee::AtMostOnce,
            marks: true,
            caps: Caps { events: Some(1), ..Caps::default() },
            findings: findings.iter().collect(),
            refuses_losses: true,
            seed: None,
            changes: Vec::new(),
        }
    }

    #[test]
    fn the_busiest_second_is_said_where_it_can_be_known() {
        let rate_of = |rounds: u64, events: u64, millis: u64, busiest: Option<u64>| {
            let survey = Survey {
                events,
                length: std::time::Duration::from_millis(millis),
                busiest_second: busiest,
                ..Survey::default()
            };
            let (mut text, mut json) = (Vec::new(), Vec::new());
            let plan = PlanView { paced: true, rounds, ..plan(&survey, &Identity::None, &[], &[]) };
            plan_text(&mut text, &plan).expect("written");
            plan_json(&mut json, &plan).expect("written");
            let text = String::from_utf8(text).expect("text");
            let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
            let line = text.lines().find(|line| line.starts_with("rate")).map(str::to_owned);
            (line.unwrap_or_default(), json["rate"]["busiest_second"].as_u64())
        };
        assert_eq!(
            rate_of(1, 60, 10_000, Some(20)),
            ("rate      6/s on average, 20/s in the busiest second".to_owned(), Some(20))
        );
        let rate = |events, millis, busiest| rate_of(1, events, millis, busiest);
        assert_eq!(
            rate_of(3, 60, 10_000, Some(20)),
            ("rate      6/s on average, 20/s in the busiest second of the first round".to_owned(), Some(20))
        );
        // A short run, and one of which it is not known.
        assert_eq!(rate(60, 1_520, Some(20)), ("rate      39/s on average".to_owned(), None));
        assert_eq!(rate(60, 10_000, None), ("rate      6/s on average".to_owned(), None));
        assert_eq!(rate(6, 500, Some(6)), (String::new(), Some(6)));
    }

    #[test]
    fn a_plan_names_what_would_be_lost_and_what_speaks_against_it() {
        let (survey, identity) = (survey(), Identity::NotReached("refused".to_owned()));
        let findings =
            [Finding::error("too-many-events", "2, and the cap is 1".to_owned()).help("send less")];
        let renames = [("old".to_owned(), "a".to_owned())];
        let mut text = Vec::new();
        plan_text(&mut text, &plan(&survey, &identity, &findings, &renames)).expect("writing");
        let text = String::from_utf8(text).expect("text");
        for words in [
            "losses    example cannot carry key of 1 event, the first is number 2",
            "add `--confirm prod`",
            "as fast as",
            "target    not reached: refused",
            "a (recorded as old)",
            "caps      1 event",
            "error     too-many-events: 2, and the cap is 1\n          send less",
            "delivery  at most once",
        ] {
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn the_plan_is_what_its_schema_says() {
        let survey = survey();
        let findings = [Finding::warning("looped", "left out".to_owned())];
        let schema = include_str!("../../docs/schemas/replay-plan.schema.json");
        let schema = serde_json::from_str(schema).expect("a schema");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let reached = Identity::Reached(
            Box::new(ProbeReport::greeted(&"memory:x", std::time::Duration::ZERO)),
            Some(Box::new(TargetFacts::default())),
        );
        for identity in [Identity::None, Identity::NotAsked, Identity::NotReached(String::new()), reached] {
            for paced in [true, false] {
                let mut text = Vec::new();
                let view = PlanView { paced, ..plan(&survey, &identity, &findings, &[]) };
                plan_json(&mut text, &view).expect("writing");
                let value = serde_json::from_slice(&text).expect("json");
                let errors: Vec<String> =
                    validator.iter_errors(&value).map(|error| error.to_string()).collect();
                assert!(errors.is_empty(), "{errors:?}");
            }
        }
    }
}
