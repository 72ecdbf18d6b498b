//! Fetches schemas that references name by address, within limits, when `--allow-remote` says so.

use crate::commands::{CommandError, Context};
use crate::contract::remote::{Fetch, LockError, LockedRemotes};
#[cfg(feature = "remote")]
use crate::download::{REDIRECTS, body, cause};

impl From<LockError> for CommandError {
    fn from(error: LockError) -> Self {
        let hint = match error {
            LockError::Malformed { .. } => "remove the file, and fetch again with `--allow-remote`",
            _ => "check the permissions of the file and its folder",
        };
        Self::usage(error.to_string()).hint(hint)
    }
}

/// The remote references of a run: those locked beside the workspace file, or in the current directory, and others
/// when they may be fetched.
pub fn remotes(is_allowed: bool, context: &Context) -> Result<LockedRemotes<'static>, CommandError> {
    let folder = context.workspace()?.map_or_else(|| context.directory.clone(), |workspace| workspace.root);
    let fetch = if is_allowed { Some(fetcher(context)?) } else { None };
    Ok(LockedRemotes::open(&folder, fetch)?)
}

#[cfg(not(feature = "remote"))]
fn fetcher(_context: &Context) -> Result<Fetch<'static>, CommandError> {
    Err(CommandError::usage("this eddy was built without the feature `remote`")
        .hint("keep a copy of the schema beside the document and refer to the copy"))
}

#[cfg(feature = "remote")]
fn fetcher(context: &Context) -> Result<Fetch<'static>, CommandError> {
    use std::time::Duration;

    // A provider installed before, by a driver for a broker, is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = context.runtime(1)?;
    let client = reqwest::Client::builder()
        .user_agent(concat!("eddy/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(20))
        .redirect(reqwest::redirect::Policy::custom(redirected))
        .build()
        .map_err(|error| CommandError::usage(format!("cannot prepare fetching: {}", cause(&error))))?;
    Ok(Box::new(move |address| runtime.block_on(fetch(&client, address))))
}

/// Bytes of one document.
#[cfg(feature = "remote")]
const LARGEST: u64 = 16 * 1024 * 1024;

#[cfg(feature = "remote")]
fn redirected(attempt: reqwest::redirect::Attempt) -> reqwest::redirect::Action {
    let from_secure = attempt.previous().last().is_some_and(|last| last.scheme() == "https");
    if attempt.previous().len() > REDIRECTS {
        return attempt.error(format!("it redirects more than {REDIRECTS} times"));
    }
    match attempt.url().scheme() {
        "https" => attempt.follow(),
        "http" if !from_secure => attempt.follow(),
        other => {
            let message = format!("it redirects to `{other}`");
            attempt.error(message)
        }
    }
}

#[cfg(feature = "remote")]
async fn fetch(client: &reqwest::Client, address: &str) -> Result<String, String> {
    if !address.starts_with("http://") && !address.starts_with("https://") {
        return Err("only http and https are fetched".to_owned());
    }
    let bytes = body(client, address, LARGEST).await?;
    let bytes = bytes.ok_or_else(|| format!("it is larger than {LARGEST} bytes"))?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}
