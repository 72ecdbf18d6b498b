//! `--fix` over every wrong example there is: what was fixed is gone, nothing new is wrong, and no other line has changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use eddy::check::{Policy, check_documents, report};
use eddy::contract::load_text;
use eddy::diagnostic::fixing::apply;
use eddy::diagnostic::{Diagnostic, FixSafety, Severity};
use eddy::source_text::{Limits, Sources};

fn check(name: &Path, text: &str) -> (Vec<Diagnostic>, Sources) {
    let mut loaded = load_text(name, text, &Limits::default());
    let mut found = std::mem::take(&mut loaded.diagnostics);
    found.extend(check_documents(&loaded));
    let policy = Policy { cap: usize::MAX, ..Policy::default() };
    let report = report(found, &loaded.sources, &policy);
    (report.diagnostics, loaded.sources)
}

fn errors(findings: &[Diagnostic]) -> usize {
    findings.iter().filter(|finding| finding.severity == Severity::Error).count()
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "json") {
            found.push(path);
        }
    }
}

/// Fixes one document until nothing changes; gives the number of fixes.
fn fix(path: &Path, with_unsafe: bool) -> usize {
    let before = std::fs::read_to_string(path).unwrap();
    let (mut findings, mut sources) = check(path, &before);
    let (first_errors, mut text, mut count) = (errors(&findings), before.clone(), 0);
    let mut touched = 0;
    for round in 0.. {
        assert!(round < 10, "{} is never done", path.display());
        let main = sources.iter().next().unwrap().0;
        let edits = |finding: &Diagnostic| finding.fix.iter().map(|fix| fix.edits.len()).sum::<usize>();
        touched += findings.iter().map(edits).sum::<usize>();
        let applied = apply(&findings, &sources, with_unsafe, &|file| file == main);
        let Some(after) = applied.texts.get(&main) else { break };
        count += applied.applied.values().sum::<usize>();
        text.clone_from(after);
        (findings, sources) = check(path, &text);
    }
    assert!(errors(&findings) <= first_errors, "{}: {findings:#?}\n{text}", path.display());
    let main = sources.iter().next().unwrap().0;
    let is_left = |finding: &&Diagnostic| {
        let in_file = |fix: &eddy::diagnostic::Fix| fix.edits.iter().all(|(span, _)| span.file == main);
        finding.fix.as_ref().is_some_and(|fix| in_file(fix) && (with_unsafe || fix.safety == FixSafety::Safe))
    };
    assert_eq!(findings.iter().filter(is_left).count(), 0, "{}", path.display());
    let kept: BTreeSet<&str> = text.lines().collect();
    let changed = before.lines().filter(|line| !kept.contains(line)).count();
    assert!(changed <= touched * 6, "{}: {changed} lines changed by {touched} edits", path.display());
    if count == 0 {
        assert_eq!(text, before);
    }
    count
}

#[test]
fn every_wrong_example_can_be_fixed_without_harm() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    documents(&root.join("tests/rules"), &mut paths);
    documents(&root.join("tests/fixtures/probes"), &mut paths);
    let safe: usize = paths.iter().map(|path| fix(path, false)).sum();
    let all: usize = paths.iter().map(|path| fix(path, true)).sum();
    assert!(safe >= 15 && all > safe, "{safe} safe fixes, {all} with the unsafe ones");
}
