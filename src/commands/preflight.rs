//! What is done about findings that speak against sending, before the first event: the same words for every verb that sends.

use super::{CommandError, Context, ErrorKind};
use crate::diagnostic::Severity;
use crate::replay::preflight::Finding;

/// Whether what a target says of itself stops a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Preflight {
    /// Send nothing when something would go wrong
    #[default]
    Refuse,
    /// Say what would go wrong and send all the same
    Warn,
    /// Do not ask
    Off,
}

/// Says what stops nothing, with what to do about it.
pub(super) fn say<'a>(context: &Context, findings: impl IntoIterator<Item = &'a Finding>) {
    for finding in findings {
        if finding.severity == Severity::Info {
            context.ui.detail(&finding.message);
            continue;
        }
        context.ui.warn(format!("{}: {}", finding.name, finding.message));
        finding.help.iter().for_each(|help| context.ui.help(help));
    }
}

/// The error of a run that was stopped by these; `may_go_on` when `--preflight warn` would send all the same.
pub(super) fn nothing_sent(kind: ErrorKind, stopping: &[&Finding], may_go_on: bool) -> CommandError {
    let lines: Vec<String> =
        stopping.iter().map(|finding| format!("{}: {}", finding.name, finding.message)).collect();
    let mut error = CommandError::new(kind, format!("nothing was sent: {}", lines.join("\n  ")));
    for help in stopping.iter().filter_map(|finding| finding.help.as_ref()) {
        if !error.hints.contains(help) {
            error = error.hint(help);
        }
    }
    if may_go_on { error.hint("`--preflight warn` sends all the same") } else { error }
}
