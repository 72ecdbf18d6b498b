//! Cases of a template: answers, a contract, and the tree that must come of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::scaffold::lock;
use crate::scaffold::plan::Plan;
use crate::scaffold::source::TESTS;

/// The directory of a case with the tree that must come of it.
const EXPECTED: &str = "expected/";
/// Names a contract of a case may have.
const CONTRACTS: [&str; 3] = ["contract.yaml", "contract.yml", "contract.json"];

/// A case as it lies in the template, `_tests/NAME/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// Its directory's name.
    pub name: String,
    /// The answers, as text in YAML or JSON; without the file all defaults hold.
    pub answers: Option<String>,
    /// The path of its contract in the template; its own, or the one all cases share.
    pub contract: Option<String>,
    /// The tree, by path.
    pub expected: BTreeMap<String, Vec<u8>>,
}

/// How a file differs from the one that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is expected and does not come.
    Missing(String),
    /// It comes and is not expected.
    Unexpected(String),
    /// It has other bytes: path, expected, found.
    Other(String, Vec<u8>, Vec<u8>),
}

/// The cases of a template, in order of name.
#[must_use]
pub fn cases(tests: &BTreeMap<String, Vec<u8>>) -> Vec<Case> {
    let names: BTreeSet<&str> = tests
        .keys()
        .filter_map(|path| path.strip_prefix(TESTS)?.split_once('/'))
        .map(|(name, _)| name)
        .collect();
    names.into_iter().map(|name| case(name, tests)).collect()
}

/// The contract that all cases without one of their own share, as a path in the template.
#[must_use]
pub fn shared_contract(tests: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    CONTRACTS.iter().map(|file| format!("{TESTS}{file}")).find(|path| tests.contains_key(path))
}

fn case(name: &str, tests: &BTreeMap<String, Vec<u8>>) -> Case {
    let root = format!("{TESTS}{name}/");
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let own = CONTRACTS.iter().map(|file| format!("{root}{file}")).find(|path| tests.contains_key(path));
    let tree = format!("{root}{EXPECTED}");
    Case {
        name: name.to_owned(),
        answers: tests.get(&format!("{root}answers.yaml")).map(text),
        contract: own.or_else(|| shared_contract(tests)),
        expected: tests
            .iter()
            .filter_map(|(path, bytes)| Some((path.strip_prefix(&tree)?.to_owned(), bytes.clone())))
            .collect(),
    }
}

/// Where the tree of a case lies in the template.
#[must_use]
pub fn expected_directory(name: &str) -> String {
    format!("{TESTS}{name}/{EXPECTED}")
}

/// The files of a plan that belong into a tree: all but eddy's own, which name versions and hashes.
pub fn tree(plan: &Plan) -> impl Iterator<Item = (&str, &[u8])> {
    let files = plan.files.iter().filter(|file| !lock::owns_in_project(&file.path));
    files.map(|file| (file.path.as_str(), file.bytes.as_slice()))
}

/// What a plan makes otherwise than a case expects, in order of path.
#[must_use]
pub fn differences(case: &Case, plan: &Plan) -> Vec<Difference> {
    let found: BTreeMap<&str, &[u8]> = tree(plan).collect();
    let paths: BTreeSet<&str> =
        found.keys().copied().chain(case.expected.keys().map(String::as_str)).collect();
    let difference = |path: &str| match (case.expected.get(path), found.get(path)) {
        (Some(_), None) => Some(Difference::Missing(path.to_owned())),
        (None, Some(_)) => Some(Difference::Unexpected(path.to_owned())),
        (Some(expected), Some(found)) if expected != found => {
            Some(Difference::Other(path.to_owned(), expected.clone(), found.to_vec()))
        }
        _ => None,
    };
    paths.into_iter().filter_map(difference).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaffold::manifest::Policy;
    use crate::scaffold::plan::PlannedFile;

    fn tests() -> BTreeMap<String, Vec<u8>> {
        let files = [
            ("_tests/contract.yaml", "asyncapi: 3.0.0"),
            ("_tests/plain/expected/a", "1"),
            ("_tests/plain/expected/b/c", "2"),
            ("_tests/own/answers.yaml", "x: 1"),
            ("_tests/own/contract.json", "{}"),
        ];
        files.into_iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn cases_are_found_with_their_contracts() {
        let cases = cases(&tests());
        let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["own", "plain"]);
        assert_eq!(cases[0].contract.as_deref(), Some("_tests/own/contract.json"));
        assert_eq!(cases[0].answers.as_deref(), Some("x: 1"));
        assert_eq!(cases[1].contract.as_deref(), Some("_tests/contract.yaml"));
        assert_eq!(cases[1].expected.keys().collect::<Vec<_>>(), ["a", "b/c"]);
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let file = |path: &str, text: &str| PlannedFile {
            path: path.to_owned(),
            policy: Policy::Merge,
            origin: String::new(),
            bytes: text.as_bytes().to_vec(),
        };
        let plan = Plan {
            template: ("x".to_owned(), "1".to_owned()),
            files: vec![file("a", "other"), file("d", "3"), file("eddy.lock.yaml", "format: 1")],
            next_steps: String::new(),
            notes: Vec::new(),
            projects: Vec::new(),
        };
        let found = differences(&cases(&tests())[1], &plan);
        assert_eq!(
            found,
            [
                Difference::Other("a".to_owned(), b"1".to_vec(), b"other".to_vec()),
                Difference::Missing("b/c".to_owned()),
                Difference::Unexpected("d".to_owned()),
            ]
        );
    }
}
