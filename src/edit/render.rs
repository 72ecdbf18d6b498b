//! Writes the written tree as text: two spaces a level, one blank line at most, everything else as it was.

use super::tree::{Collection, Comment, Content, Document, Item, Node, Scalar};

/// Columns a list in brackets may fill before it gets a line for each item.
pub const WIDTH: usize = 100;
/// Spaces of a level.
const STEP: usize = 2;

struct Printer {
    out: String,
    line_start: usize,
}

/// Where a node is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the start of a line.
    Root,
    /// Behind the `:` of an entry.
    Colon,
    /// Behind `-`, `?`, or the `:` of an entry with `?`.
    Dash,
    /// In brackets.
    Flow,
}

/// The text of a document, ending with a line end.
#[must_use]
pub fn render(document: &Document) -> String {
    let mut printer = Printer { out: String::new(), line_start: 0 };
    for line in &document.prologue {
        printer.blank(line.blank_before);
        printer.line(&line.text, 0);
    }
    if document.explicit_start {
        printer.out.push_str("---");
    }
    printer.root(&document.root, document.explicit_start);
    printer.comments(&document.end, 0);
    if document.explicit_end {
        printer.line("...", 0);
        printer.comments(&document.tail, 0);
    }
    printer.out
}

impl Printer {
    fn root(&mut self, root: &Node, explicit: bool) {
        if root.is_block_collection() || !root.before.is_empty() || (explicit && root.header.is_some()) {
            self.above(root, 0, Place::Root);
            if root.is_block_collection() {
                self.collection_lines(root, 0);
                return;
            }
            self.properties(root);
            if !root.properties.is_empty() {
                self.out.push(' ');
            }
            self.value(root, 0, Place::Root);
            self.behind(root);
            return;
        }
        if explicit && !matches!(root.content, Content::Empty) {
            self.end_line();
        }
        let before = self.out.len();
        self.properties(root);
        if self.out.len() > before && !matches!(root.content, Content::Empty) {
            self.out.push(' ');
        }
        self.value(root, 0, Place::Root);
        self.behind(root);
    }

    fn column(&self) -> usize {
        self.out[self.line_start..].chars().count()
    }

    fn end_line(&mut self) {
        while self.out.ends_with(' ') {
            self.out.pop();
        }
        self.out.push('\n');
        self.line_start = self.out.len();
    }

    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn line(&mut self, text: &str, indent: usize) {
        self.indent(indent);
        self.out.push_str(text);
        self.end_line();
    }

    /// A blank line, unless it would be the first line.
    fn blank(&mut self, wanted: bool) {
        if wanted && !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.end_line();
        }
    }

    fn comments(&mut self, comments: &[Comment], indent: usize) {
        for comment in comments {
            self.blank(comment.blank_before);
            self.line(&comment.text, indent);
        }
    }

    fn properties(&mut self, node: &Node) {
        for (at, property) in node.properties.iter().enumerate() {
            if at > 0 {
                self.out.push(' ');
            }
            self.out.push_str(property);
        }
    }

    /// The comment behind a value, and the end of its line, unless the value brought it.
    fn behind(&mut self, node: &Node) {
        if let Some(comment) = &node.after {
            self.out.push(' ');
            self.out.push_str(comment);
        }
        if self.line_start < self.out.len() || self.out.is_empty() {
            self.end_line();
        }
    }

    /// Ends the line of the key of a node that stands below, and writes the comments between.
    fn above(&mut self, node: &Node, indent: usize, place: Place) {
        if node.is_block_collection() && !node.properties.is_empty() {
            if place != Place::Root || self.line_start < self.out.len() {
                self.out.push(' ');
            }
            self.properties(node);
        }
        if let Some(comment) = &node.header {
            if self.line_start < self.out.len() {
                self.out.push(' ');
            }
            self.out.push_str(comment);
        }
        if self.line_start < self.out.len() {
            self.end_line();
        }
        self.comments(&node.before, indent);
    }

    /// The items of a block collection, each from the start of a line.
    fn collection_lines(&mut self, node: &Node, indent: usize) {
        let Some(collection) = node.collection() else { return };
        for (at, item) in collection.items.iter().enumerate() {
            self.item_comments(item, indent, at == 0);
            self.indent(indent);
            self.item(item, indent);
        }
        self.comments(&collection.end, indent);
    }

    fn item_comments(&mut self, item: &Item, indent: usize, first: bool) {
        for (at, comment) in item.before.iter().enumerate() {
            self.blank(comment.blank_before && !(first && at == 0 && indent > 0));
            self.line(&comment.text, indent);
        }
        self.blank(item.blank_before && !(first && item.before.is_empty()));
    }

    /// One item or entry of a block collection, the indentation being written.
    fn item(&mut self, item: &Item, indent: usize) {
        let Some(key) = &item.key else {
            self.out.push('-');
            self.node(&item.value, indent, Place::Dash);
            return;
        };
        if item.explicit {
            self.out.push('?');
            self.node(key, indent, Place::Dash);
            if item.colon {
                self.indent(indent);
                self.out.push(':');
                self.node(&item.value, indent, Place::Dash);
            }
            return;
        }
        self.key(key);
        self.node(&item.value, indent, Place::Colon);
    }

    fn key(&mut self, key: &Node) {
        self.properties(key);
        if !key.properties.is_empty() && !matches!(key.content, Content::Empty) {
            self.out.push(' ');
        }
        self.out.push_str(&inline(key).unwrap_or_default());
        if matches!(key.content, Content::Alias(_))
            || (!key.properties.is_empty() && matches!(key.content, Content::Empty))
        {
            self.out.push(' ');
        }
        self.out.push(':');
    }

    /// A node behind its indicator, with the end of its line; `indent` is that of the block it stands in.
    fn node(&mut self, node: &Node, indent: usize, place: Place) {
        let inner = indent + STEP;
        if node.is_block_collection() {
            let first_is_bare = first_item(node).is_some_and(|item| item.before.is_empty());
            let compact = place == Place::Dash
                && node.properties.is_empty()
                && node.header.is_none()
                && node.before.is_empty()
                && first_is_bare;
            if compact {
                self.compact(node, inner);
            } else {
                self.above(node, inner, place);
                self.collection_lines(node, inner);
            }
            return;
        }
        let is_block = matches!(&node.content, Content::Scalar(scalar) if scalar.is_block());
        if self.stands_below(node, place) {
            let header = if is_block { None } else { node.header.clone() };
            let above = Node { header, before: node.before.clone(), ..Node::default() };
            self.above(&above, inner, place);
            self.indent(inner);
        } else if !matches!(node.content, Content::Empty) || !node.properties.is_empty() {
            self.out.push(' ');
        }
        self.properties(node);
        if !node.properties.is_empty() && !matches!(node.content, Content::Empty) {
            self.out.push(' ');
        }
        self.value(node, indent, place);
        self.behind(node);
    }

    /// The first item on the line of its `-`, the others below it.
    fn compact(&mut self, node: &Node, indent: usize) {
        let Some(collection) = node.collection() else { return };
        self.out.push(' ');
        for (at, item) in collection.items.iter().enumerate() {
            if at > 0 {
                self.item_comments(item, indent, false);
                self.indent(indent);
            }
            self.item(item, indent);
        }
        self.comments(&collection.end, indent);
    }

    /// Whether a scalar, alias or list in brackets goes on a line below its indicator.
    fn stands_below(&self, node: &Node, place: Place) -> bool {
        match &node.content {
            Content::Scalar(scalar) if scalar.is_block() => !node.before.is_empty(),
            _ if !node.before.is_empty() || node.header.is_some() => true,
            Content::Scalar(scalar) if scalar.own_line && place == Place::Colon => {
                let properties: usize = node.properties.iter().map(|text| text.chars().count() + 1).sum();
                scalar.raw.contains('\n')
                    || self.column() + 1 + properties + scalar.raw.chars().count() > WIDTH
            }
            // A bracket that closes at the column of the key would be no YAML.
            Content::Collection(collection) if place == Place::Colon => {
                !collection.items.is_empty() && !self.fits(node, 1)
            }
            _ => false,
        }
    }

    /// Whether a list in brackets goes on the rest of the line.
    fn fits(&self, node: &Node, more: usize) -> bool {
        inline(node).is_some_and(|text| self.column() + more + text.chars().count() <= WIDTH)
    }

    /// The value alone. `indent` is that of the block around it.
    fn value(&mut self, node: &Node, indent: usize, place: Place) {
        match &node.content {
            Content::Empty => {}
            Content::Alias(alias) => self.out.push_str(alias),
            Content::Scalar(scalar) if scalar.is_block() => {
                self.block(scalar, node.header.as_deref(), indent);
            }
            Content::Scalar(scalar) => self.scalar(scalar, indent, place),
            Content::Collection(collection) => {
                let own = match place {
                    Place::Root | Place::Flow => indent,
                    Place::Colon | Place::Dash => indent + STEP,
                };
                match inline_collection(collection) {
                    Some(text) if self.column() + text.chars().count() <= WIDTH => self.out.push_str(&text),
                    _ => self.flow(collection, own),
                }
            }
        }
    }

    /// Continued lines of a scalar go one level in; what they are indented by is no part of it.
    fn scalar(&mut self, scalar: &Scalar, indent: usize, place: Place) {
        let inner = if place == Place::Root { indent } else { indent + STEP };
        let mut lines = scalar.raw.split('\n').peekable();
        let mut first = true;
        while let Some(line) = lines.next() {
            let line = if first { line } else { line.trim_start_matches([' ', '\t']) };
            let line = if lines.peek().is_some() { without_trailing(line) } else { line };
            if !first && !line.is_empty() {
                self.indent(inner);
            }
            first = false;
            self.out.push_str(line);
            if lines.peek().is_some() {
                self.out.push('\n');
                self.line_start = self.out.len();
            }
        }
    }

    fn block(&mut self, scalar: &Scalar, comment: Option<&str>, indent: usize) {
        let inner = indent + STEP;
        let header: String =
            scalar.raw.chars().map(|part| if part.is_ascii_digit() { '2' } else { part }).collect();
        self.out.push_str(&header);
        if let Some(comment) = comment {
            self.out.push(' ');
            self.out.push_str(comment);
        }
        for line in &scalar.lines {
            self.out.push('\n');
            if !line.is_empty() {
                self.indent(inner);
            }
            self.out.push_str(line);
        }
        self.out.push('\n');
        self.line_start = self.out.len();
    }

    /// Brackets with a line for each item.
    fn flow(&mut self, collection: &Collection, indent: usize) {
        let (open, close) = if collection.mapping { ('{', '}') } else { ('[', ']') };
        if collection.bare_pair {
            if let Some(item) = collection.items.first() {
                self.flow_item(item, indent);
            }
            return;
        }
        self.out.push(open);
        self.end_line();
        let inner = indent + STEP;
        let count = collection.items.len();
        for (at, item) in collection.items.iter().enumerate() {
            self.item_comments(item, inner, at == 0);
            self.indent(inner);
            self.flow_item(item, inner);
            if at + 1 < count {
                self.out.push(',');
            }
            self.behind(&item.value);
        }
        self.comments(&collection.end, inner);
        self.indent(indent);
        self.out.push(close);
    }

    fn flow_item(&mut self, item: &Item, indent: usize) {
        if let Some(key) = &item.key {
            if item.explicit {
                self.out.push_str("? ");
            }
            self.key_in_flow(key, item.colon);
            if !item.colon || matches!(item.value.content, Content::Empty) && item.value.properties.is_empty()
            {
                return;
            }
            if item.value.before.is_empty() && item.value.header.is_none() {
                self.out.push(' ');
            }
        }
        let value = &item.value;
        if !value.before.is_empty() || value.header.is_some() {
            self.above(
                &Node { header: value.header.clone(), before: value.before.clone(), ..Node::default() },
                indent + STEP,
                Place::Flow,
            );
            self.indent(indent + STEP);
        }
        self.properties(value);
        if !value.properties.is_empty() && !matches!(value.content, Content::Empty) {
            self.out.push(' ');
        }
        self.value(value, indent, Place::Flow);
    }

    fn key_in_flow(&mut self, key: &Node, colon: bool) {
        if colon {
            self.key(key);
            return;
        }
        let text = inline_with_properties(key).unwrap_or_default();
        self.out.push_str(&text);
    }
}

fn first_item(node: &Node) -> Option<&Item> {
    node.collection().and_then(|collection| collection.items.first())
}

/// A line of a quoted or plain scalar without the blanks at its end, but for one that is escaped.
fn without_trailing(line: &str) -> &str {
    let bare = line.trim_end_matches([' ', '\t']);
    let escapes = bare.bytes().rev().take_while(|byte| *byte == b'\\').count();
    if escapes % 2 == 1 && bare.len() < line.len() { &line[..=bare.len()] } else { bare }
}

fn inline_with_properties(node: &Node) -> Option<String> {
    let text = inline(node)?;
    if node.properties.is_empty() {
        return Some(text);
    }
    let properties = node.properties.join(" ");
    Some(if text.is_empty() { properties } else { format!("{properties} {text}") })
}

/// A node on one line without its properties; none when it has comments or line ends in it, or was written on many.
fn inline(node: &Node) -> Option<String> {
    match &node.content {
        Content::Empty => Some(String::new()),
        Content::Alias(alias) => Some(alias.clone()),
        Content::Scalar(scalar) if scalar.is_block() || scalar.raw.contains('\n') => None,
        Content::Scalar(scalar) => Some(scalar.raw.clone()),
        Content::Collection(collection) => inline_collection(collection),
    }
}

fn inline_collection(collection: &Collection) -> Option<String> {
    let (open, close) = if collection.mapping { ("{", "}") } else { ("[", "]") };
    if collection.items.is_empty() && collection.end.is_empty() {
        return Some(format!("{open}{close}"));
    }
    if !collection.flow || collection.expanded || !collection.end.is_empty() {
        return None;
    }
    let items: Option<Vec<String>> = collection.items.iter().map(inline_item).collect();
    let items = items?.join(", ");
    Some(match (collection.bare_pair, collection.mapping) {
        (true, _) => items,
        (false, true) => format!("{{ {items} }}"),
        (false, false) => format!("[{items}]"),
    })
}

fn inline_item(item: &Item) -> Option<String> {
    let value = &item.value;
    let bare =
        item.before.is_empty() && value.before.is_empty() && value.header.is_none() && value.after.is_none();
    if !bare {
        return None;
    }
    let text = inline_with_properties(value)?;
    let Some(key) = &item.key else { return Some(text) };
    if !key.before.is_empty() || key.header.is_some() || key.after.is_some() {
        return None;
    }
    let mark = if item.explicit { "? " } else { "" };
    let written = inline_with_properties(key)?;
    if !item.colon {
        return Some(format!("{mark}{written}"));
    }
    let gap = matches!(key.content, Content::Alias(_))
        || (matches!(key.content, Content::Empty) && !key.properties.is_empty());
    let gap = if gap { " " } else { "" };
    let space = if text.is_empty() { "" } else { " " };
    Some(format!("{mark}{written}{gap}:{space}{text}"))
}
