//! Where injected events come from: flags, files, standard input, or the contract.

use std::fs::File;
use std::io::Read;

use base64::Engine;
use bytes::Bytes;
use compact_str::CompactString;

use super::rendered::Rendered;
use super::{Args, InputFormat};
use crate::commands::contract_check::{self, ContractCheck, checked};
use crate::commands::target::{Place, Places, is_network};
use crate::commands::window::Window;
use crate::commands::{CommandError, Context, transfer};
use crate::endpoint::address::Scheme;
use crate::endpoint::open::{self, open_source};
use crate::endpoint::{Address, Capabilities, EndpointError, EndpointErrorKind, Source, SourceOptions};
use crate::event::json_lines::MAX_LINE;
use crate::event::{self, BrokerTime, Event, Header, TimeKind, Timestamp, kcat};
use crate::replay::supply::{LineSource, MadeSource};
use crate::replay::{Rate, TimePoint};
use crate::ui::Ui;

/// Channel, key, headers, time and partition that flags give to every event. A partition is asked of the target as well:
/// of a recorded one, that there is none of its number says nothing.
pub(super) fn pattern(args: &Args, target: &mut Place, ui: &Ui) -> Result<Event, CommandError> {
    refuse_second_channel(args, target)?;
    let channel = args.channel.clone().or_else(|| target.channel.clone()).unwrap_or_default();
    // A web server has an address even without a path.
    let needs_channel = is_network(&target.address) && target.address.scheme != Scheme::Http;
    // A fanout exchange asks for no routing key.
    let is_empty_key = target.address.scheme == Scheme::Amqp
        && (args.channel.is_some() || target.address.option("routing-key").is_some());
    if channel.is_empty() && !args.events && needs_channel && !is_empty_key {
        return Err(CommandError::usage(format!("`{}` names no channel to send to", target.address)).hint(
            format!("add `--channel NAME`, or write it behind the address: `{}`", with_channel(target)),
        ));
    }
    let headers = args.headers.iter().map(|text| header(text)).collect::<Result<Vec<_>, _>>()?;
    let broker_time = args.timestamp.as_deref().map(timestamp).transpose()?;
    let place = event::Place { partition: args.partition, offset: None };
    let key = args.key.clone().map(Into::into);
    let pattern = Event { channel: channel.into(), key, headers, broker_time, place, ..Event::default() };
    // A time such as `-5m` is not meant to the microsecond.
    let names_fraction = args.timestamp.as_ref().is_some_and(|text| text.contains('.'));
    name_losses(&pattern, target, names_fraction, ui)?;
    if let Some(partition) = args.partition.filter(|_| is_network(&target.address)) {
        target.address.options.retain(|(name, _)| name != "partition");
        target.address.grant("partition", partition.to_string(), "`--partition`");
    }
    Ok(pattern)
}

/// Where the address says where everything goes, another channel would be passed over.
fn refuse_second_channel(args: &Args, target: &Place) -> Result<(), CommandError> {
    let all_go_there =
        matches!(target.address.scheme, Scheme::Kafka | Scheme::Mqtt | Scheme::Nats | Scheme::Redis);
    match (&args.channel, &target.channel) {
        (Some(wanted), Some(named)) if all_go_there && wanted != named => Err(CommandError::usage(format!(
            "`--channel {wanted}` does not go with a target that names the channel `{named}`"
        ))
        .hint("leave `--channel` away, or name only the server as the target")),
        _ => Ok(()),
    }
}

/// The address with a channel, as an example.
fn with_channel(target: &Place) -> String {
    let address = target.address.to_string();
    let channel = if target.address.scheme == Scheme::Amqp { "?routing-key=NAME" } else { "/NAME" };
    format!("{}{channel}", address.trim_end_matches('/'))
}

fn timestamp(text: &str) -> Result<BrokerTime, CommandError> {
    match transfer::time_point(Some(text))? {
        Some(TimePoint::At(time)) => Ok(BrokerTime { time, kind: TimeKind::Create }),
        _ => Err(CommandError::usage(format!("`{text}` is not a moment"))
            .hint("write a time such as `2026-11-01T00:00Z`, `-5m` or `now` for `--timestamp`")),
    }
}

/// What flags ask for and the system cannot carry is said before anything is sent; a time or a partition of another
/// kind than asked for would be no smaller loss than none.
fn name_losses(pattern: &Event, target: &Place, names_fraction: bool, ui: &Ui) -> Result<(), CommandError> {
    let carried = open::capabilities(&target.address)?;
    let refused = if pattern.broker_time.is_some() && !carried.timestamps {
        Some("takes no time from the sender")
    } else if pattern.place.partition.is_some() && !carried.partitions {
        Some("has no partitions")
    } else {
        None
    };
    if let Some(what) = refused {
        return Err(CommandError::usage(format!("{} {what}; nothing was sent", carried.name))
            .hint("leave the flag away, or see docs/systems.md for what each system carries"));
    }
    // Without a payload of its own the pattern says nothing about payloads.
    let asked = Event { payload: Some(Bytes::new()), ..pattern.clone() };
    let lost = carried.losses(&open::translation(&target.address)?.apply(&asked));
    // These would arrive changed, and a system refuses them event by event.
    if let Some(refused) = lost.iter().find(|lost| Capabilities::REFUSED.contains(lost)) {
        return Err(CommandError::usage(format!(
            "{} cannot carry {refused}; nothing was sent",
            carried.name
        ))
        .hint("leave the header away or change it; docs/systems.md says what each system carries"));
    }
    if names_fraction && carried.shortens_time(pattern) {
        ui.warn(format!(
            "{} keeps times to the millisecond: what is finer of `--timestamp` is left away",
            carried.name
        ));
    }
    for lost in lost {
        ui.warn(format!("{} cannot carry: {lost}; it is left away", carried.name));
    }
    Ok(())
}

pub(in crate::commands) fn header(text: &str) -> Result<Header, CommandError> {
    let wrong = |what: &str| {
        CommandError::usage(format!("`{text}` is not a header: {what}"))
            .hint("write `--header NAME=VALUE`, or `--header NAME:base64=VALUE` for bytes")
    };
    let (name, value) = text.split_once('=').ok_or_else(|| wrong("it has no `=`"))?;
    let (name, value) = match name.strip_suffix(":base64") {
        None => (name, value.as_bytes().to_vec()),
        Some(name) => {
            let bytes = base64::prelude::BASE64_STANDARD.decode(value);
            (name, bytes.map_err(|error| wrong(&format!("its value is not base64 ({error})")))?)
        }
    };
    if name.is_empty() {
        return Err(wrong("it has no name"));
    }
    Ok(Header { name: name.into(), value: Some(value.into()) })
}

/// The events to send, checked against the contract where it knows their channel.
pub(super) async fn source(
    args: &Args,
    context: &Context,
    places: &Places<'_>,
    pattern: Event,
    window: Window,
    rate: Option<Rate>,
) -> Result<Box<dyn Source>, CommandError> {
    let known = ContractCheck::new(places, args.message.as_deref(), None)?;
    let known = known.map(|check| check.before_encoding(args.encoding.encodes_payloads()));
    let check = known.clone().filter(|_| !args.no_validate);
    if args.events {
        return Ok(checked(events(args, context, window).await?, check));
    }
    if args.each_line {
        let name = args.file.as_deref().unwrap_or("-");
        let lines = match Rendered::new(args, None)? {
            Some(mut rendered) => {
                let make = move |line: Bytes, _| rendered.event(&pattern, Some(line));
                LineSource::new(name, input(context, name)?, Box::new(make))
            }
            None => LineSource::of_payloads(name, input(context, name)?, pattern),
        };
        return Ok(checked(Box::new(lines), check));
    }
    let payload = match (&args.data, args.file.as_deref()) {
        _ if args.generate => {
            return contract_check::generated(known.as_ref(), args.seed.unwrap_or_default(), pattern);
        }
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(name)) => read_all(name, input(context, name)?)?,
        (None, None) if args.template => {
            return Err(
                CommandError::usage("`--template` needs a payload").hint("add `--data TEXT`, a file, or `-`")
            );
        }
        (None, None) => {
            return contract_check::generated(known.as_ref(), args.seed.unwrap_or_default(), pattern);
        }
    };
    if let Some(mut rendered) = Rendered::new(args, Some(&payload))? {
        let failed = |what| EndpointError::new(EndpointErrorKind::Malformed, what);
        let make = move |_| rendered.event(&pattern, None).map(Some).map_err(failed);
        let source = MadeSource::new(Box::new(make)).at_most(rate.map_or(usize::MAX, Rate::of_a_moment));
        return Ok(checked(Box::new(source), check));
    }
    let event = Event { payload: Some(payload.into()), ..pattern };
    if let Some(check) = check {
        check.admit(&event)?;
    }
    let maker = move |_| Ok(Some(Event { received: Timestamp::of_arrival(), ..event.clone() }));
    let most = rate.map_or(usize::MAX, Rate::of_a_moment);
    Ok(Box::new(MadeSource::new(Box::new(maker)).at_most(most)))
}

/// Whole events out of a recording or out of the lines of another tool.
async fn events(args: &Args, context: &Context, window: Window) -> Result<Box<dyn Source>, CommandError> {
    let name = args.file.as_deref().unwrap_or("-");
    if args.input_format == InputFormat::Kcat {
        let channel = args.channel.as_deref().map(CompactString::from);
        let make = move |line: Bytes, _| {
            let event = kcat::decode(&line)?;
            Ok(Event { channel: channel.clone().unwrap_or(event.channel), ..event })
        };
        return Ok(Box::new(LineSource::new(name, input(context, name)?, Box::new(make))));
    }
    let options = SourceOptions { start: window.start, stop: window.stop, ..SourceOptions::default() };
    Ok(open_source(&Address::parse(name)?, &options).await?)
}

fn input(context: &Context, name: &str) -> Result<Box<dyn Read + Send>, CommandError> {
    if name == "-" {
        return Ok(Box::new(context.ui.input()));
    }
    match File::open(name) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(CommandError::usage(format!("cannot open `{name}`: {error}"))
            .hint("`--data TEXT` takes the payload itself, `-` reads standard input")),
    }
}

fn read_all(name: &str, input: Box<dyn Read + Send>) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let read = input.take(MAX_LINE as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| CommandError::usage(format!("cannot read `{name}`: {error}")))?;
    if bytes.len() > MAX_LINE {
        return Err(CommandError::usage(format!("`{name}` is larger than {MAX_LINE} bytes"))
            .hint("`--each-line` sends each line as an event of its own"));
    }
    Ok(bytes)
}
