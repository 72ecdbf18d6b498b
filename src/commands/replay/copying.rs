//! A replay into another archive, which goes on saying how its events were masked.

use std::path::Path;

use super::origin::Origin;
use crate::archive::{Header, Reader, Writer, WriterOptions, is_archive_name};
use crate::commands::CommandError;
use crate::commands::target::Place;
use crate::endpoint::Sink;
use crate::endpoint::address::Scheme;
use crate::endpoint::file::FileSink;

/// The archive that a recording with masked events is sent to; none for every other target, and where nothing was masked.
///
/// # Errors
/// When the archive cannot be made, or is there already.
pub(super) fn sink(origin: &Origin, target: &Place) -> Result<Option<Box<dyn Sink>>, CommandError> {
    let path = Path::new(&target.address.path);
    if target.address.scheme != Scheme::File || !is_archive_name(path) {
        return Ok(None);
    }
    let Some(from) = origin.archive() else { return Ok(None) };
    let Some(mask) = Reader::open(from)?.header().and_then(|header| header.mask.clone()) else {
        return Ok(None);
    };
    let mut header = Header::new(Vec::new());
    header.masked_before(Some(mask));
    Ok(Some(Box::new(FileSink::of_writer(Writer::create(path, &header, WriterOptions::default())?))))
}
