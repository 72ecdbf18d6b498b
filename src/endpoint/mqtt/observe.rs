//! What an MQTT broker tells of itself: its greeting, and the `$SYS` topics where it has them.

use std::time::{Duration, Instant};

use super::dynamic_security;
use super::session::Session;
use super::settings::{Settings, Subscription, Version};
use crate::endpoint::inspect::{Direction, Inspect, NotObservable, Observed, ProbeReport, Why};
use crate::endpoint::{Address, BoxFuture, Credentials, EndpointError};
use crate::event::Event;

/// How long `$SYS` topics, which are retained, may take to arrive.
const SYS_WAIT: Duration = Duration::from_millis(700);

/// Connects once and says what answered.
pub(super) async fn probe(
    address: &Address,
    credentials: Option<&Credentials>,
    timeout: Duration,
) -> ProbeReport {
    let mut settings = match Settings::for_probe(address, credentials, timeout) {
        Ok(settings) => settings,
        Err(error) => return ProbeReport::failed(address, &error),
    };
    settings.subscription = Some(Subscription { filter: "$SYS/broker/#".to_owned(), qos: 0, retained: true });
    let version = settings.version;
    let began = Instant::now();
    let session = match super::start(settings).await {
        Ok(session) => session,
        Err(error) => return ProbeReport::failed(address, &error),
    };
    let mut report = ProbeReport::greeted(address, began.elapsed());
    report.protocol = Some(match version {
        Version::V5 => "MQTT 5".to_owned(),
        Version::V3 => "MQTT 3.1.1".to_owned(),
    });
    for (name, value) in session.link.greeting_now().facts {
        report.fact(name, &value);
    }
    describe(&session, &mut report).await;
    leave(session).await;
    report
}

/// Adds what `$SYS` says.
async fn describe(session: &Session, report: &mut ProbeReport) {
    let said = system_topics(session).await;
    let text = |name: &str| said.iter().find(|event| event.channel == name).and_then(payload_text);
    report.server = text("$SYS/broker/version").map(str::to_owned);
    for (name, topic) in [
        ("clients connected", "$SYS/broker/clients/connected"),
        ("subscriptions", "$SYS/broker/subscriptions/count"),
        ("uptime", "$SYS/broker/uptime"),
    ] {
        if let Some(value) = text(topic) {
            report.fact(name, &value);
        }
    }
    if report.server.is_none() {
        report.fact("identity", &"not observable: the broker shows no `$SYS` topics to us");
    }
}

fn payload_text(event: &Event) -> Option<&str> {
    std::str::from_utf8(event.payload.as_deref()?).ok()
}

/// The retained `$SYS` topics; empty where there are none or we may not read them.
async fn system_topics(session: &Session) -> Vec<Event> {
    let mut said = Vec::new();
    let deadline = tokio::time::Instant::now() + SYS_WAIT;
    let subscribed = tokio::time::timeout_at(deadline, session.client.subscribe(&session.settings)).await;
    if !matches!(subscribed, Ok(Ok(()))) {
        return said;
    }
    while let Ok(Ok(taken)) = tokio::time::timeout_at(deadline, session.link.take()).await {
        let ended = taken.is_empty();
        said.extend(taken);
        // mosquitto sends the version among the first and the whole set at once.
        if ended || said.iter().any(|event| event.channel == "$SYS/broker/version") {
            break;
        }
    }
    said
}

async fn leave(mut session: Session) {
    session.link.leave();
    if session.client.disconnect(Duration::from_secs(1)).await.is_ok() {
        let _ = tokio::time::timeout(Duration::from_secs(2), &mut session.task).await;
    }
}

/// A connection for questions about the broker.
#[derive(Debug)]
pub(super) struct MqttInspector {
    session: Session,
}

impl MqttInspector {
    pub(super) fn new(session: Session) -> Self {
        Self { session }
    }
}

impl Inspect for MqttInspector {
    fn topology(&mut self) -> BoxFuture<'_, Result<Observed, EndpointError>> {
        Box::pin(async move {
            if !self.session.link.connected() {
                return Err(super::session::session_over());
            }
            let mut observed = Observed {
                not_observable: vec![
                    NotObservable::of(
                        Direction::Sends,
                        Why::Unsupported,
                        "topics and publishers: MQTT has no list of topics; `eddy tail` sees those in use",
                    ),
                    NotObservable::of(
                        Direction::Receives,
                        Why::Unsupported,
                        "readers: MQTT does not tell who subscribes to what",
                    ),
                ],
                ..Observed::default()
            };
            if self.session.settings.dynamic_security {
                dynamic_security::look(&mut self.session, &mut observed).await?;
            }
            Ok(observed)
        })
    }
}
