//! The list of the parts of one recording, with their hashes: written beside them, replaced whole with each part.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::writer::with_ending;
use super::{ArchiveError, EXTENSION, Header, PARTIAL_EXTENSION, storage};

/// How manifest names end.
pub const MANIFEST_EXTENSION: &str = ".manifest.json";

const KIND: &str = "manifest";
/// A manifest larger than this is not read; a million parts would fit.
const MOST_BYTES: u64 = 256 << 20;

/// What one recording consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `manifest`.
    pub eddy: String,
    /// 1.
    pub version: u64,
    /// The recording run all parts belong to.
    pub run: String,
    /// The addresses recorded from, secrets masked.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Whether the recording was ended and every part is listed.
    pub complete: bool,
    /// Events of all parts.
    pub events: u64,
    /// The parts in order.
    pub parts: Vec<Part>,
    /// Name of the part that is being written; a recording that was ended has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Name of its file, which lies beside the manifest.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Events in it.
    pub events: u64,
    /// Least and greatest number of its events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<(u64, u64)>,
    /// Least and greatest time of receipt, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<(i64, i64)>,
    /// The channel of all its events, where a recording was split by channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

impl Manifest {
    /// The manifest of a recording of which there is no part yet.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        Self {
            eddy: KIND.to_owned(),
            version: u64::from(super::VERSION),
            run: header.run.to_string(),
            sources: header.sources.clone(),
            complete: false,
            events: 0,
            parts: Vec::new(),
            open: None,
        }
    }

    /// Adds a part.
    pub fn push(&mut self, part: Part) {
        self.events += part.events;
        self.parts.push(part);
    }

    /// What is wrong with its counts, in words: a part that was taken out of the list is missed by the number of all events.
    #[must_use]
    pub fn miscount(&self) -> Option<String> {
        let listed = self.parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.events));
        (listed != self.events).then(|| {
            format!("the manifest counts {} in all, and {listed} in the parts it lists", counted(self.events))
        })
    }

    /// The names of the parts that lie beside the manifest at `path`, which does not list them.
    pub(super) fn unlisted(&self, path: &Path) -> Vec<String> {
        let mut unlisted = Vec::new();
        let mut number = 1;
        // One more than there should be, for what was taken off the end.
        while number <= self.parts.len() + unlisted.len() + 1 {
            let name = part_name(path, number);
            if !self.lists(&name) && storage::exists(&path.with_file_name(&name)) {
                unlisted.push(name);
            }
            number += 1;
        }
        unlisted
    }

    fn lists(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.file == name)
    }

    /// Reads a manifest; `None` when the file is something else.
    ///
    /// # Errors
    /// When it cannot be read, is broken, or is of a later version.
    pub fn read(path: &Path) -> Result<Option<Self>, ArchiveError> {
        let name = || path.display().to_string();
        if !is_manifest_name(path) {
            return Ok(None);
        }
        let mut text = Vec::new();
        let file = storage::open(path).map_err(|source| ArchiveError::Open { name: name(), source })?;
        let read = file.input.take(MOST_BYTES).read_to_end(&mut text);
        read.map_err(|source| ArchiveError::Read { name: name(), source })?;
        let broken = |reason: String| ArchiveError::Manifest { name: name(), reason };
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
        if manifest.eddy != KIND {
            return Err(broken(format!("`eddy` is `{}`, not `{KIND}`", manifest.eddy)));
        }
        if manifest.version > u64::from(super::VERSION) {
            return Err(ArchiveError::Version { name: name(), version: manifest.version });
        }
        // A name that leads elsewhere would make verification read files nobody meant.
        let is_plain = |part: &Part| Path::new(&part.file).file_name() == Some(part.file.as_ref());
        match manifest.parts.iter().find(|part| !is_plain(part)) {
            Some(part) => Err(broken(format!("`{}` is no plain file name", part.file))),
            None => Ok(Some(manifest)),
        }
    }

    /// Puts it in its place, whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ArchiveError> {
        let create = |source: io::Error| ArchiveError::Create { name: path.display().to_string(), source };
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| create(error.into()))?;
        text.push(b'\n');
        storage::replace(path, &text).map_err(create)
    }
}

/// A file of a recording in parts.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) path: PathBuf,
    /// What the manifest says about it; nothing of those that were not yet entered when the recording broke off.
    pub(super) part: Option<&'a Part>,
}

impl Manifest {
    /// The files of the recording whose manifest lies at `path`: those listed, and where it was not ended also the one
    /// that was being written.
    pub(super) fn members(&self, path: &Path) -> Vec<Member<'_>> {
        let listed = self.parts.iter();
        let mut members: Vec<Member<'_>> =
            listed.map(|part| Member { path: path.with_file_name(&part.file), part: Some(part) }).collect();
        if self.complete || self.parts.iter().any(|part| part.channel.is_some()) {
            return members;
        }
        // A part gets its name before the manifest tells of it.
        for number in self.parts.len() + 1.. {
            let name = part_name(path, number);
            // Where another was taken out of the list.
            if self.lists(&name) {
                continue;
            }
            let finished = path.with_file_name(name);
            let open = with_ending(&finished, PARTIAL_EXTENSION);
            match (storage::exists(&finished), storage::exists(&open)) {
                (true, _) => members.push(Member { path: finished, part: None }),
                (false, true) => {
                    members.push(Member { path: open, part: None });
                    break;
                }
                (false, false) => break,
            }
        }
        members
    }

    /// Parts by channel are recordings side by side: read one after another they would come in a wrong order.
    pub(super) fn refuse_channels(&self, path: &Path) -> Result<(), ArchiveError> {
        if self.parts.iter().any(|part| part.channel.is_some()) {
            return Err(ArchiveError::Channels { name: path.display().to_string() });
        }
        Ok(())
    }
}

/// How many events, in words.
pub(super) fn counted(events: u64) -> String {
    if events == 1 { "1 event".to_owned() } else { format!("{events} events") }
}

/// The name of a part, for a base name or that of the manifest.
pub(super) fn part_name(base: &Path, number: usize) -> String {
    format!("{}-{number:05}{EXTENSION}", stem(base))
}

/// Whether a split with this base name could give one of its parts the name of this file: `NAME-00001…` or, `by_channel`,
/// `NAME-` with any word. The folder does not count.
#[must_use]
pub fn is_part_of(base: &Path, file: &Path, by_channel: bool) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let word = name
        .strip_suffix(EXTENSION)
        .and_then(|name| name.strip_prefix(&stem(base)))
        .and_then(|rest| rest.strip_prefix('-'));
    word.is_some_and(|word| {
        by_channel || word.len() >= 5 && word.bytes().all(|letter| letter.is_ascii_digit())
    })
}

/// Whether a file of this name is a manifest by its ending.
#[must_use]
pub fn is_manifest_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(MANIFEST_EXTENSION))
}

/// Where the manifest of parts with this base name lies: `NAME.manifest.json` for `NAME.eddy.ndjson.zst`.
#[must_use]
pub fn manifest_path(base: &Path) -> PathBuf {
    base.with_file_name(format!("{}{MANIFEST_EXTENSION}", stem(base)))
}

/// The name without its ending.
pub(super) fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let endings = [EXTENSION, MANIFEST_EXTENSION, ".ndjson.zst", ".ndjson", ".jsonl", ".zst"];
    endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name).to_owned()
}

/// The files that a path stands for: those of a manifest, else the path itself.
///
/// # Errors
/// When it is a manifest that cannot be used.
pub fn files_of(path: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    Ok(match Manifest::read(path)? {
        Some(manifest) => manifest.members(path).into_iter().map(|member| member.path).collect(),
        None => vec![path.to_path_buf()],
    })
}

/// Bytes of a recording, be it a file or the parts of a manifest; 0 where nobody knows.
#[must_use]
pub fn recorded_bytes(path: &Path) -> u64 {
    files_of(path).unwrap_or_default().iter().map(|path| storage::length(path)).sum()
}

/// SHA-256 of a file, in hexadecimal, in flat memory.
pub(super) fn hash_of(path: &Path) -> io::Result<String> {
    let mut file = storage::open(path)?.input;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// Bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
