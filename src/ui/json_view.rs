//! JSON text indented and coloured as it stands: numbers, order and escapes are kept, because nothing is read into values.

use std::io::{self, Write};

use colored::Color;

use crate::output::visible::visible;

/// Whether the text is an object or an array in JSON; bare numbers and strings are left to be shown as text.
#[must_use]
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// How a token is painted: its text, its colour, and whether its value was sought.
pub type Paint<'a> = dyn Fn(&str, Option<Color>, bool) -> String + 'a;

/// Writes one JSON text.
pub struct JsonView<'a> {
    margin: &'a str,
    paint: &'a Paint<'a>,
    /// JSON Pointers of the values that were sought.
    pointers: Vec<&'a str>,
    /// Where in the value we are: the name or index at each depth.
    path: Vec<Step>,
    text: String,
}

enum Step {
    Member(String),
    Item(usize),
}

impl<'a> JsonView<'a> {
    /// A view with each line behind `margin`.
    #[must_use]
    pub fn new(margin: &'a str, paint: &'a Paint<'a>, pointers: Vec<&'a str>) -> Self {
        Self { margin, paint, pointers, path: Vec::new(), text: margin.to_owned() }
    }

    /// Writes JSON that [`is_json`] accepted.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(mut self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        let mut rest = text.trim_start();
        let mut previous = '\0';
        while let Some(first) = rest.chars().next() {
            let (token, after) = rest.split_at(token_length(rest));
            let after = after.trim_start();
            let is_key = after.starts_with(':');
            self.token(token, first, previous, is_key);
            previous = first;
            rest = after;
        }
        writeln!(out, "{}", self.text)
    }

    fn token(&mut self, token: &str, first: char, previous: char, is_key: bool) {
        let empty = matches!((previous, first), ('{', '}') | ('[', ']'));
        match first {
            '}' | ']' => {
                self.path.pop();
                if !empty {
                    self.new_line();
                }
                self.text.push_str(token);
                return;
            }
            ',' => {
                if let Some(Step::Item(index)) = self.path.last_mut() {
                    *index += 1;
                }
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
        if is_key && let Some(Step::Member(name)) = self.path.last_mut() {
            *name = serde_json::from_str(token).unwrap_or_default();
        }
        let (color, step) = match first {
            '{' => (None, Some(Step::Member(String::new()))),
            '[' => (None, Some(Step::Item(0))),
            '"' if is_key => (Some(Color::Blue), None),
            '"' => (Some(Color::Green), None),
            _ => (Some(Color::Yellow), None),
        };
        let is_sought = !is_key && step.is_none() && self.is_sought();
        let shown = (self.paint)(&visible(token), color, is_sought);
        self.text.push_str(&shown);
        self.path.extend(step);
    }

    fn is_sought(&self) -> bool {
        if self.pointers.is_empty() {
            return false;
        }
        let steps = self.path.iter().map(|step| match step {
            Step::Member(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            Step::Item(index) => format!("/{index}"),
        });
        let pointer: String = steps.collect();
        self.pointers.contains(&pointer.as_str())
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.push_str(self.margin);
        self.text.push_str(&"  ".repeat(self.path.len()));
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

    use super::{JsonView, is_json};

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        JsonView::new("", &|token, _, _| token.to_owned(), Vec::new())
            .write(&mut out, text)
            .expect("writing");
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
