//! What the formats of a graph share: its nodes by domain, a plain name for each, and the words of a channel.

use std::collections::{BTreeMap, HashMap};

use crate::topology::{CheckRule, Graph, NodeIndex, NodeKind};

/// Characters of a plain name at most, its number aside.
const NAME_LENGTH: usize = 48;

/// Services and channels of one domain.
pub(super) struct Group<'a> {
    /// Its name; `None` for what has none.
    pub domain: Option<&'a str>,
    /// What is shown under it, in order.
    pub nodes: Vec<NodeIndex>,
}

/// Services and channels by the domain under which they are shown; what has none comes first.
pub(super) fn groups(graph: &Graph) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<Option<&str>, Vec<NodeIndex>> = BTreeMap::new();
    let shown = |node: &NodeIndex| graph.node(*node).kind != NodeKind::Message;
    for node in (0..graph.nodes.len()).map(NodeIndex).filter(shown) {
        groups.entry(graph.group(node)).or_default().push(node);
    }
    groups.into_iter().map(|(domain, nodes)| Group { domain, nodes }).collect()
}

/// What is missing at which channel.
pub(super) fn missing(graph: &Graph) -> HashMap<NodeIndex, CheckRule> {
    graph.checks().into_iter().map(|check| (check.node, check.rule)).collect()
}

/// What is missing, for people.
pub(super) fn missing_words(rule: CheckRule) -> &'static str {
    match rule {
        CheckRule::NoProducer => "no producer",
        CheckRule::NoConsumer => "no consumer",
        CheckRule::Unused => "unused",
    }
}

/// The names of the messages of a channel, joined; `None` when it has none.
pub(super) fn message_names(graph: &Graph, channel: NodeIndex) -> Option<String> {
    let names: Vec<String> =
        graph.messages(channel).map(|message| graph.label(message).into_owned()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Names of ASCII letters, digits and `separator`, each once, none empty and none long.
pub(super) struct PlainNames {
    separator: char,
    used: HashMap<String, usize>,
}

impl PlainNames {
    /// Names that join their parts by this character.
    pub fn new(separator: char) -> Self {
        Self { separator, used: HashMap::new() }
    }

    /// The plain name of the next text; equal texts in equal order give equal names.
    pub fn name(&mut self, text: &str) -> String {
        let mut slug = String::new();
        for character in text.chars() {
            if slug.len() >= NAME_LENGTH {
                break;
            }
            if character.is_ascii_alphanumeric() {
                slug.push(character);
            } else if !slug.is_empty() && !slug.ends_with(self.separator) {
                slug.push(self.separator);
            }
        }
        let slug = slug.trim_end_matches(self.separator);
        let slug = if slug.is_empty() { "unnamed" } else { slug };
        let mut name = slug.to_owned();
        // Two texts may share a slug, and a slug may look like a numbered one; systems that ignore case meet them too.
        while self.used.contains_key(&name.to_lowercase()) {
            let count = self.used.entry(slug.to_lowercase()).or_insert(1);
            *count += 1;
            name = format!("{slug}{}{count}", self.separator);
        }
        self.used.insert(name.to_lowercase(), 1);
        name
    }
}

/// A plain name for each node, by its identifier.
pub(super) fn plain_names(graph: &Graph) -> Vec<String> {
    let mut names = PlainNames::new('_');
    graph.nodes.iter().map(|node| names.name(&node.id)).collect()
}

#[cfg(test)]
mod tests {
    use super::{PlainNames, groups, plain_names};
    use crate::topology::fixture::{graph, shop};

    #[test]
    fn every_service_and_channel_is_in_one_group() {
        let shop = shop();
        let shown: usize = groups(&shop).iter().map(|group| group.nodes.len()).sum();
        assert_eq!(shown, 9);
    }

    #[test]
    fn plain_names_are_plain_and_each_is_there_once() {
        let mut names = PlainNames::new('-');
        let made: Vec<String> = ["a b", "A/b", "", "注文", "a-b-2", "a b", &"x".repeat(9_000), "-"]
            .map(|text| names.name(text))
            .to_vec();
        assert_eq!(made[..6], ["a-b", "A-b-2", "unnamed", "unnamed-2", "a-b-2-2", "a-b-3"]);
        assert_eq!((made[6].len(), made[7].as_str()), (48, "unnamed-3"));
        let twins = plain_names(&graph("a > x.y > b\na > x/y > b"));
        assert_eq!(twins, ["service_a", "service_b", "channel_mqtt_x_y", "channel_mqtt_x_y_2"]);
    }
}
