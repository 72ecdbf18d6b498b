//! Reads a text into the written tree. It gives up by name rather than guess.

use crate::source_text::written::{self, Step, Style, Written};
use crate::source_text::{FileId, Limits, ProblemKind, Span};

use super::pieces::{Kind, Piece, cut};
use super::tree::{Collection, Comment, Content, Document, Item, Node, Prologue, Scalar};

/// Why a text is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(ProblemKind, usize),
    /// It holds nothing but blanks and comments.
    #[error("it holds no document")]
    Empty,
    /// Lines end with a bare carriage return.
    #[error("some of its lines end with a bare carriage return")]
    CarriageReturn,
    /// It is put together in a way the written tree has no place for.
    #[error("{0} cannot be kept in its place")]
    Unusual(&'static str, usize),
    /// Written again it would not read the same.
    #[error("written again it would not mean the same")]
    Changed,
}

impl Refusal {
    /// Whether the text is wrong, rather than unusual.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        !matches!(self, Self::Unreadable(ProblemKind::SeveralDocuments, _))
            && matches!(self, Self::Unreadable(..))
    }

    /// The byte it is about; 0 when it is about the whole text.
    #[must_use]
    pub fn offset(&self) -> usize {
        match self {
            Self::Unreadable(_, at) | Self::Unusual(_, at) => *at,
            _ => 0,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    file: FileId,
    steps: std::slice::Iter<'a, Written>,
    pieces: &'a [Piece],
    at: usize,
}

/// Reads the one document of a text whose lines end with `\n`.
///
/// # Errors
/// [`Refusal`]
pub fn read(text: &str, file: FileId, limits: &Limits) -> Result<Document, Refusal> {
    let steps = written::steps(text, limits).map_err(|(kind, at)| Refusal::Unreadable(kind, at))?;
    let pieces = cut(text, &steps);
    read_pieces(text, file, &steps, &pieces)
}

fn read_pieces(text: &str, file: FileId, steps: &[Written], pieces: &[Piece]) -> Result<Document, Refusal> {
    let mut reader = Reader { text, file, steps: steps.iter(), pieces, at: 0 };
    let mut document = Document::default();
    let Some(Written { step: Step::Document(explicit), .. }) = reader.steps.next() else {
        return Err(Refusal::Empty);
    };
    document.explicit_start = *explicit;
    if *explicit {
        document.prologue = reader.prologue();
        reader.expect(Kind::Start)?;
    }
    document.root = reader.node(-1)?;
    document.end = reader.comments();
    if reader.take(Kind::End).is_some() {
        document.explicit_end = true;
        document.tail = reader.comments();
    }
    if reader.at < pieces.len() {
        return Err(reader.unusual("what stands behind the document"));
    }
    let is_bare_null = matches!(document.root.content, Content::Empty) && !document.explicit_start;
    if is_bare_null {
        return Err(Refusal::Empty);
    }
    document.json = text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(text.trim_start_matches('\u{feff}')).is_ok();
    Ok(document)
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a Piece> {
        self.pieces.get(self.at)
    }

    /// The next piece that is no comment.
    fn peek_past_comments(&self) -> Option<&'a Piece> {
        self.pieces[self.at..].iter().find(|piece| piece.kind != Kind::Comment)
    }

    fn take(&mut self, kind: Kind) -> Option<&'a Piece> {
        let piece = self.peek().filter(|piece| piece.kind == kind)?;
        self.at += 1;
        Some(piece)
    }

    fn expect(&mut self, kind: Kind) -> Result<&'a Piece, Refusal> {
        self.take(kind).ok_or_else(|| self.unusual("what stands here"))
    }

    fn unusual(&self, what: &'static str) -> Refusal {
        Refusal::Unusual(what, self.peek().map_or(self.text.len(), |piece| piece.start))
    }

    fn slice(&self, piece: &Piece) -> &'a str {
        &self.text[piece.start..piece.end]
    }

    fn prologue(&mut self) -> Vec<Prologue> {
        let mut lines = Vec::new();
        while let Some(piece) = self.peek().filter(|piece| piece.kind != Kind::Start) {
            lines.push(Prologue {
                text: self.slice(piece).trim_end().to_owned(),
                blank_before: piece.line_ends > 1,
            });
            self.at += 1;
        }
        lines
    }

    fn comments(&mut self) -> Vec<Comment> {
        let mut comments = Vec::new();
        while let Some(piece) = self.take(Kind::Comment) {
            comments.push(self.comment(piece));
        }
        comments
    }

    fn comment(&self, piece: &Piece) -> Comment {
        Comment { text: self.slice(piece).trim_end().to_owned(), blank_before: piece.line_ends > 1 }
    }

    /// A comment on the line of the piece before.
    fn comment_behind(&mut self) -> Option<String> {
        let piece = self.peek().filter(|piece| piece.kind == Kind::Comment && piece.line_ends == 0)?;
        self.at += 1;
        Some(self.comment(piece).text)
    }

    /// Reads the next node; `column` is that of the block it stands in, or -1.
    fn node(&mut self, column: isize) -> Result<Node, Refusal> {
        let step = self.steps.next().ok_or_else(|| self.unusual("what stands here"))?;
        let mut node = Node::default();
        let is_absent = matches!(step.step, Step::Scalar(_, Style::Plain)) && step.bytes.is_empty();
        let line_ends = self.properties(step, is_absent, &mut node)?;
        match &step.step {
            Step::Scalar(..) if is_absent => {}
            Step::Scalar(value, style @ (Style::Literal | Style::Folded)) => {
                node.content = Content::Scalar(self.block(value, *style, &mut node.header)?);
            }
            Step::Scalar(value, style) => {
                let piece = self.expect(Kind::Content)?;
                node.source = Some(self.span(piece.start, piece.end));
                node.content = Content::Scalar(Scalar {
                    raw: self.slice(piece).to_owned(),
                    text: value.clone(),
                    style: *style,
                    lines: Vec::new(),
                    own_line: line_ends.unwrap_or(piece.line_ends) > 0,
                });
            }
            Step::Alias => {
                let piece = self.expect(Kind::Content)?;
                node.source = Some(self.span(piece.start, piece.end));
                node.content = Content::Alias(self.slice(piece).to_owned());
            }
            Step::Sequence(true) | Step::Mapping(true) => self.flow(step, column, &mut node)?,
            Step::Sequence(false) | Step::Mapping(false) => self.block_collection(step, column, &mut node)?,
            Step::Document(_) | Step::DocumentEnd | Step::End => {
                return Err(self.unusual("what stands here"));
            }
        }
        if !node.is_block_collection() && !is_block_scalar(&node) {
            node.after = self.comment_behind();
        }
        Ok(node)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { file: self.file, start: offset(start), end: offset(end) }
    }

    /// Takes anchor, tag and the comments around them; gives back the line ends before the first of them.
    fn properties(
        &mut self,
        step: &Written,
        is_absent: bool,
        node: &mut Node,
    ) -> Result<Option<usize>, Refusal> {
        let mut line_ends = None;
        loop {
            let complete = node.properties.len() == step.properties;
            let Some(piece) = self.peek() else { break };
            match piece.kind {
                // What stands behind nothing belongs to what follows.
                Kind::Comment if is_absent && complete => break,
                Kind::Comment if piece.line_ends == 0 && self.at > 0 && node.header.is_none() => {
                    node.header = Some(self.comment(piece).text);
                }
                Kind::Comment => node.before.push(self.comment(piece)),
                Kind::Property if !complete => {
                    line_ends = line_ends.or(Some(piece.line_ends));
                    node.properties.push(self.slice(piece).to_owned());
                }
                _ => break,
            }
            self.at += 1;
        }
        if node.properties.len() < step.properties {
            return Err(self.unusual("an anchor or tag"));
        }
        Ok(line_ends)
    }

    fn block(
        &mut self,
        value: &str,
        style: Style,
        header_comment: &mut Option<String>,
    ) -> Result<Scalar, Refusal> {
        let header = self.expect(Kind::Header)?;
        if header_comment.is_some() {
            return Err(self.unusual("a comment before a block"));
        }
        *header_comment = self.comment_behind();
        let raw = self.slice(header).to_owned();
        let mut lines = Vec::new();
        let content = value.trim_end_matches('\n');
        if !content.is_empty() {
            let piece = self.expect(Kind::Content)?;
            let written: Vec<&str> = self.slice(piece).split('\n').collect();
            lines = without_indentation(&written, content).ok_or_else(|| self.unusual("a block"))?;
        }
        let keeps = raw.contains('+');
        let blanks = value.len() - content.len();
        if keeps {
            let blanks = if content.is_empty() { blanks } else { blanks.saturating_sub(1) };
            lines.extend(std::iter::repeat_n(String::new(), blanks));
        }
        Ok(Scalar { raw, text: value.to_owned(), style, lines, own_line: false })
    }

    fn block_collection(&mut self, step: &Written, outer: isize, node: &mut Node) -> Result<(), Refusal> {
        let mapping = matches!(step.step, Step::Mapping(_));
        let mut collection = Collection { mapping, ..Collection::default() };
        let first = self.peek().ok_or_else(|| self.unusual("what stands here"))?;
        let column = isize::try_from(first.column).unwrap_or(isize::MAX);
        let start = first.start;
        // Comments above the first item are the first item's.
        let mut before = std::mem::take(&mut node.before);
        while !self.at_end() {
            before.extend(self.comments());
            let blank_before = self.peek().is_some_and(|piece| piece.line_ends > 1);
            let mut item = if mapping { self.entry(column)? } else { self.dash(column)? };
            item.before = std::mem::take(&mut before);
            item.blank_before = blank_before;
            collection.items.push(item);
        }
        self.steps.next();
        // Of a sequence that stands under its key without indentation, the comments are the mapping's.
        while let Some(piece) = self.peek().filter(|piece| {
            let at = isize::try_from(piece.column).unwrap_or(isize::MAX);
            piece.kind == Kind::Comment && piece.line_ends > 0 && column > outer && at >= column
        }) {
            collection.end.push(self.comment(piece));
            self.at += 1;
        }
        let end = self.pieces.get(self.at.wrapping_sub(1)).map_or(start, |piece| piece.end);
        node.source = Some(self.span(start, end.max(start)));
        node.content = Content::Collection(collection);
        Ok(())
    }

    fn at_end(&self) -> bool {
        matches!(self.steps.as_slice().first(), None | Some(Written { step: Step::End, .. }))
    }

    fn dash(&mut self, column: isize) -> Result<Item, Refusal> {
        self.expect(Kind::Indicator(b'-'))?;
        let value = self.node(column)?;
        Ok(item(None, value))
    }

    fn entry(&mut self, column: isize) -> Result<Item, Refusal> {
        let explicit = self.take(Kind::Indicator(b'?')).is_some();
        let key = self.node(column)?;
        let is_colon = |piece: &Piece| piece.kind == Kind::Indicator(b':');
        let mut between = Vec::new();
        if explicit && self.peek_past_comments().is_some_and(is_colon) {
            between = self.comments();
        }
        let colon = self.take(Kind::Indicator(b':')).is_some();
        if !colon && !explicit {
            return Err(self.unusual("a key"));
        }
        let mut value = self.node(column)?;
        if !between.is_empty() {
            if let Some(first) = value.collection_mut().and_then(|collection| collection.items.first_mut()) {
                between.append(&mut first.before);
                first.before = between;
            } else {
                between.append(&mut value.before);
                value.before = between;
            }
        }
        Ok(Item { explicit, colon, ..item(Some(key), value) })
    }

    fn flow(&mut self, step: &Written, column: isize, node: &mut Node) -> Result<(), Refusal> {
        let mapping = matches!(step.step, Step::Mapping(_));
        if step.bytes.is_empty() {
            let pair = self.flow_entry(column)?;
            self.steps.next();
            let items = vec![pair];
            let pair = Collection { mapping, flow: true, bare_pair: true, items, ..Collection::default() };
            node.content = Content::Collection(pair);
            return Ok(());
        }
        let (open, close) = if mapping { (b'{', b'}') } else { (b'[', b']') };
        let start = self.expect(Kind::Indicator(open))?.start;
        let expanded = self.peek().is_some_and(|piece| piece.line_ends > 0);
        let mut collection = Collection { mapping, flow: true, expanded, ..Collection::default() };
        let mut before = self.comments();
        while !self.at_end() {
            let blank_before = self.peek().is_some_and(|piece| piece.line_ends > 1);
            let mut item = if mapping { self.flow_entry(column)? } else { item(None, self.node(column)?) };
            item.before = std::mem::take(&mut before);
            item.blank_before = blank_before;
            before = self.comma(&mut item.value);
            collection.items.push(item);
        }
        self.steps.next();
        collection.end = before;
        collection.end.extend(self.comments());
        let end = self.expect(Kind::Indicator(close))?.end;
        node.source = Some(self.span(start, end));
        node.content = Content::Collection(collection);
        Ok(())
    }

    /// Takes the comma and the comments around it; what stands below belongs to the next item.
    fn comma(&mut self, value: &mut Node) -> Vec<Comment> {
        let mut below = self.comments();
        if self.take(Kind::Indicator(b',')).is_some() {
            if value.after.is_none() {
                value.after = self.comment_behind();
            }
            below.extend(self.comments());
        }
        below
    }

    fn flow_entry(&mut self, column: isize) -> Result<Item, Refusal> {
        let explicit = self.take(Kind::Indicator(b'?')).is_some();
        let key = self.node(column)?;
        let colon = self.take(Kind::Indicator(b':')).is_some();
        let value = self.node(column)?;
        Ok(Item { explicit, colon, ..item(Some(key), value) })
    }
}

fn is_block_scalar(node: &Node) -> bool {
    matches!(&node.content, Content::Scalar(scalar) if scalar.is_block())
}

fn item(key: Option<Node>, value: Node) -> Item {
    Item { before: Vec::new(), blank_before: false, key, explicit: false, colon: true, value }
}

/// The lines of a block without its indentation, which the first line of its text tells.
fn without_indentation(lines: &[&str], content: &str) -> Option<Vec<String>> {
    let spaces = |line: &str| line.bytes().take_while(|byte| *byte == b' ').count();
    let meant = content.trim_start_matches('\n').split('\n').next()?;
    let leading_blanks = content.len() - content.trim_start_matches('\n').len();
    let first = lines.get(leading_blanks)?;
    let indentation = spaces(first).checked_sub(spaces(meant))?;
    lines
        .iter()
        .map(|line| {
            let blank = spaces(line) == line.len();
            match line.get(indentation..) {
                Some(rest) if spaces(line) >= indentation => Some(rest.to_owned()),
                _ if blank => Some(String::new()),
                _ => None,
            }
        })
        .collect()
}
