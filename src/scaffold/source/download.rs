//! Archives of templates at addresses: fetched by HTTPS only, within time and space; what counts is their hash.

use url::Url;

/// What an address of an archive must be; the reason when it is not.
pub(super) fn fault(address: &str) -> Option<&'static str> {
    let Ok(url) = Url::parse(address) else { return Some("the address is none") };
    if url.scheme() != "https" || url.host_str().unwrap_or_default().is_empty() {
        return Some("archives are fetched by `https://` only");
    }
    let is_secret = url.password().is_some() || !url.username().is_empty();
    is_secret.then_some("it has a user or a password in it, which would be written into the project")
}

/// The bytes at an address, at most so many, or why there are none.
#[cfg(not(feature = "remote"))]
pub(super) fn fetch(_address: &str, _most: u64) -> Result<Vec<u8>, String> {
    Err("this eddy was built without the feature `remote`; fetch the archive, and name the file".to_owned())
}

#[cfg(feature = "remote")]
pub(super) use self::https::fetch;

#[cfg(feature = "remote")]
mod https {
    use std::time::Duration;

    use reqwest::redirect::{Action, Attempt, Policy};

    use crate::download::{REDIRECTS, body, cause};

    /// Longest until the server answers, between two pieces, and for all of it.
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    const READ_TIMEOUT: Duration = Duration::from_secs(30);
    const DEADLINE: Duration = Duration::from_secs(300);

    /// The bytes at an address, at most so many, or why there are none.
    pub(in super::super) fn fetch(address: &str, most: u64) -> Result<Vec<u8>, String> {
        // A provider installed before, by a driver for a broker, is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot prepare fetching: {error}"))?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("eddy/", env!("CARGO_PKG_VERSION")))
            .https_only(true)
            // The hash is that of the archive as it is stored.
            .no_gzip()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(DEADLINE)
            .redirect(Policy::custom(redirected))
            .build()
            .map_err(|error| format!("cannot prepare fetching: {}", cause(&error)))?;
        let found = runtime.block_on(body(&client, address, most))?;
        found.ok_or_else(|| format!("it has more than {} MiB", most >> 20))
    }

    fn redirected(attempt: Attempt) -> Action {
        if attempt.previous().len() > REDIRECTS {
            return attempt.error(format!("it redirects more than {REDIRECTS} times"));
        }
        if attempt.url().scheme() != "https" {
            let message = format!("it redirects to `{}`", attempt.url().scheme());
            return attempt.error(message);
        }
        attempt.follow()
    }
}
