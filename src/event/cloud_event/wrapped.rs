//! Events that are no CloudEvents, carried as CloudEvents: attributes made up in a way that is the same every time, and
//! marked, so that whoever knows the mark gets the event back as it was.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use sha1::{Digest, Sha1};
use uuid::{Builder, Uuid};

use super::{CloudEvent, content_type};
use crate::event::percent::encode_path;
use crate::event::{BrokerTime, Event, TimeKind};

/// The extension attribute that marks made-up attributes.
const MARK: &str = "eddywrapped";
/// The extension attribute of a key, as the specification defines it: text that is not empty.
const KEY: &str = "partitionkey";
/// The extension attribute of any other key, in base64.
const KEY_BYTES: &str = "eddykey";
/// What identities are made within.
const NAMESPACE: Uuid = Uuid::from_u128(0x6c1f_9d0e_52b7_4f0b_9a55_0e7c_28de_11d4);

/// An identity that is the same whenever this very event is sent: from its place on its broker where it has one, else
/// from its times; from its channel, key, payload and headers in any case.
#[must_use]
pub fn identity(event: &Event) -> String {
    // A name-based identity, RFC 9562 section 5.5, of which nothing is copied together first.
    let mut hash = Sha1::new_with_prefix(NAMESPACE.as_bytes());
    let mut part = |tag: u8, part: Option<&[u8]>| {
        hash.update([tag]);
        if let Some(part) = part {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    };
    part(b'c', Some(event.channel.as_bytes()));
    match event.place.offset {
        Some(offset) => part(b'o', Some(&offset.to_le_bytes())),
        None => part(b't', Some(&event.received.0.to_le_bytes())),
    }
    part(b'p', event.place.partition.map(i32::to_le_bytes).as_ref().map(<[u8; 4]>::as_slice));
    part(b'b', event.broker_time.map(|found| found.time.0.to_le_bytes()).as_ref().map(<[u8; 8]>::as_slice));
    part(b'k', event.key.as_deref());
    part(b'v', event.payload.as_deref());
    for header in &event.headers {
        part(b'n', Some(header.name.as_bytes()));
        part(b'h', header.value.as_deref());
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    Builder::from_sha1_bytes(first).into_uuid().to_string()
}

impl CloudEvent {
    /// The CloudEvent that carries an event which is none.
    #[must_use]
    pub fn wrap(event: &Event) -> Self {
        let mut attributes = Vec::with_capacity(8);
        let mut add = |name: &str, value: Value| attributes.push((name.to_owned(), value));
        let kind = if event.channel.is_empty() { "event" } else { &event.channel };
        add("specversion", Value::from("1.0"));
        add("id", Value::from(identity(event)));
        add("source", Value::from(source_of(&event.channel)));
        add("type", Value::from(kind));
        if let Some(found) =
            event.broker_time.filter(|found| jiff::Timestamp::from_microsecond(found.time.0).is_ok())
        {
            add("time", Value::from(found.time.to_string()));
        }
        if let Some(written) = content_type(event) {
            add("datacontenttype", Value::from(written));
        } else if let Some(payload) = &event.payload {
            add("datacontenttype", Value::from(guessed_type(payload)));
        }
        add(MARK, Value::from(true));
        let mut made = Self { attributes, data: event.payload.clone() };
        made.add_key(event.key.as_ref());
        made
    }

    /// Adds the key of an event, unless a key is there already.
    pub fn add_key(&mut self, key: Option<&Bytes>) {
        let Some(key) = key.filter(|_| self.key().is_none()) else {
            return;
        };
        let text = std::str::from_utf8(key).ok().filter(|text| !text.is_empty());
        self.attributes.push(match text {
            Some(text) => (KEY.to_owned(), Value::from(text)),
            None => (KEY_BYTES.to_owned(), Value::from(STANDARD.encode(key))),
        });
    }

    /// The key it carries.
    #[must_use]
    pub fn key(&self) -> Option<Bytes> {
        if let Some(encoded) = self.text(KEY_BYTES) {
            return STANDARD.decode(encoded).ok().map(Bytes::from);
        }
        self.text(KEY).map(|text| Bytes::copy_from_slice(text.as_bytes()))
    }

    /// Whether it carries an event that is no CloudEvent.
    #[must_use]
    pub fn is_wrapped(&self) -> bool {
        let mark = self.attributes.iter().find(|(name, _)| name == MARK);
        mark.is_some_and(|(_, value)| value.as_bool() == Some(true) || value.as_str() == Some("true"))
    }

    /// Gives key and time to the event it came in.
    pub fn tell(&self, event: &mut Event) {
        event.key = self.key();
        event.broker_time = self.time().map(|time| BrokerTime { time, kind: TimeKind::Create });
    }
}

/// A channel as a URI reference.
fn source_of(channel: &str) -> String {
    format!("/{}", encode_path(channel.trim_start_matches('/')))
}

/// The content type of a payload nobody has said anything about.
fn guessed_type(payload: &[u8]) -> &'static str {
    let begins_like_json =
        payload.first().is_some_and(|first| first.is_ascii_digit() || b"{[\"-tfn \t\r\n".contains(first));
    if begins_like_json && serde_json::from_slice::<serde::de::IgnoredAny>(payload).is_ok() {
        "application/json"
    } else if std::str::from_utf8(payload).is_ok() {
        "text/plain; charset=utf-8"
    } else {
        "application/octet-stream"
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{NAMESPACE, identity};
    use crate::event::{Event, Place, Timestamp};

    #[test]
    fn an_identity_is_named_by_all_that_makes_the_event() {
        let mut event = Event { received: Timestamp(7), ..Event::new("ab", "xyz") };
        let mut named = Vec::from(b"c\x02\0\0\0\0\0\0\0abt\x08\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0");
        named.extend_from_slice(b"pbkv\x03\0\0\0\0\0\0\0xyz");
        assert_eq!(identity(&event), Uuid::new_v5(&NAMESPACE, &named).to_string());
        let at_seven = identity(&event);
        event.place = Place { partition: None, offset: Some(7) };
        let at_offset = identity(&event);
        event.received = Timestamp(8);
        assert!(at_seven != at_offset && at_offset == identity(&event), "its place says more than its time");
    }
}
