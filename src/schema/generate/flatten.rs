//! Brings references, `allOf`, a chosen branch and a chosen condition of a schema together into one set of keywords.

use serde_json::{Map, Value};

use super::random::Random;

/// References, branches and conditions followed before a schema counts as endless.
const STEPS: usize = 200;

/// Keywords that lead to further schemas for the same value.
const LEADING: [&str; 7] = ["$ref", "allOf", "anyOf", "oneOf", "if", "then", "else"];

/// Follows schemas of one bundle.
pub(super) struct Flattener<'a> {
    pub root: &'a Value,
    pub random: &'a mut Random,
    /// Prefer branches without more inside, to come to an end.
    pub ending: bool,
    steps: usize,
}

impl<'a> Flattener<'a> {
    pub(super) fn new(root: &'a Value, random: &'a mut Random, ending: bool) -> Self {
        Self { root, random, ending, steps: 0 }
    }

    /// All keywords that hold for a value of `schema`; none when nothing can.
    pub(super) fn flatten(&mut self, schema: &Value) -> Option<Map<String, Value>> {
        let mut flat = Map::new();
        self.add(schema, &mut flat).then_some(flat)
    }

    /// Adds a schema's keywords; false when they contradict those there.
    fn add(&mut self, schema: &Value, flat: &mut Map<String, Value>) -> bool {
        self.steps += 1;
        let keywords = match schema {
            Value::Object(keywords) if self.steps <= STEPS => keywords,
            Value::Bool(truth) => return *truth,
            _ => return false,
        };
        let own = keywords.iter().filter(|(keyword, _)| !LEADING.contains(&keyword.as_str()));
        for (keyword, value) in own {
            if !merge(flat, keyword, value) {
                return false;
            }
        }
        self.add_target(keywords, flat)
            && self.add_all(keywords, flat)
            && self.add_branch(keywords.get("oneOf"), flat)
            && self.add_branch(keywords.get("anyOf"), flat)
            && self.add_condition(keywords, flat)
    }

    fn add_target(&mut self, keywords: &Map<String, Value>, flat: &mut Map<String, Value>) -> bool {
        let Some(reference) = keywords.get("$ref").and_then(Value::as_str) else {
            return true;
        };
        let root = self.root;
        match reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
            Some(target) => self.add(target, flat),
            // A meta-schema: any object will do for a start, and the check decides.
            None => merge(flat, "type", &"object".into()),
        }
    }

    fn add_all(&mut self, keywords: &Map<String, Value>, flat: &mut Map<String, Value>) -> bool {
        let schemas = keywords.get("allOf").and_then(Value::as_array).into_iter().flatten();
        schemas.into_iter().all(|schema| self.add(schema, flat))
    }

    fn add_branch(&mut self, branches: Option<&Value>, flat: &mut Map<String, Value>) -> bool {
        let Some(branches) = branches.and_then(Value::as_array) else {
            return true;
        };
        let mut open: Vec<&Value> = branches.iter().collect();
        if self.ending {
            let root = self.root;
            open.sort_by_key(|branch| weight(root, branch, 0));
            // Only branches as light as the lightest are left to chance.
            let lightest = open.first().map_or(0, |branch| weight(root, branch, 0));
            open.retain(|branch| weight(root, branch, 0) == lightest);
        }
        while !open.is_empty() {
            let branch = open.swap_remove(self.random.index(open.len()));
            let mut attempt = flat.clone();
            if self.add(branch, &mut attempt) {
                *flat = attempt;
                return true;
            }
        }
        false
    }

    fn add_condition(&mut self, keywords: &Map<String, Value>, flat: &mut Map<String, Value>) -> bool {
        let Some(condition) = keywords.get("if") else {
            return true;
        };
        let (then, otherwise) = (keywords.get("then"), keywords.get("else"));
        let mut attempt = flat.clone();
        let meets = self.random.percent(50)
            && self.add(condition, &mut attempt)
            && then.is_none_or(|then| self.add(then, &mut attempt));
        if meets {
            *flat = attempt;
            return true;
        }
        // What meets neither the condition nor this is found out by the check.
        otherwise.is_none_or(|otherwise| self.add(otherwise, flat))
    }
}

/// How much a value of a schema must hold: 0 for scalars, more for what nests.
fn weight(root: &Value, schema: &Value, depth: usize) -> usize {
    let Some(keywords) = schema.as_object() else {
        return 0;
    };
    if depth > 8 {
        return depth;
    }
    if let Some(pointer) =
        keywords.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'))
    {
        return root.pointer(pointer).map_or(0, |target| weight(root, target, depth + 1));
    }
    let nests = keywords.get("type").is_none_or(|kind| kind == "object" || kind == "array");
    let required = keywords.get("required").and_then(Value::as_array).map_or(0, Vec::len);
    let items = usize::from(keywords.get("minItems").and_then(Value::as_u64).unwrap_or(0) > 0);
    if nests { 1 + required + items } else { 0 }
}

/// Adds a keyword to others so that both hold; false when both cannot.
fn merge(flat: &mut Map<String, Value>, keyword: &str, value: &Value) -> bool {
    let Some(present) = flat.get_mut(keyword) else {
        flat.insert(keyword.to_owned(), value.clone());
        return true;
    };
    match keyword {
        "type" => return merge_types(present, value),
        "const" => return *present == *value,
        "enum" => {
            if let (Value::Array(present), Value::Array(values)) = (present, value) {
                present.retain(|one| values.contains(one));
                return !present.is_empty();
            }
        }
        "required" => {
            if let (Value::Array(present), Value::Array(names)) = (present, value) {
                present.extend(names.iter().cloned());
            }
        }
        "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" | "minContains"
            if value.as_f64() > present.as_f64() =>
        {
            *present = value.clone();
        }
        "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" | "maxContains"
            if value.as_f64() < present.as_f64() =>
        {
            *present = value.clone();
        }
        "properties" | "patternProperties" => merge_properties(present, value),
        "items" | "additionalProperties" | "additionalItems" | "contains" | "propertyNames" => {
            *present = both(present, value);
        }
        // The first of two patterns, formats or multiples leads; the check says whether the other holds too.
        _ => {}
    }
    true
}

fn both(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Bool(true), other) | (other, Value::Bool(true)) => other.clone(),
        (Value::Bool(false), _) | (_, Value::Bool(false)) => Value::Bool(false),
        _ if left == right => left.clone(),
        _ => serde_json::json!({ "allOf": [left, right] }),
    }
}

fn merge_properties(present: &mut Value, value: &Value) {
    let (Some(present), Some(more)) = (present.as_object_mut(), value.as_object()) else {
        return;
    };
    for (name, schema) in more {
        let merged = present.get(name).map_or_else(|| schema.clone(), |there| both(there, schema));
        present.insert(name.clone(), merged);
    }
}

fn merge_types(present: &mut Value, value: &Value) -> bool {
    let names = |value: &Value| match value {
        Value::Array(names) => names.clone(),
        one => vec![one.clone()],
    };
    let (left, right) = (names(present), names(value));
    let mut kept: Vec<Value> = left.iter().filter(|name| right.contains(name)).cloned().collect();
    let integer = Value::from("integer");
    let number = Value::from("number");
    let narrows = (left.contains(&integer) && right.contains(&number))
        || (left.contains(&number) && right.contains(&integer));
    if narrows && !kept.contains(&integer) && !kept.contains(&number) {
        kept.push(integer);
    }
    let possible = !kept.is_empty();
    *present = Value::Array(kept);
    possible
}
