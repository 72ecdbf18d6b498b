//! Apicurio Registry for tests: in memory, on a free port, with the API of Confluent's Schema Registry.
//!
//! It ends with the test program, however that ends: a shell beside it waits for the end of a pipe we hold.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::servers::free_port;

/// How long the server may take until it answers.
const START: Duration = Duration::from_secs(120);
/// What a short-lived Java program needs, and no more.
const JAVA: [&str; 4] = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData"];
/// Runs the rest of its arguments until its standard input ends.
const KEEPER: &str = "\"$@\" </dev/null & java=$!; cat >/dev/null; kill -9 $java 2>/dev/null; wait $java";
/// Where it speaks the API.
const PATH: &str = "/apis/ccompat/v7";

/// A running registry.
pub struct RegistryServer {
    /// The port it listens on.
    pub port: u16,
    keeper: Child,
    /// Its end is the end of the server.
    pipe: Option<ChildStdin>,
}

impl RegistryServer {
    fn launch() -> Option<Self> {
        let (folder, program) = program()?;
        let port = free_port();
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh", "java"]).args(JAVA);
        command.arg(format!("-Dquarkus.http.port={port}")).arg("-Dquarkus.http.host=127.0.0.1");
        command.arg("-Dquarkus.log.level=WARN").arg("-jar").arg(program).current_dir(folder);
        let started = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut keeper = started.expect("a shell");
        let pipe = keeper.stdin.take();
        let server = Self { port, keeper, pipe };
        let deadline = Instant::now() + START;
        while server.ask("GET", "/schemas/types", "").is_none_or(|(status, _)| status != 200) {
            assert!(Instant::now() < deadline, "the registry does not answer");
            std::thread::yield_now();
        }
        Some(server)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Registers a schema for a subject and tells its number. `references` are name, subject and version.
    pub fn register(&self, subject: &str, kind: &str, text: &str, references: &[(&str, &str, u32)]) -> u32 {
        let references: Vec<_> = references
            .iter()
            .map(|(name, subject, version)| serde_json::json!({"name": name, "subject": subject, "version": version}))
            .collect();
        let body = serde_json::json!({"schema": text, "schemaType": kind, "references": references});
        let (status, answer) =
            self.ask("POST", &format!("/subjects/{subject}/versions"), &body.to_string()).expect("an answer");
        assert_eq!(status, 200, "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        u32::try_from(answer["id"].as_u64().expect("a number")).expect("a small one")
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let head = format!(
            "{method} {PATH}{path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some((status, body.to_owned()))
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.keeper.wait();
    }
}

/// The server that tests share: each has subjects of its own.
pub fn shared() -> Option<&'static RegistryServer> {
    static SHARED: LazyLock<Option<RegistryServer>> = LazyLock::new(RegistryServer::launch);
    SHARED.as_ref()
}

/// The folder of the server and its program; `None` when it or Java are not installed.
fn program() -> Option<(PathBuf, PathBuf)> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/eddy"));
    let folder = std::env::var_os("EDDY_CACHE").map(PathBuf::from).or(home)?.join("apicurio");
    let is_program = |path: &PathBuf| path.to_string_lossy().ends_with("-runner.jar");
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let found = files.map(|file| file.path()).find(is_program);
    let has_java = Command::new("java").arg("-version").stderr(Stdio::null()).status().is_ok();
    if let Some(found) = found.filter(|_| has_java) {
        return Some((folder, found));
    }
    let words = "the schema registry is not installed: run scripts/install-test-servers";
    assert!(std::env::var_os("EDDY_REQUIRE_SERVERS").is_none_or(|value| value != "1"), "{words}");
    eprintln!("SKIPPED: {words}");
    None
}
