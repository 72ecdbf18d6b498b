//! What a NATS server says of us: user, account, permissions and, on the way, its time. The answer of `$SYS.REQ.USER.INFO`,
//! which every user may ask unless it was forbidden (nats-server 2.10 and later).

use std::time::Duration;

use serde::Deserialize;

use super::connection::Connection;
use super::failure;
use super::streams::matches;
use crate::endpoint::inspect::ProbeReport;
use crate::event::Timestamp;

/// How long the answer may take; an older server gives none.
const PATIENCE: Duration = Duration::from_secs(1);
const QUESTION: &str = "$SYS.REQ.USER.INFO";

#[derive(Debug, Deserialize)]
struct Answer {
    server: Server,
    data: User,
}

#[derive(Debug, Deserialize)]
struct Server {
    time: Option<String>,
}

/// Who we are to the server.
#[derive(Debug, Default, Deserialize)]
pub(super) struct User {
    #[serde(rename = "user")]
    name: Option<String>,
    account_name: Option<String>,
    permissions: Option<Permissions>,
}

#[derive(Debug, Default, Deserialize)]
struct Permissions {
    publish: Option<Subjects>,
    subscribe: Option<Subjects>,
}

#[derive(Debug, Default, Deserialize)]
struct Subjects {
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    deny: Vec<String>,
}

impl User {
    /// Whether we may publish to a subject.
    pub(super) fn may_publish(&self, subject: &str) -> bool {
        let Some(rules) = self.permissions.as_ref().and_then(|all| all.publish.as_ref()) else {
            return true;
        };
        let fits = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, subject));
        (rules.allow.is_empty() || fits(&rules.allow)) && !fits(&rules.deny)
    }
}

/// The answer to who we are; none where the server gives none, or we may not ask.
async fn answer(connection: &Connection) -> Option<async_nats::Message> {
    let question = async {
        let asked = connection.client.request(QUESTION, bytes::Bytes::new()).await;
        asked.map_err(|error| failure::request("tell who we are", &error, &connection.address))
    };
    tokio::time::timeout(PATIENCE, connection.unless_refused(QUESTION, question)).await.ok()?.ok()
}

/// Asks who we are; none where the server does not tell.
pub(super) async fn ask(connection: &Connection) -> Option<User> {
    let message = answer(connection).await?;
    Some(serde_json::from_slice::<Answer>(&message.payload).ok()?.data)
}

/// Asks, and adds the answer to the report; nothing where there is none.
pub(super) async fn describe(connection: &Connection, report: &mut ProbeReport) -> Option<User> {
    let asked = Timestamp::now();
    let Some(message) = answer(connection).await else {
        report.fact("permissions", &"not observable: the server does not tell us of our user");
        return None;
    };
    let answered = Timestamp::now();
    let answer = serde_json::from_slice::<Answer>(&message.payload).ok()?;
    if let Some(time) = answer.server.time.and_then(|text| text.parse::<Timestamp>().ok()) {
        report.clock(time, asked, answered);
    }
    let user = answer.data;
    if let Some(name) = user.name.as_ref().filter(|name| !name.is_empty()) {
        report.fact("user", name);
    }
    if let Some(account) = &user.account_name {
        report.fact("account", account);
    }
    let permissions = user.permissions.as_ref();
    report.fact("may publish to", &words(permissions.and_then(|all| all.publish.as_ref())));
    report.fact("may subscribe to", &words(permissions.and_then(|all| all.subscribe.as_ref())));
    Some(user)
}

fn words(subjects: Option<&Subjects>) -> String {
    let Some(subjects) = subjects else {
        return "everything".to_owned();
    };
    let allowed = if subjects.allow.is_empty() { "everything".to_owned() } else { subjects.allow.join(", ") };
    if subjects.deny.is_empty() {
        allowed
    } else {
        format!("{allowed}, but not {}", subjects.deny.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, words};

    #[test]
    fn permissions_are_told_in_words() {
        let text = r#"{"server": {"time": "2026-11-27T22:46:15.886498308Z"}, "data": {"user": "a", "account_name": "$G",
            "permissions": {"publish": {"allow": ["x.>"]}, "subscribe": {"deny": ["q"]}}}}"#;
        let answer: Answer = serde_json::from_str(text).expect("an answer");
        let permissions = answer.data.permissions.expect("permissions");
        assert_eq!(words(permissions.publish.as_ref()), "x.>");
        assert_eq!(words(permissions.subscribe.as_ref()), "everything, but not q");
        assert_eq!(words(None), "everything");
        let user = super::User { permissions: Some(permissions), ..super::User::default() };
        assert!(user.may_publish("x.y") && !user.may_publish("y") && super::User::default().may_publish("y"));
    }
}
