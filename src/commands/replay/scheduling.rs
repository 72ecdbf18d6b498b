//! When `eddy replay` sends: pace, ramp, pauses, start, and what is done about late events.

use std::time::Duration;

use crate::commands::{CommandError, transfer};
use crate::event::Timestamp;
use crate::replay::pace::PaceError;
use crate::replay::pattern::PatternError;
use crate::replay::time_point::TimeError;
use crate::replay::{Pace, Plan, RecordedClock, Speed, TimePoint, Timetable};

/// The longest ramp; beyond it the arithmetic would not be exact.
const LONGEST_RAMP: Duration = Duration::from_secs(365 * 24 * 3600);

/// How a time to begin at is written.
const START_HELP: &str = "write a time to come: `2026-11-01T12:00Z`, `2026-11-01` or `@1793491200`";

/// Flags of the schedule.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Schedule")]
pub(super) struct SchedulingArgs {
    /// How many times faster than recorded, 0.1 to 1000, or `max`
    #[arg(long, value_name = "FACTOR", default_value = "1", conflicts_with = "rate")]
    speed: String,
    /// Send evenly at this rate instead of at the recorded times, such as `500/s`
    #[arg(long, value_name = "N/s")]
    rate: Option<String>,
    /// Let the pace grow evenly from nothing to the full one over this time: `x` into it, it is `x / TIME` of the full
    /// one; everything after it is due half of TIME later than without
    #[arg(long, value_name = "TIME")]
    ramp: Option<String>,
    /// Wait no longer than this between two events, in time of the run, such as `2s`
    #[arg(long, value_name = "TIME", conflicts_with = "rate")]
    max_gap: Option<String>,
    /// Leave out pauses that are longer than this in the recording, such as `10s`
    #[arg(long, value_name = "TIME", conflicts_with = "rate")]
    skip_idle: Option<String>,
    /// The recorded time it goes by: `receive`, `broker`, or `field:` with a JSON Pointer into the payload (`field:/at`) or
    /// a jq filter (`field:.payload.at`). Lanes are merged by it, and each keeps its order
    #[arg(long, value_name = "CLOCK", default_value = "receive")]
    clock: String,
    /// Send the recording this many times, the next round one mean gap after the last, with new identities in each
    #[arg(long = "loop", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    rounds: u64,
    /// Begin at this time, such as `2026-11-01T12:00Z`; several machines can begin together
    #[arg(long, value_name = "TIME")]
    start_at: Option<String>,
    /// What is done about late events: `burst` sends them at once and in order; `stretch[:TIME]` moves the rest of the
    /// schedule when one is later than TIME; `drop[:TIME]` leaves it out; `abort-over:TIME` ends the run. TIME is 100ms
    /// unless given
    #[arg(long, value_name = "CHOICE", default_value = "burst")]
    late: String,
}

impl SchedulingArgs {
    /// A plan of when and nothing else; a run that goes on may have begun in the past.
    ///
    /// # Errors
    /// When a flag is malformed, or would do nothing.
    pub fn plan(&self, resume: bool) -> Result<Plan, CommandError> {
        Ok(Plan {
            timetable: self.timetable()?,
            start_at: self.start_at(resume)?,
            late: self.late.parse().map_err(malformed)?,
            ..Plan::default()
        })
    }

    fn timetable(&self) -> Result<Timetable, CommandError> {
        let ramp = transfer::duration(self.ramp.as_deref())?.filter(|ramp| !ramp.is_zero());
        if ramp.is_some_and(|ramp| ramp > LONGEST_RAMP) {
            return Err(CommandError::usage("a ramp is no longer than 365d"));
        }
        Ok(Timetable { clock: self.clock()?, pace: self.pace()?, ramp, further_rounds: self.rounds - 1 })
    }

    fn clock(&self) -> Result<RecordedClock, CommandError> {
        let clock = RecordedClock::parse(&self.clock).map_err(PatternError::from)?;
        clock.ok_or_else(|| {
            CommandError::usage(format!("`{}` names no clock", self.clock))
                .hint("write `receive`, `broker`, `field:/created_at` or `field:.payload.created_at`")
        })
    }

    fn pace(&self) -> Result<Pace, CommandError> {
        let (max_gap, skip_idle) =
            (transfer::duration(self.max_gap.as_deref())?, transfer::duration(self.skip_idle.as_deref())?);
        if let Some(rate) = &self.rate {
            return Ok(Pace::Even(rate.parse().map_err(malformed)?));
        }
        if self.speed != "max" {
            let speed: Speed = self.speed.parse().map_err(malformed)?;
            return Ok(Pace::Recorded { speed, max_gap, skip_idle });
        }
        for (flag, given) in [
            ("--ramp", self.ramp.is_some()),
            ("--max-gap", max_gap.is_some()),
            ("--skip-idle", skip_idle.is_some()),
            ("--late", self.late != "burst"),
        ] {
            if given {
                return Err(CommandError::usage(format!("`{flag}` does nothing at `--speed max`"))
                    .hint("there is no schedule; give a speed such as `--speed 100`, or a `--rate`"));
            }
        }
        Ok(Pace::AsFastAsPossible)
    }

    fn start_at(&self, resume: bool) -> Result<Option<Timestamp>, CommandError> {
        let Some(text) = &self.start_at else {
            return Ok(None);
        };
        let point = TimePoint::parse(text, Timestamp::now());
        let point = point.map_err(|error| TimeError { help: START_HELP, ..error })?;
        let moment = point.moment().ok_or_else(|| {
            CommandError::usage(format!("`{text}` is no moment at which a run could begin")).hint(START_HELP)
        })?;
        let ago = Timestamp::now().since(moment);
        if ago > 0 && !resume {
            let ago = Duration::from_micros(ago.unsigned_abs());
            return Err(CommandError::usage(format!(
                "`--start-at {text}` is past: it was {} ago",
                crate::output::figures::span(ago)
            ))
            .hint("name a time to come; without `--start-at` the run begins at once"));
        }
        Ok(Some(moment))
    }

    /// Whether the events sent are others than those selected, or in another order.
    pub fn changes_numbers(&self) -> bool {
        !self.numbering().is_empty()
    }

    /// Whether the recording is sent more than once.
    pub fn is_repeated(&self) -> bool {
        self.rounds > 1
    }

    /// Whether the schedule goes by a time in the payload.
    pub fn is_by_field(&self) -> bool {
        self.clock.starts_with("field:")
    }

    /// The flags that decide which event has which number, as they can be written again.
    pub fn numbering(&self) -> Vec<(&'static str, String)> {
        let clock = (self.clock != "receive").then(|| ("clock", self.clock.clone()));
        let rounds = (self.rounds > 1).then(|| ("loop", self.rounds.to_string()));
        clock.into_iter().chain(rounds).collect()
    }

    /// The flags of the schedule as they can be written again. When it began is in the ledger.
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let speed = (self.rate.is_none() && self.speed != "1").then_some(&self.speed);
        let late = (self.late != "burst").then_some(&self.late);
        let flags = [
            ("rate", self.rate.as_ref()),
            ("speed", speed),
            ("ramp", self.ramp.as_ref()),
            ("max-gap", self.max_gap.as_ref()),
            ("skip-idle", self.skip_idle.as_ref()),
            ("late", late),
        ];
        let given = flags.into_iter().filter_map(|(name, value)| value.map(|value| (name, value.clone())));
        given.chain(self.numbering()).collect()
    }
}

fn malformed(error: PaceError) -> CommandError {
    CommandError::usage(error.message).hint(error.help)
}
