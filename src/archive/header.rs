//! The first line of an archive: what was recorded, by whom, against which clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::VERSION;
use crate::event::Timestamp;

/// The facts of one recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Names the recording run.
    pub run: Uuid,
    /// When the recording began.
    pub created: Timestamp,
    /// The addresses recorded from, secrets masked.
    pub sources: Vec<String>,
    /// What the servers at these addresses call themselves or their cluster, where they say it.
    pub clusters: BTreeMap<String, String>,
    /// What `t` of the events means; `receive` is the clock of the recording machine at receipt.
    pub clock: String,
    /// The program that wrote it, with its version.
    pub recorder: String,
    /// The rules by which events were masked before they were written; never a key.
    pub mask: Option<serde_json::Value>,
}

impl Header {
    /// The header of a recording that begins now. Addresses must be masked already, as `Address` shows itself.
    #[must_use]
    pub fn new(sources: Vec<String>) -> Self {
        Self {
            run: Uuid::now_v7(),
            created: Timestamp::now(),
            sources,
            clusters: BTreeMap::new(),
            clock: "receive".to_owned(),
            recorder: concat!("eddy ", env!("CARGO_PKG_VERSION")).to_owned(),
            mask: None,
        }
    }

    /// Notes how the events were masked before this recording was made of them.
    pub fn masked_before(&mut self, mask: Option<serde_json::Value>) {
        let Some(before) = mask.filter(|before| self.mask.as_ref() != Some(before)) else { return };
        self.mask = Some(match self.mask.take() {
            None => before,
            Some(now) => match before {
                serde_json::Value::Array(mut all) => {
                    all.push(now);
                    all.into()
                }
                before => vec![before, now].into(),
            },
        });
    }

    /// Makes it also the header of what another one stands above: earlier beginning, all sources.
    pub(super) fn take_in(&mut self, other: &Self) {
        self.created = self.created.min(other.created);
        if self.mask != other.mask {
            // Whoever reads it must see that not all of it was masked alike.
            let mut masks = match self.mask.take() {
                Some(serde_json::Value::Array(masks)) => masks,
                other => vec![other.unwrap_or_default()],
            };
            let also = other.mask.clone().unwrap_or_default();
            if !masks.contains(&also) {
                masks.push(also);
            }
            self.mask = Some(masks.into());
        }
        for (source, cluster) in &other.clusters {
            self.clusters.entry(source.clone()).or_insert_with(|| cluster.clone());
        }
        for source in &other.sources {
            if !self.sources.contains(source) {
                self.sources.push(source.clone());
            }
        }
    }

    /// The header as one JSON line, without a newline.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let line = HeaderLine {
            eddy: KIND.to_owned(),
            version: u64::from(VERSION),
            run: self.run.to_string(),
            created: self.created.to_string(),
            sources: self.sources.clone(),
            clusters: self.clusters.clone(),
            clock: self.clock.clone(),
            recorder: self.recorder.clone(),
            mask: self.mask.clone(),
        };
        serde_json::to_vec(&line).unwrap_or_default()
    }

    /// Reads a line: `None` when it is no header at all, an error when it is one that cannot be used.
    pub(super) fn from_line(line: &[u8]) -> Option<Result<Self, HeaderProblem>> {
        let probe: Probe = serde_json::from_slice(line).ok()?;
        if probe.eddy.as_deref() != Some(KIND) {
            return None;
        }
        Some(match probe.version {
            Some(version) if version > u64::from(VERSION) => Err(HeaderProblem::Version(version)),
            _ => Self::from_known(line),
        })
    }

    fn from_known(line: &[u8]) -> Result<Self, HeaderProblem> {
        let line: HeaderLine =
            serde_json::from_slice(line).map_err(|error| HeaderProblem::Other(error.to_string()))?;
        if line.version == 0 {
            return Err(HeaderProblem::Other("`version` is 0".to_owned()));
        }
        let run = Uuid::parse_str(&line.run);
        let created: Result<Timestamp, _> = line.created.parse();
        Ok(Self {
            run: run.map_err(|error| HeaderProblem::Other(format!("`run`: {error}")))?,
            created: created.map_err(|error| HeaderProblem::Other(format!("`created`: {error}")))?,
            sources: line.sources,
            clusters: line.clusters,
            clock: line.clock,
            recorder: line.recorder,
            mask: line.mask,
        })
    }
}

/// Why a header cannot be used.
#[derive(Debug)]
pub(super) enum HeaderProblem {
    Version(u64),
    Other(String),
}

const KIND: &str = "archive";

#[derive(Deserialize)]
struct Probe {
    eddy: Option<String>,
    version: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct HeaderLine {
    eddy: String,
    version: u64,
    run: String,
    created: String,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    clusters: BTreeMap<String, String>,
    #[serde(default)]
    clock: String,
    #[serde(default)]
    recorder: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mask: Option<serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::{Header, HeaderProblem};

    #[test]
    fn a_joined_recording_says_which_masks_its_parts_had() {
        let with = |mask: Option<serde_json::Value>| Header { mask, ..Header::new(Vec::new()) };
        let mut joined = with(Some(serde_json::json!({"version": 1})));
        joined.take_in(&with(Some(serde_json::json!({"version": 1}))));
        assert_eq!(joined.mask, Some(serde_json::json!({"version": 1})));
        joined.take_in(&with(None));
        joined.take_in(&with(None));
        assert_eq!(joined.mask, Some(serde_json::json!([{"version": 1}, null])));
        assert!(matches!(Header::from_line(&joined.to_line()), Some(Ok(read)) if read == joined));
    }

    #[test]
    fn masks_of_a_copy_come_after_those_of_what_was_copied() {
        let (first, second) = (serde_json::json!({"version": 1}), serde_json::json!({"version": 2}));
        let mut copy = Header::new(Vec::new());
        copy.masked_before(None);
        assert_eq!(copy.mask, None);
        copy.masked_before(Some(first.clone()));
        copy.masked_before(Some(first.clone()));
        assert_eq!(copy.mask, Some(first.clone()));
        let mut masked = Header { mask: Some(second.clone()), ..Header::new(Vec::new()) };
        masked.masked_before(Some(first.clone()));
        assert_eq!(masked.mask, Some(serde_json::json!([first, second])));
    }

    #[test]
    fn a_header_reads_back_and_other_lines_are_none() {
        let mut header = Header::new(vec!["mqtt://me:***@host:1883/a".to_owned()]);
        header.clusters.insert("kafka://h:9092/a".to_owned(), "an-id".to_owned());
        let line = header.to_line();
        assert!(line.starts_with(br#"{"eddy":"archive","version":1,"run":"#));
        assert!(matches!(Header::from_line(&line), Some(Ok(read)) if read == header));
        assert!(Header::from_line(br#"{"n":1,"t":1,"src":"c","v":null}"#).is_none());
        let newer = br#"{"eddy":"archive","version":2}"#;
        assert!(matches!(Header::from_line(newer), Some(Err(HeaderProblem::Version(2)))));
        let broken = br#"{"eddy":"archive","version":1,"run":"x","created":"y"}"#;
        assert!(matches!(Header::from_line(broken), Some(Err(HeaderProblem::Other(_)))));
    }
}
