//! Documents of others, laid out, converted and bundled: nothing but what was asked for may change.
//!
//! They are read from `EDDY_CORPORA`, or `../shared/corpora`, and are no part of this project. Where they are absent the
//! tests say so and pass, unless `EDDY_REQUIRE_CORPORA=1`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use eddy::edit::format::format;
use eddy::source_text::tree::{Node, Value};
use eddy::source_text::{Limits, SourceText, Sources, yaml};

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
