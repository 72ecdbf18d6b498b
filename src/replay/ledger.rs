//! The ledger of a run: what is settled, and from where the target is read back after a crash. Written beside the old
//! one, synced and renamed, so that it is whole whatever happens.

use std::collections::BTreeMap;
use std::io::{self, Read, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::settled::Settled;
use crate::archive::{Opened, Seekable, open_bytes};
use crate::atomic_file;
use crate::event::Timestamp;

/// The format written.
const VERSION: u32 = 1;
/// Bytes at either end of an archive that its identity is made of, besides its length.
const PROBE: u64 = 64 * 1024;
/// Bytes a ledger may have.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Which recording a run sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveIdentity {
    /// The path as it was given, for people.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 over its length and its first and last 64 KiB: the header with the run, and the index.
    pub sha256: String,
}

impl ArchiveIdentity {
    /// Looks at a file or object.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn of(path: &Path) -> io::Result<Self> {
        let Opened { mut input, length } = open_bytes(path)?;
        let bytes = length.ok_or_else(|| io::Error::other("it is no file"))?;
        let mut hash = Sha256::new();
        hash.update(bytes.to_le_bytes());
        let mut take = |input: &mut dyn Seekable| -> io::Result<()> {
            let mut part = Vec::new();
            input.take(PROBE).read_to_end(&mut part)?;
            hash.update(&part);
            Ok(())
        };
        take(input.as_mut())?;
        input.seek(SeekFrom::Start(bytes.saturating_sub(PROBE)))?;
        take(input.as_mut())?;
        Ok(Self { path: path.display().to_string(), bytes, sha256: hexadecimal(&hash.finalize()) })
    }

    /// Whether it is the same recording, wherever it lies.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (self.bytes, &self.sha256) == (other.bytes, &other.sha256)
    }
}

/// The hash of a plan: whatever decides which event has which number and where it goes.
#[must_use]
pub fn plan_hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hexadecimal(&hash.finalize())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where one partition of a channel is read back from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadBackFrom {
    /// The channel's address on the target.
    pub channel: String,
    /// The partition, where the target has partitions.
    pub partition: Option<i32>,
    /// The first offset that may hold an event of this run that is not settled.
    pub offset: u64,
}

/// A ledger as it stands in its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// The format: 1.
    #[serde(rename = "eddy_ledger")]
    pub version: u32,
    /// The run; events on the target carry it in the header `eddy-run`.
    pub run: String,
    /// When the run began, RFC 3339.
    pub started: String,
    /// When its schedule began, in microseconds since 1970; none before its first event was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_began_us: Option<i64>,
    /// The recording sent.
    pub archive: ArchiveIdentity,
    /// The hash of the plan.
    pub plan: String,
    /// What decides which events have a fault on purpose, where some have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The target, secrets masked.
    pub target: String,
    /// Events of the plan.
    pub planned: u64,
    /// Events that need not be sent again.
    pub settled: Settled,
    /// How many of them the target refused for good.
    pub refused: u64,
    /// Where the target is read back from.
    pub read_back: Vec<ReadBackFrom>,
    /// Events that may be handed over beyond the mark on disk, where the target keeps so few that it is not the usual number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u64>,
    /// Whether the run ended with everything settled.
    pub finished: bool,
    /// Whether the process that kept it last had every receipt, good or bad, when it ended: nothing was on its way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended_cleanly: bool,
}

/// Why a ledger cannot be used.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// It cannot be read.
    #[error("cannot read the ledger `{path}`: {reason}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It cannot be written.
    #[error("cannot write the ledger `{path}`: {reason}", path = path.display(), reason = atomic_file::reason(source))]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process keeps it.
    #[error(
        "the ledger `{path}` is kept by another process{number}",
        path = path.display(),
        number = process.map(|number| format!(", {number}")).unwrap_or_default()
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// The number of the process, when it is known.
        process: Option<u32>,
    },
    /// It is none, or one of a later version.
    #[error("`{path}` is no ledger of a replay: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It belongs to another run.
    #[error("the ledger `{path}` belongs to another {what}: {reason}", path = path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// `recording`, `plan` or `target`.
        what: &'static str,
        /// What differs.
        reason: String,
    },
}

impl Ledger {
    /// A ledger of a run that begins now.
    #[must_use]
    pub fn new(archive: ArchiveIdentity, plan: String, target: String, planned: u64) -> Self {
        Self {
            version: VERSION,
            run: uuid::Uuid::now_v7().to_string(),
            started: Timestamp::now().to_string(),
            schedule_began_us: None,
            archive,
            plan,
            seed: None,
            target,
            planned,
            settled: Settled::default(),
            refused: 0,
            read_back: Vec::new(),
            window: None,
            finished: false,
            ended_cleanly: false,
        }
    }

    /// Reads a ledger; none when there is no such file.
    ///
    /// # Errors
    /// [`LedgerError`], except for its last two kinds of use.
    pub fn read(path: &Path) -> Result<Option<Self>, LedgerError> {
        let unreadable = |error: &io::Error| LedgerError::Unreadable {
            path: path.into(),
            reason: atomic_file::reason(error),
        };
        let malformed = |reason: String| LedgerError::Malformed { path: path.into(), reason };
        let file = match std::fs::File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| unreadable(&error))?,
        };
        let mut text = String::new();
        file.take(LARGEST).read_to_string(&mut text).map_err(|error| unreadable(&error))?;
        let ledger: Self = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if ledger.version != VERSION {
            return Err(malformed(format!("its version {} is not known", ledger.version)));
        }
        Ok(Some(ledger))
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LedgerError> {
        let unwritable = |source| LedgerError::Unwritable { path: path.into(), source };
        let mut text = serde_json::to_vec(self).map_err(|error| unwritable(error.into()))?;
        text.push(b'\n');
        atomic_file::write(path, &text).map_err(unwritable)
    }

    /// Whether it is the ledger of this recording, plan and target.
    ///
    /// # Errors
    /// The first that differs.
    pub fn belongs_to(&self, path: &Path, other: &Self) -> Result<(), LedgerError> {
        let differs = |what, reason: String| Err(LedgerError::Other { path: path.into(), what, reason });
        if !self.archive.is(&other.archive) {
            let reason = format!("it was kept for `{}` of {} bytes", self.archive.path, self.archive.bytes);
            return differs("recording", reason);
        }
        if self.target != other.target {
            return differs("target", format!("it was kept for `{}`", self.target));
        }
        if self.plan != other.plan || self.planned != other.planned {
            let reason = "the selection or what is changed on the way is not the same".to_owned();
            return differs("plan", reason);
        }
        Ok(())
    }

    /// Where each channel and partition is read back from.
    pub(super) fn places(&self) -> BTreeMap<(String, Option<i32>), u64> {
        let places = self.read_back.iter();
        places.map(|each| ((each.channel.clone(), each.partition), each.offset)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{ArchiveIdentity, Ledger, LedgerError, plan_hash};

    fn ledger(path: &std::path::Path) -> Ledger {
        let archive = ArchiveIdentity::of(path).expect("a file");
        Ledger::new(archive, plan_hash(&["a", "b"]), "memory:x".to_owned(), 7)
    }

    #[test]
    fn a_ledger_is_read_as_written_and_knows_its_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let (archive, file) = (folder.path().join("day.ndjson"), folder.path().join("ledger"));
        std::fs::write(&archive, "one\n").expect("written");
        assert!(Ledger::read(&file).expect("no file").is_none());
        let mut kept = ledger(&archive);
        kept.settled.insert(3);
        kept.write(&file).expect("written");
        assert_eq!(Ledger::read(&file).expect("read").as_ref(), Some(&kept));
        assert!(kept.belongs_to(&file, &ledger(&archive)).is_ok());

        let other = Ledger { target: "memory:y".to_owned(), ..ledger(&archive) };
        let error = kept.belongs_to(&file, &other).expect_err("another target");
        assert!(matches!(error, LedgerError::Other { what: "target", .. }), "{error}");
        std::fs::write(&archive, "two\n").expect("written");
        let error = kept.belongs_to(&file, &ledger(&archive)).expect_err("another recording");
        assert!(matches!(error, LedgerError::Other { what: "recording", .. }), "{error}");
    }

    #[test]
    fn what_is_no_ledger_is_said_to_be_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ledger");
        for text in ["", "{}", "[1]", r#"{"eddy_ledger":2}"#] {
            std::fs::write(&file, text).expect("written");
            assert!(matches!(Ledger::read(&file), Err(LedgerError::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn parts_of_a_plan_do_not_run_into_each_other() {
        assert_ne!(plan_hash(&["ab", "c"]), plan_hash(&["a", "bc"]));
        assert_eq!(plan_hash(&["a"]), plan_hash(&["a"]));
    }
}
