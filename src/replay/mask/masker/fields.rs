//! Masks the fields of one JSON payload: a rule decides, else a mark in a schema, else what holds around them.

use std::sync::atomic::Ordering;

use super::{Inner, OfChannel};
use crate::replay::json::{Decision, Followed, Scalar, Visitor};
use crate::replay::mask::rules::{Action, Unknown};
use crate::replay::mask::schema::Described;

/// Members of a CloudEvent that say nothing of what it is about.
const PLAIN_MEMBERS: [&str; 6] = ["specversion", "id", "type", "time", "datacontenttype", "dataschema"];
/// Fields named in one message.
const MOST_NAMED: usize = 10;

/// Who asked for something to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rule(usize),
    Schema(Action),
}

pub(super) struct Place<'c> {
    depth: usize,
    followed: Followed,
    described: Described<'c>,
    /// What holds for it, by itself or through what it lies in.
    by: Option<By>,
    /// An attribute of a CloudEvent that says nothing of what it is about.
    plain: bool,
    path: String,
}

pub(super) struct MaskVisitor<'c> {
    mask: &'c Inner,
    channel: &'c OfChannel,
    structured: bool,
    /// Fields that nothing names and that are refused for it.
    pub(super) unknown: Vec<String>,
    /// The data of a CloudEvent stands in base64.
    pub(super) encoded: bool,
}

impl<'c> MaskVisitor<'c> {
    pub(super) fn new(mask: &'c Inner, channel: &'c OfChannel, structured: bool) -> Self {
        Self { mask, channel, structured, unknown: Vec::new(), encoded: false }
    }

    pub(super) fn root(&self) -> Place<'c> {
        let followed = Followed::begin(&self.mask.paths, self.channel.paths.iter().copied());
        let described = Described::begin(&self.channel.schemas.payloads);
        let by = self.by(&followed, &described, None);
        Place { depth: 0, followed, described, by, plain: false, path: String::new() }
    }

    /// A rule for the value itself, else a mark in a schema, else what holds around it. A mark is not undone by a rule
    /// about what lies around it, unless that is stricter.
    fn by(&self, followed: &Followed, described: &Described<'c>, around: Option<By>) -> Option<By> {
        let rule = followed.named(&self.mask.paths).map(|path| By::Rule(self.mask.of_path[path]));
        let mark = self.mask.of_schema(described).map(By::Schema);
        let around_keeps = around.is_none_or(|by| self.action(by) == Action::Keep);
        rule.or(mark.filter(|_| around_keeps)).or(around)
    }

    fn action(&self, by: By) -> Action {
        match by {
            By::Rule(number) => self.mask.rules.list[number].action,
            By::Schema(action) => action,
        }
    }

    fn note(&self, by: By) {
        match by {
            By::Rule(number) => self.mask.count(number),
            By::Schema(_) => drop(self.mask.by_schema.fetch_add(1, Ordering::Relaxed)),
        }
    }

    fn text(&self, by: By) -> &'c str {
        match by {
            By::Rule(number) => &self.mask.rules.list[number].text,
            By::Schema(_) => "[redacted]",
        }
    }

    fn of_unknown(&mut self, place: &Place<'c>) -> Decision {
        match self.mask.rules.unknown {
            Unknown::Keep => Decision::Keep,
            Unknown::Refuse => {
                let path = if place.path.is_empty() { "/" } else { &place.path };
                if self.unknown.len() < MOST_NAMED {
                    self.unknown.push(format!("`{path}`"));
                }
                Decision::Keep
            }
            Unknown::Drop => {
                self.mask.unknown.fetch_add(1, Ordering::Relaxed);
                Decision::Remove
            }
        }
    }
}

impl<'c> Visitor for MaskVisitor<'c> {
    type Place = Place<'c>;

    fn step(&mut self, place: &Place<'c>, name: &str, is_element: bool) -> Place<'c> {
        self.encoded |= self.structured && place.depth == 0 && name == "data_base64";
        let followed = place.followed.step(&self.mask.paths, name);
        let mut described = place.described.step(name, is_element, &self.channel.patterns.0);
        if self.structured && place.depth == 0 && name == "data" {
            // Schemas describe the data, or the whole with the data in it.
            described = described.and(Described::begin(&self.channel.schemas.payloads));
        }
        let by = self.by(&followed, &described, place.by);
        let path = match self.mask.rules.unknown {
            Unknown::Refuse => format!("{}/{}", place.path, name.replace('~', "~0").replace('/', "~1")),
            Unknown::Keep | Unknown::Drop => String::new(),
        };
        let plain = self.structured && place.depth == 0 && PLAIN_MEMBERS.contains(&name);
        Place { depth: place.depth + 1, followed, described, by, plain, path }
    }

    fn container(&mut self, place: &Place<'c>, _: &str) -> Option<Decision> {
        let by = place.by?;
        let decision = match self.action(by) {
            Action::Drop => Decision::Remove,
            Action::Redact => Decision::Replace(serde_json::Value::from(self.text(by)).to_string()),
            // Each value in it by itself, so that its shape stays.
            Action::Token | Action::Keep => return None,
        };
        self.note(by);
        Some(decision)
    }

    fn scalar(&mut self, place: &Place<'c>, scalar: Scalar<'_>) -> Decision {
        let Some(by) = place.by else {
            return if place.plain || place.described.is_known() {
                Decision::Keep
            } else {
                self.of_unknown(place)
            };
        };
        self.note(by);
        match self.action(by) {
            Action::Keep => Decision::Keep,
            // It says nothing.
            Action::Token | Action::Redact if scalar.0 == "null" => Decision::Keep,
            Action::Token => {
                Decision::Replace(format!("\"{}\"", self.mask.token(scalar.content().as_bytes())))
            }
            Action::Redact => Decision::Replace(serde_json::Value::from(self.text(by)).to_string()),
            Action::Drop => Decision::Remove,
        }
    }
}
