//! Tests of Parquet of other writers: their columns, types and times, and what is refused by name.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, GzipLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::archive::import::{ImportFormat, Imported, Importer};
use crate::event::json_lines::Line;
use crate::event::{BrokerTime, Header, TimeKind, Timestamp};

/// One column: its values, with what says where, and where a list begins.
enum Values {
    Small(Vec<i32>),
    Large(Vec<i64>, Option<Vec<i16>>),
    Double(Vec<f64>, Vec<i16>),
    Days(Vec<Int96>),
    Text(Vec<&'static str>, Option<Vec<i16>>),
    Listed(Vec<&'static str>, Vec<i16>, Vec<i16>),
}

impl Values {
    fn write(&self, group: &mut SerializedRowGroupWriter<'_, Vec<u8>>) {
        fn put<T: DataType>(
            group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
            values: &[T::T],
            levels: Option<&[i16]>,
            places: Option<&[i16]>,
        ) {
            let mut column = group.next_column().expect("a column").expect("one more");
            column.typed::<T>().write_batch(values, levels, places).expect("written");
            column.close().expect("closed");
        }
        let bytes =
            |texts: &[&'static str]| texts.iter().map(|text| ByteArray::from(*text)).collect::<Vec<_>>();
        match self {
            Self::Small(values) => put::<Int32Type>(group, values, None, None),
            Self::Large(values, levels) => put::<Int64Type>(group, values, levels.as_deref(), None),
            Self::Double(values, levels) => put::<DoubleType>(group, values, Some(levels), None),
            Self::Days(values) => put::<Int96Type>(group, values, None, None),
            Self::Text(texts, levels) => put::<ByteArrayType>(group, &bytes(texts), levels.as_deref(), None),
            Self::Listed(texts, levels, places) => {
                put::<ByteArrayType>(group, &bytes(texts), Some(levels), Some(places));
            }
        }
    }
}

fn texts(values: &[&'static str]) -> Values {
    Values::Text(values.to_vec(), None)
}

/// A file with these columns. `;` parts the fields of the schema.
fn file(fields: &str, columns: &[Values]) -> Vec<u8> {
    packed(fields, columns, Compression::SNAPPY, None)
}

fn packed(fields: &str, columns: &[Values], by: Compression, header: Option<&str>) -> Vec<u8> {
    let schema = parse_message_type(&format!("message other {{ {fields} }}")).expect("a schema");
    let entry = header.map(|header| vec![KeyValue::new("eddy.header".to_owned(), header.to_owned())]);
    let properties = WriterProperties::builder().set_compression(by).set_key_value_metadata(entry).build();
    let mut writer =
        SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties)).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    for column in columns {
        column.write(&mut group);
    }
    group.close().expect("closed");
    writer.into_inner().expect("finished")
}

fn open(bytes: &[u8]) -> Result<(tempfile::TempDir, Importer), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other.parquet");
    std::fs::write(&path, bytes).expect("written");
    let opened = Importer::open(Path::new(&path), Some(ImportFormat::Parquet), None);
    opened.map(|importer| (folder, importer)).map_err(|error| error.to_string())
}

/// The rows, each an event or a reason with its number, and what is said to be left out.
fn rows(bytes: &[u8]) -> (Vec<Result<Line, String>>, Option<String>) {
    let (_folder, mut importer) = open(bytes).expect("opened");
    let mut rows = Vec::new();
    while let Some(imported) = importer.next_imported().expect("read") {
        rows.push(match imported {
            Imported::Event(line) => Ok(*line),
            Imported::Bad(bad) => Err(format!("{}: {}", bad.line, bad.reason)),
        });
    }
    (rows, importer.lost())
}

fn refused(bytes: &[u8]) -> String {
    open(bytes).err().expect("refused")
}

const EVENT: &str = "required binary channel (STRING); optional binary payload;";

fn channel_and_payload(rows: usize) -> [Values; 2] {
    [texts(&vec!["orders"; rows]), Values::Text(vec!["x"; rows], Some(vec![1; rows]))]
}

#[test]
fn times_are_read_by_their_unit() {
    let units = [
        ("TIMESTAMP(NANOS,true)", 1_793_491_200_123_456_789, 1_793_491_200_123_456),
        ("TIMESTAMP(NANOS,true)", -1, -1),
        ("TIMESTAMP(MICROS,false)", 1_793_491_200_123_456, 1_793_491_200_123_456),
        ("TIMESTAMP(MILLIS,true)", 1_793_491_200_123, 1_793_491_200_123_000),
        ("TIMESTAMP_MILLIS", -5, -5000),
        ("TIMESTAMP_MICROS", 7, 7),
    ];
    for (unit, written, expected) in units {
        let fields = format!("{EVENT} required int64 received ({unit}); required int64 time ({unit});");
        let [channel, payload] = channel_and_payload(1);
        let times = || Values::Large(vec![written], None);
        let (rows, _) = rows(&file(&fields, &[channel, payload, times(), times()]));
        let event = &rows[0].as_ref().expect("an event").event;
        assert_eq!(event.received, Timestamp(expected), "{unit}");
        let time = BrokerTime { time: Timestamp(expected), kind: TimeKind::Create };
        assert_eq!(event.broker_time, Some(time), "{unit}");
    }
    let mut moment = Int96::new();
    moment.set_data(3_500_000, 0, 2_440_589);
    let mut far = Int96::new();
    far.set_data(0, 0, u32::MAX >> 1);
    let [channel, payload] = channel_and_payload(2);
    let fields = format!("{EVENT} required int96 received;");
    let (rows, _) = rows(&file(&fields, &[channel, payload, Values::Days(vec![moment, far])]));
    assert_eq!(rows[0].as_ref().expect("an event").event.received, Timestamp(86_400_003_500));
    assert_eq!(rows[1].as_ref().expect_err("no event"), "2: `received` cannot be a time too far from 1970");
}

#[test]
fn what_is_no_time_is_refused() {
    let column = |field: &str, values| {
        let [channel, payload] = channel_and_payload(1);
        refused(&file(&format!("{EVENT} {field};"), &[channel, payload, values]))
    };
    let plain = column("required int64 received", Values::Large(vec![1], None));
    assert!(plain.contains("column `received` is INT64; expected is TIMESTAMP of"), "{plain}");
    let text = column("required binary time (STRING)", texts(&["2026-11-01T00:00:00Z"]));
    assert!(text.contains("column `time` is BYTE_ARRAY (UTF8); expected is TIMESTAMP of"), "{text}");
    let fields = format!("{EVENT} required int64 received (TIMESTAMP(MILLIS,true));");
    let [channel, payload] = channel_and_payload(1);
    let (rows, _) = rows(&file(&fields, &[channel, payload, Values::Large(vec![i64::MAX], None)]));
    assert_eq!(rows[0].as_ref().expect_err("no event"), "1: `received` cannot be a time too far from 1970");
}

#[test]
fn columns_are_found_by_name() {
    let fields = "required int32 colour; optional double offset; required int32 partition;
        optional group headers (LIST) { repeated group list { optional group item {
            optional binary value; optional binary name (STRING); } } }
        optional binary payload; required binary channel;";
    let columns = [
        Values::Small(vec![1, 2, 3]),
        Values::Double(vec![41.0, 1.5], vec![1, 0, 1]),
        Values::Small(vec![5, 6, 7]),
        // A row with two headers, one with none, and one with a header that has no name.
        Values::Listed(vec!["v", "w"], vec![4, 3, 0, 4], vec![0, 1, 0, 0]),
        Values::Listed(vec!["a", "b"], vec![4, 4, 0, 3], vec![0, 1, 0, 0]),
        Values::Text(vec!["first"], Some(vec![1, 0, 0])),
        texts(&["orders", "orders", "other"]),
    ];
    let (rows, lost) = rows(&file(fields, &columns));
    let first = rows[0].as_ref().expect("an event");
    assert_eq!((first.event.place.partition, first.event.place.offset), (Some(5), Some(41)));
    assert_eq!(first.event.payload.as_deref(), Some(&b"first"[..]));
    let headers = [Header::text("a", "v"), Header { name: "b".into(), value: None }];
    assert_eq!(first.event.headers, headers);
    assert_eq!(first.number, None);
    assert!(first.event.received.0 > 1_700_000_000_000_000, "that of the import");
    let second = rows[1].as_ref().expect("an event");
    assert_eq!((second.event.place.offset, second.event.payload.as_ref()), (None, None));
    assert_eq!(second.event.headers, []);
    let third = rows[2].as_ref().expect_err("no event");
    assert_eq!(third, "3: `headers`: one has no name");
    assert_eq!(lost.as_deref(), Some("column `colour` is left out: an event has no such part"));
}

#[test]
fn columns_that_cannot_be_read_are_named() {
    let missing =
        refused(&file("required binary topic; required binary payload;", &[texts(&["a"]), texts(&["b"])]));
    let words = "it has no column `channel`, which an event must have; its columns are `topic`, `payload`";
    assert!(missing.ends_with(words), "{missing}");
    let fields = "required binary channel; required int64 payload;";
    let wrong = refused(&file(fields, &[texts(&["a"]), Values::Large(vec![1], None)]));
    assert!(wrong.contains("column `payload` is INT64; expected is BYTE_ARRAY"), "{wrong}");
    let fields = format!("{EVENT} required binary headers (STRING);");
    let [channel, payload] = channel_and_payload(1);
    let wrong = refused(&file(&fields, &[channel, payload, texts(&["[]"])]));
    assert!(wrong.contains("column `headers` is BYTE_ARRAY (UTF8); expected is a LIST of groups"), "{wrong}");
    let fields = format!("{EVENT} required binary payload;");
    let [channel, payload] = channel_and_payload(1);
    let twice = refused(&file(&fields, &[channel, payload, texts(&["x"])]));
    assert!(twice.ends_with("column `payload` is there twice"), "{twice}");
}

#[test]
fn a_null_where_there_must_be_a_value_is_no_event() {
    let fields = "optional binary channel (STRING); required binary payload;
        optional int64 received (TIMESTAMP(MICROS,true));";
    let columns = [
        Values::Text(vec!["a", "b"], Some(vec![1, 0, 1])),
        texts(&["x", "y", "z"]),
        Values::Large(vec![1, 2], Some(vec![1, 1, 0])),
    ];
    let (rows, _) = rows(&file(fields, &columns));
    let reasons: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).collect();
    assert_eq!(reasons, ["2: `channel` is null", "3: `received` is null"]);
}

#[test]
fn values_that_no_event_has_are_named() {
    let fields = format!(
        "{EVENT} required int64 offset; optional double number; required binary time_kind (STRING);
         required binary attributes (STRING);"
    );
    let [channel, payload] = channel_and_payload(4);
    let columns = [
        channel,
        payload,
        Values::Large(vec![-5, 1, 1, 1], None),
        Values::Double(vec![1.0, 2.5, 3.0, f64::NAN], vec![1; 4]),
        texts(&["create", "create", "bogus", "append"]),
        texts(&["{}", "{}", "{}", ""]),
    ];
    let (rows, _) = rows(&file(&fields, &columns));
    let reasons: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).collect();
    let expected = [
        "1: `offset` cannot be -5",
        "2: `number` cannot be the DOUBLE 2.5, which is not whole or beyond 2^53",
        "3: `time_kind` is neither `create` nor `append`: `bogus`",
    ];
    assert_eq!(reasons, expected);
    assert_eq!(rows[3].as_ref().expect("an event").number, None);
}

#[test]
fn headers_that_are_not_known_are_refused() {
    let with = |header: &str| {
        let columns = channel_and_payload(1);
        refused(&packed(EVENT, &columns, Compression::UNCOMPRESSED, Some(header)))
    };
    let garbage = with("garbage");
    assert!(garbage.contains("its entry `eddy.header` is no header of a recording"), "{garbage}");
    let newer = with(r#"{"eddy":"archive","version":9}"#);
    assert!(newer.contains("`eddy.header` is of version 9; this program reads up to"), "{newer}");
    let broken = with(r#"{"eddy":"archive","version":1}"#);
    assert!(broken.contains("`eddy.header` cannot be used: "), "{broken}");
}

#[test]
fn what_is_no_whole_parquet_is_told_apart() {
    let whole = file(EVENT, &channel_and_payload(1));
    let cases: [(&[u8], &str); 7] = [
        (b"", "it is empty, and no Parquet file"),
        (b"PA", "it is no Parquet file"),
        (b"channel,payload\n", "it is no Parquet file, which begins and ends with `PAR1`"),
        (&[0x1f, 0x8b, 8, 0, 0], "it is packed"),
        (&whole[..whole.len() - 9], "it is cut off"),
        (&whole[9..], "its beginning is missing"),
        (b"PAR1PAR1", "it is cut off"),
    ];
    for (bytes, words) in cases {
        let found = refused(bytes);
        assert!(found.contains(words), "{found}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("told-by-its-name.parquet");
    std::fs::write(&path, b"channel,payload\n").expect("written");
    let found = Importer::open(&path, None, None).err().expect("refused").to_string();
    assert!(found.contains("it is no Parquet file"), "{found}");
}

#[test]
fn columns_packed_by_what_is_not_read_are_named() {
    let whole = packed(EVENT, &channel_and_payload(1), Compression::GZIP(GzipLevel::default()), None);
    assert_eq!(rows(&whole).0.len(), 1);
    // In the footer the number of the codec stands behind the name of the column: 2 is gzip, 4 is brotli, 7 is lz4.
    let name = whole.windows(9).rposition(|window| window == b"\x18\x07payload").expect("the path");
    let codec =
        (name + 9..whole.len()).find(|at| whole[*at..].starts_with(&[0x15, 4])).expect("the codec") + 1;
    for (number, words) in [(4, "brotli"), (5, "lz4"), (7, "lz4"), (3, "lzo")] {
        let mut changed = whole.clone();
        changed[codec] = number * 2;
        let found = refused(&changed);
        let expected = format!("column `payload` is compressed by {words}, which this program does not read");
        assert!(found.contains(&expected), "{found}");
    }
}
