//! `eddy convert`: a document in a later version of AsyncAPI, checked afterwards.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::edited::{Format, findings, input, new_errors, place_of, show, write};
use super::{CommandError, Context, Status};
use crate::contract::load_text;
use crate::edit::convert::{self as conversion, ConvertError, Version, convert};
use crate::source_text::{Limits, SourceText, Sources};

/// Flags of `eddy convert`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy convert orders.yaml --to 3.0.0\n  eddy convert orders.yaml --to 3.1.0 --output orders-3.yaml\n  eddy convert orders.yaml --to 3.0.0 --perspective client\n  eddy convert - --to 2.6.0 < orders.yaml\n\nComments move with what they are about; the result is laid out as by `eddy fmt` and checked as by `eddy validate`.\n\nExit codes: 0 done, 1 the result has errors that the source had not, 2 wrong usage or a file that cannot be read or written"
)]
pub struct Args {
    /// The document, or `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The version wanted
    #[arg(long, value_enum, value_name = "VERSION")]
    to: Target,
    /// Where the result goes (default: standard output)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Whose view `publish` and `subscribe` take in the 2.x document
    #[arg(long, value_enum, default_value_t, value_name = "WHO")]
    perspective: Perspective,
    /// Form of the findings
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", requires_if("json", "output"))]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    /// AsyncAPI 2.6
    #[value(name = "2.6.0")]
    V2_6,
    /// AsyncAPI 3.0
    #[value(name = "3.0.0")]
    V3_0,
    /// AsyncAPI 3.1
    #[value(name = "3.1.0")]
    V3_1,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Perspective {
    /// As the specification has it: others publish, so the application receives
    #[default]
    Application,
    /// The other way round: this application publishes, so it sends
    Client,
}

/// What to do where there is no result.
fn next_step(error: &ConvertError) -> &'static str {
    match error {
        ConvertError::Downwards(_) => {
            "name this version or a newer one with `--to`; an older one cannot say all that is in it"
        }
        _ => "`eddy validate` shows what is wrong with it",
    }
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let source = input(&args.file, context)?;
    let target = match args.to {
        Target::V2_6 => Version { major: 2, minor: 6 },
        Target::V3_0 => Version { major: 3, minor: 0 },
        Target::V3_1 => Version { major: 3, minor: 1 },
    };
    let perspective = match args.perspective {
        Perspective::Application => conversion::Perspective::Application,
        Perspective::Client => conversion::Perspective::Client,
    };
    let mut sources = Sources::default();
    let file = sources.add(SourceText::new(&source.name, source.text.clone()));
    let converted =
        convert(&source.text, file, target, perspective, &Limits::default()).map_err(|error| {
            let place = match &error {
                ConvertError::Refused(refusal) => place_of(&source, refusal),
                _ => source.name.clone(),
            };
            CommandError::usage(format!("cannot convert `{place}`: {error}")).hint(next_step(&error))
        })?;
    let before = findings(&load_text(&source.name, source.text.as_str(), &Limits::default()));
    let output = args.output.as_deref().filter(|path| path.as_os_str() != "-");
    let name = output.unwrap_or_else(|| Path::new(&source.name)).display().to_string();
    let (loaded, errors) = new_errors(&name, &converted.text, &before);
    let text =
        if source.carriage_returns { converted.text.replace('\n', "\r\n") } else { converted.text.clone() };
    write(args.output.as_deref(), &text, context)?;
    if converted.from.major == 2 && target.major == 3 {
        let words = match args.perspective {
            Perspective::Application => {
                "`publish` became `receive`, `subscribe` became `send`, as the specification has it"
            }
            Perspective::Client => "`publish` became `send`, `subscribe` became `receive`, the client's view",
        };
        context.ui.say(words);
    }
    let failed = !errors.is_empty();
    if args.format == Format::Json && failed {
        show(args.format, errors, &loaded.sources, context)?;
    } else {
        show(args.format, converted.notes, &sources, context)?;
        if failed {
            context.ui.warn("the result has errors that the source had not:");
            show(args.format, errors, &loaded.sources, context)?;
        }
    }
    Ok(if failed { Status::Findings } else { Status::Done })
}
