//! Gateways of `webhook-gateway`: laid out and vetted clean, and each passes its own tests against a real server.

use std::path::Path;

use super::golang::{Go, PACKAGES};
use super::projects::{grow, installed, kafka_home, make_from, make_growing, side_by_side, sync, text};

/// Contract, broker: the first is tested always, all of them where the whole matrix is.
const GATEWAYS: [(&str, &str); 5] = [
    ("orders/orders-v2-nats.yaml", "nats"),
    ("orders/orders-v3.yaml", "kafka"),
    ("orders/orders-v3-amqp.yaml", "rabbitmq"),
    ("scaffold/awkward.yaml", "mqtt"),
    ("scaffold/awkward.yaml", "redis"),
];

fn is_whole_matrix() -> bool {
    std::env::var_os("EDDY_TEMPLATES_MATRIX").is_some_and(|wanted| wanted == "all")
}

/// A pattern of the tests that only gateways have.
fn own_tests(project: &Path) -> String {
    let files = ["internal/service/gateway_test.go", "internal/gateway/signature_test.go"];
    let text: String = files.iter().map(|file| text(project.join(file))).collect();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("func Test")?.split_once("(test *testing.T)"))
        .map(|(name, _)| name)
        .collect();
    assert!(names.len() >= 12, "{names:?}");
    format!("^Test({})$", names.join("|"))
}

#[test]
fn gateways_are_clean_and_pass_their_own_tests() {
    if !installed(PACKAGES) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    let kafka = kafka_home(directory.path());
    let wanted = if is_whole_matrix() { &GATEWAYS[..] } else { &GATEWAYS[..1] };
    let lanes: Vec<&[(&str, &str)]> = wanted.chunks(3).collect();
    side_by_side(&lanes, |_, lane| {
        let mut failures = Vec::new();
        for (contract, broker) in *lane {
            let project = directory.path().join(broker);
            make_from("webhook-gateway", contract, broker, &project);
            let go = Go { project, kafka: kafka.clone() };
            failures.extend(go.untidy());
            failures.extend(go.failure(&["vet", "-tags", "telemetry", "./..."]));
            let own = own_tests(&go.project);
            let mut arguments = vec!["test", "-count=1", "-v"];
            if !is_whole_matrix() {
                // What it has of `go-service` is tested there.
                arguments.extend(["-run", own.as_str()]);
            }
            arguments.push("./...");
            failures.extend(go.failure(&arguments));
        }
        failures
    });
}

/// What is delivered follows the contract without a line written by hand.
#[test]
fn a_gateway_follows_its_contract_by_itself() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let project = make_growing("webhook-gateway", &["--set", "broker=nats"], directory.path());
    grow(&project);
    assert!(text(project.join("internal/handlers/handlers.go")).contains("OnRefund(ctx "));
    assert_eq!(sync(&project, &["--check"]).status.code(), Some(0));
    if !installed(PACKAGES) {
        return;
    }
    let go = Go { project, kafka: std::path::PathBuf::new() };
    assert_eq!(go.failure(&["build", "./..."]), None);
    assert_eq!(go.untidy(), None);
}

/// Compose, Kubernetes and the image open what the program listens on, and set what it cannot be without.
#[test]
fn what_runs_a_gateway_fits_it() {
    for (contract, broker) in GATEWAYS {
        let directory = tempfile::tempdir().expect("temporary directory");
        let project = directory.path().join("gateway");
        make_from("webhook-gateway", contract, broker, &project);
        let compose: serde_json::Value = read(&project, "compose.yaml").remove(0);
        let own = &compose["services"]["made-service"];
        for name in ["BROKER_URL", "INBOUND_SECRETS", "OUTBOUND_SECRET", "DELIVER_TO"] {
            assert!(own["environment"][name].is_string(), "{broker}: {name}: {own}");
        }
        assert_eq!(own["ports"], serde_json::json!(["8080:8080", "8090:8090"]));
        assert!(text(project.join("Dockerfile")).contains("EXPOSE 8080 8090\n"));
        let kinds: Vec<String> = read(&project, "k8s/service.yaml")
            .iter()
            .map(|one| format!("{} {}", one["kind"], one["metadata"]["name"]).replace('"', ""))
            .collect();
        let wanted = [
            "StatefulSet made-service",
            "Service made-service",
            "Service made-service-http",
            "PodDisruptionBudget made-service",
        ];
        assert_eq!(kinds, wanted);
    }
}

fn read(project: &Path, name: &str) -> Vec<serde_json::Value> {
    let text = text(project.join(name));
    let documents = text.split("\n---\n");
    documents
        .map(|text| serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}")))
        .collect()
}
