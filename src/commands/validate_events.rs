//! `eddy validate --events`: opens a file, standard input, an archive or a live channel, and checks what comes out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::path::Path;
use std::time::Duration;

use crate::commands::Runtime;
use tokio::time::Instant;

use super::connect::{ConnectArgs, Connector};
use super::registry::RegistryArgs;
use super::target::{Place, Places};
use super::{CommandError, Context, transfer};
use crate::check::events::stream::{self, Checked, Chunk, Chunks, Options, StreamError};
use crate::check::events::{EventChecker, parse_schema_id};
use crate::contract::Loaded;
use crate::endpoint::address::Scheme;
use crate::endpoint::open::capabilities;
use crate::endpoint::{Address, Source, Start, Stop};
use crate::replay::StopToken;

/// Events asked of a live channel at once.
const BATCH: usize = 512;

/// Flags of `eddy validate` about events.
#[derive(Debug, clap::Args)]
pub struct EventArgs {
    /// Check these events against the contract: JSON lines, a JSON list, CloudEvents, a recording, a live channel, or `-`
    #[arg(long, value_name = "FILE|URL")]
    pub events: Option<String>,
    /// The message every event is
    #[arg(long, value_name = "NAME", requires = "events")]
    message: Option<String>,
    /// The message of payloads that begin with this schema id of a registry; may be given several times
    #[arg(long = "schema-id", value_name = "ID=NAME", requires = "events")]
    schema_ids: Vec<String>,
    /// Schema registry that knows the schema ids nobody has named (default: that of the environment)
    #[arg(long, value_name = "URL", requires = "events")]
    registry: Option<String>,
    /// Stop at the first finding in an event
    #[arg(long, requires = "events", conflicts_with = "max_errors")]
    fail_fast: bool,
    /// Stop after this many findings in events
    #[arg(long, value_name = "N", requires = "events")]
    max_errors: Option<NonZero<u64>>,
    /// Events to read of a live channel: the last ones it keeps, else the next to arrive
    #[arg(short = 'n', long, value_name = "COUNT", requires = "events")]
    count: Option<u64>,
    /// Read a live channel until Ctrl-C
    #[arg(long, short, requires = "events", conflicts_with = "count")]
    follow: bool,
    /// Read a live channel for this time, such as `10s`
    #[arg(long = "for", value_name = "TIME", requires = "events")]
    time: Option<String>,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Checks every event that was asked for; `None` when none were.
///
/// # Errors
/// When the events cannot be read, or a message is named that the contract does not have.
pub fn check(
    args: &EventArgs,
    loaded: &Loaded,
    cap: usize,
    context: &Context,
) -> Result<Option<Checked>, CommandError> {
    let Some(name) = &args.events else {
        if args.connect.is_given() {
            return Err(
                CommandError::usage("`--connect-timeout` is for live channels").hint("add `--events URL`")
            );
        }
        return Ok(None);
    };
    let registry = RegistryArgs { registry: args.registry.clone() }.open(context)?;
    let checker = EventChecker::new(loaded).with_registry(registry);
    let options = options(args, name, &checker, cap)?;
    let chunks = open(args, name, context)?;
    Ok(Some(stream::check(chunks, &checker, &options)?))
}

fn options(
    args: &EventArgs,
    name: &str,
    checker: &EventChecker,
    cap: usize,
) -> Result<Options, CommandError> {
    if let Some(message) = args.message.as_deref().filter(|name| checker.message(name).is_none()) {
        let known: Vec<&str> = checker.names().collect();
        let near = crate::diagnostic::nearest(message, known.iter().copied());
        let hint = near
            .map_or_else(|| format!("it has {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        return Err(CommandError::usage(format!("the contract has no message `{message}`")).hint(hint));
    }
    let ids = args.schema_ids.iter().map(|text| {
        let problem = |(message, help): (String, String)| CommandError::usage(message).hint(help);
        parse_schema_id(text, checker).map_err(problem)
    });
    Ok(Options {
        name: if is_live(name) || name.contains('@') { crate::endpoint::mask(name) } else { name.to_owned() },
        message: args.message.clone(),
        schema_ids: ids.collect::<Result<BTreeMap<u32, String>, _>>()?,
        cap,
        max_errors: if args.fail_fast { Some(1) } else { args.max_errors.map(NonZero::get) },
        threads: None,
    })
}

fn is_live(name: &str) -> bool {
    Address::parse(name)
        .map_or(name.contains("://"), |address| !matches!(address.scheme, Scheme::File | Scheme::Stdio))
}

fn open(args: &EventArgs, name: &str, context: &Context) -> Result<Box<dyn Chunks>, CommandError> {
    let path = name.strip_prefix("file:").unwrap_or(name);
    let is_channel = || name != "-" && !Path::new(path).exists() && has_workspace(context);
    if is_live(name) || is_channel() {
        let place = Places::new(context)?.source(name)?;
        if !matches!(place.address.scheme, Scheme::File | Scheme::Stdio) {
            return Ok(Box::new(LiveChunks::open(args, &place, context)?));
        }
    }
    let live_only = [
        (args.count.is_some(), "-n"),
        (args.follow, "--follow"),
        (args.time.is_some(), "--for"),
        (args.connect.is_given(), "--connect-timeout"),
    ];
    if let Some((_, flag)) = live_only.into_iter().find(|(is_given, _)| *is_given) {
        return Err(CommandError::usage(format!("`{flag}` is for live channels, and `{name}` is none"))
            .hint("name a URL such as `mqtt://host/topic`"));
    }
    let input: Box<dyn Read + Send> = if name == "-" {
        Box::new(std::io::stdin())
    } else {
        let opened = File::open(path).map_err(|error| {
            CommandError::usage(format!("cannot read `{name}`: {error}")).hint("check the path of the events")
        })?;
        Box::new(opened)
    };
    Ok(stream::open(name, input)?)
}

fn has_workspace(context: &Context) -> bool {
    context.workspace().is_ok_and(|workspace| workspace.is_some())
}

impl From<StreamError> for CommandError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Read { .. } | StreamError::Thread(_) => Self::usage(error.to_string()),
            StreamError::Archive(error) => error.into(),
            StreamError::Endpoint(error) => error.into(),
        }
    }
}

/// The events of a live channel. Nothing is left behind on the broker: no group, no durable consumer, no receipt.
struct LiveChunks {
    runtime: Runtime,
    source: Option<Box<dyn Source>>,
    left: u64,
    read: u64,
    end: Option<Instant>,
    stop: StopToken,
}

impl LiveChunks {
    fn open(args: &EventArgs, place: &Place, context: &Context) -> Result<Self, CommandError> {
        let time = transfer::duration(args.time.as_deref())?;
        let in_group = place.address.option("group").is_some();
        let keeps = capabilities(&place.address)?.replayable && !in_group;
        if !keeps && args.count.is_none() && time.is_none() && !args.follow {
            let error = CommandError::usage(format!("`{}` never ends", place.address));
            return Err(error.hint("say how much to read: `-n 100`, `--for 10s` or `--follow`"));
        }
        let start = match args.count {
            Some(count) if keeps => Start::Last(count),
            _ => Start::Default,
        };
        let until = if keeps && !args.follow && time.is_none() { Stop::PresentEnd } else { Stop::Never };
        let runtime = context.runtime(2)?;
        let (stop, source) = runtime.block_on(async {
            let stop = transfer::stop_on_interruption();
            transfer::stop_when_unread(&stop, &context.ui);
            let source = Connector::new(&args.connect, context, &stop)?.source(place, (start, until)).await?;
            Ok::<_, CommandError>((stop, source))
        })?;
        if until == Stop::Never {
            let end =
                if args.follow { "Ctrl-C ends it and shows what was found" } else { "Ctrl-C ends it sooner" };
            context.ui.say(format!("listening to `{}`; {end}", place.address));
        }
        let end = time.map(|time| Instant::now() + time);
        let left = args.count.unwrap_or(u64::MAX);
        Ok(Self { runtime, source: Some(source), left, read: 0, end, stop })
    }
}

impl Chunks for LiveChunks {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, StreamError> {
        let Some(source) = self.source.as_mut() else {
            return Ok(None);
        };
        let most = usize::try_from(self.left).unwrap_or(BATCH).min(BATCH);
        // Far enough away to be never.
        let end = self.end.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400 * 365));
        let batch = if most == 0 {
            Vec::new()
        } else {
            self.runtime.block_on(async {
                tokio::select! {
                    _ = self.stop.requested() => Ok(Vec::new()),
                    () = tokio::time::sleep_until(end) => Ok(Vec::new()),
                    batch = source.next_batch(most) => batch,
                }
            })?
        };
        if batch.is_empty() {
            if let Some(source) = self.source.take() {
                self.runtime.block_on(source.close())?;
            }
            return Ok(None);
        }
        self.left -= batch.len() as u64;
        let numbered = batch.into_iter().map(|event| {
            self.read += 1;
            (self.read, event)
        });
        Ok(Some(Chunk::of_events(numbered.collect())))
    }
}

impl Drop for LiveChunks {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            // Checking ended before the events did: what was found is said, whether or not the goodbye arrives.
            let _ = self.runtime.block_on(source.close());
        }
    }
}
