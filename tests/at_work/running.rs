//! Commands that run to their end, and commands in the background whose words are waited for.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(120);

fn eddy(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.current_dir(folder).args(arguments).env_remove("EDDY_ENV").stdin(Stdio::null());
    command
}

/// The exit code, and all it says.
pub fn runs(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = eddy(folder, arguments).output().expect("eddy runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// What it writes to stdout; it must succeed.
pub fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = eddy(folder, arguments).output().expect("eddy runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {}\n{error}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// What a stream has said until now.
struct Said {
    text: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Said {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read) = stream.read(&mut bytes) {
                if read == 0 {
                    return;
                }
                into.lock().expect("whole").push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        Self { text, reader }
    }

    fn now(&self) -> String {
        self.text.lock().expect("whole").clone()
    }
}

/// A command in the background; it ends with the test.
pub struct Running {
    name: String,
    child: Child,
    stdout: Option<Said>,
    stderr: Option<Said>,
}

impl Running {
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = eddy(folder, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("eddy starts");
        let stdout = child.stdout.take().map(Said::of);
        let stderr = child.stderr.take().map(Said::of);
        Self { name: arguments.join(" "), child, stdout, stderr }
    }

    fn words(&self) -> (String, String) {
        let now = |said: &Option<Said>| said.as_ref().map(Said::now).unwrap_or_default();
        (now(&self.stdout), now(&self.stderr))
    }

    /// Waits until it says this on stderr.
    pub fn says(&mut self, words: &str) {
        self.wait_for(words, |(_, stderr)| stderr.contains(words));
    }

    /// Waits until it shows this on stdout.
    pub fn shows(&mut self, words: &str) {
        self.wait_for(words, |(stdout, _)| stdout.contains(words));
    }

    /// Waits until something else is so, while it runs.
    pub fn wait_until(&mut self, what: &str, is_so: impl Fn() -> bool) {
        self.wait_for(what, |_| is_so());
    }

    fn wait_for(&mut self, what: &str, is_so: impl Fn(&(String, String)) -> bool) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let ended = self.child.try_wait().expect("asked").is_some();
            let words = self.words();
            if is_so(&words) {
                return;
            }
            assert!(!ended || !self.is_silent(), "`eddy {}` ended before `{what}`: {words:?}", self.name);
            assert!(Instant::now() < deadline, "`eddy {}` does not come to `{what}`: {words:?}", self.name);
            std::thread::yield_now();
        }
    }

    /// Whether all it said was read.
    fn is_silent(&self) -> bool {
        [&self.stdout, &self.stderr].into_iter().flatten().all(|said| said.reader.is_finished())
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a signal");
    }

    /// The exit code and all it said, once it has ended.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("asked") {
                break status;
            }
            assert!(Instant::now() < deadline, "`eddy {}` does not end: {:?}", self.name, self.words());
            std::thread::yield_now();
        };
        let mut all = String::new();
        for said in [self.stdout.take(), self.stderr.take()].into_iter().flatten() {
            said.reader.join().expect("a thread");
            all.push_str(&said.text.lock().expect("whole"));
        }
        (status.code(), all)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
