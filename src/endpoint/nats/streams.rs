//! Which stream an address means: its name, or a subject that a stream keeps.

use std::time::Duration;

use async_nats::jetstream::context::{Context, GetStreamByNameErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{RetentionPolicy, Stream};
use futures_util::TryStreamExt;

use super::connection::{Connection, connect, known};
use super::{failure, stream_sink};
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::{Address, End, EndpointError, EndpointErrorKind, SinkOptions, SourceOptions};

/// A server that has just started may not have its streams yet.
pub(super) const STREAMS_COME_BACK: Duration = Duration::from_secs(10);
/// How the subjects begin that questions about streams are put to.
pub(super) const API: &str = "$JS.API.";

/// What the path of an address was found to mean.
#[derive(Debug)]
pub(super) enum Meaning {
    /// The name of a stream.
    Stream(Box<Stream>),
    /// A subject, and the stream that keeps it.
    Subject(Box<Stream>),
}

/// Finds the stream for a path. A path with `.`, `*` or `>` can only be a subject; another is the name of a stream
/// first, and a subject when there is no stream of that name.
///
/// # Errors
/// When there is neither, with the names there are.
pub(super) async fn find(context: &Context, path: &str, address: &Address) -> Result<Meaning, EndpointError> {
    if !path.contains(['.', '*', '>', ' '])
        && let Some(stream) = by_name(context, path, address).await?
    {
        return Ok(Meaning::Stream(Box::new(stream)));
    }
    match context.stream_by_subject(path).await {
        Ok(name) => match by_name(context, &name, address).await? {
            Some(stream) => Ok(Meaning::Subject(Box::new(stream))),
            None => Err(not_found(context, path, address).await),
        },
        Err(error) if error.kind() == GetStreamByNameErrorKind::NotFound => {
            Err(not_found(context, path, address).await)
        }
        Err(error) if error.kind() == GetStreamByNameErrorKind::InvalidSubject => {
            Err(failure::bad_subject(path))
        }
        Err(error) => Err(failure::request("look for the stream", &error, address)),
    }
}

/// A stream that is about to be read.
pub(super) struct Opening {
    pub(super) connection: Connection,
    pub(super) context: Context,
    pub(super) stream: Stream,
    /// The subjects to read of it; all, when empty.
    pub(super) filter: String,
}

impl Opening {
    /// Connects, and finds the stream an address means.
    ///
    /// # Errors
    /// When the address names nothing, the server cannot be reached, or there is no such stream.
    pub(super) async fn of(address: &Address, options: &SourceOptions) -> Result<Self, EndpointError> {
        if address.path.is_empty() {
            let message = format!("`{address}` names no stream to read");
            return Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help("write the name of a stream, or a subject that a stream keeps, after the host"));
        }
        let connection =
            connect(address, options.credentials.as_ref(), options.connect_timeout, &["subject"]).await?;
        let options = AddressOptions::new(address, &known(&["subject"]))?;
        let subject = options.text("subject");
        if let Some(wrong) = subject.filter(|subject| !is_pattern(subject)) {
            return Err(options.wrong(
                "subject",
                wrong,
                "a subject, in which `*` is any word and `>` at the end any words",
            ));
        }
        let context = async_nats::jetstream::new(connection.client.clone());
        let found = connection.unless_refused(API, find(&context, &address.path, address)).await?;
        let (stream, filter) = match found {
            Meaning::Stream(stream) => (stream, subject.unwrap_or_default().to_owned()),
            Meaning::Subject(stream) => (stream, address.path.clone()),
        };
        Ok(Self { connection, context, stream: *stream, filter })
    }
}

/// The sequence numbers that the next events of these streams, or of the streams of these subjects, get; none where one of
/// them gives its events away.
///
/// # Errors
/// When the server cannot be reached, or a stream is not there.
pub(super) async fn ends(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<Option<Vec<End>>, EndpointError> {
    let connection =
        connect(address, options.credentials.as_ref(), options.connect_timeout, &stream_sink::OPTIONS)
            .await?;
    let context = async_nats::jetstream::new(connection.client.clone());
    let mut ends = Vec::with_capacity(channels.len());
    for channel in channels {
        let found = connection.unless_refused(API, find(&context, channel, address)).await?;
        let (Meaning::Stream(stream) | Meaning::Subject(stream)) = found;
        let info = stream.cached_info();
        if gives_away(info.config.retention).is_some() {
            return Ok(None);
        }
        let offset = info.state.last_sequence + 1;
        ends.push(End { channel: (*channel).to_owned(), partition: None, offset });
    }
    Ok(Some(ends))
}

/// What a stream is called whose events are gone once they were consumed.
pub(super) fn gives_away(retention: RetentionPolicy) -> Option<&'static str> {
    match retention {
        RetentionPolicy::Limits => None,
        RetentionPolicy::WorkQueue => Some("a work queue"),
        RetentionPolicy::Interest => Some("kept by interest"),
    }
}

/// Whether the stream of a channel still holds everything that has come to it since this place.
///
/// # Errors
/// When the server cannot be reached, or the stream is not there.
pub(super) async fn holds_all_since(
    address: &Address,
    options: &SinkOptions,
    place: &End,
) -> Result<bool, EndpointError> {
    let connection =
        connect(address, options.credentials.as_ref(), options.connect_timeout, &stream_sink::OPTIONS)
            .await?;
    let context = async_nats::jetstream::new(connection.client.clone());
    let found = connection.unless_refused(API, find(&context, &place.channel, address)).await?;
    let (Meaning::Stream(stream) | Meaning::Subject(stream)) = found;
    let info = stream.cached_info();
    let is_cut = info.state.first_sequence > place.offset;
    let has_gaps = info.state.deleted_count.is_some_and(|deleted| deleted > 0);
    let was_made_anew = info.state.last_sequence + 1 < place.offset;
    Ok(!is_cut && !has_gaps && !was_made_anew && gives_away(info.config.retention).is_none())
}

pub(super) async fn by_name(
    context: &Context,
    name: &str,
    address: &Address,
) -> Result<Option<Stream>, EndpointError> {
    match context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(said) if said.code() == 404 => Ok(None),
            GetStreamErrorKind::InvalidStreamName | GetStreamErrorKind::EmptyName => Ok(None),
            _ => Err(failure::request("look for the stream", &error, address)),
        },
    }
}

async fn not_found(context: &Context, path: &str, address: &Address) -> EndpointError {
    let names: Vec<String> = context.stream_names().try_collect().await.unwrap_or_default();
    let message = format!("no stream at `{}` is called `{path}` or keeps that subject", address.authority());
    let near = crate::diagnostic::nearest(path, names.iter().map(String::as_str));
    let help = match (near, names.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, false) => format!("streams there: {}", listed(&names)),
        (None, true) => {
            "there is no stream yet: `nats stream add NAME --subjects 'SUBJECT.>'` makes one".to_owned()
        }
    };
    EndpointError::new(EndpointErrorKind::NotFound, message).help(help)
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(10).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 10 { format!("{shown} and {} more", names.len() - 10) } else { shown }
}

/// Whether this may stand for subjects.
fn is_pattern(text: &str) -> bool {
    let (words, rest) = text.rsplit_once('.').unwrap_or(("x", text));
    !text.contains([' ', '\t', '\r', '\n', '\0'])
        && !rest.is_empty()
        && words.split('.').all(|word| !word.is_empty() && word != ">")
}

/// Whether a subject is one of those that a pattern with `*` and `>` stands for.
pub(super) fn matches(pattern: &str, subject: &str) -> bool {
    let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
    loop {
        match (pattern.next(), subject.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some(wanted), Some(word)) if wanted == "*" || wanted == word => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, subject, expected) in [
            ("a.b", "a.b", true),
            ("a.*", "a.b", true),
            ("a.*", "a.b.c", false),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            (">", "a", true),
            ("a", "a.b", false),
        ] {
            assert_eq!(matches(pattern, subject), expected, "{pattern} {subject}");
        }
    }
}
