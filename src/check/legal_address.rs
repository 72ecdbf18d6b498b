//! What addresses each protocol can carry, by its own document; `{parameters}` count as one letter each.

use crate::source_text::tree::NodeRef;

/// An address on the servers of one protocol.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// As written, for messages.
    pub address: &'a str,
    /// With one letter for each parameter.
    pub bare: &'a str,
    /// Whether the application sends there; a pattern can only be subscribed to.
    pub sends: bool,
    /// The bindings of the channel.
    pub bindings: Option<&'a NodeRef>,
}

/// Why an address cannot be used, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, with the address.
    pub message: String,
    /// The next step.
    pub help: &'static str,
}

const OTHER_NAME: &str =
    "choose an address the broker takes, or name the real one in the bindings of the channel";
const NO_PATTERN: &str = "name one address, or make the part that varies a parameter: `{name}`";
const ENCODE: &str = "percent-encode it, or make the part that varies a parameter: `{name}`";

/// What is wrong with an address on a server of the protocol; none where the protocol takes it, or leaves it to the broker.
///
/// Left to the broker: AMQP 1.0 (OASIS, part 3, section 3.5.3: the node behind an address is found by the container), STOMP
/// 1.2 (a destination is an opaque string), Jakarta Messaging 3.1 (section 6.2: the syntax of names is the provider's) and
/// Redis (names of channels and keys are binary-safe strings).
pub fn fault(protocol: &str, candidate: &Candidate) -> Option<Fault> {
    match protocol.to_ascii_lowercase().as_str() {
        "kafka" | "kafka-secure" => candidate.unless("kafka", &["topic"], kafka),
        "mqtt" | "mqtts" | "mqtt5" | "mqtt-secure" | "secure-mqtt" => mqtt(candidate),
        "nats" | "nats-secure" => nats(candidate),
        "amqp" | "amqps" => candidate.unless("amqp", &["queue", "name"], amqp),
        "pulsar" | "pulsar+ssl" => candidate.unless("pulsar", &["namespace"], pulsar),
        "googlepubsub" => candidate.unless("googlepubsub", &["topic"], pubsub),
        "sqs" => candidate.unless("sqs", &["queue", "name"], sqs),
        "sns" => candidate.unless("sns", &["name"], sns),
        "solace" | "smf" | "smfs" => solace(candidate),
        "ibmmq" | "ibmmqs" | "ibmmq-secure" => ibm_mq(candidate),
        "http" | "https" | "http2" | "sse" | "ws" | "wss" => path(candidate),
        _ => None,
    }
}

impl Candidate<'_> {
    /// The text at a path below the binding of a protocol.
    fn bound(&self, protocol: &str, path: &[&str]) -> Option<&str> {
        let mut node = self.bindings?.get(protocol)?;
        for key in path {
            node = node.get(key)?;
        }
        node.as_str()
    }

    /// What a check says, unless the bindings give the real name.
    fn unless(&self, protocol: &str, path: &[&str], check: impl Fn(&Self) -> Option<Fault>) -> Option<Fault> {
        if self.bound(protocol, path).is_some() { None } else { check(self) }
    }

    #[allow(clippy::unnecessary_wraps, reason = "every check ends with what this gives")]
    fn fault(&self, what: impl FnOnce(&str) -> String) -> Option<Fault> {
        Some(Fault { message: what(self.address), help: OTHER_NAME })
    }

    /// The first character outside those allowed.
    fn stranger(name: &str, allowed: impl Fn(char) -> bool) -> Option<char> {
        name.chars().find(|c| !allowed(*c))
    }

    #[allow(clippy::unnecessary_wraps, reason = "every check ends with what this gives")]
    fn pattern(&self, what: &str) -> Option<Fault> {
        let message = format!("{what}, and the application sends to `{}`", self.address);
        Some(Fault { message, help: NO_PATTERN })
    }
}

/// A character as a message shows it: control characters and spaces by their names.
fn shown(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        '\0' => "the null character".to_owned(),
        c if c.is_control() || c.is_whitespace() => format!("U+{:04X}", u32::from(c)),
        c => format!("`{c}`"),
    }
}

fn is_plain(c: char, others: &str) -> bool {
    c.is_ascii_alphanumeric() || others.contains(c)
}

/// Apache Kafka, class `Topic`: letters, digits, `.`, `_`, `-`, at most 249, neither `.` nor `..`.
fn kafka(at: &Candidate) -> Option<Fault> {
    if let Some(wrong) = Candidate::stranger(at.bare, |c| is_plain(c, "._-")) {
        return at.fault(|name| format!("a Kafka topic cannot hold {}, as `{name}` does", shown(wrong)));
    }
    if at.bare.len() > 249 {
        let count = at.bare.len();
        return at.fault(|name| format!("a Kafka topic has at most 249 characters, `{name}` has {count}"));
    }
    if matches!(at.bare, "." | "..") {
        return at.fault(|name| format!("a Kafka topic cannot be called `{name}`"));
    }
    None
}

/// MQTT 5.0 (OASIS), section 4.7: at least one character, no null, at most 65,535 bytes; `+` is a whole level of a filter,
/// and stands in no topic name. `#` never comes here: AsyncAPI takes it for a fragment.
fn mqtt(at: &Candidate) -> Option<Fault> {
    if at.bare.is_empty() {
        return at.fault(|_| "an MQTT topic has at least one character, and the address is empty".to_owned());
    }
    if at.bare.contains('\0') {
        return at.fault(|_| "an MQTT topic cannot hold the null character".to_owned());
    }
    if at.bare.len() > 65_535 {
        let count = at.bare.len();
        return at.fault(|_| format!("an MQTT topic has at most 65,535 bytes, this one has {count}"));
    }
    if at.bare.split('/').any(|level| level.contains('+') && level != "+") {
        return at
            .fault(|name| format!("`+` is a whole level of an MQTT filter, and a part of one in `{name}`"));
    }
    if at.sends && at.bare.contains('+') { at.pattern("`+` stands for many MQTT topics") } else { None }
}

/// NATS documentation, "Subject-Based Messaging": no whitespace, no empty tokens; `*` is a whole token and `>` the last one
/// of a subscription.
fn nats(at: &Candidate) -> Option<Fault> {
    if let Some(wrong) = Candidate::stranger(at.bare, |c| !c.is_whitespace() && c != '\0') {
        return at.fault(|name| format!("a NATS subject cannot hold {}, as `{name}` does", shown(wrong)));
    }
    if at.bare.split('.').any(str::is_empty) {
        return at.fault(|name| format!("the NATS subject `{name}` has an empty part"));
    }
    let tokens: Vec<&str> = at.bare.split('.').collect();
    if tokens.iter().rev().skip(1).any(|token| *token == ">") {
        return at.fault(|name| format!("`>` is the last part of a NATS subject, and not in `{name}`"));
    }
    let sign = tokens.iter().find(|token| matches!(**token, "*" | ">")).filter(|_| at.sends)?;
    at.pattern(&format!("`{sign}` stands for many NATS subjects"))
}

/// AMQP 0-9-1, section 4.2.5.3: names of queues and exchanges and routing keys are short strings.
fn amqp(at: &Candidate) -> Option<Fault> {
    let count = at.bare.len();
    if count <= 255 {
        return None;
    }
    at.fault(|name| format!("an AMQP name has at most 255 bytes, `{name}` has {count}"))
}

/// Apache Pulsar, classes `TopicName` and `NamedEntity`: `topic`, `tenant/namespace/topic`, or the whole with
/// `persistent://` or `non-persistent://`; tenants and namespaces of letters, digits, `_`, `-`, `=`, `:` and `.`.
fn pulsar(at: &Candidate) -> Option<Fault> {
    let (domain, rest) = match at.bare.split_once("://") {
        Some((domain, rest)) => (Some(domain), rest),
        None => (None, at.bare),
    };
    if let Some(domain) = domain.filter(|domain| !matches!(*domain, "persistent" | "non-persistent" | "x")) {
        return at.fault(|name| {
            format!("a Pulsar topic is `persistent` or `non-persistent`, not `{domain}` as in `{name}`")
        });
    }
    let parts: Vec<&str> = rest.split('/').collect();
    let fits = if domain.is_some() { parts.len() >= 3 } else { matches!(parts.len(), 1 | 3) };
    if !fits || parts.iter().any(|part| part.is_empty()) {
        return at.fault(|name| {
            format!("a Pulsar topic is `topic` or `persistent://tenant/namespace/topic`, not `{name}`")
        });
    }
    let owners = if parts.len() == 1 { &[] } else { &parts[..2] };
    let wrong = owners.iter().find_map(|owner| Candidate::stranger(owner, |c| is_plain(c, "_-=:.")))?;
    at.fault(|name| format!("a tenant or namespace of Pulsar cannot hold {}, as in `{name}`", shown(wrong)))
}

/// Google Cloud Pub/Sub, "Guidelines to name a topic": a letter first, 3 to 255 letters, digits and `-_.~+%`, not `goog…`.
fn pubsub(at: &Candidate) -> Option<Fault> {
    let id = match at.bare.split('/').collect::<Vec<_>>()[..] {
        ["projects", _, "topics" | "subscriptions", id] => id,
        _ => at.bare,
    };
    if let Some(wrong) = Candidate::stranger(id, |c| is_plain(c, "-_.~+%")) {
        return at.fault(|name| format!("a Pub/Sub topic cannot hold {}, as `{name}` does", shown(wrong)));
    }
    if !id.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return at.fault(|name| format!("a Pub/Sub topic starts with a letter, not as `{name}` does"));
    }
    if id.starts_with("goog") {
        return at.fault(|name| format!("a Pub/Sub topic cannot start with `goog`, as `{name}` does"));
    }
    // A parameter stands for more than one letter.
    let is_short = id.len() < 3 && at.bare == at.address;
    if is_short || id.len() > 255 {
        let count = id.len();
        return at.fault(|name| format!("a Pub/Sub topic has 3 to 255 characters, `{name}` has {count}"));
    }
    None
}

/// The name at the end of an ARN or of the URL of a queue.
fn amazon_name(bare: &str) -> &str {
    let ends = if bare.starts_with("arn:") { ':' } else { '/' };
    let is_long = bare.starts_with("arn:") || bare.starts_with("https://") || bare.starts_with("http://");
    if is_long { bare.rsplit(ends).next().unwrap_or(bare) } else { bare }
}

/// Letters, digits, `_` and `-` up to a length, `.fifo` behind them allowed and counted.
fn amazon(at: &Candidate, what: &str, most: usize) -> Option<Fault> {
    let name = amazon_name(at.bare);
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    if let Some(wrong) = Candidate::stranger(stem, |c| is_plain(c, "_-")) {
        return at.fault(|name| format!("{what} cannot hold {}, as `{name}` does", shown(wrong)));
    }
    if stem.is_empty() || name.len() > most {
        let count = name.len();
        return at.fault(|name| format!("{what} has 1 to {most} characters, `{name}` has {count}"));
    }
    None
}

/// Amazon SQS API reference, `CreateQueue`: up to 80 letters, digits, `_` and `-`; `.fifo` at the end of a FIFO queue counts.
fn sqs(at: &Candidate) -> Option<Fault> {
    amazon(at, "the name of an SQS queue", 80)
}

/// Amazon SNS API reference, `CreateTopic`: 1 to 256 letters, digits, `_` and `-`; a FIFO topic ends with `.fifo`.
fn sns(at: &Candidate) -> Option<Fault> {
    amazon(at, "the name of an SNS topic", 256)
}

/// Solace documentation, "SMF Topics": at most 250 bytes and 128 levels, no null; `*` and `>` are for subscriptions.
fn solace(at: &Candidate) -> Option<Fault> {
    if at.bare.contains('\0') {
        return at.fault(|_| "a Solace topic cannot hold the null character".to_owned());
    }
    let (bytes, levels) = (at.bare.len(), at.bare.split('/').count());
    if bytes > 250 {
        return at.fault(|name| format!("a Solace topic has at most 250 bytes, `{name}` has {bytes}"));
    }
    if levels > 128 {
        return at.fault(|name| format!("a Solace topic has at most 128 levels, `{name}` has {levels}"));
    }
    let is_wild = |level: &str, is_last: bool| level.ends_with('*') || (is_last && level == ">");
    let last = levels - 1;
    let wild = at.bare.split('/').enumerate().find(|(at, level)| is_wild(level, *at == last))?.1;
    let sign = if wild == ">" { '>' } else { '*' };
    if at.sends { at.pattern(&format!("`{sign}` stands for many Solace topics")) } else { None }
}

/// IBM MQ, "Rules for naming IBM MQ objects" and "Topic-based wildcard scheme": topic strings have at most 10,240 bytes, and
/// `+` as a whole level is for subscriptions. The name of a queue, 48 characters, is a field of its binding.
fn ibm_mq(at: &Candidate) -> Option<Fault> {
    let is_queue = at.bound("ibmmq", &["destinationType"]) == Some("queue");
    if is_queue || at.bound("ibmmq", &["topic", "string"]).is_some() {
        return None;
    }
    let count = at.bare.len();
    if count > 10_240 {
        return at
            .fault(|_| format!("an IBM MQ topic string has at most 10,240 bytes, this one has {count}"));
    }
    let is_wild = at.sends && at.bare.split('/').any(|level| level == "+");
    if is_wild { at.pattern("`+` stands for many IBM MQ topics") } else { None }
}

/// RFC 3986, section 3.3, for HTTP (RFC 9110, section 4.2) and WebSocket (RFC 6455, section 3) alike; a query or
/// fragment is told by another rule.
fn path(at: &Candidate) -> Option<Fault> {
    let is_allowed = |c: char| is_plain(c, "-._~!$&'()*+,;=:@/%");
    if let Some(wrong) = Candidate::stranger(at.bare, is_allowed) {
        let message =
            format!("the path of a URL cannot hold {} as it is, as `{}` does", shown(wrong), at.address);
        return Some(Fault { message, help: ENCODE });
    }
    let broken = at.bare.split('%').skip(1).any(|rest| {
        let digits = rest.as_bytes().get(..2);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !broken {
        return None;
    }
    let message = format!("`%` starts a byte in two hexadecimal digits, and does not in `{}`", at.address);
    Some(Fault { message, help: ENCODE })
}

#[cfg(test)]
#[path = "legal_address_tests.rs"]
mod tests;
