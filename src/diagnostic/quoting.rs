//! Commands that a user can paste.

/// A word as a shell takes it for itself.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |each: char| each.is_ascii_alphanumeric() || "-_./:=@%+,".contains(each);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The name of a file as a command takes it for one: no flag, whatever it begins with.
#[must_use]
pub fn quoted_file(name: &str) -> String {
    if name.starts_with('-') && name != "-" { quoted(&format!("./{name}")) } else { quoted(name) }
}

#[cfg(test)]
mod tests {
    use super::{quoted, quoted_file};

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("mqtt://h:1/a"), "mqtt://h:1/a");
        assert_eq!(quoted("a b's"), r"'a b'\''s'");
        assert_eq!(quoted("kafka://h/t?x=1&y"), "'kafka://h/t?x=1&y'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted_file("-a b"), "'./-a b'");
        assert_eq!(quoted_file("a.zst"), "a.zst");
    }
}
