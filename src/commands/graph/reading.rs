//! What `eddy graph` reads: documents and saved graphs, joined into one graph.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::super::paths::{Input, inputs};
use super::super::{CommandError, Context, ErrorKind};
use super::projects::{Project, is_lock};
use super::recordings::{self, Recording};
use super::revision::Revision;
use crate::contract::kind::UNKNOWN_KIND;
use crate::contract::{Loaded, load, load_text};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source_text::{Limits, SourceText, Sources, read_file, read_text};
use crate::topology::Graph;
use crate::topology::aliases::Aliases;
use crate::topology::inversion::{self, View};
use crate::topology::saved::{SAVED_LIMIT, is_saved_graph};
use crate::topology::spans::is_spans;

/// Findings shown before `eddy validate` is named instead.
const FINDINGS: usize = 10;
/// Doubtful documents that are named.
const SUSPECTS: usize = 5;
/// Bytes that are enough to know a saved graph.
const BEGINNING: u64 = 256;

/// What was read.
#[derive(Default)]
pub(in crate::commands) struct Read {
    /// Everything, joined.
    pub graph: Graph,
    /// The documents.
    pub loaded: Loaded,
    /// Texts of saved graphs, and findings about them, about recordings and about locks.
    saved: (Sources, Vec<Diagnostic>),
    /// What recordings and traces show, until it is joined.
    recordings: Vec<Recording>,
    /// How many there were.
    recorded: usize,
    /// What is doubtful about what was read, in words.
    remarks: Vec<String>,
    /// Where the documents come from, when not from the working tree.
    revision: Option<Revision>,
}

impl Read {
    /// Reads what the paths name.
    pub(in crate::commands) fn new(
        paths: &[PathBuf],
        view: Option<View>,
        context: &Context,
    ) -> Result<Self, CommandError> {
        let aliases = context.workspace()?.map(|workspace| workspace.aliases()).transpose()?;
        let inputs = inputs(paths, context)?;
        let read = if inputs.contains(&Input::Stdin) {
            standard_input(&inputs, view)?
        } else {
            Self::files(&inputs, view).or_nothing()?
        };
        Ok(read.joined(&aliases.unwrap_or_default()))
    }

    /// Names made one, addresses that meet joined, and what was recorded put to it.
    fn joined(mut self, aliases: &Aliases) -> Self {
        let graph = std::mem::take(&mut self.graph).renamed(aliases).bridged();
        let mut files = Vec::new();
        for recording in std::mem::take(&mut self.recordings) {
            self.recorded += 1;
            self.remarks.extend(recording.remark);
            self.saved.1.extend(recording.fault);
            files.push((recording.source, recording.sightings));
        }
        self.graph = graph.seen(files, aliases);
        self
    }

    /// Reads what the paths name in a revision of git; what it does not have is passed over.
    pub(super) fn at(
        name: &str,
        paths: &[PathBuf],
        view: Option<View>,
        context: &Context,
    ) -> Result<Self, CommandError> {
        let revision = Revision::new(name, context)?;
        let here = context.workspace()?;
        let aliases = revision.workspace()?.or(here).map(|workspace| workspace.aliases()).transpose()?;
        let paths = revision.paths(paths)?;
        let inputs = if paths.is_empty() { Vec::new() } else { inputs(&paths, context)? };
        let mut read = Self::files(&inputs, view).joined(&aliases.unwrap_or_default());
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

    fn files(inputs: &[Input], view: Option<View>) -> Self {
        // A graph that lies among the documents is what an earlier run made of them; it counts when it is named. So does a
        // recording.
        let (mut saved, mut recordings, mut locks, mut documents) = (vec![], vec![], vec![], vec![]);
        for input in inputs {
            let Some(file) = path(input) else { continue };
            let named = matches!(input, Input::Named(_));
            let beginning = if named { beginning(file) } else { Vec::new() };
            if is_saved_graph(&String::from_utf8_lossy(&beginning)) {
                saved.push(file);
            } else if let Some(kind) = recordings::kind(file, &beginning).filter(|_| named) {
                recordings.push(Recording::read(file, kind));
            } else if is_lock(file) {
                locks.push(Project::open(file));
            } else {
                documents.push(input.clone());
            }
        }
        let (projects, faults): (Vec<_>, Vec<_>) = locks.into_iter().partition(Result::is_ok);
        let projects: Vec<Project> = projects.into_iter().filter_map(Result::ok).collect();
        for project in &projects {
            project.choose(&mut documents);
        }
        let mut read = Self::documents(&documents, view);
        read.recordings = recordings;
        read.saved.1.extend(faults.into_iter().filter_map(Result::err).map(|finding| *finding));
        read.projects(&projects);
        let mut graphs = vec![std::mem::take(&mut read.graph)];
        for path in saved {
            let limits = Limits { bytes: SAVED_LIMIT, ..Limits::default() };
            match read_file(path, &limits) {
                Ok(text) => graphs.extend(read.saved(path, text)),
                Err(error) => read.saved.1.push(Diagnostic::from(&error)),
            }
        }
        read.graph = Graph::joined(graphs.into_iter().filter(|graph| !graph.nodes.is_empty()));
        read
    }

    fn projects(&mut self, projects: &[Project]) {
        let mut made = Vec::new();
        for project in projects {
            let (found, finding) = project.made(&self.loaded.contract.documents, &self.graph);
            made.extend(found);
            self.saved.1.extend(finding);
        }
        self.graph = std::mem::take(&mut self.graph).made(made);
    }

    fn documents(inputs: &[Input], view: Option<View>) -> Self {
        let paths: Vec<PathBuf> = inputs.iter().filter_map(path).map(Path::to_owned).collect();
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
        Self::of(loaded, view)
    }

    fn of(mut loaded: Loaded, view: Option<View>) -> Self {
        inversion::turn(&mut loaded.contract, view.unwrap_or_default());
        let suspects = if view.is_none() { inversion::suspects(&loaded.contract) } else { Vec::new() };
        let remarks = doubts(&loaded, &suspects);
        let graph = Graph::declared(&loaded.contract, &loaded.sources).with_schemas(&loaded);
        Self { graph, loaded, remarks, ..Self::default() }
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
        let silent =
            self.loaded.diagnostics.is_empty() && self.saved.1.is_empty() && self.recordings.is_empty();
        if silent && self.loaded.contract.documents.is_empty() && self.saved.0.iter().next().is_none() {
            return Err(CommandError::usage("no AsyncAPI document and no event schema is among the files")
                .hint("an AsyncAPI document begins with `asyncapi: 3.0.0`, an event schema has `x-event`")
                .hint("a saved graph, a recording or a trace is read when it is named: `eddy graph topology.json`"));
        }
        Ok(self)
    }

    /// Shows findings of reading as warnings, for the graph may lack what they are about; gives the number of errors.
    ///
    /// # Errors
    /// When nothing could be read.
    pub(in crate::commands) fn warn(&self, context: &Context) -> Result<usize, CommandError> {
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
                (None, Some(path)) => {
                    let line = finding.position.map(|at| format!(":{}", at.line)).unwrap_or_default();
                    format!("{}{line}: ", self.shown(path))
                }
                (None, None) => String::new(),
            };
            context.ui.warn(format!("{place}{} ({})", finding.message, finding.code));
        }
        if weighty.len() > FINDINGS {
            let rest = weighty.len() - FINDINGS;
            context.ui.warn(format!("{rest} more findings: `eddy validate` shows them all"));
        }
        for remark in &self.remarks {
            context.ui.warn(remark.clone());
        }
        let read_saved = self.saved.0.iter().count() > self.saved.1.len() || self.recorded > 0;
        if self.loaded.contract.documents.is_empty() && !read_saved && !weighty.is_empty() {
            return Err(CommandError::new(ErrorKind::Delivery, "none of the documents could be read")
                .hint("the lines above say why; `eddy validate` says more"));
        }
        Ok(weighty.iter().filter(|(finding, _)| finding.severity == Severity::Error).count())
    }
}

/// Which documents are doubtful, in words, and what to do about it.
fn doubts(loaded: &Loaded, suspects: &[inversion::Suspect]) -> Vec<String> {
    let mut words: Vec<String> = suspects
        .iter()
        .take(SUSPECTS)
        .map(|suspect| {
            let path = loaded.contract.documents[suspect.document].path.display();
            format!("`{path}` may be written from the client's point of view: {}", suspect.reason)
        })
        .collect();
    if suspects.len() > SUSPECTS {
        words.push(format!("so may {} more documents", suspects.len() - SUSPECTS));
    }
    if !suspects.is_empty() {
        words.push(
            "by the specification of AsyncAPI 2 `publish` is what the application receives: \
             `--asyncapi2-view client` reads it the other way round, `--asyncapi2-view app` says that it is right"
                .to_owned(),
        );
    }
    words
}

fn standard_input(inputs: &[Input], view: Option<View>) -> Result<Read, CommandError> {
    if inputs.len() > 1 {
        return Err(CommandError::usage("`-` cannot stand beside other paths")
            .hint("write standard input to a file, or draw it alone"));
    }
    let name = Path::new("<stdin>");
    let limits = Limits { bytes: SAVED_LIMIT, ..Limits::default() };
    let text = read_text(io::stdin().lock(), name, &limits).map_err(|error| {
        CommandError::usage(error.to_string()).hint("pipe one document or one saved graph into the command")
    })?;
    if is_spans(&text) {
        let recordings = vec![Recording::of_text(&name.to_string_lossy(), &text)];
        return Ok(Read { recordings, ..Read::default() });
    }
    if !is_saved_graph(&text) {
        return Ok(Read::of(load_text(name, text, &Limits::default()), view));
    }
    let mut read = Read::default();
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

/// The first bytes of a file; none of one that cannot be read.
fn beginning(path: &Path) -> Vec<u8> {
    let mut beginning = Vec::new();
    // A pipe gives its bytes only once.
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
    let file = File::open(path).ok().filter(|_| is_file);
    let read = file.map(|file| file.take(BEGINNING).read_to_end(&mut beginning));
    if matches!(read, Some(Ok(_))) { beginning } else { Vec::new() }
}

/// `./a.yaml` and `a.yaml` are the same file.
fn same_path(left: &Path, right: &Path) -> bool {
    left.strip_prefix(".").unwrap_or(left) == right.strip_prefix(".").unwrap_or(right)
}

fn path_of(finding: &Diagnostic, sources: &Sources) -> Option<PathBuf> {
    let label = finding.primary.as_ref()?;
    Some(sources.get(label.span.file).path().to_owned())
}
