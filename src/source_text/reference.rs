//! The grammar of a `$ref`: which file, and where in it. It opens nothing.

use std::path::{Component, Path, PathBuf};

/// A reference taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What stands before `#`.
    pub target: Target,
    /// What stands after `#`, percent-decoded; empty for the whole document.
    pub fragment: String,
}

/// What a reference names before its `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing: the same document.
    Same,
    /// A path, relative to the folder of the containing file or absolute.
    File(PathBuf),
    /// An address that is never fetched.
    Remote(String),
}

/// Takes a reference apart.
///
/// # Errors
/// Why it is malformed, as a lower-case fragment.
pub fn parse(written: &str) -> Result<Reference, &'static str> {
    if written.is_empty() {
        return Err("it is empty");
    }
    let (before, fragment) = written.split_once('#').unwrap_or((written, ""));
    let fragment = percent_decode(fragment).ok_or("its fragment is not valid percent-encoded UTF-8")?;
    if before.is_empty() {
        return Ok(Reference { target: Target::Same, fragment });
    }
    let path = match scheme(before) {
        Some("file") => before.trim_start_matches("file:").trim_start_matches("//"),
        Some(_) => return Ok(Reference { target: Target::Remote(before.to_owned()), fragment }),
        None if before.starts_with("//") => {
            return Ok(Reference { target: Target::Remote(before.to_owned()), fragment });
        }
        None => before,
    };
    let path = percent_decode(path).ok_or("its path is not valid percent-encoded UTF-8")?;
    if path.contains('\0') {
        return Err("its path holds a null byte");
    }
    Ok(Reference { target: Target::File(PathBuf::from(path)), fragment })
}

/// The scheme of an absolute address; one letter is a drive, not a scheme.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let starts_with_letter = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let legal = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    (scheme.len() > 1 && starts_with_letter && legal).then_some(scheme)
}

fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

/// The tokens of a JSON Pointer, unescaped by RFC 6901.
///
/// # Errors
/// When it neither is empty nor begins with `/`.
pub fn pointer_tokens(pointer: &str) -> Result<Vec<String>, &'static str> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let rest =
        pointer.strip_prefix('/').ok_or("the part after `#` is no JSON Pointer; it must begin with `/`")?;
    Ok(rest.split('/').map(unescaped).collect())
}

/// A token of a JSON Pointer without its escapes.
#[must_use]
pub fn unescaped(token: &str) -> String {
    if token.contains('~') { token.replace("~1", "/").replace("~0", "~") } else { token.to_owned() }
}

/// The names a Protobuf text imports, in order of writing.
pub fn proto_imports(text: &str) -> impl Iterator<Item = &str> {
    // Several statements may stand on a line.
    let statements = text.split(['\n', ';']).map(str::trim_start);
    let imports = statements.filter_map(|statement| statement.strip_prefix("import"));
    imports.filter_map(|import| import.split(['"', '\'']).nth(1))
}

/// `path` as seen from the folder of `from`, with `.` and `..` taken out by name alone.
#[must_use]
pub fn beside(from: &Path, path: &Path) -> PathBuf {
    let joined = from.parent().unwrap_or_else(|| Path::new("")).join(path);
    let mut clean = PathBuf::new();
    for component in joined.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if ends_with_name(&clean) => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

fn ends_with_name(path: &Path) -> bool {
    matches!(path.components().next_back(), Some(Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_apart() {
        let parts = |text: &str| parse(text).map(|reference| (reference.target, reference.fragment));
        assert_eq!(parts("#/a~1b/c%20d"), Ok((Target::Same, "/a~1b/c d".into())));
        assert_eq!(parts("./x%20y.yaml#/a"), Ok((Target::File("./x y.yaml".into()), "/a".into())));
        assert_eq!(parts("file:///tmp/a.yaml"), Ok((Target::File("/tmp/a.yaml".into()), String::new())));
        assert_eq!(parts("https://e.org/a#/b"), Ok((Target::Remote("https://e.org/a".into()), "/b".into())));
        assert_eq!(parts("//e.org/a"), Ok((Target::Remote("//e.org/a".into()), String::new())));
        assert!(parse("").is_err());
        assert!(parse("#/%zz").is_err());
        assert!(parse("#/%ff").is_err());
    }

    #[test]
    fn pointers_come_apart() {
        assert_eq!(pointer_tokens("/a~1b/~01/").unwrap(), ["a/b", "~1", ""]);
        assert!(pointer_tokens("").unwrap().is_empty());
        assert!(pointer_tokens("a/b").is_err());
    }

    #[test]
    fn paths_are_taken_from_the_folder_of_the_file() {
        assert_eq!(beside(Path::new("a/b/c.yaml"), Path::new("../d/./e.yaml")), Path::new("a/d/e.yaml"));
        assert_eq!(beside(Path::new("c.yaml"), Path::new("../e.yaml")), Path::new("../e.yaml"));
        assert_eq!(beside(Path::new("a/c.yaml"), Path::new("/e.yaml")), Path::new("/e.yaml"));
    }
}
