//! Connections to a host, and encryption on them.

use std::io;
use std::sync::Arc;

#[cfg(any(feature = "mqtt", feature = "nats", feature = "redis"))]
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Bytes in both directions, encrypted or not.
#[cfg(any(feature = "mqtt", feature = "nats", feature = "redis"))]
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
#[cfg(any(feature = "mqtt", feature = "nats", feature = "redis"))]
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to a host by its name or number.
///
/// # Errors
/// When its name is not known or nobody answers there.
pub(super) async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let socket = TcpStream::connect((host, port)).await?;
    // What is sent are large parts already; waiting for more only delays receipts.
    let _ = socket.set_nodelay(true);
    Ok(socket)
}

/// Agrees on encryption with a host of this name.
///
/// # Errors
/// When no certificate can have the name, with [`io::ErrorKind::InvalidInput`], and when the other side does not agree or
/// cannot be trusted.
pub(super) async fn encrypt(
    socket: TcpStream,
    host: &str,
    config: Arc<rustls::ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let name = rustls::pki_types::ServerName::try_from(host.to_owned())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "this is no name of a host"))?;
    tokio_rustls::TlsConnector::from(config).connect(name, socket).await
}
