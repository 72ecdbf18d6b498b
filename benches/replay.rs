//! How true a replay is to its schedule: events 100 µs apart over a minute and at every speed, beside a loop that sleeps each gap
//! on the runtime. The aims: half of the events at most 100 µs late, 99 % at most 2 ms, and the whole
//! within 0.1 % of the planned time, on a quiet machine with two cores.
//!
//! Run with `cargo bench --bench replay`, or `cargo bench --bench replay -- SECONDS` for another length than 60.

use std::time::{Duration, Instant};

use eddy::endpoint::{BoxFuture, Capabilities, Delivery, EndpointError, Receipts, Sink, Source};
use eddy::event::{Event, Place, Timestamp};
use eddy::replay::{Pace, Plan, Silent, Speed, StopToken, carry};

/// Events of the short runs, which take two seconds each.
const EVENTS: i64 = 20_000;
const GAP_MICROS: i64 = 100;
const GAP: Duration = Duration::from_micros(100);
/// What `--speed` takes, from end to end, and the recorded gap in microseconds that becomes 100 at that speed.
const SPEEDS: [(&str, i64); 7] =
    [("0.1", 10), ("0.5", 50), ("1", 100), ("2", 200), ("10", 1000), ("100", 10_000), ("1000", 100_000)];

/// Makes the events as they are asked for.
struct Even {
    next: i64,
    count: i64,
    gap: i64,
}

impl Source for Even {
    fn next_batch(&mut self, max: usize) -> BoxFuture<'_, Result<Vec<Event>, EndpointError>> {
        let end = self.count.min(self.next + i64::try_from(max).unwrap_or(i64::MAX));
        let batch = (self.next..end).map(|index| Event {
            received: Timestamp(index * self.gap),
            ..Event::new("bench", "a payload of some length, as events have it")
        });
        let batch = batch.collect();
        self.next = end;
        Box::pin(std::future::ready(Ok(batch)))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Takes everything at once.
struct Nowhere;

impl Sink for Nowhere {
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: "nowhere", replayable: false, seek_time: false, ..Capabilities::ALL }
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        let count = batch.len();
        let deliveries = (0..count).map(|_| Delivery::acknowledged(Place::default())).collect();
        let receipts: Receipts = Box::pin(std::future::ready(deliveries));
        Box::pin(std::future::ready(receipts))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn main() -> std::io::Result<()> {
    let seconds = std::env::args().find_map(|word| word.parse::<i64>().ok()).unwrap_or(60);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        paced(("1", GAP_MICROS), seconds * 1_000_000 / GAP_MICROS).await;
        for speed in SPEEDS {
            paced(speed, EVENTS).await;
        }
        sleep_per_gap().await;
        unpaced().await;
    });
    Ok(())
}

/// Events that are 100 µs apart when they are sent at this speed.
async fn paced((speed, gap): (&str, i64), count: i64) {
    let source = Even { next: 0, count, gap };
    let parsed: Speed = speed.parse().expect("one of the speeds there are");
    let pace = Pace::Recorded { speed: parsed, max_gap: None, skip_idle: None };
    let plan = Plan { timetable: pace.into(), ..Plan::default() };
    let outcome = carry(Box::new(source), Box::new(Nowhere), plan, &mut Silent, &StopToken::default()).await;
    let summary = outcome.summary;
    assert_eq!(i64::try_from(summary.acknowledged), Ok(count));
    let took = Duration::from_micros(summary.duration_us);
    println!("replay, {count} events at speed {speed}: {}", beside_plan(took, count));
    println!(
        "  lag us       p50 {} p99 {} max {}",
        summary.lag_us.p50, summary.lag_us.p99, summary.lag_us.max
    );
    let response = summary.response_us;
    println!("  response us  p50 {} p99 {} max {}", response.p50, response.p99, response.max);
}

async fn sleep_per_gap() {
    let mut sink: Box<dyn Sink> = Box::new(Nowhere);
    let began = Instant::now();
    for _ in 1..EVENTS {
        tokio::time::sleep(GAP).await;
        sink.send(&[Event::new("bench", "a payload")]).await.await;
    }
    println!("sleep per gap, {EVENTS} events: {}", beside_plan(began.elapsed(), EVENTS));
}

async fn unpaced() {
    let source = Even { next: 0, count: 1_000_000, gap: GAP_MICROS };
    let began = Instant::now();
    let outcome =
        carry(Box::new(source), Box::new(Nowhere), Plan::default(), &mut Silent, &StopToken::default()).await;
    assert_eq!(outcome.summary.acknowledged, 1_000_000);
    println!("as fast as possible: {:.0} events/s", 1_000_000.0 / began.elapsed().as_secs_f64());
}

fn beside_plan(took: Duration, count: i64) -> String {
    let planned = Duration::from_micros(u64::try_from((count - 1) * GAP_MICROS).unwrap_or(1));
    let ratio = took.as_secs_f64() / planned.as_secs_f64();
    format!(
        "{:.4} s, {ratio:.5} times the planned time ({:+.3} %)",
        took.as_secs_f64(),
        (ratio - 1.0) * 100.0
    )
}
