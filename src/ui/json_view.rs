//! JSON text indented and coloured as it stands: numbers, order and escapes are kept, because nothing is read into values.

use std::io::{self, Write};

use colored::{Color, Colorize};

/// Whether the text is an object or an array in JSON; bare numbers and strings are left to be shown as text.
#[must_use]
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Writes JSON that [`is_json`] accepted, each line behind `margin`.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut dyn Write, text: &str, margin: &str, color: bool) -> io::Result<()> {
    let mut printer = Printer { margin, color, depth: 0, text: margin.to_owned() };
    let mut rest = text.trim_start();
    let mut previous = '\0';
    while let Some(first) = rest.chars().next() {
        let (token, after) = rest.split_at(token_length(rest));
        let after = after.trim_start();
        let is_key = after.starts_with(':');
        printer.token(token, first, previous, is_key);
        previous = first;
        rest = after;
    }
    writeln!(out, "{}", printer.text)
}

struct Printer<'a> {
    margin: &'a str,
    color: bool,
    depth: usize,
    text: String,
}

impl Printer<'_> {
    fn token(&mut self, token: &str, first: char, previous: char, is_key: bool) {
        let empty = matches!((previous, first), ('{', '}') | ('[', ']'));
        match first {
            '}' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                if !empty {
                    self.new_line();
                }
                self.text.push_str(token);
                return;
            }
            ',' => {
                self.text.push(',');
                self.new_line();
                return;
            }
            ':' => {
                self.text.push_str(": ");
                return;
            }
            _ => {}
        }
        if matches!(previous, '{' | '[') {
            self.new_line();
        }
        let color = match first {
            '{' | '[' => {
                self.depth += 1;
                None
            }
            '"' if is_key => Some(Color::Blue),
            '"' => Some(Color::Green),
            _ => Some(Color::Yellow),
        };
        let shown = super::event_view::visible(token);
        match color.filter(|_| self.color) {
            Some(color) => self.text.push_str(&super::forced(|| shown.color(color).to_string())),
            None => self.text.push_str(&shown),
        }
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.push_str(self.margin);
        self.text.push_str(&"  ".repeat(self.depth));
    }
}

/// Bytes of the token at the beginning: a string, a sign, or a bare word or number.
fn token_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        let is_end = |byte: &u8| b",:{}[]\" \t\r\n".contains(byte);
        return bytes.iter().position(is_end).unwrap_or(bytes.len()).max(1);
    }
    let mut escaped = false;
    for (index, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{is_json, write};

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, text, "", false).expect("writing");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn layout_is_regular_and_numbers_are_kept() {
        let text = r#" {"a":1.10,"b":[],"c":{"d":[1, 12345678901234567890 ,"x\"}"]},"e":{ }} "#;
        assert!(is_json(text));
        let expected = "{\n  \"a\": 1.10,\n  \"b\": [],\n  \"c\": {\n    \"d\": [\n      1,\n      \
                        12345678901234567890,\n      \"x\\\"}\"\n    ]\n  },\n  \"e\": {}\n}\n";
        assert_eq!(written(text), expected);
        assert!(!is_json("12") && !is_json("{") && !is_json("{}x"));
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[ -~äß]{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                proptest::collection::vec(("[a-z]{0,4}", inner), 0..5)
                    .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_layout_reads_back_as_the_same_value(value in any_json()) {
            let text = value.to_string();
            let read: serde_json::Value = serde_json::from_str(&written(&text)).expect("json");
            prop_assert_eq!(read, value);
        }
    }
}
