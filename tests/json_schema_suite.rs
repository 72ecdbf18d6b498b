//! The JSON Schema Test Suite, read, compiled and checked the way eddy reads, compiles and checks schemas of payloads.
//!
//! It lies in `json-schema-test-suite` of the folder `EDDY_CORPORA`, or of `../shared/corpora`, and is no part of this
//! project; `EDDY_JSON_SCHEMA_SUITE` names another copy of it. Where it is absent the tests say so and pass, unless
//! `EDDY_REQUIRE_CORPORA=1`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use eddy::schema::{Compiler, Dialect};
use eddy::source_text::{Documents, Limits, Resolved, SourceText, Sources, yaml};
use serde_json::Value;

/// The drafts, with the least number of required cases each is known to have.
const DRAFTS: [(&str, Dialect); 5] = [
    ("draft4", Dialect::Draft4),
    ("draft6", Dialect::Draft6),
    ("draft7", Dialect::Draft7),
    ("draft2019-09", Dialect::Draft201909),
    ("draft2020-12", Dialect::Draft202012),
];

/// Where the suite's remote schemas are said to live.
const ORIGIN: &str = "http://localhost:1234/";

/// The folder of the suite, when it is there.
#[allow(clippy::print_stderr, reason = "a test that looks at nothing must say so")]
fn suite() -> Option<PathBuf> {
    let named = std::env::var_os("EDDY_JSON_SCHEMA_SUITE").map(PathBuf::from);
    let corpora = std::env::var_os("EDDY_CORPORA").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| {
        let corpora =
            corpora.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"));
        corpora.join("json-schema-test-suite")
    });
    if folder.join("tests").is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("EDDY_REQUIRE_CORPORA").is_none_or(|value| value != "1"),
        "EDDY_REQUIRE_CORPORA=1, and there is no {}/tests",
        folder.display()
    );
    eprintln!("NOTHING CHECKED: no JSON Schema Test Suite at {}; name it by EDDY_CORPORA", folder.display());
    None
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            json_files(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "json") {
            found.push(entry);
        }
    }
    found.sort();
}

/// The remote schemas with their addresses.
fn remotes(suite: &Path) -> Vec<(String, String)> {
    let folder = suite.join("remotes");
    let mut files = Vec::new();
    json_files(&folder, &mut files);
    let address = |path: &PathBuf| {
        let name = path.strip_prefix(&folder).expect("below the folder").to_string_lossy().replace('\\', "/");
        (format!("{ORIGIN}{name}"), std::fs::read_to_string(path).expect("a schema"))
    };
    files.iter().map(address).collect()
}

#[derive(Default)]
struct Score {
    cases: usize,
    failed: Vec<String>,
}

/// What eddy says about every case of one group.
fn judge(group: &Value, name: &str, dialect: Dialect, remotes: &[(String, String)], score: &mut Score) {
    let limits = Limits::default();
    let (mut sources, mut documents) = (Sources::default(), Documents::default());
    let text = serde_json::to_string_pretty(&group["schema"]).expect("JSON");
    let file = documents.add_text(&mut sources, Path::new("schema.json"), text, &limits);
    loop {
        let wanted = documents.take_wanted();
        let known: Vec<_> = remotes.iter().filter(|(address, _)| wanted.contains(address)).collect();
        if known.is_empty() {
            break;
        }
        for (address, text) in known {
            documents.add_remote(&mut sources, address, text.clone(), &limits);
        }
    }
    let compiled = documents.root(file).cloned().map(|node| {
        let place = Resolved { node, file, pointer: String::new() };
        let compiler = Compiler::new(&documents);
        // Since 2019-09 the suite asks for formats that decide nothing; in eddy that is a choice.
        let says_so = name.ends_with("-09/format.json") || name.ends_with("-12/format.json");
        let mut compiler = if says_so { compiler.with_formats_as_annotations() } else { compiler };
        compiler.compile(&place, dialect)
    });
    for case in group["tests"].as_array().expect("tests") {
        let expected = case["valid"].as_bool().expect("a verdict");
        let title = format!("{name} | {} | {}", group["description"], case["description"]);
        score.cases += 1;
        match &compiled {
            Some(Ok(schema)) => {
                let data = serde_json::to_string(&case["data"]).expect("JSON");
                let by_bytes = schema.check_bytes(data.as_bytes()).is_ok();
                let by_value = schema.check_value(&case["data"]).is_empty();
                let file = sources.add(SourceText::new("data.json", data));
                let tree = yaml::parse(&sources, file, &limits).root;
                let by_tree = tree.is_none_or(|tree| schema.check_tree(&tree).is_empty());
                if [by_bytes, by_value, by_tree] != [expected; 3] {
                    score.failed.push(format!(
                        "{title}: expected {expected}, bytes {by_bytes}, value {by_value}, tree {by_tree}"
                    ));
                }
            }
            Some(Err(problems)) => score.failed.push(format!("{title}: {}", problems[0].message)),
            None => score.failed.push(format!("{title}: the schema was not read")),
        }
    }
}

fn run(suite: &Path, folder: &str, dialect: Dialect, remotes: &[(String, String)]) -> (Score, Score) {
    let root = suite.join("tests").join(folder);
    let mut files = Vec::new();
    json_files(&root, &mut files);
    let (mut required, mut optional) = (Score::default(), Score::default());
    for path in files {
        let name = path.strip_prefix(&root).expect("below the folder").display().to_string();
        let groups: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).expect("cases")).expect("JSON");
        let score = if name.starts_with("optional") { &mut optional } else { &mut required };
        for group in groups.as_array().expect("groups") {
            judge(group, &format!("{folder}/{name}"), dialect, remotes, score);
        }
    }
    (required, optional)
}

#[test]
#[allow(clippy::print_stdout, reason = "the table is what one runs this test for")]
fn every_required_case_has_its_verdict() {
    let Some(suite) = suite() else { return };
    let remotes = remotes(&suite);
    let list = std::env::var_os("EDDY_CORPORA_LIST").is_some();
    let mut failed = BTreeMap::new();
    println!("{:<14} {:<9} {:>6} {:>6}", "draft", "cases", "agree", "of");
    for (folder, dialect) in DRAFTS {
        if !suite.join("tests").join(folder).is_dir() {
            println!("{folder:<14} is not in this copy of the suite");
            continue;
        }
        let (required, optional) = run(&suite, folder, dialect, &remotes);
        for (word, score) in [("required", &required), ("optional", &optional)] {
            println!("{folder:<14} {word:<9} {:>6} {:>6}", score.cases - score.failed.len(), score.cases);
            if list {
                score.failed.iter().for_each(|line| println!("DISAGREE {word} {line}"));
            }
        }
        assert!(required.cases > 500, "{folder} has only {} cases", required.cases);
        failed.insert(folder, required.failed);
    }
    assert!(failed.values().all(Vec::is_empty), "{failed:#?}");
}
