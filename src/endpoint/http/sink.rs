//! Events into HTTP: a fixed number of workers, each with one request under way, so that order and concurrency go together.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Method;
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

use super::client::{ALLOWED_ORIGIN, ALLOWED_RATE, HttpClient, header};
use super::outgoing::{self, Element, Outgoing};
use super::queue::{Carried, Job, Pace, Queue, Receipt, Worker};
use super::settings::{Mode, SinkSettings};
use super::{carried_in, failure};
use crate::endpoint::open_batch::OpenBatch;
use crate::endpoint::{
    Address, BoxFuture, Capabilities, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions,
};
use crate::event::Event;

/// Requests that wait for one worker: few, so that the last of them is still answered in time by a slow server.
const WAITING: usize = 16;
/// Most requests of one call, where answers come fast.
const MOST_AT_ONCE: usize = 64;
/// How long the answers of one call may take, as it has been so far.
const A_CALL: Duration = Duration::from_millis(20);
/// Bytes after which a batch takes no further event: 1 MiB.
const BATCH_BYTES: usize = 1024 * 1024;
/// How long a lane waits for the event that failed to come again; a caller that has given up sends what it likes.
const CLOSED_FOR: Duration = Duration::from_secs(2);
/// Closed lanes that are remembered.
const MOST_LANES: usize = 10_000;

/// Why an event cannot be a request.
pub(super) fn refusal(settings: &SinkSettings, event: &Event) -> Option<EndpointError> {
    let written = match settings.mode {
        Some(Mode::Batch) => outgoing::element(event).map(drop),
        mode => outgoing::single(event, mode).map(drop),
    };
    written.and_then(|()| settings.url_for(event)).err()
}

/// A sender.
pub(super) struct HttpSink {
    settings: SinkSettings,
    /// One queue per worker where order counts, one for all where it does not.
    queues: Vec<Arc<Queue>>,
    workers: JoinSet<()>,
    pace: Arc<Pace>,
    /// Where the last event went: most often the next one goes there too.
    target: Option<(String, Arc<Url>)>,
    /// True when receipts are waited for no longer.
    cut: watch::Sender<bool>,
    /// The receiver allows so many requests in a time: each waits for its turn.
    every: Option<Duration>,
    next_turn: tokio::time::Instant,
}

impl HttpSink {
    /// Asks the receiver for its permission and starts the workers.
    pub(super) async fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let settings = SinkSettings::new(address, options)?;
        let client = HttpClient::new(&settings)?;
        let every = if settings.handshake { permission(&client, &settings).await? } else { None };
        let (mut queues, mut workers, pace) = (Vec::new(), JoinSet::new(), Arc::new(Pace::default()));
        let shared = Arc::new(Queue::new(settings.concurrency, WAITING * settings.concurrency));
        for _ in 0..settings.concurrency {
            let queue = if settings.ordered {
                queues.push(Arc::new(Queue::new(1, WAITING)));
                &queues[queues.len() - 1]
            } else {
                &shared
            };
            let worker = Worker(Arc::clone(queue));
            workers.spawn(work(client.clone(), worker, Arc::clone(&pace), settings.ordered));
        }
        if !settings.ordered {
            queues.push(shared);
        }
        let next_turn = tokio::time::Instant::now();
        let cut = watch::Sender::new(false);
        Ok(Self { settings, queues, workers, pace, target: None, cut, every, next_turn })
    }

    async fn hand_over(&mut self, batch: &[Event]) -> Receipts {
        let mut cut = self.cut.subscribe();
        let (call, receipts) = OpenBatch::until(batch.len(), async move {
            // A sink that is gone has settled everything.
            let _ = cut.wait_for(|cut| *cut).await;
            failure::unanswered()
        });
        if self.every.is_some() {
            // Whoever has to wait for each turn hands over one by one.
            for (carried, request) in self.requests(batch) {
                self.wait_for_turn().await;
                self.queue(&call, vec![(carried, request)]).await;
            }
        } else {
            let requests = self.requests(batch);
            self.queue(&call, requests).await;
        }
        receipts
    }

    /// Where an event goes.
    fn target(&mut self, event: &Event) -> Result<Arc<Url>, EndpointError> {
        if self.settings.query_of(event).is_some() {
            return self.settings.url_for(event).map(Arc::new);
        }
        if let Some((_, url)) = self.target.as_ref().filter(|(channel, _)| *channel == event.channel) {
            return Ok(Arc::clone(url));
        }
        let url = Arc::new(self.settings.url_for(event)?);
        self.target = Some((event.channel.to_string(), Arc::clone(&url)));
        Ok(url)
    }

    /// The requests of a call, each with the events it carries.
    fn requests(&mut self, batch: &[Event]) -> Vec<Request> {
        if self.settings.mode == Some(Mode::Batch) {
            return self.batches(batch);
        }
        let mut single = |event: &Event| {
            let outgoing = outgoing::single(event, self.settings.mode)?;
            Ok((self.target(event)?, outgoing, lane(&event.channel, event.key.as_deref())))
        };
        batch.iter().enumerate().map(|(at, event)| (Carried::One(at), single(event))).collect()
    }

    /// Events of one target go together, as many as a batch takes.
    fn batches(&mut self, batch: &[Event]) -> Vec<Request> {
        let (mut requests, mut refused) = (Vec::new(), Vec::new());
        let mut targets: Vec<Open> = Vec::new();
        for (at, event) in batch.iter().enumerate() {
            let made = self.target(event).and_then(|url| Ok((url, outgoing::element(event)?)));
            let (url, element) = match made {
                Ok(made) => made,
                Err(error) => {
                    refused.push((Carried::One(at), Err(error)));
                    continue;
                }
            };
            let found = targets.iter().position(|known| known.url == url);
            let found = found.unwrap_or_else(|| {
                targets.push(Open::new(&url));
                targets.len() - 1
            });
            let target = &mut targets[found];
            let is_full = target.elements.len() >= self.settings.batch
                || target.bytes + element.json.len() > BATCH_BYTES;
            if is_full && !target.elements.is_empty() {
                requests.push(std::mem::replace(target, Open::new(&url)).close());
            }
            target.indexes.push(at);
            target.bytes += element.json.len();
            target.elements.push(element);
        }
        requests.extend(targets.into_iter().map(Open::close));
        requests.extend(refused);
        requests
    }

    async fn wait_for_turn(&mut self) {
        if let Some(every) = self.every {
            tokio::time::sleep_until(self.next_turn).await;
            self.next_turn = tokio::time::Instant::now() + every;
        }
    }

    /// Hands requests to the workers, all at once when there is room for them: whoever stops waiting for this has handed
    /// over none of them.
    async fn queue(&self, call: &Arc<OpenBatch>, requests: Vec<Request>) {
        let mut shares: Vec<Vec<Job>> = Vec::new();
        shares.resize_with(self.queues.len(), Vec::new);
        for (carried, request) in requests {
            let receipt = Receipt::new(call, carried);
            match request {
                Ok((url, outgoing, lane)) => {
                    let at = usize::try_from(lane % self.queues.len() as u64).unwrap_or(0);
                    shares[at].push(Job { url, outgoing, lane, receipt });
                }
                Err(error) => receipt.settle(Err(error)),
            }
        }
        for (queue, _) in self.queues.iter().zip(&shares).filter(|(_, share)| !share.is_empty()) {
            queue.room().await;
        }
        for (queue, share) in self.queues.iter().zip(shares).filter(|(_, share)| !share.is_empty()) {
            queue.add(share);
        }
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        for queue in &self.queues {
            queue.close();
        }
        while self.workers.join_next().await.is_some() {}
        Ok(())
    }
}

/// Where a request goes and what it carries, or why there is none, with the events it is for.
type Request = (Carried, Result<(Arc<Url>, Outgoing, u64), EndpointError>);

/// A batch that still takes events.
struct Open {
    url: Arc<Url>,
    indexes: Vec<usize>,
    elements: Vec<Element>,
    bytes: usize,
}

impl Open {
    fn new(url: &Arc<Url>) -> Self {
        Self { url: Arc::clone(url), indexes: Vec::new(), elements: Vec::new(), bytes: 0 }
    }

    fn close(self) -> Request {
        let lane = lane(self.url.path(), None);
        (Carried::Many(self.indexes), Ok((self.url, outgoing::batch(&self.elements), lane)))
    }
}

fn lane(channel: &str, key: Option<&[u8]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (channel, key).hash(&mut hasher);
    hasher.finish()
}

/// Makes one request after the other. Where order counts, a failure that may be tried again closes its lane until that very
/// request comes again: what was handed over behind it does not overtake it, it fails too and comes back in order.
async fn work(client: HttpClient, worker: Worker, pace: Arc<Pace>, ordered: bool) {
    let mut closed: HashMap<u64, Closed> = HashMap::new();
    while let Some(job) = worker.0.take().await {
        if let Some(lane) = closed.remove(&job.lane)
            && lane.since.elapsed() < CLOSED_FOR
            && lane.request != job.outgoing.mark().fingerprint()
        {
            job.receipt.settle(Err(failure::held_back(&lane.cause)));
            closed.insert(job.lane, lane);
            continue;
        }
        let mark = ordered.then(|| job.outgoing.mark());
        let begun = Instant::now();
        let outcome = client.post(Url::clone(&job.url), job.outgoing).await;
        pace.add(begun.elapsed());
        if let Err(cause) = &outcome
            && let Some(mark) = mark.filter(|_| cause.retryable())
        {
            if closed.len() >= MOST_LANES {
                closed.retain(|_, lane| lane.since.elapsed() < CLOSED_FOR);
            }
            let (request, cause) = (mark.fingerprint(), cause.clone());
            closed.insert(job.lane, Closed { request, since: Instant::now(), cause });
        }
        job.receipt.settle(outcome);
    }
}

/// A lane that waits for a request to come again.
struct Closed {
    request: u64,
    since: Instant,
    cause: EndpointError,
}

/// Asks whether the receiver is there, knows us and allows us to send, and how fast. A server that has never heard of the
/// handshake answers with anything, and is sent to.
async fn permission(client: &HttpClient, settings: &SinkSettings) -> Result<Option<Duration>, EndpointError> {
    let answer = client.ask(Method::OPTIONS, true, settings.connect_timeout).await?;
    let rate = header(&answer, ALLOWED_RATE).and_then(|text| text.trim().parse::<u32>().ok());
    let allowed = header(&answer, ALLOWED_ORIGIN);
    if let Some(error) = client.not_let_in(answer).await {
        return Err(error);
    }
    let origin = String::from_utf8_lossy(settings.origin.as_bytes());
    let is_allowed =
        |allowed: &str| allowed.split(',').any(|each| matches!(each.trim(), "*") || each.trim() == origin);
    if let Some(allowed) = allowed.filter(|allowed| !is_allowed(allowed)) {
        let allowed = client.shown(&allowed);
        let message = format!("`{}` allows events from `{allowed}`, not from `{origin}`", settings.address);
        return Err(EndpointError::new(EndpointErrorKind::Unauthorised, message)
            .help("name yourself with `#origin=NAME`, or have the receiver allow it"));
    }
    Ok(rate.filter(|rate| *rate > 0).map(|rate| Duration::from_secs(60) / rate))
}

impl Sink for HttpSink {
    fn capabilities(&self) -> Capabilities {
        carried_in(self.settings.mode)
    }

    fn most_at_once(&self) -> usize {
        match self.settings.mode {
            Some(Mode::Batch) => self.settings.batch,
            _ if self.every.is_some() => 1,
            _ => MOST_AT_ONCE,
        }
    }

    /// One while nothing is known, and no more than are answered soon: that nearly all is said of a call when its run is
    /// broken off must not depend on many answers to come.
    fn best_at_once(&self) -> usize {
        if self.settings.mode == Some(Mode::Batch) {
            return self.settings.batch;
        }
        // Events of one lane go one after the other, and all may be of one.
        let abreast = if self.settings.ordered { 1 } else { self.settings.concurrency as u64 };
        let answers = self.pace.answers_within(A_CALL).unwrap_or(0).saturating_mul(abreast);
        usize::try_from(answers).unwrap_or(usize::MAX).clamp(1, self.most_at_once())
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        Box::pin(self.hand_over(batch))
    }

    fn cut_short(&mut self) -> bool {
        self.queues.iter().for_each(|queue| queue.clear());
        self.cut.send_replace(true);
        true
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
