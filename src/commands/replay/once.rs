//! `--delivery exactly-once`: the run is taken over from whoever had it, and goes on from what its target has committed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Args;
use super::keeping::{Begun, not_begun, nothing_left};
use crate::commands::connect::Connector;
use crate::commands::target::Place;
use crate::commands::{CommandError, Context};
use crate::endpoint::Transactions;
use crate::output::figures::counted;
use crate::replay::{Committed, Keeper, Ledger, Limits, StopToken};

/// How long taking over may last before a word is said about it.
const A_WHILE: Duration = Duration::from_secs(3);

/// Opens the target in transactions and takes up what is committed; `kept` is the ledger of a run that goes on.
///
/// # Errors
/// When the target cannot be reached, when the ledger belongs to another run, or when the target knows nothing of it.
pub(super) async fn begun(
    args: &Args,
    context: &Context,
    target: &Place,
    (path, new, kept): (&Path, Ledger, Option<Ledger>),
    stop: &StopToken,
) -> Result<Begun, CommandError> {
    let goes_on = kept.is_some();
    let mut ledger = match kept {
        Some(kept) => {
            kept.belongs_to(path, &new)?;
            kept
        }
        None => new,
    };
    let committed = Arc::new(Committed::of(&ledger, goes_on));
    let (run, checkpoint) = (ledger.run.clone(), Arc::clone(&committed));
    let connector = Connector::new(&args.connect, context, stop)?;
    let opening = connector.sink_with(target, true, Some(Transactions { run, checkpoint }));
    let mut opening = std::pin::pin!(opening);
    let sink = tokio::select! {
        sink = &mut opening => sink,
        () = tokio::time::sleep(A_WHILE) => {
            context.ui.say("waiting for the transactions of other runs to end: what is committed is read behind them");
            opening.await
        }
    }?;
    if goes_on {
        ledger.settled = committed.settled();
        let settled = counted(ledger.settled.count(), "event");
        context.ui.say(format!("going on with run {}: {settled} committed before", ledger.run));
    }
    if ledger.settled.low() >= ledger.planned {
        // Nothing is under way, so that leaving cannot lose anything.
        let _ = sink.close().await;
        let own = ledger.planned;
        return nothing_left(ledger, path, own, args.delivering.shard(context)?);
    }
    let keeper = Arc::new(Keeper::start(path, ledger, None, goes_on).map_err(not_begun)?.beside_the_target());
    committed.kept_by(Arc::clone(&keeper));
    Ok(Begun::Transacting(keeper, sink))
}

/// Limits of a run whose receipts come when a transaction ends, which may take a while.
pub(super) fn limits(limits: Limits) -> Limits {
    Limits { outstanding_events: 65_536, receipt_patience: Duration::from_secs(300), ..limits }
}
