//! Events of other tools on their way in: one after another, with what is no event refused or left out.

use crate::archive::{BadInput, ImportFormat, Imported, Importer, Record};
use crate::commands::{CommandError, Context};

/// Things left out that are shown one by one.
const SHOWN: usize = 10;
/// Things left out that are kept for the report.
const KEPT: usize = 100;

/// What did not become an event.
pub(super) struct LeftOut {
    /// How much it is.
    pub(super) count: u64,
    /// The first hundred.
    pub(super) first: Vec<BadInput>,
    /// What else the input does not hold, or an event has no place for, in words.
    pub(super) lost: Option<String>,
}

/// Gives the events of an importer.
pub(super) struct Bringing<'a> {
    context: &'a Context,
    importer: Importer,
    skip_bad: bool,
    skipped: u64,
    bad: Vec<BadInput>,
}

impl<'a> Bringing<'a> {
    pub(super) fn new(context: &'a Context, importer: Importer, skip_bad: bool) -> Self {
        Self { context, importer, skip_bad, skipped: 0, bad: Vec::new() }
    }

    /// Bytes of the input read so far.
    pub(super) fn read_bytes(&self) -> u64 {
        self.importer.read_bytes()
    }

    /// The next event; what is none ends it, unless it may be left out.
    pub(super) fn next(&mut self) -> Result<Option<Record>, CommandError> {
        loop {
            match self.importer.next_imported()? {
                None => return Ok(None),
                Some(Imported::Event(line)) => return Ok(Some(Record::new(line.number, line.event))),
                Some(Imported::Bad(bad)) => self.skip(bad)?,
            }
        }
    }

    fn skip(&mut self, bad: BadInput) -> Result<(), CommandError> {
        let place = if self.importer.format() == ImportFormat::Parquet { "row" } else { "line" };
        let words = format!("{place} {} of `{}` is no event: {}", bad.line, bad.file, bad.reason);
        if !self.skip_bad {
            return Err(
                CommandError::usage(words).hint("`--skip-bad` leaves out what is no event, and counts it")
            );
        }
        self.skipped += 1;
        if self.bad.len() < SHOWN {
            self.context.ui.warn(words);
        }
        if self.bad.len() < KEPT {
            self.bad.push(bad);
        }
        Ok(())
    }

    /// Says how much was left out, and what the input had lost before; returns both for the report.
    pub(super) fn notes(self) -> LeftOut {
        let lost = self.importer.lost();
        if let Some(lost) = &lost {
            self.context.ui.warn(lost);
        }
        if self.skipped > 0 {
            let word = if self.skipped == 1 { "thing that is" } else { "things that are" };
            self.context.ui.warn(format!("left out {} {word} no event", self.skipped));
        }
        LeftOut { count: self.skipped, first: self.bad, lost }
    }
}
