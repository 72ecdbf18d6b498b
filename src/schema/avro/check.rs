//! Holds values in Avro's JSON encoding against types, with the place of whatever is wrong.

use std::sync::Arc;

use super::encode::is_single;
use super::logical::{Logical, word};
use super::{Field, Place, Shape, Type, TypeId};
use crate::diagnostic::nearest;
use crate::schema::Violation;
use crate::schema::words::{alternatives, cut, of_place, place, with_article};
use crate::source_text::Span;
use crate::source_text::tree::{Node, NodeRef, Number, Value, pointer_push};

/// Walks a value beside its type.
pub(super) struct Checker<'a> {
    types: &'a [Type],
    found: Vec<Violation>,
}

/// Part of a value with its pointer and the key it stands under.
#[derive(Clone)]
struct Part<'n> {
    node: &'n NodeRef,
    pointer: String,
    key: Option<Span>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(types: &'a [Type]) -> Self {
        Self { types, found: Vec::new() }
    }

    /// All violations of a value, in order of place.
    pub(super) fn all(mut self, root: TypeId, value: &NodeRef) -> Vec<Violation> {
        self.value(root, &Part { node: value, pointer: String::new(), key: None });
        self.found.sort_by_key(|violation| violation.span.map(|span| span.start));
        self.found
    }

    fn value(&mut self, kind: TypeId, part: &Part<'_>) {
        let kind = &self.types[kind];
        match (&kind.shape, &part.node.value) {
            (Shape::Union(branches), _) => self.union(branches, kind, part),
            (Shape::Record { name, fields }, Value::Object(_)) => self.record((name, fields), kind, part),
            (Shape::Array(items), Value::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    let pointer = pointer_push(&part.pointer, &index.to_string());
                    self.value(*items, &Part { node: value, pointer, key: None });
                }
            }
            (Shape::Map(values), Value::Object(entries)) => {
                for entry in entries {
                    let pointer = pointer_push(&part.pointer, &entry.key);
                    self.value(*values, &Part { node: &entry.value, pointer, key: Some(entry.key_span) });
                }
            }
            (Shape::Enum { name, symbols }, Value::String(text)) if !symbols.contains(text) => {
                let words = alternatives(symbols);
                let message = format!("{} is `{}`, not {words} of `{name}`", place(&part.pointer), cut(text));
                let near = nearest(text, symbols.iter().map(String::as_str));
                let violation = self.wrong("enum", message, kind, part);
                violation.help = near.map(|near| format!("did you mean `{near}`?"));
                violation.expected = Some(words);
            }
            (Shape::Fixed { size, .. }, Value::String(text)) => self.fixed(*size, text, kind, part),
            _ if fits(kind, part.node) => {}
            _ => self.wrong_type(kind, part),
        }
    }

    fn wrong(&mut self, keyword: &str, message: String, kind: &Type, part: &Part<'_>) -> &mut Violation {
        let Place { file, pointer, span } = &kind.place;
        let index = self.found.len();
        self.found.push(Violation {
            instance_pointer: part.pointer.clone(),
            schema_file: Some(*file),
            schema_pointer: pointer.clone(),
            keyword: keyword.to_owned(),
            message,
            expected: None,
            actual: Some(shown(part.node)),
            help: None,
            span: Some(part.node.span),
            position: None,
            schema_span: Some(*span),
        });
        &mut self.found[index]
    }

    fn wrong_type(&mut self, kind: &Type, part: &Part<'_>) {
        let expected = word(&kind.shape).to_owned();
        let found = found_word(part.node, &kind.shape);
        let message = format!("{} is {found}, not of the Avro type `{expected}`", place(&part.pointer));
        self.wrong("type", message, kind, part).expected = Some(expected);
    }

    fn fixed(&mut self, size: u64, text: &str, kind: &Type, part: &Part<'_>) {
        if kind.logical.is_some() && !is_bytes(text, Some(size)) {
            // People write identifiers and amounts in letters and digits.
            return;
        }
        if !is_bytes(text, Some(size)) {
            let count = text.chars().count();
            let message = format!(
                "{} has {count} characters, and `{}` is {size} bytes, one character from 0 to 255 each",
                place(&part.pointer),
                word(&kind.shape)
            );
            self.wrong("size", message, kind, part);
        }
    }

    fn record(&mut self, (name, fields): (&str, &[Field]), kind: &Type, part: &Part<'_>) {
        for field in fields {
            match part.node.entry(&field.name) {
                Some(entry) => {
                    let pointer = pointer_push(&part.pointer, &field.name);
                    self.value(field.kind, &Part { node: &entry.value, pointer, key: Some(entry.key_span) });
                }
                None if field.default.is_some() => {}
                None => self.missing(field, fields, kind, part),
            }
        }
        for entry in part.node.entries() {
            if fields.iter().any(|field| field.name == entry.key) {
                continue;
            }
            let message = format!("the record `{name}` has no field `{}`", entry.key);
            let pointer = pointer_push(&part.pointer, &entry.key);
            let absent = fields.iter().filter(|field| part.node.get(&field.name).is_none());
            let near = nearest(&entry.key, absent.map(|field| field.name.as_str())).map(str::to_owned);
            let inner = Part { node: &entry.value, pointer, key: Some(entry.key_span) };
            let violation = self.wrong("additionalProperties", message, kind, &inner);
            violation.span = Some(entry.key_span);
            violation.help = near.map(|near| format!("did you mean `{near}`?"));
        }
    }

    fn missing(&mut self, field: &Field, fields: &[Field], kind: &Type, part: &Part<'_>) {
        let message = format!("the field `{}`{} is missing", field.name, of_place(&part.pointer));
        let strangers = part.node.entries().iter().map(|entry| entry.key.as_str());
        let strangers = strangers.filter(|key| fields.iter().all(|field| field.name != **key));
        let near = nearest(&field.name, strangers).map(str::to_owned);
        let first = part.node.entries().first().map_or(part.node.span, |entry| entry.key_span);
        let span = part.key.unwrap_or(Span { end: first.end, ..part.node.span });
        let schema = &field.place;
        let (schema_pointer, schema_span) = (schema.pointer.clone(), schema.span);
        let violation = self.wrong("required", message, kind, part);
        violation.span = Some(span);
        violation.expected = Some(format!("`{}`", field.name));
        violation.actual = None;
        violation.schema_pointer = schema_pointer;
        violation.schema_span = Some(schema_span);
        violation.help = near.map(|near| format!("is `{near}` meant to be `{}`?", field.name));
    }

    /// The branch named around the value, the one it fits, or the one of its kind that it nearly fits.
    fn union(&mut self, branches: &[TypeId], kind: &Type, part: &Part<'_>) {
        if let Some((branch, inner)) = self.named_branch(branches, part) {
            return self.value(branch, &inner);
        }
        let mut nearest: Option<Vec<Violation>> = None;
        for branch in branches.iter().filter(|branch| self.is_of_kind(**branch, part.node)) {
            let mut trial = Checker::new(self.types);
            trial.value(*branch, part);
            if trial.found.is_empty() {
                return;
            }
            if nearest.as_ref().is_none_or(|nearest| trial.found.len() < nearest.len()) {
                nearest = Some(trial.found);
            }
        }
        if let Some(found) = nearest {
            return self.found.extend(found);
        }
        let words: Vec<String> =
            branches.iter().map(|branch| word(&self.types[*branch].shape).to_owned()).collect();
        let words = alternatives(&words);
        let found = found_word(part.node, &Shape::Unknown);
        let message = format!("{} is {found}, not {words}", place(&part.pointer));
        self.wrong("type", message, kind, part).expected = Some(words);
    }

    /// `{"string": "a"}`: the branch of a union by its name, unless a record or map fits the mapping as it is.
    fn named_branch<'n>(&self, branches: &[TypeId], part: &Part<'n>) -> Option<(TypeId, Part<'n>)> {
        let [entry] = part.node.entries() else { return None };
        let branch = branches.iter().find(|branch| word(&self.types[**branch].shape) == entry.key);
        let by_short_name = || {
            let short =
                |branch: &&TypeId| super::names::simple(word(&self.types[**branch].shape)) == entry.key;
            branches.iter().find(short)
        };
        let branch = *branch.or_else(by_short_name)?;
        let fits_as_it_is = branches.iter().any(|branch| match &self.types[*branch].shape {
            Shape::Record { fields, .. } => fields.iter().any(|field| field.name == entry.key),
            _ => false,
        });
        if fits_as_it_is {
            return None;
        }
        let pointer = pointer_push(&part.pointer, &entry.key);
        Some((branch, Part { node: &entry.value, pointer, key: Some(entry.key_span) }))
    }

    /// Whether a value is of the outer kind of a type, whatever is inside.
    fn is_of_kind(&self, kind: TypeId, node: &Node) -> bool {
        match (&self.types[kind].shape, &node.value) {
            (Shape::Record { .. } | Shape::Map(_), Value::Object(_))
            | (Shape::Array(_), Value::Array(_))
            | (Shape::Enum { .. } | Shape::Fixed { .. }, Value::String(_))
            | (Shape::Int, Value::Number(Number::Integer(_))) => true,
            _ => fits(&self.types[kind], node),
        }
    }
}

/// The branch of a union that a value which fits it is of, and the value without the branch's name around it. A number that
/// 32 bits would change is of another branch, where there is one.
pub(super) fn branch_of(types: &[Type], branches: &[TypeId], value: &NodeRef) -> Option<(usize, NodeRef)> {
    let checker = Checker::new(types);
    let part = Part { node: value, pointer: String::new(), key: None };
    if let Some((branch, inner)) = checker.named_branch(branches, &part) {
        let index = branches.iter().position(|known| *known == branch)?;
        return Some((index, Arc::clone(inner.node)));
    }
    let fitting = |index: &usize| {
        let branch = branches[*index];
        checker.is_of_kind(branch, value) && Checker::new(types).all(branch, value).is_empty()
    };
    let is_exact = |index: &usize| match (&types[branches[*index]].shape, &value.value) {
        (Shape::Float, Value::Number(Number::Float(number))) => is_single(*number),
        _ => true,
    };
    let fitting: Vec<usize> = (0..branches.len()).filter(fitting).collect();
    let chosen = fitting.iter().copied().find(is_exact).or_else(|| fitting.first().copied())?;
    Some((chosen, Arc::clone(value)))
}

/// Whether a scalar is of a type.
fn fits(kind: &Type, node: &Node) -> bool {
    let is_amount = matches!(kind.logical, Some(Logical::Decimal { .. }));
    match (&kind.shape, &node.value) {
        (Shape::Unknown, _)
        | (Shape::Null, Value::Null)
        | (Shape::Boolean, Value::Bool(_))
        | (Shape::Long, Value::Number(Number::Integer(_)))
        | (Shape::Float | Shape::Double, Value::Number(_))
        | (Shape::String | Shape::Enum { .. } | Shape::Fixed { .. }, Value::String(_)) => true,
        (Shape::Int, Value::Number(Number::Integer(number))) => i32::try_from(*number).is_ok(),
        (Shape::Float | Shape::Double, Value::String(text)) => {
            matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity" | "INF" | "-INF")
        }
        (Shape::Bytes, Value::String(text)) => is_bytes(text, None),
        (Shape::Bytes | Shape::Fixed { .. }, Value::Number(_)) => is_amount,
        _ => false,
    }
}

/// Bytes are written as characters from 0 to 255.
fn is_bytes(text: &str, size: Option<u64>) -> bool {
    text.chars().all(|character| u32::from(character) < 256)
        && size.is_none_or(|size| text.chars().count() as u64 == size)
}

fn shown(node: &Node) -> String {
    crate::schema::words::shown(&node.to_json())
}

/// What a value is, in the words that tell it from the type asked for.
fn found_word(node: &Node, asked: &Shape) -> String {
    match &node.value {
        Value::Number(Number::Integer(number)) if matches!(asked, Shape::Int) => {
            format!("{number}, past 32 bits")
        }
        Value::Number(Number::Unsigned(number)) => format!("{number}, past 64 bits"),
        Value::Number(_) => format!("the number {}", shown(node)),
        Value::String(text) if matches!(asked, Shape::Bytes) => {
            format!("{}, which has characters past 255", cut(text))
        }
        Value::String(text) => format!("the text \"{}\"", cut(text)),
        _ => with_article(node.kind()),
    }
}
