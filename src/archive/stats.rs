//! Figures of a recording: how much, of what, how fast, how well packed.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::manifest::recorded_bytes;
use super::{ArchiveError, Reader, Watch, storage, told};
use crate::event::{Event, Timestamp};

/// Figures of one file, as `eddy archive stats --format json` prints them. Times are microseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// The file.
    pub file: String,
    /// Addresses it was recorded from, secrets masked.
    pub sources: Vec<String>,
    /// Events.
    pub events: u64,
    /// Bytes of keys, payloads and headers.
    pub event_bytes: u64,
    /// Bytes of lines.
    pub text_bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Text bytes per file byte.
    pub ratio: f64,
    /// Least time of receipt.
    pub first: Option<i64>,
    /// Greatest time of receipt.
    pub last: Option<i64>,
    /// From the first to the last.
    pub duration_us: i64,
    /// Events per second over that time; 0 when it has no length.
    pub rate: f64,
    /// Figures by channel, in order of their names.
    pub channels: Vec<ChannelStats>,
}

/// Figures of one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChannelStats {
    /// Its address.
    pub channel: String,
    /// Events.
    pub events: u64,
    /// Bytes of keys, payloads and headers.
    pub event_bytes: u64,
}

/// Reads a whole file for its figures; `-` is standard input.
///
/// # Errors
/// Those of [`Reader`], and when the watch ends it.
#[allow(clippy::cast_precision_loss, reason = "ratios and rates for people")]
pub fn stats(path: &Path, watch: Watch) -> Result<Stats, ArchiveError> {
    let mut reader = Reader::open(path)?;
    let mut stats = Stats { file: path.display().to_string(), ..Stats::default() };
    let mut channels = BTreeMap::new();
    while let Some(line) = reader.next_line()? {
        stats.add(&line.event, &mut channels);
        told(watch, reader.file_bytes(), stats.events)?;
    }
    stats.sources = reader.header().map(|header| header.sources.clone()).unwrap_or_default();
    stats.text_bytes = reader.text_bytes();
    stats.file_bytes = if storage::is_standard(path) { reader.file_bytes() } else { recorded_bytes(path) };
    stats.ratio = stats.text_bytes as f64 / stats.file_bytes.max(1) as f64;
    if let (Some(first), Some(last)) = (stats.first, stats.last) {
        stats.duration_us = Timestamp(last).since(Timestamp(first));
    }
    if stats.duration_us > 0 {
        stats.rate = stats.events as f64 * 1e6 / stats.duration_us as f64;
    }
    stats.channels = channels.into_values().collect();
    Ok(stats)
}

impl Stats {
    fn add(&mut self, event: &Event, channels: &mut BTreeMap<String, ChannelStats>) {
        let time = event.received.0;
        let size = event.size() as u64;
        self.events += 1;
        self.event_bytes += size;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        if !channels.contains_key(event.channel.as_str()) {
            let fresh = ChannelStats { channel: event.channel.to_string(), ..ChannelStats::default() };
            channels.insert(event.channel.to_string(), fresh);
        }
        if let Some(channel) = channels.get_mut(event.channel.as_str()) {
            channel.events += 1;
            channel.event_bytes += size;
        }
    }
}
