//! Compares what the consumers wrote into their journals with what was recorded, channel by channel.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;

use crate::archive;
use crate::commands::{CommandError, ErrorKind};
use crate::event::{Event, json_lines};

/// Payloads by channel, in order of arrival.
pub type Seen = BTreeMap<String, Vec<Option<Bytes>>>;

/// What an archive holds.
pub fn recorded(path: &Path) -> Result<Seen, CommandError> {
    let mut seen = Seen::new();
    let unreadable = |error: archive::ArchiveError| CommandError::new(ErrorKind::Delivery, error.to_string());
    let mut reader = archive::Reader::open(path).map_err(unreadable)?;
    while let Some(line) = reader.next_line().map_err(unreadable)? {
        note(&mut seen, line.event);
    }
    Ok(seen)
}

/// What one consumer wrote down.
pub fn journal(path: &Path) -> Result<Seen, CommandError> {
    let text = std::fs::read(path)?;
    let mut seen = Seen::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line = json_lines::decode(line, None).map_err(|error| {
            CommandError::new(ErrorKind::Internal, format!("`{}`: {error}", path.display()))
        })?;
        note(&mut seen, line.event);
    }
    Ok(seen)
}

fn note(seen: &mut Seen, event: Event) {
    seen.entry(event.channel.into()).or_default().push(event.payload);
}

/// The number of events compared, when a consumer saw on each of its channels just what was recorded, in the same
/// order; else the first difference in words.
pub fn same(recorded: &Seen, consumer: &str, journal: &Seen) -> Result<usize, String> {
    let mut compared = 0;
    for (channel, payloads) in journal {
        let expected = recorded.get(channel).map_or(&[][..], Vec::as_slice);
        if payloads.len() != expected.len() {
            return Err(format!(
                "{consumer} saw {} events on `{channel}`, {} were recorded",
                payloads.len(),
                expected.len()
            ));
        }
        if let Some(at) = payloads.iter().zip(expected).position(|(left, right)| left != right) {
            return Err(format!(
                "event {} on `{channel}` differs between {consumer} and the recording",
                at + 1
            ));
        }
        compared += payloads.len();
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Seen, same};

    fn seen(payloads: &[&'static str]) -> Seen {
        let payloads = payloads.iter().map(|text| Some(Bytes::from_static(text.as_bytes()))).collect();
        Seen::from([("orders".to_owned(), payloads)])
    }

    #[test]
    fn finds_missing_and_swapped_events() {
        assert_eq!(same(&seen(&["a", "b"]), "billing", &seen(&["a", "b"])), Ok(2));
        assert!(
            same(&seen(&["a", "b"]), "billing", &seen(&["b", "a"]))
                .is_err_and(|text| text.contains("event 1"))
        );
        assert!(
            same(&seen(&["a", "b"]), "billing", &seen(&["a"]))
                .is_err_and(|text| text.contains("2 were recorded"))
        );
    }
}
