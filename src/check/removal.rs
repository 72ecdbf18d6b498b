//! The text that goes when an entry of a mapping is removed, so that nothing half stays behind.

use crate::source_text::tree::{Entry, Node};
use crate::source_text::{Sources, Span};

/// The bytes to delete so that `entry` is gone from `mapping`; none when it shares its lines in a way that is not plain.
///
/// In a block mapping these are whole lines, a comment at their end included; in a flow mapping the entry with one comma.
#[must_use]
pub fn removal(sources: &Sources, mapping: &Node, entry: &Entry) -> Option<Span> {
    let text = sources.get(mapping.span.file).text();
    let inside = |span: Span| span.file == mapping.span.file && contains(mapping.span, span);
    // An alias stands elsewhere; what is written here is then unknown.
    if !inside(entry.key_span) || !inside(entry.value.span) || entry.value.span.start < entry.key_span.end {
        return None;
    }
    let (start, end) = (entry.key_span.start as usize, entry.value.span.end as usize);
    let is_flow = text.get(mapping.span.start as usize..)?.starts_with('{');
    let (start, end) =
        if is_flow { in_flow(text, mapping, start, end)? } else { in_block(text, start, end)? };
    let place = |at: usize| u32::try_from(at).ok();
    Some(Span { file: mapping.span.file, start: place(start)?, end: place(end)? })
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn in_block(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    if !text[line_start..start].trim().is_empty() {
        return None;
    }
    // The end of a block is after its last line end, that of a scalar or flow before it.
    if end > 0 && text[..end].ends_with('\n') {
        return Some((line_start, end));
    }
    let line_end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    let rest = text[end..line_end].trim();
    (rest.is_empty() || rest.starts_with('#')).then_some((line_start, line_end))
}

fn in_flow(text: &str, mapping: &Node, start: usize, end: usize) -> Option<(usize, usize)> {
    let after = &text[end..mapping.span.end as usize];
    let trimmed = after.trim_start();
    if let Some(rest) = trimmed.strip_prefix(',') {
        let rest = rest.trim_start_matches(' ');
        return Some((start, mapping.span.end as usize - rest.len()));
    }
    let before = text[mapping.span.start as usize..start].trim_end();
    if before.ends_with(',') {
        return Some((mapping.span.start as usize + before.len() - 1, end));
    }
    (before == "{").then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_text::yaml::parse;
    use crate::source_text::{Limits, SourceText};

    fn without(text: &str, pointer: &str, key: &str) -> Option<String> {
        let mut sources = Sources::default();
        let file = sources.add(SourceText::new("a.yaml", text.to_owned()));
        let root = parse(&sources, file, &Limits::default()).root.unwrap();
        let mapping = root.pointer(pointer).unwrap();
        let span = removal(&sources, mapping, mapping.entry(key).unwrap())?;
        Some(format!("{}{}", &text[..span.start as usize], &text[span.end as usize..]))
    }

    #[test]
    fn whole_lines_go_from_a_block() {
        let text = "a:\n  b: 1 # one\n  c:\n    d: 2\n  e: 3\n";
        assert_eq!(without(text, "/a", "b").unwrap(), "a:\n  c:\n    d: 2\n  e: 3\n");
        assert_eq!(without(text, "/a", "e").unwrap(), "a:\n  b: 1 # one\n  c:\n    d: 2\n");
        assert_eq!(without(text, "/a", "c").unwrap(), "a:\n  b: 1 # one\n  e: 3\n");
        assert_eq!(without("a: 1", "", "a").unwrap(), "");
    }

    #[test]
    fn one_comma_goes_from_a_flow() {
        let text = "{a: 1, b: {c: 2}, d: 3}";
        assert_eq!(without(text, "", "a").unwrap(), "{b: {c: 2}, d: 3}");
        assert_eq!(without(text, "", "b").unwrap(), "{a: 1, d: 3}");
        assert_eq!(without(text, "", "d").unwrap(), "{a: 1, b: {c: 2}}");
        assert_eq!(without(text, "/b", "c").unwrap(), "{a: 1, b: {}, d: 3}");
    }

    #[test]
    fn what_shares_its_line_stays() {
        assert_eq!(without("- a: 1\n  b: 2\n", "/0", "a"), None);
        assert_eq!(without("x: &x {c: 1}\na:\n  b: *x\n", "/a", "b"), None);
    }
}
