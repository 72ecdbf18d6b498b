//! What a Kafka cluster shows of who sends: open transactions, producers that partitions remember, and permissions of users.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use super::cluster::Topic;
use super::wire::{Answer, Kind, Question, Wire, garbled};
use crate::endpoint::Credentials;
use crate::endpoint::inspect::{Allowed, Direction, KnownBy, NotObservable, ObservedFlow, SeenBy, Why};

const DESCRIBE_ACLS: Kind = Kind { key: 29, version: 1, flexible: false };
const DESCRIBE_PRODUCERS: Kind = Kind { key: 61, version: 0, flexible: true };
const DESCRIBE_TRANSACTIONS: Kind = Kind { key: 65, version: 0, flexible: true };
const LIST_TRANSACTIONS: Kind = Kind { key: 66, version: 0, flexible: true };

/// Partitions asked about at most.
const PARTITIONS: usize = 20_000;
/// How sure a permission makes it, in hundredths.
const PERMITTED: u8 = 30;

/// What was found, and what could not be asked.
#[derive(Debug, Default)]
pub(super) struct Senders {
    pub(super) flows: Vec<ObservedFlow>,
    pub(super) allowed: Vec<Allowed>,
    pub(super) remarks: Vec<NotObservable>,
}

/// Whom a transactional id, or the lack of one, stands for.
#[derive(Debug, Default)]
struct Transactions {
    /// Transactional identifiers by the number of their producer.
    names: BTreeMap<i64, String>,
    /// Topics of transactions that are open.
    open: BTreeSet<(String, String)>,
}

/// Asks every broker of the cluster; nothing is changed there.
pub(super) fn ask(
    brokers: &[String],
    login: Option<&Credentials>,
    topics: &[Topic],
    timeout: Duration,
) -> Senders {
    let mut senders = Senders::default();
    let mut wires = Vec::new();
    for broker in brokers {
        match Wire::open(broker, login, timeout) {
            Ok(wire) => wires.push(wire),
            Err(error) => senders.incomplete(&format!("transactions and producers at `{broker}`"), &error),
        }
    }
    let mut transactions = Transactions::default();
    for wire in &mut wires {
        if let Err(error) = list(wire, &mut transactions) {
            senders.incomplete("transactions", &error);
        }
    }
    let mut writing: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    if topics.iter().map(|topic| topic.partitions.len()).sum::<usize>() > PARTITIONS {
        let words = format!("producers of partitions: there are more than {PARTITIONS} partitions");
        senders.remarks.push(NotObservable::remark(Why::Incomplete, words));
    } else {
        for wire in &mut wires {
            if let Err(error) = producers(wire, topics, &mut writing) {
                senders.incomplete("producers of partitions", &error);
            }
        }
    }
    senders.writers(&transactions, &writing);
    if let Some(wire) = wires.first_mut() {
        match permissions(wire) {
            Ok(Permissions::Rules(rules)) => senders.permitted(&rules, topics),
            Ok(Permissions::Off) => {}
            Ok(Permissions::Denied) => senders.remarks.push(NotObservable::remark(
                Why::Denied,
                "permissions: this user may not ask about them (`Describe` on the cluster)",
            )),
            Err(error) => senders.incomplete("permissions", &error),
        }
    }
    senders
}

impl Senders {
    fn incomplete(&mut self, what: &str, error: &io::Error) {
        self.remarks.push(NotObservable::remark(Why::Incomplete, format!("{what}: {error}")));
    }

    /// Transactions that are open, and those whose producer a partition remembers; other producers have no name.
    fn writers(&mut self, transactions: &Transactions, writing: &BTreeMap<String, BTreeSet<i64>>) {
        let mut known: BTreeMap<(String, String), (u8, &str)> = BTreeMap::new();
        for (topic, numbers) in writing {
            for name in numbers.iter().filter_map(|number| transactions.names.get(number)) {
                known.insert((name.clone(), topic.clone()), (85, "has written in transactions"));
            }
        }
        for pair in &transactions.open {
            known.insert(pair.clone(), (95, "has a transaction open"));
        }
        for ((name, topic), (confidence, verb)) in known {
            self.flows.push(ObservedFlow {
                remark: format!("transactional id {name} {verb}"),
                who: name,
                known_by: KnownBy::Client,
                clients: Vec::new(),
                direction: Direction::Sends,
                addresses: vec![topic],
                seen_by: SeenBy::KafkaTransaction,
                confidence,
                waiting: None,
            });
        }
        let nameless = |numbers: &BTreeSet<i64>| {
            numbers.iter().filter(|number| !transactions.names.contains_key(number)).count()
        };
        let written: Vec<String> = writing
            .iter()
            .map(|(topic, numbers)| (topic, nameless(numbers)))
            .filter(|(_, count)| *count > 0)
            .take(20)
            .map(|(topic, count)| format!("{topic} ({count})"))
            .collect();
        if !written.is_empty() {
            let words = format!(
                "names of producers that wrote lately, so many to each topic: {}",
                written.join(", ")
            );
            self.remarks.push(NotObservable::remark(Why::Unsupported, words));
        }
    }

    /// Who may send and receive, of users that are limited to some topics: at those that are there, and at others.
    fn permitted(&mut self, rules: &[Rule], topics: &[Topic]) {
        let mut unlimited: BTreeSet<&str> = BTreeSet::new();
        let mut permitted: BTreeSet<(&str, Direction, &str)> = BTreeSet::new();
        let mut elsewhere: BTreeSet<(&str, Direction, &str, bool)> = BTreeSet::new();
        for rule in rules.iter().filter(|rule| rule.allows) {
            if rule.name == "*" && !rule.prefixed {
                unlimited.insert(&rule.user);
                continue;
            }
            let about = topics.iter().filter(|topic| rule.is_about(&topic.name));
            let about: Vec<&Topic> = about.collect();
            for direction in rule.directions() {
                let denied: Vec<&Rule> = denials(rules, &rule.user, *direction).collect();
                for topic in &about {
                    if !denied.iter().any(|denied| denied.is_about(&topic.name)) {
                        permitted.insert((&rule.user, *direction, &topic.name));
                    }
                }
                let is_wholly_denied = denied.iter().any(|denied| denied.covers(rule));
                if !is_wholly_denied && (rule.prefixed || about.is_empty()) {
                    elsewhere.insert((&rule.user, *direction, &rule.name, rule.prefixed));
                }
            }
        }
        for (user, direction, topic) in permitted {
            self.flows.push(permission(user, direction, topic, "it"));
        }
        for (user, direction, name, prefixed) in elsewhere {
            let what = if prefixed { format!("topics that begin with `{name}`") } else { "it".to_owned() };
            let except = denials(rules, user, direction).map(Rule::reach).collect();
            let flow = permission(user, direction, name, &what);
            self.allowed.push(Allowed { flow, prefixed, except });
        }
        if !unlimited.is_empty() {
            let names: Vec<&str> = unlimited.into_iter().collect();
            let words = format!("permissions of users that may use every topic: {}", names.join(", "));
            self.remarks.push(NotObservable::remark(Why::Unsupported, words));
        }
    }
}

/// Rules that forbid a user what others may.
fn denials<'a>(rules: &'a [Rule], user: &'a str, direction: Direction) -> impl Iterator<Item = &'a Rule> {
    let is_about = move |rule: &&Rule| rule.user == user || rule.user == "*";
    let rules = rules.iter().filter(|rule| !rule.allows).filter(is_about);
    rules.filter(move |rule| rule.directions().contains(&direction))
}

fn permission(user: &str, direction: Direction, name: &str, what: &str) -> ObservedFlow {
    let verb = if direction == Direction::Sends { "write to" } else { "read from" };
    ObservedFlow {
        who: user.to_owned(),
        known_by: KnownBy::User,
        clients: Vec::new(),
        direction,
        addresses: vec![name.to_owned()],
        seen_by: SeenBy::KafkaAcl,
        confidence: PERMITTED,
        waiting: None,
        remark: format!("user {user} may {verb} {what}"),
    }
}

/// One rule about topics.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    name: String,
    prefixed: bool,
    user: String,
    /// 2 is every operation, 3 is read, 4 is write.
    operation: i8,
    allows: bool,
}

impl Rule {
    fn is_about(&self, topic: &str) -> bool {
        if self.prefixed { topic.starts_with(&self.name) } else { topic == self.name || self.name == "*" }
    }

    /// Whether all topics of another rule are topics of this one.
    fn covers(&self, other: &Self) -> bool {
        if other.prefixed {
            self.name == "*" || (self.prefixed && other.name.starts_with(&self.name))
        } else {
            self.is_about(&other.name)
        }
    }

    /// The topics it is about, and whether that is what their names begin with.
    fn reach(&self) -> (String, bool) {
        if self.name == "*" { (String::new(), true) } else { (self.name.clone(), self.prefixed) }
    }

    fn directions(&self) -> &'static [Direction] {
        match self.operation {
            2 => &[Direction::Sends, Direction::Receives],
            3 => &[Direction::Receives],
            4 => &[Direction::Sends],
            _ => &[],
        }
    }
}

enum Permissions {
    Rules(Vec<Rule>),
    /// The cluster asks nobody for permission.
    Off,
    Denied,
}

fn permissions(wire: &mut Wire) -> io::Result<Permissions> {
    // Topics (2) by any name and any pattern (1), of anybody, any operation (1), allowed or denied (1).
    let question = Question::default().byte(2).no_text().byte(1).no_text().no_text().byte(1).byte(1);
    let answer = wire.ask(DESCRIBE_ACLS, question)?;
    rules(&answer).ok_or_else(garbled)
}

fn rules(answer: &[u8]) -> Option<Permissions> {
    let mut rest = Answer(answer);
    rest.int()?;
    let code = rest.short()?;
    rest.text()?;
    match code {
        0 => {}
        54 => return Some(Permissions::Off),
        _ => return Some(Permissions::Denied),
    }
    let mut rules = Vec::new();
    for _ in 0..rest.items()? {
        rest.byte()?;
        let (name, pattern) = (rest.text()?, rest.byte()?);
        for _ in 0..rest.items()? {
            let user = rest.text()?;
            rest.text()?;
            let (operation, permission) = (rest.byte()?, rest.byte()?);
            rules.push(Rule {
                name: name.clone(),
                prefixed: pattern == 4,
                user: user.strip_prefix("User:").unwrap_or(&user).to_owned(),
                operation,
                allows: permission == 3,
            });
        }
    }
    Some(Permissions::Rules(rules))
}

fn list(wire: &mut Wire, transactions: &mut Transactions) -> io::Result<()> {
    let answer = wire.ask(LIST_TRANSACTIONS, Question::default().count(0).count(0).end())?;
    let names = listed(&answer).ok_or_else(garbled)?;
    if names.is_empty() {
        return Ok(());
    }
    let mut question = Question::default().count(names.len());
    for name in names.values() {
        question = question.compact(name);
    }
    let answer = wire.ask(DESCRIBE_TRANSACTIONS, question.end())?;
    transactions.open.extend(described(&answer).ok_or_else(garbled)?);
    transactions.names.extend(names);
    Ok(())
}

/// Transactional identifiers by the number of their producer.
fn listed(answer: &[u8]) -> Option<BTreeMap<i64, String>> {
    let mut rest = Answer(answer);
    rest.int()?;
    rest.short()?;
    for _ in 0..rest.count()? {
        rest.compact()?;
    }
    let mut names = BTreeMap::new();
    for _ in 0..rest.count()? {
        let (name, number) = (rest.compact()?, rest.long()?);
        rest.compact()?;
        rest.tags()?;
        names.insert(number, name);
    }
    Some(names)
}

/// Transactional identifiers with the topics of what they have open.
fn described(answer: &[u8]) -> Option<BTreeSet<(String, String)>> {
    let mut rest = Answer(answer);
    rest.int()?;
    let mut open = BTreeSet::new();
    for _ in 0..rest.count()? {
        rest.short()?;
        let name = rest.compact()?;
        rest.compact()?;
        rest.pass(4 + 8 + 8 + 2)?;
        for _ in 0..rest.count()? {
            let topic = rest.compact()?;
            for _ in 0..rest.count()? {
                rest.int()?;
            }
            rest.tags()?;
            if !topic.starts_with("__") {
                open.insert((name.clone(), topic));
            }
        }
        rest.tags()?;
    }
    Some(open)
}

/// Numbers of producers that the partitions led by a broker remember; partitions led by others are passed over there.
fn producers(
    wire: &mut Wire,
    topics: &[Topic],
    writing: &mut BTreeMap<String, BTreeSet<i64>>,
) -> io::Result<()> {
    let mut question = Question::default().count(topics.len());
    for topic in topics {
        question = question.compact(&topic.name).count(topic.partitions.len());
        for partition in &topic.partitions {
            question = question.int(*partition);
        }
        question = question.end();
    }
    let answer = wire.ask(DESCRIBE_PRODUCERS, question.end())?;
    for (topic, number) in remembered(&answer).ok_or_else(garbled)? {
        writing.entry(topic).or_default().insert(number);
    }
    Ok(())
}

fn remembered(answer: &[u8]) -> Option<Vec<(String, i64)>> {
    let mut rest = Answer(answer);
    rest.int()?;
    let mut found = Vec::new();
    for _ in 0..rest.count()? {
        let topic = rest.compact()?;
        for _ in 0..rest.count()? {
            rest.pass(4 + 2)?;
            rest.compact()?;
            for _ in 0..rest.count()? {
                found.push((topic.clone(), rest.long()?));
                rest.pass(4 + 4 + 8 + 4 + 8)?;
                rest.tags()?;
            }
            rest.tags()?;
        }
        rest.tags()?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::{Rule, Senders};
    use crate::endpoint::inspect::Direction;
    use crate::endpoint::kafka::cluster::Topic;

    #[test]
    fn prefixes_are_expanded_and_denials_count() {
        let rule = |name: &str, prefixed, user: &str, operation, allows| Rule {
            name: name.to_owned(),
            prefixed,
            user: user.to_owned(),
            operation,
            allows,
        };
        let rules = [
            rule("orders.", true, "web", 4, true),
            rule("orders.us", false, "web", 4, false),
            rule("invoices", false, "billing", 2, true),
            rule("*", false, "admin", 2, true),
            rule("orders.eu", false, "audit", 8, true),
            rule("refunds", false, "billing", 4, true),
            rule("invoices.", true, "audit", 3, true),
            rule("invoices", true, "*", 3, false),
        ];
        let topics: Vec<Topic> = ["orders.eu", "orders.us", "invoices"]
            .map(|name| Topic { name: name.to_owned(), partitions: vec![0] })
            .into();
        let mut senders = Senders::default();
        senders.permitted(&rules, &topics);
        let shown: Vec<(&str, Direction, &str)> = senders
            .flows
            .iter()
            .map(|flow| (flow.who.as_str(), flow.direction, flow.addresses[0].as_str()))
            .collect();
        let sends = Direction::Sends;
        assert_eq!(shown, [("billing", sends, "invoices"), ("web", sends, "orders.eu")]);
        let elsewhere = senders.allowed.iter().map(|allowed| {
            let flow = &allowed.flow;
            (
                flow.who.as_str(),
                flow.direction,
                flow.addresses[0].as_str(),
                allowed.prefixed,
                &allowed.except[..],
            )
        });
        let denied = [("orders.us".to_owned(), false)];
        assert_eq!(
            elsewhere.collect::<Vec<_>>(),
            [("billing", sends, "refunds", false, &[][..]), ("web", sends, "orders.", true, &denied[..])]
        );
        assert!(senders.remarks[0].words.ends_with("every topic: admin"));
    }
}
