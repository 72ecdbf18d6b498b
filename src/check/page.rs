//! The page of each code: read from the comment at the head of the rule's own file.

use super::rules::{Rule, all};
use crate::diagnostic::{Severity, nearest};

/// The parts of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What is wrong, in one sentence.
    pub title: String,
    /// Why it matters, in paragraphs.
    pub why: String,
    /// A document the rule finds fault with.
    pub bad: Example,
    /// The same, mended.
    pub good: Example,
}

/// An example on a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    /// `yaml` for a document, `sh` for a command line.
    pub language: String,
    /// The text.
    pub text: String,
}

/// What a machine-readable report says about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The code.
    pub code: &'static str,
    /// Its readable name.
    pub name: String,
    /// What is wrong, in one sentence.
    pub title: String,
    /// Why it matters, in paragraphs; may be empty.
    pub why: String,
    /// The weight it has when nobody says otherwise.
    pub severity: Severity,
    /// The word for the kind of trouble.
    pub category: String,
    /// Where its page is.
    pub docs: Option<String>,
}

/// What there is to say about one of eddy's codes.
#[must_use]
pub fn about(code: &str) -> Option<About> {
    let rule = all().iter().find(|rule| rule.code == code)?;
    let page = page(rule);
    Some(About {
        code: rule.code,
        name: rule.name.to_owned(),
        title: page.title,
        why: page.why,
        severity: rule.severity,
        category: rule.category.word().to_owned(),
        docs: Some(docs_link(code)),
    })
}

/// Where the page of one of eddy's codes is: an address when the package has a home, else the file in its sources.
#[must_use]
pub fn docs_link(code: &str) -> String {
    let page = format!("docs/rules.md#{}", code.to_lowercase());
    match env!("CARGO_PKG_REPOSITORY") {
        "" => page,
        home => format!("{}/blob/v{}/{page}", home.trim_end_matches('/'), env!("CARGO_PKG_VERSION")),
    }
}

/// Reads the page of a rule.
#[must_use]
pub fn page(rule: &Rule) -> Page {
    let lines: Vec<&str> = rule.source.lines().map_while(page_line).collect();
    let text = lines.join("\n");
    let (intro, examples) = text.split_once("\n## Bad").unwrap_or((&text, ""));
    let (title, why) = intro.split_once('\n').unwrap_or((intro, ""));
    let (bad, good) = examples.split_once("\n## Good").unwrap_or((examples, ""));
    Page { title: title.trim().to_owned(), why: why.trim().to_owned(), bad: fenced(bad), good: fenced(good) }
}

/// A rule's file opens with `//!`; a page of its own is a bare text file.
fn page_line(line: &str) -> Option<&str> {
    match line.strip_prefix("//!") {
        Some(rest) => Some(rest.strip_prefix(' ').unwrap_or(rest)),
        None if line.starts_with("use ") || line.starts_with("pub ") => None,
        None => Some(line),
    }
}

fn fenced(text: &str) -> Example {
    let inside = text.split("```").nth(1).unwrap_or_default();
    let (language, text) = inside.split_once('\n').unwrap_or_default();
    Example { language: language.to_owned(), text: text.to_owned() }
}

/// The rule of a code, of its name, or of an identifier of the official parser.
///
/// # Errors
/// With the nearest known code when there is none.
pub fn find(word: &str) -> Result<Vec<&'static Rule>, Option<&'static str>> {
    let matches = |rule: &&Rule| {
        rule.code.eq_ignore_ascii_case(word) || rule.name == word || rule.aliases.contains(&word)
    };
    let found: Vec<&'static Rule> = all().iter().copied().filter(|rule| matches(rule)).collect();
    if found.is_empty() {
        let upper = word.to_ascii_uppercase();
        let known = all()
            .iter()
            .flat_map(|rule| [rule.code, rule.name].into_iter().chain(rule.aliases.iter().copied()));
        return Err(nearest(&upper, known.clone()).or_else(|| nearest(word, known)));
    }
    Ok(found)
}
