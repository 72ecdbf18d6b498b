//! The packets of MQTT 3.1.1 and 5 that we write, as they stand on the wire. It knows no sockets.

use bytes::{BufMut, BytesMut};

use super::message::{Message, Properties};
use super::settings::{Settings, Subscription, Version};

/// A sign of life, which the broker answers.
pub(super) const PING: [u8; 2] = [0xC0, 0];
/// The goodbye.
pub(super) const GOODBYE: [u8; 2] = [0xE0, 0];
/// Seconds a broker keeps a session that outlives its connection: one day.
pub(super) const SESSION_EXPIRY: u32 = 86_400;

/// The greeting: a session that begins and ends with this connection, or goes on with what the broker kept of an earlier one
/// and is kept again.
pub(super) fn greeting(settings: &Settings, clean: bool) -> BytesMut {
    let mut body = BytesMut::new();
    put_text(&mut body, b"MQTT");
    body.put_u8(if settings.version == Version::V5 { 5 } else { 4 });
    let (user, password) = (0x80, 0x40);
    let credentials = if settings.credentials.is_some() { user | password } else { 0 };
    body.put_u8(credentials | u8::from(clean) << 1);
    body.put_u16(settings.keep_alive);
    if settings.version == Version::V5 && clean {
        body.put_u8(0);
    } else if settings.version == Version::V5 {
        body.put_slice(&[5, 0x11]);
        body.put_u32(SESSION_EXPIRY);
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

/// Appends the request for what a filter takes, under this number; with `again` the broker knows it from an earlier
/// connection, and does not send retained messages once more where it can be told so.
pub(super) fn put_subscription(
    buffer: &mut BytesMut,
    id: u16,
    subscription: &Subscription,
    version: Version,
    again: bool,
) {
    // Section 3.8.3.1 of version 5: messages keep their mark of being retained; when such are sent.
    let (as_published, if_new, never) = (0x08, 0x10, 0x20);
    let options = match version {
        Version::V3 => subscription.qos,
        Version::V5 if !subscription.retained => subscription.qos | as_published | never,
        Version::V5 if again => subscription.qos | as_published | if_new,
        Version::V5 => subscription.qos | as_published,
    };
    let properties = usize::from(version == Version::V5);
    buffer.put_u8(0x82);
    put_number(buffer, 2 + properties + 2 + subscription.filter.len() + 1);
    buffer.put_u16(id);
    buffer.put_bytes(0, properties);
    put_text(buffer, subscription.filter.as_bytes());
    buffer.put_u8(options);
}

/// Appends that a message of this quality was taken.
pub(super) fn put_acknowledgement(buffer: &mut BytesMut, id: u16, qos: u8) {
    buffer.put_slice(&[if qos == 1 { 0x40 } else { 0x50 }, 2]);
    buffer.put_u16(id);
}

/// Appends that we know a message of quality 2 has arrived.
pub(super) fn put_release(buffer: &mut BytesMut, id: u16) {
    buffer.put_slice(&[0x62, 2]);
    buffer.put_u16(id);
}

/// Appends that a message of quality 2 is done with.
pub(super) fn put_completion(buffer: &mut BytesMut, id: u16) {
    buffer.put_slice(&[0x70, 2]);
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

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};

    use super::{
        Settings, Subscription, Version, greeting, put_acknowledgement, put_completion, put_message,
        put_release, put_subscription,
    };
    use crate::endpoint::mqtt::message::{Message, Properties};
    use crate::endpoint::{Address, SinkOptions};

    fn settings(address: &str) -> Settings {
        let address = Address::parse(address).expect("an address");
        Settings::for_sink(&address, &SinkOptions::default()).expect("settings")
    }

    #[test]
    fn the_greeting_is_as_the_specification_shows_it() {
        let old = greeting(&settings("mqtt://u:p@h?version=3.1.1&client-id=me&keep-alive=10"), true);
        assert_eq!(&old[..], b"\x10\x14\x00\x04MQTT\x04\xC2\x00\x0A\x00\x02me\x00\x01u\x00\x01p");
        let settings = settings("mqtt://h?client-id=me&keep-alive=10");
        assert_eq!(&greeting(&settings, true)[..], b"\x10\x0F\x00\x04MQTT\x05\x02\x00\x0A\x00\x00\x02me");
        let kept = greeting(&settings, false);
        assert_eq!(&kept[..], b"\x10\x14\x00\x04MQTT\x05\x00\x00\x0A\x05\x11\x00\x01\x51\x80\x00\x02me");
    }

    #[test]
    fn a_message_is_as_the_specification_shows_it() {
        let mut message = Message {
            topic: "a/b".into(),
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
    fn a_subscription_and_what_follows_it_are_as_the_specification_shows_them() {
        let mut wanted = Subscription { filter: "a/#".to_owned(), qos: 1, retained: true };
        let written = |wanted: &Subscription, version, again| {
            let mut buffer = BytesMut::new();
            put_subscription(&mut buffer, 7, wanted, version, again);
            buffer
        };
        assert_eq!(&written(&wanted, Version::V3, true)[..], b"\x82\x08\x00\x07\x00\x03a/#\x01");
        assert_eq!(&written(&wanted, Version::V5, false)[..], b"\x82\x09\x00\x07\x00\x00\x03a/#\x09");
        assert_eq!(written(&wanted, Version::V5, true).last(), Some(&0x19));
        wanted.retained = false;
        assert_eq!(written(&wanted, Version::V5, true).last(), Some(&0x29));
        let mut buffer = BytesMut::new();
        put_acknowledgement(&mut buffer, 0x0102, 1);
        put_acknowledgement(&mut buffer, 3, 2);
        put_completion(&mut buffer, 3);
        assert_eq!(&buffer[..], b"\x40\x02\x01\x02\x50\x02\x00\x03\x70\x02\x00\x03");
    }
}
