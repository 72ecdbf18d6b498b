//! The rules of a mask, as they are written in YAML or JSON.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::replay::json::{FieldPath, PATH_HELP};

/// Bytes a file of rules may have.
const LARGEST: u64 = 1024 * 1024;
/// What stands in place of a redacted value, unless the rule says otherwise.
const REDACTED: &str = "[redacted]";

/// Why rules cannot be used.
#[derive(Debug, Error)]
pub enum MaskError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {reason}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is not as it must be.
    #[error("`{path}` is no mask: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
        /// What to write instead.
        help: Option<String>,
    },
}

/// What is done to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    /// It stays.
    Keep,
    /// A keyed token stands in its place: the same for the same value.
    Token,
    /// A fixed text stands in its place.
    Redact,
    /// It goes, with its name.
    Drop,
}

/// What becomes of fields, headers and keys that neither a rule nor a schema names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// They stay.
    #[default]
    Keep,
    /// The recording ends before them.
    Refuse,
    /// They go.
    Drop,
}

/// What becomes of payloads whose fields are to be masked and cannot be found: no JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Undecodable {
    /// The recording ends before them.
    #[default]
    Refuse,
    /// The event is left out.
    Drop,
    /// A fixed text stands in place of the payload.
    Redact,
}

/// What a schema annotation without a word of its own stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OfSchemas {
    #[default]
    Token,
    Redact,
    Drop,
    /// Schemas mask nothing; for `unknown` they still name fields.
    Ignore,
}

/// What a rule is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum About {
    Field(FieldPath),
    Header(glob::Pattern),
    Attribute(glob::Pattern),
    Key,
    Payload,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    pub about: About,
    pub action: Action,
    pub channel: Option<glob::Pattern>,
    pub text: String,
    /// How it is called in reports.
    pub name: String,
}

/// All rules of a mask.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    pub(super) list: Vec<Rule>,
    /// What becomes of what nothing names.
    pub unknown: Unknown,
    pub(super) undecodable: Undecodable,
    pub(super) schemas: OfSchemas,
    written: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default)]
    unknown: Unknown,
    #[serde(default)]
    undecodable: Undecodable,
    #[serde(default)]
    schemas: OfSchemas,
    #[serde(default)]
    rules: Vec<WrittenRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    field: Option<Texts>,
    header: Option<Texts>,
    attribute: Option<Texts>,
    #[serde(default)]
    key: bool,
    #[serde(default)]
    payload: bool,
    channel: Option<String>,
    action: Action,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts is expected")]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Texts {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Several(texts) => texts,
        }
    }
}

impl Rules {
    /// Reads a file of rules.
    ///
    /// # Errors
    /// [`MaskError`]
    pub fn read(path: &Path) -> Result<Self, MaskError> {
        let unreadable = |reason: String| MaskError::Unreadable { path: path.into(), reason };
        let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
        if size > LARGEST {
            return Err(unreadable(format!("it has {size} bytes, more than a mask has")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        Self::parse(&text).map_err(|(reason, help)| MaskError::Malformed { path: path.into(), reason, help })
    }

    /// Reads rules from a text.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub(super) fn parse(text: &str) -> Result<Self, (String, Option<String>)> {
        let plain = |reason: String| (reason, None);
        let written: Written = serde_yaml::from_str(text).map_err(|error| plain(error.to_string()))?;
        if written.version != 1 {
            return Err((
                format!("its version {} is not known", written.version),
                Some("write `version: 1`".to_owned()),
            ));
        }
        // The same text once more, for the header of the recording.
        let shown: Value = serde_yaml::from_str(text).map_err(|error| plain(error.to_string()))?;
        let mut list = Vec::new();
        for (number, rule) in written.rules.into_iter().enumerate() {
            let rules =
                expanded(rule).map_err(|(reason, help)| (format!("rule {}: {reason}", number + 1), help))?;
            list.extend(rules);
        }
        let Written { unknown, undecodable, schemas, .. } = written;
        Ok(Self { list, unknown, undecodable, schemas, written: shown })
    }

    /// Makes them stricter: what nothing names is refused, unless they say that it goes.
    #[must_use]
    pub fn strict(mut self) -> Self {
        if self.unknown == Unknown::Keep {
            self.unknown = Unknown::Refuse;
        }
        self
    }

    /// Whether a rule asks for tokens, which need a key, or a mark in a schema, where there are `marks`.
    #[must_use]
    pub fn need_key(&self, marks: bool) -> bool {
        let by_rule = self.list.iter().any(|rule| rule.action == Action::Token);
        by_rule || (marks && self.schemas == OfSchemas::Token)
    }

    /// Whether they would mask nothing of any event, where schemas have `marks` or have none.
    #[must_use]
    pub fn mask_nothing(&self, marks: bool) -> bool {
        let by_schemas = marks && self.schemas != OfSchemas::Ignore;
        let keeps_all = self.list.iter().all(|rule| rule.action == Action::Keep);
        keeps_all && self.unknown == Unknown::Keep && !by_schemas
    }

    /// How they stand in the header of a recording: as written, and how strict they were.
    #[must_use]
    pub fn shown(&self) -> Value {
        let mut shown = json!({});
        if let (Value::Object(written), Value::Object(shown)) = (&self.written, &mut shown) {
            shown.clone_from(written);
            shown.insert("unknown".to_owned(), json!(self.unknown));
            shown.insert("undecodable".to_owned(), json!(self.undecodable));
            shown.insert("schemas".to_owned(), json!(self.schemas));
        }
        shown
    }
}

/// The rules one entry stands for: one for each field or header it lists.
fn expanded(rule: WrittenRule) -> Result<Vec<Rule>, (String, Option<String>)> {
    let pattern = |text: &str| {
        glob::Pattern::new(text).map_err(|error| (format!("`{text}` is not a pattern: {error}"), None))
    };
    let channel = rule.channel.as_deref().map(pattern).transpose()?;
    let mut abouts: Vec<(About, String)> = Vec::new();
    for text in rule.field.map(Texts::list).unwrap_or_default() {
        let path: FieldPath = text.parse().map_err(|error: crate::replay::json::PathError| {
            (error.to_string(), Some(PATH_HELP.to_owned()))
        })?;
        abouts.push((About::Field(path), format!("field {text}")));
    }
    for text in rule.header.map(Texts::list).unwrap_or_default() {
        abouts.push((About::Header(pattern(&text.to_lowercase())?), format!("header {text}")));
    }
    for text in rule.attribute.map(Texts::list).unwrap_or_default() {
        abouts.push((About::Attribute(pattern(&text)?), format!("attribute {text}")));
    }
    abouts.extend(rule.key.then(|| (About::Key, "key".to_owned())));
    abouts.extend(rule.payload.then(|| (About::Payload, "payload".to_owned())));
    if abouts.is_empty() {
        let help = "write `field: $.customer.email`, `header: authorization`, `attribute: reply`, `key: true` or `payload: true`";
        return Err(("it says not what it is about".to_owned(), Some(help.to_owned())));
    }
    if rule.text.is_some() && rule.action != Action::Redact {
        return Err(("a `text` is for `redact` only".to_owned(), None));
    }
    let text = rule.text.unwrap_or_else(|| REDACTED.to_owned());
    let made = |(about, name): (About, String)| {
        let name = match &rule.channel {
            Some(channel) => format!("{name} of {channel}"),
            None => name,
        };
        Rule { about, action: rule.action, channel: channel.clone(), text: text.clone(), name }
    };
    Ok(abouts.into_iter().map(made).collect())
}

#[cfg(test)]
mod tests {
    use super::{Rules, Unknown};

    #[test]
    fn rules_are_read_and_each_field_counts_by_itself() {
        let text = "version: 1\nunknown: drop\nrules:\n  - { field: [$.a, /b/*], action: token, channel: 'shop/*' }\n  \
                    - { header: Authorization, action: drop }\n  - { key: true, action: token }\n";
        let rules = Rules::parse(text).expect("rules");
        let names: Vec<&str> = rules.list.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(names, ["field $.a of shop/*", "field /b/* of shop/*", "header Authorization", "key"]);
        assert_eq!(rules.clone().strict().unknown, Unknown::Drop);
        assert_eq!(rules.shown()["rules"][1]["header"], "Authorization");
        assert!(rules.need_key(false));
        assert_eq!(Rules::parse("version: 1").expect("none").strict().unknown, Unknown::Refuse);
    }

    #[test]
    fn the_published_schema_agrees_with_what_is_read() {
        let schema = include_str!("../../../docs/schemas/mask.schema.json");
        let schema = serde_json::from_str(schema).expect("a schema");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let page = include_str!("../../../docs/masking.md");
        let example =
            page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
        for text in [
            example,
            "version: 1\nunknown: refuse\nundecodable: redact\nschemas: ignore",
            "version: 1\nrules: [{ attribute: reply, action: redact, text: x }]",
            "version: 2",
            "version: 1\nrules: [{ action: drop }]",
            "version: 1\nrules: [{ key: true, action: hide }]",
            "version: 1\nunknown: maybe",
        ] {
            let value: serde_json::Value = serde_yaml::from_str(text).expect("YAML");
            assert_eq!(validator.is_valid(&value), Rules::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_mask_says_why() {
        for (text, part) in [
            ("", "version"),
            ("version: 2", "version 2 is not known"),
            ("version: 1\nrulez: []", "rulez"),
            ("version: 1\nrules: [{action: drop}]", "rule 1: it says not what it is about"),
            ("version: 1\nrules: [{field: email, action: drop}]", "rule 1: `email` is not a path"),
            ("version: 1\nrules: [{field: $.a, action: hide}]", "hide"),
            ("version: 1\nrules: [{field: $.a, action: drop, text: x}]", "for `redact` only"),
            ("version: 1\nrules: [{header: '[', action: drop}]", "is not a pattern"),
        ] {
            let (reason, _) = Rules::parse(text).expect_err(text);
            assert!(reason.contains(part), "{text}: {reason}");
        }
    }
}
