//! What went wrong between us and a web server, in the words of a user, with the next step.

use std::error::Error;
use std::time::Duration;

use axum::http::StatusCode;

use super::date;
use super::settings::after_hash;
use crate::endpoint::{Address, EndpointError, EndpointErrorKind as Kind, tls};
use crate::event::Timestamp;

const CREDENTIALS_HELP: &str = "check what you log in with: `http://USER:PASSWORD@HOST/…`, `http://:TOKEN@HOST/…` for a bearer token, or \
    `#header=Name: value`, or `auth` of the environment in `eddy.yaml`";
/// Characters of an answer that are shown.
const EXCERPT: usize = 200;

/// The answer of a server that did not take the event.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<RetryAfter>,
    pub(super) location: Option<String>,
    /// The beginning of the body.
    pub(super) body: Vec<u8>,
}

/// When a server wants to see us again.
#[derive(Debug)]
pub(super) struct RetryAfter {
    /// As it was written.
    pub(super) text: String,
    /// From its answer on, where the text could be read.
    pub(super) wait: Option<Duration>,
}

impl RetryAfter {
    /// Reads the header: seconds, or a moment by the clock of the server, which told `date`.
    pub(super) fn read(text: String, date: Option<&str>) -> Self {
        let seconds = text.trim().parse().ok().map(Duration::from_secs);
        let until = || {
            let now = date.and_then(date::read).unwrap_or_else(Timestamp::now);
            let left = u64::try_from(date::read(&text)?.0 - now.0).unwrap_or_default();
            Some(Duration::from_micros(left))
        };
        let wait = seconds.or_else(until);
        Self { text, wait }
    }

    fn words(&self, secrets: &[String]) -> String {
        match self.wait {
            Some(wait) => format!(", asks to come back in {} s", wait.as_secs()),
            None => format!(", asks to come back at {}", excerpt(self.text.as_bytes(), secrets)),
        }
    }
}

/// The server could not be asked, or did not answer; `is_event` says that an event was sent, and no question asked.
pub(super) fn transport(
    error: &reqwest::Error,
    address: &Address,
    timeout: Duration,
    is_event: bool,
) -> EndpointError {
    let cause = root_cause(error);
    if let Some(trouble) = tls::trouble(&cause, address) {
        return EndpointError { help: trouble.help.as_deref().map(after_hash), ..trouble };
    }
    if error.is_connect() {
        return unreachable(&cause, error.is_timeout(), address);
    }
    if error.is_timeout() {
        // What is left of a longer time is shown in whole milliseconds.
        let seconds = (timeout.as_secs_f64() * 1000.0).round() / 1000.0;
        let message = format!("`{address}` did not answer within {seconds} s");
        return if is_event {
            EndpointError::new(Kind::Timeout, message + "; whether it took the event is not known")
                .help("give it longer with `#timeout=SECONDS`")
        } else {
            EndpointError::new(Kind::Timeout, message + " to a question; no event was sent")
                .help("give it longer with `--connect-timeout 30s`, or `--timeout 30s` of `eddy doctor`; `#handshake=false` sends without \
                 asking")
        };
    }
    if is_no_http(&cause) {
        return no_http(&cause, address, is_event);
    }
    if error.is_builder() || error.is_request() && cause.contains("invalid") {
        return EndpointError::new(Kind::Rejected, format!("the event makes no request: {cause}"));
    }
    // It may also be what a server says that has waited too long for a further request.
    if cause.contains("unexpected message") {
        let message = format!("`{address}` said something before it was asked, as no HTTP server does");
        return EndpointError::new(Kind::Disconnected, message).help(NO_HTTP_HELP);
    }
    let message = format!("the connection to `{address}` was lost before it answered: {cause}");
    EndpointError::new(Kind::Disconnected, message)
}

fn unreachable(cause: &str, timed_out: bool, address: &Address) -> EndpointError {
    let lower = cause.to_ascii_lowercase();
    let (what, help) = if timed_out {
        ("it does not answer in time".to_owned(), "check host and port, and does a firewall let us through?")
    } else if lower.contains("refused") {
        (
            "connection refused".to_owned(),
            "is a server listening there? `eddy tail http://HOST:PORT/PATH` is one",
        )
    } else if lower.contains("lookup") || lower.contains("dns") {
        (
            format!("its name cannot be found: {cause}"),
            "check the host name in the address, as in `http://HOST:8080/`",
        )
    } else if lower.contains("invalidcontenttype") || lower.contains("corrupt message") {
        ("it does not speak TLS".to_owned(), "write `http://` instead of `https://`, or another port")
    } else {
        (cause.to_owned(), "check scheme, host and port, as in `https://HOST:443/`")
    };
    EndpointError::new(Kind::Unreachable, format!("cannot connect to `{address}`: {what}")).help(help)
}

/// Whether these words are what the library says of an answer that is not one.
fn is_no_http(cause: &str) -> bool {
    ["invalid HTTP version parsed", "invalid HTTP status-code parsed", "invalid HTTP header parsed"]
        .contains(&cause)
}

fn no_http(cause: &str, address: &Address, is_event: bool) -> EndpointError {
    // What took the event may have made something of it.
    let kind = if is_event { Kind::Disconnected } else { Kind::Unreachable };
    let message = format!("what answers at `{address}` does not speak HTTP: {cause}");
    EndpointError::new(kind, message).help(NO_HTTP_HELP)
}

const NO_HTTP_HELP: &str = "check scheme and port: other systems are named with `nats://`, `redis://`, `mqtt://`, `amqp://` or `kafka://`";

fn root_cause(error: &dyn Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The server answered with something else than a yes.
pub(super) fn refused(refusal: &Refusal, address: &Address, secrets: &[String]) -> EndpointError {
    let status = refusal.status;
    let (kind, what, help) = meaning(status);
    let wait = refusal.retry_after.as_ref().map(|asked| asked.words(secrets));
    let location = refusal.location.as_deref().map(|text| without_secrets(text, secrets));
    let to = location.map(|text| format!(" to `{}`", crate::endpoint::mask(&text)));
    let said = excerpt(&refusal.body, secrets);
    let message = format!(
        "`{address}` {what} ({status}){}{}{}",
        to.unwrap_or_default(),
        wait.unwrap_or_default(),
        if said.is_empty() { String::new() } else { format!(": {said}") }
    );
    let retry_after = refusal.retry_after.as_ref().and_then(|asked| asked.wait);
    EndpointError { retry_after, ..EndpointError::new(kind, message).help(help) }
}

fn meaning(status: StatusCode) -> (Kind, &'static str, &'static str) {
    match status.as_u16() {
        300..=399 => (Kind::Rejected, "sends us elsewhere", "write that address; redirects are not followed"),
        401 | 407 => (Kind::Unauthorised, "does not know us", CREDENTIALS_HELP),
        403 => (Kind::Unauthorised, "does not let us in", CREDENTIALS_HELP),
        404 | 410 => {
            (Kind::NotFound, "takes no events at this path", "check the path after the host in the address")
        }
        405 => (
            Kind::Rejected,
            "takes no request with this method at this path",
            "check the path after the host in the address; events are posted unless `#mode=plain` sends them as they were \
             recorded",
        ),
        408 | 425 => (Kind::Unreachable, "could not take the event in time", "try again later"),
        413 => (
            Kind::TooLarge,
            "does not take an event of this size",
            "raise its limit for bodies; `#batch=N` makes batches smaller",
        ),
        431 => (
            Kind::TooLarge,
            "does not take headers of this size",
            "`#mode=structured` puts attributes into the body",
        ),
        415 => (
            Kind::Rejected,
            "does not take this content type",
            "choose another with `#mode=binary`, `structured`, `batch` or `plain`",
        ),
        429 => (
            Kind::Unreachable,
            "takes no more events now",
            "send more slowly: `--rate 10/s`, `#concurrency=1`",
        ),
        503 => (Kind::Unreachable, "cannot take events now", "send more slowly, or try again later"),
        502 | 504 => (Kind::Disconnected, "stands before a server that did not answer", "try again later"),
        500..=599 => (Kind::Rejected, "failed over the event", "its log may say more"),
        _ => (Kind::Rejected, "did not take the event", "the answer may say why"),
    }
}

/// The beginning of a text, on one line, without what could steer a terminal.
fn excerpt(bytes: &[u8], secrets: &[String]) -> String {
    // Before it is cut and laid out anew: a part of a secret is one too.
    let text = without_secrets(&String::from_utf8_lossy(bytes), secrets);
    let clean: String = text.chars().map(|each| if each.is_control() { ' ' } else { each }).collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(EXCERPT) {
        Some((at, _)) => format!("{}…", &words[..at]),
        None => words,
    }
}

/// A text in which what lets us in gave way, as it is and as JSON, HTML and addresses write it.
pub(super) fn without_secrets(text: &str, secrets: &[String]) -> String {
    let mut shown = text.to_owned();
    for secret in secrets {
        let json = serde_json::to_string(secret).unwrap_or_default();
        let in_address = crate::event::percent::encode(secret, |byte: u8| {
            byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
        });
        let html =
            secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        for written in [secret.as_str(), json.trim_matches('"'), &html, &in_address] {
            if !written.is_empty() && shown.contains(written) {
                shown = shown.replace(written, "***");
            }
        }
    }
    shown
}

/// An event that HTTP cannot carry.
pub(super) fn unwritable(what: &str) -> EndpointError {
    EndpointError::new(Kind::Rejected, what)
}

/// An event that says it is a CloudEvent and is none.
pub(super) fn no_cloud_event(why: &impl ToString) -> EndpointError {
    EndpointError::new(Kind::Rejected, format!("the event is no valid CloudEvent: {}", why.to_string()))
        .help("`#mode=plain` sends it as it is")
}

/// An event that waited behind one that failed.
pub(super) fn held_back(cause: &EndpointError) -> EndpointError {
    let message = format!("an earlier event of its lane could not be delivered: {}", cause.message);
    EndpointError {
        help: cause.help.clone(),
        retry_after: cause.retry_after,
        ..EndpointError::new(Kind::Unreachable, message)
    }
}

/// The sink was closed first.
pub(super) fn closed() -> EndpointError {
    EndpointError::new(Kind::Disconnected, "the sink was closed before the event was answered")
}

/// The run ended before the answer.
pub(super) fn unanswered() -> EndpointError {
    EndpointError::new(Kind::Timeout, "the server had not answered when the run ended")
}

/// Nothing can listen there.
pub(super) fn cannot_listen(error: &std::io::Error, address: &Address) -> EndpointError {
    use std::io::ErrorKind as Io;
    let (what, help) = match error.kind() {
        Io::AddrInUse => ("the port is taken", "choose another port, or port 0 for a free one"),
        Io::PermissionDenied => ("not permitted", "ports below 1024 need a privilege: choose a higher one"),
        Io::AddrNotAvailable => (
            "the host is not this machine",
            "a source listens: write `127.0.0.1`, or `0.0.0.0` for all interfaces",
        ),
        _ => {
            ("", "a source listens: write an address of this machine, such as `http://127.0.0.1:8080/hooks`")
        }
    };
    let what = if what.is_empty() { error.to_string() } else { what.to_owned() };
    EndpointError::new(Kind::Unsupported, format!("cannot listen at `{address}`: {what}")).help(help)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::{Refusal, RetryAfter, refused};
    use crate::endpoint::{Address, EndpointErrorKind as Kind};

    fn error(status: u16, retry_after: Option<&str>, body: &[u8]) -> crate::endpoint::EndpointError {
        let address = Address::parse("http://h/p").expect("an address");
        let refusal = Refusal {
            status: StatusCode::from_u16(status).expect("a status"),
            retry_after: retry_after.map(|text| RetryAfter::read(text.to_owned(), None)),
            location: None,
            body: body.to_vec(),
        };
        refused(&refusal, &address, &["t0p s3cret&co".to_owned(), "s3cret&co".to_owned()])
    }

    #[test]
    fn only_what_was_not_taken_is_sent_again() {
        let kinds = [
            (301, Kind::Rejected),
            (400, Kind::Rejected),
            (401, Kind::Unauthorised),
            (403, Kind::Unauthorised),
            (404, Kind::NotFound),
            (413, Kind::TooLarge),
            (422, Kind::Rejected),
            (429, Kind::Unreachable),
            (500, Kind::Rejected),
            (502, Kind::Disconnected),
            (503, Kind::Unreachable),
            (504, Kind::Disconnected),
        ];
        for (status, kind) in kinds {
            let error = error(status, None, b"");
            assert_eq!(error.kind, kind, "{status}");
            assert!(error.help.is_some() && error.message.contains(&status.to_string()), "{error:?}");
        }
    }

    #[test]
    fn answers_are_shown_briefly() {
        let error = error(503, Some("3"), b"busy\x1b[31m\nnow");
        assert_eq!(
            error.message,
            "`http://h:80/p` cannot take events now (503 Service Unavailable), asks to come back in 3 s: busy [31m now"
        );
        assert_eq!(error.retry_after, Some(std::time::Duration::from_secs(3)));
        assert!(self::error(400, None, &[b'x'; 5000]).message.len() < 400);
    }

    #[test]
    fn what_a_server_repeats_of_our_secrets_is_not_shown() {
        for body in
            ["you sent t0p s3cret&co", "{\"h\":\"s3cret&co\"}", "<p>s3cret&amp;co</p>", "?x=s3cret%26co"]
        {
            let message = error(403, Some("t0p s3cret&co"), body.as_bytes()).message;
            assert!(message.contains("***") && !message.contains("s3cret"), "{message}");
        }
        let long = format!("{}s3cret&co", "x".repeat(super::EXCERPT - 3));
        assert!(!error(500, None, long.as_bytes()).message.contains("s3c"));
    }

    #[test]
    fn what_speaks_something_else_is_no_fault_of_the_event() {
        let address = Address::parse("http://h:4222/p").expect("an address");
        assert!(super::is_no_http("invalid HTTP version parsed") && !super::is_no_http("invalid URI"));
        let error = super::no_http("invalid HTTP version parsed", &address, false);
        assert!(error.kind == Kind::Unreachable && error.help.is_some(), "{error:?}");
    }

    #[test]
    fn a_moment_is_by_the_clock_of_the_server() {
        let read = |text: &str, date| RetryAfter::read(text.to_owned(), date).wait.map(|wait| wait.as_secs());
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(read("Sun, 06 Nov 1994 08:49:50 GMT", date), Some(13));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:00 GMT", date), Some(0));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:50 GMT", None), Some(0), "it is long past");
        assert_eq!(read("soon", date), None);
    }
}
