//! Turns failed references into diagnostics, `ED0301` to `ED0307`.

use super::{Diagnostic, Severity, nearest};
use crate::source_text::documents::place_name;
use crate::source_text::{ReferenceError, Span};

/// A reference names a place its file does not have.
pub const TARGET_NOT_FOUND: &str = "ED0301";
/// A reference names a file that is missing or cannot be used.
pub const FILE_NOT_FOUND: &str = "ED0302";
/// A reference names a remote address, which nobody asked for (warning; what it names is not checked).
pub const REMOTE: &str = "ED0303";
/// References lead in a circle where a value is needed.
pub const CYCLE: &str = "ED0304";
/// A reference is no URI reference with a JSON Pointer.
pub const MALFORMED: &str = "ED0305";
/// A remote address was asked for, and gave nothing that can be used.
pub const NOT_FETCHED: &str = "ED0306";
/// What a remote address gave is not what was locked.
pub const CHANGED: &str = "ED0307";

/// The finding for a reference that failed; `span` is the place of the reference as written, `pointer` that of the
/// mapping it stands in.
#[must_use]
pub fn from_reference_error(error: &ReferenceError, span: Span, pointer: &str) -> Diagnostic {
    let finding = |code, severity| Diagnostic::new(code, severity, error.to_string(), span).at(pointer);
    match error {
        ReferenceError::Malformed { .. } => finding(MALFORMED, Severity::Error)
            .help("write `#/path/to/it`, or `file.yaml#/path/to/it`; `/` in a key is `~1`, `~` is `~0`"),
        ReferenceError::Remote(_) => finding(REMOTE, Severity::Warning).help(
            "fetch and lock it with `--allow-remote`, or keep a copy beside this file and refer to the copy",
        ),
        ReferenceError::Refused { refusal, .. } if refusal.changed => finding(CHANGED, Severity::Error).help(
            "look at what changed; to take it, remove the address from `eddy.refs.lock` and fetch again",
        ),
        ReferenceError::Refused { .. } => finding(NOT_FETCHED, Severity::Error)
            .help("check the address, or keep a copy beside this file and refer to the copy"),
        ReferenceError::File { .. } => {
            finding(FILE_NOT_FOUND, Severity::Error).help("paths are relative to the folder of this file")
        }
        ReferenceError::Cycle(_) => finding(CYCLE, Severity::Error).help(
            "let one of the references name a value; schemas may recurse below `properties` or `items`",
        ),
        ReferenceError::NotFound { missing, siblings, within, .. } => {
            let finding = finding(TARGET_NOT_FOUND, Severity::Error);
            match nearest(missing, siblings.iter().map(String::as_str)) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None if siblings.is_empty() => finding,
                None => finding.help(format!("{} has {}", place_name(within), listed(siblings))),
            }
        }
    }
}

/// At most eight names in backticks.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(8).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > 8 { format!(" and {} more", names.len() - 8) } else { String::new() };
    shown.join(", ") + &more
}
