//! Sample values of a schema: deterministic by their seed, plausible where the schema leaves freedom, and each checked
//! by the schema before it is given out.

mod flatten;
mod names;
mod number;
mod pattern;
pub(crate) mod random;
mod text;

use serde_json::{Map, Value, json};

use super::{Compiled, Violation};
use flatten::Flattener;
use names::Name;
use random::Random;

/// How often a value is made anew when the schema refuses it.
const ATTEMPTS: usize = 60;
/// Levels below which only what is required is made.
const MODEST_DEPTH: usize = 5;
/// Levels below which nothing is made any more.
const DEPTH: usize = 40;
/// Parts of a value after which only what is required is made.
const MODEST_SIZE: usize = 400;
/// Items a list may be asked to have.
const ITEMS: u64 = 10_000;

/// Why no value could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// The last of many values still broke this keyword.
    #[error("no value satisfies `{keyword}` at `{schema_pointer}` after {attempts} attempts: {message}")]
    Unsatisfied {
        /// The keyword.
        keyword: String,
        /// Its JSON Pointer in the file of the schema.
        schema_pointer: String,
        /// What the last value did wrong.
        message: String,
        /// How many values were made.
        attempts: usize,
    },
    /// Not even a first value could be made.
    #[error("no value can be made for {place}: its schema contradicts itself or asks for itself without end")]
    Contradiction {
        /// The part that cannot be made, in words.
        place: String,
    },
}

/// Makes sample values of one schema, one after the other.
pub struct Generator {
    schema: Compiled,
    random: Random,
    /// Parts made of the value under way.
    made: usize,
    /// The part that could not be made.
    stuck: String,
}

impl Generator {
    /// A generator whose values depend on nothing but schema and seed.
    #[must_use]
    pub fn new(schema: &Compiled, seed: u64) -> Self {
        Self { schema: schema.clone(), random: Random::new(seed), made: 0, stuck: String::new() }
    }

    /// The next value.
    ///
    /// # Errors
    /// [`GenerateError`], naming the keyword that could not be satisfied.
    pub fn value(&mut self) -> Result<Value, GenerateError> {
        let mut last: Option<Violation> = None;
        for _ in 0..ATTEMPTS {
            self.made = 0;
            let schema = self.schema.clone();
            let root = schema.self_contained();
            let Some(value) = self.make(root, root, &Name::default(), 0) else {
                continue;
            };
            match schema.check_value(&value).into_iter().next() {
                None => return Ok(value),
                Some(violation) => last = Some(violation),
            }
        }
        Err(match last {
            Some(violation) => GenerateError::Unsatisfied {
                keyword: violation.keyword,
                schema_pointer: violation.schema_pointer,
                message: violation.message,
                attempts: ATTEMPTS,
            },
            None => GenerateError::Contradiction { place: self.stuck.clone() },
        })
    }

    fn is_modest(&self, depth: usize) -> bool {
        depth > MODEST_DEPTH || self.made > MODEST_SIZE
    }

    fn make(&mut self, root: &Value, schema: &Value, name: &Name, depth: usize) -> Option<Value> {
        self.made += 1;
        let ending = self.is_modest(depth);
        let flat = Flattener::new(root, &mut self.random, ending).flatten(schema);
        let made = match flat {
            Some(keywords) if depth <= DEPTH => self.by_keywords(root, &keywords, name, depth),
            _ => None,
        };
        if made.is_none() && self.stuck.is_empty() {
            self.stuck =
                if depth == 0 { "the schema".to_owned() } else { format!("a part {depth} levels deep") };
        }
        made
    }

    fn by_keywords(
        &mut self,
        root: &Value,
        keywords: &Map<String, Value>,
        name: &Name,
        depth: usize,
    ) -> Option<Value> {
        if let Some(value) = keywords.get("const") {
            return Some(value.clone());
        }
        if let Some(Value::Array(values)) = keywords.get("enum") {
            return self.random.choose(values).cloned();
        }
        if let Some(value) = self.suggested(keywords) {
            return Some(value);
        }
        match self.kind(keywords)?.as_str() {
            "null" => Some(Value::Null),
            "boolean" => Some(self.random.percent(50).into()),
            "integer" => number::number(keywords, true, name, &mut self.random),
            "number" => number::number(keywords, false, name, &mut self.random),
            "string" => text::text(keywords, name, &mut self.random).map(Value::String),
            "array" => self.array(root, keywords, name, depth),
            _ => self.object(root, keywords, depth),
        }
    }

    /// Now and then what the schema itself gives as an example.
    fn suggested(&mut self, keywords: &Map<String, Value>) -> Option<Value> {
        let roll = self.random.below(100);
        match (keywords.get("examples"), keywords.get("example"), keywords.get("default")) {
            (Some(Value::Array(examples)), ..) if roll < 30 => self.random.choose(examples).cloned(),
            (_, Some(example), _) if roll < 30 => Some(example.clone()),
            (.., Some(default)) if roll >= 85 => Some(default.clone()),
            _ => None,
        }
    }

    /// The type of the value: one of those allowed, seldom null; else what the keywords speak of.
    fn kind(&mut self, keywords: &Map<String, Value>) -> Option<String> {
        match keywords.get("type") {
            Some(Value::String(kind)) => return Some(kind.clone()),
            Some(Value::Array(kinds)) => {
                let named: Vec<&Value> = kinds.iter().filter(|kind| *kind != "null").collect();
                let has_null = named.len() < kinds.len();
                if has_null && (named.is_empty() || self.random.percent(10)) {
                    return Some("null".to_owned());
                }
                return self.random.choose(&named)?.as_str().map(str::to_owned);
            }
            _ => {}
        }
        let speaks_of = |words: &[&str]| words.iter().any(|word| keywords.contains_key(*word));
        let kind = if speaks_of(&[
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "minProperties",
            "dependentRequired",
            "propertyNames",
        ]) {
            "object"
        } else if speaks_of(&["items", "prefixItems", "minItems", "contains", "uniqueItems"]) {
            "array"
        } else if speaks_of(&["multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]) {
            "number"
        } else {
            "string"
        };
        Some(kind.to_owned())
    }

    fn array(
        &mut self,
        root: &Value,
        keywords: &Map<String, Value>,
        name: &Name,
        depth: usize,
    ) -> Option<Value> {
        let limit = |keyword: &str| keywords.get(keyword).and_then(Value::as_u64);
        let wanted = keywords.get("contains").map(|schema| (schema, limit("minContains").unwrap_or(1)));
        let leading = match (keywords.get("prefixItems"), keywords.get("items")) {
            (Some(Value::Array(schemas)), _) | (None, Some(Value::Array(schemas))) => schemas.as_slice(),
            _ => &[],
        };
        let rest = match keywords.get("items") {
            Some(Value::Array(_)) => keywords.get("additionalItems"),
            other => other,
        };
        let least = limit("minItems").unwrap_or(0).max(wanted.map_or(0, |(_, count)| count));
        let usual = if self.is_modest(depth) { 0 } else { 1 + self.random.below(3) };
        let closed = rest == Some(&Value::Bool(false));
        let usual = if closed { leading.len() as u64 } else { usual.max(leading.len() as u64) };
        let length = usual.max(least).min(limit("maxItems").unwrap_or(u64::MAX));
        let length = usize::try_from(length.min(ITEMS)).ok()?;
        let mut items: Vec<Value> = Vec::with_capacity(length);
        let anything = json!({ "type": "string" });
        for at in 0..length {
            let forced = wanted.filter(|(_, count)| (at as u64) < *count && leading.is_empty());
            let schema =
                forced.map(|(schema, _)| schema).or_else(|| leading.get(at)).or(rest).unwrap_or(&anything);
            let is_set = keywords.get("uniqueItems") == Some(&Value::Bool(true));
            match self.item(root, schema, name, depth, is_set.then_some(&items)) {
                Some(item) => items.push(item),
                None if items.len() as u64 >= least => break,
                None => return None,
            }
        }
        Some(Value::Array(items))
    }

    /// An item that is none of those there already, if it must not be.
    fn item(
        &mut self,
        root: &Value,
        schema: &Value,
        name: &Name,
        depth: usize,
        others: Option<&Vec<Value>>,
    ) -> Option<Value> {
        for _ in 0..20 {
            let item = self.make(root, schema, name, depth + 1)?;
            if others.is_none_or(|others| !others.contains(&item)) {
                return Some(item);
            }
        }
        None
    }

    fn object(&mut self, root: &Value, keywords: &Map<String, Value>, depth: usize) -> Option<Value> {
        let mut chosen = self.chosen_properties(keywords, depth);
        add_dependencies(keywords, &mut chosen);
        let mut members = Map::new();
        for name in &chosen {
            let schema = property_schema(keywords, name);
            if schema == Value::Bool(false) {
                continue;
            }
            let is_required = requires(keywords, name);
            match self.make(root, &schema, &Name::new(name), depth + 1) {
                Some(value) => {
                    members.insert(name.clone(), value);
                }
                None if is_required => return None,
                None => {}
            }
        }
        self.fill(root, keywords, &mut members, depth)?;
        Some(Value::Object(members))
    }

    fn chosen_properties(&mut self, keywords: &Map<String, Value>, depth: usize) -> Vec<String> {
        let declared = keywords.get("properties").and_then(Value::as_object);
        let most = keywords.get("maxProperties").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let required: Vec<&str> = keywords
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut room = most.saturating_sub(required.len() as u64);
        let mut chosen: Vec<String> = Vec::new();
        let share = if self.is_modest(depth) { 0 } else { 80 };
        for name in declared.into_iter().flat_map(Map::keys) {
            let is_required = required.contains(&name.as_str());
            if is_required {
                chosen.push(name.clone());
            } else if room > 0 && self.random.percent(share) {
                chosen.push(name.clone());
                room -= 1;
            }
        }
        for name in required {
            if !chosen.iter().any(|there| there == name) {
                chosen.push(name.to_owned());
            }
        }
        chosen
    }

    /// Adds properties until there are enough: declared ones first, then such as the schema lets one make up.
    fn fill(
        &mut self,
        root: &Value,
        keywords: &Map<String, Value>,
        members: &mut Map<String, Value>,
        depth: usize,
    ) -> Option<()> {
        let least =
            usize::try_from(keywords.get("minProperties").and_then(Value::as_u64).unwrap_or(0)).ok()?;
        if members.len() >= least {
            return Some(());
        }
        let declared = keywords.get("properties").and_then(Value::as_object);
        let spare: Vec<String> = declared.into_iter().flat_map(Map::keys).cloned().collect();
        let made_up = (0..least.saturating_mul(4).saturating_add(20)).map(|_| None);
        for candidate in spare.into_iter().map(Some).chain(made_up) {
            if members.len() >= least {
                break;
            }
            let name = match candidate {
                Some(name) => name,
                None => self.new_name(root, keywords)?,
            };
            let schema = property_schema(keywords, &name);
            if schema == Value::Bool(false) || members.contains_key(&name) {
                continue;
            }
            if let Some(value) = self.make(root, &schema, &Name::new(&name), depth + 1) {
                members.insert(name, value);
            }
        }
        Some(())
    }

    fn new_name(&mut self, root: &Value, keywords: &Map<String, Value>) -> Option<String> {
        if let Some(names) = keywords.get("propertyNames") {
            let text = json!({ "allOf": [{ "type": "string" }, names] });
            return self.make(root, &text, &Name::default(), 1)?.as_str().map(str::to_owned);
        }
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        let patterns: Vec<&String> = patterns.into_iter().flat_map(Map::keys).collect();
        let pattern = self.random.choose(&patterns).copied();
        match pattern {
            Some(pattern) => pattern::matching(pattern, 4, &mut self.random),
            None => Some(format!("{}{}", names::filler(&mut self.random), self.random.between(1, 999))),
        }
    }
}

/// The schema of a property: declared, by pattern, or what holds for all others.
fn property_schema(keywords: &Map<String, Value>, name: &str) -> Value {
    if let Some(schema) = keywords.get("properties").and_then(|properties| properties.get(name)) {
        return schema.clone();
    }
    let patterns = keywords.get("patternProperties").and_then(Value::as_object);
    let matching = patterns
        .into_iter()
        .flatten()
        .find(|(pattern, _)| regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(name)));
    match (matching, keywords.get("additionalProperties")) {
        (Some((_, schema)), _) | (None, Some(schema)) => schema.clone(),
        (None, None) => Value::Bool(true),
    }
}

fn requires(keywords: &Map<String, Value>, name: &str) -> bool {
    keywords
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|names| names.iter().any(|one| one == name))
}

/// Adds the properties that chosen ones bring with them.
fn add_dependencies(keywords: &Map<String, Value>, chosen: &mut Vec<String>) {
    let rules: Vec<&Map<String, Value>> = ["dependentRequired", "dependencies"]
        .iter()
        .filter_map(|keyword| keywords.get(*keyword).and_then(Value::as_object))
        .collect();
    let mut next = 0;
    while next < chosen.len() {
        let brought = rules.iter().filter_map(|rule| rule.get(&chosen[next])?.as_array());
        let brought: Vec<String> = brought.flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        for name in brought {
            if !chosen.contains(&name) {
                chosen.push(name);
            }
        }
        next += 1;
    }
}

#[cfg(test)]
mod tests;
