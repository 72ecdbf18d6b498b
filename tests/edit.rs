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

/// Documents that are valid before and not after, each with the reason; anything else is a defect.
const NOT_AFTER: [(&str, &str); 29] = [
    ("asyncapi-cli/github-action/test/unoptimized.yml", BINDINGS),
    ("asyncapi-cli/test/fixtures/dummyspec/unoptimizedSpec.json", BINDINGS),
    ("asyncapi-cli/test/fixtures/dummyspec/unoptimizedSpec.yml", BINDINGS),
    ("asyncapi-parser-mocks/parser/test/mocks/nested-schemas.yaml", UNUSED_PARAMETER),
    ("asyncapi-real/asyncapi+go-watermill-template/test/atest.yml", BINDINGS),
    (
        "asyncapi-real/asyncapi+java-spring-cloud-stream-template/test/mocks/dynamic-topic-same-function-name.yaml",
        BINDINGS,
    ),
    ("asyncapi-real/asyncapi+java-spring-cloud-stream-template/test/mocks/kafka-avro.yaml", BINDINGS),
    (
        "asyncapi-real/asyncapi+java-spring-cloud-stream-template/test/mocks/smarty-lighting-streetlights-check.yaml",
        BINDINGS,
    ),
    (
        "asyncapi-real/asyncapi+java-spring-cloud-stream-template/test/mocks/smarty-lighting-streetlights.yaml",
        BINDINGS,
    ),
    ("asyncapi-real/asyncapi+java-spring-cloud-stream-template/test/mocks/solace-test-app.yaml", BINDINGS),
    ("asyncapi-real/asyncapi+java-spring-template/tests/mocks/amqp.yml", BINDINGS),
    ("asyncapi-real/asyncapi+java-spring-template/tests/mocks/kafka-with-parameters.yml", BINDINGS),
    ("asyncapi-real/asyncapi+java-spring-template/tests/mocks/kafka.yml", BINDINGS),
    (
        "asyncapi-real/asyncapi+java-spring-template/tests/user_examples/aqmp_config_multiple-channels.yaml",
        BINDINGS,
    ),
    (
        "asyncapi-real/asyncapi+java-spring-template/tests/user_examples/aqmp_config_single-channel.yaml",
        BINDINGS,
    ),
    (
        "asyncapi-real/microcks+microcks/commons/util/src/test/resources/io/github/microcks/util/asyncapi/streetlights-asyncapi.yaml",
        EXAMPLES,
    ),
    (
        "asyncapi-real/microcks+microcks/webapp/src/test/resources/io/github/microcks/util/asyncapi/user-signedup-asyncapi-2.1.yaml",
        EXAMPLES,
    ),
    (
        "asyncapi-real/microcks+microcks/webapp/src/test/resources/io/github/microcks/util/asyncapi/user-signedup-asyncapi-gh-master.yaml",
        EXAMPLES,
    ),
    (
        "asyncapi-real/microcks+microcks/webapp/src/test/resources/io/github/microcks/util/asyncapi/user-signedup-asyncapi-ws.yaml",
        EXAMPLES,
    ),
    (
        "asyncapi-real/microcks+microcks/webapp/src/test/resources/io/github/microcks/util/asyncapi/user-signedup-asyncapi.json",
        EXAMPLES,
    ),
    (
        "asyncapi-real/microcks+microcks/webapp/src/test/resources/io/github/microcks/util/asyncapi/user-signedup-cloudevents-structured.yaml",
        EXAMPLES,
    ),
    ("asyncapi-spec-examples/v2.6.0/gitter-streaming.yml", BINDINGS),
    ("asyncapi-spec-examples/v2.6.0/rpc-client.yml", BINDINGS),
    ("asyncapi-spec-examples/v2.6.0/rpc-server.yml", BINDINGS),
    ("asyncapi-spec-examples/v2.6.0/social-media/backend/asyncapi.yaml", OTHER_FILE),
    ("asyncapi-spec-examples/v2.6.0/social-media/frontend/asyncapi.yaml", OTHER_FILE),
    ("asyncapi-tck/asyncapi-2.0/Channel Item Object/valid-external-ref.yaml", OTHER_FILE),
    ("asyncapi-tck/asyncapi-2.0/Message Trait Object/invalid-examples-item.yaml", EXAMPLES),
    ("asyncapi-tck/asyncapi-2.0/Reference Object/valid-external-ref-message.yaml", OTHER_FILE),
];
const BINDINGS: &str = "its bindings stay as written; AsyncAPI 3 holds them to their version";
const OTHER_FILE: &str = "a part is in another file of version 2, which is told";
const EXAMPLES: &str = "its examples are named maps, as 2.0 and 2.1 allowed";
const UNUSED_PARAMETER: &str = "a parameter that its address does not hold weighs more in version 3";

#[test]
#[allow(clippy::print_stdout, reason = "the numbers are what one runs this test for")]
fn valid_documents_are_valid_when_converted() {
    let Some(folder) = corpora() else { return };
    let (mut valid, mut noted, mut faults) = (0, 0, Vec::new());
    for path in documents(&folder) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let Ok((text, _)) = with_line_feeds(&text) else { continue };
        let name = path.display().to_string();
        let is_two = tree(&text)
            .root
            .is_some_and(|root| root.get_str("asyncapi").is_some_and(|version| version.starts_with("2.")));
        if !is_two || !errors(&load(std::slice::from_ref(&path), &Limits::default())).is_empty() {
            continue;
        }
        valid += 1;
        let target = Version { major: 3, minor: 0 };
        match convert(&text, FileId(0), target, Perspective::Application, &Limits::default()) {
            Ok(result) => {
                noted += usize::from(!result.notes.is_empty());
                let errors = errors(&load_text(&path, result.text.as_str(), &Limits::default()));
                let known = NOT_AFTER.iter().find(|(known, _)| name.ends_with(known));
                if let Some((known, reason)) = known.filter(|_| !errors.is_empty()) {
                    println!("TRIAGED {known}: {reason}");
                }
                if known.is_some() && errors.is_empty() {
                    faults.push(format!("{name}: it is valid now; take it off the list"));
                }
                let known = known.is_some();
                if !errors.is_empty() && !known {
                    faults.push(format!("{name}: {errors:#?}"));
                }
                let (before, after) = (comments(&text), comments(&result.text));
                if before != after {
                    faults.push(format!("{name}: {before} comments became {after}"));
                }
                if format(&result.text, &Limits::default()).as_ref() != Ok(&result.text) {
                    faults.push(format!("{name}: the result is not laid out"));
                }
            }
            Err(error) => faults.push(format!("{name}: {error}")),
        }
    }
    println!("{valid} valid 2.x documents, {noted} with notes, {} faults", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(valid > 100, "{valid}");
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
