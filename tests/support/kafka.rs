//! Apache Kafka for tests: one process that is broker and controller, on free ports, in a directory of its own.
//!
//! It ends with the test program, however that ends: a shell beside it waits for the end of a pipe we hold.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::servers::free_port;

/// How long a server may take until it accepts a connection.
const START: Duration = Duration::from_secs(120);
/// What a short-lived Java program needs, and no more.
const JAVA: [&str; 7] = [
    "-Xms64m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
];
/// Runs the rest of its arguments until its standard input ends.
const KEEPER: &str = "\"$@\" </dev/null & java=$!; cat >/dev/null; kill -9 $java 2>/dev/null; wait $java";

/// A running server.
pub struct Kafka {
    /// The port of the plain listener, or of the only one.
    pub port: u16,
    jars: PathBuf,
    child: Option<(Child, ChildStdin)>,
    directory: TempDir,
}

/// A listener beside the controller's.
pub struct Listener {
    /// `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    pub protocol: &'static str,
    /// Its port.
    pub port: u16,
}

impl Kafka {
    /// A server without authentication; `None` when Java or Kafka are not installed.
    pub fn plain() -> Option<Self> {
        let listener = Listener { protocol: "PLAINTEXT", port: free_port() };
        Self::launch(&[listener], &[], &[])
    }

    /// A server with these listeners, further lines of configuration, and arguments for the formatting of its storage.
    pub fn launch(listeners: &[Listener], lines: &[String], format: &[&str]) -> Option<Self> {
        let jars = jars()?;
        let directory = tempfile::tempdir().expect("a directory");
        let controller = free_port();
        let named = |listener: &Listener| format!("{}://127.0.0.1:{}", listener.protocol, listener.port);
        let all: Vec<String> = listeners.iter().map(named).collect();
        let mut text = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners={},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners={}\n\
             controller.listener.names=CONTROLLER\ninter.broker.listener.name={}\nlog.dirs={}\n",
            all.join(","),
            all.join(","),
            listeners[0].protocol,
            directory.path().join("logs").display(),
        );
        text.push_str(
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,\
             SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\n\
             offsets.topic.num.partitions=1\noffsets.topic.replication.factor=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             transaction.state.log.num.partitions=1\ngroup.initial.rebalance.delay.ms=0\n\
             auto.create.topics.enable=true\nlog.retention.ms=-1\nlog.cleaner.enable=false\n\
             num.network.threads=2\nnum.io.threads=2\nbackground.threads=1\n",
        );
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        std::fs::write(directory.path().join("server.properties"), text).expect("written");
        let mut kafka = Self { port: listeners[0].port, jars, child: None, directory };
        let mut arguments = vec!["format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c"];
        let properties = kafka.directory.path().join("server.properties").display().to_string();
        arguments.push(&properties);
        arguments.extend(format);
        let formatted = kafka.java("kafka.tools.StorageTool").args(arguments).output().expect("java runs");
        assert!(formatted.status.success(), "{formatted:?}");
        kafka.start();
        Some(kafka)
    }

    fn java(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command.args(JAVA).arg("-cp").arg(self.jars.join("*")).arg(class);
        command
    }

    /// Ends the server at once, as a power cut would.
    pub fn stop(&mut self) {
        if let Some((mut keeper, pipe)) = self.child.take() {
            drop(pipe);
            let _ = keeper.wait();
        }
    }

    /// Starts it again on the same ports with the same files.
    pub fn start(&mut self) {
        let log = std::fs::File::create(self.directory.path().join("log")).expect("a log");
        let java = self.java("kafka.Kafka");
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).arg(java.get_program()).args(java.get_args());
        keeper.arg(self.directory.path().join("server.properties"));
        let child = keeper
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("a shell");
        self.child = Some(with_pipe(child));
        self.wait_until_it_accepts();
    }

    fn wait_until_it_accepts(&mut self) {
        let deadline = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            assert!(!log().contains("Exiting Kafka"), "kafka ended at once:\n{}", log());
            assert!(Instant::now() < deadline, "kafka does not accept:\n{}", log());
            std::thread::yield_now();
        }
    }
}

fn with_pipe(mut child: Child) -> (Child, ChildStdin) {
    let pipe = child.stdin.take().expect("a pipe");
    (child, pipe)
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The server that tests share which do not disturb each other: each has topics of its own.
pub fn shared() -> Option<&'static Kafka> {
    static SHARED: LazyLock<Option<Kafka>> = LazyLock::new(Kafka::plain);
    SHARED.as_ref()
}

/// The directory of Kafka's jars; `None` when they or Java are not installed.
fn jars() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/eddy"));
    let cache = std::env::var_os("EDDY_CACHE").map(PathBuf::from).or(home)?;
    let jars = cache.join("kafka");
    let there = std::fs::read_dir(&jars).is_ok_and(|mut files| files.next().is_some())
        && Command::new("java").arg("-version").stderr(Stdio::null()).status().is_ok();
    if there {
        return Some(jars);
    }
    let words = "Kafka is not installed: run scripts/install-test-servers";
    assert!(std::env::var_os("EDDY_REQUIRE_SERVERS").is_none_or(|value| value != "1"), "{words}");
    eprintln!("SKIPPED: {words}");
    None
}
