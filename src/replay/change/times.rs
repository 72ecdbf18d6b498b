//! Times of events moved by one delta, or to the moment of sending: of the broker, of CloudEvents of every form, and in
//! payloads. Each keeps the form it was written in.

use crate::event::cloud_event::{Form, PREFIXES, form, without_prefix};
use crate::event::{Event, Timestamp};
use crate::replay::json::{Decision, FieldPath, Followed, Scalar, Visitor, rewrite_payload};

/// What becomes of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retime {
    /// They stay.
    #[default]
    Keep,
    /// Each becomes the moment of sending.
    Now,
    /// Each moves by the same: from the first recorded time to the start of the run.
    Shift,
}

/// How times are changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewTimes {
    /// In which way.
    pub retime: Retime,
    /// Where payloads carry times, besides the `time` of a CloudEvent.
    pub fields: Vec<FieldPath>,
}

/// Where a time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::replay) enum Moved {
    /// To this moment.
    To(Timestamp),
    /// By so many microseconds.
    By(i64),
}

impl Moved {
    fn time(self, old: Timestamp) -> Timestamp {
        match self {
            Self::To(moment) => moment,
            Self::By(delta) => Timestamp(old.0.saturating_add(delta)),
        }
    }
}

impl NewTimes {
    /// Moves all times of an event.
    pub(in crate::replay) fn apply(&self, event: &mut Event, moved: Moved) {
        if let Some(stamp) = &mut event.broker_time {
            stamp.time = moved.time(stamp.time);
        }
        entry_id(event, moved);
        let form = form(event);
        if let Some(Form::Binary(prefix)) = form {
            attribute(event, prefix, moved);
        }
        let structured = form == Some(Form::Structured);
        if structured || !self.fields.is_empty() {
            let root = Place {
                depth: 0,
                wanted: false,
                followed: Followed::begin(&self.fields, 0..self.fields.len()),
            };
            let mut visitor = TimeVisitor { fields: &self.fields, structured, moved };
            // What is no JSON has no fields.
            let _ = rewrite_payload(event, &mut visitor, &root);
        }
    }
}

/// The id of a Redis entry begins with its time in milliseconds.
fn entry_id(event: &mut Event, moved: Moved) {
    let Some(id) = event.attributes.get("id").and_then(serde_json::Value::as_str) else {
        return;
    };
    let Some((milliseconds, sequence)) = id.split_once('-') else {
        return;
    };
    let new = match (moved, milliseconds.parse::<i64>()) {
        (Moved::By(delta), Ok(old)) => old.checked_add(delta.div_euclid(1000)).filter(|new| *new >= 0),
        _ => None,
    };
    match new.map(|new| format!("{new}-{sequence}")) {
        Some(new) => drop(event.attributes.insert("id".to_owned(), new.into())),
        // The server numbers it then.
        None => drop(event.attributes.shift_remove("id")),
    }
}

fn attribute(event: &mut Event, prefix: &str, moved: Moved) {
    debug_assert!(prefix.is_empty() || PREFIXES.contains(&prefix));
    for header in &mut event.headers {
        let is_time =
            without_prefix(&header.name, prefix).is_some_and(|name| name.eq_ignore_ascii_case("time"));
        let old =
            header.value.as_deref().filter(|_| is_time).and_then(|value| std::str::from_utf8(value).ok());
        if let Some(new) = old.and_then(|old| moved_text(old, moved)) {
            header.value = Some(new.into());
        }
    }
}

struct Place {
    depth: usize,
    wanted: bool,
    followed: Followed,
}

struct TimeVisitor<'a> {
    fields: &'a [FieldPath],
    structured: bool,
    moved: Moved,
}

impl Visitor for TimeVisitor<'_> {
    type Place = Place;

    fn step(&mut self, place: &Place, name: &str, _: bool) -> Place {
        let followed = place.followed.step(self.fields, name);
        let is_attribute = self.structured && place.depth == 0 && name == "time";
        let wanted = is_attribute || followed.named(self.fields).is_some();
        Place { depth: place.depth + 1, wanted, followed }
    }

    fn container(&mut self, place: &Place, _: &str) -> Option<Decision> {
        let is_over = place.followed.is_over() && !(self.structured && place.depth == 0);
        is_over.then_some(Decision::Keep)
    }

    fn scalar(&mut self, place: &Place, scalar: Scalar<'_>) -> Decision {
        if !place.wanted {
            return Decision::Keep;
        }
        let new = match scalar.string() {
            Some(text) => moved_text(&text, self.moved).map(|new| serde_json::Value::from(new).to_string()),
            None => moved_number(scalar.0, self.moved),
        };
        if new.is_some()
            && let Some(path) = place.followed.named(self.fields)
        {
            self.fields[path].note();
        }
        new.map_or(Decision::Keep, Decision::Replace)
    }
}

/// A time as text, in the form it had; none when it is no time.
fn moved_text(old: &str, moved: Moved) -> Option<String> {
    moved_calendar(old, moved).or_else(|| moved_number(old, moved))
}

/// RFC 3339: the offset, the sign between date and time, and the count of decimals stay.
fn moved_calendar(old: &str, moved: Moved) -> Option<String> {
    let (date, sign, clock) = (old.get(..10)?, old.get(10..11)?, old.get(11..)?);
    let end = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, offset) = clock.split_at(end);
    let (seconds, decimals) = match clock.split_once('.') {
        Some((seconds, decimals)) => (seconds, Some(decimals)),
        None => (clock, None),
    };
    let is_clock = seconds.len() == 8 && matches!(sign, "T" | "t" | " ");
    if !is_clock || decimals.is_some_and(|digits| !(1..=9).contains(&digits.len())) {
        return None;
    }
    let zone = if matches!(offset, "" | "z") { "Z" } else { offset };
    let written = decimals.map(|digits| format!(".{digits}")).unwrap_or_default();
    let time: jiff::Timestamp = format!("{date}T{seconds}{written}{zone}").parse().ok()?;
    // A time without an offset is moved as if it were of UTC.
    let minutes = if zone == "Z" { 0 } else { offset_minutes(offset)? };
    let new = match moved {
        Moved::To(moment) => jiff::Timestamp::from_microsecond(moment.0).ok()?,
        Moved::By(delta) => time.checked_add(jiff::SignedDuration::from_micros(delta)).ok()?,
    };
    let there = jiff::tz::Offset::from_seconds(minutes * 60).ok()?.to_datetime(new);
    let mut text = there.strftime(&format!("%Y-%m-%d{sign}%H:%M:%S")).to_string();
    if let Some(digits) = decimals {
        let nanoseconds = format!("{:09}", there.subsec_nanosecond());
        text.push('.');
        text.push_str(&nanoseconds[..digits.len()]);
    }
    text.push_str(offset);
    Some(text)
}

fn offset_minutes(offset: &str) -> Option<i32> {
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits: String = offset.chars().skip(1).filter(|each| *each != ':').collect();
    let (hours, minutes) = (digits.get(..2)?.parse::<i32>().ok()?, digits.get(2..4).unwrap_or("0"));
    Some(sign * (hours * 60 + minutes.parse::<i32>().ok()?))
}

/// Time since 1970 in the unit its size speaks for, with as many decimals as it had.
fn moved_number(old: &str, moved: Moved) -> Option<String> {
    let (whole, decimals) = old.split_once('.').unwrap_or((old, ""));
    let is_number = |digits: &str| digits.bytes().all(|each| each.is_ascii_digit());
    let well_written = (9..=19).contains(&whole.len()) && is_number(whole);
    if !well_written || decimals.len() > 9 || !is_number(decimals) || old.ends_with('.') {
        return None;
    }
    let nanoseconds_a_unit: i128 = match whole.len() {
        ..=11 => 1_000_000_000,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        _ => 1,
    };
    let scale = 10_i128.pow(u32::try_from(decimals.len()).ok()?);
    let scaled: i128 = format!("{whole}{decimals}").parse().ok()?;
    let in_unit = |microseconds: i64| i128::from(microseconds) * 1000 * scale / nanoseconds_a_unit;
    let new = match moved {
        Moved::To(moment) => in_unit(moment.0),
        Moved::By(delta) => scaled + in_unit(delta),
    };
    if new < 0 {
        return None;
    }
    let fraction = if decimals.is_empty() {
        String::new()
    } else {
        format!(".{:0width$}", new % scale, width = decimals.len())
    };
    Some(format!("{}{fraction}", new / scale))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Moved, NewTimes, Retime, moved_text};
    use crate::event::{BrokerTime, Event, Header, TimeKind, Timestamp};

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn each_time_keeps_its_form() {
        for (old, later) in [
            ("2026-11-01T08:00:00Z", "2026-11-01T09:00:00Z"),
            ("2026-11-01T08:00:00.5z", "2026-11-01T09:00:00.5z"),
            ("2026-11-01 23:30:00.123456789+02:00", "2026-11-02 00:30:00.123456789+02:00"),
            ("2026-11-01T08:00:00-0530", "2026-11-01T09:00:00-0530"),
            ("2026-11-01T08:00:00.250", "2026-11-01T09:00:00.250"),
            ("1793491200", "1793494800"),
            ("1793491200000", "1793494800000"),
            ("1793491200000001", "1793494800000001"),
            ("1793491200000000007", "1793494800000000007"),
            ("1793491200.250", "1793494800.250"),
        ] {
            assert_eq!(moved_text(old, Moved::By(HOUR)).as_deref(), Some(later), "{old}");
        }
        for old in ["soon", "", "12", "2026-11-01", "2026-13-01T08:00:00Z", "1.7e9", "17934912é00T00:00:00"]
        {
            assert_eq!(moved_text(old, Moved::By(HOUR)), None, "{old}");
        }
        let moment = Moved::To(Timestamp(1_793_494_800_250_001));
        for (old, now) in [
            ("2020-01-01T00:00:00.000+01:00", "2026-11-01T02:00:00.250+01:00"),
            ("1577836800", "1793494800"),
            ("1577836800.000000", "1793494800.250001"),
        ] {
            assert_eq!(moved_text(old, moment).as_deref(), Some(now), "{old}");
        }
    }

    fn moved(event: Event, fields: &[&str]) -> Event {
        let fields = fields.iter().map(|path| path.parse().expect("a path")).collect();
        let mut event = event;
        NewTimes { retime: Retime::Shift, fields }.apply(&mut event, Moved::By(HOUR));
        event
    }

    #[test]
    fn broker_cloud_event_and_payload_move_together() {
        let stamp = BrokerTime { time: Timestamp(1_793_520_000_000_000), kind: TimeKind::Create };
        let mut event = Event {
            broker_time: Some(stamp),
            headers: ["id", "source", "type", "specversion"]
                .map(|name| Header::text(format!("ce_{name}"), "1.0"))
                .into_iter()
                .chain([Header::text("ce_time", "2026-11-01T08:00:00Z"), Header::text("time", "x")])
                .collect(),
            ..Event::new("a", r#"{ "at" : 1793520000000, "by":[{"at":"2026-11-01T08:00:00Z"}] , "n":1.50}"#)
        };
        event.attributes.insert("id".to_owned(), json!("1793520000000-3"));
        let received = event.received;
        let event = moved(event, &["/at", ".by[].at"]);
        assert_eq!(event.received, received, "the schedule goes by it");
        assert_eq!(event.broker_time.expect("a time").time, Timestamp(1_793_520_000_000_000 + HOUR));
        assert_eq!(event.header_text("ce_time"), Some("2026-11-01T09:00:00Z"));
        assert_eq!(event.attributes["id"], "1793523600000-3");
        let payload = event.payload.expect("a payload");
        assert_eq!(payload, r#"{ "at" : 1793523600000, "by":[{"at":"2026-11-01T09:00:00Z"}] , "n":1.50}"#);
    }

    #[test]
    fn a_structured_event_has_its_time_in_the_payload() {
        let text = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2026-11-01T08:00:00Z","data":{"time":"2026-11-01T08:00:00Z"}}"#;
        let payload = moved(Event::new("a", text), &[]).payload.expect("a payload");
        let value: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
        assert_eq!(
            (&value["time"], &value["data"]["time"]),
            (&json!("2026-11-01T09:00:00Z"), &json!("2026-11-01T08:00:00Z"))
        );
    }
}
