//! Runs eddy itself as a child, showing each command line so that it can be repeated by hand.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::commands::{CommandError, Context, ErrorKind};

/// The program, where it runs, and what it has been asked so far.
pub struct Shell<'a> {
    context: &'a Context,
    program: PathBuf,
    directory: PathBuf,
    /// Show what the commands print.
    show: bool,
    history: Vec<String>,
}

/// A command that goes on in the background.
pub struct Background {
    line: String,
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl<'a> Shell<'a> {
    /// A shell in `directory`; with `show` the commands' output is passed on.
    pub fn new(context: &'a Context, directory: PathBuf, show: bool) -> Result<Self, CommandError> {
        let program = context.environment.program().ok_or_else(|| {
            CommandError::new(ErrorKind::Internal, "the path of the program itself is not known")
        })?;
        Ok(Self { context, program: program.to_owned(), directory, show, history: Vec::new() })
    }

    /// Every command line so far.
    pub fn history(&self) -> &[String] {
        &self.history
    }

    /// Notes a command line that was not run as a child, and shows it.
    pub fn note(&mut self, line: &str) {
        self.context.ui.say(format!("  {} {line}", self.context.ui.dim("$")));
        self.history.push(line.to_owned());
    }

    /// Runs a command to its end, its output passed on; any exit code but the one expected is an error.
    pub async fn run(&mut self, arguments: &[&str], expected: i32) -> Result<(), CommandError> {
        let mut command = self.command(arguments);
        if self.show {
            command.stdout(Stdio::inherit());
        }
        self.finish(command, arguments, expected).await.map(drop)
    }

    /// Runs a command to its end and returns its stdout; any exit code but the one expected is an error.
    pub async fn output(&mut self, arguments: &[&str], expected: i32) -> Result<Vec<u8>, CommandError> {
        let command = self.command(arguments);
        self.finish(command, arguments, expected).await
    }

    async fn finish(
        &mut self,
        mut command: Command,
        arguments: &[&str],
        expected: i32,
    ) -> Result<Vec<u8>, CommandError> {
        let line = command_line(arguments);
        self.note(&line);
        if self.show {
            command.stderr(Stdio::inherit());
        }
        let output = command.stdin(Stdio::null()).spawn()?.wait_with_output().await?;
        let code = output.status.code().unwrap_or(-1);
        if code != expected {
            return Err(unexpected(&line, code, &String::from_utf8_lossy(&output.stderr)));
        }
        Ok(output.stdout)
    }

    /// Starts a command that goes on in the background; it ends with this process. The arguments `between_us` are not
    /// shown: they would stop a command that is started by hand with `&`.
    pub fn start(&mut self, arguments: &[&str], between_us: &[&str]) -> Result<Background, CommandError> {
        let line = command_line(arguments);
        self.note(&format!("{line} &"));
        let mut command = self.command(arguments);
        command.args(between_us);
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        let missing = || CommandError::new(ErrorKind::Internal, format!("`{line}` has no output to read"));
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let (stdout, stderr) = (BufReader::new(stdout).lines(), BufReader::new(stderr).lines());
        Ok(Background { line, child, stdout, stderr })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let ui = &self.context.ui;
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .args(["--color", if self.show && ui.color_stdout { "always" } else { "never" }])
            .current_dir(&self.directory)
            .env("COLUMNS", ui.width.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

impl Background {
    /// The next line of its stdout.
    pub async fn line(&mut self) -> Result<String, CommandError> {
        match self.stdout.next_line().await? {
            Some(line) => Ok(line),
            None => Err(self.ended().await),
        }
    }

    /// Waits until a line of its stderr holds `words`.
    pub async fn until_says(&mut self, words: &str) -> Result<(), CommandError> {
        loop {
            match self.stderr.next_line().await? {
                Some(line) if line.contains(words) => return Ok(()),
                Some(_) => {}
                None => return Err(self.ended().await),
            }
        }
    }

    /// Closes its stdin and waits for its end.
    pub async fn finish(mut self) -> Result<(), CommandError> {
        drop(self.child.stdin.take());
        let status = self.child.wait().await?;
        if status.success() { Ok(()) } else { Err(self.ended().await) }
    }

    /// Asks it to stop, as Ctrl-C does, and waits for its end.
    pub async fn interrupt(mut self) -> Result<(), CommandError> {
        #[cfg(unix)]
        {
            let id = self
                .child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .and_then(rustix::process::Pid::from_raw);
            if let Some(id) = id {
                rustix::process::kill_process(id, rustix::process::Signal::INT)
                    .map_err(std::io::Error::from)?;
            }
        }
        #[cfg(not(unix))]
        self.child.start_kill()?;
        let status = self.child.wait().await?;
        let code = status.code().unwrap_or(-1);
        if code == 130 || status.success() { Ok(()) } else { Err(self.ended().await) }
    }

    async fn ended(&mut self) -> CommandError {
        let code = self.child.wait().await.ok().and_then(|status| status.code()).unwrap_or(-1);
        let mut said = String::new();
        while let Ok(Some(line)) = self.stderr.next_line().await {
            said.push_str(&line);
            said.push('\n');
        }
        unexpected(&self.line, code, &said)
    }
}

fn command_line(arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|argument| {
        let plain = |each: char| each.is_ascii_alphanumeric() || "-_./:=@%+,".contains(each);
        if !argument.is_empty() && argument.chars().all(plain) {
            (*argument).to_owned()
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    });
    std::iter::once("eddy".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

fn unexpected(line: &str, code: i32, said: &str) -> CommandError {
    let said = said.trim();
    let message = format!("`{line}` ended with {code}{}{said}", if said.is_empty() { "" } else { ": " });
    CommandError::new(ErrorKind::Delivery, message)
        .hint("run it by hand in the workspace to see more, and report it if eddy is to blame")
}

#[cfg(test)]
mod tests {
    use super::command_line;

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        assert_eq!(command_line(&["tail", "mqtt://h:1/#", "it's"]), r"eddy tail 'mqtt://h:1/#' 'it'\''s'");
    }
}
