//! What a value does wrong by its schema: the validator's errors in our words, with their places.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use super::branch;
use super::bundle::Bundle;
use super::words::{alternatives, count, kind, of_place, place, shown, with_article};
use crate::diagnostic::nearest;
use crate::source_text::tree::{NodeRef, pointer_push};
use crate::source_text::{FileId, Position, Span};

/// One thing a value does that its schema forbids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer of the offending part in the value.
    pub instance_pointer: String,
    /// The file of the schema that forbids it.
    pub schema_file: Option<FileId>,
    /// JSON Pointer of the keyword that forbids it in that file.
    pub schema_pointer: String,
    /// That keyword; `json` for a payload that is no JSON.
    pub keyword: String,
    /// A lower-case fragment that names the part.
    pub message: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What was there.
    pub actual: Option<String>,
    /// A guess at what was meant.
    pub help: Option<String>,
    /// The place of the part, when the value stands in a file: of a missing property its parent, of an unknown one its key.
    pub span: Option<Span>,
    /// The place of the part in a payload of bytes.
    pub position: Option<Position>,
    /// The place of the keyword.
    pub schema_span: Option<Span>,
}

/// What is known while errors are put into words.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    /// The bundle the value was checked by; none for a meta-schema.
    pub bundle: Option<&'a Bundle>,
    /// The value, when it is a tree.
    pub instance: Option<&'a NodeRef>,
}

/// All violations behind these errors, in order of place, without consequences of one another.
pub(super) fn violations<'e>(
    errors: impl Iterator<Item = ValidationError<'e>>,
    around: Surroundings<'_>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for error in errors {
        explain(&error, around, &mut found);
    }
    found.sort_by(|left, right| {
        let key = |violation: &Violation| violation.span.map(|span| span.start);
        (key(left), &left.instance_pointer, &left.schema_pointer, &left.message).cmp(&(
            key(right),
            &right.instance_pointer,
            &right.schema_pointer,
            &right.message,
        ))
    });
    found.dedup_by(|left, right| {
        left.instance_pointer == right.instance_pointer && left.message == right.message
    });
    without_consequences(found)
}

/// A value of the wrong type breaks other keywords too; what another branch did not evaluate is no fault of its own.
fn without_consequences(found: Vec<Violation>) -> Vec<Violation> {
    let parent =
        |pointer: &str| pointer.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned());
    let wrong_type: Vec<(String, String)> = found
        .iter()
        .filter(|violation| violation.keyword == "type")
        .map(|violation| (violation.instance_pointer.clone(), parent(&violation.schema_pointer)))
        .collect();
    let has_others = found.iter().any(|violation| !violation.keyword.starts_with("unevaluated"));
    let kept = |violation: &Violation| match violation.keyword.as_str() {
        "enum" | "const" | "format" | "pattern" => {
            !wrong_type.contains(&(violation.instance_pointer.clone(), parent(&violation.schema_pointer)))
        }
        "unevaluatedProperties" | "unevaluatedItems" => !has_others,
        _ => true,
    };
    let keep: Vec<bool> = found.iter().map(kept).collect();
    found.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(violation, _)| violation).collect()
}

/// Adds what one error means.
pub(super) fn explain(error: &ValidationError<'_>, around: Surroundings<'_>, found: &mut Vec<Violation>) {
    let draft = Draft { error, around };
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            branch::explain(error, context, around, found);
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            found.extend(unexpected.iter().map(|name| draft.unknown_property(name)));
        }
        // The validator's word for an object that may have no property at all.
        Kind::FalseSchema if error.schema_path().as_str().ends_with("/additionalProperties") => {
            // Its place is the object, its instance some property's value: the names are in the tree alone.
            match draft.node() {
                Some(node) => {
                    found.extend(node.entries().iter().map(|entry| draft.unknown_property(&entry.key)));
                }
                None => found.push(draft.no_properties()),
            }
        }
        Kind::Required { property } => found.push(draft.missing(property)),
        Kind::PropertyNames { error: inner } => found.push(draft.property_name(inner)),
        Kind::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(single) => vec![single.to_string()],
                TypeKind::Multiple(several) => several.iter().map(|kind| kind.to_string()).collect(),
            };
            found.push(draft.wrong_type(&expected));
        }
        Kind::Enum { options } => found.push(draft.none_of(options)),
        Kind::Constant { expected_value } => found.push(draft.not_the_constant(expected_value)),
        _ => found.push(draft.plain()),
    }
}

/// A violation in the making.
pub(super) struct Draft<'a, 'e> {
    pub error: &'a ValidationError<'e>,
    pub around: Surroundings<'a>,
}

impl Draft<'_, '_> {
    fn pointer(&self) -> &str {
        self.error.instance_path().as_str()
    }

    /// A violation at the error's own place.
    pub(super) fn at_value(&self, message: String) -> Violation {
        let schema_path = self.error.schema_path().as_str();
        let origin = self.around.bundle.and_then(|bundle| bundle.origin(schema_path));
        let (schema_file, schema_pointer, schema_span) = match origin {
            Some((file, pointer, span)) => (Some(file), pointer, span),
            None => (None, schema_path.to_owned(), None),
        };
        Violation {
            instance_pointer: self.pointer().to_owned(),
            schema_file,
            schema_pointer,
            keyword: self.keyword(),
            message,
            expected: None,
            actual: Some(shown(self.error.instance())),
            help: None,
            span: self.node().map(|node| node.span),
            position: None,
            schema_span,
        }
    }

    fn keyword(&self) -> String {
        match self.error.kind() {
            // A `false` schema forbids under whatever keyword it stands.
            Kind::FalseSchema => last_token(self.error.schema_path().as_str()),
            kind => kind.keyword().to_owned(),
        }
    }

    fn node(&self) -> Option<&NodeRef> {
        self.around.instance.and_then(|root| root.pointer(self.pointer()))
    }

    fn schema_parent(&self) -> Option<&NodeRef> {
        let (parent, _) = self.error.schema_path().as_str().rsplit_once('/')?;
        self.around.bundle?.node(parent)
    }

    fn no_properties(&self) -> Violation {
        let mut violation = self.at_value(format!("{} must have no properties", place(self.pointer())));
        violation.actual = None;
        violation
    }

    fn unknown_property(&self, name: &str) -> Violation {
        let mut violation = self.at_value(format!("unknown property `{name}`{}", of_place(self.pointer())));
        let known: Vec<&str> = self
            .schema_parent()
            .and_then(|schema| schema.get("properties"))
            .map(|properties| properties.entries().iter().map(|entry| entry.key.as_str()).collect())
            .unwrap_or_default();
        violation.help = match nearest(name, known.iter().copied()) {
            Some(meant) => Some(format!("did you mean `{meant}`?")),
            None if known.is_empty() => None,
            None => Some(format!("known here: {}", alternatives(&known))),
        };
        violation.actual = Some(format!("`{name}`"));
        if let Some(entry) = self.node().and_then(|node| node.entry(name)) {
            violation.span = Some(entry.key_span);
        }
        violation.instance_pointer = pointer_push(self.pointer(), name);
        violation
    }

    fn missing(&self, property: &Value) -> Violation {
        let name = property.as_str().unwrap_or_default();
        let message = format!("required property `{name}`{} is missing", of_place(self.pointer()));
        let mut violation = self.at_value(message);
        violation.expected = Some(format!("`{name}`"));
        let declared = self.schema_parent().and_then(|schema| schema.get("properties"));
        let present = self.error.instance().as_object().into_iter().flatten();
        let strangers = present
            .map(|(key, _)| key.as_str())
            .filter(|key| declared.is_none_or(|properties| properties.get(key).is_none()));
        violation.help = nearest(name, strangers).map(|meant| format!("is `{meant}` meant to be `{name}`?"));
        violation.actual = None;
        violation.span = self.parent_span();
        violation
    }

    /// What to underline for something absent: the key of the object it is absent from, else the object's beginning.
    fn parent_span(&self) -> Option<Span> {
        let root = self.around.instance?;
        if let Some((parent, token)) = self.pointer().rsplit_once('/') {
            let token = token.replace("~1", "/").replace("~0", "~");
            if let Some(entry) = root.pointer(parent).and_then(|parent| parent.entry(&token)) {
                return Some(entry.key_span);
            }
        }
        let node = self.node()?;
        let first = node.entries().first().map_or(node.span, |entry| entry.key_span);
        Some(Span { end: first.end, ..node.span })
    }

    fn property_name(&self, inner: &ValidationError<'static>) -> Violation {
        let name = inner.instance().as_str().unwrap_or_default().to_owned();
        let mut reasons = Vec::new();
        explain(inner, Surroundings { bundle: self.around.bundle, instance: None }, &mut reasons);
        let reason = reasons.first().map(|reason| reason.message.clone()).unwrap_or_default();
        let reason = reason.strip_prefix("the value ").unwrap_or(&reason);
        let mut violation = self.at_value(format!("the property name `{name}` {reason}"));
        violation.actual = Some(format!("`{name}`"));
        if let Some(entry) = self.node().and_then(|node| node.entry(&name)) {
            violation.span = Some(entry.key_span);
        }
        violation
    }

    /// A value of another type than these.
    pub(super) fn wrong_type(&self, expected: &[String]) -> Violation {
        let instance = self.error.instance();
        let wanted: Vec<String> = expected.iter().map(|kind| with_article(kind)).collect();
        let wanted = match wanted.as_slice() {
            [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
            _ => wanted.concat(),
        };
        let found = match instance.as_ref() {
            Value::Number(number) if expected == ["integer"] => format!("the number {number}"),
            other => with_article(kind(other)),
        };
        let mut violation = self.at_value(format!("{} is {found}, not {wanted}", place(self.pointer())));
        violation.expected = Some(expected.join(" or "));
        violation
    }

    fn none_of(&self, options: &Value) -> Violation {
        let options: Vec<&Value> =
            options.as_array().map(|values| values.iter().collect()).unwrap_or_default();
        self.outside(&options)
    }

    /// A value that is none of these.
    pub(super) fn outside(&self, options: &[&Value]) -> Violation {
        let instance = self.error.instance();
        let words: Vec<String> = options.iter().map(|option| bare(option)).collect();
        let message =
            format!("{} is {}, not {}", place(self.pointer()), shown(instance), alternatives(&words));
        let mut violation = self.at_value(message);
        violation.expected = Some(alternatives(&words));
        let texts = options.iter().filter_map(|option| option.as_str());
        violation.help = instance
            .as_str()
            .and_then(|text| nearest(text, texts))
            .map(|meant| format!("did you mean `{meant}`?"));
        violation
    }

    fn not_the_constant(&self, expected: &Value) -> Violation {
        self.outside(&[expected])
    }

    /// Everything whose message needs nothing but the value and a limit.
    fn plain(&self) -> Violation {
        let place = place(self.pointer());
        let instance = self.error.instance();
        let (message, expected) = match limit(self.error.kind(), instance) {
            Some((message, expected)) => (format!("{place} {message}"), Some(expected)),
            None => (self.other(&place), None),
        };
        let mut violation = self.at_value(message);
        violation.expected = expected;
        violation
    }

    fn other(&self, place: &str) -> String {
        match self.error.kind() {
            Kind::Contains => format!("{place} does not hold as many fitting items as `contains` asks for"),
            Kind::UniqueItems => match repeated(self.error.instance()) {
                Some((first, second)) => {
                    format!("{place} must not repeat itself, but items {first} and {second} are equal")
                }
                None => format!("{place} must not repeat itself"),
            },
            Kind::AdditionalItems { limit } => format!("{place} has more than {}", count(*limit, "item")),
            Kind::UnevaluatedItems { .. } => format!("{place} has items that no part of the schema allows"),
            Kind::FalseSchema => format!("{place} is not allowed here"),
            Kind::Not { .. } => format!("{place} is what `not` forbids"),
            Kind::OneOfMultipleValid { context } => {
                let fitting = context.iter().enumerate().filter(|(_, errors)| errors.is_empty());
                let numbers: Vec<String> = fitting.map(|(index, _)| (index + 1).to_string()).collect();
                format!("{place} fits more than one schema of `oneOf`: numbers {}", numbers.join(" and "))
            }
            Kind::BacktrackLimitExceeded { .. } => {
                format!("{place} takes too long to match against its pattern")
            }
            Kind::Custom { message, .. } => format!("{place}: {message}"),
            other => format!("{place} breaks `{}`", other.keyword()),
        }
    }
}

/// The violations of a limit: what the value does, and the limit in words.
fn limit(kind: &Kind, instance: &Value) -> Option<(String, String)> {
    let size = match instance {
        Value::String(text) => count(text.chars().count(), "character"),
        Value::Array(items) => count(items.len(), "item"),
        Value::Object(members) => count(members.len(), "property"),
        _ => String::new(),
    };
    let shown = shown(instance);
    Some(match kind {
        Kind::Minimum { limit } => (format!("is {shown}, less than {limit}"), format!("at least {limit}")),
        Kind::Maximum { limit } => (format!("is {shown}, more than {limit}"), format!("at most {limit}")),
        Kind::ExclusiveMinimum { limit } => {
            (format!("is {shown}, not more than {limit}"), format!("more than {limit}"))
        }
        Kind::ExclusiveMaximum { limit } => {
            (format!("is {shown}, not less than {limit}"), format!("less than {limit}"))
        }
        Kind::MinLength { limit } | Kind::MinItems { limit } | Kind::MinProperties { limit } => {
            (format!("has {size}, fewer than {limit}"), format!("at least {limit}"))
        }
        Kind::MaxLength { limit } | Kind::MaxItems { limit } | Kind::MaxProperties { limit } => {
            (format!("has {size}, more than {limit}"), format!("at most {limit}"))
        }
        Kind::MultipleOf { multiple_of } => {
            (format!("is {shown}, no multiple of {multiple_of}"), format!("a multiple of {multiple_of}"))
        }
        Kind::Pattern { pattern } => {
            (format!("does not match the pattern `{pattern}`"), format!("`{pattern}`"))
        }
        Kind::Format { format } => (format!("is no valid `{format}`"), format!("`{format}`")),
        _ => return None,
    })
}

/// A value in backticks needs no quotes of its own.
fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| shown(value), str::to_owned)
}

/// The first two equal items, counted from 0.
fn repeated(instance: &Value) -> Option<(usize, usize)> {
    let items = instance.as_array()?;
    // Past this many a quadratic search is not worth the nicer message.
    let items = items.get(..items.len().min(1000))?;
    items.iter().enumerate().find_map(|(second, item)| {
        let first = items[..second].iter().position(|other| jsonschema::json::cmp::equal(other, item))?;
        Some((first, second))
    })
}

fn last_token(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or_default().to_owned()
}
