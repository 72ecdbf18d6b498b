//! Kafka against Apache Kafka.

use std::time::{Duration, Instant};

use eddy::endpoint::address::Scheme;
use eddy::endpoint::inspect::{Direction, Observed};
use eddy::endpoint::open::{begin, open_inspect, open_sink, open_source, probe, target_facts};
use eddy::endpoint::{Credentials, EndpointErrorKind, SinkOptions, SourceOptions, Start, Stop};
use eddy::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header as RecordHeader, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::conformance::{
    Restart, Subject, address, collect, deliver, nobody_there, seeks, sink, source, survives_a_restart,
    too_large, unknown_channel,
};
use super::support::certificates::Certificates;
use super::support::kafka::{Kafka, Listener, shared};
use super::support::servers::free_port;

impl Restart for Kafka {
    fn stop(&mut self) {
        Self::stop(self);
    }

    fn start(&mut self) {
        Self::start(self);
    }
}

pub fn client(port: u16) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", format!("127.0.0.1:{port}"));
    config
}

/// Makes a topic and waits until its partitions have a leader.
pub async fn topic(port: u16, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = client(port).create().expect("a client");
    let mut new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        new = new.set(key, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(60)));
    let made = admin.create_topics([&new], &options).await.expect("an answer");
    made[0].as_ref().unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let metadata = admin.inner().fetch_metadata(Some(name), Duration::from_secs(10));
        let ready = metadata.is_ok_and(|metadata| {
            metadata.topics()[0].partitions().iter().filter(|partition| partition.leader() == 1).count()
                == usize::try_from(partitions).expect("few")
        });
        if ready {
            return;
        }
        assert!(Instant::now() < deadline, "{name} has no leader");
        std::thread::yield_now();
    }
}

fn all_of(stop: Stop) -> SourceOptions {
    SourceOptions { stop, ..SourceOptions::default() }
}

async fn rest(url: &str, options: SourceOptions) -> Vec<Event> {
    let mut source = source(url, options).await;
    let mut events = Vec::new();
    loop {
        let batch = tokio::time::timeout(Duration::from_secs(60), source.next_batch(100)).await;
        let batch = batch.expect("in time").expect("a batch");
        if batch.is_empty() {
            source.close().await.expect("a clean close");
            return events;
        }
        events.extend(batch);
    }
}

fn texts(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .map(|event| std::str::from_utf8(event.payload.as_deref().expect("one")).expect("text"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_conforms() {
    let Some(server) = shared() else { return };
    topic(server.port, "conformance", 1, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/conformance", server.port);
    let subject = Subject {
        sink: url.clone(),
        source: url,
        prefix: "conformance",
        separator: '.',
        start: Start::End,
        one_channel: true,
    };
    subject.conforms().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_merged() {
    let Some(server) = shared() else { return };
    topic(server.port, "merged", 4, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/merged", server.port);
    let subject = Subject {
        sink: url.clone(),
        source: url,
        prefix: "merged",
        separator: '.',
        start: Start::End,
        one_channel: true,
    };
    subject.keeps_order().await;
    subject.carries_many().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_past_in_several_partitions_comes_by_time() {
    let Some(server) = shared() else { return };
    let names = ["by-time-one", "by-time-two"];
    for name in names {
        topic(server.port, name, 3, &[]).await;
        let mut writer = sink(&format!("kafka://127.0.0.1:{}/{name}", server.port)).await;
        let event = |at: i64| Event {
            key: Some(format!("k{at}").into()),
            broker_time: Some(BrokerTime { time: Timestamp(at * 1_000_000), kind: TimeKind::Create }),
            ..Event::new("", at.to_string())
        };
        let odd = i64::from(name == names[1]);
        deliver(&mut writer, &(0..30).map(|at| event(1_700_000_000 + 2 * at + odd)).collect::<Vec<_>>())
            .await;
    }
    let host = format!("kafka://127.0.0.1:{}", server.port);
    let whole: Vec<i64> = (1_700_000_000..1_700_000_060).collect();
    let printed = |more: &[&str]| -> Vec<i64> {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eddy"));
        let output = command.arg("tail").args(more).args(["--format", "raw"]).output().expect("eddy runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(|line| line.parse().expect("a number")).collect()
    };
    let together = format!("{host}/{},{}", names[0], names[1]);
    assert_eq!(printed(&[&together, "--to", "end"]), whole, "two topics of one address");
    let [one, two] = names.map(|name| format!("{host}/{name}"));
    assert_eq!(printed(&[&one, &two, "--to", "end"]), whole, "two addresses");
    let until = Timestamp(1_700_000_009_500_000).to_string();
    assert_eq!(printed(&[&together, "--to", &until]), whole[..10], "up to a time");
    // Who follows gets the same, and what is sent meanwhile behind it.
    let later: Vec<i64> = (1_700_000_060..1_700_000_100).collect();
    let sent = later.clone();
    let follows = async {
        let mut writer = sink(&one).await;
        for at in sent {
            deliver(
                &mut writer,
                &[Event { key: Some(format!("k{at}").into()), ..Event::new("", at.to_string()) }],
            )
            .await;
        }
    };
    let mut found = std::thread::scope(|scope| {
        let reader = scope.spawn(|| printed(&[&together, "-n", "100"]));
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(follows));
        reader.join().expect("it ends")
    });
    let mut behind = found.split_off(60);
    behind.sort_unstable();
    assert_eq!((found, behind), (whole, later), "following");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_seeks() {
    let Some(server) = shared() else { return };
    topic(server.port, "seeks", 1, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/seeks", server.port);
    let mut writer = sink(&url).await;
    let events: Vec<Event> = (0..100)
        .map(|at| {
            let time = Timestamp(1_700_000_000_000_000 + at * 5_000);
            let broker_time = Some(BrokerTime { time, kind: TimeKind::Create });
            Event { broker_time, ..Event::new("", format!("{at}")) }
        })
        .collect();
    deliver(&mut writer, &events).await;
    writer.close().await.expect("a clean close");
    seeks(&url, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_events_are_found_across_partitions_and_marks() {
    let Some(server) = shared() else { return };
    topic(server.port, "last", 3, &[]).await;
    let mut config = client(server.port);
    let producer: BaseProducer = config.set("transactional.id", "last").create().expect("a producer");
    let long = Duration::from_secs(30);
    let url = format!("kafka://127.0.0.1:{}/last", server.port);
    let work = move || {
        producer.init_transactions(long).expect("ready");
        for at in 0..30_i32 {
            producer.begin_transaction().expect("begun");
            let text = at.to_string();
            let time = 1_700_000_000_000 + i64::from(at);
            let record: BaseRecord<'_, str, str> =
                BaseRecord::to("last").payload(text.as_str()).partition(at % 3).timestamp(time);
            producer.send(record).map_err(|(error, _)| error).expect("sent");
            // Marks of ended transactions have offsets of their own; what was aborted is not read.
            if at % 5 == 4 {
                producer.flush(long).expect("flushed");
                producer.abort_transaction(long).expect("aborted");
            } else {
                producer.commit_transaction(long).expect("committed");
            }
        }
    };
    tokio::task::spawn_blocking(work).await.expect("sent");
    let start = Start::Last(6);
    let got = rest(&url, SourceOptions { start, ..all_of(Stop::PresentEnd) }).await;
    assert_eq!(texts(&got), ["21", "22", "23", "25", "26", "27", "28"][1..]);
    let got = rest(&url, all_of(Stop::PresentEnd)).await;
    assert_eq!(got.len(), 24);
    let got = rest(&format!("{url}?isolation=read_uncommitted"), all_of(Stop::PresentEnd)).await;
    assert_eq!(got.len(), 30);
    // What comes after follows.
    let mut reader = source(&url, SourceOptions { start: Start::Last(1), ..SourceOptions::default() }).await;
    assert_eq!(texts(&collect(&mut reader, 1).await), ["28"]);
    let mut writer = sink(&url).await;
    deliver(&mut writer, &[Event::new("", "next")]).await;
    assert_eq!(texts(&collect(&mut reader, 1).await), ["next"]);
    let options = SourceOptions { start: Start::Last(10_001), ..SourceOptions::default() };
    let error = open_source(&address(&url), &options).await.err().expect("too many");
    assert_eq!(error.kind, EndpointErrorKind::Unsupported);
    assert!(error.help.expect("help").contains("10000"));
}

/// Partitions that end with an event, with marks of an aborted transaction, and with nothing at all: where each ends is known
/// beforehand, so that nobody waits to see whether something more comes.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_what_is_there_is_known_without_waiting() {
    let Some(server) = shared() else { return };
    topic(server.port, "known-end", 4, &[]).await;
    let mut config = client(server.port);
    let producer: BaseProducer = config.set("transactional.id", "known-end").create().expect("a producer");
    let work = move || {
        let long = Duration::from_secs(30);
        let send = |text: &str, partition| {
            let record: BaseRecord<'_, str, str> =
                BaseRecord::to("known-end").payload(text).partition(partition);
            producer.send(record).map_err(|(error, _)| error).expect("sent");
            producer.flush(long).expect("flushed");
        };
        producer.init_transactions(long).expect("ready");
        producer.begin_transaction().expect("begun");
        send("a", 0);
        send("b", 1);
        producer.commit_transaction(long).expect("committed");
        producer.begin_transaction().expect("begun");
        send("aborted", 1);
        producer.abort_transaction(long).expect("aborted");
    };
    tokio::task::spawn_blocking(work).await.expect("sent");
    let url = format!("kafka://127.0.0.1:{}/known-end", server.port);
    let mut writer = sink(&url).await;
    let place = Place { partition: Some(3), offset: None };
    deliver(&mut writer, &[Event { place, ..Event::new("", "c") }]).await;
    for by_time in [false, true] {
        for at_now in [false, true] {
            let mut shortest = Duration::MAX;
            // On a busy machine some take longer; one that waited would always take as long as it waits.
            for _ in 0..10 {
                let stop = if at_now { Stop::Time(Timestamp::now()) } else { Stop::PresentEnd };
                let mut reader = source(&url, SourceOptions { by_time, ..all_of(stop) }).await;
                let mut got = collect(&mut reader, 3).await;
                let came = Instant::now();
                assert!(reader.next_batch(10).await.expect("the end").is_empty());
                shortest = shortest.min(came.elapsed());
                assert!(reader.removed().is_none(), "marks are no loss");
                got.sort_by(|one, other| one.payload.cmp(&other.payload));
                assert_eq!(texts(&got), ["a", "b", "c"]);
                reader.close().await.expect("a clean close");
                if shortest < Duration::from_millis(200) {
                    break;
                }
            }
            assert!(
                shortest < Duration::from_millis(200),
                "by time {by_time}, to now {at_now}: {shortest:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_and_places_are_kept() {
    let Some(server) = shared() else { return };
    topic(server.port, "dated", 3, &[]).await;
    topic(server.port, "stamped", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let url = |name: &str| format!("kafka://127.0.0.1:{}/{name}", server.port);
    let mut writer = sink(&url("dated")).await;
    let mut event = Event::new("", "x");
    event.broker_time = Some(BrokerTime { time: Timestamp(1_000), kind: TimeKind::Create });
    event.place.partition = Some(2);
    let mut zero = event.clone();
    zero.broker_time = Some(BrokerTime { time: Timestamp(0), kind: TimeKind::Create });
    let mut elsewhere = event.clone();
    elsewhere.place.partition = Some(7);
    elsewhere.broker_time = Some(BrokerTime { time: Timestamp(1), kind: TimeKind::Append });
    let before = Timestamp::now();
    let deliveries = writer.send(&[event, zero, elsewhere]).await.await;
    let place = deliveries[0].outcome.as_ref().expect("taken");
    assert_eq!((place.partition, place.offset), (Some(2), Some(0)));
    let error = deliveries[1].outcome.as_ref().expect_err("it would become another time");
    assert_eq!(error.kind, EndpointErrorKind::Rejected);
    assert!(deliveries[2].outcome.is_ok(), "a partition the topic does not have is not asked for");
    let got = rest(&url("dated"), all_of(Stop::PresentEnd)).await;
    let time = |at: usize| got[at].broker_time.expect("a time");
    let old = got.iter().position(|event| event.place.partition == Some(2) && event.place.offset == Some(0));
    let old = old.expect("the first event");
    assert_eq!(time(old), BrokerTime { time: Timestamp(1_000), kind: TimeKind::Create });
    assert!(time(1 - old).time.0 / 1000 >= before.0 / 1000, "the other is dated when it was sent");
    let mut writer = sink(&url("stamped")).await;
    deliver(&mut writer, &[Event::new("", "x")]).await;
    let got = rest(&url("stamped"), all_of(Stop::PresentEnd)).await;
    let stamp = got[0].broker_time.expect("a time");
    assert_eq!(stamp.kind, TimeKind::Append);
    assert!(stamp.time.0 / 1000 >= before.0 / 1000);
}

/// Headers whose first name is not UTF-8, as Kafka itself does not check.
#[allow(unsafe_code, reason = "the safe interface writes names of text only")]
fn headers_with_a_foreign_name() -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(2);
    let native = std::ptr::from_ref(headers.as_borrowed()).cast_mut().cast();
    // SAFETY: the list is ours, and name and value are copied.
    let said = unsafe {
        rdkafka::bindings::rd_kafka_header_add(native, c"\xff\xfe".as_ptr(), 2, c"1".as_ptr().cast(), 1)
    };
    assert_eq!(said, rdkafka::bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
    headers.insert(RecordHeader { key: "plain", value: Some("2") })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_whose_name_is_no_text_ends_no_reading_and_is_kept() {
    let Some(server) = shared() else { return };
    topic(server.port, "foreign", 1, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/foreign", server.port);
    let producer: BaseProducer = client(server.port).create().expect("a producer");
    let record = BaseRecord::<(), str>::to("foreign").payload("first").headers(headers_with_a_foreign_name());
    producer.send(record).map_err(|(error, _)| error).expect("sent");
    producer.flush(Duration::from_secs(60)).expect("flushed");
    write(&producer, "foreign");
    let last = SourceOptions { start: Start::Last(2), ..all_of(Stop::PresentEnd) };
    for (url, options) in [
        (url.clone(), all_of(Stop::PresentEnd)),
        (url.clone(), last),
        (format!("{url}?group=foreign"), SourceOptions::default()),
    ] {
        let got = collect(&mut source(&url, options).await, 2).await;
        assert_eq!(texts(&got), ["first", "1"]);
        let names: Vec<&str> = got[0].headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(names, ["\u{fffd}\u{fffd}", "plain"]);
        assert_eq!(got[0].attributes.get("header_names"), Some(&serde_json::json!({"0": "//4="})));
        assert!(got[1].attributes.is_empty());
        let deliveries = sink(&url.replace("?group=foreign", "")).await.send(&got[..1]).await.await;
        let error = deliveries[0].outcome.as_ref().expect_err("it would have another name");
        assert!(error.kind == EndpointErrorKind::Rejected && error.message.contains("UTF-8"), "{error:?}");
    }
    let zero = Event { headers: vec![Header::text("a\0b", "x")], ..Event::new("", "x") };
    let deliveries = sink(&url).await.send(&[zero]).await.await;
    let error = deliveries[0].outcome.as_ref().expect_err("it would be cut off");
    assert!(error.kind == EndpointErrorKind::Rejected && error.message.contains("zero byte"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_partition_takes_everything_or_is_named() {
    let Some(server) = shared() else { return };
    topic(server.port, "chosen", 3, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/chosen", server.port);
    let mut writer = sink(&format!("{url}?partition=1")).await;
    let mut recorded = Event { key: Some("a".into()), ..Event::new("", "x") };
    recorded.place.partition = Some(2);
    for delivery in writer.send(&[recorded, Event::new("", "x")]).await.await {
        assert_eq!(delivery.outcome.expect("taken").partition, Some(1));
    }
    let beyond = address(&format!("{url}?partition=3"));
    let unsent = open_sink(&beyond, &SinkOptions::default()).await.err().expect("no such partition");
    let unread = open_source(&beyond, &SourceOptions::default()).await.err().expect("no such partition");
    let mut writer = sink(&format!("kafka://127.0.0.1:{}?partition=3", server.port)).await;
    let undelivered = writer.send(&[Event::new("chosen", "x")]).await.await.remove(0).outcome;
    for error in [unsent, unread, *undelivered.expect_err("no such partition")] {
        assert_eq!(error.kind, EndpointErrorKind::NotFound, "{error:?}");
        assert_eq!(error.help.as_deref(), Some("it has 3 partitions, with the numbers 0 to 2"));
    }
    let rivals = address(&format!("{url}?partition=1&partitioner=random"));
    let error = open_sink(&rivals, &SinkOptions::default()).await.err().expect("one of them");
    assert!(error.help.expect("help").contains("either `partition` or `partitioner`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_where_other_clients_put_them() {
    let Some(server) = shared() else { return };
    topic(server.port, "hashed", 6, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/hashed", server.port);
    let keyed = |key: &'static str| Event { key: Some(key.into()), ..Event::new("", "x") };
    let mut writer = sink(&url).await;
    let mut placed = Vec::new();
    for delivery in writer.send(&["a", "order-1", "order-2"].map(keyed)).await.await {
        placed.push(delivery.outcome.expect("taken").partition.expect("a partition"));
    }
    // toPositive(murmur2(key)) % 6, as the Java client has it.
    assert_eq!(placed, ["a", "order-1", "order-2"].map(|key| murmur2_partition(key.as_bytes(), 6)));
    let mut writer = sink(&format!("{url}?partitioner=fnv1a")).await;
    let mut event = keyed("a");
    event.place.partition = Some(0);
    let delivery = writer.send(&[event]).await.await.remove(0);
    assert_eq!(delivery.outcome.expect("taken").partition, Some(fnv1a_partition(b"a", 6)));
}

/// The hash of `org.apache.kafka.common.utils.Utils.murmur2`, for keys shorter than four bytes and longer.
fn murmur2_partition(key: &[u8], count: u32) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ u32::try_from(key.len()).expect("short");
    let mut chunks = key.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes(chunk.try_into().expect("four")).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let tail = chunks.remainder();
    if !tail.is_empty() {
        for (at, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^= hash >> 15;
    i32::try_from((hash & 0x7fff_ffff) % count).expect("few")
}

/// As Sarama has it: the 32-bit FNV-1a hash, its sign dropped after the remainder.
fn fnv1a_partition(key: &[u8], count: i32) -> i32 {
    let hash =
        key.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash.cast_signed() % count).abs()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_topics_and_patterns_are_read() {
    let Some(server) = shared() else { return };
    for name in ["shop.orders", "shop.payments", "depot"] {
        topic(server.port, name, 2, &[]).await;
    }
    let url = |path: &str| format!("kafka://127.0.0.1:{}{path}", server.port);
    let mut writer = sink(&url("")).await;
    let events = ["shop.orders", "shop.payments", "depot"].map(|name| Event::new(name, name));
    deliver(&mut writer, &events).await;
    for (path, expected) in [
        ("/shop.orders,depot", vec!["depot", "shop.orders"]),
        ("/^shop\\..*", vec!["shop.orders", "shop.payments"]),
    ] {
        let mut got: Vec<String> = rest(&url(path), all_of(Stop::PresentEnd))
            .await
            .into_iter()
            .map(|event| event.channel.into())
            .collect();
        got.sort_unstable();
        assert_eq!(got, expected, "{path}");
    }
    for (path, kind) in [("/^nothing", EndpointErrorKind::NotFound), ("/^(", EndpointErrorKind::Unsupported)]
    {
        let error =
            open_source(&address(&url(path)), &SourceOptions::default()).await.err().expect("nothing");
        assert_eq!(error.kind, kind, "{error}");
    }
    let error = open_source(&address(&url("")), &SourceOptions::default()).await.err().expect("no topic");
    assert!(error.help.expect("help").contains("write a topic"));
    let strangers = [Event::new("shop.order", "x"), Event::new("ü", "x"), Event::new("depot", "x")];
    let deliveries = writer.send(&strangers).await.await;
    let error = deliveries[0].outcome.as_ref().expect_err("unknown");
    assert_eq!(error.help.as_deref(), Some("did you mean `shop.orders`?"));
    assert_eq!(deliveries[1].outcome.as_ref().expect_err("no name").kind, EndpointErrorKind::Rejected);
    assert!(deliveries[2].outcome.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_topics_are_said_and_made_on_request() {
    let Some(server) = shared() else { return };
    let url = format!("kafka://127.0.0.1:{}/nowhere", server.port);
    unknown_channel(&url, Some(&url)).await;
    unknown_channel(&format!("kafka://127.0.0.1:{}", server.port), None).await;
    let mut writer = sink(&format!("kafka://127.0.0.1:{}/made?create", server.port)).await;
    deliver(&mut writer, &[Event::new("", "x")]).await;
    assert_eq!(
        rest(&format!("kafka://127.0.0.1:{}/made", server.port), all_of(Stop::PresentEnd)).await.len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_alone() {
    let Some(server) = shared() else { return };
    topic(server.port, "limited", 1, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/limited", server.port);
    too_large(&url, "limited", 2_000_000).await;
    let deliveries = sink(&url).await.send(&[Event::new("", vec![7; 3_000_000])]).await.await;
    let error = deliveries[0].outcome.as_ref().expect_err("too large by itself");
    assert_eq!(error.message, "an event of 3000000 bytes is larger than the topic `limited` takes");
    let help = error.help.as_deref().expect("help");
    assert!(help.contains("`max.message.bytes`") && !help.contains("batch"), "{help}");
    too_large(&url, "limited", 40_000_000).await;
    // What the documentation calls the largest payload is the largest.
    let mut writer = sink(&url).await;
    let limit = writer.capabilities().max_payload.expect("a limit");
    deliver(&mut writer, &[Event::new("", vec![7; limit])]).await;
    too_large(&url, "limited", limit + 1).await;
    // Without a limit of the topic in the way, a mebibyte and more is carried.
    topic(server.port, "large", 1, &[("max.message.bytes", "20000000")]).await;
    let url = format!("kafka://127.0.0.1:{}/large", server.port);
    let large: Vec<u8> = (0..10_485_760_u32).map(|at| at.to_le_bytes()[1]).collect();
    let mut writer = sink(&url).await;
    deliver(&mut writer, &[Event::new("", large.clone()), Event::new("", large[..1_048_576].to_vec())]).await;
    let got = rest(&url, all_of(Stop::PresentEnd)).await;
    assert!(got[0].payload.as_deref() == Some(large.as_slice()));
    assert!(got[1].payload.as_deref() == Some(&large[..1_048_576]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_on_where_it_stands() {
    let Some(server) = shared() else { return };
    topic(server.port, "grouped", 2, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/grouped", server.port);
    let mut writer = sink(&url).await;
    let events: Vec<Event> = (0..10).map(|at| Event::new("", format!("{at}"))).collect();
    deliver(&mut writer, &events).await;
    let with_group = format!("{url}?group=shop");
    let mut first = source(&with_group, SourceOptions::default()).await;
    let mut seen = collect(&mut first, 10).await.len();
    // The reader has not come back for more: what it was given last is given again.
    first.close().await.expect("a clean close");
    deliver(&mut writer, &[Event::new("", "new")]).await;
    let mut second = source(&with_group, SourceOptions::default()).await;
    while seen < 11 {
        let batch =
            tokio::time::timeout(Duration::from_secs(60), second.next_batch(1)).await.expect("in time");
        seen +=
            batch.expect("a batch").iter().filter(|event| event.payload.as_deref() == Some(b"new")).count();
    }
    let mut inspect = open_inspect(&address(&url), &SinkOptions::default()).await.expect("connected");
    let of_group = |observed: &Observed| {
        let flows = observed.flows.iter().filter(|flow| flow.addresses == ["grouped"]);
        let flows: Vec<_> =
            flows.map(|flow| (flow.who.clone(), flow.clients.len(), flow.confidence)).collect();
        flows
    };
    let observed = inspect.topology().await.expect("an answer");
    assert_eq!(of_group(&observed), [("shop".to_owned(), 1, 95)]);
    assert!(observed.flows.iter().all(|flow| flow.direction == Direction::Receives), "{observed:?}");
    second.close().await.expect("a clean close");
    // What a group has left is seen after its last member has gone.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let observed = inspect.topology().await.expect("an answer");
        if of_group(&observed) == [("shop".to_owned(), 0, 60)] {
            break;
        }
        assert!(Instant::now() < deadline, "{observed:?}");
    }
    for options in
        [SourceOptions { start: Start::Offset(1), ..SourceOptions::default() }, all_of(Stop::PresentEnd)]
    {
        let error = open_source(&address(&with_group), &options).await.err().expect("not for groups");
        assert!(error.help.expect("help").contains("`group=`"));
    }
    // A reader without a group leaves none behind; one with it shows how far it has read.
    let observed = open_inspect(&address(&url), &SinkOptions::default()).await.expect("connected");
    let observed = { observed }.topology().await.expect("an answer");
    let channel = observed.channels.iter().find(|channel| channel.name == "grouped").expect("the topic");
    assert_eq!(channel.events, Some(11));
    let readers: Vec<_> =
        channel.readers.iter().map(|reader| (reader.name.as_str(), reader.waiting)).collect();
    assert_eq!(readers, [("shop", Some(0))]);
    assert!(observed.channels.iter().all(|channel| !channel.name.starts_with("__")));
    assert!(!observed.not_observable.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_reader_sees_what_comes_at_once() {
    let Some(server) = shared() else { return };
    topic(server.port, "live", 8, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/live", server.port);
    let mut reader = source(&url, SourceOptions { start: Start::End, ..SourceOptions::default() }).await;
    let mut writer = sink(&url).await;
    for at in 0..20 {
        let mut event = Event::new("", format!("{at}"));
        event.headers = vec![Header::text("n", "1")];
        event.place.partition = Some(at % 8);
        deliver(&mut writer, std::slice::from_ref(&event)).await;
        assert_eq!(texts(&collect(&mut reader, 1).await), [at.to_string().as_str()]);
    }
    // An end in the future comes by itself.
    let end = Timestamp(Timestamp::now().0 + 300_000);
    let got = rest(&url, SourceOptions { start: Start::End, ..all_of(Stop::Time(end)) }).await;
    assert!(got.is_empty() && Timestamp::now() > end);
    let empty = rest(&url, SourceOptions { start: Start::End, ..all_of(Stop::PresentEnd) }).await;
    assert!(empty.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_and_topics_made_later_are_followed() {
    let Some(server) = shared() else { return };
    topic(server.port, "grows.first", 1, &[]).await;
    let url = |path: &str| format!("kafka://127.0.0.1:{}/{path}", server.port);
    let mut reader =
        source(&url("^grows\\."), SourceOptions { start: Start::End, ..SourceOptions::default() }).await;
    topic(server.port, "grows.second", 1, &[]).await;
    let admin: AdminClient<DefaultClientContext> = client(server.port).create().expect("a client");
    let more = NewPartitions::new("grows.first", 2);
    let made = admin.create_partitions([&more], &AdminOptions::new()).await.expect("an answer");
    made[0].as_ref().expect("a second partition");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        // A sender knows it once the broker does.
        let opened = open_sink(&address(&url("grows.first?partition=1")), &SinkOptions::default()).await;
        if let Ok(mut writer) = opened {
            deliver(&mut writer, &[Event::new("", "later")]).await;
            break;
        }
        assert!(Instant::now() < deadline, "no second partition");
    }
    deliver(&mut sink(&url("grows.second")).await, &[Event::new("", "new")]).await;
    let mut got = collect(&mut reader, 2).await;
    got.sort_by(|one, other| one.channel.cmp(&other.channel));
    assert_eq!(texts(&got), ["later", "new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing() {
    let Some(mut server) = Kafka::plain() else { return };
    topic(server.port, "restart", 1, &[]).await;
    let url = format!("kafka://127.0.0.1:{}/restart", server.port);
    let mut reader = source(&url, SourceOptions { start: Start::End, ..SourceOptions::default() }).await;
    survives_a_restart(&url, &url, "restart", &mut server, true).await;
    // A reader that was there before is told, and goes on; a broker that is starting may close what it has accepted.
    let (mut told, mut seen) = (0, std::collections::BTreeSet::new());
    let deadline = Instant::now() + Duration::from_secs(60);
    while seen.len() < 3000 {
        assert!(Instant::now() < deadline, "{} of 3000 seen", seen.len());
        match tokio::time::timeout(Duration::from_secs(60), reader.next_batch(1000)).await.expect("in time") {
            Ok(batch) => seen.extend(batch.into_iter().filter_map(|event| event.payload)),
            Err(error) => {
                assert_eq!(error.kind, EndpointErrorKind::Disconnected, "{error:?}");
                told += 1;
            }
        }
    }
    assert!((1..=3).contains(&told), "told {told} times");
    assert!(reader.connected());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens() {
    nobody_there(&format!("kafka://127.0.0.1:{}/x", free_port())).await;
    nobody_there(&format!("kafka://127.0.0.1:{},localhost:{}/x", free_port(), free_port())).await;
    let error = open_sink(&address("kafka://no-such-host.invalid/x"), &SinkOptions::default()).await;
    let error = error.err().expect("no such host");
    assert!(error.message.contains("cannot be found"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_probed() {
    let Some(server) = shared() else { return };
    topic(server.port, "probed", 2, &[]).await;
    let url = address(&format!("kafka://127.0.0.1:{}/probed", server.port));
    assert_eq!(url.scheme, Scheme::Kafka);
    let report = probe(&url, None, Duration::from_secs(5)).await;
    assert!(report.reachable && report.problems.is_empty(), "{report:?}");
    assert_eq!(report.authorised, Some(true));
    assert!(report.latency_us.is_some_and(|latency| latency < 5_000_000));
    let fact = |name: &str| report.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone());
    assert_eq!(fact("cluster id").as_deref(), Some("AAAAAAAAAAAAAAAAAAAAAA"));
    assert_eq!(fact("brokers"), Some(format!("1 (127.0.0.1:{})", server.port)));
    let url = address(&format!("kafka://127.0.0.1:{}/probe", server.port));
    let report = probe(&url, None, Duration::from_secs(5)).await;
    assert_eq!(report.problems[0].help.as_deref(), Some("did you mean `probed`?"), "{report:?}");
    let url = address(&format!("kafka://127.0.0.1:{}", free_port()));
    let report = probe(&url, None, Duration::from_secs(5)).await;
    assert!(!report.reachable && report.problems[0].help.is_some(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_known_is_let_in() {
    let jaas = |mechanism: &str, module: &str, more: &str| {
        format!(
            "listener.name.sasl_plaintext.{mechanism}.sasl.jaas.config=org.apache.kafka.common.security.{module} \
             required{more};"
        )
    };
    let plain = free_port();
    let sasl = free_port();
    let lines = [
        "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER".to_owned(),
        jaas("plain", "plain.PlainLoginModule", " user_tester=\"right\""),
        jaas("scram-sha-256", "scram.ScramLoginModule", ""),
        jaas("scram-sha-512", "scram.ScramLoginModule", ""),
        jaas(
            "oauthbearer",
            "oauthbearer.OAuthBearerLoginModule",
            " unsecuredLoginStringClaim_sub=\"broker\"",
        ),
    ];
    let listeners = [
        Listener { protocol: "PLAINTEXT", port: plain },
        Listener { protocol: "SASL_PLAINTEXT", port: sasl },
    ];
    let scram = ["SCRAM-SHA-256=[name=tester,password=right]", "SCRAM-SHA-512=[name=tester,password=right]"];
    let format = ["--add-scram", scram[0], "--add-scram", scram[1]];
    let Some(server) = Kafka::launch(&listeners, &lines, &format) else { return };
    topic(server.port, "guarded", 1, &[]).await;
    let with = |password: &str| SinkOptions {
        credentials: Some(Credentials { username: "tester".to_owned(), password: password.to_owned() }),
        ..SinkOptions::default()
    };
    for mechanism in ["", "?sasl=plain", "?sasl=scram-sha-256", "?sasl=scram-sha-512"] {
        let url = address(&format!("kafka://127.0.0.1:{sasl}/guarded{mechanism}"));
        let mut writer = open_sink(&url, &with("right")).await.unwrap_or_else(|error| panic!("{error:?}"));
        deliver(&mut writer, &[Event::new("", "x")]).await;
        writer.close().await.expect("a clean close");
        let began = Instant::now();
        let error = open_sink(&url, &with("wr0ng-secret")).await.err().expect("not let in");
        assert!(began.elapsed() < super::conformance::HANG, "{mechanism}: said in {:?}", began.elapsed());
        assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{mechanism}: {error:?}");
        assert!(error.help.is_some() && !format!("{error:?}").contains("wr0ng-secret"));
    }
    let url = format!("kafka://tester:right@127.0.0.1:{sasl}/guarded");
    assert_eq!(rest(&url, all_of(Stop::PresentEnd)).await.len(), 4);
    // A token without a signature, as the broker's development mode takes it.
    let token = unsecured_token();
    let url = address(&format!("kafka://127.0.0.1:{sasl}/guarded?sasl=oauthbearer"));
    let mut writer = open_sink(&url, &with(&token)).await.unwrap_or_else(|error| panic!("{error:?}"));
    deliver(&mut writer, &[Event::new("", "x")]).await;
    let error = open_sink(&url, &with("no.token.")).await.err().expect("not let in");
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
    no_login_is_taken(plain, &with("right")).await;
    // Nobody says who we are.
    let url = address(&format!("kafka://127.0.0.1:{sasl}/guarded"));
    let began = Instant::now();
    let error = open_sink(&url, &SinkOptions::default()).await.err().expect("not let in");
    assert!(began.elapsed() < super::conformance::HANG, "said in {:?}", began.elapsed());
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
    let report = probe(&url, Some(&with("wrong").credentials.expect("some")), Duration::from_secs(5)).await;
    assert_eq!(report.authorised, Some(false), "{report:?}");
}

/// A listener without SASL asks nobody who they are, and takes no login.
async fn no_login_is_taken(port: u16, login: &SinkOptions) {
    for mechanism in ["", "?sasl=plain", "?sasl=scram-sha-512"] {
        let url = address(&format!("kafka://127.0.0.1:{port}/guarded{mechanism}"));
        let began = Instant::now();
        let error = open_sink(&url, login).await.err().expect("not let in");
        assert!(began.elapsed() < super::conformance::HANG, "{mechanism}: said in {:?}", began.elapsed());
        assert!(error.message.contains("one without SASL"), "{mechanism}: {error:?}");
    }
}

fn unsecured_token() -> String {
    use base64::Engine as _;
    let now = Timestamp::now().0 / 1_000_000;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let claims = format!("{{\"sub\":\"tester\",\"iat\":{now},\"exp\":{}}}", now + 3600);
    format!("{}.{}.", part("{\"alg\":\"none\"}"), part(&claims))
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_on_both_sides() {
    let Some(certificates) = Certificates::make() else { return };
    let file = |name: &str| certificates.path(name).display().to_string();
    let read = |name: &str| std::fs::read_to_string(certificates.path(name)).expect("readable");
    let keystore = certificates.path("keystore.pem");
    std::fs::write(&keystore, format!("{}{}", read("server.key"), read("server.pem"))).expect("written");
    let plain = free_port();
    let tls = free_port();
    let lines = [
        "ssl.keystore.type=PEM".to_owned(),
        format!("ssl.keystore.location={}", keystore.display()),
        "ssl.truststore.type=PEM".to_owned(),
        format!("ssl.truststore.location={}", file("authority.pem")),
        "ssl.client.auth=required".to_owned(),
    ];
    let listeners =
        [Listener { protocol: "PLAINTEXT", port: plain }, Listener { protocol: "SSL", port: tls }];
    let Some(server) = Kafka::launch(&listeners, &lines, &[]) else { return };
    topic(server.port, "secret", 1, &[]).await;
    let with = |authority: &str, ours: bool| {
        let ours = if ours {
            format!("&cert={}&key={}", file("server.pem"), file("server.key"))
        } else {
            String::new()
        };
        address(&format!("kafkas://127.0.0.1:{tls}/secret?ca={}{ours}", file(authority)))
    };
    let mut writer = open_sink(&with("authority.pem", true), &SinkOptions::default()).await.expect("let in");
    deliver(&mut writer, &[Event::new("", "x")]).await;
    writer.close().await.expect("a clean close");
    let refused = async |url: &eddy::endpoint::Address| {
        let began = Instant::now();
        let error = open_sink(url, &SinkOptions::default()).await.err().expect("not let in");
        assert!(began.elapsed() < super::conformance::HANG, "said in {:?}", began.elapsed());
        error
    };
    let system = address(&format!("kafkas://127.0.0.1:{tls}/secret"));
    for url in [with("stranger.pem", true), system] {
        let error = refused(&url).await;
        assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
        assert!(error.message.contains("cannot be verified"), "{error}");
        assert!(error.help.as_deref().is_some_and(|help| help.contains("?ca=FILE")), "{error:?}");
    }
    let error = refused(&with("authority.pem", false)).await;
    assert_eq!(error.kind, EndpointErrorKind::Unauthorised, "{error:?}");
    assert!(error.help.as_deref().is_some_and(|help| help.contains("?cert=FILE")), "{error:?}");
    let error = refused(&address(&format!("kafka://127.0.0.1:{tls}/secret"))).await;
    assert!(error.help.as_deref().is_some_and(|help| help.contains("`kafkas://`")), "{error:?}");
    let error = refused(&address(&format!("kafkas://127.0.0.1:{plain}/secret"))).await;
    assert!(error.help.as_deref().is_some_and(|help| help.contains("`kafka://`")), "{error:?}");
}

/// Makes rules by the protocol itself (`CreateAcls`, version 1), as neither our client nor its library does: resource type,
/// name, pattern (3 literal, 4 prefixed), user, operation (3 read, 4 write), permission (3 allow).
fn permit(port: u16, rules: &[(&str, i8, &str, i8)]) {
    use std::io::{Read as _, Write as _};
    let mut body = Vec::new();
    let text = |body: &mut Vec<u8>, text: &str| {
        body.extend(i16::try_from(text.len()).expect("short").to_be_bytes());
        body.extend(text.as_bytes());
    };
    body.extend([0, 30, 0, 1, 0, 0, 0, 1]);
    text(&mut body, "test");
    body.extend(i32::try_from(rules.len()).expect("few").to_be_bytes());
    for (name, pattern, user, operation) in rules {
        body.push(2);
        text(&mut body, name);
        body.extend(pattern.to_be_bytes());
        text(&mut body, &format!("User:{user}"));
        text(&mut body, "*");
        body.extend([u8::try_from(*operation).expect("positive"), 3]);
    }
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("connected");
    stream.write_all(&u32::try_from(body.len()).expect("short").to_be_bytes()).expect("written");
    stream.write_all(&body).expect("written");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).expect("short")];
    stream.read_exact(&mut answer).expect("an answer");
    // Behind the number of the question and the throttle: how many results, each with its code and no message.
    for result in answer[12..].chunks(4) {
        assert_eq!(result[..2], [0, 0], "{answer:?}");
    }
}

/// A server that asks for permission, with rules of three users, literal and by prefix; `None` when Kafka is not installed.
async fn with_permissions() -> Option<Kafka> {
    let listener = Listener { protocol: "PLAINTEXT", port: free_port() };
    let lines = [
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:ANONYMOUS",
    ]
    .map(str::to_owned);
    let server = Kafka::launch(&[listener], &lines, &[])?;
    for name in ["ledger", "orders.eu", "orders.us"] {
        topic(server.port, name, 2, &[]).await;
    }
    permit(server.port, &[("orders.", 4, "web", 4), ("ledger", 3, "audit", 3), ("*", 3, "admin", 2)]);
    Some(server)
}

/// Asks until who sends and receives is as expected, by name, direction, topic and confidence.
async fn told(url: &str, expected: &[(&str, Direction, &str, u8)]) -> Observed {
    let mut inspect = open_inspect(&address(url), &SinkOptions::default()).await.expect("connected");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let observed = inspect.topology().await.expect("an answer");
        let flows = observed.flows.iter();
        let found: Vec<_> = flows
            .map(|flow| (flow.who.as_str(), flow.direction, flow.addresses[0].as_str(), flow.confidence))
            .collect();
        if found == expected {
            return observed;
        }
        assert!(Instant::now() < deadline, "{observed:?}");
    }
}

fn write(producer: &BaseProducer, topic: &str) {
    producer.send(BaseRecord::<(), str>::to(topic).payload("1")).map_err(|(error, _)| error).expect("sent");
    producer.flush(Duration::from_secs(60)).expect("flushed");
}

/// Who sends in transactions, while they are open and after, and who may.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_and_permissions_show_who_sends() {
    let Some(server) = with_permissions().await else { return };
    let soon = Duration::from_secs(60);
    let producer: BaseProducer =
        client(server.port).set("transactional.id", "billing-1").create().expect("a producer");
    producer.init_transactions(soon).expect("begun");
    producer.begin_transaction().expect("begun");
    write(&producer, "ledger");
    let nameless: BaseProducer =
        client(server.port).set("enable.idempotence", "true").create().expect("a producer");
    write(&nameless, "orders.us");
    let url = format!("kafka://127.0.0.1:{}", server.port);
    let mut expected = [
        ("billing-1", Direction::Sends, "ledger", 95),
        ("audit", Direction::Receives, "ledger", 30),
        ("web", Direction::Sends, "orders.eu", 30),
        ("web", Direction::Sends, "orders.us", 30),
    ];
    // Rules come into force a moment after they were made.
    let observed = told(&url, &expected).await;
    let remarks: Vec<&str> = observed.not_observable.iter().map(|remark| remark.words.as_str()).collect();
    assert!(remarks.iter().any(|words| words.ends_with("each topic: orders.us (1)")), "{remarks:?}");
    assert!(remarks.iter().any(|words| words.ends_with("every topic: admin")), "{remarks:?}");
    assert!(observed.identity.is_some());
    // Whoever may write to all that begins so may write to what is not there yet.
    let allowed = observed.allowed.iter().map(|allowed| (&allowed.flow, allowed.prefixed));
    let allowed: Vec<_> =
        allowed.map(|(flow, prefixed)| (flow.who.as_str(), flow.addresses[0].as_str(), prefixed)).collect();
    assert_eq!(allowed, [("web", "orders.", true)]);
    producer.commit_transaction(soon).expect("committed");
    expected[0].3 = 85;
    told(&url, &expected).await;
    let pos = OwnedHeaders::new().insert(RecordHeader { key: "x-producer", value: Some("pos") });
    let record = BaseRecord::<(), str>::to("orders.eu").payload("1").headers(pos);
    nameless.send(record).map_err(|(error, _)| error).expect("sent");
    nameless.flush(soon).expect("flushed");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.args(["graph", "--observe", "--system", &url, "--format", "jsonl"]);
    command.args(["--sample", "5", "--sample-header", "x-producer"]).env_remove("EDDY_ENV");
    let directory = tempfile::tempdir().expect("a directory");
    let output = command.current_dir(directory.path()).output().expect("it runs");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_it = |line: &str| line.contains("service:pos") && line.contains("channel:kafka/orders.eu");
    assert!(lines.lines().any(is_it), "{output:?}");
    // Nobody has joined a group: who sends and receives is as before.
    told(&url, &expected).await;
}

/// What a user may do, as the cluster tells it before anything is sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_we_may_do_is_told_beforehand() {
    let (plain, sasl) = (free_port(), free_port());
    let lines = [
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:ANONYMOUS",
        "sasl.enabled.mechanisms=PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
         required user_tester=\"right\" user_looker=\"on\";",
    ]
    .map(str::to_owned);
    let listeners = [
        Listener { protocol: "PLAINTEXT", port: plain },
        Listener { protocol: "SASL_PLAINTEXT", port: sasl },
    ];
    let Some(server) = Kafka::launch(&listeners, &lines, &[]) else { return };
    for name in ["guarded", "free", "hidden"] {
        topic(server.port, name, 1, &[]).await;
    }
    let rules = [("guarded", 3, "tester", 3), ("free", 3, "tester", 4), ("guarded", 3, "looker", 3)];
    permit(server.port, &rules);
    let credentials = Credentials { username: "tester".to_owned(), password: "right".to_owned() };
    let options = SinkOptions { credentials: Some(credentials.clone()), ..SinkOptions::default() };
    let url = address(&format!("kafka://127.0.0.1:{sasl}/"));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let facts = target_facts(&url, &options, &["guarded", "free"]).await.expect("facts");
        let may: Vec<_> = facts.channels.iter().map(|channel| channel.may_send).collect();
        if may == [Some(false), Some(true)] {
            break;
        }
        // Rules come into force a moment after they were made.
        assert!(Instant::now() < deadline, "{facts:?}");
    }
    // Also by the connection that is begun for sending, whose producer may not even have an id: it may write nowhere.
    let looker = Credentials { username: "looker".to_owned(), password: "on".to_owned() };
    let plain = SinkOptions { credentials: Some(looker), in_bulk: true, ..SinkOptions::default() };
    let ahead = SinkOptions { ahead: begin(&url, &plain), ..plain };
    assert!(ahead.ahead.is_some());
    for _ in 0..5 {
        let facts = target_facts(&url, &ahead, &["guarded"]).await.expect("facts");
        assert_eq!(facts.channels[0].may_send, Some(false), "{facts:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let url = address(&format!("kafka://127.0.0.1:{sasl}/guarded"));
    let report = probe(&url, Some(&credentials), Duration::from_secs(30)).await;
    let told =
        |name: &str| report.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.as_str());
    assert_eq!(told("may do with `guarded`"), Some("DESCRIBE, READ"), "{report:?}");
    assert!(told("may do at the cluster").is_some(), "{report:?}");
    assert_eq!(report.authorised, Some(true), "{report:?}");
    // What it does not show us is no topic that is missing.
    let url = address(&format!("kafka://127.0.0.1:{sasl}/hidden"));
    let report = probe(&url, Some(&credentials), Duration::from_secs(30)).await;
    let options = SourceOptions { credentials: Some(credentials), ..SourceOptions::default() };
    let error = open_source(&url, &options).await.err().expect("forbidden");
    assert!(error.message.ends_with("we lack the permission DESCRIBE"), "{error:?}");
    let told: Vec<_> = report.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!((report.authorised, told), (Some(false), vec![error.message.as_str()]), "{report:?}");
}
