//! Standard input and output as endpoints: one event per line, so that programs can be put together with pipes.

use std::io::{BufWriter, Stdout, Write};

use super::capabilities::{Acknowledgement, Assurance, Capabilities};
use super::file::{self, cannot_write, write_event_line};
use super::reading_thread::{ReadingThread, Wanted};
use super::{
    BoxFuture, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink, Source, SourceOptions, Start,
};
use crate::archive::{Reader, STANDARD_INPUT};
use crate::event::{Event, Place};

/// How standard output is called in messages.
const STANDARD_OUTPUT: &str = "standard output";

/// What a pipe can carry: as a file, but nothing can be read a second time.
pub(super) const CAPABILITIES: Capabilities = Capabilities {
    name: "stdio",
    replayable: false,
    seek_time: false,
    acknowledgement: Acknowledgement::None,
    assurance: Assurance::AtMostOnce,
    ..file::CAPABILITIES
};

/// Event lines, plain or in zstd, from standard input.
pub struct StdioSource {
    thread: ReadingThread,
}

impl StdioSource {
    /// Begins to read standard input; nothing is read before somebody waits for events.
    ///
    /// # Errors
    /// When reading shall begin near the end, which only a file can know.
    pub fn open(options: &SourceOptions) -> Result<Self, EndpointError> {
        if let Start::Last(_) | Start::End = options.start {
            let message = "standard input cannot be read from its end";
            return Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help("write it to a file first, or use `tail`"));
        }
        let mut reader = Reader::from_stream(STANDARD_INPUT, Box::new(std::io::stdin()))?;
        let wanted = Wanted { selection: file::selection(options), skip: 0 };
        reader.select(wanted.selection)?;
        Ok(Self { thread: ReadingThread::start(reader, wanted)? })
    }
}

impl Source for StdioSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.thread.next_batch(max))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Event lines to standard output.
pub struct StdioSink {
    out: BufWriter<Stdout>,
    next_number: u64,
    line: Vec<u8>,
}

impl StdioSink {
    /// Takes standard output for event lines.
    #[must_use]
    pub fn open() -> Self {
        Self { out: BufWriter::new(std::io::stdout()), next_number: 1, line: Vec::new() }
    }

    fn write(&mut self, batch: &[Event]) -> Vec<Delivery> {
        let mut deliveries: Vec<Delivery> = batch.iter().map(|event| self.write_line(event)).collect();
        if let Err(error) = self.out.flush() {
            for delivery in &mut deliveries {
                *delivery = Delivery::failed(cannot_write(STANDARD_OUTPUT, &error));
            }
        }
        deliveries
    }

    fn write_line(&mut self, event: &Event) -> Delivery {
        let number = self.next_number;
        match write_event_line(event, number, &mut self.line, &mut self.out) {
            Ok(()) => {
                self.next_number += 1;
                Delivery::acknowledged(Place { partition: None, offset: Some(number) })
            }
            Err(error) => Delivery::failed(cannot_write(STANDARD_OUTPUT, &error)),
        }
    }
}

impl Sink for StdioSink {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        let deliveries = self.write(batch);
        let receipts: Receipts = Box::pin(std::future::ready(deliveries));
        Box::pin(std::future::ready(receipts))
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        let flushed = self.out.flush().map_err(|error| cannot_write(STANDARD_OUTPUT, &error));
        Box::pin(std::future::ready(flushed))
    }
}
