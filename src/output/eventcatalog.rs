//! The graph as the files of an `EventCatalog`: domains, services, channels, events and teams.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::by_domain::{PlainNames, groups};
use super::inert::yaml_text;
use crate::topology::{Edge, Graph, NodeIndex, NodeKind};

/// Version of what has none, for a catalogue wants one.
const NO_VERSION: &str = "0.0.0";
/// What every page shows; foreign text never stands in the body, which is a program.
const BODY: &str = "---\n\n<NodeGraph />\n";

/// The files: paths with `/` between parts, and their texts, in order.
#[must_use]
pub fn files(graph: &Graph) -> Vec<(String, String)> {
    let catalogue = Catalogue::new(graph);
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (owner, id) in &catalogue.teams {
        let name = if owner.is_empty() { "(unnamed)" } else { owner };
        let text = format!("---\nid: {}\nname: {}\n---\n", yaml_text(id), yaml_text(name));
        files.insert(format!("teams/{id}.mdx"), text);
    }
    files.extend(catalogue.domains());
    for service in graph.of_kind(NodeKind::Service) {
        let path = format!("services/{}/index.mdx", catalogue.ids[service.0]);
        files.insert(path, catalogue.service(service));
    }
    for channel in graph.of_kind(NodeKind::Channel) {
        let id = &catalogue.ids[channel.0];
        files.insert(format!("channels/{id}/index.mdx"), catalogue.channel(channel));
        // Services of a catalogue meet at messages only, so a channel of unknown messages has one of its own.
        if graph.messages(channel).next().is_none() {
            let text = catalogue.event(id, NO_VERSION, channel, &[channel]);
            files.insert(format!("events/{id}/index.mdx"), text);
        }
    }
    files.extend(catalogue.messages());
    files.into_iter().collect()
}

struct Catalogue<'a> {
    graph: &'a Graph,
    teams: BTreeMap<&'a str, String>,
    /// For each node; messages of one name share theirs.
    ids: Vec<String>,
}

impl<'a> Catalogue<'a> {
    fn new(graph: &'a Graph) -> Self {
        let owners: BTreeSet<&str> =
            graph.nodes.iter().flat_map(|node| node.owners.iter().map(String::as_str)).collect();
        let mut names = PlainNames::new('-');
        let teams = owners.into_iter().map(|owner| (owner, names.name(owner))).collect();
        // Channels may lend their identifiers to events, so the two share one set of names.
        let (mut services, mut others) = (PlainNames::new('-'), PlainNames::new('-'));
        let mut by_name: BTreeMap<&str, String> = BTreeMap::new();
        let ids = (0..graph.nodes.len()).map(NodeIndex).map(|index| {
            let node = graph.node(index);
            match node.kind {
                NodeKind::Service => services.name(&node.name),
                NodeKind::Channel => others.name(&graph.label(index)),
                NodeKind::Message => {
                    by_name.entry(&node.name).or_insert_with(|| others.name(&node.name)).clone()
                }
            }
        });
        Self { graph, teams, ids: ids.collect() }
    }

    /// The common fields of a page, without its end.
    fn head(&self, id: &str, version: &str, index: NodeIndex) -> String {
        let node = self.graph.node(index);
        let name = node.title.as_deref().unwrap_or(&node.name);
        let name = if name.is_empty() { "(unnamed)" } else { name };
        let mut text = format!("---\nid: {}\nname: {}\n", yaml_text(id), yaml_text(name));
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "version: {}", yaml_text(version));
        if let Some(description) = &node.description {
            let _ = writeln!(text, "summary: {}", yaml_text(description));
        }
        let owners = node.owners.iter().filter_map(|owner| self.teams.get(owner.as_str()));
        list(&mut text, "owners", owners.map(|owner| yaml_text(owner)));
        text
    }

    fn version(&self, index: NodeIndex) -> &str {
        self.graph.node(index).version.as_deref().filter(|version| !version.is_empty()).unwrap_or(NO_VERSION)
    }

    fn pointer(&self, index: NodeIndex) -> String {
        let (id, version) = (yaml_text(&self.ids[index.0]), yaml_text(self.version(index)));
        format!("{{ id: {id}, version: {version} }}")
    }

    fn domains(&self) -> Vec<(String, String)> {
        let mut names = PlainNames::new('-');
        let groups = groups(self.graph);
        let with_name = groups.iter().filter_map(|group| Some((group.domain?, group)));
        with_name
            .map(|(domain, group)| {
                let id = names.name(domain);
                let name = if domain.is_empty() { "(unnamed)" } else { domain };
                let mut text = format!("---\nid: {}\nname: {}\n", yaml_text(&id), yaml_text(name));
                let _ = writeln!(text, "version: {}", yaml_text(NO_VERSION));
                let is_service = |node: &&NodeIndex| self.graph.node(**node).kind == NodeKind::Service;
                list(
                    &mut text,
                    "services",
                    group.nodes.iter().filter(is_service).map(|node| self.pointer(*node)),
                );
                text.push_str(BODY);
                (format!("domains/{id}/index.mdx"), text)
            })
            .collect()
    }

    fn service(&self, index: NodeIndex) -> String {
        let mut text = self.head(&self.ids[index.0], self.version(index), index);
        let sends = self.graph.outgoing(index).flat_map(|edge| self.pointers(edge, edge.target, "to"));
        list(&mut text, "sends", sends.collect::<BTreeSet<_>>().into_iter());
        let receives = self.graph.incoming(index).flat_map(|edge| self.pointers(edge, edge.source, "from"));
        list(&mut text, "receives", receives.collect::<BTreeSet<_>>().into_iter());
        text.push_str(BODY);
        text
    }

    /// The messages an edge is about, each with its channel.
    fn pointers(&self, edge: &Edge, channel: NodeIndex, word: &str) -> Vec<String> {
        let carried: Vec<NodeIndex> = self.graph.messages(channel).collect();
        let messages = if edge.messages.is_empty() { carried } else { edge.messages.clone() };
        let end = format!("{word}: [{}]", self.pointer(channel));
        let pointer = |id: &str, version: &str| {
            format!("{{ id: {}, version: {}, {end} }}", yaml_text(id), yaml_text(version))
        };
        if messages.is_empty() {
            return vec![pointer(&self.ids[channel.0], NO_VERSION)];
        }
        messages.iter().map(|message| pointer(&self.ids[message.0], self.version(*message))).collect()
    }

    fn channel(&self, index: NodeIndex) -> String {
        let node = self.graph.node(index);
        let mut text = self.head(&self.ids[index.0], self.version(index), index);
        let _ = writeln!(text, "address: {}", yaml_text(&node.name));
        list(&mut text, "protocols", node.protocol.iter().map(|protocol| yaml_text(protocol)));
        text.push_str(BODY);
        text
    }

    fn event(&self, id: &str, version: &str, index: NodeIndex, channels: &[NodeIndex]) -> String {
        let mut text = self.head(id, version, index);
        list(&mut text, "channels", channels.iter().map(|channel| self.pointer(*channel)));
        text.push_str(BODY);
        text
    }

    /// A page per version of a message: the newest at the top, the others below `versioned`.
    fn messages(&self) -> Vec<(String, String)> {
        let mut versions: BTreeMap<&str, Vec<NodeIndex>> = BTreeMap::new();
        for message in self.graph.of_kind(NodeKind::Message) {
            versions.entry(&self.ids[message.0]).or_default().push(message);
        }
        let mut files = Vec::new();
        for (id, mut messages) in versions {
            messages.sort_by_key(|message| (numbers(self.version(*message)), *message));
            let newest = messages.pop();
            let mut names = PlainNames::new('.');
            let older = messages.into_iter().map(|message| {
                let version = names.name(self.version(message));
                (message, format!("events/{id}/versioned/{version}/index.mdx"))
            });
            let all =
                newest.into_iter().map(|message| (message, format!("events/{id}/index.mdx"))).chain(older);
            files.extend(all.map(|(message, path)| {
                let channels: Vec<NodeIndex> = self.graph.incoming(message).map(|edge| edge.source).collect();
                (path, self.event(id, self.version(message), message, &channels))
            }));
        }
        files
    }
}

/// The numbers of a version, to order by.
fn numbers(version: &str) -> Vec<u64> {
    version.split(|each: char| !each.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

fn list(text: &mut String, name: &str, items: impl Iterator<Item = String>) {
    for (number, item) in items.enumerate() {
        if number == 0 {
            let _ = writeln!(text, "{name}:");
        }
        let _ = writeln!(text, "  - {item}");
    }
}

#[cfg(test)]
mod tests {
    use serde_yaml::Value;

    use super::files;
    use crate::topology::fixture::{graph, shop};

    fn front(text: &str) -> Value {
        let (front, _) = text.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
        serde_yaml::from_str(front).unwrap()
    }

    #[test]
    fn what_a_service_sends_is_an_event_and_where_to_a_channel() {
        let files = files(&shop());
        let ids = |room: &str| -> Vec<Value> {
            let inside = files.iter().filter(|(path, _)| path.starts_with(room));
            inside.map(|(_, text)| front(text)["id"].clone()).collect()
        };
        let (events, channels) = (ids("events/"), ids("channels/"));
        assert_eq!(
            (ids("domains/").len(), ids("services/").len(), channels.len(), events.len()),
            (3, 3, 6, 6)
        );
        let services = files.iter().filter(|(path, _)| path.starts_with("services/"));
        for (way, end, service) in
            services.flat_map(|(_, text)| [("sends", "to", front(text)), ("receives", "from", front(text))])
        {
            for pointer in service[way].as_sequence().unwrap() {
                assert!(events.contains(&pointer["id"]));
                assert!(channels.contains(&pointer[end][0]["id"]));
            }
        }
    }

    #[test]
    fn versions_lie_beside_each_other_and_a_channel_without_messages_has_an_event() {
        let mut graph = graph("a > x [M] [N] > b\na > y > b");
        let mut versions = ["1.10.0", "1.9.0"].into_iter();
        for node in graph.nodes.iter_mut().filter(|node| node.id.starts_with("message:")) {
            node.name = "M".to_owned();
            node.version = versions.next().map(str::to_owned);
        }
        let paths: Vec<String> = files(&graph).into_iter().map(|(path, _)| path).collect();
        for path in ["events/M/index.mdx", "events/M/versioned/1.9.0/index.mdx", "events/y/index.mdx"] {
            assert!(paths.iter().any(|one| one == path), "{paths:?}");
        }
    }
}
