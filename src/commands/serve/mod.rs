//! `eddy serve`: the page of `eddy graph`, which follows the documents and the systems while it is open.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::graph::Asyncapi2View;
use super::graph::drawing::View;
use super::masking::MaskingArgs;
use super::reading::Reading;
use super::registry::RegistryArgs;
use super::target::Places;
use super::validate::watch::Changes;
use super::{CommandError, Context, Status, transfer};

mod browser;
mod hub;
mod looks;
mod picture;
mod server;
mod showing;
mod tail;

use hub::Hub;
use looks::{Looked, Looks};
use picture::Picture;
use tail::Tails;

/// Between two looks at the systems, unless told otherwise.
const EVERY: Duration = Duration::from_secs(5);
/// How often systems may be asked at most.
const LEAST: Duration = Duration::from_secs(1);
/// How long what is under way may take to end.
const STOPPING: Duration = Duration::from_secs(2);

/// Flags of `eddy serve`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The page is that of `eddy graph --output topology.html`. It is drawn anew when a document changes. With `--observe` \
    or `--system` it shows who is connected, events per second and lag, and the newest events of a channel when they are asked for: \
    systems are asked and nothing else, and no group is joined.\n\n\
    It listens on this machine only, to whoever can log in here. Other sites cannot read it.\n\n\
    Examples:\n  eddy serve\n  eddy serve services/ --port 8080 --open\n  eddy serve legacy/ --asyncapi2-view client\n  eddy serve --observe --env staging\n  \
    eddy serve --system kafka://localhost:9092 --every 2s\n  eddy serve --observe --env production --mask mask.yaml\n\n\
    Exit codes: 130 after Ctrl-C, 2 wrong usage or settings, or the port is taken"
)]
pub struct Args {
    /// Files, directories, patterns: documents, and graphs saved with `eddy graph --format json` (default: the documents of the workspace)
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Port to listen at on this machine; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 4747)]
    port: u16,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
    /// The view it begins with (default: columns, overview above 1,500 services and channels)
    #[arg(long, value_enum, value_name = "VIEW")]
    view: Option<View>,
    /// How `publish` and `subscribe` of AsyncAPI 2 are read (default: app, as the specification says; doubtful documents are named)
    #[arg(long, value_enum, value_name = "VIEW")]
    asyncapi2_view: Option<Asyncapi2View>,
    /// Ask the systems of the environment again and again who sends and who receives; nothing is changed there
    #[arg(long)]
    observe: bool,
    /// Ask this system instead of those of the environment; may be given several times
    #[arg(long = "system", value_name = "URL")]
    systems: Vec<String>,
    /// How often systems are asked, such as `2s` (default: 5s)
    #[arg(long, value_name = "TIME")]
    every: Option<String>,
    #[command(flatten)]
    masking: MaskingArgs,
    #[command(flatten)]
    registry: RegistryArgs,
}

impl Args {
    fn is_observing(&self) -> bool {
        self.observe || !self.systems.is_empty()
    }

    /// Views that are words are none for a page.
    fn setting(&self) -> Result<(), CommandError> {
        if self.view.is_some_and(|view| view.setting().is_none()) {
            return Err(CommandError::usage("the page has no such view")
                .hint("use `--view columns`, `--view flow` or `--view overview`"));
        }
        Ok(())
    }

    fn every(&self) -> Result<Duration, CommandError> {
        let every = transfer::duration(self.every.as_deref())?.unwrap_or(EVERY);
        if self.every.is_some() && !self.is_observing() {
            return Err(CommandError::usage("`--every` is about systems, and none is asked")
                .hint("add `--observe --env NAME` or `--system URL`"));
        }
        if every < LEAST {
            return Err(CommandError::usage("systems are asked once a second at most")
                .hint("use `--every 1s` or more"));
        }
        Ok(every)
    }
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        return Err(
            CommandError::usage("standard input cannot be followed").hint("name files or directories")
        );
    }
    context.runtime(2)?.block_on(serve(args, context))
}

async fn serve(args: &Args, context: &Context) -> Result<Status, CommandError> {
    args.setting()?;
    let every = args.every()?;
    let mut looks = if args.is_observing() { Some(Looks::new(&args.systems, context)?) } else { None };
    let tails = looks.as_ref().map(|looks| tails(args, looks, context)).transpose()?;
    let directories: Vec<PathBuf> = args.paths.iter().filter(|path| path.is_dir()).cloned().collect();
    let mut changes = Changes::new(&directories)?;
    changes.with_new_ones = true;
    let mut picture = Picture::new(args, every, context)?;
    changes.follow(picture.files())?;

    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port))).await;
    let listener = listener.map_err(|error| taken(args.port, &error))?;
    let port = listener.local_addr()?.port();
    let (hub, mut wishes) = Hub::new(port, picture.page());
    let serving = tokio::spawn(server::serve(listener, Arc::clone(&hub)));
    announce(args, port, context)?;

    let (sender, mut looked) = mpsc::channel::<Looked>(1);
    let looking = async {
        match &mut looks {
            Some(looks) => looks.go_on(every, sender, context).await,
            None => std::future::pending().await,
        }
    };
    let showing = async {
        loop {
            tokio::select! {
                Some(_) = changes.next() => {
                    picture.read(&hub, context);
                    if let Err(error) = changes.follow(picture.files()) {
                        error.show(&context.ui);
                    }
                }
                Some(news) = looked.recv() => picture.look(news, &hub),
                Some(wish) = wishes.recv() => {
                    match &tails {
                        Some(tails) => tails.show(wish, &picture, &hub),
                        None => tail::refuse(&wish, "no system is asked: start `eddy serve` with `--observe` or `--system`"),
                    }
                }
            }
        }
    };
    let (mut looking, mut showing) = (pin!(looking), pin!(showing));
    tokio::select! {
        () = super::interruption() => {}
        () = looking.as_mut() => {}
        () = showing.as_mut() => {}
    }
    // Tails and answers under way end by themselves now; whoever does not read them is not waited for.
    let _ = tokio::time::timeout(STOPPING, hub.stop()).await;
    let _ = tokio::time::timeout(STOPPING, serving).await;
    context.ui.say("stopped");
    Ok(Status::Interrupted)
}

fn tails(args: &Args, looks: &Looks, context: &Context) -> Result<Tails, CommandError> {
    let places = Places::new(context)?;
    Ok(Tails {
        systems: looks.places(),
        environment: context.environment.clone(),
        masker: args.masking.masker(&places, context)?,
        reading: Reading::new(args.registry.open(context)?),
    })
}

fn announce(args: &Args, port: u16, context: &Context) -> Result<(), CommandError> {
    let address = format!("http://127.0.0.1:{port}/");
    let mut data = context.ui.data();
    writeln!(data, "{address}")?;
    data.flush()?;
    context.ui.say("serving the page on this machine; Ctrl-C stops");
    if args.open
        && let Err(error) = browser::open(&address)
    {
        context.ui.warn(format!("no browser could be opened: {error}"));
    }
    Ok(())
}

fn taken(port: u16, error: &std::io::Error) -> CommandError {
    CommandError::usage(format!("cannot listen at 127.0.0.1:{port}: {error}"))
        .hint("choose another port with `--port`, or `--port 0` for a free one")
}
