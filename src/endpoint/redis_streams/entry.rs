//! The fields of an entry between the event and the wire.
//!
//! An event is written as plain fields, which other programs read without knowing of us: `key`, `content_type`, one field
//! for each header, `payload`. Where reading those plainly would give another event (a null payload, a null header, a
//! header called `key`), a last field `eddy` says what each field before it is.

use std::borrow::Cow;
use std::ops::Deref;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::id::EntryId;
use crate::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp};

/// A name and a value to be written.
pub(super) type FieldToWrite<'a> = (Cow<'a, [u8]>, Content<'a>);

/// A value to be written.
pub(super) enum Content<'a> {
    /// One of the event itself, which may be written from where it lies.
    Shared(&'a Bytes),
    Copied(Cow<'a, [u8]>),
}

impl Deref for Content<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

/// A name and a value as read.
pub(super) type Field = (Vec<u8>, Vec<u8>);

const KEY: &str = "key";
const CONTENT_TYPE: &str = "content_type";
const PAYLOAD: &str = "payload";
/// With `key` beside it, this field is the payload: so writes Debezium.
const VALUE: &str = "value";
/// The last field, where the plain reading of the others would not do.
const MARKER: &str = "eddy";
/// Fields that are the payload, the first one found: ours and Spring's, Dapr's, Redpanda Connect's.
const PAYLOADS: [&str; 3] = [PAYLOAD, "data", "body"];
/// The attribute that says that the payload is the whole entry.
const ENTRY: &str = "entry";
/// The attribute that names the payload's field when it is not `payload`.
const FIELD: &str = "field";

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Key,
    ContentType,
    Header,
    NullHeader,
    Payload,
}

impl Kind {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Key, "key"),
        (Self::ContentType, "content-type"),
        (Self::Header, "header"),
        (Self::NullHeader, "null-header"),
        (Self::Payload, "payload"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }
}

/// The fields an event is written as; `chosen` is the field of the payload, `payload` or the recorded one without it.
pub(super) fn fields<'a>(event: &'a Event, chosen: Option<&'a str>) -> Vec<FieldToWrite<'a>> {
    if chosen.is_none() && event.attributes.get(ENTRY).is_some_and(|value| value == "fields") {
        let whole = whole_entry(event);
        if !whole.is_empty() {
            return whole;
        }
    }
    let recorded = || event.attributes.get(FIELD).and_then(Value::as_str);
    let payload_field = chosen.or_else(recorded).unwrap_or(PAYLOAD);
    let mut kinds = Vec::new();
    let mut fields: Vec<FieldToWrite> = Vec::with_capacity(event.headers.len() + 3);
    let text = |text: &'a str| Content::Copied(Cow::Borrowed(text.as_bytes()));
    let mut add = |kind: Kind, name: &'a str, value: Content<'a>| {
        kinds.push(kind);
        fields.push((Cow::Borrowed(name.as_bytes()), value));
    };
    if let Some(key) = &event.key {
        add(Kind::Key, KEY, Content::Shared(key));
    }
    if let Some(content_type) = event.attributes.get(CONTENT_TYPE).and_then(Value::as_str) {
        add(Kind::ContentType, CONTENT_TYPE, text(content_type));
    }
    for header in &event.headers {
        match &header.value {
            Some(value) => add(Kind::Header, &header.name, Content::Shared(value)),
            None => add(Kind::NullHeader, &header.name, text("")),
        }
    }
    if let Some(payload) = &event.payload {
        add(Kind::Payload, payload_field, Content::Shared(payload));
    }
    if !reads_plainly(event, payload_field) {
        let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
        let words = Content::Copied(Cow::Owned(words.join(" ").into_bytes()));
        fields.push((Cow::Borrowed(MARKER.as_bytes()), words));
    }
    fields
}

/// Whether the fields say by their names alone what they are.
fn reads_plainly(event: &Event, payload_field: &str) -> bool {
    let clashes = |name: &str| {
        name == payload_field
            || [KEY, CONTENT_TYPE, VALUE, MARKER].contains(&name)
            || PAYLOADS.contains(&name)
    };
    let payload_is_found = payload_field != VALUE || event.key.is_some();
    event.payload.is_some()
        && payload_is_found
        && event.headers.iter().all(|header| header.value.is_some() && !clashes(&header.name))
}

/// The fields of an entry that was read as a whole: the members of its JSON object, and headers.
fn whole_entry(event: &Event) -> Vec<FieldToWrite<'_>> {
    let members = match event.payload.as_deref().map(serde_json::from_slice::<Map<String, Value>>) {
        Some(Ok(members)) => members,
        Some(Err(_)) => return Vec::new(),
        None => Map::new(),
    };
    let members = members.into_iter().map(|(name, value)| {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (Cow::Owned(name.into_bytes()), Content::Copied(Cow::Owned(text.into_bytes())))
    });
    let headers = event.headers.iter().map(|header| {
        let value = header.value.as_deref().unwrap_or_default();
        (Cow::Borrowed(header.name.as_bytes()), Content::Copied(Cow::Borrowed(value)))
    });
    members.chain(headers).collect()
}

/// The event an entry carries, received now; `chosen` is the field of the payload, when the address names one.
pub(super) fn event(stream: &str, id: EntryId, mut fields: Vec<Field>, chosen: Option<&str>) -> Event {
    let mut event = Event {
        channel: stream.into(),
        received: Timestamp::now(),
        broker_time: Some(BrokerTime { time: id.time(), kind: TimeKind::Append }),
        place: Place { partition: None, offset: Some(id.offset()) },
        ..Event::default()
    };
    event.attributes.insert("id".to_owned(), Value::from(id.to_string()));
    if let Some(kinds) = marked(&fields) {
        fields.pop();
        read(&mut event, fields, &kinds);
    } else if let Some(at) = payload_position(&fields, chosen) {
        let kinds = plain_kinds(&fields, at);
        read(&mut event, fields, &kinds);
    } else {
        read_whole(&mut event, fields);
    }
    event
}

/// What each field is, when the last one says so.
fn marked(fields: &[Field]) -> Option<Vec<Kind>> {
    let (name, words) = fields.last()?;
    if name != MARKER.as_bytes() {
        return None;
    }
    let words = std::str::from_utf8(words).ok()?;
    let kinds: Option<Vec<Kind>> =
        words.split(' ').filter(|word| !word.is_empty()).map(Kind::of_word).collect();
    kinds.filter(|kinds| kinds.len() == fields.len() - 1)
}

fn payload_position(fields: &[Field], chosen: Option<&str>) -> Option<usize> {
    let position = |wanted: &str| fields.iter().position(|(name, _)| name == wanted.as_bytes());
    match chosen {
        Some(chosen) => position(chosen),
        None => PAYLOADS
            .iter()
            .find_map(|candidate| position(candidate))
            .or_else(|| position(KEY).and_then(|_| position(VALUE))),
    }
}

fn plain_kinds(fields: &[Field], payload: usize) -> Vec<Kind> {
    let (mut key_seen, mut type_seen) = (false, false);
    let kind = |(at, (name, value)): (usize, &Field)| {
        if at == payload {
            Kind::Payload
        } else if name == KEY.as_bytes() && !std::mem::replace(&mut key_seen, true) {
            Kind::Key
        } else if name == CONTENT_TYPE.as_bytes()
            && std::str::from_utf8(value).is_ok()
            && !std::mem::replace(&mut type_seen, true)
        {
            Kind::ContentType
        } else {
            Kind::Header
        }
    };
    fields.iter().enumerate().map(kind).collect()
}

fn read(event: &mut Event, fields: Vec<Field>, kinds: &[Kind]) {
    for ((name, value), kind) in fields.into_iter().zip(kinds) {
        match kind {
            Kind::Key => event.key = Some(Bytes::from(value)),
            Kind::ContentType => {
                event.attributes.insert(CONTENT_TYPE.to_owned(), Value::from(text(value)));
            }
            Kind::Header => {
                event.headers.push(Header { name: text(name).into(), value: Some(Bytes::from(value)) });
            }
            Kind::NullHeader => event.headers.push(Header { name: text(name).into(), value: None }),
            Kind::Payload => {
                event.payload = Some(Bytes::from(value));
                if name != PAYLOAD.as_bytes() {
                    event.attributes.insert(FIELD.to_owned(), Value::from(text(name)));
                }
            }
        }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// An entry without a payload of its own: its fields are a JSON object, or headers where JSON cannot have them.
fn read_whole(event: &mut Event, fields: Vec<Field>) {
    event.attributes.insert(ENTRY.to_owned(), Value::from("fields"));
    let mut members = Map::new();
    for (name, value) in &fields {
        let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value)) else {
            break;
        };
        members.insert(name.to_owned(), Value::from(value));
    }
    if members.len() == fields.len() {
        event.payload = Some(Bytes::from(Value::Object(members).to_string()));
        return;
    }
    let headers = fields.into_iter();
    event.headers =
        headers.map(|(name, value)| Header { name: text(name).into(), value: Some(value.into()) }).collect();
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::json;

    use super::{EntryId, Field, event, fields};
    use crate::event::{Event, Header};

    fn written(event: &Event, chosen: Option<&str>) -> Vec<Field> {
        let fields = fields(event, chosen).into_iter();
        fields.map(|(name, value)| (name.into_owned(), value.to_vec())).collect()
    }

    fn entry(pairs: &[(&str, &str)]) -> Vec<Field> {
        pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
    }

    fn read(pairs: &[(&str, &str)]) -> Event {
        event("s", EntryId::first_of(7), entry(pairs), None)
    }

    #[test]
    fn an_ordinary_event_is_plain_fields() {
        let mut event = Event::new("orders", "{\"id\":42}");
        event.key = Some(Bytes::from("42"));
        event.headers = vec![Header::text("type", "OrderPlaced"), Header::text("type", "again")];
        event.attributes.insert("content_type".to_owned(), json!("application/json"));
        let expected = [
            ("key", "42"),
            ("content_type", "application/json"),
            ("type", "OrderPlaced"),
            ("type", "again"),
            ("payload", "{\"id\":42}"),
        ];
        assert_eq!(written(&event, None), entry(&expected));
        let body = written(&event, Some("body"));
        assert_eq!(body[4], (b"body".to_vec(), b"{\"id\":42}".to_vec()));
    }

    #[test]
    fn what_names_do_not_say_a_last_field_says() {
        let mut event = Event::new("orders", "");
        event.payload = None;
        event.headers = vec![Header::text("key", "x"), Header { name: "gone".into(), value: None }];
        let expected = [("key", "x"), ("gone", ""), ("eddy", "header null-header")];
        assert_eq!(written(&event, None), entry(&expected));
    }

    #[test]
    fn entries_of_others_read_well() {
        let dapr = read(&[("data", "{}"), ("trace", "1")]);
        assert_eq!(dapr.payload.as_deref(), Some(b"{}".as_slice()));
        assert_eq!((&dapr.headers[0].name, &dapr.attributes["field"]), (&"trace".into(), &json!("data")));
        let debezium = read(&[("key", "1"), ("value", "v")]);
        assert_eq!(
            (debezium.key.as_deref(), debezium.payload.as_deref()),
            (Some(&b"1"[..]), Some(&b"v"[..]))
        );
        let flat = read(&[("id", "42"), ("value", "12.50")]);
        assert_eq!(flat.payload.as_deref(), Some(br#"{"id":"42","value":"12.50"}"#.as_slice()));
        assert_eq!(flat.attributes["entry"], json!("fields"));
        let repeated = read(&[("id", "1"), ("id", "2")]);
        assert_eq!((repeated.payload.as_ref(), repeated.headers.len()), (None, 2));
        let not_ours = read(&[("payload", "x"), ("eddy", "header header")]);
        assert_eq!(not_ours.headers, [Header::text("eddy", "header header")]);
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("key".to_owned()),
            Just("payload".to_owned()),
            Just("data".to_owned()),
            Just("value".to_owned()),
            Just("content_type".to_owned()),
            Just("eddy".to_owned()),
            "[a-zü-]{0,6}",
        ]
    }

    fn bytes() -> impl Strategy<Value = Bytes> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..6).prop_map(Bytes::from),
            "(header|key|payload)( header)?".prop_map(Bytes::from),
        ]
    }

    proptest! {
        #[test]
        fn every_event_comes_back(
            key in prop::option::of(bytes()),
            payload in prop::option::of(bytes()),
            headers in prop::collection::vec((name(), prop::option::of(bytes())), 0..5),
            content_type in prop::option::of("[a-z/]{0,5}"),
            field in prop::option::of(name()),
        ) {
            let mut sent = Event { channel: "s".into(), key, payload, ..Event::default() };
            sent.headers = headers.into_iter().map(|(name, value)| Header { name: String::into(name), value }).collect();
            if let Some(content_type) = content_type {
                sent.attributes.insert("content_type".to_owned(), json!(content_type));
            }
            let chosen = field.as_deref().filter(|field| !["key", "content_type", "eddy"].contains(field));
            let got = event("s", EntryId::first_of(7), written(&sent, chosen), chosen);
            prop_assert_eq!(&got.key, &sent.key);
            prop_assert_eq!(&got.payload, &sent.payload);
            prop_assert_eq!(&got.headers, &sent.headers);
            prop_assert_eq!(got.attributes.get("content_type"), sent.attributes.get("content_type"));
        }

        #[test]
        fn entries_of_others_are_written_again_with_the_same_fields(
            pairs in prop::collection::vec(("[a-z]{1,3}|data|payload|body", prop::collection::vec(any::<u8>(), 0..6)), 1..6),
        ) {
            let given: Vec<Field> = pairs.into_iter().map(|(name, value)| (name.into_bytes(), value)).collect();
            let read = event("s", EntryId::first_of(7), given.clone(), None);
            let (mut again, mut given) = (written(&read, None), given);
            again.retain(|(name, _)| name != b"eddy");
            again.sort();
            given.sort();
            prop_assert_eq!(again, given);
        }
    }
}
