//! What is shown now, for all pages that are open, and what they wish to see.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use crate::output::page::live::LivePage;

/// Channels whose events are shown at the same time, by all pages together.
const MOST_TAILS: usize = 8;

/// One thing a stream of events tells a page: its kind, and what.
pub(super) type Message = (&'static str, String);

/// A page that wishes to see the events of a channel.
#[derive(Debug)]
pub(super) struct Wish {
    /// The identifier of the channel.
    pub channel: String,
    /// Where events go; closed when the page has gone.
    pub out: mpsc::Sender<Message>,
    /// One of the places that there are for tails.
    pub room: OwnedSemaphorePermit,
}

/// What pages are told.
#[derive(Debug)]
pub(super) struct Hub {
    /// Names and addresses of this machine by which it may be spoken to.
    pub hosts: [String; 3],
    /// The page.
    pub page: watch::Sender<Arc<LivePage>>,
    /// Rates and lags as JSON; empty before the second look.
    pub speeds: watch::Sender<Arc<str>>,
    /// What keeps the page from following; empty when nothing does.
    pub problem: watch::Sender<String>,
    /// Whether it is over.
    pub over: watch::Sender<bool>,
    /// Wishes of pages.
    pub wishes: mpsc::Sender<Wish>,
    /// Room for tails.
    pub room: Arc<Semaphore>,
}

impl Hub {
    /// A hub, and the wishes that come to it.
    pub(super) fn new(port: u16, page: LivePage) -> (Arc<Self>, mpsc::Receiver<Wish>) {
        let (wishes, asked_for) = mpsc::channel(MOST_TAILS);
        let hub = Self {
            hosts: ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}")),
            page: watch::Sender::new(Arc::new(page)),
            speeds: watch::Sender::new(Arc::from("")),
            problem: watch::Sender::new(String::new()),
            over: watch::Sender::new(false),
            wishes,
            room: Arc::new(Semaphore::new(MOST_TAILS)),
        };
        (Arc::new(hub), asked_for)
    }

    /// Shows another page, unless it is the same.
    pub(super) fn show(&self, page: LivePage) {
        self.page.send_if_modified(|shown| {
            let is_new = shown.version != page.version;
            if is_new {
                *shown = Arc::new(page);
            }
            is_new
        });
    }

    /// Ends everything that goes on, and waits until every tail has left its system.
    pub(super) async fn stop(&self) {
        self.over.send_replace(true);
        let all = u32::try_from(MOST_TAILS).unwrap_or(u32::MAX);
        // The room is never closed.
        let _ = self.room.acquire_many(all).await;
    }
}
