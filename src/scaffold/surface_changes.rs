//! What differs between two forms of a message, and whether one takes more than the other.

use std::collections::{BTreeMap, HashMap};

use super::surface::{ChangeKind, FieldSurface};
use super::surface_fields::kind;

/// Comparisons of two fields at most; unions in unions could need any number.
const MAX_STEPS: usize = 200_000;

/// How the values that are allowed now compare with those that were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The same ones are.
    None,
    /// More are.
    Wider,
    /// Fewer are.
    Narrower,
    /// Some came and some went, or it cannot be said.
    Other,
}

impl Effect {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, effect) | (effect, Self::None) => effect,
            (one, same) if one == same => one,
            _ => Self::Other,
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field.
    pub path: String,
    /// Whether it is new, gone or another.
    pub kind: ChangeKind,
    /// What it does now, in words; nothing for what is new or gone.
    pub says: String,
    /// What that means for the values that are allowed.
    pub effect: Effect,
}

/// All differences.
pub struct Compared {
    /// In order of path.
    pub differences: Vec<Difference>,
    /// Whether these are all.
    pub is_whole: bool,
}

/// Fields by path, such as the surface of a message has them.
type Fields = BTreeMap<String, FieldSurface>;

/// Compares the fields of a message, before and after.
#[must_use]
pub fn differences(before: &Fields, after: &Fields) -> Compared {
    let (before, after) = (Side::new(before), Side::new(after));
    let mut found = Vec::new();
    let mut compare = Compare { steps: 0, is_whole: true };
    match (before.at(""), after.at("")) {
        (Some(_), Some(_)) => compare.fields((&before, ""), (&after, ""), &mut found),
        (Some(_), None) => found.push(difference("", ChangeKind::Removed, String::new(), Effect::Other)),
        (None, Some(_)) => found.push(difference("", ChangeKind::Added, String::new(), Effect::Narrower)),
        (None, None) => {}
    }
    Compared { differences: found, is_whole: compare.is_whole }
}

fn difference(path: &str, kind: ChangeKind, says: String, effect: Effect) -> Difference {
    Difference { path: path.to_owned(), kind, says, effect }
}

/// The fields of one message as a tree: for each path the steps below it with their paths.
struct Side<'a> {
    fields: &'a Fields,
    below: HashMap<&'a str, BTreeMap<&'a str, &'a str>>,
}

/// A path on one side.
type At<'a, 'b> = (&'b Side<'a>, &'a str);

impl<'a> Side<'a> {
    fn new(fields: &'a Fields) -> Self {
        let mut below: HashMap<&str, BTreeMap<&str, &str>> = HashMap::new();
        for path in fields.keys().filter(|path| !path.is_empty()) {
            let is_joint = |(_, sign): &(usize, char)| matches!(sign, '.' | '[' | '|');
            let joints = path.char_indices().rev().filter(is_joint).map(|(at, _)| at);
            // Names may hold the signs of joints: the longest path that is there is the one around.
            let at = joints.into_iter().find(|at| fields.contains_key(&path[..*at])).unwrap_or(0);
            below.entry(&path[..at]).or_default().insert(path[at..].trim_start_matches('.'), path);
        }
        Self { fields, below }
    }

    fn at(&self, path: &str) -> Option<&'a FieldSurface> {
        self.fields.get(path)
    }

    fn below(&self, path: &str) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.below.get(path).into_iter().flatten().map(|(step, path)| (*step, *path))
    }

    fn step(&self, path: &str, step: &str) -> Option<&'a str> {
        self.below.get(path)?.get(step).copied()
    }

    /// The type of further fields, when they may not be just anything.
    fn rest(&self, path: &str) -> Option<&'a str> {
        let rest = self.step(path, "*")?;
        self.at(rest).is_some_and(|field| field.kind != kind::ANYTHING).then_some(rest)
    }
}

/// Whether a step leads to a field, not to an item, a branch or what is further in an object.
fn is_field(step: &str) -> bool {
    !matches!(step, "*" | "[]") && !step.starts_with('|')
}

struct Compare {
    steps: usize,
    is_whole: bool,
}

impl Compare {
    /// What differs between two fields and in all that is below them; whether they must be there is said above them.
    fn fields(&mut self, old: At<'_, '_>, new: At<'_, '_>, found: &mut Vec<Difference>) {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            self.is_whole = false;
            return;
        }
        let (Some(before), Some(after)) = (old.0.at(old.1), new.0.at(new.1)) else { return };
        let mut tell = |says: String, effect| {
            found.push(difference(old.1, ChangeKind::Changed, says, effect));
        };
        if before.nullable != after.nullable
            && ![&before.kind, &after.kind].iter().any(|one| *one == kind::ANYTHING)
        {
            let (says, effect) = if after.nullable {
                ("may be null", Effect::Wider)
            } else {
                ("is never null any more", Effect::Narrower)
            };
            tell(says.to_owned(), effect);
        }
        if class(before) != class(after) {
            let effect = self.kinds(old, new, before, after);
            tell(format!("is {}, no longer {}", after.kind, before.kind), effect);
        }
        if before.kind != kind::ENUM && after.kind != kind::ENUM || before.kind == after.kind {
            values(before, after, &mut tell);
        }
        if class(before) != class(after) {
            return;
        }
        match class(before) {
            kind::OBJECT => self.objects(old, new, found),
            kind::UNION => self.unions(old, new, found),
            _ => self.both(old, new, "[]", found),
        }
    }

    fn both(&mut self, old: At<'_, '_>, new: At<'_, '_>, step: &str, found: &mut Vec<Difference>) {
        if let (Some(before), Some(after)) = (old.0.step(old.1, step), new.0.step(new.1, step)) {
            self.fields((old.0, before), (new.0, after), found);
        }
    }

    /// What it means that something of one kind is of another.
    fn kinds(
        &mut self,
        old: At<'_, '_>,
        new: At<'_, '_>,
        before: &FieldSurface,
        after: &FieldSurface,
    ) -> Effect {
        let is_text = |field: &FieldSurface| {
            !matches!(
                class(field),
                kind::LIST
                    | kind::OBJECT
                    | kind::WHOLE_NUMBER
                    | kind::NUMBER
                    | kind::BOOL
                    | kind::ANYTHING
                    | kind::AGAIN
                    | kind::UNION
            )
        };
        match (class(before), class(after)) {
            (_, kind::ANYTHING) if after.values.is_empty() => Effect::Wider,
            (kind::ANYTHING, _) if before.values.is_empty() => Effect::Narrower,
            (kind::WHOLE_NUMBER, kind::NUMBER) => Effect::Wider,
            (kind::NUMBER, kind::WHOLE_NUMBER) => Effect::Narrower,
            (_, kind::UNION) => {
                let mut branches = branches(new).into_iter();
                let takes = branches.any(|(_, branch)| {
                    matches!(self.effect(old, (new.0, branch)), Effect::None | Effect::Wider)
                });
                if takes { Effect::Wider } else { Effect::Other }
            }
            (kind::UNION, _) => {
                let mut branches = branches(old).into_iter();
                let is_one = branches.any(|(_, branch)| {
                    matches!(self.effect((old.0, branch), new), Effect::None | Effect::Narrower)
                });
                if is_one { Effect::Narrower } else { Effect::Other }
            }
            _ if !(is_text(before) && is_text(after)) => Effect::Other,
            // What format a text has is seldom checked: a plain one is the wider of two, a list of texts the narrower.
            (_, kind::TEXT) | (kind::ENUM, _) => Effect::Wider,
            (kind::TEXT, _) | (_, kind::ENUM) => Effect::Narrower,
            _ => Effect::Other,
        }
    }

    /// All that differs between two fields in one word.
    fn effect(&mut self, old: At<'_, '_>, new: At<'_, '_>) -> Effect {
        let mut found = Vec::new();
        self.fields(old, new, &mut found);
        found.iter().fold(Effect::None, |effect, each| effect.and(each.effect))
    }

    fn objects(&mut self, old: At<'_, '_>, new: At<'_, '_>, found: &mut Vec<Difference>) {
        let is_closed = |at: At<'_, '_>| at.0.at(at.1).is_some_and(|field| field.closed);
        let (was_closed, closed) = (is_closed(old), is_closed(new));
        let mut tell = |path: &str, kind, says: &str, effect| {
            found.push(difference(path, kind, says.to_owned(), effect));
        };
        match (was_closed, closed) {
            (false, true) => {
                tell(old.1, ChangeKind::Changed, "takes no further fields any more", Effect::Narrower);
            }
            (true, false) => tell(old.1, ChangeKind::Changed, "takes further fields", Effect::Wider),
            _ => {}
        }
        match (old.0.rest(old.1), new.0.rest(new.1)) {
            (Some(_), Some(_)) => self.both(old, new, "*", found),
            (Some(rest), None) if !closed => {
                found.push(difference(rest, ChangeKind::Removed, String::new(), Effect::Wider));
            }
            (None, Some(rest)) if !was_closed => {
                found.push(difference(rest, ChangeKind::Added, String::new(), Effect::Narrower));
            }
            _ => {}
        }
        for (step, path) in old.0.below(old.1).filter(|(step, _)| is_field(step)) {
            let Some(other) = new.0.step(new.1, step) else {
                found.push(difference(
                    path,
                    ChangeKind::Removed,
                    String::new(),
                    gone(old.0.at(path), closed),
                ));
                continue;
            };
            self.fields((old.0, path), (new.0, other), found);
            let is_required = |field: Option<&FieldSurface>| field.is_some_and(|field| field.required);
            let (says, effect) = match (is_required(old.0.at(path)), is_required(new.0.at(other))) {
                (true, false) => ("may be left out", Effect::Wider),
                (false, true) => ("must be there", Effect::Narrower),
                _ => continue,
            };
            found.push(difference(path, ChangeKind::Changed, says.to_owned(), effect));
        }
        for (step, path) in new.0.below(new.1).filter(|(step, _)| is_field(step)) {
            if old.0.step(old.1, step).is_none() {
                found.push(difference(
                    path,
                    ChangeKind::Added,
                    String::new(),
                    come(new.0.at(path), was_closed),
                ));
            }
        }
    }

    /// Branches are those of before when they take the same values, or else have the same name: their order means nothing.
    fn unions(&mut self, old: At<'_, '_>, new: At<'_, '_>, found: &mut Vec<Difference>) {
        let (mut before, mut after) = (branches(old), branches(new));
        before.retain(|(_, path)| {
            let same = after.iter().position(|(_, other)| {
                let mut differs = Vec::new();
                self.fields((old.0, path), (new.0, other), &mut differs);
                differs.is_empty()
            });
            same.map(|at| after.remove(at)).is_none()
        });
        let is_like = |path: &str, other: &str| {
            let (one, two) = (old.0.at(path), new.0.at(other));
            one.zip(two).is_some_and(|(one, two)| class(one) == class(two))
        };
        for by_name in [true, false] {
            before.retain(|(name, path)| {
                let same = after.iter().position(|(other_name, other)| {
                    let is_it =
                        if by_name { name == other_name } else { is_number(name) && is_number(other_name) };
                    is_it && is_like(path, other)
                });
                let Some((_, other)) = same.map(|at| after.remove(at)) else { return true };
                self.fields((old.0, path), (new.0, other), found);
                false
            });
        }
        for (_, path) in before {
            found.push(difference(path, ChangeKind::Removed, String::new(), Effect::Narrower));
        }
        for (_, path) in after {
            found.push(difference(path, ChangeKind::Added, String::new(), Effect::Wider));
        }
    }
}

fn branches<'a>(at: At<'a, '_>) -> Vec<(&'a str, &'a str)> {
    at.0.below(at.1).filter(|(step, _)| step.starts_with('|')).collect()
}

/// Whether a branch has no name of its own and is called by its number.
fn is_number(branch: &str) -> bool {
    let digits = branch.trim_start_matches('|').to_lowercase();
    let digits = digits.strip_prefix("option").unwrap_or(&digits).trim_start_matches('_').to_owned();
    digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// A map is an object that lists no fields.
fn class(field: &FieldSurface) -> &str {
    if field.kind == kind::MAP { kind::OBJECT } else { &field.kind }
}

/// What it means that a field is gone; where no further fields are taken, events that have it are refused now.
fn gone(field: Option<&FieldSurface>, closed: bool) -> Effect {
    match field {
        Some(field) if field.required => Effect::Other,
        _ if closed => Effect::Narrower,
        _ => Effect::None,
    }
}

/// What it means that a field is new; where no further fields were taken, those who know the old form refuse it.
fn come(field: Option<&FieldSurface>, was_closed: bool) -> Effect {
    let must = if field.is_some_and(|field| field.required) { Effect::Narrower } else { Effect::None };
    must.and(if was_closed { Effect::Wider } else { Effect::None })
}

/// What differs between the values that are listed; where none are, all of the kind may come.
fn values(before: &FieldSurface, after: &FieldSurface, tell: &mut impl FnMut(String, Effect)) {
    let listed = |values: &[String]| {
        let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        values.join(", ")
    };
    let missing = |from: &[String], to: &[String]| -> Vec<String> {
        from.iter().filter(|value| !to.contains(value)).cloned().collect()
    };
    match (before.values.is_empty(), after.values.is_empty()) {
        (true, true) => {}
        (true, false) => tell(format!("is only {} now", listed(&after.values)), Effect::Narrower),
        (false, true) => tell(format!("is no longer only {}", listed(&before.values)), Effect::Wider),
        (false, false) => {
            let gone = missing(&before.values, &after.values);
            if !gone.is_empty() {
                tell(format!("is never {} any more", listed(&gone)), Effect::Narrower);
            }
            let more = missing(&after.values, &before.values);
            if !more.is_empty() {
                tell(format!("may be {} too", listed(&more)), Effect::Wider);
            }
        }
    }
}

#[cfg(test)]
#[path = "surface_changes_tests.rs"]
mod tests;
