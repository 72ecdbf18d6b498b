//! What `eddy replay` sends: an archive, or a topic that is read as one, alone or shared with a consumer group.

use std::path::Path;
use std::sync::Arc;

use super::Args;
use crate::archive::Overview;
use crate::commands::connect::Connector;
use crate::commands::target::{Place, Places};
use crate::commands::window::Window;
use crate::commands::{CommandError, Context};
use crate::endpoint::address::Scheme;
use crate::endpoint::open::open_source;
use crate::endpoint::recording::Carrier;
use crate::endpoint::{Address, Recording, Source, SourceOptions, Start, Stop};
use crate::replay::foreseen::may_be_foreseen;
use crate::replay::survey::{Carriage, Survey};
use crate::replay::{Handover, Plan, RecordedClock, Reopen, Selection, Shard, StopToken, Timetable};

/// Where the events of a run come from. Clones read the same events.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    address: Address,
    options: SourceOptions,
    /// A topic, and how it is read.
    topic: Option<(Place, Recording)>,
}

impl Origin {
    /// The archive or topic of the flags.
    ///
    /// # Errors
    /// When it is neither, or when something was asked for that cannot be done with a topic.
    pub fn of(args: &Args, context: &Context, places: &Places<'_>) -> Result<Self, CommandError> {
        let address = Address::parse(&args.archive)?;
        match address.scheme {
            Scheme::File => Ok(Self { address, options: SourceOptions::default(), topic: None }),
            Scheme::Kafka => {
                let place = places.source(&args.archive)?;
                let (address, options) = place.for_reading(&context.environment)?;
                let group = address.option("group").map(str::to_owned);
                refuse(args, group.as_deref())?;
                let recording = Recording { group, ..Recording::default() };
                Ok(Self { address, options, topic: Some((place, recording)) })
            }
            _ => Err(CommandError::usage(format!("`{address}` is neither a file nor a topic of Kafka"))
                .hint("record it first: `eddy record SOURCE --output FILE`")),
        }
    }

    /// Opens it where the window begins, and moves no position of a group.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn open(&self, window: Window) -> Result<Box<dyn Source>, CommandError> {
        let opened = open_source(&self.address, &self.options(window, None)).await;
        Ok(opened?)
    }

    /// The survey of an archive whose index tells all that is asked of it; none where the events must be read for it.
    pub async fn foreseen(
        &self,
        window: Window,
        (selection, shard, timetable): (&Selection, Option<Shard>, &Timetable),
        target: &Carriage,
        stop: &StopToken,
    ) -> Option<Survey> {
        let is_whole = window.start == Start::Default && window.stop == Stop::Never;
        let is_foreseeable = is_whole && may_be_foreseen(selection, shard, timetable);
        let path = self.archive().filter(|_| is_foreseeable)?.to_owned();
        let stop = stop.clone();
        let reading =
            tokio::task::spawn_blocking(move || Overview::of(&path, |_, _| stop.reason().is_none()));
        Survey::foreseen(&reading.await.ok().flatten()?, timetable, target)
    }

    /// Opens it for the run.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn begin(&self, window: Window, plan: &Plan) -> Result<Box<dyn Source>, CommandError> {
        let carrier = plan.handover.clone().map(|handover| handover as Arc<dyn Carrier>);
        let opened = open_source(&self.address, &self.options(window, carrier)).await;
        Ok(opened?)
    }

    /// How it is opened again for another round.
    pub fn reopen(&self, window: Window) -> Reopen {
        let (address, options) = (self.address.clone(), self.options(window, None));
        Reopen::new(move || {
            let (address, options) = (address.clone(), options.clone());
            Box::pin(async move { open_source(&address, &options).await })
        })
    }

    fn options(&self, window: Window, carrier: Option<Arc<dyn Carrier>>) -> SourceOptions {
        let recording = self.topic.as_ref().map(|(_, recording)| recording.clone());
        let recording = recording.map(|recording| Recording { carrier, ..recording });
        SourceOptions { start: window.start, stop: window.stop, recording, ..self.options.clone() }
    }

    /// Who keeps the position of the group, where there is one.
    pub fn handover(&self) -> Option<Arc<Handover>> {
        let in_group = self.group().is_some();
        in_group.then(|| Arc::new(Handover::default()))
    }

    /// The consumer group that shares the topic out.
    pub fn group(&self) -> Option<&str> {
        self.topic.as_ref().and_then(|(_, recording)| recording.group.as_deref())
    }

    /// The clock of the schedule: events of a topic come with the time of their records as that of the recording.
    pub fn clock(&self, clock: RecordedClock) -> RecordedClock {
        match clock {
            RecordedClock::Broker if self.topic.is_some() => RecordedClock::Receive,
            clock => clock,
        }
    }

    /// The archive that it is; none of a topic.
    pub fn archive(&self) -> Option<&Path> {
        self.topic.is_none().then(|| Path::new(&self.address.path))
    }

    /// The topic that it is, and what its cluster calls itself, as far as it says so.
    pub async fn topic(&self, connector: &Connector<'_>) -> Option<(Address, Option<String>)> {
        let (place, _) = self.topic.as_ref()?;
        Some((place.address.clone(), connector.cluster(place).await))
    }

    /// Its address as it may be shown, where it is a topic.
    pub fn shown(&self) -> Option<String> {
        self.topic.as_ref().map(|(place, _)| place.address.to_string())
    }
}

/// What a topic is not fit for, each with its reason.
fn refuse(args: &Args, group: Option<&str>) -> Result<(), CommandError> {
    if args.ledger.is_some() || args.resume {
        let hint = match group {
            Some(group) => format!("the position of the group `{group}` says how far the run has come: the same command without a ledger goes on from it"),
            None => "add `?group=NAME` to the topic: the position of that group says how far the run has come, and the same command goes on from it".to_owned(),
        };
        return Err(CommandError::usage("a ledger belongs to an archive, and a topic is none").hint(hint));
    }
    let window = args.selecting.window()?;
    if let Start::Last(_) = window.start {
        return Err(CommandError::usage("a topic cannot be read from its last events on as a recording")
            .hint("name a time or an offset: `--from -5m`, `--from offset:N`"));
    }
    let Some(group) = group else { return Ok(()) };
    let refused = [
        ("--from, --until and --range", window.start != Start::Default || window.stop != Stop::Never),
        ("--skip", args.selecting.skip + window.skip > 0),
        ("--shard", args.delivering.is_shard()),
        ("--loop", args.scheduling.is_repeated()),
        ("--clock field", args.scheduling.is_by_field()),
        ("--fault", args.selecting.faulting.changes_numbers()),
    ];
    let Some((flag, _)) = refused.into_iter().find(|(_, given)| *given) else { return Ok(()) };
    let message = format!("`{flag}` cannot be combined with the consumer group `{group}`");
    Err(CommandError::usage(message).hint(
        "a group goes on where it stands, in the order of its partitions, and shares them with other members; leave \
         out `group=` to read the topic by yourself, or record it first",
    ))
}
