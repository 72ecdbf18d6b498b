//! Which events of a source are wanted, by what they hold, and what jq makes of them: `--match`, `--filter`, `--map`.

use super::{CommandError, Context};
use crate::output::figures::counted;
use crate::replay::guard::LeftOut;
use crate::replay::pattern::PatternError;
use crate::replay::{Condition, Jq, Selection};

/// Flags that choose events by what they hold.
#[derive(Debug, Default, clap::Args)]
pub struct ChoosingArgs {
    /// Only events that match: a text in them, `key=GLOB`, `channel=GLOB`, `header.NAME=GLOB`, `payload./POINTER=VALUE`, or
    /// jq as in `.payload.total > 100`; may be given several times
    #[arg(long = "match", value_name = "EXPR")]
    pub patterns: Vec<String>,
    /// Only events for which this jq filter gives something true; may be given several times
    #[arg(long, value_name = "JQ")]
    pub filter: Vec<String>,
    /// Make of each event what this jq filter gives, such as `.payload.total = 0`; several are applied in turn
    #[arg(long, value_name = "JQ")]
    pub map: Vec<String>,
    /// Leave out events that a replay has marked (header `eddy-run`)
    #[arg(long)]
    pub skip_replayed: bool,
}

impl ChoosingArgs {
    /// The selection these flags ask for.
    ///
    /// # Errors
    /// When an expression or a filter is malformed.
    pub fn selection(&self) -> Result<Selection, CommandError> {
        let mut selection = Selection::default();
        selection.guards.skip_replayed = self.skip_replayed;
        for text in &self.patterns {
            match Condition::parse(text)? {
                Condition::Pattern(pattern) => selection.patterns.push(pattern),
                Condition::Jq(filter) => selection.filters.push(filter),
            }
        }
        for text in &self.filter {
            selection.filters.push(Jq::compile(text).map_err(PatternError::from)?);
        }
        for text in &self.map {
            selection.changes.maps.push(Jq::compile(text).map_err(PatternError::from)?);
        }
        Ok(selection)
    }

    /// The flags as they can be written again.
    #[must_use]
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let lists = [("match", &self.patterns), ("filter", &self.filter), ("map", &self.map)];
        lists.into_iter().flat_map(|(name, list)| list.iter().map(move |text| (name, text.clone()))).collect()
    }
}

/// Says how many events were left out because a replay had marked them.
pub fn say_replayed(left_out: &LeftOut, context: &Context) {
    if left_out.replayed > 0 {
        let events = counted(left_out.replayed, "event");
        context.ui.say(format!("left out: {events} that a replay had marked"));
    }
}

/// Says once for each filter on how many events it failed.
pub fn say_unfit(filters: &[Jq], context: &Context) {
    for filter in filters {
        let unfit = filter.unfit();
        if unfit.events > 0 {
            let events = counted(unfit.events, "event");
            let first = &unfit.first;
            let count = if unfit.events == 1 { "counts" } else { "count" };
            context.ui.warn(format!(
                "the jq filter `{}` failed on {events}, which {count} as no match: {first}",
                filter.text()
            ));
        }
    }
}
