//! The survey of a whole recording by what its index says, so that a run at full speed need not read everything twice.

use std::collections::BTreeSet;

use super::schedule::Timetable;
use super::select::Selection;
use super::shard::Shard;
use super::survey::{Carriage, ChannelCounts, Survey};
use crate::archive::{ChannelContents, Contents, Overview};
use crate::endpoint::capabilities::Facts;
use crate::endpoint::facts::{DecidedBy, Refusal};
use crate::event::{Event, Header, Timestamp};

/// Whether a run sends all events as they are and as fast as it can, so that totals may be enough to plan it.
#[must_use]
pub fn may_be_foreseen(selection: &Selection, shard: Option<Shard>, timetable: &Timetable) -> bool {
    let as_recorded = !timetable.is_paced() && timetable.clock.is_of_the_recording();
    shard.is_none() && as_recorded && selection.takes_all_unmarked()
}

impl Survey {
    /// The survey of a run that [`may_be_foreseen`]: what [`Survey::of`] would find. `None` where only the events
    /// themselves tell: a replay sent some of them already, or the target may not take or not carry some.
    #[must_use]
    pub fn foreseen(overview: &Overview, timetable: &Timetable, target: &Carriage) -> Option<Self> {
        let contents = &overview.contents;
        let refusal = target.refusal.as_ref();
        let is_carried = target.capabilities.losses(&with_everything_of(contents)).is_empty()
            && leaves_no_facts(contents, target)
            && (contents.fine_times == 0 || target.capabilities.time_unit == 1);
        // An index does not know the ids of events.
        let is_taken = refusal.is_none_or(|refusal| !refusal.has_ids() && is_taken(refusal, overview));
        if contents.replayed > 0 || !is_carried || !is_taken {
            return None;
        }
        let mut survey = Self {
            selected: overview.events,
            events: overview.events,
            bytes: overview.channels.values().map(|channel| channel.bytes).sum(),
            recorded: overview.channels.keys().cloned().collect::<BTreeSet<_>>(),
            channels: overview
                .channels
                .iter()
                .map(|(name, channel)| (name.clone(), counts(channel)))
                .collect(),
            first: overview.first,
            earliest: contents.earliest.map(Timestamp),
            last: overview.last,
            ..Self::default()
        };
        survey.repeat(timetable.rounds());
        Some(survey)
    }
}

/// Whether the target takes all events: one of each channel stands for those that have nothing else to be judged by.
fn is_taken(refusal: &Refusal, overview: &Overview) -> bool {
    let is_plain = overview.contents.headers == 0 && overview.contents.attributes == 0;
    let stands_for_all = match refusal.decided_by() {
        DecidedBy::Channel => true,
        DecidedBy::Labels => is_plain,
        DecidedBy::Everything => false,
    };
    let one_of = |channel: &String| Event { channel: channel.as_str().into(), ..Event::default() };
    stands_for_all && overview.channels.keys().all(|channel| refusal.of(&one_of(channel)).is_none())
}

/// Whether the target has a place for all facts that senders gave events; that there are some may be all that is known.
fn leaves_no_facts(contents: &Contents, target: &Carriage) -> bool {
    let carried = |names: &BTreeSet<String>| names.iter().all(|name| target.capabilities.carries_fact(name));
    contents.attributes == 0
        || target.capabilities.facts == Facts::All
        || contents.facts.as_ref().is_some_and(carried)
}

/// An event that has everything that any event has.
fn with_everything_of(contents: &Contents) -> Event {
    let header = |name: &str, value: Option<&'static [u8]>| Header {
        name: name.into(),
        value: value.map(bytes::Bytes::from_static),
    };
    let headers = [
        (contents.headers, header("text", Some(b"text"))),
        (contents.null_headers, header("null", None)),
        (contents.binary_headers, header("binary", Some(b"\xff"))),
        (contents.repeated_headers, header("repeated", Some(b"one"))),
        (contents.repeated_headers, header("repeated", Some(b"two"))),
    ];
    Event {
        key: (contents.keys > 0).then(bytes::Bytes::new),
        payload: (contents.null_payloads == 0).then(bytes::Bytes::new),
        headers: headers.into_iter().filter(|(events, _)| *events > 0).map(|(_, header)| header).collect(),
        ..Event::default()
    }
}

fn counts(channel: &ChannelContents) -> ChannelCounts {
    ChannelCounts {
        events: channel.events,
        bytes: channel.bytes,
        largest: channel.largest,
        largest_number: channel.largest_event,
        highest_partition: channel.partition,
        oldest_time: channel.oldest.map(Timestamp),
        newest_time: channel.newest.map(Timestamp),
        lowest_id: None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::{DecidedBy, Refusal, Selection, may_be_foreseen};
    use crate::archive::{
        Header as ArchiveHeader, Overview, PartLimits, PartWriter, WriterOptions, manifest_path,
    };
    use crate::endpoint::cloud_events::Translation;
    use crate::endpoint::{Capabilities, EndpointError, EndpointErrorKind};
    use crate::event::json_lines::tests::any_event;
    use crate::event::{Event, Header, RUN_HEADER};
    use crate::replay::StopToken;
    use crate::replay::guard::{Guards, Loops};
    use crate::replay::pace::Pace;
    use crate::replay::schedule::Timetable;
    use crate::replay::survey::{Carriage, Survey};
    use crate::replay::testing::ListSource;

    fn recorded(events: &[Event], folder: &Path, limits: PartLimits) -> PathBuf {
        let base = folder.join("a.eddy.ndjson.zst");
        let options = WriterOptions { frame_bytes: 300, ..WriterOptions::default() };
        let header = ArchiveHeader::new(Vec::new());
        let mut writer = PartWriter::create(&base, &header, options, limits).expect("created");
        for event in events {
            writer.write(event).expect("written");
        }
        writer.finish().expect("finished");
        manifest_path(&base)
    }

    fn at_full_speed(rounds: u64) -> Timetable {
        Timetable { further_rounds: rounds - 1, ..Pace::AsFastAsPossible.into() }
    }

    fn usual() -> Selection {
        let guards = Guards { loops: Some(Loops::Below(3)), ..Guards::default() };
        Selection { guards, ..Selection::default() }
    }

    fn read(events: &[Event], timetable: &Timetable, target: Carriage) -> Survey {
        let source = Box::new(ListSource::new(events.to_vec()));
        let stop = StopToken::default();
        let reading = Survey::of(source, usual(), None, timetable, target, &stop);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(reading).expect("read")
    }

    /// Takes nothing to channels of this length, and where more decides, no header of this length either.
    fn refusing(length: usize, by: DecidedBy) -> Refusal {
        Refusal::new(by, move |event| {
            let is_named = event.headers.iter().any(|header| header.name.len() == length);
            let is_refused = event.channel.len() == length || (by == DecidedBy::Labels && is_named);
            is_refused.then(|| EndpointError::new(EndpointErrorKind::Rejected, "not that"))
        })
    }

    /// Some of them of the same few channels.
    fn any_events() -> impl Strategy<Value = Vec<Event>> {
        let of_a_channel = (any_event(), 0_usize..5).prop_map(|(event, channel)| match channel {
            0..3 => Event { channel: "abc"[channel..].into(), ..event },
            _ => event,
        });
        proptest::collection::vec(of_a_channel, 0..30)
    }

    fn any_target() -> impl Strategy<Value = (Capabilities, Option<(usize, DecidedBy)>)> {
        let all = any::<[bool; 6]>().prop_map(
            |[keys, headers, repeated_headers, null_headers, null_payload, fine]| Capabilities {
                time_unit: if fine { 1 } else { 1000 },
                keys,
                headers,
                repeated_headers,
                null_headers,
                null_payload,
                ..Capabilities::ALL
            },
        );
        let capabilities = prop_oneof![Just(Capabilities::ALL), all];
        let by = prop_oneof![Just(DecidedBy::Channel), Just(DecidedBy::Labels), Just(DecidedBy::Everything)];
        (capabilities, proptest::option::of((0_usize..40, by)))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

        #[test]
        fn what_is_foreseen_is_what_reading_finds(
            events in any_events(),
            (capabilities, refused) in any_target(),
            rounds in 1_u64..3,
            count in proptest::option::of(1_u64..10),
        ) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = recorded(&events, folder.path(), PartLimits { count, ..PartLimits::default() });
            let timetable = at_full_speed(rounds);
            prop_assert!(may_be_foreseen(&usual(), None, &timetable));
            let target = || Carriage {
                capabilities,
                refusal: refused.map(|(length, by)| refusing(length, by)),
                translation: Translation::default(),
            };
            let overview = Overview::of(&path, |_, _| true).expect("an overview");
            let found = read(&events, &timetable, target());
            let anything_is_against_it =
                !found.losses.is_empty() || !found.refused.is_empty() || found.shortened.is_some();
            match Survey::foreseen(&overview, &timetable, &target()) {
                Some(foreseen) => prop_assert_eq!(format!("{foreseen:#?}"), format!("{found:#?}")),
                None => prop_assert!(anything_is_against_it || refused.is_some_and(|(_, by)| by != DecidedBy::Channel)),
            }
        }
    }

    #[test]
    fn a_recording_with_marked_events_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let marked = Event { headers: vec![Header::text("Eddy-Run", "one")], ..Event::new("a", "x") };
        let path = recorded(&[Event::new("a", "y"), marked], folder.path(), PartLimits::default());
        let overview = Overview::of(&path, |_, _| true).expect("an overview");
        assert_eq!(overview.contents.replayed, 1, "whatever the case of `{RUN_HEADER}`");
        let target =
            Carriage { capabilities: Capabilities::ALL, refusal: None, translation: Translation::default() };
        assert!(Survey::foreseen(&overview, &at_full_speed(1), &target).is_none());
    }

    #[test]
    fn only_a_run_that_sends_everything_as_it_is_may_be_foreseen() {
        let full = at_full_speed(1);
        let may_be = |selection: Selection| may_be_foreseen(&selection, None, &full);
        assert!(may_be(usual()));
        assert!(!may_be(Selection { first: Some(3), ..usual() }));
        assert!(!may_be(Selection {
            channels: vec![glob::Pattern::new("a").expect("a pattern")],
            ..usual()
        }));
        let paced = Timetable::from(Pace::Even("3/s".parse().expect("a rate")));
        assert!(!may_be_foreseen(&usual(), None, &paced), "with a pace");
        assert!(!may_be_foreseen(&usual(), "1/2".parse().ok(), &full), "a share");
    }
}
