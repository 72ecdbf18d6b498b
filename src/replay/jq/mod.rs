//! jq over events: a filter is compiled once and runs on a thread of its own, where neither a loop nor a recursion of it
//! can hold up the program. It touches no file, no network and no environment.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use thiserror::Error;

use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::Event;

mod compile;
mod mapped;
mod sandbox;
#[cfg(test)]
mod tests;
mod view;

pub use compile::JqError;
pub use view::FIELDS;

/// How long a filter may take for one event before it is given up from outside; the filter itself gives up earlier.
const PATIENCE: Duration = Duration::from_secs(5);
/// Room for recursion; most of it is never touched.
const STACK: usize = 256 << 20;
/// Most outputs of one event that are handed on.
const MOST_OUTPUTS: usize = 10_000;
/// Most bytes of the outputs of one event.
const MOST_OUTPUT_BYTES: usize = 64 << 20;

/// A limit that a filter ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JqLimit {
    /// More steps than a filter may take.
    #[error("it took more than {} steps for one event", sandbox::STEPS)]
    Steps,
    /// More time than a filter may take.
    #[error("it took longer than {} s for one event", sandbox::TIME.as_secs())]
    Time,
    /// Recursion too deep for the stack.
    #[error("its recursion went too deep")]
    Depth,
    /// A text, array, object or number larger than the filter may make.
    #[error("it made a value of more than {} MiB or {} members", sandbox::BYTES >> 20, sandbox::MEMBERS)]
    Size,
    /// More outputs than are handed on.
    #[error("it gave more than {MOST_OUTPUTS} outputs, or {} MiB of them, for one event", MOST_OUTPUT_BYTES >> 20)]
    Outputs,
}

/// Why a filter gave nothing for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JqFailure {
    /// An error of the filter on this event, such as a text where it wants a number; other events may do.
    Event(String),
    /// A limit: the filter is not to be run again.
    Limit(JqLimit),
}

/// What a filter is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// Whether any output is neither `false` nor `null`.
    Truth,
    /// Its outputs.
    Outputs,
    /// The first of them.
    First,
    /// The events its outputs stand for.
    Events,
}

enum Answer {
    Truth(bool),
    Outputs(Vec<String>),
    Events(Vec<Event>),
}

type Job = (Vec<Event>, Want);
type Reply = Result<Answer, JqFailure>;

struct Worker {
    jobs: SyncSender<Job>,
    replies: Receiver<Reply>,
}

/// A compiled filter. Clones share its thread.
#[derive(Clone)]
pub struct Jq {
    text: Arc<str>,
    worker: Arc<Mutex<Worker>>,
    unfit: Arc<Mutex<Unfit>>,
}

/// Events on which a filter failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfit {
    /// How many.
    pub events: u64,
    /// What the filter said of the first.
    pub first: String,
}

impl fmt::Debug for Jq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Jq({})", self.text)
    }
}

impl PartialEq for Jq {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Jq {
    /// Compiles a filter.
    ///
    /// # Errors
    /// [`JqError`] with the part of the text that is wrong.
    pub fn compile(text: &str) -> Result<Self, JqError> {
        let (jobs, taken) = sync_channel(1);
        let (reply, replies) = sync_channel(1024);
        let (compiled, outcome) = sync_channel(1);
        let shared: Arc<str> = text.into();
        let body = {
            let text = Arc::clone(&shared);
            move || run(&text, &compiled, &taken, &reply)
        };
        let no_thread = |_| JqError::whole(text, "there is no thread to run it on");
        std::thread::Builder::new()
            .name("eddy-jq".to_owned())
            .stack_size(STACK)
            .spawn(body)
            .map_err(|error| JqError::whole(text, &format!("there is no thread to run it on: {error}")))?;
        outcome.recv().map_err(no_thread)??;
        Ok(Self {
            text: shared,
            worker: Arc::new(Mutex::new(Worker { jobs, replies })),
            unfit: Arc::default(),
        })
    }

    /// The filter as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// For each event, whether any output is neither `false` nor `null`; ends with the first that ran into a limit.
    pub fn holds(&self, events: &[Event]) -> Vec<Result<bool, JqFailure>> {
        let replies = self.ask(events, Want::Truth);
        if let Ok(mut unfit) = self.unfit.lock() {
            for reply in &replies {
                if let Err(JqFailure::Event(message)) = reply {
                    unfit.events += 1;
                    if unfit.events == 1 {
                        unfit.first.clone_from(message);
                    }
                }
            }
        }
        let truth = |answer| matches!(answer, Answer::Truth(true));
        replies.into_iter().map(|reply| reply.map(truth)).collect()
    }

    /// The events on which the filter failed so far.
    #[must_use]
    pub fn unfit(&self) -> Unfit {
        self.unfit.lock().map(|unfit| unfit.clone()).unwrap_or_default()
    }

    /// The outputs for one event as JSON texts; numbers keep their digits.
    ///
    /// # Errors
    /// An error of the filter on this event, or a limit.
    pub fn outputs(&self, event: &Event) -> Result<Vec<String>, JqFailure> {
        match self.ask(std::slice::from_ref(event), Want::Outputs).pop() {
            Some(Ok(Answer::Outputs(outputs))) => Ok(outputs),
            Some(Err(failure)) => Err(failure),
            _ => Ok(Vec::new()),
        }
    }

    /// The first output for each event as JSON text; ends with the first event that ran into a limit.
    pub(super) fn first_outputs(&self, events: &[Event]) -> Vec<Result<Option<String>, JqFailure>> {
        let first = |answer| match answer {
            Answer::Outputs(mut outputs) => outputs.pop(),
            _ => None,
        };
        self.ask(events, Want::First).into_iter().map(|reply| reply.map(first)).collect()
    }

    /// The events that the outputs for each event stand for; ends with the first event that ran into a limit.
    pub(super) fn events(&self, events: &[Event]) -> Vec<Result<Vec<Event>, JqFailure>> {
        let made = |answer| match answer {
            Answer::Events(events) => events,
            _ => Vec::new(),
        };
        self.ask(events, Want::Events).into_iter().map(|reply| reply.map(made)).collect()
    }

    /// The error that ends a run in which this filter cannot change an event.
    pub(super) fn cannot_change(&self, number: u64, reason: &str) -> EndpointError {
        let message = format!("`--map {}` failed on event {number}: {reason}", self.text);
        EndpointError::new(EndpointErrorKind::Malformed, message)
            .help("leave such events out with `--filter`, or pass them on: `if … then … else . end`")
    }

    /// The error that ends a run of which this filter is part.
    #[must_use]
    pub fn gave_up(&self, limit: JqLimit) -> EndpointError {
        let message = format!("the jq filter `{}` was stopped: {limit}", self.text);
        EndpointError::new(EndpointErrorKind::Malformed, message)
            .help("look for a loop or a recursion without an end; `limit(N; …)` and `first(…)` end one")
    }

    /// Asks for each event; after a limit nothing more is asked.
    fn ask(&self, events: &[Event], want: Want) -> Vec<Reply> {
        let lost = || Err(JqFailure::Limit(JqLimit::Time));
        let Ok(worker) = self.worker.lock() else {
            return events.iter().map(|_| lost()).collect();
        };
        if events.is_empty() || worker.jobs.send((events.to_vec(), want)).is_err() {
            return events.iter().map(|_| lost()).collect();
        }
        let mut replies = Vec::with_capacity(events.len());
        while replies.len() < events.len() {
            let reply = match worker.replies.recv_timeout(PATIENCE) {
                Ok(reply) => reply,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => lost(),
            };
            let ended = matches!(reply, Err(JqFailure::Limit(_)));
            replies.push(reply);
            if ended {
                break;
            }
        }
        replies
    }
}

/// The body of the thread: compiles, says how that went, then answers until nobody asks any more.
fn run(
    text: &str,
    compiled: &SyncSender<Result<(), JqError>>,
    jobs: &Receiver<Job>,
    replies: &SyncSender<Reply>,
) {
    let filter = match compile::compile(text) {
        Ok(filter) => filter,
        Err(error) => {
            // Nobody listens only when the program is ending.
            let _ = compiled.send(Err(error));
            return;
        }
    };
    if compiled.send(Ok(())).is_err() {
        return;
    }
    while let Ok((events, want)) = jobs.recv() {
        for event in events {
            let reply = answer(&filter, &event, want);
            let ended = matches!(reply, Err(JqFailure::Limit(_)));
            if replies.send(reply).is_err() || ended {
                return;
            }
        }
    }
}

fn answer(filter: &compile::Filter, event: &Event, want: Want) -> Reply {
    let (mut outputs, mut events) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    let input = view::value(event);
    for output in sandbox::run(filter, input.clone()) {
        let value = output?;
        if want == Want::Truth {
            if view::is_true(&value) {
                return Ok(Answer::Truth(true));
            }
            continue;
        }
        if want == Want::Events {
            let made = mapped::event(&value, &input, event).map_err(JqFailure::Event)?;
            bytes += made.size();
            events.push(made);
        } else {
            let text = value.to_string();
            bytes += text.len();
            outputs.push(text);
        }
        if outputs.len().max(events.len()) > MOST_OUTPUTS || bytes > MOST_OUTPUT_BYTES {
            return Err(JqFailure::Limit(JqLimit::Outputs));
        }
        if want == Want::First {
            break;
        }
    }
    Ok(match want {
        Want::Truth => Answer::Truth(false),
        Want::Outputs | Want::First => Answer::Outputs(outputs),
        Want::Events => Answer::Events(events),
    })
}
