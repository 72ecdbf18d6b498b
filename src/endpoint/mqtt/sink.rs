//! Events into an MQTT broker over a session that outlives its connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::message::Message;
use super::session::{Notice, Session};
use super::settings::Version;
use super::{CAPABILITIES_3, CAPABILITIES_5, failure};
use crate::endpoint::open_batch::LastReceipt;
use crate::endpoint::receipts::{self, Awaited};
use crate::endpoint::{BoxFuture, Capabilities, EndpointError, Receipts, Sink};
use crate::event::{Event, Place};

/// A publisher whose session sends again by itself what was not acknowledged when the connection broke.
#[derive(Debug)]
pub(super) struct MqttSink {
    session: Session,
    receipt_timeout: Duration,
    batches: JoinSet<()>,
    last: Arc<LastReceipt>,
}

impl MqttSink {
    pub(super) fn new(session: Session, receipt_timeout: Duration) -> Self {
        Self { session, receipt_timeout, batches: JoinSet::new(), last: Arc::default() }
    }

    async fn hand_over(&self, event: &Event) -> Result<Notice, EndpointError> {
        let message = Message::from_event(event, &self.session.settings)?;
        let limit = self.session.link.packet_limit();
        if message.size() > usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(failure::too_large(message.size(), limit));
        }
        let handed = self.session.client.publish(message);
        let handed = tokio::time::timeout(self.receipt_timeout, handed).await;
        // Nothing has moved for so long that the session takes no more: whoever waits is told.
        handed.unwrap_or_else(|_| Err(failure::timeout(self.session.link.address())))
    }

    async fn hand_over_batch(&mut self, batch: &[Event]) -> Receipts {
        let mut awaited: Vec<Awaited> = Vec::with_capacity(batch.len());
        for event in batch {
            let handed = self.hand_over(event).await;
            awaited.push(handed.map(|notice| -> BoxFuture<'static, Result<Place, EndpointError>> {
                Box::pin(async move { notice.wait().await.map(|()| Place::default()) })
            }));
        }
        receipts::collect(&mut self.batches, awaited, self.receipt_timeout, &self.last)
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        // A goodbye would overtake events that wait for room in the session, so their receipts come first.
        while self.batches.join_next().await.is_some() {}
        self.session.link.leave();
        if self.session.link.connected() {
            self.session.client.disconnect(Duration::from_secs(5)).await?;
            let _ = tokio::time::timeout(Duration::from_secs(6), &mut self.session.task).await;
        }
        Ok(())
    }
}

impl Sink for MqttSink {
    fn capabilities(&self) -> Capabilities {
        match self.session.settings.version {
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

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
