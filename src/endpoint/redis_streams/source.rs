//! Events out of streams, without a group: nobody else is disturbed, nothing is acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Value, cmd};
use tokio::task::JoinSet;

use super::answer::{self, Entry};
use super::connection::{ask, connect};
use super::id::EntryId;
use super::merge::{self, Track};
use super::removal::Told;
use super::settings::Settings;
use super::{failure, streams};
use crate::endpoint::{
    Address, BoxFuture, EndpointError, EndpointErrorKind, Removed, Source, SourceOptions, Start, Stop,
};
use crate::event::{Event, Timestamp};

/// How long the server may hold a question back until something comes.
pub(super) const WAIT: Duration = Duration::from_secs(5);
/// How long an answer may take beyond that before the connection counts as lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A reader of one or several streams.
pub(super) struct StreamSource {
    settings: Arc<Settings>,
    tracks: Vec<Track>,
    stop: Stop,
    portion: Portion,
    /// The question under way; it outlives a call that is given up.
    reading: JoinSet<Result<Round, EndpointError>>,
    connection: Option<MultiplexedConnection>,
    up: Arc<AtomicBool>,
}

/// What one question brought.
struct Round {
    connection: MultiplexedConnection,
    asked: Vec<usize>,
    count: usize,
    /// The server was asked to wait for something.
    waited: bool,
    found: Vec<(String, Vec<Entry>)>,
    /// What the server says of some of the streams, as they were before.
    told: Vec<(usize, Option<Told>)>,
}

/// How many entries to ask for at once, so that an answer stays small in bytes.
#[derive(Debug)]
pub(super) struct Portion {
    count: usize,
}

impl Portion {
    /// Bytes an answer should have at most.
    const BYTES: usize = 2 * 1024 * 1024;
    /// Entries of one answer at most.
    const MOST: usize = 1000;

    /// The first portion is small: what the entries weigh is not known yet.
    pub(super) fn new() -> Self {
        Self { count: 20 }
    }

    /// Entries of each of `streams` streams to ask for.
    pub(super) fn of_each(&self, streams: usize) -> usize {
        (self.count / streams.max(1)).max(1)
    }

    /// Learns from the sizes of what came.
    pub(super) fn learn(&mut self, entries: &[Entry]) {
        let size = |entry: &Entry| {
            let fields = entry.fields.iter().flatten();
            64 + fields.map(|(name, value)| name.len() + value.len()).sum::<usize>()
        };
        if let Some(largest) = entries.iter().map(size).max() {
            let fitting = (Self::BYTES / largest).max(1);
            self.count = fitting.min(self.count * 4).min(Self::MOST);
        }
    }
}

impl StreamSource {
    /// Finds the streams and where reading begins.
    pub(super) async fn open(settings: Settings, options: &SourceOptions) -> Result<Self, EndpointError> {
        let mut connection = connect(&settings, WAIT + PATIENCE).await?;
        let names = named(&mut connection, &settings, options.stop == Stop::Never).await?;
        let begins = begins(&mut connection, &names, options.start, &settings).await?;
        let throughs = throughs(&mut connection, &names, options.stop, &settings).await?;
        let each = names.into_iter().zip(begins).zip(throughs);
        let tracks = each.map(|((name, begin), through)| Track::new(name, begin, through)).collect();
        Ok(Self {
            settings: Arc::new(settings),
            tracks,
            stop: options.stop,
            portion: Portion::new(),
            reading: JoinSet::new(),
            connection: Some(connection),
            up: Arc::new(AtomicBool::new(true)),
        })
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        loop {
            self.ask();
            let batch = merge::take(&mut self.tracks, max);
            if !batch.is_empty() {
                return Ok(batch);
            }
            match self.reading.join_next().await {
                None => return Ok(Vec::new()),
                Some(Ok(round)) => self.take_in(round?),
                Some(Err(_)) => return Err(failure::disconnected(&self.settings.address)),
            }
        }
    }

    /// Puts the next question, unless one is under way or enough is waiting.
    fn ask(&mut self) {
        if !self.reading.is_empty() {
            return;
        }
        let portion = self.portion.of_each(self.tracks.len());
        let hungry = |track: &&Track| track.more && track.waiting() < portion;
        let mut asked: Vec<usize> = self.positions(hungry);
        let mut wait = None;
        if asked.is_empty() {
            if self.tracks.iter().any(|track| track.waiting() > 0) {
                return;
            }
            asked = self.positions(|track| !track.ended);
            wait = Some(time_left(self.stop).min(WAIT)).filter(|wait| !wait.is_zero());
        }
        if asked.is_empty() {
            return;
        }
        let count = self.portion.of_each(asked.len());
        let begins = asked.iter().map(|&at| (self.tracks[at].name.clone(), self.tracks[at].at)).collect();
        let mut doubtful = asked.clone();
        doubtful.retain(|&at| self.tracks[at].removal.is_time_to_ask());
        let looks = doubtful.iter().map(|&at| self.tracks[at].name.clone()).collect();
        let question = Question { looks, begins, count, wait };
        let (settings, connection) = (Arc::clone(&self.settings), self.connection.take());
        let up = Arc::clone(&self.up);
        self.reading.spawn(async move {
            let read = question.put(&settings, connection, &up).await;
            up.store(read.is_ok(), Ordering::Relaxed);
            let Answer { connection, told, found } = read?;
            let told = doubtful.into_iter().zip(told).collect();
            Ok(Round { connection, asked, count, waited: wait.is_some(), found, told })
        });
    }

    fn positions(&self, chosen: impl Fn(&&Track) -> bool) -> Vec<usize> {
        let tracks = self.tracks.iter().enumerate();
        tracks.filter(|(_, track)| chosen(track)).map(|(at, _)| at).collect()
    }

    fn take_in(&mut self, round: Round) {
        self.connection = Some(round.connection);
        let over = !round.waited && time_left(self.stop).is_zero();
        for (at, told) in round.told {
            let track = &mut self.tracks[at];
            track.removal.compare(told, track.at);
        }
        let mut found = round.found;
        for at in round.asked {
            let track = &mut self.tracks[at];
            let position = found.iter().position(|(name, _)| *name == track.name);
            let entries = position.map(|position| found.swap_remove(position).1).unwrap_or_default();
            self.portion.learn(&entries);
            let more = entries.len() >= round.count;
            track.take_in(entries, more, self.settings.field.as_deref());
            if over && !more && !track.more {
                track.end();
            }
        }
    }
}

/// How long something may still come before the end.
pub(super) fn time_left(stop: Stop) -> Duration {
    let end = match stop {
        Stop::Never => return WAIT,
        Stop::PresentEnd => return Duration::ZERO,
        Stop::Offset(end) => EntryId::of_offset(end).time(),
        Stop::Time(end) => end,
    };
    // An id is older than its arrival here by the way it came and by the difference of the clocks.
    let left = end.since(Timestamp::now()).saturating_add(200_000);
    Duration::from_micros(u64::try_from(left).unwrap_or(0))
}

/// What is asked.
struct Question {
    /// Streams of which the server is to say what it keeps.
    looks: Vec<String>,
    begins: Vec<(String, EntryId)>,
    count: usize,
    wait: Option<Duration>,
}

/// What is answered.
struct Answer {
    connection: MultiplexedConnection,
    told: Vec<Option<Told>>,
    found: Vec<(String, Vec<Entry>)>,
}

impl Question {
    async fn put(
        self,
        settings: &Settings,
        connection: Option<MultiplexedConnection>,
        up: &AtomicBool,
    ) -> Result<Answer, EndpointError> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => connect(settings, WAIT + PATIENCE).await?,
        };
        up.store(true, Ordering::Relaxed);
        let told = streams::told(&mut connection, &self.looks, settings).await?;
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(self.count);
        if let Some(wait) = self.wait {
            // 0 would mean for ever.
            read.arg("BLOCK").arg(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1));
        }
        read.arg("STREAMS");
        for (name, _) in &self.begins {
            read.arg(name);
        }
        for (_, begin) in &self.begins {
            read.arg(begin.to_string());
        }
        let answer: Value = ask(&mut connection, &read, settings).await?;
        let found = answer::streams(answer).ok_or_else(|| failure::odd_answer(&settings.address))?;
        Ok(Answer { connection, told, found })
    }
}

/// The streams to read. Each must be there, unless reading goes on until told to stop: a stream comes into being with
/// its first entry.
pub(super) async fn named(
    connection: &mut MultiplexedConnection,
    settings: &Settings,
    may_come: bool,
) -> Result<Vec<String>, EndpointError> {
    let names = settings.streams();
    if names.is_empty() {
        return Err(streams::unnamed(connection, settings).await);
    }
    let held = streams::types(connection, &names, settings).await?;
    for (name, held) in names.iter().zip(&held) {
        match held.as_str() {
            "stream" => {}
            "none" if may_come => {}
            "none" => return Err(streams::not_found(connection, name, settings).await),
            other => return Err(streams::no_stream(name, other, &settings.address)),
        }
    }
    Ok(names)
}

/// After which entry of each stream reading begins.
async fn begins(
    connection: &mut MultiplexedConnection,
    names: &[String],
    start: Start,
    settings: &Settings,
) -> Result<Vec<EntryId>, EndpointError> {
    let all = |id: EntryId| vec![id; names.len()];
    if let Some(after) = settings.after {
        if start != Start::Default {
            return Err(two_beginnings(&settings.address, "after"));
        }
        return Ok(all(after));
    }
    Ok(match start {
        Start::Default | Start::Beginning => all(EntryId::default()),
        Start::Offset(offset) => all(EntryId::of_offset(offset).before().unwrap_or_default()),
        Start::Time(time) => {
            // The first whole millisecond that is not before the time.
            let milliseconds = u64::try_from(time.0.saturating_add(999) / 1000).unwrap_or(0);
            all(EntryId::first_of(milliseconds).before().unwrap_or_default())
        }
        Start::End | Start::Last(0) => {
            let last = streams::last_ids(connection, names, settings).await?;
            last.into_iter().map(Option::unwrap_or_default).collect()
        }
        Start::Last(count) => streams::before_last(connection, names, count, settings).await?,
    })
}

/// The address and the options both say where reading begins.
pub(super) fn two_beginnings(address: &Address, option: &str) -> EndpointError {
    let message =
        format!("`{option}` in the address of `{address}` says where reading begins, and so do the options");
    EndpointError::new(EndpointErrorKind::Unsupported, message)
        .help(format!("leave out `{option}` or `--from`"))
}

/// The last id that is wanted of each stream.
async fn throughs(
    connection: &mut MultiplexedConnection,
    names: &[String],
    stop: Stop,
    settings: &Settings,
) -> Result<Vec<Option<EntryId>>, EndpointError> {
    if stop == Stop::PresentEnd {
        let last = streams::last_ids(connection, names, settings).await?;
        return Ok(last.into_iter().map(|last| Some(last.unwrap_or_default())).collect());
    }
    Ok(vec![through(stop); names.len()])
}

/// The last id that is wanted, where it does not depend on what is there.
pub(super) fn through(stop: Stop) -> Option<EntryId> {
    match stop {
        Stop::Never | Stop::PresentEnd => None,
        Stop::Offset(end) => Some(EntryId::of_offset(end).before().unwrap_or_default()),
        Stop::Time(end) => {
            let milliseconds = u64::try_from(end.0.div_euclid(1000)).ok();
            Some(
                milliseconds.map_or_else(EntryId::default, |milliseconds| EntryId {
                    milliseconds,
                    sequence: u64::MAX,
                }),
            )
        }
    }
}

impl Source for StreamSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.read(max))
    }

    fn goes_on_where_it_stopped(&self) -> bool {
        true
    }

    fn connected(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    fn removed(&self) -> Removed {
        let mut removed = Removed::default();
        self.tracks.iter().for_each(|track| removed += track.removal.removed());
        removed
    }

    fn leaves_what_it_reads(&self) -> bool {
        true
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
