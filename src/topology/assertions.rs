//! What a team says must hold of its system, and where it does not.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::findings::{ASSERTION, Finding, place_of};
use super::graph::{Edge, Graph, NodeIndex, NodeKind, Relation};
use crate::diagnostic::Severity;

/// One assertion as it stands in the workspace file: one of the members but `name` is there.
///
/// Things are named as `service:`, `channel:`, `message:`, `domain:`, `owner:` or `protocol:` with a name or a glob; a bare name or
/// glob means services and channels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Assertion {
    /// What it is called in findings.
    pub name: Option<String>,
    /// Nothing that `from` sends may reach `to` over one channel.
    pub forbid: Option<Forbidden>,
    /// These channels have one producer at most.
    pub single_writer: Option<String>,
    /// These have an owner.
    pub must_have_owner: Option<String>,
    /// These channels have so many consumers at most.
    pub max_consumers: Option<MostConsumers>,
    /// Events go from earlier layers to later ones only.
    pub layers: Option<Vec<String>>,
}

/// What may not reach what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forbidden {
    /// Who sends, or the channel.
    pub from: String,
    /// Who receives, or the channel.
    pub to: String,
}

/// How many consumers a channel may have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MostConsumers {
    /// Which channels.
    pub of: String,
    /// How many.
    pub most: usize,
}

impl Assertion {
    /// What is wrong with it as it is written; `None` when it can be asked.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let members = [
            self.forbid.is_some(),
            self.single_writer.is_some(),
            self.must_have_owner.is_some(),
            self.max_consumers.is_some(),
            self.layers.is_some(),
        ];
        if members.iter().filter(|there| **there).count() != 1 {
            return Some(
                "it has not exactly one of `forbid`, `single-writer`, `must-have-owner`, `max-consumers`, `layers`"
                    .to_owned(),
            );
        }
        self.words().find_map(|word| Selector::new(word).err())
    }

    /// What it names things by.
    fn words(&self) -> impl Iterator<Item = &String> {
        let forbidden = self.forbid.iter().flat_map(|forbid| [&forbid.from, &forbid.to]);
        let single = self.single_writer.iter().chain(&self.must_have_owner);
        let most = self.max_consumers.iter().map(|most| &most.of);
        forbidden.chain(single).chain(most).chain(self.layers.iter().flatten())
    }
}

/// Which nodes are meant.
struct Selector {
    member: Member,
    pattern: glob::Pattern,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Name,
    Kind(NodeKind),
    Domain,
    Owner,
    Protocol,
}

impl Selector {
    fn new(word: &str) -> Result<Self, String> {
        const MEMBERS: [(&str, Member); 6] = [
            ("service", Member::Kind(NodeKind::Service)),
            ("channel", Member::Kind(NodeKind::Channel)),
            ("message", Member::Kind(NodeKind::Message)),
            ("domain", Member::Domain),
            ("owner", Member::Owner),
            ("protocol", Member::Protocol),
        ];
        let limited = MEMBERS.iter().find_map(|(prefix, member)| {
            let rest = word.strip_prefix(prefix)?.strip_prefix(':')?;
            Some((*member, rest))
        });
        let (member, name) = limited.unwrap_or((Member::Name, word));
        let pattern =
            glob::Pattern::new(name).map_err(|error| format!("`{word}` is not a pattern: {}", error.msg))?;
        if name.is_empty() {
            return Err(format!("`{word}` names nothing"));
        }
        Ok(Self { member, pattern })
    }

    fn takes(&self, graph: &Graph, index: NodeIndex) -> bool {
        let node = graph.node(index);
        match self.member {
            Member::Name => node.kind != NodeKind::Message && self.pattern.matches(&node.name),
            Member::Kind(kind) => node.kind == kind && self.pattern.matches(&node.name),
            Member::Domain => graph.group(index).is_some_and(|domain| self.pattern.matches(domain)),
            Member::Owner => node.owners.iter().any(|owner| self.pattern.matches(owner)),
            Member::Protocol => node.protocol.as_deref().is_some_and(|name| self.pattern.matches(name)),
        }
    }
}

impl Graph {
    /// Where assertions do not hold, and what they name that is not there: such hold whatever the system does. Those that cannot be asked, by [`Assertion::fault`], are passed over.
    #[must_use]
    pub fn broken(&self, assertions: &[Assertion]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for assertion in assertions {
            let title = assertion.name.clone().unwrap_or_else(|| name_of(assertion));
            findings.extend(assertion.words().filter(|word| !self.has_any(word)).map(|word| Finding {
                code: ASSERTION,
                severity: Severity::Warning,
                message: format!("nothing is `{word}`, so `{title}` says nothing of it"),
                place: None,
                related: Vec::new(),
                help: "`eddy graph --format json` lists what there is, with its domain and owners".to_owned(),
            }));
            let messages = self.breaches(assertion).unwrap_or_default();
            findings.extend(messages.into_iter().map(|breach| {
                Finding {
                    code: ASSERTION,
                    severity: Severity::Error,
                    message: format!("{}, against `{title}`", breach.message),
                    place: breach
                        .edge
                        .and_then(place_of)
                        .or_else(|| breach.node.and_then(|node| self.node(node).defined_at.first().cloned())),
                    related: breach
                        .second
                        .and_then(|edge| Some((place_of(edge)?, self.words(edge))))
                        .into_iter()
                        .collect(),
                    help: "change the system, or the assertion under `topology.assertions` in `eddy.yaml`"
                        .to_owned(),
                }
            }));
        }
        findings
    }

    /// Whether a word means anything here.
    fn has_any(&self, word: &str) -> bool {
        let selector = Selector::new(word);
        selector
            .is_ok_and(|selector| (0..self.nodes.len()).any(|index| selector.takes(self, NodeIndex(index))))
    }

    fn breaches(&self, assertion: &Assertion) -> Result<Vec<Breach<'_>>, String> {
        if let Some(forbid) = &assertion.forbid {
            return Ok(self.forbidden(&Selector::new(&forbid.from)?, &Selector::new(&forbid.to)?));
        }
        if let Some(word) = &assertion.single_writer {
            return Ok(self.too_many(&Selector::new(word)?, Relation::Sends, 1));
        }
        if let Some(most) = &assertion.max_consumers {
            return Ok(self.too_many(&Selector::new(&most.of)?, Relation::Receives, most.most));
        }
        if let Some(word) = &assertion.must_have_owner {
            let selector = Selector::new(word)?;
            let nodes = (0..self.nodes.len()).map(NodeIndex);
            let owned = |node: &NodeIndex| !self.node(*node).owners.is_empty();
            let without = nodes.filter(|node| selector.takes(self, *node) && !owned(node));
            let breach =
                |node: NodeIndex| Breach::of_node(node, format!("`{}` has no owner", self.node(node).name));
            return Ok(without.map(breach).collect());
        }
        self.against_layers(assertion.layers.as_deref().unwrap_or_default())
    }

    /// Each pair of a sender and a receiver over one channel, or an end of an arrow that is a channel.
    fn forbidden(&self, from: &Selector, to: &Selector) -> Vec<Breach<'_>> {
        let mut breaches = Vec::new();
        for channel in self.of_kind(NodeKind::Channel) {
            let sends: Vec<&Edge> =
                self.incoming(channel).filter(|edge| edge.relation == Relation::Sends).collect();
            let receives: Vec<&Edge> =
                self.outgoing(channel).filter(|edge| edge.relation == Relation::Receives).collect();
            let name = |index: NodeIndex| &self.node(index).name;
            for sending in sends.iter().filter(|edge| from.takes(self, edge.source)) {
                if to.takes(self, channel) {
                    breaches.push(Breach::of_edge(sending, self.words(sending)));
                }
                for receiving in receives.iter().filter(|edge| to.takes(self, edge.target)) {
                    if sending.source == receiving.target {
                        continue;
                    }
                    let message = format!(
                        "`{}` receives what `{}` sends to `{}`",
                        name(receiving.target),
                        name(sending.source),
                        name(channel)
                    );
                    breaches.push(Breach { second: Some(sending), ..Breach::of_edge(receiving, message) });
                }
            }
            if from.takes(self, channel) && matches!(from.member, Member::Kind(NodeKind::Channel)) {
                let against = receives.iter().filter(|edge| to.takes(self, edge.target));
                breaches.extend(against.map(|edge| Breach::of_edge(edge, self.words(edge))));
            }
        }
        breaches
    }

    fn too_many(&self, selector: &Selector, relation: Relation, most: usize) -> Vec<Breach<'_>> {
        let mut breaches = Vec::new();
        for channel in self.of_kind(NodeKind::Channel).filter(|channel| selector.takes(self, *channel)) {
            let edges: Vec<&Edge> = match relation {
                Relation::Sends => self.incoming(channel).filter(|edge| edge.relation == relation).collect(),
                _ => self.outgoing(channel).filter(|edge| edge.relation == relation).collect(),
            };
            if edges.len() <= most {
                continue;
            }
            let ends =
                edges.iter().map(|edge| if relation == Relation::Sends { edge.source } else { edge.target });
            let names: Vec<String> = ends.map(|end| format!("`{}`", self.node(end).name)).collect();
            let what = if relation == Relation::Sends { "producers" } else { "consumers" };
            let message = format!(
                "`{}` has {} {what} ({}), at most {most} may be",
                self.node(channel).name,
                edges.len(),
                names.join(", ")
            );
            breaches.push(Breach::of_edge(edges[most.min(edges.len() - 1)], message));
        }
        breaches
    }

    fn against_layers(&self, layers: &[String]) -> Result<Vec<Breach<'_>>, String> {
        let selectors = layers.iter().map(|word| Selector::new(word)).collect::<Result<Vec<_>, _>>()?;
        let mut breaches = Vec::new();
        for (place, from) in selectors.iter().enumerate() {
            for to in &selectors[..place] {
                breaches.extend(self.forbidden(from, to));
            }
        }
        Ok(breaches)
    }
}

/// Where an assertion does not hold.
struct Breach<'a> {
    message: String,
    node: Option<NodeIndex>,
    edge: Option<&'a Edge>,
    second: Option<&'a Edge>,
}

impl<'a> Breach<'a> {
    fn of_node(node: NodeIndex, message: String) -> Self {
        Self { message, node: Some(node), edge: None, second: None }
    }

    fn of_edge(edge: &'a Edge, message: String) -> Self {
        Self { message, node: None, edge: Some(edge), second: None }
    }
}

/// What an assertion without a name is called.
fn name_of(assertion: &Assertion) -> String {
    let members: BTreeMap<&str, String> = [
        ("forbid", assertion.forbid.as_ref().map(|forbid| format!("{} to {}", forbid.from, forbid.to))),
        ("single-writer", assertion.single_writer.clone()),
        ("must-have-owner", assertion.must_have_owner.clone()),
        (
            "max-consumers",
            assertion.max_consumers.as_ref().map(|most| format!("{} of {}", most.most, most.of)),
        ),
        ("layers", assertion.layers.as_ref().map(|layers| layers.join(", "))),
    ]
    .into_iter()
    .filter_map(|(member, value)| Some((member, value?)))
    .collect();
    members.into_iter().map(|(member, value)| format!("{member}: {value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Assertion, Forbidden, MostConsumers};
    use crate::topology::fixture::shop;

    fn messages(assertion: Assertion) -> Vec<String> {
        assert_eq!(assertion.fault(), None);
        shop().broken(&[assertion]).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn each_kind_holds_and_breaks() {
        let forbid = |from: &str, to: &str| Assertion {
            name: Some("no".to_owned()),
            forbid: Some(Forbidden { from: from.to_owned(), to: to.to_owned() }),
            ..Assertion::default()
        };
        assert_eq!(
            messages(forbid("domain:goods", "domain:money")),
            ["`billing` receives what `stock` sends to `stock/reserved`, against `no`"]
        );
        assert!(messages(forbid("domain:money", "domain:goods")).is_empty());
        assert_eq!(messages(forbid("channel:payments/*", "billing")).len(), 1);
        let most = MostConsumers { of: "channel:*".to_owned(), most: 1 };
        let most = Assertion { max_consumers: Some(most), ..Assertion::default() };
        assert_eq!(messages(most).len(), 2);
        let single = Assertion { single_writer: Some("*".to_owned()), ..Assertion::default() };
        assert!(messages(single).is_empty());
        let owner = Assertion { must_have_owner: Some("service:w*".to_owned()), ..Assertion::default() };
        assert_eq!(messages(owner), ["`web` has no owner, against `must-have-owner: service:w*`"]);
        let layers = vec!["domain:sales".to_owned(), "domain:money".to_owned()];
        let layers = Assertion { layers: Some(layers), ..Assertion::default() };
        assert_eq!(messages(layers).len(), 1);
    }

    #[test]
    fn what_means_nothing_is_said() {
        let layers = vec!["domain:sales".to_owned(), "domain:wild".to_owned()];
        let layers = Assertion { layers: Some(layers), ..Assertion::default() };
        let said = "nothing is `domain:wild`, so `layers: domain:sales, domain:wild` says nothing of it";
        assert_eq!(messages(layers), [said]);
        let most = MostConsumers { of: "channel:nope".to_owned(), most: 1 };
        let most = Assertion { max_consumers: Some(most), ..Assertion::default() };
        assert_eq!(messages(most).len(), 1);
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        assert!(Assertion::default().fault().is_some());
        let bad = Assertion { single_writer: Some("channel:[".to_owned()), ..Assertion::default() };
        assert!(bad.fault().is_some_and(|fault| fault.contains("`channel:[`")));
    }
}
