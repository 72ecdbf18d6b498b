//! Masks events by rules and by what schemas say, and counts what each rule did.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;

use super::rules::{About, Action, OfSchemas, Rule, Rules, Undecodable, Unknown};
use super::schema::{ChannelSchemas, ContractSchemas, Described, Patterns};
use super::token::MaskKey;
use crate::event::cloud_event::{Form, content_type, form, is_batch_type};
use crate::event::{Event, FAULT_HEADER, Header, NUMBER_HEADER, RUN_HEADER};
use crate::replay::json::{FieldPath, rewrite, unwrapped};
use fields::MaskVisitor;

mod fields;

/// Channels whose rules are kept at hand.
const MOST_CHANNELS: usize = 10_000;
/// Channels that are named.
const MOST_NAMED: usize = 5;
/// What schemas asked for, in reports.
pub const BY_SCHEMAS: &str = "x-pii of schemas";
/// Facts of protocols that say nothing of what an event is about.
const PLAIN_ATTRIBUTES: [&str; 22] = [
    "qos",
    "retain",
    "duplicate",
    "redelivered",
    "content_type",
    "content_encoding",
    "delivery_mode",
    "priority",
    "status",
    "stream",
    "expiration",
    "entry",
    "field",
    "id",
    "header_types",
    "payload_format_indicator",
    "message_expiry_interval",
    "subscription_identifiers",
    "topic_alias",
    "method",
    "problem",
    "compression",
];
/// Headers that say nothing of what an event is about.
const PLAIN_HEADERS: [&str; 5] =
    ["content-type", "content-encoding", RUN_HEADER, NUMBER_HEADER, FAULT_HEADER];

/// How often a rule was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleCount {
    /// What it is about.
    pub rule: String,
    /// What it does.
    pub action: String,
    /// To how many values it was done.
    pub values: u64,
}

/// What masking came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MaskCounts {
    /// Each rule in order, then what schemas asked for where they mark anything, then what nothing named.
    pub rules: Vec<RuleCount>,
    /// Events left out because their payload could not be gone through.
    pub left_out: u64,
    /// Events whose fields nothing was looked up for: schemas mask, the contract does not know their channel, and no rule is
    /// about their payload.
    #[serde(skip_serializing_if = "is_none")]
    pub unknown_to_contract: u64,
    /// Some of their channels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_channels: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Why an event cannot be masked, as a fragment.
type Reason = String;

/// A mask at work. Copies count together.
#[derive(Clone)]
pub struct Masker(Arc<Inner>);

struct Inner {
    rules: Rules,
    paths: Vec<FieldPath>,
    /// Which rule each path belongs to.
    of_path: Vec<usize>,
    key: Option<MaskKey>,
    schemas: Option<ContractSchemas>,
    channels: Mutex<HashMap<String, Arc<OfChannel>>>,
    counts: Vec<AtomicU64>,
    by_schema: AtomicU64,
    unknown: AtomicU64,
    replaced: AtomicU64,
    left_out: AtomicU64,
    unknown_to_contract: AtomicU64,
}

impl fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Masker").field("rules", &self.0.rules).finish_non_exhaustive()
    }
}

impl PartialEq for Masker {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What holds for one channel.
#[derive(Debug)]
struct OfChannel {
    /// Numbers of rules.
    rules: Vec<usize>,
    /// Numbers of paths.
    paths: Vec<usize>,
    /// The first rule about the whole payload.
    payload: Option<usize>,
    schemas: ChannelSchemas,
    /// Patterns of names in the schemas of payloads and of headers.
    patterns: (Patterns, Patterns),
    /// Something in payloads is to be masked or known.
    looks_inside: bool,
    /// Schemas mask what others hold, and nothing says what is to be masked in these.
    is_unknown: bool,
}

impl Masker {
    /// A mask by rules. Tokens need a key; `schemas` say what describes a channel.
    ///
    /// # Errors
    /// When a rule needs a key and there is none.
    pub fn new(rules: Rules, key: Option<MaskKey>, schemas: Option<ContractSchemas>) -> Result<Self, Reason> {
        if key.is_none() && rules.need_key(false) {
            return Err("tokens need a key".to_owned());
        }
        let (mut paths, mut of_path) = (Vec::new(), Vec::new());
        for (number, rule) in rules.list.iter().enumerate() {
            if let About::Field(path) = &rule.about {
                paths.push(path.clone());
                of_path.push(number);
            }
        }
        let counts = rules.list.iter().map(|_| AtomicU64::new(0)).collect();
        let count = AtomicU64::default;
        let channels = Mutex::default();
        let (by_schema, unknown, replaced, left_out) = (count(), count(), count(), count());
        let inner = Inner {
            rules,
            paths,
            of_path,
            key,
            schemas,
            channels,
            counts,
            by_schema,
            unknown,
            replaced,
            left_out,
            unknown_to_contract: count(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// The rules, as they stand in the header of a recording.
    #[must_use]
    pub fn shown(&self) -> serde_json::Value {
        self.0.rules.shown()
    }

    /// What was done so far.
    #[must_use]
    pub fn counts(&self) -> MaskCounts {
        let inner = &self.0;
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let word = |action: Action| format!("{action:?}").to_lowercase();
        let mut rules: Vec<RuleCount> = inner
            .rules
            .list
            .iter()
            .zip(&inner.counts)
            .map(|(rule, count)| RuleCount {
                rule: rule.name.clone(),
                action: word(rule.action),
                values: load(count),
            })
            .collect();
        let more = [
            (BY_SCHEMAS, &inner.by_schema),
            ("what nothing names", &inner.unknown),
            ("payloads that are no JSON", &inner.replaced),
        ];
        for ((name, count), action) in more.into_iter().zip(["mask", "drop", "redact"]) {
            if load(count) > 0 || (name == BY_SCHEMAS && inner.schemas_mask()) {
                rules.push(RuleCount {
                    rule: name.to_owned(),
                    action: action.to_owned(),
                    values: load(count),
                });
            }
        }
        MaskCounts {
            rules,
            left_out: load(&inner.left_out),
            unknown_to_contract: load(&inner.unknown_to_contract),
            unknown_channels: inner.unknown_channels(),
        }
    }

    /// Masks an event in place; false when it is to be left out. After an error it must not be written.
    ///
    /// # Errors
    /// What cannot be masked, as a fragment.
    pub fn apply(&self, event: &mut Event) -> Result<bool, Reason> {
        let inner = &*self.0;
        let channel = inner.channel(&event.channel);
        inner.unknown_to_contract.fetch_add(u64::from(channel.is_unknown), Ordering::Relaxed);
        let masked = inner.payload(event, &channel)?;
        if !masked {
            inner.left_out.fetch_add(1, Ordering::Relaxed);
            return Ok(false);
        }
        inner.key(event, &channel)?;
        inner.headers(event, &channel)?;
        inner.attributes(event, &channel)?;
        Ok(true)
    }
}

impl Inner {
    fn channel(&self, name: &str) -> Arc<OfChannel> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = channels.get(name) {
            return Arc::clone(known);
        }
        let made = Arc::new(self.of_channel(name));
        if channels.len() < MOST_CHANNELS {
            channels.insert(name.to_owned(), Arc::clone(&made));
        }
        made
    }

    fn of_channel(&self, name: &str) -> OfChannel {
        let is_for = |rule: &Rule| rule.channel.as_ref().is_none_or(|pattern| pattern.matches(name));
        let list = &self.rules.list;
        let rules: Vec<usize> = (0..list.len()).filter(|number| is_for(&list[*number])).collect();
        let paths: Vec<usize> =
            (0..self.paths.len()).filter(|path| is_for(&list[self.of_path[*path]])).collect();
        let payload = rules.iter().copied().find(|number| list[*number].about == About::Payload);
        let schemas = self.schemas.as_ref().map(|schemas| (schemas.of)(name)).unwrap_or_default();
        let by_schema = self.rules.schemas != OfSchemas::Ignore
            && (schemas.mark_anything() || schemas.not_json.is_some());
        let looks_inside = !paths.is_empty() || by_schema || self.rules.unknown != Unknown::Keep;
        let patterns = (Patterns::of(&schemas.payloads), Patterns::of(&schemas.headers));
        let is_unknown = self.schemas_mask() && !schemas.is_known && !looks_inside && payload.is_none();
        OfChannel { rules, paths, payload, schemas, patterns, looks_inside, is_unknown }
    }

    /// Whether schemas have something masked, on whatever channel.
    fn schemas_mask(&self) -> bool {
        self.rules.schemas != OfSchemas::Ignore && self.schemas.as_ref().is_some_and(|schemas| schemas.mark)
    }

    /// Some channels that the contract does not know, by name.
    fn unknown_channels(&self) -> Vec<String> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = channels.iter().filter(|(_, channel)| channel.is_unknown);
        let mut names: Vec<String> = unknown.map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names.truncate(MOST_NAMED);
        names
    }

    fn count(&self, rule: usize) {
        self.counts[rule].fetch_add(1, Ordering::Relaxed);
    }

    /// What stands in place of bytes; `None` when they go.
    fn masked(&self, action: Action, text: &str, old: &[u8]) -> Option<Bytes> {
        match action {
            Action::Keep => Some(Bytes::copy_from_slice(old)),
            Action::Token => Some(self.token(old).into()),
            Action::Redact => Some(Bytes::copy_from_slice(text.as_bytes())),
            Action::Drop => None,
        }
    }

    fn token(&self, old: &[u8]) -> String {
        // Whoever needs a key was refused without one.
        self.key.as_ref().map_or_else(|| "[redacted]".to_owned(), |key| key.token(old))
    }

    /// False when the event is to be left out.
    fn payload(&self, event: &mut Event, channel: &OfChannel) -> Result<bool, Reason> {
        let Some(old) = event.payload.clone().filter(|payload| !payload.is_empty()) else {
            return Ok(true);
        };
        if let Some(number) = channel.payload {
            let rule = &self.rules.list[number];
            if rule.action != Action::Keep {
                event.payload = self.masked(rule.action, &rule.text, &old);
                self.count(number);
                forget_coding(event);
                return Ok(true);
            }
            if channel.paths.is_empty() {
                return Ok(true);
            }
        }
        if !channel.looks_inside {
            return Ok(true);
        }
        let reason = match self.fields(event, channel)? {
            None => return Ok(true),
            // It may pass whatever it is.
            Some(_) if channel.payload.is_some() => return Ok(true),
            Some(reason) => reason,
        };
        match self.rules.undecodable {
            Undecodable::Refuse => Err(reason),
            Undecodable::Drop => Ok(false),
            Undecodable::Redact => {
                event.payload = Some("[redacted]".into());
                self.replaced.fetch_add(1, Ordering::Relaxed);
                forget_coding(event);
                Ok(true)
            }
        }
    }

    /// Masks the fields of a payload; says why it cannot be gone through, when it cannot.
    fn fields(&self, event: &mut Event, channel: &OfChannel) -> Result<Option<Reason>, Reason> {
        if let Some(language) = &channel.schemas.not_json {
            return Ok(Some(format!("its payload is {language}, whose fields are not masked")));
        }
        if content_type(event).is_some_and(is_batch_type) {
            return Ok(Some("its payload is a batch of CloudEvents".to_owned()));
        }
        let found = match unwrapped(event) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(reason) => return Ok(Some(reason)),
        };
        let structured = form(event) == Some(Form::Structured);
        let mut visitor = MaskVisitor::new(self, channel, structured);
        let root = visitor.root();
        let text = match rewrite(&found.text, &mut visitor, &root) {
            Ok(text) => text,
            Err(error) => return Ok(Some(format!("its payload cannot be masked: {error}"))),
        };
        if !visitor.unknown.is_empty() {
            let fields = if visitor.unknown.len() == 1 { "field" } else { "fields" };
            return Err(format!(
                "neither a rule nor a schema names the {fields} {}",
                visitor.unknown.join(", ")
            ));
        }
        if visitor.encoded {
            return Ok(Some("its data is in base64".to_owned()));
        }
        if let Some(text) = text {
            found.replace(event, text.as_bytes());
        }
        Ok(None)
    }

    fn key(&self, event: &mut Event, channel: &OfChannel) -> Result<(), Reason> {
        let Some(old) = event.key.clone() else {
            return Ok(());
        };
        let rule = channel.rules.iter().copied().find(|number| self.rules.list[*number].about == About::Key);
        match (rule, self.rules.unknown) {
            (Some(number), _) => {
                let Rule { action, text, .. } = &self.rules.list[number];
                event.key = self.masked(*action, text, &old);
                self.count(number);
            }
            (None, Unknown::Keep) => {}
            (None, Unknown::Refuse) => return Err("no rule names the key".to_owned()),
            (None, Unknown::Drop) => {
                event.key = None;
                self.unknown.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn headers(&self, event: &mut Event, channel: &OfChannel) -> Result<(), Reason> {
        let mut kept = Vec::with_capacity(event.headers.len());
        for header in std::mem::take(&mut event.headers) {
            kept.extend(self.header(header, channel)?);
        }
        event.headers = kept;
        Ok(())
    }

    fn header(&self, mut header: Header, channel: &OfChannel) -> Result<Option<Header>, Reason> {
        let lower = header.name.to_lowercase();
        let names = |number: &usize| match &self.rules.list[*number].about {
            About::Header(pattern) => pattern.matches(&lower),
            _ => false,
        };
        let (action, text) = if let Some(number) = channel.rules.iter().copied().find(names) {
            self.count(number);
            let rule = &self.rules.list[number];
            (rule.action, rule.text.as_str())
        } else {
            let schemas = Described::begin(&channel.schemas.headers);
            let patterns = &channel.patterns.1;
            let described =
                schemas.step(&header.name, false, patterns).and(schemas.step(&lower, false, patterns));
            let by_schema = self.of_schema(&described);
            match (by_schema, self.rules.unknown) {
                (Some(action), _) => {
                    self.by_schema.fetch_add(1, Ordering::Relaxed);
                    (action, "[redacted]")
                }
                _ if described.is_known() || PLAIN_HEADERS.contains(&lower.as_str()) => {
                    return Ok(Some(header));
                }
                (None, Unknown::Keep) => return Ok(Some(header)),
                (None, Unknown::Drop) => {
                    self.unknown.fetch_add(1, Ordering::Relaxed);
                    return Ok(None);
                }
                (None, Unknown::Refuse) => {
                    return Err(format!("neither a rule nor a schema names the header `{}`", header.name));
                }
            }
        };
        match &header.value {
            // A null value says nothing.
            None if action != Action::Drop => Ok(Some(header)),
            value => {
                let masked = self.masked(action, text, value.as_deref().unwrap_or_default());
                Ok(masked.map(|new| {
                    header.value = Some(new);
                    header
                }))
            }
        }
    }

    fn attributes(&self, event: &mut Event, channel: &OfChannel) -> Result<(), Reason> {
        let mut failure = None;
        event.attributes.retain(|name, value| {
            let names = |number: &usize| match &self.rules.list[*number].about {
                About::Attribute(pattern) => pattern.matches(name),
                _ => false,
            };
            if let Some(number) = channel.rules.iter().copied().find(names) {
                self.count(number);
                let Rule { action, text, .. } = &self.rules.list[number];
                let old = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if *action == Action::Keep {
                    return true;
                }
                let new = self.masked(*action, text, old.as_bytes());
                return new.is_some_and(|new| {
                    *value = String::from_utf8_lossy(&new).into();
                    true
                });
            }
            match self.rules.unknown {
                _ if PLAIN_ATTRIBUTES.contains(&name.as_str()) => true,
                Unknown::Keep => true,
                Unknown::Refuse => {
                    failure.get_or_insert_with(|| format!("no rule names the attribute `{name}`"));
                    true
                }
                Unknown::Drop => {
                    self.unknown.fetch_add(1, Ordering::Relaxed);
                    false
                }
            }
        });
        failure.map_or(Ok(()), Err)
    }

    fn of_schema(&self, described: &Described<'_>) -> Option<Action> {
        let of_itself = match self.rules.schemas {
            OfSchemas::Ignore => return None,
            OfSchemas::Token => Action::Token,
            OfSchemas::Redact => Action::Redact,
            OfSchemas::Drop => Action::Drop,
        };
        described.action(of_itself)
    }
}

/// What was unpacked or replaced is not compressed any more.
fn forget_coding(event: &mut Event) {
    event.headers.retain(|header| !header.name.eq_ignore_ascii_case("content-encoding"));
    event.attributes.shift_remove("content_encoding");
}

#[cfg(test)]
mod tests;
