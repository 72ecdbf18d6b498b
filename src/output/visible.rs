//! Foreign text made harmless for terminals: what would steer one is written as an escape.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character steers a terminal or the direction of writing instead of showing itself.
#[must_use]
pub fn is_hidden(each: char) -> bool {
    each.is_control()
        || matches!(each, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(each, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with characters that steer written as escapes, line breaks and tabs among them.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 8);
    for each in text.chars() {
        match each {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            each if is_hidden(each) => shown.extend(each.escape_unicode()),
            each => shown.push(each),
        }
    }
    shown
}

/// Bytes for a terminal: line breaks and tabs stay, other characters that steer and bytes that are no text are escaped.
#[must_use]
pub fn harmless(bytes: &[u8]) -> Cow<'_, [u8]> {
    let steers = |each: char| is_hidden(each) && !matches!(each, '\n' | '\t');
    if std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(steers)) {
        return Cow::Borrowed(bytes);
    }
    let mut shown = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for each in chunk.valid().chars() {
            if steers(each) { shown.extend(each.escape_unicode()) } else { shown.push(each) }
        }
        for byte in chunk.invalid() {
            // Writing into a text cannot fail.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    Cow::Owned(shown.into_bytes())
}

/// Columns the text takes on a terminal.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The text, or as much of it as fits in so many columns with `…` at its end.
#[must_use]
pub fn fitted(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let mut taken = 0;
    let mut end = 0;
    for (at, each) in text.char_indices() {
        taken += each.width().unwrap_or(0);
        if taken + 1 > columns {
            break;
        }
        end = at + each.len_utf8();
    }
    Cow::Owned(format!("{}…", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::{columns, fitted, harmless, visible};

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(
            visible("a\u{1b}[31m\tb\u{202e}\u{200f}\u{feff}"),
            "a\\u{1b}[31m\\tb\\u{202e}\\u{200f}\\u{feff}"
        );
        assert_eq!(visible("日本 👩‍👩‍👧 é"), "日本 👩‍👩‍👧 é");
        assert_eq!(&*harmless(b"a\tb\n"), b"a\tb\n");
        assert_eq!(
            &*harmless(b"\x1b]0;x\x07\xff\n"),
            br"\u{1b}]0;x\u{7}\xff
"
        );
    }

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        assert_eq!(columns("日本"), 4);
        assert_eq!(fitted("日本語", 6), "日本語");
        assert_eq!(fitted("日本語", 5), "日本…");
        assert_eq!(fitted("日本語", 4), "日…");
        assert_eq!(fitted("abc", 0), "…");
    }
}
