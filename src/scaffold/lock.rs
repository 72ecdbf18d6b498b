//! What a project remembers of its making: `eddy.lock.yaml`, and the pristine text of files that are merged later.

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::contract_view::ContractView;
use super::error::ScaffoldError;
use super::manifest::Policy;
use super::plan::PlannedFile;
use super::source::{Template, sha256};

/// The lock in a project.
pub const LOCK_FILE: &str = "eddy.lock.yaml";
/// The pristine texts: one JSON object `{path, text}` per line, compressed with zstd.
pub const BASE_FILE: &str = ".eddy/base.ndjson.zst";

/// The lock as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The format of this file; 1.
    pub format: u32,
    /// The version of eddy that wrote it.
    pub eddy: String,
    /// Where the project comes from.
    pub template: LockedTemplate,
    /// The contract it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<LockedContract>,
    /// The answers, computed ones included.
    pub answers: Map<String, Value>,
    /// Every file written, in order of path.
    pub files: Vec<LockedFile>,
}

/// The template of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedTemplate {
    /// `builtin:NAME` or a directory.
    pub source: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its files.
    pub hash: String,
}

/// The contract of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedContract {
    /// Its path as it was given.
    pub path: String,
    /// `info.version`.
    pub version: String,
    /// SHA-256 of its text.
    pub sha256: String,
}

/// One file of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    /// Its path.
    pub path: String,
    /// How it fares later.
    pub policy: Policy,
    /// SHA-256 of what was written.
    pub sha256: String,
}

/// Whether a path is the lock's own, so that no template may write it.
#[must_use]
pub fn owns(path: &str) -> bool {
    let folded = path.to_lowercase();
    folded == LOCK_FILE || folded == ".eddy" || folded.starts_with(".eddy/")
}

/// The lock and the base for these files.
///
/// # Errors
/// When they cannot be put into bytes, which only a lack of memory makes happen.
pub fn files(
    template: &Template,
    answers: &Map<String, Value>,
    contract: Option<&ContractView>,
    planned: &[PlannedFile],
) -> Result<Vec<PlannedFile>, ScaffoldError> {
    let lock = Lock {
        format: 1,
        eddy: env!("CARGO_PKG_VERSION").to_owned(),
        template: LockedTemplate {
            source: template.source.clone(),
            name: template.manifest.name.clone(),
            version: template.manifest.version.clone(),
            hash: template.hash.clone(),
        },
        contract: contract.map(|view| LockedContract {
            path: view.path.clone(),
            version: view.version.clone(),
            sha256: view.sha256.clone(),
        }),
        answers: answers.clone(),
        files: planned.iter().map(locked).collect(),
    };
    let yaml = serde_yaml::to_string(&lock).map_err(|error| failed(&error))?;
    let text =
        format!("# Written by eddy: where this project comes from. Keep it under version control.\n{yaml}");
    let base = base(planned).map_err(|error| failed(&error))?;
    Ok(vec![own(BASE_FILE, base), own(LOCK_FILE, text.into_bytes())])
}

fn locked(file: &PlannedFile) -> LockedFile {
    LockedFile { path: file.path.clone(), policy: file.policy, sha256: sha256(&file.bytes) }
}

fn base(planned: &[PlannedFile]) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3)?;
    for file in planned.iter().filter(|file| file.policy == Policy::Merge) {
        let text = String::from_utf8_lossy(&file.bytes);
        writeln!(encoder, "{}", serde_json::json!({ "path": file.path, "text": text }))?;
    }
    encoder.finish()
}

fn own(path: &str, bytes: Vec<u8>) -> PlannedFile {
    PlannedFile { path: path.to_owned(), policy: Policy::Generated, origin: String::new(), bytes }
}

fn failed(error: &dyn std::fmt::Display) -> ScaffoldError {
    ScaffoldError::Render { place: LOCK_FILE.to_owned(), message: error.to_string(), help: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_holds_the_merged_files_and_reads_back() {
        let file = |path: &str, policy| PlannedFile {
            path: path.to_owned(),
            policy,
            origin: String::new(),
            bytes: b"text\n".to_vec(),
        };
        let bytes = base(&[file("a", Policy::Merge), file("b", Policy::Once)]).expect("encodes");
        let text = String::from_utf8(zstd::decode_all(bytes.as_slice()).expect("decodes")).expect("UTF-8");
        assert_eq!(text, "{\"path\":\"a\",\"text\":\"text\\n\"}\n");
    }

    #[test]
    fn no_template_may_write_what_the_lock_owns() {
        assert!(owns("eddy.lock.yaml") && owns(".eddy/x") && owns(".EDDY/x"));
        assert!(!owns("eddy.yaml") && !owns("src/.eddy"));
    }
}
