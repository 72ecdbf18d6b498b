//! Every code is fired by the wrong example of its page and not by the right one; every rule has case files in
//! `tests/rules/<rule>/{good,bad}` whose comments `# expect: CODE at "text"` name what is found on their line, and which
//! words are underlined.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use eddy::check::page::page;
use eddy::check::rules::all;
use eddy::check::{Policy, check_documents_also, report};
use eddy::contract::{Loaded, load, load_text};
use eddy::diagnostic::{Diagnostic, Severity};
use eddy::source_text::Limits;

/// All findings when the rule on request that is `asked` for runs too.
fn findings(mut loaded: Loaded, asked: &str) -> (Loaded, Vec<Diagnostic>) {
    let mut found = std::mem::take(&mut loaded.diagnostics);
    found.extend(check_documents_also(&loaded, &|code| code == asked));
    let policy = Policy { cap: usize::MAX, ..Policy::default() };
    let report = report(found, &loaded.sources, &policy);
    (loaded, report.diagnostics)
}

fn of_text(text: &str, asked: &str) -> Vec<Diagnostic> {
    findings(load_text("example.yaml", text, &Limits::default()), asked).1
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
            let found = of_text(&page.bad.text, code);
            let codes: BTreeSet<&str> = found.iter().map(|finding| finding.code).collect();
            if codes != BTreeSet::from([code]) {
                faults.push(format!("{code}: the wrong example fires {codes:?}"));
            }
        }
        if page.good.language == "yaml" {
            let found = of_text(&page.good.text, code);
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
        for finding in of_text(&page(rule).bad.text, rule.code) {
            if finding.code == rule.code {
                assert!(finding.severity <= rule.severity, "{}: {:?}", rule.code, finding.severity);
            }
        }
    }
}

/// Codes that no document can show, each with the case folder or test that fires it.
const SHOWN_ELSEWHERE: [(&str, &str); 33] = [
    ("ED0101", "tests/cases/validate/missing_file"),
    ("ED0102", "tests/cases/validate/not_utf8"),
    ("ED0107", "tests/validate.rs"),
    ("ED0108", "tests/validate.rs"),
    ("ED0306", "tests/inputs.rs"),
    ("ED0307", "tests/inputs.rs"),
    ("ED4101", "tests/cases/convert/good"),
    ("ED4102", "tests/cases/convert/other_file"),
    ("ED4103", "tests/cases/convert/aliases"),
    ("ED4111", "tests/cases/bundle/good"),
    ("ED4112", "tests/cases/bundle/broken"),
    ("ED4113", "src/edit/bundle_tests.rs"),
    ("ED5001", "tests/cases/validate/events_channels"),
    ("ED5002", "tests/cases/validate/events_bare"),
    ("ED5003", "tests/cases/validate/events_bare"),
    ("ED5004", "tests/cases/validate/events_unassigned"),
    ("ED5005", "tests/cases/validate/events_schema_ids"),
    ("ED5006", "tests/cases/validate/events_frame_cut"),
    ("ED5007", "tests/validate.rs"),
    ("ED5008", "tests/cases/validate/events_cloud_events"),
    ("ED6001", "tests/cases/graph/saved-graph-broken"),
    ("ED6002", "tests/cases/graph/spans-broken"),
    ("ED6003", "tests/cases/graph/project"),
    ("ED6101", "tests/cases/graph/check-all"),
    ("ED6102", "tests/cases/graph/check"),
    ("ED6103", "tests/cases/graph/check-all"),
    ("ED6104", "tests/cases/graph/check-all"),
    ("ED6105", "tests/cases/graph/check-all"),
    ("ED6106", "tests/cases/graph/check-all"),
    ("ED6107", "tests/cases/graph/check-all"),
    ("ED6108", "tests/cases/graph/check"),
    ("ED6201", "tests/cases/graph/drift-report"),
    ("ED6202", "tests/cases/graph/drift-report"),
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
            let is_own = |each: &Place| each.code == rule.code && each.underlined.is_some();
            assert!(
                expected.iter().any(is_own),
                "{}: `# expect: {} at \"…\"` is not there",
                path.display(),
                rule.code
            );
            compare(&path, &actual(&path, rule.code), &expected);
        }
        for path in good {
            compare(&path, &actual(&path, rule.code), &BTreeSet::new());
        }
    }
}

#[test]
fn every_probe_has_exactly_its_findings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/probes");
    let probes = documents(&folder);
    assert_eq!(probes.len(), 38);
    for path in probes {
        compare(&path, &actual(&path, ""), &expected(&path));
    }
}

#[test]
fn one_fault_is_one_finding() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/two_typos.yaml");
    compare(&path, &actual(&path, ""), &expected(&path));
    let (_, found) = findings(load(&[path], &Limits::default()), "");
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn a_fault_in_a_second_file_stands_there_and_names_the_reference() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/second_file/asyncapi.yaml");
    let (loaded, found) = findings(load(&[path], &Limits::default()), "");
    let [finding] = &found[..] else { panic!("one finding, not {found:#?}") };
    let place = |span: eddy::source_text::Span| {
        let name = loaded.sources.get(span.file).path().file_name().unwrap().to_string_lossy().into_owned();
        (name, loaded.sources.range(span).0.line)
    };
    assert_eq!(place(finding.primary.as_ref().unwrap().span), ("order.yaml".to_owned(), 4));
    let related: Vec<_> = finding.related.iter().map(|label| place(label.span)).collect();
    assert_eq!(related, [("asyncapi.yaml".to_owned(), 8)]);
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

/// What is found, on which line, and the words underlined there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: u32,
    code: String,
    underlined: Option<String>,
}

/// `# expect: ED2101 ED2102 at "words"` at the end of a line, or `# expect-next: …` on the line before. The words may be
/// left out, and are the first line of what is underlined.
fn expected(path: &Path) -> BTreeSet<Place> {
    let text = fs::read_to_string(path).unwrap();
    let mut found = BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        for (marker, line_of) in [("# expect: ", number), ("# expect-next: ", number + 1)] {
            if let Some((_, rest)) = line.split_once(marker) {
                places_in(rest, line_of, &mut found);
            }
        }
    }
    found
}

fn places_in(mut rest: &str, line: u32, found: &mut BTreeSet<Place>) {
    while let Some(word) = rest.split_whitespace().next() {
        rest = rest.trim_start()[word.len()..].trim_start();
        let mut underlined = None;
        if let Some(quoted) = rest.strip_prefix("at \"") {
            let (words, after) = quoted.split_once('"').expect("the words end with a quote");
            underlined = Some(words.to_owned());
            rest = after;
        }
        found.insert(Place { line, code: word.to_owned(), underlined });
    }
}

fn actual(path: &Path, asked: &str) -> BTreeSet<Place> {
    let (loaded, found) = findings(load(&[path.to_owned()], &Limits::default()), asked);
    let place = |finding: &Diagnostic| {
        let span = finding.primary.as_ref().expect("a finding in a document has a place").span;
        let text = loaded.sources.get(span.file).text();
        let words = text[span.start as usize..span.end as usize].lines().next().unwrap_or_default();
        let line = loaded.sources.range(span).0.line;
        Place { line, code: finding.code.to_owned(), underlined: Some(words.replace('"', "'")) }
    };
    assert!(found.iter().all(|finding| finding.severity >= Severity::Hint));
    found.iter().map(place).collect()
}

/// Each finding is expected and each expectation is met; words count where they are given.
fn compare(path: &Path, actual: &BTreeSet<Place>, expected: &BTreeSet<Place>) {
    let fits = |found: &Place, wanted: &Place| {
        found.line == wanted.line
            && found.code == wanted.code
            && wanted.underlined.as_ref().is_none_or(|words| found.underlined.as_ref() == Some(words))
    };
    let unexpected = actual.iter().filter(|found| !expected.iter().any(|wanted| fits(found, wanted)));
    let missing = expected.iter().filter(|wanted| !actual.iter().any(|found| fits(found, wanted)));
    let (unexpected, missing): (Vec<_>, Vec<_>) = (unexpected.collect(), missing.collect());
    assert!(
        unexpected.is_empty() && missing.is_empty(),
        "{}\nfound, not expected: {unexpected:#?}\nexpected, not found: {missing:#?}",
        path.display()
    );
}

/// Identifiers of the official parser, then those of the Spectral ruleset, that none of our codes needs.
const WITHOUT_CODE: [(&str, &str); 1] =
    [("asyncapi-internal", "prepares the parser's own work and never reports anything")];

/// The identifiers of the rules of the official parser.
const PARSER_RULES: [&str; 45] = [
    "asyncapi-is-asyncapi",
    "asyncapi-latest-version",
    "asyncapi-document-resolved",
    "asyncapi-document-unresolved",
    "asyncapi-internal",
    "asyncapi-id",
    "asyncapi-defaultContentType",
    "asyncapi-info-description",
    "asyncapi-info-contact",
    "asyncapi-info-contact-properties",
    "asyncapi-info-license",
    "asyncapi-info-license-url",
    "asyncapi-servers",
    "asyncapi-unused-component",
    "asyncapi2-server-security",
    "asyncapi2-server-variables",
    "asyncapi2-channel-parameters",
    "asyncapi2-channel-servers",
    "asyncapi2-channel-no-query-nor-fragment",
    "asyncapi2-operation-operationId-uniqueness",
    "asyncapi2-operation-security",
    "asyncapi2-message-examples",
    "asyncapi2-message-examples-custom-format",
    "asyncapi2-message-messageId-uniqueness",
    "asyncapi2-tags-uniqueness",
    "asyncapi2-schemas",
    "asyncapi2-schema-default",
    "asyncapi2-schema-examples",
    "asyncapi2-tags",
    "asyncapi2-server-no-empty-variable",
    "asyncapi2-server-no-trailing-slash",
    "asyncapi2-channel-no-empty-parameter",
    "asyncapi2-channel-no-trailing-slash",
    "asyncapi2-operation-operationId",
    "asyncapi2-message-messageId",
    "asyncapi2-unused-securityScheme",
    "asyncapi3-operation-messages-from-referred-channel",
    "asyncapi3-required-operation-channel-unambiguity",
    "asyncapi3-required-channel-servers-unambiguity",
    "asyncapi3-channel-servers",
    "asyncapi3-channel-no-query-nor-fragment",
    "asyncapi3-channel-parameters",
    "invalid-ref",
    "asyncapi-schemas-v2",
    "asyncapi-schemas-v3",
];

/// The identifiers of the `spectral:asyncapi` ruleset.
const SPECTRAL_RULES: [&str; 55] = [
    "asyncapi-3-channel-no-empty-parameter",
    "asyncapi-3-channel-no-query-nor-fragment",
    "asyncapi-3-channel-no-trailing-slash",
    "asyncapi-3-channel-servers",
    "asyncapi-3-document-resolved",
    "asyncapi-3-document-unresolved",
    "asyncapi-3-headers-schema-type-object",
    "asyncapi-3-operation-description",
    "asyncapi-3-operation-security",
    "asyncapi-3-payload-unsupported-schemaFormat",
    "asyncapi-3-server-no-empty-variable",
    "asyncapi-3-server-no-trailing-slash",
    "asyncapi-3-server-not-example-com",
    "asyncapi-3-tag-description",
    "asyncapi-3-tags",
    "asyncapi-3-tags-alphabetical",
    "asyncapi-3-tags-uniqueness",
    "asyncapi-channel-no-empty-parameter",
    "asyncapi-channel-no-query-nor-fragment",
    "asyncapi-channel-no-trailing-slash",
    "asyncapi-channel-parameters",
    "asyncapi-channel-servers",
    "asyncapi-headers-schema-type-object",
    "asyncapi-info-contact",
    "asyncapi-info-contact-properties",
    "asyncapi-info-description",
    "asyncapi-info-license",
    "asyncapi-info-license-url",
    "asyncapi-latest-version",
    "asyncapi-message-examples",
    "asyncapi-message-messageId-uniqueness",
    "asyncapi-operation-description",
    "asyncapi-operation-operationId",
    "asyncapi-operation-operationId-uniqueness",
    "asyncapi-operation-security",
    "asyncapi-parameter-description",
    "asyncapi-payload",
    "asyncapi-payload-default",
    "asyncapi-payload-examples",
    "asyncapi-payload-unsupported-schemaFormat",
    "asyncapi-schema",
    "asyncapi-schema-default",
    "asyncapi-schema-examples",
    "asyncapi-server-no-empty-variable",
    "asyncapi-server-no-trailing-slash",
    "asyncapi-server-not-example-com",
    "asyncapi-server-security",
    "asyncapi-server-variables",
    "asyncapi-servers",
    "asyncapi-tag-description",
    "asyncapi-tags",
    "asyncapi-tags-alphabetical",
    "asyncapi-tags-uniqueness",
    "asyncapi-unused-components-schema",
    "asyncapi-unused-components-server",
];

fn row(table: &mut String, identifier: &str) {
    let codes: Vec<String> = all()
        .iter()
        .filter(|rule| rule.aliases.contains(&identifier))
        .map(|rule| {
            let level = if rule.is_on_request() { "on request" } else { rule.severity.word() };
            format!("{} {} ({level})", rule.code, rule.name)
        })
        .collect();
    let reason = WITHOUT_CODE.iter().find(|(known, _)| *known == identifier);
    let answer = match reason {
        Some((_, reason)) => format!("none: {reason}"),
        None => codes.join(", "),
    };
    assert!(!answer.is_empty(), "no rule has the alias `{identifier}`");
    assert!(reason.is_none() || codes.is_empty(), "`{identifier}` has a code after all");
    writeln!(table, "| `{identifier}` | {answer} |").unwrap();
}

#[test]
fn every_identifier_of_the_official_rules_has_its_codes() {
    let mut table = String::from(
        "# Identifiers of other validators\n\nBesides codes and names, `eddy.yaml` and `eddy explain` take the \
         identifiers of the official AsyncAPI parser and of\nthe Spectral ruleset for AsyncAPI. Rules on request run \
         where the workspace gives them a level.\n",
    );
    for (title, rules) in [("AsyncAPI parser", &PARSER_RULES[..]), ("Spectral", &SPECTRAL_RULES)] {
        write!(table, "\n## {title}\n\n| identifier | codes |\n| --- | --- |\n").unwrap();
        for identifier in rules {
            row(&mut table, identifier);
        }
    }
    let known: BTreeSet<&str> = PARSER_RULES.into_iter().chain(SPECTRAL_RULES).collect();
    for alias in all().iter().flat_map(|rule| rule.aliases) {
        assert!(known.contains(alias), "`{alias}` is no identifier of an official rule");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rule-identifiers.md");
    if std::env::var_os("EDDY_UPDATE_GENERATED").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == table, "{} is old: run with EDDY_UPDATE_GENERATED=1", path.display());
}
