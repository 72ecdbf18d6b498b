//! The clock of a run: the system's, or in tests one that moves only when it is waited for.

use std::time::{Duration, Instant};

use crate::event::Timestamp;

/// Tells the time and waits; the default is the clock of the system.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    #[cfg(test)]
    simulated: Option<std::sync::Arc<Simulated>>,
}

/// A clock that stands still until somebody waits.
#[cfg(test)]
#[derive(Debug)]
struct Simulated {
    begun: Instant,
    nanos: std::sync::atomic::AtomicU64,
}

#[cfg(test)]
impl Clock {
    /// A clock that moves only when it is waited for, and then exactly as far.
    pub(super) fn simulated() -> Self {
        let simulated = Simulated { begun: Instant::now(), nanos: std::sync::atomic::AtomicU64::new(0) };
        Self { simulated: Some(std::sync::Arc::new(simulated)) }
    }

    /// Moves a simulated clock; false for the system's.
    pub(super) fn advance(&self, time: Duration) -> bool {
        let Some(simulated) = &self.simulated else {
            return false;
        };
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        simulated.nanos.fetch_add(nanos, std::sync::atomic::Ordering::SeqCst);
        true
    }
}

impl Clock {
    /// The present moment.
    pub(super) fn now(&self) -> Instant {
        #[cfg(test)]
        if let Some(simulated) = &self.simulated {
            let nanos = simulated.nanos.load(std::sync::atomic::Ordering::SeqCst);
            return simulated.begun + Duration::from_nanos(nanos);
        }
        Instant::now()
    }

    /// Blocks the thread.
    pub(super) fn block(&self, time: Duration) {
        #[cfg(test)]
        if self.advance(time) {
            return;
        }
        std::thread::sleep(time);
    }

    /// Waits without blocking the thread.
    pub(super) async fn sleep(&self, time: Duration) {
        #[cfg(test)]
        if self.advance(time) {
            return;
        }
        tokio::time::sleep(time).await;
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
