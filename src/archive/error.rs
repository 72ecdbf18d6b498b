//! What can go wrong with a recording: where in which file, and what to do next.

use std::io;
use std::path::Path;

use thiserror::Error;

use super::manifest::counted;
use super::storage::foreign_scheme;
use super::{PARTIAL_EXTENSION, is_object};
use crate::atomic_file;
use crate::diagnostic::quoted_file;
use crate::event::json_lines::{LineError, MAX_LINE};

/// A failure of reading or writing an archive. Frames and lines count from 1, bytes from 0.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The file cannot be opened.
    #[error("cannot open `{name}`: {source}")]
    Open {
        /// The file.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A part of a recording cannot be opened.
    #[error("cannot open `{name}`, a part of `{manifest}`: {source}")]
    Part {
        /// The file.
        name: String,
        /// The list of the parts.
        manifest: String,
        /// Why.
        source: io::Error,
    },
    /// Reading failed on the way.
    #[error("cannot read `{name}`: {source}")]
    Read {
        /// The file.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// Writing failed; everything up to the last closed frame stays readable.
    #[error("cannot write `{name}`: {}; the first {kept} events are safe in it", atomic_file::reason(source))]
    Write {
        /// The file.
        name: String,
        /// Events in closed frames.
        kept: u64,
        /// Why.
        source: io::Error,
    },
    /// Writing failed; what was in closed frames by then has become a whole archive.
    #[error(
        "cannot write more: {}; the first {kept} events are safe in `{name}`",
        atomic_file::reason(source)
    )]
    EndedEarly {
        /// The archive, or the list of its parts.
        name: String,
        /// Events in it.
        kept: u64,
        /// Why.
        source: io::Error,
    },
    /// Writing a part failed; all parts before it are whole, and it is up to its last closed frame.
    #[error(
        "cannot write the parts of `{manifest}`: {}; the first {kept} events are safe in them",
        atomic_file::reason(source)
    )]
    WriteParts {
        /// The list of the parts.
        manifest: String,
        /// Events in closed frames of all parts.
        kept: u64,
        /// Why.
        source: io::Error,
    },
    /// Writing an object failed; it does not come into being.
    #[error("cannot write `{name}`: {source}; an object that does not become whole leaves nothing{}", held(*kept))]
    Upload {
        /// The object.
        name: String,
        /// Events that would be in it.
        kept: u64,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("cannot create `{name}`: {}", why_not(name, source))]
    Create {
        /// The file.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The target exists and nobody asked to replace it.
    #[error("`{name}` is already there")]
    Exists {
        /// The file.
        name: String,
    },
    /// A recording of this name is being written, or was cut off.
    #[error("`{name}` is left from a recording that is still running or was cut off")]
    Unfinished {
        /// The partial file.
        name: String,
    },
    /// A recording without a single byte.
    #[error("`{name}` is empty: it is not a recording")]
    Empty {
        /// The file.
        name: String,
    },
    /// Neither zstd nor JSON lines.
    #[error("`{name}` is neither an archive nor event lines: it begins with {found}")]
    Foreign {
        /// The file.
        name: String,
        /// The first bytes, in hexadecimal.
        found: String,
    },
    /// The file ends inside a frame.
    #[error("`{name}` is cut off: frame {frame}, which begins at byte {offset}, is not whole")]
    Truncated {
        /// The file.
        name: String,
        /// Number of the frame.
        frame: u64,
        /// Where the frame begins.
        offset: u64,
    },
    /// The bytes of a frame are not what was written.
    #[error("`{name}` is damaged in frame {frame}, which begins at byte {offset}: {reason}")]
    Damaged {
        /// The file.
        name: String,
        /// Number of the frame.
        frame: u64,
        /// Where the frame begins.
        offset: u64,
        /// What the decoder said.
        reason: String,
    },
    /// A line is not an event.
    #[error("line {line} of `{name}` is not an event: {source}")]
    Line {
        /// The file.
        name: String,
        /// Number of the line.
        line: u64,
        /// What is wrong with it.
        source: LineError,
    },
    /// A line beyond [`MAX_LINE`].
    #[error("line {line} of `{name}` is longer than {} MiB", MAX_LINE >> 20)]
    LongLine {
        /// The file.
        name: String,
        /// Number of the line.
        line: u64,
    },
    /// An event whose line would be beyond [`MAX_LINE`].
    #[error("an event on `{channel}` takes {size} bytes as a line, more than the {} MiB of an archive", MAX_LINE >> 20)]
    LargeEvent {
        /// The channel of the event.
        channel: String,
        /// Bytes of its line.
        size: usize,
    },
    /// The window of a frame is larger than the memory we give to unpacking.
    #[error(
        "frame {frame} of `{name}`, which begins at byte {offset}, needs a window of more than 128 MiB to be unpacked"
    )]
    Window {
        /// The file.
        name: String,
        /// Number of the frame.
        frame: u64,
        /// Where the frame begins.
        offset: u64,
    },
    /// Neither the header nor one event of a damaged recording is whole.
    #[error("nothing of `{name}` can be kept: neither its header nor one event is whole")]
    NothingKept {
        /// The file.
        name: String,
    },
    /// Whoever watched has ended it.
    #[error("interrupted")]
    Interrupted,
    /// A header that cannot be used.
    #[error("the header of `{name}` cannot be used: {reason}")]
    Header {
        /// The file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A manifest that cannot be used.
    #[error("`{name}` is no manifest of a recording: {reason}")]
    Manifest {
        /// The file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Parts that are recordings side by side.
    #[error("`{name}` lists one part for each channel, which cannot be read one after another")]
    Channels {
        /// The manifest.
        name: String,
    },
    /// Input of another tool that could be from several.
    #[error("nobody can tell which tool wrote `{name}`")]
    UnknownImport {
        /// The input.
        name: String,
    },
    /// Input of another tool that names no channel.
    #[error("`{name}` does not say which channel its events are of: kaf writes no topic")]
    ImportChannel {
        /// The input.
        name: String,
    },
    /// Something that this build has not.
    #[error("this build of eddy has no {what}")]
    LeftOut {
        /// What is missing.
        what: &'static str,
    },
    /// More channels than files can be open.
    #[error("there are more than {most} channels, and each would be a file")]
    ManyChannels {
        /// How many are allowed.
        most: usize,
    },
    /// Written by a later format.
    #[error(
        "`{name}` is an archive of version {version}; this program reads up to version {}",
        super::VERSION
    )]
    Version {
        /// The file.
        name: String,
        /// The version found.
        version: u64,
    },
    /// The compressor refused; a defect of ours.
    #[error("cannot compress for `{name}`: {source}")]
    Compress {
        /// The file.
        name: String,
        /// Why.
        source: io::Error,
    },
}

impl ArchiveError {
    /// Whether the file is not there, or is nothing that could be read as a recording.
    pub(super) fn is_unreadable(&self) -> bool {
        match self {
            Self::Open { source, .. } | Self::Part { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Empty { .. } | Self::Foreign { .. } | Self::Window { .. } | Self::NothingKept { .. } => {
                true
            }
            _ => false,
        }
    }

    /// Whether a server with objects cannot be reached, takes nothing now, or does not let us in.
    #[must_use]
    pub fn is_about_a_server(&self) -> bool {
        match self {
            Self::Open { name, source }
            | Self::Part { name, source, .. }
            | Self::Read { name, source }
            | Self::Create { name, source }
            | Self::Upload { name, source, .. } => is_object(Path::new(name)) && is_about_a_server(source),
            _ => false,
        }
    }

    /// What to do next, where we know.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Open { name, source } | Self::Part { name, source, .. } | Self::Create { name, source }
                if is_object(Path::new(name)) =>
            {
                return object_help(source);
            }
            Self::Read { name, source } if is_object(Path::new(name)) && is_about_a_server(source) => {
                return object_help(source);
            }
            Self::Upload { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                return object_help(source);
            }
            _ => {}
        }
        self.help_of_files()
    }

    /// The same about a file that is listed as a part.
    pub(super) fn of_part(self, list: &Path) -> Self {
        let manifest = list.display().to_string();
        match self {
            Self::Open { name, source } => Self::Part { name, manifest, source },
            other => other,
        }
    }

    fn help_of_files(&self) -> Option<String> {
        match self {
            Self::Part { manifest, .. } => Some(format!(
                "put it back beside the manifest, or make a recording of what is there: `eddy archive repair {}`",
                quoted_file(manifest)
            )),
            Self::Upload { .. } => {
                Some("run the command again; `--rotate-size` or `--rotate-time` of `eddy record` writes parts that stay".to_owned())
            }
            Self::Open { source, name } | Self::Create { source, name }
                if source.kind() == io::ErrorKind::InvalidInput && foreign_scheme(Path::new(name)).is_some() =>
            {
                None
            }
            Self::Open { source, name } => open_help(name, source),
            Self::Create { source, .. } if source.kind() == io::ErrorKind::InvalidInput => {
                Some("name a file; `eddy archive cat` prints events to standard output".to_owned())
            }
            Self::Create { source, name } => Some(atomic_file::next_step(Path::new(name), source)),
            Self::Read { .. } | Self::Compress { .. } | Self::Interrupted => None,
            Self::Write { source, name, .. } if is_full(source) => {
                Some(format!("make room on the disk, then run `eddy archive repair {}`", quoted_file(name)))
            }
            Self::WriteParts { source, manifest, .. } => {
                let first = if is_full(source) { "make room on the disk, then run" } else { "run" };
                Some(format!("{first} `eddy archive repair {}`", quoted_file(manifest)))
            }
            Self::Write { name, .. } => Some(format!("run `eddy archive repair {}`", quoted_file(name))),
            Self::EndedEarly { source, .. } if is_full(source) => {
                Some("make room, and record what is missing under another name".to_owned())
            }
            Self::Exists { .. } => Some("`--force` replaces it".to_owned()),
            Self::Unfinished { name } => Some(format!(
                "run `eddy archive repair {}` to keep what it holds, or replace it with `--force`", quoted_file(name)
            )),
            _ => self.help_of_content(),
        }
    }

    /// As [`Self::help`], about what a file holds.
    fn help_of_content(&self) -> Option<String> {
        match self {
            Self::Empty { .. } => {
                Some("nothing was ever written to it: delete it, and record or copy it again".to_owned())
            }
            Self::Foreign { name, .. } if super::is_archive_name(Path::new(name)) => Some(format!(
                "if only its beginning is damaged, `eddy archive repair {}` keeps what is whole", quoted_file(name)
            )),
            Self::Foreign { .. } => {
                Some("an archive begins with a zstd frame, event lines begin with `{`".to_owned())
            }
            Self::Truncated { name, .. } | Self::Damaged { name, .. } if name == super::STANDARD_INPUT => {
                Some("write it to a file and run `eddy archive repair` on that".to_owned())
            }
            Self::Truncated { name, .. } | Self::Damaged { name, .. } => {
                Some(format!("run `eddy archive repair {}` to keep what is whole", quoted_file(name)))
            }
            Self::Line { .. } => Some(
                "an event line is like {\"src\":\"orders\",\"v\":\"{…}\"}; see `docs/archive.md`".to_owned(),
            ),
            Self::LongLine { .. } | Self::LargeEvent { .. } => {
                Some("keep large content elsewhere and send a reference to it".to_owned())
            }
            Self::Header { .. } => {
                Some("`eddy archive repair` writes the events anew under a fresh header".to_owned())
            }
            Self::Manifest { .. } => Some(
                "`eddy archive split` writes manifests; parts can also be verified by their own names"
                    .to_owned(),
            ),
            Self::Channels { name } => Some(format!(
                "`eddy archive merge {} --output ONE.eddy.ndjson.zst` makes one of them; parts can also be read by their \
                 own names", quoted_file(name)
            )),
            Self::UnknownImport { .. } => {
                Some("say it with `--from kcat`, `rpk`, `kaf`, `gor`, `har`, `nats-dump`, `avro`, `cloudevents`, `csv` or `parquet`".to_owned())
            }
            Self::LeftOut { .. } => {
                Some("build it with the feature `lake`: `cargo install eddy-cli --features lake`".to_owned())
            }
            Self::ImportChannel { .. } => Some("name it with `--channel TOPIC`".to_owned()),
            Self::ManyChannels { .. } => Some(
                "choose channels first: `eddy archive slice FILE --channel GLOB --output PART`".to_owned(),
            ),
            Self::Version { .. } => Some("use a newer eddy".to_owned()),
            Self::Window { name, .. } => Some(format!(
                "pack it anew with a smaller window: `zstd --decompress --long=31 --stdout {name} | zstd -o NEW.zst`"
            )),
            Self::NothingKept { .. } => Some("look for another copy of the recording".to_owned()),
            _ => None,
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn held(events: u64) -> String {
    if events == 0 { String::new() } else { format!(" of its {}", counted(events)) }
}

/// Why a file or object cannot be made; a server says it in its own words.
fn why_not(name: &str, source: &io::Error) -> String {
    if is_object(Path::new(name)) { source.to_string() } else { atomic_file::reason(source) }
}

fn is_about_a_server(source: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, PermissionDenied, ResourceBusy};
    matches!(source.kind(), HostUnreachable | PermissionDenied | ResourceBusy)
}

fn object_help(source: &io::Error) -> Option<String> {
    let words = match source.kind() {
        io::ErrorKind::NotFound => {
            "check bucket and name; `eddy record` and the commands of `eddy archive` write objects"
        }
        io::ErrorKind::HostUnreachable => {
            "`AWS_ENDPOINT_URL`, or `storage` of the environment, says where the server is"
        }
        io::ErrorKind::PermissionDenied => {
            "`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `storage` of the environment, say who we are; profiles in \
             `~/.aws` are not read"
        }
        io::ErrorKind::ResourceBusy => "run the command again in a while",
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => return None,
        _ => {
            "check the name of the bucket, and `AWS_ENDPOINT_URL` and `AWS_REGION`, or `storage` of the environment"
        }
    };
    Some(words.to_owned())
}

fn open_help(name: &str, source: &io::Error) -> Option<String> {
    let partial = format!("{name}{PARTIAL_EXTENSION}");
    match source.kind() {
        io::ErrorKind::NotFound if Path::new(&partial).is_file() => Some(format!(
            "`{partial}` is what was recorded until it was broken off: `eddy archive repair {}` finishes it",
            quoted_file(&partial)
        )),
        io::ErrorKind::NotFound => Some("check the path; `eddy record` writes archives".to_owned()),
        io::ErrorKind::PermissionDenied => Some("check the permissions of file and directory".to_owned()),
        io::ErrorKind::InvalidInput => Some("write it to a file first, and name that".to_owned()),
        _ => None,
    }
}
