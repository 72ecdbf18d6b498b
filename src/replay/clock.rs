//! The clock of a run: the system's, or in tests one that moves only when it is waited for.

use std::time::{Duration, Instant};

use crate::event::Timestamp;

/// Tells the time and waits.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The clock of the system.
    #[default]
    System,
    /// A clock that stands still until somebody waits: when it began, and the nanoseconds waited for since.
    #[cfg(test)]
    Simulated(Instant, std::sync::Arc<std::sync::atomic::AtomicU64>),
}

#[cfg(test)]
impl Clock {
    /// A clock that moves only when it is waited for, and then exactly as far.
    pub(super) fn simulated() -> Self {
        Self::Simulated(Instant::now(), std::sync::Arc::default())
    }

    /// Moves a simulated clock.
    pub(super) fn advance(&self, time: Duration) {
        if let Self::Simulated(_, waited) = self {
            let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            waited.fetch_add(nanos, std::sync::atomic::Ordering::SeqCst);
        }
    }
}

impl Clock {
    /// The present moment.
    pub(super) fn now(&self) -> Instant {
        match self {
            Self::System => Instant::now(),
            #[cfg(test)]
            Self::Simulated(begun, waited) => {
                *begun + Duration::from_nanos(waited.load(std::sync::atomic::Ordering::SeqCst))
            }
        }
    }

    /// Blocks the thread.
    pub(super) fn block(&self, time: Duration) {
        match self {
            Self::System => std::thread::sleep(time),
            #[cfg(test)]
            Self::Simulated(..) => self.advance(time),
        }
    }

    /// Waits without blocking the thread.
    pub(super) async fn sleep(&self, time: Duration) {
        match self {
            Self::System => tokio::time::sleep(time).await,
            #[cfg(test)]
            Self::Simulated(..) => self.advance(time),
        }
    }

    /// The moment that the wall clock calls `time`; as far back as the system can count for one long past.
    pub(super) fn moment(&self, time: Timestamp) -> Instant {
        let now = self.now();
        let ahead = time.since(Timestamp::now());
        let distance = Duration::from_micros(ahead.unsigned_abs());
        let moment = if ahead >= 0 { now.checked_add(distance) } else { now.checked_sub(distance) };
        moment.unwrap_or(now)
    }

    /// What the wall clock calls this moment.
    pub(super) fn wall(&self, moment: Instant) -> Timestamp {
        let now = self.now();
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let ahead = micros(moment.saturating_duration_since(now));
        let behind = micros(now.saturating_duration_since(moment));
        Timestamp(Timestamp::now().0.saturating_add(ahead).saturating_sub(behind))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Clock;

    #[test]
    fn a_simulated_clock_moves_exactly_as_far_as_it_is_waited_for() {
        let clock = Clock::simulated();
        let begun = clock.now();
        clock.block(Duration::from_nanos(3));
        assert_eq!(clock.now() - begun, Duration::from_nanos(3));
    }

    #[test]
    fn moments_and_times_of_the_wall_clock_are_the_same_within_a_minute() {
        let clock = Clock::default();
        for back in [Duration::ZERO, Duration::from_secs(3600)] {
            let moment = clock.now() + back;
            let again = clock.moment(clock.wall(moment));
            let apart = again.max(moment) - again.min(moment);
            assert!(apart < Duration::from_secs(60), "{apart:?}");
        }
    }
}
