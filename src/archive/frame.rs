//! The frame level of zstd files: what begins here, and the seek table at the end.
//!
//! Frames and skippable frames: RFC 8878, section 3.1. Seek table: the zstd seekable format, version 0.1.0.

/// First bytes of a frame with data.
const DATA_MAGIC: u32 = 0xFD2F_B528;
/// The bit behind it that says that a checksum ends the frame.
const CHECKSUM: u8 = 0b100;
/// First bytes of skippable frames: sixteen values from here.
const SKIPPABLE_MAGIC: u32 = 0x184D_2A50;
/// The skippable frame that carries our index.
pub(super) const INDEX_MAGIC: u32 = 0x184D_2A5D;
/// The skippable frame that carries the seek table.
pub(super) const SEEK_TABLE_MAGIC: u32 = 0x184D_2A5E;
/// The last four bytes of a file with a seek table.
const SEEKABLE_MAGIC: u32 = 0x8F92_EAB1;

/// First bytes of the content of the index frame; a frame with data follows them.
pub(super) const INDEX_SIGNATURE: &[u8; 8] = b"eddyidx1";
/// Bytes of the index frame before the frame with data in it.
const BEFORE_INDEX: usize = SKIPPABLE_HEADER + INDEX_SIGNATURE.len();
/// Bytes in which [`find`] may miss what begins in them and ends behind them.
pub(super) const FIND_OVERLAP: usize = BEFORE_INDEX + 3;

/// Bytes before the content of a skippable frame: magic and length.
pub(super) const SKIPPABLE_HEADER: usize = 8;
/// Bytes of the seek table after its entries.
pub(super) const FOOTER: usize = 9;
/// Bytes that are enough to know how much a frame with data holds.
pub(super) const LONGEST_HEADER: usize = 18;

/// What begins at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Compressed data; its length as text where the writer knew it, and whether a checksum ends it.
    Data { text: Option<u64>, checked: bool },
    /// Content other readers skip.
    Skippable { magic: u32, length: u32 },
}

/// Reads the first bytes of a frame: up to [`LONGEST_HEADER`] of them, fewer only at the end of the file.
///
/// `None` is no frame at all.
pub(super) fn start(bytes: &[u8]) -> Option<Start> {
    let magic = number(bytes.get(..4)?);
    if magic == DATA_MAGIC {
        let text = zstd::zstd_safe::get_frame_content_size(bytes).unwrap_or_default();
        let checked = bytes.get(4).is_none_or(|descriptor| descriptor & CHECKSUM != 0);
        return Some(Start::Data { text, checked });
    }
    if magic & 0xFFFF_FFF0 != SKIPPABLE_MAGIC {
        return None;
    }
    // A skippable header that is cut off claims more than the file can have.
    let length = bytes.get(4..8).map_or(u32::MAX, number);
    Some(Start::Skippable { magic, length })
}

/// Whether these bytes, which begin like lines, are frames whose first bytes changed: the mark of a frame is in no text,
/// since it is not UTF-8.
pub(super) fn hides_frames(bytes: &[u8]) -> bool {
    let magic = DATA_MAGIC.to_le_bytes();
    let kept = bytes.iter().zip(magic).filter(|(byte, wanted)| **byte == *wanted).count();
    kept + 1 >= magic.len() || memchr::memmem::find(bytes, &magic).is_some()
}

/// Whether a file that begins so is made of frames; a file cut inside its first four bytes still is.
pub(super) fn looks_like_frames(bytes: &[u8]) -> bool {
    start(bytes).is_some() || (bytes.len() < 4 && DATA_MAGIC.to_le_bytes().starts_with(bytes))
}

/// The place in these bytes of the next frame with data, or of the index, whose content is a frame of its own: where the
/// header of the index is damaged, that is passed over, since it holds no lines.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(bytes, &DATA_MAGIC.to_le_bytes()).find_map(|place| {
        if !bytes[..place].ends_with(INDEX_SIGNATURE) {
            return Some(place);
        }
        place.checked_sub(BEFORE_INDEX).filter(|index| number(&bytes[*index..]) == INDEX_MAGIC)
    })
}

/// Where to look for the next frame when what begins here with this mark cannot be passed over: behind its header, and
/// with the index behind the frame in it too.
pub(super) fn behind_header(magic: u32, at: u64) -> u64 {
    at + if magic == INDEX_MAGIC { BEFORE_INDEX + 1 } else { SKIPPABLE_HEADER } as u64
}

/// Appends a skippable frame.
pub(super) fn write_skippable(magic: u32, content: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&magic.to_le_bytes());
    out.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(content);
}

/// One row of the seek table: bytes in the file, bytes of text (0 for a skippable frame).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeekEntry {
    pub compressed: u32,
    pub text: u32,
}

/// Appends the seek table, which must be the last frame of a file; one entry for every frame before it.
pub(super) fn write_seek_table(entries: &[SeekEntry], out: &mut Vec<u8>) {
    let mut content = Vec::with_capacity(entries.len() * 8 + FOOTER);
    for entry in entries {
        content.extend_from_slice(&entry.compressed.to_le_bytes());
        content.extend_from_slice(&entry.text.to_le_bytes());
    }
    content.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes());
    content.push(0);
    content.extend_from_slice(&SEEKABLE_MAGIC.to_le_bytes());
    write_skippable(SEEK_TABLE_MAGIC, &content, out);
}

/// Bytes of the whole seek table frame, told from the last [`FOOTER`] bytes of a file; `None` when there is none.
pub(super) fn seek_table_length(footer: &[u8]) -> Option<u64> {
    let rows = u64::from(number(footer.get(..4)?));
    let descriptor = *footer.get(4)?;
    if number(footer.get(5..9)?) != SEEKABLE_MAGIC || descriptor & 0b0111_1100 != 0 {
        return None;
    }
    let row = if descriptor & 0x80 == 0 { 8 } else { 12 };
    Some(SKIPPABLE_HEADER as u64 + rows * row + FOOTER as u64)
}

/// Reads a whole seek table frame; `None` when its parts do not fit together.
pub(super) fn read_seek_table(frame: &[u8]) -> Option<Vec<SeekEntry>> {
    let footer = frame.get(frame.len().checked_sub(FOOTER)?..)?;
    // The two last bits mean nothing, and nobody sets them.
    let fits = seek_table_length(footer)? == frame.len() as u64
        && footer[4].trailing_zeros() >= 2
        && number(frame.get(..4)?) == SEEK_TABLE_MAGIC
        && number(frame.get(4..8)?) as usize == frame.len() - SKIPPABLE_HEADER;
    if !fits {
        return None;
    }
    let row = if footer[4] & 0x80 == 0 { 8 } else { 12 };
    let rows = frame[SKIPPABLE_HEADER..frame.len() - FOOTER].chunks_exact(row);
    Some(rows.map(|row| SeekEntry { compressed: number(&row[..4]), text: number(&row[4..8]) }).collect())
}

/// Four bytes, least significant first; 0 when there are fewer.
fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |four| u32::from_le_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::{FOOTER, SeekEntry, Start, read_seek_table, seek_table_length, start, write_seek_table};

    #[test]
    fn seek_tables_read_back_and_changed_ones_do_not() {
        let entries = vec![SeekEntry { compressed: 10, text: 100 }, SeekEntry { compressed: 7, text: 0 }];
        let mut frame = Vec::new();
        write_seek_table(&entries, &mut frame);
        assert_eq!(frame.len(), 8 + 16 + 9);
        assert_eq!(seek_table_length(&frame[frame.len() - FOOTER..]), Some(33));
        assert_eq!(read_seek_table(&frame), Some(entries));
        assert_eq!(read_seek_table(&frame[1..]), None);
        assert_eq!(start(&frame), Some(Start::Skippable { magic: super::SEEK_TABLE_MAGIC, length: 25 }));
    }

    #[test]
    fn frames_with_data_say_how_much() {
        let bytes = zstd::bulk::compress(b"hello", 1).expect("compressed");
        assert_eq!(start(&bytes), Some(Start::Data { text: Some(5), checked: false }));
        assert_eq!(start(&bytes[..4]), Some(Start::Data { text: None, checked: true }));
        assert_eq!(start(b"{\"n\""), None);
    }
}
