//! A whole stream of events against a contract: in parallel, in memory that does not grow with it, with findings in the
//! order of the stream.

mod chunks;
mod judge;
mod queue;
mod split;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use super::EventChecker;
use crate::archive::{ArchiveError, Reader};
use crate::endpoint::EndpointError;
pub use chunks::{Chunk, Chunks};
use judge::{Judge, Outcome};
use queue::{CloseAtEnd, CloseOnPanic, Queue};
pub(super) use tally::meant;
pub use tally::{Cause, Example, FieldCount, Group, StreamPosition, Tally};

/// First bytes of a zstd frame and of a skippable one.
const ZSTD: [[u8; 4]; 2] = [[0x28, 0xb5, 0x2f, 0xfd], [0x50, 0x2a, 0x4d, 0x18]];
/// Threads at most.
const MOST_THREADS: usize = 64;

/// The stack of a thread that checks, in bytes.
const STACK: usize = 16 << 20;

/// How a stream is checked.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the stream is called in findings.
    pub name: String,
    /// The message every event is.
    pub message: Option<String>,
    /// Messages by the schema id that payloads begin with in the wire format of schema registries.
    pub schema_ids: BTreeMap<u32, String>,
    /// Findings to keep; more are counted.
    pub cap: usize,
    /// Findings after which to stop.
    pub max_errors: Option<u64>,
    /// Threads that check; none means as many as the machine has cores.
    pub threads: Option<NonZero<usize>>,
}

/// Why a stream could not be read to its end.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The input failed.
    #[error("cannot read `{name}`: {source}")]
    Read {
        /// The input.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The archive is damaged.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The system failed.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// No thread could be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// What came of a stream.
#[derive(Debug, Default)]
pub struct Checked {
    /// Counts, findings and groups.
    pub tally: Tally,
    /// Whether checking stopped at the limit of findings, with more of the stream to come.
    pub stopped: bool,
}

/// Finds out what an input holds, event lines, a JSON list, JSON values or an archive, and cuts it into chunks.
///
/// # Errors
/// When its first bytes cannot be read.
pub fn open(name: &str, mut input: Box<dyn Read + Send>) -> Result<Box<dyn Chunks>, StreamError> {
    let mut begin = Vec::new();
    let read = input.by_ref().take(4).read_to_end(&mut begin);
    read.map_err(|source| StreamError::Read { name: name.to_owned(), source })?;
    if ZSTD.iter().any(|magic| begin.starts_with(magic)) {
        let whole = Box::new(io::Cursor::new(begin).chain(input));
        return Ok(Box::new(chunks::Archive(Reader::from_stream(name, whole)?)));
    }
    Ok(Box::new(chunks::Text::new(name.to_owned(), begin, input)))
}

type Work = Queue<Chunk, (Chunk, Outcome)>;

/// Checks every event of a stream.
///
/// # Errors
/// When the stream cannot be read to its end; findings before that are lost.
pub fn check(
    chunks: Box<dyn Chunks>,
    checker: &EventChecker,
    options: &Options,
) -> Result<Checked, StreamError> {
    let threads = options.threads.or_else(|| std::thread::available_parallelism().ok());
    let threads = threads.map_or(1, NonZero::get).min(MOST_THREADS);
    let queue: Arc<Work> = Arc::new(Queue::new(threads * 3 + 1));
    // A thread of its own and of nobody else: waiting for more of a stream that nobody wants must hold up nobody.
    let reading = read_apart(chunks, Arc::clone(&queue));
    let is_capped = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        let _close = CloseAtEnd(&*queue);
        for _ in 0..threads {
            let judge = || {
                let _close = CloseOnPanic(&*queue);
                while let Some((number, chunk)) = queue.take() {
                    let cap = if is_capped.load(Ordering::Relaxed) { 0 } else { options.cap };
                    let outcome = Judge::new(checker, options, cap, options.max_errors).chunk(&chunk);
                    queue.finish(number, (chunk, outcome));
                }
            };
            // Deep payloads are looked at by recursion, which the stack of a plain thread does not always hold.
            let thread = std::thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, judge).map_err(StreamError::Thread)?;
        }
        Ok::<_, StreamError>(gather(&queue, checker, options, &is_capped))
    })?;
    if !outcome.stopped {
        reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    }
    Ok(outcome)
}

fn read_apart(
    mut chunks: Box<dyn Chunks>,
    queue: Arc<Work>,
) -> std::thread::JoinHandle<Result<(), StreamError>> {
    std::thread::spawn(move || {
        let _close = CloseOnPanic(&*queue);
        let result = loop {
            match chunks.next_chunk() {
                Ok(Some(chunk)) => {
                    if !queue.put(chunk) {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        queue.complete();
        result
    })
}

/// Puts the outcomes together in the order of the stream.
fn gather(queue: &Work, checker: &EventChecker, options: &Options, is_capped: &AtomicBool) -> Checked {
    let mut whole = Checked::default();
    let mut base = StreamPosition { line: 1, column: 1, offset: 0 };
    while let Some((chunk, mut outcome)) = queue.next_outcome() {
        let room = options.max_errors.map(|most| most.saturating_sub(whole.tally.found));
        if let Some(room) = room
            && outcome.tally.found >= room
        {
            // The limit lies in this chunk: again, exactly up to it.
            outcome = Judge::new(checker, options, options.cap, Some(room)).chunk(&chunk);
            whole.stopped = true;
        }
        let begin = StreamPosition { offset: chunk.offset, ..base };
        whole.tally.append(outcome.tally, &begin, options.cap);
        is_capped.store(whole.tally.diagnostics.len() >= options.cap, Ordering::Relaxed);
        if whole.stopped {
            break;
        }
        base = outcome.end.after(&base);
    }
    whole
}
