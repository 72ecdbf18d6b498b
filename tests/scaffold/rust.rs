//! Services of `rust-service`: they build without a warning, and each passes its own tests against a real server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::MATRIX;
use super::projects::{failure, installed, kafka_home, make_from, text, with_servers};

/// Contract, broker: what is built each time. With `EDDY_TEMPLATES_MATRIX=all` the whole matrix is, and linted.
const ALWAYS: [(&str, &str); 2] = [("orders/orders-v3.yaml", "nats"), ("scaffold/awkward.yaml", "redis")];

/// Cargo in a project. All share one build directory, one package name and, per broker, one lock, so that what they depend on
/// is built once.
struct Cargo {
    project: PathBuf,
    kafka: PathBuf,
}

impl Cargo {
    /// What a run says when it fails.
    fn failure(&self, arguments: &[&str]) -> Option<String> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("scaffold");
        let mut command = Command::new(env!("CARGO"));
        command
            .args(arguments)
            .current_dir(&self.project)
            .env("CARGO_TARGET_DIR", target)
            .env("RUSTFLAGS", "-Dwarnings")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_PROFILE_DEV_INCREMENTAL", "false");
        let output = with_servers(&mut command, &self.kafka).output().expect("cargo runs");
        failure(&self.project, &format!("{arguments:?}"), output, |_| false)
    }
}

#[test]
fn rust_services_build_without_warnings_and_pass_their_own_tests() {
    if !installed("kafka") {
        return;
    }
    let all = std::env::var("EDDY_TEMPLATES_MATRIX").is_ok_and(|matrix| matrix == "all");
    let pairs: &[(&str, &str)] = if all { &MATRIX } else { &ALWAYS };
    let directory = tempfile::tempdir().expect("temporary directory");
    let kafka = kafka_home(directory.path());
    let mut locks: BTreeMap<&str, String> = BTreeMap::new();
    let mut failures = Vec::new();
    for (at, (contract, broker)) in pairs.iter().enumerate() {
        let project = directory.path().join(format!("{at}-{broker}"));
        make_from("rust-service", contract, broker, &project);
        let lock = project.join("Cargo.lock");
        let first = !locks.contains_key(broker);
        if let Some(known) = locks.get(broker) {
            std::fs::write(&lock, known).expect("written");
        }
        let cargo = Cargo { project, kafka: kafka.clone() };
        failures.extend(cargo.failure(&["test", "--quiet"]));
        locks.entry(broker).or_insert_with(|| text(&lock));
        if all {
            failures.extend(cargo.failure(&["clippy", "--quiet", "--all-targets", "--", "-Dwarnings"]));
        }
        if all && first {
            // With what the image is built with; the tests build it without.
            failures.extend(cargo.failure(&[
                "clippy",
                "--quiet",
                "--features",
                "telemetry",
                "--",
                "-Dwarnings",
            ]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
