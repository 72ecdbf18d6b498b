//! The look at the target before the first event: who it is, and what it says of the channels events go to.

use std::time::Duration;

use super::Args;
use crate::commands::target::Place;
use crate::commands::{CommandError, Context};
use crate::diagnostic::Severity;
use crate::endpoint::address::Scheme;
use crate::endpoint::facts::TargetFacts;
use crate::endpoint::open::server_of;
use crate::endpoint::{Address, EndpointError, open};
use crate::event::Timestamp;
use crate::output::replay_plan::Identity;
use crate::replay::preflight::{Finding, judge};
use crate::replay::retention::Retention;
use crate::replay::{StopToken, Survey};

/// How long one look of a dry run may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the target said.
pub(super) struct Told {
    /// Who it is, for the plan.
    pub identity: Identity,
    /// What speaks against the run.
    pub findings: Vec<Finding>,
    /// What it calls itself or its cluster.
    pub cluster: Option<String>,
    /// Bytes that each of its channels takes at once.
    pub at_once: Option<u64>,
    /// Events that may be handed over beyond the ledger on disk, where it keeps little.
    pub window: Option<u64>,
}

impl Told {
    fn nothing(identity: Identity) -> Self {
        Self { identity, findings: Vec::new(), cluster: None, at_once: None, window: None }
    }
}

/// What speaks against the run by what the target says of its channels, and the window of a ledger.
fn judged(args: &Args, target: &Place, survey: &Survey, facts: &TargetFacts) -> (Vec<Finding>, Option<u64>) {
    let now = Timestamp::now();
    let mut findings: Vec<Finding> =
        judge(survey, facts, now).into_iter().filter_map(|finding| held(args, finding)).collect();
    if !args.delivering.looks_for_what_arrived(args.ledger.is_some(), &target.address) {
        return (findings, None);
    }
    let Retention { window, findings: found } = Retention::of(survey, facts, now);
    findings.extend(found.into_iter().map(|finding| args.delivering.weighed(finding)));
    (findings, window)
}

/// A finding as it is of this run. Ids that one which goes on finds taken are its own; without marks, an event that is there
/// already under its id has arrived.
fn held(args: &Args, finding: Finding) -> Option<Finding> {
    match finding.name {
        "id-refused" if args.resume => None,
        "id-refused" if args.no_mark => Some(Finding { severity: Severity::Warning, ..finding }),
        _ => Some(finding),
    }
}

/// A channel of NATS that events would go to although the stream that keeps it is one that they were recorded from, under
/// whatever subject; with the stream. None when there is no such, or the server does not say.
pub(super) async fn in_a_recorded_stream(
    args: &Args,
    context: &Context,
    target: &Place,
    survey: &Survey,
    stop: &StopToken,
) -> Option<(String, String)> {
    if !matches!(target.address.scheme, Scheme::Nats | Scheme::JetStream) {
        return None;
    }
    let connector = args.connector(context, stop).ok()?;
    let asking = async |mut address: Address, channels: Vec<&str>| {
        address.scheme = Scheme::JetStream;
        let place = Place { address, ..target.clone() };
        let asked = tokio::time::timeout(PATIENCE, connector.facts(&place, &channels)).await;
        asked.ok()?.ok().map(|facts| facts.channels)
    };
    let recorded = survey.recorded.iter().map(String::as_str).collect();
    let recorded = asking(server_of(&target.address), recorded).await?;
    let streams: Vec<&String> = recorded.iter().filter_map(|channel| channel.kept_in.as_ref()).collect();
    let going = survey.channels.keys().map(String::as_str).collect();
    let going = asking(target.address.clone(), going).await?;
    let is_recorded = |stream: &String| streams.contains(&stream);
    going.into_iter().find_map(|channel| Some((channel.channel, channel.kept_in.filter(is_recorded)?)))
}

/// Asks the target. A dry run that cannot reach it says so and goes on; a real run ends there.
///
/// # Errors
/// When a real run cannot reach it.
pub(super) async fn asked(
    args: &Args,
    context: &Context,
    target: &Place,
    survey: &Survey,
    stop: &StopToken,
) -> Result<Told, CommandError> {
    if !args.asks_target() {
        return Ok(Told::nothing(Identity::NotAsked));
    }
    let channels: Vec<&str> = survey.channels.keys().map(String::as_str).collect();
    if !args.dry_run {
        let facts = args.connector(context, stop)?.facts(target, &channels).await?;
        let (findings, window) = judged(args, target, survey, &facts);
        let at_once = facts.channels.iter().filter_map(|channel| channel.largest_event).min();
        return Ok(Told { identity: Identity::NotAsked, findings, cluster: facts.cluster, at_once, window });
    }
    let (address, options) = match target.for_writing(&context.environment) {
        Ok(opened) => opened,
        Err(error) => return Ok(Told::nothing(Identity::NotReached(error.message))),
    };
    let probe = async {
        let credentials = options.credentials.as_ref();
        Ok::<_, EndpointError>(open::probe(&address, credentials, options.connect_timeout).await)
    };
    let report = tokio::time::timeout(PATIENCE, probe).await;
    let report = match report {
        Ok(Ok(report)) if report.reachable && report.authorised != Some(false) => report,
        Ok(Ok(report)) => {
            let why = report.problems.first().map(|problem| problem.message.clone());
            return Ok(Told::nothing(Identity::NotReached(why.unwrap_or_default())));
        }
        _ => return Ok(Told::nothing(Identity::NotReached("it does not answer".to_owned()))),
    };
    let facts = tokio::time::timeout(PATIENCE, open::target_facts(&address, &options, &channels)).await;
    let (facts, findings) = match facts {
        Ok(Ok(facts)) => {
            let (findings, _) = judged(args, target, survey, &facts);
            (Some(facts), findings)
        }
        Ok(Err(error)) => {
            let finding = Finding::error("target", error.message);
            (
                None,
                vec![match error.help {
                    Some(help) => finding.help(help),
                    None => finding,
                }],
            )
        }
        Err(_) => {
            (None, vec![Finding::warning("target", "the target does not tell of its channels".to_owned())])
        }
    };
    let cluster = facts.as_ref().and_then(|facts| facts.cluster.clone());
    let identity = Identity::Reached(Box::new(report), facts.map(Box::new));
    Ok(Told { identity, findings, cluster, at_once: None, window: None })
}
