//! What scaffolding would write or has written, as a tree for people and as JSON.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::scaffold::{Action, Plan};

/// Prints the files as a tree; those that are there already are marked.
///
/// # Errors
/// Those of the writer.
pub fn tree(output: &mut impl Write, plan: &Plan, target: &Path) -> io::Result<()> {
    writeln!(output, "{}", target.display())?;
    let mut shown = BTreeSet::new();
    for (file, action) in plan.files.iter().zip(plan.actions(target)) {
        let mut parts = file.path.split('/').collect::<Vec<_>>();
        let name = parts.pop().unwrap_or_default();
        for depth in 1..=parts.len() {
            let directory = parts[..depth].join("/");
            if shown.insert(directory) {
                writeln!(output, "{}{}/", "  ".repeat(depth), parts[depth - 1])?;
            }
        }
        let mark = match action {
            Action::Create => "",
            Action::Keep => "  (there already)",
            Action::Conflict => "  (in the way)",
        };
        writeln!(output, "{}{name}{mark}", "  ".repeat(parts.len() + 1))?;
    }
    Ok(())
}

/// The plan as one JSON object.
#[must_use]
pub fn json(plan: &Plan, target: &Path, dry_run: bool, actions: &[Action]) -> Value {
    let files: Vec<Value> = plan
        .files
        .iter()
        .zip(actions)
        .map(|(file, action)| {
            json!({ "path": file.path, "action": action, "policy": file.policy, "bytes": file.bytes.len() })
        })
        .collect();
    json!({
        "template": { "name": plan.template.0, "version": plan.template.1 },
        "directory": target.to_string_lossy(),
        "dry_run": dry_run,
        "files": files,
        "notes": plan.notes,
        "next_steps": plan.next_steps.lines().collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaffold::{PlannedFile, Policy};

    #[test]
    fn directories_are_shown_once() {
        let file = |path: &str| PlannedFile {
            path: path.to_owned(),
            policy: Policy::Merge,
            origin: String::new(),
            bytes: Vec::new(),
        };
        let plan = Plan {
            template: ("x".to_owned(), "1".to_owned()),
            files: vec![file("Cargo.toml"), file("src/a/b.rs"), file("src/c.rs")],
            next_steps: String::new(),
            notes: Vec::new(),
            projects: Vec::new(),
        };
        let mut text = Vec::new();
        tree(&mut text, &plan, Path::new("shop")).expect("written");
        let text = String::from_utf8(text).expect("UTF-8");
        assert_eq!(text, "shop\n  Cargo.toml\n  src/\n    a/\n      b.rs\n    c.rs\n");
    }
}
