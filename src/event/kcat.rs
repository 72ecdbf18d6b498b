//! The event as a line of `kcat -J`, to write and to read. Lines that we write are JSON, which knows text only: what they lose
//! is named. kcat itself writes bytes that are no text as they are, and they are read so.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

mod surrogate;

use super::{Attributes, BrokerTime, Event, Header, Place, TimeKind, Timestamp};

/// What a line of this form cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// A key that is no text.
    BinaryKey,
    /// A payload that is no text.
    BinaryPayload,
    /// A header value that is no text.
    BinaryHeader,
    /// Facts of the protocol.
    Attributes,
    /// A time finer than a millisecond.
    Microseconds,
    /// An offset that is larger than any of Kafka.
    Offset,
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BinaryKey => "bytes of a key that are no text",
            Self::BinaryPayload => "bytes of a payload that are no text",
            Self::BinaryHeader => "bytes of a header that are no text",
            Self::Attributes => "facts of the protocol",
            Self::Microseconds => "the part of a time below a millisecond",
            Self::Offset => "an offset beyond 2^63-1",
        })
    }
}

/// Writes the event as `kcat -J` does, without a newline, and says what it lost.
///
/// Without a partition or an offset they are -1 and -1001, which librdkafka has for "none". Readers of such lines take offsets
/// for signed numbers, so one beyond them is left out.
pub fn encode(event: &Event, out: &mut Vec<u8>) -> Vec<Loss> {
    let mut losses = Vec::new();
    let mut text = |bytes: &[u8], loss: Loss| {
        if std::str::from_utf8(bytes).is_err() && !losses.contains(&loss) {
            losses.push(loss);
        }
        Value::from(String::from_utf8_lossy(bytes))
    };
    let stamp = event.broker_time;
    let kind = match stamp.map(|stamp| stamp.kind) {
        Some(TimeKind::Create) => "create",
        Some(TimeKind::Append) => "logappend",
        None => "unknown",
    };
    let time = stamp.map_or(event.received, |stamp| stamp.time).0;
    let mut object = serde_json::Map::new();
    object.insert("topic".to_owned(), event.channel.as_str().into());
    object.insert("partition".to_owned(), event.place.partition.unwrap_or(-1).into());
    let offset = event.place.offset.and_then(|offset| i64::try_from(offset).ok());
    object.insert("offset".to_owned(), offset.unwrap_or(-1001).into());
    object.insert("tstype".to_owned(), kind.into());
    object.insert("ts".to_owned(), time.div_euclid(1000).into());
    object.insert("broker".to_owned(), (-1).into());
    if !event.headers.is_empty() {
        let mut pairs = Vec::with_capacity(event.headers.len() * 2);
        for header in &event.headers {
            pairs.push(header.name.as_str().into());
            pairs.push(header.value.as_ref().map_or(Value::Null, |value| text(value, Loss::BinaryHeader)));
        }
        object.insert("headers".to_owned(), pairs.into());
    }
    let key = event.key.as_ref().map_or(Value::Null, |key| text(key, Loss::BinaryKey));
    object.insert("key".to_owned(), key);
    let payload = event.payload.as_ref().map_or(Value::Null, |payload| text(payload, Loss::BinaryPayload));
    object.insert("payload".to_owned(), payload);
    if !event.attributes.is_empty() {
        losses.push(Loss::Attributes);
    }
    if offset.is_none() && event.place.offset.is_some() {
        losses.push(Loss::Offset);
    }
    // Without a broker's time the moment of arrival stands in, which nobody promised.
    if stamp.is_some() && time.rem_euclid(1000) != 0 {
        losses.push(Loss::Microseconds);
    }
    out.extend_from_slice(Value::Object(object).to_string().as_bytes());
    losses
}

#[derive(Deserialize)]
struct Line<'a> {
    topic: String,
    partition: Option<i32>,
    offset: Option<i64>,
    tstype: Option<String>,
    ts: Option<i64>,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

/// Reads a line of `kcat -J`; headers may be a flat list or, as newer kcat writes them on request, an object of lists.
///
/// kcat escapes quotes, backslashes and the bytes below 32, and writes every other byte of a key, payload or header as it is,
/// be it text or not: so each of them comes back.
///
/// # Errors
/// What is wrong, as a fragment.
pub fn decode(line: &[u8]) -> Result<Event, String> {
    let (text, strings) = match std::str::from_utf8(line) {
        Ok(text) => (Cow::Borrowed(text), Strings::Text),
        Err(_) => (Cow::Owned(surrogate::escape(line)?), Strings::Bytes),
    };
    let line: Line<'_> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let time = line.ts.filter(|time| *time >= 0).and_then(|time| time.checked_mul(1000)).map(Timestamp);
    let kind = match line.tstype.as_deref() {
        Some("create") => Some(TimeKind::Create),
        Some("logappend") => Some(TimeKind::Append),
        _ => None,
    };
    Ok(Event {
        channel: line.topic.into(),
        key: strings.bytes(line.key)?,
        payload: strings.bytes(line.payload)?,
        headers: line.headers.map(|headers| strings.headers(headers)).transpose()?.unwrap_or_default(),
        received: time.unwrap_or_else(Timestamp::now),
        broker_time: time.zip(kind).map(|(time, kind)| BrokerTime { time, kind }),
        place: Place {
            partition: line.partition.filter(|partition| *partition >= 0),
            offset: line.offset.and_then(|offset| u64::try_from(offset).ok()),
        },
        attributes: Attributes::default(),
    })
}

/// What the strings of a line hold.
#[derive(Clone, Copy)]
enum Strings {
    /// Text, as JSON has it.
    Text,
    /// Bytes that are no text, through [`surrogate::escape`].
    Bytes,
}

impl Strings {
    /// The bytes of a string; Avro that kcat has decoded stands as JSON and is taken as such.
    fn bytes(self, value: Option<&RawValue>) -> Result<Option<Bytes>, String> {
        let Some(text) = value.map(RawValue::get).filter(|text| *text != "null") else {
            return Ok(None);
        };
        match (text.starts_with('"'), self) {
            (true, Self::Text) => serde_json::from_str(text).map(|text: String| text.into_bytes()),
            (true, Self::Bytes) => surrogate::bytes(text),
            (false, Self::Bytes) if text.contains("\\udc") => {
                return Err("a key or payload that is no string holds bytes that are no text".to_owned());
            }
            (false, _) => Ok(text.as_bytes().to_vec()),
        }
        .map(|bytes| Some(bytes.into()))
        .map_err(|error| error.to_string())
    }

    fn header(self, name: &str, value: &RawValue) -> Result<Header, String> {
        let value = match value.get().as_bytes().first() {
            Some(b'n' | b'"') => self.bytes(Some(value))?,
            _ => return Err(format!("the value of header `{name}` is neither text nor null")),
        };
        Ok(Header { name: name.into(), value })
    }

    fn headers(self, value: &RawValue) -> Result<Vec<Header>, String> {
        const WRONG: &str = "`headers` is neither a list of names and values nor an object";
        if value.get().starts_with('{') {
            let named: Named<'_> = serde_json::from_str(value.get()).map_err(|error| error.to_string())?;
            return named.0.into_iter().map(|(name, value)| self.header(&name, value)).collect();
        }
        let flat: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(|_| WRONG)?;
        if !flat.len().is_multiple_of(2) {
            return Err(WRONG.to_owned());
        }
        let pairs = flat.chunks_exact(2).map(|pair| {
            let name: String =
                serde_json::from_str(pair[0].get()).map_err(|_| "a header name is not text")?;
            self.header(&name, pair[1])
        });
        pairs.collect()
    }
}
/// Headers that stand as an object, each with a value or a list of values, in their order.
struct Named<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Named<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Named<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if value.get().starts_with('[') {
                        let values: Vec<&RawValue> =
                            serde_json::from_str(value.get()).map_err(serde::de::Error::custom)?;
                        pairs.extend(values.into_iter().map(|value| (name.clone(), value)));
                    } else {
                        pairs.push((name, value));
                    }
                }
                Ok(Named(pairs))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::{Loss, decode, encode};
    use crate::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp};

    fn event() -> Event {
        Event {
            channel: "orders".into(),
            key: Some("k".into()),
            payload: Some("a \"quoted\"\nline".into()),
            headers: vec![
                Header::text("a", "1"),
                Header::text("a", ""),
                Header { name: "none".into(), value: None },
            ],
            received: Timestamp(1_700_000_000_123_000),
            broker_time: Some(BrokerTime { time: Timestamp(1_700_000_000_123_000), kind: TimeKind::Create }),
            place: Place { partition: Some(3), offset: Some(9) },
            ..Event::default()
        }
    }

    fn written(event: &Event) -> (String, Vec<Loss>) {
        let mut out = Vec::new();
        let losses = encode(event, &mut out);
        (String::from_utf8(out).expect("text"), losses)
    }

    #[test]
    fn what_is_text_comes_back() {
        let null = Event { key: None, payload: None, headers: Vec::new(), ..event() };
        let empty = Event { key: Some("".into()), payload: Some("".into()), ..event() };
        for event in [event(), null, empty] {
            let (line, losses) = written(&event);
            assert!(losses.is_empty(), "{losses:?}");
            assert_eq!(decode(line.as_bytes()), Ok(event), "{line}");
        }
    }

    #[test]
    fn what_is_lost_is_named() {
        let mut lossy = event();
        lossy.key = Some((&[0xff_u8][..]).into());
        lossy.payload = Some((&[0xfe_u8, 0][..]).into());
        lossy.headers.push(Header { name: "b".into(), value: Some((&[0xff_u8][..]).into()) });
        lossy.attributes.insert("qos".to_owned(), 1.into());
        lossy.broker_time = Some(BrokerTime { time: Timestamp(1), kind: TimeKind::Append });
        lossy.place.offset = Some(1 << 63);
        let (line, mut losses) = written(&lossy);
        losses.sort();
        let all = [
            Loss::BinaryKey,
            Loss::BinaryPayload,
            Loss::BinaryHeader,
            Loss::Attributes,
            Loss::Microseconds,
            Loss::Offset,
        ];
        assert_eq!(losses, all);
        assert_eq!(decode(line.as_bytes()).expect("still a line").place.offset, None);
    }

    #[test]
    fn other_forms_of_the_line_are_read() {
        let named = br#"{"topic":"t","partition":0,"offset":-1001,"headers":{"a":["1","2"],"b":[null]},"key":null,"payload":{"avro":1.50}}"#;
        let event = decode(named).expect("a line");
        let none = Header { name: "b".into(), value: None };
        assert_eq!(event.headers, [Header::text("a", "1"), Header::text("a", "2"), none]);
        assert_eq!(event.payload, Some(r#"{"avro":1.50}"#.into()));
        assert_eq!((event.place.partition, event.place.offset), (Some(0), None));
        for (wrong, what) in [
            (&b"{\"topic\":\"\xff\"}"[..], "surrogate"),
            (b"{\"topic\":\"t\",\"payload\":{\"a\":\"\xff\"}}", "that is no string"),
            (b"{}", "topic"),
            (br#"{"topic":"t","headers":["a"]}"#, "`headers` is neither"),
            (br#"{"topic":"t","headers":["a",1]}"#, "header `a`"),
        ] {
            let error = decode(wrong).expect_err(what);
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_read_as_kcat_writes_them() {
        // What kcat 1.7.1 wrote of an event whose payload is every byte once.
        let all: Vec<u8> = (0..=255).collect();
        let mut line =
            br#"{"topic":"t","partition":0,"offset":0,"tstype":"create","ts":1,"broker":1,"headers":["h",""#
                .to_vec();
        line.extend_from_slice(b"\xfe\\u0001/\"],\"key\":\"k\xff\xc3\",\"payload\":\"");
        for byte in &all {
            match byte {
                b'"' | b'\\' => line.extend_from_slice(&[b'\\', *byte]),
                8 => line.extend_from_slice(b"\\b"),
                9 => line.extend_from_slice(b"\\t"),
                10 => line.extend_from_slice(b"\\n"),
                12 => line.extend_from_slice(b"\\f"),
                13 => line.extend_from_slice(b"\\r"),
                0..32 => line.extend_from_slice(format!("\\u00{byte:02X}").as_bytes()),
                _ => line.push(*byte),
            }
        }
        line.extend_from_slice(b"\"}");
        let event = decode(&line).expect("a line");
        assert_eq!(event.payload, Some(all.into()));
        assert_eq!(event.key.as_deref(), Some(&b"k\xff\xc3"[..]));
        assert_eq!(event.headers[0].value.as_deref(), Some(&b"\xfe\x01/"[..]));
    }
}
