//! What of a contract others can see: operations, messages and fields; and what changed between two of them.
//!
//! It is kept beside the pristine texts of a project, so that a sync can say what a new contract changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::surface_changes::{Effect, differences};
use super::surface_fields::kind;

/// The contract of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surface {
    /// How much of it is noted; see [`FORM`].
    #[serde(default)]
    pub form: u32,
    /// Its operations, in order of writing.
    pub operations: Vec<OperationSurface>,
}

/// What is noted today. Of the form 0 there is neither what may be null nor what is closed, numbers have no values, branches go by
/// their places, and what is in a list or a map counts as required.
pub const FORM: u32 = 1;

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
    /// Fields by path, such as `lines[].sku`; the payload itself has the empty one.
    pub fields: BTreeMap<String, FieldSurface>,
    /// SHA-256 of the whole schema, when it has more fields than are kept here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond: Option<String>,
}

/// One field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldSurface {
    /// What it holds, in words.
    pub kind: String,
    /// Whether it must be there, for what may be missing: a property of an object.
    pub required: bool,
    /// The values it may be, when the contract lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Whether it may be null.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
    /// Whether it is an object that has no fields but those listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
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

/// Changes found so far, each with the operation it was found in.
struct Found(Vec<(String, Change)>);

impl Found {
    fn add(&mut self, operation: &OperationSurface, kind: ChangeKind, what: String, breaking: bool) {
        self.0.push((operation.id.clone(), Change { kind, what, breaking }));
    }

    /// The changes; what is said of the messages of several operations names its operation.
    fn told(self) -> Vec<Change> {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, change) in &self.0 {
            *times.entry(&change.what).or_default() += 1;
        }
        let is_shared: Vec<bool> = self
            .0
            .iter()
            .map(|(_, change)| times.get(&*change.what).is_some_and(|count| *count > 1))
            .collect();
        let told = self.0.into_iter().zip(is_shared).map(|((operation, mut change), is_shared)| {
            if is_shared {
                change.what = format!("{}, in operation `{operation}`", change.what);
            }
            change
        });
        told.collect()
    }
}

/// What changed, removed things first, in order of writing.
#[must_use]
pub fn changes(before: &Surface, after: &Surface) -> Vec<Change> {
    let before = &before.as_far_as_noted(after);
    let mut found = Found(Vec::new());
    let find = |surface: &Surface, id: &str| surface.operations.iter().find(|one| one.id == id).cloned();
    for old in &before.operations {
        match find(after, &old.id) {
            None => found.add(old, ChangeKind::Removed, operation(old), true),
            Some(new) => operation_changes(&mut found, old, &new),
        }
    }
    for new in after.operations.iter().filter(|new| find(before, &new.id).is_none()) {
        found.add(new, ChangeKind::Added, operation(new), false);
    }
    found.told()
}

impl Surface {
    /// What was not noted in an earlier form is taken to have been as it is in `after`.
    fn as_far_as_noted(&self, after: &Self) -> Self {
        let mut before = self.clone();
        if self.form >= after.form {
            return before;
        }
        for operation in &mut before.operations {
            let Some(now) = after.operations.iter().find(|now| now.id == operation.id) else { continue };
            for message in &mut operation.messages {
                if let Some(now) = now.messages.iter().find(|now| now.name == message.name) {
                    message.fill_in(now);
                }
            }
        }
        before
    }
}

impl MessageSurface {
    fn fill_in(&mut self, now: &Self) {
        let is_of_a_branch = |path: &str| path.contains('|');
        self.fields.retain(|path, _| !is_of_a_branch(path));
        for (path, field) in &mut self.fields {
            let Some(now) = now.fields.get(path) else { continue };
            (field.nullable, field.closed) = (now.nullable, now.closed);
            if field.values.is_empty() && now.kind != kind::ENUM {
                field.values.clone_from(&now.values);
            }
            if path.ends_with("[]") || path.ends_with('*') {
                field.required = now.required;
            }
        }
        let branches = now.fields.iter().filter(|(path, _)| is_of_a_branch(path));
        self.fields.extend(branches.map(|(path, field)| (path.clone(), field.clone())));
        if self.beyond.is_none() {
            self.beyond.clone_from(&now.beyond);
        }
    }
}

fn operation(operation: &OperationSurface) -> String {
    format!("operation `{}` ({}s `{}`)", operation.id, operation.action, operation.address)
}

fn operation_changes(found: &mut Found, old: &OperationSurface, new: &OperationSurface) {
    let name = format!("operation `{}`", old.id);
    if old.action != new.action {
        let what = format!("{name} {}s what it used to {}", new.action, old.action);
        found.add(new, ChangeKind::Changed, what, true);
    }
    if old.address != new.address {
        let what = format!("{name} is at `{}`, no longer at `{}`", new.address, old.address);
        found.add(new, ChangeKind::Changed, what, true);
    }
    let find =
        |messages: &[MessageSurface], name: &str| messages.iter().find(|one| one.name == name).cloned();
    for message in &old.messages {
        match find(&new.messages, &message.name) {
            None => {
                let what = format!("message `{}` of {name}", message.name);
                found.add(new, ChangeKind::Removed, what, true);
            }
            Some(other) => message_changes(found, message, &other, new),
        }
    }
    for message in new.messages.iter().filter(|one| find(&old.messages, &one.name).is_none()) {
        let what = format!("message `{}` of {name}", message.name);
        found.add(new, ChangeKind::Added, what, false);
    }
}

/// Events that are received may come from those who do not know the new contract yet: it must take all that the old one
/// took. Events that are sent may reach those who know the old one alone: nothing may come that it did not allow.
fn message_changes(
    found: &mut Found,
    old: &MessageSurface,
    new: &MessageSurface,
    operation: &OperationSurface,
) {
    let received = operation.action == "receive";
    let compared = differences(&old.fields, &new.fields);
    for difference in compared.differences {
        let breaking = match difference.effect {
            Effect::None => false,
            Effect::Wider => !received,
            Effect::Narrower => received,
            Effect::Other => true,
        };
        let path = &difference.path;
        let place = if path.is_empty() { "the payload".to_owned() } else { format!("field `{path}`") };
        let said = if difference.says.is_empty() { String::new() } else { format!(" {}", difference.says) };
        found.add(operation, difference.kind, format!("{place} of `{}`{said}", old.name), breaking);
    }
    if !compared.is_whole || old.beyond != new.beyond {
        // Nobody knows whether it breaks anybody, so it must not pass for a change that does not.
        let what = format!("message `{}` has too many fields for all of them to be compared", old.name);
        found.add(operation, ChangeKind::Changed, what, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_form_did_not_note_is_no_change() {
        let mut after = surface("receive", "a", &[("n", "whole number", true), ("n|1", "text", false)]);
        let fields = &mut after.operations[0].messages[0].fields;
        let noted = FieldSurface {
            nullable: true,
            closed: true,
            values: vec!["1".to_owned()],
            ..fields["n"].clone()
        };
        fields.insert("n".to_owned(), noted);
        let mut before = surface("receive", "a", &[("n", "whole number", true), ("n|2", "text", true)]);
        assert!(!changes(&before, &after).is_empty());
        before.form = 0;
        assert_eq!(changes(&before, &after), []);
        before.operations[0].messages[0].fields.insert("m".to_owned(), FieldSurface::default());
        assert_eq!(changes(&before, &after).len(), 1, "what it did note is one");
    }

    fn surface(action: &str, address: &str, fields: &[(&str, &str, bool)]) -> Surface {
        let fields = [("", "object", true)].iter().chain(fields).map(|(path, kind, required)| {
            let kind = (*kind).to_owned();
            let field = FieldSurface { kind, required: *required, ..FieldSurface::default() };
            ((*path).to_owned(), field)
        });
        let message = MessageSurface { name: "M".to_owned(), fields: fields.collect(), beyond: None };
        let operation = OperationSurface {
            id: "o".to_owned(),
            action: action.to_owned(),
            address: address.to_owned(),
            messages: vec![message],
        };
        Surface { form: FORM, operations: vec![operation] }
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

    #[test]
    fn the_same_of_two_operations_names_each() {
        let two = |required| {
            let Surface { mut operations, .. } = surface("receive", "a", &[("f", "text", required)]);
            operations.push(OperationSurface { id: "p".to_owned(), ..operations[0].clone() });
            Surface { form: FORM, operations }
        };
        let said = said(&two(false), &two(true));
        assert_eq!(said[0], "!field `f` of `M` must be there, in operation `o`");
        assert_eq!(said[1], "!field `f` of `M` must be there, in operation `p`");
    }

    #[test]
    fn what_is_beyond_the_limit_is_not_passed_over_in_silence() {
        let cut = |beyond: Option<&str>| {
            let mut surface = surface("send", "a", &[]);
            surface.operations[0].messages[0].beyond = beyond.map(str::to_owned);
            surface
        };
        assert!(said(&cut(Some("x")), &cut(Some("x"))).is_empty());
        let told = ["!message `M` has too many fields for all of them to be compared"];
        assert_eq!(said(&cut(Some("x")), &cut(Some("y"))), told);
        assert_eq!(said(&cut(None), &cut(Some("y"))), told);
    }
}
