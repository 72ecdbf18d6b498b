//! One archive into one file per channel, all open at once, in bounded memory.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::manifest::{Manifest, Part, manifest_path, stem};
use super::parts::{part, remove, remove_stale, stale_parts};
use super::{ArchiveError, EXTENSION, Header, Record, Summary, Writer, WriterOptions, storage};

/// Files that may be open at once: most systems allow a program 1,024.
pub const MOST_CHANNELS: usize = 500;
/// Text that may lie in open frames of all files together.
const MOST_TEXT: usize = 32 * 1024 * 1024;

/// Writes `NAME-CHANNEL.eddy.ndjson.zst` for each channel, and a manifest.
pub struct ChannelWriter {
    base: PathBuf,
    header: Header,
    options: WriterOptions,
    places: HashMap<String, usize>,
    open: Vec<OpenChannel>,
    names: BTreeSet<String>,
    text: usize,
    /// Parts of an earlier split of the same name.
    stale: Vec<Part>,
}

struct OpenChannel {
    channel: String,
    name: String,
    writer: Writer,
    last_number: u64,
}

impl ChannelWriter {
    /// Files lie beside `base`, which gives the name and is never written itself.
    ///
    /// # Errors
    /// When there is a manifest of the name already.
    pub fn create(base: &Path, header: &Header, options: WriterOptions) -> Result<Self, ArchiveError> {
        storage::refuse_standard(base)
            .map_err(|source| ArchiveError::Create { name: base.display().to_string(), source })?;
        let manifest = manifest_path(base);
        if storage::exists(&manifest) && !options.overwrite {
            return Err(ArchiveError::Exists { name: manifest.display().to_string() });
        }
        let stale = stale_parts(&manifest, options);
        Ok(Self {
            stale,
            base: base.to_path_buf(),
            header: header.clone(),
            options: WriterOptions { hash: true, spare: true, ..options },
            places: HashMap::new(),
            open: Vec::new(),
            names: BTreeSet::new(),
            text: 0,
        })
    }

    /// Takes an event under its number; one that is not higher than the last of its channel gets the next one.
    ///
    /// # Errors
    /// When there are more than [`MOST_CHANNELS`], or a file cannot be made or written.
    pub fn write_record(&mut self, record: &Record, number: u64) -> Result<(), ArchiveError> {
        let place = match self.places.get(record.event().channel.as_str()) {
            Some(place) => *place,
            None => self.begin(&record.event().channel)?,
        };
        let open = &mut self.open[place];
        let number = number.max(open.last_number + 1);
        let before = open.writer.open_bytes();
        open.writer.write_record(record, number)?;
        open.last_number = number;
        let after = open.writer.open_bytes();
        self.text = (self.text + after).saturating_sub(before);
        if self.text > MOST_TEXT {
            self.flush_largest()?;
        }
        Ok(())
    }

    fn begin(&mut self, channel: &str) -> Result<usize, ArchiveError> {
        let place = self.open.len();
        if place >= MOST_CHANNELS {
            return Err(ArchiveError::ManyChannels { most: MOST_CHANNELS });
        }
        let name = self.name_for(channel);
        let path = self.base.with_file_name(&name);
        let writer = Writer::create(&path, &self.header, self.options)?;
        self.open.push(OpenChannel { channel: channel.to_owned(), name, writer, last_number: 0 });
        self.places.insert(channel.to_owned(), place);
        Ok(place)
    }

    /// A file name for a channel: what a file system could mind becomes `_`, and equal names get a number.
    fn name_for(&mut self, channel: &str) -> String {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
        let word: String =
            channel.chars().take(100).map(|letter| if plain(letter) { letter } else { '_' }).collect();
        let stem = stem(&self.base);
        let mut name = format!("{stem}-{word}{EXTENSION}");
        let mut count = 1;
        // Some file systems do not tell upper case from lower.
        while !self.names.insert(name.to_lowercase()) {
            count += 1;
            name = format!("{stem}-{word}~{count}{EXTENSION}");
        }
        name
    }

    fn flush_largest(&mut self) -> Result<(), ArchiveError> {
        if let Some(open) = self.open.iter_mut().max_by_key(|open| open.writer.open_bytes()) {
            self.text = self.text.saturating_sub(open.writer.open_bytes());
            open.writer.flush()?;
        }
        Ok(())
    }

    /// Gives every file its name and writes the manifest; after a failure nothing stays.
    ///
    /// # Errors
    /// When one of them cannot be finished.
    pub fn finish(self) -> Result<(Summary, Manifest), ArchiveError> {
        let mut manifest = Manifest::new(&self.header);
        let mut totals = Summary::default();
        let mut failure = None;
        for open in self.open {
            if failure.is_some() {
                open.writer.discard();
                continue;
            }
            match open.writer.finish_or_discard() {
                Ok(summary) => {
                    totals.events += summary.events;
                    totals.text_bytes += summary.text_bytes;
                    totals.file_bytes += summary.file_bytes;
                    manifest.push(part(open.name, summary, Some(open.channel)));
                }
                Err(error) => failure = Some(error),
            }
        }
        manifest.complete = true;
        let written = failure.map_or_else(|| manifest.write(&manifest_path(&self.base)), Err);
        if let Err(error) = written {
            remove(&self.base, &manifest);
            return Err(error);
        }
        remove_stale(&self.base, &self.stale, &manifest);
        Ok((totals, manifest))
    }

    /// Gives everything up.
    pub fn discard(self) {
        for open in self.open {
            open.writer.discard();
        }
    }
}
