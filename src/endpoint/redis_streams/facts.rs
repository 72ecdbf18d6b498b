//! What a Redis server tells before entries are added: what the keys hold, how large one may be, and how much memory is left.

use redis::Value;

use super::connection::{ask_all, connect};
use super::id::EntryId;
use super::settings::{Role, Settings};
use super::streams::no_stream;
use super::{answer, observe, settings};
use crate::endpoint::facts::{ChannelFacts, Presence, RisingId, TargetFacts};
use crate::endpoint::{Address, EndpointError, SinkOptions};

/// Asks for the streams that events of these channels go to.
///
/// # Errors
/// When the server cannot be reached or does not let us in.
pub(super) async fn ask(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<TargetFacts, EndpointError> {
    let credentials = options.credentials.as_ref();
    let settings = Settings::read(address, credentials, options.connect_timeout, Role::Observer)?;
    let mut connection = connect(&settings, options.connect_timeout).await?;
    let names = if address.path.is_empty() { channels.to_vec() } else { vec![address.path.as_str()] };
    let keeps_ids = settings::checked(address, Role::Sink)?.text("id") == Some("keep");
    let mut questions = redis::pipe();
    questions.cmd("INFO").arg("memory");
    questions.cmd("CONFIG").arg("GET").arg("proto-max-bulk-len");
    for name in &names {
        questions.cmd("TYPE").arg(name);
        if keeps_ids {
            questions.cmd("XINFO").arg("STREAM").arg(name);
        }
        observe::whether_may_add(&mut questions, name);
    }
    let mut answers = ask_all(&mut connection, &questions, &settings).await?.into_iter();
    let mut facts = TargetFacts::default();
    let memory = answers.next().and_then(answer::text_or_refusal);
    let largest = answers.next().and_then(largest);
    if memory.is_none() {
        facts.not_told.push("memory: this user may not ask for `INFO`".to_owned());
    }
    if largest.is_none() {
        facts.not_told.push("the largest value: this user may not ask for `CONFIG GET`".to_owned());
    }
    let (room, refuses_when_full) = memory.as_deref().map(room).unwrap_or_default();
    // What is trimmed as entries come drops the oldest, and need not have room for all.
    let is_trimmed = settings.maxlen.is_some();
    let (room, refuses_when_full) = (room.filter(|_| !is_trimmed), refuses_when_full && !is_trimmed);
    for name in names {
        let held = answers.next().and_then(answer::text_or_refusal);
        let last = if keeps_ids { answers.next().and_then(last_id) } else { None };
        let mut channel = ChannelFacts {
            largest_event: largest,
            most_bytes: room,
            most_events: settings.maxlen.map(u64::from),
            last_id: last.map(RisingId::from),
            may_send: answers.next().as_ref().and_then(observe::may),
            refuses_when_full,
            ..ChannelFacts::unknown(name)
        };
        match held.as_deref() {
            Some("stream") => channel.presence = Presence::There,
            Some("none") => channel.presence = Presence::MadeOnSending,
            Some(other) => {
                let error = no_stream(name, other, address);
                (channel.against, channel.help) = (Some(error.message), error.help);
            }
            // In a cluster the key may lie at another node.
            None => {}
        }
        facts.channels.push(channel);
    }
    Ok(facts)
}

/// The highest id that a stream ever had, in the answer to `XINFO STREAM`; none where there is no stream, or we may not ask.
fn last_id(answer: Value) -> Option<EntryId> {
    let said = answer::list(answer)?;
    answer::named(&said, "last-generated-id").cloned().and_then(answer::id)
}

fn largest(answer: Value) -> Option<u64> {
    answer::list(answer)?.into_iter().nth(1).and_then(answer::text)?.parse().ok()
}

/// Bytes of memory that are left, where there is a limit, and whether writing ends when there are none.
fn room(said: &str) -> (Option<u64>, bool) {
    let said = observe::information(said);
    let number = |name: &str| said.get(name).and_then(|text| text.parse::<u64>().ok());
    let limit = number("maxmemory").filter(|limit| *limit > 0);
    let room = limit.zip(number("used_memory")).map(|(limit, used)| limit.saturating_sub(used));
    (room, said.get("maxmemory_policy").is_some_and(|policy| !policy.starts_with("allkeys")))
}

#[cfg(test)]
mod tests {
    use super::room;

    #[test]
    fn memory_is_what_is_left_of_the_limit() {
        let said = |limit: u32, policy: &str| {
            format!("# Memory\r\nused_memory:400\r\nmaxmemory:{limit}\r\nmaxmemory_policy:{policy}\r\n")
        };
        assert_eq!(room(&said(0, "noeviction")), (None, true));
        assert_eq!(room(&said(1000, "noeviction")), (Some(600), true));
        assert_eq!(room(&said(300, "allkeys-lru")), (Some(0), false));
    }
}
