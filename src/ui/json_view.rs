//! JSON text indented and coloured as it stands: numbers, order and escapes are kept, because nothing is read into values.

use std::io::{self, Write};
use std::ops::Range;

use colored::Color;

use super::json_walk::{Token, tokens};
use super::sought::parts;
use crate::output::visible::visible;

/// Whether the text is an object or an array in JSON; bare numbers and strings are left to be shown as text.
#[must_use]
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// How a part of a token is painted: its text, its colour, and whether it was sought.
pub type Paint<'a> = dyn Fn(&str, Option<Color>, bool) -> String + 'a;

/// Writes one JSON text.
pub struct JsonView<'a> {
    margin: &'a str,
    paint: &'a Paint<'a>,
    /// What of the text was sought, in order.
    sought: &'a [Range<usize>],
    depth: usize,
    text: String,
}

impl<'a> JsonView<'a> {
    /// A view with each line behind `margin`.
    #[must_use]
    pub fn new(margin: &'a str, paint: &'a Paint<'a>, sought: &'a [Range<usize>]) -> Self {
        Self { margin, paint, sought, depth: 0, text: margin.to_owned() }
    }

    /// Writes JSON that [`is_json`] accepted.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(mut self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        let mut previous = '\0';
        for token in tokens(text) {
            self.token(text, &token, previous);
            previous = token.first;
        }
        writeln!(out, "{}", self.text)
    }

    fn token(&mut self, text: &str, token: &Token, previous: char) {
        let empty = matches!((previous, token.first), ('{', '}') | ('[', ']'));
        match token.first {
            '}' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                if !empty {
                    self.new_line();
                }
            }
            _ if matches!(previous, '{' | '[') => self.new_line(),
            _ => {}
        }
        let color = match token.first {
            '{' | '[' | '}' | ']' | ',' | ':' => None,
            '"' if token.is_key => Some(Color::Blue),
            '"' => Some(Color::Green),
            _ => Some(Color::Yellow),
        };
        for (part, is_sought) in parts(text, (token.range.start, token.range.end), self.sought) {
            self.text.push_str(&(self.paint)(&visible(part), color, is_sought));
        }
        match token.first {
            '{' | '[' => self.depth += 1,
            ',' => self.new_line(),
            ':' => self.text.push(' '),
            _ => {}
        }
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.push_str(self.margin);
        self.text.push_str(&"  ".repeat(self.depth));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{JsonView, is_json};

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        JsonView::new("", &|token, _, _| token.to_owned(), &[]).write(&mut out, text).expect("writing");
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
