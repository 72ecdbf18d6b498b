//! Who of several processes sends what, and how sure it is that it arrives once: `--shard`, `--delivery`.

use std::path::{Path, PathBuf};

use crate::commands::{CommandError, Context};
use crate::replay::{Shard, ShardError};

/// Flags about delivery.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Delivery")]
pub(super) struct DeliveringArgs {
    /// Send only the lanes of one of several processes, such as `0/4`; `auto/4` in a Kubernetes Indexed Job
    #[arg(long, value_name = "INDEX/COUNT")]
    shard: Option<String>,
}

impl DeliveringArgs {
    /// The part of this process.
    ///
    /// # Errors
    /// When the flag is malformed, or the environment does not say which part it is.
    pub fn shard(&self, context: &Context) -> Result<Option<Shard>, CommandError> {
        let Some(text) = &self.shard else { return Ok(None) };
        let refused = |error: ShardError| CommandError::usage(error.message).hint(error.help);
        Shard::parse(text, context.environment.get("JOB_COMPLETION_INDEX")).map(Some).map_err(refused)
    }

    /// The flags as they can be written again; they decide which events go.
    pub fn options(shard: Option<Shard>) -> Vec<(&'static str, String)> {
        shard.map(|shard| ("shard", shard.to_string())).into_iter().collect()
    }
}

/// The ledger of this process beside those of the others.
pub(super) fn ledger_of(path: &Path, shard: Option<Shard>) -> PathBuf {
    let Some(shard) = shard else { return path.to_owned() };
    let mut name = path.as_os_str().to_owned();
    name.push(shard.suffix());
    name.into()
}
