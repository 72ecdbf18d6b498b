//! One file that the project and the template both own: merged, with markers where both changed the same.

use super::lines::{self, Piece};
use super::structure::{self, Form, Texts};

/// Opens a conflict; the lines of the project follow.
const OPENS: &str = "<<<<<<< yours";
/// The lines both come from follow.
const BASE: &str = "||||||| before";
/// The lines of the template follow.
const MIDDLE: &str = "=======";
/// Closes a conflict.
const CLOSES: &str = ">>>>>>> template";

/// What merging gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The text, with markers around conflicts.
    pub text: String,
    /// How many conflicts are marked.
    pub conflicts: usize,
    /// Why the text cannot stay as it is although nothing is marked.
    pub fault: Option<String>,
}

/// Merges the texts of the file at `path`.
#[must_use]
pub fn merge(path: &str, base: &str, ours: &str, theirs: &str) -> Merged {
    let settled = |text: String| Merged { text, conflicts: 0, fault: None };
    if ours == theirs || theirs == base {
        return settled(ours.to_owned());
    }
    if ours == base {
        return settled(theirs.to_owned());
    }
    let pieces = lines::merge(base, ours, theirs);
    let conflicts = pieces.iter().filter(|piece| matches!(piece, Piece::Conflict { .. })).count();
    let form = Form::of(path);
    if conflicts > 0 {
        let by_key = form.and_then(|form| structure::settle(form, &pieces, Texts { base, ours, theirs }));
        return by_key
            .map_or_else(|| Merged { text: marked(&pieces, ours), conflicts, fault: None }, settled);
    }
    let text = marked(&pieces, ours);
    let fault = form.and_then(|form| broken(form, &text, &[base, ours, theirs]));
    Merged { text, conflicts, fault }
}

/// Whether a text still has the markers of a conflict.
#[must_use]
pub fn has_markers(text: &str) -> bool {
    let has = |marker: &str| text.lines().any(|line| line == marker);
    has(OPENS) && has(CLOSES)
}

/// Two changes that are fine by themselves may not be together, as when both add one key.
fn broken(form: Form, text: &str, parts: &[&str]) -> Option<String> {
    let fault = form.read(text).err()?;
    let all_were_fine = parts.iter().all(|part| form.read(part).is_ok());
    all_were_fine.then(|| format!("together the changes are no {} any more: {fault}", form.name()))
}

fn marked(pieces: &[Piece<'_>], ours: &str) -> String {
    let end = if ours.lines().count() > 0 && ours.contains("\r\n") { "\r\n" } else { "\n" };
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Settled(lines) => text.extend(lines.iter().copied()),
            Piece::Conflict { ours, base, theirs } => {
                for (marker, lines) in [(OPENS, ours), (BASE, base), (MIDDLE, theirs)] {
                    push_line(&mut text, marker, end);
                    text.extend(lines.iter().copied());
                }
                push_line(&mut text, CLOSES, end);
            }
        }
    }
    text
}

/// A marker stands on a line of its own, also after a line that had no end.
fn push_line(text: &mut String, line: &str, end: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(end);
    }
    text.push_str(line);
    text.push_str(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_marked_with_what_both_come_from() {
        let merged = merge("Dockerfile", "FROM a:1\n", "FROM mine", "FROM a:2\n");
        assert_eq!(merged.conflicts, 1);
        assert_eq!(
            merged.text,
            "<<<<<<< yours\nFROM mine\n||||||| before\nFROM a:1\n=======\nFROM a:2\n>>>>>>> template\n"
        );
        assert!(has_markers(&merged.text) && !has_markers("=======\n"));
        assert!(merge("x", "a\r\n", "b\r\n", "c\r\n").text.starts_with("<<<<<<< yours\r\nb\r\n"));
    }

    #[test]
    fn keys_settle_what_lines_do_not() {
        let merged = merge("Cargo.toml", "a = 1\nb = 1\n", "a = 2\nb = 1\n", "a = 1\nb = 2\n");
        assert_eq!((merged.text.as_str(), merged.conflicts), ("a = 2\nb = 2\n", 0));
        assert_eq!(merge("Cargo.lock", "a = 1\nb = 1\n", "a = 2\nb = 1\n", "a = 1\nb = 2\n").conflicts, 1);
    }

    #[test]
    fn a_key_added_twice_is_named() {
        let merged = merge("a.yaml", "b: 1\nc: 1\n", "a: 1\nb: 1\nc: 1\n", "b: 1\nc: 1\na: 2\n");
        assert_eq!(merged.conflicts, 0);
        assert!(merged.fault.is_some_and(|fault| fault.contains("no YAML any more")));
    }
}
