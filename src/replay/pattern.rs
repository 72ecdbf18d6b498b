//! What `--match` understands: a text to contain, a field compared with a pattern or a value, or a jq filter.

use std::ops::Range;

use thiserror::Error;

use super::jq::{FIELDS, Jq, JqError};
use crate::event::{Event, Header, coding, correlation};

/// An expression that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct PatternError {
    /// What is wrong.
    pub message: String,
    /// The text that is wrong and the bytes of it, when they can be named.
    pub wrong: Option<(String, Range<usize>)>,
    /// The accepted form.
    pub help: String,
}

impl From<JqError> for PatternError {
    fn from(error: JqError) -> Self {
        Self { message: error.message, wrong: Some((error.text, error.wrong)), help: error.help }
    }
}

/// One expression of `--match`.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A comparison.
    Pattern(Pattern),
    /// A jq filter that must give something true.
    Jq(Jq),
}

impl Condition {
    /// Reads one expression: `jq=FILTER`, a text that begins with a field of the event such as `.payload`, or a [`Pattern`].
    ///
    /// # Errors
    /// [`PatternError`] when the filter or the pattern is malformed.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let filter = text.strip_prefix("jq=").or_else(|| begins_with_field(text).then_some(text));
        if let (None, Some((field, near))) = (filter, misspelt(text)) {
            return Err(PatternError {
                message: format!("`{field}` is no part of an event"),
                wrong: Some((text.to_owned(), 0..field.len())),
                help: format!("did you mean `{near}`? {HELP}"),
            });
        }
        if let (None, Some(path)) = (filter, compared(text)) {
            return Err(PatternError {
                message: format!("`{path}` is no part of an event"),
                wrong: Some((text.to_owned(), 0..path.len())),
                help: format!(
                    "what is in the payload begins with `.payload`: `.payload{path}…`; write `jq=FILTER` for any other filter"
                ),
            });
        }
        match filter {
            Some(filter) => Ok(Self::Jq(Jq::compile(filter)?)),
            None => Ok(Self::Pattern(Pattern::parse(text)?)),
        }
    }
}

/// Whether a text is `.` and the name of a field of the event, and then no further letter: a text to contain seldom is.
fn begins_with_field(text: &str) -> bool {
    let Some(body) = text.strip_prefix('.') else {
        return false;
    };
    let end = body.find(|each: char| !each.is_ascii_lowercase() && each != '_').unwrap_or(body.len());
    FIELDS.contains(&&body[..end])
        && !body[end..].starts_with(|each: char| each.is_alphanumeric() || each == '-')
}

/// The path at the beginning of a text that can only be meant as jq: it is compared with something, or handed on.
fn compared(text: &str) -> Option<&str> {
    const SIGNS: [&str; 9] = ["==", "!=", "<", ">", "|", "//", "and ", "or ", "as $"];
    if !text.strip_prefix('.')?.starts_with(|each: char| each.is_alphabetic() || each == '_') {
        return None;
    }
    let of_path = |each: char| each.is_alphanumeric() || matches!(each, '.' | '_' | '[' | ']' | '"' | '?');
    let (path, rest) = text.split_at(text.find(|each| !of_path(each))?);
    SIGNS.iter().any(|sign| rest.trim_start().starts_with(sign)).then_some(path)
}

/// The part of an event that a text begins with, when its name has a slip, and the name that is meant.
fn misspelt(text: &str) -> Option<(&str, String)> {
    /// Shorter names are near too many words.
    const SHORTEST: usize = 5;
    let dot = usize::from(text.starts_with('.'));
    let is_of_name = |each: char| each.is_alphabetic() || each == '_';
    let end = text[dot..].find(|each| !is_of_name(each)).map(|length| dot + length)?;
    let (field, rest) = text.split_at(end);
    let is_used =
        if dot == 1 { rest.starts_with(['.', '[', ' ', '|']) } else { rest.starts_with(['=', '.']) };
    if field.len() < SHORTEST + dot || !is_used || (dot == 0 && !text.contains('=')) {
        return None;
    }
    let names: &[&str] = if dot == 1 { &FIELDS } else { &["channel", "header", "payload"] };
    let mut names = names.iter().filter(|name| name.len() >= SHORTEST);
    let near = names.find(|name| is_a_slip_of(&field[dot..], name))?;
    Some((field, format!("{}{near}", &text[..dot])))
}

/// Whether a letter was left out, came twice, or two changed places; another letter may well be another word.
fn is_a_slip_of(word: &str, name: &str) -> bool {
    if word == name {
        return false;
    }
    let (word, name) = (word.as_bytes(), name.as_bytes());
    let alike = word.iter().zip(name).take_while(|(one, other)| one == other).count();
    let (word, name) = (&word[alike..], &name[alike..]);
    match (word, name) {
        ([one, other, word @ ..], [first, second, name @ ..]) if (one, other) == (second, first) => {
            word == name
        }
        _ => word == name.get(1..).unwrap_or_default() || name == word.get(1..).unwrap_or_default(),
    }
}

/// Whether this stands for a header or a part of the payload in a form that is not ours: a text to contain seldom is.
fn is_slip(field: &str) -> bool {
    ["headers.", "header:", "headers:", "header[", "headers[", "payload:", "payload/", "payload["]
        .iter()
        .any(|form| field.starts_with(form))
}

/// One condition on an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// `channel=GLOB`.
    Channel(glob::Pattern),
    /// `key=GLOB`; an event without a key does not match.
    Key(glob::Pattern),
    /// `header.NAME=GLOB`; one header of that name is enough.
    Header(String, glob::Pattern),
    /// `payload.POINTER=VALUE`, a JSON Pointer; the value is compared as JSON, or as text.
    Payload(String, serde_json::Value),
    /// What belongs together: see [`correlation`].
    Correlation(String),
    /// Anything else: key or payload contain this text.
    Contains(String),
}

const HELP: &str = "write `TEXT`, `channel=GLOB`, `key=GLOB`, `header.NAME=GLOB`, `payload./json/pointer=VALUE` or `jq=FILTER`";

impl Pattern {
    /// Reads one expression.
    ///
    /// # Errors
    /// [`PatternError`] when a pattern is malformed.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let error = |message: String, wrong: Range<usize>| PatternError {
            message,
            wrong: Some((text.to_owned(), wrong)).filter(|_| !text.is_empty()),
            help: HELP.to_owned(),
        };
        if text.is_empty() {
            return Err(error("the match expression is empty".to_owned(), 0..0));
        }
        let Some((field, value)) = text.split_once('=') else {
            return Ok(Self::Contains(text.to_owned()));
        };
        let pattern = || {
            glob::Pattern::new(value).map_err(|found| {
                let message = format!("`{value}` is not a pattern: {}", found.msg);
                error(message, wrong_in_glob(text, field.len() + 1, &found))
            })
        };
        if let Some(pointer) = field.strip_prefix("payload.") {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                let message = format!("`{pointer}` is not a JSON Pointer: it must begin with `/`");
                return Err(error(message, field.len() - pointer.len()..field.len()));
            }
            let wanted = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            return Ok(Self::Payload(pointer.to_owned(), wanted));
        }
        if let Some(name) = field.strip_prefix("header.") {
            return Ok(Self::Header(name.to_owned(), pattern()?));
        }
        match field {
            "channel" => Ok(Self::Channel(pattern()?)),
            "key" => Ok(Self::Key(pattern()?)),
            _ if is_slip(field) => {
                Err(error(format!("`{field}` is not how a part of an event is named"), 0..field.len()))
            }
            _ => Ok(Self::Contains(text.to_owned())),
        }
    }

    /// Whether the event fulfils the condition.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        match self {
            Self::Channel(pattern) => pattern.matches(&event.channel),
            Self::Key(pattern) => event.key.as_deref().is_some_and(|key| pattern.matches(&text(key))),
            Self::Header(..) => event.headers.iter().any(|header| self.is_of_header(header)),
            Self::Payload(pointer, wanted) => payload_equals(event, pointer, wanted),
            Self::Correlation(identifier) => correlation::belongs(event, identifier),
            Self::Contains(needle) => {
                let found = |bytes: &[u8]| memchr::memmem::find(bytes, needle.as_bytes()).is_some();
                event.key.as_deref().is_some_and(found)
                    || coding::plain_payload(event).as_deref().is_some_and(found)
            }
        }
    }

    /// Whether it is a condition on headers that this one fulfils.
    #[must_use]
    pub fn is_of_header(&self, header: &Header) -> bool {
        let Self::Header(name, pattern) = self else {
            return false;
        };
        let value = header.value.as_deref().map(text);
        header.name.eq_ignore_ascii_case(name) && value.is_some_and(|value| pattern.matches(&value))
    }
}

/// Where in an expression, whose pattern begins at this byte, the pattern cannot be read.
fn wrong_in_glob(text: &str, begin: usize, error: &glob::PatternError) -> Range<usize> {
    // Its place is one of characters, and may lie behind the end.
    let mut characters = text[begin..].char_indices().map(|(at, _)| begin + at).skip(error.pos);
    match (characters.next(), characters.next()) {
        (Some(at), next) => at..next.unwrap_or(text.len()),
        (None, _) => begin..text.len(),
    }
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn payload_equals(event: &Event, pointer: &str, wanted: &serde_json::Value) -> bool {
    let payload = coding::plain_payload(event).unwrap_or_default();
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&payload) else {
        return false;
    };
    value.pointer(pointer).is_some_and(|found| equals(found, wanted))
}

/// Whether a value of a payload is the one that an expression names.
#[must_use]
pub fn equals(found: &serde_json::Value, wanted: &serde_json::Value) -> bool {
    // `payload./id=7` should also find `"7"`: on a command line everything is written without quotes.
    let same_number = found.as_f64().is_some() && found.as_f64() == wanted.as_f64();
    found == wanted || same_number || found.as_str() == Some(wanted.to_string().as_str())
}

#[cfg(test)]
mod tests {
    use super::{Condition, Pattern};
    use crate::event::{Event, Header};

    #[test]
    fn every_form_matches_what_it_says() {
        let mut event = Event::new("shop/orders", r#"{"id":"7","total":12.5,"items":[{"sku":"a"}]}"#);
        event.key = Some("customer-3".into());
        event.headers.push(Header::text("Trace-Id", "abc"));
        let holds = |text: &str| Pattern::parse(text).expect(text).matches(&event);
        for text in [
            "customer-3",
            "sku",
            "channel=shop/*",
            "key=customer-?",
            "header.trace-id=a*",
            "payload./id=7",
            "payload./id=\"7\"",
            "payload./total=12.50",
            "payload./items/0/sku=a",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in
            ["nothing", "channel=other", "key=x", "header.none=*", "payload./id=8", "payload./x=7", "a=b"]
        {
            assert!(!holds(text), "{text}");
        }
        for text in ["", "channel=[", "payload.id=7", "header:a=1", "headers.a=1", "payload/id=7"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        for (text, wrong) in [
            ("channel=[", "["),
            ("key=ä/[a", "["),
            ("header.a=x***", "***"),
            ("header.a=ab**", "b"),
            ("payload.id=7", "id"),
            ("header:a=1", "header:a"),
        ] {
            let error = Pattern::parse(text).expect_err(text);
            let (shown, range) = error.wrong.expect("a mark");
            assert!(shown == text && wrong.contains(&shown[range.clone()]), "{text}: {}", &shown[range]);
        }
    }

    #[test]
    fn jq_is_told_from_text() {
        let is_jq = |text: &str| matches!(Condition::parse(text).expect(text), Condition::Jq(_));
        for text in
            [".payload.total > 3", "jq=.x", ".key", ".headers[\"a\"]", ".time_us>1", ".payload|length"]
        {
            assert!(is_jq(text), "{text}");
        }
        for text in [".com", ".", ".keys", ".payload-x", ".key7", "select(.key)", "payload./a=1"] {
            assert!(!is_jq(text), "{text}");
        }
        for (text, field, near) in [
            ("chanel=orders", "chanel", "`channel`"),
            ("haeder.a=1", "haeder", "`header`"),
            ("paylod./a=1", "paylod", "`payload`"),
            (".payloads.total > 3", ".payloads", "`.payload`"),
            (".chanel == \"a\"", ".chanel", "`.channel`"),
        ] {
            let error = Condition::parse(text).expect_err(text);
            assert_eq!(error.wrong, Some((text.to_owned(), 0..field.len())), "{text}");
            assert!(error.help.contains(near), "{text}: {}", error.help);
        }
        for text in [
            "cancel=true",
            "leader=3",
            "reader=7",
            "loader=x",
            "holder=x",
            "canal=x",
            "tunnel=x",
            "channels",
            "a channel=x",
            ".example.com",
            "payloads are large",
        ] {
            assert!(matches!(Condition::parse(text), Ok(Condition::Pattern(Pattern::Contains(_)))), "{text}");
        }
        for (text, path) in [
            (".total > 100", ".total"),
            (".x==1", ".x"),
            (".a.b[0].c != null", ".a.b[0].c"),
            (".items[] | .sku", ".items[]"),
        ] {
            let error = Condition::parse(text).expect_err(text);
            assert_eq!(error.wrong, Some((text.to_owned(), 0..path.len())), "{text}");
            assert!(error.help.contains(&format!("`.payload{path}…`")), "{text}: {}", error.help);
        }
        for text in [".com/path", ".5 > 3", ". > x", ".profile: x", ".net"] {
            assert!(matches!(Condition::parse(text), Ok(Condition::Pattern(Pattern::Contains(_)))), "{text}");
        }
        let error = Condition::parse(".payload.total >").expect_err("an end is missing");
        assert_eq!(error.wrong, Some((".payload.total >".to_owned(), 16..16)));
    }
}
