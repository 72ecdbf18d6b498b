//! Whether the places that dead letters would go back to are there and take them, asked before anything is sent.

use std::sync::Arc;
use std::time::Duration;

use super::{Args, CommandError, Connector, Context, Format, Route, Rules, StopToken, group, look, show};
use crate::commands::ErrorKind;
use crate::commands::preflight::{self, Preflight};
use crate::commands::target::is_network;
use crate::endpoint::Source;
use crate::endpoint::address::Scheme;
use crate::event::Timestamp;
use crate::replay::Survey;
use crate::replay::preflight::{Finding, judge};
use crate::replay::redrive::{Board, at_exchange};

/// How often a queue is asked whether it has put back what was looked at.
const PATIENCE: u32 = 20;
/// How long a group gives out nothing before a word is said about it.
const A_WHILE: Duration = Duration::from_secs(2);
/// How long it has between two questions.
const A_MOMENT: Duration = Duration::from_millis(100);

/// Asks for all that a look at the dead letters has found.
pub(super) async fn asked(connector: &Connector<'_>, route: &Route, board: &Board) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (exchange, channels) in board.ways() {
        let mut place = route.target.clone();
        if !route.fixed && place.address.scheme == Scheme::Amqp {
            place.address = at_exchange(&place.address, exchange.as_deref());
        }
        let names: Vec<&str> = channels.keys().map(String::as_str).collect();
        match connector.facts(&place, &names).await {
            Ok(facts) => {
                let survey = Survey { channels: channels.clone(), ..Survey::default() };
                findings.extend(judge(&survey, &facts, Timestamp::now()).into_iter().map(for_redrive));
            }
            Err(error) => {
                let message = format!("`{}` does not tell of its channels: {}", place.address, error.message);
                findings.push(Finding::warning("target", message));
            }
        }
    }
    findings
}

/// Looks at the dead letters and asks the places they would go to, without taking anything away. Returns how many dead
/// letters were seen.
///
/// # Errors
/// When a place would not take what is meant for it, unless the user sends all the same.
pub(super) async fn before_the_first(
    args: &Args,
    context: &Context,
    (connector, stop): (&Connector<'_>, &StopToken),
    route: &Route,
    rules: &Rules,
) -> Result<u64, CommandError> {
    if args.preflight == Preflight::Off || !is_network(&route.target.address) || !is_there_twice(route) {
        return Ok(0);
    }
    let board = Arc::new(Board::default());
    let looked = look(args, (connector, stop), route, &board, rules.clone());
    let cut = patiently(args, context, route, &board, looked).await?;
    if stop.reason().is_some() {
        return Ok(0);
    }
    let seen = board.counts().read;
    if cut {
        context.ui.detail(format!("asked for the origins of the first {seen} dead letters only"));
    }
    let findings = asked(connector, route, &board).await;
    let stops = |finding: &&Finding| finding.is_error() && args.preflight == Preflight::Refuse;
    preflight::say(context, findings.iter().filter(|finding| !stops(finding)));
    let stopping: Vec<&Finding> = findings.iter().filter(stops).collect();
    if stopping.is_empty() {
        Ok(seen)
    } else {
        if args.format == Format::Json {
            let nothing = (&Board::default(), Some(seen), false, Duration::ZERO);
            show(args, context, route, nothing, &findings)?;
        }
        Err(preflight::nothing_sent(ErrorKind::Delivery, &stopping, true))
    }
}

/// Says what is waited for when a group gives out nothing for a while.
pub(super) async fn patiently<T>(
    args: &Args,
    context: &Context,
    route: &Route,
    board: &Board,
    looked: impl Future<Output = T>,
) -> T {
    let mut looked = std::pin::pin!(looked);
    let is_shared = route.source.address.scheme == Scheme::Kafka;
    tokio::select! {
        biased;
        done = &mut looked => return done,
        () = tokio::time::sleep(A_WHILE), if is_shared => {}
    }
    if board.counts().read == 0 {
        context.ui.say(format!(
            "waiting for the group `{}`: a member that ended without leaving keeps its place for some seconds",
            group(args)
        ));
    }
    looked.await
}

/// What is read from a pipe is gone then.
fn is_there_twice(route: &Route) -> bool {
    let address = &route.source.address;
    match address.scheme {
        Scheme::Stdio | Scheme::Memory => false,
        Scheme::File => std::fs::metadata(&address.path).is_ok_and(|file| file.is_file() || file.is_dir()),
        _ => true,
    }
}

/// Opens what the dead letters are taken out of. A queue may still be putting back what was looked at: it is asked again
/// until it says that as many wait there, for a moment; somebody else may have taken them.
pub(super) async fn taken(
    args: &Args,
    connector: &Connector<'_>,
    route: &Route,
    seen: u64,
) -> Result<Box<dyn Source>, CommandError> {
    for _ in 0..PATIENCE {
        let source = connector.taking(&route.source, group(args)).await?;
        if route.source.address.scheme != Scheme::Amqp || source.left().is_none_or(|left| left >= seen) {
            return Ok(source);
        }
        // Not being able to leave says nothing against opening it again.
        let _ = source.close().await;
        tokio::time::sleep(A_MOMENT).await;
    }
    connector.taking(&route.source, group(args)).await
}

/// A redrive has no `--map-channel` and no `--repartition`.
fn for_redrive(finding: Finding) -> Finding {
    let named = |option: &str| finding.help.as_deref().is_some_and(|help| help.contains(option));
    let help = if named("--map-channel") {
        "make it first, or send these events elsewhere with `--to` or `--map '.channel = \"NAME\"'`"
    } else if named("--repartition") {
        "`--map '.partition = null'` places all by their keys; give it as many partitions to keep them together"
    } else {
        return finding;
    };
    finding.help(help)
}
