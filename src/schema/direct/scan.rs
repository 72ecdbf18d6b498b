//! A scanner over the bytes of one JSON value, by RFC 8259 to the letter: it moves over values and builds none.

use std::borrow::Cow;

/// Levels of arrays and objects the scanner enters; what is deeper is left to the thorough way.
pub(super) const DEPTH: usize = 100;

/// The direct walk cannot tell: no JSON, or something seldom that the validator itself has to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecided;

/// A string as it stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'t> {
    pub written: &'t str,
    pub has_escapes: bool,
}

impl<'t> Text<'t> {
    /// The characters it means.
    pub(super) fn decoded(self) -> Result<Cow<'t, str>, Undecided> {
        if !self.has_escapes {
            return Ok(Cow::Borrowed(self.written));
        }
        let mut text = String::with_capacity(self.written.len());
        let mut rest = self.written;
        while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
            text.push_str(&rest[..at]);
            let (character, after) = escape(&rest[at + 1..])?;
            text.push(character);
            rest = after;
        }
        text.push_str(rest);
        Ok(Cow::Owned(text))
    }
}

/// The character after a backslash, and what follows it. A surrogate without its other half is no character.
fn escape(text: &str) -> Result<(char, &str), Undecided> {
    let first = *text.as_bytes().first().ok_or(Undecided)?;
    let plain = match first {
        b'"' | b'\\' | b'/' => char::from(first),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(&text[1..]),
        _ => return Err(Undecided),
    };
    Ok((plain, &text[1..]))
}

fn unicode_escape(text: &str) -> Result<(char, &str), Undecided> {
    let (unit, rest) = four_digits(text)?;
    if !(0xd800..0xe000).contains(&unit) {
        return Ok((char::from_u32(unit).ok_or(Undecided)?, rest));
    }
    let (low, rest) = four_digits(rest.strip_prefix("\\u").ok_or(Undecided)?)?;
    if unit >= 0xdc00 || !(0xdc00..0xe000).contains(&low) {
        return Err(Undecided);
    }
    let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    Ok((char::from_u32(code).ok_or(Undecided)?, rest))
}

fn four_digits(text: &str) -> Result<(u32, &str), Undecided> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let unit = u32::from_str_radix(digits.ok_or(Undecided)?, 16).map_err(|_| Undecided)?;
    Ok((unit, &text[4..]))
}

/// A number as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number<'t> {
    pub written: &'t str,
    /// Whether it has neither fraction nor exponent.
    pub is_whole: bool,
    pub has_exponent: bool,
    /// Its digits without sign, point and exponent, right only when it has so few that they cannot be too many.
    digits: u64,
    /// How many of the digits stand after the point.
    places: usize,
}

/// Powers of ten that 64-bit fractions hold exactly, as far as numbers with so few digits need them.
const TENS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// Characters of a number whose digits surely fit into the 53 bits of a fraction.
const FEW: usize = 16;

/// A number the walk can reckon with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Amount {
    Whole(i64),
    Fraction(f64),
}

impl Number<'_> {
    /// Whether it is surely a number every parser takes, a finite one and not minus zero.
    #[inline]
    pub(super) fn is_ordinary(self) -> bool {
        !self.has_exponent && self.written.len() < 300 && self.written != "-0"
    }

    /// Whether it is a whole number 64 bits surely hold.
    #[inline]
    pub(super) fn is_small(self) -> bool {
        self.is_whole && self.written.len() <= 18 && self.written != "-0"
    }

    /// Its amount. Exponents, minus zero and more digits than 64 bits hold for certain are left to the validator.
    pub(super) fn amount(self) -> Result<Amount, Undecided> {
        if self.is_whole {
            if self.written == "-0" {
                return Err(Undecided);
            }
            if self.written.len() <= FEW {
                let number = self.digits.cast_signed();
                return Ok(Amount::Whole(if self.written.starts_with('-') { -number } else { number }));
            }
            return self.written.parse().map(Amount::Whole).map_err(|_| Undecided);
        }
        if self.written.len() <= FEW && !self.has_exponent {
            // Both are exact, so that their quotient is rounded once: it is the number that is meant.
            #[expect(clippy::cast_precision_loss, reason = "fewer than 16 digits are exact")]
            let number = self.digits as f64 / TENS[self.places];
            return Ok(Amount::Fraction(if self.written.starts_with('-') { -number } else { number }));
        }
        if self.written.len() > 40 || self.has_exponent {
            return Err(Undecided);
        }
        self.written.parse().map(Amount::Fraction).map_err(|_| Undecided)
    }
}

/// The kind of the value that begins at the scanner's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Null,
    True,
    False,
    Number,
    String,
    Array,
    Object,
}

/// The scanner: a text and a place in it.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0 }
    }

    /// The byte the scanner is at.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Goes back or on to a place it was at before.
    pub(super) fn go_to(&mut self, place: usize) {
        self.at = place;
    }

    /// What was written between two places.
    pub(super) fn written(&self, from: usize, to: usize) -> &'t str {
        &self.text[from..to]
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// Whether nothing but white space is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.at == self.bytes.len()
    }

    /// Looks at the next value without moving past its first byte.
    #[inline]
    pub(super) fn start(&mut self) -> Result<Start, Undecided> {
        self.skip_space();
        Ok(match self.bytes.get(self.at) {
            Some(b'"') => Start::String,
            Some(b'{') => Start::Object,
            Some(b'[') => Start::Array,
            Some(b'-' | b'0'..=b'9') => Start::Number,
            Some(b't') => Start::True,
            Some(b'f') => Start::False,
            Some(b'n') => Start::Null,
            _ => return Err(Undecided),
        })
    }

    /// Moves past `true`, `false` or `null`.
    pub(super) fn word(&mut self, word: &str) -> Result<(), Undecided> {
        let found = self.bytes[self.at..].starts_with(word.as_bytes());
        self.at += word.len();
        found.then_some(()).ok_or(Undecided)
    }

    /// Moves past the opening bracket; whether the array or object has a first part.
    #[inline]
    pub(super) fn open(&mut self, closing: u8) -> bool {
        self.at += 1;
        self.skip_space();
        if self.bytes.get(self.at) == Some(&closing) {
            self.at += 1;
            return false;
        }
        true
    }

    /// Moves past a comma, and says so, or past the closing bracket.
    #[inline]
    pub(super) fn has_more(&mut self, closing: u8) -> Result<bool, Undecided> {
        self.skip_space();
        let byte = *self.bytes.get(self.at).ok_or(Undecided)?;
        self.at += 1;
        match byte {
            b',' => Ok(true),
            _ if byte == closing => Ok(false),
            _ => Err(Undecided),
        }
    }

    /// Reads the name of a member and the colon after it.
    #[inline]
    pub(super) fn name(&mut self) -> Result<Text<'t>, Undecided> {
        self.skip_space();
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(Undecided);
        }
        let name = self.string()?;
        self.skip_space();
        if self.bytes.get(self.at) != Some(&b':') {
            return Err(Undecided);
        }
        self.at += 1;
        Ok(name)
    }

    /// Reads the string that begins here.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Text<'t>, Undecided> {
        let from = self.at + 1;
        let mut at = from;
        let mut has_escapes = false;
        loop {
            at = self.next_special(at);
            match self.bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    let (_, rest) = escape(self.text.get(at + 1..).ok_or(Undecided)?)?;
                    at = self.text.len() - rest.len();
                }
                _ => return Err(Undecided),
            }
        }
        self.at = at + 1;
        Ok(Text { written: &self.text[from..at], has_escapes })
    }

    /// The next quote, backslash or control character, eight bytes at a time.
    #[inline]
    fn next_special(&self, from: usize) -> usize {
        let mut at = from;
        while let Some(chunk) = self.bytes.get(at..at + 8) {
            let Ok(chunk) = <[u8; 8]>::try_from(chunk) else { break };
            let found = special_bytes(u64::from_le_bytes(chunk));
            if found != 0 {
                return at + (found.trailing_zeros() / 8) as usize;
            }
            at += 8;
        }
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
    }

    /// Reads the number that begins here.
    #[inline]
    pub(super) fn number(&mut self) -> Result<Number<'t>, Undecided> {
        let from = self.at;
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        let first = self.bytes.get(self.at).copied();
        let mut digits = 0;
        if self.digits(&mut digits)? > 1 && first == Some(b'0') {
            return Err(Undecided);
        }
        let (mut is_whole, mut has_exponent, mut places) = (true, false, 0);
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            places = self.digits(&mut digits)?;
            is_whole = false;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits(&mut 0)?;
            (is_whole, has_exponent) = (false, true);
        }
        Ok(Number { written: &self.text[from..self.at], is_whole, has_exponent, digits, places })
    }

    /// Moves past digits and adds them to `number`, which too many of them make a wrong one; how many they are.
    #[inline]
    fn digits(&mut self, number: &mut u64) -> Result<usize, Undecided> {
        let from = self.at;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            *number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        if self.at == from { Err(Undecided) } else { Ok(self.at - from) }
    }

    /// Moves past the value that begins here, `depth` levels down.
    pub(super) fn skip(&mut self, depth: usize) -> Result<(), Undecided> {
        match self.start()? {
            Start::Null => self.word("null"),
            Start::True => self.word("true"),
            Start::False => self.word("false"),
            Start::String => self.string().map(drop),
            // A number too large to be one is refused by the parser.
            Start::Number => {
                let number = self.number()?;
                if number.is_ordinary() { Ok(()) } else { Err(Undecided) }
            }
            Start::Array | Start::Object if depth >= DEPTH => Err(Undecided),
            Start::Array => {
                let mut more = self.open(b']');
                while more {
                    self.skip(depth + 1)?;
                    more = self.has_more(b']')?;
                }
                Ok(())
            }
            Start::Object => {
                let mut more = self.open(b'}');
                while more {
                    self.name()?;
                    self.skip(depth + 1)?;
                    more = self.has_more(b'}')?;
                }
                Ok(())
            }
        }
    }
}

/// The high bit of the first byte that is a quote, a backslash or below 0x20; bits after the first may be wrong.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let quote = word ^ (ONES * 0x22);
    let backslash = word ^ (ONES * 0x5c);
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (zero(quote) | zero(backslash) | control) & HIGH
}
