//! Sources that make their events themselves: from a closure, or from the lines of a text.

use std::io::{ErrorKind, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::endpoint::{BoxFuture, EndpointError, EndpointErrorKind, Source};
use crate::event::json_lines::MAX_LINE;
use crate::event::{Arrivals, Event, Timestamp};

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

/// Makes the event of one line, which was read by the time given; an error says what is wrong with it.
pub type LineMaker = Box<dyn FnMut(Bytes, Timestamp) -> Result<Event, String> + Send>;

/// Bytes read and handed over at once, unless one line is longer.
const BYTES_AT_ONCE: usize = 256 * 1024;
/// Buffers kept to be used again.
const MOST_SPARE: usize = 32;

/// Lines that were read together, without their ends, or why there are no more.
type Lines = Result<Vec<Bytes>, EndpointError>;

/// One event for each line of a text; a thread reads ahead a little, because reading may block.
pub struct LineSource {
    name: String,
    lines: mpsc::Receiver<Lines>,
    left: std::vec::IntoIter<Bytes>,
    make: LineMaker,
    read: u64,
    failure: Option<EndpointError>,
}

impl LineSource {
    /// Each line, without its end, is given to `make`; `name` is how the text is called in messages.
    #[must_use]
    pub fn new(name: &str, input: impl Read + Send + 'static, make: LineMaker) -> Self {
        Self::with_longest(MAX_LINE, name, input, make)
    }

    fn with_longest(longest: usize, name: &str, input: impl Read + Send + 'static, make: LineMaker) -> Self {
        let (sender, lines) = mpsc::channel(4);
        let body_name = name.to_owned();
        // A thread that cannot be started drops the sender, and the source ends.
        drop(std::thread::Builder::new().spawn(move || read_lines(&body_name, longest, input, &sender)));
        Self { name: name.to_owned(), lines, left: Vec::new().into_iter(), make, read: 0, failure: None }
    }

    /// Each line becomes the payload of an event that is otherwise like `pattern`.
    #[must_use]
    pub fn of_payloads(name: &str, input: impl Read + Send + 'static, pattern: Event) -> Self {
        let make =
            move |line: Bytes, received| Ok(Event { payload: Some(line), received, ..pattern.clone() });
        Self::new(name, input, Box::new(make))
    }

    fn event(&mut self, line: Bytes, read: Timestamp) -> Result<Event, EndpointError> {
        self.read += 1;
        (self.make)(line, read).map_err(|what| {
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
                match lines {
                    Ok(lines) => self.left = lines.into_iter(),
                    Err(error) => self.failure = Some(error),
                }
            }
            let count = self.left.len().min(max);
            let mut arrivals = Arrivals::of(count);
            let mut batch = Vec::with_capacity(count);
            while self.failure.is_none() && batch.len() < max {
                let Some(line) = self.left.next() else { break };
                match self.event(line, arrivals.take()) {
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

/// Reads large pieces and cuts them into lines that share their memory, none longer than `longest`. Nothing that was read
/// waits for what may be long in coming.
fn read_lines(name: &str, longest: usize, mut input: impl Read, sender: &mpsc::Sender<Lines>) {
    let buffers = Buffers::default();
    let (mut buffer, mut filled, mut number) = (buffers.next(0), 0, 0_u64);
    loop {
        if filled == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        let read = match read_some(&mut input, &mut buffer[filled..]) {
            Ok(read) => read,
            Err(error) => {
                let message = format!("cannot read `{name}`: {error}");
                let _ = sender.blocking_send(Err(EndpointError::new(EndpointErrorKind::File, message)));
                return;
            }
        };
        let last = memchr::memrchr(b'\n', &buffer[filled..filled + read]).map(|at| filled + at + 1);
        filled += read;
        let whole = if read == 0 { filled } else { last.unwrap_or(0) };
        let rest = filled - whole;
        let text = if whole < BYTES_AT_ONCE / 2 {
            // A copy of the size of what was read: lines that come one by one must not hold a large buffer each.
            let text = Bytes::copy_from_slice(&buffer[..whole]);
            buffer.copy_within(whole..filled, 0);
            text
        } else {
            let mut next = buffers.next(rest);
            next[..rest].copy_from_slice(&buffer[whole..filled]);
            buffers.shared(std::mem::replace(&mut buffer, next), whole)
        };
        filled = rest;
        let (lines, mut too_long) = cut(&text, longest, &mut number);
        drop(text);
        // A line that is too long already is not read to its end; the one byte more may belong to it.
        if !too_long && filled > longest + 1 {
            number += 1;
            too_long = true;
        }
        if !lines.is_empty() && sender.blocking_send(Ok(lines)).is_err() {
            return;
        }
        if too_long {
            let message = format!("line {number} of `{name}` is longer than {longest} bytes");
            let _ = sender.blocking_send(Err(EndpointError::new(EndpointErrorKind::Malformed, message)));
        }
        if read == 0 || too_long {
            return;
        }
    }
}

/// Buffers that were read into and whose lines nobody needs any more, to be read into again: fresh memory costs more than
/// the reading.
#[derive(Clone, Default)]
struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One to read into, with room for more than so many bytes.
    fn next(&self, bytes: usize) -> Vec<u8> {
        let mut buffer = self.spare().pop().unwrap_or_else(|| vec![0; BYTES_AT_ONCE]);
        if buffer.len() <= bytes {
            buffer.resize(bytes * 2, 0);
        }
        buffer
    }

    /// The beginning of one, to be shared; it comes back when the last share is gone.
    fn shared(&self, buffer: Vec<u8>, length: usize) -> Bytes {
        Bytes::from_owner(Lent { buffer, length, home: self.clone() })
    }
}

struct Lent {
    buffer: Vec<u8>,
    length: usize,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut spare = self.home.spare();
        // One that grew with a long line is not kept.
        if spare.len() < MOST_SPARE && self.buffer.len() == BYTES_AT_ONCE {
            spare.push(std::mem::take(&mut self.buffer));
        }
    }
}

/// Reads what there is; 0 at the end.
fn read_some(input: &mut impl Read, into: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match input.read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// The lines of a text, up to the first that is too long, and whether there is one; `number` is that of the last line.
fn cut(text: &Bytes, longest: usize, number: &mut u64) -> (Vec<Bytes>, bool) {
    let mut lines = Vec::new();
    let mut begin = 0;
    while begin < text.len() {
        *number += 1;
        let end = memchr::memchr(b'\n', &text[begin..]).map(|at| begin + at);
        let line = text.slice(begin..end.unwrap_or(text.len()));
        let line = if end.is_some() && line.ends_with(b"\r") { line.slice(..line.len() - 1) } else { line };
        if line.len() > longest {
            return (lines, true);
        }
        lines.push(line);
        begin = end.map_or(text.len(), |end| end + 1);
    }
    (lines, false)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::Read;

    use bytes::Bytes;

    use super::{LineSource, MadeSource};
    use crate::endpoint::{EndpointError, EndpointErrorKind, Source};
    use crate::event::Event;
    use crate::event::cloud_event::identity;

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
    async fn equal_lines_are_events_of_their_own() {
        let text = std::io::Cursor::new(b"same\n".repeat(1000));
        let mut source = LineSource::of_payloads("text", text, Event::new("a", ""));
        let mut identities = HashSet::new();
        loop {
            let batch = source.next_batch(300).await.expect("reading");
            if batch.is_empty() {
                break;
            }
            identities.extend(batch.iter().map(identity));
        }
        assert_eq!(identities.len(), 1000);
    }

    #[tokio::test]
    async fn a_wrong_line_is_named_after_those_before_it() {
        let make = |line: Bytes, _| match &line[..] {
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

    /// Gives a text away in pieces of these lengths, one after the other, and then all over again.
    struct Pieces(Vec<u8>, usize, &'static [usize]);

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.1 += 1;
            let count = self.2[self.1 % self.2.len()].min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    async fn all_of(mut source: LineSource) -> (Vec<Bytes>, Option<String>) {
        let mut payloads = Vec::new();
        loop {
            match source.next_batch(7).await {
                Ok(batch) if batch.is_empty() => return (payloads, None),
                Ok(batch) => payloads.extend(batch.into_iter().filter_map(|event| event.payload)),
                Err(error) => return (payloads, Some(error.message)),
            }
        }
    }

    #[tokio::test]
    async fn lines_are_the_same_however_they_come() {
        let text: String =
            (0..200).map(|at| "é".repeat(at) + ["\n", "\r\n"][at % 2]).collect::<String>() + "end";
        let expected: Vec<Bytes> = text.lines().map(|line| Bytes::from(line.to_owned())).collect();
        for lengths in [&[1][..], &[3, 1000, 1], &[usize::MAX]] {
            let pieces = Pieces(text.clone().into_bytes(), 0, lengths);
            let (lines, error) = all_of(LineSource::of_payloads("text", pieces, Event::default())).await;
            assert_eq!((&lines, error), (&expected, None));
        }
    }

    #[tokio::test]
    async fn a_line_may_be_as_long_as_allowed_and_no_longer() {
        const LONGEST: usize = 600_000;
        let refusal = || Some(format!("line 2 of `text` is longer than {LONGEST} bytes"));
        for (length, end, lines, message) in [
            (LONGEST, "\r\nb", 3, None),
            (LONGEST, "", 2, None),
            (LONGEST + 1, "\nb", 1, refusal()),
            (LONGEST + 1, "", 1, refusal()),
            (LONGEST + 700_000, "", 1, refusal()),
        ] {
            let text = [&b"a\n"[..], &vec![b'x'; length], end.as_bytes()].concat();
            let make = |line: Bytes, _| Ok(Event::new("a", line));
            let input = std::io::Cursor::new(text);
            let (found, error) =
                all_of(LineSource::with_longest(LONGEST, "text", input, Box::new(make))).await;
            assert_eq!((found.len(), error), (lines, message));
            assert!(found[0] == "a" && found.get(1).is_none_or(|line| line.len() == length));
        }
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
