//! What JetStream says to published events: each has a reply subject of its own below one inbox, which ends in its number.
//! One subscription takes all of them, so that an event costs no future, no timer and no entry in a table.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::failure;
use super::pipe::Pipe;
use super::wire::{self, Received};
use crate::endpoint::receipt_book::ReceiptBook;
use crate::endpoint::{Address, EndpointError, EndpointErrorKind};
use crate::event::Place;

/// What was said to the event with this number.
pub(super) type Acknowledged = (usize, Result<Place, EndpointError>);

/// The acknowledgements that come over one connection.
#[derive(Debug)]
pub(super) struct Acknowledgements {
    /// Where they go, up to the number.
    pub(super) inbox: Vec<u8>,
    pub(super) book: Arc<ReceiptBook>,
    /// Events carry the marks of their run.
    pub(super) marked: bool,
    /// Events may have come over an earlier connection that was lost before their acknowledgements.
    pub(super) comes_again: bool,
}

impl Acknowledgements {
    /// Listens for those that go into the `book`, which the connection was made with.
    ///
    /// # Errors
    /// When the user may not, the connection is lost, or the server says nothing within `timeout`.
    pub(super) async fn listen(
        pipe: &Pipe,
        book: Arc<ReceiptBook>,
        address: &Address,
        timeout: Duration,
    ) -> Result<Self, EndpointError> {
        // Random enough that nobody else listens there by accident, and short, for it stands in every message.
        let name = uuid::Uuid::new_v4().as_u64_pair().0;
        let inbox = format!("_INBOX.{name:x}.");
        let read = pipe.send(format!("SUB {inbox}* 1\r\n").into_bytes().into()).await;
        let read =
            tokio::time::timeout(timeout, read).await.map_err(|_| failure::no_inbox(address, timeout))?;
        let refused = read.unwrap_or_else(|_| Err(failure::disconnected(address)))?;
        match refused.first() {
            Some(words) => Err(failure::forbidden(words, address)),
            None => Ok(Self { inbox: inbox.into_bytes(), book, marked: false, comes_again: false }),
        }
    }

    /// Writes where the acknowledgement of the event with this number goes. One that goes by a name of its own must not be taken
    /// for another event of that name, unless that may have been itself.
    pub(super) fn put_reply(&self, reply: &mut Vec<u8>, number: usize, has_name: bool) {
        reply.extend_from_slice(&self.inbox);
        wire::put_number(reply, number * 2 + usize::from(has_name && !self.comes_again));
    }
}

/// The acknowledgement in a message; `None` where it is none.
pub(super) fn read(message: &Received<'_>, address: &Address) -> Option<Acknowledged> {
    let last = memchr::memrchr(b'.', message.subject)?;
    let number = wire::number(&message.subject[last + 1..]).ok()?;
    let must_be_new = number % 2 == 1;
    Some((number / 2, outcome(message, must_be_new, address)))
}

/// What a server answers, in the fields that matter.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    seq: Option<u64>,
    /// The stream has an event of this name, and did not keep the one that came.
    #[serde(default)]
    duplicate: bool,
    #[serde(default)]
    error: Option<async_nats::jetstream::Error>,
}

/// What an acknowledgement says; see "Publishing to JetStream" of the NATS documentation.
fn outcome(message: &Received<'_>, must_be_new: bool, address: &Address) -> Result<Place, EndpointError> {
    if message.status == Some(503) {
        return Err(EndpointError::new(EndpointErrorKind::NotFound, "no stream keeps the subject"));
    }
    let refused = |words: String| {
        EndpointError::new(EndpointErrorKind::Rejected, format!("`{address}` refused the event: {words}"))
    };
    match serde_json::from_slice(message.payload) {
        Ok(Said { error: Some(error), .. }) => {
            let kind = if is_full(&error) { EndpointErrorKind::Full } else { EndpointErrorKind::Rejected };
            Err(EndpointError { kind, ..refused(error.to_string()) })
        }
        Ok(Said { seq: Some(sequence), duplicate: true, .. }) if must_be_new => {
            Err(failure::taken_for_another(sequence, address))
        }
        Ok(Said { seq: Some(sequence), .. }) => Ok(Place { partition: None, offset: Some(sequence) }),
        Ok(_) => Err(refused("its acknowledgement has no sequence number".to_owned())),
        Err(error) => Err(refused(format!("its acknowledgement cannot be read ({error})"))),
    }
}

/// Whether there may be room later. What a stream keeps of one subject is no matter of room: it says what may be there.
fn is_full(error: &async_nats::jetstream::Error) -> bool {
    let words = error.to_string();
    error.code() == 503 && !words.contains("per subject")
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::endpoint::nats::wire::Received;
    use crate::endpoint::{Address, EndpointErrorKind};

    #[test]
    fn acknowledgements_are_read() {
        let address = Address::parse("jetstream+nats://host/orders").expect("an address");
        let answer = |subject: &'static [u8], status, payload: &'static str| {
            let message = Received { subject, status, payload: payload.as_bytes() };
            let (number, outcome) = read(&message, &address).expect("an acknowledgement");
            assert_eq!(number, 17);
            outcome.map(|place| place.offset).map_err(|error| error.kind)
        };
        let said = |status, payload| answer(b"_INBOX.1f.34", status, payload);
        let twice = r#"{"stream":"ORDERS","seq":3,"domain":"x","duplicate":true}"#;
        assert_eq!(said(None, twice), Ok(Some(3)));
        assert_eq!(answer(b"_INBOX.1f.35", None, twice), Err(EndpointErrorKind::Rejected));
        assert_eq!(answer(b"_INBOX.1f.35", None, r#"{"stream":"ORDERS","seq":3}"#), Ok(Some(3)));
        assert_eq!(said(Some(503), ""), Err(EndpointErrorKind::NotFound));
        let full =
            r#"{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"seq":0}"#;
        assert_eq!(said(None, full), Err(EndpointErrorKind::Full));
        let other = r#"{"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"},"seq":0}"#;
        for refused in [other, "{}", "", "1"] {
            assert_eq!(said(None, refused), Err(EndpointErrorKind::Rejected), "{refused}");
        }
        for other in [&b"_INBOX.1f.x"[..], b"_INBOX", b"_INBOX.1f."] {
            assert!(read(&Received { subject: other, status: None, payload: b"" }, &address).is_none());
        }
    }
}
