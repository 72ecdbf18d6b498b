//! Letting ourselves in at real servers: client certificates, keys, credentials; what is wrong is named at once.

use std::path::Path;
use std::time::Instant;

use eddy::endpoint::open::open_sink;
use eddy::endpoint::{Address, EndpointError, EndpointErrorKind, SinkOptions};
use eddy::event::Event;

use super::support::certificates::Certificates;
use super::support::servers::{mosquitto, nats, nats_configured};

async fn gets_in(url: &str) {
    let address = Address::parse(url).expect("an address");
    let mut sink =
        open_sink(&address, &SinkOptions::default()).await.unwrap_or_else(|error| panic!("{error:?}"));
    let receipts = sink.send(&[Event::new("secret", "text")]).await.await;
    assert!(receipts[0].outcome.is_ok(), "{url}: {receipts:?}");
    sink.close().await.expect("closed");
}

/// The error of an address that is not let in, said soon.
async fn refused(url: &str) -> EndpointError {
    let began = Instant::now();
    let address = Address::parse(url).expect("an address");
    let error =
        open_sink(&address, &SinkOptions::default()).await.err().unwrap_or_else(|| panic!("{url} gets in"));
    assert!(began.elapsed() < super::conformance::HANG, "{url}: {error}");
    assert!(error.help.is_some(), "{url}: {error}");
    error
}

/// What every driver with mutual TLS must do; `url` has no options yet but may have `?`.
async fn client_certificates_are_shown(url: &str, certificates: &Certificates) {
    let join = if url.contains('?') { '&' } else { '?' };
    let trusting = format!("{url}{join}ca={}", certificates.path("authority.pem").display());
    let with = |cert: &str, key: &str| {
        let path = |name: &str| certificates.path(name).display().to_string();
        format!("{trusting}&cert={}&key={}", path(cert), path(key))
    };
    gets_in(&with("client.pem", "client.key")).await;
    let error = refused(&trusting).await;
    assert!(error.message.contains("client certificate"), "{error}");
    assert!(error.help.as_deref().is_some_and(|help| help.contains("cert=FILE&key=FILE")), "{error:?}");
    for (name, words) in [("expired", "expired"), ("unknown", "certificate")] {
        let error = refused(&with(&format!("{name}.pem"), &format!("{name}.key"))).await;
        assert!(
            error.message.contains("client certificate") && error.message.contains(words),
            "{name}: {error}"
        );
    }
    let error = refused(&with("client.pem", "server.key")).await;
    assert_eq!(error.kind, EndpointErrorKind::Malformed, "{error}");
    assert!(error.message.contains("the key is not the one of the certificate"), "{error}");
    let error = refused(&format!("{trusting}&cert={}", certificates.path("client.pem").display())).await;
    assert!(error.message.contains("there is no `key`"), "{error}");
    let error = refused(&with("client.pem", "none.key")).await;
    assert_eq!(error.kind, EndpointErrorKind::File, "{error}");
    let error = refused(&with("client.pem", "authority.pem")).await;
    assert!(error.message.contains("no private key"), "{error}");
}

#[cfg(feature = "mqtt")]
#[tokio::test(flavor = "multi_thread")]
async fn mqtt_shows_a_client_certificate() {
    let Some(certificates) = Certificates::make() else { return };
    let line = |key: &str, file: &str| format!("{key} {}", certificates.path(file).display());
    let lines = [
        line("cafile", "authority.pem"),
        line("certfile", "server.pem"),
        line("keyfile", "server.key"),
        "require_certificate true".to_owned(),
    ];
    let Some(server) = mosquitto(&lines.each_ref().map(String::as_str)) else { return };
    for query in ["", "?version=3.1.1"] {
        client_certificates_are_shown(
            &format!("mqtts://127.0.0.1:{}/secret{query}", server.port),
            &certificates,
        )
        .await;
    }
}

#[cfg(feature = "nats")]
#[tokio::test(flavor = "multi_thread")]
async fn nats_shows_a_client_certificate() {
    let Some(certificates) = Certificates::make() else { return };
    let file = |name: &str| certificates.path(name).display().to_string();
    let (certificate, key, authority) = (file("server.pem"), file("server.key"), file("authority.pem"));
    let arguments = ["--tlsverify", "--tlscert", &certificate, "--tlskey", &key, "--tlscacert", &authority];
    let Some(server) = nats(&arguments) else { return };
    for scheme in ["tls", "nats"] {
        client_certificates_are_shown(&format!("{scheme}://127.0.0.1:{}/secret", server.port), &certificates)
            .await;
    }
}

#[cfg(feature = "nats")]
#[tokio::test(flavor = "multi_thread")]
async fn nats_takes_a_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let (known, stranger) = (nkeys::KeyPair::new_user(), nkeys::KeyPair::new_user());
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let users = format!("authorization {{ users: [ {{ nkey: {} }} ] }}", known.public_key());
    let Some(server) = nats_configured(&users) else { return };
    let url = |path: &str| format!("nats://127.0.0.1:{}/secret?nkey={path}", server.port);
    let seed = known.seed().expect("a seed");
    gets_in(&url(&write("plain", &seed))).await;
    let decorated = format!("-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n");
    gets_in(&url(&write("decorated", &decorated))).await;
    let path = write("stranger", &stranger.seed().expect("a seed"));
    let error = refused(&url(&path)).await;
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error}");
    assert!(error.message.contains(&format!("does not know the key in `{path}`")), "{error}");
    let account = nkeys::KeyPair::new_account().seed().expect("a seed");
    for (name, text) in [("account", account.as_str()), ("cut", &seed[..50]), ("empty", "")] {
        let error = refused(&url(&write(name, text))).await;
        assert_eq!(error.kind, EndpointErrorKind::Malformed, "{error}");
        assert!(!error.message.contains(&seed[2..20]), "a seed is a secret: {error}");
    }
}

/// A JWT as NATS signs them.
#[cfg(feature = "nats")]
fn token(
    issuer: &nkeys::KeyPair,
    subject: &nkeys::KeyPair,
    expires: Option<i64>,
    nats: &serde_json::Value,
) -> String {
    use base64::Engine;
    let encode = |bytes: &[u8]| base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let mut claims = serde_json::json!({
        "jti": "any", "iat": 1_700_000_000, "iss": issuer.public_key(), "sub": subject.public_key(),
        "name": "tester", "nats": nats,
    });
    if let Some(expires) = expires {
        claims["exp"] = expires.into();
    }
    let header = encode(br#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
    let signed = format!("{header}.{}", encode(claims.to_string().as_bytes()));
    let signature = issuer.sign(signed.as_bytes()).expect("signed");
    format!("{signed}.{}", encode(&signature))
}

#[cfg(feature = "nats")]
fn credentials_file(directory: &Path, name: &str, token: &str, user: &nkeys::KeyPair) -> String {
    let seed = user.seed().expect("a seed");
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    let path = directory.join(name);
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[cfg(feature = "nats")]
#[tokio::test(flavor = "multi_thread")]
async fn nats_takes_credentials() {
    use nkeys::KeyPair;
    let directory = tempfile::tempdir().expect("a directory");
    let (operator, account, user) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_user());
    let kind = |kind: &str| serde_json::json!({ "type": kind, "version": 2 });
    let limits = serde_json::json!({
        "type": "account", "version": 2,
        "limits": { "subs": -1, "conn": -1, "leaf": -1, "imports": -1, "exports": -1, "data": -1, "payload": -1,
                    "wildcards": true },
    });
    let for_user = serde_json::json!({
        "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {},
    });
    let configuration = format!(
        "operator: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {} }}",
        token(&operator, &operator, None, &kind("operator")),
        account.public_key(),
        token(&operator, &account, None, &limits),
    );
    let Some(server) = nats_configured(&configuration) else { return };
    let url = |path: &str| format!("nats://127.0.0.1:{}/secret?creds={path}", server.port);
    let file = |name: &str, token: &str, user| credentials_file(directory.path(), name, token, user);
    gets_in(&url(&file("good", &token(&account, &user, None, &for_user), &user))).await;
    // As a program of the workspace prints them.
    let url_of_server = format!("nats://127.0.0.1:{}/secret", server.port);
    let printed = std::fs::read_to_string(directory.path().join("good")).expect("readable");
    let mut held = Address::parse(&url_of_server).expect("an address");
    held.grant("creds", printed.clone(), "`auth.creds` of environment `staging`");
    drop(open_sink(&held, &SinkOptions::default()).await.unwrap_or_else(|error| panic!("{error}")));
    let mut held = Address::parse(&url_of_server).expect("an address");
    let foreign =
        printed.replace(&user.seed().expect("a seed"), &KeyPair::new_user().seed().expect("a seed"));
    held.grant("creds", foreign, "`auth.creds` of environment `staging`");
    let error = open_sink(&held, &SinkOptions::default()).await.err().expect("not let in");
    assert!(error.message.contains("in what `auth.creds` of environment `staging` prints"), "{error}");
    for (option, secret) in [("nkey", "SUAB0RKEN"), ("creds", "eyJh.eyJq.c2ln")] {
        let mut held = Address::parse(&url_of_server).expect("an address");
        held.grant(option, format!("{secret}\n"), "a program");
        let error = open_sink(&held, &SinkOptions::default()).await.err().expect("not let in");
        assert!(!format!("{error:?} {error}").contains(secret), "{error}");
    }
    let error =
        refused(&url(&file("old", &token(&account, &user, Some(1_700_000_001), &for_user), &user))).await;
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error}");
    assert!(error.message.contains("expired on 2023-11-14"), "{error}");
    let other = KeyPair::new_account();
    let error = refused(&url(&file("foreign", &token(&other, &user, None, &for_user), &user))).await;
    assert!(error.message.contains("does not take the credentials in `"), "{error}");
    let error =
        refused(&url(&file("wrong", &token(&account, &user, None, &for_user), &KeyPair::new_user()))).await;
    assert!(error.message.contains("does not take the credentials in `"), "{error}");
    let error = refused(&url(&directory.path().join("none").display().to_string())).await;
    assert_eq!(error.kind, EndpointErrorKind::File, "{error}");
    let empty = directory.path().join("empty");
    std::fs::write(&empty, "").expect("written");
    assert_eq!(refused(&url(&empty.display().to_string())).await.kind, EndpointErrorKind::Malformed);
}
