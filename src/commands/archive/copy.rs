//! Events on their way into new archives: progress, a clean end on Ctrl-C, and nothing half-done left behind.

use std::path::Path;

use serde_json::json;

use super::bringing::LeftOut;
use super::{Format, write_json};
use crate::archive::{
    ArchiveError, ChannelWriter, ForeignWriter, Manifest, PartWriter, Record, Summary, Watch, Writer,
};
use crate::commands::{CommandError, Context, Status, transfer};
use crate::output::figures::{counted, size};
use crate::replay::StopToken;
use crate::ui::copying::CopyView;

/// Where events go.
pub(super) enum Output {
    One(Box<Writer>),
    Parts(Box<PartWriter>),
    Channels(Box<ChannelWriter>),
    Foreign(Box<ForeignWriter>),
}

impl Output {
    fn write(&mut self, record: &Record, number: u64) -> Result<(), ArchiveError> {
        match self {
            Self::One(writer) => writer.write_record(record, number),
            Self::Parts(parts) => parts.write_record(record, number),
            Self::Channels(channels) => channels.write_record(record, number),
            Self::Foreign(file) => file.write_record(record, number),
        }
    }

    /// Gives what was written its name; after a failure nothing stays.
    fn finish(self) -> Result<Copied, ArchiveError> {
        let (summary, manifest) = match self {
            Self::One(writer) => (writer.finish_or_discard()?, None),
            Self::Foreign(file) => (file.finish()?, None),
            Self::Parts(mut parts) => match parts.finish() {
                Ok((summary, manifest)) => (summary, Some(manifest)),
                Err(error) => {
                    parts.discard();
                    return Err(error);
                }
            },
            Self::Channels(channels) => {
                let (summary, manifest) = channels.finish()?;
                (summary, Some(manifest))
            }
        };
        Ok(Copied { summary, manifest, renumbered: 0, left_out: None })
    }

    fn discard(self) {
        match self {
            Self::One(writer) => writer.discard(),
            Self::Parts(parts) => parts.discard(),
            Self::Channels(channels) => channels.discard(),
            // A temporary file goes by itself.
            Self::Foreign(_) => {}
        }
    }
}

/// What came of it.
pub(super) struct Copied {
    pub(super) summary: Summary,
    pub(super) manifest: Option<Manifest>,
    /// Events that got a new number, because theirs had been used before.
    pub(super) renumbered: u64,
    /// What the input of another tool held that is no event.
    pub(super) left_out: Option<LeftOut>,
}

/// Which numbers events get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Their own, as long as they rise.
    Keep,
    /// From 1 on.
    Anew,
}

/// Runs `work` so that Ctrl-C asks it to stop; a second one ends the program at once.
pub(super) fn interruptible(
    context: &Context,
    work: impl FnOnce(&StopToken) -> Result<Status, CommandError>,
) -> Result<Status, CommandError> {
    let runtime = context.runtime(1)?;
    let stop = runtime.block_on(async { transfer::stop_on_interruption() });
    work(&stop)
}

/// Runs `work`, which reads `length` bytes, in sight of the user. What writes nothing needs no `stop`: Ctrl-C ends the program.
///
/// # Errors
/// Those of the work; [`ArchiveError::Interrupted`] when the user broke off.
pub(super) fn watched<T>(
    context: &Context,
    stop: Option<&StopToken>,
    (verb, length): (&'static str, u64),
    work: impl FnOnce(Watch) -> Result<T, ArchiveError>,
) -> Result<T, ArchiveError> {
    let mut view = CopyView::new(&context.ui, verb, length);
    work(&mut |bytes, events| {
        view.at(bytes, events);
        stop.is_none_or(|stop| stop.reason().is_none())
    })
}

/// What is copied, and how it is called.
pub(super) struct Job<'a> {
    pub(super) context: &'a Context,
    pub(super) stop: &'a StopToken,
    /// What is done, such as `slicing`.
    pub(super) verb: &'static str,
    /// The file or base name that is written.
    pub(super) target: &'a Path,
    /// Bytes that will be read.
    pub(super) length: u64,
    pub(super) numbers: Numbers,
}

impl Job<'_> {
    /// Writes every batch of `next`, which also says how many bytes are read, until it gives none. `None` when the user
    /// broke off. Unless all went well, nothing stays.
    pub(super) fn run(
        &self,
        output: Output,
        next: impl FnMut() -> Result<(Vec<Record>, u64), CommandError>,
    ) -> Result<Option<Copied>, CommandError> {
        let mut output = Some(output);
        let copied = self.copy(&mut output, next);
        if let Some(unfinished) = output {
            unfinished.discard();
        }
        if matches!(copied, Ok(None)) {
            self.context.ui.say("interrupted; nothing was written");
        }
        copied
    }

    fn copy(
        &self,
        output: &mut Option<Output>,
        mut next: impl FnMut() -> Result<(Vec<Record>, u64), CommandError>,
    ) -> Result<Option<Copied>, CommandError> {
        let mut view = CopyView::new(&self.context.ui, self.verb, self.length);
        let (mut last, mut events, mut renumbered) = (0, 0, 0);
        loop {
            if self.stop.reason().is_some() {
                return Ok(None);
            }
            let (batch, bytes) = next()?;
            if batch.is_empty() {
                break;
            }
            for record in &batch {
                let own = record.number.filter(|number| self.numbers == Numbers::Keep && *number > last);
                renumbered += u64::from(own.is_none() && record.number.is_some());
                last = own.unwrap_or(last + 1);
                if let Some(output) = output {
                    output.write(record, last).map_err(|error| self.failed(error))?;
                }
            }
            events += batch.len() as u64;
            view.at(bytes, events);
        }
        drop(view);
        let Some(output) = output.take() else {
            return Ok(None);
        };
        let mut copied = output.finish().map_err(|error| self.failed(error))?;
        copied.renumbered = if self.numbers == Numbers::Keep { renumbered } else { 0 };
        Ok(Some(copied))
    }

    /// What was written is taken away after a failure, so that there is nothing to repair.
    fn failed(&self, error: ArchiveError) -> CommandError {
        match error {
            ArchiveError::Write { source, .. } | ArchiveError::WriteParts { source, .. } => {
                CommandError::unwritable(self.target, &source)
            }
            other => other.into(),
        }
    }

    /// Says what came of it and returns the status.
    pub(super) fn report(&self, copied: Option<&Copied>, format: Format) -> Result<Status, CommandError> {
        let Some(copied) = copied else {
            return Ok(Status::Interrupted);
        };
        let ui = &self.context.ui;
        let events = counted(copied.summary.events, "event");
        let bytes = size(copied.summary.file_bytes);
        let target = match &copied.manifest {
            Some(manifest) => {
                let list = crate::archive::manifest_path(self.target);
                format!("{}, listed in `{}`", counted(manifest.parts.len() as u64, "part"), list.display())
            }
            None => format!("`{}`", self.target.display()),
        };
        ui.say(format!("wrote {events} into {target}, {bytes}"));
        if copied.renumbered > 0 {
            let renumbered = counted(copied.renumbered, "event");
            ui.warn(format!("{renumbered} got new numbers, because theirs did not rise"));
        }
        if format == Format::Json {
            let mut out = ui.data();
            let mut object = json!({
                "file": self.target,
                "events": copied.summary.events,
                "text_bytes": copied.summary.text_bytes,
                "file_bytes": copied.summary.file_bytes,
                "renumbered": copied.renumbered,
            });
            if let Some(manifest) = &copied.manifest {
                object["file"] = json!(crate::archive::manifest_path(self.target));
                object["parts"] = json!(manifest.parts);
            }
            if let Some(left_out) = &copied.left_out {
                object["left_out"] = json!(left_out.count);
                object["left_out_first"] = json!(left_out.first);
                object["lost"] = json!(left_out.lost);
            }
            write_json(&mut out, &object)?;
            std::io::Write::flush(&mut out)?;
        }
        Ok(Status::Done)
    }
}

/// Events handed over at once.
const BATCH: usize = 256;

/// As many records as go over at once; fewer only at the end.
pub(super) fn batch<E>(mut next: impl FnMut() -> Result<Option<Record>, E>) -> Result<Vec<Record>, E> {
    let mut batch = Vec::with_capacity(BATCH);
    while batch.len() < BATCH
        && let Some(record) = next()?
    {
        batch.push(record);
    }
    Ok(batch)
}
