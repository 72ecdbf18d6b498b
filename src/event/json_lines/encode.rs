//! Writing: an event straight into bytes, without an intermediate JSON value. It must not fail on any event.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::event::{Event, Header, TimeKind};

/// Appends the event as one JSON object without a newline; `number` becomes `n`.
pub fn encode(event: &Event, number: u64, out: &mut Vec<u8>) {
    out.reserve(event.size() + event.channel.len() + 160);
    out.extend_from_slice(b"{\"n\":");
    write_unsigned(number, out);
    out.extend_from_slice(b",\"t\":");
    write_signed(event.received.0, out);
    out.extend_from_slice(b",\"src\":");
    write_text(&event.channel, out);
    if let Some(partition) = event.place.partition {
        out.extend_from_slice(b",\"part\":");
        write_signed(i64::from(partition), out);
    }
    if let Some(offset) = event.place.offset {
        out.extend_from_slice(b",\"off\":");
        write_unsigned(offset, out);
    }
    if let Some(broker_time) = event.broker_time {
        out.extend_from_slice(b",\"ts\":");
        write_signed(broker_time.time.0, out);
        out.extend_from_slice(match broker_time.kind {
            TimeKind::Create => b",\"tst\":\"create\"",
            TimeKind::Append => b",\"tst\":\"append\"",
        });
    }
    if let Some(key) = &event.key {
        write_bytes_field(b",\"k\":", b",\"k64\":", key, out);
    }
    match &event.payload {
        Some(payload) => write_bytes_field(b",\"v\":", b",\"v64\":", payload, out),
        None => out.extend_from_slice(b",\"v\":null"),
    }
    if !event.headers.is_empty() {
        write_headers(&event.headers, out);
    }
    if !event.attributes.is_empty() {
        write_attributes(event, out);
    }
    out.push(b'}');
}

fn write_bytes_field(text_name: &[u8], base64_name: &[u8], bytes: &[u8], out: &mut Vec<u8>) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        out.extend_from_slice(text_name);
        write_text(text, out);
    } else {
        out.extend_from_slice(base64_name);
        write_base64(bytes, out);
    }
}

fn write_headers(headers: &[Header], out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"h\":");
    for (position, header) in headers.iter().enumerate() {
        out.extend_from_slice(if position == 0 { b"[[" } else { b",[" });
        write_text(&header.name, out);
        out.push(b',');
        match header.value.as_deref().map(|bytes| (bytes, std::str::from_utf8(bytes))) {
            None => out.extend_from_slice(b"null"),
            Some((_, Ok(text))) => write_text(text, out),
            Some((bytes, Err(_))) => {
                out.extend_from_slice(b"{\"b64\":");
                write_base64(bytes, out);
                out.push(b'}');
            }
        }
        out.push(b']');
    }
    out.push(b']');
}

fn write_attributes(event: &Event, out: &mut Vec<u8>) {
    let before = out.len();
    out.extend_from_slice(b",\"m\":");
    // Neither a JSON map nor a growing buffer can refuse; should that change, the line stays valid.
    if serde_json::to_writer(&mut *out, &event.attributes).is_err() {
        out.truncate(before);
    }
}

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or_default();
    out.truncate(start + written);
    out.push(b'"');
}

/// A JSON string with only the escapes that must be (RFC 8259, section 7). Half the time of writing an event goes here,
/// hence the vectorised writer. It cannot fail: the buffer grows, and every text is a JSON string.
fn write_text(text: &str, out: &mut Vec<u8>) {
    let _ = sonic_rs::to_writer(out, text);
}

fn write_signed(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    write_unsigned(number.unsigned_abs(), out);
}

fn write_unsigned(number: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut position = digits.len();
    let mut rest = number;
    loop {
        position -= 1;
        digits[position] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[position..]);
}
