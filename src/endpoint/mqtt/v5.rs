//! MQTT 5 on the wire: the only file that knows the types of its client crate for that version.

use std::sync::Arc;

use rumqttc_v5 as mqtt;
use tokio::task::JoinHandle;

use super::failure::{self, Refusal};
use super::message::{Message, Properties};
use super::session::{Backoff, Client, Greeting, Link, session_over};
use super::settings::{Settings, Subscription};
use super::{MAX_PACKET, REQUESTS, wire};
use crate::endpoint::tls::client_config;
use crate::endpoint::{Address, EndpointError, EndpointErrorKind};

/// Starts the task that drives the session.
pub(super) fn start(
    settings: &Settings,
    link: &Arc<Link>,
) -> Result<(Client, JoinHandle<()>), EndpointError> {
    let (client, event_loop) =
        mqtt::AsyncClient::builder(client_options(settings)?).capacity(REQUESTS).build();
    let drive = Drive { client: client.clone(), link: Arc::clone(link), settings: settings.clone() };
    Ok((Client::V5(client), tokio::spawn(drive.run(event_loop))))
}

fn client_options(settings: &Settings) -> Result<mqtt::MqttOptions, EndpointError> {
    let address = &settings.address;
    let mut options = mqtt::MqttOptions::new(&settings.client_id, (address.host.clone(), address.port));
    options
        .set_keep_alive(settings.keep_alive)
        .set_clean_start(settings.clean)
        .set_connect_timeout(settings.connect_timeout)
        .set_max_packet_size(Some(MAX_PACKET))
        .set_outgoing_inflight_upper_limit(super::IN_FLIGHT)
        .set_max_request_batch(256);
    if !settings.clean {
        options.set_session_expiry_interval(Some(wire::SESSION_EXPIRY));
    }
    if settings.subscription.is_some() {
        // A new process comes back for what the broker kept for it; the subscription stands there already.
        options.set_broker_session_resume_policy(mqtt::BrokerSessionResumePolicy::AllowBrokerOnly);
    }
    if let Some(found) = &settings.credentials {
        options.set_credentials(found.username.clone(), found.password.clone());
    }
    if address.tls {
        options.set_transport(mqtt::Transport::tls_with_config(tls(settings)?));
    }
    let mut network = mqtt::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
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
                Ok(_) => {}
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
                let resumed = greeting.session_present;
                if self.link.greeted(read_greeting(greeting)) && !resumed {
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
            if let Err(error) = Client::V5(client).subscribe(&settings).await {
                link.lost(error);
            }
        });
    }

    fn explain(&self, error: &mqtt::ConnectionError) -> EndpointError {
        use mqtt::ConnectionError as Error;
        let (address, connected) = (self.link.address(), self.link.connected());
        match error {
            Error::Io(error) => failure::socket(error, address, connected),
            Error::MqttState(error) => explain_state(error, &self.settings, connected),
            Error::Timeout(_) | Error::DisconnectTimeout => failure::timeout(address),
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

fn explain_state(error: &mqtt::StateError, settings: &Settings, connected: bool) -> EndpointError {
    use mqtt::{DisconnectReasonCode as Reason, StateError as Error};
    let address = &settings.address;
    match error {
        Error::Io(error) => failure::socket(error, address, connected),
        Error::ConnectionAborted => failure::closed(address, connected),
        Error::ConnFail { reason } => explain_refusal(*reason, settings),
        Error::AwaitPingResp => failure::timeout(address),
        Error::ServerDisconnect { reason_code, reason_string } => {
            let kind = match reason_code {
                Reason::NotAuthorized => EndpointErrorKind::Unauthorised,
                Reason::PacketTooLarge => EndpointErrorKind::TooLarge,
                Reason::SessionTakenOver => EndpointErrorKind::Rejected,
                _ => EndpointErrorKind::Disconnected,
            };
            let more = reason_string.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
            let message = format!("`{address}` ended the connection ({reason_code:?}{more})");
            let ended = EndpointError::new(kind, message);
            if *reason_code == Reason::SessionTakenOver {
                failure::named_by_another(ended, address)
            } else {
                ended
            }
        }
        other => failure::protocol(&other.to_string(), address, connected),
    }
}

fn explain_refusal(code: mqtt::ConnectReturnCode, settings: &Settings) -> EndpointError {
    use mqtt::ConnectReturnCode as Code;
    let kind = match code {
        Code::BadUserNamePassword | Code::BadAuthenticationMethod => Refusal::Credentials,
        Code::NotAuthorized | Code::Banned => Refusal::Forbidden,
        Code::RefusedProtocolVersion | Code::UnsupportedProtocolVersion => Refusal::Version,
        Code::BadClientId | Code::ClientIdentifierNotValid => Refusal::ClientId,
        Code::ServiceUnavailable
        | Code::ServerUnavailable
        | Code::ServerBusy
        | Code::ConnectionRateExceeded => Refusal::Busy,
        _ => Refusal::Other,
    };
    failure::refusal(kind, &format!("{code:?}"), settings)
}

fn read_greeting(greeting: mqtt::ConnAck) -> Greeting {
    let Some(found) = greeting.properties else {
        return Greeting::default();
    };
    let mut facts = Vec::new();
    let mut note = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    let yes_no = |flag: u8| if flag == 0 { "no" } else { "yes" }.to_owned();
    note("receive maximum", found.receive_max.map(|count| count.to_string()));
    note("largest packet", found.max_packet_size.map(|bytes| format!("{bytes} bytes")));
    note("highest QoS", found.max_qos.map(|qos| qos.to_string()));
    note("retained messages", found.retain_available.map(yes_no));
    note("wildcard subscriptions", found.wildcard_subscription_available.map(yes_no));
    note("shared subscriptions", found.shared_subscription_available.map(yes_no));
    note("topic alias maximum", found.topic_alias_max.map(|count| count.to_string()));
    note("server keep alive", found.server_keep_alive.map(|seconds| format!("{seconds} s")));
    Greeting { max_packet: found.max_packet_size, facts }
}

fn read_publish(publish: mqtt::Publish) -> Message {
    let found = publish.properties.unwrap_or_default();
    Message {
        topic: String::from_utf8_lossy(&publish.topic).into(),
        payload: publish.payload,
        qos: publish.qos as u8,
        retain: publish.retain,
        duplicate: publish.dup,
        properties: Properties {
            content_type: found.content_type,
            response_topic: found.response_topic,
            correlation_data: found.correlation_data,
            message_expiry_interval: found.message_expiry_interval,
            payload_format_indicator: found.payload_format_indicator,
            subscription_identifiers: found.subscription_identifiers,
            user: found.user_properties,
        },
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
    let found = message.properties;
    let properties = mqtt::PublishProperties {
        payload_format_indicator: found.payload_format_indicator,
        message_expiry_interval: found.message_expiry_interval,
        topic_alias: None,
        response_topic: found.response_topic,
        correlation_data: found.correlation_data,
        user_properties: found.user,
        subscription_identifiers: Vec::new(),
        content_type: found.content_type,
    };
    let options =
        mqtt::PublishOptions::new(quality(message.qos)).retain(message.retain).properties(properties);
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
    let retained = if subscription.retained {
        mqtt::RetainForwardRule::OnEverySubscribe
    } else {
        mqtt::RetainForwardRule::Never
    };
    let filter = mqtt::SubscribeFilterInput::new(&subscription.filter, quality(subscription.qos))
        .preserve_retain(true)
        .retain_forward_rule(retained);
    let refused = |reason: &str| failure::subscription_refused(&subscription.filter, reason, address);
    let notice = match client.subscribe_many_tracked([filter]).await {
        Ok(notice) => notice,
        Err(mqtt::ClientError::InvalidRequest(_)) => return Err(refused("the filter is not well formed")),
        Err(_) => return Err(session_over()),
    };
    let answer = notice.wait_async().await.map_err(|_| failure::session_reset())?;
    let failed =
        answer.return_codes.iter().find(|code| !matches!(code, mqtt::SubscribeReasonCode::Success(_)));
    failed.map_or(Ok(()), |code| Err(refused(&format!("{code:?}"))))
}

/// Waits for the broker's word on one message.
pub(super) async fn receipt(notice: mqtt::PublishNotice) -> Result<(), EndpointError> {
    use mqtt::{PublishNoticeError as Error, PublishResult as Outcome};
    match notice.wait_async().await {
        Ok(Outcome::Qos0Flushed | Outcome::Qos2Completed(_)) => Ok(()),
        Ok(Outcome::Qos1(answer)) => judge(answer.reason as u8, &format!("{:?}", answer.reason)),
        Ok(Outcome::Qos2PubRecRejected(answer)) => {
            judge(answer.reason as u8, &format!("{:?}", answer.reason))
        }
        Err(Error::Recv | Error::SessionReset | Error::Qos0NotFlushed) => Err(failure::session_reset()),
        Err(other) => Err(failure::publish_refused(EndpointErrorKind::Rejected, &other.to_string())),
    }
}

/// Reason codes below 128 are a yes, section 2.4 of the specification.
fn judge(reason: u8, words: &str) -> Result<(), EndpointError> {
    const NOT_AUTHORISED: u8 = 135;
    match reason {
        0..=127 => Ok(()),
        NOT_AUTHORISED => Err(failure::publish_refused(EndpointErrorKind::Unauthorised, words)),
        _ => Err(failure::publish_refused(EndpointErrorKind::Rejected, words)),
    }
}
