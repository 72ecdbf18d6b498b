//! What `convert` and `bundle` share: where the text comes from, where it goes, and what is wrong with it afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use clap::ValueEnum;

use super::{CommandError, Context};
use crate::check::{Policy, check_documents, report};
use crate::contract::{Loaded, load_text};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::format::with_line_feeds;
use crate::edit::read::Refusal;
use crate::output::finding::Shown;
use crate::output::json::Summary;
use crate::output::{json, text};
use crate::source_text::{Limits, ReadError, SourceText, Sources, read_file, read_text};

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, on standard error
    #[default]
    Human,
    /// For programs, on standard output
    Json,
}

/// A text to be changed.
pub struct Input {
    /// Its name for findings and for what it refers to.
    pub name: String,
    /// Its text, lines ending with `\n`.
    pub text: String,
    /// Whether its lines ended with `\r\n`.
    pub carriage_returns: bool,
}

/// Reads a file, or standard input for `-`.
pub fn input(path: &Path, context: &Context) -> Result<Input, CommandError> {
    let limits = Limits::default();
    let is_stdin = path.as_os_str() == "-";
    let name = if is_stdin { Path::new("<stdin>") } else { path };
    let read =
        if is_stdin { read_text(context.ui.input().lock(), name, &limits) } else { read_file(name, &limits) };
    let text = read.map_err(|error| unreadable(&error))?;
    let (text, carriage_returns) = with_line_feeds(&text).map_err(|refusal| {
        CommandError::usage(format!("`{}`: {refusal}", name.display()))
            .hint("let its lines end with a line feed, or with a carriage return and a line feed")
    })?;
    Ok(Input { name: name.display().to_string(), text, carriage_returns })
}

/// A file that gives no text, with the next step.
pub fn unreadable(error: &ReadError) -> CommandError {
    let finding = Diagnostic::from(error);
    CommandError::usage(finding.message).hint(finding.help.unwrap_or_default())
}

/// The name of a text with the place at which it was refused, when it has one.
pub fn place_of(source: &Input, refusal: &Refusal) -> String {
    if !refusal.is_unreadable() {
        return source.name.clone();
    }
    let offset = u32::try_from(refusal.offset()).unwrap_or(0);
    let place = SourceText::new(&source.name, source.text.clone()).position(offset);
    format!("{}:{}:{}", source.name, place.line, place.column)
}

/// Writes a text to a file, or to standard output for none and for `-`.
pub fn write(output: Option<&Path>, text: &str, context: &Context) -> Result<(), CommandError> {
    if let Some(path) = output.filter(|path| path.as_os_str() != "-") {
        return crate::atomic_file::write(path, text.as_bytes()).map_err(|error| {
            CommandError::usage(format!("cannot write `{}`: {error}", path.display()))
                .hint("check the folder and its permissions; nothing was written")
        });
    }
    let mut out = context.ui.data();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// All findings about what was loaded.
pub fn findings(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut findings = loaded.diagnostics.clone();
    findings.extend(check_documents(loaded));
    findings
}

/// Errors of a text that the source, whose findings are given, did not have. What says the same is the same, as often as a
/// copy repeats it; beyond that a code that the source had may come as often as there.
pub fn new_errors(name: &str, text: &str, before: &[Diagnostic]) -> (Loaded, Vec<Diagnostic>) {
    let loaded = load_text(name, text, &Limits::default());
    let mut errors = findings(&loaded);
    errors.retain(|finding| finding.severity == Severity::Error);
    let words = |finding: &Diagnostic| (finding.code, finding.message.clone());
    let after: BTreeSet<(&str, String)> = errors.iter().map(words).collect();
    let before = before.iter().filter(|finding| finding.severity == Severity::Error);
    let (same, others): (Vec<_>, Vec<_>) = before.map(words).partition(|words| after.contains(words));
    let mut reworded: BTreeMap<&str, usize> = BTreeMap::new();
    for (code, _) in others {
        *reworded.entry(code).or_default() += 1;
    }
    errors.retain(|finding| {
        if same.contains(&words(finding)) {
            return false;
        }
        let count = reworded.get_mut(finding.code).filter(|count| **count > 0);
        count.map(|count| *count -= 1).is_none()
    });
    (loaded, errors)
}

/// Shows findings: for people on standard error, for programs on standard output.
pub fn show(
    format: Format,
    findings: Vec<Diagnostic>,
    sources: &Sources,
    context: &Context,
) -> Result<(), CommandError> {
    // Comments that allow findings are about those of `eddy validate`.
    let levels = ["ED4001", "ED4002", "ED4003"].map(|code| (code, None)).into();
    let report = report(findings, sources, &Policy { levels, ..Policy::default() });
    if format == Format::Json {
        let mut out = context.ui.data();
        let files: Vec<String> =
            sources.iter().map(|(_, source)| source.path().display().to_string()).collect();
        let summary = Summary::of(&report, 1, 0);
        json::diagnostics(
            &mut out,
            &Shown { report: &report, sources, summary, files: &files, events: None },
        )?;
        return Ok(out.flush()?);
    }
    let mut shown = Vec::new();
    text::human(&mut shown, &report, sources, context.ui.text_style())?;
    let shown = String::from_utf8_lossy(&shown);
    if !shown.trim().is_empty() {
        context.ui.say(shown.trim_end());
    }
    Ok(())
}
