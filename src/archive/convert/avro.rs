//! Avro object containers (specification 1.11, "Object Container Files") with one schema, which holds all of an event.

use std::io::{self, BufRead, Read, Write};

use bytes::Bytes;
use flate2::Compression;

use super::{Encode, recorded_header};
use crate::archive::Header as Recording;
use crate::archive::import::{Events, Input};
use crate::event::json_lines::{Line, MAX_LINE};
use crate::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp};

const MAGIC: &[u8; 4] = b"Obj\x01";
/// Bytes of a block before compression.
const BLOCK: usize = 256 * 1024;
/// Bytes that a block of another writer may have.
const MOST_BLOCK: usize = 4 * MAX_LINE;
/// The entry with the header of the recording, as the line archives have.
const HEADER_ENTRY: &str = "eddy.header";

/// The schema of every event. Numbers and offsets above 2^63-1 stand as negative ones.
pub(super) const SCHEMA: &str = r#"{"type":"record","name":"Event","namespace":"eddy.archive","doc":"One event of an eddy recording","fields":[{"name":"number","type":["null","long"]},{"name":"received","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"channel","type":"string"},{"name":"partition","type":["null","int"]},{"name":"offset","type":["null","long"]},{"name":"time","type":["null",{"type":"long","logicalType":"timestamp-micros"}]},{"name":"time_kind","type":["null",{"type":"enum","name":"TimeKind","symbols":["create","append"]}]},{"name":"key","type":["null","bytes"]},{"name":"payload","type":["null","bytes"]},{"name":"headers","type":{"type":"array","items":{"type":"record","name":"Header","fields":[{"name":"name","type":"string"},{"name":"value","type":["null","bytes"]}]}}},{"name":"attributes","type":"string","doc":"Facts of one protocol, a JSON object"}]}"#;

/// Writes blocks compressed by deflate, the codec that every reader has.
pub(super) struct Encoder<W: Write> {
    output: W,
    sync: [u8; 16],
    block: Vec<u8>,
    count: i64,
}

impl<W: Write> Encoder<W> {
    pub(super) fn begin(header: Option<&Recording>, mut output: W) -> io::Result<Self> {
        let header = header.map(|header| String::from_utf8_lossy(&header.to_line()).into_owned());
        let mut entries = vec![("avro.schema", SCHEMA), ("avro.codec", "deflate")];
        entries.extend(header.as_deref().map(|header| (HEADER_ENTRY, header)));
        let mut start = MAGIC.to_vec();
        long(i64::try_from(entries.len()).unwrap_or_default(), &mut start);
        for (name, value) in entries {
            bytes(name.as_bytes(), &mut start);
            bytes(value.as_bytes(), &mut start);
        }
        long(0, &mut start);
        let sync = uuid::Uuid::new_v4().into_bytes();
        start.extend_from_slice(&sync);
        output.write_all(&start)?;
        Ok(Self { output, sync, block: Vec::new(), count: 0 })
    }

    fn flush_block(&mut self) -> io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), Compression::new(4));
        deflate.write_all(&self.block)?;
        let packed = deflate.finish()?;
        let mut head = Vec::with_capacity(20);
        long(self.count, &mut head);
        long(i64::try_from(packed.len()).unwrap_or_default(), &mut head);
        self.output.write_all(&head)?;
        self.output.write_all(&packed)?;
        self.output.write_all(&self.sync)?;
        self.block.clear();
        self.count = 0;
        Ok(())
    }
}

impl<W: Write> Encode for Encoder<W> {
    fn event(&mut self, number: u64, event: &Event) -> io::Result<()> {
        encode(Some(number), event, &mut self.block)?;
        self.count += 1;
        if self.block.len() >= BLOCK {
            self.flush_block()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush_block()?;
        self.output.flush()
    }
}

fn encode(number: Option<u64>, event: &Event, out: &mut Vec<u8>) -> io::Result<()> {
    optional(number, out, |number, out| long(number.cast_signed(), out));
    long(event.received.0, out);
    bytes(event.channel.as_bytes(), out);
    optional(event.place.partition, out, |partition, out| long(i64::from(partition), out));
    optional(event.place.offset, out, |offset, out| long(offset.cast_signed(), out));
    optional(event.broker_time, out, |stamp, out| long(stamp.time.0, out));
    optional(event.broker_time, out, |stamp, out| long(i64::from(stamp.kind == TimeKind::Append), out));
    optional(event.key.as_deref(), out, bytes);
    optional(event.payload.as_deref(), out, bytes);
    if !event.headers.is_empty() {
        long(i64::try_from(event.headers.len()).unwrap_or_default(), out);
        for header in &event.headers {
            bytes(header.name.as_bytes(), out);
            optional(header.value.as_deref(), out, bytes);
        }
    }
    long(0, out);
    bytes(&serde_json::to_vec(&event.attributes)?, out);
    Ok(())
}

fn optional<T>(value: Option<T>, out: &mut Vec<u8>, write: impl FnOnce(T, &mut Vec<u8>)) {
    long(i64::from(value.is_some()), out);
    if let Some(value) = value {
        write(value, out);
    }
}

/// Zig-zag, then seven bits to a byte, the lowest first.
fn long(value: i64, out: &mut Vec<u8>) {
    let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or_default();
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn bytes(value: &[u8], out: &mut Vec<u8>) {
    long(i64::try_from(value.len()).unwrap_or_default(), out);
    out.extend_from_slice(value);
}

/// Reads containers with our schema, whoever wrote them, with the codecs null, deflate and zstandard.
pub(in crate::archive) struct Blocks {
    input: Input,
    codec: Codec,
    sync: [u8; 16],
    header: Option<Recording>,
    block: Vec<u8>,
    /// First byte of `block` that is not read yet.
    at: usize,
    left: i64,
    events: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    Null,
    Deflate,
    Zstandard,
}

impl Blocks {
    /// Reads the head of a container.
    pub(in crate::archive) fn begin(mut input: Input) -> io::Result<Self> {
        let mut magic = [0; 4];
        input.read_exact(&mut magic)?;
        if magic != *MAGIC {
            return Err(malformed("it does not begin as an Avro object container"));
        }
        let (mut schema, mut codec, mut header) = (None, Codec::Null, None);
        while let Some(count) = read_count(&mut input)? {
            for _ in 0..count {
                let name = read_bytes(&mut input)?;
                let value = read_bytes(&mut input)?;
                match name.as_slice() {
                    b"avro.schema" => schema = serde_json::from_slice(&value).ok(),
                    b"avro.codec" => codec = Codec::named(&value)?,
                    name if name == HEADER_ENTRY.as_bytes() => {
                        header = Some(recorded_header(&value)?);
                    }
                    _ => {}
                }
            }
        }
        if schema.map(bare) != serde_json::from_str(SCHEMA).ok().map(bare) {
            return Err(malformed("its schema is not that of events, which `docs/archive.md` has"));
        }
        let mut sync = [0; 16];
        input.read_exact(&mut sync)?;
        Ok(Self { input, codec, sync, header, block: Vec::new(), at: 0, left: 0, events: 0 })
    }

    /// Unpacks the next block; false at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        if self.input.fill_buf()?.is_empty() {
            return Ok(false);
        }
        self.left = read_long(&mut self.input)?;
        let packed = read_bytes(&mut self.input)?;
        let mut sync = [0; 16];
        self.input.read_exact(&mut sync)?;
        if sync != self.sync || self.left < 0 {
            return Err(malformed("a block does not end as it should"));
        }
        self.block = match self.codec {
            Codec::Null => packed,
            Codec::Deflate => unpacked(flate2::read::DeflateDecoder::new(&packed[..]))?,
            Codec::Zstandard => unpacked(zstd::stream::read::Decoder::new(&packed[..])?)?,
        };
        self.at = 0;
        Ok(true)
    }
}

impl Codec {
    fn named(name: &[u8]) -> io::Result<Self> {
        match name {
            b"null" => Ok(Self::Null),
            b"deflate" => Ok(Self::Deflate),
            b"zstandard" => Ok(Self::Zstandard),
            other => Err(malformed(&format!(
                "its codec is `{}`; `null`, `deflate` and `zstandard` are read",
                String::from_utf8_lossy(other)
            ))),
        }
    }
}

impl Events for Blocks {
    fn next(&mut self) -> io::Result<Option<(u64, Result<Line, String>)>> {
        while self.left == 0 {
            if !self.next_block()? {
                return Ok(None);
            }
        }
        self.left -= 1;
        self.events += 1;
        let mut rest = &self.block[self.at..];
        let event = decode(&mut rest);
        self.at = self.block.len() - rest.len();
        // Behind what could not be read nothing in the block can be found again.
        event.map(|line| Some((self.events, line)))
    }

    fn header(&self) -> Option<Recording> {
        self.header.clone()
    }
}

/// A schema without its words for people, and names with their namespace left away.
fn bare(mut schema: serde_json::Value) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(members) => {
                for word in ["doc", "namespace", "default", "aliases", "order"] {
                    members.shift_remove(word);
                }
                if let Some(serde_json::Value::String(name)) = members.get_mut("name")
                    && let Some(dot) = name.rfind('.')
                {
                    name.drain(..=dot);
                }
                members.sort_keys();
                members.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut schema);
    schema
}

fn decode(rest: &mut &[u8]) -> io::Result<Result<Line, String>> {
    let number = read_optional(rest, read_long)?.map(i64::cast_unsigned);
    let received = Timestamp(read_long(rest)?);
    let channel = text(read_bytes(rest)?)?;
    let partition = read_optional(rest, read_long)?;
    let offset = read_optional(rest, read_long)?.map(i64::cast_unsigned);
    let time = read_optional(rest, read_long)?;
    let kind = read_optional(rest, read_long)?;
    let key = read_optional(rest, read_bytes)?.map(Bytes::from);
    let payload = read_optional(rest, read_bytes)?.map(Bytes::from);
    let mut headers = Vec::new();
    while let Some(count) = read_count(rest)? {
        for _ in 0..count {
            let name = text(read_bytes(rest)?)?;
            headers
                .push(Header { name: name.into(), value: read_optional(rest, read_bytes)?.map(Bytes::from) });
        }
    }
    let attributes = read_bytes(rest)?;
    let attributes = match serde_json::from_slice(&attributes) {
        Ok(attributes) => attributes,
        Err(error) => return Ok(Err(format!("`attributes`: {error}"))),
    };
    let kind = if kind == Some(1) { TimeKind::Append } else { TimeKind::Create };
    let event = Event {
        channel: channel.into(),
        key,
        payload,
        headers,
        received,
        broker_time: time.map(|time| BrokerTime { time: Timestamp(time), kind }),
        place: Place { partition: partition.and_then(|number| i32::try_from(number).ok()), offset },
        attributes,
    };
    Ok(Ok(Line { number, event }))
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| malformed("a text is no UTF-8"))
}

fn read_optional<R: Read, T>(
    input: &mut R,
    read: impl FnOnce(&mut R) -> io::Result<T>,
) -> io::Result<Option<T>> {
    match read_long(input)? {
        0 => Ok(None),
        1 => read(input).map(Some),
        _ => Err(malformed("a union has no such branch")),
    }
}

/// Items of the next block of a map or array; `None` at its end.
fn read_count(input: &mut impl Read) -> io::Result<Option<u64>> {
    let count = read_long(input)?;
    if count < 0 {
        // Its length in bytes follows, for readers that skip.
        read_long(input)?;
    }
    Ok((count != 0).then_some(count.unsigned_abs()))
}

fn read_long(input: &mut impl Read) -> io::Result<i64> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        if shift > 63 {
            return Err(malformed("a number is too long"));
        }
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
        shift += 7;
    }
}

fn read_bytes(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = usize::try_from(read_long(input)?).unwrap_or(usize::MAX);
    if length > MOST_BLOCK {
        return Err(malformed("a text or block is longer than it may be"));
    }
    let mut bytes = Vec::new();
    // The length may be wrong: memory is taken only for what is there.
    input.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

fn unpacked(input: impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    input.take(MOST_BLOCK as u64 + 1).read_to_end(&mut content)?;
    if content.len() > MOST_BLOCK {
        return Err(malformed("a block is longer than it may be"));
    }
    Ok(content)
}

fn malformed(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}
