//! Formats of single values that the AsyncAPI specification itself asks for.

/// Whether the text is an absolute URI (RFC 3986): a scheme, a colon, and only characters that may stand there.
#[must_use]
pub fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let scheme_is_right = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let rest_is_right = !rest.is_empty()
        && rest.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"<>\"^`{}|\\".contains(c));
    scheme_is_right && rest_is_right
}

/// Whether the text looks like an e-mail address: one part, `@`, and a host.
pub fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else {
        return false;
    };
    let host_is_right = host.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    });
    !local.is_empty() && !local.contains(char::is_whitespace) && host_is_right
}

/// Whether the text is a length of time: whole numbers, each with `ms`, `s`, `m`, `h` or `d`, the largest first.
pub fn is_duration(text: &str) -> bool {
    let mut rest = text;
    for unit in ["d", "h", "m", "s", "ms"] {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (_, after) = rest.split_at(digits);
        let ends_here = |after: &str| after.is_empty() || after.starts_with(|c: char| c.is_ascii_digit());
        if let Some(after) = after.strip_prefix(unit).filter(|after| digits > 0 && ends_here(after)) {
            rest = after;
        }
    }
    rest.is_empty() && !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_have_a_scheme_and_no_spaces() {
        for right in ["https://example.com/a?b#c", "urn:com:example", "mailto:a@b.c", "http://localhost:3000"]
        {
            assert!(is_uri(right), "{right}");
        }
        for wrong in ["not a url", "???", "example.com", "://x", "https:", "http://a b"] {
            assert!(!is_uri(wrong), "{wrong}");
        }
    }

    #[test]
    fn addresses_have_a_name_and_a_host() {
        assert!(is_email("support@example.com"));
        assert!(!is_email("nope"));
        assert!(!is_email("a@"));
        assert!(!is_email("a b@example.com"));
    }

    #[test]
    fn lengths_of_time_have_units() {
        for right in ["90s", "1h30m", "500ms", "7d", "1d2h3m4s5ms"] {
            assert!(is_duration(right), "{right}");
        }
        for wrong in ["", "90", "s", "1.5h", "30m1h", "1 h", "1week"] {
            assert!(!is_duration(wrong), "{wrong}");
        }
    }
}
