//! Channels by their addresses, so that those that an address meets are found without looking at all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use super::graph::{Node, NodeKind};
use super::patterns::Pattern;

/// Values by texts, of which those are found that go on as another text does.
struct Beginnings<T> {
    values: BTreeMap<String, T>,
    /// How long the texts are, in bytes.
    lengths: BTreeSet<usize>,
}

impl<T> Default for Beginnings<T> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), lengths: BTreeSet::new() }
    }
}

impl<T: Default> Beginnings<T> {
    fn at(&mut self, text: &str) -> &mut T {
        self.lengths.insert(text.len());
        self.values.entry(text.to_owned()).or_default()
    }
}

impl<T> Beginnings<T> {
    /// Values whose text and this one fit together: the one goes on as the other does.
    fn fitting<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a T> + 'a {
        let longer = self.values.range::<str, _>((Bound::Included(text), Bound::Unbounded));
        let longer = longer.take_while(move |(other, _)| other.starts_with(text)).map(|(_, value)| value);
        let lengths = self.lengths.range(..text.len());
        let shorter = lengths.filter_map(|length| self.values.get(text.get(..*length)?));
        longer.chain(shorter)
    }
}

/// Channels by what their addresses begin with before the first wildcard, and by what they end with behind the last one.
#[derive(Default)]
struct Ends(Beginnings<Beginnings<Vec<usize>>>);

impl Ends {
    fn insert(&mut self, pattern: &Pattern, channel: usize) {
        self.0.at(pattern.prefix()).at(pattern.ending()).push(channel);
    }

    /// Channels that may meet a pattern, as far as both ends tell.
    fn fitting<'a>(&'a self, asked: &'a Pattern) -> impl Iterator<Item = usize> + 'a {
        let alike = self.0.fitting(asked.prefix());
        alike.flat_map(|endings| endings.fitting(asked.ending())).flatten().copied()
    }
}

/// The channels of a graph, by number.
pub(super) struct Meeting {
    /// By number of the node; `None` for what meets nothing.
    patterns: Vec<Option<Pattern>>,
    names: HashMap<String, Vec<usize>>,
    literal: Ends,
    wild: Ends,
}

impl Meeting {
    /// Of all channels among the nodes but those whose address is only known at run time: they meet nothing.
    pub(super) fn new(nodes: &[Node]) -> Self {
        let mut meeting = Self {
            patterns: Vec::with_capacity(nodes.len()),
            names: HashMap::new(),
            literal: Ends::default(),
            wild: Ends::default(),
        };
        for (number, node) in nodes.iter().enumerate() {
            if node.kind != NodeKind::Channel || node.id.contains("/~") {
                meeting.patterns.push(None);
                continue;
            }
            let pattern = Pattern::new(node.protocol.as_deref(), &node.name);
            let ends = if pattern.is_literal() { &mut meeting.literal } else { &mut meeting.wild };
            ends.insert(&pattern, number);
            meeting.names.entry(node.name.clone()).or_default().push(number);
            meeting.patterns.push(Some(pattern));
        }
        meeting
    }

    /// Whether it is one of the channels.
    pub(super) fn has(&self, channel: usize) -> bool {
        self.patterns.get(channel).is_some_and(Option::is_some)
    }

    /// Channels that are called so, or whose addresses a pattern with this name meets, in order.
    pub(super) fn of(&self, name: &str, asked: &Pattern) -> Vec<usize> {
        let mut found: Vec<usize> = self.names.get(name).cloned().unwrap_or_default();
        let meets = |channel: &usize| self.patterns[*channel].as_ref().is_some_and(|own| own.meets(asked));
        found.extend(self.wild.fitting(asked).filter(meets));
        if !asked.is_literal() {
            found.extend(self.literal.fitting(asked).filter(meets));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::Meeting;
    use crate::topology::graph::NodeKind;
    use crate::topology::names::blank;
    use crate::topology::patterns::Pattern;

    proptest! {
        /// What the index finds is what looking at every channel finds.
        #[test]
        fn nothing_is_left_out_and_nothing_is_added(
            protocol in any::<prop::sample::Index>(),
            channels in prop::collection::vec("[ab/.$]{0,3}(\\{x\\}|[+#*>a/.é])?[ab/.]{0,2}", 0..12),
            asked in "[ab/.$]{0,3}(\\{x\\}|[+#*>a/.é])?[ab/.]{0,2}",
        ) {
            let protocol = *protocol.get(&["mqtt", "nats", "amqp", "kafka", "http"]);
            let nodes: Vec<_> = channels.iter().enumerate().map(|(number, name)| {
                let mut node = blank(format!("channel:{protocol}/{number}"), NodeKind::Channel, name.clone());
                node.protocol = Some(protocol.to_owned());
                node
            }).collect();
            let pattern = Pattern::new(Some(protocol), &asked);
            let expected: Vec<usize> = channels.iter().enumerate().filter(|(_, name)| {
                let own = Pattern::new(Some(protocol), name);
                **name == asked || (!(own.is_literal() && pattern.is_literal()) && own.meets(&pattern))
            }).map(|(number, _)| number).collect();
            assert_eq!(Meeting::new(&nodes).of(&asked, &pattern), expected);
        }
    }
}
