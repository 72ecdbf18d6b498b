//! Events per second through the archive format, beside the generic JSON way of doing the same.
//!
//! Time is processor time of the one thread that works, so that figures are per core, also on a busy machine.
//! The events are those of a mixed load: 333 bytes of key, payload and headers on average, nine in ten JSON, one binary.

#![allow(missing_docs, reason = "criterion makes public items")]

use base64::Engine as _;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eddy::archive::{Header, Reader, Writer, WriterOptions};
use eddy::event::{BrokerTime, Event, Header as EventHeader, TimeKind, Timestamp, json_lines};
use serde_json::{Map, Value, json};
use std::hint::black_box;

/// Processor time of this thread in nanoseconds, as Linux counts it; wall time elsewhere.
struct ThreadTime;

impl ThreadTime {
    fn now() -> u64 {
        let counted = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        let counted = counted.and_then(|text| text.split(' ').next()?.parse().ok());
        counted.unwrap_or_else(|| {
            let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            wall.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        })
    }
}

impl Measurement for ThreadTime {
    type Intermediate = u64;
    type Value = u64;

    fn start(&self) -> u64 {
        Self::now()
    }

    fn end(&self, began: u64) -> u64 {
        Self::now().saturating_sub(began)
    }

    fn add(&self, one: &u64, other: &u64) -> u64 {
        one + other
    }

    fn zero(&self) -> u64 {
        0
    }

    #[allow(clippy::cast_precision_loss, reason = "measured times are far below 2^52 ns")]
    fn to_f64(&self, value: &u64) -> f64 {
        *value as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

const EVENTS: u64 = 20_000;

/// A small generator of numbers, so that every run has the same events.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn events() -> Vec<Event> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    (0..EVENTS).map(|number| event(number, &mut numbers)).collect()
}

fn event(number: u64, numbers: &mut Numbers) -> Event {
    let payload = if number % 10 == 9 {
        (0..31).flat_map(|_| numbers.next().to_le_bytes()).collect::<Vec<u8>>()
    } else {
        let (customer, total) = (numbers.next() % 100_000, numbers.next() % 100_000);
        let item = numbers.next();
        format!(
            "{{\"orderId\":\"{number:012}\",\"customer\":{{\"id\":{customer},\"country\":\"DE\",\"tier\":\"gold\"}},\
             \"items\":[{{\"sku\":\"{item:016x}\",\"quantity\":{},\"price\":{}.{:02}}}],\"currency\":\"EUR\",\
             \"total\":{}.{:02},\"status\":\"placed\",\"note\":\"deliver to the \\\"back\\\" door\"}}",
            total % 7 + 1,
            total / 10,
            total % 100,
            total,
            customer % 100,
        )
        .into_bytes()
    };
    let mut event = Event::new(format!("orders.{}", number % 8), payload);
    event.key = Some(format!("order-{:08}", numbers.next() % 10_000).into());
    event.headers = vec![
        EventHeader::text("ce_type", "shop.order.placed.v1"),
        EventHeader::text("traceparent", format!("00-{:016x}-01", numbers.next())),
        EventHeader::text("content-type", "application/json"),
    ];
    event.received = Timestamp(1_793_491_200_000_000 + i64::try_from(number).unwrap_or(0) * 137);
    event.broker_time = Some(BrokerTime { time: Timestamp(event.received.0 - 900), kind: TimeKind::Create });
    event.place.partition = Some(3);
    event.place.offset = Some(number);
    event
}

/// The same line by way of a generic value.
fn generic_line(event: &Event, number: u64) -> Vec<u8> {
    let mut line = Map::new();
    line.insert("n".to_owned(), number.into());
    line.insert("t".to_owned(), event.received.0.into());
    line.insert("src".to_owned(), event.channel.as_str().into());
    line.insert("part".to_owned(), event.place.partition.into());
    line.insert("off".to_owned(), event.place.offset.into());
    line.insert("ts".to_owned(), event.broker_time.map(|time| time.time.0).into());
    line.insert("tst".to_owned(), "create".into());
    let mut bytes = |text: &str, base64: &str, bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(found) => line.insert(text.to_owned(), found.into()),
        Err(_) => {
            line.insert(base64.to_owned(), base64::engine::general_purpose::STANDARD.encode(bytes).into())
        }
    };
    bytes("k", "k64", event.key.as_deref().unwrap_or_default());
    bytes("v", "v64", event.payload.as_deref().unwrap_or_default());
    let headers = event.headers.iter().map(|header| {
        json!([header.name, String::from_utf8_lossy(header.value.as_deref().unwrap_or_default())])
    });
    line.insert("h".to_owned(), headers.collect::<Vec<Value>>().into());
    serde_json::to_vec(&Value::Object(line)).unwrap_or_default()
}

fn write_archive(events: &[Event], level: i32, directory: &std::path::Path) -> u64 {
    let path = directory.join("bench.eddy.ndjson.zst");
    // Compression beside this thread would not count as its time.
    let options = WriterOptions { level, overwrite: true, threads: 0, ..WriterOptions::default() };
    let mut writer = Writer::create(&path, &Header::new(Vec::new()), options).expect("created");
    for event in events {
        writer.write(event).expect("written");
    }
    writer.finish().expect("finished").file_bytes
}

fn encoding(criterion: &mut Criterion<ThreadTime>) {
    let events = events();
    let content: usize = events.iter().map(Event::size).sum();
    let directory = tempfile::tempdir().expect("a directory");
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(EVENTS));
    let mut lines = Vec::new();
    group.bench_function("lines", |bencher| {
        bencher.iter(|| {
            lines.clear();
            for (number, event) in (1..).zip(&events) {
                json_lines::encode(event, number, &mut lines);
                lines.push(b'\n');
            }
            black_box(lines.len())
        });
    });
    eprintln!(
        "{} bytes of content and {} of line per event",
        content as u64 / EVENTS,
        lines.len() as u64 / EVENTS
    );
    group.bench_function("lines by serde_json::Value", |bencher| {
        bencher.iter(|| {
            let lines = (1..).zip(&events).map(|(number, event)| generic_line(event, number).len());
            black_box(lines.sum::<usize>())
        });
    });
    for level in [-1, 1, 3] {
        let size = write_archive(&events, level, directory.path());
        eprintln!("level {level}: {} bytes of lines in {size}", lines.len());
        group.bench_function(format!("archive at level {level}"), |bencher| {
            bencher.iter(|| write_archive(&events, level, directory.path()));
        });
    }
    group.finish();
}

fn decoding(criterion: &mut Criterion<ThreadTime>) {
    let events = events();
    let lines: Vec<Vec<u8>> = (1..)
        .zip(&events)
        .map(|(number, event)| {
            let mut line = Vec::new();
            json_lines::encode(event, number, &mut line);
            line
        })
        .collect();
    let directory = tempfile::tempdir().expect("a directory");
    write_archive(&events, WriterOptions::default().level, directory.path());
    let path = directory.path().join("bench.eddy.ndjson.zst");
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("lines", |bencher| {
        bencher.iter(|| lines.iter().filter(|line| json_lines::decode(line, None).is_ok()).count());
    });
    group.bench_function("lines by serde_json::Value", |bencher| {
        bencher.iter(|| lines.iter().filter(|line| serde_json::from_slice::<Value>(line).is_ok()).count());
    });
    group.bench_function("archive", |bencher| {
        bencher.iter(|| {
            Reader::open(&path).expect("opened").fold(0_u64, |count, line| count + u64::from(line.is_ok()))
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ThreadTime);
    targets = encoding, decoding
}
criterion_main!(benches);
