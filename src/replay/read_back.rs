//! After a crash, what of a run has reached its target is read there: events say by their marks which they are.

use std::time::Instant;

use super::backoff::Backoff;
use super::ledger::{Ledger, ReadBackFrom};
use super::stop::StopToken;
use crate::endpoint::open::{ends, holds_all_since, open_source, reading_of};
use crate::endpoint::{
    Address, End, EndpointError, EndpointErrorKind, SinkOptions, SourceOptions, Start, Stop,
};
use crate::event::{Event, NUMBER_HEADER, RUN_HEADER};

/// Events taken at once.
const BATCH: usize = 1024;

/// What reading back came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// Events looked at.
    pub read: u64,
    /// Events of the run that the ledger did not know to be there.
    pub found: u64,
    /// Events with a smaller number that were not found may have arrived and be gone: the target does not hold all that has come
    /// since the run stood where the ledger says. 0 where it does.
    pub uncertain_below: u64,
    /// The end was asked for before everything was read.
    pub interrupted: bool,
}

/// Where a run that begins now is to be read back from, one place for each partition of the channels it sends to; none
/// when the target cannot be read back: it keeps no events, or none of their headers.
///
/// # Errors
/// When the target cannot be asked.
pub async fn begin(
    target: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<Option<Vec<ReadBackFrom>>, EndpointError> {
    let only = [target.path.as_str()];
    let channels = if target.path.is_empty() { channels } else { &only };
    let ends = ends(target, options, channels).await?;
    Ok(ends.map(|ends| {
        let place =
            |end: End| ReadBackFrom { channel: end.channel, partition: end.partition, offset: end.offset };
        ends.into_iter().map(place).collect()
    }))
}

/// Settles in the ledger whatever of its run lies on the target.
///
/// # Errors
/// When the target cannot be read; the ledger then holds what was found until then.
pub async fn read_back(
    ledger: &mut Ledger,
    target: &Address,
    options: &SinkOptions,
    stop: &StopToken,
) -> Result<ReadBack, EndpointError> {
    let mut outcome = ReadBack::default();
    let mut reading =
        Reading { target, options, stop, backoff: Backoff::new(options.connect_timeout), has_begun: false };
    for place in ledger.read_back.clone() {
        let highest = reading.read_from(&place, ledger, &mut outcome).await?;
        let is_whole = if outcome.interrupted { None } else { reading.is_whole(place).await? };
        match is_whole {
            None => {
                outcome.interrupted = true;
                break;
            }
            Some(true) => {}
            // What is oldest goes first: whatever came after the latest that is there would be there as well.
            Some(false) => {
                outcome.uncertain_below = outcome.uncertain_below.max(highest.unwrap_or(u64::MAX));
            }
        }
    }
    Ok(outcome)
}

/// A target that is being read. Once it has answered, what breaks is tried again for as long as a connection may take.
struct Reading<'a> {
    target: &'a Address,
    options: &'a SinkOptions,
    stop: &'a StopToken,
    backoff: Backoff,
    has_begun: bool,
}

impl Reading<'_> {
    /// Settles what lies from one place on; gives the highest number of the run that was read there.
    async fn read_from(
        &mut self,
        place: &ReadBackFrom,
        ledger: &mut Ledger,
        outcome: &mut ReadBack,
    ) -> Result<Option<u64>, EndpointError> {
        let (mut next, mut highest) = (place.offset, None);
        loop {
            let ReadBackFrom { channel, partition, .. } = place;
            let rest = ReadBackFrom { channel: channel.clone(), partition: *partition, offset: next };
            match self.read_on(&rest, ledger, outcome, (&mut next, &mut highest)).await {
                Ok(()) => return Ok(highest),
                Err(error) => {
                    if !self.may_try_again(error).await? {
                        outcome.interrupted = true;
                        return Ok(highest);
                    }
                }
            }
        }
    }

    /// The same until the connection breaks; notes the offset of the last event, and the highest number.
    async fn read_on(
        &mut self,
        place: &ReadBackFrom,
        ledger: &mut Ledger,
        outcome: &mut ReadBack,
        (next, highest): (&mut u64, &mut Option<u64>),
    ) -> Result<(), EndpointError> {
        let address = reading_of(self.target, &place.channel, place.partition);
        let options = SourceOptions {
            start: Start::Offset(place.offset),
            stop: Stop::PresentEnd,
            connect_timeout: self.options.connect_timeout,
            credentials: self.options.credentials.clone(),
            ..SourceOptions::default()
        };
        let mut source = match open_source(&address, &options).await {
            Ok(source) => source,
            // Made by the first event that arrives, and none has.
            Err(error) if error.kind == EndpointErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        self.has_begun = true;
        loop {
            let batch = tokio::select! {
                biased;
                _ = self.stop.requested() => {
                    outcome.interrupted = true;
                    break;
                }
                batch = source.next_batch(BATCH) => batch?,
            };
            let Some(last) = batch.last() else { break };
            // Some systems give several events one offset: the last one is read again rather than passed over.
            let read = last.place.offset.unwrap_or(*next);
            if read > *next {
                self.backoff.reset();
            }
            *next = read;
            outcome.read += batch.len() as u64;
            for number in batch.iter().filter_map(|event| number_in(event, &ledger.run)) {
                outcome.found += u64::from(ledger.settled.insert(number));
                *highest = (*highest).max(Some(number));
            }
        }
        // Everything needed was read.
        let _ = source.close().await;
        Ok(())
    }

    /// Whether everything that has come to a place is still there; none when the end was asked for.
    async fn is_whole(&mut self, place: ReadBackFrom) -> Result<Option<bool>, EndpointError> {
        let ReadBackFrom { channel, partition, offset } = place;
        let end = End { channel, partition, offset };
        loop {
            match holds_all_since(self.target, self.options, &end).await {
                // What did not hold anything then may not have been made yet.
                Err(error) if error.kind == EndpointErrorKind::NotFound => return Ok(Some(offset == 0)),
                Err(error) => {
                    if !self.may_try_again(error).await? {
                        return Ok(None);
                    }
                }
                Ok(is_whole) => return Ok(Some(is_whole)),
            }
        }
    }

    /// Waits until it may be tried again; false when the end was asked for meanwhile.
    async fn may_try_again(&mut self, error: EndpointError) -> Result<bool, EndpointError> {
        let is_lost = self.has_begun && error.retryable();
        let wait = if is_lost { self.backoff.next_wait(Instant::now(), error.retry_after) } else { None };
        let Some(wait) = wait else { return Err(error) };
        tokio::select! {
            biased;
            _ = self.stop.requested() => Ok(false),
            () = tokio::time::sleep(wait) => Ok(true),
        }
    }
}

/// The number of an event in this run, when it is one of it.
fn number_in(event: &Event, run: &str) -> Option<u64> {
    let is_ours = event.header_text(RUN_HEADER)? == run;
    if is_ours { event.header_text(NUMBER_HEADER)?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{ReadBack, begin, read_back};
    use crate::endpoint::open::open_sink;
    use crate::endpoint::{Address, SinkOptions};
    use crate::event::{Event, Header, NUMBER_HEADER, RUN_HEADER};
    use crate::replay::ledger::{ArchiveIdentity, Ledger};
    use crate::replay::stop::StopToken;

    fn marked(run: &str, number: &str) -> Event {
        let headers = vec![Header::text(RUN_HEADER, run), Header::text(NUMBER_HEADER, number)];
        Event { headers, ..Event::new("a", "x") }
    }

    #[tokio::test]
    async fn what_lies_on_the_target_is_settled_and_nothing_else() {
        let target = Address::parse("memory:read-back").expect("an address");
        let options = SinkOptions::default();
        let mut sink = open_sink(&target, &options).await.expect("open");
        sink.send(&[Event::new("a", "older")]).await.await;
        let archive = ArchiveIdentity { path: "x".to_owned(), bytes: 1, sha256: String::new() };
        let mut ledger = Ledger::new(archive, String::new(), target.to_string(), 9);
        ledger.read_back = begin(&target, &options, &["a"]).await.expect("asked").expect("kept");
        assert_eq!(ledger.read_back.iter().map(|place| place.offset).collect::<Vec<_>>(), [1]);
        ledger.settled.insert(0);
        let run = ledger.run.clone();
        let sent = [
            marked(&run, "0"),
            marked(&run, "2"),
            marked("another", "1"),
            marked(&run, "no number"),
            Event::new("a", "unmarked"),
        ];
        sink.send(&sent).await.await;
        let found = read_back(&mut ledger, &target, &options, &StopToken::default()).await.expect("read");
        assert_eq!(found, ReadBack { read: 5, found: 1, uncertain_below: 0, interrupted: false });
        assert!(ledger.settled.contains(2) && ledger.settled.count() == 2);
    }
}
