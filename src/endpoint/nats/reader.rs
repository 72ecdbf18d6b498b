//! A reader of a stream that nobody shares and the server forgets by itself: every event once, in order. When events were lost
//! on their way, or the server has forgotten the reader, another one goes on behind the last event that was given out.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::{Config, MessagesErrorKind, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt;

use super::message::{self, Stored};
use crate::endpoint::removed::Gaps;
use crate::endpoint::{BoxFuture, EndpointError, EndpointErrorKind};

/// Events asked for ahead at most, and the bytes of them: half of both is asked for again when half has come. More makes reading
/// faster, as long as the server need not wait for being asked.
const AHEAD: usize = 8192;
const BYTES_AHEAD: usize = 4 * 1024 * 1024;

/// What the server counts of the largest event besides its payload: subjects and headers.
const BYTES_AROUND: usize = 128 * 1024;

/// How long a question for more events stands, and how often the server shows meanwhile that it knows the reader.
const ASKED_FOR: Duration = Duration::from_secs(30);
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// As long a reader is remembered that asks for nothing, where the stream allows it.
pub(super) const REMEMBERED: Duration = ASKED_FOR;

/// How long making a reader may take before it is tried again.
const MAKING: Duration = Duration::from_secs(5);
/// How long is waited before the second attempt; it doubles with each.
const AGAIN: Duration = Duration::from_millis(200);
/// How often making a reader again is tried until it is said that it fails; then it is tried anew.
const ATTEMPTS: u32 = 4;

/// A reader that was made, and what the server calls it.
type Made = (String, Messages);

/// Why the server makes no reader.
type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// What is read, and what makes readers of it.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) context: Context,
    /// The name of the stream.
    pub(super) stream: String,
    /// The subjects to read of it; all, when empty.
    pub(super) filter: String,
    /// How long the server remembers a reader that asks for nothing.
    pub(super) remembered: Duration,
    /// What it is called in messages.
    pub(super) address: String,
}

impl Subject {
    /// Has the server make a reader that begins at this place.
    async fn read_from(&self, place: DeliverPolicy, name: &str) -> Result<Messages, Refusal> {
        let config = Config {
            name: Some(name.to_owned()),
            description: Some("eddy".to_owned()),
            deliver_policy: place,
            filter_subject: self.filter.clone(),
            ack_policy: AckPolicy::None,
            max_deliver: 1,
            inactive_threshold: self.remembered,
            memory_storage: true,
            num_replicas: 1,
            ..Config::default()
        };
        let consumer = self.context.create_consumer_on_stream(config, &self.stream).await?;
        let limits = &consumer.cached_info().config;
        let at_most = |wanted: usize, limit: i64| {
            usize::try_from(limit).ok().filter(|limit| *limit > 0).map_or(wanted, |limit| wanted.min(limit))
        };
        let ahead = at_most(AHEAD, limits.max_batch);
        // An event that is larger than what is asked for at once never comes.
        let largest = self.context.client().server_info().max_payload;
        let bytes = at_most(BYTES_AHEAD.max(largest.saturating_add(BYTES_AROUND)), limits.max_bytes);
        let asked_for =
            if limits.max_expires.is_zero() { ASKED_FOR } else { ASKED_FOR.min(limits.max_expires) };
        let asking = consumer.stream().max_messages_per_batch(ahead).max_bytes_per_batch(bytes);
        let asking = asking.expires(asked_for).heartbeat(SIGN_OF_LIFE.min(asked_for / 2));
        Ok(asking.messages().await?)
    }

    /// As before, in some attempts: whoever reads looks after the stream meanwhile.
    ///
    /// # Errors
    /// Why the last one failed.
    async fn read_again_from(self, place: DeliverPolicy, before: String) -> Result<Made, Refusal> {
        // The server forgets it by itself; saying so at once is good manners.
        let forgotten = self.context.delete_consumer_from_stream(&before, &self.stream);
        let _ = tokio::time::timeout(AGAIN, forgotten).await;
        // One name, so that an attempt whose answer was lost leaves no reader behind.
        let name = new_name();
        let (mut wait, mut attempts) = (AGAIN, 0);
        loop {
            let made = tokio::time::timeout(MAKING, self.read_from(place, &name)).await;
            let refusal = match made.unwrap_or_else(|_| Err("the server does not answer".into())) {
                Ok(messages) => return Ok((name, messages)),
                Err(refusal) => refusal,
            };
            attempts += 1;
            if attempts == ATTEMPTS {
                return Err(refusal);
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
    }
}

/// A reader.
pub(super) struct Reader {
    subject: Subject,
    /// What the server calls it.
    name: String,
    messages: Messages,
    /// How many events the server has sent it.
    count: u64,
    /// Where it goes on.
    place: DeliverPolicy,
    /// The sequence number behind that of the last event.
    behind: Option<u64>,
    /// How many the server had for us behind it.
    pending: u64,
    /// Sequence numbers that did not come.
    gaps: Gaps,
    /// The server has not shown for a while that it knows it.
    is_silent: bool,
    /// The server has refused how much was asked for.
    is_refused: bool,
    /// Another one that is being made.
    next: Option<BoxFuture<'static, Result<Made, Refusal>>>,
    /// It was made after the first one, and nobody has looked since whether the stream is still the same.
    is_another: bool,
}

impl Reader {
    /// Begins to read.
    ///
    /// # Errors
    /// When the server makes no reader.
    pub(super) async fn open(subject: Subject, place: DeliverPolicy) -> Result<Self, Refusal> {
        let name = new_name();
        let messages = subject.read_from(place, &name).await?;
        let gaps = Gaps::new(!subject.filter.is_empty());
        Ok(Self {
            subject,
            name,
            messages,
            count: 0,
            place,
            behind: None,
            pending: 0,
            gaps,
            is_silent: false,
            is_refused: false,
            next: None,
            is_another: false,
        })
    }

    /// The next event. Whoever waits may look away at any time.
    ///
    /// # Errors
    /// When reading is interrupted; what comes next is still given out.
    pub(super) async fn next(&mut self) -> Result<Stored, EndpointError> {
        loop {
            if let Some(next) = &mut self.next {
                let made = next.await;
                self.next = None;
                match made {
                    Ok(made) => (self.name, self.messages) = made,
                    Err(refusal) => {
                        self.begin_again();
                        let message =
                            format!("`{}` makes no reader of the stream: {refusal}", self.subject.address);
                        return Err(EndpointError::new(EndpointErrorKind::Disconnected, message));
                    }
                }
                (self.count, self.is_silent, self.is_another) = (0, false, true);
            }
            let error = match self.messages.next().await {
                Some(Ok(message)) => {
                    let stored = message::stored(message)?;
                    self.is_silent = false;
                    if stored.count == self.count + 1 {
                        (self.count, self.is_refused) = (stored.count, false);
                        self.has_come_to(&stored);
                        return Ok(stored);
                    }
                    self.begin_again();
                    continue;
                }
                Some(Err(error)) => error,
                None => {
                    self.begin_again();
                    continue;
                }
            };
            match error.kind() {
                MessagesErrorKind::MissingHeartbeat if !self.is_silent => self.is_silent = true,
                MessagesErrorKind::MissingHeartbeat
                | MessagesErrorKind::ConsumerDeleted
                | MessagesErrorKind::NoResponders => self.begin_again(),
                MessagesErrorKind::RequestLimitExceeded if !self.is_refused => {
                    self.is_refused = true;
                    self.begin_again();
                }
                _ => {
                    let message = format!("reading `{}` was interrupted: {error}", self.subject.address);
                    return Err(EndpointError::new(EndpointErrorKind::Disconnected, message));
                }
            }
        }
    }

    /// Goes on behind this event.
    fn has_come_to(&mut self, stored: &Stored) {
        let sequence = stored.sequence();
        if let Some(expected) = self.behind.filter(|expected| sequence > *expected)
            && self.may_miss(stored.pending)
        {
            self.gaps.jumped(expected, sequence);
        }
        (self.behind, self.pending) = (Some(sequence + 1), stored.pending);
        self.place = from_sequence(sequence + 1);
    }

    /// Whether events may be missing between the last one and one with so many behind it. Of some subjects, where none was waiting
    /// before or after, the reader was at the end, and what lay between were other subjects.
    fn may_miss(&self, pending: u64) -> bool {
        self.subject.filter.is_empty() || self.pending > 0 || pending > 0
    }

    /// Nothing came before this sequence number, which is the end.
    pub(super) fn ends_at(&mut self, sequence: u64) {
        if let Some(behind) = self.behind.filter(|_| self.may_miss(0)) {
            self.gaps.jumped(behind, sequence);
            self.behind = Some(behind.max(sequence));
        }
    }

    /// Sequence numbers that did not come, of which it is not known why.
    pub(super) fn gaps(&mut self) -> &mut Gaps {
        &mut self.gaps
    }

    /// How many events of the stream have not come; none when the server knows the reader no more, does not say, or waits for
    /// nobody with what it has.
    pub(super) async fn left(&mut self, stream: &Stream) -> Option<u64> {
        if self.next.is_some() {
            return None;
        }
        let asked = tokio::time::timeout(MAKING, stream.consumer_info(&self.name)).await;
        let known = asked.ok()?.ok()?;
        if known.num_pending > 0 && known.num_waiting == 0 {
            return None;
        }
        let under_way = known.delivered.consumer_sequence.saturating_sub(self.count);
        Some(known.num_pending.saturating_add(under_way))
    }

    /// Has another reader made that goes on where this one stands.
    pub(super) fn begin_again(&mut self) {
        // One that is being made takes its time.
        if self.next.is_some() {
            return;
        }
        let subject = self.subject.clone();
        self.next = Some(Box::pin(subject.read_again_from(self.place, self.name.clone())));
    }

    /// Whether it was made after the first one, and the stream it reads may have been made anew before.
    pub(super) fn is_another(&self) -> bool {
        self.is_another
    }

    /// The stream is the one that was read before.
    pub(super) fn reads_the_same(&mut self) {
        self.is_another = false;
    }

    /// Where it goes on.
    pub(super) fn place(&self) -> DeliverPolicy {
        self.place
    }

    /// What the server calls it, to be forgotten.
    pub(super) fn into_name(self) -> String {
        self.name
    }
}

/// A name that no other reader has.
fn new_name() -> String {
    format!("eddy-{}", uuid::Uuid::new_v4())
}

/// From the event with this sequence number on.
pub(super) fn from_sequence(sequence: u64) -> DeliverPolicy {
    DeliverPolicy::ByStartSequence { start_sequence: sequence.max(1) }
}
