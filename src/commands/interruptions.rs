//! Ctrl-C and requests to terminate, one after the other, heard by one listener from the moment it is made.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Interruptions as they come. Between two calls of [`Interruptions::next`] none is missed.
#[derive(Debug)]
pub struct Interruptions {
    #[cfg(unix)]
    signals: Option<(Signal, Signal)>,
    #[cfg(windows)]
    signals: Option<tokio::signal::windows::CtrlC>,
}

impl Interruptions {
    /// Begins to listen: from here on an interruption no longer ends the program by itself.
    #[must_use]
    pub fn listen() -> Self {
        #[cfg(unix)]
        let signals = signal(SignalKind::interrupt()).ok().zip(signal(SignalKind::terminate()).ok());
        #[cfg(windows)]
        let signals = tokio::signal::windows::ctrl_c().ok();
        Self { signals }
    }

    /// Waits for the next one; for ever where none can be heard, since then they end the program.
    pub async fn next(&mut self) {
        match &mut self.signals {
            #[cfg(unix)]
            Some((interrupt, terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
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
