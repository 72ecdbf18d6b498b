//! redis-server for tests.

use super::servers::{Server, free_port, program};

/// redis-server that keeps nothing on disk, with these further settings; `None` when it is not installed.
pub fn redis(more: &[&str]) -> Option<Server> {
    let port = free_port();
    started(port, &["--port", &port.to_string(), "--save", "", "--appendonly", "no"], more)
}

/// redis-server that writes every entry to disk before it says so.
pub fn redis_that_keeps(more: &[&str]) -> Option<Server> {
    let port = free_port();
    let settings =
        ["--port", &port.to_string(), "--save", "", "--appendonly", "yes", "--appendfsync", "always"];
    started(port, &settings, more)
}

/// redis-server that speaks TLS only.
pub fn redis_with_tls(more: &[&str]) -> Option<Server> {
    let port = free_port();
    started(port, &["--port", "0", "--tls-port", &port.to_string(), "--save", ""], more)
}

/// redis-server that lets in one user only: `tester` with the password `right`.
pub fn redis_with_password() -> Option<Server> {
    let users = ["--user", "tester", "on", ">right", "~*", "&*", "+@all", "--user", "default", "off"];
    redis(&users)
}

fn started(port: u16, settings: &[&str], more: &[&str]) -> Option<Server> {
    let program = program("redis-server", "EDDY_REDIS_SERVER")?;
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().display().to_string();
    let common = ["--bind", "127.0.0.1", "--dir", &place];
    let arguments = common.iter().chain(settings).chain(more).map(|&each| each.to_owned()).collect();
    Some(Server::launch(program, directory, port, arguments))
}

/// redis-server as a Sentinel of this master, called `shop`; it agrees with itself.
pub fn sentinel(master: u16, more: &[&str]) -> Option<Server> {
    let program = program("redis-server", "EDDY_REDIS_SERVER")?;
    let directory = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let mut text = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor shop 127.0.0.1 {master} 1\n\
         sentinel down-after-milliseconds shop 500\nsentinel failover-timeout shop 2000\n",
        directory.path().display()
    );
    for line in more {
        text.push_str(line);
        text.push('\n');
    }
    let configuration = directory.path().join("sentinel.conf");
    std::fs::write(&configuration, text).expect("written");
    let arguments = vec![configuration.display().to_string(), "--sentinel".to_owned()];
    Some(Server::launch(program, directory, port, arguments))
}
