//! The recording format: frames, index, crash repair. It knows events, not endpoints or contracts.
//!
//! `NAME.eddy.ndjson.zst`: a header line, then one event per line (see [`crate::event::json_lines`]), in independent
//! zstd frames of whole lines; at the end an index in a skippable frame and the standard zstd seek table.
//! `docs/archive.md` describes it for other readers and writers.

mod by_channel;
mod contents;
mod convert;
mod encoder;
mod error;
mod frame;
mod frame_reader;
mod header;
mod import;
mod index;
mod loss;
mod manifest;
mod merged;
mod packing;
mod parts;
mod reader;
mod record;
mod repair;
mod stats;
mod storage;
mod verify;
mod verify_parts;
mod writer;

#[cfg(test)]
mod copies_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod seek_tests;
#[cfg(test)]
mod tests;

pub use by_channel::{ChannelWriter, MOST_CHANNELS};
pub use contents::{ChannelContents, Contents, Overview};
pub use convert::{ConvertFormat, ForeignWriter, LossCounts, LostPart};
pub use error::ArchiveError;
pub use header::Header;
pub use import::{BadInput, ImportFormat, Imported, Importer};
pub use index::{FrameEntry, Index};
pub use loss::LostRange;
pub use manifest::{
    MANIFEST_EXTENSION, Manifest, Part, files_of, is_manifest_name, is_part_of, manifest_path, recorded_bytes,
};
pub use merged::Merged;
pub use parts::{PartLimits, PartWriter};
pub use reader::{Reader, Selection};
pub use record::Record;
pub use repair::{Loss, Repaired, repair, repaired_path};
pub use stats::{ChannelStats, Stats, stats};
pub use storage::{
    ObjectAccess, Opened, Seekable, exists, free_target, is_object, open as open_bytes, use_objects,
};
pub use verify::{Finding, Verification, verify};
pub use verify_parts::verify_parts;
pub use writer::{Summary, Writer, WriterOptions};

/// Is told while a file is read how many bytes and events that were so far; `false` ends the reading with
/// [`ArchiveError::Interrupted`].
pub type Watch<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

/// Events between two times that a [`Watch`] is told.
const WATCHED: u64 = 256;

/// Tells a watch now and then.
fn told(watch: Watch, bytes: u64, events: u64) -> Result<(), ArchiveError> {
    if events % WATCHED == 1 && !watch(bytes, events) {
        return Err(ArchiveError::Interrupted);
    }
    Ok(())
}

/// How archive names end.
pub const EXTENSION: &str = ".eddy.ndjson.zst";

/// What is added to the name while a recording is being written.
pub const PARTIAL_EXTENSION: &str = ".partial";

/// How standard input is called in messages.
pub const STANDARD_INPUT: &str = "standard input";

/// The version of the format this program writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// Whether a file of this name is an archive by its ending.
#[must_use]
pub fn is_archive_name(path: &std::path::Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(EXTENSION))
}

/// Whether a file of this name is an archive, or one that is being written.
fn is_recording_name(path: &std::path::Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.strip_suffix(PARTIAL_EXTENSION).unwrap_or(&name).ends_with(EXTENSION)
}
