//! What `eddy graph` reads: documents and saved graphs, joined into one graph.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::super::paths::{Input, inputs};
use super::super::{CommandError, Context, ErrorKind};
use super::revision::Revision;
use crate::contract::kind::UNKNOWN_KIND;
use crate::contract::{Loaded, load, load_text};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::{Limits, SourceText, Sources, read_file, read_text};
use crate::topology::Graph;
use crate::topology::saved::{SAVED_LIMIT, is_saved_graph};

/// Findings shown before `eddy validate` is named instead.
const FINDINGS: usize = 10;
/// Bytes that are enough to know a saved graph.
const BEGINNING: u64 = 256;

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    /// Everything, joined.
    pub graph: Graph,
    /// The documents.
    pub loaded: Loaded,
    /// Texts of saved graphs, and findings about them.
    saved: (Sources, Vec<Diagnostic>),
    /// Where the documents come from, when not from the working tree.
    revision: Option<Revision>,
}

impl Read {
    /// Reads what the paths name.
    pub(super) fn new(paths: &[PathBuf], context: &Context) -> Result<Self, CommandError> {
        let aliases = context.workspace()?.map(|workspace| workspace.aliases()).transpose()?;
        let inputs = inputs(paths, context)?;
        let mut read = if inputs.contains(&Input::Stdin) {
            standard_input(&inputs)?
        } else {
            Self::files(&inputs).or_nothing()?
        };
        read.graph = read.graph.renamed(&aliases.unwrap_or_default()).bridged();
        Ok(read)
    }

    /// Reads what the paths name in a revision of git; what it does not have is passed over.
    pub(super) fn at(name: &str, paths: &[PathBuf], context: &Context) -> Result<Self, CommandError> {
        let revision = Revision::new(name, context)?;
        let here = context.workspace()?;
        let aliases = revision.workspace()?.or(here).map(|workspace| workspace.aliases()).transpose()?;
        let paths = revision.paths(paths)?;
        let inputs = if paths.is_empty() { Vec::new() } else { inputs(&paths, context)? };
        let mut read = Self::files(&inputs);
        read.graph = read.graph.renamed(&aliases.unwrap_or_default()).bridged();
        for source in &mut read.graph.sources {
            source.path = revision.shown(&source.path);
        }
        read.revision = Some(revision);
        Ok(read)
    }

    /// A path as people know it.
    pub(super) fn shown(&self, path: &str) -> String {
        self.revision.as_ref().map_or_else(|| path.to_owned(), |revision| revision.shown(path))
    }

    fn files(inputs: &[Input]) -> Self {
        // A graph that lies among the documents is what an earlier run made of them; it counts when it is named.
        let is_saved = |input: &&Input| matches!(input, Input::Named(path) if begins_as_saved(path));
        let (saved, documents): (Vec<&Input>, Vec<&Input>) = inputs.iter().partition(is_saved);
        let mut read = Self::documents(&documents);
        let mut graphs = vec![std::mem::take(&mut read.graph)];
        for path in saved.into_iter().filter_map(path) {
            let limits = Limits { bytes: SAVED_LIMIT, ..Limits::default() };
            match read_file(path, &limits) {
                Ok(text) => graphs.extend(read.saved(path, text)),
                Err(error) => read.saved.1.push(Diagnostic::from(&error)),
            }
        }
        read.graph = Graph::joined(graphs.into_iter().filter(|graph| !graph.nodes.is_empty()));
        read
    }

    fn documents(inputs: &[&Input]) -> Self {
        let paths: Vec<PathBuf> = inputs.iter().filter_map(|input| path(input)).map(Path::to_owned).collect();
        let mut loaded = load(&paths, &Limits::default());
        let sources = &loaded.sources;
        loaded.diagnostics.retain(|finding| {
            let is_it =
                |path: &Path, input: &Input| matches!(input, Input::Found(found) if same_path(found, path));
            let found = || {
                path_of(finding, sources).is_some_and(|path| inputs.iter().any(|input| is_it(&path, input)))
            };
            finding.code != UNKNOWN_KIND || !found()
        });
        Self::of(loaded)
    }

    fn of(loaded: Loaded) -> Self {
        let graph = Graph::declared(&loaded.contract, &loaded.sources);
        Self { graph, loaded, saved: (Sources::default(), Vec::new()), revision: None }
    }

    fn saved(&mut self, path: &Path, text: String) -> Option<Graph> {
        let (sources, findings) = &mut self.saved;
        let file = sources.add(SourceText::new(path, text));
        match Graph::saved(sources, file) {
            Ok(graph) => Some(graph),
            Err(finding) => {
                findings.push(*finding);
                None
            }
        }
    }

    /// An error when there is nothing to look at and nothing to say about it.
    fn or_nothing(self) -> Result<Self, CommandError> {
        let silent = self.loaded.diagnostics.is_empty() && self.saved.1.is_empty();
        if silent && self.loaded.contract.documents.is_empty() && self.saved.0.iter().next().is_none() {
            return Err(CommandError::usage("no AsyncAPI document and no event schema is among the files")
                .hint("an AsyncAPI document begins with `asyncapi: 3.0.0`, an event schema has `x-event`")
                .hint("a saved graph is read when it is named: `eddy graph topology.json`"));
        }
        Ok(self)
    }

    /// Shows findings of reading as warnings, for the graph may lack what they are about; gives the number of errors.
    ///
    /// # Errors
    /// When nothing could be read.
    pub(super) fn warn(&self, context: &Context) -> Result<usize, CommandError> {
        let of_documents = self.loaded.diagnostics.iter().map(|finding| (finding, &self.loaded.sources));
        let of_saved = self.saved.1.iter().map(|finding| (finding, &self.saved.0));
        let weighty: Vec<(&Diagnostic, &Sources)> = of_documents
            .chain(of_saved)
            .filter(|(finding, _)| finding.severity >= Severity::Warning)
            .collect();
        for (finding, sources) in weighty.iter().take(FINDINGS) {
            let place = match (&finding.primary, &finding.path) {
                (Some(label), _) => {
                    let path = self.shown(&sources.get(label.span.file).path().display().to_string());
                    format!("{path}:{}: ", sources.range(label.span).0)
                }
                (None, Some(path)) => format!("{}: ", self.shown(path)),
                (None, None) => String::new(),
            };
            context.ui.warn(format!("{place}{} ({})", finding.message, finding.code));
        }
        if weighty.len() > FINDINGS {
            let rest = weighty.len() - FINDINGS;
            context.ui.warn(format!("{rest} more findings: `eddy validate` shows them all"));
        }
        let read_saved = self.saved.0.iter().count() > self.saved.1.len();
        if self.loaded.contract.documents.is_empty() && !read_saved && !weighty.is_empty() {
            return Err(CommandError::new(ErrorKind::Delivery, "none of the documents could be read")
                .hint("the lines above say why; `eddy validate` says more"));
        }
        Ok(weighty.iter().filter(|(finding, _)| finding.severity == Severity::Error).count())
    }
}

fn standard_input(inputs: &[Input]) -> Result<Read, CommandError> {
    if inputs.len() > 1 {
        return Err(CommandError::usage("`-` cannot stand beside other paths")
            .hint("write standard input to a file, or draw it alone"));
    }
    let name = Path::new("<stdin>");
    let limits = Limits { bytes: SAVED_LIMIT, ..Limits::default() };
    let text = read_text(io::stdin().lock(), name, &limits).map_err(|error| {
        CommandError::usage(error.to_string()).hint("pipe one document or one saved graph into the command")
    })?;
    if !is_saved_graph(&text) {
        return Ok(Read::of(load_text(name, text, &Limits::default())));
    }
    let mut read = Read::of(Loaded::default());
    if let Some(graph) = read.saved(name, text) {
        read.graph = graph;
    }
    Ok(read)
}

fn path(input: &Input) -> Option<&Path> {
    match input {
        Input::Named(path) | Input::Found(path) => Some(path),
        Input::Stdin => None,
    }
}

fn begins_as_saved(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BEGINNING).read_to_end(&mut beginning));
    read.is_ok() && is_saved_graph(&String::from_utf8_lossy(&beginning))
}

/// `./a.yaml` and `a.yaml` are the same file.
fn same_path(left: &Path, right: &Path) -> bool {
    left.strip_prefix(".").unwrap_or(left) == right.strip_prefix(".").unwrap_or(right)
}

fn path_of(finding: &Diagnostic, sources: &Sources) -> Option<PathBuf> {
    let label = finding.primary.as_ref()?;
    Some(sources.get(label.span.file).path().to_owned())
}
