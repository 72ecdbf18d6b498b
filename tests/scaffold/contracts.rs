//! Repositories of `contract-repo`: what their workflow runs passes on the fresh result, and fails when an example does.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::projects::{eddy, sync, text};

const BROKERS: [&str; 5] = ["kafka", "nats", "rabbitmq", "mqtt", "redis"];

fn make(broker: &str, directory: &Path) -> PathBuf {
    let project = directory.join(broker);
    let set = format!("broker={broker}");
    let made = eddy(&["new", "contract-repo", &project.to_string_lossy(), "--set", &set, "--defaults"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    project
}

/// The scripts of the workflow that ask eddy, by the names of their steps.
fn steps(project: &Path) -> Vec<(String, String)> {
    let workflow: serde_json::Value =
        serde_yaml::from_str(&text(project.join(".github/workflows/ci.yaml"))).expect("a workflow");
    let steps = workflow["jobs"]["contracts"]["steps"].as_array().expect("steps");
    let told = |step: &serde_json::Value| {
        Some((step["name"].as_str()?.to_owned(), step["run"].as_str()?.to_owned()))
    };
    steps.iter().filter_map(told).collect()
}

/// As a workflow runs it: one shell that ends at the first failure.
fn run(project: &Path, script: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_eddy"));
    let path = std::env::join_paths(
        std::iter::once(program.parent().expect("a directory").to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    Command::new("bash")
        .args(["-e", "-c", script])
        .current_dir(project)
        .env("PATH", path.expect("a path"))
        .output()
        .expect("bash runs")
}

#[test]
fn a_fresh_contract_repository_passes_its_own_workflow() {
    let directory = tempfile::tempdir().expect("temporary directory");
    for broker in BROKERS {
        let project = make(broker, directory.path());
        let steps = steps(&project);
        let wanted = ["eddy validate", "eddy fmt --check", "eddy graph --check", "eddy validate --events"];
        for command in wanted {
            assert!(steps.iter().any(|(_, script)| script.contains(command)), "{command}: {steps:?}");
        }
        for (name, script) in steps {
            let output = run(&project, &script);
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success(), "{broker}: {name}: {said}");
            assert!(!said.contains("::warning"), "{broker}: {name}: {said}");
        }
        assert_eq!(sync(&project, &["--check"]).status.code(), Some(0));
    }
}

#[test]
fn the_picture_of_a_contract_repository_is_that_of_its_contracts() {
    let directory = tempfile::tempdir().expect("temporary directory");
    for broker in BROKERS {
        let project = make(broker, directory.path());
        let picture = eddy(&["--workspace", &project.to_string_lossy(), "graph", "--format", "mermaid"]);
        let picture = String::from_utf8(picture.stdout).expect("UTF-8");
        assert!(picture.starts_with("flowchart"), "{picture}");
        assert!(text(project.join("README.md")).contains(&picture), "{broker}: {picture}");
    }
}

#[test]
fn an_example_that_breaks_its_schema_fails_the_workflow() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let project = make("nats", directory.path());
    let example = project.join("examples/OrderPlaced.ndjson");
    std::fs::write(&example, text(&example).replace("1800", "-1")).expect("written");
    let failed: Vec<String> = steps(&project)
        .into_iter()
        .filter(|(_, script)| !run(&project, script).status.success())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(failed, ["Example events"]);
}
