//! HTTP/1.1 messages as text: first line, headers, body; and the event of a request.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::event::carriage::HEADERS_OF_TRANSFER;
use crate::event::{Event, Header, percent};

/// Whether a header says how a message was carried, so that it is none of the event; the host stands among the facts.
pub(super) fn is_about_the_transfer(name: &str) -> bool {
    HEADERS_OF_TRANSFER.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// A message taken apart.
pub(super) struct Message {
    /// The three words of the first line.
    pub(super) words: [String; 3],
    pub(super) headers: Vec<Header>,
    pub(super) host: Option<String>,
    pub(super) body: Bytes,
}

impl Message {
    /// # Errors
    /// What is wrong, as a fragment.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let mut rest = text;
        let first = line(&mut rest).ok_or("there is no line of HTTP in it")?;
        let first = std::str::from_utf8(first).map_err(|_| "the first line of HTTP is no text")?;
        let mut words = first.splitn(3, ' ').map(str::to_owned);
        let words = [(); 3].map(|()| words.next().unwrap_or_default());
        if words[1].is_empty() {
            return Err(format!("`{}` is no first line of HTTP", first.escape_debug()));
        }
        let (mut headers, mut host) = (Vec::new(), None);
        let mut is_chunked = false;
        loop {
            let header = line(&mut rest).ok_or("the headers do not end")?;
            if header.is_empty() {
                break;
            }
            let (name, value) = split_header(header)?;
            is_chunked |= name.eq_ignore_ascii_case("transfer-encoding")
                && value.to_ascii_lowercase().ends_with(b"chunked");
            if name.eq_ignore_ascii_case("host") {
                host = std::str::from_utf8(value).ok().map(str::to_owned);
            }
            if !is_about_the_transfer(&name) {
                headers.push(Header { name: name.into(), value: Some(Bytes::copy_from_slice(value)) });
            }
        }
        let joined = if is_chunked { joined(rest) } else { None };
        let body = joined.map_or_else(|| Bytes::copy_from_slice(rest), Bytes::from);
        Ok(Self { words, headers, host, body })
    }

    /// The value of a header, when it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value.as_ref()?).ok()
    }
}

fn split_header(header: &[u8]) -> Result<(String, &[u8]), String> {
    let colon = memchr::memchr(b':', header).filter(|colon| *colon > 0);
    let colon = colon.ok_or_else(|| {
        format!(
            "`{}` is no header",
            String::from_utf8_lossy(header).chars().take(60).collect::<String>().escape_debug()
        )
    })?;
    let name = std::str::from_utf8(&header[..colon]).map_err(|_| "the name of a header is no text")?;
    Ok((name.to_owned(), header[colon + 1..].trim_ascii()))
}

/// The next line without its end, which is taken from `rest`.
fn line<'t>(rest: &mut &'t [u8]) -> Option<&'t [u8]> {
    let end = memchr::memchr(b'\n', rest)?;
    let (line, after) = (&rest[..end], &rest[end + 1..]);
    *rest = after;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// The content of a body in chunks; `None` when it is cut off or not in chunks.
fn joined(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = std::str::from_utf8(line(&mut rest)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?;
        line(&mut rest)?;
    }
}

/// The channel of a target such as `/orders?x=1` or `http://host/orders`: its path without the first slash.
pub(super) fn channel(target: &str) -> String {
    let (_, path, _) = split_target(target);
    percent::decode_text(path.strip_prefix('/').unwrap_or(path))
}

/// Host, path and query of a target.
pub(super) fn split_target(target: &str) -> (Option<&str>, &str, Option<&str>) {
    let target = target.split('#').next().unwrap_or(target);
    let (host, rest) = match target.split_once("://") {
        Some((_, rest)) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            (Some(&rest[..end]), &rest[end..])
        }
        None => (None, target),
    };
    match rest.split_once('?') {
        Some((path, query)) => (host, path, Some(query)),
        None => (host, rest, None),
    }
}

/// A host without the name and password before it, which are nothing to be kept.
fn without_user(host: &str) -> &str {
    host.rsplit_once('@').map_or(host, |(_, host)| host)
}

/// The facts of a request, named as the HTTP endpoint names them.
pub(super) fn request_facts(
    method: &str,
    target: &str,
    host: Option<&str>,
    content_type: Option<&str>,
) -> Map<String, Value> {
    let (own_host, path, query) = split_target(target);
    let mut facts = Map::new();
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            facts.insert(name.to_owned(), Value::from(value));
        }
    };
    add("method", Some(method));
    add("path", Some(path));
    add("query", query);
    add("host", host.or(own_host).map(without_user));
    add("content_type", content_type);
    facts
}

/// An event of this channel, payload and headers.
pub(super) fn event(channel: String, payload: Option<Bytes>, headers: Vec<Header>) -> Event {
    Event { channel: channel.into(), payload, headers, ..Event::default() }
}
