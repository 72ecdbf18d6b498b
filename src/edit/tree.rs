//! A document as written: values together with their comments, anchors, tags, quotes and blank lines, ready to be moved.

use crate::source_text::Span;
use crate::source_text::written::Style;

/// A comment on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The text from `#` on.
    pub text: String,
    /// Whether a blank line stands before it.
    pub blank_before: bool,
}

/// A scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// As written: with quotes, or the header of a block (`|2-`).
    pub raw: String,
    /// As meant: after quotes, escapes and folding.
    pub text: String,
    /// How it is written.
    pub style: Style,
    /// Lines of a block without their indentation.
    pub lines: Vec<String>,
    /// Whether it begins on a line of its own, below its key.
    pub own_line: bool,
}

impl Scalar {
    /// Whether it is a block scalar.
    #[must_use]
    pub fn is_block(&self) -> bool {
        matches!(self.style, Style::Literal | Style::Folded)
    }
}

/// A sequence or a mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    /// Whether it is a mapping.
    pub mapping: bool,
    /// Whether it stands in brackets or braces.
    pub flow: bool,
    /// In brackets: whether the first item begins on a new line.
    pub expanded: bool,
    /// A single pair in a sequence in brackets, which needs no braces.
    pub bare_pair: bool,
    /// Items or entries.
    pub items: Vec<Item>,
    /// Comments behind the last item that belong to this collection.
    pub end: Vec<Comment>,
}

/// An item of a sequence, or an entry of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Comments on lines of their own before it.
    pub before: Vec<Comment>,
    /// Whether a blank line stands before it, behind its comments.
    pub blank_before: bool,
    /// The key; none in sequences.
    pub key: Option<Node>,
    /// Whether the key is written with `?`.
    pub explicit: bool,
    /// Whether `:` stands behind the key; in braces it may be left out.
    pub colon: bool,
    /// The value.
    pub value: Node,
}

/// What a node holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Nothing is written.
    #[default]
    Empty,
    /// An alias with its `*`.
    Alias(String),
    /// A scalar.
    Scalar(Scalar),
    /// A sequence or mapping.
    Collection(Collection),
}

/// A value with what is written around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Comments on lines of their own between the key and the value.
    pub before: Vec<Comment>,
    /// Anchor and tag as written, in their order.
    pub properties: Vec<String>,
    /// A comment on the line of the key when the value stands below, or on the line of a block's header.
    pub header: Option<String>,
    /// The value.
    pub content: Content,
    /// A comment behind the value on its line.
    pub after: Option<String>,
    /// Where it was written; none when it was made.
    pub source: Option<Span>,
}

/// A line before `---`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prologue {
    /// A directive or a comment.
    pub text: String,
    /// Whether a blank line stands before it.
    pub blank_before: bool,
}

/// One document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Directives and comments before `---`.
    pub prologue: Vec<Prologue>,
    /// Whether `---` is written.
    pub explicit_start: bool,
    /// The value.
    pub root: Node,
    /// Comments behind it.
    pub end: Vec<Comment>,
    /// Whether `...` is written.
    pub explicit_end: bool,
    /// Comments behind `...`.
    pub tail: Vec<Comment>,
    /// Whether the text is JSON, and has to stay so.
    pub json: bool,
}

impl Node {
    /// The collection in it.
    #[must_use]
    pub fn collection(&self) -> Option<&Collection> {
        match &self.content {
            Content::Collection(collection) => Some(collection),
            _ => None,
        }
    }

    /// The collection in it, to change.
    pub fn collection_mut(&mut self) -> Option<&mut Collection> {
        match &mut self.content {
            Content::Collection(collection) => Some(collection),
            _ => None,
        }
    }

    /// Whether it is a sequence or mapping in block style with something in it.
    #[must_use]
    pub fn is_block_collection(&self) -> bool {
        self.collection().is_some_and(|collection| !collection.flow && !collection.items.is_empty())
    }

    /// The entries of a mapping; nothing for everything else.
    #[must_use]
    pub fn entries(&self) -> &[Item] {
        match self.collection() {
            Some(collection) if collection.mapping => &collection.items,
            _ => &[],
        }
    }

    /// The items of a sequence; nothing for everything else.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        match self.collection() {
            Some(collection) if !collection.mapping => &collection.items,
            _ => &[],
        }
    }

    /// The text of a scalar, whatever its type.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The value under a key of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|item| item.name() == Some(key)).map(|item| &item.value)
    }

    /// The value under a key of a mapping, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let collection = self.collection_mut().filter(|collection| collection.mapping)?;
        collection.items.iter_mut().find(|item| item.name() == Some(key)).map(|item| &mut item.value)
    }

    /// The text under a key of a mapping.
    #[must_use]
    pub fn get_text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Node::text)
    }
}

impl Item {
    /// The key's text; none in sequences and where the key is no scalar.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.key.as_ref()?.content {
            Content::Scalar(scalar) => Some(&scalar.text),
            Content::Empty => Some(""),
            _ => None,
        }
    }
}

impl Collection {
    /// Takes the entry of a key out of a mapping.
    pub fn take(&mut self, key: &str) -> Option<Item> {
        let at = self.items.iter().position(|item| item.name() == Some(key))?;
        Some(self.items.remove(at))
    }
}
