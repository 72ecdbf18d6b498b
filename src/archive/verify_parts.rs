//! Whether a recording in several files is whole: every part there, with its hash, readable, in order, and none left out.

use std::io;
use std::path::Path;

use super::loss::{Expected, LostRange};
use super::manifest::{Manifest, Part, counted, hash_of};
use super::verify::{Finding, Verification, verify, verify_expecting};
use super::{ArchiveError, Watch};
use crate::event::Timestamp;

/// Checks a manifest and every part it lists: one result for the manifest, then one for each part.
///
/// # Errors
/// When a part is there and cannot be read at all, or the watch ends it.
pub fn verify_parts(
    path: &Path,
    manifest: &Manifest,
    watch: Watch,
) -> Result<Vec<Verification>, ArchiveError> {
    let mut all = vec![Verification { file: path.display().to_string(), ..Verification::default() }];
    let mut last = None;
    let (mut bytes, mut events) = (0, 0);
    for member in manifest.members(path) {
        let watch = &mut |more_bytes, more_events| watch(bytes + more_bytes, events + more_events);
        let Some(part) = member.part else {
            let open = verify(&member.path, watch)?;
            let name = member.path.file_name().map(|name| name.to_string_lossy().into_owned());
            let words = format!(
                "`{}` was being written when the recording broke off; {} can be read in it",
                name.unwrap_or_default(),
                counted(open.events),
            );
            all[0].find(Finding::of_file("open-part", words));
            all[0].gaps += seam(open.held.numbers, &mut last).unwrap_or_default();
            all.push(open);
            continue;
        };
        // Parts by channel interleave.
        let numbers = part.n.filter(|_| part.channel.is_none());
        match seam(numbers, &mut last) {
            Ok(gap) => all[0].gaps += gap,
            Err(words) => {
                all[0].find(Finding::of_file("number-order", format!("`{}` {words}", part.file)));
            }
        }
        match check(&member.path, part, watch)? {
            Ok(verification) => {
                bytes += part.bytes;
                events += verification.events;
                all[0].damaged_parts += u64::from(!verification.is_whole());
                all.push(verification);
            }
            Err(finding) => {
                all[0].lost.extend(LostRange::of_part(part.n, part.t, part.events));
                all[0].find(finding);
            }
        }
    }
    all[0].events = all[1..].iter().map(|part| part.events).sum();
    if manifest.parts.iter().all(|part| part.channel.is_none()) {
        all[0].gaps += all[1..].iter().map(|part| part.gaps).sum::<u64>();
    }
    // While it is being written a part has its name before the manifest tells of it.
    let beside = if manifest.complete { manifest.unlisted(path) } else { Vec::new() };
    let beside = beside.first().map(|name| format!("`{name}` lies beside it and is not listed"));
    match (manifest.miscount(), beside) {
        (Some(words), Some(beside)) => {
            all[0].find(Finding::of_file("wrong-count", format!("{words}; {beside}")));
        }
        (Some(words), None) => all[0].find(Finding::of_file("wrong-count", words)),
        (None, Some(beside)) => all[0].find(Finding::of_file("unlisted-part", beside)),
        (None, None) => {}
    }
    if !manifest.complete {
        let words = "the recording was not ended: events after the last part may be missing";
        all[0].find(Finding::of_file("unfinished", words.to_owned()));
    }
    Ok(all)
}

/// The numbers of parts rise, where each part has events of its own range: how many are left out before this one, or
/// what is wrong with it.
fn seam(numbers: Option<(u64, u64)>, last: &mut Option<u64>) -> Result<u64, String> {
    let Some((first, greatest)) = numbers else {
        return Ok(0);
    };
    match last.replace(greatest) {
        Some(before) if first <= before => Err(format!("begins with event {first}, after event {before}")),
        Some(before) => Ok(first - before - 1),
        None => Ok(0),
    }
}

/// How many events a part has, by number and time.
fn held(part: &Part) -> String {
    let range = |least: String, greatest: String| {
        if least == greatest { least } else { format!("{least} to {greatest}") }
    };
    let numbers =
        part.n.map(|(least, greatest)| format!(" {}", range(least.to_string(), greatest.to_string())));
    let times = part.t.map(|(first, last)| {
        format!(", received {}", range(Timestamp(first).to_string(), Timestamp(last).to_string()))
    });
    let events = if part.events == 1 { "event".to_owned() } else { counted(part.events) };
    format!("{events}{}{}", numbers.unwrap_or_default(), times.unwrap_or_default())
}

fn check(file: &Path, part: &Part, watch: Watch) -> Result<Result<Verification, Finding>, ArchiveError> {
    let name = || file.display().to_string();
    let hash = match hash_of(file) {
        Ok(hash) => hash,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let words = format!("`{}` is not there, which held {}", part.file, held(part));
            return Ok(Err(Finding::of_file("missing-part", words)));
        }
        Err(source) => return Err(ArchiveError::Read { name: name(), source }),
    };
    let mut verification = match verify_expecting(file, Some(Expected::of_part(part)), watch) {
        Err(ArchiveError::Foreign { .. }) => {
            let words = format!("`{}` is no recording any more, which held {}", part.file, held(part));
            return Ok(Err(Finding::of_file("not-an-archive", words)));
        }
        Err(error @ ArchiveError::Window { .. }) => {
            let words = format!("{error}; it held {}", held(part));
            return Ok(Err(Finding::of_file("not-an-archive", words)));
        }
        verified => verified?,
    };
    if hash != part.sha256 {
        let words = format!("its SHA-256 is {hash}, not {} as the manifest says", part.sha256);
        verification.find(Finding::of_file("wrong-hash", words));
    } else if verification.is_whole()
        && let Some(words) = difference(&verification, part)
    {
        // The file is the one that the manifest means.
        verification.find(Finding::of_file("wrong-count", words));
    }
    Ok(Ok(verification))
}

/// What a manifest says wrongly of what a whole part holds.
fn difference(found: &Verification, part: &Part) -> Option<String> {
    if found.events != part.events {
        return Some(format!("it holds {}, and the manifest says {}", counted(found.events), part.events));
    }
    let range = |least: String, greatest: String| format!("{least} to {greatest}");
    // A manifest need not say it.
    let numbers = part.n.zip(found.held.numbers).filter(|(said, held)| said != held);
    let times = part.t.zip(found.held.times).filter(|(said, held)| said != held);
    if let Some((said, held)) = numbers {
        let [said, held] =
            [said, held].map(|(least, greatest)| range(least.to_string(), greatest.to_string()));
        return Some(format!("it holds the events {held}, and the manifest says {said}"));
    }
    let (said, held) = times?;
    let [said, held] =
        [said, held].map(|(first, last)| range(Timestamp(first).to_string(), Timestamp(last).to_string()));
    Some(format!("its events were received {held}, and the manifest says {said}"))
}
