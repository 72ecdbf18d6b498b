//! A part of what is published: messages next to each other as they go over the wire, and where they go.

use compact_str::CompactString;

use super::pipe::Pipe;
use super::{failure, message, wire};
use crate::endpoint::{Address, EndpointError, EndpointErrorKind};
use crate::event::Event;

/// Bytes of a message beside its payload, roughly.
const FRAMING: usize = 64;

/// The messages of a batch, or of the beginning of one.
pub(super) struct Part {
    bytes: Vec<u8>,
    headers: Vec<u8>,
    reply: Vec<u8>,
    /// Where events go that follow each other, with the place of the first in the batch.
    subjects: Vec<(usize, CompactString)>,
    max_payload: usize,
    takes_headers: bool,
}

impl Part {
    /// An empty one for a batch that goes over this connection.
    pub(super) fn new(pipe: &Pipe, batch: &[Event]) -> Self {
        let (max_payload, takes_headers) = pipe.limits();
        let bytes = batch.iter().map(|event| event.size() + FRAMING).sum::<usize>() + wire::PING.len();
        Self {
            bytes: Vec::with_capacity(bytes),
            headers: Vec::new(),
            reply: Vec::new(),
            subjects: Vec::new(),
            max_payload,
            takes_headers,
        }
    }

    /// Writes the message of the event at this place in the batch. `put_reply` writes where the answer goes; with
    /// `recognised`, JetStream knows it when it comes a second time.
    ///
    /// # Errors
    /// When the server would not take it; nothing was written then.
    pub(super) fn put(
        &mut self,
        at: usize,
        (event, subject): (&Event, &str),
        put_reply: impl FnOnce(&mut Vec<u8>) -> Result<(), EndpointError>,
        recognised: bool,
    ) -> Result<(), EndpointError> {
        if self.subjects.last().is_none_or(|(_, last)| last != subject) {
            message::check_subject(subject)?;
            self.subjects.push((at, subject.into()));
        }
        message::put_headers(&mut self.headers, event, recognised)?;
        if !self.headers.is_empty() && !self.takes_headers {
            let message = "the server takes no headers (`no_header_support`)";
            return Err(EndpointError::new(EndpointErrorKind::Rejected, message));
        }
        let payload = event.payload.as_deref().unwrap_or_default();
        message::check_size(&self.headers, payload, self.max_payload)?;
        put_reply(&mut self.reply)?;
        wire::put_message(&mut self.bytes, subject, &self.reply, &self.headers, payload);
        Ok(())
    }

    /// What was written since the last time.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Where the events went.
    pub(super) fn into_subjects(self) -> Subjects {
        Subjects(self.subjects)
    }
}

/// Where the events of a batch went.
pub(super) struct Subjects(Vec<(usize, CompactString)>);

impl Subjects {
    /// Where the event at this place went, if it did.
    pub(super) fn of(&self, at: usize) -> Option<&str> {
        let behind = self.0.partition_point(|(first, _)| *first <= at);
        Some(&self.0.get(behind.checked_sub(1)?)?.1)
    }

    /// Why the event at this place was refused, when one of the server's words names its subject.
    pub(super) fn refusal(&self, at: usize, words: &[String], address: &Address) -> Option<EndpointError> {
        if words.is_empty() {
            return None;
        }
        let quoted = format!("\"{}\"", self.of(at)?);
        let named = words.iter().find(|words| words.contains(&quoted));
        named.map(|words| failure::forbidden(words, address))
    }
}
