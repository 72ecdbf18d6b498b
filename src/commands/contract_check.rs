//! Events against the workspace's contract: refused before they are sent, marked where they are shown, or made from it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::CommandError;
use super::each_event::EachEvent;
use super::target::Places;
use crate::check::events::{EventChecker, EventMessage, EventPart, EventVerdict};
use crate::endpoint::{EndpointError, EndpointErrorKind, Source};
use crate::event::{Event, Header, Timestamp};
use crate::registry::Registry;
use crate::replay::supply::MadeSource;
use crate::schema::generate::{GenerateError, Generator};

/// Violations shown of one event.
const MOST_SHOWN: usize = 10;

/// Checks events whose channel the contract knows, or all of them as one message.
#[derive(Clone)]
pub struct ContractCheck {
    checker: Arc<EventChecker>,
    message: Option<String>,
    /// Payloads name schemas of a registry.
    by_registry: bool,
    /// Payloads are JSON that is yet to be encoded.
    as_json: bool,
}

impl ContractCheck {
    /// The check of a workspace's contract; none without one. A `message` must be known to it. Payloads that name schemas
    /// of `registry` are checked by their values.
    ///
    /// # Errors
    /// When the contract has no such message.
    pub fn new(
        places: &Places<'_>,
        message: Option<&str>,
        registry: Option<&Arc<Registry>>,
    ) -> Result<Option<Self>, CommandError> {
        let Some(loaded) = places.loaded() else {
            return match message {
                Some(name) => {
                    Err(CommandError::usage(format!("there is no workspace with a message `{name}`"))
                        .hint("`eddy init` writes one"))
                }
                None => Ok(None),
            };
        };
        let checker = EventChecker::new(loaded).with_registry(registry.cloned());
        if let Some(name) = message.filter(|name| checker.message(name).is_none()) {
            return Err(unknown_message(name, checker.names()));
        }
        let (checker, by_registry) = (Arc::new(checker), registry.is_some());
        Ok(Some(Self { checker, message: message.map(str::to_owned), by_registry, as_json: false }))
    }

    /// The check of payloads that are JSON now and will be encoded.
    #[must_use]
    pub fn before_encoding(self, is_encoded: bool) -> Self {
        Self { as_json: is_encoded, ..self }
    }

    fn verdict(&self, event: &Event) -> EventVerdict {
        if self.as_json {
            return self.checker.check_as_json(event, self.message.as_deref());
        }
        let as_named = self.message.as_ref().and_then(|name| self.checker.check_as(event, name));
        as_named.unwrap_or_else(|| {
            if self.by_registry {
                self.checker.check_with_ids(event, &BTreeMap::new())
            } else {
                self.checker.check(event)
            }
        })
    }

    /// What is wrong with an event, a line each; nothing when the contract does not know its channel.
    #[must_use]
    pub fn findings(&self, event: &Event) -> Vec<String> {
        lines(&self.verdict(event))
    }

    /// What to mark an event with where it is shown: findings, or that its channel is unknown.
    #[must_use]
    pub fn marks(&self, event: &Event) -> Vec<String> {
        let verdict = self.verdict(event);
        if verdict.unassigned.is_some() {
            return lines(&verdict);
        }
        match (&verdict.channel, &verdict.meant) {
            (Some(_), _) => lines(&verdict),
            (None, Some(meant)) => vec![format!("the contract has no such channel; it has `{meant}`")],
            (None, None) => vec!["the contract has no such channel".to_owned()],
        }
    }

    /// Refuses an event that breaks the contract; `name` says which event it is.
    fn refuse(&self, event: &Event, name: &str) -> Result<(), EndpointError> {
        let findings = self.findings(event);
        if findings.is_empty() {
            return Ok(());
        }
        let shown: String = findings.iter().take(MOST_SHOWN).map(|line| format!("\n    {line}")).collect();
        let more = match findings.len().saturating_sub(MOST_SHOWN) {
            0 => String::new(),
            more => format!("\n    and {more} more"),
        };
        let message = format!("{name} breaks the contract of `{}`{shown}{more}", event.channel);
        Err(EndpointError::new(EndpointErrorKind::Rejected, message)
            .help("mend it, or send it all the same with `--no-validate`"))
    }

    /// Refuses a single event that breaks the contract.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn admit(&self, event: &Event) -> Result<(), CommandError> {
        Ok(self.refuse(event, "the event")?)
    }
}

fn lines(verdict: &EventVerdict) -> Vec<String> {
    let line = |(part, violation): &(EventPart, crate::schema::Violation)| {
        let part = match part {
            EventPart::Headers => "headers",
            EventPart::Payload => "payload",
        };
        let message = verdict.message.as_ref().map(|name| format!(" (message `{name}`)")).unwrap_or_default();
        let pointer = match violation.instance_pointer.as_str() {
            "" => String::new(),
            pointer => format!(" at `{pointer}`"),
        };
        format!("{part}{pointer}: {}{message}", violation.message)
    };
    let unassigned = verdict.unassigned.iter().map(|why| why.reason.clone());
    unassigned.chain(verdict.violations.iter().map(line)).collect()
}

/// A source that ends with an error at the first event that breaks the contract, after those before it; without a check
/// events are as they are.
#[must_use]
pub fn checked(source: Box<dyn Source>, check: Option<ContractCheck>) -> Box<dyn Source> {
    match check {
        Some(check) => {
            EachEvent::of(source, move |event, number| check.refuse(event, &format!("event {number}")))
        }
        None => source,
    }
}

/// Events generated from the messages of a channel in turn, or from one message.
///
/// # Errors
/// When the contract knows neither channel nor message, or a message has no schema to generate from.
pub fn generated(
    check: Option<&ContractCheck>,
    seed: u64,
    pattern: Event,
) -> Result<Box<dyn Source>, CommandError> {
    let nothing =
        |message: String| CommandError::usage(message).hint("name a payload: `--data TEXT`, a file, or `-`");
    let Some(check) = check else {
        return Err(nothing("there is no workspace whose contract could say what to send".to_owned()));
    };
    let mut makers: VecDeque<Maker> = VecDeque::new();
    for message in messages(check, &pattern.channel) {
        makers.push_back(Maker::new(message, seed).ok_or_else(|| {
            nothing(format!("message `{}` has no JSON Schema to generate from", message.name))
        })?);
    }
    if makers.is_empty() {
        return Err(nothing(format!("the contract has no message for channel `{}`", pattern.channel)));
    }
    let make = move |_| {
        makers.rotate_left(1);
        let event = makers.back_mut().map(|maker| maker.event(&pattern)).transpose();
        event.map_err(|error| EndpointError::new(EndpointErrorKind::Unsupported, error.to_string()))
    };
    Ok(Box::new(MadeSource::new(Box::new(make))))
}

/// The messages to generate, each name once: sender and receiver often describe the same.
fn messages<'a>(check: &'a ContractCheck, channel: &str) -> Vec<&'a EventMessage> {
    if let Some(name) = &check.message {
        return check.checker.message(name).into_iter().collect();
    }
    let mut found: Vec<&EventMessage> = Vec::new();
    for message in check.checker.messages(channel) {
        if found.iter().all(|known| known.name != message.name) {
            found.push(message);
        }
    }
    found
}

struct Maker {
    payload: Generator,
    headers: Option<Generator>,
}

impl Maker {
    fn new(message: &EventMessage, seed: u64) -> Option<Self> {
        let payload = Generator::new(message.payload()?, seed);
        let headers = message.headers().map(|schema| Generator::new(schema, seed));
        Some(Self { payload, headers })
    }

    fn event(&mut self, pattern: &Event) -> Result<Event, GenerateError> {
        let payload = self.payload.value()?.to_string();
        let mut event =
            Event { payload: Some(payload.into()), received: Timestamp::of_arrival(), ..pattern.clone() };
        let made = self.headers.as_mut().map(Generator::value).transpose()?;
        for (name, value) in made.as_ref().and_then(Value::as_object).into_iter().flatten() {
            // Headers given on the command line win.
            if event.header_text(name).is_none() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                event.headers.push(Header::text(name, text));
            }
        }
        event.attributes.entry("content_type").or_insert_with(|| "application/json".into());
        Ok(event)
    }
}

fn unknown_message<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> CommandError {
    let known: Vec<&str> = known.collect();
    let error = CommandError::usage(format!("the contract has no message `{name}`"));
    match crate::diagnostic::nearest(name, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("messages are {}", known.join(", "))),
    }
}
