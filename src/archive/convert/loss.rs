//! What a format cannot carry: told by reading back what was just written and comparing field by field.

use std::fmt;

use serde::Serialize;

use super::ConvertFormat;
use crate::event::{Event, kcat};

/// A part of an event that does not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LostPart {
    /// Bytes of the key.
    Key,
    /// Bytes of the payload.
    Payload,
    /// Bytes of headers.
    Headers,
    /// The time of receipt.
    Received,
    /// The time of the producer or broker.
    BrokerTime,
    /// The partition.
    Partition,
    /// The offset.
    Offset,
    /// Facts of the protocol.
    Attributes,
}

impl LostPart {
    const ALL: [Self; 8] = [
        Self::Key,
        Self::Payload,
        Self::Headers,
        Self::Received,
        Self::BrokerTime,
        Self::Partition,
        Self::Offset,
        Self::Attributes,
    ];

    fn differs(self, one: &Event, other: &Event) -> bool {
        match self {
            Self::Key => one.key != other.key,
            Self::Payload => one.payload != other.payload,
            Self::Headers => one.headers != other.headers,
            Self::Received => one.received != other.received,
            Self::BrokerTime => one.broker_time != other.broker_time,
            Self::Partition => one.place.partition != other.place.partition,
            Self::Offset => one.place.offset != other.place.offset,
            Self::Attributes => one.attributes != other.attributes,
        }
    }
}

impl fmt::Display for LostPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Key => "bytes of the key",
            Self::Payload => "bytes of the payload",
            Self::Headers => "bytes of headers",
            Self::Received => "the exact time of receipt",
            Self::BrokerTime => "the exact time of the producer or broker",
            Self::Partition => "the partition",
            Self::Offset => "the offset",
            Self::Attributes => "facts of the protocol",
        })
    }
}

/// Of how many events what is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LossCounts {
    /// Parts, with the number of events that lose them.
    pub parts: Vec<(LostPart, u64)>,
    /// Events with a number other than their place, which the format does not keep.
    pub numbers: u64,
    /// Events looked at.
    #[serde(skip)]
    events: u64,
    #[serde(skip)]
    line: Vec<u8>,
}

impl LossCounts {
    /// Looks at what one event with this number would lose.
    pub fn add(&mut self, format: ConvertFormat, number: u64, event: &Event) {
        self.events += 1;
        if format.is_lossless() {
            return;
        }
        self.numbers += u64::from(number != self.events);
        self.line.clear();
        kcat::encode(event, &mut self.line);
        let read = kcat::decode(&self.line);
        for part in LostPart::ALL {
            if read.as_ref().map_or(true, |read| part.differs(event, read)) {
                self.count(part);
            }
        }
    }

    fn count(&mut self, part: LostPart) {
        match self.parts.iter_mut().find(|(known, _)| *known == part) {
            Some((_, count)) => *count += 1,
            None => self.parts.push((part, 1)),
        }
    }

    /// Whether everything comes back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.numbers == 0
    }
}
