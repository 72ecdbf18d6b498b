//! Any schema with any payload, parted by a NUL: compiled or refused, and one verdict whichever way the payload is read.
#![no_main]

use std::path::Path;

use eddy::schema::{Compiler, Dialect};
use eddy::source_text::{Documents, Limits, Sources};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some((schema, payload)) = text.split_once('\0') else { return };
    let (mut sources, mut documents) = (Sources::default(), Documents::default());
    let name = Path::new("schema.yaml");
    let file = documents.add_text(&mut sources, name, schema.to_owned(), &Limits::default());
    if !documents.take_problems().is_empty() {
        return;
    }
    let Ok(place) = documents.resolve(file, "#") else { return };
    let Ok(schema) = Compiler::new(&documents).compile(&place, Dialect::Draft202012) else { return };
    let by_bytes = schema.check_bytes(payload.as_bytes()).is_ok();
    // Numbers beyond what a plain value holds may be judged apart: only payloads without any are compared.
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(payload)
        && !payload.bytes().any(|byte| byte.is_ascii_digit())
    {
        assert_eq!(by_bytes, schema.check_value(&value).is_empty(), "{payload}");
    }
});
