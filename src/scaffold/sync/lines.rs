//! Three-way merge of lines: what one side changed is taken, what both changed differently is a conflict.
//!
//! The differences and the walk over them are those of git, so that the same texts are clean in both.

use std::ops::Range;

use super::differences::{Change, changes};

/// A stretch of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Lines that are settled.
    Settled(Vec<&'a str>),
    /// Lines both sides changed, each in its own way.
    Conflict {
        /// The project's lines.
        ours: Vec<&'a str>,
        /// The lines both come from.
        base: Vec<&'a str>,
        /// The template's lines.
        theirs: Vec<&'a str>,
    },
}

/// A stretch in all three texts; `side` says whose lines count.
#[derive(Clone, Debug)]
struct Region {
    side: Side,
    base: Range<usize>,
    ours: Range<usize>,
    theirs: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
    Both,
}

/// The pieces of the result, in order.
#[must_use]
pub fn merge<'a>(base: &'a str, ours: &'a str, theirs: &'a str) -> Vec<Piece<'a>> {
    let texts = [lines(base), lines(ours), lines(theirs)];
    let regions = regions(&changes(&texts[0], &texts[1]), &changes(&texts[0], &texts[2]), &texts);
    let mut pieces = Vec::new();
    let mut settled = Vec::new();
    let mut at = 0;
    for region in regions {
        settled.extend_from_slice(&texts[1][at..region.ours.start]);
        let (ours, theirs) = (&texts[1][region.ours.clone()], &texts[2][region.theirs.clone()]);
        at = region.ours.end;
        match region.side {
            Side::Ours => settled.extend_from_slice(ours),
            Side::Theirs => settled.extend_from_slice(theirs),
            Side::Both if ours == theirs => settled.extend_from_slice(ours),
            Side::Both => {
                // What both sides share at the edges of a conflict is none of it.
                let before = ours.iter().zip(theirs).take_while(|(left, right)| left == right).count();
                let rest = ours[before..].iter().rev().zip(theirs[before..].iter().rev());
                let after = rest.take_while(|(left, right)| left == right).count();
                settled.extend_from_slice(&ours[..before]);
                pieces.push(Piece::Settled(std::mem::take(&mut settled)));
                pieces.push(Piece::Conflict {
                    ours: ours[before..ours.len() - after].to_vec(),
                    base: texts[0][region.base].to_vec(),
                    theirs: theirs[before..theirs.len() - after].to_vec(),
                });
                settled.extend_from_slice(&ours[ours.len() - after..]);
            }
        }
    }
    settled.extend_from_slice(&texts[1][at..]);
    pieces.push(Piece::Settled(settled));
    pieces
}

/// Lines with their ends.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The stretches in which a side differs from the base; changes that touch belong together.
fn regions(ours: &[Change], theirs: &[Change], texts: &[Vec<&str>; 3]) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    let (mut left, mut right) = (0, 0);
    loop {
        match (ours.get(left), theirs.get(right)) {
            (Some(mine), other) if other.is_none_or(|other| mine.base.end < other.base.start) => {
                let theirs = shifted(theirs, right, &mine.base);
                append(&mut regions, Side::Ours, mine.base.clone(), mine.side.clone(), theirs);
                left += 1;
            }
            (mine, Some(other)) if mine.is_none_or(|mine| other.base.end < mine.base.start) => {
                let ours = shifted(ours, left, &other.base);
                append(&mut regions, Side::Theirs, other.base.clone(), ours, other.side.clone());
                right += 1;
            }
            (Some(mine), Some(other)) => {
                if mine.base != other.base || texts[1][mine.side.clone()] != texts[2][other.side.clone()] {
                    let start = mine.base.start.min(other.base.start);
                    let end = mine.base.end.max(other.base.end);
                    let widened = |change: &Change| {
                        let before = change.base.start - start;
                        change.side.start.saturating_sub(before)..change.side.end + (end - change.base.end)
                    };
                    append(&mut regions, Side::Both, start..end, widened(mine), widened(other));
                }
                let (mine_end, other_end) = (mine.base.end, other.base.end);
                left += usize::from(mine_end <= other_end);
                right += usize::from(other_end <= mine_end);
            }
            _ => return regions,
        }
    }
}

/// Where lines of the base stand on a side whose changes up to them are known; `next` is the first change after them.
///
/// The end is exact; lines that begin inside an earlier stretch are joined with it by their end alone.
fn shifted(changes: &[Change], next: usize, lines: &Range<usize>) -> Range<usize> {
    let end = match next.checked_sub(1).and_then(|before| changes.get(before)) {
        Some(before) => before.side.end + lines.end.saturating_sub(before.base.end),
        None => lines.end,
    };
    end.saturating_sub(lines.len())..end
}

/// Adds a stretch, or widens the last one when they touch on either side.
fn append(
    regions: &mut Vec<Region>,
    side: Side,
    base: Range<usize>,
    ours: Range<usize>,
    theirs: Range<usize>,
) {
    let touches = |last: &&mut Region| ours.start <= last.ours.end || theirs.start <= last.theirs.end;
    if let Some(last) = regions.last_mut().filter(touches) {
        if last.side != side {
            last.side = Side::Both;
        }
        last.base.end = base.end;
        last.ours.end = ours.end;
        last.theirs.end = theirs.end;
        return;
    }
    regions.push(Region { side, base, ours, theirs });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(base: &str, ours: &str, theirs: &str) -> String {
        let pieces = merge(base, ours, theirs);
        let shown = pieces.iter().map(|piece| match piece {
            Piece::Settled(lines) => lines.concat(),
            Piece::Conflict { ours, base, theirs } => {
                format!("<{}|{}|{}>", ours.concat(), base.concat(), theirs.concat()).replace('\n', "")
            }
        });
        shown.collect()
    }

    #[test]
    fn changes_apart_are_both_taken() {
        assert_eq!(shown("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n"), "A\nb\nC\n");
        assert_eq!(shown("a\nb\nc\n", "b\nc\n", "a\nb\nc\nd\n"), "b\nc\nd\n");
        assert_eq!(shown("", "a\n", "a\n"), "a\n");
    }

    #[test]
    fn changes_that_touch_are_a_conflict_and_equal_ones_none() {
        assert_eq!(shown("a\nb\n", "A\nb\n", "a\nB\n"), "<Ab|ab|aB>");
        assert_eq!(shown("a\nb\n", "x\nb\n", "x\nb\n"), "x\nb\n");
        assert_eq!(shown("a\n", "p\nx\nq\n", "p\ny\nq\n"), "p\n<x|a|y>q\n");
        assert_eq!(shown("a\nb\n", "b\n", "A\nb\n"), "<|a|A>b\n");
    }

    proptest::proptest! {
        #[test]
        fn one_side_alone_is_taken_whole(base in "[abc\n]{0,30}", other in "[abc\n]{0,30}") {
            proptest::prop_assert_eq!(shown(&base, &other, &base), other.clone());
            proptest::prop_assert_eq!(shown(&base, &base, &other), other.clone());
            proptest::prop_assert_eq!(shown(&base, &other, &other), other);
        }

        #[test]
        fn no_line_of_the_project_is_lost(base in "([abcd]\n){0,12}", mine in "([abcdxy]\n){0,12}", other in "([abcdz]\n){0,12}") {
            let result = shown(&base, &mine, &other);
            for own in ["x", "y"] {
                proptest::prop_assert_eq!(result.matches(own).count(), mine.matches(own).count());
            }
        }
    }
}
