//! How we introduce ourselves to a NATS server, and how the connection is encrypted.

use async_nats::ConnectOptions;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::{Address, Credentials, EndpointError, EndpointErrorKind as Kind, tls};

/// Options of every NATS address.
pub(super) const OPTIONS: [&str; 6] = ["ca", "cert", "creds", "key", "monitor", "nkey"];

/// Adds who we are: a file of credentials, a key, a user with a password, or a token.
///
/// # Errors
/// When a file cannot be read, or is no such file.
pub(super) fn introduce(
    connect: ConnectOptions,
    options: &AddressOptions<'_>,
    credentials: Option<&Credentials>,
) -> Result<ConnectOptions, EndpointError> {
    let connect = match credentials {
        None => connect,
        // `nats://TOKEN@host` is how NATS itself writes a token.
        Some(found) if found.password.is_empty() => connect.token(found.username.clone()),
        Some(found) if found.username.is_empty() => connect.token(found.password.clone()),
        Some(found) => connect.user_and_password(found.username.clone(), found.password.clone()),
    };
    let connect = match options.text("nkey") {
        Some(path) => connect.nkey(seed(path)?),
        None => connect,
    };
    let Some(path) = options.text("creds") else {
        return Ok(connect);
    };
    let help = "`creds` names a file as `nsc generate creds` writes it";
    let text = read(path, "the credentials", help)?;
    connect.credentials(&text).map_err(|error| {
        let message = format!("cannot use the credentials in `{path}`: {error}");
        EndpointError::new(Kind::Malformed, message).help(help)
    })
}

/// The seed of a user's key, in a file of its own or between the lines that tools write around it.
fn seed(path: &str) -> Result<String, EndpointError> {
    let help =
        "`nkey` names a file with the seed of a user's key, which begins with `SU`; `nk -gen user` makes one";
    let text = read(path, "the key", help)?;
    let words = text.lines().map(str::trim).find(|line| line.starts_with('S') && line.len() > 40);
    let wrong = |what: &str| EndpointError::new(Kind::Malformed, format!("`{path}` holds {what}")).help(help);
    let seed = words.ok_or_else(|| wrong("no seed of a key"))?;
    match nkeys::KeyPair::from_seed(seed) {
        Ok(key) if key.key_pair_type() == nkeys::KeyPairType::User => Ok(seed.to_owned()),
        Ok(_) => Err(wrong("the seed of a key that is no user's")),
        Err(error) => Err(wrong(&format!("no usable seed of a key: {error}"))),
    }
}

fn read(path: &str, what: &str, help: &str) -> Result<String, EndpointError> {
    std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read {what} in `{path}`: {error}");
        EndpointError::new(Kind::File, message).help(help)
    })
}

/// Adds the certificates to trust and our own; without either the client's own way is left as it is.
///
/// # Errors
/// When a file cannot be read, or holds something else.
pub(super) fn encrypt(
    connect: ConnectOptions,
    options: &AddressOptions<'_>,
) -> Result<ConnectOptions, EndpointError> {
    let authorities = options.text("ca").map(tls::read_authorities).transpose()?;
    let identity = tls::Identity::of(options)?;
    if authorities.is_none() && identity.is_none() {
        return Ok(connect);
    }
    // The client reads the files again; what is wrong with them is said here.
    tls::client_config(authorities.as_deref(), identity.as_ref())?;
    let connect = match options.text("ca") {
        Some(path) => connect.add_root_certificates(path.into()),
        None => connect,
    };
    Ok(match (options.text("cert"), options.text("key")) {
        (Some(cert), Some(key)) => connect.add_client_certificate(cert.into(), key.into()),
        _ => connect,
    })
}

/// Why the server may not have taken what we showed, with the next step.
pub(super) fn not_let_in(address: &Address) -> (String, &'static str) {
    if let Some(path) = address.option("creds") {
        let what = match expiry(path) {
            Some(when) => format!("does not let us in: the JWT in `{path}` expired on {when}"),
            None => format!("does not take the credentials in `{path}`"),
        };
        return (
            what,
            "make new ones with `nsc generate creds`, or ask who runs the server whether the user still exists",
        );
    }
    if let Some(path) = address.option("nkey") {
        let what = format!("does not know the key in `{path}`");
        return (what, "is its public half among the users of the server? `nk -inkey FILE -pubout` shows it");
    }
    (
        "does not let us in: user, password or token are wrong or missing".to_owned(),
        "write `nats://USER:PASSWORD@HOST/…`, or set `auth` of the environment in `eddy.yaml`",
    )
}

/// When the JWT in a file of credentials expired; `None` when it did not, or does not say.
fn expiry(path: &str) -> Option<jiff::Timestamp> {
    let text = std::fs::read_to_string(path).ok()?;
    let token = text.lines().find(|line| line.matches('.').count() == 2)?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.trim().split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    let when = jiff::Timestamp::from_second(claims.get("exp")?.as_i64()?).ok()?;
    (when < jiff::Timestamp::now()).then_some(when)
}
