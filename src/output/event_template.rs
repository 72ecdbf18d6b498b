//! Events in a form the user writes: `{time} {channel} {key} {payload./order/id}\n`.
//!
//! A field stands in braces: `time`, `broker-time`, `channel`, `key`, `payload`, `payload./json/pointer`, `header.NAME`,
//! `headers`, `attribute.NAME`, `partition`, `offset`, `number`, `size`. What an event does not have is empty. Behind a colon
//! stands how: `ms`, `us` and `s` for times, `json`, `hex`, `base64` and `len` for the rest. Outside of braces `\n`, `\t`, `\r`,
//! `\0`, `\\` and `\xHH` are escapes, and `{{` and `}}` are braces.

use std::io::{self, Write};
use std::ops::Range;

use base64::Engine;
use serde_json::value::RawValue;
use thiserror::Error;

use super::visible::harmless;
use crate::event::{Event, Timestamp, coding};

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// The text as given.
    pub text: String,
    /// The bytes of it that are wrong.
    pub wrong: Range<usize>,
    /// The accepted form.
    pub help: &'static str,
}

const HELP: &str = "fields are `{time}`, `{broker-time}`, `{channel}`, `{key}`, `{payload}`, `{payload./json/pointer}`, \
                    `{header.NAME}`, `{headers}`, `{attribute.NAME}`, `{partition}`, `{offset}`, `{number}` and `{size}`";
const FORM_HELP: &str =
    "behind a colon stands `ms`, `us` or `s` for a time, else `json`, `hex`, `base64` or `len`";
const ESCAPE_HELP: &str =
    "escapes are `\\n`, `\\t`, `\\r`, `\\0`, `\\\\` and `\\xHH`; `{{` and `}}` are braces";

/// A compiled template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTemplate {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Field(Field, Form),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    Time,
    BrokerTime,
    Channel,
    Key,
    Payload,
    Pointer(String),
    Header(String),
    Headers,
    Attribute(String),
    Partition,
    Offset,
    Number,
    Size,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Json,
    Hex,
    Base64,
    Length,
    Seconds,
    Milliseconds,
    Microseconds,
}

impl EventTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] with the part that is wrong.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let error = |wrong: Range<usize>, what: &str, help| TemplateError {
            message: format!("the template cannot be used: {what}"),
            text: text.to_owned(),
            wrong,
            help,
        };
        let mut pieces = Vec::new();
        let mut plain = Vec::new();
        let mut at = 0;
        while let Some(each) = text[at..].chars().next() {
            let rest = &text[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                plain.push(rest.as_bytes()[0]);
                at += 2;
            } else if each == '{' {
                let end =
                    rest.find('}').ok_or_else(|| error(at..text.len(), "a `}` is missing", ESCAPE_HELP))?;
                let (field, form) = field(&rest[1..end]).map_err(|(wrong, what, help)| {
                    error(at + 1 + wrong.start..at + 1 + wrong.end, &what, help)
                })?;
                pieces.extend((!plain.is_empty()).then(|| Piece::Text(std::mem::take(&mut plain))));
                pieces.push(Piece::Field(field, form));
                at += end + 1;
            } else if each == '}' {
                return Err(error(at..at + 1, "a `}` stands alone", ESCAPE_HELP));
            } else if each == '\\' {
                let (byte, length) = escape(rest)
                    .ok_or_else(|| error(at..at + escape_length(rest), "an unknown escape", ESCAPE_HELP))?;
                plain.push(byte);
                at += length;
            } else {
                plain.extend_from_slice(&rest.as_bytes()[..each.len_utf8()]);
                at += each.len_utf8();
            }
        }
        pieces.extend((!plain.is_empty()).then_some(Piece::Text(plain)));
        Ok(Self { pieces })
    }

    /// Writes an event, the `number`-th one; on a terminal its bytes are made harmless, else they stay as they are.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut dyn Write, event: &Event, number: u64, terminal: bool) -> io::Result<()> {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.write_all(text)?,
                Piece::Field(field, form) => {
                    let bytes = formed(field, *form, event, number);
                    if terminal { out.write_all(&harmless(&bytes))? } else { out.write_all(&bytes)? }
                }
            }
        }
        Ok(())
    }
}

/// The byte an escape stands for and its length in the text, which begins with a backslash.
fn escape(text: &str) -> Option<(u8, usize)> {
    match text.as_bytes().get(1)? {
        b'n' => Some((b'\n', 2)),
        b't' => Some((b'\t', 2)),
        b'r' => Some((b'\r', 2)),
        b'0' => Some((0, 2)),
        b'\\' => Some((b'\\', 2)),
        b'x' => Some((u8::from_str_radix(text.get(2..4)?, 16).ok()?, 4)),
        _ => None,
    }
}

/// Bytes of a backslash and what follows it.
fn escape_length(text: &str) -> usize {
    text.chars().take(2).map(char::len_utf8).sum()
}

type Wrong = (Range<usize>, String, &'static str);

fn field(text: &str) -> Result<(Field, Form), Wrong> {
    let (name, form_name) = match text.rsplit_once(':') {
        Some((name, form)) if !form.contains('/') => (name, Some(form)),
        _ => (text, None),
    };
    let all = 0..name.len();
    let named = |prefix: &str| name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(str::to_owned);
    let field = match name {
        "time" => Field::Time,
        "broker-time" => Field::BrokerTime,
        "channel" => Field::Channel,
        "key" => Field::Key,
        "payload" => Field::Payload,
        "headers" => Field::Headers,
        "partition" => Field::Partition,
        "offset" => Field::Offset,
        "number" => Field::Number,
        "size" => Field::Size,
        _ => match (named("payload."), named("header."), named("attribute.")) {
            (Some(pointer), ..) if pointer.starts_with('/') => Field::Pointer(pointer),
            (Some(pointer), ..) => {
                let what = format!("`{pointer}` is not a JSON Pointer: it must begin with `/`");
                return Err((name.len() - pointer.len()..name.len(), what, HELP));
            }
            (_, Some(header), _) => Field::Header(header),
            (.., Some(attribute)) => Field::Attribute(attribute),
            _ => return Err((all, format!("there is no field `{name}`"), HELP)),
        },
    };
    let is_time = matches!(field, Field::Time | Field::BrokerTime);
    let form = match (form_name, is_time) {
        (None, _) => Form::Plain,
        (Some("s"), true) => Form::Seconds,
        (Some("ms"), true) => Form::Milliseconds,
        (Some("us"), true) => Form::Microseconds,
        (Some("json"), false) => Form::Json,
        (Some("hex"), false) => Form::Hex,
        (Some("base64"), false) => Form::Base64,
        (Some("len"), false) => Form::Length,
        (Some(form), _) => {
            return Err((name.len() + 1..text.len(), format!("`{name}` has no form `{form}`"), FORM_HELP));
        }
    };
    Ok((field, form))
}

fn formed(field: &Field, form: Form, event: &Event, number: u64) -> Vec<u8> {
    let time = match field {
        Field::Time => Some(event.received),
        Field::BrokerTime => event.broker_time.map(|stamp| stamp.time),
        _ => None,
    };
    match form {
        Form::Seconds => divided(time, 1_000_000),
        Form::Milliseconds => divided(time, 1_000),
        Form::Microseconds => divided(time, 1),
        Form::Plain => bytes(field, event, number).unwrap_or_default(),
        Form::Json if matches!(field, Field::Pointer(_) | Field::Headers) => {
            json(field, event).map_or_else(|| b"null".to_vec(), String::into_bytes)
        }
        Form::Json => {
            let text = bytes(field, event, number).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            serde_json::Value::from(text).to_string().into_bytes()
        }
        Form::Hex => {
            let bytes = bytes(field, event, number).unwrap_or_default();
            bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
        }
        Form::Base64 => {
            let bytes = bytes(field, event, number).unwrap_or_default();
            base64::prelude::BASE64_STANDARD.encode(bytes).into_bytes()
        }
        Form::Length => {
            bytes(field, event, number).map_or_else(Vec::new, |bytes| bytes.len().to_string().into_bytes())
        }
    }
}

fn divided(time: Option<Timestamp>, by: i64) -> Vec<u8> {
    time.map_or_else(Vec::new, |time| time.0.div_euclid(by).to_string().into_bytes())
}

/// The bytes of a field; none when the event does not have it.
fn bytes(field: &Field, event: &Event, number: u64) -> Option<Vec<u8>> {
    let text = |text: String| Some(text.into_bytes());
    match field {
        Field::Time => text(event.received.to_string()),
        Field::BrokerTime => text(event.broker_time?.time.to_string()),
        Field::Channel => text(event.channel.to_string()),
        Field::Key => event.key.as_ref().map(|key| key.to_vec()),
        Field::Payload => event.payload.as_ref().map(|payload| payload.to_vec()),
        Field::Pointer(_) => {
            let json = json(field, event)?;
            // A string without its quotes; everything else as it stands.
            Some(serde_json::from_str::<String>(&json).unwrap_or(json).into_bytes())
        }
        Field::Header(name) => {
            let header = event.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
            header.value.as_ref().map(|value| value.to_vec())
        }
        Field::Headers => {
            let mut all = Vec::new();
            for (index, header) in event.headers.iter().enumerate() {
                all.extend_from_slice(if index > 0 { b"," } else { b"" });
                all.extend_from_slice(header.name.as_bytes());
                all.push(b'=');
                all.extend_from_slice(header.value.as_deref().unwrap_or_default());
            }
            Some(all)
        }
        Field::Attribute(name) => {
            let value = event.attributes.get(name)?;
            text(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        }
        Field::Partition => text(event.place.partition?.to_string()),
        Field::Offset => text(event.place.offset?.to_string()),
        Field::Number => text(number.to_string()),
        Field::Size => text(event.size().to_string()),
    }
}

/// A part of the payload as it stands, or the headers as pairs.
fn json(field: &Field, event: &Event) -> Option<String> {
    if let Field::Pointer(pointer) = field {
        let payload = coding::plain_payload(event)?;
        return at_pointer(serde_json::from_slice(&payload).ok()?, pointer);
    }
    let pairs = event.headers.iter().map(|header| {
        let value = header.value.as_deref().map(|value| String::from_utf8_lossy(value).into_owned());
        serde_json::json!([header.name, value])
    });
    Some(pairs.collect::<serde_json::Value>().to_string())
}

/// Goes down a JSON Pointer without reading values, so that numbers keep their digits.
fn at_pointer(whole: &RawValue, pointer: &str) -> Option<String> {
    let mut found = whole;
    for step in pointer.split('/').skip(1) {
        let name = step.replace("~1", "/").replace("~0", "~");
        found = if found.get().starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(found.get()).ok()?;
            items.get(name.parse::<usize>().ok()?).copied()?
        } else {
            let members: std::collections::HashMap<std::borrow::Cow<'_, str>, &RawValue> =
                serde_json::from_str(found.get()).ok()?;
            members.get(name.as_str()).copied()?
        };
    }
    Some(found.get().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::EventTemplate;
    use crate::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp};

    fn event() -> Event {
        let mut event =
            Event::new("shop/orders", r#"{"order":{"id":"o-1","total":12.50},"a/b":[1,[2]],"x":"a\tb"}"#);
        event.received = Timestamp(1_700_000_000_123_456);
        event.broker_time =
            Some(BrokerTime { time: Timestamp(1_700_000_000_000_000), kind: TimeKind::Create });
        event.key = Some((&b"k\xff"[..]).into());
        event.headers = vec![Header::text("Trace-Id", "t1"), Header { name: "none".into(), value: None }];
        event.place = Place { partition: Some(3), offset: None };
        event.attributes.insert("qos".to_owned(), 1.into());
        event
    }

    fn written(text: &str, terminal: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let template = EventTemplate::parse(text).unwrap_or_else(|error| panic!("{error}"));
        template.write(&mut out, &event(), 7, terminal).expect("writing");
        out
    }

    #[test]
    fn every_field_is_written() {
        for (text, expected) in [
            (
                "{time}|{time:s}|{time:ms}|{time:us}",
                "2023-11-14T22:13:20.123456Z|1700000000|1700000000123|1700000000123456",
            ),
            ("{broker-time} {channel} {partition}[{offset}]", "2023-11-14T22:13:20.000000Z shop/orders 3[]"),
            (
                "{payload./order/id},{payload./order/total},{payload./a~1b/1/0},{payload./none}",
                "o-1,12.50,2,",
            ),
            (
                "{payload./order:json} {payload./order/id:json} {payload./x}",
                r#"{"id":"o-1","total":12.50} "o-1" a	b"#,
            ),
            ("{header.trace-id} {header.none} {header.no:json} {headers}", "t1  null Trace-Id=t1,none="),
            (
                "{headers:json} {attribute.qos} {number} {payload:len}",
                r#"[["Trace-Id","t1"],["none",null]] 1 7 61"#,
            ),
            (r"{key:hex} {key:base64} {key:len}\t{{}}\n\x41\\", "6bff a/8= 2\t{}\nA\\"),
        ] {
            assert_eq!(String::from_utf8(written(text, false)).expect("text"), expected, "{text}");
        }
    }

    #[test]
    fn bytes_stay_as_they_are_but_never_steer_a_terminal() {
        assert_eq!(written(r"{key}\0\x1b", false), b"k\xff\0\x1b");
        assert_eq!(written(r"{key}\n", true), b"k\\xff\n");
    }

    #[test]
    fn errors_point_at_the_wrong_part() {
        for (text, part) in [
            ("{tme} x", "tme"),
            ("a {payload.id}", "id"),
            ("{time:hex}", "hex"),
            ("{key:s}", "s"),
            ("a {key", "{key"),
            ("a } b", "}"),
            (r"a \q", r"\q"),
            (r"a \x4", r"\x"),
            ("{header.}", "header."),
        ] {
            let error = EventTemplate::parse(text).expect_err(text);
            assert_eq!(&text[error.wrong], part, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[{}\\\\:./a-z\\PC]{0,24}") {
            match EventTemplate::parse(&text) {
                Ok(template) => template.write(&mut Vec::new(), &event(), 1, true).expect("writing"),
                Err(error) => prop_assert!(text.get(error.wrong).is_some()),
            }
        }
    }
}
