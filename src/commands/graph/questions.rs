//! `--impact`, `--remove` and `--rollout`: whom a change touches, what starves, and in which order to follow.

use std::collections::BTreeSet;

use super::super::{CommandError, Context};
use super::reading::Read;
use crate::diagnostic::nearest;
use crate::output::graph_text::GraphStyle;
use crate::output::questions::{self, Asked};
use crate::topology::{Graph, NodeIndex, NodeKind, parts_of};

/// Fields that are named when none is near to the one that was asked for.
const LISTED: usize = 12;

/// Flags that ask what a change would do.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Questions")]
pub(super) struct QuestionArgs {
    /// Whom a change of a message touches; after a dot a field: which consumers require it
    #[arg(long, value_name = "MESSAGE[.FIELD]", conflicts_with_all = ["focus", "path", "diff", "drift", "remove", "rollout"])]
    pub impact: Option<String>,
    /// What starves without a service
    #[arg(long, value_name = "SERVICE", conflicts_with_all = ["focus", "path", "diff", "drift", "rollout"])]
    pub remove: Option<String>,
    /// In which order to roll out a breaking change of a message
    #[arg(long, value_name = "MESSAGE", conflicts_with_all = ["focus", "path", "diff", "drift"])]
    pub rollout: Option<String>,
}

impl QuestionArgs {
    /// Whether one is asked.
    pub(super) fn is_any(&self) -> bool {
        self.impact.is_some() || self.remove.is_some() || self.rollout.is_some()
    }

    /// Answers the question, as text or as JSON.
    pub(super) fn answer(
        &self,
        read: &Read,
        style: &GraphStyle<'_>,
        as_json: bool,
        context: &Context,
    ) -> Result<Vec<u8>, CommandError> {
        let graph = &read.graph;
        let mut out = Vec::new();
        let asked = if let Some(word) = &self.impact {
            let (message, field) = message_and_field(graph, word)?;
            let parts = parts_of(&field);
            if let Some(names) =
                graph.names_instead(&read.loaded, message, &parts).filter(|_| !parts.is_empty())
            {
                return Err(no_field(&graph.node(message).name, &field, &parts, &names));
            }
            let uses =
                (!parts.is_empty()).then(|| (field.clone(), graph.field_uses(&read.loaded, message, &parts)));
            Asked::Impact { message, impact: graph.impact(message), uses }
        } else if let Some(word) = &self.remove {
            let service = of_kind(graph, word, NodeKind::Service)?;
            Asked::Removal { service, removal: graph.removal(service) }
        } else {
            let word = self.rollout.as_deref().unwrap_or_default();
            let message = of_kind(graph, word, NodeKind::Message)?;
            Asked::Rollout { message, batches: graph.rollout(message) }
        };
        if as_json {
            questions::json(&mut out, graph, &asked)?;
        } else {
            questions::text(&mut out, graph, &asked, style)?;
        }
        context.ui.say(questions::summary(graph, &asked));
        Ok(out)
    }
}

/// A field that no schema of a message has: taken for one that nobody requires, a slip would pass for an answer.
fn no_field(message: &str, field: &str, parts: &[&str], names: &BTreeSet<String>) -> CommandError {
    let error = CommandError::usage(format!("no schema of `{message}` has a field `{field}`"));
    if let Some(meant) = nearest(&parts.join("."), names.iter().map(String::as_str)) {
        return error.hint(format!("did you mean `{message}.{meant}`?"));
    }
    let listed: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > LISTED { ", …" } else { "" };
    match listed.as_slice() {
        [] => error.hint("its schemas name no fields"),
        _ => error.hint(format!("its fields are {}{more}", listed.join(", "))),
    }
}

/// The thing of a kind that a word means.
fn of_kind(graph: &Graph, word: &str, kind: NodeKind) -> Result<NodeIndex, CommandError> {
    let (prefix, name) = match kind {
        NodeKind::Message => ("message", "message"),
        NodeKind::Channel => ("channel", "channel"),
        NodeKind::Service => ("service", "service"),
    };
    let same = |index: &NodeIndex| {
        let node = graph.node(*index);
        node.id == word || node.name == word || graph.label(*index) == word
    };
    let found: Vec<NodeIndex> = graph.of_kind(kind).filter(same).collect();
    if let [one] = found.as_slice() {
        return Ok(*one);
    }
    if found.len() > 1 {
        let ids: Vec<&str> = found.iter().map(|index| graph.node(*index).id.as_str()).collect();
        return Err(CommandError::usage(format!("`{word}` names {} things: {}", ids.len(), ids.join(", ")))
            .hint("use the identifier of the one that is meant"));
    }
    let index = graph.find(word)?;
    if graph.node(index).kind == kind {
        return Ok(index);
    }
    Err(CommandError::usage(format!("`{word}` is no {name}"))
        .hint(format!("name a {name}, or its identifier `{prefix}:…`; `eddy graph --format json` lists all")))
}

/// The longest message name that the word begins with, and what is after its dot.
fn message_and_field(graph: &Graph, word: &str) -> Result<(NodeIndex, String), CommandError> {
    let whole = of_kind(graph, word, NodeKind::Message);
    let Err(error) = whole else { return whole.map(|message| (message, String::new())) };
    let dots: Vec<usize> = word.match_indices('.').map(|(at, _)| at).collect();
    for at in dots.into_iter().rev() {
        let (name, field) = (&word[..at], &word[at + 1..]);
        let exact = |index: &NodeIndex| {
            let node = graph.node(*index);
            node.id == name || node.name == name || graph.label(*index) == name
        };
        if !field.is_empty()
            && !field.split('.').any(str::is_empty)
            && graph.of_kind(NodeKind::Message).any(|index| exact(&index))
        {
            return Ok((of_kind(graph, name, NodeKind::Message)?, field.to_owned()));
        }
    }
    Err(error)
}
