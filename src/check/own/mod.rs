//! A team's own rules, written in YAML: `given` a path, `then` a function holds; with their own tests.

mod found;
mod functions;
mod path;
mod read;
mod testing;

pub use read::{OwnRuleError, read};
pub use testing::{Outcome, OwnTest};

use self::found::Found;
use self::functions::Function;
use self::path::Path;
use super::page::About;
use crate::contract::{Document, DocumentKind, Loaded};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::Documents;

/// Rules of one or several files, with their tests.
#[derive(Default)]
pub struct OwnRules {
    rules: Vec<OwnRule>,
    /// The tests, in order of writing.
    pub tests: Vec<OwnTest>,
    /// What was read and is not done, such as functions that are not there.
    pub notes: Vec<String>,
}

/// One rule.
struct OwnRule {
    about: About,
    /// None is off.
    severity: Option<Severity>,
    message: Option<String>,
    given: Vec<Path>,
    then: Vec<Then>,
    /// Major versions of AsyncAPI it is for; empty is all.
    majors: Vec<u8>,
}

struct Then {
    field: Option<Path>,
    function: Function,
}

impl OwnRules {
    /// Adds the rules and tests of another file.
    pub fn extend(&mut self, other: Self) {
        self.rules.extend(other.rules);
        self.tests.extend(other.tests);
        self.notes.extend(other.notes);
    }

    /// What there is to say about each rule.
    #[must_use]
    pub fn about(&self) -> Vec<About> {
        self.rules.iter().map(|rule| rule.about.clone()).collect()
    }

    /// Runs every rule over every document; in no particular order.
    #[must_use]
    pub fn check(&self, loaded: &Loaded) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for document in &loaded.contract.documents {
            for rule in self.rules.iter().filter(|rule| rule.is_for(document)) {
                rule.check(document, &loaded.documents, &mut findings);
            }
        }
        findings
    }
}

impl OwnRule {
    fn is_for(&self, document: &Document) -> bool {
        let major = match document.kind {
            DocumentKind::AsyncApi2(_) => 2,
            DocumentKind::AsyncApi3(_) => 3,
            _ => return self.majors.is_empty(),
        };
        self.majors.is_empty() || self.majors.contains(&major)
    }

    fn check(&self, document: &Document, files: &Documents, findings: &mut Vec<Diagnostic>) {
        let Some(severity) = self.severity else {
            return;
        };
        for given in &self.given {
            for place in given.walk(Found::root(document.root.clone()), files) {
                for then in &self.then {
                    self.apply(then, &place, (document, files), severity, findings);
                }
            }
        }
    }

    fn apply(
        &self,
        then: &Then,
        place: &Found,
        (document, files): (&Document, &Documents),
        severity: Severity,
        findings: &mut Vec<Diagnostic>,
    ) {
        let Some(field) = &then.field else {
            let faults = then.function.check(Some(place), &document.root);
            findings.extend(faults.into_iter().map(|fault| self.finding(&fault, place, severity)));
            return;
        };
        // A field belongs to an object; rules about fields say nothing about other values.
        let place = place.behind(files);
        if !matches!(place.node.kind(), "object" | "array") && !place.means_key {
            return;
        }
        let targets = field.walk(place.clone(), files);
        if targets.is_empty() {
            let missing = Found { means_key: true, ..place.clone() };
            for mut fault in then.function.check(None, &document.root) {
                if let Some(name) = field.is_single_name() {
                    fault.message = format!("`{name}` is missing");
                }
                findings.push(self.finding(&fault, &missing, severity));
            }
        }
        for target in targets {
            let faults = then.function.check(Some(&target), &document.root);
            findings.extend(faults.into_iter().map(|fault| self.finding(&fault, &target, severity)));
        }
    }

    fn finding(&self, fault: &functions::Fault, place: &Found, severity: Severity) -> Diagnostic {
        let span = fault.span.unwrap_or_else(|| place.span());
        let message = match &self.message {
            Some(template) => self.filled(template, fault, place),
            None if self.about.title.is_empty() => fault.message.clone(),
            None => format!("{}: {}", self.about.title.trim_end_matches('.'), fault.message),
        };
        Diagnostic::new(self.about.code, severity, message, span).at(place.pointer.as_str())
    }

    fn filled(&self, template: &str, fault: &functions::Fault, place: &Found) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else {
                break;
            };
            filled.push_str(before);
            filled.push_str(&match name.trim() {
                "property" => place.name(),
                "value" => {
                    let value = place.value();
                    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
                }
                "path" => place.pointer.clone(),
                "description" => self.about.title.clone(),
                "error" => fault.message.clone(),
                _ => String::new(),
            });
            rest = after;
        }
        filled + rest
    }
}
