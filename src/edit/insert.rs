//! Puts a new entry into a mapping of a YAML or JSON text; every byte that was there stays, comments and layout among them.

use std::path::Path;

use serde_json::{Map, Value};
use thiserror::Error;

use super::block::{self, Style, column};
use crate::source_text::tree::{Node, NodeRef, pointer_push};
use crate::source_text::{Limits, SourceText, Sources, reference, yaml};

/// Why nothing was put in; the text is as it was then.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InsertError {
    /// The text has no tree.
    #[error("it is neither YAML nor JSON")]
    Unreadable,
    /// A part of the way is no mapping.
    #[error("`#{0}` is {1}, not a mapping")]
    NoMapping(String, &'static str),
    /// The key is taken.
    #[error("`#{0}` is there already")]
    Taken(String),
    /// The mapping stands elsewhere, by an alias, a merge key or a `$ref`.
    #[error("`#{0}` is written somewhere else (`$ref` or an alias)")]
    Elsewhere(String),
    /// The text would not mean what it should.
    #[error("`#{0}` is written in a way that nothing can be put into")]
    Unusual(String),
}

/// One entry to put in.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// JSON Pointer (RFC 6901) of the mapping; mappings that are missing on the way are made.
    pub mapping: String,
    /// The key.
    pub key: String,
    /// The value.
    pub value: Value,
}

/// Puts entries in, one after the other. Lines end with `\n`.
///
/// # Errors
/// When one of them has no place.
pub fn insert_all(text: &str, entries: &[Entry]) -> Result<String, InsertError> {
    entries.iter().try_fold(text.to_owned(), |text, entry| insert(&text, entry))
}

/// Puts one entry at the end of its mapping.
///
/// The result counts only when it reads as the old value with the entry in it.
///
/// # Errors
/// [`InsertError`]
pub fn insert(text: &str, entry: &Entry) -> Result<String, InsertError> {
    let root = root_of(text).ok_or(InsertError::Unreadable)?;
    let tokens = reference::pointer_tokens(&entry.mapping).map_err(|_| InsertError::Unreadable)?;
    let mut node = &root;
    let mut pointer = String::new();
    let mut key = entry.key.clone();
    let mut value = entry.value.clone();
    for (at, token) in tokens.iter().enumerate() {
        let Some(next) = step(node, &pointer, token)? else {
            // The first missing mapping is made with all that belongs below it.
            for below in tokens[at + 1..].iter().rev() {
                value = one(std::mem::replace(&mut key, below.clone()), value);
            }
            value = one(std::mem::replace(&mut key, token.clone()), value);
            break;
        };
        pointer = pointer_push(&pointer, token);
        node = next;
    }
    if node.get(&key).is_some() {
        return Err(InsertError::Taken(pointer_push(&pointer, &key)));
    }
    let new = written(text, &root, node, &pointer, (&key, &value))?;
    let mut wanted = root.to_json();
    let place = wanted.pointer_mut(&pointer).ok_or_else(|| InsertError::Unusual(pointer.clone()))?;
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    let mapping = place.as_object_mut().ok_or_else(|| InsertError::Unusual(pointer.clone()))?;
    mapping.insert(key, value);
    let is_right = root_of(&new).is_some_and(|root| root.to_json() == wanted);
    if is_right { Ok(new) } else { Err(InsertError::Unusual(pointer)) }
}

fn one(key: String, value: Value) -> Value {
    Value::Object(Map::from_iter([(key, value)]))
}

fn root_of(text: &str) -> Option<NodeRef> {
    let mut sources = Sources::default();
    let file = sources.add(SourceText::new(Path::new("text"), text.to_owned()));
    yaml::parse(&sources, file, &Limits::default()).root
}

/// The mapping below a mapping, or `None` when it is to be made.
fn step<'a>(node: &'a NodeRef, pointer: &str, token: &str) -> Result<Option<&'a NodeRef>, InsertError> {
    let here = pointer_push(pointer, token);
    let Some(entry) = node.entry(token) else { return Ok(None) };
    let next = &entry.value;
    // An alias has the place of what it stands for, which is not behind its key.
    if next.span.start < entry.key_span.end && !matches!(next.value, crate::source_text::tree::Value::Null)
        || next.get("$ref").is_some()
        || next.get("<<").is_some()
    {
        return Err(InsertError::Elsewhere(here));
    }
    match next.kind() {
        "object" | "null" => Ok(Some(next)),
        other => Err(InsertError::NoMapping(here, other)),
    }
}

/// The text with the entry at the end of a mapping.
fn written(
    text: &str,
    root: &Node,
    node: &Node,
    pointer: &str,
    (key, value): (&str, &Value),
) -> Result<String, InsertError> {
    let unusual = || InsertError::Unusual(pointer.to_owned());
    let start = node.span.start as usize;
    if text[start.min(text.len())..].starts_with('{') {
        return in_braces(text, node, key, value).ok_or_else(unusual);
    }
    match node.entries().first() {
        Some(first) => {
            let indent = column(text, first.key_span.start as usize);
            let at = end_of_block(text, node, indent);
            Ok(spliced(text, at, &block::entry(key, value, indent, Style::of(root, text))))
        }
        None => below_an_empty_key(text, root, pointer, (key, value)).ok_or_else(unusual),
    }
}

/// Into `{ … }`: on a line of its own where the entries stand on lines of their own.
fn in_braces(text: &str, node: &Node, key: &str, value: &Value) -> Option<String> {
    let start = node.span.start as usize;
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let key = Value::from(key).to_string();
    let (at, new) = if let Some(last) = node.entries().last() {
        let end = (last.value.span.end as usize).max(last.key_span.end as usize);
        let first = node.entries().first()?.key_span.start as usize;
        let own_lines = text.get(start..first)?.contains('\n');
        if own_lines {
            let indent = column(text, last.key_span.start as usize);
            let spaces =
                line_indent(text, last.key_span.start as usize).unwrap_or_else(|| " ".repeat(indent));
            (end, format!(",\n{spaces}{key}: {}", pretty(value, &spaces)))
        } else {
            (end, format!(", {key}: {value}"))
        }
    } else {
        let spaces = line_indent(text, start).unwrap_or_default();
        let deeper = format!("{spaces}  ");
        let new = if is_json {
            format!("\n{deeper}{key}: {}\n{spaces}", pretty(value, &deeper))
        } else {
            format!("{key}: {value}")
        };
        (start + 1, new)
    };
    let mut result = text.get(..at)?.to_owned();
    result.push_str(&new);
    result.push_str(text.get(at..)?);
    Some(result)
}

/// The spaces a line begins with, when nothing else stands before the place, or all of them.
fn line_indent(text: &str, at: usize) -> Option<String> {
    let line = text.get(..at)?.rsplit('\n').next()?;
    Some(line.chars().take_while(|letter| *letter == ' ' || *letter == '\t').collect())
}

fn pretty(value: &Value, indent: &str) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
    text.replace('\n', &format!("\n{indent}"))
}

/// Below `key:` that has no value.
fn below_an_empty_key(
    text: &str,
    root: &Node,
    pointer: &str,
    (key, value): (&str, &Value),
) -> Option<String> {
    let tokens = reference::pointer_tokens(pointer).ok()?;
    let (last, above) = tokens.split_last()?;
    let node = above.iter().try_fold(root, |node, token| node.get(token).map(|next| &**next))?;
    let entry = node.entry(last)?;
    let indent = column(text, entry.key_span.start as usize);
    let at = line_end(text, entry.key_span.end as usize);
    let style = Style::of(root, text);
    Some(spliced(text, at, &block::entry(key, value, indent + style.mapping, style)))
}

/// Lines put behind the line that ends at a place.
fn spliced(text: &str, at: usize, lines: &str) -> String {
    let (before, after) = text.split_at(at);
    let joint = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let rest = after.strip_prefix('\n').unwrap_or(after);
    format!("{before}{joint}{lines}{rest}")
}

/// Where the last line of a block mapping ends; comments that belong to what follows are not of it.
fn end_of_block(text: &str, node: &Node, indent: usize) -> usize {
    let Some(last) = node.entries().last() else { return node.span.start as usize };
    let key_line = line_end(text, last.key_span.end as usize);
    let told = (last.value.span.end as usize).min(text.len());
    let inner = text[..told].trim_end().len();
    let mut end = key_line.max(if inner > last.key_span.end as usize { line_end(text, inner) } else { 0 });
    let mut at = end;
    while at < text.len() {
        let next = line_end(text, at + 1);
        let line = &text[(at + 1).min(text.len())..next];
        let depth = line.len() - line.trim_start_matches(' ').len();
        let is_item = depth == indent && (line[depth..].starts_with("- ") || &line[depth..] == "-");
        if !line.trim().is_empty() {
            // A comment of the same depth stands in the mapping, unless everything does.
            let is_comment = depth == indent && indent > 0 && line[depth..].starts_with('#');
            if depth <= indent && !is_item && !is_comment {
                break;
            }
            end = next;
        }
        at = next;
    }
    end
}

fn line_end(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    text[at..].find('\n').map_or(text.len(), |found| at + found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(text: &str, mapping: &str, key: &str, value: Value) -> Result<String, InsertError> {
        insert(text, &Entry { mapping: mapping.to_owned(), key: key.to_owned(), value })
    }

    #[test]
    fn a_block_gets_lines_and_keeps_every_byte() {
        let text = "# top\na:\n    one: 1   # why\n    # of one\n\n# of b\nb: 2\n";
        let new = put(text, "/a", "two", json!({ "x": [1] })).expect("put in");
        assert_eq!(
            new,
            "# top\na:\n    one: 1   # why\n    # of one\n    two:\n        x:\n        - 1\n\n# of b\nb: 2\n"
        );
    }

    #[test]
    fn what_is_missing_on_the_way_is_made() {
        assert_eq!(put("a: 1", "/b/c", "d", json!(2)).expect("put in"), "a: 1\nb:\n  c:\n    d: 2\n");
        assert_eq!(
            put("a:\n  b:\nc: 1\n", "/a/b", "d", json!(2)).expect("put in"),
            "a:\n  b:\n    d: 2\nc: 1\n"
        );
        assert_eq!(put("a: {}\n", "/a", "d", json!(2)).expect("put in"), "a: {\"d\": 2}\n");
    }

    #[test]
    fn sequences_are_indented_as_those_of_the_document() {
        let text = "a:\n  list:\n    - 1\n    - x: 2\n";
        let new = put(text, "/a", "c", json!([{ "d": [3] }])).expect("put in");
        assert_eq!(new, format!("{text}  c:\n    - d:\n        - 3\n"));
    }

    #[test]
    fn sequences_and_block_scalars_at_the_end_are_passed() {
        let text = "a:\n  list:\n  - 1\n  - 2\nb: 1\n";
        assert_eq!(
            put(text, "/a", "c", json!(3)).expect("put in"),
            "a:\n  list:\n  - 1\n  - 2\n  c: 3\nb: 1\n"
        );
        let text = "a:\n  note: |\n    one\n\n    # two\nb: 1\n";
        let new = put(text, "/a", "c", json!(3)).expect("put in");
        assert_eq!(new, "a:\n  note: |\n    one\n\n    # two\n  c: 3\nb: 1\n");
    }

    #[test]
    fn braces_stay_braces() {
        let text = "{\n  \"a\": {\n    \"b\": 1\n  },\n  \"c\": {}\n}\n";
        let new = put(text, "/a", "d", json!({ "e": 1 })).expect("put in");
        assert_eq!(
            new,
            "{\n  \"a\": {\n    \"b\": 1,\n    \"d\": {\n      \"e\": 1\n    }\n  },\n  \"c\": {}\n}\n"
        );
        let new = put(text, "/c", "d", json!(1)).expect("put in");
        assert_eq!(new, "{\n  \"a\": {\n    \"b\": 1\n  },\n  \"c\": {\n    \"d\": 1\n  }\n}\n");
        assert_eq!(
            put("a: {b: 1} # x\n", "/a", "c", json!("é")).expect("put in"),
            "a: {b: 1, \"c\": \"é\"} # x\n"
        );
    }

    #[test]
    fn what_is_there_or_elsewhere_is_refused() {
        assert_eq!(put("a: {b: 1}\n", "/a", "b", json!(1)), Err(InsertError::Taken("/a/b".to_owned())));
        assert_eq!(
            put("a: [1]\n", "/a", "b", json!(1)),
            Err(InsertError::NoMapping("/a".to_owned(), "array"))
        );
        let elsewhere = Err(InsertError::Elsewhere("/a".to_owned()));
        assert_eq!(put("a: {$ref: 'x.yaml'}\n", "/a", "b", json!(1)), elsewhere);
        assert_eq!(put("x: &x\n  c: 1\na: *x\n", "/a", "b", json!(1)), elsewhere);
        assert_eq!(put("a: b: c\n", "/a", "b", json!(1)), Err(InsertError::Unreadable));
    }

    proptest::proptest! {
        #[test]
        fn the_old_lines_stay_in_order(keys in proptest::collection::btree_set("[a-z]{1,4}", 1..5), deep in 1usize..5) {
            let pad = " ".repeat(deep);
            let lines: String = keys.iter().map(|key| format!("{pad}{key}: 1 # {key}\n\n{pad}# free\n")).collect();
            let text = format!("m:\n{lines}z: 1\n");
            let new = put(&text, "/m", "NEW", json!({ "k": "v" })).expect("put in");
            let kept: Vec<&str> = new.lines().filter(|line| !line.contains("NEW") && !line.contains("k: v")).collect();
            proptest::prop_assert_eq!(kept, text.lines().collect::<Vec<_>>());
        }
    }
}
