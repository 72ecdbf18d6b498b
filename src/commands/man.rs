//! `eddy man`: the manual as roff, one page on stdout or all pages into a directory.

use std::io::Write;
use std::path::PathBuf;

use super::{CommandError, Context, Status};
use crate::atomic_file;

/// Flags of `eddy man`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy man | man -l -\n  eddy man replay | man -l -\n  eddy man --directory ~/.local/share/man/man1"
)]
pub struct Args {
    /// Command whose page to print (default: the page of eddy itself)
    command: Option<String>,
    /// Write every page into this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    directory: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let pages = pages()?;
    if let Some(directory) = &args.directory {
        let failed = |error: std::io::Error| CommandError::unwritable(directory, &error);
        std::fs::create_dir_all(directory).map_err(failed)?;
        for (name, page) in &pages {
            atomic_file::write(&directory.join(format!("{name}.1")), page).map_err(failed)?;
        }
        context.ui.say(format!("wrote {} pages into `{}`", pages.len(), directory.display()));
        return Ok(Status::Done);
    }
    let wanted = args.command.as_ref().map_or_else(|| "eddy".to_owned(), |name| format!("eddy-{name}"));
    let Some((_, page)) = pages.iter().find(|(name, _)| *name == wanted) else {
        let names = pages.iter().filter_map(|(name, _)| name.strip_prefix("eddy-"));
        let given = args.command.as_deref().unwrap_or_default();
        let near = crate::diagnostic::nearest(given, names).map(|near| format!("did you mean `{near}`?"));
        return Err(CommandError::usage(format!("there is no command `{given}`"))
            .hint(near.unwrap_or_else(|| "`eddy --help` lists the commands".to_owned())));
    };
    let mut data = context.ui.data();
    data.write_all(page)?;
    data.flush()?;
    Ok(Status::Done)
}

/// Every page by its name, `eddy` first.
fn pages() -> Result<Vec<(String, Vec<u8>)>, CommandError> {
    let mut root = super::command_line();
    root.build();
    let mut pages = vec![("eddy".to_owned(), page(&root, "eddy")?)];
    for command in
        root.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
    {
        let name = format!("eddy-{}", command.get_name());
        pages.push((name.clone(), page(command, &name)?));
    }
    Ok(pages)
}

fn page(command: &clap::Command, name: &str) -> Result<Vec<u8>, CommandError> {
    // clap keeps names of commands for the life of the program; a handful of pages is all there ever is.
    let name: &'static str = String::leak(name.to_owned());
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone().name(name)).render(&mut text)?;
    Ok(text)
}
