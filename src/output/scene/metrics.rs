//! How wide text will be in a picture, without a font: advance widths of a common sans face, with room for wider ones.

use unicode_width::UnicodeWidthChar;

/// Advance widths of the printable ASCII characters from the space on, in thousandths of the font size.
const ADVANCES: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// Faces that readers have instead are up to a sixth wider.
const ROOM: f64 = 1.17;

/// The width of a text at a font size, in the same unit.
pub(in crate::output) fn text_width(text: &str, size: f64) -> f64 {
    let thousandths: u32 = text.chars().map(advance).sum();
    f64::from(thousandths) * size / 1000.0 * ROOM
}

fn advance(character: char) -> u32 {
    let ascii = u32::from(character).checked_sub(32).and_then(|place| ADVANCES.get(place as usize));
    match ascii {
        Some(advance) => u32::from(*advance),
        None if character.width() == Some(2) => 1000,
        None => 620,
    }
}

/// The text, or its beginning and end around `…` when it is wider than `limit`.
pub(in crate::output) fn fit(text: &str, size: f64, limit: f64) -> String {
    if text_width(text, size) <= limit {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let shorter = |kept: usize| -> String {
        let head = characters[..kept.div_ceil(2)].iter();
        head.chain(&['…']).chain(&characters[characters.len() - kept / 2..]).collect()
    };
    // The more is kept, the wider it is.
    let (mut fits, mut too_wide) = (0, characters.len());
    while fits + 1 < too_wide {
        let kept = usize::midpoint(fits, too_wide);
        if text_width(&shorter(kept), size) <= limit { fits = kept } else { too_wide = kept }
    }
    shorter(fits)
}

#[cfg(test)]
mod tests {
    use super::{fit, text_width};

    #[test]
    fn wide_letters_are_wider() {
        assert!(text_width("WWW", 10.0) > text_width("iii", 10.0));
        assert!(text_width("注文", 10.0) >= 20.0);
    }

    #[test]
    fn long_text_keeps_both_ends() {
        let short = fit("orders.placed.in.a.very.long.way.created.v2", 12.0, 120.0);
        assert!(short.starts_with("orders") && short.ends_with("v2") && short.contains('…'), "{short}");
        assert!(text_width(&short, 12.0) <= 120.0);
        assert_eq!(fit("short", 12.0, 120.0), "short");
        assert_eq!(fit("WWWW", 12.0, 1.0), "…");
        assert!(text_width(&fit(&"W<".repeat(50_000), 12.0, 120.0), 12.0) > 90.0);
    }
}
