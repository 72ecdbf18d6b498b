//! Where what is declared and what was observed differ: per flow and per channel, with the reason where nothing could be seen.

use serde::Serialize;

use super::graph::{Evidence, EvidenceKind, Graph, Node, NodeIndex, NodeKind, Place, Relation};
use super::observed::{Observation, PERMISSIONS, Status};

/// What came of comparing one flow or channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was observed, and no document declares it.
    Undocumented,
    /// It is declared, a system would have shown it, and it was not there.
    Missing,
    /// It is declared, and no system that was asked could have shown it.
    NotObservable,
    /// It is declared and was observed.
    Confirmed,
}

impl Verdict {
    /// Every verdict, what has to be looked at first.
    pub const ALL: [Self; 4] = [Self::Undocumented, Self::Missing, Self::NotObservable, Self::Confirmed];

    /// The words used in every output.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Undocumented => "undocumented",
            Self::Missing => "missing",
            Self::NotObservable => "not observable",
            Self::Confirmed => "confirmed",
        }
    }

    /// Whether declared and observed contradict each other.
    #[must_use]
    pub fn is_finding(self) -> bool {
        matches!(self, Self::Undocumented | Self::Missing)
    }
}

/// One flow, or one channel, compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared<'a> {
    /// What came of it.
    pub verdict: Verdict,
    /// The service, and the way of the events; `None` for a channel by itself.
    pub flow: Option<(NodeIndex, Relation)>,
    /// The channel.
    pub channel: NodeIndex,
    /// Why it is believed: what was observed, and where it is declared.
    pub evidence: &'a [Evidence],
    /// Where the channel was defined and seen.
    pub places: &'a [Place],
    /// Why it could not be seen.
    pub reasons: Vec<&'a str>,
}

/// Compares every flow, and every channel by itself where a system lists its channels; the weightiest first, then in order
/// of the graph. Flows that are there only because addresses meet are left to those they come from.
#[must_use]
pub fn drift(graph: &Graph) -> Vec<Compared<'_>> {
    let observations: Vec<&Observation> =
        graph.sources.iter().filter_map(|source| source.observation.as_ref()).collect();
    let mut compared: Vec<Compared<'_>> = Vec::with_capacity(graph.edges.len());
    for edge in graph.flows() {
        if edge.evidence.iter().all(says_nothing) {
            continue;
        }
        let (service, channel) = match edge.relation {
            Relation::Sends => (edge.source, edge.target),
            Relation::Receives | Relation::Carries => (edge.target, edge.source),
        };
        let seen = |evidence: &Evidence| {
            let by_itself = evidence.kind == EvidenceKind::AmqpDeadLetter || evidence.kind.is_permission();
            evidence.is_observed() && !by_itself
        };
        let status = if edge.evidence.iter().any(seen) { edge.status() } else { Status::DeclaredOnly };
        let (verdict, reasons) = match status {
            Status::Both => (Verdict::Confirmed, Vec::new()),
            Status::ObservedOnly => (Verdict::Undocumented, Vec::new()),
            Status::DeclaredOnly => unseen(&observations, graph.node(channel), edge.relation),
        };
        compared.push(Compared {
            verdict,
            flow: Some((service, edge.relation)),
            channel,
            evidence: &edge.evidence,
            places: &[],
            reasons,
        });
    }
    compared
        .extend(graph.of_kind(NodeKind::Channel).filter_map(|channel| alone(graph, &observations, channel)));
    compared.sort_by_key(|item| item.verdict);
    compared
}

/// Whether it neither says that something is meant to be nor that it is: addresses that meet, what the broker does by itself,
/// and what somebody may do.
fn says_nothing(evidence: &Evidence) -> bool {
    matches!(evidence.kind, EvidenceKind::Pattern | EvidenceKind::AmqpDeadLetter)
        || evidence.kind.is_permission()
}

/// A declared flow that was not seen: whether a system would have shown it.
fn unseen<'a>(
    observations: &[&'a Observation],
    channel: &Node,
    relation: Relation,
) -> (Verdict, Vec<&'a str>) {
    let mut asked = false;
    let mut reasons: Vec<&str> = Vec::new();
    for observation in about(observations, channel) {
        asked = true;
        reasons.extend(observation.unseen(relation).map(|unseen| unseen.words.as_str()));
    }
    match (asked, reasons.is_empty()) {
        (false, _) => (Verdict::NotObservable, vec!["no system of this protocol was asked"]),
        (true, false) => (Verdict::NotObservable, reasons),
        (true, true) => (Verdict::Missing, reasons),
    }
}

fn about<'a, 'o>(
    observations: &'o [&'a Observation],
    channel: &'o Node,
) -> impl Iterator<Item = &'a Observation> + 'o {
    observations.iter().copied().filter(|observation| observation.is_about(channel.protocol.as_deref()))
}

/// Whether somebody uses a channel, of whom that is said apart.
fn is_used(graph: &Graph, channel: NodeIndex) -> bool {
    let flows = graph.incoming(channel).chain(graph.outgoing(channel)).filter(|edge| edge.relation.is_flow());
    flows.into_iter().any(|edge| !edge.evidence.iter().all(says_nothing))
}

/// A channel by itself: one that nobody declared, or, where topics and streams have to be there before use, one that is not.
fn alone<'a>(graph: &'a Graph, observations: &[&Observation], index: NodeIndex) -> Option<Compared<'a>> {
    let channel = graph.node(index);
    let seen = |place: &&Place| graph.sources[place.source].kind.is_observed();
    let observed = channel.defined_at.iter().any(|place| seen(&place) && place.pointer != PERMISSIONS);
    let declared = channel.defined_at.iter().any(|place| !seen(&place));
    let listed = matches!(channel.protocol.as_deref(), Some("kafka" | "redis"));
    let verdict = match (declared, observed) {
        // Whoever uses it has said so already.
        (false, true) if is_used(graph, index) => return None,
        (false, true) => Verdict::Undocumented,
        (true, false) if listed && channel.name.contains('{') => return None,
        (true, false) if listed => {
            let mut asked = about(observations, channel).peekable();
            asked.peek()?;
            let whole = asked.all(|observation| observation.unseen(Relation::Receives).next().is_none());
            if whole { Verdict::Missing } else { return None }
        }
        (true, true) if listed => Verdict::Confirmed,
        _ => return None,
    };
    Some(Compared {
        verdict,
        flow: None,
        channel: index,
        evidence: &[],
        places: &channel.defined_at,
        reasons: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Verdict, drift};
    use crate::endpoint::inspect::{
        Allowed, Direction, KnownBy, NotObservable, Observed, ObservedChannel, ObservedFlow, SeenBy, Why,
    };
    use crate::topology::aliases::Aliases;
    use crate::topology::fixture::graph;
    use crate::topology::observed::System;
    use crate::topology::{Graph, Relation};

    fn flow(who: &str, direction: Direction, address: &str) -> ObservedFlow {
        ObservedFlow {
            who: who.to_owned(),
            known_by: KnownBy::Group,
            clients: vec!["stock".to_owned()],
            direction,
            addresses: vec![address.to_owned()],
            seen_by: SeenBy::KafkaGroup,
            confidence: 95,
            waiting: Some(3),
            remark: "as a test".to_owned(),
        }
    }

    fn verdicts(graph: &Graph) -> Vec<(Verdict, String)> {
        let name = |index| graph.node(index).name.as_str();
        let items = drift(graph);
        let shown = items.iter().map(|item| {
            let service = item.flow.map_or("-", |(service, _)| name(service));
            (item.verdict, format!("{service} {}", name(item.channel)))
        });
        shown.collect()
    }

    #[test]
    fn four_verdicts_and_no_other() {
        let told = Observed {
            channels: vec![ObservedChannel { name: "extra".to_owned(), ..ObservedChannel::default() }],
            flows: vec![
                flow("billing", Direction::Receives, "orders/+/placed"),
                flow("group-of-stock", Direction::Receives, "invoices"),
            ],
            not_observable: vec![NotObservable::of(Direction::Sends, Why::Unsupported, "no publishers")],
            ..Observed::default()
        };
        let system = System { address: "mqtt://host".to_owned(), protocol: "mqtt".to_owned(), told };
        let declared = graph("web > orders/eu/placed > billing mail\nstock > stock/low > -");
        let graph = declared.observed(&[system], &Aliases::default());
        assert_eq!(
            verdicts(&graph),
            [
                // The client behind the group is a service that is declared.
                (Verdict::Undocumented, "stock invoices".to_owned()),
                (Verdict::Undocumented, "- extra".to_owned()),
                (Verdict::Missing, "mail orders/eu/placed".to_owned()),
                (Verdict::NotObservable, "stock stock/low".to_owned()),
                (Verdict::NotObservable, "web orders/eu/placed".to_owned()),
                (Verdict::Confirmed, "billing orders/eu/placed".to_owned()),
            ]
        );
        let lag: Vec<_> = graph.flows().filter_map(crate::topology::Edge::lag).collect();
        assert_eq!(lag, [3, 3]);
    }

    #[test]
    fn nothing_is_missing_where_nothing_was_asked() {
        let graph = graph("web > a > billing").observed(&[], &Aliases::default());
        assert!(verdicts(&graph).iter().all(|(verdict, _)| *verdict == Verdict::NotObservable));
    }

    /// Who may do what, at topics that are there, that are only declared, and that nobody knows.
    #[test]
    fn permissions_reach_what_is_not_there_yet_and_are_no_drift() {
        let allowed = |who: &str, address: &str, prefixed, except: &[&str]| Allowed {
            flow: ObservedFlow {
                who: who.to_owned(),
                known_by: KnownBy::User,
                clients: Vec::new(),
                direction: Direction::Sends,
                addresses: vec![address.to_owned()],
                seen_by: SeenBy::KafkaAcl,
                confidence: 30,
                waiting: None,
                remark: "it may".to_owned(),
            },
            prefixed,
            except: except.iter().map(|name| ((*name).to_owned(), false)).collect(),
        };
        let there = ObservedChannel { name: "orders.eu".to_owned(), ..ObservedChannel::default() };
        let told = Observed {
            channels: vec![there],
            allowed: vec![
                allowed("web", "orders.", true, &["orders.us"]),
                allowed("pos", "refunds", false, &[]),
                allowed("pos", "stock.", true, &[]),
                allowed("web", "stock.", true, &[]),
            ],
            ..Observed::default()
        };
        let system = System { address: "kafka://h".to_owned(), protocol: "kafka".to_owned(), told };
        let mut declared = graph("web > orders.ap > a\nb > orders.us > c\nd > orders.{region} > e");
        for node in &mut declared.nodes {
            node.protocol = node.protocol.take().map(|_| "kafka".to_owned());
        }
        let joined = declared.observed(&[system], &Aliases::default());
        let name = |index| joined.node(index).name.as_str();
        let sends = joined.flows().filter(|edge| edge.relation == Relation::Sends);
        let mut sends: Vec<String> = sends
            .map(|edge| format!("{} {} {:?}", name(edge.source), name(edge.target), edge.status()))
            .collect();
        sends.sort();
        assert_eq!(
            sends,
            [
                "b orders.us DeclaredOnly",
                "d orders.{region} DeclaredOnly",
                "pos refunds ObservedOnly",
                "pos stock.* ObservedOnly",
                "web orders.ap DeclaredOnly",
                "web orders.{region} ObservedOnly",
                "web stock.* ObservedOnly",
            ]
        );
        let judged: Vec<&str> = drift(&joined).iter().map(|item| name(item.channel)).collect();
        assert!(!judged.iter().any(|channel| ["refunds", "stock.*"].contains(channel)), "{judged:?}");
        let unused = joined.checks().into_iter().filter(|check| name(check.node) == "stock.*");
        assert_eq!(unused.map(|check| check.rule.name()).collect::<Vec<_>>(), ["channel/unused"]);
    }
}
