//! Reaching a system that may be away at the start: attempts with growing waits until it answers or patience is used up.

use std::time::{Duration, Instant};

use super::StopToken;
use super::backoff::Backoff;
use crate::endpoint::EndpointError;

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The last attempt is given this much, even when patience has less left.
const LAST_ATTEMPT: Duration = Duration::from_millis(500);
/// Between two looks at the clock.
const TICK: Duration = Duration::from_millis(200);

/// What is said while a system is away.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// What the last attempt said.
    pub error: &'a EndpointError,
    /// Attempts made so far.
    pub attempts: u32,
    /// Time left before giving up.
    pub left: Duration,
}

/// Why a system was not reached.
#[derive(Debug)]
pub enum Unreached {
    /// The end was asked for meanwhile.
    Stopped,
    /// The last error, after this many attempts.
    GaveUp(EndpointError, u32),
}

/// Attempts until one succeeds, fails for good, `patience` is used up, or the end is asked for. Without patience there is
/// one attempt. The attempt is told how long it may take.
///
/// # Errors
/// [`Unreached`].
pub async fn reach<T>(
    patience: Duration,
    stop: &StopToken,
    mut note: impl FnMut(&Waiting<'_>),
    mut attempt: impl AsyncFnMut(Duration) -> Result<T, EndpointError>,
) -> Result<T, Unreached> {
    let began = Instant::now();
    let left = || patience.saturating_sub(began.elapsed());
    let mut backoff = Backoff::begun(patience, began);
    let mut attempts = 0;
    let mut last: Option<EndpointError> = None;
    loop {
        attempts += 1;
        let within = if patience.is_zero() { ATTEMPT } else { ATTEMPT.min(left().max(LAST_ATTEMPT)) };
        let tried = Instant::now();
        let trying = attempt(within);
        let outcome = ticking(trying, stop, || {
            if let Some(error) = &last {
                note(&Waiting { error, attempts, left: left() });
            }
        });
        let error = match outcome.await? {
            Ok(reached) => return Ok(reached),
            Err(error) => error,
        };
        let wait = error.retryable().then(|| backoff.next_wait(Instant::now(), error.retry_after)).flatten();
        // The last attempt takes as long as this one, and is over when patience is.
        let room = left().checked_sub(tried.elapsed().min(LAST_ATTEMPT));
        let Some(wait) = wait.zip(room).map(|(wait, room)| wait.min(room)) else {
            return Err(Unreached::GaveUp(error, attempts));
        };
        let error = last.insert(error);
        note(&Waiting { error, attempts, left: left() });
        let tick = || note(&Waiting { error, attempts, left: left() });
        ticking(tokio::time::sleep(wait), stop, tick).await?;
    }
}

/// Waits for a future, and calls `tick` now and then meanwhile.
async fn ticking<T>(
    future: impl Future<Output = T>,
    stop: &StopToken,
    mut tick: impl FnMut(),
) -> Result<T, Unreached> {
    let mut future = std::pin::pin!(future);
    loop {
        tokio::select! {
            biased;
            _ = stop.requested() => return Err(Unreached::Stopped),
            output = &mut future => return Ok(output),
            () = tokio::time::sleep(TICK) => tick(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Unreached, reach};
    use crate::endpoint::{EndpointError, EndpointErrorKind as Kind};
    use crate::replay::{StopReason, StopToken};

    fn away() -> EndpointError {
        EndpointError::new(Kind::Unreachable, "nobody is there")
    }

    #[tokio::test]
    async fn a_system_that_comes_up_is_reached() {
        let (mut tries, mut notes, stop) = (0, 0, StopToken::default());
        let reached = reach(
            Duration::from_secs(60),
            &stop,
            |_| notes += 1,
            async |within| {
                assert!(within <= Duration::from_secs(5));
                tries += 1;
                if tries < 3 { Err(away()) } else { Ok(tries) }
            },
        );
        assert!(matches!(reached.await, Ok(3)));
        assert!(notes >= 2, "each failed attempt is told");
    }

    #[tokio::test]
    async fn patience_ends_and_a_no_is_final() {
        let stop = StopToken::default();
        let outcome = reach(Duration::from_secs(2), &stop, |_| {}, async |_| Err::<(), _>(away())).await;
        assert!(
            matches!(outcome, Err(Unreached::GaveUp(error, tries)) if error.kind == Kind::Unreachable && tries >= 3)
        );
        let outcome = reach(Duration::ZERO, &stop, |_| {}, async |_| Err::<(), _>(away())).await;
        assert!(matches!(outcome, Err(Unreached::GaveUp(_, 1))));
        let no = || EndpointError::new(Kind::Unauthorised, "not let in");
        let outcome = reach(Duration::from_secs(60), &stop, |_| {}, async |_| Err::<(), _>(no())).await;
        assert!(matches!(outcome, Err(Unreached::GaveUp(_, 1))));
    }

    #[tokio::test]
    async fn attempts_that_take_their_time_end_with_patience() {
        let (began, stop) = (std::time::Instant::now(), StopToken::default());
        let slow = async |within: Duration| {
            tokio::time::sleep(Duration::from_millis(400).min(within)).await;
            Err::<(), _>(away())
        };
        let outcome = reach(Duration::from_secs(2), &stop, |_| {}, slow).await;
        assert!(matches!(outcome, Err(Unreached::GaveUp(_, tries)) if tries > 1));
        assert!(began.elapsed() < Duration::from_millis(2300), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn an_interruption_ends_an_attempt_and_a_wait() {
        let stop = StopToken::default();
        let asked = stop.clone();
        let outcome = reach(
            Duration::from_secs(60),
            &stop,
            |_| asked.request(StopReason::Interrupted),
            async |_| Err::<(), _>(away()),
        );
        assert!(matches!(outcome.await, Err(Unreached::Stopped)));
        let outcome = reach(
            Duration::from_secs(60),
            &stop,
            |_| {},
            async |_| {
                std::future::pending::<()>().await;
                Err::<(), _>(away())
            },
        );
        assert!(matches!(outcome.await, Err(Unreached::Stopped)));
    }
}
