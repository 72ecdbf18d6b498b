//! What JetStream says to published events: each has a reply subject of its own below one inbox, which ends in its number.
//! One subscription takes all of them, so that an event costs no future, no timer and no entry in a table.

use std::sync::Arc;

use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::{Message, StatusCode, Subject};
use futures_util::StreamExt;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::failure;
use crate::endpoint::receipt_book::ReceiptBook;
use crate::endpoint::{Address, EndpointError, EndpointErrorKind};
use crate::event::Place;

/// Those that lie ready are noted together, at most so many.
const AT_ONCE: usize = 256;

/// The acknowledgements of one connection. They end with it, and when this is dropped.
#[derive(Debug)]
pub(super) struct Acknowledgements {
    inbox: String,
    pub(super) book: Arc<ReceiptBook>,
    _listening: JoinSet<()>,
}

impl Acknowledgements {
    /// Listens for them.
    ///
    /// # Errors
    /// When the client is gone.
    pub(super) async fn listen(connection: &Connection) -> Result<Self, EndpointError> {
        let inbox = connection.client.new_inbox();
        let subscribed = connection.client.subscribe(format!("{inbox}.*")).await;
        let answers = subscribed.map_err(|_| failure::disconnected(&connection.address))?;
        let mut answers = answers.ready_chunks(AT_ONCE);
        let book = Arc::new(ReceiptBook::default());
        let (noted, address) = (Arc::clone(&book), connection.address.clone());
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            while let Some(answers) = answers.next().await {
                let numbered =
                    answers.iter().filter_map(|answer| Some((number_of(&answer.subject)?, answer)));
                noted.settle_all(numbered.map(|(number, answer)| (number, outcome(answer, &address))));
            }
        });
        Ok(Self { inbox, book, _listening: listening })
    }

    /// Where the acknowledgement of an event goes.
    pub(super) fn reply_to(&self, number: usize) -> Subject {
        Subject::from(format!("{}.{number}", self.inbox))
    }
}

fn number_of(subject: &str) -> Option<usize> {
    subject.rsplit_once('.')?.1.parse().ok()
}

/// What an acknowledgement says; see "Publishing to JetStream" of the NATS documentation.
fn outcome(answer: &Message, address: &Address) -> Result<Place, EndpointError> {
    if answer.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(EndpointError::new(EndpointErrorKind::NotFound, "no stream keeps the subject"));
    }
    let refused = |words: String| {
        EndpointError::new(EndpointErrorKind::Rejected, format!("`{address}` refused the event: {words}"))
    };
    match serde_json::from_slice::<Response<PublishAck>>(&answer.payload) {
        Ok(Response::Ok(stored)) => Ok(Place { partition: None, offset: Some(stored.sequence) }),
        Ok(Response::Err { error }) => Err(refused(error.to_string())),
        Err(error) => Err(refused(format!("its acknowledgement cannot be read ({error})"))),
    }
}
