//! A schema ready to check values: trees with places, payload bytes, or plain values.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use jsonschema::json::{Json, SerdeJson};
use jsonschema::{PatternOptions, Validator};

use super::Dialect;
use super::bundle::Bundle;
use super::direct::Program;
use super::format;
use super::payload_json::Payload;
use super::tree_json::Tree;
use super::violation::{Surroundings, Violation, violations};
use crate::source_text::tree::NodeRef;
use crate::source_text::{Limits, Resolved, SourceText, Sources, yaml};

/// Steps a pattern with look-around or back-references may take before it is given up.
const BACKTRACK_LIMIT: usize = 100_000;
/// Levels of arrays and objects a payload may have.
const DEPTH: usize = 128;

/// A compiled schema. Copies share what is compiled; what a kind of value needs is compiled at its first use.
#[derive(Clone)]
pub struct Compiled {
    shared: Arc<Shared>,
}

struct Shared {
    bundle: Bundle,
    tree: Lazy<Tree>,
    payload: Lazy<Payload>,
    value: Lazy<SerdeJson>,
    /// The quick way, where the schema has one.
    direct: OnceLock<Option<Program>>,
}

/// A validator for one kind of value, or why there is none.
struct Lazy<F: Json>(OnceLock<Result<Validator<F>, String>>);

impl<F: Json> Lazy<F> {
    fn get(&self, bundle: &Bundle) -> Result<&Validator<F>, Vec<Violation>> {
        let built = self.0.get_or_init(|| build::<F>(bundle));
        built
            .as_ref()
            .map_err(|reason| vec![bare("schema", format!("the schema cannot be compiled: {reason}"))])
    }
}

/// Compiles with the linear engine; patterns it does not know (look-around) take the other one, with a limit.
fn build<F: Json>(bundle: &Bundle) -> Result<Validator<F>, String> {
    let options = || {
        let draft = bundle.dialect.draft();
        let options = jsonschema::options_for::<F>()
            .with_draft(draft)
            .offline()
            .should_validate_formats(bundle.formats);
        format::with_later_formats(options, draft)
    };
    let linear = options().with_pattern_options(PatternOptions::regex()).build(&bundle.schema);
    if let Ok(validator) = linear {
        return Ok(validator);
    }
    let limited = PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT);
    options().with_pattern_options(limited).build(&bundle.schema).map_err(|error| error.to_string())
}

impl Compiled {
    pub(super) fn new(bundle: Bundle) -> Self {
        let (tree, payload, value) = (Lazy(OnceLock::new()), Lazy(OnceLock::new()), Lazy(OnceLock::new()));
        Self { shared: Arc::new(Shared { bundle, tree, payload, value, direct: OnceLock::new() }) }
    }

    /// The language it is written in.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.shared.bundle.dialect
    }

    /// Where the schema stands.
    #[must_use]
    pub fn place(&self) -> Option<&Resolved> {
        self.shared.bundle.places.first().map(|(place, _)| place)
    }

    /// The places of the schema and of all it refers to.
    pub fn places(&self) -> impl Iterator<Item = &Resolved> {
        self.shared.bundle.places.iter().map(|(place, _)| place)
    }

    /// The same, each with the language it is written in.
    pub fn places_and_dialects(&self) -> impl Iterator<Item = (&Resolved, Dialect)> {
        self.shared.bundle.places.iter().map(|(place, dialect)| (place, *dialect))
    }

    pub(super) fn bundle(&self) -> &Bundle {
        &self.shared.bundle
    }

    /// The schema and all it refers to as one plain value; references in it lead to its own definitions.
    #[must_use]
    pub fn self_contained(&self) -> &serde_json::Value {
        &self.shared.bundle.schema
    }

    /// Whether the schema describes a CloudEvents event as a whole, and not its `data` alone: it speaks of `specversion`.
    #[must_use]
    pub fn describes_envelope(&self) -> bool {
        mentions(self.self_contained(), "specversion")
    }

    /// All violations of a value that stands in a file, in order of place.
    #[must_use]
    pub fn check_tree(&self, instance: &NodeRef) -> Vec<Violation> {
        let bundle = &self.shared.bundle;
        match self.shared.tree.get(bundle) {
            Ok(validator) if validator.is_valid(instance) => Vec::new(),
            Ok(validator) => {
                let around = Surroundings { bundle: Some(bundle), instance: Some(instance) };
                violations(validator.iter_errors(instance), around)
            }
            Err(problem) => problem,
        }
    }

    /// All violations of a plain value.
    #[must_use]
    pub fn check_value(&self, instance: &serde_json::Value) -> Vec<Violation> {
        let bundle = &self.shared.bundle;
        match self.shared.value.get(bundle) {
            Ok(validator) if validator.is_valid(instance) => Vec::new(),
            Ok(validator) => {
                let around = Surroundings { bundle: Some(bundle), instance: None };
                violations(validator.iter_errors(instance), around)
            }
            Err(problem) => problem,
        }
    }

    /// Checks the bytes of a JSON payload.
    ///
    /// # Errors
    /// All violations, each with its position in the payload where there is one; a payload that is no JSON has one
    /// violation, of the keyword `json`.
    pub fn check_bytes(&self, payload: &[u8]) -> Result<(), Vec<Violation>> {
        let bundle = &self.shared.bundle;
        let direct = self.shared.direct.get_or_init(|| Program::new(&bundle.schema, bundle.dialect));
        if direct.as_ref().and_then(|direct| direct.accepts(payload)) == Some(true) {
            return Ok(());
        }
        self.check_thoroughly(payload)
    }

    /// Checks by the validator, whatever the quick way says.
    pub(super) fn check_thoroughly(&self, payload: &[u8]) -> Result<(), Vec<Violation>> {
        if nested_deeper(payload, DEPTH) {
            let message = format!("the payload is nested deeper than {DEPTH} levels");
            return Err(vec![bare("json", message)]);
        }
        let value: sonic_rs::Value =
            sonic_rs::from_slice(payload).map_err(|error| vec![not_json(payload, &error)])?;
        let validator = self.shared.payload.get(&self.shared.bundle)?;
        if validator.is_valid(&value) {
            return Ok(());
        }
        Err(self.check_again_for_places(payload).unwrap_or_else(|| {
            let around = Surroundings { bundle: Some(&self.shared.bundle), instance: None };
            violations(validator.iter_errors(&value), around)
        }))
    }

    /// The slow way for the few payloads that fail: over the tree, which knows places.
    fn check_again_for_places(&self, payload: &[u8]) -> Option<Vec<Violation>> {
        let (sources, root) = read_tree(payload)?;
        let found = with_positions(self.check_tree(&root), &sources);
        (!found.is_empty()).then_some(found)
    }
}

/// The tree of a payload, whose places are in the sources beside it.
fn read_tree(payload: &[u8]) -> Option<(Sources, NodeRef)> {
    let text = printable(String::from_utf8(payload.to_vec()).ok()?);
    let mut sources = Sources::default();
    let file = sources.add(SourceText::new(Path::new("payload"), text));
    let root = yaml::parse(&sources, file, &Limits::default()).root?;
    Some((sources, root))
}

/// JSON without the signs that YAML does not take as they are; they stand in texts only, and there an escape is the same.
fn printable(text: String) -> String {
    let is_foreign = |sign: char| {
        matches!(sign, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if !text.contains(is_foreign) {
        return text;
    }
    let escaped = |sign: char| format!("\\u{:04x}", u32::from(sign));
    let signs = text.chars().map(|sign| if is_foreign(sign) { escaped(sign) } else { sign.to_string() });
    signs.collect()
}

/// The tree of a payload that must be JSON.
pub(super) fn json_tree(payload: &[u8]) -> Result<(Sources, NodeRef), Vec<Violation>> {
    if nested_deeper(payload, DEPTH) {
        let message = format!("the payload is nested deeper than {DEPTH} levels");
        return Err(vec![bare("json", message)]);
    }
    let _: sonic_rs::Value =
        sonic_rs::from_slice(payload).map_err(|error| vec![not_json(payload, &error)])?;
    read_tree(payload).ok_or_else(|| vec![bare("json", "the payload is no JSON".to_owned())])
}

/// Violations whose places are positions in a payload, not in a file.
pub(super) fn with_positions(mut found: Vec<Violation>, sources: &Sources) -> Vec<Violation> {
    for violation in &mut found {
        let span = violation.span.take();
        violation.position = span.map(|span| sources.range(span).0);
    }
    found
}

/// Whether a part of a JSON text is nested deeper than `limit`; few brackets in all answer at once.
#[must_use]
pub fn nested_deeper(json: &[u8], limit: usize) -> bool {
    if memchr::memchr2_iter(b'[', b'{', json).nth(limit).is_none() {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

fn not_json(payload: &[u8], error: &sonic_rs::Error) -> Violation {
    if payload.is_empty() {
        return bare("json", "the payload is empty, and nothing is no JSON value".to_owned());
    }
    let offset = wrong_at(payload).unwrap_or(error.offset()).min(payload.len());
    let text = String::from_utf8_lossy(&payload[..offset]).into_owned();
    let before = SourceText::new(Path::new("payload"), text);
    let position = before.position(u32::MAX);
    let mut violation = bare("json", format!("the payload is no JSON: it goes wrong at line {position}"));
    violation.message =
        format!("the payload is no JSON from line {}, column {} on", position.line, position.column);
    violation.position = Some(position);
    violation
}

/// The byte from which on a text is no JSON, as a reader says that names the very one; none when it finds no fault.
fn wrong_at(payload: &[u8]) -> Option<usize> {
    let error = serde_json::from_slice::<serde::de::IgnoredAny>(payload).err()?;
    let line = payload.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let before: usize = line.map(<[u8]>::len).sum();
    // At the end of the text it names the last byte there is, of a control letter the byte before it, else the wrong one.
    let is_before = error.is_eof() || error.to_string().contains("control character");
    let within = if is_before { error.column() } else { error.column().saturating_sub(1) };
    Some(before + within)
}

/// A violation of a keyword, without a place.
#[must_use]
pub fn bare(keyword: &str, message: String) -> Violation {
    Violation {
        instance_pointer: String::new(),
        schema_file: None,
        schema_pointer: String::new(),
        keyword: keyword.to_owned(),
        message,
        expected: None,
        actual: None,
        help: None,
        span: None,
        position: None,
        schema_span: None,
    }
}

/// Whether a name, or a text, stands anywhere in a schema.
fn mentions(schema: &serde_json::Value, word: &str) -> bool {
    match schema {
        serde_json::Value::Object(members) => {
            members.iter().any(|(name, member)| name == word || mentions(member, word))
        }
        serde_json::Value::Array(items) => items.iter().any(|item| mentions(item, word)),
        serde_json::Value::String(text) => text == word,
        _ => false,
    }
}
