//! Tests of writing and reading together: round trips, cuts, flipped bits, foreign files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{
    ArchiveError, Header, Overview, Reader, Selection, Writer, WriterOptions, repair, repaired_path, stats,
    verify,
};
use crate::event::{Event, Header as EventHeader, Timestamp};

/// A watch that looks at nothing.
pub(super) fn unwatched() -> super::Watch<'static> {
    Box::leak(Box::new(|_, _| true))
}

/// Event `number` of every test archive, one second after the one before.
fn event(number: u64) -> Event {
    let mut event = Event::new(format!("channel-{}", number % 3), format!("{{\"id\":{number}}}"));
    event.received = Timestamp(i64::try_from(number).expect("small") * 1_000_000);
    event.headers.push(EventHeader::text("number", number.to_string()));
    event
}

/// An archive of this many events, `per_frame` of them in each frame.
fn archive(directory: &Path, events: u64, per_frame: u64) -> PathBuf {
    let path = directory.join("a.eddy.ndjson.zst");
    let options = WriterOptions { overwrite: true, ..WriterOptions::default() };
    let header = Header::new(vec!["memory:test".to_owned()]);
    let mut writer = Writer::create(&path, &header, options).expect("created");
    for number in 1..=events {
        assert_eq!(writer.write(&event(number)).expect("written"), number);
        if number % per_frame == 0 {
            writer.flush().expect("flushed");
        }
    }
    let summary = writer.finish().expect("finished");
    assert_eq!(summary.events, events);
    assert_eq!(summary.file_bytes, fs::metadata(&path).expect("there").len());
    path
}

fn numbers(reader: Reader) -> Vec<u64> {
    reader.map(|line| line.expect("readable").number.expect("numbered")).collect()
}

/// The events before the first error; every one must be the one that was written.
fn intact_prefix(path: &Path) -> (u64, Option<ArchiveError>) {
    match Reader::open(path) {
        Ok(reader) => intact(reader),
        Err(error) => (0, Some(error)),
    }
}

fn intact(mut reader: Reader) -> (u64, Option<ArchiveError>) {
    let mut count = 0;
    loop {
        match reader.next_line() {
            Ok(None) => return (count, None),
            Err(error) => return (count, Some(error)),
            Ok(Some(line)) => {
                count += 1;
                assert_eq!(line.number, Some(count));
                assert_eq!(line.event, event(count));
            }
        }
    }
}

#[test]
fn what_is_written_is_read_with_header_and_index() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 100, 7);
    let mut reader = Reader::open(&path).expect("opened");
    assert_eq!(reader.header().map(|header| header.sources.clone()), Some(vec!["memory:test".to_owned()]));
    let index = reader.index().expect("read").expect("has an index");
    assert_eq!((index.events, index.frames.len()), (100, 1 + 15));
    assert_eq!(index.frames[1].n, Some((1, 7)));
    assert_eq!(index.frames[1].t, Some((1_000_000, 7_000_000)));
    assert_eq!(index.frames[1].channels, vec![(0, 3), (1, 2), (2, 2)]);
    assert_eq!(intact_prefix(&path).0, 100);
}

#[test]
fn a_selection_reads_only_the_frames_it_needs() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 100, 10);
    let select = |selection| {
        let mut reader = Reader::open(&path).expect("opened");
        reader.select(selection).expect("selected");
        numbers(reader)
    };
    let times = |from: i64, to: i64| Selection {
        from: Some(Timestamp(from * 1_000_000)),
        to: Some(Timestamp(to * 1_000_000)),
        ..Selection::default()
    };
    assert_eq!(select(times(42, 63)), (42..=63).collect::<Vec<_>>());
    assert_eq!(select(times(1, 1)), vec![1]);
    assert_eq!(select(times(200, 300)), Vec::<u64>::new());
    let by_number = Selection { first_number: Some(95), end_number: Some(98), ..Selection::default() };
    assert_eq!(select(by_number), vec![95, 96, 97]);
    // A frame that is not needed may be damaged without harm: it is not read.
    let mut bytes = fs::read(&path).expect("read");
    let mut reader = Reader::open(&path).expect("opened");
    let frame = reader.index().expect("read").expect("indexed").frames[3].clone();
    bytes[usize::try_from(frame.at + frame.len / 2).expect("small")] ^= 0xff;
    fs::write(&path, bytes).expect("written");
    assert_eq!(select(times(42, 63)), (42..=63).collect::<Vec<_>>());
    let (count, error) = intact_prefix(&path);
    assert_eq!(count, 20);
    assert!(matches!(error, Some(ArchiveError::Damaged { frame: 4, offset, .. }) if offset == frame.at));
}

#[test]
fn a_cut_at_any_byte_gives_no_wrong_event() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 6, 2);
    let bytes = fs::read(&path).expect("read");
    let cut_path = directory.path().join("cut.eddy.ndjson.zst");
    let mut reader = Reader::open(&path).expect("opened");
    let index = reader.index().expect("read").expect("indexed");
    for length in 0..bytes.len() {
        fs::write(&cut_path, &bytes[..length]).expect("written");
        let (count, error) = intact_prefix(&cut_path);
        let whole = index.frames.iter().filter(|frame| frame.at + frame.len <= length as u64);
        assert_eq!(count, whole.map(|frame| frame.count).sum::<u64>(), "cut at {length}");
        let at_border = index.frames.iter().any(|frame| frame.at == length as u64)
            || index.frames.last().is_some_and(|frame| frame.at + frame.len == length as u64);
        if !at_border {
            let seek_table = error.is_none() && length > bytes.len() - 80;
            assert!(
                seek_table || matches!(error, Some(ArchiveError::Truncated { .. })),
                "{length}: {error:?}"
            );
        }
    }
}

#[test]
fn a_flipped_bit_gives_no_wrong_event() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 6, 2);
    let bytes = fs::read(&path).expect("read");
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1 << bit;
            let stream = Box::new(std::io::Cursor::new(flipped));
            // Every event is compared; the header is looked at by nobody here.
            let _ = intact(Reader::from_stream("flipped", stream).expect("reader"));
        }
    }
}

#[test]
fn files_of_other_writers_are_read() {
    let directory = tempfile::tempdir().expect("directory");
    let plain: Vec<u8> = (1..=50)
        .flat_map(|number| {
            let mut line = Vec::new();
            crate::event::json_lines::encode(&event(number), number, &mut line);
            line.push(b'\n');
            line
        })
        .collect();
    let path = directory.path().join("plain.ndjson");
    fs::write(&path, &plain[..plain.len() - 1]).expect("written");
    assert!(matches!(intact_prefix(&path), (50, None)), "without the last newline");
    let zstd_path = directory.path().join("other.zst");
    let mut compressed = zstd::stream::encode_all(&plain[..1001], 3).expect("compressed");
    compressed.extend_from_slice(b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc");
    compressed.extend(zstd::stream::encode_all(&plain[1001..], 3).expect("compressed"));
    fs::write(&zstd_path, compressed).expect("written");
    assert!(matches!(intact_prefix(&zstd_path), (50, None)), "a line across two frames");
    let empty = directory.path().join("empty.ndjson");
    fs::write(&empty, b"").expect("written");
    assert!(matches!(intact_prefix(&empty), (0, None)));
    let gzip = directory.path().join("x.gz");
    fs::write(&gzip, b"\x1f\x8b\x08\x00").expect("written");
    assert!(matches!(intact_prefix(&gzip), (0, Some(ArchiveError::Foreign { .. }))));
    let gone = directory.path().join("gone");
    assert!(matches!(intact_prefix(&gone), (0, Some(ArchiveError::Open { .. }))));
}

#[test]
fn nothing_is_overwritten_unasked_and_a_dropped_writer_leaves_its_events() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 3, 10);
    let header = Header::new(Vec::new());
    let again = Writer::create(&path, &header, WriterOptions::default());
    assert!(matches!(again, Err(ArchiveError::Exists { .. })));
    let other = directory.path().join("b.eddy.ndjson.zst");
    let mut writer = Writer::create(&other, &header, WriterOptions::default()).expect("created");
    writer.write(&event(1)).expect("written");
    let partial = writer.partial().to_owned();
    drop(writer);
    assert!(!other.exists());
    assert!(matches!(intact_prefix(&partial), (1, None)));
    let again = Writer::create(&other, &header, WriterOptions::default());
    assert!(matches!(again, Err(ArchiveError::Unfinished { .. })));
}

#[test]
fn events_do_not_wait_longer_than_allowed() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("c.eddy.ndjson.zst");
    let mut writer =
        Writer::create(&path, &Header::new(Vec::new()), WriterOptions::default()).expect("created");
    writer.write(&event(1)).expect("written");
    let partial = writer.partial().to_owned();
    let now = Instant::now();
    writer.tick(now).expect("ticked");
    assert_eq!(intact_prefix(&partial).0, 0);
    writer.tick(now + Duration::from_secs(1)).expect("ticked");
    assert_eq!(intact_prefix(&partial).0, 1);
}

#[test]
fn archives_put_one_after_another_read_as_one() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 3, 10);
    let mut bytes = fs::read(&path).expect("read");
    bytes.extend(bytes.clone());
    let both = directory.path().join("both.eddy.ndjson.zst");
    fs::write(&both, bytes).expect("written");
    let mut reader = Reader::open(&both).expect("opened");
    assert_eq!(reader.index().expect("read"), None, "the last index does not fit the whole file");
    assert_eq!(numbers(reader), vec![1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_small_file_that_unpacks_without_end_is_refused() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("bomb.zst");
    let mut encoder =
        zstd::stream::Encoder::new(fs::File::create(&path).expect("created"), 1).expect("encoder");
    encoder.write_all(b"{").expect("written");
    let blank = vec![b' '; 1024 * 1024];
    for _ in 0..100 {
        encoder.write_all(&blank).expect("written");
    }
    encoder.finish().expect("finished");
    assert!(matches!(intact_prefix(&path), (0, Some(ArchiveError::LongLine { line: 1, .. }))));
}

/// Damages the file in its `number`th frame, counted from 1, and returns where that begins.
fn damage(path: &Path, number: usize) -> u64 {
    let mut reader = Reader::open(path).expect("opened");
    let frame = reader.index().expect("read").expect("indexed").frames[number - 1].clone();
    let mut bytes = fs::read(path).expect("read");
    bytes[usize::try_from(frame.at + frame.len - 6).expect("small")] ^= 0x40;
    fs::write(path, bytes).expect("written");
    frame.at
}

#[test]
fn a_whole_archive_has_no_findings_and_a_flipped_bit_that_changes_anything_is_one() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 20, 5);
    let whole = verify(&path, unwatched()).expect("verified");
    assert!(whole.is_whole() && whole.indexed, "{whole:?}");
    assert_eq!((whole.frames, whole.events, whole.gaps), (1 + 4 + 2, 20, 0));
    let bytes = fs::read(&path).expect("read");
    let header = Reader::open(&path).expect("opened").header().cloned();
    let flipped_path = directory.path().join("flipped.eddy.ndjson.zst");
    let mut found_damage = 0;
    for position in (0..bytes.len()).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[position] ^= 0x20;
        fs::write(&flipped_path, &flipped).expect("written");
        match verify(&flipped_path, unwatched()) {
            // Compression has bits that mean nothing: then everything is as it was, which the checksum vouches for.
            Ok(found) if found.is_whole() => {
                assert_eq!(intact_prefix(&flipped_path).0, 20, "byte {position}");
                let read = Reader::open(&flipped_path).expect("opened");
                assert_eq!(read.header().cloned(), header, "byte {position}");
            }
            Ok(_) => found_damage += 1,
            Err(error) => assert!(matches!(error, ArchiveError::Foreign { .. }), "byte {position}: {error}"),
        }
    }
    assert!(found_damage > bytes.len() / 7 * 8 / 10, "{found_damage} of {}", bytes.len() / 7);
}

/// The archive with another index, as a writer with other ideas of it would make it.
fn with_index(path: &Path, change: impl FnOnce(&mut super::Index)) {
    let mut index = Reader::open(path).expect("opened").index().expect("read").expect("indexed");
    let end = index.frames.last().map_or(0, |frame| frame.at + frame.len);
    change(&mut index);
    let mut bytes = fs::read(path).expect("read");
    bytes.truncate(usize::try_from(end).expect("small"));
    let content = index.to_content().expect("content");
    super::frame::write_skippable(super::frame::INDEX_MAGIC, &content, &mut bytes);
    let mut entries = index.seek_entries();
    let length = u32::try_from(content.len() + super::frame::SKIPPABLE_HEADER).expect("small");
    entries.push(super::frame::SeekEntry { compressed: length, text: 0 });
    super::frame::write_seek_table(&entries, &mut bytes);
    fs::write(path, bytes).expect("written");
}

#[test]
fn an_index_tells_what_all_events_hold_together() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 20, 5);
    let found = Overview::of(&path, |_, _| true).expect("an overview");
    let of_all = (found.events, found.first, found.last, found.contents.headers);
    assert_eq!(of_all, (20, Some(Timestamp(1_000_000)), Some(Timestamp(20_000_000)), 20));
    let names: Vec<(&str, u64)> =
        found.channels.iter().map(|(name, all)| (name.as_str(), all.events)).collect();
    assert_eq!(names, [("channel-0", 6), ("channel-1", 7), ("channel-2", 7)]);
    assert_eq!(found.channels["channel-0"].largest_event, 12, "the first of two digits");
    assert_eq!(Overview::of(&path, |bytes, _| bytes < 200), None, "broken off");
    let at = damage(&path, 3);
    assert_eq!(Overview::of(&path, |_, _| true), None, "damaged at byte {at}");
}

#[test]
fn an_archive_that_ends_early_is_whole_without_what_was_in_no_frame() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.eddy.ndjson.zst");
    let header = Header::new(vec!["memory:test".to_owned()]);
    let mut writer = Writer::create(&path, &header, WriterOptions::default()).expect("created");
    for number in 1..=4 {
        writer.write(&event(number)).expect("written");
        if number == 2 {
            writer.flush().expect("flushed");
        }
    }
    let mut other = event(5);
    other.channel = "another".into();
    writer.write(&other).expect("written");
    let summary = writer.finish_early().expect("whole");
    assert_eq!((summary.events, summary.numbers), (2, Some((1, 2))));
    let found = verify(&path, unwatched()).expect("readable");
    assert!(found.findings.is_empty(), "{:?}", found.findings);
    assert_eq!(numbers(Reader::open(&path).expect("opened")), [1, 2]);
    let index = Reader::open(&path).expect("opened").index().expect("readable").expect("an index");
    assert_eq!((index.channels.len(), index.events, index.contents), (2, 2, None));
}

#[test]
fn an_index_with_wrong_totals_or_checksums_is_found_and_one_without_is_good() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 20, 5);
    let verified = |change: fn(&mut super::Index)| {
        let other = directory.path().join("b.eddy.ndjson.zst");
        fs::copy(&path, &other).expect("copied");
        with_index(&other, change);
        let found = verify(&other, unwatched()).expect("verified");
        let words: Vec<String> = found.findings.into_iter().map(|finding| finding.message).collect();
        (words.join("; "), Overview::of(&other, |_, _| true).is_some())
    };
    let totals = |index: &mut super::Index, change: fn(&mut super::Contents)| {
        index.contents.iter_mut().for_each(change);
    };
    assert_eq!(verified(|_| {}), (String::new(), true));
    assert_eq!(verified(|index| index.contents = None), (String::new(), false));
    assert_eq!(verified(|index| index.frames[1].crc = None), (String::new(), false));
    let (words, is_known) = verified(|index| index.frames[2].crc = Some(1));
    assert_eq!(
        (words.as_str(), is_known),
        ("the index is wrong about this frame: its checksum differs", false)
    );
    let wrong: [fn(&mut super::Contents); 3] =
        [|all| all.keys = 1, |all| all.channels[1].bytes += 1, |all| all.channels.truncate(2)];
    for change in wrong {
        let other = directory.path().join("c.eddy.ndjson.zst");
        fs::copy(&path, &other).expect("copied");
        with_index(&other, |index| totals(index, change));
        let found = verify(&other, unwatched()).expect("verified");
        assert_eq!(found.findings[0].message, "the totals in the index differ");
    }
}

#[test]
fn findings_say_where() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 20, 5);
    let at = damage(&path, 3);
    let found = verify(&path, unwatched()).expect("verified");
    assert_eq!((found.events, found.gaps), (15, 5));
    assert_eq!(found.findings[0].kind, "damaged-frame");
    assert_eq!((found.findings[0].frame, found.findings[0].offset), (Some(3), Some(at)));
    assert_eq!(found.finding_count, 1, "the rest of the file is right: {found:?}");
    let bytes = fs::read(&path).expect("read");
    fs::write(&path, &bytes[..usize::try_from(at).expect("small") + 9]).expect("written");
    let found = verify(&path, unwatched()).expect("verified");
    let kinds: Vec<_> = found.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, ["cut-off", "no-index"]);
}

#[test]
fn a_repair_keeps_what_is_whole() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 20, 5);
    damage(&path, 3);
    let target = repaired_path(&path);
    assert!(target.ends_with("a-repaired.eddy.ndjson.zst"));
    let repaired = repair(&path, &target, false, unwatched()).expect("repaired");
    assert_eq!((repaired.kept.events, repaired.lost.damaged_frames, repaired.renumbered), (15, 1, 0));
    let expected: Vec<u64> = (1..=5).chain(11..=20).collect();
    assert_eq!(numbers(Reader::open(&target).expect("opened")), expected);
    assert!(verify(&target, unwatched()).expect("verified").is_whole());
    assert!(matches!(repair(&path, &target, false, unwatched()), Err(ArchiveError::Exists { .. })));
    assert_eq!(fs::read_dir(directory.path()).expect("listed").count(), 2, "nothing half-written is left");
}

#[test]
fn a_cut_recording_is_repaired_under_its_finished_name() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 20, 5);
    let bytes = fs::read(&path).expect("read");
    fs::remove_file(&path).expect("removed");
    let partial = directory.path().join("a.eddy.ndjson.zst.partial");
    for length in [bytes.len() / 4, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&partial, &bytes[..length]).expect("written");
        let target = repaired_path(&partial);
        assert_eq!(target, path);
        let kept = repair(&partial, &target, true, unwatched()).expect("repaired").kept.events;
        assert_eq!(intact_prefix(&path).0, kept);
        assert!(kept == 20 || length < bytes.len() - 1);
        assert!(verify(&path, unwatched()).expect("verified").is_whole());
    }
}

#[test]
fn what_other_tools_cut_is_made_an_archive() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("cut.ndjson");
    fs::write(&path, "{\"src\":\"a\",\"v\":\"1\"}\n{\"src\":\"a\",\"n\":9,\"v\":\"2\"}\nhalf a li")
        .expect("written");
    let target = repaired_path(&path);
    let repaired = repair(&path, &target, false, unwatched()).expect("repaired");
    assert_eq!((repaired.kept.events, repaired.lost.lines, repaired.lost.header), (2, 1, false));
    assert_eq!(numbers(Reader::open(&target).expect("opened")), [1, 9]);
    let foreign = directory.path().join("x.gz");
    fs::write(&foreign, b"\x1f\x8b\x08\x00nothing here").expect("written");
    assert!(matches!(repair(&foreign, &target, true, unwatched()), Err(ArchiveError::Foreign { .. })));
}

#[test]
fn figures_are_counted() {
    let directory = tempfile::tempdir().expect("directory");
    let path = archive(directory.path(), 21, 5);
    let found = stats(&path, unwatched()).expect("counted");
    assert_eq!((found.events, found.duration_us, found.channels.len()), (21, 20_000_000, 3));
    assert!((found.rate - 1.05).abs() < 1e-9 && found.ratio > 1.0, "{found:?}");
    let text = zstd::stream::decode_all(fs::File::open(&path).expect("opened")).expect("unpacked");
    assert_eq!(found.text_bytes, text.len() as u64);
}

#[test]
fn what_was_broken_off_is_named_where_the_recording_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.eddy.ndjson.zst");
    let help = || Reader::open(&path).err().expect("not there").help().expect("a help");
    assert!(help().starts_with("check the path"), "{}", help());
    std::fs::write(directory.path().join("a.eddy.ndjson.zst.partial"), "").expect("written");
    assert!(help().contains("a.eddy.ndjson.zst.partial` finishes it"), "{}", help());
}
