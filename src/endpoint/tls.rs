//! Certificates for encrypted connections. It reads files and knows no system.

use super::{EndpointError, EndpointErrorKind};

/// Reads a file of certificates in PEM form.
///
/// # Errors
/// When it cannot be read or holds no certificate.
pub(super) fn read_authorities(path: &str) -> Result<Vec<u8>, EndpointError> {
    let help = "`ca` names a PEM file with the certificates to trust";
    let bytes = std::fs::read(path).map_err(|error| {
        let message = format!("cannot read the certificates in `{path}`: {error}");
        EndpointError::new(EndpointErrorKind::File, message).help(help)
    })?;
    let marker = b"-----BEGIN CERTIFICATE-----";
    if bytes.windows(marker.len()).any(|window| window == marker) {
        return Ok(bytes);
    }
    let message = format!("`{path}` holds no certificate");
    Err(EndpointError::new(EndpointErrorKind::Malformed, message).help(help))
}
