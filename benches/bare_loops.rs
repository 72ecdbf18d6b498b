//! The client crates without eddy around them: sends or reads a number of events in the way each crate is fastest at, so that
//! `benches/endpoints/brokers.py --bare` can tell what the layer above costs. For Kafka there is another one.
//!
//! `bare_loops SYSTEM send PORT CHANNEL FILE [WIDTH]` sends each line of a file, `bare_loops SYSTEM read PORT CHANNEL COUNT` reads so
//! many events, where the system is `redis`, `jetstream`, `nats`, `mqtt` or `http`. Every event sent is confirmed as eddy has it
//! confirmed.

use std::collections::VecDeque;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures_util::StreamExt;
use redis::Value;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Events of one pipeline.
const PIPELINE: usize = 512;
/// Pipelines under way.
const UNDER_WAY: usize = 8;
/// Publishes under way.
const WINDOW: usize = 1024;

/// What is to be done.
struct Job {
    port: u16,
    channel: String,
    /// A file whose lines are sent, or how many events are read.
    what: String,
    width: usize,
}

impl Job {
    fn count(&self) -> Result<usize, std::num::ParseIntError> {
        self.what.parse()
    }

    /// The lines of the file, each in memory of its own.
    fn payloads(&self) -> Result<impl Iterator<Item = std::io::Result<Bytes>> + use<>, std::io::Error> {
        let mut lines = BufReader::with_capacity(256 * 1024, File::open(&self.what)?);
        Ok(std::iter::from_fn(move || {
            let mut line = Vec::new();
            match lines.read_until(b'\n', &mut line) {
                Ok(0) => None,
                Ok(_) => {
                    line.truncate(line.strip_suffix(b"\n").map_or(line.len(), <[u8]>::len));
                    Some(Ok(line.into()))
                }
                Err(error) => Some(Err(error)),
            }
        }))
    }
}

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [system, direction, port, channel, what, rest @ ..] = words.as_slice() else {
        println!("SYSTEM send|read PORT CHANNEL FILE|COUNT [WIDTH]; see benches/endpoints/brokers.py");
        return Ok(());
    };
    let job = Job {
        port: port.parse()?,
        channel: channel.clone(),
        what: what.clone(),
        width: rest.first().map_or(Ok(1), |width| width.parse())?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match (system.as_str(), direction.as_str()) {
            ("redis", "send") => redis_send(&job).await,
            ("redis", "read") => redis_read(&job).await,
            ("jetstream", "send") => jetstream_send(&job).await,
            ("jetstream", "read") => jetstream_read(&job).await,
            ("nats", "send") => nats_send(&job).await,
            ("mqtt", "send") => mqtt_send(&job).await,
            ("mqtt", "read") => mqtt_read(&job).await,
            ("http", "send") => http_send(&job).await,
            _ => Err(format!("no bare loop for {system} {direction}").into()),
        }
    })
}

async fn redis_connected(job: &Job) -> Result<redis::aio::MultiplexedConnection, redis::RedisError> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", job.port))?;
    client.get_multiplexed_async_connection().await
}

/// Pipelines of `XADD`, some under way at once.
async fn redis_send(job: &Job) -> Outcome {
    let connection = redis_connected(job).await?;
    let mut answers = VecDeque::new();
    let mut payloads = job.payloads()?.peekable();
    while payloads.peek().is_some() {
        let mut pipeline = redis::pipe();
        for payload in payloads.by_ref().take(PIPELINE) {
            pipeline.cmd("XADD").arg(&job.channel).arg("*").arg("payload").arg(&payload?[..]);
        }
        let mut connection = connection.clone();
        answers.push_back(tokio::spawn(
            async move { pipeline.query_async::<Vec<Value>>(&mut connection).await },
        ));
        if answers.len() >= UNDER_WAY
            && let Some(oldest) = answers.pop_front()
        {
            oldest.await??;
        }
    }
    for answer in answers {
        answer.await??;
    }
    Ok(())
}

async fn redis_read(job: &Job) -> Outcome {
    let mut connection = redis_connected(job).await?;
    let (mut after, mut got) = ("0".to_owned(), 0);
    while got < job.count()? {
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(1000).arg("STREAMS").arg(&job.channel).arg(&after);
        let reply: redis::streams::StreamReadReply = read.query_async(&mut connection).await?;
        let entries = reply.keys.into_iter().flat_map(|key| key.ids);
        let before = got;
        for entry in entries {
            got += 1;
            after = entry.id;
        }
        if got == before {
            return Err(format!("the stream has only {got} entries").into());
        }
    }
    Ok(())
}

async fn jetstream_send(job: &Job) -> Outcome {
    let client = async_nats::connect(format!("127.0.0.1:{}", job.port)).await?;
    let context = ContextBuilder::new().max_ack_inflight(WINDOW).backpressure_on_inflight(true).build(client);
    let mut receipts = VecDeque::with_capacity(WINDOW);
    for payload in job.payloads()? {
        if receipts.len() >= WINDOW
            && let Some(oldest) = receipts.pop_front()
        {
            let oldest: async_nats::jetstream::context::PublishAckFuture = oldest;
            oldest.await?;
        }
        let publish = PublishMessage::build().payload(payload?);
        receipts.push_back(context.send_publish(job.channel.clone(), publish).await?);
    }
    for receipt in receipts {
        receipt.await?;
    }
    Ok(())
}

async fn jetstream_read(job: &Job) -> Outcome {
    let client = async_nats::connect(format!("127.0.0.1:{}", job.port)).await?;
    let context = async_nats::jetstream::new(client);
    let config = OrderedConfig { deliver_policy: DeliverPolicy::All, ..OrderedConfig::default() };
    let consumer = context.create_consumer_on_stream(config, job.channel.clone()).await?;
    let mut messages = consumer.messages().await?.take(job.count()?);
    while let Some(message) = messages.next().await {
        message?.info()?;
    }
    Ok(())
}

/// Nothing is said per event: the end of it is that the server has read all.
async fn nats_send(job: &Job) -> Outcome {
    let client = async_nats::connect(format!("127.0.0.1:{}", job.port)).await?;
    for payload in job.payloads()? {
        client.publish(job.channel.clone(), payload?).await?;
    }
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await?;
    client.publish(inbox, Bytes::new()).await?;
    client.flush().await?;
    answers.next().await.ok_or("the connection was lost")?;
    Ok(())
}

fn mqtt_options(job: &Job, client_id: &str) -> rumqttc_v5::MqttOptions {
    let mut options = rumqttc_v5::MqttOptions::new(client_id, ("127.0.0.1".to_owned(), job.port));
    options.set_max_request_batch(256).set_max_packet_size(Some(1 << 20));
    options
}

/// The receipt of every publish is awaited, as many under way as the crate is fastest with.
async fn mqtt_send(job: &Job) -> Outcome {
    let mut options = mqtt_options(job, "bare-sender");
    options.set_outgoing_inflight_upper_limit(200);
    let (client, mut event_loop) = rumqttc_v5::AsyncClient::builder(options).capacity(WINDOW).build();
    let driving = tokio::spawn(async move { while event_loop.poll().await.is_ok() {} });
    let mut receipts = VecDeque::with_capacity(WINDOW);
    for payload in job.payloads()? {
        if receipts.len() >= WINDOW
            && let Some(oldest) = receipts.pop_front()
        {
            let oldest: rumqttc_v5::PublishNotice = oldest;
            oldest.wait_async().await?;
        }
        let options = rumqttc_v5::PublishOptions::new(rumqttc_v5::QoS::AtLeastOnce);
        receipts.push_back(client.publish_tracked(job.channel.clone(), payload?, options).await?);
    }
    for receipt in receipts {
        receipt.wait_async().await?;
    }
    driving.abort();
    Ok(())
}

/// Reads a session that waits for us, and stays until the broker has taken every acknowledgement, as eddy does with a session
/// that is kept.
async fn mqtt_read(job: &Job) -> Outcome {
    let mut options = mqtt_options(job, "bench");
    options.set_clean_start(false);
    options.set_session_expiry_interval(Some(86_400));
    // The session was made by another process.
    options.set_broker_session_resume_policy(rumqttc_v5::BrokerSessionResumePolicy::AllowBrokerOnly);
    let (client, mut event_loop) = rumqttc_v5::AsyncClient::builder(options).capacity(WINDOW).build();
    let mut got = 0;
    let count = job.count()?;
    while got < count {
        if let rumqttc_v5::Event::Incoming(rumqttc_v5::Packet::Publish(_)) = event_loop.poll().await? {
            got += 1;
        }
    }
    // Our own event comes back to us once the broker has taken what it was told before.
    let unconfirmed = rumqttc_v5::PublishOptions::new(rumqttc_v5::QoS::AtMostOnce);
    client.publish(job.channel.clone(), b"end".to_vec(), unconfirmed).await?;
    loop {
        match event_loop.poll().await? {
            rumqttc_v5::Event::Incoming(rumqttc_v5::Packet::Publish(back)) if &*back.payload == b"end" => {
                break;
            }
            _ => {}
        }
    }
    Ok(())
}

/// So many senders, each with one request under way.
async fn http_send(job: &Job) -> Outcome {
    // Which library does the arithmetic of encryption is decided once per process, also where nothing is encrypted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let url = format!("http://127.0.0.1:{}/{}", job.port, job.channel);
    let mut senders = tokio::task::JoinSet::new();
    let payloads = Arc::new(Mutex::new(job.payloads()?));
    for _ in 0..job.width {
        let (client, url, payloads) = (client.clone(), url.clone(), Arc::clone(&payloads));
        senders.spawn(async move {
            let next = || payloads.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some(payload) = next() {
                let request = client.post(&url).header("content-type", "text/plain").body(payload?);
                request.send().await?.error_for_status()?.bytes().await?;
            }
            Ok::<(), Box<dyn Error + Send + Sync>>(())
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    Ok(())
}
