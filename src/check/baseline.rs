//! Findings that were there before: kept in a file, so that only new ones fail a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file_name;
use crate::diagnostic::Diagnostic;
use crate::source_text::Sources;

const VERSION: u32 = 1;

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It cannot be read.
    #[error("cannot read the baseline `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is no baseline.
    #[error("`{path}` is no baseline: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why, as a fragment.
        reason: String,
    },
    /// It cannot be written.
    #[error("cannot write the baseline `{path}`: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Findings of one kind that are known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The file, relative to the folder of the baseline, with `/` between folders.
    pub file: String,
    /// The code.
    pub code: String,
    /// The fingerprint they share.
    pub fingerprint: String,
    /// How many there are.
    pub count: usize,
    /// The message of the first, for people.
    pub message: String,
}

/// The known findings and the folder their files are relative to.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    folder: PathBuf,
    findings: Vec<Known>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "`version` and `findings` were expected")]
struct Stored {
    version: u32,
    findings: Vec<Known>,
}

/// What a baseline makes of the findings of a run.
#[derive(Debug, Default)]
pub struct Compared {
    /// Findings that are not in it.
    pub new: Vec<Diagnostic>,
    /// How many are.
    pub known: usize,
    /// What is in it and was not found in the files of this run, with the count that is missing.
    pub gone: Vec<Known>,
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// [`BaselineError`]
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| BaselineError::Unreadable { path: path.to_owned(), source })?;
        let malformed = |reason: String| BaselineError::Malformed { path: path.to_owned(), reason };
        let stored: Stored = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if stored.version != VERSION {
            return Err(malformed(format!("version {} is not known", stored.version)));
        }
        Ok(Self { folder: folder(path), findings: stored.findings })
    }

    /// The baseline that holds these findings, to be kept at `path`.
    #[must_use]
    pub fn of(findings: &[Diagnostic], sources: &Sources, path: &Path) -> Self {
        let folder = folder(path);
        let mut known: BTreeMap<(String, &str, String), (usize, &str)> = BTreeMap::new();
        for finding in findings.iter().filter(|finding| finding.position.is_none()) {
            let file = relative(&file_name(finding, sources), &folder);
            let entry = known.entry((file, finding.code, finding.fingerprint()));
            entry.or_insert((0, &finding.message)).0 += 1;
        }
        let one = |((file, code, fingerprint), (count, message)): ((String, &str, String), (usize, &str))| {
            Known { file, code: code.to_owned(), fingerprint, count, message: message.to_owned() }
        };
        Self { folder, findings: known.into_iter().map(one).collect() }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`BaselineError::Unwritable`]
    pub fn write(&self, path: &Path) -> Result<(), BaselineError> {
        let unwritable = |source| BaselineError::Unwritable { path: path.to_owned(), source };
        let stored = Stored { version: VERSION, findings: self.findings.clone() };
        let text = serde_json::to_string_pretty(&stored).map_err(|error| unwritable(error.into()))?;
        crate::atomic_file::write(path, format!("{text}\n").as_bytes()).map_err(unwritable)
    }

    /// How many findings it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.findings.iter().map(|known| known.count).sum()
    }

    /// Parts the findings of a run into new and known ones. Findings of a file that has been renamed are known by their
    /// fingerprint alone.
    #[must_use]
    pub fn compare(&self, findings: Vec<Diagnostic>, sources: &Sources) -> Compared {
        let seen: Vec<String> = sources
            .iter()
            .map(|(_, file)| relative(&file.path().display().to_string(), &self.folder))
            .collect();
        let mut left = self.findings.clone();
        let mut compared = Compared::default();
        for finding in findings {
            let fingerprint = finding.fingerprint();
            let file = relative(&file_name(&finding, sources), &self.folder);
            let fits = |known: &&mut Known| known.count > 0 && known.fingerprint == fingerprint;
            let same_file = left.iter_mut().filter(fits).find(|known| known.file == file);
            let found = match same_file {
                Some(known) => Some(known),
                None => left.iter_mut().filter(fits).find(|known| !self.is_there(&known.file)),
            };
            match found {
                Some(known) => {
                    known.count -= 1;
                    compared.known += 1;
                }
                None => compared.new.push(finding),
            }
        }
        left.retain(|known| known.count > 0 && (seen.contains(&known.file) || !self.is_there(&known.file)));
        compared.gone = left;
        compared
    }

    fn is_there(&self, file: &str) -> bool {
        self.folder.join(file).exists()
    }
}

fn folder(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.parent().map(Path::to_owned).unwrap_or_default()
}

/// The path from a folder to a file; one that is not below it stays as it is.
fn relative(file: &str, folder: &Path) -> String {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.into());
    let shown =
        absolute.strip_prefix(folder).map_or_else(|_| file.to_owned(), |path| path.display().to_string());
    if cfg!(windows) { shown.replace('\\', "/") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::source_text::{SourceText, Span};

    fn run(names: &[&str], folder: &Path, text: &str) -> (Vec<Diagnostic>, Sources) {
        let mut sources = Sources::default();
        let path = folder.join("a.yaml");
        std::fs::write(&path, text).unwrap();
        let file = sources.add(SourceText::new(path, text.to_owned()));
        let finding = |name: &&str| {
            let start = u32::try_from(text.find(*name).unwrap()).unwrap();
            Diagnostic::new(
                "ED9999",
                Severity::Error,
                format!("`{name}` is wrong"),
                Span { file, start, end: start + 1 },
            )
        };
        (names.iter().map(finding).collect(), sources)
    }

    #[test]
    fn only_new_findings_are_left_and_fixed_ones_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baseline.json");
        let (before, sources) = run(&["one", "two"], folder.path(), "one two three");
        Baseline::of(&before, &sources, &path).write(&path).unwrap();
        let (after, sources) = run(&["three", "one"], folder.path(), "\n\nthree one");
        let compared = Baseline::read(&path).unwrap().compare(after, &sources);
        assert_eq!(compared.known, 1);
        assert_eq!(compared.new.len(), 1);
        assert!(compared.new[0].message.contains("three"));
        assert_eq!(compared.gone.len(), 1);
        assert!(compared.gone[0].message.contains("two"));
    }

    #[test]
    fn each_known_finding_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baseline.json");
        let (before, sources) = run(&["one"], folder.path(), "one");
        let baseline = Baseline::of(&before, &sources, &path);
        let (after, sources) = run(&["one", "one"], folder.path(), "one");
        let compared = baseline.compare(after, &sources);
        assert_eq!((compared.known, compared.new.len()), (1, 1));
    }

    #[test]
    fn other_files_are_no_baselines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baseline.json");
        for text in ["", "[]", "{\"version\": 2, \"findings\": []}", "{\"version\": 1, \"findings\": [{}]}"] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(Baseline::read(&path), Err(BaselineError::Malformed { .. })), "{text}");
        }
    }
}
