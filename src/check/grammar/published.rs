//! eddy's own extensions as others read them: a page with tables, and a JSON Schema for each.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::Grammar;
use super::extensions::LISTS;
use super::notation::{Condition, Consequence, Definition, Field, ObjectDefinition, Shape};
use super::words::expected;

/// The pattern of a length of time.
const DURATION: &str = "^(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

const INTRODUCTION: &str = include_str!("extensions.md");

/// Every extension with its schema (JSON Schema 2020-12), by name.
#[must_use]
pub fn schemas() -> Vec<(String, Value)> {
    let extensions = LISTS.into_iter().flat_map(|list| Grammar::version3().fields(list));
    extensions.map(|field| (field.name.clone(), whole_schema(field))).collect()
}

/// The page `docs/extensions.md`.
#[must_use]
pub fn page() -> String {
    let grammar = Grammar::version3();
    let mut page = INTRODUCTION.to_owned();
    for extension in LISTS.into_iter().flat_map(|list| grammar.fields(list)) {
        let (name, about) = (&extension.name, &extension.about);
        let _ = write!(
            page,
            "\n## {name}\n\n{about} Schema: [`schemas/{name}.schema.json`](schemas/{name}.schema.json).\n"
        );
        if let Shape::Named(object) = &extension.shape {
            write_tables(grammar, object, "", &mut page);
        }
    }
    page
}

fn object<'g>(grammar: &'g Grammar, name: &str) -> Option<&'g ObjectDefinition> {
    match grammar.definition(name) {
        Some(Definition::Object(object)) => Some(object),
        _ => None,
    }
}

fn write_tables(grammar: &Grammar, name: &str, path: &str, page: &mut String) {
    let Some(object) = object(grammar, name) else {
        return;
    };
    if !path.is_empty() {
        let _ = write!(page, "\n### `{path}`\n");
    }
    page.push_str("\n| key | value | meaning |\n|---|---|---|\n");
    for field in &object.fields {
        let required = if field.required { ", required" } else { "" };
        let _ = writeln!(
            page,
            "| `{}` | {}{required} | {} |",
            field.name,
            value_words(&field.shape),
            field.about
        );
    }
    if !object.conditions.is_empty() {
        page.push('\n');
    }
    for condition in &object.conditions {
        let _ = writeln!(page, "- {}", condition_words(condition));
    }
    for field in &object.fields {
        if let Shape::Named(inner) = &field.shape {
            write_tables(grammar, inner, &field.name, page);
        }
    }
}

fn value_words(shape: &Shape) -> String {
    match shape {
        Shape::List(inner) => format!("a list; each is {}", value_words(inner)),
        shape => expected(shape),
    }
}

fn condition_words(condition: &Condition) -> String {
    let field = &condition.field;
    let texts: Vec<String> = condition.texts.iter().map(|text| format!("`{text}`")).collect();
    let default = condition.default.as_ref().map_or(String::new(), |_| ", or left out".to_owned());
    let mut words = match (condition.absent, texts.is_empty()) {
        (true, _) => format!("Without `{field}`"),
        (false, true) => format!("Beside `{field}`"),
        (false, false) => format!("Where `{field}` is {}{default}", texts.join(" or ")),
    };
    for (consequence, name) in &condition.consequences {
        let _ = match consequence {
            Consequence::With => write!(words, ", `{name}` is needed"),
            Consequence::Without => write!(words, ", `{name}` may not stand"),
            Consequence::Ignores => write!(words, ", `{name}` means nothing"),
        };
    }
    words.push('.');
    words
}

fn whole_schema(field: &Field) -> Value {
    let mut schema = schema_of(&field.shape);
    if let Value::Object(entries) = &mut schema {
        entries.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        entries.insert("title".to_owned(), json!(field.name));
        entries.insert("description".to_owned(), json!(field.about));
    }
    schema
}

fn schema_of(shape: &Shape) -> Value {
    match shape {
        Shape::Text(low, high) => {
            let mut schema = json!({"type": "string"});
            if *low > 0 {
                schema["minLength"] = json!(low);
            }
            if *high < usize::MAX >> 1 {
                schema["maxLength"] = json!(high);
            }
            schema
        }
        Shape::Integer(low, high) => {
            let mut schema = json!({"type": "integer"});
            if *low != i64::MIN {
                schema["minimum"] = json!(low);
            }
            if *high != i64::MAX {
                schema["maximum"] = json!(high);
            }
            schema
        }
        Shape::Number => json!({"type": "number"}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Duration => json!({"type": "string", "pattern": DURATION}),
        Shape::Word(word) => json!({"const": word}),
        Shape::Reference => json!({
            "type": "object",
            "required": ["$ref"],
            "properties": {"$ref": {"type": "string", "format": "uri-reference"}}
        }),
        Shape::List(inner) => json!({"type": "array", "items": schema_of(inner)}),
        Shape::Either(all) => either(all),
        Shape::Named(name) => object(Grammar::version3(), name).map_or(json!(true), object_schema),
        _ => json!(true),
    }
}

fn either(all: &[Shape]) -> Value {
    let word = |shape: &Shape| match shape {
        Shape::Word(word) => Some(word.clone()),
        _ => None,
    };
    let words: Option<Vec<String>> = all.iter().map(word).collect();
    words.map_or_else(
        || json!({"anyOf": all.iter().map(schema_of).collect::<Vec<_>>()}),
        |words| json!({"type": "string", "enum": words}),
    )
}

fn object_schema(object: &ObjectDefinition) -> Value {
    let property = |field: &Field| {
        let mut schema = schema_of(&field.shape);
        schema["description"] = json!(field.about);
        (field.name.clone(), schema)
    };
    let properties: Map<String, Value> = object.fields.iter().map(property).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": true},
        "additionalProperties": false
    });
    let required: Vec<&str> =
        object.fields.iter().filter(|field| field.required).map(|field| field.name.as_str()).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !object.conditions.is_empty() {
        schema["allOf"] = object.conditions.iter().map(condition_schema).collect();
    }
    schema
}

fn condition_schema(condition: &Condition) -> Value {
    let field = &condition.field;
    let present = json!({"required": [field]});
    let premise = match (condition.absent, condition.texts.is_empty(), &condition.default) {
        (true, _, _) => json!({"not": present}),
        (false, true, _) => present,
        (false, false, None) => {
            json!({"required": [field], "properties": {field: {"enum": condition.texts}}})
        }
        (false, false, Some(_)) => json!({"properties": {field: {"enum": condition.texts}}}),
    };
    let consequence = |(consequence, name): &(Consequence, String)| match consequence {
        Consequence::With => json!({"required": [name]}),
        Consequence::Without => json!({"not": {"required": [name]}}),
        Consequence::Ignores => json!(true),
    };
    json!({"if": premise, "then": {"allOf": condition.consequences.iter().map(consequence).collect::<Vec<_>>()}})
}
