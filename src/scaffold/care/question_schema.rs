//! What a template asks, as a JSON Schema: for forms, editors and programs that write an answers file.

use serde_json::{Map, Value, json};

use crate::scaffold::manifest::{Manifest, Variable, VariableKind};

/// A JSON Schema (2020-12) that an answers file fulfils.
///
/// What is computed is not asked and so not in it; defaults that are rendered from other answers are described in words.
#[must_use]
pub fn question_schema(manifest: &Manifest) -> Value {
    let asked = manifest.variables.iter().filter(|(_, variable)| variable.compute.is_none());
    let properties: Map<String, Value> =
        asked.clone().map(|(name, variable)| (name.clone(), property(name, variable))).collect();
    let needed = |variable: &Variable| variable.default.is_none();
    let required: Vec<&str> =
        asked.filter(|(_, variable)| needed(variable)).map(|(name, _)| name.as_str()).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Answers to the template {} {}", manifest.name, manifest.version),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(name: &str, variable: &Variable) -> Value {
    let mut property = Map::new();
    property.insert("title".to_owned(), variable.question(name).into());
    let kind = match variable.kind {
        VariableKind::String | VariableKind::Choice => "string",
        VariableKind::Bool => "boolean",
        VariableKind::Int => "integer",
    };
    property.insert("type".to_owned(), kind.into());
    if variable.kind == VariableKind::Choice {
        property.insert("enum".to_owned(), variable.choices.clone().into());
    }
    if let Some(check) = &variable.check {
        if let Some(pattern) = &check.matches {
            property.insert("pattern".to_owned(), format!("^(?:{pattern})$").into());
        }
        if let Some(allowed) = &check.one_of {
            property.insert("enum".to_owned(), allowed.clone().into());
        }
    }
    let mut words = Vec::new();
    words.extend(variable.check.as_ref().and_then(|check| check.message.clone()));
    words.extend(variable.when.as_ref().map(|when| format!("asked only when {when}")));
    match &variable.default {
        Some(Value::String(text)) if text.contains("{{") || text.contains("{%") => {
            words.push(format!("without an answer: {text}"));
        }
        Some(default) => drop(property.insert("default".to_owned(), default.clone())),
        None => {}
    }
    if !words.is_empty() {
        property.insert("description".to_owned(), words.join("; ").into());
    }
    Value::Object(property)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_what_the_questions_take_and_refuses_what_they_refuse() {
        let manifest = Manifest::read(
            "x",
            "format: 1\nname: x\nversion: 1.0.0\ndescription: X\nvariables:\n  \
             name: { prompt: The name, check: { matches: '[a-z-]+', message: small letters } }\n  \
             broker: { type: choice, choices: [mqtt, nats], default: nats }\n  \
             port: { type: int, default: '{{ 4222 }}' }\n  tls: { type: bool, default: false, when: port }\n  \
             crate: { compute: '{{ name }}' }\n",
        )
        .expect("reads");
        let schema = question_schema(&manifest);
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        assert!(
            validator.is_valid(&json!({ "name": "my-shop", "broker": "mqtt", "port": 1883, "tls": true }))
        );
        assert!(validator.is_valid(&json!({ "name": "a" })));
        for wrong in [
            json!({}),
            json!({ "name": "A" }),
            json!({ "name": "a", "broker": "kafka" }),
            json!({ "name": "a", "port": "x" }),
            json!({ "name": "a", "crate": "a" }),
        ] {
            assert!(!validator.is_valid(&wrong), "{wrong}");
        }
        assert_eq!(schema["properties"]["tls"]["description"], "asked only when port");
    }
}
