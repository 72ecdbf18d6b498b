//! How much of a recording is read to find a time in it: the index and a frame, however long it is.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::frame_reader::Input;
use super::{Header, Reader, Selection, Writer, WriterOptions};
use crate::event::{Event, Timestamp};

/// Counts the bytes that are read.
struct Counted {
    file: File,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.file.seek(place)
    }
}

/// Bytes of a recording of so many events, and those read to find the event at nine tenths of its time.
fn found(events: u64) -> (u64, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("long.eddy.ndjson.zst");
    let options = WriterOptions { frame_bytes: 64 * 1024, ..WriterOptions::default() };
    let mut writer = Writer::create(&path, &Header::new(Vec::new()), options).expect("created");
    let mut noise: u64 = 0x9e37_79b9_7f4a_7c15;
    for number in 1..=events {
        let mut text = String::new();
        // What does not pack.
        while text.len() < 1000 {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            write!(text, "{noise:x}").expect("text");
        }
        let received = Timestamp(i64::try_from(number).expect("small") * 1000);
        writer.write(&Event { received, ..Event::new("c", text) }).expect("written");
    }
    let file_bytes = writer.finish().expect("finished").file_bytes;
    let bytes = Arc::new(AtomicU64::new(0));
    let counted = Counted { file: File::open(&path).expect("opened"), bytes: Arc::clone(&bytes) };
    let mut reader = Reader::new("long".to_owned(), Input::File(Box::new(counted))).expect("a reader");
    let wanted = events / 10 * 9;
    let from = Some(Timestamp(i64::try_from(wanted).expect("small") * 1000));
    reader.select(Selection { from, ..Selection::default() }).expect("selected");
    let line = reader.next_line().expect("readable").expect("an event");
    assert_eq!(line.number, Some(wanted));
    (file_bytes, bytes.load(Ordering::Relaxed))
}

#[test]
fn what_is_read_to_find_a_time_does_not_grow_with_the_recording() {
    let ((short, few), (long, many)) = (found(2_000), found(16_000));
    assert!(long > 7 * short && long > 8_000_000, "{short} and {long} bytes");
    // Two buffers and the index, which grows by some thirty bytes for each frame.
    assert!(many < 400_000 && many < few + 20_000, "{few} and {many} bytes read");
}
