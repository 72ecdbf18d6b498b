//! A report whose names try to break out of every format, for the tests of the formats.

use std::collections::BTreeMap;
use std::io::{self, Write};

use quick_xml::events::Event;
use quick_xml::events::attributes::Attribute;

use super::finding::Shown;
use super::json::Summary;
use crate::check::Report;
use crate::diagnostic::{Diagnostic, FixSafety, Severity};
use crate::source_text::{SourceText, Sources, Span};

/// What a format makes of one finding in a file with a bad name, with a bad message and bad help.
pub fn written(write: impl Fn(&mut dyn Write, &Shown) -> io::Result<()>) -> String {
    let mut sources = Sources::default();
    let name = "a,b:%c\n<&>é.yaml";
    let file = sources.add(SourceText::new(name, "é: \"<&>\"\nb: 日本\n".to_owned()));
    let span = Span { file, start: 4, end: 9 };
    let message = "`x\n::error::,%` is \"not\" '<b>|</b>' & `]]>` @team \u{1b}[31m\u{ffff}";
    let mut finding = Diagnostic::new("ED1001", Severity::Error, message, span)
        .at("/a~1b/0")
        .help("write `<script>alert(1)</script>`\r\nor *nothing* | at [all](x) <!-- -->")
        .related(Span { file, start: 10, end: 19 }, "first `here`")
        .fix("write it", FixSafety::Safe, vec![(span, "<\u{1b}\n%>".to_owned())]);
    finding.clause = Some("A · B");
    let report = Report { diagnostics: vec![finding], ..Report::default() };
    let summary = Summary { files: 1, errors: 1, ..Summary::default() };
    let shown =
        Shown { report: &report, sources: &sources, summary, files: &[name.to_owned()], events: None };
    let mut out = Vec::new();
    write(&mut out, &shown).unwrap();
    String::from_utf8(out).unwrap()
}

/// The elements of a document in order, with their attributes; it must be well formed.
pub fn elements(xml: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) => {
                let attribute = |attribute: Attribute| {
                    let value =
                        attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap().into_owned();
                    assert!(value.chars().all(|c| c >= ' ' && c != '\u{ffff}'), "{value:?}");
                    (String::from_utf8(attribute.key.0.to_vec()).unwrap(), value)
                };
                let attributes = element.attributes().map(|each| attribute(each.unwrap())).collect();
                found.push((String::from_utf8(element.name().0.to_vec()).unwrap(), attributes));
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}
