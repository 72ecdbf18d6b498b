//! The audit file: two lines for each run, one before its first event and one at its end, only ever appended.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{CommandError, Context};
use crate::event::Timestamp;
use crate::replay::{Ending, Outcome, StopReason};
use crate::settings::Environment;

/// The file below the directory of the workspace.
const IN_WORKSPACE: &str = ".eddy/audit.ndjson";
/// The file below the directory of the user's state.
const IN_STATE: &str = "eddy/audit.ndjson";

/// What every line begins with.
const BEGIN: &str = "{\"eddy_audit\":";

/// A flag and its value, where it has one.
pub(super) type Flag = (&'static str, Option<String>);

/// An audit file that is open, with what every line says of the run.
#[derive(Debug)]
pub(super) struct Audit {
    path: PathBuf,
    file: File,
    run: Map<String, Value>,
}

impl Audit {
    /// Notes that a run begins of which each line says `run`, in the file that the user has `named` or else the usual one.
    /// Nothing may be sent when that cannot be written.
    ///
    /// # Errors
    /// When there is no place for the file, or it cannot be written.
    pub fn begin(named: Option<&Path>, context: &Context, run: &Value) -> Result<Self, CommandError> {
        let (path, is_ours) = path(named, context)?;
        let unwritable = |error: &std::io::Error| {
            CommandError::unwritable(&path, error)
                .hint("nothing was sent: a run that cannot be audited does not begin; `--audit FILE` names another place")
        };
        refuse_other_file(&path)?;
        if let Some(parent) = path.parent().filter(|_| is_ours) {
            std::fs::create_dir_all(parent).map_err(|error| unwritable(&error))?;
        }
        let file = OpenOptions::new().append(true).create(true).open(&path);
        let file = file.map_err(|error| unwritable(&error))?;
        let mut said = Map::new();
        said.insert("who".to_owned(), who(&context.environment));
        said.insert("eddy".to_owned(), env!("CARGO_PKG_VERSION").into());
        said.extend(run.as_object().cloned().unwrap_or_default());
        let mut audit = Self { path: path.clone(), file, run: said };
        audit.write("begun", Map::new()).map_err(|error| unwritable(&error))?;
        Ok(audit)
    }

    /// Notes how the run ended, and `more` figures of its command.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn ended(
        mut self,
        outcome: Result<&Outcome, &CommandError>,
        more: &Value,
    ) -> Result<(), CommandError> {
        let figures = match outcome {
            Ok(outcome) => figures(outcome),
            Err(error) => json!({ "outcome": format!("not begun: {}", error.message) }),
        };
        let mut figures = figures.as_object().cloned().unwrap_or_default();
        figures.extend(more.as_object().cloned().unwrap_or_default());
        self.write("ended", figures).map_err(|error| CommandError::unwritable(&self.path, &error))
    }

    /// One line, in one write, so that lines of runs at the same time do not mix.
    fn write(&mut self, entry: &str, more: Map<String, Value>) -> std::io::Result<()> {
        let mut line = Map::new();
        line.insert("eddy_audit".to_owned(), 1.into());
        line.insert("entry".to_owned(), entry.into());
        line.insert("at".to_owned(), Timestamp::now().to_string().into());
        line.extend(self.run.clone());
        line.extend(more);
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        self.file.write_all(&bytes)?;
        self.file.sync_data().or_else(|error| match error.kind() {
            // A pipe or a device has nothing to sync.
            std::io::ErrorKind::InvalidInput => Ok(()),
            _ => Err(error),
        })
    }
}

/// The file that a run of which the user has `named` one would add to; none where there is no place for it, which is said when
/// the run begins.
pub(super) fn kept_in(named: Option<&Path>, context: &Context) -> Option<PathBuf> {
    path(named, context).ok().map(|(path, _)| path)
}

/// Refuses to add to a file that holds something else.
///
/// # Errors
/// When there is a file that does not begin as an audit file does.
pub(super) fn refuse_other_file(path: &Path) -> Result<(), CommandError> {
    let mut begin = Vec::new();
    if path.is_file() {
        // What cannot be read can perhaps be added to.
        let _ = File::open(path).and_then(|file| file.take(BEGIN.len() as u64).read_to_end(&mut begin));
    }
    if begin.is_empty() || begin == BEGIN.as_bytes() {
        return Ok(());
    }
    Err(CommandError::usage(format!("`{}` is no audit file, and nothing is added to it", path.display()))
        .hint("nothing was sent; name a new file with `--audit FILE`, or one that an earlier run has begun"))
}

/// Flags as lines show them, each with the list of its values.
pub(super) fn options(flags: impl IntoIterator<Item = Flag>) -> Value {
    let mut options = Map::new();
    for (name, value) in flags {
        let value = if name == "header" { name_only(value) } else { value };
        let value = value.map_or(Value::Bool(true), Value::String);
        let list = options.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value);
        }
    }
    Value::Object(options)
}

/// How a run ended, and what it came to.
fn figures(outcome: &Outcome) -> Value {
    let summary = &outcome.summary;
    let how = match &outcome.ending {
        Ending::Complete if outcome.delivered() => "complete".to_owned(),
        Ending::Complete => "undelivered events".to_owned(),
        Ending::Stopped(StopReason::Interrupted) => "interrupted".to_owned(),
        Ending::Stopped(StopReason::Declined) => "ended after the first events".to_owned(),
        Ending::Stopped(StopReason::Limit) => "stopped by a limit".to_owned(),
        Ending::Stopped(StopReason::Unread) => "the reader of the output has gone".to_owned(),
        Ending::GaveUp(error) => format!("gave up: {}", error.message),
        Ending::SourceFailed(error) => format!("source failed: {}", error.message),
    };
    json!({
        "outcome": how,
        "sent": summary.sent,
        "acknowledged": summary.acknowledged,
        "failed": summary.failed,
        "possible_duplicates": summary.possible_duplicates,
        "settled_before": summary.settled_before,
        "duration_us": summary.duration_us,
    })
}

/// A header may hold a secret: only its name is kept.
fn name_only(value: Option<String>) -> Option<String> {
    value.map(|text| text.split_once('=').map_or(text.clone(), |(name, _)| format!("{name}=***")))
}

/// Where the file is, and whether we chose its directory, so that we make it.
fn path(named: Option<&Path>, context: &Context) -> Result<(PathBuf, bool), CommandError> {
    if let Some(path) = named {
        return Ok((path.to_owned(), false));
    }
    if let Some(workspace) = context.workspace()? {
        let named = workspace.settings.audit.as_ref();
        return Ok(named.map_or_else(
            || (workspace.root.join(IN_WORKSPACE), true),
            |named| (workspace.root.join(named), false),
        ));
    }
    let environment = &context.environment;
    let state =
        environment.get("XDG_STATE_HOME").or_else(|| environment.get("LOCALAPPDATA")).map(PathBuf::from);
    let state = state.or_else(|| environment.get("HOME").map(|home| Path::new(home).join(".local/state")));
    state.map(|state| (state.join(IN_STATE), true)).ok_or_else(|| {
        CommandError::usage("there is no place for the audit file: neither a workspace nor a home directory")
            .hint("name one with `--audit FILE` or `EDDY_AUDIT`")
    })
}

/// Who runs this, as the system says it.
fn who(environment: &Environment) -> Value {
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| environment.get(name));
    #[cfg(unix)]
    let (id, host) = (
        Some(rustix::process::getuid().as_raw()),
        Some(rustix::system::uname().nodename().to_string_lossy().into_owned()),
    );
    #[cfg(not(unix))]
    let (id, host) = (None::<u32>, environment.get("COMPUTERNAME").map(str::to_owned));
    json!({ "user": user, "user_id": id, "host": host, "process": std::process::id() })
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, name_only, refuse_other_file};

    #[test]
    fn only_an_audit_file_is_added_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        for (text, is_fit) in [("", true), ("{\"n\":1}\n", false), (BEGIN, true), ("{\"ed", false)] {
            std::fs::write(&path, text).expect("written");
            assert_eq!(refuse_other_file(&path).is_ok(), is_fit, "{text}");
        }
        assert!(refuse_other_file(&folder.path().join("none")).is_ok());
    }

    #[test]
    fn the_value_of_a_header_is_no_ones_business() {
        assert_eq!(
            name_only(Some("authorization=Bearer x=y".to_owned())).as_deref(),
            Some("authorization=***")
        );
        assert_eq!(name_only(None), None);
    }
}
