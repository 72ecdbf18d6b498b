//! Types as TypeScript source: the JSON as it is, names of fields and all; whether a value fits is the validator's to say.

use super::super::types::{Definition, Field, Shape, Type, Types};
use super::{any, literal, push_comment, push_line};
use crate::scaffold::identifiers::Language;

/// Names of the standard library that code of templates relies on.
pub const RESERVED_TYPES: [&str; 14] = [
    "Array", "Boolean", "Buffer", "Date", "Error", "Function", "JSON", "Map", "Number", "Object", "Promise",
    "Record", "Set", "String",
];

/// The type as it is written where it is used; `module` stands before names of definitions.
#[must_use]
pub fn type_name(types: &Types<'_>, kind: &Type, module: &str) -> String {
    let inner = |kind: &Type| type_name(types, kind, module);
    match kind {
        Type::String(_) => "string".to_owned(),
        Type::Integer | Type::Number => "number".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Any => any(Language::TypeScript).to_owned(),
        Type::List(item) if matches!(**item, Type::Option(_)) => format!("({})[]", inner(item)),
        Type::List(item) => format!("{}[]", inner(item)),
        Type::Map(value) => format!("{{ [key: string]: {} }}", inner(value)),
        Type::Option(value) if **value == Type::Any => inner(value),
        Type::Option(value) => format!("{} | null", inner(value)),
        Type::Named(index) => {
            format!("{module}{}", types.get(*index).map_or("", |found| found.name.as_str()))
        }
    }
}

/// Every definition, in order of discovery.
#[must_use]
pub fn definitions(types: &Types<'_>) -> String {
    let sources = types.definitions().into_iter().map(|definition| one(types, definition));
    sources.collect::<Vec<_>>().join("\n")
}

fn one(types: &Types<'_>, definition: &Definition) -> String {
    let mut text = String::new();
    push_comment(&mut text, "", "//", definition.doc.as_deref());
    match &definition.shape {
        Shape::Struct { fields, rest, .. } => {
            push_line(&mut text, format_args!("export interface {} {{", definition.name));
            for field in fields {
                push_field(&mut text, types, field);
            }
            if rest.is_some() {
                text.push_str("  [key: string]: unknown;\n");
            }
            text.push_str("}\n");
        }
        Shape::Enum(variants) => {
            let texts: Vec<String> = variants.iter().map(|(_, wire)| literal(wire)).collect();
            push_line(&mut text, format_args!("export type {} = {};", definition.name, texts.join(" | ")));
        }
        Shape::Union(variants) => {
            let branches: Vec<String> = variants.iter().map(|(_, kind)| type_name(types, kind, "")).collect();
            push_line(&mut text, format_args!("export type {} = {};", definition.name, branches.join(" | ")));
        }
    }
    text
}

fn push_field(text: &mut String, types: &Types<'_>, field: &Field) {
    push_comment(text, "  ", "//", field.doc.as_deref());
    let name = if is_plain(&field.wire) { field.wire.clone() } else { literal(&field.wire) };
    let mark = if field.required { "" } else { "?" };
    // What may be missing may not be null for that.
    let kind = match &field.kind {
        Type::Option(value) if !field.nullable => value,
        kind => kind,
    };
    push_line(text, format_args!("  {name}{mark}: {};", type_name(types, kind, "")));
}

/// Whether a name can stand as a property without quotes; reserved words can.
fn is_plain(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && name != "constructor"
        && name != "__proto__"
}
