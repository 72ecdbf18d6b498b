//! The process environment as it was when the program started.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

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
