//! Places inside the text of a scalar, such as a schema in a block of a YAML file, as places of the file.

use std::ops::Range;

use super::tree::{Node, Value};
use super::{Sources, Span};

/// Where bytes of the value of a string node are written in its file; the whole node when that cannot be said.
#[must_use]
pub fn span_inside(sources: &Sources, node: &Node, bytes: Range<usize>) -> Span {
    let Value::String(value) = &node.value else {
        return node.span;
    };
    let text = sources.get(node.span.file).text();
    let written = text.get(node.span.start as usize..node.span.end as usize).unwrap_or_default();
    let last = bytes.end.max(bytes.start + 1) - 1;
    let found = offset_inside(written, value, bytes.start)
        .and_then(|start| Some((start, offset_inside(written, value, last).filter(|last| *last >= start)?)));
    let Some((start, last)) = found else {
        return node.span;
    };
    let width = written.get(last..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
    let at = |offset: usize| node.span.start.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
    Span { file: node.span.file, start: at(start), end: at(last + width).min(node.span.end) }
}

/// The offset in the text as written of an offset in the value.
fn offset_inside(written: &str, value: &str, offset: usize) -> Option<usize> {
    if written == value {
        return Some(offset);
    }
    match written.bytes().next()? {
        b'"' => in_double_quotes(written, value, offset),
        b'|' | b'>' => {
            let header = written.find('\n')? + 1;
            let content = written.get(header..)?;
            Some(header + by_ink(content, value, offset)?)
        }
        b'\'' => {
            // A quote inside is written twice: of each pair only the first is seen.
            let single = written.get(1..)?.replace("\'\'", "\'\0");
            Some(1 + by_ink(&single, value, offset)?)
        }
        _ => by_ink(written, value, offset),
    }
}

/// Blocks and plain scalars keep every character but blanks and line ends, which alone may come and go: the place is
/// that of the same character counted without them.
fn by_ink(written: &str, value: &str, offset: usize) -> Option<usize> {
    let is_ink = |character: char| !character.is_whitespace() && character != '\0';
    let before = value.get(..offset)?.chars().filter(|character| is_ink(*character)).count();
    let here = value[offset..].chars().next();
    let mut ink = written.char_indices().filter(|(_, character)| is_ink(*character));
    match here {
        Some(character) if is_ink(character) => ink.nth(before).map(|(at, _)| at),
        // A blank or the end: just behind the last character before it.
        _ => match before.checked_sub(1) {
            Some(last) => ink.nth(last).map(|(at, character)| at + character.len_utf8()),
            None => Some(0),
        },
    }
}

/// Walks text and value side by side over the escapes of JSON and YAML.
fn in_double_quotes(written: &str, value: &str, offset: usize) -> Option<usize> {
    let inner = written.get(1..)?;
    let mut at = 0;
    let mut read = 0;
    while read < offset {
        let character = inner.get(at..)?.chars().next()?;
        let (width, length) = match character {
            '\\' => {
                let escaped = inner.get(at + 1..)?.chars().next()?;
                let width = match escaped {
                    'x' => 4,
                    'u' if inner.get(at + 6..at + 8) == Some("\\u")
                        && is_high_half(inner.get(at + 2..at + 6)?) =>
                    {
                        12
                    }
                    'u' => 6,
                    'U' => 10,
                    other => 1 + other.len_utf8(),
                };
                (width, value.get(read..)?.chars().next()?.len_utf8())
            }
            // A line folded inside quotes is not followed further.
            '\n' => return None,
            other => (other.len_utf8(), other.len_utf8()),
        };
        at += width;
        read += length;
    }
    Some(at + 1)
}

fn is_high_half(digits: &str) -> bool {
    u16::from_str_radix(digits, 16).is_ok_and(|unit| (0xd800..0xdc00).contains(&unit))
}

#[cfg(test)]
mod tests {
    use super::super::reading::Limits;
    use super::super::yaml::parse;
    use super::*;
    use crate::source_text::SourceText;

    /// What is underlined for the word `here` in the value under `a`.
    fn underlined(text: &str) -> String {
        let mut sources = Sources::default();
        let file = sources.add(SourceText::new("a.yaml", text.to_owned()));
        let root = parse(&sources, file, &Limits::default()).root.unwrap();
        let node = root.get("a").unwrap();
        let start = node.as_str().unwrap().find("here").unwrap();
        let span = span_inside(&sources, node, start..start + 4);
        assert_eq!(&text[span.start as usize..span.end as usize], "here", "{text}");
        sources.range(span).0.to_string()
    }

    #[test]
    fn every_style_of_scalar_is_seen_through() {
        assert_eq!(underlined("a: |\n  one\n\n    two here\n  x\n"), "4:9");
        assert_eq!(underlined("a: |2-\n    one\n  here\n"), "3:3");
        assert_eq!(underlined("a: >\n  one\n  two\n\n  here ß\n"), "5:3");
        assert_eq!(underlined("a: \"one\\n\\\"two\\\" \\u00e9 \\ud83d\\ude00 here\"\n"), "1:38");
        assert_eq!(underlined("a: 'it''s here'\n"), "1:11");
        assert_eq!(underlined("a: one ß\n  here two\n"), "2:3");
        assert_eq!(underlined("{\"a\": \"here\"}"), "1:8");
    }
}
