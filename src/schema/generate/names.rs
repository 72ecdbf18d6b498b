//! What the name of a property lets one expect of its value.

use super::random::Random;

const GIVEN: [&str; 12] =
    ["Ada", "Amara", "Chen", "Diego", "Elif", "Grace", "Ivan", "Linus", "Mei", "Noor", "Sofia", "Tomas"];
const FAMILY: [&str; 10] =
    ["Adeyemi", "Garcia", "Hopper", "Ito", "Kowalski", "Lovelace", "Nguyen", "Okafor", "Schmidt", "Silva"];
const CITIES: [&str; 8] = ["Accra", "Berlin", "Hanoi", "Lisbon", "Montreal", "Nairobi", "Osaka", "Quito"];
const COUNTRIES: [&str; 8] = ["BR", "CA", "DE", "GH", "JP", "KE", "PT", "VN"];
const CURRENCIES: [&str; 6] = ["BRL", "CAD", "EUR", "GBP", "JPY", "USD"];
const STREETS: [&str; 6] =
    ["Canal Street", "Harbour Road", "Linden Avenue", "Mill Lane", "Station Square", "Willow Way"];
const STATES: [&str; 5] = ["accepted", "active", "done", "open", "pending"];
const COLOURS: [&str; 5] = ["amber", "blue", "green", "red", "violet"];
const LANGUAGES: [&str; 5] = ["de", "en", "fr", "pt", "vi"];
const WORDS: [&str; 16] = [
    "bright", "brook", "calm", "cedar", "drift", "harbour", "lantern", "maple", "north", "pebble", "quiet",
    "river", "stone", "swift", "tide", "willow",
];

/// The name of a property as a list of words.
#[derive(Clone, Debug, Default)]
pub(super) struct Name {
    words: Vec<String>,
}

impl Name {
    /// Takes `createdAt`, `created_at` or `created-at` apart.
    pub(super) fn new(written: &str) -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut last_was_lower = false;
        let mut open = false;
        for character in written.chars() {
            if !character.is_alphanumeric() {
                open = false;
                continue;
            }
            if !open || (character.is_uppercase() && last_was_lower) {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(character.to_lowercase());
            }
            open = true;
            last_was_lower = character.is_lowercase() || character.is_numeric();
        }
        Self { words }
    }

    fn has(&self, candidates: &[&str]) -> bool {
        self.words.iter().any(|word| candidates.contains(&word.as_str()))
    }

    fn ends_with(&self, candidates: &[&str]) -> bool {
        self.words.last().is_some_and(|word| candidates.contains(&word.as_str()))
    }

    /// Both ends of what such a number usually is.
    pub(super) fn usual_range(&self) -> (f64, f64) {
        if self.has(&["latitude", "lat"]) {
            (-90.0, 90.0)
        } else if self.has(&["longitude", "lon", "lng"]) {
            (-180.0, 180.0)
        } else if self.has(&["quantity", "count", "qty", "attempt", "attempts"]) {
            (1.0, 12.0)
        } else if self.has(&["ratio", "probability", "confidence"]) {
            (0.0, 1.0)
        } else if self.has(&["percent", "percentage", "rating", "humidity"]) {
            (0.0, 100.0)
        } else if self.has(&["temperature", "celsius"]) {
            (-10.0, 40.0)
        } else if self.has(&["year"]) {
            (1990.0, 2030.0)
        } else if self.has(&["age"]) {
            (18.0, 90.0)
        } else if self.has(&["port"]) {
            (1024.0, 65535.0)
        } else if self.ends_with(&["timestamp", "time", "at", "epoch"]) {
            (1_767_225_600.0, 1_798_761_600.0)
        } else {
            (0.0, 1000.0)
        }
    }

    /// Decimals such a number usually has.
    pub(super) fn decimals(&self) -> i32 {
        if self.has(&["latitude", "lat", "longitude", "lon", "lng"]) { 5 } else { 2 }
    }

    /// A format such a text usually has although its schema does not say so.
    pub(super) fn usual_format(&self) -> Option<&'static str> {
        if self.has(&["email", "mail"]) {
            Some("email")
        } else if self.has(&["url", "uri", "link", "href", "website"]) {
            Some("uri")
        } else if self.ends_with(&["uuid", "guid"]) {
            Some("uuid")
        } else if self.ends_with(&["at", "timestamp", "time", "datetime"]) {
            Some("date-time")
        } else if self.ends_with(&["date", "day", "birthday"]) {
            Some("date")
        } else if self.has(&["hostname", "host"]) {
            Some("hostname")
        } else {
            None
        }
    }

    /// A plausible text.
    pub(super) fn text(&self, random: &mut Random) -> String {
        if self.ends_with(&["id", "key", "number", "no", "code", "reference", "ref", "sku", "token"])
            && !self.has(&["phone", "postal", "zip", "country", "currency", "language"])
        {
            return self.identifier(random);
        }
        self.of_a_person(random)
            .or_else(|| self.of_a_place(random))
            .or_else(|| self.of_a_thing(random))
            .unwrap_or_else(|| format!("{} {}", random.word(&WORDS), random.word(&WORDS)))
    }

    fn identifier(&self, random: &mut Random) -> String {
        let stem: String = match self.words.first() {
            Some(word) if self.words.len() > 1 => word.chars().take(3).collect(),
            _ => "x".to_owned(),
        };
        format!("{stem}-{}", random.hexadecimal(8))
    }

    fn of_a_person(&self, random: &mut Random) -> Option<String> {
        let given = self.has(&["first", "given", "forename"]);
        let family = self.has(&["last", "family", "surname"]);
        if given && self.has(&["name", "forename"]) {
            Some(random.word(&GIVEN).to_owned())
        } else if family {
            Some(random.word(&FAMILY).to_owned())
        } else if self.has(&["user", "username", "login", "handle", "nickname"]) {
            Some(format!("{}{}", random.word(&GIVEN).to_lowercase(), random.between(1, 99)))
        } else if self.has(&["phone", "mobile", "tel"]) {
            Some(format!("+49 30 {}", random.between(1_000_000, 9_999_999)))
        } else if self.ends_with(&["name", "customer", "author", "owner", "recipient", "sender", "person"])
            && !self.has(&["product", "file", "host", "event", "service", "topic", "item"])
        {
            Some(format!("{} {}", random.word(&GIVEN), random.word(&FAMILY)))
        } else {
            None
        }
    }

    fn of_a_place(&self, random: &mut Random) -> Option<String> {
        if self.has(&["city", "town"]) {
            Some(random.word(&CITIES).to_owned())
        } else if self.has(&["country"]) {
            Some(random.word(&COUNTRIES).to_owned())
        } else if self.has(&["zip", "postal", "postcode", "plz"]) {
            Some(random.between(10_000, 99_999).to_string())
        } else if self.has(&["street", "address", "line1"]) {
            Some(format!("{} {}", random.between(1, 240), random.word(&STREETS)))
        } else {
            None
        }
    }

    fn of_a_thing(&self, random: &mut Random) -> Option<String> {
        if self.has(&["currency"]) {
            Some(random.word(&CURRENCIES).to_owned())
        } else if self.has(&["status", "state", "phase"]) {
            Some(random.word(&STATES).to_owned())
        } else if self.has(&["color", "colour"]) {
            Some(random.word(&COLOURS).to_owned())
        } else if self.has(&["language", "locale", "lang"]) {
            Some(random.word(&LANGUAGES).to_owned())
        } else if self.has(&["version"]) {
            Some(format!("{}.{}.{}", random.between(0, 4), random.between(0, 20), random.between(0, 9)))
        } else if self.ends_with(&["amount", "price", "total", "cost"]) {
            Some(format!("{}.{:02}", random.between(1, 400), random.between(0, 99)))
        } else if self.has(&["description", "message", "text", "comment", "note", "reason", "summary"]) {
            Some((0..6).map(|_| random.word(&WORDS)).collect::<Vec<_>>().join(" "))
        } else if self.ends_with(&["type", "kind", "category", "source"]) {
            Some(random.word(&WORDS).to_owned())
        } else {
            None
        }
    }
}

/// A word to lengthen a text with.
pub(super) fn filler(random: &mut Random) -> &'static str {
    random.word(&WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart() {
        for written in ["createdAt", "created_at", "created-at", "CreatedAt"] {
            assert_eq!(Name::new(written).words, ["created", "at"], "{written}");
        }
        assert_eq!(Name::new("orderID").words, ["order", "id"]);
        assert_eq!(Name::new("createdAt").usual_format(), Some("date-time"));
        assert!(Name::new("orderId").text(&mut Random::new(1)).starts_with("ord-"));
    }
}
