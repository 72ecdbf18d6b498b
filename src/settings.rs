//! Settings: flags over environment variables over the workspace file over defaults. The only reader of the process environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::diagnostic::Severity;
use crate::endpoint::Credentials;

mod malformed;

pub use malformed::Malformed;

/// The name of the workspace file.
pub const WORKSPACE_FILE: &str = "eddy.yaml";

/// The process environment as it was at the start; nothing else reads it.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    program: Option<PathBuf>,
}

impl Environment {
    /// Takes the variables whose names and values are UTF-8.
    pub fn from_process(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let variables = variables
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { variables, program: None }
    }

    /// Adds the path of the running program.
    #[must_use]
    pub fn with_program(mut self, program: Option<PathBuf>) -> Self {
        self.program = program;
        self
    }

    /// The path of the running program, for commands that start it once more.
    #[must_use]
    pub fn program(&self) -> Option<&Path> {
        self.program.as_deref()
    }

    /// The value of a variable; an empty one counts as not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.variables.get(name).map(String::as_str);
        found.filter(|value| !value.is_empty())
    }

    /// Whether the locale writes UTF-8; one that says nothing is taken to.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| self.get(name));
        locale.is_none_or(|locale| {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
    }
}

/// Why settings could not be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is not a workspace file.
    #[error("{0}")]
    Malformed(Box<Malformed>),
    /// A format this program does not know.
    #[error("`{path}` has version {version}, which this program does not know")]
    Version {
        /// The file.
        path: PathBuf,
        /// The version found.
        version: u32,
    },
    /// A name that does not exist.
    #[error("there is no {what} `{name}` in `{path}`")]
    Unknown {
        /// `environment` or `server`.
        what: &'static str,
        /// The name asked for.
        name: String,
        /// The file.
        path: PathBuf,
        /// Names that exist.
        known: Vec<String>,
    },
    /// `${VARIABLE}` that is not set.
    #[error("`${{{name}}}` in `{path}` is not set")]
    Unset {
        /// The variable.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// `${` without its `}`.
    #[error("`{text}` in `{path}` has `${{` without `}}`")]
    Unclosed {
        /// The text.
        text: String,
        /// The file.
        path: PathBuf,
    },
    /// A pattern that is no glob.
    #[error("`{pattern}` in `{path}` is not a pattern: {message}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

/// The level of a rule in the workspace file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleLevel {
    /// The rule does not run.
    Off,
    /// Report as a hint.
    Hint,
    /// Report as information.
    Info,
    /// Report as a warning.
    Warning,
    /// Report as an error.
    Error,
}

impl RuleLevel {
    /// The severity, or `None` when the rule is off.
    #[must_use]
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::Hint => Some(Severity::Hint),
            Self::Info => Some(Severity::Info),
            Self::Warning => Some(Severity::Warning),
            Self::Error => Some(Severity::Error),
        }
    }
}

/// User and password for the servers of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSettings {
    /// The user; `${VARIABLE}` is replaced.
    pub username: String,
    /// The password; write `${VARIABLE}` rather than the secret itself.
    #[serde(default, skip_serializing)]
    pub password: String,
}

/// A named set of servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentSettings {
    /// Used when `--env` is not given.
    #[serde(default)]
    pub default: bool,
    /// Writing to it must be confirmed by its name.
    #[serde(default)]
    pub protected: bool,
    /// Addresses of servers by name; `embedded` is the broker of `eddy broker` at its default address.
    #[serde(default)]
    pub servers: BTreeMap<String, String>,
    /// Credentials for all of them.
    #[serde(default)]
    pub auth: Option<AuthSettings>,
}

/// The workspace file `eddy.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceSettings {
    /// The format of this file: 1.
    pub version: u32,
    /// Patterns of AsyncAPI documents, relative to this file.
    #[serde(default)]
    pub contracts: Vec<String>,
    /// Patterns of plain event schemas, relative to this file.
    #[serde(default)]
    pub events: Vec<String>,
    /// Environments by name.
    #[serde(default)]
    pub environments: BTreeMap<String, EnvironmentSettings>,
    /// Levels of rules by code.
    #[serde(default)]
    pub rules: BTreeMap<String, RuleLevel>,
    /// Patterns of files with rules of your own, relative to this file.
    #[serde(default, rename = "rules-from")]
    pub rules_from: Vec<String>,
}

/// A workspace: its directory and its file.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The directory of the file.
    pub root: PathBuf,
    /// What the file says.
    pub settings: WorkspaceSettings,
}

/// The address `embedded` stands for.
pub const EMBEDDED_ADDRESS: &str = "mqtt://127.0.0.1:18830";

impl Workspace {
    /// Looks for `eddy.yaml` in `start` and the directories above it.
    ///
    /// # Errors
    /// When a file is there but cannot be read or understood.
    pub fn find(start: &Path) -> Result<Option<Self>, SettingsError> {
        let found = start.ancestors().find(|directory| directory.join(WORKSPACE_FILE).is_file());
        found.map(Self::open).transpose()
    }

    /// Reads `eddy.yaml` in `root`.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn open(root: &Path) -> Result<Self, SettingsError> {
        let path = root.join(WORKSPACE_FILE);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| SettingsError::Unreadable { path: path.clone(), source })?;
        let settings: WorkspaceSettings = serde_yaml::from_str(&text)
            .map_err(|error| SettingsError::Malformed(Box::new(Malformed::new(&path, &text, &error))))?;
        if settings.version != 1 {
            return Err(SettingsError::Version { path, version: settings.version });
        }
        Ok(Self { root: root.to_owned(), settings })
    }

    /// The path of the workspace file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.root.join(WORKSPACE_FILE)
    }

    /// Files that `contracts` and `events` name, sorted, each once.
    ///
    /// # Errors
    /// When a pattern is no pattern.
    pub fn documents(&self) -> Result<Vec<PathBuf>, SettingsError> {
        self.matching(self.settings.contracts.iter().chain(&self.settings.events))
    }

    /// Files that `rules-from` names, sorted, each once.
    ///
    /// # Errors
    /// When a pattern is no pattern.
    pub fn rule_files(&self) -> Result<Vec<PathBuf>, SettingsError> {
        self.matching(self.settings.rules_from.iter())
    }

    fn matching<'a>(
        &self,
        patterns: impl Iterator<Item = &'a String>,
    ) -> Result<Vec<PathBuf>, SettingsError> {
        let mut paths = Vec::new();
        for pattern in patterns {
            let full = self.root.join(pattern);
            let matches = glob::glob(&full.to_string_lossy()).map_err(|error| SettingsError::Pattern {
                pattern: pattern.clone(),
                path: self.file(),
                message: error.to_string(),
            })?;
            paths.extend(matches.filter_map(Result::ok).filter(|path| path.is_file()));
        }
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    /// The environment called `name`, or the default one, with its name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn environment(
        &self,
        name: Option<&str>,
    ) -> Result<Option<(String, &EnvironmentSettings)>, SettingsError> {
        let all = &self.settings.environments;
        let Some(name) = name else {
            let chosen = all.iter().find(|(_, each)| each.default);
            let chosen = chosen.or_else(|| all.iter().next().filter(|_| all.len() == 1));
            return Ok(chosen.map(|(name, each)| (name.clone(), each)));
        };
        match all.get(name) {
            Some(found) => Ok(Some((name.to_owned(), found))),
            None => Err(SettingsError::Unknown {
                what: "environment",
                name: name.to_owned(),
                path: self.file(),
                known: all.keys().cloned().collect(),
            }),
        }
    }

    /// The text with each `${VARIABLE}` replaced.
    ///
    /// # Errors
    /// When one is not set.
    pub fn expand(&self, text: &str, environment: &Environment) -> Result<String, SettingsError> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let Some(length) = rest[start..].find('}') else {
                return Err(SettingsError::Unclosed { text: text.to_owned(), path: self.file() });
            };
            let name = &rest[start + 2..start + length];
            let value = environment
                .get(name)
                .ok_or_else(|| SettingsError::Unset { name: name.to_owned(), path: self.file() })?;
            expanded.push_str(&rest[..start]);
            expanded.push_str(value);
            rest = &rest[start + length + 1..];
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// The credentials of an environment, variables replaced.
    ///
    /// # Errors
    /// When a variable is not set.
    pub fn credentials(
        &self,
        settings: &EnvironmentSettings,
        environment: &Environment,
    ) -> Result<Option<Credentials>, SettingsError> {
        let Some(auth) = &settings.auth else {
            return Ok(None);
        };
        Ok(Some(Credentials {
            username: self.expand(&auth.username, environment)?,
            password: self.expand(&auth.password, environment)?,
        }))
    }
}
