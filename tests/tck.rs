//! Runs the compatibility kit in `tests/tck`: every case has the verdict and the findings it states, at their places.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use eddy::check::check_documents;
use eddy::contract::load_text;
use eddy::diagnostic::Severity;
use eddy::source_text::tree::{Node, Number, Value};
use eddy::source_text::{Limits, SourceText, Sources, yaml};

/// A finding: its code, line and column, and the first line of what it underlines.
type Place = (String, u32, u32, String);

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tck");
    let entries = std::fs::read_dir(folder).expect("the kit").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect();
    paths.sort();
    paths
}

fn number(node: &Node, key: &str) -> u32 {
    match node.get(key).map(|node| &node.value) {
        Some(Value::Number(Number::Integer(number))) => u32::try_from(*number).expect("a place"),
        other => panic!("`{key}` is a number, not {other:?}"),
    }
}

fn text<'n>(node: &'n Node, key: &str) -> &'n str {
    node.get_str(key).unwrap_or_else(|| panic!("`{key}` is text in {:?}", node.to_json()))
}

fn expected(case: &Node) -> BTreeSet<Place> {
    let listed = case.get("expect").map(|list| list.items().to_vec()).unwrap_or_default();
    let place = |one: &Node| -> Place {
        (
            text(one, "code").to_owned(),
            number(one, "line"),
            number(one, "column"),
            text(one, "text").to_owned(),
        )
    };
    listed.iter().map(|one| place(one)).collect()
}

/// The errors found, and the lighter findings.
fn found(document: &str) -> (BTreeSet<Place>, BTreeSet<Place>) {
    let loaded = load_text("case.yaml", document, &Limits::default());
    let mut findings = check_documents(&loaded);
    findings.extend(loaded.diagnostics.iter().cloned());
    let place = |span: eddy::source_text::Span| {
        let start = loaded.sources.range(span).0;
        let words = &document[span.start as usize..span.end as usize];
        (start.line, start.column, words.lines().next().unwrap_or_default().to_owned())
    };
    let (mut errors, mut others) = (BTreeSet::new(), BTreeSet::new());
    for finding in findings {
        let (line, column, words) =
            finding.primary.as_ref().map_or_else(Default::default, |label| place(label.span));
        let list = if finding.severity == Severity::Error { &mut errors } else { &mut others };
        list.insert((finding.code.to_owned(), line, column, words));
    }
    (errors, others)
}

/// What is wrong with the outcome of a case, if anything: the errors are those expected and no others, and an expected
/// finding may also be a warning where the document is valid.
fn fault(case: &Node) -> Option<String> {
    let wanted = expected(case);
    let (errors, others) = found(text(case, "document"));
    let is_valid = case.get("valid").and_then(|valid| valid.as_bool()).expect("`valid` is true or false");
    let missing: Vec<_> =
        wanted.iter().filter(|one| !errors.contains(one) && !others.contains(one)).collect();
    let surplus: Vec<_> = errors.iter().filter(|one| !wanted.contains(one)).collect();
    let right = missing.is_empty() && surplus.is_empty() && errors.is_empty() == is_valid;
    (!right).then(|| format!("missing {missing:?}, surplus {surplus:?}, others {others:?}"))
}

#[test]
fn every_case_has_its_verdict_and_findings() {
    let (mut count, mut invalid, mut faults) = (0, 0, Vec::new());
    for path in files() {
        let mut sources = Sources::default();
        let content = std::fs::read_to_string(&path).expect("a file of the kit");
        let file = sources.add(SourceText::new(&path, content));
        let cases = yaml::parse(&sources, file, &Limits::default()).root.expect("a list of cases");
        let mut names = BTreeSet::new();
        for case in cases.items() {
            count += 1;
            let name = text(case, "name");
            assert!(names.insert(name.to_owned()), "{name} stands twice in {}", path.display());
            assert!(!text(case, "clause").is_empty(), "{name} names its clause");
            invalid += usize::from(case.get("valid").and_then(|valid| valid.as_bool()) == Some(false));
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            faults.extend(fault(case).map(|fault| format!("{stem}/{name}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{} of {count} cases:\n{}", faults.len(), faults.join("\n"));
    assert!(count >= 400, "{count} cases");
    assert!((count / 4..=count * 3 / 4).contains(&invalid), "{invalid} of {count} are invalid");
}
