//! NATS on the wire, as far as a publisher needs it; see "Client Protocol" in the NATS documentation.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;

use crate::endpoint::rope::Rope;

/// Asks for a sign that everything before was read.
pub(super) const PING: &[u8] = b"PING\r\n";
/// That sign.
pub(super) const PONG: &[u8] = b"PONG\r\n";

/// The longest line taken from a server: what it says of itself, with all servers of its cluster.
const LONGEST_LINE: usize = 1024 * 1024;
/// The largest message taken from a server; what comes are acknowledgements.
const LARGEST_MESSAGE: usize = 1024 * 1024;
/// The largest message a server takes that does not say.
const USUAL_PAYLOAD: usize = 1024 * 1024;

/// What a server says of itself, in the fields that matter to a publisher.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServerInfo {
    max_payload: Option<usize>,
    headers: Option<bool>,
    tls_required: Option<bool>,
    tls_available: Option<bool>,
    nonce: Option<String>,
    connect_urls: Option<Vec<String>>,
}

impl ServerInfo {
    /// Takes over what a later word of the server says.
    pub(super) fn update(&mut self, newer: Self) {
        self.max_payload = newer.max_payload.or(self.max_payload);
        self.headers = newer.headers.or(self.headers);
        self.nonce = newer.nonce.or(self.nonce.take());
        self.connect_urls = newer.connect_urls.or(self.connect_urls.take());
    }

    /// Forgets what may not be believed when it was said without encryption: names of other servers, whose certificates are
    /// for those names. Numbers stay, for they are no names to be trusted by.
    pub(super) fn said_in_the_open(&mut self) {
        if let Some(others) = &mut self.connect_urls {
            others.retain(|other| other.parse::<std::net::SocketAddr>().is_ok());
        }
    }

    /// Bytes of headers and payload of the largest message it takes.
    pub(super) fn max_payload(&self) -> usize {
        self.max_payload.filter(|&most| most > 0).unwrap_or(USUAL_PAYLOAD)
    }

    /// Whether it takes headers.
    pub(super) fn takes_headers(&self) -> bool {
        self.headers.unwrap_or_default()
    }

    /// Whether it wants encryption.
    pub(super) fn wants_encryption(&self) -> bool {
        self.tls_required.unwrap_or_default()
    }

    /// Whether it agrees to encryption.
    pub(super) fn agrees_to_encryption(&self) -> bool {
        self.wants_encryption() || self.tls_available.unwrap_or_default()
    }

    /// What is to be signed with a key.
    pub(super) fn nonce(&self) -> &str {
        self.nonce.as_deref().unwrap_or_default()
    }

    /// Other servers of its cluster, as `host:port`.
    pub(super) fn others(&self) -> &[String] {
        self.connect_urls.as_deref().unwrap_or_default()
    }
}

/// What a server sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    /// Of itself, as JSON.
    Info(&'a [u8]),
    Ping,
    Pong,
    Ok,
    /// It refuses something, in its words.
    Refused(Cow<'a, str>),
    Message(Received<'a>),
}

/// A message of a subscription.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Received<'a> {
    pub(super) subject: &'a [u8],
    /// As in "503": nobody answers to the subject.
    pub(super) status: Option<u16>,
    pub(super) payload: &'a [u8],
}

/// What arrived is not NATS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The first thing in what has arrived, and its length in bytes; `None` while it is not whole.
///
/// # Errors
/// When it is no NATS, or longer than anything a server sends.
pub(super) fn first(arrived: &[u8]) -> Result<Option<(Incoming<'_>, usize)>, Malformed> {
    let Some(end) = memchr::memchr(b'\n', &arrived[..arrived.len().min(LONGEST_LINE)]) else {
        return if arrived.len() < LONGEST_LINE { Ok(None) } else { Err(Malformed) };
    };
    let line = arrived[..end].strip_suffix(b"\r").unwrap_or(&arrived[..end]);
    let (word, rest) = match memchr::memchr2(b' ', b'\t', line) {
        Some(at) => (&line[..at], line[at..].trim_ascii()),
        None => (line, &[][..]),
    };
    let whole = |incoming| Ok(Some((incoming, end + 1)));
    match word {
        b"MSG" => message(rest, &arrived[end + 1..], end + 1, false),
        b"HMSG" => message(rest, &arrived[end + 1..], end + 1, true),
        b"PING" => whole(Incoming::Ping),
        b"PONG" => whole(Incoming::Pong),
        b"+OK" => whole(Incoming::Ok),
        b"-ERR" => {
            let words = rest.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'"));
            whole(Incoming::Refused(String::from_utf8_lossy(words.unwrap_or(rest))))
        }
        b"INFO" => whole(Incoming::Info(rest)),
        _ => Err(Malformed),
    }
}

/// `subject subscription [reply] [header bytes] bytes`, and what follows that line of `length` bytes.
fn message<'a>(
    line: &'a [u8],
    content: &'a [u8],
    length: usize,
    has_headers: bool,
) -> Result<Option<(Incoming<'a>, usize)>, Malformed> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let subject = words.next().ok_or(Malformed)?;
    let size = number(words.next_back().ok_or(Malformed)?)?;
    let headers = if has_headers { number(words.next_back().ok_or(Malformed)?)? } else { 0 };
    if headers > size || size > LARGEST_MESSAGE {
        return Err(Malformed);
    }
    if content.len() < size + 2 {
        return Ok(None);
    }
    if &content[size..size + 2] != b"\r\n" {
        return Err(Malformed);
    }
    let (head, payload) = content[..size].split_at(headers);
    let status = head.strip_prefix(b"NATS/1.0 ").and_then(|rest| rest.get(..3));
    let status = status.and_then(|digits| u16::try_from(number(digits).ok()?).ok());
    Ok(Some((Incoming::Message(Received { subject, status, payload }), length + size + 2)))
}

/// The number written there.
///
/// # Errors
/// When it is none, or a larger one than anything here is.
pub(super) fn number(digits: &[u8]) -> Result<usize, Malformed> {
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    Ok(digits.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

/// Writes a message: a block of headers or nothing, and a reply subject or nothing. All have been checked.
pub(super) fn put_message(out: &mut Rope, subject: &str, reply: &[u8], headers: &[u8], payload: &Bytes) {
    let head = out.copies();
    head.extend_from_slice(if headers.is_empty() { b"PUB " } else { b"HPUB " });
    head.extend_from_slice(subject.as_bytes());
    head.push(b' ');
    if !reply.is_empty() {
        head.extend_from_slice(reply);
        head.push(b' ');
    }
    if !headers.is_empty() {
        put_number(head, headers.len());
        head.push(b' ');
    }
    put_number(head, headers.len() + payload.len());
    head.extend_from_slice(b"\r\n");
    head.extend_from_slice(headers);
    out.put_shared(payload);
    out.copies().extend_from_slice(b"\r\n");
}

/// Writes a number in digits.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789"[number % 10];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use bytes::{Buf, Bytes};

    use super::{Incoming, Malformed, Received, ServerInfo, first, put_message, put_number};
    use crate::endpoint::rope::Rope;

    fn only(bytes: &str) -> Incoming<'_> {
        let (incoming, length) = first(bytes.as_bytes()).expect("NATS").expect("whole");
        assert_eq!(length, bytes.len(), "{bytes:?}");
        incoming
    }

    #[test]
    fn what_a_server_sends_is_told_apart() {
        assert_eq!(only("PING\r\n"), Incoming::Ping);
        assert_eq!(only("PONG\r\n"), Incoming::Pong);
        assert_eq!(only("+OK\r\n"), Incoming::Ok);
        assert_eq!(only("INFO {\"a\":1} \r\n"), Incoming::Info(b"{\"a\":1}"));
        assert_eq!(only("-ERR 'Slow Consumer'\r\n"), Incoming::Refused("Slow Consumer".into()));
        let message = |subject: &'static str, status, payload: &'static str| {
            Incoming::Message(Received { subject: subject.as_bytes(), status, payload: payload.as_bytes() })
        };
        assert_eq!(only("MSG a.b 1 5\r\nhello\r\n"), message("a.b", None, "hello"));
        assert_eq!(only("MSG a.b 1 back 2\r\n\r\n\r\n"), message("a.b", None, "\r\n"));
        assert_eq!(only("HMSG a 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"), message("a", Some(503), ""));
        assert_eq!(only("HMSG a 1 r 12 14\r\nNATS/1.0\r\n\r\nxy\r\n"), message("a", None, "xy"));
        assert_eq!(only("HMSG a 1 16 16\r\nNATS/1.0 abc\r\n\r\n\r\n"), message("a", None, ""));
    }

    #[test]
    fn what_is_not_whole_waits_and_what_is_no_nats_is_refused() {
        let whole = "HMSG a 1 16 18\r\nNATS/1.0 100\r\n\r\nxy\r\n";
        for length in 0..whole.len() {
            assert_eq!(first(&whole.as_bytes()[..length]), Ok(None), "{length}");
        }
        for bad in [
            "HTTP/1.1 400 Bad Request\r\n",
            "MSG a\r\n",
            "MSG a 1 x\r\n",
            "MSG a 1 99999999999999999999\r\n",
            "MSG a 1 999999999\r\n",
            "HMSG a 1 5 2\r\nxy\r\n",
            "MSG a 1 2\r\nxyz\r\n",
            "\r\n",
        ] {
            assert_eq!(first(bad.as_bytes()), Err(Malformed), "{bad:?}");
        }
        assert_eq!(first(&vec![b'x'; 2 * 1024 * 1024]), Err(Malformed));
    }

    #[test]
    fn what_a_server_does_not_say_again_stays() {
        let read = |text| serde_json::from_str::<ServerInfo>(text).expect("information");
        let mut info =
            read(r#"{"max_payload":10,"headers":true,"connect_urls":["a:1"],"tls_available":true}"#);
        assert!(info.agrees_to_encryption() && !info.wants_encryption());
        info.update(read(r#"{"connect_urls":["b:1"],"ldm":true}"#));
        assert_eq!(
            (info.max_payload(), info.takes_headers(), info.others()),
            (10, true, &["b:1".into()][..])
        );
        assert_eq!(read("{}").max_payload(), 1024 * 1024);
        let mut info = read(r#"{"connect_urls":["evil.example:4222","10.0.0.2:4222","[fe80::1]:4222"]}"#);
        info.said_in_the_open();
        assert_eq!(info.others(), ["10.0.0.2:4222", "[fe80::1]:4222"]);
    }

    #[test]
    fn messages_are_written_as_the_protocol_has_them() {
        let written = |reply: &str, headers: &str, payload: &str| {
            let mut out = Rope::default();
            let payload = Bytes::copy_from_slice(payload.as_bytes());
            put_message(&mut out, "a.b", reply.as_bytes(), headers.as_bytes(), &payload);
            String::from_utf8(out.copy_to_bytes(out.remaining()).into()).expect("text")
        };
        assert_eq!(written("", "", "hello"), "PUB a.b 5\r\nhello\r\n");
        assert_eq!(written("back.7", "", ""), "PUB a.b back.7 0\r\n\r\n");
        let headers = "NATS/1.0\r\nA: 1\r\n\r\n";
        assert_eq!(written("", headers, "xy"), format!("HPUB a.b 18 20\r\n{headers}xy\r\n"));
        assert_eq!(written("back", headers, ""), format!("HPUB a.b back 18 18\r\n{headers}\r\n"));
        let mut out = Vec::new();
        for number in [0, 9, 10, usize::MAX] {
            put_number(&mut out, number);
        }
        assert_eq!(out, b"091018446744073709551615");
    }
}
