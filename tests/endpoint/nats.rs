//! NATS core and JetStream against nats-server.

use std::time::{Duration, Instant};

use eddy::endpoint::address::Scheme;
use eddy::endpoint::open::{open_inspect, open_sink, open_source, probe};
use eddy::endpoint::{
    EndpointError, EndpointErrorKind, Fate, SinkOptions, Source, SourceOptions, Start, Stop,
};
use eddy::event::{Event, Header, NUMBER_HEADER, RUN_HEADER, TimeKind, Timestamp};
use eddy::replay::StopToken;
use eddy::replay::ledger::{ArchiveIdentity, Ledger};
use eddy::replay::read_back::{begin, read_back};
use serde_json::json;

use super::conformance::{
    HANG, Subject, address, collect, deliver, nobody_there, nothing_overtakes, seeks, sink, source,
    survives_a_restart, wrong_password,
};
use super::support::proxy::Proxy;
use super::support::servers::{Server, free_port, nats};

/// Makes a stream, memory or file as the server's default has it.
pub async fn stream(server: &Server, name: &str, subjects: &[&str]) {
    let client = async_nats::connect(format!("127.0.0.1:{}", server.port)).await.expect("connected");
    let config = async_nats::jetstream::stream::Config {
        name: name.to_owned(),
        subjects: subjects.iter().map(|&each| each.to_owned()).collect(),
        ..Default::default()
    };
    async_nats::jetstream::new(client).create_stream(config).await.expect("a stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn core_conforms() {
    let Some(server) = nats(&[]) else { return };
    let subject = Subject {
        sink: format!("nats://127.0.0.1:{}", server.port),
        source: format!("nats://127.0.0.1:{}/conformance.>", server.port),
        prefix: "conformance",
        separator: '.',
        start: Start::Default,
        one_channel: false,
    };
    subject.conforms().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jetstream_conforms() {
    let Some(server) = nats(&[]) else { return };
    stream(&server, "CONFORMANCE", &["conformance.>"]).await;
    let subject = Subject {
        sink: format!("jetstream+nats://127.0.0.1:{}/CONFORMANCE", server.port),
        source: format!("jetstream+nats://127.0.0.1:{}/CONFORMANCE", server.port),
        prefix: "conformance",
        separator: '.',
        start: Start::End,
        one_channel: false,
    };
    subject.conforms().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jetstream_seeks() {
    let Some(server) = nats(&[]) else { return };
    stream(&server, "SEEK", &["seek.>"]).await;
    let mut writer = sink(&format!("jetstream+nats://127.0.0.1:{}/seek.a", server.port)).await;
    let before = Timestamp::now();
    let events: Vec<Event> = (0..100).map(|at| Event::new("", format!("{at}"))).collect();
    deliver(&mut writer, &events).await;
    seeks(&format!("jetstream+nats://127.0.0.1:{}/SEEK", server.port), 1).await;
    // Between two times: the stamps are the server's own.
    let url = format!("jetstream+nats://127.0.0.1:{}/SEEK", server.port);
    let mut all = source(&url, SourceOptions { stop: Stop::PresentEnd, ..SourceOptions::default() }).await;
    let events = collect(&mut all, 100).await;
    let time = |at: usize| {
        let found = events[at].broker_time.expect("a time");
        assert_eq!(found.kind, TimeKind::Append);
        found.time
    };
    assert!(time(0) >= before && time(99) <= Timestamp::now());
    assert_eq!(events[41].place.offset, Some(42));
    let (from, to) = (time(50), time(60));
    let expected: Vec<_> = events
        .iter()
        .filter(|each| each.broker_time.is_some_and(|found| found.time >= from && found.time <= to))
        .map(|each| each.place.offset)
        .collect();
    let options =
        SourceOptions { start: Start::Time(from), stop: Stop::Time(to), ..SourceOptions::default() };
    let mut part = source(&url, options).await;
    let mut got = Vec::new();
    loop {
        let batch = part.next_batch(1000).await.expect("a batch");
        if batch.is_empty() {
            break;
        }
        got.extend(batch.iter().map(|each| each.place.offset));
    }
    assert_eq!(got, expected);
    // Windows without events end too, though the stream has older ones.
    let after = Timestamp(time(99).0 + 1);
    for stop in [Stop::PresentEnd, Stop::Time(Timestamp::now())] {
        let options = SourceOptions { start: Start::Time(after), stop, ..SourceOptions::default() };
        let mut nothing = source(&url, options).await;
        let batch = tokio::time::timeout(HANG, nothing.next_batch(10)).await.expect("an end");
        assert_eq!(batch.expect("a batch"), [], "{stop:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_events_are_found_across_gaps_and_filters() {
    let Some(server) = nats(&[]) else { return };
    stream(&server, "GAPS", &["gaps.>"]).await;
    let mut writer = sink(&format!("jetstream+nats://127.0.0.1:{}", server.port)).await;
    let events: Vec<Event> = (0..300)
        .map(|at| Event::new(if at % 3 == 0 { "gaps.rare" } else { "gaps.often" }, format!("{at}")))
        .collect();
    deliver(&mut writer, &events).await;
    let client = async_nats::connect(format!("127.0.0.1:{}", server.port)).await.expect("connected");
    let kept = async_nats::jetstream::new(client).get_stream("GAPS").await.expect("there");
    for sequence in 200..=290 {
        kept.delete_message(sequence).await.expect("deleted");
    }
    let url = format!("jetstream+nats://127.0.0.1:{}/GAPS?subject=gaps.rare", server.port);
    let options = SourceOptions { start: Start::Last(5), stop: Stop::PresentEnd, ..SourceOptions::default() };
    let mut reader = source(&url, options).await;
    let got = collect(&mut reader, 5).await;
    let numbers: Vec<_> = got.iter().map(|event| event.place.offset.expect("a place")).collect();
    assert_eq!(numbers, [196, 199, 292, 295, 298]);
    assert!(reader.next_batch(10).await.expect("the end").is_empty());
    assert_eq!(
        kept.get_info().await.expect("info").state.consumer_count,
        1,
        "only the reader's own consumer is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_reader_sees_what_comes() {
    let Some(server) = nats(&[]) else { return };
    stream(&server, "LIVE", &["live.>"]).await;
    let url = format!("jetstream+nats://127.0.0.1:{}/LIVE", server.port);
    let mut reader = source(&url, SourceOptions { start: Start::End, ..SourceOptions::default() }).await;
    let mut writer = sink(&url).await;
    deliver(&mut writer, &[Event::new("live.a", "1")]).await;
    assert_eq!(collect(&mut reader, 1).await[0].channel, "live.a");
    let mut empty = source(
        &format!("{url}?subject=live.never"),
        SourceOptions { stop: Stop::PresentEnd, ..SourceOptions::default() },
    )
    .await;
    assert!(empty.next_batch(1).await.expect("the end").is_empty());
}

#[tokio::test]
async fn receipts_have_sequence_numbers_and_repeats_are_recognised() {
    let Some(server) = nats(&[]) else { return };
    stream(&server, "IDS", &["ids"]).await;
    let url = address(&format!("jetstream+nats://127.0.0.1:{}/IDS", server.port));
    let marked = SinkOptions { marked: true, ..SinkOptions::default() };
    let mut of_a_run = open_sink(&url, &marked).await.expect("connected");
    let mut of_nobody = open_sink(&url, &SinkOptions::default()).await.expect("connected");
    let named = |run: &str| {
        let mut event = Event::new("", "x");
        event.headers = vec![Header::text(RUN_HEADER, run), Header::text(NUMBER_HEADER, "1")];
        event.headers.push(Header::text("Nats-Msg-Id", "own"));
        event
    };
    // A run knows its events by its marks, whatever they were called where they were recorded.
    for (run, place) in [("a", 1), ("a", 1), ("b", 2)] {
        let deliveries = of_a_run.send(&[named(run)]).await.await;
        assert_eq!(deliveries[0].outcome.as_ref().expect("taken").offset, Some(place), "{run}");
    }
    // Others say what is not kept.
    let deliveries = of_nobody.send(&[named("c")]).await.await;
    assert_eq!(deliveries[0].outcome.as_ref().expect("taken").offset, Some(3));
    let deliveries = of_nobody.send(&[named("d")]).await.await;
    let error = deliveries[0].outcome.as_ref().expect_err("not kept");
    assert!(error.kind == EndpointErrorKind::Rejected && error.message.contains("sequence 3"), "{error:?}");
}

#[tokio::test]
async fn a_stream_that_is_made_anew_is_read_from_its_first_event_and_one_that_is_gone_is_named() {
    let Some(server) = nats(&[]) else { return };
    let url = format!("jetstream+nats://127.0.0.1:{}/ANEW", server.port);
    let client = async_nats::connect(format!("127.0.0.1:{}", server.port)).await.expect("a client");
    let context = async_nats::jetstream::new(client);
    let numbered = |count: usize| (0..count).map(|at| Event::new("anew", at.to_string())).collect::<Vec<_>>();
    stream(&server, "ANEW", &["anew"]).await;
    let mut writer = sink(&url).await;
    deliver(&mut writer, &numbered(5)).await;
    let mut reader = source(&url, SourceOptions::default()).await;
    collect(&mut reader, 5).await;
    context.delete_stream("ANEW").await.expect("deleted");
    stream(&server, "ANEW", &["anew"]).await;
    // More than before, so that there is something behind the place where the reader stands.
    deliver(&mut writer, &numbered(8)).await;
    let told =
        |outcome: Result<Vec<Event>, EndpointError>| outcome.err().map(|error| (error.kind, error.message));
    let soon = Duration::from_secs(20);
    let first = tokio::time::timeout(soon, reader.next_batch(9)).await.expect("told");
    let (kind, message) = told(first).expect("made anew");
    assert!(kind == EndpointErrorKind::Disconnected && message.contains("was made anew"), "{message}");
    let read = collect(&mut reader, 8).await;
    assert_eq!(
        read.iter().map(|event| event.place.offset).collect::<Vec<_>>(),
        (1..=8).map(Some).collect::<Vec<_>>()
    );
    context.delete_stream("ANEW").await.expect("deleted");
    let last = tokio::time::timeout(soon, reader.next_batch(9)).await.expect("told");
    let (kind, message) = told(last).expect("gone");
    assert!(kind == EndpointErrorKind::NotFound && message.contains("not there any more"), "{message}");
}

#[tokio::test]
async fn where_no_stream_is_the_error_says_what_there_is() {
    let Some(server) = nats(&[]) else { return };
    stream(&server, "ORDERS", &["orders.>", "returns"]).await;
    let at = |path: &str| address(&format!("jetstream+nats://127.0.0.1:{}/{path}", server.port));
    let error = open_source(&at("ORDRES"), &SourceOptions::default()).await.err().expect("no such stream");
    assert_eq!(error.kind, EndpointErrorKind::NotFound);
    assert_eq!(error.help.as_deref(), Some("did you mean `ORDERS`?"));
    let error =
        open_sink(&at("other.subject"), &SinkOptions::default()).await.err().expect("no stream for it");
    assert_eq!(error.kind, EndpointErrorKind::NotFound);
    let mut writer = open_sink(&at(""), &SinkOptions::default()).await.expect("connected");
    let deliveries = writer.send(&[Event::new("nobody.keeps", "x"), Event::new("returns", "x")]).await.await;
    assert_eq!(deliveries[0].outcome.as_ref().expect_err("no stream").kind, EndpointErrorKind::NotFound);
    assert!(deliveries[1].outcome.is_ok());
    let mut writer = open_sink(&at("ORDERS"), &SinkOptions::default()).await.expect("connected");
    let deliveries = writer
        .send(&[Event::new("", "x"), Event::new("elsewhere", "x"), Event::new("orders.1", "x")])
        .await
        .await;
    let kinds: Vec<_> =
        deliveries.iter().map(|each| each.outcome.as_ref().err().map(|error| error.kind)).collect();
    assert_eq!(kinds, [Some(EndpointErrorKind::Rejected), Some(EndpointErrorKind::Rejected), None]);
    let mut reader = open_source(&at("orders.1"), &SourceOptions::default()).await.expect("by subject");
    let got = collect(&mut reader, 1).await.remove(0);
    assert_eq!((got.channel.as_str(), got.attributes.get("stream")), ("orders.1", Some(&json!("ORDERS"))));
}

#[tokio::test]
async fn a_server_without_jetstream_is_named_as_such() {
    let Some(server) = super::support::servers::nats_without_jetstream() else { return };
    let url = address(&format!("jetstream+nats://127.0.0.1:{}/ORDERS", server.port));
    let error = open_source(&url, &SourceOptions::default()).await.err().expect("no JetStream");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported, "{error:?}");
    let report = probe(&url, None, Duration::from_secs(5)).await;
    assert!(report.reachable && report.problems.len() == 1, "{report:?}");
}

#[tokio::test]
async fn replies_and_queues() {
    let Some(server) = nats(&[]) else { return };
    let url = format!("nats://127.0.0.1:{}/work?queue=group", server.port);
    let mut one = source(&url, SourceOptions::default()).await;
    let mut two = source(&url, SourceOptions::default()).await;
    let mut writer = sink(&format!("nats://127.0.0.1:{}/work", server.port)).await;
    let mut event = Event::new("", "x");
    event.attributes.insert("reply".to_owned(), json!("answers.here"));
    deliver(&mut writer, &vec![event; 100]).await;
    let (mut first, mut second) = (0, 0);
    while first + second < 100 {
        let batch = tokio::select! {
            batch = one.next_batch(100) => { let batch = batch.expect("a batch"); first += batch.len(); batch }
            batch = two.next_batch(100) => { let batch = batch.expect("a batch"); second += batch.len(); batch }
        };
        assert!(batch.iter().all(|event| event.attributes.get("reply") == Some(&json!("answers.here"))));
    }
    assert_eq!(first + second, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing() {
    let Some(mut server) = nats(&[]) else { return };
    stream(&server, "RESTART", &["restart"]).await;
    let url = format!("jetstream+nats://127.0.0.1:{}/RESTART", server.port);
    survives_a_restart(&url, &url, "restart", &mut server, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_new_events_goes_on_with_new_events_when_the_server_was_started_anew() {
    let Some(mut server) = nats(&[]) else { return };
    stream(&server, "QUIET", &["quiet"]).await;
    let url = format!("jetstream+nats://127.0.0.1:{}/QUIET", server.port);
    let numbered =
        |count: usize| (0..count).map(|at| Event::new("quiet", at.to_string())).collect::<Vec<_>>();
    deliver(&mut sink(&url).await, &numbered(100)).await;
    let mut reader = source(&url, SourceOptions { start: Start::End, ..SourceOptions::default() }).await;
    let nothing = tokio::time::timeout(Duration::from_millis(500), reader.next_batch(9)).await;
    assert!(nothing.is_err(), "{nothing:?}");
    server.stop();
    let lost = tokio::time::timeout(Duration::from_secs(4), reader.next_batch(9)).await.expect("at once");
    assert_eq!(lost.expect_err("the server is gone").kind, EndpointErrorKind::Disconnected);
    server.start();
    deliver(&mut sink(&url).await, &numbered(3)).await;
    let read = tokio::time::timeout(Duration::from_secs(30), collect(&mut reader, 3)).await.expect("soon");
    assert_eq!(
        read.iter().map(|event| event.place.offset).collect::<Vec<_>>(),
        [Some(101), Some(102), Some(103)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_may_be_larger_than_the_window() {
    let Some(server) = nats(&[]) else { return };
    stream(&server, "WINDOW", &["window"]).await;
    let mut writer = sink(&format!("jetstream+nats://127.0.0.1:{}/WINDOW?window=8", server.port)).await;
    let events: Vec<Event> = (0..500).map(|at| Event::new("window", format!("{at}"))).collect();
    deliver(&mut writer, &events).await;
    writer.close().await.expect("a clean close");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_source_says_that_it_lost_the_server_and_comes_back() {
    let Some(mut server) = nats(&[]) else { return };
    let url = format!("nats://127.0.0.1:{}/back", server.port);
    let mut reader = source(&url, SourceOptions::default()).await;
    server.stop();
    let error = reader.next_batch(10).await.expect_err("the server is gone");
    assert_eq!(error.kind, EndpointErrorKind::Disconnected, "{error:?}");
    server.start();
    let mut writer = sink(&url).await;
    let writing = async {
        loop {
            deliver(&mut writer, &[Event::new("", "x")]).await;
        }
    };
    tokio::select! {
        batch = reader.next_batch(10) => assert!(!batch.expect("again").is_empty()),
        () = writing => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_overtakes_what_failed_with_the_connection() {
    let Some(server) = nats(&[]) else { return };
    stream(&server, "ORDER", &["order"]).await;
    for scheme in ["nats", "jetstream+nats"] {
        let network = Proxy::to(server.port);
        nothing_overtakes(&format!("{scheme}://127.0.0.1:{}/order", network.port), "", &network).await;
    }
}

/// What was reported as lost is not sent behind the back of the caller when the server is back.
#[tokio::test(flavor = "multi_thread")]
async fn core_events_that_failed_do_not_come_late() {
    let Some(server) = nats(&[]) else { return };
    let network = Proxy::to(server.port);
    let mut reader =
        source(&format!("nats://127.0.0.1:{}/late", server.port), SourceOptions::default()).await;
    let mut writer = sink(&format!("nats://127.0.0.1:{}/late", network.port)).await;
    network.cut();
    let failed = writer.send(&[Event::new("", "failed")]).await.await;
    assert!(failed[0].outcome.is_err(), "{failed:?}");
    network.mend();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        writer.resume().await;
        match &writer.send(&[Event::new("", "after")]).await.await[0].outcome {
            Ok(_) => break,
            Err(error) => assert!(error.retryable() && Instant::now() < deadline, "{error:?}"),
        }
    }
    assert_eq!(collect(&mut reader, 1).await[0].payload.as_deref(), Some(b"after".as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_consumer_that_is_deleted_is_told() {
    let Some(server) = nats(&[]) else { return };
    stream(&server, "TAKEN", &["taken"]).await;
    let text = format!("jetstream+nats://127.0.0.1:{}/taken", server.port);
    deliver(&mut sink(&text).await, &[Event::new("", "a"), Event::new("", "b")]).await;
    let other = async_nats::connect(format!("127.0.0.1:{}", server.port)).await.expect("connected");
    let stream = async_nats::jetstream::new(other).get_stream("TAKEN").await.expect("there");
    for is_settling in [false, true] {
        let options = SourceOptions {
            stop: Stop::PresentEnd,
            takes: Some("durable".to_owned()),
            ..SourceOptions::default()
        };
        let mut reader = source(&text, options).await;
        assert_eq!(reader.next_batch(1).await.expect("a batch").len(), 1);
        stream.delete_consumer("durable").await.expect("deleted");
        let outcome = if is_settling {
            reader.settle(&[Fate::Done]).await.map(|_| ())
        } else {
            reader.next_batch(1).await.map(|_| ())
        };
        let error = outcome.expect_err("it is gone");
        assert_eq!(error.kind, EndpointErrorKind::NotFound, "{error:?}");
        assert!(error.message.contains("`durable`") && error.help.is_some(), "{error:?}");
    }
}

/// What a run has sent is read back to its end, though the connection breaks meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn reading_back_goes_on_after_a_break() {
    const EVENTS: u64 = 10_000;
    let Some(server) = nats(&[]) else { return };
    stream(&server, "BACK", &["back"]).await;
    let archive = ArchiveIdentity { path: "x".to_owned(), bytes: 1, sha256: String::new() };
    let mut ledger = Ledger::new(archive, String::new(), String::new(), EVENTS);
    let direct = address(&format!("jetstream+nats://127.0.0.1:{}/back", server.port));
    let options = SinkOptions::default();
    ledger.read_back = begin(&direct, &options, &["back"]).await.expect("asked").expect("kept");
    let mut writer = sink(&direct.to_string()).await;
    let events: Vec<Event> = (0..EVENTS)
        .map(|number| {
            let number = number.to_string();
            let headers = vec![Header::text(RUN_HEADER, &ledger.run), Header::text(NUMBER_HEADER, number)];
            Event { headers, ..Event::new("back", vec![b'x'; 1000]) }
        })
        .collect();
    deliver(&mut writer, &events).await;
    // Slow enough that reading takes well over a second.
    let network = std::sync::Arc::new(Proxy::far(server.port, Duration::from_millis(10)));
    let shaken = std::sync::Arc::clone(&network);
    let shaking = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        shaken.cut();
        std::thread::sleep(Duration::from_millis(200));
        shaken.mend();
    });
    let far = address(&format!("jetstream+nats://127.0.0.1:{}/back", network.port));
    let found = read_back(&mut ledger, &far, &options, &StopToken::default()).await.expect("read");
    assert!(shaking.is_finished(), "it was read before the connection broke");
    assert_eq!((found.found, ledger.settled.count(), found.uncertain_below), (EVENTS, EVENTS, 0));
    assert!(!found.interrupted && found.read >= EVENTS);
    network.cut();
    let error =
        read_back(&mut ledger, &far, &options, &StopToken::default()).await.expect_err("nobody is there");
    assert!(error.retryable(), "{error:?}");
}

#[tokio::test]
async fn nobody_listens() {
    nobody_there(&format!("nats://127.0.0.1:{}/x", free_port())).await;
    nobody_there(&format!("jetstream+nats://127.0.0.1:{}/x", free_port())).await;
}

#[tokio::test]
async fn a_wrong_password_is_said() {
    let Some(server) = nats(&["--user", "tester", "--pass", "right"]) else { return };
    wrong_password(&format!("nats://127.0.0.1:{}/x", server.port)).await;
}

#[tokio::test]
async fn a_forbidden_subject_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let configuration = directory.path().join("nats.conf");
    let text = "authorization { users = [ { user: tester, password: right, permissions: { publish: [\"ok.>\", \"_INBOX.>\"], subscribe: [\"ok.>\", \"_INBOX.>\"] } } ] }";
    std::fs::write(&configuration, text).expect("written");
    let Some(server) = nats(&["-c", &configuration.display().to_string()]) else { return };
    let at = |path: &str| address(&format!("nats://tester:right@127.0.0.1:{}/{path}", server.port));
    let error = open_source(&at("secret"), &SourceOptions::default()).await.err().expect("forbidden");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
    let told = async |path: &str| probe(&at(path), None, Duration::from_secs(5)).await;
    let (allowed, forbidden) = (told("ok.>").await, told("secret").await);
    assert!(allowed.authorised != Some(false) && allowed.problems.is_empty(), "{allowed:?}");
    assert!(forbidden.authorised == Some(false) && forbidden.problems.len() == 1, "{forbidden:?}");
    let mut writer = open_sink(&at(""), &SinkOptions::default()).await.expect("connected");
    let deliveries = writer.send(&[Event::new("ok.1", "x"), Event::new("secret", "x")]).await.await;
    assert!(deliveries[0].outcome.is_ok());
    assert_eq!(deliveries[1].outcome.as_ref().expect_err("forbidden").kind, EndpointErrorKind::Unauthorised);
}

/// The error that ends reading; the connection may be lost before.
async fn end_of_reading(reader: &mut Box<dyn Source>) -> EndpointError {
    let reading = async {
        loop {
            match reader.next_batch(1).await {
                Ok(batch) => assert!(!batch.is_empty(), "it ended without a word"),
                Err(error) if error.retryable() => {}
                Err(error) => return error,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forbidden_while_it_is_read_ends_the_reading() {
    let directory = tempfile::tempdir().expect("a directory");
    let configuration = directory.path().join("nats.conf");
    let configure = |of_reader: &str| {
        let text =
            format!("authorization {{ users = [ {{ user: all, password: pw }}, {{ user: {of_reader} }} ] }}");
        std::fs::write(&configuration, text).expect("written");
    };
    let may = |subjects: &str| {
        format!("ann, password: pw, permissions: {{ publish: [\">\"], subscribe: [{subjects}] }}")
    };
    configure(&may(r#""ok.>", "_INBOX.>""#));
    let Some(server) = nats(&["-c", &configuration.display().to_string()]) else { return };
    let options = async_nats::ConnectOptions::with_user_and_password("all".to_owned(), "pw".to_owned());
    let client = options.connect(format!("127.0.0.1:{}", server.port)).await.expect("a client");
    let wanted = async_nats::jetstream::stream::Config {
        name: "OK".to_owned(),
        subjects: vec!["kept".to_owned()],
        ..Default::default()
    };
    async_nats::jetstream::new(client).create_stream(wanted).await.expect("a stream");
    let urls = ["nats://ann:pw@127.0.0.1:PORT/ok.x", "jetstream+nats://ann:pw@127.0.0.1:PORT/OK"]
        .map(|url| url.replace("PORT", &server.port.to_string()));
    for withdrawn in [may(r#""other""#), "bob, password: pw".to_owned()] {
        configure(&may(r#""ok.>", "_INBOX.>""#));
        server.reload();
        let mut readers = Vec::new();
        for url in &urls {
            // The server may not have read its configuration yet.
            let deadline = Instant::now() + Duration::from_secs(20);
            readers.push(loop {
                match open_source(&address(url), &SourceOptions::default()).await {
                    Ok(reader) => break reader,
                    Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
                }
            });
        }
        configure(&withdrawn);
        server.reload();
        for reader in &mut readers {
            let error = end_of_reading(reader).await;
            assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
            let is_shut_out = withdrawn.starts_with("bob");
            let words = if is_shut_out { "does not" } else { "Permissions Violation" };
            assert!(error.message.contains(words), "{error:?}");
        }
    }
}

/// A server with JetStream at which a user may read and send subjects and nothing else.
fn nats_without_permission_for_streams() -> Option<Server> {
    let directory = tempfile::tempdir().expect("a directory");
    let configuration = directory.path().join("nats.conf");
    let text = "authorization { users = [ { user: ro, password: pw, permissions: { publish: [\"ok.>\"], subscribe: [\"ok.>\", \"_INBOX.>\"] } } ] }";
    std::fs::write(&configuration, text).expect("written");
    let server = nats(&["-c", &configuration.display().to_string()]);
    // It was read when the server listens.
    drop(directory);
    server
}

#[tokio::test]
async fn a_user_without_permission_for_streams_is_told_so_at_once() {
    let Some(server) = nats_without_permission_for_streams() else { return };
    let at = |path: &str| address(&format!("jetstream+nats://ro:pw@127.0.0.1:{}/{path}", server.port));
    let began = Instant::now();
    for path in ["OK", "ok.x"] {
        let read = open_source(&at(path), &SourceOptions::default()).await.err().expect("forbidden");
        let sent = open_sink(&at(path), &SinkOptions::default()).await.err().expect("forbidden");
        for error in [read, sent] {
            assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
            assert!(error.message.contains("$JS.API.STREAM."), "{error:?}");
            assert!(error.help.is_some_and(|help| help.contains("`$JS.API.CONSUMER.>`")));
        }
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_user_who_may_see_a_stream_and_not_read_it_is_told_so_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let configuration = directory.path().join("nats.conf");
    let user = |name: &str, may: &str| {
        format!(
            "{{ user: {name}, password: pw, permissions: {{ publish: [{may}], subscribe: [\"_INBOX.>\"] }} }}"
        )
    };
    let see = r#""$JS.API.INFO", "$JS.API.STREAM.>""#;
    let make = format!(r#"{see}, "$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.DELETE.>""#);
    let users = [user("all", r#"">""#), user("see", see), user("make", &make)].join(", ");
    std::fs::write(&configuration, format!("authorization {{ users = [ {users} ] }}")).expect("written");
    let Some(server) = nats(&["-c", &configuration.display().to_string()]) else { return };
    let at = |user: &str| address(&format!("jetstream+nats://{user}:pw@127.0.0.1:{}/SEEN", server.port));
    let options = async_nats::ConnectOptions::with_user_and_password("all".to_owned(), "pw".to_owned());
    let client = options.connect(format!("127.0.0.1:{}", server.port)).await.expect("a client");
    let wanted = async_nats::jetstream::stream::Config {
        name: "SEEN".to_owned(),
        subjects: vec!["seen".to_owned()],
        ..Default::default()
    };
    async_nats::jetstream::new(client).create_stream(wanted).await.expect("a stream");
    let began = Instant::now();
    let error = open_source(&at("see"), &SourceOptions::default()).await.err().expect("forbidden");
    assert!(
        error.kind == EndpointErrorKind::Unauthorised && error.message.contains("CONSUMER.CREATE"),
        "{error:?}"
    );
    let mut reader = open_source(&at("make"), &SourceOptions::default()).await.expect("a reader");
    let error = reader.next_batch(1).await.expect_err("forbidden");
    assert!(error.kind == EndpointErrorKind::Unauthorised && error.message.contains("MSG.NEXT"), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_user_without_permission_for_questions_finds_the_server_well() {
    let Some(server) = nats_without_permission_for_streams() else { return };
    let began = Instant::now();
    let url = address(&format!("nats://ro:pw@127.0.0.1:{}", server.port));
    let report = probe(&url, None, Duration::from_secs(5)).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(report.reachable && report.problems.is_empty(), "{report:?}");
    let told = |name: &str| report.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone());
    assert_eq!(told("JetStream").as_deref(), Some("not observable: we may not ask"));
    assert!(told("permissions").is_some_and(|told| told.starts_with("not observable")));
    let url = address(&format!("jetstream+nats://ro:pw@127.0.0.1:{}", server.port));
    let report = probe(&url, None, Duration::from_secs(5)).await;
    assert!(
        report.reachable && report.problems.len() == 1 && report.problems[0].help.is_some(),
        "{report:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_alone() {
    let Some(server) = nats(&[]) else { return };
    let mut writer = sink(&format!("nats://127.0.0.1:{}", server.port)).await;
    let mut bad_header = Event::new("a", "x");
    bad_header.headers = vec![Header { name: "h".into(), value: Some(vec![0xff].into()) }];
    let events = [
        Event::new("a", "x"),
        Event::new("a", vec![0; 2_000_000]),
        Event::new("a b", "x"),
        bad_header,
        Event::new("b", "x"),
    ];
    let deliveries = writer.send(&events).await.await;
    let kinds: Vec<_> =
        deliveries.iter().map(|each| each.outcome.as_ref().err().map(|error| error.kind)).collect();
    let rejected = Some(EndpointErrorKind::Rejected);
    assert_eq!(kinds, [None, Some(EndpointErrorKind::TooLarge), rejected, rejected, None]);
}

#[tokio::test]
async fn a_server_is_probed_and_inspected() {
    let Some(server) = nats(&[]) else { return };
    stream(&server, "SEEN", &["seen.>"]).await;
    let url = address(&format!("nats://127.0.0.1:{}", server.port));
    assert_eq!(url.scheme, Scheme::Nats);
    let report = probe(&url, None, Duration::from_secs(5)).await;
    assert!(report.reachable && report.problems.is_empty(), "{report:?}");
    assert!(report.server.as_ref().is_some_and(|server| server.starts_with("nats-server 2.")), "{report:?}");
    let named = |path: &str| address(&format!("jetstream+nats://127.0.0.1:{}/{path}", server.port));
    for path in ["SEEN", "seen.x"] {
        let report = probe(&named(path), None, Duration::from_secs(5)).await;
        assert!(report.problems.is_empty(), "{report:?}");
    }
    for path in ["nosuch", "no.such"] {
        let report = probe(&named(path), None, Duration::from_secs(5)).await;
        let error = open_source(&named(path), &SourceOptions::default()).await.err().expect("not there");
        let told: Vec<_> = report.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!((report.authorised, told), (Some(true), vec![error.message.as_str()]));
    }
    let mut inspect = open_inspect(&url, &SinkOptions::default()).await.expect("connected");
    let observed = inspect.topology().await.expect("an answer");
    assert_eq!(observed.channels.len(), 1);
    assert_eq!(observed.channels[0].addresses, ["seen.>"]);
    assert!(!observed.not_observable.is_empty());
}
