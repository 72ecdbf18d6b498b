//! Adds up the summaries of several processes that sent a recording together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fault::FaultCount;
use super::shard::Shard;
use super::summary::Quantiles;

/// A summary as a process printed it; what is not added up is not looked at.
#[derive(Clone, Debug, Deserialize)]
pub struct ShardSummary {
    /// Identifies the run of the process.
    pub run: String,
    /// Which of the processes it was, with `--shard`.
    #[serde(default)]
    pub shard: Option<Shard>,
    planned: Option<u64>,
    #[serde(default)]
    settled_before: u64,
    sent: u64,
    acknowledged: u64,
    failed: u64,
    possible_duplicates: u64,
    #[serde(default)]
    faults: Vec<FaultCount>,
    #[serde(default)]
    seed: Option<u64>,
    #[serde(default)]
    left_out_late: u64,
    #[serde(default)]
    stretched_us: u64,
    #[serde(default)]
    clamped: u64,
    duration_us: u64,
    lag_us: Quantiles,
    response_us: Quantiles,
    lanes: Vec<Lane>,
}

/// What happened in one lane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The channel's address.
    pub channel: String,
    /// The key as text.
    pub key: Option<String>,
    /// A key that is not text, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_base64: Option<String>,
    /// Stands for many keys.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_keys: bool,
    /// Events handed over.
    pub sent: u64,
    /// Events the target confirmed.
    pub acknowledged: u64,
    /// Events the target did not take.
    pub failed: u64,
    /// Events that had to be sent again after later ones of the lane were taken.
    pub reordered: u64,
}

/// The sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// Processes.
    pub shards: u64,
    /// Their runs.
    pub runs: Vec<String>,
    /// Events that were to be sent; none when a process did not know.
    pub planned: Option<u64>,
    /// Events that earlier parts of the runs had settled.
    pub settled_before: u64,
    /// Events handed to the target.
    pub sent: u64,
    /// Events the target confirmed.
    pub acknowledged: u64,
    /// Events handed over that were not confirmed.
    pub failed: u64,
    /// Events that may be on the target twice.
    pub possible_duplicates: u64,
    /// Events with a fault on purpose, by fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultCount>,
    /// What decided which events have them; none when processes differed in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Events that did not go because they were later than allowed.
    pub left_out_late: u64,
    /// How far late events have moved the schedule: that of the process where they moved it furthest.
    pub stretched_us: u64,
    /// Events whose recorded time lay before that of an earlier one, as the process says that met most of them: each reads
    /// the whole recording.
    pub clamped: u64,
    /// That of the slowest process.
    pub duration_us: u64,
    /// Of all events together; upper bounds, the largest of each, where a summary does not hold its histogram.
    pub lag_us: Quantiles,
    /// As `lag_us`.
    pub response_us: Quantiles,
    /// Lanes that more than one process sent.
    pub lanes_of_several: u64,
    /// Counts per lane, busiest first.
    pub lanes: Vec<Lane>,
}

impl Merged {
    /// Events that were to arrive and did not. What was left out as late was not to arrive.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let to_be_sent = |planned: u64| planned.saturating_sub(self.settled_before + self.left_out_late);
        let missing = self.planned.map_or(self.sent, to_be_sent).saturating_sub(self.acknowledged);
        missing.max(self.failed)
    }
}

/// What tells lanes apart: channel, key in one form or the other, and whether it stands for many keys.
type LaneName = (String, Option<String>, Option<String>, bool);

/// What keeps summaries from being those of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOneRun {
    /// Two processes were the same shard: the places of both.
    Twice(usize, usize),
    /// One is of a shard and one is not: the places of both.
    Unmarked(usize, usize),
    /// Two say that there were different numbers of shards: the places of both.
    OfOthers(usize, usize),
    /// Nobody was these shards, of so many.
    Missing {
        /// The first one, from 0.
        first: u32,
        /// How many.
        count: u32,
        /// How many shards the run had.
        of: u32,
    },
}

/// Whether summaries are those of all shards of a run, or none of them is of a shard.
///
/// # Errors
/// When one is there twice, of another set or of none, or missing.
pub fn one_run(summaries: &[ShardSummary]) -> Result<(), NotOneRun> {
    let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
    let mut set: Option<(usize, u32)> = None;
    for (at, shard) in summaries.iter().enumerate().filter_map(|(at, one)| Some((at, one.shard?))) {
        let (index, of) = shard.place();
        let (first, expected) = *set.get_or_insert((at, of));
        if of != expected {
            return Err(NotOneRun::OfOthers(first, at));
        }
        if let Some(first) = seen.insert(index, at) {
            return Err(NotOneRun::Twice(first, at));
        }
    }
    let Some((marked, of)) = set else { return Ok(()) };
    if let Some(unmarked) = summaries.iter().position(|one| one.shard.is_none()) {
        return Err(NotOneRun::Unmarked(marked, unmarked));
    }
    let mut missing = (0..of).filter(|index| !seen.contains_key(index));
    match missing.next() {
        None => Ok(()),
        Some(first) => {
            let count = u32::try_from(missing.count()).unwrap_or(u32::MAX - 1) + 1;
            Err(NotOneRun::Missing { first, count, of })
        }
    }
}

/// Adds up.
#[must_use]
pub fn merge(summaries: Vec<ShardSummary>) -> Merged {
    let mut merged = Merged { planned: Some(0), ..Merged::default() };
    let mut lanes: BTreeMap<LaneName, (Lane, u64)> = BTreeMap::new();
    let times = |of: fn(&ShardSummary) -> &Quantiles| together(summaries.iter().map(of).cloned().collect());
    (merged.lag_us, merged.response_us) = (times(|one| &one.lag_us), times(|one| &one.response_us));
    merged.seed = summaries.first().and_then(|first| first.seed);
    for summary in summaries {
        merged.shards += 1;
        merged.runs.push(summary.run);
        merged.planned = merged.planned.zip(summary.planned).map(|(all, more)| all + more);
        merged.settled_before += summary.settled_before;
        merged.sent += summary.sent;
        merged.acknowledged += summary.acknowledged;
        merged.failed += summary.failed;
        merged.possible_duplicates += summary.possible_duplicates;
        add_faults(&mut merged.faults, summary.faults);
        merged.seed = merged.seed.filter(|seed| summary.seed == Some(*seed));
        merged.left_out_late += summary.left_out_late;
        merged.stretched_us = merged.stretched_us.max(summary.stretched_us);
        merged.clamped = merged.clamped.max(summary.clamped);
        merged.duration_us = merged.duration_us.max(summary.duration_us);
        for lane in summary.lanes {
            let key = (lane.channel.clone(), lane.key.clone(), lane.key_base64.clone(), lane.other_keys);
            let empty = Lane { sent: 0, acknowledged: 0, failed: 0, reordered: 0, ..lane.clone() };
            let (sum, processes) = lanes.entry(key).or_insert((empty, 0));
            sum.sent += lane.sent;
            sum.acknowledged += lane.acknowledged;
            sum.failed += lane.failed;
            sum.reordered += lane.reordered;
            *processes += 1;
        }
    }
    let shared = lanes.values().filter(|(lane, processes)| *processes > 1 && !lane.other_keys);
    merged.lanes_of_several = shared.count() as u64;
    merged.lanes = lanes.into_values().map(|(lane, _)| lane).collect();
    merged.lanes.sort_by_key(|lane| std::cmp::Reverse(lane.sent));
    merged
}

fn add_faults(sums: &mut Vec<FaultCount>, more: Vec<FaultCount>) {
    for count in more {
        match sums.iter_mut().find(|sum| sum.fault == count.fault) {
            Some(sum) => sum.events += count.events,
            None => sums.push(count),
        }
    }
}

fn together(parts: Vec<Quantiles>) -> Quantiles {
    // A summary of an earlier version has points, and no count of times.
    let whole = parts.iter().all(|part| part.count > 0 || part.max == 0);
    if let Some(joined) = whole.then(|| Quantiles::joined(&parts)).flatten() {
        return joined;
    }
    parts.into_iter().fold(Quantiles::default(), |one, other| Quantiles {
        p50: one.p50.max(other.p50),
        p90: one.p90.max(other.p90),
        p99: one.p99.max(other.p99),
        p99_9: one.p99_9.max(other.p99_9),
        max: one.max.max(other.max),
        ..one
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{NotOneRun, ShardSummary, merge, one_run};

    fn summary(run: &str, sent: u64, key: &str, p99: u64) -> ShardSummary {
        let times = json!({ "p50": 1, "p99": p99, "max": p99 });
        let lane = json!({ "channel": "a", "key": key, "sent": sent, "acknowledged": sent, "failed": 0, "reordered": 0 });
        let summary = json!({ "run": run, "planned": sent, "settled_before": 1, "sent": sent, "acknowledged": sent,
            "failed": 0, "possible_duplicates": 0, "duration_us": 10 * sent, "lag_us": times, "response_us": times,
            "lanes": [lane], "added_later": true });
        serde_json::from_value(summary).expect("a summary")
    }

    #[test]
    fn distributions_are_joined_where_all_have_theirs() {
        let times = |micros: &[u64]| {
            let mut times = crate::replay::summary::Times::new();
            for micros in micros {
                times.record(std::time::Duration::from_micros(*micros));
            }
            times.quantiles()
        };
        let shard = |micros: &[u64]| ShardSummary { lag_us: times(micros), ..summary("x", 2, "k", 0) };
        let merged = merge(vec![shard(&[1, 2, 3]), shard(&[4, 100])]);
        assert_eq!(merged.lag_us, times(&[1, 2, 3, 4, 100]));
    }

    #[test]
    fn shards_of_one_run_are_told_from_others() {
        let shard = |text: &str| ShardSummary { shard: text.parse().ok(), ..summary(text, 1, text, 1) };
        let judged = |texts: &[&str]| one_run(&texts.iter().map(|text| shard(text)).collect::<Vec<_>>());
        assert_eq!(judged(&["1/3", "0/3", "2/3"]), Ok(()));
        assert_eq!(judged(&["1/3", "0/3", "1/3"]), Err(NotOneRun::Twice(0, 2)));
        assert_eq!(judged(&["1/3", "0/3", "2/4"]), Err(NotOneRun::OfOthers(0, 2)));
        assert_eq!(judged(&["1/4"]), Err(NotOneRun::Missing { first: 0, count: 3, of: 4 }));
        assert_eq!(judged(&["", "0/3"]), Err(NotOneRun::Unmarked(1, 0)));
        // Processes that read a topic as one group are no shards.
        assert_eq!(judged(&["", ""]), Ok(()));
    }

    #[test]
    fn what_was_left_out_as_late_is_not_missing() {
        let with = |run: &str, more: serde_json::Value| {
            let mut whole = json!({ "run": run, "planned": 10, "sent": 6, "acknowledged": 6, "failed": 0,
                "possible_duplicates": 0, "duration_us": 1, "lag_us": {}, "response_us": {}, "lanes": [] });
            let members =
                more.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
            whole.as_object_mut().expect("an object").extend(members);
            serde_json::from_value::<ShardSummary>(whole).expect("a summary")
        };
        let faults = |events: u64| json!([{ "fault": "drop:5%", "kind": "drop", "events": events }]);
        let late = |run: &str, faulty: u64, seed: u64| {
            with(
                run,
                json!({ "left_out_late": 4, "stretched_us": faulty, "clamped": 2, "seed": seed,
                "faults": faults(faulty) }),
            )
        };
        let merged = merge(vec![late("x", 1, 7), late("y", 2, 7)]);
        assert_eq!((merged.missing(), merged.left_out_late), (0, 8));
        assert_eq!((merged.stretched_us, merged.clamped, merged.seed), (2, 2, Some(7)));
        assert_eq!(merged.faults.iter().map(|fault| fault.events).collect::<Vec<_>>(), [3]);
        assert_eq!(merge(vec![late("x", 1, 7), late("y", 2, 8)]).seed, None);
        // Others that did not arrive are.
        assert_eq!(merge(vec![late("x", 1, 7), with("y", json!({}))]).missing(), 4);
        // What an earlier part left out is settled.
        assert_eq!(merge(vec![with("x", json!({ "settled_before": 3, "left_out_late": 1 }))]).missing(), 0);
        // Of a group, it is known only what was handed over.
        let group = json!({ "planned": null, "sent": 6, "acknowledged": 5, "failed": 1, "left_out_late": 4 });
        assert_eq!(merge(vec![with("x", group)]).missing(), 1);
    }

    #[test]
    fn counts_are_added_and_times_bounded() {
        let merged = merge(vec![summary("x", 2, "k", 5), summary("y", 3, "l", 4), summary("z", 4, "l", 9)]);
        assert_eq!((merged.shards, merged.planned, merged.sent, merged.settled_before), (3, Some(9), 9, 3));
        assert_eq!((merged.duration_us, merged.lag_us.p99), (40, 9));
        assert_eq!(merged.lanes.iter().map(|lane| lane.sent).collect::<Vec<_>>(), [7, 2]);
        assert_eq!(merged.lanes_of_several, 1);
    }
}
