//! Events out of HTTP: a server of our own that others post to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::settings::SourceSettings;
use super::waiting::{self, Waiting};
use super::{failure, server};
use crate::endpoint::tls::Identity;
use crate::endpoint::{
    Address, BoxFuture, ENDS, EndpointError, EndpointErrorKind, Source, SourceOptions, Start, Stop,
};
use crate::event::{Event, Timestamp};

/// How long requests under way may take to finish when we leave.
const GOODBYE: Duration = Duration::from_millis(1500);

/// A receiver.
#[derive(Debug)]
pub(super) struct HttpSource {
    line: mpsc::Receiver<Waiting>,
    /// Taken and not handed over; the last event of a request has its sender beside it.
    ready: VecDeque<(Event, Option<oneshot::Sender<()>>)>,
    /// Senders whose events were all handed over with the batch before.
    to_answer: Vec<oneshot::Sender<()>>,
    until: Option<Timestamp>,
    closing: watch::Sender<bool>,
    server: JoinSet<()>,
    listens_at: String,
}

impl HttpSource {
    /// Listens.
    pub(super) async fn open(address: &Address, options: &SourceOptions) -> Result<Self, EndpointError> {
        refuse_seeking(address, options)?;
        if let Some((_, query)) = address.target.split_once('?') {
            // No request is told from another by what stands there.
            let message = format!("`?{query}` means nothing to who listens at `{address}`");
            return Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help(format!("options of a receiver stand behind `#`: write `#{query}`")));
        }
        let settings = SourceSettings::new(address, options)?;
        let tls = match &settings.identity {
            Some(identity) if address.tls => Some(acceptor(identity)?),
            _ => None,
        };
        let (listener, local) =
            listen(address).await.map_err(|error| failure::cannot_listen(&error, address))?;
        let shown =
            Address { port: local.port(), credentials: None, target: String::new(), ..address.clone() };
        let (sender, line) = waiting::line();
        let (closing, closed) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(server::serve(listener, tls, settings, sender, closed));
        Ok(Self {
            line,
            ready: VecDeque::new(),
            to_answer: Vec::new(),
            until: if let Stop::Time(until) = options.stop { Some(until) } else { None },
            closing,
            server: tasks,
            listens_at: shown.to_string(),
        })
    }

    async fn read(&mut self, max: usize) -> Result<Vec<Event>, EndpointError> {
        self.answer();
        let Some(until) = self.until else {
            return Ok(self.wait(max).await);
        };
        let left = u64::try_from(until.since(Timestamp::now())).unwrap_or(0);
        let batch = tokio::time::timeout(Duration::from_micros(left), self.wait(max)).await;
        Ok(batch.unwrap_or_default())
    }

    /// The reader came back: what it was given counts as handed over.
    fn answer(&mut self) {
        for sender in self.to_answer.drain(..) {
            // A sender that has gone does not want to know.
            let _ = sender.send(());
        }
    }

    async fn wait(&mut self, max: usize) -> Vec<Event> {
        while self.ready.is_empty() {
            match self.line.recv().await {
                Some(waiting) => self.take(waiting),
                None => return Vec::new(),
            }
        }
        while self.ready.len() < max
            && let Ok(waiting) = self.line.try_recv()
        {
            self.take(waiting);
        }
        let mut batch = Vec::with_capacity(max.min(self.ready.len()));
        while batch.len() < max.max(1)
            && let Some((event, sender)) = self.ready.pop_front()
        {
            batch.push(event);
            self.to_answer.extend(sender);
        }
        batch
    }

    fn take(&mut self, waiting: Waiting) {
        let Some(taken) = waiting.take() else {
            return;
        };
        let last = taken.events.len().saturating_sub(1);
        let mut answer = Some(taken.answer);
        for (at, event) in taken.events.into_iter().enumerate() {
            self.ready.push_back((event, if at == last { answer.take() } else { None }));
        }
    }

    async fn leave(mut self) -> Result<(), EndpointError> {
        self.answer();
        // Requests that nobody has taken are told to come back.
        self.line.close();
        while self.line.try_recv().is_ok() {}
        self.ready.clear();
        self.closing.send_replace(true);
        let finished = async { while self.server.join_next().await.is_some() {} };
        // Connections that do not end by then are cut when the server is dropped.
        let _ = tokio::time::timeout(GOODBYE, finished).await;
        Ok(())
    }
}

async fn listen(address: &Address) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((address.host.as_str(), address.port)).await?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

fn acceptor(identity: &Identity) -> Result<TlsAcceptor, EndpointError> {
    let unusable = |what: &str, why: &dyn std::fmt::Display| {
        let message = format!("the {what} of the listener cannot be used: {why}");
        EndpointError::new(EndpointErrorKind::Malformed, message)
            .help("`cert` and `key` must belong together, in PEM as `openssl` writes it")
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&identity.certificates).collect();
    let chain = chain.map_err(|error| unusable("certificate", &error))?;
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|error| unusable("key", &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| unusable("encryption", &error))?.with_no_client_auth();
    let mut config =
        builder.with_single_cert(chain, key).map_err(|error| unusable("certificate with its key", &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// HTTP keeps nothing.
fn refuse_seeking(address: &Address, options: &SourceOptions) -> Result<(), EndpointError> {
    let what = match (options.start, options.stop) {
        (Start::Default | Start::End, Stop::Never | Stop::Time(_)) => return Ok(()),
        (Start::Default | Start::End, _) => "know where to stop",
        _ => "begin in the past",
    };
    let message = format!("a receiver keeps no events, so `{address}` cannot {what}");
    Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
        .help(format!("leave `--from` out; {ENDS}")))
}

impl Source for HttpSource {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        Box::pin(self.read(max))
    }

    fn listens_at(&self) -> Option<String> {
        Some(self.listens_at.clone())
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(self.leave())
    }
}
