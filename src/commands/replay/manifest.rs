//! `eddy replay manifest`: a Kubernetes Indexed Job whose pods are the shards of one replay.

use std::io::Write as _;
use std::path::Path;

use clap::FromArgMatches as _;

use super::{changing, delivering, faulting};
use crate::commands::target::is_path;
use crate::commands::{CommandError, Context, Status, command_line};
use crate::endpoint::address::Scheme;
use crate::endpoint::open::capabilities;
use crate::endpoint::{Address, is_secret_header, mask};
use crate::output::kubernetes::{JobView, job};

/// Flags of `eddy replay manifest`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each pod replays the lanes of its shard (`--shard auto/COUNT`) and keeps its ledger on the volume, so that a pod \
    that dies goes on where it ended. What stands after `--` is added to the command of each pod. Secrets do not belong \
    into a manifest: name variables, and give them to the pods with `--env-from`.\n\n\
    Examples:\n  eddy replay manifest --archive /data/monday.eddy.ndjson.zst --to kafka://kafka:9092 --shards 4 \\\n    \
    --image registry.example.com/eddy:1 --claim recordings | kubectl apply -f -\n  \
    eddy replay manifest --archive /data/monday.eddy.ndjson.zst --to nats://nats:4222 --shards 8 --image eddy:1 \\\n    \
    --claim recordings --env-from nats-login -- --speed 10 --channel 'shop/*'"
)]
pub(super) struct Args {
    /// Where the archive lies in the pods
    #[arg(long, value_name = "PATH")]
    archive: String,
    /// Where events go
    #[arg(long, value_name = "TARGET")]
    to: String,
    /// Pods, each with its share of the lanes
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    shards: u32,
    /// The image with `eddy` in it
    #[arg(long, value_name = "IMAGE")]
    image: String,
    /// The claim of the volume with the archive, mounted at `--mount`; ledgers are kept there too
    #[arg(long, value_name = "NAME")]
    claim: String,
    /// Where the volume is mounted
    #[arg(long, value_name = "PATH", default_value = "/data")]
    mount: String,
    /// The name of the job
    #[arg(long, value_name = "NAME", default_value = "eddy-replay")]
    name: String,
    /// The namespace of the job (default: that of `kubectl`)
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Secrets whose entries are variables of the pods; may be given several times
    #[arg(long, value_name = "SECRET")]
    env_from: Vec<String>,
    /// How often all pods together may fail before the job does
    #[arg(long, value_name = "COUNT", default_value_t = 6)]
    backoff_limit: u32,
    /// Further flags of `eddy replay`
    #[arg(last = true, value_name = "FLAG")]
    flags: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    if mask(&args.to) != args.to {
        return Err(CommandError::usage(format!("`{}` holds a secret, and a manifest is no place for it", mask(&args.to)))
            .hint("keep it in a Kubernetes secret, name it with `--env-from`, and write `${NAME}` in an `eddy.yaml` on the volume"));
    }
    refuse_secret_headers(args)?;
    for (flag, name) in [
        ("--name", Some(&args.name)),
        ("--namespace", args.namespace.as_ref()),
        ("--claim", Some(&args.claim)),
    ] {
        if let Some(name) = name.filter(|name| !is_label(name)) {
            return Err(CommandError::usage(format!("`{name}` of `{flag}` is no name in Kubernetes"))
                .hint("small letters, digits and `-`, 63 at most, with a letter or digit at both ends"));
        }
    }
    for own in ["--shard", "--ledger", "--resume", "--to", "--format"] {
        if args.flags.iter().any(|flag| flag == own || flag.starts_with(&format!("{own}="))) {
            return Err(CommandError::usage(format!("`{own}` is set by the manifest itself"))
                .hint("leave it out after `--`"));
        }
    }
    let mount = args.mount.trim_end_matches('/');
    let ledger = format!("{mount}/{}.ledger", args.name);
    let run = run_of_pods(args, &ledger)?;
    refuse_useless(args, &run)?;
    refuse_unfit(args, &run)?;
    let view = JobView {
        name: &args.name,
        namespace: args.namespace.as_deref(),
        image: &args.image,
        claim: &args.claim,
        mount: if mount.is_empty() { "/" } else { mount },
        secrets: &args.env_from,
        shards: args.shards,
        backoff_limit: args.backoff_limit,
        archive: &args.archive,
        target: &args.to,
        ledger: &ledger,
        flags: &args.flags,
    };
    if !args.archive.contains("://") && !Path::new(&args.archive).starts_with(view.mount) {
        let (archive, mount) = (&args.archive, view.mount);
        context.ui.warn(format!("`{archive}` does not lie below `{mount}`, where the pods have the volume"));
    }
    for (flag, path) in [("--results", &run.watching.results), ("--quarantine", &run.guarding.quarantine)] {
        if let Some(path) = path.as_ref().filter(|path| !path.starts_with(view.mount)) {
            let (path, mount) = (path.display(), view.mount);
            context.ui.warn(format!(
                "`{path}` of `{flag}` does not lie below `{mount}`, where the pods have the volume: it is gone with its pod"
            ));
        }
    }
    let text = job(&view).map_err(|error| CommandError::usage(error.to_string()))?;
    let mut data = context.ui.data();
    data.write_all(text.as_bytes())?;
    data.flush()?;
    Ok(Status::Done)
}

/// Headers that let somebody in are secrets, too.
fn refuse_secret_headers(args: &Args) -> Result<(), CommandError> {
    let behind = args.flags.iter().zip(args.flags.iter().skip(1));
    let separate = behind.filter(|(flag, _)| *flag == "--header").map(|(_, value)| value.as_str());
    let joined = args.flags.iter().filter_map(|flag| flag.strip_prefix("--header="));
    let names = separate.chain(joined).map(|text| text.split('=').next().unwrap_or_default());
    let mut names = names.filter(|name| is_secret_header(name) || name.to_lowercase().contains("auth"));
    match names.next() {
        None => Ok(()),
        Some(name) => Err(CommandError::usage(format!(
            "the header `{name}` holds a secret, and a manifest is no place for it"
        ))
        .hint("write it under `auth` of the server in an `eddy.yaml` on the volume, as `${NAME}`, and name its secret with `--env-from`")),
    }
}

/// The pods would end with what is wrong on their command line, one after another: it is read here as they read it.
fn run_of_pods(args: &Args, ledger: &str) -> Result<super::Args, CommandError> {
    let shard = format!("auto/{}", args.shards);
    let own = ["eddy", "replay", &args.archive, "--to", &args.to];
    let of_pods = ["--shard", &shard, "--ledger", ledger, "--resume"];
    let line = own.into_iter().chain(of_pods).chain(args.flags.iter().map(String::as_str));
    let read = command_line()
        .try_get_matches_from(line)
        .and_then(|line| super::Args::from_arg_matches(line.subcommand().map_or(&line, |(_, run)| run)));
    let error = match read {
        Ok(run) => return Ok(run),
        Err(error) => error,
    };
    let words = error.to_string();
    let first = words.lines().next().unwrap_or_default();
    let what = first.strip_prefix("error: ").unwrap_or(first).replace('\'', "`");
    Err(CommandError::usage(format!("what stands after `--` cannot be used: {what}"))
        .hint("it is added to `eddy replay` in each pod; `eddy replay --help` has its flags"))
}

/// Refuses what pods would do without a word, and what would not be the one replay that is meant.
fn refuse_useless(args: &Args, run: &super::Args) -> Result<(), CommandError> {
    let refused = |message: String, help: &str| Err(CommandError::usage(message).hint(help));
    let is_here = |text: &str| {
        Address::parse(text).is_ok_and(|address| matches!(address.scheme, Scheme::File | Scheme::Memory))
    };
    if is_path(&args.to) || (args.to.contains(':') && is_here(&args.to)) {
        return refused(
            format!("`{}` is no server that all pods send to: each would write by itself", args.to),
            "name a server with `--to`; a file is written by one process: `eddy replay ARCHIVE --to FILE`",
        );
    }
    if run.dry_run {
        return refused(
            "with `--dry-run` each pod sends nothing, and the job is done all the same".to_owned(),
            "leave it out here, and look at the plan yourself: `eddy replay ARCHIVE --to TARGET --dry-run`",
        );
    }
    let is_answered = args.flags.iter().any(|flag| flag == "--yes");
    if let Some(count) = run.guarding.ask_after.filter(|_| !is_answered) {
        return refused(
            format!(
                "`--ask-after {count}` asks somebody, and nobody is at a pod: each would send so many and end"
            ),
            "leave it out, or add `--yes`: the rest follows where all of the first ones arrived",
        );
    }
    if run.selecting.faulting.is_left_to_chance() {
        return refused(
            "`--fault` without `--seed`: each pod would draw faults of its own, and others when it is started again"
                .to_owned(),
            "give all of them the same `--seed NUMBER`",
        );
    }
    Ok(())
}

/// Refuses what each pod would refuse when it begins.
fn refuse_unfit(args: &Args, run: &super::Args) -> Result<(), CommandError> {
    // A pod that is started again may have begun in the past, and the first ones may not.
    let scheduled = run.scheduling.plan(false)?;
    let window = run.selecting.window()?;
    let selection = run.selecting.selection(&window, None)?;
    let archive = Address::parse(&args.archive)?;
    if archive.scheme == Scheme::Kafka {
        return Err(CommandError::usage("a manifest is for an archive, and a topic is shared out by its group")
            .hint("run `eddy replay 'kafka://HOST/TOPIC?group=NAME' --to TARGET` in as many pods, or record the topic first"));
    }
    delivering::refuse_several_beginnings(run, scheduled.start_at)?;
    if !args.to.contains("://") {
        // The workspace on the volume knows what it is.
        return Ok(());
    }
    let target = Address::parse(&args.to)?;
    let carried = capabilities(&target)?;
    changing::suited(&selection.changes, &carried)?;
    faulting::suited(&selection.faults, &target, &scheduled.timetable.clock)?;
    delivering::suited(run, archive.scheme == Scheme::File, &carried, &scheduled.timetable)?;
    delivering::refuse_shards_of_ids(args.shards, &target)
}

/// A name as DNS labels are written.
fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&name.len())
        && name.bytes().all(|byte| inner(byte) || byte == b'-')
        && name.bytes().next().is_some_and(inner)
        && name.bytes().last().is_some_and(inner)
}
