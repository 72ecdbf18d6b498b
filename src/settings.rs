//! Settings: flags over environment variables over the workspace file over defaults. The only reader of the process environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::diagnostic::Severity;
use crate::endpoint::mask;
use crate::topology::aliases::Aliases;
use crate::topology::assertions::Assertion;

mod access;
mod command;
mod error;
mod limits;
mod malformed;
mod mask;
mod masked_line;
mod process;
mod registry;
mod storage;
mod unlock;

pub use access::{AuthSettings, FileSetting, Sasl, ServerSettings, TlsSettings, ValueSetting, ValueSource};
pub use error::SettingsError;
pub use limits::LimitSettings;
pub use malformed::Malformed;
pub use mask::MaskSetting;
pub use process::Environment;
pub use registry::RegistrySetting;
pub use storage::StorageSetting;
pub use unlock::Access;

/// The name of the workspace file.
pub const WORKSPACE_FILE: &str = "eddy.yaml";

/// The level of a rule in the workspace file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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

/// A named set of servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentSettings {
    /// Used when `--env` is not given.
    #[serde(default)]
    pub default: bool,
    /// Writing to it must be confirmed by its name.
    #[serde(default)]
    pub protected: bool,
    /// Servers by name; the address `embedded` is the broker of `eddy broker` at its default address.
    #[serde(default)]
    pub servers: BTreeMap<String, ServerSettings>,
    /// Certificates, for servers that name none of their own.
    #[serde(default)]
    pub tls: Option<TlsSettings>,
    /// Who we are, for servers that say nothing of their own.
    #[serde(default)]
    pub auth: Option<AuthSettings>,
    /// The schema registry that has the schemas which payloads name.
    #[serde(default)]
    pub registry: Option<RegistrySetting>,
    /// How buckets under `s3://` are reached.
    #[serde(default)]
    pub storage: Option<StorageSetting>,
    /// The most that one run may send to it.
    #[serde(default)]
    pub limits: LimitSettings,
}

/// The workspace file `eddy.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
    /// What masking takes.
    #[serde(default)]
    pub mask: Option<MaskSetting>,
    /// What `eddy graph` should know.
    #[serde(default)]
    pub topology: TopologySettings,
    /// The file that says who replayed or redrove what and when, relative to this file; `.eddy/audit.ndjson` when not given.
    #[serde(default)]
    pub audit: Option<PathBuf>,
}

/// What `eddy graph` should know of the system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopologySettings {
    /// Names under which services are known elsewhere, by service.
    #[serde(default)]
    pub aliases: BTreeMap<String, Vec<String>>,
    /// What must hold of the system.
    #[serde(default)]
    pub assertions: Vec<Assertion>,
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
        let workspace = Self { root: root.to_owned(), settings };
        workspace.refuse_conflicts()?;
        Ok(workspace)
    }

    fn refuse_conflicts(&self) -> Result<(), SettingsError> {
        for (name, environment) in &self.settings.environments {
            let whole = (format!("environment `{name}`"), &environment.tls, &environment.auth);
            let servers = environment.servers.iter();
            let parts =
                servers.map(|(server, own)| (format!("server `{name}/{server}`"), &own.tls, &own.auth));
            for (owner, tls, auth) in std::iter::once(whole).chain(parts) {
                let tls = tls.as_ref().and_then(TlsSettings::conflict);
                let found = tls.or_else(|| auth.as_ref().and_then(AuthSettings::conflict));
                if let Some((key, message, help)) = found {
                    let (what, path) = (format!("`{key}` of {owner}"), self.file());
                    return Err(SettingsError::Value {
                        what,
                        path,
                        message: message.into(),
                        help: help.into(),
                    });
                }
            }
        }
        for (number, assertion) in self.settings.topology.assertions.iter().enumerate() {
            if let Some(fault) = assertion.fault() {
                return Err(SettingsError::Value {
                    what: format!("assertion {} under `topology.assertions`", number + 1),
                    path: self.file(),
                    message: fault,
                    help:
                        "write for example `forbid: { from: \"domain:marketing\", to: \"domain:payments\" }`"
                            .into(),
                });
            }
        }
        self.aliases().map(|_| ())
    }

    /// Names under which services are known elsewhere.
    ///
    /// # Errors
    /// When one is no pattern.
    pub fn aliases(&self) -> Result<Aliases, SettingsError> {
        Aliases::new(&self.settings.topology.aliases).map_err(|error| SettingsError::Value {
            what: format!("`topology.aliases` of service `{}`", error.service),
            path: self.file(),
            message: format!("`{}` is not a pattern: {}", error.alias, error.reason),
            help: "write a name, a glob such as `billing-*`, or a regular expression between slashes".into(),
        })
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

    /// An address with each `${VARIABLE}` replaced.
    ///
    /// # Errors
    /// When one is not set.
    pub fn expand(&self, text: &str, environment: &Environment) -> Result<String, SettingsError> {
        unlock::expand(text, &format!("`{}`", mask(text)), &self.file(), environment)
    }

    /// How the server `server` of the environment `name` is to be opened: what it says itself, else what the environment
    /// says for all. Nothing is read before [`Access::unlock`].
    #[must_use]
    pub fn access(&self, name: &str, settings: &EnvironmentSettings, server: &str) -> Access {
        Access::new(self, name, settings, server)
    }
}
