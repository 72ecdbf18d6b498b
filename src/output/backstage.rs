//! The graph as a Backstage catalogue: systems, components, event APIs and groups in one YAML file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::by_domain::PlainNames;
use super::inert::yaml_text;
use crate::topology::{Graph, NodeIndex, NodeKind};

/// Owner of what has none, for Backstage wants one.
const NOBODY: &str = "unknown";

/// Writes the entities: a group per owner, a system per domain, a component per service, an API per channel.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    let catalogue = Catalogue::new(graph);
    catalogue.groups(out)?;
    catalogue.systems(out)?;
    for service in graph.of_kind(NodeKind::Service) {
        catalogue.component(out, service)?;
    }
    for channel in graph.of_kind(NodeKind::Channel) {
        catalogue.api(out, channel)?;
    }
    Ok(())
}

struct Catalogue<'a> {
    graph: &'a Graph,
    groups: BTreeMap<&'a str, String>,
    systems: BTreeMap<&'a str, String>,
    names: Vec<String>,
}

impl<'a> Catalogue<'a> {
    fn new(graph: &'a Graph) -> Self {
        let named = |texts: BTreeSet<&'a str>| -> BTreeMap<&'a str, String> {
            let mut names = PlainNames::new('-');
            texts.into_iter().map(|text| (text, names.name(text))).collect()
        };
        let all = || (0..graph.nodes.len()).map(NodeIndex);
        let shown = || all().filter(|node| graph.node(*node).kind != NodeKind::Message);
        let owners = shown().map(|node| owner(graph, node)).collect();
        let domains = shown().filter_map(|node| graph.group(node)).collect();
        let (mut services, mut channels) = (PlainNames::new('-'), PlainNames::new('-'));
        let node_names = all().map(|index| match graph.node(index).kind {
            NodeKind::Service => services.name(&graph.node(index).name),
            _ => channels.name(&graph.label(index)),
        });
        Self { graph, groups: named(owners), systems: named(domains), names: node_names.collect() }
    }

    fn groups(&self, out: &mut dyn Write) -> io::Result<()> {
        for (owner, name) in &self.groups {
            head(out, "Group", name, owner)?;
            writeln!(out, "spec:\n  type: team\n  children: []")?;
        }
        Ok(())
    }

    fn systems(&self, out: &mut dyn Write) -> io::Result<()> {
        for (domain, name) in &self.systems {
            head(out, "System", name, domain)?;
            let mut inside = self.graph.of_kind(NodeKind::Service);
            let first = inside.find(|service| self.graph.group(*service) == Some(*domain));
            let owner = first.map_or(NOBODY, |service| owner(self.graph, service));
            writeln!(out, "spec:\n  owner: {}", self.groups.get(owner).map_or(NOBODY, String::as_str))?;
        }
        Ok(())
    }

    fn component(&self, out: &mut dyn Write, index: NodeIndex) -> io::Result<()> {
        let node = self.graph.node(index);
        head(out, "Component", &self.names[index.0], node.title.as_deref().unwrap_or(&node.name))?;
        self.more(out, index)?;
        writeln!(out, "spec:\n  type: service")?;
        self.belongs(out, index, owner(self.graph, index))?;
        let sends: BTreeSet<NodeIndex> = self.graph.outgoing(index).map(|edge| edge.target).collect();
        let receives: BTreeSet<NodeIndex> = self.graph.incoming(index).map(|edge| edge.source).collect();
        for (relation, channels) in [("providesApis", sends), ("consumesApis", receives)] {
            if !channels.is_empty() {
                writeln!(out, "  {relation}:")?;
            }
            for channel in channels {
                writeln!(out, "    - {}", yaml_text(&self.names[channel.0]))?;
            }
        }
        Ok(())
    }

    /// The definition is an AsyncAPI document of this channel alone.
    fn api(&self, out: &mut dyn Write, index: NodeIndex) -> io::Result<()> {
        let node = self.graph.node(index);
        head(out, "API", &self.names[index.0], &self.graph.label(index))?;
        self.more(out, index)?;
        writeln!(out, "spec:\n  type: asyncapi")?;
        let producer = self.graph.producers(index).next();
        self.belongs(out, index, owner(self.graph, producer.unwrap_or(index)))?;
        writeln!(out, "  definition: |")?;
        writeln!(out, "    asyncapi: 3.0.0")?;
        let version = node.version.as_deref().unwrap_or("0.0.0");
        writeln!(out, "    info:\n      title: {}", yaml_text(&node.name))?;
        writeln!(out, "      version: {}", yaml_text(version))?;
        writeln!(out, "    channels:\n      channel:\n        address: {}", yaml_text(&node.name))?;
        let mut keys = PlainNames::new('_');
        for (number, message) in self.graph.messages(index).enumerate() {
            if number == 0 {
                writeln!(out, "        messages:")?;
            }
            let name = &self.graph.node(message).name;
            writeln!(
                out,
                "          {}:\n            name: {}",
                yaml_text(&keys.name(name)),
                yaml_text(name)
            )?;
        }
        Ok(())
    }

    fn more(&self, out: &mut dyn Write, index: NodeIndex) -> io::Result<()> {
        let node = self.graph.node(index);
        if let Some(description) = &node.description {
            writeln!(out, "  description: {}", yaml_text(description))?;
        }
        writeln!(out, "  annotations:\n    eddy/node: {}", yaml_text(&node.id))
    }

    fn belongs(&self, out: &mut dyn Write, index: NodeIndex, owner: &str) -> io::Result<()> {
        writeln!(out, "  lifecycle: unknown")?;
        let group = self.groups.get(owner).map_or(NOBODY, String::as_str);
        writeln!(out, "  owner: {}", yaml_text(group))?;
        let system = self.graph.group(index).and_then(|domain| self.systems.get(domain));
        system.map_or(Ok(()), |system| writeln!(out, "  system: {}", yaml_text(system)))
    }
}

fn owner(graph: &Graph, index: NodeIndex) -> &str {
    graph.node(index).owners.first().map_or(NOBODY, String::as_str)
}

fn head(out: &mut dyn Write, kind: &str, name: &str, title: &str) -> io::Result<()> {
    writeln!(out, "---\napiVersion: backstage.io/v1alpha1\nkind: {kind}\nmetadata:")?;
    writeln!(out, "  name: {}", yaml_text(name))?;
    if title.is_empty() { Ok(()) } else { writeln!(out, "  title: {}", yaml_text(title)) }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_yaml::Value;

    use super::write;
    use crate::topology::fixture::shop;

    #[test]
    fn what_an_entity_names_is_an_entity() {
        let mut out = Vec::new();
        write(&mut out, &shop()).unwrap();
        let text = String::from_utf8(out).unwrap();
        let entities: Vec<Value> =
            serde_yaml::Deserializer::from_str(&text).map(|one| Value::deserialize(one).unwrap()).collect();
        let names = |kind: &str| -> Vec<&Value> {
            entities.iter().filter(|one| one["kind"] == kind).map(|one| &one["metadata"]["name"]).collect()
        };
        assert_eq!((names("Component").len(), names("API").len(), names("System").len()), (3, 6, 3));
        for entity in &entities {
            let spec = &entity["spec"];
            assert!(spec.get("owner").is_none_or(|owner| names("Group").contains(&owner)));
            assert!(spec.get("system").is_none_or(|system| names("System").contains(&system)));
            for relation in ["providesApis", "consumesApis"] {
                let apis = spec.get(relation).and_then(Value::as_sequence).cloned().unwrap_or_default();
                assert!(apis.iter().all(|api| names("API").contains(&api)));
            }
            if entity["kind"] == "API" {
                let definition = spec["definition"].as_str().unwrap();
                let document: Value = serde_yaml::from_str(definition).unwrap();
                assert_eq!(document["asyncapi"], "3.0.0");
            }
        }
    }
}
