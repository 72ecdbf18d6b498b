//! Channel addresses with parameters, matched against where an event came from.

use crate::contract::Parameter;

/// One part of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// A parameter, with the values it may take; none listed means any.
    Parameter(Vec<String>),
}

/// An address such as `orders/{id}/placed`, ready to match.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    /// What a parameter cannot hold: the character that separates levels.
    separator: char,
}

impl Template {
    /// Takes an address apart; `None` when it has no parameters.
    pub(super) fn new(address: &str, parameters: &[Parameter]) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = address;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            if !before.is_empty() {
                pieces.push(Piece::Literal(before.to_owned()));
            }
            let declared = parameters.iter().find(|parameter| parameter.name == name);
            pieces.push(Piece::Parameter(declared.map(|found| found.values.clone()).unwrap_or_default()));
            rest = after;
        }
        if pieces.is_empty() {
            return None;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        let separator =
            ['/', '.', ':'].into_iter().find(|separator| address.contains(*separator)).unwrap_or('/');
        Some(Self { pieces, separator })
    }

    /// Whether an address is one of this template: each parameter stands for one level or a part of it.
    pub(super) fn matches(&self, address: &str) -> bool {
        matches(&self.pieces, self.separator, address)
    }

    /// Characters that are fixed; of two templates that match, the one with more of them is meant.
    pub(super) fn fixed(&self) -> usize {
        let literal = |piece: &Piece| match piece {
            Piece::Literal(text) => text.len(),
            Piece::Parameter(_) => 0,
        };
        self.pieces.iter().map(literal).sum()
    }
}

fn matches(pieces: &[Piece], separator: char, text: &str) -> bool {
    match pieces {
        [] => text.is_empty(),
        [Piece::Literal(literal), rest @ ..] => {
            text.strip_prefix(literal.as_str()).is_some_and(|text| matches(rest, separator, text))
        }
        [Piece::Parameter(values), rest @ ..] => {
            let level = text.find(separator).unwrap_or(text.len());
            let ends = text[..level].char_indices().map(|(at, character)| at + character.len_utf8());
            let fits = |end: usize| values.is_empty() || values.iter().any(|value| *value == text[..end]);
            // Followed by the end of the level, as nearly always, there is one way only.
            if rest.is_empty() || matches!(rest, [Piece::Literal(next), ..] if next.starts_with(separator)) {
                return level > 0 && fits(level) && matches(rest, separator, &text[level..]);
            }
            ends.into_iter().any(|end| fits(end) && matches(rest, separator, &text[end..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(template: &str, address: &str) -> bool {
        Template::new(template, &[]).unwrap().matches(address)
    }

    #[test]
    fn parameters_stand_for_one_level() {
        assert!(fits("orders/{id}", "orders/17"));
        assert!(fits("orders/{id}/placed", "orders/1.7/placed"));
        assert!(fits("orders.{id}.placed", "orders.17.placed"));
        assert!(fits("v{major}-orders/{id}-x", "v2-orders/17-x"));
        assert!(fits("{tenant}", "acme"));
        for address in ["orders/", "orders/17/placed", "order/17", "orders"] {
            assert!(!fits("orders/{id}", address), "{address}");
        }
        assert!(!fits("orders.{id}", "orders.17.placed"));
        assert!(Template::new("orders/placed", &[]).is_none());
    }
}
