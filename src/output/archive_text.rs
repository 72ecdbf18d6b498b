//! What `eddy archive` tells about recordings, for people.

use std::io::{self, Write};
use std::time::Duration;

use super::figures::{counted, grouped, size, span};
use crate::archive::{Finding, LostRange, Repaired, Stats, Verification};
use crate::event::Timestamp;

/// Runs of lost events that are listed one by one.
const MOST_RANGES: usize = 100;

/// Writes the figures of one file, then a table with one row per channel.
///
/// # Errors
/// Those of `out`.
pub fn write_stats(out: &mut dyn Write, stats: &Stats) -> io::Result<()> {
    writeln!(out, "{}", stats.file)?;
    let mut row = |name: &str, value: String| writeln!(out, "  {name:<8}  {value}");
    if !stats.sources.is_empty() {
        row("from", stats.sources.join(", "))?;
    }
    row("events", grouped(stats.events))?;
    if let (Some(first), Some(last)) = (stats.first, stats.last) {
        let time = Duration::from_micros(u64::try_from(stats.duration_us).unwrap_or_default());
        row("first", Timestamp(first).to_string())?;
        row("last", Timestamp(last).to_string())?;
        let rate = if stats.rate > 0.0 { format!(", {:.1} events/s", stats.rate) } else { String::new() };
        row("time", format!("{}{rate}", span(time)))?;
    }
    row("content", size(stats.event_bytes))?;
    let lines = size(stats.text_bytes);
    row("file", format!("{} for {lines} of lines, {:.1} to 1", size(stats.file_bytes), stats.ratio))?;
    if !stats.channels.is_empty() {
        writeln!(out)?;
        write_channels(out, stats)?;
    }
    Ok(())
}

fn write_channels(out: &mut dyn Write, stats: &Stats) -> io::Result<()> {
    let names = stats.channels.iter().map(|channel| printable(&channel.channel).chars().count());
    let width = names.max().unwrap_or_default().max("channel".len());
    writeln!(out, "{:<width$}  {:>12}  {:>10}", "channel", "events", "content")?;
    for channel in &stats.channels {
        let name = printable(&channel.channel);
        let (events, content) = (grouped(channel.events), size(channel.event_bytes));
        writeln!(out, "{name:<width$}  {events:>12}  {content:>10}")?;
    }
    Ok(())
}

/// Writes what was found, a line each, and one line in the end.
///
/// # Errors
/// Those of `out`.
pub fn write_verification(out: &mut dyn Write, verification: &Verification) -> io::Result<()> {
    let file = &verification.file;
    for finding in &verification.findings {
        writeln!(out, "{file}: {}: {}{}", finding.kind, place(finding), finding.message)?;
    }
    let listed = verification.findings.len() as u64;
    if verification.finding_count > listed {
        writeln!(out, "{file}: … and {} more", grouped(verification.finding_count - listed))?;
    }
    write_losses(out, file, &verification.lost, verification.events)?;
    let events = counted(verification.events, "event");
    let frames = match verification.frames {
        0 => String::new(),
        frames => format!(" in {}", counted(frames, "frame")),
    };
    let gaps = match verification.gaps {
        0 => String::new(),
        gaps => format!(", {} left out between them", counted(gaps, "number")),
    };
    let index = if verification.indexed { ", index and seek table fit" } else { "" };
    writeln!(out, "{file}: {}: {events}{frames}{gaps}{index}", verdict(verification))
}

fn verdict(verification: &Verification) -> String {
    let damaged = || format!("damaged in {}", counted(verification.damaged_parts, "part"));
    match (verification.finding_count, verification.damaged_parts) {
        (0, 0) => "whole".to_owned(),
        (0, _) => damaged(),
        (count, 0) => counted(count, "finding"),
        (count, _) => format!("{}, {}", counted(count, "finding"), damaged()),
    }
}

/// Writes a line for each run of lost events, as far as a person would read them.
fn write_losses(out: &mut dyn Write, file: &str, lost: &[LostRange], left: u64) -> io::Result<()> {
    for range in lost.iter().take(MOST_RANGES) {
        writeln!(out, "{file}: lost: {}", lost_words(range, left))?;
    }
    if lost.len() > MOST_RANGES {
        writeln!(out, "{file}: … and {} more", counted((lost.len() - MOST_RANGES) as u64, "run"))?;
    }
    Ok(())
}

/// Which events are lost, and when they were received; `left` is how many are not.
fn lost_words(range: &LostRange, left: u64) -> String {
    let numbers = match (range.first, range.last) {
        (Some(first), Some(last)) if first == last => format!("event {first}"),
        (Some(first), Some(last)) => format!("events {first} to {last}"),
        (Some(first), None) => format!("what came from event {first} on"),
        (None, Some(last)) => format!("what came up to event {last}"),
        (None, None) if left > 0 => "events whose numbers are not known".to_owned(),
        (None, None) => "every event".to_owned(),
    };
    let span = range.first.zip(range.last).map(|(first, last)| last.saturating_sub(first) + 1);
    let events = range.events.filter(|count| span.is_none_or(|span| span != *count));
    let count = events.map(|count| format!(" ({})", counted(count, "event"))).unwrap_or_default();
    let time = |time: i64| Timestamp(time).to_string();
    let times = match (range.from, range.to) {
        (Some(from), Some(to)) if range.exact && from == to => format!(", received {}", time(from)),
        (Some(from), Some(to)) if range.exact => format!(", received {} to {}", time(from), time(to)),
        (Some(from), Some(to)) => format!(", received between {} and {}", time(from), time(to)),
        (Some(from), None) => format!(", received from {} on", time(from)),
        (None, Some(to)) => format!(", received until {}", time(to)),
        (None, None) => String::new(),
    };
    format!("{numbers}{count}{times}")
}

fn place(finding: &Finding) -> String {
    match (finding.frame, finding.offset, finding.line) {
        (Some(frame), Some(offset), _) => format!("frame {frame} at byte {offset}: "),
        (_, Some(offset), _) => format!("byte {offset}: "),
        (_, _, Some(line)) => format!("line {line}: "),
        _ => String::new(),
    }
}

/// What was kept and what was lost, in a line, and a line for each run of lost events.
#[must_use]
pub fn repaired_lines(repaired: &Repaired) -> Vec<String> {
    let ranges = &repaired.lost.ranges;
    let mut lines = vec![repaired_line(repaired)];
    lines.extend(
        ranges
            .iter()
            .take(MOST_RANGES)
            .map(|range| format!("lost: {}", lost_words(range, repaired.kept.events))),
    );
    if ranges.len() > MOST_RANGES {
        lines.push(format!("… and {} more", counted((ranges.len() - MOST_RANGES) as u64, "run")));
    }
    lines
}

fn repaired_line(repaired: &Repaired) -> String {
    let lost = &repaired.lost;
    let mut losses = Vec::new();
    if lost.damaged_frames > 0 {
        losses.push(counted(lost.damaged_frames, "damaged frame"));
    }
    if lost.cut_off {
        losses.push("what came after the end".to_owned());
    }
    if lost.lines > 0 {
        losses.push(counted(lost.lines, "broken line"));
    }
    if lost.parts > 0 {
        losses.push(counted(lost.parts, "part"));
    }
    if lost.header {
        losses.push("the header".to_owned());
    }
    losses.extend(lost.unlisted.iter().map(|name| format!("`{name}`, which is not listed")));
    let kept = counted(repaired.kept.events, "event");
    let lost = match (losses.is_empty(), lost.ranges.is_empty()) {
        (true, true) => "; lost nothing".to_owned(),
        // The lines that follow say it.
        (true, false) => String::new(),
        (false, _) => format!("; lost {}", losses.join(", ")),
    };
    let renumbered = match repaired.renumbered {
        0 => String::new(),
        count => format!(", {} of them under a new number", grouped(count)),
    };
    let doubled = match repaired.doubled {
        0 => String::new(),
        count => format!("; left out {} that lay in the place of others", counted(count, "doubled event")),
    };
    format!("kept {kept}{renumbered} in `{}`{doubled}{lost}", repaired.target)
}

/// Channel names come from outside: control characters must not reach a terminal.
fn printable(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Repaired, repaired_lines};
    use crate::archive::LostRange;

    #[test]
    fn a_loss_is_not_called_nothing() {
        let mut repaired = Repaired { target: "a".to_owned(), ..Repaired::default() };
        assert_eq!(repaired_lines(&repaired), ["kept 0 events in `a`; lost nothing"]);
        repaired.lost.ranges.push(LostRange::default());
        let lines = repaired_lines(&repaired);
        assert_eq!(lines[0], "kept 0 events in `a`");
        assert!(lines[1].starts_with("lost: "), "{lines:?}");
    }
}
