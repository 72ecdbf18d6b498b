//! `eddy doctor`: whether the workspace, the servers it names and the programs eddy calls are as they should be.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::{CommandError, Context, Status};
use crate::endpoint::inspect::ProbeReport;
use crate::endpoint::{Address, Credentials, open};
use crate::settings::{EMBEDDED_ADDRESS, SettingsError, Workspace};

/// How long one server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Programs eddy calls, and what for.
const TOOLS: [(&str, &str); 2] =
    [("git", "comparing with earlier revisions"), ("cargo", "building Rust services from templates")];

/// Flags of `eddy doctor`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without an ADDRESS every server of the workspace is asked, or those of `--env NAME`.\n\n\
    Exit codes: 0 all is well, 1 something is wrong, 3 a server cannot be reached or does not let us in.\n\n\
    Examples:\n  eddy doctor\n  eddy doctor --env staging\n  eddy doctor mqtt://localhost:1883 nats://localhost:4222\n  \
    eddy doctor --format json | jq '.problems'"
)]
pub struct Args {
    /// Servers to ask instead of those of the workspace
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<String>,
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
    address: Address,
    credentials: Option<Credentials>,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let workspace = context.workspace()?;
    let mut problems = Vec::new();
    let questions = match (&workspace, args.addresses.is_empty()) {
        (_, false) => given(&args.addresses)?,
        (Some(workspace), true) => declared(workspace, context, &mut problems)?,
        (None, true) => Vec::new(),
    };
    let servers = ask(context, questions)?;
    let workspace = workspace.map(|workspace| look_at(&workspace, &mut problems)).transpose()?;
    for server in &servers {
        let subject = server.subject();
        problems.extend(server.probe.problems.iter().map(|problem| Finding {
            subject: subject.clone(),
            message: problem.message.clone(),
            help: problem.help.clone(),
        }));
    }
    let tools = TOOLS.map(|(name, purpose)| Tool { name, purpose, version: version_of(name) }).into();
    let report = Report { eddy: env!("CARGO_PKG_VERSION"), workspace, servers, tools, problems };
    show(&report, args.format, context)?;
    Ok(report.status())
}

fn given(addresses: &[String]) -> Result<Vec<Question>, CommandError> {
    let parsed = addresses.iter().map(|text| {
        let address = Address::parse(text)?;
        Ok(Question { environment: None, name: None, address, credentials: None })
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
        let credentials = match workspace.credentials(settings, &context.environment) {
            Ok(credentials) => credentials,
            Err(error) => {
                problems.push(unusable(environment.clone(), error));
                continue;
            }
        };
        for (name, text) in &settings.servers {
            match server_address(workspace, text, context) {
                Ok(address) => questions.push(Question {
                    environment: Some(environment.clone()),
                    name: Some(name.clone()),
                    address,
                    credentials: credentials.clone(),
                }),
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

fn server_address(workspace: &Workspace, text: &str, context: &Context) -> Result<Address, CommandError> {
    let text = if text == "embedded" { EMBEDDED_ADDRESS } else { text };
    Ok(Address::parse(&workspace.expand(text, &context.environment)?)?)
}

fn unusable(subject: String, error: SettingsError) -> Finding {
    let error = CommandError::from(error);
    Finding { subject, message: error.message, help: error.hints.into_iter().next() }
}

/// Asks all servers at the same time.
fn ask(context: &Context, questions: Vec<Question>) -> Result<Vec<ServerReport>, CommandError> {
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let asked = questions.into_iter().map(|question| async move {
        let mut probe = open::probe(&question.address, question.credentials.as_ref(), PATIENCE).await;
        let embedded = question.address.to_string() == EMBEDDED_ADDRESS;
        if embedded && !probe.reachable {
            for problem in &mut probe.problems {
                problem.help = Some("start the embedded broker with `eddy broker`".to_owned());
            }
        }
        ServerReport { environment: question.environment, name: question.name, probe }
    });
    Ok(context.runtime(2)?.block_on(futures_util::future::join_all(asked)))
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
    if documents == 0 {
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
        let reached =
            |server: &ServerReport| server.probe.reachable && server.probe.authorised != Some(false);
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

    fn state(&self) -> &'static str {
        match (self.probe.reachable, self.probe.authorised) {
            (false, _) => "unreachable",
            (true, Some(false)) => "not let in",
            (true, _) if self.probe.problems.is_empty() => "ok",
            (true, _) => "problem",
        }
    }

    fn row(&self) -> [String; 5] {
        let latency =
            self.probe.latency_us.map(|micros| format!("{}.{} ms", micros / 1000, micros % 1000 / 100));
        let identity = [self.probe.server.as_deref(), self.probe.protocol.as_deref()];
        let identity = identity.into_iter().flatten().collect::<Vec<_>>().join(", ");
        [
            if self.name.is_some() { self.subject() } else { "-".to_owned() },
            self.probe.address.clone(),
            self.state().to_owned(),
            if identity.is_empty() { "-".to_owned() } else { identity },
            latency.unwrap_or_else(|| "-".to_owned()),
        ]
    }
}

fn show(report: &Report, format: Format, context: &Context) -> Result<(), CommandError> {
    let mut out = context.ui.data();
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Human => write_report(&mut out, report, context.ui.verbose)?,
    }
    out.flush()?;
    Ok(())
}

fn write_report(out: &mut dyn Write, report: &Report, verbose: bool) -> std::io::Result<()> {
    writeln!(out, "eddy          {}", report.eddy)?;
    for tool in &report.tools {
        let missing = || format!("not found (needed for {})", tool.purpose);
        writeln!(out, "{:<13} {}", tool.name, tool.version.clone().unwrap_or_else(missing))?;
    }
    match &report.workspace {
        Some(workspace) => {
            let environments = workspace.environments.join(", ");
            let environments = if environments.is_empty() { "none" } else { &environments };
            writeln!(out, "workspace     {}", workspace.file)?;
            writeln!(out, "documents     {}", workspace.documents)?;
            writeln!(out, "environments  {environments}")?;
        }
        None => writeln!(out, "workspace     none here (`eddy init` writes one)")?,
    }
    write_servers(out, &report.servers, verbose)?;
    for problem in &report.problems {
        writeln!(out, "\nproblem: {}: {}", problem.subject, problem.message)?;
        if let Some(help) = &problem.help {
            writeln!(out, "   help: {help}")?;
        }
    }
    if report.problems.is_empty() {
        writeln!(out, "\nno problems")?;
    }
    Ok(())
}

fn write_servers(out: &mut dyn Write, servers: &[ServerReport], verbose: bool) -> std::io::Result<()> {
    if servers.is_empty() {
        return Ok(());
    }
    let heads = ["SERVER", "ADDRESS", "STATE", "IDENTITY", "LATENCY"].map(str::to_owned);
    let rows: Vec<[String; 5]> =
        std::iter::once(heads).chain(servers.iter().map(ServerReport::row)).collect();
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(unicode_width::UnicodeWidthStr::width(cell.as_str()));
        }
    }
    writeln!(out)?;
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        let facts = index.checked_sub(1).filter(|_| verbose).map(|at| &servers[at].probe.facts);
        for fact in facts.into_iter().flatten() {
            writeln!(out, "    {}: {}", fact.name, fact.value)?;
        }
    }
    Ok(())
}
