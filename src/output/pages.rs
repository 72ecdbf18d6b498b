//! The pages of the codes: for people, as JSON, and as the Markdown of `docs/rules.md`.

use std::io::{self, Write};

use serde::Serialize;

use super::text::TextStyle;
use crate::check::page::{Page, page};
use crate::check::rules::Rule;
use crate::diagnostic::Severity;

#[derive(Serialize)]
struct PageOut<'a> {
    code: &'a str,
    name: &'a str,
    severity: Severity,
    category: &'a str,
    title: String,
    why: String,
    bad: String,
    good: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    clause: &'a str,
    aliases: &'a [&'a str],
    on_request: bool,
}

/// Writes one page for people.
///
/// # Errors
/// When the writer fails.
pub fn human(out: &mut dyn Write, rule: &Rule, page: &Page, style: TextStyle) -> io::Result<()> {
    let heading = format!("{} {}", rule.code, rule.name);
    writeln!(out, "{}  {}, {}", style.bold(&heading), rule.severity.word(), rule.category.word())?;
    writeln!(out, "\n{}\n", page.title)?;
    for paragraph in page.why.split("\n\n").filter(|text| !text.is_empty()) {
        writeln!(out, "{}\n", wrapped(&paragraph.replace('\n', " "), style.width.min(100)))?;
    }
    for (word, code, text) in [("Wrong", "31", &page.bad), ("Right", "32", &page.good)] {
        if !text.text.is_empty() {
            writeln!(out, "{}:\n", style.in_color(code, word))?;
            text.text.lines().try_for_each(|line| writeln!(out, "    {line}"))?;
            writeln!(out)?;
        }
    }
    if !rule.clause.is_empty() {
        writeln!(out, "Decided by: {}", rule.clause)?;
    }
    if !rule.aliases.is_empty() {
        writeln!(out, "Also known as: {}", rule.aliases.join(", "))?;
    }
    if rule.is_on_request() {
        let level = rule.severity.word();
        return writeln!(out, "Off unless asked for in `eddy.yaml`: `rules: {{ {}: {level} }}`", rule.code);
    }
    writeln!(out, "Set its level in `eddy.yaml`: `rules: {{ {}: off }}`", rule.code)
}

/// Writes one line per code.
///
/// # Errors
/// When the writer fails.
pub fn list(out: &mut dyn Write, rules: &[&Rule], width: usize) -> io::Result<()> {
    let longest = rules.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    for rule in rules {
        let line = format!(
            "{}  {:longest$}  {:7}  {}",
            rule.code,
            rule.name,
            rule.severity.word(),
            page(rule).title
        );
        let shown: String = line.chars().take(width).collect();
        writeln!(out, "{}", shown.trim_end())?;
    }
    Ok(())
}

/// Writes the pages as a JSON list.
///
/// # Errors
/// When the writer fails.
pub fn json(out: &mut dyn Write, rules: &[&'static Rule]) -> io::Result<()> {
    let pages: Vec<PageOut> = rules.iter().map(|rule| page_out(rule)).collect();
    serde_json::to_writer_pretty(&mut *out, &pages)?;
    writeln!(out)
}

fn page_out(rule: &'static Rule) -> PageOut<'static> {
    let page = page(rule);
    PageOut {
        code: rule.code,
        name: rule.name,
        severity: rule.severity,
        category: rule.category.word(),
        title: page.title,
        why: page.why,
        bad: page.bad.text,
        good: page.good.text,
        clause: rule.clause,
        aliases: rule.aliases,
        on_request: rule.is_on_request(),
    }
}

/// Writes the pages as one Markdown document.
///
/// # Errors
/// When the writer fails.
pub fn markdown(out: &mut dyn Write, rules: &[&Rule]) -> io::Result<()> {
    writeln!(out, "# Codes\n\nEvery finding of `eddy` has a code. `eddy explain CODE` prints its page.")?;
    for rule in rules {
        let page = page(rule);
        let asked = if rule.is_on_request() { ", off unless asked for" } else { "" };
        let anchor = rule.code.to_lowercase();
        writeln!(out, "\n<a id=\"{anchor}\"></a>\n\n## {} {}\n", rule.code, rule.name)?;
        writeln!(out, "*{}, {}{asked}*\n\n{}", rule.severity.word(), rule.category.word(), page.title)?;
        if !page.why.is_empty() {
            writeln!(out, "\n{}", page.why)?;
        }
        for (word, text) in [("Wrong", &page.bad), ("Right", &page.good)] {
            if !text.text.is_empty() {
                writeln!(out, "\n{word}:\n\n```{}\n{}```", text.language, text.text)?;
            }
        }
        if !rule.clause.is_empty() {
            writeln!(out, "\nDecided by: {}", rule.clause)?;
        }
        if !rule.aliases.is_empty() {
            let aliases: Vec<String> = rule.aliases.iter().map(|alias| format!("`{alias}`")).collect();
            writeln!(out, "\nAlso known as: {}", aliases.join(", "))?;
        }
    }
    Ok(())
}

fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
