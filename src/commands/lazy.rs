//! The flags of a command, which are made only when the line names that command: a start does not pay for all the others.

use std::cell::RefCell;
use std::ffi::OsString;
use std::ops::Deref;

use clap::{ArgMatches, Command, FromArgMatches};

thread_local! {
    /// The words of the line that is being read; without one the flags of every command are made.
    static LINE: RefCell<Option<Vec<OsString>>> = const { RefCell::new(None) };
}

/// What `make` gives, with the flags of those commands only that are named in these words. A word that is no command but
/// looks like one costs time, nothing else.
pub(super) fn for_line<T>(words: &[OsString], make: impl FnOnce() -> T) -> T {
    LINE.set(Some(words.to_vec()));
    let result = make();
    LINE.set(None);
    result
}

/// Flags that are made when their command is named, or when all commands are.
#[derive(Debug)]
pub(super) struct Lazy<T>(T);

impl<T> Deref for Lazy<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: clap::Args> clap::Args for Lazy<T> {
    fn augment_args(command: Command) -> Command {
        let named = LINE.with_borrow(|line| {
            line.as_ref().is_none_or(|words| words.iter().any(|word| word == command.get_name()))
        });
        if named { T::augment_args(command) } else { command }
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

impl<T: FromArgMatches> FromArgMatches for Lazy<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::super::Cli;
    use super::for_line;

    #[test]
    fn only_the_commands_of_the_line_get_their_flags() {
        let words = ["eddy", "--env", "tail", "graph"].map(Into::into);
        let line = for_line(&words, Cli::command);
        let flags = |line: &Command, name| {
            line.find_subcommand(name).map(|command| command.get_arguments().count() > 0)
        };
        assert_eq!(
            ["graph", "tail", "replay"].map(|name| flags(&line, name)),
            [Some(true), Some(true), Some(false)]
        );
        assert_eq!(flags(&Cli::command(), "replay"), Some(true));
    }
}
