//! From a bundled schema to a program: every keyword becomes a rule, or there is no program.

use std::collections::HashMap;

use jsonschema::PatternOptions;
use serde_json::{Map, Value};

use super::Program;
use super::leaf::{Leaf, TextRule};
use super::pattern::Pattern;
use super::rules::{
    Allowed, Arrays, Bound, Combined, Condition, Id, Kinds, Multiple, Numbers, Objects, Others, Schema,
};
use super::scan::Amount;
use crate::schema::{Dialect, format};

/// Schemas of one program.
const MOST: usize = 50_000;

pub(super) fn program(bundle: &Value, dialect: Dialect) -> Option<Program> {
    let draft = match dialect {
        Dialect::Draft4 | Dialect::OpenApi30 => 4,
        Dialect::Draft6 => 6,
        Dialect::Draft7 | Dialect::AsyncApi => 7,
        Dialect::Draft201909 => 2019,
        Dialect::Draft202012 => 2020,
    };
    let mut compiler = Compiler { dialect, draft, schemas: Vec::new(), definitions: HashMap::new() };
    let container = bundle.get("definitions").or_else(|| bundle.get("$defs"))?.as_object()?;
    // Numbers first, so that references may go in circles.
    for (at, name) in container.keys().enumerate() {
        compiler.definitions.insert(name.clone(), Id::try_from(at).ok()?);
        compiler.schemas.push(Schema::default());
    }
    for (at, schema) in container.values().enumerate() {
        compiler.schemas[at] = compiler.schema(schema)?;
    }
    let root = compiler.target(bundle.get("$ref")?.as_str()?)?;
    Some(Program { schemas: compiler.schemas, root })
}

struct Compiler {
    dialect: Dialect,
    /// 4, 6, 7, 2019 or 2020.
    draft: u16,
    schemas: Vec<Schema>,
    definitions: HashMap<String, Id>,
}

impl Compiler {
    fn target(&self, reference: &str) -> Option<Id> {
        let name = reference.strip_prefix("#/definitions/").or_else(|| reference.strip_prefix("#/$defs/"))?;
        self.definitions.get(name).copied()
    }

    fn add(&mut self, schema: &Value) -> Option<Id> {
        let compiled = self.schema(schema)?;
        self.schemas.push(compiled);
        if self.schemas.len() > MOST {
            return None;
        }
        Id::try_from(self.schemas.len() - 1).ok()
    }

    fn list(&mut self, schemas: &Value) -> Option<Vec<Id>> {
        schemas.as_array()?.iter().map(|schema| self.add(schema)).collect()
    }

    fn schema(&mut self, schema: &Value) -> Option<Schema> {
        let mut made = Schema::default();
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(truth) => {
                made.kinds = if *truth { Kinds::ANY } else { Kinds(0) };
                return Some(made);
            }
            _ => return None,
        };
        // Slots in the order of the properties, in which members are expected.
        for name in keywords.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            made.objects.get_or_insert_default().slot(name)?;
        }
        for (keyword, value) in keywords {
            self.keyword(keyword, value, keywords, &mut made)?;
        }
        Some(made)
    }

    fn keyword(
        &mut self,
        keyword: &str,
        value: &Value,
        all: &Map<String, Value>,
        made: &mut Schema,
    ) -> Option<()> {
        match keyword {
            "type" => made.kinds = kinds(value)?,
            "enum" => allow(made, value.as_array()?)?,
            "const" if self.draft >= 6 => allow(made, std::slice::from_ref(value))?,
            "minLength" => made.strings.get_or_insert_default().least = Some(value.as_u64()?),
            "maxLength" => made.strings.get_or_insert_default().most = Some(value.as_u64()?),
            "pattern" => {
                let rule = self.pattern(value.as_str()?)?;
                made.strings.get_or_insert_default().rules.push(rule);
            }
            "format" => {
                let leaf = self.leaf("format", value)?;
                let rule = TextRule::Format(super::format::surely(value.as_str()?), leaf);
                made.strings.get_or_insert_default().rules.push(rule);
            }
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                self.number(keyword, value, all, made.numbers.get_or_insert_default())?;
            }
            "default" | "examples" | "example" => {}
            "$ref" | "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" => {
                self.combined(keyword, value, all, made.combined.get_or_insert_default())?;
            }
            _ => self.compound(keyword, value, all, made)?,
        }
        Some(())
    }

    fn compound(
        &mut self,
        keyword: &str,
        value: &Value,
        all: &Map<String, Value>,
        made: &mut Schema,
    ) -> Option<()> {
        match keyword {
            "items" | "prefixItems" | "additionalItems" | "minItems" | "maxItems" | "uniqueItems"
            | "contains" => {
                // Both are compiled together with `contains`, or not at all.
                if all.contains_key("minContains") || all.contains_key("maxContains") {
                    return None;
                }
                self.array(keyword, value, all, made.arrays.get_or_insert_default())
            }
            "properties"
            | "patternProperties"
            | "additionalProperties"
            | "required"
            | "propertyNames"
            | "minProperties"
            | "maxProperties"
            | "dependentRequired"
            | "dependencies" => self.object(keyword, value, made.objects.get_or_insert_default()),
            _ => None,
        }
    }

    fn combined(
        &mut self,
        keyword: &str,
        value: &Value,
        all: &Map<String, Value>,
        made: &mut Combined,
    ) -> Option<()> {
        match keyword {
            "$ref" => made.all.push(self.target(value.as_str()?)?),
            "allOf" => made.all.extend(self.list(value)?),
            "anyOf" => made.any = Some(self.list(value)?),
            "oneOf" => made.one = Some(self.list(value)?),
            "not" => made.not = Some(self.add(value)?),
            _ if self.draft < 7 => return None,
            "if" => {
                let mut branch =
                    |name: &str| all.get(name).map_or(Some(None), |then| self.add(then).map(Some));
                let (then, otherwise) = (branch("then")?, branch("else")?);
                made.condition = Some(Condition { holds: self.add(value)?, then, otherwise });
            }
            // Compiled with their `if`; alone they say nothing.
            _ => {}
        }
        Some(())
    }

    fn number(
        &mut self,
        keyword: &str,
        value: &Value,
        all: &Map<String, Value>,
        made: &mut Numbers,
    ) -> Option<()> {
        if keyword == "multipleOf" {
            let whole = value.as_i64().filter(|number| *number > 0);
            made.multiple_of = Some(Multiple { whole, leaf: self.leaf(keyword, value)? });
            return Some(());
        }
        let number = value.as_number()?;
        let limit = match number.as_i64() {
            Some(whole) => Amount::Whole(whole),
            None if number.is_u64() => return None,
            None => Amount::Fraction(number.as_f64()?),
        };
        // In draft-04 the exclusive keywords are flags beside these.
        if self.draft == 4 && (all.contains_key("exclusiveMinimum") || all.contains_key("exclusiveMaximum")) {
            return None;
        }
        let bound = Bound { limit, is_excluded: keyword.starts_with("exclusive") };
        let side = if keyword.ends_with("inimum") { &mut made.lower } else { &mut made.upper };
        side.push(bound);
        Some(())
    }

    fn array(
        &mut self,
        keyword: &str,
        value: &Value,
        all: &Map<String, Value>,
        made: &mut Arrays,
    ) -> Option<()> {
        match keyword {
            "items" if value.is_array() => {
                if self.draft == 2020 {
                    return None;
                }
                made.first = self.list(value)?;
            }
            "items" => made.items = Some(self.add(value)?),
            "additionalItems" => {
                if self.draft == 2020 {
                    return None;
                }
                if all.get("items").is_some_and(Value::is_array) {
                    made.items = Some(self.add(value)?);
                }
            }
            "prefixItems" if self.draft == 2020 => made.first = self.list(value)?,
            "contains" if self.draft >= 6 => made.contains = Some(self.add(value)?),
            "minItems" => made.least = value.as_u64()?,
            "maxItems" => made.most = Some(value.as_u64()?),
            "uniqueItems" => made.unique = value.as_bool()?,
            _ => return None,
        }
        Some(())
    }

    fn object(&mut self, keyword: &str, value: &Value, made: &mut Objects) -> Option<()> {
        match keyword {
            "properties" => {
                for (name, schema) in value.as_object()? {
                    let (slot, id) = (made.slot(name)?, self.add(schema)?);
                    made.properties[slot] = Some(id);
                }
            }
            "patternProperties" => {
                for (pattern, schema) in value.as_object()? {
                    let rule = (self.pattern(pattern)?, self.add(schema)?);
                    made.patterns.push(rule);
                }
            }
            "additionalProperties" => {
                made.others = match value {
                    Value::Bool(true) => Others::Any,
                    Value::Bool(false) => Others::None,
                    schema => Others::Schema(self.add(schema)?),
                };
            }
            "required" => {
                for name in value.as_array()? {
                    let slot = made.slot(name.as_str()?)?;
                    made.required.insert(slot);
                }
            }
            "propertyNames" if self.draft >= 6 => made.property_names = Some(self.add(value)?),
            "minProperties" => made.least = value.as_u64()?,
            "maxProperties" => made.most = Some(value.as_u64()?),
            "dependentRequired" if self.draft >= 2019 => dependent(value, made)?,
            "dependencies" if self.draft <= 7 => dependent(value, made)?,
            _ => return None,
        }
        Some(())
    }

    fn pattern(&self, written: &str) -> Option<TextRule> {
        if let Some(simple) = Pattern::simple(written) {
            return Some(TextRule::Simple(simple));
        }
        self.leaf("pattern", &written.into()).map(TextRule::Pattern)
    }

    /// A validator of one keyword, made as that of the whole schema is.
    fn leaf(&self, keyword: &str, value: &Value) -> Option<Leaf> {
        let draft = self.dialect.draft();
        let mut keywords = Map::new();
        keywords.insert(keyword.to_owned(), value.clone());
        let options = jsonschema::options().with_draft(draft).offline().should_validate_formats(true);
        let options =
            format::with_later_formats(options, draft).with_pattern_options(PatternOptions::regex());
        options.build(&Value::Object(keywords)).ok().map(Leaf::new)
    }
}

/// Dependencies on names; those on schemas are left to the validator.
fn dependent(value: &Value, made: &mut Objects) -> Option<()> {
    for (name, needed) in value.as_object()? {
        let slot = made.slot(name)?;
        let mut slots = super::names::Slots::default();
        for needed in needed.as_array()? {
            slots.insert(made.slot(needed.as_str()?)?);
        }
        made.dependent.push((slot, slots));
    }
    Some(())
}

fn kinds(value: &Value) -> Option<Kinds> {
    let words = match value {
        Value::String(word) => vec![word.as_str()],
        Value::Array(words) => words.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?,
        _ => return None,
    };
    words.into_iter().map(Kinds::bit).try_fold(Kinds(0), |kinds, bit| Some(Kinds(kinds.0 | bit?)))
}

/// `enum` and `const` together are left to the validator.
fn allow(made: &mut Schema, values: &[Value]) -> Option<()> {
    let is_first = made.allowed.is_none();
    made.allowed = Some(Allowed::of(values));
    is_first.then_some(())
}
