//! The index at the end of an archive: what lies in which frame, so that reading may begin in the middle.

use std::io::{self, Read, SeekFrom};

use serde::{Deserialize, Serialize};

use super::contents::Contents;
use super::frame::{self, INDEX_MAGIC, INDEX_SIGNATURE, SKIPPABLE_HEADER, SeekEntry};
use super::storage::Seekable;

/// The version of the index.
const INDEX_VERSION: u32 = 1;
/// An index larger than this as text is not read.
const MAX_INDEX: u64 = 512 * 1024 * 1024;

/// What lies where. As stored: `eddyidx1`, then a zstd frame with this as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// 1.
    pub version: u32,
    /// Events in the file.
    pub events: u64,
    /// The channels, named in the frames by their place in this list.
    pub channels: Vec<String>,
    /// Whether `channels` names all; beyond 65,536 it does not.
    pub channels_complete: bool,
    /// The frames with data in order, the header's included.
    pub frames: Vec<FrameEntry>,
    /// What the events hold together; absent where the writer kept no totals or `channels` does not name all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
}

/// One frame with data. Ranges are least and greatest, both included, and absent when nothing has the value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameEntry {
    /// Its first byte in the file.
    pub at: u64,
    /// Its bytes in the file.
    pub len: u64,
    /// Its bytes as text.
    pub text: u64,
    /// Events in it.
    pub count: u64,
    /// Numbers of the events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<(u64, u64)>,
    /// Times of receipt, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<(i64, i64)>,
    /// Times of the broker or producer, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<(i64, i64)>,
    /// Events by channel: place in [`Index::channels`], count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<(u32, u64)>,
    /// CRC-32 (as of gzip, RFC 1952, section 8) of its bytes in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc: Option<u32>,
}

impl Index {
    /// The content of the index frame.
    pub(super) fn to_content(&self) -> io::Result<Vec<u8>> {
        let json = serde_json::to_vec(self)?;
        let mut content = INDEX_SIGNATURE.to_vec();
        let mut compressor = zstd::bulk::Compressor::new(3)?;
        compressor.include_checksum(true)?;
        content.extend_from_slice(&compressor.compress(&json)?);
        Ok(content)
    }

    /// Reads the content of an index frame; the error says what is wrong with it.
    pub(super) fn from_content(content: &[u8]) -> Result<Self, String> {
        let compressed = content.strip_prefix(INDEX_SIGNATURE).ok_or("it does not begin as an index")?;
        let decoder = zstd::stream::read::Decoder::new(compressed).map_err(|error| error.to_string())?;
        let mut json = Vec::new();
        decoder.take(MAX_INDEX).read_to_end(&mut json).map_err(|error| error.to_string())?;
        let index: Self = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
        if index.version > INDEX_VERSION {
            return Err(format!("it is of version {}, this program reads {INDEX_VERSION}", index.version));
        }
        Ok(index)
    }

    /// An index without frames.
    pub(super) fn empty() -> Self {
        Self { version: INDEX_VERSION, channels_complete: true, ..Self::default() }
    }

    /// The frame rows of the seek table.
    pub(super) fn seek_entries(&self) -> Vec<SeekEntry> {
        let short = |size: u64| u32::try_from(size).unwrap_or(u32::MAX);
        let rows = self.frames.iter();
        rows.map(|frame| SeekEntry { compressed: short(frame.len), text: short(frame.text) }).collect()
    }
}

/// Reads index and seek table from the end of a file. `Ok(None)` when it has no seek table at all (a partial file, or
/// one of another writer); the inner error says in words why the end cannot be trusted.
///
/// # Errors
/// Those of the file system.
pub(super) fn read_trailer(file: &mut dyn Seekable) -> io::Result<Option<Result<Index, String>>> {
    let (seek_entries, index_end) = match read_seek_entries(file)? {
        None => return Ok(None),
        Some(Err(reason)) => return Ok(Some(Err(reason))),
        Some(Ok(found)) => found,
    };
    let Some(index_length) = seek_entries.last().map(|entry| u64::from(entry.compressed)) else {
        return Ok(Some(Err("the seek table is empty".to_owned())));
    };
    let index_frame = read_at_end(file, index_end, index_length)?.unwrap_or_default();
    Ok(Some(check(&index_frame, &seek_entries)))
}

/// Where the frames with lines end, by the seek table alone; `None` where it cannot be trusted.
///
/// # Errors
/// Those of the file system.
pub(super) fn data_end(file: &mut dyn Seekable) -> io::Result<Option<u64>> {
    let Some(Ok((entries, end))) = read_seek_entries(file)? else {
        return Ok(None);
    };
    Ok(entries.last().and_then(|index| end.checked_sub(u64::from(index.compressed))))
}

/// The index in the skippable frame at this place, when it is one that accounts for every byte before it: what is left
/// to go by when the seek table is damaged.
///
/// # Errors
/// Those of the file system.
pub(super) fn read_stray(file: &mut dyn Seekable, at: u64, length: u64) -> io::Result<Option<Index>> {
    let Some(bytes) = read_at_end(file, at + length, length)? else {
        return Ok(None);
    };
    let is_index = matches!(frame::start(&bytes), Some(frame::Start::Skippable { magic: INDEX_MAGIC, .. }));
    let index = bytes.get(SKIPPABLE_HEADER..).filter(|_| is_index).map(Index::from_content);
    let Some(Ok(index)) = index else {
        return Ok(None);
    };
    let end = index.frames.iter().try_fold(0, |end, frame| (frame.at == end).then(|| end + frame.len));
    Ok((end == Some(at)).then_some(index))
}

/// The rows of the seek table, and where it begins.
type SeekRows = (Vec<SeekEntry>, u64);

/// `None` where there is no seek table; the inner error says why it cannot be trusted.
fn read_seek_entries(file: &mut dyn Seekable) -> io::Result<Option<Result<SeekRows, String>>> {
    let length = file.seek(SeekFrom::End(0))?;
    let Some(footer) = read_at_end(file, length, frame::FOOTER as u64)? else {
        return Ok(None);
    };
    let Some(table_length) = frame::seek_table_length(&footer) else {
        return Ok(None);
    };
    let Some(table) = read_at_end(file, length, table_length)? else {
        return Ok(Some(Err("the seek table claims more than the file has".to_owned())));
    };
    let Some(seek_entries) = frame::read_seek_table(&table) else {
        return Ok(Some(Err("the parts of the seek table do not fit together".to_owned())));
    };
    let index_end = length - table_length;
    let listed: u64 = seek_entries.iter().map(|entry| u64::from(entry.compressed)).sum();
    if listed != index_end {
        let message = format!("the seek table accounts for {listed} bytes, {index_end} stand before it");
        return Ok(Some(Err(message)));
    }
    Ok(Some(Ok((seek_entries, index_end))))
}

fn check(index_frame: &[u8], seek_entries: &[SeekEntry]) -> Result<Index, String> {
    // The row of the index itself, whose frame is skipped by those who read the text.
    if let Some(row) = seek_entries.last().filter(|row| row.text != 0) {
        return Err(format!("the seek table gives the index {} bytes of text, and it has none", row.text));
    }
    match frame::start(index_frame) {
        Some(frame::Start::Skippable { magic: INDEX_MAGIC, length })
            if length as usize == index_frame.len() - SKIPPABLE_HEADER => {}
        _ => return Err("no index stands before the seek table".to_owned()),
    }
    let index = Index::from_content(&index_frame[SKIPPABLE_HEADER..])
        .map_err(|reason| format!("the index cannot be read: {reason}"))?;
    let mut at = 0;
    for entry in &index.frames {
        if entry.at != at {
            return Err(format!("the index places a frame at byte {}, expected {at}", entry.at));
        }
        at = entry.at.saturating_add(entry.len);
    }
    if index.seek_entries() != seek_entries[..seek_entries.len() - 1] {
        return Err("index and seek table disagree".to_owned());
    }
    Ok(index)
}

/// The `count` bytes before `end`; `None` when there are fewer.
fn read_at_end(file: &mut dyn Seekable, end: u64, count: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(from) = end.checked_sub(count) else {
        return Ok(None);
    };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 == count).then_some(bytes))
}
