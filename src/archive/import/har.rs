//! HTTP archives (HAR 1.2) of browsers and proxies: every request becomes an event, the status of its response a fact.

use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::http_text::{channel, event, is_about_the_transfer, request_facts};
use super::json_texts::unnumbered;
use super::{Events, Input, MOST_WHOLE, words};
use crate::event::json_lines::Line;
use crate::event::{Event, Header, Timestamp};

/// The fact of a request whose body the document has not.
const BODY_MISSING: &str = "body_missing";

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    log: Log<'a>,
}

#[derive(Deserialize)]
struct Log<'a> {
    #[serde(borrow)]
    entries: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: String,
    time: Option<f64>,
    request: Request,
    response: Option<Response>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    post_data: Option<PostData>,
    body_size: Option<f64>,
}

#[derive(Deserialize)]
struct Response {
    status: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    mime_type: Option<String>,
    text: Option<String>,
    /// Not in the standard, but written by several tools.
    encoding: Option<String>,
    #[serde(default)]
    params: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: String,
}

/// The entries of a document that was read as a whole.
pub(super) struct Entries {
    entries: std::vec::IntoIter<(u64, Result<Event, String>)>,
    /// Requests whose body the document has not, though they had one.
    bodiless: usize,
}

impl Entries {
    /// # Errors
    /// When the input cannot be read, or is too large.
    pub(super) fn read(input: Input) -> io::Result<Self> {
        let mut text = String::new();
        let read = input.take(MOST_WHOLE + 1).read_to_string(&mut text)?;
        if read as u64 > MOST_WHOLE {
            let message = format!("a HAR file of more than {} MiB is not read", MOST_WHOLE >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let text = text.trim_start_matches('\u{feff}');
        let entries = match serde_json::from_str::<Document<'_>>(text) {
            Ok(document) => decode_all(text, &document.log.entries),
            Err(error) => vec![(error.line() as u64, Err(words(&error)))],
        };
        let lacks = |event: &Event| event.attributes.contains_key(BODY_MISSING);
        let bodiless = entries.iter().filter(|(_, event)| event.as_ref().is_ok_and(lacks)).count();
        Ok(Self { entries: entries.into_iter(), bodiless })
    }
}

impl Events for Entries {
    fn next(&mut self) -> io::Result<Option<(u64, Result<Line, String>)>> {
        Ok(self.entries.next().map(|(line, event)| (line, event.map(unnumbered))))
    }

    fn lost(&self) -> Option<String> {
        let (count, word) = (self.bodiless, if self.bodiless == 1 { "request" } else { "requests" });
        let words = format!(
            "the file does not hold the body of {count} {word} that had one, as browsers leave out what is no text: the payload \
             is empty, and the fact `{BODY_MISSING}` says so"
        );
        (self.bodiless > 0).then_some(words)
    }
}

/// Every entry with the line where it begins.
fn decode_all(text: &str, entries: &[&RawValue]) -> Vec<(u64, Result<Event, String>)> {
    let (mut line, mut counted) = (1, 0);
    let decoded = entries.iter().enumerate().map(|(number, entry)| {
        // The entries are pieces of the text, so that their places are known.
        let at = (entry.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len());
        line += memchr::memchr_iter(b'\n', &text.as_bytes()[counted..at]).count() as u64;
        counted = at;
        (line, decode(entry.get()).map_err(|reason| format!("entry {}: {reason}", number + 1)))
    });
    decoded.collect()
}

fn decode(text: &str) -> Result<Event, String> {
    let entry: Entry = serde_json::from_str(text).map_err(|error| words(&error))?;
    let received: Timestamp =
        entry.started_date_time.parse().map_err(|error| format!("`startedDateTime` is no time: {error}"))?;
    let request = entry.request;
    let header = |name: &str| {
        request
            .headers
            .iter()
            .find(|pair| pair.name.eq_ignore_ascii_case(name))
            .map(|pair| pair.value.as_str())
    };
    let form = request.post_data.as_ref().and_then(|data| data.mime_type.as_deref());
    let content_type = header("content-type").or(form).filter(|text| !text.is_empty());
    let mut facts = request_facts(&request.method, &request.url, header("host"), content_type);
    if let Some(response) = entry.response.filter(|response| response.status > 0) {
        facts.insert("status".to_owned(), Value::from(response.status));
    }
    if let Some(time) = entry.time.filter(|time| *time >= 0.0) {
        facts.insert("duration_ms".to_owned(), Value::from(time));
    }
    let payload = request.post_data.as_ref().map(body).transpose()?.unwrap_or_default();
    let sent = header("content-length").and_then(|length| length.trim().parse().ok());
    if payload.is_empty() && sent.or(request.body_size).is_some_and(|size: f64| size > 0.0) {
        facts.insert(BODY_MISSING.to_owned(), Value::from(true));
    }
    // HTTP/2 writes the first line as headers whose names begin with a colon.
    let headers = request.headers.iter().filter(|pair| !pair.name.starts_with(':'));
    let headers = headers.filter(|pair| !is_about_the_transfer(&pair.name));
    let headers = headers.map(|pair| Header::text(pair.name.clone(), pair.value.clone())).collect();
    Ok(Event { received, attributes: facts.into(), ..event(channel(&request.url), Some(payload), headers) })
}

fn body(data: &PostData) -> Result<Bytes, String> {
    let Some(text) = data.text.as_ref().filter(|text| !text.is_empty() || data.params.is_empty()) else {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(data.params.iter().map(|pair| (&pair.name, &pair.value)));
        return Ok(form.finish().into());
    };
    if data.encoding.as_deref() == Some("base64") {
        let bytes = STANDARD.decode(text).map_err(|error| format!("the body is not base64: {error}"))?;
        return Ok(bytes.into());
    }
    Ok(text.clone().into())
}
