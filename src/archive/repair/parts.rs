//! The parts of a manifest joined: what is there twice is left out, and what is nowhere is named, by the numbers that did not come.

use std::path::Path;

use super::{Expected, LostRange, Repair};
use crate::archive::manifest::{Manifest, Member, Part};
use crate::archive::verify::verify;
use crate::archive::{ArchiveError, Reader, Watch, storage};

/// Numbers, first and last included.
type Span = (u64, u64);

/// Numbers that were read, as spans, in the order they came in.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<Span>);

impl Runs {
    pub(super) fn note(&mut self, number: u64) {
        match self.0.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => self.0.push((number, number)),
        }
    }
}

/// How many numbers there are in a span; none in one that ends before it begins.
fn count((first, last): Span) -> u64 {
    last.checked_sub(first).map_or(0, |count| count.saturating_add(1))
}

/// The spans in order, those that touch or overlap as one.
fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut all: Vec<Span> = Vec::with_capacity(spans.len());
    for (first, last) in spans {
        match all.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => all.push((first, last)),
        }
    }
    all
}

/// What is left of a span without those of a joined list.
fn without((first, last): Span, taken: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    let mut next = Some(first);
    for (from, to) in taken.iter().filter(|(from, to)| *to >= first && *from <= last) {
        left.extend(next.filter(|next| next < from).map(|next| (next, from - 1)));
        next = to.checked_add(1);
    }
    left.extend(next.filter(|next| *next <= last).map(|next| (next, last)));
    left
}

/// Tells events of a part that another part holds.
struct Owners<'a> {
    manifest: &'a Manifest,
    list: &'a Path,
    /// The part asked for last, and whether its file is there.
    known: Option<(Span, bool)>,
}

impl Owners<'_> {
    /// Whether an event of this number, found in `part`, is at home in another part that is there.
    fn has_another(&mut self, part: &Part, number: u64) -> bool {
        let holds = |span: Option<Span>| span.is_some_and(|(first, last)| (first..=last).contains(&number));
        if part.n.is_none() || holds(part.n) {
            return false;
        }
        if let Some((span, is_there)) = self.known
            && holds(Some(span))
        {
            return is_there;
        }
        let owner = self.manifest.parts.iter().find(|other| holds(other.n));
        let Some((owner, span)) = owner.and_then(|owner| Some((owner, owner.n?))) else {
            return false;
        };
        let is_there = storage::exists(&self.list.with_file_name(&owner.file));
        self.known = Some((span, is_there));
        is_there
    }
}

impl Repair {
    pub(super) fn copy_parts(
        &mut self,
        source: &Path,
        manifest: &Manifest,
        watch: Watch,
    ) -> Result<(), ArchiveError> {
        manifest.refuse_channels(source)?;
        let counts_up = counts_up(manifest);
        self.runs = counts_up.then(Runs::default);
        let mut owners = Owners { manifest, list: source, known: None };
        let members = manifest.members(source);
        let mut bytes = 0;
        for member in &members {
            let watch = &mut |more_bytes, events| watch(bytes + more_bytes, events);
            self.copy_member(member, &mut owners, watch)?;
            bytes += member.part.map_or(0, |part| part.bytes);
        }
        self.name_unlisted(source, manifest, &members);
        self.name_numbers(manifest);
        self.name_uncounted(manifest);
        self.name_open_part(manifest, &members);
        Ok(())
    }

    fn copy_member(
        &mut self,
        member: &Member<'_>,
        owners: &mut Owners<'_>,
        watch: Watch,
    ) -> Result<(), ArchiveError> {
        let expected = member.part.map(Expected::of_part);
        let (kept, doubled, ranges) = (self.kept, self.doubled, self.lost.ranges.len());
        let is_double = &mut |number| member.part.is_some_and(|part| owners.has_another(part, number));
        match self.copy(&member.path, expected, is_double, watch) {
            // Of a copy of another part nothing counts, its own losses neither.
            Ok(()) if self.doubled > doubled && self.kept == kept => self.lost.ranges.truncate(ranges),
            Ok(()) => return Ok(()),
            Err(error) if error.is_unreadable() => {}
            Err(error) => return Err(error),
        }
        self.lost.parts += 1;
        let range = member.part.and_then(|part| LostRange::of_part(part.n, part.t, part.events));
        self.lost.ranges.extend(range);
        Ok(())
    }

    /// Parts of the same recording that lie beside it, and that the list does not tell of.
    fn name_unlisted(&mut self, source: &Path, manifest: &Manifest, members: &[Member<'_>]) {
        for name in manifest.unlisted(source) {
            let path = source.with_file_name(&name);
            if members.iter().any(|member| member.path == path) || !is_of_run(&path, &manifest.run) {
                continue;
            }
            if let Ok(found) = verify(&path, &mut |_, _| true) {
                self.lost.ranges.extend(LostRange::of_part(
                    found.held.numbers,
                    found.held.times,
                    found.events,
                ));
            }
            self.lost.unlisted.push(name);
        }
    }

    /// Numbers that did not come, where those of a recording count up by one.
    fn name_numbers(&mut self, manifest: &Manifest) {
        let Some(Runs(came)) = self.runs.take() else {
            return;
        };
        let mut came = joined(came);
        let is_kept = |range: &LostRange| {
            let span = range.first.zip(range.last).filter(|(first, last)| first <= last);
            let run = |first| came.partition_point(|(begin, _)| *begin <= first).checked_sub(1);
            span.is_some_and(|(first, last)| run(first).is_some_and(|run| came[run].1 >= last))
        };
        self.lost.ranges.retain(|range| !is_kept(range));
        let spans = || manifest.parts.iter().filter_map(|part| part.n);
        let (first, last) = (spans().map(|span| span.0).min(), spans().map(|span| span.1).max());
        let Some(whole) = first.zip(last) else {
            return;
        };
        let named = self.lost.ranges.iter().filter_map(|range| range.first.zip(range.last));
        came.extend(named);
        let missing = without(whole, &joined(came));
        self.lost.ranges.extend(missing.into_iter().map(|span| lost_span(manifest, span)));
        if self.lost.ranges.iter().all(|range| range.first.is_some()) {
            self.lost.ranges.sort_by_key(|range| range.first);
        }
    }

    /// Events that only the count of the whole recording tells of.
    fn name_uncounted(&mut self, manifest: &Manifest) {
        if !self.lost.unlisted.is_empty() {
            return;
        }
        let parts = || manifest.parts.iter().filter_map(|part| part.n);
        let between = self
            .lost
            .ranges
            .iter()
            .filter_map(|range| range.first.zip(range.last))
            .filter(|(first, last)| !parts().any(|(least, greatest)| least <= *last && *first <= greatest))
            .fold(0, |sum: u64, span| sum.saturating_add(count(span)));
        let listed = manifest.parts.iter().fold(between, |sum, part| sum.saturating_add(part.events));
        let missing = manifest.events.saturating_sub(listed);
        if missing == 0 {
            return;
        }
        let mut range = LostRange { events: Some(missing), ..LostRange::default() };
        let first = parts().map(|(first, _)| first).min();
        if counts_up(manifest) && first == missing.checked_add(1) {
            (range.first, range.last) = (Some(1), Some(missing));
            range.to = manifest.parts.iter().filter_map(|part| part.t).map(|(first, _)| first).min();
        } else if counts_up(manifest) && first == Some(1) {
            let (number, time) = last_of(manifest);
            (range.first, range.from) = (number.map(|last| last.saturating_add(1)), time);
        }
        self.lost.ranges.push(range);
    }

    /// The part that was being written: of an object nothing is there before it is whole.
    fn name_open_part(&mut self, manifest: &Manifest, members: &[Member<'_>]) {
        let is_there = members.iter().any(|member| member.part.is_none());
        if manifest.complete || manifest.open.is_none() || is_there {
            return;
        }
        let (number, from) = last_of(manifest);
        let first = Some(number.map_or(1, |last| last.saturating_add(1)));
        self.lost.ranges.push(LostRange { first, from, ..LostRange::default() });
    }
}

/// Whether the numbers of the events count up by one in every part. Those of a selection do not, and what is missing
/// between its parts is no loss.
fn counts_up(manifest: &Manifest) -> bool {
    let is_dense = |part: &Part| part.n.is_some_and(|span| count(span) == part.events);
    let mut parts = manifest.parts.iter().filter(|part| part.events > 0);
    parts.clone().any(|part| part.events > 1) && parts.all(is_dense)
}

/// The greatest number and time of what is listed.
fn last_of(manifest: &Manifest) -> (Option<u64>, Option<i64>) {
    let number = manifest.parts.iter().filter_map(|part| part.n).map(|(_, last)| last).max();
    (number, manifest.parts.iter().filter_map(|part| part.t).map(|(_, last)| last).max())
}

/// Whether a file says that it belongs to this run, or can no longer say it.
fn is_of_run(path: &Path, run: &str) -> bool {
    let opened = Reader::open(path).ok();
    let header = opened.as_ref().and_then(Reader::header);
    header.is_none_or(|header| header.run.to_string() == run)
}

/// Numbers that are missing, with the times of the parts they are of or lie between.
fn lost_span(manifest: &Manifest, (first, last): Span) -> LostRange {
    let parts = || manifest.parts.iter().filter_map(|part| Some((part.n?, part.t)));
    let begins_in = parts().find(|((least, greatest), _)| (*least..=*greatest).contains(&first));
    let ends_in = parts().find(|((least, greatest), _)| (*least..=*greatest).contains(&last));
    let before = parts().filter(|((_, greatest), _)| *greatest < first).max_by_key(|(span, _)| span.1);
    let after = parts().filter(|((least, _), _)| *least > last).min_by_key(|(span, _)| span.0);
    let from = match begins_in {
        Some((_, times)) => times.map(|(earliest, _)| earliest),
        None => before.and_then(|(_, times)| times).map(|(_, latest)| latest),
    };
    let to = match ends_in {
        Some((_, times)) => times.map(|(_, latest)| latest),
        None => after.and_then(|(_, times)| times).map(|(earliest, _)| earliest),
    };
    let events = Some(count((first, last)));
    LostRange { first: Some(first), last: Some(last), events, from, to, exact: false }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use crate::archive::tests::unwatched;
    use crate::archive::{
        Header, LostRange, Manifest, PartLimits, PartWriter, Repaired, WriterOptions, manifest_path, repair,
    };
    use crate::event::{Event, Timestamp};

    /// A recording of thirty events, received a second apart, in three parts.
    fn recording(folder: &Path) -> (PathBuf, Manifest) {
        let (base, mut parts) = begun(folder);
        write(&mut parts, 1..=30);
        let (_, manifest) = parts.finish().expect("finished");
        (manifest_path(&base), manifest)
    }

    fn begun(folder: &Path) -> (PathBuf, PartWriter) {
        let base = folder.join("a.eddy.ndjson.zst");
        let limits = PartLimits { count: Some(10), ..PartLimits::default() };
        let options = WriterOptions::default();
        let parts = PartWriter::create(&base, &Header::new(Vec::new()), options, limits).expect("created");
        (base, parts)
    }

    fn write(parts: &mut PartWriter, numbers: std::ops::RangeInclusive<i64>) {
        for number in numbers {
            let event = Event::new("c", "text".to_owned());
            parts.write(&Event { received: Timestamp(number * 1_000_000), ..event }).expect("written");
        }
    }

    fn repaired(list: &Path) -> Repaired {
        repair(list, &list.with_file_name("b.eddy.ndjson.zst"), true, unwatched()).expect("repaired")
    }

    fn numbers(repaired: &Repaired) -> Vec<(Option<u64>, Option<u64>)> {
        repaired.lost.ranges.iter().map(|range| (range.first, range.last)).collect()
    }

    #[test]
    fn a_whole_recording_lost_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (list, _) = recording(folder.path());
        let found = repaired(&list);
        assert_eq!((found.kept.events, found.lost, found.doubled), (30, super::super::Loss::default(), 0));
    }

    #[test]
    fn an_open_part_that_is_gone_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let (base, mut parts) = begun(folder.path());
        write(&mut parts, 1..=25);
        drop(parts);
        fs::remove_file(folder.path().join("a-00003.eddy.ndjson.zst.partial")).expect("removed");
        let found = repaired(&manifest_path(&base));
        let open = LostRange { first: Some(21), from: Some(20_000_000), ..LostRange::default() };
        assert_eq!((found.kept.events, found.lost.ranges), (20, vec![open]));
    }

    #[test]
    fn a_part_that_is_not_listed_is_named() {
        for (place, first) in [(0, 1), (1, 11), (2, 21)] {
            let folder = tempfile::tempdir().expect("a folder");
            let (list, mut manifest) = recording(folder.path());
            let taken = manifest.parts.remove(place);
            for events in [20, 30] {
                manifest.events = events;
                manifest.write(&list).expect("written");
                let found = repaired(&list);
                assert_eq!(numbers(&found), [(Some(first), Some(first + 9))], "{found:?}");
                assert_eq!((found.kept.events, &found.lost.unlisted), (20, &vec![taken.file.clone()]));
                assert!(found.lost.ranges[0].exact);
            }
            // Gone from the folder too.
            fs::remove_file(list.with_file_name(&taken.file)).expect("removed");
            let found = repaired(&list);
            let end = (place < 2).then_some(first + 9);
            assert_eq!(numbers(&found), [(Some(first), end)], "{found:?}");
        }
    }

    #[test]
    fn a_copy_of_another_part_is_left_out_and_what_was_in_its_place_is_named() {
        for (from, to) in [(0, 1), (2, 1), (0, 2)] {
            let folder = tempfile::tempdir().expect("a folder");
            let (list, manifest) = recording(folder.path());
            let path = |place: usize| list.with_file_name(&manifest.parts[place].file);
            fs::copy(path(from), path(to)).expect("copied");
            let found = repaired(&list);
            assert_eq!(
                numbers(&found),
                [manifest.parts[to].n.expect("numbers")].map(|(a, b)| (Some(a), Some(b)))
            );
            assert_eq!((found.kept.events, found.doubled, found.renumbered), (20, 10, 0));
            assert_eq!((found.lost.parts, found.lost.ranges[0].exact), (1, true));
            if (from, to) == (2, 1) {
                // The only copy there is.
                fs::remove_file(path(2)).expect("removed");
                let found = repaired(&list);
                assert_eq!((found.kept.events, numbers(&found)), (20, vec![(Some(11), Some(20))]));
            }
        }
    }

    #[test]
    fn numbers_between_parts_are_lost_where_a_recording_counts_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let (list, mut manifest) = recording(folder.path());
        let taken = manifest.parts.remove(1);
        manifest.events = 20;
        manifest.write(&list).expect("written");
        fs::remove_file(list.with_file_name(&taken.file)).expect("removed");
        let gap = LostRange {
            first: Some(11),
            last: Some(20),
            events: Some(10),
            from: Some(10_000_000),
            to: Some(21_000_000),
            exact: false,
        };
        assert_eq!(repaired(&list).lost.ranges, [gap]);
        // Of a selection nobody knows.
        manifest.parts[0].n = Some((1, 15));
        manifest.write(&list).expect("written");
        assert!(repaired(&list).lost.ranges.is_empty());
    }
}
