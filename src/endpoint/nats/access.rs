//! How we introduce ourselves to a NATS server, and how the connection is encrypted.

use std::fmt::Display;

use async_nats::ConnectOptions;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls::ClientConfig;
use serde_json::{Map, Value};

use crate::endpoint::address_options::AddressOptions;
use crate::endpoint::{Address, Credentials, EndpointError, EndpointErrorKind as Kind, tls};

/// Options of every NATS address.
pub(super) const OPTIONS: [&str; 6] = ["ca", "cert", "creds", "key", "monitor", "nkey"];

/// What an option names: a file, or the text itself where a program of the workspace printed it.
enum Kept<'a> {
    File(&'a str),
    Text { text: &'a str, origin: &'a str },
}

impl<'a> Kept<'a> {
    fn at(address: &'a Address, option: &str) -> Option<Self> {
        let value = address.option(option)?;
        Some(match address.origin(option) {
            Some(origin) if is_text(value) => Self::Text { text: value, origin },
            _ => Self::File(value),
        })
    }

    /// How it is called in messages.
    fn name(&self) -> String {
        match self {
            Self::File(path) => format!("`{path}`"),
            Self::Text { origin, .. } => format!("what {origin} prints"),
        }
    }

    fn read(&self, what: &str, help: &str) -> Result<String, EndpointError> {
        match self {
            Self::File(path) => read(path, what, help),
            Self::Text { text, .. } => Ok((*text).to_owned()),
        }
    }
}

/// Who we are: a file of credentials, a key, a user with a password, a token, or nobody in particular.
#[derive(Default)]
pub(super) struct Introduction {
    user: Option<(String, String)>,
    token: Option<String>,
    /// The seed of a user's key.
    key: Option<String>,
    /// The text of a file of credentials, and how it is called in messages.
    credentials: Option<(String, String)>,
}

impl Introduction {
    /// Reads what an address says.
    ///
    /// # Errors
    /// When a file cannot be read, or is no such file.
    pub(super) fn of(address: &Address, credentials: Option<&Credentials>) -> Result<Self, EndpointError> {
        let mut introduction = match credentials {
            None => Self::default(),
            // `nats://TOKEN@host` is how NATS itself writes a token.
            Some(found) if found.password.is_empty() => Self::of_token(&found.username),
            Some(found) if found.username.is_empty() => Self::of_token(&found.password),
            Some(found) => {
                Self { user: Some((found.username.clone(), found.password.clone())), ..Self::default() }
            }
        };
        introduction.key = Kept::at(address, "nkey").map(|kept| seed(&kept)).transpose()?;
        if let Some(kept) = Kept::at(address, "creds") {
            introduction.credentials = Some((kept.read("the credentials", CREDENTIALS_HELP)?, kept.name()));
        }
        Ok(introduction)
    }

    fn of_token(token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::default() }
    }

    /// For the client library.
    ///
    /// # Errors
    /// When the credentials cannot be used.
    pub(super) fn to_client(&self, connect: ConnectOptions) -> Result<ConnectOptions, EndpointError> {
        let mut connect = connect;
        if let Some(token) = &self.token {
            connect = connect.token(token.clone());
        }
        if let Some((name, password)) = &self.user {
            connect = connect.user_and_password(name.clone(), password.clone());
        }
        if let Some(seed) = &self.key {
            connect = connect.nkey(seed.clone());
        }
        match &self.credentials {
            Some((text, path)) => connect.credentials(text).map_err(|error| unusable(path, &error)),
            None => Ok(connect),
        }
    }

    /// What we say to a server that gave us this to sign.
    ///
    /// # Errors
    /// When the credentials cannot be used.
    pub(super) fn signed(&self, nonce: &str) -> Result<Map<String, Value>, EndpointError> {
        let mut words = Map::new();
        let mut say = |name: &str, value: String| drop(words.insert(name.to_owned(), Value::from(value)));
        if let Some(token) = &self.token {
            say("auth_token", token.clone());
        }
        if let Some((name, password)) = &self.user {
            say("user", name.clone());
            say("pass", password.clone());
        }
        let signature =
            |key: &nkeys::KeyPair| key.sign(nonce.as_bytes()).map(|it| BASE64_URL_SAFE_NO_PAD.encode(it));
        if let Some(seed) = &self.key {
            // It was looked at when it was read.
            if let Ok(key) = nkeys::KeyPair::from_seed(seed)
                && let Ok(signature) = signature(&key)
            {
                say("nkey", key.public_key());
                say("sig", signature);
            }
        }
        if let Some((text, path)) = &self.credentials {
            let token = token(text).ok_or_else(|| unusable(path, &"it holds no JWT"))?;
            let seed = seed_line(text).ok_or_else(|| unusable(path, &"it holds no seed of a key"))?;
            let key = nkeys::KeyPair::from_seed(seed).map_err(|error| unusable(path, &error))?;
            say("jwt", token.to_owned());
            say("sig", signature(&key).map_err(|error| unusable(path, &error))?);
        }
        Ok(words)
    }
}

const CREDENTIALS_HELP: &str = "`creds` names a file as `nsc generate creds` writes it";

fn unusable(path: &str, error: &dyn Display) -> EndpointError {
    let message = format!("cannot use the credentials in {path}: {error}");
    EndpointError::new(Kind::Malformed, message).help(CREDENTIALS_HELP)
}

/// Whether this is what a file would hold, and not its path: its last line is ended. It is never shown.
fn is_text(value: &str) -> bool {
    value.ends_with('\n')
}

/// The JWT of a user in a file of credentials.
fn token(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| line.matches('.').count() == 2 && !line.contains(' '))
}

/// The seed of a key between the lines that tools write around it.
fn seed_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| line.starts_with('S') && line.len() > 40)
}

/// The seed of a user's key, in a file of its own or between the lines that tools write around it.
fn seed(kept: &Kept<'_>) -> Result<String, EndpointError> {
    let help =
        "`nkey` names a file with the seed of a user's key, which begins with `SU`; `nk -gen user` makes one";
    let text = kept.read("the key", help)?;
    let wrong =
        |what: &str| EndpointError::new(Kind::Malformed, format!("{} holds {what}", kept.name())).help(help);
    let seed = seed_line(&text).ok_or_else(|| wrong("no seed of a key"))?;
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
    // The client reads the files again; what is wrong with them is said here.
    encryption(options)?;
    let connect = match options.text("ca") {
        Some(path) => connect.add_root_certificates(path.into()),
        None => connect,
    };
    Ok(match (options.text("cert"), options.text("key")) {
        (Some(cert), Some(key)) => connect.add_client_certificate(cert.into(), key.into()),
        _ => connect,
    })
}

/// How to encrypt with the certificates that are named; `None` where none are.
///
/// # Errors
/// As [`encrypt`].
pub(super) fn encryption(options: &AddressOptions<'_>) -> Result<Option<ClientConfig>, EndpointError> {
    let authorities = options.text("ca").map(tls::read_authorities).transpose()?;
    let identity = tls::Identity::of(options)?;
    let is_named = authorities.is_some() || identity.is_some();
    is_named.then(|| tls::client_config(authorities.as_deref(), identity.as_ref())).transpose()
}

/// Whether nothing may go in clear: the scheme says so, or the address names certificates. Without either the server decides.
pub(super) fn must_encrypt(options: &AddressOptions<'_>, address: &Address) -> bool {
    address.tls || tls::named_in(options, address).is_some()
}

/// Why the server may not have taken what we showed, with the next step.
pub(super) fn not_let_in(address: &Address) -> (String, &'static str) {
    if let Some(kept) = Kept::at(address, "creds") {
        let what = match expiry(&kept) {
            Some(when) => format!("does not let us in: the JWT in {} expired on {when}", kept.name()),
            None => format!("does not take the credentials in {}", kept.name()),
        };
        return (
            what,
            "make new ones with `nsc generate creds`, or ask who runs the server whether the user still exists",
        );
    }
    if let Some(kept) = Kept::at(address, "nkey") {
        let what = format!("does not know the key in {}", kept.name());
        return (what, "is its public half among the users of the server? `nk -inkey FILE -pubout` shows it");
    }
    (
        "does not let us in: user, password or token are wrong or missing".to_owned(),
        "check what you log in with: `nats://USER:PASSWORD@HOST/…`, or `auth` of the environment in `eddy.yaml`",
    )
}

/// When the JWT in a file of credentials expired; `None` when it did not, or does not say.
fn expiry(kept: &Kept<'_>) -> Option<jiff::Timestamp> {
    let text = kept.read("the credentials", CREDENTIALS_HELP).ok()?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token(&text)?.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    let when = jiff::Timestamp::from_second(claims.get("exp")?.as_i64()?).ok()?;
    (when < jiff::Timestamp::now()).then_some(when)
}

#[cfg(test)]
mod tests {
    use super::must_encrypt;
    use crate::endpoint::Address;
    use crate::endpoint::address_options::AddressOptions;

    #[test]
    fn who_names_certificates_wants_encryption() {
        let must = |address: &Address| {
            let options = AddressOptions::new(address, &super::OPTIONS).expect("known");
            must_encrypt(&options, address)
        };
        for (text, wanted) in [
            ("nats://h/s", false),
            ("nats://h/s?nkey=k", false),
            ("nats://h/s?ca=f", true),
            ("nats://h/s?cert=f&key=f", true),
            ("tls://h/s", true),
        ] {
            assert_eq!(must(&Address::parse(text).expect("an address")), wanted, "{text}");
        }
        let mut granted = Address::parse("nats://h/s").expect("an address");
        granted.grant("ca", "f".to_owned(), "`tls.ca`");
        assert!(!must(&granted), "a workspace names certificates for all its servers");
    }
}
