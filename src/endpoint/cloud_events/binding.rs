//! What the protocol bindings of CloudEvents say of names and places, each in its version 1.0.

use serde_json::Value;

use crate::event::{Event, Header};

/// How a protocol carries CloudEvents.
#[derive(Debug)]
pub(super) struct Binding {
    /// What marks attributes in binary mode: the first when they are written, any when they are read. None without that mode.
    pub(super) prefixes: &'static [&'static str],
    /// Attributes are percent-encoded.
    pub(super) encodes: bool,
    /// The content type of the data in binary mode.
    pub(super) binary_type: ContentTypeIn,
    /// The content type of an event as a whole in structured mode.
    pub(super) structured_type: ContentTypeIn,
}

/// Where a content type stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentTypeIn {
    /// In the header of this name.
    Header(&'static str),
    /// In a property of the protocol, which is the fact `content_type` of an event.
    Property,
    /// Among the attributes, as `datacontenttype`.
    Attributes,
    /// It is implied.
    Nowhere,
}

impl ContentTypeIn {
    /// Writes it there, in the place of one that came as a property.
    pub(super) fn put(self, event: &mut Event, written: Option<String>) {
        if event.attributes.contains_key("content_type") {
            event.attributes.shift_remove("content_type");
        }
        let Some(written) = written else {
            return;
        };
        match self {
            Self::Header(name) => event.headers.push(Header::text(name, written)),
            Self::Property => {
                event.attributes.insert("content_type".to_owned(), Value::from(written));
            }
            Self::Attributes | Self::Nowhere => {}
        }
    }
}

impl Binding {
    /// Whether attributes can be headers.
    pub(super) fn has_binary_mode(&self) -> bool {
        !self.prefixes.is_empty()
    }

    /// Whether content types stand in headers, since the protocol has no property for them.
    pub(super) fn has_headers_of_types(&self) -> bool {
        matches!(self.structured_type, ContentTypeIn::Header(_))
    }
}

/// Kafka, sections 3.2 and 3.3.
pub(super) const KAFKA: Binding = Binding {
    prefixes: &["ce_"],
    encodes: false,
    binary_type: ContentTypeIn::Header("content-type"),
    structured_type: ContentTypeIn::Header("content-type"),
};

/// NATS, sections 3.1 and 3.2 of version 1.0.3, which was the first to have binary mode.
pub(super) const NATS: Binding = Binding {
    prefixes: &["ce-"],
    encodes: true,
    binary_type: ContentTypeIn::Attributes,
    structured_type: ContentTypeIn::Header("Content-Type"),
};

/// AMQP, sections 3.1 and 3.2; the headers of AMQP 0-9-1 stand for the application properties of AMQP 1.0.
pub(super) const AMQP: Binding = Binding {
    prefixes: &["cloudEvents:", "cloudEvents_"],
    encodes: false,
    binary_type: ContentTypeIn::Property,
    structured_type: ContentTypeIn::Property,
};

/// MQTT 5, sections 3.1 and 3.2.
pub(super) const MQTT_5: Binding = Binding {
    prefixes: &[""],
    encodes: false,
    binary_type: ContentTypeIn::Property,
    structured_type: ContentTypeIn::Property,
};

/// MQTT 3.1.1, sections 1.3 and 3.2.1: JSON is implied.
pub(super) const MQTT_3: Binding = Binding {
    prefixes: &[],
    encodes: false,
    binary_type: ContentTypeIn::Nowhere,
    structured_type: ContentTypeIn::Nowhere,
};

/// Redis Streams have no binding of their own; fields are named as Kafka names headers.
pub(super) const REDIS_STREAMS: Binding = Binding {
    prefixes: &["ce_"],
    encodes: false,
    binary_type: ContentTypeIn::Property,
    structured_type: ContentTypeIn::Property,
};
