//! The AMQP message between the event and the wire.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use super::settings::{Login, short};
use super::wire::method::Method;
use super::wire::properties::{Properties, TEXTS};
use super::wire::table::{ARRAY, BYTE_ARRAY, Field, LONG_STRING, TABLE, Table, VOID};
use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp};

/// The header in which a stream says where the message lies.
const STREAM_OFFSET: &str = "x-stream-offset";
/// The attribute with the letter of each header's type, where it is neither text nor null.
const HEADER_TYPES: &str = "header_types";
/// The attribute with the bytes of those headers that text cannot stand for: tables, lists, decimals.
const HEADER_WIRE: &str = "header_wire";
/// The attribute with the exchange an event came from; an event without it was never an AMQP message.
pub(super) const EXCHANGE: &str = "exchange";

/// The event a delivered message carries, received now, and the tag to acknowledge it by.
pub(super) fn event(method: Method, properties: &Bytes, body: Bytes) -> Option<(Event, u64)> {
    let Method::Deliver { tag, redelivered, exchange, routing_key } = method else {
        return None;
    };
    let mut event = Event {
        channel: routing_key.into(),
        payload: Some(body),
        received: Timestamp::of_arrival(),
        place: Place::default(),
        ..Event::default()
    };
    event.attributes.insert(EXCHANGE.to_owned(), Value::from(exchange));
    if redelivered {
        event.attributes.insert("redelivered".to_owned(), Value::from(true));
    }
    if let Ok(found) = Properties::read(properties.clone()) {
        describe(&mut event, found);
    } else {
        // The event is none the less what it is; whoever can read these finds them whole.
        let bytes = Value::from(STANDARD.encode(properties));
        event.attributes.insert("unreadable_properties".to_owned(), bytes);
    }
    Some((event, tag))
}

fn describe(event: &mut Event, properties: Properties) {
    for (name, text) in properties.texts {
        event.attributes.insert(name.to_owned(), Value::from(text));
    }
    let numbers = [("delivery_mode", properties.delivery_mode), ("priority", properties.priority)];
    for (name, number) in numbers {
        if let Some(number) = number {
            event.attributes.insert(name.to_owned(), Value::from(number));
        }
    }
    event.broker_time = properties.timestamp.map(|seconds| {
        let micros = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        BrokerTime { time: Timestamp(micros), kind: TimeKind::Create }
    });
    read_headers(event, properties.headers.unwrap_or_default());
}

fn read_headers(event: &mut Event, table: Table) {
    let (mut types, mut wire) = (Map::new(), Map::new());
    for field in table.0 {
        if field.name == STREAM_OFFSET && event.place.offset.is_none() {
            event.place.offset = field.number();
            continue;
        }
        let value = match field.kind {
            VOID => None,
            LONG_STRING => Some(field.content()),
            kind => {
                types.insert(field.name.clone(), Value::from(char::from(kind).to_string()));
                if matches!(kind, ARRAY | TABLE | b'D') {
                    wire.insert(field.name.clone(), Value::from(STANDARD.encode(&field.wire)));
                }
                Some(if kind == BYTE_ARRAY { field.content() } else { field.shown().into() })
            }
        };
        event.headers.push(Header { name: field.name.into(), value });
    }
    for (name, map) in [(HEADER_TYPES, types), (HEADER_WIRE, wire)] {
        if !map.is_empty() {
            event.attributes.insert(name.to_owned(), Value::from(map));
        }
    }
}

/// The properties of an event as AMQP carries them.
///
/// # Errors
/// When one cannot be written.
pub(super) fn properties(event: &Event, login: &Login) -> Result<Properties, EndpointError> {
    let mut properties = Properties { delivery_mode: delivery_mode(event), ..Properties::default() };
    if !event.headers.is_empty() {
        properties.headers = Some(headers(event)?);
    }
    for (_, name) in TEXTS {
        let Some(text) = event.attributes.get(name).and_then(Value::as_str) else {
            continue;
        };
        // The broker refuses a message in the name of another user than the one that sends it.
        if name == "user_id" && !matches!(login, Login::Plain(known) if known.username == text) {
            continue;
        }
        if name == "expiration" && (text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(refused(&format!("the expiration `{text}` is no number of milliseconds")));
        }
        short(text, name)?;
        properties.texts.push((name, text.to_owned()));
    }
    let priority = event.attributes.get("priority").and_then(Value::as_u64);
    properties.priority = priority.and_then(|priority| u8::try_from(priority).ok());
    let time = event.broker_time.filter(|found| found.kind == TimeKind::Create);
    properties.timestamp = time.and_then(|found| u64::try_from(found.time.0.div_euclid(1_000_000)).ok());
    Ok(properties)
}

/// As recorded; an event of another origin outlives a restart of the broker where its queue does.
fn delivery_mode(event: &Event) -> Option<u8> {
    match event.attributes.get("delivery_mode").and_then(Value::as_u64) {
        Some(mode) => u8::try_from(mode).ok(),
        None if event.attributes.contains_key(EXCHANGE) => None,
        None => Some(2),
    }
}

fn headers(event: &Event) -> Result<Table, EndpointError> {
    let of = |attribute: &str, name: &str| {
        let map = event.attributes.get(attribute)?.as_object()?;
        map.get(name)?.as_str().map(str::to_owned)
    };
    let mut table = Table::default();
    for header in &event.headers {
        let name = header.name.as_str();
        short(name, "name of a header")?;
        if table.get(name).is_some() {
            let words = format!("the header `{name}` comes more than once, which AMQP forbids");
            return Err(refused(&words));
        }
        let field = match &header.value {
            None => Field { name: name.to_owned(), kind: VOID, wire: Bytes::new() },
            Some(value) => {
                let kind = of(HEADER_TYPES, name).and_then(|letter| letter.bytes().next());
                typed(name, kind.unwrap_or(LONG_STRING), value, of(HEADER_WIRE, name).as_deref())
            }
        };
        if matches!(name, "CC" | "BCC") && field.kind != ARRAY {
            let words = format!(
                "the header `{name}` is a list of further routing keys in RabbitMQ, and this is none"
            );
            return Err(refused(&words));
        }
        table.0.push(field);
    }
    Ok(table)
}

/// A header of the type it was read with; one whose value was changed to what that type cannot hold is text.
fn typed(name: &str, kind: u8, value: &Bytes, wire: Option<&str>) -> Field {
    let text = std::str::from_utf8(value).ok();
    let found = match kind {
        BYTE_ARRAY => Some(Field::of_bytes(name, BYTE_ARRAY, value)),
        ARRAY | TABLE | b'D' => wire
            .and_then(|wire| STANDARD.decode(wire).ok())
            .map(|wire| Field { name: name.to_owned(), kind, wire: wire.into() })
            .filter(|field| Some(field.shown().as_str()) == text),
        _ => text.and_then(|text| Field::of_shown(name, kind, text)),
    };
    found.unwrap_or_else(|| Field::of_bytes(name, LONG_STRING, value))
}

fn refused(words: &str) -> EndpointError {
    EndpointError::new(EndpointErrorKind::Rejected, words)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use serde_json::json;

    use super::{event, properties};
    use crate::endpoint::Credentials;
    use crate::endpoint::amqp::settings::Login;
    use crate::endpoint::amqp::wire::method::Method;
    use crate::endpoint::amqp::wire::properties::Properties;
    use crate::endpoint::amqp::wire::table::{ARRAY, Field, Table};
    use crate::event::{Event, Header};

    fn login() -> Login {
        Login::Plain(Credentials { username: "me".to_owned(), password: String::new() })
    }

    fn read(properties: &Properties) -> Event {
        let mut wire = BytesMut::new();
        properties.put(&mut wire);
        let method = Method::Deliver {
            tag: 7,
            redelivered: false,
            exchange: "shop".to_owned(),
            routing_key: "orders".to_owned(),
        };
        let (event, tag) = event(method, &wire.freeze(), "body".into()).expect("an event");
        assert_eq!((tag, event.channel.as_str()), (7, "orders"));
        event
    }

    #[test]
    fn what_is_read_is_sent_again() {
        let list = {
            let mut wire = BytesMut::new();
            super::super::wire::put_sized(&mut wire, |wire| {
                wire.extend_from_slice(b"t\x01I\x00\x00\x00\x05");
            });
            Field { name: "x-death".to_owned(), kind: ARRAY, wire: wire.freeze() }
        };
        let mut table = Table::default().with_text("z", "text").with_yes("flag");
        table.0.push(list);
        table.0.push(Field::of_bytes("bytes", b'x', b"\x00\xff"));
        table.0.push(Field::of_bytes("binary", b'S', b"\x00\xff"));
        table.0.push(Field { name: "nothing".to_owned(), kind: b'V', wire: bytes::Bytes::new() });
        table.0.push(Field::of_shown("count", b'l', "-5").expect("a number"));
        let sent = Properties {
            texts: vec![("content_type", "text/plain".to_owned()), ("user_id", "me".to_owned())],
            headers: Some(table),
            delivery_mode: Some(1),
            priority: Some(4),
            timestamp: Some(1_700_000_000),
        };
        let event = read(&sent);
        let death = event.headers.iter().find(|header| header.name == "x-death").expect("there");
        assert_eq!(death.value.as_deref(), Some(b"[true,5]".as_slice()));
        assert_eq!(
            event.attributes["header_types"],
            json!({"flag": "t", "x-death": "A", "bytes": "x", "count": "l"})
        );
        assert_eq!(properties(&event, &login()).expect("sent"), sent);
        assert!(
            properties(&event, &Login::External)
                .expect("sent")
                .texts
                .iter()
                .all(|(name, _)| *name != "user_id")
        );
    }

    #[test]
    fn a_changed_value_that_no_longer_fits_its_type_is_text() {
        let table = Table(vec![Field::of_shown("count", b'l', "5").expect("a number")]);
        let mut event = read(&Properties { headers: Some(table), ..Properties::default() });
        event.headers[0].value = Some("six".into());
        let sent = properties(&event, &login()).expect("sent").headers.expect("headers");
        assert_eq!(sent, Table::default().with_text("count", "six"));
    }

    #[test]
    fn the_place_in_a_stream_is_no_header() {
        let table = Table(vec![Field::of_shown("x-stream-offset", b'l', "42").expect("a number")]);
        let event = read(&Properties { headers: Some(table), ..Properties::default() });
        assert_eq!((event.place.offset, event.headers.len()), (Some(42), 0));
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let mut event = Event::new("a", "x");
        assert_eq!(properties(&event, &login()).expect("sent").delivery_mode, Some(2));
        event.headers = vec![Header::text("a", "1"), Header::text("a", "2")];
        assert!(properties(&event, &login()).is_err());
        event.headers = vec![Header::text("CC", "orders")];
        assert!(properties(&event, &login()).is_err());
        event.headers = vec![Header::text("x".repeat(256), "1")];
        assert!(properties(&event, &login()).is_err());
        event.headers.clear();
        event.attributes.insert("expiration".to_owned(), json!("soon"));
        assert!(properties(&event, &login()).is_err());
    }
}
