//! Keeps the ledger of a running transfer: takes receipts from the writer, and has the file follow on a thread of its own,
//! so that no event waits for a disk. It knows no target.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use compact_str::CompactString;
use tokio::sync::Notify;

use super::ledger::{Ledger, LedgerError, ReadBackFrom};
use super::settled::Settled;
use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::{Place, Timestamp};

/// The file is written at least this often while something changes.
const EVERY: Duration = Duration::from_secs(1);

/// Events that may be handed over beyond the mark on disk where the target cannot be read back: so many may go twice.
pub(super) const WINDOW: u64 = 2048;
/// The same where it can be read back: so many are looked for there.
pub(super) const WINDOW_READ_BACK: u64 = 65_536;
/// The same where the target keeps the progress of the run: the file need not follow at once.
const WINDOW_BESIDE: u64 = 16_777_216;

/// One acknowledged event.
#[derive(Debug)]
pub(super) struct Acknowledged {
    /// Its number in the plan.
    pub number: u64,
    /// The channel it went to.
    pub channel: CompactString,
    /// Where the target put it.
    pub place: Place,
    /// It went once only, so that whatever was handed over after it lies behind it.
    pub steady: bool,
}

type PlaceKey = (Arc<str>, Option<i32>);

/// A ledger that follows a run. Dropping it leaves the file as it was last written.
#[derive(Debug)]
pub struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    before: Settled,
    run: String,
    began: Timestamp,
    window: u64,
    /// Events with a smaller number may have been handed over by an earlier part of the run.
    uncertain_below: u64,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    books: Mutex<Books>,
    wake: Condvar,
    moved: Notify,
    persisted: AtomicU64,
    failed: AtomicBool,
}

#[derive(Debug)]
struct Books {
    ledger: Ledger,
    /// The target is read back after a crash.
    reads_back: bool,
    /// All events go to this channel, whatever their own.
    only_channel: Option<Arc<str>>,
    channels: HashSet<Arc<str>>,
    places: BTreeMap<PlaceKey, u64>,
    /// Places of events above the mark, by number.
    above: BTreeMap<u64, (PlaceKey, u64)>,
    changed: bool,
    wanted: bool,
    closed: bool,
    /// Of every event handed over it is known whether it arrived, or it is counted as a possible repeat.
    nothing_left_open: bool,
    failure: Option<LedgerError>,
}

impl Keeper {
    /// Writes the ledger and begins to keep it; all events go to `only_channel` when one is given. `resumed` says that an
    /// earlier part of the run may have handed over more than the ledger knows.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start(
        path: &Path,
        ledger: Ledger,
        only_channel: Option<&str>,
        resumed: bool,
    ) -> Result<Self, LedgerError> {
        let is_uncertain = resumed && ledger.read_back.is_empty() && !ledger.ended_cleanly;
        let uncertain_below = if is_uncertain { u64::MAX } else { 0 };
        let ledger = Ledger { ended_cleanly: false, ..ledger };
        ledger.write(path)?;
        let places = ledger.places().into_iter();
        let places = places.map(|((channel, partition), at)| ((Arc::from(channel), partition), at)).collect();
        let (before, run) = (ledger.settled.clone(), ledger.run.clone());
        // A ledger that was written by us says a time.
        let began = ledger.started.parse().unwrap_or_else(|_| Timestamp::now());
        let usual = if ledger.read_back.is_empty() { WINDOW } else { WINDOW_READ_BACK };
        let window = ledger.window.unwrap_or(usual);
        let shared = Arc::new(Shared {
            path: path.into(),
            persisted: AtomicU64::new(before.low()),
            books: Mutex::new(Books {
                reads_back: !ledger.read_back.is_empty(),
                ledger,
                only_channel: only_channel.map(Arc::from),
                channels: HashSet::new(),
                places,
                above: BTreeMap::new(),
                changed: false,
                wanted: false,
                closed: false,
                nothing_left_open: false,
                failure: None,
            }),
            wake: Condvar::new(),
            moved: Notify::new(),
            failed: AtomicBool::new(false),
        });
        let follower = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("eddy-ledger".to_owned())
            .spawn(move || follower.follow())
            .map_err(|source| LedgerError::Unwritable { path: path.into(), source })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)), before, run, began, window, uncertain_below })
    }

    /// The run, by the name events carry.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// When the run began, in whichever process.
    #[must_use]
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// What was settled before this process began.
    #[must_use]
    pub fn before(&self) -> &Settled {
        &self.before
    }

    /// How many events may be handed over beyond the mark on disk.
    pub(super) fn window(&self) -> u64 {
        self.window
    }

    /// The number from which on no event can have been handed over by an earlier part of the run, whose batches had at
    /// most `batch` events.
    pub(super) fn uncertain_before(&self, batch: u64) -> u64 {
        self.uncertain_below.min(self.before.low() + self.window + batch)
    }

    /// Events with a smaller number that are not settled may have arrived all the same.
    #[must_use]
    pub fn uncertain_below(self, number: u64) -> Self {
        Self { uncertain_below: self.uncertain_below.max(number), ..self }
    }

    /// Has the target itself keep the progress of the run: no event is uncertain, however old the file is.
    #[must_use]
    pub fn beside_the_target(self) -> Self {
        Self { window: WINDOW_BESIDE, uncertain_below: 0, ..self }
    }

    /// What is settled now.
    pub(super) fn settled(&self) -> Settled {
        self.shared.lock().ledger.settled.clone()
    }

    /// The ledger as it stands now, on disk or not.
    pub(super) fn ledger(&self) -> Ledger {
        self.shared.lock().snapshot()
    }

    pub(super) fn acknowledged(&self, events: Vec<Acknowledged>) {
        let mut books = self.shared.lock();
        for event in events {
            books.acknowledge(&event);
        }
    }

    /// The target refused these for good: they are not sent again.
    pub(super) fn refused(&self, numbers: &[u64]) {
        let mut books = self.shared.lock();
        for number in numbers {
            let is_new = books.ledger.settled.insert(*number);
            books.ledger.refused += u64::from(is_new);
            books.changed = true;
        }
    }

    /// What was handed over has had its receipt, good or bad.
    pub(super) fn nothing_left_open(&self) {
        self.shared.lock().nothing_left_open = true;
    }

    /// This one is not sent, now or later.
    pub(super) fn left_out(&self, number: u64) {
        let mut books = self.shared.lock();
        books.changed |= books.ledger.settled.insert(number);
    }

    /// When the schedule of the run began, if an earlier part of it came so far.
    pub(super) fn schedule_began(&self) -> Option<Timestamp> {
        self.shared.lock().ledger.schedule_began_us.map(Timestamp)
    }

    /// The schedule of the run begins at this time.
    pub(super) fn begin_schedule(&self, at: Timestamp) {
        let mut books = self.shared.lock();
        (books.ledger.schedule_began_us, books.changed) = (Some(at.0), true);
    }

    /// Other processes send these: for this ledger they are settled.
    pub(super) fn of_others(&self, numbers: &[u64]) {
        let mut books = self.shared.lock();
        for number in numbers {
            books.ledger.settled.insert(*number);
        }
        books.changed |= !numbers.is_empty();
    }

    /// The low-water mark that is safe on disk.
    pub(super) fn persisted_low(&self) -> u64 {
        self.shared.persisted.load(Ordering::Acquire)
    }

    /// Has the file written soon.
    pub(super) fn want(&self) {
        let mut books = self.shared.lock();
        if !books.wanted && books.changed {
            books.wanted = true;
            self.shared.wake.notify_one();
        }
    }

    /// Waits until the mark on disk has left `low`, or writing failed.
    pub(super) async fn moved_from(&self, low: u64) {
        loop {
            let moved = self.shared.moved.notified();
            if self.persisted_low() != low || self.shared.failed.load(Ordering::Acquire) {
                return;
            }
            moved.await;
        }
    }

    /// Why the file cannot be kept any more.
    pub(super) fn failure(&self) -> Option<EndpointError> {
        if !self.shared.failed.load(Ordering::Acquire) {
            return None;
        }
        let books = self.shared.lock();
        let error = books.failure.as_ref()?;
        let help = match error {
            LedgerError::Unwritable { path, source } => crate::atomic_file::next_step(path, source),
            _ => "check the path and its permissions".to_owned(),
        };
        Some(EndpointError::new(EndpointErrorKind::File, error.to_string()).help(help))
    }

    /// Writes the ledger for the last time and returns it as it stands.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&self) -> Result<Ledger, LedgerError> {
        {
            let mut books = self.shared.lock();
            books.closed = true;
            books.ledger.ended_cleanly = books.nothing_left_open;
            books.ledger.finished = books.ledger.settled.low() >= books.ledger.planned;
        }
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A thread that was lost has written nothing since; the file is written here all the same.
            let _ = thread.join();
        }
        let mut books = self.shared.lock();
        if let Some(error) = books.failure.take() {
            return Err(error);
        }
        let ledger = books.snapshot();
        ledger.write(&self.shared.path)?;
        Ok(ledger)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self) {
        loop {
            let mut books = self.lock();
            if !books.wanted && !books.closed {
                let waited = self.wake.wait_timeout(books, EVERY);
                books = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            if books.closed {
                return;
            }
            if !books.changed {
                books.wanted = false;
                continue;
            }
            let ledger = books.snapshot();
            (books.changed, books.wanted) = (false, false);
            drop(books);
            if let Err(error) = ledger.write(&self.path) {
                self.lock().failure = Some(error);
                self.failed.store(true, Ordering::Release);
                self.moved.notify_waiters();
                return;
            }
            self.persisted.store(ledger.settled.low(), Ordering::Release);
            self.moved.notify_waiters();
        }
    }
}

impl Books {
    fn acknowledge(&mut self, event: &Acknowledged) {
        self.changed |= self.ledger.settled.insert(event.number);
        if let Some(offset) = event.place.offset.filter(|_| event.steady && self.reads_back) {
            let channel = self.channel(&event.channel);
            self.above.insert(event.number, ((channel, event.place.partition), offset));
        }
        let low = self.ledger.settled.low();
        while let Some(entry) = self.above.first_entry() {
            if *entry.key() >= low {
                break;
            }
            let (key, offset) = entry.remove();
            self.places.insert(key, offset);
        }
    }

    fn channel(&mut self, channel: &str) -> Arc<str> {
        if let Some(only) = &self.only_channel {
            return Arc::clone(only);
        }
        if let Some(known) = self.channels.get(channel) {
            return Arc::clone(known);
        }
        let channel: Arc<str> = channel.into();
        self.channels.insert(Arc::clone(&channel));
        channel
    }

    fn snapshot(&self) -> Ledger {
        let read_back = self.places.iter().map(|((channel, partition), offset)| ReadBackFrom {
            channel: channel.to_string(),
            partition: *partition,
            offset: *offset,
        });
        Ledger { read_back: read_back.collect(), ..self.ledger.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Acknowledged, Keeper};
    use crate::event::Place;
    use crate::replay::ledger::{ArchiveIdentity, Ledger, ReadBackFrom};

    fn acknowledged(number: u64, offset: u64, steady: bool) -> Acknowledged {
        let place = Place { partition: Some(1), offset: Some(offset) };
        Acknowledged { number, channel: "orders".into(), place, steady }
    }

    fn begun(folder: &std::path::Path) -> Keeper {
        let archive = folder.join("day.ndjson");
        std::fs::write(&archive, "x").expect("written");
        let identity = ArchiveIdentity::of(&archive).expect("a file");
        let mut ledger = Ledger::new(identity, "plan".to_owned(), "memory:x".to_owned(), 4);
        ledger.read_back = vec![ReadBackFrom { channel: "orders".to_owned(), partition: Some(1), offset: 0 }];
        Keeper::start(&folder.join("ledger"), ledger, None, false).expect("kept")
    }

    #[test]
    fn reading_back_begins_at_the_last_event_below_the_mark_that_went_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = begun(folder.path());
        keeper.acknowledged(vec![acknowledged(0, 10, true), acknowledged(2, 12, true)]);
        keeper.acknowledged(vec![acknowledged(1, 13, false)]);
        let ledger = keeper.finish().expect("written");
        assert_eq!((ledger.settled.low(), ledger.finished), (3, false));
        let place = ReadBackFrom { channel: "orders".to_owned(), partition: Some(1), offset: 12 };
        assert_eq!(ledger.read_back, [place]);
        let read = Ledger::read(&folder.path().join("ledger")).expect("read");
        assert_eq!(read, Some(ledger));
    }

    #[tokio::test]
    async fn the_file_follows_when_it_is_wanted() {
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = begun(folder.path());
        keeper.acknowledged(vec![acknowledged(0, 1, true)]);
        keeper.refused(&[1]);
        keeper.want();
        keeper.moved_from(0).await;
        assert_eq!(keeper.persisted_low(), 2);
        let read = Ledger::read(&folder.path().join("ledger")).expect("read").expect("a ledger");
        assert_eq!((read.settled.low(), read.refused), (2, 1));
        keeper.acknowledged(vec![acknowledged(2, 2, true), acknowledged(3, 3, true)]);
        assert!(keeper.finish().expect("written").finished);
    }

    #[tokio::test]
    async fn a_ledger_that_cannot_be_written_is_a_failure_with_the_next_step() {
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = begun(folder.path());
        drop(folder);
        keeper.acknowledged(vec![acknowledged(0, 1, true)]);
        keeper.want();
        keeper.moved_from(0).await;
        let failure = keeper.failure().expect("a failure");
        assert!(failure.message.contains("ledger") && failure.help.is_some(), "{failure:?}");
        assert!(keeper.finish().is_err());
    }
}
