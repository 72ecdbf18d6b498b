//! Reads a file of rules, telling every mistake in it at its line.

use std::collections::BTreeSet;
use std::path::Path as FilePath;

use super::functions::{Function, Refusal};
use super::path::Path;
use super::testing::OwnTest;
use super::{OwnRule, OwnRules, Then};
use crate::check::page::About;
use crate::diagnostic::{Severity, code};
use crate::source_text::tree::{Entry, Node, NodeRef, Number, Value};
use crate::source_text::{Limits, ReadError, SourceText, Sources, read_file, yaml};

/// Why a file of rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OwnRuleError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// Something in it is wrong; every such thing, with its place.
    #[error("{}", .0.join("\n"))]
    Wrong(Vec<String>),
}

/// Reads a file of rules.
///
/// # Errors
/// [`OwnRuleError`]
pub fn read(path: &FilePath) -> Result<OwnRules, OwnRuleError> {
    let limits = Limits::default();
    let text = read_file(path, &limits)?;
    let mut sources = Sources::default();
    let file = sources.add(SourceText::new(path, text));
    let parsed = yaml::parse(&sources, file, &limits);
    let mut reader = Reader { sources: &sources, rules: OwnRules::default(), faults: Vec::new() };
    for problem in &parsed.problems {
        reader.fault(problem.span, &problem.kind.to_string());
    }
    if let Some(root) = parsed.root.filter(|_| reader.faults.is_empty()) {
        reader.file(&root);
    }
    if reader.faults.is_empty() { Ok(reader.rules) } else { Err(OwnRuleError::Wrong(reader.faults)) }
}

struct Reader<'a> {
    sources: &'a Sources,
    rules: OwnRules,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn place(&self, span: crate::source_text::Span) -> String {
        let (start, _) = self.sources.range(span);
        format!("{}:{start}", self.sources.get(span.file).path().display())
    }

    fn fault(&mut self, span: crate::source_text::Span, message: &str) {
        let fault = format!("{}: {message}", self.place(span));
        self.faults.push(fault);
    }

    fn note(&mut self, span: crate::source_text::Span, message: &str) {
        let note = format!("{}: {message}", self.place(span));
        self.rules.notes.push(note);
    }

    fn file(&mut self, root: &NodeRef) {
        if root.get("rules").is_none() {
            self.fault(root.span, "a file of rules has `rules`");
        }
        for entry in root.entries() {
            match entry.key.as_str() {
                "rules" => entry.value.entries().iter().for_each(|rule| self.rule(rule)),
                "tests" => entry.value.items().iter().for_each(|test| self.test(test)),
                "extends" => self.note(
                    entry.key_span,
                    "`extends` is passed over: those rules are eddy's own, see `eddy explain`",
                ),
                "formats" | "documentationUrl" | "description" => {}
                "aliases" | "functions" | "functionsDir" | "overrides" | "except" | "parserOptions" => {
                    self.note(entry.key_span, &format!("`{}` is not supported and passed over", entry.key));
                }
                other => self.fault(
                    entry.key_span,
                    &format!("there is no `{other}` in a file of rules; it has `rules`, `tests`, `extends`"),
                ),
            }
        }
    }

    fn rule(&mut self, entry: &Entry) {
        let rule = &entry.value;
        // `some-rule: off` sets the level of a rule of what is extended.
        if !matches!(rule.value, Value::Object(_)) {
            self.note(
                entry.key_span,
                &format!("the level of `{}` is passed over: set it in `rules` of eddy.yaml", entry.key),
            );
            return;
        }
        if !is_own_code(&entry.key) {
            self.fault(entry.key_span, &format!("`{}` cannot be the code of a rule: it begins with a letter, has letters, digits, `-`, `_` and `.`, and is not `ED` with a number", entry.key));
            return;
        }
        let known = [
            "description",
            "message",
            "severity",
            "given",
            "then",
            "category",
            "documentationUrl",
            "formats",
            "recommended",
            "type",
            "tags",
            "enabled",
            "resolved",
            "extensions",
        ];
        for field in rule.entries().iter().filter(|field| !known.contains(&field.key.as_str())) {
            let near = crate::diagnostic::nearest(&field.key, known);
            let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            self.fault(field.key_span, &format!("a rule has no `{}`{hint}", field.key));
        }
        let severity = self.severity(rule);
        let given = self.given(entry);
        let (then, unsupported) = self.then(entry);
        if unsupported || then.is_empty() || given.is_empty() {
            return;
        }
        let Some(majors) = self.majors(rule) else { return };
        let text = |key: &str| rule.get_str(key).map(str::to_owned);
        let about = About {
            code: code::lasting(&entry.key),
            name: entry.key.clone(),
            title: text("description").unwrap_or_default(),
            why: String::new(),
            severity: severity.unwrap_or(Severity::Warning),
            category: text("category").unwrap_or_else(|| "style".to_owned()),
            docs: text("documentationUrl"),
        };
        self.rules.rules.push(OwnRule { about, severity, message: text("message"), given, then, majors });
    }

    fn severity(&mut self, rule: &Node) -> Option<Severity> {
        if rule.get("enabled").and_then(|node| node.as_bool()) == Some(false) {
            return None;
        }
        let Some(node) = rule.get("severity").cloned() else {
            return Some(Severity::Warning);
        };
        let word = match &node.value {
            Value::String(word) => word.as_str(),
            Value::Number(Number::Integer(number)) => ["error", "warn", "info", "hint"]
                .get(usize::try_from(*number).unwrap_or(9))
                .copied()
                .unwrap_or(""),
            _ => "",
        };
        match word {
            "error" => Some(Severity::Error),
            "warn" | "warning" => Some(Severity::Warning),
            "info" => Some(Severity::Info),
            "hint" => Some(Severity::Hint),
            "off" => None,
            _ => {
                self.fault(node.span, "a severity is off, hint, info, warning or error");
                None
            }
        }
    }

    fn given(&mut self, entry: &Entry) -> Vec<Path> {
        let Some(given) = entry.value.get("given").cloned() else {
            self.fault(entry.key_span, &format!("`{}` has no `given`", entry.key));
            return Vec::new();
        };
        let nodes: Vec<NodeRef> = if given.items().is_empty() { vec![given] } else { given.items().to_vec() };
        let mut paths = Vec::new();
        for node in nodes {
            match Path::read(node.as_str().unwrap_or_default()) {
                Ok(path) => paths.push(path),
                Err(reason) => self.fault(node.span, &format!("the path cannot be used: {reason}")),
            }
        }
        paths
    }

    /// The functions of a rule, and whether one of them is not supported, which switches the rule off.
    fn then(&mut self, entry: &Entry) -> (Vec<Then>, bool) {
        let Some(then) = entry.value.get("then").cloned() else {
            self.fault(entry.key_span, &format!("`{}` has no `then`", entry.key));
            return (Vec::new(), false);
        };
        let nodes: Vec<NodeRef> = if then.items().is_empty() { vec![then] } else { then.items().to_vec() };
        let (mut read, mut unsupported) = (Vec::new(), false);
        for node in nodes {
            let field = node.get_str("field").map(Path::read_field).transpose();
            let name = node.get_str("function").unwrap_or_default();
            let options = node.get("functionOptions");
            match (field, Function::read(name, options.map(|options| &**options))) {
                (Err(reason), _) => self.fault(node.span, &format!("the field cannot be used: {reason}")),
                (_, Err(Refusal::Options(reason))) => self.fault(node.span, &reason),
                (_, Err(Refusal::Unsupported)) if name.is_empty() => {
                    self.fault(node.span, "`then` has no `function`");
                }
                (_, Err(Refusal::Unsupported)) => {
                    self.note(
                        node.span,
                        &format!("the function `{name}` is not supported: `{}` does not run", entry.key),
                    );
                    unsupported = true;
                }
                (Ok(field), Ok(function)) => read.push(Then { field, function }),
            }
        }
        (read, unsupported)
    }

    /// The major versions a rule is for; none when it is for no version of AsyncAPI.
    fn majors(&mut self, rule: &Node) -> Option<Vec<u8>> {
        let Some(formats) = rule.get("formats") else {
            return Some(Vec::new());
        };
        let words = formats.items().iter().filter_map(|word| word.as_str());
        let majors = words.filter_map(|word| {
            let rest = word.strip_prefix("asyncapi").or_else(|| word.strip_prefix("aas"))?;
            rest.trim_start_matches('-')
                .chars()
                .next()?
                .to_digit(10)
                .and_then(|digit| u8::try_from(digit).ok())
        });
        let majors: Vec<u8> = majors.collect();
        if majors.is_empty() {
            self.note(formats.span, "the formats name no version of AsyncAPI: the rule does not run");
            return None;
        }
        Some(majors)
    }

    fn test(&mut self, test: &NodeRef) {
        let name = test.get_str("name").unwrap_or("a test without name").to_owned();
        let Some(document) = test.get_str("document").map(str::to_owned) else {
            self.fault(test.span, &format!("the test `{name}` has no `document`"));
            return;
        };
        let mut expect = BTreeSet::new();
        for wanted in test.get("expect").map_or(&[][..], |expect| expect.items()) {
            let line = match wanted.get("line").map(|line| &line.value) {
                Some(Value::Number(Number::Integer(line))) => u32::try_from(*line).ok(),
                _ => None,
            };
            match (line, wanted.get_str("code")) {
                (Some(line), Some(code)) => {
                    expect.insert((line, code.to_owned()));
                }
                _ => self.fault(wanted.span, "what is expected has a `line` and a `code`"),
            }
        }
        let file = self.sources.get(test.span.file).path().display().to_string();
        self.rules.tests.push(OwnTest { name, file, document, expect });
    }
}

/// Codes of a team begin with a letter; `ED` and a number are eddy's.
fn is_own_code(text: &str) -> bool {
    let is_eddys = text.strip_prefix("ED").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !is_eddys && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(allowed)
}
