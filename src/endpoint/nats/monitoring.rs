//! The monitoring port of a NATS server over HTTP: which connections have subscribed to what.

use std::time::Duration;

use serde::Deserialize;

use crate::endpoint::inspect::{Direction, KnownBy, ObservedFlow, SeenBy};
use crate::endpoint::{EndpointError, EndpointErrorKind, mask};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections asked about at once.
const PAGE: usize = 1024;
/// Questions at most.
const PAGES: usize = 64;
/// Subjects of the client libraries and the server: inboxes, JetStream, services that answer for themselves.
const INTERNAL: [&str; 3] = ["_INBOX.", "$", "_R_."];

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    total: usize,
    #[serde(default)]
    connections: Vec<Client>,
}

#[derive(Debug, Deserialize)]
struct Client {
    #[serde(default)]
    cid: u64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    authorized_user: String,
    #[serde(default)]
    subscriptions_list_detail: Vec<Subscription>,
}

#[derive(Debug, Deserialize)]
struct Subscription {
    subject: String,
    #[serde(default)]
    qgroup: String,
}

/// What connections have subscribed to, and whether that is all of it.
///
/// # Errors
/// When the port does not answer, or not as a NATS server.
pub(super) async fn subscriptions(url: &str) -> Result<(Vec<ObservedFlow>, bool), EndpointError> {
    let shown = mask(url);
    let unusable = |cause: &dyn std::fmt::Display| {
        let message = format!("`monitor={shown}` cannot be used: {cause}");
        EndpointError::new(EndpointErrorKind::Unreachable, message).help(
            "nats-server opens its monitoring port with `-m 8222`; name it as `?monitor=http://HOST:8222`",
        )
    };
    let base = url::Url::parse(url).map_err(|cause| unusable(&cause))?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(unusable(&"it is not `http://` or `https://`"));
    }
    // A provider installed before, by a driver for another broker, is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .user_agent(concat!("eddy/", env!("CARGO_PKG_VERSION")))
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|cause| unusable(&cause))?;
    let mut flows = Vec::new();
    for number in 0..PAGES {
        let mut url = base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("connz");
        }
        url.set_query(Some(&format!("subs=detail&auth=true&limit={PAGE}&offset={}", number * PAGE)));
        let answer = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let answer = answer.map_err(|cause| unusable(&cause.without_url()))?;
        let bytes = answer.bytes().await.map_err(|cause| unusable(&cause.without_url()))?;
        let page: Page = serde_json::from_slice(&bytes).map_err(|cause| unusable(&cause))?;
        let done = page.connections.len() < PAGE || (number + 1) * PAGE >= page.total;
        flows.extend(page.connections.into_iter().flat_map(flows_of));
        if done {
            return Ok((flows, true));
        }
    }
    Ok((flows, false))
}

/// What a connection receives: known by its name, else by the queue group, else by its user.
fn flows_of(client: Client) -> Vec<ObservedFlow> {
    let own = |subject: &str| !INTERNAL.iter().any(|internal| subject.starts_with(internal));
    let Client { cid, name, authorized_user: user, subscriptions_list_detail: subscriptions } = client;
    let flow = |Subscription { subject, qgroup }| {
        let (who, known_by) = match (name.as_str(), qgroup.as_str(), user.as_str()) {
            ("", "", "") => (format!("connection {cid}"), KnownBy::Client),
            ("", "", user) => (user.to_owned(), KnownBy::User),
            ("", group, _) => (group.to_owned(), KnownBy::Group),
            (name, ..) => (name.to_owned(), KnownBy::Client),
        };
        let group = if qgroup.is_empty() { String::new() } else { format!(", queue group {qgroup}") };
        ObservedFlow {
            who,
            known_by,
            clients: Vec::new(),
            direction: Direction::Receives,
            addresses: vec![subject],
            seen_by: SeenBy::NatsSubscription,
            confidence: 95,
            waiting: None,
            remark: format!("connection {cid}{group}"),
        }
    };
    subscriptions.into_iter().filter(|subscription| own(&subscription.subject)).map(flow).collect()
}

#[cfg(test)]
mod tests {
    use super::{KnownBy, Page, flows_of};

    #[test]
    fn connections_are_known_by_what_they_say_of_themselves() {
        let page: Page = serde_json::from_str(
            r#"{"total": 3, "connections": [
                {"cid": 1, "name": "billing", "subscriptions_list_detail": [
                    {"subject": "orders.>", "sid": "1"}, {"subject": "_INBOX.x", "sid": "2"}]},
                {"cid": 2, "subscriptions_list_detail": [{"subject": "orders.a", "qgroup": "stock"}]},
                {"cid": 3, "authorized_user": "mail", "subscriptions_list_detail": [{"subject": "b"}]}]}"#,
        )
        .expect("as the server writes it");
        let flows: Vec<_> = page.connections.into_iter().flat_map(flows_of).collect();
        let known: Vec<_> =
            flows.iter().map(|flow| (flow.who.as_str(), flow.known_by, flow.addresses[0].as_str())).collect();
        let expected = [
            ("billing", KnownBy::Client, "orders.>"),
            ("stock", KnownBy::Group, "orders.a"),
            ("mail", KnownBy::User, "b"),
        ];
        assert_eq!(known, expected);
    }
}
