//! Events into an MQTT broker over a session that begins and ends with its connection: many under way at once, each with
//! its receipt.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::connection::{Greeted, greet, say_goodbye};
use super::message::Message;
use super::packet::Limits;
use super::settings::{Settings, Version};
use super::{CAPABILITIES_3, CAPABILITIES_5, MAX_PACKET, failure, wire};
use crate::endpoint::facts::{ChannelFacts, TargetFacts};
use crate::endpoint::halt::Halt;
use crate::endpoint::open_batch::{LastReceipt, OpenBatch};
use crate::endpoint::{
    BoxFuture, Capabilities, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions,
};
use crate::event::Event;

mod flights;
mod task;

use flights::{Flight, Flights};
use task::{Item, Part, State, Task};

/// Messages under way at once, unless the broker takes fewer.
const UNDER_WAY: u16 = 1024;
/// Messages under way at once where the broker cannot say how many it takes, which is version 3.1.1.
const UNDER_WAY_UNTOLD: u16 = 200;
/// Messages of quality 2 under way at once where the broker cannot say how many it takes: mosquitto without settings takes
/// 20 and drops more without a word.
const UNDER_WAY_EXACTLY_ONCE: u16 = 20;
/// Bytes handed to the connection at once, roughly.
const PART: usize = 128 * 1024;
/// Parts that wait for the connection.
const WAITING_PARTS: usize = 4;

/// A publisher. What was not acknowledged when the connection broke is reported as disconnected, and the next batch makes
/// a new connection.
#[derive(Debug)]
pub(super) struct Publisher {
    settings: Settings,
    receipt_timeout: Duration,
    link: Option<Link>,
    halt: Halt,
    last: Arc<LastReceipt>,
}

/// A connection and the task that works on it.
#[derive(Debug)]
struct Link {
    parts: mpsc::Sender<Part>,
    limits: Limits,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Connects.
    ///
    /// # Errors
    /// When the broker cannot be reached or does not let us in.
    pub(super) async fn open(settings: Settings, options: &SinkOptions) -> Result<Self, EndpointError> {
        let link = Some(Link::open(&settings).await?);
        let receipt_timeout = options.receipt_timeout;
        Ok(Self { settings, receipt_timeout, link, halt: Halt::default(), last: Arc::default() })
    }

    /// A connection that stands, made anew after a loss once the caller has seen what failed.
    async fn link(&mut self) -> Result<&Link, EndpointError> {
        self.halt.admit(&self.settings.address)?;
        let link = if let Some(link) = self.link.take().filter(|link| !link.parts.is_closed()) {
            link
        } else {
            self.halt.may_connect(&self.settings.address)?;
            self.halt.connected(Link::open(&self.settings).await)?
        };
        Ok(self.link.insert(link))
    }

    async fn hand_over_batch(&mut self, events: &[Event]) -> Receipts {
        let (batch, receipts) = OpenBatch::new(events.len(), self.receipt_timeout, &self.last);
        let settings = self.settings.clone();
        let mut next = 0;
        let handed = match self.link().await {
            Ok(link) => link.hand_over(&settings, events, &batch, &mut next).await,
            Err(error) => Err(error),
        };
        if let Err(error) = handed {
            for index in next..events.len() {
                batch.settle(index, Err(error.clone()));
            }
        }
        receipts
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        if let Some(Link { parts, task, .. }) = self.link.take() {
            // Nobody hands anything over any more: the task says goodbye once everything has its receipt.
            drop(parts);
            let _ = tokio::time::timeout(self.receipt_timeout, task).await;
        }
        Ok(())
    }
}

impl Link {
    async fn open(settings: &Settings) -> Result<Self, EndpointError> {
        let Greeted { stream, limits, arrived, .. } = greet(settings, true).await?;
        let (reader, writer) = tokio::io::split(stream);
        let (sender, parts) = mpsc::channel(WAITING_PARTS);
        let (most, exact) = match settings.version {
            Version::V3 => (UNDER_WAY_UNTOLD, UNDER_WAY_EXACTLY_ONCE),
            Version::V5 => {
                let most = limits.receive_maximum.unwrap_or(u16::MAX).clamp(1, UNDER_WAY);
                (most, most)
            }
        };
        let task = Task {
            address: settings.address.clone(),
            version: settings.version,
            reader,
            writer,
            arrived,
            parts,
            flights: Flights::new(most, exact),
            keep_alive: limits.keep_alive.unwrap_or(settings.keep_alive),
            state: State::default(),
        };
        Ok(Self { parts: sender, limits, task: tokio::spawn(task.run()) })
    }

    /// Hands events over from `next` on, which counts along.
    async fn hand_over(
        &self,
        settings: &Settings,
        events: &[Event],
        batch: &Arc<OpenBatch>,
        next: &mut usize,
    ) -> Result<(), EndpointError> {
        while *next < events.len() {
            let mut part = Part::default();
            while *next < events.len() && part.bytes.len() < PART {
                if let Err(error) = self.add(settings, &events[*next], (batch, *next), &mut part) {
                    batch.settle(*next, Err(error));
                }
                *next += 1;
            }
            if let Err(mpsc::error::SendError(part)) = self.parts.send(part).await {
                let lost = failure::session_reset();
                part.fail(&lost);
                return Err(lost);
            }
        }
        Ok(())
    }

    /// Appends the message of an event to a part.
    fn add(
        &self,
        settings: &Settings,
        event: &Event,
        (batch, index): (&Arc<OpenBatch>, usize),
        part: &mut Part,
    ) -> Result<(), EndpointError> {
        let message = Message::from_event(event, settings)?;
        self.limits.admit(&message)?;
        let begin = part.bytes.len();
        let number_at = wire::put_message(&mut part.bytes, &message, settings.version);
        let size = part.bytes.len() - begin;
        let limit = self.limits.largest_packet.unwrap_or(MAX_PACKET).min(MAX_PACKET);
        if size > usize::try_from(limit).unwrap_or(usize::MAX) {
            part.bytes.truncate(begin);
            return Err(failure::too_large(size, limit));
        }
        let flight = Flight { batch: Arc::clone(batch), index, quality: message.qos };
        part.items.push_back(Item { flight, end: part.bytes.len(), number_at });
        Ok(())
    }
}

impl Limits {
    /// Refuses what the broker said it does not take: sending it would end the connection.
    fn admit(&self, message: &Message) -> Result<(), EndpointError> {
        let refused = |reason: &str| failure::publish_refused(EndpointErrorKind::Unsupported, reason);
        match self.highest_quality {
            Some(highest) if message.qos > highest => Err(refused("it takes no QoS that high")
                .help(format!("send at the quality it takes: `qos={highest}` in the address"))),
            _ if message.retain && self.refuses_retained => {
                Err(refused("it keeps no retained messages").help("`retain=false` in the address"))
            }
            _ => Ok(()),
        }
    }
}

/// Has the broker forget what an earlier process began with the same client id: it would take a message of quality 2 with the
/// number of one that was never brought to its end for that one and drop it, and such messages fill the places for those
/// under way for ever (MQTT 3.1.1, section 4.3.3; MQTT 5, section 4.3.3).
///
/// # Errors
/// When the broker cannot be reached or does not let us in.
pub(super) async fn forget_session(settings: &Settings) -> Result<(), EndpointError> {
    say_goodbye(greet(settings, true).await?.stream).await;
    Ok(())
}

/// Bytes of a packet around topic and payload, at most: its length, its number and the length of its properties.
const AROUND: u64 = 13;

/// What the broker says in its greeting of what it takes.
///
/// # Errors
/// When the broker cannot be reached or does not let us in.
pub(super) async fn target_facts(
    settings: Settings,
    channels: &[&str],
) -> Result<TargetFacts, EndpointError> {
    let Greeted { stream, limits, .. } = greet(&settings, true).await?;
    say_goodbye(stream).await;
    let path = settings.address.path.as_str();
    let topics = if path.is_empty() { channels.to_vec() } else { vec![path] };
    let largest = |topic: &str| {
        let packet = u64::from(limits.largest_packet?);
        Some(packet.saturating_sub(AROUND + topic.len() as u64))
    };
    Ok(TargetFacts {
        cluster: None,
        channels: topics
            .into_iter()
            .map(|topic| ChannelFacts { largest_event: largest(topic), ..ChannelFacts::unknown(topic) })
            .collect(),
        not_told: vec!["permissions and topics: MQTT has no question for them".to_owned()],
    })
}

impl Sink for Publisher {
    fn capabilities(&self) -> Capabilities {
        match self.settings.version {
            Version::V5 => CAPABILITIES_5,
            Version::V3 => CAPABILITIES_3,
        }
    }

    fn last_receipt(&self) -> Option<std::time::Instant> {
        self.last.at()
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        Box::pin(self.hand_over_batch(batch))
    }

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        self.halt.lift(self.link.as_ref().is_none_or(|link| link.parts.is_closed()));
        Box::pin(std::future::ready(()))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
