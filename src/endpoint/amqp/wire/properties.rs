//! The properties of a message as its content header has them.

use bytes::{BufMut, Bytes, BytesMut};

use super::table::Table;
use super::{Malformed, Reader, ShortText};

/// The properties that are short texts, by the bit that says they are there. The bits stand in the order of the wire.
pub(in super::super) const TEXTS: [(u16, &str); 10] = [
    (1 << 15, "content_type"),
    (1 << 14, "content_encoding"),
    (1 << 10, "correlation_id"),
    (1 << 9, "reply_to"),
    (1 << 8, "expiration"),
    (1 << 7, "message_id"),
    (1 << 5, "type"),
    (1 << 4, "user_id"),
    (1 << 3, "app_id"),
    (1 << 2, "cluster_id"),
];
const HEADERS: u16 = 1 << 13;
const DELIVERY_MODE: u16 = 1 << 12;
const PRIORITY: u16 = 1 << 11;
const TIMESTAMP: u16 = 1 << 6;

/// The properties of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Properties {
    /// Those that are texts, by name.
    pub(in super::super) texts: Vec<(&'static str, String)>,
    /// The headers, when there is a table.
    pub(in super::super) headers: Option<Table>,
    /// 1 is transient, 2 persistent.
    pub(in super::super) delivery_mode: Option<u8>,
    /// 0 to 255.
    pub(in super::super) priority: Option<u8>,
    /// Seconds since 1970.
    pub(in super::super) timestamp: Option<u64>,
}

impl Properties {
    /// Reads them; `bytes` begins with the flags.
    ///
    /// # Errors
    /// When they end too early.
    pub(in super::super) fn read(bytes: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let flags = reader.short()?;
        if flags & 1 != 0 {
            return Err(Malformed("properties that the protocol does not have"));
        }
        let mut found = Self::default();
        for bit in (1..16).rev().map(|shift| 1_u16 << shift).filter(|bit| flags & bit != 0) {
            match bit {
                HEADERS => found.headers = Some(Table::read(reader.long_bytes()?)?),
                DELIVERY_MODE => found.delivery_mode = Some(reader.octet()?),
                PRIORITY => found.priority = Some(reader.octet()?),
                TIMESTAMP => found.timestamp = Some(reader.long_long()?),
                _ => {
                    let name = TEXTS.iter().find(|(known, _)| *known == bit);
                    let (_, name) = name.ok_or(Malformed("a property that the protocol does not have"))?;
                    found.texts.push((name, reader.short_text()?));
                }
            }
        }
        Ok(found)
    }

    /// Writes them, flags first. Texts longer than 255 bytes are left out: they are refused before.
    pub(in super::super) fn put(&self, buffer: &mut BytesMut) {
        let at = buffer.len();
        buffer.put_u16(0);
        let mut flags = 0_u16;
        for bit in (2..16).rev().map(|shift| 1_u16 << shift) {
            if self.put_one(buffer, bit) {
                flags |= bit;
            }
        }
        buffer[at..at + 2].copy_from_slice(&flags.to_be_bytes());
    }

    fn put_one(&self, buffer: &mut BytesMut, bit: u16) -> bool {
        match bit {
            HEADERS => self.headers.as_ref().map(|headers| headers.put(buffer)).is_some(),
            DELIVERY_MODE => self.delivery_mode.map(|mode| buffer.put_u8(mode)).is_some(),
            PRIORITY => self.priority.map(|priority| buffer.put_u8(priority)).is_some(),
            TIMESTAMP => self.timestamp.map(|seconds| buffer.put_u64(seconds)).is_some(),
            _ => {
                let name = TEXTS.iter().find(|(known, _)| *known == bit).map(|(_, name)| name);
                let text = self.texts.iter().find(|(known, _)| Some(known) == name);
                let text = text.and_then(|(_, text)| ShortText::new(text));
                text.map(|text| text.put(buffer)).is_some()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::{Properties, TEXTS, Table};

    #[test]
    fn every_property_comes_back() {
        let mut properties = Properties {
            texts: TEXTS.iter().map(|(_, name)| (*name, format!("the {name}"))).collect(),
            headers: Some(Table::default().with_text("a", "1")),
            delivery_mode: Some(2),
            priority: Some(9),
            timestamp: Some(1_700_000_000),
        };
        for _ in 0..2 {
            let mut wire = BytesMut::new();
            properties.put(&mut wire);
            assert_eq!(Properties::read(wire.freeze()), Ok(properties));
            properties = Properties { priority: Some(0), ..Properties::default() };
        }
    }
}
