//! Where reading a stream begins and ends, in the words of the broker.

use super::wire::table::Field;
use crate::endpoint::Start;
use crate::event::Timestamp;

/// The argument of a consumer that says where it begins.
const STREAM_OFFSET: &str = "x-stream-offset";

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// The oldest event kept.
    First,
    /// What arrives from now on.
    Next,
    /// The part written last: it holds the last event, and mostly some before it.
    LastPart,
    /// This offset.
    Offset(u64),
    /// The part written at this time.
    Time(Timestamp),
    /// So many events before the end, whose place is not known yet.
    Last(u64),
}

impl From<Start> for Beginning {
    fn from(start: Start) -> Self {
        match start {
            Start::Default | Start::Beginning => Self::First,
            Start::End | Start::Last(0) => Self::Next,
            Start::Offset(offset) => Self::Offset(offset),
            Start::Time(time) => Self::Time(time),
            Start::Last(count) => Self::Last(count),
        }
    }
}

impl Beginning {
    /// Finds the place of the last events, now that the offset of the last one is known.
    pub(super) fn count_back(&mut self, last: Option<u64>) {
        if let Self::Last(count) = *self {
            *self = last.map_or(Self::First, |last| Self::Offset((last + 1).saturating_sub(count)));
        }
    }

    /// The argument for the consumer.
    pub(super) fn argument(self) -> Field {
        let number = |kind, number: u64| Field::of_shown(STREAM_OFFSET, kind, &number.to_string());
        let word = |word: &str| Field::of_bytes(STREAM_OFFSET, b'S', word.as_bytes());
        match self {
            Self::First | Self::Last(_) => word("first"),
            Self::Next => word("next"),
            Self::LastPart => word("last"),
            Self::Offset(offset) => number(b'l', offset).unwrap_or_else(|| word("next")),
            Self::Time(time) => {
                let seconds = u64::try_from(time.0.div_euclid(1_000_000)).unwrap_or(0);
                number(b'T', seconds).unwrap_or_else(|| word("first"))
            }
        }
    }
}

/// The end that was the present one when reading began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The offset of the last event of a stream; `None` when there was none.
    Place(Option<u64>),
    /// So many events of a queue.
    Count(u64),
}

impl End {
    /// Whether nothing lies between the beginning and this end.
    pub(super) fn lies_before(self, beginning: Beginning) -> bool {
        match (self, beginning) {
            (Self::Place(None), _) | (Self::Place(_), Beginning::Next) => true,
            (Self::Place(Some(last)), Beginning::Offset(first)) => first > last,
            (Self::Count(count), _) => count == 0,
            (Self::Place(_), _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Beginning, End};
    use crate::endpoint::Start;
    use crate::event::Timestamp;

    #[test]
    fn places_are_said_in_the_brokers_words() {
        for (start, kind, shown) in [
            (Start::Default, b'S', "first"),
            (Start::End, b'S', "next"),
            (Start::Last(0), b'S', "next"),
            (Start::Offset(42), b'l', "42"),
            (Start::Time(Timestamp(1_700_000_000_900_000)), b'T', "1700000000"),
        ] {
            let argument = Beginning::from(start).argument();
            assert_eq!((argument.kind, argument.shown().as_str()), (kind, shown));
        }
    }

    #[test]
    fn the_last_events_are_counted_from_the_end() {
        for (count, last, expected) in [
            (3, Some(99), Beginning::Offset(97)),
            (1000, Some(99), Beginning::Offset(0)),
            (3, None, Beginning::First),
        ] {
            let mut beginning = Beginning::Last(count);
            beginning.count_back(last);
            assert_eq!(beginning, expected);
        }
        assert!(End::Place(Some(9)).lies_before(Beginning::Offset(10)));
        assert!(!End::Place(Some(9)).lies_before(Beginning::Offset(9)));
        assert!(End::Place(None).lies_before(Beginning::First));
    }
}
