//! HTTP: our sender against our receiver in every mode, both against exact bytes, and what goes wrong.

use std::time::{Duration, Instant};

use eddy::endpoint::open::{capabilities, open_inspect, open_sink, open_source, probe};
use eddy::endpoint::{EndpointErrorKind, SinkOptions, Source, SourceOptions, Start, Stop};
use eddy::event::{Event, Header};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::conformance::{Subject, address, collect, deliver, sink, source, wrong_password};
use super::support::certificates::Certificates;
use super::support::servers::free_port;

const PATIENCE: Duration = Duration::from_secs(20);

/// A receiver and where it listens, without a path.
async fn receiver(path: &str, options: &str) -> (Box<dyn Source>, String) {
    let source = source(&format!("http://127.0.0.1:0/{path}{options}"), SourceOptions::default()).await;
    let listens_at = source.listens_at().expect("a receiver listens");
    let base = listens_at.trim_end_matches(path).trim_end_matches('/').to_owned();
    (source, base)
}

/// Carries everything a receiver is sent into a log of this process: it answers only when its events are taken on.
fn relay(mut from: Box<dyn Source>, to: &'static str) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut log = sink(to).await;
        while let Ok(batch) = from.next_batch(1000).await {
            deliver(&mut log, &batch).await;
        }
    })
}

async fn conforms(log: &'static str, receiver_options: &str, sender_options: &str) {
    let (receiver, base) = receiver("conformance", receiver_options).await;
    let relay = relay(receiver, log);
    let subject = Subject {
        sink: format!("{base}{sender_options}"),
        source: log.to_owned(),
        prefix: "conformance",
        separator: '/',
        start: Start::End,
        one_channel: false,
    };
    subject.conforms().await;
    relay.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_conforms() {
    conforms("memory:http-binary", "", "").await;
}

/// Who does not show what is asked for is not let in, and what lets in is no part of an event.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_asks_for_headers() {
    let (mut receiver, base) = receiver("guarded", "#header=X-Token: right&header=X-Other: 1").await;
    assert!(!receiver.listens_at().expect("listening").contains("right"));
    let base = base.split('#').next().expect("an address").trim_end_matches("/guarded").to_owned();
    let at = |options: &str| format!("{base}/guarded{options}");
    let event = [Event::new("", "x")];
    for options in [
        "#handshake=false",
        "#handshake=false&header=X-Token: right",
        "#handshake=false&header=X-Token: wrong&header=X-Other: 1",
    ] {
        let mut writer = sink(&at(options)).await;
        let deliveries = writer.send(&event).await.await;
        let error = deliveries[0].outcome.as_ref().expect_err("not let in");
        assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{options}: {error:?}");
    }
    let mut writer = sink(&at("#header=X-Token: right&header=X-Other: 1&header=X-More: 2")).await;
    let receipts = writer.send(&event).await;
    let reading = tokio::spawn(async move {
        let got = collect(&mut receiver, 1).await.remove(0);
        receiver.close().await.expect("a clean close");
        got
    });
    assert!(receipts.await[0].outcome.is_ok());
    let got = reading.await.expect("read");
    assert_eq!(got.header_text("x-more"), Some("2"));
    assert!(got.header_text("x-token").is_none() && got.header_text("x-other").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn structured_conforms() {
    conforms("memory:http-structured", "", "#mode=structured").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_conform() {
    conforms("memory:http-batch", "", "#mode=batch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_requests_conform() {
    conforms("memory:http-plain", "", "#mode=plain").await;
}

/// A receiver that leaves out what it has had already must not leave out events of their own.
#[tokio::test(flavor = "multi_thread")]
async fn equal_events_have_keys_of_their_own() {
    const COUNT: usize = 200;
    let (mut receiver, base) = receiver("same", "").await;
    let mut inject = tokio::process::Command::new(env!("CARGO_BIN_EXE_eddy"));
    let count = COUNT.to_string();
    inject.args([
        "inject",
        &format!("{base}/same#concurrency=8&order=none"),
        "--data",
        "x",
        "--count",
        &count,
    ]);
    let mut injecting = inject.spawn().expect("it runs");
    let events = collect(&mut receiver, COUNT).await;
    let key = |event: &Event| event.attributes.get("idempotency_key").map(ToString::to_string);
    let keys: std::collections::HashSet<String> = events.iter().filter_map(key).collect();
    assert_eq!(keys.len(), COUNT);
    // The last ones are answered when the reader has gone on.
    receiver.close().await.expect("a clean close");
    assert!(injecting.wait().await.expect("it ends").success());
}

/// Reads one request as it stands on the wire, its body by the declared length.
async fn read_request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(at) = head {
            let text = String::from_utf8(bytes[..at].to_vec()).expect("text");
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
            if bytes.len() >= at + 4 + length {
                return (text, bytes[at + 4..].to_vec());
            }
        }
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut bytes)).await;
        assert!(read.expect("in time").expect("readable") > 0, "the connection ended in a request");
    }
}

/// A server that gives these answers, one after the other, and notes what it was asked.
async fn scripted(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<(String, Vec<u8>)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut requests = Vec::new();
        for answer in answers {
            requests.push(read_request(&mut stream).await);
            stream.write_all(answer.as_bytes()).await.expect("written");
        }
        requests
    });
    (base, serving)
}

const YES: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn without_host(head: &str) -> Vec<&str> {
    head.lines().filter(|line| !line.starts_with("host: ") && !line.starts_with("user-agent: ")).collect()
}

fn cloud_event() -> Event {
    let mut event = Event::new("orders", "{\"a\": 1}");
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_id", "A-1"),
        ("ce_source", "/shop"),
        ("ce_type", "order.placed"),
        ("ce_subject", "Euro €"),
        ("content-type", "application/json"),
        ("trace", "t"),
    ] {
        event.headers.push(Header::text(name, value));
    }
    event
}

#[tokio::test]
async fn a_binary_request_has_exactly_these_bytes() {
    let (base, serving) = scripted(&[YES, YES]).await;
    let mut sender = sink(&format!("{base}/hooks?tenant=7&mode=x")).await;
    deliver(&mut sender, &[cloud_event()]).await;
    let requests = serving.await.expect("served");
    assert_eq!(
        without_host(&requests[0].0),
        ["OPTIONS /hooks?tenant=7&mode=x HTTP/1.1", "webhook-request-origin: eddy", "accept: */*"]
    );
    assert_eq!(
        without_host(&requests[1].0),
        [
            "POST /hooks?tenant=7&mode=x HTTP/1.1",
            "content-type: application/json",
            "ce-specversion: 1.0",
            "ce-id: A-1",
            "ce-source: /shop",
            "ce-type: order.placed",
            "ce-subject: Euro%20%E2%82%AC",
            "trace: t",
            "idempotency-key: \"A-1\"",
            "accept: */*",
            "content-length: 8",
        ]
    );
    assert_eq!(requests[1].1, b"{\"a\": 1}");
}

#[tokio::test]
async fn structured_and_batch_requests_have_exactly_these_bytes() {
    let (base, serving) = scripted(&[YES]).await;
    let mut sender = sink(&format!("{base}/#mode=structured&handshake=false")).await;
    deliver(&mut sender, &[cloud_event()]).await;
    let event = r#"{"specversion":"1.0","id":"A-1","source":"/shop","type":"order.placed","subject":"Euro €","datacontenttype":"application/json","data":{"a": 1}}"#;
    let (head, body) = serving.await.expect("served").remove(0);
    assert!(
        head.contains("content-type: application/cloudevents+json\r\n") && head.contains("trace: t"),
        "{head}"
    );
    assert_eq!(String::from_utf8(body).expect("text"), event);

    let (base, serving) = scripted(&[YES]).await;
    let mut sender = sink(&format!("{base}/#mode=batch&handshake=false")).await;
    let receipts = sender.send(&[cloud_event(), cloud_event()]).await.await;
    assert!(receipts.len() == 2 && receipts.iter().all(|receipt| receipt.outcome.is_ok()));
    let (head, body) = serving.await.expect("served").remove(0);
    assert!(head.contains("content-type: application/cloudevents-batch+json\r\n"), "{head}");
    assert_eq!(String::from_utf8(body).expect("text"), format!("[{event},{event}]"));
}

#[tokio::test]
async fn an_event_of_another_system_gets_the_same_identity_every_time() {
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (base, serving) = scripted(&[YES]).await;
        let mut sender = sink(&format!("{base}#handshake=false&header=X-Key:%20s&concurrency=1")).await;
        let mut event = Event::new("orders", "plain text");
        event.key = Some("k 1".into());
        event.place.offset = Some(981);
        event.place.partition = Some(3);
        deliver(&mut sender, &[event]).await;
        let (head, _) = serving.await.expect("served").remove(0);
        for line in
            ["POST /orders ", "ce-source: /orders", "ce-type: orders", "ce-partitionkey: k%201", "x-key: s"]
        {
            assert!(head.contains(line), "{line} in {head}");
        }
        ids.push(head.lines().find(|line| line.starts_with("ce-id: ")).expect("an id").to_owned());
    }
    assert_eq!(ids[0], ids[1]);
}

/// Sends bytes and gives back the head of the answer.
async fn raw(base: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(base.trim_start_matches("http://")).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut answer)).await.expect("in time");
        if read.expect("readable") == 0 {
            break;
        }
    }
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn a_receiver_answers_the_handshake_of_webhooks() {
    let (_source, base) = receiver("hooks", "").await;
    let answer = raw(
        &base,
        "OPTIONS /hooks HTTP/1.1\r\nHost: h\r\nWebHook-Request-Origin: shop.example.com\r\nWebHook-Request-Rate: 120\r\n\r\n",
    );
    let answer = answer.await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    for line in [
        "webhook-allowed-origin: shop.example.com\r\n",
        "webhook-allowed-rate: *\r\n",
        "allow: POST, OPTIONS\r\n",
    ] {
        assert!(answer.contains(line), "{answer}");
    }
    assert!(raw(&base, "GET /hooks HTTP/1.1\r\nHost: h\r\n\r\n").await.starts_with("HTTP/1.1 405 "));
    assert!(
        raw(&base, "POST /other HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 404 ")
    );
}

#[tokio::test]
async fn a_sender_heeds_what_the_receiver_allows() {
    let (base, _serving) = scripted(&[
        "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: other.example.com\r\nContent-Length: 0\r\n\r\n",
    ])
    .await;
    let error =
        open_sink(&address(&format!("{base}/x")), &SinkOptions::default()).await.err().expect("not allowed");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised);
    assert!(error.message.contains("other.example.com") && error.help.is_some(), "{error:?}");

    let allowed = "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 600\r\nContent-Length: 0\r\n\r\n";
    let answers: &'static [&'static str] = Box::leak(vec![allowed, YES, YES, YES].into_boxed_slice());
    let (base, serving) = scripted(answers).await;
    let mut sender = sink(&format!("{base}/x")).await;
    let began = Instant::now();
    deliver(&mut sender, &[cloud_event(), cloud_event(), cloud_event()]).await;
    // Ten a second: the second waits for a tenth of one, the third for two.
    assert!(began.elapsed() >= Duration::from_millis(190), "{:?}", began.elapsed());
    serving.await.expect("served");
}

#[tokio::test]
async fn an_answer_means_that_the_event_was_handed_over() {
    let (mut source, base) = receiver("hooks", "").await;
    let mut sender = sink(&format!("{base}/hooks")).await;
    let receipts = sender.send(&[Event::new("", "x")]).await;
    tokio::pin!(receipts);
    assert_eq!(collect(&mut source, 1).await.len(), 1);
    // The reader has it and has not come back yet: there is no answer.
    assert!(futures_util::poll!(&mut receipts).is_pending());
    let more = source.next_batch(1);
    tokio::select! {
        _ = more => panic!("there is no more"),
        deliveries = &mut receipts => assert!(deliveries[0].outcome.is_ok()),
    }
    source.close().await.expect("a clean close");
}

#[tokio::test]
async fn what_nobody_reads_is_refused_with_a_time_to_come_back() {
    let (source, base) = receiver("", "#timeout=1").await;
    let mut sender = sink(&format!("{base}/x")).await;
    let deliveries = sender.send(&[Event::new("", "x")]).await.await;
    let error = deliveries[0].outcome.as_ref().expect_err("nobody reads");
    assert!(error.retryable(), "{error:?}");
    assert!(error.message.contains("503") && error.message.contains("come back in 1 s"), "{error:?}");

    // The line is full: further ones are refused at once.
    let mut sender = sink(&format!("{base}/x#concurrency=1000&order=none&timeout=15")).await;
    let second = sink(&format!("{base}/x#concurrency=1000&order=none&timeout=15")).await;
    let many: Vec<Event> = (0..1100).map(|at| Event::new("", format!("{at}"))).collect();
    let mut second = second;
    let (one, other) = (sender.send(&many).await, second.send(&many).await);
    let (one, other) = tokio::join!(one, other);
    let refused = one.iter().chain(&other).filter(|delivery| delivery.outcome.is_err()).count();
    assert_eq!(refused, 2200, "nobody reads at all");
    source.close().await.expect("a clean close");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_read_later_and_what_waited_too_long_is_not() {
    let (mut source, base) = receiver("", "#timeout=1").await;
    let mut sender = sink(&format!("{base}/x#order=none")).await;
    let late = sender.send(&[Event::new("", "late")]).await.await;
    assert!(late[0].outcome.is_err(), "given up");
    let in_time = sender.send(&[Event::new("", "in time")]).await;
    assert_eq!(
        collect(&mut source, 1).await[0].payload.as_deref(),
        Some(&b"in time"[..]),
        "not the one given up"
    );
    source.close().await.expect("a clean close");
    assert!(in_time.await[0].outcome.is_ok(), "closing answers what was handed over");
}

#[tokio::test]
async fn closing_refuses_what_nobody_has_taken() {
    let (source, base) = receiver("", "").await;
    let mut sender = sink(&format!("{base}/x")).await;
    let receipts = sender.send(&[Event::new("", "x")]).await;
    let closing = async {
        // Whether the request waits already or comes too late: nobody has taken it.
        let mut prober = TcpStream::connect(base.trim_start_matches("http://")).await.expect("connected");
        prober.write_all(b"OPTIONS /x HTTP/1.1\r\nHost: h\r\n\r\n").await.expect("written");
        let mut answer = [0; 16];
        prober.read_exact(&mut answer).await.expect("an answer");
        source.close().await.expect("a clean close");
    };
    let ((), deliveries) = tokio::join!(closing, receipts);
    let error = deliveries[0].outcome.as_ref().expect_err("not taken");
    assert!(error.retryable(), "{error:?}");
}

#[tokio::test]
async fn malformed_events_are_said_and_kept() {
    let (mut source, base) = receiver("hooks", "").await;
    let request = "POST /hooks HTTP/1.1\r\nHost: h\r\nContent-Type: application/cloudevents+json\r\nContent-Length: 13\r\n\r\n{\"id\": \"1\"} \n";
    let reading = async {
        let event = collect(&mut source, 1).await.remove(0);
        source.close().await.expect("a clean close");
        event
    };
    let (answer, event) = tokio::join!(raw(&base, request), reading);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(event.payload.as_deref(), Some(&b"{\"id\": \"1\"} \n"[..]));
    assert_eq!(event.attributes["status"], json!(400));
    assert!(
        event.attributes["problem"].as_str().expect("words").contains("`source` is missing"),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_alone() {
    let (receiver, base) = receiver("", "#max-body=2000").await;
    let relay = relay(receiver, "memory:http-limit");
    let mut sender = sink(&format!("{base}/limit#order=none")).await;
    let events = [Event::new("", "a"), Event::new("", vec![b'x'; 4_000_000]), Event::new("", "b")];
    let began = Instant::now();
    let deliveries = sender.send(&events).await.await;
    assert!(began.elapsed() < super::conformance::HANG);
    let kinds: Vec<_> =
        deliveries.iter().map(|each| each.outcome.as_ref().err().map(|error| error.kind)).collect();
    assert_eq!(kinds, [None, Some(EndpointErrorKind::TooLarge), None], "{deliveries:?}");
    let chunked = "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let piece = format!("800\r\n{}\r\n", "x".repeat(0x800));
    let answer = raw(&base, &format!("{chunked}{piece}0\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    relay.abort();
}

#[tokio::test]
async fn an_unknown_user_is_told_so() {
    for (credentials, good) in [("tester:right", "tester:right"), (":t0ken", ":t0ken")] {
        let listening = source(&format!("http://{credentials}@127.0.0.1:0"), SourceOptions::default()).await;
        let base = listening.listens_at().expect("listens");
        let port = base.rsplit(':').next().expect("a port").to_owned();
        let url = |user: &str| format!("http://{user}127.0.0.1:{port}/x");
        for user in ["", "tester:wr0ng@", ":wr0ng@"] {
            let error =
                open_sink(&address(&url(user)), &SinkOptions::default()).await.err().expect("not let in");
            assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
            assert!(error.help.is_some() && !format!("{error:?}").contains("wr0ng"), "{error:?}");
        }
        sink(&url(&format!("{good}@"))).await.close().await.expect("a clean close");
        if !good.starts_with(':') {
            wrong_password(&url("")).await;
        }
        listening.close().await.expect("a clean close");
    }
}

#[tokio::test]
async fn refusals_have_their_kind_and_the_words_of_the_server() {
    const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let cases: [(&'static [&'static str], EndpointErrorKind, bool, &str); 6] = [
        (&[NOT_FOUND, NOT_FOUND], EndpointErrorKind::NotFound, false, "404 Not Found"),
        (
            &[YES, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"],
            EndpointErrorKind::Unauthorised,
            false,
            "403",
        ),
        (
            &[YES, "HTTP/1.1 422 Unprocessable Entity\r\nContent-Length: 8\r\n\r\nno \nname"],
            EndpointErrorKind::Rejected,
            false,
            "no name",
        ),
        (
            &[YES, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"],
            EndpointErrorKind::Unreachable,
            true,
            "come back in 7 s",
        ),
        (
            &[
                YES,
                "HTTP/1.1 302 Found\r\nLocation: http://u:s3cret@elsewhere/?k=s3cret\r\nContent-Length: 0\r\n\r\n",
            ],
            EndpointErrorKind::Rejected,
            false,
            "`http://u:***@elsewhere/?***`",
        ),
        (&[YES, ""], EndpointErrorKind::Disconnected, true, "lost before it answered"),
    ];
    for (answers, kind, retryable, words) in cases {
        let (base, _serving) = scripted(answers).await;
        let mut sender = sink(&format!("{base}/x")).await;
        let began = Instant::now();
        let deliveries = sender.send(&[Event::new("", "x")]).await.await;
        assert!(began.elapsed() < super::conformance::HANG);
        let error = deliveries[0].outcome.as_ref().expect_err(words);
        assert_eq!((error.kind, error.retryable()), (kind, retryable), "{error:?}");
        assert!(error.message.contains(words) && !error.message.contains("s3cret"), "{error:?}");
        assert_eq!(error.retry_after.is_some(), words.contains("come back"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_known_to_have_the_event() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let mut sender = sink(&format!("{base}/x#handshake=false&timeout=1")).await;
    let deliveries = sender.send(&[Event::new("", "x")]).await.await;
    let error = deliveries[0].outcome.as_ref().expect_err("no answer");
    assert_eq!(error.kind, EndpointErrorKind::Timeout);
    assert!(error.message.contains("not known"), "{error:?}");
}

#[tokio::test]
async fn at_the_end_what_was_answered_is_told_from_what_was_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let (asked, mut all_asked) = tokio::sync::oneshot::channel();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        for _ in 0..2 {
            read_request(&mut stream).await;
            stream.write_all(YES.as_bytes()).await.expect("written");
        }
        read_request(&mut stream).await;
        asked.send(()).expect("heard");
        // It is never answered.
        std::future::pending::<()>().await;
    });
    let mut sender = sink(&format!("{base}#handshake=false&concurrency=1&timeout=60")).await;
    let events: Vec<Event> = (0..5).map(|at| Event::new("x", format!("{at}"))).collect();
    let receipts = sender.send(&events).await;
    tokio::time::timeout(PATIENCE, &mut all_asked).await.expect("in time").expect("asked");
    assert!(sender.cut_short());
    let deliveries = tokio::time::timeout(PATIENCE, receipts).await.expect("at once");
    let taken: Vec<bool> = deliveries.iter().map(|delivery| delivery.outcome.is_ok()).collect();
    assert_eq!(taken, [true, true, false, false, false]);
    serving.abort();
}

#[tokio::test]
async fn nothing_overtakes_an_event_of_its_lane_that_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut bodies: Vec<String> = Vec::new();
        while bodies.len() < 7 {
            let (_, body) = read_request(&mut stream).await;
            let body = String::from_utf8(body).expect("text");
            let is_first_one = body == "1" && !bodies.contains(&body);
            let no = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
            let answer = if is_first_one { no } else { YES };
            stream.write_all(answer.as_bytes()).await.expect("written");
            bodies.push(body);
        }
        bodies.join(" ")
    });
    let mut sender = sink(&format!("{base}#handshake=false&concurrency=1")).await;
    let events: Vec<Event> =
        (0..6).map(|at| Event::new(if at % 2 == 1 { "odd" } else { "even" }, format!("{at}"))).collect();
    let deliveries = sender.send(&events[..4]).await.await;
    let taken: Vec<bool> = deliveries.iter().map(|delivery| delivery.outcome.is_ok()).collect();
    assert_eq!(taken, [true, false, true, false]);
    // One that was handed over before the failure was heard of.
    let late = sender.send(&events[4..]).await.await;
    let taken: Vec<bool> = late.iter().map(|delivery| delivery.outcome.is_ok()).collect();
    assert_eq!(taken, [true, false]);
    let mut failures = deliveries.iter().chain(&late).filter_map(|each| each.outcome.as_ref().err());
    assert!(failures.all(|error| error.retryable()));
    let again = [events[1].clone(), events[3].clone(), events[5].clone()];
    let deliveries = sender.send(&again).await.await;
    assert!(deliveries.iter().all(|delivery| delivery.outcome.is_ok()), "{deliveries:?}");
    assert_eq!(serving.await.expect("served"), "0 1 2 4 1 3 5");
}

#[tokio::test]
async fn nobody_listens() {
    let began = Instant::now();
    let url = format!("http://127.0.0.1:{}/x", free_port());
    let error = open_sink(&address(&url), &SinkOptions::default()).await.err().expect("nobody is there");
    assert!(began.elapsed() < super::conformance::HANG);
    assert_eq!(error.kind, EndpointErrorKind::Unreachable, "{error:?}");
    assert!(error.message.contains("connection refused") && error.help.is_some(), "{error:?}");
}

#[tokio::test]
async fn a_place_where_one_cannot_listen_is_named() {
    let (_first, base) = receiver("", "").await;
    for (url, words) in [(base.as_str(), "the port is taken"), ("http://192.0.2.1:0", "not this machine")] {
        let error = open_source(&address(url), &SourceOptions::default()).await.err().expect("taken");
        assert_eq!(error.kind, EndpointErrorKind::Unsupported);
        assert!(error.message.contains(words) && error.help.is_some(), "{error:?}");
    }
    let url = address("https://127.0.0.1:0");
    let error = open_source(&url, &SourceOptions::default()).await.err().expect("no certificate");
    assert!(error.help.is_some_and(|help| help.contains("#cert=FILE&key=FILE")));
    for options in [
        SourceOptions { start: Start::Beginning, ..SourceOptions::default() },
        SourceOptions { stop: Stop::PresentEnd, ..SourceOptions::default() },
    ] {
        let error = open_source(&address("http://127.0.0.1:0"), &options).await.err().expect("keeps nothing");
        assert_eq!(error.kind, EndpointErrorKind::Unsupported);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_authority_is_trusted() {
    let Some(certificates) = Certificates::make() else { return };
    let file = |name: &str| certificates.path(name).display().to_string();
    let (certificate, key) = (file("server.pem"), file("server.key"));
    let listening = format!("https://127.0.0.1:0/hooks#cert={certificate}&key={key}");
    let receiver = source(&listening, SourceOptions::default()).await;
    let url = receiver.listens_at().expect("listens");
    assert!(url.starts_with("https://"));
    let relay = relay(receiver, "memory:http-tls");
    let mut sender = sink(&format!("{url}#ca={}", file("authority.pem"))).await;
    deliver(&mut sender, &[Event::new("", "secret")]).await;
    sender.close().await.expect("a clean close");
    let report = probe(&address(&format!("{url}#ca={}", file("authority.pem"))), None, PATIENCE).await;
    assert!(report.facts.iter().any(|fact| fact.name == "certificate"), "{report:?}");
    let began = Instant::now();
    for text in [format!("{url}#ca={}", file("stranger.pem")), url.clone()] {
        let error = open_sink(&address(&text), &SinkOptions::default()).await.err().expect("not trusted");
        assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
        assert!(error.message.contains("an authority that is not trusted"), "{error:?}");
        assert!(error.help.as_deref().is_some_and(|help| help.contains("#ca=FILE")), "{error:?}");
    }
    assert!(began.elapsed() < super::conformance::HANG, "said at once");
    let plain = url.replace("https://", "http://");
    assert!(open_sink(&address(&plain), &SinkOptions::default()).await.is_err(), "no plain words");
    for (file, kind) in [("none.pem", EndpointErrorKind::File), ("server.key", EndpointErrorKind::Malformed)]
    {
        let text = format!("{url}#ca={}", certificates.path(file).display());
        let error = open_sink(&address(&text), &SinkOptions::default()).await.err().expect("no certificates");
        assert_eq!(error.kind, kind, "{error:?}");
    }
    relay.abort();
}

#[tokio::test]
async fn a_probe_has_no_effect_and_says_what_it_learnt() {
    let (base, serving) =
        scripted(&["HTTP/1.1 200 OK\r\nServer: nginx/1.27\r\nAllow: POST\r\nContent-Length: 0\r\n\r\n"])
            .await;
    let report = probe(&address(&format!("{base}/x")), None, PATIENCE).await;
    assert!(report.reachable && report.problems.is_empty(), "{report:?}");
    assert_eq!(
        (report.server.as_deref(), report.protocol.as_deref()),
        (Some("nginx/1.27"), Some("HTTP/1.1"))
    );
    let (head, _) = serving.await.expect("served").remove(0);
    assert!(head.starts_with("OPTIONS /x ") && !head.contains("webhook-request-origin"), "{head}");
    let nobody = address(&format!("http://127.0.0.1:{}", free_port()));
    let report = probe(&nobody, None, PATIENCE).await;
    assert!(!report.reachable && report.problems.len() == 1);
    let error = open_inspect(&nobody, &SinkOptions::default()).await.err().expect("unsupported");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported);
    assert!(capabilities(&address("http://h#mode=batch")).is_ok_and(|can| !can.headers));
}

#[test]
fn a_plan_names_what_http_cannot_write_as_sending_does() {
    let directory = tempfile::tempdir().expect("a directory");
    let line = |headers: &str| format!("{{\"src\":\"a\",\"v\":\"x\",\"t\":1,\"h\":[{headers}]}}\n");
    let headers = ["", r#"["ümlaut","1"]"#, r#"["a","x"]"#, r#"["ümlaut","2"]"#, r#"["Host","h"]"#];
    std::fs::write(directory.path().join("events.ndjson"), headers.map(line).concat()).expect("written");
    let target = format!("http://127.0.0.1:{}/a", free_port());
    let eddy = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eddy"));
        command.args(["replay", "events.ndjson", "--speed", "max"]).args(arguments);
        let audit = directory.path().join("audit.ndjson");
        let output =
            command.env("EDDY_AUDIT", audit).current_dir(directory.path()).output().expect("eddy runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, error) = eddy(&["--to", &target, "--dry-run", "--format", "json"]);
    assert_eq!(code, Some(1), "{out} {error}");
    let plan: serde_json::Value = serde_json::from_str(&out).expect("a plan");
    let found = plan["findings"].as_array().expect("a list").iter();
    let found: Vec<&str> = found
        .filter(|finding| finding["name"] == "unwritable")
        .filter_map(|finding| finding["message"].as_str())
        .collect();
    assert!(found.len() == 2 && found[0].starts_with("2 events cannot be sent, number 2"), "{plan}");
    assert!(found[0].contains("`ümlaut`") && found[1].starts_with("number 5 cannot be sent"), "{plan}");
    let (code, _, error) = eddy(&["--to", &target]);
    assert!(code == Some(1) && error.contains("nothing was sent: unwritable"), "{error}");
    let without = ["--drop-header", "ümlaut", "--drop-header", "Host"];
    let (code, out, error) = eddy(&[&["--to", &target, "--dry-run"], &without[..]].concat());
    assert_eq!(code, Some(0), "{out} {error}");
    // A batch has no headers of events.
    let (code, out, error) = eddy(&["--to", &format!("{target}#mode=batch"), "--dry-run", "--loss", "allow"]);
    assert_eq!(code, Some(0), "{out} {error}");
}

#[tokio::test]
async fn a_receiver_has_its_options_behind_the_hash() {
    let url = address("http://127.0.0.1:0/hooks?max-body=10");
    let error = open_source(&url, &SourceOptions::default()).await.err().expect("refused");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported, "{error:?}");
    assert!(error.help.is_some_and(|help| help.contains("`#max-body=10`")));
}
