//! Payload, key and headers out of templates, rendered for each event within limits.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use minijinja::value::{Rest, Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, context};

use super::Args;
use crate::commands::CommandError;
use crate::commands::error::underlined;
use crate::diagnostic::nearest;
use crate::event::json_lines::MAX_LINE;
use crate::event::{Event, Header, Timestamp};
use crate::schema::generate::random::Random;

/// Steps of one text.
const FUEL: u64 = 1_000_000;
const PAYLOAD: &str = "payload";
const KEY: &str = "key";
/// What there is of each line of the input.
const OF_LINES: [&str; 2] = ["line", "value"];
const NAMES: &str = "there are `count`, `line` and `value` (with `--each-line`), `uuid()`, `now()`, `now_ms()`, \
                     `random(low, high)` and `pick(…)`";

/// Makes events out of templates.
pub(super) struct Rendered {
    environment: Environment<'static>,
    headers: Vec<String>,
    has_payload: bool,
    count: u64,
}

impl Rendered {
    /// The templates of the flags; none when they are no templates. Without a payload each line is one, as it is.
    ///
    /// # Errors
    /// When a template is malformed.
    pub(super) fn new(args: &Args, payload: Option<&[u8]>) -> Result<Option<Self>, CommandError> {
        if !args.template {
            return Ok(None);
        }
        let mut environment = environment(args.seed.unwrap_or_else(any_seed));
        let mut known: Vec<String> = environment.globals().map(|(name, _)| name.to_owned()).collect();
        known.push("count".to_owned());
        if args.each_line {
            known.extend(OF_LINES.map(str::to_owned));
        }
        if let Some(payload) = payload {
            let text = std::str::from_utf8(payload).map_err(|error| {
                CommandError::usage(format!("the template is no text at byte {}", error.valid_up_to() + 1))
            })?;
            add(&mut environment, PAYLOAD, text, &known)?;
        }
        if let Some(key) = &args.key {
            add(&mut environment, KEY, key, &known)?;
        }
        let mut headers = Vec::new();
        for text in &args.headers {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            // Bytes in base64 are no template.
            if !name.ends_with(":base64") {
                add(&mut environment, &format!("header {name}"), value, &known)?;
                headers.push(name.to_owned());
            }
        }
        Ok(Some(Self { environment, headers, has_payload: payload.is_some(), count: 0 }))
    }

    /// The next event, otherwise like `pattern`; `line` is the line of the input it belongs to.
    ///
    /// # Errors
    /// What a template ran into, as a fragment.
    pub(super) fn event(&mut self, pattern: &Event, line: Option<Bytes>) -> Result<Event, String> {
        self.count += 1;
        let text = line.as_deref().map(String::from_utf8_lossy);
        let value: Option<serde_json::Value> =
            line.as_deref().and_then(|line| serde_json::from_slice(line).ok());
        let known = context! { count => self.count, line => text, value => Serde(value) };
        let mut event = Event { received: Timestamp::of_arrival(), ..pattern.clone() };
        event.payload = match line {
            _ if self.has_payload => Some(self.render(PAYLOAD, &known)?.into()),
            line => line,
        };
        if event.key.is_some() {
            event.key = Some(self.render(KEY, &known)?.into());
        }
        for name in &self.headers {
            let value = self.render(&format!("header {name}"), &known)?;
            if let Some(header) = event.headers.iter_mut().find(|header| header.name == *name) {
                *header = Header::text(name, value);
            }
        }
        Ok(event)
    }

    fn render(&self, name: &str, known: &Value) -> Result<String, String> {
        let template = self.environment.get_template(name).map_err(|error| explained(name, &error))?;
        let text = template.render(known).map_err(|error| failed(name, template.source(), &error))?;
        if text.len() > MAX_LINE {
            return Err(format!("the template of the {name} becomes larger than {MAX_LINE} bytes"));
        }
        Ok(text)
    }
}

/// Adds the template of this name, in which nothing else stands than what is `known`.
fn add(
    environment: &mut Environment<'static>,
    name: &str,
    text: &str,
    known: &[String],
) -> Result<(), CommandError> {
    const FORMS: &str = "`{{ count }}` writes a value, `{% if … %}…{% endif %}` decides; without `--template` braces are plain";
    environment
        .add_template_owned(name.to_owned(), text.to_owned())
        .map_err(|error| CommandError::usage(explained(name, &error)).hint(FORMS))?;
    if ["is defined", "is undefined", "default"].iter().any(|test| text.contains(test)) {
        // What need not be there is no slip.
        return Ok(());
    }
    let template = environment.get_template(name);
    let names = template.map(|template| template.undeclared_variables(false)).unwrap_or_default();
    match names.into_iter().filter(|named| !known.contains(named)).min() {
        Some(unknown) => Err(undefined(name, text, &unknown, known)),
        None => Ok(()),
    }
}

fn undefined(name: &str, text: &str, unknown: &str, known: &[String]) -> CommandError {
    let message = format!("`{unknown}` is not defined in the template of the {name}");
    let is_of_name = |each: char| each.is_alphanumeric() || each == '_';
    let is_it = |at: &usize| {
        let (before, behind) = (&text[..*at], &text[at + unknown.len()..]);
        let opened = before.rfind("{{").max(before.rfind("{%"));
        let closed = before.rfind("}}").max(before.rfind("%}"));
        opened > closed && !before.ends_with(is_of_name) && !behind.starts_with(is_of_name)
    };
    let error = match text.match_indices(unknown).map(|(at, _)| at).find(is_it) {
        Some(at) => {
            let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            let line = text[begin..].lines().next().unwrap_or_default();
            CommandError::usage(underlined(&message, line, &(at - begin..at - begin + unknown.len())))
        }
        None => CommandError::usage(message),
    };
    if OF_LINES.contains(&unknown) {
        return error.hint("`line` and `value` are there with `--each-line`");
    }
    match nearest(unknown, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(NAMES),
    }
}

/// What a template ran into while an event was made.
fn failed(name: &str, text: &str, error: &Error) -> String {
    let named = error.range().and_then(|range| text.get(range)).map(str::trim);
    match (error.kind(), named) {
        (ErrorKind::UndefinedError, Some(named)) => {
            format!("`{named}` of the template of the {name} is not there")
        }
        _ => explained(name, error),
    }
}

fn explained(name: &str, error: &Error) -> String {
    let what = match error.kind() {
        ErrorKind::OutOfFuel => "it takes too many steps".to_owned(),
        ErrorKind::UndefinedError => format!("a name is not defined; {NAMES}"),
        kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
    };
    let line = error.line().filter(|line| *line > 1).map(|line| format!(", line {line}")).unwrap_or_default();
    format!("the template of the {name}{line} cannot be used: {what}")
}

fn any_seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

fn environment(seed: u64) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Errors name what they are about.
    environment.set_debug(true);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    let chance = Arc::new(Mutex::new(Random::new(seed)));
    let next = move || chance.lock().map_or(0, |mut chance| chance.next());
    let dice = next.clone();
    environment.add_function("random", move |low: i64, high: i64| {
        if high < low {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("`random({low}, {high})` has no numbers"),
            ));
        }
        Ok(Random::new(dice()).between(low, high))
    });
    let lot = next.clone();
    environment.add_function("pick", move |choices: Rest<Value>| {
        let chosen = Random::new(lot()).choose(&choices).cloned();
        chosen.ok_or_else(|| Error::new(ErrorKind::MissingArgument, "`pick()` has nothing to choose from"))
    });
    environment.add_function("uuid", move || {
        let bits = (u128::from(next()) << 64) | u128::from(next());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string()
    });
    environment.add_function("now", || Timestamp::now().to_string());
    environment.add_function("now_ms", || Timestamp::now().0.div_euclid(1000));
    environment
}
