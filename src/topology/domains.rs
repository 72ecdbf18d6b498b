//! The graph seen from afar: domains, what is in them, and how many channels lead from one to another.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Graph, NodeIndex, NodeKind};

/// A domain and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name; `None` for what has no domain.
    pub name: Option<String>,
    /// How many services it has.
    pub services: usize,
    /// How many channels are shown under it.
    pub channels: usize,
}

/// What leads from one domain to another, or stays within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainFlow {
    /// Number of the domain that sends.
    pub from: usize,
    /// Number of the domain that receives.
    pub to: usize,
    /// Channels that services of the first send to and services of the second receive from.
    pub channels: usize,
}

/// All domains, sorted by name, the one without name last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains {
    /// The domains.
    pub all: Vec<Domain>,
    /// What flows, sorted by both ends.
    pub flows: Vec<DomainFlow>,
}

impl Domains {
    /// Counts services, channels and flows by domain.
    #[must_use]
    pub fn new(graph: &Graph) -> Self {
        let names: BTreeSet<(bool, Option<&str>)> = (0..graph.nodes.len())
            .map(NodeIndex)
            .filter(|index| graph.node(*index).kind != NodeKind::Message)
            .map(|index| graph.group(index))
            .map(|name| (name.is_none(), name))
            .collect();
        let numbers: BTreeMap<Option<&str>, usize> =
            names.iter().enumerate().map(|(number, (_, name))| (*name, number)).collect();
        let mut all: Vec<Domain> = names
            .iter()
            .map(|(_, name)| Domain { name: name.map(str::to_owned), services: 0, channels: 0 })
            .collect();
        for service in graph.of_kind(NodeKind::Service) {
            all[numbers[&graph.group(service)]].services += 1;
        }
        let mut flows: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for channel in graph.of_kind(NodeKind::Channel) {
            all[numbers[&graph.group(channel)]].channels += 1;
            let domains = |services: &mut dyn Iterator<Item = NodeIndex>| -> BTreeSet<usize> {
                services.map(|service| numbers[&graph.group(service)]).collect()
            };
            let receiving = domains(&mut graph.consumers(channel));
            for from in domains(&mut graph.producers(channel)) {
                for to in &receiving {
                    *flows.entry((from, *to)).or_default() += 1;
                }
            }
        }
        let flows =
            flows.into_iter().map(|((from, to), channels)| DomainFlow { from, to, channels }).collect();
        Self { all, flows }
    }

    /// How many channels lead from one domain to another.
    #[must_use]
    pub fn channels(&self, from: usize, to: usize) -> usize {
        let found = self.flows.binary_search_by(|flow| (flow.from, flow.to).cmp(&(from, to)));
        found.map_or(0, |place| self.flows[place].channels)
    }
}

#[cfg(test)]
mod tests {
    use super::Domains;
    use crate::topology::fixture::shop;

    #[test]
    fn channels_between_domains_are_counted() {
        let domains = Domains::new(&shop());
        let names: Vec<&str> = domains.all.iter().filter_map(|domain| domain.name.as_deref()).collect();
        assert_eq!(names, ["goods", "money", "sales"]);
        assert_eq!((domains.all[0].services, domains.all[0].channels), (1, 2));
        let (goods, money, sales) = (0, 1, 2);
        assert_eq!(domains.channels(sales, money), 2);
        assert_eq!(domains.channels(goods, money), 1);
        assert_eq!(domains.channels(goods, goods), 0);
        assert_eq!(domains.channels(money, sales), 1);
    }
}
