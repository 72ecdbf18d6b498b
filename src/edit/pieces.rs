//! Cuts a text into what the parser's steps do not tell: comments, indicators, properties, and the lines of blocks.

use crate::source_text::written::{Step, Style, Written};

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// From `#` to the end of the line.
    Comment,
    /// An anchor or a tag.
    Property,
    /// One of `- ? : , [ ] { }`.
    Indicator(u8),
    /// `|` or `>` with what stands behind it.
    Header,
    /// A scalar or an alias; of blocks the lines.
    Content,
    /// A line beginning with `%`.
    Directive,
    /// `---`
    Start,
    /// `...`
    End,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    /// Line ends between the piece before and this one.
    pub line_ends: usize,
    /// Bytes between the start of its line and it.
    pub column: usize,
}

struct Cutter<'a> {
    text: &'a [u8],
    at: usize,
    line_start: usize,
    line_ends: usize,
    pieces: Vec<Piece>,
}

/// All pieces of a text in order.
pub(super) fn cut(text: &str, steps: &[Written]) -> Vec<Piece> {
    let mut cutter = Cutter { text: text.as_bytes(), at: 0, line_start: 0, line_ends: 0, pieces: Vec::new() };
    for step in steps {
        match &step.step {
            Step::Scalar(value, Style::Literal | Style::Folded) => cutter.block(value, step.bytes.end),
            Step::Scalar(..) | Step::Alias if !step.bytes.is_empty() => {
                cutter.until(step.bytes.start, false);
                cutter.content(step.bytes.end);
            }
            _ => {}
        }
    }
    cutter.until(text.len(), false);
    cutter.pieces
}

impl Cutter<'_> {
    fn push(&mut self, kind: Kind, end: usize) {
        let column = self.at.saturating_sub(self.line_start);
        let line_ends = std::mem::take(&mut self.line_ends);
        self.pieces.push(Piece { kind, start: self.at, end, line_ends, column });
        self.at = end;
    }

    fn content(&mut self, end: usize) {
        let start = self.at;
        self.push(Kind::Content, end);
        if let Some(last) = memchr::memrchr(b'\n', &self.text[start..end]) {
            self.line_start = start + last + 1;
        }
    }

    fn line_end(&self) -> usize {
        memchr::memchr(b'\n', &self.text[self.at..]).map_or(self.text.len(), |found| self.at + found)
    }

    /// Cuts what is neither scalar nor alias, up to a place or to the end of the next block header.
    fn until(&mut self, end: usize, stop_at_header: bool) {
        while self.at < end {
            let rest = &self.text[self.at..];
            match rest[0] {
                b'\n' => {
                    self.at += 1;
                    self.line_ends += 1;
                    self.line_start = self.at;
                }
                b'#' => self.push(Kind::Comment, self.line_end()),
                b'%' if self.at == self.line_start => self.push(Kind::Directive, self.line_end()),
                b'-' if self.is_marker(b"---") => self.push(Kind::Start, self.at + 3),
                b'.' if self.is_marker(b"...") => self.push(Kind::End, self.at + 3),
                b'&' | b'!' => self.push(Kind::Property, self.at + property_length(rest)),
                indicator @ (b'-' | b'?' | b':' | b',' | b'[' | b']' | b'{' | b'}') => {
                    self.push(Kind::Indicator(indicator), self.at + 1);
                }
                b'|' | b'>' => {
                    let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
                    self.push(Kind::Header, self.at + length);
                    if stop_at_header {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    fn is_marker(&self, marker: &[u8]) -> bool {
        let rest = &self.text[self.at..];
        self.at == self.line_start
            && rest.starts_with(marker)
            && rest.get(3).is_none_or(u8::is_ascii_whitespace)
    }

    /// Cuts a block scalar: its header, a comment on the header's line, its lines.
    ///
    /// The parser tells where a block ends, but not in the same way for empty ones; its text does.
    fn block(&mut self, value: &str, end: usize) {
        self.until(self.text.len(), true);
        let keeps =
            self.pieces.last().is_some_and(|header| self.text[header.start..header.end].contains(&b'+'));
        let header_end = self.line_end();
        self.until(header_end, false);
        let content = value.trim_end_matches('\n');
        let mut blanks = if keeps { value.len() - content.len() } else { 0 };
        if content.is_empty() {
            self.at = header_end;
        } else {
            self.at = (header_end + 1).min(self.text.len());
            self.line_start = self.at;
            self.content(self.block_end(content, end));
            blanks = blanks.saturating_sub(1);
        }
        // Blank lines that count as content are no blank lines before what follows.
        for _ in 0..blanks {
            let next = memchr::memchr(b'\n', &self.text[(self.at + 1).min(self.text.len())..]);
            self.at = next.map_or(self.text.len(), |found| self.at + 1 + found);
        }
    }

    /// Where the last line of a block ends. The parser's end may lie behind blank lines and the next indentation.
    fn block_end(&self, content: &str, end: usize) -> usize {
        let last = content.rsplit('\n').next().unwrap_or_default();
        let word = last.trim_end_matches([' ', '\t']);
        let tail = &last.as_bytes()[word.char_indices().next_back().map_or(0, |(at, _)| at)..];
        let mut end = end.min(self.text.len());
        let mut next_line = end < self.text.len();
        while end > self.at {
            let start =
                memchr::memrchr(b'\n', &self.text[self.at..end]).map_or(self.at, |found| self.at + found + 1);
            let line = &self.text[start..end];
            let blank = line.iter().all(|byte| *byte == b' ');
            if line.ends_with(tail) && !(blank && (next_line || line.is_empty())) {
                break;
            }
            next_line = false;
            end = start.saturating_sub(1).max(self.at);
        }
        end
    }
}

fn property_length(rest: &[u8]) -> usize {
    if rest.starts_with(b"!<") {
        return memchr::memchr(b'>', rest).map_or(rest.len(), |found| found + 1);
    }
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b",[]{}".contains(byte);
    rest.iter().position(ends).unwrap_or(rest.len())
}
