//! Bars and lines that are drawn over: where they are made, and how all of them are taken away before a sudden end.

use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, WeakProgressBar};

use crate::output::visible::{columns, fitted};

/// What may be on the terminal now.
static DRAWN: Mutex<Vec<WeakProgressBar>> = Mutex::new(Vec::new());

/// Columns of the bar itself.
const BAR: usize = 24;
/// On a terminal with fewer columns the words have the place of the bar.
const WITH_BAR: usize = 72;
/// Columns where the terminal tells none.
const COLUMNS: usize = 80;

/// A line on stderr that is drawn over, with a bar where there is something to count up to. It keeps to the columns that the
/// terminal has now: a line that goes on in the next row would leave a part of it there.
#[derive(Debug)]
pub(super) struct Bar {
    line: ProgressBar,
    verb: &'static str,
    /// Whether there is something to count up to.
    counts: bool,
    /// Whether it is laid out with a bar, once it is laid out.
    wide: Option<bool>,
}

impl Bar {
    /// A line that begins with what is done, of so many steps when that is known.
    pub(super) fn new(verb: &'static str, steps: Option<u64>) -> Self {
        let line = ProgressBar::with_draw_target(steps, ProgressDrawTarget::stderr());
        let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.retain(|each| each.upgrade().is_some());
        drawn.push(line.downgrade());
        line.set_prefix(verb);
        Self { line, verb, counts: steps.is_some(), wide: None }
    }

    /// Draws it, with so many steps done.
    pub(super) fn show(&mut self, done: u64, words: &str) {
        let width = terminal_size::terminal_size_of(std::io::stderr());
        let width = width.map_or(COLUMNS, |(width, _)| usize::from(width.0));
        let with_bar = self.counts && width >= WITH_BAR;
        let verb = if self.verb.is_empty() { "" } else { "{prefix} " };
        if self.wide.replace(with_bar) != Some(with_bar) {
            let bar = if with_bar { format!("{{bar:{BAR}}} ") } else { String::new() };
            // A template that indicatif refuses leaves its own style, which is readable too.
            if let Ok(style) = ProgressStyle::with_template(&format!("{{spinner}} {verb}{bar}{{msg}}")) {
                self.line.set_style(style.progress_chars("━╸ "));
            }
        }
        let with_gap = |columns: usize| if columns == 0 { 0 } else { columns + 1 };
        let before = 2 + with_gap(columns(self.verb)) + if with_bar { with_gap(BAR) } else { 0 };
        self.line.set_position(done);
        self.line.set_message(cut(words, width, before));
        self.line.tick();
    }

    /// Writes something else while it is not drawn.
    pub(super) fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        self.line.suspend(work)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}

/// As much of each line as fits into so many columns, of which the first line has so many less.
fn cut(words: &str, width: usize, before: usize) -> String {
    let lines = words.lines().enumerate().map(|(index, line)| {
        let taken = if index == 0 { before } else { 0 };
        fitted(line, width.saturating_sub(taken))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Takes all of them away, for an end of the program at which nothing is dropped.
pub fn clear() {
    let drawn = std::mem::take(&mut *DRAWN.lock().unwrap_or_else(PoisonError::into_inner));
    for bar in drawn.iter().filter_map(WeakProgressBar::upgrade) {
        bar.finish_and_clear();
    }
}

/// Runs something that writes to the terminal itself, such as a question, while nothing is drawn over it.
pub(super) fn suspended<T>(work: impl FnOnce() -> T) -> T {
    let drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    let bars: Vec<ProgressBar> = drawn.iter().filter_map(WeakProgressBar::upgrade).collect();
    drop(drawn);
    without(&bars, work)
}

fn without<T>(bars: &[ProgressBar], work: impl FnOnce() -> T) -> T {
    match bars {
        [] => work(),
        [first, rest @ ..] => first.suspend(|| without(rest, work)),
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn no_line_is_longer_than_the_terminal() {
        assert_eq!(cut("replaying 5 events\n    orders  3", 12, 2), "replaying…\n    orders …");
        assert_eq!(cut("replaying\n    orders  33", 11, 2), "replaying\n    orders…");
        assert_eq!(cut("of 日本語", 9, 1), "of 日本…");
    }
}
