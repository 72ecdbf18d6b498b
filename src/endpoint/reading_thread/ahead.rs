//! Lines of a recording in their order, read from the file on one thread and made into events on several.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::archive::{ArchiveError, Block, Reader};
use crate::event::json_lines::Line;

/// Threads that make events, at most: one that reads and unpacks keeps no more of them busy.
const MOST_WORKERS: usize = 4;
/// Blocks each of them has at once.
const BLOCKS_EACH: usize = 2;
/// When so many bytes are ahead, nothing more is read.
const BYTES_AHEAD: usize = 2 * 1024 * 1024;

/// Lines read in a row, at most.
const MOST_HERE: usize = 512;

/// Lines in their order; nothing comes after an error.
pub(super) type Lines = Vec<Result<Line, ArchiveError>>;

/// A thread that makes the lines of blocks, in the order it gets them.
struct Worker {
    blocks: SyncSender<Block>,
    lines: Receiver<Lines>,
}

/// What comes next, and about how many bytes it is.
enum Coming {
    /// Lines that were read here, and why there are no more.
    Here(Lines, usize),
    /// The next block of the worker with this number.
    At(usize, usize),
}

impl Coming {
    fn bytes(&self) -> usize {
        match self {
            Self::Here(_, bytes) | Self::At(_, bytes) => *bytes,
        }
    }
}

/// A reader that is ahead of what is taken from it, by a few blocks.
pub(super) struct Ahead {
    reader: Reader,
    workers: Vec<Worker>,
    coming: VecDeque<Coming>,
    /// Whose turn it is.
    turn: usize,
    /// How many workers there may be; none where all would have one processor.
    wanted: usize,
    /// What lies in a file can be read before what was read is dealt with; from a pipe it may be long in coming.
    is_of_a_file: bool,
    ended: bool,
}

impl Ahead {
    pub(super) fn of(reader: Reader) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = if processors > 1 { processors.min(MOST_WORKERS) } else { 0 };
        let is_of_a_file = reader.is_of_a_file() && reader.header().is_some();
        Self {
            reader,
            workers: Vec::new(),
            coming: VecDeque::new(),
            turn: 0,
            wanted,
            is_of_a_file,
            ended: false,
        }
    }

    /// The next lines; none at the end.
    pub(super) fn next(&mut self) -> Option<Lines> {
        self.fill();
        match self.coming.pop_front()? {
            Coming::Here(lines, _) => Some(lines),
            Coming::At(worker, _) => Some(self.workers[worker].lines.recv().unwrap_or_else(|_| {
                let source = std::io::Error::other("a thread that reads events ended unexpectedly");
                vec![Err(ArchiveError::Read { name: "the recording".to_owned(), source })]
            })),
        }
    }

    /// Whether more can be had without waiting.
    pub(super) fn has_ready_line(&self) -> bool {
        !self.coming.is_empty() || self.reader.has_ready_line()
    }

    /// Gives the workers what they can take.
    fn fill(&mut self) {
        let mut bytes: usize = self.coming.iter().map(Coming::bytes).sum();
        while !self.ended
            && self.coming.len() < (self.wanted * BLOCKS_EACH).max(1)
            && (bytes < BYTES_AHEAD || self.coming.is_empty())
        {
            if let Some(worker) = self.has_worker().then(|| self.reader.next_block()).flatten() {
                self.give(worker);
            } else if self.coming.is_empty() || self.is_of_a_file {
                let (lines, size) = self.read_here();
                self.coming.push_back(Coming::Here(lines, size));
            } else {
                return;
            }
            bytes += self.coming.back().map_or(0, Coming::bytes);
        }
    }

    /// The next line, and where no blocks can be had those that lie ready behind it; with their bytes.
    fn read_here(&mut self) -> (Lines, usize) {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        loop {
            match self.reader.next_line() {
                Ok(Some(line)) => {
                    bytes += line.event.size();
                    lines.push(Ok(line));
                }
                Ok(None) => self.ended = true,
                Err(error) => {
                    lines.push(Err(error));
                    self.ended = true;
                }
            }
            let is_much = lines.len() >= MOST_HERE || bytes >= BYTES_AHEAD;
            let goes_on = !self.ended && !is_much && self.reader.header().is_none();
            if !goes_on || !self.reader.has_ready_line() {
                return (lines, bytes);
            }
        }
    }

    /// Whether somebody can take a block; threads are started when they are needed first.
    fn has_worker(&mut self) -> bool {
        while self.workers.len() < self.wanted && self.turn == self.workers.len() {
            if let Some(worker) = Worker::start() {
                self.workers.push(worker);
            } else {
                // Those there are do it.
                (self.wanted, self.turn) = (self.workers.len(), 0);
            }
        }
        !self.workers.is_empty()
    }

    fn give(&mut self, block: Block) {
        let bytes = block.bytes();
        // A thread that has gone is noticed when its lines are wanted; no more blocks are with one than it takes.
        let _ = self.workers[self.turn].blocks.send(block);
        self.coming.push_back(Coming::At(self.turn, bytes));
        self.turn = (self.turn + 1) % self.wanted.max(1);
    }
}

impl Worker {
    fn start() -> Option<Self> {
        let (blocks, taken) = sync_channel::<Block>(BLOCKS_EACH);
        let (made, lines) = sync_channel(BLOCKS_EACH);
        let work = move || {
            for block in taken {
                if made.send(block.lines()).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("eddy-events".to_owned()).spawn(work).ok()?;
        Some(Self { blocks, lines })
    }
}
