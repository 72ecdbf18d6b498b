//! What recordings and traces show of who sends and who receives, joined with what is declared.

use std::collections::BTreeMap;

use super::aliases::{Aliases, Identity};
use super::graph::{EvidenceKind, Graph, Seen, SourceFile};
use super::names::family;
use super::observed::{Joiner, Live};
use crate::endpoint::inspect::Direction;
use crate::event::cloud_event::{CloudEvent, Form, form};
use crate::event::{Event, RUN_HEADER};

/// A service at a channel, as events or spans name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// Names of the service, what says most first; none when events do not say whose they are.
    pub who: Vec<(Identity, String)>,
    /// Which way events go.
    pub direction: Direction,
    /// Protocols of the system, as documents write them, each a possible one; none when nothing is known.
    pub protocols: Vec<String>,
    /// Names of the channel, what says most first.
    pub addresses: Vec<String>,
    /// What says so, in words.
    pub by: String,
    /// How sure it is, in hundredths.
    pub confidence: u8,
}

/// Everything one file shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sightings(BTreeMap<Sighting, Seen>);

impl Sightings {
    /// Counts so many events at a time, in microseconds since 1970.
    pub fn add(&mut self, sighting: Sighting, count: u64, at: Option<i64>) {
        let seen = self.0.entry(sighting).or_insert(Seen { count: 0, first: at, last: at });
        seen.count = seen.count.saturating_add(count);
        seen.first = seen.first.into_iter().chain(at).min();
        seen.last = seen.last.into_iter().chain(at).max();
    }

    /// Counts an event of a recording: its channel, and who sent it where the event says so, by the `source` of a
    /// CloudEvent, by `app_id` or `user_id` of AMQP, or by the client that `eddy broker` notes. Whoever received it is not known, nor who sent what a replay sent
    /// again.
    pub fn recorded(&mut self, event: &Event, protocols: &[String]) {
        let sighting = Sighting {
            who: Vec::new(),
            direction: Direction::Sends,
            protocols: protocols.to_vec(),
            addresses: vec![event.channel.to_string()],
            by: "recorded".to_owned(),
            confidence: 80,
        };
        let sender = sender(event, &[]);
        let sighting = match sender {
            Some((identity, name, by)) => {
                Sighting { who: vec![(identity, name)], by: format!("recorded with {by}"), ..sighting }
            }
            None => sighting,
        };
        self.add(sighting, 1, Some(event.received.0));
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Who an event says it is from, and by what: by one of these headers, else as [`Sightings::recorded`] says. Nobody, where a
/// replay sent it again.
#[must_use]
pub fn sender(event: &Event, headers: &[String]) -> Option<(Identity, String, String)> {
    if event.header_text(RUN_HEADER).is_some() {
        return None;
    }
    let named = headers.iter().find_map(|name| Some((name, event.header_text(name)?)));
    if let Some((header, name)) = named.filter(|(_, name)| !name.is_empty()) {
        return Some((Identity::Service, name.to_owned(), format!("the header `{header}`")));
    }
    let attribute = |name: &str| event.attributes.get(name)?.as_str().map(str::to_owned);
    if let Some(user) = attribute("user_id") {
        return Some((Identity::User, user, "the `user_id` that the broker checked".to_owned()));
    }
    if let Some(application) = attribute("app_id") {
        return Some((Identity::Service, application, "`app_id`".to_owned()));
    }
    if let Some(client) = attribute("sender") {
        return Some((Identity::Client, client, "the client id that `eddy broker` adds".to_owned()));
    }
    let carried = match form(event)? {
        Form::Binary(prefix) => CloudEvent::from_headers(event, prefix).ok()?.0,
        Form::Structured => CloudEvent::from_json(event.payload.as_deref()?).ok()?,
    };
    let value =
        |name: &str| carried.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    // Where eddy made the attributes up, nobody said where the event is from.
    let made_up = carried.attributes.iter().any(|(name, _)| name == "eddywrapped");
    let source = value("source")?.as_str().filter(|source| !source.is_empty() && !made_up)?;
    Some((Identity::Service, source.to_owned(), "the `source` of a CloudEvent".to_owned()))
}

impl Graph {
    /// The graph with what recordings or traces show. Channels are those whose addresses meet; services those of `aliases`,
    /// else those that are called so, where the last part of a URI counts as its name too.
    #[must_use]
    pub fn seen(self, files: Vec<(SourceFile, Sightings)>, aliases: &Aliases) -> Self {
        if files.is_empty() {
            return self;
        }
        let mut joiner = Joiner::new(self, aliases);
        for (file, sightings) in files {
            let kind = file.kind;
            let source = joiner.source(file);
            for (sighting, seen) in sightings.0 {
                joiner.sighting(source, kind, &sighting, seen);
            }
        }
        joiner.graph()
    }
}

impl Joiner<'_> {
    fn sighting(&mut self, source: usize, kind: EvidenceKind, sighting: &Sighting, seen: Seen) {
        let protocols: Vec<String> = sighting.protocols.iter().map(|protocol| family(protocol)).collect();
        let mut channels: Vec<usize> = Vec::new();
        for address in &sighting.addresses {
            channels = self.meeting_any(address, &protocols);
            if !channels.is_empty() {
                break;
            }
        }
        if channels.is_empty() {
            let Some(address) = sighting.addresses.first() else { return };
            let protocol = if let [only] = protocols.as_slice() { Some(only.as_str()) } else { None };
            channels.push(self.new_channel(address, protocol, source));
        }
        let Some((_, first)) = sighting.who.first() else {
            for channel in channels {
                self.mark(channel, source);
            }
            return;
        };
        let live = Live {
            who: first.clone(),
            remark: format!("{} {}", counted(seen.count, kind), sighting.by),
            confidence: sighting.confidence,
            waiting: None,
        };
        let service = self.named(&sighting.who, source);
        for channel in channels {
            let ends = (service, sighting.direction, channel);
            self.flow_between(ends, (kind, source), Some(seen), live.clone());
        }
    }
}

fn counted(count: u64, kind: EvidenceKind) -> String {
    let one = if kind == EvidenceKind::OtelSpan { "message" } else { "event" };
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::Sightings;
    use crate::event::{Event, Header};
    use crate::topology::aliases::Aliases;
    use crate::topology::fixture::graph;
    use crate::topology::observed::Status;
    use crate::topology::{EvidenceKind, Graph, SourceFile};

    fn recording() -> SourceFile {
        SourceFile {
            path: "day.eddy.ndjson.zst".to_owned(),
            kind: EvidenceKind::Archive,
            version: None,
            sha256: "0".repeat(64),
            observation: None,
        }
    }

    fn flows(graph: &Graph) -> Vec<(String, Status, Option<u64>)> {
        let name = |index| graph.node(index).name.as_str();
        let count = |edge: &crate::topology::Edge| {
            edge.evidence.iter().filter_map(|evidence| evidence.seen).map(|seen| seen.count).max()
        };
        graph
            .flows()
            .map(|edge| (format!("{} {}", name(edge.source), name(edge.target)), edge.status(), count(edge)))
            .collect()
    }

    #[test]
    fn a_recording_confirms_senders_and_names_new_ones() {
        let mut seen = Sightings::default();
        let protocols = ["mqtt".to_owned()];
        let event = |channel: &str, source: &str| {
            let mut event = Event::new(channel, "1");
            for (name, value) in [("specversion", "1.0"), ("id", "1"), ("type", "t"), ("source", source)] {
                event.headers.push(Header::text(format!("ce_{name}"), value));
            }
            event
        };
        seen.recorded(&event("orders/eu/placed", "https://shop.example/web"), &protocols);
        seen.recorded(&event("orders/eu/placed", "https://shop.example/web"), &protocols);
        seen.recorded(&event("orders/eu/placed", "urn:other:app"), &protocols);
        seen.recorded(&Event::new("stray", "1"), &protocols);
        let mut again = event("orders/eu/placed", "never");
        again.headers.push(Header::text(crate::event::RUN_HEADER, "x"));
        seen.recorded(&again, &protocols);
        let joined =
            graph("web > orders/+/placed > billing").seen(vec![(recording(), seen)], &Aliases::default());
        assert_eq!(
            flows(&joined),
            [
                ("urn:other:app orders/+/placed".to_owned(), Status::ObservedOnly, Some(1)),
                ("web orders/+/placed".to_owned(), Status::Both, Some(2)),
                ("orders/+/placed billing".to_owned(), Status::DeclaredOnly, None),
            ]
        );
        assert!(joined.find("stray").is_ok() && joined.is_observed());
    }
}
