//! Why a template could not become files, with the next step for each case.

use std::path::PathBuf;

use thiserror::Error;

use super::lock::LOCK_FILE;
use crate::atomic_file;
use crate::diagnostic::nearest;

/// Why scaffolding stopped; nothing has been written then.
#[derive(Debug, Error)]
pub enum ScaffoldError {
    /// No template of this name.
    #[error("there is no template `{name}`")]
    UnknownTemplate {
        /// The name asked for.
        name: String,
        /// Those built in.
        known: Vec<String>,
    },
    /// A file or directory cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The directory is no template, or breaks a rule templates have.
    #[error("`{template}` cannot be used as a template: {message}")]
    NotATemplate {
        /// The template.
        template: String,
        /// The rule broken.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// A source of templates that is not taken, or cannot be reached.
    #[error("cannot take a template from `{name}`: {message}")]
    BadSource {
        /// The source, without secrets.
        name: String,
        /// Why not.
        message: String,
    },
    /// A template file could not be rendered.
    #[error("{place}: {message}")]
    Render {
        /// File and line.
        place: String,
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// A rendered path that may not be written.
    #[error("`{template_path}` would be written to `{rendered}`: {message}")]
    BadPath {
        /// The file in the template.
        template_path: String,
        /// What its name became.
        rendered: String,
        /// The rule broken.
        message: String,
    },
    /// A variable without an answer.
    #[error("`{variable}` has no answer ({prompt})")]
    MissingAnswer {
        /// The variable.
        variable: String,
        /// What it asks.
        prompt: String,
    },
    /// An answer that its variable refuses.
    #[error("`{variable}` cannot be `{answer}`: {message}")]
    BadAnswer {
        /// The variable.
        variable: String,
        /// The answer.
        answer: String,
        /// Why not.
        message: String,
    },
    /// An answer that only its owner should know.
    #[error("the answer to `{variable}` has a secret in it, and answers are written into the project")]
    SecretAnswer {
        /// The variable.
        variable: String,
    },
    /// An answer to a question the template does not ask.
    #[error("the template asks nothing called `{name}`")]
    UnknownAnswer {
        /// The name given.
        name: String,
        /// What it asks.
        known: Vec<String>,
    },
    /// The template needs a contract.
    #[error("the template `{template}` needs a contract")]
    ContractNeeded {
        /// The template.
        template: String,
    },
    /// The contract cannot be made into code.
    #[error("{place}: {message}")]
    Contract {
        /// File, and place in it.
        place: String,
        /// What cannot be done.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// A project in the project cannot be made.
    #[error("project `{path}` (`{template}`): {source}")]
    InProject {
        /// Its directory.
        path: String,
        /// Its template.
        template: String,
        /// Why not.
        source: Box<ScaffoldError>,
    },
    /// The user broke off at a question.
    #[error("interrupted at the question `{variable}`")]
    Interrupted {
        /// The variable.
        variable: String,
    },
    /// The target holds something already.
    #[error("`{directory}` is not empty")]
    NotEmpty {
        /// The target.
        directory: PathBuf,
    },
    /// No lock here or above.
    #[error("`{directory}` is in no project that eddy made: there is no `{LOCK_FILE}` in it or above it")]
    NoProject {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// Eddy made or adopted it already.
    #[error("`{project}` is a project of eddy already")]
    IsProject {
        /// The directory with the lock.
        project: PathBuf,
    },
    /// What a project remembers cannot be used.
    #[error("cannot use `{path}`: {message}")]
    BadMemory {
        /// The lock, the base or the journal.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// A file of the user stands where the template has come to write one.
    #[error(
        "`{path}` is in the way: the template writes a file there now, and this one is not of its making"
    )]
    InTheWay {
        /// The file.
        path: String,
    },
    /// A link or something else stands where a file is to be written.
    #[error("`{path}` {what}, and nothing is written through it")]
    NoFile {
        /// The path or the part of it.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// An earlier sync was killed before it was done.
    #[error("a sync of `{project}` was interrupted and is half done")]
    HalfDone {
        /// The project.
        project: PathBuf,
    },
    /// The target cannot be written.
    #[error("cannot write `{path}`: {}", atomic_file::reason(source))]
    Unwritable {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl ScaffoldError {
    /// What to do next.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::InProject { source, .. } => source.help(),
            Self::UnknownTemplate { name, known } => Some(choose(name, known, "templates")),
            Self::UnknownAnswer { name, known } => Some(choose(name, known, "its questions")),
            Self::NotATemplate { help, .. } | Self::Render { help, .. } | Self::Contract { help, .. } => {
                help.clone()
            }
            Self::MissingAnswer { variable, .. } => Some(format!(
                "give `--set {variable}=…`, or `--answers FILE` with `{variable}:` in it, or `--defaults`"
            )),
            Self::SecretAnswer { .. } => {
                Some("leave it out here; the service reads secrets from its environment when it starts".to_owned())
            }
            Self::ContractNeeded { .. } => {
                Some("give `--contract FILE`, an AsyncAPI document in YAML or JSON".to_owned())
            }
            Self::IsProject { .. } => {
                Some("`eddy sync --template TEMPLATE` gives it another template".to_owned())
            }
            Self::BadSource { .. } => Some(
                "give a built-in name, a directory, `git+https://HOST/PATH#REF`, or `FILE.tar.gz#sha256=HASH`, \
                 which may be an `https://` address"
                    .to_owned(),
            ),
            Self::NotEmpty { .. } => Some("name a directory that is new or empty".to_owned()),
            Self::Unwritable { path, source } => Some(atomic_file::next_step(path, source)),
            Self::BadPath { .. } => {
                Some("mend the file name in the template, or the answer it is made of".to_owned())
            }
            Self::NoProject { .. } => {
                Some("go there, or name its directory: `eddy sync DIR`; `eddy new` makes one".to_owned())
            }
            Self::BadMemory { .. } => Some(
                "take it back from version control; it is written by `eddy new` and `eddy sync`".to_owned(),
            ),
            Self::InTheWay { .. } => Some("move it elsewhere, then sync again".to_owned()),
            Self::NoFile { .. } => Some("put a plain file or directory there".to_owned()),
            Self::HalfDone { .. } => {
                Some("`eddy sync` without `--check` and `--dry-run` finishes it".to_owned())
            }
            Self::Unreadable { .. } | Self::BadAnswer { .. } | Self::Interrupted { .. } => None,
        }
    }
}

fn choose(name: &str, known: &[String], what: &str) -> String {
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            format!("{what}: {}", known.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", "))
        }
    }
}
