//! Applies fixes to texts: those that do not touch each other, each whole or not at all, everything else left as it was.

use std::collections::BTreeMap;

use super::{Diagnostic, Fix, FixSafety};
use crate::source_text::{FileId, Sources, Span};

/// What came of one round.
#[derive(Debug, Default)]
pub struct Round {
    /// New texts of the files that changed.
    pub texts: BTreeMap<FileId, String>,
    /// Applied fixes of each code.
    pub applied: BTreeMap<&'static str, usize>,
}

/// Applies the fixes of the findings, in order; one that touches another applied before it waits for a later round.
#[must_use]
pub fn apply(
    findings: &[Diagnostic],
    sources: &Sources,
    with_unsafe: bool,
    files: &dyn Fn(FileId) -> bool,
) -> Round {
    let mut taken: Vec<(Span, &str)> = Vec::new();
    let mut round = Round::default();
    for finding in findings {
        let Some(fix) = finding.fix.as_ref().filter(|fix| with_unsafe || fix.safety == FixSafety::Safe)
        else {
            continue;
        };
        if is_applicable(fix, &taken, sources, files) {
            taken.extend(fix.edits.iter().map(|(span, text)| (*span, text.as_str())));
            *round.applied.entry(finding.code).or_default() += 1;
        }
    }
    taken.sort_by_key(|(span, _)| (span.file, span.start, span.end));
    for chunk in taken.chunk_by(|left, right| left.0.file == right.0.file) {
        let file = chunk[0].0.file;
        round.texts.insert(file, edited(sources.get(file).text(), chunk));
    }
    round
}

fn is_applicable(
    fix: &Fix,
    taken: &[(Span, &str)],
    sources: &Sources,
    files: &dyn Fn(FileId) -> bool,
) -> bool {
    let is_whole = |span: &Span| {
        let text = sources.get(span.file).text();
        text.get(span.start as usize..span.end as usize).is_some()
    };
    let is_free = |span: &Span| taken.iter().all(|(other, _)| !touch(*span, *other));
    // An edit that changes nothing would be applied for ever.
    let changes = fix.edits.iter().any(|(span, text)| {
        sources.get(span.file).text().get(span.start as usize..span.end as usize) != Some(text.as_str())
    });
    changes && fix.edits.iter().all(|(span, _)| files(span.file) && is_whole(span) && is_free(span))
}

fn touch(left: Span, right: Span) -> bool {
    left.file == right.file && left.start <= right.end && right.start <= left.end
}

/// The text with sorted edits made.
fn edited(text: &str, edits: &[(Span, &str)]) -> String {
    let mut changed = String::with_capacity(text.len());
    let mut at = 0;
    for (span, replacement) in edits {
        changed.push_str(&text[at..span.start as usize]);
        changed.push_str(replacement);
        at = span.end as usize;
    }
    changed.push_str(&text[at..]);
    changed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::Severity;
    use crate::source_text::SourceText;

    fn finding(edits: Vec<(Span, String)>, safety: FixSafety) -> Diagnostic {
        let span = Span { file: FileId(0), start: 0, end: 0 };
        Diagnostic::new("ED9999", Severity::Error, "wrong", span).fix("mend", safety, edits)
    }

    fn sources(text: &str) -> Sources {
        let mut sources = Sources::default();
        sources.add(SourceText::new("a.yaml", text.to_owned()));
        sources
    }

    fn span(start: u32, end: u32) -> Span {
        Span { file: FileId(0), start, end }
    }

    #[test]
    fn unsafe_and_overlapping_fixes_wait() {
        let sources = sources("one two three");
        let findings = [
            finding(vec![(span(0, 3), "1".to_owned())], FixSafety::Safe),
            finding(vec![(span(2, 5), "x".to_owned())], FixSafety::Safe),
            finding(vec![(span(8, 13), "3".to_owned())], FixSafety::Unsafe),
        ];
        let round = apply(&findings, &sources, false, &|_| true);
        assert_eq!(round.texts[&FileId(0)], "1 two three");
        let round = apply(&findings, &sources, true, &|_| true);
        assert_eq!(round.texts[&FileId(0)], "1 two 3");
        assert!(apply(&findings, &sources, true, &|_| false).texts.is_empty());
    }

    #[test]
    fn a_fix_of_two_edits_is_made_whole_or_not_at_all() {
        let sources = sources("a: 1\nb: 2\n");
        let quotes = vec![(span(3, 3), "\"".to_owned()), (span(4, 4), "\"".to_owned())];
        let both = vec![(span(8, 9), "3".to_owned()), (span(4, 4), "x".to_owned())];
        let findings = [finding(quotes, FixSafety::Safe), finding(both, FixSafety::Safe)];
        assert_eq!(apply(&findings, &sources, false, &|_| true).texts[&FileId(0)], "a: \"1\"\nb: 2\n");
    }

    proptest! {
        #[test]
        fn what_no_edit_names_stays_as_it_was(
            text in "[a-zé\n]{0,60}",
            edits in proptest::collection::vec((0u32..60, 0u32..8, "[x-z]{0,4}"), 0..6),
        ) {
            let sources = sources(&text);
            let findings: Vec<Diagnostic> = edits
                .iter()
                .map(|(start, length, new)| {
                    finding(vec![(span(*start, start + length), new.clone())], FixSafety::Safe)
                })
                .collect();
            let round = apply(&findings, &sources, false, &|_| true);
            let after = round.texts.get(&FileId(0)).map_or(text.as_str(), String::as_str);
            // What is left when the letters that only edits write are taken out is part of what was there.
            let mut before = text.chars();
            for letter in after.chars().filter(|letter| !('x'..='z').contains(letter)) {
                prop_assert!(before.any(|known| known == letter));
            }
            if round.applied.is_empty() {
                prop_assert_eq!(after, text.as_str());
            }
        }
    }
}
