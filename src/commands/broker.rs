//! `eddy broker`: the embedded broker in the foreground, until interrupted.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::json;

use super::{CommandError, Context, Status};
use crate::endpoint::embedded::EmbeddedBroker;

/// Flags of `eddy broker`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It speaks MQTT 3.1.1 and 5 without passwords or encryption: it is for local work, not for production.\n\n\
    Examples:\n  eddy broker\n  eddy broker --listen 127.0.0.1:0 --format json\n  eddy broker --data ./broker-data &\n  \
    eddy tail 'mqtt://127.0.0.1:18830/#'"
)]
pub struct Args {
    /// Address and port to listen at; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:18830")]
    listen: SocketAddr,
    /// Keep retained messages and sessions in this directory (default: in memory)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How to say on stdout where it listens
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Format {
    /// The address as a line of text
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    context.runtime(2)?.block_on(serve(args, context))
}

async fn serve(args: &Args, context: &Context) -> Result<Status, CommandError> {
    if let Some(directory) = &args.data {
        std::fs::create_dir_all(directory).map_err(|error| {
            CommandError::usage(format!("cannot use `{}`: {error}", directory.display()))
                .hint("choose another directory with `--data`")
        })?;
    }
    let broker = EmbeddedBroker::start(args.listen, args.data.clone()).await?;
    let address = format!("mqtt://{}", broker.address());
    let mut data = context.ui.data();
    match args.format {
        Format::Human => writeln!(data, "{address}")?,
        Format::Json => {
            writeln!(data, "{}", json!({"address": address, "protocols": ["MQTT 3.1.1", "MQTT 5.0"]}))?;
        }
    }
    data.flush()?;
    if !args.listen.ip().is_loopback() {
        context.ui.warn("it listens beyond this machine, without passwords or encryption");
    }
    context.ui.say("serving MQTT 3.1.1 and 5; Ctrl-C stops");
    super::interruption().await;
    broker.shutdown().await?;
    context.ui.say("stopped");
    Ok(Status::Interrupted)
}
