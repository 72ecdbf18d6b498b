//! The bytes of AMQP 0-9-1: frames, methods, field tables and properties, each as it stands on the wire. It knows no events
//! and no sockets.

use bytes::{Buf, BufMut, Bytes, BytesMut};

pub(super) mod method;
pub(super) mod properties;
pub(super) mod table;

/// What a client says first: the protocol and its version.
pub(super) const PROTOCOL_HEADER: &[u8; 8] = b"AMQP\x00\x00\x09\x01";

/// The octet that ends each frame.
const FRAME_END: u8 = 0xCE;
/// Octets of a frame around its payload: type, channel, size and end.
pub(super) const FRAME_OVERHEAD: usize = 8;
/// Frames larger than this are taken for bytes that are no AMQP; a server may agree on up to this.
const LARGEST_FRAME: usize = 64 * 1024 * 1024;

/// Bytes that are not what the protocol says, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) &'static str);

/// What a port with encryption says to who speaks without: an alert of TLS 1.
pub(super) const SPEAKS_TLS: Malformed = Malformed("it speaks TLS");

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// A method.
    Method,
    /// The properties and the size of a message.
    Header,
    /// A part of a message.
    Body,
    /// A sign of life.
    Heartbeat,
}

impl FrameKind {
    const fn octet(self) -> u8 {
        match self {
            Self::Method => 1,
            Self::Header => 2,
            Self::Body => 3,
            Self::Heartbeat => 8,
        }
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: FrameKind,
    pub(super) channel: u16,
    pub(super) payload: Bytes,
}

/// Takes the next whole frame from the front of `buffer`; `None` when it is not all there yet.
///
/// # Errors
/// When the bytes are no frame.
pub(super) fn take_frame(buffer: &mut BytesMut) -> Result<Option<Frame>, Malformed> {
    if buffer.len() < FRAME_OVERHEAD - 1 {
        return Ok(None);
    }
    if buffer.starts_with(b"AMQP") {
        return Err(Malformed("the server speaks another version of the protocol"));
    }
    if buffer.starts_with(b"\x15\x03") {
        return Err(SPEAKS_TLS);
    }
    let kind = match buffer[0] {
        1 => FrameKind::Method,
        2 => FrameKind::Header,
        3 => FrameKind::Body,
        8 => FrameKind::Heartbeat,
        _ => return Err(Malformed("a frame of an unknown type")),
    };
    let channel = u16::from_be_bytes([buffer[1], buffer[2]]);
    let size = u32::from_be_bytes([buffer[3], buffer[4], buffer[5], buffer[6]]);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > LARGEST_FRAME {
        return Err(Malformed("a frame larger than any server sends"));
    }
    if buffer.len() < size + FRAME_OVERHEAD {
        buffer.reserve(size + FRAME_OVERHEAD - buffer.len());
        return Ok(None);
    }
    buffer.advance(FRAME_OVERHEAD - 1);
    let payload = buffer.split_to(size).freeze();
    if buffer.get_u8() != FRAME_END {
        return Err(Malformed("a frame without its end"));
    }
    Ok(Some(Frame { kind, channel, payload }))
}

/// Writes a frame around what `fill` writes.
pub(super) fn put_frame(
    buffer: &mut BytesMut,
    kind: FrameKind,
    channel: u16,
    fill: impl FnOnce(&mut BytesMut),
) {
    buffer.put_u8(kind.octet());
    buffer.put_u16(channel);
    put_sized(buffer, fill);
    buffer.put_u8(FRAME_END);
}

/// Writes what `fill` writes behind its length in four octets.
pub(super) fn put_sized(buffer: &mut BytesMut, fill: impl FnOnce(&mut BytesMut)) {
    let at = buffer.len();
    buffer.put_u32(0);
    fill(buffer);
    let size = u32::try_from(buffer.len() - at - 4).unwrap_or(u32::MAX);
    buffer[at..at + 4].copy_from_slice(&size.to_be_bytes());
}

/// Text of at most 255 bytes, which is what names and most properties are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ShortText(Bytes);

impl ShortText {
    /// The text, unless it is too long.
    pub(super) fn new(text: &str) -> Option<Self> {
        u8::try_from(text.len()).is_ok().then(|| Self(Bytes::copy_from_slice(text.as_bytes())))
    }

    /// The bytes of the text.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes of the text, to keep.
    pub(super) fn into_bytes(self) -> Bytes {
        self.0
    }

    pub(super) fn put(&self, buffer: &mut BytesMut) {
        buffer.put_u8(u8::try_from(self.0.len()).unwrap_or(u8::MAX));
        buffer.put_slice(&self.0);
    }
}

/// Reads fields from the front of bytes.
#[derive(Debug)]
pub(super) struct Reader {
    bytes: Bytes,
}

const SHORT_OF_BYTES: Malformed = Malformed("a field is longer than what holds it");

impl Reader {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<Bytes, Malformed> {
        if count > self.bytes.len() {
            return Err(SHORT_OF_BYTES);
        }
        Ok(self.bytes.split_to(count))
    }

    pub(super) fn octet(&mut self) -> Result<u8, Malformed> {
        self.bytes.try_get_u8().map_err(|_| SHORT_OF_BYTES)
    }

    pub(super) fn short(&mut self) -> Result<u16, Malformed> {
        self.bytes.try_get_u16().map_err(|_| SHORT_OF_BYTES)
    }

    pub(super) fn long(&mut self) -> Result<u32, Malformed> {
        self.bytes.try_get_u32().map_err(|_| SHORT_OF_BYTES)
    }

    pub(super) fn long_long(&mut self) -> Result<u64, Malformed> {
        self.bytes.try_get_u64().map_err(|_| SHORT_OF_BYTES)
    }

    /// Text of at most 255 bytes. Bytes that are no UTF-8 are shown by the replacement character.
    pub(super) fn short_text(&mut self) -> Result<String, Malformed> {
        let length = self.octet()?;
        let bytes = self.take(usize::from(length))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Bytes behind their length in four octets.
    pub(super) fn long_bytes(&mut self) -> Result<Bytes, Malformed> {
        let length = self.long()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, BytesMut};

    use super::{Frame, FrameKind, Reader, ShortText, put_frame, take_frame};

    #[test]
    fn frames_come_out_as_they_went_in_however_they_arrive() {
        let mut sent = BytesMut::new();
        put_frame(&mut sent, FrameKind::Body, 1, |buffer| buffer.put_slice(b"payload"));
        put_frame(&mut sent, FrameKind::Heartbeat, 0, |_| {});
        let mut arrived = BytesMut::new();
        let mut frames = Vec::new();
        for byte in sent {
            arrived.put_u8(byte);
            frames.extend(take_frame(&mut arrived).expect("frames"));
        }
        let body = Frame { kind: FrameKind::Body, channel: 1, payload: "payload".into() };
        let sign = Frame { kind: FrameKind::Heartbeat, channel: 0, payload: "".into() };
        assert_eq!(frames, [body, sign]);
    }

    #[test]
    fn bytes_that_are_no_frames_are_refused() {
        for bytes in [
            b"AMQP\x00\x00\x08\x00".as_slice(),
            b"HTTP/1.1 400 Bad Request",
            b"\x01\x00\x00\x00\x00\x00\x01x\x00",
            b"\x01\x00\x00\xff\xff\xff\xff\x00",
        ] {
            assert!(take_frame(&mut BytesMut::from(bytes)).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn fields_that_end_too_early_are_refused() {
        assert!(Reader::new(b"\x05abc".as_slice().into()).short_text().is_err());
        assert!(Reader::new(b"\xff\xff\xff\xffabc".as_slice().into()).long_bytes().is_err());
        assert!(ShortText::new(&"x".repeat(256)).is_none());
        assert!(ShortText::new(&"x".repeat(255)).is_some());
    }
}
