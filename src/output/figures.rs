//! Numbers, times and sizes as people read them.

use std::time::Duration;

use crate::endpoint::Removed;

/// `1234567` as `1,234,567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `the system removed 12 events before they were read`, or `at most 12`.
#[must_use]
pub fn removed_before(removed: Removed) -> String {
    let bound = if removed.at_most { "at most " } else { "" };
    let (were, events) =
        (if removed.events == 1 { "it was" } else { "they were" }, counted(removed.events, "event"));
    format!("the system removed {bound}{events} before {were} read")
}

/// A span of time with about three digits: `42 µs`, `1.52 ms`, `2.00 s`, `3 m 05 s`, `1 h 02 m`.
#[must_use]
pub fn span(time: Duration) -> String {
    let micros = time.as_micros();
    let seconds = time.as_secs();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", three_digits(time.as_secs_f64() * 1e3)),
        1_000_000..60_000_000 => format!("{} s", three_digits(time.as_secs_f64())),
        60_000_000..3_600_000_000 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A size in bytes with a binary unit: `512 B`, `1.50 KiB`, `29.3 MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", three_digits(value), UNITS[unit])
}

/// Events per second, rounded; `None` before any time has passed.
#[must_use]
pub fn rate(events: u64, time: Duration) -> Option<String> {
    let nanos = time.as_nanos();
    if nanos == 0 {
        return None;
    }
    let per_second = u128::from(events) * 1_000_000_000 / nanos;
    Some(format!("{}/s", grouped(u64::try_from(per_second).unwrap_or(u64::MAX))))
}

/// Bytes per second: `1.21 MB/s`; `None` before any time has passed.
#[must_use]
pub fn throughput(bytes: u64, time: Duration) -> Option<String> {
    let per_second = (u128::from(bytes) * 1_000_000_000).checked_div(time.as_nanos())?;
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let megabytes = per_second as f64 / 1e6;
    Some(format!("{} MB/s", three_digits(megabytes)))
}

/// `1 event`, `2 events`.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

fn three_digits(value: f64) -> String {
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{counted, grouped, rate, size, span};

    #[test]
    fn figures_are_short_and_readable() {
        assert_eq!([grouped(0), grouped(999), grouped(1_234_567)], ["0", "999", "1,234,567"]);
        let micros = |micros| span(Duration::from_micros(micros));
        assert_eq!([micros(42), micros(1_520), micros(2_000_000)], ["42 µs", "1.52 ms", "2.00 s"]);
        assert_eq!([micros(185_000_000), micros(3_720_000_000)], ["3 m 05 s", "1 h 02 m"]);
        assert_eq!([size(512), size(1536), size(30_723_277)], ["512 B", "1.50 KiB", "29.3 MiB"]);
        assert_eq!(rate(2000, Duration::from_millis(500)).as_deref(), Some("4,000/s"));
        assert_eq!(rate(1, Duration::ZERO), None);
        assert_eq!([counted(1, "event"), counted(2000, "event")], ["1 event", "2,000 events"]);
    }
}
