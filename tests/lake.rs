//! Object storage and Parquet, as builds with the feature `lake` have them, against a local S3 server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use eddy::archive::{
    ConvertFormat, ForeignWriter, Header, ImportFormat, Imported, Importer, ObjectAccess, Reader, Record,
    Writer, WriterOptions, exists, use_objects,
};
use eddy::event::{Event, Header as EventHeader};

mod support;

use support::servers::{Server, free_port, program};

const SECRET: &str = "hidden-key-of-the-test";

/// moto with one bucket, called `lake`.
struct Storage {
    server: Server,
}

impl Storage {
    fn start() -> Option<Self> {
        let program = program("moto_server", "EDDY_MOTO")?;
        let port = free_port();
        let arguments = ["-H", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned).into();
        let directory = tempfile::tempdir().expect("a directory");
        let storage = Self { server: Server::launch(program, directory, port, arguments) };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !storage.ask("PUT", "/lake").starts_with("HTTP/1.1 200") {
            assert!(Instant::now() < deadline, "moto makes no bucket");
        }
        Some(storage)
    }

    /// One request, and the whole answer.
    fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.server.port)).expect("connected");
        let head = "Host: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        write!(stream, "{method} {path} HTTP/1.1\r\n{head}").expect("asked");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    fn eddy(&self, directory: &Path, arguments: &[&str]) -> Output {
        run(directory, arguments, &access(self.endpoint()))
    }

    /// As [`Storage::eddy`], for what must go well; gives what was printed.
    fn done(&self, directory: &Path, arguments: &[&str]) -> String {
        let output = self.eddy(directory, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn access(endpoint: String) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "tester".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
    ]
}

/// A way to a server that can be closed for a while.
struct Way {
    port: u16,
    is_closed: Arc<AtomicBool>,
}

impl Way {
    fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let way = Self { port: listener.local_addr().expect("an address").port(), is_closed: Arc::default() };
        let is_closed = Arc::clone(&way.is_closed);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten().filter(|_| !is_closed.load(Ordering::Relaxed)) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                for (from, to) in [(&stream, &server), (&server, &stream)] {
                    let (mut from, mut to) =
                        (from.try_clone().expect("cloned"), to.try_clone().expect("cloned"));
                    let is_closed = Arc::clone(&is_closed);
                    std::thread::spawn(move || {
                        let mut buffer = [0; 64 * 1024];
                        while let Ok(count @ 1..) = from.read(&mut buffer) {
                            // What was on its way is cut off, too.
                            if is_closed.load(Ordering::Relaxed) || to.write_all(&buffer[..count]).is_err() {
                                break;
                            }
                        }
                        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                    });
                }
            }
        });
        way
    }

    fn close_for(&self, time: Duration) {
        self.is_closed.store(true, Ordering::Relaxed);
        std::thread::sleep(time);
        self.is_closed.store(false, Ordering::Relaxed);
    }
}

fn run(directory: &Path, arguments: &[&str], variables: &[(&str, String)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.args(arguments).current_dir(directory);
    for name in ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().map(|(name, value)| (*name, value))).output().expect("eddy runs")
}

fn write_lines(directory: &Path, count: u64) {
    let lines = (1..=count).map(|number| {
        format!(
            "{{\"src\":\"orders.{}\",\"t\":{},\"v\":\"{{\\\"id\\\":{number}}}\"}}\n",
            number % 3,
            number * 1000
        )
    });
    std::fs::write(directory.join("events.ndjson"), lines.collect::<String>()).expect("written");
}

#[test]
fn recordings_are_written_to_a_bucket_and_read_from_it() {
    let Some(storage) = Storage::start() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write_lines(at, 3000);
    let object = "s3://lake/shop/monday.eddy.ndjson.zst";
    storage.done(at, &["record", "events.ndjson", "--output", object]);
    assert_eq!(storage.done(at, &["archive", "cat", object]).lines().count(), 3000);
    let last = storage.done(at, &["archive", "cat", object, "--range", "-2"]);
    assert!(last.lines().all(|line| line.contains("id\\\":2999") || line.contains("id\\\":3000")), "{last}");
    storage.done(at, &["archive", "verify", object]);
    storage.done(
        at,
        &["archive", "slice", object, "--channel", "orders.1", "--output", "s3://lake/one.eddy.ndjson.zst"],
    );
    storage.done(
        at,
        &["archive", "merge", object, "s3://lake/one.eddy.ndjson.zst", "--output", "both.eddy.ndjson.zst"],
    );
    assert_eq!(storage.done(at, &["archive", "cat", "both.eddy.ndjson.zst"]).lines().count(), 4000);
    storage.done(at, &["replay", object, "--to", "replayed.ndjson", "--speed", "max"]);
    let replayed = std::fs::read_to_string(at.join("replayed.ndjson")).expect("replayed");
    assert_eq!(replayed.lines().count(), 3000);
    let refused = storage.eddy(at, &["record", "events.ndjson", "--output", object]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn other_formats_lie_in_the_bucket_as_well() {
    let Some(storage) = Storage::start() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write_lines(at, 3000);
    let object = "s3://lake/monday.eddy.ndjson.zst";
    storage.done(at, &["record", "events.ndjson", "--output", object]);
    let lines = storage.done(at, &["archive", "cat", object]);
    for ending in ["csv", "avro", "parquet"] {
        let (there, back) = (format!("s3://lake/monday.{ending}"), format!("{ending}.eddy.ndjson.zst"));
        storage.done(at, &["archive", "convert", object, "--output", &there]);
        let refused = storage.eddy(at, &["archive", "convert", object, "--output", &there]);
        assert_eq!(refused.status.code(), Some(2), "{there} was replaced");
        storage.done(at, &["archive", "convert", object, "--output", &there, "--force"]);
        storage.done(at, &["archive", "convert", &there, "--output", &back]);
        assert_eq!(storage.done(at, &["archive", "cat", &back]), lines, "{ending}");
        let imported = format!("s3://lake/{back}");
        storage.done(at, &["archive", "import", &there, "--output", &imported]);
        assert_eq!(storage.done(at, &["archive", "cat", &imported]), lines, "{ending}");
    }
}

#[test]
fn what_is_no_whole_parquet_is_said_by_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write_lines(at, 30);
    let convert =
        |from: &str, to: &str| run(at, &["archive", "convert", from, "--output", to, "--force"], &[]);
    assert!(run(at, &["record", "events.ndjson", "--output", "a.eddy.ndjson.zst"], &[]).status.success());
    assert!(convert("a.eddy.ndjson.zst", "a.parquet").status.success());
    let whole = std::fs::read(at.join("a.parquet")).expect("written");
    let cases = [
        (&whole[..whole.len() / 2], "it is cut off"),
        (&whole[whole.len() / 2..], "its beginning is missing"),
        (&[][..], "it is empty"),
    ];
    for (bytes, words) in cases {
        std::fs::write(at.join("part.parquet"), bytes).expect("written");
        let refused = convert("part.parquet", "b.eddy.ndjson.zst");
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains(&format!("cannot read `part.parquet`: {words}")), "{said}");
    }
    assert!(!at.join("b.eddy.ndjson.zst").exists());
}

#[test]
fn a_run_with_a_ledger_sends_an_object() {
    let Some(storage) = Storage::start() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write_lines(at, 300);
    let object = "s3://lake/monday.eddy.ndjson.zst";
    storage.done(at, &["record", "events.ndjson", "--output", object]);
    let run = ["replay", object, "--to", "replayed.ndjson", "--speed", "max", "--ledger", "monday.ledger"];
    storage.done(at, &run);
    storage.done(at, &[&run[..], &["--resume"]].concat());
    let replayed = std::fs::read_to_string(at.join("replayed.ndjson")).expect("replayed");
    assert_eq!(replayed.lines().count(), 300);
    storage.done(at, &["archive", "slice", object, "-n", "200", "--output", "other.eddy.ndjson.zst"]);
    let other = [&["replay", "other.eddy.ndjson.zst"], &run[2..], &["--resume"]].concat();
    assert_eq!(storage.eddy(at, &other).status.code(), Some(2), "the ledger is that of another recording");
}

#[test]
fn parts_and_their_manifest_lie_in_the_bucket() {
    let Some(storage) = Storage::start() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write_lines(at, 250);
    let base = "s3://lake/parts/shop.eddy.ndjson.zst";
    storage.done(at, &["record", "events.ndjson", "--rotate-count", "100", "--output", base]);
    let manifest = "s3://lake/parts/shop.manifest.json";
    assert_eq!(storage.done(at, &["archive", "cat", manifest]).lines().count(), 250);
    assert_eq!(
        storage.done(at, &["archive", "cat", "s3://lake/parts/shop-00003.eddy.ndjson.zst"]).lines().count(),
        50
    );
    storage.done(at, &["archive", "verify", manifest]);
    storage.done(
        at,
        &["archive", "split", manifest, "--by-channel", "--output", "s3://lake/by/shop.eddy.ndjson.zst"],
    );
    storage.done(
        at,
        &[
            "archive",
            "merge",
            "s3://lake/by/shop.manifest.json",
            "--output",
            "s3://lake/whole.eddy.ndjson.zst",
        ],
    );
    assert_eq!(storage.done(at, &["archive", "cat", "s3://lake/whole.eddy.ndjson.zst"]).lines().count(), 250);
}

#[test]
fn the_environment_of_the_workspace_says_where_and_who() {
    let Some(storage) = Storage::start() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write_lines(at, 10);
    let settings = format!(
        "version: 1\nenvironments:\n  lake:\n    storage:\n      endpoint: {}\n      region: us-east-1\n      \
         access-key: tester\n      secret-key: ${{LAKE_KEY}}\n",
        storage.endpoint()
    );
    std::fs::write(at.join("eddy.yaml"), settings).expect("written");
    let object = "s3://lake/by-settings.eddy.ndjson.zst";
    let variables = [("LAKE_KEY", SECRET.to_owned())];
    let recorded = run(at, &["record", "events.ndjson", "--env", "lake", "--output", object], &variables);
    assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));
    let unset = run(at, &["archive", "cat", object, "--env", "lake"], &[]);
    assert_eq!(unset.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unset.stderr).contains("LAKE_KEY"));
}

#[test]
fn what_goes_wrong_is_said_and_names_no_key() {
    let Some(storage) = Storage::start() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write_lines(at, 10);
    for (arguments, expected) in [
        (["archive", "cat", "s3://lake/none.eddy.ndjson.zst"], "there is no such object"),
        (["archive", "cat", "s3://nowhere/none.eddy.ndjson.zst"], "there is no such bucket"),
        (["archive", "cat", "s3://lake"], "an object is named like"),
        (["record", "events.ndjson", "--output=s3://nowhere/a.eddy.ndjson.zst"], "there is no such bucket"),
        (["inject", "s3://lake/lines.ndjson", "--data=x"], "only a recording"),
    ] {
        let output = storage.eddy(at, &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[test]
fn a_server_that_is_not_there_is_no_wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write_lines(at, 10);
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let object = "s3://lake/a.eddy.ndjson.zst";
    for (endpoint, code, expected) in
        [(nobody.as_str(), 3, "cannot be reached"), ("nonsense", 2, "`nonsense` is no address of a server")]
    {
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_ACCESS_KEY_ID", "tester".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ];
        for arguments in [
            &["archive", "cat", object][..],
            &["record", "events.ndjson", "--output", object],
            &["replay", object, "--to", "out.ndjson"],
            &["archive", "convert", "events.ndjson", "--output", "s3://lake/a.csv"],
        ] {
            let output = run(at, arguments, &variables);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
            assert!(said.contains(expected) && !said.contains("panicked"), "{arguments:?}: {said}");
        }
    }
}

/// A storage that is away when a part ends, and while it is being sent.
#[test]
fn a_storage_that_is_away_for_a_while_costs_no_event() {
    let Some(storage) = Storage::start() else {
        return;
    };
    let way = Way::to(storage.server.port);
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.args(["record", "-", "--rotate-count", "100", "--output", "s3://lake/away/shop.eddy.ndjson.zst"]);
    command.current_dir(at).envs(access(format!("http://127.0.0.1:{}", way.port)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut recording = command.spawn().expect("eddy runs");
    let mut stdin = recording.stdin.take().expect("piped");
    let mut line = |number: u64| {
        writeln!(stdin, "{{\"src\":\"orders\",\"t\":{number},\"v\":\"{number}\"}}").expect("written");
    };
    (1..=150).for_each(&mut line);
    let manifest = "s3://lake/away/shop.manifest.json";
    let deadline = Instant::now() + Duration::from_secs(60);
    while !storage.ask("GET", "/lake/away/shop-00001.eddy.ndjson.zst").starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < deadline, "the first part does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
    for begin in [151, 301, 451] {
        way.is_closed.store(true, Ordering::Relaxed);
        (begin..begin + 150).for_each(&mut line);
        way.close_for(Duration::from_secs(4));
        std::thread::sleep(Duration::from_secs(2));
    }
    (601..=650).for_each(&mut line);
    drop(stdin);
    let output = recording.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("650 events"), "{said}");
    let numbers: Vec<u64> = storage
        .done(at, &["archive", "cat", manifest])
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("a line");
            assert_eq!(line["v"], line["n"].to_string().as_str(), "{line}");
            line["n"].as_u64().expect("a number")
        })
        .collect();
    assert_eq!(numbers, (1..=650).collect::<Vec<_>>());
    storage.done(at, &["archive", "verify", manifest]);
}

/// A server that answers as it is told to: status and text for the method, the path and the number of a request. Gives its
/// address and what it was asked for.
fn answering(
    answer: impl Fn(&str, &str, usize) -> (&'static str, &'static str) + Send + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut request = BufReader::new(stream);
            let (mut first, mut length) = (String::new(), 0);
            request.read_line(&mut first).expect("a request");
            loop {
                let mut line = String::new();
                request.read_line(&mut line).expect("a header");
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            std::io::copy(&mut request.by_ref().take(length), &mut std::io::sink()).expect("a body");
            let words: Vec<&str> = first.split(' ').collect();
            let mut noted = noted.lock().expect("no panic");
            let (status, text) = answer(words[0], words[1], noted.len());
            noted.push(format!("{} {}", words[0], words[1]));
            let text = if words[0] == "HEAD" { "" } else { text };
            let head = format!("Connection: close\r\nContent-Length: {}", text.len());
            let _ = write!(request.get_mut(), "HTTP/1.1 {status}\r\n{head}\r\n\r\n{text}");
        }
    });
    (address, asked)
}

fn with_key(address: &str) -> [(&'static str, String); 3] {
    [
        ("AWS_ENDPOINT_URL", address.to_owned()),
        ("AWS_ACCESS_KEY_ID", "tester".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
    ]
}

#[test]
fn a_server_that_takes_nothing_for_a_while_is_waited_for() {
    const SLOW: &str = "<Error><Code>SlowDown</Code></Error>";
    let (address, _) = answering(|_, _, number| match number {
        0..6 => ("503 Service Unavailable", SLOW),
        _ => ("404 Not Found", "<Error><Code>NoSuchKey</Code></Error>"),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let cat = ["archive", "cat", "s3://lake/a.eddy.ndjson.zst"];
    let output = run(folder.path(), &cat, &with_key(&address));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("there is no such object"), "{said}");
}

#[test]
fn a_key_that_does_not_open_is_named() {
    const EXPIRED: &str = "<Error><Code>ExpiredToken</Code><Message>Over.</Message></Error>";
    let (address, _) = answering(|_, _, _| ("400 Bad Request", EXPIRED));
    let folder = tempfile::tempdir().expect("a folder");
    let cat = ["archive", "cat", "s3://lake/a.eddy.ndjson.zst"];
    let variables = with_key(&address);
    let output = run(folder.path(), &cat, &variables);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("the server does not let us in: ExpiredToken"), "{said}");
    for half in [1, 2] {
        let output = run(folder.path(), &cat, &[variables[0].clone(), variables[half].clone()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("only half of a key is given"), "{said}");
    }
}

#[test]
fn an_upload_that_fails_is_taken_away() {
    const BEGUN: &str = "<InitiateMultipartUploadResult><Bucket>lake</Bucket><Key>a</Key>\
                         <UploadId>first</UploadId></InitiateMultipartUploadResult>";
    let (address, asked) = answering(|method, _, _| match method {
        "POST" => ("200 OK", BEGUN),
        "DELETE" => ("204 No Content", ""),
        "PUT" => ("400 Bad Request", "<Error><Code>Odd</Code><Message>Not so.</Message></Error>"),
        _ => ("404 Not Found", "<Error><Code>NoSuchKey</Code></Error>"),
    });
    let folder = tempfile::tempdir().expect("a folder");
    write_lines(folder.path(), 10);
    let merge = ["archive", "merge", "events.ndjson", "--output", "s3://lake/a.eddy.ndjson.zst"];
    let output = run(folder.path(), &merge, &with_key(&address));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("the storage said 400 Odd: Not so."), "{said}");
    let asked = asked.lock().expect("no panic");
    let is_abort = |request: &&String| request.starts_with("DELETE ") && request.contains("uploadId=first");
    assert_eq!(asked.iter().filter(is_abort).count(), 1, "{asked:?}");
}

#[test]
fn an_object_appears_only_when_it_is_whole() {
    let Some(storage) = Storage::start() else {
        return;
    };
    let way = Way::to(storage.server.port);
    use_objects(ObjectAccess {
        endpoint: Some(format!("http://127.0.0.1:{}", way.port)),
        region: Some("us-east-1".to_owned()),
        access_key: Some("tester".to_owned()),
        secret_key: Some(SECRET.to_owned()),
    });
    let path = Path::new("s3://lake/large.eddy.ndjson.zst");
    let options = WriterOptions { level: -5, ..WriterOptions::default() };
    let begin = || Writer::create(path, &Header::new(Vec::new()), options).expect("begun");
    // Not to be packed: more than two parts of an upload.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut payload = || {
        let bytes = (0..64 * 1024).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        });
        bytes.collect::<Vec<u8>>()
    };
    let mut writer = begin();
    for _ in 0..300 {
        writer.write(&Event::new("c", payload())).expect("written");
    }
    assert!(!exists(path));
    drop(writer);
    assert!(!exists(path), "a recording that was cut off has left an object");
    assert!(!storage.ask("GET", "/lake?uploads").contains("<Upload>"), "parts of it are still kept");
    let mut writer = begin();
    for _ in 0..300 {
        writer.write(&Event::new("c", payload())).expect("written");
    }
    let summary = writer.finish().expect("finished");
    let mut reader = Reader::open(path).expect("opened");
    assert_eq!(reader.index().expect("read").map(|index| index.events), Some(300));
    assert_eq!(reader.by_ref().flatten().count(), 300);
    assert_eq!(reader.file_bytes(), summary.file_bytes);
    // With a server that is away in between: nothing is taken twice, and nothing is lost.
    let other = Path::new("s3://lake/other.eddy.ndjson.zst");
    let mut writer = Writer::create(other, &Header::new(Vec::new()), options).expect("begun");
    let mut refused = 0;
    for number in 0..600 {
        if number == 100 {
            way.is_closed.store(true, Ordering::Relaxed);
        }
        while let Err(error) = writer.write(&Event::new("c", payload())) {
            assert!(error.is_about_a_server(), "{error}");
            refused += 1;
            if refused == 1 {
                way.is_closed.store(false, Ordering::Relaxed);
            }
        }
    }
    assert!(refused >= 1, "the server was missed");
    way.is_closed.store(true, Ordering::Relaxed);
    let error = writer.try_finish().expect_err("away");
    assert!(error.is_about_a_server() && error.to_string().contains("600 events"), "{error}");
    way.is_closed.store(false, Ordering::Relaxed);
    assert_eq!(writer.try_finish().expect("finished").events, 600);
    let lines = Reader::open(other).expect("opened").flatten();
    assert!(lines.map(|line| line.number).eq((1..=600).map(Some)));
}

#[test]
fn events_come_back_from_parquet() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("orders.parquet");
    let header = Header::new(vec!["kafka://host/orders".to_owned()]);
    let event = |number: u64| {
        let mut event = Event::new(format!("orders.{}", number % 5), vec![0xff; (number % 700) as usize]);
        event.key = (!number.is_multiple_of(3)).then(|| vec![b'k'; (number % 2) as usize].into());
        event.payload = event.payload.filter(|_| !number.is_multiple_of(7));
        event.place.offset = number.is_multiple_of(2).then_some(u64::MAX - number);
        event.place.partition = number.is_multiple_of(2).then_some(-1);
        event.headers =
            (0..number % 4).map(|at| EventHeader { name: format!("h{at}").into(), value: None }).collect();
        if number % 4 == 3 {
            event.headers.push(EventHeader::text("h0", ""));
            event.attributes.insert("qos".to_owned(), 1.into());
        }
        event
    };
    let mut writer =
        ForeignWriter::create(&path, ConvertFormat::Parquet, Some(&header), false).expect("begun");
    let sent: Vec<Event> = (1..=120_000).map(event).collect();
    for (number, event) in (1..).zip(&sent) {
        writer.write_record(&Record::new(None, event.clone()), number).expect("written");
    }
    assert_eq!(writer.finish().expect("finished").events, 120_000);
    let mut importer = Importer::open(&path, None, None).expect("told by its first bytes");
    assert_eq!(importer.format(), ImportFormat::Parquet);
    assert_eq!(importer.header(), Some(header));
    for (number, event) in (1..).zip(&sent) {
        let Some(Imported::Event(line)) = importer.next_imported().expect("read") else {
            panic!("no event {number}");
        };
        assert!(line.number == Some(number) && line.event == *event, "{number}: {line:?}");
    }
    assert!(importer.next_imported().expect("read").is_none());
    let mut bytes = std::fs::read(&path).expect("read");
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&path, bytes).expect("written");
    assert!(Importer::open(&path, None, None).is_err());
}
