//! Events out of an AMQP broker: through a queue of our own at an exchange, from a queue that is there, or from a stream.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::connection::CHANNEL;
use super::consumer::{Arrived, FIRST_EVENT, Kind, Link, QUIET, Way};
use super::place::{Beginning, End};
use super::settings::{Settings, short};
use super::wire::method::{self, Method};
use super::{failure, message};
use crate::endpoint::{
    BoxFuture, ENDS, EndpointError, EndpointErrorKind, Fate, Source, SourceOptions, Start, Stop,
};
use crate::event::{Event, Timestamp};

/// How long an exchange may be quiet before it is asked whether it still passes its events on.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long ago `now` may have been said.
const STILL_NOW_US: i64 = 60_000_000;

/// A reader.
#[derive(Debug)]
pub(super) struct AmqpSource {
    settings: Settings,
    link: Option<Link>,
    /// The attempt to have another one.
    connecting: Option<JoinHandle<Result<Link, EndpointError>>>,
    kind: Kind,
    beginning: Beginning,
    stop: Stop,
    /// The last place to read, when the end is that of the present.
    end: Option<End>,
    /// The tag of the last event that was handed over.
    handed_over: Option<u64>,
    /// Each event is acknowledged by itself, when its fate is told.
    takes: bool,
    /// Tags of the events handed over whose fate is to be told.
    taken: Vec<u64>,
    /// Events that stay in the queue, and with the reader until it leaves.
    held: u64,
    /// Events handed over, for a look that takes nothing away.
    seen: u64,
    /// What was handed over and is not known to have arrived, where that is waited for.
    waiting: Option<Waiting>,
    ended: bool,
}

/// Events that stay in their queue until they have arrived where they are carried to.
#[derive(Debug, Default)]
struct Waiting {
    /// How many had been handed over with each, and its tag.
    tags: VecDeque<(u64, u64)>,
    /// How many had been handed over with the last one that left the queue.
    acknowledged: u64,
}

impl AmqpSource {
    /// Connects and begins to read.
    pub(super) async fn open(settings: Settings, options: &SourceOptions) -> Result<Self, EndpointError> {
        if settings.exchange.is_empty() && settings.queue.is_none() {
            let message = format!("`{}` names nothing to read", settings.address);
            return Err(EndpointError::new(EndpointErrorKind::Unsupported, message).help(
                "name an exchange to listen at, `amqp://HOST/VHOST/EXCHANGE?routing-key=KEY`, or a queue with `?queue=NAME`",
            ));
        }
        let kind = if settings.queue.is_some() { Kind::Stream } else { Kind::Exchange };
        let mut source = Self {
            settings,
            link: None,
            connecting: None,
            kind,
            beginning: Beginning::from(options.start),
            stop: options.stop,
            end: None,
            handed_over: None,
            takes: options.takes.is_some(),
            taken: Vec::new(),
            held: 0,
            seen: 0,
            waiting: None,
            ended: false,
        };
        if kind == Kind::Exchange {
            source.refuse_seeking("an exchange keeps no events", options)?;
        }
        source.begin(options).await?;
        if source.takes {
            source.refuse_taking()?;
        }
        Ok(source)
    }

    /// Only what lies in a queue can be taken out.
    fn refuse_taking(&self) -> Result<(), EndpointError> {
        let address = &self.settings.address;
        let message = match (self.kind, &self.settings.queue) {
            (Kind::Queue, _) => return Ok(()),
            (Kind::Stream, Some(queue)) => {
                format!("the queue `{queue}` of `{address}` is a stream: nothing can be taken out of it")
            }
            _ => format!("`{address}` keeps no events: nothing can be taken out of it"),
        };
        Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
            .help("name a queue that is no stream with `?queue=NAME`, or record first and take the archive"))
    }

    /// The first connection, on which it shows whether the queue is a stream.
    async fn begin(&mut self, options: &SourceOptions) -> Result<(), EndpointError> {
        if self.kind == Kind::Exchange {
            self.link = Some(self.connect().await?);
            return Ok(());
        }
        match self.begin_stream(options).await {
            // How a broker says that a queue is no stream.
            Err(error) if error.message.contains("x-stream-offset") => self.begin_queue(options).await,
            other => other,
        }
    }

    async fn begin_stream(&mut self, options: &SourceOptions) -> Result<(), EndpointError> {
        let past = match options.stop {
            Stop::Time(time) if time < Timestamp::now() => Some(time),
            _ => None,
        };
        let ends_now = past.is_some() || options.stop == Stop::PresentEnd;
        if ends_now || matches!(options.start, Start::Last(_)) {
            let last = self.way().last_place().await?;
            self.beginning.count_back(last);
            if ends_now {
                let end = End::Place(match past {
                    Some(time) => self.place_before(time, last).await?,
                    None => last,
                });
                self.ended = end.lies_before(self.beginning);
                (self.end, self.stop) = (Some(end), Stop::PresentEnd);
            }
        }
        if !self.ended {
            self.link = Some(self.connect().await?);
        }
        Ok(())
    }

    async fn begin_queue(&mut self, options: &SourceOptions) -> Result<(), EndpointError> {
        self.kind = Kind::Queue;
        self.refuse_seeking("a queue is read from its head, only a stream elsewhere", options)?;
        let until_now = matches!(options.stop, Stop::Time(time) if time <= Timestamp::now());
        let link = self.connect().await?;
        if until_now {
            // A queue does not say when its events came; those that wait there came before now.
            self.stop = Stop::PresentEnd;
        }
        self.end = (self.stop == Stop::PresentEnd).then_some(End::Count(u64::from(link.waiting)));
        self.ended = self.end == Some(End::Count(0));
        self.link = Some(link);
        Ok(())
    }

    fn refuse_seeking(&self, why: &str, options: &SourceOptions) -> Result<(), EndpointError> {
        let what = match (options.start, options.stop) {
            (Start::Offset(_), _) => "begin at an offset",
            (Start::Time(_), _) => "begin at a time",
            (Start::Last(_), _) => "read the last events",
            (Start::End, _) if self.kind == Kind::Queue => "leave out what waits there",
            (_, Stop::PresentEnd) if self.kind == Kind::Exchange => "know where its present end is",
            (_, Stop::Offset(_)) => "stop at an offset",
            (_, Stop::Time(time)) if self.kind == Kind::Queue && time.0 < just_now() => {
                "stop at a time that is past"
            }
            _ => return Ok(()),
        };
        let message = format!("{why}, so `{}` cannot {what}", self.settings.address);
        let what_ends_it = if self.kind == Kind::Exchange { format!("; {ENDS}") } else { String::new() };
        Err(EndpointError::new(EndpointErrorKind::Unsupported, message).help(format!(
            "leave `--from` out{what_ends_it}. A queue of type `stream`, or what was recorded with `eddy record`, can be read \
             from any place"
        )))
    }

    /// Connects and starts a consumer at the place that comes next.
    async fn connect(&self) -> Result<Link, EndpointError> {
        self.consume(self.beginning).await
    }

    async fn consume(&self, beginning: Beginning) -> Result<Link, EndpointError> {
        self.way().consume(beginning).await
    }

    fn way(&self) -> Way {
        Way { settings: self.settings.clone(), kind: self.kind }
    }

    /// The offset of the last event that was written before this time, as far as the broker tells times apart.
    async fn place_before(&self, time: Timestamp, last: Option<u64>) -> Result<Option<u64>, EndpointError> {
        let after = Timestamp(time.0.saturating_add(1_000_000));
        let mut link = self.consume(Beginning::Time(after)).await?;
        let first_after = link.next_place(QUIET).await?;
        link.connection.close().await;
        Ok(first_after.map_or(last, |place| place.checked_sub(1)))
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        self.acknowledge();
        while !self.ended {
            if self.link.as_ref().is_none_or(|link| !link.connection.is_up() && link.arrived.is_empty()) {
                self.reconnect().await?;
            }
            let Some(arrived) = self.wait(max).await? else { continue };
            let events = self.keep(arrived);
            if !events.is_empty() {
                return Ok(events);
            }
        }
        Ok(Vec::new())
    }

    /// What was handed over has been taken by the reader, which came back for more.
    fn acknowledge(&mut self) {
        let Some(tag) = self.handed_over.take() else { return };
        if let Some(link) = self.link.as_ref().filter(|_| self.takes_away()) {
            link.connection.post(method::ack(CHANNEL, tag));
        }
    }

    /// What was handed over up to there, and is known to have arrived, leaves the queue.
    fn acknowledge_until(&mut self, events: u64) {
        let Some(waiting) = &mut self.waiting else { return };
        while let Some((given, tag)) = waiting.tags.front().copied().filter(|(given, _)| *given <= events) {
            (waiting.acknowledged, self.handed_over) = (given, Some(tag));
            waiting.tags.pop_front();
        }
        self.acknowledge();
    }

    /// Acknowledges those that were dealt with, one by one; the others go back to the queue when we leave.
    fn settle_taken(&mut self, fates: &[Fate]) -> Result<u64, EndpointError> {
        let Some(link) = self.link.as_ref().filter(|link| link.connection.is_up()) else {
            // What was dealt with comes again, since nobody can be told.
            self.taken.clear();
            return Ok(fates.iter().filter(|fate| **fate == Fate::Done).count() as u64);
        };
        for (tag, fate) in std::mem::take(&mut self.taken).into_iter().zip(fates) {
            if *fate == Fate::Done {
                link.connection.post(method::ack_one(CHANNEL, tag));
            } else {
                self.held += 1;
            }
        }
        if self.held < u64::from(self.settings.prefetch) || self.ended {
            return Ok(0);
        }
        let message = format!(
            "{} events of `{}` stay, and no more come before we leave",
            self.held, self.settings.address
        );
        Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
            .help("raise `prefetch=N` in the address (at most 65535), or move those that stay elsewhere"))
    }

    /// Whether events are acknowledged; at a look into a queue they are not, and go back when we leave.
    fn takes_away(&self) -> bool {
        self.kind != Kind::Queue || !self.settings.peek
    }

    /// After a loss that was reported; the first time there is a link, and its end is to be reported now.
    async fn reconnect(&mut self) -> Result<(), EndpointError> {
        self.handed_over = None;
        // The broker gives again what was not acknowledged on the connection that ended.
        self.taken.clear();
        self.held = 0;
        if let Some(waiting) = &mut self.waiting {
            // What was not acknowledged comes once more.
            if let Some(End::Count(count)) = &mut self.end {
                *count += self.seen - waiting.acknowledged;
            }
            *waiting = Waiting { acknowledged: self.seen, ..Waiting::default() };
        }
        if let Some(link) = self.link.take() {
            return Err(link.connection.why_ended());
        }
        // The reader may look away meanwhile, and must not have it begun anew each time.
        if self.connecting.is_none() {
            let (way, beginning) = (self.way(), self.beginning);
            self.connecting = Some(tokio::spawn(async move { way.consume_again(beginning).await }));
        }
        if let Some(connecting) = &mut self.connecting {
            let connected = connecting.await;
            self.connecting = None;
            self.link =
                Some(connected.map_err(|_| {
                    failure::lost(&self.settings.address, "the attempt to come back ended")
                })??);
        }
        Ok(())
    }

    /// What has arrived; `None` when there was nothing and the end may have been reached.
    async fn wait(&mut self, max: usize) -> Result<Option<Vec<Arrived>>, EndpointError> {
        let patience = match self.stop {
            Stop::Time(until) => {
                let left = u64::try_from(until.since(Timestamp::now())).unwrap_or(0);
                let left = Duration::from_micros(left);
                Some(if self.kind == Kind::Exchange { left.min(LOOK_AGAIN) } else { left.max(QUIET) })
            }
            Stop::PresentEnd if self.seen == 0 && self.kind == Kind::Stream => Some(FIRST_EVENT),
            Stop::PresentEnd => Some(QUIET),
            Stop::Never | Stop::Offset(_) => (self.kind == Kind::Exchange).then_some(LOOK_AGAIN),
        };
        let most = self.most(max);
        let Some(link) = &mut self.link else { return Ok(None) };
        let mut batch = Vec::new();
        let arrives = link.arrived.recv_many(&mut batch, most);
        let count = match patience {
            None => Some(arrives.await),
            Some(patience) => tokio::time::timeout(patience, arrives).await.ok(),
        };
        match count {
            Some(0) => Ok(None),
            Some(_) => Ok(Some(batch)),
            None => {
                self.ended = self.nothing_left().await?;
                Ok(None)
            }
        }
    }

    /// How many events may be handed over at once.
    fn most(&self, max: usize) -> usize {
        let left = match (self.end, self.takes_away()) {
            (Some(End::Count(count)), _) => count.saturating_sub(self.seen),
            // All that is looked at is kept from others until we leave, so there is a limit.
            (_, false) => u64::from(self.settings.prefetch).saturating_sub(self.seen),
            _ => return max,
        };
        max.min(usize::try_from(left).unwrap_or(usize::MAX)).max(1)
    }

    /// Asked when nothing arrives: whether nothing can arrive any more before the end.
    async fn nothing_left(&mut self) -> Result<bool, EndpointError> {
        match (self.stop, self.kind) {
            (Stop::Time(until), _) if until <= Timestamp::now() => Ok(true),
            (_, Kind::Exchange) => {
                let timeout = self.settings.connect_timeout;
                if let Some(link) = &mut self.link {
                    link.bind_again(timeout).await?;
                }
                Ok(false)
            }
            (Stop::Time(_), _) => Ok(true),
            // Others may have taken what waited there when we came.
            (Stop::PresentEnd, Kind::Queue) => {
                let timeout = self.settings.connect_timeout;
                let Some(link) = &mut self.link else { return Ok(false) };
                let name = short(self.settings.queue.as_deref().unwrap_or_default(), "name of the queue")?;
                let answer = link.connection.call(method::queue_exists(CHANNEL, &name), timeout).await?;
                Ok(matches!(answer, Method::QueueDeclareOk { messages: 0, .. }) && link.arrived.is_empty())
            }
            // A beginning that no event comes after.
            (Stop::PresentEnd, Kind::Stream) => Ok(self.seen == 0),
            _ => Ok(false),
        }
    }

    /// The events that lie before the end.
    fn keep(&mut self, arrived: Vec<Arrived>) -> Vec<Event> {
        let mut events = Vec::with_capacity(arrived.len());
        for (method, properties, body) in arrived {
            let Some((event, tag)) = message::event(method, &properties, body) else { continue };
            if self.ended || self.is_beyond(&event) {
                self.ended = true;
                break;
            }
            self.seen += 1;
            if self.takes {
                self.taken.push(tag);
            } else if let Some(waiting) = &mut self.waiting {
                waiting.tags.push_back((self.seen, tag));
            } else {
                self.handed_over = Some(tag);
            }
            if let Some(offset) = event.place.offset {
                self.beginning = Beginning::Offset(offset + 1);
            }
            self.ended = self.is_last(&event);
            events.push(event);
        }
        events
    }

    fn is_beyond(&self, event: &Event) -> bool {
        match self.stop {
            Stop::Offset(end) => event.place.offset.is_some_and(|offset| offset >= end),
            Stop::Time(end) => event.received > end,
            Stop::Never | Stop::PresentEnd => false,
        }
    }

    fn is_last(&self, event: &Event) -> bool {
        let looked_enough = !self.takes_away() && self.seen >= u64::from(self.settings.prefetch);
        let at_end = match (self.stop, self.end) {
            (Stop::Offset(end), _) => event.place.offset.is_some_and(|offset| offset + 1 >= end),
            (_, Some(End::Count(count))) => self.seen >= count,
            (_, Some(End::Place(last))) => event.place.offset >= last,
            _ => false,
        };
        looked_enough || at_end
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        self.acknowledge();
        if let Some(connecting) = self.connecting.take() {
            connecting.abort();
        }
        if let Some(link) = self.link.take().filter(|link| link.connection.is_up()) {
            link.connection.close().await;
        }
        Ok(())
    }
}

/// What is earlier than this, in microseconds since 1970, was not meant as `now`.
fn just_now() -> i64 {
    Timestamp::now().0 - STILL_NOW_US
}

impl Source for AmqpSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.read(max))
    }

    fn waits_for_word(&mut self) -> bool {
        let is_asked = self.kind == Kind::Queue && self.takes_away() && !self.takes;
        self.waiting = is_asked.then(Waiting::default);
        is_asked
    }

    fn dealt_with(&mut self, events: u64) {
        self.acknowledge_until(events);
    }

    fn is_held_up(&self) -> bool {
        let (Some(waiting), Some(link)) = (&self.waiting, &self.link) else { return false };
        let outstanding = self.seen - waiting.acknowledged;
        outstanding >= u64::from(self.settings.prefetch) && link.arrived.is_empty()
    }

    fn goes_on_where_it_stopped(&self) -> bool {
        matches!(self.kind, Kind::Queue | Kind::Stream)
    }

    fn connected(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.connection.is_up())
    }

    fn left(&self) -> Option<u64> {
        match self.end {
            Some(End::Count(count)) => Some(count.saturating_sub(self.seen)),
            _ => None,
        }
    }

    fn settle<'a>(&'a mut self, fates: &'a [Fate]) -> BoxFuture<'a, Result<u64, EndpointError>> {
        Box::pin(std::future::ready(self.settle_taken(fates)))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
