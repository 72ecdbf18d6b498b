//! What is wrong with a system as a whole: ends that are missing, versions that differ, cycles, letters nobody reads.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{CheckRule, Edge, EvidenceKind, Graph, NodeIndex, NodeKind, Place, Relation};
use super::loops::Loop;
use crate::diagnostic::Severity;

/// Services receive from a channel to which nobody sends.
pub const NO_PRODUCER: &str = "ED6101";
/// Services send to a channel from which nobody receives.
pub const NO_CONSUMER: &str = "ED6102";
/// A channel is declared and nobody uses it.
pub const UNUSED: &str = "ED6103";
/// A consumer takes only versions of a message that nobody sends there.
pub const VERSION_SKEW: &str = "ED6104";
/// Events can come back to the service that sent them.
pub const CYCLE: &str = "ED6105";
/// Events end in a dead-letter channel that nobody reads.
pub const DEAD_LETTERS_UNREAD: &str = "ED6106";
/// Two documents describe a service of one name.
pub const DESCRIBED_TWICE: &str = "ED6107";
/// An assertion of the workspace does not hold.
pub const ASSERTION: &str = "ED6108";

/// Said of cycles among so many services that the fewest arrows to break are not looked for.
const FEWER: &str =
    "; these services are too many to prove that fewer places than are shown would not be enough";

/// A finding about the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its code.
    pub code: &'static str,
    /// Its weight.
    pub severity: Severity,
    /// A lower-case fragment.
    pub message: String,
    /// Where it is; `None` when no source says.
    pub place: Option<Place>,
    /// Other places that explain it, with a few words each.
    pub related: Vec<(Place, String)>,
    /// What to do next.
    pub help: String,
}

impl Graph {
    /// Everything that is wrong with the system as a whole, but for its assertions.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = self.missing_ends();
        findings.extend(self.version_skew());
        findings.extend(self.cycles());
        findings.extend(self.described_twice());
        findings
    }

    fn missing_ends(&self) -> Vec<Finding> {
        let finding = |check: super::graph::Check| {
            let name = &self.node(check.node).name;
            let list = |services: &mut dyn Iterator<Item = NodeIndex>| {
                services
                    .map(|service| format!("`{}`", self.node(service).name))
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let (code, message, help) = match check.rule {
                CheckRule::NoProducer => (
                    NO_PRODUCER,
                    format!(
                        "nobody sends to `{name}`, from which {} receives",
                        list(&mut self.consumers(check.node))
                    ),
                    "add the document of the producer, or take the operation out",
                ),
                CheckRule::NoConsumer if is_dead_letter(name) => (
                    DEAD_LETTERS_UNREAD,
                    format!("nobody reads the dead letters in `{name}`"),
                    "let a service receive from it, or watch it with an alarm and say so with a document",
                ),
                CheckRule::NoConsumer => (
                    NO_CONSUMER,
                    format!(
                        "nobody receives from `{name}`, to which {} sends",
                        list(&mut self.producers(check.node))
                    ),
                    "add the document of the consumer, or take the operation out",
                ),
                CheckRule::Unused => (
                    UNUSED,
                    format!("nobody sends to or receives from `{name}`"),
                    "add operations, or take the channel out",
                ),
            };
            let related = self.edges_of(check.node);
            Finding {
                code,
                severity: Severity::Warning,
                message,
                place: self.node(check.node).defined_at.first().cloned(),
                related,
                help: help.to_owned(),
            }
        };
        self.checks().into_iter().map(finding).collect()
    }

    fn edges_of(&self, channel: NodeIndex) -> Vec<(Place, String)> {
        let flows =
            self.incoming(channel).chain(self.outgoing(channel)).filter(|edge| edge.relation.is_flow());
        flows.filter_map(|edge| Some((place_of(edge)?, self.words(edge)))).take(3).collect()
    }

    pub(super) fn words(&self, edge: &Edge) -> String {
        let (source, target) = (&self.node(edge.source).name, &self.node(edge.target).name);
        match edge.relation {
            Relation::Sends => format!("`{source}` sends to `{target}`"),
            Relation::Receives => format!("`{target}` receives from `{source}`"),
            Relation::Carries => format!("`{source}` carries `{target}`"),
        }
    }

    /// Consumers whose versions of a message are all different from those that are sent.
    fn version_skew(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for channel in self.of_kind(NodeKind::Channel) {
            let sends: Vec<&Edge> =
                self.incoming(channel).filter(|edge| edge.relation == Relation::Sends).collect();
            let sent = self.versions(sends.iter().copied());
            for edge in self.outgoing(channel).filter(|edge| edge.relation == Relation::Receives) {
                for (name, taken) in self.versions(std::iter::once(edge)) {
                    let Some(offered) = sent.get(name) else { continue };
                    if taken.is_empty() || offered.is_empty() || !taken.is_disjoint(offered) {
                        continue;
                    }
                    let list = |versions: &BTreeSet<&str>| {
                        versions.iter().map(|version| format!("`{version}`")).collect::<Vec<_>>().join(", ")
                    };
                    let consumer = &self.node(edge.target).name;
                    let address = &self.node(channel).name;
                    findings.push(Finding {
                        code: VERSION_SKEW,
                        severity: Severity::Warning,
                        message: format!(
                            "`{consumer}` takes `{name}` in version {} from `{address}`, and {} is sent there",
                            list(&taken),
                            list(offered)
                        ),
                        place: place_of(edge),
                        related: sends
                            .iter()
                            .filter_map(|edge| Some((place_of(edge)?, self.words(edge))))
                            .collect(),
                        help: "let the consumer take the version that is sent, or send both for a while".to_owned(),
                    });
                }
            }
        }
        findings
    }

    /// Names of messages with the versions of each; those without a version do not count.
    fn versions<'a>(&'a self, edges: impl Iterator<Item = &'a Edge>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for message in edges.flat_map(|edge| &edge.messages) {
            let node = self.node(*message);
            if let Some(version) = &node.version {
                versions.entry(&node.name).or_default().insert(version);
            }
        }
        versions
    }

    fn cycles(&self) -> Vec<Finding> {
        let finding = |found: Loop| {
            let mut way: Vec<String> =
                found.steps.iter().map(|step| format!("`{}`", self.node(step.from).name)).collect();
            way.extend(way.first().cloned());
            let places = found.steps.iter().filter_map(|step| {
                let sends = self.outgoing(step.from).find(|edge| edge.target == step.channel)?;
                Some((place_of(sends)?, self.words(sends)))
            });
            let mut places: Vec<(Place, String)> = places.collect();
            let place = (!places.is_empty()).then(|| places.remove(0).0);
            Finding {
                code: CYCLE,
                severity: Severity::Warning,
                message: format!("events go round: {}", way.join(" → ")),
                place,
                related: places,
                help: format!(
                    "make sure that something ends it, or break it at this operation; requests with a `reply` and retries do not count{}",
                    if found.is_fewest { "" } else { FEWER }
                ),
            }
        };
        let loops = self.loops();
        let mut findings: Vec<Finding> = loops.found.into_iter().map(finding).collect();
        let mut more = |words: String| {
            findings.push(Finding {
                code: CYCLE,
                severity: Severity::Warning,
                message: words,
                place: None,
                related: Vec::new(),
                help: "look at a part: draw it with `--focus` and `--output part.json`, and check that"
                    .to_owned(),
            });
        };
        if loops.more > 0 {
            more(format!("{} more connections close ways round, which are not shown", loops.more));
        }
        if loops.passed_over > 0 {
            let words =
                "have so many producers and consumers that ways round through them were not looked for";
            more(format!("{} channels {words}", loops.passed_over));
        }
        findings
    }

    fn described_twice(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for service in self.of_kind(NodeKind::Service) {
            let node = self.node(service);
            let mut described = node.defined_at.iter().filter(|place| place.pointer == "/info");
            let (Some(first), rest) = (described.next(), described) else { continue };
            let others: Vec<&Place> = rest.filter(|place| place.source != first.source).collect();
            if let Some(second) = others.first() {
                findings.push(Finding {
                    code: DESCRIBED_TWICE,
                    severity: Severity::Warning,
                    message: format!("{} documents describe the service `{}`", others.len() + 1, node.name),
                    place: Some((*second).clone()),
                    related: vec![(first.clone(), "also described here".to_owned())],
                    help: "give each service a title of its own, or keep one document".to_owned(),
                });
            }
        }
        findings
    }
}

/// Where an edge is said, before where it only follows from another.
pub(super) fn place_of(edge: &Edge) -> Option<Place> {
    let own = edge.evidence.iter().find(|evidence| evidence.kind != EvidenceKind::Pattern);
    own.or(edge.evidence.first()).map(|evidence| evidence.place.clone())
}

/// Whether a name is that of a channel for events that could not be handled.
#[must_use]
pub fn is_dead_letter(name: &str) -> bool {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|sign: char| !sign.is_alphanumeric()).collect();
    words.iter().any(|word| matches!(*word, "dlq" | "dlt" | "dlx" | "deadletter" | "deadletters" | "dead"))
}

/// Whether a name is that of a channel through which events are tried again.
#[must_use]
pub fn is_retry(name: &str) -> bool {
    let name = name.to_lowercase();
    name.split(|sign: char| !sign.is_alphanumeric()).any(|word| matches!(word, "retry" | "retries"))
}

#[cfg(test)]
mod tests {
    use super::{
        CYCLE, DEAD_LETTERS_UNREAD, NO_CONSUMER, NO_PRODUCER, VERSION_SKEW, is_dead_letter, is_retry,
    };
    use crate::topology::Graph;
    use crate::topology::fixture::{graph, shop};

    fn codes(graph: &Graph) -> Vec<&'static str> {
        graph.findings().iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn missing_ends_and_unread_letters() {
        assert_eq!(codes(&shop()), [NO_PRODUCER, NO_CONSUMER, CYCLE, CYCLE]);
        assert_eq!(codes(&graph("a > orders.dlq > -")), [DEAD_LETTERS_UNREAD]);
        assert!(is_dead_letter("x/dead-letter") && !is_dead_letter("deadline") && is_retry("a.retry.5m"));
    }

    #[test]
    fn versions_that_never_meet() {
        let mut skewed = graph("a > x [M1 M2] > b");
        for (number, node) in skewed.nodes.iter_mut().enumerate() {
            if node.name.starts_with('M') {
                node.version = Some(node.name[1..].to_owned());
                node.name = "M".to_owned();
            }
            let _ = number;
        }
        let find = |graph: &Graph, id: &str| graph.find(id).expect("there");
        let (one, two) = (find(&skewed, "message:M1"), find(&skewed, "message:M2"));
        let service = find(&skewed, "service:a");
        for edge in &mut skewed.edges {
            edge.messages = vec![if edge.source == service { two } else { one }];
        }
        assert_eq!(codes(&skewed), [VERSION_SKEW]);
        for edge in &mut skewed.edges {
            edge.messages = vec![one, two];
        }
        assert_eq!(codes(&skewed), Vec::<&str>::new());
    }

    #[test]
    fn shortest_cycles_are_shown_and_loops_of_one_are_none() {
        let ring = graph("a > x > b\nb > y > c\nc > z > a\nb > back > a\na > self > a");
        let messages: Vec<String> = ring
            .findings()
            .into_iter()
            .filter(|finding| finding.code == CYCLE)
            .map(|found| found.message)
            .collect();
        // One arrow breaks both ways round, and the shorter one is shown.
        assert_eq!(messages, ["events go round: `a` → `b` → `a`"]);
        assert!(codes(&graph("a > x > b\nb > x.retry > a")).is_empty());
    }
}
