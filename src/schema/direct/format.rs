//! What surely is of a format, told by a look; everything else is asked of the validator.

/// Whether a text is of a format beyond doubt; `false` says nothing.
pub(super) type Surely = fn(&[u8]) -> bool;

/// What tells of a format.
pub(super) fn surely(format: &str) -> Surely {
    match format {
        "uuid" => is_uuid,
        "date-time" => is_date_time,
        "date" => |bytes| bytes.len() == 10 && is_date(bytes),
        "time" => is_time,
        "email" | "idn-email" => is_email,
        "uri-reference" | "iri-reference" => |bytes| is_path(bytes) || is_address(bytes),
        "uri" | "iri" => is_address,
        _ => |_| false,
    }
}

/// Bytes by what they may be part of: of a hexadecimal number, of a word, of a path.
const HEX: u8 = 1;
const WORD: u8 = 2;
const PATH: u8 = 4;
static KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let mut kind = 0;
        if byte.is_ascii_hexdigit() {
            kind |= HEX;
        }
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            kind |= WORD;
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.') {
            kind |= PATH;
        }
        kinds[byte as usize] = kind;
        byte += 1;
    }
    kinds
}

fn all(bytes: &[u8], kind: u8) -> bool {
    bytes.iter().fold(kind, |all, byte| all & KINDS[usize::from(*byte)]) != 0
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && [8, 13, 18, 23].iter().all(|at| bytes[*at] == b'-')
        && [0..8, 9..13, 14..18, 19..23, 24..36].into_iter().all(|part| all(&bytes[part], HEX))
}

/// The number two digits say.
fn pair(bytes: &[u8], at: usize) -> Option<u8> {
    match bytes.get(at..at + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + ones - b'0'),
        _ => None,
    }
}

/// Days that every month has.
fn is_date(bytes: &[u8]) -> bool {
    let is_year = bytes.len() >= 10 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[..4] > b"0000"[..];
    is_year
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && pair(bytes, 5).is_some_and(|month| (1..=12).contains(&month))
        && pair(bytes, 8).is_some_and(|day| (1..=28).contains(&day))
}

fn is_date_time(bytes: &[u8]) -> bool {
    bytes.len() > 11 && bytes[10] == b'T' && is_date(bytes) && is_time(&bytes[11..])
}

/// No leap seconds: whether one fits depends on the offset.
fn is_time(bytes: &[u8]) -> bool {
    let below = |at: usize, limit: u8| pair(bytes, at).is_some_and(|number| number < limit);
    if bytes.len() < 9
        || !below(0, 24)
        || !below(3, 60)
        || !below(6, 60)
        || bytes[2] != b':'
        || bytes[5] != b':'
    {
        return false;
    }
    let mut rest = &bytes[8..];
    if rest[0] == b'.' {
        let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&digits) {
            return false;
        }
        rest = &rest[1 + digits..];
    }
    match rest {
        b"Z" => true,
        [b'+' | b'-', clock @ ..] if clock.len() == 5 && clock[2] == b':' => {
            pair(clock, 0).is_some_and(|hours| hours < 24)
                && pair(clock, 3).is_some_and(|minutes| minutes < 60)
        }
        _ => false,
    }
}

fn is_email(bytes: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'@', bytes) else {
        return false;
    };
    let (local, host) = (&bytes[..at], &bytes[at + 1..]);
    let is_part = |part: &[u8]| !part.is_empty() && all(part, WORD);
    local.len() <= 64 && local.split(|byte| *byte == b'.').all(is_part) && is_host(host)
}

/// Two labels or more of letters and digits, the last of letters.
fn is_host(host: &[u8]) -> bool {
    let mut labels = 0;
    let mut last: &[u8] = b"";
    for label in host.split(|byte| *byte == b'.') {
        if label.is_empty() || label.len() > 63 || !label.iter().all(u8::is_ascii_alphanumeric) {
            return false;
        }
        labels += 1;
        last = label;
    }
    labels > 1 && host.len() <= 200 && last.iter().all(u8::is_ascii_alphabetic)
}

/// `/some/path` of letters that need no escape.
fn is_path(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'/') && bytes.get(1) != Some(&b'/') && all(bytes, PATH)
}

/// `https://host/path`.
fn is_address(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"https://").or_else(|| bytes.strip_prefix(b"http://")) else {
        return false;
    };
    let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
    is_host(&rest[..end]) && (end == rest.len() || all(&rest[end..], PATH))
}
