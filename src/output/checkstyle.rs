//! Findings as a Checkstyle report, which most build servers read.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::finding::{Item, Shown, of_three};
use super::xml::Xml;

/// Writes the findings as one XML document.
///
/// # Errors
/// When the writer fails.
pub fn write(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let items = shown.items();
    let mut files: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in &items {
        files.entry(&item.file).or_default().push(item);
    }
    let mut xml = Xml::begin(out)?;
    xml.open("checkstyle", &[("version", "4.3")])?;
    for (file, items) in files {
        xml.open("file", &[("name", file)])?;
        for item in items {
            error(&mut xml, item)?;
        }
        xml.close("file")?;
    }
    xml.close("checkstyle")?;
    xml.end()
}

fn error(xml: &mut Xml, item: &Item) -> io::Result<()> {
    let place = item.range.map(|(start, _)| (start.line.to_string(), start.column.to_string()));
    let mut attributes = Vec::new();
    if let Some((line, column)) = &place {
        attributes.extend([("line", line.as_str()), ("column", column.as_str())]);
    }
    let message = match item.range {
        // The format has no end of a place; it is told in words.
        Some((start, end)) if start != end => format!("{} (to {end})", item.sentence()),
        _ => item.sentence(),
    };
    let source = format!("eddy.{}", item.finding.code);
    let weight = of_three(item.finding.severity, "info");
    attributes.extend([("severity", weight), ("message", &message), ("source", &source)]);
    xml.empty("error", &attributes)
}

#[cfg(test)]
mod tests {
    use crate::output::hostile::{elements, written};

    #[test]
    fn the_document_is_well_formed_and_whole() {
        let found = elements(&written(super::write));
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["checkstyle", "file", "error"]);
        assert_eq!(found[1].1["name"], "a,b:%c <&>é.yaml");
        let error = &found[2].1;
        assert_eq!((error["line"].as_str(), error["column"].as_str()), ("1", "4"));
        assert_eq!(error["source"], "eddy.ED1001");
        assert!(error["message"].ends_with("<!-- --> (to 1:9)"), "{}", error["message"]);
    }
}
