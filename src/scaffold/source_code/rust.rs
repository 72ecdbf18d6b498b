//! Types as Rust source with serde's attributes: compiles without warnings, reads and writes the JSON of the schema.

use super::super::types::{Definition, Field, Shape, Type, Types};
use super::{push_line, steers};

/// Names the source itself uses, which no type may take.
pub const RESERVED_TYPES: [&str; 9] =
    ["String", "Vec", "Option", "Box", "Result", "Some", "None", "Ok", "Err"];

/// The type as it is written where it is used; `module` stands before names of definitions (`events::`).
#[must_use]
pub fn type_name(types: &Types<'_>, kind: &Type, module: &str) -> String {
    let inner = |kind: &Type| type_name(types, kind, module);
    match kind {
        Type::String(_) => "String".to_owned(),
        Type::Integer => "i64".to_owned(),
        Type::Number => "f64".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Any => "serde_json::Value".to_owned(),
        Type::List(item) => format!("Vec<{}>", inner(item)),
        Type::Map(value) => format!("std::collections::BTreeMap<String, {}>", inner(value)),
        Type::Option(value) => format!("Option<{}>", inner(value)),
        Type::Named(index) => {
            format!("{module}{}", types.get(*index).map_or("", |found| found.name.as_str()))
        }
    }
}

/// Every definition, in order of discovery.
#[must_use]
pub fn definitions(types: &Types<'_>) -> String {
    let sources = types.definitions().into_iter().enumerate();
    sources.map(|(index, definition)| one(types, index, definition)).collect::<Vec<_>>().join("\n")
}

fn one(types: &Types<'_>, index: usize, definition: &Definition) -> String {
    let mut text = String::new();
    push_doc(&mut text, "", definition.doc.as_deref());
    match &definition.shape {
        Shape::Struct { fields, rest, closed } => {
            text.push_str("#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]\n");
            if *closed {
                text.push_str("#[serde(deny_unknown_fields)]\n");
            }
            push_line(&mut text, format_args!("pub struct {} {{", definition.name));
            for field in fields {
                push_field(&mut text, types, index, field);
            }
            if let Some(rest) = rest {
                text.push_str("    #[serde(flatten)]\n");
                let kind = type_name(types, &Type::Map(Box::new(rest.clone())), "");
                push_line(&mut text, format_args!("    pub additional_properties: {kind},"));
            }
        }
        Shape::Enum(variants) => {
            text.push_str("#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n");
            text.push_str("#[derive(serde::Deserialize, serde::Serialize)]\n");
            push_line(&mut text, format_args!("pub enum {} {{", definition.name));
            for (identifier, wire) in variants {
                push_line(&mut text, format_args!("    #[serde(rename = {wire:?})]\n    {identifier},"));
            }
        }
        Shape::Union(variants) => {
            text.push_str("#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]\n");
            text.push_str("#[serde(untagged)]\n");
            push_line(&mut text, format_args!("pub enum {} {{", definition.name));
            for (identifier, kind) in variants {
                let kind = boxed(types, index, kind);
                push_line(&mut text, format_args!("    {identifier}({kind}),"));
            }
        }
    }
    text.push_str("}\n");
    text
}

fn push_field(text: &mut String, types: &Types<'_>, owner: usize, field: &Field) {
    push_doc(text, "    ", field.doc.as_deref());
    let mut attributes = Vec::new();
    if field.wire != field.identifier {
        attributes.push(format!("rename = {:?}", field.wire));
    }
    if !field.required {
        attributes.push("default, skip_serializing_if = \"Option::is_none\"".to_owned());
    }
    if !attributes.is_empty() {
        push_line(text, format_args!("    #[serde({})]", attributes.join(", ")));
    }
    push_line(text, format_args!("    pub {}: {},", field.identifier, boxed(types, owner, &field.kind)));
}

/// The type, boxed where it would otherwise contain itself.
fn boxed(types: &Types<'_>, owner: usize, kind: &Type) -> String {
    if !types.contains_itself(kind, owner) {
        return type_name(types, kind, "");
    }
    match kind {
        Type::Option(inner) => format!("Option<Box<{}>>", type_name(types, inner, "")),
        other => format!("Box<{}>", type_name(types, other, "")),
    }
}

fn push_doc(text: &mut String, indent: &str, doc: Option<&str>) {
    for line in doc.unwrap_or_default().lines() {
        let line: String =
            line.trim().chars().map(|letter| if steers(letter) { ' ' } else { letter }).collect();
        push_line(text, format_args!("{}", format!("{indent}/// {line}").trim_end()));
    }
}
