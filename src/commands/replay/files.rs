//! The files of a run: none is two things at once, and none that holds something else is added to.

use super::Args;
use super::delivering::file_of;
use super::origin::Origin;
use crate::commands::auditing;
use crate::commands::distinct_files::{Written, refuse_shared};
use crate::commands::target::{Place, is_network};
use crate::commands::{CommandError, Context};
use crate::endpoint::address::Scheme;
use crate::replay::Shard;

/// Looks at the files before any of them is made.
///
/// # Errors
/// When one is named for two purposes, or the audit file is none.
pub(super) fn refuse_unfit(
    args: &Args,
    context: &Context,
    (origin, target): (&Origin, &Place),
    shard: Option<Shard>,
) -> Result<(), CommandError> {
    let audited = is_network(&target.address);
    let audit = audited.then(|| auditing::kept_in(args.guarding.audit.as_deref(), context)).flatten();
    let to = (target.address.scheme == Scheme::File).then(|| target.address.path.as_str().into());
    let ledger = args.ledger.as_ref().map(|path| file_of(path, shard));
    let named = [
        ("`--to`", to),
        ("`--ledger`", ledger),
        ("`--results`", args.watching.results_of(shard)),
        ("`--quarantine`", args.guarding.quarantine.clone()),
        ("`--audit`", audit.clone()),
    ];
    let written: Vec<Written<'_>> =
        named.into_iter().filter_map(|(flag, path)| Some((flag, path?))).collect();
    refuse_shared(origin.archive(), &written)?;
    audit.as_deref().map_or(Ok(()), auditing::refuse_other_file)
}
