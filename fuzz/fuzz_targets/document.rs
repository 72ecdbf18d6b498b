//! Any text as a contract, read and put before every rule: findings with places inside the text; never a panic, never
//! without end.
#![no_main]

use eddy::check::{Policy, check_documents, report};
use eddy::contract::load_text;
use eddy::source_text::Limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut loaded = load_text("input.yaml", text, &Limits::default());
    let mut findings = std::mem::take(&mut loaded.diagnostics);
    findings.extend(check_documents(&loaded));
    for label in findings.iter().flat_map(|finding| finding.primary.iter().chain(&finding.related)) {
        let length = loaded.sources.get(label.span.file).text().len();
        assert!(label.span.start <= label.span.end && label.span.end as usize <= length);
    }
    let _ = report(findings, &loaded.sources, &Policy::default());
});
