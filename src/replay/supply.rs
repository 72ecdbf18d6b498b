//! Sources that make their events themselves: from a closure, or from the lines of a text.

use std::io::{BufRead, BufReader, Read};

use tokio::sync::mpsc;

use crate::endpoint::{BoxFuture, EndpointError, EndpointErrorKind, Source};
use crate::event::json_lines::MAX_LINE;
use crate::event::{Event, Timestamp};

/// Makes the next event, or none any more; it is given the number of the event, from 0.
pub type Maker = Box<dyn FnMut(u64) -> Result<Option<Event>, EndpointError> + Send>;

/// Events from a closure, as they are asked for.
pub struct MadeSource {
    maker: Maker,
    made: u64,
    most: usize,
}

impl MadeSource {
    /// A source that asks `maker` for each event.
    #[must_use]
    pub fn new(maker: Maker) -> Self {
        Self { maker, made: 0, most: usize::MAX }
    }

    /// Makes at most this many events at a time: what is made ahead carries the time of its making.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self { most: most.max(1), ..self }
    }
}

impl Source for MadeSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        let mut batch = Vec::new();
        let mut failure = None;
        while batch.len() < max.min(self.most) {
            match (self.maker)(self.made) {
                Ok(Some(event)) => batch.push(event),
                Ok(None) => break,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
            self.made += 1;
        }
        // Events made before the failing one go first; the maker fails again when asked again.
        let result = match failure {
            Some(error) if batch.is_empty() => Err(error),
            _ => Ok(batch),
        };
        Box::pin(std::future::ready(result))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Makes the event of one line; an error says what is wrong with it.
pub type LineMaker = Box<dyn FnMut(Vec<u8>) -> Result<Event, String> + Send>;

/// Lines handed over at once.
const LINES_AT_ONCE: usize = 256;
/// Bytes handed over at once, unless one line is longer.
const BYTES_AT_ONCE: usize = 256 * 1024;

type Lines = Vec<Result<Vec<u8>, EndpointError>>;

/// One event for each line of a text; a thread reads ahead a little, because reading may block.
pub struct LineSource {
    name: String,
    lines: mpsc::Receiver<Lines>,
    left: std::vec::IntoIter<Result<Vec<u8>, EndpointError>>,
    make: LineMaker,
    read: u64,
    failure: Option<EndpointError>,
}

impl LineSource {
    /// Each line, without its end, is given to `make`; `name` is how the text is called in messages.
    #[must_use]
    pub fn new(name: &str, input: impl Read + Send + 'static, make: LineMaker) -> Self {
        let (sender, lines) = mpsc::channel(4);
        let body_name = name.to_owned();
        // A thread that cannot be started drops the sender, and the source ends.
        drop(std::thread::Builder::new().spawn(move || read_lines(&body_name, input, &sender)));
        Self { name: name.to_owned(), lines, left: Vec::new().into_iter(), make, read: 0, failure: None }
    }

    /// Each line becomes the payload of an event that is otherwise like `pattern`.
    #[must_use]
    pub fn of_payloads(name: &str, input: impl Read + Send + 'static, pattern: Event) -> Self {
        let make = move |line: Vec<u8>| {
            Ok(Event { payload: Some(line.into()), received: Timestamp::now(), ..pattern.clone() })
        };
        Self::new(name, input, Box::new(make))
    }

    fn event(&mut self, line: Result<Vec<u8>, EndpointError>) -> Result<Event, EndpointError> {
        self.read += 1;
        (self.make)(line?).map_err(|what| {
            let message = format!("line {} of `{}`: {what}", self.read, self.name);
            EndpointError::new(EndpointErrorKind::Malformed, message)
        })
    }
}

impl Source for LineSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(async move {
            if self.failure.is_none()
                && self.left.len() == 0
                && let Some(lines) = self.lines.recv().await
            {
                self.left = lines.into_iter();
            }
            let mut batch = Vec::with_capacity(self.left.len().min(max));
            while self.failure.is_none() && batch.len() < max {
                let Some(line) = self.left.next() else { break };
                match self.event(line) {
                    Ok(event) => batch.push(event),
                    Err(error) => self.failure = Some(error),
                }
            }
            // Events before the line that failed go first.
            match &self.failure {
                Some(error) if batch.is_empty() => Err(error.clone()),
                _ => Ok(batch),
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn read_lines(name: &str, input: impl Read, sender: &mpsc::Sender<Lines>) {
    let mut input = BufReader::with_capacity(64 * 1024, input);
    let (mut lines, mut bytes, mut number) = (Lines::new(), 0, 0_u64);
    loop {
        // Nothing that was read waits for what may be long in coming.
        let may_block = memchr::memchr(b'\n', input.buffer()).is_none();
        let full = lines.len() >= LINES_AT_ONCE || bytes >= BYTES_AT_ONCE;
        if (full || may_block) && !lines.is_empty() {
            bytes = 0;
            if sender.blocking_send(std::mem::take(&mut lines)).is_err() {
                return;
            }
        }
        number += 1;
        let Some(line) = read_line(name, number, &mut input) else {
            return;
        };
        let last = line.is_err();
        bytes += line.as_ref().map_or(0, Vec::len);
        lines.push(line);
        if last {
            let _ = sender.blocking_send(lines);
            return;
        }
    }
}

/// The next line, or what is wrong with it; none at the end.
fn read_line(name: &str, number: u64, input: &mut impl BufRead) -> Option<Result<Vec<u8>, EndpointError>> {
    let mut line = Vec::new();
    let limit = MAX_LINE as u64 + 2;
    match input.take(limit).read_until(b'\n', &mut line) {
        Ok(0) => None,
        Ok(_) => Some(trimmed(line).ok_or_else(|| {
            let message = format!("line {number} of `{name}` is longer than {MAX_LINE} bytes");
            EndpointError::new(EndpointErrorKind::Malformed, message)
        })),
        Err(error) => {
            let message = format!("cannot read `{name}`: {error}");
            Some(Err(EndpointError::new(EndpointErrorKind::File, message)))
        }
    }
}

/// The line without its end, unless it is too long.
fn trimmed(mut line: Vec<u8>) -> Option<Vec<u8>> {
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    (line.len() <= MAX_LINE).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::{LineSource, MadeSource};
    use crate::endpoint::{EndpointError, EndpointErrorKind, Source};
    use crate::event::Event;

    #[tokio::test]
    async fn lines_become_payloads() {
        let pattern = Event { key: Some("k".into()), ..Event::new("a", "") };
        let mut source = LineSource::of_payloads("text", &b"one\r\n\ntwo"[..], pattern);
        let mut payloads = Vec::new();
        loop {
            let batch = source.next_batch(10).await.expect("reading");
            if batch.is_empty() {
                break;
            }
            payloads.extend(batch.into_iter().filter_map(|event| event.payload));
        }
        assert_eq!(payloads, ["one", "", "two"]);
    }

    #[tokio::test]
    async fn a_wrong_line_is_named_after_those_before_it() {
        let make = |line: Vec<u8>| match line.as_slice() {
            b"bad" => Err("it is bad".to_owned()),
            _ => Ok(Event::new("a", line)),
        };
        let mut source = LineSource::new("text", &b"one\ntwo\nbad\nthree"[..], Box::new(make));
        let mut events = 0;
        let error = loop {
            match source.next_batch(10).await {
                Ok(batch) => events += batch.len(),
                Err(error) => break error,
            }
        };
        assert_eq!((events, error.message.as_str()), (2, "line 3 of `text`: it is bad"));
        assert!(source.next_batch(10).await.is_err());
    }

    #[tokio::test]
    async fn made_events_before_a_failure_go_first() {
        let mut source = MadeSource::new(Box::new(|number| match number {
            0..3 => Ok(Some(Event::new("a", number.to_string()))),
            _ => Err(EndpointError::new(EndpointErrorKind::Rejected, "no more")),
        }));
        assert_eq!(source.next_batch(10).await.expect("events").len(), 3);
        assert!(source.next_batch(10).await.is_err());
    }
}
