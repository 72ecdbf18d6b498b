//! Where a registry is and who we are there.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use url::Url;

use super::error::{RegistryError, RegistryErrorKind};

/// Options an address may have after `?`.
const OPTIONS: [&str; 2] = ["ca", "token"];

/// Where a registry is and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistrySettings {
    /// Its address, without secrets and options.
    pub url: Url,
    /// User and password.
    pub user: Option<(String, String)>,
    /// A bearer token.
    pub token: Option<String>,
    /// A PEM file with the certificates of the authorities to trust.
    pub ca: Option<PathBuf>,
}

/// Secrets stay inside.
impl fmt::Debug for RegistrySettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RegistrySettings({})", self.url)
    }
}

impl RegistrySettings {
    /// Reads an address such as `http://localhost:8081` or `https://user:password@host/apis/ccompat/v7?ca=FILE`.
    ///
    /// # Errors
    /// When it is no address of a registry. The text itself may hold secrets and is not repeated.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let wrong = |message: &str| {
            let help = "write `http://HOST:PORT`, `https://USER:PASSWORD@HOST`, and `?ca=FILE` or `?token=TOKEN` after it";
            RegistryError::new(RegistryErrorKind::Malformed, message, help)
        };
        let mut url = Url::parse(text).map_err(|error| RegistryError {
            wrong: wrong_part(text, error).map(Box::new),
            ..wrong(&format!("the address of the schema registry is none: {error}"))
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme();
            return Err(wrong(&format!("a schema registry is asked by http or https, not by `{scheme}`")));
        }
        if url.fragment().is_some() {
            return Err(wrong("the address of the schema registry has a `#`"));
        }
        let mut settings = Self { url: url.clone(), user: None, token: None, ca: None };
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "ca" => settings.ca = Some(PathBuf::from(value.as_ref())),
                "token" => settings.token = Some(value.into_owned()),
                other => {
                    let near = crate::diagnostic::nearest(other, OPTIONS);
                    let meant = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                    return Err(wrong(&format!("a schema registry has no option `{other}`{meant}")));
                }
            }
        }
        settings.user = credentials(&url).ok_or_else(|| wrong("user or password are no UTF-8"))?;
        if settings.user.is_some() && settings.token.is_some() {
            return Err(wrong("the schema registry takes a user and a password, or a token, not both"));
        }
        url.set_query(None);
        // They cannot fail for an address with a host, which http has.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        settings.url = url;
        Ok(settings)
    }
}

type Credentials = Option<(String, String)>;

/// User and password of an address; nothing when they are no text.
fn credentials(url: &Url) -> Option<Credentials> {
    if url.username().is_empty() && url.password().is_none() {
        return Some(None);
    }
    // The parser of queries takes `+` for a blank, which it is not here.
    let plain = |text: &str| {
        let pair = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
        let (_, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
        (!value.contains('\u{fffd}')).then(|| value.into_owned())
    };
    Some(Some((plain(url.username())?, plain(url.password().unwrap_or_default())?)))
}

/// The beginning of an address without who we are, and where in it the host stands, or the port when that is wrong.
fn wrong_part(text: &str, error: url::ParseError) -> Option<(String, Range<usize>)> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if rest[end..].contains('@') {
        // A password with such a letter ends the host too early.
        return None;
    }
    let (user, host) = rest[..end].rsplit_once('@').map_or(("", &rest[..end]), |(_, host)| ("***@", host));
    let before = format!("{scheme}://{user}");
    let port = host.rfind(':').filter(|_| error == url::ParseError::InvalidPort).map_or(0, |at| at + 1);
    Some((format!("{before}{host}"), before.len() + port..before.len() + host.len()))
}

#[cfg(test)]
mod tests {
    use super::RegistrySettings;

    #[test]
    fn an_address_is_taken_apart() {
        let plain = RegistrySettings::parse("http://localhost:8081").unwrap();
        assert_eq!((plain.url.as_str(), &plain.user, &plain.token), ("http://localhost:8081/", &None, &None));
        let full =
            RegistrySettings::parse("https://me:a%2Bb+c%40@host/apis/ccompat/v7?ca=/etc/ca.pem").unwrap();
        assert_eq!(full.url.as_str(), "https://host/apis/ccompat/v7");
        assert_eq!(full.user, Some(("me".to_owned(), "a+b+c@".to_owned())));
        assert_eq!(full.ca.as_deref(), Some(std::path::Path::new("/etc/ca.pem")));
        assert!(!format!("{full:?}").contains("a+b"), "{full:?}");
        let token = RegistrySettings::parse("https://host?token=s3cret").unwrap();
        assert_eq!(token.token.as_deref(), Some("s3cret"));
        assert!(!format!("{token:?}").contains("s3cret"), "{token:?}");
    }

    #[test]
    fn the_wrong_part_is_underlined() {
        let marked = |text: &str| {
            let error = RegistrySettings::parse(text).expect_err(text);
            error.wrong.map(|wrong| (wrong.0[wrong.1.clone()].to_owned(), wrong.0))
        };
        let at = |part: &str, shown: &str| Some((part.to_owned(), shown.to_owned()));
        assert_eq!(marked("http://u:p@h:99999"), at("99999", "http://***@h:99999"));
        assert_eq!(marked("http://h:99999/a?token=s3cret"), at("99999", "http://h:99999"));
        assert_eq!(marked("http://a b:80"), at("a b:80", "http://a b:80"));
        assert_eq!(marked("http://u:s3/cret@h:99999"), None);
    }

    #[test]
    fn what_is_none_is_refused_without_its_secrets() {
        for (text, reason) in [
            ("localhost:8081", "not by `localhost`"),
            ("kafka://s3cret@localhost", "not by `kafka`"),
            ("http://me:s3cret@", "none"),
            ("http://host?tokn=s3cret", "did you mean `token`?"),
            ("http://me:s3cret@host?token=x", "not both"),
            ("http://host#x", "`#`"),
        ] {
            let error = RegistrySettings::parse(text).expect_err(text);
            assert!(error.message.contains(reason), "{text}: {error}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
