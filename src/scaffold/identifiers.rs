//! Names a compiler accepts: reserved words, digits in front and collisions are settled here, once, for every language.

use std::collections::BTreeSet;

use super::words;

/// What an identifier stands for; it decides the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifierKind {
    /// A type or a variant: `OrderCreated`.
    Type,
    /// A function, a field or a module: `order_created`.
    Value,
}

/// A language whose reserved words are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust, edition 2024.
    Rust,
}

impl Language {
    /// Every language by the name templates use.
    pub const NAMES: [&'static str; 1] = ["rust"];

    /// The language of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        (name == "rust").then_some(Self::Rust)
    }

    fn is_reserved(self, word: &str) -> bool {
        match self {
            Self::Rust => RUST_RESERVED.contains(&word),
        }
    }
}

/// Keywords, strict and reserved, of the Rust reference for edition 2024.
const RUST_RESERVED: [&str; 55] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "raw", "ref", "return", "safe",
    "self", "Self", "static", "struct", "super", "trait", "true", "try", "type", "typeof", "union", "unsafe",
    "unsized", "use", "virtual", "where", "while", "yield",
];

/// An identifier made from any name: never empty, never a reserved word, never a digit in front, ASCII only.
#[must_use]
pub fn identifier(name: &str, kind: IdentifierKind, language: Language) -> String {
    let ascii: String = name.chars().map(|letter| if letter.is_ascii() { letter } else { '-' }).collect();
    let cased = match kind {
        IdentifierKind::Type => words::pascal(&ascii),
        IdentifierKind::Value => words::snake(&ascii),
    };
    let prefix = match kind {
        IdentifierKind::Type => "Value",
        IdentifierKind::Value => "value",
    };
    let joint = if kind == IdentifierKind::Value && !cased.is_empty() { "_" } else { "" };
    if cased.chars().next().is_none_or(|first| first.is_ascii_digit()) {
        format!("{prefix}{joint}{cased}")
    } else if language.is_reserved(&cased) {
        match kind {
            IdentifierKind::Type => format!("{cased}Value"),
            IdentifierKind::Value => format!("{cased}_"),
        }
    } else {
        cased
    }
}

/// Identifiers of one scope, each given once: a name that would collide gets a number.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// By the spelling without case, for file systems and for readers.
    taken: BTreeSet<String>,
}

impl Scope {
    /// A scope in which these names are taken already.
    #[must_use]
    pub fn reserving(names: &[&str]) -> Self {
        Self { taken: names.iter().map(|name| name.to_lowercase()).collect() }
    }

    /// An identifier for `name` that no other has.
    pub fn allocate(&mut self, name: &str, kind: IdentifierKind, language: Language) -> String {
        let wanted = identifier(name, kind, language);
        if self.take(&wanted) {
            return wanted;
        }
        let separator = match kind {
            IdentifierKind::Value if wanted.ends_with('_') => "",
            IdentifierKind::Value => "_",
            IdentifierKind::Type if wanted.ends_with(|last: char| last.is_ascii_digit()) => "N",
            IdentifierKind::Type => "",
        };
        let mut number = 2_usize;
        loop {
            let candidate = format!("{wanted}{separator}{number}");
            if self.take(&candidate) {
                return candidate;
            }
            number += 1;
        }
    }

    fn take(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_break_generators_become_identifiers() {
        let value = |name| identifier(name, IdentifierKind::Value, Language::Rust);
        let kind = |name| identifier(name, IdentifierKind::Type, Language::Rust);
        assert_eq!(value("placed-at"), "placed_at");
        assert_eq!(value("type"), "type_");
        assert_eq!(value("1st"), "value_1st");
        assert_eq!(value("+"), "value");
        assert_eq!(kind("1-click"), "Value1Click");
        assert_eq!(kind("self"), "SelfValue");
        assert_eq!(kind("größe"), "GrE");
        assert_eq!(kind(""), "Value");
    }

    #[test]
    fn a_scope_gives_each_identifier_once_even_when_case_is_ignored() {
        let mut scope = Scope::reserving(&["String"]);
        let mut take = |name: &str| scope.allocate(name, IdentifierKind::Type, Language::Rust);
        assert_eq!(take("string"), "String2");
        assert_eq!(take("order-line"), "OrderLine");
        assert_eq!(take("order_line"), "OrderLine2");
        assert_eq!(take("orderLINE"), "OrderLine3");
        let mut take = |name: &str| scope.allocate(name, IdentifierKind::Value, Language::Rust);
        assert_eq!([take("self"), take("Self"), take("a"), take("A")], ["self_", "self_2", "a", "a_2"]);
    }
}
