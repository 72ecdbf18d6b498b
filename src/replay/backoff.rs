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

    /// Allows `allowed` from this moment on.
    #[must_use]
    pub fn begun(allowed: Duration, since: Instant) -> Self {
        Self { since: Some(since), ..Self::new(allowed) }
    }

    /// How long one trouble may last.
    #[must_use]
    pub fn allowed(&self) -> Duration {
        self.allowed
    }

    /// Something went well: the next failure begins a new trouble.
    pub fn reset(&mut self) {
        *self = Self::new(self.allowed);
    }

    /// How long to wait before the next attempt, at least as long as was `asked` for; `None` when it is time to give up.
    pub fn next_wait(&mut self, now: Instant, asked: Option<Duration>) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let left = self.allowed.checked_sub(now.saturating_duration_since(since))?;
        let asked = asked.unwrap_or_default();
        if left.is_zero() || asked > left {
            return None;
        }
        self.attempts += 1;
        let wait = self.wait.min(left).max(asked);
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
            (0..3).filter_map(|_| backoff.next_wait(start, None)).map(|w| w.as_millis()).collect();
        assert_eq!(waits, [50, 100, 200]);
        let late = start + Duration::from_millis(900);
        assert_eq!(backoff.next_wait(late, None), Some(Duration::from_millis(100)));
        assert_eq!(backoff.next_wait(start + Duration::from_secs(1), None), None);
        backoff.reset();
        assert_eq!(backoff.next_wait(late, None), Some(Duration::from_millis(50)));
        assert_eq!(Backoff::new(Duration::ZERO).next_wait(start, None), None);
    }

    #[test]
    fn who_asks_for_a_longer_wait_gets_it_while_there_is_time() {
        let start = Instant::now();
        let mut backoff = Backoff::new(Duration::from_secs(10));
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(backoff.next_wait(start, asked(3)), asked(3));
        assert_eq!(backoff.next_wait(start, asked(0)), Some(Duration::from_millis(100)));
        assert_eq!(backoff.next_wait(start + Duration::from_secs(5), asked(6)), None);
    }
}
