//! `eddy graph`: who sends what to whom, as table, tree, picture or data.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::paths::{Input, inputs};
use super::{CommandError, Context, ErrorKind, Status};
use crate::atomic_file;
use crate::contract::kind::UNKNOWN_KIND;
use crate::contract::{Loaded, load, load_text};
use crate::diagnostic::{Diagnostic, Severity};
use crate::output::graph_text::{GraphStyle, Role};
use crate::output::scene::Setting;
use crate::output::{dot, graph_json, mermaid, paths_text, svg, table, tree};
use crate::source_text::{Limits, Sources, read_text};
use crate::topology::{CheckRule, Domains, FocusError, Graph, NodeIndex, NodeKind, Paths};

/// Services away from the focus that are shown.
const DEPTH: u8 = 2;
/// Ways shown at most.
const WAYS: usize = 100;
/// Findings shown before `eddy validate` is named instead.
const FINDINGS: usize = 10;
/// Above so many services and channels a picture shows domains only, unless told otherwise.
const OVERVIEW: usize = 1_500;

/// Flags of `eddy graph`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy graph\n  eddy graph services/ --focus orders --depth 3\n  eddy graph --path web..billing --shortest\n  eddy graph --output topology.svg\n  eddy graph --view flow --output flow.svg\n  eddy graph --format mermaid > topology.mmd\n  eddy graph --format json | jq '.graph.metadata.checks'\n\nArrows point the way the events go: producer, channel, consumer.\n\nExit codes: 0 done, 1 a document has errors or no way leads from A to B, 2 wrong usage or settings"
)]
pub struct Args {
    /// Files, directories, patterns, or `-` for standard input (default: the documents of the workspace)
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What to draw (default: table, or tree with --focus; for SVG columns, flow with --focus, overview above 1,500 services and channels)
    #[arg(long, value_enum, value_name = "VIEW")]
    view: Option<View>,
    /// Form of the output (default: by the ending of --output, else text)
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write to a file: .txt, .json, .mmd, .dot, .gv or .svg
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
    /// Draw with ASCII characters only
    #[arg(long)]
    ascii: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum View {
    /// One line per channel with its producers and consumers
    Table,
    /// What lies up and down stream of --focus
    Tree,
    /// Three columns as a picture: producers, channels, consumers
    Columns,
    /// Layers along the flow as a picture; what closes a cycle goes back dashed
    Flow,
    /// Domains as a picture, and how many channels lead from one to another
    Overview,
}

impl View {
    fn setting(self) -> Option<Setting> {
        match self {
            Self::Columns => Some(Setting::Columns),
            Self::Flow => Some(Setting::Flow),
            Self::Overview => Some(Setting::Overview),
            Self::Table | Self::Tree => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For the terminal
    Text,
    /// JSON Graph Format, for programs
    Json,
    /// A Mermaid flowchart
    Mermaid,
    /// Graphviz
    Dot,
    /// A picture that is one file
    Svg,
}

/// What is to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drawing {
    Table,
    Tree,
    Ways,
    Json,
    Mermaid,
    Dot,
    Svg,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let drawing = drawing(args)?;
    let loaded = read(args, context)?;
    let errors = warn(&loaded, context);
    if loaded.contract.documents.is_empty() {
        return Err(CommandError::new(ErrorKind::Delivery, "none of the documents could be read")
            .hint("the lines above say why; `eddy validate` says more"));
    }
    let whole = Graph::declared(&loaded.contract, &loaded.sources);
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
    let setting = setting(args, graph);
    let ways_shown = ways.as_ref().filter(|_| drawing == Drawing::Ways).map(|ways| (&whole, &ways.found[..]));
    let picture = Picture { drawing, graph, tree, ways: ways_shown, title: title(args), setting };
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

fn drawing(args: &Args) -> Result<Drawing, CommandError> {
    let by_ending = args.output.as_deref().filter(|_| args.format.is_none()).map(format_of).transpose()?;
    let as_picture = args.view.is_some_and(|view| view.setting().is_some());
    let by_view = as_picture.then_some(Format::Svg);
    let format = args.format.or(by_ending).or(by_view).unwrap_or(Format::Text);
    let drawing = match (format, args.view) {
        (Format::Text, Some(View::Tree)) if args.focus.is_none() => {
            return Err(CommandError::usage("`--view tree` needs a place to start from")
                .hint("name a service, channel or message: `--focus NAME`"));
        }
        (Format::Text, Some(View::Tree)) => Drawing::Tree,
        (Format::Text, None) if args.focus.is_some() => Drawing::Tree,
        (Format::Text, None) if args.path.is_some() => Drawing::Ways,
        (Format::Text, None | Some(View::Table)) => Drawing::Table,
        (Format::Svg, None | Some(View::Columns | View::Flow | View::Overview)) => Drawing::Svg,
        (Format::Json, None) => Drawing::Json,
        (Format::Mermaid, None) => Drawing::Mermaid,
        (Format::Dot, None) => Drawing::Dot,
        (_, Some(View::Columns | View::Flow | View::Overview)) => {
            let view = args.view.and_then(|view| view.to_possible_value());
            let view = view.map_or_else(String::new, |view| view.get_name().to_owned());
            return Err(CommandError::usage(format!("`--view {view}` is drawn as SVG only"))
                .hint("use `--format svg`, or `--output FILE.svg`; as text there are `--view table` and `--view tree`"));
        }
        (_, Some(View::Table | View::Tree)) => {
            return Err(CommandError::usage("`--view table` and `--view tree` are drawn as text only")
                .hint("leave out `--view`, or use `--format text`"));
        }
    };
    Ok(drawing)
}

fn format_of(path: &Path) -> Result<Format, CommandError> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("txt") => Ok(Format::Text),
        Some("json") => Ok(Format::Json),
        Some("mmd" | "mermaid") => Ok(Format::Mermaid),
        Some("dot" | "gv") => Ok(Format::Dot),
        Some("svg") => Ok(Format::Svg),
        _ => Err(CommandError::usage(format!("the ending of `{}` names no format", path.display()))
            .hint("use .txt, .json, .mmd, .dot, .gv or .svg, or say it with `--format`")),
    }
}

/// Reads the documents; a file that was found by looking and is no document is passed over.
fn read(args: &Args, context: &Context) -> Result<Loaded, CommandError> {
    let inputs = inputs(&args.paths, context)?;
    let limits = Limits::default();
    if inputs.contains(&Input::Stdin) {
        if inputs.len() > 1 {
            return Err(CommandError::usage("`-` cannot stand beside other paths")
                .hint("write standard input to a file, or draw it alone"));
        }
        let name = Path::new("<stdin>");
        let text = read_text(io::stdin().lock(), name, &limits).map_err(|error| {
            CommandError::usage(error.to_string()).hint("pipe one document into the command")
        })?;
        return Ok(load_text(name, text, &limits));
    }
    let paths: Vec<PathBuf> = inputs
        .iter()
        .filter_map(|input| match input {
            Input::Named(path) | Input::Found(path) => Some(path.clone()),
            Input::Stdin => None,
        })
        .collect();
    let mut loaded = load(&paths, &limits);
    let sources = &loaded.sources;
    loaded.diagnostics.retain(|finding| {
        let is_it =
            |path: &Path, input: &Input| matches!(input, Input::Found(found) if same_path(found, path));
        let found =
            || path_of(finding, sources).is_some_and(|path| inputs.iter().any(|input| is_it(&path, input)));
        finding.code != UNKNOWN_KIND || !found()
    });
    if loaded.contract.documents.is_empty() && loaded.diagnostics.is_empty() {
        return Err(CommandError::usage("no AsyncAPI document and no event schema is among the files")
            .hint("an AsyncAPI document begins with `asyncapi: 3.0.0`, an event schema has `x-event`"));
    }
    Ok(loaded)
}

/// `./a.yaml` and `a.yaml` are the same file.
fn same_path(left: &Path, right: &Path) -> bool {
    left.strip_prefix(".").unwrap_or(left) == right.strip_prefix(".").unwrap_or(right)
}

fn path_of(finding: &Diagnostic, sources: &Sources) -> Option<PathBuf> {
    let label = finding.primary.as_ref()?;
    Some(sources.get(label.span.file).path().to_owned())
}

/// Shows findings of reading as warnings, for the graph may lack what they are about; gives the number of errors.
fn warn(loaded: &Loaded, context: &Context) -> usize {
    let weighty: Vec<&Diagnostic> =
        loaded.diagnostics.iter().filter(|finding| finding.severity >= Severity::Warning).collect();
    for finding in weighty.iter().take(FINDINGS) {
        let place = match (&finding.primary, &finding.path) {
            (Some(label), _) => {
                let path = loaded.sources.get(label.span.file).path().display().to_string();
                format!("{path}:{}: ", loaded.sources.range(label.span).0)
            }
            (None, Some(path)) => format!("{path}: "),
            (None, None) => String::new(),
        };
        context.ui.warn(format!("{place}{} ({})", finding.message, finding.code));
    }
    if weighty.len() > FINDINGS {
        let rest = weighty.len() - FINDINGS;
        context.ui.warn(format!("{rest} more findings: `eddy validate` shows them all"));
    }
    weighty.iter().filter(|finding| finding.severity == Severity::Error).count()
}

/// How a picture is set when it is not said: along the flow around a focus, else by size.
fn setting(args: &Args, graph: &Graph) -> Setting {
    if let Some(setting) = args.view.and_then(View::setting) {
        return setting;
    }
    let size = graph.count(NodeKind::Service) + graph.count(NodeKind::Channel);
    match (args.focus.is_some() || args.path.is_some(), size > OVERVIEW && Domains::new(graph).all.len() > 1)
    {
        (true, _) => Setting::Flow,
        (false, true) => Setting::Overview,
        (false, false) => Setting::Columns,
    }
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

/// What is drawn, and how.
struct Picture<'a> {
    drawing: Drawing,
    graph: &'a Graph,
    /// The whole graph, the start and the depth of a tree.
    tree: Option<(&'a Graph, NodeIndex, usize)>,
    /// The whole graph, and ways through it.
    ways: Option<(&'a Graph, &'a [Vec<NodeIndex>])>,
    title: String,
    setting: Setting,
}

impl Picture<'_> {
    fn to_stdout(&self, args: &Args, context: &Context) -> Result<(), CommandError> {
        let paint = |role: Role, text: &str| context.ui.tint(text, color_of(role));
        let ascii = args.ascii || !context.environment.is_utf8();
        let style = GraphStyle { width: context.ui.width, ascii, paint: &paint };
        let mut out = context.ui.data();
        self.draw(&mut out, &style, context)?;
        Ok(out.flush()?)
    }

    fn to_file(&self, path: &Path, args: &Args, context: &Context) -> Result<(), CommandError> {
        let plain = |_: Role, text: &str| text.to_owned();
        let style = GraphStyle { width: context.ui.width, ascii: args.ascii, paint: &plain };
        let mut bytes = Vec::new();
        self.draw(&mut bytes, &style, context)?;
        atomic_file::write(path, &bytes).map_err(|error| CommandError::unwritable(path, &error))?;
        context.ui.say(format!("wrote `{}`", path.display()));
        Ok(())
    }

    fn draw(&self, out: &mut dyn Write, style: &GraphStyle<'_>, context: &Context) -> io::Result<()> {
        if let Some((graph, ways)) = self.ways {
            return paths_text::write(out, graph, ways, style);
        }
        match (self.drawing, self.tree) {
            (Drawing::Tree, Some((graph, start, depth))) => tree::write(out, graph, start, depth, style),
            (Drawing::Table | Drawing::Tree | Drawing::Ways, _) => table::write(out, self.graph, style),
            (Drawing::Json, _) => graph_json::write(out, self.graph, &self.title),
            (Drawing::Dot, _) => dot::write(out, self.graph),
            (Drawing::Svg, _) => svg::write(out, self.graph, &self.title, self.setting),
            (Drawing::Mermaid, _) => {
                let size = mermaid::write(out, self.graph)?;
                if size.is_beyond_limits() {
                    context.ui.warn(format!(
                        "{} arrows and {} characters: most pages that show Mermaid refuse more than 500 arrows or \
                         50,000 characters; `--focus` shows a part, `--format svg` has no limit",
                        size.arrows, size.characters
                    ));
                }
                Ok(())
            }
        }
    }
}

fn color_of(role: Role) -> &'static str {
    match role {
        Role::Service => "cyan",
        Role::Channel => "yellow",
        Role::Message => "magenta",
        Role::Heading => "blue",
        Role::Faint => "bright black",
        Role::Alarm => "red",
    }
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
