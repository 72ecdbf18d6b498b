//! Into which partition an event goes: the one it was recorded in, or the one Java clients would choose.

use std::num::NonZeroU16;
use std::str::FromStr;

use crate::event::Event;

/// How partitions are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repartition {
    /// As recorded, where the target has that partition.
    #[default]
    Keep,
    /// By the key, over all partitions of the target; what has no key goes where the client puts it.
    ByKey,
    /// By the key, over the first so many partitions; what has no key stays with what it was recorded with.
    Over(NonZeroU16),
}

impl FromStr for Repartition {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "keep" => Ok(Self::Keep),
            "key" => Ok(Self::ByKey),
            _ => text.parse().map(Self::Over).map_err(|_| "write `keep`, `key`, or a number of partitions"),
        }
    }
}

impl Repartition {
    /// Chooses for one event.
    pub(super) fn apply(self, event: &mut Event) {
        match self {
            Self::Keep => {}
            Self::ByKey => event.place.partition = None,
            Self::Over(count) => {
                let count = i32::from(count.get());
                let partition = match &event.key {
                    Some(key) => i32::try_from(murmur2(key) & 0x7fff_ffff).unwrap_or(0) % count,
                    None => event.place.partition.unwrap_or(0).rem_euclid(count),
                };
                event.place.partition = Some(partition);
            }
        }
    }
}

/// `MurmurHash2` of 32 bits with the seed that Java clients of Kafka use.
fn murmur2(bytes: &[u8]) -> u32 {
    const MULTIPLIER: u32 = 0x5bd1_e995;
    let mix = |word: u32| {
        let word = word.wrapping_mul(MULTIPLIER);
        (word ^ (word >> 24)).wrapping_mul(MULTIPLIER)
    };
    // The length counts modulo 2^32.
    #[allow(clippy::cast_possible_truncation)]
    let mut hash = 0x9747_b28c_u32 ^ bytes.len() as u32;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        hash = hash.wrapping_mul(MULTIPLIER) ^ mix(u32::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        let last = rest.iter().rev().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::{Repartition, murmur2};
    use crate::event::{Event, Place};

    #[test]
    fn the_hash_is_that_of_java_clients() {
        // The cases of Kafka's own `UtilsTest.testMurmur2`.
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()).cast_signed(), hash, "{text}");
        }
    }

    #[test]
    fn keys_decide_and_what_has_none_stays_together() {
        let event = |key: Option<&'static str>| Event {
            key: key.map(Into::into),
            place: Place { partition: Some(7), offset: None },
            ..Event::new("a", "x")
        };
        let put = |how: &str, mut event: Event| {
            how.parse::<Repartition>().expect("a way").apply(&mut event);
            event.place.partition
        };
        assert_eq!(put("keep", event(Some("k"))), Some(7));
        assert_eq!(put("key", event(Some("k"))), None);
        assert_eq!(put("3", event(None)), Some(1));
        let by_key = 479_470_107_i64 % 3;
        assert_eq!(put("3", event(Some("abc"))).map(i64::from), Some(by_key));
        for wrong in ["0", "-1", "all", "", "70000"] {
            assert!(wrong.parse::<Repartition>().is_err(), "{wrong}");
        }
    }
}
