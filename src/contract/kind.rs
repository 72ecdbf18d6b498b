//! Finds out what kind of document a tree is, and of which version.

use std::path::Path;

use super::event_schema::article;
use super::model::DocumentKind;
use crate::diagnostic::{Diagnostic, FixSafety, Severity, nearest};
use crate::schema::Dialect;
use crate::source_text::tree::{Node, Number, Value};

/// The document is none that is read here: no AsyncAPI document, no event schema.
pub const UNKNOWN_KIND: &str = "ED0201";
/// The AsyncAPI version is not one that is read here.
pub const UNKNOWN_VERSION: &str = "ED0202";
/// The AsyncAPI version is not text: `2.0` without quotes is a number.
pub const VERSION_NOT_TEXT: &str = "ED0203";

/// The versions read, each with any patch number.
pub const VERSIONS: [&str; 9] =
    ["2.0.0", "2.1.0", "2.2.0", "2.3.0", "2.4.0", "2.5.0", "2.6.0", "3.0.0", "3.1.0"];

/// What a document is.
///
/// # Errors
/// The finding that says why it is none that is read here.
pub fn detect(root: &Node, path: &Path) -> Result<DocumentKind, Box<Diagnostic>> {
    if let Some(kind) = by_ending(root, path) {
        return Ok(kind);
    }
    if !matches!(root.value, Value::Object(_)) {
        let message = format!("not a document eddy knows: it is {}, not a mapping", article(root.kind()));
        return Err(Box::new(
            Diagnostic::new(UNKNOWN_KIND, Severity::Error, message, root.span)
                .expected("object", root.kind())
                .help("an AsyncAPI document begins with `asyncapi: 3.0.0`"),
        ));
    }
    if let Some(version) = root.get("asyncapi") {
        return read_version(version);
    }
    if root.get("x-event").is_some() {
        return Ok(DocumentKind::EventSchema);
    }
    bare_schema(root).ok_or_else(|| Box::new(unknown(root, path)))
}

/// Schemas that have an ending of their own.
fn by_ending(root: &Node, path: &Path) -> Option<DocumentKind> {
    let ending = path.extension()?.to_str()?;
    match (ending, &root.value) {
        ("proto", Value::String(_)) => Some(DocumentKind::Protobuf),
        ("avsc", _) => Some(DocumentKind::Avro),
        _ => None,
    }
}

/// Keywords of which one is enough to take a mapping for a JSON Schema.
const TELLING: [&str; 9] =
    ["$defs", "$ref", "allOf", "anyOf", "definitions", "items", "oneOf", "patternProperties", "properties"];

/// A schema that stands alone, by what it says of itself.
fn bare_schema(root: &Node) -> Option<DocumentKind> {
    let has = |key: &str| root.get(key).is_some();
    if let Some(dialect) = Dialect::stated_by(root) {
        return Some(DocumentKind::JsonSchema(dialect));
    }
    let is_avro = match root.get_str("type") {
        Some("record" | "error") => has("fields"),
        Some("enum") => has("symbols"),
        Some("fixed") => has("size"),
        Some("array") => has("items") && root.get_str("items").is_some(),
        Some("map") => has("values"),
        _ => false,
    };
    if is_avro {
        return Some(DocumentKind::Avro);
    }
    let is_foreign = has("openapi") || has("swagger") || has("specversion") || has("contracts");
    let has_type = has("type") && (has("required") || has("enum") || has("$id") || has("title"));
    let is_schema = has_type || TELLING.iter().any(|keyword| has(keyword));
    (is_schema && !is_foreign).then_some(DocumentKind::JsonSchema(Dialect::Draft202012))
}

fn read_version(node: &Node) -> Result<DocumentKind, Box<Diagnostic>> {
    let Some(version) = node.as_str() else {
        let message = format!("the AsyncAPI version must be text, and this is {}", node.kind());
        let finding = Diagnostic::new(VERSION_NOT_TEXT, Severity::Error, message, node.span);
        let help = "write all three numbers, such as `asyncapi: 3.0.0`";
        let finding = finding.at("/asyncapi").expected("string", node.kind()).help(help);
        let whole = match node.value {
            Value::Number(Number::Float(number)) => format!("{number:.1}.0"),
            _ => String::new(),
        };
        let is_known = version_kind(&whole).is_some();
        let edit = vec![(node.span, format!("\"{whole}\""))];
        let title = format!("write `\"{whole}\"`");
        return Err(Box::new(if is_known { finding.fix(title, FixSafety::Safe, edit) } else { finding }));
    };
    version_kind(version).ok_or_else(|| Box::new(unknown_version(version, node)))
}

/// `2.0` to `2.6` and `3.0` to `3.1`, followed by a patch number of any digits and nothing else.
fn version_kind(version: &str) -> Option<DocumentKind> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = version.split('.').collect();
    let [major, minor, patch] = parts[..] else { return None };
    let minor = minor.parse::<u8>().ok().filter(|_| is_number(minor) && is_number(patch))?;
    match (major, minor) {
        ("2", 0..=6) => Some(DocumentKind::AsyncApi2(minor)),
        ("3", 0..=1) => Some(DocumentKind::AsyncApi3(minor)),
        _ => None,
    }
}

/// The newest known version before one that is not known, by number and not by spelling.
fn before(version: &str) -> Option<&'static str> {
    let numbers = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??, parts.next()??, parts.next()))
            .filter(|(.., more)| more.is_none())
    };
    let wanted = numbers(version)?;
    VERSIONS.into_iter().rev().find(|known| numbers(known).is_some_and(|known| known < wanted))
}

fn unknown_version(version: &str, node: &Node) -> Diagnostic {
    let message = format!("the AsyncAPI version `{version}` is not known");
    let finding = Diagnostic::new(UNKNOWN_VERSION, Severity::Error, message, node.span)
        .at("/asyncapi")
        .expected("2.0.x to 2.6.x, 3.0.x or 3.1.x", version);
    let release = version.split('-').next().unwrap_or_default();
    let completed = format!("{version}.0");
    let near = [release, &completed].into_iter().find(|candidate| version_kind(candidate).is_some());
    let help = match near.or_else(|| before(version)).or_else(|| nearest(version, VERSIONS)) {
        Some(near) => {
            // In quotes, which JSON needs and YAML does not mind.
            let edit = vec![(node.span, format!("\"{near}\""))];
            let fixed = finding.fix(format!("write `{near}`"), FixSafety::Unsafe, edit);
            return fixed.help(format!("did you mean `{near}`? known are 2.0.x to 2.6.x, 3.0.x and 3.1.x"));
        }
        None => "known are 2.0.x to 2.6.x, 3.0.x and 3.1.x",
    };
    finding.help(help)
}

fn unknown(root: &Node, path: &Path) -> Diagnostic {
    let has = |key: &str| root.get(key).is_some();
    let is_workspace = path.file_name().is_some_and(|name| name == "eddy.yaml" || name == "eddy.yml");
    let near = nearest("asyncapi", root.entries().iter().map(|entry| entry.key.as_str()));
    let (what, help) = if is_workspace || (has("contracts") && has("version")) {
        (
            "it is a workspace file",
            "name the contracts themselves, or run in its folder without paths".to_owned(),
        )
    } else if has("openapi") || has("swagger") {
        (
            "it is an OpenAPI document",
            "describe the events in an AsyncAPI document; OpenAPI describes HTTP".to_owned(),
        )
    } else if has("specversion") && has("type") {
        ("it is a CloudEvents event", "give events by `--events`, and contracts as paths".to_owned())
    } else if let Some(near) = near {
        ("it has no `asyncapi`", format!("did you mean `asyncapi` by `{near}`?"))
    } else {
        let help = "an AsyncAPI document begins with `asyncapi: 3.0.0`, an event schema has `x-event`";
        ("it has neither `asyncapi` nor `x-event`, and is no schema", help.to_owned())
    };
    let span = root.entries().first().map_or(root.span, |entry| entry.key_span);
    Diagnostic::new(UNKNOWN_KIND, Severity::Error, format!("not a document eddy validates: {what}"), span)
        .help(help)
}
