//! What a Redis server tells of itself: its identity, its streams, their groups and consumers, and the clients.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Value, cmd};

use super::connection::{ask, ask_all, connect};
use super::settings::{Role, Settings};
use super::{answer, failure, permissions, streams};
use crate::endpoint::inspect::{
    Count, Direction, Inspect, KnownBy, NotObservable, Observed, ObservedChannel, ObservedFlow,
    ObservedReader, ProbeReport, Problem, SeenBy, Why,
};
use crate::endpoint::{Address, BoxFuture, Credentials, EndpointError, EndpointErrorKind, SinkOptions};
use crate::event::Timestamp;

/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Streams asked about at most: each takes several questions.
const STREAMS_ASKED: usize = 500;

/// Connects once and says what answered.
pub(super) async fn probe(
    address: &Address,
    credentials: Option<&Credentials>,
    timeout: Duration,
) -> ProbeReport {
    let settings = match Settings::read(address, credentials, timeout, Role::Observer) {
        Ok(settings) => settings,
        Err(error) => return ProbeReport::failed(address, &error),
    };
    let began = Instant::now();
    let mut connection = match connect(&settings, timeout).await {
        Ok(connection) => connection,
        Err(error) => return ProbeReport::failed(address, &error),
    };
    let mut report = ProbeReport::greeted(address, began.elapsed());
    report.protocol = Some("RESP2".to_owned());
    if let Err(error) = describe(&mut connection, &settings, &mut report).await {
        report.problems.push(Problem::from(&error));
    }
    report
}

async fn describe(
    connection: &mut MultiplexedConnection,
    settings: &Settings,
    report: &mut ProbeReport,
) -> Result<(), EndpointError> {
    let mut questions = redis::pipe();
    questions.cmd("INFO").cmd("ACL").arg("WHOAMI").cmd("TIME");
    for name in settings.streams() {
        questions.cmd("TYPE").arg(&name);
        whether_may_add(&mut questions, &name);
        questions.cmd("XRANGE").arg(name).arg("-").arg("-");
    }
    let asked = Timestamp::now();
    let mut answers = ask_all(connection, &questions, settings).await?.into_iter();
    let answered = Timestamp::now();
    let text = |answer: Option<Value>| answer.and_then(answer::text_or_refusal);
    match text(answers.next()) {
        Some(said) => describe_server(&information(&said), settings, report),
        None => report.fact("identity", &"not observable: this user may not ask for `INFO`"),
    }
    if let Some(user) = text(answers.next()) {
        report.fact("user", &user);
    }
    if let Some(time) = answers.next().and_then(server_time) {
        report.clock(time, asked, answered);
    }
    for name in settings.streams() {
        let held = text(answers.next());
        for what in ["add to", "read"] {
            if let Some(may) = answers.next().as_ref().and_then(may) {
                report.fact(&format!("may {what} `{name}`"), &if may { "yes" } else { "no" });
            }
        }
        match held.as_deref() {
            None | Some("stream" | "none") => {}
            Some(other) => {
                report.problems.push(Problem::from(&streams::no_stream(&name, other, &settings.address)));
            }
        }
    }
    Ok(())
}

/// Asks whether entries may be added, without adding one: no entry may have this id (documentation of `XADD`), and the server
/// looks at that only after it has looked at the permissions.
pub(super) fn whether_may_add(questions: &mut redis::Pipeline, stream: &str) {
    questions.cmd("XADD").arg(stream).arg("0-0").arg("eddy").arg("probe");
}

/// Whether what was asked for is permitted, where the answer tells.
pub(super) fn may(answer: &Value) -> Option<bool> {
    match answer {
        Value::ServerError(error) => match error.code() {
            "NOPERM" => Some(false),
            "ERR" | "WRONGTYPE" => Some(true),
            _ => None,
        },
        _ => Some(true),
    }
}

/// `INFO` as names and values.
pub(super) fn information(said: &str) -> BTreeMap<&str, &str> {
    said.lines().filter_map(|line| line.split_once(':')).collect()
}

fn describe_server(said: &BTreeMap<&str, &str>, settings: &Settings, report: &mut ProbeReport) {
    let get = |name: &str| said.get(name).copied().filter(|value| !value.is_empty());
    report.server = get("redis_version").map(|version| match get("valkey_version") {
        Some(valkey) => format!("valkey {valkey}"),
        None => format!("redis {version}"),
    });
    if let Some(role) = get("role") {
        match (role, get("master_host"), get("master_port")) {
            ("slave", Some(host), Some(port)) => {
                report.fact("role", &format!("replica of {host}:{port}, takes no writes"));
            }
            ("slave", ..) => report.fact("role", &"replica, takes no writes"),
            _ => report.fact("role", &role),
        }
    }
    if get("cluster_enabled") == Some("1") {
        report.fact(
            "cluster",
            &"yes: a stream in the path is found at its node; without one a single node is spoken to",
        );
    }
    if let Some(used) = get("used_memory_human") {
        let limit = match get("maxmemory") {
            None | Some("0") => "no limit".to_owned(),
            Some(_) => format!("limit {}", get("maxmemory_human").unwrap_or("unknown")),
        };
        report.fact("memory", &format!("{used} in use, {limit}"));
    }
    if let Some(policy) = get("maxmemory_policy") {
        report.fact("memory policy", &policy);
        let limited = get("maxmemory").is_some_and(|limit| limit != "0");
        if limited && policy.starts_with("allkeys") {
            let message = format!(
                "`{}` may evict whole streams when its memory is full (`{policy}`)",
                settings.address
            );
            let help = "set `maxmemory-policy noeviction` or a `volatile` one to keep events".to_owned();
            report.problems.push(Problem { message, help: Some(help) });
        }
    }
    let kept = match get("aof_enabled") {
        Some("1") => "append-only file",
        Some(_) => {
            "no append-only file: what came after the last snapshot is lost when the server ends abruptly"
        }
        None => "not observable",
    };
    report.fact("persistence", &kept);
    if let Some(clients) = get("connected_clients") {
        report.fact("clients connected", &clients);
    }
}

fn server_time(answer: Value) -> Option<Timestamp> {
    let parts = answer::list(answer)?;
    let mut numbers = parts.into_iter().map(|part| answer::text(part)?.parse::<i64>().ok());
    let (seconds, microseconds) = (numbers.next()??, numbers.next()??);
    Some(Timestamp(seconds.checked_mul(1_000_000)?.checked_add(microseconds)?))
}

/// A connection for questions about streams, groups and clients.
pub(super) struct RedisInspector {
    settings: Settings,
    connection: MultiplexedConnection,
}

impl RedisInspector {
    /// Connects.
    pub(super) async fn open(address: &Address, options: &SinkOptions) -> Result<Self, EndpointError> {
        let credentials = options.credentials.as_ref();
        let settings = Settings::read(address, credentials, options.connect_timeout, Role::Observer)?;
        let connection = connect(&settings, PATIENCE).await?;
        Ok(Self { settings, connection })
    }

    async fn look(&mut self) -> Result<Observed, EndpointError> {
        let mut observed = Observed {
            not_observable: vec![
                NotObservable::of(
                    Direction::Sends,
                    Why::Unsupported,
                    "publishers: a Redis server does not tell who adds to which stream",
                ),
                NotObservable::remark(
                    Why::Unsupported,
                    "readers without a group: the server keeps no trace of them",
                ),
            ],
            ..Observed::default()
        };
        observed.identity = self.identity().await?;
        let mut names = self.settings.streams();
        if names.is_empty() {
            let listing = streams::list(&mut self.connection, &self.settings).await?;
            names = listing.names;
            if listing.cut_off || names.len() > STREAMS_ASKED {
                names.truncate(STREAMS_ASKED);
                let shown = names.len();
                observed.not_observable.push(NotObservable::of(
                    Direction::Receives,
                    Why::Incomplete,
                    format!("further streams: the search was cut off after {shown}"),
                ));
            }
        }
        for name in names {
            let channel = self.channel(name, &mut observed).await?;
            observed.channels.extend(channel);
        }
        self.permissions(&mut observed).await?;
        self.name_clients(&mut observed).await?;
        Ok(observed)
    }

    /// A stream with its groups and their consumers; `None` when it is gone or no stream.
    async fn channel(
        &mut self,
        name: String,
        observed: &mut Observed,
    ) -> Result<Option<ObservedChannel>, EndpointError> {
        let mut questions = redis::pipe();
        questions.cmd("XINFO").arg("STREAM").arg(&name);
        questions.cmd("XINFO").arg("GROUPS").arg(&name);
        questions.cmd("MEMORY").arg("USAGE").arg(&name);
        let mut answers = ask_all(&mut self.connection, &questions, &self.settings).await?.into_iter();
        let described = match answers.next() {
            Some(Value::Array(described)) => described,
            Some(Value::ServerError(error)) if error.code() == "NOPERM" => {
                let words = format!("`{name}`: this user may not ask about it");
                observed.not_observable.push(NotObservable::of(Direction::Receives, Why::Denied, words));
                return Ok(None);
            }
            _ => return Ok(None),
        };
        let groups = match answers.next() {
            Some(Value::Array(groups)) => groups,
            Some(Value::ServerError(error)) if error.code() == "NOPERM" => {
                let words = format!("groups of `{name}`: this user may not ask about them");
                observed.not_observable.push(NotObservable::of(Direction::Receives, Why::Denied, words));
                Vec::new()
            }
            _ => Vec::new(),
        };
        let mut channel = ObservedChannel {
            addresses: vec![name.clone()],
            events: answer::named(&described, "length").and_then(answer::number),
            bytes: answers.next().as_ref().and_then(answer::number),
            readers: Vec::new(),
            name,
        };
        // Servers before 7.0 do not say how many there ever were.
        if let Some(events) = answer::named(&described, "entries-added").and_then(answer::number) {
            observed.counts.push(Count { channel: channel.name.clone(), reader: None, events });
        }
        for group in groups {
            observed.counts.extend(taken(&channel.name, &group));
            let readers = self.readers(&channel.name, group).await?;
            observed.flows.extend(flow(&channel.name, &readers));
            channel.readers.extend(readers);
        }
        Ok(Some(channel))
    }

    /// A group, and each of its consumers.
    async fn readers(&mut self, stream: &str, group: Value) -> Result<Vec<ObservedReader>, EndpointError> {
        let group = answer::list(group).unwrap_or_default();
        let Some(name) = answer::named(&group, "name").cloned().and_then(answer::text) else {
            return Ok(Vec::new());
        };
        let count = |field: &str| answer::named(&group, field).and_then(answer::number);
        // The lag is what the group has not been given, the pending entries what it has not acknowledged.
        let waiting = count("lag").map(|lag| lag + count("pending").unwrap_or(0));
        let mut readers = vec![ObservedReader { name: name.clone(), waiting }];
        let mut question = cmd("XINFO");
        question.arg("CONSUMERS").arg(stream).arg(&name);
        let answered: Result<Value, EndpointError> =
            ask(&mut self.connection, &question, &self.settings).await;
        let consumers = match answered {
            Ok(consumers) => answer::list(consumers).unwrap_or_default(),
            Err(error) if error.kind == EndpointErrorKind::Disconnected => return Err(error),
            Err(_) => Vec::new(),
        };
        for consumer in consumers {
            let consumer = answer::list(consumer).unwrap_or_default();
            let Some(own) = answer::named(&consumer, "name").cloned().and_then(answer::text) else {
                continue;
            };
            let waiting = answer::named(&consumer, "pending").and_then(answer::number);
            readers.push(ObservedReader { name: format!("{name}/{own}"), waiting });
        }
        Ok(readers)
    }

    /// The identity of the data: replicas have that of their master.
    async fn identity(&mut self) -> Result<Option<String>, EndpointError> {
        let mut questions = redis::pipe();
        questions.cmd("INFO").arg("replication");
        let answers = ask_all(&mut self.connection, &questions, &self.settings).await?;
        let said = answers.into_iter().next().and_then(answer::text_or_refusal).unwrap_or_default();
        Ok(information(&said).get("master_replid").map(|&id| id.to_owned()))
    }

    /// Who may add to streams and who may read them, where we may ask.
    async fn permissions(&mut self, observed: &mut Observed) -> Result<(), EndpointError> {
        let mut questions = redis::pipe();
        questions.cmd("ACL").arg("LIST");
        let answers = ask_all(&mut self.connection, &questions, &self.settings).await?;
        let lines = match answers.into_iter().next() {
            Some(Value::Array(lines)) => lines,
            Some(Value::ServerError(error)) => {
                let why = failure::refusal(&error, &self.settings.address).message;
                observed
                    .not_observable
                    .push(NotObservable::remark(Why::Denied, format!("permissions: {why}")));
                return Ok(());
            }
            _ => return Ok(()),
        };
        let lines: Vec<String> = lines.into_iter().filter_map(answer::text).collect();
        let streams: Vec<String> = observed.channels.iter().map(|channel| channel.name.clone()).collect();
        let (flows, unlimited) = permissions::flows(&lines, &streams);
        observed.flows.extend(flows);
        if !unlimited.is_empty() {
            let words = format!("permissions of users that may use every key: {}", unlimited.join(", "));
            observed.not_observable.push(NotObservable::remark(Why::Unsupported, words));
        }
        Ok(())
    }

    /// Who is connected and busy with streams, as a remark: the server tells the last command, not the stream.
    async fn name_clients(&mut self, observed: &mut Observed) -> Result<(), EndpointError> {
        let mut questions = redis::pipe();
        questions.cmd("CLIENT").arg("LIST");
        let answers = ask_all(&mut self.connection, &questions, &self.settings).await?;
        let said = match answers.into_iter().next() {
            Some(Value::ServerError(error)) => {
                let why = failure::refusal(&error, &self.settings.address).message;
                observed.not_observable.push(NotObservable::remark(Why::Denied, format!("clients: {why}")));
                return Ok(());
            }
            answer => answer.and_then(answer::text).unwrap_or_default(),
        };
        let busy = busy_clients(&said);
        if !busy.is_empty() {
            let remark = format!("which streams these clients use: {}", busy.join(", "));
            observed.not_observable.push(NotObservable::remark(Why::Unsupported, remark));
        }
        Ok(())
    }
}

/// How many entries a group was given, where the server knows.
fn taken(stream: &str, group: &Value) -> Option<Count> {
    let group = answer::list(group.clone())?;
    let events = answer::named(&group, "entries-read").and_then(answer::number)?;
    let reader = answer::named(&group, "name").cloned().and_then(answer::text)?;
    Some(Count { channel: stream.to_owned(), reader: Some(reader), events })
}

/// A group, which comes first, and its consumers as who receives.
fn flow(stream: &str, readers: &[ObservedReader]) -> Option<ObservedFlow> {
    let (group, consumers) = readers.split_first()?;
    let named: Vec<&str> =
        consumers.iter().filter_map(|consumer| consumer.name.split_once('/')).map(|(_, name)| name).collect();
    let consumers = if named.is_empty() {
        "without consumers".to_owned()
    } else {
        format!("{} consumers: {}", consumers.len(), named[..named.len().min(5)].join(", "))
    };
    Some(ObservedFlow {
        who: group.name.clone(),
        known_by: KnownBy::Group,
        clients: named.iter().map(|&name| name.to_owned()).collect(),
        direction: Direction::Receives,
        addresses: vec![stream.to_owned()],
        seen_by: SeenBy::RedisGroup,
        confidence: if named.is_empty() { 60 } else { 90 },
        waiting: group.waiting,
        remark: format!("group {} {consumers}", group.name),
    })
}

/// Clients whose last command was one of streams, each as `NAME (COMMAND)`.
fn busy_clients(said: &str) -> Vec<String> {
    let mut busy: Vec<String> = Vec::new();
    for line in said.lines() {
        let value = |name: &str| line.split(' ').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let Some(command) = value("cmd").filter(|command| command.starts_with('x')) else { continue };
        let name = value("name").filter(|name| !name.is_empty()).or_else(|| value("addr"));
        busy.extend(name.map(|name| format!("{name} ({command})")));
    }
    busy.sort();
    busy.dedup();
    busy
}

impl Inspect for RedisInspector {
    fn topology(&mut self) -> BoxFuture<'_, Result<Observed, EndpointError>> {
        Box::pin(self.look())
    }
}

#[cfg(test)]
mod tests {
    use super::{busy_clients, information};

    #[test]
    fn what_the_server_says_is_read_line_by_line() {
        let said = information("# Server\r\nredis_version:7.0.15\r\nempty:\r\n");
        assert_eq!(said.get("redis_version"), Some(&"7.0.15"));
        let clients = "id=1 addr=127.0.0.1:1 name=orders db=0 cmd=xadd user=default\n\
                       id=2 addr=127.0.0.1:2 name= cmd=xreadgroup\nid=3 addr=127.0.0.1:3 name=x cmd=get\n";
        assert_eq!(busy_clients(clients), ["127.0.0.1:2 (xreadgroup)", "orders (xadd)"]);
    }
}
