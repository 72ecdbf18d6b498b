//! How a connection for publishing begins: the server says what it is, encryption is agreed on, we say who we are.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::access::Introduction;
use super::failure;
use super::wire::{self, Incoming, ServerInfo};
use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::dial::{self, Stream};
use crate::endpoint::{Address, EndpointError, tls};

/// A connection that was let in.
pub(super) struct Greeted {
    pub(super) stream: Box<dyn Stream>,
    pub(super) info: ServerInfo,
    /// What has arrived behind the greeting.
    pub(super) arrived: BytesMut,
}

/// Greets the server at this host and port, which stands for the address; its certificate must be for the host `name`.
///
/// # Errors
/// When it cannot be reached, agrees on no encryption, or does not let us in.
pub(super) async fn greet(
    address: &Address,
    (host, port, name): (&str, u16, &str),
    options: &AddressOptions<'_>,
    introduction: &Introduction,
) -> Result<Greeted, EndpointError> {
    let socket = dial::connect(host, port).await.map_err(|error| failure::unreachable(&error, address))?;
    let mut talk = Talk { stream: socket, arrived: BytesMut::new(), address };
    let Said::Info(mut info) = talk.hear().await? else {
        return Err(failure::no_nats(address));
    };
    if !address.tls && !info.wants_encryption() {
        return talk.introduce(info, introduction).await;
    }
    if !info.agrees_to_encryption() {
        return Err(failure::without_encryption(address));
    }
    // An answer that was given without encryption may not count as given with it.
    info.said_in_the_open();
    if !talk.arrived.is_empty() {
        return Err(match talk.hear().await? {
            Said::Refused(words) => failure::refused(&words, address),
            _ => failure::no_nats(address),
        });
    }
    let authorities = options.text("ca").map(tls::read_authorities).transpose()?;
    let config = tls::client_config(authorities.as_deref(), tls::Identity::of(options)?.as_ref())?;
    let encrypted = dial::encrypt(talk.stream, name, Arc::new(config)).await;
    let encrypted = encrypted.map_err(|error| failure::encrypt(&error, address))?;
    let talk = Talk { stream: encrypted, arrived: BytesMut::new(), address };
    talk.introduce(info, introduction).await
}

/// What the greeting of a server consists of.
enum Said {
    Info(Box<ServerInfo>),
    Pong,
    Ping,
    Refused(String),
    Other,
}

struct Talk<'a, S> {
    stream: S,
    arrived: BytesMut,
    address: &'a Address,
}

impl<S: Stream + 'static> Talk<'_, S> {
    async fn introduce(
        mut self,
        mut info: Box<ServerInfo>,
        introduction: &Introduction,
    ) -> Result<Greeted, EndpointError> {
        let mut words = json!({
            "verbose": false, "pedantic": false, "headers": true, "no_responders": true, "protocol": 1,
            "tls_required": self.address.tls, "name": "eddy", "lang": "rust", "version": env!("CARGO_PKG_VERSION"),
        });
        if let Some(words) = words.as_object_mut() {
            words.extend(introduction.signed(info.nonce())?);
        }
        let introduced = [format!("CONNECT {words}\r\n").as_bytes(), wire::PING].concat();
        let said = self.stream.write_all(&introduced).await;
        // A server that does not like our certificate may have closed already; what it said then tells why.
        let said = said.and(self.stream.flush().await);
        loop {
            match self.hear().await? {
                Said::Pong => {
                    said.map_err(|error| failure::broken_off(&error, self.address))?;
                    return Ok(Greeted { stream: Box::new(self.stream), info: *info, arrived: self.arrived });
                }
                Said::Refused(words) => return Err(failure::refused(&words, self.address)),
                Said::Info(newer) => info.update(*newer),
                Said::Ping => {
                    let answered = self.stream.write_all(wire::PONG).await;
                    answered.map_err(|error| failure::broken_off(&error, self.address))?;
                }
                Said::Other => {}
            }
        }
    }

    /// The next thing the server says.
    async fn hear(&mut self) -> Result<Said, EndpointError> {
        loop {
            let first = wire::first(&self.arrived).map_err(|_| failure::no_nats(self.address))?;
            if let Some((incoming, length)) = first {
                let said = match incoming {
                    Incoming::Info(info) => {
                        let info = serde_json::from_slice(info);
                        Said::Info(Box::new(info.map_err(|_| failure::no_nats(self.address))?))
                    }
                    Incoming::Pong => Said::Pong,
                    Incoming::Refused(words) => Said::Refused(words.into_owned()),
                    Incoming::Ping => Said::Ping,
                    Incoming::Ok | Incoming::Message(_) => Said::Other,
                };
                self.arrived.advance(length);
                return Ok(said);
            }
            let read = self.stream.read_buf(&mut self.arrived).await;
            if read.map_err(|error| failure::broken_off(&error, self.address))? == 0 {
                let closed = std::io::ErrorKind::UnexpectedEof.into();
                return Err(failure::broken_off(&closed, self.address));
            }
        }
    }
}
