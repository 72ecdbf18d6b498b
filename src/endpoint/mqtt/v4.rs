//! MQTT 3.1.1 on the wire: the only file that knows the types of its client crate for that version.

use std::sync::Arc;

use rumqttc_v4 as mqtt;
use tokio::task::JoinHandle;

use super::failure::{self, Refusal};
use super::message::{Message, Properties};
use super::session::{Backoff, Client, Greeting, Link, session_over};
use super::settings::{Settings, Subscription};
use super::{MAX_PACKET, REQUESTS};
use crate::endpoint::tls::client_config;
use crate::endpoint::{Address, EndpointError, EndpointErrorKind};

/// Messages under way at once: mosquitto without settings takes 20 of quality 2 and never answers more.
const IN_FLIGHT: u16 = 20;

/// Starts the task that drives the session.
pub(super) fn start(
    settings: &Settings,
    link: &Arc<Link>,
) -> Result<(Client, JoinHandle<()>), EndpointError> {
    let (client, mut event_loop) =
        mqtt::AsyncClient::builder(client_options(settings)?).capacity(REQUESTS).build();
    let mut network = mqtt::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(settings.connect_timeout.as_secs().max(1));
    event_loop.set_network_options(network);
    let drive = Drive { client: client.clone(), link: Arc::clone(link), settings: settings.clone() };
    Ok((Client::V4(client), tokio::spawn(drive.run(event_loop))))
}

fn client_options(settings: &Settings) -> Result<mqtt::MqttOptions, EndpointError> {
    let address = &settings.address;
    let mut options = mqtt::MqttOptions::new(&settings.client_id, (address.host.clone(), address.port));
    options
        .set_keep_alive(settings.keep_alive)
        .set_clean_session(settings.clean)
        .set_max_packet_size(MAX_PACKET as usize, MAX_PACKET as usize)
        .set_max_request_batch(256)
        .set_inflight(IN_FLIGHT);
    if let Some(found) = &settings.credentials {
        options.set_credentials(found.username.clone(), found.password.clone());
    }
    if address.tls {
        options.set_transport(mqtt::Transport::tls_with_config(tls(settings)?));
    }
    Ok(options)
}

fn tls(settings: &Settings) -> Result<mqtt::TlsConfiguration, EndpointError> {
    let config = client_config(settings.authorities.as_deref(), settings.identity.as_ref())?;
    Ok(mqtt::TlsConfiguration::Rustls(Arc::new(config)))
}

/// The task of one session.
struct Drive {
    client: mqtt::AsyncClient,
    link: Arc<Link>,
    settings: Settings,
}

impl Drive {
    async fn run(self, mut event_loop: mqtt::EventLoop) {
        let mut backoff = Backoff::new();
        loop {
            match event_loop.poll().await {
                Ok(mqtt::Event::Incoming(packet)) => {
                    if matches!(packet, mqtt::Packet::ConnAck(_)) {
                        backoff = Backoff::new();
                    }
                    self.incoming(packet);
                }
                Ok(mqtt::Event::Outgoing(_)) => {}
                Err(mqtt::ConnectionError::RequestsDone) => break,
                Err(error) => {
                    let error = self.explain(&error);
                    self.link.lost(error);
                    if self.settings.clean {
                        // The broker has forgotten the session: what was on its way is told to have failed at once.
                        event_loop.clean();
                        event_loop.drain_pending_as_failed(mqtt::NoticeFailureReason::SessionReset);
                    }
                    if self.link.leaving() {
                        break;
                    }
                    backoff.wait().await;
                }
            }
        }
        self.link.ended();
    }

    fn incoming(&self, packet: mqtt::Packet) {
        match packet {
            mqtt::Packet::ConnAck(greeting) => {
                let session_present = greeting.session_present;
                if self.link.greeted(Greeting::default()) && !session_present {
                    self.subscribe_again();
                }
            }
            mqtt::Packet::Publish(publish) => self.link.arrived(read_publish(publish)),
            _ => {}
        }
    }

    /// The broker has forgotten the subscription; asking must not wait in the task that sends the question.
    fn subscribe_again(&self) {
        let (client, link, settings) = (self.client.clone(), Arc::clone(&self.link), self.settings.clone());
        if settings.subscription.is_none() {
            return;
        }
        tokio::spawn(async move {
            if let Err(error) = Client::V4(client).subscribe(&settings).await {
                link.lost(error);
            }
        });
    }

    fn explain(&self, error: &mqtt::ConnectionError) -> EndpointError {
        use mqtt::ConnectionError as Error;
        let (address, connected) = (self.link.address(), self.link.connected());
        match error {
            Error::Io(error) => failure::socket(error, address, connected),
            Error::MqttState(error) => explain_state(error, address, connected),
            Error::NetworkTimeout | Error::FlushTimeout | Error::DisconnectTimeout => {
                failure::timeout(address)
            }
            Error::Tls(mqtt::TlsError::Io(error)) if error.kind() != std::io::ErrorKind::InvalidData => {
                failure::socket(error, address, connected)
            }
            Error::Tls(error) => failure::tls(&error.to_string(), address),
            Error::ConnectionRefused(code) => explain_refusal(*code, &self.settings),
            Error::SessionStateMismatch { .. } => failure::foreign_session(address),
            other => failure::protocol(&other.to_string(), address, connected),
        }
    }
}

fn explain_state(error: &mqtt::StateError, address: &Address, connected: bool) -> EndpointError {
    use mqtt::StateError as Error;
    match error {
        Error::Io(error) => failure::socket(error, address, connected),
        Error::ConnectionAborted => failure::closed(address, connected),
        Error::AwaitPingResp => failure::timeout(address),
        other => failure::protocol(&other.to_string(), address, connected),
    }
}

fn explain_refusal(code: mqtt::ConnectReturnCode, settings: &Settings) -> EndpointError {
    use mqtt::ConnectReturnCode as Code;
    let kind = match code {
        Code::BadUserNamePassword => Refusal::Credentials,
        Code::NotAuthorized => Refusal::Forbidden,
        Code::RefusedProtocolVersion => Refusal::Version,
        Code::BadClientId => Refusal::ClientId,
        Code::ServiceUnavailable => Refusal::Busy,
        Code::Success => Refusal::Other,
    };
    failure::refusal(kind, &format!("{code:?}"), settings)
}

fn read_publish(publish: mqtt::Publish) -> Message {
    Message {
        topic: String::from_utf8_lossy(&publish.topic).into(),
        payload: publish.payload,
        qos: publish.qos as u8,
        retain: publish.retain,
        duplicate: publish.dup,
        properties: Properties::default(),
    }
}

fn quality(qos: u8) -> mqtt::QoS {
    match qos {
        0 => mqtt::QoS::AtMostOnce,
        1 => mqtt::QoS::AtLeastOnce,
        _ => mqtt::QoS::ExactlyOnce,
    }
}

/// Hands a message to the session.
pub(super) async fn publish(
    client: &mqtt::AsyncClient,
    message: Message,
) -> Result<mqtt::PublishNotice, EndpointError> {
    let options = mqtt::PublishOptions::new(quality(message.qos)).retain(message.retain);
    client.publish_tracked(message.topic.into_string(), message.payload, options).await.map_err(|error| {
        match error {
            mqtt::ClientError::InvalidRequest(_) => {
                failure::publish_refused(EndpointErrorKind::Rejected, "the topic is empty or not allowed")
            }
            _ => session_over(),
        }
    })
}

/// Subscribes and waits for the broker's word.
pub(super) async fn subscribe(
    client: &mqtt::AsyncClient,
    subscription: &Subscription,
    address: &Address,
) -> Result<(), EndpointError> {
    let refused = |reason: &str| failure::subscription_refused(&subscription.filter, reason, address);
    let notice = match client.subscribe_tracked(&subscription.filter, quality(subscription.qos)).await {
        Ok(notice) => notice,
        Err(mqtt::ClientError::InvalidRequest(_)) => return Err(refused("the filter is not well formed")),
        Err(_) => return Err(session_over()),
    };
    let answer = notice.wait_async().await.map_err(|_| failure::session_reset())?;
    let failed = answer.return_codes.contains(&mqtt::SubscribeReasonCode::Failure);
    if failed { Err(refused("the broker gives no reason")) } else { Ok(()) }
}

/// Waits for the broker's word on one message.
pub(super) async fn receipt(notice: mqtt::PublishNotice) -> Result<(), EndpointError> {
    use mqtt::PublishNoticeError as Error;
    match notice.wait_async().await {
        Ok(_) => Ok(()),
        Err(Error::Recv | Error::SessionReset | Error::Qos0NotFlushed) => Err(failure::session_reset()),
        Err(other) => Err(failure::publish_refused(EndpointErrorKind::Rejected, &other.to_string())),
    }
}
