//! Templates from git repositories and tar archives, pinned in the lock and followed by a sync, nothing of them run; and what
//! their newer versions move.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

#[cfg(feature = "remote")]
#[path = "support/certificates.rs"]
mod certificates;

fn eddy(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.args(arguments).current_dir(directory).env("NO_COLOR", "1").output().expect("eddy runs")
}

fn done(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    errors
}

/// A repository with a template in it.
struct Repository {
    home: TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self { home: tempfile::tempdir().expect("temporary directory") };
        fs::create_dir(repository.path()).expect("made");
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.write(
            "template.yaml",
            "format: 1\nname: x\nversion: 1.0.0\ndescription: X\nvariables: { name: { default: a } }\n",
        );
        repository.write("a.txt.j2", "one {{ name }}\n");
        repository.commit();
        repository
    }

    fn path(&self) -> PathBuf {
        self.home.path().join("repository")
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.path().join(path), text).expect("written");
    }

    fn git(&self, arguments: &[&str]) -> String {
        let who = ["-c", "user.name=X", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(who).args(arguments).current_dir(self.path()).output();
        let output = output.expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "x"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn name(&self, pin: &str) -> String {
        format!("git+file://{}#{pin}", self.path().display())
    }

    fn new_project(&self, pin: &str) -> Output {
        eddy(self.home.path(), &["new", &self.name(pin), "project", "--defaults"])
    }

    fn in_project(&self, path: &str) -> String {
        fs::read_to_string(self.home.path().join("project").join(path)).expect(path)
    }
}

#[test]
fn a_branch_is_pinned_by_its_commit_and_followed_by_a_sync() {
    let repository = Repository::new();
    let first = repository.git(&["rev-parse", "HEAD"]);
    done(&repository.new_project("main"));
    assert_eq!(repository.in_project("a.txt"), "one a\n");
    assert!(repository.in_project("eddy.lock.yaml").contains(&format!("commit: {first}")));
    repository.write("a.txt.j2", "two {{ name }}\n");
    let second = repository.commit();
    done(&eddy(repository.home.path(), &["sync", "project"]));
    assert_eq!(repository.in_project("a.txt"), "two a\n");
    assert!(repository.in_project("eddy.lock.yaml").contains(&format!("commit: {second}")));
}

#[test]
fn a_commit_stays_and_so_does_a_tag() {
    let repository = Repository::new();
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["tag", "v1"]);
    repository.write("a.txt.j2", "two\n");
    repository.commit();
    for pin in [first.as_str(), "v1"] {
        done(&repository.new_project(pin));
        assert_eq!(repository.in_project("a.txt"), "one a\n");
        let output = eddy(repository.home.path(), &["sync", "project", "--check"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::remove_dir_all(repository.home.path().join("project")).expect("removed");
    }
}

#[test]
fn a_directory_of_a_repository_is_a_template() {
    let repository = Repository::new();
    fs::create_dir_all(repository.path().join("more/y")).expect("made");
    repository.write("more/y/template.yaml", "format: 1\nname: y\nversion: 1.0.0\ndescription: Y\n");
    repository.write("more/y/b.txt", "b\n");
    repository.commit();
    done(&repository.new_project("main:more/y"));
    assert_eq!(repository.in_project("b.txt"), "b\n");
    assert!(!repository.home.path().join("project/a.txt").exists());
}

#[test]
#[cfg(unix)]
fn links_and_submodules_in_a_repository_are_refused() {
    let repository = Repository::new();
    std::os::unix::fs::symlink("/etc/passwd", repository.path().join("link")).expect("linked");
    repository.commit();
    assert!(refused(&repository.new_project("main")).contains("`link` is a symbolic link"));
    let repository = Repository::new();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},inner")]);
    repository.git(&["commit", "--quiet", "--message", "x"]);
    assert!(refused(&repository.new_project("main")).contains("`inner` is a submodule"));
}

#[test]
#[cfg(unix)]
fn no_hook_and_no_filter_is_run() {
    use std::os::unix::fs::PermissionsExt;
    let repository = Repository::new();
    let proof = repository.home.path().join("proof");
    let script = format!("#!/bin/sh\ntouch '{}'\ncat\n", proof.display());
    let hooks = repository.home.path().join("hooks");
    fs::create_dir(&hooks).expect("made");
    for name in ["post-checkout", "reference-transaction", "post-merge", "filter"] {
        fs::write(hooks.join(name), &script).expect("written");
        fs::set_permissions(hooks.join(name), fs::Permissions::from_mode(0o755)).expect("set");
    }
    repository.write(".gitattributes", "*.j2 filter=x\n");
    repository.commit();
    let settings = repository.home.path().join("settings");
    let filter = hooks.join("filter");
    let text = format!(
        "[core]\n\thooksPath = {}\n[filter \"x\"]\n\tsmudge = {}\n\trequired = true\n",
        hooks.display(),
        filter.display()
    );
    fs::write(&settings, text).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_eddy"))
        .args(["new", &repository.name("main"), "project", "--defaults"])
        .current_dir(repository.home.path())
        .env("GIT_CONFIG_GLOBAL", &settings)
        .output()
        .expect("eddy runs");
    done(&output);
    assert_eq!(repository.in_project("a.txt"), "one a\n");
    assert!(!proof.exists(), "something of the surroundings was run");
}

#[test]
fn what_is_no_source_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("temporary directory");
    for name in [
        "ext::sh -c 'touch proof'",
        "git+ext::sh -c 'touch proof'",
        "git+https://user:secret@127.0.0.1:9/x",
        "git+https://127.0.0.1:9/x#--upload-pack=touch",
        "git+ssh://-oProxyCommand=touch/x",
        "https://example.com/x.tar.gz",
        "x.tar.gz",
    ] {
        let errors = refused(&eddy(dir.path(), &["new", name, "project", "--defaults"]));
        assert!(errors.contains("cannot take a template from"), "{name}: {errors}");
        assert!(!errors.contains("secret"), "{errors}");
    }
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 0);
}

#[test]
fn what_cannot_be_reached_says_why() {
    let repository = Repository::new();
    let errors = refused(&repository.new_project("no-such-branch"));
    assert!(errors.contains("no-such-branch"), "{errors}");
    assert!(!repository.home.path().join("project").exists());
}

#[test]
fn an_archive_is_known_by_its_hash() {
    let repository = Repository::new();
    let home = repository.home.path();
    let archive = home.join("x.tar.gz");
    repository.git(&[
        "archive",
        "--format=tar.gz",
        "--prefix=x-1.0/",
        "-o",
        &archive.to_string_lossy(),
        "HEAD",
    ]);
    let wrong = format!("./x.tar.gz#sha256={}", "0".repeat(64));
    let errors = refused(&eddy(home, &["new", &wrong, "project", "--defaults"]));
    let (_, rest) = errors.split_once("its SHA-256 is ").expect("it says the hash");
    let name = format!("./x.tar.gz#sha256={}", &rest[..64]);
    done(&eddy(home, &["new", &name, "project", "--defaults"]));
    assert_eq!(repository.in_project("a.txt"), "one a\n");
    assert!(repository.in_project("eddy.lock.yaml").contains("source: ../x.tar.gz#sha256="));
    done(&eddy(home, &["sync", "project", "--check"]));
}

/// Answers requests over TLS until the test ends; `answer` makes the answer of the head of a request.
#[cfg(feature = "remote")]
fn https(
    certificates: &certificates::Certificates,
    answer: impl Fn(&str) -> Vec<u8> + Send + 'static,
) -> std::net::SocketAddr {
    use std::io::{Read, Write};

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let chain = vec![CertificateDer::from_pem_file(certificates.path("server.pem")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(certificates.path("server.key")).expect("a key");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let settings = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a pair");
    let settings = std::sync::Arc::new(settings);
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let session = rustls::ServerConnection::new(settings.clone()).expect("a session");
            let mut stream = rustls::StreamOwned::new(session, stream);
            let (mut head, mut byte) = (Vec::new(), [0]);
            // Who does not trust the certificate ends before it asks.
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            if head.ends_with(b"\r\n\r\n") {
                // Who has read too much does not read on.
                let _ = stream.write_all(&answer(&String::from_utf8_lossy(&head)));
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    address
}

#[cfg(feature = "remote")]
fn answered(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[cfg(feature = "remote")]
#[test]
fn an_archive_at_an_address_is_fetched_and_known_by_its_hash() {
    let Some(certificates) = certificates::Certificates::make() else { return };
    let repository = Repository::new();
    let home = repository.home.path();
    let file = home.join("x.tar.gz");
    repository.git(&["archive", "--format=tar.gz", "--prefix=x-1.0/", "-o", &file.to_string_lossy(), "HEAD"]);
    let archive = fs::read(&file).expect("made");
    let hash = eddy::scaffold::source::sha256(&archive);
    let address = https(&certificates, move |head| {
        assert!(!head.to_ascii_lowercase().contains("accept-encoding"), "{head}");
        match head.split(' ').nth(1).unwrap_or_default() {
            "/x.tar.gz" => answered("200 OK", "Content-Type: application/gzip\r\n", &archive),
            "/latest" => answered("302 Found", "Location: /x.tar.gz\r\n", b""),
            "/round" => answered("302 Found", "Location: /round\r\n", b""),
            "/plain" => answered("302 Found", "Location: http://127.0.0.1:1/x.tar.gz\r\n", b""),
            "/large" => answered("200 OK", "", &vec![0; (32 << 20) + 1]),
            _ => answered("404 Not Found", "", b""),
        }
    });
    let run = |authority: &str, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
        command.env("SSL_CERT_FILE", certificates.path(authority)).env("NO_PROXY", "*").env("NO_COLOR", "1");
        command.args(arguments).current_dir(home).output().expect("eddy runs")
    };
    let name = |path: &str| format!("https://localhost:{}{path}#sha256={hash}", address.port());
    let new = |name: &str, authority: &str| run(authority, &["new", name, "project", "--defaults"]);
    for (path, authority, reason) in [
        ("/x.tar.gz", "stranger.pem", "certificate"),
        ("/gone", "authority.pem", "404"),
        ("/round", "authority.pem", "redirects more than 5 times"),
        ("/plain", "authority.pem", "it redirects to `http`"),
        ("/large", "authority.pem", "more than 32 MiB"),
    ] {
        let errors = refused(&new(&name(path), authority));
        assert!(errors.contains(reason), "{path}: {errors}");
    }
    let errors = refused(&new(&name("/x.tar.gz").replace(&hash, &"0".repeat(64)), "authority.pem"));
    assert!(errors.contains(&format!("its SHA-256 is {hash}")), "{errors}");
    assert!(!home.join("project").exists());
    done(&new(&name("/latest"), "authority.pem"));
    assert_eq!(repository.in_project("a.txt"), "one a\n");
    assert!(repository.in_project("eddy.lock.yaml").contains(&format!("source: {}", name("/latest"))));
    done(&run("authority.pem", &["sync", "project", "--check"]));
    refused(&run("stranger.pem", &["sync", "project", "--check"]));
}

/// A template in a directory, at a version, with what the version asks for.
fn version(repository: &Repository, version: &str, more: &str) {
    repository
        .write("template.yaml", &format!("format: 1\nname: x\nversion: {version}\ndescription: X\n{more}"));
}

#[test]
fn a_newer_version_moves_files_with_what_was_changed_in_them() {
    let repository = Repository::new();
    let home = repository.home.path();
    let rules = "variables: { mq: { default: nats } }\nfiles: [{ path: note.txt, policy: once }]\n";
    version(&repository, "0.9.0", rules);
    repository.write("a.txt.j2", "1\n2\n3\n4 {{ mq }}\n");
    repository.write("note.txt", "note\n");
    done(&eddy(home, &["new", "./repository", "project", "--set", "mq=kafka", "--defaults"]));
    fs::write(home.join("project/a.txt"), "mine\n2\n3\n4 kafka\n").expect("written");
    fs::remove_file(repository.path().join("note.txt")).expect("removed");
    fs::remove_file(repository.path().join("a.txt.j2")).expect("removed");
    let migrations = "variables: { broker: { default: nats } }\nmigrations:\n  \
        - { to: 0.9.0, rename: { a.txt: never.txt } }\n  \
        - { to: 0.12.0, rename: { b.txt: deep/c.txt }, message: 'b is c now' }\n  \
        - { to: 0.10.0, rename: { a.txt: b.txt }, answers: { mq: broker }, remove: [note.txt] }\n";
    version(&repository, "0.12.0", migrations);
    fs::create_dir(repository.path().join("deep")).expect("made");
    repository.write("deep/c.txt.j2", "1\n2\n3\nfour {{ broker }}\n");
    let shown = done(&eddy(home, &["sync", "project", "--dry-run"]));
    assert!(shown.contains("0.12.0: b is c now") && shown.contains("deep/c.txt  (from `a.txt`)"), "{shown}");
    done(&eddy(home, &["sync", "project"]));
    assert_eq!(repository.in_project("deep/c.txt"), "mine\n2\n3\nfour kafka\n");
    assert!(!home.join("project/a.txt").exists() && !home.join("project/note.txt").exists());
    assert!(repository.in_project("eddy.lock.yaml").contains("broker: kafka"));
    done(&eddy(home, &["sync", "project", "--check"]));
}

#[test]
fn what_the_user_changed_is_not_removed_and_what_he_moved_is_not_moved_again() {
    let repository = Repository::new();
    let home = repository.home.path();
    version(&repository, "1.0.0", "files: [{ path: '*.txt', policy: once }]\n");
    repository.write("a.txt.j2", "a\n");
    repository.write("b.txt", "b\n");
    done(&eddy(home, &["new", "./repository", "project"]));
    fs::write(home.join("project/b.txt"), "mine\n").expect("written");
    fs::rename(home.join("project/a.txt"), home.join("project/c.txt")).expect("moved");
    fs::remove_file(repository.path().join("b.txt")).expect("removed");
    fs::rename(repository.path().join("a.txt.j2"), repository.path().join("c.txt")).expect("moved");
    let migrations = "files: [{ path: '*.txt', policy: once }]\n\
                      migrations: [{ to: 1.1.0, rename: { a.txt: c.txt }, remove: [b.txt] }]\n";
    version(&repository, "1.1.0", migrations);
    done(&eddy(home, &["sync", "project"]));
    assert_eq!(repository.in_project("b.txt"), "mine\n");
    assert_eq!(repository.in_project("c.txt"), "a\n");
    assert!(!home.join("project/a.txt").exists());
}

#[test]
fn an_adopted_project_keeps_its_changes_and_follows_the_template() {
    let repository = Repository::new();
    let home = repository.home.path();
    version(&repository, "1.0.0", "");
    repository.write("a.txt.j2", "1\n2\n3\n4\n");
    repository.write("b.txt", "b\n");
    repository.write("c.txt", "c\n");
    let project = home.join("project");
    fs::create_dir(&project).expect("made");
    fs::write(project.join("a.txt"), "mine\n2\n3\n4\n").expect("written");
    fs::write(project.join("c.txt"), "c\n").expect("written");
    let shown = done(&eddy(home, &["adopt", "./repository", "project", "--dry-run"]));
    assert!(shown.contains("differs  a.txt  (+1 -1)") && shown.contains("missing  b.txt"), "{shown}");
    assert!(
        shown.contains("1 of 3 files as the template makes them, 1 otherwise by 2 lines, 1 missing"),
        "{shown}"
    );
    assert!(!project.join("eddy.lock.yaml").exists());
    done(&eddy(home, &["adopt", "./repository", "project"]));
    done(&eddy(home, &["sync", "project", "--check"]));
    repository.write("a.txt.j2", "1\n2\n3\nfour\n");
    done(&eddy(home, &["sync", "project"]));
    assert_eq!(repository.in_project("a.txt"), "mine\n2\n3\nfour\n");
    assert!(!project.join("b.txt").exists(), "missing counts as deleted");
    let errors = refused(&eddy(home, &["adopt", "./repository", "project"]));
    assert!(errors.contains("is a project of eddy already"), "{errors}");
    fs::remove_dir_all(project.join(".eddy")).expect("removed");
    fs::remove_file(project.join("eddy.lock.yaml")).expect("removed");
    done(&eddy(home, &["adopt", "./repository", "project", "--add-missing"]));
    done(&eddy(home, &["sync", "project"]));
    assert_eq!(repository.in_project("b.txt"), "b\n");
}
