//! Where injected events come from: flags, files, standard input, or the contract.

use std::fs::File;
use std::io::Read;

use base64::Engine;

use super::Args;
use crate::commands::contract_check::{self, CheckedSource, ContractCheck};
use crate::commands::target::{Place, Places, is_network};
use crate::commands::{CommandError, Context};
use crate::endpoint::address::Scheme;
use crate::endpoint::open::open_source;
use crate::endpoint::{Address, Source, SourceOptions};
use crate::event::json_lines::MAX_LINE;
use crate::event::{Event, Header, Timestamp};
use crate::replay::supply::{LineSource, MadeSource};

/// Channel, key and headers that flags give to every event.
pub(super) fn pattern(args: &Args, target: &Place) -> Result<Event, CommandError> {
    let channel = args.channel.clone().or_else(|| target.channel.clone()).unwrap_or_default();
    // A web server has an address even without a path.
    let needs_channel = is_network(&target.address) && target.address.scheme != Scheme::Http;
    if channel.is_empty() && !args.events && needs_channel {
        return Err(CommandError::usage(format!("`{}` names no channel to send to", target.address))
            .hint("add `--channel NAME`, or write it after the host: `mqtt://HOST:PORT/NAME`"));
    }
    let headers = args.headers.iter().map(|text| header(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(Event { channel, key: args.key.clone().map(Into::into), headers, ..Event::default() })
}

fn header(text: &str) -> Result<Header, CommandError> {
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
    Ok(Header { name: name.to_owned(), value: Some(value.into()) })
}

/// The events to send, checked against the contract where it knows their channel.
pub(super) async fn source(
    args: &Args,
    context: &Context,
    places: &Places<'_>,
    pattern: Event,
) -> Result<Box<dyn Source>, CommandError> {
    let known = ContractCheck::new(places, args.message.as_deref())?;
    let check = known.clone().filter(|_| !args.no_validate);
    if args.events {
        let name = args.file.as_deref().unwrap_or("-");
        let source = open_source(&Address::parse(name)?, &SourceOptions::default()).await?;
        return Ok(CheckedSource::wrap(source, check));
    }
    if args.each_line {
        let name = args.file.as_deref().unwrap_or("-");
        let lines = LineSource::new(name, input(context, name)?, pattern);
        return Ok(CheckedSource::wrap(Box::new(lines), check));
    }
    let payload = match (&args.data, args.file.as_deref()) {
        _ if args.generate => return contract_check::generated(known.as_ref(), args.seed, pattern),
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(name)) => read_all(name, input(context, name)?)?,
        (None, None) => return contract_check::generated(known.as_ref(), args.seed, pattern),
    };
    let event = Event { payload: Some(payload.into()), ..pattern };
    if let Some(check) = check {
        check.admit(&event)?;
    }
    let maker = move |_| Ok(Some(Event { received: Timestamp::now(), ..event.clone() }));
    Ok(Box::new(MadeSource::new(Box::new(maker))))
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
