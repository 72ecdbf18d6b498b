//! The connection to a web server: encryption, credentials, one request and its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Request, Response};
use url::Url;

use super::failure::{self, Refusal, RetryAfter};
use super::outgoing::Outgoing;
use super::settings::{SinkSettings, after_hash};
use crate::endpoint::tls::client_config;
use crate::endpoint::{Credentials, EndpointError, EndpointErrorKind};

/// Bytes of an answer that are read before its connection is given up.
const LARGEST_ANSWER: usize = 64 * 1024;
/// Unused connections are closed before servers do, so that no request runs into the closing.
const IDLE: Duration = Duration::from_secs(4);

/// Who we are and what may go on at this receiver, "HTTP 1.1 Web Hooks for Event Delivery".
const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
/// Whom the receiver allows.
pub(super) const ALLOWED_ORIGIN: &str = "webhook-allowed-origin";
/// Requests a minute the receiver allows.
pub(super) const ALLOWED_RATE: &str = "webhook-allowed-rate";

/// How often a server is asked that hangs up instead of answering.
const ASKED: u32 = 5;

/// A client of one server.
#[derive(Clone)]
pub(super) struct HttpClient {
    client: Client,
    settings: SinkSettings,
    always: HeaderMap,
    /// What lets us in, which a server may repeat in its answer.
    secrets: Arc<[String]>,
}

impl HttpClient {
    /// Gets ready; nothing is sent yet.
    pub(super) fn new(settings: &SinkSettings) -> Result<Self, EndpointError> {
        // A provider installed before, by a driver for a broker, is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("eddy/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(settings.concurrency)
            .tcp_nodelay(true)
            .referer(false)
            .no_gzip()
            .tls_info(true);
        if settings.address.tls {
            let mut config = client_config(settings.authorities.as_deref(), settings.identity.as_ref())
                .map_err(|error| EndpointError { help: error.help.as_deref().map(after_hash), ..error })?;
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            builder = builder.tls_backend_preconfigured(config);
        }
        let client = builder.build().map_err(|error| {
            let message = format!("cannot get ready for `{}`: {error}", settings.address);
            EndpointError::new(EndpointErrorKind::Unsupported, message)
        })?;
        let always = always(settings);
        let secrets = secrets(settings, &always).into();
        Ok(Self { client, always, secrets, settings: settings.clone() })
    }

    /// Sends an event and waits for the answer.
    pub(super) async fn post(&self, url: Url, outgoing: Outgoing) -> Result<(), EndpointError> {
        let is_asking = [Method::GET, Method::HEAD].contains(&outgoing.method) && outgoing.body.is_empty();
        let mut request = Request::new(outgoing.method, url);
        *request.headers_mut() = outgoing.headers;
        *request.body_mut() = (!is_asking).then(|| outgoing.body.into());
        *request.timeout_mut() = Some(self.settings.timeout);
        let answer = self.send(request, true).await?;
        let status = answer.status();
        if status.is_success() {
            read_some(answer).await;
            return Ok(());
        }
        let location = header(&answer, LOCATION.as_str());
        let date = header(&answer, DATE.as_str());
        let retry_after = header(&answer, RETRY_AFTER.as_str());
        let retry_after = retry_after.map(|text| RetryAfter::read(text, date.as_deref()));
        let body = read_some(answer).await;
        Err(self.refused(&Refusal { status, retry_after, location, body }))
    }

    /// The refusal in words, without what lets us in.
    fn refused(&self, refusal: &Refusal) -> EndpointError {
        failure::refused(refusal, &self.settings.address, &self.secrets)
    }

    /// What a server said, without what lets us in.
    pub(super) fn shown(&self, text: &str) -> String {
        failure::without_secrets(text, &self.secrets)
    }

    /// Asks what may be sent; with `for_delivery`, whether we may send at all.
    pub(super) async fn ask(
        &self,
        method: Method,
        for_delivery: bool,
        timeout: Duration,
    ) -> Result<Response, EndpointError> {
        let mut attempts = 1;
        loop {
            let mut request = Request::new(method.clone(), self.settings.url("")?);
            if for_delivery {
                request.headers_mut().insert(REQUEST_ORIGIN, self.settings.origin.clone());
            }
            *request.timeout_mut() = Some(timeout);
            match self.send(request, false).await {
                // Who does not let us in may hang up so early that its reason is lost on the way.
                Err(error) if error.kind == EndpointErrorKind::Disconnected && attempts < ASKED => {
                    attempts += 1;
                }
                other => return other,
            }
        }
    }

    async fn send(&self, mut request: Request, is_event: bool) -> Result<Response, EndpointError> {
        let headers = request.headers_mut();
        for (name, value) in &self.always {
            headers.insert(name, value.clone());
        }
        let timeout = request.timeout().copied().unwrap_or(self.settings.timeout);
        let sent = self.client.execute(request).await;
        sent.map_err(|error| failure::transport(&error, &self.settings.address, timeout, is_event))
    }

    /// The refusal an answer amounts to when it says that we are not known.
    pub(super) async fn not_let_in(&self, answer: Response) -> Option<EndpointError> {
        let is_refusal =
            [StatusCode::UNAUTHORIZED, StatusCode::PROXY_AUTHENTICATION_REQUIRED].contains(&answer.status());
        if !is_refusal {
            return None;
        }
        let status = answer.status();
        let body = read_some(answer).await;
        let refusal = Refusal { status, retry_after: None, location: None, body };
        Some(self.refused(&refusal))
    }
}

/// The text of a header of an answer.
pub(super) fn header(answer: &Response, name: &str) -> Option<String> {
    let value = answer.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// What goes with every request: credentials and the headers of the address.
fn always(settings: &SinkSettings) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(value) = settings.credentials.as_ref().and_then(authorization) {
        headers.insert(AUTHORIZATION, value);
    }
    for (name, value) in &settings.headers {
        headers.insert(name, value.clone());
    }
    headers
}

/// Values that nobody is to see, the longest first: what one holds of another goes with it.
fn secrets(settings: &SinkSettings, always: &HeaderMap) -> Vec<String> {
    let values = always.values().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    let mut secrets: Vec<String> = values
        // Behind the name of a way to log in stands what is secret.
        .flat_map(|value| [Some(value), value.split_once(' ').map(|(_, secret)| secret)])
        .flatten()
        .chain(settings.credentials.as_ref().map(|credentials| credentials.password.as_str()))
        .map(|secret| secret.trim().to_owned())
        .filter(|secret| !secret.is_empty())
        .collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

/// A user and a password are basic, a password alone is a bearer token.
pub(super) fn authorization(credentials: &Credentials) -> Option<HeaderValue> {
    let Credentials { username, password } = credentials;
    let text = if username.is_empty() {
        format!("Bearer {password}")
    } else {
        format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
    };
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Reads an answer to its end, so that its connection can be used again, unless it is very long.
async fn read_some(mut answer: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_ANSWER {
            break;
        }
    }
    body
}
