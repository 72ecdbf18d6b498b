//! Tests of jq over events: the language, its limits, and what errors point at.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Jq, JqFailure, JqLimit};
use crate::event::{Event, Header};

fn event() -> Event {
    let mut event = Event::new(
        "shop/orders",
        r#"{"id":"7","total":12.50,"big":12345678901234567890123,"items":[{"sku":"a"}]}"#,
    );
    event.key = Some("customer-3".into());
    event.headers = vec![
        Header::text("source", "shop"),
        Header::text("source", "again"),
        Header { name: "raw".into(), value: Some((&[0xff_u8, 0][..]).into()) },
        Header { name: "none".into(), value: None },
    ];
    event.place.offset = Some(u64::MAX);
    event.attributes.insert("qos".to_owned(), 1.into());
    event
}

fn outputs(text: &str, event: &Event) -> Result<Vec<String>, JqFailure> {
    Jq::compile(text).unwrap_or_else(|error| panic!("{error}")).outputs(event)
}

fn output(text: &str) -> String {
    outputs(text, &event()).map_or_else(|failure| format!("{failure:?}"), |found| found.join(" "))
}

#[test]
fn a_failure_does_not_repeat_a_whole_payload() {
    let event = Event::new("a", format!("begin{}end", "x".repeat(100_000)));
    let Err(JqFailure::Event(words)) = outputs(".payload.id", &event) else {
        panic!("a text has no members")
    };
    assert!(words.len() < 200, "{}", words.len());
    assert!(
        words.starts_with("cannot index \"beginx") && words.contains("xend\"") && words.ends_with("\"id\""),
        "{words}"
    );
}

#[test]
fn the_event_is_an_object() {
    for (text, expected) in [
        (".channel, .key, .payload_is", r#""shop/orders" "customer-3" "json""#),
        (".payload.total, .payload.big", "12.50 12345678901234567890123"),
        (".headers.source, .headers.none, .headers.raw", r#""shop" null {"b64":"/wA="}"#),
        ("[.header_pairs[] | .[0]] | join(\",\")", r#""source,source,raw,none""#),
        (".offset, .partition, .broker_time, .attributes.qos", "18446744073709551615 null null 1"),
        ("(.time_us | type), (.time | endswith(\"Z\"))", r#""number" true"#),
        ("keys | length", "12"),
    ] {
        assert_eq!(output(text), expected, "{text}");
    }
    let of = |payload: &'static [u8]| {
        outputs(".payload, .payload_is", &Event::new("a", payload)).map(|found| found.join(" "))
    };
    assert_eq!(of(b"plain"), Ok(r#""plain" "text""#.to_owned()));
    assert_eq!(of(b"\xff"), Ok(r#"{"b64":"/w=="} "binary""#.to_owned()));
    assert_eq!(of(b"NaN"), Ok(r#""NaN" "text""#.to_owned()));
    assert_eq!(of(b""), Ok(r#""" "text""#.to_owned()));
    let null = Event { payload: None, ..Event::new("a", "") };
    assert_eq!(
        outputs(".payload, .payload_is", &null).map(|found| found.join(" ")),
        Ok(r#"null "null""#.to_owned())
    );
}

#[test]
fn the_language_is_whole_in_its_sandbox() {
    for (text, expected) in [
        ("[(1,2) * (3,4)]", "[3,4,6,8]"),
        ("[(1,2) + (3,4)]", "[4,5,5,6]"),
        (r#""ab" * 2, ([1] + [2]), ({"a":1} * {"a":{"b":2}})"#, r#""abab" [1,2] {"a":{"b":2}}"#),
        (r#"{"a":1} | .a += 2 | .a *= 4"#, r#"{"a":12}"#),
        ("[limit(3; repeat(1))], [range(0;6;2)]", "[1,1,1] [0,2,4]"),
        ("reduce range(5) as $i (0; . + $i), [foreach (1,2,3) as $x (0; . + $x)]", "10 [1,3,6]"),
        ("def f($n): if $n > 0 then $n, f($n - 1) else empty end; [f(3)]", "[3,2,1]"),
        (r#"[paths(type == "string")] | length"#, "15"),
        (
            r#"{"a":[1,2]} | path(.a[] | select(. > 1)), (map_values(length)), del(.a[0])"#,
            r#"["a",1] {"a":2} {"a":[2]}"#,
        ),
        (r#"{"a":[1,2]} | getpath(["a",1]), (recurse |= .) "#, r#"2 {"a":[1,2]}"#),
        (r#""[1,{}]" | fromjson | tojson"#, r#""[1,{}]""#),
        (r#""order-17" | test("^order-[0-9]+$"), capture("(?<n>[0-9]+)").n"#, r#"true "17""#),
        (r#".payload.items | any(.sku == "a")"#, "true"),
        ("try error(\"x\") catch .", r#""x""#),
        ("[.[]?] | length", "12"),
    ] {
        assert_eq!(output(text), expected, "{text}");
    }
}

#[test]
fn a_filter_without_end_is_stopped_and_named() {
    let limit =
        |text: &str| match Jq::compile(text).unwrap_or_else(|error| panic!("{error}")).outputs(&event()) {
            Err(JqFailure::Limit(limit)) => limit,
            other => panic!("{text}: {other:?}"),
        };
    let begun = Instant::now();
    for text in [
        "def f: f; f",
        "last(range(infinite))",
        "range(infinite) | empty",
        "[range(infinite)] | length",
        "[repeat(1)]",
        "try (def f: f; f) catch 1",
        "until(false; .)",
        "reduce range(infinite) as $x (0; .)",
        "isempty(repeat(empty) | 1) | not | repeat(empty)",
    ] {
        let limit = limit(text);
        assert!(matches!(limit, JqLimit::Steps | JqLimit::Time), "{text}: {limit:?}");
    }
    for text in ["def f: 1 + f; f", "def f: try f catch f; f"] {
        let limit = limit(text);
        assert!(matches!(limit, JqLimit::Depth | JqLimit::Steps | JqLimit::Time), "{text}: {limit:?}");
    }
    assert_eq!(limit("range(100000)"), JqLimit::Outputs);
    for text in [
        r#""x" * 1e12"#,
        r#"reduce range(60) as $i ("x"; . + .)"#,
        r#"reduce range(60) as $i ({a: "x"}; .a += .a)"#,
        "reduce range(60) as $i ([1]; . + .)",
        "reduce range(60) as $i (10; . * .)",
    ] {
        assert_eq!(limit(text), JqLimit::Size, "{text}");
    }
    assert!(begun.elapsed() < Duration::from_secs(120));
}

#[test]
fn values_nested_beyond_measure_do_no_harm() {
    let deep = Event::new("a", vec![b'['; 100_000]);
    assert_eq!(outputs(".payload_is", &deep), Ok(vec![r#""text""#.to_owned()]));
    let closed = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    assert_eq!(outputs(".payload_is", &Event::new("a", closed)), Ok(vec![r#""text""#.to_owned()]));
    assert_eq!(
        output(r#"try ("[" * 1000 + "]" * 1000 | fromjson) catch ."#),
        r#""cannot parse JSON nested so deeply""#
    );
    assert_eq!(output("reduce range(50000) as $i (0; [.]) | length"), "1");
}

#[test]
fn nothing_outside_the_event_can_be_reached() {
    for text in
        ["env", "$ENV", "halt", "halt_error", "input", "inputs", "import \"a\" as a; .", "include \"a\"; ."]
    {
        assert!(Jq::compile(text).is_err(), "{text}");
    }
}

#[test]
fn errors_point_at_the_wrong_part() {
    let wrong = |text: &str| {
        let error = Jq::compile(text).expect_err(text);
        (text[error.wrong].to_owned(), error.help)
    };
    assert_eq!(wrong(".payload.total >").0, "");
    assert_eq!(wrong(".payload | selct(.a)"), ("selct".to_owned(), "did you mean `select`?".to_owned()));
    assert_eq!(wrong(".a | payload").1, "write `.payload`: fields of the event begin with a dot");
    assert_eq!(wrong(". == $x").0, "$x");
    assert_eq!(wrong(".a )").0, ")");
    assert_eq!(wrong("(.a").0, "");
    assert_eq!(wrong("§").0, "§");
}

#[test]
fn a_filter_holds_when_an_output_is_true() {
    let jq = Jq::compile(".payload.total > 10").expect("a filter");
    let events = [event(), Event::new("a", r#"{"total":3}"#), Event::new("a", "text")];
    let held = jq.holds(&events);
    assert_eq!((&held[0], &held[1]), (&Ok(true), &Ok(false)));
    assert!(matches!(&held[2], Err(JqFailure::Event(message)) if message.contains("cannot")), "{held:?}");
    assert!(jq.holds(&[]).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_text_does_harm(text in "[.|()\\[\\]a-c$ \"1+*,;:?]{0,20}") {
        match Jq::compile(&text) {
            Ok(jq) => { let _ = jq.outputs(&event()); }
            Err(error) => prop_assert!(error.text.get(error.wrong).is_some()),
        }
    }
}
