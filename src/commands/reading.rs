//! Events as people read them: keys and payloads by the schemas they name or bring, whatever they are packed into.

use std::sync::Arc;

use bytes::Bytes;

use crate::event::Event;
use crate::event::coding::{self, UNPACKED};
use crate::registry::{Decoded, Registry, RegistryErrorKind, Undecodable};
use crate::schema::avro::container;

/// What payloads are read by.
#[derive(Clone, Default)]
pub struct Reading {
    registry: Option<Arc<Registry>>,
}

/// An event read, and what of it could not be.
pub struct Read {
    /// The event with key and payload as they are read; what cannot be read is as it came.
    pub event: Event,
    /// Why some part of it is not read.
    pub notes: Vec<String>,
}

impl Reading {
    /// Reads by the schemas of a registry, where there is one, and by those that payloads bring with them.
    #[must_use]
    pub fn new(registry: Option<Arc<Registry>>) -> Self {
        Self { registry }
    }

    /// The event as it is read; nothing when it is read as it came.
    #[must_use]
    pub fn read(&self, event: &Event) -> Option<Read> {
        let unpacked = coding::unpacked(event);
        let plain = unpacked.as_ref().unwrap_or(event);
        let mut read = Read { event: event.clone(), notes: Vec::new() };
        let mut is_changed = self.key(event, &mut read);
        is_changed |= match self.registry.as_ref().and_then(|registry| registry.payload(plain)) {
            Some(found) => registered(plain, found, &mut read),
            None => contained(plain, &mut read),
        };
        is_changed.then_some(read)
    }

    fn key(&self, event: &Event, read: &mut Read) -> bool {
        match self.registry.as_ref().and_then(|registry| registry.key(event)) {
            None => false,
            // A key of numbers may begin with a zero all the same.
            Some(Err(Undecodable::Schema(error))) if error.kind == RegistryErrorKind::NotFound => false,
            Some(Ok(Decoded { schema, json })) => {
                read.event.key = Some(json.into());
                let name = schema.name(&event.channel);
                read.event.attributes.insert("key_schema".to_owned(), name.into());
                true
            }
            Some(Err(why)) => {
                read.notes.push(format!("the key is not decoded: {}", why.reason(&event.channel)));
                true
            }
        }
    }
}

fn registered(plain: &Event, found: Result<Decoded, Undecodable>, read: &mut Read) -> bool {
    match found {
        Ok(Decoded { schema, json }) => show(plain, json.into(), &schema.name(&plain.channel), read),
        Err(why) => read.notes.push(format!("the payload is not decoded: {}", why.reason(&plain.channel))),
    }
    true
}

/// Reads a payload that is a container of Avro.
fn contained(plain: &Event, read: &mut Read) -> bool {
    let Some(found) = plain.payload.as_deref().and_then(container::read) else {
        return false;
    };
    match found {
        Ok(container) => {
            let schema = container.schema.clone();
            show(plain, container.into_json().into(), &schema, read);
            read.event.attributes.insert("container".to_owned(), "avro".into());
        }
        Err(reason) => {
            read.notes.push(format!("the payload is not decoded: it is an Avro container, and {reason}"));
        }
    }
    true
}

fn show(plain: &Event, json: Bytes, schema: &str, read: &mut Read) {
    read.event.payload = Some(json);
    if let Some(coding) = plain.attributes.get(UNPACKED) {
        read.event.attributes.insert(UNPACKED.to_owned(), coding.clone());
    }
    read.event.attributes.insert("schema".to_owned(), schema.into());
}
