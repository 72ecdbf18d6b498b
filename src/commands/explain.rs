//! `eddy explain`: prints the page of a code, or the list of all.

use std::io::Write;

use clap::ValueEnum;

use super::{CommandError, Context, Status};
use crate::check::page::{find, page};
use crate::check::rules::{Rule, all};
use crate::output::pages;

/// Flags of `eddy explain`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy explain ED2101\n  eddy explain channel-servers\n  eddy explain asyncapi2-message-examples\n  eddy explain\n  eddy explain --format json"
)]
pub struct Args {
    /// Code, name of a rule, or identifier of the official parser; without it all codes are listed
    code: Option<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
    /// For the documentation
    Markdown,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let rules: Vec<&'static Rule> = match &args.code {
        Some(word) => find(word).map_err(|near| unknown(word, near))?,
        None => all().to_vec(),
    };
    let mut out = context.ui.data();
    match args.format {
        Format::Json => pages::json(&mut out, &rules)?,
        Format::Markdown => pages::markdown(&mut out, &rules)?,
        Format::Human if args.code.is_none() => pages::list(&mut out, &rules, context.ui.width)?,
        Format::Human => {
            for rule in rules {
                pages::human(&mut out, rule, &page(rule), context.ui.text_style())?;
            }
        }
    }
    out.flush()?;
    Ok(Status::Done)
}

fn unknown(word: &str, near: Option<&str>) -> CommandError {
    let error = CommandError::usage(format!("there is no code `{word}`"));
    match near {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`eddy explain` lists all codes"),
    }
}
