//! The graph as `OpenLineage` events, one JSON object per line: a job per service, a dataset per channel.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::inert::json_line;
use crate::topology::{Graph, NodeIndex, NodeKind};

const PRODUCER: &str = concat!("urn:eddy:", env!("CARGO_PKG_VERSION"));
const SPECIFICATION: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/";
const FACETS: &str = "https://openlineage.io/spec/facets/";
/// Namespace of services.
const NAMESPACE: &str = "eddy";

/// Writes an event per service, and one per channel that no service uses; `time` in RFC 3339 is when they happened.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph, time: &str) -> io::Result<()> {
    for service in graph.of_kind(NodeKind::Service) {
        json_line(out, &job_event(graph, service, time))?;
    }
    let is_used = |channel: &NodeIndex| {
        graph.producers(*channel).next().is_some() || graph.consumers(*channel).next().is_some()
    };
    for channel in graph.of_kind(NodeKind::Channel).filter(|channel| !is_used(channel)) {
        let event = json!({
            "eventTime": time,
            "producer": PRODUCER,
            "schemaURL": format!("{SPECIFICATION}DatasetEvent"),
            "dataset": dataset(graph, channel),
        });
        json_line(out, &event)?;
    }
    Ok(())
}

fn job_event(graph: &Graph, service: NodeIndex, time: &str) -> Value {
    let node = graph.node(service);
    let inputs: BTreeSet<NodeIndex> = graph.incoming(service).map(|edge| edge.source).collect();
    let outputs: BTreeSet<NodeIndex> = graph.outgoing(service).map(|edge| edge.target).collect();
    let datasets = |channels: BTreeSet<NodeIndex>| -> Vec<Value> {
        channels.iter().map(|one| dataset(graph, *one)).collect()
    };
    let mut facets = Map::new();
    let job_type = json!({ "processingType": "STREAMING", "integration": "EDDY", "jobType": "SERVICE" });
    facets.insert("jobType".to_owned(), facet("2-0-3/JobTypeJobFacet.json#/$defs/JobTypeJobFacet", job_type));
    documentation(&mut facets, node.description.as_deref(), "Job");
    ownership(&mut facets, &node.owners, "Job");
    json!({
        "eventTime": time,
        "producer": PRODUCER,
        "schemaURL": format!("{SPECIFICATION}JobEvent"),
        "job": { "namespace": NAMESPACE, "name": name(&node.name), "facets": facets },
        "inputs": datasets(inputs),
        "outputs": datasets(outputs),
    })
}

fn dataset(graph: &Graph, channel: NodeIndex) -> Value {
    let node = graph.node(channel);
    let mut facets = Map::new();
    let kind = json!({ "datasetType": "TOPIC" });
    facets.insert(
        "datasetType".to_owned(),
        facet("1-0-0/DatasetTypeDatasetFacet.json#/$defs/DatasetTypeDatasetFacet", kind),
    );
    documentation(&mut facets, node.description.as_deref(), "Dataset");
    ownership(&mut facets, &node.owners, "Dataset");
    // A graph knows the protocol of a channel, not the server it is on.
    let namespace = node.protocol.as_deref().unwrap_or("unknown");
    json!({ "namespace": namespace, "name": name(&node.name), "facets": facets })
}

fn name(name: &str) -> &str {
    if name.is_empty() { "(unnamed)" } else { name }
}

fn documentation(facets: &mut Map<String, Value>, description: Option<&str>, of: &str) {
    if let Some(description) = description {
        let schema = format!("1-0-1/Documentation{of}Facet.json#/$defs/Documentation{of}Facet");
        facets.insert("documentation".to_owned(), facet(&schema, json!({ "description": description })));
    }
}

fn ownership(facets: &mut Map<String, Value>, owners: &[String], of: &str) {
    if !owners.is_empty() {
        let owners: Vec<Value> = owners.iter().map(|owner| json!({ "name": owner })).collect();
        let schema = format!("1-0-1/Ownership{of}Facet.json#/$defs/Ownership{of}Facet");
        facets.insert("ownership".to_owned(), facet(&schema, json!({ "owners": owners })));
    }
}

fn facet(schema: &str, mut fields: Value) -> Value {
    fields["_producer"] = PRODUCER.into();
    fields["_schemaURL"] = format!("{FACETS}{schema}").into();
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::write;
    use crate::topology::fixture::{graph, shop};

    fn events(graph: &crate::topology::Graph) -> Vec<Value> {
        let mut out = Vec::new();
        write(&mut out, graph, "2026-01-01T00:00:00Z").unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_connection_is_an_input_or_an_output() {
        let shop = shop();
        let count = |event: &Value, name: &str| event[name].as_array().map_or(0, Vec::len);
        let ends: usize =
            events(&shop).iter().map(|event| count(event, "inputs") + count(event, "outputs")).sum();
        assert_eq!(ends, shop.flows().count());
    }

    #[test]
    fn a_channel_that_nobody_uses_is_not_left_out() {
        let events = events(&graph("- > idle > -\nlone"));
        assert_eq!(events[0]["job"]["name"], "lone");
        assert_eq!(events[1]["dataset"]["name"], "idle");
    }
}
