//! How true a replay is to its schedule: 20,000 events 100 µs apart, beside a loop that sleeps each gap on the runtime.
//!
//! Run with `cargo bench --bench replay`.

use std::time::{Duration, Instant};

use eddy::endpoint::{BoxFuture, Capabilities, Delivery, EndpointError, Receipts, Sink, Source};
use eddy::event::{Event, Place, Timestamp};
use eddy::replay::{Pace, Plan, Silent, Speed, StopToken, carry};

const EVENTS: i64 = 20_000;
const GAP_MICROS: i64 = 100;
const GAP: Duration = Duration::from_micros(100);
const PLANNED: Duration = Duration::from_micros(1_999_900);

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
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        paced().await;
        sleep_per_gap().await;
        unpaced().await;
    });
    Ok(())
}

async fn paced() {
    let source = Even { next: 0, count: EVENTS, gap: GAP_MICROS };
    let pace = Pace::Recorded { speed: Speed::RECORDED, max_gap: None, skip_idle: None };
    let plan = Plan { timetable: pace.into(), ..Plan::default() };
    let outcome = carry(Box::new(source), Box::new(Nowhere), plan, &mut Silent, &StopToken::default()).await;
    let summary = outcome.summary;
    assert_eq!(summary.acknowledged, 20_000);
    let took = Duration::from_micros(summary.duration_us);
    println!("replay         {} ({})", ratio(took), took.as_secs_f64());
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
    let took = began.elapsed();
    println!("sleep per gap  {} ({})", ratio(took), took.as_secs_f64());
}

async fn unpaced() {
    let source = Even { next: 0, count: 1_000_000, gap: GAP_MICROS };
    let began = Instant::now();
    let outcome =
        carry(Box::new(source), Box::new(Nowhere), Plan::default(), &mut Silent, &StopToken::default()).await;
    assert_eq!(outcome.summary.acknowledged, 1_000_000);
    println!("as fast as possible: {:.0} events/s", 1_000_000.0 / began.elapsed().as_secs_f64());
}

fn ratio(took: Duration) -> String {
    format!("{:.4} times the planned time", took.as_secs_f64() / PLANNED.as_secs_f64())
}
