//! Errors of one text on the command line, with the part that is wrong underlined.

use std::ops::Range;

use super::CommandError;
use super::error::underlined;
use crate::output::event_template::TemplateError;
use crate::replay::pattern::PatternError;
use crate::replay::time_point::TimeError;

fn wrong_part(message: &str, text: &str, wrong: &Range<usize>) -> CommandError {
    CommandError::usage(underlined(message, text, wrong))
}

impl From<TimeError> for CommandError {
    fn from(error: TimeError) -> Self {
        wrong_part(&error.message, &error.text, &error.wrong).hint(error.help)
    }
}

impl From<PatternError> for CommandError {
    fn from(error: PatternError) -> Self {
        match &error.wrong {
            Some((text, wrong)) => wrong_part(&error.message, text, wrong),
            None => Self::usage(error.message),
        }
        .hint(error.help)
    }
}

impl From<TemplateError> for CommandError {
    fn from(error: TemplateError) -> Self {
        wrong_part(&error.message, &error.text, &error.wrong).hint(error.help)
    }
}
