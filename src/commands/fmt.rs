//! `eddy fmt`: lays documents out; nothing but the layout changes.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::edited::unreadable;
use super::paths::{Input, inputs};
use super::{CommandError, Context, Status};
use crate::edit::format::format;
use crate::edit::read::Refusal;
use crate::edit::save;
use crate::output::layout::{self, FileLayout, State};
use crate::source_text::{Limits, SourceText, read_file, read_text};

/// Flags of `eddy fmt`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy fmt\n  eddy fmt services/orders/asyncapi.yaml\n  eddy fmt --check services/\n  eddy fmt --diff asyncapi.yaml\n  eddy fmt - < asyncapi.yaml > laid-out.yaml\n\nValues, comments, anchors, quotes, the order of keys and the content of blocks stay as they are.\n\nExit codes: 0 done, 1 a file would change (--check, --diff) or is not YAML, 2 wrong usage or a file that cannot be read or written"
)]
pub struct Args {
    /// Files, directories, patterns, or `-` for standard input (default: the documents of the workspace)
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write nothing; list the files that would change
    #[arg(long)]
    check: bool,
    /// Write nothing; show what would change
    #[arg(long)]
    diff: bool,
    /// Form of the list of files
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", conflicts_with = "diff")]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
}

/// A text before and after.
struct Change {
    before: String,
    after: String,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let inputs = inputs(&args.paths, context)?;
    if inputs.contains(&Input::Stdin) {
        return from_stdin(args, inputs.len(), context);
    }
    let mut files = Vec::new();
    let mut out = context.ui.data();
    for input in &inputs {
        let path = match input {
            // Protobuf files of a workspace have a layout of their own.
            Input::Named(path) if path.extension().is_some_and(|ending| ending == "proto") => continue,
            Input::Named(path) => path,
            Input::Found(path) if may_be_document(path) => path,
            Input::Found(_) | Input::Stdin => continue,
        };
        let text = read_file(path, &Limits::default()).map_err(|error| unreadable(&error))?;
        let name = path.display().to_string();
        let (file, change) = one(&name, text);
        if let Some(change) = change.as_ref().filter(|_| !args.check && !args.diff) {
            write_back(path, &change.after)?;
        }
        show(args, &mut out, &file, change.as_ref(), context)?;
        files.push(file);
    }
    if args.format == Format::Json {
        layout::json(&mut out, &files)?;
    }
    out.flush()?;
    context.ui.say(summary(&files, args.check || args.diff));
    Ok(status(args, &files))
}

/// Whether a file found by looking has the words every document has; package files and the like are not ours.
fn may_be_document(path: &Path) -> bool {
    let Ok(bytes) = std::fs::read(path) else {
        return true;
    };
    let has = |word: &str| memchr::memmem::find(&bytes, word.as_bytes()).is_some();
    has("asyncapi") || has("x-event")
}

fn status(args: &Args, files: &[FileLayout]) -> Status {
    let has = |state: State| files.iter().any(|file| file.state == state);
    let only_looks = args.check || args.diff;
    if has(State::Unreadable) || (only_looks && has(State::Changed)) {
        Status::Findings
    } else {
        Status::Done
    }
}

/// Lays out one text and says what became of it.
fn one(name: &str, text: String) -> (FileLayout, Option<Change>) {
    let file = |state| FileLayout { file: name.to_owned(), state, reason: None, line: 0, column: 0 };
    match format(&text, &Limits::default()) {
        Ok(after) if after == text => (file(State::Unchanged), None),
        Ok(after) => (file(State::Changed), Some(Change { before: text, after })),
        Err(refusal) => {
            let position = u32::try_from(refusal.offset()).unwrap_or(0);
            let place = SourceText::new(name, text).position(position);
            let is_unreadable = refusal.is_unreadable();
            let is_whole = matches!(refusal, Refusal::Empty | Refusal::CarriageReturn | Refusal::Changed);
            let (line, column) = if is_whole { (0, 0) } else { (place.line, place.column) };
            let state = if is_unreadable { State::Unreadable } else { State::Left };
            (FileLayout { reason: Some(refusal.to_string()), line, column, ..file(state) }, None)
        }
    }
}

fn show(
    args: &Args,
    out: &mut dyn Write,
    file: &FileLayout,
    change: Option<&Change>,
    context: &Context,
) -> Result<(), CommandError> {
    let place = if file.line > 0 {
        format!("{}:{}:{}", file.file, file.line, file.column)
    } else {
        file.file.clone()
    };
    let reason = file.reason.as_deref().unwrap_or_default();
    match (file.state, change) {
        (State::Unreadable, _) => context.ui.error(&format!("{place}: {reason}"), &[]),
        (State::Left, _) => context.ui.warn(format!("{place}: left as it is: {reason}")),
        (State::Changed, Some(change)) if args.diff => {
            layout::difference(out, &file.file, &change.before, &change.after)?;
        }
        (State::Changed, _) if args.check && args.format == Format::Human => writeln!(out, "{}", file.file)?,
        (State::Changed, _) if !args.check => context.ui.say(format!("laid out {}", file.file)),
        _ => {}
    }
    Ok(())
}

fn summary(files: &[FileLayout], only_looks: bool) -> String {
    let count = |state: State| files.iter().filter(|file| file.state == state).count();
    let verb = if only_looks { "would change" } else { "changed" };
    let mut parts =
        vec![format!("{} {verb}", count(State::Changed)), format!("{} fine", count(State::Unchanged))];
    for (state, word) in [(State::Left, "left"), (State::Unreadable, "not readable")] {
        if count(state) > 0 {
            parts.push(format!("{} {word}", count(state)));
        }
    }
    let files = if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) };
    format!("{files}: {}", parts.join(", "))
}

fn from_stdin(args: &Args, inputs: usize, context: &Context) -> Result<Status, CommandError> {
    if inputs > 1 {
        return Err(CommandError::usage("`-` cannot stand beside other paths")
            .hint("write standard input to a file, or lay it out alone"));
    }
    let name = "<stdin>";
    let text = read_text(context.ui.input().lock(), Path::new(name), &Limits::default())
        .map_err(|error| unreadable(&error))?;
    let whole = text.clone();
    let (file, change) = one(name, text);
    let mut out = context.ui.data();
    if args.check || args.diff || args.format == Format::Json {
        show(args, &mut out, &file, change.as_ref(), context)?;
        if args.format == Format::Json {
            layout::json(&mut out, std::slice::from_ref(&file))?;
        }
    } else {
        if file.reason.is_some() {
            show(args, &mut out, &file, None, context)?;
        }
        // What cannot be laid out goes through as it is, so that a pipe loses nothing.
        out.write_all(change.map_or(whole, |change| change.after).as_bytes())?;
    }
    out.flush()?;
    Ok(status(args, &[file]))
}

fn write_back(path: &Path, text: &str) -> Result<(), CommandError> {
    save::replace(path, text).map_err(|error| {
        CommandError::usage(format!("cannot write `{}`: {error}", path.display()))
            .hint("check the permissions of the file and its folder; it is as it was")
    })
}
