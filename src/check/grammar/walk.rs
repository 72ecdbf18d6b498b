//! Walks a document along its grammar: tells what does not fit, and lists every object it met for the rules to look at.

use std::collections::HashSet;
use std::rc::Rc;

use super::bindings::Bindings;
use super::leads::misled;
use super::notation::{KeyNames, Shape};
use super::scalar::is_duration;
use super::words::{TYPE_NAMES, article, expected};
use super::{Grammar, is_email, is_uri};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::ReferenceError;
use crate::source_text::Span;
use crate::source_text::documents::{Documents, Resolved};
use crate::source_text::tree::{Entry, Node, NodeRef, Number, Value, pointer_push};

/// An object of the document with its name in the grammar.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Its name in the grammar, such as `Channel`.
    pub name: &'static str,
    /// The object.
    pub node: NodeRef,
    /// Its JSON Pointer in its file.
    pub pointer: Rc<str>,
    /// The key it stands under, or its own first byte.
    pub key: Span,
}

/// A Reference Object and what it must lead to.
#[derive(Clone, Debug)]
pub struct PlacedReference {
    /// The `$ref` value.
    pub node: NodeRef,
    /// The name of the object wanted; `None` where only links go.
    pub wanted: Option<&'static str>,
    /// JSON Pointer of the object that holds `$ref`.
    pub pointer: Rc<str>,
}

/// Where a walk begins.
#[derive(Clone, Debug)]
pub struct Start {
    /// The root.
    pub node: NodeRef,
    /// Its name in the grammar.
    pub name: &'static str,
}

/// A node on the way of the walk.
#[derive(Clone)]
pub(super) struct Place<'n> {
    pub(super) node: &'n NodeRef,
    pub(super) pointer: Rc<str>,
    pub(super) key: Span,
}

impl Place<'_> {
    /// Its key in backticks.
    pub(super) fn name(&self) -> String {
        match self.pointer.rsplit_once('/') {
            Some((_, token)) => format!("`{}`", token.replace("~1", "/").replace("~0", "~")),
            None => "the document".to_owned(),
        }
    }
}

/// One walk over one document and what it refers to.
pub struct Walk<'a> {
    pub(super) grammar: &'static Grammar,
    pub(super) minor: u8,
    /// The bindings the walk is in.
    pub(super) bindings: Option<Bindings>,
    files: &'a Documents,
    pub(super) visited: HashSet<(*const Node, &'static str)>,
    pending: Vec<(Resolved, &'static str, Span)>,
    /// What does not fit.
    pub findings: Vec<Diagnostic>,
    /// Every object met, in order; targets of references after the document itself.
    pub objects: Vec<Placed>,
    /// Every reference met, in order.
    pub references: Vec<PlacedReference>,
}

impl<'a> Walk<'a> {
    /// A walk by the grammar of a minor version.
    #[must_use]
    pub fn new(grammar: &'static Grammar, minor: u8, files: &'a Documents) -> Self {
        Self {
            grammar,
            minor,
            bindings: None,
            files,
            visited: HashSet::new(),
            pending: Vec::new(),
            findings: Vec::new(),
            objects: Vec::new(),
            references: Vec::new(),
        }
    }

    /// Walks the document, then whatever its references lead to.
    pub fn run(&mut self, start: &Start) {
        let key = Span { end: start.node.span.start, ..start.node.span };
        self.named(&Place { node: &start.node, pointer: Rc::from(""), key }, start.name);
        while let Some((target, name, key)) = self.pending.pop() {
            let place = Place { node: &target.node, pointer: Rc::from(target.pointer.as_str()), key };
            self.named(&place, name);
        }
    }

    pub(super) fn report(
        &mut self,
        code: &'static str,
        place: &Place,
        span: Span,
        message: String,
    ) -> &mut Diagnostic {
        let at = self.findings.len();
        self.findings.push(Diagnostic::new(code, Severity::Error, message, span).at(&*place.pointer));
        &mut self.findings[at]
    }

    pub(super) fn check(&mut self, place: &Place, shape: &'static Shape, parent: Option<&Node>) {
        if !self.grammar.fits_kind(shape, place.node.kind()) {
            self.wrong_type(place, shape);
            return;
        }
        match shape {
            Shape::Any | Shape::FreeObject | Shape::Null | Shape::Boolean | Shape::Number => {}
            Shape::Integer(low, high) => self.integer(place, *low, *high, shape),
            Shape::Text(low, high) => self.text(place, (*low, *high), shape),
            Shape::Uri | Shape::Email | Shape::Duration => self.format(place, shape),
            Shape::TypeName | Shape::Word(_) => self.word(place, std::slice::from_ref(shape)),
            Shape::Reference => self.only_reference(place),
            Shape::Named(name) => self.named(place, name),
            Shape::OrReference(name) => self.object_or_reference(place, name),
            Shape::List(inner) => self.list(place, inner),
            Shape::Map(names, inner) => self.map(place, *names, inner),
            Shape::Either(all) => self.either(place, all, parent),
            Shape::Payload => self.payload(place, parent),
            Shape::ObjectSchema => self.object_schema(place),
        }
    }

    pub(super) fn wrong_type(&mut self, place: &Place, shape: &Shape) {
        let (wanted, found) = (expected(shape), article(place.node.kind()));
        let name = place.name();
        let text = format!("{name} must be {wanted}, not {found}");
        let written = scalar_text(place.node);
        let span = place.node.span;
        let finding = self.report("ED1003", place, span, text);
        finding.expected = Some(wanted.clone());
        finding.actual = Some(found);
        if let Some(primary) = &mut finding.primary {
            primary.text = format!("expected {wanted}");
        }
        if let (Some(written), Shape::Text(..)) = (written, shape) {
            finding.help = Some(format!("quote it: `\"{written}\"`"));
            finding.quote(span);
        }
    }

    fn integer(&mut self, place: &Place, low: i64, high: i64, shape: &Shape) {
        let inside = match &place.node.value {
            Value::Number(Number::Integer(number)) => (low..=high).contains(number),
            Value::Number(Number::Unsigned(_)) => high == i64::MAX,
            Value::Number(Number::Float(number)) => number.fract() == 0.0 && in_range(*number, low, high),
            _ => true,
        };
        if !inside {
            let text = format!("{} must be {}", place.name(), expected(shape));
            self.report("ED1004", place, place.node.span, text);
        }
    }

    fn text(&mut self, place: &Place, (low, high): (usize, usize), shape: &Shape) {
        let length = place.node.as_str().map_or(0, |text| text.chars().count());
        if !(low..=high).contains(&length) {
            let text = format!("{} must be {}, and has {length}", place.name(), expected(shape));
            self.report("ED1004", place, place.node.span, text);
        }
    }

    fn format(&mut self, place: &Place, shape: &Shape) {
        let text = place.node.as_str().unwrap_or_default();
        let (right, example) = match shape {
            Shape::Email => (is_email(text), "name@example.com"),
            Shape::Duration => (is_duration(text), "1h30m"),
            _ => (is_uri(text), "https://example.com/…"),
        };
        if !right {
            let message = format!("{} must be {}", place.name(), expected(shape));
            let finding = self.report("ED1004", place, place.node.span, message);
            finding.help = Some(format!("write it in full, such as `{example}`"));
        }
    }

    fn word(&mut self, place: &Place, shapes: &[Shape]) {
        let text = place.node.as_str().unwrap_or_default();
        let allowed: Vec<&str> = shapes.iter().flat_map(words_of).collect();
        if allowed.contains(&text) || allowed.is_empty() {
            return;
        }
        let listed = allowed.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let message = format!("{} cannot be `{text}`", place.name());
        let finding = self.report("ED1004", place, place.node.span, message);
        finding.expected = Some(format!("one of {listed}"));
        finding.help = Some(format!("it is one of {listed}"));
        finding.respell(text, allowed, place.node.span);
    }

    fn only_reference(&mut self, place: &Place) {
        if let Some(entry) = place.node.entry("$ref") {
            self.references.push(PlacedReference {
                node: entry.value.clone(),
                wanted: None,
                pointer: place.pointer.clone(),
            });
        } else {
            let message = format!("{} must be a reference, not the object itself", place.name());
            self.report("ED1003", place, place.key, message).help =
                Some("write `$ref: '#/…'` with the place of the object".to_owned());
        }
    }

    pub(super) fn object_or_reference(&mut self, place: &Place, name: &'static str) {
        match place.node.entry("$ref") {
            Some(entry) => self.follow(place, entry, name),
            None => self.named(place, name),
        }
    }

    /// Notes the reference and what to walk behind it.
    pub(super) fn follow(&mut self, place: &Place, entry: &Entry, name: &'static str) {
        // What is not text was reported when the references were followed.
        let Some(text) = entry.value.as_str() else {
            return;
        };
        self.references.push(PlacedReference {
            node: entry.value.clone(),
            wanted: Some(name),
            pointer: place.pointer.clone(),
        });
        if let Ok(target) = self.files.resolve(entry.value.span.file, text) {
            // In a file that is no document of AsyncAPI sections mean whatever they mean there.
            let is_document = self.files.root(target.file).is_some_and(|root| root.get("asyncapi").is_some());
            let wrong = misled(self.grammar, name, &target.pointer, (&place.name(), text));
            if let Some(wrong) = wrong.filter(|_| is_document) {
                self.report("ED1003", place, entry.value.span, wrong.message).help = Some(wrong.help);
                return;
            }
            let key = Span { end: target.node.span.start, ..target.node.span };
            self.pending.push((target, name, key));
        }
    }

    /// What a reference written at `node` leads to.
    pub(super) fn resolve(&self, node: &Node, text: &str) -> Result<Resolved, ReferenceError> {
        self.files.resolve(node.span.file, text)
    }

    fn list(&mut self, place: &Place, shape: &'static Shape) {
        for (index, item) in place.node.items().iter().enumerate() {
            let pointer = Rc::from(format!("{}/{index}", place.pointer));
            self.check(&Place { node: item, pointer, key: item.span }, shape, Some(place.node));
        }
    }

    pub(super) fn map(&mut self, place: &Place, names: KeyNames, shape: &'static Shape) {
        // A reference in place of a whole map is not foreseen, yet read by the tools there are.
        if let (Some(entry), false) = (place.node.entry("$ref"), matches!(shape, Shape::Named(_))) {
            self.misplaced_reference(place, entry);
            return;
        }
        for entry in place.node.entries() {
            self.key_name(place, entry, names);
            self.check(&child(place, entry), shape, Some(place.node));
        }
    }

    pub(super) fn misplaced_reference(&mut self, place: &Place, entry: &Entry) {
        let message = format!("{} may not be a reference", place.name());
        let finding = self.report("ED1008", place, entry.key_span, message);
        finding.severity = Severity::Warning;
        finding.help =
            Some("write the object here, and references inside it where they are allowed".to_owned());
    }

    fn key_name(&mut self, place: &Place, entry: &Entry, names: KeyNames) {
        let extra = match names {
            KeyNames::Free => return,
            KeyNames::Component => ".-_",
            KeyNames::Plain => "-_",
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || extra.contains(c);
        let Some(wrong) = entry.key.chars().find(|c| !allowed(*c)) else {
            return;
        };
        let message = format!("`{}` in {} may not hold `{wrong}`", entry.key, place.name());
        let listed = extra.chars().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
        self.report("ED1007", place, entry.key_span, message).help =
            Some(format!("use letters, digits and {listed} only"));
    }

    fn either(&mut self, place: &Place, all: &'static [Shape], parent: Option<&Node>) {
        let kind = place.node.kind();
        if kind == "string" && all.iter().all(|shape| matches!(shape, Shape::Word(_))) {
            self.word(place, all);
            return;
        }
        let mut fitting = all.iter().filter(|shape| self.grammar.fits_kind(shape, kind));
        if let Some(shape) = fitting.next() {
            self.check(place, shape, parent);
        }
    }

    /// A payload is walked when its language is one whose structure is ours to judge.
    fn payload(&mut self, place: &Place, parent: Option<&Node>) {
        let format = parent.and_then(|parent| parent.get_str("schemaFormat"));
        if format.is_none_or(is_json_schema_format) {
            if matches!(place.node.kind(), "object" | "boolean") {
                self.object_or_reference(place, "Schema");
            } else if format.is_some() || self.grammar.major == 3 {
                self.wrong_type(place, &Shape::FreeObject);
            }
        } else if let Some(entry) = place.node.entry("$ref") {
            self.references.push(PlacedReference {
                node: entry.value.clone(),
                wanted: None,
                pointer: place.pointer.clone(),
            });
        }
    }

    fn object_schema(&mut self, place: &Place) {
        if let Some(kind) = place.node.get("type").filter(|kind| kind.as_str() != Some("object")) {
            let message = format!("{} must be a schema of type `object`", place.name());
            self.report("ED1004", place, kind.span, message);
            return;
        }
        self.object_or_reference(place, "Schema");
    }
}

pub(super) fn child<'n>(place: &Place, entry: &'n Entry) -> Place<'n> {
    let pointer = Rc::from(pointer_push(&place.pointer, &entry.key));
    Place { node: &entry.value, pointer, key: entry.key_span }
}

/// Whether a whole number written as a float lies in a range.
#[allow(clippy::cast_precision_loss, reason = "bounds in the grammars are small or open")]
fn in_range(number: f64, low: i64, high: i64) -> bool {
    number >= low as f64 && number <= high as f64
}

fn words_of(shape: &Shape) -> Vec<&str> {
    match shape {
        Shape::TypeName => TYPE_NAMES.to_vec(),
        Shape::Word(word) => vec![word],
        _ => Vec::new(),
    }
}

fn scalar_text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Bool(_) | Value::Number(_) => Some(node.to_json().to_string()),
        _ => None,
    }
}

/// Whether the schema format is AsyncAPI's own, or a JSON Schema with the keywords of draft-06 or later.
#[must_use]
pub fn is_json_schema_format(format: &str) -> bool {
    let base = format.split(';').next().unwrap_or_default().trim();
    let own = base.starts_with("application/vnd.aai.asyncapi");
    let json_schema = matches!(base, "application/schema+json" | "application/schema+yaml");
    own || (json_schema && !format.contains("draft-04") && !format.contains("draft-03"))
}
