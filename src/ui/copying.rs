//! A copy of files as the user sees it: a bar over bytes on a terminal, a plain line every few seconds elsewhere.

use std::time::{Duration, Instant};

use super::Ui;
use super::bars::Bar;
use crate::output::figures::{counted, rate, size};

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Between two changes of the bar.
const DRAW_EVERY: Duration = Duration::from_millis(50);

/// Shows one copy.
#[derive(Debug)]
pub struct CopyView<'a> {
    ui: &'a Ui,
    /// What is done, such as `merging`.
    verb: &'static str,
    length: u64,
    bar: Option<Bar>,
    begun: Instant,
    shown: Instant,
}

impl<'a> CopyView<'a> {
    /// A view of a copy of `length` bytes, 0 when nobody knows, that is called `verb`, such as `merging`.
    #[must_use]
    pub fn new(ui: &'a Ui, verb: &'static str, length: u64) -> Self {
        let bar = ui.progress.then(|| Bar::new(verb, (length > 0).then_some(length)));
        let begun = Instant::now();
        Self { ui, verb, length, bar, begun, shown: begun }
    }

    /// So many bytes are read, so many events written.
    pub fn at(&mut self, bytes: u64, events: u64) {
        let every = if self.bar.is_some() { DRAW_EVERY } else { LINE_EVERY };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let read = if self.length > 0 {
            format!("{} of {}", size(bytes.min(self.length)), size(self.length))
        } else {
            size(bytes)
        };
        let pace = rate(events, self.begun.elapsed()).map(|rate| format!(", {rate}")).unwrap_or_default();
        let words = format!("{read}, {}{pace}", counted(events, "event"));
        match &mut self.bar {
            Some(bar) => bar.show(bytes, &words),
            None => self.ui.say(format!("{}: {words}", self.verb)),
        }
    }
}
