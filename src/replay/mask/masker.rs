//! Masks events by rules and by what schemas say, and counts what each rule did.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;

use super::rules::{About, Action, OfSchemas, Rule, Rules, Undecodable, Unknown};
use super::schema::{ChannelSchemas, Described, Patterns, SchemasOf};
use super::token::MaskKey;
use crate::event::cloud_event::{Form, content_type, form, is_batch_type};
use crate::event::{Event, FAULT_HEADER, Header, NUMBER_HEADER, RUN_HEADER};
use crate::replay::json::{Decision, FieldPath, Followed, Scalar, Visitor, rewrite, unwrapped};

/// Channels whose rules are kept at hand.
const MOST_CHANNELS: usize = 10_000;
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
/// Members of a CloudEvent that say nothing of what it is about.
const PLAIN_MEMBERS: [&str; 6] = ["specversion", "id", "type", "time", "datacontenttype", "dataschema"];
/// Fields named in one message.
const MOST_NAMED: usize = 10;
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
    /// Each rule in order, then what schemas asked for, then what nothing named.
    pub rules: Vec<RuleCount>,
    /// Events left out because their payload could not be gone through.
    pub left_out: u64,
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
    schemas_of: Option<SchemasOf>,
    channels: Mutex<HashMap<String, Arc<OfChannel>>>,
    counts: Vec<AtomicU64>,
    by_schema: AtomicU64,
    unknown: AtomicU64,
    replaced: AtomicU64,
    left_out: AtomicU64,
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
}

impl Masker {
    /// A mask by rules. Tokens need a key; `schemas_of` says what schemas describe a channel.
    ///
    /// # Errors
    /// When a rule needs a key and there is none.
    pub fn new(rules: Rules, key: Option<MaskKey>, schemas_of: Option<SchemasOf>) -> Result<Self, Reason> {
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
            schemas_of,
            channels,
            counts,
            by_schema,
            unknown,
            replaced,
            left_out,
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
            ("x-pii of schemas", &inner.by_schema),
            ("what nothing names", &inner.unknown),
            ("payloads that are no JSON", &inner.replaced),
        ];
        for ((name, count), action) in more.into_iter().zip(["mask", "drop", "redact"]) {
            if load(count) > 0 {
                rules.push(RuleCount {
                    rule: name.to_owned(),
                    action: action.to_owned(),
                    values: load(count),
                });
            }
        }
        MaskCounts { rules, left_out: load(&inner.left_out) }
    }

    /// Masks an event in place; false when it is to be left out. After an error it must not be written.
    ///
    /// # Errors
    /// What cannot be masked, as a fragment.
    pub fn apply(&self, event: &mut Event) -> Result<bool, Reason> {
        let inner = &*self.0;
        let channel = inner.channel(&event.channel);
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
        let schemas = self.schemas_of.as_ref().map(|schemas_of| schemas_of(name)).unwrap_or_default();
        let by_schema = self.rules.schemas != OfSchemas::Ignore
            && (schemas.mark_anything() || schemas.not_json.is_some());
        let looks_inside = !paths.is_empty() || by_schema || self.rules.unknown != Unknown::Keep;
        let patterns = (Patterns::of(&schemas.payloads), Patterns::of(&schemas.headers));
        OfChannel { rules, paths, payload, schemas, patterns, looks_inside }
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
        let mut visitor =
            MaskVisitor { mask: self, channel, structured, unknown: Vec::new(), encoded: false };
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

/// Who asked for something to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rule(usize),
    Schema(Action),
}

struct Place<'c> {
    depth: usize,
    followed: Followed,
    described: Described<'c>,
    /// What holds for it, by itself or through what it lies in.
    by: Option<By>,
    /// An attribute of a CloudEvent that says nothing of what it is about.
    plain: bool,
    path: String,
}

struct MaskVisitor<'c> {
    mask: &'c Inner,
    channel: &'c OfChannel,
    structured: bool,
    /// Fields that nothing names and that are refused for it.
    unknown: Vec<String>,
    encoded: bool,
}

impl<'c> MaskVisitor<'c> {
    fn root(&self) -> Place<'c> {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{ChannelSchemas, MaskKey, Masker, Rules, SchemasOf};
    use crate::event::{Event, Header};

    fn key() -> MaskKey {
        MaskKey::new(b"0123456789abcdef").expect("a key")
    }

    fn masker(rules: &str, schemas: Option<Value>) -> Masker {
        let rules =
            Rules::parse(&format!("version: 1\n{rules}")).unwrap_or_else(|(reason, _)| panic!("{reason}"));
        let schemas_of = schemas.map(|schema| {
            let known = ChannelSchemas { payloads: vec![Arc::new(schema)], ..ChannelSchemas::default() };
            let find = move |channel: &str| {
                if channel == "shop" { known.clone() } else { ChannelSchemas::default() }
            };
            Arc::new(find) as SchemasOf
        });
        Masker::new(rules, Some(key()), schemas_of).expect("a mask")
    }

    fn masked(masker: &Masker, payload: &str) -> Result<String, String> {
        let mut event = Event::new("shop", payload.to_owned());
        masker.apply(&mut event)?;
        Ok(String::from_utf8(event.payload.expect("a payload").to_vec()).expect("text"))
    }

    #[test]
    fn rules_change_what_they_name_and_nothing_else() {
        let masker = masker(
            "rules:\n  - { field: $.mail, action: token }\n  - { field: ..card, action: drop }\n  \
             - { field: $.notes, action: redact, text: '-' }\n  - { field: $.who, action: token }\n  \
             - { header: 'x-*', action: token }\n  - { key: true, action: token }\n  - { attribute: reply, action: drop }",
            None,
        );
        let token = |text: &str| key().token(text.as_bytes());
        let text = r#"{ "mail" : "ann@x", "n": 1.50, "card":"4", "list":[{"card":{"a":1},"ok":true}], "notes":[1], "who":{"id":7,"no":null} }"#;
        let expected = format!(
            r#"{{ "mail" : "{}", "n": 1.50, "list":[{{"ok":true}}], "notes":"-", "who":{{"id":"{}","no":null}} }}"#,
            token("ann@x"),
            token("7")
        );
        assert_eq!(masked(&masker, text).expect("masked"), expected);
        let mut event = Event {
            key: Some("ann@x".into()),
            headers: vec![Header::text("X-User", "ann@x"), Header::text("other", "1")],
            ..Event::new("shop", "{}")
        };
        event.attributes.insert("reply".to_owned(), json!("ann"));
        assert!(masker.apply(&mut event).expect("masked"));
        assert_eq!(event.key.as_deref(), Some(token("ann@x").as_bytes()));
        assert_eq!(event.headers, [Header::text("X-User", token("ann@x")), Header::text("other", "1")]);
        assert!(event.attributes.is_empty());
        let counts = masker.counts();
        let values: Vec<u64> = counts.rules.iter().map(|rule| rule.values).collect();
        assert_eq!(values, [1, 2, 1, 2, 1, 1, 1], "{counts:?}");
    }

    #[test]
    fn what_cannot_be_gone_through_is_never_written() {
        let refusing = masker("rules: [{ field: $.mail, action: token }]", None);
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for payload in ["ann@x", "{\"mail\":\"ann@x\"", "\u{feff}{\"mail\":\"ann@x\"}", "{'mail':1}", &deep] {
            assert!(masked(&refusing, payload).is_err(), "{payload}");
        }
        let replacing = masker("undecodable: redact\nrules: [{ field: $.mail, action: token }]", None);
        assert_eq!(masked(&replacing, "ann@x").expect("masked"), "[redacted]");
        let leaving = masker("undecodable: drop\nrules: [{ field: $.mail, action: token }]", None);
        assert!(!leaving.apply(&mut Event::new("shop", "ann@x")).expect("left out"));
        assert_eq!(leaving.counts().left_out, 1);
        let whole = masker(
            "rules: [{ payload: true, action: token, channel: shop }, { field: $.a, action: drop }]",
            None,
        );
        assert_eq!(masked(&whole, "ann@x").expect("masked"), key().token(b"ann@x"));
        let structured = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"YW5u"}"#;
        assert!(masked(&refusing, structured).is_err());
    }

    #[test]
    fn packed_and_framed_payloads_are_masked_too() {
        let masker = masker("rules: [{ field: $.mail, action: redact }]", None);
        let packed = zstd::encode_all(&b"\0\0\0\0\x01{\"mail\":\"ann@x\"}"[..], 1).expect("packed");
        let mut event = Event::new("shop", packed.clone());
        masker.apply(&mut event).expect("masked");
        assert_eq!(event.payload.as_deref(), Some(&b"\0\0\0\0\x01{\"mail\":\"[redacted]\"}"[..]));
        let mut cut = packed;
        cut.truncate(cut.len() - 3);
        assert!(masker.apply(&mut Event::new("shop", cut)).is_err());
    }

    #[test]
    fn marks_in_schemas_mask_and_their_properties_are_known() {
        let schema = json!({ "properties": {
            "mail": { "x-pii": true },
            "total": { "type": "number" },
            "lines": { "items": { "properties": { "note": { "x-pii": "redact" } } } }
        } });
        let text = r#"{"mail":"ann@x","total":1,"lines":[{"note":"hi"}]}"#;
        let masked_text =
            format!(r#"{{"mail":"{}","total":1,"lines":[{{"note":"[redacted]"}}]}}"#, key().token(b"ann@x"));
        for rules in ["", "unknown: refuse"] {
            let masker = masker(rules, Some(schema.clone()));
            assert_eq!(masked(&masker, text).expect("masked"), masked_text);
        }
        let strict = masker("unknown: refuse", Some(schema.clone()));
        let reason = masked(&strict, r#"{"total":1,"lines":[{"note":"x","more":1}]}"#).expect_err("unknown");
        assert!(reason.ends_with("the field `/lines/0/more`"), "{reason}");
        let dropping = masker("unknown: drop", Some(schema));
        assert_eq!(masked(&dropping, r#"{"a":1,"total":1,"b":2}"#).expect("masked"), r#"{"total":1}"#);
    }

    #[test]
    fn data_of_a_structured_event_is_described_by_the_schema() {
        let masker =
            masker("unknown: refuse", Some(json!({ "properties": { "mail": { "x-pii": "redact" } } })));
        let text = |mail: &str| {
            format!(r#"{{"specversion":"1.0","id":"1","type":"t","source":"/s","data":{{"mail":"{mail}"}}}}"#)
        };
        // `source` may say whom it is about.
        assert!(masked(&masker, &text("ann@x")).is_err());
        let keeping = self::masker(
            "rules: [{ field: $.source, action: keep }]\nunknown: refuse",
            Some(json!({ "properties": { "mail": { "x-pii": "redact" } } })),
        );
        assert_eq!(masked(&keeping, &text("ann@x")).expect("masked"), text("[redacted]"));
    }

    #[test]
    fn strictness_reaches_keys_headers_and_attributes() {
        let strict = masker("unknown: refuse\nrules: [{ payload: true, action: keep }]", None);
        let refusal = |event: Event| strict.apply(&mut event.clone()).expect_err("refused");
        let event = || Event::new("shop", "x");
        assert!(refusal(Event { key: Some("k".into()), ..event() }).contains("key"));
        assert!(refusal(Event { headers: vec![Header::text("user", "ann")], ..event() }).contains("`user`"));
        let mut with_reply = event();
        with_reply.attributes.insert("reply".to_owned(), json!("ann"));
        assert!(refusal(with_reply).contains("`reply`"));
        let mut plain = Event { headers: vec![Header::text("Content-Type", "x")], ..event() };
        plain.attributes.insert("qos".to_owned(), json!(1));
        assert!(strict.apply(&mut plain).expect("known"));
    }

    #[test]
    fn tokens_need_a_key() {
        let rules = || Rules::parse("version: 1\nrules: [{ key: true, action: token }]").expect("rules");
        assert!(Masker::new(rules(), None, None).is_err());
        let rules = Rules::parse("version: 1\nrules: [{ key: true, action: redact }]").expect("rules");
        assert!(Masker::new(rules, None, None).is_ok());
    }

    proptest! {
        /// Whatever a payload is, what is personal in it is never written.
        #[test]
        fn no_secret_gets_through(
            before in "[\\[\\]{}\",:a1\\\\ ]{0,12}", after in "[\\[\\]{}\",:a1\\\\ ]{0,12}", escaped in any::<bool>(),
        ) {
            let masker = masker("rules: [{ field: ..mail, action: token }]", None);
            let name = if escaped { "m\\u0061il" } else { "mail" };
            for payload in [
                format!("{before}{{\"{name}\":\"SECRET\"}}{after}"),
                format!("{{\"x\":{before}0,\"{name}\":[\"SECRET\",{{\"{name}\":\"SECRET\"}}]{after}}}"),
            ] {
                let mut event = Event::new("shop", payload.clone());
                if masker.apply(&mut event).is_ok() {
                    let written = event.payload.expect("a payload");
                    let read = serde_json::from_slice::<Value>(&written).expect("only JSON gets through");
                    prop_assert!(!mails(&read).contains("SECRET"), "{payload}");
                }
            }
        }
    }

    /// What stands below members called `mail`.
    fn mails(value: &Value) -> String {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| if name == "mail" { value.to_string() } else { mails(value) })
                .collect(),
            Value::Array(items) => items.iter().map(mails).collect(),
            _ => String::new(),
        }
    }
}
