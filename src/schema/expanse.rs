//! How far a bundle reaches before a single value is read: schemas that apply to one and the same value, and how deep its
//! references lead. Both can be out of all proportion to the text, and the validator goes through them by recursion.

use std::collections::HashMap;

use serde_json::Value;

/// Schemas that may apply to one value, counted as often as they are reached; contracts of people have a few thousand.
pub(super) const APPLIED: u64 = 100_000;
/// References in `allOf` and its like that may lead on from each other.
pub(super) const LEVELS: usize = 250;

/// Keywords whose schemas apply to the value itself, not to a part of it.
const LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const SINGLE: [&str; 4] = ["not", "if", "then", "else"];

/// How a schema is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// Too many schemas apply to one value.
    Applied,
    /// They lead on from each other too often.
    Levels,
}

/// The definitions of a bundle that are too much, by number, the innermost one first.
pub(super) fn excess(bundle: &Value) -> Vec<(usize, Excess)> {
    let Some(definitions) = definitions(bundle) else { return Vec::new() };
    let mut measure = Measure { definitions, known: HashMap::new() };
    // What was reached last refers to little that is not measured then, so that the way down is short.
    let sizes = (0..definitions.len()).rev().map(|number| (number, measure.definition(number, 0)));
    let mut found: Vec<(usize, Size)> =
        sizes.filter(|(_, size)| size.applied > APPLIED || size.levels > LEVELS).collect();
    found.sort_by_key(|(_, size)| (size.applied, size.levels));
    let kind = |size: Size| if size.levels > LEVELS { Excess::Levels } else { Excess::Applied };
    found.into_iter().map(|(number, size)| (number, kind(size))).collect()
}

/// How many references lead on from each other at most, as whoever visits each definition once goes through them.
pub(super) fn reference_levels(bundle: &Value) -> usize {
    let Some(definitions) = definitions(bundle) else { return 0 };
    let mut is_seen = vec![false; definitions.len()];
    let (mut open, mut most) = (vec![(0, 1)], 0);
    while let Some((number, level)) = open.pop() {
        if is_seen.get(number).is_none_or(|seen| *seen) {
            continue;
        }
        is_seen[number] = true;
        most = most.max(level);
        let mut reached = Vec::new();
        references(definitions.get(&number.to_string()), &mut reached);
        open.extend(reached.into_iter().rev().map(|number| (number, level + 1)));
    }
    most
}

fn definitions(bundle: &Value) -> Option<&serde_json::Map<String, Value>> {
    ["definitions", "$defs"].iter().find_map(|name| bundle.get(name)?.as_object())
}

fn target(schema: &Value) -> Option<usize> {
    let written = schema.get("$ref")?.as_str()?;
    written.strip_prefix("#/definitions/").or_else(|| written.strip_prefix("#/$defs/"))?.parse().ok()
}

fn references(schema: Option<&Value>, found: &mut Vec<usize>) {
    match schema {
        Some(Value::Object(members)) => {
            found.extend(schema.and_then(target));
            members.values().for_each(|member| references(Some(member), found));
        }
        Some(Value::Array(items)) => items.iter().for_each(|item| references(Some(item), found)),
        _ => {}
    }
}

#[derive(Clone, Copy, Default)]
struct Size {
    applied: u64,
    levels: usize,
}

impl Size {
    fn and(self, other: Self) -> Self {
        Self { applied: self.applied.saturating_add(other.applied), levels: self.levels.max(other.levels) }
    }
}

struct Measure<'a> {
    definitions: &'a serde_json::Map<String, Value>,
    /// Sizes of definitions; nothing for those under way, whose circles are for others to judge.
    known: HashMap<usize, Size>,
}

impl Measure<'_> {
    fn definition(&mut self, number: usize, level: usize) -> Size {
        if let Some(known) = self.known.get(&number) {
            return *known;
        }
        let Some(schema) = self.definitions.get(&number.to_string()) else { return Size::default() };
        if level > LEVELS {
            return Size { applied: 1, levels: LEVELS };
        }
        self.known.insert(number, Size::default());
        let inner = self.schema(schema, level + 1);
        let size = Size { levels: inner.levels + 1, ..inner };
        self.known.insert(number, size);
        size
    }

    fn schema(&mut self, schema: &Value, level: usize) -> Size {
        let mut size = Size { applied: 1, levels: 0 };
        if let Some(number) = target(schema) {
            size = size.and(self.definition(number, level));
        }
        let lists = LISTS.iter().filter_map(|keyword| schema.get(keyword)?.as_array()).flatten();
        let single = SINGLE.iter().filter_map(|keyword| schema.get(keyword));
        let dependent = schema.get("dependentSchemas").and_then(Value::as_object);
        for part in lists.chain(single).chain(dependent.into_iter().flat_map(serde_json::Map::values)) {
            size = size.and(self.schema(part, level));
        }
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bundle(count: usize, schema: impl Fn(usize) -> Value) -> Value {
        let last = (count.to_string(), json!({ "type": "object" }));
        let all = (0..count).map(|number| (number.to_string(), schema(number + 1)));
        json!({ "$ref": "#/$defs/0", "$defs": all.chain([last]).collect::<serde_json::Map<_, _>>() })
    }

    fn to(number: usize) -> Value {
        json!({ "$ref": format!("#/$defs/{number}") })
    }

    #[test]
    fn what_doubles_with_each_level_is_too_much() {
        for keyword in LISTS {
            let doubled = |count| bundle(count, |next| json!({ keyword: [to(next), to(next)] }));
            assert_eq!(excess(&doubled(8)), [], "{keyword}");
            // The innermost of those that are too much is named.
            assert_eq!(excess(&doubled(24)).first(), Some(&(9, Excess::Applied)), "{keyword}");
        }
        let of_parts = bundle(24, |next| json!({ "properties": { "a": to(next), "b": to(next) } }));
        assert_eq!(excess(&of_parts), []);
        assert_eq!(reference_levels(&of_parts), 25);
    }

    #[test]
    fn long_ways_to_one_value_are_too_much_and_circles_are_not() {
        assert_eq!(excess(&bundle(100, to)), []);
        assert_eq!(excess(&bundle(400, to)).first(), Some(&(150, Excess::Levels)));
        let circle = bundle(3, |next| json!({ "allOf": [to(next % 3), to(next % 3)] }));
        assert_eq!(excess(&circle), []);
    }
}
