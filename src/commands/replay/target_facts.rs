//! The look at the target before the first event: who it is, and what it says of the channels events go to.

use std::time::Duration;

use super::Args;
use crate::commands::target::Place;
use crate::commands::{CommandError, Context};
use crate::endpoint::{EndpointError, open};
use crate::event::Timestamp;
use crate::output::replay_plan::Identity;
use crate::replay::preflight::{Finding, judge};
use crate::replay::{StopToken, Survey};

/// How long one look of a dry run may take.
const PATIENCE: Duration = Duration::from_secs(5);

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
) -> Result<(Identity, Vec<Finding>), CommandError> {
    if !args.asks_target() {
        return Ok((Identity::NotAsked, Vec::new()));
    }
    let channels: Vec<&str> = survey.channels.keys().map(String::as_str).collect();
    if !args.dry_run {
        let facts = args.connector(context, stop)?.facts(target, &channels).await?;
        return Ok((Identity::NotAsked, judge(survey, &facts, Timestamp::now())));
    }
    let (address, options) = match target.for_writing(&context.environment) {
        Ok(opened) => opened,
        Err(error) => return Ok((Identity::NotReached(error.message), Vec::new())),
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
            return Ok((Identity::NotReached(why.unwrap_or_default()), Vec::new()));
        }
        _ => return Ok((Identity::NotReached("it does not answer".to_owned()), Vec::new())),
    };
    let facts = tokio::time::timeout(PATIENCE, open::target_facts(&address, &options, &channels)).await;
    let (facts, findings) = match facts {
        Ok(Ok(facts)) => {
            let findings = judge(survey, &facts, Timestamp::now());
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
    Ok((Identity::Reached(Box::new(report), facts.map(Box::new)), findings))
}
