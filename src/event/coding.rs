//! Payloads that travel compressed: gzip and zstd by what the event says or by their first bytes, within a limit.

use std::io::{self, Read};

use bytes::Bytes;

use super::Event;

/// Most bytes a compressed payload may become.
pub const MOST_DECODED: usize = 64 << 20;

/// How a payload is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// gzip, RFC 1952.
    Gzip,
    /// zstd, RFC 8878.
    Zstd,
}

impl Coding {
    /// Its name in `content-encoding`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// The attribute of an event whose payload has been unpacked: how it had been compressed.
pub const UNPACKED: &str = "unpacked";

/// What a compressed payload holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// How it was compressed.
    pub coding: Coding,
    /// What it holds, or why that cannot be said.
    pub content: Result<Bytes, String>,
}

/// What the payload of an event holds, when it is compressed.
///
/// A header or attribute `content-encoding` decides; without one the first bytes do. An event that has been unpacked is
/// not compressed any more, whatever its headers say.
#[must_use]
pub fn decoded(event: &Event) -> Option<Decoded> {
    let payload = event.payload.as_ref().filter(|_| !event.attributes.contains_key(UNPACKED))?;
    let coding = named(event).map_or_else(|| by_first_bytes(payload), known)?;
    let content = content(coding, payload).map_err(|error| error.to_string());
    // First bytes are a guess: what then cannot be read was perhaps never meant so.
    (content.is_ok() || named(event).is_some() || payload.len() > 8).then_some(Decoded { coding, content })
}

/// The payload without its compression, or as it is when it has none or cannot be read.
#[must_use]
pub fn plain_payload(event: &Event) -> Option<Bytes> {
    match decoded(event) {
        Some(Decoded { content: Ok(content), .. }) => Some(content),
        _ => event.payload.clone(),
    }
}

/// The event with what its payload holds; nothing when that is not compressed or cannot be read.
#[must_use]
pub fn unpacked(event: &Event) -> Option<Event> {
    let Decoded { coding, content } = decoded(event)?;
    let mut event = Event { payload: Some(content.ok()?), ..event.clone() };
    event.attributes.insert(UNPACKED.to_owned(), coding.name().into());
    Some(event)
}

fn named(event: &Event) -> Option<&str> {
    const NAMES: [&str; 3] = ["content-encoding", "content_encoding", "contentEncoding"];
    let header = || NAMES.iter().find_map(|name| event.header_text(name));
    let attribute = || NAMES.iter().find_map(|name| event.attributes.get(*name)?.as_str());
    header().or_else(attribute)
}

/// A coding by its name; an unknown one, such as `identity`, is none.
fn known(name: &str) -> Option<Coding> {
    match name.trim().to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => Some(Coding::Gzip),
        "zstd" => Some(Coding::Zstd),
        _ => None,
    }
}

fn by_first_bytes(payload: &[u8]) -> Option<Coding> {
    match payload {
        // The third byte is the only method there is.
        [0x1f, 0x8b, 0x08, ..] => Some(Coding::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Coding::Zstd),
        _ => None,
    }
}

fn content(coding: Coding, payload: &[u8]) -> io::Result<Bytes> {
    let mut content = Vec::new();
    let limit = MOST_DECODED as u64 + 1;
    match coding {
        Coding::Gzip => flate2::read::MultiGzDecoder::new(payload).take(limit).read_to_end(&mut content)?,
        Coding::Zstd => zstd::Decoder::new(payload)?.take(limit).read_to_end(&mut content)?,
    };
    if content.len() > MOST_DECODED {
        let message = format!("it holds more than {} MiB", MOST_DECODED >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(content.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Coding, Decoded, MOST_DECODED, decoded, plain_payload};
    use crate::event::{Event, Header};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("writing");
        encoder.finish().expect("writing")
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).expect("writing")
    }

    #[test]
    fn compressed_payloads_are_read_by_name_or_first_bytes() {
        for (coding, packed) in [(Coding::Gzip, gzip(b"{}")), (Coding::Zstd, zstd(b"{}"))] {
            let mut event = Event::new("a", packed);
            let expected = Some(Decoded { coding, content: Ok("{}".into()) });
            assert_eq!(decoded(&event), expected);
            event.headers.push(Header::text("Content-Encoding", coding.name()));
            assert_eq!(decoded(&event), expected);
            assert_eq!(plain_payload(&event), Some("{}".into()));
        }
        let mut event = Event::new("a", "{}");
        assert_eq!(decoded(&event), None);
        event.attributes.insert("content_encoding".to_owned(), "gzip".into());
        let failed = decoded(&event).expect("named");
        assert!(failed.content.is_err(), "{failed:?}");
        assert_eq!(plain_payload(&event), Some("{}".into()));
        event.attributes.insert("content_encoding".to_owned(), "identity".into());
        assert_eq!(decoded(&event), None);
        assert_eq!(decoded(&Event { payload: None, ..Event::new("a", "") }), None);
    }

    #[test]
    fn a_cut_off_payload_says_so() {
        let mut packed = gzip(&[b'x'; 1000]);
        packed.truncate(packed.len() - 9);
        let found = decoded(&Event::new("a", packed)).expect("gzip by its first bytes");
        assert!(found.content.is_err(), "{found:?}");
    }

    #[test]
    fn a_bomb_is_not_unpacked_beyond_the_limit() {
        for packed in [gzip(&vec![0; MOST_DECODED + 1]), zstd(&vec![0; MOST_DECODED + 1])] {
            let found = decoded(&Event::new("a", packed)).expect("compressed");
            assert_eq!(found.content, Err("it holds more than 64 MiB".to_owned()));
        }
    }
}
