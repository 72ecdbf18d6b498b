//! How far a project is from the template it comes under; as text and as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::output::visible::visible;
use crate::scaffold::Policy;
use crate::scaffold::sync::{AdoptedFile, Adoption, Standing};

/// Prints every file that is not as the template would make it, then how many are.
///
/// # Errors
/// Those of the writer.
pub fn text(output: &mut impl Write, adoption: &Adoption) -> io::Result<()> {
    for file in adoption.files.iter().filter(|file| file.standing != Standing::Same) {
        let path = visible(&file.path);
        match file.standing {
            Standing::Missing => writeln!(output, "missing  {path}")?,
            _ => writeln!(output, "differs  {path}  (+{} -{}){}", file.added, file.removed, fate(file))?,
        }
    }
    let count = |standing| adoption.count(standing);
    let (same, differs, missing) =
        (count(Standing::Same), count(Standing::Differs), count(Standing::Missing));
    let all = adoption.files.len();
    let lines: usize = adoption.files.iter().map(|file| file.added + file.removed).sum();
    writeln!(
        output,
        "{same} of {all} files as the template makes them, {differs} otherwise by {lines} lines, {missing} missing"
    )
}

fn fate(file: &AdoptedFile) -> &'static str {
    match file.policy {
        Policy::Generated => "  the next sync writes it anew",
        Policy::Once => "  it is yours",
        Policy::Merge | Policy::Raw => "",
    }
}

/// The adoption as one JSON object.
#[must_use]
pub fn json(adoption: &Adoption, template: &(String, String), written: bool) -> Value {
    json!({
        "written": written,
        "template": { "name": template.0, "version": template.1 },
        "same": adoption.count(Standing::Same),
        "differs": adoption.count(Standing::Differs),
        "missing": adoption.count(Standing::Missing),
        "files": adoption.files,
    })
}
