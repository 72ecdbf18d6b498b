//! Who of several processes sends what, and how sure it is that it arrives once: `--shard`, `--delivery`.

use std::path::{Path, PathBuf};

use super::Args;
use super::origin::Origin;
use crate::commands::{CommandError, Context};
use crate::diagnostic::Severity;
use crate::endpoint::address::Scheme;
use crate::endpoint::capabilities::Assurance;
use crate::endpoint::open::capabilities;
use crate::endpoint::{Address, Capabilities};
use crate::event::Timestamp;
use crate::output::replay_plan::Guarantee;
use crate::replay::preflight::Finding;
use crate::replay::retention::MAY_REPEAT;
use crate::replay::{Shard, ShardError, Timetable};

/// Flags about delivery.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Delivery")]
pub(super) struct DeliveringArgs {
    /// Send only the lanes of one of several processes, such as `0/4`; `auto/4` in a Kubernetes Indexed Job
    #[arg(long, value_name = "INDEX/COUNT")]
    shard: Option<String>,
    /// How sure it must be that each event arrives once, also after a crash (default: as sure as the target and
    /// `--ledger` allow without transactions)
    #[arg(long, value_enum, value_name = "HOW")]
    delivery: Option<Wanted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[expect(clippy::enum_variant_names, reason = "that is what they are called everywhere")]
enum Wanted {
    /// What was not confirmed goes again, and may then be there twice
    AtLeastOnce,
    /// What has arrived is found by its marks and does not go again
    EffectivelyOnce,
    /// Events go in transactions together with the progress of the run (Kafka, `--speed max`)
    ExactlyOnce,
}

impl Wanted {
    fn assurance(self) -> Assurance {
        match self {
            Self::AtLeastOnce => Assurance::AtLeastOnce,
            Self::EffectivelyOnce => Assurance::EffectivelyOnce,
            Self::ExactlyOnce => Assurance::ExactlyOnce,
        }
    }
}

impl DeliveringArgs {
    /// The part of this process.
    ///
    /// # Errors
    /// When the flag is malformed, or the environment does not say which part it is.
    pub fn shard(&self, context: &Context) -> Result<Option<Shard>, CommandError> {
        let Some(text) = &self.shard else { return Ok(None) };
        let refused = |error: ShardError| CommandError::usage(error.message).hint(error.help);
        Shard::parse(text, context.environment.get("JOB_COMPLETION_INDEX")).map(Some).map_err(refused)
    }

    /// Whether this is one of several processes.
    pub fn is_shard(&self) -> bool {
        self.shard.is_some()
    }

    /// Whether events go in transactions.
    pub fn transacts(&self) -> bool {
        self.delivery == Some(Wanted::ExactlyOnce)
    }

    /// Whether what has arrived is looked for on a target where it can be.
    pub fn reads_back(&self) -> bool {
        self.delivery != Some(Wanted::AtLeastOnce)
    }

    /// Whether, after a crash, this target is searched for what arrived.
    pub fn looks_for_what_arrived(&self, has_ledger: bool, target: &Address) -> bool {
        let can_be = capabilities(target).is_ok_and(|can| can.assurance >= Assurance::EffectivelyOnce);
        has_ledger && can_be && self.reads_back() && !self.transacts()
    }

    /// Events that may go again stand against a run that is to send each effectively once.
    pub fn weighed(&self, finding: Finding) -> Finding {
        match self.delivery {
            Some(Wanted::EffectivelyOnce) => Finding { severity: Severity::Error, ..finding },
            _ => finding,
        }
    }

    /// The flags as they can be written again; they decide which events go, and how a run can go on.
    pub fn options(&self, shard: Option<Shard>) -> Vec<(&'static str, String)> {
        let shard = shard.map(|shard| ("shard", shard.to_string()));
        let delivery = self.delivery.map(|wanted| ("delivery", wanted.assurance().name().to_owned()));
        shard.into_iter().chain(delivery).collect()
    }

    /// How well delivery is assured.
    pub(super) fn guarantee(
        &self,
        origin: &Origin,
        has_ledger: bool,
        carried: &Capabilities,
        findings: &[Finding],
    ) -> Guarantee {
        let may_repeat = findings.iter().any(|finding| finding.name == MAY_REPEAT);
        match (has_ledger, carried.assurance) {
            (_, Assurance::AtMostOnce) => Guarantee::AtMostOnce,
            _ if origin.group().is_some() => Guarantee::AtLeastOnceAcrossCrashes,
            _ if origin.archive().is_none() => Guarantee::AtLeastOnceOfTopic,
            (false, _) => Guarantee::AtLeastOnce,
            (true, Assurance::ExactlyOnce) if self.transacts() => Guarantee::ExactlyOnce,
            (true, Assurance::EffectivelyOnce | Assurance::ExactlyOnce)
                if self.reads_back() && !may_repeat =>
            {
                Guarantee::EffectivelyOnce
            }
            (true, _) => Guarantee::AtLeastOnceAcrossCrashes,
        }
    }
}

/// A file of this process beside those of the others, such as its ledger.
pub(super) fn file_of(path: &Path, shard: Option<Shard>) -> PathBuf {
    let Some(shard) = shard else { return path.to_owned() };
    let mut name = path.as_os_str().to_owned();
    name.push(shard.suffix());
    name.into()
}

/// Whether this process goes on with what it has begun: with `--resume`, a shard begins where there is no ledger yet.
pub(super) fn goes_on(args: &Args, shard: Option<Shard>) -> bool {
    args.resume && args.ledger.as_ref().is_some_and(|path| file_of(path, shard).exists())
}

/// Whether entries keep the ids they were recorded with, which a stream takes only in growing order.
pub(super) fn keeps_ids(target: &Address) -> bool {
    target.scheme == Scheme::Redis && target.option("id") == Some("keep")
}

/// Refuses several processes whose events keep ids that only grow: those of one lie before those of another.
///
/// # Errors
/// When there is more than one.
pub(super) fn refuse_shards_of_ids(shards: u32, target: &Address) -> Result<(), CommandError> {
    if shards < 2 || !keeps_ids(target) {
        return Ok(());
    }
    let message =
        format!("several shards cannot send to `{target}` with `id=keep`: ids of one stream must rise");
    Err(CommandError::usage(message)
        .hint("leave `id=keep` out of the address, or send everything from one process"))
}

/// Refuses shards that would make different things of the same event for want of a common beginning.
///
/// # Errors
/// When there is something that goes by the beginning of the run, and each process has its own.
pub(super) fn refuse_uncommon_beginning(
    args: &Args,
    shard: Option<Shard>,
    start_at: Option<Timestamp>,
) -> Result<(), CommandError> {
    if shard.is_none() || goes_on(args, shard) {
        return Ok(());
    }
    refuse_several_beginnings(args, start_at)
}

/// The same for processes that are all to begin.
///
/// # Errors
/// When each would have a beginning of its own.
pub(super) fn refuse_several_beginnings(
    args: &Args,
    start_at: Option<Timestamp>,
) -> Result<(), CommandError> {
    let repeated = args.scheduling.is_repeated().then_some("--loop");
    let by_beginning = args.selecting.changing.goes_by_beginning().or(repeated);
    match by_beginning.filter(|_| start_at.is_none()) {
        None => Ok(()),
        Some(flag) => Err(CommandError::usage(format!(
            "`{flag}` of several shards needs a common beginning of the run"
        ))
        .hint("give all of them the same `--start-at TIME`")),
    }
}

/// Refuses a run that cannot be as sure as it is to be.
///
/// # Errors
/// When the target, the pace or the lack of a ledger stands against it.
pub(super) fn suited(
    args: &Args,
    is_archive: bool,
    carried: &Capabilities,
    timetable: &Timetable,
) -> Result<(), CommandError> {
    let Some(wanted) = args.delivering.delivery.map(Wanted::assurance) else { return Ok(()) };
    let flag = format!("`--delivery {}`", wanted.name());
    if carried.assurance < wanted {
        let (name, most) = (carried.name, carried.assurance.name());
        return Err(CommandError::usage(format!("{flag} is more than {name} can do: {most}"))
            .hint("leave `--delivery` out to be as sure as the target allows; `docs/systems.md` says what each can do"));
    }
    if !is_archive && wanted > Assurance::AtLeastOnce {
        return Err(CommandError::usage(format!(
            "{flag} needs a ledger, and a topic that is sent like a recording has none"
        ))
        .hint("record it first: `eddy record SOURCE --output FILE`"));
    }
    if args.ledger.is_none() && wanted > Assurance::AtLeastOnce {
        return Err(CommandError::usage(format!("{flag} needs a ledger to know the run by after a crash"))
            .hint("add `--ledger FILE`"));
    }
    if wanted == Assurance::ExactlyOnce && timetable.is_paced() {
        return Err(CommandError::usage(format!(
            "{flag} keeps no time: readers see events when a transaction ends"
        ))
        .hint("add `--speed max`, or use `--delivery effectively-once`, which keeps the pace"));
    }
    Ok(())
}
