//! CloudEvents on their way to a system of another protocol than they came from: each arrives as the binding of its target
//! has it. Requests over HTTP are made of events by the sink itself.

use std::borrow::Cow;

use serde_json::Value;

use super::address::Scheme;
use super::facts::{DecidedBy, Refusal};
use super::masking::{mask_unknown, option_part};
use super::{Address, Capabilities, EndpointError, EndpointErrorKind};
use crate::event::cloud_event::{
    CloudEvent, Form, REQUIRED, STRUCTURED_TYPE, carried, content_type, form, header_value, is_content_type,
    is_decoded, is_structured_type, is_well_known, text_of, without_prefix,
};
use crate::event::{Event, Header};

mod binding;
mod sink;
#[cfg(test)]
mod tests;

use binding::{AMQP, Binding, ContentTypeIn, KAFKA, MQTT_3, MQTT_5, NATS, REDIS_STREAMS};
pub(super) use sink::TranslatingSink;

/// The option of an address that asks for a mode.
const MODE: &str = "mode";
/// The attribute by which an event that is a CloudEvent in binary mode is known.
const VERSION: &str = "specversion";

/// How a message carries a CloudEvent, section 1.3 of the bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ContentMode {
    /// Attributes are headers, data is the payload.
    Binary,
    /// The payload is the whole of it, as JSON.
    Structured,
}

/// What becomes of CloudEvents on their way to a target; of any other event nothing does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Translation {
    /// None where events go as they are.
    to: Option<Target>,
}

/// A system that has a binding.
#[derive(Clone, Copy, Debug)]
struct Target {
    binding: &'static Binding,
    /// What the address asks for.
    mode: Option<ContentMode>,
    /// The system carries keys.
    keys: bool,
}

impl Translation {
    /// That for an address whose system carries this.
    ///
    /// # Errors
    /// When the address asks for a mode there is not.
    pub(super) fn of(address: &Address, carried: &Capabilities) -> Result<Self, EndpointError> {
        let binding = match address.scheme {
            Scheme::Kafka => &KAFKA,
            Scheme::Nats | Scheme::JetStream => &NATS,
            Scheme::Amqp => &AMQP,
            Scheme::Mqtt if carried.headers => &MQTT_5,
            Scheme::Mqtt => &MQTT_3,
            Scheme::Redis => &REDIS_STREAMS,
            Scheme::File | Scheme::Http | Scheme::Memory | Scheme::Stdio => return Ok(Self::default()),
        };
        let mode = mode(address, binding)?;
        Ok(Self { to: Some(Target { binding, mode, keys: carried.keys }) })
    }

    /// Whether no event is changed.
    pub(super) fn is_none(&self) -> bool {
        self.to.is_none()
    }

    /// Judges events as they go to the target. Where an address asks for a mode, payloads are looked into.
    pub(super) fn before(self, refusal: Refusal) -> Refusal {
        let Some(target) = self.to else {
            return refusal;
        };
        let by = match refusal.decided_by() {
            DecidedBy::Labels if target.mode.is_some() => DecidedBy::Everything,
            by => by,
        };
        refusal.after(by, move |event| self.apply(event))
    }

    /// The event as it goes to the target.
    #[must_use]
    pub fn apply<'e>(&self, event: &'e Event) -> Cow<'e, Event> {
        let target = self.to.filter(|target| target.concerns(event));
        let made = target.and_then(|target| target.translated(event));
        made.map_or(Cow::Borrowed(event), Cow::Owned)
    }
}

/// The mode an address asks for.
fn mode(address: &Address, binding: &Binding) -> Result<Option<ContentMode>, EndpointError> {
    let (mode, wanted) = match address.option(MODE) {
        None => return Ok(None),
        Some("structured") => return Ok(Some(ContentMode::Structured)),
        Some("binary") if binding.has_binary_mode() => return Ok(Some(ContentMode::Binary)),
        Some("binary") => ("binary", "`structured`: MQTT 3.1.1 has no properties for attributes to be in"),
        Some(other) => (other, "`binary` or `structured`"),
    };
    let message = format!("`{MODE}={mode}` in the address of `{address}` cannot be used");
    let mut error =
        EndpointError::new(EndpointErrorKind::Unsupported, message).help(format!("write {wanted}"));
    let written = mask_unknown(&address.written, &[MODE]);
    let part = option_part(&written, MODE);
    error.wrong = part.map(|(name, value)| {
        let range = if value.is_empty() { name } else { value };
        Box::new((written, range))
    });
    Err(error)
}

/// Whether a header gives the type of a CloudEvent as JSON.
fn says_structured(header: &Header) -> bool {
    let text = || header.value.as_deref().and_then(|value| std::str::from_utf8(value).ok());
    is_content_type(header) && is_structured_type(text())
}

impl Target {
    /// Whether an event may have to be changed: one look at its headers tells it of most.
    fn concerns(&self, event: &Event) -> bool {
        self.mode.is_some()
            || event.headers.iter().any(|header| self.is_foreign(header, event))
            || (self.binding.has_headers_of_types() && event.attributes.contains_key("content_type"))
    }

    /// Whether a header says that the event has the form of another binding.
    fn is_foreign(&self, header: &Header, event: &Event) -> bool {
        let name = header.name.as_str();
        let at = name.len().wrapping_sub(VERSION.len());
        match name.split_at_checked(at) {
            Some((prefix, rest)) if rest.eq_ignore_ascii_case(VERSION) => !self.is_own(prefix, event),
            _ => !self.binding.has_headers_of_types() && says_structured(header),
        }
    }

    /// Whether attributes marked like this, and the content type of the data, stand where the target wants them.
    fn is_own(&self, prefix: &str, event: &Event) -> bool {
        let is_marked = |own: &&str| without_prefix(prefix, own) == Some("");
        let in_place = !self.binding.has_headers_of_types() || !event.attributes.contains_key("content_type");
        let as_written = !self.binding.encodes || !is_decoded(event);
        self.binding.prefixes.iter().any(is_marked) && in_place && as_written
    }

    /// How attributes are marked that stand as the target wants them, where it has all that must be there.
    fn own_mark(&self, event: &Event) -> Option<&'static str> {
        let has = |prefix: &str, name: &str| {
            let mut names = event.headers.iter().filter_map(|header| without_prefix(&header.name, prefix));
            names.any(|found| found.eq_ignore_ascii_case(name))
        };
        let mut own = self.binding.prefixes.iter().copied();
        own.find(|prefix| REQUIRED.iter().all(|name| has(prefix, name)))
    }

    /// The event in the form the target has; none where it has it already, or is no CloudEvent.
    fn translated(&self, event: &Event) -> Option<Event> {
        let form = match form(event)? {
            Form::Binary(found) => Form::Binary(self.own_mark(event).unwrap_or(found)),
            Form::Structured => Form::Structured,
        };
        let as_it_is = match form {
            Form::Binary(_) => ContentMode::Binary,
            Form::Structured => ContentMode::Structured,
        };
        let mode = if self.binding.has_binary_mode() {
            self.mode.unwrap_or(as_it_is)
        } else {
            ContentMode::Structured
        };
        match (form, mode) {
            (Form::Binary(prefix), ContentMode::Binary) if self.is_own(prefix, event) => None,
            (_, ContentMode::Binary) => self.binary(event, form),
            (Form::Structured, ContentMode::Structured) => self.still_structured(event),
            (Form::Binary(_), ContentMode::Structured) => self.structured(event, form),
        }
    }

    /// Binary mode, section 3.1 of the bindings (3.2 of that for Kafka). Where a header that is no attribute would be taken for
    /// one, the event is structured.
    fn binary(&self, event: &Event, form: Form) -> Option<Event> {
        let (mut found, others) = carried(event, form).ok()?;
        let mut made = self.without_headers(event, &mut found);
        let written = found.take_content_type(Some(form));
        made.payload = found.data.take();
        if self.binding.binary_type == ContentTypeIn::Attributes {
            found.attributes.extend(written.clone().map(|text| ("datacontenttype".to_owned(), text.into())));
        }
        if others.iter().any(|header| self.would_be_taken(header, &found)) {
            return match form {
                Form::Binary(_) => self.structured(event, form),
                Form::Structured => self.still_structured(event),
            };
        }
        made.headers.extend(found.attributes.iter().map(|(name, value)| self.header(name, value)));
        self.binding.binary_type.put(&mut made, written);
        made.headers.extend(others.into_iter().cloned());
        Some(made)
    }

    /// Structured mode, section 3.2 of the bindings (3.3 of that for Kafka).
    fn structured(&self, event: &Event, form: Form) -> Option<Event> {
        let (mut found, others) = carried(event, form).ok()?;
        let mut made = self.without_headers(event, &mut found);
        made.payload = Some(found.to_json().into());
        self.binding.structured_type.put(&mut made, Some(STRUCTURED_TYPE.to_owned()));
        made.headers.extend(others.into_iter().cloned());
        Some(made)
    }

    /// An event that is structured keeps its payload byte for byte; its content type goes where the target has it.
    fn still_structured(&self, event: &Event) -> Option<Event> {
        let in_header = event.headers.iter().any(is_content_type);
        let in_place = match self.binding.structured_type {
            ContentTypeIn::Header(_) => in_header,
            ContentTypeIn::Property => !in_header && event.attributes.contains_key("content_type"),
            ContentTypeIn::Attributes | ContentTypeIn::Nowhere => !in_header,
        };
        if in_place {
            return None;
        }
        let written = content_type(event).unwrap_or(STRUCTURED_TYPE).to_owned();
        let mut made = event.clone();
        made.headers.retain(|header| !is_content_type(header));
        self.binding.structured_type.put(&mut made, Some(written));
        Some(made)
    }

    /// The event without headers. Its key is an attribute where the system has no keys, and the attribute its key where it has
    /// (section 3.1 of the binding for Kafka).
    fn without_headers(&self, event: &Event, found: &mut CloudEvent) -> Event {
        let key = if self.keys {
            event.key.clone().or_else(|| found.key())
        } else {
            found.add_key(event.key.as_ref());
            None
        };
        Event {
            channel: event.channel.clone(),
            key,
            payload: None,
            headers: Vec::with_capacity(found.attributes.len() + 1),
            received: event.received,
            broker_time: event.broker_time,
            place: event.place.clone(),
            attributes: event.attributes.clone(),
        }
    }

    /// The header of an attribute.
    fn header(&self, name: &str, value: &Value) -> Header {
        let prefix = self.binding.prefixes.first().copied().unwrap_or_default();
        let text = text_of(value);
        let text = if self.binding.encodes { header_value::encode(&text) } else { text };
        Header::text(format!("{prefix}{name}"), text)
    }

    /// Whether a header that is no attribute would be one in the form of the target.
    fn would_be_taken(&self, header: &Header, found: &CloudEvent) -> bool {
        let is_taken = |name: &str, prefix: &str| {
            !prefix.is_empty()
                || is_well_known(&name.to_ascii_lowercase())
                || found.attributes.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let names =
            self.binding.prefixes.iter().map(|prefix| (without_prefix(&header.name, prefix), *prefix));
        names.into_iter().any(|(name, prefix)| name.is_some_and(|name| is_taken(name, prefix)))
    }
}
