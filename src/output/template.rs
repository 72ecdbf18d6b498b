//! Templates for people and as JSON: the list, what one asks and makes, what is wrong with it, how its tests ended.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::output::layout;
use crate::output::visible::visible;
use crate::scaffold::care::cases::Difference;
use crate::scaffold::care::{Finding, TestResult};
use crate::scaffold::manifest::{ContractInput, FileRule, ProjectRule, Variable};
use crate::scaffold::{Manifest, Policy, Template, VariableKind};

/// Prints names and descriptions.
///
/// # Errors
/// Those of the writer.
pub fn list(output: &mut impl Write, templates: &[Manifest]) -> io::Result<()> {
    let width = templates.iter().map(|one| one.name.len()).max().unwrap_or(0);
    templates.iter().try_for_each(|one| writeln!(output, "{:width$}  {}", one.name, one.description))
}

/// The list as one JSON object.
#[must_use]
pub fn list_json(templates: &[Manifest]) -> Value {
    let entry =
        |one: &Manifest| json!({ "name": one.name, "version": one.version, "description": one.description });
    json!({ "templates": templates.iter().map(entry).collect::<Vec<_>>() })
}

/// Prints what a template asks and makes.
///
/// # Errors
/// Those of the writer.
pub fn show(output: &mut impl Write, template: &Template) -> io::Result<()> {
    let manifest = &template.manifest;
    writeln!(output, "{} {}", visible(&manifest.name), visible(&manifest.version))?;
    writeln!(output, "{}", visible(&manifest.description))?;
    writeln!(output, "contract: {}", contract(manifest))?;
    let asked: Vec<_> =
        manifest.variables.iter().filter(|(_, variable)| variable.compute.is_none()).collect();
    if !asked.is_empty() {
        writeln!(output, "\nquestions:")?;
        let width = asked.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, variable) in asked {
            writeln!(output, "  {name:width$}  {}", visible(&question(name, variable)))?;
        }
    }
    if !manifest.files.is_empty() {
        writeln!(output, "\nfiles:")?;
        let width = manifest.files.iter().map(|rule| rule.path.chars().count()).max().unwrap_or(0);
        for rule in &manifest.files {
            writeln!(output, "  {:width$}  {}", visible(&rule.path), visible(&treatment(rule)))?;
        }
    }
    if !manifest.projects.is_empty() {
        writeln!(output, "\nprojects:")?;
        let width = manifest.projects.iter().map(|one| one.path.chars().count()).max().unwrap_or(0);
        for one in &manifest.projects {
            writeln!(output, "  {:width$}  {}", visible(&one.path), one.template)?;
        }
    }
    Ok(())
}

fn contract(manifest: &Manifest) -> &'static str {
    match manifest.input.contract {
        ContractInput::Required => "required",
        ContractInput::Optional => "optional",
        ContractInput::None => "none",
    }
}

fn question(name: &str, variable: &Variable) -> String {
    let kind = match variable.kind {
        VariableKind::Choice => format!(": {}", variable.choices.join(", ")),
        VariableKind::Bool => ": true or false".to_owned(),
        VariableKind::Int => ": a whole number".to_owned(),
        VariableKind::String => String::new(),
    };
    let default = variable.default.as_ref().map_or_else(String::new, |default| {
        format!(" [{}]", default.as_str().map_or_else(|| default.to_string(), str::to_owned))
    });
    let when = variable.when.as_ref().map_or_else(String::new, |when| format!(" (when {when})"));
    format!("{}{kind}{default}{when}", variable.question(name))
}

fn treatment(rule: &FileRule) -> String {
    let policy = match rule.policy {
        Policy::Generated => "written anew each time",
        Policy::Once => "written once, then yours",
        Policy::Merge => "owned by both, merged",
        Policy::Raw => "copied",
    };
    let each = rule.each.as_ref().map_or_else(String::new, |each| format!(", one per item of {each}"));
    let when = rule.when.as_ref().map_or_else(String::new, |when| format!(", when {when}"));
    format!("{policy}{each}{when}")
}

/// What a template asks and makes, as one JSON object.
#[must_use]
pub fn json(template: &Template) -> Value {
    let manifest = &template.manifest;
    let variable = |(name, one): &(String, Variable)| {
        json!({
            "name": name, "prompt": one.prompt, "kind": kind(one.kind), "choices": one.choices,
            "default": one.default, "when": one.when, "compute": one.compute,
        })
    };
    let rule = |rule: &FileRule| json!({ "path": rule.path, "policy": rule.policy, "when": rule.when, "each": rule.each, "name": rule.name });
    let project = |one: &ProjectRule| json!({ "path": one.path, "template": one.template, "contract": one.contract, "answers": one.answers });
    json!({
        "name": manifest.name,
        "version": manifest.version,
        "description": manifest.description,
        "projects": manifest.projects.iter().map(project).collect::<Vec<_>>(),
        "source": template.source,
        "sha256": template.hash,
        "contract": contract(manifest),
        "language": manifest.language.name(),
        "variables": manifest.variables.iter().map(variable).collect::<Vec<_>>(),
        "rules": manifest.files.iter().map(rule).collect::<Vec<_>>(),
        "files": template.files.keys().collect::<Vec<_>>(),
    })
}

fn kind(kind: VariableKind) -> &'static str {
    match kind {
        VariableKind::String => "string",
        VariableKind::Bool => "bool",
        VariableKind::Choice => "choice",
        VariableKind::Int => "int",
    }
}

/// Prints findings, a line each and a line for what to do.
///
/// # Errors
/// Those of the writer.
pub fn findings(output: &mut impl Write, findings: &[Finding]) -> io::Result<()> {
    for finding in findings {
        let level = if finding.is_error { "error" } else { "warning" };
        writeln!(
            output,
            "{level}[{}] {}: {}",
            finding.rule,
            visible(&finding.place),
            visible(&finding.message)
        )?;
        if let Some(help) = &finding.help {
            writeln!(output, "  help: {}", visible(help))?;
        }
    }
    Ok(())
}

/// What came otherwise than expected, in lines.
#[must_use]
pub fn differences(differences: &[Difference]) -> String {
    let mut text = Vec::new();
    for difference in differences {
        let written = match difference {
            Difference::Missing(path) => writeln!(text, "`{path}` is expected and is not made"),
            Difference::Unexpected(path) => writeln!(text, "`{path}` is made and is not expected"),
            Difference::Other(path, expected, found) => {
                match (std::str::from_utf8(expected), std::str::from_utf8(found)) {
                    (Ok(expected), Ok(found)) => layout::difference(&mut text, path, expected, found),
                    _ => writeln!(text, "`{path}` has other bytes"),
                }
            }
        };
        // A writer into memory does not fail.
        drop(written);
    }
    let text = String::from_utf8_lossy(&text);
    format!("{text}help: when it is meant so, `--update` writes the trees anew")
}

/// Prints how each test ended.
///
/// # Errors
/// Those of the writer.
pub fn results(output: &mut impl Write, results: &[TestResult]) -> io::Result<()> {
    for result in results {
        match &result.failure {
            None => writeln!(output, "ok      {} ({} files)", visible(&result.name), result.files)?,
            Some(failure) => {
                writeln!(output, "FAILED  {}", visible(&result.name))?;
                failure.lines().try_for_each(|line| writeln!(output, "        {}", visible(line)))?;
            }
        }
    }
    Ok(())
}

/// How each test ended, as one JSON object.
#[must_use]
pub fn results_json(template: &Template, results: &[TestResult]) -> Value {
    let entry = |result: &TestResult| json!({ "name": result.name, "passed": result.failure.is_none(), "files": result.files, "failure": result.failure });
    json!({
        "template": { "name": template.manifest.name, "version": template.manifest.version },
        "failed": results.iter().filter(|result| result.failure.is_some()).count(),
        "results": results.iter().map(entry).collect::<Vec<_>>(),
    })
}
