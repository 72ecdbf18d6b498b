//! What readers of binary payloads have in common: how a fault at a byte is put.

use super::Violation;
use super::compiled::bare;
use crate::source_text::Position;

/// A violation at a byte of a payload, which has one line as far as places go.
pub(super) fn violation(keyword: &str, message: String, pointer: &str, at: usize) -> Violation {
    let offset = u32::try_from(at).unwrap_or(u32::MAX);
    let mut violation = bare(keyword, message);
    pointer.clone_into(&mut violation.instance_pointer);
    violation.position = Some(Position { line: 1, column: offset.saturating_add(1), offset });
    violation
}

/// `` `count` at byte 7 ``.
pub(super) fn at_byte(what: &str, at: usize) -> String {
    format!("{what} at byte {at}")
}

/// `1 byte is left`, `2 bytes are left`.
pub(super) fn bytes_left(count: usize) -> String {
    match count {
        0 => "nothing is left".to_owned(),
        1 => "1 byte is left".to_owned(),
        _ => format!("{count} bytes are left"),
    }
}
