//! The bare loop of a client crate without anything of ours around it, as a peer for `benches/endpoints/kafka.py`.
//!
//! `bare kafka read HOST:PORT TOPIC` writes every payload and a newline to standard output and ends at the present end.
//! `bare kafka send HOST:PORT TOPIC FILE` sends each line of a file and ends when all are acknowledged.
//! Further arguments are `name=value` settings of librdkafka.

use std::error::Error;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

type Outcome = Result<(), Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(60);
const USAGE: &str = "usage: bare kafka read|send HOST:PORT TOPIC [FILE] [NAME=VALUE…]";

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["kafka", "read", broker, topic, settings @ ..] => read(&config(broker, settings)?, topic),
        ["kafka", "send", broker, topic, file, settings @ ..] => {
            send(&config(broker, settings)?, topic, file)
        }
        // `cargo bench` runs every bench without arguments.
        [] => Ok(()),
        _ => Err(USAGE.into()),
    }
}

fn config(broker: &str, settings: &[&str]) -> Result<ClientConfig, Box<dyn Error>> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker).set("group.id", "bare").set("enable.auto.commit", "false");
    for setting in settings {
        let (name, value) = setting.split_once('=').ok_or(USAGE)?;
        config.set(name, value);
    }
    Ok(config)
}

fn read(config: &ClientConfig, topic: &str) -> Outcome {
    let mut config = config.clone();
    let consumer: BaseConsumer = config.set("enable.partition.eof", "true").create()?;
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions) {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let mut out = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    let mut open = list.count();
    while open > 0 {
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => {
                out.write_all(message.payload().unwrap_or_default())?;
                out.write_all(b"\n")?;
            }
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => return Err(error.into()),
            None => return Err("nothing comes".into()),
        }
    }
    Ok(out.flush()?)
}

#[derive(Default)]
struct Receipts {
    acknowledged: AtomicU64,
}

impl ClientContext for Receipts {}

impl ProducerContext for Receipts {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, _: usize) {
        self.acknowledged.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
    }
}

fn send(config: &ClientConfig, topic: &str, file: &str) -> Outcome {
    let mut config = config.clone();
    config.remove("group.id").remove("enable.auto.commit").set("acks", "all");
    let producer: ThreadedProducer<Receipts> = config.create_with_context(Receipts::default())?;
    for _ in 0..2 {
        // After the second answer the client asks for its producer id at once, instead of half a second later.
        producer.client().fetch_metadata(Some(topic), PATIENCE)?;
    }
    let mut lines = BufReader::with_capacity(64 * 1024, std::fs::File::open(file)?);
    let (mut line, mut sent) = (Vec::new(), 0);
    while lines.read_until(b'\n', &mut line)? > 0 {
        let payload = line.strip_suffix(b"\n").unwrap_or(&line);
        let mut record: BaseRecord<'_, (), [u8], usize> =
            BaseRecord::with_opaque_to(topic, sent).payload(payload);
        while let Err((error, given_back)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            record = given_back;
            std::thread::sleep(Duration::from_millis(1));
        }
        sent += 1;
        line.clear();
    }
    producer.flush(PATIENCE)?;
    let acknowledged = producer.context().acknowledged.load(Ordering::Relaxed);
    if acknowledged == sent as u64 {
        Ok(())
    } else {
        Err(format!("{acknowledged} of {sent} acknowledged").into())
    }
}
