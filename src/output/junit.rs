//! Findings as a `JUnit` report: a suite per file, a failed case per finding that fails the run, a passed one for the rest.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::finding::{Item, Shown};
use super::xml::Xml;
use crate::diagnostic::Severity;

/// Writes the findings as one XML document.
///
/// # Errors
/// When the writer fails.
pub fn write(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let items = shown.items();
    let mut suites: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    let files = shown.file_names();
    for file in &files {
        suites.entry(file).or_default();
    }
    for item in &items {
        suites.entry(&item.file).or_default().push(item);
    }
    let failures = items.iter().filter(|item| fails(item)).count();
    let cases: usize = suites.values().map(|items| items.len().max(1)).sum();
    let (cases, failures) = (cases.to_string(), failures.to_string());
    let mut xml = Xml::begin(out)?;
    let counts = [("name", "eddy validate"), ("tests", &cases), ("failures", &failures), ("errors", "0")];
    xml.open("testsuites", &counts)?;
    for (file, items) in suites {
        suite(&mut xml, file, &items, shown)?;
    }
    xml.close("testsuites")?;
    xml.end()
}

fn suite(xml: &mut Xml, file: &str, items: &[&Item], shown: &Shown) -> io::Result<()> {
    let tests = items.len().max(1).to_string();
    let failures = items.iter().filter(|item| fails(item)).count().to_string();
    let counts =
        [("name", file), ("tests", &tests), ("failures", &failures), ("errors", "0"), ("skipped", "0")];
    xml.open("testsuite", &counts)?;
    if items.is_empty() {
        xml.empty(
            "testcase",
            &[("name", "no findings"), ("classname", file), ("file", file), ("time", "0")],
        )?;
    }
    for item in items {
        case(xml, item, shown)?;
    }
    xml.close("testsuite")
}

fn case(xml: &mut Xml, item: &Item, shown: &Shown) -> io::Result<()> {
    let finding = item.finding;
    let place = item.range.map_or_else(String::new, |(start, _)| format!(" {start}"));
    let name = format!("{}{place}: {}", finding.code, finding.message);
    let line = item.range.map(|(start, _)| start.line.to_string());
    let mut attributes =
        vec![("name", name.as_str()), ("classname", &item.file), ("file", &item.file), ("time", "0")];
    attributes.extend(line.as_ref().map(|line| ("line", line.as_str())));
    xml.open("testcase", &attributes)?;
    let details = details(item, shown);
    if fails(item) {
        xml.text("failure", &[("message", &item.sentence()), ("type", finding.code)], &details)?;
    } else {
        xml.text("system-out", &[], &details)?;
    }
    xml.close("testcase")
}

/// Everything a reader of the report has no element for.
fn details(item: &Item, shown: &Shown) -> String {
    let finding = item.finding;
    let place = item.range.map_or_else(String::new, |(start, end)| format!(":{start}-{end}"));
    let heading = format!("{}[{}]: {}", finding.severity.word(), finding.code, finding.message);
    let mut lines = vec![heading, format!("at {}{place}", item.file)];
    if !finding.pointer.is_empty() {
        lines.push(format!("in {}", finding.pointer));
    }
    lines.extend(finding.help.as_ref().map(|help| format!("help: {help}")));
    let docs = shown.about(finding.code).and_then(|about| about.docs);
    lines.extend(docs.map(|docs| format!("more: {docs}")));
    lines.join("\n")
}

/// Only errors fail a run; a report that says otherwise would contradict the exit code.
fn fails(item: &Item) -> bool {
    item.finding.severity == Severity::Error
}

#[cfg(test)]
mod tests {
    use crate::output::hostile::{elements, written};

    #[test]
    fn the_document_is_well_formed_and_whole() {
        let found = elements(&written(super::write));
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["testsuites", "testsuite", "testcase", "failure"]);
        let failure = &found[3].1;
        assert_eq!(failure["type"], "ED1001");
        assert!(failure["message"].starts_with("`x ::error::,%` is \"not\" '<b>|</b>' & `]]>`"));
        assert_eq!(found[2].1["classname"], "a,b:%c <&>é.yaml");
    }
}
