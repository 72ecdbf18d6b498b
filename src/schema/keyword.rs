//! What each keyword of JSON Schema holds: schemas, a map of schemas, data, or nothing that decides validity.

use super::Dialect;

/// What stands under a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// One schema.
    Schema,
    /// A list of schemas.
    List,
    /// Schemas by name.
    Map,
    /// One schema or a list of them (`items` before 2020-12).
    SchemaOrList,
    /// By name, a schema or a list of property names.
    Dependencies,
    /// Definitions: schemas by name that decide nothing until referred to.
    Definitions,
    /// A value that decides validity and holds no schemas.
    Data,
    /// A reference.
    Reference,
    /// Words for readers, or a keyword nobody knows.
    Nothing,
}

/// What stands under `keyword` in this dialect.
pub(super) fn holds(keyword: &str, dialect: Dialect) -> Holds {
    match keyword {
        "$ref" | "$dynamicRef" | "$recursiveRef" => Holds::Reference,
        "definitions" | "$defs" => Holds::Definitions,
        "properties" | "patternProperties" | "dependentSchemas" => Holds::Map,
        "dependencies" => Holds::Dependencies,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Holds::List,
        "items" if dialect == Dialect::Draft202012 => Holds::Schema,
        "items" => Holds::SchemaOrList,
        "not"
        | "if"
        | "then"
        | "else"
        | "contains"
        | "propertyNames"
        | "additionalItems"
        | "additionalProperties"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Holds::Schema,
        "type" | "enum" | "const" | "multipleOf" | "maximum" | "minimum" | "exclusiveMaximum"
        | "exclusiveMinimum" | "maxLength" | "minLength" | "pattern" | "maxItems" | "minItems"
        | "uniqueItems" | "maxContains" | "minContains" | "maxProperties" | "minProperties" | "required"
        | "dependentRequired" | "format"
        // These decide nothing, but sample values are made from them, and values masked by the last.
        | "default" | "examples" | "example" | "x-pii" => Holds::Data,
        _ => Holds::Nothing,
    }
}
