//! A transfer as the user sees it: a bar on a terminal, a plain line every few seconds elsewhere.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Ui;
use super::bars::Bar;
use crate::endpoint::Removed;
use crate::event::Timestamp;
use crate::output::figures::{counted, grouped, rate, removed_before, span, throughput};
use crate::output::replay_progress;
use crate::replay::progress::Counts;
use crate::replay::{Observer, Progress, StopReason};

/// What is done where events are removed before they are read.
const KEEP_MORE: &str =
    "read faster (write to a file, with less done to each event), or let the system keep more, or for longer";

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Between two JSON lines of figures.
const JSON_EVERY: Duration = Duration::from_secs(1);
/// Channels with a line of their own.
const MOST_LINES: usize = 6;
/// What is done about a lost source.
const TRYING: &str = "trying again";

/// Reading works again, from this one of several.
fn back(source: Option<&str>, goes_on: bool) -> String {
    let source = source.map(|name| format!(" from `{name}`")).unwrap_or_default();
    let missed = if goes_on {
        "it goes on where it stopped"
    } else {
        "events sent meanwhile are missing where the server does not keep them"
    };
    format!("reading{source} works again; {missed}")
}

/// Shows one transfer.
#[derive(Debug)]
pub struct TransferView<'a> {
    ui: &'a Ui,
    /// What is done, such as `replaying`.
    verb: &'static str,
    bar: Option<Bar>,
    planned: Option<u64>,
    start_at: Option<Timestamp>,
    length: Option<Duration>,
    choice: ProgressChoice,
    /// Events planned by channel, for a line each.
    groups: BTreeMap<String, u64>,
    last_line: Instant,
}

/// How the progress of a transfer is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProgressChoice {
    /// A bar on a terminal, plain lines elsewhere.
    #[default]
    Auto,
    /// A JSON line for everything that happens, and one each second.
    Json,
    /// Plain lines, on a terminal as well.
    Plain,
    /// Nothing but what went wrong.
    None,
}

impl<'a> TransferView<'a> {
    /// A view of a transfer that is called `verb`, such as `recording`.
    #[must_use]
    pub fn new(ui: &'a Ui, verb: &'static str) -> Self {
        Self {
            ui,
            verb,
            bar: None,
            planned: None,
            start_at: None,
            length: None,
            choice: ProgressChoice::Auto,
            groups: BTreeMap::new(),
            last_line: Instant::now(),
        }
    }

    /// Shown in another way.
    #[must_use]
    pub fn shown(mut self, choice: ProgressChoice) -> Self {
        self.choice = choice;
        self
    }

    /// With a line for each of these channels, which have so many events to come.
    #[must_use]
    pub fn with_groups(mut self, groups: BTreeMap<String, u64>) -> Self {
        self.groups = groups;
        self
    }

    fn draws(&self) -> bool {
        self.ui.progress && self.choice == ProgressChoice::Auto
    }

    fn start(&mut self, planned: Option<u64>, start_at: Option<Timestamp>) {
        (self.planned, self.start_at) = (planned, start_at);
        if self.choice == ProgressChoice::None {
            return;
        }
        if let Some(start_at) = start_at.filter(|_| !self.draws()) {
            self.ui.say(format!("{} begins at {start_at}", self.verb));
        }
        self.last_line = Instant::now();
        if !self.draws() {
            return;
        }
        self.bar = Some(Bar::new(self.verb, planned));
    }

    fn running(&mut self, counts: &Counts) {
        if let Some(mut bar) = self.bar.take() {
            let words = self.until_start().unwrap_or_else(|| self.figures(counts) + &self.lines(counts));
            bar.show(counts.sent, &words);
            self.bar = Some(bar);
        } else if self.choice != ProgressChoice::None && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            self.ui.say(format!("{}: {}", self.verb, self.figures(counts)));
        }
    }

    fn json_line(&mut self, progress: &Progress<'_>) {
        if let Progress::Started { planned, .. } = progress {
            self.planned = *planned;
        }
        if matches!(progress, Progress::Running(_)) {
            if self.last_line.elapsed() < JSON_EVERY {
                return;
            }
            self.last_line = Instant::now();
        }
        self.ui.say(replay_progress::value(progress, (self.planned, self.length)).to_string());
    }

    /// How long it is until the schedule begins.
    fn until_start(&self) -> Option<String> {
        let start = self.start_at?;
        let left = start.since(Timestamp::now());
        let left = Duration::from_micros(u64::try_from(left).ok().filter(|left| *left > 0)?);
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Some(format!("begins in {} s, at {start}", grouped(seconds)))
    }

    fn figures(&self, counts: &Counts) -> String {
        let sent = match self.planned {
            Some(planned) => format!("{} of {}", grouped(counts.sent), counted(planned, "event")),
            None => counted(counts.sent, "event"),
        };
        // What is least missed stands last, where a narrow terminal cuts.
        let mut parts = vec![sent];
        if counts.failed > 0 {
            parts.push(format!("{} failed", grouped(counts.failed)));
        }
        parts.extend(rate(counts.sent, counts.elapsed));
        if self.planned.is_some() {
            let left = replay_progress::left(counts, self.planned, self.length);
            parts.push(
                left.map_or_else(|| "time left unknown".to_owned(), |left| format!("{} left", span(left))),
            );
            parts.push(format!("lag {}", span(counts.lag)));
        }
        parts.extend(throughput(counts.bytes, counts.elapsed));
        parts.join(", ")
    }

    /// A line for each of the busiest channels, when there are several.
    fn lines(&self, counts: &Counts) -> String {
        if self.groups.len() < 2 {
            return String::new();
        }
        let mut groups: Vec<_> = counts.groups.iter().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.sent));
        let mut text = String::new();
        for group in groups.iter().take(MOST_LINES) {
            let planned = self.groups.get(&group.channel);
            let of = planned.map(|planned| format!(" of {}", grouped(*planned))).unwrap_or_default();
            let lag = span(Duration::from_micros(group.lag_us));
            let speed = throughput(group.bytes, counts.elapsed).map(|text| format!(", {text}"));
            let channel = crate::output::visible::visible(&group.channel);
            let sent = grouped(group.sent);
            let line = format!("\n    {channel}  {sent}{of}{}, lag {lag}", speed.unwrap_or_default());
            text.push_str(&line);
        }
        if groups.len() > MOST_LINES {
            let more = counted((groups.len() - MOST_LINES) as u64, "more channel");
            text.extend(["\n    and ", &more]);
        }
        text
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.ui.say(text)),
            None => self.ui.say(text),
        }
    }
}

/// Says that the end was asked for, and what is waited for.
fn stopping(reason: StopReason, outstanding: u64) -> String {
    let (what, again) = match reason {
        StopReason::Limit => ("the time is over", "Ctrl-C twice"),
        StopReason::Declined | StopReason::Unread => ("stopping", "Ctrl-C twice"),
        StopReason::Interrupted => ("stopping", "Ctrl-C again"),
    };
    format!("{what}; waiting for the receipts of {} ({again} ends at once)", counted(outstanding, "event"))
}

/// Says that events are gone before they could be read, and what helps.
fn warn_of_removed(removed: Removed, ui: &Ui) {
    ui.warn(format!("reading falls behind what the system keeps: {}", removed_before(removed)));
    ui.help(KEEP_MORE);
}

impl Observer for TransferView<'_> {
    fn note(&mut self, progress: Progress<'_>) {
        if let Progress::Started { length, .. } = &progress {
            self.length = *length;
        }
        if self.choice == ProgressChoice::Json {
            return self.json_line(&progress);
        }
        match progress {
            Progress::Started { planned, start_at, .. } => self.start(planned, start_at),
            Progress::Running(counts) => self.running(&counts),
            Progress::Retrying { events, attempt, wait, error } => self.line(&format!(
                "{} to send again: {error}; attempt {attempt} in {}",
                counted(events as u64, "event"),
                span(wait)
            )),
            Progress::Recovered => self.line("sending works again"),
            Progress::SourceLost { error } => self.line(&format!("{error}; {TRYING}")),
            Progress::SourceBack { source, goes_on } => self.line(&back(source.as_deref(), goes_on)),
            Progress::Removed(removed) => match &self.bar {
                Some(bar) => bar.suspend(|| warn_of_removed(removed, self.ui)),
                None => warn_of_removed(removed, self.ui),
            },
            Progress::Stopping { reason, outstanding } => self.line(&stopping(reason, outstanding)),
            Progress::Finished(_) => self.bar = None,
        }
    }
}

/// Says when the source goes away and comes back, and that its system keeps too little, and nothing else: for output that is the transfer itself.
#[derive(Debug)]
pub struct SourceView<'a> {
    ui: &'a Ui,
}

impl<'a> SourceView<'a> {
    /// A view of a transfer whose events are shown elsewhere.
    #[must_use]
    pub fn new(ui: &'a Ui) -> Self {
        Self { ui }
    }
}

impl Observer for SourceView<'_> {
    fn note(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::SourceLost { error } => self.ui.warn(format!("{error}; {TRYING}")),
            Progress::SourceBack { source, goes_on } => self.ui.warn(back(source.as_deref(), goes_on)),
            Progress::Removed(removed) => warn_of_removed(removed, self.ui),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{back, stopping};
    use crate::replay::StopReason;

    #[test]
    fn nothing_is_called_missing_where_it_is_kept() {
        assert_eq!(back(None, true), "reading works again; it goes on where it stopped");
        let live = back(Some("mqtt://h:1883/a"), false);
        assert!(
            live.starts_with("reading from `mqtt://h:1883/a` works again; events sent meanwhile"),
            "{live}"
        );
    }

    #[test]
    fn who_pressed_nothing_is_told_of_the_time() {
        let words = "the time is over; waiting for the receipts of 2 events (Ctrl-C twice ends at once)";
        assert_eq!(stopping(StopReason::Limit, 2), words);
        let words = "stopping; waiting for the receipts of 1 event (Ctrl-C again ends at once)";
        assert_eq!(stopping(StopReason::Interrupted, 1), words);
    }
}
