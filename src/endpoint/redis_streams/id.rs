//! The id of an entry: the milliseconds it was added at, and a number among those of the same millisecond.

use std::fmt;

use crate::event::Timestamp;

/// Sequences of a millisecond that have an offset of their own.
const SEQUENCES: u64 = 4096;

/// `1793491200000-0`, as <https://redis.io/docs/latest/develop/data-types/streams/#entry-ids> has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct EntryId {
    /// Milliseconds since 1970, unless the producer chose otherwise.
    pub(super) milliseconds: u64,
    /// Counts the entries of one millisecond.
    pub(super) sequence: u64,
}

impl EntryId {
    /// The first id of a millisecond.
    pub(super) const fn first_of(milliseconds: u64) -> Self {
        Self { milliseconds, sequence: 0 }
    }

    /// Reads `1793491200000-0`; without the part after `-`, the first id of the millisecond.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (milliseconds, sequence) = text.split_once('-').unwrap_or((text, "0"));
        let number = |digits: &str| {
            // `+1` is a number for Rust and none for Redis.
            digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
        };
        Some(Self { milliseconds: number(milliseconds)?, sequence: number(sequence)? })
    }

    /// The id right before; `None` before the very first.
    pub(super) fn before(self) -> Option<Self> {
        match (self.milliseconds, self.sequence) {
            (0, 0) => None,
            (milliseconds, 0) => Some(Self { milliseconds: milliseconds - 1, sequence: u64::MAX }),
            (milliseconds, sequence) => Some(Self { milliseconds, sequence: sequence - 1 }),
        }
    }

    /// The id as one number, which grows with it and which every reader of JSON keeps exactly: milliseconds, then twelve
    /// bits of the sequence. Sequences beyond share the last number of their millisecond.
    pub(super) fn offset(self) -> u64 {
        self.milliseconds.saturating_mul(SEQUENCES).saturating_add(self.sequence.min(SEQUENCES - 1))
    }

    /// The first id with this offset.
    pub(super) const fn of_offset(offset: u64) -> Self {
        Self { milliseconds: offset / SEQUENCES, sequence: offset % SEQUENCES }
    }

    /// The time it says.
    pub(super) fn time(self) -> Timestamp {
        let microseconds = self.milliseconds.saturating_mul(1000);
        Timestamp(i64::try_from(microseconds).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.milliseconds, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::EntryId;

    #[test]
    fn ids_are_read_written_and_ordered() {
        let id = EntryId::parse("1793491200000-3").expect("an id");
        assert_eq!(id.to_string(), "1793491200000-3");
        assert_eq!(id.time().0, 1_793_491_200_000_000);
        assert_eq!(EntryId::parse("7"), Some(EntryId::first_of(7)));
        assert_eq!(id.before().map(|found| found.to_string()).as_deref(), Some("1793491200000-2"));
        assert_eq!(EntryId::first_of(7).before(), EntryId::parse("6-18446744073709551615"));
        assert_eq!(EntryId::default().before(), None);
        for wrong in ["", "x", "1-", "-1", "+1-0", "1-2-3", "1-*"] {
            assert_eq!(EntryId::parse(wrong), None, "{wrong}");
        }
        assert_eq!(EntryId::of_offset(id.offset()), id);
        assert!(id.offset() < 1 << 53, "{}", id.offset());
        let many = EntryId { milliseconds: 7, sequence: 9999 };
        assert!(many.offset() < EntryId::first_of(8).offset());
        assert!(EntryId::parse("9-10") > EntryId::parse("9-9"));
    }
}
