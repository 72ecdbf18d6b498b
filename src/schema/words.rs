//! Values, kinds and places in words for a message.

use serde_json::Value;

/// Longest value shown in a message, in characters.
const SHOWN: usize = 60;
/// Most alternatives listed in a message.
const LISTED: usize = 8;

/// `a string`, `an integer`, `null`.
pub(super) fn with_article(kind: &str) -> String {
    match kind {
        "null" => kind.to_owned(),
        "integer" | "object" | "array" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

/// The kind of a value in JSON Schema's words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A value as JSON, cut to a length that fits a line.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => "an object".to_owned(),
        Value::Array(items) if !items.is_empty() => format!("an array of {}", count(items.len(), "item")),
        _ => cut(&value.to_string()),
    }
}

/// A text cut to a length that fits a line.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `1 item`, `2 items`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = match noun {
        "property" => "properties",
        "item" => "items",
        _ => "characters",
    };
    if number == 1 { format!("1 {noun}") } else { format!("{number} {plural}") }
}

/// `a`, `b` or `c`, cut to a handful.
pub(super) fn alternatives<T: AsRef<str>>(words: &[T]) -> String {
    let mut shown: Vec<String> =
        words.iter().take(LISTED).map(|word| format!("`{}`", word.as_ref())).collect();
    if words.len() > LISTED {
        return format!("{} or {} more", shown.join(", "), words.len() - LISTED);
    }
    match shown.pop() {
        Some(last) if shown.is_empty() => last,
        Some(last) => format!("{} or {last}", shown.join(", ")),
        None => String::new(),
    }
}

/// The place a JSON Pointer names: `quantity`, item 2 of `lines`, or the whole value.
pub(super) fn place(pointer: &str) -> String {
    let tokens: Vec<String> =
        pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
    let is_index = |token: &String| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    match tokens.as_slice() {
        [] => "the value".to_owned(),
        [before @ .., last] if is_index(last) => match before.iter().rev().find(|token| !is_index(token)) {
            Some(name) => format!("item {last} of `{name}`"),
            None => format!("item {last}"),
        },
        [.., last] => format!("`{last}`"),
    }
}

/// The words that follow the name of a property: whose it is, or nothing when it is the root's.
pub(super) fn of_place(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" of {}", place(pointer)) }
}
