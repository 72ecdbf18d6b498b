//! A part of what is published: messages next to each other as they go over the wire, and where they go.

use bytes::Bytes;
use compact_str::CompactString;

use super::acknowledgements::Acknowledgements;
use super::pipe::Pipe;
use super::{message, wire};
use crate::endpoint::rope::Rope;
use crate::endpoint::{EndpointError, EndpointErrorKind};
use crate::event::Event;

/// Bytes of a message beside its payload, roughly.
const FRAMING: usize = 64;
/// What a null payload is to NATS.
static NO_PAYLOAD: Bytes = Bytes::new();

/// Where the answer to a message is to go.
#[derive(Clone, Copy)]
pub(super) enum Answer<'a> {
    /// To this subject; nowhere when it is empty.
    To(&'a str),
    /// JetStream's acknowledgement of the event with this number; JetStream knows the event again that comes a second time.
    Acknowledgement(&'a Acknowledgements, usize),
}

/// The messages of a batch, or of the beginning of one.
pub(super) struct Part {
    bytes: Rope,
    headers: Vec<u8>,
    reply: Vec<u8>,
    subjects: Subjects,
    max_payload: usize,
    takes_headers: bool,
}

impl Part {
    /// An empty one for a batch that goes over this connection.
    pub(super) fn new(pipe: &Pipe, batch: &[Event]) -> Self {
        let (max_payload, takes_headers) = pipe.limits();
        let copied = |event: &Event| {
            let payload = event.payload.as_ref().map_or(0, Bytes::len);
            event.size() - payload + Rope::copied(payload) + FRAMING
        };
        let bytes = batch.iter().map(copied).sum::<usize>() + wire::PING.len();
        Self {
            bytes: Rope::with_capacity(bytes),
            headers: Vec::new(),
            reply: Vec::new(),
            subjects: Subjects::default(),
            max_payload,
            takes_headers,
        }
    }

    /// Writes the message of the event at this place in the batch.
    ///
    /// # Errors
    /// When the server would not take it; nothing was written then.
    pub(super) fn put(
        &mut self,
        at: usize,
        (event, subject): (&Event, &str),
        answer: Answer<'_>,
    ) -> Result<(), EndpointError> {
        if self.subjects.rows.last().is_none_or(|(_, last)| last != subject) {
            message::check_subject(subject)?;
            self.subjects.rows.push((at, subject.into()));
        }
        let by_marks =
            matches!(answer, Answer::Acknowledgement(acknowledgements, _) if acknowledgements.marked);
        let has_name = message::put_headers(&mut self.headers, event, by_marks)?;
        if !self.headers.is_empty() && !self.takes_headers {
            let message = "the server takes no headers (`no_header_support`)";
            return Err(EndpointError::new(EndpointErrorKind::Rejected, message));
        }
        let payload = event.payload.as_ref().unwrap_or(&NO_PAYLOAD);
        message::check_size(&self.headers, payload, self.max_payload)?;
        self.reply.clear();
        match answer {
            Answer::To("") => {}
            Answer::To(reply) => {
                message::check_reply(reply)?;
                self.reply.extend_from_slice(reply.as_bytes());
                self.subjects.replies.push((at, reply.into()));
            }
            Answer::Acknowledgement(acknowledgements, number) => {
                acknowledgements.put_reply(&mut self.reply, number, has_name);
            }
        }
        message::check_length(subject, &self.reply)?;
        wire::put_message(&mut self.bytes, subject, &self.reply, &self.headers, payload);
        Ok(())
    }

    /// What was written since the last time.
    pub(super) fn take(&mut self) -> Rope {
        std::mem::take(&mut self.bytes)
    }

    /// Where the events went so far.
    pub(super) fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// Where the events went.
    pub(super) fn into_subjects(self) -> Subjects {
        self.subjects
    }
}

/// Where the events of a batch went, or were to go: some may have been refused before they were written.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    /// Those of events that follow each other, with the place of the first in the batch.
    rows: Vec<(usize, CompactString)>,
    /// Where answers to single events were asked for, in order.
    replies: Vec<(usize, CompactString)>,
}

impl Subjects {
    /// Where the event at this place went.
    pub(super) fn of(&self, at: usize) -> Option<&str> {
        let behind = self.rows.partition_point(|(first, _)| *first <= at);
        Some(&self.rows.get(behind.checked_sub(1)?)?.1)
    }

    fn reply_of(&self, at: usize) -> Option<&str> {
        let place = self.replies.binary_search_by_key(&at, |(at, _)| *at).ok()?;
        Some(&self.replies[place].1)
    }

    /// Whether the event at this place is the one that a server refused.
    pub(super) fn concerns(&self, at: usize, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::Subject(subject) => self.of(at) == Some(subject),
            Refusal::Reply(reply) => self.reply_of(at) == Some(reply),
            Refusal::Other => false,
        }
    }
}

/// What a server refused, as far as its words say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Everything that goes to this subject.
    Subject(String),
    /// Everything that is to be answered there.
    Reply(String),
    /// Something else.
    Other,
}

impl Refusal {
    /// Reads the words of a server.
    pub(super) fn of(words: &str) -> Self {
        let Some((what, quoted)) = words.split_once(" \"").filter(|(_, quoted)| quoted.ends_with('"')) else {
            return Self::Other;
        };
        // The server quotes as Go does, which is as JSON does for what subjects are made of.
        let named = serde_json::from_str(&format!("\"{quoted}"));
        match (what, named) {
            ("Permissions Violation for Publish to", Ok(subject)) => Self::Subject(subject),
            ("Permissions Violation for Publish with Reply of", Ok(reply)) => Self::Reply(reply),
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Refusal, Subjects};

    #[test]
    fn refusals_find_their_events() {
        let subjects = Subjects {
            rows: vec![(0, "a".into()), (2, "b\\\"".into()), (5, "a".into())],
            replies: vec![(1, "$JS.ACK.x".into())],
        };
        let concerned = |words: &str| -> Vec<usize> {
            let refusal = Refusal::of(words);
            (0..7).filter(|&at| subjects.concerns(at, &refusal)).collect()
        };
        assert_eq!(concerned("Permissions Violation for Publish to \"a\""), [0, 1, 5, 6]);
        assert_eq!(concerned(r#"Permissions Violation for Publish to "b\\\"""#), [2, 3, 4]);
        assert_eq!(concerned("Permissions Violation for Publish with Reply of \"$JS.ACK.x\""), [1]);
        for other in ["Slow Consumer", "Permissions Violation for Publish to \"a", "something of \"a\""] {
            assert_eq!(Refusal::of(other), Refusal::Other, "{other}");
        }
    }
}
