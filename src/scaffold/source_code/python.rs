//! Types as Python source with pydantic: reads and writes the JSON of the schema, strictly.
//!
//! It needs `enum`, `typing`, `pydantic` and `typing_extensions` to be imported, and annotations to be lazy.

use super::super::types::{Definition, Field, Shape, Type, Types};
use super::{any, literal, push_comment, push_line};
use crate::scaffold::identifiers::Language;

/// The type as it is written where it is used; `module` stands before names of definitions.
#[must_use]
pub fn type_name(types: &Types<'_>, kind: &Type, module: &str) -> String {
    let inner = |kind: &Type| type_name(types, kind, module);
    match kind {
        Type::String(_) => "str".to_owned(),
        Type::Integer => "int".to_owned(),
        Type::Number => "float".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Any => any(Language::Python).to_owned(),
        Type::List(item) => format!("list[{}]", inner(item)),
        Type::Map(value) => format!("dict[str, {}]", inner(value)),
        Type::Option(value) if **value == Type::Any => inner(value),
        Type::Option(value) => format!("{} | None", inner(value)),
        Type::Named(index) => {
            format!("{module}{}", types.get(*index).map_or("", |found| found.name.as_str()))
        }
    }
}

/// Every definition, in order of discovery; unions after all others, because their names are needed at once.
#[must_use]
pub fn definitions(types: &Types<'_>) -> String {
    let (unions, others): (Vec<_>, Vec<_>) =
        types.definitions().into_iter().partition(|one| matches!(one.shape, Shape::Union(_)));
    let sources = others.into_iter().chain(unions).map(|definition| one(types, definition));
    sources.collect::<Vec<_>>().join("\n\n")
}

fn one(types: &Types<'_>, definition: &Definition) -> String {
    let mut text = String::new();
    push_comment(&mut text, "", "#", definition.doc.as_deref());
    match &definition.shape {
        Shape::Struct { fields, rest, closed } => {
            push_line(&mut text, format_args!("class {}(pydantic.BaseModel):", definition.name));
            let extra = match (rest, closed) {
                (Some(_), _) => "allow",
                (None, true) => "forbid",
                (None, false) => "ignore",
            };
            push_line(
                &mut text,
                format_args!(
                    "    model_config = pydantic.ConfigDict(extra=\"{extra}\", strict=True, validate_by_name=True, serialize_by_alias=True)"
                ),
            );
            if let Some(rest) = rest {
                let kind = type_name(types, &Type::Map(Box::new(rest.clone())), "");
                push_line(
                    &mut text,
                    format_args!("    __pydantic_extra__: {kind} = pydantic.Field(init=False)"),
                );
            }
            for field in fields {
                push_field(&mut text, types, field);
            }
        }
        Shape::Enum(variants) => {
            push_line(&mut text, format_args!("class {}(enum.StrEnum):", definition.name));
            for (identifier, wire) in variants {
                push_line(&mut text, format_args!("    {identifier} = {}", literal(wire)));
            }
        }
        Shape::Union(variants) => {
            let branches: Vec<String> =
                variants.iter().map(|(_, kind)| literal(&type_name(types, kind, ""))).collect();
            push_line(
                &mut text,
                format_args!(
                    "{name} = typing_extensions.TypeAliasType(\n    {quoted},\n    typing.Annotated[typing.Union[{}], pydantic.Field(union_mode=\"left_to_right\")],\n)",
                    branches.join(", "),
                    name = definition.name,
                    quoted = literal(&definition.name),
                ),
            );
        }
    }
    text
}

fn push_field(text: &mut String, types: &Types<'_>, field: &Field) {
    push_comment(text, "    ", "#", field.doc.as_deref());
    let kind = type_name(types, &field.kind, "");
    let mut settings = Vec::new();
    if !field.required {
        settings.push("default=None".to_owned());
    }
    if field.wire != field.identifier {
        settings.push(format!("alias={}", literal(&field.wire)));
    }
    let value = match settings.as_slice() {
        [] => String::new(),
        _ if !field.required && settings.len() == 1 => " = None".to_owned(),
        _ => format!(" = pydantic.Field({})", settings.join(", ")),
    };
    push_line(text, format_args!("    {}: {kind}{value}", field.identifier));
}
