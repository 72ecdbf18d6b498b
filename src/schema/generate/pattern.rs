//! Texts that match a regular expression, made from its syntax tree.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::random::Random;

/// Longest text made, in bytes, unless single parts are longer.
const LONGEST: usize = 4096;

/// A text that matches `pattern`, about as long as its optional parts repeated up to `stretch` times make it; none for
/// a pattern whose syntax is not understood.
pub(super) fn matching(pattern: &str, stretch: u32, random: &mut Random) -> Option<String> {
    let tree = match regex_syntax::parse(pattern) {
        Ok(tree) => tree,
        Err(_) => regex_syntax::parse(&without_lookaround(pattern)).ok()?,
    };
    let mut text = String::new();
    write(&tree, stretch, random, &mut text)?;
    Some(text)
}

fn write(tree: &Hir, stretch: u32, random: &mut Random, text: &mut String) -> Option<()> {
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(one_of(class, random)?),
        HirKind::Capture(capture) => write(&capture.sub, stretch, random, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, stretch, random, text))?,
        HirKind::Alternation(branches) => write(random.choose(branches)?, stretch, random, text)?,
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX).min(repetition.min.saturating_add(stretch));
            let times = random.count(repetition.min as usize, most as usize);
            for _ in 0..times {
                write(&repetition.sub, stretch, random, text)?;
                if text.len() > LONGEST {
                    return None;
                }
            }
        }
    }
    Some(())
}

/// A character of a class: a plain one where the class has some, because `\d` means more than people mean.
fn one_of(class: &Class, random: &mut Random) -> Option<char> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => {
            class.iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
        Class::Bytes(class) => class.iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let within = |low: u32, high: u32| -> Vec<(u32, u32)> {
        let cut = ranges.iter().map(|(start, end)| (*start.max(&low), *end.min(&high)));
        cut.filter(|(start, end)| start <= end).collect()
    };
    let words: Vec<(u32, u32)> = [('a', 'z'), ('A', 'Z'), ('0', '9')]
        .into_iter()
        .flat_map(|(low, high)| within(low.into(), high.into()))
        .collect();
    let printable = within(0x21, 0x7e);
    let chosen = [words, printable, ranges.clone()].into_iter().find(|ranges| !ranges.is_empty())?;
    let total: u64 = chosen.iter().map(|(start, end)| u64::from(end - start) + 1).sum();
    let mut left = random.below(total);
    for (start, end) in chosen {
        let width = u64::from(end - start) + 1;
        if left < width {
            // Surrogates are in no class of characters, so only a class of bytes could fail here.
            return char::from_u32(start + u32::try_from(left).ok()?);
        }
        left -= width;
    }
    None
}

/// The pattern without its look-around groups; what they ask for is left to the check.
fn without_lookaround(pattern: &str) -> String {
    let mut kept = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(next) = rest.chars().next() {
        let opens = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|group| rest.starts_with(group));
        let taken = if opens {
            group_length(rest)
        } else {
            let taken = if next == '\\' {
                rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at)
            } else {
                next.len_utf8()
            };
            kept.push_str(&rest[..taken]);
            taken
        };
        rest = &rest[taken..];
    }
    kept
}

/// Bytes of the group a text begins with, its closing bracket included.
fn group_length(text: &str) -> usize {
    let (mut depth, mut escaped, mut in_class) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'(' if !in_class => depth += 1,
            b')' if !in_class => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_match_their_pattern() {
        let patterns = [
            "^[A-Z]{3}-\\d{4}$",
            "^(foo|bar)+@x\\.y$",
            "a?b*c+",
            "^\\p{Greek}{2,}$",
            "^[^a-z]{5}$",
            "(?i)^sku$",
            "^\\S+\\s\\w*$",
        ];
        let mut random = Random::new(3);
        for pattern in patterns {
            let engine = regex::Regex::new(pattern).unwrap();
            for stretch in [0, 4, 40] {
                let text = matching(pattern, stretch, &mut random).unwrap();
                assert!(engine.is_match(&text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn lookaround_is_set_aside() {
        assert_eq!(without_lookaround("^(?!a(b)[)])(?<=\\))x(y)$"), "^x(y)$");
        assert!(matching("^(?=.*x)[a-z]{3}$", 0, &mut Random::new(1)).is_some());
        assert_eq!(matching("(a)\\1", 0, &mut Random::new(1)), None);
    }
}
