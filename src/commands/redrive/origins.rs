//! Whether the places that dead letters would go back to are there and take them, asked before anything is sent.

use super::{Connector, Route};
use crate::endpoint::address::Scheme;
use crate::event::Timestamp;
use crate::replay::Survey;
use crate::replay::preflight::{Finding, judge};
use crate::replay::redrive::{Board, at_exchange};

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

/// A redrive has no `--map-channel`.
fn for_redrive(finding: Finding) -> Finding {
    if !finding.help.as_deref().is_some_and(|help| help.contains("--map-channel")) {
        return finding;
    }
    finding.help("make it first, or send these events elsewhere with `--to` or `--map '.channel = \"NAME\"'`")
}
