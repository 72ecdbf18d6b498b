//! The format of an input by its name and first bytes, where only one comes into question.

use std::io::{self, BufRead};
use std::path::Path;

use super::{ImportFormat, Input, nats};

/// Bytes that are looked at; nothing of them is taken.
const LOOKED_AT: usize = 4096;

/// `None` when it cannot be told.
///
/// # Errors
/// When the input cannot be read, or holds no events but files of a server.
pub(super) fn format(path: &Path, input: &mut Input) -> io::Result<Option<ImportFormat>> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let bytes = input.fill_buf()?;
    let first = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]);
    if nats::is_backup(&name, bytes) {
        return Err(nats::backup());
    }
    let stem = name.trim_end_matches(".gz").trim_end_matches(".zst");
    let ending = stem.rsplit('.').next().unwrap_or_default();
    if ending == "gor" || is_capture(&first) {
        return Ok(Some(ImportFormat::Gor));
    }
    match (ending, bytes) {
        ("avro", _) | (_, [b'O', b'b', b'j', 1, ..]) => return Ok(Some(ImportFormat::Avro)),
        ("parquet", _) | (_, [b'P', b'A', b'R', b'1', ..]) => return Ok(Some(ImportFormat::Parquet)),
        ("csv", _) => return Ok(Some(ImportFormat::Csv)),
        _ => {}
    }
    let has = |field: &str| first.contains(&format!("\"{field}\":"));
    let candidates = [
        (ImportFormat::Har, ending == "har" || (has("log") && (has("entries") || has("creator")))),
        (ImportFormat::CloudEvents, first.trim_start().starts_with('[') && has("specversion")),
        (
            ImportFormat::Kcat,
            has("topic") && (has("tstype") || has("broker") || has("payload") && !has("timestamp")),
        ),
        (
            ImportFormat::Rpk,
            has("topic") && has("timestamp") && (has("value") || has("value_size")) && !has("payload"),
        ),
        (
            ImportFormat::Kaf,
            has("partition") && has("offset") && has("payload") && has("timestamp") && !has("tstype"),
        ),
        (ImportFormat::NatsDump, has("Subject") && has("Data")),
    ];
    let mut fitting = candidates.iter().filter(|(_, fits)| *fits).map(|(format, _)| *format);
    let found = fitting.next();
    Ok(found.filter(|_| fitting.next().is_none()))
}

/// A kind of payload, an identifier and a time, then HTTP.
fn is_capture(first: &str) -> bool {
    let line = first.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    let is_kind = matches!(words.next(), Some("1" | "2" | "3"));
    let is_identifier = words.next().is_some_and(|word| word.len() >= 8);
    is_kind && is_identifier && words.next().is_some_and(|word| word.parse::<i64>().is_ok())
}
