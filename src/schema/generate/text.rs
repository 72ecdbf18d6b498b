//! Texts by format, pattern, length and name.

use serde_json::{Map, Value};

use super::names::{Name, filler};
use super::pattern;
use super::random::Random;

/// Seconds from 1970 to 2026: sample times lie in the year after it, whenever they are made.
const YEAR_START: i64 = 1_767_225_600;
const YEAR_SECONDS: i64 = 365 * 86_400;
/// How often a pattern is tried for a text of the right length.
const TRIES: u32 = 40;

/// A text by the keywords of its schema.
pub(super) fn text(keywords: &Map<String, Value>, name: &Name, random: &mut Random) -> Option<String> {
    let length = |keyword: &str| {
        let limit = keywords.get(keyword).and_then(Value::as_u64)?;
        usize::try_from(limit).ok()
    };
    let (least, most) = (length("minLength").unwrap_or(0), length("maxLength").unwrap_or(usize::MAX));
    if let Some(pattern) = keywords.get("pattern").and_then(Value::as_str) {
        return by_pattern(pattern, least, most, random);
    }
    let stated = keywords.get("format").and_then(Value::as_str);
    if let Some(format) = stated
        && let Some(text) = by_format(format, random)
    {
        return Some(text);
    }
    let usual = name.usual_format().filter(|_| stated.is_none()).and_then(|format| by_format(format, random));
    let fits = |text: &String| (least..=most).contains(&text.chars().count());
    let text = usual.filter(fits).unwrap_or_else(|| name.text(random));
    fitted(text, least, most, random)
}

fn by_pattern(pattern: &str, least: usize, most: usize, random: &mut Random) -> Option<String> {
    let mut fallback = None;
    for attempt in 0..TRIES {
        // First short, then ever longer, so that both a low maximum and a high minimum come into reach.
        let stretch = attempt % 8 * (1 + u32::try_from(least).unwrap_or(u32::MAX).min(4096) / 4).min(1024);
        let Some(text) = pattern::matching(pattern, stretch, random) else {
            continue;
        };
        if (least..=most).contains(&text.chars().count()) {
            return Some(text);
        }
        fallback = Some(text);
    }
    let text = fallback?;
    // An open-ended pattern takes letters after its match.
    if text.chars().count() < least { fitted(text, least, most, random) } else { Some(text) }
}

fn fitted(mut text: String, least: usize, most: usize, random: &mut Random) -> Option<String> {
    if least > most || least > 1 << 20 {
        return None;
    }
    while text.chars().count() < least {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(filler(random));
        if text.ends_with(' ') {
            text.push('x');
        }
    }
    if text.chars().count() > most {
        text = text.chars().take(most).collect();
    }
    Some(text)
}

/// A text of a format; none for formats nobody checks.
fn by_format(format: &str, random: &mut Random) -> Option<String> {
    let second = YEAR_START + random.between(0, YEAR_SECONDS - 1);
    let time = jiff::Timestamp::from_second(second).ok()?;
    let written = time.to_string();
    let (date, clock) = written.split_once('T')?;
    Some(match format {
        "date-time" => written.clone(),
        "date" => date.to_owned(),
        "time" => clock.to_owned(),
        "duration" => format!("PT{}H{}M", random.between(0, 23), random.between(1, 59)),
        "uuid" => uuid(random),
        "email" | "idn-email" => {
            let given = Name::new("first_name").text(random).to_lowercase();
            format!("{given}.{}@example.org", random.between(1, 999))
        }
        "uri" | "url" | "iri" => format!("https://{}.example.org/{}", filler(random), random.hexadecimal(6)),
        "uri-reference" | "iri-reference" => format!("/{}/{}", filler(random), random.hexadecimal(6)),
        "uri-template" => format!("https://example.org/{}/{{id}}", filler(random)),
        "hostname" | "idn-hostname" => format!("{}.example.org", filler(random)),
        "ipv4" => format!("192.0.2.{}", random.between(1, 254)),
        "ipv6" => format!("2001:db8::{}", random.hexadecimal(4)),
        "json-pointer" => format!("/{}", filler(random)),
        "relative-json-pointer" => format!("1/{}", filler(random)),
        "regex" => format!("^{}$", filler(random)),
        "byte" | "base64" => base64(random),
        _ => return None,
    })
}

/// A version 4 identifier in form, made from the seed.
fn uuid(random: &mut Random) -> String {
    let bytes = (u128::from(random.next()) << 64 | u128::from(random.next())).to_be_bytes();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

fn base64(random: &mut Random) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(random.next().to_be_bytes())
}
