//! Real servers for tests: each on a free port of the loopback interface, in a directory of its own, ended on drop.
//!
//! A server that is not installed is a loud skip, and a failure where `EDDY_REQUIRE_SERVERS=1` is set.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take until it accepts a connection.
const START: Duration = Duration::from_secs(20);

/// A running server.
pub struct Server {
    /// The port it listens on.
    pub port: u16,
    program: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
    directory: TempDir,
}

impl Server {
    /// The directory the server keeps its files in.
    #[allow(dead_code, reason = "not every test binary looks into it")]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends the server at once, as a power cut would.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Holds the server, as a frozen machine would: connections stay, nothing is answered. [`Server::stop`] ends it all the
    /// same.
    #[allow(dead_code, reason = "not every test binary needs it")]
    pub fn freeze(&self) {
        let child = self.child.as_ref().expect("it runs");
        let id = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(id, rustix::process::Signal::STOP).expect("stopped");
    }

    /// Has a frozen server go on.
    #[allow(dead_code, reason = "not every test binary needs it")]
    pub fn thaw(&self) {
        let child = self.child.as_ref().expect("it runs");
        let id = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(id, rustix::process::Signal::CONT).expect("goes on");
    }

    /// Has it read its configuration again.
    #[allow(dead_code, reason = "not every test binary needs it")]
    pub fn reload(&self) {
        let child = self.child.as_ref().expect("it runs");
        let id = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(id, rustix::process::Signal::HUP).expect("told");
    }

    /// Starts it again on the same port with the same files.
    pub fn start(&mut self) {
        let log = std::fs::File::create(self.directory.path().join("log")).expect("a log");
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.program.display()));
        self.child = Some(child);
        self.wait_until_it_accepts();
    }

    fn wait_until_it_accepts(&mut self) {
        let deadline = Instant::now() + START;
        loop {
            // Asked first: who accepts while it runs is the server itself, and nobody who had the port before it.
            let accepts = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            let log = || std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            assert!(ended.is_none(), "{} ended at once:\n{}", self.program.display(), log());
            if accepts {
                return;
            }
            assert!(Instant::now() < deadline, "{} does not accept:\n{}", self.program.display(), log());
            std::thread::yield_now();
        }
    }

    /// Starts a program that listens on `port` and keeps its files in `directory`.
    pub fn launch(program: PathBuf, directory: TempDir, port: u16, arguments: Vec<String>) -> Self {
        let mut server = Self { port, program, arguments, child: None, directory };
        server.start();
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// mosquitto with a configuration of these lines beside the listener; `None` when it is not installed.
pub fn mosquitto(lines: &[&str]) -> Option<Server> {
    let program = program("mosquitto", "EDDY_MOSQUITTO")?;
    let directory = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let mut text = format!("listener {port} 127.0.0.1\npersistence false\nmax_queued_messages 0\n");
    if is_root() {
        text.push_str("user root\n");
    }
    if !lines.iter().any(|line| line.starts_with("allow_anonymous")) {
        text.push_str("allow_anonymous true\n");
    }
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let configuration = directory.path().join("mosquitto.conf");
    std::fs::write(&configuration, text).expect("written");
    let arguments = vec!["-c".to_owned(), configuration.display().to_string()];
    Some(Server::launch(program, directory, port, arguments))
}

/// mosquitto that lets in one user only: `tester` with the password `right`.
#[allow(dead_code, reason = "not every test binary needs it")]
pub fn mosquitto_with_password() -> Option<Server> {
    let _ = program("mosquitto", "EDDY_MOSQUITTO")?;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let (_, path) = file.keep().expect("kept");
    let made =
        Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&path).args(["tester", "right"]).status();
    assert!(made.is_ok_and(|status| status.success()), "mosquitto_passwd comes with mosquitto");
    let line = format!("password_file {}", path.display());
    mosquitto(&["allow_anonymous false", &line])
}

/// mosquitto with its dynamic security plugin, in which `admin` with the password `right` may do everything; `None` when it is
/// not installed.
#[allow(dead_code, reason = "not every test binary needs it")]
pub fn mosquitto_with_dynamic_security() -> Option<Server> {
    let control = program("mosquitto_ctrl", "EDDY_MOSQUITTO_CTRL")?;
    let places = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib",
    ];
    let plugins = places.map(|place| Path::new(place).join("mosquitto_dynamic_security.so"));
    let plugin =
        plugins.into_iter().find(|plugin| plugin.is_file()).expect("the plugin comes with mosquitto");
    let (_, settings) = tempfile::NamedTempFile::new().expect("a file").keep().expect("kept");
    std::fs::remove_file(&settings).expect("only its name is needed");
    let made =
        Command::new(control).args(["dynsec", "init"]).arg(&settings).args(["admin", "right"]).output();
    assert!(made.as_ref().is_ok_and(|made| made.status.success()), "{made:?}");
    let lines = [
        "allow_anonymous false".to_owned(),
        format!("plugin {}", plugin.display()),
        format!("plugin_opt_config_file {}", settings.display()),
    ];
    mosquitto(&lines.each_ref().map(String::as_str))
}

/// nats-server with JetStream and these further arguments; `None` when it is not installed.
#[allow(dead_code, reason = "not every test binary needs it")]
pub fn nats(more: &[&str]) -> Option<Server> {
    let program = program("nats-server", "EDDY_NATS_SERVER")?;
    let directory = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let store = directory.path().join("jetstream").display().to_string();
    let mut arguments: Vec<String> =
        ["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd", &store].map(str::to_owned).into();
    arguments.extend(more.iter().map(|&each| each.to_owned()));
    Some(Server::launch(program, directory, port, arguments))
}

/// nats-server with these lines in its configuration.
#[allow(dead_code, reason = "not every test binary needs it")]
pub fn nats_configured(lines: &str) -> Option<Server> {
    let program = program("nats-server", "EDDY_NATS_SERVER")?;
    let directory = tempfile::tempdir().expect("a directory");
    let configuration = directory.path().join("nats.conf");
    std::fs::write(&configuration, lines).expect("written");
    let port = free_port();
    let configuration = configuration.display().to_string();
    let arguments =
        ["-c", &configuration, "-a", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned).into();
    Some(Server::launch(program, directory, port, arguments))
}

/// nats-server without JetStream.
#[allow(dead_code, reason = "not every test binary needs it")]
pub fn nats_without_jetstream() -> Option<Server> {
    let program = program("nats-server", "EDDY_NATS_SERVER")?;
    let port = free_port();
    let arguments = ["-a", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned).into();
    Some(Server::launch(program, tempfile::tempdir().expect("a directory"), port, arguments))
}

/// A port nobody listens on, and that is given out once.
///
/// It lies below those the system chooses itself (from 32768 on, `ip_local_port_range` of Linux): no connection and no listener
/// of another program takes it while its server starts. Nothing listens on it in order to find out, either: a process that
/// another thread starts meanwhile would have the listener until its own program runs, and answer in place of the server.
///
/// The port 10,000 above it is never given out and lies below those the system chooses, too: a member of a Redis Cluster listens
/// there for the others, and ends after it has begun to accept when it cannot.
pub fn free_port() -> u16 {
    const FIRST: u32 = 16_384;
    const LAST: u32 = 22_767;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Each test process begins somewhere else.
    let begin = std::process::id().wrapping_mul(97);
    for _ in FIRST..=LAST {
        let number = begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + number % (LAST - FIRST + 1)).expect("not above 22767");
        let asked = TcpStream::connect(("127.0.0.1", port));
        if asked.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            return port;
        }
    }
    panic!("somebody listens on every port from {FIRST} to {LAST}");
}

/// The program of this name; a loud skip, or a failure where servers are required, when it is not there.
pub fn program(name: &str, variable: &str) -> Option<PathBuf> {
    let found = find(name, variable);
    if found.is_none() {
        let words = format!("`{name}` is not installed: run scripts/install-test-servers, or set {variable}");
        assert!(std::env::var_os("EDDY_REQUIRE_SERVERS").is_none_or(|value| value != "1"), "{words}");
        eprintln!("SKIPPED: {words}");
    }
    found
}

fn find(name: &str, variable: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(PathBuf::from(path));
    }
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/eddy"));
    let cache = std::env::var_os("EDDY_CACHE").map(PathBuf::from).or(home).map(|cache| cache.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let places = cache.into_iter().chain(std::env::split_paths(&path)).chain(system);
    places.map(|place| place.join(name)).find(|candidate| candidate.is_file())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
