//! A sink that has lost its connection takes nothing until its caller has seen what failed, so that nothing overtakes it.

use super::{Address, EndpointError, EndpointErrorKind};

/// Whether what is handed over is refused.
#[derive(Debug, Default)]
pub(super) struct Halt(State);

#[derive(Debug, Default, PartialEq)]
enum State {
    #[default]
    Going,
    /// The connection was lost, or could not be made: something has failed.
    Halted,
    /// The caller has seen that.
    Seen,
}

impl Halt {
    /// Refuses while halted.
    ///
    /// # Errors
    /// That nothing is sent there for now, of the kind that says that the event did not go.
    pub(super) fn admit(&self, address: &Address) -> Result<(), EndpointError> {
        if self.0 == State::Halted { Err(refused(address)) } else { Ok(()) }
    }

    /// Whether a connection that was lost may be made anew; else everything is refused from now on.
    ///
    /// # Errors
    /// As [`Halt::admit`].
    pub(super) fn may_connect(&mut self, address: &Address) -> Result<(), EndpointError> {
        if self.0 != State::Seen {
            self.0 = State::Halted;
        }
        self.admit(address)
    }

    /// Passes on what connecting came to; a failure refuses everything from now on.
    pub(super) fn connected<T>(&mut self, outcome: Result<T, EndpointError>) -> Result<T, EndpointError> {
        self.0 = if outcome.is_ok() { State::Going } else { State::Halted };
        outcome
    }

    /// The caller has seen what failed; `lost` says whether the connection is known to be lost.
    pub(super) fn lift(&mut self, lost: bool) {
        if lost || self.0 == State::Halted {
            self.0 = State::Seen;
        }
    }
}

fn refused(address: &Address) -> EndpointError {
    let message = format!("the connection to `{address}` was lost, and what was under way comes first");
    EndpointError::new(EndpointErrorKind::Unreachable, message)
}

#[cfg(test)]
mod tests {
    use super::{Halt, refused};
    use crate::endpoint::{Address, EndpointErrorKind};

    #[test]
    fn what_follows_a_loss_is_refused_until_the_caller_has_seen_it() {
        let address = Address::parse("redis://h/s").expect("an address");
        let mut halt = Halt::default();
        halt.admit(&address).expect("admitted");
        halt.lift(false);
        let refusal = halt.may_connect(&address).expect_err("nobody has seen what failed");
        assert_eq!((refusal.kind, refusal.retryable()), (EndpointErrorKind::Unreachable, true));
        halt.admit(&address).expect_err("still refused");
        halt.lift(false);
        halt.may_connect(&address).expect("seen");
        halt.connected::<()>(Err(refused(&address))).expect_err("not connected");
        halt.may_connect(&address).expect_err("what could not be connected has failed too");
        halt.lift(true);
        halt.may_connect(&address).expect("seen again");
        halt.connected(Ok(())).expect("connected");
        halt.lift(true);
        halt.may_connect(&address).expect("the loss was known before");
    }
}
