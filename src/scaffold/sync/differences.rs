//! Which lines differ between two texts, decided as git decides it, so that merges agree on what is changed.
//!
//! It is Myers' algorithm in linear space ("An O(ND) Difference Algorithm and Its Variations", 1986) with git's choices where
//! there is more than one shortest way: which common lines are left out beforehand, which diagonal counts when two are equal,
//! and where a group of changed lines stands that could stand in several places.

use std::collections::HashMap;
use std::ops::Range;

/// From how many edits in one stretch on the search takes the best it has.
const LEAST_EDITS: usize = 256;
/// Most times a line may be in the other text before it counts as one that says little.
const MOST_EQUAL: usize = 1024;
/// How far around such a line is looked for lines that are in one text only.
const WINDOW: usize = 100;

/// One change: lines of the first text and the lines of the second that replace them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Lines of the first text.
    pub base: Range<usize>,
    /// Lines of the second text.
    pub side: Range<usize>,
}

/// The changes that make the second text of the first, in order.
#[must_use]
pub fn changes(base: &[&str], side: &[&str]) -> Vec<Change> {
    let [mut base, mut side] = numbered(base, side);
    leave_out(&mut base, &mut side);
    Search::new(&mut base, &mut side).run();
    settle(&mut base, &side.changed.clone());
    settle_other(&mut side, &base);
    script(&base.changed, &side.changed)
}

/// Lines of one text as numbers, which of them are changed, and which take part in the search.
struct Text {
    lines: Vec<usize>,
    changed: Vec<bool>,
    searched: Vec<usize>,
}

fn numbered<'a>(base: &[&'a str], side: &[&'a str]) -> [Text; 2] {
    let mut numbers: HashMap<&'a str, usize> = HashMap::new();
    [base, side].map(|lines| {
        let number = |line: &&'a str| {
            let next = numbers.len();
            *numbers.entry(line).or_insert(next)
        };
        let lines: Vec<usize> = lines.iter().map(number).collect();
        Text { changed: vec![false; lines.len()], lines, searched: Vec::new() }
    })
}

/// Lines that are in one text only are changed whatever comes; so are frequent ones among them.
fn leave_out(base: &mut Text, side: &mut Text) {
    let shared = |pairs: &mut dyn Iterator<Item = (&usize, &usize)>| {
        pairs.take_while(|(left, right)| left == right).count()
    };
    let start = shared(&mut base.lines.iter().zip(&side.lines));
    let rest = base.lines.len().min(side.lines.len()) - start;
    let end = shared(&mut base.lines.iter().rev().zip(side.lines.iter().rev()).take(rest));
    let (in_base, in_side) = (counts(&base.lines), counts(&side.lines));
    choose(base, start, end, &in_side);
    choose(side, start, end, &in_base);
}

fn counts(lines: &[usize]) -> HashMap<usize, usize> {
    let mut counts = HashMap::new();
    for line in lines {
        *counts.entry(*line).or_insert(0) += 1;
    }
    counts
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Alone,
    Plain,
    Frequent,
}

fn choose(text: &mut Text, start: usize, end: usize, in_other: &HashMap<usize, usize>) {
    let most = rough_root(text.lines.len()).min(MOST_EQUAL);
    let stretch = start..text.lines.len() - end;
    let weight = |line: &usize| match in_other.get(line).copied().unwrap_or(0) {
        0 => Weight::Alone,
        count if count >= most => Weight::Frequent,
        _ => Weight::Plain,
    };
    let weights: Vec<Weight> = text.lines[stretch.clone()].iter().map(weight).collect();
    for (at, weight) in weights.iter().enumerate() {
        let says_little =
            *weight == Weight::Alone || *weight == Weight::Frequent && is_among_changes(&weights, at);
        if says_little {
            text.changed[stretch.start + at] = true;
        } else {
            text.searched.push(stretch.start + at);
        }
    }
}

/// Whether a frequent line stands between lines of one text only, and these are many more than frequent ones.
fn is_among_changes(weights: &[Weight], at: usize) -> bool {
    let count = |around: &mut dyn Iterator<Item = &Weight>| {
        let (mut alone, mut frequent) = (0, 1);
        for weight in around.take(WINDOW) {
            match weight {
                Weight::Alone => alone += 1,
                Weight::Frequent => frequent += 1,
                Weight::Plain => break,
            }
        }
        (alone, frequent)
    };
    let (before, frequent_before) = count(&mut weights[..at].iter().rev());
    let (after, frequent_after) = count(&mut weights[at + 1..].iter());
    let frequent = frequent_before + frequent_after;
    before > 0 && after > 0 && frequent * 4 < frequent + before + after
}

/// A power of two near the square root.
fn rough_root(mut number: usize) -> usize {
    let mut root = 1;
    while number > 0 {
        root <<= 1;
        number >>= 2;
    }
    root
}

/// A stretch of both texts, in lines that are searched.
#[derive(Clone, Copy)]
struct Stretch {
    base: (isize, isize),
    side: (isize, isize),
}

struct Search<'a> {
    base: &'a mut Text,
    side: &'a mut Text,
    /// Lines that are searched.
    left: Vec<usize>,
    right: Vec<usize>,
    /// How far one has come on each diagonal, from the start and from the end.
    forward: Vec<isize>,
    backward: Vec<isize>,
    most_edits: usize,
}

impl<'a> Search<'a> {
    fn new(base: &'a mut Text, side: &'a mut Text) -> Self {
        let of = |text: &Text| text.searched.iter().map(|at| text.lines[*at]).collect::<Vec<_>>();
        let (left, right) = (of(base), of(side));
        let diagonals = left.len() + right.len() + 3;
        Self {
            base,
            side,
            left,
            right,
            forward: vec![0; diagonals + 2],
            backward: vec![0; diagonals + 2],
            most_edits: rough_root(diagonals).max(LEAST_EDITS),
        }
    }

    fn run(&mut self) {
        let end = |lines: &[usize]| isize::try_from(lines.len()).unwrap_or(isize::MAX);
        let mut open = vec![Stretch { base: (0, end(&self.left)), side: (0, end(&self.right)) }];
        while let Some(mut one) = open.pop() {
            while one.base.0 < one.base.1 && one.side.0 < one.side.1 && self.same(one.base.0, one.side.0) {
                one.base.0 += 1;
                one.side.0 += 1;
            }
            while one.base.0 < one.base.1
                && one.side.0 < one.side.1
                && self.same(one.base.1 - 1, one.side.1 - 1)
            {
                one.base.1 -= 1;
                one.side.1 -= 1;
            }
            if one.base.0 == one.base.1 {
                mark(self.side, one.side);
            } else if one.side.0 == one.side.1 {
                mark(self.base, one.base);
            } else {
                let (left, right) = self.split(one);
                open.push(Stretch { base: (left, one.base.1), side: (right, one.side.1) });
                open.push(Stretch { base: (one.base.0, left), side: (one.side.0, right) });
            }
        }
    }

    fn same(&self, left: isize, right: isize) -> bool {
        self.left[left.unsigned_abs()] == self.right[right.unsigned_abs()]
    }

    /// The place of a diagonal in the lists; the lowest one is that of all of the second text and none of the first.
    fn slot(&self, diagonal: isize) -> usize {
        (diagonal + 1).saturating_add_unsigned(self.right.len()).unsigned_abs()
    }

    /// Where a shortest way passes.
    fn split(&mut self, one: Stretch) -> (isize, isize) {
        let (least, most) = (one.base.0 - one.side.1, one.base.1 - one.side.0);
        let (start, end) = (one.base.0 - one.side.0, one.base.1 - one.side.1);
        let is_odd = (start - end) & 1 != 0;
        let (mut ahead, mut back) = ((start, start), (end, end));
        let (at_start, at_end) = (self.slot(start), self.slot(end));
        self.forward[at_start] = one.base.0;
        self.backward[at_end] = one.base.1;
        for edits in 1.. {
            self.widen(&mut ahead, (least, most), true);
            let mut diagonal = ahead.1;
            while diagonal >= ahead.0 {
                let left = self.step_ahead(diagonal, one);
                let meets = is_odd && back.0 <= diagonal && diagonal <= back.1;
                if meets && self.backward[self.slot(diagonal)] <= left {
                    return (left, left - diagonal);
                }
                diagonal -= 2;
            }
            self.widen(&mut back, (least, most), false);
            let mut diagonal = back.1;
            while diagonal >= back.0 {
                let left = self.step_back(diagonal, one);
                let meets = !is_odd && ahead.0 <= diagonal && diagonal <= ahead.1;
                if meets && left <= self.forward[self.slot(diagonal)] {
                    return (left, left - diagonal);
                }
                diagonal -= 2;
            }
            if edits >= self.most_edits {
                break;
            }
        }
        self.best(one, ahead, back)
    }

    /// One more diagonal on each side, or one less where there is none.
    fn widen(&mut self, reach: &mut (isize, isize), (least, most): (isize, isize), ahead: bool) {
        let nothing = if ahead { -1 } else { isize::MAX };
        let mut set =
            |slot: usize| if ahead { self.forward[slot] = nothing } else { self.backward[slot] = nothing };
        let shift = isize::try_from(self.right.len()).unwrap_or(isize::MAX) + 1;
        if reach.0 > least {
            reach.0 -= 1;
            set((reach.0 - 1 + shift).unsigned_abs());
        } else {
            reach.0 += 1;
        }
        if reach.1 < most {
            reach.1 += 1;
            set((reach.1 + 1 + shift).unsigned_abs());
        } else {
            reach.1 -= 1;
        }
    }

    fn step_ahead(&mut self, diagonal: isize, one: Stretch) -> isize {
        let slot = self.slot(diagonal);
        let (below, above) = (self.forward[slot - 1], self.forward[slot + 1]);
        let mut left = if below >= above { below + 1 } else { above };
        while left < one.base.1 && left - diagonal < one.side.1 && self.same(left, left - diagonal) {
            left += 1;
        }
        self.forward[slot] = left;
        left
    }

    fn step_back(&mut self, diagonal: isize, one: Stretch) -> isize {
        let slot = self.slot(diagonal);
        let (below, above) = (self.backward[slot - 1], self.backward[slot + 1]);
        let mut left = if below < above { below } else { above - 1 };
        while left > one.base.0 && left - diagonal > one.side.0 && self.same(left - 1, left - 1 - diagonal) {
            left -= 1;
        }
        self.backward[slot] = left;
        left
    }

    /// The farthest one has come, from either end.
    fn best(&self, one: Stretch, ahead: (isize, isize), back: (isize, isize)) -> (isize, isize) {
        let mut first = (-1, -1);
        let mut diagonal = ahead.1;
        while diagonal >= ahead.0 {
            let left = self.forward[self.slot(diagonal)].min(one.base.1).min(one.side.1 + diagonal);
            let sum = left + left - diagonal;
            if first.0 < sum {
                first = (sum, left);
            }
            diagonal -= 2;
        }
        let mut second = (isize::MAX, isize::MAX);
        let mut diagonal = back.1;
        while diagonal >= back.0 {
            let left = self.backward[self.slot(diagonal)].max(one.base.0).max(one.side.0 + diagonal);
            let sum = left + left - diagonal;
            if sum < second.0 {
                second = (sum, left);
            }
            diagonal -= 2;
        }
        let from_end = one.base.1 + one.side.1 - second.0;
        let from_start = first.0 - (one.base.0 + one.side.0);
        let (sum, left) = if from_end < from_start { first } else { second };
        (left, sum - left)
    }
}

fn mark(text: &mut Text, lines: (isize, isize)) {
    for at in lines.0.unsigned_abs()..lines.1.unsigned_abs() {
        text.changed[text.searched[at]] = true;
    }
}

/// A group of changed lines, perhaps none, between two lines that are not.
#[derive(Clone, Copy)]
struct Group {
    start: usize,
    end: usize,
}

impl Group {
    fn first(changed: &[bool]) -> Self {
        let mut group = Self { start: 0, end: 0 };
        group.grow_down(changed);
        group
    }

    fn is_empty(self) -> bool {
        self.start == self.end
    }

    fn grow_down(&mut self, changed: &[bool]) {
        while changed.get(self.end) == Some(&true) {
            self.end += 1;
        }
    }

    fn grow_up(&mut self, changed: &[bool]) {
        while self.start > 0 && changed[self.start - 1] {
            self.start -= 1;
        }
    }

    fn next(&mut self, changed: &[bool]) -> bool {
        if self.end >= changed.len() {
            return false;
        }
        self.start = self.end + 1;
        self.end = self.start;
        self.grow_down(changed);
        true
    }

    fn previous(&mut self, changed: &[bool]) {
        if self.start > 0 {
            self.end = self.start - 1;
            self.start = self.end;
            self.grow_up(changed);
        }
    }

    fn slide_down(&mut self, text: &mut Text) -> bool {
        if self.end >= text.lines.len() || text.lines[self.start] != text.lines[self.end] {
            return false;
        }
        text.changed[self.start] = false;
        text.changed[self.end] = true;
        self.start += 1;
        self.end += 1;
        self.grow_down(&text.changed);
        true
    }

    fn slide_up(&mut self, text: &mut Text) -> bool {
        if self.start == 0 || text.lines[self.start - 1] != text.lines[self.end - 1] {
            return false;
        }
        self.start -= 1;
        self.end -= 1;
        text.changed[self.start] = true;
        text.changed[self.end] = false;
        self.grow_up(&text.changed);
        true
    }
}

fn settle_other(text: &mut Text, other: &Text) {
    settle(text, &other.changed);
}

/// Puts each group that could stand in several places as far down as it goes, or beside a group of the other text.
fn settle(text: &mut Text, other: &[bool]) {
    let mut group = Group::first(&text.changed);
    let mut beside = Group::first(other);
    loop {
        if !group.is_empty() {
            place(text, &mut group, other, &mut beside);
        }
        if !group.next(&text.changed) {
            return;
        }
        beside.next(other);
    }
}

fn place(text: &mut Text, group: &mut Group, other: &[bool], beside: &mut Group) {
    let (mut highest, mut has_match);
    loop {
        let size = group.end - group.start;
        while group.slide_up(text) {
            beside.previous(other);
        }
        highest = group.end;
        has_match = !beside.is_empty();
        while group.slide_down(text) {
            beside.next(other);
            has_match |= !beside.is_empty();
        }
        if size == group.end - group.start {
            break;
        }
    }
    if group.end != highest && has_match {
        while beside.is_empty() && group.slide_up(text) {
            beside.previous(other);
        }
    }
}

fn script(base: &[bool], side: &[bool]) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut left, mut right) = (0, 0);
    let run = |changed: &[bool], start: usize| {
        changed[start.min(changed.len())..].iter().take_while(|one| **one).count()
    };
    loop {
        let (removed, added) = (run(base, left), run(side, right));
        if removed + added > 0 {
            changes.push(Change { base: left..left + removed, side: right..right + added });
        }
        left += removed + 1;
        right += added + 1;
        if left > base.len() && right > side.len() {
            return changes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_changes_make_the_second_text_of_the_first(
            base in proptest::collection::vec("[abc]", 0..40),
            side in proptest::collection::vec("[abcd]", 0..40),
        ) {
            let base: Vec<&str> = base.iter().map(String::as_str).collect();
            let side: Vec<&str> = side.iter().map(String::as_str).collect();
            let mut made: Vec<&str> = Vec::new();
            let mut at = 0;
            for change in changes(&base, &side) {
                made.extend(&base[at..change.base.start]);
                proptest::prop_assert_eq!(made.len(), change.side.start);
                made.extend(&side[change.side.clone()]);
                at = change.base.end;
            }
            made.extend(&base[at..]);
            proptest::prop_assert_eq!(made, side);
        }
    }

    #[test]
    fn very_different_texts_end_soon() {
        let base: Vec<String> = (0..3000).map(|at| (at * 7 % 50).to_string()).collect();
        let side: Vec<String> = (0..3000).map(|at| (at * 11 % 53).to_string()).collect();
        let lines = |text: &[String]| text.iter().map(String::clone).collect::<Vec<_>>();
        let (base, side) = (lines(&base), lines(&side));
        let base: Vec<&str> = base.iter().map(String::as_str).collect();
        let side: Vec<&str> = side.iter().map(String::as_str).collect();
        assert!(!changes(&base, &side).is_empty());
    }
}
