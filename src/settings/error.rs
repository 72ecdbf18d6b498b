//! Why settings could not be used.

use std::path::PathBuf;

use thiserror::Error;

use super::Malformed;

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
    #[error("{what} in `{path}` has `${{` without `}}`")]
    Unclosed {
        /// The setting; never its value, which may be a secret.
        what: String,
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
    /// A value that a file or a program was to give.
    #[error("{what} in `{path}`: {message}")]
    Value {
        /// The setting.
        what: String,
        /// The workspace file.
        path: PathBuf,
        /// What went wrong.
        message: String,
        /// What to do next.
        help: String,
    },
}
