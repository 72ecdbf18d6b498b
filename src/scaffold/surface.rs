//! What of a contract others can see: operations, messages and fields; and what changed between two of them.
//!
//! It is kept beside the pristine texts of a project, so that a sync can say what a new contract changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::types::{Shape, Type, Types};

/// Most fields one message is looked at for.
const MAX_FIELDS: usize = 2_000;

/// The contract of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surface {
    /// Its operations, in order of writing.
    pub operations: Vec<OperationSurface>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationSurface {
    /// Its identifier.
    pub id: String,
    /// `receive` or `send`.
    pub action: String,
    /// Where its events are.
    pub address: String,
    /// Its messages.
    pub messages: Vec<MessageSurface>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSurface {
    /// Its name.
    pub name: String,
    /// Fields by path, such as `lines[].sku`.
    pub fields: BTreeMap<String, FieldSurface>,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldSurface {
    /// What it holds, in words.
    pub kind: String,
    /// Whether it must be there.
    pub required: bool,
    /// The texts it may be, when the contract lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// One difference between two contracts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `added`, `removed` or `changed`.
    pub kind: ChangeKind,
    /// What, in words.
    pub what: String,
    /// Whether those on the other side, or events under way, no longer fit.
    pub breaking: bool,
}

/// How a thing differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

/// The fields of a message, by path.
#[must_use]
pub fn fields_of(types: &Types<'_>, kind: &Type) -> BTreeMap<String, FieldSurface> {
    let mut walk = Walk { types, open: Vec::new(), fields: BTreeMap::new() };
    walk.kind(kind, "", true);
    walk.fields
}

struct Walk<'a, 'b> {
    types: &'a Types<'b>,
    open: Vec<usize>,
    fields: BTreeMap<String, FieldSurface>,
}

impl Walk<'_, '_> {
    fn kind(&mut self, kind: &Type, path: &str, required: bool) {
        match kind {
            Type::Option(inner) => self.kind(inner, path, required),
            Type::List(item) => {
                self.take(path, "list", required, &[]);
                self.kind(item, &format!("{path}[]"), true);
            }
            Type::Map(value) => {
                self.take(path, "map", required, &[]);
                self.kind(value, &format!("{path}.*"), true);
            }
            Type::Named(index) => self.named(*index, path, required),
            Type::String(format) => self.take(path, format.as_deref().unwrap_or("text"), required, &[]),
            Type::Integer => self.take(path, "whole number", required, &[]),
            Type::Number => self.take(path, "number", required, &[]),
            Type::Bool => self.take(path, "true or false", required, &[]),
            Type::Any => self.take(path, "anything", required, &[]),
        }
    }

    fn named(&mut self, index: usize, path: &str, required: bool) {
        let Some(definition) = self.types.get(index).filter(|_| !self.open.contains(&index)) else {
            return self.take(path, "the same again", required, &[]);
        };
        self.open.push(index);
        match &definition.shape {
            Shape::Enum(variants) => {
                let values: Vec<String> = variants.iter().map(|(_, wire)| wire.clone()).collect();
                self.take(path, "one of several texts", required, &values);
            }
            Shape::Union(variants) => {
                self.take(path, "one of several types", required, &[]);
                for (at, (_, kind)) in variants.iter().enumerate() {
                    self.kind(kind, &format!("{path}|{}", at + 1), true);
                }
            }
            Shape::Struct { fields, .. } => {
                self.take(path, "object", required, &[]);
                for field in fields {
                    let joint = if path.is_empty() { "" } else { "." };
                    self.kind(&field.kind, &format!("{path}{joint}{}", field.wire), field.required);
                }
            }
        }
        self.open.pop();
    }

    fn take(&mut self, path: &str, kind: &str, required: bool, values: &[String]) {
        if self.fields.len() < MAX_FIELDS {
            let field = FieldSurface { kind: kind.to_owned(), required, values: values.to_vec() };
            self.fields.insert(path.to_owned(), field);
        }
    }
}

/// What changed, removed things first, in order of writing.
#[must_use]
pub fn changes(before: &Surface, after: &Surface) -> Vec<Change> {
    let mut changes = Vec::new();
    let find = |surface: &Surface, id: &str| surface.operations.iter().find(|one| one.id == id).cloned();
    for old in &before.operations {
        match find(after, &old.id) {
            None => changes.push(change(ChangeKind::Removed, operation(old), true)),
            Some(new) => operation_changes(&mut changes, old, &new),
        }
    }
    let new = after.operations.iter().filter(|new| find(before, &new.id).is_none());
    changes.extend(new.map(|new| change(ChangeKind::Added, operation(new), false)));
    changes
}

fn operation(operation: &OperationSurface) -> String {
    format!("operation `{}` ({}s `{}`)", operation.id, operation.action, operation.address)
}

fn change(kind: ChangeKind, what: String, breaking: bool) -> Change {
    Change { kind, what, breaking }
}

fn operation_changes(changes: &mut Vec<Change>, old: &OperationSurface, new: &OperationSurface) {
    let name = format!("operation `{}`", old.id);
    if old.action != new.action {
        let what = format!("{name} {}s what it used to {}", new.action, old.action);
        changes.push(change(ChangeKind::Changed, what, true));
    }
    if old.address != new.address {
        let what = format!("{name} is at `{}`, no longer at `{}`", new.address, old.address);
        changes.push(change(ChangeKind::Changed, what, true));
    }
    let find =
        |messages: &[MessageSurface], name: &str| messages.iter().find(|one| one.name == name).cloned();
    for message in &old.messages {
        match find(&new.messages, &message.name) {
            None => {
                let what = format!("message `{}` of {name}", message.name);
                changes.push(change(ChangeKind::Removed, what, true));
            }
            Some(other) => field_changes(changes, message, &other, new.action == "receive"),
        }
    }
    for message in new.messages.iter().filter(|one| find(&old.messages, &one.name).is_none()) {
        let what = format!("message `{}` of {name}", message.name);
        changes.push(change(ChangeKind::Added, what, false));
    }
}

/// Events that are received may come from those who do not know the new contract yet, events that are sent may reach them.
fn field_changes(changes: &mut Vec<Change>, old: &MessageSurface, new: &MessageSurface, received: bool) {
    let name = |path: &str| {
        let what = if path.is_empty() { "the payload".to_owned() } else { format!("field `{path}`") };
        format!("{what} of `{}`", old.name)
    };
    for (path, field) in &old.fields {
        let Some(other) = new.fields.get(path) else {
            changes.push(change(ChangeKind::Removed, name(path), field.required));
            continue;
        };
        let mut tell = |what: &str, breaking| {
            changes.push(change(ChangeKind::Changed, format!("{} {what}", name(path)), breaking));
        };
        if field.kind != other.kind {
            tell(&format!("is {}, no longer {}", other.kind, field.kind), true);
        }
        match (field.required, other.required) {
            (true, false) => tell("may be left out", !received),
            (false, true) => tell("must be there", received),
            _ => {}
        }
        let missing = |from: &[String], to: &[String]| -> Vec<String> {
            from.iter().filter(|value| !to.contains(value)).map(|value| format!("`{value}`")).collect()
        };
        let (gone, more) = (missing(&field.values, &other.values), missing(&other.values, &field.values));
        if field.kind == other.kind && !gone.is_empty() {
            tell(&format!("is never {} any more", gone.join(", ")), received);
        }
        if field.kind == other.kind && !more.is_empty() {
            tell(&format!("may be {} too", more.join(", ")), !received);
        }
    }
    for (path, field) in new.fields.iter().filter(|(path, _)| !old.fields.contains_key(*path)) {
        changes.push(change(ChangeKind::Added, name(path), field.required && received));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(action: &str, address: &str, fields: &[(&str, &str, bool)]) -> Surface {
        let fields = fields.iter().map(|(path, kind, required)| {
            let field = FieldSurface { kind: (*kind).to_owned(), required: *required, values: Vec::new() };
            ((*path).to_owned(), field)
        });
        let message = MessageSurface { name: "M".to_owned(), fields: fields.collect() };
        let operation = OperationSurface {
            id: "o".to_owned(),
            action: action.to_owned(),
            address: address.to_owned(),
            messages: vec![message],
        };
        Surface { operations: vec![operation] }
    }

    fn said(before: &Surface, after: &Surface) -> Vec<String> {
        let mark = |change: &Change| if change.breaking { "!" } else { "" };
        changes(before, after).iter().map(|change| format!("{}{}", mark(change), change.what)).collect()
    }

    #[test]
    fn operations_come_and_go() {
        let none = Surface::default();
        let one = surface("receive", "a", &[]);
        assert_eq!(said(&one, &none), ["!operation `o` (receives `a`)"]);
        assert_eq!(said(&none, &one), ["operation `o` (receives `a`)"]);
        assert_eq!(said(&one, &surface("receive", "b", &[])), ["!operation `o` is at `b`, no longer at `a`"]);
        assert!(said(&one, &one).is_empty());
    }

    #[test]
    fn what_breaks_depends_on_who_sends() {
        let with = |action, required| surface(action, "a", &[("f", "text", required)]);
        assert_eq!(
            said(&with("receive", false), &with("receive", true)),
            ["!field `f` of `M` must be there"]
        );
        assert_eq!(said(&with("send", false), &with("send", true)), ["field `f` of `M` must be there"]);
        assert_eq!(said(&with("send", true), &with("send", false)), ["!field `f` of `M` may be left out"]);
        let without = |action| surface(action, "a", &[]);
        assert_eq!(said(&without("receive"), &with("receive", true)), ["!field `f` of `M`"]);
        assert_eq!(said(&without("send"), &with("send", true)), ["field `f` of `M`"]);
        assert_eq!(said(&with("send", true), &without("send")), ["!field `f` of `M`"]);
        assert_eq!(said(&with("send", false), &without("send")), ["field `f` of `M`"]);
    }
}
