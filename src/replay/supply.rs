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
}

impl MadeSource {
    /// A source that asks `maker` for each event.
    #[must_use]
    pub fn new(maker: Maker) -> Self {
        Self { maker, made: 0 }
    }
}

impl Source for MadeSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        let mut batch = Vec::new();
        let mut failure = None;
        while batch.len() < max {
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

/// One event for each line of a text; a thread reads ahead a little, because reading may block.
pub struct LineSource {
    lines: mpsc::Receiver<Result<Vec<u8>, EndpointError>>,
    pattern: Event,
}

impl LineSource {
    /// Each line, without its end, becomes the payload of an event that is otherwise like `pattern`.
    #[must_use]
    pub fn new(name: &str, input: impl Read + Send + 'static, pattern: Event) -> Self {
        let (sender, lines) = mpsc::channel(256);
        let name = name.to_owned();
        // A thread that cannot be started drops the sender, and the source ends.
        drop(std::thread::Builder::new().spawn(move || read_lines(&name, input, &sender)));
        Self { lines, pattern }
    }

    fn event(&self, line: Vec<u8>) -> Event {
        Event { payload: Some(line.into()), received: Timestamp::now(), ..self.pattern.clone() }
    }
}

impl Source for LineSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(async move {
            let mut batch = Vec::new();
            match self.lines.recv().await {
                Some(line) => batch.push(self.event(line?)),
                None => return Ok(batch),
            }
            while batch.len() < max {
                match self.lines.try_recv() {
                    Ok(Ok(line)) => batch.push(self.event(line)),
                    _ => break,
                }
            }
            Ok(batch)
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn read_lines(name: &str, input: impl Read, sender: &mpsc::Sender<Result<Vec<u8>, EndpointError>>) {
    let mut input = BufReader::new(input);
    let mut number = 0_u64;
    loop {
        number += 1;
        let mut line = Vec::new();
        let limit = MAX_LINE as u64 + 2;
        let read = input.by_ref().take(limit).read_until(b'\n', &mut line);
        let result = match read {
            Ok(0) => return,
            Ok(_) => trimmed(line).ok_or_else(|| {
                let message = format!("line {number} of `{name}` is longer than {MAX_LINE} bytes");
                EndpointError::new(EndpointErrorKind::Malformed, message)
            }),
            Err(error) => {
                let message = format!("cannot read `{name}`: {error}");
                Err(EndpointError::new(EndpointErrorKind::File, message))
            }
        };
        let last = result.is_err();
        if sender.blocking_send(result).is_err() || last {
            return;
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
        let mut source = LineSource::new("text", &b"one\r\n\ntwo"[..], pattern);
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
    async fn made_events_before_a_failure_go_first() {
        let mut source = MadeSource::new(Box::new(|number| match number {
            0..3 => Ok(Some(Event::new("a", number.to_string()))),
            _ => Err(EndpointError::new(EndpointErrorKind::Rejected, "no more")),
        }));
        assert_eq!(source.next_batch(10).await.expect("events").len(), 3);
        assert!(source.next_batch(10).await.is_err());
    }
}
