//! Names a compiler accepts: reserved words, digits in front and collisions are settled here, once, for every language.

use std::collections::BTreeSet;

use super::words;

/// What an identifier stands for; with the language it decides the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifierKind {
    /// A type or the branch of a union: `OrderCreated`.
    Type,
    /// A variable, a parameter or a module: `order_created`, `orderCreated`.
    Value,
    /// A function others call: `order_created`, `orderCreated`, `OrderCreated`.
    Method,
    /// A field of a type: `placed_at`, `placedAt`, `PlacedAt`.
    Field,
    /// One of several texts: `OneClick`, `ONE_CLICK`.
    Constant,
}

impl IdentifierKind {
    /// Every kind by the name templates use.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("value", Self::Value),
        ("type", Self::Type),
        ("method", Self::Method),
        ("field", Self::Field),
        ("constant", Self::Constant),
    ];
}

/// A language whose rules for names are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust, edition 2024.
    #[default]
    Rust,
    /// Python 3.11 or later, with pydantic.
    Python,
    /// TypeScript 5.
    TypeScript,
    /// Go 1.24 or later.
    Go,
    /// Java 17 or later, with Jackson.
    Java,
}

/// How the words of a name are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Snake,
    Screaming,
    Camel,
    Pascal,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 5] = [Self::Rust, Self::Python, Self::TypeScript, Self::Go, Self::Java];

    /// The name templates use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::TypeScript => "typescript",
            Self::Go => "go",
            Self::Java => "java",
        }
    }

    /// The language of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }

    fn case(self, kind: IdentifierKind) -> Case {
        use IdentifierKind::{Constant, Field, Method, Type, Value};
        match (self, kind) {
            (_, Type) | (Self::Go, Method | Field | Constant) | (Self::Rust | Self::TypeScript, Constant) => {
                Case::Pascal
            }
            (Self::Rust | Self::Python, Value | Method | Field) => Case::Snake,
            (Self::TypeScript | Self::Java, Value | Method | Field) | (Self::Go, Value) => Case::Camel,
            (Self::Python | Self::Java, Constant) => Case::Screaming,
        }
    }

    fn is_reserved(self, word: &str, kind: IdentifierKind) -> bool {
        let words: &[&str] = match self {
            Self::Rust => &RUST_RESERVED,
            Self::Python => &PYTHON_RESERVED,
            Self::TypeScript => &TYPESCRIPT_RESERVED,
            Self::Go => &GO_RESERVED,
            Self::Java => &JAVA_RESERVED,
        };
        let members: &[&str] = match self {
            Self::Python => &PYDANTIC_MEMBERS,
            Self::Go => &GO_MEMBERS,
            Self::Java => &JAVA_MEMBERS,
            Self::Rust | Self::TypeScript => &[],
        };
        let is_member =
            matches!(kind, IdentifierKind::Field | IdentifierKind::Method | IdentifierKind::Constant);
        words.contains(&word) || (is_member && members.contains(&word))
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

/// Keywords and soft keywords of the Python language reference, section 2.3, and names that code of templates relies on.
const PYTHON_RESERVED: [&str; 54] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "bool", "break", "bytes", "case",
    "class", "continue", "def", "del", "dict", "elif", "else", "except", "finally", "float", "for", "from",
    "global", "if", "import", "in", "int", "is", "lambda", "list", "match", "nonlocal", "not", "object",
    "or", "pass", "print", "pydantic", "raise", "return", "self", "set", "str", "try", "tuple", "type",
    "typing", "while", "with", "yield", "enum", "events",
];

/// What every pydantic model has, so that a field of this name would hide it; and what an enumeration of texts has.
const PYDANTIC_MEMBERS: [&str; 20] = [
    "construct",
    "copy",
    "dict",
    "fields",
    "from_orm",
    "json",
    "model_computed_fields",
    "model_config",
    "model_construct",
    "model_copy",
    "model_dump",
    "model_dump_json",
    "model_extra",
    "model_fields",
    "model_fields_set",
    "model_validate",
    "parse_obj",
    "schema",
    "update_forward_refs",
    "validate",
];

/// Reserved words of ECMAScript 2026, section 12.7.2, in modules, and of TypeScript for types and declarations.
const TYPESCRIPT_RESERVED: [&str; 62] = [
    "abstract",
    "any",
    "arguments",
    "as",
    "async",
    "await",
    "bigint",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "constructor",
    "continue",
    "debugger",
    "declare",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "module",
    "namespace",
    "never",
    "new",
    "null",
    "number",
    "object",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "this",
    "throw",
    "true",
    "try",
    "type",
    "typeof",
    "undefined",
    "while",
    "yield",
];

/// Keywords of the Go specification, and predeclared names that code of templates relies on.
const GO_RESERVED: [&str; 47] = [
    "any",
    "append",
    "bool",
    "break",
    "byte",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "error",
    "events",
    "fallthrough",
    "false",
    "float64",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "int",
    "int64",
    "interface",
    "iota",
    "json",
    "len",
    "make",
    "map",
    "new",
    "nil",
    "package",
    "panic",
    "range",
    "return",
    "select",
    "string",
    "struct",
    "switch",
    "true",
    "type",
    "uint",
    "var",
    "init",
    "main",
];

/// Methods every type of the contract has in Go.
const GO_MEMBERS: [&str; 2] = ["MarshalJSON", "UnmarshalJSON"];

/// Keywords and literals of the Java language specification, sections 3.9 and 3.10.
const JAVA_RESERVED: [&str; 59] = [
    "_",
    "abstract",
    "assert",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extends",
    "false",
    "final",
    "finally",
    "float",
    "for",
    "goto",
    "if",
    "implements",
    "import",
    "instanceof",
    "int",
    "interface",
    "long",
    "native",
    "new",
    "null",
    "package",
    "permits",
    "private",
    "protected",
    "public",
    "record",
    "return",
    "sealed",
    "short",
    "static",
    "strictfp",
    "super",
    "switch",
    "synchronized",
    "this",
    "throw",
    "throws",
    "transient",
    "true",
    "try",
    "var",
    "void",
    "volatile",
    "while",
    "yield",
];

/// Names no component of a record may have (Java language specification, section 8.10.1).
const JAVA_MEMBERS: [&str; 8] =
    ["clone", "finalize", "getClass", "hashCode", "notify", "notifyAll", "toString", "wait"];

/// An identifier made from any name: never empty, never a reserved word, never a digit in front, ASCII only.
#[must_use]
pub fn identifier(name: &str, kind: IdentifierKind, language: Language) -> String {
    let ascii: String = name.chars().map(|letter| if letter.is_ascii() { letter } else { '-' }).collect();
    let case = language.case(kind);
    let cased = match case {
        Case::Snake => words::snake(&ascii),
        Case::Screaming => words::screaming(&ascii),
        Case::Camel => words::camel(&ascii),
        Case::Pascal => words::pascal(&ascii),
    };
    if cased.chars().next().is_none_or(|first| first.is_ascii_digit()) {
        let (prefix, joint) = match case {
            Case::Snake => ("value", "_"),
            Case::Screaming => ("VALUE", "_"),
            Case::Camel => ("value", ""),
            Case::Pascal => ("Value", ""),
        };
        let joint = if cased.is_empty() { "" } else { joint };
        return format!("{prefix}{joint}{cased}");
    }
    if !language.is_reserved(&cased, kind) {
        return cased;
    }
    match case {
        Case::Pascal | Case::Camel => format!("{cased}Value"),
        Case::Snake | Case::Screaming => format!("{cased}_"),
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
        let ends_in_digit = wanted.ends_with(|last: char| last.is_ascii_digit());
        let separator = match language.case(kind) {
            Case::Snake | Case::Screaming if wanted.ends_with('_') => "",
            Case::Snake | Case::Screaming => "_",
            Case::Camel | Case::Pascal if ends_in_digit => "N",
            Case::Camel | Case::Pascal => "",
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
    fn each_language_has_its_cases_and_its_reserved_words() {
        let all = |name, kind| Language::ALL.map(|language| identifier(name, kind, language));
        assert_eq!(
            all("placed-at", IdentifierKind::Field),
            ["placed_at", "placed_at", "placedAt", "PlacedAt", "placedAt"]
        );
        assert_eq!(
            all("1-click", IdentifierKind::Constant),
            ["Value1Click", "VALUE_1_CLICK", "Value1Click", "Value1Click", "VALUE_1_CLICK"]
        );
        assert_eq!(
            all("class", IdentifierKind::Value),
            ["class", "class_", "classValue", "class", "classValue"]
        );
        assert_eq!(
            all("getClass", IdentifierKind::Field),
            ["get_class", "get_class", "getClass", "GetClass", "getClassValue"]
        );
        assert_eq!(identifier("schema", IdentifierKind::Field, Language::Python), "schema_");
        assert_eq!(identifier("schema", IdentifierKind::Value, Language::Python), "schema");
        assert_eq!(identifier("none", IdentifierKind::Type, Language::Python), "NoneValue");
        assert_eq!(
            all("order created", IdentifierKind::Method),
            ["order_created", "order_created", "orderCreated", "OrderCreated", "orderCreated"]
        );
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
        let mut scope = Scope::default();
        let mut take = |name: &str| scope.allocate(name, IdentifierKind::Field, Language::Java);
        assert_eq!(
            [take("1st"), take("value-1st"), take("v1"), take("V1")],
            ["value1st", "value1st2", "v1", "v1N2"]
        );
    }
}
