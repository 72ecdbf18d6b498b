//! Where one part of a recording ends and the next begins, as flags say it.

use crate::archive::PartLimits;
use crate::commands::{CommandError, transfer};
use crate::replay::size;

/// Reads a size, a span of time and a count.
pub(in crate::commands) fn limits(
    size: Option<&str>,
    every: Option<&str>,
    count: Option<u64>,
) -> Result<PartLimits, CommandError> {
    let bytes = size.map(parse_size).transpose()?;
    let span = transfer::duration(every)?.map(|span| i64::try_from(span.as_micros()).unwrap_or(i64::MAX));
    if span.is_some_and(|span| span < 1_000) {
        return Err(CommandError::usage("a part must cover at least a millisecond")
            .hint("write a time such as `1h` or `15m`"));
    }
    if count == Some(0) {
        return Err(
            CommandError::usage("a part without events is no part").hint("write a count of 1 or more")
        );
    }
    Ok(PartLimits { bytes, span, count })
}

/// Reads a size such as `100MiB`, `2GB` or `65536`.
fn parse_size(text: &str) -> Result<u64, CommandError> {
    size::parse_size(text)
        .ok_or_else(|| CommandError::usage(format!("`{text}` is not a size")).hint(size::HOW))
}
