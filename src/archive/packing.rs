//! Frames compressed, in the calling thread or by several threads at once; they come back in the order they were given.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use zstd::bulk::Compressor;

use super::index::FrameEntry;

/// Threads that one writer has at most; the one that makes the lines keeps no more of them busy.
const MOST_THREADS: usize = 4;

/// Threads for compression on this machine: none where a second one could only wait for the first.
pub(super) fn usual_threads() -> usize {
    match thread::available_parallelism().map_or(1, std::num::NonZero::get) {
        1 => 0,
        cores => cores.min(MOST_THREADS),
    }
}

/// A frame whose lines are complete.
pub(super) struct OpenFrame {
    pub(super) entry: FrameEntry,
    pub(super) text: Vec<u8>,
}

/// A frame ready to be written.
pub(super) struct PackedFrame {
    pub(super) entry: FrameEntry,
    pub(super) bytes: Vec<u8>,
}

/// Compresses the frames of one writer.
pub(super) struct Packing {
    level: i32,
    /// Gives the compressor back after each frame.
    spare: bool,
    compressor: Option<Compressor<'static>>,
    threads: usize,
    pool: Option<Pool>,
    queue: VecDeque<Queued>,
    /// A buffer to use again.
    text: Vec<u8>,
}

enum Queued {
    Packing(FrameEntry, Receiver<io::Result<Job>>),
    Packed(PackedFrame),
}

/// What goes to a thread and comes back: the text, and room for its compressed bytes.
struct Job {
    text: Vec<u8>,
    bytes: Vec<u8>,
    crc: u32,
}

struct Pool {
    jobs: Sender<Order>,
}

/// A job, and where it goes when it is done.
type Order = (Job, Sender<io::Result<Job>>);

impl Packing {
    /// # Errors
    /// When the compressor refuses the level.
    pub(super) fn new(level: i32, spare: bool, threads: usize) -> io::Result<Self> {
        Ok(Self {
            level,
            spare,
            compressor: Some(compressor(level)?),
            threads: if spare { 0 } else { threads },
            pool: None,
            queue: VecDeque::new(),
            text: Vec::new(),
        })
    }

    /// Takes a frame to be compressed beside other work.
    ///
    /// # Errors
    /// When the compressor fails; only where there are no threads.
    pub(super) fn submit(&mut self, frame: OpenFrame) -> io::Result<()> {
        if self.threads > 0 && self.pool.is_none() {
            self.pool = Pool::start(self.threads, self.level);
        }
        let Some(pool) = &self.pool else {
            return self.pack(frame);
        };
        let (report, packed) = channel();
        let job = Job::of(frame.text);
        match pool.jobs.send((job, report)) {
            Ok(()) => {
                self.queue.push_back(Queued::Packing(frame.entry, packed));
                Ok(())
            }
            Err(failed) => {
                self.pool = None;
                self.threads = 0;
                self.pack(OpenFrame { entry: frame.entry, text: failed.0.0.text })
            }
        }
    }

    /// Compresses a frame here and now.
    ///
    /// # Errors
    /// When the compressor fails.
    pub(super) fn pack(&mut self, frame: OpenFrame) -> io::Result<()> {
        let mut compressor = match self.compressor.take() {
            Some(compressor) => compressor,
            None => compressor(self.level)?,
        };
        let mut job = Job::of(frame.text);
        job.run(&mut compressor)?;
        self.compressor = (!self.spare).then_some(compressor);
        let (packed, text) = job.packed(frame.entry);
        self.queue.push_back(Queued::Packed(packed));
        self.give_back(text);
        Ok(())
    }

    /// The next frame in order. Without `wait` only one that is ready, unless so many are on their way that memory asks
    /// for waiting.
    ///
    /// # Errors
    /// When the compressor failed, or its thread is gone.
    pub(super) fn next(&mut self, wait: bool) -> io::Result<Option<PackedFrame>> {
        let is_crowded = self.queue.len() > self.threads + 2;
        let Some(Queued::Packing(_, packed)) = self.queue.front() else {
            return Ok(self.queue.pop_front().and_then(Queued::packed));
        };
        let job = if wait || is_crowded {
            packed.recv().map_err(|_| io::Error::other("a thread that compresses ended"))?
        } else {
            match packed.try_recv() {
                Ok(job) => job,
                Err(TryRecvError::Empty) => return Ok(None),
                Err(TryRecvError::Disconnected) => {
                    return Err(io::Error::other("a thread that compresses ended"));
                }
            }
        }?;
        let Some(Queued::Packing(entry, _)) = self.queue.pop_front() else {
            return Ok(None);
        };
        let (packed, text) = job.packed(entry);
        self.give_back(text);
        Ok(Some(packed))
    }

    /// Takes back a frame that could not be written, to be the next one again.
    pub(super) fn put_back(&mut self, frame: PackedFrame) {
        self.queue.push_front(Queued::Packed(frame));
    }

    /// Gives up the frames that are not written.
    pub(super) fn forget(&mut self) {
        self.queue.clear();
    }

    /// An empty buffer for the lines of the next frame.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    fn give_back(&mut self, mut text: Vec<u8>) {
        if !self.spare {
            text.clear();
            self.text = text;
        }
    }
}

impl Queued {
    fn packed(self) -> Option<PackedFrame> {
        match self {
            Self::Packed(frame) => Some(frame),
            Self::Packing(..) => None,
        }
    }
}

impl Job {
    fn run(&mut self, compressor: &mut Compressor<'static>) -> io::Result<()> {
        self.bytes.clear();
        self.bytes.reserve(zstd::zstd_safe::compress_bound(self.text.len()));
        compressor.compress_to_buffer(&self.text, &mut self.bytes)?;
        self.crc = crc32fast::hash(&self.bytes);
        Ok(())
    }

    fn of(text: Vec<u8>) -> Self {
        Self { text, bytes: Vec::new(), crc: 0 }
    }

    /// What became of a frame, and its text.
    fn packed(self, entry: FrameEntry) -> (PackedFrame, Vec<u8>) {
        let entry = FrameEntry { len: self.bytes.len() as u64, crc: Some(self.crc), ..entry };
        (PackedFrame { entry, bytes: self.bytes }, self.text)
    }
}

impl Pool {
    /// `None` where no thread can be had; the threads end when the pool is dropped.
    fn start(threads: usize, level: i32) -> Option<Self> {
        let (jobs, work) = channel::<Order>();
        let work = Arc::new(Mutex::new(work));
        let mut started = 0;
        for _ in 0..threads {
            let work = Arc::clone(&work);
            let thread = thread::Builder::new().name("eddy-pack".to_owned());
            started += usize::from(thread.spawn(move || pack_all(&work, level)).is_ok());
        }
        (started > 0).then_some(Self { jobs })
    }
}

fn pack_all(work: &Mutex<Receiver<Order>>, level: i32) {
    let Ok(mut compressor) = compressor(level) else {
        return;
    };
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((mut job, report)) = next else {
            return;
        };
        let packed = job.run(&mut compressor).map(|()| job);
        // A writer that gave up wants no answer.
        let _ = report.send(packed);
    }
}

fn compressor(level: i32) -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(level)?;
    compressor.include_checksum(true)?;
    Ok(compressor)
}
