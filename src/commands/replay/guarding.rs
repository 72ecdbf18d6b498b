//! What keeps a replay from doing harm: caps, the place it came from, a look at the target, the contract, loops.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Args, archive};
use crate::archive::{Header, Reader, Writer, WriterOptions};
use crate::commands::connect::Connector;
use crate::commands::contract_check::ContractCheck;
use crate::commands::registry::RegistryArgs;
use crate::commands::target::{Place, Places, is_network};
use crate::commands::window::Window;
use crate::commands::{CommandError, Context, ErrorKind, transfer};
use crate::diagnostic::Severity;
use crate::endpoint::Address;
use crate::endpoint::address::Scheme;
use crate::endpoint::file::FileSink;
use crate::output::figures::counted;
use crate::output::replay_plan::Identity;
use crate::replay::guard::{Contract, Loops};
use crate::replay::preflight::{Caps, Finding};
use crate::replay::progress::Silent;
use crate::replay::{Changes, Guards, Plan, Selection, StopToken, Survey, carry, size};

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
    /// Send events to the very channels they were recorded from
    #[arg(long)]
    in_place: bool,
    /// What to do about events that do not fit the workspace's contract of today
    #[arg(long, value_enum, value_name = "CHOICE")]
    validate: Option<Validate>,
    /// Leave out events that have been through this many replays already
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    max_loops: u64,
    /// Keep what `--max-loops` leaves out in this archive
    #[arg(long, value_name = "FILE")]
    quarantine: Option<PathBuf>,
    /// The file that says who replayed what and when (default: `audit` of the workspace, `.eddy/audit.ndjson` beside it, or
    /// `eddy/audit.ndjson` in the user's state directory)
    #[arg(long, value_name = "FILE", env = "EDDY_AUDIT")]
    pub(super) audit: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Preflight {
    /// Send nothing when something would go wrong
    #[default]
    Refuse,
    /// Say what would go wrong and send all the same
    Warn,
    /// Do not ask
    Off,
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
        given: &Guards,
    ) -> Result<Guards, CommandError> {
        let contract = self.validate.map(|choice| -> Result<Contract, CommandError> {
            let registry = RegistryArgs { registry: None }.open(context)?;
            let check = ContractCheck::new(places, None, registry.as_ref())?.ok_or_else(|| {
                CommandError::usage("there is no workspace whose contract events could be held against")
                    .hint("`eddy init` writes one; `--workspace DIR` names one")
            })?;
            Ok(Contract::new(move |event| check.findings(event), choice == Validate::Skip))
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
}

/// Looks at caps, at where the recording came from, at the contract and at the target.
///
/// # Errors
/// When a flag is malformed, or the target of a real run cannot be reached.
pub(super) async fn looked(
    args: &Args,
    context: &Context,
    target: &Place,
    survey: &Survey,
    stop: &StopToken,
) -> Result<Rails, CommandError> {
    let caps = args.guarding.caps(target)?;
    let mut bounds = caps.broken(survey);
    let mut findings = contract(args, survey);
    let mut identity = Identity::None;
    if is_network(&target.address) {
        bounds.extend(same_place(args, target, survey));
        // What is not sent in any case needs no target.
        let is_stopped = !bounds.is_empty() || findings.iter().any(Finding::is_error);
        if args.dry_run || !is_stopped {
            let (who, more) = super::target_facts::asked(args, context, target, survey, stop).await?;
            identity = who;
            findings.extend(more);
        }
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
    Ok(Rails { bounds, findings, identity, caps })
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

/// Whether events would go to channels they were recorded from, which needs to be meant.
fn same_place(args: &Args, target: &Place, survey: &Survey) -> Option<Finding> {
    if args.guarding.in_place {
        return None;
    }
    let path = Address::parse(&args.archive).ok()?.path;
    let header = Reader::open(path.as_ref()).ok()?.header()?.clone();
    let is_here =
        |text: &String| Address::parse(text).is_ok_and(|source| source.is_same_server(&target.address));
    if !header.sources.iter().any(is_here) {
        return None;
    }
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
    let message = format!("the recording was made of `{first}`{more} on the same server");
    Some(Finding::error("same-place", message).help(
        "add `--in-place` if its readers are to see the events again, or name another with `--map-channel OLD=NEW`",
    ))
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
        for finding in self.findings.iter().filter(|finding| !stops(finding)) {
            match finding.severity {
                Severity::Info => context.ui.detail(&finding.message),
                _ => context.ui.warn(&finding.message),
            }
        }
        if stopping.is_empty() {
            return Ok(());
        }
        let kind = if self.bounds.is_empty() { ErrorKind::Delivery } else { ErrorKind::Usage };
        let lines: Vec<String> =
            stopping.iter().map(|finding| format!("{}: {}", finding.name, finding.message)).collect();
        let mut error = CommandError::new(kind, format!("nothing was sent: {}", lines.join("\n  ")));
        for help in stopping.iter().filter_map(|finding| finding.help.as_ref()) {
            if !error.hints.contains(help) {
                error = error.hint(help);
            }
        }
        if self.bounds.is_empty() && stopping.iter().any(|finding| !is_contract(finding)) {
            error = error.hint("`--preflight warn` sends all the same");
        }
        Err(error)
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

/// Keeps the events that have been through too many replays in an archive of their own.
///
/// # Errors
/// When it is there already, or cannot be written.
pub(super) async fn quarantine(
    args: &Args,
    context: &Context,
    window: Window,
    selection: &Selection,
    survey: &Survey,
    stop: &StopToken,
) -> Result<(), CommandError> {
    let Some(path) = args.guarding.quarantine.as_ref().filter(|_| !args.resume) else {
        return Ok(());
    };
    if path.exists() {
        return Err(CommandError::usage(format!("`{}` is already there", path.display()))
            .hint("choose another name; a recording is never overwritten"));
    }
    let looped = survey.left_out.looped;
    if looped == 0 {
        return Ok(());
    }
    let guards = Guards { loops: Some(Loops::AtLeast(args.guarding.max_loops)), ..Guards::default() };
    let mut selection = Selection { guards, skip: 0, first: Some(looped), ..selection.clone() };
    selection.changes = Changes::default();
    let header = Header::new(vec![args.archive.clone()]);
    let sink = FileSink::of_writer(Writer::create(path, &header, WriterOptions::default())?);
    let plan = Plan { selection, planned: Some(looped), ..Plan::default() };
    let source = archive(args, window).await?;
    let outcome = carry(source, Box::new(sink), plan, &mut Silent, stop).await;
    transfer::conclude(&outcome, &context.ui, None)?;
    context.ui.say(format!("kept {} in `{}`", counted(looped, "event"), path.display()));
    Ok(())
}
