//! Recordings and traces as inputs of `eddy graph`: who was seen on which channel.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::archive::{Reader, is_archive_name, is_manifest_name, open_bytes};
use crate::diagnostic::Diagnostic;
use crate::endpoint::Address;
use crate::source_text::Position;
use crate::topology::sightings::Sightings;
use crate::topology::spans::{self, Passed, is_spans};
use crate::topology::{EvidenceKind, SourceFile};

use super::observing::protocol;

/// A recording or a trace cannot be read to its end.
const BROKEN: &str = "ED6002";

/// What a compressed recording begins with.
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Which of the two a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An archive of eddy.
    Archive,
    /// Spans as OTLP JSON.
    Spans,
}

/// What kind of recording a file is, by its name and first bytes; `None` when it is none.
pub(super) fn kind(path: &Path, beginning: &[u8]) -> Option<Kind> {
    let is_lines = beginning.starts_with(b"{\"eddy\":");
    if is_archive_name(path) || is_manifest_name(path) || beginning.starts_with(&ZSTD) || is_lines {
        return Some(Kind::Archive);
    }
    is_spans(&String::from_utf8_lossy(beginning)).then_some(Kind::Spans)
}

/// What one file shows, and what is wrong with it.
pub(super) struct Recording {
    pub source: SourceFile,
    pub sightings: Sightings,
    pub fault: Option<Diagnostic>,
    /// What was passed over, in words.
    pub remark: Option<String>,
}

impl Recording {
    /// Reads a file of a kind. What came before a fault counts.
    pub(super) fn read(path: &Path, kind: Kind) -> Self {
        let name = path.to_string_lossy().replace('\\', "/");
        let mut sightings = Sightings::default();
        let (fault, remark) = match kind {
            Kind::Archive => {
                (archive(path, &mut sightings).err().map(|error| (error.to_string(), None)), None)
            }
            Kind::Spans => match File::open(path) {
                Ok(file) => outcome(spans::read(BufReader::new(file), &mut sightings)),
                Err(error) => (Some((format!("cannot read it: {error}"), None)), None),
            },
        };
        let sha256 = open_bytes(path).and_then(|opened| digest(opened.input)).unwrap_or_default();
        Self::new(&name, kind, sightings, fault, remark, sha256)
    }

    /// Reads spans out of a text.
    pub(super) fn of_text(name: &str, text: &str) -> Self {
        let mut sightings = Sightings::default();
        let (fault, remark) = outcome(spans::read(text.as_bytes(), &mut sightings));
        let sha256 = digest(text.as_bytes()).unwrap_or_default();
        Self::new(name, Kind::Spans, sightings, fault, remark, sha256)
    }

    fn new(
        name: &str,
        kind: Kind,
        sightings: Sightings,
        fault: Option<Fault>,
        remark: Option<String>,
        sha256: String,
    ) -> Self {
        let (kind, help) = match kind {
            Kind::Archive => {
                (EvidenceKind::Archive, "`eddy archive verify` says more, `eddy archive repair` mends it")
            }
            Kind::Spans => (EvidenceKind::OtelSpan, "each line is an object as the file exporter writes it"),
        };
        let fault = fault.map(|(words, position)| {
            let mut finding = Diagnostic::about_file(BROKEN, &words, name);
            finding.position = position;
            finding.help(format!("what came before it is in the graph; {help}"))
        });
        let source = SourceFile { path: name.to_owned(), kind, version: None, sha256, observation: None };
        Self { source, sightings, fault, remark: remark.map(|words| format!("`{name}`: {words}")) }
    }
}

/// What is wrong, and where if that is known.
type Fault = (String, Option<Position>);

fn outcome(read: Result<Passed, serde_json::Error>) -> (Option<Fault>, Option<String>) {
    match read {
        Ok(passed) => (None, remark(&passed)),
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
            let column = u32::try_from(error.column()).unwrap_or(u32::MAX);
            let words = error.to_string();
            let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
            let at = (line > 0).then_some(Position { line, column, offset: 0 });
            (Some((format!("not OTLP JSON: {words}"), at)), None)
        }
    }
}

fn remark(passed: &Passed) -> Option<String> {
    if passed.messaging == 0 {
        let words = "no span is about messages: none has `messaging.system`";
        return Some(format!("{words} ({} spans)", passed.spans));
    }
    let left_out = [
        (passed.unclear, "do not say where or whose they are"),
        (passed.temporary, "are about answers to one request"),
    ];
    let parts: Vec<String> = left_out
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} of {} spans about messages {words}", passed.messaging))
        .collect();
    (!parts.is_empty()).then(|| format!("{} and are left out", parts.join(", ")))
}

fn archive(path: &Path, sightings: &mut Sightings) -> Result<(), crate::archive::ArchiveError> {
    let mut reader = Reader::open(path)?;
    let protocols = reader.header().map(|header| protocols(&header.sources)).unwrap_or_default();
    while let Some(line) = reader.next_line()? {
        sightings.recorded(&line.event, &protocols);
    }
    Ok(())
}

/// The protocols of the systems that a recording is of, each once.
fn protocols(sources: &[String]) -> Vec<String> {
    let mut protocols: Vec<String> = Vec::new();
    for source in sources {
        let known = Address::parse(source).ok().map(|address| protocol(&address));
        // What came out of another file is of a system that the file does not name here.
        if let Some(known) =
            known.filter(|known| *known != "file" && !protocols.iter().any(|one| one == known))
        {
            protocols.push(known.to_owned());
        }
    }
    protocols
}

/// SHA-256 in hexadecimal digits.
fn digest(mut text: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = text.read(&mut piece)?;
        if count == 0 {
            break;
        }
        hasher.update(&piece[..count]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
