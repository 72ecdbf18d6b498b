//! What `eddy graph` draws, in which form, and where it goes.

use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;

use super::super::{CommandError, Context};
use super::Args;
use crate::atomic_file;
use crate::output;
use crate::output::drift::Sides;
use crate::output::graph_text::{GraphStyle, Role};
use crate::output::mermaid::Chart;
use crate::output::scene::Setting;
use crate::output::{
    backstage, boxes, change_text, cytoscape, d2, dot, eventcatalog, graph_json, graph_jsonl, graphml,
    matrix, mermaid, openlineage, page, paths_text, plantuml, svg, table, tree,
};
use crate::scaffold::write::write_files;
use crate::topology::difference::Difference;
use crate::topology::drift::{Compared, Verdict};
use crate::topology::{Domains, Graph, NodeIndex, NodeKind};

/// Above so many services and channels a picture shows domains only, unless told otherwise.
const OVERVIEW: usize = 1_500;

/// In which way it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::commands) enum View {
    /// One line per channel with its producers and consumers
    Table,
    /// What lies up and down stream of --focus
    Tree,
    /// How many channels lead from each domain, or service, to each other
    Matrix,
    /// Boxes and lines of text; the table where they do not fit
    Boxes,
    /// Three columns as a picture: producers, channels, consumers
    Columns,
    /// Layers along the flow as a picture; what closes a cycle goes back dashed
    Flow,
    /// Domains as a picture, and how many channels lead from one to another
    Overview,
}

impl View {
    pub(in crate::commands) fn setting(self) -> Option<Setting> {
        match self {
            Self::Columns => Some(Setting::Columns),
            Self::Flow => Some(Setting::Flow),
            Self::Overview => Some(Setting::Overview),
            Self::Table | Self::Tree | Self::Matrix | Self::Boxes => None,
        }
    }
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For the terminal
    Text,
    /// JSON Graph Format, for programs
    Json,
    /// One short object per line in a fixed order, to compare
    Jsonl,
    /// A picture that is one file
    Svg,
    /// A page to explore that is one file
    Html,
    /// Mermaid flowcharts
    Mermaid,
    /// Mermaid flowcharts in a Markdown page
    Markdown,
    /// Graphviz
    Dot,
    /// D2
    D2,
    #[value(help = "A PlantUML component diagram")]
    Plantuml,
    #[value(help = "GraphML, for yEd and Gephi")]
    Graphml,
    /// JSON of Cytoscape
    Cytoscape,
    #[value(help = "A directory of pages for EventCatalog")]
    Eventcatalog,
    /// Entities of a Backstage catalogue
    Backstage,
    #[value(help = "OpenLineage events, one per line")]
    Openlineage,
}

impl Format {
    fn of_ending(path: &Path) -> Result<Self, CommandError> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        Ok(match ending.as_deref() {
            Some("txt") => Self::Text,
            Some("json") => Self::Json,
            Some("jsonl") => Self::Jsonl,
            Some("svg") => Self::Svg,
            Some("html" | "htm") => Self::Html,
            Some("mmd" | "mermaid") => Self::Mermaid,
            Some("md") => Self::Markdown,
            Some("dot" | "gv") => Self::Dot,
            Some("d2") => Self::D2,
            Some("puml" | "plantuml") => Self::Plantuml,
            Some("graphml") => Self::Graphml,
            Some("cyjs") => Self::Cytoscape,
            Some("yaml" | "yml") => Self::Backstage,
            _ => {
                return Err(CommandError::usage(format!(
                    "the ending of `{}` names no format",
                    path.display()
                ))
                .hint(
                    "use .txt, .json, .jsonl, .svg, .html, .mmd, .md, .dot, .gv, .d2, .puml, .graphml, .cyjs or .yaml, or say it with `--format`",
                ));
            }
        })
    }

    /// Whether it has settings to choose from.
    fn is_picture(self) -> bool {
        matches!(self, Self::Svg | Self::Html)
    }
}

/// What is to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawing {
    /// One entry per channel.
    Table,
    /// Up and down stream of the focus.
    Tree,
    /// Domains by domains.
    Matrix,
    /// Boxes and lines.
    Boxes,
    /// Ways from one end to another.
    Ways,
    /// A format other than text.
    As(Format),
}

impl Drawing {
    /// What the flags ask for.
    pub(super) fn new(args: &Args) -> Result<Self, CommandError> {
        let by_ending = args.output.as_deref().filter(|_| args.format.is_none()).map(Format::of_ending);
        let as_picture = args.view.is_some_and(|view| view.setting().is_some());
        let by_view = as_picture.then_some(Format::Svg);
        let format = args.format.or(by_ending.transpose()?).or(by_view).unwrap_or(Format::Text);
        if format == Format::Eventcatalog && args.output.is_none() {
            return Err(CommandError::usage("`--format eventcatalog` makes a directory of files")
                .hint("name it with `--output DIR`"));
        }
        match (format, args.view) {
            (Format::Text, Some(View::Tree)) if args.focus.is_none() => {
                Err(CommandError::usage("`--view tree` needs a place to start from")
                    .hint("name a service, channel or message: `--focus NAME`"))
            }
            (Format::Text, Some(View::Tree)) => Ok(Self::Tree),
            (Format::Text, Some(View::Matrix | View::Boxes)) if args.change.diff.is_some() => {
                Err(CommandError::usage("`--view matrix` and `--view boxes` show one state, not two")
                    .hint("leave out `--view` to read what changed, or draw it: `--output change.svg`"))
            }
            (Format::Text, Some(View::Matrix)) => Ok(Self::Matrix),
            (Format::Text, Some(View::Boxes)) => Ok(Self::Boxes),
            (Format::Text, None) if args.focus.is_some() => Ok(Self::Tree),
            (Format::Text, None) if args.path.is_some() => Ok(Self::Ways),
            (Format::Text, None | Some(View::Table)) => Ok(Self::Table),
            (format, Some(view)) if format.is_picture() && view.setting().is_some() => Ok(Self::As(format)),
            (_, Some(view)) if view.setting().is_some() => {
                let view = view.to_possible_value();
                let view = view.map_or_else(String::new, |view| view.get_name().to_owned());
                Err(CommandError::usage(format!("`--view {view}` is drawn as SVG and HTML only")).hint(
                    "use `--format svg`, or `--output FILE.svg`; as text there are `--view table`, `tree`, `matrix` and `boxes`",
                ))
            }
            (_, Some(_)) => Err(CommandError::usage("this view is drawn as text only")
                .hint("leave out `--view`, or use `--format text`")),
            (format, None) => Ok(Self::As(format)),
        }
    }
}

/// Compares what is declared with what was observed; whether they contradict each other.
pub(super) fn show_drift(
    args: &Args,
    graph: &Graph,
    compared: &[Compared<'_>],
    sides: Option<Sides<'_>>,
    context: &Context,
) -> Result<bool, CommandError> {
    let format =
        args.output.as_deref().filter(|_| args.format.is_none()).map(Format::of_ending).transpose()?;
    let format = args.format.or(format).unwrap_or(Format::Text);
    if !matches!(format, Format::Text | Format::Json) {
        return Err(CommandError::usage("`--drift` is written as text and as JSON only")
            .hint("`--format json` is for programs; a picture of both sides is `--observe --format svg`"));
    }
    let paint = |role: Role, text: &str| match args.output {
        Some(_) => text.to_owned(),
        None => context.ui.tint(text, color_of(role)),
    };
    let ascii = args.ascii || (args.output.is_none() && !context.environment.is_utf8());
    let style = GraphStyle { width: context.ui.width, ascii, paint: &paint };
    let mut bytes = Vec::new();
    if format == Format::Json {
        output::drift::write_json(&mut bytes, graph, compared, sides)?;
    } else {
        output::drift::write_text(&mut bytes, graph, compared, sides, &style)?;
    }
    if let Some(path) = &args.output {
        keep(path, &bytes)?;
    } else {
        let mut out = context.ui.data();
        out.write_all(&bytes)?;
        out.flush()?;
    }
    let counted = Verdict::ALL.map(|verdict| {
        let count = compared.iter().filter(|item| item.verdict == verdict).count();
        format!("{count} {}", output::drift::words(verdict, sides))
    });
    context.ui.say(counted.join(", "));
    Ok(compared.iter().any(|item| item.verdict.is_finding()))
}

/// How a picture is set when it is not said: along the flow around a focus, else by size.
pub(super) fn setting(args: &Args, graph: &Graph) -> Setting {
    if args.view.and_then(View::setting).is_none() && (args.focus.is_some() || args.path.is_some()) {
        return Setting::Flow;
    }
    setting_of(args.view, graph)
}

/// How a picture of a whole is set: as is said, else by size.
pub(in crate::commands) fn setting_of(view: Option<View>, graph: &Graph) -> Setting {
    let size = graph.count(NodeKind::Service) + graph.count(NodeKind::Channel);
    match view.and_then(View::setting) {
        Some(setting) => setting,
        None if size > OVERVIEW && Domains::new(graph).all.len() > 1 => Setting::Overview,
        None => Setting::Columns,
    }
}

/// What is drawn, and how.
#[derive(Clone)]
pub(super) struct Picture<'a> {
    pub drawing: Drawing,
    pub graph: &'a Graph,
    /// The whole graph, the start and the depth of a tree.
    pub tree: Option<(&'a Graph, NodeIndex, usize)>,
    /// The whole graph, and ways through it.
    pub ways: Option<(&'a Graph, &'a [Vec<NodeIndex>])>,
    /// What changed, when the graph is one of two states.
    pub difference: Option<&'a Difference>,
    pub title: String,
    pub setting: Setting,
}

impl Picture<'_> {
    /// Boxes that are too wide would be unreadable, and leaving some out would lie: the table shows the same.
    fn fitting(&self, style: &GraphStyle<'_>, context: &Context) -> Self {
        let needed = if self.drawing == Drawing::Boxes { boxes::columns(self.graph, style) } else { 0 };
        if needed <= style.width {
            return self.clone();
        }
        context.ui.say(format!(
            "boxes need {needed} columns and there are {}: the table shows the same; `--focus NAME` shows a part",
            style.width
        ));
        Self { drawing: Drawing::Table, ..self.clone() }
    }

    pub(super) fn to_stdout(&self, args: &Args, context: &Context) -> Result<(), CommandError> {
        let paint = |role: Role, text: &str| context.ui.tint(text, color_of(role));
        let ascii = args.ascii || !context.environment.is_utf8();
        let style = GraphStyle { width: context.ui.width, ascii, paint: &paint };
        let mut out = context.ui.data();
        if self.drawing == Drawing::As(Format::Mermaid) {
            self.charts_to_stdout(&mut out, context)?;
        } else {
            self.fitting(&style, context).draw(&mut out, &style)?;
        }
        Ok(out.flush()?)
    }

    pub(super) fn to_file(&self, path: &Path, args: &Args, context: &Context) -> Result<(), CommandError> {
        match self.drawing {
            Drawing::As(Format::Eventcatalog) => return self.to_directory(path, context),
            Drawing::As(Format::Mermaid) => return self.charts_to_files(path, context),
            _ => {}
        }
        let plain = |_: Role, text: &str| text.to_owned();
        let style = GraphStyle { width: context.ui.width, ascii: args.ascii, paint: &plain };
        let mut bytes = Vec::new();
        self.fitting(&style, context).draw(&mut bytes, &style)?;
        keep(path, &bytes)?;
        context.ui.say(format!("wrote `{}`", path.display()));
        Ok(())
    }

    fn to_directory(&self, path: &Path, context: &Context) -> Result<(), CommandError> {
        let files = eventcatalog::files(self.graph);
        let bytes: Vec<(&str, &[u8])> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
        write_files(&bytes, path)?;
        context.ui.say(format!("wrote {} files into `{}`", files.len(), path.display()));
        Ok(())
    }

    fn charts_to_stdout(&self, out: &mut dyn Write, context: &Context) -> io::Result<()> {
        let charts = mermaid::charts(self.graph);
        if let [chart] = charts.as_slice() {
            return out.write_all(chart.text.as_bytes());
        }
        mermaid::write_markdown(out, &self.title, &charts)?;
        context.ui.say(split_words(&charts, "in a Markdown page"));
        Ok(())
    }

    /// One chart is one file; of several the first has the name, the others have names beside it.
    fn charts_to_files(&self, path: &Path, context: &Context) -> Result<(), CommandError> {
        let charts = mermaid::charts(self.graph);
        let ending = path.extension().map_or_else(|| "mmd".into(), |ending| ending.to_string_lossy());
        for (number, chart) in charts.iter().enumerate().rev() {
            let beside = path.with_extension(format!("{}.{ending}", chart.name));
            keep(if number == 0 { path } else { &beside }, chart.text.as_bytes())?;
        }
        context.ui.say(format!("wrote `{}`", path.display()));
        if charts.len() > 1 {
            let pattern = path.with_extension(format!("*.{ending}"));
            context.ui.say(split_words(&charts, &format!("the others as `{}`", pattern.display())));
        }
        Ok(())
    }

    fn draw(&self, out: &mut dyn Write, style: &GraphStyle<'_>) -> io::Result<()> {
        if let Some((graph, ways)) = self.ways {
            return paths_text::write(out, graph, ways, style);
        }
        match (self.difference, self.drawing) {
            (Some(difference), Drawing::Table) => return change_text::write(out, difference, style),
            (Some(difference), Drawing::As(Format::Json)) => {
                return graph_json::write_difference(out, difference, &self.title);
            }
            _ => {}
        }
        let format = match (self.drawing, self.tree) {
            (Drawing::Tree, Some((graph, start, depth))) => {
                return tree::write(out, graph, start, depth, style);
            }
            (Drawing::As(format), _) => format,
            _ => Format::Text,
        };
        match format {
            Format::Text if self.drawing == Drawing::Matrix => matrix::write(out, self.graph, style),
            Format::Text if self.drawing == Drawing::Boxes => boxes::write(out, self.graph, style),
            Format::Text => table::write(out, self.graph, style),
            Format::Json => graph_json::write(out, self.graph, &self.title),
            Format::Jsonl => graph_jsonl::write(out, self.graph),
            Format::Svg => svg::write(out, self.graph, &self.title, self.setting),
            Format::Html => page::write(out, self.graph, &self.title, self.setting),
            Format::Mermaid | Format::Markdown => {
                mermaid::write_markdown(out, &self.title, &mermaid::charts(self.graph))
            }
            Format::Dot => dot::write(out, self.graph),
            Format::D2 => d2::write(out, self.graph),
            Format::Plantuml => plantuml::write(out, self.graph),
            Format::Graphml => graphml::write(out, self.graph),
            Format::Cytoscape => cytoscape::write(out, self.graph, &self.title),
            Format::Backstage => backstage::write(out, self.graph),
            Format::Openlineage => openlineage::write(out, self.graph, &jiff::Timestamp::now().to_string()),
            Format::Eventcatalog => Ok(()),
        }
    }
}

pub(super) fn keep(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    atomic_file::write(path, bytes).map_err(|error| CommandError::unwritable(path, &error))
}

fn split_words(charts: &[Chart], place: &str) -> String {
    format!(
        "{} charts, {place}: most pages that show Mermaid refuse more than 500 arrows or 50,000 characters in one; \
         `--format svg` has no limit",
        charts.len()
    )
}

pub(super) fn color_of(role: Role) -> &'static str {
    match role {
        Role::Service => "cyan",
        Role::Channel => "yellow",
        Role::Message => "magenta",
        Role::Heading => "blue",
        Role::Faint => "bright black",
        Role::Alarm => "red",
    }
}
