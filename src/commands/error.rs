//! How a command ends: one public table of exit codes, one shape of errors at the edge.

use std::io;
use std::path::Path;

use crate::archive::ArchiveError;
use crate::atomic_file;
use crate::endpoint::{AddressError, EndpointError, EndpointErrorKind};
use crate::output::visible::{columns, visible};
use crate::settings::SettingsError;
use crate::ui::Ui;

/// The exit codes, one public table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 0: done.
    Done,
    /// 1: findings, failed expectations or undelivered events.
    Findings,
    /// 2: usage or settings.
    Usage,
    /// 3: a system cannot be reached.
    Unreachable,
    /// 4: a defect of eddy.
    Defect,
    /// 130: interrupted after a clean stop.
    Interrupted,
}

impl Status {
    /// Every status in order of its code, with its meaning.
    pub const TABLE: [(Self, &'static str); 6] = [
        (Self::Done, "done; a closed pipe counts as done"),
        (Self::Findings, "findings, failed expectations or undelivered events"),
        (Self::Usage, "wrong usage, settings or input that cannot be read"),
        (Self::Unreachable, "a system cannot be reached"),
        (Self::Defect, "a defect of eddy itself"),
        (Self::Interrupted, "interrupted, after a clean stop"),
    ];

    /// The process exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Defect => 4,
            Self::Interrupted => 130,
        }
    }
}

/// What kind of trouble ended a command; it decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Flags, arguments, settings, or input that cannot be read.
    Usage,
    /// Events or output were not delivered, or an expectation failed.
    Delivery,
    /// A system cannot be reached.
    Connection,
    /// A defect of ours.
    Internal,
    /// The user broke off.
    Interrupted,
    /// The reader of our output has gone; not an error for the user.
    ClosedPipe,
}

/// Why a command could not go on.
#[derive(Debug)]
pub struct CommandError {
    /// What kind of trouble.
    pub kind: ErrorKind,
    /// What and where: a lower-case fragment.
    pub message: String,
    /// What to do next, a line each.
    pub hints: Vec<String>,
}

impl CommandError {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// Wrong usage, settings or unreadable input.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A file or directory that cannot be written.
    #[must_use]
    pub fn unwritable(path: &Path, error: &io::Error) -> Self {
        let message = format!("cannot write `{}`: {}", path.display(), atomic_file::reason(error));
        Self::usage(message).hint(atomic_file::next_step(path, error))
    }

    /// The end of a command whose output nobody reads any more.
    #[must_use]
    pub fn unread() -> Self {
        Self::new(ErrorKind::ClosedPipe, "the reader of the output has gone")
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Shows it on stderr, unless it is a closed pipe.
    pub fn show(&self, ui: &Ui) {
        if self.kind != ErrorKind::ClosedPipe {
            ui.error(&self.message, &self.hints);
        }
    }

    /// The exit status.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.kind {
            ErrorKind::Usage => Status::Usage,
            ErrorKind::Delivery => Status::Findings,
            ErrorKind::Connection => Status::Unreachable,
            ErrorKind::Internal => Status::Defect,
            ErrorKind::Interrupted => Status::Interrupted,
            ErrorKind::ClosedPipe => Status::Done,
        }
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::unread();
        }
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        if full {
            // Nothing is wrong with the command: its output got lost.
            Self::new(ErrorKind::Delivery, error.to_string()).hint(atomic_file::NO_SPACE)
        } else {
            Self::usage(error.to_string())
        }
    }
}

impl From<SettingsError> for CommandError {
    fn from(error: SettingsError) -> Self {
        let hint = match &error {
            SettingsError::Unknown { name, known, .. } => {
                let near = crate::diagnostic::nearest(name, known.iter().map(String::as_str));
                near.map_or_else(
                    || format!("it has {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                )
            }
            SettingsError::Unset { name, .. } => format!("set it: `export {name}=…`"),
            SettingsError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "`eddy init` writes one".to_owned()
            }
            SettingsError::Unreadable { .. } => "check the file and its permissions".to_owned(),
            SettingsError::Malformed(malformed) => malformed.help.clone(),
            SettingsError::Version { .. } => "write `version: 1`, or use a newer eddy".to_owned(),
            SettingsError::Value { help, .. } => help.clone(),
            SettingsError::Unclosed { .. } => "write `${NAME}`".to_owned(),
            SettingsError::Pattern { .. } => {
                "`*` stands for a part of a name, `**/` for any directories, `[ab]` for one character"
                    .to_owned()
            }
        };
        Self::usage(error.to_string()).hint(hint)
    }
}

impl From<AddressError> for CommandError {
    fn from(error: AddressError) -> Self {
        let underlined = error.wrong.as_ref().map(|(text, range)| underlined(&error.message, text, range));
        Self::usage(underlined.unwrap_or(error.message)).hint(error.help)
    }
}

/// A message, and below it the text with its wrong part underlined.
#[must_use]
pub fn underlined(message: &str, text: &str, range: &std::ops::Range<usize>) -> String {
    let before = columns(&visible(&text[..range.start]));
    let marks = columns(&visible(&text[range.clone()])).max(1);
    format!("{message}\n\n    {}\n    {}{}", visible(text), " ".repeat(before), "^".repeat(marks))
}

impl From<ArchiveError> for CommandError {
    fn from(error: ArchiveError) -> Self {
        let kind = if error.is_about_a_server() { ErrorKind::Connection } else { ErrorKind::Usage };
        let mut command_error = Self::new(kind, error.to_string());
        command_error.hints.extend(error.help());
        command_error
    }
}

impl From<EndpointError> for CommandError {
    fn from(error: EndpointError) -> Self {
        let kind = match error.kind {
            EndpointErrorKind::Unreachable
            | EndpointErrorKind::Disconnected
            | EndpointErrorKind::Timeout
            | EndpointErrorKind::Unauthorised => ErrorKind::Connection,
            EndpointErrorKind::NotFound
            | EndpointErrorKind::Malformed
            | EndpointErrorKind::Unsupported
            | EndpointErrorKind::File => ErrorKind::Usage,
            EndpointErrorKind::TooLarge
            | EndpointErrorKind::Full
            | EndpointErrorKind::Busy
            | EndpointErrorKind::Rejected
            | EndpointErrorKind::Fenced => ErrorKind::Delivery,
            EndpointErrorKind::ClosedPipe => ErrorKind::ClosedPipe,
        };
        let message = match &error.wrong {
            Some(wrong) => underlined(&error.message, &wrong.0, &wrong.1),
            None => error.message,
        };
        let mut command_error = Self::new(kind, message);
        command_error.hints.extend(error.help);
        command_error
    }
}
