//! Services of `rust-service`: they build without a warning, and each passes its own tests against a real server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::MATRIX;
use super::projects::{eddy, failure, fixture, installed, kafka_home, text, with_servers};

/// Contract, broker: what is built each time. With `EDDY_TEMPLATES_MATRIX=all` the whole matrix is, and linted.
const ALWAYS: [(&str, &str); 4] = [
    ("orders/orders-v3.yaml", "kafka"),
    ("orders/orders-v3-amqp.yaml", "rabbitmq"),
    ("scaffold/cloudevents.yaml", "nats"),
    ("scaffold/awkward.yaml", "redis"),
];

/// A project and what it is built with. All share one build directory and, per broker, one lock, so that what they depend on is
/// built once; each has a name of its own, so that one is built while another is tested.
struct Service {
    project: PathBuf,
    kafka: PathBuf,
}

impl Service {
    fn make(contract: &str, broker: &str, name: &str, directory: &Path) -> Self {
        let project = directory.join(name);
        let contract = fixture(contract);
        let (place, contract) = (project.to_string_lossy(), contract.to_string_lossy());
        let (broker, name) = (format!("broker={broker}"), format!("service_name={name}"));
        let answers = ["--set", &broker, "--set", &name, "--defaults"];
        let made =
            eddy(&[&["new", "rust-service", &place, "--contract", &contract], answers.as_slice()].concat());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { project: project.clone(), kafka: directory.join("kafka-home") }
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("scaffold");
        let mut command = Command::new(env!("CARGO"));
        // A library among them names a compiler of its own, which whoever calls cargo past rustup would get.
        let compiler = Path::new(env!("CARGO")).with_file_name("rustc");
        if compiler.exists() {
            command.env("RUSTC", compiler);
        }
        command
            .args(arguments)
            .current_dir(&self.project)
            .env("CARGO_TARGET_DIR", target)
            .env("RUSTFLAGS", "-Dwarnings")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_PROFILE_DEV_INCREMENTAL", "false")
            .output()
            .expect("cargo runs")
    }

    /// What a run of cargo says when it fails.
    fn failure(&self, arguments: &[&str]) -> Option<String> {
        failure(&self.project, &format!("{arguments:?}"), self.cargo(arguments), |_| false)
    }

    /// The programs with its tests, or what cargo says.
    fn build(&self) -> Result<Vec<PathBuf>, String> {
        let built = self.cargo(&["test", "--no-run", "--quiet", "--message-format=json-render-diagnostics"]);
        let lines = String::from_utf8_lossy(&built.stdout).into_owned();
        if let Some(said) = failure(&self.project, "does not build", built, |_| false) {
            return Err(said);
        }
        let messages = lines.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let tests = messages.filter(|message| message["profile"]["test"] == true);
        Ok(tests.filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?))).collect())
    }

    /// What its tests say when they fail.
    fn test(&self, programs: &[PathBuf]) -> Vec<String> {
        assert!(programs.iter().any(|program| text_of(program).starts_with("service-")), "{programs:?}");
        let tested = programs.iter().filter_map(|program| {
            let mut command = Command::new(program);
            command.arg("--quiet").current_dir(&self.project);
            let output = with_servers(&mut command, &self.kafka).output().expect("a test runs");
            failure(&self.project, &text_of(program), output, |_| false)
        });
        tested.collect()
    }
}

fn text_of(program: &Path) -> String {
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[test]
fn rust_services_build_without_warnings_and_pass_their_own_tests() {
    if !installed("kafka") {
        return;
    }
    let all = std::env::var("EDDY_TEMPLATES_MATRIX").is_ok_and(|matrix| matrix == "all");
    let pairs: &[(&str, &str)] = if all { &MATRIX } else { &ALWAYS };
    let directory = tempfile::tempdir().expect("temporary directory");
    kafka_home(directory.path());
    let mut locks: BTreeMap<&str, String> = BTreeMap::new();
    let mut failures = Vec::new();
    std::thread::scope(|scope| {
        let mut testing = Vec::new();
        for (at, (contract, broker)) in pairs.iter().enumerate() {
            let service =
                Service::make(contract, broker, &format!("{broker}-service-{at}"), directory.path());
            let lock = service.project.join("Cargo.lock");
            let first = !locks.contains_key(broker);
            if let Some(known) = locks.get(broker) {
                std::fs::write(&lock, known).expect("written");
            }
            let built = service.build();
            locks.entry(broker).or_insert_with(|| text(&lock));
            if all {
                failures.extend(service.failure(&["clippy", "--quiet", "--all-targets", "--", "-Dwarnings"]));
            }
            if all && first {
                // With what the image is built with; the tests build it without.
                let flags = ["clippy", "--quiet", "--features", "telemetry", "--", "-Dwarnings"];
                failures.extend(service.failure(&flags));
            }
            match built {
                Ok(programs) => testing.push(scope.spawn(move || service.test(&programs))),
                Err(said) => failures.push(said),
            }
        }
        failures.extend(testing.into_iter().flat_map(|one| one.join().expect("ended")));
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
