//! Opening the places of a command: who we are is looked up, a system that is away is tried again, Ctrl-C ends the trying.

use std::time::Duration;

use super::target::Place;
use super::{CommandError, Context, ErrorKind, transfer};
use crate::endpoint::address::Scheme;
use crate::endpoint::facts::TargetFacts;
use crate::endpoint::open::{open_sink, open_source, server_of, target_facts};
use crate::endpoint::{Sink, SinkOptions, Source, SourceOptions, Start, Stop, Transactions};
use crate::output::figures::{counted, span};
use crate::replay::reach::{Unreached, reach};
use crate::replay::{StopReason, StopToken};
use crate::ui::countdown::Countdown;

/// How long a system may take to say what it calls itself.
const TELLING: Duration = Duration::from_secs(3);

/// Flags about reaching a system.
#[derive(Debug, clap::Args)]
pub struct ConnectArgs {
    /// Keep trying for this long while a server cannot be reached at the start, such as `1m` (default: one attempt)
    #[arg(long, value_name = "TIME")]
    connect_timeout: Option<String>,
}

impl ConnectArgs {
    /// The time, as it was given.
    #[must_use]
    pub fn written(&self) -> Option<&str> {
        self.connect_timeout.as_deref()
    }

    /// Whether any of them was given.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.connect_timeout.is_some()
    }
}

/// Opens places.
#[derive(Debug)]
pub struct Connector<'a> {
    context: &'a Context,
    stop: &'a StopToken,
    patience: Duration,
    by_time: bool,
}

impl<'a> Connector<'a> {
    /// Reads the flags.
    ///
    /// # Errors
    /// When the time is none.
    pub fn new(args: &ConnectArgs, context: &'a Context, stop: &'a StopToken) -> Result<Self, CommandError> {
        let patience = transfer::duration(args.connect_timeout.as_deref())?.unwrap_or_default();
        Ok(Self { context, stop, patience, by_time: false })
    }

    /// Has what is past of channels in several partitions come by the times of the events.
    pub fn by_time(self) -> Self {
        Self { by_time: true, ..self }
    }

    /// Opens a place for reading.
    ///
    /// # Errors
    /// When it cannot be reached or used, or when interrupted.
    pub async fn source(
        &self,
        place: &Place,
        (start, stop): (Start, Stop),
    ) -> Result<Box<dyn Source>, CommandError> {
        let (address, options) = place.for_reading(&self.context.environment)?;
        let opening = async |connect_timeout| {
            let by_time = self.by_time;
            let options = SourceOptions { start, stop, connect_timeout, by_time, ..options.clone() };
            Box::pin(open_source(&address, &options)).await
        };
        let source = self.reach(place, opening).await?;
        if let Some(listens_at) = source.listens_at() {
            self.context.ui.say(format!("listening at {listens_at}"));
        }
        Ok(source)
    }

    /// Opens a place for taking what is there out of it, by this group where the system has groups.
    ///
    /// # Errors
    /// When it cannot be reached, or nothing can be taken out of it, or when interrupted.
    pub async fn taking(&self, place: &Place, group: &str) -> Result<Box<dyn Source>, CommandError> {
        let (address, options) = place.for_reading(&self.context.environment)?;
        let opening = async |connect_timeout| {
            let (stop, takes) = (Stop::PresentEnd, Some(group.to_owned()));
            let options = SourceOptions { stop, connect_timeout, takes, ..options.clone() };
            Box::pin(open_source(&address, &options)).await
        };
        self.reach(place, opening).await
    }

    /// Opens a place for writing; `in_bulk` says that events come as fast as they are taken.
    ///
    /// # Errors
    /// When it cannot be reached or used, or when interrupted.
    pub async fn sink(&self, place: &Place, in_bulk: bool) -> Result<Box<dyn Sink>, CommandError> {
        self.sink_with(place, in_bulk, None).await
    }

    /// As [`Self::sink`], in transactions when they are given.
    ///
    /// # Errors
    /// When it cannot be reached or used, or when interrupted.
    pub async fn sink_with(
        &self,
        place: &Place,
        in_bulk: bool,
        transactions: Option<Transactions>,
    ) -> Result<Box<dyn Sink>, CommandError> {
        let (address, options) = place.for_writing(&self.context.environment)?;
        let options = SinkOptions { in_bulk, transactions, ..options };
        let opening = async |connect_timeout| {
            Box::pin(open_sink(&address, &SinkOptions { connect_timeout, ..options.clone() })).await
        };
        self.reach(place, opening).await
    }

    /// What a place tells of the channels that events of these channels go to.
    ///
    /// # Errors
    /// When it cannot be reached or used, or when interrupted.
    pub async fn facts(&self, place: &Place, channels: &[&str]) -> Result<TargetFacts, CommandError> {
        let (address, options) = place.for_writing(&self.context.environment)?;
        let opening = async |connect_timeout| {
            let options = SinkOptions { connect_timeout, ..options.clone() };
            Box::pin(target_facts(&address, &options, channels)).await
        };
        self.reach(place, opening).await
    }

    /// What the system of a place calls itself or its cluster; none where it has no name that lasts, or does not tell it.
    pub async fn cluster(&self, place: &Place) -> Option<String> {
        let tells = [Scheme::Kafka, Scheme::Amqp, Scheme::Nats, Scheme::JetStream];
        if !tells.contains(&place.address.scheme) {
            return None;
        }
        let (address, credentials) = place.unlock(&self.context.environment).ok()?;
        let options = SinkOptions { credentials, connect_timeout: TELLING, ..SinkOptions::default() };
        let server = server_of(&address);
        let asked = tokio::time::timeout(TELLING, Box::pin(target_facts(&server, &options, &[])));
        asked.await.ok()?.ok()?.cluster
    }

    async fn reach<T>(
        &self,
        place: &Place,
        opening: impl AsyncFnMut(Duration) -> Result<T, crate::endpoint::EndpointError>,
    ) -> Result<T, CommandError> {
        let mut countdown = Countdown::new(&self.context.ui);
        let outcome = reach(self.patience, self.stop, |waiting| countdown.note(waiting), opening).await;
        drop(countdown);
        outcome.map_err(|unreached| match unreached {
            Unreached::Stopped if self.stop.reason() == Some(StopReason::Unread) => CommandError::unread(),
            Unreached::Stopped => {
                let message = format!("interrupted before `{}` was reached", place.address);
                CommandError::new(ErrorKind::Interrupted, message)
            }
            Unreached::GaveUp(mut error, attempts) => {
                if attempts > 1 {
                    let tried = counted(u64::from(attempts), "attempt");
                    error.message = format!("{error}; gave up after {tried} in {}", span(self.patience));
                }
                CommandError::from(error)
            }
        })
    }
}
