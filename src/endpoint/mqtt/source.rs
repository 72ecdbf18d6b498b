//! Events out of an MQTT broker.

use std::time::Duration;

use super::session::{Session, Token};
use crate::endpoint::{BoxFuture, EndpointError, Source, SourceOptions, Stop};
use crate::event::{Event, Timestamp};

/// A subscription. Events are acknowledged when the reader comes back for more, so that what it did not get is sent again.
#[derive(Debug)]
pub(super) struct MqttSource {
    session: Session,
    handed_over: Vec<(u64, Token)>,
    until: Option<Timestamp>,
}

impl MqttSource {
    /// Subscribes, unless the broker still knows the subscription of an earlier session.
    pub(super) async fn open(session: Session, options: &SourceOptions) -> Result<Self, EndpointError> {
        if !session.link.greeting_now().session_present {
            let subscribed = session.client.subscribe(&session.settings);
            let subscribed = tokio::time::timeout(options.connect_timeout, subscribed).await;
            subscribed.map_err(|_| super::failure::timeout(&session.settings.address))??;
        }
        let until = match options.stop {
            Stop::Time(time) => Some(time),
            _ => None,
        };
        Ok(Self { session, handed_over: Vec::new(), until })
    }

    async fn acknowledge(&mut self) -> Result<(), EndpointError> {
        for (connection, token) in std::mem::take(&mut self.handed_over) {
            if self.session.link.is_current(connection) {
                self.session.client.acknowledge(token).await?;
            }
        }
        Ok(())
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        self.acknowledge().await?;
        let Some(until) = self.until else {
            let taken = self.session.link.take(max).await?;
            self.handed_over = taken.tokens;
            return Ok(taken.events);
        };
        let left = u64::try_from(until.since(Timestamp::now())).unwrap_or(0);
        let taken = tokio::time::timeout(Duration::from_micros(left), self.session.link.take(max)).await;
        let mut taken = taken.unwrap_or_else(|_| Ok(super::session::Taken::default()))?;
        taken.events.retain(|event| event.received <= until);
        self.handed_over = taken.tokens;
        Ok(taken.events)
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        self.session.link.leave();
        if self.session.link.connected() {
            self.acknowledge().await?;
            self.session.client.disconnect(Duration::from_secs(2)).await?;
            // The goodbye is a courtesy: a broker that has gone meanwhile needs none.
            let _ = tokio::time::timeout(Duration::from_secs(3), &mut self.session.task).await;
        }
        Ok(())
    }
}

impl Source for MqttSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.read(max))
    }

    fn connected(&self) -> bool {
        self.session.link.connected()
    }

    fn dropped(&self) -> u64 {
        self.session.link.dropped()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
