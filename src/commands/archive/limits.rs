//! Where one part of a recording ends and the next begins, as flags say it.

use crate::archive::PartLimits;
use crate::commands::{CommandError, transfer};

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
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let factor: Option<u64> = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kib" => Some(1 << 10),
        "kb" => Some(1_000),
        "m" | "mib" => Some(1 << 20),
        "mb" => Some(1_000_000),
        "g" | "gib" => Some(1 << 30),
        "gb" => Some(1_000_000_000),
        "t" | "tib" => Some(1 << 40),
        "tb" => Some(1_000_000_000_000),
        _ => None,
    };
    let number: Option<u64> = text[..digits].parse().ok();
    let bytes = number.zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| {
        CommandError::usage(format!("`{text}` is not a size"))
            .hint("write a whole number and a unit (`KiB`, `MiB`, `GiB`, `KB`, `MB`, `GB`), such as `100MiB`")
    })
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        let sizes = ["1", "10b", "2k", "3KiB", "3kb", "1 MiB", "5MB", "1g", "1GB"];
        let bytes = sizes.map(|text| parse_size(text).expect(text));
        assert_eq!(bytes, [1, 10, 2048, 3072, 3000, 1 << 20, 5_000_000, 1 << 30, 1_000_000_000]);
        for text in ["", "0", "MiB", "1.5GB", "12 parsecs", "99999999999999999999", "999999999TB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
