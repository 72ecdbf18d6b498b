//! What is changed about events on their way: by jq, in their headers, their identities, times and partitions. What is not
//! named stays byte for byte.

mod ids;
mod partition;
mod times;

pub use ids::{Ids, NewIds, TRACE_LINK_HEADER};
pub use partition::Repartition;
pub(super) use times::Moved;
pub use times::{NewTimes, Retime};

use super::identity::Identities;
use super::jq::{Jq, JqFailure};
use super::mask::Masker;
use super::shard::Shard;
use crate::endpoint::{Capabilities, EndpointError, EndpointErrorKind};
use crate::event::{Event, Header, Timestamp};

/// What is to be changed; the default changes nothing. It is done in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Each makes of an event the events that its outputs stand for.
    pub maps: Vec<Jq>,
    /// New names of channels: old, new.
    pub renames: Vec<(String, String)>,
    /// Headers to take away.
    pub dropped_headers: Vec<String>,
    /// Headers to set, in place of all of the same name.
    pub set_headers: Vec<Header>,
    /// New identities.
    pub ids: NewIds,
    /// New times; [`Retime::Now`] is for whoever sends, who knows when.
    pub times: NewTimes,
    /// New partitions.
    pub repartition: Repartition,
    /// What the target carries, where what it does not is left out.
    pub carried: Option<Capabilities>,
    /// What must not be seen; an event that cannot be masked ends the selection.
    pub mask: Option<Masker>,
}

/// What changes depend on besides the events: the run as a whole, all its parts after a crash included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InRun {
    /// The run, by the name events carry.
    pub run: String,
    /// How many times the recording was sent before.
    pub round: u64,
    /// When the run began.
    pub began: Timestamp,
    /// The earliest time written on what it sends.
    pub first: Option<Timestamp>,
    /// The part of this process, when several send it.
    pub shard: Option<Shard>,
}

/// Names in changes that no event had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnusedNames {
    /// Channels that were to get another name.
    pub channels: Vec<String>,
    /// Headers that were to be taken away.
    pub headers: Vec<String>,
}

/// Changes at work: counts what they were given.
#[derive(Clone, Debug)]
pub(super) struct Changer {
    changes: Changes,
    unused: UnusedNames,
    identities: Identities,
    moved: Option<Moved>,
    seen: u64,
    made: u64,
}

impl Changer {
    pub fn new(changes: Changes, run: &InRun) -> Self {
        let delta = run.began.since(run.first.unwrap_or(run.began));
        let moved = match changes.times.retime {
            Retime::Shift => Some(Moved::By(delta)),
            // Without a run nothing is sent, and the time of looking is as good.
            Retime::Now if run.run.is_empty() => Some(Moved::To(Timestamp::now())),
            Retime::Now | Retime::Keep => None,
        };
        let channels = changes.renames.iter().map(|(old, _)| old.clone()).collect();
        let unused = UnusedNames { channels, headers: changes.dropped_headers.clone() };
        Self { changes, unused, identities: Identities::of(&run.run, run.round), moved, seen: 0, made: 0 }
    }

    /// Changes a batch; `read` are the same events as the filters are to see them, where that differs. Beside the events
    /// before it, the failure of the first that could not be changed.
    pub fn change(
        &mut self,
        batch: Vec<Event>,
        read: Option<Vec<Event>>,
    ) -> (Vec<Event>, Option<EndpointError>) {
        let before = self.seen;
        self.seen += batch.len() as u64;
        let (made, mut failure) = if self.changes.maps.is_empty() {
            (batch, None)
        } else {
            self.mapped(read.unwrap_or(batch), before)
        };
        let mut events = Vec::with_capacity(made.len());
        for mut event in made {
            self.rename(&mut event);
            self.change_headers(&mut event);
            self.changes.ids.apply(&mut event, &self.identities, self.made);
            if let Some(moved) = self.moved {
                self.changes.times.apply(&mut event, moved);
            }
            self.changes.repartition.apply(&mut event);
            if let Some(carried) = self.changes.carried {
                carried.narrow(&mut event);
            }
            self.made += 1;
            match self.changes.mask.as_ref().map_or(Ok(true), |mask| mask.apply(&mut event)) {
                Ok(true) => events.push(event),
                Ok(false) => {}
                Err(reason) => {
                    failure = Some(cannot_mask(&event, self.made, &reason));
                    break;
                }
            }
        }
        (events, failure)
    }

    fn mapped(&self, mut events: Vec<Event>, before: u64) -> (Vec<Event>, Option<EndpointError>) {
        // The number of each event among those selected, for messages.
        let mut numbers: Vec<u64> = (before + 1..=before + events.len() as u64).collect();
        let mut failure = None;
        for map in &self.changes.maps {
            let (mut made, mut made_numbers) = (Vec::new(), Vec::new());
            for (answer, number) in map.events(&events).into_iter().zip(&numbers) {
                match answer {
                    Ok(outputs) => {
                        made_numbers.extend(outputs.iter().map(|_| *number));
                        made.extend(outputs);
                    }
                    Err(JqFailure::Event(reason)) => {
                        failure = Some(map.cannot_change(*number, &reason));
                        break;
                    }
                    Err(JqFailure::Limit(limit)) => {
                        failure = Some(map.gave_up(limit));
                        break;
                    }
                }
            }
            (events, numbers) = (made, made_numbers);
        }
        (events, failure)
    }

    /// The names of which none was found so far.
    pub fn unused(&self) -> &UnusedNames {
        &self.unused
    }

    fn rename(&mut self, event: &mut Event) {
        let rename = self.changes.renames.iter().find(|(old, _)| *old == event.channel);
        if let Some((old, new)) = rename {
            self.unused.channels.retain(|unused| unused != old);
            event.channel = new.into();
        }
    }

    fn change_headers(&mut self, event: &mut Event) {
        if !self.unused.headers.is_empty() {
            let is_there =
                |name: &String| event.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
            self.unused.headers.retain(|name| !is_there(name));
        }
        let Changes { dropped_headers, set_headers, .. } = &self.changes;
        if dropped_headers.is_empty() && set_headers.is_empty() {
            return;
        }
        let gone = |name: &str| {
            let set = set_headers.iter().map(|header| header.name.as_str());
            dropped_headers.iter().map(String::as_str).chain(set).any(|each| each.eq_ignore_ascii_case(name))
        };
        event.headers.retain(|header| !gone(&header.name));
        event.headers.extend(set_headers.iter().cloned());
    }
}

fn cannot_mask(event: &Event, number: u64, reason: &str) -> EndpointError {
    let message = format!(
        "event {number}, of `{}`, cannot be masked, and nothing of it was written: {reason}",
        event.channel
    );
    EndpointError::new(EndpointErrorKind::Malformed, message).help(
        "name it in a rule (`action: keep` where it may be seen); `unknown: drop` and `undecodable: drop` go on without \
         what is not known",
    )
}

#[cfg(test)]
mod tests {
    use super::{Changer, Changes, InRun, NewTimes, Retime};
    use crate::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp};
    use crate::replay::Jq;

    fn event() -> Event {
        Event {
            key: Some("k".into()),
            headers: vec![
                Header::text("a", "1"),
                Header { name: "bin".into(), value: Some((&[0xff_u8][..]).into()) },
                Header::text("a", "2"),
            ],
            place: Place { partition: Some(3), offset: Some(9) },
            ..Event::new("shop", r#"{ "id": 1.50, "big": 12345678901234567890 }"#)
        }
    }

    fn mapped(text: &str, event: Event) -> Result<Vec<Event>, String> {
        let maps = vec![Jq::compile(text).expect("a filter")];
        let (events, failure) =
            Changer::new(Changes { maps, ..Changes::default() }, &InRun::default()).change(vec![event], None);
        failure.map_or(Ok(events), |failure| Err(failure.message))
    }

    fn one(text: &str) -> Event {
        mapped(text, event()).unwrap_or_else(|message| panic!("{text}: {message}")).remove(0)
    }

    #[test]
    fn what_a_map_leaves_alone_stays_byte_for_byte() {
        let received = event();
        for text in [".", ".payload = .payload", ".headers.a = \"1\"", ". + {}"] {
            let changed = mapped(text, received.clone()).expect("mapped");
            assert_eq!(changed, std::slice::from_ref(&received), "{text}");
        }
    }

    #[test]
    fn every_field_can_be_changed() {
        assert_eq!(one(".payload.id = 2").payload, Some(r#"{"id":2,"big":12345678901234567890}"#.into()));
        assert_eq!(
            one(".payload.new = true").payload,
            Some(r#"{"id":1.50,"big":12345678901234567890,"new":true}"#.into())
        );
        assert_eq!(one(".payload = null").payload, None);
        assert_eq!(one(r#".payload = "x""#).payload, Some(r#""x""#.into()));
        assert_eq!(one(r#".payload = "x" | .payload_is = "text""#).payload, Some("x".into()));
        let binary = one(r#".payload = {b64: "/wA="} | .payload_is = "binary""#);
        assert_eq!(binary.payload.as_deref(), Some(&[0xff_u8, 0][..]));
        assert_eq!(one(r".key = null").key, None);
        assert_eq!(one(r"del(.key)").key, None);
        assert_eq!(one(r#".key += "-2""#).key, Some("k-2".into()));
        assert_eq!(one(r#".channel = "new""#).channel, "new");
        assert_eq!(one(".partition = 5").place.partition, Some(5));
        assert_eq!(one(".partition = null").place.partition, None);
        assert_eq!(one(r#".time = "2026-11-01T00:00:00.5Z""#).received.0, 1_793_491_200_500_000);
        assert_eq!(one(".attributes.qos = 1").attributes.get("qos"), Some(&1.into()));
        let stamp = one(r#".broker_time = "2026-11-01T00:00:00Z""#).broker_time.expect("a time");
        assert_eq!(stamp.time.0, 1_793_491_200_000_000);
    }

    #[test]
    fn headers_keep_order_and_repeats_where_they_are_not_named() {
        let names = |event: Event| {
            let shown = |header: Header| format!("{}={:?}", header.name, header.value.unwrap_or_default());
            event.headers.into_iter().map(shown).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(one(r#".headers.b = "3""#)), r#"a=b"1" bin=b"\xff" a=b"2" b=b"3""#);
        assert_eq!(names(one(r#".headers.a = "3""#)), r#"a=b"3" bin=b"\xff""#);
        assert_eq!(names(one("del(.headers.a)")), r#"bin=b"\xff""#);
        assert_eq!(names(one(r#".header_pairs = [["x", "y"]]"#)), r#"x=b"y""#);
        assert_eq!(names(one("del(.headers)")), "");
    }

    #[test]
    fn several_outputs_are_several_events_and_none_is_none() {
        assert_eq!(mapped("., .", event()).expect("mapped").len(), 2);
        assert_eq!(mapped("empty", event()).expect("mapped").len(), 0);
        assert_eq!(mapped("select(.payload.id > 2)", event()).expect("mapped").len(), 0);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for (text, part) in [
            (".key", "its output is no event"),
            (".payload", "its output is no event"),
            (".paylod = 1", "an event has no field \"paylod\"; it has channel, key"),
            (".channel = 1", "`.channel` became 1, and must be a text"),
            (".key = 1", "`.key` became 1, and must be a text, null"),
            (".payload = nan", "must be JSON"),
            (".headers = 3", "`.headers` became 3"),
            (".time = \"soon\"", "must be a time"),
            (".payload.id + \"x\" | .", "cannot calculate"),
            ("last(range(infinite))", "was stopped"),
        ] {
            let message = mapped(text, event()).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
        let message = mapped(".payload.id.x = 1", event()).expect_err("no object");
        assert!(message.starts_with("`--map .payload.id.x = 1` failed on event 1: "), "{message}");
    }

    #[test]
    fn headers_are_set_once_and_taken_away() {
        let changes = Changes {
            renames: vec![("shop".to_owned(), "test".to_owned())],
            dropped_headers: vec!["BIN".to_owned()],
            set_headers: vec![Header::text("a", "new"), Header::text("b", "")],
            ..Changes::default()
        };
        let (events, failure) = Changer::new(changes, &InRun::default()).change(vec![event()], None);
        assert!(failure.is_none());
        assert_eq!(events[0].headers, [Header::text("a", "new"), Header::text("b", "")]);
        assert_eq!(events[0].channel, "test");
    }

    #[test]
    fn times_move_from_the_first_recorded_one_to_the_start_of_the_run() {
        let times = NewTimes { retime: Retime::Shift, fields: Vec::new() };
        let run = InRun { began: Timestamp(1_000), first: Some(Timestamp(400)), ..InRun::default() };
        let mut changer = Changer::new(Changes { times, ..Changes::default() }, &run);
        let stamp = BrokerTime { time: Timestamp(450), kind: TimeKind::Create };
        let (events, _) = changer.change(vec![Event { broker_time: Some(stamp), ..event() }], None);
        assert_eq!(events[0].broker_time.map(|stamp| stamp.time), Some(Timestamp(1_050)));
    }
}
