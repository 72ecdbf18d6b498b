//! Stands in for a system that was left out when this program was built: it takes the same calls and names the way out.

use std::future::{Ready, ready};
use std::time::Duration;

use super::facts::{Refusal, TargetFacts};
use super::inspect::{Inspect, ProbeReport};
use super::{
    Address, Capabilities, Credentials, End, EndpointError, EndpointErrorKind, Sink, SinkOptions, Source,
    SourceOptions,
};

type Refused<T> = Ready<Result<Box<T>, EndpointError>>;

pub(super) fn open_source(address: &Address, _: &SourceOptions) -> Refused<dyn Source> {
    ready(Err(left_out(address)))
}

pub(super) fn open_sink(address: &Address, _: &SinkOptions) -> Refused<dyn Sink> {
    ready(Err(left_out(address)))
}

pub(super) fn inspect(address: &Address, _: &SinkOptions) -> Refused<dyn Inspect> {
    ready(Err(left_out(address)))
}

pub(super) fn probe(address: &Address, _: Option<&Credentials>, _: Duration) -> Ready<ProbeReport> {
    ready(ProbeReport::failed(address, &left_out(address)))
}

pub(super) fn capabilities(address: &Address) -> Result<Capabilities, EndpointError> {
    Err(left_out(address))
}

pub(super) fn refusal(address: &Address, _: &SinkOptions) -> Result<Refusal, EndpointError> {
    Err(left_out(address))
}

pub(super) fn ends(
    address: &Address,
    _: &SinkOptions,
    _: &[&str],
) -> Ready<Result<Option<Vec<End>>, EndpointError>> {
    ready(Err(left_out(address)))
}

pub(super) fn holds_all_since(
    address: &Address,
    _: &SinkOptions,
    _: &End,
) -> Ready<Result<bool, EndpointError>> {
    ready(Err(left_out(address)))
}

pub(super) fn target_facts(
    address: &Address,
    _: &SinkOptions,
    _: &[&str],
) -> Ready<Result<TargetFacts, EndpointError>> {
    ready(Err(left_out(address)))
}

fn left_out(address: &Address) -> EndpointError {
    EndpointError::new(EndpointErrorKind::Unsupported, format!("this build of eddy cannot reach `{address}`"))
        .help("build it with its default features to have every system")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::endpoint::{Address, End, EndpointErrorKind, SinkOptions, SourceOptions};

    #[tokio::test]
    async fn a_system_left_out_says_how_to_have_it() {
        let address = Address::parse("mqtt://h/t").expect("an address");
        let (to_read, to_write) = (SourceOptions::default(), SinkOptions::default());
        let place = End { channel: "t".to_owned(), partition: None, offset: 0 };
        let refusals = [
            super::open_source(&address, &to_read).await.err(),
            super::open_sink(&address, &to_write).await.err(),
            super::inspect(&address, &to_write).await.err(),
            super::capabilities(&address).err(),
            super::refusal(&address, &to_write).err(),
            super::ends(&address, &to_write, &[]).await.err(),
            super::holds_all_since(&address, &to_write, &place).await.err(),
            super::target_facts(&address, &to_write, &[]).await.err(),
        ];
        for error in refusals {
            let error = error.expect("left out");
            assert_eq!(error.kind, EndpointErrorKind::Unsupported);
            assert!(error.help.expect("help").contains("default features"));
        }
        assert_eq!(super::probe(&address, None, Duration::ZERO).await.problems.len(), 1);
    }
}
