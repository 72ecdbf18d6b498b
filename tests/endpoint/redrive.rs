//! Dead letters go back to their origins, and none is lost on the way: `eddy redrive` against real servers.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::kafka;
use super::support::rabbitmq::rabbitmq;
use super::support::redis::redis;
use super::support::servers::nats;

const PATIENCE: Duration = Duration::from_secs(120);

fn eddy(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    // No home is written to.
    command.env("EDDY_AUDIT", directory.join("audit.ndjson"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    command
}

fn run(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = eddy(directory, arguments).output().expect("eddy runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Sends events there.
fn put(directory: &Path, target: &str, events: &[Value]) {
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    std::fs::write(directory.join("events.ndjson"), lines).expect("written");
    let (code, _, error) = run(directory, &["inject", target, "events.ndjson", "--events"]);
    assert_eq!(code, Some(0), "{error}");
}

/// Redrives, expects this exit code, and returns the counts.
fn redrive(directory: &Path, expected: i32, arguments: &[&str]) -> Value {
    let mut all = vec!["redrive", "--format", "json"];
    all.extend(arguments);
    let (code, out, error) = run(directory, &all);
    assert_eq!(code, Some(expected), "{arguments:?} {out} {error}");
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out} {error}"))
}

/// Everything that lies at a place.
fn all_of(directory: &Path, source: &str) -> Vec<Value> {
    let arguments = ["tail", source, "--from", "start", "--to", "now", "--format", "json"];
    let (code, out, error) = run(directory, &arguments);
    assert_eq!(code, Some(0), "{error}");
    out.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

fn payloads(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["v"].as_str().expect("text")).collect()
}

/// A dead letter with these headers.
fn letter(payload: &str, headers: &Value) -> Value {
    json!({ "t": 1_700_000_000_000_000_u64, "src": "any", "k": "key", "v": payload, "h": headers })
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_kafka_go_back_to_topic_and_partition() {
    let Some(server) = kafka::shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    super::kafka::topic(server.port, "redrive-orders", 3, &[]).await;
    super::kafka::topic(server.port, "redrive-dead", 1, &[]).await;
    let server = format!("kafka://127.0.0.1:{}", server.port);
    let dead = format!("{server}/redrive-dead");
    let spring = json!([["trace", "7"], ["kafka_dlt-original-topic", "redrive-orders"],
        ["kafka_dlt-original-partition", {"b64": "AAAAAg=="}], ["kafka_dlt-exception-message", "no stock"]]);
    let connect = json!([["__connect.errors.topic", "redrive-orders"], ["__connect.errors.partition", "1"]]);
    let often = json!([["dead-letter-address", "redrive-orders"], ["eddy-redrives", "3"]]);
    let letters = [
        letter("spring", &spring),
        letter("connect", &connect),
        letter("often", &often),
        letter("stranger", &json!([["trace", "8"]])),
        letter("home", &json!([["dead-letter-topic", "redrive-dead"]])),
    ];
    put(directory, &dead, &letters);

    // It ends as the run would.
    let plan = redrive(directory, 1, &[&dead, "--dry-run"]);
    assert_eq!((&plan["counts"]["redriven"], &plan["counts"]["read"]), (&json!(2), &json!(5)), "{plan}");
    for kind in ["sent_back_too_often", "without_origin", "from_here"] {
        assert_eq!(plan["counts"][kind], 1, "{kind}: {plan}");
    }
    assert!(plan["by_origin"].to_string().contains("no stock"), "{plan}");
    // The plan moved nothing.
    let quarantine = ["--quarantine", "poison.eddy.ndjson.zst", "--rate", "1000/s"];
    let done = redrive(directory, 0, &[&[dead.as_str()], &quarantine[..]].concat());
    assert_eq!(
        (&done["counts"]["redriven"], &done["counts"]["quarantined"]),
        (&json!(2), &json!(3)),
        "{done}"
    );
    let arrived = all_of(directory, &format!("{server}/redrive-orders"));
    let mut places: Vec<(&str, i64)> = arrived
        .iter()
        .map(|event| (event["v"].as_str().expect("text"), event["part"].as_i64().expect("one")))
        .collect();
    places.sort_unstable();
    assert_eq!(places, [("connect", 1), ("spring", 2)]);
    let spring = arrived.iter().find(|event| event["v"] == "spring").expect("there");
    assert_eq!(spring["h"], json!([["trace", "7"], ["eddy-redrives", "1"]]));
    let poison = all_of(directory, "poison.eddy.ndjson.zst");
    assert_eq!(payloads(&poison), ["often", "stranger", "home"]);
    assert_eq!(poison[0]["h"], often, "it stays as it was");
    assert_eq!(redrive(directory, 0, &[&dead])["counts"]["read"], 0);

    refused_and_chosen(directory, &server, &dead, &connect);
}

/// What its origin refuses, and what is chosen, on a topic that was read to its end.
fn refused_and_chosen(directory: &Path, server: &str, dead: &str, connect: &Value) {
    // What its origin refuses ends the run, and the group stays before it.
    let refused = json!([["dead-letter-topic", "redrive-nowhere"]]);
    put(directory, dead, &[letter("a", connect), letter("b", &refused), letter("c", connect)]);
    let plan = redrive(directory, 1, &[dead, "--dry-run"]);
    let findings = plan["findings"].as_array().expect("a list");
    let errors: Vec<_> = findings.iter().filter(|finding| finding["severity"] == "error").collect();
    assert!(errors.len() == 1 && errors[0]["name"] == "channel-missing", "{plan}");
    assert_eq!(errors[0]["channel"], "redrive-nowhere", "{plan}");
    // A real run sends nothing then, whatever else could go, unless it is told to.
    let at_origin = || all_of(directory, &format!("{server}/redrive-orders")).len();
    let before = at_origin();
    let (code, out, error) = run(directory, &["redrive", dead]);
    assert!(code == Some(1) && out.is_empty(), "{out} {error}");
    for words in ["nothing was sent: channel-missing", "redrive-nowhere", "`?create`", "--preflight warn"] {
        assert!(error.contains(words), "{error}");
    }
    let told = redrive(directory, 1, &[dead]);
    assert_eq!(
        (&told["dry_run"], &told["counts"]["redriven"], &told["unread"]),
        (&json!(false), &json!(0), &json!(3))
    );
    assert!(told["findings"].to_string().contains("channel-missing"), "{told}");
    assert_eq!(at_origin(), before, "not even what its origin takes");
    let stopped = redrive(directory, 1, &[dead, "--preflight", "warn"]);
    let counts = &stopped["counts"];
    assert_eq!(
        (&counts["redriven"], &counts["refused"], &counts["repeated_later"]),
        (&json!(2), &json!(1), &json!(1))
    );
    let arrived =
        redrive(directory, 0, &[dead, "--to", &format!("{server}/redrive-orders"), "--keep-error-headers"]);
    assert_eq!(arrived["counts"]["redriven"], 2, "{arrived}");
    let all = all_of(directory, &format!("{server}/redrive-orders"));
    assert_eq!(all.len(), 6, "two, then `a` and `c`, then `b` and `c`");
    let b = all.iter().find(|event| event["v"] == "b").expect("there");
    assert_eq!(b["h"][0][0], "dead-letter-topic");
    // Choosing needs a group of its own, because a position passes over what is not chosen.
    let (code, _, error) = run(directory, &["redrive", dead, "--match", "a"]);
    assert!(code == Some(2) && error.contains("--group"), "{error}");
    let chosen = redrive(directory, 0, &[dead, "--match", "spring", "--group", "others", "--dry-run"]);
    assert_eq!(
        (&chosen["counts"]["redriven"], &chosen["counts"]["not_chosen"]),
        (&json!(1), &json!(7)),
        "{chosen}"
    );
}

#[test]
fn a_redrive_into_a_protected_environment_is_audited() {
    let Some(server) = redis(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let server = format!("redis://127.0.0.1:{}", server.port);
    put(directory, &format!("{server}/orders"), &[letter("first", &json!([]))]);
    let dead = format!("{server}/dead");
    put(directory, &dead, &[letter("back", &json!([["dead-letter-address", "orders"]]))]);
    let workspace = format!(
        "version: 1\nenvironments:\n  prod:\n    protected: true\n    servers:\n      main: {server}\n"
    );
    std::fs::write(directory.join("eddy.yaml"), workspace).expect("written");
    // A run that cannot be audited takes nothing.
    let refused = ["redrive", &dead, "--confirm", "prod", "--audit", "missing/audit.ndjson"];
    let (code, out, error) = run(directory, &refused);
    assert!(code != Some(0) && error.contains("nothing was sent"), "{code:?} {out} {error}");
    assert_eq!(redrive(directory, 0, &[&dead, "--confirm", "prod"])["counts"]["redriven"], 1);
    let audit = std::fs::read_to_string(directory.join("audit.ndjson")).expect("an audit file");
    let lines: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2, "{audit}");
    for (line, entry) in lines.iter().zip(["begun", "ended"]) {
        assert_eq!((&line["entry"], &line["command"]), (&json!(entry), &json!("redrive")), "{line}");
        assert_eq!((&line["protected"], &line["source"]), (&json!("prod"), &json!(dead)), "{line}");
        assert_eq!(line["options"]["confirm"][0], "prod", "{line}");
        assert!(line["run"] == lines[0]["run"] && line["who"]["process"].is_number(), "{line}");
    }
    assert_eq!((&lines[1]["outcome"], &lines[1]["redriven"]), (&json!("complete"), &json!(1)), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_died_in_rabbitmq_go_back_to_their_queue_or_exchange() {
    let Some(node) = rabbitmq() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let exchange = json!({ "type": "topic", "durable": true });
    node.manage("PUT", "exchanges/%2F/redrive", exchange).await;
    let dying = json!({ "durable": true, "arguments":
        { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "redrive.dead" } });
    node.manage("PUT", "queues/%2F/redrive.work", dying).await;
    for name in ["redrive.other", "redrive.dead"] {
        node.manage("PUT", &format!("queues/%2F/{name}"), json!({ "durable": true })).await;
    }
    for name in ["redrive.work", "redrive.other"] {
        let key = json!({ "routing_key": "orders.*" });
        node.manage("POST", &format!("bindings/%2F/e/redrive/q/{name}"), key).await;
    }
    let server = format!("amqp://127.0.0.1:{}/%2F", node.port);
    let letters: Vec<Value> =
        (0..5).map(|number| letter(&number.to_string(), &json!([["trace", "7"]]))).collect();
    put(directory, &format!("{server}/redrive?routing-key=orders.new"), &letters);
    let reject = json!({ "count": 5, "ackmode": "reject_requeue_false", "encoding": "auto" });
    let rejected = node.manage("POST", "queues/%2F/redrive.work/get", reject.clone()).await;
    assert_eq!(rejected.as_array().map(Vec::len), Some(5), "{rejected}");

    let dead = format!("{server}?queue=redrive.dead");
    let waits = |name: &str| {
        let arguments =
            ["tail", &format!("{server}?queue={name}&peek=true"), "--to", "now", "--format", "json"];
        let (code, out, error) = run(directory, &arguments);
        assert_eq!(code, Some(0), "{error}");
        out.lines().count()
    };
    let deadline = Instant::now() + PATIENCE;
    while waits("redrive.dead") < 5 {
        assert!(Instant::now() < deadline, "the broker moves what was rejected");
    }
    let plan = redrive(directory, 0, &[&dead, "--dry-run"]);
    assert_eq!(plan["by_origin"], json!([{ "origin": "redrive.work", "reason": "rejected", "events": 5 }]));
    assert_eq!(waits("redrive.dead"), 5, "a plan takes nothing");
    what_is_not_there(directory, &server, &dead);
    let some = redrive(directory, 0, &[&dead, "--first", "2"]);
    assert_eq!((&some["counts"]["redriven"], &some["unread"]), (&json!(2), &json!(3)), "{some}");
    assert_eq!((waits("redrive.dead"), waits("redrive.work"), waits("redrive.other")), (3, 2, 5));
    let chosen = redrive(directory, 0, &[&dead, "--filter", ".payload != 3", "--back-to", "exchange"]);
    assert_eq!(
        (&chosen["counts"]["redriven"], &chosen["counts"]["not_chosen"]),
        (&json!(2), &json!(1)),
        "{chosen}"
    );
    assert_eq!((waits("redrive.dead"), waits("redrive.work"), waits("redrive.other")), (1, 4, 7));
    // It dies again, and comes back with its count.
    let rejected = node.manage("POST", "queues/%2F/redrive.work/get", reject).await;
    assert_eq!(rejected.as_array().map(Vec::len), Some(4), "{rejected}");
    while waits("redrive.dead") < 5 {
        assert!(Instant::now() < deadline, "the broker moves what was rejected");
    }
    let left = redrive(directory, 1, &[&dead, "--max-redrives", "1"]);
    assert_eq!(
        (&left["counts"]["redriven"], &left["counts"]["sent_back_too_often"]),
        (&json!(1), &json!(4)),
        "{left}"
    );
    assert_eq!((waits("redrive.dead"), waits("redrive.work")), (4, 1));
}

/// A plan asks for queue and exchange before anything goes there.
fn what_is_not_there(directory: &Path, server: &str, dead: &str) {
    assert_eq!(redrive(directory, 0, &[dead, "--dry-run"])["findings"], json!([]));
    let missing = |arguments: &[&str], name: &str, word: &str| {
        let plan = redrive(directory, 1, &[&["--dry-run"], arguments].concat());
        let findings = plan["findings"].as_array().expect("a list");
        let found = findings.iter().any(|finding| {
            finding["name"] == name && finding["message"].as_str().is_some_and(|text| text.contains(word))
        });
        assert!(found, "{plan}");
    };
    missing(&[dead, "--map", r#".channel = "redrive.gone""#], "channel-missing", "redrive.gone");
    missing(&[dead, "--to", &format!("{server}?queue=redrive.gone")], "takes-nothing", "redrive.gone");
    let through = json!([["dead-letter-address", "orders.new"], ["dead-letter-exchange", "redrive-gone"]]);
    let line = json!({ "t": 1, "src": "any", "v": "x", "h": through });
    std::fs::write(directory.join("through.ndjson"), format!("{line}\n")).expect("written");
    missing(&["through.ndjson", "--to", server], "takes-nothing", "redrive-gone");
    let (code, out, error) = run(directory, &["redrive", dead, "--map", r#".channel = "redrive.gone""#]);
    let stopped = error.contains("nothing was sent: channel-missing") && error.contains("redrive.gone");
    assert!(code == Some(1) && out.is_empty() && stopped, "{out} {error}");
    // All go to one place, whatever exchange they came through.
    redrive(directory, 0, &["through.ndjson", "--to", &format!("{server}?queue=redrive.dead"), "--dry-run"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_jetstream_are_acknowledged_one_by_one() {
    let Some(server) = nats(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let client = async_nats::connect(format!("nats://127.0.0.1:{}", server.port)).await.expect("a client");
    let context = async_nats::jetstream::new(client);
    for (name, subject) in [("SHOP", "shop.>"), ("DEAD", "dead.>")] {
        let config = async_nats::jetstream::stream::Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            ..Default::default()
        };
        context.create_stream(config).await.expect("a stream");
    }
    let url = format!("jetstream+nats://127.0.0.1:{}", server.port);
    let of = |address: &str| json!([["dead-letter-address", address], ["dead-letter-reason", "slow"]]);
    let mut letters = vec![json!({ "t": 1, "src": "dead.x", "v": "stranger" })];
    for number in 0..300 {
        letters.push(json!({ "t": 1, "src": "dead.x", "v": number.to_string(), "h": of("shop.orders") }));
    }
    put(directory, &url, &letters);
    let dead = format!("{url}/DEAD");
    let plan = redrive(directory, 1, &[&dead, "--dry-run"]);
    assert_eq!(plan["counts"]["redriven"], 300, "{plan}");
    let done = redrive(directory, 1, &[&dead]);
    assert_eq!(
        (&done["counts"]["redriven"], &done["counts"]["without_origin"]),
        (&json!(300), &json!(1)),
        "{done}"
    );
    let arrived = all_of(directory, &format!("{url}/SHOP"));
    let numbers: Vec<String> = (0..300).map(|number: u32| number.to_string()).collect();
    assert_eq!(payloads(&arrived), numbers, "each once, in order");
    // What was left is offered again at once, and nothing else.
    let to = format!("{url}/shop.strangers");
    let last = redrive(directory, 0, &[&dead, "--to", &to]);
    assert_eq!((&last["counts"]["read"], &last["counts"]["redriven"]), (&json!(1), &json!(1)), "{last}");
    assert_eq!(redrive(directory, 0, &[&dead])["counts"]["read"], 0);
}

#[test]
fn a_redrive_that_is_killed_loses_nothing_and_repeats_little() {
    let Some(server) = redis(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let url = format!("redis://127.0.0.1:{}", server.port);
    let events = 20_000;
    let mut lines = String::new();
    for number in 0..events {
        let headers = json!([["dead-letter-address", "orders"]]);
        writeln!(lines, "{}", json!({ "t": 1, "src": "orders:dead", "v": number.to_string(), "h": headers }))
            .expect("text");
    }
    std::fs::write(directory.join("dead.ndjson"), lines).expect("written");
    let dead = format!("{url}/orders:dead");
    let (code, _, error) = run(directory, &["inject", &dead, "dead.ndjson", "--events"]);
    assert_eq!(code, Some(0), "{error}");
    let client = redis::Client::open(url.clone()).expect("an address");
    let mut other = client.get_connection().expect("connected");
    let mut arrived = || redis::cmd("XLEN").arg("orders").query::<u64>(&mut other).expect("a length");
    let deadline = Instant::now() + PATIENCE;
    let kills = 4;
    for kill in 1..=kills {
        let mut child = eddy(directory, &["redrive", &dead, "--rate", "10000/s"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("eddy starts");
        while arrived() < kill * events / 10 {
            assert!(Instant::now() < deadline, "{} arrived", arrived());
        }
        child.kill().expect("killed");
        child.wait().expect("a child");
    }
    let done = redrive(directory, 0, &[&dead]);
    assert!(done["counts"]["redriven"].as_u64().is_some_and(|rest| rest > 0), "{done}");
    assert_eq!(redrive(directory, 0, &[&dead])["counts"]["read"], 0);
    let all = all_of(directory, &format!("{url}/orders"));
    let mut numbers: Vec<u64> = payloads(&all).iter().map(|text| text.parse().expect("a number")).collect();
    let repeated = numbers.len() as u64 - events;
    // At most the batch that was under way goes again.
    assert!(repeated <= kills * 512, "{repeated}");
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len() as u64, events);
}

#[test]
fn what_keeps_nothing_and_what_has_no_server_are_refused_with_a_way_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    std::fs::write(
        directory.join("dead.ndjson"),
        letter("1", &json!([["dead-letter-address", "a"]])).to_string() + "\n",
    )
    .expect("written");
    for (arguments, words) in [
        (&["redrive", "mqtt://127.0.0.1:1/dead"][..], "eddy record"),
        (&["redrive", "dead.ndjson"], "--to"),
        (&["redrive", "dead.ndjson", "--to", "memory:x", "--quarantine", "dead.ndjson"], "already there"),
        (&["redrive", "dead.ndjson", "--to", "memory:x", "--quarantine", "nats://127.0.0.1:1"], "channel"),
    ] {
        let (code, _, error) = run(directory, arguments);
        assert!(code == Some(2) && error.contains(words), "{arguments:?}: {error}");
    }
    let done = redrive(directory, 0, &["dead.ndjson", "--to", "back.eddy.ndjson.zst"]);
    assert_eq!(done["counts"]["redriven"], 1, "{done}");
    assert_eq!(all_of(directory, "back.eddy.ndjson.zst")[0]["src"], "a");
}
