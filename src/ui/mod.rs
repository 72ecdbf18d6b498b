//! The only code that touches the terminal: colour, words to the user, progress and prompts. It decides nothing.

use std::io::{IsTerminal, Write};

use colored::Colorize;

use crate::endpoint::mask_in_line;
use crate::output::text::TextStyle;
use crate::output::visible::harmless;

mod bars;
pub mod copying;
pub mod countdown;
mod data;
pub mod event_view;
mod json_view;
mod json_walk;
pub mod progress;
mod prompt;
mod sought;
mod unread;

pub use bars::clear as clear_bars;
pub use data::Data;
pub use prompt::BrokenOff;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How the terminal is to be used; made once from flags and environment.
#[derive(Clone, Debug)]
pub struct Ui {
    /// Colour on stdout.
    pub color_stdout: bool,
    /// Colour on stderr.
    pub color_stderr: bool,
    /// Say nothing but data and errors.
    pub quiet: bool,
    /// Say more.
    pub verbose: bool,
    /// Draw bars (stderr is a terminal and they were not refused).
    pub progress: bool,
    /// stdout is a terminal.
    pub data_on_terminal: bool,
    /// Columns of the terminal, or of `COLUMNS`, or 100.
    pub width: usize,
}

/// What flags and environment say about the terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct UiOptions {
    /// `--color`.
    pub color: ColorChoice,
    /// `NO_COLOR` is set.
    pub no_color: bool,
    /// `--quiet`.
    pub quiet: bool,
    /// `--verbose`.
    pub verbose: bool,
    /// `--no-progress`.
    pub no_progress: bool,
    /// `COLUMNS`.
    pub columns: Option<usize>,
}

impl Ui {
    /// Looks at the terminal once.
    #[must_use]
    pub fn new(options: UiOptions) -> Self {
        let stderr_is_terminal = std::io::stderr().is_terminal();
        let wanted = |is_terminal: bool| match options.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !options.no_color,
        };
        let measured = console_width();
        Self {
            color_stdout: wanted(std::io::stdout().is_terminal()),
            color_stderr: wanted(stderr_is_terminal),
            quiet: options.quiet,
            verbose: options.verbose,
            progress: stderr_is_terminal && !options.no_progress && !options.quiet,
            data_on_terminal: std::io::stdout().is_terminal(),
            width: options.columns.or(measured).unwrap_or(100).clamp(40, 400),
        }
    }

    /// A buffered writer to stdout, for data.
    #[must_use]
    pub fn data(&self) -> Data {
        Data::new()
    }

    /// Waits until nobody reads stdout any more; for ever where that cannot be known, as of a file or a terminal.
    pub fn unread(&self) -> impl Future<Output = ()> + Send + 'static {
        unread::unread()
    }

    /// A failure of writing to stdout in our words, where somebody else wrote.
    #[must_use]
    pub fn data_failure(&self, error: &std::io::Error) -> std::io::Error {
        data::located(error)
    }

    /// How text that goes to stdout is to look.
    #[must_use]
    pub fn text_style(&self) -> TextStyle {
        TextStyle { color: self.color_stdout, width: self.width }
    }

    /// How events are shown to people: fitted to the terminal when stdout is one.
    #[must_use]
    pub fn event_view(&self) -> event_view::EventView {
        event_view::EventView::new(self.color_stdout, self.data_on_terminal.then_some(self.width))
    }

    /// Standard input, for payloads.
    #[must_use]
    pub fn input(&self) -> std::io::Stdin {
        std::io::stdin()
    }

    /// One line for the user on stderr; silent under `--quiet`.
    pub fn say(&self, line: impl AsRef<str>) {
        if !self.quiet {
            self.write_line(line.as_ref());
        }
    }

    /// One line for the user on stderr when `--verbose` was given.
    pub fn detail(&self, line: impl AsRef<str>) {
        if self.verbose {
            self.write_line(line.as_ref());
        }
    }

    /// `warning: …` on stderr; silent under `--quiet`.
    pub fn warn(&self, message: impl AsRef<str>) {
        if !self.quiet {
            self.labelled("warning", "yellow", message.as_ref());
        }
    }

    /// `help: …` on stderr, below a warning; silent under `--quiet`.
    pub fn help(&self, message: &str) {
        if !self.quiet {
            self.labelled("help", "cyan", message);
        }
    }

    /// `error: …` and its helps on stderr, always.
    pub fn error(&self, message: &str, hints: &[String]) {
        self.labelled("error", "red", message);
        for hint in hints {
            self.labelled("help", "cyan", hint);
        }
    }

    /// A text on stderr as it is, but for passwords in it, always.
    pub fn error_text(&self, text: &str) {
        self.write_line(text.trim_end());
    }

    /// Text in bold, when stderr has colour.
    #[must_use]
    pub fn bold(&self, text: &str) -> String {
        if self.color_stderr { forced(|| text.bold().to_string()) } else { text.to_owned() }
    }

    /// Text dimmed, when stderr has colour.
    #[must_use]
    pub fn dim(&self, text: &str) -> String {
        if self.color_stderr { forced(|| text.dimmed().to_string()) } else { text.to_owned() }
    }

    /// Text in a named colour, when stderr has colour.
    #[must_use]
    pub fn paint(&self, text: &str, color: &str) -> String {
        if self.color_stderr { forced(|| text.color(color).bold().to_string()) } else { text.to_owned() }
    }

    /// Text of data in a named colour, when stdout has colour.
    #[must_use]
    pub fn tint(&self, text: &str, color: &str) -> String {
        if self.color_stdout { forced(|| text.color(color).to_string()) } else { text.to_owned() }
    }

    /// What a message repeats of events and of others' answers does not steer the terminal.
    fn labelled(&self, label: &str, color: &str, message: &str) {
        let message = String::from_utf8_lossy(&harmless(message.as_bytes())).into_owned();
        self.write_line(&format!("{}: {message}", self.paint(label, color)));
    }

    /// Nothing can be done when stderr itself is gone.
    #[allow(clippy::unused_self, reason = "the terminal is reached through a Ui only")]
    fn write_line(&self, line: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", mask_in_line(line));
    }
}

/// Paints whatever `colored` itself thinks of the terminal: the choice was made in [`Ui::new`].
fn forced(paint: impl FnOnce() -> String) -> String {
    colored::control::set_override(true);
    paint()
}

fn console_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size()?;
    Some(usize::from(width.0))
}
