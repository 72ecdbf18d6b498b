//! How the walk checks objects: their fields, their choices, and what is neither.

use std::cell::LazyCell;
use std::sync::Arc;

use super::notation::{Condition, Consequence, Definition, Field, KeyNames, ObjectDefinition, Shape};
use super::walk::{Place, Placed, Walk, child};
use super::words::expected;
use crate::diagnostic::{Severity, nearest};
use crate::source_text::Span;
use crate::source_text::tree::Entry;

impl Walk<'_> {
    pub(super) fn named(&mut self, place: &Place, name: &'static str) {
        if !self.visited.insert((Arc::as_ptr(place.node), name)) {
            return;
        }
        match self.grammar.definition(name) {
            Some(Definition::Object(object)) => {
                if !self.grammar.fits_kind(&Shape::Named(name.to_owned()), place.node.kind()) {
                    self.wrong_type(place, &Shape::FreeObject);
                } else if self.minor >= object.free_before {
                    self.object(place, name, object);
                }
            }
            Some(Definition::Has { field, then, otherwise }) => {
                let shape = if place.node.get(field).is_some() { then } else { otherwise };
                self.check(place, shape, None);
            }
            Some(Definition::Switch { field, cases }) => self.switch(place, field, cases),
            None => {}
        }
    }

    fn object(&mut self, place: &Place, name: &'static str, object: &'static ObjectDefinition) {
        self.objects.push(Placed {
            name,
            node: place.node.clone(),
            pointer: place.pointer.clone(),
            key: place.key,
        });
        // Only the Schema Object may hold a reference anywhere; elsewhere the field says so.
        if let Some(entry) = place.node.entry("$ref") {
            if name == "Schema" {
                self.follow(place, entry, name);
            } else {
                self.misplaced_reference(place, entry);
            }
            return;
        }
        if !object.versions.is_empty() {
            self.binding(place, name, object);
        } else if let Some(shape) = &object.others {
            self.map(place, KeyNames::Free, shape);
        } else {
            self.fields(place, name, object);
        }
    }

    pub(super) fn fields(&mut self, place: &Place, name: &str, object: &'static ObjectDefinition) {
        let minor = self.bindings.as_ref().map_or(self.minor, |bindings| bindings.minor);
        let mut meant = Vec::new();
        // Once for all unknown fields: a document may have very many.
        let free = LazyCell::new(|| free_names(place, object, minor));
        for entry in place.node.entries() {
            let mut named = object.fields.iter().filter(|field| field.name == entry.key);
            match named.clone().find(|field| field.is_in(minor)).or_else(|| named.next()) {
                Some(field) if field.is_in(minor) => {
                    self.check(&child(place, entry), &field.shape, Some(place.node));
                }
                Some(field) => self.other_version(place, entry, field),
                None if entry.key == "bindingVersion" && !object.versions.is_empty() => {}
                None if entry.key.starts_with("x-") => self.extension(place, entry, name),
                None => meant.extend(self.unknown_field(place, entry, object, name, &free)),
            }
        }
        let has_fields = place.node.entries().iter().any(|entry| entry.key != "bindingVersion");
        if has_fields || !object.or_empty {
            self.missing_fields(place, object, minor, &meant);
        }
        for condition in object.conditions.iter().filter(|condition| condition.since <= minor) {
            self.condition(place, condition);
        }
    }

    fn missing_fields(&mut self, place: &Place, object: &ObjectDefinition, minor: u8, meant: &[&str]) {
        for field in object.fields.iter().filter(|field| field.required && field.is_in(minor)) {
            if place.node.get(&field.name).is_none() && !meant.contains(&field.name.as_str()) {
                let message = format!("{} has no `{}`", place.name(), field.name);
                let span = if place.key.start == place.key.end { first_key(place) } else { place.key };
                let finding = self.report("ED1002", place, span, message);
                finding.help = Some(format!("add `{}: …`, {}", field.name, expected(&field.shape)));
            }
        }
    }

    fn other_version(&mut self, place: &Place, entry: &Entry, field: &Field) {
        if self.bindings.is_some() {
            self.other_binding_version(place, entry, field);
        } else {
            self.too_new(place, entry, field);
        }
    }

    fn too_new(&mut self, place: &Place, entry: &Entry, field: &Field) {
        let major = self.grammar.major;
        let message = format!("`{}` came with AsyncAPI {major}.{}", entry.key, field.since);
        let help = format!("write `asyncapi: {major}.{}.0`, or leave it out", field.since);
        self.report("ED1005", place, entry.key_span, message).help = Some(help);
    }

    /// Gives the name that was probably meant.
    fn unknown_field(
        &mut self,
        place: &Place,
        entry: &Entry,
        object: &'static ObjectDefinition,
        name: &str,
        free: &[&'static str],
    ) -> Option<&'static str> {
        let near = nearest(&entry.key, free.iter().copied());
        if object.open && near.is_none_or(|_| self.bindings.is_none()) {
            return None;
        }
        let is_protocol = name.ends_with("Bindings");
        let code = match &self.bindings {
            _ if is_protocol => "ED2701",
            Some(_) => "ED2702",
            None => "ED1001",
        };
        let message = match code {
            "ED2701" => format!("there are no bindings for a protocol `{}`", entry.key),
            _ => format!("{} has no field `{}`", place.name(), entry.key),
        };
        let other = self.grammar.other();
        let belongs_elsewhere = other.fields(name).iter().any(|field| field.name == entry.key);
        let help = match near {
            Some(_) => String::new(),
            None if belongs_elsewhere => format!("it belongs to AsyncAPI {}", other.major),
            None => "remove it, or write `x-` before it to make it an extension".to_owned(),
        };
        // AsyncAPI 2 leaves the list of protocols open, and some objects of bindings are open anyway.
        let lenient = object.open || is_protocol && near.is_none() && self.grammar.major == 2;
        let finding = self.report(code, place, entry.key_span, message);
        finding.help = Some(help);
        finding.respell(&entry.key, free.iter().copied(), entry.key_span);
        if lenient {
            finding.severity = Severity::Warning;
        }
        near
    }

    fn condition(&mut self, place: &Place, condition: &Condition) {
        let Some(why) = holds(place, condition) else {
            return;
        };
        for (consequence, name) in &condition.consequences {
            let entry = place.node.entry(name);
            let (span, message, help) = match (consequence, entry) {
                (Consequence::With, None) => (
                    place.node.entry(&condition.field).map_or(place.key, |entry| entry.key_span),
                    format!("{} has no `{name}`, which it needs {why}", place.name()),
                    format!("add `{name}: …`"),
                ),
                (Consequence::Without, Some(entry)) => (
                    entry.key_span,
                    format!("{} may not have `{name}` {why}", place.name()),
                    format!("remove `{name}`"),
                ),
                (Consequence::Ignores, Some(entry)) => {
                    (entry.key_span, format!("`{name}` means nothing {why}"), format!("remove `{name}`"))
                }
                _ => continue,
            };
            let said = self.findings.iter().any(|finding| {
                finding.code == "ED2705" && finding.primary.as_ref().is_some_and(|at| at.span == span)
            });
            if said {
                continue;
            }
            let finding = self.report("ED2705", place, span, message);
            finding.help = Some(help);
            if *consequence == Consequence::Ignores {
                finding.severity = Severity::Warning;
            }
        }
    }

    fn switch(&mut self, place: &Place, field: &'static str, cases: &'static [Field]) {
        if let Some(entry) = place.node.entry("$ref") {
            self.misplaced_reference(place, entry);
            return;
        }
        let Some(entry) = place.node.entry(field) else {
            let message = format!("{} has no `{field}`", place.name());
            self.report("ED1002", place, place.key, message).help = Some(format!("add `{field}: …`"));
            return;
        };
        let Some(text) = entry.value.as_str() else {
            self.wrong_type(&child(place, entry), &Shape::Text(0, usize::MAX));
            return;
        };
        match cases.iter().find(|case| case.name == text) {
            Some(case) if case.since > self.minor => {
                self.too_new(place, &Entry { key: text.to_owned(), ..entry.clone() }, case);
            }
            Some(case) => self.check(place, &case.shape, None),
            None => {
                let known = cases.iter().map(|case| case.name.as_str());
                let listed = known.clone().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
                let message = format!("`{field}` cannot be `{text}`");
                let finding = self.report("ED1004", &child(place, entry), entry.value.span, message);
                finding.help = Some(format!("it is one of {listed}"));
                finding.respell(text, known, entry.value.span);
            }
        }
    }
}

/// Why a condition holds, in words; none when it does not.
fn holds(place: &Place, condition: &Condition) -> Option<String> {
    let field = &condition.field;
    let value = place.node.get(field);
    if condition.absent {
        return value.is_none().then(|| format!("without `{field}`"));
    }
    if condition.texts.is_empty() {
        return value.is_some().then(|| format!("beside `{field}`"));
    }
    let Some(value) = value else {
        let default = condition.default.as_ref()?;
        return Some(format!("where `{field}` is left out, and so is `{default}`"));
    };
    let text = value.as_str().filter(|text| condition.texts.iter().any(|one| one == text))?;
    Some(format!("where `{field}` is `{text}`"))
}

fn first_key(place: &Place) -> Span {
    place.node.entries().first().map_or(place.key, |entry| entry.key_span)
}

/// Names of fields the object may still have.
fn free_names(place: &Place, object: &'static ObjectDefinition, minor: u8) -> Vec<&'static str> {
    let free = object.fields.iter().filter(|field| place.node.get(&field.name).is_none());
    free.filter(|field| field.is_in(minor)).map(|field| field.name.as_str()).collect()
}
