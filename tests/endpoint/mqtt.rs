//! MQTT 5 and 3.1.1 against mosquitto.

use std::io::{Read, Write};

use eddy::endpoint::open::{open_inspect, open_sink, open_source, probe};
use eddy::endpoint::{EndpointErrorKind, SinkOptions, SourceOptions, Start, Stop};
use eddy::event::{Event, Header};
use serde_json::json;

use super::conformance::{
    Subject, address, collect, deliver, nobody_there, nothing_overtakes, sink, source, survives_a_restart,
    wrong_password,
};
use super::support::proxy::Proxy;
use super::support::servers::{free_port, mosquitto, mosquitto_with_password};

fn subject(port: u16, options: &str) -> Subject {
    Subject {
        sink: format!("mqtt://127.0.0.1:{port}{options}"),
        source: format!("mqtt://127.0.0.1:{port}/conformance/#{options}"),
        prefix: "conformance",
        separator: '/',
        start: Start::Default,
        one_channel: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn version_5_conforms() {
    let Some(server) = mosquitto(&[]) else { return };
    subject(server.port, "").conforms().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_conforms() {
    let Some(server) = mosquitto(&[]) else { return };
    subject(server.port, "?version=3.1.1").conforms().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quality_2_conforms() {
    let Some(server) = mosquitto(&[]) else { return };
    subject(server.port, "?qos=2").conforms().await;
}

#[tokio::test]
async fn properties_come_back() {
    let Some(server) = mosquitto(&[]) else { return };
    let mut reader =
        source(&format!("mqtt://127.0.0.1:{}/p/#?qos=2", server.port), SourceOptions::default()).await;
    let mut writer = sink(&format!("mqtt://127.0.0.1:{}", server.port)).await;
    let mut event = Event::new("p/q", "{}");
    event.headers = vec![Header::text("b", "1"), Header::text("a", "2"), Header::text("b", "3")];
    for (name, value) in [
        ("qos", json!(2)),
        ("content_type", json!("application/json")),
        ("response_topic", json!("p/replies")),
        ("correlation_data", json!("AP8=")),
        ("payload_format_indicator", json!(1)),
    ] {
        event.attributes.insert(name.to_owned(), value);
    }
    deliver(&mut writer, std::slice::from_ref(&event)).await;
    let got = collect(&mut reader, 1).await.remove(0);
    assert_eq!(got.headers, event.headers);
    event.attributes.insert("retain".to_owned(), json!(false));
    for (name, value) in &event.attributes {
        assert_eq!(got.attributes.get(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn retained_messages_are_there_unless_only_new_ones_are_wanted() {
    let Some(server) = mosquitto(&[]) else { return };
    for version in ["5", "3.1.1"] {
        let url = format!("mqtt://127.0.0.1:{}/kept?version={version}", server.port);
        let mut writer = sink(&format!("{url}&retain")).await;
        deliver(&mut writer, &[Event::new("", "old")]).await;
        let mut all = source(&url, SourceOptions::default()).await;
        let first = collect(&mut all, 1).await.remove(0);
        assert_eq!(first.payload.as_deref(), Some(b"old".as_slice()));
        assert_eq!(first.attributes.get("retain"), Some(&json!(true)));
        let mut new = source(&url, SourceOptions { start: Start::End, ..SourceOptions::default() }).await;
        // In version 5 it is told from an old one, also when it is to be kept in its place.
        let kept_again = if version == "5" { "&retain" } else { "" };
        let mut writer = sink(&format!("{url}{kept_again}")).await;
        deliver(&mut writer, &[Event::new("", "new")]).await;
        let first = collect(&mut new, 1).await.remove(0);
        assert_eq!(first.payload.as_deref(), Some(b"new".as_slice()), "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_session_has_what_came_while_we_were_away() {
    let Some(server) = mosquitto(&[]) else { return };
    for version in ["5", "3.1.1"] {
        let url = format!(
            "mqtt://127.0.0.1:{}/away/{version}?version={version}&clean=false&client-id=reader-{version}",
            server.port
        );
        let reader = source(&url, SourceOptions::default()).await;
        reader.close().await.expect("a clean close");
        let mut writer = sink(&format!("mqtt://127.0.0.1:{}/away/{version}", server.port)).await;
        let events: Vec<Event> = (0..50).map(|at| Event::new("", format!("{at}"))).collect();
        deliver(&mut writer, &events).await;
        let mut reader = source(&url, SourceOptions::default()).await;
        assert_eq!(collect(&mut reader, 50).await.len(), 50);
        reader.close().await.expect("a clean close");
    }
}

#[test]
fn what_whole_events_lose_is_told() {
    let Some(server) = mosquitto(&[]) else { return };
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("events.ndjson");
    let plain = r#"{"src":"q","v":"x"}"#;
    let rich = r#"{"src":"q","k":"k1","v":null,"h":[["a","1"]]}"#;
    std::fs::write(&path, format!("{plain}\n{rich}\n{rich}\n")).expect("written");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.args(["inject", &format!("mqtt://127.0.0.1:{}?version=3.1.1", server.port)]);
    let output = command.arg(&path).arg("--events").output().expect("eddy runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("sent 3 events"), "{said}");
    for kind in ["key", "headers", "null payload"] {
        let words = format!("MQTT 3.1.1 cannot carry: {kind} of 2 events, number 2 the first of them");
        assert!(said.contains(&words), "{said}");
    }
}

/// A broker without limits sends all it has kept before it answers anything.
#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_no_room_for_waits_with_the_broker() {
    let Some(server) = mosquitto(&["max_inflight_messages 0", "max_queued_messages 0"]) else { return };
    for (version, count) in [("5", 40_u8), ("3.1.1", 40)] {
        let url = format!(
            "mqtt://127.0.0.1:{}/room/{version}?version={version}&clean=false&client-id=slow-{version}",
            server.port
        );
        source(&url, SourceOptions::default()).await.close().await.expect("a clean close");
        let mut writer = sink(&format!("mqtt://127.0.0.1:{}/room/{version}", server.port)).await;
        let events: Vec<Event> = (0..count).map(|at| Event::new("", vec![at; 1024 * 1024])).collect();
        deliver(&mut writer, &events).await;
        let mut reader = source(&url, SourceOptions::default()).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let got = collect(&mut reader, count.into()).await;
        let firsts: Vec<u8> =
            got.iter().filter_map(|event| event.payload.as_ref()?.first().copied()).collect();
        assert_eq!(firsts, (0..count).collect::<Vec<u8>>(), "version {version}");
        reader.close().await.expect("a clean close");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_handed_over_is_sent_again() {
    let Some(server) = mosquitto(&[]) else { return };
    let url = format!("mqtt://127.0.0.1:{}/again?clean=false&client-id=crash", server.port);
    let mut reader = source(&url, SourceOptions::default()).await;
    let mut writer = sink(&format!("mqtt://127.0.0.1:{}/again", server.port)).await;
    deliver(&mut writer, &[Event::new("", "1"), Event::new("", "2")]).await;
    let _ = collect(&mut reader, 1).await;
    drop(reader);
    let mut reader = source(&url, SourceOptions::default()).await;
    assert!(!collect(&mut reader, 1).await.is_empty());
    reader.close().await.expect("a clean close");
}

#[tokio::test]
async fn a_shared_subscription_splits_the_work() {
    let Some(server) = mosquitto(&[]) else { return };
    let url = format!("mqtt://127.0.0.1:{}/$share/group/work/%23", server.port);
    let mut one = source(&url, SourceOptions::default()).await;
    let mut two = source(&url, SourceOptions::default()).await;
    let mut writer = sink(&format!("mqtt://127.0.0.1:{}", server.port)).await;
    let events: Vec<Event> = (0..100).map(|at| Event::new(format!("work/{at}"), "x")).collect();
    deliver(&mut writer, &events).await;
    let (mut first, mut second) = (0, 0);
    while first + second < 100 {
        tokio::select! {
            batch = one.next_batch(100) => first += batch.expect("a batch").len(),
            batch = two.next_batch(100) => second += batch.expect("a batch").len(),
        }
    }
    assert_eq!((first + second, first > 0, second > 0), (100, true, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing_silently() {
    let Some(mut server) = mosquitto(&[]) else { return };
    for options in ["", "?version=3.1.1"] {
        let sink = format!("mqtt://127.0.0.1:{}{options}", server.port);
        let source = format!("mqtt://127.0.0.1:{}/restart{options}", server.port);
        survives_a_restart(&sink, &source, "restart", &mut server, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_overtakes_what_failed_with_the_connection() {
    let Some(server) = mosquitto(&[]) else { return };
    for options in ["", "&version=3.1.1", "&qos=2"] {
        let network = Proxy::to(server.port);
        let text = format!("mqtt://127.0.0.1:{}/order?keep-alive=10{options}", network.port);
        nothing_overtakes(&text, "", &network).await;
    }
}

/// A process died with as many messages of quality 2 half-sent as the broker takes at once; the next one with its client id
/// knows nothing of them, and the numbers of its messages are the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_process_left_half_sent_holds_nothing_up() {
    let Some(server) = mosquitto(&[]) else { return };
    for version in ["3.1.1", "5"] {
        leave_half_sent(server.port, version);
        let mut reader =
            source(&format!("mqtt://127.0.0.1:{}/new?qos=2", server.port), SourceOptions::default()).await;
        let text = format!(
            "mqtt://127.0.0.1:{}/new?version={version}&clean=false&client-id=half&qos=2",
            server.port
        );
        let mut writer = sink(&text).await;
        let events: Vec<Event> = (0..40).map(|at| Event::new("", format!("{at}"))).collect();
        deliver(&mut writer, &events).await;
        let got = collect(&mut reader, events.len()).await;
        let payloads: Vec<_> = got.into_iter().filter_map(|event| event.payload).collect();
        let sent: Vec<_> = events.into_iter().filter_map(|event| event.payload).collect();
        assert_eq!(payloads, sent, "version {version}");
        writer.close().await.expect("a clean close");
    }
}

/// Sends 20 messages of quality 2 as `half` in a session that is kept, and leaves when the broker has taken the first step.
fn leave_half_sent(port: u16, version: &str) {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("connected");
    // The client id, and in version 5 before it one property: the session is kept for an hour.
    let (level, properties): (u8, &[u8]) =
        if version == "5" { (5, &[5, 0x11, 0, 0, 0x0e, 0x10]) } else { (4, &[]) };
    let mut greeting = vec![0, 4, b'M', b'Q', b'T', b'T', level, 0, 0, 60];
    greeting.extend_from_slice(properties);
    greeting.extend_from_slice(b"\0\x04half");
    stream.write_all(&[0x10, u8::try_from(greeting.len()).expect("short")]).expect("written");
    stream.write_all(&greeting).expect("written");
    for number in 1..=20 {
        let mut message = vec![0, 3, b'o', b'l', b'd', 0, number];
        if version == "5" {
            message.push(0);
        }
        stream.write_all(&[0x34, u8::try_from(message.len()).expect("short")]).expect("written");
        stream.write_all(&message).expect("written");
    }
    let mut received = 0;
    while received < 20 {
        let mut head = [0; 2];
        stream.read_exact(&mut head).expect("a packet");
        let mut rest = vec![0; head[1].into()];
        stream.read_exact(&mut rest).expect("a whole packet");
        received += usize::from(head[0] == 0x50);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_says_that_it_lost_the_broker_and_comes_back() {
    let Some(mut server) = mosquitto(&[]) else { return };
    let url = format!("mqtt://127.0.0.1:{}/back", server.port);
    let mut reader = source(&url, SourceOptions::default()).await;
    server.stop();
    let error = reader.next_batch(10).await.expect_err("the broker is gone");
    assert_eq!(error.kind, EndpointErrorKind::Disconnected, "{error:?}");
    server.start();
    let mut writer = sink(&url).await;
    // Subscribed again at an unknown moment: the writer goes on until the reader has something.
    let reading = async {
        loop {
            match reader.next_batch(10).await {
                Ok(batch) => break batch,
                Err(error) => assert!(error.retryable(), "{error:?}"),
            }
        }
    };
    let writing = async {
        loop {
            deliver(&mut writer, &[Event::new("", "x")]).await;
        }
    };
    tokio::select! {
        batch = reading => assert!(!batch.is_empty()),
        () = writing => {}
    }
}

#[tokio::test]
async fn nobody_listens() {
    nobody_there(&format!("mqtt://127.0.0.1:{}/x", free_port())).await;
    nobody_there(&format!("mqtt://127.0.0.1:{}/x?version=3.1.1", free_port())).await;
}

#[tokio::test]
async fn a_wrong_password_is_said() {
    let Some(server) = mosquitto_with_password() else { return };
    wrong_password(&format!("mqtt://127.0.0.1:{}/x", server.port)).await;
    wrong_password(&format!("mqtt://127.0.0.1:{}/x?version=3.1.1", server.port)).await;
}

#[tokio::test]
async fn a_topic_that_is_forbidden_has_a_next_step() {
    let rules = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(rules.path(), "topic read #\n").expect("written");
    let Some(server) = mosquitto(&[&format!("acl_file {}", rules.path().display())]) else { return };
    let mut writer = sink(&format!("mqtt://127.0.0.1:{}/x", server.port)).await;
    let deliveries = writer.send(&[Event::new("", "a")]).await.await;
    let error = deliveries[0].outcome.as_ref().expect_err("forbidden");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
    assert!(error.help.as_deref().is_some_and(|help| help.starts_with("may this user write")), "{error:?}");
}

#[tokio::test]
async fn a_wrong_password_beside_a_user_asks_to_look_at_both() {
    let Some(server) = mosquitto_with_password() else { return };
    let url = address(&format!("mqtt://tester:wr0ng@127.0.0.1:{}/x", server.port));
    for opened in [
        open_source(&url, &SourceOptions::default()).await.err(),
        open_sink(&url, &SinkOptions::default()).await.err(),
    ] {
        let help = opened.and_then(|error| error.help).expect("help");
        assert!(help.starts_with("check what you log in with"), "{help}");
    }
}

#[tokio::test]
async fn an_event_beyond_the_limit_is_refused_alone() {
    let Some(server) = mosquitto(&["max_packet_size 2000"]) else { return };
    let mut writer = sink(&format!("mqtt://127.0.0.1:{}/limit", server.port)).await;
    let events = [Event::new("", "a"), Event::new("", vec![b'x'; 5000]), Event::new("", "b")];
    let deliveries = writer.send(&events).await.await;
    let kinds: Vec<_> =
        deliveries.iter().map(|each| each.outcome.as_ref().err().map(|error| error.kind)).collect();
    assert_eq!(kinds, [None, Some(EndpointErrorKind::TooLarge), None]);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_connecting() {
    let url = format!("mqtt://127.0.0.1:{}/x", free_port());
    let options = SourceOptions { stop: Stop::PresentEnd, ..SourceOptions::default() };
    let error = open_source(&address(&url), &options).await.err().expect("refused");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported);
    let error = open_source(&address(&format!("{url}?qso=1")), &SourceOptions::default())
        .await
        .err()
        .expect("refused");
    assert!(error.help.is_some_and(|help| help.contains("did you mean `qos`")));
}

#[tokio::test]
async fn a_probe_says_who_answers() {
    let Some(server) = mosquitto(&[]) else { return };
    let url = address(&format!("mqtt://127.0.0.1:{}", server.port));
    let report = probe(&url, None, std::time::Duration::from_secs(5)).await;
    assert!(report.reachable && report.problems.is_empty(), "{report:?}");
    assert!(
        report.server.as_ref().is_some_and(|server| server.starts_with("mosquitto version")),
        "{report:?}"
    );
    assert!(report.latency_us.is_some_and(|micros| micros > 0));
    let mut inspect = open_inspect(&url, &SinkOptions::default()).await.expect("connected");
    assert!(!inspect.topology().await.expect("an answer").not_observable.is_empty());
    let nobody = address(&format!("mqtt://127.0.0.1:{}", free_port()));
    let report = probe(&nobody, None, std::time::Duration::from_secs(5)).await;
    assert!(!report.reachable && report.problems.len() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn quality_2_of_version_3_overruns_no_broker() {
    // It takes 20 at a time, and cannot say so in this version.
    let Some(server) = mosquitto(&["max_inflight_messages 20"]) else { return };
    let url = format!("mqtt://127.0.0.1:{}/exact?version=3.1.1&qos=2", server.port);
    let mut reader = source(&url, SourceOptions::default()).await;
    let mut writer = sink(&url).await;
    let events: Vec<Event> = (0..500).map(|at| Event::new("", format!("{at}"))).collect();
    deliver(&mut writer, &events).await;
    let got = collect(&mut reader, events.len()).await;
    let payloads = |events: &[Event]| events.iter().map(|event| event.payload.clone()).collect::<Vec<_>>();
    assert_eq!(payloads(&got), payloads(&events));
}

#[tokio::test]
async fn a_filter_that_is_none_is_named_with_its_form() {
    let Some(server) = mosquitto(&[]) else { return };
    for filter in ["shop/#/orders", "shop/a+", "shop#"] {
        let url = address(&format!("mqtt://127.0.0.1:{}/{filter}", server.port));
        let opened = open_source(&url, &SourceOptions::default()).await;
        let error = opened.err().unwrap_or_else(|| panic!("`{filter}` is taken"));
        assert!(error.help.as_ref().is_some_and(|help| help.contains("whole level")), "{error:?}");
    }
}
