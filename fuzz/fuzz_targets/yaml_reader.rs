//! Any text as YAML or JSON: a tree and problems, within limits; never a panic, never without end.
#![no_main]

use eddy::source_text::yaml::parse;
use eddy::source_text::{Limits, SourceText, Sources};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let file = sources.add(SourceText::new("input.yaml", text.to_owned()));
    let parsed = parse(&sources, file, &Limits::default());
    if let Some(root) = &parsed.root {
        let _ = root.to_json();
    }
});
