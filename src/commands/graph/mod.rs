//! `eddy graph`: who sends what to whom, as table, tree, picture or data.

use std::io::Write as _;
use std::path::PathBuf;

mod change;
mod check;
pub(super) mod drawing;
pub(super) mod observing;
mod projects;
mod questions;
pub(super) mod reading;
mod recordings;
mod revision;
mod sampling;

use change::{ChangeArgs, compare};
use check::CheckArgs;
use drawing::{Drawing, Format, Picture, View};
use observing::ObserveArgs;
use questions::QuestionArgs;
use reading::Read;

use super::{CommandError, Context, Status};
use crate::output::drift::Sides;
use crate::output::graph_text::{GraphStyle, Role};
use crate::topology::drift::drift;
use crate::topology::drift_findings;
use crate::topology::environments::Environments;
use crate::topology::inversion::View as View2;
use crate::topology::{CheckRule, FocusError, Graph, NodeKind, Paths};

/// Services away from the focus that are shown.
const DEPTH: u8 = 2;
/// Ways shown at most.
const WAYS: usize = 100;

/// Flags of `eddy graph`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy graph\n  eddy graph services/ --focus orders --depth 3\n  eddy graph --path web..billing --shortest\n  eddy graph --output topology.svg\n  eddy graph --output topology.html\n  eddy graph --view flow --output flow.svg\n  eddy graph --format mermaid > topology.mmd\n  eddy graph --format json | jq '.graph.metadata.checks'\n  eddy graph topology.json --focus orders\n  eddy graph services/ orders.eddy.ndjson.zst spans.json --drift\n  eddy graph --diff main..\n  eddy graph --impact OrderPlaced.customer.email\n  eddy graph --check --report sarif > findings.sarif\n  eddy graph --observe --env staging\n  eddy graph --drift --env staging --format json\n  eddy graph --drift --env production --against staging\n  eddy graph --observe --sample 20 --sample-header x-producer\n  eddy graph --observe --system kafka://localhost:9092\n\nArrows point the way the events go: producer, channel, consumer.\n\nExit codes: 0 done, 1 a document has errors, no way leads from A to B, --check has warnings or errors, --diff leaves a consumer without a source, or declared and observed differ, 2 wrong usage or settings, 3 no system can be reached"
)]
pub struct Args {
    /// Files, directories, patterns, or `-` for standard input: documents, graphs saved with `--format json`, recordings, OTLP JSON with spans (default: the documents of the workspace)
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What to draw (default: table, or tree with --focus; for SVG columns, flow with --focus, overview above 1,500 services and channels)
    #[arg(long, value_enum, value_name = "VIEW")]
    view: Option<View>,
    /// Form of the output (default: by the ending of --output, else text)
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write to a file, whose ending chooses the format, or for an event catalogue to a new or empty directory
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show only what this service, channel or message is connected with
    #[arg(long, value_name = "NAME")]
    focus: Option<String>,
    /// How many services away from the focus to go (default: 2)
    #[arg(long, value_name = "K", requires = "focus", value_parser = clap::value_parser!(u8).range(1..=64))]
    depth: Option<u8>,
    /// Show only the ways along the flow from one service or channel to another, the shortest first
    #[arg(long, value_name = "A..B", conflicts_with = "focus")]
    path: Option<String>,
    /// Only the shortest ways
    #[arg(long, requires = "path")]
    shortest: bool,
    /// How `publish` and `subscribe` of AsyncAPI 2 are read (default: app, as the specification says; doubtful documents are named)
    #[arg(long, value_enum, value_name = "VIEW")]
    asyncapi2_view: Option<Asyncapi2View>,
    /// Draw with ASCII characters only
    #[arg(long)]
    ascii: bool,
    #[command(flatten)]
    observing: ObserveArgs,
    #[command(flatten)]
    questions: QuestionArgs,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    check: CheckArgs,
}

/// Whose point of view AsyncAPI 2 documents are written from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Asyncapi2View {
    /// `publish` is what the application receives
    App,
    /// `publish` is what the application sends
    Client,
}

impl Asyncapi2View {
    /// As the graph knows it.
    pub(super) fn reading(self) -> View2 {
        match self {
            Self::App => View2::Application,
            Self::Client => View2::Client,
        }
    }
}

impl Args {
    /// How AsyncAPI 2 documents are read, when it is said.
    fn view_of_two(&self) -> Option<View2> {
        self.asyncapi2_view.map(Asyncapi2View::reading)
    }
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let drawing = Drawing::new(args)?;
    if let Some(words) = &args.change.diff {
        return difference(args, words, drawing, context);
    }
    let (mut read, errors) = read(args, context)?;
    let declared = args.observing.against.as_ref().map(|_| read.graph.clone());
    read.graph = args.observing.join(std::mem::take(&mut read.graph), context)?;
    if args.observing.drift {
        return differing(args, read, declared.unwrap_or_default(), errors, context);
    }
    if args.check.check {
        return check::run(&args.check, &read, errors, context);
    }
    if args.questions.is_any() {
        return question(args, &read, drawing, errors, context);
    }
    let whole = read.graph;
    let focus = args.focus.as_deref().map(|word| whole.find(word)).transpose()?;
    let depth = usize::from(args.depth.unwrap_or(DEPTH));
    let ways = args.path.as_deref().map(|words| ways(&whole, words, args.shortest)).transpose()?;
    if let (Some(words), Some(Paths { found, complete: true })) = (&args.path, &ways)
        && found.is_empty()
    {
        context.ui.warn(format!("no way along the flow leads from one end of `{words}` to the other"));
        return Ok(Status::Findings);
    }
    let along = ways.as_ref().map(|ways| whole.along(&ways.found));
    let shown = focus.map(|start| whole.around(start, depth)).or(along);
    let graph = shown.as_ref().unwrap_or(&whole);
    let tree = focus.filter(|_| drawing == Drawing::Tree).map(|start| (&whole, start, depth));
    let setting = drawing::setting(args, graph);
    let ways_shown = ways.as_ref().filter(|_| drawing == Drawing::Ways).map(|ways| (&whole, &ways.found[..]));
    let picture =
        Picture { drawing, graph, tree, ways: ways_shown, difference: None, title: title(args), setting };
    match &args.output {
        Some(path) => picture.to_file(path, args, context)?,
        None => picture.to_stdout(args, context)?,
    }
    context.ui.say(summary(graph));
    if let Some(ways) = ways.filter(|ways| !ways.complete) {
        context.ui.say(format!("these are the {} shortest ways; there are more", ways.found.len()));
    }
    if graph.flows().next().is_none() {
        context.ui.say("nobody sends or receives: add `operations` to a document, or `produced-by` and `consumed-by` to `x-event`");
    }
    Ok(if errors > 0 { Status::Findings } else { Status::Done })
}

/// What documents and saved graphs say, and how many errors they have. Systems can be looked at without any.
fn read(args: &Args, context: &Context) -> Result<(Read, usize), CommandError> {
    let documents = context.workspace()?.map(|workspace| workspace.documents()).transpose()?;
    if args.observing.is_wanted() && args.paths.is_empty() && documents.is_none_or(|found| found.is_empty()) {
        return Ok((Read::default(), 0));
    }
    let view = args.view_of_two();
    let read = match &args.change.at {
        Some(name) => Read::at(name, &args.paths, view, context)?,
        None => Read::new(&args.paths, view, context)?,
    };
    let errors = read.warn(context)?;
    Ok((read, errors))
}

/// Compares what was observed with documents, or with another environment.
fn differing(
    args: &Args,
    mut read: Read,
    declared: Graph,
    errors: usize,
    context: &Context,
) -> Result<Status, CommandError> {
    let against = args.observing.against.as_deref();
    let between = match against {
        None => Environments::default(),
        Some(word) => {
            let other = args.observing.other(word, declared, context)?;
            let between = Environments::new(&other, word, &read.graph);
            for (one, two) in &between.same {
                context.ui.warn(format!(
                    "`{one}` and `{two}` call themselves the same: one system may be compared with itself"
                ));
            }
            read.graph = between.graph.clone();
            between
        }
    };
    let compared = if against.is_some() { between.drift() } else { drift(&read.graph) };
    if let Some(form) = args.check.report {
        let findings = drift_findings::findings(&read.graph, &compared, against);
        return check::report_on(&findings, form, &read, errors, context);
    }
    let environment = context.global.env.as_deref().unwrap_or("what was looked at");
    let sides = against.map(|against| Sides { against, environment });
    let found = drawing::show_drift(args, &read.graph, &compared, sides, context)?;
    Ok(if found || errors > 0 { Status::Findings } else { Status::Done })
}

/// Draws what changed between two states.
fn difference(args: &Args, words: &str, drawing: Drawing, context: &Context) -> Result<Status, CommandError> {
    let compared = compare(words, &args.paths, args.view_of_two(), context)?;
    let difference = &compared.difference;
    let graph = &difference.graph;
    let setting = drawing::setting(args, graph);
    let title = format!("Change {words}");
    let picture =
        Picture { drawing, graph, tree: None, ways: None, difference: Some(difference), title, setting };
    match &args.output {
        Some(path) => picture.to_file(path, args, context)?,
        None => picture.to_stdout(args, context)?,
    }
    context.ui.say(change::summary(difference));
    let starved = !difference.starved.is_empty();
    Ok(if starved || compared.errors > 0 { Status::Findings } else { Status::Done })
}

/// Answers a question about a change that is only thought of.
fn question(
    args: &Args,
    read: &Read,
    drawing: Drawing,
    errors: usize,
    context: &Context,
) -> Result<Status, CommandError> {
    let as_json = match drawing {
        Drawing::As(Format::Json) => true,
        Drawing::Table if args.view.is_none() => false,
        _ => {
            return Err(CommandError::usage("the answer is text or JSON")
                .hint("leave out `--view`, and use `--format text` or `--format json`"));
        }
    };
    let paint = |role: Role, text: &str| match &args.output {
        Some(_) => text.to_owned(),
        None => context.ui.tint(text, drawing::color_of(role)),
    };
    let ascii = args.ascii || (args.output.is_none() && !context.environment.is_utf8());
    let style = GraphStyle { width: context.ui.width, ascii, paint: &paint };
    let answer = args.questions.answer(read, &style, as_json, context)?;
    if let Some(path) = &args.output {
        drawing::keep(path, &answer)?;
        context.ui.say(format!("wrote `{}`", path.display()));
    } else {
        let mut out = context.ui.data();
        out.write_all(&answer)?;
        out.flush()?;
    }
    Ok(if errors > 0 { Status::Findings } else { Status::Done })
}

/// The ways that `A..B` asks for.
fn ways(graph: &Graph, words: &str, shortest: bool) -> Result<Paths, CommandError> {
    let Some((from, to)) = words.split_once("..").filter(|(from, to)| !from.is_empty() && !to.is_empty())
    else {
        return Err(CommandError::usage(format!("`--path {words}` does not name two ends"))
            .hint("write it as `--path FROM..TO`, each a service or a channel"));
    };
    let (from, to) = (graph.find(from)?, graph.find(to)?);
    if from == to || graph.node(to).kind == NodeKind::Message {
        return Err(CommandError::usage(format!("`--path {words}` has no end to lead to"))
            .hint("name two different ends; a way ends at a service or a channel"));
    }
    Ok(graph.paths(from, to, shortest, WAYS))
}

fn title(args: &Args) -> String {
    if let Some(words) = &args.path {
        return format!("Ways {words}");
    }
    args.focus.as_ref().map_or_else(|| "Topology".to_owned(), |word| format!("Topology around {word}"))
}

fn summary(graph: &Graph) -> String {
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let checks = graph.checks();
    let with = |rule: CheckRule| checks.iter().filter(|check| check.rule == rule).count();
    let mut parts = vec![
        counted(graph.count(NodeKind::Service), "service"),
        counted(graph.count(NodeKind::Channel), "channel"),
        counted(graph.flows().count(), "connection"),
    ];
    let marks = [
        (CheckRule::NoConsumer, "without a consumer"),
        (CheckRule::NoProducer, "without a producer"),
        (CheckRule::Unused, "unused"),
    ];
    let missing = marks.iter().filter(|(rule, _)| with(*rule) > 0);
    parts.extend(missing.map(|(rule, words)| format!("{} {words}", counted(with(*rule), "channel"))));
    parts.join(", ")
}

impl From<FocusError> for CommandError {
    fn from(error: FocusError) -> Self {
        let hint = match &error {
            FocusError::Unknown { near: Some(near), .. } => format!("did you mean `{near}`?"),
            FocusError::Unknown { near: None, .. } => {
                "`eddy graph` lists all services and channels".to_owned()
            }
            FocusError::Ambiguous { .. } => "use the identifier of the one that is meant".to_owned(),
        };
        Self::usage(error.to_string()).hint(hint)
    }
}
