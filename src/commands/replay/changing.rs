//! What `eddy replay` changes about identities, times and partitions.

use crate::commands::{CommandError, Context};
use crate::contract::Loaded;
use crate::diagnostic::nearest;
use crate::endpoint::Capabilities;
use crate::replay::json::{FieldPath, PATH_HELP};
use crate::replay::{Changes, Ids, NewIds, NewTimes, Repartition, Retime, Survey};

const HEADING: &str = "Identities, times and partitions";

/// Flags that change what identifies and dates events, and where they go.
#[derive(Debug, clap::Args)]
pub(super) struct ChangingArgs {
    /// What becomes of identities: of CloudEvents and messages, of correlation, causation and traces
    #[arg(help_heading = HEADING, long, value_enum, default_value_t, value_name = "CHOICE")]
    ids: IdsChoice,
    /// A place of identities in payloads, such as `.order.id` or `/order/id`; may be given several times
    #[arg(help_heading = HEADING, long, value_name = "PATH")]
    id_field: Vec<String>,
    /// What becomes of times: of the broker and of CloudEvents
    #[arg(help_heading = HEADING, long, value_enum, default_value_t, value_name = "CHOICE")]
    retime: RetimeChoice,
    /// A place of times in payloads, such as `.created_at`; may be given several times
    #[arg(help_heading = HEADING, long, value_name = "PATH")]
    time_field: Vec<String>,
    /// Partitions: `keep` those recorded, choose anew by `key` as Java clients do, or by key over the first N
    #[arg(help_heading = HEADING, long, value_name = "keep|key|N", default_value = "keep")]
    repartition: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum IdsChoice {
    /// They stay
    #[default]
    Keep,
    /// Events get fresh ones; what refers to others stays
    New,
    /// Each gets a new one that is the same wherever it stands in the run
    Map,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum RetimeChoice {
    /// They stay
    #[default]
    Keep,
    /// Each becomes the time of sending
    Now,
    /// All move by the same, so that the first is the start of the run
    Shift,
}

impl ChangingArgs {
    /// Adds what the flags ask for.
    ///
    /// # Errors
    /// When a path or a count is malformed, or a place is named and nothing is to be done there.
    pub fn add(&self, changes: &mut Changes) -> Result<(), CommandError> {
        let ids = match self.ids {
            IdsChoice::Keep => Ids::Keep,
            IdsChoice::New => Ids::New,
            IdsChoice::Map => Ids::Map,
        };
        let retime = match self.retime {
            RetimeChoice::Keep => Retime::Keep,
            RetimeChoice::Now => Retime::Now,
            RetimeChoice::Shift => Retime::Shift,
        };
        needs(&self.id_field, ids == Ids::Keep, "--id-field", "add `--ids map` or `--ids new`")?;
        needs(
            &self.time_field,
            retime == Retime::Keep,
            "--time-field",
            "add `--retime shift` or `--retime now`",
        )?;
        changes.ids = NewIds { ids, fields: paths(&self.id_field)?, headers: Vec::new() };
        changes.times = NewTimes { retime, fields: paths(&self.time_field)? };
        changes.repartition = self.repartition.parse().map_err(|help| {
            CommandError::usage(format!("`--repartition {}` says no partitions", self.repartition)).hint(help)
        })?;
        Ok(())
    }

    /// Adds the places where messages of the contract carry what correlates them (`correlationId.location`).
    pub fn add_from_contract(&self, changes: &mut Changes, contract: Option<&Loaded>) {
        let Some(loaded) = contract.filter(|_| self.ids == IdsChoice::Map) else { return };
        let messages = loaded.contract.documents.iter().flat_map(|document| &document.messages);
        for location in messages.filter_map(|message| message.correlation.as_deref()) {
            let (fields, headers) = (&mut changes.ids.fields, &mut changes.ids.headers);
            if let Some(name) = location.strip_prefix("$message.header#/") {
                // The only signs that a JSON Pointer writes in another way.
                headers.push(name.replace("~1", "/").replace("~0", "~"));
            } else if let Some(pointer) = location.strip_prefix("$message.payload#")
                && let Ok(path) = pointer.parse::<FieldPath>()
                && !fields.contains(&path)
            {
                fields.push(path);
            }
        }
    }

    /// Whether another run would make something else of the same events.
    pub fn depend_on_run(&self) -> bool {
        self.ids != IdsChoice::Keep || self.retime == RetimeChoice::Shift
    }

    /// Whether events keep the times they were recorded with.
    pub fn keeps_times(&self) -> bool {
        self.retime == RetimeChoice::Keep
    }

    /// The flag that makes something out of the beginning of the run.
    pub fn goes_by_beginning(&self) -> Option<&'static str> {
        if self.ids == IdsChoice::Map {
            return Some("--ids map");
        }
        (self.retime == RetimeChoice::Shift).then_some("--retime shift")
    }

    /// The flags as they can be written again.
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let mut options = Vec::new();
        match self.ids {
            IdsChoice::Keep => {}
            IdsChoice::New => options.push(("ids", "new".to_owned())),
            IdsChoice::Map => options.push(("ids", "map".to_owned())),
        }
        options.extend(self.id_field.iter().map(|path| ("id-field", path.clone())));
        match self.retime {
            RetimeChoice::Keep => {}
            RetimeChoice::Now => options.push(("retime", "now".to_owned())),
            RetimeChoice::Shift => options.push(("retime", "shift".to_owned())),
        }
        options.extend(self.time_field.iter().map(|path| ("time-field", path.clone())));
        if self.repartition != "keep" {
            options.push(("repartition", self.repartition.clone()));
        }
        options
    }
}

/// Refuses what the target has not.
///
/// # Errors
/// When partitions are to be chosen where there are none.
pub(super) fn suited(changes: &Changes, target: &Capabilities) -> Result<(), CommandError> {
    if changes.repartition == Repartition::Keep || target.partitions {
        return Ok(());
    }
    Err(CommandError::usage(format!("{} has no partitions to choose", target.name))
        .hint("leave `--repartition` out"))
}

/// Says which places hold nothing that could be changed, once the events were looked through.
pub(super) fn say_unused(args: &ChangingArgs, changes: &Changes, survey: &Survey, context: &Context) {
    let events = survey.events;
    if events > 0 {
        say_unused_names(survey, context);
    }
    // Places of the contract come behind those of the flags, and need not be in every recording.
    let named = changes.ids.fields.iter().take(args.id_field.len());
    let ids = named.map(|path| ("--id-field", path));
    let times = changes.times.fields.iter().map(|path| ("--time-field", path));
    for (flag, path) in ids.chain(times) {
        if path.uses() == 0 && events > 0 {
            let what = if flag == "--id-field" { "an identity" } else { "a time" };
            context.ui.warn(format!("`{flag} {path}`: no event has {what} there"));
        }
    }
}

/// Slips here would send events where they were not to go, or with what was to be taken away.
fn say_unused_names(survey: &Survey, context: &Context) {
    for old in &survey.unused.channels {
        context.ui.warn(format!("`--map-channel {old}=…`: no event is of that channel"));
        if let Some(near) = nearest(old, survey.channels.keys().map(String::as_str)) {
            context.ui.help(&format!("did you mean `{near}`?"));
        }
    }
    for name in &survey.unused.headers {
        context.ui.warn(format!("`--drop-header {name}`: no event has that header"));
    }
}

fn needs(paths: &[String], keeps: bool, flag: &str, help: &str) -> Result<(), CommandError> {
    if paths.is_empty() || !keeps {
        return Ok(());
    }
    Err(CommandError::usage(format!("`{flag}` says where, but nothing is to be changed there")).hint(help))
}

fn paths(texts: &[String]) -> Result<Vec<FieldPath>, CommandError> {
    let path = |text: &String| {
        text.parse().map_err(|error: crate::replay::json::PathError| {
            CommandError::usage(error.to_string()).hint(PATH_HELP)
        })
    };
    texts.iter().map(path).collect()
}
