//! Lines that lie ready, to be read on another thread than the one that reads the file.

use super::{Reader, Selection};
use crate::archive::ArchiveError;
use crate::event::json_lines::{self, Line};

/// Most lines of a block.
const MOST_LINES: usize = 512;
/// Most bytes of a block.
const MOST_BYTES: usize = 256 * 1024;
/// What is worth the way to another thread: so many lines, or so many bytes.
const FEWEST: (usize, usize) = (16, 16 * 1024);

/// The beginning of a header behind the end of another line; no event line begins so.
const HEADER_BEHIND: &[u8] = b"\n{\"eddy\":";

/// Whole lines of an archive, none of them a header.
pub struct Block {
    name: String,
    text: Vec<u8>,
    /// The number of the first line in its file, from 1.
    first: u64,
    selection: Selection,
}

impl Reader {
    /// Lines that lie ready behind the one read last; none where there are few, or where the next one is to be read in its
    /// turn. Nothing is read from the file.
    #[must_use]
    pub fn next_block(&mut self) -> Option<Block> {
        // The first line of a file may be a header, and lines of a file without one get their time when they are read.
        if self.header.is_none() || self.first.is_some() || self.line_number == 0 {
            return None;
        }
        let ready = &self.text[self.begin..self.trusted];
        let ready = &ready[..ready.len().min(MOST_BYTES)];
        if ready.starts_with(&HEADER_BEHIND[1..]) {
            return None;
        }
        let ready = memchr::memmem::find(ready, HEADER_BEHIND).map_or(ready, |newline| &ready[..=newline]);
        let ends = memchr::memchr_iter(b'\n', ready).take(MOST_LINES);
        let (lines, end) = ends.fold((0, 0), |(lines, _), newline| (lines + 1, newline + 1));
        if lines < FEWEST.0 && end < FEWEST.1 {
            return None;
        }
        let block = Block {
            name: self.frames.name().to_owned(),
            text: ready[..end].to_owned(),
            first: self.line_number + 1,
            selection: self.selection,
        };
        self.line_number += lines as u64;
        self.text_bytes += end as u64;
        self.begin += end;
        self.searched = self.begin;
        Some(block)
    }

    /// Whether more can be read without waiting for somebody to write it.
    #[must_use]
    pub fn is_of_a_file(&self) -> bool {
        self.is_of_a_file
    }
}

impl Block {
    /// Bytes of its text.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Its events that are wanted, in order. After an error there is nothing more.
    ///
    /// # Errors
    /// At a line that is no event.
    #[must_use]
    pub fn lines(&self) -> Vec<Result<Line, ArchiveError>> {
        let mut found = Vec::with_capacity(MOST_LINES);
        for (number, line) in (self.first..).zip(self.text.split_inclusive(|byte| *byte == b'\n')) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match json_lines::decode(line, None) {
                Ok(line) if self.selection.wants(line.number, &line.event) => found.push(Ok(line)),
                Ok(_) => {}
                Err(source) => {
                    let name = self.name.clone();
                    found.push(Err(ArchiveError::Line { name, line: number, source }));
                    break;
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::archive::{ArchiveError, Header, Reader, Writer, WriterOptions};
    use crate::event::{Event, Timestamp};

    fn archive(directory: &std::path::Path, events: i64) -> std::path::PathBuf {
        let path = directory.join("a.eddy.ndjson.zst");
        let mut writer =
            Writer::create(&path, &Header::new(Vec::new()), WriterOptions::default()).expect("begun");
        for number in 0..events {
            let event = Event { received: Timestamp(number), ..Event::new("a", number.to_string()) };
            writer.write(&event).expect("written");
        }
        writer.finish().expect("finished");
        path
    }

    #[test]
    fn blocks_and_lines_together_are_the_archive() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = archive(directory.path(), 5000);
        let mut one_by_one = Reader::open(&path).expect("open");
        let expected: Vec<_> = one_by_one.by_ref().map(|line| line.expect("a line")).collect();
        let mut reader = Reader::open(&path).expect("open");
        let (mut found, mut blocks) = (Vec::new(), 0);
        loop {
            if let Some(block) = reader.next_block() {
                blocks += 1;
                found.extend(block.lines().into_iter().map(|line| line.expect("a line")));
            } else if let Some(line) = reader.next_line().expect("a line") {
                found.push(line);
            } else {
                break;
            }
        }
        assert!(blocks >= 9 && found == expected, "{blocks}");
        assert_eq!(
            (reader.line_number(), reader.text_bytes()),
            (one_by_one.line_number(), one_by_one.text_bytes())
        );
    }

    #[test]
    fn a_line_that_is_no_event_ends_its_block_under_its_number() {
        let header = String::from_utf8(Header::new(Vec::new()).to_line()).expect("text");
        let mut lines = vec![header];
        lines.extend((1..=200).map(|number| format!("{{\"n\":{number},\"t\":1,\"src\":\"a\",\"v\":\"\"}}")));
        lines[100] = "nonsense".to_owned();
        let text = lines.join("\n") + "\n";
        let packed = zstd::encode_all(text.as_bytes(), 1).expect("packed");
        let mut reader = Reader::from_stream("x", Box::new(std::io::Cursor::new(packed))).expect("open");
        assert_eq!(reader.next_line().expect("a line").expect("one").number, Some(1));
        let mut found = reader.next_block().expect("a block").lines();
        assert!(matches!(found.pop(), Some(Err(ArchiveError::Line { line: 101, .. }))));
        assert_eq!(found.len(), 98);
    }
}
