//! A finding as data: what is wrong, where, why, and how to mend it. Nothing is printed here.

use crate::source_text::{Position, Span};

pub mod code;
mod fingerprint;
pub mod fixing;
mod quoting;
pub mod reading;
pub mod references;
mod spelling;

pub use quoting::{quoted, quoted_file};
pub use spelling::nearest;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A suggestion.
    Hint,
    /// Something a reader should know, such as a format that is not checked.
    Info,
    /// Likely a mistake; does not fail a run.
    Warning,
    /// A mistake; fails the run.
    Error,
}

impl Severity {
    /// The word used in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A place in a file, with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// Words set beside the underline; may be empty for the primary place.
    pub text: String,
}

/// Whether a fix may be applied without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FixSafety {
    /// Keeps the meaning or restores the obvious one.
    Safe,
    /// Probably right, to be read before use.
    Unsafe,
}

/// A change of text that removes the finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What the change does, as an imperative.
    pub title: String,
    /// May it be applied without asking.
    pub safety: FixSafety,
    /// Replacements, not overlapping.
    pub edits: Vec<(Span, String)>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// `ED` and four digits, never reused; [`crate::check::rules`] has a page for each. A team's own rules have
    /// codes of their own, by [`code::lasting`].
    pub code: &'static str,
    /// The weight.
    pub severity: Severity,
    /// A lower-case fragment without full stop; names stand in backticks.
    pub message: String,
    /// The file it is about when there is no place in a text (unreadable, missing).
    pub path: Option<String>,
    /// The place in an input that is not kept, such as a stream of events.
    pub position: Option<Position>,
    /// The place, when the file could be read.
    pub primary: Option<Label>,
    /// Other places that explain it: `first defined here`, `referred to here`.
    pub related: Vec<Label>,
    /// JSON Pointer of the place in its file, `""` for the root.
    pub pointer: String,
    /// JSON Pointer into the schema that was broken, if one was.
    pub schema_pointer: Option<String>,
    /// What would have been right.
    pub expected: Option<String>,
    /// What was there.
    pub actual: Option<String>,
    /// What to do next.
    pub help: Option<String>,
    /// A change that mends it.
    pub fix: Option<Fix>,
    /// The clause that decides, such as `AsyncAPI 3.0 · Channel Object`.
    pub clause: Option<&'static str>,
    /// Operations the finding reaches, by identifier.
    pub reaches: Vec<String>,
}

impl Diagnostic {
    /// A finding at a place.
    #[must_use]
    pub fn new(code: &'static str, severity: Severity, message: impl Into<String>, span: Span) -> Self {
        let mut diagnostic = Self::without_place(code, severity, message);
        diagnostic.primary = Some(Label { span, text: String::new() });
        diagnostic
    }

    /// A finding about a whole file that could not be read.
    #[must_use]
    pub fn about_file(code: &'static str, message: impl Into<String>, path: impl Into<String>) -> Self {
        let mut diagnostic = Self::without_place(code, Severity::Error, message);
        diagnostic.path = Some(path.into());
        diagnostic
    }

    fn without_place(code: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            path: None,
            position: None,
            primary: None,
            related: Vec::new(),
            pointer: String::new(),
            schema_pointer: None,
            expected: None,
            actual: None,
            help: None,
            fix: None,
            clause: None,
            reaches: Vec::new(),
        }
    }

    /// Adds the JSON Pointer of the place.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }

    /// Adds words beside the underline.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(primary) = &mut self.primary {
            primary.text = text.into();
        }
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds what would have been right and what was there.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.actual = Some(actual.into());
        self
    }

    /// Adds the clause that decides.
    #[must_use]
    pub fn clause(mut self, clause: &'static str) -> Self {
        self.clause = Some(clause);
        self
    }

    /// Adds a change that mends it.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, safety: FixSafety, edits: Vec<(Span, String)>) -> Self {
        self.fix = Some(Fix { title: title.into(), safety, edits });
        self
    }
}
