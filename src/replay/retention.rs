//! What it means for a run that may be taken up again that its target keeps little: events that arrived are gone when they
//! are looked for after a crash, and go again.

use std::time::Duration;

use super::engine::BATCH_EVENTS;
use super::keeper::{WINDOW, WINDOW_READ_BACK};
use super::preflight::{Finding, age, counts_of};
use super::survey::{ChannelCounts, Survey};
use crate::endpoint::facts::{ChannelFacts, Presence, TargetFacts};
use crate::event::Timestamp;

/// The name of what is found.
pub const MAY_REPEAT: &str = "may-repeat";
const HELP: &str = "`--resume` counts them as `possible_duplicates`; what keeps more is read back whole";
/// A run is taken up again within this time; what is kept for less may be gone by then.
const SOON: Duration = Duration::from_secs(3_600);
/// Bytes that marks, the name of the channel and the frame add to an event where it is kept.
const AROUND_ONE_EVENT: u64 = 256;

/// What follows for a run with a ledger from how much its target keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Events that may be handed over beyond the ledger on disk, so that after a crash they are still there, or few go again.
    pub window: Option<u64>,
    /// What to know before.
    pub findings: Vec<Finding>,
}

impl Retention {
    /// Judges what a target says that is read back after a crash.
    #[must_use]
    pub fn of(survey: &Survey, facts: &TargetFacts, now: Timestamp) -> Self {
        let mut retention = Self::default();
        let alone = facts.channels.len() == 1;
        for channel in facts.channels.iter().filter(|channel| channel.presence != Presence::Missing) {
            let counts = counts_of(channel, survey, alone);
            if let Some(little) = Little::of(channel, &counts, survey, now) {
                retention.add(channel, &little, survey);
            }
        }
        retention
    }

    fn add(&mut self, channel: &ChannelFacts, little: &Little, survey: &Survey) {
        let window = little.window();
        self.window = Some(self.window.map_or(window, |known| known.min(window)));
        let Some(why) = little.why() else { return };
        let place = channel.kept_in.as_deref().unwrap_or(&channel.channel);
        let most = survey.events.min(WINDOW + BATCH_EVENTS as u64);
        let message = format!(
            "`{place}` {why}: after a crash up to {most} of the events that arrived may be sent again"
        );
        if self.findings.iter().any(|finding| finding.message == message) {
            return;
        }
        let finding = Finding::warning(MAY_REPEAT, message).about(&channel.channel);
        // Said once for all channels.
        let help = self.findings.is_empty().then(|| HELP.to_owned());
        self.findings.push(Finding { help, ..finding });
    }
}

/// Why what arrived may be gone when it is looked for.
enum Little {
    /// Events are gone once they were consumed, as from what is called so.
    GivesAway(&'static str),
    /// So many events are kept.
    Events(u64),
    /// So many bytes are kept, which is about so many events.
    Bytes(u64, u64),
    /// Events are kept for so long.
    Time(Duration),
}

impl Little {
    fn of(channel: &ChannelFacts, counts: &ChannelCounts, survey: &Survey, now: Timestamp) -> Option<Self> {
        if let Some(kind) = channel.gives_away {
            return Some(Self::GivesAway(kind));
        }
        let is_short = |kept: &Duration| {
            let oldest = counts.oldest_time.filter(|_| channel.ages_by_own_time);
            let age = oldest.map(|oldest| u64::try_from(now.since(oldest)).unwrap_or(0));
            let age = Duration::from_micros(age.unwrap_or(0));
            age.saturating_add(SOON) > *kept
        };
        if let Some(kept) = channel.kept_for.filter(is_short) {
            return Some(Self::Time(kept));
        }
        // What refuses to take more keeps what it took.
        let drops = !channel.refuses_when_full;
        let in_bytes = channel.most_bytes.map(|most| (most, most / (counts.largest + AROUND_ONE_EVENT)));
        let fewest = match (channel.most_events, in_bytes) {
            (Some(events), Some((_, in_bytes))) if events <= in_bytes => Self::Events(events),
            (_, Some((most, in_bytes))) => Self::Bytes(most, in_bytes),
            (Some(events), None) => Self::Events(events),
            (None, None) => return None,
        };
        let is_little = fewest.events() < (WINDOW_READ_BACK + BATCH_EVENTS as u64).min(survey.events);
        (drops && is_little).then_some(fewest)
    }

    /// How many events there are at least when they are looked for.
    fn events(&self) -> u64 {
        match self {
            Self::Events(events) | Self::Bytes(_, events) => *events,
            Self::GivesAway(_) | Self::Time(_) => 0,
        }
    }

    fn window(&self) -> u64 {
        self.events().saturating_sub(BATCH_EVENTS as u64).max(WINDOW)
    }

    /// What is said of it; nothing where the window is narrow enough for everything to be found.
    fn why(&self) -> Option<String> {
        if self.events() >= WINDOW + BATCH_EVENTS as u64 {
            return None;
        }
        Some(match self {
            Self::GivesAway(kind) => format!("is {kind}, from which events go once they were consumed"),
            Self::Events(most) => format!("keeps only {most} events"),
            Self::Bytes(most, events) => format!("keeps only {most} bytes, about {events} events"),
            Self::Time(kept) => format!("keeps events only for {}", age(*kept)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MAY_REPEAT, Retention};
    use crate::endpoint::facts::{ChannelFacts, TargetFacts};
    use crate::event::Timestamp;
    use crate::replay::survey::{ChannelCounts, Survey};

    /// What is found about 100,000 events of up to 100 bytes, the oldest of 1970, ten days later.
    fn judged(facts: ChannelFacts) -> (Option<u64>, Vec<String>) {
        let oldest_time = Some(Timestamp(0));
        let counts = ChannelCounts { events: 100_000, largest: 100, oldest_time, ..ChannelCounts::default() };
        let survey =
            Survey { events: 100_000, channels: [("a".to_owned(), counts)].into(), ..Survey::default() };
        let facts = TargetFacts { channels: vec![facts.clone(), facts], ..TargetFacts::default() };
        let found = Retention::of(&survey, &facts, Timestamp(10 * 86_400 * 1_000_000));
        assert!(found.findings.iter().all(|finding| finding.name == MAY_REPEAT && !finding.is_error()));
        (found.window, found.findings.into_iter().map(|finding| finding.message).collect())
    }

    #[test]
    fn what_keeps_little_narrows_the_window_and_what_keeps_less_is_told() {
        let base = || ChannelFacts::unknown("a");
        let again = "after a crash up to 2560 of the events that arrived may be sent again";
        for (facts, window, told) in [
            (base(), None, None),
            (ChannelFacts { most_events: Some(1_000_000), ..base() }, None, None),
            (ChannelFacts { most_events: Some(10_000), ..base() }, Some(9_488), None),
            (ChannelFacts { most_events: Some(2_560), ..base() }, Some(2_048), None),
            (ChannelFacts { most_events: Some(100), refuses_when_full: true, ..base() }, None, None),
            (ChannelFacts { most_events: Some(100), ..base() }, Some(2_048), Some("keeps only 100 events")),
            (
                ChannelFacts { most_bytes: Some(35_600), most_events: Some(101), ..base() },
                Some(2_048),
                Some("keeps only 35600 bytes, about 100 events"),
            ),
            (
                ChannelFacts { gives_away: Some("a work queue"), refuses_when_full: true, ..base() },
                Some(2_048),
                Some("is a work queue, from which events go once they were consumed"),
            ),
            (
                ChannelFacts { kept_for: Some(Duration::from_secs(60)), ..base() },
                Some(2_048),
                Some("keeps events only for 60 s"),
            ),
            (ChannelFacts { kept_for: Some(Duration::from_secs(7 * 86_400)), ..base() }, None, None),
            (
                ChannelFacts {
                    kept_for: Some(Duration::from_secs(7 * 86_400)),
                    ages_by_own_time: true,
                    ..base()
                },
                Some(2_048),
                Some("keeps events only for 7 days"),
            ),
        ] {
            let told: Vec<String> = told.iter().map(|why| format!("`a` {why}: {again}")).collect();
            assert_eq!(judged(facts.clone()), (window, told), "{facts:?}");
        }
    }
}
