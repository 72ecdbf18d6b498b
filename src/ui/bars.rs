//! Bars and lines that are drawn over: where they are made, and how all of them are taken away before a sudden end.

use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, WeakProgressBar};

/// What may be on the terminal now.
static DRAWN: Mutex<Vec<WeakProgressBar>> = Mutex::new(Vec::new());

/// A bar of so many steps on stderr, laid out by a template of indicatif.
pub(super) fn draw(steps: Option<u64>, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(steps, ProgressDrawTarget::stderr());
    // A template that indicatif refuses leaves its own style, which is readable too.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    drawn.retain(|each| each.upgrade().is_some());
    drawn.push(bar.downgrade());
    bar
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
