//! What a schema says of the inside of a value: which properties it lists, and whether a place can be there at all.
//! References and `allOf`, `oneOf`, `anyOf` are looked through. It knows no rule.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::CheckInput;
use crate::source_text::tree::{Entry, Node, NodeRef};

/// References and combinations looked through before a question is given up.
const DEPTH: usize = 24;

/// The properties a schema lists, and which of them it requires.
#[derive(Debug, Default)]
pub struct Listed {
    /// The properties, of `allOf` and references too; of a name listed twice the first.
    pub properties: Vec<Entry>,
    /// The names required.
    pub required: Vec<String>,
    /// Other schemas may apply instead, so that what is not listed may be there all the same.
    pub has_choice: bool,
}

impl Listed {
    /// What a schema lists.
    pub fn of(input: &CheckInput, schema: &NodeRef) -> Self {
        let mut listed = Self::default();
        listed.add(input, schema, DEPTH, &mut HashSet::new());
        listed
    }

    /// The property called `name`.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.properties.iter().find(|entry| entry.key == name)
    }

    /// Whether the property called `name` is required.
    pub fn requires(&self, name: &str) -> bool {
        self.required.iter().any(|required| required == name)
    }

    /// What was added once has nothing more to say; without `seen` parts named twice, in parts named twice, would double
    /// the work with each level.
    fn add(&mut self, input: &CheckInput, schema: &NodeRef, depth: usize, seen: &mut HashSet<*const Node>) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let Some(target) = input.behind(schema).filter(|target| seen.insert(Arc::as_ptr(&target.node)))
        else {
            return;
        };
        for entry in target.node.get("properties").map_or(&[][..], |node| node.entries()) {
            if self.get(&entry.key).is_none() {
                self.properties.push(entry.clone());
            }
        }
        let required = target.node.get("required").map_or(&[][..], |node| node.items());
        self.required.extend(required.iter().filter_map(|name| name.as_str().map(str::to_owned)));
        self.has_choice |= ["oneOf", "anyOf", "if"].iter().any(|key| target.node.get(key).is_some());
        for part in target.node.get("allOf").map_or(&[][..], |node| node.items()) {
            self.add(input, part, depth, seen);
        }
    }
}

/// How a schema stands to a place inside its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// No value can have it.
    Forbidden,
    /// Values may have it, though the schema lists its neighbours and not it.
    Unlisted,
    /// It is listed, or the schema lists nothing at all.
    Listed,
}

/// Whether values of a schema may have the place the tokens of a JSON Pointer name; in doubt they may.
pub fn standing(input: &CheckInput, schema: &NodeRef, tokens: &[String]) -> Standing {
    Question { input, known: HashMap::new() }.stand(schema, tokens, DEPTH)
}

/// One question, and what was found out on the way: by schema and by how many tokens were left.
struct Question<'a, 'b> {
    input: &'a CheckInput<'b>,
    known: HashMap<(*const Node, usize), Standing>,
}

impl Question<'_, '_> {
    fn stand(&mut self, schema: &NodeRef, tokens: &[String], depth: usize) -> Standing {
        let (Some(depth), Some(target)) = (depth.checked_sub(1), self.input.behind(schema)) else {
            return Standing::Listed;
        };
        let key = (Arc::as_ptr(&target.node), tokens.len());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let found = self.look(&target.node, tokens, depth);
        self.known.insert(key, found);
        found
    }

    fn look(&mut self, schema: &NodeRef, tokens: &[String], depth: usize) -> Standing {
        if schema.as_bool() == Some(false) {
            return Standing::Forbidden;
        }
        let Some((token, rest)) = tokens.split_first() else {
            return Standing::Listed;
        };
        if !may_have_parts(schema) {
            return Standing::Forbidden;
        }
        let mut all = vec![self.own(schema, (token, rest), depth)];
        for keyword in ["oneOf", "anyOf"] {
            let branches = schema.get(keyword).map_or(&[][..], |node| node.items()).iter();
            all.extend(branches.map(|branch| self.stand(branch, tokens, depth)).max());
        }
        let parts = schema.get("allOf").map_or(&[][..], |node| node.items()).iter();
        all.extend(parts.map(|part| self.stand(part, tokens, depth)));
        together(&all, lists_something(schema))
    }

    /// What the schema says without its parts.
    fn own(&mut self, schema: &NodeRef, (token, rest): (&String, &[String]), depth: usize) -> Standing {
        let properties = schema.get("properties");
        if let Some(property) = properties.and_then(|properties| properties.get(token)) {
            return self.stand(property, rest, depth);
        }
        if let (Some(items), Ok(_)) = (schema.get("items"), token.parse::<usize>()) {
            return match items.kind() {
                "array" => Standing::Listed,
                _ => self.stand(items, rest, depth),
            };
        }
        if schema.get("patternProperties").is_some() {
            return Standing::Listed;
        }
        match schema.get("additionalProperties") {
            Some(others) if others.as_bool() == Some(false) => Standing::Forbidden,
            Some(others) if others.kind() == "object" => self.stand(others, rest, depth),
            _ if properties.is_some_and(|node| !node.entries().is_empty()) => Standing::Unlisted,
            _ => Standing::Listed,
        }
    }
}

/// One part that forbids is enough, and one that lists is enough; parts that say nothing change nothing.
fn together(all: &[Standing], own_lists: bool) -> Standing {
    if all.contains(&Standing::Forbidden) {
        return Standing::Forbidden;
    }
    let (own, others) = all.split_first().map_or((Standing::Listed, &[][..]), |(own, others)| (*own, others));
    let silent = !own_lists && !others.is_empty();
    match (silent, others.iter().max()) {
        (true, Some(best)) => *best,
        (_, Some(best)) => own.max(*best),
        (_, None) => own,
    }
}

fn may_have_parts(schema: &NodeRef) -> bool {
    let Some(kind) = schema.get("type") else {
        return true;
    };
    let has_parts = |kind: &str| matches!(kind, "object" | "array");
    kind.as_str().is_some_and(has_parts)
        || kind.items().iter().any(|item| item.as_str().is_some_and(has_parts))
}

fn lists_something(schema: &NodeRef) -> bool {
    ["properties", "patternProperties", "additionalProperties", "items"]
        .iter()
        .any(|keyword| schema.get(keyword).is_some())
}
