//! What the events of an archive hold together: enough to plan with, so that nobody has to read them for it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Manifest;
use super::index::{Index, read_trailer};
use super::storage::{self, Seekable};
use crate::event::{BrokerTime, Event, LOOPS_HEADER, RUN_HEADER, TimeKind, Timestamp};

/// Totals of one file, as its index keeps them. Times are microseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contents {
    /// Least time written on an event, or of its receipt where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earliest: Option<i64>,
    /// Events with a key.
    pub keys: u64,
    /// Events with headers.
    pub headers: u64,
    /// Events with a header whose value is null.
    pub null_headers: u64,
    /// Events with a header whose value is not text.
    pub binary_headers: u64,
    /// Events with two headers of one name.
    pub repeated_headers: u64,
    /// Events whose payload is null.
    pub null_payloads: u64,
    /// Events with facts of one protocol.
    pub attributes: u64,
    /// Names of these facts; none where there are too many of them, or the program that wrote the file did not note them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<BTreeSet<String>>,
    /// Events whose producer wrote a time with parts of a millisecond.
    #[serde(skip_serializing_if = "is_none")]
    pub fine_times: u64,
    /// Events that a replay has marked.
    pub replayed: u64,
    /// By channel, in the order of [`Index::channels`].
    pub channels: Vec<ChannelContents>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde calls it in")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Totals of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelContents {
    /// Events.
    pub events: u64,
    /// Bytes of keys, payloads and headers.
    pub bytes: u64,
    /// Bytes of the largest event.
    pub largest: u64,
    /// Which event of the file that is, from 1; the first of several.
    pub largest_event: u64,
    /// The highest partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// The least time that a producer wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<i64>,
    /// The greatest such time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<i64>,
}

impl ChannelContents {
    fn note(&mut self, event: &Event, number: u64) {
        let size = event.size() as u64;
        self.events += 1;
        self.bytes += size;
        if size > self.largest || self.largest_event == 0 {
            (self.largest, self.largest_event) = (size, number);
        }
        self.partition = self.partition.max(event.place.partition);
        if let Some(BrokerTime { time, kind: TimeKind::Create }) = event.broker_time {
            self.oldest = least(self.oldest, Some(time.0));
            self.newest = self.newest.max(Some(time.0));
        }
    }

    /// Adds those of a later file, before which so many events lie.
    fn join(&mut self, later: &Self, before: u64) {
        self.events += later.events;
        self.bytes += later.bytes;
        if later.largest_event > 0 && (later.largest > self.largest || self.largest_event == 0) {
            (self.largest, self.largest_event) = (later.largest, before + later.largest_event);
        }
        self.partition = self.partition.max(later.partition);
        self.oldest = least(self.oldest, later.oldest);
        self.newest = self.newest.max(later.newest);
    }
}

/// Most names of facts that are noted.
const MOST_FACTS: usize = 64;

/// Totals that are being counted.
#[derive(Debug, Default)]
pub(super) struct Totals {
    contents: Contents,
    events: u64,
    has_too_many_facts: bool,
}

impl Totals {
    /// Counts the next event, of the channel with this place in [`Index::channels`].
    pub(super) fn note(&mut self, place: usize, event: &Event) {
        self.events += 1;
        let contents = &mut self.contents;
        if contents.channels.len() <= place {
            contents.channels.resize(place + 1, ChannelContents::default());
        }
        contents.channels[place].note(event, self.events);
        contents.earliest = least(contents.earliest, Some(event.time().0));
        let own = event.broker_time.filter(|found| found.kind == TimeKind::Create);
        contents.fine_times += u64::from(own.is_some_and(|found| found.time.0.rem_euclid(1000) > 0));
        contents.keys += u64::from(event.key.is_some());
        contents.null_payloads += u64::from(event.payload.is_none());
        if !event.attributes.is_empty() {
            contents.attributes += 1;
            self.has_too_many_facts |= !note_facts(contents, event, self.has_too_many_facts);
        }
        if event.headers.is_empty() {
            return;
        }
        let values = || event.headers.iter().map(|header| header.value.as_deref());
        let is_binary = |value: &[u8]| std::str::from_utf8(value).is_err();
        contents.headers += 1;
        contents.null_headers += u64::from(values().any(|value| value.is_none()));
        contents.binary_headers += u64::from(values().flatten().any(is_binary));
        contents.repeated_headers += u64::from(event.repeats_headers());
        let marks = [RUN_HEADER, LOOPS_HEADER];
        let is_mark = |name: &str| marks.iter().any(|mark| mark.eq_ignore_ascii_case(name));
        contents.replayed += u64::from(event.headers.iter().any(|header| is_mark(&header.name)));
    }

    /// What was counted.
    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }
}

/// Notes the names of the facts of an event; false when they are too many.
fn note_facts(contents: &mut Contents, event: &Event, are_too_many: bool) -> bool {
    if are_too_many {
        return false;
    }
    let facts = contents.facts.get_or_insert_default();
    for (name, _) in &event.attributes {
        if !facts.contains(name) {
            facts.insert(name.clone());
        }
    }
    let fits = facts.len() <= MOST_FACTS;
    if !fits {
        contents.facts = None;
    }
    fits
}

/// What a whole recording holds by the indexes of its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Events.
    pub events: u64,
    /// The least time of receipt.
    pub first: Option<Timestamp>,
    /// The greatest time of receipt.
    pub last: Option<Timestamp>,
    /// The totals of all files, without those by channel.
    pub contents: Contents,
    /// The totals by channel; events are counted through all files.
    pub channels: BTreeMap<String, ChannelContents>,
}

impl Overview {
    /// The overview of a recording, be it a file or the parts of a manifest, once every byte of its frames proved to be what
    /// the index says. `None` where only the events themselves tell: a recording that was not finished, is damaged, or was
    /// made by a program that keeps no totals. The watch is told of bytes and events; when it ends the reading there is none.
    pub fn of(path: &Path, mut watch: impl FnMut(u64, u64) -> bool) -> Option<Self> {
        let mut overview = Self::default();
        let mut bytes = 0;
        for path in whole_files(path)? {
            let mut file = storage::open(&path).ok().filter(|opened| opened.length.is_some())?.input;
            let index = read_trailer(&mut *file).ok()??.ok()?;
            let events = overview.events;
            overview.join(&index)?;
            let proved = check(&mut *file, &index, |more| {
                bytes += more;
                watch(bytes, events)
            });
            if !proved.ok()?.is_some_and(|wrong| wrong.is_empty()) {
                return None;
            }
        }
        Some(overview)
    }

    /// Adds the next file; `None` where its index does not say enough.
    fn join(&mut self, index: &Index) -> Option<()> {
        let contents = index.contents.as_ref().filter(|contents| {
            let named = index.channels.len() == contents.channels.len() && index.channels_complete;
            let counted: u64 = contents.channels.iter().map(|channel| channel.events).sum();
            let in_frames: u64 = index.frames.iter().map(|frame| frame.count).sum();
            named && counted == index.events && in_frames == index.events
        })?;
        let before = self.events;
        self.events += index.events;
        for frame in &index.frames {
            let (first, last) = frame.t.unzip();
            self.first = least(self.first, first.map(Timestamp));
            self.last = self.last.max(last.map(Timestamp));
        }
        for (name, channel) in index.channels.iter().zip(&contents.channels) {
            self.channels.entry(name.clone()).or_default().join(channel, before);
        }
        let all = &mut self.contents;
        // Of all files or of none: unknown names of one are those of the whole.
        let is_first = all.attributes == 0;
        if contents.attributes > 0 {
            all.facts = match (all.facts.take(), &contents.facts) {
                (None, Some(more)) if is_first => Some(more.clone()),
                (Some(mut facts), Some(more)) => {
                    facts.extend(more.iter().cloned());
                    Some(facts)
                }
                _ => None,
            };
        }
        all.earliest = least(all.earliest, contents.earliest);
        all.keys += contents.keys;
        all.headers += contents.headers;
        all.null_headers += contents.null_headers;
        all.binary_headers += contents.binary_headers;
        all.repeated_headers += contents.repeated_headers;
        all.null_payloads += contents.null_payloads;
        all.attributes += contents.attributes;
        all.fine_times += contents.fine_times;
        all.replayed += contents.replayed;
        Some(())
    }
}

/// The files of a recording that was finished.
fn whole_files(path: &Path) -> Option<Vec<PathBuf>> {
    let Some(manifest) = Manifest::read(path).ok()? else {
        return Some(vec![path.to_owned()]);
    };
    let is_one = manifest.complete && manifest.refuse_channels(path).is_ok();
    is_one.then(|| manifest.members(path).into_iter().map(|member| member.path).collect())
}

/// The first bytes of the frames that are not what the index says; `None` when it keeps no checksums or the watch, which is
/// told of the bytes of each frame, ends it.
pub(super) fn check(
    file: &mut dyn Seekable,
    index: &Index,
    mut watch: impl FnMut(u64) -> bool,
) -> io::Result<Option<Vec<u64>>> {
    let mut wrong = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    file.seek(SeekFrom::Start(0))?;
    for frame in &index.frames {
        let Some(expected) = frame.crc else {
            return Ok(None);
        };
        if !watch(frame.len) {
            return Ok(None);
        }
        let mut hash = crc32fast::Hasher::new();
        let mut bytes = (&mut *file).take(frame.len);
        loop {
            match bytes.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => hash.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if hash.finalize() != expected {
            wrong.push(frame.at);
        }
    }
    Ok(Some(wrong))
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
