//! Questions to a person at a terminal. It checks nothing itself: the asker says what is wrong with an answer.

use std::io::IsTerminal;

use inquire::validator::Validation;
use inquire::{Confirm, InquireError, Select, Text};

use super::Ui;

/// The person broke off, or the terminal went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenOff;

impl From<InquireError> for BrokenOff {
    fn from(_: InquireError) -> Self {
        Self
    }
}

impl Ui {
    /// Whether there is somebody to ask: both the input and the words go to a terminal.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks for text until `fault` finds nothing wrong with it.
    ///
    /// # Errors
    /// When the person breaks off.
    pub fn ask_text(
        &self,
        question: &str,
        default: Option<&str>,
        fault: impl Fn(&str) -> Option<String> + Clone,
    ) -> Result<String, BrokenOff> {
        let words = printable(question);
        let mut text = Text::new(&words);
        if let Some(default) = default {
            text = text.with_default(default);
        }
        let check = move |answer: &str| {
            Ok(fault(answer).map_or(Validation::Valid, |message| Validation::Invalid(message.into())))
        };
        Ok(text.with_validator(check).prompt()?)
    }

    /// Asks for one of some texts.
    ///
    /// # Errors
    /// When the person breaks off.
    pub fn ask_choice(
        &self,
        question: &str,
        choices: &[String],
        default: Option<&str>,
    ) -> Result<String, BrokenOff> {
        let start = choices.iter().position(|choice| Some(choice.as_str()) == default).unwrap_or(0);
        let words = printable(question);
        Ok(Select::new(&words, choices.to_vec()).with_starting_cursor(start).prompt()?)
    }

    /// Asks for yes or no while a transfer is shown, whose bars wait meanwhile.
    ///
    /// # Errors
    /// When the person breaks off.
    pub fn ask_yes_meanwhile(&self, question: &str, default: Option<bool>) -> Result<bool, BrokenOff> {
        super::bars::suspended(|| self.ask_yes(question, default))
    }

    /// Asks for yes or no.
    ///
    /// # Errors
    /// When the person breaks off.
    pub fn ask_yes(&self, question: &str, default: Option<bool>) -> Result<bool, BrokenOff> {
        let words = printable(question);
        let mut confirm = Confirm::new(&words);
        if let Some(default) = default {
            confirm = confirm.with_default(default);
        }
        Ok(confirm.prompt()?)
    }
}

/// Questions may come from files of strangers: nothing in them may steer the terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}
