//! One of several processes that send a recording together: each takes whole lanes, and all count events alike.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::Event;

/// Most shards of a run.
const MOST: u32 = 10_000;

/// The part of one process; in JSON its text, such as `0/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    /// Which one, from 0.
    index: u32,
    /// How many there are.
    of: u32,
}

/// What is wrong with a text that should name a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardError {
    /// What.
    pub message: String,
    /// What to write.
    pub help: &'static str,
}

impl Shard {
    /// Reads `0/4`, or `auto/4` with the index that the environment gives.
    ///
    /// # Errors
    /// When it is neither, or there is no such shard.
    pub fn parse(text: &str, given: Option<&str>) -> Result<Self, ShardError> {
        let error = |message: String, help| ShardError { message, help };
        let (index, of) = text.split_once('/').unwrap_or((text, ""));
        let help = "write `INDEX/COUNT` with an index from 0, such as `0/4`, or `auto/4` in a Kubernetes Indexed Job";
        let index = match (index, given) {
            ("auto", Some(given)) if given.trim().parse::<u32>().is_err() => {
                return Err(error(
                    format!("`JOB_COMPLETION_INDEX` is `{}`, which is no number of a shard", given.trim()),
                    "Kubernetes sets it to a number from 0 in the pods of a Job with `completionMode: Indexed`; elsewhere write the index",
                ));
            }
            ("auto", Some(given)) => given.trim(),
            ("auto", None) => {
                return Err(error(
                    "`--shard auto/…` finds no `JOB_COMPLETION_INDEX` in the environment".to_owned(),
                    "Kubernetes sets it in the pods of a Job with `completionMode: Indexed`; elsewhere write the index",
                ));
            }
            (index, _) => index,
        };
        let wrong = || error(format!("`{text}` names no shard"), help);
        let shard = Self { index: index.parse().map_err(|_| wrong())?, of: of.parse().map_err(|_| wrong())? };
        if shard.of == 0 || shard.of > MOST || shard.index >= shard.of {
            return Err(error(format!("there is no shard {} of {}", shard.index, shard.of), help));
        }
        Ok(shard)
    }

    /// Whether it sends this event: the first eight bytes of the SHA-256 of channel and key say so, the same on each
    /// machine.
    #[must_use]
    pub fn has(&self, event: &Event) -> bool {
        let mut hash = Sha256::new();
        hash.update((event.channel.len() as u64).to_le_bytes());
        hash.update(event.channel.as_bytes());
        if let Some(key) = &event.key {
            hash.update(key);
        }
        let digest = hash.finalize();
        let first = digest[..8].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        first % u64::from(self.of) == u64::from(self.index)
    }

    /// Which one, from 0, and how many there are.
    #[must_use]
    pub fn place(&self) -> (u32, u32) {
        (self.index, self.of)
    }

    /// How a file of one shard is called beside those of the others.
    #[must_use]
    pub fn suffix(&self) -> String {
        format!(".{}-of-{}", self.index, self.of)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.of)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map_err(|error: ShardError| error.message)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, None)
    }
}

#[cfg(test)]
mod tests {
    use super::Shard;
    use crate::event::Event;

    #[test]
    fn texts() {
        assert_eq!(Shard::parse("3/4", None).expect("a shard").to_string(), "3/4");
        assert_eq!(Shard::parse("auto/4", Some("2\n")).expect("a shard").suffix(), ".2-of-4");
        for (text, given, words) in [
            ("4/4", None, "no shard 4 of 4"),
            ("0/0", None, "no shard"),
            ("1", None, "names no shard"),
            ("a/4", None, "names no shard"),
            ("auto/4", None, "JOB_COMPLETION_INDEX"),
            ("auto/4", Some("7"), "no shard 7"),
            ("auto/4", Some("x"), "`JOB_COMPLETION_INDEX` is `x`"),
            ("auto/x", Some("1"), "names no shard"),
        ] {
            let error = Shard::parse(text, given).expect_err(text);
            assert!(error.message.contains(words), "{text}: {}", error.message);
        }
    }

    #[test]
    fn each_lane_belongs_to_one_shard_and_all_have_some() {
        let shards: Vec<Shard> = (0..4).map(|index| Shard { index, of: 4 }).collect();
        let mut counts = [0; 4];
        for number in 0..1000 {
            let event = Event { key: Some(number.to_string().into()), ..Event::new("orders", "x") };
            let owners: Vec<usize> = (0..4).filter(|at| shards[*at].has(&event)).collect();
            assert_eq!(owners.len(), 1);
            counts[owners[0]] += 1;
        }
        assert!(counts.iter().all(|count| (200..300).contains(count)), "{counts:?}");
    }
}
