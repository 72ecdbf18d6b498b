//! Formats that later drafts named and schemas of earlier ones use all the same.

use std::sync::{Arc, LazyLock};

use jsonschema::json::Json;
use jsonschema::{Draft, Retrieve, ValidationOptions, Validator};

/// Formats of 2020-12 that a draft before it may lack.
const LATER: [&str; 12] = [
    "date",
    "duration",
    "idn-email",
    "idn-hostname",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri-reference",
    "uri-template",
];

type Options<'a, F> = ValidationOptions<'a, Arc<dyn Retrieve>, F>;

/// Adds the formats `draft` does not know itself, checked as 2020-12 checks them.
pub(super) fn with_later_formats<F: Json>(mut options: Options<'_, F>, draft: Draft) -> Options<'_, F> {
    if !options.is_known_format(draft, "uuid") {
        options = options.with_format("uuid", is_uuid);
    }
    for name in LATER {
        if options.is_known_format(draft, name) {
            continue;
        }
        let validator: LazyLock<Option<Validator>, _> = LazyLock::new(move || {
            let schema = serde_json::json!({ "format": name });
            let options = jsonschema::options().with_draft(Draft::Draft202012).offline();
            options.should_validate_formats(true).build(&schema).ok()
        });
        options = options.with_format(name, move |text: &str| {
            validator.as_ref().is_none_or(|validator| validator.is_valid(&text.into()))
        });
    }
    options
}

/// RFC 4122 text form: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.
fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    let fits = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    bytes.len() == 36 && bytes.iter().enumerate().all(fits)
}
