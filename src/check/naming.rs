//! How a name is written: `camelCase`, `PascalCase`, `kebab-case`, `snake_case` and their kin. It knows no rule.

/// A way of writing names of several words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Style {
    /// `orderPlaced`
    Camel,
    /// `OrderPlaced`
    Pascal,
    /// `order-placed`
    Kebab,
    /// `order_placed`
    Snake,
    /// `ORDER_PLACED`
    Upper,
    /// `order.placed`
    Dotted,
}

impl Style {
    /// The style of a name; `None` for a single word in lower case, which fits nearly all, and for mixtures.
    pub fn of(name: &str) -> Option<Self> {
        let has = |set: fn(char) -> bool| name.chars().any(set);
        let (lower, upper) = (has(char::is_lowercase), has(char::is_uppercase));
        let marks: Vec<char> = ['-', '_', '.'].into_iter().filter(|mark| name.contains(*mark)).collect();
        let odd = name.chars().any(|c| !c.is_alphanumeric() && !marks.contains(&c));
        let starts_upper = name.starts_with(char::is_uppercase);
        match (marks.as_slice(), lower, upper) {
            _ if odd => None,
            ([], true, true) if starts_upper => Some(Self::Pascal),
            ([], true, true) => Some(Self::Camel),
            (['-'], true, false) => Some(Self::Kebab),
            (['_'], true, false) => Some(Self::Snake),
            (['.'], true, false) => Some(Self::Dotted),
            (['_'], false, true) => Some(Self::Upper),
            _ => None,
        }
    }

    /// Its usual name, written in itself.
    pub fn word(self) -> &'static str {
        match self {
            Self::Camel => "camelCase",
            Self::Pascal => "PascalCase",
            Self::Kebab => "kebab-case",
            Self::Snake => "snake_case",
            Self::Upper => "UPPER_CASE",
            Self::Dotted => "dotted.case",
        }
    }

    /// The name written in this style.
    pub fn write(self, name: &str) -> String {
        let words = words(name);
        let capital = |word: &String| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        };
        match self {
            Self::Kebab => words.join("-"),
            Self::Snake => words.join("_"),
            Self::Dotted => words.join("."),
            Self::Upper => words.join("_").to_uppercase(),
            Self::Pascal => words.iter().map(capital).collect(),
            Self::Camel => {
                let rest: String = words.iter().skip(1).map(capital).collect();
                words.first().cloned().unwrap_or_default() + &rest
            }
        }
    }
}

/// The words of a name in lower case: split at marks and before capitals.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut fresh = true;
    let mut after_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() {
            (fresh, after_lower) = (true, false);
            continue;
        }
        if fresh || (letter.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
        (fresh, after_lower) = (false, !letter.is_uppercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::Style;

    #[test]
    fn styles_are_told_apart_and_written() {
        let all = [
            ("orderPlaced", Style::Camel),
            ("OrderPlaced", Style::Pascal),
            ("order-placed", Style::Kebab),
            ("order_placed", Style::Snake),
            ("ORDER_PLACED", Style::Upper),
            ("order.placed", Style::Dotted),
        ];
        for (name, style) in all {
            assert_eq!(Style::of(name), Some(style));
            for (other, _) in all {
                assert_eq!(style.write(other), name);
            }
        }
        for name in ["orders", "ORDERS", "Order-Placed", "order placed", ""] {
            assert_eq!(Style::of(name), None, "{name}");
        }
    }
}
