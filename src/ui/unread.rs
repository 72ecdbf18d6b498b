//! Notices that nobody reads standard output any more, also while there is nothing to write.

use std::io;

use tokio::sync::oneshot;

/// Waits until the other end of standard output is closed, where it is a pipe or a socket. It never ends elsewhere: a file
/// and a terminal have no other end.
pub(super) async fn unread() {
    let (tell, told) = oneshot::channel();
    // It waits in the system and costs nothing; nobody waits for it when the program ends.
    let watcher = std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
        if is_closed_at_last(&io::stdout()) {
            // A command that has ended by itself is told nothing.
            let _ = tell.send(());
        }
    });
    if watcher.is_err() || told.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for the other end to be closed; false where that cannot be waited for.
#[cfg(unix)]
fn is_closed_at_last(out: &impl std::os::fd::AsFd) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::fs::FileType;

    let kind = rustix::fs::fstat(out).map(|facts| FileType::from_raw_mode(facts.st_mode));
    if !matches!(kind, Ok(FileType::Fifo | FileType::Socket)) {
        return false;
    }
    loop {
        // macOS tells nothing where nothing is asked for; this never comes.
        let mut asked = [PollFd::new(out, PollFlags::RDBAND)];
        let outcome = poll(&mut asked, None);
        let found = asked[0].revents();
        match outcome {
            Ok(_) if found.intersects(PollFlags::ERR | PollFlags::HUP) => return true,
            Ok(_) if found.contains(PollFlags::NVAL) => return false,
            Ok(_) | Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => std::thread::sleep(AGAIN),
            Err(_) => return false,
        }
    }
}

/// Between two looks where something else has woken us.
#[cfg(unix)]
const AGAIN: std::time::Duration = std::time::Duration::from_millis(200);

/// There the next write tells.
#[cfg(not(unix))]
fn is_closed_at_last(_out: &io::Stdout) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::is_closed_at_last;

    #[test]
    fn a_reader_that_goes_is_noticed_without_a_write() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let watching = std::thread::spawn(move || is_closed_at_last(&writer));
        drop(reader);
        assert!(watching.join().expect("it ends"));
        let (here, there) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let watching = std::thread::spawn(move || is_closed_at_last(&here));
        drop(there);
        assert!(watching.join().expect("it ends"));
    }

    #[test]
    fn a_file_has_no_reader() {
        assert!(!is_closed_at_last(&tempfile::tempfile().expect("a file")));
    }
}
