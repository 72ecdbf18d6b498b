//! The functions a rule may call on a value, by the names and options of the Spectral rulesets.

use std::collections::HashSet;
use std::path::Path as FilePath;

use regex::Regex;
use serde_json::Value as Json;

use super::found::Found;
use super::path::expression;
use crate::schema::{Compiled, Compiler, Dialect};
use crate::source_text::documents::{Documents, reference_of};
use crate::source_text::tree::{Node, NodeRef, Value};
use crate::source_text::{Limits, Sources, Span};

/// A function with its options.
pub enum Function {
    Truthy,
    Falsy,
    Defined,
    Undefined,
    Pattern { wanted: Option<Regex>, unwanted: Option<Regex> },
    Casing { name: String, pattern: Regex },
    Length { min: Option<u64>, max: Option<u64> },
    Enumeration(Vec<Json>),
    Schema(Box<Compiled>),
    Xor(Vec<String>),
    Or(Vec<String>),
    Alphabetical { keyed_by: Option<String> },
    Unreferenced { place: String },
}

/// What a function finds wrong: a fragment, and a place when it is another than that of the value.
pub struct Fault {
    pub message: String,
    pub span: Option<Span>,
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self { message, span: None }
    }
}

/// Why a function cannot be used.
pub enum Refusal {
    /// It is not one of these.
    Unsupported,
    /// Its options are wrong.
    Options(String),
}

impl Function {
    /// The function of a name with its options.
    pub fn read(name: &str, options: Option<&Node>) -> Result<Self, Refusal> {
        let json = options.map_or(Json::Null, Node::to_json);
        let wrong = |text: &str| Refusal::Options(text.to_owned());
        Ok(match name {
            "truthy" => Self::Truthy,
            "falsy" => Self::Falsy,
            "defined" => Self::Defined,
            "undefined" => Self::Undefined,
            "pattern" => {
                let read =
                    |key: &str| json[key].as_str().map(expression).transpose().map_err(Refusal::Options);
                let (wanted, unwanted) = (read("match")?, read("notMatch")?);
                if wanted.is_none() && unwanted.is_none() {
                    return Err(wrong("`pattern` needs `match` or `notMatch`"));
                }
                Self::Pattern { wanted, unwanted }
            }
            "casing" => casing(&json)?,
            "length" => {
                let (min, max) = (json["min"].as_u64(), json["max"].as_u64());
                if min.is_none() && max.is_none() {
                    return Err(wrong("`length` needs `min` or `max`"));
                }
                Self::Length { min, max }
            }
            "enumeration" => Self::Enumeration(
                json["values"].as_array().ok_or_else(|| wrong("`enumeration` needs `values`"))?.clone(),
            ),
            "schema" => Self::Schema(Box::new(schema(&json["schema"])?)),
            "xor" => Self::Xor(properties(&json).ok_or_else(|| wrong("`xor` needs a list of `properties`"))?),
            "or" => Self::Or(properties(&json).ok_or_else(|| wrong("`or` needs a list of `properties`"))?),
            "alphabetical" => Self::Alphabetical { keyed_by: json["keyedBy"].as_str().map(str::to_owned) },
            "unreferencedReusableObject" => {
                let place = json["reusableObjectsLocation"].as_str();
                let place = place.ok_or_else(|| wrong("it needs `reusableObjectsLocation`"))?;
                Self::Unreferenced { place: place.trim_end_matches('/').to_owned() }
            }
            _ => return Err(Refusal::Unsupported),
        })
    }

    /// What is wrong with a value; `None` is a value that is not there.
    pub fn check(&self, found: Option<&Found>, root: &NodeRef) -> Vec<Fault> {
        let Some(found) = found else {
            return match self {
                Self::Truthy | Self::Defined => vec!["it must be there".to_owned().into()],
                _ => Vec::new(),
            };
        };
        let value = found.value();
        let fault: Option<String> = match self {
            Self::Truthy => is_empty(&value).then(|| "it must not be empty".to_owned()),
            Self::Falsy => (!is_empty(&value)).then(|| "it must be empty".to_owned()),
            Self::Defined => None,
            Self::Undefined => Some("it must not be there".to_owned()),
            Self::Pattern { wanted, unwanted } => {
                value.as_str().and_then(|text| pattern(text, wanted.as_ref(), unwanted.as_ref()))
            }
            Self::Casing { name, pattern } => {
                let text = value.as_str().filter(|text| !pattern.is_match(text));
                text.map(|text| format!("`{text}` must be in {name} case"))
            }
            Self::Length { min, max } => length(&value, *min, *max),
            Self::Enumeration(values) => {
                let is_other = !value.is_object() && !value.is_array() && !values.contains(&value);
                is_other.then(|| format!("`{}` must be one of {}", plain(&value), listed(values)))
            }
            Self::Schema(schema) => return violations(schema, found, &value),
            Self::Xor(names) => one_of(&value, names, true),
            Self::Or(names) => one_of(&value, names, false),
            Self::Alphabetical { keyed_by } => return alphabetical(&found.node, keyed_by.as_deref()),
            Self::Unreferenced { place } => return unreferenced(&found.node, place, root),
        };
        fault.into_iter().map(Fault::from).collect()
    }
}

fn properties(options: &Json) -> Option<Vec<String>> {
    let names = options["properties"].as_array()?.iter().map(|name| name.as_str().map(str::to_owned));
    names.collect::<Option<Vec<_>>>().filter(|names| !names.is_empty())
}

fn casing(options: &Json) -> Result<Function, Refusal> {
    let name = options["type"].as_str().unwrap_or_default();
    let digits = if options["disallowDigits"] == true { "" } else { "0-9" };
    let word = match name {
        "flat" => format!("[a-z][a-z{digits}]*"),
        "camel" => format!("[a-z][a-z{digits}]*(?:[A-Z{digits}](?:[a-z{digits}]+|$))*"),
        "pascal" => format!("[A-Z][a-z{digits}]*(?:[A-Z{digits}](?:[a-z{digits}]+|$))*"),
        "kebab" => format!("[a-z][a-z{digits}]*(?:-[a-z{digits}]+)*"),
        "cobol" => format!("[A-Z][A-Z{digits}]*(?:-[A-Z{digits}]+)*"),
        "snake" => format!("[a-z][a-z{digits}]*(?:_[a-z{digits}]+)*"),
        "macro" => format!("[A-Z][A-Z{digits}]*(?:_[A-Z{digits}]+)*"),
        _ => {
            return Err(Refusal::Options(
                "`casing` needs a `type`: flat, camel, pascal, kebab, cobol, snake, macro".into(),
            ));
        }
    };
    let separator = &options["separator"];
    let leading = if separator["allowLeading"] == true { "?" } else { "" };
    let pattern = match separator["char"].as_str() {
        Some(text) => {
            let text = regex::escape(text);
            let first = if leading.is_empty() { String::new() } else { format!("(?:{text})?") };
            format!("^{first}{word}(?:{text}{word})*$")
        }
        None => format!("^{word}$"),
    };
    let pattern = Regex::new(&pattern).map_err(|error| Refusal::Options(error.to_string()))?;
    Ok(Function::Casing { name: name.to_owned(), pattern })
}

fn schema(schema: &Json) -> Result<Compiled, Refusal> {
    if schema.is_null() {
        return Err(Refusal::Options("`schema` needs a `schema`".to_owned()));
    }
    let (mut documents, mut sources) = (Documents::default(), Sources::default());
    let file = documents.add_text(
        &mut sources,
        FilePath::new("schema.json"),
        schema.to_string(),
        &Limits::default(),
    );
    let root =
        documents.root(file).cloned().ok_or_else(|| Refusal::Options("the schema is empty".to_owned()))?;
    let place = crate::source_text::Resolved { node: root, file, pointer: String::new() };
    let compiled = Compiler::new(&documents).compile(&place, Dialect::Draft7);
    compiled.map_err(|problems| {
        let first = problems.first().map_or_else(String::new, |problem| problem.message.clone());
        Refusal::Options(format!("the schema is wrong: {first}"))
    })
}

fn is_empty(value: &Json) -> bool {
    value.is_null() || *value == false || *value == "" || value.as_f64() == Some(0.0)
}

fn pattern(text: &str, wanted: Option<&Regex>, unwanted: Option<&Regex>) -> Option<String> {
    let misses = wanted.filter(|pattern| !pattern.is_match(text));
    let hits = unwanted.filter(|pattern| pattern.is_match(text));
    let misses = misses.map(|pattern| format!("`{text}` must match `{pattern}`"));
    misses.or_else(|| hits.map(|pattern| format!("`{text}` must not match `{pattern}`")))
}

fn length(value: &Json, min: Option<u64>, max: Option<u64>) -> Option<String> {
    let length = match value {
        Json::String(text) => text.chars().count() as u64,
        Json::Array(items) => items.len() as u64,
        Json::Object(entries) => entries.len() as u64,
        Json::Number(number) => number.as_u64()?,
        _ => return None,
    };
    let below = min
        .filter(|min| length < *min)
        .map(|min| format!("its length is {length}, at least {min} is wanted"));
    below.or_else(|| {
        max.filter(|max| length > *max).map(|max| format!("its length is {length}, at most {max} is allowed"))
    })
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn listed(values: &[Json]) -> String {
    let names: Vec<String> = values.iter().map(|value| format!("`{}`", plain(value))).collect();
    names.join(", ")
}

fn violations(schema: &Compiled, found: &Found, value: &Json) -> Vec<Fault> {
    let violations = if found.means_key { schema.check_value(value) } else { schema.check_tree(&found.node) };
    violations
        .into_iter()
        .map(|violation| Fault { message: violation.message, span: violation.span })
        .collect()
}

fn one_of(value: &Json, names: &[String], exactly: bool) -> Option<String> {
    let there = names.iter().filter(|name| value.get(name.as_str()).is_some()).count();
    let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let listed = listed.join(", ");
    match (there, exactly) {
        (0, _) => Some(format!("one of {listed} must be there")),
        (2.., true) => Some(format!("only one of {listed} may be there")),
        _ => None,
    }
}

fn alphabetical(node: &Node, keyed_by: Option<&str>) -> Vec<Fault> {
    let names: Vec<(String, Span)> = match (&node.value, keyed_by) {
        (Value::Object(entries), _) => {
            entries.iter().map(|entry| (entry.key.clone(), entry.key_span)).collect()
        }
        (Value::Array(items), Some(key)) => items
            .iter()
            .filter_map(|item| Some((item.get_str(key)?.to_owned(), item.get(key)?.span)))
            .collect(),
        (Value::Array(items), None) => {
            items.iter().filter_map(|item| Some((item.as_str()?.to_owned(), item.span))).collect()
        }
        _ => Vec::new(),
    };
    let pair = names.windows(2).find(|pair| pair[0].0 > pair[1].0);
    let fault = pair.map(|pair| Fault {
        message: format!("`{}` must stand before `{}`", pair[1].0, pair[0].0),
        span: Some(pair[1].1),
    });
    fault.into_iter().collect()
}

fn unreferenced(objects: &Node, place: &str, root: &NodeRef) -> Vec<Fault> {
    let mut references = HashSet::new();
    gather(root, &mut references);
    let is_named = |key: &str| {
        let key = key.replace('~', "~0").replace('/', "~1");
        let whole = format!("{place}/{key}");
        references.iter().any(|reference| {
            reference
                .strip_prefix(whole.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let unused = objects.entries().iter().filter(|entry| !is_named(&entry.key));
    let fault = |entry: &crate::source_text::tree::Entry| Fault {
        message: format!("nothing refers to `{}`", entry.key),
        span: Some(entry.key_span),
    };
    unused.map(fault).collect()
}

fn gather<'n>(node: &'n NodeRef, references: &mut HashSet<&'n str>) {
    if let Some((reference, _)) = reference_of(node) {
        references.insert(reference);
    }
    node.entries().iter().for_each(|entry| gather(&entry.value, references));
    node.items().iter().for_each(|item| gather(item, references));
}
