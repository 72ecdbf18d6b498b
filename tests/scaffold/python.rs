//! Services of `python-service`: clean under ruff and mypy, and each passes its own tests against a real server.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{eddy, fixture, make_from, sync, text, tree};

/// Contract, broker. What is in one list runs one after the other, the lists side by side.
const LANES: [&[(&str, &str)]; 2] = [
    &[("orders/orders-v3.yaml", "kafka"), ("scaffold/awkward.yaml", "mqtt")],
    &[
        ("orders/orders-v3-amqp.yaml", "rabbitmq"),
        ("orders/orders-v2-nats.yaml", "nats"),
        ("scaffold/awkward.yaml", "redis"),
    ],
];
/// Servers by our variable, by that of a service, and by their name.
const SERVERS: [(&str, &str, &str); 3] = [
    ("EDDY_NATS_SERVER", "NATS_SERVER", "nats-server"),
    ("EDDY_MOSQUITTO", "MOSQUITTO", "mosquitto"),
    ("EDDY_REDIS_SERVER", "REDIS_SERVER", "redis-server"),
];

/// What `scripts/install-test-servers` keeps outside of the clone.
fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/eddy");
    std::env::var_os("EDDY_CACHE").map_or_else(home, PathBuf::from)
}

/// Python with the packages of services in a project, its caches outside of it.
struct Python {
    project: PathBuf,
    caches: PathBuf,
    kafka: PathBuf,
}

impl Python {
    fn run(&self, arguments: &[&str]) -> Output {
        let paths = std::env::join_paths([cache().join("python-service"), self.project.join("src")]);
        let mut command = Command::new("python3");
        command
            .arg("-m")
            .args(arguments)
            .current_dir(&self.project)
            .env("PYTHONPATH", paths.expect("paths"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("MYPY_CACHE_DIR", &self.caches)
            .env("RUFF_NO_CACHE", "true")
            .env("EDDY", env!("CARGO_BIN_EXE_eddy"))
            .env("KAFKA_HOME", &self.kafka)
            .env_remove("BROKER_URL");
        for (ours, theirs, _) in SERVERS {
            if let Some(program) = std::env::var_os(ours) {
                command.env(theirs, program);
            }
        }
        if let Some(directory) = std::env::var_os("EDDY_RABBITMQ") {
            command.env("RABBITMQ_SERVER", Path::new(&directory).join("rabbitmq-server"));
        }
        command.output().expect("python3 runs")
    }

    /// What a run says when it fails.
    fn failure(&self, arguments: &[&str]) -> Option<String> {
        let output = self.run(arguments);
        let shown = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        // A test that is passed over proves nothing.
        let whole = output.status.success() && !shown.contains("SKIPPED");
        (!whole).then(|| format!("== {} {arguments:?}\n{shown}", self.project.display()))
    }
}

/// Whether all is there; without it the test is passed over loudly, or fails where everything must be there.
fn installed() -> bool {
    let has = |variable: &str, name: &str| {
        let program = std::env::var_os(variable).unwrap_or_else(|| OsString::from(name));
        let argument = if name == "mosquitto" { "-h" } else { "--version" };
        Command::new(program).arg(argument).output().is_ok()
    };
    let mut missing: Vec<&str> =
        SERVERS.iter().filter(|(ours, _, name)| !has(ours, name)).map(|(_, _, name)| *name).collect();
    let rabbitmq = std::env::var_os("EDDY_RABBITMQ")
        .map_or_else(|| PathBuf::from("/usr/lib/rabbitmq/bin"), PathBuf::from);
    let files = [
        ("the Python packages of services", cache().join("python-service/installed.txt")),
        ("Kafka", cache().join("kafka")),
        ("RabbitMQ", rabbitmq.join("rabbitmq-server")),
    ];
    missing.extend(files.iter().filter(|(_, path)| !path.exists()).map(|(name, _)| *name));
    let required = std::env::var_os("EDDY_REQUIRE_SERVERS").is_some();
    assert!(!required || missing.is_empty(), "missing: {missing:?}; run scripts/install-test-servers");
    if !required {
        eprintln!("SKIPPED: set EDDY_REQUIRE_SERVERS=1 to run the tests of Python services");
    }
    required
}

/// A directory laid out as an unpacked Kafka is.
fn kafka_home(directory: &Path) -> PathBuf {
    let home = directory.join("kafka-home");
    std::fs::create_dir(&home).expect("made");
    std::os::unix::fs::symlink(cache().join("kafka"), home.join("libs")).expect("linked");
    home
}

#[test]
fn python_services_are_clean_and_pass_their_own_tests() {
    if !installed() {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    let kafka = kafka_home(directory.path());
    let caches = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let lane = |number: usize, lane: &[(&str, &str)]| -> Vec<String> {
        let mut failures = Vec::new();
        for (contract, broker) in lane {
            let project = directory.path().join(broker);
            make_from("python-service", contract, broker, &project);
            let python = Python { project, caches: caches.join(number.to_string()), kafka: kafka.clone() };
            failures.extend(python.failure(&["ruff", "check", "."]));
            failures.extend(python.failure(&["mypy"]));
            failures.extend(python.failure(&["pytest", "-q", "-rs", "-p", "no:cacheprovider"]));
        }
        failures
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let lanes: Vec<_> = LANES
            .iter()
            .enumerate()
            .map(|(number, pairs)| scope.spawn(move || lane(number, pairs)))
            .collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("ended")).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A new operation of the contract is one the service is not clean without, and mypy names it.
#[test]
fn a_python_service_follows_its_contract() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let contract = directory.path().join("contract.yaml");
    std::fs::copy(fixture("orders/orders-v3-norec.yaml"), &contract).expect("copied");
    let project = directory.path().join("service");
    let made = eddy(&[
        "new",
        "python-service",
        &project.to_string_lossy(),
        "--contract",
        &contract.to_string_lossy(),
        "--set",
        "service_name=made-service",
        "--defaults",
    ]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let before = tree(&project);
    assert_eq!(sync(&project, &["--check"]).status.code(), Some(0));
    let changed = text(&contract).replace("operations:\n", "  refunds:\n    address: refunds\n    messages:\n      Refund: {payload: {type: object}}\noperations:\n  onRefund:\n    action: receive\n    channel: {$ref: '#/channels/refunds'}\n");
    std::fs::write(&contract, changed).expect("written");
    let output = sync(&project, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("+ operation `onRefund` (receives `refunds`)"));
    assert!(text(project.join("src/made_service/generated/operations.py")).contains("async def on_refund("));
    let handlers = project.join("src/made_service/handlers.py");
    assert_eq!(text(&handlers).into_bytes(), before["src/made_service/handlers.py"]);
    if !installed() {
        return;
    }
    let caches = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python/sync");
    let python = Python { project, caches, kafka: PathBuf::new() };
    let said = python.failure(&["mypy"]).expect("a handler is missing");
    assert!(said.contains("__main__.py") && said.contains("\"on_refund\""), "{said}");
    let written = format!(
        "{}\n    async def on_refund(self, event: object, work: Work) -> None:\n        \"\"\"Nothing yet.\"\"\"\n",
        text(&handlers).trim_end()
    );
    std::fs::write(&handlers, written).expect("written");
    assert_eq!(python.failure(&["mypy"]), None);
}
