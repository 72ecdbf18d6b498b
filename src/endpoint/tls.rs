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
    let wrong =
        |error: String| malformed(format!("`{}` cannot be used: {error}", identity.path), TOGETHER_HELP);
    let chain = certificates(&identity.certificates).map_err(wrong)?;
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|error| wrong(error.to_string()))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => wrong(OTHER_KEY.to_owned()),
        other => wrong(other.to_string()),
    })
}

const TOGETHER_HELP: &str =
    "`cert` and `key` must belong together: does `key` name the key of this certificate?";
const OTHER_KEY: &str = "the key is not the one of the certificate";

/// Our key is that of another certificate, where a client library found that out.
#[cfg(feature = "redis")]
pub(super) fn other_key(address: &super::Address) -> EndpointError {
    let path = address.option("cert").unwrap_or("cert");
    EndpointError::new(EndpointErrorKind::Malformed, format!("`{path}` cannot be used: {OTHER_KEY}"))
        .help(TOGETHER_HELP)
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

/// Who names certificates in an address means an encrypted connection; a workspace may name them for other servers.
#[cfg(any(
    test,
    feature = "amqp",
    feature = "http",
    feature = "kafka",
    feature = "mqtt",
    feature = "nats",
    feature = "redis"
))]
pub(super) fn named_in(options: &AddressOptions<'_>, address: &super::Address) -> Option<&'static str> {
    let written = |name: &&str| options.text(name).is_some() && address.origin(name).is_none();
    ["ca", "cert", "key"].into_iter().find(written)
}

/// Refuses certificates in an address without encryption; `scheme` is that of one with it.
///
/// # Errors
/// When there are such.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "kafka", feature = "mqtt", feature = "redis"))]
pub(super) fn refuse_without_encryption(
    options: &AddressOptions<'_>,
    address: &super::Address,
    scheme: &str,
) -> Result<(), EndpointError> {
    match named_in(options, address) {
        Some(name) if !address.tls => {
            let message =
                format!("`{name}` of `{address}` is of no use to a connection that is not encrypted");
            let error = EndpointError::new(EndpointErrorKind::Unsupported, message);
            Err(options.marked(name, error.help(format!("write `{scheme}` for an encrypted one"))))
        }
        _ => Ok(()),
    }
}

/// Why no encrypted connection came about, when that is for a certificate, the server's or our own, by the words of the
/// encryption library.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis"))]
pub(super) fn trouble(cause: &str, address: &super::Address) -> Option<EndpointError> {
    let ours = || refusal(cause).map(|(what, help)| (what.to_owned(), help.to_owned()));
    let (what, help) = distrust(cause).or_else(ours)?;
    let message = format!("no encrypted connection to `{address}`: {what}");
    Some(EndpointError::new(EndpointErrorKind::Unauthorised, message).help(help))
}

/// What the other side's certificate lacks, and what to do, when these words say that it lacks something.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis"))]
fn distrust(cause: &str) -> Option<(String, String)> {
    let (_, words) = cause.split_once("invalid peer certificate: ")?;
    Some(match words {
        "UnknownIssuer" => (
            "its certificate was issued by an authority that is not trusted here".to_owned(),
            DISTRUST_HELP.to_owned(),
        ),
        // One authority goes by the name of another.
        "BadSignature" => (
            "its certificate was not signed by the authority of that name that is trusted here".to_owned(),
            DISTRUST_HELP.to_owned(),
        ),
        _ if words.starts_with("certificate expired") || words == "Expired" => {
            let when = moment(words, "not valid after ").map(|when| format!(" on {when}"));
            (format!("its certificate expired{}", when.unwrap_or_default()), clock_help(words))
        }
        _ if words.starts_with("certificate not valid yet") || words == "NotValidYet" => {
            let when = moment(words, "not valid before ").map(|when| format!(" before {when}"));
            (format!("its certificate is not valid{}", when.as_deref().unwrap_or(" yet")), clock_help(words))
        }
        _ if words.starts_with("certificate not valid for name") || words == "NotValidForName" => {
            ("its certificate is for another host name".to_owned(), name_help(words))
        }
        other => (
            format!("its certificate cannot be trusted: {other}"),
            "the server needs another certificate; `openssl x509 -in FILE -text` shows what one says"
                .to_owned(),
        ),
    })
}

/// What to do about a certificate out of its time.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis"))]
fn clock_help(words: &str) -> String {
    let now = moment(words, "verification time ").map(|now| format!(", which says {now}"));
    format!(
        "the server needs a new certificate, unless the clock of this machine is wrong{}",
        now.unwrap_or_default()
    )
}

/// What to do about a certificate for other names: `only valid for DnsName("a"), DnsName("b") or IpAddress(::1)`.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis"))]
fn name_help(words: &str) -> String {
    let (_, presented) = words.split_once("is only valid for ").unwrap_or_default();
    let name = |part: &str| {
        let (kind, name) = part.trim().trim_end_matches(')').split_once('(')?;
        matches!(kind, "DnsName" | "IpAddress").then(|| format!("`{}`", name.trim_matches('"')))
    };
    let names: Vec<String> =
        presented.split(", ").flat_map(|part| part.split(" or ")).filter_map(name).collect();
    if names.is_empty() {
        return "the server needs a certificate with its host name among the `subjectAltName`".to_owned();
    }
    let more = names.len().saturating_sub(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let listed = names.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("connect by a name that it is for: {listed}{more}; or give the server one for this name")
}

/// Names of a certificate that are told.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis"))]
const MOST_NAMES: usize = 5;

/// The moment whose UNIX seconds stand behind these words.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis"))]
fn moment(words: &str, before: &str) -> Option<String> {
    let (_, rest) = words.split_once(before)?;
    let seconds = rest.split(|each: char| !each.is_ascii_digit()).next()?.parse().ok()?;
    let moment = jiff::Timestamp::from_second(seconds).ok()?;
    Some(moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// What to do about an authority that is not trusted.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis"))]
const DISTRUST_HELP: &str = "name the certificate of the authority that issued it with `?ca=FILE`";

/// What the server has against our own certificate, and what to do, when the words of the encryption library say that it
/// broke off for such a reason.
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis"))]
fn refusal(cause: &str) -> Option<(&'static str, &'static str)> {
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
#[cfg(any(test, feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis"))]
const REFUSAL_HELP: &str =
    "name one with `?cert=FILE&key=FILE`, or `tls: { certificate, key }` in `eddy.yaml`";

#[cfg(test)]
mod tests {
    use super::{distrust, refusal, trouble};
    use crate::endpoint::Address;

    #[test]
    fn each_reason_for_distrust_has_its_own_help() {
        let expired = "certificate expired: verification time 1793491200 (UNIX), but certificate is not valid after \
                       1790812800 (2678400 seconds ago)";
        let early = "certificate not valid yet: verification time 1793491200 (UNIX), but certificate is not valid \
                     before 1796083200 (2592000 seconds in future)";
        let named = "certificate not valid for name \"localhost\"; certificate is only valid for DnsName(\"a.example\"), \
                     DnsName(\"b.example\") or IpAddress(10.0.0.1)";
        let nameless = "certificate not valid for name \"localhost\"; certificate is not valid for any names (according \
                        to its subjectAltName extension)";
        for (words, what, help) in [
            ("UnknownIssuer", "an authority that is not trusted", "`?ca=FILE`"),
            ("BadSignature", "not signed by the authority of that name", "`?ca=FILE`"),
            (expired, "expired on 2026-10-01 00:00:00 UTC", "which says 2026-11-01 00:00:00 UTC"),
            ("Expired", "expired", "a new certificate"),
            (early, "not valid before 2026-12-01 00:00:00 UTC", "the clock of this machine"),
            ("NotValidYet", "not valid yet", "the clock of this machine"),
            (named, "another host name", "`a.example`, `b.example`, `10.0.0.1`;"),
            (nameless, "another host name", "`subjectAltName`"),
            ("NotValidForName", "another host name", "`subjectAltName`"),
            ("Revoked", "cannot be trusted: Revoked", "another certificate"),
        ] {
            let (said, advice) = distrust(&format!("I/O: invalid peer certificate: {words}")).expect(words);
            assert!(said.contains(what) && advice.contains(help), "{words}: {said} / {advice}");
        }
        assert_eq!(distrust("connection refused"), None);
    }

    #[test]
    fn trouble_with_certificates_names_the_address() {
        let address = Address::parse("memory:x").expect("an address");
        let told = trouble("received fatal alert: CertificateExpired", &address).expect("trouble");
        assert!(told.message.contains(&address.to_string()) && told.help.is_some(), "{told:?}");
        assert!(trouble("received fatal alert: InternalError", &address).is_none());
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
