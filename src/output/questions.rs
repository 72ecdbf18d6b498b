//! Answers to questions about a graph: impact, removal, rollout; for a terminal and as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::graph_text::{GraphStyle, Role, width};
use super::inert::json_pretty;
use crate::topology::fields::FieldUse;
use crate::topology::impact::{Batch, Impact, Reached, Removal};
use crate::topology::{Graph, NodeIndex};

/// A question with its answer.
#[derive(Debug)]
pub enum Asked {
    /// Whom a change of a message touches.
    Impact {
        /// The message.
        message: NodeIndex,
        /// The answer.
        impact: Impact,
        /// A field, and what its consumers say of it.
        uses: Option<(String, BTreeMap<NodeIndex, FieldUse>)>,
    },
    /// What starves without a service.
    Removal {
        /// The service.
        service: NodeIndex,
        /// The answer.
        removal: Removal,
    },
    /// In which order a breaking change of a message is rolled out.
    Rollout {
        /// The message.
        message: NodeIndex,
        /// The answer.
        batches: Vec<Batch>,
    },
}

/// The answer in one line.
#[must_use]
pub fn summary(graph: &Graph, asked: &Asked) -> String {
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    match asked {
        Asked::Impact { impact, uses, .. } => {
            let direct = impact.reached.iter().filter(|reached| reached.distance == 1).count();
            let mut words = format!(
                "{} directly, {} through what they send, {}",
                counted(direct, "consumer"),
                impact.reached.len() - direct,
                counted(impact.owners.len(), "owner")
            );
            if let Some((field, uses)) = uses {
                let count = |wanted: FieldUse| uses.values().filter(|found| **found == wanted).count();
                let required = count(FieldUse::Required);
                let unknown = count(FieldUse::Unknown);
                let verdict = match (required, unknown) {
                    (0, 0) => format!("; no consumer requires `{field}`"),
                    (0, unknown) => {
                        format!("; no consumer is known to require `{field}`, {unknown} cannot be asked")
                    }
                    (required, _) => format!("; `{field}` is required by {}", counted(required, "consumer")),
                };
                words.push_str(&verdict);
            }
            words
        }
        Asked::Removal { removal, .. } => format!(
            "{} without a producer, {} without a source, {} with fewer sources, {} without a consumer",
            counted(removal.channels.len(), "channel"),
            counted(removal.starved.len(), "service"),
            removal.reduced.len(),
            counted(removal.unread.len(), "channel")
        ),
        Asked::Rollout { message, batches } => {
            let services: usize = batches.iter().map(|batch| batch.services.len()).sum();
            format!(
                "{} of {} in {}",
                counted(services, "service"),
                graph.label(*message),
                counted(batches.len(), "step")
            )
        }
    }
}

/// Writes the answer for a terminal.
///
/// # Errors
/// Those of `out`.
pub fn text(out: &mut dyn Write, graph: &Graph, asked: &Asked, style: &GraphStyle<'_>) -> io::Result<()> {
    let page = Page { graph, style };
    match asked {
        Asked::Impact { message, impact, uses } => {
            page.impact(out, *message, impact, uses.as_ref().map(|(_, uses)| uses))
        }
        Asked::Removal { service, removal } => page.removal(out, *service, removal),
        Asked::Rollout { batches, .. } => page.rollout(out, batches),
    }
}

struct Page<'a> {
    graph: &'a Graph,
    style: &'a GraphStyle<'a>,
}

impl Page<'_> {
    fn plain(&self, node: NodeIndex) -> String {
        self.style.clean(&self.graph.label(node))
    }

    fn painted(&self, role: Role, node: NodeIndex) -> String {
        (self.style.paint)(role, &self.plain(node))
    }

    fn channel(&self, node: NodeIndex) -> String {
        format!("({})", self.painted(Role::Channel, node))
    }

    fn faint(&self, text: &str) -> String {
        (self.style.paint)(Role::Faint, text)
    }

    fn heading(&self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        writeln!(out, "{}", (self.style.paint)(Role::Heading, text))
    }

    fn owners(&self, node: NodeIndex) -> String {
        let owners = &self.graph.node(node).owners;
        if owners.is_empty() { String::new() } else { self.style.clean(&format!("[{}]", owners.join(", "))) }
    }

    fn impact(
        &self,
        out: &mut dyn Write,
        message: NodeIndex,
        impact: &Impact,
        uses: Option<&BTreeMap<NodeIndex, FieldUse>>,
    ) -> io::Result<()> {
        let glyphs = self.style.glyphs();
        writeln!(out, "{} {}", glyphs.message, self.painted(Role::Message, message))?;
        for producer in &impact.producers {
            let owners = self.faint(&self.owners(*producer));
            let line = format!("  sent by {} {owners}", self.painted(Role::Service, *producer));
            writeln!(out, "{}", line.trim_end())?;
        }
        for channel in &impact.channels {
            writeln!(out, "{}", self.channel(*channel))?;
            let direct: Vec<&Reached> = impact
                .reached
                .iter()
                .filter(|reached| reached.distance == 1 && reached.channel == *channel)
                .collect();
            self.branch(out, impact, &direct, "", uses)?;
        }
        if !impact.owners.is_empty() {
            writeln!(out)?;
            self.heading(out, "owners")?;
        }
        let mut owners: Vec<(&String, &usize)> = impact.owners.iter().collect();
        owners.sort_by_key(|(name, distance)| (**distance, (*name).clone()));
        let widest = owners.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
        for (owner, distance) in owners {
            let words = match distance {
                0 => "sends it".to_owned(),
                1 => "receives it".to_owned(),
                steps => format!("{steps} services away"),
            };
            let gap = " ".repeat(widest.saturating_sub(width(owner)) + 2);
            writeln!(out, "  {}{gap}{}", self.style.clean(owner), self.faint(&words))?;
        }
        Ok(())
    }

    /// Those that are reached, each below the one through which it is reached.
    fn branch(
        &self,
        out: &mut dyn Write,
        impact: &Impact,
        items: &[&Reached],
        indent: &str,
        uses: Option<&BTreeMap<NodeIndex, FieldUse>>,
    ) -> io::Result<()> {
        let glyphs = self.style.glyphs();
        for (number, reached) in items.iter().enumerate() {
            let last = number + 1 == items.len();
            let (sign, bar) = if last { (glyphs.last, "    ") } else { (glyphs.branch, glyphs.bar) };
            let mut line = format!(
                "{}{}",
                self.faint(&format!("{indent}{sign}")),
                self.painted(Role::Service, reached.service)
            );
            if reached.distance > 1 {
                line.extend([" ", &self.faint("by"), " ", &self.channel(reached.channel)]);
            }
            let owners = self.owners(reached.service);
            if !owners.is_empty() {
                line.extend([" ", &self.faint(&owners)]);
            }
            if let Some(found) =
                uses.and_then(|uses| uses.get(&reached.service)).filter(|_| reached.distance == 1)
            {
                let role = if *found == FieldUse::Required { Role::Alarm } else { Role::Faint };
                line.extend(["  ", &(self.style.paint)(role, found.word())]);
            }
            writeln!(out, "{line}")?;
            let below: Vec<&Reached> = impact
                .reached
                .iter()
                .filter(|next| next.distance == reached.distance + 1 && next.from == Some(reached.service))
                .collect();
            self.branch(out, impact, &below, &format!("{indent}{bar}"), uses)?;
        }
        Ok(())
    }

    fn removal(&self, out: &mut dyn Write, service: NodeIndex, removal: &Removal) -> io::Result<()> {
        let without = format!("without {}", self.plain(service));
        self.heading(out, &without)?;
        let rounds =
            removal.channels.iter().chain(&removal.starved).map(|(_, round)| *round).max().unwrap_or(0);
        for round in 1..=rounds {
            for (channel, _) in removal.channels.iter().filter(|(_, at)| *at == round) {
                let words = (self.style.paint)(Role::Alarm, "no producer");
                writeln!(out, "{:>3}  {}  {words}", round, self.channel(*channel))?;
            }
            for (starved, _) in removal.starved.iter().filter(|(_, at)| *at == round) {
                let words = (self.style.paint)(Role::Alarm, "no source left");
                let owners = self.faint(&self.owners(*starved));
                let line =
                    format!("{:>3}  {}  {words}  {owners}", round, self.painted(Role::Service, *starved));
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        for (reduced, lost) in &removal.reduced {
            let lost: Vec<String> = lost.iter().map(|channel| self.channel(*channel)).collect();
            let owners = self.faint(&self.owners(*reduced));
            let line = format!(
                "     {}  loses {} and keeps others  {owners}",
                self.painted(Role::Service, *reduced),
                lost.join(", ")
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        for channel in &removal.unread {
            writeln!(
                out,
                "     {}  {}",
                self.channel(*channel),
                (self.style.paint)(Role::Alarm, "no consumer")
            )?;
        }
        Ok(())
    }

    fn rollout(&self, out: &mut dyn Write, batches: &[Batch]) -> io::Result<()> {
        for (number, batch) in batches.iter().enumerate() {
            let names: Vec<String> =
                batch.services.iter().map(|service| self.painted(Role::Service, *service)).collect();
            let note = "closes a cycle: it must take both forms until the others have followed";
            let note = if batch.breaks_cycle { format!("  {}", self.faint(note)) } else { String::new() };
            writeln!(out, "{:>3}  {}{note}", number + 1, names.join(", "))?;
        }
        Ok(())
    }
}

/// Writes the answer as one JSON object.
///
/// # Errors
/// Those of `out`.
pub fn json(out: &mut dyn Write, graph: &Graph, asked: &Asked) -> io::Result<()> {
    let id = |node: NodeIndex| graph.node(node).id.clone();
    let ids = |nodes: &[NodeIndex]| nodes.iter().map(|node| id(*node)).collect::<Vec<_>>();
    let rounds = |items: &[(NodeIndex, usize)]| -> Vec<Value> {
        items.iter().map(|(node, round)| json!({"id": id(*node), "round": round})).collect()
    };
    let value = match asked {
        Asked::Impact { message, impact, uses } => {
            let use_of = |service: NodeIndex| uses.as_ref().and_then(|(_, uses)| uses.get(&service));
            let reached = |reached: &Reached| {
                let mut value = json!({
                    "service": id(reached.service),
                    "distance": reached.distance,
                    "channel": id(reached.channel),
                    "from": reached.from.map(id),
                    "owners": graph.node(reached.service).owners,
                });
                if let Some(found) = use_of(reached.service).filter(|_| reached.distance == 1) {
                    value["field"] = json!(found.word());
                }
                value
            };
            json!({
                "question": "impact",
                "message": id(*message),
                "field": uses.as_ref().map(|(field, _)| field),
                "producers": ids(&impact.producers),
                "channels": ids(&impact.channels),
                "reached": impact.reached.iter().map(reached).collect::<Vec<_>>(),
                "owners": impact.owners,
            })
        }
        Asked::Removal { service, removal } => json!({
            "question": "removal",
            "service": id(*service),
            "channels_without_producer": rounds(&removal.channels),
            "services_without_source": rounds(&removal.starved),
            "services_with_fewer_sources": removal
                .reduced
                .iter()
                .map(|(node, lost)| json!({"id": id(*node), "lost": ids(lost)}))
                .collect::<Vec<_>>(),
            "channels_without_consumer": ids(&removal.unread),
        }),
        Asked::Rollout { message, batches } => json!({
            "question": "rollout",
            "message": id(*message),
            "steps": batches
                .iter()
                .map(|batch| json!({"services": ids(&batch.services), "breaks_cycle": batch.breaks_cycle}))
                .collect::<Vec<_>>(),
        }),
    };
    json_pretty(out, &value)
}
