//! The part of `JSONPath` that rules need, read once and walked over the tree with places kept.

use regex::Regex;

use super::found::Found;
use crate::source_text::Documents;
use crate::source_text::tree::{Node, Value};

/// Steps and conditions of one path, at most.
const LONGEST: usize = 100;

/// A path, read.
#[derive(Clone, Debug)]
pub struct Path {
    steps: Vec<Step>,
    /// The path ends in `~`: the keys are meant, not the values.
    keys: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Names(Vec<String>),
    Index(usize),
    All,
    /// The node and everything below it.
    Below,
    Filter(Vec<Vec<Term>>),
}

#[derive(Clone, Debug)]
struct Term {
    negated: bool,
    subject: Subject,
    test: Test,
}

#[derive(Clone, Debug)]
enum Subject {
    /// `@property`: the key.
    Key,
    /// `@`, `@.a.b`.
    Value(Vec<String>),
}

#[derive(Clone, Debug)]
enum Test {
    Exists,
    Equals(serde_json::Value),
    Differs(serde_json::Value),
    Matches(Regex),
}

impl Path {
    /// Reads a path that begins with `$`.
    ///
    /// # Errors
    /// What of it is not understood, as a fragment.
    pub fn read(text: &str) -> Result<Self, String> {
        let rest = text.trim().strip_prefix('$').ok_or_else(|| "it does not begin with `$`".to_owned())?;
        Self::read_steps(rest)
    }

    /// Reads what may stand in `field`: a name, or a path without `$`.
    ///
    /// # Errors
    /// What of it is not understood, as a fragment.
    pub fn read_field(text: &str) -> Result<Self, String> {
        match text {
            "@key" => Ok(Self { steps: Vec::new(), keys: true }),
            _ if text.starts_with(['.', '[']) => Self::read_steps(text),
            _ => Self::read_steps(&format!(".{text}")),
        }
    }

    fn read_steps(text: &str) -> Result<Self, String> {
        let (mut steps, mut rest) = (Vec::new(), text);
        while !rest.is_empty() && rest != "~" {
            if steps.len() > LONGEST {
                return Err(format!("it has more than {LONGEST} steps"));
            }
            if let Some(after) = rest.strip_prefix("..") {
                steps.push(Step::Below);
                rest = after;
                if !rest.starts_with('[') {
                    rest = named(rest, &mut steps)?;
                }
            } else if let Some(after) = rest.strip_prefix('.') {
                rest = named(after, &mut steps)?;
            } else if let Some(after) = rest.strip_prefix('[') {
                let end = end_of_bracket(after).ok_or("a `[` is not closed")?;
                steps.push(bracket(after[..end].trim())?);
                rest = &after[end + 1..];
            } else {
                return Err(format!("`{rest}` is not understood"));
            }
        }
        Ok(Self { steps, keys: rest == "~" })
    }

    /// Whether there is no step: the value itself is meant.
    #[must_use]
    pub fn is_single_name(&self) -> Option<&str> {
        match self.steps.as_slice() {
            [Step::Names(names)] if names.len() == 1 && !self.keys => Some(&names[0]),
            _ => None,
        }
    }

    /// What the path leads to from a place. References are followed where a step goes through one, and not below `..`.
    #[must_use]
    pub fn walk(&self, start: Found, files: &Documents) -> Vec<Found> {
        let mut found = vec![start];
        let mut is_below = false;
        for step in &self.steps {
            if !is_below {
                found = found.iter().map(|place| step.entered(place, files)).collect();
            }
            found = found.iter().flat_map(|place| step.take(place)).collect();
            is_below = matches!(step, Step::Below);
        }
        if self.keys {
            found.retain(|place| place.key.is_some());
            for place in &mut found {
                place.means_key = true;
            }
        }
        found
    }
}

/// A name or `*` after a dot.
fn named<'a>(text: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    let end = text.find(['.', '[', '~']).unwrap_or(text.len());
    match &text[..end] {
        "" => return Err("a name is missing after `.`".to_owned()),
        "*" => steps.push(Step::All),
        name if name.contains(['^', '(', ')', ' ']) => return Err(format!("`{name}` is not understood")),
        name => steps.push(Step::Names(vec![name.to_owned()])),
    }
    Ok(&text[end..])
}

/// Where the bracket that was opened is closed, text in quotes and expressions passed over.
fn end_of_bracket(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn bracket(text: &str) -> Result<Step, String> {
    if text == "*" {
        return Ok(Step::All);
    }
    if let Some(expression) = text.strip_prefix("?(").and_then(|rest| rest.strip_suffix(')')) {
        return filter(expression);
    }
    if let Ok(index) = text.parse() {
        return Ok(Step::Index(index));
    }
    let names = split(text, ",").into_iter().map(|name| unquoted(name.trim()));
    let names: Option<Vec<String>> = names.collect();
    names.map(Step::Names).ok_or_else(|| format!("`[{text}]` is not understood"))
}

fn unquoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(inner.replace("\\'", "'").replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// Parts between separators that stand outside of quotes, brackets and expressions between slashes.
fn split<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut quote, mut depth, mut escaped) = (Vec::new(), 0, None, 0_usize, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"' | '/') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 && at >= start && text[at..].starts_with(separator) => {
                parts.push(&text[start..at]);
                start = at + separator.len();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn filter(text: &str) -> Result<Step, String> {
    let both = |part: &str| split(part, "&&").into_iter().map(term).collect::<Result<Vec<_>, _>>();
    Ok(Step::Filter(split(text, "||").into_iter().map(both).collect::<Result<Vec<_>, _>>()?))
}

fn term(text: &str) -> Result<Term, String> {
    let text = text.trim();
    let (negated, text) = match text.strip_prefix('!') {
        Some(rest) if !rest.starts_with('=') => (true, rest.trim()),
        _ => (false, text),
    };
    let not_understood = || format!("the condition `{text}` is not understood");
    if let Some((subject, pattern)) = text.split_once(".match(") {
        let pattern = pattern.strip_suffix(')').ok_or_else(not_understood)?;
        return Ok(Term {
            negated,
            subject: self::subject(subject)?,
            test: Test::Matches(expression(pattern.trim())?),
        });
    }
    for (operator, equals) in [("===", true), ("!==", false), ("==", true), ("!=", false)] {
        if let [left, right] = split(text, operator)[..] {
            let value = literal(right.trim()).ok_or_else(not_understood)?;
            let comparison = if equals { Test::Equals(value) } else { Test::Differs(value) };
            return Ok(Term { negated, subject: subject(left.trim())?, test: comparison });
        }
    }
    Ok(Term { negated, subject: subject(text)?, test: Test::Exists })
}

fn subject(text: &str) -> Result<Subject, String> {
    let not_understood = || format!("`{text}` is not understood in a condition");
    if text == "@property" {
        return Ok(Subject::Key);
    }
    let rest = text.strip_prefix('@').ok_or_else(not_understood)?;
    let path = Path::read_steps(rest)?;
    let name = |step: &Step| match step {
        Step::Names(names) if names.len() == 1 => Some(names[0].clone()),
        _ => None,
    };
    path.steps.iter().map(name).collect::<Option<Vec<_>>>().map(Subject::Value).ok_or_else(not_understood)
}

fn literal(text: &str) -> Option<serde_json::Value> {
    unquoted(text).map(serde_json::Value::String).or_else(|| serde_json::from_str(text).ok())
}

/// A regular expression as rules write it: bare, or between slashes with flags.
///
/// # Errors
/// When it is none.
pub fn expression(text: &str) -> Result<Regex, String> {
    let (pattern, flags) = match text.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')) {
        Some((pattern, flags)) => (pattern, flags),
        None => (text, ""),
    };
    let flags: String = flags.chars().filter(|flag| "ims".contains(*flag)).collect();
    let pattern = if flags.is_empty() { pattern.to_owned() } else { format!("(?{flags}){pattern}") };
    Regex::new(&pattern).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
        format!("the pattern `{text}` cannot be used: {last}")
    })
}

impl Step {
    /// Where the step starts from: behind the reference that stands there.
    fn entered(&self, place: &Found, files: &Documents) -> Found {
        if matches!(self, Self::Below) { place.clone() } else { place.behind(files) }
    }

    fn take(&self, place: &Found) -> Vec<Found> {
        match self {
            Self::Names(names) => names.iter().filter_map(|name| place.child(name)).collect(),
            Self::Index(index) => place.children().nth(*index).into_iter().collect(),
            Self::Filter(any) => place.children().filter(|child| holds(any, child)).collect(),
            Self::All => place.children().collect(),
            Self::Below => {
                let mut found = Vec::new();
                below(place, &mut found);
                found
            }
        }
    }
}

fn below(place: &Found, found: &mut Vec<Found>) {
    found.push(place.clone());
    place.children().for_each(|child| below(&child, found));
}

fn holds(any: &[Vec<Term>], place: &Found) -> bool {
    any.iter().any(|all| all.iter().all(|term| term.holds(place) != term.negated))
}

impl Term {
    fn holds(&self, place: &Found) -> bool {
        let value = match &self.subject {
            Subject::Key => place.key.as_ref().map(|(key, _)| serde_json::Value::String(key.clone())),
            Subject::Value(names) => {
                let mut node: Option<&Node> = Some(&place.node);
                for name in names {
                    node = node.and_then(|node| node.get(name)).map(|child| &**child);
                }
                node.map(scalar)
            }
        };
        match &self.test {
            Test::Exists => value.is_some_and(|value| !value.is_null() && value != false && value != ""),
            Test::Equals(wanted) => value.as_ref() == Some(wanted),
            Test::Differs(wanted) => value.as_ref() != Some(wanted),
            Test::Matches(pattern) => {
                value.as_ref().and_then(|value| value.as_str()).is_some_and(|text| pattern.is_match(text))
            }
        }
    }
}

/// What conditions compare; a whole object or list is only looked at for being there.
fn scalar(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Array(_) => serde_json::Value::Array(Vec::new()),
        Value::Object(_) => serde_json::Value::Object(serde_json::Map::new()),
        _ => node.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_text::{Limits, Sources};

    const TEXT: &str = "a:\n  b: {x: 1, y: text}\n  c: {x: 2, $ref: '#/d'}\nd: {z: [p, q]}\n'e/f': true\n";

    fn pointers(path: &str) -> Vec<String> {
        let (mut documents, mut sources) = (Documents::default(), Sources::default());
        let file = documents.add_text(
            &mut sources,
            std::path::Path::new("a.yaml"),
            TEXT.to_owned(),
            &Limits::default(),
        );
        let start = Found::root(documents.root(file).unwrap().clone());
        let path = Path::read(path).unwrap();
        path.walk(start, &documents).into_iter().map(|found| found.pointer).collect()
    }

    #[test]
    fn steps_lead_where_they_say() {
        assert_eq!(pointers("$"), [""]);
        assert_eq!(pointers("$.a.b.x"), ["/a/b/x"]);
        assert_eq!(pointers("$['e/f']"), ["/e~1f"]);
        assert_eq!(pointers("$.a[*].x"), ["/a/b/x"]);
        assert_eq!(pointers("$.d.z[1]"), ["/d/z/1"]);
        assert_eq!(pointers("$.a['b','c']~"), ["/a/b", "/a/c"]);
        assert_eq!(pointers("$.a.c.z[0]"), ["/d/z/0"]);
        assert_eq!(pointers("$..x"), ["/a/b/x", "/a/c/x"]);
    }

    #[test]
    fn conditions_choose() {
        assert_eq!(pointers("$.a[?(@.x == 1)]"), ["/a/b"]);
        assert_eq!(pointers("$.a[?(@.x != 1)]"), ["/a/c"]);
        assert_eq!(pointers("$.a[?(@.y && @.y.match(/^TE/i))]"), ["/a/b"]);
        assert_eq!(pointers("$[?(@property === 'd' || @property.match(/^e/))]"), ["/d", "/e~1f"]);
        assert_eq!(pointers("$.a[?(!@.y)]"), ["/a/c"]);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for path in ["a.b", "$.", "$[", "$.a^", "$[(@.length-1)]", "$[?(@.a > 1)]", "$.a[?(@.b.match(/(/))]"]
        {
            assert!(Path::read(path).is_err(), "{path}");
        }
    }
}
