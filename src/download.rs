//! What documents and templates at addresses are fetched with: one body within its limit, and why there is none.

/// Redirects followed for one address.
pub const REDIRECTS: usize = 5;

/// The body at an address; `None` when it has more bytes than `most`.
///
/// # Errors
/// Why it cannot be had, in words.
pub async fn body(client: &reqwest::Client, address: &str, most: u64) -> Result<Option<Vec<u8>>, String> {
    let mut response = client.get(address).send().await.map_err(|error| cause(&error))?;
    if !response.status().is_success() {
        return Err(format!("the server answers {}", response.status()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > most {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

/// The innermost reason, which says more than the words around it.
#[must_use]
pub fn cause(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if error.is_timeout() { "it takes too long".to_owned() } else { inner.to_string() }
}
