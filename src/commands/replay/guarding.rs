//! What keeps a replay from doing harm: caps, the place it came from, a look at the target, the contract, loops.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::origin::Origin;
use super::{Args, delivering};
use crate::archive::{Header, Overview, Reader, Writer, WriterOptions};
use crate::commands::connect::Connector;
use crate::commands::contract_check::ContractCheck;
use crate::commands::preflight::{self, Preflight};
use crate::commands::registry::RegistryArgs;
use crate::commands::target::{Place, Places, is_network};
use crate::commands::window::Window;
use crate::commands::{CommandError, Context, ErrorKind, transfer};
use crate::endpoint::address::Scheme;
use crate::endpoint::file::FileSink;
use crate::endpoint::{Address, open};
use crate::output::figures::{counted, grouped};
use crate::output::replay_plan::Identity;
use crate::replay::guard::{Contract, Loops};
use crate::replay::preflight::{Caps, Finding, facts_left, shortened, unwritable};
use crate::replay::progress::Silent;
use crate::replay::{
    Canary, Changes, Faults, FirstEvents, Guards, Plan, Selection, Shard, StopToken, Survey, carry, size,
};
use crate::ui::Ui;

/// Flags that keep a replay from doing harm.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Guard rails")]
pub(super) struct GuardingArgs {
    /// What to do about what the target says of itself before the first event: sizes, partitions, times, permissions
    #[arg(long, value_enum, default_value_t, value_name = "CHOICE")]
    preflight: Preflight,
    /// Send nothing when there are more events than this
    #[arg(long, value_name = "COUNT")]
    max_events: Option<u64>,
    /// Send nothing when there are more bytes than this, such as `2GiB`
    #[arg(long, value_name = "SIZE")]
    max_bytes: Option<String>,
    /// Send nothing when the run takes longer than this, such as `2h`
    #[arg(long, value_name = "TIME")]
    max_duration: Option<String>,
    /// Send this many events, wait for their receipts, and ask whether the rest follows; without a terminal the run ends
    /// there and says how to go on. With `--yes` the rest follows when all of them arrived
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) ask_after: Option<u64>,
    /// Send events to the very channels they were recorded from
    #[arg(long)]
    in_place: bool,
    /// What to do about events that do not fit the workspace's contract of today
    #[arg(long, value_enum, value_name = "CHOICE")]
    validate: Option<Validate>,
    /// Leave out events that have been through this many replays already
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    max_loops: u64,
    /// Keep what `--max-loops` leaves out in this archive; of several shards, `0/COUNT` keeps it for all
    #[arg(long, value_name = "FILE")]
    pub(super) quarantine: Option<PathBuf>,
    /// The file that says who replayed what and when (default: `audit` of the workspace, `.eddy/audit.ndjson` beside it, or
    /// `eddy/audit.ndjson` in the user's state directory)
    #[arg(long, value_name = "FILE", env = "EDDY_AUDIT")]
    pub(super) audit: Option<PathBuf>,
}

/// Whether the rest follows; nobody's answer is no.
fn goes_on(ui: &Ui, first: FirstEvents, planned: u64, yes: bool) -> bool {
    let FirstEvents { sent, acknowledged, failed } = first;
    let arrived = format!("{} of the first {} arrived", grouped(acknowledged), counted(sent, "event"));
    let failed = if failed > 0 { format!(", {} failed", grouped(failed)) } else { String::new() };
    if yes {
        // Said once for all, of what arrived only.
        let all = acknowledged == sent;
        let then =
            if all { "the rest follows (`--yes`)" } else { "the run ends here: not all of them arrived" };
        ui.say(format!("{arrived}{failed}; {then}"));
        return all;
    }
    if !ui.can_ask() {
        ui.say(format!(
            "{arrived}{failed}; nobody can be asked whether the rest follows, so the run ends here"
        ));
        return false;
    }
    let rest = counted(planned.saturating_sub(sent), "event");
    ui.ask_yes_meanwhile(&format!("{arrived}{failed}. Send the other {rest}?"), Some(false)).unwrap_or(false)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Validate {
    /// Send nothing when one does not fit
    Refuse,
    /// Leave them out
    Skip,
    /// Say how many there are and send them
    Warn,
}

impl GuardingArgs {
    /// What must not go.
    ///
    /// # Errors
    /// When there is no contract to hold events against.
    pub fn guards(
        &self,
        context: &Context,
        places: &Places<'_>,
        target: &Place,
        given: &Guards,
    ) -> Result<Guards, CommandError> {
        let contract = self.validate.map(|choice| -> Result<Contract, CommandError> {
            let registry = RegistryArgs { registry: None }.open(context)?;
            let check = ContractCheck::new(places, None, registry.as_ref())?.ok_or_else(|| {
                CommandError::usage("there is no workspace whose contract events could be held against")
                    .hint("`eddy init` writes one; `--workspace DIR` names one")
            })?;
            let contract = Contract::new(move |event| check.findings(event), choice == Validate::Skip);
            Ok(contract.of_channel(only_channel(target)))
        });
        Ok(Guards {
            skip_replayed: given.skip_replayed,
            loops: Some(Loops::Below(self.max_loops)),
            contract: contract.transpose()?,
        })
    }

    /// The most that may be sent: flags over what the environments of the target say.
    ///
    /// # Errors
    /// When a size or a time is none.
    pub fn caps(&self, target: &Place) -> Result<Caps, CommandError> {
        let bytes = self.max_bytes.as_deref().map(|text| {
            size::parse_size(text)
                .ok_or_else(|| CommandError::usage(format!("`{text}` is not a size")).hint(size::HOW))
        });
        let duration = transfer::duration(self.max_duration.as_deref())?;
        Ok(Caps { events: self.max_events, bytes: bytes.transpose()?, duration }.or(target.limits))
    }

    /// The question after the first events, where any follow.
    pub fn canary(&self, context: &Context, planned: u64) -> Option<Canary> {
        let after = self.ask_after.filter(|after| *after < planned)?;
        let (ui, yes) = (context.ui.clone(), context.global.yes);
        Some(Canary::new(after, move |first| goes_on(&ui, first, planned, yes)))
    }

    /// The flags that decide which event has which number, as they can be written again.
    pub fn options(&self) -> Vec<(&'static str, Option<String>)> {
        let mut options = Vec::new();
        if self.max_loops != 3 {
            options.push(("max-loops", Some(self.max_loops.to_string())));
        }
        if self.validate == Some(Validate::Skip) {
            options.push(("validate", Some("skip".to_owned())));
        }
        options
    }

    /// The other flags that a run which goes on needs again.
    pub fn repeated(&self) -> Vec<(&'static str, Option<String>)> {
        let mut options = Vec::new();
        let mut note = |name, value: Option<String>| options.extend(value.map(|value| (name, Some(value))));
        note("max-events", self.max_events.map(|most| most.to_string()));
        note("max-bytes", self.max_bytes.clone());
        note("max-duration", self.max_duration.clone());
        let validate = match self.validate {
            Some(Validate::Refuse) => Some("refuse".to_owned()),
            Some(Validate::Warn) => Some("warn".to_owned()),
            Some(Validate::Skip) | None => None,
        };
        note("validate", validate);
        note("audit", self.audit.as_ref().map(|path| path.display().to_string()));
        match self.preflight {
            Preflight::Refuse => {}
            Preflight::Warn => options.push(("preflight", Some("warn".to_owned()))),
            Preflight::Off => options.push(("preflight", Some("off".to_owned()))),
        }
        if self.in_place {
            options.push(("in-place", None));
        }
        options
    }

    /// Whether events are left out by what they are as they are sent, so that they cannot be counted before.
    pub fn changes_numbers(&self) -> bool {
        self.validate == Some(Validate::Skip)
    }
}

/// What was found out before the first event is sent.
#[derive(Debug)]
pub(super) struct Rails {
    /// What the user forbade, or did not allow.
    pub bounds: Vec<Finding>,
    /// What would go wrong.
    pub findings: Vec<Finding>,
    /// Who the target is.
    pub identity: Identity,
    /// The most that may be sent.
    pub caps: Caps,
    /// Bytes that each channel of the target takes at once, where it says so.
    pub at_once: Option<u64>,
    /// Events that may be handed over beyond the ledger on disk, where the target keeps little.
    pub window: Option<u64>,
}

/// Looks at caps, at where the recording came from, at the contract and at the target.
///
/// # Errors
/// When a flag is malformed, or the target of a real run cannot be reached.
pub(super) async fn looked(
    args: &Args,
    context: &Context,
    (origin, target): (&Origin, &Place),
    survey: &Survey,
    stop: &StopToken,
) -> Result<Rails, CommandError> {
    let caps = args.guarding.caps(target)?;
    let mut bounds = caps.broken(survey);
    let mut findings = contract(args, survey);
    let (mut identity, mut cluster, mut at_once, mut window) = (Identity::None, None, None, None);
    if is_network(&target.address) {
        let recorded = Recorded::of(args, (origin, target), &args.connector(context, stop)?).await;
        if recorded.is_surely_here() {
            bounds.extend(recorded.same_place(target, survey, "on the same server"));
        }
        // What is not sent in any case needs no target.
        let is_unsendable = args.guarding.preflight == Preflight::Refuse && !survey.refused.is_empty();
        let is_stopped = is_unsendable || !bounds.is_empty() || findings.iter().any(Finding::is_error);
        if args.dry_run || !is_stopped {
            let told = Box::pin(super::target_facts::asked(args, context, target, survey, stop)).await?;
            (identity, cluster, at_once, window) = (told.identity, told.cluster, told.at_once, told.window);
            findings.extend(told.findings);
        }
        let found = recorded.found_here(cluster.as_ref());
        if let Some(place) = &found {
            bounds.extend(recorded.same_place(target, survey, place));
        }
        // The same stream can be written to under another of its subjects.
        if bounds.is_empty() && (found.is_some() || recorded.is_surely_here()) {
            let found = super::target_facts::in_a_recorded_stream(args, context, target, survey, stop).await;
            bounds.extend(found.map(|(channel, stream)| same_stream(&channel, &stream)));
        }
    }
    if args.asks_target() {
        findings.extend(unwritable(survey));
    }
    let system = open::capabilities(&target.address)?;
    findings.extend(facts_left(survey, &system));
    if args.selecting.changing.keeps_times() {
        findings.extend(shortened(survey, &system));
    }
    if survey.left_out.looped > 0 {
        let events = counted(survey.left_out.looped, "event");
        let most = args.guarding.max_loops;
        let finding =
            Finding::warning("looped", format!("left out: {events} with {most} or more replays behind them"));
        findings.push(match args.guarding.quarantine {
            Some(_) => finding,
            None => finding.help("`--quarantine FILE` keeps them; `--max-loops` sets the number"),
        });
    }
    Ok(Rails { bounds, findings, identity, caps, at_once, window })
}

/// What the contract of today says of the events.
fn contract(args: &Args, survey: &Survey) -> Vec<Finding> {
    let Some(choice) = args.guarding.validate.filter(|_| survey.left_out.invalid > 0) else {
        return Vec::new();
    };
    let left_out = &survey.left_out;
    let mut message = format!(
        "{} {} the contract",
        counted(left_out.invalid, "event"),
        if left_out.invalid == 1 { "does not fit" } else { "do not fit" }
    );
    for invalid in &left_out.first_invalid {
        // Writing to a String cannot fail.
        let first = invalid.findings.first().map(String::as_str).unwrap_or_default();
        let _ = write!(message, "\n    number {} ({}): {first}", invalid.number, invalid.channel);
    }
    vec![match choice {
        Validate::Refuse => Finding::error("invalid", message).help(
            "`--validate skip` leaves them out; `--map` may mend them; `eddy validate --events` shows all",
        ),
        Validate::Skip => Finding::warning("invalid", format!("left out: {message}")),
        Validate::Warn => Finding::warning("invalid", message),
    }]
}

/// Where a recording was made, as seen from a target.
#[derive(Default)]
struct Recorded {
    /// It was made at the address of the target.
    is_at_this_address: bool,
    /// The server there said then what its cluster is called.
    is_told: bool,
    /// What the clusters of the target's system were called that it was made of.
    clusters: Vec<String>,
    /// Addresses of the target's system may lead to other clusters than before: its clusters have ids that nobody chose.
    ids_are_unique: bool,
    /// The queues there that it was made of, as far as each of its addresses names one.
    queues: Option<Vec<String>>,
}

impl Recorded {
    /// Of what is to be sent; nothing is known of it when the same place is meant.
    async fn of(args: &Args, (origin, target): (&Origin, &Place), connector: &Connector<'_>) -> Self {
        if args.guarding.in_place {
            return Self::default();
        }
        let header = if let Some((topic, cluster)) = origin.topic(connector).await {
            let topic = topic.to_string();
            let clusters = cluster.map(|cluster| (topic.clone(), cluster)).into_iter().collect();
            Header { clusters, ..Header::new(vec![topic]) }
        } else {
            let reader = origin.archive().and_then(|path| Reader::open(path).ok());
            let Some(header) = reader.and_then(|reader| reader.header().cloned()) else {
                return Self::default();
            };
            header
        };
        let family = |scheme| if scheme == Scheme::JetStream { Scheme::Nats } else { scheme };
        let is_of_its_kind = |text: &str| {
            Address::parse(text).is_ok_and(|source| family(source.scheme) == family(target.address.scheme))
        };
        let is_here =
            |text: &&String| Address::parse(text).is_ok_and(|source| source.is_same_server(&target.address));
        let here = header.sources.iter().find(is_here);
        let queue = |text: &String| Address::parse(text).ok()?.option("queue").map(str::to_owned);
        let of_its_kind = header.clusters.iter().filter(|(source, _)| is_of_its_kind(source));
        Self {
            is_at_this_address: here.is_some(),
            is_told: here.is_some_and(|source| header.clusters.contains_key(source)),
            clusters: of_its_kind.map(|(_, cluster)| cluster.clone()).collect(),
            ids_are_unique: target.address.scheme == Scheme::Kafka,
            queues: header.sources.iter().filter(is_here).map(queue).collect(),
        }
    }

    /// The address alone says so: nothing else is known.
    fn is_surely_here(&self) -> bool {
        self.is_at_this_address && !(self.is_told && self.ids_are_unique)
    }

    /// What to say when events would go where they were recorded, which needs to be meant.
    fn same_place(&self, target: &Place, survey: &Survey, place: &str) -> Option<Finding> {
        // The channels of events on RabbitMQ are routing keys: which queue they came out of they do not say.
        let queue = target.address.option("queue").filter(|_| target.address.scheme == Scheme::Amqp);
        match (queue, &self.queues) {
            (Some(queue), Some(recorded)) if recorded.iter().any(|name| name == queue) => {
                let message = format!("the recording was made of the queue `{queue}` {place}");
                Some(Finding::error("same-place", message).help(IN_PLACE_HELP))
            }
            (Some(_), Some(recorded)) if !recorded.is_empty() => None,
            _ => same_channels(target, survey, place),
        }
    }

    /// In which words the target, by what it says of itself, is where the recording was made; none when it is not, or when
    /// its address alone has said so.
    fn found_here(&self, cluster: Option<&String>) -> Option<String> {
        if self.is_surely_here() {
            return None;
        }
        match cluster {
            Some(cluster) if self.clusters.contains(cluster) => {
                Some(format!("in the same cluster, `{cluster}`"))
            }
            // Another cluster answers, even if at the address of then.
            Some(_) => None,
            None => self.is_at_this_address.then(|| "on the same server".to_owned()),
        }
    }
}

/// What to do about events that go where they came from.
const IN_PLACE_HELP: &str = "add `--in-place` if its readers are to see the events again, or name another with `--map-channel OLD=NEW`";

/// What to say when events would go to channels they were recorded from, which needs to be meant.
fn same_channels(target: &Place, survey: &Survey, place: &str) -> Option<Finding> {
    let mut channels: Vec<&str> = match only_channel(target) {
        Some(only) => vec![only],
        None => survey.channels.keys().map(String::as_str).collect(),
    };
    channels.retain(|channel| survey.recorded.contains(*channel));
    let first = channels.first()?;
    let more = match channels.len() - 1 {
        0 => String::new(),
        more => format!(" and {}", counted(more as u64, "other")),
    };
    let message = format!("the recording was made of `{first}`{more} {place}");
    Some(Finding::error("same-place", message).help(IN_PLACE_HELP))
}

/// What to say when events would go, under another subject, into the stream they were recorded from.
fn same_stream(channel: &str, stream: &str) -> Finding {
    let message = format!("the recording was made of the stream `{stream}`, which also keeps `{channel}`");
    Finding::error("same-place", message).help(
        "add `--in-place` if its readers are to see the events again, or name a subject of another stream",
    )
}

/// The channel all events go to, when the address names one.
pub(super) fn only_channel(target: &Place) -> Option<&str> {
    match target.address.scheme {
        // The path may be a stream, and over HTTP it is where requests go.
        Scheme::JetStream | Scheme::Http => None,
        _ => target.channel.as_deref(),
    }
}

impl Rails {
    /// Stops the run when something speaks against it, and says what else there is to know.
    ///
    /// # Errors
    /// With everything that speaks against it.
    pub fn refuse(&self, args: &Args, context: &Context) -> Result<(), CommandError> {
        let refuses = args.guarding.preflight == Preflight::Refuse;
        let is_contract = |finding: &Finding| finding.name == "invalid";
        let stops = |finding: &&Finding| finding.is_error() && (refuses || is_contract(finding));
        let stopping: Vec<&Finding> = self.bounds.iter().chain(self.findings.iter().filter(stops)).collect();
        preflight::say(context, self.findings.iter().filter(|finding| !stops(finding)));
        if stopping.is_empty() {
            return Ok(());
        }
        let kind = if self.bounds.is_empty() { ErrorKind::Delivery } else { ErrorKind::Usage };
        let may_go_on = self.bounds.is_empty() && stopping.iter().any(|finding| !is_contract(finding));
        Err(preflight::nothing_sent(kind, &stopping, may_go_on))
    }

    /// Everything that was found, errors first.
    pub fn worst_first(&self) -> Vec<&Finding> {
        let mut all: Vec<&Finding> = self.bounds.iter().chain(&self.findings).collect();
        all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        all
    }

    /// Whether a real run would be stopped.
    pub fn would_stop(&self, args: &Args) -> bool {
        let refuses = args.guarding.preflight == Preflight::Refuse;
        let stops = |finding: &Finding| finding.is_error() && (refuses || finding.name == "invalid");
        !self.bounds.is_empty() || self.findings.iter().any(stops)
    }
}

impl Args {
    /// Whether the target is asked about itself.
    pub(super) fn asks_target(&self) -> bool {
        self.guarding.preflight != Preflight::Off
    }

    /// Who opens the target.
    pub(super) fn connector<'a>(
        &self,
        context: &'a Context,
        stop: &'a StopToken,
    ) -> Result<Connector<'a>, CommandError> {
        Connector::new(&self.connect, context, stop)
    }
}

/// Whether a shard that ended before it had a ledger has kept the events in this archive already: as many, of the same recording.
fn holds_what_this_leaves_out(args: &Args, path: &Path, events: u64) -> bool {
    let header = Reader::open(path).ok().and_then(|reader| reader.header().cloned());
    header.is_some_and(|header| header.sources == [args.archive.clone()])
        && Overview::of(path, |_, _| true).is_some_and(|overview| overview.events == events)
}

/// Keeps the events that have been through too many replays in an archive of their own. Each shard meets all of them, and the
/// first one keeps them for all.
///
/// # Errors
/// When it is there already, or cannot be written.
pub(super) async fn quarantine(
    args: &Args,
    context: &Context,
    (origin, window, shard): (&Origin, Window, Option<Shard>),
    selection: &Selection,
    survey: &Survey,
    stop: &StopToken,
) -> Result<(), CommandError> {
    let keeps = shard.is_none_or(|shard| shard.place().0 == 0) && !delivering::goes_on(args, shard);
    let Some(path) = args.guarding.quarantine.as_ref().filter(|_| keeps) else {
        return Ok(());
    };
    let looped = survey.left_out.looped;
    if args.resume && path.exists() && holds_what_this_leaves_out(args, path, looped) {
        context.ui.say(format!("`{}` was kept before", path.display()));
        return Ok(());
    }
    if path.exists() {
        return Err(CommandError::usage(format!("`{}` is already there", path.display()))
            .hint("choose another name; a recording is never overwritten"));
    }
    if looped == 0 {
        return Ok(());
    }
    let guards = Guards { loops: Some(Loops::AtLeast(args.guarding.max_loops)), ..Guards::default() };
    let mut selection = Selection { guards, skip: 0, first: Some(looped), ..selection.clone() };
    // They are kept as they came.
    (selection.changes, selection.faults) = (Changes::default(), Faults::default());
    let header = Header::new(vec![args.archive.clone()]);
    let sink = FileSink::of_writer(Writer::create(path, &header, WriterOptions::default())?);
    let plan = Plan { selection, planned: Some(looped), ..Plan::default() };
    let source = origin.open(window).await?;
    let outcome = carry(source, Box::new(sink), plan, &mut Silent, stop).await;
    transfer::conclude(&outcome, &context.ui, None)?;
    context.ui.say(format!("kept {} in `{}`", counted(looped, "event"), path.display()));
    Ok(())
}
