//! Tests of a mask at work: rules, schemas, packed payloads, strictness, tokens.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::schema::marks;
use super::{ChannelSchemas, ContractSchemas, MaskKey, Masker, Rules};
use crate::event::{Event, Header};

fn key() -> MaskKey {
    MaskKey::new(b"0123456789abcdef").expect("a key")
}

fn masker(rules: &str, schemas: Option<Value>) -> Masker {
    let rules =
        Rules::parse(&format!("version: 1\n{rules}")).unwrap_or_else(|(reason, _)| panic!("{reason}"));
    let schemas = schemas.map(|schema| {
        let mark = marks(&schema);
        let known =
            ChannelSchemas { payloads: vec![Arc::new(schema)], is_known: true, ..ChannelSchemas::default() };
        let find = move |channel: &str| {
            if channel == "shop" { known.clone() } else { ChannelSchemas::default() }
        };
        ContractSchemas { of: Arc::new(find), mark }
    });
    Masker::new(rules, Some(key()), schemas).expect("a mask")
}

fn masked(masker: &Masker, payload: &str) -> Result<String, String> {
    let mut event = Event::new("shop", payload.to_owned());
    masker.apply(&mut event)?;
    Ok(String::from_utf8(event.payload.expect("a payload").to_vec()).expect("text"))
}

#[test]
fn events_that_no_schema_is_looked_up_for_are_counted() {
    let schema = || Some(json!({ "properties": { "mail": { "x-pii": true } } }));
    let apply = |masker: &Masker, channel: &str| {
        masker.apply(&mut Event::new(channel, r#"{"mail":"ann@x"}"#)).map(|_| ())
    };
    let typo = masker("", schema());
    assert_eq!(typo.counts().rules[0].values, 0, "schemas are counted from the beginning");
    for channel in ["shpo", "sohp", "shpo"] {
        assert_eq!(apply(&typo, channel), Ok(()));
    }
    let counts = typo.counts();
    assert_eq!((counts.unknown_to_contract, counts.rules[0].values), (3, 0));
    assert_eq!(counts.unknown_channels, ["shpo", "sohp"]);
    assert_eq!(apply(&typo, "shop"), Ok(()));
    assert_eq!((typo.counts().unknown_to_contract, typo.counts().rules[0].values), (3, 1));
    // A rule about the payload says what is masked, and so does whoever wants to know everything by name.
    for rules in [
        "rules: [{ field: $.mail, action: drop }]",
        "rules: [{ payload: true, action: keep }]",
        "unknown: drop",
    ] {
        let masker = masker(rules, schema());
        assert_eq!(apply(&masker, "shpo"), Ok(()), "{rules}");
        assert_eq!(masker.counts().unknown_to_contract, 0, "{rules}");
    }
    assert!(apply(&masker("unknown: refuse", schema()), "shpo").is_err());
    // Schemas that mask nothing count nothing.
    for (rules, schema) in [("schemas: ignore", schema()), ("", Some(json!({}))), ("", None)] {
        let masker = masker(rules, schema);
        assert_eq!(apply(&masker, "shpo"), Ok(()), "{rules}");
        assert_eq!(masker.counts(), super::MaskCounts::default(), "{rules}");
    }
}

#[test]
fn rules_change_what_they_name_and_nothing_else() {
    let masker = masker(
        "rules:\n  - { field: $.mail, action: token }\n  - { field: ..card, action: drop }\n  \
         - { field: $.notes, action: redact, text: '-' }\n  - { field: $.who, action: token }\n  \
         - { header: 'x-*', action: token }\n  - { key: true, action: token }\n  - { attribute: reply, action: drop }",
        None,
    );
    let token = |text: &str| key().token(text.as_bytes());
    let text = r#"{ "mail" : "ann@x", "n": 1.50, "card":"4", "list":[{"card":{"a":1},"ok":true}], "notes":[1], "who":{"id":7,"no":null} }"#;
    let expected = format!(
        r#"{{ "mail" : "{}", "n": 1.50, "list":[{{"ok":true}}], "notes":"-", "who":{{"id":"{}","no":null}} }}"#,
        token("ann@x"),
        token("7")
    );
    assert_eq!(masked(&masker, text).expect("masked"), expected);
    let mut event = Event {
        key: Some("ann@x".into()),
        headers: vec![Header::text("X-User", "ann@x"), Header::text("other", "1")],
        ..Event::new("shop", "{}")
    };
    event.attributes.insert("reply".to_owned(), json!("ann"));
    assert!(masker.apply(&mut event).expect("masked"));
    assert_eq!(event.key.as_deref(), Some(token("ann@x").as_bytes()));
    assert_eq!(event.headers, [Header::text("X-User", token("ann@x")), Header::text("other", "1")]);
    assert!(event.attributes.is_empty());
    let counts = masker.counts();
    let values: Vec<u64> = counts.rules.iter().map(|rule| rule.values).collect();
    assert_eq!(values, [1, 2, 1, 2, 1, 1, 1], "{counts:?}");
}

#[test]
fn what_cannot_be_gone_through_is_never_written() {
    let refusing = masker("rules: [{ field: $.mail, action: token }]", None);
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for payload in ["ann@x", "{\"mail\":\"ann@x\"", "\u{feff}{\"mail\":\"ann@x\"}", "{'mail':1}", &deep] {
        assert!(masked(&refusing, payload).is_err(), "{payload}");
    }
    let replacing = masker("undecodable: redact\nrules: [{ field: $.mail, action: token }]", None);
    assert_eq!(masked(&replacing, "ann@x").expect("masked"), "[redacted]");
    let leaving = masker("undecodable: drop\nrules: [{ field: $.mail, action: token }]", None);
    assert!(!leaving.apply(&mut Event::new("shop", "ann@x")).expect("left out"));
    assert_eq!(leaving.counts().left_out, 1);
    let whole = masker(
        "rules: [{ payload: true, action: token, channel: shop }, { field: $.a, action: drop }]",
        None,
    );
    assert_eq!(masked(&whole, "ann@x").expect("masked"), key().token(b"ann@x"));
    let structured = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"YW5u"}"#;
    assert!(masked(&refusing, structured).is_err());
}

#[test]
fn packed_and_framed_payloads_are_masked_too() {
    let masker = masker("rules: [{ field: $.mail, action: redact }]", None);
    let packed = zstd::encode_all(&b"\0\0\0\0\x01{\"mail\":\"ann@x\"}"[..], 1).expect("packed");
    let mut event = Event::new("shop", packed.clone());
    masker.apply(&mut event).expect("masked");
    assert_eq!(event.payload.as_deref(), Some(&b"\0\0\0\0\x01{\"mail\":\"[redacted]\"}"[..]));
    let mut cut = packed;
    cut.truncate(cut.len() - 3);
    assert!(masker.apply(&mut Event::new("shop", cut)).is_err());
}

#[test]
fn marks_in_schemas_mask_and_their_properties_are_known() {
    let schema = json!({ "properties": {
        "mail": { "x-pii": true },
        "total": { "type": "number" },
        "lines": { "items": { "properties": { "note": { "x-pii": "redact" } } } }
    } });
    let text = r#"{"mail":"ann@x","total":1,"lines":[{"note":"hi"}]}"#;
    let masked_text =
        format!(r#"{{"mail":"{}","total":1,"lines":[{{"note":"[redacted]"}}]}}"#, key().token(b"ann@x"));
    for rules in ["", "unknown: refuse"] {
        let masker = masker(rules, Some(schema.clone()));
        assert_eq!(masked(&masker, text).expect("masked"), masked_text);
    }
    let strict = masker("unknown: refuse", Some(schema.clone()));
    let reason = masked(&strict, r#"{"total":1,"lines":[{"note":"x","more":1}]}"#).expect_err("unknown");
    assert!(reason.ends_with("the field `/lines/0/more`"), "{reason}");
    let dropping = masker("unknown: drop", Some(schema));
    assert_eq!(masked(&dropping, r#"{"a":1,"total":1,"b":2}"#).expect("masked"), r#"{"total":1}"#);
}

#[test]
fn data_of_a_structured_event_is_described_by_the_schema() {
    let masker = masker("unknown: refuse", Some(json!({ "properties": { "mail": { "x-pii": "redact" } } })));
    let text = |mail: &str| {
        format!(r#"{{"specversion":"1.0","id":"1","type":"t","source":"/s","data":{{"mail":"{mail}"}}}}"#)
    };
    // `source` may say whom it is about.
    assert!(masked(&masker, &text("ann@x")).is_err());
    let keeping = self::masker(
        "rules: [{ field: $.source, action: keep }]\nunknown: refuse",
        Some(json!({ "properties": { "mail": { "x-pii": "redact" } } })),
    );
    assert_eq!(masked(&keeping, &text("ann@x")).expect("masked"), text("[redacted]"));
}

#[test]
fn strictness_reaches_keys_headers_and_attributes() {
    let strict = masker("unknown: refuse\nrules: [{ payload: true, action: keep }]", None);
    let refusal = |event: Event| strict.apply(&mut event.clone()).expect_err("refused");
    let event = || Event::new("shop", "x");
    assert!(refusal(Event { key: Some("k".into()), ..event() }).contains("key"));
    assert!(refusal(Event { headers: vec![Header::text("user", "ann")], ..event() }).contains("`user`"));
    let mut with_reply = event();
    with_reply.attributes.insert("reply".to_owned(), json!("ann"));
    assert!(refusal(with_reply).contains("`reply`"));
    let mut plain = Event { headers: vec![Header::text("Content-Type", "x")], ..event() };
    plain.attributes.insert("qos".to_owned(), json!(1));
    assert!(strict.apply(&mut plain).expect("known"));
}

#[test]
fn tokens_need_a_key() {
    let rules = || Rules::parse("version: 1\nrules: [{ key: true, action: token }]").expect("rules");
    assert!(Masker::new(rules(), None, None).is_err());
    let rules = Rules::parse("version: 1\nrules: [{ key: true, action: redact }]").expect("rules");
    assert!(Masker::new(rules, None, None).is_ok());
}

proptest! {
    /// Whatever a payload is, what is personal in it is never written.
    #[test]
    fn no_secret_gets_through(
        before in "[\\[\\]{}\",:a1\\\\ ]{0,12}", after in "[\\[\\]{}\",:a1\\\\ ]{0,12}", escaped in any::<bool>(),
    ) {
        let masker = masker("rules: [{ field: ..mail, action: token }]", None);
        let name = if escaped { "m\\u0061il" } else { "mail" };
        for payload in [
            format!("{before}{{\"{name}\":\"SECRET\"}}{after}"),
            format!("{{\"x\":{before}0,\"{name}\":[\"SECRET\",{{\"{name}\":\"SECRET\"}}]{after}}}"),
        ] {
            let mut event = Event::new("shop", payload.clone());
            if masker.apply(&mut event).is_ok() {
                let written = event.payload.expect("a payload");
                let read = serde_json::from_slice::<Value>(&written).expect("only JSON gets through");
                prop_assert!(!mails(&read).contains("SECRET"), "{payload}");
            }
        }
    }
}

/// What stands below members called `mail`.
fn mails(value: &Value) -> String {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| if name == "mail" { value.to_string() } else { mails(value) })
            .collect(),
        Value::Array(items) => items.iter().map(mails).collect(),
        _ => String::new(),
    }
}
