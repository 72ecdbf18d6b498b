//! A share of the events, chosen by what they have in common, so that whatever belongs together stays together: the same
//! choice in each run, on each machine, and in each language that can compute SHA-256.

use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::jq::{Jq, JqFailure};
use super::pace::{Fraction, PaceError};
use super::pattern::PatternError;
use crate::event::Event;

/// A share of a whole, as a bound below which a number of 64 bits is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u128);

impl Share {
    /// Whether a number that is spread evenly falls into the share.
    #[must_use]
    pub fn takes(self, number: u64) -> bool {
        u128::from(number) < self.0
    }
}

impl FromStr for Share {
    type Err = PaceError;

    /// Reads `10%` or `0.5%`: more than nothing and at most the whole.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || PaceError {
            message: format!("`{text}` is not a share"),
            help: "write percent, more than 0 and at most 100, such as `10%` or `0.5%`",
        };
        let fraction = text.strip_suffix('%').and_then(Fraction::parse).ok_or_else(error)?;
        let whole = u128::from(fraction.denominator) * 100;
        let part = u128::from(fraction.numerator);
        if part == 0 || part > whole { Err(error()) } else { Ok(Self((part << 64) / whole)) }
    }
}

/// What events that stay together have in common.
#[derive(Clone, Debug, PartialEq)]
pub enum By {
    /// The key.
    Key,
    /// The first header of this name.
    Header(String),
    /// The first output of a jq filter.
    Jq(Jq),
}

impl By {
    /// Reads `key`, `header:NAME`, or a jq filter.
    ///
    /// # Errors
    /// [`PatternError`] when the filter is malformed or the name is missing.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text == "key" {
            return Ok(Self::Key);
        }
        match text.strip_prefix("header:") {
            Some("") => Err(PatternError {
                message: format!("`{text}` names no header"),
                wrong: Some((text.to_owned(), 0..text.len())),
                help: "write `key`, `header:NAME`, or a jq filter such as `.payload.customer`".to_owned(),
            }),
            Some(name) => Ok(Self::Header(name.to_owned())),
            None => Ok(Self::Jq(Jq::compile(text)?)),
        }
    }
}

/// A share of the events.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// How much of the whole.
    pub share: Share,
    /// What stays together.
    pub by: By,
}

/// What a sample says of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampled {
    /// It belongs to the sample.
    In,
    /// It does not.
    Out,
    /// It has nothing to be chosen by, and stays out.
    Without,
}

impl Sample {
    /// Decides about each event; ends with the first on which a filter ran into a limit.
    #[must_use]
    pub fn choose(&self, events: &[Event]) -> Vec<Result<Sampled, JqFailure>> {
        let chosen = |bytes: Option<&[u8]>| match bytes {
            None => Sampled::Without,
            Some(bytes) if self.share.takes(hash(bytes)) => Sampled::In,
            Some(_) => Sampled::Out,
        };
        match &self.by {
            By::Key => events.iter().map(|event| Ok(chosen(event.key.as_deref()))).collect(),
            By::Header(name) => {
                let value = |event: &Event| {
                    let found = event.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
                    found.and_then(|header| header.value.clone())
                };
                events.iter().map(|event| Ok(chosen(value(event).as_deref()))).collect()
            }
            By::Jq(filter) => {
                let answers = filter.first_outputs(events);
                answers.into_iter().map(|answer| answered(answer, &chosen)).collect()
            }
        }
    }
}

/// A text counts by what it holds, so that a key and the same text in a payload are chosen alike; nothing and `null` count
/// as nothing to choose by, and so does an event the filter cannot be applied to.
fn answered(
    answer: Result<Option<String>, JqFailure>,
    chosen: &impl Fn(Option<&[u8]>) -> Sampled,
) -> Result<Sampled, JqFailure> {
    let output = match answer {
        Ok(output) => output,
        Err(JqFailure::Event(_)) => None,
        Err(limit @ JqFailure::Limit(_)) => return Err(limit),
    };
    let Some(output) = output.filter(|output| output != "null") else {
        return Ok(chosen(None));
    };
    let text: Option<String> = serde_json::from_str(&output).ok();
    Ok(chosen(Some(text.unwrap_or(output).as_bytes())))
}

/// The first eight bytes of the SHA-256 of what events have in common, as a number, most significant byte first.
fn hash(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::{By, Sample, Sampled, Share, hash};
    use crate::event::{Event, Header};

    fn share(text: &str) -> Share {
        text.parse().expect("a share")
    }

    #[test]
    fn shares_are_exact() {
        assert!(share("100%").takes(u64::MAX) && !share("50%").takes(1 << 63));
        assert!(share("50%").takes((1 << 63) - 1) && share("0.000001%").takes(0));
        for wrong in ["10", "0%", "101%", "-1%", "ten%", "%", "1.5.5%", ""] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_hash_is_that_of_the_documentation() {
        // printf order-1 | sha256sum | cut -c1-16
        assert_eq!(format!("{:016x}", hash(b"order-1")), "0bafe22156d2698c");
    }

    #[test]
    fn whole_keys_are_chosen_and_the_share_is_kept() {
        let events: Vec<Event> = (0..20_000)
            .map(|number| Event {
                key: Some(format!("key-{}", number % 5_000).into()),
                ..Event::new("a", "")
            })
            .collect();
        let sample = Sample { share: share("10%"), by: By::Key };
        let chosen: Vec<bool> =
            sample.choose(&events).into_iter().map(|each| each == Ok(Sampled::In)).collect();
        let taken = chosen.iter().filter(|taken| **taken).count();
        assert!((1_600..2_400).contains(&taken), "{taken}");
        assert!((0..5_000).all(|number| chosen[number] == chosen[number + 15_000]));
    }

    #[test]
    fn key_header_and_payload_of_the_same_text_are_chosen_alike() {
        let event = |number: u32| Event {
            key: Some(format!("user-{number}").into()),
            headers: vec![Header::text("User", format!("user-{number}"))],
            ..Event::new("a", format!(r#"{{"user":"user-{number}"}}"#))
        };
        let events: Vec<Event> = (0..200).map(event).collect();
        let by =
            ["key", "header:user", ".payload.user"].map(|text| By::parse(text).expect("a way to choose"));
        let [key, header, payload] =
            by.map(|by| Sample { share: share("30%"), by }.choose(&events).into_iter().collect::<Vec<_>>());
        assert!(key == header && key == payload && key.contains(&Ok(Sampled::In)));
        let bare = Event::new("a", "no object");
        for text in ["key", "header:user", ".payload.user"] {
            let by = By::parse(text).expect("a way to choose");
            let sample = Sample { share: share("100%"), by };
            assert_eq!(sample.choose(std::slice::from_ref(&bare)), [Ok(Sampled::Without)], "{text}");
        }
        assert!(By::parse("header:").is_err() && By::parse("keys [").is_err());
    }
}
