//! Which events go, and under which channel: time window, channels, skip, first, renames.

use crate::event::{Event, Timestamp};

use super::pattern::Pattern;

/// What is to be taken from a source; the default takes everything.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Nothing received before this time.
    pub from: Option<Timestamp>,
    /// Nothing received after this time.
    pub until: Option<Timestamp>,
    /// Only channels that match one of these; empty means all.
    pub channels: Vec<glob::Pattern>,
    /// Only events that match all of these.
    pub patterns: Vec<Pattern>,
    /// Leave out this many of those that match.
    pub skip: u64,
    /// Take at most this many after that.
    pub first: Option<u64>,
    /// New names of channels: old, new.
    pub renames: Vec<(String, String)>,
}

/// What the selection says about one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes.
    Take,
    /// It stays.
    Leave,
    /// Neither it nor any later one goes.
    End,
}

/// A selection at work: counts what passed.
#[derive(Clone, Debug)]
pub struct Selector {
    selection: Selection,
    matched: u64,
    taken: u64,
}

impl Selector {
    /// Begins a selection.
    #[must_use]
    pub fn new(selection: Selection) -> Self {
        Self { selection, matched: 0, taken: 0 }
    }

    /// Whether `first` events were taken already, so that reading may end.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.selection.first.is_some_and(|first| self.taken >= first)
    }

    /// Decides about one event, and renames its channel if that was asked for.
    pub fn judge(&mut self, event: &mut Event) -> Verdict {
        if self.complete() {
            return Verdict::End;
        }
        if !self.matches(event) {
            return Verdict::Leave;
        }
        self.matched += 1;
        if self.matched <= self.selection.skip {
            return Verdict::Leave;
        }
        self.taken += 1;
        let rename = self.selection.renames.iter().find(|(old, _)| *old == event.channel);
        if let Some((_, new)) = rename {
            event.channel.clone_from(new);
        }
        Verdict::Take
    }

    fn matches(&self, event: &Event) -> bool {
        let selection = &self.selection;
        let in_time = selection.from.is_none_or(|from| event.received >= from)
            && selection.until.is_none_or(|until| event.received <= until);
        let channels = &selection.channels;
        in_time
            && (channels.is_empty() || channels.iter().any(|each| each.matches(&event.channel)))
            && selection.patterns.iter().all(|pattern| pattern.matches(event))
    }
}

#[cfg(test)]
mod tests {
    use super::{Selection, Selector, Verdict};
    use crate::event::{Event, Timestamp};

    fn taken(selection: Selection) -> Vec<(String, i64)> {
        let mut selector = Selector::new(selection);
        let mut out = Vec::new();
        for time in 0..10 {
            let channel = if time % 2 == 0 { "orders/new" } else { "stock" };
            let mut event = Event { received: Timestamp(time), ..Event::new(channel, "") };
            match selector.judge(&mut event) {
                Verdict::Take => out.push((event.channel, event.received.0)),
                Verdict::Leave => {}
                Verdict::End => break,
            }
        }
        out
    }

    #[test]
    fn window_channel_skip_first_and_rename_work_together() {
        let selection = Selection {
            from: Some(Timestamp(2)),
            until: Some(Timestamp(8)),
            channels: vec![glob::Pattern::new("orders/*").expect("a pattern")],
            skip: 1,
            first: Some(2),
            renames: vec![("orders/new".to_owned(), "copy".to_owned())],
            ..Selection::default()
        };
        assert_eq!(taken(selection), [("copy".to_owned(), 4), ("copy".to_owned(), 6)]);
        assert_eq!(taken(Selection::default()).len(), 10);
        assert!(taken(Selection { first: Some(0), ..Selection::default() }).is_empty());
    }
}
