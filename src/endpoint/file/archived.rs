//! An archive as a sink: an event is acknowledged once the frame that holds it is in the file, not before.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::archive::{ArchiveError, PartWriter, Writer, is_object};
use crate::endpoint::{Delivery, EndpointError, EndpointErrorKind, Receipts};
use crate::event::{Event, Place};

/// How often a waiting frame is looked at.
const TICK: Duration = Duration::from_millis(250);

/// How long a server that is away is waited for at the end; less than the end is waited for.
const AT_THE_END: Duration = Duration::from_secs(4);

/// The sink's side; a task that closes frames which wait too long holds on to it weakly.
pub(super) struct Archived {
    recording: Arc<Mutex<Recording>>,
}

/// What is recorded on.
pub(super) enum Tape {
    One(Box<Writer>),
    Parts(Box<PartWriter>),
}

impl Tape {
    fn write(&mut self, event: &Event) -> Result<u64, ArchiveError> {
        match self {
            Self::One(writer) => writer.write(event),
            Self::Parts(parts) => parts.write(event),
        }
    }

    fn is_object(&self) -> bool {
        match self {
            Self::One(writer) => is_object(writer.partial()),
            Self::Parts(parts) => parts.is_object(),
        }
    }

    fn flush(&mut self) -> Result<(), ArchiveError> {
        match self {
            Self::One(writer) => writer.flush(),
            Self::Parts(parts) => parts.flush(),
        }
    }

    fn tick(&mut self, now: Instant) -> Result<(), ArchiveError> {
        match self {
            Self::One(writer) => writer.tick(now),
            Self::Parts(parts) => parts.tick(now),
        }
    }

    fn closed_events(&self) -> u64 {
        match self {
            Self::One(writer) => writer.closed_events(),
            Self::Parts(parts) => parts.closed_events(),
        }
    }

    /// What it becomes.
    fn target(&self) -> PathBuf {
        match self {
            Self::One(writer) => writer.target().to_owned(),
            Self::Parts(parts) => parts.list(),
        }
    }

    /// Ends it with what is in closed frames.
    fn finish_early(self) -> Result<(), ArchiveError> {
        match self {
            Self::One(writer) => writer.finish_early().map(|_| ()),
            Self::Parts(mut parts) => parts.finish_early(),
        }
    }

    fn discard(self) {
        match self {
            Self::One(writer) => writer.discard(),
            Self::Parts(parts) => parts.discard(),
        }
    }

    /// Where a server is away it may be asked for again.
    fn finish(&mut self) -> Result<(), ArchiveError> {
        match self {
            Self::One(writer) => writer.try_finish().map(|_| ()),
            Self::Parts(parts) => parts.finish().map(|_| ()),
        }
    }
}

struct Recording {
    /// Gone once the sink is closed, or nothing more can be written.
    writer: Option<Tape>,
    /// Events in closed frames when it went.
    safe: u64,
    /// Batches of which events are in the open frame, in order.
    waiting: VecDeque<Waiting>,
    /// What every event from then on shares, such as a full disk.
    broken: Option<EndpointError>,
    /// What events share until those that failed may go again: none overtakes another.
    halted: Option<EndpointError>,
}

/// A batch that was taken: the number of each event, or why it was refused.
struct Waiting {
    outcomes: Vec<Result<u64, EndpointError>>,
    last: u64,
    report: oneshot::Sender<Vec<Delivery>>,
}

impl Archived {
    /// Must be called within a tokio runtime.
    pub(super) fn new(writer: Tape) -> Self {
        let recording =
            Recording { writer: Some(writer), safe: 0, waiting: VecDeque::new(), broken: None, halted: None };
        let recording = Arc::new(Mutex::new(recording));
        tokio::spawn(keep_ticking(Arc::downgrade(&recording)));
        Self { recording }
    }

    pub(super) fn write(&self, batch: &[Event]) -> Receipts {
        let receipts = lock(&self.recording).take(batch);
        let count = batch.len();
        Box::pin(async move {
            let lost = || Delivery::failed(closed());
            receipts.await.unwrap_or_else(|_| std::iter::repeat_with(lost).take(count).collect())
        })
    }

    /// What failed was seen, and goes again before anything else.
    pub(super) fn resume(&self) {
        lock(&self.recording).halted = None;
    }

    /// Whether it is written to an object, of which nothing is there before it is whole.
    pub(super) fn is_object(&self) -> bool {
        lock(&self.recording).writer.as_ref().is_some_and(Tape::is_object)
    }

    /// Closes the open frame, so that everything taken so far gets its receipt.
    pub(super) fn flush(&self) {
        lock(&self.recording).run(Tape::flush);
    }

    /// Gives the archive its name; after a failure it stays a partial one.
    pub(super) async fn close(self) -> Result<(), EndpointError> {
        self.flush();
        let mut writer = {
            let mut recording = lock(&self.recording);
            match (recording.broken.take(), recording.writer.take()) {
                (Some(error), _) => return Err(error),
                (None, None) => return Ok(()),
                (None, Some(writer)) => writer,
            }
        };
        let began = Instant::now();
        loop {
            match writer.finish() {
                Err(error) if error.is_about_a_server() && began.elapsed() < AT_THE_END => {
                    tokio::time::sleep(TICK).await;
                }
                finished => return Ok(finished?),
            }
        }
    }
}

impl Recording {
    fn take(&mut self, batch: &[Event]) -> oneshot::Receiver<Vec<Delivery>> {
        let outcomes: Vec<_> = batch.iter().map(|event| self.take_one(event)).collect();
        let last = outcomes.iter().flatten().copied().max().unwrap_or(0);
        let (report, receipts) = oneshot::channel();
        self.waiting.push_back(Waiting { outcomes, last, report });
        self.settle();
        receipts
    }

    fn take_one(&mut self, event: &Event) -> Result<u64, EndpointError> {
        if let Some(error) = self.broken.as_ref().or(self.halted.as_ref()) {
            return Err(error.clone());
        }
        let writer = self.writer.as_mut().ok_or_else(closed)?;
        let error = match writer.write(event) {
            Ok(number) => return Ok(number),
            Err(error) if error.is_about_a_server() => {
                let error = EndpointError::from(error);
                self.halted = Some(error.clone());
                return Err(error);
            }
            Err(error) => self.ended_by(error),
        };
        if error.is_final() || self.writer.is_none() {
            self.broken = Some(error.clone());
        }
        Err(error)
    }

    /// Makes what is there whole when no more can be written, as is often possible once what did not fit is gone.
    fn ended_by(&mut self, error: ArchiveError) -> EndpointError {
        let is_unwritable = matches!(
            error,
            ArchiveError::Write { .. } | ArchiveError::WriteParts { .. } | ArchiveError::Create { .. }
        );
        // A server that is away may be back soon.
        let is_the_end = is_unwritable && !error.is_about_a_server();
        let Some(writer) = self.writer.take_if(|_| is_the_end) else { return error.into() };
        self.safe = writer.closed_events();
        let target = writer.target();
        if self.safe == 0 {
            // Nothing is lost with it, and the name is free for another attempt.
            writer.discard();
            return match error {
                ArchiveError::Write { source, .. } | ArchiveError::WriteParts { source, .. } => {
                    ArchiveError::Create { name: target.display().to_string(), source }.into()
                }
                other => other.into(),
            };
        }
        if writer.finish_early().is_err() {
            return error.into();
        }
        match error {
            ArchiveError::Write { source, .. }
            | ArchiveError::WriteParts { source, .. }
            | ArchiveError::Create { source, .. } => {
                let name = target.display().to_string();
                ArchiveError::EndedEarly { name, kept: self.safe, source }.into()
            }
            other => other.into(),
        }
    }

    fn run(&mut self, step: impl FnOnce(&mut Tape) -> Result<(), ArchiveError>) {
        if self.broken.is_none()
            && let Some(writer) = &mut self.writer
        {
            // A server that is away may be back with the next step; what it did not take waits for that.
            let failed = step(writer).err().filter(|error| !error.is_about_a_server());
            self.broken = failed.map(|error| self.ended_by(error));
        }
        self.settle();
    }

    /// Gives receipts for what is in the file; after a failure also for what will never be.
    fn settle(&mut self) {
        let safe = self.writer.as_ref().map_or(self.safe, Tape::closed_events);
        while self.waiting.front().is_some_and(|batch| batch.last <= safe || self.broken.is_some()) {
            let Some(batch) = self.waiting.pop_front() else {
                return;
            };
            let delivery = |outcome: Result<u64, EndpointError>| match (outcome, &self.broken) {
                (Ok(number), Some(error)) if number > safe => Delivery::failed(error.clone()),
                (Ok(number), _) => Delivery::acknowledged(Place { partition: None, offset: Some(number) }),
                (Err(error), _) => Delivery::failed(error),
            };
            // Whoever does not want the receipts need not take them.
            let _ = batch.report.send(batch.outcomes.into_iter().map(delivery).collect());
        }
    }
}

async fn keep_ticking(recording: Weak<Mutex<Recording>>) {
    loop {
        tokio::time::sleep(TICK).await;
        let Some(recording) = recording.upgrade() else {
            return;
        };
        let mut recording = lock(&recording);
        recording.run(|writer| writer.tick(Instant::now()));
        if recording.broken.is_some() || recording.writer.is_none() {
            return;
        }
    }
}

fn lock(recording: &Mutex<Recording>) -> MutexGuard<'_, Recording> {
    recording.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> EndpointError {
    EndpointError::new(EndpointErrorKind::File, "the archive was closed before the event was in it")
        .help("run the command again; what is in the archive is whole")
}
