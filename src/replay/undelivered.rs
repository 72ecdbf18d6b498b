//! Which events were not delivered: the first of them, each with its place, so that they can be found and sent again.

use std::collections::BTreeMap;

use base64::Engine;
use bytes::Bytes;
use serde::Serialize;

use crate::endpoint::EndpointError;

/// Events that are listed; further ones are only counted.
const MOST_LISTED: usize = 100;

/// One event that was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undelivered {
    /// Its place among the events that were chosen, those that were skipped included, from 1.
    pub number: u64,
    /// The channel it belongs to.
    pub channel: String,
    /// The key as text; null when it has none, or one that is binary.
    pub key: Option<String>,
    /// A key that is not text, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_base64: Option<String>,
    /// Why it was not delivered.
    pub error: String,
}

/// The first events that were not delivered, in their order.
#[derive(Debug, Default)]
pub(super) struct UndeliveredList(BTreeMap<u64, Undelivered>);

impl UndeliveredList {
    /// The event with this number, from 0, was not delivered.
    pub fn add(&mut self, number: u64, channel: &str, key: Option<&Bytes>, error: &EndpointError) {
        if self.0.len() >= MOST_LISTED {
            // What goes again fails later than what came behind it.
            match self.0.last_entry().filter(|last| *last.key() > number) {
                Some(last) => drop(last.remove()),
                None => return,
            }
        }
        let text = key.and_then(|key| std::str::from_utf8(key).ok());
        let binary = key.filter(|_| text.is_none()).map(|key| base64::prelude::BASE64_STANDARD.encode(key));
        let event = Undelivered {
            number: number + 1,
            channel: channel.to_owned(),
            key: text.map(str::to_owned),
            key_base64: binary,
            error: error.message.clone(),
        };
        self.0.insert(number, event);
    }

    /// The list, where so many events were skipped before the first.
    pub fn behind(self, skipped: u64) -> Vec<Undelivered> {
        let place = |event: Undelivered| Undelivered { number: event.number + skipped, ..event };
        self.0.into_values().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_LISTED, UndeliveredList};
    use crate::endpoint::{EndpointError, EndpointErrorKind};

    #[test]
    fn the_first_are_listed_in_their_order() {
        let error = EndpointError::new(EndpointErrorKind::TooLarge, "too large");
        let mut list = UndeliveredList::default();
        for number in (0..150).rev() {
            list.add(number, "a", Some(&b"\xff"[..].into()), &error);
        }
        let list = list.behind(2);
        assert_eq!((list.len(), list[0].number, list[99].number), (MOST_LISTED, 3, 102));
        assert_eq!((&list[0].key, list[0].key_base64.as_deref()), (&None, Some("/w==")));
    }
}
