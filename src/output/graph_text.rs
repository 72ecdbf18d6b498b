//! What the text views of a graph share: glyphs, painting, wrapping of lists. It does not know the terminal.

use unicode_width::UnicodeWidthStr;

use super::visible::is_hidden;
use crate::topology::drift::Verdict;

/// What a piece of text is; the painter chooses the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A service.
    Service,
    /// A channel.
    Channel,
    /// A message.
    Message,
    /// A heading.
    Heading,
    /// Lines and arrows, and words of lesser weight.
    Faint,
    /// Something that is missing.
    Alarm,
}

/// How the text views look.
pub struct GraphStyle<'a> {
    /// Columns to fill at most.
    pub width: usize,
    /// Only ASCII.
    pub ascii: bool,
    /// Paints a piece of text, or returns it as it is; it must not change its width.
    pub paint: &'a dyn Fn(Role, &str) -> String,
}

/// Arrows and lines of one alphabet.
pub(super) struct Glyphs {
    pub right: &'static str,
    pub left: &'static str,
    pub none: &'static str,
    pub branch: &'static str,
    pub last: &'static str,
    pub branch_left: &'static str,
    pub last_left: &'static str,
    pub bar: &'static str,
    pub cycle: &'static str,
    pub message: &'static str,
    pub more: &'static str,
    pub dot: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    right: "─▶",
    left: "◀─",
    none: "∅",
    branch: "├─▶ ",
    last: "└─▶ ",
    branch_left: "├─◀ ",
    last_left: "└─◀ ",
    bar: "│   ",
    cycle: "⟲",
    message: "◇",
    more: "…",
    dot: "·",
};

const ASCII: Glyphs = Glyphs {
    right: "->",
    left: "<-",
    none: "!",
    branch: "|-> ",
    last: "`-> ",
    branch_left: "|-< ",
    last_left: "`-< ",
    bar: "|   ",
    cycle: "(cycle)",
    message: "<>",
    more: "...",
    dot: "-",
};

impl GraphStyle<'_> {
    pub(super) fn glyphs(&self) -> &'static Glyphs {
        if self.ascii { &ASCII } else { &UNICODE }
    }

    /// The mark of a verdict.
    pub(super) fn mark(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Undocumented => "+",
            Verdict::Missing => "-",
            Verdict::NotObservable => "?",
            Verdict::Confirmed if self.ascii => "=",
            Verdict::Confirmed => "✓",
        }
    }

    /// A name fit for this alphabet: characters that steer never reach the terminal.
    pub(super) fn clean(&self, name: &str) -> String {
        let shown = |character: char| !is_hidden(character) && (!self.ascii || character.is_ascii());
        name.chars().map(|character| if shown(character) { character } else { '?' }).collect()
    }
}

/// Columns a text takes.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Splits items into lines of at most `limit` columns when joined by `, `; an item wider than that has its own line.
pub(super) fn wrap(items: &[String], limit: usize) -> Vec<Vec<String>> {
    let mut lines: Vec<Vec<String>> = vec![Vec::new()];
    let mut used = 0;
    for (number, item) in items.iter().enumerate() {
        let comma = usize::from(number + 1 < items.len());
        let needed = width(item) + comma;
        let space = usize::from(used > 0);
        if used > 0 && used + space + needed > limit {
            lines.push(Vec::new());
            used = 0;
        }
        used += usize::from(used > 0) + needed;
        if let Some(line) = lines.last_mut() {
            line.push(item.clone());
        }
    }
    lines
}
