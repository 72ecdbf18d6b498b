//! The event that a changed view of it stands for: what the filter left alone stays as it came, byte for byte.

use base64::Engine;
use bytes::Bytes;
use jaq_json::{Map, Val};

use super::view::FIELDS;
use crate::event::{BrokerTime, Event, Header, TimeKind, Timestamp};

const NO_EVENT: &str =
    "its output is no event: begin with `.` and change fields, such as `.payload.total = 0`";

/// The event an output stands for.
///
/// # Errors
/// What is wrong with the output, as a fragment.
pub(super) fn event(output: &Val, input: &Val, original: &Event) -> Result<Event, String> {
    let (Val::Obj(output), Val::Obj(input)) = (output, input) else {
        return Err(NO_EVENT.to_owned());
    };
    if member(output, "channel").is_none() {
        return Err(NO_EVENT.to_owned());
    }
    if let Some(unknown) = output.keys().find(|name| !FIELDS.iter().any(|field| is(name, field))) {
        return Err(format!("an event has no field {unknown}; it has {}", FIELDS.join(", ")));
    }
    let mut event = original.clone();
    for field in FIELDS {
        let (new, old) = (member(output, field), member(input, field));
        if new != old {
            change(&mut event, field, new.unwrap_or(&Val::Null), output)?;
        }
    }
    Ok(event)
}

fn change(event: &mut Event, field: &str, value: &Val, output: &Map) -> Result<(), String> {
    match field {
        "channel" => event.channel = text(field, value)?.into(),
        "key" => event.key = bytes_or_null(field, value)?,
        "payload" => {
            event.payload = payload(value, member(output, "payload_is"))?;
            // What was decoded to be looked at goes on decoded.
            event.headers.retain(|header| !header.name.eq_ignore_ascii_case("content-encoding"));
            event.attributes.remove("content_encoding");
        }
        "headers" => headers(event, value)?,
        "header_pairs" => event.headers = header_pairs(value)?,
        "time" => event.received = time(field, value)?,
        "time_us" => event.received = Timestamp(number(field, value)?),
        "broker_time" => {
            let kind = event.broker_time.map_or(TimeKind::Create, |stamp| stamp.kind);
            event.broker_time = match value {
                Val::Null => None,
                value => Some(BrokerTime { time: time(field, value)?, kind }),
            };
        }
        "partition" => event.place.partition = number_or_null(field, value)?,
        "offset" => event.place.offset = number_or_null(field, value)?,
        "attributes" => event.attributes = attributes(value)?.into(),
        _ => {}
    }
    Ok(())
}

fn is(name: &Val, field: &str) -> bool {
    matches!(name, Val::TStr(bytes) | Val::BStr(bytes) if ***bytes == *field.as_bytes())
}

fn member<'v>(object: &'v Map, field: &str) -> Option<&'v Val> {
    object.get(&Val::utf8_str(field.to_owned()))
}

fn wrong(field: &str, value: &Val, wanted: &str) -> String {
    let shown: String = value.to_string().chars().take(40).collect();
    format!("`.{field}` became {shown}, and must be {wanted}")
}

fn text(field: &str, value: &Val) -> Result<String, String> {
    match value {
        Val::TStr(bytes) | Val::BStr(bytes) if !bytes.is_empty() => {
            String::from_utf8(bytes.to_vec()).map_err(|_| wrong(field, value, "a text"))
        }
        _ => Err(wrong(field, value, "a text that is not empty")),
    }
}

/// A text, `{"b64": "…"}`, or nothing.
fn bytes_or_null(field: &str, value: &Val) -> Result<Option<Bytes>, String> {
    let wanted = r#"a text, null, or {"b64": "…"}"#;
    match value {
        Val::Null => Ok(None),
        Val::TStr(bytes) | Val::BStr(bytes) => Ok(Some((**bytes).clone())),
        Val::Obj(members) if members.len() == 1 => match member(members, "b64") {
            Some(Val::TStr(encoded)) => {
                let decoded = base64::prelude::BASE64_STANDARD.decode(&***encoded);
                Ok(Some(decoded.map_err(|_| wrong(field, value, wanted))?.into()))
            }
            _ => Err(wrong(field, value, wanted)),
        },
        _ => Err(wrong(field, value, wanted)),
    }
}

/// A text goes as it is where the payload was one, and as JSON where it was JSON; `null` is a null payload.
fn payload(value: &Val, payload_is: Option<&Val>) -> Result<Option<Bytes>, String> {
    let was_json = payload_is.is_some_and(|kind| is(kind, "json"));
    let is_encoded =
        matches!(value, Val::Obj(members) if members.len() == 1 && member(members, "b64").is_some());
    match value {
        Val::TStr(_) | Val::BStr(_) if !was_json => bytes_or_null("payload", value),
        Val::Null => Ok(None),
        value if is_encoded && !was_json => bytes_or_null("payload", value),
        value => json(value).map(|text| Some(text.into())).ok_or_else(|| wrong("payload", value, "JSON")),
    }
}

/// What differs from JSON (`nan`, texts that are no UTF-8) is none.
fn json(value: &Val) -> Option<String> {
    let text = value.to_string();
    serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok().then_some(text)
}

/// Headers by name: those gone are taken away, new ones added, and one with another value stands once.
fn headers(event: &mut Event, value: &Val) -> Result<(), String> {
    let Val::Obj(wanted) = value else {
        return if *value == Val::Null {
            event.headers.clear();
            Ok(())
        } else {
            Err(wrong("headers", value, "an object"))
        };
    };
    event.headers.retain(|header| wanted.keys().any(|name| is(name, &header.name)));
    for (name, value) in wanted.iter() {
        let name = text("headers", name)?;
        let value = bytes_or_null(&format!("headers.{name}"), value)?;
        match event.headers.iter().position(|header| header.name == name) {
            Some(at) if event.headers[at].value == value => {}
            Some(at) => {
                event.headers[at].value = value;
                let mut index = 0;
                event.headers.retain(|header| {
                    index += 1;
                    index <= at + 1 || header.name != name
                });
            }
            None => event.headers.push(Header { name: name.into(), value }),
        }
    }
    Ok(())
}

fn header_pairs(value: &Val) -> Result<Vec<Header>, String> {
    let pairs = match value {
        Val::Null => return Ok(Vec::new()),
        Val::Arr(pairs) => pairs,
        _ => return Err(wrong("header_pairs", value, "a list of `[name, value]`")),
    };
    let pair = |pair: &Val| match pair {
        Val::Arr(parts) if parts.len() == 2 => Ok(Header {
            name: text("header_pairs", &parts[0])?.into(),
            value: bytes_or_null("header_pairs", &parts[1])?,
        }),
        _ => Err(wrong("header_pairs", pair, "`[name, value]`")),
    };
    pairs.iter().map(pair).collect()
}

fn time(field: &str, value: &Val) -> Result<Timestamp, String> {
    let wanted = "a time such as \"2026-11-01T00:00:00Z\"";
    let Val::TStr(bytes) = value else {
        return Err(wrong(field, value, wanted));
    };
    let text = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    text.ok_or_else(|| wrong(field, value, wanted))
}

fn number<T: std::str::FromStr>(field: &str, value: &Val) -> Result<T, String> {
    let digits = if let Val::Num(number) = value { number.to_string() } else { String::new() };
    digits.parse().map_err(|_| wrong(field, value, "a whole number"))
}

fn number_or_null<T: std::str::FromStr>(field: &str, value: &Val) -> Result<Option<T>, String> {
    if *value == Val::Null { Ok(None) } else { number(field, value).map(Some) }
}

fn attributes(value: &Val) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    if *value == Val::Null {
        return Ok(serde_json::Map::new());
    }
    let object = serde_json::from_str(&value.to_string());
    object.map_err(|_| wrong("attributes", value, "an object"))
}
