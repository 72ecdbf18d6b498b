//! What a RabbitMQ broker tells of itself: its greeting, and its management interface where that answers.

use std::time::Duration;

use super::connection::{CHANNEL, Connection};
use super::management::Management;
use super::settings::{Login, Settings, short};
use super::wire::method;
use crate::endpoint::inspect::{Direction, Inspect, NotObservable, Observed, ProbeReport, Why};
use crate::endpoint::{Address, BoxFuture, Credentials, EndpointError};

/// How long the management interface may take to tell what we may do.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connects once and says what answered.
pub(super) async fn probe(
    address: &Address,
    credentials: Option<&Credentials>,
    timeout: Duration,
) -> ProbeReport {
    let opened = match Settings::read(address, credentials, timeout) {
        Ok(settings) => Connection::open(&settings, ignore()).await.map(|connection| (settings, connection)),
        Err(error) => Err(error),
    };
    let (settings, mut connection) = match opened {
        Ok(opened) => opened,
        Err(error) => return ProbeReport::failed(address, &error),
    };
    let greeting = connection.greeting.clone();
    let mut report = ProbeReport::greeted(address, greeting.latency);
    let product = greeting.properties.text("product").unwrap_or_else(|| "an unnamed broker".to_owned());
    let version = greeting.properties.text("version").unwrap_or_default();
    report.server = Some(format!("{product} {version}").trim_end().to_owned());
    report.protocol = Some("AMQP 0-9-1".to_owned());
    if let Some(name) = greeting.properties.text("cluster_name") {
        report.fact("cluster", &name);
    }
    report.fact("virtual host", &settings.virtual_host_name());
    report.fact("login", &greeting.mechanism);
    report.fact("largest frame", &format!("{} bytes", greeting.frame_max));
    report.fact("signs of life", &format!("every {} s", greeting.heartbeat));
    match what_is_named(&settings, &mut connection).await {
        Ok(Some((name, value))) => report.fact(name, &value),
        Ok(None) => {}
        Err(error) => report.unusable(&error),
    }
    connection.close().await;
    if let Some(words) = own_permissions(&settings).await {
        report.fact("permissions", &words);
    }
    report
}

/// What our user may do, where the management interface answers and tells it to us.
async fn own_permissions(settings: &Settings) -> Option<String> {
    let Login::Plain(login) = &settings.login else {
        return None;
    };
    let management = Management::of(settings).ok()?;
    let virtual_host = settings.virtual_host_name();
    let asked = management.permissions(&login.username, &virtual_host);
    tokio::time::timeout(settings.connect_timeout.min(PATIENCE), asked).await.ok()?.ok()
}

/// The exchange or queue of the address, if it is there.
async fn what_is_named(
    settings: &Settings,
    connection: &mut Connection,
) -> Result<Option<(&'static str, String)>, EndpointError> {
    let timeout = settings.connect_timeout;
    if let Some(queue) = &settings.queue {
        let question = method::queue_exists(CHANNEL, &short(queue, "name of the queue")?);
        let waiting = match connection.call(question, timeout).await? {
            method::Method::QueueDeclareOk { messages, .. } => messages,
            _ => 0,
        };
        return Ok(Some(("queue", format!("{queue}, {waiting} events wait"))));
    }
    if settings.exchange.is_empty() {
        return Ok(None);
    }
    let question = method::exchange_exists(CHANNEL, &short(&settings.exchange, "exchange")?);
    connection.call(question, timeout).await?;
    Ok(Some(("exchange", settings.exchange.clone())))
}

/// Nothing arrives where nothing was asked for.
fn ignore() -> super::connection::Receiver {
    Box::new(|_| {})
}

/// A connection for questions about exchanges, queues and consumers.
#[derive(Debug)]
pub(super) struct AmqpInspector {
    settings: Settings,
    connection: Connection,
}

impl AmqpInspector {
    /// Connects.
    pub(super) async fn open(settings: Settings) -> Result<Self, EndpointError> {
        let connection = Connection::open(&settings, ignore()).await?;
        Ok(Self { settings, connection })
    }

    async fn ask(&self) -> Result<Observed, EndpointError> {
        if !self.connection.is_up() {
            return Err(self.connection.why_ended());
        }
        let management = Management::of(&self.settings)?;
        match management.topology(&self.settings.virtual_host_name()).await {
            Ok(observed) => Ok(observed),
            Err(error) if self.settings.management.is_some() => Err(error),
            Err(error) => {
                let words = format!(
                    "exchanges, queues and readers: {}; `management=URL` names another place",
                    error.message
                );
                let why = Why::Off;
                let unseen = |direction, words: &str| NotObservable::of(direction, why, words);
                let publishers = "publishers: shown on the management interface only";
                let not_observable =
                    vec![unseen(Direction::Receives, &words), unseen(Direction::Sends, publishers)];
                Ok(Observed { not_observable, ..Observed::default() })
            }
        }
    }
}

impl Inspect for AmqpInspector {
    fn topology(&mut self) -> BoxFuture<'_, Result<Observed, EndpointError>> {
        Box::pin(self.ask())
    }
}
