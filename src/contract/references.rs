//! Looks at every reference that a document reaches, each once, and reports those that lead nowhere.

use std::collections::HashSet;
use std::sync::Arc;

use super::place;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::diagnostic::references::{MALFORMED, from_reference_error};
use crate::schema::Dialect;
use crate::source_text::documents::reference_of;
use crate::source_text::reference::{Target, parse, pointer_tokens};
use crate::source_text::tree::{Value, pointer_push};
use crate::source_text::{Documents, FileId, ReferenceError, Resolved};

/// Keys whose value is data of the user, in which `$ref` means nothing.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "examples"];

/// Keys whose value is a mapping with names of the author's choice.
const NAMED: [&str; 24] = [
    "$defs",
    "channelBindings",
    "channels",
    "correlationIds",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "externalDocs",
    "messageBindings",
    "messageTraits",
    "messages",
    "operationBindings",
    "operationTraits",
    "operations",
    "parameters",
    "patternProperties",
    "properties",
    "replies",
    "replyAddresses",
    "schemas",
    "securitySchemes",
    "serverBindings",
    "servers",
    "variables",
];

/// Reports the references below the root of `file` that fail; `siblings_count` tells whether what stands beside a
/// `$ref` is read too (JSON Schema since 2019-09) or ignored (AsyncAPI).
pub(super) fn check(
    documents: &Documents,
    file: FileId,
    siblings_count: bool,
    seen: &mut Seen,
) -> Vec<Diagnostic> {
    let mut walk = Walk { documents, siblings_count, seen, open: Vec::new(), diagnostics: Vec::new() };
    if let Some(root) = place::root(documents, file) {
        walk.open.push(Step { place: root, is_named: false, base: None });
    }
    while let Some(step) = walk.open.pop() {
        walk.visit(step);
    }
    walk.diagnostics
}

/// The nodes looked at so far, by address; the trees keep them alive.
pub(super) type Seen = HashSet<usize>;

struct Step {
    place: Resolved,
    /// Whether the keys of the mapping are names.
    is_named: bool,
    /// The nearest schema around it whose `$id` is absolute.
    base: Option<Arc<Resolved>>,
}

struct Walk<'a> {
    documents: &'a Documents,
    siblings_count: bool,
    seen: &'a mut Seen,
    open: Vec<Step>,
    diagnostics: Vec<Diagnostic>,
}

impl Walk<'_> {
    fn visit(&mut self, mut step: Step) {
        if !self.seen.insert(Arc::as_ptr(&step.place.node) as usize) {
            return;
        }
        if step.place.node.get_str("$id").is_some_and(|identifier| identifier.contains("://")) {
            step.base = Some(Arc::new(step.place.clone()));
        }
        if !step.is_named && step.place.node.get("$ref").is_some() {
            self.visit_reference(&step);
            if !self.siblings_count {
                return;
            }
        }
        self.visit_children(&step);
    }

    fn visit_children(&mut self, step: &Step) {
        let place = &step.place;
        let mut open = |token: &str, node: &Arc<crate::source_text::tree::Node>, is_named: bool| {
            if !matches!(node.value, Value::Array(_) | Value::Object(_)) {
                return;
            }
            let pointer = pointer_push(&place.pointer, token);
            let place = Resolved { node: Arc::clone(node), file: place.file, pointer };
            self.open.push(Step { place, is_named, base: step.base.clone() });
        };
        match &place.node.value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    open(&index.to_string(), item, false);
                }
            }
            Value::Object(entries) => {
                for entry in entries {
                    let key = entry.key.as_str();
                    let is_data = !step.is_named && (DATA.contains(&key) || key.starts_with("x-"));
                    if !is_data {
                        open(key, &entry.value, !step.is_named && NAMED.contains(&key));
                    }
                }
            }
            _ => {}
        }
    }

    fn visit_reference(&mut self, step: &Step) {
        let place = &step.place;
        let Some((written, span)) = reference_of(&place.node) else {
            let Some(entry) = place.node.entry("$ref") else { return };
            let message = format!("`$ref` must be text, and this is {}", entry.value.kind());
            let finding = Diagnostic::new(MALFORMED, Severity::Error, message, entry.value.span);
            self.diagnostics.push(finding.at(place.pointer.as_str()).expected("string", entry.value.kind()));
            return;
        };
        let first = self.documents.resolve(span.file, written);
        let outcome = first.and_then(|found| {
            // The chain is followed here for its cycles only; a break in it is reported where it is written.
            match self.documents.follow(found.clone()) {
                Err(cycle @ ReferenceError::Cycle(_)) => Err(cycle),
                _ => Ok(found),
            }
        });
        match outcome.or_else(|error| self.by_identifier(step, written, error)) {
            Ok(found) => self.open.push(Step { place: found, is_named: false, base: None }),
            // The meta-schemas of the drafts are built in.
            Err(ReferenceError::Remote(_)) if Dialect::of_address(written).is_some() => {}
            Err(error) => self.diagnostics.push(from_reference_error(&error, span, &place.pointer)),
        }
    }

    /// A second try below a schema with an absolute `$id`: a fragment counts from that schema, and what looks like a
    /// file is relative to the identifier, thus remote.
    fn by_identifier(
        &self,
        step: &Step,
        written: &str,
        error: ReferenceError,
    ) -> Result<Resolved, ReferenceError> {
        let (Some(base), Ok(reference)) = (&step.base, parse(written)) else {
            return Err(error);
        };
        match reference.target {
            Target::Same => {
                let tokens = pointer_tokens(&reference.fragment).unwrap_or_default();
                let found = tokens
                    .iter()
                    .try_fold(Resolved::clone(base), |at, token| self.documents.child(&at, token));
                found.filter(|_| !tokens.is_empty()).ok_or(error)
            }
            Target::File(_) => Err(ReferenceError::Remote(written.to_owned())),
            Target::Remote(_) => Err(error),
        }
    }
}
