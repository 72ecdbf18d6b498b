//! Findings as SARIF 2.1.0, for code scanning: rules with their pages, exact regions, fingerprints and fixes.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::finding::{Item, Shown};
use crate::check::page::About;
use crate::diagnostic::{Fix, Label, Severity};
use crate::source_text::{Position, Span};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Writes the findings as one run.
///
/// # Errors
/// When the writer fails.
pub fn write(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let codes = shown.codes();
    let results: Vec<Value> = shown.items().iter().map(|item| result(item, shown, &codes)).collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(code, shown)).collect();
    let mut driver = Map::new();
    driver.insert("name".into(), "eddy".into());
    driver.insert("semanticVersion".into(), env!("CARGO_PKG_VERSION").into());
    if !env!("CARGO_PKG_REPOSITORY").is_empty() {
        driver.insert("informationUri".into(), env!("CARGO_PKG_REPOSITORY").into());
    }
    driver.insert("rules".into(), rules.into());
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver },
            "columnKind": "unicodeCodePoints",
            "artifacts": artifacts(shown),
            "invocations": [invocation(shown)],
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn artifacts(shown: &Shown) -> Vec<Value> {
    shown.file_names().iter().map(|file| json!({ "location": { "uri": uri(file) } })).collect()
}

/// What was left out is a note of the run, so that nobody takes a capped list for a whole one.
fn invocation(shown: &Shown) -> Value {
    let note = |(file, count): (&String, &usize)| {
        let text = format!("{file}: {count} more findings not shown (`--max-findings` shows more)");
        json!({ "level": "note", "message": { "text": text } })
    };
    let notes: Vec<Value> = shown.report.left_out.iter().map(note).collect();
    if notes.is_empty() {
        return json!({ "executionSuccessful": true });
    }
    json!({ "executionSuccessful": true, "toolExecutionNotifications": notes })
}

fn rule(code: &str, shown: &Shown) -> Value {
    let Some(about) = shown.about(code) else {
        return json!({ "id": code });
    };
    let About { name, title, why, severity, category, docs, .. } = about;
    let text = if why.is_empty() { title.clone() } else { format!("{title}\n\n{why}") };
    let more = docs.as_ref().map_or_else(String::new, |docs| format!("\n\n{docs}"));
    let mut rule = json!({
        "id": code,
        "name": name,
        "shortDescription": { "text": title },
        "fullDescription": { "text": text.clone() },
        "help": {
            "text": format!("{text}\n\nRun `eddy explain {code}` for examples.{more}"),
            "markdown": format!("{text}\n\nRun `eddy explain {code}` for examples.{more}"),
        },
        "defaultConfiguration": { "level": level(severity) },
        "properties": { "category": category, "tags": [category] },
    });
    if let Some(docs) = docs.filter(|docs| docs.starts_with("https://")) {
        rule["helpUri"] = docs.into();
    }
    rule
}

/// SARIF knows no weight below a note.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Hint => "note",
    }
}

fn result(item: &Item, shown: &Shown, codes: &[&str]) -> Value {
    let finding = item.finding;
    let mut place = json!({ "artifactLocation": { "uri": uri(&item.file) } });
    if let Some(primary) = &finding.primary {
        place["region"] = region(primary.span, shown);
    } else if let Some((start, _)) = item.range {
        place["region"] = point(start);
    }
    let mut location = json!({ "physicalLocation": place });
    if !finding.pointer.is_empty() {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": finding.pointer, "kind": "member" }]);
    }
    let mut result = json!({
        "ruleId": finding.code,
        "level": level(finding.severity),
        "message": { "text": item.sentence() },
        "locations": [location],
        "partialFingerprints": {
            "eddy/v1": item.fingerprint,
            // The name under which code scanning looks for it; without it the lines around would count.
            "primaryLocationLineHash": format!("{}:{}", item.fingerprint, item.occurrence + 1),
        },
    });
    if let Some(index) = codes.iter().position(|code| *code == finding.code) {
        result["ruleIndex"] = index.into();
    }
    if !finding.related.is_empty() {
        let labels = (1..).zip(&finding.related);
        result["relatedLocations"] = labels.map(|(id, label)| related(id, label, shown)).collect();
    }
    if let Some(fix) = finding.fix.as_ref().filter(|fix| !fix.edits.is_empty()) {
        result["fixes"] = json!([fix_out(fix, shown)]);
    }
    result
}

fn related(id: usize, label: &Label, shown: &Shown) -> Value {
    let place = json!({
        "artifactLocation": { "uri": uri(&shown.path(label.span)) },
        "region": region(label.span, shown),
    });
    if label.text.is_empty() {
        return json!({ "id": id, "physicalLocation": place });
    }
    json!({ "id": id, "physicalLocation": place, "message": { "text": label.text } })
}

fn fix_out(fix: &Fix, shown: &Shown) -> Value {
    let mut changes: Vec<(String, Vec<Value>)> = Vec::new();
    for (span, text) in &fix.edits {
        let file = shown.path(*span);
        let mut replacement = json!({ "deletedRegion": region(*span, shown) });
        if !text.is_empty() {
            replacement["insertedContent"] = json!({ "text": text });
        }
        match changes.iter_mut().find(|(known, _)| *known == file) {
            Some((_, replacements)) => replacements.push(replacement),
            None => changes.push((file, vec![replacement])),
        }
    }
    let change = |(file, replacements): (String, Vec<Value>)| json!({ "artifactLocation": { "uri": uri(&file) }, "replacements": replacements });
    let changes: Vec<Value> = changes.into_iter().map(change).collect();
    json!({ "description": { "text": fix.title }, "artifactChanges": changes })
}

fn region(span: Span, shown: &Shown) -> Value {
    let (start, end) = shown.sources.range(span);
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "byteOffset": start.offset,
        "byteLength": end.offset - start.offset,
    })
}

fn point(at: Position) -> Value {
    json!({ "startLine": at.line, "startColumn": at.column, "byteOffset": at.offset, "byteLength": 0 })
}

/// A path as a URI reference: what a path may hold and a URI may not is written as bytes in percents.
fn uri(path: &str) -> String {
    if path.contains("://") && url::Url::parse(path).is_ok() {
        return path.to_owned();
    }
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    } else if path.split('/').next().is_some_and(|first| first.contains(':')) {
        // A first segment with a colon would be taken for a scheme.
        uri.push_str("./");
    }
    let written = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'@' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    uri.extend(path.bytes().map(written));
    uri
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::uri;
    use crate::output::hostile::written;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("a b/c%.yaml"), "a%20b/c%25.yaml");
        assert_eq!(uri("/home/é.yaml"), "file:///home/%C3%A9.yaml");
        assert_eq!(uri("a:b.yaml"), "./a:b.yaml");
        assert_eq!(uri("https://example.com/a.yaml"), "https://example.com/a.yaml");
    }

    #[test]
    fn a_result_has_its_region_rule_fingerprint_and_fix() {
        let log: Value = serde_json::from_str(&written(super::write)).unwrap();
        let run = &log["runs"][0];
        let result = &run["results"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], result["ruleId"]);
        let region = &result["locations"][0]["physicalLocation"]["region"];
        assert_eq!((region["startColumn"].as_u64(), region["byteOffset"].as_u64()), (Some(4), Some(4)));
        assert_eq!(result["partialFingerprints"]["eddy/v1"].as_str().unwrap().len(), 32);
        assert_eq!(result["fixes"][0]["artifactChanges"][0]["replacements"].as_array().unwrap().len(), 1);
        assert_eq!(result["relatedLocations"][0]["message"]["text"], "first `here`");
    }
}
