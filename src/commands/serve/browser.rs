//! Opening a page in the browser of whoever sits here.

use std::io;
use std::process::{Command, Stdio};

/// Asks the system to open an address.
///
/// # Errors
/// When there is no program for that.
pub(super) fn open(address: &str) -> io::Result<()> {
    let (program, before): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("cmd", &["/c", "start", ""])
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(before).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    // Nobody waits for it, but its end must be taken note of.
    std::thread::spawn(move || child.wait());
    Ok(())
}
