//! Services of `go-service`: laid out and vetted clean, and each passes its own tests against a real server.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{eddy, fixture, make_from, sync, text, tree};

/// Contract, broker. What is in one list runs one after the other, the lists side by side.
const LANES: [&[(&str, &str)]; 2] = [
    &[
        ("orders/orders-v3.yaml", "kafka"),
        ("scaffold/awkward.yaml", "mqtt"),
        ("scaffold/awkward.yaml", "redis"),
    ],
    &[("orders/orders-v3-amqp.yaml", "rabbitmq"), ("orders/orders-v2-nats.yaml", "nats")],
];
/// Servers by our variable, by that of a service, and by their name.
const SERVERS: [(&str, &str, &str); 3] = [
    ("EDDY_NATS_SERVER", "NATS_SERVER", "nats-server"),
    ("EDDY_MOSQUITTO", "MOSQUITTO", "mosquitto"),
    ("EDDY_REDIS_SERVER", "REDIS_SERVER", "redis-server"),
];

/// What `scripts/install-test-servers` keeps outside of the clone.
fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/eddy");
    std::env::var_os("EDDY_CACHE").map_or_else(home, PathBuf::from)
}

/// Go in a project, with the modules that were fetched before and no others.
struct Go {
    project: PathBuf,
    kafka: PathBuf,
}

impl Go {
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.project)
            .env("GOMODCACHE", cache().join("go-service/modules"))
            .env("GOPROXY", "off")
            .env("GOFLAGS", "-mod=readonly")
            .env("EDDY", env!("CARGO_BIN_EXE_eddy"))
            .env("KAFKA_HOME", &self.kafka)
            .env_remove("BROKER_URL");
        for (ours, theirs, _) in SERVERS {
            if let Some(program) = std::env::var_os(ours) {
                command.env(theirs, program);
            }
        }
        if let Some(directory) = std::env::var_os("EDDY_RABBITMQ") {
            command.env("RABBITMQ_SERVER", Path::new(&directory).join("rabbitmq-server"));
        }
        command.output().unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    /// What a run says when it fails.
    fn failure(&self, arguments: &[&str]) -> Option<String> {
        let output = self.run("go", arguments);
        let shown = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        // A test that is passed over proves nothing.
        let whole = output.status.success() && !shown.contains("--- SKIP");
        (!whole).then(|| format!("== {} {arguments:?}\n{shown}", self.project.display()))
    }

    /// The files that `gofmt` would lay out otherwise.
    fn untidy(&self) -> Option<String> {
        let output = self.run("gofmt", &["-d", "."]);
        let shown = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (!output.status.success() || !shown.is_empty()).then_some(shown)
    }
}

/// Whether Go and its modules are there; without them a test is passed over loudly, or fails where everything must be there.
fn go_is_there() -> bool {
    let mut missing = Vec::new();
    if Command::new("go").arg("version").output().is_err() {
        missing.push("go");
    }
    if !cache().join("go-service/installed.txt").exists() {
        missing.push("the Go modules of services");
    }
    there(&missing)
}

/// Whether the servers are there too.
fn servers_are_there() -> bool {
    let has = |variable: &str, name: &str| {
        let program = std::env::var_os(variable).unwrap_or_else(|| OsString::from(name));
        let argument = if name == "mosquitto" { "-h" } else { "--version" };
        Command::new(program).arg(argument).output().is_ok()
    };
    let mut missing: Vec<&str> =
        SERVERS.iter().filter(|(ours, _, name)| !has(ours, name)).map(|(_, _, name)| *name).collect();
    let rabbitmq = std::env::var_os("EDDY_RABBITMQ")
        .map_or_else(|| PathBuf::from("/usr/lib/rabbitmq/bin"), PathBuf::from);
    let files = [("Kafka", cache().join("kafka")), ("RabbitMQ", rabbitmq.join("rabbitmq-server"))];
    missing.extend(files.iter().filter(|(_, path)| !path.exists()).map(|(name, _)| *name));
    there(&missing)
}

fn there(missing: &[&str]) -> bool {
    let required = std::env::var_os("EDDY_REQUIRE_SERVERS").is_some();
    assert!(!required || missing.is_empty(), "missing: {missing:?}; run scripts/install-test-servers");
    if !required {
        eprintln!("SKIPPED: set EDDY_REQUIRE_SERVERS=1 to run the tests of Go services");
    }
    required
}

/// A directory laid out as an unpacked Kafka is.
fn kafka_home(directory: &Path) -> PathBuf {
    let home = directory.join("kafka-home");
    std::fs::create_dir(&home).expect("made");
    std::os::unix::fs::symlink(cache().join("kafka"), home.join("libs")).expect("linked");
    home
}

#[test]
fn go_services_are_clean_and_pass_their_own_tests() {
    if !go_is_there() || !servers_are_there() {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    let kafka = kafka_home(directory.path());
    let lane = |lane: &[(&str, &str)]| -> Vec<String> {
        let mut failures = Vec::new();
        for (contract, broker) in lane {
            let project = directory.path().join(broker);
            make_from("go-service", contract, broker, &project);
            let go = Go { project, kafka: kafka.clone() };
            failures.extend(go.untidy());
            // With what the image is built with; the tests build it without.
            failures.extend(go.failure(&["vet", "-tags", "telemetry", "./..."]));
            failures.extend(go.failure(&["test", "-count=1", "-v", "./..."]));
        }
        failures
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let lanes: Vec<_> = LANES.iter().map(|pairs| scope.spawn(move || lane(pairs))).collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("ended")).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A new operation of the contract is one the service does not compile without, and the compiler names it.
#[test]
fn a_go_service_follows_its_contract() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let contract = directory.path().join("contract.yaml");
    std::fs::copy(fixture("orders/orders-v3-norec.yaml"), &contract).expect("copied");
    let project = directory.path().join("service");
    let made = eddy(&[
        "new",
        "go-service",
        &project.to_string_lossy(),
        "--contract",
        &contract.to_string_lossy(),
        "--set",
        "broker=nats",
        "--defaults",
    ]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let before = tree(&project);
    assert_eq!(sync(&project, &["--check"]).status.code(), Some(0));
    let changed = text(&contract).replace("operations:\n", "  refunds:\n    address: refunds\n    messages:\n      Refund: {payload: {type: object}}\noperations:\n  onRefund:\n    action: receive\n    channel: {$ref: '#/channels/refunds'}\n");
    std::fs::write(&contract, changed).expect("written");
    let output = sync(&project, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("+ operation `onRefund` (receives `refunds`)"));
    assert!(text(project.join("internal/generated/operations/operations.go")).contains("\tOnRefund(ctx "));
    let handlers = project.join("internal/handlers/handlers.go");
    assert_eq!(text(&handlers).into_bytes(), before["internal/handlers/handlers.go"]);
    if !go_is_there() {
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
