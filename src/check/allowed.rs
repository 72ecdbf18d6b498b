//! Findings somebody has allowed in a comment: `# eddy:allow ED2103 why`, on the line or the one above.

use super::page::{About, find};
use super::report::Policy;
use super::rules::all;
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::source_text::comments::{Comment, comments};
use crate::source_text::{FileId, SourceText, Sources, Span};

/// A comment allows what is not found.
pub const UNUSED: &str = "ED4001";
/// A comment does not say why.
pub const WITHOUT_REASON: &str = "ED4002";
/// A comment names no code there is.
pub const UNKNOWN: &str = "ED4003";

const MARK: &str = "eddy:allow";

/// What one word of a comment allows.
struct Allowance {
    codes: Vec<&'static str>,
    word: Span,
    /// The line it speaks of.
    line: u32,
    used: bool,
}

/// Takes out the findings that comments allow, adds those about the comments, and says how many were taken out.
#[must_use]
pub fn without_allowed(
    findings: Vec<Diagnostic>,
    sources: &Sources,
    policy: &Policy,
) -> (Vec<Diagnostic>, usize) {
    let mut left = Vec::new();
    let mut allowances = Vec::new();
    for (file, source) in sources.iter() {
        // Nearly no file has such comments, and looking for all comments means to parse once more.
        if memchr::memmem::find(source.text().as_bytes(), MARK.as_bytes()).is_some() {
            allowances.extend(of_file(file, source, &policy.own_rules, &mut left));
        }
    }
    let before = findings.len();
    let faults_of_comments = left.len();
    left.extend(findings.into_iter().filter(|finding| !is_allowed(finding, &mut allowances, sources)));
    let taken = before + faults_of_comments - left.len();
    let is_idle =
        |allowance: &&Allowance| !allowance.used && allowance.codes.iter().any(|code| policy.runs(code));
    left.extend(allowances.iter().filter(is_idle).map(unused));
    (left, taken)
}

fn is_allowed(finding: &Diagnostic, allowances: &mut [Allowance], sources: &Sources) -> bool {
    let Some(label) = &finding.primary else {
        return false;
    };
    let mut allowed = false;
    for allowance in allowances.iter_mut().filter(|allowance| allowance.word.file == label.span.file) {
        let fits = allowance.codes.contains(&finding.code);
        if fits && sources.range(label.span).0.line == allowance.line {
            allowance.used = true;
            allowed = true;
        }
    }
    allowed
}

fn unused(allowance: &Allowance) -> Diagnostic {
    let codes: Vec<String> = allowance.codes.iter().map(|code| format!("`{code}`")).collect();
    let message = format!("{} is allowed here and not found", codes.join(" or "));
    Diagnostic::new(UNUSED, Severity::Warning, message, allowance.word)
        .help("remove the comment; it counts for its own line, or for the next one when it stands alone")
}

fn of_file(
    file: FileId,
    source: &SourceText,
    own: &[About],
    findings: &mut Vec<Diagnostic>,
) -> Vec<Allowance> {
    let comments = comments(source.text());
    let mut found = Vec::new();
    for (at, comment) in comments.iter().enumerate() {
        if let Some(words) = comment.text.trim_start().strip_prefix(MARK) {
            let line = line_meant(&comments[at..], source);
            found.extend(of_comment(words, comment, (file, line), own, findings));
        }
    }
    found
}

/// The line a comment speaks of: its own, or the first after the block of comments it begins.
fn line_meant(comments: &[Comment], source: &SourceText) -> u32 {
    let line_of =
        |comment: &Comment| source.position(u32::try_from(comment.bytes.start).unwrap_or(u32::MAX)).line;
    let mut line = line_of(&comments[0]);
    if !comments[0].alone {
        return line;
    }
    for comment in comments.iter().take_while(|comment| comment.alone) {
        let own = line_of(comment);
        if own > line + 1 {
            break;
        }
        line = own;
    }
    line + 1
}

/// The codes a comment names, and what is wrong with it.
fn of_comment(
    words: &str,
    comment: &Comment,
    (file, line): (FileId, u32),
    own: &[About],
    findings: &mut Vec<Diagnostic>,
) -> Vec<Allowance> {
    let span = |bytes: std::ops::Range<usize>| Span {
        file,
        start: u32::try_from(bytes.start).unwrap_or(u32::MAX),
        end: u32::try_from(bytes.end).unwrap_or(u32::MAX),
    };
    let whole = span(comment.bytes.clone());
    // The text of the comment ends where the comment ends.
    let offset = |rest: &str| comment.bytes.end - rest.len();
    let mut found = Vec::new();
    let mut rest = words.trim_start();
    loop {
        let length = rest.find([' ', '\t', ',']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let place = span(offset(rest)..offset(after));
        let codes = codes_of(word, own);
        if codes.is_empty() {
            findings.push(unknown(word, if word.is_empty() { whole } else { place }));
        } else {
            found.push(Allowance { codes, word: place, line, used: false });
        }
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => break,
        }
    }
    if rest.trim().is_empty() && !found.is_empty() {
        findings.push(
            Diagnostic::new(WITHOUT_REASON, Severity::Warning, "the comment does not say why", whole)
                .help("write the reason after the code: `# eddy:allow ED2106 our own protocol`"),
        );
    }
    found
}

fn codes_of(word: &str, own: &[About]) -> Vec<&'static str> {
    if let Some(about) = own.iter().find(|about| about.code == word) {
        return vec![about.code];
    }
    find(word).map_or_else(|_| Vec::new(), |rules| rules.iter().map(|rule| rule.code).collect())
}

fn unknown(word: &str, span: Span) -> Diagnostic {
    if word.is_empty() {
        let message = "the comment names no code";
        return Diagnostic::new(UNKNOWN, Severity::Warning, message, span)
            .help("write `# eddy:allow CODE reason`");
    }
    let finding = Diagnostic::new(UNKNOWN, Severity::Warning, format!("there is no code `{word}`"), span);
    let known = all().iter().flat_map(|rule| [rule.code, rule.name]);
    match nearest(word, known) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help("`eddy explain` lists all codes"),
    }
}
