//! Addresses that stand for many: wildcards of NATS, MQTT and AMQP, parameters of AsyncAPI, prefixes of Kafka; and which of them meet.

/// A part of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// This character.
    Is(char),
    /// One character, whichever.
    Any,
    /// As many characters as there are, or none.
    Many,
}

/// A level between two separators.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    /// One level that looks so.
    One(Vec<Piece>),
    /// As many levels as there are, or none.
    Many,
}

/// What an address stands for: itself, or all addresses that fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    levels: Vec<Level>,
    prefix: String,
    /// What every address that fits ends with, back to front.
    ending: String,
    is_literal: bool,
    hides_dollar: bool,
}

impl Pattern {
    /// Reads an address by the rules of its protocol, as [`super::Node::protocol`] names it. `{parameter}` stands for at
    /// least one character of one level in all of them.
    ///
    /// `mqtt`: `+` and `#` as whole levels between `/`, `$share/GROUP/` taken off, neither meets a first level that begins
    /// with `$`. `nats`, `jetstream`: `*` for one word and `>` for one or more between `.`. `amqp`: `*` for one word and
    /// `#` for any number between `.`. `kafka`: `*` at the end, which no name of a topic has, for whatever follows, as rules by
    /// prefix are written. Others have no wildcards and, but for `http` and `ws`, no levels.
    #[must_use]
    pub fn new(protocol: Option<&str>, address: &str) -> Self {
        match protocol.unwrap_or_default() {
            "mqtt" => Self::of_mqtt(address),
            "nats" | "jetstream" => Self::of_levels(address, Some('.'), |word| match word {
                "*" => Some(vec![Level::One(vec![Piece::Any, Piece::Many])]),
                ">" => Some(vec![Level::One(vec![Piece::Any, Piece::Many]), Level::Many]),
                _ => None,
            }),
            "amqp" => Self::of_levels(address, Some('.'), |word| match word {
                "*" => Some(vec![Level::One(vec![Piece::Many])]),
                "#" => Some(vec![Level::Many]),
                _ => None,
            }),
            "kafka" => match address.strip_suffix('*') {
                Some(prefix) => Self::of_levels(prefix, None, |_| None).and_more(),
                None => Self::of_levels(address, None, |_| None),
            },
            "http" | "ws" => Self::of_levels(address, Some('/'), |_| None),
            _ => Self::of_levels(address, None, |_| None),
        }
    }

    /// Every address that begins so, as a prefixed rule of Kafka means it.
    #[must_use]
    pub fn prefixed(prefix: &str) -> Self {
        let pieces: Vec<Piece> = prefix.chars().map(Piece::Is).collect();
        let levels = vec![Level::One(pieces)];
        let (prefix, ending) = (prefix.to_owned(), String::new());
        Self { levels, prefix, ending, is_literal: true, hides_dollar: false }.and_more()
    }

    /// The last level with any characters behind it.
    fn and_more(mut self) -> Self {
        if let Some(Level::One(pieces)) = self.levels.last_mut() {
            pieces.push(Piece::Many);
        }
        self.ending.clear();
        self.is_literal = false;
        self
    }

    fn of_mqtt(address: &str) -> Self {
        let shared = address.strip_prefix("$share/").and_then(|rest| rest.split_once('/'));
        let address = shared.map_or(address, |(_, filter)| filter);
        let mut pattern = Self::of_levels(address, Some('/'), |level| match level {
            "+" => Some(vec![Level::One(vec![Piece::Many])]),
            "#" => Some(vec![Level::Many]),
            _ => None,
        });
        pattern.hides_dollar = address.starts_with(['+', '#']);
        pattern
    }

    fn of_levels(
        address: &str,
        separator: Option<char>,
        wildcard: impl Fn(&str) -> Option<Vec<Level>>,
    ) -> Self {
        let words: Vec<&str> = separator.map_or_else(|| vec![address], |sign| address.split(sign).collect());
        let mut levels = Vec::with_capacity(words.len());
        let mut prefix = String::new();
        let mut is_literal = true;
        for (number, word) in words.into_iter().enumerate() {
            // The separator before a wildcard for any number of levels goes with them.
            let wild = wildcard(word);
            if is_literal && number > 0 && wild.is_none() {
                prefix.extend(separator);
            }
            if let Some(wild) = wild {
                is_literal = false;
                levels.extend(wild);
                continue;
            }
            let pieces = pieces(word);
            for piece in &pieces {
                match piece {
                    Piece::Is(sign) if is_literal => prefix.push(*sign),
                    Piece::Is(_) => {}
                    Piece::Any | Piece::Many => is_literal = false,
                }
            }
            levels.push(Level::One(pieces));
        }
        let ending = if is_literal { prefix.chars().rev().collect() } else { ending(&levels, separator) };
        Self { levels, prefix, ending, is_literal, hides_dollar: false }
    }

    /// Whether it stands for itself alone.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.is_literal
    }

    /// What every address that fits begins with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What every address that fits ends with, back to front.
    #[must_use]
    pub fn ending(&self) -> &str {
        &self.ending
    }

    /// Whether there is an address that fits both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        // Most that do not meet differ at an end.
        if !(one_goes_on(&self.prefix, &other.prefix) && one_goes_on(&self.ending, &other.ending)) {
            return false;
        }
        let begins_with_dollar = |pattern: &Self| matches!(pattern.levels.first(), Some(Level::One(pieces)) if pieces.first() == Some(&Piece::Is('$')));
        if (self.hides_dollar && begins_with_dollar(other))
            || (other.hides_dollar && begins_with_dollar(self))
        {
            return false;
        }
        let is_many = |level: &Level| *level == Level::Many;
        meet(&self.levels, &other.levels, is_many, |left, right| match (left, right) {
            (Level::One(left), Level::One(right)) => meet(
                left,
                right,
                |piece| *piece == Piece::Many,
                |left, right| match (left, right) {
                    (Piece::Is(left), Piece::Is(right)) => left == right,
                    _ => true,
                },
            ),
            _ => true,
        })
    }

    /// Whether a written-out address fits.
    #[must_use]
    pub fn fits(&self, protocol: Option<&str>, address: &str) -> bool {
        self.meets(&Self::new(protocol, address))
    }
}

fn one_goes_on(left: &str, right: &str) -> bool {
    left.starts_with(right) || right.starts_with(left)
}

/// What every address of these levels ends with, back to front; the separator behind a wildcard goes with it, as it does before one.
fn ending(levels: &[Level], separator: Option<char>) -> String {
    let mut ending = String::new();
    for (number, level) in levels.iter().rev().enumerate() {
        let Level::One(pieces) = level else { break };
        let literal = pieces.iter().rev().map_while(|piece| match piece {
            Piece::Is(sign) => Some(*sign),
            Piece::Any | Piece::Many => None,
        });
        let literal: Vec<char> = literal.collect();
        let is_whole = literal.len() == pieces.len();
        if number > 0 && (is_whole || !literal.is_empty()) {
            ending.extend(separator);
        }
        ending.extend(literal);
        if !is_whole {
            break;
        }
    }
    ending
}

/// The characters of a level, each `{parameter}` as one or more that are not known.
fn pieces(word: &str) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, after)) = after.split_once('}') else { break };
        pieces.extend(before.chars().map(Piece::Is));
        pieces.extend([Piece::Any, Piece::Many]);
        rest = after;
    }
    pieces.extend(rest.chars().map(Piece::Is));
    pieces
}

/// Whether two sequences, in which some items stand for any number of others, have a sequence in common.
fn meet<T>(
    mut left: &[T],
    mut right: &[T],
    many: impl Fn(&T) -> bool,
    same: impl Fn(&T, &T) -> bool,
) -> bool {
    // Both ends as far as they are single items; what lies between needs a table.
    while let ([first, left_rest @ ..], [other, right_rest @ ..]) = (left, right) {
        if many(first) || many(other) {
            break;
        }
        if !same(first, other) {
            return false;
        }
        (left, right) = (left_rest, right_rest);
    }
    while let ([left_rest @ .., last], [right_rest @ .., other]) = (left, right) {
        if many(last) || many(other) {
            break;
        }
        if !same(last, other) {
            return false;
        }
        (left, right) = (left_rest, right_rest);
    }
    let takes_all = |one: &[T], other: &[T]| {
        matches!(one, [only] if many(only)) || (one.is_empty() && other.iter().all(&many))
    };
    takes_all(left, right)
        || takes_all(right, left)
        || (!left.is_empty() && !right.is_empty() && meet_by_table(left, right, many, same))
}

fn meet_by_table<T>(
    left: &[T],
    right: &[T],
    many: impl Fn(&T) -> bool,
    same: impl Fn(&T, &T) -> bool,
) -> bool {
    // One row of what can be reached after so many items of the left side.
    let skip = |row: &mut Vec<bool>| {
        for at in 0..right.len() {
            if row[at] && many(&right[at]) {
                row[at + 1] = true;
            }
        }
    };
    let mut row = vec![false; right.len() + 1];
    row[0] = true;
    skip(&mut row);
    for item in left {
        let mut next = vec![false; right.len() + 1];
        for at in 0..=right.len() {
            if many(item) {
                // It takes nothing, or one more item of the right side.
                next[at] |= row[at] || (at > 0 && next[at - 1]);
            } else if row[at] && right.get(at).is_some_and(&many) {
                next[at] = true;
            } else if row[at] && right.get(at).is_some_and(|other| same(item, other)) {
                next[at + 1] = true;
            }
        }
        row = next;
        skip(&mut row);
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Level, Pattern, Piece, meet_by_table};

    #[track_caller]
    fn assert_meets(protocol: &str, left: &str, right: &str, expected: bool) {
        let pattern = |address: &str| Pattern::new(Some(protocol), address);
        assert_eq!(pattern(left).meets(&pattern(right)), expected, "{protocol}: {left} and {right}");
        assert_eq!(pattern(right).meets(&pattern(left)), expected, "{protocol}: {right} and {left}");
    }

    #[test]
    fn wildcards_meet_as_their_brokers_say() {
        for (protocol, left, right, expected) in [
            ("mqtt", "a/+/c", "a/b/c", true),
            ("mqtt", "a/+/c", "a/b/d/c", false),
            ("mqtt", "a/#", "a", true),
            ("mqtt", "a/#", "ab", false),
            ("mqtt", "a/#", "a/b/c", true),
            ("mqtt", "+/b", "a/+", true),
            ("mqtt", "#", "$SYS/broker", false),
            ("mqtt", "$SYS/#", "$SYS/broker", true),
            ("mqtt", "$share/g/a/+", "a/b", true),
            ("mqtt", "a/+", "a/", true),
            ("mqtt", "a/{x}", "a/", false),
            ("mqtt", "orders/{id}/placed", "orders/+/placed", true),
            ("mqtt", "orders/{id}/placed", "orders/eu/placed", true),
            ("mqtt", "orders/v{n}", "orders/w1", false),
            ("mqtt", "a.+", "a.b", false),
            ("nats", "a.*", "a.b", true),
            ("nats", "a.*", "a.b.c", false),
            ("nats", "a.>", "a", false),
            ("nats", "a.>", "a.b.c", true),
            ("nats", "*.b", "a.>", true),
            ("nats", "a.*.c", "a.{x}.d", false),
            ("amqp", "a.#.b", "a.b", true),
            ("amqp", "a.#.b", "a.x.y.b", true),
            ("amqp", "#", "anything.at.all", true),
            ("amqp", "a.*", "a", false),
            ("kafka", "orders.{region}", "orders.eu.west", true),
            ("kafka", "orders.*", "orders.eu", true),
            ("kafka", "orders.*", "orders.", true),
            ("kafka", "orders.*", "orders", false),
            ("kafka", "orders.*", "orders.{region}", true),
            ("kafka", "or*", "orders.*", true),
            ("kafka", "*.eu", "orders.eu", false),
        ] {
            assert_meets(protocol, left, right, expected);
        }
        assert!(Pattern::prefixed("orders.").fits(Some("kafka"), "orders.eu"));
        assert!(!Pattern::prefixed("orders.").fits(Some("kafka"), "payments"));
        assert_eq!(Pattern::new(Some("mqtt"), "a/b/#").prefix(), "a/b");
        assert_eq!(Pattern::new(Some("nats"), "a.b*").prefix(), "a.b*");
    }

    /// Whether a topic fits a filter, in the plainest way.
    fn plain(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            ([], []) => true,
            (["#", rest @ ..], topic) => (0..=topic.len()).any(|taken| plain(rest, &topic[taken..])),
            ([level, rest @ ..], [word, words @ ..]) => {
                (*level == "*" || level == word) && plain(rest, words)
            }
            _ => false,
        }
    }

    /// As [`Pattern::meets`], all of it by the table.
    fn meets_by_table(left: &Pattern, right: &Pattern) -> bool {
        let dollar = |pattern: &Pattern| matches!(pattern.levels.first(), Some(Level::One(pieces)) if pieces.first() == Some(&Piece::Is('$')));
        let is_hidden = (left.hides_dollar && dollar(right)) || (right.hides_dollar && dollar(left));
        let same_piece = |left: &Piece, right: &Piece| match (left, right) {
            (Piece::Is(left), Piece::Is(right)) => left == right,
            _ => true,
        };
        let same_level = |left: &Level, right: &Level| match (left, right) {
            (Level::One(left), Level::One(right)) => {
                meet_by_table(left, right, |piece| *piece == Piece::Many, same_piece)
            }
            _ => true,
        };
        !is_hidden && meet_by_table(&left.levels, &right.levels, |level| *level == Level::Many, same_level)
    }

    proptest! {
        #[test]
        fn looking_at_the_ends_first_changes_nothing(
            protocol in any::<prop::sample::Index>(),
            left in "([a$é]{0,2}|\\{x\\}|[+#*>])([./]([aé]{0,2}|a\\{x\\}|\\{x\\}é|[+#*>])){0,3}",
            right in "([a$é]{0,2}|\\{x\\}|[+#*>])([./]([aé]{0,2}|a\\{x\\}|\\{x\\}é|[+#*>])){0,3}",
        ) {
            let protocol = *protocol.get(&["mqtt", "nats", "amqp", "kafka", "http"]);
            let (left, right) = (Pattern::new(Some(protocol), &left), Pattern::new(Some(protocol), &right));
            prop_assert_eq!(left.meets(&right), meets_by_table(&left, &right));
        }

        #[test]
        fn two_filters_meet_exactly_when_a_topic_fits_both(
            left in proptest::collection::vec("[ab*#]", 1..5),
            right in proptest::collection::vec("[ab*#]", 1..5),
        ) {
            let pattern = |words: &[String]| Pattern::new(Some("amqp"), &words.join("."));
            let words = |list: &[String]| list.iter().map(String::as_str).map(str::to_owned).collect::<Vec<_>>();
            let (filter, other) = (words(&left), words(&right));
            let filter: Vec<&str> = filter.iter().map(String::as_str).collect();
            let other: Vec<&str> = other.iter().map(String::as_str).collect();
            // Three letters and eight levels are enough for filters of four levels.
            let mut topics: Vec<Vec<&str>> = vec![Vec::new()];
            let mut found = false;
            for _ in 0..6 {
                topics = topics
                    .iter()
                    .flat_map(|topic| ["a", "b"].map(|word| topic.iter().copied().chain([word]).collect()))
                    .collect();
                found |= topics.iter().any(|topic| plain(&filter, topic) && plain(&other, topic));
            }
            // A filter of `#` alone has the topic of no level too, which no broker has.
            let both_empty = |list: &[&str]| list.iter().all(|word| *word == "#");
            if !(both_empty(&filter) && both_empty(&other)) {
                prop_assert_eq!(pattern(&left).meets(&pattern(&right)), found);
            }
        }
    }
}
