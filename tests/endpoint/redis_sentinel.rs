//! Redis Streams by way of Sentinels: the master is found, and found again when it is another.

use std::time::{Duration, Instant};

use eddy::endpoint::open::{open_sink, open_source, probe};
use eddy::endpoint::{Address, EndpointErrorKind, SinkOptions, SourceOptions, Start, Stop};
use eddy::event::Event;

use super::conformance::{address, collect, deliver, sink, source};
use super::support::redis::{redis, sentinel};
use super::support::servers::free_port;

fn from_the_beginning() -> SourceOptions {
    SourceOptions { start: Start::Beginning, stop: Stop::PresentEnd, ..SourceOptions::default() }
}

/// Asks the server on this port one thing.
fn asked(port: u16, words: &[&str]) -> redis::Value {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("an address");
    let mut connection = client.get_connection().expect("connected");
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query(&mut connection).unwrap_or_else(|error| panic!("{error}"))
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_is_found_and_found_again() {
    let Some(mut master) = redis(&[]) else { return };
    let port = master.port.to_string();
    let Some(replica) = redis(&["--replicaof", "127.0.0.1", &port]) else { return };
    let Some(watcher) = sentinel(master.port, &[]) else { return };
    let says = |port: u16, words: &[&str], wanted: &str| format!("{:?}", asked(port, words)).contains(wanted);
    wait_until("the replica copies", || {
        says(replica.port, &["INFO", "replication"], "master_link_status:up")
    });
    wait_until("the Sentinel knows the replica", || {
        says(watcher.port, &["SENTINEL", "replicas", "shop"], &replica.port.to_string())
    });
    // The first Sentinel is away.
    let url = format!("redis://127.0.0.1:{},127.0.0.1:{}/orders?sentinel=shop", free_port(), watcher.port);
    deliver(&mut sink(&url).await, &[Event::new("", "1")]).await;
    assert!(format!("{:?}", asked(master.port, &["XLEN", "orders"])).contains('1'));
    wait_until("the replica has it", || says(replica.port, &["XLEN", "orders"], "1"));
    let report = probe(&address(&url), None, Duration::from_secs(20)).await;
    let role = report.facts.iter().find(|fact| fact.name == "role").map(|fact| fact.value.as_str());
    assert_eq!((role, report.problems.len()), (Some("master"), 0), "{report:?}");
    master.stop();
    let mut sent = false;
    let deadline = Instant::now() + Duration::from_secs(90);
    while !sent {
        assert!(Instant::now() < deadline, "another becomes master");
        let opened = open_sink(&address(&url), &SinkOptions::default()).await;
        if let Err(error) = &opened {
            assert!(error.retryable(), "it is tried again: {error:?}");
        }
        if let Ok(mut sink) = opened {
            sent = sink.send(&[Event::new("", "2")]).await.await[0].outcome.is_ok();
        }
    }
    let mut reader = source(&url, from_the_beginning()).await;
    let events = collect(&mut reader, 2).await;
    assert_eq!(events[1].payload.as_deref(), Some(&b"2"[..]), "{events:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_run_with_a_ledger_is_gone_on_with() {
    let Some(master) = redis(&[]) else { return };
    let Some(watcher) = sentinel(master.port, &[]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let lines: String = (0..5000).map(|at| format!("{{\"src\":\"ledger\",\"v\":\"{at}\"}}\n")).collect();
    let (events, ledger) = (folder.path().join("events.ndjson"), folder.path().join("ledger"));
    std::fs::write(&events, lines).expect("written");
    let url = format!("redis://127.0.0.1:{}/ledger?sentinel=shop", watcher.port);
    let replay = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eddy"));
        command.arg("replay").arg(&events).args(["--to", &url, "-q", "--ledger"]).arg(&ledger).args(more);
        command
    };
    let mut child = replay(&["--rate", "2000/s"]).spawn().expect("eddy starts");
    let length = || match asked(master.port, &["XLEN", "ledger"]) {
        redis::Value::Int(length) => length,
        other => panic!("{other:?}"),
    };
    wait_until("some have arrived", || length() > 1000);
    child.kill().expect("killed");
    child.wait().expect("gone");
    let output = replay(&["--rate", "20000/s", "--resume"]).output().expect("eddy runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(length(), 5000, "each is there once");
}

#[tokio::test]
async fn what_is_no_sentinel_or_not_known_to_one_is_named() {
    let (Some(server), Some(other)) = (redis(&[]), redis(&[])) else { return };
    let Some(watcher) = sentinel(server.port, &["requirepass right"]) else { return };
    let refused = async |url: String| {
        let opened = open_source(&address(&url), &SourceOptions::default()).await;
        opened.err().unwrap_or_else(|| panic!("`{url}` is opened"))
    };
    // A Sentinel with a password is told the one of the master.
    let url = format!("redis://:right@127.0.0.1:{}/orders?sentinel=shap", watcher.port);
    let error = refused(url.clone()).await;
    assert_eq!(error.kind, EndpointErrorKind::NotFound, "{error:?}");
    assert!(error.message.contains("knows no master `shap`"), "{error}");
    let error = refused(url.replace("right@", "wrong@")).await;
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
    let error = refused(format!("redis://127.0.0.1:{}/orders?sentinel=shop", other.port)).await;
    assert!(error.message.contains("is a Redis server and no Sentinel"), "{error}");
    let error = refused(format!("redis://127.0.0.1:{}/orders?sentinel=shop", free_port())).await;
    assert_eq!(error.kind, EndpointErrorKind::Unreachable, "{error:?}");
    let error = refused("redis://127.0.0.1:1,127.0.0.1:2/orders".to_owned()).await;
    assert!(error.help.is_some_and(|help| help.contains("?sentinel=NAME")), "{}", error.message);
    let error = refused(format!("redis://127.0.0.1:{}/orders?sentinel=", other.port)).await;
    assert_eq!(error.kind, EndpointErrorKind::Unsupported, "{error:?}");
    let named =
        |name: &str| Address::parse(&format!("redis://a:26379/x?sentinel={name}")).expect("an address");
    assert!(named("one").is_same_server(&named("one")) && !named("one").is_same_server(&named("two")));
}
