//! What has to be put into an AsyncAPI document for a new channel or operation, as entries of its mappings.

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::insert::Entry;
use crate::contract::{Action, DocumentKind};
use crate::source_text::tree::pointer_push;

/// Why something cannot be added.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AddError {
    /// It is there.
    #[error("{0} is there already")]
    Taken(String),
    /// A channel has no address to derive another one from.
    #[error("the channel `{0}` has no address of its own")]
    NoAddress(String),
    /// No such channel.
    #[error("there is no channel `{name}`")]
    NoChannel {
        /// The name given.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// Only AsyncAPI documents have channels.
    #[error("it is no AsyncAPI document")]
    NotAsyncApi,
    /// In 2.x a channel has one operation of each direction.
    #[error(
        "the channel `{channel}` has an operation of this direction, `{operation}`; AsyncAPI 2 allows one"
    )]
    OnePerDirection {
        /// The channel.
        channel: String,
        /// The operation that is there.
        operation: String,
    },
}

/// A message of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Its name in `components`.
    pub name: String,
    /// The schema of its payload, when the message is new.
    pub payload: Option<Value>,
}

/// A channel to add.
#[derive(Clone, Debug, PartialEq)]
pub struct NewChannel {
    /// Its key; in 2.x the address.
    pub name: String,
    /// Its address, when it is not the key.
    pub address: Option<String>,
    /// What it carries.
    pub message: Option<NewMessage>,
}

/// An operation to add.
#[derive(Clone, Debug, PartialEq)]
pub struct NewOperation {
    /// Its identifier.
    pub id: String,
    /// Its direction, as the application sees it.
    pub action: Action,
    /// Its channel, which is made when it is not there.
    pub channel: NewChannel,
}

/// A document that is added to: what it means, and its version.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The whole document.
    pub root: &'a Value,
    /// Its kind.
    pub kind: &'a DocumentKind,
}

impl Target<'_> {
    fn is_v2(&self) -> Result<bool, AddError> {
        match self.kind {
            DocumentKind::AsyncApi2(_) => Ok(true),
            DocumentKind::AsyncApi3(_) => Ok(false),
            _ => Err(AddError::NotAsyncApi),
        }
    }

    fn has(&self, mapping: &str, key: &str) -> bool {
        self.root.pointer(&pointer_push(mapping, key)).is_some()
    }

    /// Entries for a channel.
    ///
    /// # Errors
    /// When it is there, or the document has no channels.
    pub fn channel(&self, channel: &NewChannel) -> Result<Vec<Entry>, AddError> {
        let is_v2 = self.is_v2()?;
        let key = if is_v2 { channel.address.as_ref().unwrap_or(&channel.name) } else { &channel.name };
        if self.has("/channels", key) {
            return Err(AddError::Taken(format!("the channel `{key}`")));
        }
        let mut value = Map::new();
        let mut entries = Vec::new();
        if !is_v2 {
            let address = channel.address.as_ref().unwrap_or(&channel.name);
            value.insert("address".to_owned(), address.as_str().into());
        }
        let address = channel.address.as_ref().unwrap_or(&channel.name);
        let parameters = parameters(address, is_v2);
        if !parameters.is_empty() {
            value.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(message) = &channel.message {
            if !is_v2 {
                let messages = json!({ &message.name: component(&message.name) });
                value.insert("messages".to_owned(), messages);
            }
            entries.extend(self.message(message)?);
        }
        entries.insert(0, entry("/channels", key, value.into()));
        Ok(entries)
    }

    /// Entries for an operation, and for its channel when that is not there.
    ///
    /// # Errors
    /// When it is there, or its channel has no room for it.
    pub fn operation(&self, operation: &NewOperation) -> Result<Vec<Entry>, AddError> {
        if self.is_v2()? { self.operation_v2(operation) } else { self.operation_v3(operation) }
    }

    fn operation_v3(&self, operation: &NewOperation) -> Result<Vec<Entry>, AddError> {
        let NewOperation { id, action, channel } = operation;
        if self.has("/operations", id) {
            return Err(AddError::Taken(format!("the operation `{id}`")));
        }
        let place = pointer_push("/channels", &channel.name);
        let mut entries = Vec::new();
        if self.root.pointer(&place).is_none() {
            entries.extend(self.channel(channel)?);
        } else if let Some(message) = &channel.message {
            let messages = format!("{place}/messages");
            if !self.has(&messages, &message.name) {
                entries.push(entry(&messages, &message.name, component(&message.name)));
            }
            entries.extend(self.message(message)?);
        }
        let mut value = Map::new();
        let word = if *action == Action::Receive { "receive" } else { "send" };
        value.insert("action".to_owned(), word.into());
        value.insert("channel".to_owned(), json!({ "$ref": format!("#{place}") }));
        if let Some(message) = &channel.message {
            let target = pointer_push(&format!("#{place}/messages"), &message.name);
            value.insert("messages".to_owned(), json!([{ "$ref": target }]));
        }
        entries.push(entry("/operations", id, value.into()));
        Ok(entries)
    }

    /// In 2.x `publish` means that the application receives.
    fn operation_v2(&self, operation: &NewOperation) -> Result<Vec<Entry>, AddError> {
        let NewOperation { id, action, channel } = operation;
        let ids = self.root.pointer("/channels").and_then(Value::as_object).into_iter().flatten();
        let mut ids =
            ids.flat_map(|(_, channel)| ["publish", "subscribe"].map(|word| &channel[word]["operationId"]));
        if ids.any(|taken| taken.as_str() == Some(id)) {
            return Err(AddError::Taken(format!("the operation `{id}`")));
        }
        let word = if *action == Action::Receive { "publish" } else { "subscribe" };
        let key = channel.address.as_ref().unwrap_or(&channel.name);
        let place = pointer_push("/channels", key);
        let mut entries = Vec::new();
        match self.root.pointer(&place) {
            None => entries.extend(self.channel(&NewChannel { message: None, ..channel.clone() })?),
            Some(there) if there.get(word).is_some() => {
                let operation = there[word]["operationId"].as_str().unwrap_or(word).to_owned();
                return Err(AddError::OnePerDirection { channel: key.clone(), operation });
            }
            Some(_) => {}
        }
        let mut value = Map::from_iter([("operationId".to_owned(), Value::from(id.as_str()))]);
        if let Some(message) = &channel.message {
            value.insert("message".to_owned(), component(&message.name));
            entries.extend(self.message(message)?);
        }
        entries.push(entry(&place, word, value.into()));
        Ok(entries)
    }

    /// The entry for a message of `components`; one that is there is used as it is.
    fn message(&self, message: &NewMessage) -> Result<Option<Entry>, AddError> {
        let is_there = self.has("/components/messages", &message.name);
        match (&message.payload, is_there) {
            (Some(_), true) => Err(AddError::Taken(format!("the message `{}`", message.name))),
            (None, true) => Ok(None),
            (payload, false) => {
                let payload = payload.clone().unwrap_or_else(|| json!({ "type": "object" }));
                let value = json!({ "contentType": "application/json", "payload": payload });
                Ok(Some(entry("/components/messages", &message.name, value)))
            }
        }
    }

    /// The channel that dead letters of a channel go to: the same messages at an address beside.
    ///
    /// # Errors
    /// When the channel is not there, or it has such a channel already.
    pub fn dead_letter(&self, channel: &str, suffix: &str) -> Result<Vec<Entry>, AddError> {
        let is_v2 = self.is_v2()?;
        let place = pointer_push("/channels", channel);
        let Some(there) = self.root.pointer(&place) else {
            let known = self.root.pointer("/channels").and_then(Value::as_object);
            let known = known.map(|channels| channels.keys().cloned().collect()).unwrap_or_default();
            return Err(AddError::NoChannel { name: channel.to_owned(), known });
        };
        let address = if is_v2 { Some(channel) } else { there["address"].as_str() };
        let address = address.ok_or_else(|| AddError::NoAddress(channel.to_owned()))?;
        let address = format!("{address}{suffix}");
        let key = if is_v2 { address.clone() } else { format!("{channel}DeadLetter") };
        if self.has("/channels", &key) {
            return Err(AddError::Taken(format!("the channel `{key}`")));
        }
        let mut value = Map::new();
        if !is_v2 {
            value.insert("address".to_owned(), address.into());
        }
        let words =
            format!("Events of `{channel}` that could not be handled, unchanged, with headers that say why.");
        value.insert("description".to_owned(), words.into());
        if let Some(same) = there.get("parameters") {
            value.insert("parameters".to_owned(), same.clone());
        }
        if let Some(messages) = there["messages"].as_object().filter(|_| !is_v2) {
            let place = format!("#{place}/messages");
            let same = |name: &str, message: &Value| match message.get("$ref") {
                Some(_) => message.clone(),
                None => json!({ "$ref": pointer_push(&place, name) }),
            };
            let messages: Map<String, Value> =
                messages.iter().map(|(name, message)| (name.clone(), same(name, message))).collect();
            value.insert("messages".to_owned(), messages.into());
        }
        Ok(vec![entry("/channels", &key, value.into())])
    }
}

fn entry(mapping: &str, key: &str, value: Value) -> Entry {
    Entry { mapping: mapping.to_owned(), key: key.to_owned(), value }
}

fn component(name: &str) -> Value {
    json!({ "$ref": pointer_push("#/components/messages", name) })
}

/// What stands in braces in an address; 2.x wants a schema for each.
fn parameters(address: &str, is_v2: bool) -> Map<String, Value> {
    let names = address.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    let value = || if is_v2 { json!({ "schema": { "type": "string" } }) } else { json!({}) };
    names.map(|name| (name.to_owned(), value())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::insert::insert_all;
    use super::*;
    use crate::contract::load_text;
    use crate::source_text::Limits;

    const V3: &str = "asyncapi: 3.0.0\ninfo: { title: A, version: 1.0.0 }\nchannels:\n  # the first\n  a:\n    \
                      address: a.b\n    messages:\n      M: { payload: { type: object } }\n";
    const V2: &str = "asyncapi: 2.6.0\ninfo: { title: A, version: 1.0.0 }\nchannels:\n  a.b:\n    publish:\n      operationId: onA\n      message: { payload: { type: object } }\n";

    fn added(
        text: &str,
        make: impl FnOnce(Target<'_>) -> Result<Vec<Entry>, AddError>,
    ) -> Result<Vec<String>, AddError> {
        let loaded = load_text("x.yaml", text, &Limits::default());
        let document = &loaded.contract.documents[0];
        let root = document.root.to_json();
        let entries = make(Target { root: &root, kind: &document.kind })?;
        let new = insert_all(text, &entries).expect("put in");
        let loaded = load_text("x.yaml", new.as_str(), &Limits::default());
        assert!(loaded.diagnostics.is_empty(), "{:?}\n{new}", loaded.diagnostics);
        let document = &loaded.contract.documents[0];
        let address = |operation: &crate::contract::Operation| {
            document.channels[operation.channel.0].address.clone().unwrap_or_default()
        };
        let operations = document.operations.iter();
        let said = operations.map(|one| format!("{:?} {} {}", one.action, one.id, address(one)));
        Ok(said.chain(document.messages.iter().map(|message| message.name.clone())).collect())
    }

    fn operation(id: &str, channel: &str, message: Option<&str>) -> NewOperation {
        let message = message.map(|name| NewMessage { name: name.to_owned(), payload: None });
        let channel = NewChannel { name: channel.to_owned(), address: None, message };
        NewOperation { id: id.to_owned(), action: Action::Receive, channel }
    }

    #[test]
    fn operations_on_channels_old_and_new() {
        let said = added(V3, |to| to.operation(&operation("onA", "a", None))).expect("added");
        assert_eq!(said, ["Receive onA a.b", "M"]);
        let said = added(V3, |to| to.operation(&operation("onC", "c/{d}", Some("N")))).expect("added");
        assert_eq!(said, ["Receive onC c/{d}", "M", "N"]);
        let said = added(V2, |to| to.operation(&operation("onC", "c.{d}", Some("N")))).expect("added");
        assert!(said.contains(&"Receive onC c.{d}".to_owned()), "{said:?}");
    }

    #[test]
    fn what_is_there_is_refused() {
        let error = added(V2, |to| to.operation(&operation("onB", "a.b", None))).expect_err("refused");
        assert!(error.to_string().contains("`onA`"), "{error}");
        assert!(added(V2, |to| to.operation(&operation("onA", "c", None))).is_err());
        let channel = NewChannel { name: "a".to_owned(), address: None, message: None };
        assert_eq!(added(V3, |to| to.channel(&channel)), Err(AddError::Taken("the channel `a`".to_owned())));
        assert!(matches!(added(V3, |to| to.dead_letter("x", ".dead")), Err(AddError::NoChannel { .. })));
    }

    #[test]
    fn dead_letters_have_a_channel_beside_their_own() {
        for (text, channel) in [(V3, "a"), (V2, "a.b")] {
            assert!(added(text, |to| to.dead_letter(channel, ".dead-letter")).is_ok(), "{text}");
        }
    }
}
