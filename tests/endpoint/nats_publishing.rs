//! What may happen to a publisher at NATS: refusals, silence, odd servers, and a cluster one of whose servers goes away.

use std::time::{Duration, Instant};

use eddy::endpoint::open::open_sink;
use eddy::endpoint::{EndpointErrorKind, Sink, SinkOptions, SourceOptions};
use eddy::event::Event;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::conformance::{address, collect, deliver, sink, source};
use super::support::servers::{free_port, nats, nats_configured, nats_without_jetstream};

/// The kinds of failure of what is sent, in order.
async fn kinds(sink: &mut Box<dyn Sink>, events: &[Event]) -> Vec<Option<EndpointErrorKind>> {
    let receipts =
        tokio::time::timeout(Duration::from_secs(20), sink.send(events)).await.expect("handed over");
    let deliveries = tokio::time::timeout(Duration::from_secs(20), receipts).await.expect("receipts");
    deliveries.iter().map(|each| each.outcome.as_ref().err().map(|error| error.kind)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forbidden_subject_of_a_stream_is_said_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let configuration = format!(
        "jetstream {{ store_dir: {:?} }}\nauthorization {{ users = [\n\
         {{ user: tester, password: right, permissions: {{ publish: {{ deny: [\"kept.secret\"] }} }} }} ] }}",
        directory.path(),
    );
    let Some(server) = nats_configured(&configuration) else { return };
    let host = format!("tester:right@127.0.0.1:{}", server.port);
    let client = async_nats::ConnectOptions::with_user_and_password("tester".to_owned(), "right".to_owned());
    let client = client.connect(format!("127.0.0.1:{}", server.port)).await.expect("connected");
    let config = async_nats::jetstream::stream::Config {
        name: "KEPT".to_owned(),
        subjects: vec!["kept.>".to_owned()],
        storage: async_nats::jetstream::stream::StorageType::Memory,
        ..Default::default()
    };
    async_nats::jetstream::new(client).create_stream(config).await.expect("a stream");
    // More than go at once, so that it must be told while others wait.
    let mut writer = sink(&format!("jetstream+nats://{host}/KEPT?window=8")).await;
    let events: Vec<Event> = (0..100)
        .map(|at| Event::new(if at % 4 == 3 { "kept.open" } else { "kept.secret" }, format!("{at}")))
        .collect();
    let started = Instant::now();
    let expected = (0..100).map(|at| (at % 4 != 3).then_some(EndpointErrorKind::Unauthorised));
    assert_eq!(kinds(&mut writer, &events).await, expected.collect::<Vec<_>>());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_refused_for_its_reply_is_not_taken_for_sent() {
    let Some(server) = nats_without_jetstream() else { return };
    let mut writer = sink(&format!("nats://127.0.0.1:{}", server.port)).await;
    let mut reserved = Event::new("a", "x");
    reserved.attributes.insert("reply".to_owned(), json!("$JS.ACK.S.C.1.2.3.4.5"));
    let mut none = Event::new("a", "x");
    none.attributes.insert("reply".to_owned(), json!(""));
    let mut odd = Event::new("a", "x");
    odd.attributes.insert("reply".to_owned(), json!("a b\r\nPUB c 0\r\n"));
    let long = Event::new("a".repeat(5000), "x");
    assert_eq!(
        kinds(&mut writer, &[Event::new("a", "x"), reserved, none, odd, long, Event::new("a", "x")]).await,
        [
            None,
            Some(EndpointErrorKind::Unauthorised),
            None,
            Some(EndpointErrorKind::Rejected),
            Some(EndpointErrorKind::Rejected),
            None
        ]
    );
}

/// A server that says `greeting`, and to each line what `answer` has for it.
async fn odd_server(greeting: &'static str, answer: fn(&str) -> &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                connection.write_all(greeting.as_bytes()).await?;
                let (reader, mut writer) = connection.split();
                let mut lines = BufReader::new(reader);
                let mut line = Vec::new();
                while lines.read_until(b'\n', &mut line).await? > 0 {
                    writer.write_all(answer(String::from_utf8_lossy(&line).trim()).as_bytes()).await?;
                    line.clear();
                }
                std::io::Result::Ok(())
            });
        }
    });
    port
}

const INFO: &str = "INFO {\"max_payload\":1000,\"headers\":true}\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_none_are_named_as_such() {
    for (greeting, words) in [
        ("SSH-2.0-OpenSSH_9\r\n", "no NATS"),
        ("-ERR 'maximum connections exceeded'\r\n", "no NATS"),
        ("INFO {\"tls_required\":true}\r\nPONG\r\n", "no NATS"),
        ("INFO {\"tls_required\":true}\r\n-ERR 'maximum connections exceeded'\r\n", "maximum connections"),
        ("INFO [\r\n", "no NATS"),
    ] {
        let port = odd_server(greeting, |_| "").await;
        let url = address(&format!("nats://127.0.0.1:{port}/x"));
        let error = open_sink(&url, &SinkOptions::default()).await.err().expect("no server");
        assert_eq!(error.kind, EndpointErrorKind::Unreachable, "{greeting:?}: {error}");
        assert!(error.message.contains(words), "{greeting:?}: {error}");
    }
    let port = odd_server("", |_| "").await;
    let options = SinkOptions { connect_timeout: Duration::from_millis(200), ..SinkOptions::default() };
    let error =
        open_sink(&address(&format!("nats://127.0.0.1:{port}/x")), &options).await.err().expect("silence");
    assert_eq!(error.kind, EndpointErrorKind::Timeout, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_when_a_server_talks_nonsense_is_uncertain() {
    let port = odd_server(INFO, |line| match line {
        "PING" => "PONG\r\n",
        "PUB x 1" => "nonsense\r\n",
        _ => "",
    })
    .await;
    let mut writer = sink(&format!("nats://127.0.0.1:{port}/x")).await;
    let first = kinds(&mut writer, &[Event::new("x", "1")]).await;
    assert_eq!(first, [Some(EndpointErrorKind::Disconnected)]);
    let refused = kinds(&mut writer, &[Event::new("x", "22")]).await;
    assert_eq!(refused, [Some(EndpointErrorKind::Unreachable)], "nothing overtakes what failed");
    writer.resume().await;
    assert_eq!(kinds(&mut writer, &[Event::new("x", "22")]).await, [None]);
    let large = kinds(&mut writer, &[Event::new("x", vec![b'x'; 1001])]).await;
    assert_eq!(large, [Some(EndpointErrorKind::TooLarge)], "as the server said");
}

/// A stream that does not acknowledge, while its server answers otherwise: nothing may overtake what is late.
#[tokio::test(flavor = "multi_thread")]
async fn what_follows_an_event_without_a_receipt_waits_for_it() {
    let port = odd_server(INFO, |line| if line == "PING" { "PONG\r\n" } else { "" }).await;
    let options = SinkOptions { receipt_timeout: Duration::from_millis(300), ..SinkOptions::default() };
    let url = address(&format!("jetstream+nats://127.0.0.1:{port}"));
    let mut writer = open_sink(&url, &options).await.expect("connected");
    assert_eq!(kinds(&mut writer, &[Event::new("x", "1")]).await, [Some(EndpointErrorKind::Timeout)]);
    assert_eq!(kinds(&mut writer, &[Event::new("x", "2")]).await, [Some(EndpointErrorKind::Unreachable)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_of_the_cluster_is_found() {
    let (one, two) = (free_port(), free_port());
    let member = |own: u16, other: u16| {
        let (own, other) = (format!("nats://127.0.0.1:{own}"), format!("nats://127.0.0.1:{other}"));
        nats(&["--cluster_name", "both", "--cluster", &own, "--routes", &other, "--server_name", &own])
    };
    let (Some(mut first), Some(second)) = (member(one, two), member(two, one)) else { return };
    // The first tells of the second once they know each other.
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let mut connection = tokio::net::TcpStream::connect(("127.0.0.1", first.port)).await.expect("there");
        let mut said = vec![0; 4096];
        let length = connection.read(&mut said).await.expect("INFO");
        if String::from_utf8_lossy(&said[..length]).contains(&format!(":{}\"", second.port)) {
            break;
        }
        assert!(Instant::now() < deadline, "they do not find each other");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut reader =
        source(&format!("nats://127.0.0.1:{}/found", second.port), SourceOptions::default()).await;
    let mut writer = sink(&format!("nats://127.0.0.1:{}/found", first.port)).await;
    deliver(&mut writer, &[Event::new("found", "before")]).await;
    first.stop();
    let deadline = Instant::now() + Duration::from_secs(30);
    while kinds(&mut writer, &[Event::new("found", "after")]).await != [None] {
        assert!(Instant::now() < deadline, "not found");
        writer.resume().await;
    }
    let mut seen = Vec::new();
    while seen.last().is_none_or(|payload| *payload != b"after".as_slice()) {
        seen.extend(collect(&mut reader, 1).await.into_iter().filter_map(|event| event.payload));
    }
}
