//! Which part of a source is read: `--from`, `--to`, `--range`.

use super::CommandError;
use super::transfer::time_point;
use crate::endpoint::address::Scheme;
use crate::endpoint::{Address, Start, Stop, open};
use crate::event::Timestamp;
use crate::replay::{Reading, TimePoint, TimeRange};

/// Where reading begins and ends, and how many events of it are left out and taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// Where reading begins.
    pub start: Start,
    /// Where it ends.
    pub stop: Stop,
    /// Events to leave out at the beginning.
    pub skip: u64,
    /// Most events to take after that.
    pub count: Option<u64>,
}

impl Window {
    /// How a source of several that are merged yields its events.
    #[must_use]
    pub fn reading(&self, address: &Address) -> Reading {
        let replayable = || open::capabilities(address).is_ok_and(|carried| carried.replayable);
        // Where events are kept, reading begins with the oldest unless it is told otherwise.
        let is_past = self.start != Start::End;
        match address.scheme {
            Scheme::File => Reading::Recorded,
            _ if !replayable() => Reading::Live,
            _ if self.stop.is_past() => Reading::Past,
            _ if is_past => Reading::CatchingUp,
            _ => Reading::Live,
        }
    }

    /// The smaller of a count of its own and one given otherwise.
    #[must_use]
    pub fn at_most(&self, count: Option<u64>) -> Option<u64> {
        [self.count, count].into_iter().flatten().min()
    }
}

/// Flags that say which part of a source is read.
#[derive(Debug, Default, clap::Args)]
pub struct WindowArgs {
    /// Begin here: a time, `-5m`, `start`, `end`, `last:N` or `offset:N` (default: the oldest event that is kept)
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    from: Option<String>,
    /// End here: a time, `now`, `end` or `offset:N`
    #[arg(long, visible_alias = "until", value_name = "T", allow_hyphen_values = true)]
    to: Option<String>,
    /// Both in one word: `@-48h:-24h`, `@2026-11-01T00:00Z:`, `-100`, `+50:`, `start:end`
    #[arg(long, value_name = "WINDOW", allow_hyphen_values = true, conflicts_with_all = ["from", "to"])]
    range: Option<String>,
}

impl WindowArgs {
    /// The flags of a command that names them otherwise.
    #[must_use]
    pub fn of(from: Option<String>, to: Option<String>, range: Option<String>) -> Self {
        Self { from, to, range }
    }

    /// Where reading begins and ends. With a beginning but neither an end nor `follow`, it ends at what is there now.
    pub fn window(&self, follow: bool) -> Result<Window, CommandError> {
        if let Some(text) = &self.range {
            let range = TimeRange::parse(text, Timestamp::now())?;
            let (start, stop) = range.window();
            let stop = if stop == Stop::Never && !follow { self.present_end(range.count()) } else { stop };
            return Ok(Window { start, stop, skip: range.skip(), count: range.count() });
        }
        let start = time_point(self.from.as_deref())?.map(TimePoint::start).unwrap_or_default();
        let stop = match (&self.to, time_point(self.to.as_deref())?) {
            (Some(text), Some(point)) => point.stop().ok_or_else(|| {
                CommandError::usage(format!("reading cannot end at `{text}`"))
                    .hint("write a time, `now`, `end` or `offset:N` for the end")
            })?,
            _ if self.from.is_some() && !follow => Stop::PresentEnd,
            _ => Stop::Never,
        };
        let is_backwards = match (start, stop) {
            (Start::Offset(first), Stop::Offset(end)) => end < first,
            (Start::Time(from), Stop::Time(to)) => to < from,
            _ => false,
        };
        if is_backwards {
            return Err(CommandError::usage("the end lies before the beginning")
                .hint("`--from` names the earlier of the two, the other one the later"));
        }
        Ok(Window { start, stop, skip: 0, count: None })
    }

    /// Whether any of the flags was given.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.from.is_some() || self.to.is_some() || self.range.is_some()
    }

    /// `-100` and `@-1h:` end at what is there now, as `--from` does; what begins at the end, or counts, waits for more.
    fn present_end(&self, count: Option<u64>) -> Stop {
        let waits = self.range.as_deref().is_some_and(|text| text.trim_start_matches('@').starts_with("end"));
        if waits || count.is_some() { Stop::Never } else { Stop::PresentEnd }
    }
}
