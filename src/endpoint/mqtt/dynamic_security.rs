//! What Mosquitto's dynamic security plugin tells of who may publish and subscribe, and how many its `$SYS` topics count. Asked
//! only where the address says so: the question is a message to a control topic.
//!
//! Commands and answers are those of <https://mosquitto.org/documentation/dynamic-security/>; only such that list are sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;

use super::message::Message;
use super::session::Session;
use super::settings::Subscription;
use crate::endpoint::EndpointError;
use crate::endpoint::inspect::{
    Allowed, Direction, KnownBy, NotObservable, Observed, ObservedFlow, SeenBy, Why,
};

/// Where questions are sent.
const QUESTION: &str = "$CONTROL/dynamic-security/v1";
/// Where the broker answers, to whoever asked and nobody else.
const ANSWER: &str = "$CONTROL/dynamic-security/v1/response";
/// All that is asked.
const COMMANDS: &str = r#"{"commands":[{"command":"listClients","verbose":true},{"command":"listGroups","verbose":true},{"command":"listRoles","verbose":true},{"command":"getDefaultACLAccess"}]}"#;
/// What the broker counts: topic, and of what.
const COUNTS: [(&str, &str); 2] = [
    ("$SYS/broker/clients/connected", "clients connected"),
    ("$SYS/broker/subscriptions/count", "subscriptions"),
];
/// How long an answer may take. A broker without the plugin never answers.
const PATIENCE: Duration = Duration::from_secs(5);
/// How sure a permission makes it, in hundredths.
const PERMITTED: u8 = 30;

#[derive(Deserialize)]
struct Answer {
    responses: Vec<Response>,
}

#[derive(Deserialize)]
struct Response {
    command: String,
    error: Option<String>,
    #[serde(default)]
    data: Told,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    clients: Vec<Client>,
    groups: Vec<Group>,
    roles: Vec<Role>,
    acls: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Client {
    username: Option<String>,
    clientid: Option<String>,
    disabled: bool,
    roles: Vec<RoleOf>,
    groups: Vec<GroupOf>,
}

#[derive(Deserialize)]
struct Group {
    groupname: String,
    #[serde(default)]
    roles: Vec<RoleOf>,
}

#[derive(Deserialize)]
struct Role {
    rolename: String,
    #[serde(default)]
    acls: Vec<Rule>,
}

#[derive(Deserialize)]
struct RoleOf {
    rolename: String,
    #[serde(default)]
    priority: i64,
}

#[derive(Deserialize)]
struct GroupOf {
    groupname: String,
    #[serde(default)]
    priority: i64,
}

/// One rule of a role, or, without a topic, what holds where no rule does.
#[derive(Deserialize)]
struct Rule {
    acltype: String,
    #[serde(default)]
    topic: String,
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    allow: bool,
}

impl Rule {
    fn direction(&self) -> Option<Direction> {
        match self.acltype.as_str() {
            "publishClientSend" => Some(Direction::Sends),
            "subscribe" | "subscribeLiteral" | "subscribePattern" => Some(Direction::Receives),
            _ => None,
        }
    }
}

/// Asks the plugin, and what the broker counts. What it does not tell is noted.
///
/// # Errors
/// When the connection is lost.
pub(super) async fn look(session: &mut Session, observed: &mut Observed) -> Result<(), EndpointError> {
    let deadline = Instant::now() + PATIENCE;
    let mut denied = None;
    for topic in COUNTS.iter().map(|(topic, _)| *topic).chain([ANSWER]) {
        let filter = topic.to_owned();
        session.settings.subscription = Some(Subscription { filter, qos: 0, retained: true });
        let subscribed = session.client.subscribe(&session.settings).await;
        if topic == ANSWER {
            denied = subscribed.err();
        }
    }
    if denied.is_none() {
        let payload = Bytes::from_static(COMMANDS.as_bytes());
        let question = Message { topic: QUESTION.into(), payload, qos: 1, ..Message::default() };
        let sent = session.client.publish(question).await?;
        denied = tokio::time::timeout_at(deadline, sent.wait()).await.ok().and_then(Result::err);
    }
    if let Some(error) = denied {
        let words = format!("permissions: the dynamic security plugin may not be asked: {error}");
        observed.not_observable.push(NotObservable::remark(Why::Denied, words));
        return Ok(());
    }
    let heard = listen(session, deadline).await?;
    count(&heard, observed);
    match heard.get(ANSWER) {
        Some(answer) => read(answer, observed),
        None => observed.not_observable.push(NotObservable::remark(
            Why::Unsupported,
            "permissions: no answer, so this broker has no dynamic security plugin, or this user may not ask it",
        )),
    }
    Ok(())
}

/// The last message of each topic until the answer is there or the time is over.
async fn listen(session: &Session, deadline: Instant) -> Result<BTreeMap<String, Bytes>, EndpointError> {
    let mut heard = BTreeMap::new();
    while !heard.contains_key(ANSWER) {
        let Ok(taken) = tokio::time::timeout_at(deadline, session.link.take()).await else { break };
        let events = taken?;
        if events.is_empty() {
            break;
        }
        heard.extend(
            events.into_iter().map(|event| (event.channel.into(), event.payload.unwrap_or_default())),
        );
    }
    Ok(heard)
}

fn count(heard: &BTreeMap<String, Bytes>, observed: &mut Observed) {
    let counts = COUNTS.iter().filter_map(|(topic, of)| {
        let text = std::str::from_utf8(heard.get(*topic)?).ok()?;
        Some(format!("{text} {of}"))
    });
    let counts: Vec<String> = counts.collect();
    if !counts.is_empty() {
        let words = format!("who they are: the broker counts {}", counts.join(" and "));
        observed.not_observable.push(NotObservable::remark(Why::Unsupported, words));
    }
}

/// Takes in an answer.
fn read(answer: &[u8], observed: &mut Observed) {
    let answer: Answer = match serde_json::from_slice(answer) {
        Ok(answer) => answer,
        Err(error) => {
            let words =
                format!("permissions: the answer of the dynamic security plugin cannot be read: {error}");
            observed.not_observable.push(NotObservable::remark(Why::Incomplete, words));
            return;
        }
    };
    let mut told = Told::default();
    for response in answer.responses {
        if let Some(error) = response.error {
            let words = format!("permissions: `{}` was refused: {error}", response.command);
            observed.not_observable.push(NotObservable::remark(Why::Denied, words));
        }
        told.clients.extend(response.data.clients);
        told.groups.extend(response.data.groups);
        told.roles.extend(response.data.roles);
        told.acls.extend(response.data.acls);
    }
    permissions(&told, observed);
}

fn permissions(told: &Told, observed: &mut Observed) {
    let mut unlimited: BTreeSet<&str> = BTreeSet::new();
    let mut known: BTreeSet<(&str, Direction, &str)> = BTreeSet::new();
    for client in told.clients.iter().filter(|client| !client.disabled) {
        let (who, known_by) = match (&client.username, &client.clientid) {
            (Some(name), _) => (name.as_str(), KnownBy::User),
            (None, Some(name)) => (name.as_str(), KnownBy::Client),
            (None, None) => continue,
        };
        let rules = told.rules_of(client);
        for (number, (rule, direction)) in rules.iter().enumerate() {
            let before = rules[..number].iter().filter(|(rule, of)| !rule.allow && of == direction);
            let except: Vec<(String, bool)> = before.map(|(rule, _)| (rule.topic.clone(), false)).collect();
            let is_forbidden = except.iter().any(|(topic, _)| *topic == rule.topic || topic == "#");
            // Topics of the broker itself carry no events.
            if !rule.allow || is_forbidden || rule.topic.starts_with('$') {
                continue;
            }
            if rule.topic == "#" {
                unlimited.insert(who);
            } else if known.insert((who, *direction, &rule.topic)) {
                let flow = permission(who, known_by, *direction, &rule.topic);
                observed.allowed.push(Allowed { flow, prefixed: false, except });
            }
        }
    }
    if !unlimited.is_empty() {
        let names: Vec<&str> = unlimited.into_iter().collect();
        let words = format!("permissions of clients that may use every topic: {}", names.join(", "));
        observed.not_observable.push(NotObservable::remark(Why::Unsupported, words));
    }
    let free = told.acls.iter().filter(|rule| rule.allow && rule.direction().is_some());
    let free: Vec<&str> = free.map(|rule| rule.acltype.as_str()).collect();
    if !free.is_empty() {
        let words =
            format!("permissions that every client has, unless a rule says otherwise: {}", free.join(", "));
        observed.not_observable.push(NotObservable::remark(Why::Unsupported, words));
    }
}

fn permission(who: &str, known_by: KnownBy, direction: Direction, topic: &str) -> ObservedFlow {
    let verb = if direction == Direction::Sends { "publish to" } else { "subscribe to" };
    ObservedFlow {
        who: who.to_owned(),
        known_by,
        clients: Vec::new(),
        direction,
        addresses: vec![topic.to_owned()],
        seen_by: SeenBy::MosquittoAcl,
        confidence: PERMITTED,
        waiting: None,
        remark: format!("client {who} may {verb} `{topic}`"),
    }
}

impl Told {
    /// The rules for a client about events, the one that counts first: its own roles before those of its groups, each by
    /// priority.
    fn rules_of(&self, client: &Client) -> Vec<(&Rule, Direction)> {
        let mut roles: Vec<&RoleOf> = sorted(&client.roles, |role| role.priority);
        for of in sorted(&client.groups, |group| group.priority) {
            let groups = self.groups.iter().filter(|group| group.groupname == of.groupname);
            roles.extend(groups.flat_map(|group| sorted(&group.roles, |role| role.priority)));
        }
        let all = roles.into_iter().flat_map(|of| {
            let role = self.roles.iter().find(|role| role.rolename == of.rolename);
            role.map(|role| sorted(&role.acls, |rule| rule.priority)).unwrap_or_default()
        });
        all.filter_map(|rule| Some((rule, rule.direction()?))).collect()
    }
}

/// The highest priority first, otherwise as they were.
fn sorted<T>(all: &[T], priority: impl Fn(&T) -> i64) -> Vec<&T> {
    let mut sorted: Vec<&T> = all.iter().collect();
    sorted.sort_by_key(|item| std::cmp::Reverse(priority(item)));
    sorted
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::endpoint::inspect::{Direction, Observed};

    #[test]
    fn the_rule_that_comes_first_counts() {
        let answer = r##"{"responses": [
          {"command": "listClients", "data": {"totalCount": 4, "clients": [
            {"username": "web", "roles": [{"rolename": "late", "priority": 1}, {"rolename": "shop", "priority": 5}]},
            {"username": "mail", "groups": [{"groupname": "readers"}]},
            {"username": "gone", "disabled": true, "roles": [{"rolename": "shop"}]},
            {"username": "admin", "roles": [{"rolename": "admin"}]}]}},
          {"command": "listGroups", "data": {"groups": [{"groupname": "readers", "roles": [{"rolename": "reader"}]}]}},
          {"command": "listRoles", "data": {"roles": [
            {"rolename": "shop", "acls": [
              {"acltype": "publishClientSend", "topic": "orders/#", "priority": 0, "allow": true},
              {"acltype": "publishClientSend", "topic": "orders/secret", "priority": 9, "allow": false}]},
            {"rolename": "late", "acls": [{"acltype": "publishClientSend", "topic": "orders/secret", "allow": true}]},
            {"rolename": "reader", "acls": [
              {"acltype": "subscribePattern", "topic": "orders/+", "allow": true},
              {"acltype": "publishClientReceive", "topic": "orders/+", "allow": true}]},
            {"rolename": "admin", "acls": [
              {"acltype": "publishClientSend", "topic": "$CONTROL/#", "allow": true},
              {"acltype": "subscribePattern", "topic": "#", "allow": true}]}]}},
          {"command": "getDefaultACLAccess", "error": "no"}]}"##;
        let mut observed = Observed::default();
        read(answer.as_bytes(), &mut observed);
        let shown: Vec<_> = observed
            .allowed
            .iter()
            .map(|allowed| {
                let except: Vec<&str> = allowed.except.iter().map(|(topic, _)| topic.as_str()).collect();
                (
                    allowed.flow.who.as_str(),
                    allowed.flow.direction,
                    allowed.flow.addresses[0].as_str(),
                    except,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("web", Direction::Sends, "orders/#", vec!["orders/secret"]),
                ("mail", Direction::Receives, "orders/+", vec![]),
            ]
        );
        let words: Vec<&str> = observed.not_observable.iter().map(|unseen| unseen.words.as_str()).collect();
        assert_eq!(
            words,
            [
                "permissions: `getDefaultACLAccess` was refused: no",
                "permissions of clients that may use every topic: admin",
            ]
        );
        read(b"{", &mut observed);
        assert!(observed.not_observable[2].words.contains("cannot be read"));
    }
}
