//! Whether a recording is whole: frames and their checksums, lines, numbers, index and seek table against the content.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use super::contents::{self, ChannelContents, Contents, Totals};
use super::frame_reader::SeenFrame;
use super::index::{FrameEntry, Index, read_trailer};
use super::loss::{Expected, LossTracker, LostRange};
use super::{ArchiveError, Reader, Watch, is_recording_name, storage, told};
use crate::event::json_lines::Line;

/// Findings that are listed one by one; beyond them they are only counted.
const MAX_FINDINGS: usize = 100;

/// What was looked at and found, as `eddy archive verify --format json` prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The file.
    pub file: String,
    /// Whole frames, skippable ones included; 0 for plain lines.
    pub frames: u64,
    /// Events that can be read.
    pub events: u64,
    /// Numbers left out between events, which is no fault: parts of a recording have them. A manifest counts those between its
    /// parts and within them.
    pub gaps: u64,
    /// An index and a seek table are there and fit.
    pub indexed: bool,
    /// Events that are lost, in order.
    pub lost: Vec<LostRange>,
    /// What is wrong, the first hundred.
    pub findings: Vec<Finding>,
    /// How much is wrong in all.
    pub finding_count: u64,
    /// Of a recording in parts: parts that are there and not whole, each with findings of its own.
    #[serde(skip_serializing_if = "is_zero")]
    pub damaged_parts: u64,
    /// Least and greatest number and time of receipt of the events that can be read.
    #[serde(skip)]
    pub(super) held: Expected,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde calls it in")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `cut-off`, `damaged-frame`, `bad-line`, `bad-header`, `number-order`, `no-index`, `wrong-index` or `empty`; of a
    /// recording in parts also `missing-part`, `open-part`, `wrong-hash`, `wrong-count`, `unlisted-part`,
    /// `not-an-archive` or `unfinished`.
    pub kind: &'static str,
    /// Number of the frame, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<u64>,
    /// First byte of the frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Number of the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong, in words.
    pub message: String,
}

impl Finding {
    pub(super) fn of_file(kind: &'static str, message: String) -> Self {
        Self { kind, frame: None, offset: None, line: None, message }
    }

    fn of_frame(kind: &'static str, frame: u64, offset: u64, message: String) -> Self {
        Self { kind, frame: Some(frame), offset: Some(offset), line: None, message }
    }

    fn of_line(kind: &'static str, line: u64, message: String) -> Self {
        Self { kind, frame: None, offset: None, line: Some(line), message }
    }
}

/// What the lines came to.
#[derive(Default)]
struct Content {
    /// By the first byte of the frame.
    frames: BTreeMap<u64, FrameContent>,
    totals: Totals,
    /// The place of each channel in the totals.
    places: HashMap<String, usize>,
}

impl Content {
    fn note(&mut self, at: u64, line: &Line) {
        note(self.frames.entry(at).or_default(), line);
        let channel = line.event.channel.as_str();
        let next = self.places.len();
        let place = match self.places.get(channel) {
            Some(place) => *place,
            None => *self.places.entry(channel.to_owned()).or_insert(next),
        };
        self.totals.note(place, &line.event);
    }

    /// Least and greatest number and time of receipt of all events.
    fn held(&self) -> Expected {
        let mut held = Expected::default();
        for FrameContent { entry, .. } in self.frames.values() {
            for number in entry.n.into_iter().flat_map(|(least, greatest)| [least, greatest]) {
                widen(&mut held.numbers, number);
            }
            for time in entry.t.into_iter().flat_map(|(least, greatest)| [least, greatest]) {
                widen(&mut held.times, time);
            }
        }
        held
    }

    /// Whether these totals, with the channels in this order, are what was read.
    fn has_totals(&self, contents: &Contents, channels: &[String]) -> bool {
        let found = self.totals.contents();
        let by_name = channels.iter().zip(&contents.channels);
        let is_found = |(name, channel): (&String, &ChannelContents)| {
            self.places.get(name).and_then(|place| found.channels.get(*place)) == Some(channel)
        };
        let lengths = [channels.len(), contents.channels.len(), found.channels.len()];
        // A program that does not note the names of facts is none the worse for it.
        let facts = |of: &Contents| of.facts.clone().filter(|_| contents.facts.is_some());
        let without_channels =
            |of: &Contents| Contents { channels: Vec::new(), facts: facts(of), ..of.clone() };
        lengths.windows(2).all(|pair| pair[0] == pair[1])
            && by_name.into_iter().all(is_found)
            && without_channels(contents) == without_channels(found)
    }
}

#[derive(Default)]
struct FrameContent {
    entry: FrameEntry,
    channels: BTreeMap<String, u64>,
}

/// Reads a whole file and compares everything that can be compared; goes on behind what is damaged.
///
/// # Errors
/// Only when the file cannot be read at all, or the watch ends it; what is wrong with its content are findings.
pub fn verify(path: &Path, watch: Watch) -> Result<Verification, ArchiveError> {
    verify_expecting(path, None, watch)
}

/// As [`verify`], with what a manifest says the file should hold.
pub(super) fn verify_expecting(
    path: &Path,
    expected: Option<Expected>,
    watch: Watch,
) -> Result<Verification, ArchiveError> {
    let mut verification = Verification { file: path.display().to_string(), ..Verification::default() };
    let mut reader = match Reader::open_unread(path, true) {
        Err(ArchiveError::Empty { .. }) => {
            verification.find(Finding::of_file("empty", "there is not a single byte in it".to_owned()));
            verification.lost = LossTracker::default().end(None, true, expected);
            return Ok(verification);
        }
        opened => opened?,
    };
    reader.frames().watch_frames();
    let data_end = reader.data_end()?;
    let mut losses = LossTracker::default();
    let mut content = Content::default();
    let mut last_number = None;
    let mut foreign = None;
    loop {
        let read = reader.next_line();
        let (_, at) = reader.frames().position();
        match read {
            Ok(None) => break,
            Ok(Some(line)) => {
                verification.check_number(&line, &mut last_number, reader.line_number());
                losses.event(at, line.number, line.event.received.0);
                content.note(at, &line);
                verification.events += 1;
                told(watch, reader.file_bytes(), verification.events)?;
            }
            Err(error @ (ArchiveError::Foreign { .. } | ArchiveError::Window { .. }))
                if foreign.is_none() =>
            {
                verification.find(strange(&error));
                losses.broke();
                foreign = Some(error);
                reader.go_on()?;
            }
            Err(error) => {
                // Behind the last line there is nothing to lose but the index.
                if data_end.is_none_or(|end| at < end) {
                    losses.broke();
                }
                verification.take(error, &mut reader)?;
            }
        }
    }
    if let Some(error) = foreign.filter(|_| verification.events == 0 && reader.header().is_none()) {
        return Err(error);
    }
    verification.end(path, reader, &content, losses, expected)?;
    Ok(verification)
}

/// What others wrote, unless whole frames follow: then it is damage.
fn strange(error: &ArchiveError) -> Finding {
    let (frame, offset, words) = match error {
        ArchiveError::Window { frame, offset, .. } => {
            (*frame, *offset, "it needs a window of more than 128 MiB to be unpacked")
        }
        _ => (1, 0, "no zstd frame begins here"),
    };
    Finding::of_frame("damaged-frame", frame, offset, words.to_owned())
}

fn note(content: &mut FrameContent, line: &Line) {
    let entry = &mut content.entry;
    entry.count += 1;
    if let Some(number) = line.number {
        widen(&mut entry.n, number);
    }
    widen(&mut entry.t, line.event.received.0);
    if let Some(broker_time) = line.event.broker_time {
        widen(&mut entry.ts, broker_time.time.0);
    }
    *content.channels.entry(line.event.channel.to_string()).or_default() += 1;
}

fn widen<T: Copy + Ord>(range: &mut Option<(T, T)>, value: T) {
    *range = Some(range.map_or((value, value), |(least, greatest)| (least.min(value), greatest.max(value))));
}

impl Verification {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.finding_count == 0 && self.damaged_parts == 0
    }

    pub(super) fn find(&mut self, finding: Finding) {
        self.finding_count += 1;
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Holds what was read against the index, and tells what is lost.
    fn end(
        &mut self,
        path: &Path,
        mut reader: Reader,
        content: &Content,
        losses: LossTracker,
        expected: Option<Expected>,
    ) -> Result<(), ArchiveError> {
        let seen = reader.frames().seen().to_vec();
        self.frames = seen.len() as u64;
        self.held = content.held();
        // The damage may have taken the header.
        let was_ours = self.finding_count > 0 && (expected.is_some() || is_recording_name(path));
        let is_ours = reader.header().is_some() || was_ours;
        let owes_index = is_ours && reader.is_compressed();
        let index = if reader.is_compressed() { reader.any_index()? } else { None };
        // Plain lines and what other programs compressed owe nobody an index.
        if owes_index {
            self.check_index(path, &mut reader, &seen, content)?;
        }
        let is_cut = owes_index && reader.data_end()?.is_none();
        self.lost = losses.end(index.as_ref(), is_cut, expected);
        Ok(())
    }

    fn take(&mut self, error: ArchiveError, reader: &mut Reader) -> Result<(), ArchiveError> {
        let finding = match error {
            ArchiveError::Damaged { frame, offset, reason, .. } => {
                reader.go_on()?;
                Finding::of_frame("damaged-frame", frame, offset, reason)
            }
            error @ ArchiveError::Window { .. } => {
                reader.go_on()?;
                strange(&error)
            }
            ArchiveError::Truncated { frame, offset, .. } if reader.go_on_behind()? => {
                let words = "it would end behind the end of the file, and whole frames follow";
                Finding::of_frame("damaged-frame", frame, offset, words.to_owned())
            }
            ArchiveError::Truncated { frame, offset, .. } => {
                reader.trust_whole_lines();
                Finding::of_frame("cut-off", frame, offset, "the file ends inside this frame".to_owned())
            }
            ArchiveError::Line { line, source, .. } => Finding::of_line("bad-line", line, source.to_string()),
            ArchiveError::LongLine { line, .. } => {
                reader.go_on_behind_line()?;
                Finding::of_line("bad-line", line, "longer than a line may be".to_owned())
            }
            ArchiveError::Header { reason, .. } => Finding::of_line("bad-header", 1, reason),
            other => return Err(other),
        };
        self.find(finding);
        Ok(())
    }

    fn check_number(&mut self, line: &Line, last: &mut Option<u64>, line_number: u64) {
        let Some(number) = line.number else {
            return;
        };
        match *last {
            Some(before) if number <= before => {
                let words = format!("event {number} comes after event {before}");
                self.find(Finding::of_line("number-order", line_number, words));
            }
            Some(before) => self.gaps += number - before - 1,
            None => {}
        }
        *last = Some(number);
    }

    fn check_index(
        &mut self,
        path: &Path,
        reader: &mut Reader,
        seen: &[SeenFrame],
        content: &Content,
    ) -> Result<(), ArchiveError> {
        let name = path.display().to_string();
        let unreadable = |source| ArchiveError::Read { name: name.clone(), source };
        let mut changed = Vec::new();
        let trailer = match reader.frames().file() {
            Some(file) => {
                let trailer = read_trailer(file).map_err(unreadable)?;
                // Of an object every byte would have to come over the network once more.
                if let Some(Ok(index)) = trailer.as_ref().filter(|_| !storage::is_object(path)) {
                    let wrong = contents::check(file, index, |_| true).map_err(unreadable)?;
                    changed = wrong.unwrap_or_default();
                }
                trailer
            }
            None => None,
        };
        let damaged: Vec<u64> = self.findings.iter().filter_map(|finding| finding.offset).collect();
        let kind = if trailer.is_none() { "no-index" } else { "wrong-index" };
        let problems = match trailer {
            None => vec![(
                None,
                "the file has no seek table at its end: the recording was not finished".to_owned(),
            )],
            Some(Err(reason)) => vec![(None, reason)],
            Some(Ok(index)) => {
                let mut problems = compare(&index, seen, &content.frames, &damaged);
                let is_sound = |at: &u64| !damaged.contains(at);
                let words = "the index is wrong about this frame: its checksum differs";
                problems.extend(changed.into_iter().filter(is_sound).map(|at| (Some(at), words.to_owned())));
                let totals = index.contents.as_ref().filter(|_| self.findings.is_empty());
                if totals.is_some_and(|totals| !content.has_totals(totals, &index.channels)) {
                    problems.push((None, "the totals in the index differ".to_owned()));
                }
                problems
            }
        };
        self.indexed = problems.is_empty();
        for (offset, message) in problems {
            self.find(Finding { kind, frame: None, offset, line: None, message });
        }
        Ok(())
    }
}

/// Everything in which index and content differ, apart from frames found damaged: the frame's first byte, words.
fn compare(
    index: &Index,
    seen: &[SeenFrame],
    content: &BTreeMap<u64, FrameContent>,
    damaged: &[u64],
) -> Vec<(Option<u64>, String)> {
    let mut problems = Vec::new();
    let mut found: BTreeMap<u64, &SeenFrame> =
        seen.iter().filter(|frame| frame.text.is_some()).map(|frame| (frame.at, frame)).collect();
    let nothing = FrameContent::default();
    for listed in &index.frames {
        let words = match found.remove(&listed.at) {
            Some(frame) => difference(index, listed, frame, content.get(&frame.at).unwrap_or(&nothing)),
            None if damaged.contains(&listed.at) => None,
            None => Some("it is not there"),
        };
        if let Some(words) = words {
            problems.push((Some(listed.at), format!("the index is wrong about this frame: {words}")));
        }
    }
    for at in found.into_keys() {
        problems.push((Some(at), "the index does not list this frame".to_owned()));
    }
    let listed: u64 = index.frames.iter().map(|frame| frame.count).sum();
    if index.events != listed {
        problems.push((None, format!("the index counts {} events, {listed} in its frames", index.events)));
    }
    problems
}

fn difference(
    index: &Index,
    listed: &FrameEntry,
    frame: &SeenFrame,
    found: &FrameContent,
) -> Option<&'static str> {
    let entry = &found.entry;
    let counted = listed
        .channels
        .iter()
        .map(|(place, count)| (index.channels.get(*place as usize).map_or("", String::as_str), *count));
    let counted: BTreeMap<&str, u64> = counted.collect();
    let channels_fit = !index.channels_complete
        || counted == found.channels.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    match () {
        () if listed.len != frame.len => Some("its length differs"),
        () if Some(listed.text) != frame.text => Some("its length as text differs"),
        () if listed.count != entry.count => Some("it holds another number of events"),
        () if listed.n != entry.n => Some("the numbers of its events differ"),
        () if listed.t != entry.t => Some("the times of receipt differ"),
        () if listed.ts != entry.ts => Some("the broker's times differ"),
        () if !channels_fit => Some("the counts by channel differ"),
        () => None,
    }
}
