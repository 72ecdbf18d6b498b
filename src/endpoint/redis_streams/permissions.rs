//! What users of a Redis server may do with streams, by the lines of `ACL LIST`. That somebody may does not mean that it does.

use crate::endpoint::inspect::{Direction, KnownBy, ObservedFlow, SeenBy};

/// How sure a permission makes it, in hundredths.
const CONFIDENCE: u8 = 30;

/// What one set of rules allows.
#[derive(Clone, Debug, Default)]
struct Rules {
    adds: bool,
    reads: bool,
    /// Patterns of keys: whether they may be read, whether they may be written.
    keys: Vec<(glob::Pattern, bool, bool)>,
    /// Every key, which says nothing of what is used.
    all_keys: bool,
}

impl Rules {
    fn take(&mut self, word: &str) {
        let commands = match word {
            "allcommands" => Some(("all", true)),
            "nocommands" => Some(("all", false)),
            _ => word
                .strip_prefix("+@")
                .map(|name| (name, true))
                .or(word.strip_prefix("-@").map(|name| (name, false))),
        };
        if let Some((category, may)) = commands {
            if matches!(category, "all" | "write" | "stream" | "fast") {
                self.adds = may;
            }
            if matches!(category, "all" | "read" | "write" | "stream" | "slow" | "blocking") {
                self.reads = may;
            }
            return;
        }
        match word {
            "+xadd" => self.adds = true,
            "-xadd" => self.adds = false,
            "+xread" | "+xreadgroup" | "+xrange" => self.reads = true,
            "-xreadgroup" => self.reads = false,
            "allkeys" | "~*" => self.all_keys = true,
            "resetkeys" => (self.all_keys, self.keys) = (false, Vec::new()),
            "reset" => *self = Self::default(),
            _ => self.key(word),
        }
    }

    fn key(&mut self, word: &str) {
        let (how, pattern) = match word.strip_prefix('%').and_then(|rest| rest.split_once('~')) {
            Some(parts) => parts,
            None => match word.strip_prefix('~') {
                Some(pattern) => ("RW", pattern),
                None => return,
            },
        };
        if let Ok(pattern) = glob::Pattern::new(pattern) {
            self.keys.push((pattern, how.contains('R'), how.contains('W')));
        }
    }

    fn may(&self, direction: Direction, stream: &str) -> bool {
        let command = if direction == Direction::Sends { self.adds } else { self.reads };
        let fits = |(pattern, reads, writes): &(glob::Pattern, bool, bool)| {
            pattern.matches(stream) && if direction == Direction::Sends { *writes } else { *reads }
        };
        command && self.keys.iter().any(fits)
    }
}

/// A user, and what its rules allow: those of the user itself, then its selectors in parentheses.
fn user(line: &str) -> Option<(&str, Vec<Rules>)> {
    let (name, rest) = line.strip_prefix("user ")?.split_once(' ')?;
    let mut sets = vec![Rules::default()];
    let mut is_on = false;
    let mut inside = false;
    for word in rest.split(' ') {
        let opened = word.strip_prefix('(');
        if opened.is_some() {
            sets.push(Rules::default());
            inside = true;
        }
        let bare = opened.unwrap_or(word);
        let closed = bare.strip_suffix(')').filter(|_| inside);
        is_on |= bare == "on";
        let last = sets.len() - 1;
        sets[if inside { last } else { 0 }].take(closed.unwrap_or(bare));
        inside &= closed.is_none();
    }
    is_on.then_some((name, sets))
}

/// Who may add to and who may read from the streams, of users that are limited to some; and the users that are not.
pub(super) fn flows(lines: &[String], streams: &[String]) -> (Vec<ObservedFlow>, Vec<String>) {
    let (mut flows, mut unlimited) = (Vec::new(), Vec::new());
    for (name, sets) in lines.iter().filter_map(|line| user(line)) {
        if sets.iter().any(|rules| rules.all_keys && (rules.adds || rules.reads)) {
            unlimited.push(name.to_owned());
            continue;
        }
        for stream in streams {
            for (direction, verb) in [(Direction::Sends, "add to"), (Direction::Receives, "read from")] {
                if sets.iter().any(|rules| rules.may(direction, stream)) {
                    flows.push(ObservedFlow {
                        who: name.to_owned(),
                        known_by: KnownBy::User,
                        clients: Vec::new(),
                        direction,
                        addresses: vec![stream.clone()],
                        seen_by: SeenBy::RedisAcl,
                        confidence: CONFIDENCE,
                        waiting: None,
                        remark: format!("user {name} may {verb} it"),
                    });
                }
            }
        }
    }
    (flows, unlimited)
}

#[cfg(test)]
mod tests {
    use super::flows;
    use crate::endpoint::inspect::Direction;

    #[test]
    fn permissions_are_by_command_and_key() {
        let lines = [
            "user default on nopass ~* &* +@all",
            "user web on #ab %W~orders* resetchannels -@all +xadd",
            "user billing on #ab %R~orders resetchannels -@all +@read (~invoices +xadd)",
            "user off off ~orders +@all",
            "user blind on ~orders -@all +get",
        ]
        .map(str::to_owned);
        let streams = ["orders", "orders.eu", "invoices"].map(str::to_owned);
        let (flows, unlimited) = flows(&lines, &streams);
        let shown: Vec<(&str, Direction, &str)> = flows
            .iter()
            .map(|flow| (flow.who.as_str(), flow.direction, flow.addresses[0].as_str()))
            .collect();
        let (sends, receives) = (Direction::Sends, Direction::Receives);
        assert_eq!(
            shown,
            [
                ("web", sends, "orders"),
                ("web", sends, "orders.eu"),
                ("billing", receives, "orders"),
                ("billing", sends, "invoices"),
            ]
        );
        assert_eq!(unlimited, ["default"]);
    }
}
