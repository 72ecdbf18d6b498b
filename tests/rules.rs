//! Every code is fired by the wrong example of its page and not by the right one; every rule has case files in
//! `tests/rules/<rule>/{good,bad}` whose comments `# expect: CODE` name what is found on their line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use eddy::check::page::page;
use eddy::check::rules::all;
use eddy::check::{check_documents, report};
use eddy::contract::{Loaded, load, load_text};
use eddy::diagnostic::{Diagnostic, Severity};
use eddy::source_text::Limits;

fn findings(mut loaded: Loaded) -> (Loaded, Vec<Diagnostic>) {
    let mut found = std::mem::take(&mut loaded.diagnostics);
    found.extend(check_documents(&loaded));
    let report = report(found, &loaded.sources, &|_| None, usize::MAX);
    (loaded, report.diagnostics)
}

fn of_text(text: &str) -> Vec<Diagnostic> {
    findings(load_text("example.yaml", text, &Limits::default())).1
}

#[test]
fn codes_and_names_are_unique_and_in_order() {
    let codes: Vec<&str> = all().iter().map(|rule| rule.code).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(codes, sorted);
    let names: BTreeSet<&str> = all().iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), codes.len());
}

#[test]
fn every_page_is_whole_and_its_examples_do_what_they_say() {
    let mut faults = Vec::new();
    for rule in all() {
        let page = page(rule);
        let code = rule.code;
        assert!(page.title.ends_with('.'), "{code}: the title is a sentence: {:?}", page.title);
        assert!(page.why.len() > 20, "{code}: the page says why");
        assert!(
            !page.bad.text.is_empty() && !page.good.text.is_empty(),
            "{code}: the page has both examples"
        );
        if page.bad.language == "yaml" {
            let found = of_text(&page.bad.text);
            let codes: BTreeSet<&str> = found.iter().map(|finding| finding.code).collect();
            if codes != BTreeSet::from([code]) {
                faults.push(format!("{code}: the wrong example fires {codes:?}"));
            }
        }
        if page.good.language == "yaml" {
            let found = of_text(&page.good.text);
            if let Some(first) = found.first() {
                faults.push(format!("{code}: the right example fires {}: {}", first.code, first.message));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn what_a_rule_finds_has_its_weight_or_a_lighter_one() {
    for rule in all() {
        for finding in of_text(&page(rule).bad.text) {
            if finding.code == rule.code {
                assert!(finding.severity <= rule.severity, "{}: {:?}", rule.code, finding.severity);
            }
        }
    }
}

/// Codes that no document can show, each with the case folder or test that fires it.
const SHOWN_ELSEWHERE: [(&str, &str); 7] = [
    ("ED0101", "tests/cases/validate/missing_file"),
    ("ED0102", "tests/cases/validate/not_utf8"),
    ("ED0107", "tests/validate.rs"),
    ("ED0108", "tests/validate.rs"),
    ("ED5001", "tests/cases/validate/events_channels"),
    ("ED5002", "tests/cases/validate/events_bare"),
    ("ED5003", "tests/cases/validate/events_bare"),
];

#[test]
fn every_rule_has_good_and_bad_cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for rule in all() {
        if let Some((_, place)) = SHOWN_ELSEWHERE.iter().find(|(code, _)| *code == rule.code) {
            assert!(root.join(place).exists(), "{} is said to be shown in {place}", rule.code);
            continue;
        }
        let folder = root.join("tests/rules").join(rule.name.replace('-', "_"));
        let (bad, good) = (documents(&folder.join("bad")), documents(&folder.join("good")));
        assert!(!bad.is_empty() && !good.is_empty(), "{} needs cases in {}", rule.code, folder.display());
        for path in bad {
            let expected = expected(&path);
            let is_own = |(_, code): &(u32, String)| code == rule.code;
            assert!(expected.iter().any(is_own), "{} expects nothing of {}", path.display(), rule.code);
            assert_eq!(actual(&path), expected, "{}", path.display());
        }
        for path in good {
            assert_eq!(actual(&path), BTreeSet::new(), "{}", path.display());
        }
    }
}

#[test]
fn every_probe_has_exactly_its_findings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/probes");
    let probes = documents(&folder);
    assert_eq!(probes.len(), 38);
    for path in probes {
        assert_eq!(actual(&path), expected(&path), "{}", path.display());
    }
}

fn documents(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    paths
}

/// `# expect: ED2101 ED2102` at the end of a line, or `# expect-next: …` on the line before.
fn expected(path: &Path) -> BTreeSet<(u32, String)> {
    let text = fs::read_to_string(path).unwrap();
    let mut found = BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        for (marker, line_of) in [("# expect: ", number), ("# expect-next: ", number + 1)] {
            if let Some((_, codes)) = line.split_once(marker) {
                found.extend(codes.split_whitespace().map(|code| (line_of, code.to_owned())));
            }
        }
    }
    found
}

fn actual(path: &Path) -> BTreeSet<(u32, String)> {
    let (loaded, found) = findings(load(&[path.to_owned()], &Limits::default()));
    let place = |finding: &Diagnostic| {
        let label = finding.primary.as_ref().expect("a finding in a document has a place");
        (loaded.sources.range(label.span).0.line, finding.code.to_owned())
    };
    let all: Vec<(u32, String)> = found.iter().map(place).collect();
    let unique: BTreeSet<(u32, String)> = all.iter().cloned().collect();
    assert!(found.iter().all(|finding| finding.severity >= Severity::Hint));
    unique
}
