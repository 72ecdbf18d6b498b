//! Events into an AMQP broker: published in order on one channel, each confirmed by itself, many under way at once.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::connection::{CHANNEL, Connection, Incoming};
use super::settings::{Settings, short};
use super::window::{Flight, Window};
use super::wire::{ShortText, method};
use super::{CAPABILITIES, failure, message};
use crate::endpoint::halt::Halt;
use crate::endpoint::open_batch::{LastReceipt, OpenBatch};
use crate::endpoint::{
    BoxFuture, Capabilities, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions,
};
use crate::event::Event;

/// Bytes handed to the socket at once, roughly.
const PART: usize = 256 * 1024;
/// Bytes of a content header besides its properties.
const CONTENT_HEADER: usize = 12;

/// A publisher.
#[derive(Debug)]
pub(super) struct AmqpSink {
    settings: Settings,
    receipt_timeout: Duration,
    exchange: ShortText,
    link: Option<Link>,
    halt: Halt,
    last: Arc<LastReceipt>,
    /// The largest event the server takes, once it has said so: by ending the channel over a larger one.
    largest: Option<usize>,
}

/// A connection and what is under way on it.
#[derive(Debug)]
struct Link {
    connection: Connection,
    window: Arc<Window>,
}

/// An event as it goes out.
struct Prepared {
    routing_key: ShortText,
    properties: Bytes,
    body: Bytes,
}

/// The routing key of an event.
///
/// # Errors
/// When it has nowhere to go, or the key cannot be written.
pub(super) fn routing_key(settings: &Settings, event: &Event) -> Result<ShortText, EndpointError> {
    let channel = settings.key_of_all().unwrap_or(&event.channel);
    if channel.is_empty() && settings.exchange.is_empty() {
        let message = format!("the event has no channel and `{}` names none", settings.address);
        return Err(EndpointError::new(EndpointErrorKind::Rejected, message).help(
            "name a queue with `?queue=NAME`, or an exchange: `amqp://HOST/VHOST/EXCHANGE?routing-key=KEY`",
        ));
    }
    short(channel, "routing key")
}

impl AmqpSink {
    /// Connects, and checks that what the address names is there.
    pub(super) async fn open(settings: Settings, options: &SinkOptions) -> Result<Self, EndpointError> {
        let exchange = short(&settings.exchange, "exchange")?;
        let receipt_timeout = options.receipt_timeout;
        let mut sink = Self {
            settings,
            receipt_timeout,
            exchange,
            link: None,
            halt: Halt::default(),
            last: Arc::default(),
            largest: None,
        };
        sink.link = Some(sink.connect().await?);
        Ok(sink)
    }

    async fn connect(&self) -> Result<Link, EndpointError> {
        let window = Arc::new(Window::new(self.settings.window, self.settings.exchange.is_empty()));
        let told = Arc::clone(&window);
        let receiver = Box::new(move |incoming| match incoming {
            Incoming::Confirmed { tag, multiple, taken } => told.confirm(tag, multiple, taken),
            Incoming::Message(method, properties, body) => told.returned(&method, &properties, &body),
            Incoming::Ended(error) => told.end(&error),
        });
        let mut connection = Connection::open(&self.settings, receiver).await?;
        let timeout = self.settings.connect_timeout;
        if !self.settings.exchange.is_empty() {
            connection.call(method::exchange_exists(CHANNEL, &self.exchange), timeout).await?;
        } else if let Some(queue) = self.settings.key_of_all() {
            let queue = short(queue, "name of the queue")?;
            connection.call(method::queue_exists(CHANNEL, &queue), timeout).await?;
        }
        connection.call(method::confirm_select(CHANNEL), timeout).await?;
        Ok(Link { connection, window })
    }

    /// A connection that stands, made anew after a loss once the caller has seen what failed.
    async fn ensure_link(&mut self) -> Result<(), EndpointError> {
        self.halt.admit(&self.settings.address)?;
        if self.link.as_ref().is_some_and(|link| link.connection.is_up()) {
            return Ok(());
        }
        self.halt.may_connect(&self.settings.address)?;
        if let Some(link) = self.link.take() {
            let limit = failure::size_limit(&link.connection.why_ended());
            self.largest = limit.and_then(|(_, limit)| limit).or(self.largest);
        }
        let connected = self.connect().await;
        self.link = Some(self.halt.connected(connected)?);
        Ok(())
    }

    fn prepare(&self, event: &Event, frame_max: usize) -> Result<Prepared, EndpointError> {
        let routing_key = routing_key(&self.settings, event)?;
        let mut properties = BytesMut::new();
        message::properties(event, &self.settings.login)?.put(&mut properties);
        let limit = frame_max - super::wire::FRAME_OVERHEAD - CONTENT_HEADER;
        if properties.len() > limit {
            return Err(failure::headers_too_large(properties.len(), limit));
        }
        let body = event.payload.clone().unwrap_or_default();
        if self.largest.is_some_and(|largest| body.len() > largest) {
            return Err(failure::too_large(body.len(), self.largest));
        }
        Ok(Prepared { routing_key, properties: properties.freeze(), body })
    }

    async fn hand_over_batch(&mut self, events: &[Event]) -> Receipts {
        let (batch, receipts) = OpenBatch::new(events.len(), self.receipt_timeout, &self.last);
        let mut next = 0;
        let mut problem = self.ensure_link().await.err();
        while problem.is_none() && next < events.len() {
            match self.hand_over_part(events, next, &batch).await {
                Ok(after) => next = after,
                Err(error) => problem = Some(error),
            }
        }
        if let Some(error) = problem {
            // What was under way has its own outcome by now, or gets it from the end of the connection.
            for index in next..events.len() {
                batch.settle(index, Err(error.clone()));
            }
        }
        receipts
    }

    /// Publishes as many events from `next` on as there is room for; the number of the first that is left.
    async fn hand_over_part(
        &self,
        events: &[Event],
        next: usize,
        batch: &Arc<OpenBatch>,
    ) -> Result<usize, EndpointError> {
        let Some(link) = &self.link else {
            return Err(failure::unanswered());
        };
        let room = self.wait_for_room(link).await?;
        let frame_max = link.connection.greeting.frame_max;
        let mut part = BytesMut::with_capacity(PART.min((events.len() - next) * 512));
        let mut flights = Vec::new();
        let mut at = next;
        while at < events.len() && flights.len() < room && part.len() < PART {
            let event = &events[at];
            match self.prepare(event, frame_max) {
                Err(error) => batch.settle(at, Err(error)),
                Ok(Prepared { routing_key, properties, body }) => {
                    let names = (&self.exchange, &routing_key);
                    method::put_publish(&mut part, (CHANNEL, frame_max), names, &properties, &body);
                    let origin = event.attributes.get(message::EXCHANGE).and_then(|found| found.as_str());
                    let recorded_from = origin.filter(|origin| !origin.is_empty()).map(str::to_owned);
                    let routing_key = routing_key.into_bytes();
                    let batch = Arc::clone(batch);
                    flights.push(Flight { batch, index: at, routing_key, properties, body, recorded_from });
                }
            }
            at += 1;
        }
        if !flights.is_empty() && link.window.enter(flights) {
            // When the connection ends meanwhile, the window fails what it holds.
            let _ = link.connection.send(part.freeze()).await;
        }
        Ok(at)
    }

    /// How many events may go; waits while none may, because too many are under way or the server takes none.
    async fn wait_for_room(&self, link: &Link) -> Result<usize, EndpointError> {
        let deadline = tokio::time::Instant::now() + self.receipt_timeout;
        let mut changes = link.connection.changes();
        loop {
            if !link.connection.is_up() {
                return Err(failure::unanswered());
            }
            let blocked = link.connection.blocked();
            let free = link.window.free();
            if free > 0 && blocked.is_none() {
                return Ok(free);
            }
            let change = async {
                tokio::select! {
                    () = link.window.room.notified(), if blocked.is_none() => {}
                    () = changes.next() => {}
                }
            };
            if tokio::time::timeout_at(deadline, change).await.is_err() {
                let reason = blocked.unwrap_or_else(|| "it confirms nothing".to_owned());
                return Err(failure::blocked(&reason, &self.settings.address, self.receipt_timeout));
            }
        }
    }

    async fn leave(self) -> Result<(), EndpointError> {
        let Some(link) = self.link.filter(|link| link.connection.is_up()) else {
            return Ok(());
        };
        let deadline = tokio::time::Instant::now() + self.receipt_timeout;
        let mut changes = link.connection.changes();
        while !link.window.is_empty() && link.connection.is_up() {
            let change = async {
                tokio::select! {
                    () = link.window.room.notified() => {}
                    () = changes.next() => {}
                }
            };
            if tokio::time::timeout_at(deadline, change).await.is_err() {
                break;
            }
        }
        link.connection.close().await;
        Ok(())
    }
}

impl Sink for AmqpSink {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn last_receipt(&self) -> Option<std::time::Instant> {
        self.last.at()
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        Box::pin(self.hand_over_batch(batch))
    }

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        self.halt.lift(self.link.as_ref().is_none_or(|link| !link.connection.is_up()));
        Box::pin(std::future::ready(()))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
