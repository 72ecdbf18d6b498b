//! Services of `java-service`: they compile without a warning, and each passes its own tests against a real server.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::projects::{
    Lanes, cache, failure, fixture, grow, installed, kafka_home, lanes, make_from, make_growing,
    side_by_side, text, with_servers,
};

/// Contract, broker. The templates together are tested over every system.
const LANES: Lanes =
    [&[("orders/orders-v3.yaml", "kafka")], &[(AWKWARD, "redis"), ("scaffold/cloudevents.yaml", "nats")]];
/// Those of the whole matrix.
const ALL_LANES: Lanes = [
    &[("orders/orders-v3.yaml", "kafka"), (AWKWARD, "mqtt")],
    &[
        ("orders/orders-v3-amqp.yaml", "rabbitmq"),
        ("orders/orders-v2-nats.yaml", "nats"),
        (AWKWARD, "redis"),
        ("scaffold/cloudevents.yaml", "nats"),
    ],
];
const AWKWARD: &str = "scaffold/awkward.yaml";
/// What is there when the libraries of services are.
const PACKAGES: &str = "java-service/installed.xml";

/// Maven in a project, with the libraries that were fetched before and no others.
struct Maven {
    project: PathBuf,
    kafka: PathBuf,
}

impl Maven {
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.project)
            // It starts faster without what pays only in long runs.
            .env("MAVEN_OPTS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1");
        with_servers(&mut command, &self.kafka).output().unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    /// What a goal says when it fails.
    fn failure(&self, goal: &str) -> Option<String> {
        let repository = format!("-Dmaven.repo.local={}", cache().join("java-service/repository").display());
        let output = self.run("mvn", &["-o", "-q", "-B", &repository, goal]);
        failure(&self.project, goal, output, |_| false)
    }

    /// What the tests wrote when not all of them ran.
    fn passed_over(&self) -> Option<String> {
        let report =
            text(self.project.join("target/surefire-reports/com.example.madeservice.ServiceTest.txt"));
        let all = report.contains("Failures: 0, Errors: 0, Skipped: 0") && !report.contains("Tests run: 0,");
        (!all).then_some(report)
    }

    /// What the program that was packed says when it does not start.
    fn unstartable(&self) -> Option<String> {
        let output = self.run("java", &["-jar", "target/service.jar", "--print-config"]);
        failure(&self.project, "--print-config", output, |shown| !shown.contains("\"broker_url\""))
    }
}

/// The contract as Jackson can have it: it cannot name a property that has an empty name, and `eddy new` says so.
fn nameable(contract: &str, directory: &Path) -> String {
    if contract != AWKWARD {
        return contract.to_owned();
    }
    let without = text(fixture(contract))
        .replace("required: [self, kind, \"\", numbers]", "required: [self, kind, numbers]")
        .replace("        \"\": {type: string}\n", "");
    let path = directory.join("contract.yaml");
    std::fs::write(&path, without).expect("written");
    path.to_string_lossy().into_owned()
}

#[test]
fn java_services_compile_and_pass_their_own_tests() {
    if !installed(PACKAGES) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    let kafka = kafka_home(directory.path());
    side_by_side(&lanes(LANES, ALL_LANES), |_, lane| {
        let mut failures = Vec::new();
        for (contract, broker) in *lane {
            let project = directory.path().join(contract.replace('/', "-")).join(broker);
            let beside = tempfile::tempdir().expect("temporary directory");
            make_from("java-service", &nameable(contract, beside.path()), broker, &project);
            let maven = Maven { project, kafka: kafka.clone() };
            match maven.failure("verify") {
                None => failures.extend(maven.passed_over().into_iter().chain(maven.unstartable())),
                failed => failures.extend(failed),
            }
        }
        failures
    });
}

/// No text of a contract becomes code, and one that sends or receives nothing is fine.
#[test]
fn java_services_of_any_contract_compile() {
    if !installed(PACKAGES) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    for name in ["quotes", "receiver", "sender"] {
        let project = directory.path().join(name);
        make_from("java-service", &format!("scaffold/{name}.yaml"), "nats", &project);
        let maven = Maven { project, kafka: PathBuf::new() };
        assert_eq!(maven.failure("test-compile"), None, "{name}");
    }
}

/// A new operation of the contract is one the service does not compile without, and the compiler names it.
#[test]
fn a_java_service_follows_its_contract() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let project = make_growing("java-service", &["--set", "broker=nats"], directory.path());
    let package = project.join("src/main/java/com/example/madeservice");
    let handlers = package.join("ServiceHandlers.java");
    let before = text(&handlers);
    grow(&project);
    assert!(text(package.join("generated/Operations.java")).contains("        void onRefund("));
    assert_eq!(text(&handlers), before);
    if !installed(PACKAGES) {
        return;
    }
    let maven = Maven { project, kafka: PathBuf::new() };
    let said = maven.failure("compile").expect("a handler is missing");
    assert!(said.contains("ServiceHandlers.java") && said.contains("onRefund("), "{said}");
    let end = before.trim_end().strip_suffix('}').expect("the end of the class");
    let written = format!(
        "{end}\n    @Override\n    public void onRefund(java.util.Map<String, com.fasterxml.jackson.databind.JsonNode> event, Work work) {{\n    }}\n}}\n"
    );
    std::fs::write(&handlers, written).expect("written");
    assert_eq!(maven.failure("compile"), None);
}
