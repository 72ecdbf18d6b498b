//! `eddy doctor`: whether the workspace, the servers it names and the programs eddy calls are as they should be.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use serde::Serialize;

use super::target::{Place, Places};
use super::{CommandError, Context, Status, transfer};
use crate::endpoint::address::Scheme;
use crate::endpoint::inspect::{ProbeReport, Problem};
use crate::endpoint::{Address, Credentials, EndpointError, EndpointErrorKind, open};
use crate::output::figures::span;
use crate::registry::{Registry, RegistryError, RegistryErrorKind, RegistrySettings};
use crate::settings::{EMBEDDED_ADDRESS, Environment, Workspace};

mod show;

/// A server's clock that is further from ours than this is worth a word: events are ordered by both.
const SKEW: Duration = Duration::from_secs(2);

/// What a registry is called beside the servers of its environment.
const REGISTRY: &str = "schema registry";

/// Programs eddy calls, and what for.
const TOOLS: [(&str, &str); 2] =
    [("git", "comparing with earlier revisions"), ("cargo", "building Rust services from templates")];

/// Flags of `eddy doctor`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without an ADDRESS every server and schema registry of the workspace is asked, or those of `--env NAME`, all at the same \
    time. \
    `-v` adds what each server says of itself: limits, what we may do there, and more.\n\n\
    Exit codes: 0 all is well, 1 something is wrong, 3 a server cannot be reached or does not let us in.\n\n\
    Examples:\n  eddy doctor\n  eddy doctor --env staging\n  eddy doctor mqtt://localhost:1883 nats://localhost:4222\n  \
    eddy doctor --format json | jq '.problems'"
)]
pub struct Args {
    /// Servers to ask instead of those of the workspace
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// How long one server may take
    #[arg(long, value_name = "TIME", default_value = "5s")]
    timeout: String,
    /// How to show the report
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table, then the problems
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// All that was found out.
#[derive(Debug, Serialize)]
struct Report {
    eddy: &'static str,
    workspace: Option<WorkspaceReport>,
    servers: Vec<ServerReport>,
    tools: Vec<Tool>,
    problems: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct WorkspaceReport {
    file: String,
    documents: usize,
    environments: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ServerReport {
    environment: Option<String>,
    name: Option<String>,
    /// How we introduced ourselves, in words; never a secret.
    introduced_as: Option<String>,
    #[serde(flatten)]
    probe: ProbeReport,
}

#[derive(Debug, Serialize)]
struct Tool {
    name: &'static str,
    purpose: &'static str,
    version: Option<String>,
}

/// Something that is wrong, and what to do.
#[derive(Debug, Serialize)]
struct Finding {
    subject: String,
    message: String,
    help: Option<String>,
}

/// A server to ask.
struct Question {
    environment: Option<String>,
    name: Option<String>,
    place: Place,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let workspace = context.workspace()?;
    let mut problems = Vec::new();
    let patience = transfer::duration(Some(&args.timeout))?.unwrap_or_default();
    let questions = match (&workspace, args.addresses.is_empty()) {
        (_, false) => given(&args.addresses, &Places::new(context)?)?,
        (Some(workspace), true) => declared(workspace, context, &mut problems)?,
        (None, true) => Vec::new(),
    };
    let mut servers = ask(context, questions, patience)?;
    if let (Some(workspace), true) = (&workspace, args.addresses.is_empty()) {
        servers.extend(registries(workspace, context, patience, &mut problems));
    }
    let workspace = workspace.map(|workspace| look_at(&workspace, &mut problems)).transpose()?;
    for server in &servers {
        let subject = server.subject();
        problems.extend(server.skew());
        problems.extend(server.probe.problems.iter().map(|problem| Finding {
            subject: subject.clone(),
            message: problem.message.clone(),
            help: problem.help.clone(),
        }));
    }
    let tools = TOOLS.map(|(name, purpose)| Tool { name, purpose, version: version_of(name) }).into();
    let report = Report { eddy: env!("CARGO_PKG_VERSION"), workspace, servers, tools, problems };
    show::show(&report, args.format, context)?;
    Ok(report.status())
}

fn given(addresses: &[String], places: &Places<'_>) -> Result<Vec<Question>, CommandError> {
    let parsed = addresses.iter().map(|text| {
        let place = places.server(Address::parse(text)?)?;
        Ok(Question { environment: None, name: None, place })
    });
    parsed.collect()
}

/// The servers of the environment that was chosen, or of all.
fn declared(
    workspace: &Workspace,
    context: &Context,
    problems: &mut Vec<Finding>,
) -> Result<Vec<Question>, CommandError> {
    let chosen = context.global.env.as_deref();
    if chosen.is_some() {
        workspace.environment(chosen)?;
    }
    let mut questions = Vec::new();
    for (environment, settings) in &workspace.settings.environments {
        if chosen.is_some_and(|chosen| chosen != environment) {
            continue;
        }
        for (name, server) in &settings.servers {
            match server_address(workspace, &server.url, context) {
                Ok(address) => {
                    let access = Some(workspace.access(environment, settings, name));
                    let place = Place { access, ..Place::at(address) };
                    questions.push(Question {
                        environment: Some(environment.clone()),
                        name: Some(name.clone()),
                        place,
                    });
                }
                Err(error) => problems.push(Finding {
                    subject: format!("{environment}/{name}"),
                    message: error.message,
                    help: error.hints.into_iter().next(),
                }),
            }
        }
    }
    Ok(questions)
}

/// The schema registries of the environment that was chosen, or of all, asked at the same time.
fn registries(
    workspace: &Workspace,
    context: &Context,
    patience: Duration,
    problems: &mut Vec<Finding>,
) -> Vec<ServerReport> {
    let chosen = context.global.env.as_deref();
    let names = workspace.settings.environments.keys();
    let names = names.filter(|name| chosen.is_none_or(|chosen| chosen == *name));
    let mut asked = Vec::new();
    for name in names {
        match workspace.registry(Some(name), &context.environment) {
            Ok(None) => {}
            Ok(Some(settings)) => {
                let (answer, told) = std::sync::mpsc::channel();
                let of_thread = settings.clone();
                // A thread that cannot be started answers nothing, and one that waits longer is not waited for.
                drop(std::thread::Builder::new().spawn(move || drop(answer.send(meet(&of_thread)))));
                asked.push((name, settings, told));
            }
            Err(error) => {
                let error = CommandError::from(error);
                problems.push(Finding {
                    subject: format!("{name}/{REGISTRY}"),
                    message: error.message,
                    help: error.hints.into_iter().next(),
                });
            }
        }
    }
    let deadline = std::time::Instant::now() + patience;
    let report = |(name, settings, told): (&String, RegistrySettings, Receiver<ProbeReport>)| {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        ServerReport {
            environment: Some(name.clone()),
            name: Some(REGISTRY.to_owned()),
            introduced_as: shown_to_a_registry(&settings),
            probe: told.recv_timeout(left).unwrap_or_else(|_| silent(&settings, patience)),
        }
    };
    asked.into_iter().map(report).collect()
}

fn silent(settings: &RegistrySettings, patience: Duration) -> ProbeReport {
    let message = format!("`{}` did not answer within {}", settings.url, span(patience));
    let help = Some("give it more time with `--timeout 30s`".to_owned());
    ProbeReport {
        address: settings.url.to_string(),
        asked: true,
        problems: vec![Problem { message, help }],
        ..ProbeReport::default()
    }
}

fn shown_to_a_registry(settings: &RegistrySettings) -> Option<String> {
    let user = settings.user.as_ref().map(|(user, _)| format!("user {user}"));
    user.or_else(|| settings.token.is_some().then(|| "token".to_owned()))
}

/// Asks a registry whether it is one and lets us in.
fn meet(settings: &RegistrySettings) -> ProbeReport {
    let begun = std::time::Instant::now();
    let met = Registry::new(settings).and_then(|registry| registry.meet());
    let kind = met.as_ref().err().map(|error| error.kind);
    let reachable = kind != Some(RegistryErrorKind::Unreachable);
    let latency = u64::try_from(begun.elapsed().as_micros()).ok().filter(|_| reachable);
    let problem = |error: RegistryError| Problem { message: error.message, help: Some(error.help) };
    ProbeReport {
        address: settings.url.to_string(),
        asked: true,
        reachable,
        server: kind.is_none().then(|| REGISTRY.to_owned()),
        authorised: match kind {
            None => Some(true),
            Some(RegistryErrorKind::Unauthorised) => Some(false),
            Some(_) => None,
        },
        latency_us: latency,
        problems: met.err().map(problem).into_iter().collect(),
        ..ProbeReport::default()
    }
}

/// The address of a server of the workspace.
pub(in crate::commands) fn server_address(
    workspace: &Workspace,
    text: &str,
    context: &Context,
) -> Result<Address, CommandError> {
    let text = if text == "embedded" { EMBEDDED_ADDRESS } else { text };
    Ok(Address::parse(&workspace.expand(text, &context.environment)?)?)
}

/// Asks all servers at the same time.
fn ask(
    context: &Context,
    questions: Vec<Question>,
    patience: Duration,
) -> Result<Vec<ServerReport>, CommandError> {
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let runtime = context.runtime(2)?;
    let asked = questions.into_iter().map(|question| async move {
        let embedded = question.place.address.to_string() == EMBEDDED_ADDRESS;
        let (mut probe, introduced_as) = match unlock(&question.place, &context.environment).await {
            Ok((address, credentials)) => {
                let introduced_as = introduction(&address, credentials.as_ref());
                (probe(&address, credentials.as_ref(), patience).await, introduced_as)
            }
            Err(error) => (locked(&question.place.address, error), None),
        };
        if embedded && !probe.reachable {
            for problem in &mut probe.problems {
                problem.help = Some("start the embedded broker with `eddy broker`".to_owned());
            }
        }
        ServerReport { environment: question.environment, name: question.name, introduced_as, probe }
    });
    Ok(runtime.block_on(futures_util::future::join_all(asked)))
}

/// Reads files and runs programs, each server's at the same time as the others'.
pub(in crate::commands) async fn unlock(
    place: &Place,
    environment: &Environment,
) -> Result<(Address, Option<Credentials>), CommandError> {
    let (place, environment) = (place.clone(), environment.clone());
    let unlocked = tokio::task::spawn_blocking(move || place.unlock(&environment)).await;
    unlocked.map_err(|error| CommandError::new(super::ErrorKind::Internal, error.to_string()))?
}

/// The whole probe has a time limit, not only its first step.
async fn probe(address: &Address, credentials: Option<&Credentials>, patience: Duration) -> ProbeReport {
    let whole = patience + Duration::from_secs(1);
    let asked = tokio::time::timeout(whole, open::probe(address, credentials, patience)).await;
    asked.unwrap_or_else(|_| {
        let message = format!("`{address}` did not answer all questions within {}", span(whole));
        let error = EndpointError::new(EndpointErrorKind::Timeout, message);
        ProbeReport::failed(address, &error.help("give it more time with `--timeout 30s`"))
    })
}

/// The report of a server that could not be asked because what opens it is not there.
fn locked(address: &Address, error: CommandError) -> ProbeReport {
    let problem = Problem { message: error.message, help: error.hints.into_iter().next() };
    ProbeReport {
        address: address.to_string(),
        asked: false,
        problems: vec![problem],
        ..ProbeReport::default()
    }
}

/// What we show of ourselves, in words.
fn introduction(address: &Address, credentials: Option<&Credentials>) -> Option<String> {
    let mut parts = Vec::new();
    match address.credentials.as_ref().or(credentials) {
        Some(found) if address.scheme == Scheme::Redis && found.username.is_empty() => {
            parts.push("user default".to_owned());
        }
        // A user alone is a token of NATS.
        Some(found)
            if found.username.is_empty()
                || found.password.is_empty()
                    && matches!(address.scheme, Scheme::Nats | Scheme::JetStream) =>
        {
            parts.push("token".to_owned());
        }
        Some(found) => parts.push(format!("user {}", found.username)),
        // Without another login RabbitMQ is told this one.
        None if address.scheme == Scheme::Amqp && address.option("cert").is_none() => {
            parts.push("user guest".to_owned());
        }
        None => {}
    }
    let words = [
        ("creds", "credentials file"),
        ("nkey", "nkey"),
        ("cert", "client certificate"),
        ("header", "headers"),
    ];
    let given = words.iter().filter(|(option, _)| address.option(option).is_some());
    parts.extend(given.map(|(_, words)| (*words).to_owned()));
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn look_at(workspace: &Workspace, problems: &mut Vec<Finding>) -> Result<WorkspaceReport, CommandError> {
    let file = workspace.file().display().to_string();
    let documents = workspace.documents()?.len();
    let settings = &workspace.settings;
    let mut missing = |message: &str, help: &str| {
        problems.push(Finding {
            subject: "workspace".to_owned(),
            message: message.to_owned(),
            help: Some(help.to_owned()),
        });
    };
    let names_documents = !settings.contracts.is_empty() || !settings.events.is_empty();
    if documents == 0 && names_documents {
        missing(
            "no document matches `contracts` or `events`",
            "put a contract where a pattern of the workspace file finds it, then run `eddy validate`",
        );
    }
    if settings.environments.is_empty() {
        missing("there is no environment", "add one under `environments` of the workspace file");
    }
    Ok(WorkspaceReport { file, documents, environments: settings.environments.keys().cloned().collect() })
}

/// What a program says of its version; `None` when it is not there.
fn version_of(program: &str) -> Option<String> {
    let output = std::process::Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next()?.trim();
    Some(line.strip_prefix(program).unwrap_or(line).trim().trim_start_matches("version ").to_owned())
}

impl Report {
    fn status(&self) -> Status {
        let reached = |server: &ServerReport| {
            let probe = &server.probe;
            !probe.asked || (probe.reachable && probe.authorised != Some(false))
        };
        if !self.servers.iter().all(reached) {
            return Status::Unreachable;
        }
        if self.problems.is_empty() { Status::Done } else { Status::Findings }
    }
}

impl ServerReport {
    fn subject(&self) -> String {
        match (&self.environment, &self.name) {
            (Some(environment), Some(name)) => format!("{environment}/{name}"),
            _ => self.probe.address.clone(),
        }
    }

    /// A clock that is too far from ours.
    fn skew(&self) -> Option<Finding> {
        let offset = self.probe.clock_offset_us?;
        let distance = Duration::from_micros(offset.unsigned_abs());
        let side = if offset > 0 { "ahead of" } else { "behind" };
        (distance > SKEW).then(|| Finding {
            subject: self.subject(),
            message: format!("the clock of `{}` is {} {side} ours", self.probe.address, span(distance)),
            help: Some(
                "set both clocks by NTP: events are ordered, and looked up, by these times".to_owned(),
            ),
        })
    }

    fn state(&self) -> &'static str {
        match (self.probe.asked, self.probe.reachable, self.probe.authorised) {
            (false, ..) => "not asked",
            (_, false, _) => "unreachable",
            (_, true, Some(false)) => "not let in",
            (_, true, _) if self.probe.problems.is_empty() => "ok",
            (_, true, _) => "problem",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::introduction;
    use crate::endpoint::Address;

    #[test]
    fn what_we_show_of_ourselves_is_named_without_secrets() {
        for (text, words) in [
            ("redis://:secret@h/s", Some("user default")),
            ("redis://ann:secret@h/s", Some("user ann")),
            ("nats://secret@h/s", Some("token")),
            ("mqtt://ann@h/s", Some("user ann")),
            ("nats://h/s?nkey=key", Some("nkey")),
            ("mqtt://h/s", None),
            ("amqp://h//", Some("user guest")),
            ("amqps://h//?cert=c&key=k", Some("client certificate")),
        ] {
            let address = Address::parse(text).expect("an address");
            assert_eq!(introduction(&address, None).as_deref(), words, "{text}");
        }
    }
}
