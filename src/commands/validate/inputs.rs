//! What a run looks at: the inputs, those of them that changed, and the files behind them.

use std::path::PathBuf;

use super::Args;
use super::changed::changed;
use super::reading::{Read, Texts, read};
use crate::commands::paths::{Input, inputs};
use crate::commands::{CommandError, Context};

/// Flags that say which documents are looked at, and when.
#[derive(Debug, clap::Args)]
pub struct InputFlags {
    /// Only documents that differ from this revision of git, or refer to a file that does
    #[arg(long, value_name = "REF")]
    pub changed_since: Option<String>,
    /// Fetch what references name by http or https, lock it in `eddy.refs.lock` and keep a copy
    #[arg(long)]
    pub allow_remote: bool,
    /// Check again whenever a file changes, until Ctrl-C
    #[arg(long, conflicts_with_all = ["changed_since", "events", "fix", "write_baseline", "test_rules"])]
    pub watch: bool,
}

/// The inputs of the command line; of those asked for by what changed, only these, and there may be none left.
pub fn chosen(args: &Args, texts: &mut Texts, context: &Context) -> Result<Vec<Input>, CommandError> {
    let all = inputs(&args.paths, context)?;
    let Some(revision) = &args.inputs.changed_since else {
        return Ok(all);
    };
    if all.contains(&Input::Stdin) {
        return Err(CommandError::usage("git does not know standard input, so it cannot have changed")
            .hint("name files or directories with `--changed-since`"));
    }
    // What a document refers to is known once it is read.
    let read = read(&all, texts)?;
    changed(&read, &all, revision, context)
}

/// Every local file that was read, or looked for.
pub fn files(inputs: &[Input], read: &Read) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for input in inputs {
        if let Input::Named(path) | Input::Found(path) = input {
            files.push(path.clone());
            files.extend(read.loaded.documents.reached_from(path));
        }
    }
    files.sort();
    files.dedup();
    files
}
