//! Tests of what is copied: parts and merged archives hold the same events in the same order.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::option;
use proptest::prelude::*;

use super::tests::unwatched;
use super::{
    ArchiveError, ChannelWriter, Header, Manifest, Merged, PartLimits, PartWriter, Reader, Record, Selection,
    Writer, WriterOptions, manifest_path, verify_parts,
};
use crate::event::{Event, Timestamp};

fn event(channel: u8, time: i64, text: &str) -> Event {
    Event { received: Timestamp(time), ..Event::new(format!("c/{channel}"), text.to_owned()) }
}

fn write(path: &Path, events: &[Event], per_frame: usize) {
    let mut writer =
        Writer::create(path, &Header::new(Vec::new()), WriterOptions::default()).expect("created");
    for (place, event) in events.iter().enumerate() {
        writer.write(event).expect("written");
        if place % per_frame == 0 {
            writer.flush().expect("flushed");
        }
    }
    writer.finish().expect("finished");
}

fn records(path: &Path) -> Vec<Record> {
    let mut reader = Reader::open(path).expect("opened");
    std::iter::from_fn(|| reader.next_entry().expect("read")).collect()
}

fn events(path: &Path) -> Vec<Event> {
    records(path).into_iter().map(Record::into_event).collect()
}

fn merged(paths: &[PathBuf]) -> Vec<(usize, Event)> {
    let mut merged = Merged::open(paths).expect("opened");
    std::iter::from_fn(|| merged.next_record().expect("read"))
        .map(|(place, record)| (place, record.into_event()))
        .collect()
}

fn paths(base: &Path, manifest: &Manifest) -> Vec<PathBuf> {
    manifest.parts.iter().map(|part| base.with_file_name(&part.file)).collect()
}

fn any_events() -> impl Strategy<Value = Vec<Event>> {
    let one = (0_u8..4, 0_i64..2_000, "[ -~]{0,40}");
    proptest::collection::vec(one, 0..80)
        .prop_map(|all| all.into_iter().map(|(channel, time, text)| event(channel, time, &text)).collect())
}

fn any_limits() -> impl Strategy<Value = PartLimits> {
    let (bytes, span, count) = (1_u64..2_000, 1_i64..1_000, 1_u64..30);
    (option::of(bytes), option::of(span), option::of(count)).prop_map(|(bytes, span, count)| PartLimits {
        bytes,
        span,
        count,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn parts_together_are_the_whole(all in any_events(), limits in any_limits()) {
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path().join("a.eddy.ndjson.zst");
        let options = WriterOptions { frame_bytes: 200, ..WriterOptions::default() };
        let mut parts = PartWriter::create(&base, &Header::new(Vec::new()), options, limits).expect("created");
        for (number, event) in (1..).zip(&all) {
            prop_assert_eq!(parts.write(event).expect("written"), number);
        }
        let (summary, manifest) = parts.finish().expect("finished");
        prop_assert_eq!(summary.events, all.len() as u64);
        prop_assert_eq!(manifest.events, all.len() as u64);
        let read: Vec<Event> = paths(&base, &manifest).iter().flat_map(|path| events(path)).collect();
        prop_assert_eq!(read, all);
        if let Some(count) = limits.count {
            prop_assert!(manifest.parts.iter().all(|part| part.events <= count));
        }
        let list = Manifest::read(&manifest_path(&base)).expect("read").expect("a manifest");
        prop_assert_eq!(&list, &manifest);
        let found = verify_parts(&manifest_path(&base), &list, unwatched()).expect("verified");
        prop_assert!(found.iter().all(super::Verification::is_whole), "{:?}", found);
    }

    #[test]
    fn merging_keeps_the_order_of_each_file_and_of_time(one in any_events(), two in any_events()) {
        let folder = tempfile::tempdir().expect("a folder");
        let files = [folder.path().join("a.eddy.ndjson.zst"), folder.path().join("b.eddy.ndjson.zst")];
        write(&files[0], &one, 7);
        write(&files[1], &two, 5);
        let merged = merged(&files);
        for (place, expected) in [(0, &one), (1, &two)] {
            let own: Vec<&Event> = merged.iter().filter(|(from, _)| *from == place).map(|(_, event)| event).collect();
            prop_assert_eq!(own, expected.iter().collect::<Vec<_>>());
        }
        let rises = |events: &[Event]| events.is_sorted_by_key(|event| event.received);
        if rises(&one) && rises(&two) {
            prop_assert!(merged.is_sorted_by_key(|(_, event)| event.received));
        }
    }

    #[test]
    fn channels_apart_and_merged_are_the_whole(mut all in any_events()) {
        all.sort_by_key(|event| event.received);
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path().join("a.eddy.ndjson.zst");
        let mut channels =
            ChannelWriter::create(&base, &Header::new(Vec::new()), WriterOptions::default()).expect("created");
        for (number, event) in (1..).zip(&all) {
            channels.write_record(&Record::new(Some(number), event.clone()), number).expect("written");
        }
        let (_, manifest) = channels.finish().expect("finished");
        let files = paths(&base, &manifest);
        for (part, file) in manifest.parts.iter().zip(&files) {
            prop_assert!(events(file).iter().all(|event| Some(event.channel.as_str()) == part.channel.as_deref()));
        }
        let mut numbered: Vec<(Option<u64>, Event)> = files.iter().flat_map(|file| records(file))
            .map(|record| (record.number, record.into_event())).collect();
        numbered.sort_by_key(|(number, _)| *number);
        prop_assert_eq!(numbered.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), all);
    }
}

#[test]
fn parts_begin_at_whole_multiples_of_the_span() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("a.eddy.ndjson.zst");
    let limits = PartLimits { span: Some(100), ..PartLimits::default() };
    let mut parts = PartWriter::create(&base, &Header::new(Vec::new()), WriterOptions::default(), limits)
        .expect("created");
    for time in [150, 199, 200, 180, 450] {
        parts.write(&event(0, time, "")).expect("written");
    }
    let (_, manifest) = parts.finish().expect("finished");
    let times: Vec<_> = manifest.parts.iter().filter_map(|part| part.t).collect();
    assert_eq!(times, [(150, 199), (180, 200), (450, 450)]);
}

/// A recording of six events in three parts.
fn three_parts(base: &Path) -> Manifest {
    let limits = PartLimits { count: Some(2), ..PartLimits::default() };
    let mut parts = PartWriter::create(base, &Header::new(Vec::new()), WriterOptions::default(), limits)
        .expect("created");
    for time in 0..6 {
        parts.write(&event(0, time, "text")).expect("written");
    }
    parts.finish().expect("finished").1
}

#[test]
fn a_missing_and_a_changed_part_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("a.eddy.ndjson.zst");
    let manifest = three_parts(&base);
    fs::remove_file(folder.path().join("a-00001.eddy.ndjson.zst")).expect("removed");
    // A whole archive, but another one.
    fs::copy(folder.path().join("a-00003.eddy.ndjson.zst"), folder.path().join("a-00002.eddy.ndjson.zst"))
        .expect("copied");
    let found = verify_parts(&manifest_path(&base), &manifest, unwatched()).expect("verified");
    let kinds: Vec<&str> = found.iter().flat_map(|each| &each.findings).map(|finding| finding.kind).collect();
    assert_eq!(kinds, ["missing-part", "wrong-hash"]);
    assert!(found[0].findings[0].message.contains("2 events 1 to 2, received 1970-01-01T00:00:00"));
}

#[test]
fn numbers_left_out_between_parts_are_counted_and_are_no_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("a.eddy.ndjson.zst");
    let mut manifest = three_parts(&base);
    let found = verify_parts(&manifest_path(&base), &manifest, unwatched()).expect("verified");
    assert_eq!((found[0].gaps, found[0].is_whole()), (0, true));
    let taken = manifest.parts.remove(1);
    manifest.events = 4;
    fs::remove_file(folder.path().join(taken.file)).expect("removed");
    let found = verify_parts(&manifest_path(&base), &manifest, unwatched()).expect("verified");
    assert_eq!((found[0].gaps, found[0].is_whole()), (2, true));
}

#[test]
fn a_manifest_whose_counts_do_not_fit_is_not_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("a.eddy.ndjson.zst");
    let manifest = three_parts(&base);
    let findings = |changed: &Manifest| {
        let found = verify_parts(&manifest_path(&base), changed, unwatched()).expect("verified");
        let findings = found.into_iter().flat_map(|each| each.findings);
        findings.map(|finding| (finding.kind, finding.message)).collect::<Vec<_>>()
    };
    assert!(findings(&manifest).is_empty());
    let mut changed = manifest.clone();
    changed.parts.remove(1);
    let words = "the manifest counts 6 events in all, and 4 in the parts it lists; `a-00002.eddy.ndjson.zst` lies beside it and \
                 is not listed";
    assert_eq!(findings(&changed), [("wrong-count", words.to_owned())]);
    let mut changed = manifest.clone();
    changed.events = 999;
    let words = "the manifest counts 999 events in all, and 6 in the parts it lists";
    assert_eq!(findings(&changed), [("wrong-count", words.to_owned())]);
    let mut changed = manifest.clone();
    changed.parts.remove(1);
    changed.events = 4;
    let words = "`a-00002.eddy.ndjson.zst` lies beside it and is not listed";
    assert_eq!(findings(&changed), [("unlisted-part", words.to_owned())]);
    let mut changed = manifest.clone();
    (changed.events, changed.parts[2].events) = (5, 1);
    assert_eq!(
        findings(&changed),
        [("wrong-count", "it holds 2 events, and the manifest says 1".to_owned())]
    );
    let mut changed = manifest.clone();
    changed.parts[2].n = Some((5, 5));
    let words = "it holds the events 5 to 6, and the manifest says 5 to 5";
    assert_eq!(findings(&changed), [("wrong-count", words.to_owned())]);
    let mut changed = manifest.clone();
    changed.parts[0].t = changed.parts[0].t.map(|(first, last)| (first, last + 1_000_000));
    let found = findings(&changed);
    assert!(
        found[0].1.contains("and the manifest says 1970-01-01T00:00:00.000000Z to 1970-01-01T00:00:01"),
        "{found:?}"
    );
    assert_eq!(found[0].0, "wrong-count");
    let mut changed = manifest;
    (changed.events, changed.parts[0].events) = (7, 3);
    assert_eq!(
        findings(&changed),
        [("wrong-count", "it holds 2 events, and the manifest says 3".to_owned())]
    );
}

#[test]
fn a_split_that_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("a.eddy.ndjson.zst");
    let header = Header::new(Vec::new());
    let limits = PartLimits { count: Some(2), ..PartLimits::default() };
    let mut parts = PartWriter::create(&base, &header, WriterOptions::default(), limits).expect("created");
    for time in 0..5 {
        parts.write(&event(0, time, "")).expect("written");
    }
    parts.discard();
    assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
    let mut channels = ChannelWriter::create(&base, &header, WriterOptions::default()).expect("created");
    for number in 1..=super::MOST_CHANNELS as u64 + 1 {
        let record = Record::new(Some(number), Event::new(format!("c/{number}"), ""));
        let written = channels.write_record(&record, number);
        let allowed = number <= super::MOST_CHANNELS as u64;
        assert!(written.is_ok() == allowed, "{written:?}");
        assert!(allowed || matches!(written, Err(ArchiveError::ManyChannels { .. })));
    }
    channels.discard();
    assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
}

#[test]
fn a_manifest_cannot_lead_out_of_its_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.manifest.json");
    let part = r#"{"file":"../x","sha256":"","bytes":1,"events":1}"#;
    fs::write(
        &path,
        format!(r#"{{"eddy":"manifest","version":1,"run":"","complete":true,"events":1,"parts":[{part}]}}"#),
    )
    .expect("written");
    assert!(matches!(Manifest::read(&path), Err(ArchiveError::Manifest { .. })));
}

/// Parts of ten events each, without an end: what a killed recording leaves.
fn broken_off(folder: &Path, events: i64) -> PathBuf {
    let base = folder.join("a.eddy.ndjson.zst");
    let limits = PartLimits { count: Some(10), ..PartLimits::default() };
    let mut parts = PartWriter::create(&base, &Header::new(Vec::new()), WriterOptions::default(), limits)
        .expect("created");
    for time in 1..=events {
        parts.write(&event(0, time, "text")).expect("written");
    }
    parts.flush().expect("flushed");
    assert_eq!(parts.closed_events(), u64::try_from(events).expect("small"));
    base
}

#[test]
fn a_recording_that_was_broken_off_is_read_by_its_manifest() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = broken_off(folder.path(), 25);
    let path = manifest_path(&base);
    let manifest = Manifest::read(&path).expect("read").expect("a manifest");
    assert_eq!((manifest.complete, manifest.events, manifest.parts.len()), (false, 20, 2));
    assert_eq!(manifest.open.as_deref(), Some("a-00003.eddy.ndjson.zst"));
    let times = |path: &Path| events(path).iter().map(|event| event.received.0).collect::<Vec<_>>();
    assert_eq!(times(&path), (1..=25).collect::<Vec<_>>());
    let found = verify_parts(&path, &manifest, unwatched()).expect("verified");
    let kinds: Vec<&str> = found.iter().flat_map(|each| &each.findings).map(|finding| finding.kind).collect();
    assert_eq!(kinds, ["open-part", "unfinished", "no-index"]);
    let target = folder.path().join("b.eddy.ndjson.zst");
    let repaired = super::repair(&path, &target, false, unwatched()).expect("repaired");
    assert_eq!((repaired.kept.events, repaired.renumbered), (25, 0));
    assert_eq!(times(&target), (1..=25).collect::<Vec<_>>());
}

#[test]
fn a_manifest_is_read_in_windows_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = broken_off(folder.path(), 40);
    let path = manifest_path(&base);
    // The crash came after the last part got its name and before the manifest told of it.
    let last = folder.path().join("a-00004.eddy.ndjson.zst");
    let partial = folder.path().join("a-00004.eddy.ndjson.zst.partial");
    super::repair(&partial, &last, false, unwatched()).expect("repaired");
    fs::remove_file(partial).expect("removed");
    let numbers = |selection: Selection| {
        let mut reader = Reader::open(&path).expect("opened");
        reader.select(selection).expect("selected");
        reader.map(|line| line.expect("read").number.expect("numbered")).collect::<Vec<_>>()
    };
    let in_time = Selection { from: Some(Timestamp(8)), to: Some(Timestamp(33)), ..Selection::default() };
    assert_eq!(numbers(in_time), (8..=33).collect::<Vec<_>>());
    let by_number = Selection { first_number: Some(39), ..Selection::default() };
    assert_eq!(numbers(by_number), [39, 40]);
    let mut reader = Reader::open(&path).expect("opened");
    let skip = reader.select_last(&path, 12, Selection::default()).expect("selected");
    let last: Vec<_> = reader.skip(usize::try_from(skip).expect("small")).collect();
    assert_eq!(last.len(), 12);
    let merged = merged(std::slice::from_ref(&path));
    assert_eq!(merged.len(), 40);
    assert_eq!(super::stats(&path, unwatched()).expect("counted").events, 40);
}

#[test]
fn replacing_a_split_leaves_none_of_its_old_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("a.eddy.ndjson.zst");
    let options = WriterOptions { overwrite: true, ..WriterOptions::default() };
    for (count, left) in [(1, 8), (3, 3), (2, 4)] {
        let limits = PartLimits { count: Some(count), ..PartLimits::default() };
        let mut parts =
            PartWriter::create(&base, &Header::new(Vec::new()), options, limits).expect("created");
        for time in 0..8 {
            parts.write(&event(0, time, "")).expect("written");
        }
        parts.finish().expect("finished");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), left + 1);
    }
    let mut channels = ChannelWriter::create(&base, &Header::new(Vec::new()), options).expect("created");
    channels.write_record(&Record::new(Some(1), event(0, 1, "")), 1).expect("written");
    channels.finish().expect("finished");
    assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 2);
    let refused = Reader::open(&manifest_path(&base)).err().expect("refused");
    assert!(matches!(refused, ArchiveError::Channels { .. }), "{refused}");
    assert_eq!(merged(&[manifest_path(&base)]).len(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_what_is_no_file_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (real, link) =
        (folder.path().join("real.eddy.ndjson.zst"), folder.path().join("link.eddy.ndjson.zst"));
    write(&real, &[event(0, 1, "before")], 1);
    std::os::unix::fs::symlink(&real, &link).expect("linked");
    let options = || WriterOptions { overwrite: true, ..WriterOptions::default() };
    let mut writer = Writer::create(&link, &Header::new(Vec::new()), options()).expect("created");
    writer.write(&event(0, 2, "after")).expect("written");
    writer.finish().expect("finished");
    assert!(link.is_symlink());
    assert_eq!(events(&real), [event(0, 2, "after")]);
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
    let refused = Writer::create(&socket, &Header::new(Vec::new()), options()).err().expect("refused");
    assert!(
        matches!(refused, ArchiveError::Create { .. }) && refused.to_string().contains("device or a pipe")
    );
    assert!(!socket.metadata().expect("still there").is_file());
}

#[test]
fn archives_put_one_after_another_have_lost_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let [long, short, both] =
        ["long", "short", "both"].map(|name| folder.path().join(name).with_extension("eddy.ndjson.zst"));
    write(&long, &(0..100).map(|time| event(0, time, "x")).collect::<Vec<_>>(), 10);
    write(&short, &[event(0, 7, "y"), event(0, 8, "z")], 10);
    for order in [[&long, &short], [&short, &long]] {
        let bytes: Vec<u8> = order.iter().flat_map(|path| fs::read(path).expect("read")).collect();
        fs::write(&both, bytes).expect("written");
        let found = super::verify(&both, unwatched()).expect("read");
        assert_eq!((found.events, found.lost.as_slice()), (102, &[][..]));
    }
}
