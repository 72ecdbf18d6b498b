//! Services of `typescript-service`: they compile under the strictest settings, and each passes its own tests against a
//! real server.

use std::path::Path;
use std::process::Command;

use super::projects::{
    Lanes, cache, failure, grow, installed, kafka_home, lanes, make_from, make_growing, side_by_side, text,
    with_servers,
};

/// Contract, broker. The templates together are tested over every system.
const LANES: Lanes = [
    &[("orders/orders-v2-nats.yaml", "nats"), ("scaffold/awkward.yaml", "redis")],
    &[("scaffold/cloudevents.yaml", "rabbitmq")],
];
/// Those of the whole matrix.
const ALL_LANES: Lanes = [
    &[
        ("orders/orders-v3.yaml", "kafka"),
        ("scaffold/awkward.yaml", "mqtt"),
        ("scaffold/cloudevents.yaml", "rabbitmq"),
    ],
    &[
        ("orders/orders-v3-amqp.yaml", "rabbitmq"),
        ("orders/orders-v2-nats.yaml", "nats"),
        ("scaffold/awkward.yaml", "redis"),
    ],
];
/// Contracts that are only compiled.
const COMPILED: [&str; 7] = [
    "orders/orders-v2.yaml",
    "orders/orders-v2-mqtt2.yaml",
    "orders/orders-v3-norec.yaml",
    "orders/orders-v3-one.yaml",
    "scaffold/quotes.yaml",
    "scaffold/receiver.yaml",
    "scaffold/sender.yaml",
];
/// The list of the packages of services, as it was installed.
const PACKAGES: &str = "typescript-service/installed.json";

/// Gives a project the packages of all services.
fn link_packages(project: &Path) {
    let packages = cache().join("typescript-service/node_modules");
    std::os::unix::fs::symlink(packages, project.join("node_modules")).expect("linked");
}

/// What the compiler says when it is not content; `more` are its arguments.
fn compile(project: &Path, more: &[&str]) -> Option<String> {
    let compiler = project.join("node_modules/.bin/tsc");
    let output = Command::new(compiler).args(more).current_dir(project).output().expect("tsc runs");
    failure(project, "tsc", output, |_| false)
}

fn test(project: &Path, kafka: &Path) -> Option<String> {
    let mut command = Command::new("node");
    command.args(["--test", "--test-reporter=spec", "dist/tests/service.test.js"]).current_dir(project);
    let output = with_servers(&mut command, kafka).output().expect("node runs");
    failure(project, "node --test", output, |shown| !shown.contains("skipped 0"))
}

#[test]
fn typescript_services_compile_and_pass_their_own_tests() {
    if !installed(PACKAGES) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    let kafka = kafka_home(directory.path());
    side_by_side(&lanes(LANES, ALL_LANES), |number, lane| {
        let mut failures = Vec::new();
        for (at, (contract, broker)) in lane.iter().enumerate() {
            let project = directory.path().join(format!("{number}-{at}"));
            make_from("typescript-service", contract, broker, &project);
            link_packages(&project);
            match compile(&project, &[]) {
                None => failures.extend(test(&project, &kafka)),
                failed => failures.extend(failed),
            }
        }
        failures
    });
}

#[test]
fn typescript_services_of_every_contract_compile() {
    if !installed(PACKAGES) {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    for (number, contract) in COMPILED.iter().enumerate() {
        let project = directory.path().join(number.to_string());
        make_from("typescript-service", contract, "nats", &project);
        link_packages(&project);
        assert_eq!(compile(&project, &["--noEmit"]), None, "{contract}");
    }
}

/// From npm 12 on a package builds itself only where `allowScripts` names it; without its database no service starts.
#[test]
fn what_typescript_services_install_may_build_itself() {
    if !installed(PACKAGES) {
        return;
    }
    let read = |path: &Path| -> serde_json::Value { serde_json::from_str(&text(path)).expect("JSON") };
    let directory = tempfile::tempdir().expect("temporary directory");
    let project = directory.path().join("shop");
    make_from("typescript-service", "orders/orders-v3.yaml", "kafka", &project);
    let allowed = &read(&project.join("package.json"))["allowScripts"];
    let lock = read(&cache().join("typescript-service/node_modules/.package-lock.json"));
    let packages = lock["packages"].as_object().expect("packages");
    let building: Vec<_> =
        packages.iter().filter(|(_, package)| package["hasInstallScript"] == true).collect();
    assert!(!building.is_empty(), "the database builds itself");
    for (path, _) in building {
        let name = path.trim_start_matches("node_modules/");
        assert_eq!(allowed[name], true, "{name}");
    }
}

/// A new operation of the contract is one the service does not compile without, and the compiler names it.
#[test]
fn a_typescript_service_follows_its_contract() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let project = make_growing("typescript-service", &[], directory.path());
    let handlers = project.join("src/handlers.ts");
    let before = text(&handlers);
    grow(&project);
    assert!(text(project.join("src/generated/operations.ts")).contains("  onRefund("));
    assert_eq!(text(&handlers), before);
    if !installed(PACKAGES) {
        return;
    }
    link_packages(&project);
    let said = compile(&project, &["--noEmit"]).expect("a handler is missing");
    assert!(said.contains("src/handlers.ts") && said.contains("'onRefund' is missing"), "{said}");
    let end = before.trim_end().strip_suffix('}').expect("the end of the class");
    std::fs::write(&handlers, format!("{end}  async onRefund(): Promise<void> {{}}\n}}\n")).expect("written");
    assert_eq!(compile(&project, &["--noEmit"]), None);
}
