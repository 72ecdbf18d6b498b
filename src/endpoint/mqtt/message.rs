//! The MQTT message between the event and the wire; text is checked here, because one bad string ends a session.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use compact_str::CompactString;
use serde_json::{Map, Value};

use super::settings::{Settings, Version};
use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::{Event, Header, Place, Timestamp};

/// Longest text on the wire: its length is written in two bytes.
pub(super) const MAX_TEXT: usize = 65_535;

/// A message as both protocol versions know it; version 3.1.1 leaves `properties` empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Message {
    pub(super) topic: CompactString,
    pub(super) payload: Bytes,
    pub(super) qos: u8,
    pub(super) retain: bool,
    pub(super) duplicate: bool,
    pub(super) properties: Properties,
}

/// MQTT 5 properties of a message, section 3.3.2.3 of the specification.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Properties {
    pub(super) content_type: Option<String>,
    pub(super) response_topic: Option<String>,
    pub(super) correlation_data: Option<Bytes>,
    /// Seconds.
    pub(super) message_expiry_interval: Option<u32>,
    pub(super) payload_format_indicator: Option<u8>,
    pub(super) subscription_identifiers: Vec<usize>,
    pub(super) user: Vec<(String, String)>,
}

impl Message {
    /// The message that carries an event.
    ///
    /// # Errors
    /// When the event cannot be written as a message.
    pub(super) fn from_event(event: &Event, settings: &Settings) -> Result<Self, EndpointError> {
        let topic = CompactString::from(topic_for(event, settings)?);
        let attribute = |name: &str| event.attributes.get(name);
        let recorded_qos = attribute("qos").and_then(Value::as_u64).and_then(|qos| u8::try_from(qos).ok());
        let recorded_retain = attribute("retain").and_then(Value::as_bool).unwrap_or(false);
        let properties = match settings.version {
            Version::V5 => Properties::from_event(event)?,
            Version::V3 => Properties::default(),
        };
        let message = Self {
            topic,
            payload: event.payload.clone().unwrap_or_default(),
            // An event seen at QoS 0 is sent at QoS 1: whoever sends it again wants to know that it arrived.
            qos: settings.qos.unwrap_or_else(|| recorded_qos.unwrap_or(1).clamp(1, 2)),
            retain: settings.retain.unwrap_or(recorded_retain),
            duplicate: false,
            properties,
        };
        message.check_texts()?;
        Ok(message)
    }

    /// The event a message carries, received now.
    pub(super) fn into_event(self) -> Event {
        let mut attributes = Map::new();
        attributes.insert("qos".to_owned(), Value::from(self.qos));
        attributes.insert("retain".to_owned(), Value::from(self.retain));
        if self.duplicate {
            attributes.insert("duplicate".to_owned(), Value::from(true));
        }
        let mut note = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                attributes.insert(name.to_owned(), value);
            }
        };
        let mut found = self.properties;
        let sender = found.user.pop_if(|(name, _)| name == super::SENDER_PROPERTY);
        note("sender", sender.map(|(_, value)| Value::from(value)));
        note("content_type", found.content_type.map(Value::from));
        note("response_topic", found.response_topic.map(Value::from));
        note("correlation_data", found.correlation_data.map(|bytes| Value::from(STANDARD.encode(bytes))));
        note("message_expiry_interval", found.message_expiry_interval.map(Value::from));
        note("payload_format_indicator", found.payload_format_indicator.map(Value::from));
        let identifiers = found.subscription_identifiers;
        note("subscription_identifiers", (!identifiers.is_empty()).then(|| Value::from(identifiers)));
        Event {
            channel: self.topic,
            key: None,
            payload: Some(self.payload),
            headers: found.user.into_iter().map(|(name, value)| Header::text(name, value)).collect(),
            received: Timestamp::of_arrival(),
            broker_time: None,
            place: Place::default(),
            attributes: attributes.into(),
        }
    }

    /// Bytes on the wire, never less than the truth by more than the fixed header.
    pub(super) fn size(&self) -> usize {
        let user: usize = self.properties.user.iter().map(|(name, value)| name.len() + value.len() + 5).sum();
        let optional = |text: &Option<String>| text.as_ref().map_or(0, |text| text.len() + 3);
        let correlation = self.properties.correlation_data.as_ref().map_or(0, |data| data.len() + 3);
        let named = optional(&self.properties.content_type) + optional(&self.properties.response_topic);
        self.topic.len() + self.payload.len() + user + named + correlation + 32
    }

    fn check_texts(&self) -> Result<(), EndpointError> {
        let named = [&self.properties.content_type, &self.properties.response_topic];
        let user = self.properties.user.iter().flat_map(|(name, value)| [name, value]);
        if let Some(length) = self.properties.correlation_data.as_ref().map(Bytes::len)
            && length > MAX_TEXT
        {
            return Err(too_long(length));
        }
        let texts = named.into_iter().flatten().chain(user).map(String::as_str);
        std::iter::once(self.topic.as_str()).chain(texts).try_for_each(check_text)
    }
}

/// Why an event cannot be a message.
pub(super) fn refusal(event: &Event, settings: &Settings) -> Option<EndpointError> {
    let is_named = |name: &&str| event.attributes.contains_key(*name);
    if settings.version == Version::V5
        && ["content_type", "response_topic", "correlation_data"].iter().any(is_named)
    {
        return Message::from_event(event, settings).err();
    }
    // Of most events no message need be made.
    let headers = if settings.version == Version::V5 { event.headers.as_slice() } else { &[] };
    let mut checked = headers.iter().map(|header| {
        check_text(&header.name)?;
        user_value(header).and_then(check_text)
    });
    topic_for(event, settings).and_then(check_text).and_then(|()| checked.try_for_each(|each| each)).err()
}

fn topic_for<'a>(event: &'a Event, settings: &'a Settings) -> Result<&'a str, EndpointError> {
    let topic = settings.address.channel_for(event)?;
    if topic.contains(['+', '#']) {
        return Err(refused(&format!("`{topic}` holds a wildcard, which no topic may")));
    }
    Ok(topic)
}

fn check_text(text: &str) -> Result<(), EndpointError> {
    if text.len() > MAX_TEXT {
        return Err(too_long(text.len()));
    }
    // Most texts have none of the bytes that such characters begin with.
    let is_suspect = |byte: u8| byte < 0x20 || byte == 0x7f || byte == 0xc2 || byte >= 0xef;
    if !text.bytes().any(is_suspect) {
        return Ok(());
    }
    match text.chars().find(|&each| ends_session(each)) {
        None => Ok(()),
        Some(found) => Err(refused(&format!(
            "brokers may end the session over the character U+{:04X} in a topic or property, as Mosquitto does",
            u32::from(found)
        ))),
    }
}

/// Control characters and those that are none, for which a broker may close the connection (section 1.5.4 of the
/// specification); Mosquitto does.
fn ends_session(found: char) -> bool {
    let code = u32::from(found);
    found.is_control() || matches!(code, 0xfdd0..=0xfdef) || code & 0xfffe == 0xfffe
}

fn too_long(length: usize) -> EndpointError {
    let message = format!("a text of {length} bytes is longer than the 65535 of MQTT");
    EndpointError::new(EndpointErrorKind::TooLarge, message)
}

impl Properties {
    fn from_event(event: &Event) -> Result<Self, EndpointError> {
        let text = |name: &str| event.attributes.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| event.attributes.get(name).and_then(Value::as_u64);
        let correlation = text("correlation_data").map(|encoded| {
            let decoded = STANDARD.decode(&encoded).map(Bytes::from);
            decoded.map_err(|_| refused("the attribute `correlation_data` is not base64"))
        });
        Ok(Self {
            content_type: text("content_type"),
            response_topic: text("response_topic"),
            correlation_data: correlation.transpose()?,
            message_expiry_interval: number("message_expiry_interval").and_then(|n| u32::try_from(n).ok()),
            payload_format_indicator: number("payload_format_indicator").and_then(|n| u8::try_from(n).ok()),
            subscription_identifiers: Vec::new(),
            user: event.headers.iter().map(user_property).collect::<Result<_, _>>()?,
        })
    }
}

fn user_property(header: &Header) -> Result<(String, String), EndpointError> {
    Ok((header.name.to_string(), user_value(header)?.to_owned()))
}

fn user_value(header: &Header) -> Result<&str, EndpointError> {
    std::str::from_utf8(header.value.as_deref().unwrap_or_default()).map_err(|_| {
        refused(&format!("header `{}` is not text, and MQTT user properties carry text only", header.name))
    })
}

fn refused(message: &str) -> EndpointError {
    EndpointError::new(EndpointErrorKind::Rejected, message)
}

#[cfg(test)]
mod tests {
    use super::Message;
    use crate::endpoint::mqtt::settings::Settings;
    use crate::endpoint::{Address, SinkOptions};
    use crate::event::{Event, Header};

    fn settings(address: &str) -> Settings {
        let address = Address::parse(address).expect("an address");
        Settings::for_sink(&address, &SinkOptions::default()).expect("settings")
    }

    #[test]
    fn event_to_message_and_back_loses_nothing() {
        let mut event = Event::new("shop/orders", "{}");
        event.headers = vec![Header::text("a", "1"), Header::text("b", ""), Header::text("a", "2")];
        for (name, value) in [
            ("qos", serde_json::json!(2)),
            ("retain", serde_json::json!(true)),
            ("content_type", serde_json::json!("application/json")),
            ("response_topic", serde_json::json!("shop/replies")),
            ("correlation_data", serde_json::json!("AP8=")),
            ("message_expiry_interval", serde_json::json!(60)),
            ("payload_format_indicator", serde_json::json!(1)),
        ] {
            event.attributes.insert(name.to_owned(), value);
        }
        let back = Message::from_event(&event, &settings("mqtt://h")).expect("a message").into_event();
        assert_eq!((back.channel, back.payload, back.headers), (event.channel, event.payload, event.headers));
        assert_eq!(back.attributes, event.attributes);
    }

    #[test]
    fn the_address_decides_topic_and_quality() {
        let event = Event::new("own", "x");
        let message = Message::from_event(&event, &settings("mqtt://h/other?qos=0&retain")).expect("sent");
        assert_eq!((message.topic.as_str(), message.qos, message.retain), ("other", 0, true));
        let message = Message::from_event(&event, &settings("mqtt://h")).expect("sent");
        assert_eq!((message.topic.as_str(), message.qos, message.retain), ("own", 1, false));
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let mut event = Event::new("a/+/b", "x");
        assert!(Message::from_event(&event, &settings("mqtt://h")).is_err());
        event.channel = "".into();
        assert!(Message::from_event(&event, &settings("mqtt://h")).is_err());
        event.channel = "a".into();
        event.headers = vec![Header { name: "h".into(), value: Some(vec![0xff].into()) }];
        assert!(Message::from_event(&event, &settings("mqtt://h")).is_err());
        event.headers = vec![Header::text("h", "a\0b")];
        assert!(Message::from_event(&event, &settings("mqtt://h")).is_err());
    }
}
