//! Before the first event the target is asked about itself, and what it says stops a run that could not end well.

use std::path::Path;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use serde_json::Value;

use super::run;
use super::support::{kafka, servers};

/// Two events, the second of which is 2,000 bytes; both carry a time of their own, long ago.
fn write_events(directory: &Path, channel: &str) {
    let long = "x".repeat(2_000);
    let event = |time: u64, payload: &str| {
        format!(r#"{{"t":{time},"src":"{channel}","part":4,"ts":{time},"tst":"create","v":"{payload}"}}"#)
    };
    let text = [event(1_700_000_000_000_000, "a"), event(1_700_000_001_000_000, &long)].join("\n");
    std::fs::write(directory.join("events.ndjson"), text + "\n").expect("written");
}

/// Exit code, names of findings with their severities, and the whole plan.
fn planned(directory: &Path, target: &str) -> (Option<i32>, Vec<String>, Value) {
    let arguments =
        ["replay", "events.ndjson", "--to", target, "--loss", "allow", "--dry-run", "--format", "json"];
    let (code, plan, error) = run(directory, &arguments);
    let plan: Value = serde_json::from_str(&plan).unwrap_or_else(|_| panic!("{error}"));
    let findings = plan["findings"].as_array().expect("findings").iter();
    let mut names: Vec<String> = findings
        .map(|finding| {
            format!(
                "{} {}",
                finding["severity"].as_str().unwrap_or(""),
                finding["name"].as_str().unwrap_or("")
            )
        })
        .collect();
    names.sort();
    (code, names, plan)
}

/// A run says what is missing with the next step, and goes on; with that step taken it says nothing.
fn says_what_to_do_about_partitions(directory: &Path, target: &str) {
    for (how, told) in [("keep", true), ("key", false), ("2", false)] {
        let arguments = ["replay", "events.ndjson", "--to", target, "--speed", "max", "--repartition", how];
        let (code, _, error) = run(directory, &arguments);
        assert_eq!(code, Some(0), "{error}");
        let warning = "warning: fewer-partitions: `preflight.forever` has 2 partitions, and events are for partition 4: those for \
                       partitions it does not have are placed by their keys";
        assert_eq!(error.contains(warning), told, "{how}: {error}");
        assert_eq!(error.contains("help: `--repartition key`"), told, "{how}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_tells_what_it_would_refuse_and_what_it_would_not_keep() {
    let Some(server) = kafka::shared() else { return };
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", format!("127.0.0.1:{}", server.port));
    let admin: AdminClient<_> = config.create().expect("a client");
    let topic = |name| NewTopic::new(name, 2, TopicReplication::Fixed(1));
    let topics = [
        topic("preflight.small").set("max.message.bytes", "1000").set("retention.ms", "604800000"),
        topic("preflight.young")
            .set("message.timestamp.before.max.ms", "60000")
            .set("message.timestamp.after.max.ms", "500")
            .set("retention.ms", "604800000"),
        topic("preflight.forever").set("retention.ms", "-1"),
        topic("preflight.narrow").set("max.message.bytes", "5000"),
    ];
    let made = admin.create_topics(&topics, &AdminOptions::new()).await.expect("an answer");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    super::wait_for_leaders(&admin, &topics.each_ref().map(|topic| topic.name), 2);

    let directory = tempfile::tempdir().expect("a directory");
    write_events(directory.path(), "orders");
    let url = |topic: &str| format!("kafka://127.0.0.1:{}/{topic}", server.port);
    for (topic, code, expected) in [
        (
            "preflight.small",
            1,
            &["error too-large", "warning fewer-partitions", "warning older-than-kept"][..],
        ),
        (
            "preflight.young",
            1,
            &["error time-refused", "warning fewer-partitions", "warning older-than-kept"][..],
        ),
        ("preflight.forever", 0, &["warning fewer-partitions"][..]),
        // Where the address says where events go, it does not matter where they were recorded.
        ("preflight.forever?partitioner=murmur2", 0, &[][..]),
        ("preflight.forever?partition=1", 0, &[][..]),
        ("preflight.none", 1, &["error channel-missing"][..]),
    ] {
        let (found, names, plan) = planned(directory.path(), &url(topic));
        assert_eq!(
            (found, names.iter().map(String::as_str).collect::<Vec<_>>()),
            (Some(code), expected.to_vec()),
            "{plan}"
        );
        assert!(plan["identity"]["cluster"].is_string(), "{plan}");
    }
    says_what_to_do_about_partitions(directory.path(), &url("preflight.forever"));
    // A run is stopped by the same, and nothing arrives.
    let (code, _, error) =
        run(directory.path(), &["replay", "events.ndjson", "--to", &url("preflight.small")]);
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains("nothing was sent: too-large: `preflight.small` takes events of up to 928 bytes"),
        "{error}"
    );
    let watermarks = admin.inner().fetch_watermarks("preflight.small", 0, Duration::from_secs(10));
    assert_eq!(watermarks.expect("an answer"), (0, 0));
    carries_no_time_before_1970(directory.path(), &url("preflight.forever"));
    judges_times_as_they_are_moved(directory.path(), &url("preflight.young"));
    refuses_the_large_one_alone(directory.path(), &url("preflight.small"));
    can_be_made_by_a_run_with_a_ledger(directory.path(), &url("preflight.made?create"));
    fits_together_into_a_narrow_topic(directory.path(), &url("preflight.narrow"));
}

/// The plan and the run say it before the first event, not when its turn has come; the run sends it without its time.
fn carries_no_time_before_1970(directory: &Path, target: &str) {
    let line =
        |time: i64| format!("{{\"t\":1,\"src\":\"orders\",\"ts\":{time},\"tst\":\"create\",\"v\":\"x\"}}\n");
    let lines = [1_700_000_000_000_000, -5_000_000].map(line).concat();
    std::fs::write(directory.join("old.ndjson"), lines).expect("written");
    let replay = ["replay", "old.ndjson", "--to", target, "--speed", "max"];
    let told = "`preflight.forever` takes no event of before 1970-01-01T00:00:00.001000Z, and the oldest is of 1969-12-31T23:59:55";
    let (code, plan, error) = run(directory, &[&replay[..], &["--dry-run"]].concat());
    assert!(code == Some(1) && plan.contains(&format!("time-refused: {told}")), "{plan}{error}");
    let (code, _, error) = run(directory, &replay);
    assert!(code == Some(1) && error.contains(&format!("nothing was sent: time-refused: {told}")), "{error}");
    let (code, _, error) = run(directory, &[&replay[..], &["--map", ".broker_time = null"]].concat());
    assert_eq!(code, Some(0), "{error}");
}

/// Old events become as new as the topic wants them, and it is neither refused nor warned of; the second is a second later, for
/// which a run in a hurry does not wait.
fn judges_times_as_they_are_moved(directory: &Path, target: &str) {
    let replay = ["replay", "events.ndjson", "--to", target, "--repartition", "key"];
    let (code, _, error) = run(directory, &[&replay[..], &["--speed", "max"]].concat());
    let help = "give events new times with `--retime now` or `--retime shift`";
    assert!(code == Some(1) && error.contains("time-refused") && error.contains(help), "{error}");
    let shifted = [&replay[..], &["--retime", "shift"]].concat();
    let (code, plan, error) = run(directory, &[&shifted[..], &["--dry-run"]].concat());
    assert!(
        code == Some(0) && !plan.contains("time-refused") && !plan.contains("older-than"),
        "{plan}{error}"
    );
    let (code, _, error) = run(directory, &shifted);
    assert!(code == Some(0) && !error.contains("older-than-kept"), "{error}");
    let (code, _, error) = run(directory, &[&shifted[..], &["--speed", "max"]].concat());
    assert!(code == Some(1) && error.contains("ahead of its clock"), "{error}");
}

/// What goes together has no more than the topic takes.
fn fits_together_into_a_narrow_topic(directory: &Path, target: &str) {
    let line = |number| {
        format!("{{\"n\":{number},\"t\":{number},\"src\":\"orders\",\"v\":\"{}\"}}\n", "x".repeat(300))
    };
    std::fs::write(directory.join("many.ndjson"), (1..=3000).map(line).collect::<String>()).expect("written");
    for delivery in ["at-least-once", "exactly-once"] {
        let ledger = format!("{delivery}.ledger");
        let arguments = [
            "replay",
            "many.ndjson",
            "--to",
            target,
            "--speed",
            "max",
            "--delivery",
            delivery,
            "--ledger",
            &ledger,
        ];
        let (code, _, error) = run(directory, &arguments);
        assert_eq!(code, Some(0), "{delivery}: {error}");
    }
}

/// A run that goes all the same, also in transactions: the refusal ends the first one.
fn refuses_the_large_one_alone(directory: &Path, target: &str) {
    let unwise = ["replay", "events.ndjson", "--to", target, "--preflight", "warn", "--speed", "max"];
    let (code, _, error) = run(directory, &unwise);
    assert_eq!(code, Some(1), "the broker refuses the large one: {error}");
    assert!(error.contains("were not delivered") && error.contains("larger than the topic"), "{error}");
    let begun = Instant::now();
    let once = [&unwise[..], &["--delivery", "exactly-once", "--ledger", "unwise.ledger"]].concat();
    let (code, _, error) = run(directory, &once);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("were not delivered") && error.contains("larger than the topic"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(60), "the refusal ends the transaction");
}

/// It has nothing before the run, and so can be read back.
fn can_be_made_by_a_run_with_a_ledger(directory: &Path, target: &str) {
    let arguments = ["replay", "events.ndjson", "--to", target, "--ledger", "made.ledger", "--speed", "max"];
    let (code, _, error) = run(directory, &arguments);
    assert_eq!(code, Some(0), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jetstream_tells_what_it_has_no_room_for_and_what_we_may_not_send() {
    let lines = "jetstream { store_dir: STORE }\nmax_payload: 1500\nauthorization { users: [\
        { user: all, password: all }, { user: some, password: some, permissions: { publish: { deny: [\"shop.secret\"] } } }] }\n";
    let store = tempfile::tempdir().expect("a directory");
    let lines = lines.replace("STORE", &format!("\"{}\"", store.path().display()));
    let Some(server) = servers::nats_configured(&lines) else { return };
    let login = async_nats::ConnectOptions::with_user_and_password("all".to_owned(), "all".to_owned());
    let client = login.connect(format!("nats://127.0.0.1:{}", server.port)).await.expect("a client");
    let config = async_nats::jetstream::stream::Config {
        name: "SHOP".to_owned(),
        subjects: vec!["shop.>".to_owned()],
        max_messages: 1,
        discard: async_nats::jetstream::stream::DiscardPolicy::New,
        ..Default::default()
    };
    async_nats::jetstream::new(client).create_stream(config).await.expect("a stream");
    let directory = tempfile::tempdir().expect("a directory");
    for (user, channel, expected) in [
        ("all", "shop.orders", &["error no-room", "error too-large"][..]),
        ("some", "shop.secret", &["error no-room", "error not-allowed", "error too-large"][..]),
        ("all", "stock", &["error takes-nothing"][..]),
    ] {
        write_events(directory.path(), channel);
        let url = format!("jetstream+nats://{user}:{user}@127.0.0.1:{}", server.port);
        let (code, names, plan) = planned(directory.path(), &url);
        assert_eq!(
            (code, names.iter().map(String::as_str).collect::<Vec<_>>()),
            (Some(1), expected.to_vec()),
            "{plan}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_the_recording_is_the_same_place_under_another_of_its_subjects() {
    let store = tempfile::tempdir().expect("a directory");
    let lines = format!("server_name: one\njetstream {{ store_dir: \"{}\" }}\n", store.path().display());
    let Some(server) = servers::nats_configured(&lines) else { return };
    let client = async_nats::connect(format!("nats://127.0.0.1:{}", server.port)).await.expect("a client");
    let context = async_nats::jetstream::new(client);
    for (name, subjects) in [("SHOP", ["shop.>", "copy.shop"]), ("OTHER", ["other.>", "spare"])] {
        let subjects = subjects.map(str::to_owned).to_vec();
        let config =
            async_nats::jetstream::stream::Config { name: name.to_owned(), subjects, ..Default::default() };
        context.create_stream(config).await.expect("a stream");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let url = |path: &str| format!("jetstream+nats://127.0.0.1:{}/{path}", server.port);
    let inject = ["inject", &url("shop.orders"), "--data", "first"];
    assert_eq!(run(directory, &inject).0, Some(0));
    let record = ["record", &url("SHOP"), "--from", "start", "--to", "now", "--output", "a.eddy.ndjson.zst"];
    let (code, _, error) = run(directory, &record);
    assert_eq!(code, Some(0), "{error}");
    let plain = |subject: &str| format!("nats://localhost:{}/{subject}", server.port);
    for (target, words) in [
        (url("copy.shop"), "same-place"),
        (plain("copy.shop"), "of the stream `SHOP`, which also keeps `copy.shop`"),
    ] {
        let (code, _, error) = run(directory, &["replay", "a.eddy.ndjson.zst", "--to", &target]);
        assert!(code == Some(2) && error.contains(words), "{error}");
        let meant = ["replay", "a.eddy.ndjson.zst", "--to", &target, "--in-place"];
        let (code, _, error) = run(directory, &meant);
        assert_eq!(code, Some(0), "{error}");
    }
    let (code, _, error) = run(directory, &["replay", "a.eddy.ndjson.zst", "--to", &plain("spare")]);
    assert_eq!(code, Some(0), "{error}");
}

/// Text of a workspace with one protected server.
fn workspace(url: &str) -> String {
    format!("version: 1\nenvironments:\n  prod:\n    protected: true\n    servers:\n      main: {url}\n")
}

#[test]
fn a_protected_server_is_known_by_its_other_names_and_stops_a_plan_too() {
    let Some(server) = super::support::redis::redis(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    write_events(directory, "shop");
    std::fs::write(directory.join("eddy.yaml"), workspace(&format!("redis://LocalHost:{}", server.port)))
        .expect("written");
    let target = format!("redis://127.0.0.1:{}/shop", server.port);
    let replay = |flags: &[&str]| {
        run(directory, &[&["replay", "events.ndjson", "--to", &target, "--loss", "allow"], flags].concat())
    };
    let (code, _, error) = replay(&[]);
    assert!(code == Some(2) && error.contains("`--confirm prod`"), "{error}");
    let (code, plan, error) = replay(&["--dry-run"]);
    assert!(code == Some(1) && plan.contains("--confirm prod"), "{plan} {error}");
    let (code, plan, error) = replay(&["--dry-run", "--confirm", "prod"]);
    assert_eq!(code, Some(0), "{plan} {error}");
    let (code, _, error) = run(directory, &["inject", &target, "--data", "x"]);
    assert!(code == Some(2) && error.contains("`--confirm prod`"), "{error}");
    let flags =
        ["--confirm", "prod", "--speed", "max", "--no-mark", "--max-events", "9", "--preflight", "warn"];
    let (code, _, error) = replay(&flags);
    assert_eq!(code, Some(0), "{error}");
    let audit = std::fs::read_to_string(directory.join("audit.ndjson")).expect("read");
    let begun: Value = serde_json::from_str(audit.lines().next().expect("a line")).expect("JSON");
    for (flag, value) in
        [("confirm", "prod"), ("loss", "allow"), ("max-events", "9"), ("preflight", "warn"), ("speed", "max")]
    {
        assert_eq!(begun["options"][flag][0], value, "{begun}");
    }
    assert_eq!(begun["options"]["no-mark"][0], true, "{begun}");
}

#[test]
fn names_that_no_event_has_are_said_and_a_trimmed_stream_has_room() {
    let Some(server) = super::support::redis::redis(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    write_events(directory, "shop");
    let target = format!("redis://127.0.0.1:{}?maxlen=1", server.port);
    let names = ["--map-channel", "shpo=b", "--drop-header", "customr"];
    let arguments = ["replay", "events.ndjson", "--to", &target, "--loss", "allow", "--speed", "max"];
    let (code, _, error) = run(directory, &[&arguments[..], &names].concat());
    assert_eq!(code, Some(0), "{error}");
    for words in [
        "`--map-channel shpo=…`: no event is of that channel",
        "did you mean `shop`?",
        "`--drop-header customr`: no event has that header",
        "`shop` keeps 1 of the 2 events that are to be sent to it: it drops the oldest",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

/// An entry of a stream, recorded under this id.
fn entry(id: &str) -> String {
    format!("{{\"t\":1700000000000000,\"src\":\"shop\",\"v\":\"x\",\"m\":{{\"id\":\"{id}\"}}}}\n")
}

#[test]
fn ids_that_a_stream_has_passed_stop_a_run_that_keeps_them() {
    let Some(server) = super::support::redis::redis(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    std::fs::write(directory.join("a.ndjson"), [entry("5-1"), entry("5-2"), entry("7-0")].concat())
        .expect("written");
    let target = format!("redis://127.0.0.1:{}?id=keep", server.port);
    let replay = ["replay", "a.ndjson", "--to", &target, "--speed", "max"];
    let with = |more: &[&str]| run(directory, &[&replay[..], more].concat());
    let (code, _, error) = with(&["--ledger", "first"]);
    assert_eq!(code, Some(0), "{error}");
    let told = "id-refused: `shop` takes only ids after 7-0, its last one, and the lowest to be sent is 5-1";
    let (code, plan, error) = with(&["--dry-run"]);
    assert!(code == Some(1) && plan.contains(told), "{plan}{error}");
    let (code, _, error) = with(&["--ledger", "second"]);
    assert!(code == Some(1) && error.contains(&format!("nothing was sent: {told}")), "{error}");
    // A run that goes on finds its own.
    let (code, _, error) = with(&["--ledger", "first", "--resume"]);
    assert!(code == Some(0) && !error.contains("id-refused"), "{error}");
    // What moves to the present lies behind all of them.
    let (code, _, error) = with(&["--retime", "shift"]);
    assert_eq!(code, Some(0), "{error}");
    let (code, plan, error) = with(&["--preflight", "off", "--dry-run"]);
    assert!(code == Some(0) && !plan.contains("id-refused"), "{plan}{error}");
    let elsewhere = format!("redis://127.0.0.1:{}/other?id=keep", server.port);
    let (code, _, error) = run(directory, &["replay", "a.ndjson", "--to", &elsewhere, "--no-mark"]);
    assert_eq!(code, Some(0), "{error}");
    let (code, _, error) = run(directory, &["replay", "a.ndjson", "--to", &elsewhere, "--no-mark"]);
    assert!(code == Some(0) && error.contains("warning: id-refused"), "the same events again: {error}");
}
