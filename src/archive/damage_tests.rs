//! Tests of damage: at seeded random places bits flip, bytes vanish and files end; what nobody touched comes back, and
//! what is lost is named to the event.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::tests::unwatched;
use super::{
    FrameEntry, Header, LostRange, PartLimits, PartWriter, Reader, Writer, WriterOptions, manifest_path,
    repair, verify, verify_parts,
};
use crate::event::{Event, Timestamp};

const EVENTS: u64 = 60;
const PER_FRAME: u64 = 4;

/// A small generator of numbers, so that every run damages the same places.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("small")
    }
}

fn time(number: u64) -> i64 {
    i64::try_from(number).expect("small") * 1_000
}

fn event(number: u64) -> Event {
    let mut event = Event::new(
        format!("c/{}", number % 3),
        format!("{{\"id\":{number},\"text\":\"{:x}\"}}", number * 7919),
    );
    event.received = Timestamp(time(number));
    event
}

struct Whole {
    bytes: Vec<u8>,
    frames: Vec<FrameEntry>,
    data_end: usize,
    folder: tempfile::TempDir,
}

impl Whole {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("whole.eddy.ndjson.zst");
        // Every run damages the same bytes.
        let header = Header { run: uuid::Uuid::nil(), created: Timestamp(0), ..Header::new(Vec::new()) };
        let mut writer = Writer::create(&path, &header, WriterOptions::default()).expect("created");
        for number in 1..=EVENTS {
            writer.write(&event(number)).expect("written");
            if number % PER_FRAME == 0 {
                writer.flush().expect("flushed");
            }
        }
        writer.finish().expect("finished");
        let frames = Reader::open(&path).expect("opened").index().expect("read").expect("indexed").frames;
        let last = frames.last().expect("frames");
        let data_end = usize::try_from(last.at + last.len).expect("small");
        Self { bytes: fs::read(path).expect("read"), frames, data_end, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("damaged.eddy.ndjson.zst")
    }

    /// The frame that has this byte.
    fn frame_of(&self, place: usize) -> Option<&FrameEntry> {
        let place = place as u64;
        self.frames.iter().find(|frame| (frame.at..frame.at + frame.len).contains(&place))
    }

    /// The frames with events of which every byte is still there, in one piece.
    fn intact(&self, bytes: &[u8]) -> impl Iterator<Item = (u64, u64)> {
        let is_there = |frame: &&FrameEntry| {
            let begin = usize::try_from(frame.at).expect("small");
            let end = begin + usize::try_from(frame.len).expect("small");
            memchr::memmem::find(bytes, &self.bytes[begin..end]).is_some()
        };
        self.frames.iter().filter(is_there).filter_map(|frame| frame.n)
    }

    fn write(&self, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(), bytes).expect("written");
        self.path()
    }
}

/// The numbers of the events that `repair` keeps, each of which must be the one that was written, and what it lost.
fn kept(path: &Path) -> (Vec<u64>, Vec<LostRange>) {
    let target = path.with_file_name("kept.eddy.ndjson.zst");
    let repaired = repair(path, &target, true, unwatched()).expect("repaired");
    assert!(verify(&target, unwatched()).expect("verified").is_whole());
    let lines = Reader::open(&target).expect("opened").map(|line| line.expect("readable"));
    let numbers = lines.map(|line| {
        let number = line.number.expect("numbered");
        assert_eq!(line.event, event(number));
        number
    });
    (numbers.collect(), repaired.lost.ranges)
}

fn without(lost: &FrameEntry) -> Vec<u64> {
    let (least, greatest) = lost.n.unwrap_or((u64::MAX, u64::MAX));
    (1..=EVENTS).filter(|number| !(least..=greatest).contains(number)).collect()
}

fn open_end(first: u64) -> LostRange {
    LostRange { first: Some(first), from: Some(time(first - 1)), ..LostRange::default() }
}

#[test]
fn a_changed_byte_costs_its_frame_alone_which_the_index_names() {
    let whole = Whole::new();
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for _ in 0..400 {
        let place = numbers.below(whole.bytes.len());
        let mut bytes = whole.bytes.clone();
        bytes[place] ^= 1 << numbers.below(8);
        let path = whole.write(&bytes);
        let found = verify(&path, unwatched()).unwrap_or_else(|error| panic!("byte {place}: {error}"));
        let (kept, ranges) = kept(&path);
        assert_eq!(found.lost, ranges, "byte {place}");
        assert_eq!(found.events, kept.len() as u64, "byte {place}");
        let Some(frame) = whole.frame_of(place) else {
            assert_eq!((kept.len() as u64, ranges.len()), (EVENTS, 0), "byte {place} is in the index");
            continue;
        };
        if kept.len() as u64 == EVENTS {
            // A bit that means nothing, or the header's frame.
            assert!(ranges.is_empty(), "byte {place}: {ranges:?}");
            continue;
        }
        assert_eq!(kept, without(frame), "byte {place}");
        let ((first, last), (from, to)) = (frame.n.expect("numbers"), frame.t.expect("times"));
        let expected = LostRange {
            first: Some(first),
            last: Some(last),
            events: Some(frame.count),
            from: Some(from),
            to: Some(to),
            exact: true,
        };
        assert_eq!(ranges, [expected], "byte {place}");
    }
}

#[test]
fn a_changed_bit_behind_the_events_costs_nothing_and_is_found_wherever_it_means_something() {
    let whole = Whole::new();
    // A row for each frame and one for the index, between the header of the frame and the end of the table.
    let table = whole.bytes.len() - (8 + (whole.frames.len() + 1) * 8 + 9);
    for place in whole.data_end..whole.bytes.len() {
        for bit in 0..8 {
            let mut bytes = whole.bytes.clone();
            bytes[place] ^= 1 << bit;
            let found = verify(&whole.write(&bytes), unwatched()).expect("verified");
            assert_eq!((found.events, found.lost.len()), (EVENTS, 0), "byte {place}, bit {bit}");
            // The index is packed, and some bits of what is packed say nothing.
            assert!(place < table || !found.is_whole(), "byte {place} of {}, bit {bit}", bytes.len());
            assert_eq!(found.indexed, found.is_whole(), "byte {place}, bit {bit}");
        }
    }
}

#[test]
fn without_an_index_the_missing_numbers_name_what_is_lost() {
    let whole = Whole::new();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..200 {
        let place = numbers.below(whole.data_end);
        let mut bytes = whole.bytes[..whole.data_end].to_vec();
        bytes[place] ^= 1 << numbers.below(8);
        let path = whole.write(&bytes);
        let found = verify(&path, unwatched()).unwrap_or_else(|error| panic!("byte {place}: {error}"));
        let (kept, ranges) = kept(&path);
        assert_eq!(found.lost, ranges, "byte {place}");
        let frame = whole.frame_of(place).expect("a frame");
        if kept.len() as u64 == EVENTS {
            assert_eq!(ranges, [open_end(EVENTS + 1)], "byte {place}");
            continue;
        }
        assert_eq!(kept, without(frame), "byte {place}");
        let (first, last) = frame.n.expect("numbers");
        let mut expected = Vec::new();
        if first == 1 {
            expected.push(LostRange { last: Some(last), to: Some(time(last + 1)), ..LostRange::default() });
        } else if last < EVENTS {
            expected.push(LostRange {
                last: Some(last),
                events: Some(last - first + 1),
                to: Some(time(last + 1)),
                ..open_end(first)
            });
        }
        expected.push(open_end(if last < EVENTS { EVENTS + 1 } else { first }));
        assert_eq!(ranges, expected, "byte {place}");
    }
}

#[test]
fn a_file_that_ends_early_keeps_every_whole_frame() {
    let whole = Whole::new();
    let index_end = whole.bytes.len() - (8 + 8 * (whole.frames.len() + 1) + 9);
    let header = usize::try_from(whole.frames[0].len).expect("small");
    let mut numbers = Numbers(0xd1b5_4a32_d192_ed03);
    for _ in 0..200 {
        let length = header + numbers.below(whole.bytes.len() - header);
        let path = whole.write(&whole.bytes[..length]);
        let found = verify(&path, unwatched()).expect("verified");
        let whole_frames = whole.frames.iter().filter(|frame| frame.at + frame.len <= length as u64);
        let events: u64 = whole_frames.map(|frame| frame.count).sum();
        assert!(!found.is_whole(), "{length} bytes");
        let (kept, ranges) = kept(&path);
        let count = kept.len() as u64;
        assert_eq!(kept, (1..=count).collect::<Vec<_>>(), "{length} bytes");
        assert!((events..=events + PER_FRAME).contains(&count), "{length} bytes: {count}");
        let expected = match (length >= index_end, count) {
            (true, _) => Vec::new(),
            (false, 0) => vec![LostRange::default()],
            (false, _) => vec![open_end(count + 1)],
        };
        // What is looked at and what is mended come to the same.
        assert_eq!((found.events, &found.lost), (count, &ranges), "{length} bytes");
        assert_eq!(ranges, expected, "{length} bytes");
    }
}

#[test]
fn what_is_wiped_out_in_the_middle_is_one_range() {
    let whole = Whole::new();
    let mut bytes = whole.bytes.clone();
    let (first, last) = (&whole.frames[4], &whole.frames[6]);
    let place = |at: u64| usize::try_from(at).expect("small");
    bytes[place(first.at) + 3..place(last.at) + 5].fill(0);
    let (kept, ranges) = kept(&whole.write(&bytes));
    assert_eq!(kept.len() as u64, EVENTS - 3 * PER_FRAME);
    let expected = LostRange {
        first: Some(13),
        last: Some(24),
        events: Some(12),
        from: Some(time(13)),
        to: Some(time(24)),
        exact: true,
    };
    assert_eq!(ranges, [expected]);
}

#[test]
fn a_file_without_a_byte_is_never_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("empty.ndjson");
    fs::write(&path, "").expect("written");
    let found = verify(&path, unwatched()).expect("verified");
    assert_eq!((found.findings[0].kind, found.lost.len()), ("empty", 1));
}

#[test]
fn a_manifest_names_what_its_parts_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("a.eddy.ndjson.zst");
    let limits = PartLimits { count: Some(10), ..PartLimits::default() };
    let options = WriterOptions { frame_bytes: 200, ..WriterOptions::default() };
    let mut parts = PartWriter::create(&base, &Header::new(Vec::new()), options, limits).expect("created");
    for number in 1..=40 {
        parts.write(&event(number)).expect("written");
    }
    let (_, manifest) = parts.finish().expect("finished");
    let part = |number: usize| base.with_file_name(&manifest.parts[number - 1].file);
    fs::remove_file(part(1)).expect("removed");
    fs::write(part(2), "").expect("emptied");
    let bytes = fs::read(part(4)).expect("read");
    let mut reader = Reader::open(&part(4)).expect("opened");
    let cut = reader.index().expect("read").expect("indexed").frames[2].clone();
    fs::write(part(4), &bytes[..usize::try_from(cut.at + 1).expect("small")]).expect("cut");
    let found = verify_parts(&manifest_path(&base), &manifest, unwatched()).expect("verified");
    let lost: Vec<_> =
        found.iter().flat_map(|each| &each.lost).map(|range| (range.first, range.last)).collect();
    let kept_of_last = cut.n.expect("numbers").0;
    assert_eq!(
        lost,
        [(Some(1), Some(10)), (Some(11), Some(20)), (Some(kept_of_last), Some(40))],
        "{found:?}"
    );
    let target = folder.path().join("b.eddy.ndjson.zst");
    let repaired = repair(&manifest_path(&base), &target, false, unwatched()).expect("repaired");
    assert_eq!((repaired.lost.parts, repaired.lost.ranges.len()), (2, 3));
    assert_eq!(repaired.kept.events, 10 + kept_of_last - 31);
}

/// One damage: a bit flips, bytes become zero, vanish, come in between, or the file ends.
fn damage(bytes: &mut Vec<u8>, place: usize, numbers: &mut Numbers) {
    let until = (place + 1 + numbers.below(40)).min(bytes.len());
    match numbers.below(5) {
        0 => bytes[place] ^= 1 << numbers.below(8),
        1 => bytes[place..until].fill(0),
        2 => drop(bytes.drain(place..until)),
        3 => {
            let noise: Vec<u8> = (place..until).map(|_| numbers.below(256).to_le_bytes()[0]).collect();
            drop(bytes.splice(place..place, noise));
        }
        _ => bytes.truncate(place),
    }
}

/// Holds what `repair` makes of these bytes against what is whole in them.
fn whole_frames_come_back(whole: &Whole, bytes: &[u8], words: &str) {
    let (kept, lost) = kept(&whole.write(bytes));
    for (least, greatest) in whole.intact(bytes) {
        assert!((least..=greatest).all(|number| kept.contains(&number)), "{words}: {least} to {greatest}");
    }
    for number in (1..=EVENTS).filter(|number| !kept.contains(number)) {
        let is_named = |range: &LostRange| {
            range.first.is_none_or(|first| first <= number) && range.last.is_none_or(|last| number <= last)
        };
        assert!(lost.iter().any(is_named), "{words}: event {number} is not named in {lost:?}");
    }
}

#[test]
fn whatever_is_done_to_a_file_whole_frames_come_back_and_the_rest_is_named() {
    let whole = Whole::new();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for round in 0..150 {
        let mut bytes = whole.bytes.clone();
        for _ in 0..=numbers.below(4) {
            let place = numbers.below(whole.data_end.min(bytes.len()));
            damage(&mut bytes, place, &mut numbers);
            if bytes.is_empty() {
                break;
            }
        }
        if whole.intact(&bytes).next().is_some() {
            whole_frames_come_back(&whole, &bytes, &format!("round {round}"));
        }
    }
}

#[test]
fn a_length_that_reaches_behind_the_end_costs_its_frame_alone() {
    let whole = Whole::new();
    let place = |frame: &FrameEntry| usize::try_from(frame.at).expect("small");
    for frame in &whole.frames[1..] {
        let mut bytes = whole.bytes.clone();
        // A window instead of a size, and with it the block, uncompressed, of as many bytes as a block may have.
        bytes[place(frame) + 4..place(frame) + 9].copy_from_slice(&[0b100, 0x50, 0xF9, 0xFF, 0x03]);
        whole_frames_come_back(&whole, &bytes, &format!("byte {}", frame.at));
    }
}

#[test]
fn a_first_byte_like_that_of_a_line_and_a_lost_checksum_cost_one_frame() {
    let whole = Whole::new();
    for first in *b"{ \t\r\n" {
        let mut bytes = whole.bytes.clone();
        bytes[0] = first;
        whole_frames_come_back(&whole, &bytes, &format!("first byte {first}"));
        whole_frames_come_back(&whole, &[&[first], &whole.bytes[4..]].concat(), "without its mark");
    }
    for frame in &whole.frames[1..] {
        let place = usize::try_from(frame.at).expect("small");
        let mut bytes = whole.bytes.clone();
        // The flag of the checksum, and a byte of a literal.
        bytes[place + 4] ^= 0b100;
        bytes[place + 20] ^= 1;
        whole_frames_come_back(&whole, &bytes, &format!("byte {place}"));
    }
}

#[test]
fn an_index_in_the_middle_that_claims_too_much_swallows_nothing() {
    let whole = Whole::new();
    for bit in 0..32 {
        let mut bytes = whole.bytes.clone();
        let length = whole.data_end + 4;
        bytes[length + bit / 8] ^= 1 << (bit % 8);
        bytes.extend_from_slice(&whole.bytes);
        let target = whole.folder.path().join("kept.eddy.ndjson.zst");
        let repaired = repair(&whole.write(&bytes), &target, true, unwatched()).expect("repaired");
        assert_eq!(repaired.kept.events, 2 * EVENTS, "bit {bit}: {:?}", repaired.lost);
    }
}

#[test]
fn what_is_left_of_an_earlier_repair_is_in_nobodys_way() {
    let whole = Whole::new();
    let path = whole.write(&whole.bytes);
    let target = path.with_file_name("mended.eddy.ndjson.zst");
    let left = path.with_file_name("mended.eddy.ndjson.zst.repairing");
    fs::write(&left, "cut off").expect("written");
    let mut told = Vec::new();
    let ended = repair(&path, &target, false, &mut |bytes, events| {
        told.push((bytes, events));
        false
    });
    assert!(matches!(ended, Err(super::ArchiveError::Interrupted)), "{ended:?}");
    assert!(told.len() == 1 && told[0].0 > 0 && told[0].1 > 0, "{told:?}");
    assert!(!left.exists() && !target.exists());
    fs::write(&left, "cut off").expect("written");
    assert_eq!(repair(&path, &target, false, unwatched()).expect("repaired").kept.events, EVENTS);
    assert!(!left.exists() && target.exists());
}

#[test]
fn a_window_beyond_our_memory_is_named_and_is_no_damage() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("long.ndjson.zst");
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.window_log(28).expect("allowed");
    for number in 1..=3 {
        writeln!(encoder, "{{\"src\":\"a\",\"v\":\"{number}\"}}").expect("written");
    }
    fs::write(&path, encoder.finish().expect("packed")).expect("written");
    let is_named = |error: &super::ArchiveError| {
        matches!(error, super::ArchiveError::Window { .. })
            && error.help().is_some_and(|help| help.contains("--long"))
    };
    assert!(Reader::open(&path).is_err_and(|error| is_named(&error)));
    assert!(verify(&path, unwatched()).is_err_and(|error| is_named(&error)));
    let target = directory.path().join("mended.eddy.ndjson.zst");
    assert!(repair(&path, &target, false, unwatched()).is_err_and(|error| is_named(&error)));
    assert!(!target.exists());
    // One such part of a recording costs that part.
    let base = directory.path().join("parts.eddy.ndjson.zst");
    let limits = PartLimits { count: Some(20), ..PartLimits::default() };
    let header = Header::new(Vec::new());
    let mut parts = PartWriter::create(&base, &header, WriterOptions::default(), limits).expect("begun");
    for number in 1..=60 {
        parts.write(&event(number)).expect("written");
    }
    let (_, manifest) = parts.finish().expect("finished");
    fs::copy(&path, directory.path().join(&manifest.parts[1].file)).expect("copied");
    let found = verify_parts(&manifest_path(&base), &manifest, unwatched()).expect("verified");
    assert!(found[0].findings.iter().any(|finding| finding.kind == "not-an-archive"), "{:?}", found[0]);
    let repaired = repair(&manifest_path(&base), &target, false, unwatched()).expect("repaired");
    assert_eq!((repaired.kept.events, repaired.lost.parts), (40, 1));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("events.ndjson");
    fs::write(&path, "\u{feff}{\"src\":\"a\",\"v\":\"1\"}\n").expect("written");
    let event = Reader::open(&path).expect("opened").next_line().expect("read").expect("one").event;
    assert_eq!(event.payload.as_deref(), Some(b"1".as_slice()));
    fs::write(&path, "\u{feff}").expect("written");
    assert!(Reader::open(&path).expect("opened").next_line().expect("read").is_none());
}

#[test]
fn parts_without_a_manifest_are_met_before_the_start_and_other_names_are_not_parts() {
    let directory = tempfile::tempdir().expect("directory");
    let base = directory.path().join("a.eddy.ndjson.zst");
    let limits = PartLimits { count: Some(10), ..PartLimits::default() };
    let begin = || PartWriter::create(&base, &Header::new(Vec::new()), WriterOptions::default(), limits);
    for other in ["a-20261129", "a-eu-00001", "b-00001", "a-0001", "a"] {
        fs::write(directory.path().join(format!("{other}.eddy.ndjson.zst")), "x").expect("written");
    }
    begin().expect("nothing is in the way").discard();
    for (name, expected) in [
        ("a-00003.eddy.ndjson.zst", "is already there"),
        ("a-00003.eddy.ndjson.zst.partial", "a-00003.eddy.ndjson.zst.partial"),
    ] {
        let path = directory.path().join(name);
        fs::write(&path, "x").expect("written");
        let error = begin().err().expect("in the way").to_string();
        assert!(error.contains(name) && error.contains(expected), "{error}");
        fs::remove_file(&path).expect("removed");
    }
}
