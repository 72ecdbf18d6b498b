//! How a command ends: one public table of exit codes, one shape of errors at the edge.

use crate::archive::ArchiveError;
use crate::endpoint::{AddressError, EndpointError, EndpointErrorKind};
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
    /// Events were not delivered, or an expectation failed.
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

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(ErrorKind::ClosedPipe, "the reader of the output has gone");
        }
        Self::usage(error.to_string())
    }
}

impl From<SettingsError> for CommandError {
    fn from(error: SettingsError) -> Self {
        let hint = match &error {
            SettingsError::Unknown { name, known, .. } => {
                let near = crate::diagnostic::nearest(name, known.iter().map(String::as_str));
                Some(near.map_or_else(
                    || format!("it has {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                ))
            }
            SettingsError::Unset { name, .. } => Some(format!("set it: `export {name}=…`")),
            SettingsError::Unreadable { .. } => Some("`eddy init` writes one".to_owned()),
            _ => None,
        };
        let mut command_error = Self::usage(error.to_string());
        command_error.hints.extend(hint);
        command_error
    }
}

impl From<AddressError> for CommandError {
    fn from(error: AddressError) -> Self {
        let underlined = error.wrong.as_ref().map(|(text, range)| {
            let marks = "^".repeat(range.len().max(1));
            format!("{}\n\n    {text}\n    {}{marks}", error.message, " ".repeat(range.start))
        });
        Self::usage(underlined.unwrap_or(error.message)).hint(error.help)
    }
}

impl From<ArchiveError> for CommandError {
    fn from(error: ArchiveError) -> Self {
        let mut command_error = Self::usage(error.to_string());
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
            EndpointErrorKind::TooLarge | EndpointErrorKind::Rejected => ErrorKind::Delivery,
            EndpointErrorKind::ClosedPipe => ErrorKind::ClosedPipe,
        };
        let mut command_error = Self::new(kind, error.message);
        command_error.hints.extend(error.help);
        command_error
    }
}
