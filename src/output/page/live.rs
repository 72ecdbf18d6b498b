//! The page as `eddy serve` serves it, and what it is told while it is open.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::scene::Setting;
use super::{Parts, data, escaped, fill};
use crate::topology::live::Speeds;
use crate::topology::{Graph, NodeIndex, NodeKind};

const STYLE: &str = include_str!("live.css");
const SCRIPT: &str = include_str!("live.js");

/// A page that listens to the server it comes from.
#[derive(Clone, Debug, Default)]
pub struct LivePage {
    /// The page.
    pub html: Vec<u8>,
    /// Names what is drawn; equal graphs have equal ones.
    pub version: String,
    /// Its content security policy.
    pub policy: String,
}

/// What a page that is served says of the server.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// Whether events of channels can be shown.
    pub tails: bool,
    /// Seconds between two looks at the systems.
    pub every: u64,
}

impl LivePage {
    /// The page of a graph.
    #[must_use]
    pub fn new(graph: &Graph, title: &str, first: Setting, served: Served) -> Self {
        let title = escaped(title);
        let mut json = Vec::new();
        // Writing into memory cannot fail.
        let _ = data::write(&mut json, graph, &title, first);
        let mut digest = Sha256::new();
        for part in [json.as_slice(), SCRIPT.as_bytes()] {
            digest.update(part);
        }
        let version: String = digest.finalize()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        let mut parts = Parts::new(STYLE, SCRIPT, " connect-src 'self';");
        let known = json!({ "version": version, "tails": served.tails, "every": served.every });
        parts.live = format!("<script type=\"application/json\" id=\"live\">{known}</script>\n");
        let mut html = Vec::with_capacity(json.len() + 96 * 1024);
        let _ = fill(&mut html, &title, &parts, &mut |out| out.write_all(&json));
        Self { html, version, policy: parts.policy }
    }
}

/// What moves, by the numbers that the page has for connections and channels.
#[derive(Debug, Serialize)]
struct Told<'a> {
    /// Number, events per second, by how many others that is shared, and lag.
    edges: Vec<(usize, Option<f64>, usize, Option<u64>)>,
    /// Number, events per second, and by how many others that is shared.
    channels: Vec<(usize, f64, usize)>,
    /// Systems that did not answer, and why.
    silent: &'a [String],
}

/// Rates and lags as JSON for a page of this graph; `silent` are systems that did not answer.
#[must_use]
pub fn speeds(graph: &Graph, speeds: &Speeds, silent: &[String]) -> String {
    let rates: BTreeMap<usize, _> = speeds.edges.iter().map(|speed| (speed.of, speed)).collect();
    let flows = graph.edges.iter().enumerate().filter(|(_, edge)| edge.relation.is_flow()).enumerate();
    let edges = flows.filter_map(|(number, (index, edge))| {
        let (rate, lag) = (rates.get(&index), edge.lag());
        let others = rate.map_or(0, |speed| speed.others);
        (rate.is_some() || lag.is_some()).then_some((number, rate.map(|speed| speed.per_second), others, lag))
    });
    let shown = (0..graph.nodes.len()).map(NodeIndex);
    let shown = shown.filter(|index| graph.node(*index).kind != NodeKind::Message);
    let numbers: BTreeMap<NodeIndex, usize> =
        shown.enumerate().map(|(number, index)| (index, number)).collect();
    let channels = speeds.channels.iter();
    let channels = channels.map(|speed| (numbers[&speed.of], speed.per_second, speed.others));
    let told = Told { edges: edges.collect(), channels: channels.collect(), silent };
    serde_json::to_string(&told).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{LivePage, SCRIPT, Served, Setting, speeds};
    use crate::topology::fixture::shop;
    use crate::topology::live::{Speed, Speeds};
    use crate::topology::{NodeIndex, NodeKind};

    /// What a served page has more than others as program.
    const SCRIPT_LIMIT: usize = 12 * 1024;

    #[test]
    fn the_script_stays_small_and_speaks_to_its_server_only() {
        assert!(SCRIPT.len() <= SCRIPT_LIMIT, "{} bytes", SCRIPT.len());
        let page = LivePage::new(&shop(), "Shop", Setting::Columns, Served { tails: true, every: 5 });
        let html = String::from_utf8(page.html).unwrap();
        assert!(page.policy.contains("connect-src 'self'") && html.contains(&page.policy));
        assert!(!html.contains("unsafe-inline") && !html.contains("http://127"));
    }

    #[test]
    fn equal_graphs_have_equal_versions() {
        let served = Served { tails: false, every: 5 };
        let version = |setting| LivePage::new(&shop(), "Shop", setting, served).version;
        assert_eq!(version(Setting::Columns), version(Setting::Columns));
        assert_ne!(version(Setting::Columns), version(Setting::Flow));
    }

    #[test]
    fn rates_have_the_numbers_of_the_page() {
        let graph = shop();
        let edge = graph.edges.iter().position(|edge| edge.relation.is_flow()).unwrap();
        let channel = graph.of_kind(NodeKind::Channel).last().unwrap();
        let moving = Speeds {
            channels: vec![Speed { of: channel, per_second: 2.5, others: 1 }],
            edges: vec![Speed { of: edge, per_second: 4.0, others: 0 }],
        };
        let before = (0..channel.0).filter(|index| graph.node(NodeIndex(*index)).kind != NodeKind::Message);
        assert_eq!(
            speeds(&graph, &moving, &["kafka://x: away".to_owned()]),
            format!(
                "{{\"edges\":[[0,4.0,0,null]],\"channels\":[[{},2.5,1]],\"silent\":[\"kafka://x: away\"]}}",
                before.count()
            )
        );
    }
}
