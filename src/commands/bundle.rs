//! `eddy bundle`: one document of many files, references kept as references to components.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::edited::{Format, findings, input, new_errors, place_of, show, write};
use super::{CommandError, Context, Status};
use crate::contract::{load, load_text};
use crate::edit::bundle::{BROKEN_LEFT, Bundled, bundle};
use crate::edit::read::read;
use crate::source_text::{FileId, Limits};

/// Flags of `eddy bundle`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy bundle services/orders/asyncapi.yaml\n  eddy bundle asyncapi.yaml --output dist/asyncapi.yaml\n  eddy bundle asyncapi.yaml --output all.yaml --source-map all.map.json\n\nWhat is in other files moves into `components`, once, with its comments; nothing is written out twice, and circles stay.\n\nExit codes: 0 done, 1 a reference leads nowhere or the bundle has errors that the source had not, 2 wrong usage or a file that cannot be read or written"
)]
pub struct Args {
    /// The document, or `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where the bundle goes (default: standard output)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write here where each part of the bundle was written, as JSON
    #[arg(long, value_name = "FILE")]
    source_map: Option<PathBuf>,
    /// Form of the findings
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", requires_if("json", "output"))]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let source = input(&args.file, context)?;
    let limits = Limits::default();
    let loaded = if args.file.as_os_str() == "-" {
        load_text(&source.name, source.text.as_str(), &limits)
    } else {
        load(std::slice::from_ref(&args.file), &limits)
    };
    let result = bundle(&loaded, &limits).map_err(|error| {
        if let Err(refusal) = read(&source.text, FileId(0), &limits) {
            let place = place_of(&source, &refusal);
            return CommandError::usage(format!("cannot bundle `{place}`: {refusal}"))
                .hint("`eddy validate` shows what is wrong with it");
        }
        CommandError::usage(format!("cannot bundle `{}`: {error}", source.name))
            .hint("`eddy validate` shows what is wrong with it")
    })?;
    let (after, errors) = new_errors(&source.name, &result.text, &findings(&loaded));
    let text = if source.carriage_returns { result.text.replace('\n', "\r\n") } else { result.text.clone() };
    write(args.output.as_deref(), &text, context)?;
    if let Some(path) = &args.source_map {
        write_map(path, args.output.as_deref(), &result)?;
    }
    let parts = if result.moved == 1 { "1 part".to_owned() } else { format!("{} parts", result.moved) };
    context.ui.say(format!("{parts} of other files became components"));
    let broken = result.notes.iter().any(|note| note.code == BROKEN_LEFT);
    let failed = !errors.is_empty();
    if args.format == Format::Json && failed {
        show(args.format, errors, &after.sources, context)?;
    } else {
        show(args.format, result.notes, &result.sources, context)?;
        if failed {
            context.ui.warn("the bundle has errors that the source had not:");
            show(args.format, errors, &after.sources, context)?;
        }
    }
    Ok(if failed || broken { Status::Findings } else { Status::Done })
}

fn write_map(path: &Path, output: Option<&Path>, result: &Bundled) -> Result<(), CommandError> {
    let map = json!({ "version": 1, "bundle": output, "origins": result.origins });
    crate::atomic_file::write(path, format!("{map:#}\n").as_bytes()).map_err(|error| {
        CommandError::usage(format!("cannot write `{}`: {error}", path.display()))
            .hint("check the folder and its permissions")
    })
}
