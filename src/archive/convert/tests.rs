//! Tests of conversions: what goes out comes back, other readers and writers agree, and what is lost is told.

use std::path::Path;

use proptest::prelude::*;

use super::{ConvertFormat, ForeignWriter, LossCounts, LostPart, avro};
use crate::archive::import::{Imported, Importer};
use crate::archive::{ArchiveError, Header, Record};
use crate::event::json_lines::Line;
use crate::event::json_lines::tests::any_event;
use crate::event::{Event, kcat};

fn write(path: &Path, format: ConvertFormat, header: Option<&Header>, lines: &[Line]) {
    let mut writer = ForeignWriter::create(path, format, header, true).expect("created");
    for line in lines {
        let number = line.number.expect("a number");
        writer.write_record(&Record::new(line.number, line.event.clone()), number).expect("written");
    }
    let summary = writer.finish().expect("finished");
    assert_eq!(summary.events, lines.len() as u64);
    assert_eq!(summary.file_bytes, path.metadata().expect("there").len());
}

fn read(path: &Path, format: ConvertFormat) -> (Option<Header>, Vec<Line>) {
    let mut importer = Importer::open(path, Some(format.import()), None).expect("opened");
    let header = importer.header();
    let mut lines = Vec::new();
    while let Some(imported) = importer.next_imported().expect("read") {
        match imported {
            Imported::Event(line) => lines.push(*line),
            Imported::Bad(bad) => panic!("{bad:?}"),
        }
    }
    (header, lines)
}

fn lossless() -> Vec<ConvertFormat> {
    let all = [ConvertFormat::Avro, ConvertFormat::CloudEvents, ConvertFormat::Csv, ConvertFormat::Parquet];
    all.into_iter().filter(|format| cfg!(feature = "lake") || *format != ConvertFormat::Parquet).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_out_comes_back(
        events in proptest::collection::vec((any::<u64>(), any_event()), 0..12),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let lines: Vec<Line> =
            events.into_iter().map(|(number, event)| Line { number: Some(number), event }).collect();
        let header = Header::new(vec!["kafka://host/orders".to_owned()]);
        for format in lossless() {
            let path = folder.path().join("converted");
            write(&path, format, Some(&header), &lines);
            let (found, back) = read(&path, format);
            prop_assert_eq!(&back, &lines, "{:?}", format);
            let expected = format.keeps_header().then(|| header.clone());
            prop_assert_eq!(found, expected, "{:?}", format);
        }
    }

    #[test]
    fn an_event_without_a_named_loss_comes_back_from_kcat(number in 1_u64..3, event in any_event()) {
        let mut counts = LossCounts::default();
        counts.add(ConvertFormat::Kcat, number, &event);
        prop_assert_eq!(counts.numbers, u64::from(number != 1));
        let mut line = Vec::new();
        kcat::encode(&event, &mut line);
        if counts.parts.is_empty() {
            prop_assert_eq!(kcat::decode(&line), Ok(event));
        } else {
            prop_assert_ne!(kcat::decode(&line), Ok(event));
        }
    }

    #[test]
    fn changed_bytes_are_read_or_refused(
        event in any_event(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("converted");
        for format in lossless() {
            write(&path, format, None, &[Line { number: Some(1), event: event.clone() }]);
            let mut bytes = std::fs::read(&path).expect("read");
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            std::fs::write(&path, &bytes).expect("written");
            let Ok(mut importer) = Importer::open(&path, Some(format.import()), None) else {
                continue;
            };
            while let Ok(Some(_)) = importer.next_imported() {}
        }
    }
}

/// Events that make more than one block and row group.
fn many() -> Vec<Line> {
    let line = |number: u64| {
        let mut event = Event::new(format!("orders.{}", number % 3), "x".repeat(700) + &number.to_string());
        event.headers = (0..number % 4).map(|at| crate::event::Header::text(format!("h{at}"), "v")).collect();
        Line { number: Some(number), event }
    };
    (1..=30_000).map(line).collect()
}

#[test]
fn many_events_come_back_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("converted");
    let lines = many();
    for format in lossless() {
        write(&path, format, None, &lines);
        assert!(read(&path, format).1 == lines, "{format:?}");
    }
}

#[test]
fn nothing_is_replaced_and_nothing_half_written_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("orders.csv");
    std::fs::write(&path, "mine").expect("written");
    let refused = ForeignWriter::create(&path, ConvertFormat::Csv, None, false).err();
    assert!(matches!(refused, Some(ArchiveError::Exists { .. })), "{refused:?}");
    for device in ["/dev/null", "/dev/stdout", "-"] {
        let refused = ForeignWriter::create(Path::new(device), ConvertFormat::Csv, None, false).err();
        assert!(matches!(refused, Some(ArchiveError::Create { .. })), "{device}: {refused:?}");
    }
    let other = folder.path().join("other.csv");
    let mut writer = ForeignWriter::create(&other, ConvertFormat::Csv, None, false).expect("created");
    writer.write_record(&Record::new(None, Event::new("c", "v")), 1).expect("written");
    drop(writer);
    let writer = ForeignWriter::create(&other, ConvertFormat::Csv, None, false).expect("created");
    std::fs::write(&other, "came meanwhile").expect("written");
    assert!(matches!(writer.finish(), Err(ArchiveError::Exists { .. })));
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("read")
        .map(|entry| entry.expect("read").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["orders.csv", "other.csv"]);
}

#[test]
fn what_kcat_cannot_hold_is_counted() {
    let mut event = Event::new("orders", vec![0xff_u8, 0]);
    event.received = crate::event::Timestamp(1_700_000_000_000_001);
    event.attributes.insert("qos".to_owned(), 1.into());
    let mut counts = LossCounts::default();
    counts.add(ConvertFormat::Kcat, 1, &event);
    counts.add(ConvertFormat::Kcat, 7, &event);
    let expected = [(LostPart::Payload, 2), (LostPart::Received, 2), (LostPart::Attributes, 2)];
    assert_eq!((counts.parts.as_slice(), counts.numbers), (&expected[..], 1));
    counts.add(ConvertFormat::Csv, 9, &event);
    assert_eq!(counts.numbers, 1);
    // An offset that no reader of such lines takes costs the offset, and no other part of the event.
    let mut event = Event::new("orders", "text");
    event.received = crate::event::Timestamp(1_700_000_000_000_000);
    event.place.offset = Some(u64::MAX);
    let mut counts = LossCounts::default();
    counts.add(ConvertFormat::Kcat, 1, &event);
    assert_eq!(counts.parts, [(LostPart::Offset, 1)]);
}

#[test]
fn other_readers_and_writers_of_avro_agree() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.avro");
    let lines = &many()[..2000];
    let header = Header::new(vec!["a".to_owned()]);
    write(&path, ConvertFormat::Avro, Some(&header), lines);
    let bytes = std::fs::read(&path).expect("read");
    let reader = apache_avro::Reader::new(&bytes[..]).expect("a container");
    let schema = apache_avro::Schema::parse_str(avro::SCHEMA).expect("a schema");
    assert_eq!(reader.writer_schema().canonical_form(), schema.canonical_form());
    let codecs =
        [apache_avro::Codec::Null, apache_avro::Codec::Deflate(apache_avro::DeflateSettings::default())];
    let values: Vec<_> = reader.map(|value| value.expect("a value")).collect();
    assert_eq!(values.len(), lines.len());
    let apache_avro::types::Value::Record(fields) = &values[0] else {
        panic!("{:?}", values[0]);
    };
    assert_eq!(fields[2].1, apache_avro::types::Value::String(lines[0].event.channel.to_string()));
    for codec in codecs {
        let mut writer = apache_avro::Writer::with_codec(&schema, Vec::new(), codec).expect("a writer");
        for value in &values {
            writer.append_value(value.clone()).expect("appended");
        }
        std::fs::write(&path, writer.into_inner().expect("written")).expect("written");
        assert!(read(&path, ConvertFormat::Avro).1 == lines);
    }
}

#[test]
fn rows_and_cloud_events_of_others_are_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.csv");
    let rows = "\u{feff}payload,note,channel\r\n\"{\"\"a\"\": 1}\r\n2\",x,orders\r\n,,other\r\n\r\nlast,,end";
    std::fs::write(&path, rows).expect("written");
    let (_, lines) = read(&path, ConvertFormat::Csv);
    let found: Vec<_> = lines
        .iter()
        .map(|line| (line.event.channel.as_str(), line.event.payload.as_deref().unwrap_or(b"none")))
        .collect();
    let expected = [("orders", &b"{\"a\": 1}\r\n2"[..]), ("other", b""), ("end", b"last")];
    assert_eq!(found, expected);
    let batch = r#"[{"specversion":"1.0","id":"1","source":"/s","type":"placed","time":"2026-11-01T00:00:00Z",
 "data":{"a":"]}"}}, {"specversion":"1.0"}]"#;
    let path = folder.path().join("a.json");
    std::fs::write(&path, batch).expect("written");
    let mut importer = Importer::open(&path, None, None).expect("told by its first bytes");
    let Some(Imported::Event(line)) = importer.next_imported().expect("read") else {
        panic!("no event");
    };
    assert_eq!(line.event.channel, "placed");
    assert_eq!(line.event.received.0, 1_793_491_200_000_000);
    assert!(line.event.payload.as_deref().is_some_and(|payload| payload.ends_with(br#""data":{"a":"]}"}}"#)));
    let Some(Imported::Bad(bad)) = importer.next_imported().expect("read") else {
        panic!("no finding");
    };
    assert_eq!(bad.line, 2);
    assert!(importer.next_imported().expect("read").is_none());
}

#[test]
fn headers_of_a_newer_version_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("converted");
    for format in lossless().into_iter().filter(|format| format.keeps_header()) {
        write(&path, format, Some(&Header::new(vec!["a".to_owned()])), &many()[..1]);
        let mut bytes = std::fs::read(&path).expect("read");
        let version = b"\"version\":";
        let at = bytes.windows(version.len()).position(|window| window == version).expect("a header");
        bytes[at + version.len()] = b'9';
        std::fs::write(&path, &bytes).expect("written");
        let refused = Importer::open(&path, Some(format.import()), None).err().expect("refused").to_string();
        assert!(refused.contains("`eddy.header` is of version 9"), "{format:?}: {refused}");
    }
}
