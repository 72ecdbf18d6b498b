//! The identity of a finding: the same after lines have moved, after words of its message have been bettered, on every machine.

use sha2::{Digest, Sha256};

use super::Diagnostic;

/// Hexadecimal digits of a fingerprint.
const DIGITS: usize = 32;

impl Diagnostic {
    /// 32 hexadecimal digits over code, place in the document (JSON Pointer, items of lists without their number) and
    /// the names in the message. Neither the file nor its lines count: who keeps fingerprints keeps the file beside
    /// them, and says how many there are, for two findings may share one.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let mut feed = |part: &str| {
            hash.update(part.as_bytes());
            hash.update([0]);
        };
        feed(self.code);
        for token in self.pointer.split('/') {
            let is_number = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
            feed(if is_number { "-" } else { token });
        }
        feed("");
        // Every other part stands between backticks.
        self.message.split('`').skip(1).step_by(2).for_each(feed);
        let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        digits[..DIGITS].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::source_text::{FileId, Span};

    fn finding(message: &str, pointer: &str, start: u32) -> String {
        let span = Span { file: FileId(start), start, end: start + 1 };
        Diagnostic::new("ED9999", Severity::Error, message, span).at(pointer).fingerprint()
    }

    #[test]
    fn lines_files_wording_and_order_of_lists_do_not_count() {
        let one = finding("`a` is not `b`", "/tags/0/name", 3);
        assert_eq!(one.len(), DIGITS);
        assert_eq!(one, finding("`a` should be `b`", "/tags/7/name", 90));
    }

    #[test]
    fn code_place_and_names_count() {
        let one = finding("`a` is not `b`", "/tags/0/name", 3);
        assert_ne!(one, finding("`a` is not `c`", "/tags/0/name", 3));
        assert_ne!(one, finding("`a` is not `b`", "/tags/0/title", 3));
        assert_ne!(finding("`ab` is", "/x", 1), finding("`a` is `b`", "/x", 1));
    }
}
