//! The packets of MQTT 3.1.1 and 5 that a broker sends, as they stand on the wire. It knows no sockets.

use bytes::{Buf, Bytes, BytesMut};

use super::MAX_PACKET;
use super::message::{Message, Properties};
use super::reason::Reason;
use super::settings::Version;

/// Bytes of the largest packet a broker sends that is no message: reasons and user properties at most.
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
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Packet {
    /// The answer to our greeting, and whether the broker knows an earlier session of ours.
    Greeting { reason: Reason, limits: Limits, session_present: bool },
    /// A message of quality 1 was taken, or not.
    Acknowledged { id: u16, reason: Reason },
    /// A message of quality 2 has arrived, or was refused.
    Received { id: u16, reason: Reason },
    /// A message of quality 2 was taken.
    Completed { id: u16 },
    /// A message of a subscription, with its number where it wants to be acknowledged.
    Message { message: Message, id: Option<u16> },
    /// The broker knows that a message of quality 2 has arrived.
    Release { id: u16 },
    /// The answer to a subscription.
    Subscribed { id: u16, reason: Reason },
    /// It ends the connection.
    Goodbye { reason: Reason },
    /// Nothing that matters to us.
    Other,
}

/// Takes the next whole packet from the front of `buffer`; `None` when it is not all there yet.
///
/// # Errors
/// When the bytes are no packet that a broker sends.
pub(super) fn take_packet(buffer: &mut BytesMut, version: Version) -> Result<Option<Packet>, Malformed> {
    take_within(buffer, version, MAX_PACKET as usize)
}

/// As [`take_packet`], for those who have subscribed to nothing: a large message is none that was asked for.
///
/// # Errors
/// As that.
pub(super) fn take_answer(buffer: &mut BytesMut, version: Version) -> Result<Option<Packet>, Malformed> {
    take_within(buffer, version, LARGEST_ANSWER)
}

fn take_within(
    buffer: &mut BytesMut,
    version: Version,
    largest_message: usize,
) -> Result<Option<Packet>, Malformed> {
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
    if length > if kind >> 4 == 3 { largest_message } else { LARGEST_ANSWER } {
        return Err(Malformed("a packet larger than any answer"));
    }
    if buffer.len() < 1 + size + length {
        return Ok(None);
    }
    buffer.advance(1 + size);
    let body = buffer.split_to(length).freeze();
    if kind >> 4 == 3 {
        read_message(kind, body, version).map(Some)
    } else {
        read_packet(kind >> 4, body).map(Some)
    }
}

fn read_packet(kind: u8, mut body: Bytes) -> Result<Packet, Malformed> {
    Ok(match kind {
        2 => {
            let session_present = body.try_get_u8().map_err(|_| TOO_SHORT)? & 1 == 1;
            let code = body.try_get_u8().map_err(|_| TOO_SHORT)?;
            let mut limits = Limits::default();
            let words = read_properties(body, &mut limits)?;
            Packet::Greeting { reason: Reason { code, words }, limits, session_present }
        }
        4 => {
            let (id, reason) = read_answer(body)?;
            Packet::Acknowledged { id, reason }
        }
        5 => {
            let (id, reason) = read_answer(body)?;
            Packet::Received { id, reason }
        }
        6 => Packet::Release { id: body.try_get_u16().map_err(|_| TOO_SHORT)? },
        9 => {
            let id = body.try_get_u16().map_err(|_| TOO_SHORT)?;
            // One filter was asked for, so one byte is the answer; version 3.1.1 has no properties before it.
            let code = body.split_off(body.len().saturating_sub(1)).try_get_u8().map_err(|_| TOO_SHORT)?;
            let words = read_properties(body, &mut Limits::default())?;
            Packet::Subscribed { id, reason: Reason { code, words } }
        }
        7 => Packet::Completed { id: body.try_get_u16().map_err(|_| TOO_SHORT)? },
        14 => Packet::Goodbye { reason: read_reason(body)? },
        _ => Packet::Other,
    })
}

/// Section 3.3 of both specifications.
fn read_message(first: u8, mut body: Bytes, version: Version) -> Result<Packet, Malformed> {
    let qos = first >> 1 & 3;
    if qos == 3 {
        return Err(Malformed("a message of a quality that there is not"));
    }
    let topic = take_text(&mut body)?;
    let id = if qos > 0 { Some(body.try_get_u16().map_err(|_| TOO_SHORT)?) } else { None };
    let properties = match version {
        Version::V5 => read_message_properties(&mut body)?,
        Version::V3 => Properties::default(),
    };
    let message = Message {
        topic: String::from_utf8_lossy(&topic).into(),
        payload: body,
        qos,
        retain: first & 1 == 1,
        duplicate: first & 8 == 8,
        properties,
    };
    Ok(Packet::Message { message, id })
}

/// Section 3.3.2.3 of the specification of version 5.
fn read_message_properties(body: &mut Bytes) -> Result<Properties, Malformed> {
    let length = take_number(body)?;
    let mut fields = take(body, length)?;
    let mut found = Properties::default();
    while let Ok(identifier) = fields.try_get_u8() {
        match identifier {
            0x01 => found.payload_format_indicator = Some(fields.try_get_u8().map_err(|_| TOO_SHORT)?),
            0x02 => found.message_expiry_interval = Some(fields.try_get_u32().map_err(|_| TOO_SHORT)?),
            0x03 => found.content_type = Some(take_string(&mut fields)?),
            0x08 => found.response_topic = Some(take_string(&mut fields)?),
            0x09 => found.correlation_data = Some(take_text(&mut fields)?),
            0x0B => found.subscription_identifiers.push(take_number(&mut fields)?),
            // A short name for the topic, which we never allow.
            0x23 => drop(take(&mut fields, 2)?),
            0x26 => found.user.push((take_string(&mut fields)?, take_string(&mut fields)?)),
            _ => return Err(Malformed("a property that no message has")),
        }
    }
    Ok(found)
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
            0x1F => words = Some(take_string(&mut fields)?),
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

fn take_string(bytes: &mut Bytes) -> Result<String, Malformed> {
    Ok(String::from_utf8_lossy(&take_text(bytes)?).into_owned())
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
    use bytes::{BufMut, BytesMut};
    use proptest::prelude::*;

    use super::{Limits, Packet, Reason, Version, take_answer, take_packet};
    use crate::endpoint::mqtt::message::{Message, Properties};
    use crate::endpoint::mqtt::wire::put_message;

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
        let sent: [(&[u8], Packet); 12] = [
            (b"\x20\x02\x00\x05", Packet::Greeting { reason: Reason { code: 5, words: None }, limits: Limits::default(), session_present: false }),
            (
                b"\x20\x1A\x01\x00\x17\x21\x00\x14\x27\x00\x00\x07\xD0\x13\x00\x3C\x24\x01\x25\x00\x12\x00\x02me\x22\x00\x0A",
                Packet::Greeting { reason: Reason::default(), limits, session_present: true },
            ),
            (b"\x40\x02\x00\x07", Packet::Acknowledged { id: 7, reason: Reason::default() }),
            (b"\x40\x09\x00\x07\x87\x05\x1F\x00\x02no", Packet::Acknowledged { id: 7, reason: refused.clone() }),
            (b"\x50\x03\x00\x08\x10", Packet::Received { id: 8, reason: Reason { code: 0x10, words: None } }),
            (b"\x70\x02\x00\x08", Packet::Completed { id: 8 }),
            (b"\x62\x02\x00\x08", Packet::Release { id: 8 }),
            (b"\x90\x03\x00\x07\x80", Packet::Subscribed { id: 7, reason: Reason { code: 0x80, words: None } }),
            (b"\x90\x09\x00\x07\x05\x1F\x00\x02no\x87", Packet::Subscribed { id: 7, reason: refused.clone() }),
            (b"\xD0\x00", Packet::Other),
            (b"\xE0\x00", Packet::Goodbye { reason: Reason::default() }),
            (b"\xE0\x07\x87\x05\x1F\x00\x02no", Packet::Goodbye { reason: refused }),
        ];
        let mut arrived = BytesMut::new();
        for (bytes, expected) in sent {
            let mut packets = Vec::new();
            for byte in bytes {
                arrived.put_u8(*byte);
                packets.extend(take_packet(&mut arrived, Version::V5).expect("packets"));
            }
            assert_eq!(packets, [expected]);
        }
    }

    #[test]
    fn a_message_comes_out_as_it_was_put_in() {
        let mut message = Message {
            topic: "a/b".into(),
            payload: vec![b'z'; 20_000].into(),
            qos: 1,
            retain: true,
            duplicate: false,
            properties: Properties {
                content_type: Some("t".to_owned()),
                response_topic: Some("r".to_owned()),
                correlation_data: Some(b"\xff".as_slice().into()),
                message_expiry_interval: Some(60),
                payload_format_indicator: Some(1),
                subscription_identifiers: Vec::new(),
                user: vec![("n".to_owned(), "v".to_owned()), ("n".to_owned(), String::new())],
            },
        };
        let mut buffer = BytesMut::new();
        for (version, qos) in [(Version::V5, 1), (Version::V5, 0), (Version::V3, 2)] {
            if version == Version::V3 {
                message.properties = Properties::default();
            }
            message.qos = qos;
            put_message(&mut buffer, &message, version);
            let id = (qos > 0).then_some(0);
            let taken = take_packet(&mut buffer, version).expect("a packet");
            assert_eq!(taken, Some(Packet::Message { message: message.clone(), id }));
        }
        assert!(buffer.is_empty());
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
            assert!(take_packet(&mut BytesMut::from(bytes), Version::V5).is_err(), "{bytes:?}");
        }
        let large = b"\x30\x81\x80\x40\x00".as_slice();
        assert_eq!(take_packet(&mut BytesMut::from(large), Version::V5), Ok(None));
        assert!(take_answer(&mut BytesMut::from(large), Version::V5).is_err(), "nobody asked for messages");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64), new in any::<bool>()) {
            let version = if new { Version::V5 } else { Version::V3 };
            let mut buffer = BytesMut::from(bytes.as_slice());
            while let Ok(Some(_)) = take_packet(&mut buffer, version) {}
        }
    }
}
