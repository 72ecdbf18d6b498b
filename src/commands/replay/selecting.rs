//! Which events of the archive `eddy replay` sends, and as what.

use std::path::Path;

use super::changing::ChangingArgs;
use super::faulting::FaultingArgs;
use crate::commands::CommandError;
use crate::commands::choosing::ChoosingArgs;
use crate::commands::inject::header;
use crate::commands::window::{Window, WindowArgs};
use crate::endpoint::{Start, Stop};
use crate::replay::pattern::PatternError;
use crate::replay::{By, Sample, Selection};

/// Flags that select and change events.
#[derive(Debug, clap::Args)]
pub(super) struct SelectingArgs {
    /// Leave out what was received before this: a time, `-5m`, `last:N` or `offset:N`
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    from: Option<String>,
    /// Leave out what was received after this: a time or `offset:N`
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    until: Option<String>,
    /// Both in one word: `@2026-11-01T00:00Z:1h`, `-100`, `+50:`, `120:180`
    #[arg(long, value_name = "WINDOW", allow_hyphen_values = true, conflicts_with_all = ["from", "until"])]
    range: Option<String>,
    /// Only channels that match; may be given several times
    #[arg(long, value_name = "GLOB")]
    channel: Vec<String>,
    #[command(flatten)]
    choosing: ChoosingArgs,
    /// Only this share of the events, such as `10%`: whole keys, the same ones in each run
    #[arg(long, value_name = "SHARE")]
    sample: Option<String>,
    /// What stays together in a sample: `key`, `header:NAME`, or a jq filter such as `.payload.customer`
    #[arg(long, value_name = "WHAT", default_value = "key", requires = "sample")]
    by: String,
    /// Leave out this many of the selected events
    #[arg(long, value_name = "COUNT", default_value_t)]
    pub(super) skip: u64,
    /// Send at most this many events
    #[arg(long, value_name = "COUNT")]
    pub(super) first: Option<u64>,
    /// Send events of channel OLD to channel NEW; may be given several times
    #[arg(long, value_name = "OLD=NEW")]
    map_channel: Vec<String>,
    /// Set a header on every event; `NAME:base64=VALUE` for bytes; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    header: Vec<String>,
    /// Take the headers of this name away; may be given several times
    #[arg(long, value_name = "NAME")]
    drop_header: Vec<String>,
    #[command(flatten)]
    pub(super) changing: ChangingArgs,
    #[command(flatten)]
    pub(super) faulting: FaultingArgs,
}

impl SelectingArgs {
    /// Which part of the archive is read.
    ///
    /// # Errors
    /// When a time or a place is malformed.
    pub fn window(&self) -> Result<Window, CommandError> {
        let window =
            WindowArgs::of(self.from.clone(), self.until.clone(), self.range.clone()).window(true)?;
        if window.start == Start::End {
            return Err(CommandError::usage("nothing of the archive lies behind its end")
                .hint("write a time, `-5m`, `last:N` or `offset:N`"));
        }
        Ok(window)
    }

    /// The selection; `resumed` is the ledger of a run that is gone on with.
    ///
    /// # Errors
    /// When a flag is malformed.
    pub fn selection(&self, window: &Window, resumed: Option<&Path>) -> Result<Selection, CommandError> {
        let pattern = |text: &String| {
            glob::Pattern::new(text).map_err(|error| {
                CommandError::usage(format!("`{text}` is not a pattern: {error}"))
                    .hint("`*` stands for any text, `?` for one character")
            })
        };
        let mut selection = self.choosing.selection()?;
        selection.from = if let Start::Time(time) = window.start { Some(time) } else { None };
        selection.until = if let Stop::Time(time) = window.stop { Some(time) } else { None };
        selection.channels = self.channel.iter().map(pattern).collect::<Result<_, _>>()?;
        selection.sample = self.sample()?;
        selection.skip = self.skip + window.skip;
        selection.first = window.at_most(self.first);
        let changes = &mut selection.changes;
        changes.renames = self.map_channel.iter().map(|text| rename(text)).collect::<Result<_, _>>()?;
        changes.set_headers = self.header.iter().map(|text| header(text)).collect::<Result<_, _>>()?;
        changes.dropped_headers.clone_from(&self.drop_header);
        self.changing.add(changes)?;
        selection.faults = self.faulting.faults(resumed)?;
        Ok(selection)
    }

    fn sample(&self) -> Result<Option<Sample>, CommandError> {
        let Some(share) = &self.sample else {
            return Ok(None);
        };
        let share = share.parse().map_err(|error: crate::replay::pace::PaceError| {
            CommandError::usage(error.message).hint(error.help)
        })?;
        let by = By::parse(&self.by).map_err(|error: PatternError| CommandError::from(error))?;
        Ok(Some(Sample { share, by }))
    }

    /// Whether a run cannot be gone on with by a count: one selected event may become none or several, or another in
    /// another run.
    pub fn changes_numbers(&self) -> bool {
        let one_for_one = self.choosing.map.is_empty() && !self.faulting.changes_numbers();
        !one_for_one || self.changing.depend_on_run()
    }

    /// Whether events that a replay has marked stay out.
    pub fn skips_replayed(&self) -> bool {
        self.choosing.skip_replayed
    }

    /// What `--by` says, when there is a sample.
    pub fn sampled_by(&self) -> Option<&str> {
        self.sample.is_some().then_some(self.by.as_str())
    }

    /// The flags as they can be written again, at any later time: they decide which event has which number and what it is.
    pub fn options(&self, window: &Window) -> Vec<(&'static str, String)> {
        let mut options = Vec::new();
        let begin = match window.start {
            Start::Time(time) => Some(time.to_string()),
            Start::Offset(offset) => Some(format!("offset:{offset}")),
            Start::Last(count) => Some(format!("last:{count}")),
            Start::Default | Start::Beginning | Start::End => None,
        };
        let end = match window.stop {
            Stop::Time(time) => Some(time.to_string()),
            Stop::Offset(offset) => Some(format!("offset:{offset}")),
            Stop::Never | Stop::PresentEnd => None,
        };
        options.extend(begin.map(|begin| ("from", begin)));
        options.extend(end.map(|end| ("until", end)));
        options.extend(self.channel.iter().map(|channel| ("channel", channel.clone())));
        options.extend(self.choosing.options());
        if let Some(share) = &self.sample {
            options.extend([("sample", share.clone()), ("by", self.by.clone())]);
        }
        let skip = self.skip + window.skip;
        options.extend((skip > 0).then(|| ("skip", skip.to_string())));
        options.extend(window.at_most(self.first).map(|first| ("first", first.to_string())));
        for (name, list) in
            [("map-channel", &self.map_channel), ("header", &self.header), ("drop-header", &self.drop_header)]
        {
            options.extend(list.iter().map(|text| (name, text.clone())));
        }
        options.extend(self.changing.options());
        options.extend(self.faulting.options());
        options
    }
}

fn rename(text: &str) -> Result<(String, String), CommandError> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err(CommandError::usage(format!("`{text}` does not say which channel becomes which"))
            .hint("write `--map-channel OLD=NEW`")),
    }
}
