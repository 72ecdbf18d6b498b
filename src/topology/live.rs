//! How fast events move through a graph, by what systems have counted at two moments.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use super::observed::System;
use super::patterns::Pattern;
use super::{EvidenceKind, Graph, NodeIndex, NodeKind, Relation};
use crate::endpoint::inspect::Count;

/// What one number counts: the address of the system, the channel there, and who took the events or nobody.
type Counter = (String, String, Option<String>);

/// What systems had counted at one moment.
#[derive(Clone, Debug)]
pub struct Look {
    at: Instant,
    counts: BTreeMap<Counter, u64>,
}

impl Look {
    /// Keeps what systems told at this moment.
    #[must_use]
    pub fn new(at: Instant, systems: &[System]) -> Self {
        let counts = systems.iter().flat_map(|system| {
            system.told.counts.iter().map(|count| {
                let Count { channel, reader, events } = count.clone();
                ((system.address.clone(), channel, reader), events)
            })
        });
        Self { at, counts: counts.collect() }
    }

    /// Events per second since an earlier look, of what both have counted. A number that shrank begins anew.
    fn rates(&self, earlier: &Self) -> BTreeMap<&Counter, f64> {
        let seconds = self.at.saturating_duration_since(earlier.at).as_secs_f64();
        let rates = self.counts.iter().filter_map(|(counter, now)| {
            let came = now.checked_sub(*earlier.counts.get(counter)?)?;
            #[allow(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
            (seconds > 0.0).then_some((counter, came as f64 / seconds))
        });
        rates.collect()
    }
}

/// Events per second somewhere in a graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed<T> {
    /// Where: a channel, or an index into [`Graph::edges`].
    pub of: T,
    /// Events per second, of all that share them together.
    pub per_second: f64,
    /// By how many others they are shared: what was counted is one number for all of them.
    pub others: usize,
}

/// How fast events move.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Speeds {
    /// Into channels.
    pub channels: Vec<Speed<NodeIndex>>,
    /// Along connections.
    pub edges: Vec<Speed<usize>>,
}

impl Graph {
    /// How fast events moved between two looks at systems of which the graph is joined.
    #[must_use]
    pub fn speeds(&self, systems: &[System], earlier: &Look, later: &Look) -> Speeds {
        let mut speeds = Speeds::default();
        let rates = later.rates(earlier);
        for system in systems {
            let is_it = |source: &super::SourceFile| {
                source.kind == EvidenceKind::System && source.path == system.address
            };
            let Some(source) = self.sources.iter().position(is_it) else { continue };
            let known = Known::new(self, source);
            let of_it = rates.iter().filter(|((address, ..), _)| *address == system.address);
            for ((_, channel, reader), rate) in of_it {
                let nodes = known.channels(system, channel);
                let edges = match reader {
                    Some(reader) => self.taking(&nodes, source, reader),
                    None => self.sole_senders(&nodes),
                };
                add(&mut speeds.edges, &edges, *rate);
                if reader.is_none() {
                    add(&mut speeds.channels, &nodes, *rate);
                }
            }
        }
        speeds
    }

    /// Connections by which a system saw somebody take events of these channels.
    fn taking(&self, channels: &[NodeIndex], source: usize, who: &str) -> Vec<usize> {
        let is_it = |index: &&usize| {
            let edge = &self.edges[**index];
            let mut evidence = edge.evidence.iter().filter(|evidence| evidence.place.source == source);
            edge.relation == Relation::Receives
                && evidence.any(|evidence| evidence.live.as_ref().is_some_and(|live| live.who == who))
        };
        channels.iter().flat_map(|channel| self.outgoing_edges(*channel)).filter(is_it).copied().collect()
    }

    /// Who sends to a channel that is counted by itself; several share what is counted.
    fn sole_senders(&self, channels: &[NodeIndex]) -> Vec<usize> {
        let [channel] = channels else { return Vec::new() };
        let sends = |index: &&usize| !self.edges[**index].is_only_allowed();
        self.incoming_edges(*channel).iter().filter(sends).copied().collect()
    }
}

fn add<T: Copy>(speeds: &mut Vec<Speed<T>>, all: &[T], per_second: f64) {
    let others = all.len().saturating_sub(1);
    speeds.extend(all.iter().map(|of| Speed { of: *of, per_second, others }));
}

/// The channels of a graph that a system has shown.
struct Known<'a> {
    by_name: HashMap<&'a str, Vec<NodeIndex>>,
    patterns: Vec<(NodeIndex, Pattern)>,
}

impl<'a> Known<'a> {
    fn new(graph: &'a Graph, source: usize) -> Self {
        let mut known = Self { by_name: HashMap::new(), patterns: Vec::new() };
        for index in graph.of_kind(NodeKind::Channel) {
            let node = graph.node(index);
            if !node.defined_at.iter().any(|place| place.source == source) {
                continue;
            }
            let pattern = Pattern::new(node.protocol.as_deref(), &node.name);
            if pattern.is_literal() {
                known.by_name.entry(&node.name).or_default().push(index);
            }
            known.patterns.push((index, pattern));
        }
        known
    }

    /// Those that a channel of the system stands for.
    fn channels(&self, system: &System, name: &str) -> Vec<NodeIndex> {
        let told = system.told.channels.iter().find(|channel| channel.name == name);
        let mut addresses: Vec<&str> =
            told.iter().flat_map(|channel| channel.addresses.iter().map(String::as_str)).collect();
        // The name of a stream is no subject.
        if system.protocol != "nats" {
            addresses.push(name);
        }
        let mut found = Vec::new();
        for address in addresses {
            found.extend(self.by_name.get(address).into_iter().flatten());
            let asked = Pattern::new(Some(&system.protocol), address);
            let met = self.patterns.iter().filter(|(_, pattern)| {
                !(asked.is_literal() && pattern.is_literal()) && pattern.meets(&asked)
            });
            found.extend(met.map(|(index, _)| *index));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Look, Speed};
    use crate::endpoint::inspect::{
        Count, Direction, KnownBy, Observed, ObservedChannel, ObservedFlow, SeenBy,
    };
    use crate::topology::aliases::Aliases;
    use crate::topology::fixture::graph;
    use crate::topology::observed::System;

    fn system(counts: &[(&str, Option<&str>, u64)]) -> System {
        let flow = ObservedFlow {
            who: "billing".to_owned(),
            known_by: KnownBy::Group,
            clients: Vec::new(),
            direction: Direction::Receives,
            addresses: vec!["orders/placed".to_owned()],
            seen_by: SeenBy::KafkaGroup,
            confidence: 95,
            waiting: Some(3),
            remark: String::new(),
        };
        let channel = |name: &str| ObservedChannel { name: name.to_owned(), ..ObservedChannel::default() };
        let counts = counts.iter().map(|(channel, reader, events)| Count {
            channel: (*channel).to_owned(),
            reader: reader.map(str::to_owned),
            events: *events,
        });
        let told = Observed {
            channels: vec![channel("orders/placed"), channel("stock/+")],
            flows: vec![flow],
            counts: counts.collect(),
            ..Observed::default()
        };
        System { address: "mqtt://host".to_owned(), protocol: "mqtt".to_owned(), told }
    }

    #[test]
    fn what_is_counted_becomes_a_rate_where_it_belongs() {
        let first =
            [("orders/placed", None, 10), ("orders/placed", Some("billing"), 4), ("stock/+", None, 1)];
        let then = [("orders/placed", None, 30), ("orders/placed", Some("billing"), 3), ("stock/+", None, 5)];
        let graph =
            graph("web shop > orders/placed > billing\nstore > stock/low > mail\nstore > stock/high > mail");
        let graph = graph.observed(&[system(&first)], &Aliases::default());
        let began = Instant::now();
        let later = Look::new(began + Duration::from_secs(2), &[system(&then)]);
        let speeds = graph.speeds(&[system(&then)], &Look::new(began, &[system(&first)]), &later);
        let name = |index| graph.node(index).name.as_str();
        let mut channels: Vec<_> =
            speeds.channels.iter().map(|speed| (name(speed.of), speed.per_second, speed.others)).collect();
        channels.sort_by_key(|(name, ..)| *name);
        assert_eq!(
            channels,
            [("orders/placed", 10.0, 0), ("stock/high", 2.0, 1), ("stock/low", 2.0, 1)],
            "one number for two channels is said to be shared"
        );
        let edges: Vec<_> = speeds
            .edges
            .iter()
            .map(|Speed { of, per_second, others }| (name(graph.edges[*of].source), *per_second, *others))
            .collect();
        // The count of the reader shrank: it says nothing until the next look.
        assert_eq!(edges, [("shop", 10.0, 1), ("web", 10.0, 1)]);
    }

    #[test]
    fn a_reader_has_a_rate_of_its_own() {
        let first = system(&[("orders/placed", Some("billing"), 4)]);
        let then = system(&[("orders/placed", Some("billing"), 9)]);
        let graph = graph("web > orders/placed > billing")
            .observed(std::slice::from_ref(&first), &Aliases::default());
        let began = Instant::now();
        let later = Look::new(began + Duration::from_secs(1), std::slice::from_ref(&then));
        let speeds = graph.speeds(&[then], &Look::new(began, &[first]), &later);
        let [Speed { of, per_second, others: 0 }] = speeds.edges[..] else { panic!("{speeds:?}") };
        assert_eq!(graph.node(graph.edges[of].target).name, "billing");
        assert!((per_second - 5.0).abs() < 1e-9);
        assert!(speeds.channels.is_empty());
    }
}
