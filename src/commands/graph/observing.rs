//! `eddy graph --observe` and `--drift`: asks the systems of an environment, or those that are named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::doctor::{server_address, unlock};
use super::super::target::{Place, Places};
use super::super::{CommandError, Context, ErrorKind};
use super::reading::Read;
use super::sampling::Sampling;
use crate::endpoint::address::Scheme;
use crate::endpoint::inspect::{Direction, Inspect, NotObservable, Observed};
use crate::endpoint::{Address, EndpointError, EndpointErrorKind, SinkOptions, open};
use crate::topology::Graph;
use crate::topology::observed::System;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long all questions to one system may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Flags about systems that run.
#[derive(Debug, clap::Args)]
pub(super) struct ObserveArgs {
    /// Ask the systems of the environment who sends and who receives; nothing is changed there
    #[arg(long)]
    observe: bool,
    /// Compare what is declared with what the systems show: confirmed, undocumented, missing, not observable
    #[arg(long, group = "judged", conflicts_with_all = ["view", "focus", "path"])]
    pub drift: bool,
    /// Compare with what this environment, or a graph saved with --observe, shows, instead of with documents
    #[arg(long, value_name = "ENV|FILE", requires = "drift")]
    pub against: Option<String>,
    /// Ask this system instead of those of the environment; may be given several times
    #[arg(long = "system", value_name = "URL")]
    systems: Vec<String>,
    /// Also read so many of the newest events of each channel, for who they say sent them; where events are kept, without a group
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    sample: Option<u64>,
    /// Header with the name of the service that sent the event, beside `source` of CloudEvents; may be given several times
    #[arg(long, value_name = "HEADER", requires = "sample")]
    sample_header: Vec<String>,
}

impl ObserveArgs {
    /// Whether a system is asked.
    pub(super) fn is_wanted(&self) -> bool {
        self.observe || self.drift || !self.systems.is_empty()
    }

    /// Which events are read, if any.
    fn sampling(&self) -> Option<Sampling> {
        self.sample.map(|events| Sampling { events, headers: self.sample_header.clone() })
    }

    /// What another environment shows, or a graph that was saved when it was looked at; `declared` is what documents say, by
    /// which names are known.
    ///
    /// # Errors
    /// When there is no such environment or file, none of its systems answers, or it was saved without looking at any.
    pub(super) fn other(
        &self,
        word: &str,
        declared: Graph,
        context: &Context,
    ) -> Result<Graph, CommandError> {
        if Path::new(word).is_file() {
            let read = Read::new(&[PathBuf::from(word)], None, context)?;
            read.warn(context)?;
            if !read.graph.is_observed() {
                return Err(CommandError::usage(format!("`{word}` was saved without looking at a system"))
                    .hint(format!("save what is there: `eddy graph --observe --env NAME --output {word}`")));
            }
            return Ok(read.graph);
        }
        let systems = observe(&[], Some(word), self.sampling().as_ref(), context)?;
        let aliases = context.workspace()?.map(|workspace| workspace.aliases()).transpose()?;
        Ok(declared.observed(&systems, &aliases.unwrap_or_default()))
    }

    /// The graph with what the systems show. A saved graph that has been joined with it is compared as it is, unless
    /// systems are named.
    ///
    /// # Errors
    /// When there is none to ask, or none answers.
    pub(super) fn join(&self, graph: Graph, context: &Context) -> Result<Graph, CommandError> {
        let by_name = self.observe || !self.systems.is_empty() || context.global.env.is_some();
        if !self.is_wanted() || (graph.is_observed() && !by_name) {
            if self.sample.is_some() {
                return Err(CommandError::usage("`--sample` reads events of systems, and none is asked")
                    .hint("add `--observe --env NAME` or `--system URL`"));
            }
            return Ok(graph);
        }
        let environment = context.global.env.as_deref();
        let systems = observe(&self.systems, environment, self.sampling().as_ref(), context)?;
        let aliases = context.workspace()?.map(|workspace| workspace.aliases()).transpose()?;
        Ok(graph.observed(&systems, &aliases.unwrap_or_default()))
    }
}

/// Asks every system, all at the same time. One that does not answer is a system that shows nothing, and is warned about.
///
/// # Errors
/// When there is none to ask, or none answers.
fn observe(
    named: &[String],
    environment: Option<&str>,
    sampling: Option<&Sampling>,
    context: &Context,
) -> Result<Vec<System>, CommandError> {
    let askers = Asker::all(named, environment, context)?;
    let runtime = context.runtime(2)?;
    let asked = askers.into_iter().map(|mut asker| async move {
        let mut told = asker.ask(context).await;
        if let (Some(sampling), Ok(told)) = (sampling, &mut told) {
            sampling.look(&asker.place, told, context).await;
        }
        (asker.place.address, told)
    });
    let asked = runtime.block_on(futures_util::future::join_all(asked));
    let mut systems = Vec::with_capacity(asked.len());
    let mut first_error = None;
    let mut answered = 0;
    for (address, told) in asked {
        let told = match told {
            Ok(told) => {
                answered += 1;
                told
            }
            Err(Asked::CannotTell(error)) => {
                answered += 1;
                silent(&error)
            }
            Err(Asked::Failed(error, told)) => {
                context.ui.warn(format!("`{address}` could not be asked: {}", error.message));
                first_error.get_or_insert(error);
                told
            }
        };
        systems.push(System { address: address.to_string(), protocol: protocol(&address).to_owned(), told });
    }
    match first_error {
        Some(error) if answered == 0 => Err(error),
        _ => Ok(systems),
    }
}

/// Why a system told nothing.
pub(in crate::commands) enum Asked {
    /// It is of a kind that cannot be asked.
    CannotTell(EndpointError),
    /// It could not be reached, or did not let us in; and what that means for the picture.
    Failed(CommandError, Observed),
}

/// A system that is asked, once or again and again.
pub(in crate::commands) struct Asker {
    /// Where it is.
    pub place: Place,
    connection: Option<Box<dyn Inspect>>,
}

impl Asker {
    /// Those that are named, else those of the environment.
    ///
    /// # Errors
    /// When there is none.
    pub(in crate::commands) fn all(
        named: &[String],
        environment: Option<&str>,
        context: &Context,
    ) -> Result<Vec<Self>, CommandError> {
        let mut places =
            if named.is_empty() { of_environment(environment, context)? } else { given(named, context)? };
        // NATS and JetStream are one server.
        let mut seen = BTreeSet::new();
        places.retain(|place| seen.insert((protocol(&place.address), place.address.authority())));
        Ok(places.into_iter().map(|place| Self { place, connection: None }).collect())
    }

    /// Asks everything, over the connection of the last time where that still holds.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(in crate::commands) async fn ask(&mut self, context: &Context) -> Result<Observed, Asked> {
        let told = if let Ok(told) = tokio::time::timeout(PATIENCE, self.questions(context)).await {
            told?
        } else {
            let (address, seconds) = (&self.place.address, PATIENCE.as_secs());
            let message = format!("`{address}` did not answer all questions within {seconds} s");
            Err(EndpointError::new(EndpointErrorKind::Timeout, message))
        };
        told.map_err(|error| {
            self.connection = None;
            if error.kind == EndpointErrorKind::Unsupported {
                return Asked::CannotTell(error);
            }
            let told = silent(&error);
            Asked::Failed(CommandError::from(error), told)
        })
    }

    async fn questions(&mut self, context: &Context) -> Result<Result<Observed, EndpointError>, Asked> {
        if self.connection.is_none() {
            let unlocked = unlock(&self.place, &context.environment).await;
            let (address, credentials) = unlocked.map_err(|error| {
                let told = EndpointError::new(EndpointErrorKind::Unauthorised, error.message.clone());
                Asked::Failed(error, silent(&told))
            })?;
            let options = SinkOptions { connect_timeout: CONNECT, credentials, ..SinkOptions::default() };
            match open::open_inspect(&address, &options).await {
                Ok(connection) => self.connection = Some(connection),
                Err(error) => return Ok(Err(error)),
            }
        }
        match &mut self.connection {
            Some(connection) => Ok(connection.topology().await),
            None => Ok(Ok(Observed::default())),
        }
    }
}

/// What a system tells that tells nothing.
pub(in crate::commands) fn silent(error: &EndpointError) -> Observed {
    let sides = [Direction::Sends, Direction::Receives];
    let unseen = sides.map(|direction| NotObservable::error(direction, "everything", error));
    Observed { not_observable: unseen.into(), ..Observed::default() }
}

fn given(named: &[String], context: &Context) -> Result<Vec<Place>, CommandError> {
    let places = Places::new(context)?;
    named.iter().map(|text| places.server(Address::parse(text)?)).collect()
}

fn of_environment(wanted: Option<&str>, context: &Context) -> Result<Vec<Place>, CommandError> {
    let Some(workspace) = context.workspace()? else {
        return Err(CommandError::usage("there is no workspace whose systems could be asked")
            .hint("name a system: `eddy graph --observe --system kafka://localhost:9092`")
            .hint("`eddy init` makes a workspace with environments"));
    };
    let Some((name, environment)) = workspace.environment(wanted)? else {
        return Err(CommandError::usage("which environment is to be asked is not clear")
            .hint("name it with `--env NAME`, or mark one with `default: true`"));
    };
    let servers = environment.servers.iter().map(|(server, settings)| {
        let address = server_address(&workspace, &settings.url, context)?;
        let access = Some(workspace.access(&name, environment, server));
        Ok(Place { access, ..Place::at(address) })
    });
    let places: Vec<Place> = servers.collect::<Result<_, CommandError>>()?;
    if places.is_empty() {
        return Err(CommandError::new(
            ErrorKind::Usage,
            format!("environment `{name}` has no server to ask"),
        )
        .hint("add one under `servers` of the environment, or name one with `--system URL`"));
    }
    Ok(places)
}

/// The protocol of the channels of a system, as documents write it.
pub(in crate::commands) fn protocol(address: &Address) -> &'static str {
    match address.scheme {
        Scheme::Kafka => "kafka",
        Scheme::Nats | Scheme::JetStream => "nats",
        Scheme::Redis => "redis",
        Scheme::Amqp => "amqp",
        Scheme::Mqtt => "mqtt",
        Scheme::Http => "http",
        Scheme::File | Scheme::Memory | Scheme::Stdio => "file",
    }
}
