//! The embedded MQTT broker: a server inside this process for local work, demos and tests. It knows nothing of events.

use std::net::SocketAddr;
use std::path::PathBuf;

use mqtt5::broker::config::{BrokerConfig, StorageBackend, StorageConfig};
use mqtt5::broker::{BrokerShutdownHandle, MqttBroker};
use tokio::task::JoinHandle;

use super::{EndpointError, EndpointErrorKind};

pub use super::mqtt::SENDER_PROPERTY;

/// Most bytes kept for one absent subscriber; above it the oldest message goes.
const QUEUE_BYTES: usize = 1 << 31;
/// Events on their way to one connected subscriber before its publishers are slowed down.
const LANE_EVENTS: usize = 100_000;
/// Events sent to one subscriber and not yet acknowledged.
const OUTBOUND_WINDOW: u16 = 1_000;
/// Connections at the same time.
const CLIENTS: usize = 100_000;

/// A running broker; dropping it stops it as well.
pub struct EmbeddedBroker {
    address: SocketAddr,
    stop: BrokerShutdownHandle,
    task: Option<JoinHandle<mqtt5::Result<()>>>,
}

impl EmbeddedBroker {
    /// Serves MQTT 3.1.1 and 5 at `listen` (port 0 picks a free one) until shut down. With `data`, retained messages and
    /// sessions are kept in that directory; without, they end with the broker.
    ///
    /// # Errors
    /// [`EndpointErrorKind::Unsupported`] when the port is taken or may not be used, or `data` cannot be written.
    pub async fn start(listen: SocketAddr, data: Option<PathBuf>) -> Result<Self, EndpointError> {
        // The crate reports a taken port as several lines of advice; asking for the port first gives the plain reason.
        drop(std::net::TcpListener::bind(listen).map_err(|error| refused(listen, &error))?);
        let refused = |error: mqtt5::MqttError| refused(listen, &error);
        let mut broker = MqttBroker::with_config(config(listen, data)).await.map_err(refused)?;
        let address = broker.local_addr().unwrap_or(listen);
        let stop = broker.shutdown_handle();
        let mut ready = broker.ready_receiver();
        let mut task = tokio::spawn(async move { broker.run().await });
        tokio::select! {
            _ = ready.wait_for(|up| *up) => {}
            ended = &mut task => {
                let error = ended.unwrap_or_else(|broken| Err(mqtt5::MqttError::InvalidState(broken.to_string())));
                error.map_err(refused)?;
            }
        }
        Ok(Self { address, stop, task: Some(task) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection and waits until the port is free again.
    ///
    /// # Errors
    /// When the broker had failed before.
    pub async fn shutdown(mut self) -> Result<(), EndpointError> {
        self.stop.shutdown();
        let Some(task) = self.task.take() else {
            return Ok(());
        };
        let failed = |message: String| EndpointError::new(EndpointErrorKind::Disconnected, message);
        let ended = task.await.map_err(|broken| failed(format!("the embedded broker broke: {broken}")))?;
        ended.map_err(|error| failed(format!("the embedded broker ended: {error}")))
    }
}

fn refused(listen: SocketAddr, error: &dyn std::fmt::Display) -> EndpointError {
    EndpointError::new(EndpointErrorKind::Unsupported, format!("cannot serve at `{listen}`: {error}"))
        .help("choose another port with `--listen 127.0.0.1:PORT`; port 0 picks a free one")
}

impl std::fmt::Debug for EmbeddedBroker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "EmbeddedBroker({})", self.address)
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.stop.shutdown();
    }
}

/// The crate's own defaults drop queued messages after 10,000 although it has acknowledged them, and write into the
/// current directory.
fn config(listen: SocketAddr, data: Option<PathBuf>) -> BrokerConfig {
    let storage = match data {
        Some(directory) => {
            StorageConfig::default().with_backend(StorageBackend::File).with_base_dir(directory)
        }
        None => StorageConfig::default().with_backend(StorageBackend::Memory),
    };
    let storage =
        storage.with_max_queued_messages_per_client(usize::MAX).with_max_queued_bytes_per_client(QUEUE_BYTES);
    let mut config = BrokerConfig::default()
        .with_bind_address(listen)
        .with_max_clients(CLIENTS)
        .with_client_channel_capacity(LANE_EVENTS)
        .with_max_outbound_inflight(OUTBOUND_WINDOW)
        .with_storage(storage);
    config.sys_topics_enabled = false;
    config
}

#[cfg(test)]
mod tests {
    use super::EmbeddedBroker;

    #[tokio::test]
    async fn picks_a_port_names_a_taken_one_and_frees_it() {
        let free = "127.0.0.1:0".parse().unwrap();
        let broker = EmbeddedBroker::start(free, None).await.unwrap();
        let address = broker.address();
        assert_ne!(address.port(), 0);
        let error = EmbeddedBroker::start(address, None).await.unwrap_err();
        assert!(error.message.contains(&address.to_string()), "{error}");
        assert!(!error.message.contains('\n'), "{error}");
        broker.shutdown().await.unwrap();
        EmbeddedBroker::start(address, None).await.unwrap().shutdown().await.unwrap();
    }
}
