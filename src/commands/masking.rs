//! Masking beside a command: the rules, the key, and what the contract of the workspace says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::target::Places;
use super::{CommandError, Context};
use crate::check::events::{EventChecker, EventMessage};
use crate::output::figures::{counted, grouped};
use crate::replay::Masker;
use crate::replay::mask::{
    BY_SCHEMAS, ChannelSchemas, ContractSchemas, MaskCounts, MaskError, MaskKey, Rules, marks,
};
use crate::schema::Compiled;

/// The variable with the key of tokens.
const KEY_VARIABLE: &str = "EDDY_MASK_KEY";

const HEADING: &str = "Masking";

/// Flags about masking.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct MaskingArgs {
    /// Mask events by the rules of this file before they are written
    #[arg(help_heading = HEADING, long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// End before an event with a field, header or key that neither a rule nor a schema names
    #[arg(help_heading = HEADING, long, requires = "mask")]
    mask_strict: bool,
    /// A file with the key of tokens (default: `EDDY_MASK_KEY`, or `mask.key` of the workspace)
    #[arg(help_heading = HEADING, long, value_name = "FILE", requires = "mask")]
    mask_key_file: Option<PathBuf>,
}

impl MaskingArgs {
    /// The mask the flags ask for; the contract of the workspace takes part where there is one.
    ///
    /// # Errors
    /// When the rules or the key cannot be used, or tokens are asked for without a key.
    pub fn masker(&self, places: &Places<'_>, context: &Context) -> Result<Option<Masker>, CommandError> {
        let Some(path) = &self.mask else {
            return Ok(None);
        };
        let rules = Rules::read(path)?;
        let rules = if self.mask_strict { rules.strict() } else { rules };
        let checker = places.loaded().map(EventChecker::new);
        let marks = checker.as_ref().is_some_and(mark_anything);
        if rules.mask_nothing(marks) {
            let message = format!(
                "`{}` has no rule that masks, and no schema marks anything: nothing would be masked",
                path.display()
            );
            return Err(CommandError::usage(message)
                .hint("write rules (docs/masking.md), mark fields with `x-pii` in the contract, or leave `--mask` away"));
        }
        let needs_key = rules.need_key(marks);
        let key = if needs_key { Some(self.key(context)?.ok_or_else(no_key)?) } else { None };
        let schemas = checker.map(|checker| ContractSchemas {
            of: Arc::new(move |channel: &str| schemas(checker.messages(channel))),
            mark: marks,
        });
        Ok(Some(Masker::new(rules, key, schemas).map_err(|_| no_key())?))
    }

    fn key(&self, context: &Context) -> Result<Option<MaskKey>, CommandError> {
        if let Some(path) = &self.mask_key_file {
            let bytes = std::fs::read(path).map_err(|error| unreadable_key(path, &error))?;
            return usable(&bytes, &format!("`{}`", path.display())).map(Some);
        }
        if let Some(value) = context.environment.get(KEY_VARIABLE) {
            return usable(value.as_bytes(), &format!("`{KEY_VARIABLE}`")).map(Some);
        }
        let workspace = context.workspace()?;
        let value =
            workspace.map(|workspace| workspace.mask_key(&context.environment)).transpose()?.flatten();
        value.map(|value| usable(value.as_bytes(), "`mask.key` of the workspace")).transpose()
    }
}

fn no_key() -> CommandError {
    CommandError::usage("tokens need a key, and none is given").hint(format!(
        "`{KEY_VARIABLE}`, `--mask-key-file FILE` or `mask: {{ key: … }}` in the workspace; \
         `head -c 32 /dev/urandom | base64` makes one"
    ))
}

fn unreadable_key(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::usage(format!("cannot read the key `{}`: {}", path.display(), error))
        .hint("name a file that holds only the key")
}

fn usable(bytes: &[u8], name: &str) -> Result<MaskKey, CommandError> {
    MaskKey::new(bytes).map_err(|error| {
        CommandError::usage(format!("the key in {name} cannot be used: {error}"))
            .hint("`head -c 32 /dev/urandom | base64` makes one")
    })
}

/// Whether a schema of the contract marks something as personal.
fn mark_anything(checker: &EventChecker) -> bool {
    let messages = checker.names().filter_map(|name| checker.message(name));
    messages.into_iter().any(|message| {
        let schemas = [message.payload(), message.headers()];
        schemas.into_iter().flatten().any(|schema| marks(schema.self_contained()))
    })
}

fn schemas(messages: &[Arc<EventMessage>]) -> ChannelSchemas {
    let whole = |schema: Option<&Compiled>| schema.map(|schema| Arc::new(schema.self_contained().clone()));
    ChannelSchemas {
        payloads: messages.iter().filter_map(|message| whole(message.payload())).collect(),
        headers: messages.iter().filter_map(|message| whole(message.headers())).collect(),
        not_json: messages.iter().find_map(|message| message.not_json()),
        is_known: !messages.is_empty(),
    }
}

/// Says what masking did, a line for each rule.
pub fn say(counts: &MaskCounts, context: &Context) {
    for rule in &counts.rules {
        context.ui.say(format!("masked    {:>9}  {} ({})", grouped(rule.values), rule.rule, rule.action));
    }
    warn(counts, context);
}

/// Says what masking may have missed.
pub fn warn(counts: &MaskCounts, context: &Context) {
    let (by_schemas, rules): (Vec<_>, Vec<_>) =
        counts.rules.iter().filter(|rule| rule.values == 0).partition(|rule| rule.rule == BY_SCHEMAS);
    for rule in &rules {
        context.ui.warn(format!("the rule `{}` ({}) found nothing to mask", rule.rule, rule.action));
    }
    if !by_schemas.is_empty() {
        context.ui.warn("no event had anything that a schema marks with `x-pii`");
    }
    if counts.unknown_to_contract > 0 {
        let events = counted(counts.unknown_to_contract, "event");
        let channels: Vec<String> = counts.unknown_channels.iter().map(|name| format!("`{name}`")).collect();
        context.ui.warn(format!(
            "{events} went without a look at their fields: the contract does not know their channel ({})",
            channels.join(", ")
        ));
        context.ui.help(
            "write the channel into the contract, or rules for it into the mask; `--mask-strict` ends before such an event",
        );
    }
    if !rules.is_empty() {
        context.ui.help("is its name written as in the events? `eddy archive cat FILE -n 1` shows one");
    }
    if counts.left_out > 0 {
        let events = counted(counts.left_out, "event");
        context.ui.warn(format!("{events} left out: their payload could not be masked"));
    }
}

impl From<MaskError> for CommandError {
    fn from(error: MaskError) -> Self {
        let help = match &error {
            MaskError::Unreadable { .. } => "check the path and its permissions".to_owned(),
            MaskError::Malformed { help, .. } => {
                help.clone().unwrap_or_else(|| "see docs/masking.md for what a mask can say".to_owned())
            }
        };
        Self::usage(error.to_string()).hint(help)
    }
}
