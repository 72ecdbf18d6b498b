//! Documents of others, laid out, converted and bundled: nothing but what was asked for may change.
//!
//! They are read from `EDDY_CORPORA`, or `../shared/corpora`, and are no part of this project. Where they are absent the
//! tests say so and pass, unless `EDDY_REQUIRE_CORPORA=1`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use eddy::check::check_documents;
use eddy::contract::{Loaded, load, load_text};
use eddy::diagnostic::Severity;
use eddy::edit::bundle::{REMOTE_LEFT, bundle};
use eddy::edit::convert::{Perspective, Version, convert};
use eddy::edit::format::{format, with_line_feeds};
use eddy::source_text::tree::{Node, Value};
use eddy::source_text::{FileId, Limits, SourceText, Sources, yaml};

/// The folder of the corpora, when it is there.
#[allow(clippy::print_stderr, reason = "a test that looks at nothing must say so")]
fn corpora() -> Option<PathBuf> {
    let named = std::env::var_os("EDDY_CORPORA").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"));
    if folder.join("MANIFEST.tsv").is_file() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("EDDY_REQUIRE_CORPORA").is_none_or(|value| value != "1"),
        "EDDY_REQUIRE_CORPORA=1, and there is no {}/MANIFEST.tsv",
        folder.display()
    );
    eprintln!("NOTHING CHECKED: no corpora at {}; name them by EDDY_CORPORA", folder.display());
    None
}

/// Files of the AsyncAPI families by their ending.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the corpora")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("asyncapi-")))
        .collect();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).expect("readable").flatten().map(|entry| entry.path()));
        } else if path
            .extension()
            .is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known))
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The marks by which the YAML test suite shows what cannot be seen.
fn without_marks(text: &str) -> String {
    let text = text.replace('␣', " ").replace('←', "\r").replace('⇔', "\u{feff}").replace('↵', "");
    let text = text.trim_end_matches('\n').strip_suffix('∎').map(str::to_owned).unwrap_or(text);
    text.replace('—', "").replace('»', "\t")
}

fn tree(text: &str) -> yaml::Parsed {
    let mut sources = Sources::default();
    let file = sources.add(SourceText::new("case.yaml", text.to_owned()));
    yaml::parse(&sources, file, &Limits::default())
}

fn without_blanks(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Equal in values, keys and their order; places do not count.
fn same(left: &Node, right: &Node) -> bool {
    match (&left.value, &right.value) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| {
                    // A list as a key is known by its text.
                    let (left_key, right_key) = (without_blanks(&left.key), without_blanks(&right.key));
                    (left.key == right.key || (!left.key_is_string && left_key == right_key))
                        && left.key_is_string == right.key_is_string
                        && same(&left.value, &right.value)
                })
        }
        (left, right) => left == right,
    }
}

/// Texts of the YAML test suite that may be left as they are: lists as keys over many lines, and comments inside keys.
const LEFT: usize = 9;

#[derive(Default, Debug)]
struct Outcome {
    laid_out: usize,
    unreadable: usize,
    left: BTreeMap<String, Vec<String>>,
    faults: Vec<String>,
}

impl Outcome {
    #[allow(clippy::print_stdout, reason = "the numbers are what one runs this test for")]
    fn print(&self) {
        println!("{} laid out, {} not readable, left: {:#?}", self.laid_out, self.unreadable, self.left);
    }

    fn take(&mut self, name: &str, text: &str) {
        let once = match format(text, &Limits::default()) {
            Ok(once) => once,
            Err(refusal) => {
                if tree(text).root.is_none() || refusal.to_string().contains("several documents") {
                    self.unreadable += 1;
                } else {
                    self.left.entry(refusal.to_string()).or_default().push(name.to_owned());
                }
                return;
            }
        };
        self.laid_out += 1;
        let (before, after) = (tree(text), tree(&once));
        let equal = match (&before.root, &after.root) {
            (Some(before), Some(after)) => same(before, after),
            (None, None) => true,
            _ => false,
        };
        if !equal {
            self.faults.push(format!("{name}: the values differ\n{text}\n--\n{once}"));
        }
        match format(&once, &Limits::default()) {
            Ok(twice) if twice == once => {}
            twice => self.faults.push(format!("{name}: not stable\n{text}\n--\n{once}\n--\n{twice:?}")),
        }
        assert!(once.ends_with('\n'), "{name}");
    }
}

#[test]
fn asyncapi_documents_keep_their_values_when_laid_out() {
    let Some(folder) = corpora() else { return };
    let mut outcome = Outcome::default();
    for path in documents(&folder) {
        if let Ok(text) = std::fs::read_to_string(&path) {
            outcome.take(&path.display().to_string(), &text);
        }
    }
    outcome.print();
    assert!(outcome.left.is_empty());
    assert!(outcome.faults.is_empty(), "{}", outcome.faults.join("\n\n"));
    assert!(outcome.laid_out > 600, "{}", outcome.laid_out);
}

#[test]
fn the_yaml_test_suite_keeps_its_values_when_laid_out() {
    let Some(folder) = corpora() else { return };
    let mut outcome = Outcome::default();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("yaml-test-suite"))
        .expect("the suite")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml")) {
        let cases = tree(&std::fs::read_to_string(path).expect("a case")).root.expect("a list of cases");
        for (number, case) in cases.items().iter().enumerate() {
            let name = format!("{}/{number}", path.file_stem().unwrap_or_default().to_string_lossy());
            if let Some(text) = case.get_str("yaml") {
                outcome.take(&name, &without_marks(text));
            }
        }
    }
    outcome.print();
    assert!(outcome.faults.is_empty(), "{}", outcome.faults.join("\n\n"));
    assert!(outcome.left.values().map(Vec::len).sum::<usize>() <= LEFT, "{:#?}", outcome.left);
    assert!(outcome.laid_out > 180, "{}", outcome.laid_out);
}

fn errors(loaded: &Loaded) -> Vec<String> {
    let mut findings = loaded.diagnostics.clone();
    findings.extend(check_documents(loaded));
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|error| format!("{} {} {}", error.code, error.pointer, error.message)).collect()
}

fn comments(text: &str) -> usize {
    let document = eddy::edit::read::read(text, FileId(0), &Limits::default()).expect("readable");
    eddy::edit::make::comments_of(&document.root).len()
}

/// Valid documents of version 2 whose conversion has errors: exactly these codes, and why.
const NOT_AFTER: &str = include_str!("corpora/not_valid_converted.md");

/// The rows of the table: file, codes.
fn not_after() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut rows = BTreeMap::new();
    for row in NOT_AFTER.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [file, codes, why] = cells[..] else { panic!("three cells: {row}") };
        assert!(why.len() > 20, "the reason is missing: {row}");
        rows.insert(file.trim_matches('`'), codes.split(' ').collect());
    }
    rows
}

fn is_version_two(text: &str) -> bool {
    tree(text)
        .root
        .is_some_and(|root| root.get_str("asyncapi").is_some_and(|version| version.starts_with("2.")))
}

const THREE: Version = Version { major: 3, minor: 0 };

fn converted(text: &str) -> Result<eddy::edit::convert::Converted, String> {
    convert(text, FileId(0), THREE, Perspective::Application, &Limits::default())
        .map_err(|error| error.to_string())
}

/// The codes of the errors of a text, as often as they come.
fn codes(errors: &[String]) -> Vec<&str> {
    let mut codes: Vec<&str> = errors.iter().filter_map(|error| error.split(' ').next()).collect();
    codes.sort_unstable();
    codes
}

#[test]
#[allow(clippy::print_stdout, reason = "the numbers are what one runs this test for")]
fn valid_documents_are_valid_when_converted() {
    let Some(folder) = corpora() else { return };
    let (mut valid, mut noted, mut faults) = (0, 0, Vec::new());
    let mut listed = not_after();
    for path in documents(&folder) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let Ok((text, _)) = with_line_feeds(&text) else { continue };
        let name = path.strip_prefix(&folder).expect("below").display().to_string();
        let loaded = load(std::slice::from_ref(&path), &Limits::default());
        if !is_version_two(&text) || !errors(&loaded).is_empty() {
            continue;
        }
        valid += 1;
        let result = match converted(&text) {
            Ok(result) => result,
            Err(error) => {
                faults.push(format!("{name}: {error}"));
                continue;
            }
        };
        noted += usize::from(!result.notes.is_empty());
        let errors = errors(&load_text(&path, result.text.as_str(), &Limits::default()));
        let expected = listed.remove(name.as_str()).unwrap_or_default();
        if codes(&errors) != expected {
            faults.push(format!("{name}: {expected:?} is listed, and found is {errors:#?}"));
        }
        let (before, after) = (comments(&text), comments(&result.text));
        if before != after {
            faults.push(format!("{name}: {before} comments became {after}"));
        }
        if format(&result.text, &Limits::default()).as_ref() != Ok(&result.text) {
            faults.push(format!("{name}: the result is not laid out"));
        }
    }
    println!("{valid} valid 2.x documents, {noted} with notes, {} faults", faults.len());
    faults.extend(listed.into_keys().map(|name| format!("{name} is listed, and is no valid document")));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(valid > 100, "{valid}");
}

/// What is told of parts in other files: bundle first.
#[test]
fn documents_of_several_files_are_valid_when_bundled_and_converted() {
    let Some(folder) = corpora() else { return };
    let several = not_after().into_iter().filter(|(_, codes)| codes.contains(&"ED1001"));
    let mut count = 0;
    for (name, _) in several {
        let path = folder.join(name);
        let limits = Limits::default();
        let bundled = bundle(&load(std::slice::from_ref(&path), &limits), &limits).expect("bundled");
        let result = converted(&bundled.text).expect("converted");
        let errors = errors(&load_text(&path, result.text.as_str(), &limits));
        assert!(errors.is_empty(), "{name}: {errors:#?}\n{}", result.text);
        count += 1;
    }
    assert_eq!(count, 4);
}

/// What the converter of the AsyncAPI project writes otherwise than we do, each with the reason.
const DIFFERENCES: &str = include_str!("corpora/converter_differences.md");

/// What it reads, what it writes, and the version asked for.
const CONVERSIONS: [(&str, &str, Version); 8] = [
    ("2.0.0/streetlights.json", "2.6.0/streetlights.yml", Version { major: 2, minor: 6 }),
    ("2.0.0/streetlights.yml", "2.6.0/streetlights.yml", Version { major: 2, minor: 6 }),
    ("2.2.0/streetlights.yml", "2.6.0/streetlights.yml", Version { major: 2, minor: 6 }),
    ("2.4.0/streetlights.yml", "2.6.0/streetlights.yml", Version { major: 2, minor: 6 }),
    ("2.6.0/for-3.0.0.yml", "3.0.0/from-2.6.0.yml", THREE),
    (
        "2.6.0/for-3.0.0-with-custom-schema-format.yml",
        "3.0.0/from-2.6.0-with-custom-schema-format.yml",
        THREE,
    ),
    ("2.6.0/for-3.0.0-with-reference-parameter.yml", "3.0.0/from-2.6.0-with-reference-parameter.yml", THREE),
    ("3.0.0/for-3.1.0.yml", "3.1.0/from-3.0.0.yml", Version { major: 3, minor: 1 }),
];

/// Every place at which two values differ: JSON Pointer, theirs, ours; the order of keys does not count.
fn differences(theirs: &serde_json::Value, ours: &serde_json::Value, at: &str, found: &mut Vec<[String; 3]>) {
    use serde_json::Value::{Array, Object};
    match (theirs, ours) {
        (Object(left), Object(right)) => {
            let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let pointer = eddy::source_text::tree::pointer_push(at, key);
                match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => differences(left, right, &pointer, found),
                    (left, right) => {
                        let side = |side: Option<&serde_json::Value>| {
                            side.map_or_else(|| "—".to_owned(), ToString::to_string)
                        };
                        found.push([pointer, side(left), side(right)]);
                    }
                }
            }
        }
        (Array(left), Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                differences(left, right, &format!("{at}/{index}"), found);
            }
        }
        (left, right) if left == right => {}
        (left, right) => found.push([at.to_owned(), left.to_string(), right.to_string()]),
    }
}

#[test]
fn conversions_differ_from_those_of_the_project_only_where_it_is_listed() {
    let Some(folder) = corpora() else { return };
    let folder = folder.join("asyncapi-converter");
    let read = |path: String| std::fs::read_to_string(folder.join(path)).expect("a document of the corpus");
    let mut found = Vec::new();
    for (input, output, target) in CONVERSIONS {
        let text = read(format!("input/{input}"));
        let (text, _) = with_line_feeds(&text).expect("even line ends");
        let result = convert(&text, FileId(0), target, Perspective::Application, &Limits::default());
        let ours = tree(&result.expect("converted").text).root.expect("readable").to_json();
        let theirs = tree(&read(format!("output/{output}"))).root.expect("readable").to_json();
        let mut here = Vec::new();
        differences(&theirs, &ours, "", &mut here);
        found.extend(here.into_iter().map(|[pointer, theirs, ours]| {
            format!("| `{input}` | `{pointer}` | `{theirs}` | `{ours}` |").replace("`—`", "—")
        }));
    }
    let listed: Vec<&str> = DIFFERENCES.lines().filter(|line| line.starts_with("| `")).collect();
    let mut faults: Vec<String> = Vec::new();
    for row in &listed {
        let why = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        assert!(why.len() > 20, "the reason is missing: {row}");
        if !found.iter().any(|one| row.starts_with(one)) {
            faults.push(format!("gone: {row}"));
        }
    }
    faults.extend(found.iter().filter(|one| !listed.iter().any(|row| row.starts_with(*one))).cloned());
    assert!(faults.is_empty(), "against tests/corpora/converter_differences.md:\n{}", faults.join("\n"));
}

#[test]
#[allow(clippy::print_stdout, reason = "the numbers are what one runs this test for")]
fn bundles_have_the_codes_of_their_sources() {
    let Some(folder) = corpora() else { return };
    let (mut bundled, mut moved, mut faults) = (0, 0, Vec::new());
    for path in documents(&folder) {
        let limits = Limits::default();
        let loaded = load(std::slice::from_ref(&path), &limits);
        let Ok(result) = bundle(&loaded, &limits) else { continue };
        bundled += 1;
        moved += result.moved;
        let codes = |loaded: &Loaded| -> std::collections::BTreeSet<String> {
            errors(loaded).iter().filter_map(|error| error.split(' ').next().map(str::to_owned)).collect()
        };
        let after = load_text(&path, result.text.as_str(), &limits);
        let (before, after) = (codes(&loaded), codes(&after));
        if before != after {
            faults.push(format!("{}: {before:?} became {after:?}", path.display()));
        }
        let remote = result.notes.iter().filter(|note| note.code == REMOTE_LEFT).count();
        let again = load_text(&path, result.text.as_str(), &limits);
        if let Ok(twice) = bundle(&again, &limits)
            && (twice.moved > 0 || twice.text != result.text)
            && remote == 0
        {
            faults.push(format!("{}: bundled twice is not bundled once", path.display()));
        }
    }
    println!("{bundled} bundled, {moved} parts moved, {} faults", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(bundled > 400, "{bundled}");
}
