//! Which events of a source are wanted, by what they hold, and what jq makes of them: `--match`, `--filter`, `--map`.

use super::target::Place;
use super::{CommandError, Context};
use crate::endpoint::Address;
use crate::endpoint::address::Scheme;
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

/// Warns before events are taken away that were not wanted: a queue or a group gives each only once, whatever becomes of it.
pub fn say_taken(selection: &Selection, places: &[Place], context: &Context) {
    if selection.patterns.is_empty() && selection.filters.is_empty() {
        return;
    }
    for place in places {
        let Some((from, help)) = takes_away(&place.address) else { continue };
        let address = &place.address;
        context.ui.warn(format!("events of `{address}` that do not match are taken out of {from} as well"));
        context.ui.help(help);
    }
}

/// What reading there takes events out of, and how to read without that.
fn takes_away(address: &Address) -> Option<(String, &'static str)> {
    let named = |kind: &str, name: &str| format!("the {kind} `{name}`");
    match address.scheme {
        Scheme::Amqp if address.option("peek").is_none_or(|peek| peek == "false") => Some((
            format!("{}, unless it is a stream,", named("queue", address.option("queue")?)),
            "`peek` in the address leaves all events where they are; an exchange in the place of the queue gives copies",
        )),
        Scheme::Kafka | Scheme::Redis => Some((
            format!("what {} has yet to read", named("group", address.option("group")?)),
            "leave `group` out of the address to read without moving it, or name a group of your own",
        )),
        _ => None,
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

#[cfg(test)]
mod tests {
    use super::takes_away;
    use crate::endpoint::Address;

    #[test]
    fn queues_and_groups_are_taken_from() {
        let taken = |text: &str| takes_away(&Address::parse(text).expect(text)).map(|(from, _)| from);
        assert!(taken("amqp://h/%2F?queue=orders").is_some_and(|from| from.contains("`orders`")));
        assert!(taken("kafka://h/t?group=g").is_some_and(|from| from.contains("`g`")));
        assert!(taken("redis://h/s?group=g").is_some());
        for text in
            ["amqp://h/%2F?queue=q&peek", "amqp://h/%2F/shop", "kafka://h/t", "redis://h/s", "nats://h/x"]
        {
            assert_eq!(taken(text), None, "{text}");
        }
    }
}
