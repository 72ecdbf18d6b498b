//! `eddy validate` on what lies elsewhere or moves: schemas at an address, documents that changed since a revision, and
//! files that change while they are watched.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long anything here may take.
const DEADLINE: Duration = Duration::from_secs(30);

fn eddy(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.args(arguments).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    command
}

fn validate(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["validate", "--format", "concise"];
    all.extend(arguments);
    let Output { status, stdout, stderr } = eddy(folder, &all).output().unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// A server on a free port that answers each path once asked, and remembers what it was asked for.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let remembered = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let path = request_path(&stream);
            remembered.lock().unwrap().push(path.clone());
            let _ = (&stream).write_all(answer(&path).as_bytes());
        }
    });
    Server { address, asked }
}

fn request_path(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().and_then(Result::ok).unwrap_or_default();
    while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
    first.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn document(reference: &str) -> String {
    format!(
        "asyncapi: 3.0.0\ninfo: {{title: T, version: 1.0.0}}\ncomponents:\n  messages:\n    placed:\n      payload: {{$ref: '{reference}'}}\n      examples:\n        - payload: {{amount: many}}\n"
    )
}

#[cfg(feature = "remote")]
#[test]
fn remote_schemas_are_fetched_once_locked_and_used_without_network() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(|path| match path {
        "/order.json" => ok(r#"{"properties": {"amount": {"$ref": "parts/amount.json"}}}"#),
        "/parts/amount.json" => ok(r#"{"type": "integer"}"#),
        _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    });
    let reference = format!("{}/order.json", server.address);
    fs::write(folder.path().join("a.yaml"), document(&reference)).unwrap();

    let (code, said) = validate(folder.path(), &["a.yaml"]);
    assert!(said.contains("ED0303") && code == Some(0), "{said}");
    assert!(server.asked.lock().unwrap().is_empty());

    let (code, said) = validate(folder.path(), &["a.yaml", "--allow-remote"]);
    assert!(said.contains("ED2401") && said.contains("2 documents") && code == Some(1), "{said}");
    assert_eq!(*server.asked.lock().unwrap(), ["/order.json", "/parts/amount.json"]);

    let (_, said) = validate(folder.path(), &["a.yaml"]);
    assert!(said.contains("ED2401") && !said.contains("ED0303"), "{said}");
    assert_eq!(server.asked.lock().unwrap().len(), 2);

    let copies = folder.path().join(".eddy/refs");
    for copy in fs::read_dir(&copies).unwrap() {
        fs::write(copy.unwrap().path(), "{}").unwrap();
    }
    let (code, said) = validate(folder.path(), &["a.yaml"]);
    assert!(said.contains("error[ED0307]") && code == Some(1), "{said}");
}

#[cfg(feature = "remote")]
#[test]
fn what_cannot_be_fetched_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(|path| {
        match path {
        "/round" => {
            "HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
        }
        "/file" => {
            "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                .to_owned()
        }
        "/huge" => ok(&" ".repeat(17 * 1024 * 1024)),
        _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    }
    });
    for (path, reason) in [
        ("/round", "redirects more than 5 times"),
        ("/file", "302 Found"),
        ("/huge", "larger than"),
        ("/gone", "404"),
    ] {
        fs::write(folder.path().join("a.yaml"), document(&format!("{}{path}", server.address))).unwrap();
        let (code, said) = validate(folder.path(), &["a.yaml", "--allow-remote"]);
        assert!(said.contains("error[ED0306]") && said.contains(reason) && code == Some(1), "{path}: {said}");
    }
    fs::write(folder.path().join("a.yaml"), document("ftp://example.org/a.json")).unwrap();
    let (_, said) = validate(folder.path(), &["a.yaml", "--allow-remote"]);
    assert!(said.contains("only http and https are fetched"), "{said}");
    assert!(!folder.path().join("eddy.refs.lock").exists());
}

fn git(folder: &Path, arguments: &[&str]) {
    let settings = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").arg("-C").arg(folder).args(settings).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn only_documents_that_changed_or_refer_to_what_changed_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (path, write) =
        (folder.path(), |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap());
    write("a.yaml", &document("part.yaml"));
    write("b.yaml", &document("other.yaml"));
    write("part.yaml", "{$ref: inner.yaml}\n");
    write("inner.yaml", "{type: object}\n");
    write("other.yaml", "{type: object}\n");
    git(path, &["init", "-q"]);
    git(path, &["add", "."]);
    git(path, &["commit", "-q", "-m", "first"]);

    let (code, said) = validate(path, &["a.yaml", "b.yaml", "--changed-since", "HEAD"]);
    assert!(said.contains("no document changed since `HEAD`") && code == Some(0), "{said}");
    write("inner.yaml", "{properties: {amount: {type: integer}}}\n");
    let (code, said) = validate(path, &["a.yaml", "b.yaml", "--changed-since", "HEAD"]);
    assert!(said.contains("a.yaml") && said.contains("in 1 file") && code == Some(1), "{said}");
    write("new.yaml", &document("other.yaml"));
    let (_, said) = validate(path, &[".", "--changed-since", "HEAD"]);
    assert!(said.contains("in 2 files"), "{said}");

    for (revision, words) in
        [("nowhere", "git knows no revision `nowhere`"), ("--help", "git knows no revision")]
    {
        let (code, said) = validate(path, &["a.yaml", &format!("--changed-since={revision}")]);
        assert!(said.contains(words) && code == Some(2), "{said}");
    }
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("a.yaml"), document("x.yaml")).unwrap();
    let (code, said) = validate(outside.path(), &["a.yaml", "--changed-since", "HEAD"]);
    assert!(said.contains("git refuses") && code == Some(2), "{said}");
    let mut without = eddy(path, &["validate", "a.yaml", "--changed-since", "HEAD"]);
    let output = without.env("PATH", outside.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot run `git`"));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_revision_is_drawn_and_compared_without_touching_the_working_tree() {
    let folder = tempfile::tempdir().unwrap();
    let services = folder.path().join("services");
    fs::create_dir(&services).unwrap();
    let document = |title: &str, action: &str| {
        format!(
            "asyncapi: 3.0.0\ninfo: {{title: {title}, version: 1.0.0}}\nchannels:\n  x: {{address: x, messages: \
             {{M: {{payload: {{type: object}}}}}}}}\noperations:\n  go: {{action: {action}, channel: {{$ref: '#/channels/x'}}}}\n"
        )
    };
    fs::write(services.join("a.yaml"), document("a", "send")).unwrap();
    fs::write(services.join("b.yaml"), document("b", "receive")).unwrap();
    git(folder.path(), &["init", "-q"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-q", "-m", "first"]);
    fs::remove_file(services.join("a.yaml")).unwrap();
    fs::write(services.join("c.yaml"), document("c", "receive")).unwrap();
    let graph = |arguments: &[&str]| {
        let mut all = vec!["graph", "services"];
        all.extend(arguments);
        let Output { status, stdout, stderr } = eddy(folder.path(), &all).output().unwrap();
        (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
    };
    let (code, said) = graph(&["--at", "HEAD", "--ascii"]);
    assert!(said.contains("a -> (x) -> b\n") && code == Some(0), "{said}");
    let (code, said) = graph(&["--diff", "HEAD..", "--ascii"]);
    for line in
        ["- service  a\n", "+ service  c\n", "! b still receives from (x), to which nobody sends any more"]
    {
        assert!(said.contains(line) && code == Some(1), "{said}");
    }
    let (_, said) = graph(&["--at", "HEAD", "--format", "json"]);
    assert!(said.contains("\"uri\": \"HEAD:services/a.yaml\""), "{said}");
    for revision in ["--at=--output=x", "--at=nowhere", "--diff=nowhere..HEAD"] {
        let (code, said) = graph(&[revision]);
        assert!(code == Some(2) && said.contains("help: "), "{said}");
    }
    let mut without = eddy(folder.path(), &["graph", "services", "--at", "HEAD"]);
    let output = without.env("PATH", services).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot run `git`"));
    assert_eq!(output.status.code(), Some(2));
}

/// The lines of both streams as they come.
fn lines(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let streams: [Box<dyn Read + Send>; 2] =
        [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
    for stream in streams {
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    receiver
}

fn wait_for(receiver: &mpsc::Receiver<String>, seen: &mut Vec<String>, words: &str) {
    // Data and talk come by two pipes, in no order between them.
    while !seen.iter().any(|line| line.contains(words)) {
        match receiver.recv_timeout(DEADLINE) {
            Ok(line) => seen.push(line),
            Err(error) => panic!("no line has `{words}`: {error}; seen {seen:#?}"),
        }
    }
    if let Some(place) = seen.iter().position(|line| line.contains(words)) {
        seen.remove(place);
    }
}

#[cfg(unix)]
#[test]
fn a_watched_document_is_checked_again_when_what_it_refers_to_changes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), document("parts/amount.yaml")).unwrap();
    fs::create_dir(folder.path().join("parts")).unwrap();
    let part = folder.path().join("parts/amount.yaml");
    fs::write(&part, "{type: object}\n").unwrap();
    let mut child =
        eddy(folder.path(), &["validate", "a.yaml", "--watch", "--format", "concise"]).spawn().unwrap();
    let receiver = lines(&mut child);
    let mut seen = Vec::new();
    wait_for(&receiver, &mut seen, "no findings");
    wait_for(&receiver, &mut seen, "watching 2 files");
    fs::write(&part, "{properties: {amount: {type: integer}}}\n").unwrap();
    wait_for(&receiver, &mut seen, "parts/amount.yaml changed");
    wait_for(&receiver, &mut seen, "error[ED2401]");
    wait_for(&receiver, &mut seen, "watching 2 files");
    // Editors write beside the file and rename.
    fs::write(folder.path().join("parts/next"), "{type: object}\n").unwrap();
    fs::rename(folder.path().join("parts/next"), &part).unwrap();
    wait_for(&receiver, &mut seen, "no findings");
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_workspace_file_stands_for_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("eddy.yaml"), "version: 1\ncontracts: [a.yaml]\n").unwrap();
    fs::write(folder.path().join("a.yaml"), document("#/components/schemas/x")).unwrap();
    let (code, said) = validate(folder.path(), &["eddy.yaml"]);
    assert!(said.contains("a.yaml") && said.contains("ED0301") && code == Some(1), "{said}");
    fs::write(folder.path().join("eddy.yaml"), "version: 1\ncontracst: [a.yaml]\n").unwrap();
    let (code, said) = validate(folder.path(), &["eddy.yaml"]);
    assert!(said.contains("contracts") && code == Some(2), "{said}");
}

/// What a command does before the deadline.
fn in_time(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (folder, arguments) = (folder.to_owned(), arguments.iter().map(|one| (*one).to_owned()).collect());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let arguments: Vec<String> = arguments;
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let Output { status, stdout, stderr } = eddy(&folder, &words).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        sender.send((status.code(), said))
    });
    receiver.recv_timeout(DEADLINE).expect("it ends")
}

const MISSPELT: &str = "asyncapi: 3.0.0\ninfo: { titel: Orders, version: 1.0.0 }\nchannels:   {}\n";

#[cfg(unix)]
#[test]
fn pipes_in_a_directory_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("mkfifo").arg(folder.path().join("pipe.yaml")).status().unwrap();
    assert!(made.success());
    fs::write(folder.path().join("orders.yaml"), MISSPELT).unwrap();
    let (code, said) = in_time(folder.path(), &["validate", "--format", "concise", "."]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("orders.yaml:2:9: error[ED1001]"), "{said}");
    let (code, said) = in_time(folder.path(), &["fmt", "--check", "."]);
    assert_eq!((code, said.contains("1 file: 1 would change")), (Some(1), true), "{said}");
}

#[test]
fn what_is_read_only_is_neither_fixed_nor_laid_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.yaml");
    fs::write(&path, MISSPELT).unwrap();
    let mut permissions = path.metadata().unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    for arguments in [["validate", "--fix", "orders.yaml"].as_slice(), &["fmt", "orders.yaml"]] {
        let (code, said) = in_time(folder.path(), arguments);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("error: cannot write `orders.yaml`: it is read-only"), "{said}");
        assert!(!said.contains("fixed") && !said.contains("laid out"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), MISSPELT);
    }
}
