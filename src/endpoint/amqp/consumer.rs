//! A consumer on a connection of its own: the queue it reads, and how that came to be there.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::connection::{CHANNEL, Connection, Incoming};
use super::place::Beginning;
use super::settings::{Settings, short};
use super::wire::method::{self, Method};
use super::wire::table::Table;
use super::{failure, message};
use crate::endpoint::EndpointError;

/// How long nothing may arrive before the server is asked whether the end is reached.
pub(super) const QUIET: Duration = Duration::from_millis(300);
/// How long a stream may take to show its first event when it has any.
pub(super) const FIRST_EVENT: Duration = Duration::from_secs(2);

/// A message as it came, not yet an event.
pub(super) type Arrived = (Method, Bytes, Bytes);

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A queue of our own that takes a copy of what an exchange passes on.
    Exchange,
    /// A queue whose events are gone once they are read.
    Queue,
    /// A stream, whose events stay.
    Stream,
}

/// A connection with a consumer on it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) arrived: mpsc::UnboundedReceiver<Arrived>,
    /// Events that waited when reading began.
    pub(super) waiting: u32,
    /// What makes an exchange pass its events on to us.
    binding: Option<Bytes>,
}

impl Link {
    /// Binds the queue once more: an exchange that was deleted and made anew knows nothing of us, and tells nobody.
    ///
    /// # Errors
    /// When there is no such exchange any more.
    pub(super) async fn bind_again(&mut self, timeout: Duration) -> Result<(), EndpointError> {
        if let Some(binding) = &self.binding {
            self.connection.call(binding.clone(), timeout).await?;
        }
        Ok(())
    }

    /// The place of the next event in a stream; `None` when none arrives in time.
    pub(super) async fn next_place(&mut self, patience: Duration) -> Result<Option<u64>, EndpointError> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let Ok(arrived) = tokio::time::timeout_at(deadline, self.arrived.recv()).await else {
                return Ok(None);
            };
            let (method, properties, body) = arrived.ok_or_else(|| self.connection.why_ended())?;
            if let Some((event, tag)) = message::event(method, &properties, body) {
                self.connection.post(method::ack(CHANNEL, tag));
                if event.place.offset.is_some() {
                    return Ok(event.place.offset);
                }
            }
        }
    }
}

/// What a connection with a consumer on it is made by.
pub(super) struct Way {
    pub(super) settings: Settings,
    pub(super) kind: Kind,
}

impl Way {
    pub(super) async fn consume(&self, beginning: Beginning) -> Result<Link, EndpointError> {
        let (tell, arrived) = mpsc::unbounded_channel();
        let receiver = Box::new(move |incoming| {
            if let Incoming::Message(method, properties, body) = incoming {
                // What arrives after the reader has left is not acknowledged, and stays with the broker.
                let _ = tell.send((method, properties, body));
            }
        });
        let mut connection = Connection::open(&self.settings, receiver).await?;
        let timeout = self.settings.connect_timeout;
        let (queue, waiting) = self.queue(&mut connection, timeout).await?;
        let binding = self.binding(&queue)?;
        if let Some(binding) = &binding {
            connection.call(binding.clone(), timeout).await?;
        }
        connection.call(method::qos(CHANNEL, self.settings.prefetch), timeout).await?;
        let mut arguments = Table::default();
        if self.kind == Kind::Stream {
            arguments.0.push(beginning.argument());
        }
        let name = short(&queue, "name of the queue")?;
        connection.call(method::consume(CHANNEL, &name, &arguments), timeout).await?;
        Ok(Link { connection, arrived, waiting, binding })
    }

    /// As [`Self::consume`], after a loss. A stream that ends before the place where reading was to go on is another one of the
    /// same name: it is read from its first event.
    pub(super) async fn consume_again(&self, beginning: Beginning) -> Result<Link, EndpointError> {
        if let (Kind::Stream, Beginning::Offset(next)) = (self.kind, beginning) {
            let ends_before = |last: Option<u64>| last.map_or(0, |last| last + 1) < next;
            if ends_before(self.last_place().await?) {
                // A broker that has just come back may not show all of it at once.
                tokio::time::sleep(FIRST_EVENT).await;
                if ends_before(self.last_place().await?) {
                    return self.consume(Beginning::First).await;
                }
            }
        }
        self.consume(beginning).await
    }

    /// The offset of the last event in the stream; `None` when there is none.
    pub(super) async fn last_place(&self) -> Result<Option<u64>, EndpointError> {
        let mut link = self.consume(Beginning::LastPart).await?;
        let mut last = None;
        loop {
            let patience = if last.is_none() && link.waiting > 0 { FIRST_EVENT } else { QUIET };
            match link.next_place(patience).await? {
                Some(place) => last = last.max(Some(place)),
                None => break,
            }
        }
        link.connection.close().await;
        Ok(last)
    }

    /// The queue to read, and how many events wait in it.
    async fn queue(
        &self,
        connection: &mut Connection,
        timeout: Duration,
    ) -> Result<(String, u32), EndpointError> {
        let declare = if let Some(name) = &self.settings.queue {
            method::queue_exists(CHANNEL, &short(name, "name of the queue")?)
        } else {
            let exchange = short(&self.settings.exchange, "exchange")?;
            connection.call(method::exchange_exists(CHANNEL, &exchange), timeout).await?;
            method::own_queue(CHANNEL)
        };
        let Method::QueueDeclareOk { queue, messages } = connection.call(declare, timeout).await? else {
            return Err(failure::protocol(
                super::wire::Malformed("no answer about the queue"),
                &self.settings.address,
            ));
        };
        Ok((queue, messages))
    }

    /// What makes the exchange pass its events on to this queue; a queue that is not ours has its bindings.
    fn binding(&self, queue: &str) -> Result<Option<Bytes>, EndpointError> {
        if self.kind != Kind::Exchange {
            return Ok(None);
        }
        let key = self.settings.routing_key.as_deref().unwrap_or("#");
        let names = (short(queue, "name of the queue")?, short(&self.settings.exchange, "exchange")?);
        Ok(Some(method::bind(CHANNEL, &names.0, &names.1, &short(key, "routing key")?)))
    }
}
