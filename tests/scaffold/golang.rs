//! Services of `go-service`: laid out and vetted clean, and each passes its own tests against a real server.

use std::path::PathBuf;
use std::process::{Command, Output};

use super::projects::{
    Lanes, cache, failure, grow, installed, kafka_home, lanes, make_from, make_growing, side_by_side, text,
    with_servers,
};

/// Contract, broker. The templates together are tested over every system.
const LANES: Lanes = [
    &[("orders/orders-v3.yaml", "kafka")],
    &[("scaffold/awkward.yaml", "redis"), ("scaffold/cloudevents.yaml", "nats")],
];
/// Those of the whole matrix.
const ALL_LANES: Lanes = [
    &[
        ("orders/orders-v3.yaml", "kafka"),
        ("scaffold/awkward.yaml", "mqtt"),
        ("scaffold/awkward.yaml", "redis"),
    ],
    &[
        ("orders/orders-v3-amqp.yaml", "rabbitmq"),
        ("orders/orders-v2-nats.yaml", "nats"),
        ("scaffold/cloudevents.yaml", "nats"),
    ],
];
/// What is there when the modules of services are.
pub const PACKAGES: &str = "go-service/installed.txt";

/// Go in a project, with the modules that were fetched before and no others.
pub struct Go {
    pub project: PathBuf,
    pub kafka: PathBuf,
}

impl Go {
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.project)
            .env("GOMODCACHE", cache().join("go-service/modules"))
            .env("GOPROXY", "off")
            .env("GOFLAGS", "-mod=readonly");
        with_servers(&mut command, &self.kafka).output().unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    /// What a run says when it fails.
    pub fn failure(&self, arguments: &[&str]) -> Option<String> {
        let output = self.run("go", arguments);
        failure(&self.project, &format!("{arguments:?}"), output, |shown| shown.contains("--- SKIP"))
    }

    /// The files that `gofmt` would lay out otherwise.
    pub fn untidy(&self) -> Option<String> {
        let output = self.run("gofmt", &["-d", "."]);
        let shown = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (!output.status.success() || !shown.is_empty()).then_some(shown)
    }
}

#[test]
fn go_services_are_clean_and_pass_their_own_tests() {
    if !installed(PACKAGES) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    let kafka = kafka_home(directory.path());
    let lane = |lane: &[(&str, &str)]| -> Vec<String> {
        let mut failures = Vec::new();
        for (contract, broker) in lane {
            let project = directory.path().join(contract.replace('/', "-")).join(broker);
            make_from("go-service", contract, broker, &project);
            let go = Go { project, kafka: kafka.clone() };
            failures.extend(go.untidy());
            // With what the image is built with; the tests build it without.
            failures.extend(go.failure(&["vet", "-tags", "telemetry", "./..."]));
            failures.extend(go.failure(&["test", "-count=1", "-v", "./..."]));
        }
        failures
    };
    side_by_side(&lanes(LANES, ALL_LANES), |_, pairs| lane(pairs));
}

/// No text of a contract becomes code, and one that sends or receives nothing is fine.
#[test]
fn go_services_of_any_contract_are_clean() {
    if !installed(PACKAGES) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    for name in ["quotes", "receiver", "sender"] {
        let project = directory.path().join(name);
        make_from("go-service", &format!("scaffold/{name}.yaml"), "nats", &project);
        let go = Go { project, kafka: PathBuf::new() };
        assert_eq!(go.untidy(), None, "{name}");
        assert_eq!(go.failure(&["vet", "./..."]), None, "{name}");
    }
}

/// A new operation of the contract is one the service does not compile without, and the compiler names it.
#[test]
fn a_go_service_follows_its_contract() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let project = make_growing("go-service", &["--set", "broker=nats"], directory.path());
    let handlers = project.join("internal/handlers/handlers.go");
    let before = text(&handlers);
    grow(&project);
    assert!(text(project.join("internal/generated/operations/operations.go")).contains("\tOnRefund(ctx "));
    assert_eq!(text(&handlers), before);
    if !installed(PACKAGES) {
        return;
    }
    let go = Go { project, kafka: PathBuf::new() };
    let said = go.failure(&["build", "./..."]).expect("a handler is missing");
    assert!(said.contains("main.go") && said.contains("missing method OnRefund"), "{said}");
    let written = format!(
        "{}\n// OnRefund does nothing yet.\nfunc (Handlers) OnRefund(context.Context, map[string]any, *operations.Work) error {{\n\treturn nil\n}}\n",
        text(&handlers)
    );
    std::fs::write(&handlers, written).expect("written");
    assert_eq!(go.failure(&["build", "./..."]), None);
    assert_eq!(go.untidy(), None);
}
