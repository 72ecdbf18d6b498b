//! Reading: a line straight into an event, field by field, without a generic JSON value of the whole line.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use compact_str::CompactString;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Line, LineError};
use crate::event::{Attributes, BrokerTime, Event, Header, Place, TimeKind, Timestamp};

/// Standard alphabet; other writers leave the padding away.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn decode(line: &[u8], arrival: Option<Timestamp>) -> Result<Line, LineError> {
    let fields: Fields = serde_json::from_slice(line).map_err(|error| explain(&error))?;
    let missing = |message: &str| LineError { message: message.to_owned(), column: line.len() };
    let received = fields.received.map(Timestamp).or(arrival).ok_or_else(|| missing("`t` is missing"))?;
    if !fields.payload_seen {
        return Err(missing("neither `v` nor `v64` is there"));
    }
    let event = Event {
        channel: fields.channel.ok_or_else(|| missing("`src` is missing"))?,
        key: fields.key,
        payload: fields.payload,
        headers: fields.headers,
        received,
        broker_time: fields.broker_time.map(|time| BrokerTime {
            time: Timestamp(time),
            kind: fields.time_kind.unwrap_or(TimeKind::Create),
        }),
        place: Place { partition: fields.partition, offset: fields.offset },
        attributes: fields.attributes,
    };
    Ok(Line { number: fields.number, event })
}

/// serde writes the position into the message; a line knows its own line number better.
fn explain(error: &serde_json::Error) -> LineError {
    let text = error.to_string();
    let message = match text.rfind(" at line ") {
        Some(end) if error.line() > 0 => &text[..end],
        _ => &text,
    };
    let message = if error.is_eof() && !message.contains('`') {
        "the line ends before the event does".to_owned()
    } else {
        message.to_owned()
    };
    LineError { message, column: error.column() }
}

#[derive(Default)]
struct Fields {
    number: Option<u64>,
    received: Option<i64>,
    channel: Option<CompactString>,
    partition: Option<i32>,
    offset: Option<u64>,
    broker_time: Option<i64>,
    time_kind: Option<TimeKind>,
    key_seen: bool,
    key: Option<Bytes>,
    payload_seen: bool,
    payload: Option<Bytes>,
    headers: Vec<Header>,
    attributes: Attributes,
}

impl Fields {
    /// Reads the value of one field.
    fn read<'de, A: MapAccess<'de>>(&mut self, name: Name, map: &mut A) -> Result<(), A::Error> {
        match name {
            Name::Number => self.number = field("n", map)?,
            Name::Received => self.received = field("t", map)?,
            Name::Channel => self.channel = field("src", map)?,
            Name::Partition => self.partition = field("part", map)?,
            Name::Offset => self.offset = field("off", map)?,
            Name::BrokerTime => self.broker_time = field("ts", map)?,
            Name::TimeKind => {
                self.time_kind = field::<Option<TimeKindText>, A>("tst", map)?.map(|kind| kind.0);
            }
            Name::KeyText => self.set_key(field::<Text, A>("k", map)?.0)?,
            Name::KeyBase64 => self.set_key(field::<Base64, A>("k64", map)?.0)?,
            Name::PayloadText => self.set_payload(field::<Text, A>("v", map)?.0)?,
            Name::PayloadBase64 => self.set_payload(field::<Base64, A>("v64", map)?.0)?,
            Name::Headers => {
                let pairs: Option<Vec<HeaderPair>> = field("h", map)?;
                self.headers = pairs.unwrap_or_default().into_iter().map(|pair| pair.0).collect();
            }
            Name::Attributes => self.attributes = field::<Option<_>, A>("m", map)?.unwrap_or_default(),
            Name::Unknown => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn set_key<E: de::Error>(&mut self, key: Option<Bytes>) -> Result<(), E> {
        if self.key_seen {
            return Err(E::custom("the key comes twice (`k` or `k64`)"));
        }
        self.key_seen = true;
        self.key = key;
        Ok(())
    }

    fn set_payload<E: de::Error>(&mut self, payload: Option<Bytes>) -> Result<(), E> {
        if self.payload_seen {
            return Err(E::custom("the payload comes twice (`v` or `v64`)"));
        }
        self.payload_seen = true;
        self.payload = payload;
        Ok(())
    }
}

/// The value of a field; an error names the field, and serde keeps its position at the end of the message.
fn field<'de, T: Deserialize<'de>, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<T, A::Error> {
    map.next_value().map_err(|error| de::Error::custom(format_args!("`{name}`: {error}")))
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object (an event is a JSON object)")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some(name) = map.next_key::<Name>()? {
                    fields.read(name, &mut map)?;
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Whole)
    }
}

/// The fields by name.
#[derive(Clone, Copy)]
enum Name {
    Number,
    Received,
    Channel,
    Partition,
    Offset,
    BrokerTime,
    TimeKind,
    KeyText,
    KeyBase64,
    PayloadText,
    PayloadBase64,
    Headers,
    Attributes,
    Unknown,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Name;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a field name")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
                Ok(match name {
                    "n" => Name::Number,
                    "t" => Name::Received,
                    "src" => Name::Channel,
                    "part" => Name::Partition,
                    "off" => Name::Offset,
                    "ts" => Name::BrokerTime,
                    "tst" => Name::TimeKind,
                    "k" => Name::KeyText,
                    "k64" => Name::KeyBase64,
                    "v" => Name::PayloadText,
                    "v64" => Name::PayloadBase64,
                    "h" => Name::Headers,
                    "m" => Name::Attributes,
                    _ => Name::Unknown,
                })
            }
        }
        deserializer.deserialize_identifier(Any)
    }
}

struct TimeKindText(TimeKind);

impl<'de> Deserialize<'de> for TimeKindText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kind;
        impl Visitor<'_> for Kind {
            type Value = TimeKindText;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("`create` or `append`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TimeKindText, E> {
                match text {
                    "create" => Ok(TimeKindText(TimeKind::Create)),
                    "append" => Ok(TimeKindText(TimeKind::Append)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_str(Kind)
    }
}

/// Bytes written as text, or null.
struct Text(Option<Bytes>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNull;
        impl Visitor<'_> for TextOrNull {
            type Value = Text;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string or null (payloads stand as text, not as JSON of their own)")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(Some(Bytes::copy_from_slice(text.as_bytes()))))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Text, E> {
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(TextOrNull)
    }
}

/// Bytes written as base64, or null.
struct Base64(Option<Bytes>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64OrNull;
        impl Visitor<'_> for Base64OrNull {
            type Value = Base64;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a base64 string or null")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Base64, E> {
                let bytes =
                    BASE64.decode(text).map_err(|error| E::custom(format_args!("not base64: {error}")))?;
                Ok(Base64(Some(Bytes::from(bytes))))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Base64, E> {
                Ok(Base64(None))
            }
        }
        deserializer.deserialize_any(Base64OrNull)
    }
}

/// `["name", "text" | {"b64": "…"} | null]`.
struct HeaderPair(Header);

impl<'de> Deserialize<'de> for HeaderPair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = HeaderPair;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a pair of header name and value")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<HeaderPair, A::Error> {
                let name = pair.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let value: HeaderValue =
                    pair.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                Ok(HeaderPair(Header { name, value: value.0 }))
            }
        }
        deserializer.deserialize_seq(Pair)
    }
}

struct HeaderValue(Option<Bytes>);

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyForm;
        impl<'de> Visitor<'de> for AnyForm {
            type Value = HeaderValue;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string, null or {\"b64\": \"…\"}")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<HeaderValue, E> {
                Ok(HeaderValue(Some(Bytes::copy_from_slice(text.as_bytes()))))
            }

            fn visit_unit<E: de::Error>(self) -> Result<HeaderValue, E> {
                Ok(HeaderValue(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderValue, A::Error> {
                let mut found = None;
                while let Some(name) = map.next_key::<std::borrow::Cow<'_, str>>()? {
                    if name == "b64" {
                        found = map.next_value::<Base64>()?.0;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                found.map(|bytes| HeaderValue(Some(bytes))).ok_or_else(|| de::Error::missing_field("b64"))
            }
        }
        deserializer.deserialize_any(AnyForm)
    }
}
