//! `template.yaml`, template format 1: what a template is called, what it asks, and how its files are treated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_yaml::{Mapping, Value as Yaml};

use super::error::ScaffoldError;
use super::identifiers::Language;
use super::lock;
use crate::diagnostic::nearest;

/// The name of the manifest in a template.
pub const MANIFEST: &str = "template.yaml";

/// The format this program reads.
pub const FORMAT: u32 = 1;

/// A manifest as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format; 1.
    pub format: u32,
    /// The template's name.
    pub name: String,
    /// The template's version.
    pub version: String,
    /// One line for lists.
    pub description: String,
    /// What it needs.
    #[serde(default)]
    pub requires: Requires,
    /// What it is fed with besides answers.
    #[serde(default)]
    pub input: Input,
    /// The language of its code: how names and types of a contract are written.
    #[serde(default)]
    pub language: Language,
    /// Questions and computed values, in order.
    #[serde(default, deserialize_with = "in_order")]
    pub variables: Vec<(String, Variable)>,
    /// Rules for files; of several that match, the first counts.
    #[serde(default)]
    pub files: Vec<FileRule>,
    /// Text shown after writing, rendered.
    #[serde(default)]
    pub next_steps: String,
    /// What every project of it has, whatever the answers, of what `eddy add` adds to others.
    #[serde(default)]
    pub includes: Vec<Feature>,
    /// Templates this one stands on: a later one counts more than an earlier one, and this one more than all.
    #[serde(default)]
    pub extends: Vec<String>,
    /// Projects that lie in the project, each with a lock of its own.
    #[serde(default)]
    pub projects: Vec<ProjectRule>,
    /// What projects of earlier versions need, by the version that needs it.
    #[serde(default)]
    pub migrations: Vec<Migration>,
    /// What was read, of all templates it stands on.
    #[serde(skip)]
    pub text: String,
}

/// What changes in a project that comes to a version of its template from an earlier one; nothing of it is run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// The version that needs it.
    pub to: String,
    /// Files that move: from, to.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// Files that go, `once` ones too, unless they were changed.
    #[serde(default)]
    pub remove: Vec<String>,
    /// Answers that have another name: from, to.
    #[serde(default)]
    pub answers: BTreeMap<String, String>,
    /// What to tell.
    #[serde(default)]
    pub message: Option<String>,
}

impl Migration {
    fn contradiction(&self) -> Option<String> {
        let paths = self.rename.iter().flat_map(|(from, to)| [from, to]).chain(&self.remove);
        for path in paths {
            if let Some(fault) = lock::fault_of_path(path) {
                return Some(format!("migrations: to {}: `{}`: {fault}", self.to, path.escape_debug()));
            }
        }
        let is_version = self.to.split('.').all(|part| part.parse::<u64>().is_ok());
        (!is_version).then(|| format!("migrations: `{}` is no version such as `1.2.0`", self.to))
    }
}

/// A part of a service that `eddy add` can switch on; a template asks for it by a `bool` of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Events are written with the effect and sent afterwards.
    Outbox,
    /// Events that cannot be handled go to an address of their own.
    DeadLetter,
}

impl Feature {
    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Outbox => "outbox",
            Self::DeadLetter => "dead letters",
        }
    }

    /// The variable that asks for it.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Outbox => "outbox",
            Self::DeadLetter => "dead_letter",
        }
    }
}

/// What a template needs of the program.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requires {
    /// The lowest version of eddy, `0.1` or `0.1.0`.
    pub eddy: Option<String>,
}

/// What a template is fed with besides answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Whether it reads a contract.
    #[serde(default)]
    pub contract: ContractInput,
}

/// Whether a template reads a contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContractInput {
    /// It must be given one.
    Required,
    /// It may be given one.
    Optional,
    /// It reads none.
    #[default]
    None,
}

/// What kind of value a variable holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VariableKind {
    /// Text.
    #[default]
    String,
    /// Yes or no.
    Bool,
    /// One of `choices`.
    Choice,
    /// A whole number.
    Int,
}

/// A question, or a value computed from others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its kind.
    #[serde(rename = "type", default)]
    pub kind: VariableKind,
    /// What to ask.
    pub prompt: Option<String>,
    /// The answer when none is given; text with `{{ }}` is rendered with what is known by then.
    pub default: Option<serde_json::Value>,
    /// The answers of a choice.
    #[serde(default)]
    pub choices: Vec<String>,
    /// What an answer must fulfil.
    pub check: Option<Check>,
    /// An expression; the question is asked only when it is true, else the default holds.
    pub when: Option<String>,
    /// A text to render; a computed variable is never asked.
    pub compute: Option<String>,
}

/// What an answer must fulfil.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// A regular expression the whole answer must match.
    pub matches: Option<String>,
    /// The allowed answers.
    pub one_of: Option<Vec<serde_json::Value>>,
    /// What to say when it does not.
    pub message: Option<String>,
}

/// How a file fares when template or contract move on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Always written anew; not to be edited.
    Generated,
    /// Written once, then the user's.
    Once,
    /// Owned by both, merged.
    #[default]
    Merge,
    /// Copied byte for byte, never rendered.
    Raw,
}

/// How the files of a pattern are treated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRule {
    /// A glob over paths in the template, without the suffix `.j2`.
    pub path: String,
    /// How it fares later.
    #[serde(default)]
    pub policy: Policy,
    /// An expression; the file is written only when it is true.
    pub when: Option<String>,
    /// `LIST as NAME`: the file is written once per item.
    pub each: Option<String>,
    /// The last part of the path, rendered; needed with `each`.
    pub name: Option<String>,
}

/// A project that lies in the project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectRule {
    /// The template it is made of, one that is built in.
    pub template: String,
    /// Its directory, rendered part by part; without it when a part becomes empty.
    pub path: String,
    /// Its contract: the path of a file of the template, or of one of a project before it, rendered.
    #[serde(default)]
    pub contract: Option<String>,
    /// Its answers, texts rendered; questions that are missing here have their default.
    #[serde(default)]
    pub answers: BTreeMap<String, serde_json::Value>,
}

impl ProjectRule {
    fn contradiction(&self) -> Option<String> {
        let is_name = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        let is_built_in = !self.template.is_empty() && self.template.chars().all(is_name);
        (!is_built_in).then(|| {
            format!(
                "projects: `{}`: the template of a project is one that is built in, not `{}`",
                self.path.escape_debug(),
                self.template.escape_debug()
            )
        })
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When it is not YAML, has a key the format does not know, or contradicts itself.
    pub fn read(template: &str, text: &str) -> Result<Self, ScaffoldError> {
        let refuse = |message: String, help: Option<String>| ScaffoldError::NotATemplate {
            template: template.to_owned(),
            message: format!("{MANIFEST}: {message}"),
            help,
        };
        let manifest: Self = serde_yaml::from_str(text).map_err(|error| {
            let message = error.to_string();
            let help = did_you_mean(&message);
            refuse(message, help)
        })?;
        let manifest = Self { text: text.to_owned(), ..manifest };
        manifest.contradiction().map_or(Ok(manifest), |message| Err(refuse(message, None)))
    }

    /// Reads one manifest of several that lie over each other, the last one uppermost.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_layers(template: &str, texts: &[String]) -> Result<Self, ScaffoldError> {
        let refuse = |message: String| ScaffoldError::NotATemplate {
            template: template.to_owned(),
            message: format!("{MANIFEST}: {message}"),
            help: None,
        };
        let mut whole = Mapping::new();
        for text in texts {
            let layer = serde_yaml::from_str(text).map_err(|error| refuse(error.to_string()))?;
            lay_over(&mut whole, layer);
        }
        let text = serde_yaml::to_string(&whole).map_err(|error| refuse(error.to_string()))?;
        Self::read(template, &text)
    }

    fn contradiction(&self) -> Option<String> {
        if self.format != FORMAT {
            return Some(format!("format {} is not known; this program reads format {FORMAT}", self.format));
        }
        if let Some(wanted) = self.requires.eddy.as_deref().filter(|wanted| !is_at_least(wanted)) {
            return Some(format!("it needs eddy {wanted}, this is {}", env!("CARGO_PKG_VERSION")));
        }
        if let Some(message) = self.migrations.iter().find_map(Migration::contradiction) {
            return Some(message);
        }
        if let Some(message) = self.escape() {
            return Some(message);
        }
        let bad_variable = self.variables.iter().find_map(|(name, variable)| variable.contradiction(name));
        let bad_file = || self.files.iter().find_map(FileRule::contradiction);
        bad_variable.or_else(bad_file).or_else(|| self.projects.iter().find_map(ProjectRule::contradiction))
    }
}

impl Manifest {
    /// Texts that people are shown may not move their cursor, colour their terminal or turn lines around.
    fn escape(&self) -> Option<String> {
        let mut shown =
            vec![("name", &self.name), ("version", &self.version), ("description", &self.description)];
        shown.extend(self.migrations.iter().filter_map(|one| Some(("message", one.message.as_ref()?))));
        shown.push(("next_steps", &self.next_steps));
        for (_, variable) in &self.variables {
            shown.extend(variable.prompt.iter().map(|text| ("prompt", text)));
            shown.extend(variable.choices.iter().map(|text| ("choice", text)));
            shown
                .extend(variable.check.iter().filter_map(|check| Some(("message", check.message.as_ref()?))));
        }
        let may_have_lines = |what: &str| ["next_steps", "message"].contains(&what);
        let is_bad =
            |what: &str, letter: char| is_escape(letter) && !(may_have_lines(what) && letter == '\n');
        let (what, text) =
            shown.into_iter().find(|(what, text)| text.chars().any(|one| is_bad(what, one)))?;
        Some(format!("{what} `{}`: it has control characters", text.escape_debug()))
    }
}

/// Control characters, and those that turn the direction of what follows.
#[must_use]
pub fn is_escape(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// The upper manifest over the lower one: variables by name, rules of the upper one first, features of both.
fn lay_over(lower: &mut Mapping, upper: Mapping) {
    for (key, value) in upper {
        match (key.as_str(), lower.get_mut(&key), value) {
            (Some("variables"), Some(Yaml::Mapping(below)), Yaml::Mapping(above)) => below.extend(above),
            (Some("files"), Some(Yaml::Sequence(below)), Yaml::Sequence(mut above)) => {
                // A rule for the same files takes the place of the one below, which would have none left.
                below.retain(|rule| above.iter().all(|upper| upper.get("path") != rule.get("path")));
                above.append(below);
                *below = above;
            }
            (Some("includes"), Some(Yaml::Sequence(below)), Yaml::Sequence(above)) => below.extend(above),
            (_, _, value) => drop(lower.insert(key, value)),
        }
    }
}

impl Variable {
    fn contradiction(&self, name: &str) -> Option<String> {
        let is_name = name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        if !is_name || name.is_empty() {
            return Some(format!("variable `{name}`: names are small letters, digits and `_`"));
        }
        if RESERVED_VARIABLES.contains(&name) {
            return Some(format!("variable `{name}`: this name is taken by the contract"));
        }
        let is_secret = ["password", "secret", "api_key", "access_key", "access_token", "private_key"]
            .iter()
            .any(|end| name == *end || name.ends_with(&format!("_{end}")));
        if is_secret {
            return Some(format!(
                "variable `{name}`: it asks for a secret, which would be written into the lock; let the service read it when it starts"
            ));
        }
        if self.kind == VariableKind::Choice && self.choices.is_empty() {
            return Some(format!("variable `{name}`: a choice needs `choices`"));
        }
        if self.compute.is_some() && (self.prompt.is_some() || self.default.is_some()) {
            return Some(format!("variable `{name}`: a computed variable has no prompt and no default"));
        }
        let pattern = self.check.as_ref().and_then(|check| check.matches.as_deref())?;
        regex::Regex::new(pattern).err().map(|error| format!("variable `{name}`: check: {error}"))
    }

    /// What to ask: the prompt, or the name.
    #[must_use]
    pub fn question<'a>(&'a self, name: &'a str) -> &'a str {
        self.prompt.as_deref().unwrap_or(name)
    }
}

/// Names that templates are given besides their variables.
pub const RESERVED_VARIABLES: [&str; 6] =
    ["contract", "receives", "sends", "messages", "types", "eddy_version"];

impl FileRule {
    fn contradiction(&self) -> Option<String> {
        if let Err(error) = glob::Pattern::new(&self.path) {
            return Some(format!("files: `{}` is not a pattern: {error}", self.path));
        }
        if self.each.is_some() && self.name.is_none() {
            return Some(format!("files: `{}` has `each` and so needs `name`", self.path));
        }
        let each = self.each.as_deref()?;
        let well_formed = each.rsplit_once(" as ").is_some_and(|(_, name)| !name.trim().is_empty());
        (!well_formed).then(|| format!("files: `{}`: each is written `LIST as NAME`", self.path))
    }
}

/// The key serde refused and the keys it would have taken, as a hint.
fn did_you_mean(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unknown field ")?;
    let names: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let (wrong, known) = names.split_first()?;
    nearest(wrong, known.iter().copied()).map(|near| format!("did you mean `{near}`?"))
}

/// Is this program at least of the version given, compared number by number.
fn is_at_least(wanted: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        text.split(['-', '+'])
            .next()
            .unwrap_or("")
            .split('.')
            .map(|part| part.trim().parse().unwrap_or(0))
            .collect()
    };
    numbers(env!("CARGO_PKG_VERSION")) >= numbers(wanted.trim_start_matches(['>', '=', ' ']))
}

/// Keeps the order in which a mapping was written.
fn in_order<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Variable)>, D::Error> {
    struct Ordered;
    impl<'de> serde::de::Visitor<'de> for Ordered {
        type Value = Vec<(String, Variable)>;
        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a mapping of variables")
        }
        fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut seen = BTreeMap::new();
            let mut variables = Vec::new();
            while let Some((name, variable)) = map.next_entry::<String, Variable>()? {
                if seen.insert(name.clone(), ()).is_some() {
                    return Err(serde::de::Error::custom(format!("variable `{name}` is written twice")));
                }
                variables.push((name, variable));
            }
            Ok(variables)
        }
    }
    deserializer.deserialize_map(Ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "format: 1\nname: x\nversion: 1.0.0\ndescription: X\n";

    fn refusal(more: &str) -> (String, Option<String>) {
        let error = Manifest::read("x", &format!("{HEAD}{more}")).expect_err("refused");
        (error.to_string(), error.help())
    }

    #[test]
    fn variables_keep_their_order() {
        let manifest =
            Manifest::read("x", &format!("{HEAD}variables: {{ zed: {{}}, ant: {{ type: bool }} }}\n"));
        let names: Vec<String> =
            manifest.expect("reads").variables.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["zed", "ant"]);
    }

    #[test]
    fn a_slip_in_a_key_gets_a_suggestion() {
        let (message, help) = refusal("variables: { a: { promt: hello } }\n");
        assert!(message.contains("unknown field `promt`"), "{message}");
        assert_eq!(help.as_deref(), Some("did you mean `prompt`?"));
    }

    #[test]
    fn contradictions_are_named() {
        assert!(refusal("variables: { a: { type: choice } }\n").0.contains("needs `choices`"));
        assert!(refusal("variables: { contract: {} }\n").0.contains("taken by the contract"));
        assert!(refusal("files: [{ path: a, each: receives as op }]\n").0.contains("needs `name`"));
        assert!(refusal("files: [{ path: a, each: receives, name: b }]\n").0.contains("LIST as NAME"));
        assert!(refusal("requires: { eddy: '>= 99.0' }\n").0.contains("needs eddy"));
        let newer =
            Manifest::read("x", "format: 2\nname: x\nversion: 1\ndescription: X\n").expect_err("refused");
        assert!(newer.to_string().contains("format 2 is not known"));
    }
}
