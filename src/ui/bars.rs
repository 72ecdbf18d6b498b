//! Bars and lines that are drawn over: where they are made, and how all of them are taken away before a sudden end.

use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, WeakProgressBar};

use crate::output::visible::{columns, fitted};

/// What may be on the terminal now.
static DRAWN: Mutex<Vec<WeakProgressBar>> = Mutex::new(Vec::new());

/// The least and the most columns of the bar itself; what words need is theirs first.
const BAR: (usize, usize) = (8, 24);
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
    /// The columns of the terminal and of the bar that it is laid out for, once it is laid out.
    laid_out: Option<(usize, usize)>,
}

impl Bar {
    /// A line that begins with what is done, of so many steps when that is known.
    pub(super) fn new(verb: &'static str, steps: Option<u64>) -> Self {
        let line = ProgressBar::with_draw_target(steps, ProgressDrawTarget::stderr())
            .with_style(ProgressStyle::default_spinner())
            .with_prefix(verb);
        let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.retain(|each| each.upgrade().is_some());
        drawn.push(line.downgrade());
        Self { line, verb, counts: steps.is_some(), laid_out: None }
    }

    /// Draws it, with so many steps done.
    pub(super) fn show(&mut self, done: u64, words: &str) {
        let width = terminal_size::terminal_size_of(std::io::stderr());
        let width = width.map_or(COLUMNS, |(width, _)| usize::from(width.0));
        let before = 2 + with_gap(columns(self.verb));
        let room = width.saturating_sub(before + with_gap(columns(words.lines().next().unwrap_or_default())));
        let bar = if self.counts { bar(room, width, self.laid_out) } else { 0 };
        if self.laid_out.replace((width, bar)) != Some((width, bar)) {
            let verb = if self.verb.is_empty() { "" } else { "{prefix} " };
            let bar = if bar == 0 { String::new() } else { format!("{{bar:{bar}}} ") };
            // A template that indicatif refuses leaves its own style, which is readable too.
            if let Ok(style) = ProgressStyle::with_template(&format!("{{spinner}} {verb}{bar}{{msg}}")) {
                self.line.set_style(style.progress_chars("━╸ "));
            }
        }
        let before = before + with_gap(bar);
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

fn with_gap(columns: usize) -> usize {
    if columns == 0 { 0 } else { columns + 1 }
}

/// Columns of the bar where the words leave it so many: it does not grow again while the terminal stays as it was, because words
/// come and go. None when it would be too short.
fn bar(room: usize, width: usize, before: Option<(usize, usize)>) -> usize {
    let most = before.filter(|(columns, _)| *columns == width).map_or(BAR.1, |(_, bar)| bar);
    Some(room.saturating_sub(1).min(most)).filter(|bar| *bar >= BAR.0).unwrap_or(0)
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
    use super::{bar, cut};

    #[test]
    fn the_bar_has_what_the_words_leave() {
        assert_eq!(bar(60, 100, None), 24);
        assert_eq!(bar(20, 100, Some((100, 24))), 19);
        assert_eq!(bar(60, 100, Some((100, 19))), 19, "words may come back");
        assert_eq!(bar(60, 120, Some((100, 19))), 24);
        assert_eq!(bar(8, 100, None), 0);
        assert_eq!(bar(60, 40, Some((40, 0))), 0);
    }

    #[test]
    fn no_line_is_longer_than_the_terminal() {
        assert_eq!(cut("replaying 5 events\n    orders  3", 12, 2), "replaying…\n    orders …");
        assert_eq!(cut("replaying\n    orders  33", 11, 2), "replaying\n    orders…");
        assert_eq!(cut("of 日本語", 9, 1), "of 日本…");
    }
}
