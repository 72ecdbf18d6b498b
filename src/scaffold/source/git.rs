//! A template in a git repository: one commit of it is fetched into a directory that goes again, and its files are read as
//! they are stored. No hook, no filter and no submodule; nothing is checked out.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use url::Url;

use super::{Collected, MAX_BYTES, MAX_FILES, refused};
use crate::scaffold::error::ScaffoldError;
use crate::scaffold::path_rules;

/// How one may reach a repository; the others are not asked for who they are, or run programs.
const SCHEMES: [&str; 3] = ["https", "ssh", "file"];
/// Longest a fetch may take.
const DEADLINE: Duration = Duration::from_secs(300);
/// Most bytes a fetch may bring.
const MAX_FETCHED: u64 = 256 << 20;
/// Most bytes of what git says of an error that are read.
const MAX_SAID: u64 = 16 << 10;
/// The commit that was fetched.
const FETCHED: &str = "refs/eddy/template";

/// One commit, or what names it, and a directory in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GitSource {
    url: String,
    /// A branch, a tag or a whole commit; `HEAD` when none was named.
    reference: String,
    directory: String,
}

impl GitSource {
    /// As it is written: `git+URL#REF:DIRECTORY`.
    pub(super) fn name(&self) -> String {
        let directory =
            if self.directory.is_empty() { String::new() } else { format!(":{}", self.directory) };
        format!("git+{}#{}{directory}", self.url, self.reference)
    }

    /// Whether it is of this machine.
    pub(super) fn is_local(&self) -> bool {
        self.url.starts_with("file:")
    }
}

/// Reads what stands behind `git+`.
pub(super) fn parse(address: &str) -> Result<GitSource, ScaffoldError> {
    let refuse = |message: &str| refused(&format!("git+{address}"), message.to_owned());
    let (url, pin) = address.split_once('#').unwrap_or((address, "HEAD"));
    let (reference, directory) = pin.split_once(':').unwrap_or((pin, ""));
    if url.starts_with('-') || url.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err(refuse("the address begins with `-`, or has blanks in it"));
    }
    let parsed = Url::parse(url).map_err(|error| refuse(&format!("the address is none: {error}")))?;
    if !SCHEMES.contains(&parsed.scheme()) || url.starts_with(&format!("{}::", parsed.scheme())) {
        return Err(refuse("git is reached by `https://`, `ssh://` or `file://` only"));
    }
    if parsed.password().is_some() || (parsed.scheme() == "https" && !parsed.username().is_empty()) {
        return Err(refuse(
            "it has a password in it, which would be written into the project; let git's credential helper give it",
        ));
    }
    let host = parsed.host_str().unwrap_or_default();
    if host.starts_with('-')
        || parsed.username().starts_with('-')
        || (host.is_empty() && parsed.scheme() != "file")
    {
        return Err(refuse("the host or the user is missing, or begins with `-`"));
    }
    if !is_reference(reference) {
        return Err(refuse(
            "what stands behind `#` is no branch, tag or commit (letters, digits, `.`, `_`, `/`, `-`, not first)",
        ));
    }
    let fault = (!directory.is_empty()).then(|| path_rules::fault_of_path(directory)).flatten();
    if let Some(fault) = fault {
        return Err(refuse(&format!("the directory `{}`: {fault}", directory.escape_debug())));
    }
    Ok(GitSource { url: url.to_owned(), reference: reference.to_owned(), directory: directory.to_owned() })
}

/// Whether git can take a text for nothing but a name; stricter than git-check-ref-format(1).
fn is_reference(text: &str) -> bool {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "._/-".contains(letter);
    let is_part = |part: &str| {
        let starts = part.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_');
        starts
            && !part.ends_with('.')
            && !part.contains("..")
            && part.rsplit_once('.').is_none_or(|(_, end)| end != "lock")
    };
    text.len() <= 250 && text.chars().all(is_allowed) && text.split('/').all(is_part)
}

/// A name for messages: what stands before `@` in an address may be a secret.
pub(super) fn without_secret(name: &str) -> String {
    match (name.find("://"), name.find('@')) {
        (Some(start), Some(end)) if start + 3 < end => {
            let (before, part) = (&name[..start + 3], &name[start + 3..end]);
            let is_token = before.ends_with("https://") && !part.contains('/');
            let is_secret = part.contains(':') || is_token;
            if is_secret { format!("{before}***{}", &name[end..]) } else { name.to_owned() }
        }
        _ => name.to_owned(),
    }
}

/// Files of one commit, and the commit; `commit` counts more than what the source names.
pub(super) fn read(
    source: &GitSource,
    commit: Option<&str>,
) -> Result<(BTreeMap<String, Vec<u8>>, String), ScaffoldError> {
    let wanted = commit.unwrap_or(&source.reference);
    if !is_reference(wanted) {
        return Err(refused(&source.name(), "the commit in the lock is none".to_owned()));
    }
    let fail =
        |error: std::io::Error| refused(&source.name(), format!("no room for temporary files: {error}"));
    let place = tempfile::Builder::new().prefix("eddy-template-").tempdir().map_err(fail)?;
    let repository = Repository { source, directory: place.path() };
    repository.run(&["init", "--quiet", "--bare", "--template=", "."])?;
    repository.fetch(wanted)?;
    let commit = repository.run(&["rev-parse", "--verify", "--quiet", &format!("{FETCHED}^{{commit}}")])?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    Ok((repository.files(&commit)?, commit))
}

struct Repository<'a> {
    source: &'a GitSource,
    directory: &'a Path,
}

/// A file of a commit: its object, its size, its path.
struct Blob {
    object: String,
    size: u64,
    path: String,
}

impl Repository<'_> {
    /// Git with nothing of its surroundings that could lead it elsewhere or make it run something.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.current_dir(self.directory).stdin(Stdio::null()).stderr(Stdio::piped());
        let misleading = [
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_NAMESPACE",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            "GIT_COMMON_DIR",
            "GIT_CONFIG_PARAMETERS",
            "GIT_TEMPLATE_DIR",
            "GIT_EXTERNAL_DIFF",
            "GIT_PROXY_COMMAND",
            "GIT_TRACE",
            "GIT_EXEC_PATH",
            "GIT_CONFIG",
        ];
        for name in misleading {
            command.env_remove(name);
        }
        command.env("GIT_ALLOW_PROTOCOL", SCHEMES.join(":")).env("GIT_PROTOCOL_FROM_USER", "0");
        command.env("GIT_CONFIG_COUNT", "0").env("GIT_TERMINAL_PROMPT", "0").env("GIT_LFS_SKIP_SMUDGE", "1");
        command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        let settings = [
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "protocol.ext.allow=never",
            "gc.auto=0",
            "maintenance.auto=false",
            "fetch.recurseSubmodules=false",
            "http.lowSpeedLimit=1000",
            "http.lowSpeedTime=30",
            "fetch.fsckObjects=true",
            "core.symlinks=false",
        ];
        for setting in settings {
            command.args(["-c", setting]);
        }
        command.args(["--no-pager", "--git-dir=."]).args(arguments);
        command
    }

    fn start(&self, command: &mut Command) -> Result<Child, ScaffoldError> {
        command.spawn().map_err(|error| self.refuse(format!("cannot run git: {error}")))
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, ScaffoldError> {
        let mut command = self.command(arguments);
        let output = self.start(command.stdout(Stdio::piped()))?.wait_with_output();
        let output = output.map_err(|error| self.refuse(format!("cannot run git: {error}")))?;
        if !output.status.success() {
            return Err(self.refuse(said(&output.stderr)));
        }
        Ok(output.stdout)
    }

    /// Brings one commit, within time and space.
    fn fetch(&self, wanted: &str) -> Result<(), ScaffoldError> {
        let refspec = format!("+{wanted}:{FETCHED}");
        let mut command = self.command(&[
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--end-of-options",
            &self.source.url,
            &refspec,
        ]);
        let mut child = self.start(command.stdout(Stdio::null()))?;
        let ends = Instant::now() + DEADLINE;
        let status = loop {
            let status = child.try_wait().map_err(|error| self.refuse(format!("cannot run git: {error}")))?;
            if let Some(status) = status {
                break status;
            }
            let excess = if Instant::now() > ends {
                Some(format!("it took longer than {} s", DEADLINE.as_secs()))
            } else {
                (size_of(self.directory) > MAX_FETCHED)
                    .then(|| format!("the repository has more than {} MiB", MAX_FETCHED >> 20))
            };
            if let Some(message) = excess {
                // It may have ended by itself meanwhile.
                drop(child.kill());
                drop(child.wait());
                return Err(self.refuse(message));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        if status.success() {
            return Ok(());
        }
        let mut text = Vec::new();
        if let Some(errors) = child.stderr.take() {
            drop(errors.take(MAX_SAID).read_to_end(&mut text));
        }
        Err(self.refuse(said(&text)))
    }

    fn files(&self, commit: &str) -> Result<BTreeMap<String, Vec<u8>>, ScaffoldError> {
        let listed = self.run(&["ls-tree", "-r", "-z", "-l", "--full-tree", commit])?;
        let mut collected = Collected::new(self.source.name());
        let mut blobs = Vec::new();
        for line in listed.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let line = std::str::from_utf8(line)
                .map_err(|_| collected.refuse(format!("`{}` is not UTF-8", String::from_utf8_lossy(line))))?;
            if let Some(blob) = self.blob(line, &collected)? {
                collected.expect(blob.size)?;
                if blobs.len() >= MAX_FILES {
                    return Err(collected.refuse(format!("it has more than {MAX_FILES} files")));
                }
                blobs.push(blob);
            }
        }
        self.contents(&blobs, &mut collected)?;
        Ok(collected.files)
    }

    /// A line of `git ls-tree -l`: mode, kind, object, size, tab, path.
    fn blob(&self, line: &str, collected: &Collected) -> Result<Option<Blob>, ScaffoldError> {
        let broken = || collected.refuse("git lists it in a form that is not known".to_owned());
        let (facts, path) = line.split_once('\t').ok_or_else(broken)?;
        let prefix = if self.source.directory.is_empty() {
            String::new()
        } else {
            format!("{}/", self.source.directory)
        };
        let Some(path) = path.strip_prefix(&prefix) else { return Ok(None) };
        let facts: Vec<&str> = facts.split_whitespace().collect();
        let [mode, _, object, size] = facts.as_slice() else { return Err(broken()) };
        match *mode {
            "120000" => Err(collected.refuse(format!("`{path}` is a symbolic link or a special file"))),
            "160000" => Err(collected.refuse(format!("`{path}` is a submodule"))),
            _ => {
                let size = size.parse().map_err(|_| broken())?;
                Ok(Some(Blob { object: (*object).to_owned(), size, path: path.to_owned() }))
            }
        }
    }

    /// The bytes of all of them, by one run of git.
    fn contents(&self, blobs: &[Blob], collected: &mut Collected) -> Result<(), ScaffoldError> {
        let wanted: String = blobs.iter().map(|blob| format!("{}\n", blob.object)).collect();
        let list = self.directory.join("wanted");
        let fail = |error: std::io::Error| self.refuse(format!("cannot read its files: {error}"));
        fs::write(&list, wanted).map_err(fail)?;
        let mut command = self.command(&["cat-file", "--batch"]);
        command.stdin(fs::File::open(&list).map_err(fail)?).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = self.start(&mut command)?;
        let Some(output) = child.stdout.take() else {
            return Err(self.refuse("git says nothing".to_owned()));
        };
        let mut output = BufReader::new(output.take(MAX_BYTES * 2));
        for blob in blobs {
            let mut head = String::new();
            output.read_line(&mut head).map_err(fail)?;
            if !head.starts_with(&blob.object) || !head.trim_end().ends_with(&format!(" {}", blob.size)) {
                return Err(self.refuse(format!("git does not give `{}`", blob.path)));
            }
            let mut bytes = vec![0; usize::try_from(blob.size).unwrap_or(usize::MAX)];
            output.read_exact(&mut bytes).map_err(fail)?;
            output.read_exact(&mut [0]).map_err(fail)?;
            collected.put(&blob.path, bytes)?;
        }
        child.wait().map_err(fail)?;
        Ok(())
    }

    fn refuse(&self, message: String) -> ScaffoldError {
        refused(&self.source.name(), message)
    }
}

/// The last line git said, without the word it begins with.
fn said(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let fatal = text.lines().find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
    let line = fatal.or_else(|| text.lines().last()).unwrap_or("git failed and said nothing");
    let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ");
    line.chars().filter(|letter| !letter.is_control()).collect()
}

fn size_of(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_taken_for_a_flag_or_a_program_is_refused() {
        for address in [
            "ext::sh -c id",
            "ext::sh%20-c%20id#main",
            "http://host/x",
            "git://host/x",
            "file:///x#--upload-pack=id",
            "https://host/x#-main",
            "https://host/x#a..b",
            "https://host/x#a b",
            "https://host/x#@{u}",
            "https://host/x#main:../y",
            "https://host/x#main:/etc",
            "ssh://-oProxyCommand=id/x",
            "ssh://-u@host/x",
            "--upload-pack=id",
            "https://user:secret@host/x",
            "https://token@host/x",
            "host:x",
            "https://host/x#",
            "https::ext::x",
        ] {
            let error = parse(address).expect_err(address);
            assert!(matches!(error, ScaffoldError::BadSource { .. }), "{address}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_names_a_repository_is_read_and_written_again() {
        for name in
            ["https://host/a/b.git#v1.2.0", "ssh://git@host/x#HEAD", "file:///srv/x#release/2:templates/x"]
        {
            assert_eq!(parse(name).expect(name).name(), format!("git+{name}"));
        }
        assert_eq!(parse("https://host/x").expect("parses").name(), "git+https://host/x#HEAD");
    }
}
