//! `event-system-demo`: its services, contracts and scripts are one system, and orders go through all three services of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::projects::{cache, eddy, installed, sync, text, tree};

const BROKERS: [&str; 5] = ["kafka", "nats", "rabbitmq", "mqtt", "redis"];
const SERVICES: [&str; 3] = ["orders", "payments", "shipping"];
/// The longest wait for anything; a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);

fn make(broker: &str, directory: &Path, more: &[&str]) -> (PathBuf, Output) {
    let project = directory.join(broker);
    let set = format!("broker={broker}");
    let place = project.to_string_lossy();
    let made = eddy(&[&["new", "event-system-demo", &place, "--set", &set, "--defaults"], more].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (project, made)
}

fn in_workspace(project: &Path, arguments: &[&str]) -> String {
    let output = eddy(&[&["--workspace", &project.to_string_lossy()], arguments].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}{errors}");
    said
}

#[test]
fn the_whole_is_one_picture_without_findings() {
    let directory = tempfile::tempdir().expect("temporary directory");
    for broker in BROKERS {
        let (project, _) = make(broker, directory.path(), &[]);
        in_workspace(&project, &["validate", "--deny-warnings"]);
        assert_eq!(in_workspace(&project, &["graph", "--check", "--report", "concise"]), "", "{broker}");
        let way = in_workspace(&project, &["graph", "--path", "storefront..notifications"]);
        assert!(SERVICES.iter().all(|service| way.contains(service)), "{broker}: {way}");
        let picture = in_workspace(&project, &["graph", "--format", "mermaid"]);
        for readme in ["README.md", "contracts/README.md"] {
            assert!(text(project.join(readme)).contains(&picture), "{broker}: {readme}: {picture}");
        }
        // The copies that services have stand alone.
        for service in SERVICES {
            let copy = project.join(service).join("contract/asyncapi.yaml");
            in_workspace(&project, &["validate", &copy.to_string_lossy()]);
        }
    }
}

#[test]
fn each_project_in_it_is_synced_by_itself() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let (project, _) = make("nats", directory.path(), &[]);
    for place in [".", "contracts", "orders", "payments", "shipping", "orders/src"] {
        let output = sync(&project.join(place), &["--check"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{place}: {said}");
    }
    let schema = project.join("contracts/schemas/OrderPlaced.json");
    let with_note = text(&schema)
        .replace("\"properties\": {", "\"properties\": {\n    \"note\": { \"type\": \"string\" },");
    std::fs::write(&schema, with_note).expect("written");
    for (service, changes) in [(".", false), ("shipping", false), ("orders", true), ("payments", true)] {
        let output = sync(&project.join(service), &["--check"]);
        assert_eq!(output.status.code(), Some(i32::from(changes)), "{service}");
    }
    let before = tree(&project);
    assert!(sync(&project.join("orders"), &[]).status.success());
    let after = tree(&project);
    let changed: Vec<&str> = after
        .iter()
        .filter(|(path, bytes)| before.get(*path) != Some(bytes))
        .map(|(path, _)| path.as_str())
        .collect();
    assert!(changed.iter().all(|path| path.starts_with("orders/")), "{changed:?}");
    assert!(text(project.join("orders/src/orders/generated/events.py")).contains("note"));
    assert_eq!(before["orders/src/orders/handlers.py"], after["orders/src/orders/handlers.py"]);
}

#[test]
fn a_dry_run_of_the_whole_is_exact() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let (project, dry) = make("redis", directory.path(), &["--dry-run", "--format", "json"]);
    assert!(!project.exists());
    make("redis", directory.path(), &[]);
    let plan: serde_json::Value = serde_json::from_slice(&dry.stdout).expect("JSON");
    let planned: BTreeMap<String, u64> = plan["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| {
            (file["path"].as_str().expect("a path").to_owned(), file["bytes"].as_u64().expect("a size"))
        })
        .collect();
    let written: BTreeMap<String, u64> =
        tree(&project).into_iter().map(|(path, bytes)| (path, bytes.len() as u64)).collect();
    assert_eq!(planned, written);
}

/// The services as processes, which the scripts of the project stop and start as they would containers.
struct Running {
    project: PathBuf,
    /// The address of the broker as eddy has it.
    door: String,
    ports: BTreeMap<&'static str, u16>,
}

impl Running {
    /// Builds the services and starts them, one after the other.
    fn start(project: PathBuf, broker_url: &str, door: String) -> Self {
        build(&project);
        let ports = SERVICES.map(|service| (service, super::support::servers::free_port())).into();
        let running = Self { project, door, ports };
        for service in SERVICES {
            running.write_starter(service, broker_url);
        }
        running.write(
            "compose",
            "case \"$1\" in\n\
            kill) kill -KILL \"$(cat payments.pid)\" ;;\n\
            start) sh run-payments ;;\n\
            *) exit 1 ;;\nesac\n",
        );
        for service in SERVICES {
            let status =
                Command::new("sh").arg(format!("run-{service}")).current_dir(&running.project).status();
            assert!(status.expect("sh runs").success());
            running.until_ready(service);
        }
        running
    }

    fn write(&self, name: &str, script: &str) {
        std::fs::write(self.project.join(name), format!("set -eu\n{script}")).expect("written");
    }

    fn write_starter(&self, service: &str, broker_url: &str) {
        let packages = cache().join("python-service");
        let program = match service {
            "orders" => format!("PYTHONPATH='{}:src' exec python3 -m orders", packages.display()),
            "payments" => "exec ./service".to_owned(),
            _ => "exec node dist/src/main.js".to_owned(),
        };
        let port = self.ports[service];
        self.write(
            &format!("run-{service}"),
            &format!(
                "cd {service}\nexport BROKER_URL={broker_url} HEALTH_ADDRESS=127.0.0.1:{port}\n\
                 ({program}) >>../{service}.log 2>&1 </dev/null &\necho $! >../{service}.pid\n"
            ),
        );
    }

    fn until_ready(&self, service: &str) {
        until(
            &format!("{service} is ready"),
            || {
                let said = answer(self.ports[service], "/ready");
                said.is_some_and(|said| said.starts_with("HTTP/1.1 200")).then_some(())
            },
            || self.logs(),
        );
    }

    fn logs(&self) -> String {
        let log = |service: &&str| std::fs::read_to_string(self.project.join(format!("{service}.log")));
        SERVICES.iter().filter_map(|service| log(service).ok()).collect()
    }

    /// Runs a script of the project.
    fn script(&self, arguments: &[&str]) {
        let program = Path::new(env!("CARGO_BIN_EXE_eddy")).parent().expect("a directory");
        let old = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths(std::iter::once(program.to_owned()).chain(std::env::split_paths(&old)));
        let output = Command::new("sh")
            .args(arguments)
            .current_dir(&self.project)
            .env("PATH", path.expect("paths"))
            .env("SERVER", &self.door)
            .env("COMPOSE", "sh compose")
            .output()
            .expect("sh runs");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }

    /// Events that are kept on a channel.
    fn kept(&self, channel: &str) -> Vec<serde_json::Value> {
        let address = format!("{}/{channel}", self.door);
        let output = eddy(&["tail", &address, "--from", "start", "--to", "now", "--format", "raw"]);
        let payloads = String::from_utf8_lossy(&output.stdout).into_owned();
        payloads.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn until_kept(&self, channel: &str, count: usize) -> Vec<serde_json::Value> {
        until(
            &format!("{count} events on {channel}"),
            || Some(self.kept(channel)).filter(|kept| kept.len() >= count),
            || format!("{:?}\n{}", self.kept(channel), self.logs()),
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for service in SERVICES {
            let Ok(text) = std::fs::read_to_string(self.project.join(format!("{service}.pid"))) else {
                continue;
            };
            let id = text.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
            // One that has ended already needs no killing.
            let _ = id.map(|id| rustix::process::kill_process(id, rustix::process::Signal::KILL));
        }
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>, why: impl Fn() -> String) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not in time: {what}\n{}", why());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn answer(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut said = String::new();
    stream.read_to_string(&mut said).ok()?;
    Some(said)
}

fn build(project: &Path) {
    let run = |directory: &str, program: &Path, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(project.join(directory))
            .env("GOMODCACHE", cache().join("go-service/modules"))
            .env("GOPROXY", "off")
            .env("GOFLAGS", "-mod=readonly")
            .stdin(Stdio::null())
            .output()
            .expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{directory}: {}", String::from_utf8_lossy(&said));
    };
    run("payments", Path::new("go"), &["build", "-o", "service", "."]);
    let packages = cache().join("typescript-service/node_modules");
    std::os::unix::fs::symlink(packages, project.join("shipping/node_modules")).expect("linked");
    run("shipping", &project.join("shipping/node_modules/.bin/tsc"), &[]);
}

fn order_ids(events: &[serde_json::Value]) -> BTreeSet<&str> {
    events.iter().filter_map(|event| event["orderId"].as_str()).collect()
}

/// Orders are injected, one service is killed on the way, poison is among them: each good order is shipped once.
#[test]
fn orders_go_through_all_three_services_even_when_one_is_killed() {
    if !installed("typescript-service/installed.json") {
        return;
    }
    let Some(server) = super::support::servers::nats(&[]) else { return };
    let directory = tempfile::tempdir().expect("temporary directory");
    let (project, _) = make("nats", directory.path(), &[]);
    let broker = format!("nats://127.0.0.1:{}", server.port);
    let running = Running::start(project, &broker, format!("jetstream+{broker}"));
    running.script(&["scripts/place-orders", "10", "1000"]);
    running.until_kept("shipments.sent", 10);
    running.script(&["scripts/kill-payments", "30"]);
    running.script(&["scripts/poison"]);
    let shipped = running.until_kept("shipments.sent", 41);
    assert_eq!((shipped.len(), order_ids(&shipped).len()), (41, 41), "{shipped:?}");
    assert!(order_ids(&shipped).contains("feed0000-0000-4000-8000-000000000002"));
    assert!(
        shipped
            .iter()
            .all(|event| event["trackingNumber"].as_str().is_some_and(|one| one.starts_with("EX-")))
    );
    let paid = running.kept("payments.captured");
    let cents =
        |event: &serde_json::Value| event["amountCents"].as_u64().is_some_and(|cents| cents % 900 == 0);
    assert!(paid.len() == 41 && paid.iter().all(cents), "{paid:?}");
    let put_aside = running.until_kept("orders.requested.dead-letter", 1);
    assert_eq!(put_aside[0]["orderId"], "not-a-uuid");
    let put_aside = running.until_kept("orders.placed.dead-letter", 1);
    assert_eq!(put_aside[0]["orderId"], "dead0000-0000-4000-8000-000000000001");
}
