//! Addresses as a user may see them: passwords, tokens and header values replaced, and the part that is wrong found.

use std::ops::Range;

use super::AddressError;
use crate::event::percent::decode_text;

/// What stands where a secret was.
const MASK: &str = "***";

/// Parts of option names whose values are nobody's business.
const SECRET_NAMES: [&str; 7] = ["header", "pass", "secret", "token", "auth", "credential", "signature"];

/// The text with the user information of an address and the values of secret options replaced.
#[must_use]
pub fn mask(text: &str) -> String {
    mask_options(text, |name| !is_secret(name))
}

/// As [`mask`], with the values of all options replaced that are not known: they may be anything.
pub(super) fn mask_unknown(text: &str, known: &[&str]) -> String {
    mask_options(text, |name| known.contains(&name) && !is_secret(name))
}

/// Whether the value of an option of this name may be a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Whether a header of this name may hold what lets somebody in.
#[must_use]
pub fn is_secret_header(name: &str) -> bool {
    const PARTS: [&str; 8] =
        ["authorization", "cookie", "token", "secret", "password", "api-key", "apikey", "credential"];
    let name = name.to_lowercase();
    PARTS.iter().any(|part| name.contains(part))
}

/// User information as help texts write it, which is nobody's.
const EXAMPLES: [&str; 4] = ["USER:PASSWORD", ":TOKEN", ":PASSWORD", "***"];

/// A line for people in which the user information of every address gives way, be it even in the place of a file's name.
#[must_use]
pub fn mask_in_line(line: &str) -> std::borrow::Cow<'_, str> {
    const MARK: &str = "://";
    if !line.contains('@') {
        return line.into();
    }
    if !line.contains(MARK) {
        return mask_slips(line).into();
    }
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(mark) = rest.find(MARK) {
        let (before, from_mark) = rest.split_at(mark);
        masked.push_str(before);
        let behind = &from_mark[MARK.len()..];
        // Whatever a password has in it, an address ends with a blank or with the next one.
        let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
        let end = behind[..end].find(MARK).unwrap_or(end);
        let user = behind[..end].split_once('@').map(|(user, _)| user);
        let is_shown = user.is_none_or(|user| EXAMPLES.contains(&user) || user.ends_with(MASK));
        let address = &from_mark[..MARK.len() + end];
        masked.push_str(&if is_shown { address.into() } else { mask_user(address) });
        rest = &behind[end..];
    }
    masked.push_str(rest);
    mask_slips(&masked).into()
}

/// Addresses whose scheme is missing or has a slip in it, such as `me:secret@host` and `mqtt//me:secret@host`.
fn mask_slips(line: &str) -> String {
    // In JSON a text ends with its quote, and nothing behind that is to give way.
    let is_json = line.starts_with('{');
    let ends = |each: char| each.is_whitespace() || is_json && each == '"';
    let words = line.split_inclusive(ends).map(|word| {
        let Some((user, _)) = word.rsplit_once('@').filter(|_| !word.contains("://")) else {
            return word.to_owned();
        };
        let begin = user.len() - user.trim_start_matches(['`', '\'', '"', '(', '[', '<']).len();
        let is_shown = EXAMPLES.iter().any(|example| user.ends_with(example));
        let is_login = user[begin..].contains(':') || user[begin..].contains("//");
        if is_shown || !is_login {
            return word.to_owned();
        }
        format!("{}{}", &word[..begin], mask_without_scheme(&word[begin..]))
    });
    words.collect()
}

fn mask_options(text: &str, shown: impl Fn(&str) -> bool) -> String {
    let masked = mask_user(text);
    let Some(start) = options_start(&masked) else {
        return without_query(&masked);
    };
    let pairs = masked[start..].split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if !shown(&decode_text(name)) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    });
    let before = without_query(&masked[..start - 1]);
    format!("{before}{}{}", &masked[start - 1..start], pairs.collect::<Vec<_>>().join("&"))
}

/// Over HTTP options stand after `#`, because the query is the server's.
fn options_start(text: &str) -> Option<usize> {
    let mark = if text.starts_with("http") { '#' } else { '?' };
    text.find(mark).map(|at| at + 1)
}

/// Queries of webhooks hold secrets.
fn without_query(text: &str) -> String {
    match text.split_once('?') {
        Some((before, _)) if text.starts_with("http") => format!("{before}?{MASK}"),
        _ => text.to_owned(),
    }
}

fn mask_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return mask_without_scheme(text);
    };
    let ends: &[char] = if scheme.starts_with("http") { &['/', '?', '#'] } else { &['/', '?'] };
    let authority = &rest[..rest.find(ends).unwrap_or(rest.len())];
    let at = match (authority.rfind('@'), authority.split_once(':')) {
        // A password may have an `@` and behind it a `/` of its own: then the host comes after another `@`.
        (Some(at), _) => {
            let last = rest.rfind('@').filter(|last| is_host_with_port(&rest[last + 1..], ends));
            last.or_else(|| Guess::of(text).map(|guess| guess.at)).unwrap_or(at)
        }
        // A password with a `/` or `?` of its own ends the authority too early.
        (None, Some((_, port))) if !port.chars().all(|each| each.is_ascii_digit()) => match rest.rfind('@') {
            Some(at) => at,
            None => return text.to_owned(),
        },
        _ => match Guess::of(text) {
            Some(guess) => return format!("{scheme}://{MASK}{}", &rest[guess.at..]),
            None => return text.to_owned(),
        },
    };
    // A user without a password may be a token.
    let user = rest[..at].split_once(':').map(|(user, _)| format!("{user}:")).unwrap_or_default();
    format!("{scheme}://{user}{MASK}{}", &rest[at..])
}

/// What helps where a user or password has a letter that ends them.
pub(super) const PASSWORD_HELP: &str =
    "a `/`, `?`, `#` or `@` in a user or password is written as `%2F`, `%3F`, `%23` or `%40`";

/// That what seems to be the host of an address is a part of a token or password with a `/` of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guess {
    /// Where behind the `://` the `@` before the host stands then.
    pub at: usize,
    /// Whether it is more than a guess: what comes behind the `@` can only be a host.
    pub is_sure: bool,
}

impl Guess {
    /// What is guessed of an address as it was written. What is unsure is masked all the same.
    pub(super) fn of(text: &str) -> Option<Self> {
        host_behind_password(text).or_else(|| host_behind_slash(text))
    }
}

/// Why an address whose secret ends too early cannot be used, when that is sure.
pub(super) fn refusal(text: &str) -> Option<AddressError> {
    let sure = |guess: Option<Guess>| guess.is_some_and(|guess| guess.is_sure);
    let what = if sure(host_behind_password(text)) {
        "an `@` and a `/`"
    } else if sure(host_behind_slash(text)) {
        "a `/`"
    } else {
        return None;
    };
    Some(AddressError {
        message: format!("`{}` has {what} in its user or password", mask(text)),
        help: format!("{PASSWORD_HELP}, and an `@` behind the host as `%40` too"),
        wrong: None,
    })
}

/// Whether what seems to be host and port is a user and the beginning of a password, which has a letter that ends them.
pub(super) fn ends_in_the_password(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (before, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    before.contains(':') && !before.contains('@') && behind.contains('@')
}

/// Guesses that what seems to be the host is the end of a password that has an `@` and behind it a `/` of its own.
fn host_behind_password(text: &str) -> Option<Guess> {
    let (scheme, rest) = text.split_once("://")?;
    let ends: &[char] = &['/', '?', '#'];
    let authority = &rest[..rest.find(ends)?];
    let (_, host) = authority.rsplit_once('@').filter(|(_, host)| !host.contains(':'))?;
    let last = rest.rfind('@').filter(|last| *last > authority.len())?;
    let behind = &rest[last + 1..];
    let name = &behind[..behind.find(ends).unwrap_or(behind.len())];
    // A path may have an `@` as well, but seldom what can only be a host behind it.
    let is_sure =
        is_surely_a_host(behind, ends) || !host.contains('.') && name.contains('.') && host != "localhost";
    if is_sure {
        return Some(Guess { at: last, is_sure });
    }
    let at = last_at(rest, authority)?;
    (may_be_a_secret(scheme, host)).then_some(Guess { at, is_sure })
}

/// Guesses that what seems to be the host is the beginning of a token or a password with a `/` of its own. Web addresses have
/// paths with an `@`.
fn host_behind_slash(text: &str) -> Option<Guess> {
    let (scheme, rest) = text.split_once("://").filter(|(scheme, _)| is_network(scheme))?;
    let authority = &rest[..rest.find('/')?];
    let at = last_at(rest, authority).filter(|_| !authority.contains('@'))?;
    let is_sure = is_surely_a_host(&rest[at + 1..], &['/', '?', '#', '`', '"']);
    // What is no usual port is the beginning of a password.
    let (name, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let is_port = port.parse::<u16>().is_ok_and(|port| port >= 1024);
    (is_sure || !is_port && may_be_a_secret(scheme, name)).then_some(Guess { at, is_sure })
}

/// Whether what seems to be the name of a host may be a part of a secret. One word may be a host of a network of containers,
/// and have a channel with an `@`; an exchange often has one.
fn may_be_a_secret(scheme: &str, name: &str) -> bool {
    is_network(scheme) && !scheme.starts_with("amqp") && !name.contains(['.', ',']) && name != "localhost"
}

fn is_network(scheme: &str) -> bool {
    let of_files = ["http", "file", "s3", "gs", "az", "memory"];
    !of_files.iter().any(|name| scheme.starts_with(name))
}

/// Where the last `@` stands that comes behind the authority and before the options, with something behind it.
fn last_at(rest: &str, authority: &str) -> Option<usize> {
    let before_options = &rest[..rest.find('?').unwrap_or(rest.len())];
    let at = before_options.rfind('@').filter(|at| *at > authority.len())?;
    (!before_options[at + 1..].is_empty() && !before_options[at + 1..].starts_with(['/', '#', '`', '"']))
        .then_some(at)
}

/// Whether what begins here can only be a host: a number, this machine, or what has a port.
fn is_surely_a_host(text: &str, ends: &[char]) -> bool {
    let name = &text[..text.find(ends).unwrap_or(text.len())];
    let is_number = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    is_number || name == "localhost" || is_host_with_port(text, ends)
}

fn is_host_with_port(text: &str, ends: &[char]) -> bool {
    let host = &text[..text.find(ends).unwrap_or(text.len())];
    let port = host.rsplit_once(':').map(|(_, port)| port);
    port.is_some_and(|port| !port.is_empty() && port.bytes().all(|each| each.is_ascii_digit()))
}

/// A URL with a slip in its scheme, such as `mqtt//me:secret@host`, must not give its password away either.
fn mask_without_scheme(text: &str) -> String {
    let Some(at) = text.rfind('@') else {
        return text.to_owned();
    };
    let begin = text[..at].find("//").map_or(0, |slashes| slashes + 2);
    // All behind the first colon may be a password with colons of its own.
    let shown = match text[begin..at].find(':') {
        Some(colon) => begin + colon + 1,
        None if begin > 0 => begin,
        None => return text.to_owned(),
    };
    format!("{}{MASK}{}", &text[..shown], &text[at..])
}

/// The masked text and the range of the host or the port that the reader of URLs did not take.
pub(super) fn wrong_part(text: &str, error: url::ParseError) -> Option<(String, Range<usize>)> {
    let masked = mask(text);
    let Range { start: host, end } = hosts_part(&masked)?;
    let bracket = masked[host..end].rfind(']').map_or(host, |at| host + at);
    let colon = masked[bracket..end].find(':').map(|at| bracket + at);
    let range = match (error, colon) {
        (url::ParseError::InvalidPort, Some(colon)) => colon + 1..end,
        (_, Some(colon)) => host..colon,
        (_, None) => host..end,
    };
    Some((masked, range))
}

/// The range of the hosts in a masked address, with their ports.
pub(super) fn hosts_part(masked: &str) -> Option<Range<usize>> {
    let start = masked.find("://")? + 3;
    let end = masked[start..].find(['/', '?']).map_or(masked.len(), |length| start + length);
    let host = masked[start..end].rfind('@').map_or(start, |at| start + at + 1);
    Some(host..end)
}

/// The range of an option's name in a text, and that of its value.
pub(super) fn option_part(text: &str, wanted: &str) -> Option<(Range<usize>, Range<usize>)> {
    let mut start = options_start(text)?;
    for pair in text[start..].split('&') {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        if decode_text(name) == wanted {
            let value = (start + name.len() + 1).min(start + pair.len());
            return Some((start..start + name.len(), value..start + pair.len()));
        }
        start += pair.len() + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{mask, mask_in_line, mask_unknown, option_part, wrong_part};

    #[test]
    fn no_secret_is_left() {
        for (text, wanted) in [
            ("nats://u:p@h:1/x@y", "nats://u:***@h:1/x@y"),
            ("nats://TOKEN@h", "nats://***@h"),
            ("nats://:TOKEN@h", "nats://:***@h"),
            ("mqtt://u:p/ss@h/x", "mqtt://u:***@h/x"),
            ("redis://u:p@ss/w0rd@h:6379/x", "redis://u:***@h:6379/x"),
            ("mqtt//u:p@h:1/x", "mqtt//u:***@h:1/x"),
            ("u:p@h", "u:***@h"),
            ("u:p:q@h:4222", "u:***@h:4222"),
            ("//u:p@h", "//u:***@h"),
            ("nats:://u:p@h/x", "nats:://u:***@h/x"),
            ("redis//TOKEN@h/x", "redis//***@h/x"),
            ("redis://u:p@ss/w@127.0.0.1/x", "redis://u:***@127.0.0.1/x"),
            ("redis://u:p@ss/w@localhost", "redis://u:***@localhost"),
            ("mqtt://u:p@h.org/x@b.org", "mqtt://u:***@h.org/x@b.org"),
            ("orders@home", "orders@home"),
            ("mqtt://h:1883/a@b", "mqtt://h:1883/a@b"),
            ("mqtt://h.org/a@b", "mqtt://h.org/a@b"),
            ("mqtt://localhost/a@b?client-id=x@127.0.0.1", "mqtt://localhost/a@b?client-id=x@127.0.0.1"),
            ("nats://s3cr/et==@127.0.0.1:4222/x", "nats://***@127.0.0.1:4222/x"),
            ("nats://s3cr/et==@broker/x", "nats://***@broker/x"),
            ("mqtt://user/pa:ss@broker", "mqtt://***@broker"),
            ("mqtt://user:pa/ss@broker", "mqtt://user:***@broker"),
            ("redis://user:12/ss@broker/x", "redis://***@broker/x"),
            ("nats://user:p@a/ss@broker/x", "nats://user:***@broker/x"),
            ("nats://user:p@broker/x?name=a@b", "nats://user:***@broker/x?name=a@b"),
            ("mqtt://broker:1884/a@b", "mqtt://broker:1884/a@b"),
            ("amqp://broker/%2F/a@b", "amqp://broker/%2F/a@b"),
            ("amqp://u:p@broker/%2F/a@b", "amqp://u:***@broker/%2F/a@b"),
            ("redis://u:12/34@127.0.0.1/x", "redis://***@127.0.0.1/x"),
            ("http://h/@scope/a@b", "http://h/@scope/a@b"),
            ("http://u:p@h/x?sig=s#header=A: b&ca=f", "http://u:***@h/x?***#header=***&ca=f"),
            ("https://h#header=A: b", "https://h#header=***"),
            ("https://h/hook?key=abc", "https://h/hook?***"),
            ("mqtt://h/?api-token=x&qos", "mqtt://h/?api-token=***&qos"),
        ] {
            assert_eq!(mask(text), wanted, "{text}");
        }
        assert_eq!(mask_unknown("mqtt://h?qos=1&pw=hunter2", &["qos"]), "mqtt://h?qos=1&pw=***");
    }

    #[test]
    fn no_secret_is_left_in_a_line() {
        for (line, wanted) in [
            ("cannot read `amqp://u:p@h/x`: no file", "cannot read `amqp://u:***@h/x`: no file"),
            ("a nats://TOKEN@h and \"redis://u:p@h:1/a@b\"", "a nats://***@h and \"redis://u:***@h:1/a@b\""),
            ("check `mqtt://USER:PASSWORD@HOST/…`", "check `mqtt://USER:PASSWORD@HOST/…`"),
            ("sent to mqtt://u:***@h/x", "sent to mqtt://u:***@h/x"),
            ("`mqtt://h.org/a@b` and me@home", "`mqtt://h.org/a@b` and me@home"),
            ("`mqtt://s3cr/et@b:1` and me@home", "`mqtt://***@b:1` and me@home"),
            ("no `kafka://me:pa(ss@host`: it", "no `kafka://me:***@host`: it"),
            (
                "`u:p@h:4222` is no file, `//u:p@h/x` neither",
                "`u:***@h:4222` is no file, `//u:***@h/x` neither",
            ),
            ("no 'redis//u:p@h' and mqtt://h", "no 'redis//u:***@h' and mqtt://h"),
            ("{\"a\":\"x@y\",\"b\":\"of u:p@h\"}", "{\"a\":\"x@y\",\"b\":\"of u:***@h\"}"),
            (
                "mail me@home at 12:00 or write USER:PASSWORD@HOST",
                "mail me@home at 12:00 or write USER:PASSWORD@HOST",
            ),
            ("of mqtt://u:p@h1,mqtt://u2:p2@h2.", "of mqtt://u:***@h1,mqtt://u2:***@h2."),
        ] {
            assert_eq!(mask_in_line(line), wanted);
        }
    }

    #[test]
    fn the_wrong_part_is_found() {
        let marked =
            |text: &str, error| wrong_part(text, error).map(|(shown, range)| shown[range].to_owned());
        let port = url::ParseError::InvalidPort;
        assert_eq!(marked("mqtt://u:p@h:x1/t", port).as_deref(), Some("x1"));
        assert_eq!(marked("mqtt://[::1]:99999", port).as_deref(), Some("99999"));
        let host = url::ParseError::InvalidDomainCharacter;
        assert_eq!(marked("mqtt://a b:1883/t", host).as_deref(), Some("a b"));
        let (name, value) = option_part("mqtt://h/t?a&qos=3", "qos").expect("there");
        assert_eq!((name, value), (13..16, 17..18));
        assert_eq!(option_part("mqtt://h/t?retain", "retain").expect("there"), (11..17, 17..17));
    }
}
