//! RabbitMQ over AMQP 0-9-1: exchanges, queues and streams against a real node.

use std::time::{Duration, Instant};

use eddy::endpoint::inspect::{Direction, Why};
use eddy::endpoint::open::{open_inspect, open_sink, open_source, probe};
use eddy::endpoint::{EndpointErrorKind, SinkOptions, SourceOptions, Start, Stop};
use eddy::event::{BrokerTime, Event, Header, TimeKind, Timestamp};
use serde_json::json;

use super::conformance::{
    Restart, Subject, address, collect, deliver, nobody_there, nothing_overtakes, seeks, sink, source,
    survives_a_restart, wrong_password,
};
use super::support::proxy::Proxy;
use super::support::rabbitmq::{CERTIFIED, LARGEST_MESSAGE, RabbitMq, rabbitmq};
use super::support::servers::free_port;

impl Restart for RabbitMq {
    fn stop(&mut self) {
        Self::stop(self);
    }

    fn start(&mut self) {
        Self::start(self);
    }
}

const SOON: Duration = Duration::from_secs(5);

/// A topic exchange.
pub async fn exchange(node: &RabbitMq, name: &str) {
    node.manage("PUT", &format!("exchanges/%2F/{name}"), json!({ "type": "topic", "durable": true })).await;
}

/// A durable queue of a type, bound to a topic exchange of its name for every key.
async fn queue(node: &RabbitMq, name: &str, kind: &str) {
    exchange(node, name).await;
    let arguments = json!({ "durable": true, "arguments": { "x-queue-type": kind } });
    node.manage("PUT", &format!("queues/%2F/{name}"), arguments).await;
    node.manage("POST", &format!("bindings/%2F/e/{name}/q/{name}"), json!({ "routing_key": "#" })).await;
}

fn url(node: &RabbitMq, rest: &str) -> String {
    format!("amqp://127.0.0.1:{}/%2F{rest}", node.port)
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events
        .iter()
        .map(|event| std::str::from_utf8(event.payload.as_deref().expect("a payload")).expect("text"))
        .map(|text| text.parse().expect("a number"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_conforms() {
    let Some(node) = rabbitmq() else { return };
    exchange(node, "conformance").await;
    let subject = Subject {
        sink: url(node, "/conformance"),
        source: url(node, "/conformance?routing-key=conformance.%23"),
        prefix: "conformance",
        separator: '.',
        start: Start::Default,
        one_channel: false,
    };
    subject.conforms().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_keeps_order_and_all_fields_but_the_order_of_headers() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "conforming-stream", "stream").await;
    let subject = Subject {
        sink: url(node, "/conforming-stream"),
        source: url(node, "?queue=conforming-stream"),
        prefix: "conformance",
        separator: '.',
        start: Start::End,
        one_channel: false,
    };
    subject.keeps_order().await;
    subject.carries_many().await;
    let mut event = Event::new("conformance.fields", vec![0, 0xff]);
    event.headers = vec![
        Header::text("z", "1"),
        Header::text("a", ""),
        Header { name: "bytes".into(), value: Some(vec![0, 0xff].into()) },
        Header { name: "null".into(), value: None },
    ];
    event.broker_time = Some(BrokerTime { time: Timestamp(1_700_000_000_000_000), kind: TimeKind::Create });
    event.attributes.insert("message_id".to_owned(), json!("m-1"));
    let options = SourceOptions { start: Start::End, ..SourceOptions::default() };
    let mut reader = source(&subject.source, options).await;
    deliver(&mut sink(&subject.sink).await, std::slice::from_ref(&event)).await;
    let mut got = collect(&mut reader, 1).await.remove(0);
    got.headers.sort_by_key(|header| event.headers.iter().position(|sent| sent.name == header.name));
    assert_eq!((&got.headers, &got.payload), (&event.headers, &event.payload));
    assert_eq!((got.channel.as_str(), got.broker_time), ("conformance.fields", event.broker_time));
    assert_eq!(got.attributes.get("message_id"), Some(&json!("m-1")));
    assert!(got.place.offset.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_seeks() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "seek", "stream").await;
    let mut writer = sink(&url(node, "?queue=seek")).await;
    let events: Vec<Event> = (0..100).map(|at| Event::new("", format!("{at}"))).collect();
    deliver(&mut writer, &events).await;
    seeks(&url(node, "?queue=seek"), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_read_from_a_time_to_another() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "times", "stream").await;
    let mut writer = sink(&url(node, "?queue=times")).await;
    // The broker knows whole seconds of the parts it wrote: each of these three is a part in a second of its own.
    let mut times = Vec::new();
    for part in 0..3_u64 {
        let begun = Timestamp::now();
        while Timestamp::now().0 / 1_000_000 <= begun.0 / 1_000_000 + 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        times.push(Timestamp::now());
        let events: Vec<Event> =
            (part * 10..part * 10 + 10).map(|at| Event::new("", format!("{at}"))).collect();
        deliver(&mut writer, &events).await;
    }
    for (from, to, expected) in [
        (times[1], None, 10..30),
        (times[1], Some(times[1]), 10..20),
        (Timestamp(0), Some(times[1]), 0..20),
        (Timestamp(0), Some(Timestamp(1_000_000)), 0..0),
    ] {
        let options = SourceOptions {
            start: Start::Time(from),
            stop: to.map_or(Stop::PresentEnd, Stop::Time),
            ..SourceOptions::default()
        };
        let mut reader = source(&url(node, "?queue=times"), options).await;
        let mut got = Vec::new();
        loop {
            let batch = tokio::time::timeout(SOON * 2, reader.next_batch(7)).await.expect("in time");
            let batch = batch.expect("a batch");
            if batch.is_empty() {
                break;
            }
            got.extend(numbers(&batch));
        }
        assert_eq!(got, expected.collect::<Vec<_>>(), "from {from} to {to:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_gives_its_events_away_once_and_a_look_leaves_them() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "work", "classic").await;
    let mut writer = sink(&url(node, "?queue=work")).await;
    let events: Vec<Event> = (0..10).map(|at| Event::new("", format!("{at}"))).collect();
    deliver(&mut writer, &events).await;
    let all: Vec<u64> = (0..10).collect();
    let to_the_end = || SourceOptions { stop: Stop::PresentEnd, ..SourceOptions::default() };
    for _ in 0..2 {
        let mut look = source(&url(node, "?queue=work&peek"), to_the_end()).await;
        assert_eq!(numbers(&collect(&mut look, 10).await), all);
        assert!(look.next_batch(10).await.expect("the end").is_empty());
        look.close().await.expect("closed");
    }
    let mut short_look = source(&url(node, "?queue=work&peek&prefetch=3"), SourceOptions::default()).await;
    assert_eq!(numbers(&collect(&mut short_look, 3).await), all[..3]);
    assert!(short_look.next_batch(10).await.expect("no more").is_empty());
    short_look.close().await.expect("closed");
    // With the fourth call three are acknowledged; what it hands over is not when the reader dies.
    let mut reader = source(&url(node, "?queue=work"), SourceOptions::default()).await;
    for _ in 0..4 {
        assert_eq!(reader.next_batch(1).await.expect("a batch").len(), 1);
    }
    drop(reader);
    let mut rest = source(&url(node, "?queue=work"), to_the_end()).await;
    let got = collect(&mut rest, 7).await;
    assert_eq!(numbers(&got), all[3..]);
    assert_eq!(got[0].attributes.get("redelivered"), Some(&json!(true)));
    assert!(rest.next_batch(10).await.expect("the end").is_empty());
    rest.close().await.expect("closed");
    let mut empty = source(&url(node, "?queue=work"), to_the_end()).await;
    assert!(empty.next_batch(10).await.expect("the end").is_empty());
    empty.close().await.expect("closed");
    // What waits there came before now, and nothing says what came before an hour ago.
    deliver(&mut writer, &events).await;
    let until = |time: Timestamp| SourceOptions { stop: Stop::Time(time), ..SourceOptions::default() };
    let mut waiting = source(&url(node, "?queue=work"), until(Timestamp::now())).await;
    assert_eq!(numbers(&collect(&mut waiting, 10).await), all);
    assert!(waiting.next_batch(10).await.expect("the end").is_empty());
    let long_ago = until(Timestamp(Timestamp::now().0 - 3_600_000_000));
    let error = open_source(&address(&url(node, "?queue=work")), &long_ago).await.err().expect("refused");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_no_queue_takes_fails_alone() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "taken", "classic").await;
    let mut writer = sink(&url(node, "")).await;
    let mut recorded = Event::new("nobody", "2");
    recorded.attributes.insert("exchange".to_owned(), json!("shop"));
    for round in 0..20 {
        let batch: Vec<Event> = (0..200)
            .map(|at| match at % 10 {
                3 => Event::new("nobody", format!("{at}")),
                7 => recorded.clone(),
                _ => Event::new("taken", format!("{at}")),
            })
            .collect();
        let deliveries = writer.send(&batch).await.await;
        for (at, delivery) in deliveries.iter().enumerate() {
            let lost = delivery.outcome.as_ref().err();
            assert_eq!(lost.is_some(), matches!(at % 10, 3 | 7), "event {at} of round {round}: {lost:?}");
            if let Some(lost) = lost {
                assert_eq!(lost.kind, EndpointErrorKind::NotFound);
                let help = lost.help.as_deref().expect("help");
                assert_eq!(help.contains("`shop`"), at % 10 == 7, "{help}");
            }
        }
    }
    exchange(node, "unbound").await;
    let mut writer = sink(&url(node, "/unbound")).await;
    let deliveries = writer.send(&[Event::new("key", "x")]).await.await;
    let error = deliveries[0].outcome.as_ref().expect_err("nobody listens");
    assert!(error.message.contains("`unbound`") && error.message.contains("`key`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_and_headers_of_every_type_come_through_twice() {
    let Some(node) = rabbitmq() else { return };
    exchange(node, "typed").await;
    let mut event = Event::new("typed.a", "x");
    event.headers = vec![
        Header::text("z", "text"),
        Header { name: "null".into(), value: None },
        Header::text("count", "-5"),
        Header::text("flag", "true"),
        Header::text("ratio", "0.5"),
        Header { name: "bytes".into(), value: Some(vec![0, 0xff].into()) },
        Header::text("nested", r#"{"b":"2","a":true}"#),
        Header::text("a", "last"),
    ];
    let nested = "AAAADAFiUwAAAAEyAWF0AQ==";
    let attributes = json!({
        "content_type": "application/json", "content_encoding": "identity", "correlation_id": "c-1",
        "reply_to": "answers", "message_id": "m-1", "type": "Order", "app_id": "shop", "expiration": "60000",
        "priority": 4, "delivery_mode": 1, "user_id": "guest",
        "header_types": { "count": "l", "flag": "t", "ratio": "d", "bytes": "x", "nested": "F" },
        "header_wire": { "nested": nested },
    });
    event.attributes = attributes.as_object().expect("an object").clone().into();
    event.broker_time = Some(BrokerTime { time: Timestamp(1_700_000_000_000_000), kind: TimeKind::Create });
    let mut reader = source(&url(node, "/typed"), SourceOptions::default()).await;
    let mut writer = sink(&url(node, "/typed")).await;
    for _ in 0..2 {
        deliver(&mut writer, std::slice::from_ref(&event)).await;
        let mut got = collect(&mut reader, 1).await.remove(0);
        assert_eq!(got.attributes.shift_remove("exchange"), Some(json!("typed")));
        assert_eq!(got.headers, event.headers);
        assert_eq!(json!(got.attributes), attributes);
        assert_eq!(got.broker_time, event.broker_time);
        event = got;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_named_at_once() {
    let Some(node) = rabbitmq() else { return };
    let began = Instant::now();
    for (rest, words) in [
        ("%2F/no-exchange", "no exchange 'no-exchange'"),
        ("%2F?queue=no-queue", "no queue 'no-queue'"),
        ("no-host/x", "no-host"),
    ] {
        let at = address(&format!("amqp://127.0.0.1:{}/{rest}", node.port));
        let errors = [
            open_sink(&at, &SinkOptions::default()).await.err(),
            open_source(&at, &SourceOptions::default()).await.err(),
        ];
        for error in errors {
            let error = error.expect("not there");
            assert_eq!(error.kind, EndpointErrorKind::NotFound, "{error:?}");
            assert!(error.message.contains(words) && error.help.is_some(), "{error:?}");
        }
        assert_eq!(probe(&at, None, SOON).await.problems.len(), 1);
    }
    assert!(began.elapsed() < super::conformance::HANG, "said in {:?}", began.elapsed());
    let error =
        open_source(&address(&url(node, "")), &SourceOptions::default()).await.err().expect("nothing named");
    assert!(error.help.as_deref().is_some_and(|help| help.contains("?queue=NAME")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_exchange_and_a_queue_cannot_be_sought_in() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "unsought", "classic").await;
    for rest in ["/unsought", "?queue=unsought"] {
        for options in [
            SourceOptions { start: Start::Offset(5), ..SourceOptions::default() },
            SourceOptions { start: Start::Last(5), ..SourceOptions::default() },
            SourceOptions { start: Start::Time(Timestamp(0)), ..SourceOptions::default() },
            SourceOptions { stop: Stop::Offset(5), ..SourceOptions::default() },
        ] {
            let error = open_source(&address(&url(node, rest)), &options).await.err().expect("refused");
            assert_eq!(error.kind, EndpointErrorKind::Unsupported, "{error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_too_large_is_named_and_the_others_can_be_sent_again() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "large", "classic").await;
    let mut writer = sink(&url(node, "?queue=large")).await;
    let events = [Event::new("", "1"), Event::new("", vec![7; LARGEST_MESSAGE + 1]), Event::new("", "2")];
    let began = Instant::now();
    let deliveries = writer.send(&events).await.await;
    assert!(began.elapsed() < super::conformance::HANG, "said in {:?}", began.elapsed());
    let error = deliveries[1].outcome.as_ref().expect_err("too large");
    assert_eq!(error.kind, EndpointErrorKind::TooLarge, "{error:?}");
    for at in [0, 2] {
        assert!(
            deliveries[at].outcome.as_ref().err().is_none_or(|error| error.retryable()),
            "{:?}",
            deliveries[at]
        );
    }
    // From now on the limit is known, and nothing else suffers.
    writer.resume().await;
    let deliveries = writer.send(&events).await.await;
    let kinds: Vec<_> =
        deliveries.iter().map(|each| each.outcome.as_ref().err().map(|error| error.kind)).collect();
    assert_eq!(kinds, [None, Some(EndpointErrorKind::TooLarge), None]);
    let mut many_headers = Event::new("", "x");
    many_headers.headers = (0..200).map(|at| Header::text(format!("h{at}"), "x".repeat(1000))).collect();
    let deliveries = writer.send(&[many_headers, Event::new("", "x")]).await.await;
    assert_eq!(deliveries[0].outcome.as_ref().expect_err("too large").kind, EndpointErrorKind::TooLarge);
    assert!(deliveries[1].outcome.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_goes_away_is_named_and_found_again() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "fleeting", "classic").await;
    let mut writer = sink(&url(node, "/fleeting")).await;
    node.manage("DELETE", "exchanges/%2F/fleeting", json!(null)).await;
    for _ in 0..2 {
        let deliveries = writer.send(&[Event::new("key", "x")]).await.await;
        let error = deliveries[0].outcome.as_ref().expect_err("gone");
        assert_eq!(error.kind, EndpointErrorKind::NotFound, "{error:?}");
        writer.resume().await;
    }
    queue(node, "fleeting", "classic").await;
    deliver(&mut writer, &[Event::new("key", "x")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_is_made_anew_is_read_on_and_one_that_stays_away_is_named() {
    let Some(node) = rabbitmq() else { return };
    let remade = async {
        exchange(node, "remade").await;
        let mut reader = source(&url(node, "/remade"), SourceOptions::default()).await;
        node.manage("DELETE", "exchanges/%2F/remade", json!(null)).await;
        exchange(node, "remade").await;
        let mut writer = sink(&url(node, "/remade")).await;
        // An exchange that does not know the reader has nobody to pass an event to.
        let sent = async {
            while writer.send(&[Event::new("key", "x")]).await.await[0].outcome.is_err() {
                writer.resume().await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let (events, ()) = tokio::join!(reader.next_batch(1), sent);
        assert_eq!(events.expect("read on").len(), 1);
    };
    let removed = async {
        exchange(node, "removed").await;
        let mut reader = source(&url(node, "/removed"), SourceOptions::default()).await;
        node.manage("DELETE", "exchanges/%2F/removed", json!(null)).await;
        let error = reader.next_batch(1).await.expect_err("gone");
        assert_eq!(error.kind, EndpointErrorKind::NotFound, "{error:?}");
    };
    let both = Box::pin(async { tokio::join!(remade, removed) });
    tokio::time::timeout(SOON * 4, both).await.expect("told in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_made_anew_is_read_from_its_first_event() {
    let Some(node) = rabbitmq() else { return };
    let numbered = |count: u64| (0..count).map(|at| Event::new("key", at.to_string())).collect::<Vec<_>>();
    queue(node, "anew", "stream").await;
    let mut reader = source(&url(node, "?queue=anew"), SourceOptions::default()).await;
    deliver(&mut sink(&url(node, "/anew")).await, &numbered(5)).await;
    collect(&mut reader, 5).await;
    node.manage("DELETE", "queues/%2F/anew", json!(null)).await;
    queue(node, "anew", "stream").await;
    deliver(&mut sink(&url(node, "/anew")).await, &numbered(3)).await;
    reader.next_batch(1).await.expect_err("the other stream went away");
    assert_eq!(numbers(&collect(&mut reader, 3).await), [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_goes_away_ends_its_reader_with_a_reason() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "deleted", "classic").await;
    let mut reader = source(&url(node, "?queue=deleted"), SourceOptions::default()).await;
    let (error, _) = tokio::join!(
        async { tokio::time::timeout(SOON, reader.next_batch(1)).await.expect("told").expect_err("gone") },
        node.manage("DELETE", "queues/%2F/deleted", json!(null)),
    );
    assert_eq!(error.kind, EndpointErrorKind::Disconnected, "{error:?}");
    assert!(!reader.connected());
    let error = reader.next_batch(1).await.expect_err("still gone");
    assert_eq!(error.kind, EndpointErrorKind::NotFound, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_short_of_memory_holds_us_back_and_says_so() {
    let Some(mut node) = RabbitMq::launch() else { return };
    queue(&node, "blocked", "classic").await;
    let options = SinkOptions { receipt_timeout: Duration::from_secs(3), ..SinkOptions::default() };
    let text = url(&node, "?queue=blocked");
    let mut writer = open_sink(&address(&text), &options).await.expect("connected");
    let event = [Event::new("", "x")];
    assert!(writer.send(&event).await.await[0].outcome.is_ok());
    node.control(&["set_vm_memory_high_watermark", "absolute", "1"]);
    // The first may still be read; what follows is held back.
    let deadline = Instant::now() + Duration::from_secs(60);
    let error = loop {
        let receipts = writer.send(&event).await.await;
        if let Err(error) = &receipts[0].outcome
            && error.message.contains("memory")
        {
            break error.clone();
        }
        assert!(Instant::now() < deadline, "never blocked: {receipts:?}");
    };
    assert_eq!(error.kind, EndpointErrorKind::Timeout, "{error:?}");
    assert!(error.help.as_deref().is_some_and(|help| help.contains("alarms")), "{error:?}");
    node.control(&["set_vm_memory_high_watermark", "0.4"]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = &writer.send(&event).await.await[0].outcome {
        assert!(Instant::now() < deadline, "still blocked: {error:?}");
    }
    node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_mid_send_loses_nothing() {
    let Some(mut node) = RabbitMq::launch() else { return };
    queue(&node, "kept", "classic").await;
    // A narrow window, so that some events are confirmed before the node goes away.
    let text = url(&node, "?queue=kept&window=100");
    survives_a_restart(&text, &text, "kept", &mut node, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_overtakes_what_failed_with_the_connection() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "in-order", "classic").await;
    let network = Proxy::to(node.port);
    nothing_overtakes(&format!("amqp://127.0.0.1:{}/?queue=in-order", network.port), "", &network).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_finds_its_place_in_a_stream_again() {
    let Some(mut node) = RabbitMq::launch() else { return };
    queue(&node, "resumed", "stream").await;
    let text = url(&node, "?queue=resumed");
    let mut writer = sink(&text).await;
    let events: Vec<Event> = (0..20).map(|at| Event::new("", format!("{at}"))).collect();
    deliver(&mut writer, &events).await;
    let options = SourceOptions { start: Start::Beginning, ..SourceOptions::default() };
    let mut reader = source(&text, options).await;
    let mut got = numbers(&reader.next_batch(5).await.expect("a batch"));
    node.stop_in_order();
    // What had arrived before is still handed over, then the loss is reported, once.
    let error = loop {
        match tokio::time::timeout(SOON, reader.next_batch(100)).await.expect("told") {
            Ok(batch) => got.extend(numbers(&batch)),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, EndpointErrorKind::Disconnected, "{error:?}");
    assert!(reader.next_batch(1).await.expect_err("away").retryable());
    node.start();
    let deadline = Instant::now() + Duration::from_secs(60);
    while got.len() < 20 {
        assert!(Instant::now() < deadline, "{got:?}");
        match reader.next_batch(100).await {
            Ok(batch) => got.extend(numbers(&batch)),
            Err(error) => {
                assert!(error.retryable() || error.kind == EndpointErrorKind::NotFound, "{error:?}");
            }
        }
    }
    assert_eq!(got, (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_far_away_is_found_again() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "far", "classic").await;
    // Nobody is connected again within the time after which a reader looks whether its source is back.
    let way = Proxy::far(node.port, Duration::from_millis(50));
    let text = format!("amqp://127.0.0.1:{}/%2F?queue=far", way.port);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.args(["tail", &text, "--format", "raw", "-q"]).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("eddy starts");
    let out = std::io::BufReader::new(child.stdout.take().expect("piped"));
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&lines);
    std::thread::spawn(move || {
        for line in std::io::BufRead::lines(out).map_while(Result::ok) {
            seen.lock().expect("lines").push(line);
        }
    });
    let has = |number: usize| lines.lock().expect("lines").contains(&number.to_string());
    let deadline = Instant::now() + Duration::from_secs(40);
    let mut writer = sink(&url(node, "?queue=far")).await;
    for half in [0..5, 5..10] {
        let events: Vec<Event> = half.clone().map(|at| Event::new("", at.to_string())).collect();
        deliver(&mut writer, &events).await;
        while !half.clone().all(has) {
            assert!(Instant::now() < deadline, "{lines:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        way.cut();
        way.mend();
    }
    let _ = child.kill();
    child.wait().expect("gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_not_let_in() {
    let Some(node) = rabbitmq() else { return };
    node.manage("PUT", "users/tester", json!({ "password": "right", "tags": "" })).await;
    node.manage("PUT", "permissions/%2F/tester", json!({ "configure": "", "write": "", "read": "" })).await;
    let began = Instant::now();
    wrong_password(&format!("amqp://127.0.0.1:{}/", node.port)).await;
    assert!(began.elapsed() < super::conformance::HANG, "said in {:?}", began.elapsed());
    queue(node, "private", "classic").await;
    let text = format!("amqp://tester:right@127.0.0.1:{}/%2F/private", node.port);
    let mut writer = sink(&text).await;
    let deliveries = writer.send(&[Event::new("key", "x")]).await.await;
    let error = deliveries[0].outcome.as_ref().expect_err("forbidden");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
    let report = probe(&address(&format!("amqp://tester:wrong@127.0.0.1:{}", node.port)), None, SOON).await;
    assert_eq!((report.reachable, report.authorised), (true, Some(false)), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_a_login() {
    let Some(node) = rabbitmq() else { return };
    node.manage("PUT", &format!("users/{CERTIFIED}"), json!({ "password_hash": "", "tags": "" })).await;
    node.manage(
        "PUT",
        &format!("permissions/%2F/{CERTIFIED}"),
        json!({ "configure": ".*", "write": ".*", "read": ".*" }),
    )
    .await;
    let file = |name: &str| node.certificates.path(name).display().to_string();
    let with = |certificate: &str, key: &str| {
        let (ca, certificate, key) = (file("authority.pem"), file(certificate), file(key));
        address(&format!("amqps://localhost:{}/?ca={ca}&cert={certificate}&key={key}", node.tls_port))
    };
    let report = probe(&with("client.pem", "client.key"), None, SOON).await;
    assert!(report.problems.is_empty(), "{report:?}");
    assert!(report.facts.iter().any(|fact| fact.value == "EXTERNAL"), "{report:?}");
    for (certificate, key, kind) in [
        ("unknown.pem", "unknown.key", EndpointErrorKind::Unauthorised),
        ("expired.pem", "expired.key", EndpointErrorKind::Unauthorised),
        ("client.key", "client.pem", EndpointErrorKind::Malformed),
        ("none.pem", "client.key", EndpointErrorKind::File),
    ] {
        let began = Instant::now();
        let error = open_sink(&with(certificate, key), &SinkOptions::default()).await.err().expect("refused");
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(began.elapsed() < super::conformance::HANG && error.help.is_some(), "{error:?}");
    }
}

#[tokio::test]
async fn nobody_is_there() {
    nobody_there(&format!("amqp://127.0.0.1:{}/%2F/x", free_port())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_is_no_rabbitmq() {
    let Some(node) = rabbitmq() else { return };
    let options = SinkOptions { connect_timeout: Duration::from_secs(2), ..SinkOptions::default() };
    for text in [
        format!("amqp://127.0.0.1:{}/", node.management_port),
        format!("amqp://127.0.0.1:{}/", node.tls_port),
        format!("amqps://127.0.0.1:{}/", node.port),
    ] {
        let began = Instant::now();
        let error = open_sink(&address(&text), &options).await.err().expect("not AMQP");
        assert!(began.elapsed() < super::conformance::HANG, "said in {:?}", began.elapsed());
        assert!(error.help.is_some(), "{text}: {error:?}");
    }
}

/// Where queues give events up to, by their arguments and by policy, beside one that keeps them.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_flows_of_the_broker() {
    let Some(node) = rabbitmq() else { return };
    for name in ["dead-graveyard", "dead-kept"] {
        queue(node, name, "classic").await;
    }
    let dead = json!({ "durable": true, "arguments": { "x-dead-letter-exchange": "dead-graveyard" } });
    node.manage("PUT", "queues/%2F/dead-argued", dead).await;
    node.manage("PUT", "queues/%2F/dead-ruled", json!({ "durable": true })).await;
    let definition = json!({ "dead-letter-exchange": "", "dead-letter-routing-key": "dead-kept" });
    let policy = json!({ "pattern": "^dead-ruled$", "definition": definition, "apply-to": "queues" });
    node.manage("PUT", "policies/%2F/dead-rule", policy).await;
    let management = format!("management=http://127.0.0.1:{}", node.management_port);
    let at = address(&url(node, &format!("?{management}")));
    let mut inspect = open_inspect(&at, &SinkOptions::default()).await.expect("connected");
    let deadline = Instant::now() + Duration::from_secs(60);
    let expected = [
        ("dead letters of dead-argued", Direction::Receives, "dead-argued"),
        ("dead letters of dead-argued", Direction::Sends, "dead-graveyard"),
        ("dead letters of dead-ruled", Direction::Receives, "dead-ruled"),
        ("dead letters of dead-ruled", Direction::Sends, "dead-kept"),
    ];
    // A policy is put in force a moment after it was made.
    loop {
        let observed = inspect.topology().await.expect("an answer");
        assert!(observed.identity.is_some(), "{observed:?}");
        let found = observed.flows.iter().filter(|flow| flow.who.starts_with("dead letters of dead-"));
        let found: Vec<_> =
            found.map(|flow| (flow.who.as_str(), flow.direction, flow.addresses[0].as_str())).collect();
        if found == expected {
            break;
        }
        assert!(Instant::now() < deadline, "{found:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_probed_and_inspected() {
    let Some(node) = rabbitmq() else { return };
    queue(node, "seen", "classic").await;
    let reader = source(&url(node, "?queue=seen"), SourceOptions::default()).await;
    let management = format!("management=http://127.0.0.1:{}", node.management_port);
    let at = address(&url(node, &format!("/seen?{management}")));
    let report = probe(&at, None, SOON).await;
    assert!(report.reachable && report.problems.is_empty() && report.latency_us.is_some(), "{report:?}");
    assert!(report.server.as_deref().is_some_and(|server| server.starts_with("RabbitMQ ")), "{report:?}");
    let allowed =
        report.facts.iter().find(|fact| fact.name == "permissions").expect("an administrator is told");
    assert_eq!(allowed.value, "configure `.*`, write `.*`, read `.*`");
    let mut inspect = open_inspect(&at, &SinkOptions::default()).await.expect("connected");
    let deadline = Instant::now() + Duration::from_secs(60);
    // The management interface gathers its figures every few seconds.
    let observed =
        loop {
            let observed = inspect.topology().await.expect("an answer");
            if observed.channels.iter().any(|channel| {
                channel.name == "seen" && channel.events.is_some() && !channel.readers.is_empty()
            }) {
                break observed;
            }
            assert!(Instant::now() < deadline, "{observed:?}");
        };
    let seen: Vec<_> = observed.channels.iter().filter(|channel| channel.name == "seen").collect();
    assert!(seen.iter().any(|channel| channel.addresses == ["#"] && channel.readers[0].name == "queue seen"));
    assert!(seen.iter().any(|channel| channel.addresses == ["seen/#"] && channel.events == Some(0)));
    let reading: Vec<_> = observed.flows.iter().filter(|flow| flow.addresses[0] == "seen").collect();
    assert_eq!(reading.len(), 1, "{observed:?}");
    assert_eq!(reading[0].addresses, ["seen", "#"]);
    let unseen: Vec<_> =
        observed.not_observable.iter().map(|unseen| (unseen.direction, unseen.why)).collect();
    assert_eq!(unseen, [(Some(Direction::Sends), Why::Off)], "{observed:?}");
    reader.close().await.expect("closed");
    for (query, shown) in [("", true), ("?management=http://127.0.0.1:1", false)] {
        let at = address(&url(node, query));
        let mut inspect = open_inspect(&at, &SinkOptions::default()).await.expect("connected");
        let observed = inspect.topology().await;
        // Without the option there is a guess, and a wrong guess is no failure.
        assert_eq!(observed.is_ok(), shown, "{observed:?}");
    }
}
