//! Services of `python-service`: clean under ruff and mypy, and each passes its own tests against a real server.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::projects::{
    Lanes, cache, failure, grow, installed, kafka_home, lanes, make_from, make_growing, side_by_side, text,
    with_servers,
};

/// Contract, broker. The templates together are tested over every system.
const LANES: Lanes = [
    &[("orders/orders-v3-amqp.yaml", "rabbitmq")],
    &[("scaffold/awkward.yaml", "mqtt"), ("scaffold/cloudevents.yaml", "mqtt")],
];
/// Those of the whole matrix.
const ALL_LANES: Lanes = [
    &[
        ("orders/orders-v3.yaml", "kafka"),
        ("scaffold/awkward.yaml", "mqtt"),
        ("scaffold/cloudevents.yaml", "mqtt"),
    ],
    &[
        ("orders/orders-v3-amqp.yaml", "rabbitmq"),
        ("orders/orders-v2-nats.yaml", "nats"),
        ("scaffold/awkward.yaml", "redis"),
    ],
];
/// The list of the packages of services, as it was installed.
const PACKAGES: &str = "python-service/installed.txt";

/// Python with the packages of services in a project, its caches outside of it.
struct Python {
    project: PathBuf,
    caches: PathBuf,
    kafka: PathBuf,
}

impl Python {
    /// What a run says when it fails.
    fn failure(&self, arguments: &[&str]) -> Option<String> {
        let paths = std::env::join_paths([cache().join("python-service"), self.project.join("src")]);
        let mut command = Command::new("python3");
        command
            .arg("-m")
            .args(arguments)
            .current_dir(&self.project)
            .env("PYTHONPATH", paths.expect("paths"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("MYPY_CACHE_DIR", &self.caches)
            .env("RUFF_NO_CACHE", "true");
        let output = with_servers(&mut command, &self.kafka).output().expect("python3 runs");
        failure(&self.project, &arguments.join(" "), output, |shown| shown.contains("SKIPPED"))
    }
}

#[test]
fn python_services_are_clean_and_pass_their_own_tests() {
    if !installed(PACKAGES) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    let kafka = kafka_home(directory.path());
    let caches = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    side_by_side(&lanes(LANES, ALL_LANES), |number, lane| {
        let mut failures = Vec::new();
        for (at, (contract, broker)) in lane.iter().enumerate() {
            let project = directory.path().join(format!("{number}-{at}"));
            make_from("python-service", contract, broker, &project);
            let python = Python { project, caches: caches.join(number.to_string()), kafka: kafka.clone() };
            failures.extend(python.failure(&["ruff", "check", "."]));
            failures.extend(python.failure(&["mypy"]));
            failures.extend(python.failure(&["pytest", "-q", "-rs", "-p", "no:cacheprovider"]));
        }
        failures
    });
}

/// No text of a contract becomes code, and one that sends or receives nothing is fine.
#[test]
fn python_services_of_any_contract_are_clean() {
    if !installed(PACKAGES) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    let caches = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python/any");
    for name in ["quotes", "receiver", "sender"] {
        let project = directory.path().join(name);
        make_from("python-service", &format!("scaffold/{name}.yaml"), "nats", &project);
        let python = Python { project, caches: caches.clone(), kafka: PathBuf::new() };
        assert_eq!(python.failure(&["ruff", "check", "."]), None, "{name}");
        assert_eq!(python.failure(&["mypy"]), None, "{name}");
    }
}

/// A new operation of the contract is one the service is not clean without, and mypy names it.
#[test]
fn a_python_service_follows_its_contract() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let project = make_growing("python-service", &[], directory.path());
    let handlers = project.join("src/made_service/handlers.py");
    let before = text(&handlers);
    grow(&project);
    assert!(text(project.join("src/made_service/generated/operations.py")).contains("async def on_refund("));
    assert_eq!(text(&handlers), before);
    if !installed(PACKAGES) {
        return;
    }
    let caches = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python/sync");
    let python = Python { project, caches, kafka: PathBuf::new() };
    let said = python.failure(&["mypy"]).expect("a handler is missing");
    assert!(said.contains("__main__.py") && said.contains("\"on_refund\""), "{said}");
    let written = format!(
        "{}\n    async def on_refund(self, event: object, work: Work) -> None:\n        \"\"\"Nothing yet.\"\"\"\n",
        before.trim_end()
    );
    std::fs::write(&handlers, written).expect("written");
    assert_eq!(python.failure(&["mypy"]), None);
}
