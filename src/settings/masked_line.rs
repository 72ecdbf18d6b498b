//! A line of a workspace file as it may be shown: its shape stays, what may be a secret does not.

use std::borrow::Cow;

use crate::endpoint::mask;

/// What stands where a value was.
const MASK: &str = "***";

/// Words of a line that says who we are.
const SECRET_WORDS: [&str; 6] = ["auth", "pass", "token", "secret", "headers", "credential"];

/// What the reader said, without the value it did not like.
pub(super) fn without_values(message: &str) -> String {
    let mut shown = message.to_owned();
    for kind in ["invalid type: ", "invalid value: "] {
        let Some(at) = shown.find(kind) else { continue };
        let start = at + kind.len();
        let Some(comma) = shown[start..].rfind(", expected").map(|length| start + length) else { continue };
        let name: Vec<&str> = shown[start..comma].split(['`', '"']).take(1).map(str::trim).collect();
        shown = format!("{}{}{}", &shown[..start], name.join(""), &shown[comma..]);
    }
    shown
}

/// The line and the column in it, both as shown. `secret` says that the line is about who we are.
pub(super) fn shown(line: &str, column: usize, secret: bool) -> (String, usize) {
    let lower = line.to_lowercase();
    let secret = secret || SECRET_WORDS.iter().any(|word| lower.contains(word));
    let cut = line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
    if secret && end_of_key(line).is_none() {
        // It goes on with a value that began before.
        let indent = line.len() - line.trim_start().len();
        return (format!("{}{MASK}", &line[..indent]), indent + 1);
    }
    let (before, after) = line.split_at(cut);
    // What is no key begins a value, or goes on with one.
    let is_value = !before.trim().is_empty() && !is_key(after);
    let before = mask_part(before, secret, false);
    let column = before.chars().count() + 1;
    let parts = format!("{before}{}", mask_part(after, secret, is_value));
    // What was cut within a value is whole again in the line as a whole.
    let whole = mask_part(line, secret, false);
    let is_within = whole.len() < parts.len() && whole.starts_with(&before);
    (if is_within { whole } else { parts }, column)
}

fn mask_part(part: &str, secret: bool, begins_with_value: bool) -> String {
    if secret { mask_values(part, begins_with_value) } else { mask_addresses(part) }
}

/// User and password of each address.
fn mask_addresses(part: &str) -> String {
    part.split_inclusive([' ', ',', '\'', '"']).map(mask).collect()
}

/// Every scalar that follows a `:`, and the first when the part begins inside of one; keys and brackets stay.
fn mask_values(part: &str, begins_with_value: bool) -> String {
    let mut shown = String::new();
    let mut rest = part;
    let mut is_value = begins_with_value;
    let mut was_value = false;
    loop {
        if is_value {
            let blank = rest.len() - rest.trim_start().len();
            shown.push_str(&rest[..blank]);
            rest = &rest[blank..];
            if !rest.is_empty() && !rest.starts_with(['{', '[', '#', '}', ']']) {
                shown.push_str(MASK);
                rest = &rest[scalar_length(rest)..];
                was_value = true;
            }
        }
        let Some(end) = end_of_key(rest) else {
            shown.push_str(&behind_value(rest, was_value));
            return shown;
        };
        let key = rest[..end].rfind([',', '{', '}']).unwrap_or(0);
        shown.push_str(&behind_value(&rest[..key], was_value));
        shown.push_str(&rest[key..end]);
        is_value = rest[..end].ends_with(':');
        rest = &rest[end..];
        if !is_value {
            // All of a list are values.
            shown.push_str(MASK);
            rest = &rest[list_length(rest)..];
        }
    }
}

/// What stands behind a value up to the next key: more than what ends it belongs to the value, whatever it was to be.
fn behind_value(text: &str, was_value: bool) -> Cow<'_, str> {
    let is_more =
        text.split('#').next().is_some_and(|text| text.chars().any(|each| !",{}[] \t".contains(each)));
    if was_value && is_more { MASK.into() } else { text.into() }
}

/// Whether a text begins with a key, as after a comma in a map.
fn is_key(text: &str) -> bool {
    end_of_key(text).is_some_and(|end| !text[..end].contains([',', '}', ']', '[']))
}

/// Where a key ends, its `:` included, or a list begins.
fn end_of_key(text: &str) -> Option<usize> {
    let colon = text.char_indices().find(|(at, each)| {
        *each == '[' || (*each == ':' && text[at + 1..].chars().next().is_none_or(char::is_whitespace))
    });
    colon.map(|(at, _)| at + 1)
}

/// The bytes of a scalar: to its closing quote, else to what ends it in a flow or to the end of the line.
fn scalar_length(text: &str) -> usize {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'));
    if let Some(quote) = quote {
        return quoted_length(text, quote);
    }
    text[..text.find([',', '}', ']']).unwrap_or(text.len())].trim_end().len()
}

/// The bytes of a list behind its `[`, up to the bracket that ends it.
fn list_length(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(letter) = text[at..].chars().next() {
        match letter {
            '\'' | '"' => at += quoted_length(&text[at..], letter),
            ']' if depth == 0 => break,
            _ => {
                depth = if letter == '[' { depth + 1 } else { depth - usize::from(letter == ']') };
                at += letter.len_utf8();
            }
        }
    }
    at
}

/// The bytes of a text in quotes: `\` makes the next letter one of the text between `"`, and two `'` are one between `'`.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        let doubled = quote == '\'' && letters.peek().is_some_and(|(_, next)| *next == quote);
        if letter == '\\' && quote == '"' || letter == quote && doubled {
            letters.next();
        } else if letter == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{shown, without_values};

    #[test]
    fn values_go_and_the_shape_stays() {
        let line = "    auth: { username: me, password: 'hun}ter2', headers: { X-Key: abc } } ";
        let (text, column) = shown(line, 13, true);
        assert_eq!(text, "    auth: { username: ***, password: ***, headers: { X-Key: *** } } ");
        assert_eq!(column, 13);
        let (text, column) = shown(line, 27, true);
        assert_eq!((&text[column - 1..column + 7], column), ("password", 28));
        assert_eq!(shown("  password: 12345", 13, false).0, "  password: ***");
        assert_eq!(shown("  command: [a, b]", 4, true).0, "  command: [***]");
        assert_eq!(shown("  defualt: true", 3, false), ("  defualt: true".to_owned(), 3));
    }

    #[test]
    fn quotes_within_a_value_do_not_end_it() {
        for (line, wanted) in [
            (r#"  auth: { password: "ab\"S3CRET", sasl: foo }"#, "  auth: { password: ***, sasl: *** }"),
            ("  auth: { password: 'ab''S3CRET', sasl: foo }", "  auth: { password: ***, sasl: *** }"),
            (r#"  password: "a\\", sasl: foo"#, "  password: ***, sasl: ***"),
            (r#"  headers: { X: "a\"S3CRET", Y: 'b' }"#, "  headers: { X: ***, Y: *** }"),
            (r#"  password: { command: [sh, "-c ]\"S3CRET", x] }"#, "  password: { command: [***] }"),
            (r#"  password: "ab"S3CRET"#, "  password: ******"),
            (r#"  auth: { password: "ab" S3CRET }"#, "  auth: { password: ******"),
            (r#"  password: "ab"S3,CRET", sasl: foo"#, "  password: ******, sasl: ***"),
        ] {
            for column in 1..line.len() + 2 {
                let (text, column) = shown(line, column, true);
                assert!(!text.contains("CRET"), "{text}");
                assert!(column <= text.chars().count() + 1, "{column} of {text}");
            }
            assert_eq!(shown(line, 3, true).0, wanted);
        }
        assert_eq!(shown("    more S3CRET", 9, true), ("    ***".to_owned(), 5));
    }

    #[test]
    fn a_value_is_left_out_of_the_words() {
        let said = without_values("a.auth: invalid type: string \"hun, expected ter2\", expected struct X");
        assert_eq!(said, "a.auth: invalid type: string, expected struct X");
        assert_eq!(
            without_values("invalid type: integer `5`, expected a"),
            "invalid type: integer, expected a"
        );
        assert_eq!(
            without_values("unknown field `x`, expected one of `y`"),
            "unknown field `x`, expected one of `y`"
        );
    }
}
