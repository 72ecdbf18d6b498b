//! Where declared and observed differ, as findings like any others.

use super::drift::{Compared, Verdict};
use super::findings::Finding;
use super::graph::{Graph, NodeIndex, Place, Relation};
use crate::diagnostic::Severity;

/// Something was observed that no document declares.
pub const UNDOCUMENTED: &str = "ED6201";
/// Something is declared that a system would have shown, and it was not there.
pub const MISSING: &str = "ED6202";

/// A finding for each contradiction; what could not be observed is none. `against` is the other environment, when it is not
/// documents that are compared with.
#[must_use]
pub fn findings(graph: &Graph, compared: &[Compared<'_>], against: Option<&str>) -> Vec<Finding> {
    compared.iter().filter_map(|item| finding(graph, item, against)).collect()
}

fn finding(graph: &Graph, item: &Compared<'_>, against: Option<&str>) -> Option<Finding> {
    let name = |index: NodeIndex| format!("`{}`", graph.node(index).name);
    let channel = name(item.channel);
    let what = match item.flow {
        None => channel,
        Some((service, Relation::Sends)) => format!("{} sends to {channel}", name(service)),
        Some((service, _)) => format!("{} receives from {channel}", name(service)),
    };
    let alias = "it may be stopped, not deployed, or known under another name: see `topology.aliases`";
    let (code, message, help) = match (item.verdict, against) {
        (Verdict::Undocumented, None) => (
            UNDOCUMENTED,
            format!("{what}, which no document declares"),
            "declare it, or give the service the name as an alias under `topology.aliases`",
        ),
        (Verdict::Missing, None) => (MISSING, format!("{what} by the document, and was not observed"), alias),
        (Verdict::Undocumented, Some(other)) => {
            (UNDOCUMENTED, format!("{what}, which is not so in `{other}`"), alias)
        }
        (Verdict::Missing, Some(other)) => (MISSING, format!("{what} in `{other}`, and not here"), alias),
        (Verdict::NotObservable | Verdict::Confirmed, _) => return None,
    };
    let declared = |place: &&Place| !graph.sources[place.source].kind.is_observed();
    let own = item.evidence.iter().map(|evidence| &evidence.place).chain(item.places);
    // Something that nobody declares is shown where the service or the channel is described, if it is.
    let service = item.flow.map(|(service, _)| graph.node(service));
    let around = service.into_iter().chain([graph.node(item.channel)]).flat_map(|node| &node.defined_at);
    let place = own.clone().find(declared).or_else(|| around.clone().find(declared)).or(own.clone().next());
    let seen = item.evidence.iter().filter_map(|evidence| Some((evidence, evidence.live.as_ref()?)));
    let seen: Vec<String> = seen
        .map(|(evidence, live)| format!("{} at {}", live.remark, graph.sources[evidence.place.source].path))
        .collect();
    let message = if seen.is_empty() { message } else { format!("{message} ({})", seen.join("; ")) };
    Some(Finding {
        code,
        severity: Severity::Warning,
        message,
        place: place.cloned(),
        related: Vec::new(),
        help: help.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{MISSING, UNDOCUMENTED, findings};
    use crate::endpoint::inspect::{Direction, KnownBy, Observed, ObservedFlow, SeenBy};
    use crate::topology::aliases::Aliases;
    use crate::topology::drift::drift;
    use crate::topology::fixture::graph;
    use crate::topology::observed::System;

    #[test]
    fn contradictions_have_codes_and_places_in_documents() {
        let flow = ObservedFlow {
            who: "web".to_owned(),
            known_by: KnownBy::Client,
            clients: Vec::new(),
            direction: Direction::Receives,
            addresses: vec!["invoices".to_owned()],
            seen_by: SeenBy::NatsSubscription,
            confidence: 95,
            waiting: None,
            remark: "a subscription".to_owned(),
        };
        let told = Observed { flows: vec![flow], ..Observed::default() };
        let system = System { address: "mqtt://host".to_owned(), protocol: "mqtt".to_owned(), told };
        let graph = graph("web > orders > -").observed(&[system], &Aliases::default());
        let found = findings(&graph, &drift(&graph), None);
        let shown: Vec<(&str, &str)> =
            found.iter().map(|finding| (finding.code, finding.message.as_str())).collect();
        assert_eq!(
            shown,
            [
                (
                    UNDOCUMENTED,
                    "`web` receives from `invoices`, which no document declares (a subscription at mqtt://host)"
                ),
                (MISSING, "`web` sends to `orders` by the document, and was not observed"),
            ]
        );
        let path = |number: usize| {
            let place = found[number].place.as_ref().expect("a place");
            graph.sources[place.source].path.as_str()
        };
        assert_eq!((path(0), path(1)), ("shop.yaml", "shop.yaml"));
    }
}
