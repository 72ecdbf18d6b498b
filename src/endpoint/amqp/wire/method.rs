//! The methods a client of RabbitMQ needs: those it receives are read into [`Method`], those it sends are written by name.

use bytes::{BufMut, Bytes, BytesMut};

use super::table::Table;
use super::{Frame, FrameKind, Malformed, Reader, ShortText, put_frame, put_sized};

/// A method a server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Method {
    Start {
        properties: Table,
        mechanisms: String,
    },
    Secure,
    Tune {
        channel_max: u16,
        frame_max: u32,
        heartbeat: u16,
    },
    OpenOk,
    Close {
        code: u16,
        text: String,
    },
    CloseOk,
    Blocked {
        reason: String,
    },
    Unblocked,
    ChannelOpenOk,
    ChannelFlow {
        active: bool,
    },
    ChannelClose {
        code: u16,
        text: String,
    },
    ChannelCloseOk,
    QueueDeclareOk {
        queue: String,
        messages: u32,
    },
    ConsumeOk,
    /// The server has ended a consumer, as when its queue is deleted.
    Cancel,
    Deliver {
        tag: u64,
        redelivered: bool,
        exchange: String,
        routing_key: String,
    },
    Return {
        code: u16,
        text: String,
        exchange: String,
        routing_key: String,
    },
    Ack {
        tag: u64,
        multiple: bool,
    },
    Nack {
        tag: u64,
        multiple: bool,
    },
    /// The answer to a request that says nothing but yes.
    Done,
    /// One this client does not need.
    Other,
}

impl Method {
    /// Reads the method of a frame.
    ///
    /// # Errors
    /// When its arguments end too early.
    pub(in super::super) fn read(payload: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let (class, method) = (reader.short()?, reader.short()?);
        Ok(match (class, method) {
            (10, _) => connection(method, reader)?,
            (20, _) => channel(method, reader)?,
            (60, _) => basic(method, reader)?,
            (50, 11) => Self::QueueDeclareOk { queue: reader.short_text()?, messages: reader.long()? },
            // exchange.declare-ok, queue.bind-ok, queue.delete-ok, confirm.select-ok
            (40 | 85, 11) | (50, 21 | 41) => Self::Done,
            _ => Self::Other,
        })
    }
}

fn connection(method: u16, mut reader: Reader) -> Result<Method, Malformed> {
    Ok(match method {
        10 => {
            let _version = reader.short()?;
            let properties = Table::read(reader.long_bytes()?)?;
            let mechanisms = String::from_utf8_lossy(&reader.long_bytes()?).into_owned();
            Method::Start { properties, mechanisms }
        }
        20 => Method::Secure,
        30 => Method::Tune {
            channel_max: reader.short()?,
            frame_max: reader.long()?,
            heartbeat: reader.short()?,
        },
        41 => Method::OpenOk,
        50 => Method::Close { code: reader.short()?, text: reader.short_text()? },
        51 => Method::CloseOk,
        60 => Method::Blocked { reason: reader.short_text()? },
        61 => Method::Unblocked,
        _ => Method::Other,
    })
}

fn channel(method: u16, mut reader: Reader) -> Result<Method, Malformed> {
    Ok(match method {
        11 => Method::ChannelOpenOk,
        20 => Method::ChannelFlow { active: reader.octet()? & 1 == 1 },
        40 => Method::ChannelClose { code: reader.short()?, text: reader.short_text()? },
        41 => Method::ChannelCloseOk,
        _ => Method::Other,
    })
}

fn basic(method: u16, mut reader: Reader) -> Result<Method, Malformed> {
    Ok(match method {
        // basic.qos-ok and basic.cancel-ok
        11 | 31 => Method::Done,
        21 => Method::ConsumeOk,
        30 => Method::Cancel,
        50 => Method::Return {
            code: reader.short()?,
            text: reader.short_text()?,
            exchange: reader.short_text()?,
            routing_key: reader.short_text()?,
        },
        60 => {
            let _consumer = reader.short_text()?;
            Method::Deliver {
                tag: reader.long_long()?,
                redelivered: reader.octet()? & 1 == 1,
                exchange: reader.short_text()?,
                routing_key: reader.short_text()?,
            }
        }
        80 => Method::Ack { tag: reader.long_long()?, multiple: reader.octet()? & 1 == 1 },
        120 => Method::Nack { tag: reader.long_long()?, multiple: reader.octet()? & 1 == 1 },
        _ => Method::Other,
    })
}

/// The size of a message and its properties, flags first, from the frame behind the method.
///
/// # Errors
/// When it ends too early.
pub(in super::super) fn read_content_header(payload: Bytes) -> Result<(u64, Bytes), Malformed> {
    let mut reader = Reader::new(payload);
    let _class_and_weight = reader.long()?;
    let size = reader.long_long()?;
    Ok((size, reader.bytes))
}

fn put_method(
    buffer: &mut BytesMut,
    channel: u16,
    (class, method): (u16, u16),
    arguments: impl FnOnce(&mut BytesMut),
) {
    put_frame(buffer, FrameKind::Method, channel, |buffer| {
        buffer.put_u16(class);
        buffer.put_u16(method);
        arguments(buffer);
    });
}

fn method(channel: u16, number: (u16, u16), arguments: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut buffer = BytesMut::new();
    put_method(&mut buffer, channel, number, arguments);
    buffer.freeze()
}

/// connection.start-ok.
pub(in super::super) fn start_ok(properties: &Table, mechanism: &ShortText, response: &[u8]) -> Bytes {
    method(0, (10, 11), |buffer| {
        properties.put(buffer);
        mechanism.put(buffer);
        put_sized(buffer, |buffer| buffer.put_slice(response));
        buffer.put_slice(b"\x05en_US");
    })
}

/// connection.tune-ok.
pub(in super::super) fn tune_ok(channel_max: u16, frame_max: u32, heartbeat: u16) -> Bytes {
    method(0, (10, 31), |buffer| {
        buffer.put_u16(channel_max);
        buffer.put_u32(frame_max);
        buffer.put_u16(heartbeat);
    })
}

/// connection.open.
pub(in super::super) fn open(virtual_host: &ShortText) -> Bytes {
    method(0, (10, 40), |buffer| {
        virtual_host.put(buffer);
        buffer.put_slice(&[0, 0]);
    })
}

/// connection.close, in good order.
pub(in super::super) fn close() -> Bytes {
    method(0, (10, 50), |buffer| {
        buffer.put_u16(200);
        buffer.put_slice(b"\x07goodbye");
        buffer.put_u32(0);
    })
}

/// connection.close-ok.
pub(in super::super) fn close_ok() -> Bytes {
    method(0, (10, 51), |_| {})
}

/// channel.open.
pub(in super::super) fn channel_open(channel: u16) -> Bytes {
    method(channel, (20, 10), |buffer| buffer.put_u8(0))
}

/// channel.flow-ok.
pub(in super::super) fn channel_flow_ok(channel: u16, active: bool) -> Bytes {
    method(channel, (20, 21), |buffer| buffer.put_u8(u8::from(active)))
}

/// channel.close-ok.
pub(in super::super) fn channel_close_ok(channel: u16) -> Bytes {
    method(channel, (20, 41), |_| {})
}

/// exchange.declare, passive: asks whether there is one.
pub(in super::super) fn exchange_exists(channel: u16, exchange: &ShortText) -> Bytes {
    method(channel, (40, 10), |buffer| {
        buffer.put_u16(0);
        exchange.put(buffer);
        buffer.put_u8(0);
        buffer.put_u8(0b1);
        buffer.put_u32(0);
    })
}

/// queue.declare, passive: asks whether there is one and what is in it.
pub(in super::super) fn queue_exists(channel: u16, queue: &ShortText) -> Bytes {
    method(channel, (50, 10), |buffer| {
        buffer.put_u16(0);
        queue.put(buffer);
        buffer.put_u8(0b1);
        buffer.put_u32(0);
    })
}

/// queue.declare of a queue of our own that ends with us; the server names it.
pub(in super::super) fn own_queue(channel: u16) -> Bytes {
    method(channel, (50, 10), |buffer| {
        buffer.put_u16(0);
        buffer.put_u8(0);
        // exclusive and auto-delete
        buffer.put_u8(0b1100);
        buffer.put_u32(0);
    })
}

/// queue.bind.
pub(in super::super) fn bind(
    channel: u16,
    queue: &ShortText,
    exchange: &ShortText,
    routing_key: &ShortText,
) -> Bytes {
    method(channel, (50, 20), |buffer| {
        buffer.put_u16(0);
        queue.put(buffer);
        exchange.put(buffer);
        routing_key.put(buffer);
        buffer.put_u8(0);
        buffer.put_u32(0);
    })
}

/// basic.qos: messages under way to us before we acknowledge.
pub(in super::super) fn qos(channel: u16, prefetch: u16) -> Bytes {
    method(channel, (60, 10), |buffer| {
        buffer.put_u32(0);
        buffer.put_u16(prefetch);
        buffer.put_u8(0);
    })
}

/// basic.consume with acknowledgements.
pub(in super::super) fn consume(channel: u16, queue: &ShortText, arguments: &Table) -> Bytes {
    method(channel, (60, 20), |buffer| {
        buffer.put_u16(0);
        queue.put(buffer);
        buffer.put_slice(&[0, 0]);
        arguments.put(buffer);
    })
}

/// basic.ack of this message and all before it.
pub(in super::super) fn ack(channel: u16, tag: u64) -> Bytes {
    method(channel, (60, 80), |buffer| {
        buffer.put_u64(tag);
        buffer.put_u8(1);
    })
}

/// basic.ack of this message alone.
pub(in super::super) fn ack_one(channel: u16, tag: u64) -> Bytes {
    method(channel, (60, 80), |buffer| {
        buffer.put_u64(tag);
        buffer.put_u8(0);
    })
}

/// confirm.select: the server shall confirm what is published.
pub(in super::super) fn confirm_select(channel: u16) -> Bytes {
    method(channel, (85, 10), |buffer| buffer.put_u8(0))
}

/// A sign of life.
pub(in super::super) fn heartbeat() -> Bytes {
    let mut buffer = BytesMut::new();
    put_frame(&mut buffer, FrameKind::Heartbeat, 0, |_| {});
    buffer.freeze()
}

/// basic.publish, mandatory, with its header and its body in frames of at most `frame_max` bytes.
pub(in super::super) fn put_publish(
    buffer: &mut BytesMut,
    (channel, frame_max): (u16, usize),
    (exchange, routing_key): (&ShortText, &ShortText),
    properties: &[u8],
    body: &[u8],
) {
    put_method(buffer, channel, (60, 40), |buffer| {
        buffer.put_u16(0);
        exchange.put(buffer);
        routing_key.put(buffer);
        buffer.put_u8(0b1);
    });
    put_frame(buffer, FrameKind::Header, channel, |buffer| {
        buffer.put_u16(60);
        buffer.put_u16(0);
        buffer.put_u64(u64::try_from(body.len()).unwrap_or(u64::MAX));
        buffer.put_slice(properties);
    });
    for part in body.chunks(frame_max - super::FRAME_OVERHEAD) {
        put_frame(buffer, FrameKind::Body, channel, |buffer| buffer.put_slice(part));
    }
}

/// A message on its way in: the method that announced it, then its header, then its body in parts.
#[derive(Debug, Default)]
pub(in super::super) struct Assembly {
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    method: Method,
    properties: Bytes,
    left: Option<u64>,
    parts: Vec<Bytes>,
}

/// A whole message: the method that announced it, its properties with their flags, and its body.
pub(in super::super) type Whole = (Method, Bytes, Bytes);

impl Assembly {
    /// A method that announces a message.
    pub(in super::super) fn begin(&mut self, method: Method) {
        self.begun = Some(Begun { method, properties: Bytes::new(), left: None, parts: Vec::new() });
    }

    /// A header or a part of the body; the message, when it is whole.
    ///
    /// # Errors
    /// When it belongs to no message.
    pub(in super::super) fn add(&mut self, frame: Frame) -> Result<Option<Whole>, Malformed> {
        let begun = self.begun.as_mut().ok_or(Malformed("content without a message"))?;
        let left = match (frame.kind, begun.left) {
            (FrameKind::Header, None) => {
                let (size, properties) = read_content_header(frame.payload)?;
                begun.properties = properties;
                size
            }
            (FrameKind::Body, Some(left)) => {
                let length = u64::try_from(frame.payload.len()).unwrap_or(u64::MAX);
                begun.parts.push(frame.payload);
                left.checked_sub(length).ok_or(Malformed("a message longer than announced"))?
            }
            _ => return Err(Malformed("content out of order")),
        };
        begun.left = Some(left);
        if left > 0 {
            return Ok(None);
        }
        Ok(self.begun.take().map(|begun| {
            let body = match <[Bytes; 1]>::try_from(begun.parts) {
                Ok([only]) => only,
                Err(parts) => parts.concat().into(),
            };
            (begun.method, begun.properties, body)
        }))
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::super::{ShortText, take_frame};
    use super::{Assembly, FrameKind, Method, put_publish};

    #[test]
    fn a_large_body_goes_in_frames_of_the_agreed_size() {
        for length in [0_usize, 1, 92, 93, 1000] {
            let body: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
            let mut buffer = BytesMut::new();
            let name = ShortText::new("a").expect("short");
            put_publish(&mut buffer, (1, 100), (&name, &name), &[0, 0], &body);
            let publish = take_frame(&mut buffer).expect("a frame").expect("whole");
            assert_eq!(publish.kind, FrameKind::Method);
            let mut assembly = Assembly::default();
            assembly.begin(Method::Done);
            let mut whole = None;
            while let Some(frame) = take_frame(&mut buffer).expect("a frame") {
                assert!(frame.payload.len() + 8 <= 100);
                whole = assembly.add(frame).expect("in order");
            }
            assert_eq!(whole.expect("whole").2, body);
        }
    }

    #[test]
    fn content_that_belongs_to_nothing_is_refused() {
        let mut buffer = BytesMut::new();
        super::put_frame(&mut buffer, FrameKind::Body, 1, |_| {});
        let frame = take_frame(&mut buffer).expect("a frame").expect("whole");
        assert!(Assembly::default().add(frame.clone()).is_err());
        let mut assembly = Assembly::default();
        assembly.begin(Method::Done);
        assert!(assembly.add(frame).is_err(), "a body before its header");
        assert!(Method::read(vec![0, 60, 0, 60, 1].into()).is_err());
        assert_eq!(Method::read(vec![0, 99, 0, 1].into()), Ok(Method::Other));
    }
}
