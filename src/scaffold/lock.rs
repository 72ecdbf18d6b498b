//! What a project remembers of its making: `eddy.lock.yaml`, and the pristine text of files that are merged later.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::contract_view::ContractView;
use super::error::ScaffoldError;
use super::manifest::Policy;
use super::plan::PlannedFile;
use super::source::{Template, sha256};
use super::surface::Surface;

/// The lock in a project.
pub const LOCK_FILE: &str = "eddy.lock.yaml";
/// The pristine texts: one JSON object `{path, text}` per line, compressed with zstd; `{contract}` is what others see of it.
pub const BASE_FILE: &str = ".eddy/base.ndjson.zst";

/// Most bytes of a lock, and of the pristine texts.
const MAX_BYTES: u64 = 64 << 20;

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
    /// The commit of its repository, when it comes from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
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

/// Whether a path is a lock's own, be it that of a project in the project.
#[must_use]
pub fn owns_in_project(path: &str) -> bool {
    owns(path) || path.match_indices('/').any(|(at, _)| owns(&path[at + 1..]))
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
            source: template.remembered_as.clone(),
            name: template.manifest.name.clone(),
            version: template.manifest.version.clone(),
            hash: template.hash.clone(),
            commit: template.commit.clone(),
        },
        contract: contract.map(|view| LockedContract {
            path: view.path.clone(),
            version: view.version.clone(),
            sha256: view.sha256.clone(),
        }),
        answers: answers.clone(),
        files: planned.iter().map(locked).collect(),
    };
    let text = written(&lock).map_err(|error| failed(&error))?;
    let base = base(planned, contract.map(|view| &view.surface)).map_err(|error| failed(&error))?;
    Ok(vec![own(BASE_FILE, base), own(LOCK_FILE, text.into_bytes())])
}

fn written(lock: &Lock) -> Result<String, serde_yaml::Error> {
    let yaml = serde_yaml::to_string(lock)?;
    Ok(format!("# Written by eddy: where this project comes from. Keep it under version control.\n{yaml}"))
}

/// A lock that does not know some files.
///
/// # Errors
/// In words, when it cannot be read.
pub fn without(lock: &[u8], is_unknown: &dyn Fn(&str) -> bool) -> Result<Vec<u8>, String> {
    let mut lock = read(&String::from_utf8_lossy(lock))?;
    lock.files.retain(|file| !is_unknown(&file.path));
    written(&lock).map(String::into_bytes).map_err(|error| error.to_string())
}

fn locked(file: &PlannedFile) -> LockedFile {
    LockedFile { path: file.path.clone(), policy: file.policy, sha256: sha256(&file.bytes) }
}

fn base(planned: &[PlannedFile], surface: Option<&Surface>) -> std::io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3)?;
    if let Some(surface) = surface {
        writeln!(encoder, "{}", serde_json::json!({ "contract": surface }))?;
    }
    for file in planned.iter().filter(|file| file.policy == Policy::Merge) {
        let text = String::from_utf8_lossy(&file.bytes);
        writeln!(encoder, "{}", serde_json::json!({ "path": file.path, "text": text }))?;
    }
    encoder.finish()
}

/// What a project was made of, besides its lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// The pristine texts of merged files, by path.
    pub texts: BTreeMap<String, String>,
    /// What others see of the contract.
    pub surface: Option<Surface>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, untagged)]
enum BaseLine {
    Text { path: String, text: String },
    Contract { contract: Surface },
}

/// Reads a lock; paths in it that no template may write are refused.
///
/// # Errors
/// In words.
pub fn read(text: &str) -> Result<Lock, String> {
    let lock: Lock = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    if lock.format != 1 {
        return Err(format!("format {} is not known; this program reads format 1", lock.format));
    }
    let fault =
        |file: &LockedFile| fault_of_path(&file.path).map(|fault| format!("`{}`: {fault}", file.path));
    lock.files.iter().find_map(fault).map_or(Ok(lock), Err)
}

/// Reads the pristine texts.
///
/// # Errors
/// In words.
pub fn read_base(bytes: &[u8]) -> Result<Base, String> {
    let mut text = String::new();
    let decoder = zstd::Decoder::new(bytes).map_err(|error| error.to_string())?;
    decoder.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let mut base = Base::default();
    for line in text.lines() {
        match serde_json::from_str(line).map_err(|error| error.to_string())? {
            BaseLine::Text { path, text } => drop(base.texts.insert(path, text)),
            BaseLine::Contract { contract } => base.surface = Some(contract),
        }
    }
    Ok(base)
}

/// Why a path in a lock or a journal may not be touched.
#[must_use]
pub fn fault_of_path(path: &str) -> Option<String> {
    if owns(path) {
        return Some("this file is eddy's own".to_owned());
    }
    super::path_rules::fault_of_path(path)
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
        let bytes = base(&[file("a", Policy::Merge), file("b", Policy::Once)], Some(&Surface::default()));
        let bytes = bytes.expect("encodes");
        let text = String::from_utf8(zstd::decode_all(bytes.as_slice()).expect("decodes")).expect("UTF-8");
        assert!(text.ends_with("{\"path\":\"a\",\"text\":\"text\\n\"}\n"), "{text}");
        let read = read_base(&bytes).expect("reads");
        assert_eq!(read.texts, BTreeMap::from([("a".to_owned(), "text\n".to_owned())]));
        assert_eq!(read.surface, Some(Surface::default()));
        assert!(read_base(b"junk").is_err());
    }

    #[test]
    fn a_lock_that_leads_out_of_the_project_is_refused() {
        let lock = |path: &str| {
            format!(
                "format: 1\neddy: 0\ntemplate: {{source: s, name: n, version: '1', hash: h}}\nanswers: {{}}\n\
                 files: [{{path: {path}, policy: merge, sha256: x}}]\n"
            )
        };
        assert!(read(&lock("src/a")).is_ok());
        for path in ["../a", "/etc/a", "a//b", ".eddy/x", "eddy.lock.yaml", "a/../b", "'C:\\a'", "aux.txt"] {
            assert!(read(&lock(path)).is_err_and(|fault| fault.contains(": ")), "{path}");
        }
        assert!(read("format: 2\n").is_err());
    }

    #[test]
    fn no_template_may_write_what_the_lock_owns() {
        assert!(owns("eddy.lock.yaml") && owns(".eddy/x") && owns(".EDDY/x"));
        assert!(!owns("eddy.yaml") && !owns("src/.eddy"));
        assert!(owns_in_project("shop/eddy.lock.yaml") && owns_in_project("shop/.eddy/x"));
        assert!(!owns_in_project("shop/eddy.yaml") && owns_in_project("eddy.lock.yaml"));
    }
}
