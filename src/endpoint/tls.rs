//! Certificates for encrypted connections, and why one is not trusted. It reads files and knows no system.

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

/// What the other side's certificate lacks, when the words of the encryption library say that it lacks something.
#[cfg(any(test, feature = "mqtt", feature = "nats", feature = "redis"))]
pub(super) fn distrust(cause: &str) -> Option<String> {
    let (_, words) = cause.split_once("invalid peer certificate: ")?;
    Some(match words {
        "UnknownIssuer" => "its certificate was issued by an authority that is not trusted here".to_owned(),
        other => format!("its certificate cannot be trusted: {other}"),
    })
}

/// What to do about it.
pub(super) const DISTRUST_HELP: &str = "name the certificate of the authority that issued it with `?ca=FILE`";

#[cfg(test)]
mod tests {
    use super::distrust;

    #[test]
    fn distrust_is_told_from_other_trouble() {
        let unknown = distrust("I/O: invalid peer certificate: UnknownIssuer").expect("distrust");
        assert!(unknown.contains("an authority that is not trusted"));
        assert!(distrust("invalid peer certificate: Expired").expect("distrust").ends_with("Expired"));
        assert_eq!(distrust("connection refused"), None);
    }
}
