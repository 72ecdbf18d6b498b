//! Encrypted connections to real servers: the right authority lets us in, a wrong one is named at once.

use std::time::{Duration, Instant};

use eddy::endpoint::open::open_sink;
use eddy::endpoint::{Address, EndpointErrorKind, SinkOptions};
use eddy::event::Event;

use super::support::certificates::Certificates;
use super::support::redis::redis_with_tls;
use super::support::servers::{mosquitto, nats};

async fn only_the_right_authority_is_trusted(url: &str, certificates: &Certificates) {
    let with = |authority: &str| {
        let text = format!("{url}?ca={}", certificates.path(authority).display());
        Address::parse(&text).expect("an address")
    };
    let mut sink = open_sink(&with("authority.pem"), &SinkOptions::default()).await.expect("let in");
    let receipts = sink.send(&[Event::new("secret", "text")]).await.await;
    assert!(receipts[0].outcome.is_ok(), "{receipts:?}");
    sink.close().await.expect("closed");
    let began = Instant::now();
    for address in [with("stranger.pem"), Address::parse(url).expect("an address")] {
        let error = open_sink(&address, &SinkOptions::default()).await.err().expect("not trusted");
        assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error}");
        assert!(error.message.contains("an authority that is not trusted"), "{error}");
        assert!(error.help.as_deref().is_some_and(|help| help.contains("?ca=FILE")), "{error:?}");
    }
    assert!(began.elapsed() < super::conformance::HANG, "said at once");
    for (file, kind) in [("none.pem", EndpointErrorKind::File), ("server.key", EndpointErrorKind::Malformed)]
    {
        let error = open_sink(&with(file), &SinkOptions::default()).await.err().expect("no certificates");
        assert_eq!(error.kind, kind, "{error}");
    }
}

#[cfg(feature = "mqtt")]
#[tokio::test(flavor = "multi_thread")]
async fn mqtt_trusts_the_authority_that_is_named() {
    let Some(certificates) = Certificates::make() else { return };
    let line = |key: &str, file: &str| format!("{key} {}", certificates.path(file).display());
    let lines =
        [line("cafile", "authority.pem"), line("certfile", "server.pem"), line("keyfile", "server.key")];
    let Some(server) = mosquitto(&lines.each_ref().map(String::as_str)) else { return };
    for (host, version) in [("127.0.0.1", "5"), ("localhost", "3.1.1")] {
        let url = format!("mqtts://{host}:{}/secret", server.port);
        only_the_right_authority_is_trusted(&url, &certificates).await;
        let versioned =
            format!("{url}?version={version}&ca={}", certificates.path("authority.pem").display());
        let address = Address::parse(&versioned).expect("an address");
        open_sink(&address, &SinkOptions::default()).await.expect("let in");
    }
}

#[cfg(feature = "nats")]
#[tokio::test(flavor = "multi_thread")]
async fn nats_trusts_the_authority_that_is_named() {
    let Some(certificates) = Certificates::make() else { return };
    let file = |name: &str| certificates.path(name).display().to_string();
    let (certificate, key) = (file("server.pem"), file("server.key"));
    let Some(server) = nats(&["--tls", "--tlscert", &certificate, "--tlskey", &key]) else { return };
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("tls://{host}:{}/secret", server.port);
        only_the_right_authority_is_trusted(&url, &certificates).await;
    }
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread")]
async fn redis_trusts_the_authority_that_is_named() {
    let Some(certificates) = Certificates::make() else { return };
    let file = |name: &str| certificates.path(name).display().to_string();
    let (authority, certificate, key) = (file("authority.pem"), file("server.pem"), file("server.key"));
    let shown = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &authority];
    let open = [&shown[..], &["--tls-auth-clients", "no"]].concat();
    let Some(server) = redis_with_tls(&open) else { return };
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("rediss://{host}:{}/secret", server.port);
        only_the_right_authority_is_trusted(&url, &certificates).await;
    }
    let plain = Address::parse(&format!("redis://127.0.0.1:{}/secret", server.port)).expect("an address");
    let error = open_sink(&plain, &SinkOptions::default()).await.err().expect("no plain connection");
    assert_eq!(error.kind, EndpointErrorKind::Unreachable, "{error}");
    assert!(error.help.as_deref().is_some_and(|help| help.contains("`rediss://`")), "{error:?}");
    // A server that wants to see a certificate of ours.
    let Some(strict) = redis_with_tls(&shown) else { return };
    let url = |more: &str| {
        let text = format!("rediss://127.0.0.1:{}/secret?ca={authority}{more}", strict.port);
        Address::parse(&text).expect("an address")
    };
    let error = open_sink(&url(""), &SinkOptions::default()).await.err().expect("no certificate");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error}");
    assert!(error.help.as_deref().is_some_and(|help| help.contains("?cert=FILE&key=FILE")), "{error:?}");
    let ours = format!("&cert={certificate}&key={key}");
    open_sink(&url(&ours), &SinkOptions::default()).await.expect("let in");
    let missing = format!("&cert={certificate}&key=/none.key");
    let error = open_sink(&url(&missing), &SinkOptions::default()).await.err().expect("no key");
    assert_eq!(error.kind, EndpointErrorKind::File, "{error}");
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_redis_server_without_tls_is_named_as_such() {
    let Some(server) = super::support::redis::redis(&[]) else { return };
    let address = Address::parse(&format!("rediss://127.0.0.1:{}/x", server.port)).expect("an address");
    let options = SinkOptions { connect_timeout: Duration::from_secs(60), ..SinkOptions::default() };
    let error = open_sink(&address, &options).await.err().expect("no encryption");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error}");
    assert!(error.help.as_deref().is_some_and(|help| help.contains("`redis://`")), "{error:?}");
}

#[cfg(feature = "nats")]
#[tokio::test]
async fn a_nats_server_without_tls_is_named_as_such() {
    let Some(server) = nats(&[]) else { return };
    let address = Address::parse(&format!("tls://127.0.0.1:{}/orders", server.port)).expect("an address");
    let error = open_sink(&address, &SinkOptions::default()).await.err().expect("no encryption");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
    assert!(error.message.contains("without encryption"), "{error:?}");
    assert!(error.help.is_some_and(|help| help.contains("nats://")));
}

#[cfg(feature = "amqp")]
#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_trusts_the_authority_that_is_named() {
    let Some(node) = super::support::rabbitmq::rabbitmq() else { return };
    node.manage("PUT", "queues/%2F/secret", serde_json::json!({ "durable": true })).await;
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("amqps://{host}:{}/", node.tls_port);
        only_the_right_authority_is_trusted(&url, &node.certificates).await;
    }
}

/// A web server with encryption that lets in only who shows a certificate of the authority; it says yes to everything.
#[cfg(feature = "http")]
async fn strict_server(certificates: &Certificates) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::rustls;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let certificate = |name: &str| CertificateDer::from_pem_file(certificates.path(name)).expect("PEM");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate("authority.pem")).expect("an authority");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        std::sync::Arc::new(roots),
        std::sync::Arc::clone(&provider),
    );
    let key = PrivateKeyDer::from_pem_file(certificates.path("server.key")).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(vec![certificate("server.pem")], key)
        .expect("a certificate");
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let (mut seen, mut byte) = (Vec::new(), [0]);
                while stream.read_exact(&mut byte).await.is_ok() {
                    seen.push(byte[0]);
                    if seen.ends_with(b"\r\n\r\n") {
                        // Bodies are passed over: they have no empty line.
                        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                    }
                }
            });
        }
    });
    format!("https://127.0.0.1:{port}/hooks")
}

#[cfg(feature = "http")]
#[tokio::test(flavor = "multi_thread")]
async fn our_certificate_is_shown_to_a_server_that_asks_for_it() {
    let Some(certificates) = Certificates::make() else { return };
    let url = strict_server(&certificates).await;
    let file = |name: &str| certificates.path(name).display().to_string();
    let with = |more: &str| format!("{url}#ca={}{more}", file("authority.pem"));
    let showing = |name: &str| {
        with(&format!("&cert={}&key={}", file(&format!("{name}.pem")), file(&format!("{name}.key"))))
    };
    let open = async |text: String| {
        let address = Address::parse(&text).expect("an address");
        open_sink(&address, &SinkOptions::default()).await
    };
    let mut sender = open(showing("client")).await.unwrap_or_else(|error| panic!("{error:?}"));
    let receipts = sender.send(&[Event::new("", "secret")]).await.await;
    assert!(receipts[0].outcome.is_ok(), "{receipts:?}");
    sender.close().await.expect("a clean close");
    for text in [with(""), showing("unknown"), showing("expired")] {
        let error = open(text).await.err().expect("not let in");
        assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
        assert!(error.help.is_some(), "{error:?}");
    }
}
