//! What a seed says of an event: numbers that look like chance and are the same each time.

use sha2::{Digest, Sha256};

/// Numbers for one fault of one event, as many as are asked for.
pub(super) struct Draw {
    digest: [u8; 32],
    at: usize,
}

impl Draw {
    /// Those of the event with this number, from 0, for the fault in this place of the list.
    pub fn new(seed: u64, fault: usize, event: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"eddy fault");
        for number in [seed, fault as u64, event] {
            hash.update(number.to_le_bytes());
        }
        Self { digest: hash.finalize().into(), at: 0 }
    }

    /// The next number, spread evenly.
    pub fn next(&mut self) -> u64 {
        if self.at + 8 > self.digest.len() {
            self.digest = Sha256::digest(self.digest).into();
            self.at = 0;
        }
        let bytes = &self.digest[self.at..self.at + 8];
        self.at += 8;
        bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        let end = end.max(1) as u64;
        usize::try_from(self.next() % end).unwrap_or(0)
    }
}
