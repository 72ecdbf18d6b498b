//! `eddy serve` as a user and a browser meet it: who is answered, what follows a change, rates, lags and events from real
//! servers, and that looking leaves nothing behind.

#![cfg(all(unix, feature = "serve", feature = "nats", feature = "redis"))]

mod support;

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use redis::aio::MultiplexedConnection;
use serde_json::Value;

use support::browser::Browser;
use support::redis::redis;
use support::servers::nats;

/// How long a condition may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The program while it serves.
struct Serving {
    child: Child,
    port: u16,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
        command.args(["serve", "--quiet", "--port", "0"]).args(arguments).current_dir(directory);
        command.env_remove("EDDY_ENV").stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("an address");
        let port = line.trim().trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
        Self { child, port: port.unwrap_or_else(|| panic!("no address: {line:?}")) }
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    fn connection(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream
    }

    /// What it answers to a request line and headers; `HOST` stands for its own name.
    fn ask(&self, lines: &[&str]) -> String {
        let mut stream = self.connection();
        let request = lines.join("\r\n").replace("HOST", &format!("127.0.0.1:{}", self.port));
        stream.write_all(format!("{request}\r\nConnection: close\r\n\r\n").as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Messages of a stream of events, kind and data, until one of them is what is waited for.
    fn messages_until(&self, path: &str, is_last: impl Fn(&str, &str) -> bool) -> Vec<(String, String)> {
        let mut stream = self.connection();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", self.port).expect("sent");
        let (mut messages, mut kind) = (Vec::new(), String::new());
        for line in BufReader::new(stream).lines() {
            let line = line.expect("it goes on");
            if let Some(found) = line.strip_prefix("event: ") {
                found.clone_into(&mut kind);
            } else if let Some(data) = line.strip_prefix("data: ") {
                messages.push((kind.clone(), data.to_owned()));
                if is_last(&kind, data) {
                    return messages;
                }
            }
        }
        panic!("the stream ended: {messages:?}");
    }

    /// Ends it as Ctrl-C does.
    fn interrupt(mut self) -> Option<i32> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).expect("a signal");
        self.child.wait().expect("it ends").code()
    }
}

fn document(title: &str, protocol: &str, action: &str, address: &str) -> String {
    format!(
        "asyncapi: 3.0.0\ninfo: {{ title: {title}, version: 1.0.0 }}\n\
         servers: {{ main: {{ host: localhost, protocol: {protocol} }} }}\n\
         channels:\n  one: {{ address: {address}, messages: {{ Happened: {{ payload: {{ type: object }} }} }} }}\n\
         operations:\n  go: {{ action: {action}, channel: {{ $ref: '#/channels/one' }} }}\n"
    )
}

fn workplace(documents: &[(&str, String)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, text) in documents {
        std::fs::write(directory.path().join(name), text).expect("written");
    }
    directory
}

#[test]
fn only_this_machine_and_this_page_are_answered() {
    let directory = workplace(&[("web.yaml", document("web", "mqtt", "send", "orders"))]);
    let serving = Serving::start(directory.path(), &["."]);
    let page = serving.ask(&["GET / HTTP/1.1", "Host: HOST"]);
    let head = page.split("\r\n\r\n").next().expect("a head").to_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    for needed in [
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "default-src 'none'; script-src 'sha256-",
        "x-content-type-options: nosniff",
        "cross-origin-resource-policy: same-origin",
        "cache-control: no-store",
    ] {
        assert!(head.contains(needed), "{needed}: {head}");
    }
    assert!(!head.contains("access-control") && !head.contains("unsafe"), "{head}");
    assert!(page.contains("orders"));

    let refused = "HTTP/1.1 403";
    for lines in [
        // A name of somebody else's that leads here.
        &["GET / HTTP/1.1", "Host: evil.example"][..],
        &["GET / HTTP/1.1", "Host: 127.0.0.1:1"],
        &["GET /pulse HTTP/1.1", "Host: HOST", "Sec-Fetch-Site: cross-site"],
        &["GET /tail?channel=x HTTP/1.1", "Host: HOST", "Sec-Fetch-Site: same-site"],
        &["GET / HTTP/1.1", "Host: HOST", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"],
    ] {
        let answer = serving.ask(lines);
        assert!(answer.starts_with(refused) && !answer.contains("orders"), "{lines:?}: {answer}");
    }
    let link = ["GET / HTTP/1.1", "Host: HOST", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"];
    assert!(serving.ask(&link).starts_with("HTTP/1.1 200"), "a link may lead here");
    assert!(serving.ask(&["POST / HTTP/1.1", "Host: HOST"]).starts_with("HTTP/1.1 405"));
    assert!(serving.ask(&["GET /etc/passwd HTTP/1.1", "Host: HOST"]).starts_with("HTTP/1.1 404"));
    let told = serving.messages_until("/tail?channel=channel:mqtt/orders", |kind, _| kind == "trouble");
    assert!(told.last().is_some_and(|(_, words)| words.contains("--observe")), "{told:?}");

    let began = Instant::now();
    let _open = serving.connection();
    assert_eq!(serving.interrupt(), Some(130));
    assert!(began.elapsed() < PATIENCE, "open connections do not hold it up");
}

#[test]
fn a_port_that_is_taken_and_flags_that_do_nothing_are_refused() {
    let directory = workplace(&[("web.yaml", document("web", "mqtt", "send", "orders"))]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    for (arguments, words) in [
        (&[".", "--port", &port][..], "choose another port"),
        (&[".", "--every", "2s"], "none is asked"),
        (&[".", "--system", "nats://127.0.0.1:1", "--every", "10ms"], "once a second at most"),
        (&[".", "--view", "table"], "has no such view"),
        (&["-"], "standard input"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
        let output = command.arg("serve").args(arguments).current_dir(directory.path()).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(words), "{output:?}");
    }
}

/// `publish` is what the application receives, unless the documents are said to be written from the client's point of view.
#[test]
fn asyncapi_2_is_read_as_it_is_told() {
    let shown = |word: &str, view: &str| {
        let text = format!(
            "asyncapi: 2.6.0\ninfo: {{ title: web, version: 1.0.0 }}\n\
             channels: {{ orders: {{ {word}: {{ message: {{ name: Placed, payload: {{ type: object }} }} }} }} }}\n"
        );
        let directory = workplace(&[("web.yaml", text)]);
        let serving = Serving::start(directory.path(), &["web.yaml", "--asyncapi2-view", view]);
        let page = serving.ask(&["GET / HTTP/1.1", "Host: HOST"]);
        let ends = page.split("\"from\":[").nth(1).and_then(|rest| rest.split("],\"evidence").next());
        ends.unwrap_or_else(|| panic!("{page}")).to_owned()
    };
    let receives = shown("publish", "app");
    assert_eq!(receives, shown("subscribe", "client"));
    assert_ne!(receives, shown("publish", "client"));
}

/// All consumers of a server with what waits for them.
async fn consumers(client: &async_nats::Client) -> Vec<String> {
    let context = async_nats::jetstream::new(client.clone());
    let stream = context.get_stream("ORDERS").await.expect("there");
    let mut consumers = stream.consumers();
    let mut found = Vec::new();
    while let Some(consumer) = consumers.next().await {
        found.push(consumer.expect("an answer").name);
    }
    found
}

/// A stream with one event that a consumer has not taken, on a server of its own.
async fn with_a_stream(port: u16) -> async_nats::Client {
    let client = async_nats::connect(format!("127.0.0.1:{port}")).await.expect("connected");
    let context = async_nats::jetstream::new(client.clone());
    let stream = async_nats::jetstream::stream::Config {
        name: "ORDERS".to_owned(),
        subjects: vec!["orders.placed".to_owned()],
        ..Default::default()
    };
    let stream = context.create_stream(stream).await.expect("made");
    let consumer = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some("stock".to_owned()),
        ..Default::default()
    };
    stream.create_consumer(consumer).await.expect("made");
    publish(&client, "{\"note\":\"<img src=x onerror=console.log('pwned')>\"}").await;
    client
}

async fn publish(client: &async_nats::Client, payload: &str) {
    let context = async_nats::jetstream::new(client.clone());
    let sent = context.publish("orders.placed", payload.to_owned().into()).await.expect("sent");
    sent.await.expect("kept");
}

/// What is observed, what changes, and events once they are asked for.
fn looked_at(browser: &mut Browser, address: &str, directory: &Path) {
    browser.visit(address);
    browser.until("document.documentElement.dataset.ready");
    // The consumer that no document knows, its lag beside the arrow, and who is declared.
    browser.until("document.querySelector(\"#stage [aria-label='service stock']\")");
    browser.until("document.querySelector('.speeds .lag')?.textContent.includes('lag 1')");
    browser.until("document.querySelector('#pulse').textContent.startsWith('live')");

    // What no document says looks otherwise, and can be shown alone.
    assert_eq!(browser.value("document.querySelectorAll('#stage .arrow.undocumented').length"), 1);
    assert_eq!(browser.value("document.querySelectorAll('#stage .arrow.unseen').length"), 1);
    browser.value(
        "(() => { const select = document.querySelector('#filter-status'); select.value = 'undocumented'; \
         select.dispatchEvent(new Event('change')); })()",
    );
    browser.until(
        "location.hash === '#drift=undocumented' && document.querySelectorAll('#stage .box.dim').length === 1",
    );
    browser.value("location.hash = ''");
    browser.until("!document.querySelector('#stage .dim')");

    // A document that comes.
    std::fs::write(directory.join("mail.yaml"), document("mail", "nats", "receive", "orders.placed"))
        .expect("written");
    browser.until("document.querySelector(\"#stage [aria-label='service mail']\")");

    // Events, only when they are asked for.
    browser.until("document.documentElement.dataset.looks > 0");
    assert_eq!(browser.value("document.querySelectorAll('#tail').length"), 0);
    browser.click("#stage [aria-label='channel orders.placed'] rect");
    browser.until("document.querySelector('#tail-button')");
    browser.click("#tail-button");
    browser.until("document.querySelector('#tail-events pre')?.textContent.includes('<img src=x')");
    assert_eq!(browser.value("document.querySelectorAll('img').length"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_follows_documents_and_systems() {
    let Some(server) = nats(&[]) else { return };
    let Some(mut browser) = Browser::start() else { return };
    let client = with_a_stream(server.port).await;
    let before = consumers(&client).await;
    let directory = workplace(&[("web.yaml", document("web", "nats", "send", "orders.placed"))]);
    let url = format!("nats://127.0.0.1:{}", server.port);
    let serving = Serving::start(directory.path(), &[".", "--system", &url, "--every", "1s"]);
    let looking = tokio::task::spawn_blocking(move || {
        looked_at(&mut browser, &serving.address(), directory.path());
        (browser, serving, directory)
    });
    let (mut browser, serving, _directory) = looking.await.expect("the page does what it should");
    let deadline = Instant::now() + PATIENCE;
    let mut number = 0;
    loop {
        number += 1;
        publish(&client, &format!("{{\"number\":{number}}}")).await;
        let seen = "document.querySelector('#tail-events')?.textContent.includes('number') && \
                    [...document.querySelectorAll('.speeds text')].some((one) => /[0-9]\\/s/.test(one.textContent))";
        if browser.value(seen) == true {
            break;
        }
        assert!(Instant::now() < deadline, "no rate: {}", browser.value("document.body.innerText"));
    }
    browser.click("#tail-close");
    browser.until("!document.querySelector('#tail')");
    assert_eq!(browser.complaints, Vec::<String>::new());
    let deadline = Instant::now() + PATIENCE;
    while consumers(&client).await != before {
        assert!(Instant::now() < deadline, "left behind: {:?}", consumers(&client).await);
        client.flush().await.expect("flushed");
    }
    let code = tokio::task::spawn_blocking(move || serving.interrupt()).await.expect("it ends");
    assert_eq!(code, Some(130));
    browser.until("document.querySelector('#pulse').classList.contains('lost')");
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_and_events_come_without_joining_a_group_and_without_secrets() {
    let Some(server) = redis(&[]) else { return };
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", server.port)).expect("a client");
    let mut connection: MultiplexedConnection =
        client.get_multiplexed_async_connection().await.expect("connected");
    let add = async |connection: &mut MultiplexedConnection, card: &str| {
        let mut command = redis::cmd("XADD");
        command.arg("payments").arg("*").arg("data").arg(format!("{{\"card\":\"{card}\",\"paid\":true}}"));
        let _: String = command.query_async(connection).await.expect("added");
    };
    add(&mut connection, "4111").await;
    let mut group = redis::cmd("XGROUP");
    group.arg("CREATE").arg("payments").arg("books").arg("0");
    let _: String = group.query_async(&mut connection).await.expect("made");

    let mask = "version: 1\nrules:\n  - { field: /card, action: drop }\n".to_owned();
    let documents = [("web.yaml", document("web", "redis", "send", "payments")), ("mask.txt", mask)];
    let directory = workplace(&documents);
    let url = format!("redis://127.0.0.1:{}?field=data", server.port);
    let arguments = ["web.yaml", "--system", &url, "--every", "1s", "--mask", "mask.txt"];
    let serving = Serving::start(directory.path(), &arguments);
    let (serving, first) = tokio::task::spawn_blocking(move || {
        let lag = |kind: &str, data: &str| {
            kind == "speeds" && data.contains(",1]") && data.contains("\"silent\":[]")
        };
        let first = serving.messages_until("/pulse", lag);
        (serving, first)
    })
    .await
    .expect("a lag");
    assert_eq!(first[0].0, "version", "a page learns first whether it is up to date");

    add(&mut connection, "4222").await;
    let told = tokio::task::spawn_blocking(move || {
        let told = serving.messages_until("/tail?channel=channel:redis/payments", |kind, data| {
            kind == "trouble" || (kind == "event" && data.contains("paid"))
        });
        (serving, told)
    });
    let (_serving, told) = told.await.expect("events");
    let events: Vec<Value> = told
        .iter()
        .filter(|(kind, _)| kind == "event")
        .map(|(_, data)| serde_json::from_str(data).expect("JSON"))
        .collect();
    assert_eq!(
        events.first().map(|event| &event["payload"]),
        Some(&Value::from("{\"paid\":true}")),
        "{told:?}"
    );
    let mut groups = redis::cmd("XINFO");
    groups.arg("GROUPS").arg("payments");
    let groups: redis::Value = groups.query_async(&mut connection).await.expect("an answer");
    let groups = format!("{groups:?}");
    assert_eq!(groups.matches("entries-read").count(), 1, "{groups}");
    let mut waiting = redis::cmd("XPENDING");
    waiting.arg("payments").arg("books");
    let waiting: redis::Value = waiting.query_async(&mut connection).await.expect("an answer");
    assert!(format!("{waiting:?}").contains("int(0)"), "{waiting:?}");
}
