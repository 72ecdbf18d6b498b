//! Messages of `nats sub --dump`: in a folder a file for each, on standard output one after another.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::words;
use crate::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    subject: String,
    #[serde(default)]
    reply: String,
    header: Option<BTreeMap<String, Vec<String>>>,
    data: Option<String>,
}

/// The files of a folder in order of their numbers, a reply behind its request.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut numbered = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(stem) = name.strip_suffix(".json") else {
            continue;
        };
        let (number, is_reply) = stem.strip_suffix("_reply").map_or((stem, false), |stem| (stem, true));
        if let Ok(number) = number.parse::<u64>() {
            numbered.push((number, is_reply, path));
        }
    }
    if numbered.is_empty() && folder.join("backup.json").is_file() {
        return Err(backup());
    }
    if numbered.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "there are no files such as `1.json`, which `nats sub --dump` makes",
        ));
    }
    numbered.sort();
    Ok(numbered.into_iter().map(|(_, _, path)| path).collect())
}

/// Whether a file is one of the two that `nats stream backup` writes: what the stream was, and its blocks, packed by S2.
pub(super) fn is_backup(name: &str, first: &[u8]) -> bool {
    let is_packed = first.starts_with(b"\xff\x06\x00\x00S2sTwO");
    let has = |field: &[u8]| memchr::memmem::find(first, field).is_some();
    is_packed || name == "backup.json" && has(b"\"config\"") && has(b"\"state\"")
}

/// What is said of a backup, by whatever it was named.
pub(super) fn backup() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is a backup of `nats stream backup`, which holds files of the server: `nats stream restore` it into a server, \
         then `eddy record jetstream+nats://HOST/STREAM`",
    )
}

pub(super) fn decode(text: &[u8], arrival: Timestamp) -> Result<Event, String> {
    let message: Message = serde_json::from_slice(text).map_err(|error| words(&error))?;
    let data = STANDARD.decode(message.data.unwrap_or_default());
    let data = data.map_err(|error| format!("`Data` is not base64: {error}"))?;
    let headers = message.header.unwrap_or_default().into_iter();
    let mut event = Event {
        channel: message.subject.into(),
        payload: Some(data.into()),
        headers: headers
            .flat_map(|(name, values)| values.into_iter().map(move |value| Header::text(name.clone(), value)))
            .collect(),
        received: arrival,
        ..Event::default()
    };
    match Receipt::of(&message.reply) {
        Some(receipt) => {
            event.received = receipt.time;
            event.broker_time = Some(BrokerTime { time: receipt.time, kind: TimeKind::Append });
            event.place = Place { partition: None, offset: Some(receipt.sequence) };
            event.attributes.insert("stream".to_owned(), Value::from(receipt.stream));
        }
        None if !message.reply.is_empty() => {
            event.attributes.insert("reply".to_owned(), Value::from(message.reply));
        }
        None => {}
    }
    Ok(event)
}

/// What is said of messages whose time nobody wrote down.
pub(super) fn lost(timeless: u64) -> Option<String> {
    let (word, verb) = if timeless == 1 { ("message", "it has") } else { ("messages", "they have") };
    let words = format!(
        "the dump does not hold the time of {timeless} {word} of core NATS: {verb} that of the import, and a replay does not \
         wait between them"
    );
    (timeless > 0).then_some(words)
}

/// What the subject for the acknowledgement of a JetStream message says about it.
struct Receipt<'a> {
    stream: &'a str,
    sequence: u64,
    time: Timestamp,
}

impl<'a> Receipt<'a> {
    /// `$JS.ACK.stream.consumer.delivered.sequence.consumer-sequence.time.pending`; newer servers put domain and
    /// account before the stream.
    fn of(reply: &'a str) -> Option<Self> {
        let parts: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let parts = match parts.len() {
            7 => &parts[..],
            9.. => &parts[2..],
            _ => return None,
        };
        let nanoseconds: i64 = parts[5].parse().ok()?;
        Some(Self {
            stream: parts[0],
            sequence: parts[3].parse().ok()?,
            time: Timestamp(nanoseconds.div_euclid(1000)),
        })
    }
}
