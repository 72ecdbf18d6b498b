//! `eddy doctor` as a user runs it, against servers that are there and servers that are not.

mod support;

use std::path::Path;
use std::process::{Command, Output};

use support::servers::{free_port, mosquitto, mosquitto_with_password, nats};

fn doctor(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.arg("doctor").args(arguments).current_dir(directory);
    command.env_remove("EDDY_ENV").env("SHOP_SECRET", "right").output().expect("it runs")
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn servers_that_answer_are_well() {
    let (Some(mqtt), Some(nats)) = (mosquitto(&[]), nats(&[])) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let urls =
        [format!("mqtt://127.0.0.1:{}", mqtt.port), format!("jetstream+nats://127.0.0.1:{}", nats.port)];
    let output = doctor(directory.path(), &[&urls[0], &urls[1], "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = json(&output);
    assert_eq!(report["problems"], serde_json::json!([]));
    assert!(report["servers"][0]["server"].as_str().is_some_and(|text| text.starts_with("mosquitto")));
    assert!(report["servers"][1]["server"].as_str().is_some_and(|text| text.starts_with("nats-server")));
    let output = doctor(directory.path(), &[&urls[0]]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("mosquitto version") && text.contains("no problems"), "{text}");
}

#[test]
fn every_problem_has_a_next_step() {
    let Some(server) = mosquitto_with_password() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let workspace = format!(
        "version: 1\ncontracts: [asyncapi.yaml]\nenvironments:\n  local:\n    default: true\n    servers:\n      \
         main: mqtt://127.0.0.1:{}\n  staging:\n    servers:\n      good: mqtt://127.0.0.1:{}\n      odd: mqt://host\n      \
         unset: mqtt://${{NOT_SET_ANYWHERE}}\n    auth: {{ username: tester, password: \"${{SHOP_SECRET}}\" }}\n  \
         closed:\n    servers:\n      main: mqtt://127.0.0.1:{}\n    auth: {{ username: tester, password: wr0ng-secret }}\n",
        free_port(),
        server.port,
        server.port
    );
    std::fs::write(directory.path().join("eddy.yaml"), workspace).expect("written");
    let output = doctor(directory.path(), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let report = json(&output);
    let problems = report["problems"].as_array().expect("a list");
    let subjects: Vec<&str> = problems.iter().filter_map(|each| each["subject"].as_str()).collect();
    for subject in ["local/main", "staging/odd", "staging/unset", "closed/main", "workspace"] {
        assert!(subjects.contains(&subject), "{subject} in {subjects:?}");
    }
    assert!(problems.iter().all(|each| each["help"].is_string()), "{problems:?}");
    assert!(!subjects.contains(&"staging/good"));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("wr0ng-secret"));
    let output = doctor(directory.path(), &["--env", "staging", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "what is reached is well, the rest is wrong: {output:?}");
    let output = doctor(directory.path(), &["--env", "stagign"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `staging`"), "{output:?}");
}

#[test]
fn a_workspace_may_be_without_contracts() {
    let Some(server) = mosquitto(&[]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("mqtt://127.0.0.1:{}", server.port);
    let workspace = format!("version: 1\nenvironments:\n  local:\n    servers:\n      main: {url}\n");
    std::fs::write(directory.path().join("eddy.yaml"), workspace).expect("written");
    for arguments in [&[url.as_str()][..], &["--env", "local"]] {
        let output = doctor(directory.path(), arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[test]
fn a_secret_with_a_slash_is_not_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let sure = "nats://s3cr/et==@127.0.0.1:4222/x";
    // Where it may be a path as well, it is taken for a secret when nothing is found there.
    for (url, verbs) in
        [(sure, &["doctor", "tail"][..]), ("redis://s3cr/et==@no-such-host.invalid/x", &["tail"])]
    {
        for verb in verbs {
            let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
            let output = command.args([*verb, url]).current_dir(directory.path()).output().expect("it runs");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(!said.contains("s3cr") && !said.contains("et=="), "{verb}: {said}");
            assert!(said.contains("://***@") && said.contains("`%2F`"), "{verb}: {said}");
        }
    }
}

#[test]
fn without_a_workspace_it_says_how_to_begin() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = doctor(directory.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("eddy init"));
}
