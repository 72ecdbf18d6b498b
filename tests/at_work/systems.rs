//! Every system with a channel that is ready to be read and written.

use std::path::Path;

use super::running::{Running, succeeds};
use super::support::servers::{Server, free_port, mosquitto, nats};
use super::support::{kafka, rabbitmq, redis};

/// The systems by name.
const NAMES: [&str; 7] = ["mqtt", "nats", "jetstream", "redis", "kafka", "amqp", "http"];

/// A running system and one channel of it.
pub struct System {
    pub name: &'static str,
    /// Where its events are read.
    pub source: String,
    /// Where they are sent.
    pub target: String,
    /// The server as a workspace names it.
    pub server: String,
    /// The channel as a contract names it.
    pub channel: String,
    pub carries_keys: bool,
    /// Events are kept and can be read again.
    pub has_a_past: bool,
    /// An event was needed to make the channel.
    pub begins_with_one: bool,
    _running: Option<Server>,
}

impl System {
    /// Starts it; `None` when its server is not installed.
    pub fn start(name: &str, channel: &str) -> Option<Self> {
        let name = NAMES.into_iter().find(|known| *known == name).expect("a known name");
        let (server, running) = match name {
            "mqtt" => started("mqtt", mosquitto(&[])?),
            "nats" => started("nats", nats(&[])?),
            "jetstream" => started("jetstream+nats", nats(&[])?),
            "redis" => started("redis", redis::redis(&[])?),
            "kafka" => (format!("kafka://127.0.0.1:{}", kafka::shared()?.port), None),
            "amqp" => (format!("amqp://127.0.0.1:{}/%2F/amq.topic", rabbitmq::rabbitmq()?.port), None),
            _ => (format!("http://127.0.0.1:{}", free_port()), None),
        };
        let place = if name == "amqp" { format!("?routing-key={channel}") } else { format!("/{channel}") };
        let target = format!("{server}{place}");
        match name {
            "kafka" => {
                let folder = std::env::temp_dir();
                succeeds(&folder, &["inject", &format!("{target}?create"), "--data", "first"]);
            }
            "jetstream" => make_stream(running.as_ref()?.port, channel),
            _ => {}
        }
        Some(Self {
            name,
            source: target.clone(),
            target,
            server,
            channel: channel.to_owned(),
            carries_keys: matches!(name, "redis" | "kafka" | "http"),
            has_a_past: matches!(name, "redis" | "kafka" | "jetstream"),
            begins_with_one: name == "kafka",
            _running: running,
        })
    }
}

impl System {
    /// What keeps a system with a past from beginning there.
    pub fn only_new(&self) -> &'static [&'static str] {
        if self.has_a_past { &["--range", "end"] } else { &[] }
    }

    /// A command that reads what comes from now on, in the background.
    pub fn watched(&self, folder: &Path, command: &str, more: &[&str]) -> Running {
        Running::start(folder, &[&[command, self.source.as_str()][..], more, self.only_new()].concat())
    }
}

fn started(scheme: &str, server: Server) -> (String, Option<Server>) {
    (format!("{scheme}://127.0.0.1:{}", server.port), Some(server))
}

fn make_stream(port: u16, subject: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = async_nats::connect(format!("127.0.0.1:{port}")).await.expect("connected");
        let stream = async_nats::jetstream::stream::Config {
            name: "ORDERS".to_owned(),
            subjects: vec![subject.to_owned()],
            ..Default::default()
        };
        async_nats::jetstream::new(client).create_stream(stream).await.expect("made");
    });
}

/// Does the same on every system at the same time, each in a directory of its own. What fails is named.
pub fn on_every_system(channel: &str, what: impl Fn(&System, &Path) + Sync) {
    let failed: Vec<&str> = std::thread::scope(|scope| {
        let one = |name: &'static str| {
            let what = &what;
            let run = move || {
                let Some(system) = System::start(name, channel) else { return };
                let folder = tempfile::tempdir().expect("a directory");
                what(&system, folder.path());
            };
            (name, scope.spawn(run))
        };
        let running: Vec<_> = NAMES.map(one).into();
        running.into_iter().filter_map(|(name, thread)| thread.join().is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "failed on {failed:?}, see above");
}
