//! Sizes in bytes as flags and settings write them.

/// Reads a size such as `100MiB`, `2GB` or `65536`; none when it is no size or nothing.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let factor: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "kb" => 1_000,
        "m" | "mib" => 1 << 20,
        "mb" => 1_000_000,
        "g" | "gib" => 1 << 30,
        "gb" => 1_000_000_000,
        "t" | "tib" => 1 << 40,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };
    let bytes = text[..digits].parse::<u64>().ok()?.checked_mul(factor);
    bytes.filter(|bytes| *bytes > 0)
}

/// How a size is written, as a next step.
pub const HOW: &str =
    "write a whole number and a unit (`KiB`, `MiB`, `GiB`, `KB`, `MB`, `GB`), such as `100MiB`";

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        let sizes = ["1", "10b", "2k", "3KiB", "3kb", "1 MiB", "5MB", "1g", "1GB"];
        let bytes = sizes.map(|text| parse_size(text).expect(text));
        assert_eq!(bytes, [1, 10, 2048, 3072, 3000, 1 << 20, 5_000_000, 1 << 30, 1_000_000_000]);
        for text in ["", "0", "MiB", "1.5GB", "12 parsecs", "99999999999999999999", "999999999TB"] {
            assert!(parse_size(text).is_none(), "{text}");
        }
    }
}
