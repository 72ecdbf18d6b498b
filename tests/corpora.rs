//! Documents that others wrote, each with the verdict of its source: we agree, or `corpora/triage.md` says why not.
//!
//! They are read from `EDDY_CORPORA`, or `../shared/corpora`, and are no part of this project. Where they are absent the
//! tests say so and pass, unless `EDDY_REQUIRE_CORPORA=1`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use eddy::contract;
use eddy::diagnostic::{Diagnostic, Severity};
use eddy::source_text::tree::Node;
use eddy::source_text::{Limits, ProblemKind, SourceText, Sources, yaml};

/// The families of AsyncAPI documents.
const FAMILIES: [&str; 6] = [
    "asyncapi-cli",
    "asyncapi-converter",
    "asyncapi-parser-mocks",
    "asyncapi-real",
    "asyncapi-spec-examples",
    "asyncapi-tck",
];

/// The documents whose verdict we do not share, each with the reason.
const TRIAGE: &str = include_str!("corpora/triage.md");

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

/// Every finding about a document: the verdict is whether one of them is an error.
fn findings(path: &Path) -> Vec<Diagnostic> {
    let loaded = contract::load(&[path.to_owned()], &Limits::default());
    let mut findings = eddy::check::check_documents(&loaded);
    findings.extend(loaded.diagnostics);
    findings
}

/// Whether the manifest expects a document to be valid; none for files without verdict.
fn expected(verdict: &str) -> Option<bool> {
    match verdict {
        "helper" | "schema" => None,
        // Remote references are not fetched by us: what else there is, is valid.
        "invalid(remote-ref-only)" => Some(true),
        _ if verdict.ends_with("parser says invalid") => Some(false),
        _ if verdict.ends_with("parser says valid") => Some(true),
        _ if verdict.starts_with("invalid") => Some(false),
        _ if verdict.starts_with("valid") => Some(true),
        _ => None,
    }
}

#[derive(Default)]
struct Agreement {
    agreed: usize,
    of: usize,
    disagreed: Vec<String>,
}

impl Agreement {
    fn add(&mut self, agrees: bool, name: impl FnOnce() -> String) {
        self.of += 1;
        if agrees {
            self.agreed += 1;
        } else {
            self.disagreed.push(name());
        }
    }

    fn share(&self) -> usize {
        (self.agreed * 100).checked_div(self.of).unwrap_or(100)
    }
}

/// Prints a table of agreement; with `EDDY_CORPORA_LIST` set, what we disagree on as well.
#[allow(clippy::print_stdout, reason = "the table is what one runs this test for")]
fn print_table(title: &str, rows: &BTreeMap<(String, &'static str), Agreement>) {
    println!("{title:<26} {:<10} {:>7} {:>5} {:>6}", "expected", "agree", "of", "share");
    for ((family, verdict), row) in rows {
        println!("{family:<26} {verdict:<10} {:>7} {:>5} {:>5}%", row.agreed, row.of, row.share());
    }
    if std::env::var_os("EDDY_CORPORA_LIST").is_some() {
        for ((family, verdict), row) in rows {
            row.disagreed.iter().for_each(|name| println!("DISAGREE {family} {verdict} {name}"));
        }
    }
}

fn describe(file: &str, note: &str, findings: &[Diagnostic]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let shown: Vec<String> =
        errors.take(3).map(|error| format!("{} {}", error.code, error.message)).collect();
    format!("{file} [{note}] {}", shown.join(" | "))
}

#[test]
fn verdicts_agree_with_those_of_the_sources() {
    let Some(folder) = corpora() else { return };
    let manifest = std::fs::read_to_string(folder.join("MANIFEST.tsv")).expect("a manifest");
    let mut rows: BTreeMap<(String, &'static str), Agreement> = BTreeMap::new();
    let (mut triaged, mut untold) = (triage(), Vec::new());
    for line in manifest.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [file, _, _, _, verdict, note] = fields[..] else { panic!("six fields: {line}") };
        let family = file.split('/').next().unwrap_or_default();
        let is_ours = FAMILIES.contains(&family);
        let Some(valid) = expected(verdict).filter(|_| is_ours) else { continue };
        let findings = findings(&folder.join(file));
        let accepted = findings.iter().all(|finding| finding.severity < Severity::Error);
        let word = if valid { "valid" } else { "invalid" };
        let row = rows.entry((family.to_owned(), word)).or_default();
        row.add(accepted == valid, || describe(file, note, &findings));
        match triaged.remove(file) {
            None if accepted != valid => untold.push(format!("{file} should be {word}")),
            Some(_) if accepted == valid => untold.push(format!("{file}: we agree, its line is to go")),
            Some(line) if line.expected != word || !line.is_said_by(&findings) => {
                untold.push(format!("{file}: its line says `{}`, `{}`", line.expected, line.said));
            }
            _ => {}
        }
    }
    print_table("family", &rows);
    let strangers = triaged.into_keys().filter(|file| !file.starts_with("yaml-test-suite"));
    untold.extend(strangers.map(|file| format!("{file} is not there")));
    assert!(untold.is_empty(), "against tests/corpora/triage.md: {untold:#?}");
}

/// One line of the list of disagreements.
struct TriageLine {
    expected: &'static str,
    said: &'static str,
}

impl TriageLine {
    /// Whether what the line says we find is what we find: a code, or nothing.
    fn is_said_by(&self, findings: &[Diagnostic]) -> bool {
        let mut errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        match self.said {
            "accepted" => errors.next().is_none(),
            code => errors.any(|finding| finding.code == code),
        }
    }
}

/// The rows of the table: file, expected verdict, what we say, the clause that decides, and why.
fn triage() -> BTreeMap<&'static str, TriageLine> {
    let mut lines = BTreeMap::new();
    for row in TRIAGE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [file, expected, said, clause, why] = cells[..] else { panic!("five cells: {row}") };
        assert!(clause.len() > 4 && why.len() > 10, "the clause and the reason are missing: {row}");
        lines.insert(file.trim_matches('`'), TriageLine { expected, said });
    }
    lines
}

/// The marks by which the YAML test suite shows what cannot be seen.
fn without_marks(text: &str) -> String {
    let text = text.replace('␣', " ").replace('←', "\r").replace('⇔', "\u{feff}").replace('↵', "");
    let text = text.trim_end_matches('\n').strip_suffix('∎').map(str::to_owned).unwrap_or(text);
    text.replace('—', "").replace('»', "\t")
}

/// Whether a text is read, and its value; none when it holds several documents, which are refused on purpose.
fn read_case(text: &str) -> Option<(bool, Option<serde_json::Value>)> {
    let mut sources = Sources::default();
    let file = sources.add(SourceText::new("case.yaml", text.to_owned()));
    let parsed = yaml::parse(&sources, file, &Limits::default());
    if parsed.problems.iter().any(|problem| problem.kind == ProblemKind::SeveralDocuments) {
        return None;
    }
    let refused = parsed.problems.iter().any(|problem| {
        matches!(
            problem.kind,
            ProblemKind::Syntax(_) | ProblemKind::UndefinedAlias(_) | ProblemKind::TooDeep(_)
        )
    });
    Some((!refused, parsed.root.map(|root| root.to_json())))
}

fn judge_case(case: &Node, name: &str, rows: &mut BTreeMap<(String, &'static str), Agreement>) {
    let Some(text) = case.get_str("yaml") else { return };
    let Some((accepted, value)) = read_case(&without_marks(text)) else { return };
    let must_fail = case.get("fail").and_then(|fail| fail.as_bool()).unwrap_or(false);
    let word = if must_fail { "refused" } else { "read" };
    let row = rows.entry(("yaml-test-suite".to_owned(), word)).or_default();
    row.add(accepted != must_fail, || name.to_owned());
    let json = case.get_str("json").and_then(|json| serde_json::from_str::<serde_json::Value>(json).ok());
    if let Some(json) = json.filter(|json| !must_fail && !json.is_null()) {
        let row = rows.entry(("yaml-test-suite".to_owned(), "values")).or_default();
        row.add(value.as_ref() == Some(&json), || format!("{name} {value:?} for {json}"));
    }
}

#[test]
fn yaml_is_read_as_its_test_suite_says() {
    let Some(folder) = corpora() else { return };
    let mut rows = BTreeMap::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("yaml-test-suite"))
        .expect("the suite")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml")) {
        let mut sources = Sources::default();
        let text = std::fs::read_to_string(path).expect("a case");
        let file = sources.add(SourceText::new(path, text));
        let cases = yaml::parse(&sources, file, &Limits::default()).root.expect("a list of cases");
        for (number, case) in cases.items().iter().enumerate() {
            let name = format!("{}/{number}", path.file_stem().unwrap_or_default().to_string_lossy());
            judge_case(case, &name, &mut rows);
        }
    }
    print_table("suite", &rows);
    let told = triage();
    let told: BTreeSet<&str> = told.keys().filter_map(|file| file.strip_prefix("yaml-test-suite/")).collect();
    let disagreed = rows.values().flat_map(|row| &row.disagreed);
    let disagreed: BTreeSet<&str> =
        disagreed.map(|name| name.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(disagreed, told, "on the left what we disagree on, on the right tests/corpora/triage.md");
}

/// Documents whose side files our copy of the corpus lacks, each with a side file of the same name and kind.
const SIDE_FILES: [(&str, &str, &str); 6] = [
    ("json-schema-json", "user-json-schema.json", JSON_SCHEMA),
    ("optional-avro-schema-json", "user-avro-schema.json", AVRO_SCHEMA),
    ("optional-oas-schema-object-json", "user-oas-schema-object.json", OPENAPI_SCHEMA),
    ("optional-raml-api", "user-api.raml", RAML),
    ("optional-raml-datatype", "user-datatype.raml", "#%RAML 1.0 DataType\ntype: object\n"),
    ("optional-raml-library", "user-library.raml", RAML),
];
const JSON_SCHEMA: &str = r#"{"type": "object", "properties": {"name": {"type": "string"}}}"#;
const AVRO_SCHEMA: &str =
    r#"{"type": "record", "name": "User", "fields": [{"name": "name", "type": "string"}]}"#;
const OPENAPI_SCHEMA: &str =
    r#"{"type": "object", "properties": {"name": {"type": "string", "nullable": true}}}"#;
const RAML: &str = "#%RAML 1.0 Library\ntypes:\n  User:\n    type: object\n";

#[test]
fn documents_that_lack_side_files_are_valid_with_them() {
    let Some(folder) = corpora() else { return };
    let payloads = folder.join("asyncapi-tck/asyncapi-2.0/Message Object/Payloads");
    let workplace = tempfile::tempdir().expect("a folder");
    let includes = workplace.path().join("includes");
    std::fs::create_dir(&includes).expect("a folder in it");
    for (name, side_file, content) in SIDE_FILES {
        let (name, broken) = (format!("valid-{name}.yaml"), content.replace("object", "objekt"));
        let document = workplace.path().join(&name);
        std::fs::copy(payloads.join(&name), &document).expect("a copy");
        std::fs::write(includes.join(side_file), content).expect("a side file");
        let errors = |found: Vec<Diagnostic>| -> Vec<Diagnostic> {
            found.into_iter().filter(|finding| finding.severity == Severity::Error).collect()
        };
        let found = errors(findings(&document));
        assert!(found.is_empty(), "{name}: {found:#?}");
        // And they are looked at, where the language is known.
        let broken = broken.replace("\"record\"", "\"rekord\"");
        std::fs::write(includes.join(side_file), &broken).expect("a side file");
        let found = errors(findings(&document));
        assert_eq!(found.is_empty(), Path::new(side_file).extension().is_some_and(|e| e == "raml"), "{name}");
    }
}
