//! Projects made from templates, and what their own tests need: servers, the libraries of Kafka, packages, eddy itself.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Servers by our variable, by that of a service, and by their name.
const SERVERS: [(&str, &str, &str); 3] = [
    ("EDDY_NATS_SERVER", "NATS_SERVER", "nats-server"),
    ("EDDY_MOSQUITTO", "MOSQUITTO", "mosquitto"),
    ("EDDY_REDIS_SERVER", "REDIS_SERVER", "redis-server"),
];

/// Contract and broker of services. What is in one list runs one after the other, the lists side by side.
pub type Lanes = [&'static [(&'static str, &'static str)]; 2];

/// The few services that everyday tests make, or with `EDDY_TEMPLATES_MATRIX=all` one over every system.
pub fn lanes(few: Lanes, all: Lanes) -> Lanes {
    if std::env::var_os("EDDY_TEMPLATES_MATRIX").is_some_and(|value| value == "all") { all } else { few }
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub fn eddy(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_eddy")).args(arguments).output().expect("eddy runs")
}

pub fn make_from(template: &str, contract: &str, broker: &str, target: &Path) {
    let contract = fixture(contract);
    let output = eddy(&[
        "new",
        template,
        &target.to_string_lossy(),
        "--contract",
        &contract.to_string_lossy(),
        "--set",
        &format!("broker={broker}"),
        "--set",
        "service_name=made-service",
        "--defaults",
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path.as_ref())
        .unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

pub fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let inside = path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/");
                files.insert(inside, std::fs::read(&path).expect("read"));
            }
        }
    }
    files
}

pub fn sync(project: &Path, flags: &[&str]) -> Output {
    let project = project.to_string_lossy();
    eddy(&[&["sync", project.as_ref()], flags].concat())
}

/// Makes a service from a copy of a contract; `grow` gives the contract one more operation that receives, `onRefund`.
pub fn make_growing(template: &str, more: &[&str], directory: &Path) -> PathBuf {
    let contract = directory.join("contract.yaml");
    std::fs::copy(fixture("orders/orders-v3-norec.yaml"), &contract).expect("copied");
    let project = directory.join("service");
    let places = (project.to_string_lossy(), contract.to_string_lossy());
    let always = ["new", template, &places.0, "--contract", &places.1, "--set", "service_name=made-service"];
    let made = eddy(&[&always, more, &["--defaults"]].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(sync(&project, &["--check"]).status.code(), Some(0));
    project
}

/// Gives the contract of [`make_growing`] the operation `onRefund` and brings the project up to it.
pub fn grow(project: &Path) {
    let contract = project.with_file_name("contract.yaml");
    let changed = text(&contract).replace("operations:\n", "  refunds:\n    address: refunds\n    messages:\n      Refund: {payload: {type: object}}\noperations:\n  onRefund:\n    action: receive\n    channel: {$ref: '#/channels/refunds'}\n");
    std::fs::write(&contract, changed).expect("written");
    let output = sync(project, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("+ operation `onRefund` (receives `refunds`)"));
}

/// What `scripts/install-test-servers` keeps outside of the clone.
pub fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/eddy");
    std::env::var_os("EDDY_CACHE").map_or_else(home, PathBuf::from)
}

/// Tells a service's own tests where servers and eddy are.
pub fn with_servers<'a>(command: &'a mut Command, kafka: &Path) -> &'a mut Command {
    command.env("EDDY", env!("CARGO_BIN_EXE_eddy")).env("KAFKA_HOME", kafka).env_remove("BROKER_URL");
    for (ours, theirs, _) in SERVERS {
        if let Some(program) = std::env::var_os(ours) {
            command.env(theirs, program);
        }
    }
    if let Some(directory) = std::env::var_os("EDDY_RABBITMQ") {
        command.env("RABBITMQ_SERVER", Path::new(&directory).join("rabbitmq-server"));
    }
    command
}

/// Whether all is there, with the packages whose list lies in the cache; without it the test is passed over loudly, or
/// fails where everything must be there.
pub fn installed(packages: &str) -> bool {
    let has = |variable: &str, name: &str| {
        let program = std::env::var_os(variable).unwrap_or_else(|| OsString::from(name));
        let argument = if name == "mosquitto" { "-h" } else { "--version" };
        Command::new(program).arg(argument).output().is_ok()
    };
    let mut missing: Vec<&str> =
        SERVERS.iter().filter(|(ours, _, name)| !has(ours, name)).map(|(_, _, name)| *name).collect();
    let rabbitmq = std::env::var_os("EDDY_RABBITMQ")
        .map_or_else(|| PathBuf::from("/usr/lib/rabbitmq/bin"), PathBuf::from);
    let files = [
        (packages, cache().join(packages)),
        ("Kafka", cache().join("kafka")),
        ("RabbitMQ", rabbitmq.join("rabbitmq-server")),
    ];
    missing.extend(files.iter().filter(|(_, path)| !path.exists()).map(|(name, _)| *name));
    let required = std::env::var_os("EDDY_REQUIRE_SERVERS").is_some();
    assert!(!required || missing.is_empty(), "missing: {missing:?}; run scripts/install-test-servers");
    if !required {
        eprintln!("SKIPPED: set EDDY_REQUIRE_SERVERS=1 to run the tests of services");
    }
    required
}

/// A directory laid out as an unpacked Kafka is.
pub fn kafka_home(directory: &Path) -> PathBuf {
    let home = directory.join("kafka-home");
    std::fs::create_dir(&home).expect("made");
    std::os::unix::fs::symlink(cache().join("kafka"), home.join("libs")).expect("linked");
    home
}

/// What a run says when it has failed, or passed a test over: that proves nothing.
pub fn failure(
    project: &Path,
    what: &str,
    output: Output,
    passed_over: impl Fn(&str) -> bool,
) -> Option<String> {
    let shown = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let whole = output.status.success() && !passed_over(&shown);
    (!whole).then(|| format!("== {} {what}\n{shown}", project.display()))
}

/// Does the work of every lane side by side, and gathers what has failed.
pub fn side_by_side<T: Sync>(lanes: &[T], work: impl Fn(usize, &T) -> Vec<String> + Sync) {
    let failures: Vec<String> = std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> =
            lanes.iter().enumerate().map(|(number, lane)| scope.spawn(move || work(number, lane))).collect();
        running.into_iter().flat_map(|lane| lane.join().expect("ended")).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
