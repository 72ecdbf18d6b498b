//! Objects of S3 and of what speaks like it: read by ranges, written in parts that become an object all at once.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path as Key;
use object_store::{BackoffConfig, Error, MultipartId, ObjectStoreExt as _, PutPayload, RetryConfig};
use tokio::runtime::Runtime;

use super::{OBJECT, ObjectAccess};

/// Bytes of a part; S3 allows 10,000 of them, and none but the last below 5 MiB.
const PART: usize = 8 * 1024 * 1024;
/// Parts that are on their way at once.
const PARTS_AT_ONCE: usize = 2;
/// Bytes of the first request behind a jump; each that follows asks for twice as many.
const FIRST_FETCH: u64 = 256 * 1024;
const MOST_FETCH: u64 = 4 * 1024 * 1024;
/// How often the first request of all is tried again: a server that is not there is said at once.
const RETRIES: usize = 4;
/// How long every other request is tried again.
const RETRY_FOR: Duration = Duration::from_secs(10);
/// The longest rest between two tries.
const REST: Duration = Duration::from_secs(4);
/// How long the end of an upload that is given up is waited for; then it goes on as long as the program does.
const GIVING_UP: Duration = Duration::from_secs(3);

/// Where a machine of AWS says which role it has.
const ROLE_OF_THE_MACHINE: &str = "http://169.254.169.254/";

/// The address of the server, for messages.
static SERVER: OnceLock<String> = OnceLock::new();
static ACCESS: OnceLock<ObjectAccess> = OnceLock::new();
static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
static STORES: OnceLock<Mutex<HashMap<String, Arc<AmazonS3>>>> = OnceLock::new();

pub(super) fn configure(access: ObjectAccess) {
    let _ = ACCESS.set(access);
}

/// The thread on which requests run, so that callers may be on any, one that runs futures included.
fn runtime() -> io::Result<&'static Runtime> {
    let made = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("eddy-objects").enable_all().build().ok()
    });
    made.as_ref().ok_or_else(|| io::Error::other("no thread for requests can be had"))
}

/// Begins a request; its result comes through the channel.
fn begin<T: Send + 'static>(
    request: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> io::Result<Receiver<Result<T, Error>>> {
    let (sender, receiver) = sync_channel(1);
    runtime()?.spawn(async move {
        let _ = sender.send(request.await);
    });
    Ok(receiver)
}

/// Runs a request and waits for its result.
fn wait<T: Send + 'static>(
    request: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> io::Result<T> {
    result(&begin(request)?)
}

fn result<T>(receiver: &Receiver<Result<T, Error>>) -> io::Result<T> {
    let answer = receiver.recv().map_err(|_| io::Error::other("a request was given up"))?;
    answer.map_err(|error| failure(&error))
}

/// The error in words; where `NotFound` is about a bucket it is no missing file.
fn failure(error: &Error) -> io::Error {
    let chain = || std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let words = chain().fold(String::new(), |words, error| match error.to_string() {
        more if words.contains(&more) => words,
        more if words.is_empty() => more,
        more => format!("{words}: {more}"),
    });
    let answer = Answer::of(&words);
    let http = chain().find_map(|error| error.downcast_ref::<HttpError>());
    let unanswered = http.filter(|error| {
        matches!(
            error.kind(),
            HttpErrorKind::Connect
                | HttpErrorKind::Request
                | HttpErrorKind::Timeout
                | HttpErrorKind::Interrupted
        )
    });
    let is_refused = matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. })
        || answer.is_about_a_key();
    let of_kind = |kind, words: String| io::Error::new(kind, words);
    match error {
        Error::NotFound { .. } if words.contains("NoSuchBucket") => {
            io::Error::other("there is no such bucket")
        }
        Error::NotFound { .. } => of_kind(io::ErrorKind::NotFound, "there is no such object".to_owned()),
        _ if is_refused => of_kind(
            io::ErrorKind::PermissionDenied,
            format!("the server does not let us in{}", answer.behind()),
        ),
        // Where nothing else says who we are, a machine of AWS is asked for its role.
        _ if words.contains(ROLE_OF_THE_MACHINE) => {
            of_kind(io::ErrorKind::PermissionDenied, "nothing says who we are".to_owned())
        }
        _ if answer.is_for_now() => of_kind(
            io::ErrorKind::ResourceBusy,
            format!("the storage does not take it now ({})", answer.name()),
        ),
        _ if unanswered.is_some() => {
            let cause = chain().last().map(ToString::to_string).unwrap_or_default();
            let server = SERVER.get().map_or("", String::as_str);
            of_kind(io::ErrorKind::HostUnreachable, format!("`{server}` cannot be reached: {cause}"))
        }
        _ if answer.status.is_some() => {
            io::Error::other(format!("the storage said {}{}", answer.name(), answer.message()))
        }
        _ => io::Error::other(words),
    }
}

/// What a server answered instead of doing what it was asked for.
struct Answer<'a> {
    status: Option<u16>,
    /// What S3 calls the error, such as `SignatureDoesNotMatch`, out of its answer in XML.
    code: Option<&'a str>,
    message: Option<&'a str>,
}

impl<'a> Answer<'a> {
    /// Out of the words of the client, which end with it.
    fn of(words: &'a str) -> Self {
        let tag = |name: &str| {
            let (_, rest) = words.split_once(&format!("<{name}>"))?;
            rest.split_once(&format!("</{name}>")).map(|(text, _)| text.trim())
        };
        let number = words.split_once("status code: ").and_then(|(_, rest)| rest.get(..3));
        let status = number.and_then(|number| number.parse().ok());
        // An answer that says it went well may hold an error all the same.
        let status = status.or_else(|| words.contains("Server returned error response: ").then_some(200));
        Self { status, code: tag("Code"), message: tag("Message") }
    }

    /// Whether it may be done when it is asked for later.
    fn is_for_now(&self) -> bool {
        let is_busy = ["SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling"];
        self.status.is_some_and(|status| status >= 500 || status == 429 || status == 408)
            || self.code.is_some_and(|code| is_busy.contains(&code))
    }

    /// Whether it is about who we are, which some servers say with the status of a wrong request.
    fn is_about_a_key(&self) -> bool {
        let codes = [
            "AccessDenied",
            "ExpiredToken",
            "InvalidAccessKeyId",
            "InvalidToken",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
        ];
        matches!(self.status, Some(401 | 403)) || self.code.is_some_and(|code| codes.contains(&code))
    }

    fn name(&self) -> String {
        let status = self.status.filter(|status| *status >= 400).map(|status| status.to_string());
        let words: Vec<String> = status.into_iter().chain(self.code.map(str::to_owned)).collect();
        if words.is_empty() { "an error".to_owned() } else { words.join(" ") }
    }

    fn behind(&self) -> String {
        self.code.map(|code| format!(": {code}")).unwrap_or_default()
    }

    /// Its own words, on one line and not too many.
    fn message(&self) -> String {
        let clean = |letter: char| if letter.is_control() { ' ' } else { letter };
        self.message
            .map(|text| format!(": {}", text.chars().take(200).map(clean).collect::<String>()))
            .unwrap_or_default()
    }
}

/// The bucket and the key in it.
fn place(path: &Path) -> io::Result<(Arc<AmazonS3>, Key)> {
    let text = path.to_string_lossy();
    let parts = text.strip_prefix(OBJECT).and_then(|rest| rest.split_once('/'));
    let Some((bucket, key)) = parts.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an object is named like `s3://bucket/folder/orders.eddy.ndjson.zst`",
        ));
    };
    let key = Key::parse(key).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let stores = STORES.get_or_init(Mutex::default);
    let mut stores = stores.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(store) = stores.get(bucket) {
        return Ok((Arc::clone(store), key));
    }
    let first = open_bucket(bucket, RETRIES)?;
    let asked = key.clone();
    // What else is wrong the request itself will say.
    wait(async move { first.head(&asked).await.map(|_| ()) })
        .or_else(|error| if error.kind() == io::ErrorKind::HostUnreachable { Err(error) } else { Ok(()) })?;
    let store = open_bucket(bucket, usize::MAX)?;
    stores.insert(bucket.to_owned(), Arc::clone(&store));
    Ok((store, key))
}

fn open_bucket(bucket: &str, retries: usize) -> io::Result<Arc<AmazonS3>> {
    // One provider for the process: who comes later changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let backoff = BackoffConfig { max_backoff: REST, ..BackoffConfig::default() };
    let retry = RetryConfig { backoff, max_retries: retries, retry_timeout: RETRY_FOR };
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
    let access = ACCESS.get().cloned().unwrap_or_default();
    let settings = [
        (AmazonS3ConfigKey::Endpoint, access.endpoint),
        (AmazonS3ConfigKey::Region, access.region),
        (AmazonS3ConfigKey::AccessKeyId, access.access_key),
        (AmazonS3ConfigKey::SecretAccessKey, access.secret_key),
    ];
    for (key, value) in settings {
        if let Some(value) = value {
            builder = builder.with_config(key, value);
        }
    }
    refuse_half_a_key(&builder)?;
    let region = builder.get_config_value(&AmazonS3ConfigKey::Region);
    let endpoint = builder
        .get_config_value(&AmazonS3ConfigKey::Endpoint)
        .unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", region.as_deref().unwrap_or("us-east-1")));
    if !is_address(&endpoint) {
        let words =
            format!("`{endpoint}` is no address of a server with objects, such as `http://localhost:9000`");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
    }
    if endpoint.starts_with("http://") {
        builder = builder.with_allow_http(true);
    }
    let store = builder.build().map_err(|error| failure(&error))?;
    let _ = SERVER.set(endpoint);
    Ok(Arc::new(store))
}

/// Refuses a key without its name, and a name without its key.
fn refuse_half_a_key(builder: &AmazonS3Builder) -> io::Result<()> {
    let has = |key| builder.get_config_value(&key).is_some_and(|value| !value.is_empty());
    let (name, variable, setting) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "secret-key");
    let (given, missing, setting) =
        match (has(AmazonS3ConfigKey::AccessKeyId), has(AmazonS3ConfigKey::SecretAccessKey)) {
            (true, false) => (name, variable, setting),
            (false, true) => (variable, name, "access-key"),
            _ => return Ok(()),
        };
    let words = format!(
        "only half of a key is given: to `{given}` belongs `{missing}`, or `{setting}` in `storage` of the environment"
    );
    Err(io::Error::new(io::ErrorKind::InvalidInput, words))
}

/// Whether requests can be sent there; the client would end the thread over any other text.
fn is_address(endpoint: &str) -> bool {
    url::Url::parse(endpoint).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

pub(super) fn length(path: &Path) -> io::Result<u64> {
    let (store, key) = place(path)?;
    head(&store, &key)
}

fn head(store: &Arc<AmazonS3>, key: &Key) -> io::Result<u64> {
    let (asked, name) = (Arc::clone(store), key.clone());
    let found = wait(async move { asked.head(&name).await }).map(|found| found.size);
    found.or_else(|error| {
        if matches!(error.kind(), io::ErrorKind::HostUnreachable | io::ErrorKind::ResourceBusy) {
            return Err(error);
        }
        // The answer to HEAD has no words: only that to GET tells a missing bucket, or what is wrong with the key.
        let (asked, name) = (Arc::clone(store), key.clone());
        wait(async move { asked.get_range(&name, 0..1).await }).and(Err(error))
    })
}

pub(super) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (store, key) = place(path)?;
    let payload = PutPayload::from(bytes.to_vec());
    wait(async move { store.put(&key, payload).await }).map(|_| ())
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    let (store, key) = place(path)?;
    wait(async move { store.delete(&key).await })
}

/// An object that is read.
pub(in crate::archive) struct Object {
    store: Arc<AmazonS3>,
    key: Key,
    length: u64,
    position: u64,
    /// Bytes that were fetched, and where they begin.
    fetched: Bytes,
    fetched_at: u64,
    next_fetch: u64,
}

pub(super) fn open(path: &Path) -> io::Result<(Object, u64)> {
    let (store, key) = place(path)?;
    let length = head(&store, &key)?;
    let object = Object {
        store,
        key,
        length,
        position: 0,
        fetched: Bytes::new(),
        fetched_at: 0,
        next_fetch: FIRST_FETCH,
    };
    Ok((object, length))
}

impl Object {
    /// What lies ready at the position; fetches more when nothing does.
    fn ready(&mut self) -> io::Result<&[u8]> {
        let end = self.fetched_at + self.fetched.len() as u64;
        if self.position < self.fetched_at || self.position >= end {
            let from = self.position;
            self.next_fetch =
                if from == end && from > 0 { (self.next_fetch * 2).min(MOST_FETCH) } else { FIRST_FETCH };
            let range = from..(from + self.next_fetch).min(self.length);
            let (store, key) = (Arc::clone(&self.store), self.key.clone());
            self.fetched = wait(async move { store.get_range(&key, range).await })?;
            self.fetched_at = from;
        }
        let begin = usize::try_from(self.position - self.fetched_at).unwrap_or(usize::MAX);
        Ok(self.fetched.get(begin..).unwrap_or_default())
    }
}

impl Read for Object {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.length || room.is_empty() {
            return Ok(0);
        }
        let ready = self.ready()?;
        let count = ready.len().min(room.len());
        room[..count].copy_from_slice(&ready[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Object {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// An object that is being written. What a request failed on is kept, and goes again with the next call, so that a server that
/// was away for a while costs nothing.
pub(in crate::archive) struct Upload {
    store: Arc<AmazonS3>,
    key: Key,
    id: MultipartId,
    /// Bytes that are no part yet.
    buffer: Vec<u8>,
    /// Parts without an answer, the oldest first.
    on_their_way: VecDeque<Sending>,
    arrived: Vec<PartId>,
    /// Bytes of all parts.
    bytes: u64,
    /// The last part was cut off.
    is_whole: bool,
    /// It was asked for the object, and nobody knows what came of it.
    was_asked: bool,
    /// The object is there, or given up.
    is_over: bool,
}

/// A part on its way.
struct Sending {
    number: usize,
    bytes: Bytes,
    /// What comes of it; none when it is to go again.
    answer: Option<Receiver<Result<PartId, Error>>>,
}

impl Upload {
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        let (store, key) = place(path)?;
        let (asked, name) = (Arc::clone(&store), key.clone());
        let id = wait(async move { asked.create_multipart(&name).await })?;
        Ok(Self {
            store,
            key,
            id,
            buffer: Vec::new(),
            on_their_way: VecDeque::new(),
            arrived: Vec::new(),
            bytes: 0,
            is_whole: false,
            was_asked: false,
            is_over: false,
        })
    }

    /// Takes bytes, all of them or, after a failure, none.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        while self.buffer.len() >= PART {
            self.make_room()?;
            let rest = self.buffer.split_off(PART);
            let part = std::mem::replace(&mut self.buffer, rest);
            self.send(part);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn make_room(&mut self) -> io::Result<()> {
        while self.on_their_way.len() >= PARTS_AT_ONCE {
            self.settle()?;
        }
        Ok(())
    }

    fn send(&mut self, part: Vec<u8>) {
        self.bytes += part.len() as u64;
        let number = self.arrived.len() + self.on_their_way.len();
        let sending = Sending { number, bytes: part.into(), answer: None };
        let answer = self.ask(&sending).ok();
        self.on_their_way.push_back(Sending { answer, ..sending });
    }

    fn ask(&self, part: &Sending) -> io::Result<Receiver<Result<PartId, Error>>> {
        let (store, key, id) = (Arc::clone(&self.store), self.key.clone(), self.id.clone());
        let (number, payload) = (part.number, PutPayload::from(part.bytes.clone()));
        begin(async move { store.put_part(&key, &id, number, payload).await })
    }

    /// Waits for the oldest part, which goes again where it did not arrive before.
    fn settle(&mut self) -> io::Result<()> {
        let Some(mut oldest) = self.on_their_way.pop_front() else { return Ok(()) };
        let answer = match oldest.answer.take() {
            Some(answer) => Ok(answer),
            None => self.ask(&oldest),
        };
        match answer.and_then(|answer| result(&answer)) {
            Ok(part) => {
                self.arrived.push(part);
                Ok(())
            }
            Err(error) => {
                self.on_their_way.push_front(oldest);
                Err(error)
            }
        }
    }

    /// Makes the object; after a failure it may be asked for again.
    pub(super) fn complete(&mut self) -> io::Result<()> {
        if self.is_over {
            return Err(io::Error::other("the upload was given up"));
        }
        if !self.is_whole {
            self.make_room()?;
            if !self.buffer.is_empty() || self.bytes == 0 {
                let last = std::mem::take(&mut self.buffer);
                self.send(last);
            }
            self.is_whole = true;
        }
        while !self.on_their_way.is_empty() {
            self.settle()?;
        }
        let (store, key, id) = (Arc::clone(&self.store), self.key.clone(), self.id.clone());
        let parts = self.arrived.clone();
        let made = wait(async move { store.complete_multipart(&key, &id, parts).await });
        let was_asked = std::mem::replace(&mut self.was_asked, true);
        if let Err(error) = made {
            // It may have come into being when it was asked for before, and only the answer was lost.
            if !was_asked || head(&self.store, &self.key).ok() != Some(self.bytes) {
                return Err(error);
            }
        }
        self.is_over = true;
        Ok(())
    }

    /// Takes the parts away that were sent: kept, they would be paid for.
    pub(super) fn abort(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.on_their_way.clear();
        give_up(Arc::clone(&self.store), self.key.clone(), self.id.clone());
    }
}

/// Takes away what was sent: parts that nobody joins any more would be kept, and paid for. Where the server is away this is
/// tried until it is back, as long as the program runs.
fn give_up(store: Arc<AmazonS3>, key: Key, id: MultipartId) {
    let aborted = begin(async move {
        while let Err(error) = store.abort_multipart(&key, &id).await {
            let is_for_now = matches!(
                failure(&error).kind(),
                io::ErrorKind::HostUnreachable | io::ErrorKind::ResourceBusy
            );
            if !is_for_now {
                return Err(error);
            }
            tokio::time::sleep(REST).await;
        }
        Ok(())
    });
    let _ = aborted.map(|aborted| aborted.recv_timeout(GIVING_UP));
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::{AmazonS3Builder, Answer, Error, failure, io, refuse_half_a_key};

    fn said(words: &str) -> (io::ErrorKind, String) {
        let error = failure(&Error::Generic { store: "S3", source: words.into() });
        (error.kind(), error.to_string())
    }

    #[test]
    fn what_a_server_answers_is_said_in_short() {
        let answer = |status: &str, code: &str| {
            said(&format!(
                "Error performing PUT http://host/lake/a in 30s, after 12 retries - Server returned non-2xx status code: \
                 {status}: <?xml?><Error><Code>{code}</Code><Message>In\nshort.</Message></Error>"
            ))
        };
        let busy = |words: &str| {
            (io::ErrorKind::ResourceBusy, format!("the storage does not take it now ({words})"))
        };
        assert_eq!(answer("503 Service Unavailable", "SlowDown"), busy("503 SlowDown"));
        assert_eq!(answer("500 Internal Server Error", "InternalError"), busy("500 InternalError"));
        assert_eq!(said("Server returned non-2xx status code: 502 Bad Gateway: "), busy("502"));
        assert_eq!(
            said("Server returned error response: <Error><Code>SlowDown</Code></Error>"),
            busy("SlowDown")
        );
        for code in ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"] {
            let words = format!("the server does not let us in: {code}");
            assert_eq!(answer("400 Bad Request", code), (io::ErrorKind::PermissionDenied, words));
        }
        let words = "the storage said 400 InvalidArgument: In short.".to_owned();
        assert_eq!(answer("400 Bad Request", "InvalidArgument"), (io::ErrorKind::Other, words));
        assert_eq!(Answer::of("nothing of the kind").status, None);
    }

    #[test]
    fn half_a_key_is_named() {
        let of = |builder: AmazonS3Builder| {
            refuse_half_a_key(&builder).map_err(|error| error.to_string()).err().unwrap_or_default()
        };
        let builder = AmazonS3Builder::new;
        assert!(of(builder().with_access_key_id("a")).contains("belongs `AWS_SECRET_ACCESS_KEY`"));
        assert!(of(builder().with_secret_access_key("a")).contains("belongs `AWS_ACCESS_KEY_ID`"));
        assert_eq!(of(builder().with_access_key_id("a").with_secret_access_key("b")), "");
        assert_eq!(of(builder()), "");
    }
}
