//! `eddy graph --observe` and `--drift` as a user runs them, against servers with real clients. What a look leaves behind is
//! nothing.

#![cfg(all(feature = "nats", feature = "redis", feature = "mqtt"))]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use futures_util::StreamExt;
use serde_json::{Value, json};

use support::redis::redis;
use support::servers::{Server, free_port, mosquitto, mosquitto_with_dynamic_security, nats, program};

fn graph(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.arg("graph").args(arguments).current_dir(directory);
    command.env_remove("EDDY_ENV").output().expect("it runs")
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// What flows, as `FROM TO status`, in order.
fn flows(graph: &Value) -> Vec<String> {
    let edges = graph["graph"]["edges"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut flows: Vec<String> = edges
        .iter()
        .filter(|edge| edge["relation"] != "carries")
        .map(|edge| {
            format!(
                "{} {} {}",
                text(&edge["source"]),
                text(&edge["target"]),
                text(&edge["metadata"]["status"])
            )
        })
        .collect();
    flows.sort();
    flows
}

fn unseen(graph: &Value) -> Vec<(String, String)> {
    let sources = graph["graph"]["metadata"]["sources"].as_array().expect("a list");
    let all =
        sources.iter().filter_map(|source| source["observation"]["not_observable"].as_array()).flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.map(|unseen| (text(&unseen["relation"]), text(&unseen["why"]))).collect()
}

struct Nats {
    server: Server,
    monitoring: u16,
    client: async_nats::Client,
}

/// A server with a stream, a durable consumer that lags by two, and a subscriber with a name.
async fn populated_nats() -> Option<Nats> {
    let monitoring = free_port();
    let server = nats(&["-m", &monitoring.to_string()])?;
    let options = async_nats::ConnectOptions::new().name("billing");
    let client = options.connect(format!("127.0.0.1:{}", server.port)).await.expect("connected");
    let context = async_nats::jetstream::new(client.clone());
    let stream = async_nats::jetstream::stream::Config {
        name: "ORDERS".to_owned(),
        subjects: vec!["orders.>".to_owned()],
        ..Default::default()
    };
    let stream = context.create_stream(stream).await.expect("made");
    let consumer = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some("stock-v1".to_owned()),
        filter_subject: "orders.placed".to_owned(),
        ..Default::default()
    };
    stream.create_consumer(consumer).await.expect("made");
    for payload in ["1", "2"] {
        context.publish("orders.placed", payload.into()).await.expect("sent").await.expect("kept");
    }
    Some(Nats { server, monitoring, client })
}

/// What the server keeps, to compare before and after.
async fn kept(client: &async_nats::Client) -> Vec<String> {
    let context = async_nats::jetstream::new(client.clone());
    let mut kept = Vec::new();
    let mut streams = context.streams();
    while let Some(info) = streams.next().await {
        let info = info.expect("an answer");
        let stream = context.get_stream(&info.config.name).await.expect("there");
        let mut consumers = stream.consumers();
        while let Some(consumer) = consumers.next().await {
            let consumer = consumer.expect("an answer");
            kept.push(format!("{} {} {}", info.config.name, consumer.name, consumer.num_pending));
        }
    }
    kept
}

const DOCUMENT: &str = "asyncapi: 3.0.0
info: { title: TITLE, version: 1.0.0 }
servers: { main: { host: localhost, protocol: nats } }
channels:
  placed: { address: orders.placed, messages: { placed: { payload: { type: object } } } }
  gone: { address: gone.by, messages: { gone: { payload: { type: object } } } }
operations:
  take: { action: receive, channel: { $ref: '#/channels/placed' } }
";

#[tokio::test(flavor = "multi_thread")]
async fn nats_shows_consumers_and_subscribers_and_drift_names_the_rest() {
    let Some(nats) = populated_nats().await else { return };
    let _subscription = nats.client.subscribe("audit.*").await.expect("subscribed");
    nats.client.flush().await.expect("flushed");
    let directory = tempfile::tempdir().expect("a directory");
    let before = kept(&nats.client).await;
    let url = format!("nats://127.0.0.1:{}", nats.server.port);
    let monitored = format!("{url}?monitor=http://127.0.0.1:{}", nats.monitoring);

    let output = graph(directory.path(), &["--observe", "--system", &monitored, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let whole = json_of(&output);
    let expected = [
        "channel:nats/audit.%2A service:billing observed-only",
        "channel:nats/orders.placed service:stock-v1 observed-only",
    ];
    assert_eq!(flows(&whole), expected);
    assert_eq!(unseen(&whole), [("sends".to_owned(), "unsupported".to_owned())]);
    let lag = whole["graph"]["edges"]
        .as_array()
        .expect("a list")
        .iter()
        .find_map(|edge| edge["metadata"]["metrics"]["lag"].as_u64());
    assert_eq!(lag, Some(2));

    let without = graph(directory.path(), &["--observe", "--system", &url, "--format", "json"]);
    assert!(unseen(&json_of(&without)).contains(&("receives".to_owned(), "off".to_owned())), "{without:?}");

    let workspace = format!(
        "version: 1\ncontracts: ['*.asyncapi.yaml']\nenvironments: {{ test: {{ servers: {{ main: \"{monitored}\" }} }} }}\n\
         topology: {{ aliases: {{ stock: [\"group:stock-*\"] }} }}\n"
    );
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("written");
    write("eddy.yaml", &workspace);
    write("stock.asyncapi.yaml", &DOCUMENT.replace("TITLE", "stock"));
    write("mail.asyncapi.yaml", &DOCUMENT.replace("TITLE", "mail"));
    let output = graph(directory.path(), &["--drift", "--env", "test", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report = json_of(&output);
    let told: Vec<_> = report["drift"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| (item["verdict"].as_str().expect("text"), item["service"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        told,
        [("undocumented", "service:billing"), ("missing", "service:mail"), ("confirmed", "service:stock")]
    );
    assert_eq!(
        report["summary"],
        json!({ "undocumented": 1, "missing": 1, "not_observable": 0, "confirmed": 1 })
    );

    // A saved picture answers the same without the server.
    let saved = graph(directory.path(), &["--observe", "--env", "test", "--output", "saved.json"]);
    assert_eq!(saved.status.code(), Some(0), "{saved:?}");
    let again = graph(directory.path(), &["saved.json", "--drift", "--format", "json"]);
    assert_eq!(json_of(&again)["summary"], report["summary"]);
    let table = String::from_utf8(graph(directory.path(), &["saved.json", "--ascii"]).stdout).expect("text");
    assert!(
        table.contains("= stock (lag 2)") && table.contains("- mail") && table.contains("+ billing"),
        "{table}"
    );
    assert_eq!(kept(&nats.client).await, before);
}

/// Sends a server the commands it is given, word by word.
fn asking(server: &Server) -> impl FnMut(&str) -> redis::Value {
    let mut connection = redis::Client::open(format!("redis://127.0.0.1:{}", server.port))
        .and_then(|client| client.get_connection())
        .expect("connected");
    move |words| {
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().expect("a command"));
        command.arg(words.collect::<Vec<_>>());
        command.query(&mut connection).unwrap_or_else(|error| panic!("{error}"))
    }
}

#[test]
fn redis_shows_groups_and_a_look_leaves_nothing() {
    let Some(server) = redis(&[]) else { return };
    let mut ask = asking(&server);
    ask("XADD orders * a 1");
    ask("XADD orders * a 2");
    ask("XGROUP CREATE orders billing 0");
    ask("XREADGROUP GROUP billing worker COUNT 1 STREAMS orders >");
    ask("XADD unused * a 1");
    let state = |ask: &mut dyn FnMut(&str) -> redis::Value| {
        format!("{:?} {:?} {:?}", ask("XINFO GROUPS orders"), ask("XINFO STREAM unused"), ask("DBSIZE"))
    };
    let before = state(&mut ask);
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("redis://127.0.0.1:{}", server.port);
    let output = graph(directory.path(), &["--observe", "--system", &url, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let whole = json_of(&output);
    assert_eq!(flows(&whole), ["channel:redis/orders service:billing observed-only"]);
    let mut nodes: Vec<_> = whole["graph"]["nodes"].as_object().expect("a map").keys().cloned().collect();
    nodes.sort();
    assert_eq!(nodes, ["channel:redis/orders", "channel:redis/unused", "service:billing"]);
    assert!(unseen(&whole).contains(&("sends".to_owned(), "unsupported".to_owned())));
    assert_eq!(state(&mut ask), before);
    // Who may do what counts as a permission, and never as drift.
    ask("ACL SETUSER web on >secret resetkeys %W~ord* -@all +xadd");
    let output = graph(directory.path(), &["--observe", "--system", &url, "--format", "json"]);
    let whole = json_of(&output);
    assert_eq!(
        flows(&whole),
        [
            "channel:redis/orders service:billing observed-only",
            "service:web channel:redis/orders observed-only"
        ]
    );
    let output = graph(directory.path(), &["--drift", "--system", &url, "--format", "json"]);
    assert_eq!(json_of(&output)["summary"]["undocumented"], 2, "{output:?}");
    // Who may not ask learns that it may not, not that there is nothing.
    ask("ACL SETUSER eye on >right ~* -@all +hello +ping +client +scan +type +xinfo|stream +info +select");
    let url = format!("redis://eye:right@127.0.0.1:{}", server.port);
    let output = graph(directory.path(), &["--observe", "--system", &url, "--format", "json"]);
    let denied = |unseen: &(String, String)| *unseen == ("receives".to_owned(), "denied".to_owned());
    assert!(unseen(&json_of(&output)).iter().any(denied), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("right"), "no password is shown");
}

#[test]
fn what_cannot_be_seen_is_said_and_nobody_is_not_nothing() {
    let Some(server) = mosquitto(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("mqtt://127.0.0.1:{}", server.port);
    let document = DOCUMENT.replace("TITLE", "stock").replace("protocol: nats", "protocol: mqtt");
    std::fs::write(directory.path().join("stock.yaml"), document).expect("written");
    let output = graph(directory.path(), &["stock.yaml", "--drift", "--system", &url, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = json_of(&output);
    assert_eq!(
        report["summary"],
        json!({ "undocumented": 0, "missing": 0, "not_observable": 1, "confirmed": 0 })
    );
    assert!(
        report["drift"][0]["reasons"][0].as_str().is_some_and(|words| words.contains("MQTT")),
        "{report}"
    );
    let nobody = format!("nats://127.0.0.1:{}", free_port());
    let output = graph(directory.path(), &["stock.yaml", "--drift", "--system", &nobody]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let output = graph(directory.path(), &["--observe"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--system"), "{output:?}");
}

/// Events of a stream name who sent them, by a CloudEvent, by a header, or not at all; one was sent again by a replay.
#[test]
fn sampled_events_of_redis_name_their_senders() {
    let Some(server) = redis(&[]) else { return };
    let mut ask = asking(&server);
    let cloud = "ce_specversion 1.0 ce_id 1 ce_type t ce_source";
    // The oldest is not among the three that are read.
    ask(&format!("XADD orders * {cloud} urn:too:old payload 1"));
    ask(&format!("XADD orders * {cloud} https://shop.example/web payload 1"));
    ask("XADD orders * x-producer pos payload 1");
    ask("XADD orders * payload 1");
    ask("XGROUP CREATE orders billing $");
    let before = format!("{:?} {:?}", ask("XINFO GROUPS orders"), ask("XLEN orders"));
    let directory = tempfile::tempdir().expect("a directory");
    let document = DOCUMENT.replace("TITLE", "web").replace("protocol: nats", "protocol: redis");
    let document = document.replace("orders.placed", "orders").replace("receive", "send");
    std::fs::write(directory.path().join("web.yaml"), document).expect("written");
    let url = format!("redis://127.0.0.1:{}", server.port);
    let looked = ["web.yaml", "--observe", "--system", &url, "--format", "json"];
    let sampled = [&looked[..], &["--sample", "3", "--sample-header", "X-Producer"]].concat();
    assert_eq!(
        flows(&json_of(&graph(directory.path(), &looked))),
        [
            "channel:redis/orders service:billing observed-only",
            "service:web channel:redis/orders declared-only"
        ]
    );
    let whole = json_of(&graph(directory.path(), &sampled));
    assert_eq!(
        flows(&whole),
        [
            "channel:redis/orders service:billing observed-only",
            "service:pos channel:redis/orders observed-only",
            "service:web channel:redis/orders both",
        ]
    );
    let text = whole.to_string();
    for words in [
        "1 of the newest 3 with the header `X-Producer`",
        "1 of the newest 3 with the `source` of a CloudEvent",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(format!("{:?} {:?}", ask("XINFO GROUPS orders"), ask("XLEN orders")), before);
    // The graph that was saved holds what was seen.
    std::fs::write(directory.path().join("saved.json"), text).expect("written");
    let again = graph(directory.path(), &["saved.json", "--format", "json"]);
    assert_eq!(flows(&json_of(&again)), flows(&whole));
    let output = graph(directory.path(), &["saved.json", "--drift", "--sample", "3"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("none is asked"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sampled_events_of_a_stream_leave_no_consumer() {
    let Some(nats) = populated_nats().await else { return };
    let context = async_nats::jetstream::new(nats.client.clone());
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("x-producer", "pos");
    let sent = context.publish_with_headers("orders.paid", headers, "3".into()).await.expect("sent");
    sent.await.expect("kept");
    let before = kept(&nats.client).await;
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("nats://127.0.0.1:{}", nats.server.port);
    let sampled = ["--observe", "--sample", "5", "--sample-header", "x-producer", "--system", &url];
    let output = graph(directory.path(), &[&sampled[..], &["--format", "json"]].concat());
    let found = flows(&json_of(&output));
    assert!(found.contains(&"service:pos channel:nats/orders.paid observed-only".to_owned()), "{output:?}");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    // What read has gone by itself, at the latest when the server notices.
    while kept(&nats.client).await != before {
        assert!(std::time::Instant::now() < deadline, "{:?}", kept(&nats.client).await);
        tokio::task::yield_now().await;
    }
}

/// Makes clients, groups and roles in the plugin as an administrator does, then looks as somebody who may and one who may not.
#[test]
fn mosquitto_tells_permissions_where_it_is_asked() {
    let Some(server) = mosquitto_with_dynamic_security() else { return };
    let control = program("mosquitto_ctrl", "EDDY_MOSQUITTO_CTRL").expect("it was there");
    let port = server.port.to_string();
    let control = |words: &str| {
        let mut command = Command::new(&control);
        command.args(["-h", "127.0.0.1", "-p", &port, "-u", "admin", "-P", "right", "dynsec"]);
        let output = command.args(words.split(' ')).output().expect("it runs");
        assert!(output.status.success(), "{words}: {output:?}");
    };
    for words in [
        "createRole shop",
        "addRoleACL shop publishClientSend orders/# allow 1",
        "addRoleACL shop publishClientSend orders/secret deny 9",
        "createRole reader",
        "addRoleACL reader subscribePattern orders/+ allow",
        "createGroup readers",
        "addGroupRole readers reader",
        "createClient web -p one",
        "addClientRole web shop",
        "createClient mail -p two",
        "addGroupClient readers mail",
        "createClient gone -p three",
        "addClientRole gone shop",
        "disableClient gone",
    ] {
        control(words);
    }
    let directory = tempfile::tempdir().expect("a directory");
    let document = DOCUMENT.replace("TITLE", "web").replace("protocol: nats", "protocol: mqtt");
    let document = document.replace("orders.placed", "orders/secret").replace("gone.by", "orders/placed");
    std::fs::write(directory.path().join("web.yaml"), document.replace("receive", "send")).expect("written");
    let url = format!("mqtt://admin:right@127.0.0.1:{port}?dynamic-security=true");
    let output = graph(directory.path(), &["web.yaml", "--observe", "--system", &url, "--format", "json"]);
    let whole = json_of(&output);
    // Both topics are those of `mail`; one is kept from `web`, which declares that it sends there.
    assert_eq!(
        flows(&whole),
        [
            "channel:mqtt/orders/placed service:mail observed-only",
            "channel:mqtt/orders/secret service:mail observed-only",
            "service:web channel:mqtt/orders/placed observed-only",
            "service:web channel:mqtt/orders/secret declared-only",
        ]
    );
    let text = whole.to_string();
    for words in ["mosquitto-acl", "the broker counts", "every topic: admin"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("right"), "no password is shown");
    let output = graph(directory.path(), &["web.yaml", "--drift", "--system", &url, "--format", "json"]);
    let summary = &json_of(&output)["summary"];
    assert_eq!(*summary, json!({ "undocumented": 0, "missing": 0, "not_observable": 1, "confirmed": 0 }));
    // A client that may not ask learns that.
    let url = format!("mqtt://web:one@127.0.0.1:{port}?dynamic-security=true");
    let output = graph(directory.path(), &["web.yaml", "--observe", "--system", &url, "--format", "json"]);
    let remarks = json_of(&output)["graph"]["metadata"]["sources"].to_string();
    assert!(remarks.contains("permissions:") && !remarks.contains("mosquitto-acl"), "{remarks}");
    // Nobody is asked by the way.
    let url = format!("mqtt://admin:right@127.0.0.1:{port}");
    let output = graph(directory.path(), &["web.yaml", "--observe", "--system", &url, "--format", "json"]);
    assert!(!json_of(&output).to_string().contains("permissions"), "{output:?}");
}
