//! Simple patterns, such as `^ORD-[0-9]{8}$`, matched without an engine: a row of character classes, each so often.

/// Repeats past which a pattern is left to the engine.
const MOST: u32 = 10_000;

/// Characters: of ASCII by bits, all others together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Class {
    ascii: u128,
    others: bool,
}

impl Class {
    fn meets(self, other: Self) -> bool {
        self.ascii & other.ascii != 0 || (self.others && other.others)
    }

    /// By the first byte of a character: whether it is of the class.
    fn table(self) -> Box<[bool; 256]> {
        Box::new(std::array::from_fn(
            |byte| if byte < 128 { self.ascii >> byte & 1 == 1 } else { self.others },
        ))
    }
}

#[derive(Clone, Debug)]
struct Piece {
    class: Class,
    table: Box<[bool; 256]>,
    least: u32,
    most: u32,
}

/// A pattern from the start of the text on, in which each class takes all it can.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
    is_whole: bool,
}

impl Pattern {
    /// Takes a pattern apart; `None` when it is more than a row of classes or would need to go back.
    pub(super) fn simple(written: &str) -> Option<Self> {
        let mut rest = written.strip_prefix('^')?;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut is_whole = false;
        while !rest.is_empty() {
            if rest == "$" {
                is_whole = true;
                break;
            }
            let (class, after) = class(rest)?;
            let (least, most, after) = repeats(after)?;
            pieces.push(Piece { class, table: class.table(), least, most });
            rest = after;
        }
        is_plain(&pieces).then_some(Self { pieces, is_whole })
    }

    #[inline]
    pub(super) fn matches(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut at = 0;
        for piece in &self.pieces {
            let mut count = 0;
            while count < piece.most
                && let Some(first) = bytes.get(at)
                && piece.table[usize::from(*first)]
            {
                at += 1;
                // The rest of a character that takes several bytes.
                while *first >= 0x80 && bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    at += 1;
                }
                count += 1;
            }
            if count < piece.least {
                return false;
            }
        }
        !self.is_whole || at == bytes.len()
    }
}

/// Whether taking all one can is always right: what may be taken more or less often is nothing the next piece takes.
fn is_plain(pieces: &[Piece]) -> bool {
    pieces.iter().enumerate().all(|(at, piece)| {
        if piece.least == piece.most {
            return true;
        }
        let rest = &pieces[at + 1..];
        let next = rest.iter().position(|next| next.least > 0).map_or(rest, |end| &rest[..=end]);
        next.iter().all(|next| !next.class.meets(piece.class))
    })
}

fn one(byte: u8) -> u128 {
    1 << byte
}

fn range(from: u8, to: u8) -> u128 {
    (from..=to).map(one).fold(0, |all, bit| all | bit)
}

/// One class or literal character, and what follows it.
fn class(text: &str) -> Option<(Class, &str)> {
    let first = *text.as_bytes().first()?;
    match first {
        b'[' => set(&text[1..]),
        b'\\' => {
            let (ascii, rest) = escaped(&text[1..])?;
            Some((Class { ascii, others: false }, rest))
        }
        b'^' | b'$' | b'.' | b'|' | b'?' | b'*' | b'+' | b'(' | b')' | b']' | b'{' | b'}' => None,
        _ if first.is_ascii() => Some((Class { ascii: one(first), others: false }, &text[1..])),
        _ => None,
    }
}

/// What stands after a backslash: a digit, a word character, or punctuation meant as it is.
fn escaped(text: &str) -> Option<(u128, &str)> {
    let first = *text.as_bytes().first()?;
    let ascii = match first {
        b'd' => range(b'0', b'9'),
        b'w' => range(b'0', b'9') | range(b'a', b'z') | range(b'A', b'Z') | one(b'_'),
        b'.' | b'-' | b'/' | b'+' | b'*' | b'?' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'|' | b'^'
        | b'$' | b'\\' => one(first),
        _ => return None,
    };
    Some((ascii, &text[1..]))
}

fn set(text: &str) -> Option<(Class, &str)> {
    let (is_negated, mut rest) = match text.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut ascii = 0;
    loop {
        let first = *rest.as_bytes().first()?;
        match first {
            b']' => break,
            b'\\' => {
                let (more, after) = escaped(&rest[1..])?;
                ascii |= more;
                rest = after;
                // A class cannot begin a range, and engines differ on what it means then.
                if rest.starts_with('-') && !rest.starts_with("-]") {
                    return None;
                }
                continue;
            }
            // Sets inside sets are the engine's own.
            b'[' | b'&' | b'~' => return None,
            _ if !first.is_ascii() => return None,
            _ => {}
        }
        let bytes = rest.as_bytes();
        match (bytes.get(1), bytes.get(2)) {
            (Some(b'-'), Some(last)) if *last != b']' => {
                let is_letter = |byte: u8| byte.is_ascii_alphanumeric();
                if !is_letter(first) || !is_letter(*last) || first > *last {
                    return None;
                }
                ascii |= range(first, *last);
                rest = &rest[3..];
            }
            _ => {
                if first == b'-' && bytes.get(1) == Some(&b'-') {
                    return None;
                }
                ascii |= one(first);
                rest = &rest[1..];
            }
        }
    }
    if ascii == 0 {
        return None;
    }
    let class =
        if is_negated { Class { ascii: !ascii, others: true } } else { Class { ascii, others: false } };
    Some((class, &rest[1..]))
}

/// How often, and what follows.
fn repeats(text: &str) -> Option<(u32, u32, &str)> {
    let (least, most, rest) = match text.as_bytes().first() {
        Some(b'*') => (0, u32::MAX, &text[1..]),
        Some(b'+') => (1, u32::MAX, &text[1..]),
        Some(b'?') => (0, 1, &text[1..]),
        Some(b'{') => {
            let (inside, rest) = text[1..].split_once('}')?;
            let number = |digits: &str| digits.parse::<u32>().ok().filter(|number| *number <= MOST);
            let (least, most) = match inside.split_once(',') {
                None => (number(inside)?, number(inside)?),
                Some((least, "")) => (number(least)?, u32::MAX),
                Some((least, most)) => (number(least)?, number(most)?),
            };
            (least, most, rest)
        }
        _ => return Some((1, 1, text)),
    };
    let is_lazy_or_double = matches!(rest.as_bytes().first(), Some(b'?' | b'*' | b'+' | b'{'));
    (!is_lazy_or_double && least <= most).then_some((least, most, rest))
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn check(pattern: &str, fits: &[&str], others: &[&str]) {
        let simple = Pattern::simple(pattern).unwrap_or_else(|| panic!("{pattern} is simple"));
        for text in fits {
            assert!(simple.matches(text), "{pattern} {text}");
        }
        for text in others {
            assert!(!simple.matches(text), "{pattern} {text}");
        }
    }

    #[test]
    fn rows_of_classes_are_matched() {
        check("^ORD-[0-9]{8}$", &["ORD-01234567"], &["ORD-0123456", "ORD-012345678", "xORD-01234567", ""]);
        check("^[A-Z]{3}$", &["EUR"], &["eur", "EURO", "EUR\n"]);
        check("^[0-9A-Z -]{3,10}$", &["SW1A 1AA", "01-23"], &["ab", "a1", "0123456789A"]);
        check("^\\d+\\.\\d+$", &["1.2"], &["1.", ".2", "1.2.3", "\u{661}.1"]);
        check("^[^/]+/[^/]*$", &["ä/", "a/b"], &["/b", "a/b/c"]);
        check("^ab?c", &["abcd", "ac"], &["abd", ""]);
    }

    #[test]
    fn what_needs_an_engine_is_left_to_one() {
        for pattern in
            ["a", "^a|b$", "^(a)$", "^.$", "^a*a$", "^a?b?a$", "^\\s$", "^[a-\\d]$", "^a+?$", "^[[:alpha:]]$"]
        {
            assert!(Pattern::simple(pattern).is_none(), "{pattern}");
        }
    }
}
