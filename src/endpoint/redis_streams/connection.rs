//! A connection to a Redis server that was let in and is ready to work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::settings::Settings;
use super::{failure, sentinel};
use crate::endpoint::{Address, EndpointError};

/// Pipelines that may wait inside the client; how many are under way is decided by who sends.
const WAITING_PIPELINES: usize = 1024;
/// Bytes the client gathers before it writes.
const WRITE_AT_ONCE: usize = 256 * 1024;

/// How soon a server that is still loading its data is asked again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long a server may keep silent before it is looked whether it knows encryption at all.
const SILENCE: Duration = Duration::from_millis(500);
/// Times one node of a cluster may name another: streams move while a cluster is rearranged.
const MOST_MOVES: usize = 5;

/// Connects, within a cluster to the node that keeps the streams of the path, by Sentinels to the master; a command that takes longer than `patience`
/// fails.
///
/// # Errors
/// When the server cannot be reached, does not let us in, is not ready yet, or keeps only some of the streams.
pub(super) async fn connect(
    settings: &Settings,
    patience: Duration,
) -> Result<MultiplexedConnection, EndpointError> {
    Ok(connect_somewhere(settings, patience).await?.0)
}

/// As [`connect`], and says which node it is.
///
/// # Errors
/// As [`connect`].
pub(super) async fn connect_somewhere(
    settings: &Settings,
    patience: Duration,
) -> Result<(MultiplexedConnection, Address), EndpointError> {
    let address = &settings.address;
    let loading = AtomicBool::new(false);
    let ready = async {
        let mut at = address.clone();
        let mut found = match &settings.sentinel {
            None => greeted(&settings.client, address, settings, patience, &loading).await?,
            Some(name) => {
                let master = sentinel::master(settings, name).await?;
                at.clone_from(&master);
                let client = settings.client_of(&master)?;
                let mut found = greeted(&client, &master, settings, patience, &loading).await?;
                if let Greeted::Ready(connection) = &mut found {
                    sentinel::is_master(connection, &master).await?;
                }
                found
            }
        };
        for _ in 0..MOST_MOVES {
            let node = match found {
                Greeted::Ready(connection) => return Ok((connection, at)),
                Greeted::Elsewhere(node) => node,
            };
            let client = settings.client_of(&node)?;
            at.clone_from(&node);
            found = greeted(&client, &node, settings, patience, &loading).await?;
        }
        Err(failure::never_at_rest(address))
    };
    tokio::select! {
        biased;
        outcome = tokio::time::timeout(settings.connect_timeout, ready) => match outcome {
            Ok(outcome) => outcome,
            Err(_) if loading.load(Ordering::Relaxed) => Err(failure::still_loading(address)),
            Err(_) => Err(failure::no_greeting(address)),
        },
        () = no_encryption(address), if address.tls => Err(failure::no_encryption(address)),
    }
}

enum Greeted {
    Ready(MultiplexedConnection),
    /// All streams of the path lie at this node.
    Elsewhere(Address),
}

async fn greeted(
    client: &Client,
    address: &Address,
    settings: &Settings,
    patience: Duration,
    loading: &AtomicBool,
) -> Result<Greeted, EndpointError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.connect_timeout))
        .set_response_timeout(Some(patience))
        .set_pipeline_buffer_size(WAITING_PIPELINES)
        .set_write_backpressure_boundary(WRITE_AT_ONCE);
    let made = client.get_multiplexed_async_connection_with_config(&config).await;
    let mut connection = made.map_err(|error| failure::connect(&error, address))?;
    let mut greeting = redis::pipe();
    greeting.cmd("PING").cmd("CLIENT").arg("SETNAME").arg("eddy");
    for stream in settings.streams() {
        greeting.cmd("TYPE").arg(stream);
    }
    loop {
        let answers = connection.send_packed_commands(&greeting, 0, greeting.len()).await;
        let answers = answers.map_err(|error| failure::connect(&error, address))?;
        match answers.first() {
            Some(Value::ServerError(error)) if error.code() == "LOADING" => {
                loading.store(true, Ordering::Relaxed);
            }
            // A user who may do little may not even say hello, and has been let in all the same.
            Some(Value::ServerError(error)) if error.code() != "NOPERM" => {
                return Err(failure::refusal(error, address));
            }
            _ => {
                let node = elsewhere(answers.get(2..).unwrap_or_default(), address)?;
                return Ok(node.map_or(Greeted::Ready(connection), Greeted::Elsewhere));
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The other node of the cluster that keeps all the streams, by the answers to a question about each.
fn elsewhere(answers: &[Value], address: &Address) -> Result<Option<Address>, EndpointError> {
    let places = answers.iter().map(|answer| match answer {
        Value::ServerError(error) if error.code() == "MOVED" => {
            error.details().and_then(|words| words.split(' ').nth(1))
        }
        _ => None,
    });
    let mut places: Vec<Option<&str>> = places.collect();
    places.dedup();
    match places.as_slice() {
        [] | [None] => Ok(None),
        [Some(place)] => Ok(Some(node_at(place, address))),
        _ => Err(failure::at_several_nodes(address)),
    }
}

/// The address of a node, which leaves its host out when that is the one we know.
fn node_at(place: &str, address: &Address) -> Address {
    let (host, port) = place.rsplit_once(':').unwrap_or((place, ""));
    let mut node = address.clone();
    if !host.is_empty() && host != "?" {
        host.clone_into(&mut node.host);
    }
    node.port = port.parse().unwrap_or(address.port);
    node
}

/// Ends when an unencrypted Redis server listens there: it would wait for ever for the end of the line in what we say.
async fn no_encryption(address: &Address) {
    tokio::time::sleep(SILENCE).await;
    let said = async {
        let mut plain = TcpStream::connect((address.host.as_str(), address.port)).await.ok()?;
        plain.write_all(b"PING\r\n").await.ok()?;
        plain.read_u8().await.ok()
    };
    if !matches!(said.await, Some(b'+' | b'-')) {
        std::future::pending::<()>().await;
    }
}

/// Asks one thing.
///
/// # Errors
/// When the server refuses or the connection breaks.
pub(super) async fn ask<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &Cmd,
    settings: &Settings,
) -> Result<T, EndpointError> {
    let answer = command.query_async(connection).await;
    answer.map_err(|error| failure::command(&error, &settings.address))
}

/// Asks several things in one go; a refusal is among the answers.
///
/// # Errors
/// When the connection breaks.
pub(super) async fn ask_all(
    connection: &mut MultiplexedConnection,
    commands: &Pipeline,
    settings: &Settings,
) -> Result<Vec<Value>, EndpointError> {
    if commands.is_empty() {
        return Ok(Vec::new());
    }
    let answers = connection.send_packed_commands(commands, 0, commands.len()).await;
    answers.map_err(|error| failure::command(&error, &settings.address))
}
