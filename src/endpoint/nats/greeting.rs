//! How a connection for publishing begins: the server says what it is, encryption is agreed on, we say who we are.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use rustls::ClientConfig;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::access::Introduction;
use super::failure;
use super::wire::{self, Incoming, ServerInfo};
use crate::endpoint::dial::{self, Stream};
use crate::endpoint::{Address, EndpointError, tls};

/// A connection that was let in.
pub(super) struct Greeted {
    pub(super) stream: Box<dyn Stream>,
    pub(super) info: ServerInfo,
    /// What has arrived behind the greeting.
    pub(super) arrived: BytesMut,
}

/// A server of a cluster, and where it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    host: String,
    port: u16,
    /// What its certificate is for.
    name: String,
}

impl Server {
    pub(super) fn of(address: &Address) -> Self {
        Self { host: address.host.clone(), port: address.port, name: address.host.clone() }
    }

    /// Another server of the cluster. Servers tell their numbers rather than the names their certificates have, which are those
    /// of the address, unless that is a number as well.
    pub(super) fn other(address: &Address, other: &str) -> Option<Self> {
        let (host, port) = other.rsplit_once(':')?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let is_number = |host: &str| host.parse::<std::net::IpAddr>().is_ok();
        let name = if is_number(&host) && !is_number(&address.host) { &address.host } else { &host }.clone();
        Some(Self { host, port: port.parse().ok()?, name })
    }
}

/// How long one of several servers may take to let us in, at least.
const SMALLEST_SHARE: Duration = Duration::from_secs(2);

/// What servers that stand for one address are greeted with.
pub(super) struct Greeting<'a> {
    pub(super) address: &'a Address,
    pub(super) introduction: Introduction,
    /// Nothing may go in clear.
    pub(super) must_encrypt: bool,
    /// How to encrypt, where certificates were named.
    pub(super) encryption: Option<Arc<ClientConfig>>,
    /// How long it may take in all.
    pub(super) within: Duration,
}

impl Greeting<'_> {
    /// Greets the first server, and the others one after another while none lets us in. Each has its share of the time, so that
    /// one that is gone without a word does not take that of the others.
    ///
    /// # Errors
    /// What the first one came to, when no server lets us in.
    pub(super) async fn one_of(
        &self,
        first: Server,
        others: impl Iterator<Item = Server>,
    ) -> Result<Greeted, EndpointError> {
        let mut coming: VecDeque<Server> = others.filter(|other| *other != first).collect();
        coming.push_front(first);
        let deadline = Instant::now() + self.within;
        let mut reason = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(server) = coming.pop_front().filter(|_| reason.is_none() || !left.is_zero()) else {
                return Err(reason.unwrap_or_else(|| failure::no_greeting(self.address, self.within)));
            };
            let share = left / u32::try_from(coming.len() + 1).unwrap_or(u32::MAX);
            let share = share.max(SMALLEST_SHARE).min(left);
            let greeted = tokio::time::timeout(share, self.greet(&server)).await;
            match greeted.unwrap_or_else(|_| Err(failure::no_greeting(self.address, self.within))) {
                Ok(greeted) => return Ok(greeted),
                Err(error) => drop(reason.get_or_insert(error)),
            }
        }
    }

    /// Greets a server.
    ///
    /// # Errors
    /// When it cannot be reached, agrees on no encryption, or does not let us in.
    async fn greet(&self, server: &Server) -> Result<Greeted, EndpointError> {
        let address = self.address;
        let socket = dial::connect(&server.host, server.port).await;
        let socket = socket.map_err(|error| failure::unreachable(&error, address))?;
        let mut talk = Talk { stream: socket, arrived: BytesMut::new(), address };
        let Said::Info(mut info) = talk.hear().await? else {
            return Err(failure::no_nats(address));
        };
        if !self.must_encrypt && !info.wants_encryption() {
            return talk.introduce(info, &self.introduction).await;
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
        let encryption = match &self.encryption {
            Some(encryption) => Arc::clone(encryption),
            None => Arc::new(tls::client_config(None, None)?),
        };
        let encrypted = dial::encrypt(talk.stream, &server.name, encryption).await;
        let encrypted = encrypted.map_err(|error| failure::encrypt(&error, address))?;
        let talk = Talk { stream: encrypted, arrived: BytesMut::new(), address };
        talk.introduce(info, &self.introduction).await
    }
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

#[cfg(test)]
mod tests {
    use super::Server;
    use crate::endpoint::Address;

    #[test]
    fn other_servers_are_found_by_host_and_port() {
        let address = Address::parse("nats://one:4222/orders").expect("an address");
        let there = |other: &str| Server::other(&address, other).map(|it| (it.host, it.port, it.name));
        assert_eq!(there("10.0.0.2:4223"), Some(("10.0.0.2".into(), 4223, "one".into())));
        assert_eq!(there("[fe80::1]:4222"), Some(("fe80::1".into(), 4222, "one".into())));
        assert_eq!(there("two.example:4222"), Some(("two.example".into(), 4222, "two.example".into())));
        let numbered = Address::parse("nats://10.0.0.1:4222").expect("an address");
        assert_eq!(Server::other(&numbered, "10.0.0.2:1").map(|it| it.name), Some("10.0.0.2".into()));
        assert_eq!(there("nowhere"), None);
        assert_eq!(there("host:port"), None);
    }
}
