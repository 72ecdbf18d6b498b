//! Questions about streams before they are read or written: are they there, and where do they begin and end?

use redis::aio::MultiplexedConnection;
use redis::{Value, cmd};

use super::answer;
use super::connection::{ask, ask_all, connect};
use super::failure;
use super::id::EntryId;
use super::removal::Told;
use super::settings::{Role, Settings};
use super::source::PATIENCE;
use crate::endpoint::{Address, End, EndpointError, EndpointErrorKind, SinkOptions};

/// Keys looked at at most when streams are listed.
const KEYS_LOOKED_AT: u64 = 100_000;
/// Streams listed at most.
const STREAMS_LISTED: usize = 1000;
/// Entries asked for at once when counting back from the end; only their ids are kept.
const PAGE: u64 = 500;

/// Names of streams, and whether the search ended before all keys were seen.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) names: Vec<String>,
    pub(super) cut_off: bool,
}

/// Looks for streams among the keys; bounded, since a server may keep any number of them.
///
/// # Errors
/// When the server forbids it or the connection breaks.
pub(super) async fn list(
    connection: &mut MultiplexedConnection,
    settings: &Settings,
) -> Result<Listing, EndpointError> {
    let mut listing = Listing::default();
    let (mut cursor, mut seen) = (0_u64, 0);
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("COUNT").arg(1000).arg("TYPE").arg("stream");
        let (next, names): (u64, Vec<Vec<u8>>) = ask(connection, &scan, settings).await?;
        listing.names.extend(names.iter().map(|name| String::from_utf8_lossy(name).into_owned()));
        (cursor, seen) = (next, seen + 1000);
        if cursor == 0 || seen >= KEYS_LOOKED_AT || listing.names.len() >= STREAMS_LISTED {
            break;
        }
    }
    // A scan may name a key twice.
    listing.names.sort();
    listing.names.dedup();
    listing.cut_off = cursor != 0 || listing.names.len() > STREAMS_LISTED;
    listing.names.truncate(STREAMS_LISTED);
    Ok(listing)
}

/// What the keys of these names hold: `stream`, `none`, or another type; `stream` where we may not ask.
///
/// # Errors
/// When the connection breaks.
pub(super) async fn types(
    connection: &mut MultiplexedConnection,
    names: &[String],
    settings: &Settings,
) -> Result<Vec<String>, EndpointError> {
    let mut questions = redis::pipe();
    for name in names {
        questions.cmd("TYPE").arg(name);
    }
    let answers = ask_all(connection, &questions, settings).await?.into_iter();
    answers
        .map(|answer| match answer {
            Value::ServerError(error) if error.code() == "NOPERM" => Ok("stream".to_owned()),
            Value::ServerError(error) => Err(failure::refusal(&error, &settings.address)),
            other => answer::text(other).ok_or_else(|| failure::odd_answer(&settings.address)),
        })
        .collect()
}

/// The key holds something else.
pub(super) fn no_stream(name: &str, held: &str, address: &Address) -> EndpointError {
    let message = format!("`{name}` at `{}` is no stream but a {held}", address.authority());
    EndpointError::new(EndpointErrorKind::Unsupported, message).help("name another key")
}

/// There is no such stream; says which there are.
pub(super) async fn not_found(
    connection: &mut MultiplexedConnection,
    name: &str,
    settings: &Settings,
) -> EndpointError {
    let listing = list(connection, settings).await.unwrap_or_default();
    let message = format!("no stream at `{}` is called `{name}`", settings.address.authority());
    let near = crate::diagnostic::nearest(name, listing.names.iter().map(String::as_str));
    let help = near.map_or_else(|| there_are(&listing), |near| format!("did you mean `{near}`?"));
    EndpointError::new(EndpointErrorKind::NotFound, message).help(help)
}

/// The address names no stream; says which there are.
pub(super) async fn unnamed(connection: &mut MultiplexedConnection, settings: &Settings) -> EndpointError {
    let listing = list(connection, settings).await.unwrap_or_default();
    let message = format!("`{}` names no stream to read", settings.address);
    EndpointError::new(EndpointErrorKind::Unsupported, message).help(format!(
        "write one or several after the host, as in `redis://HOST/orders,payments`; {}",
        there_are(&listing)
    ))
}

fn there_are(listing: &Listing) -> String {
    if listing.names.is_empty() {
        return "no stream was found there".to_owned();
    }
    let shown: Vec<String> = listing.names.iter().take(10).map(|name| format!("`{name}`")).collect();
    let more = listing.names.len() - shown.len();
    let rest = match (more, listing.cut_off) {
        (0, false) => String::new(),
        (0, true) => " and perhaps more".to_owned(),
        (more, false) => format!(" and {more} more"),
        (more, true) => format!(" and at least {more} more"),
    };
    format!("streams there: {}{rest}", shown.join(", "))
}

/// The id of the last entry of each stream; `None` where there is none.
///
/// # Errors
/// When the server forbids it or the connection breaks.
pub(super) async fn last_ids(
    connection: &mut MultiplexedConnection,
    names: &[String],
    settings: &Settings,
) -> Result<Vec<Option<EntryId>>, EndpointError> {
    let mut questions = redis::pipe();
    for name in names {
        questions.cmd("XREVRANGE").arg(name).arg("+").arg("-").arg("COUNT").arg(1);
    }
    let answers = ask_all(connection, &questions, settings).await?.into_iter();
    answers
        .map(|answer| match answer {
            Value::ServerError(error) => Err(failure::refusal(&error, &settings.address)),
            other => {
                let entries = answer::entries(other).ok_or_else(|| failure::odd_answer(&settings.address))?;
                Ok(entries.first().map(|entry| entry.id))
            }
        })
        .collect()
}

/// What the server says of each stream; `None` where it cannot tell what was removed of it, or may not be asked.
///
/// # Errors
/// When the connection breaks.
pub(super) async fn told(
    connection: &mut MultiplexedConnection,
    names: &[String],
    settings: &Settings,
) -> Result<Vec<Option<Told>>, EndpointError> {
    let mut questions = redis::pipe();
    for name in names {
        questions.cmd("XINFO").arg("STREAM").arg(name);
    }
    Ok(ask_all(connection, &questions, settings).await?.into_iter().map(Told::read).collect())
}

/// The offsets of the last entries of these streams, which nothing that is added from now on lies before; 0 where there
/// is none. Ids beyond the 4096th of a millisecond share an offset, so the last entry itself is included.
///
/// # Errors
/// When the server cannot be reached, forbids it, or the connection breaks.
pub(super) async fn ends(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<Vec<End>, EndpointError> {
    let credentials = options.credentials.as_ref();
    let settings = Settings::read(address, credentials, options.connect_timeout, Role::Sink)?;
    let mut connection = connect(&settings, PATIENCE).await?;
    let names: Vec<String> = channels.iter().map(|&name| name.to_owned()).collect();
    let last = last_ids(&mut connection, &names, &settings).await?;
    let end = |(channel, id): (String, Option<EntryId>)| {
        let offset = id.map_or(0, EntryId::offset);
        End { channel, partition: None, offset }
    };
    Ok(names.into_iter().zip(last).map(end).collect())
}

/// Whether a stream still holds everything that has come to it since this place.
///
/// # Errors
/// When the server cannot be reached, or the connection breaks.
pub(super) async fn holds_all_since(
    address: &Address,
    options: &SinkOptions,
    place: &End,
) -> Result<bool, EndpointError> {
    let credentials = options.credentials.as_ref();
    let settings = Settings::read(address, credentials, options.connect_timeout, Role::Sink)?;
    let mut connection = connect(&settings, PATIENCE).await?;
    let mut questions = redis::pipe();
    questions.cmd("XRANGE").arg(&place.channel).arg("-").arg("+").arg("COUNT").arg(1);
    questions.cmd("XINFO").arg("STREAM").arg(&place.channel);
    let mut answers = ask_all(&mut connection, &questions, &settings).await?.into_iter();
    let first = answers.next().and_then(answer::entries).and_then(|entries| Some(entries.first()?.id));
    let told = answers.next().and_then(answer::list);
    let number = |name: &str| told.as_ref().and_then(|told| answer::number(answer::named(told, name)?));
    let reaches_back = first.is_some_and(|first| first.offset() <= place.offset);
    // Where nothing was ever taken away, what is there is all; servers before Redis 7 do not count it.
    let is_untouched = number("entries-added").is_some_and(|added| Some(added) == number("length"));
    let was_never_there = first.is_none() && told.is_none() && place.offset == 0;
    Ok(reaches_back || is_untouched || was_never_there)
}

/// After which entry of each stream the last `count` of all of them begin.
///
/// # Errors
/// When the server forbids it or the connection breaks.
pub(super) async fn before_last(
    connection: &mut MultiplexedConnection,
    names: &[String],
    count: u64,
    settings: &Settings,
) -> Result<Vec<EntryId>, EndpointError> {
    let mut newest: Vec<(EntryId, usize)> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let ids = ids_from_the_end(connection, name, count, settings).await?;
        newest.extend(ids.into_iter().map(|id| (id, at)));
    }
    newest.sort_unstable_by(|one, other| other.cmp(one));
    newest.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    let last = last_ids(connection, names, settings).await?;
    let begin = |(at, last): (usize, Option<EntryId>)| {
        let first = newest.iter().filter(|(_, stream)| *stream == at).map(|(id, _)| *id).min();
        first.map_or_else(|| last.unwrap_or_default(), |first| first.before().unwrap_or_default())
    };
    Ok(last.into_iter().enumerate().map(begin).collect())
}

async fn ids_from_the_end(
    connection: &mut MultiplexedConnection,
    name: &str,
    count: u64,
    settings: &Settings,
) -> Result<Vec<EntryId>, EndpointError> {
    let mut ids: Vec<EntryId> = Vec::new();
    let mut end = "+".to_owned();
    // The first page is small: what the entries weigh is not known yet.
    let mut page = 20.min(count);
    while page > 0 {
        let mut question = cmd("XREVRANGE");
        question.arg(name).arg(&end).arg("-").arg("COUNT").arg(page);
        let answer: Value = ask(connection, &question, settings).await?;
        let entries = answer::entries(answer).ok_or_else(|| failure::odd_answer(&settings.address))?;
        let complete = (entries.len() as u64) < page;
        ids.extend(entries.iter().map(|entry| entry.id));
        let Some(before) = ids.last().and_then(|id| id.before()).filter(|_| !complete) else {
            break;
        };
        end = before.to_string();
        page = PAGE.min(count - ids.len() as u64);
    }
    Ok(ids)
}
