//! A program that prints a value: how its words are written, and how it is run. No shell takes part.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a program may take, which includes a user who is asked for a passphrase.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes taken of what it prints.
const MOST: u64 = 64 * 1024;
/// Lines shown of what it complains.
const LINES: usize = 5;

/// Splits a line at blanks; `'…'` and `"…"` hold words together, `\` takes the next character as it is. Nothing is
/// expanded, and what only a shell understands is refused.
pub(super) fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(next) = rest.next() {
        match next {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        None => return Err(format!("a command has {next} without its end")),
                        Some(end) if end == next => break,
                        Some('\\') if next == '"' => word.extend(rest.next()),
                        Some(inside) => word.push(inside),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(rest.next()),
            '|' | ';' | '<' | '>' | '&' | '`' => {
                return Err(format!(
                    "a command is run without a shell, so `{next}` has no meaning; write `[sh, -c, \"…\"]` for a shell"
                ));
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Runs a program in `directory` and returns what it prints, without the last end of line.
///
/// # Errors
/// In words, with what it said on its standard error.
pub(super) fn run(words: &[String], directory: &Path, patience: Duration) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("there is no program")?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot run `{program}`: {error}"))?;
    let deadline = Instant::now() + patience;
    let (out, err) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let outcome = wait(&mut child, &out, deadline);
    let Some((printed, status)) = outcome else {
        // It may have ended by itself meanwhile.
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("`{program}` did not end within {} s", patience.as_secs_f32()));
    };
    // Before its status: it may have failed because we read no further.
    if printed.len() as u64 > MOST {
        return Err(format!("`{program}` printed more than {MOST} bytes"));
    }
    if !status.success() {
        let said = err.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        return Err(format!("`{program}` failed ({status}){}", last_lines(&said)));
    }
    let text =
        String::from_utf8(printed).map_err(|_| format!("`{program}` printed something that is not text"))?;
    let text = without_end_of_line(&text);
    if text.is_empty() { Err(format!("`{program}` printed nothing")) } else { Ok(text.to_owned()) }
}

/// Waits for the end of the output, then of the program.
fn wait(
    child: &mut Child,
    out: &Receiver<Vec<u8>>,
    deadline: Instant,
) -> Option<(Vec<u8>, std::process::ExitStatus)> {
    let left = || deadline.saturating_duration_since(Instant::now());
    let printed = match out.recv_timeout(left()) {
        Ok(printed) => printed,
        Err(RecvTimeoutError::Timeout) => return None,
        Err(RecvTimeoutError::Disconnected) => Vec::new(),
    };
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some((printed, status)),
            Ok(None) if !left().is_zero() => std::thread::sleep(Duration::from_millis(2)),
            _ => return None,
        }
    }
}

/// Reads on a thread of its own, so that neither of the two outputs can fill up.
fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    if let Some(stream) = stream {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut limited = stream.take(MOST + 1);
            // What was read until the failure is all there is.
            let _ = limited.read_to_end(&mut bytes);
            let _ = send.send(bytes);
        });
    }
    receive
}

fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    if last.is_empty() { String::new() } else { format!(": {}", last.join("\n  ")) }
}

/// The text without one end of line at its end.
pub(super) fn without_end_of_line(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::{run, split};

    fn words(line: &str) -> Vec<String> {
        split(line).expect("words")
    }

    #[test]
    fn words_are_split_as_a_shell_would_and_nothing_is_expanded() {
        assert_eq!(words("pass show  kafka"), ["pass", "show", "kafka"]);
        assert_eq!(words(r#"a 'b "c' "d 'e\"" f\ g ''"#), ["a", "b \"c", "d 'e\"", "f g", ""]);
        assert_eq!(words("echo $HOME *"), ["echo", "$HOME", "*"]);
        assert!(split("a 'b").is_err());
        assert!(split("a | b").expect_err("a pipe").contains("without a shell"));
        assert!(words(" ").is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_program_gives_its_output_or_its_reason() {
        let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let go = |words: &[&str]| run(&list(words), Path::new("/"), Duration::from_secs(20));
        assert_eq!(go(&["printf", "a b\n\n"]).as_deref(), Ok("a b\n"), "one end of line is taken off");
        assert_eq!(go(&["pwd"]).as_deref(), Ok("/"));
        let failed = go(&["sh", "-c", "echo no such entry >&2; exit 3"]).expect_err("it fails");
        assert!(failed.contains("exit status: 3") && failed.ends_with(": no such entry"), "{failed}");
        assert!(go(&["true"]).expect_err("silent").contains("printed nothing"));
        assert!(go(&["no-such-program-anywhere"]).expect_err("absent").contains("cannot run"));
        assert!(go(&["head", "-c", "100000", "/dev/zero"]).expect_err("long").contains("more than"));
        assert!(go(&["printf", "\\377"]).expect_err("bytes").contains("not text"));
        let began = Instant::now();
        let late = run(&list(&["sleep", "60"]), Path::new("/"), Duration::from_millis(50)).expect_err("late");
        assert!(late.contains("did not end within"), "{late}");
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}
