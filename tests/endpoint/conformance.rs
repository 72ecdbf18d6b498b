//! The suite every endpoint passes; what it asks for is decided by the endpoint's `Capabilities`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use eddy::endpoint::capabilities::{Acknowledgement, Capabilities};
use eddy::endpoint::open::{capabilities, open_sink, open_source, refusal};
use eddy::endpoint::{
    Address, Credentials, EndpointError, EndpointErrorKind, Sink, SinkOptions, Source, SourceOptions, Start,
    Stop,
};
use eddy::event::{BrokerTime, Event, Header, TimeKind, Timestamp};

use super::support::proxy::Proxy;

/// What takes longer has hung. A machine under load takes its time, and that an error is no time-out is shown by its kind.
pub const HANG: Duration = Duration::from_secs(60);
/// How long a step of the suite may take.
const PATIENCE: Duration = Duration::from_secs(240);

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
    /// Every event goes to the channel `prefix`, for systems whose channels are made before the first event.
    pub one_channel: bool,
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
        if self.one_channel {
            return self.prefix.to_owned();
        }
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
        self.carries_many().await;
        self.says_before_what_it_refuses().await;
    }

    /// What is known to be impossible before sending is what sending finds, event by event and in the same words.
    async fn says_before_what_it_refuses(&self) {
        self.says_before_at(&self.sink).await;
        // A server alone takes each event to its own subject.
        if let Some((server, _)) =
            self.sink.strip_prefix("jetstream+nats://").and_then(|at| at.split_once('/'))
        {
            self.says_before_at(&format!("jetstream+nats://{server}")).await;
        }
    }

    async fn says_before_at(&self, target: &str) {
        let mut sink = sink(target).await;
        let refusal = refusal(&address(target), &SinkOptions::default()).expect("a usable address");
        let can = sink.capabilities();
        let channels = ["", "a b", "x.*.y", "x..y", "a/+/b", "#", "nul\0l", &"long".repeat(20_000)];
        let headers =
            [("", "x"), ("a:b", "x"), ("ümlaut", "x"), ("line", "a\nb"), ("nul", "\0"), ("Host", "h")];
        let with_header = |(name, value): (&str, &str)| Event {
            headers: vec![Header::text(name, value)],
            ..Event::new(self.channel("odd"), "x")
        };
        let odd = channels.into_iter().map(|channel| Event::new(channel, "x"));
        let odd = odd.chain(headers.map(with_header));
        for event in odd.filter(|event| can.losses(event).is_empty()) {
            let said = refusal.as_ref().and_then(|refusal| refusal.of(&event));
            let receipts = sink.send(std::slice::from_ref(&event)).await;
            let outcome =
                tokio::time::timeout(PATIENCE, receipts).await.expect("a receipt").remove(0).outcome;
            let found = outcome.err();
            let is_known = found.as_ref().is_some_and(|error| error.kind == EndpointErrorKind::Rejected);
            // What a path means to JetStream, only the server knows.
            let is_its_own = target.starts_with("jetstream") && !address(target).path.is_empty();
            if said.is_some() || is_known && !is_its_own {
                let (said, found) = (said.map(|error| error.message), found.map(|error| error.message));
                assert_eq!(said, found, "{:.80} {:?}", event.channel, event.headers);
            }
        }
        sink.close().await.expect("a clean close");
    }

    /// Every field the system says it can carry comes back as it was.
    async fn carries_what_it_says(&self) {
        let (mut sink, mut source) = self.open().await;
        let can = sink.capabilities();
        let sent = self.samples(can);
        for event in &sent {
            assert_eq!(can.losses(event), Vec::<&str>::new(), "the samples fit the capabilities");
        }
        // One by one: among channels a system with several connections keeps no order.
        for event in &sent {
            deliver(&mut sink, std::slice::from_ref(event)).await;
        }
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
            for key in [b"key".as_slice(), b"", b"\xff\x00\xfe"] {
                let mut event = Event::new(self.channel("keyed"), "x");
                event.key = Some(key.to_vec().into());
                events.push(event);
            }
        }
        if can.timestamps {
            for time in [1_700_000_000_000_000, 1_700_000_000_123_456] {
                let time = Timestamp(time - time % can.time_unit);
                let mut event = Event::new(self.channel("dated"), "x");
                event.broker_time = Some(BrokerTime { time, kind: TimeKind::Create });
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
            event.headers.push(Header { name: "bytes".into(), value: Some(vec![0, 0xff, 0xfe].into()) });
        }
        if can.null_headers {
            event.headers.push(Header { name: "null".into(), value: None });
        }
        event
    }

    /// Events of one lane (a channel, and a key where there are keys) arrive in the order they were sent, over several
    /// batches, and their receipts have growing offsets where the system has offsets.
    pub async fn keeps_order(&self) {
        const COUNT: usize = 2000;
        let (mut sink, mut source) = self.open().await;
        let keys = sink.capabilities().keys;
        let events: Vec<Event> = (0..COUNT)
            .map(|at| {
                let lane = if at % 2 == 0 { "order-a" } else { "order-b" };
                let mut event = Event::new(self.channel(lane), format!("{at}"));
                event.key = keys.then(|| lane.into());
                event
            })
            .collect();
        let mut receipts = Vec::new();
        for batch in events.chunks(97) {
            receipts.push((batch, sink.send(batch).await));
        }
        let mut offsets: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for (batch, receipt) in receipts {
            let deliveries = tokio::time::timeout(PATIENCE, receipt).await.expect("in time");
            for (event, delivery) in batch.iter().zip(deliveries) {
                let place = delivery.outcome.expect("acknowledged");
                offsets.entry((lane(event), place.partition)).or_default().extend(place.offset);
            }
        }
        assert_eq!(offsets.len(), 2, "a lane stays in its partition: {:?}", offsets.keys());
        for (lane, offsets) in offsets {
            assert!(offsets.is_empty() || offsets.len() == COUNT / 2, "all receipts of {lane:?} have one");
            assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "the offsets of {lane:?} grow");
        }
        let mut numbers: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for event in self.mine(&mut source, "order-", &Cell::new(COUNT)).await {
            numbers.entry(lane(&event)).or_default().push(number(&event));
        }
        assert_eq!(numbers.values().map(Vec::len).sum::<usize>(), COUNT);
        for (lane, numbers) in numbers {
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{lane:?} is in order");
        }
        sink.close().await.expect("a clean close");
        source.close().await.expect("a clean close");
    }

    /// A hundred thousand events, each acknowledged, none lost, none twice; fewer where ten seconds are over before.
    pub async fn carries_many(&self) {
        const COUNT: usize = 100_000;
        const AT_LEAST: usize = 10_000;
        const ENOUGH: Duration = Duration::from_secs(10);
        let (mut sink, mut source) = self.open().await;
        let began = Instant::now();
        let channel = self.channel("many");
        let wanted = Cell::new(COUNT);
        let sending = async {
            let mut receipts = std::collections::VecDeque::new();
            let mut sent = 0;
            while sent < wanted.get() {
                if sent >= AT_LEAST && began.elapsed() > ENOUGH {
                    wanted.set(sent);
                    break;
                }
                let batch: Vec<Event> =
                    (sent..sent + 500).map(|at| Event::new(channel.clone(), format!("{at}"))).collect();
                receipts.push_back(sink.send(&batch).await);
                sent += batch.len();
                if receipts.len() > 40 {
                    assert_delivered(receipts.pop_front().expect("a receipt")).await;
                }
            }
            for receipt in receipts {
                assert_delivered(receipt).await;
            }
        };
        let ((), got) = tokio::join!(sending, self.mine(&mut source, "many", &wanted));
        let mut numbers: Vec<u64> = got.iter().map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), wanted.get(), "each once");
        assert_eq!(source.dropped(), 0);
        eprintln!("{}: {} events there and back in {:?}", self.sink, wanted.get(), began.elapsed());
        sink.close().await.expect("a clean close");
        source.close().await.expect("a clean close");
    }

    /// The next `wanted` events whose channel begins with `name`; a source that keeps events also has older ones.
    async fn mine(&self, source: &mut Box<dyn Source>, name: &str, wanted: &Cell<usize>) -> Vec<Event> {
        let prefix = self.channel(name);
        let mut mine = Vec::with_capacity(wanted.get());
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while mine.len() < wanted.get() {
            // Looked up again now and then: the sender may have settled for fewer.
            let batch = tokio::time::timeout(Duration::from_millis(100), source.next_batch(1000)).await;
            let Ok(batch) = batch else {
                let passed = tokio::time::Instant::now() >= deadline;
                assert!(!passed, "{} of {} events in time", mine.len(), wanted.get());
                continue;
            };
            let batch = batch.expect("a batch");
            assert!(!batch.is_empty(), "the source ended after {} of {} events", mine.len(), wanted.get());
            mine.extend(batch.into_iter().filter(|event| event.channel.starts_with(&prefix)));
        }
        mine
    }
}

async fn assert_delivered(receipts: eddy::endpoint::Receipts) {
    let deliveries = tokio::time::timeout(PATIENCE, receipts).await.expect("in time");
    let failed = deliveries.iter().find_map(|delivery| delivery.outcome.as_ref().err());
    assert!(failed.is_none(), "{failed:?}");
}

/// What keeps order among its events.
fn lane(event: &Event) -> (String, Option<Vec<u8>>) {
    (event.channel.to_string(), event.key.as_ref().map(|key| key.to_vec()))
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
            if can.name.starts_with("HTTP") {
                // There, names of headers have no case.
                for header in &mut headers {
                    header.name.make_ascii_lowercase();
                }
            }
            if !can.header_order {
                headers.sort_by(|one, other| one.name.cmp(&other.name));
            }
            headers
        };
        assert_eq!(sorted(got), sorted(sent), "the headers of {}", sent.channel);
    }
    if can.timestamps && sent.broker_time.is_some() {
        assert_eq!(got.broker_time, sent.broker_time, "the time of {}", sent.channel);
    }
    assert!(got.received.0 > 0);
}

/// Nobody is there: said within five seconds, with what to do.
pub async fn nobody_there(text: &str) {
    let began = Instant::now();
    let error = open_sink(&address(text), &SinkOptions::default()).await.err().expect("nobody is there");
    assert!(began.elapsed() < HANG, "said in {:?}", began.elapsed());
    assert_unreachable(&error);
    let began = Instant::now();
    let error = open_source(&address(text), &SourceOptions::default()).await.err().expect("nobody is there");
    assert!(began.elapsed() < HANG, "said in {:?}", began.elapsed());
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

/// There is no such channel: said within five seconds, with what to do, when opening or with the first receipt.
#[allow(dead_code, reason = "not every system makes channels beforehand")]
pub async fn unknown_channel(sink_text: &str, source_text: Option<&str>) {
    let assert_not_found = |began: Instant, error: &EndpointError| {
        assert!(began.elapsed() < HANG, "said in {:?}", began.elapsed());
        assert_eq!(error.kind, EndpointErrorKind::NotFound, "{error:?}");
        assert!(error.help.is_some(), "{error:?}");
    };
    let began = Instant::now();
    match open_sink(&address(sink_text), &SinkOptions::default()).await {
        Err(error) => assert_not_found(began, &error),
        Ok(mut sink) => {
            let deliveries = sink.send(&[Event::new("nowhere", "x")]).await;
            let deliveries = tokio::time::timeout(PATIENCE, deliveries).await.expect("receipts in time");
            assert_not_found(began, deliveries[0].outcome.as_ref().expect_err("nowhere to go"));
        }
    }
    if let Some(source_text) = source_text {
        let began = Instant::now();
        let error = open_source(&address(source_text), &SourceOptions::default()).await.err();
        assert_not_found(began, &error.expect("nothing to read"));
    }
}

/// An event larger than the system takes is refused alone, within five seconds, with what to do.
#[allow(dead_code, reason = "not every system has a limit")]
pub async fn too_large(sink_text: &str, channel: &str, size: usize) {
    let mut sink = sink(sink_text).await;
    let events = [Event::new(channel, "x"), Event::new(channel, vec![7; size]), Event::new(channel, "x")];
    let began = Instant::now();
    let deliveries = sink.send(&events).await;
    let deliveries = tokio::time::timeout(PATIENCE, deliveries).await.expect("receipts in time");
    assert!(began.elapsed() < HANG, "said in {:?}", began.elapsed());
    let error = deliveries[1].outcome.as_ref().expect_err("too large");
    assert_eq!(error.kind, EndpointErrorKind::TooLarge, "{error:?}");
    assert!(error.help.is_some() && !error.retryable(), "{error:?}");
    for at in [0, 2] {
        assert!(deliveries[at].outcome.is_ok(), "{:?}", deliveries[at]);
    }
    sink.close().await.expect("a clean close");
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
    if capabilities(&address(text)).expect("capabilities").seek_time {
        seeks_by_time(text).await;
    }
    let all: Vec<u64> = (0..100).collect();
    assert_eq!(read(Start::Beginning, Stop::PresentEnd).await, all);
    assert_eq!(read(Start::Offset(first + 90), Stop::PresentEnd).await, all[90..]);
    assert_eq!(read(Start::Offset(first + 10), Stop::Offset(first + 15)).await, all[10..15]);
    assert_eq!(read(Start::Last(3), Stop::PresentEnd).await, all[97..]);
    assert_eq!(read(Start::Last(1000), Stop::PresentEnd).await, all);
    assert_eq!(read(Start::End, Stop::PresentEnd).await, Vec::<u64>::new());
}

/// Between two times, both included: what lies there is read and nothing else.
async fn seeks_by_time(text: &str) {
    let read =
        |start, stop| async move {
            let mut source = source(text, SourceOptions { start, stop, ..SourceOptions::default() }).await;
            let mut read = Vec::new();
            loop {
                let batch = tokio::time::timeout(PATIENCE, source.next_batch(7)).await.expect("in time");
                let batch = batch.expect("a batch");
                if batch.is_empty() {
                    return read;
                }
                read.extend(batch.iter().map(|event| {
                    (event.broker_time.map_or(event.received, |found| found.time), number(event))
                }));
            }
        };
    let all = read(Start::Beginning, Stop::PresentEnd).await;
    assert_eq!(all.len(), 100);
    let (from, to) = (all[50].0, all[60].0);
    let expected: Vec<_> = all.iter().copied().filter(|(time, _)| (from..=to).contains(time)).collect();
    assert_eq!(read(Start::Time(from), Stop::Time(to)).await, expected);
    assert_eq!(read(Start::Time(Timestamp(0)), Stop::PresentEnd).await, all);
}

/// A server that can go away and come back on the same port with the same files.
pub trait Restart {
    /// Ends it at once.
    fn stop(&mut self);
    /// Starts it again.
    fn start(&mut self);
}

impl Restart for super::support::servers::Server {
    fn stop(&mut self) {
        Self::stop(self);
    }

    fn start(&mut self) {
        Self::start(self);
    }
}

/// The server goes away while events are on their way: each is acknowledged or failed, and what failed may be sent again.
pub async fn survives_a_restart(
    sink_text: &str,
    source_text: &str,
    channel: &str,
    server: &mut impl Restart,
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
            // One receipt is there before: what was acknowledged must still be there afterwards.
            let (first, receipt): (_, eddy::endpoint::Receipts) = receipts.remove(0);
            let deliveries = tokio::time::timeout(PATIENCE, receipt).await.expect("receipts in time");
            receipts.insert(0, (first, Box::pin(std::future::ready(deliveries))));
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
        sink.resume().await;
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

/// What failed when the connection broke comes first again: whatever else is handed over is refused as not sent, over a
/// network that is mended too, until the caller says that it has seen the failure. `sink_text` leads through `network`.
pub async fn nothing_overtakes(sink_text: &str, channel: &str, network: &Proxy) {
    let mut sink = sink(sink_text).await;
    deliver(&mut sink, &[Event::new(channel, "before")]).await;
    network.cut();
    let failed = sink.send(&[Event::new(channel, "a")]).await.await;
    let error = failed[0].outcome.as_ref().expect_err("nobody can have taken it");
    assert!(error.retryable(), "{error:?}");
    network.mend();
    for _ in 0..3 {
        let refused = sink.send(&[Event::new(channel, "b")]).await.await;
        let error = refused[0].outcome.as_ref().expect_err("it would overtake what failed");
        assert_eq!(error.kind, EndpointErrorKind::Unreachable, "{error:?}");
    }
    let deadline = Instant::now() + PATIENCE;
    for payload in ["a", "b"] {
        loop {
            assert!(Instant::now() < deadline, "{payload} cannot be delivered");
            sink.resume().await;
            let deliveries = sink.send(&[Event::new(channel, payload)]).await.await;
            match &deliveries[0].outcome {
                Ok(_) => break,
                Err(error) => assert!(error.retryable(), "{error:?}"),
            }
        }
    }
    sink.close().await.expect("a clean close");
}
