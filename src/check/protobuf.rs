//! Reads the types of a Protobuf schema text: which are defined, which are used. It checks no events.

use std::collections::HashSet;

/// The scalar types of proto2 and proto3.
pub const SCALARS: [&str; 15] = [
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "bool", "string", "bytes",
];

/// Types that fields use and that the text neither defines nor may import, each once, in order.
pub fn unknown_types(text: &str) -> Vec<&str> {
    let tokens = tokens(text);
    if tokens.contains(&"import") {
        return Vec::new();
    }
    let defined: HashSet<&str> = tokens
        .windows(2)
        .filter(|pair| matches!(pair[0], "message" | "enum" | "group"))
        .map(|pair| pair[1])
        .collect();
    let mut unknown: Vec<&str> = Vec::new();
    for used in used_types(&tokens) {
        let last = used.rsplit('.').next().unwrap_or(used);
        let known = SCALARS.contains(&used) || defined.contains(last);
        if !known && !unknown.contains(&used) {
            unknown.push(used);
        }
    }
    unknown
}

/// A field is `[label] type name = number`; a map has its types in `<` and `>`.
fn used_types<'t>(tokens: &[&'t str]) -> Vec<&'t str> {
    let mut used = Vec::new();
    for window in tokens.windows(4) {
        let [kind, name, equals, number] = window else {
            continue;
        };
        let is_field = *equals == "=" && is_word(kind) && is_word(name) && is_number(number);
        if is_field && !matches!(*kind, "option" | "reserved" | "extensions" | "group" | "syntax") {
            used.push(*kind);
        }
    }
    for window in tokens.windows(6) {
        if let ["map", "<", key, ",", value, ">"] = window {
            used.extend([*key, *value]);
        }
    }
    used
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '.')
}

fn is_number(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_digit())
}

/// Words, numbers, texts and marks, comments left out.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let length = token_length(rest);
        let (token, after) = rest.split_at(length);
        if !token.starts_with("//") && !token.starts_with("/*") {
            tokens.push(token);
        }
        rest = after.trim_start();
    }
    tokens
}

fn token_length(text: &str) -> usize {
    let until = |end: &str, from: usize| {
        text.get(from..).and_then(|rest| rest.find(end)).map_or(text.len(), |at| from + at + end.len())
    };
    if text.starts_with("//") {
        return until("\n", 2);
    }
    if text.starts_with("/*") {
        return until("*/", 2);
    }
    if text.starts_with('"') || text.starts_with('\'') {
        return until(&text[..1], 1);
    }
    let word = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(text.len());
    if word > 0 { word } else { text.chars().next().map_or(text.len(), char::len_utf8) }
}

#[cfg(test)]
mod tests {
    use super::unknown_types;

    #[test]
    fn only_types_nobody_defines_are_told() {
        let text = r#"
            syntax = "proto3"; // a strin here is a comment
            message Order {
              strin id = 1; /* not a = 2; */
              repeated Line lines = 2;
              map<string, Price> prices = 3;
              oneof body { State state = 4 [deprecated = true]; }
              enum State { NEW = 0; OLD = 1; }
              message Line { int32 count = 1; }
            }"#;
        assert_eq!(unknown_types(text), ["strin", "Price"]);
        assert!(unknown_types("import \"a.proto\"; message A { other.Type x = 1; }").is_empty());
        assert!(unknown_types("/*").is_empty());
    }
}
