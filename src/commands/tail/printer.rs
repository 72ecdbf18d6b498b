//! Events on standard output in each of its forms, as a sink that takes an event once it is written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::atomic_file;
use crate::commands::contract_check::ContractCheck;
use crate::commands::reading::Reading;
use crate::endpoint::capabilities::Acknowledgement;
use crate::endpoint::{BoxFuture, Capabilities, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink};
use crate::event::kcat::{self, Loss};
use crate::event::{Event, Place, json_lines};
use crate::output::event_template::EventTemplate;
use crate::output::visible::harmless;
use crate::replay::{StopReason, StopToken};
use crate::ui::event_view::EventView;
use crate::ui::{Data, Ui};

/// How events are shown.
#[derive(Debug)]
pub(super) enum Form {
    Pretty,
    Line,
    Json,
    Raw,
    Template(EventTemplate),
    Kcat,
}

/// What is told when all is shown: what the form of kcat lost, by kind, and how many events do not fit the contract without a
/// mark that says so.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    lost: Arc<Mutex<BTreeMap<Loss, u64>>>,
    broken: Arc<AtomicU64>,
}

impl Notes {
    fn note(&self, losses: &[Loss]) {
        if let Ok(mut counts) = self.lost.lock() {
            for loss in losses {
                *counts.entry(*loss).or_default() += 1;
            }
        }
    }

    /// Each loss with the number of events that suffered it.
    pub(super) fn lost(&self) -> Vec<(Loss, u64)> {
        self.lost.lock().map(|counts| counts.clone().into_iter().collect()).unwrap_or_default()
    }

    /// Events shown without a mark that do not fit the contract.
    pub(super) fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }
}

/// Shows each event on stdout.
pub(super) struct Printer {
    out: Data,
    terminal: bool,
    view: EventView,
    form: Form,
    check: Option<ContractCheck>,
    reading: Reading,
    shown: u64,
    notes: Notes,
    stop: StopToken,
}

impl Printer {
    /// A printer; `stop` ends the reading when the reader of the output has gone, or takes no more.
    pub(super) fn new(
        ui: &Ui,
        view: EventView,
        form: Form,
        check: Option<ContractCheck>,
        notes: Notes,
        stop: StopToken,
    ) -> Self {
        let terminal = ui.data_on_terminal;
        let (out, reading) = (ui.data(), Reading::default());
        Self { out, terminal, view, form, check, reading, shown: 0, notes, stop }
    }

    /// Shows keys and payloads as they are read, where they are shown for people.
    pub(super) fn reading(self, reading: Reading) -> Self {
        Self { reading, ..self }
    }

    fn print(&mut self, event: &Event) -> io::Result<()> {
        self.shown += 1;
        let mut marks = self.check.as_ref().map(|check| check.marks(event)).unwrap_or_default();
        let is_marked = matches!(self.form, Form::Pretty | Form::Line);
        self.notes.broken.fetch_add(u64::from(!is_marked && !marks.is_empty()), Ordering::Relaxed);
        let is_for_people = matches!(self.form, Form::Pretty | Form::Line | Form::Template(_));
        let read = is_for_people.then(|| self.reading.read(event)).flatten().map(|read| {
            marks.extend(read.notes);
            read.event
        });
        let event = read.as_ref().unwrap_or(event);
        match &self.form {
            Form::Pretty => self.view.pretty(&mut self.out, event, &marks),
            Form::Line => self.view.line(&mut self.out, event, &marks),
            Form::Json => {
                let mut line = Vec::new();
                json_lines::encode(event, self.shown, &mut line);
                self.write_line(&line)
            }
            Form::Raw => self.write_line(event.payload.as_deref().unwrap_or_default()),
            Form::Template(template) => template.write(&mut self.out, event, self.shown, self.terminal),
            Form::Kcat => {
                let mut line = Vec::new();
                let losses = kcat::encode(event, &mut line);
                if !losses.is_empty() {
                    self.notes.note(&losses);
                }
                self.write_line(&line)
            }
        }
    }

    /// The bytes as they are, unless they could steer a terminal.
    fn write_line(&mut self, bytes: &[u8]) -> io::Result<()> {
        let shown = if self.terminal { harmless(bytes) } else { Cow::Borrowed(bytes) };
        self.out.write_all(&shown)?;
        self.out.write_all(b"\n")
    }

    fn print_all(&mut self, batch: &[Event]) -> io::Result<()> {
        for event in batch {
            self.print(event)?;
        }
        self.out.flush()
    }
}

impl Sink for Printer {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "terminal",
            acknowledgement: Acknowledgement::None,
            replayable: false,
            seek_time: false,
            ..Capabilities::ALL
        }
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        let result = self.print_all(batch);
        if let Err(error) = &result {
            let gone = error.kind() == io::ErrorKind::BrokenPipe;
            self.stop.request(if gone { StopReason::Unread } else { StopReason::Limit });
        }
        let delivery = match &result {
            Ok(()) => Delivery::acknowledged(Place::default()),
            Err(error) => {
                let failure = EndpointError::new(EndpointErrorKind::File, error.to_string());
                Delivery::failed(failure.help(atomic_file::next_step(Path::new("-"), error)))
            }
        };
        let deliveries = vec![delivery; batch.len()];
        let receipts: Receipts = Box::pin(std::future::ready(deliveries));
        Box::pin(std::future::ready(receipts))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
