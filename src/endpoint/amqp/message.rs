//! The AMQP message between the event and the wire.

use std::borrow::Cow;

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
/// The header in which RabbitMQ puts the milliseconds of a timestamp, which has seconds only, beside it: its message
/// interceptor for timestamps writes them as a long number. Such parts of a second travel in it both ways.
const MILLISECONDS: &str = "timestamp_in_ms";
/// The type of that header.
const LONG: u8 = b'l';
/// The attribute with the letter of each header's type, where it is neither text nor null.
const HEADER_TYPES: &str = "header_types";
/// The attribute with the bytes of those headers that text cannot stand for: tables, lists, decimals.
const HEADER_WIRE: &str = "header_wire";
/// The most milliseconds RabbitMQ lets a message live, as its documentation of time-to-live has it.
const LONGEST_EXPIRATION: u64 = u32::MAX as u64;
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
    let mut headers = properties.headers.unwrap_or_default();
    event.broker_time = properties.timestamp.map(|seconds| {
        let milliseconds =
            take_milliseconds(&mut headers, seconds).unwrap_or_else(|| seconds.saturating_mul(1000));
        let micros = i64::try_from(milliseconds).unwrap_or(i64::MAX).saturating_mul(1000);
        BrokerTime { time: Timestamp(micros), kind: TimeKind::Create }
    });
    read_headers(event, headers);
}

/// Takes the header that says the same time more exactly than the timestamp; one that does not is a header like others.
fn take_milliseconds(headers: &mut Table, seconds: u64) -> Option<u64> {
    let is_finer = |field: &Field| {
        let found = field.number().filter(|_| field.kind == LONG && field.name == MILLISECONDS)?;
        (found / 1000 == seconds && found % 1000 > 0).then_some(found)
    };
    let (place, found) =
        headers.0.iter().enumerate().find_map(|(place, field)| Some((place, is_finer(field)?)))?;
    headers.0.remove(place);
    Some(found)
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
    let mut properties = Properties {
        delivery_mode: delivery_mode(event)?,
        priority: octet(event, "priority")?,
        ..Properties::default()
    };
    let time = event.broker_time.filter(|found| found.kind == TimeKind::Create);
    let milliseconds = time.and_then(|found| u64::try_from(found.time.0.div_euclid(1000)).ok());
    properties.timestamp = milliseconds.map(|milliseconds| milliseconds / 1000);
    if !event.headers.is_empty() {
        properties.headers = Some(headers(event)?);
    }
    if let Some(milliseconds) = milliseconds.filter(|milliseconds| milliseconds % 1000 > 0) {
        put_milliseconds(&mut properties, milliseconds);
    }
    for (_, name) in TEXTS {
        let text = match event.attributes.get(name) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) => Cow::from(text),
            Some(Value::Number(number)) => Cow::from(number.to_string()),
            Some(other) => {
                return Err(refused(&format!("the attribute `{name}` is text in AMQP, and not {other}")));
            }
        };
        // The broker refuses a message in the name of another user than the one that sends it.
        if name == "user_id" && !matches!(login, Login::Plain(known) if known.username == text) {
            continue;
        }
        if name == "expiration" {
            is_expiration(&text)?;
        }
        short(&text, name)?;
        properties.texts.push((name, text.into_owned()));
    }
    Ok(properties)
}

/// Adds the header with the time to the millisecond, unless the event has one of that name.
fn put_milliseconds(properties: &mut Properties, milliseconds: u64) {
    let table = properties.headers.get_or_insert_default();
    if table.get(MILLISECONDS).is_none() {
        table.0.extend(Field::of_shown(MILLISECONDS, LONG, &milliseconds.to_string()));
    }
}

/// As recorded; an event of another origin outlives a restart of the broker where its queue does.
fn delivery_mode(event: &Event) -> Result<Option<u8>, EndpointError> {
    match octet(event, "delivery_mode")? {
        Some(mode @ 1..=2) => Ok(Some(mode)),
        // RabbitMQ ends the connection over any other.
        Some(mode) => {
            Err(refused(&format!("the delivery mode {mode} is neither 1 (transient) nor 2 (persistent)")))
        }
        None if event.attributes.contains_key(EXCHANGE) => Ok(None),
        None => Ok(Some(2)),
    }
}

/// An attribute that is one byte on the wire.
fn octet(event: &Event, name: &str) -> Result<Option<u8>, EndpointError> {
    let Some(value) = event.attributes.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let number = value.as_u64().and_then(|number| u8::try_from(number).ok());
    let refusal =
        || refused(&format!("the attribute `{name}` is a number from 0 to 255 in AMQP, and not {value}"));
    number.map(Some).ok_or_else(refusal)
}

/// RabbitMQ closes the channel over an expiration that is none.
fn is_expiration(text: &str) -> Result<(), EndpointError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && text.parse::<u64>().is_ok_and(|found| found <= LONGEST_EXPIRATION) {
        return Ok(());
    }
    let words =
        format!("the expiration `{text}` is no number of milliseconds, or above {LONGEST_EXPIRATION}");
    Err(refused(&words))
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
            return Err(refused(&words).help("`eddy replay --loss allow` sends the first of them alone"));
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
    use crate::event::{BrokerTime, Event, Header, TimeKind, Timestamp};

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
    fn milliseconds_of_a_time_travel_in_a_header() {
        let mut event = Event::new("orders", "x");
        let created = |micros| Some(BrokerTime { time: Timestamp(micros), kind: TimeKind::Create });
        event.broker_time = created(1_700_000_000_123_456);
        let sent = properties(&event, &login()).expect("sent");
        assert_eq!(sent.timestamp, Some(1_700_000_000));
        let field = Field::of_shown("timestamp_in_ms", b'l', "1700000000123").expect("a number");
        assert_eq!(sent.headers, Some(Table(vec![field.clone()])));
        let got = read(&sent);
        assert_eq!((got.broker_time, got.headers.len()), (created(1_700_000_000_123_000), 0));
        assert!(!got.attributes.contains_key("header_types"));
        assert_eq!(properties(&got, &login()).expect("sent").headers, sent.headers);
        event.broker_time = created(1_700_000_000_000_000);
        assert_eq!(properties(&event, &login()).expect("sent").headers, None);
        // Another time, a whole second or another type is a header like others.
        for (kind, shown) in [(b'l', "1700000001123"), (b'l', "1700000000000"), (b'd', "1700000000123.0")] {
            let other = Field::of_shown("timestamp_in_ms", kind, shown).expect("a number");
            let got = read(&Properties { headers: Some(Table(vec![other])), ..sent.clone() });
            assert_eq!((got.broker_time, got.headers.len()), (created(1_700_000_000_000_000), 1), "{shown}");
        }
        event.broker_time = created(1_700_000_000_123_000);
        event.headers = vec![Header::text("timestamp_in_ms", "mine")];
        let sent = properties(&event, &login()).expect("sent").headers.expect("headers");
        assert_eq!(sent, Table::default().with_text("timestamp_in_ms", "mine"));
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
        let refused = [
            ("expiration", json!("soon")),
            ("expiration", json!(-5)),
            ("expiration", json!("4294967296")),
            ("type", json!(["order"])),
            ("priority", json!(300)),
            ("priority", json!("high")),
            ("delivery_mode", json!(0)),
            ("delivery_mode", json!(3)),
        ];
        for (name, value) in refused {
            event.attributes.insert(name.to_owned(), value);
            assert!(properties(&event, &login()).is_err(), "{name}");
            event.attributes.clear();
        }
        event.attributes.insert("expiration".to_owned(), json!(4_294_967_295_u64));
        let sent = properties(&event, &login()).expect("sent");
        assert_eq!(sent.texts, [("expiration", "4294967295".to_owned())]);
    }
}
