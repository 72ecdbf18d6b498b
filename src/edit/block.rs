//! Values as lines of block YAML, laid out as the document they are put into lays out its own.

use serde_json::Value;

use crate::source_text::tree::Node;

/// How far a document indents what stands below a key, in spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// A mapping below a key.
    pub mapping: usize,
    /// The dashes of a sequence below a key.
    pub sequence: usize,
}

impl Style {
    /// The style of the first mapping and the first sequence that stand below a key; without any, as most tools write them.
    #[must_use]
    pub fn of(root: &Node, text: &str) -> Self {
        let mut found = (None, None);
        look(root, text, &mut found);
        Self { mapping: found.0.unwrap_or(2), sequence: found.1.unwrap_or(0) }
    }
}

fn look(node: &Node, text: &str, found: &mut (Option<usize>, Option<usize>)) {
    for entry in node.entries() {
        let start = entry.value.span.start as usize;
        // An alias has the place of what it stands for.
        if start < entry.key_span.end as usize || (found.0.is_some() && found.1.is_some()) {
            continue;
        }
        let key = column(text, entry.key_span.start as usize);
        let between = text.get(entry.key_span.end as usize..start).unwrap_or_default();
        if between.contains('\n') {
            let deeper = column(text, start).checked_sub(key);
            if entry.value.items().is_empty() {
                found.0 =
                    found.0.or(deeper.filter(|deeper| *deeper > 0 && !entry.value.entries().is_empty()));
            } else if text[start..].starts_with('-') {
                found.1 = found.1.or(deeper);
            }
        }
        look(&entry.value, text, found);
    }
    for item in node.items().iter().filter(|item| item.span.start >= node.span.start) {
        look(item, text, found);
    }
}

/// An entry of a mapping as lines, each with its end.
pub fn entry(key: &str, value: &Value, indent: usize, style: Style) -> String {
    let spaces = " ".repeat(indent);
    let key = scalar(&Value::from(key));
    match value {
        Value::Object(members) if !members.is_empty() => {
            format!("{spaces}{key}:\n{}", node(value, indent + style.mapping, style))
        }
        Value::Array(items) if !items.is_empty() => {
            format!("{spaces}{key}:\n{}", node(value, indent + style.sequence, style))
        }
        _ => format!("{spaces}{key}: {}", hanging(value, indent)),
    }
}

/// A value that begins on a line of its own.
fn node(value: &Value, indent: usize, style: Style) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().map(|(key, value)| entry(key, value, indent, style)).collect()
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| dashed(item, indent, style)).collect()
        }
        _ => format!("{}{}", " ".repeat(indent), hanging(value, indent)),
    }
}

/// An item of a sequence: its first line takes the dash.
fn dashed(item: &Value, indent: usize, style: Style) -> String {
    let lines = node(item, indent + 2, style);
    format!("{}- {}", " ".repeat(indent), lines.trim_start_matches(' '))
}

/// A scalar or an empty collection behind its key; the lines of a text stand below.
fn hanging(value: &Value, indent: usize) -> String {
    let text = scalar(value);
    let mut lines = text.lines();
    let mut shown = format!("{}\n", lines.next().unwrap_or_default());
    for line in lines {
        let spaces = if line.is_empty() { 0 } else { indent };
        shown.push_str(&" ".repeat(spaces));
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

fn scalar(value: &Value) -> String {
    let text = serde_yaml::to_string(value).unwrap_or_default();
    text.strip_suffix('\n').unwrap_or(&text).to_owned()
}

/// Bytes between the beginning of a line and a place in it.
pub fn column(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    at - text[..at].rfind('\n').map_or(0, |found| found + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_laid_out_in_either_style() {
        let value = json!({
            "list": [1, { "a": 1, "b": [["x"], []] }],
            "text": "one\n\n  two\n",
            "empty": {},
            "quoted": "yes: no",
        });
        for style in [Style { mapping: 2, sequence: 0 }, Style { mapping: 4, sequence: 2 }] {
            let shown = entry("true", &value, 2, style);
            let read: Value = serde_yaml::from_str(&shown).unwrap_or_else(|error| panic!("{error}\n{shown}"));
            assert_eq!(read, json!({ "true": value }), "{shown}");
        }
        let shown = entry("a", &json!({ "b": [{ "c": 1, "d": [2] }] }), 0, Style { mapping: 4, sequence: 2 });
        assert_eq!(shown, "a:\n    b:\n      - c: 1\n        d:\n          - 2\n");
    }
}
