//! Events out of an MQTT broker.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::connection::greet;
use super::failure;
use super::settings::Settings;
use crate::endpoint::{BoxFuture, EndpointError, EndpointErrorKind, Source, SourceOptions, Stop};
use crate::event::{Event, Timestamp};

mod link;
mod task;

use link::{Link, Taken, Token};
use task::Task;

/// How long a goodbye may take.
const LEAVING: Duration = Duration::from_secs(3);

/// A subscription. Events are acknowledged when the reader comes back for more, so that what it did not get is sent again.
#[derive(Debug)]
pub(super) struct MqttSource {
    link: Arc<Link>,
    task: JoinHandle<()>,
    handed_over: Vec<Token>,
    until: Option<Timestamp>,
}

impl MqttSource {
    /// Connects and subscribes, unless the broker still knows the subscription of an earlier session.
    ///
    /// # Errors
    /// When the broker cannot be reached, does not let us in, or refuses the subscription.
    pub(super) async fn open(settings: Settings, options: &SourceOptions) -> Result<Self, EndpointError> {
        let (address, connect_timeout) = (settings.address.clone(), settings.connect_timeout);
        let Some(subscription) = settings.subscription.clone() else {
            let message = format!("`{address}` names no topic to subscribe to");
            return Err(EndpointError::new(EndpointErrorKind::Unsupported, message));
        };
        let greeted = greet(&settings, settings.clean).await?;
        let link = Arc::new(Link::default());
        let task = Task::new(Arc::clone(&link), settings, subscription);
        let until = match options.stop {
            Stop::Time(time) => Some(time),
            _ => None,
        };
        let task = tokio::spawn(task.run(greeted));
        let source = Self { link, task, handed_over: Vec::new(), until };
        let subscribed = tokio::time::timeout(connect_timeout, source.link.subscribed()).await;
        subscribed.map_err(|_| failure::timeout(&address))??;
        Ok(source)
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        self.link.acknowledge(&mut self.handed_over);
        let taking = self.link.take(max, self.until);
        let taken = match self.until {
            None => taking.await?,
            Some(until) => {
                let left = u64::try_from(until.since(Timestamp::now())).unwrap_or(0);
                let taken = tokio::time::timeout(Duration::from_micros(left), taking).await;
                taken.unwrap_or_else(|_| Ok(Taken::default()))?
            }
        };
        self.handed_over = taken.tokens;
        Ok(taken.events)
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        self.link.acknowledge(&mut self.handed_over);
        self.link.leave();
        if self.link.connected() {
            // The goodbye is a courtesy: a broker that has gone meanwhile needs none.
            let _ = tokio::time::timeout(LEAVING, &mut self.task).await;
        }
        Ok(())
    }
}

impl Drop for MqttSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Source for MqttSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.read(max))
    }

    fn connected(&self) -> bool {
        self.link.connected()
    }

    fn dropped(&self) -> u64 {
        self.link.dropped()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
