//! What came of a stream of events, as JSON: counts, causes with examples, and the fields most at fault.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::check::events::stream::{Cause, Checked, Example, FieldCount};

/// A stream in numbers; part of the JSON of `eddy validate --events`.
#[derive(Debug, Serialize)]
pub struct EventReport<'a> {
    /// Events read.
    events: u64,
    /// Events with findings.
    faulty: u64,
    /// Findings in events, those not listed included.
    findings: u64,
    /// Whether checking stopped at the limit of findings.
    stopped: bool,
    causes: Vec<CauseOut<'a>>,
    fields: Vec<FieldCount<'a>>,
    /// Events by the message they were taken for.
    messages: &'a BTreeMap<String, u64>,
    unchecked: Vec<Unchecked<'a>>,
}

#[derive(Debug, Serialize)]
struct CauseOut<'a> {
    #[serde(flatten)]
    cause: &'a Cause,
    count: u64,
    examples: &'a [Example],
}

#[derive(Debug, Serialize)]
struct Unchecked<'a> {
    reason: &'a str,
    count: u64,
}

impl<'a> EventReport<'a> {
    /// The numbers of a stream that was checked.
    #[must_use]
    pub fn of(checked: &'a Checked) -> Self {
        let tally = &checked.tally;
        let causes = tally.causes().into_iter();
        let unchecked = tally.unchecked.iter();
        Self {
            events: tally.events,
            faulty: tally.faulty,
            findings: tally.found,
            stopped: checked.stopped,
            causes: causes
                .map(|(cause, group)| CauseOut { cause, count: group.count, examples: &group.examples })
                .collect(),
            fields: tally.fields(),
            messages: &tally.messages,
            unchecked: unchecked.map(|(reason, count)| Unchecked { reason, count: *count }).collect(),
        }
    }
}
