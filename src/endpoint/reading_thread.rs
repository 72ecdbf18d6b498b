//! Events read from a file or from standard input on a thread of their own, so that waiting for bytes blocks nobody.

use tokio::sync::mpsc;

use super::{EndpointError, EndpointErrorKind};
use crate::archive::{ArchiveError, Reader, Selection};
use crate::event::Event;

/// Events handed over at once: as many as are sent together, so that lists need not be cut.
const BATCH: usize = 512;
/// Batches that wait to be taken.
const WAITING: usize = 8;

type Batch = Result<Vec<Event>, EndpointError>;

/// The receiving end.
pub(super) struct ReadingThread {
    batches: mpsc::Receiver<Batch>,
    left: std::vec::IntoIter<Event>,
}

/// Which of the events read are given out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub selection: Selection,
    /// Leave this many out first.
    pub skip: u64,
}

impl ReadingThread {
    /// Starts to read. The thread ends with its input, or when nobody takes its events any more.
    pub(super) fn start(reader: Reader, wanted: Wanted) -> Result<Self, EndpointError> {
        let (sender, batches) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new().name("eddy-read".to_owned());
        thread.spawn(move || read(reader, wanted, &sender)).map_err(|error| {
            EndpointError::new(EndpointErrorKind::File, format!("cannot start a thread: {error}"))
        })?;
        Ok(Self { batches, left: Vec::new().into_iter() })
    }

    /// As `Source::next_batch`; cancel safe, because nothing is taken before it is returned.
    pub(super) async fn next_batch(&mut self, max: usize) -> Batch {
        if self.left.len() == 0 {
            match self.batches.recv().await {
                None => return Ok(Vec::new()),
                Some(Err(error)) => return Err(error),
                Some(Ok(batch)) => self.left = batch.into_iter(),
            }
        }
        Ok(take(&mut self.left, max))
    }
}

/// At most so many of what is left, but at least one; all of it without moving any.
pub(super) fn take(left: &mut std::vec::IntoIter<Event>, max: usize) -> Vec<Event> {
    if left.len() <= max {
        return std::mem::replace(left, Vec::new().into_iter()).collect();
    }
    left.by_ref().take(max.max(1)).collect()
}

fn read(mut reader: Reader, wanted: Wanted, sender: &mpsc::Sender<Batch>) {
    let mut batch = Vec::new();
    let mut position = 0;
    loop {
        let line = match reader.next_line() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) => {
                let whole = batch.is_empty() || sender.blocking_send(Ok(std::mem::take(&mut batch))).is_ok();
                if whole {
                    let _ = sender.blocking_send(Err(error.into()));
                }
                return;
            }
        };
        position += 1;
        let number = line.number.unwrap_or(position);
        if wanted.selection.end_number.is_some_and(|end| number >= end) {
            break;
        }
        if position > wanted.skip && wanted.selection.wants(Some(number), &line.event) {
            batch.push(line.event);
        }
        let hand_over = batch.len() >= BATCH || (!batch.is_empty() && !reader.has_ready_line());
        if hand_over {
            // The next list is likely to be as long.
            let next = Vec::with_capacity(batch.len());
            if sender.blocking_send(Ok(std::mem::replace(&mut batch, next))).is_err() {
                return;
            }
        }
    }
    if !batch.is_empty() {
        let _ = sender.blocking_send(Ok(batch));
    }
}

impl From<ArchiveError> for EndpointError {
    fn from(error: ArchiveError) -> Self {
        let kind = match &error {
            ArchiveError::Open { source, .. } | ArchiveError::Part { source, .. }
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                EndpointErrorKind::NotFound
            }
            error if error.is_about_a_server() => EndpointErrorKind::Unreachable,
            ArchiveError::Foreign { .. }
            | ArchiveError::Truncated { .. }
            | ArchiveError::Damaged { .. }
            | ArchiveError::Window { .. }
            | ArchiveError::Line { .. }
            | ArchiveError::LongLine { .. }
            | ArchiveError::Header { .. }
            | ArchiveError::Version { .. } => EndpointErrorKind::Malformed,
            ArchiveError::LargeEvent { .. } => EndpointErrorKind::TooLarge,
            _ => EndpointErrorKind::File,
        };
        Self { help: error.help(), ..Self::new(kind, error.to_string()) }
    }
}
