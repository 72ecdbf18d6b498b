//! A line of a workspace file as it may be shown: its shape stays, what may be a secret does not.

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
    let (before, after) = line.split_at(cut);
    let is_value = before.trim_end().ends_with([':', '[', ',', '-']) && !is_key(after);
    let before = mask_part(before, secret, false);
    let column = before.chars().count() + 1;
    (before + &mask_part(after, secret, is_value), column)
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
    loop {
        if is_value {
            let blank = rest.len() - rest.trim_start().len();
            shown.push_str(&rest[..blank]);
            rest = &rest[blank..];
            if !rest.is_empty() && !rest.starts_with(['{', '[', '#', '}', ']']) {
                shown.push_str(MASK);
                rest = &rest[scalar_length(rest)..];
            }
        }
        let Some(end) = end_of_key(rest) else {
            shown.push_str(rest);
            return shown;
        };
        shown.push_str(&rest[..end]);
        is_value = rest[..end].ends_with(':');
        rest = &rest[end..];
        if !is_value {
            // All of a list are values.
            shown.push_str(MASK);
            rest = &rest[rest.find(']').unwrap_or(rest.len())..];
        }
    }
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
        return text[1..].find(quote).map_or(text.len(), |end| end + 2);
    }
    text[..text.find([',', '}', ']']).unwrap_or(text.len())].trim_end().len()
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
