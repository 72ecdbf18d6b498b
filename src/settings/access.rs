//! What a workspace file says of certificates and of who we are: where each value is found, not the value itself.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::command;

/// A value, or where it is found.
#[derive(Clone, PartialEq, Eq)]
pub enum ValueSetting {
    /// The value itself; `${VARIABLE}` is replaced.
    Text(String),
    /// A file that holds it, relative to the workspace file.
    File(String),
    /// The words of a program that prints it; no shell takes part.
    Command(Vec<String>),
}

/// A value may be a secret.
impl fmt::Debug for ValueSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => formatter.write_str("Text(***)"),
            Self::File(path) => write!(formatter, "File({path})"),
            Self::Command(words) => {
                write!(formatter, "Command({})", words.first().map_or("", String::as_str))
            }
        }
    }
}

/// The longer way to write a value: exactly one of the two.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueSource {
    /// A file that holds it.
    file: Option<String>,
    /// A program that prints it.
    command: Option<Words>,
}

/// A program and its arguments, as a list or as one text that is split where a shell would split it.
#[derive(Clone, Debug)]
struct Words(Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a text or a list of texts is expected")]
        enum Written {
            Line(String),
            List(Vec<String>),
        }
        let words = match Written::deserialize(deserializer)? {
            Written::Line(line) => command::split(&line).map_err(Error::custom)?,
            Written::List(words) => words,
        };
        match words.first() {
            Some(program) if !program.is_empty() => Ok(Self(words)),
            _ => Err(Error::custom("a command needs the name of a program")),
        }
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = ValueSetting;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text in quotes, `{ file: PATH }` or `{ command: PROGRAM }`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ValueSetting, E> {
        Ok(ValueSetting::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ValueSetting, A::Error> {
        let source = ValueSource::deserialize(MapAccessDeserializer::new(map))?;
        match (source.file, source.command) {
            (Some(file), None) => Ok(ValueSetting::File(file)),
            (None, Some(words)) => Ok(ValueSetting::Command(words.0)),
            _ => Err(Error::custom("either `file` or `command` is expected")),
        }
    }
}

impl<'de> Deserialize<'de> for ValueSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// The path of a file, relative to the workspace file; `${VARIABLE}` is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSetting(pub String);

struct FileVisitor;

impl<'de> Visitor<'de> for FileVisitor {
    type Value = FileSetting;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the path of a file")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<FileSetting, E> {
        Ok(FileSetting(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FileSetting, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            file: String,
        }
        Ok(FileSetting(Written::deserialize(MapAccessDeserializer::new(map))?.file))
    }
}

impl<'de> Deserialize<'de> for FileSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FileVisitor)
    }
}

/// A key that is written must have a value.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Certificates for encrypted connections, PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map such as `{ ca: FILE, certificate: FILE, key: FILE }`")]
pub struct TlsSettings {
    /// The authorities to trust; those of the platform without it.
    #[serde(default, deserialize_with = "given")]
    pub ca: Option<FileSetting>,
    /// Our own certificate, for servers that ask for one.
    #[serde(default, deserialize_with = "given")]
    pub certificate: Option<FileSetting>,
    /// The private key of our certificate.
    #[serde(default, deserialize_with = "given")]
    pub key: Option<FileSetting>,
}

/// How a password or token is shown to Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sasl {
    /// As it is; only over an encrypted connection.
    Plain,
    /// By a proof with SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// By a proof with SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
    /// A token of an identity provider.
    Oauthbearer,
}

impl Sasl {
    /// As it stands in a workspace file and in addresses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::ScramSha256 => "scram-sha-256",
            Self::ScramSha512 => "scram-sha-512",
            Self::Oauthbearer => "oauthbearer",
        }
    }
}

/// Who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a map such as `{ username: NAME, password: { file: PATH } }` or `{ token: { file: PATH } }`"
)]
pub struct AuthSettings {
    /// The user.
    #[serde(default, deserialize_with = "given")]
    pub username: Option<ValueSetting>,
    /// The password.
    #[serde(default, deserialize_with = "given")]
    pub password: Option<ValueSetting>,
    /// A token, instead of user and password.
    #[serde(default, deserialize_with = "given")]
    pub token: Option<ValueSetting>,
    /// How Kafka is shown the password or the token.
    #[serde(default, deserialize_with = "given")]
    pub sasl: Option<Sasl>,
    /// A credentials file of NATS, or the program that prints what it would hold; a text is the path of the file.
    #[serde(default, deserialize_with = "given")]
    pub creds: Option<ValueSetting>,
    /// A file with the seed of a NATS user's key, or the program that prints the seed; a text is the path of the file.
    #[serde(default, deserialize_with = "given")]
    pub nkey: Option<ValueSetting>,
    /// Headers of every HTTP request.
    #[serde(default)]
    pub headers: BTreeMap<String, ValueSetting>,
}

/// Two keys of which only one makes sense, or one that needs another: the key, what is wrong, and what to do.
pub(super) type Conflict = (&'static str, &'static str, &'static str);

impl TlsSettings {
    pub(super) fn conflict(&self) -> Option<Conflict> {
        let help = "a certificate of our own needs both `certificate` and `key`";
        match (&self.certificate, &self.key) {
            (Some(_), None) => Some(("tls.certificate", "it has no `key`", help)),
            (None, Some(_)) => Some(("tls.key", "it has no `certificate`", help)),
            _ => None,
        }
    }
}

impl AuthSettings {
    pub(super) fn conflict(&self) -> Option<Conflict> {
        let named = self.username.is_some() || self.password.is_some();
        let help = "keep `token`, or `username` and `password`";
        (named && self.token.is_some()).then_some((
            "auth.token",
            "it stands beside a user or a password",
            help,
        ))
    }
}

/// A server of an environment: its address alone, or with certificates and credentials of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address; `${VARIABLE}` is replaced.
    pub url: String,
    /// Certificates instead of those of the environment.
    pub tls: Option<TlsSettings>,
    /// Who we are for this server, instead of what the environment says.
    pub auth: Option<AuthSettings>,
}

struct ServerVisitor;

impl<'de> Visitor<'de> for ServerVisitor {
    type Value = ServerSettings;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an address, or `{ url: ADDRESS }` with `tls` and `auth`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ServerSettings, E> {
        Ok(ServerSettings { url: text.to_owned(), ..ServerSettings::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ServerSettings, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Server {
            url: String,
            #[serde(default)]
            tls: Option<TlsSettings>,
            #[serde(default)]
            auth: Option<AuthSettings>,
        }
        let Server { url, tls, auth } = Server::deserialize(MapAccessDeserializer::new(map))?;
        Ok(ServerSettings { url, tls, auth })
    }
}

impl<'de> Deserialize<'de> for ServerSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ServerVisitor)
    }
}
