//! What can be found out about a web server without any effect on it.

use std::time::{Duration, Instant};

use axum::http::header::{ALLOW, DATE, SERVER};
use axum::http::{Method, StatusCode};
use sha2::{Digest, Sha256};

use super::client::{HttpClient, header};
use super::date;
use super::settings::SinkSettings;
use crate::endpoint::inspect::{ProbeReport, Problem};
use crate::endpoint::{Address, Credentials, EndpointError, SinkOptions};
use crate::event::Timestamp;

/// Asks by OPTIONS, and by HEAD where the server does not know that.
pub(super) async fn probe(
    address: &Address,
    credentials: Option<&Credentials>,
    timeout: Duration,
) -> ProbeReport {
    match ask(address, credentials, timeout).await {
        Ok(report) => report,
        Err(error) => ProbeReport::failed(address, &error),
    }
}

async fn ask(
    address: &Address,
    credentials: Option<&Credentials>,
    timeout: Duration,
) -> Result<ProbeReport, EndpointError> {
    let options =
        SinkOptions { connect_timeout: timeout, credentials: credentials.cloned(), ..SinkOptions::default() };
    let settings = SinkSettings::new(address, &options)?;
    let client = HttpClient::new(&settings)?;
    let (began, asked_at) = (Instant::now(), Timestamp::now());
    let mut answer = client.ask(Method::OPTIONS, false, timeout).await?;
    let mut report = ProbeReport::greeted(address, began.elapsed());
    if let Some(told) = header(&answer, DATE.as_str()).and_then(|text| date::read(&text)) {
        report.clock_of_seconds(told, asked_at, Timestamp::now());
    }
    let mut asked = "OPTIONS";
    let knows_no_options =
        [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED, StatusCode::NOT_FOUND];
    if knows_no_options.contains(&answer.status()) {
        answer = client.ask(Method::HEAD, false, timeout).await?;
        asked = "HEAD";
    }
    report.server = header(&answer, SERVER.as_str()).map(|text| client.shown(&text));
    report.protocol = Some(format!("{:?}", answer.version()));
    report.fact(&format!("answer to {asked}"), &answer.status());
    for (name, value) in
        [("allows", ALLOW.as_str()), ("allowed requests a minute", super::client::ALLOWED_RATE)]
    {
        if let Some(value) = header(&answer, value) {
            report.fact(name, &client.shown(&value));
        }
    }
    if let Some(certificate) = certificate(&answer) {
        report.fact("certificate", &format!("trusted, SHA-256 {certificate}"));
    }
    if answer.status() == StatusCode::FORBIDDEN {
        report.authorised = None;
        report.fact(
            "whether we may send",
            &"not known before the first event: the server forbids the question",
        );
    }
    if let Some(error) = client.not_let_in(answer).await {
        report.authorised = Some(false);
        report.problems.push(Problem::from(&error));
    }
    Ok(report)
}

/// The fingerprint of the server's certificate.
fn certificate(answer: &reqwest::Response) -> Option<String> {
    let info = answer.extensions().get::<reqwest::tls::TlsInfo>()?;
    let digest = Sha256::digest(info.peer_certificate()?);
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"))
}
