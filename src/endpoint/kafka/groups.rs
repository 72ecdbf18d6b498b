//! Consumer groups of Kafka: who is in one, and which topics its members have subscribed to.

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::groups::{GroupInfo, GroupList};

use crate::endpoint::inspect::{Direction, KnownBy, ObservedFlow, SeenBy};

/// The consumer groups in a list, in order; others (of Connect and its like) have no positions in topics.
pub(super) fn consuming(groups: &GroupList) -> Vec<&GroupInfo> {
    let consuming = groups.groups().iter().filter(|group| matches!(group.protocol_type(), "consumer" | ""));
    let mut groups: Vec<&GroupInfo> = consuming.collect();
    groups.sort_unstable_by_key(|group| group.name());
    groups
}

/// What a group receives: the topics its members have subscribed to, and those it has left positions in, which `lags` has.
pub(super) fn flows(group: &GroupInfo, lags: &BTreeMap<String, u64>) -> Vec<ObservedFlow> {
    let mut topics: BTreeMap<String, BTreeSet<&str>> =
        lags.keys().map(|topic| (topic.clone(), BTreeSet::new())).collect();
    for member in group.members() {
        for topic in member.metadata().and_then(subscribed).unwrap_or_default() {
            topics.entry(topic).or_default().insert(member.client_id());
        }
    }
    let flow = |(topic, clients): (String, BTreeSet<&str>)| {
        let there = !clients.is_empty();
        let remark = match (there, group.members().len()) {
            (true, members) => {
                format!("group {}, {members} members, clients {}", group.name(), first(&clients))
            }
            (false, 0) => format!("group {} without members, with positions left", group.name()),
            (false, members) => format!(
                "group {}, {members} members, none subscribed to this topic, with positions left",
                group.name()
            ),
        };
        ObservedFlow {
            who: group.name().to_owned(),
            known_by: KnownBy::Group,
            clients: clients.iter().map(|&client| client.to_owned()).collect(),
            direction: Direction::Receives,
            seen_by: SeenBy::KafkaGroup,
            confidence: if there { 95 } else { 60 },
            waiting: lags.get(&topic).copied(),
            addresses: vec![topic],
            remark,
        }
    };
    topics.into_iter().filter(|(topic, _)| !topic.starts_with("__")).map(flow).collect()
}

/// The first few of some names.
fn first(names: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = names.iter().take(5).copied().collect();
    let more = if names.len() > shown.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// The topics in a member's subscription: a version, then an array of texts, each behind its length; `None` when it is
/// something else.
fn subscribed(metadata: &[u8]) -> Option<Vec<String>> {
    let mut rest = metadata.get(2..)?;
    let count = i32::from_be_bytes(take(&mut rest, 4)?.try_into().ok()?);
    let mut topics = Vec::new();
    for _ in 0..count {
        let length = i16::from_be_bytes(take(&mut rest, 2)?.try_into().ok()?);
        let topic = take(&mut rest, usize::try_from(length).ok()?)?;
        topics.push(std::str::from_utf8(topic).ok()?.to_owned());
    }
    Some(topics)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, more) = rest.split_at_checked(length)?;
    *rest = more;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::subscribed;

    #[test]
    fn a_subscription_is_read_and_odd_bytes_are_none() {
        let bytes = b"\0\x01\0\0\0\x02\0\x01a\0\x02bc\xff\xff\xff\xff";
        assert_eq!(subscribed(bytes), Some(vec!["a".to_owned(), "bc".to_owned()]));
        for odd in [
            &b""[..],
            b"\0",
            b"\0\x01\0\0\0\x02\0\x01a",
            b"\0\x01\x7f\xff\xff\xff",
            b"\0\0\0\0\0\x01\xff\xff",
        ] {
            assert_eq!(subscribed(odd), None, "{odd:?}");
        }
    }
}
