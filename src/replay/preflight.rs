//! What speaks against a run before its first event is sent: caps, the place the recording came from, and what the target
//! says of itself.

use std::time::Duration;

use serde::Serialize;

use super::survey::{ChannelCounts, Loss, Refused, Survey};
use crate::diagnostic::Severity;
use crate::endpoint::Capabilities;
use crate::endpoint::facts::{ChannelFacts, Presence, TargetFacts};
use crate::event::Timestamp;

/// One thing that speaks against a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name, which stays the same.
    pub name: &'static str,
    /// An error stops the run, a warning does not.
    pub severity: Severity,
    /// The channel it is about.
    pub channel: Option<String>,
    /// What and where.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl Finding {
    /// Something that must not be.
    #[must_use]
    pub fn error(name: &'static str, message: String) -> Self {
        Self { name, severity: Severity::Error, channel: None, message, help: None }
    }

    /// Something to know before.
    #[must_use]
    pub fn warning(name: &'static str, message: String) -> Self {
        Self { severity: Severity::Warning, ..Self::error(name, message) }
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    pub(super) fn about(self, channel: &str) -> Self {
        Self { channel: Some(channel.to_owned()), ..self }
    }

    /// Whether it stops the run.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The most a run may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Caps {
    /// Events.
    pub events: Option<u64>,
    /// Bytes of keys, payloads and headers.
    pub bytes: Option<u64>,
    /// Time from the first to the last event, in microseconds in JSON.
    #[serde(rename = "duration_us", serialize_with = "micros")]
    pub duration: Option<Duration>,
}

#[expect(clippy::ref_option, reason = "the form serde calls it in")]
fn micros<S: serde::Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).serialize(serializer)
}

impl Caps {
    /// The caps of two, the lower one of each.
    #[must_use]
    pub fn lower(self, other: Self) -> Self {
        fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        }
        Self {
            events: least(self.events, other.events),
            bytes: least(self.bytes, other.bytes),
            duration: least(self.duration, other.duration),
        }
    }

    /// These, and where they say nothing those of `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            events: self.events.or(other.events),
            bytes: self.bytes.or(other.bytes),
            duration: self.duration.or(other.duration),
        }
    }

    /// The caps that a run would break.
    #[must_use]
    pub fn broken(&self, survey: &Survey) -> Vec<Finding> {
        let mut found = Vec::new();
        let help = "send less of it (`--first`, `--channel`, `--range`), or raise the cap if you mean it";
        let mut note = |name, message: Option<String>| {
            found.extend(message.map(|message| Finding::error(name, message).help(help)));
        };
        let over = |count: u64, cap: Option<u64>| cap.filter(|cap| count > *cap);
        note(
            "too-many-events",
            over(survey.events, self.events)
                .map(|cap| format!("{} events are to be sent, and the cap is {cap}", survey.events)),
        );
        note(
            "too-many-bytes",
            over(survey.bytes, self.bytes)
                .map(|cap| format!("{} bytes are to be sent, and the cap is {cap}", survey.bytes)),
        );
        let longer = self.duration.filter(|cap| survey.length > *cap);
        note(
            "too-long",
            longer.map(|cap| {
                format!("the run takes {} s, and the cap is {} s", seconds(survey.length), seconds(cap))
            }),
        );
        found
    }
}

fn seconds(time: Duration) -> String {
    let text = format!("{:.3}", time.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The events that the target's system cannot be sent, whatever its server says.
#[must_use]
pub fn unwritable(survey: &Survey) -> Vec<Finding> {
    let finding = |refused: &Refused| {
        let (first, why) = (refused.first, &refused.why);
        let message = match refused.events {
            1 => format!("number {first} cannot be sent: {why}"),
            events => format!("{events} events cannot be sent, number {first} the first of them: {why}"),
        };
        let help = "leave such events out with `--filter`, or change them with `--drop-header` or `--map`";
        Finding::error("unwritable", message).help(refused.help.as_deref().unwrap_or(help))
    };
    survey.refused.iter().map(finding).collect()
}

/// The facts of senders that the target's system has no place for.
#[must_use]
pub fn facts_left(survey: &Survey, system: &Capabilities) -> Option<Finding> {
    let first = survey.facts_left.first()?;
    let events = |count: u64| if count == 1 { "1 event".to_owned() } else { format!("{count} events") };
    let named = |left: &Loss| format!("`{}` of {}", left.what, events(left.events));
    let all: Vec<String> = survey.facts_left.iter().map(named).collect();
    let message =
        format!("{} has no place for what senders said of their events: {}", system.name, all.join(", "));
    let finding = Finding::warning("facts-left", message);
    let name = &first.what;
    Some(if system.headers {
        finding.help(format!(
            "`--map 'if .attributes.{name} then .headers.{name} = .attributes.{name} else . end'` makes a header of one"
        ))
    } else {
        finding
    })
}

/// Times of senders that the target's system keeps to the millisecond only, where they stay as they are.
#[must_use]
pub fn shortened(survey: &Survey, system: &Capabilities) -> Option<Finding> {
    let found = survey.shortened.as_ref()?;
    let events = if found.events == 1 {
        "1 event has a finer one".to_owned()
    } else {
        format!("{} events have finer ones", found.events)
    };
    let message = format!(
        "{} keeps times of senders to the millisecond, and {events}, number {} the first",
        system.name, found.first
    );
    Some(Finding::warning("times-shortened", message))
}

/// What follows from what the target says of itself.
#[must_use]
pub fn judge(survey: &Survey, facts: &TargetFacts, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    let alone = facts.channels.len() == 1;
    let sending = Sending::of(survey, now);
    for channel in &facts.channels {
        let counts = counts_of(channel, survey, alone);
        let judged = judge_channel(channel, &counts, survey, sending);
        found.extend(judged.into_iter().map(|finding| finding.about(&channel.channel)));
    }
    found
}

/// When events are sent, as far as their own times are held against it.
#[derive(Clone, Copy)]
struct Sending {
    /// When the first may go.
    begins: Timestamp,
    /// When the newest may go at the earliest: times that move with the run become later as it goes on.
    newest: Timestamp,
}

impl Sending {
    fn of(survey: &Survey, now: Timestamp) -> Self {
        let Some(moved_to) = survey.moved_to else {
            return Self { begins: now, newest: now };
        };
        let begins = moved_to.max(now);
        Self { begins, newest: Timestamp(begins.0.saturating_add(micros_of(survey.length))) }
    }
}

/// What goes to a channel; a target with one channel takes the events of all.
pub(super) fn counts_of(channel: &ChannelFacts, survey: &Survey, alone: bool) -> ChannelCounts {
    match survey.channels.get(&channel.channel) {
        Some(counts) => *counts,
        None if alone => survey.channels.values().fold(ChannelCounts::default(), ChannelCounts::with),
        None => ChannelCounts::default(),
    }
}

fn judge_channel(
    facts: &ChannelFacts,
    counts: &ChannelCounts,
    survey: &Survey,
    sending: Sending,
) -> Vec<Finding> {
    let channel = &facts.channel;
    let mut found = Vec::new();
    if facts.presence == Presence::Missing {
        let finding = Finding::error("channel-missing", format!("the target has no `{channel}`"));
        let help = "make it first, or name another with `--map-channel OLD=NEW`";
        found.push(finding.help(facts.help.as_deref().unwrap_or(help)));
        return found;
    }
    if let Some(against) = &facts.against {
        let finding = Finding::error("takes-nothing", against.clone());
        found.push(Finding { help: facts.help.clone(), ..finding });
        return found;
    }
    if facts.may_send == Some(false) {
        let finding = Finding::error("not-allowed", format!("we may not send to `{channel}`"));
        found.push(finding.help("ask who runs the system for the permission, or use another user"));
    }
    if facts.presence == Presence::MadeOnSending {
        let finding =
            Finding::warning("channel-made", format!("`{channel}` is not there yet; sending makes it"));
        found.push(Finding { severity: Severity::Info, ..finding });
    }
    found.extend(size(facts, counts));
    found.extend(partitions(facts, counts));
    found.extend(times(facts, counts, sending));
    found.extend(ids(facts, counts));
    found.extend(room(facts, counts, survey));
    found
}

fn size(facts: &ChannelFacts, counts: &ChannelCounts) -> Option<Finding> {
    let most = facts.largest_event.filter(|most| counts.largest > *most)?;
    let message = format!(
        "`{}` takes events of up to {most} bytes, and number {} has {}",
        facts.channel, counts.largest_number, counts.largest
    );
    Some(Finding::error("too-large", message).help(
        "leave such events out with `--filter`, make them smaller with `--map`, or raise the limit on the target",
    ))
}

fn partitions(facts: &ChannelFacts, counts: &ChannelCounts) -> Option<Finding> {
    let (there, highest) = (facts.partitions?, counts.highest_partition?);
    if i64::from(highest) < i64::from(there) {
        return None;
    }
    let message = format!(
        "`{}` has {}, and events are for partition {highest}: those for partitions it does not have are placed by their keys",
        facts.channel,
        if there == 1 { "one partition".to_owned() } else { format!("{there} partitions") }
    );
    Some(Finding::warning("fewer-partitions", message).help(
        "`--repartition key` places all by their keys; give it as many partitions to keep them together",
    ))
}

/// Events whose own time the target does not like.
fn times(facts: &ChannelFacts, counts: &ChannelCounts, sending: Sending) -> Vec<Finding> {
    let mut found = Vec::new();
    let (Some(oldest), Some(newest)) = (counts.oldest_time, counts.newest_time) else {
        return found;
    };
    let before = |time: Timestamp, by: Duration| sending.begins.since(time) > micros_of(by);
    let channel = &facts.channel;
    let retime = "give events new times with `--retime now` or `--retime shift`, or none with `--map '.broker_time = null'`";
    if let Some(earliest) = facts.earliest_us.map(Timestamp).filter(|earliest| oldest < *earliest) {
        let message =
            format!("`{channel}` takes no event of before {earliest}, and the oldest is of {oldest}");
        found.push(Finding::error("time-refused", message).help(retime));
    } else if let Some(most) = facts.most_behind.filter(|most| before(oldest, *most)) {
        let message =
            format!("`{channel}` refuses events older than {}, and the oldest is of {oldest}", age(most));
        found.push(Finding::error("time-refused", message).help(retime));
    }
    if let Some(most) = facts.most_ahead.filter(|most| newest.since(sending.newest) > micros_of(*most)) {
        let message = format!(
            "`{channel}` refuses events more than {} ahead of its clock, and the newest is of {newest}",
            age(most)
        );
        found.push(Finding::error("time-refused", message).help(retime));
    }
    if let Some(kept) = facts.kept_for.filter(|kept| facts.ages_by_own_time && before(oldest, *kept)) {
        let message = format!(
            "`{channel}` keeps events for {} by their own time, and the oldest is of {oldest}: it may be deleted as soon as \
             it has arrived",
            age(kept)
        );
        found.push(Finding::warning("older-than-kept", message).help(retime));
    }
    found
}

/// Events whose own id the target has passed already.
fn ids(facts: &ChannelFacts, counts: &ChannelCounts) -> Option<Finding> {
    let (last, lowest) = (facts.last_id?, counts.lowest_id?);
    if lowest.is_after(last) {
        return None;
    }
    let channel = &facts.channel;
    let message = format!(
        "`{channel}` takes only ids after {last}, its last one, and the lowest to be sent is {lowest}"
    );
    Some(Finding::error("id-refused", message).help(
        "leave `id=keep` out of the address, send to a stream that is not there yet, or move ids and times with `--retime shift`",
    ))
}

/// What was sent first may be gone before what is sent last.
fn room(facts: &ChannelFacts, counts: &ChannelCounts, survey: &Survey) -> Vec<Finding> {
    let mut found = Vec::new();
    let channel = &facts.channel;
    if let Some(kept) = facts.kept_for.filter(|kept| !facts.ages_by_own_time && survey.length > *kept) {
        let message = format!(
            "`{channel}` keeps events for {}, and the run takes longer: the first are gone before the last is sent",
            age(kept)
        );
        found.push(Finding::warning("kept-too-short", message));
    }
    let over = |count: u64, most: Option<u64>| most.filter(|most| count > *most);
    let events = over(counts.events, facts.most_events).map(|most| {
        format!("`{channel}` keeps {most} of the {} events that are to be sent to it", counts.events)
    });
    let bytes = over(counts.bytes, facts.most_bytes).map(|most| {
        format!("`{channel}` keeps {most} of the {} bytes that are to be sent to it", counts.bytes)
    });
    for message in events.into_iter().chain(bytes) {
        found.push(if facts.refuses_when_full {
            Finding::error("no-room", format!("{message}: it refuses what comes when it is full"))
        } else {
            Finding::warning("no-room", format!("{message}: it drops the oldest"))
        });
    }
    found
}

fn micros_of(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// A long time as people say it.
pub(super) fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{} s", self::seconds(time)),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Caps, facts_left, judge, shortened};
    use crate::diagnostic::Severity;
    use crate::endpoint::Capabilities;
    use crate::endpoint::facts::{ChannelFacts, Presence, RisingId, TargetFacts};
    use crate::event::Timestamp;
    use crate::replay::Survey;
    use crate::replay::survey::ChannelCounts;
    use crate::replay::survey::Loss;

    const DAY: u64 = 86_400;

    fn id(milliseconds: u64, number: u64) -> RisingId {
        RisingId { milliseconds, number: Some(number) }
    }

    fn survey() -> Survey {
        let counts = ChannelCounts {
            events: 10,
            bytes: 1_000,
            largest: 500,
            largest_number: 7,
            highest_partition: Some(5),
            oldest_time: Some(Timestamp(0)),
            newest_time: Some(Timestamp(1_000_000)),
            lowest_id: Some(id(5, 1)),
        };
        let channels = [("a".to_owned(), counts)].into();
        Survey { events: 10, bytes: 1_000, channels, length: Duration::from_secs(60), ..Survey::default() }
    }

    fn found(facts: ChannelFacts) -> Vec<(&'static str, Severity)> {
        let facts = TargetFacts { channels: vec![facts], ..TargetFacts::default() };
        let now = Timestamp(10 * i64::try_from(DAY).expect("small") * 1_000_000);
        judge(&survey(), &facts, now).iter().map(|finding| (finding.name, finding.severity)).collect()
    }

    #[test]
    fn what_the_target_says_is_held_against_what_is_to_be_sent() {
        use Severity::{Error, Warning};
        let base = || ChannelFacts { presence: Presence::There, ..ChannelFacts::unknown("a") };
        let days = |days: u64| Some(Duration::from_secs(days * DAY));
        assert_eq!(found(base()), []);
        for (facts, expected) in [
            (ChannelFacts { presence: Presence::Missing, ..base() }, ("channel-missing", Error)),
            (ChannelFacts { presence: Presence::MadeOnSending, ..base() }, ("channel-made", Severity::Info)),
            (ChannelFacts { may_send: Some(false), ..base() }, ("not-allowed", Error)),
            (ChannelFacts { largest_event: Some(499), ..base() }, ("too-large", Error)),
            (ChannelFacts { partitions: Some(5), ..base() }, ("fewer-partitions", Warning)),
            (ChannelFacts { most_behind: days(9), ..base() }, ("time-refused", Error)),
            (ChannelFacts { earliest_us: Some(1), most_behind: days(9), ..base() }, ("time-refused", Error)),
            (
                ChannelFacts { kept_for: days(7), ages_by_own_time: true, ..base() },
                ("older-than-kept", Warning),
            ),
            (ChannelFacts { kept_for: Some(Duration::from_secs(59)), ..base() }, ("kept-too-short", Warning)),
            (ChannelFacts { last_id: Some(id(5, 1)), ..base() }, ("id-refused", Error)),
            (ChannelFacts { most_events: Some(9), ..base() }, ("no-room", Warning)),
            (ChannelFacts { most_bytes: Some(999), refuses_when_full: true, ..base() }, ("no-room", Error)),
        ] {
            assert_eq!(found(facts.clone()), [expected], "{facts:?}");
        }
        let fits = ChannelFacts {
            largest_event: Some(500),
            partitions: Some(6),
            most_behind: days(11),
            most_ahead: days(1),
            earliest_us: Some(0),
            last_id: Some(id(5, 0)),
            kept_for: days(11),
            ages_by_own_time: true,
            most_events: Some(10),
            most_bytes: Some(1_000),
            may_send: Some(true),
            ..base()
        };
        assert_eq!(found(fits), []);
        // All go to the one channel the target names.
        let other = ChannelFacts { largest_event: Some(499), ..ChannelFacts::unknown("other") };
        assert_eq!(found(other), [("too-large", Error)]);
    }

    #[test]
    fn times_are_judged_as_the_run_moves_them() {
        let now = Timestamp(10 * i64::try_from(DAY).expect("small") * 1_000_000);
        let strict = ChannelFacts {
            presence: Presence::There,
            most_behind: Some(Duration::from_secs(60)),
            most_ahead: Some(Duration::from_millis(500)),
            kept_for: Some(Duration::from_secs(3600)),
            ages_by_own_time: true,
            last_id: Some(id(9, 0)),
            ..ChannelFacts::unknown("a")
        };
        let facts = TargetFacts { channels: vec![strict], ..TargetFacts::default() };
        let names = |survey: &Survey| {
            judge(survey, &facts, now).iter().map(|finding| finding.name).collect::<Vec<_>>()
        };
        let recorded = Survey { earliest: Some(Timestamp(0)), ..survey() };
        assert_eq!(names(&recorded), ["time-refused", "older-than-kept", "id-refused"]);
        let moved = |begins: Timestamp, length: u64| {
            let mut survey = Survey { length: Duration::from_secs(length), ..recorded.clone() };
            survey.move_times(begins);
            names(&survey)
        };
        let later = Timestamp(now.0 + 7_200_000_000);
        assert!(
            moved(now, 1).is_empty() && moved(later, 1).is_empty(),
            "the newest goes when its time has come"
        );
        assert_eq!(moved(now, 0), ["time-refused"], "at full speed the newest is ahead of the clock");
        assert_eq!(moved(later, 0), ["time-refused"]);
        let long_ago = Timestamp(now.0 - 7_200_000_000);
        assert_eq!(moved(long_ago, 0), ["time-refused", "older-than-kept"], "a run that goes on");
    }

    #[test]
    fn facts_without_a_place_are_named_with_their_events() {
        let system = Capabilities { name: "Kafka", ..Capabilities::ALL };
        assert!(facts_left(&Survey::default(), &system).is_none());
        let left = |what: &str, events| Loss { what: what.to_owned(), events, first: 1 };
        let survey =
            Survey { facts_left: vec![left("correlation_id", 2), left("type", 1)], ..Survey::default() };
        let finding = facts_left(&survey, &system).expect("a finding");
        assert!(!finding.is_error());
        assert!(finding.message.ends_with("`correlation_id` of 2 events, `type` of 1 event"), "{finding:?}");
        let help = finding.help.expect("the next step");
        assert!(help.contains(".headers.correlation_id = .attributes.correlation_id"), "{help}");
    }

    #[test]
    fn times_that_are_cut_short_are_counted() {
        let system = Capabilities { name: "Kafka", ..Capabilities::ALL };
        assert!(shortened(&Survey::default(), &system).is_none());
        let times = |events| Loss { what: "times".to_owned(), events, first: 3 };
        for (events, words) in
            [(1, "1 event has a finer one, number 3"), (2, "2 events have finer ones, number 3")]
        {
            let survey = Survey { shortened: Some(times(events)), ..Survey::default() };
            let finding = shortened(&survey, &system).expect("a finding");
            assert!(!finding.is_error() && finding.message.contains(words), "{finding:?}");
        }
    }

    #[test]
    fn caps_name_the_count_and_the_cap() {
        let caps = Caps { events: Some(9), bytes: Some(1_000), duration: Some(Duration::from_secs(59)) };
        let broken = caps.broken(&survey());
        assert_eq!(
            broken.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>(),
            ["10 events are to be sent, and the cap is 9", "the run takes 60 s, and the cap is 59 s"]
        );
        let lower = caps.lower(Caps { events: Some(100), bytes: Some(7), duration: None });
        assert_eq!((lower.events, lower.bytes, lower.duration), (Some(9), Some(7), caps.duration));
        assert_eq!(Caps::default().or(caps), caps);
    }
}
