//! How the walk checks eddy's own extensions, and tells those whose name is nearly one of them.

use super::notation::Field;
use super::walk::{Place, Walk, child};
use crate::diagnostic::references::from_reference_error;
use crate::diagnostic::{Severity, nearest};
use crate::source_text::tree::{Entry, Node};

/// What every name of eddy's own begins with.
const OWN: &str = "x-eddy-";

/// Where each extension is explained.
pub(super) const LISTS: [&str; 2] = ["ChannelExtensions", "MessageExtensions"];

/// The object of the grammar that lists the extensions of another object.
fn list_of(name: &str) -> &'static str {
    match name {
        "Channel" => "ChannelExtensions",
        "Operation" | "OperationTrait" => "OperationExtensions",
        "Message" | "MessageTrait" => "MessageExtensions",
        _ => "",
    }
}

impl Walk<'_> {
    /// Checks one extension of an object; the extensions of others are theirs.
    pub(super) fn extension(&mut self, place: &Place, entry: &Entry, name: &str) {
        let grammar = self.grammar;
        let known = LISTS.into_iter().flat_map(|list| -> &'static [Field] { grammar.fields(list) });
        let here: &'static [Field] = self.grammar.fields(list_of(name));
        if let Some(field) = here.iter().find(|field| field.name == entry.key) {
            self.check(&child(place, entry), &field.shape, Some(place.node));
            self.own_references(&entry.value, place);
            return;
        }
        let names = known.map(|field| field.name.as_str());
        if names.clone().any(|name| name == entry.key) {
            let message = format!("`{}` means nothing on {}", entry.key, place.name());
            let finding = self.report("ED2722", place, entry.key_span, message);
            finding.severity = Severity::Warning;
            let is_of_message = grammar.fields(LISTS[1]).iter().any(|field| field.name == entry.key);
            let owner = if is_of_message { "a message" } else { "a channel or an operation" };
            finding.help = Some(format!("it belongs on {owner}"));
            return;
        }
        let near = nearest(&entry.key, names.clone());
        if !entry.key.starts_with(OWN) && (near.is_none() || !entry.key.starts_with("x-ed")) {
            return;
        }
        let listed = names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("there is no extension `{}`", entry.key);
        let finding = self.report("ED2721", place, entry.key_span, message);
        finding.severity = Severity::Warning;
        finding.help =
            Some(near.map_or(format!("known are {listed}"), |near| format!("did you mean `{near}`?")));
    }

    /// References in extensions are no business of those who follow the document's, so they are followed here.
    fn own_references(&mut self, extension: &Node, place: &Place) {
        for entry in extension.entries() {
            let Some(reference) = entry.value.entry("$ref") else {
                continue;
            };
            let Some(text) = reference.value.as_str() else {
                continue;
            };
            if let Err(error) = self.resolve(&reference.value, text) {
                self.findings.push(from_reference_error(&error, reference.value.span, &place.pointer));
            }
        }
    }
}
