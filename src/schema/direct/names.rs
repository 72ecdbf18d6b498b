//! The property names one schema knows, found by length and a few letters.

/// Most names one schema may know; each has a bit in [`Slots`].
pub(super) const MOST: usize = 256;

/// Which of the known properties an object has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots([u64; MOST / 64]);

impl Slots {
    /// Sets the bit of a property; whether it was unset.
    #[inline]
    pub(super) fn insert(&mut self, slot: usize) -> bool {
        let (word, bit) = (slot / 64, 1 << (slot % 64));
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    pub(super) fn contains(&self, slot: usize) -> bool {
        self.0[slot / 64] & (1 << (slot % 64)) != 0
    }

    /// Whether all of `others` are among these.
    #[inline]
    pub(super) fn contain(&self, others: &Self) -> bool {
        self.0.iter().zip(others.0).all(|(these, others)| these & others == others)
    }
}

/// The names, in buckets.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<String>,
    /// Slots of the names by hash; few share a bucket.
    buckets: Vec<Vec<u16>>,
}

impl Names {
    /// The slot of a name, which is added when it is new; `None` when there are too many.
    pub(super) fn add(&mut self, name: &str) -> Option<usize> {
        if let Some(known) = self.names.iter().position(|known| known == name) {
            return Some(known);
        }
        if self.names.len() == MOST {
            return None;
        }
        self.names.push(name.to_owned());
        if self.names.len() * 2 > self.buckets.len() {
            let count = (self.names.len() * 4).next_power_of_two();
            self.buckets = vec![Vec::new(); count];
            for slot in 0..self.names.len() {
                self.put(slot);
            }
        } else {
            self.put(self.names.len() - 1);
        }
        Some(self.names.len() - 1)
    }

    fn put(&mut self, slot: usize) {
        let bucket = hash(self.names[slot].as_bytes()) & (self.buckets.len() - 1);
        self.buckets[bucket].extend(u16::try_from(slot));
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The slot of a name. `guess` is looked at first: most objects have their members in the order of the schema.
    #[inline]
    pub(super) fn find(&self, name: &str, guess: usize) -> Option<usize> {
        if self.names.get(guess).is_some_and(|known| known == name) {
            return Some(guess);
        }
        let mask = self.buckets.len().checked_sub(1)?;
        let bucket = &self.buckets[hash(name.as_bytes()) & mask];
        bucket.iter().map(|slot| usize::from(*slot)).find(|slot| self.names[*slot] == name)
    }
}

/// Mixes length, first, middle and last letter.
#[inline]
fn hash(name: &[u8]) -> usize {
    let [first, .., last] = name else {
        return name.first().map_or(0, |only| usize::from(*only));
    };
    let middle = name[name.len() / 2];
    let letters =
        usize::from(*first) | usize::from(middle) << 8 | usize::from(*last) << 16 | name.len() << 24;
    letters.wrapping_mul(0x9e37_79b9) >> 7
}
