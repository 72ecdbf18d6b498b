//! Ctrl-C, requests to terminate and terminals that hang up, one after the other, heard by one listener from the moment it is made.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Interruptions as they come. Between two calls of [`Interruptions::next`] none is missed.
#[derive(Debug)]
pub struct Interruptions {
    #[cfg(unix)]
    signals: Option<(Signal, Signal, Option<Signal>)>,
    #[cfg(windows)]
    signals: Option<tokio::signal::windows::CtrlC>,
}

impl Interruptions {
    /// Begins to listen: from here on an interruption no longer ends the program by itself.
    #[must_use]
    pub fn listen() -> Self {
        #[cfg(unix)]
        let signals = heard().ok();
        #[cfg(windows)]
        let signals = tokio::signal::windows::ctrl_c().ok();
        Self { signals }
    }

    /// Waits for the next one; for ever where none can be heard, since then they end the program.
    pub async fn next(&mut self) {
        match &mut self.signals {
            #[cfg(unix)]
            Some((interrupt, terminate, hang_up)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    // A terminal that is gone says so more than once, and asks for one end.
                    _ = recv(hang_up) => *hang_up = None,
                }
            }
            #[cfg(windows)]
            Some(interrupt) => {
                let _ = interrupt.recv().await;
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
fn heard() -> std::io::Result<(Signal, Signal, Option<Signal>)> {
    let hang_up = (!survives_its_terminal()).then(|| signal(SignalKind::hangup())).transpose()?;
    Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, hang_up))
}

#[cfg(unix)]
async fn recv(signal: &mut Option<Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether we were told to go on when the terminal hangs up, as `nohup` does. Where it cannot be known it is left as it is.
#[cfg(unix)]
fn survives_its_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & 1 == 1)
}

/// Has a file that must not grow further fail the write, as a full disk does, and not end the program. It takes a runtime.
pub fn outlive_file_limits() {
    // `SIGXFSZ`; a signal that is listened to does not end the program, whether anybody hears it or not.
    #[cfg(all(target_os = "linux", not(any(target_arch = "mips", target_arch = "mips64"))))]
    drop(signal(SignalKind::from_raw(25)));
}
