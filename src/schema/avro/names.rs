//! The grammar of Avro's names.

/// Types that are called by their name alone.
pub(super) const PRIMITIVES: [&str; 8] =
    ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
/// Types that are written as a mapping.
pub(super) const COMPLEX: [&str; 6] = ["record", "error", "enum", "array", "map", "fixed"];

/// A letter or `_`, then letters, digits and `_`, all of ASCII.
pub(super) fn is_name(text: &str) -> bool {
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    starts && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Names with dots between them.
pub(super) fn is_full_name(text: &str) -> bool {
    text.split('.').all(is_name)
}

/// The full name of a name in a namespace.
pub(super) fn qualified(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

/// What stands before the last dot.
pub(super) fn namespace_of(full: &str) -> &str {
    full.rsplit_once('.').map_or("", |(namespace, _)| namespace)
}

/// What stands after the last dot.
pub(super) fn simple(full: &str) -> &str {
    full.rsplit('.').next().unwrap_or(full)
}
