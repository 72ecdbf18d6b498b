//! The progress of a run as its target keeps it in transactions: which of its events are committed.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use super::keeper::Keeper;
use super::ledger::Ledger;
use super::settled::Settled;
use crate::endpoint::{Checkpoint, EndpointError, EndpointErrorKind};

/// The format written.
const VERSION: u32 = 1;

/// The record beside the events of a transaction.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    #[serde(rename = "eddy_checkpoint")]
    version: u32,
    run: String,
    plan: String,
    archive: String,
    settled: Settled,
}

/// What is committed of one run. Where it differs from the ledger, it is right.
#[derive(Debug)]
pub struct Committed {
    run: String,
    plan: String,
    archive: String,
    goes_on: bool,
    settled: Mutex<Settled>,
    keeper: OnceLock<Arc<Keeper>>,
}

impl Committed {
    /// Of the run of this ledger, which goes on or begins.
    #[must_use]
    pub fn of(ledger: &Ledger, goes_on: bool) -> Self {
        Self {
            run: ledger.run.clone(),
            plan: ledger.plan.clone(),
            archive: ledger.archive.sha256.clone(),
            goes_on,
            settled: Mutex::default(),
            keeper: OnceLock::new(),
        }
    }

    /// What was committed before this process began.
    #[must_use]
    pub fn settled(&self) -> Settled {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the records tell as well what need not be sent: events that were refused, or that other processes send.
    pub fn kept_by(&self, keeper: Arc<Keeper>) {
        // There is one ledger for each run.
        let _ = self.keeper.set(keeper);
    }

    fn refused(&self, why: &str) -> EndpointError {
        let message = format!("the run {} cannot go on: {why}", self.run);
        EndpointError::new(EndpointErrorKind::Unsupported, message).help(
            "what of it has arrived is not known; a new run, with another `--ledger`, sends everything again",
        )
    }
}

impl Checkpoint for Committed {
    fn take_up(&self, committed: Option<&[u8]>) -> Result<(), EndpointError> {
        let Some(bytes) = committed else {
            return if self.goes_on {
                Err(self.refused("the target has no record of it, as if the topic had been made anew"))
            } else {
                Ok(())
            };
        };
        let written: Written = serde_json::from_slice(bytes).map_err(|error| {
            self.refused(&format!("the record of it on the target cannot be read: {error}"))
        })?;
        let ours = (VERSION, &self.run, &self.plan, &self.archive);
        if (written.version, &written.run, &written.plan, &written.archive) != ours {
            return Err(self.refused("the record of it on the target is that of another recording or plan"));
        }
        *self.settled.lock().unwrap_or_else(PoisonError::into_inner) = written.settled;
        Ok(())
    }

    fn with(&self, numbers: &[u64]) -> Vec<u8> {
        let mut settled = self.settled();
        for number in numbers {
            settled.insert(*number);
        }
        // Events go in the order of their numbers: what lies beyond the last one is not needed, and may be many ranges.
        let behind = settled.highest().map_or(0, |highest| highest + 1);
        if let Some(keeper) = self.keeper.get() {
            settled.add_below(behind, &keeper.settled());
        }
        let written = Written {
            version: VERSION,
            run: self.run.clone(),
            plan: self.plan.clone(),
            archive: self.archive.clone(),
            settled,
        };
        // Text and numbers can always be written.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    fn committed(&self, numbers: &[u64]) {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        for number in numbers {
            settled.insert(*number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Committed;
    use crate::endpoint::Checkpoint;
    use crate::replay::keeper::Keeper;
    use crate::replay::ledger::{ArchiveIdentity, Ledger};

    fn ledger() -> Ledger {
        let archive = ArchiveIdentity { path: "x".to_owned(), bytes: 1, sha256: "a".to_owned() };
        Ledger::new(archive, "plan".to_owned(), "kafka://h".to_owned(), 9)
    }

    #[test]
    fn a_run_goes_on_from_what_was_committed_and_from_nothing_else() {
        let ledger = ledger();
        let first = Committed::of(&ledger, false);
        first.take_up(None).expect("a new run");
        let record = first.with(&[0, 1, 2]);
        assert_eq!(first.settled().low(), 0, "it is not committed yet");
        let later = Committed::of(&ledger, true);
        later.take_up(Some(&record)).expect("the same run");
        assert_eq!(later.settled().low(), 3);
        later.committed(&[3]);
        assert_eq!(later.settled().low(), 4);

        assert!(later.take_up(None).expect_err("refused").message.contains("no record"));
        assert!(later.take_up(Some(b"{}")).expect_err("refused").message.contains("cannot be read"));
        let other = Ledger { plan: "another".to_owned(), ..ledger };
        let error = Committed::of(&other, true).take_up(Some(&record)).expect_err("refused");
        assert!(error.message.contains("another recording or plan"), "{error}");
    }

    #[test]
    fn what_others_send_is_in_the_record_up_to_the_last_event() {
        let (folder, ledger) = (tempfile::tempdir().expect("a folder"), ledger());
        let committed = Committed::of(&ledger, false);
        let keeper = Keeper::start(&folder.path().join("ledger"), ledger, None, false).expect("kept");
        keeper.of_others(&[0, 2, 4, 6]);
        committed.kept_by(Arc::new(keeper));
        let text = String::from_utf8(committed.with(&[1, 3])).expect("text");
        assert!(text.ends_with(r#""settled":{"low":4,"above":[]}}"#), "{text}");
    }
}
