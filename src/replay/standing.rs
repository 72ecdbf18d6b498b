//! Where a run stands in its schedule: which event comes next, and since when nothing has gone. The writer says it, the
//! observer's side asks.

use std::time::{Duration, Instant};

/// An event is due, and nothing has gone for so long: nobody knows when it will.
const STILL: Duration = Duration::from_secs(1);

/// What the writer says of its schedule.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// When the schedule began, moved by all that has moved it since.
    pub began: Option<Instant>,
    /// When the event that goes next was to go.
    pub next: Option<Instant>,
    /// When an event last went or was confirmed.
    pub went: Option<Instant>,
    /// How late the last event went.
    pub lag: Duration,
}

impl Standing {
    /// How late the last event went, or the next one is by now.
    pub fn lag(&self, now: Instant) -> Duration {
        let waiting = self.next.map(|next| now.saturating_duration_since(next));
        self.lag.max(waiting.unwrap_or_default())
    }

    /// Whether an event is due and nothing goes.
    pub fn is_still(&self, now: Instant) -> bool {
        let since = self.next.map(|next| self.went.map_or(next, |went| went.max(next)));
        since.is_some_and(|since| now.saturating_duration_since(since) > STILL)
    }

    /// How far the schedule has come.
    pub fn scheduled(&self, now: Instant) -> Option<Duration> {
        self.began.map(|began| now.saturating_duration_since(began))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Standing;

    #[test]
    fn lag_grows_with_the_clock_while_nothing_goes() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let short = Duration::from_micros(197);
        let standing = Standing { began: Some(began), next: Some(at(5)), went: Some(at(4)), lag: short };
        assert_eq!((standing.lag(at(5)), standing.is_still(at(6))), (short, false));
        assert_eq!((standing.lag(at(32)), standing.is_still(at(32))), (Duration::from_secs(27), true));
        assert_eq!(standing.scheduled(at(32)), Some(Duration::from_secs(32)));
        // What goes late goes all the same.
        let goes = Standing { went: Some(at(32)), ..standing };
        assert!(!goes.is_still(at(33)) && goes.lag(at(33)) == Duration::from_secs(28));
        assert!(!Standing::default().is_still(at(9)));
    }
}
