//! New identities for old ones: a function of the run, the round and the old identity, so that whatever referred to each
//! other still does, in each part of a run and after a crash.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What namespaces of runs are made within.
const NAMESPACE: Uuid = Uuid::from_u128(0x0d2b_8a56_3c1e_4d7a_9f60_b5c4_71e2_938f);
/// Digits up to which a number gets a new one.
const MOST_DIGITS: usize = 18;
/// Digits that a new number has at least, so that those of many rounds do not meet; every reader of JSON keeps so many.
const LEAST_DIGITS: usize = 15;
/// Rounds of the permutation of numbers.
const ROUNDS: u8 = 8;

/// Gives identities anew within one round of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identities {
    namespace: Uuid,
}

impl Identities {
    /// Those of a run, by the name its events carry, in a round of it, from 0.
    #[must_use]
    pub fn of(run: &str, round: u64) -> Self {
        let mut name = run.as_bytes().to_vec();
        name.extend_from_slice(&round.to_le_bytes());
        Self { namespace: Uuid::new_v5(&NAMESPACE, &name) }
    }

    /// A new text in the form of the old one: a UUID for a UUID, hexadecimal digits for as many, a number for a number, of
    /// as many digits but at least 15, and a UUID for anything else. Different texts become different ones.
    #[must_use]
    pub fn text(&self, old: &str) -> String {
        if let Ok(uuid) = Uuid::try_parse(old) {
            return in_form(self.uuid(uuid.as_bytes()), old);
        }
        let digits = |test: fn(&u8) -> bool| !old.is_empty() && old.bytes().all(|each| test(&each));
        if digits(u8::is_ascii_digit) && old.len() <= MOST_DIGITS {
            return self.digits(old);
        }
        if digits(u8::is_ascii_hexdigit) && matches!(old.len(), 16 | 32 | 64) {
            let half: String =
                self.hash(&[b"hex", old.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect();
            return half[..old.len()].to_owned();
        }
        self.uuid(old.as_bytes()).to_string()
    }

    /// New bytes for old ones; text goes by [`text`](Self::text), other bytes keep their length up to 32.
    #[must_use]
    pub fn bytes(&self, old: &[u8]) -> Vec<u8> {
        match std::str::from_utf8(old) {
            Ok(text) => self.text(text).into_bytes(),
            Err(_) => self.hash(&[b"bytes", old])[..old.len().clamp(8, 32)].to_vec(),
        }
    }

    /// An identity that depends on the number of the event in the run as well: fresh, but the same after a crash.
    #[must_use]
    pub fn fresh(&self, number: u64, old: &[u8]) -> Vec<u8> {
        let own = Self { namespace: Uuid::new_v5(&self.namespace, &number.to_le_bytes()) };
        own.bytes(old)
    }

    fn uuid(&self, old: &[u8]) -> Uuid {
        Uuid::new_v5(&self.namespace, old)
    }

    fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.namespace.as_bytes());
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// As many digits, but at least 15, the first of them no zero unless it was one of so many. A permutation: no two numbers
    /// become the same.
    fn digits(&self, old: &str) -> String {
        let Ok(number) = old.parse::<u64>() else {
            return self.uuid(old.as_bytes()).to_string();
        };
        let power = |digits: usize| 10_u64.pow(u32::try_from(digits).unwrap_or(1));
        if old.len() < LEAST_DIGITS {
            // `7` and `07` differ: each length has numbers of its own.
            let shorter: u64 = (1..old.len()).map(power).sum();
            let first = power(LEAST_DIGITS - 1);
            let size = power(LEAST_DIGITS) - first;
            return (first + self.permuted(shorter + number, size, 0)).to_string();
        }
        let whole = power(old.len());
        // Numbers that begin with zeros share the domain below `first` of those that do not.
        let (first, size) =
            if old.starts_with('0') { (0, whole / 10) } else { (whole / 10, whole - whole / 10) };
        let new = first + self.permuted(number - first, size, old.len());
        format!("{new:0width$}", width = old.len())
    }

    /// A Feistel network over the bits that hold `size`, walked until it ends below `size`.
    fn permuted(&self, number: u64, size: u64, width: usize) -> u64 {
        let half = (64 - (size - 1).leading_zeros()).div_ceil(2).max(1);
        let mask = (1_u64 << half) - 1;
        let mut value = number;
        loop {
            let (mut left, mut right) = (value >> half, value & mask);
            for round in 0..ROUNDS {
                let mixed = self.hash(&[b"digits", &[round], &width.to_le_bytes(), &right.to_le_bytes()]);
                let mixed = mixed.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
                (left, right) = (right, left ^ (mixed & mask));
            }
            value = (left << half) | right;
            if value < size {
                return value;
            }
        }
    }
}

/// The UUID written as the old one was: with or without hyphens, capitals, braces or `urn:uuid:`.
fn in_form(uuid: Uuid, old: &str) -> String {
    let body = if old.contains('-') { uuid.hyphenated().to_string() } else { uuid.simple().to_string() };
    let capitals = old.bytes().any(|each| each.is_ascii_uppercase() && each.is_ascii_hexdigit());
    let body = if capitals { body.to_ascii_uppercase() } else { body };
    if old.starts_with('{') {
        format!("{{{body}}}")
    } else if old.len() > 36 {
        format!("urn:uuid:{body}")
    } else {
        body
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::Identities;

    #[test]
    fn the_form_of_an_identity_is_kept() {
        let ids = Identities::of("run", 0);
        let uuid = "0193b2a0-7c1e-7d7a-9f60-b5c471e2938f";
        assert_eq!(ids.text(uuid).len(), 36);
        assert_eq!(ids.text(&uuid.to_uppercase()), ids.text(uuid).to_uppercase());
        assert_eq!(ids.text(&uuid.replace('-', "")), ids.text(uuid).replace('-', ""));
        assert_eq!(ids.text(&format!("{{{uuid}}}")), format!("{{{}}}", ids.text(uuid)));
        assert_eq!(ids.text("order-17").len(), 36);
        for (old, digits) in [("40017", 15), ("7", 15), ("123456789012345", 15), ("1234567890123456", 16)] {
            let number = ids.text(old);
            assert!(
                number.len() == digits && !number.starts_with('0') && number.parse::<u64>().is_ok(),
                "{number}"
            );
        }
        assert!(ids.text("0123456789012345").starts_with('0'));
        let trace = ids.text("4bf92f3577b34da6");
        assert!(trace.len() == 16 && trace.bytes().all(|each| each.is_ascii_hexdigit()), "{trace}");
        assert_eq!(ids.bytes(b"\xff\x00\x01\x02\x03\x04\x05\x06\x07").len(), 9);
    }

    #[test]
    fn runs_rounds_and_numbers_differ_and_each_is_the_same_again() {
        let ids = Identities::of("run", 0);
        assert_eq!(ids.text("a"), Identities::of("run", 0).text("a"));
        assert_ne!(ids.text("a"), Identities::of("run", 1).text("a"));
        assert_ne!(ids.text("a"), Identities::of("other", 0).text("a"));
        assert_eq!(ids.fresh(3, b"a"), ids.fresh(3, b"a"));
        assert_ne!(ids.fresh(3, b"a"), ids.fresh(4, b"a"));
    }

    #[test]
    fn no_two_numbers_become_the_same() {
        let ids = Identities::of("run", 0);
        let widths = [1, 2, 3, 4];
        let old = widths.iter().flat_map(|width| {
            (0..10_u32.pow(*width)).map(|number| format!("{number:0width$}", width = *width as usize))
        });
        let old: HashSet<String> = old.collect();
        let new: HashSet<String> = old.iter().map(|text| ids.text(text)).collect();
        assert_eq!((old.len(), new.len()), (11_110, 11_110));
    }

    #[test]
    fn short_numbers_of_many_rounds_do_not_meet() {
        let mut seen = HashSet::new();
        for round in 0..20 {
            let ids = Identities::of("run", round);
            for number in 0..1000_u64 {
                assert!(seen.insert(ids.text(&number.to_string())), "{round}: {number}");
                assert!(seen.insert(ids.fresh(number, b"17").iter().map(|each| char::from(*each)).collect()));
            }
        }
    }

    proptest! {
        #[test]
        fn different_identities_stay_different(one in "\\PC{0,20}", other in "\\PC{0,20}", run in "[a-z]{1,4}") {
            let ids = Identities::of(&run, 7);
            prop_assert_eq!(ids.text(&one) == ids.text(&other), one == other);
        }

        #[test]
        fn long_numbers_keep_their_length(number in 0_u64..1_000_000_000_000_000_000) {
            let new = Identities::of("run", 1).text(&number.to_string());
            prop_assert_eq!(new.len(), number.to_string().len().max(15));
        }
    }
}
