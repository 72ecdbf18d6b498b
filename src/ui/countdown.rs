//! A system that is away, as the user sees it: one line that counts down on a terminal, a plain line now and then elsewhere.

use std::time::{Duration, Instant};

use super::Ui;
use super::bars::Bar;
use crate::output::figures::counted;
use crate::replay::reach::Waiting;

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows the time left.
#[derive(Debug)]
pub struct Countdown<'a> {
    ui: &'a Ui,
    bar: Option<Bar>,
    last_line: Option<Instant>,
}

impl<'a> Countdown<'a> {
    /// Shows nothing until something is noted.
    #[must_use]
    pub fn new(ui: &'a Ui) -> Self {
        Self { ui, bar: None, last_line: None }
    }

    /// A system is still away.
    pub fn note(&mut self, waiting: &Waiting<'_>) {
        let left = waiting.left.as_secs_f64().ceil();
        if self.ui.progress {
            let bar = self.bar.get_or_insert_with(|| Bar::new("", None));
            let attempts = counted(u64::from(waiting.attempts), "attempt");
            bar.show(0, &format!("giving up in {left} s, {attempts}: {}", waiting.error));
        } else if self.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            self.last_line = Some(Instant::now());
            self.ui.say(format!("{}; trying again, giving up in {left} s", waiting.error));
        }
    }
}
