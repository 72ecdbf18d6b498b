//! What a NATS server tells before events are sent: the largest payload, whether we may publish, and limits of streams.

use std::time::Duration;

use async_nats::jetstream::context::Context;
use async_nats::jetstream::stream::{Config, DiscardPolicy};

use super::connection::{Connection, connect};
use super::streams::{self, Meaning};
use super::{stream_sink, whoami};
use crate::endpoint::address::Scheme;
use crate::endpoint::facts::{ChannelFacts, Presence, TargetFacts};
use crate::endpoint::{Address, EndpointError, EndpointErrorKind, SinkOptions};

/// Subjects whose streams are looked for, each with a question.
const MOST_ASKED: usize = 200;

/// Asks for the subjects that events of these channels go to.
///
/// # Errors
/// When the server cannot be reached or does not let us in.
pub(super) async fn ask(
    address: &Address,
    options: &SinkOptions,
    channels: &[&str],
) -> Result<TargetFacts, EndpointError> {
    let known = &stream_sink::OPTIONS;
    let connection = connect(address, options.credentials.as_ref(), options.connect_timeout, known).await?;
    let info = connection.client.server_info();
    // A server without a name of its own gets another one each time it starts.
    let named = Some(info.server_name).filter(|name| *name != info.server_id);
    let mut facts = TargetFacts { cluster: info.cluster.or(named), ..TargetFacts::default() };
    if address.scheme == Scheme::JetStream {
        let context = async_nats::jetstream::new(connection.client.clone());
        let asked = streams_of(&context, address, channels, &mut facts.not_told);
        facts.channels = connection.unless_refused(streams::API, asked).await?;
    } else {
        let subjects = if address.path.is_empty() { channels.to_vec() } else { vec![address.path.as_str()] };
        facts.channels = subjects.into_iter().map(ChannelFacts::unknown).collect();
    }
    let largest = connection.client.max_payload() as u64;
    for channel in &mut facts.channels {
        channel.largest_event = Some(channel.largest_event.map_or(largest, |own| own.min(largest)));
    }
    permissions(&connection, &mut facts).await;
    Ok(facts)
}

async fn permissions(connection: &Connection, facts: &mut TargetFacts) {
    let Some(user) = whoami::ask(connection).await else {
        facts.not_told.push("permissions: the server does not tell us of our user".to_owned());
        return;
    };
    for channel in &mut facts.channels {
        channel.may_send = Some(user.may_publish(&channel.channel));
    }
}

/// One channel for each subject that a stream is to keep.
async fn streams_of(
    context: &Context,
    address: &Address,
    channels: &[&str],
    not_told: &mut Vec<String>,
) -> Result<Vec<ChannelFacts>, EndpointError> {
    if !address.path.is_empty() {
        return Ok(match streams::find(context, &address.path, address).await? {
            Meaning::Subject(stream) => vec![kept(&address.path, &stream.cached_info().config)],
            Meaning::Stream(stream) => {
                let config = &stream.cached_info().config;
                channels.iter().map(|channel| in_stream(channel, config)).collect()
            }
        });
    }
    let mut facts = Vec::with_capacity(channels.len());
    for channel in channels.iter().take(MOST_ASKED) {
        facts.push(match streams::find(context, channel, address).await {
            Ok(Meaning::Stream(stream) | Meaning::Subject(stream)) => {
                kept(channel, &stream.cached_info().config)
            }
            Err(error) if error.kind == EndpointErrorKind::NotFound => {
                let against = Some(error.message);
                ChannelFacts { against, help: error.help, ..ChannelFacts::unknown(*channel) }
            }
            // What is no subject is told with the events that go there.
            Err(error) if error.kind == EndpointErrorKind::Rejected => ChannelFacts::unknown(*channel),
            Err(error) => return Err(error),
        });
    }
    if channels.len() > MOST_ASKED {
        not_told.push(format!("streams of {} further subjects: not asked for", channels.len() - MOST_ASKED));
        facts.extend(channels.iter().skip(MOST_ASKED).map(|channel| ChannelFacts::unknown(*channel)));
    }
    Ok(facts)
}

fn in_stream(channel: &str, config: &Config) -> ChannelFacts {
    match stream_sink::subject_in_stream(channel, &config.name, &config.subjects) {
        Ok(_) => kept(channel, config),
        Err(error) => {
            ChannelFacts { against: Some(error.message), help: error.help, ..ChannelFacts::unknown(channel) }
        }
    }
}

fn kept(subject: &str, config: &Config) -> ChannelFacts {
    let positive = |number: i64| u64::try_from(number).ok().filter(|number| *number > 0);
    let of_subject = positive(config.max_messages_per_subject);
    let most_events = [positive(config.max_messages), of_subject].into_iter().flatten().min();
    ChannelFacts {
        presence: Presence::There,
        against: config.sealed.then(|| format!("the stream `{}` is sealed", config.name)),
        kept_for: (config.max_age > Duration::ZERO).then_some(config.max_age),
        most_events,
        most_bytes: positive(config.max_bytes),
        largest_event: positive(i64::from(config.max_message_size)),
        refuses_when_full: config.discard == DiscardPolicy::New,
        kept_in: Some(config.name.clone()),
        gives_away: streams::gives_away(config.retention),
        ..ChannelFacts::unknown(subject)
    }
}
