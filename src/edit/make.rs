//! Makes new pieces of a written tree: keys, texts, references, mappings, in the style of the document.

use crate::source_text::scalar;
use crate::source_text::tree::{Number, Value};
use crate::source_text::written::Style;

use super::tree::{Collection, Comment, Content, Item, Node, Scalar};

/// Makes nodes for one document.
#[derive(Clone, Copy, Debug)]
pub struct Maker {
    /// Whether the document is JSON: all in braces, all texts in double quotes.
    pub json: bool,
}

impl Maker {
    /// A text, in quotes where it would else be read as something other than itself.
    #[must_use]
    pub fn text(self, text: &str) -> Node {
        let style = if self.json || text.chars().any(char::is_control) {
            Style::Double
        } else if is_plain(text) {
            Style::Plain
        } else {
            Style::Single
        };
        scalar_node(text, style)
    }

    /// A text written like another, where it can be.
    #[must_use]
    pub fn text_like(self, text: &str, pattern: &Node) -> Node {
        let style = match &pattern.content {
            Content::Scalar(scalar) if matches!(scalar.style, Style::Single | Style::Double) => scalar.style,
            _ => return Node { after: pattern.after.clone(), source: pattern.source, ..self.text(text) },
        };
        let style = if text.chars().any(char::is_control) { Style::Double } else { style };
        Node { after: pattern.after.clone(), source: pattern.source, ..scalar_node(text, style) }
    }

    /// A text of many lines, as a block where the document has blocks.
    #[must_use]
    pub fn text_block(self, text: &str) -> Node {
        let bare = text.trim_end_matches('\n');
        let is_block =
            !self.json && !bare.is_empty() && !bare.starts_with([' ', '\n']) && !bare.contains('\t');
        if !is_block {
            return scalar_node(text, Style::Double);
        }
        let ends = text.len() - bare.len();
        let (header, blanks) = match ends {
            0 => ("|-", 0),
            1 => ("|", 0),
            more => ("|+", more - 1),
        };
        let mut lines: Vec<String> = bare.split('\n').map(str::to_owned).collect();
        lines.extend(std::iter::repeat_n(String::new(), blanks));
        let (raw, text) = (header.to_owned(), text.to_owned());
        let scalar = Scalar { raw, text, style: Style::Literal, lines, own_line: false };
        Node { content: Content::Scalar(scalar), ..Node::default() }
    }

    /// A mapping.
    #[must_use]
    pub fn mapping(self, items: Vec<Item>) -> Node {
        self.collection(true, items)
    }

    /// A sequence.
    #[must_use]
    pub fn sequence(self, values: Vec<Node>) -> Node {
        self.collection(false, values.into_iter().map(plain_item).collect())
    }

    fn collection(self, mapping: bool, items: Vec<Item>) -> Node {
        let flow = self.json || items.is_empty();
        let content = Collection { mapping, flow, expanded: self.json, items, ..Collection::default() };
        Node { content: Content::Collection(content), ..Node::default() }
    }

    /// An entry.
    #[must_use]
    pub fn entry(self, key: &str, value: Node) -> Item {
        Item { key: Some(self.text(key)), ..plain_item(value) }
    }

    /// `{ $ref: … }` as a mapping of one entry.
    #[must_use]
    pub fn reference(self, target: &str) -> Node {
        let value = if self.json { self.text(target) } else { scalar_node(target, Style::Single) };
        self.mapping(vec![self.entry("$ref", value)])
    }
}

/// An item of a sequence with nothing around it.
#[must_use]
pub fn plain_item(value: Node) -> Item {
    Item { before: Vec::new(), blank_before: false, key: None, explicit: false, colon: true, value }
}

fn scalar_node(text: &str, style: Style) -> Node {
    let raw = match style {
        Style::Single => format!("'{}'", text.replace('\'', "''")),
        Style::Double => serde_json::Value::from(text).to_string(),
        _ => text.to_owned(),
    };
    let scalar = Scalar { raw, text: text.to_owned(), style, lines: Vec::new(), own_line: false };
    Node { content: Content::Scalar(scalar), ..Node::default() }
}

/// Whether a text without quotes is read as that text, inside and outside brackets.
fn is_plain(text: &str) -> bool {
    let indicators = "-?:,[]{}#&*!|>'\"%@`";
    let starts =
        text.chars().next().is_some_and(|first| !indicators.contains(first) && !first.is_whitespace());
    starts
        && !text.ends_with([' ', '\t', ':'])
        && !text.contains([',', '[', ']', '{', '}'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text != "..."
        && text != "<<"
        && !is_other_elsewhere(text)
        && matches!(scalar::plain(text), Value::String(_))
}

/// Words that readers of YAML 1.1 take for truth values.
fn is_other_elsewhere(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// All comments in and around a node, in order, each on a line of its own.
#[must_use]
pub fn comments_of(node: &Node) -> Vec<Comment> {
    let mut comments = Vec::new();
    gather(node, &mut comments);
    comments
}

/// All comments in and around an item.
#[must_use]
pub fn comments_of_item(item: &Item) -> Vec<Comment> {
    let mut comments = Vec::new();
    gather_item(item, &mut comments);
    comments
}

fn own_line(text: &str) -> Comment {
    Comment { text: text.to_owned(), blank_before: false }
}

fn gather(node: &Node, comments: &mut Vec<Comment>) {
    comments.extend(node.header.as_deref().map(own_line));
    comments.extend(node.before.iter().cloned());
    if let Some(collection) = node.collection() {
        collection.items.iter().for_each(|item| gather_item(item, comments));
        comments.extend(collection.end.iter().cloned());
    }
    comments.extend(node.after.as_deref().map(own_line));
}

fn gather_item(item: &Item, comments: &mut Vec<Comment>) {
    comments.extend(item.before.iter().cloned());
    if let Some(key) = &item.key {
        gather(key, comments);
    }
    gather(&item.value, comments);
}

/// A copy without comments and anchors: a second place has neither.
#[must_use]
pub fn bare_copy(node: &Node) -> Node {
    let mut copy = node.clone();
    strip(&mut copy);
    copy
}

fn strip(node: &mut Node) {
    node.before.clear();
    node.header = None;
    node.after = None;
    node.properties.retain(|property| !property.starts_with('&'));
    if let Some(collection) = node.collection_mut() {
        collection.end.clear();
        for item in &mut collection.items {
            item.before.clear();
            item.blank_before = false;
            item.key.iter_mut().for_each(strip);
            strip(&mut item.value);
        }
    }
}

/// Turns a node into JSON: brackets, double quotes, no comments, no tags. Aliases have to be written out before.
pub fn as_json(node: &mut Node) {
    node.before.clear();
    node.header = None;
    node.after = None;
    let is_text = node.properties.iter().any(|property| property == "!" || property == "!!str");
    node.properties.clear();
    match &mut node.content {
        Content::Empty => node.content = json_scalar(&Value::Null, ""),
        Content::Scalar(scalar) => {
            let value = match scalar.style {
                Style::Plain if !is_text => scalar::plain(&scalar.text),
                _ => Value::String(scalar.text.clone()),
            };
            let text = scalar.text.clone();
            node.content = json_scalar(&value, &text);
        }
        Content::Alias(_) => {}
        Content::Collection(collection) => {
            collection.flow = true;
            collection.expanded = true;
            collection.bare_pair = false;
            collection.end.clear();
            for item in &mut collection.items {
                item.before.clear();
                (item.explicit, item.colon) = (false, true);
                if let Some(key) = &mut item.key {
                    let text = key.text().unwrap_or_default().to_owned();
                    *key = Node { source: key.source, ..scalar_node(&text, Style::Double) };
                }
                as_json(&mut item.value);
            }
        }
    }
}

fn json_scalar(value: &Value, text: &str) -> Content {
    let raw = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        // A number is written as it was when JSON writes it so.
        Value::Number(_) if serde_json::from_str::<serde_json::Number>(text).is_ok() => text.to_owned(),
        Value::Number(Number::Integer(number)) => number.to_string(),
        Value::Number(Number::Unsigned(number)) => number.to_string(),
        Value::Number(Number::Float(number)) if number.is_finite() => number.to_string(),
        _ => return scalar_node(text, Style::Double).content,
    };
    let style = Style::Plain;
    Content::Scalar(Scalar { raw, text: text.to_owned(), style, lines: Vec::new(), own_line: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_when_they_have_to_be() {
        let raw = |text: &str| match (Maker { json: false }).text(text).content {
            Content::Scalar(scalar) => scalar.raw,
            _ => String::new(),
        };
        assert_eq!(raw("light.measured"), "light.measured");
        for text in ["1.0", "true", "null", "", "on", "a: b", "a #b", "{id}", "#/a", "- x", "*x", "x:"] {
            assert_eq!(raw(text), format!("'{text}'"));
        }
        assert_eq!(raw("it's: x"), "'it''s: x'");
        assert_eq!(raw("a\nb"), "\"a\\nb\"");
    }
}
