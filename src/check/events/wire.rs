//! Events in the wire format of schema registries: which message they are, by their contract or by the registry.

use std::collections::BTreeMap;

use super::stream::meant;
use super::{EventChecker, EventMessage, EventPart, EventVerdict, Language, Unassigned, choose};
use crate::contract::Message;
use crate::event::{Event, coding};
use crate::registry::frame::{indexes, split};
use crate::registry::{RegistryErrorKind, Undecodable, names_schema_in_header};
use crate::schema::PayloadSchema;

/// The keyword that says which schema of a registry a message has.
const KEYWORD: &str = "x-eddy-schema-id";

/// The number of a message's schema.
pub(super) fn declared_id(message: &Message) -> Option<u32> {
    u32::try_from(message.node.get(KEYWORD)?.to_json().as_u64()?).ok()
}

/// Bytes of the frame in front of a payload of this schema, if it may begin with one.
pub(super) fn frame_of(payload: &[u8], schema: &PayloadSchema) -> Option<usize> {
    let (_, start) = split(payload)?;
    if !is_protobuf(schema) {
        return Some(start);
    }
    indexes(&payload[start..]).map(|(_, length)| start + length)
}

#[cfg(feature = "protobuf")]
fn is_protobuf(schema: &PayloadSchema) -> bool {
    matches!(schema, PayloadSchema::Protobuf(_))
}

#[cfg(not(feature = "protobuf"))]
fn is_protobuf(_: &PayloadSchema) -> bool {
    false
}

/// Why the indexes do not lead to the message of a schema.
#[cfg(feature = "protobuf")]
fn leads_elsewhere(indexes: &[usize], schema: &PayloadSchema) -> Option<String> {
    let PayloadSchema::Protobuf(schema) = schema else { return None };
    let name = schema.message_name();
    match schema.message_at(indexes) {
        Some(found) if found == name => None,
        Some(found) => Some(format!("the message indexes lead to `{found}`, and the contract has `{name}`")),
        None => Some(format!("the message indexes {indexes:?} lead to no message of the schema of `{name}`")),
    }
}

#[cfg(not(feature = "protobuf"))]
fn leads_elsewhere(_: &[usize], _: &PayloadSchema) -> Option<String> {
    None
}

impl EventChecker {
    /// Checks one event by the schema id its payload begins with, else as [`Self::check`] does. `ids` names messages
    /// by id and outranks what the contract says.
    #[must_use]
    pub fn check_with_ids(&self, event: &Event, ids: &BTreeMap<u32, String>) -> EventVerdict {
        let unpacked = coding::unpacked(event);
        let event = unpacked.as_ref().unwrap_or(event);
        if self.registry.is_some() && names_schema_in_header(event) {
            return self.registered(event, None);
        }
        let Some((id, start)) = event.payload.as_ref().and_then(|payload| split(payload)) else {
            return self.check(event);
        };
        let named = ids.get(&id).and_then(|name| self.message(name));
        let declared =
            || self.messages.iter().find(|message| message.schema_id == Some(id)).map(|found| &**found);
        match named.or_else(declared) {
            Some(message) => self.framed(event, message, start),
            None if self.registry.is_some() => self.registered(event, None),
            None if self.must_be_framed(event, ids) => {
                let known = self.messages.iter().filter_map(|message| message.schema_id);
                let known: Vec<String> = known.chain(ids.keys().copied()).map(|id| id.to_string()).collect();
                let known = if known.is_empty() {
                    String::new()
                } else {
                    format!("; known are {}", known.join(", "))
                };
                let help = format!(
                    "say which message it is: `--schema-id {id}=NAME` or `{KEYWORD}: {id}` on the message{known}"
                );
                unassigned("ED5005", format!("no message has the schema id {id}"), Some(help))
            }
            None => self.check(event),
        }
    }

    /// Checks an event by the schema the registry has for it, and what it then says as the message it is by its channel, or
    /// as the one named. A payload the registry knows nothing of may be one without a frame.
    fn registered(&self, event: &Event, named: Option<&EventMessage>) -> EventVerdict {
        let as_it_is = || named.map_or_else(|| self.check(event), |message| message.check(event));
        let Some(decoded) = self.registry.as_ref().and_then(|registry| registry.payload(event)) else {
            return as_it_is();
        };
        let address = self.find(&event.channel);
        let channel = address.map(|address| address.written.clone());
        let channel = channel.or_else(|| event.channel.is_empty().then(String::new));
        match decoded {
            Ok(decoded) => {
                let mut verdict = match (named, address) {
                    (Some(message), _) => message.check_decoded(event, &decoded.json),
                    (None, Some(address)) => choose(&address.messages, event, Some(&decoded.json)),
                    (None, None) => EventVerdict {
                        message: Some(decoded.schema.name(&event.channel)),
                        ..EventVerdict::default()
                    },
                };
                verdict.channel = channel;
                verdict
            }
            Err(Undecodable::Payload(schema, found)) => {
                let violations = found.into_iter().map(|violation| (EventPart::Payload, violation)).collect();
                let message = Some(schema.name(&event.channel));
                // It does not fit, whatever the channel: that comes first.
                let channel = channel.or_else(|| Some(event.channel.to_string()));
                EventVerdict { channel, message, violations, ..EventVerdict::default() }
            }
            Err(Undecodable::Schema(error)) => {
                let verdict = as_it_is();
                let fits = error.kind == RegistryErrorKind::NotFound
                    && verdict.is_valid()
                    && verdict.unchecked.is_none();
                if fits { verdict } else { unassigned("ED5005", error.message, Some(error.help)) }
            }
        }
    }

    /// Whether a payload that begins with a zero can be nothing but framed: ids are in use, or all its messages are text.
    fn must_be_framed(&self, event: &Event, ids: &BTreeMap<u32, String>) -> bool {
        let messages = self.messages(&event.channel);
        let is_text =
            |message: &&EventMessage| matches!(message.payload, Language::Json(_) | Language::Text(_));
        !ids.is_empty()
            || self.messages.iter().any(|message| message.schema_id.is_some())
            || (!messages.is_empty()
                && messages.iter().map(|message| &**message).all(|message| is_text(&message)))
    }

    fn framed(&self, event: &Event, message: &EventMessage, mut start: usize) -> EventVerdict {
        if let Language::Encoded(schema, _) = &message.payload
            && is_protobuf(schema)
        {
            let rest = event.payload.as_deref().and_then(|payload| payload.get(start..));
            let Some((indexes, length)) = indexes(rest.unwrap_or_default()) else {
                let reason = "the message indexes after the schema id are cut off or no numbers".to_owned();
                return unassigned("ED5006", reason, None);
            };
            if let Some(reason) = leads_elsewhere(&indexes, schema) {
                let help = "does the registry have the same text as the contract?".to_owned();
                return unassigned("ED5006", reason, Some(help));
            }
            start += length;
        }
        let mut verdict = message.check_from(event, Some(start));
        let channel = self.find(&event.channel).map(|address| address.written.clone());
        let is_known = channel.is_some() || event.channel.is_empty();
        verdict.channel = if is_known { channel.or_else(|| Some(String::new())) } else { None };
        verdict
    }

    /// The verdict of a message named for all events, behind the frame its payload begins with when that is one.
    pub(super) fn check_framed_as(
        &self,
        event: &Event,
        message: &EventMessage,
        ids: &BTreeMap<u32, String>,
    ) -> EventVerdict {
        let unpacked = coding::unpacked(event);
        let event = unpacked.as_ref().unwrap_or(event);
        let frame = event.payload.as_ref().and_then(|payload| split(payload));
        let in_header = self.registry.is_some() && names_schema_in_header(event);
        let is_its_id =
            |id| message.schema_id == Some(id) || ids.get(&id).is_some_and(|name| message.is_called(name));
        let mut verdict = match frame {
            _ if in_header => self.registered(event, Some(message)),
            Some((id, start)) if is_its_id(id) => self.framed(event, message, start),
            Some(_) if self.registry.is_some() => self.registered(event, Some(message)),
            Some((_, start)) if matches!(message.payload, Language::Json(_) | Language::Text(_)) => {
                self.framed(event, message, start)
            }
            _ => message.check(event),
        };
        verdict.channel = Some(event.channel.to_string());
        verdict
    }
}

fn unassigned(code: &'static str, reason: String, help: Option<String>) -> EventVerdict {
    EventVerdict { unassigned: Some(Unassigned { code, reason, help }), ..EventVerdict::default() }
}

/// Reads `7=OrderPlaced`.
///
/// # Errors
/// When it is something else, or the contract has no such message.
pub fn parse_schema_id(text: &str, checker: &EventChecker) -> Result<(u32, String), (String, String)> {
    let example = || "write it as `7=OrderPlaced`".to_owned();
    let (id, name) = text.split_once('=').ok_or_else(|| (format!("`{text}` has no `=`"), example()))?;
    let id = id.trim().parse().map_err(|_| (format!("`{id}` is no schema id"), example()))?;
    if checker.message(name).is_none() {
        let help = meant(name, checker.names()).unwrap_or_else(example);
        return Err((format!("the contract has no message `{name}`"), help));
    }
    Ok((id, name.to_owned()))
}
