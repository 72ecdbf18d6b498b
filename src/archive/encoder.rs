//! Events into frames, in memory: collects lines, keeps the index. It knows no files.

use std::collections::{BTreeMap, HashMap};
use std::io;

use super::contents::Totals;
use super::frame::{self, INDEX_MAGIC, SKIPPABLE_HEADER, SeekEntry};
use super::index::{FrameEntry, Index};
use super::packing::OpenFrame;
use crate::event::Event;

/// Channels the index names; events of further ones are counted without their channel.
const MAX_CHANNELS: usize = 65_536;

/// Collects lines until a frame is closed.
pub(super) struct Encoder {
    /// The lines of the open frame, each with its newline.
    text: Vec<u8>,
    open: FrameEntry,
    open_channels: BTreeMap<u32, u64>,
    channel_places: HashMap<String, u32>,
    last_channel: Option<(String, u32)>,
    index: Index,
    totals: Totals,
    /// The totals count events that are in no frame, and are worth nothing.
    counts_others: bool,
    numbers: Option<(u64, u64)>,
    times: Option<(i64, i64)>,
    offset: u64,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self {
            text: Vec::new(),
            open: FrameEntry::default(),
            open_channels: BTreeMap::new(),
            channel_places: HashMap::new(),
            last_channel: None,
            index: Index::empty(),
            totals: Totals::default(),
            counts_others: false,
            numbers: None,
            times: None,
            offset: 0,
        }
    }

    /// The text of the open frame, to append a whole line to; then call [`Self::note`].
    pub(super) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Bytes of text in the open frame.
    pub(super) fn open_bytes(&self) -> usize {
        self.text.len()
    }

    /// Events in closed frames.
    pub(super) fn closed_events(&self) -> u64 {
        self.index.events
    }

    /// Bytes of text in closed frames.
    pub(super) fn closed_text(&self) -> u64 {
        self.index.frames.iter().map(|frame| frame.text).sum()
    }

    /// Bytes of closed frames, trailer included once it is made.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the event whose line was appended last into the index.
    pub(super) fn note(&mut self, number: u64, event: &Event) {
        let open = &mut self.open;
        open.count += 1;
        widen(&mut open.n, number);
        widen(&mut open.t, event.received.0);
        if let Some(broker_time) = event.broker_time {
            widen(&mut open.ts, broker_time.time.0);
        }
        if let Some(place) = self.channel_place(&event.channel) {
            *self.open_channels.entry(place).or_default() += 1;
            self.totals.note(place as usize, event);
        }
    }

    fn channel_place(&mut self, channel: &str) -> Option<u32> {
        match &self.last_channel {
            Some((last, place)) if last == channel => return Some(*place),
            _ => {}
        }
        let place = match self.channel_places.get(channel) {
            Some(place) => *place,
            None if self.channel_places.len() >= MAX_CHANNELS => {
                self.index.channels_complete = false;
                return None;
            }
            None => {
                let place = u32::try_from(self.index.channels.len()).ok()?;
                self.channel_places.insert(channel.to_owned(), place);
                self.index.channels.push(channel.to_owned());
                place
            }
        };
        self.last_channel = Some((channel.to_owned(), place));
        Some(place)
    }

    /// Takes the open frame out, to be compressed; `None` when nothing is open. The next one begins in `buffer`.
    ///
    /// The frame counts as closed only after [`Self::accept`], so that a failed write can be told from a done one.
    pub(super) fn take_frame(&mut self, buffer: Vec<u8>) -> Option<OpenFrame> {
        if self.text.is_empty() {
            return None;
        }
        let mut entry = std::mem::take(&mut self.open);
        entry.text = self.text.len() as u64;
        entry.channels = std::mem::take(&mut self.open_channels).into_iter().collect();
        Some(OpenFrame { entry, text: std::mem::replace(&mut self.text, buffer) })
    }

    /// Gives up all events that are in no closed frame; there is nothing more to come but the trailer.
    pub(super) fn forget(&mut self) {
        self.text.clear();
        (self.open, self.open_channels) = (FrameEntry::default(), BTreeMap::new());
        let named =
            self.index.frames.iter().flat_map(|frame| &frame.channels).map(|(place, _)| place + 1).max();
        self.index.channels.truncate(named.unwrap_or(0) as usize);
        self.counts_others = true;
    }

    /// Counts a frame as written behind those before it.
    pub(super) fn accept(&mut self, mut entry: FrameEntry) {
        entry.at = self.offset;
        self.offset += entry.len;
        self.index.events += entry.count;
        self.numbers = joined(self.numbers, entry.n);
        self.times = joined(self.times, entry.t);
        self.index.frames.push(entry);
    }

    /// Least and greatest number in closed frames.
    pub(super) fn closed_numbers(&self) -> Option<(u64, u64)> {
        self.numbers
    }

    /// Least and greatest time of receipt in closed frames.
    pub(super) fn closed_times(&self) -> Option<(i64, i64)> {
        self.times
    }

    /// Index and seek table, to stand at the very end; all frames must be closed.
    pub(super) fn trailer(&mut self) -> io::Result<Vec<u8>> {
        let has_totals = self.index.channels_complete && !self.counts_others;
        self.index.contents = has_totals.then(|| self.totals.contents().clone());
        let content = self.index.to_content()?;
        let mut out = Vec::with_capacity(content.len() + 64);
        frame::write_skippable(INDEX_MAGIC, &content, &mut out);
        let mut entries = self.index.seek_entries();
        let length = u32::try_from(content.len() + SKIPPABLE_HEADER).unwrap_or(u32::MAX);
        entries.push(SeekEntry { compressed: length, text: 0 });
        frame::write_seek_table(&entries, &mut out);
        Ok(out)
    }
}

fn joined<T: Copy + Ord>(one: Option<(T, T)>, other: Option<(T, T)>) -> Option<(T, T)> {
    match (one, other) {
        (Some((least, greatest)), Some((lower, higher))) => Some((least.min(lower), greatest.max(higher))),
        (one, other) => one.or(other),
    }
}

fn widen<T: Copy + Ord>(range: &mut Option<(T, T)>, value: T) {
    *range = Some(range.map_or((value, value), |(least, greatest)| (least.min(value), greatest.max(value))));
}
