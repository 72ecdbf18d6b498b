//! What became of a graph: two states in one graph, each thing marked, and what the later state takes away from those who need it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::graph::{Change, Edge, Graph, Node, NodeIndex, NodeKind, Relation};
use super::names::shape;

/// One thing that is said differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alteration {
    /// The member, by its name in the JSON.
    pub member: &'static str,
    /// What it was; empty when nothing.
    pub before: String,
    /// What it is; empty when nothing.
    pub after: String,
}

/// A consumer whose events come from nobody any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Starved {
    /// The channel, in the graph of the difference.
    pub channel: NodeIndex,
    /// Who still receives from it.
    pub consumer: NodeIndex,
    /// The message that is not sent any more; `None` when none is.
    pub message: Option<NodeIndex>,
}

/// Two states of a system in one graph.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// Everything that one of the two has, marked with what became of it.
    pub graph: Graph,
    /// What is said differently of a node, by its identifier.
    pub nodes: BTreeMap<String, Vec<Alteration>>,
    /// What is said differently of an edge, by the identifiers of its ends.
    pub edges: BTreeMap<(String, String), Vec<Alteration>>,
    /// Consumers that the later state leaves without a source, in order.
    pub starved: Vec<Starved>,
}

impl Difference {
    /// Compares two states. Places, sources and evidence do not count, only what they say.
    #[must_use]
    pub fn new(before: &Graph, after: &Graph) -> Self {
        let mut difference = Self::default();
        let old_nodes: HashMap<&str, &Node> =
            before.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let new_ids: HashSet<&str> = after.nodes.iter().map(|node| node.id.as_str()).collect();
        let earlier_versions = versions_gone(before, &new_ids);
        let mut later = after.clone();
        for node in &mut later.nodes {
            let (change, alterations) = match old_nodes.get(node.id.as_str()) {
                Some(old) => altered(old, node),
                None => appeared(node, &earlier_versions),
            };
            node.change = change;
            if !alterations.is_empty() {
                difference.nodes.insert(node.id.clone(), alterations);
            }
        }
        let old_edges: HashMap<(&str, &str), &Edge> =
            before.edges.iter().map(|edge| (ends(before, edge), edge)).collect();
        let changes: Vec<Option<Change>> = after
            .edges
            .iter()
            .map(|edge| match old_edges.get(&ends(after, edge)) {
                None => Some(Change::Added),
                Some(old) => difference.edge(before, old, after, edge),
            })
            .collect();
        for (edge, change) in later.edges.iter_mut().zip(changes) {
            edge.change = change;
        }
        let mut earlier = before.clone();
        for node in &mut earlier.nodes {
            node.change = (!new_ids.contains(node.id.as_str())).then_some(Change::Removed);
        }
        let new_edges: HashSet<(&str, &str)> = after.edges.iter().map(|edge| ends(after, edge)).collect();
        for (edge, old) in earlier.edges.iter_mut().zip(&before.edges) {
            edge.change = (!new_edges.contains(&ends(before, old))).then_some(Change::Removed);
        }
        difference.graph = Graph::joined([later, earlier]);
        difference.starved = starved(before, after, &difference.graph);
        difference
    }

    /// Whether the two say the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let nodes = self.graph.nodes.iter().all(|node| node.change.is_none());
        nodes && self.graph.edges.iter().all(|edge| edge.change.is_none())
    }

    /// What is said differently of an edge.
    #[must_use]
    pub fn of_edge(&self, edge: &Edge) -> &[Alteration] {
        let (source, target) = ends(&self.graph, edge);
        self.edges.get(&(source.to_owned(), target.to_owned())).map_or(&[], Vec::as_slice)
    }

    fn edge(&mut self, before: &Graph, old: &Edge, after: &Graph, new: &Edge) -> Option<Change> {
        let messages = |graph: &Graph, edge: &Edge| {
            let mut ids: Vec<&str> =
                edge.messages.iter().map(|message| graph.node(*message).id.as_str()).collect();
            ids.sort_unstable();
            ids.iter().map(|id| id.trim_start_matches("message:")).collect::<Vec<_>>().join(", ")
        };
        let (was, is) = (messages(before, old), messages(after, new));
        if was == is {
            return None;
        }
        let (source, target) = ends(after, new);
        let alteration = Alteration { member: "messages", before: was, after: is };
        self.edges.insert((source.to_owned(), target.to_owned()), vec![alteration]);
        Some(Change::Modified)
    }
}

fn ends<'a>(graph: &'a Graph, edge: &Edge) -> (&'a str, &'a str) {
    (&graph.node(edge.source).id, &graph.node(edge.target).id)
}

/// Versions of messages that are not there any more, by name.
fn versions_gone<'a>(before: &'a Graph, new_ids: &HashSet<&str>) -> HashMap<&'a str, Vec<&'a str>> {
    let mut versions: HashMap<&str, Vec<&str>> = HashMap::new();
    for message in before.of_kind(NodeKind::Message) {
        let node = before.node(message);
        if !new_ids.contains(node.id.as_str()) {
            versions.entry(&node.name).or_default().push(node.version.as_deref().unwrap_or_default());
        }
    }
    versions
}

/// A new node; a message of which another version went is that message in another version.
fn appeared(node: &Node, gone: &HashMap<&str, Vec<&str>>) -> (Option<Change>, Vec<Alteration>) {
    let earlier = gone.get(node.name.as_str()).filter(|_| node.kind == NodeKind::Message);
    let Some(earlier) = earlier else { return (Some(Change::Added), Vec::new()) };
    let before = earlier.join(", ");
    let after = node.version.clone().unwrap_or_default();
    (Some(Change::Versioned), vec![Alteration { member: "version", before, after }])
}

/// The name; parameters of an address have none, for they are another in each document.
fn called(node: &Node) -> String {
    if node.kind == NodeKind::Channel { shape(&node.name) } else { node.name.clone() }
}

/// The beginning of a digest of a schema; where one of both is not known nothing can be said.
fn short(schema: Option<&String>, other: Option<&String>) -> String {
    let known = schema.filter(|_| other.is_some());
    known.map(|digest| digest.chars().take(12).collect()).unwrap_or_default()
}

fn altered(old: &Node, new: &Node) -> (Option<Change>, Vec<Alteration>) {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let members = [
        ("version", text(&old.version), text(&new.version)),
        ("name", called(old), called(new)),
        ("title", text(&old.title), text(&new.title)),
        ("description", text(&old.description), text(&new.description)),
        ("protocol", text(&old.protocol), text(&new.protocol)),
        ("domain", text(&old.domain), text(&new.domain)),
        ("owners", old.owners.join(", "), new.owners.join(", ")),
        (
            "schema",
            short(old.schema.as_ref(), new.schema.as_ref()),
            short(new.schema.as_ref(), old.schema.as_ref()),
        ),
    ];
    let different = members.into_iter().filter(|(_, before, after)| before != after);
    let alterations: Vec<Alteration> =
        different.map(|(member, before, after)| Alteration { member, before, after }).collect();
    let change = match alterations.first() {
        None => None,
        Some(first) if first.member == "version" => Some(Change::Versioned),
        Some(_) => Some(Change::Modified),
    };
    (change, alterations)
}

/// Consumers of the later state for whose channel, or for one of whose messages, the last producer went.
fn starved(before: &Graph, after: &Graph, joined: &Graph) -> Vec<Starved> {
    let old: HashMap<&str, NodeIndex> =
        before.nodes.iter().enumerate().map(|(number, node)| (node.id.as_str(), NodeIndex(number))).collect();
    let places: HashMap<&str, NodeIndex> =
        joined.nodes.iter().enumerate().map(|(number, node)| (node.id.as_str(), NodeIndex(number))).collect();
    let place = |index: NodeIndex| places[after.node(index).id.as_str()];
    let mut starved = Vec::new();
    for channel in after.of_kind(NodeKind::Channel) {
        let Some(then) = old.get(after.node(channel).id.as_str()).copied() else { continue };
        if before.producers(then).next().is_none() {
            continue;
        }
        let receiving = after.outgoing(channel).filter(|edge| edge.relation == Relation::Receives);
        if after.producers(channel).next().is_none() {
            starved.extend(receiving.map(|edge| Starved {
                channel: place(channel),
                consumer: place(edge.target),
                message: None,
            }));
            continue;
        }
        let (sent, sent_before) = (sent(after, channel), sent(before, then));
        for edge in receiving {
            for message in &edge.messages {
                let id = after.node(*message).id.as_str();
                if sent_before.contains(id) && !sent.contains(id) {
                    let (channel, consumer) = (place(channel), place(edge.target));
                    starved.push(Starved { channel, consumer, message: Some(place(*message)) });
                }
            }
        }
    }
    starved.sort_unstable();
    starved
}

/// Identifiers of the messages that are sent to a channel.
fn sent(graph: &Graph, channel: NodeIndex) -> HashSet<&str> {
    let sends = graph.incoming(channel).filter(|edge| edge.relation == Relation::Sends);
    sends.flat_map(|edge| &edge.messages).map(|message| graph.node(*message).id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::Difference;
    use crate::topology::fixture::{graph, shop};
    use crate::topology::{Change, Graph};

    fn marks(graph: &Graph) -> Vec<String> {
        let nodes =
            graph.nodes.iter().filter_map(|node| Some(format!("{} {}", node.change?.word(), node.id)));
        let edges = graph.edges.iter().filter_map(|edge| {
            let id = |index| &graph.node(index).name;
            Some(format!("{} {} {}", edge.change?.word(), id(edge.source), id(edge.target)))
        });
        nodes.chain(edges).collect()
    }

    #[test]
    fn nothing_differs_from_itself() {
        let difference = Difference::new(&shop(), &shop());
        assert!(difference.is_empty() && difference.starved.is_empty());
        assert_eq!(difference.graph.edges.len(), shop().edges.len());
    }

    #[test]
    fn everything_of_both_is_there_and_marked() {
        let (before, after) = (graph("a > x > b\na > y > c"), graph("a@new > x > b d\n- > y > c"));
        let difference = Difference::new(&before, &after);
        assert_eq!(
            marks(&difference.graph),
            ["modified service:a", "added service:d", "removed a y", "added x d"]
        );
        assert_eq!(difference.nodes["service:a"][0].after, "new");
        let starved = difference.starved[0];
        let name = |index| difference.graph.node(index).name.as_str();
        assert_eq!((name(starved.channel), name(starved.consumer)), ("y", "c"));
        assert_eq!(difference.starved.len(), 1);
    }

    #[test]
    fn another_version_is_told_from_another_message() {
        let (mut before, mut after) = (graph("a > x [M] > b"), graph("a > x [M] > b"));
        for (graph, version) in [(&mut before, "1"), (&mut after, "2")] {
            let node = graph.nodes.iter_mut().find(|node| node.name == "M").expect("M");
            node.version = Some(version.to_owned());
            node.id = format!("message:M@{version}");
        }
        let difference = Difference::new(&before, &after);
        let of =
            |id: &str| difference.graph.nodes.iter().find(|node| node.id == id).and_then(|node| node.change);
        assert_eq!((of("message:M@1"), of("message:M@2")), (Some(Change::Removed), Some(Change::Versioned)));
        assert_eq!(difference.nodes["message:M@2"][0].before, "1");
    }
}
