//! Slips of the pen: which known word was meant, and whether that is sure enough to write it.

use super::{Diagnostic, FixSafety};
use crate::source_text::Span;

/// Edits up to which a word with no rival is taken to be meant.
const SURE: usize = 2;

/// The candidate nearest to `word` by edits, when it is near enough to be a slip.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(word, candidates).into_iter().min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// The candidates near enough to be meant, each once, with their distance.
fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<(usize, &'a str)> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let mut found: Vec<(usize, &str)> = Vec::new();
    for candidate in candidates {
        let distance = edit_distance(word, candidate);
        if distance <= limit && found.iter().all(|(_, known)| *known != candidate) {
            found.push((distance, candidate));
        }
    }
    found
}

impl Diagnostic {
    /// Asks `did you mean …?` and offers to write the word meant over `span`, where `written` stands, in quotes or not.
    ///
    /// The change is safe when it is small and no other candidate is near, unsafe when one is nearer than the others;
    /// else only the question is asked. Gives the word meant.
    pub fn respell<'a>(
        &mut self,
        written: &str,
        candidates: impl IntoIterator<Item = &'a str>,
        span: Span,
    ) -> Option<&'a str> {
        let found = near(written, candidates);
        let (distance, meant) = *found.iter().min_by_key(|(distance, _)| *distance)?;
        self.help = Some(format!("did you mean `{meant}`?"));
        let rivals = found.iter().filter(|(other, word)| *other == distance && *word != meant).count();
        let safety = match found.len() {
            1 if distance <= SURE => FixSafety::Safe,
            _ => FixSafety::Unsafe,
        };
        if let (0, Some(place)) = (rivals, between_quotes(span, written)) {
            // Without quotes these would be no texts.
            let needs_quotes = place == span && matches!(meant, "null" | "true" | "false");
            let edits = vec![(place, if needs_quotes { format!("\"{meant}\"") } else { meant.to_owned() })];
            self.fix = Some(super::Fix { title: format!("write `{meant}`"), safety, edits });
        }
        Some(meant)
    }

    /// Offers to put quotes around the scalar in `span`, which makes it text.
    pub fn quote(&mut self, span: Span) {
        let start = Span { end: span.start, ..span };
        let end = Span { start: span.end, ..span };
        let edits = vec![(start, "\"".to_owned()), (end, "\"".to_owned())];
        self.fix = Some(super::Fix { title: "quote it".to_owned(), safety: FixSafety::Safe, edits });
    }
}

/// Where a word stands within its span; none when it is written with escapes, which leave nothing simple to replace.
fn between_quotes(span: Span, written: &str) -> Option<Span> {
    let length = usize::try_from(span.end - span.start).ok()?;
    if length == written.len() {
        return Some(span);
    }
    let is_quoted = length == written.len() + 2;
    is_quoted.then(|| Span { start: span.start + 1, end: span.end - 1, ..span })
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other, case ignored.
fn edit_distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, left_char) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, right_char) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(left_char != right_char);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && *left_char == right[column - 1] && left[row - 1] == *right_char;
            if swapped {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::source_text::FileId;

    #[test]
    fn nearest_finds_slips_and_leaves_strangers_alone() {
        assert_eq!(nearest("propertis", ["properties", "items"]), Some("properties"));
        assert_eq!(nearest("kafak", ["kafka", "mqtt"]), Some("kafka"));
        assert_eq!(nearest("zebra", ["properties", "items"]), None);
    }

    fn respelt(word: &str, length: u32, candidates: &[&'static str]) -> Diagnostic {
        let span = Span { file: FileId(0), start: 10, end: 10 + length };
        let mut finding = Diagnostic::new("ED9999", Severity::Error, "wrong", span);
        finding.respell(word, candidates.iter().copied(), span);
        finding
    }

    #[test]
    fn a_slip_with_one_candidate_is_safe_and_keeps_its_quotes() {
        let fix = respelt("adress", 8, &["address", "servers"]).fix.unwrap();
        assert_eq!(fix.safety, FixSafety::Safe);
        assert_eq!((fix.edits[0].0.start, fix.edits[0].0.end, fix.edits[0].1.as_str()), (11, 17, "address"));
    }

    #[test]
    fn rivals_make_it_unsafe_or_leave_it_a_question() {
        assert_eq!(respelt("mqttss", 6, &["mqtts", "mqtt"]).fix.unwrap().safety, FixSafety::Unsafe);
        let torn = respelt("kafka1", 6, &["kafka2", "kafka3"]);
        assert!(torn.fix.is_none() && torn.help.is_some());
        assert!(respelt("zebra", 5, &["minItems"]).help.is_none());
    }

    #[test]
    fn what_is_written_with_escapes_is_left_alone() {
        assert!(respelt("adress", 12, &["address"]).fix.is_none());
    }
}
