//! A connection to a Redis server that was let in and is ready to work.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, Pipeline, Value};

use super::failure;
use super::settings::Settings;
use crate::endpoint::EndpointError;

/// Pipelines that may wait inside the client; how many are under way is decided by who sends.
const WAITING_PIPELINES: usize = 1024;
/// Bytes the client gathers before it writes.
const WRITE_AT_ONCE: usize = 256 * 1024;

/// How soon a server that is still loading its data is asked again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Connects; a command that takes longer than `patience` fails.
///
/// # Errors
/// When the server cannot be reached, does not let us in, or is not ready yet.
pub(super) async fn connect(
    settings: &Settings,
    patience: Duration,
) -> Result<MultiplexedConnection, EndpointError> {
    let address = &settings.address;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.connect_timeout))
        .set_response_timeout(Some(patience))
        .set_pipeline_buffer_size(WAITING_PIPELINES)
        .set_write_backpressure_boundary(WRITE_AT_ONCE);
    let mut loading = false;
    let ready = async {
        let made = settings.client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = made.map_err(|error| failure::connect(&error, address))?;
        loop {
            let mut greeting = redis::pipe();
            greeting.cmd("PING").cmd("CLIENT").arg("SETNAME").arg("eddy");
            let answers = connection.send_packed_commands(&greeting, 0, 2).await;
            let answers = answers.map_err(|error| failure::connect(&error, address))?;
            match answers.first() {
                Some(Value::ServerError(error)) if error.code() == "LOADING" => loading = true,
                // A user who may do little may not even say hello, and has been let in all the same.
                Some(Value::ServerError(error)) if error.code() != "NOPERM" => {
                    return Err(failure::refusal(error, address));
                }
                _ => return Ok(connection),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    match tokio::time::timeout(settings.connect_timeout, ready).await {
        Ok(outcome) => outcome,
        Err(_) if loading => Err(failure::still_loading(address)),
        Err(_) => Err(failure::no_greeting(address)),
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
