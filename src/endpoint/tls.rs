//! Certificates and keys for encrypted connections, and why one is not trusted. It reads files and knows no system.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::address_options::AddressOptions;
use super::{EndpointError, EndpointErrorKind};

/// Reads a file of certificates in PEM form.
///
/// # Errors
/// When it cannot be read or holds no certificate.
pub(super) fn read_authorities(path: &str) -> Result<Vec<u8>, EndpointError> {
    let help = "`ca` names a PEM file with the certificates to trust";
    let bytes = read(path, "the certificates", help)?;
    if holds(&bytes, "CERTIFICATE-----") { Ok(bytes) } else { Err(unusable(path, "no certificate", help)) }
}

/// Our own certificate and its key, PEM.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The certificate, and those of the authorities between it and the one the server trusts.
    pub(super) certificates: Vec<u8>,
    /// The private key.
    pub(super) key: Vec<u8>,
    /// The file of the certificate, for messages.
    path: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Identity({})", self.path)
    }
}

impl Identity {
    /// Reads what `cert` and `key` of an address name; `None` where neither is written.
    ///
    /// # Errors
    /// When one of the two is missing, or a file cannot be read or holds something else.
    pub(super) fn of(options: &AddressOptions<'_>) -> Result<Option<Self>, EndpointError> {
        let (cert, key) = match (options.text("cert"), options.text("key")) {
            (None, None) => return Ok(None),
            (Some(cert), Some(key)) => (cert, key),
            (Some(cert), None) => return Err(half("cert", cert, "key")),
            (None, Some(key)) => return Err(half("key", key, "cert")),
        };
        let help = "`cert` names a PEM file with the client's certificate, `key` one with its private key";
        let certificates = read(cert, "the client certificate", help)?;
        if !holds(&certificates, "CERTIFICATE-----") {
            return Err(unusable(cert, "no certificate", help));
        }
        let key_bytes = read(key, "the private key", help)?;
        if holds(&key_bytes, "ENCRYPTED PRIVATE KEY-----") || holds(&key_bytes, "Proc-Type: 4,ENCRYPTED") {
            let help = "take the passphrase off: `openssl pkey -in FILE -out PLAIN`";
            return Err(unusable(key, "a key with a passphrase", help));
        }
        if !holds(&key_bytes, "PRIVATE KEY-----") {
            return Err(unusable(key, "no private key", help));
        }
        Ok(Some(Self { certificates, key: key_bytes, path: cert.to_owned() }))
    }
}

/// How to encrypt: the authorities to trust, those of the platform where none are named, and our own certificate.
///
/// # Errors
/// When certificates or the key cannot be used, or the platform has no authorities.
pub(super) fn client_config(
    authorities: Option<&[u8]>,
    identity: Option<&Identity>,
) -> Result<rustls::ClientConfig, EndpointError> {
    let malformed =
        |what: String, help: &str| EndpointError::new(EndpointErrorKind::Malformed, what).help(help);
    let mut roots = rustls::RootCertStore::empty();
    match authorities {
        Some(pem) => {
            let help = "`ca` names a PEM file with the certificates to trust";
            let found = certificates(pem).map_err(|error| malformed(format!("`ca`: {error}"), help))?;
            roots.add_parsable_certificates(found);
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        let message = "there is no certificate to trust".to_owned();
        return Err(malformed(
            message,
            "name those of the authority that issued the server's with `?ca=FILE`",
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| malformed(error.to_string(), "this is a defect of eddy"))?;
    let builder = builder.with_root_certificates(roots);
    let Some(identity) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let help = "`cert` and `key` must belong together: does `key` name the key of this certificate?";
    let wrong = |error: String| malformed(format!("`{}` cannot be used: {error}", identity.path), help);
    let chain = certificates(&identity.certificates).map_err(wrong)?;
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|error| wrong(error.to_string()))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => wrong("the key is not the one of the certificate".to_owned()),
        other => wrong(other.to_string()),
    })
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn read(path: &str, what: &str, help: &str) -> Result<Vec<u8>, EndpointError> {
    std::fs::read(path).map_err(|error| {
        let message = format!("cannot read {what} in `{path}`: {error}");
        EndpointError::new(EndpointErrorKind::File, message).help(help)
    })
}

fn holds(bytes: &[u8], marker: &str) -> bool {
    memchr::memmem::find(bytes, marker.as_bytes()).is_some()
}

fn unusable(path: &str, what: &str, help: &str) -> EndpointError {
    EndpointError::new(EndpointErrorKind::Malformed, format!("`{path}` holds {what}")).help(help)
}

fn half(given: &str, path: &str, missing: &str) -> EndpointError {
    let message = format!("`{given}` names `{path}`, and there is no `{missing}`");
    EndpointError::new(EndpointErrorKind::Unsupported, message)
        .help("a client certificate needs both: `?cert=FILE&key=FILE`, or `tls: { certificate, key }` in `eddy.yaml`")
}

/// What the other side's certificate lacks, when the words of the encryption library say that it lacks something.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis"))]
pub(super) fn distrust(cause: &str) -> Option<String> {
    let (_, words) = cause.split_once("invalid peer certificate: ")?;
    Some(match words {
        "UnknownIssuer" => "its certificate was issued by an authority that is not trusted here".to_owned(),
        other => format!("its certificate cannot be trusted: {other}"),
    })
}

/// What to do about it.
pub(super) const DISTRUST_HELP: &str = "name the certificate of the authority that issued it with `?ca=FILE`";

/// What the server has against our own certificate, and what to do, when the words of the encryption library say that it
/// broke off for such a reason.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats"))]
pub(super) fn refusal(cause: &str) -> Option<(&'static str, &'static str)> {
    let (_, alert) = cause.split_once("received fatal alert: ")?;
    let name: String = alert.chars().take_while(char::is_ascii_alphanumeric).collect();
    let another = "name a certificate that the server trusts with `?cert=FILE&key=FILE`";
    Some(match name.as_str() {
        "CertificateRequired" | "NoCertificate" => {
            ("it asks for a client certificate, and none was shown", REFUSAL_HELP)
        }
        "HandshakeFailure" => {
            ("it broke off the greeting; it may ask for a client certificate", REFUSAL_HELP)
        }
        "CertificateExpired" => {
            ("it says that the client certificate has expired", "renew the certificate in `cert`")
        }
        "CertificateRevoked" => ("it says that the client certificate was revoked", another),
        "UnknownCA" | "UnknownCa" => {
            ("it does not know the authority that issued the client certificate", another)
        }
        "BadCertificate"
        | "UnsupportedCertificate"
        | "CertificateUnknown"
        | "AccessDenied"
        | "DecryptError" => ("it does not take the client certificate", another),
        _ => return None,
    })
}

/// What to do where a client certificate is missing.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats"))]
const REFUSAL_HELP: &str =
    "name one with `?cert=FILE&key=FILE`, or `tls: { certificate, key }` in `eddy.yaml`";

#[cfg(test)]
mod tests {
    use super::{distrust, refusal};

    #[test]
    fn distrust_is_told_from_other_trouble() {
        let unknown = distrust("I/O: invalid peer certificate: UnknownIssuer").expect("distrust");
        assert!(unknown.contains("an authority that is not trusted"));
        assert!(distrust("invalid peer certificate: Expired").expect("distrust").ends_with("Expired"));
        assert_eq!(distrust("connection refused"), None);
    }

    #[test]
    fn what_the_server_has_against_us_is_told() {
        let told = |words: &str| refusal(words).map(|(what, _)| what);
        assert!(
            told("received fatal alert: CertificateRequired")
                .is_some_and(|what| what.contains("none was shown"))
        );
        assert!(
            told("x: received fatal alert: CertificateExpired").is_some_and(|what| what.contains("expired"))
        );
        assert_eq!(told("received fatal alert: InternalError"), None);
    }
}
