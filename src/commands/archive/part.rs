//! Which events of an archive are wanted: `--from`, `--to`, `--range`, `--channel`, `--match`, `-n`.

use std::path::{Path, PathBuf};

use crate::archive::{self, ArchiveError, Reader, Record, STANDARD_INPUT, Selection};
use crate::commands::window::{Window, WindowArgs};
use crate::commands::{CommandError, Context};
use crate::endpoint::{Start, Stop};
use crate::event::Event;
use crate::output::figures::counted;
use crate::replay::{Condition, Jq, JqFailure, Pattern};

/// Events that are looked at together; a jq filter answers for all of them at once.
const BATCH: usize = 256;

/// Flags that say which events are wanted.
#[derive(Debug, clap::Args)]
pub(super) struct PartArgs {
    #[command(flatten)]
    window: WindowArgs,
    /// Only channels that match; may be given several times
    #[arg(long, value_name = "GLOB")]
    channel: Vec<String>,
    /// Only events that match, as with `eddy tail`; may be given several times
    #[arg(long = "match", value_name = "EXPR")]
    patterns: Vec<String>,
    /// At most this many events
    #[arg(short = 'n', long, value_name = "COUNT")]
    count: Option<u64>,
}

impl PartArgs {
    /// Opens a file, or standard input as `-`, where the part begins.
    pub(super) fn open(&self, file: &Path) -> Result<PartReader, CommandError> {
        let window = self.window.window(false)?;
        let (mut patterns, mut filters) = (Vec::new(), Vec::new());
        for text in &self.patterns {
            match Condition::parse(text)? {
                Condition::Pattern(pattern) => patterns.push(pattern),
                Condition::Jq(filter) => filters.push(filter),
            }
        }
        let channels = self.channel.iter().map(|text| glob_pattern(text)).collect::<Result<_, _>>()?;
        let (reader, selection, skip) = open(file, window)?;
        let left = window.at_most(self.count).unwrap_or(u64::MAX);
        Ok(PartReader {
            reader,
            selection,
            skip,
            left,
            position: 0,
            failure: None,
            channels,
            patterns,
            filters,
        })
    }
}

fn glob_pattern(text: &str) -> Result<glob::Pattern, CommandError> {
    glob::Pattern::new(text).map_err(|error| {
        CommandError::usage(format!("`{text}` is not a pattern: {error}"))
            .hint("write something like `orders/*` for `--channel`")
    })
}

/// The file, what is wanted of it, and how many of those events are left out first.
fn open(file: &Path, window: Window) -> Result<(Reader, Selection, u64), CommandError> {
    let mut selection = Selection::default();
    match window.stop {
        Stop::Time(time) => selection.to = Some(time),
        Stop::Offset(number) => selection.end_number = Some(number),
        Stop::Never | Stop::PresentEnd => {}
    }
    match window.start {
        Start::Time(time) => selection.from = Some(time),
        Start::Offset(number) => selection.first_number = Some(number),
        Start::Default | Start::Beginning | Start::End | Start::Last(_) => {}
    }
    let skip = if window.start == Start::End { u64::MAX } else { window.skip };
    if file == Path::new("-") {
        if matches!(window.start, Start::Last(_)) {
            return Err(CommandError::usage(
                "the last events of standard input are not known before its end",
            )
            .hint("write it to a file first, or use `eddy tail - | tail -n N`"));
        }
        let mut reader = Reader::from_stream(STANDARD_INPUT, Box::new(std::io::stdin()))?;
        reader.select(selection)?;
        return Ok((reader, selection, skip));
    }
    let mut reader = Reader::open(file)?;
    if let Start::Last(count) = window.start {
        let skip = reader.select_last(file, count, selection)?;
        return Ok((reader, selection, skip));
    }
    reader.select(selection)?;
    Ok((reader, selection, skip))
}

/// Gives the wanted events of one file.
pub(super) struct PartReader {
    pub(super) reader: Reader,
    selection: Selection,
    skip: u64,
    left: u64,
    /// Events read so far; the number of those that have none.
    position: u64,
    /// What ended the reading, to be told when the events before it are given out.
    failure: Option<ArchiveError>,
    channels: Vec<glob::Pattern>,
    patterns: Vec<Pattern>,
    filters: Vec<Jq>,
}

impl PartReader {
    /// The next wanted events, none at the end. It does not wait for more while some are there.
    pub(super) fn next_batch(&mut self) -> Result<Vec<Record>, CommandError> {
        while self.left > 0 {
            let Some(batch) = self.read()? else {
                break;
            };
            let chosen = self.chosen(batch)?;
            if !chosen.is_empty() {
                return Ok(chosen);
            }
        }
        Ok(Vec::new())
    }

    /// Events of the window and the channels; `None` at the end.
    fn read(&mut self) -> Result<Option<Vec<Record>>, CommandError> {
        if let Some(error) = self.failure.take() {
            return Err(error.into());
        }
        let mut batch = Vec::new();
        loop {
            let mut record = match self.reader.next_entry() {
                Ok(Some(record)) => record,
                Ok(None) => return Ok((!batch.is_empty()).then_some(batch)),
                Err(error) if batch.is_empty() => return Err(error.into()),
                Err(error) => {
                    self.failure = Some(error);
                    return Ok(Some(batch));
                }
            };
            self.position += 1;
            let number = *record.number.get_or_insert(self.position);
            let in_window = self.position > self.skip && self.selection.wants(Some(number), record.event());
            if in_window && self.fits(record.event()) {
                batch.push(record);
            }
            let is_over = self.selection.end_number.is_some_and(|end| number >= end);
            if batch.len() >= BATCH || is_over || (!batch.is_empty() && !self.reader.has_ready_line()) {
                return Ok(Some(batch));
            }
        }
    }

    fn fits(&self, event: &Event) -> bool {
        let channels = &self.channels;
        (channels.is_empty() || channels.iter().any(|each| each.matches(&event.channel)))
            && self.patterns.iter().all(|pattern| pattern.matches(event))
    }

    fn chosen(&mut self, mut batch: Vec<Record>) -> Result<Vec<Record>, CommandError> {
        for filter in &self.filters {
            let events: Vec<Event> = batch.iter().map(|record| record.event().clone()).collect();
            let verdicts = filter.holds(&events);
            for verdict in &verdicts {
                if let Err(JqFailure::Limit(limit)) = verdict {
                    return Err(filter.gave_up(*limit).into());
                }
            }
            let mut verdicts = verdicts.into_iter();
            batch.retain(|_| verdicts.next() == Some(Ok(true)));
        }
        batch.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= batch.len() as u64;
        Ok(batch)
    }

    /// Says on how many events a filter failed.
    pub(super) fn notes(&self, context: &Context) {
        for filter in &self.filters {
            let unfit = filter.unfit();
            if unfit.events > 0 {
                context.ui.warn(format!(
                    "the jq filter `{}` failed on {}, which count as no match: {}",
                    filter.text(),
                    counted(unfit.events, "event"),
                    unfit.first
                ));
            }
        }
    }
}

/// Bytes of a file, for progress; 0 where nobody knows.
pub(super) fn length(files: &[PathBuf]) -> u64 {
    files.iter().map(|file| archive::recorded_bytes(file)).sum()
}
