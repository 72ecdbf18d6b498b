//! The greeting between us and an AMQP broker: the socket, encryption, login, limits, virtual host.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use super::connection::{FrameReader, Greeting, NoFrame, ReadHalf, WriteHalf};
use super::failure;
use super::settings::{Login, Settings};
use super::wire::method::{self, Method};
use super::wire::table::Table;
use super::wire::{FrameKind, PROTOCOL_HEADER, ShortText};
use crate::endpoint::dial;
use crate::endpoint::{Address, EndpointError};

/// Bytes of a frame that both sides must take.
const SMALLEST_FRAME: u32 = 4096;
/// Bytes of a frame that we take.
const LARGEST_FRAME: u32 = 1 << 20;
/// Seconds between signs of life that we ask for.
const HEARTBEAT: u16 = 30;

/// Connects and logs in.
///
/// # Errors
/// When the server cannot be reached, does not let us in, or has no such virtual host.
pub(super) async fn greet(settings: &Settings) -> Result<(FrameReader, WriteHalf, Greeting), EndpointError> {
    let address = &settings.address;
    let began = Instant::now();
    let (reader, writer) = connect(settings).await?;
    let mut talk = Talk { reader: FrameReader::new(reader), writer, address, shown: settings.certified };
    talk.say(PROTOCOL_HEADER).await?;
    let Method::Start { properties, mechanisms } = talk.hear().await? else {
        return Err(talk.out_of_order());
    };
    let latency = began.elapsed();
    talk.shown = false;
    let (mechanism, response) = login(&settings.login);
    if !mechanisms.split(' ').any(|offered| offered == mechanism) {
        return Err(failure::mechanism(mechanism, &mechanisms.replace(' ', ", "), address));
    }
    let name = ShortText::new(mechanism).unwrap_or_default();
    talk.say(&method::start_ok(&client_properties(), &name, response.as_bytes())).await?;
    let (frame_max, heartbeat) = match talk.hear().await? {
        Method::Tune { channel_max, frame_max, heartbeat } => {
            let frame_max = agreed(frame_max, LARGEST_FRAME).max(SMALLEST_FRAME);
            let heartbeat = if heartbeat == 0 { HEARTBEAT } else { heartbeat.min(HEARTBEAT) };
            talk.say(&method::tune_ok(channel_max, frame_max, heartbeat)).await?;
            (frame_max, heartbeat)
        }
        _ => return Err(talk.out_of_order()),
    };
    talk.say(&method::open(&settings.virtual_host)).await?;
    let Method::OpenOk = talk.hear().await? else {
        return Err(talk.out_of_order());
    };
    let frame_max = usize::try_from(frame_max).unwrap_or(usize::MAX);
    let greeting = Greeting { properties, mechanism, frame_max, heartbeat, latency };
    Ok((talk.reader, talk.writer, greeting))
}

/// The smaller of two limits, where 0 is none.
fn agreed(theirs: u32, ours: u32) -> u32 {
    if theirs == 0 { ours } else { theirs.min(ours) }
}

async fn connect(settings: &Settings) -> Result<(ReadHalf, WriteHalf), EndpointError> {
    let address = &settings.address;
    let socket = dial::connect(&address.host, address.port).await;
    let socket = socket.map_err(|error| failure::connect(&error, address))?;
    let Some(encryption) = &settings.encryption else {
        let (reader, writer) = socket.into_split();
        return Ok((Box::new(reader), Box::new(writer)));
    };
    let stream = dial::encrypt(socket, &address.host, Arc::clone(encryption)).await;
    let stream = stream.map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidInput => failure::connect(&error, address),
        _ => failure::encrypt(&error, address),
    })?;
    let (reader, writer) = tokio::io::split(stream);
    Ok((Box::new(reader), Box::new(writer)))
}

fn login(login: &Login) -> (&'static str, String) {
    match login {
        Login::Plain(known) => ("PLAIN", format!("\0{}\0{}", known.username, known.password)),
        Login::External => ("EXTERNAL", String::new()),
    }
}

/// Who we are and what we understand.
fn client_properties() -> Table {
    let capabilities = Table::default()
        .with_yes("publisher_confirms")
        .with_yes("basic.nack")
        .with_yes("connection.blocked")
        .with_yes("consumer_cancel_notify")
        .with_yes("authentication_failure_close");
    Table::default()
        .with_text("product", "eddy")
        .with_text("version", env!("CARGO_PKG_VERSION"))
        .with_text("connection_name", "eddy")
        .with_table("capabilities", &capabilities)
}

/// Both directions while the greeting goes back and forth.
struct Talk<'a> {
    reader: FrameReader,
    writer: WriteHalf,
    address: &'a Address,
    /// A certificate was shown, and the server has not said anything since.
    shown: bool,
}

impl Talk<'_> {
    async fn say(&mut self, bytes: &[u8]) -> Result<(), EndpointError> {
        self.writer.write_all(bytes).await.map_err(|error| self.broken(&error))?;
        self.writer.flush().await.map_err(|error| self.broken(&error))
    }

    async fn hear(&mut self) -> Result<Method, EndpointError> {
        loop {
            let frame = match self.reader.next().await {
                Ok(frame) => frame,
                Err(NoFrame::Malformed(what)) => return Err(failure::no_amqp(what, self.address)),
                Err(NoFrame::Socket(error)) => return Err(self.broken(&error)),
            };
            if frame.kind != FrameKind::Method {
                continue;
            }
            match Method::read(frame.payload).map_err(|what| failure::no_amqp(what, self.address))? {
                Method::Close { code, text } => {
                    let refusal = failure::closed(code, &text, self.address);
                    // Said for courtesy; the server closes the socket in any case.
                    let _ =
                        tokio::time::timeout(Duration::from_millis(500), self.say(&method::close_ok())).await;
                    return Err(refusal);
                }
                method => return Ok(method),
            }
        }
    }

    /// With TLS 1.3 a server that misses our certificate says so only after we believe to be connected.
    fn broken(&self, error: &std::io::Error) -> EndpointError {
        if error.kind() == std::io::ErrorKind::InvalidData {
            return failure::encrypt(error, self.address);
        }
        if self.shown {
            return failure::certificate_refused(self.address);
        }
        failure::connect(error, self.address)
    }

    fn out_of_order(&self) -> EndpointError {
        failure::no_amqp(super::wire::Malformed("its greeting is out of order"), self.address)
    }
}
