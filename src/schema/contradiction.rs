//! Parts of a schema that no value can satisfy, as far as that can be proved; what cannot be proved is passed over.

use std::collections::HashSet;

use jsonschema::canonical::{
    self, CanonicalKind, CanonicalSchema, Cause, Containment, PreparedDocument, Satisfiability,
    UnsatisfiableReason,
};
use serde_json::Value;

use super::Compiled;
use super::bundle::Bundle;
use super::expanse::reference_levels;
use crate::source_text::tree::pointer_push;
use crate::source_text::{FileId, Span};

/// Choices of one schema that are looked at; more would cost more than they tell.
const CHOICES: usize = 64;
/// Branches of one choice that are held against each other.
const BRANCHES: usize = 12;
/// Values a schema may consist of to be looked at.
const NODES: usize = 20_000;
/// References that may lead on from each other in a schema that is looked at, and how many the usual stack has room for:
/// proving goes down by recursion.
const LEVELS: usize = 1_000;
const USUAL_LEVELS: usize = 40;
/// Bytes of the stack for more.
const STACK: usize = 128 << 20;

/// A part of a schema that no value satisfies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The file it stands in.
    pub file: FileId,
    /// Its JSON Pointer there.
    pub pointer: String,
    /// Its place.
    pub span: Option<Span>,
    /// Why.
    pub reason: Reason,
}

/// Why a part of a schema is never satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// These keywords cannot hold together; one alone holds for nothing. Each with its place.
    Keywords(Vec<(String, Option<Span>)>),
    /// A branch of `oneOf` or `anyOf` that what stands beside the keyword forbids.
    Surroundings,
    /// A branch of `oneOf` whose values all fit another branch too, with the place of that one.
    Covered(Option<Span>),
}

impl Compiled {
    /// How much there is to look through for contradictions, in values of the schema; 0 when there can be none, or too
    /// much.
    #[must_use]
    pub fn weight_of_proof(&self) -> usize {
        let schema = &self.bundle().schema;
        if !has_something_to_prove(schema) {
            return 0;
        }
        match count(schema, NODES) {
            0 => 0,
            left => NODES - left,
        }
    }

    /// The parts that no value satisfies, in order of place; innermost ones only.
    #[must_use]
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let bundle = self.bundle();
        if self.weight_of_proof() == 0 {
            return Vec::new();
        }
        let levels = reference_levels(&bundle.schema);
        if levels <= USUAL_LEVELS {
            return contradictions(bundle);
        }
        if levels > LEVELS {
            return Vec::new();
        }
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK);
            let proof = thread.spawn_scoped(scope, || contradictions(bundle));
            proof.ok().and_then(|proof| proof.join().ok()).unwrap_or_default()
        })
    }
}

fn contradictions(bundle: &Bundle) -> Vec<Contradiction> {
    let mut document = bundle.schema.clone();
    let choices = choices(&mut document);
    let options = canonical::options().with_draft(bundle.dialect.draft()).offline();
    let Ok(prepared) = options.should_validate_formats(true).prepare(&document) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (pointer, reason) in prepared.unsatisfiable().unwrap_or_default() {
        let reason = match reason {
            UnsatisfiableReason::Literal => continue,
            UnsatisfiableReason::Empty(cause) if cause.keywords.is_empty() => continue,
            UnsatisfiableReason::Empty(cause) => keywords(bundle, std::slice::from_ref(&cause)),
            UnsatisfiableReason::Conflict(causes) => keywords(bundle, &causes),
        };
        found.extend(contradiction(bundle, &pointer, Reason::Keywords(reason)));
    }
    let whole: HashSet<String> = found.iter().map(|each| each.pointer.clone()).collect();
    for choice in &choices {
        // What nothing satisfies at all has no need of a word about its branches.
        let place = bundle.origin(&choice.pointer);
        if place.is_some_and(|(_, pointer, _)| whole.contains(&pointer)) {
            continue;
        }
        Branches { bundle, prepared: &prepared, choice }.judge(&mut found);
    }
    found.sort_by(|left, right| (left.span, &left.pointer).cmp(&(right.span, &right.pointer)));
    found
}

/// What is left of `limit` after counting the values inside.
fn count(value: &Value, limit: usize) -> usize {
    let left = limit.saturating_sub(1);
    match value {
        Value::Array(items) => items.iter().fold(left, |left, item| count(item, left)),
        Value::Object(members) => members.values().fold(left, |left, member| count(member, left)),
        _ => left,
    }
}

/// Whether there are keywords that could contradict each other at all; plain types and properties cannot.
fn has_something_to_prove(value: &Value) -> bool {
    const KEYWORDS: [&str; 16] = [
        "allOf",
        "oneOf",
        "anyOf",
        "not",
        "if",
        "enum",
        "const",
        "pattern",
        "maximum",
        "exclusiveMaximum",
        "maxLength",
        "maxItems",
        "maxProperties",
        "required",
        "uniqueItems",
        "contains",
    ];
    match value {
        Value::Array(items) => items.iter().any(has_something_to_prove),
        Value::Object(members) => members
            .iter()
            .any(|(key, member)| KEYWORDS.contains(&key.as_str()) || has_something_to_prove(member)),
        _ => false,
    }
}

fn contradiction(bundle: &Bundle, pointer: &str, reason: Reason) -> Option<Contradiction> {
    let (file, pointer, span) = bundle.origin(pointer)?;
    Some(Contradiction { file, pointer, span, reason })
}

fn keywords(bundle: &Bundle, causes: &[Cause]) -> Vec<(String, Option<Span>)> {
    let mut all = Vec::new();
    for cause in causes {
        let node = bundle.node(&cause.pointer);
        if cause.keywords.is_empty() {
            let name = cause.pointer.rsplit('/').next().unwrap_or_default();
            all.push((name.to_owned(), node.map(|node| node.span)));
        }
        for keyword in &cause.keywords {
            let entry = node.and_then(|node| node.entry(keyword));
            all.push((keyword.clone(), entry.map(|entry| entry.key_span)));
        }
    }
    all
}

/// A schema with `oneOf` or `anyOf`.
struct Choice {
    /// Its JSON Pointer in the bundle.
    pointer: String,
    keyword: &'static str,
    branches: usize,
    /// Where what stands beside the keyword can be asked about, when that can forbid anything.
    beside: Option<String>,
}

/// The choices of a bundle; what stands beside each joins its definitions.
fn choices(document: &mut Value) -> Vec<Choice> {
    let mut found = Vec::new();
    look_for_choices(document, "", &mut found);
    let container = ["definitions", "$defs"].into_iter().find(|name| document.get(name).is_some());
    let mut choices = Vec::new();
    for (number, (mut choice, beside)) in found.into_iter().enumerate() {
        let definitions = container.and_then(|name| document.get_mut(name)).and_then(Value::as_object_mut);
        if let (Some(name), Some(definitions), Some(beside)) = (container, definitions, beside) {
            definitions.insert(format!("beside{number}"), beside);
            choice.beside = Some(format!("/{name}/beside{number}"));
        }
        choices.push(choice);
    }
    choices
}

/// Keywords that forbid nothing.
const REMARKS: [&str; 6] = ["title", "description", "examples", "default", "discriminator", "deprecated"];

fn look_for_choices(value: &Value, pointer: &str, found: &mut Vec<(Choice, Option<Value>)>) {
    match value {
        Value::Object(members) => {
            for keyword in ["oneOf", "anyOf"] {
                let branches = members.get(keyword).and_then(Value::as_array).map_or(0, Vec::len);
                if branches > 0 && branches <= BRANCHES && found.len() < CHOICES {
                    let mut beside = members.clone();
                    beside.retain(|key, _| key != keyword && !REMARKS.contains(&key.as_str()));
                    let beside = (!beside.is_empty()).then_some(Value::Object(beside));
                    let pointer = pointer.to_owned();
                    found.push((Choice { pointer, keyword, branches, beside: None }, beside));
                }
            }
            for (key, member) in members {
                look_for_choices(member, &pointer_push(pointer, key), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                look_for_choices(item, &pointer_push(pointer, &index.to_string()), found);
            }
        }
        _ => {}
    }
}

/// The branches of one choice.
struct Branches<'a> {
    bundle: &'a Bundle,
    prepared: &'a PreparedDocument<'a>,
    choice: &'a Choice,
}

impl Branches<'_> {
    fn judge(&self, found: &mut Vec<Contradiction>) {
        let beside = self.choice.beside.as_ref().and_then(|pointer| self.known(pointer));
        let branches: Vec<Option<CanonicalSchema>> =
            (0..self.choice.branches).map(|index| self.known(&self.pointer(index))).collect();
        for (index, branch) in branches.iter().enumerate() {
            let Some(branch) = branch else {
                continue;
            };
            let is_forbidden = |beside: &CanonicalSchema| {
                beside.intersect(branch).is_ok_and(|both| both.satisfiability() == Satisfiability::No)
            };
            let reason = if beside.as_ref().is_some_and(is_forbidden) {
                Reason::Surroundings
            } else if let Some(other) = self.covering(&branches, index) {
                Reason::Covered(self.bundle.origin(&self.pointer(other)).and_then(|(.., span)| span))
            } else {
                continue;
            };
            found.extend(contradiction(self.bundle, &self.pointer(index), reason));
        }
    }

    fn pointer(&self, index: usize) -> String {
        format!("{}/{}/{index}", self.choice.pointer, self.choice.keyword)
    }

    /// The schema at a pointer, when it is understood and some value may satisfy it.
    fn known(&self, pointer: &str) -> Option<CanonicalSchema> {
        let schema = self.prepared.canonicalize_at(pointer).ok()?;
        let is_understood = schema.kind() != CanonicalKind::Raw;
        (is_understood && schema.satisfiability() != Satisfiability::No).then_some(schema)
    }

    /// The branch of `oneOf` that takes every value this one takes; of two equal ones the earlier.
    fn covering(&self, branches: &[Option<CanonicalSchema>], index: usize) -> Option<usize> {
        if self.choice.keyword != "oneOf" {
            return None;
        }
        let branch = branches.get(index)?.as_ref()?;
        let covers = |one: &CanonicalSchema, other: &CanonicalSchema| {
            one.covers(other).is_ok_and(|answer| answer == Containment::Yes)
        };
        branches.iter().enumerate().find_map(|(at, other)| {
            let other = other.as_ref().filter(|_| at != index)?;
            let is_equal_later = at > index && covers(branch, other);
            (covers(other, branch) && !is_equal_later).then_some(at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Compiler, Dialect};
    use crate::source_text::{Documents, Limits, Resolved, Sources};
    use std::path::Path;

    fn pointers(text: &str) -> Vec<(String, String)> {
        let (mut sources, mut documents) = (Sources::default(), Documents::default());
        let file = documents.add_text(&mut sources, Path::new("s.yaml"), text.to_owned(), &Limits::default());
        let node = documents.root(file).expect("a schema").clone();
        let place = Resolved { node, file, pointer: String::new() };
        let compiled = Compiler::new(&documents).compile(&place, Dialect::Draft202012).expect("a schema");
        let name = |reason: &Reason| match reason {
            Reason::Keywords(all) => all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" "),
            Reason::Surroundings => "surroundings".to_owned(),
            Reason::Covered(_) => "covered".to_owned(),
        };
        compiled.contradictions().iter().map(|each| (each.pointer.clone(), name(&each.reason))).collect()
    }

    fn one(pointer: &str, reason: &str) -> Vec<(String, String)> {
        vec![(pointer.to_owned(), reason.to_owned())]
    }

    #[test]
    fn the_innermost_part_is_named_with_its_keywords() {
        let text = "properties: {a: {type: integer, minimum: 3, maximum: 1}}\nrequired: [a]";
        assert_eq!(pointers(text), one("/properties/a", "minimum maximum"));
        let text = "allOf: [{type: string}, {type: integer}]";
        assert_eq!(pointers(text), one("", "type type"));
    }

    #[test]
    fn dead_branches_are_told_from_live_ones() {
        let text = "type: object\noneOf: [{required: [a]}, {type: string}]";
        assert_eq!(pointers(text), one("/oneOf/1", "surroundings"));
        assert_eq!(pointers("oneOf: [{type: number}, {type: integer}]"), one("/oneOf/1", "covered"));
        assert_eq!(pointers("oneOf: [{type: string}, {type: string}]"), one("", "oneOf"));
        assert_eq!(pointers("anyOf: [{type: number}, {type: integer}]"), []);
    }

    #[test]
    fn what_can_be_satisfied_is_left_alone() {
        for text in [
            "additionalProperties: false\nproperties: {a: {$ref: '#'}}",
            "oneOf: [{required: [a]}, {required: [b]}]",
            "not: {type: string}",
            "if: {required: [a]}\nthen: {required: [b]}",
            "properties: {a: false}",
        ] {
            assert_eq!(pointers(text), [], "{text}");
        }
    }
}
