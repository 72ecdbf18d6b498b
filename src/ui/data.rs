//! Standard output as data: buffered, and with failures that say where they happened.

use std::io::{self, BufWriter, Stdout, Write};

use crate::atomic_file;

/// Bytes written at once: large outputs cost few calls.
const BUFFER: usize = 64 * 1024;

/// A buffered writer to standard output. Flush it and hand its errors up: a closed pipe ends the program quietly.
#[derive(Debug)]
pub struct Data {
    out: BufWriter<Stdout>,
}

impl Data {
    pub(super) fn new() -> Self {
        Self { out: BufWriter::with_capacity(BUFFER, io::stdout()) }
    }
}

impl Write for Data {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes).map_err(|error| located(&error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().map_err(|error| located(&error))
    }
}

/// The same failure with the name of the stream; an interrupted call keeps its kind, so that it is made again.
pub(super) fn located(error: &io::Error) -> io::Error {
    let message = format!("cannot write to standard output: {}", atomic_file::reason(error));
    io::Error::new(error.kind(), message)
}
