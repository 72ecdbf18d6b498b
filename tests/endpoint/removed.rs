//! Events that a system removes before a slow reader comes to them are told; gaps that are no loss are not.

use std::time::Duration;

use eddy::endpoint::{Recording, Removed, Source, SourceOptions, Start, Stop};
use eddy::event::Event;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::conformance::{HANG, deliver, sink, source};
use super::kafka::{client, topic};
use super::nats::stream;
use super::redis_streams::{command, other, url};
use super::support::kafka::shared;
use super::support::redis::redis;
use super::support::servers::{Server, nats};

/// Longer than a stream of Redis is left alone between two questions about it.
const REST: Duration = Duration::from_millis(400);

fn exactly(events: u64) -> Removed {
    Removed { events, at_most: false }
}

fn until(stop: Stop) -> SourceOptions {
    SourceOptions { stop, ..SourceOptions::default() }
}

fn numbered(channel: &str, numbers: std::ops::Range<usize>, size: usize) -> Vec<Event> {
    numbers.map(|at| Event::new(channel, format!("{at}{}", " ".repeat(size)))).collect()
}

fn number(event: &Event) -> usize {
    let text = std::str::from_utf8(event.payload.as_deref().expect("a payload")).expect("text");
    text.trim().parse().expect("a number")
}

/// Reads a few, and says how many came.
async fn read_few(source: &mut Box<dyn Source>) -> u64 {
    let batch = tokio::time::timeout(HANG, source.next_batch(5)).await.expect("in time").expect("a batch");
    assert_eq!(source.removed(), exactly(0));
    batch.len() as u64
}

/// Reads up to the event with this number, or to the end, and says how many came. Those from `kept` on lie behind what was
/// removed, which is told by then.
async fn read_on(source: &mut Box<dyn Source>, last: usize, kept: usize) -> u64 {
    let mut count = 0;
    loop {
        let batch =
            tokio::time::timeout(HANG, source.next_batch(1000)).await.expect("in time").expect("a batch");
        count += batch.len() as u64;
        let Some(newest) = batch.last().map(number) else { return count };
        assert!(
            newest < kept || !source.removed().is_none(),
            "{newest} came before what is missing was told"
        );
        if newest == last {
            return count;
        }
    }
}

/// Reads up to the event with this number, of which nothing is missing that was to be read.
async fn read_without_loss(source: &mut Box<dyn Source>, last: usize) {
    read_on(source, last, usize::MAX).await;
    assert_eq!(source.removed(), exactly(0));
}

/// A stream with the subjects `NAME.>` as another program sees it.
async fn jetstream(server: &Server, name: &str) -> async_nats::jetstream::stream::Stream {
    stream(server, name, &[&format!("{name}.>")]).await;
    let other = async_nats::connect(format!("127.0.0.1:{}", server.port)).await.expect("connected");
    async_nats::jetstream::new(other).get_stream(name).await.expect("there")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_jetstream_purges_ahead_of_a_reader_is_counted() {
    let Some(server) = nats(&[]) else { return };
    let kept = jetstream(&server, "slow").await;
    let base = format!("jetstream+nats://127.0.0.1:{}", server.port);
    // More than a reader asks for ahead.
    deliver(&mut sink(&base).await, &numbered("slow.a", 1..61, 200_000)).await;
    let mut all = source(&format!("{base}/slow"), until(Stop::Never)).await;
    let mut one_subject = source(&format!("{base}/slow.a"), until(Stop::Never)).await;
    let mut to_the_end = source(&format!("{base}/slow"), until(Stop::PresentEnd)).await;
    let mut came = [0; 3];
    for (came, reader) in came.iter_mut().zip([&mut all, &mut one_subject, &mut to_the_end]) {
        *came = read_few(reader).await;
    }
    kept.purge().sequence(51).await.expect("purged");
    came[0] += read_on(&mut all, 60, 51).await;
    assert_eq!((all.removed(), came[0] < 60), (exactly(60 - came[0]), true));
    came[1] += read_on(&mut one_subject, 60, 51).await;
    let at_most = Removed { events: 60 - came[1], at_most: true };
    assert_eq!(one_subject.removed(), at_most, "other subjects may have lain between");
    kept.purge().await.expect("purged");
    came[2] += read_on(&mut to_the_end, usize::MAX, usize::MAX).await;
    assert_eq!(to_the_end.removed(), exactly(60 - came[2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_of_jetstream_that_are_no_loss_are_not_told() {
    let Some(server) = nats(&[]) else { return };
    let kept = jetstream(&server, "gaps").await;
    let base = format!("jetstream+nats://127.0.0.1:{}", server.port);
    let mut writer = sink(&base).await;
    let even = |at: usize| if at.is_multiple_of(2) { "gaps.even" } else { "gaps.odd" };
    let events: Vec<Event> = (1..41).map(|at| Event::new(even(at), format!("{at}"))).collect();
    deliver(&mut writer, &events).await;
    for sequence in [11, 12, 13, 30] {
        kept.delete_message(sequence).await.expect("deleted");
    }
    let mut all = source(&format!("{base}/gaps"), until(Stop::Never)).await;
    let mut one_subject = source(&format!("{base}/gaps.even"), until(Stop::Never)).await;
    read_without_loss(&mut all, 40).await;
    read_without_loss(&mut one_subject, 40).await;
    // What was read may go.
    kept.purge().await.expect("purged");
    deliver(&mut writer, &numbered("gaps.odd", 41..44, 1)).await;
    read_without_loss(&mut all, 43).await;
    kept.purge().await.expect("purged");
    deliver(&mut writer, &numbered("gaps.even", 44..45, 1)).await;
    read_without_loss(&mut all, 44).await;
    read_without_loss(&mut one_subject, 44).await;
}

/// Removes what lies before an offset of the only partition of a topic.
async fn delete_records(port: u16, topic: &str, before: i64) {
    let admin: AdminClient<DefaultClientContext> = client(port).create().expect("a client");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(before)).expect("an offset");
    admin.delete_records(&list, &AdminOptions::new()).await.expect("deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_kafka_deletes_ahead_of_a_reader_are_counted() {
    let Some(server) = shared() else { return };
    topic(server.port, "slow", 1, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/slow", server.port);
    // More than a reader fetches ahead.
    deliver(&mut sink(&url).await, &numbered("", 0..120, 400_000)).await;
    let recording = SourceOptions { recording: Some(Recording::default()), ..SourceOptions::default() };
    let mut follower = source(&url, until(Stop::Never)).await;
    let mut in_a_group = source(&format!("{url}?group=slow"), until(Stop::Never)).await;
    let mut recorded = source(&url, recording).await;
    let mut to_the_end = source(&url, until(Stop::PresentEnd)).await;
    let mut came = [0; 4];
    let readers = [&mut follower, &mut in_a_group, &mut recorded, &mut to_the_end];
    for (came, reader) in came.iter_mut().zip(readers) {
        *came = read_few(reader).await;
    }
    delete_records(server.port, "slow", 110).await;
    for (came, reader) in came.iter_mut().zip([&mut follower, &mut in_a_group, &mut recorded]) {
        *came += read_on(reader, 119, 110).await;
        assert_eq!((reader.removed(), *came < 120), (exactly(120 - *came), true));
    }
    delete_records(server.port, "slow", 120).await;
    came[3] += read_on(&mut to_the_end, usize::MAX, usize::MAX).await;
    assert_eq!((to_the_end.removed(), came[3] < 120), (exactly(120 - came[3]), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_of_transactions_and_records_that_were_read_are_no_loss() {
    let Some(server) = shared() else { return };
    topic(server.port, "marks", 1, &[]).await;
    let producer: BaseProducer =
        client(server.port).set("transactional.id", "marks").create().expect("a producer");
    let producer = tokio::task::spawn_blocking(move || {
        producer.init_transactions(HANG).expect("ready");
        (0..10).for_each(|at| commit(&producer, at));
        producer
    });
    let producer = producer.await.expect("sent");
    let url = format!("kafka://127.0.0.1:{}/marks", server.port);
    let mut follower = source(&url, until(Stop::Never)).await;
    read_without_loss(&mut follower, 9).await;
    let mut to_the_end = source(&url, until(Stop::PresentEnd)).await;
    read_without_loss(&mut to_the_end, usize::MAX).await;
    // All ten events and the marks behind them.
    delete_records(server.port, "marks", 20).await;
    tokio::task::spawn_blocking(move || commit(&producer, 10)).await.expect("sent");
    read_without_loss(&mut follower, 10).await;
}

/// One event in a transaction of its own.
fn commit(producer: &BaseProducer, number: usize) {
    let text = number.to_string();
    producer.begin_transaction().expect("begun");
    let record: BaseRecord<'_, str, str> = BaseRecord::to("marks").payload(text.as_str());
    producer.send(record).map_err(|(error, _)| error).expect("sent");
    producer.commit_transaction(HANG).expect("committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_redis_trims_ahead_of_a_reader_are_counted() {
    let Some(server) = redis(&[]) else { return };
    let url = url(&server, "slow");
    deliver(&mut sink(&url).await, &numbered("", 1..301, 10)).await;
    let mut follower = source(&url, until(Stop::Never)).await;
    let mut to_the_end = source(&url, until(Stop::PresentEnd)).await;
    let mut came = [read_few(&mut follower).await, read_few(&mut to_the_end).await];
    // What was read may go.
    command(&mut other(&server), "XTRIM slow MAXLEN = 298");
    tokio::time::sleep(REST).await;
    command(&mut other(&server), "XTRIM slow MAXLEN = 10");
    came[0] += read_on(&mut follower, 300, 291).await;
    assert_eq!((follower.removed(), came[0] < 300), (exactly(300 - came[0]), true));
    command(&mut other(&server), "XTRIM slow MAXLEN = 0");
    came[1] += read_on(&mut to_the_end, usize::MAX, usize::MAX).await;
    assert_eq!((to_the_end.removed(), came[1] < 300), (exactly(300 - came[1]), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_redis_that_were_read_or_deleted_are_no_loss() {
    let Some(server) = redis(&[]) else { return };
    let url = url(&server, "gaps");
    let mut writer = sink(&url).await;
    deliver(&mut writer, &numbered("", 1..201, 10)).await;
    let ids = command(&mut other(&server), "XRANGE gaps - + COUNT 150");
    let redis::Value::Array(entries) = ids else { panic!("entries") };
    let redis::Value::Array(entry) = &entries[149] else { panic!("an entry") };
    let redis::Value::BulkString(id) = &entry[0] else { panic!("an id") };
    let mut follower = source(&url, until(Stop::Never)).await;
    read_few(&mut follower).await;
    command(&mut other(&server), &format!("XDEL gaps {}", String::from_utf8_lossy(id)));
    tokio::time::sleep(REST).await;
    read_without_loss(&mut follower, 200).await;
    command(&mut other(&server), "XTRIM gaps MAXLEN = 0");
    tokio::time::sleep(REST).await;
    deliver(&mut writer, &numbered("", 201..301, 10)).await;
    read_without_loss(&mut follower, 300).await;
    let mut late =
        source(&url, SourceOptions { start: Start::Time(eddy::event::Timestamp(0)), ..until(Stop::Never) })
            .await;
    read_without_loss(&mut late, 300).await;
}
