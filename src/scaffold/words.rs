//! Words of a name and the cases they are written in. It knows no language and no template.

/// Splits a name into its words: at anything that is no letter or digit, and where lower case turns to upper.
#[must_use]
pub fn split(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (at, character) in characters.iter().copied().enumerate() {
        if !character.is_alphanumeric() {
            push_word(&mut words, &mut word);
            continue;
        }
        if character.is_uppercase() && begins_word(&characters, at) {
            push_word(&mut words, &mut word);
        }
        word.push(character);
    }
    push_word(&mut words, &mut word);
    words
}

/// An upper-case letter begins a word after a small letter or digit, and as the last of a run of capitals (`HTTPServer`).
fn begins_word(characters: &[char], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|index| characters[index]) else { return true };
    let next_is_small = characters.get(at + 1).is_some_and(|next| next.is_lowercase());
    before.is_lowercase() || before.is_numeric() || (before.is_uppercase() && next_is_small)
}

fn push_word(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// `orders-service`
#[must_use]
pub fn kebab(name: &str) -> String {
    lowered(name, "-")
}

/// `orders_service`
#[must_use]
pub fn snake(name: &str) -> String {
    lowered(name, "_")
}

/// `ORDERS_SERVICE`
#[must_use]
pub fn screaming(name: &str) -> String {
    snake(name).to_uppercase()
}

/// `OrdersService`
#[must_use]
pub fn pascal(name: &str) -> String {
    split(name).iter().map(|word| capitalised(word)).collect()
}

/// `ordersService`
#[must_use]
pub fn camel(name: &str) -> String {
    let mut words = split(name).into_iter();
    let first = words.next().unwrap_or_default().to_lowercase();
    words.fold(first, |text, word| text + &capitalised(&word))
}

/// `Orders Service`
#[must_use]
pub fn title(name: &str) -> String {
    split(name).iter().map(|word| capitalised(word)).collect::<Vec<_>>().join(" ")
}

/// The English plural of the last word, by the common rules.
#[must_use]
pub fn plural(name: &str) -> String {
    let small = name.to_lowercase();
    let sibilant = ["s", "x", "z", "ch", "sh"].iter().any(|end| small.ends_with(end));
    let consonant_y =
        small.ends_with('y') && small.chars().rev().nth(1).is_some_and(|letter| !"aeiou".contains(letter));
    if name.is_empty() {
        String::new()
    } else if consonant_y {
        format!("{}ies", &name[..name.len() - 1])
    } else if sibilant {
        format!("{name}es")
    } else {
        format!("{name}s")
    }
}

fn lowered(name: &str, joint: &str) -> String {
    split(name).iter().map(|word| word.to_lowercase()).collect::<Vec<_>>().join(joint)
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    let Some(first) = characters.next() else { return String::new() };
    first.to_uppercase().chain(characters.flat_map(char::to_lowercase)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_where_the_case_turns() {
        assert_eq!(split("HTTPServer2Go placed-at"), ["HTTP", "Server2", "Go", "placed", "at"]);
        assert_eq!(split("--"), Vec::<String>::new());
    }

    #[test]
    fn every_case_is_written_from_the_same_words() {
        assert_eq!(kebab("Orders Service"), "orders-service");
        assert_eq!(snake("placed-at"), "placed_at");
        assert_eq!(screaming("orderId"), "ORDER_ID");
        assert_eq!(pascal("1-click"), "1Click");
        assert_eq!(camel("Order-created"), "orderCreated");
        assert_eq!(title("order_created"), "Order Created");
    }

    #[test]
    fn plurals_follow_the_common_rules() {
        assert_eq!(plural("order"), "orders");
        assert_eq!(plural("delivery"), "deliveries");
        assert_eq!(plural("day"), "days");
        assert_eq!(plural("box"), "boxes");
        assert_eq!(plural(""), "");
    }
}
