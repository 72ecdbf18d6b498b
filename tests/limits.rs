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
