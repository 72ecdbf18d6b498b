//! The suite every endpoint passes; what it asks for is decided by the endpoint's `Capabilities`.

use std::time::{Duration, Instant};

use eddy::endpoint::capabilities::{Acknowledgement, Capabilities};
use eddy::endpoint::open::{open_sink, open_source};
use eddy::endpoint::{
    Address, Credentials, EndpointError, EndpointErrorKind, Sink, SinkOptions, Source, SourceOptions, Start,
    Stop,
};
use eddy::event::{Event, Header};

/// How long a step of the suite may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One endpoint under test.
pub struct Subject {
    /// Where events go.
    pub sink: String,
    /// Where they come out.
    pub source: String,
    /// The prefix of channels that arrive there, and what joins its parts.
    pub prefix: &'static str,
    /// What joins the parts of a channel: `/` or `.`.
    pub separator: char,
    /// Reading begins here when the source keeps events.
    pub start: Start,
}

pub fn address(text: &str) -> Address {
    Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub async fn sink(text: &str) -> Box<dyn Sink> {
    open_sink(&address(text), &SinkOptions::default())
        .await
        .unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

pub async fn source(text: &str, options: SourceOptions) -> Box<dyn Source> {
    open_source(&address(text), &options).await.unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// Sends a batch and fails on the first event that was not taken.
pub async fn deliver(sink: &mut Box<dyn Sink>, events: &[Event]) {
    let receipts = sink.send(events).await;
    let deliveries = tokio::time::timeout(PATIENCE, receipts).await.expect("receipts in time");
    assert_eq!(deliveries.len(), events.len(), "one receipt per event");
    for (event, delivery) in events.iter().zip(&deliveries) {
        delivery.outcome.as_ref().unwrap_or_else(|error| panic!("{}: {error:?}", event.channel));
    }
}

/// Reads until `count` events are there.
pub async fn collect(source: &mut Box<dyn Source>, count: usize) -> Vec<Event> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut events: Vec<Event> = Vec::with_capacity(count);
    while events.len() < count {
        let batch = tokio::time::timeout_at(deadline, source.next_batch(1000)).await;
        let batch = batch.unwrap_or_else(|_| panic!("{} of {count} events in time", events.len()));
        let batch = batch.expect("a batch");
        assert!(!batch.is_empty(), "the source ended after {} of {count} events", events.len());
        events.extend(batch);
    }
    events
}

impl Subject {
    fn channel(&self, name: &str) -> String {
        format!("{}{}{name}", self.prefix, self.separator)
    }

    async fn open(&self) -> (Box<dyn Sink>, Box<dyn Source>) {
        // The source first: a live broker keeps nothing for those who come late.
        let source =
            source(&self.source, SourceOptions { start: self.start, ..SourceOptions::default() }).await;
        (sink(&self.sink).await, source)
    }

    /// Every part of the suite that needs nothing but the two addresses.
    pub async fn conforms(&self) {
        self.carries_what_it_says().await;
        self.keeps_order().await;
        self.ten_thousand().await;
    }

    /// Every field the system says it can carry comes back as it was.
    async fn carries_what_it_says(&self) {
        let (mut sink, mut source) = self.open().await;
        let can = sink.capabilities();
        let sent = self.samples(can);
        for event in &sent {
            assert_eq!(can.losses(event), Vec::<&str>::new(), "the samples fit the capabilities");
        }
        deliver(&mut sink, &sent).await;
        let got = collect(&mut source, sent.len()).await;
        for (sent, got) in sent.iter().zip(&got) {
            assert_same(sent, got, can);
        }
        sink.close().await.expect("a clean close");
        source.close().await.expect("a clean close");
    }

    fn samples(&self, can: Capabilities) -> Vec<Event> {
        let binary: Vec<u8> = (0..=255).collect();
        let mebibyte: Vec<u8> =
            (0..1_048_576_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
        let large = if can.max_payload.is_some_and(|limit| limit <= mebibyte.len() + 512) {
            mebibyte[..mebibyte.len() - 4096].to_vec()
        } else {
            mebibyte
        };
        let mut events = vec![
            Event::new(self.channel("text"), "{\"a\": \"ü\"}"),
            Event::new(self.channel("binary"), binary),
            Event::new(self.channel("empty"), ""),
            Event::new(self.channel("ünïcode-名前"), "x"),
            Event::new(self.channel("large"), large),
        ];
        if can.null_payload {
            let mut tombstone = Event::new(self.channel("null"), "");
            tombstone.payload = None;
            events.push(tombstone);
        }
        if can.keys {
            for key in ["key", "", "\u{ff}"] {
                let mut event = Event::new(self.channel("keyed"), "x");
                event.key = Some(key.as_bytes().to_vec().into());
                events.push(event);
            }
        }
        if can.headers {
            events.push(self.with_headers(can));
        }
        events
    }

    fn with_headers(&self, can: Capabilities) -> Event {
        let mut event = Event::new(self.channel("headers"), "x");
        event.headers =
            vec![Header::text("z-first", "1"), Header::text("A-second", ""), Header::text("ümlaut", "ß")];
        if !can.header_order {
            event.headers.truncate(2);
            event.headers[1] = Header::text("A-second", "2");
        }
        if can.repeated_headers {
            event.headers.push(Header::text("z-first", "again"));
            event.headers.push(Header::text("z-first", "1"));
        }
        if can.binary_headers {
            event.headers.push(Header { name: "bytes".to_owned(), value: Some(vec![0, 0xff, 0xfe].into()) });
        }
        if can.null_headers {
            event.headers.push(Header { name: "null".to_owned(), value: None });
        }
        event
    }

    /// Events of one channel arrive in the order they were sent, over several batches.
    async fn keeps_order(&self) {
        let (mut sink, mut source) = self.open().await;
        let channels = [self.channel("order-a"), self.channel("order-b")];
        let events: Vec<Event> =
            (0..2000).map(|at| Event::new(channels[at % 2].clone(), format!("{at}"))).collect();
        let before = events.len();
        let mut receipts = Vec::new();
        for batch in events.chunks(97) {
            receipts.push(sink.send(batch).await);
        }
        for receipt in receipts {
            let deliveries = tokio::time::timeout(PATIENCE, receipt).await.expect("in time");
            let failed = deliveries.iter().find_map(|delivery| delivery.outcome.as_ref().err());
            assert!(failed.is_none(), "{failed:?}");
        }
        let got: Vec<Event> = self.mine(&mut source, "order-", before).await;
        for channel in &channels {
            let numbers: Vec<u64> =
                got.iter().filter(|event| event.channel == *channel).map(number).collect();
            assert_eq!(numbers.len(), before / 2);
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{channel} is in order");
        }
        sink.close().await.expect("a clean close");
        source.close().await.expect("a clean close");
    }

    /// Ten thousand events, each acknowledged, none lost, none twice.
    async fn ten_thousand(&self) {
        const COUNT: usize = 10_000;
        let (mut sink, mut source) = self.open().await;
        let began = Instant::now();
        let channel = self.channel("many");
        let events: Vec<Event> = (0..COUNT).map(|at| Event::new(channel.clone(), format!("{at}"))).collect();
        let sending = async {
            let mut receipts = Vec::new();
            for batch in events.chunks(500) {
                receipts.push(sink.send(batch).await);
            }
            for receipt in receipts {
                let deliveries = tokio::time::timeout(PATIENCE, receipt).await.expect("in time");
                let failed = deliveries.iter().find_map(|delivery| delivery.outcome.as_ref().err());
                assert!(failed.is_none(), "{failed:?}");
            }
        };
        let ((), got) = tokio::join!(sending, self.mine(&mut source, "many", COUNT));
        let mut numbers: Vec<u64> = got.iter().map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), COUNT, "each once");
        assert_eq!(source.dropped(), 0);
        eprintln!("{}: {COUNT} events there and back in {:?}", self.sink, began.elapsed());
        sink.close().await.expect("a clean close");
        source.close().await.expect("a clean close");
    }

    /// The next `count` events whose channel begins with `name`; a source that keeps events also has older ones.
    async fn mine(&self, source: &mut Box<dyn Source>, name: &str, count: usize) -> Vec<Event> {
        let prefix = self.channel(name);
        let mut mine = Vec::with_capacity(count);
        while mine.len() < count {
            let batch = collect(source, 1).await;
            mine.extend(batch.into_iter().filter(|event| event.channel.starts_with(&prefix)));
        }
        mine
    }
}

fn number(event: &Event) -> u64 {
    let text = std::str::from_utf8(event.payload.as_deref().expect("a payload")).expect("text");
    text.parse().expect("a number")
}

/// What was sent is what arrived, as far as the system carries it.
pub fn assert_same(sent: &Event, got: &Event, can: Capabilities) {
    assert_eq!(got.channel, sent.channel);
    assert!(got.payload == sent.payload, "the payload of {}", sent.channel);
    assert_eq!(got.key, if can.keys { sent.key.clone() } else { None });
    if can.headers {
        let sorted = |event: &Event| {
            let mut headers = event.headers.clone();
            if !can.header_order {
                headers.sort_by(|one, other| one.name.cmp(&other.name));
            }
            headers
        };
        assert_eq!(sorted(got), sorted(sent), "the headers of {}", sent.channel);
    }
    assert!(got.received.0 > 0);
}

/// Nobody is there: said within five seconds, with what to do.
pub async fn nobody_there(text: &str) {
    let began = Instant::now();
    let error = open_sink(&address(text), &SinkOptions::default()).await.err().expect("nobody is there");
    assert!(began.elapsed() < Duration::from_secs(5), "said in {:?}", began.elapsed());
    assert_unreachable(&error);
    let began = Instant::now();
    let error = open_source(&address(text), &SourceOptions::default()).await.err().expect("nobody is there");
    assert!(began.elapsed() < Duration::from_secs(5), "said in {:?}", began.elapsed());
    assert_unreachable(&error);
}

fn assert_unreachable(error: &EndpointError) {
    assert_eq!(error.kind, EndpointErrorKind::Unreachable, "{error:?}");
    assert!(error.retryable());
    assert!(error.help.as_ref().is_some_and(|help| help.contains('`')), "{error:?}");
}

/// A wrong password is an `Unauthorised`, and appears nowhere in the words.
pub async fn wrong_password(text: &str) {
    let options = SinkOptions {
        credentials: Some(Credentials { username: "tester".to_owned(), password: "wr0ng-secret".to_owned() }),
        ..SinkOptions::default()
    };
    let error = open_sink(&address(text), &options).await.err().expect("not let in");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
    assert!(!format!("{error:?}").contains("wr0ng-secret"));
    let right = SinkOptions {
        credentials: Some(Credentials { username: "tester".to_owned(), password: "right".to_owned() }),
        ..SinkOptions::default()
    };
    open_sink(&address(text), &right).await.expect("let in").close().await.expect("a clean close");
}

/// Seeking in a source that keeps events: the numbers 0 to 99 are there, at offsets that grow by one.
pub async fn seeks(text: &str, first: u64) {
    let read = |start, stop| async move {
        let options = SourceOptions { start, stop, ..SourceOptions::default() };
        let mut source = source(text, options).await;
        let mut numbers = Vec::new();
        loop {
            let batch = tokio::time::timeout(PATIENCE, source.next_batch(7)).await.expect("in time");
            let batch = batch.expect("a batch");
            if batch.is_empty() {
                break;
            }
            numbers.extend(batch.iter().map(number));
        }
        source.close().await.expect("a clean close");
        numbers
    };
    let all: Vec<u64> = (0..100).collect();
    assert_eq!(read(Start::Beginning, Stop::PresentEnd).await, all);
    assert_eq!(read(Start::Offset(first + 90), Stop::PresentEnd).await, all[90..]);
    assert_eq!(read(Start::Offset(first + 10), Stop::Offset(first + 15)).await, all[10..15]);
    assert_eq!(read(Start::Last(3), Stop::PresentEnd).await, all[97..]);
    assert_eq!(read(Start::Last(1000), Stop::PresentEnd).await, all);
    assert_eq!(read(Start::End, Stop::PresentEnd).await, Vec::<u64>::new());
}

/// The server goes away while events are on their way: each is acknowledged or failed, and what failed may be sent again.
pub async fn survives_a_restart(
    sink_text: &str,
    source_text: &str,
    channel: &str,
    server: &mut super::support::servers::Server,
    kept_by_server: bool,
) {
    const COUNT: usize = 3000;
    let mut sink = sink(sink_text).await;
    assert_eq!(sink.capabilities().acknowledgement, Acknowledgement::PerEvent);
    let events: Vec<Event> = (0..COUNT).map(|at| Event::new(channel, format!("{at}"))).collect();
    let mut open: Vec<Event> = Vec::new();
    let mut acknowledged = 0;
    let mut receipts = Vec::new();
    for (index, batch) in events.chunks(100).enumerate() {
        if index == 10 {
            server.stop();
        }
        if index == 12 {
            server.start();
        }
        receipts.push((batch, tokio::time::timeout(PATIENCE, sink.send(batch)).await.expect("handed over")));
    }
    for (batch, receipt) in receipts {
        let deliveries = tokio::time::timeout(PATIENCE, receipt).await.expect("receipts in time");
        assert_eq!(deliveries.len(), batch.len());
        for (event, delivery) in batch.iter().zip(deliveries) {
            match delivery.outcome {
                Ok(_) => acknowledged += 1,
                Err(error) => {
                    assert!(error.retryable(), "{error:?}");
                    open.push(event.clone());
                }
            }
        }
    }
    assert!(acknowledged > 0, "some events are acknowledged");
    // A server that keeps nothing forgot the first ones with its subscribers; the rest is sent to a new one.
    let options = SourceOptions { start: Start::Beginning, ..SourceOptions::default() };
    let mut source = source(source_text, options).await;
    let deadline = Instant::now() + PATIENCE;
    let again = open.clone();
    while !open.is_empty() {
        assert!(Instant::now() < deadline, "{} events cannot be delivered", open.len());
        let deliveries = sink.send(&open).await.await;
        let results = open.iter().cloned().zip(deliveries);
        open = results.filter(|(_, delivery)| delivery.outcome.is_err()).map(|(event, _)| event).collect();
        tokio::task::yield_now().await;
    }
    let wanted = if kept_by_server { events.as_slice() } else { again.as_slice() };
    let mut missing: std::collections::BTreeSet<u64> = wanted.iter().map(number).collect();
    while !missing.is_empty() {
        for event in collect(&mut source, 1).await {
            missing.remove(&number(&event));
        }
    }
    sink.close().await.expect("a clean close");
    source.close().await.expect("a clean close");
}
