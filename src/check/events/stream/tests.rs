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
