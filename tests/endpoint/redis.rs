//! Redis Streams against redis-server.

use std::time::{Duration, Instant};

use eddy::endpoint::open::{open_inspect, open_sink, open_source, probe, target_facts};
use eddy::endpoint::{EndpointErrorKind, SinkOptions, Source, SourceOptions, Start, Stop};
use eddy::event::{Event, Header, TimeKind, Timestamp};
use serde_json::json;

use super::conformance::{
    Subject, address, collect, deliver, nobody_there, nothing_overtakes, seeks, sink, source,
    survives_a_restart, wrong_password,
};
use super::support::proxy::Proxy;
use super::support::redis::{redis, redis_that_keeps, redis_with_password};
use super::support::servers::{Server, free_port};

pub fn url(server: &Server, rest: &str) -> String {
    format!("redis://127.0.0.1:{}/{rest}", server.port)
}

/// Another program that talks to the server.
pub fn other(server: &Server) -> redis::Connection {
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", server.port)).expect("an address");
    client.get_connection().expect("connected")
}

pub fn command(connection: &mut redis::Connection, words: &str) -> redis::Value {
    let mut words = words.split(' ');
    let mut command = redis::cmd(words.next().expect("a command"));
    for word in words {
        command.arg(word);
    }
    command.query(connection).unwrap_or_else(|error| panic!("{error}"))
}

fn until(start: Start, stop: Stop) -> SourceOptions {
    SourceOptions { start, stop, ..SourceOptions::default() }
}

/// Everything a source yields until it ends.
async fn all_of(source: &mut Box<dyn Source>) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let batch = tokio::time::timeout(Duration::from_secs(30), source.next_batch(1000)).await;
        let batch = batch.expect("in time").expect("a batch");
        if batch.is_empty() {
            return events;
        }
        events.extend(batch);
    }
}

fn texts(events: &[Event]) -> Vec<String> {
    let text =
        |event: &Event| String::from_utf8_lossy(event.payload.as_deref().unwrap_or_default()).into_owned();
    events.iter().map(text).collect()
}

fn numbered(count: usize) -> Vec<Event> {
    (0..count).map(|at| Event::new("", format!("{at}"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_conform() {
    let Some(server) = redis(&[]) else { return };
    let names = [
        "text",
        "binary",
        "empty",
        "ünïcode-名前",
        "large",
        "null",
        "keyed",
        "headers",
        "order-a",
        "order-b",
        "many",
    ];
    let names = names.map(|name| format!("conformance.{name}")).join(",");
    let subject = Subject {
        sink: url(&server, ""),
        source: url(&server, &names),
        prefix: "conformance",
        separator: '.',
        start: Start::End,
        one_channel: false,
    };
    subject.conforms().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_seek() {
    let Some(server) = redis(&[]) else { return };
    let mut events = numbered(100);
    for (at, event) in events.iter_mut().enumerate() {
        event.attributes.insert("id".to_owned(), json!(format!("7-{at}")));
    }
    deliver(&mut sink(&url(&server, "seek?id=keep")).await, &events).await;
    seeks(&url(&server, "seek"), 7 * 4096).await;
    let mut after = source(&url(&server, "seek?after=7-96"), until(Start::Default, Stop::PresentEnd)).await;
    assert_eq!(texts(&all_of(&mut after).await), ["97", "98", "99"]);
    let twice =
        open_source(&address(&url(&server, "seek?after=7-96")), &until(Start::End, Stop::Never)).await;
    assert_eq!(twice.err().expect("two beginnings").kind, EndpointErrorKind::Unsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_those_of_the_ids() {
    let Some(server) = redis(&[]) else { return };
    let before = Timestamp(Timestamp::now().0 / 1000 * 1000);
    let mut writer = sink(&url(&server, "times")).await;
    for event in numbered(20) {
        deliver(&mut writer, &[event]).await;
    }
    let mut reader = source(&url(&server, "times"), until(Start::Beginning, Stop::PresentEnd)).await;
    let events = all_of(&mut reader).await;
    let time = |event: &Event| {
        let found = event.broker_time.expect("a time");
        assert_eq!(found.kind, TimeKind::Append);
        found.time
    };
    assert!(time(&events[0]) >= before && time(&events[19]) <= Timestamp::now());
    let (from, to) = (time(&events[5]), time(&events[15]));
    let wanted: Vec<Event> =
        events.iter().filter(|event| time(event) >= from && time(event) <= to).cloned().collect();
    let mut part = source(&url(&server, "times"), until(Start::Time(from), Stop::Time(to))).await;
    assert_eq!(texts(&all_of(&mut part).await), texts(&wanted));
    // A time between two milliseconds begins with the next one.
    let mut part =
        source(&url(&server, "times"), until(Start::Time(Timestamp(from.0 - 999)), Stop::Time(to))).await;
    assert_eq!(texts(&all_of(&mut part).await), texts(&wanted));
    // An end that is still to come is waited for.
    let end = Timestamp(Timestamp::now().0 + 600_000);
    let mut live = source(&url(&server, "times"), until(Start::End, Stop::Time(end))).await;
    deliver(&mut writer, &[Event::new("", "late")]).await;
    assert_eq!(texts(&all_of(&mut live).await), ["late"]);
    assert!(Timestamp::now() >= end);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_several_streams_are_the_newest_of_all() {
    let Some(server) = redis(&[]) else { return };
    let mut connection = other(&server);
    for time in 1..=30 {
        let stream = if time % 10 == 0 { "rare" } else { "often" };
        command(&mut connection, &format!("XADD {stream} {time}-0 payload {time}"));
    }
    let mut reader = source(&url(&server, "often,rare"), until(Start::Last(12), Stop::PresentEnd)).await;
    let expected: Vec<String> = (19..=30).map(|time| time.to_string()).collect();
    assert_eq!(texts(&all_of(&mut reader).await), expected);
    let mut all = source(&url(&server, "rare,often"), until(Start::Beginning, Stop::PresentEnd)).await;
    let expected: Vec<String> = (1..=30).map(|time| time.to_string()).collect();
    assert_eq!(texts(&all_of(&mut all).await), expected, "several streams are merged by their times");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_come_into_being_while_it_is_followed() {
    let Some(server) = redis(&[]) else { return };
    let mut reader = source(&url(&server, "later"), SourceOptions::default()).await;
    let reading = async {
        // Given up in the middle, as an engine that has other things to do gives up.
        let mut events = Vec::new();
        while events.len() < 50 {
            let read = tokio::time::timeout(Duration::from_millis(2), reader.next_batch(10)).await;
            events.extend(read.map_or_else(|_| Vec::new(), |batch| batch.expect("a batch")));
        }
        events
    };
    let writing = async {
        let mut writer = sink(&url(&server, "later")).await;
        for event in numbered(50) {
            deliver(&mut writer, &[event]).await;
        }
    };
    let (events, ()) = tokio::join!(reading, writing);
    let expected: Vec<String> = (0..50).map(|at| at.to_string()).collect();
    assert_eq!(texts(&events), expected, "nothing is lost with a call that was given up");
}

#[tokio::test]
async fn entries_of_other_programs_read_well_and_are_written_again_as_they_were() {
    let Some(server) = redis(&[]) else { return };
    let mut connection = other(&server);
    for words in [
        "XADD flat 1-0 id 42 amount 12.50",
        "XADD flat 2-0 id 1 id 2",
        "XADD flat 3-0 trace abc data {\"a\":1}",
        "XADD flat 4-0 key k value v",
    ] {
        command(&mut connection, words);
    }
    redis::cmd("XADD")
        .arg("flat")
        .arg("5-0")
        .arg("raw")
        .arg(&b"\xff\x00"[..])
        .exec(&mut connection)
        .expect("added");
    let mut reader = source(&url(&server, "flat"), until(Start::Beginning, Stop::PresentEnd)).await;
    let events = all_of(&mut reader).await;
    assert_eq!(events[0].payload.as_deref(), Some(br#"{"id":"42","amount":"12.50"}"#.as_slice()));
    assert_eq!(events[1].headers, [Header::text("id", "1"), Header::text("id", "2")]);
    assert_eq!(
        (events[2].payload.as_deref(), events[2].header_text("trace")),
        (Some(&b"{\"a\":1}"[..]), Some("abc"))
    );
    assert_eq!((events[3].key.as_deref(), events[3].payload.as_deref()), (Some(&b"k"[..]), Some(&b"v"[..])));
    assert_eq!((events[4].headers[0].value.as_deref(), &events[4].payload), (Some(&[0xff, 0][..]), &None));
    assert_eq!(events[0].attributes["id"], json!("1-0"));
    deliver(&mut sink(&url(&server, "copy?id=keep")).await, &events).await;
    let range =
        |connection: &mut redis::Connection, name: &str| command(connection, &format!("XRANGE {name} - +"));
    let (original, copy) = (range(&mut connection, "flat"), range(&mut connection, "copy"));
    assert_eq!(original, copy);
    let mut chosen =
        source(&url(&server, "flat?field=amount"), until(Start::Beginning, Stop::Offset(2 * 4096))).await;
    assert_eq!(all_of(&mut chosen).await[0].payload.as_deref(), Some(&b"12.50"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_again_with_recorded_ids_is_harmless() {
    let Some(server) = redis(&[]) else { return };
    let mut events = numbered(10);
    for (at, event) in events.iter_mut().enumerate() {
        event.attributes.insert("id".to_owned(), json!(format!("{}-0", at + 1)));
    }
    let mut writer = sink(&url(&server, "kept?id=keep")).await;
    assert!(writer.capabilities().timestamps);
    deliver(&mut writer, &events).await;
    deliver(&mut writer, &events).await;
    let mut connection = other(&server);
    assert_eq!(command(&mut connection, "XLEN kept"), redis::Value::Int(10));
    events[3].payload = Some("another".into());
    let receipts = writer.send(&events[3..4]).await.await;
    let error = receipts[0].outcome.as_ref().expect_err("another event has that id");
    assert_eq!(error.kind, EndpointErrorKind::Rejected);
    assert!(error.help.as_deref().is_some_and(|help| help.contains("`id=keep`")), "{error:?}");
    // An event from elsewhere keeps its time.
    let mut stranger = Event::new("", "x");
    stranger.received = Timestamp(1_700_000_000_123_456);
    let receipts = writer.send(&[stranger.clone(), stranger]).await.await;
    for (receipt, sequence) in receipts.iter().zip(0..) {
        assert_eq!(
            receipt.outcome.as_ref().expect("taken").offset,
            Some(1_700_000_000_123 * 4096 + sequence)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_trimmed_on_request() {
    let Some(server) = redis(&[]) else { return };
    deliver(&mut sink(&url(&server, "short?maxlen=1000")).await, &numbered(10_000)).await;
    let redis::Value::Int(length) = command(&mut other(&server), "XLEN short") else { panic!("a number") };
    assert!((1000..1200).contains(&length), "about 1000 are kept: {length}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_shares_the_work_and_knows_what_was_dealt_with() {
    let Some(server) = redis(&[]) else { return };
    let mut connection = other(&server);
    deliver(&mut sink(&url(&server, "work")).await, &numbered(100)).await;
    let missing = open_source(&address(&url(&server, "work?group=workers")), &SourceOptions::default()).await;
    let missing = missing.err().expect("no group");
    assert_eq!(missing.kind, EndpointErrorKind::NotFound);
    assert!(
        missing.help.as_deref().is_some_and(|help| help.contains("XGROUP CREATE work workers 0")),
        "{missing:?}"
    );
    command(&mut connection, "XGROUP CREATE work workers 0");
    let pending = |connection: &mut redis::Connection| {
        let redis::Value::Array(summary) = command(connection, "XPENDING work workers") else {
            panic!("a summary")
        };
        summary[0].clone()
    };
    let one = url(&server, "work?group=workers&consumer=one");
    let mut reader = source(&one, SourceOptions::default()).await;
    let first = reader.next_batch(10).await.expect("a batch");
    let second = reader.next_batch(10).await.expect("a batch");
    assert_eq!((first.len(), second.len()), (10, 10));
    assert_eq!(
        pending(&mut connection),
        redis::Value::Int(10),
        "the first ten are acknowledged, the second are not"
    );
    // A reader that dies without a word: what it had comes again to a consumer of that name, and to no other.
    drop(reader);
    let two = url(&server, "work?group=workers&consumer=two");
    let mut others = source(&two, SourceOptions::default()).await;
    assert_eq!(texts(&others.next_batch(5).await.expect("a batch"))[0], "20");
    others.close().await.expect("a clean close");
    let mut reader = source(&one, until(Start::Default, Stop::PresentEnd)).await;
    let rest = all_of(&mut reader).await;
    assert_eq!(texts(&rest[..10]), texts(&second), "pending entries come first");
    assert_eq!(rest.len(), 10 + 75);
    reader.close().await.expect("a clean close");
    assert_eq!(pending(&mut connection), redis::Value::Int(0), "leaving acknowledges what was read");
    let from = open_source(&address(&one), &until(Start::Beginning, Stop::Never)).await;
    assert_eq!(from.err().expect("the group decides").kind, EndpointErrorKind::Unsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_deleted_while_it_is_read_is_told() {
    let Some(server) = redis(&[]) else { return };
    let mut connection = other(&server);
    for (stream, deletion) in [("gone-a", "XGROUP DESTROY gone-a group"), ("gone-b", "DEL gone-b")] {
        command(&mut connection, &format!("XGROUP CREATE {stream} group $ MKSTREAM"));
        let mut reader =
            source(&url(&server, &format!("{stream}?group=group")), SourceOptions::default()).await;
        // The question waits at the server when the group goes.
        let _ = tokio::time::timeout(Duration::from_millis(50), reader.next_batch(10)).await;
        command(&mut connection, deletion);
        let error = tokio::time::timeout(super::conformance::HANG, reader.next_batch(10)).await;
        let error = error.expect("in time").expect_err("it is gone");
        assert_eq!(error.kind, EndpointErrorKind::NotFound, "{error:?}");
        assert!(error.message.contains("not there any more") && error.help.is_some(), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_follows_and_leaves_while_it_waits() {
    let Some(server) = redis(&[]) else { return };
    let mut connection = other(&server);
    command(&mut connection, "XGROUP CREATE live group $ MKSTREAM");
    let mut reader = source(&url(&server, "live?group=group"), SourceOptions::default()).await;
    let mut writer = sink(&url(&server, "live")).await;
    let one = numbered(1);
    let writing = deliver(&mut writer, &one);
    let (events, ()) = tokio::join!(collect(&mut reader, 1), writing);
    assert_eq!(texts(&events), ["0"]);
    // The next question waits at the server when the reader leaves.
    let _ = tokio::time::timeout(Duration::from_millis(50), reader.next_batch(10)).await;
    let began = Instant::now();
    reader.close().await.expect("a clean close");
    assert!(began.elapsed() < super::conformance::HANG, "left after {:?}", began.elapsed());
    let redis::Value::Array(summary) = command(&mut connection, "XPENDING live group") else {
        panic!("a summary")
    };
    assert_eq!(summary[0], redis::Value::Int(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing() {
    let Some(mut server) = redis_that_keeps(&[]) else { return };
    let url = url(&server, "restart");
    survives_a_restart(&url, &url, "restart", &mut server, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_says_that_it_lost_the_server_and_goes_on_where_it_was() {
    let Some(mut server) = redis_that_keeps(&[]) else { return };
    let url = url(&server, "back");
    let mut writer = sink(&url).await;
    deliver(&mut writer, &numbered(3)).await;
    let mut reader = source(&url, SourceOptions::default()).await;
    assert_eq!(collect(&mut reader, 3).await.len(), 3);
    assert!(reader.connected());
    server.stop();
    let error = reader.next_batch(10).await.expect_err("the server is gone");
    assert_eq!(error.kind, EndpointErrorKind::Disconnected, "{error:?}");
    assert!(!reader.connected());
    let error = reader.next_batch(10).await.expect_err("the server is still gone");
    assert!(error.retryable(), "{error:?}");
    server.start();
    // Nothing comes, and the reader is back all the same.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !reader.connected() {
        assert!(Instant::now() < deadline, "back in time");
        let _ = tokio::time::timeout(Duration::from_millis(20), reader.next_batch(10)).await;
    }
    drop(writer);
    let mut writer = sink(&url).await;
    deliver(&mut writer, &[Event::new("", "new")]).await;
    assert_eq!(texts(&collect(&mut reader, 1).await), ["new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_overtakes_what_failed_with_the_connection() {
    let Some(server) = redis(&[]) else { return };
    let network = Proxy::to(server.port);
    nothing_overtakes(&format!("redis://127.0.0.1:{}/order", network.port), "", &network).await;
}

#[tokio::test]
async fn nobody_listens() {
    nobody_there(&format!("redis://127.0.0.1:{}/x", free_port())).await;
}

#[tokio::test]
async fn a_wrong_password_is_said() {
    let Some(server) = redis_with_password() else { return };
    wrong_password(&url(&server, "x")).await;
    let error =
        open_source(&address(&url(&server, "x")), &SourceOptions::default()).await.err().expect("no user");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
    let Some(server) = redis(&["--requirepass", "right"]) else { return };
    let with = |password: &str| address(&format!("redis://:{password}@127.0.0.1:{}/x", server.port));
    open_sink(&with("right"), &SinkOptions::default()).await.expect("a password alone is the default user's");
    let error = open_sink(&with("wr0ng"), &SinkOptions::default()).await.err().expect("not let in");
    assert!(
        error.kind == EndpointErrorKind::Unauthorised && !format!("{error:?}").contains("wr0ng"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_user_may_be_allowed_very_little() {
    let users = ["--user", "writer", "on", ">pw", "~orders", "+xadd"];
    let Some(server) = redis(&users) else { return };
    let at = |path: &str| address(&format!("redis://writer:pw@127.0.0.1:{}/{path}", server.port));
    let mut writer = open_sink(&at(""), &SinkOptions::default()).await.expect("connected");
    let receipts = writer.send(&[Event::new("orders", "x"), Event::new("secret", "x")]).await.await;
    assert!(receipts[0].outcome.is_ok(), "{receipts:?}");
    let error = receipts[1].outcome.as_ref().expect_err("forbidden");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised);
    assert!(error.help.as_deref().is_some_and(|help| help.contains("ACL SETUSER")), "{error:?}");
    let error =
        open_source(&at("orders"), &until(Start::End, Stop::Never)).await.err().expect("may not read");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
    let report = probe(&at("orders"), None, Duration::from_secs(5)).await;
    assert_eq!((report.authorised, report.problems.len()), (Some(true), 0), "{report:?}");
    assert!(report.facts.iter().any(|fact| fact.value.contains("not observable")), "{report:?}");
    let told =
        |name: &str| report.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.as_str());
    assert_eq!(told("may add to `orders`"), Some("yes"), "{report:?}");
    assert_eq!(told("may read `orders`"), Some("no"), "{report:?}");
    let facts = target_facts(&at(""), &SinkOptions::default(), &["orders", "secret"]).await.expect("facts");
    let may: Vec<_> = facts.channels.iter().map(|channel| channel.may_send).collect();
    assert_eq!(may, [Some(true), Some(false)]);
    let receipts = writer.send(&[Event::new("orders", "y")]).await.await;
    let place = receipts[0].outcome.as_ref().expect("taken");
    assert!(place.offset.is_some(), "asking adds nothing: {place:?}");
}

#[tokio::test]
async fn where_no_stream_is_the_error_says_what_there_is() {
    let Some(server) = redis(&[]) else { return };
    let mut connection = other(&server);
    for words in ["XADD orders * a 1", "XADD payments * a 1", "SET text x"] {
        command(&mut connection, words);
    }
    let open = |path: &str| {
        let address = address(&url(&server, path));
        async move {
            open_source(&address, &until(Start::Beginning, Stop::PresentEnd)).await.err().expect("refused")
        }
    };
    let error = open("ordres").await;
    assert_eq!(
        (error.kind, error.help.as_deref()),
        (EndpointErrorKind::NotFound, Some("did you mean `orders`?"))
    );
    let error = open("").await;
    assert_eq!(error.kind, EndpointErrorKind::Unsupported);
    assert!(error.help.as_deref().is_some_and(|help| help.contains("`orders`, `payments`")), "{error:?}");
    let error = open("orders,text").await;
    assert_eq!(error.kind, EndpointErrorKind::Unsupported);
    assert!(error.message.contains("`text`") && error.message.contains("no stream but a string"), "{error}");
    let error =
        open_sink(&address(&url(&server, "text")), &SinkOptions::default()).await.err().expect("no stream");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported, "{error:?}");
    let error = open_sink(&address(&url(&server, "a,b")), &SinkOptions::default()).await.err().expect("two");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported, "{error:?}");
    let mut writer = sink(&url(&server, "")).await;
    let receipts =
        writer.send(&[Event::new("text", "x"), Event::new("", "x"), Event::new("orders", "x")]).await.await;
    let kinds: Vec<_> =
        receipts.iter().map(|each| each.outcome.as_ref().err().map(|error| error.kind)).collect();
    assert_eq!(kinds, [Some(EndpointErrorKind::Unsupported), Some(EndpointErrorKind::Rejected), None]);
    let error =
        open_sink(&address(&url(&server, "x?db=99")), &SinkOptions::default()).await.err().expect("no such");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported, "{error:?}");
}

#[tokio::test]
async fn a_full_server_is_named_as_such() {
    let Some(server) = redis(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]) else { return };
    let mut writer = sink(&url(&server, "full")).await;
    let large = Event::new("", vec![b'x'; 1024 * 1024]);
    let receipts = writer.send(&vec![large; 8]).await.await;
    let error = receipts[7].outcome.as_ref().expect_err("no memory");
    assert_eq!(error.kind, EndpointErrorKind::Full, "{error:?}");
    assert!(error.help.as_deref().is_some_and(|help| help.contains("`maxmemory`")), "{error:?}");
}

#[tokio::test]
async fn a_replica_takes_no_writes() {
    let Some(master) = redis(&[]) else { return };
    let port = master.port.to_string();
    let Some(replica) = redis(&["--replicaof", "127.0.0.1", &port]) else { return };
    let error =
        open_sink(&address(&url(&replica, "x")), &SinkOptions::default()).await.err().expect("a replica");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported, "{error:?}");
    let report = probe(&address(&url(&replica, "")), None, Duration::from_secs(5)).await;
    let role = report.facts.iter().find(|fact| fact.name == "role").expect("a role");
    assert!(role.value.contains(&format!("127.0.0.1:{port}")), "{role:?}");
}

#[tokio::test]
async fn a_stream_is_found_in_a_cluster_and_elsewhere_named_with_its_place() {
    let member = || redis(&["--cluster-enabled", "yes", "--cluster-node-timeout", "5000"]);
    let (Some(one), Some(two)) = (member(), member()) else { return };
    let (mut first, mut second) = (other(&one), other(&two));
    command(&mut first, "CLUSTER ADDSLOTSRANGE 0 8191");
    command(&mut second, "CLUSTER ADDSLOTSRANGE 8192 16383");
    command(&mut second, &format!("CLUSTER MEET 127.0.0.1 {}", one.port));
    let deadline = Instant::now() + Duration::from_secs(60);
    for node in [&mut first, &mut second] {
        while !format!("{:?}", command(node, "CLUSTER INFO")).contains("cluster_state:ok") {
            assert!(Instant::now() < deadline, "the cluster forms");
        }
    }
    // `a` has slot 15495, `b` 3300: each is written and read through the node that does not keep it.
    for (server, stream) in [(&one, "a"), (&two, "b"), (&one, "{a}1,{a}2")] {
        let names: Vec<&str> = stream.split(',').collect();
        for name in &names {
            deliver(&mut sink(&url(server, name)).await, &[Event::new("", "x")]).await;
        }
        let mut reader = source(&url(server, stream), until(Start::Beginning, Stop::PresentEnd)).await;
        assert_eq!(collect(&mut reader, names.len()).await.len(), names.len(), "{stream}");
    }
    // Without a path one node is spoken to.
    let receipts = sink(&url(&one, "")).await.send(&[Event::new("a", "x")]).await.await;
    let error = receipts[0].outcome.as_ref().expect_err("elsewhere");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported, "{error:?}");
    assert!(error.message.contains(&format!("127.0.0.1:{}", two.port)), "{error}");
    let error = open_source(&address(&url(&one, "a,b")), &until(Start::End, Stop::Never)).await;
    let error = error.err().expect("not both at one node");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported, "{error:?}");
    assert!(error.message.contains("several nodes"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_still_loading_is_waited_for() {
    let slowly = ["--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"];
    let Some(mut server) = redis(&slowly) else { return };
    let events: Vec<Event> = (0..1000).map(|at| Event::new(format!("s{at}"), "x".repeat(100))).collect();
    deliver(&mut sink(&url(&server, "")).await, &events).await;
    command(&mut other(&server), "SAVE");
    server.stop();
    server.start();
    let impatient = SinkOptions { connect_timeout: Duration::from_millis(200), ..SinkOptions::default() };
    let error = open_sink(&address(&url(&server, "x")), &impatient).await.err().expect("not yet");
    assert!(error.kind == EndpointErrorKind::Unreachable && error.message.contains("loading"), "{error:?}");
    let patient = SinkOptions { connect_timeout: Duration::from_secs(60), ..SinkOptions::default() };
    open_sink(&address(&url(&server, "x")), &patient).await.expect("after a while");
}

#[tokio::test]
async fn a_server_is_probed_and_inspected() {
    let Some(server) = redis(&[]) else { return };
    let mut connection = other(&server);
    for words in [
        "XADD orders 1-0 a 1",
        "XADD orders 2-0 a 2",
        "SET text x",
        "XGROUP CREATE orders billing 0",
        "XREADGROUP GROUP billing worker COUNT 1 STREAMS orders >",
    ] {
        command(&mut connection, words);
    }
    let report = probe(&address(&url(&server, "orders")), None, Duration::from_secs(5)).await;
    assert!(report.reachable && report.problems.is_empty(), "{report:?}");
    assert!(report.server.as_ref().is_some_and(|name| name.starts_with("redis ")), "{report:?}");
    let fact = |name: &str| report.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone());
    assert_eq!((fact("role").as_deref(), fact("user").as_deref()), (Some("master"), Some("default")));
    assert_eq!(fact("memory policy").as_deref(), Some("noeviction"));
    assert!(report.clock_offset_us.is_some_and(|offset| offset.abs() < 60_000_000), "{report:?}");
    let report = probe(&address(&url(&server, "text")), None, Duration::from_secs(5)).await;
    assert_eq!(report.problems.len(), 1, "{report:?}");
    let mut inspect =
        open_inspect(&address(&url(&server, "")), &SinkOptions::default()).await.expect("connected");
    let observed = inspect.topology().await.expect("an answer");
    assert_eq!(observed.channels.len(), 1, "{observed:?}");
    let orders = &observed.channels[0];
    assert_eq!((orders.name.as_str(), orders.events), ("orders", Some(2)));
    assert!(orders.bytes.is_some_and(|bytes| bytes > 0));
    let readers: Vec<_> =
        orders.readers.iter().map(|reader| (reader.name.as_str(), reader.waiting)).collect();
    assert_eq!(readers, [("billing", Some(2)), ("billing/worker", Some(1))]);
    assert!(observed.not_observable.iter().any(|what| what.words.starts_with("publishers")), "{observed:?}");
    assert!(observed.not_observable.iter().any(|what| what.words.contains("xreadgroup")), "{observed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_very_many_streams_is_not_asked_about_all() {
    let Some(server) = redis(&[]) else { return };
    let events: Vec<Event> = (0..1200).map(|at| Event::new(format!("s{at}"), "x")).collect();
    deliver(&mut sink(&url(&server, "")).await, &events).await;
    let mut inspect =
        open_inspect(&address(&url(&server, "")), &SinkOptions::default()).await.expect("connected");
    let observed = inspect.topology().await.expect("an answer");
    assert_eq!(observed.channels.len(), 500);
    assert!(
        observed.not_observable.iter().any(|what| what.words.contains("cut off")),
        "{:?}",
        observed.not_observable
    );
}
