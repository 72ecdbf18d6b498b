//! What a scalar means by the core schema of YAML 1.2 (section 10.3.2): `no` and `on` are strings, `0o17` is 15.

use super::tree::{Number, Value};

/// The value of a plain scalar without tag.
#[must_use]
pub fn plain(text: &str) -> Value {
    let Some(first) = text.bytes().next() else {
        return Value::Null;
    };
    // Most scalars are words: one look at the first byte decides for them.
    if !matches!(first, b'0'..=b'9' | b'-' | b'+' | b'.' | b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F') {
        return Value::String(text.to_owned());
    }
    null(text)
        .or_else(|| boolean(text))
        .or_else(|| integer(text))
        .or_else(|| float(text))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// `null`, `~` or nothing.
#[must_use]
pub fn null(text: &str) -> Option<Value> {
    matches!(text, "" | "~" | "null" | "Null" | "NULL").then_some(Value::Null)
}

/// `true` and `false` in the three spellings of the schema.
#[must_use]
pub fn boolean(text: &str) -> Option<Value> {
    match text {
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// A decimal, `0o` octal or `0x` hexadecimal integer; one past 64 bits becomes the nearest float.
#[must_use]
pub fn integer(text: &str) -> Option<Value> {
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = if let Ok(number) = text.parse::<i64>() {
        Number::Integer(number)
    } else if let Ok(number) = text.parse::<u64>() {
        Number::Unsigned(number)
    } else {
        Number::Float(text.parse().ok()?)
    };
    Some(Value::Number(number))
}

fn radix(digits: &str, radix: u32) -> Option<Value> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let number = match u64::from_str_radix(digits, radix) {
        Ok(number) => i64::try_from(number).map_or(Number::Unsigned(number), Number::Integer),
        Err(_) => Number::Float(digits.chars().fold(0.0, |sum, digit| {
            sum * f64::from(radix) + f64::from(digit.to_digit(radix).unwrap_or_default())
        })),
    };
    Some(Value::Number(number))
}

/// A decimal float, an infinity or not-a-number.
#[must_use]
pub fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let negative = text.starts_with('-');
    let number = match unsigned {
        ".inf" | ".Inf" | ".INF" if negative => f64::NEG_INFINITY,
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => f64::NAN,
        _ if is_decimal(unsigned) => text.parse().ok()?,
        _ => return None,
    };
    Some(Value::Number(Number::Float(number)))
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_decimal(text: &str) -> bool {
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    if exponent.is_some_and(|digits| digits.is_empty() || !all_digits(digits)) {
        return false;
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        match plain(text) {
            Value::Number(number) => number,
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn words_of_older_yaml_are_strings() {
        for text in
            ["no", "on", "yes", "off", "y", "NO", "nULL", "tRue", "0b1", "1_000", "1:30", "2026-01-01"]
        {
            assert_eq!(plain(text), Value::String(text.to_owned()));
        }
        for text in [".", "-", "+", "e3", ".e3", "1e", "1e+", "0x", "0o8", "-0x1", "+.nan", "1.2.3", "--1"] {
            assert_eq!(plain(text), Value::String(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn numbers_follow_the_core_schema() {
        assert_eq!(number("0o17"), Number::Integer(15));
        assert_eq!(number("0x1F"), Number::Integer(31));
        assert_eq!(number("017"), Number::Integer(17));
        assert_eq!(number("+5"), Number::Integer(5));
        assert_eq!(number("-9223372036854775808"), Number::Integer(i64::MIN));
        assert_eq!(number("18446744073709551615"), Number::Unsigned(u64::MAX));
        assert_eq!(number("18446744073709551616"), Number::Float(18_446_744_073_709_551_616.0));
        assert_eq!(number("1e3"), Number::Float(1000.0));
        assert_eq!(number("-.5"), Number::Float(-0.5));
        assert_eq!(number("1."), Number::Float(1.0));
        assert_eq!(number("-.inf"), Number::Float(f64::NEG_INFINITY));
        assert!(matches!(number(".NaN"), Number::Float(float) if float.is_nan()));
    }

    #[test]
    fn nothing_is_null() {
        for text in ["", "~", "null", "NULL"] {
            assert_eq!(plain(text), Value::Null);
        }
        assert_eq!(plain("True"), Value::Bool(true));
        assert_eq!(plain("FALSE"), Value::Bool(false));
    }
}
