//! Tests of streams: every planted fault is found at its place, however the stream is cut and by however many threads.

use std::fmt::Write as _;
use std::io::{Cursor, Read};

use super::*;
use crate::contract::load_text;
use crate::source_text::Limits;

const CONTRACT: &str = "
asyncapi: 3.0.0
info: {title: Shop, version: 1.0.0}
channels:
  orders:
    address: orders
    messages:
      placed: {name: order.placed, x-eddy-schema-id: 7, payload: {type: object, required: [id], properties: {id: {type: integer}, tags: {type: array, items: {type: string}}}}}
  payments:
    address: payments
    messages:
      paid: {name: payment.made, payload: {type: object, required: [sum], properties: {sum: {type: number}}}}
";

fn checker() -> EventChecker {
    let loaded = load_text("shop.yaml", CONTRACT, &Limits::default());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    EventChecker::new(&loaded)
}

fn options(message: Option<&str>) -> Options {
    Options {
        name: "stream".to_owned(),
        message: message.map(str::to_owned),
        schema_ids: BTreeMap::new(),
        cap: 10_000,
        max_errors: None,
        threads: NonZero::new(3),
    }
}

/// An input that gives a few bytes at a time.
struct Drops(Cursor<Vec<u8>>, usize);

impl Read for Drops {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(buffer.len());
        self.0.read(&mut buffer[..most])
    }
}

fn run(text: &[u8], options: &Options, drop: usize) -> Checked {
    let input = Box::new(Drops(Cursor::new(text.to_vec()), drop));
    check(open("stream", input).unwrap(), &checker(), options).unwrap()
}

/// Place and words of each finding.
fn found(checked: &Checked) -> Vec<String> {
    let words = |finding: &crate::diagnostic::Diagnostic| {
        let at = finding.position.unwrap();
        format!("{}:{}@{} {} {}", at.line, at.column, at.offset, finding.code, finding.message)
    };
    checked.tally.diagnostics.iter().map(words).collect()
}

fn lines(text: &str) -> Vec<String> {
    let whole = found(&run(text.as_bytes(), &options(None), usize::MAX));
    for drop in [1, 7, 100] {
        assert_eq!(found(&run(text.as_bytes(), &options(None), drop)), whole, "{drop} bytes at a time");
    }
    whole
}

#[test]
fn every_planted_fault_is_found_and_nothing_else() {
    let mut text = String::new();
    let mut expected = Vec::new();
    for number in 1..=40_000_u64 {
        let offset = text.len();
        if number % 997 == 0 {
            writeln!(text, "{{\"pad\":\"{}\",\"id\":\"x\"}}", "é".repeat(20)).unwrap();
            expected.push(format!(
                "{number}:36@{} ED5002 payload of `order.placed`: `id` is a string, not an integer",
                offset + 55
            ));
        } else {
            writeln!(text, "{{\"id\":{number},\"tags\":[\"a\",\"b\"]}}").unwrap();
        }
    }
    for threads in [1, 2, 5] {
        let options = Options { threads: NonZero::new(threads), ..options(Some("placed")) };
        let checked = run(text.as_bytes(), &options, usize::MAX);
        assert_eq!((checked.tally.events, checked.tally.faulty, checked.stopped), (40_000, 40, false));
        assert_eq!(found(&checked), expected);
        let limited = Options { max_errors: Some(7), ..options.clone() };
        let checked = run(text.as_bytes(), &limited, usize::MAX);
        assert_eq!((found(&checked), checked.stopped), (expected[..7].to_vec(), true));
        assert_eq!(checked.tally.events, 7 * 997);
        let capped = Options { cap: 3, ..options };
        let checked = run(text.as_bytes(), &capped, usize::MAX);
        assert_eq!((found(&checked), checked.tally.found), (expected[..3].to_vec(), 40));
        let [(cause, group)] = checked.tally.causes()[..] else { panic!("one cause") };
        assert_eq!((cause.pointer.as_deref(), group.count, group.examples.len()), (Some("/id"), 40, 3));
        assert_eq!(group.examples[2].position.line, 3 * 997);
    }
}

#[test]
fn lists_have_places_in_their_text() {
    let mut list = String::from(" [\n");
    let mut expected = Vec::new();
    for number in 0..30_000_u64 {
        if number > 0 {
            list.push_str(if number % 2 == 0 { ",\n" } else { " , " });
        }
        if number % 1_111 == 0 {
            let start = list.rfind('\n').unwrap() + 1;
            let (line, column) = (list.matches('\n').count() + 1, list.len() - start + 1);
            expected.push(format!(
                "{line}:{}@{} ED5002 payload of `order.placed`: `id` is a boolean, not an integer",
                column + 6,
                list.len() + 6
            ));
            list.push_str("{\"id\":true}");
        } else {
            write!(list, "{{\"id\":{number},\"t\":\"],[\\\"\"}}").unwrap();
        }
    }
    list.push_str("\n]\n");
    let checked = run(list.as_bytes(), &options(Some("placed")), 10_001);
    assert_eq!(checked.tally.events, 30_000);
    assert_eq!(found(&checked), expected);
}

#[test]
fn the_message_is_told_by_channel_type_and_schema_id() {
    let text = concat!(
        "{\"src\":\"orders\",\"v\":\"{\\\"id\\\":1}\"}\n",
        "{\"src\":\"payments\",\"v\":\"{\\\"sum\\\":\\\"1\\\"}\"}\n",
        "{\"src\":\"order\",\"v\":\"{}\"}\n",
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/\",\"type\":\"payment.made\",\"data\":{\"sum\":1}}\n",
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/\",\"type\":\"payment.made\",\"data\":{\"sum\":\"1\"}}\n",
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/\",\"type\":\"payment.mad\",\"data\":{}}\n",
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"\",\"type\":\"payment.made\",\"data\":{}}\n",
        "{\"id\":1}\n",
        // A zero, the schema id 7 (known) or 8 (not), and `{}`.
        "{\"src\":\"orders\",\"v64\":\"AAAAAAd7fQ==\"}\n",
        "{\"src\":\"orders\",\"v64\":\"AAAAAAh7fQ==\"}\n",
        "{\"src\":\"orders\",\"v\":{}}\n",
    );
    let text_findings = lines(text);
    let expected = [
        "2:1@34 ED5002 payload of `payment.made`: `sum` is a string, not a number",
        "3:1@",
        "5:80@",
        "6:1@",
        "7:1@",
        "8:1@",
        "9:1@",
        "10:1@",
        "11:",
    ];
    assert_eq!(text_findings.len(), expected.len(), "{text_findings:#?}");
    for (found, expected) in text_findings.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found} does not begin with {expected}");
    }
    let words = [
        (2, "ED5002 payload of `payment.made`: `sum` is a string"),
        (3, "ED5004 no message is called `payment.mad`"),
        (4, "ED5008 CloudEvents attribute `source` is missing"),
        (5, "ED5004 a payload does not say which message it is"),
        (6, "ED5002 payload of `order.placed`: required property `id` is missing"),
        (7, "ED5005 no message has the schema id 8"),
        (8, "ED5003 no event: `v`"),
    ];
    for (index, expected) in words {
        assert!(text_findings[index].contains(expected), "{} does not say {expected}", text_findings[index]);
    }
}

#[test]
fn values_over_several_lines_and_bad_ends_are_read() {
    let pretty =
        "{\n  \"src\": \"orders\",\n  \"v\": \"{}\"\n}\n{\"src\":\"orders\",\n\"v\":\"{\\\"id\\\":1}\"}\n";
    assert_eq!(lines(pretty), ["1:1@0 ED5002 payload of `order.placed`: required property `id` is missing"]);
    let cut = "{\"src\":\"orders\",\"v\":\"{\\\"id\\\":1}\"}\n{\"src\":\"ord";
    let found = lines(cut);
    assert!(
        found[0].starts_with("2:1") && found[0].ends_with("ED5003 the stream ends before the event does"),
        "{found:?}"
    );
    let broken = "{\"a\":\n{\"b\":1}\n";
    let found = lines(broken);
    assert!(found[0].starts_with("1:5@0 ED5003 the line ends before"), "{found:?}");
    assert!(
        lines("[{\"src\":\"orders\",\"v\":\"{\\\"id\\\":1}\"}")[0].contains("without its closing bracket")
    );
    assert!(
        lines("[{\"src\":\"orders\",\"v\":\"{\\\"id\\\":1}\"}] 1")[0]
            .starts_with("1:37@36 ED5003 there is more")
    );
    assert_eq!(lines(""), [""; 0]);
    assert_eq!(lines("\n \n"), [""; 0]);
    let garbage = found_bytes(b"\x00\xff\xfe{\n\x01\n");
    assert!(garbage[0].starts_with("1:1@0 ED5003") && garbage[1].starts_with("2:1@5 ED5003"), "{garbage:?}");
}

fn found_bytes(bytes: &[u8]) -> Vec<String> {
    found(&run(bytes, &options(None), usize::MAX))
}

#[test]
fn causes_that_are_never_the_same_do_not_grow_without_end() {
    let text: String = (0..30_000).fold(String::new(), |mut text, number| {
        writeln!(text, "{{\"src\":\"lost{number}\",\"v\":\"\"}}").unwrap();
        text
    });
    let checked = run(text.as_bytes(), &options(None), usize::MAX);
    assert_eq!(checked.tally.faulty, 30_000);
    assert_eq!(checked.tally.groups.len(), 2_001);
    assert_eq!(checked.tally.groups.values().map(|group| group.count).sum::<u64>(), 30_000);
}

const BINARY: &str = "
asyncapi: 3.0.0
info: {title: Shop, version: 1.0.0}
channels:
  avro:
    address: avro
    messages:
      placed:
        contentType: application/avro
        x-eddy-schema-id: 7
        payload:
          schemaFormat: application/vnd.apache.avro;version=1.9.0
          schema: {type: record, name: Placed, fields: [{name: id, type: string}, {name: count, type: int}]}
  plain:
    address: plain
    messages:
      plainly:
        contentType: avro/binary
        payload:
          schemaFormat: application/vnd.apache.avro;version=1.9.0
          schema: {type: record, name: Plain, fields: [{name: count, type: int}]}
  either:
    address: either
    messages:
      either:
        payload:
          schemaFormat: application/vnd.apache.avro;version=1.9.0
          schema: {type: record, name: Either, fields: [{name: id, type: string}]}
";

fn run_binary(text: &str, message: Option<&str>) -> Vec<String> {
    let loaded = load_text("shop.yaml", BINARY, &Limits::default());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let input = Box::new(Cursor::new(text.as_bytes().to_vec()));
    let checked =
        check(open("stream", input).unwrap(), &EventChecker::new(&loaded), &options(message)).unwrap();
    assert_eq!(checked.tally.unchecked, BTreeMap::new());
    found(&checked)
}

fn recorded(channel: &str, payload: &[u8]) -> String {
    use base64::Engine;
    let payload = base64::engine::general_purpose::STANDARD.encode(payload);
    format!("{{\"src\":\"{channel}\",\"v64\":\"{payload}\"}}\n")
}

#[test]
fn avro_is_read_plain_framed_and_as_json() {
    // The id "a" and the count 2, then with the schema id 7 in front, then without the count.
    let fine = [2, b'a', 4];
    let framed = [0, 0, 0, 0, 7, 2, b'a', 4];
    assert_eq!(run_binary(&(recorded("avro", &fine) + &recorded("avro", &framed)), None), [""; 0]);
    assert_eq!(
        run_binary(&(recorded("avro", &fine[..2]) + &recorded("avro", &framed[..7])), None),
        [
            "1:1@0 ED5002 payload of `placed`: the payload ends at byte 2, within `count` of the Avro type `int`",
            "2:1@28 ED5002 payload of `placed`: the payload ends at byte 7, within `count` of the Avro type `int`",
        ]
    );
    // Named for all, the frame is told by its id; JSON where binary is asked for is no payload of it.
    assert_eq!(run_binary(&recorded("elsewhere", &framed), Some("placed")), [""; 0]);
    let json = recorded("avro", b"{\"id\":\"a\",\"count\":2}");
    let found = run_binary(&json, None);
    assert!(found.len() == 1 && found[0].contains("`id` at byte 0 says it has -62 bytes"), "{found:?}");
    // A first byte of zero is the count 0 where that fits, and a frame where only a frame does.
    assert_eq!(run_binary(&recorded("plain", &[0]), None), [""; 0]);
    assert_eq!(run_binary(&recorded("plain", &[0, 0, 0, 0, 9, 4]), Some("plainly")), [""; 0]);
    // Without a content type both are right; on a line of its own a payload is text.
    assert_eq!(
        run_binary(&(recorded("either", b"{\"id\":\"a\"}") + &recorded("either", &[2, b'a'])), None),
        [""; 0]
    );
    assert_eq!(run_binary("{\"id\":\"a\",\"count\":2}\n", Some("placed")), [""; 0]);
    assert_eq!(
        run_binary("{\"id\":\"a\",\"count\":\"2\"}\n", Some("placed")),
        ["1:19@18 ED5002 payload of `placed`: `count` is the text \"2\", not of the Avro type `int`"]
    );
}

#[test]
fn binary_data_of_cloud_events_is_decoded() {
    let event = |kind: &str, data: &str| {
        format!("{{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/\",\"type\":\"{kind}\",{data}}}\n")
    };
    let text = [
        // The id "a" and the count 2; then no more than the id.
        event("placed", "\"data_base64\":\"AmEE\""),
        event("placed", "\"data_base64\":\"AmE=\""),
        event("placed", "\"data\":{\"id\":\"a\",\"count\":2}"),
        event("placed", "\"data\":{\"id\":\"a\"}"),
        event("placed", "\"data_base64\":\"*\""),
    ];
    let found = run_binary(&text.concat(), None);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("2:1@") && found[0].contains("ends at byte 2, within `count`"), "{found:?}");
    assert!(found[1].starts_with("4:") && found[1].contains("the field `count`"), "{found:?}");
    assert!(found[2].starts_with("5:1@") && found[2].contains("`data_base64` is no base64"), "{found:?}");
}

#[cfg(feature = "protobuf")]
#[test]
fn protobuf_is_read_by_the_message_its_indexes_lead_to() {
    let contract = "
asyncapi: 3.0.0
info: {title: Shop, version: 1.0.0}
channels:
  orders:
    address: orders
    messages:
      Order:
        contentType: application/x-protobuf
        x-eddy-schema-id: 7
        payload:
          schemaFormat: application/vnd.google.protobuf;version=3
          schema: |
            syntax = \"proto3\";
            message Line { string sku = 1; }
            message Order { string id = 1; repeated Line lines = 2; State state = 3; }
            enum State { UNKNOWN = 0; PAID = 1; }
";
    let loaded = load_text("shop.yaml", contract, &Limits::default());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let checker = EventChecker::new(&loaded);
    let run = |payloads: &[&[u8]]| {
        let text: String = payloads.iter().map(|payload| recorded("orders", payload)).collect();
        let input = Box::new(Cursor::new(text.into_bytes()));
        found(&check(open("stream", input).unwrap(), &checker, &options(None)).unwrap())
    };
    let words = |found: Vec<String>| -> Vec<String> {
        found.iter().map(|found| found.split_once(' ').unwrap().1.to_owned()).collect()
    };
    // The id "a", one line, paid; then framed with the index 1, which is the second message.
    assert_eq!(
        run(&[
            &[10, 1, b'a', 18, 3, 10, 1, b's', 24, 1],
            &[0, 0, 0, 0, 7, 2, 2, 10, 1, b'a', 18, 3, 10, 1, b's', 24, 1],
        ]),
        [""; 0]
    );
    assert_eq!(
        words(run(&[
            &[0, 0, 0, 0, 7, 2, 2, 24, 5, 18, 3, 10, 1, 0xff],
            &[0, 0, 0, 0, 7, 0, 10, 1, b'a'],
            &[0, 0, 0, 0, 7, 2, 8, 10, 1, b'a'],
            &[10, 3, b'a'],
        ])),
        [
            "ED5002 payload of `Order`: `state` at byte 8 is 5, no value of `State`",
            "ED5002 payload of `Order`: `sku` is no UTF-8 from byte 13 on",
            "ED5006 the message indexes lead to `Line`, and the contract has `Order`",
            "ED5006 the message indexes [4] lead to no message of the schema of `Order`",
            "ED5002 payload of `Order`: `id` at byte 1 says it has 3 bytes, and 1 byte is left of the payload",
        ]
    );
}
