//! Paths to values in JSON, and how far each has been followed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

/// A text that is no path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a path: {reason}")]
pub struct PathError {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// How a path is written.
pub const HELP: &str = "write a JSON Pointer such as `/customer/email`, or a path such as `.items[].price`, `$.customer.*` or `..email`";

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A member of this name, or the element of this number.
    Name(String),
    /// Any member or element.
    Any,
    /// Any number of members and elements.
    Deep,
}

/// Where values are: a JSON Pointer, or a path in the form jq and `JSONPath` share, with wildcards.
///
/// Copies count together how often they were of use.
#[derive(Clone, Debug)]
pub struct FieldPath {
    text: String,
    steps: Vec<Step>,
    uses: Arc<AtomicU64>,
}

impl PartialEq for FieldPath {
    fn eq(&self, other: &Self) -> bool {
        self.steps == other.steps
    }
}

impl FieldPath {
    /// Notes that something was done where it leads.
    pub fn note(&self) {
        self.uses.fetch_add(1, Ordering::Relaxed);
    }

    /// How often something was done there.
    #[must_use]
    pub fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for FieldPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason| PathError { text: text.to_owned(), reason };
        let steps = match text.chars().next() {
            Some('/') => pointer(text),
            Some('.' | '$' | '[') => dotted(text.strip_prefix('$').unwrap_or(text)).map_err(error)?,
            Some(_) => return Err(error("it begins with neither `/` nor `.` nor `$`")),
            None => return Err(error("it is empty")),
        };
        match steps.last() {
            None | Some(Step::Deep) => Err(error("it names no value")),
            Some(_) => Ok(Self { text: text.to_owned(), steps, uses: Arc::default() }),
        }
    }
}

fn pointer(text: &str) -> Vec<Step> {
    let step = |part: &str| match part {
        "*" => Step::Any,
        "**" => Step::Deep,
        _ => Step::Name(part.replace("~1", "/").replace("~0", "~")),
    };
    text.split('/').skip(1).map(step).collect()
}

fn dotted(mut rest: &str) -> Result<Vec<Step>, &'static str> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (step, after) = bracket(inner)?;
            steps.push(step);
            rest = after;
            continue;
        }
        rest = rest.strip_prefix('.').ok_or("after `]` comes `.` or `[`")?;
        if let Some(after) = rest.strip_prefix('.') {
            steps.push(Step::Deep);
            rest = after;
        }
        if rest.starts_with('[') {
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let name;
        (name, rest) = rest.split_at(end);
        match name {
            "" => return Err("a name is empty"),
            name if name.contains(']') => return Err("a `]` has no `[`"),
            "*" => steps.push(Step::Any),
            name => steps.push(Step::Name(name.trim_matches('"').to_owned())),
        }
    }
    Ok(steps)
}

/// What stands between brackets, and what comes after them.
fn bracket(inner: &str) -> Result<(Step, &str), &'static str> {
    for quote in ['"', '\''] {
        if let Some(quoted) = inner.strip_prefix(quote) {
            let (name, after) = quoted.split_once(quote).ok_or("a quote does not end")?;
            let after = after.strip_prefix(']').ok_or("a `[` has no `]`")?;
            return Ok((Step::Name(name.to_owned()), after));
        }
    }
    let (text, after) = inner.split_once(']').ok_or("a `[` has no `]`")?;
    match text {
        "" | "*" => Ok((Step::Any, after)),
        digits if digits.bytes().all(|each| each.is_ascii_digit()) => {
            Ok((Step::Name(digits.to_owned()), after))
        }
        _ => Err("between `[` and `]` stands a number, `*`, nothing, or a name in quotes"),
    }
}

/// How far several paths have been followed: each with the steps that come next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed(Vec<(usize, usize)>);

impl Followed {
    /// At the root of a value, with the numbers of these paths.
    #[must_use]
    pub fn begin(paths: &[FieldPath], which: impl Iterator<Item = usize>) -> Self {
        let mut followed = Self::default();
        for path in which {
            followed.add(paths, path, 0);
        }
        followed
    }

    /// One step on, to a member or an element.
    #[must_use]
    pub fn step(&self, paths: &[FieldPath], name: &str) -> Self {
        let mut next = Self::default();
        for &(path, at) in &self.0 {
            match paths[path].steps.get(at) {
                Some(Step::Name(wanted)) if wanted == name => next.add(paths, path, at + 1),
                Some(Step::Any) => next.add(paths, path, at + 1),
                Some(Step::Deep) => next.add(paths, path, at),
                Some(Step::Name(_)) | None => {}
            }
        }
        next
    }

    fn add(&mut self, paths: &[FieldPath], path: usize, at: usize) {
        if !self.0.contains(&(path, at)) {
            self.0.push((path, at));
            if paths[path].steps.get(at) == Some(&Step::Deep) {
                self.add(paths, path, at + 1);
            }
        }
    }

    /// The first path that names the value where we are.
    #[must_use]
    pub fn named(&self, paths: &[FieldPath]) -> Option<usize> {
        self.0.iter().filter(|(path, at)| *at == paths[*path].steps.len()).map(|(path, _)| *path).min()
    }

    /// Whether no path leads further.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{FieldPath, Followed};

    fn names(path: &str, steps: &[&str]) -> bool {
        let paths = [path.parse().unwrap_or_else(|error| panic!("{error}"))];
        let begin = Followed::begin(&paths, 0..1);
        steps.iter().fold(begin, |followed, step| followed.step(&paths, step)).named(&paths).is_some()
    }

    #[test]
    fn pointers_and_paths_name_the_same_values() {
        for path in ["/a/b", ".a.b", "$.a.b", "$['a'].b", ".a[\"b\"]", "/a/*", "..b", "$..b", "/**/b", ".*.b"]
        {
            assert!(names(path, &["a", "b"]), "{path}");
            assert!(!names(path, &["a"]) && !names(path, &["a", "c", "d"]), "{path}");
        }
        assert!(names(".items[].price", &["items", "7", "price"]) && names(".items[7]", &["items", "7"]));
        assert!(names("/a~1b", &["a/b"]) && names("..x", &["x"]) && names("..x", &["a", "b", "c", "x"]));
        assert!(!names(".items[6]", &["items", "7"]) && !names("..x", &["x", "y"]));
        assert!(names("..a..b", &["a", "a", "c", "b"]) && !names("..a..b", &["c", "b"]));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for wrong in ["", "a", ".", "$", ".a..", "/**", ".a[", ".a[x]", ".a['b]", ".a]b", "$x"] {
            assert!(wrong.parse::<FieldPath>().is_err(), "{wrong}");
        }
    }
}
