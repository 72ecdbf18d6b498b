//! Events into HTTP: a fixed number of workers, each with one request under way, so that order and concurrency go together.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Method;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;
use url::Url;

use super::client::{ALLOWED_ORIGIN, ALLOWED_RATE, HttpClient, header};
use super::outgoing::{self, Element, Outgoing};
use super::settings::{Mode, SinkSettings};
use super::{carried_in, failure};
use crate::endpoint::{
    Address, BoxFuture, Capabilities, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions,
};
use crate::event::{Event, Place};

/// Requests that wait for one worker: few, so that the last of them is still answered in time by a slow server.
const WAITING: usize = 16;
/// Bytes after which a batch takes no further event: 1 MiB.
const BATCH_BYTES: usize = 1024 * 1024;
/// How long a lane waits for the event that failed to come again; a caller that has given up sends what it likes.
const CLOSED_FOR: Duration = Duration::from_secs(2);
/// Closed lanes that are remembered.
const MOST_LANES: usize = 10_000;

/// A request to be made.
struct Job {
    url: Url,
    outgoing: Outgoing,
    /// Requests of one lane keep their order.
    lane: u64,
    receipt: oneshot::Sender<Delivery>,
}

/// The events of a call that share a receipt.
type Open = (Vec<usize>, oneshot::Receiver<Delivery>);

/// A sender.
pub(super) struct HttpSink {
    settings: SinkSettings,
    /// One queue per worker where order counts, one for all where it does not.
    queues: Vec<mpsc::Sender<Job>>,
    workers: JoinSet<()>,
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
        let (mut queues, mut workers) = (Vec::new(), JoinSet::new());
        let (shared, shared_jobs) = mpsc::channel(WAITING * settings.concurrency);
        let shared_jobs = Arc::new(Mutex::new(shared_jobs));
        for _ in 0..settings.concurrency {
            let jobs = if settings.ordered {
                let (queue, jobs) = mpsc::channel(WAITING);
                queues.push(queue);
                Arc::new(Mutex::new(jobs))
            } else {
                Arc::clone(&shared_jobs)
            };
            workers.spawn(work(client.clone(), jobs, settings.ordered));
        }
        if !settings.ordered {
            queues.push(shared);
        }
        let next_turn = tokio::time::Instant::now();
        Ok(Self { settings, queues, workers, every, next_turn })
    }

    async fn hand_over(&mut self, batch: &[Event]) -> Receipts {
        let mut settled: Vec<Option<Delivery>> = vec![None; batch.len()];
        let mut open: Vec<Open> = Vec::new();
        for (indexes, request) in self.requests(batch) {
            let (receipt, to_come) = oneshot::channel();
            match request {
                Ok((url, outgoing, lane)) => {
                    self.wait_for_turn().await;
                    self.queue(Job { url, outgoing, lane, receipt }).await;
                    open.push((indexes, to_come));
                }
                Err(error) => {
                    for at in indexes {
                        settled[at] = Some(Delivery::failed(error.clone()));
                    }
                }
            }
        }
        Box::pin(async move {
            let closed = || Delivery::failed(failure::closed());
            for (indexes, receipt) in open {
                let delivery = receipt.await.unwrap_or_else(|_| closed());
                for at in indexes {
                    settled[at] = Some(delivery.clone());
                }
            }
            settled.into_iter().map(|each| each.unwrap_or_else(closed)).collect()
        })
    }

    /// The requests of a call, each with the events it carries.
    fn requests(&self, batch: &[Event]) -> Vec<Request> {
        if self.settings.mode == Some(Mode::Batch) {
            return self.batches(batch);
        }
        let single = |event: &Event| {
            let outgoing = outgoing::single(event, self.settings.mode)?;
            Ok((self.settings.url_for(event)?, outgoing, lane(&event.channel, event.key.as_deref())))
        };
        batch.iter().enumerate().map(|(at, event)| (vec![at], single(event))).collect()
    }

    /// Events of one target go together, as many as a batch takes.
    fn batches(&self, batch: &[Event]) -> Vec<Request> {
        let mut requests = Vec::new();
        let mut targets: Vec<(Url, Vec<usize>, Vec<Element>, usize)> = Vec::new();
        let mut close = |(url, indexes, elements, _): (Url, Vec<usize>, Vec<Element>, usize)| {
            let lane = lane(url.path(), None);
            requests.push((indexes, Ok((url, outgoing::batch(&elements), lane))));
        };
        let mut refused = Vec::new();
        for (at, event) in batch.iter().enumerate() {
            let made = self.settings.url_for(event).and_then(|url| Ok((url, outgoing::element(event)?)));
            let (url, element) = match made {
                Ok(made) => made,
                Err(error) => {
                    refused.push((vec![at], Err(error)));
                    continue;
                }
            };
            let found = targets.iter().position(|(known, ..)| *known == url);
            let target = found.unwrap_or_else(|| {
                targets.push((url.clone(), Vec::new(), Vec::new(), 0));
                targets.len() - 1
            });
            let (_, indexes, elements, bytes) = &mut targets[target];
            let is_full = elements.len() >= self.settings.batch || *bytes + element.json.len() > BATCH_BYTES;
            if is_full && !elements.is_empty() {
                let full = (url, std::mem::take(indexes), std::mem::take(elements), 0);
                *bytes = 0;
                close(full);
            }
            let (_, indexes, elements, bytes) = &mut targets[target];
            indexes.push(at);
            *bytes += element.json.len();
            elements.push(element);
        }
        targets.into_iter().for_each(close);
        requests.extend(refused);
        requests
    }

    async fn wait_for_turn(&mut self) {
        if let Some(every) = self.every {
            tokio::time::sleep_until(self.next_turn).await;
            self.next_turn = tokio::time::Instant::now() + every;
        }
    }

    async fn queue(&self, job: Job) {
        let at = usize::try_from(job.lane % self.queues.len() as u64).unwrap_or(0);
        // A worker that is gone drops the receipt, which says so.
        let _ = self.queues[at].send(job).await;
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        self.queues.clear();
        while self.workers.join_next().await.is_some() {}
        Ok(())
    }
}

/// Where a request goes and what it carries, or why there is none, with the events it is for.
type Request = (Vec<usize>, Result<(Url, Outgoing, u64), EndpointError>);

fn lane(channel: &str, key: Option<&[u8]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (channel, key).hash(&mut hasher);
    hasher.finish()
}

/// Makes one request after the other. Where order counts, a failure that may be tried again closes its lane until that very
/// request comes again: what was handed over behind it does not overtake it, it fails too and comes back in order.
async fn work(client: HttpClient, jobs: Arc<Mutex<mpsc::Receiver<Job>>>, ordered: bool) {
    let mut closed: HashMap<u64, Closed> = HashMap::new();
    loop {
        let Some(job) = jobs.lock().await.recv().await else {
            return;
        };
        let request = job.outgoing.fingerprint();
        if let Some(lane) = closed.remove(&job.lane)
            && lane.request != request
            && lane.since.elapsed() < CLOSED_FOR
        {
            let _ = job.receipt.send(Delivery::failed(failure::held_back(&lane.cause)));
            closed.insert(job.lane, lane);
            continue;
        }
        let outcome = client.post(job.url, job.outgoing).await;
        if let Some(cause) = outcome.as_ref().err().filter(|error| ordered && error.retryable()) {
            if closed.len() >= MOST_LANES {
                closed.retain(|_, lane| lane.since.elapsed() < CLOSED_FOR);
            }
            closed.insert(job.lane, Closed { request, since: Instant::now(), cause: cause.clone() });
        }
        // Whoever does not want the receipt need not take it.
        let _ =
            job.receipt.send(Delivery { outcome: outcome.map(|()| Place::default()), at: Instant::now() });
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
        if self.settings.mode == Some(Mode::Batch) { self.settings.batch } else { 1 }
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        Box::pin(self.hand_over(batch))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
