//! What is drawn: the documents as they are now, joined with what the systems showed last.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Args;
use super::hub::Hub;
use super::looks::Looked;
use crate::commands::graph::Asyncapi2View;
use crate::commands::graph::drawing::{View, setting_of};
use crate::commands::graph::reading::Read;
use crate::commands::paths::{Input, inputs};
use crate::commands::{CommandError, Context};
use crate::output::page::live::{LivePage, Served, speeds};
use crate::topology::aliases::Aliases;
use crate::topology::inversion;
use crate::topology::live::{Look, Speeds};
use crate::topology::{Graph, Node, NodeKind};

/// What the page is called.
const TITLE: &str = "Topology";

/// The picture, and what it is made of.
pub(super) struct Picture {
    paths: Vec<PathBuf>,
    view: Option<View>,
    /// How AsyncAPI 2 documents are read, when it is said.
    reading: Option<inversion::View>,
    served: Served,
    /// Whether there may be no document at all.
    may_be_empty: bool,
    /// What documents say.
    declared: Graph,
    aliases: Aliases,
    files: Vec<PathBuf>,
    /// Joined with what systems show.
    graph: Graph,
    last: Option<Looked>,
    before: Option<Look>,
}

impl Picture {
    /// Reads the documents.
    ///
    /// # Errors
    /// When there are none that could be read, and no system is looked at either.
    pub(super) fn new(args: &Args, every: Duration, context: &Context) -> Result<Self, CommandError> {
        let tails = args.is_observing();
        let mut picture = Self {
            paths: args.paths.clone(),
            view: args.view,
            reading: args.asyncapi2_view.map(Asyncapi2View::reading),
            served: Served { tails, every: every.as_secs() },
            may_be_empty: tails && args.paths.is_empty(),
            declared: Graph::default(),
            aliases: Aliases::default(),
            files: Vec::new(),
            graph: Graph::default(),
            last: None,
            before: None,
        };
        picture.documents(context)?;
        picture.graph = picture.declared.clone();
        Ok(picture)
    }

    /// Every file that was read or looked for.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The page of it.
    pub(super) fn page(&self) -> LivePage {
        LivePage::new(&self.graph, TITLE, setting_of(self.view, &self.graph), self.served)
    }

    /// Reads the documents again. What cannot be read leaves the picture as it is.
    pub(super) fn read(&mut self, hub: &Hub, context: &Context) {
        match self.documents(context) {
            Ok(errors) => {
                let words = match errors {
                    0 => String::new(),
                    1 => "the documents have an error".to_owned(),
                    many => format!("the documents have {many} errors"),
                };
                hub.problem.send_replace(words);
                self.draw(hub);
            }
            Err(error) => {
                hub.problem.send_replace(error.message.clone());
                error.show(&context.ui);
            }
        }
    }

    /// Takes in what a look at the systems showed.
    pub(super) fn look(&mut self, news: Looked, hub: &Hub) {
        self.before = self.last.replace(news).map(|looked| looked.look);
        self.draw(hub);
    }

    /// A channel of the picture.
    pub(super) fn channel(&self, id: &str) -> Option<&Node> {
        self.graph.nodes.iter().find(|node| node.kind == NodeKind::Channel && node.id == id)
    }

    /// The paths of the sources that know a thing.
    pub(super) fn sources(&self, node: &Node) -> Vec<&str> {
        node.defined_at.iter().map(|place| self.graph.sources[place.source].path.as_str()).collect()
    }

    /// What the systems showed last.
    pub(super) fn looked(&self) -> Option<&Looked> {
        self.last.as_ref()
    }

    fn draw(&mut self, hub: &Hub) {
        let systems = self.last.as_ref().map(|looked| looked.systems.as_slice()).unwrap_or_default();
        self.graph = self.declared.clone().observed(systems, &self.aliases);
        hub.show(self.page());
        let Some(looked) = &self.last else { return };
        let moving = match &self.before {
            Some(before) => self.graph.speeds(systems, before, &looked.look),
            None => Speeds::default(),
        };
        hub.speeds.send_replace(speeds(&self.graph, &moving, &looked.silent).into());
    }

    fn documents(&mut self, context: &Context) -> Result<usize, CommandError> {
        let workspace = context.workspace()?;
        let mut files: Vec<PathBuf> = workspace.iter().map(crate::settings::Workspace::file).collect();
        let documents = workspace.as_ref().map(crate::settings::Workspace::documents).transpose()?;
        let aliases = workspace.map(|workspace| workspace.aliases()).transpose()?.unwrap_or_default();
        if self.may_be_empty && documents.is_none_or(|found| found.is_empty()) {
            (self.aliases, self.files, self.declared) = (aliases, files, Graph::default());
            return Ok(0);
        }
        let read = Read::new(&self.paths, self.reading, context)?;
        for input in inputs(&self.paths, context)? {
            if let Input::Named(path) | Input::Found(path) = input {
                files.extend(read.loaded.documents.reached_from(&path));
                files.push(path);
            }
        }
        files.extend(self.paths.iter().filter(|path| is_named_file(path)).cloned());
        let errors = read.warn(context)?;
        (self.aliases, self.files, self.declared) = (aliases, files, read.graph);
        Ok(errors)
    }
}

/// A file that is away for a moment is still looked for.
fn is_named_file(path: &Path) -> bool {
    !path.is_dir()
}
