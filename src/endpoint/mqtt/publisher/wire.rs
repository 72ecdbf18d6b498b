//! The packets of MQTT 3.1.1 and 5 that a sender writes and reads, as they stand on the wire. It knows no sockets.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::reason::Reason;
use crate::endpoint::mqtt::message::{Message, Properties};
use crate::endpoint::mqtt::settings::{Settings, Version};

/// A sign of life, which the broker answers.
pub(super) const PING: [u8; 2] = [0xC0, 0];
/// The goodbye.
pub(super) const GOODBYE: [u8; 2] = [0xE0, 0];
/// Bytes of the largest packet a broker sends to one that subscribed to nothing: reasons and user properties at most.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// Bytes that are not what the protocol says, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(&'static str);

const TOO_SHORT: Malformed = Malformed("a packet ends before its last field");

/// What a broker takes, as it said when it greeted us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Messages that may be under way.
    pub(super) receive_maximum: Option<u16>,
    /// Bytes of the largest packet.
    pub(super) largest_packet: Option<u32>,
    /// Seconds between signs of life that it insists on.
    pub(super) keep_alive: Option<u16>,
    pub(super) highest_quality: Option<u8>,
    pub(super) refuses_retained: bool,
}

/// What a broker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// The answer to our greeting.
    Greeting { reason: Reason, limits: Limits },
    /// A message of quality 1 was taken, or not.
    Acknowledged { id: u16, reason: Reason },
    /// A message of quality 2 has arrived, or was refused.
    Received { id: u16, reason: Reason },
    /// A message of quality 2 was taken.
    Completed { id: u16 },
    /// It ends the connection.
    Goodbye { reason: Reason },
    /// Nothing that matters to a sender.
    Other,
}

/// The greeting: a session that begins and ends with this connection.
pub(super) fn greeting(settings: &Settings) -> BytesMut {
    let mut body = BytesMut::new();
    put_text(&mut body, b"MQTT");
    body.put_u8(if settings.version == Version::V5 { 5 } else { 4 });
    let (user, password, clean) = (0x80, 0x40, 0x02);
    body.put_u8(if settings.credentials.is_some() { user | password | clean } else { clean });
    body.put_u16(settings.keep_alive);
    if settings.version == Version::V5 {
        body.put_u8(0);
    }
    put_text(&mut body, settings.client_id.as_bytes());
    if let Some(found) = &settings.credentials {
        put_text(&mut body, found.username.as_bytes());
        put_text(&mut body, found.password.as_bytes());
    }
    let mut packet = BytesMut::with_capacity(body.len() + 5);
    packet.put_u8(0x10);
    put_number(&mut packet, body.len());
    packet.put_slice(&body);
    packet
}

/// Appends a message, and says where its number stands, which is 0 so far; quality 0 has none.
pub(super) fn put_message(buffer: &mut BytesMut, message: &Message, version: Version) -> Option<usize> {
    let properties = match version {
        Version::V5 => property_bytes(&message.properties),
        Version::V3 => BytesMut::new(),
    };
    let numbered = message.qos > 0;
    let mut length = 2 + message.topic.len() + message.payload.len() + if numbered { 2 } else { 0 };
    if version == Version::V5 {
        length += size_of_number(properties.len()) + properties.len();
    }
    buffer.reserve(length + 5);
    buffer.put_u8(0x30 | message.qos << 1 | u8::from(message.retain));
    put_number(buffer, length);
    put_text(buffer, message.topic.as_bytes());
    let place = numbered.then_some(buffer.len());
    if numbered {
        buffer.put_u16(0);
    }
    if version == Version::V5 {
        put_number(buffer, properties.len());
        buffer.put_slice(&properties);
    }
    buffer.put_slice(&message.payload);
    place
}

/// Appends that we know a message of quality 2 has arrived.
pub(super) fn put_release(buffer: &mut BytesMut, id: u16) {
    buffer.put_slice(&[0x62, 2]);
    buffer.put_u16(id);
}

/// Section 3.3.2.3 of the specification of version 5.
fn property_bytes(properties: &Properties) -> BytesMut {
    let mut bytes = BytesMut::new();
    if let Some(indicator) = properties.payload_format_indicator {
        bytes.put_slice(&[0x01, indicator]);
    }
    if let Some(seconds) = properties.message_expiry_interval {
        bytes.put_u8(0x02);
        bytes.put_u32(seconds);
    }
    let texts = [
        (0x03, properties.content_type.as_deref().map(str::as_bytes)),
        (0x08, properties.response_topic.as_deref().map(str::as_bytes)),
        (0x09, properties.correlation_data.as_deref()),
    ];
    for (identifier, text) in texts {
        if let Some(text) = text {
            bytes.put_u8(identifier);
            put_text(&mut bytes, text);
        }
    }
    for (name, value) in &properties.user {
        bytes.put_u8(0x26);
        put_text(&mut bytes, name.as_bytes());
        put_text(&mut bytes, value.as_bytes());
    }
    bytes
}

/// Text behind its length in two bytes. What is longer was refused before.
fn put_text(buffer: &mut BytesMut, text: &[u8]) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    buffer.put_u16(length);
    buffer.put_slice(&text[..usize::from(length)]);
}

/// A number of seven bits a byte, the lowest first.
fn put_number(buffer: &mut BytesMut, mut number: usize) {
    loop {
        let digit = u8::try_from(number & 0x7F).unwrap_or_default();
        number >>= 7;
        buffer.put_u8(if number > 0 { digit | 0x80 } else { digit });
        if number == 0 {
            return;
        }
    }
}

fn size_of_number(number: usize) -> usize {
    match number {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x001F_FFFF => 3,
        _ => 4,
    }
}

/// Takes the next whole packet from the front of `buffer`; `None` when it is not all there yet.
///
/// # Errors
/// When the bytes are no packet that a broker sends.
pub(super) fn take_packet(buffer: &mut BytesMut) -> Result<Option<Packet>, Malformed> {
    let (mut length, mut size) = (0_usize, 0);
    loop {
        let Some(&digit) = buffer.get(1 + size) else {
            return if size < 4 { Ok(None) } else { Err(Malformed("a packet without a length")) };
        };
        if size == 4 {
            return Err(Malformed("a packet without a length"));
        }
        length |= usize::from(digit & 0x7F) << (7 * size);
        size += 1;
        if digit & 0x80 == 0 {
            break;
        }
    }
    let kind = buffer[0];
    if !matches!(kind >> 4, 2..=15) || (kind >> 4 != 3 && kind & 0x0F != if kind >> 4 == 6 { 2 } else { 0 }) {
        return Err(Malformed("a packet of an unknown type"));
    }
    if length > LARGEST_ANSWER {
        return Err(Malformed("a packet larger than any answer"));
    }
    if buffer.len() < 1 + size + length {
        return Ok(None);
    }
    buffer.advance(1 + size);
    read_packet(kind >> 4, buffer.split_to(length).freeze()).map(Some)
}

fn read_packet(kind: u8, mut body: Bytes) -> Result<Packet, Malformed> {
    Ok(match kind {
        2 => {
            let _flags = body.try_get_u8().map_err(|_| TOO_SHORT)?;
            let code = body.try_get_u8().map_err(|_| TOO_SHORT)?;
            let mut limits = Limits::default();
            let words = read_properties(body, &mut limits)?;
            Packet::Greeting { reason: Reason { code, words }, limits }
        }
        4 => {
            let (id, reason) = read_answer(body)?;
            Packet::Acknowledged { id, reason }
        }
        5 => {
            let (id, reason) = read_answer(body)?;
            Packet::Received { id, reason }
        }
        7 => Packet::Completed { id: body.try_get_u16().map_err(|_| TOO_SHORT)? },
        14 => Packet::Goodbye { reason: read_reason(body)? },
        _ => Packet::Other,
    })
}

fn read_answer(mut body: Bytes) -> Result<(u16, Reason), Malformed> {
    let id = body.try_get_u16().map_err(|_| TOO_SHORT)?;
    Ok((id, read_reason(body)?))
}

/// A reason is left out where it is a plain yes, and version 3.1.1 has none.
fn read_reason(mut body: Bytes) -> Result<Reason, Malformed> {
    let Ok(code) = body.try_get_u8() else {
        return Ok(Reason::default());
    };
    let words = read_properties(body, &mut Limits::default())?;
    Ok(Reason { code, words })
}

/// Reads the properties at the end of a packet, where there are any, and returns the reason in words among them.
fn read_properties(mut body: Bytes, limits: &mut Limits) -> Result<Option<String>, Malformed> {
    if body.is_empty() {
        return Ok(None);
    }
    let length = take_number(&mut body)?;
    let mut fields = take(&mut body, length)?;
    let mut words = None;
    while let Ok(identifier) = fields.try_get_u8() {
        match identifier {
            0x1F => words = Some(String::from_utf8_lossy(&take_text(&mut fields)?).into_owned()),
            0x13 => limits.keep_alive = Some(fields.try_get_u16().map_err(|_| TOO_SHORT)?),
            0x21 => limits.receive_maximum = Some(fields.try_get_u16().map_err(|_| TOO_SHORT)?),
            0x24 => limits.highest_quality = Some(fields.try_get_u8().map_err(|_| TOO_SHORT)?),
            0x25 => limits.refuses_retained = fields.try_get_u8().map_err(|_| TOO_SHORT)? == 0,
            0x27 => limits.largest_packet = Some(fields.try_get_u32().map_err(|_| TOO_SHORT)?),
            0x01 | 0x17 | 0x19 | 0x28..=0x2A => drop(take(&mut fields, 1)?),
            0x22 | 0x23 => drop(take(&mut fields, 2)?),
            0x02 | 0x11 | 0x18 => drop(take(&mut fields, 4)?),
            0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1A | 0x1C => drop(take_text(&mut fields)?),
            0x26 => {
                take_text(&mut fields)?;
                take_text(&mut fields)?;
            }
            0x0B => drop(take_number(&mut fields)?),
            _ => return Err(Malformed("a property that there is not")),
        }
    }
    Ok(words)
}

fn take(bytes: &mut Bytes, count: usize) -> Result<Bytes, Malformed> {
    if count > bytes.len() { Err(TOO_SHORT) } else { Ok(bytes.split_to(count)) }
}

fn take_text(bytes: &mut Bytes) -> Result<Bytes, Malformed> {
    let length = bytes.try_get_u16().map_err(|_| TOO_SHORT)?;
    take(bytes, usize::from(length))
}

fn take_number(bytes: &mut Bytes) -> Result<usize, Malformed> {
    let mut number = 0;
    for digit in 0..4 {
        let byte = bytes.try_get_u8().map_err(|_| TOO_SHORT)?;
        number |= usize::from(byte & 0x7F) << (7 * digit);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Malformed("a number of more than four bytes"))
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes, BytesMut};
    use proptest::prelude::*;

    use super::{Limits, Packet, Reason, greeting, put_message, put_release, take_packet};
    use crate::endpoint::mqtt::message::{Message, Properties};
    use crate::endpoint::mqtt::settings::{Settings, Version};
    use crate::endpoint::{Address, SinkOptions};

    fn settings(address: &str) -> Settings {
        let address = Address::parse(address).expect("an address");
        Settings::for_sink(&address, &SinkOptions::default()).expect("settings")
    }

    #[test]
    fn the_greeting_is_as_the_specification_shows_it() {
        let old = greeting(&settings("mqtt://u:p@h?version=3.1.1&client-id=me&keep-alive=10"));
        assert_eq!(&old[..], b"\x10\x14\x00\x04MQTT\x04\xC2\x00\x0A\x00\x02me\x00\x01u\x00\x01p");
        let new = greeting(&settings("mqtt://h?client-id=me&keep-alive=10"));
        assert_eq!(&new[..], b"\x10\x0F\x00\x04MQTT\x05\x02\x00\x0A\x00\x00\x02me");
    }

    #[test]
    fn a_message_is_as_the_specification_shows_it() {
        let mut message = Message {
            topic: "a/b".to_owned(),
            payload: Bytes::from_static(b"xy"),
            qos: 1,
            retain: true,
            ..Message::default()
        };
        let mut buffer = BytesMut::from(&b"before"[..]);
        assert_eq!(put_message(&mut buffer, &message, Version::V3), Some(13));
        assert_eq!(&buffer[6..], b"\x33\x09\x00\x03a/b\x00\x00xy");
        message.properties = Properties {
            content_type: Some("t".to_owned()),
            response_topic: Some("r".to_owned()),
            correlation_data: Some(Bytes::from_static(b"\xff")),
            message_expiry_interval: Some(60),
            payload_format_indicator: Some(1),
            subscription_identifiers: Vec::new(),
            user: vec![("n".to_owned(), "v".to_owned())],
        };
        (message.qos, message.retain) = (0, false);
        buffer.clear();
        assert_eq!(put_message(&mut buffer, &message, Version::V5), None);
        let properties =
            b"\x01\x01\x02\x00\x00\x00\x3C\x03\x00\x01t\x08\x00\x01r\x09\x00\x01\xff\x26\x00\x01n\x00\x01v";
        assert_eq!(&buffer[..8], b"\x30\x22\x00\x03a/b\x1A");
        assert_eq!(&buffer[8..34], properties);
        assert_eq!(&buffer[34..], b"xy");
        message.payload = vec![b'z'; 20_000].into();
        buffer.clear();
        put_message(&mut buffer, &message, Version::V3);
        assert_eq!(&buffer[..4], b"\x30\xA5\x9C\x01");
        buffer.clear();
        put_release(&mut buffer, 0x0102);
        assert_eq!(&buffer[..], b"\x62\x02\x01\x02");
    }

    #[test]
    fn answers_are_read_however_they_arrive() {
        let refused = Reason { code: 0x87, words: Some("no".to_owned()) };
        let limits = Limits {
            receive_maximum: Some(20),
            largest_packet: Some(2000),
            keep_alive: Some(60),
            highest_quality: Some(1),
            refuses_retained: true,
        };
        let sent: [(&[u8], Packet); 9] = [
            (b"\x20\x02\x00\x05", Packet::Greeting { reason: Reason { code: 5, words: None }, limits: Limits::default() }),
            (
                b"\x20\x1A\x00\x00\x17\x21\x00\x14\x27\x00\x00\x07\xD0\x13\x00\x3C\x24\x01\x25\x00\x12\x00\x02me\x22\x00\x0A",
                Packet::Greeting { reason: Reason::default(), limits },
            ),
            (b"\x40\x02\x00\x07", Packet::Acknowledged { id: 7, reason: Reason::default() }),
            (b"\x40\x09\x00\x07\x87\x05\x1F\x00\x02no", Packet::Acknowledged { id: 7, reason: refused.clone() }),
            (b"\x50\x03\x00\x08\x10", Packet::Received { id: 8, reason: Reason { code: 0x10, words: None } }),
            (b"\x70\x02\x00\x08", Packet::Completed { id: 8 }),
            (b"\xD0\x00", Packet::Other),
            (b"\xE0\x00", Packet::Goodbye { reason: Reason::default() }),
            (b"\xE0\x07\x87\x05\x1F\x00\x02no", Packet::Goodbye { reason: refused }),
        ];
        let mut arrived = BytesMut::new();
        for (bytes, expected) in sent {
            let mut packets = Vec::new();
            for byte in bytes {
                arrived.put_u8(*byte);
                packets.extend(take_packet(&mut arrived).expect("packets"));
            }
            assert_eq!(packets, [expected]);
        }
    }

    #[test]
    fn bytes_that_are_no_packets_are_refused() {
        for bytes in [
            b"HTTP/1.1 400 Bad Request".as_slice(),
            b"\x10\x00",
            b"\x40\x01\x00",
            b"\x40\xff\xff\xff\xff\x01",
            b"\x20\xff\xff\xff\x7f\x00",
            b"\x20\x05\x00\x00\x02\x7F\x00",
            b"\x20\x04\x00\x00\x05\x21",
        ] {
            assert!(take_packet(&mut BytesMut::from(bytes)).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut buffer = BytesMut::from(bytes.as_slice());
            while let Ok(Some(_)) = take_packet(&mut buffer) {}
        }
    }
}
