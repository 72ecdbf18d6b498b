//! Avro's object container files (specification 1.12, "Object Container Files") where a payload is one: it brings its schema.

use std::io::Read;

use serde_json::Value;

use super::Avro;
use crate::schema::Language;
use crate::source_text::{Documents, Limits, Resolved, Sources};

/// The first bytes of each container.
const MAGIC: [u8; 4] = *b"Obj\x01";
/// Most bytes all blocks of a container may become.
const MOST_BYTES: usize = 64 << 20;
/// Most values a container may hold.
const MOST_VALUES: usize = 1_000_000;
/// Bytes of the mark behind the head and behind each block.
const MARK: usize = 16;

/// What a container holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// The name of its schema, or the kind of it where it has no name.
    pub schema: String,
    /// How its blocks are compressed, as Avro calls it.
    pub codec: String,
    /// Its values as JSON, as [`Avro::decode`] makes them.
    pub values: Vec<Value>,
}

impl Container {
    /// One value as it is, any other number of them as a list.
    #[must_use]
    pub fn into_json(mut self) -> Vec<u8> {
        let value = if self.values.len() == 1 { self.values.remove(0) } else { Value::Array(self.values) };
        value.to_string().into_bytes()
    }
}

/// Whether a payload says that it is a container.
#[must_use]
pub fn is_container(payload: &[u8]) -> bool {
    payload.starts_with(&MAGIC)
}

/// Reads a payload that is a container; nothing when its first bytes are others.
///
/// # Errors
/// Why it cannot be read, as a lower-case fragment.
#[must_use]
pub fn read(payload: &[u8]) -> Option<Result<Container, String>> {
    is_container(payload).then(|| Bytes { bytes: payload, at: MAGIC.len() }.container())
}

/// A compression of blocks.
#[derive(Clone, Copy)]
enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
}

impl Codec {
    fn named(name: &str) -> Result<Self, String> {
        match name {
            "null" => Ok(Self::Null),
            "deflate" => Ok(Self::Deflate),
            "snappy" => Ok(Self::Snappy),
            "zstandard" => Ok(Self::Zstandard),
            other => Err(format!(
                "its codec is `{}`; known are `null`, `deflate`, `snappy` and `zstandard`",
                other.chars().take(40).collect::<String>()
            )),
        }
    }

    /// The block as it was; `room` is what it may become.
    fn unpacked(self, block: &[u8], room: usize) -> Result<Vec<u8>, String> {
        let limit = room as u64 + 1;
        let mut plain = Vec::new();
        let read = match self {
            Self::Null => block.take(limit).read_to_end(&mut plain),
            Self::Deflate => flate2::read::DeflateDecoder::new(block).take(limit).read_to_end(&mut plain),
            Self::Zstandard => {
                zstd::Decoder::new(block).and_then(|inner| inner.take(limit).read_to_end(&mut plain))
            }
            Self::Snappy => return unsnapped(block, room),
        };
        read.map_err(|error| error.to_string())?;
        if plain.len() > room { Err(too_large()) } else { Ok(plain) }
    }
}

/// Snappy with the check sum of what it holds in the last four bytes, as Avro adds it.
fn unsnapped(block: &[u8], room: usize) -> Result<Vec<u8>, String> {
    let (packed, sum) = block.split_last_chunk::<4>().ok_or("it has no check sum")?;
    if snap::raw::decompress_len(packed).map_err(|error| error.to_string())? > room {
        return Err(too_large());
    }
    let plain = snap::raw::Decoder::new().decompress_vec(packed).map_err(|error| error.to_string())?;
    let mut found = flate2::Crc::new();
    found.update(&plain);
    if found.sum() == u32::from_be_bytes(*sum) { Ok(plain) } else { Err("its check sum is wrong".to_owned()) }
}

fn too_large() -> String {
    format!("it holds more than {} MiB", MOST_BYTES >> 20)
}

/// What is left of a container.
struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    fn container(mut self) -> Result<Container, String> {
        let (schema, codec) = self.head()?;
        let mark = self.take(MARK, "the mark behind its head")?;
        let kind = Codec::named(&codec)?;
        let avro = compiled(schema)?;
        let (mut values, mut room) = (Vec::new(), MOST_BYTES);
        while self.at < self.bytes.len() {
            let number = self.count("the number of values in a block")?;
            let length = self.count("the length of a block")?;
            let from = self.at;
            if values.len().saturating_add(number) > MOST_VALUES {
                return Err(format!("it holds more than {MOST_VALUES} values"));
            }
            let within = |reason: String| format!("its block at byte {from} cannot be read: {reason}");
            let block = kind.unpacked(self.take(length, "a block")?, room).map_err(within)?;
            room -= block.len();
            values.extend(avro.decode_all(&block, number).map_err(|found| within(found.message))?);
            if self.take(MARK, "the mark behind a block")? != mark {
                return Err(format!("the mark behind its block at byte {from} is not the one of its head"));
            }
        }
        Ok(Container { schema: avro.name().to_owned(), codec, values })
    }

    /// The text of the schema and the name of the codec, from the map in front.
    fn head(&mut self) -> Result<(String, String), String> {
        let (mut schema, mut codec) = (None, "null".to_owned());
        loop {
            let entries = self.number("its head")?;
            if entries < 0 {
                self.number("its head")?;
            }
            if entries == 0 {
                let schema = schema.ok_or("its head has no `avro.schema`")?;
                return Ok((schema, codec));
            }
            for _ in 0..entries.unsigned_abs() {
                let name = self.text("a name in its head")?;
                let length = self.count("a value in its head")?;
                let value = self.take(length, "a value in its head")?;
                let text = || match std::str::from_utf8(value) {
                    Ok(text) => Ok(text.to_owned()),
                    Err(_) => Err(format!("`{name}` in its head is no UTF-8")),
                };
                match name.as_str() {
                    "avro.schema" => schema = Some(text()?),
                    "avro.codec" => codec = text()?,
                    _ => {}
                }
            }
        }
    }

    fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], String> {
        let taken = self.at.checked_add(count).and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| format!("it ends at byte {}, within {what}", self.bytes.len()))?;
        self.at += count;
        Ok(taken)
    }

    fn text(&mut self, what: &str) -> Result<String, String> {
        let length = self.count(what)?;
        let bytes = self.take(length, what)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| format!("{what} is no UTF-8"))
    }

    fn count(&mut self, what: &str) -> Result<usize, String> {
        let from = self.at;
        let number = self.number(what)?;
        usize::try_from(number).map_err(|_| format!("{what} at byte {from} is {number}"))
    }

    /// A whole number: seven bits a byte, the lowest first, zigzag.
    fn number(&mut self, what: &str) -> Result<i64, String> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.take(1, what)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
            }
        }
        Err(format!("{what} is no number: it has more than 63 bits"))
    }
}

/// The schema, which lies in a folder that exists in memory alone: it reaches no file.
fn compiled(text: String) -> Result<Avro, String> {
    let (mut sources, mut documents) = (Sources::default(), Documents::default());
    let Language::Avro { version } = Language::AVRO else {
        return Err("Avro has no version".to_owned());
    };
    let file = documents.add_remote(&mut sources, "container:///schema.json", text, &Limits::default());
    let root = documents.root(file).ok_or("its schema is no JSON")?;
    let place = Resolved { node: root.clone(), file, pointer: String::new() };
    let (avro, problems) = Avro::read(&documents, &place, version);
    avro.ok_or_else(|| {
        let first = problems.first().map_or("it is wrong", |problem| problem.message.as_str());
        format!("its schema does not compile: {first}")
    })
}

#[cfg(test)]
mod tests;
