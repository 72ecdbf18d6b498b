//! A sink that writes an archive; a clock of its own closes frames, so that a crash costs at most the last second.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::archive::{ArchiveError, Header, Summary, Writer, WriterOptions};
use crate::endpoint::capabilities::Acknowledgement;
use crate::endpoint::{BoxFuture, Capabilities, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink};
use crate::event::{Event, Place};

const CLOCK: Duration = Duration::from_millis(250);

/// What an archive carries: everything.
const CAPABILITIES: Capabilities = Capabilities {
    name: "archive",
    keys: true,
    headers: true,
    repeated_headers: true,
    header_order: true,
    binary_headers: true,
    null_headers: true,
    null_payload: true,
    timestamps: true,
    acknowledgement: Acknowledgement::PerEvent,
    replayable: true,
    seek_time: true,
    max_payload: None,
};

type Shared<T> = Arc<Mutex<Option<T>>>;

/// An archive being recorded.
pub struct RecordingSink {
    writer: Shared<Writer>,
    written: Shared<Summary>,
}

/// What the archive came to, once the sink was closed.
#[derive(Clone, Debug)]
pub struct Written(Shared<Summary>);

impl Written {
    /// The figures; `None` when the archive could not be finished.
    #[must_use]
    pub fn get(&self) -> Option<Summary> {
        locked(&self.0).clone()
    }
}

impl RecordingSink {
    /// Begins an archive; needs a runtime for its clock.
    ///
    /// # Errors
    /// When the file is there already or cannot be made.
    pub fn create(path: &Path, header: &Header) -> Result<(Self, Written), ArchiveError> {
        let writer = Writer::create(path, header, WriterOptions::default())?;
        let sink = Self { writer: Arc::new(Mutex::new(Some(writer))), written: Arc::default() };
        tokio::spawn(keep_time(Arc::clone(&sink.writer)));
        let written = Written(Arc::clone(&sink.written));
        Ok((sink, written))
    }

    fn write(&self, event: &Event) -> Result<Place, EndpointError> {
        let mut writer = locked(&self.writer);
        let Some(writer) = writer.as_mut() else {
            return Err(EndpointError::new(EndpointErrorKind::File, "the archive is closed already"));
        };
        match writer.write(event) {
            Ok(number) => Ok(Place { partition: None, offset: Some(number) }),
            Err(error) => Err(failure(&error)),
        }
    }
}

async fn keep_time(writer: Shared<Writer>) {
    let mut clock = tokio::time::interval(CLOCK);
    loop {
        clock.tick().await;
        let mut writer = locked(&writer);
        let Some(writer) = writer.as_mut() else {
            return;
        };
        // The writer reports the same trouble at its next event.
        let _ = writer.tick(Instant::now());
    }
}

fn locked<T>(shared: &Shared<T>) -> std::sync::MutexGuard<'_, Option<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failure(error: &ArchiveError) -> EndpointError {
    EndpointError::new(EndpointErrorKind::File, error.to_string())
}

impl Sink for RecordingSink {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        let outcomes = batch.iter().map(|event| self.write(event));
        let deliveries: Vec<Delivery> =
            outcomes.map(|outcome| Delivery { outcome, at: Instant::now() }).collect();
        let receipts: Receipts = Box::pin(std::future::ready(deliveries));
        Box::pin(std::future::ready(receipts))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        let finished = locked(&self.writer).take().map(Writer::finish);
        let result = match finished {
            Some(Ok(summary)) => {
                *locked(&self.written) = Some(summary);
                Ok(())
            }
            Some(Err(error)) => Err(failure(&error)),
            None => Ok(()),
        };
        Box::pin(std::future::ready(result))
    }
}
