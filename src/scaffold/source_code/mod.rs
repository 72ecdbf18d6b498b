//! Types written as source code: one file per language, each with the libraries templates of that language use.

mod go;
mod java;
mod python;
mod rust;
mod typescript;

use std::fmt::Write;

use super::identifiers::Language;
use super::types::{Type, Types};

/// Names the source of a language uses itself, which no type may take.
#[must_use]
pub fn reserved_types(language: Language) -> &'static [&'static str] {
    match language {
        Language::Rust => &rust::RESERVED_TYPES,
        Language::Python | Language::Go => &[],
        Language::TypeScript => &typescript::RESERVED_TYPES,
        Language::Java => &java::RESERVED_TYPES,
    }
}

/// The type as other files write it, which know the types as the module, package or class of events.
#[must_use]
pub fn type_name(types: &Types<'_>, kind: &Type) -> String {
    match types.language() {
        Language::Rust => rust::type_name(types, kind, "events::"),
        Language::Python => python::type_name(types, kind, "events."),
        Language::TypeScript => typescript::type_name(types, kind, "events."),
        Language::Go => go::type_name(types, kind, "events."),
        Language::Java => java::type_name(types, kind),
    }
}

/// What holds any JSON value.
#[must_use]
pub fn any(language: Language) -> &'static str {
    match language {
        Language::Rust => "serde_json::Value",
        Language::Python => "typing.Any",
        Language::TypeScript => "unknown",
        Language::Go => "any",
        Language::Java => "JsonNode",
    }
}

/// What holds the bytes of a payload that is no JSON.
#[must_use]
pub fn bytes(language: Language) -> &'static str {
    match language {
        Language::Rust => "Vec<u8>",
        Language::Python => "bytes",
        Language::TypeScript => "Uint8Array",
        Language::Go => "[]byte",
        Language::Java => "byte[]",
    }
}

/// The source of every definition, in order of discovery, without a newline at its end.
#[must_use]
pub fn definitions(types: &Types<'_>) -> String {
    let source = match types.language() {
        Language::Rust => rust::definitions(types),
        Language::Python => python::definitions(types),
        Language::TypeScript => typescript::definitions(types),
        Language::Go => go::definitions(types),
        Language::Java => java::definitions(types),
    };
    source.trim_end().to_owned()
}

fn push_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

/// A description as comment lines; what a compiler could take for the end of the comment or of its line is taken out.
fn push_comment(text: &mut String, indent: &str, mark: &str, doc: Option<&str>) {
    for line in doc.unwrap_or_default().lines() {
        let inert: String = line
            .trim()
            .chars()
            .map(|letter| match letter {
                '\\' => '/',
                letter if steers(letter) => ' ',
                letter => letter,
            })
            .collect();
        push_line(text, format_args!("{}", format!("{indent}{mark} {inert}").trim_end()));
    }
}

/// A text as a literal of Python, TypeScript, Go and Java: that of JSON, with what steers escaped.
#[must_use]
pub fn literal(text: &str) -> String {
    plain_json(&serde_json::Value::from(text).to_string())
}

/// Whether a letter ends a line, or turns the direction of writing so that a reader sees other code than a compiler. Go refuses the
/// mark of the order of bytes within a file.
#[must_use]
pub fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// JSON of one line with what steers escaped: it stands in texts alone.
#[must_use]
pub fn plain_json(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    for letter in json.chars() {
        if steers(letter) {
            // Writing to a String cannot fail.
            let _ = write!(plain, "\\u{:04x}", u32::from(letter));
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_cannot_end_early() {
        let mut text = String::new();
        push_comment(&mut text, "  ", "//", Some("a \\u000a b\u{2028}c\rd\u{202e}f\n\n*/ e"));
        assert_eq!(text, "  // a /u000a b c d f\n  //\n  // */ e\n");
    }

    #[test]
    fn literals_hold_any_text() {
        assert_eq!(literal("a\"\\\n\u{2028}\u{7f}\u{feff}"), r#""a\"\\\n\u2028\u007f\ufeff""#);
        assert_eq!(literal("\u{202e}a\u{2069}"), r#""\u202ea\u2069""#);
    }
}
