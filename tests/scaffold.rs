//! Every template becomes a project, and its services build without a warning and pass their own tests.

#[path = "scaffold/contracts.rs"]
mod contracts;
#[path = "scaffold/gateway.rs"]
mod gateway;
#[path = "scaffold/golang.rs"]
mod golang;
#[path = "scaffold/java.rs"]
mod java;
#[path = "scaffold/projects.rs"]
mod projects;
#[path = "scaffold/python.rs"]
mod python;
#[path = "scaffold/rust.rs"]
mod rust;
mod support;
#[path = "scaffold/system.rs"]
mod system;
#[path = "scaffold/typescript.rs"]
mod typescript;
#[path = "scaffold/updates.rs"]
mod updates;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use projects::{eddy, fixture, grow, make_from, make_growing, sync, text, tree};

/// Contract, broker.
const MATRIX: [(&str, &str); 19] = [
    ("orders/orders-v3.yaml", "kafka"),
    ("orders/orders-v2.yaml", "kafka"),
    ("orders/orders-v3-amqp.yaml", "rabbitmq"),
    ("orders/orders-v2-amqp.yaml", "rabbitmq"),
    ("orders/orders-v3.yaml", "redis"),
    ("scaffold/awkward.yaml", "redis"),
    ("orders/orders-v3.yaml", "mqtt"),
    ("orders/orders-v3.yaml", "nats"),
    ("orders/orders-v3-norec.yaml", "mqtt"),
    ("orders/orders-v3-one.yaml", "nats"),
    ("orders/orders-v3-amqp.yaml", "mqtt"),
    ("orders/orders-v2.yaml", "nats"),
    ("orders/orders-v2-mqtt.yaml", "mqtt"),
    ("orders/orders-v2-mqtt2.yaml", "mqtt"),
    ("orders/orders-v2-nats.yaml", "nats"),
    ("scaffold/awkward.yaml", "mqtt"),
    ("scaffold/awkward.yaml", "nats"),
    ("scaffold/sender.yaml", "mqtt"),
    ("scaffold/cloudevents.yaml", "nats"),
];

fn make(contract: &str, broker: &str, target: &Path) {
    make_from("rust-service", contract, broker, target);
}

#[test]
fn every_file_of_every_contract_is_rust_and_the_same_each_time() {
    let directory = tempfile::tempdir().expect("temporary directory");
    for (at, (contract, broker)) in MATRIX.iter().enumerate() {
        let target = directory.path().join(format!("{at}/service"));
        let again = directory.path().join(format!("{at}/again"));
        make(contract, broker, &target);
        make(contract, broker, &again);
        let files = tree(&target);
        assert_eq!(files, tree(&again), "{contract} {broker}");
        for (path, bytes) in
            files.iter().filter(|(path, _)| Path::new(path).extension() == Some("rs".as_ref()))
        {
            let source = String::from_utf8(bytes.clone()).expect("UTF-8");
            assert!(syn::parse_file(&source).is_ok(), "{contract} {broker}: {path}\n{source}");
        }
        assert_eq!(files["contract/asyncapi.yaml"], std::fs::read(fixture(contract)).expect("read"));
    }
}

#[test]
fn a_dry_run_says_what_a_write_does_and_writes_nothing() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let target = directory.path().join("shop");
    let contract = fixture("orders/orders-v3.yaml");
    let dry = eddy(&[
        "new",
        "rust-service",
        &target.to_string_lossy(),
        "--contract",
        &contract.to_string_lossy(),
        "--set",
        "broker=mqtt",
        "--set",
        "service_name=made-service",
        "--defaults",
        "--dry-run",
        "--format",
        "json",
    ]);
    assert!(dry.status.success() && !target.exists());
    let plan: serde_json::Value = serde_json::from_slice(&dry.stdout).expect("JSON");
    make("orders/orders-v3.yaml", "mqtt", &target);
    let written = tree(&target);
    let planned: BTreeMap<&str, u64> = plan["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| (file["path"].as_str().expect("a path"), file["bytes"].as_u64().expect("a size")))
        .collect();
    let written: BTreeMap<&str, u64> =
        written.iter().map(|(path, bytes)| (path.as_str(), bytes.len() as u64)).collect();
    assert_eq!(planned, written);
}

#[test]
fn compose_workflow_and_dockerfile_fit_the_files_beside_them() {
    for (broker, scheme) in [("nats", "nats"), ("mqtt", "mqtt"), ("redis", "redis")] {
        let directory = tempfile::tempdir().expect("a directory");
        let service = directory.path().join("service");
        make("scaffold/sender.yaml", broker, &service);
        let read = |name: &str| -> serde_json::Value {
            serde_yaml::from_str(&text(service.join(name))).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let compose = read("compose.yaml");
        let own = &compose["services"]["made-service"];
        let build = own["build"].as_str().expect("a directory to build in");
        let dockerfile = text(service.join(build).join("Dockerfile"));
        assert_eq!(own["depends_on"], serde_json::json!(["broker"]));
        assert!(compose["services"]["broker"]["image"].as_str().is_some_and(|image| image.contains(':')));
        let url = own["environment"]["BROKER_URL"].as_str().expect("an address");
        assert!(url.starts_with(&format!("{scheme}://")) && url.contains("broker:"), "{url}");
        // The program that is copied out of the build is the one the package makes.
        assert!(text(service.join("Cargo.toml")).contains("name = \"made-service\""));
        assert!(dockerfile.contains("target/release/made-service"), "{dockerfile}");
        let port = own["ports"][0].as_str().and_then(|ports| ports.rsplit(':').next()).expect("a port");
        assert!(dockerfile.contains(&format!("EXPOSE {port}")), "{dockerfile}");
        let workflow = read(".github/workflows/ci.yaml");
        assert!(workflow["on"]["push"]["branches"].is_array(), "{workflow}");
        let steps = workflow["jobs"]["test"]["steps"].as_array().expect("steps");
        assert!(steps.iter().all(|step| step["run"].is_string() || step["uses"].is_string()));
        assert!(steps.iter().any(|step| step["run"] == "cargo test"));
    }
}

/// What flows where by a Mermaid picture: whether to the service, the address, and the messages.
fn flows(picture: &str) -> BTreeSet<(bool, String, BTreeSet<String>)> {
    let label = |text: &str| -> Option<(String, BTreeSet<String>)> {
        let mut lines = text.split_once("([\"")?.1.split_once("\"])")?.0.split("<br/>");
        let address = lines.next()?.to_owned();
        let messages = lines.next().filter(|line| !line.starts_with('∅')).unwrap_or_default();
        Some((address, messages.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect()))
    };
    let lines: Vec<&str> = picture.lines().map(str::trim).collect();
    let name = |text: &str| text.split(['(', '[', ':']).next().unwrap_or_default().trim().to_owned();
    let nodes: BTreeMap<String, _> = lines
        .iter()
        .flat_map(|line| line.split(" --> "))
        .filter_map(|node| Some((name(node), label(node)?)))
        .collect();
    let arrows = lines.iter().filter_map(|line| line.split_once(" --> "));
    arrows
        .map(|(from, to)| {
            let channel = nodes.get(&name(from)).or_else(|| nodes.get(&name(to))).expect("a channel");
            (nodes.contains_key(&name(from)), channel.0.clone(), channel.1.clone())
        })
        .collect()
}

#[test]
fn the_picture_in_a_readme_is_what_eddy_draws_of_the_contract() {
    for contract in ["orders/orders-v3.yaml", "orders/orders-v2.yaml", "scaffold/recursive.yaml"] {
        let drawn = eddy(&["graph", &fixture(contract).to_string_lossy(), "--format", "mermaid"]);
        let drawn = flows(&String::from_utf8_lossy(&drawn.stdout));
        assert!(!drawn.is_empty(), "{contract}");
        for template in ["go-service", "java-service", "python-service", "typescript-service"] {
            let directory = tempfile::tempdir().expect("temporary directory");
            let service = directory.path().join("service");
            make_from(template, contract, "nats", &service);
            let readme = text(service.join("README.md"));
            let picture = readme.split("```mermaid").nth(1).and_then(|rest| rest.split("```").next());
            assert_eq!(flows(picture.expect("a picture")), drawn, "{template} {contract}");
        }
    }
}

#[test]
fn the_lock_remembers_template_contract_answers_and_files() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let target = directory.path().join("shop");
    make("orders/orders-v2.yaml", "nats", &target);
    let lock: eddy::scaffold::lock::Lock =
        serde_yaml::from_str(&text(target.join("eddy.lock.yaml"))).expect("a lock");
    assert_eq!(
        (lock.template.source.as_str(), lock.answers["broker"].as_str()),
        ("builtin:rust-service", Some("nats"))
    );
    assert_eq!(lock.contract.expect("a contract").version, "1.2.0");
    let written = tree(&target);
    for file in &lock.files {
        assert_eq!(file.sha256, eddy::scaffold::source::sha256(&written[&file.path]), "{}", file.path);
    }
    assert_eq!(lock.files.len() + 2, written.len());
}

/// A copy of a case's input: a project, its template and its contract, which have moved on.
fn moved_on(case: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("temporary directory");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/sync").join(case).join("cmd.in");
    for (path, bytes) in tree(&from) {
        let place = directory.path().join(&path);
        std::fs::create_dir_all(place.parent().expect("a parent")).expect("made");
        std::fs::write(place, bytes).expect("written");
    }
    directory
}

#[test]
fn looking_at_a_sync_changes_nothing_and_says_what_writing_does() {
    for case in ["template-and-contract", "conflict", "accept-breaking"] {
        let directory = moved_on(case);
        let project = directory.path().join("shop");
        let before = tree(&project);
        let dry = sync(&project, &["--dry-run", "--accept-breaking", "--format", "json"]);
        let check = sync(&project, &["--check"]);
        assert_eq!(check.status.code(), Some(1), "{case}");
        assert_eq!(tree(&project), before, "{case}");
        sync(&project, &["--accept-breaking"]);
        let after = tree(&project);
        let said: serde_json::Value = serde_json::from_slice(&dry.stdout).expect("JSON");
        let files = said["files"].as_array().expect("a list").iter();
        let said: Vec<&str> =
            files.filter(|file| file["changes"] == true).filter_map(|file| file["path"].as_str()).collect();
        let paths: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let own = |path: &str| path == "eddy.lock.yaml" || path.starts_with(".eddy/");
        let changed: Vec<&String> =
            paths.into_iter().filter(|path| !own(path) && before.get(*path) != after.get(*path)).collect();
        assert_eq!(said, changed, "{case}");
        assert!(!after.keys().any(|path| path.starts_with(".eddy/") && path != ".eddy/base.ndjson.zst"));
    }
}

#[test]
fn a_conflict_is_named_until_it_is_resolved_and_then_the_project_is_up_to_date() {
    let directory = moved_on("conflict");
    let project = directory.path().join("shop");
    for _ in 0..2 {
        let output = sync(&project, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("`Dockerfile` needs you"));
    }
    assert_eq!(sync(&project, &["--check"]).status.code(), Some(1));
    let marked = text(project.join("Dockerfile"));
    assert_eq!(marked.matches("<<<<<<< yours").count(), 1, "{marked}");
    std::fs::write(project.join("Dockerfile"), "FROM mine:2\nRUN build shop\nCMD run\n").expect("written");
    assert_eq!(sync(&project, &["--check"]).status.code(), Some(0));
    assert_eq!(sync(&project, &[]).status.code(), Some(0));
}

#[test]
fn a_sync_that_was_killed_is_finished_by_the_next() {
    let directory = moved_on("half-done");
    let project = directory.path().join("shop");
    let output = sync(&project, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("finished an interrupted sync"));
    assert!(!project.join(".eddy/sync").exists());
    // What it put there counts as the user's: the template writes the file no more.
    assert_eq!(text(project.join("old.txt")), "2\n");
}

/// A new operation of the contract is one the service does not compile without.
#[test]
fn a_made_service_follows_its_contract() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let project = make_growing("rust-service", &[], directory.path());
    let handlers = text(project.join("src/handlers.rs"));
    std::fs::write(project.join("src/handlers.rs"), format!("{handlers}// mine\n")).expect("written");
    grow(&project);
    assert!(text(project.join("src/generated/operations.rs")).contains("fn on_refund("));
    assert_eq!(text(project.join("src/handlers.rs")), format!("{handlers}// mine\n"));
    assert_eq!(sync(&project, &["--check"]).status.code(), Some(0));
}
