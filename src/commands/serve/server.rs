//! The web server: the page and two streams of news, for this machine and this page only.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::Stream;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::hub::{Hub, Message, Wish};

/// Messages that wait for a page that reads slowly.
const WAITING: usize = 256;

/// Answers until it is over.
pub(super) async fn serve(listener: TcpListener, hub: Arc<Hub>) {
    let mut over = hub.over.subscribe();
    let router = Router::new()
        .route("/", get(page))
        .route("/pulse", get(pulse))
        .route("/tail", get(tail))
        .fallback(|| async {
            words(StatusCode::NOT_FOUND, "there is nothing at this path; the page is at `/`")
        })
        .layer(from_fn_with_state(Arc::clone(&hub), guard))
        .with_state(hub);
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        // Nothing is left to say either way.
        let _ = over.wait_for(|over| *over).await;
    });
    // Connections that break concern nobody but their pages.
    let _ = serving.await;
}

/// Answers nobody who came here by another name or from another site.
async fn guard(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&hub, request.headers(), request.uri()) {
        Some(why) => words(StatusCode::FORBIDDEN, why),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Why a request is not answered.
fn refusal(hub: &Hub, headers: &HeaderMap, uri: &Uri) -> Option<&'static str> {
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = named.or_else(|| uri.authority().map(axum::http::uri::Authority::as_str));
    // A name of another site that leads to this machine is how other sites would come to read the page.
    if !host.is_some_and(|host| hub.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))) {
        return Some("this server answers to `127.0.0.1` and `localhost` only");
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_link = uri.path() == "/" && text("sec-fetch-mode") == Some("navigate");
    let is_own = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    (!is_own && !is_link).then_some("this server answers to its own page only")
}

async fn page(State(hub): State<Arc<Hub>>) -> Response {
    let page = Arc::clone(&hub.page.borrow());
    let policy = format!("{}; frame-ancestors 'none'", page.policy);
    let mut response = page.html.clone().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What changed, for as long as the page listens.
async fn pulse(State(hub): State<Arc<Hub>>) -> Response {
    let (out, news) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let told = tell(&hub, &out);
        let mut over = hub.over.subscribe();
        tokio::select! {
            _ = told => {}
            () = out.closed() => {}
            _ = over.wait_for(|over| *over) => {}
        }
    });
    stream(news)
}

async fn tell(hub: &Hub, out: &mpsc::Sender<Message>) -> Result<(), Infallible> {
    let (mut page, mut speeds, mut problem) =
        (hub.page.subscribe(), hub.speeds.subscribe(), hub.problem.subscribe());
    page.mark_changed();
    speeds.mark_changed();
    problem.mark_changed();
    loop {
        let message = tokio::select! {
            // A page that is out of date must not take figures for its own.
            biased;
            Ok(()) = page.changed() => ("version", page.borrow_and_update().version.clone()),
            Ok(()) = problem.changed() => match problem.borrow_and_update().as_str() {
                "" => ("fine", "yes".to_owned()),
                words => ("problem", words.to_owned()),
            },
            Ok(()) = speeds.changed() => ("speeds", speeds.borrow_and_update().to_string()),
            else => return Ok(()),
        };
        if !message.1.is_empty() && out.send(message).await.is_err() {
            return Ok(());
        }
    }
}

/// The events of a channel, for as long as the page listens.
async fn tail(State(hub): State<Arc<Hub>>, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let Some((_, channel)) = pairs.find(|(name, _)| name == "channel") else {
        return words(StatusCode::BAD_REQUEST, "name a channel: `/tail?channel=ID`");
    };
    let Ok(room) = Arc::clone(&hub.room).try_acquire_owned() else {
        return words(StatusCode::TOO_MANY_REQUESTS, "events of too many channels are shown already");
    };
    let (out, events) = mpsc::channel(WAITING);
    let wish = Wish { channel: channel.into_owned(), out, room };
    if hub.wishes.send(wish).await.is_err() {
        return words(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping");
    }
    stream(events)
}

fn stream(messages: mpsc::Receiver<Message>) -> Response {
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    Sse::new(events(messages)).keep_alive(alive).into_response()
}

fn events(messages: mpsc::Receiver<Message>) -> impl Stream<Item = Result<Event, Infallible>> {
    futures_util::stream::unfold(messages, |mut messages| async move {
        let (kind, words) = messages.recv().await?;
        // A line break that is none to us would be one to the browser.
        let words = words.replace('\r', " ");
        Some((Ok(Event::default().event(kind).data(words)), messages))
    })
}

fn words(status: StatusCode, words: &'static str) -> Response {
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    (status, [(CONTENT_TYPE, kind)], format!("{words}\n")).into_response()
}
