//! Limits: documents and payloads made to exhaust the reader are refused, named and in time.

use std::time::{Duration, Instant};

use eddy::contract::{Loaded, load_text};
use eddy::schema::{Compiler, Dialect};
use eddy::source_text::{Documents, Limits, Resolved, Sources};

fn timed(text: &str) -> (Loaded, Duration) {
    let start = Instant::now();
    let loaded = load_text("a.yaml", text, &Limits::default());
    (loaded, start.elapsed())
}

fn codes(loaded: &Loaded) -> Vec<&str> {
    loaded.diagnostics.iter().map(|finding| finding.code).collect()
}

#[test]
fn a_bomb_of_aliases_is_refused_at_once() {
    let line = |level: usize| {
        let list = [format!("*a{}", level - 1).as_str(); 10].join(",");
        format!("x-{level}: &a{level} [{list}]\n")
    };
    let lines: String = (1..=8).map(line).collect();
    let (loaded, took) = timed(&format!("asyncapi: 3.0.0\nx-0: &a0 [x,x,x,x,x,x,x,x,x,x]\n{lines}"));
    assert_eq!(codes(&loaded), ["ED0109"]);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn references_that_fan_out_are_limited_by_number_and_not_by_paths() {
    // Each schema refers twice to the next: 2^60 paths, 60 schemas.
    let schema = |level: usize| {
        let next = format!("{{$ref: '#/components/schemas/s{}'}}", level + 1);
        format!("    s{level}: {{properties: {{a: {next}, b: {next}}}}}\n")
    };
    let schemas: String = (0..60).map(schema).collect();
    let head = "asyncapi: 3.0.0\ninfo: {title: T, version: 1.0.0}\ncomponents:\n  schemas:\n";
    let text = format!("{head}{schemas}    s60: {{type: string}}\n");
    let (loaded, took) = timed(&text);
    assert_eq!(codes(&loaded), [""; 0]);
    assert!(took < Duration::from_secs(2), "{took:?}");
    let found = eddy::check::check_documents(&loaded);
    assert!(found.iter().all(|finding| finding.severity < eddy::diagnostic::Severity::Error), "{found:#?}");
}

#[test]
fn references_in_a_circle_are_named() {
    let text = "asyncapi: 3.0.0\ninfo: {title: T, version: 1.0.0}\ncomponents:\n  schemas:\n    a: {$ref: '#/components/schemas/b'}\n    b: {$ref: '#/components/schemas/a'}\n";
    let (loaded, _) = timed(text);
    assert!(codes(&loaded).contains(&"ED0304"), "{:?}", codes(&loaded));
}

/// How long checking one payload against one pattern takes, and whether it fits.
fn matched(pattern: &str, payload: &str) -> (bool, Duration) {
    let (mut sources, mut documents) = (Sources::default(), Documents::default());
    let schema = serde_json::json!({ "pattern": pattern }).to_string();
    let file = documents.add_text(&mut sources, "a.json".as_ref(), schema, &Limits::default());
    let node = documents.root(file).expect("a schema").clone();
    let place = Resolved { node, file, pointer: String::new() };
    let schema = Compiler::new(&documents).compile(&place, Dialect::Draft7).expect("it compiles");
    let payload = serde_json::to_vec(payload).expect("JSON");
    let start = Instant::now();
    let fits = schema.check_bytes(&payload).is_ok();
    (fits, start.elapsed())
}

#[test]
fn patterns_that_take_others_for_ever_end_in_time() {
    let long = "a".repeat(50_000);
    for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a*)*b$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
        let (_, took) = matched(pattern, &format!("{long}!"));
        assert!(took < Duration::from_secs(2), "{pattern}: {took:?}");
    }
    assert!(matched("^(a+)+$", &long).0);
    // These need the engine that goes back; it gives up after so many steps, and says so.
    for pattern in ["^(a+)+(?=b)$", "^(?!x)(a|aa)+$", r"^(a+)+\1$"] {
        let (fits, took) = matched(pattern, &format!("{}!", "a".repeat(2_000)));
        assert!(!fits && took < Duration::from_secs(2), "{pattern}: {took:?}");
    }
    assert!(matched("^(?!x)a+$", "aaa").0);
}

#[test]
fn very_many_unknown_fields_are_told_in_time() {
    use std::fmt::Write as _;
    let mut text = "asyncapi: 3.0.0\ninfo: {title: T, version: 1.0.0}\nchannels: {}\n".to_owned();
    for number in 0..50_000 {
        writeln!(text, "k{number}: 1").unwrap();
    }
    let start = Instant::now();
    let (loaded, _) = timed(&text);
    let found = eddy::check::check_documents(&loaded);
    assert_eq!(found.iter().filter(|finding| finding.code == "ED1001").count(), 50_000);
    // Quadratic, it would take minutes.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// A graph that nobody means to draw: one channel at which everybody sends and receives, and many that nobody shares.
#[test]
fn very_large_graphs_are_drawn_and_judged_in_time() {
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    let node = |id: &str, kind: &str| {
        let name = id.trim_start_matches("-/");
        format!(r#""{kind}:{id}":{{"metadata":{{"kind":"{kind}","name":"{name}"}}}}"#)
    };
    let edge = |relation: &str, source: String, target: String| {
        format!(r#"{{"source":"{source}","target":"{target}","relation":"{relation}"}}"#)
    };
    nodes.push(node("-/hub", "channel"));
    for number in 0..1_500 {
        let (service, channel) = (format!("s{number}"), format!("-/c{number}"));
        nodes.extend([node(&service, "service"), node(&channel, "channel")]);
        let (service, channel) = (format!("service:{service}"), format!("channel:{channel}"));
        let next = format!("service:s{}", (number * 7 + 1) % 1_500);
        edges.push(edge("sends", service.clone(), "channel:-/hub".to_owned()));
        edges.push(edge("receives", "channel:-/hub".to_owned(), service.clone()));
        edges.push(edge("sends", service, channel.clone()));
        edges.push(edge("receives", channel, next));
    }
    let directory = tempfile::tempdir().expect("a directory");
    let text = format!(
        r#"{{"graph":{{"metadata":{{"schema":"eddy/topology/1"}},"nodes":{{{}}},"edges":[{}]}}}}"#,
        nodes.join(","),
        edges.join(",")
    );
    std::fs::write(directory.path().join("large.json"), text).expect("written");
    for (arguments, words) in [
        (&["--format", "jsonl"][..], "service:s1499"),
        (&[], "s1499"),
        (&["--check"], "so many producers and consumers"),
        (&["--format", "svg"], "s1499"),
        (&["--focus", "c17", "--depth", "1"], "c17"),
    ] {
        let start = Instant::now();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eddy"));
        command.args(["graph", "large.json"]).args(arguments).current_dir(directory.path());
        let output = command.output().expect("it runs");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments:?}: {:?}", output.status);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(words), "{arguments:?}: {}", said.chars().take(2_000).collect::<String>());
        // Seconds on a slow machine; with the square of the number of edges it would be hours.
        assert!(start.elapsed() < Duration::from_secs(90), "{arguments:?}: {:?}", start.elapsed());
    }
}

/// Schemas that refer to each other so that what has to be looked at doubles, or goes as far as there are schemas.
#[test]
fn references_that_multiply_are_judged_or_refused_in_time() {
    let reference = |number: usize| format!("{{$ref: '#/components/schemas/S{number}'}}");
    let document = |count: usize, schema: &dyn Fn(String) -> String| {
        let schemas = (0..count).map(|at| format!("    S{at}: {}\n", schema(reference(at + 1))));
        format!(
            "asyncapi: 3.0.0\ninfo: {{title: T, version: '1'}}\nchannels: {{a: {{address: a, messages: {{m: {{payload: {}}}}}}}}}\n\
             operations: {{o: {{action: send, channel: {{$ref: '#/channels/a'}}}}}}\ncomponents:\n  schemas:\n{}    S{count}: \
             {{type: object, properties: {{a: {{type: string}}}}}}\n",
            reference(0),
            schemas.collect::<String>()
        )
    };
    let directory = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eddy"));
        let start = Instant::now();
        let output = command.args(arguments).current_dir(directory.path()).output().expect("it runs");
        assert!(matches!(output.status.code(), Some(0..=2)), "{arguments:?}: {:?}", output.status);
        // Without memory for what was seen before it would be hours, or more bytes than there are.
        assert!(start.elapsed() < Duration::from_secs(60), "{arguments:?}: {:?}", start.elapsed());
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let twice = |keyword: &'static str| move |next: String| format!("{{{keyword}: [{next}, {next}]}}");
    for (name, count, schema, words) in [
        ("all", 24, &twice("allOf") as &dyn Fn(String) -> String, "schemas apply to one value"),
        ("one", 24, &twice("oneOf"), "schemas apply to one value"),
        ("chain", 400, &|next| next, "leads back to itself"),
        (
            "parts",
            24,
            &|next| format!("{{type: object, properties: {{a: {next}, b: {next}}}}}"),
            "no findings",
        ),
        ("deep", 700, &|next| format!("{{required: [a], properties: {{a: {next}}}}}"), "no findings"),
    ] {
        let file = format!("{name}.yaml");
        std::fs::write(directory.path().join(&file), document(count, schema)).expect("written");
        let said = run(&["validate", &file]);
        assert!(said.contains(words), "{name}: {}", said.chars().take(2_000).collect::<String>());
        run(&["bundle", &file]);
        run(&["graph", &file, "--impact", "m.a.b"]);
        run(&["new", "python-service", name, "--contract", &file, "--defaults"]);
    }
}
