//! How long to wait before trying again: the one place where that is decided.

use std::time::{Duration, Instant};

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Waits that double up to two seconds, until the time allowed for one trouble is used up.
#[derive(Clone, Debug)]
pub struct Backoff {
    allowed: Duration,
    since: Option<Instant>,
    wait: Duration,
    attempts: u32,
}

impl Backoff {
    /// Allows `allowed` from the first failure to the last attempt.
    #[must_use]
    pub fn new(allowed: Duration) -> Self {
        Self { allowed, since: None, wait: FIRST_WAIT, attempts: 0 }
    }

    /// Something went well: the next failure begins a new trouble.
    pub fn reset(&mut self) {
        *self = Self::new(self.allowed);
    }

    /// How long to wait before the next attempt, or `None` when it is time to give up.
    pub fn next_wait(&mut self, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let left = self.allowed.checked_sub(now.saturating_duration_since(since))?;
        if left.is_zero() {
            return None;
        }
        self.attempts += 1;
        let wait = self.wait.min(left);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        Some(wait)
    }

    /// How many attempts were made in this trouble.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Backoff;

    #[test]
    fn waits_double_then_end_and_a_success_begins_anew() {
        let start = Instant::now();
        let mut backoff = Backoff::new(Duration::from_secs(1));
        let waits: Vec<u128> =
            (0..3).filter_map(|_| backoff.next_wait(start)).map(|w| w.as_millis()).collect();
        assert_eq!(waits, [50, 100, 200]);
        let late = start + Duration::from_millis(900);
        assert_eq!(backoff.next_wait(late), Some(Duration::from_millis(100)));
        assert_eq!(backoff.next_wait(start + Duration::from_secs(1)), None);
        backoff.reset();
        assert_eq!(backoff.next_wait(late), Some(Duration::from_millis(50)));
        assert_eq!(Backoff::new(Duration::ZERO).next_wait(start), None);
    }
}
