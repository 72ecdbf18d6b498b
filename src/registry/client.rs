//! Asks a registry over HTTP, on a thread of its own, within limits. It knows addresses and answers, not schemas.

use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::time::Duration;

use reqwest::{Certificate, StatusCode};
use serde_json::Value;
use url::Url;

use super::Ask;
use super::error::{RegistryError, RegistryErrorKind};
use super::settings::RegistrySettings;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take in all.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of one answer.
const LARGEST: usize = 16 << 20;
/// Redirects followed for one question.
const REDIRECTS: usize = 5;

/// Where Apicurio speaks this API, below its own address.
const BELOW: [&str; 3] = ["apis", "ccompat", "v7"];

type Answer = Result<Value, RegistryError>;

/// What to do where another server answers.
const WRONG_PLACE: &str = "are port and path right? Apicurio's path begins with /apis/ccompat/v7";

/// A question and where its answer goes.
struct Question {
    url: Url,
    answer: std::sync::mpsc::SyncSender<Answer>,
}

/// A connection to a registry; the thread behind it ends with it.
pub(super) struct Client {
    base: Url,
    questions: Sender<Question>,
    /// Whether it was found to be a registry.
    is_met: bool,
}

impl Client {
    /// Gets ready; nothing is asked yet.
    pub(super) fn new(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let client = http_client(settings)?;
        let asker = Asker { client, settings: settings.clone() };
        let (questions, arriving) = channel();
        let unable = |error: std::io::Error| {
            let message = format!("cannot prepare asking the schema registry: {error}");
            RegistryError::new(
                RegistryErrorKind::Unsupported,
                message,
                "are there too many threads or files open?",
            )
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unable)?;
        let answer_all = move || answer_all(&asker, &runtime, &arriving);
        std::thread::Builder::new().name("eddy-registry".to_owned()).spawn(answer_all).map_err(unable)?;
        Ok(Self { base: settings.url.clone(), questions, is_met: false })
    }

    /// Sees that it is a registry that lets us in, by what every one can say at once.
    fn meet(&mut self) -> Result<(), RegistryError> {
        if self.is_met {
            return Ok(());
        }
        match self.types() {
            Err(error) if error.kind == RegistryErrorKind::Malformed && self.base.path() == "/" => {
                // The address of Apicurio as a whole: the API is below it.
                let root = self.base.clone();
                if let Ok(mut segments) = self.base.path_segments_mut() {
                    segments.pop_if_empty().extend(BELOW);
                }
                if self.types().is_err() {
                    self.base = root;
                    return Err(error);
                }
            }
            answered => answered?,
        }
        self.is_met = true;
        Ok(())
    }

    /// One that does not know the question, but that it has no such schema, is one.
    fn types(&self) -> Result<(), RegistryError> {
        let answered = self.ask(&["schemas", "types"]);
        let no_schema = || {
            let answered = self.ask(&["schemas", "ids", "0"]);
            answered.is_err_and(|error| error.kind == RegistryErrorKind::NotFound)
        };
        match answered {
            Err(error) if error.kind == RegistryErrorKind::Malformed && no_schema() => Ok(()),
            answered => answered.map(drop),
        }
    }

    fn ask(&self, path: &[&str]) -> Answer {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let gone = || {
            let help = "this is a defect of eddy; try again";
            RegistryError::new(RegistryErrorKind::Unreachable, "the schema registry is no longer asked", help)
        };
        let (answer, answered) = sync_channel(1);
        self.questions.send(Question { url, answer }).map_err(|_| gone())?;
        answered.recv().unwrap_or_else(|_| Err(gone()))
    }
}

impl Ask for Client {
    fn meet(&mut self) -> Result<(), RegistryError> {
        Self::meet(self)
    }

    fn get(&mut self, path: &[&str]) -> Answer {
        Self::meet(self)?;
        self.ask(path)
    }
}

fn answer_all(asker: &Asker, runtime: &tokio::runtime::Runtime, arriving: &Receiver<Question>) {
    for question in arriving {
        let answer = runtime.block_on(asker.ask(&question.url));
        // Whoever asked may have gone.
        let _ = question.answer.send(answer);
    }
}

fn http_client(settings: &RegistrySettings) -> Result<reqwest::Client, RegistryError> {
    // A provider installed before, by a driver for a broker, is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("eddy/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(PATIENCE)
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::custom(redirected));
    if let Some(path) = &settings.ca {
        let shown = path.display();
        let help = "`ca` names a PEM file with the certificates to trust";
        let unusable = |reason: String| {
            let message = format!("cannot use the certificates in `{shown}`: {reason}");
            RegistryError::new(RegistryErrorKind::Malformed, message, help)
        };
        let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(cause(&error)))?;
        if authorities.is_empty() {
            return Err(unusable("it holds none".to_owned()));
        }
        builder = builder.tls_certs_only(authorities);
    }
    builder.build().map_err(|error| {
        let message = format!("cannot prepare asking the schema registry: {}", cause(&error));
        RegistryError::new(RegistryErrorKind::Unsupported, message, "check `ca`")
    })
}

/// Another host, or one without encryption, would be shown who we are and could answer anything.
fn redirected(attempt: reqwest::redirect::Attempt) -> reqwest::redirect::Action {
    let origin = attempt.previous().first().map(Url::origin);
    if origin.is_some_and(|origin| origin != attempt.url().origin()) {
        let message =
            format!("it redirects to another server, `{}`", attempt.url().origin().ascii_serialization());
        return attempt.error(message);
    }
    if attempt.previous().len() > REDIRECTS {
        return attempt.error(format!("it redirects more than {REDIRECTS} times"));
    }
    attempt.follow()
}

struct Asker {
    client: reqwest::Client,
    settings: RegistrySettings,
}

impl Asker {
    async fn ask(&self, url: &Url) -> Answer {
        let mut request = self.client.get(url.clone());
        request = request.header("accept", "application/vnd.schemaregistry.v1+json, application/json");
        if let Some((user, password)) = &self.settings.user {
            request = request.basic_auth(user, Some(password));
        }
        if let Some(token) = &self.settings.token {
            request = request.bearer_auth(token);
        }
        let mut response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                let message =
                    format!("the schema registry `{}` answers with more than 16 MiB", self.settings.url);
                let help = "is it a schema registry?";
                return Err(RegistryError::new(RegistryErrorKind::Unusable, message, help));
            }
        }
        self.answer(status, serde_json::from_slice(&bytes).ok())
    }

    fn answer(&self, status: StatusCode, body: Option<Value>) -> Answer {
        let url = &self.settings.url;
        let said = body.as_ref().and_then(|body| body.get("message")).and_then(Value::as_str);
        let said =
            said.map(|said| format!(": {}", said.chars().take(200).collect::<String>())).unwrap_or_default();
        // Any server may answer 404 as a number; these are for subjects, versions and schemas.
        let code = body.as_ref().and_then(|body| body.get("error_code")).and_then(Value::as_u64);
        let is_registry = code.is_some_and(|code| (40_400..40_500).contains(&code));
        let error = |kind, message: String, help: &str| Err(RegistryError::new(kind, message, help));
        match (status, body) {
            (status, Some(body)) if status.is_success() => Ok(body),
            (status, None) if status.is_success() => error(
                RegistryErrorKind::Malformed,
                format!("`{url}` is no schema registry: it does not answer in JSON"),
                WRONG_PLACE,
            ),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => error(
                RegistryErrorKind::Unauthorised,
                format!("the schema registry `{url}` does not let us in ({status}){said}"),
                "check the user and password, `https://USER:PASSWORD@HOST`, or the token, `?token=TOKEN`",
            ),
            (StatusCode::NOT_FOUND, _) if is_registry => error(
                RegistryErrorKind::NotFound,
                format!("the schema registry `{url}` has no such schema{said}"),
                "list its subjects by `/subjects`",
            ),
            (StatusCode::NOT_FOUND, _) => error(
                RegistryErrorKind::Malformed,
                format!("`{url}` is no schema registry: it has nothing there ({status})"),
                WRONG_PLACE,
            ),
            // A registry says what is wrong with a question by a number; a server that takes none of ours is something else.
            (status, _) if code.is_none() && is_no_answer_of_a_registry(status) => error(
                RegistryErrorKind::Malformed,
                format!("`{url}` is no schema registry: it does not take the question ({status})"),
                WRONG_PLACE,
            ),
            _ => error(
                RegistryErrorKind::Unreachable,
                format!("the schema registry `{url}` fails ({status}){said}"),
                "try again, or look into its log",
            ),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> RegistryError {
        let reason = cause(error);
        let help = if reason.contains("invalid peer certificate") {
            "name the certificate of the authority that issued its certificate with `?ca=FILE`"
        } else {
            "is it running, and is the address right?"
        };
        let message = format!("cannot ask the schema registry `{}`: {reason}", self.settings.url);
        RegistryError::new(RegistryErrorKind::Unreachable, message, help)
    }
}

/// Whether a status is one by which a server refuses the question as such; that there are too many of them passes.
fn is_no_answer_of_a_registry(status: StatusCode) -> bool {
    let passes = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    status == StatusCode::NOT_IMPLEMENTED || !passes && !status.is_server_error()
}

/// The innermost reason, which says more than the words around it.
fn cause(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if error.is_timeout() { "it takes too long".to_owned() } else { inner.to_string() }
}
