//! The headers of dead letters: which of them only say how the event died, and how often it was sent back.

use bytes::Bytes;

use crate::event::{Event, Header, REPEAT_HEADER};

/// The header that counts how often an event was sent back to its origin.
pub const REDRIVES_HEADER: &str = "eddy-redrives";

/// Beginnings of the names of headers that say how, where and why an event died.
const PREFIXES: [&str; 10] = [
    "__connect.errors.",
    "kafka_dlt-",
    "kafka_exception-",
    "retry_topic-",
    "x-death",
    "x-first-death-",
    "x-last-death-",
    "x-exception-",
    "x-original-",
    "dead-letter-",
];

/// Whether a header only says how the event died.
pub(super) fn is_error(name: &str) -> bool {
    PREFIXES
        .iter()
        .any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}

/// How often the event was sent back before.
pub(super) fn redrives(event: &Event) -> u64 {
    event.header_text(REDRIVES_HEADER).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Whether a header has RabbitMQ deliver the event to further queues, which had theirs when it was sent first.
fn is_further_recipient(name: &str) -> bool {
    matches!(name, "CC" | "BCC")
}

/// Takes off what only says how the event died, unless that is kept, and the name by which JetStream would take the event for
/// the repeat of what it was before it died, and counts this redrive.
pub(super) fn renew(event: &mut Event, keeps_errors: bool, redrives: u64) {
    let is_of_rabbitmq = value(event, "x-death").is_some();
    event.headers.retain(|header| {
        let name = header.name.as_str();
        let goes_elsewhere = is_of_rabbitmq && is_further_recipient(name);
        let is_ours = [REDRIVES_HEADER, REPEAT_HEADER].iter().any(|ours| name.eq_ignore_ascii_case(ours));
        !is_ours && (keeps_errors || !is_error(name)) && !goes_elsewhere
    });
    event.headers.push(Header::text(REDRIVES_HEADER, redrives.to_string()));
}

/// A number as text, or as the four or eight bytes, highest first, that Java programs write.
pub(super) fn number(event: &Event, name: &str) -> Option<i64> {
    let value = value(event, name)?;
    let text = std::str::from_utf8(value).ok().map(str::trim);
    if let Some(number) = text.and_then(|text| text.parse().ok()) {
        return Some(number);
    }
    if let Ok(four) = <[u8; 4]>::try_from(&value[..]) {
        return Some(i32::from_be_bytes(four).into());
    }
    <[u8; 8]>::try_from(&value[..]).ok().map(i64::from_be_bytes)
}

fn value<'a>(event: &'a Event, name: &str) -> Option<&'a Bytes> {
    let header = event.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    header.value.as_ref()
}

#[cfg(test)]
mod tests {
    use super::{is_error, number, redrives, renew};
    use crate::event::{Event, Header};

    #[test]
    fn numbers_are_text_or_bytes() {
        let mut event = Event::new("t", "x");
        for (value, expected) in [
            (&b"7"[..], Some(7)),
            (b"\0\0\0\x07", Some(7)),
            (b"\0\0\0\0\0\0\x01\0", Some(256)),
            (b"1234", Some(1234)),
            (b"seven", None),
        ] {
            event.headers = vec![Header { name: "N".into(), value: Some(value.to_vec().into()) }];
            assert_eq!(number(&event, "n"), expected, "{value:?}");
        }
    }

    #[test]
    fn what_is_the_events_own_stays() {
        let mut event = Event::new("t", "x");
        let names = [
            "trace",
            "kafka_dlt-exception-fqcn",
            "X-Death",
            "x-deadline",
            "eddy-redrives",
            "__connect.errors.topic",
        ];
        event.headers = names.iter().map(|name| Header::text(*name, "2")).collect();
        let mut kept = event.clone();
        assert_eq!(redrives(&event), 2);
        renew(&mut event, false, 3);
        let left: Vec<&str> = event.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(left, ["trace", "x-deadline", "eddy-redrives"]);
        renew(&mut kept, true, 3);
        assert_eq!((kept.headers.len(), redrives(&kept)), (6, 3));
        assert!(!is_error("é") && !is_error("x-first-deaf"));
    }
}
