//! The receiver: accepts connections, answers the handshake of webhooks, and puts what is posted in line for the reader.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::client::{ALLOWED_ORIGIN, ALLOWED_RATE, authorization};
use super::incoming;
use super::settings::SourceSettings;
use super::waiting::{Budget, Waiting};

/// Connections at once; more wait.
const MOST_CONNECTIONS: usize = 1024;
/// How long headers, and the greeting of an encrypted connection, may take. Also how long a connection may be idle.
const GREETING: Duration = Duration::from_secs(15);
/// How long a body may take.
const BODY: Duration = Duration::from_secs(30);
/// When a sender may come back.
const COME_BACK: &str = "1";

/// What every request is answered with the help of.
struct Receiver {
    settings: SourceSettings,
    expected: Option<HeaderValue>,
    line: mpsc::Sender<Waiting>,
    budget: Budget,
}

/// Where a request came from.
#[derive(Clone, Copy)]
struct Remote(SocketAddr);

/// Accepts connections until `closing` says so, then lets requests under way finish.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    settings: SourceSettings,
    line: mpsc::Sender<Waiting>,
    mut closing: watch::Receiver<bool>,
) {
    let expected = settings.credentials.as_ref().and_then(authorization);
    let receiver = Arc::new(Receiver { settings, expected, line, budget: Budget::default() });
    let router = Router::new().fallback(answer).with_state(receiver);
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, remote, place)) = accepted else {
            continue;
        };
        let (router, tls, closing) = (router.clone(), tls.clone(), closing.clone());
        connections.spawn(async move {
            let _place = place;
            greet(stream, remote, tls, router, closing).await;
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    if let Ok((stream, remote)) = listener.accept().await {
        // Answers are small and must not wait for more.
        let _ = stream.set_nodelay(true);
        return Some((stream, remote, place));
    }
    // Out of file descriptors, most likely: they come back as connections end.
    tokio::time::sleep(Duration::from_millis(50)).await;
    None
}

async fn greet(
    stream: TcpStream,
    remote: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    closing: watch::Receiver<bool>,
) {
    let router = router.layer(axum::Extension(Remote(remote)));
    let Some(tls) = tls else {
        return converse(stream, router, closing).await;
    };
    // Whoever does not agree on encryption is not our concern.
    if let Ok(Ok(stream)) = tokio::time::timeout(GREETING, tls.accept(stream)).await {
        converse(stream, router, closing).await;
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    mut closing: watch::Receiver<bool>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(GREETING);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(256)
        .keep_alive_interval(GREETING)
        .keep_alive_timeout(GREETING);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A connection that breaks takes its requests along; their senders know best.
        _ = connection.as_mut() => return,
        _ = closing.wait_for(|closing| *closing) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn answer(
    State(receiver): State<Arc<Receiver>>,
    axum::Extension(Remote(remote)): axum::Extension<Remote>,
    request: Request,
) -> Response {
    if !receiver.knows(&request) {
        return receiver.unknown();
    }
    if !receiver.settings.takes(request.uri().path()) {
        return words(StatusCode::NOT_FOUND, "no events are taken at this path");
    }
    match *request.method() {
        Method::POST => receiver.take(remote, request).await,
        Method::OPTIONS => permission(&request),
        _ => {
            let mut refusal = words(StatusCode::METHOD_NOT_ALLOWED, "events are taken by POST");
            refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
            refusal
        }
    }
}

impl Receiver {
    fn knows(&self, request: &Request) -> bool {
        // All are looked at, however early one is wrong.
        self.expected_headers().fold(true, |known, (name, expected)| {
            let given = request.headers().get(name).map(HeaderValue::as_bytes).unwrap_or_default();
            is_same_secret(given, expected.as_bytes()) & known
        })
    }

    /// What every sender must show.
    fn expected_headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let own = self.expected.iter().map(|value| (&AUTHORIZATION, value));
        own.chain(self.settings.headers.iter().map(|(name, value)| (name, value)))
    }

    fn unknown(&self) -> Response {
        let mut answer = words(StatusCode::UNAUTHORIZED, "the credentials are missing or wrong");
        let login = self.expected_headers().find(|(name, _)| *name == AUTHORIZATION);
        let scheme = match login {
            Some((_, value)) if value.as_bytes().starts_with(b"Bearer") => "Bearer",
            Some(_) => "Basic realm=\"eddy\", charset=\"UTF-8\"",
            None => "ApiKey realm=\"eddy\"",
        };
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        answer
    }

    /// Reads a request, puts it in line and answers when the reader has it and came back for more.
    async fn take(&self, remote: SocketAddr, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        // What lets a sender in is no part of its events.
        for (name, _) in &self.settings.headers {
            parts.headers.remove(name);
        }
        let mut bytes = self.budget.start();
        let body = match tokio::time::timeout(BODY, self.read_body(&parts, body, &mut bytes)).await {
            Ok(Ok(body)) => body,
            Ok(Err(refusal)) => return refusal,
            Err(_) => return closing_words(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
        };
        let received = incoming::read(&parts, &remote.to_string(), body, self.settings.as_binary);
        let problem = received.problem;
        if received.events.is_empty() {
            return StatusCode::NO_CONTENT.into_response();
        }
        let (waiting, ticket, mut answered) = Waiting::new(received.events, bytes);
        if self.line.try_send(waiting).is_err() {
            return busy();
        }
        let in_time = tokio::time::timeout(self.settings.timeout, &mut answered).await;
        let handed_over = match in_time {
            Ok(answer) => answer.is_ok(),
            Err(_) if ticket.withdraw() => false,
            // The reader has it: only its word counts now.
            Err(_) => answered.await.is_ok(),
        };
        match problem {
            _ if !handed_over => busy(),
            Some(problem) => words(StatusCode::BAD_REQUEST, &problem),
            None => StatusCode::NO_CONTENT.into_response(),
        }
    }

    async fn read_body(
        &self,
        parts: &Parts,
        body: Body,
        bytes: &mut super::waiting::Bytes,
    ) -> Result<Bytes, Response> {
        let limit = self.settings.max_body;
        let too_large =
            || closing_words(StatusCode::PAYLOAD_TOO_LARGE, &format!("bodies may have {limit} bytes here"));
        let declared = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if declared.is_some_and(|length: u64| usize::try_from(length).is_ok_and(|length| length > limit)) {
            return Err(too_large());
        }
        let mut whole = BytesMut::new();
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece =
                piece.map_err(|_| closing_words(StatusCode::BAD_REQUEST, "the body could not be read"))?;
            if whole.len() + piece.len() > limit {
                return Err(too_large());
            }
            if !bytes.more(piece.len()) {
                return Err(busy());
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

/// Takes as long for every secret of the same length.
fn is_same_secret(given: &[u8], expected: &[u8]) -> bool {
    let differences = given.iter().zip(expected).fold(0, |found, (one, other)| found | (one ^ other));
    given.len() == expected.len() && differences == 0
}

/// Allows whoever asks, "HTTP 1.1 Web Hooks for Event Delivery" section 4.2.
fn permission(request: &Request) -> Response {
    let mut answer = StatusCode::NO_CONTENT.into_response();
    let headers = answer.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    if let Some(origin) = request.headers().get("webhook-request-origin") {
        headers.insert(HeaderName::from_static(ALLOWED_ORIGIN), origin.clone());
        headers.insert(HeaderName::from_static(ALLOWED_RATE), HeaderValue::from_static("*"));
    }
    answer
}

fn busy() -> Response {
    let mut answer = words(StatusCode::SERVICE_UNAVAILABLE, "too many events wait to be read");
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(COME_BACK));
    answer
}

/// A refusal in the middle of a body: what is left of it is not read.
fn closing_words(status: StatusCode, text: &str) -> Response {
    let mut answer = words(status, text);
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn words(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}
