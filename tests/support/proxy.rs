//! A network between a client and a server of a test, which can be cut and mended.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A port that leads to another one, as long as it is not cut.
pub struct Proxy {
    /// The port that clients connect to.
    pub port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    cut: bool,
    open: Vec<TcpStream>,
}

impl Proxy {
    /// A port that leads to this one.
    pub fn to(server: u16) -> Self {
        Self::far(server, Duration::ZERO)
    }

    /// The same over a long way: what is said arrives later by this time.
    pub fn far(server: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that came while the network was cut is closed by being dropped.
                let _ = join(client, server, delay, &shared);
            }
        });
        Self { port, state }
    }

    /// Ends every connection, and each new one, until the network is mended.
    pub fn cut(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.cut = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).cut = false;
    }
}

/// Passes on what comes, each piece after this time.
fn pass(from: &mut TcpStream, to: &mut TcpStream, delay: Duration) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        std::thread::sleep(delay);
        to.write_all(&buffer[..count])?;
    }
}

fn join(client: TcpStream, server: u16, delay: Duration, state: &Mutex<State>) -> io::Result<()> {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    if state.cut {
        return Ok(());
    }
    let server = TcpStream::connect(("127.0.0.1", server))?;
    for (from, to) in [(&client, &server), (&server, &client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        std::thread::spawn(move || {
            let _ = pass(&mut from, &mut to, delay);
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    state.open.extend([client, server]);
    Ok(())
}
