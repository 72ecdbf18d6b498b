//! What `eddy replay` does wrong on purpose.

use std::path::Path;
use std::sync::OnceLock;

use super::delivering::keeps_ids;
use crate::commands::{CommandError, Context};
use crate::endpoint::Address;
use crate::replay::fault::{FaultError, FaultKind, HELP};
use crate::replay::{Fault, Faults, Ledger, RecordedClock};

const HEADING: &str = "Faults on purpose";

/// Flags of faults.
#[derive(Debug, clap::Args)]
pub(super) struct FaultingArgs {
    /// Do this to a share of the events: `duplicate:5%`, `delay:1%:200ms`, `reorder:1%`, `drop:1%` or `corrupt:0.5%`, and
    /// ` if EXPR` to some only; may be given several times
    #[arg(help_heading = HEADING, long, value_name = "FAULT")]
    fault: Vec<String>,
    /// What decides which events have a fault; the same seed gives the same faults
    #[arg(help_heading = HEADING, long, value_name = "NUMBER", requires = "fault")]
    seed: Option<u64>,
    #[arg(skip)]
    chosen: OnceLock<u64>,
}

impl FaultingArgs {
    /// The faults; `resumed` is the ledger of a run that is gone on with, which knows the seed of its first part.
    ///
    /// # Errors
    /// When a fault is malformed.
    pub fn faults(&self, resumed: Option<&Path>) -> Result<Faults, CommandError> {
        let list: Vec<Fault> = self.fault.iter().map(|text| fault(text)).collect::<Result<_, _>>()?;
        if list.is_empty() {
            return Ok(Faults::default());
        }
        let known =
            || resumed.and_then(|path| Ledger::read(path).ok().flatten()).and_then(|ledger| ledger.seed);
        let seed = *self.chosen.get_or_init(|| self.seed.or_else(known).unwrap_or_else(any_seed));
        Ok(Faults { list, seed, mark: true })
    }

    /// The seed, once there are faults.
    pub fn seed(&self) -> Option<u64> {
        self.chosen.get().copied()
    }

    /// Whether each process would draw faults of its own.
    pub fn is_left_to_chance(&self) -> bool {
        !self.fault.is_empty() && self.seed.is_none()
    }

    /// Says which seed gives these faults again.
    pub fn say_seed(&self, context: &Context) {
        if let Some(seed) = self.seed() {
            context.ui.say(format!("faults on purpose; `--seed {seed}` gives the same ones again"));
        }
    }

    /// Whether the events that go are not those that were selected, one for one.
    pub fn changes_numbers(&self) -> bool {
        !self.fault.is_empty()
    }

    /// The flags as they can be written again.
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let faults = self.fault.iter().map(|text| ("fault", text.clone()));
        faults.chain(self.seed().map(|seed| ("seed", seed.to_string()))).collect()
    }
}

/// Refuses what the target would refuse event by event, and what the schedule would undo.
///
/// # Errors
/// When entries keep ids that only grow, and are to go twice or in another order; when events are to go later by the clock of
/// the recorder, and the schedule goes by another.
pub(super) fn suited(faults: &Faults, target: &Address, clock: &RecordedClock) -> Result<(), CommandError> {
    let waits = faults.list.iter().find(|fault| fault.time.is_some());
    if let Some(fault) = waits.filter(|_| *clock != RecordedClock::Receive) {
        return Err(CommandError::usage(format!(
            "`--fault {fault}` moves events by the clock of the recorder, and the schedule goes by another"
        ))
        .hint(
            "leave `--clock` out, or take a fault without a time, such as `duplicate:5%` or `reorder:1%`",
        ));
    }
    let moves = |fault: &&Fault| !matches!(fault.kind, FaultKind::Drop | FaultKind::Corrupt);
    match faults.list.iter().find(moves).filter(|_| keeps_ids(target)) {
        None => Ok(()),
        Some(fault) => Err(CommandError::usage(format!(
            "`--fault {fault}` cannot be done where entries keep their ids, which only grow"
        ))
        .hint("leave `id=keep` out of the address")),
    }
}

fn fault(text: &str) -> Result<Fault, CommandError> {
    text.parse().map_err(|error| match error {
        FaultError::Condition(error) => CommandError::from(error),
        error @ FaultError::Form { .. } => CommandError::usage(error.to_string()).hint(HELP),
    })
}

/// Short enough to be typed again.
fn any_seed() -> u64 {
    u64::from(
        uuid::Uuid::new_v4().as_u64_pair().0.to_le_bytes()[0..4]
            .iter()
            .fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte)),
    )
}
