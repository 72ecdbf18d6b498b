//! `eddy validate --events URL` on real brokers: it reads what it is asked to, ends when it should, and leaves nothing.

#![cfg(all(unix, feature = "mqtt", feature = "nats"))]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use support::servers::{self, Server};

const CONTRACT: &str = "asyncapi: 3.0.0
info: {title: Shop, version: 1.0.0}
channels:
  orders: {address: shop/orders, messages: {placed: {$ref: '#/components/messages/placed'}}}
  subjects: {address: shop.orders, messages: {placed: {$ref: '#/components/messages/placed'}}}
components:
  messages:
    placed:
      payload: {type: object, required: [number], properties: {number: {type: integer, maximum: 89}}}
";

/// A directory with the contract and events numbered from 0, of which the last ten break it.
fn playground(channel: &str, count: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("shop.yaml"), CONTRACT).expect("written");
    let line = |number: usize| format!("{{\"src\":\"{channel}\",\"v\":\"{{\\\"number\\\":{number}}}\"}}\n");
    let text: String = (0..count).map(line).collect();
    std::fs::write(directory.path().join("events.ndjson"), text).expect("written");
    directory
}

fn eddy(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    command
}

/// What came of a run: its exit code, and what it said about the events.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    report: serde_json::Value,
    talk: String,
}

impl Ended {
    fn new(code: Option<i32>, stdout: &[u8], talk: String) -> Self {
        let report = serde_json::from_slice(stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{talk}", String::from_utf8_lossy(stdout)));
        Self { code, report, talk }
    }

    /// Events checked, and events with findings.
    fn counts(&self) -> (u64, u64) {
        let events = &self.report["events"];
        (events["events"].as_u64().expect("a count"), events["faulty"].as_u64().expect("a count"))
    }
}

fn validate(directory: &Path, url: &str, more: &[&str]) -> Ended {
    let arguments = [&["validate", "shop.yaml", "--format", "json", "--events", url], more].concat();
    let output = eddy(directory, &arguments).output().expect("eddy runs");
    Ended::new(output.status.code(), &output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A run in the background that has said it is listening.
struct Listening {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Listening {
    fn start(directory: &Path, url: &str, more: &[&str]) -> Self {
        let arguments = [&["validate", "shop.yaml", "--format", "json", "--events", url], more].concat();
        let mut command = eddy(directory, &arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("eddy starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("stderr");
        assert!(line.starts_with("listening to"), "{line}");
        Self { child, stderr }
    }

    fn interrupt(&self) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        let id = rustix::process::Pid::from_raw(id).expect("a process id");
        rustix::process::kill_process(id, rustix::process::Signal::INT).expect("a signal");
    }

    fn ended(mut self) -> Ended {
        let (mut stdout, mut talk) = (Vec::new(), String::new());
        self.child.stdout.take().expect("piped").read_to_end(&mut stdout).expect("stdout");
        self.stderr.read_to_string(&mut talk).expect("stderr");
        Ended::new(self.child.wait().expect("a child").code(), &stdout, talk)
    }
}

fn inject(directory: &Path, url: &str) {
    let output = eddy(directory, &["inject", url, "events.ndjson", "--events", "--no-validate"]).output();
    let output = output.expect("eddy runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn so_many_events_of_a_topic_are_checked() {
    let Some(server) = servers::mosquitto(&[]) else { return };
    let directory = playground("shop/orders", 100);
    let url = format!("mqtt://127.0.0.1:{}", server.port);
    let running = Listening::start(directory.path(), &format!("{url}/shop/#"), &["-n", "95"]);
    inject(directory.path(), &url);
    let ended = running.ended();
    assert_eq!((ended.code, ended.counts()), (Some(1), (95, 5)), "{ended:?}");
    let first = &ended.report["diagnostics"][0];
    assert_eq!((&first["code"], &first["range"]["start"]["line"]), (&"ED5002".into(), &91.into()), "{first}");
}

#[test]
fn a_topic_is_followed_until_the_interruption() {
    let Some(server) = servers::mosquitto(&[]) else { return };
    let directory = playground("shop/orders", 100);
    let url = format!("mqtt://127.0.0.1:{}", server.port);
    let running = Listening::start(directory.path(), &format!("{url}/shop/#"), &["--follow"]);
    // Read as well by one that ends by itself: what it has had, the follower has been sent before or with it.
    let witness = Listening::start(directory.path(), &format!("{url}/shop/#"), &["-n", "100"]);
    inject(directory.path(), &url);
    assert_eq!(witness.ended().counts(), (100, 10));
    running.interrupt();
    let ended = running.ended();
    let (checked, faulty) = ended.counts();
    // Ctrl-C is how it is meant to end: its findings decide, as at any other end.
    assert_eq!(ended.code, Some(i32::from(faulty > 0)), "{ended:?}");
    assert!(checked <= 100 && faulty == checked.saturating_sub(90), "{ended:?}");
}

#[test]
fn a_quiet_topic_is_left_when_the_time_is_over() {
    let Some(server) = servers::mosquitto(&[]) else { return };
    let directory = playground("shop/orders", 0);
    let url = format!("mqtt://127.0.0.1:{}/shop/#", server.port);
    let ended = validate(directory.path(), &url, &["--for", "300ms"]);
    assert_eq!((ended.code, ended.counts()), (Some(0), (0, 0)), "{ended:?}");
    assert!(ended.talk.contains("0 events checked"), "{}", ended.talk);
}

/// Asks the server itself: the names of all consumers of the stream, and how many events it keeps.
fn observed(server: &Server) -> (Vec<String>, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = async_nats::connect(format!("127.0.0.1:{}", server.port)).await.expect("connected");
        let context = async_nats::jetstream::new(client);
        let mut stream = context.get_stream("ORDERS").await.expect("a stream");
        let mut names = Vec::new();
        let mut listed = stream.consumer_names();
        while let Some(name) = futures_util::StreamExt::next(&mut listed).await {
            names.push(name.expect("a name"));
        }
        let kept = stream.info().await.expect("told").state.messages;
        (names, kept)
    })
}

fn make_stream(server: &Server) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = async_nats::connect(format!("127.0.0.1:{}", server.port)).await.expect("connected");
        let config = async_nats::jetstream::stream::Config {
            name: "ORDERS".to_owned(),
            subjects: vec!["shop.>".to_owned()],
            ..Default::default()
        };
        async_nats::jetstream::new(client).create_stream(config).await.expect("a stream");
    });
}

#[test]
fn a_stream_is_read_from_its_end_and_nothing_is_left_behind() {
    let Some(server) = servers::nats(&[]) else { return };
    make_stream(&server);
    let directory = playground("shop.orders", 100);
    inject(directory.path(), &format!("jetstream+nats://127.0.0.1:{}/shop.orders", server.port));
    let url = format!("jetstream+nats://127.0.0.1:{}/ORDERS", server.port);
    let last = validate(directory.path(), &url, &["-n", "20"]);
    assert_eq!((last.code, last.counts()), (Some(1), (20, 10)), "{last:?}");
    let all = validate(directory.path(), &url, &[]);
    assert_eq!((all.code, all.counts()), (Some(1), (100, 10)), "{all:?}");
    let more = validate(directory.path(), &url, &["-n", "500"]);
    assert_eq!(more.counts(), (100, 10), "{more:?}");

    let first = validate(directory.path(), &url, &["--fail-fast"]);
    assert_eq!((first.code, first.counts().1), (Some(1), 1), "{first:?}");
    assert_eq!(observed(&server), (Vec::new(), 100), "who stops at the first finding says goodbye too");

    let running = Listening::start(directory.path(), &url, &["--follow"]);
    running.interrupt();
    let ended = running.ended();
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
    assert_eq!(observed(&server), (Vec::new(), 100), "consumers and events kept by the stream");
}

#[test]
fn a_subject_is_checked_for_a_time() {
    let Some(server) = servers::nats(&[]) else { return };
    let directory = playground("shop.orders", 100);
    let url = format!("nats://127.0.0.1:{}", server.port);
    let running = Listening::start(directory.path(), &format!("{url}/shop.>"), &["-n", "100"]);
    inject(directory.path(), &url);
    let ended = running.ended();
    assert_eq!((ended.code, ended.counts()), (Some(1), (100, 10)), "{ended:?}");
}

#[test]
fn a_server_that_is_away_is_waited_for() {
    let directory = playground("shop/orders", 0);
    let validate = |more: &[&str]| {
        let output = eddy(directory.path(), &[&["validate", "shop.yaml"], more].concat()).output();
        let output = output.expect("eddy runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let url = format!("mqtt://127.0.0.1:{}/shop/#", servers::free_port());
    let (code, talk) = validate(&["--events", &url, "-n", "1", "--connect-timeout", "300ms"]);
    assert!(code == Some(3) && talk.contains("gave up after"), "{code:?}: {talk}");
    for more in [&["--connect-timeout", "1s"][..], &["--events", "events.ndjson", "--connect-timeout", "1s"]]
    {
        let (code, talk) = validate(more);
        assert!(code == Some(2) && talk.contains("for live channels"), "{code:?}: {talk}");
    }
}
