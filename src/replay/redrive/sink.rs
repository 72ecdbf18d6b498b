//! The sending end: each event to its origin, what cannot go there into the quarantine, and every receipt to the board.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Mutex;

use super::board::Board;
use super::source::{EXCHANGE, NUMBER, QUARANTINE, number_of};
use crate::endpoint::address::Scheme;
use crate::endpoint::cloud_events::Translation;
use crate::endpoint::open::{open_sink, translation};
use crate::endpoint::{
    Address, BoxFuture, Capabilities, Delivery, EndpointError, EndpointErrorKind, Receipts, Sink, SinkOptions,
};
use crate::event::{Event, percent};

/// Where what cannot go back goes; opened with the first such event.
pub struct Quarantine {
    address: Address,
    options: SinkOptions,
    sink: Option<Box<dyn Sink>>,
}

impl Quarantine {
    async fn resume(&mut self) {
        if let Some(sink) = &mut self.sink {
            sink.resume().await;
        }
    }

    /// At an address.
    #[must_use]
    pub fn new(address: Address, options: SinkOptions) -> Self {
        Self { address, options, sink: None }
    }

    /// Hands events over; what was handed over earlier is there earlier.
    async fn put(&mut self, events: &[Event]) -> Receipts {
        let sink = match &mut self.sink {
            Some(sink) => sink,
            None => match Box::pin(open_sink(&self.address, &self.options)).await {
                Ok(sink) => self.sink.insert(sink),
                Err(error) => {
                    let failed = events.iter().map(|_| Delivery::failed(error.clone())).collect();
                    return Box::pin(std::future::ready(failed));
                }
            },
        };
        let receipts = sink.send(events).await;
        sink.flush().await;
        receipts
    }
}

/// Sends each event to where it came from.
pub struct RoutingSink {
    base: Address,
    options: SinkOptions,
    carried: Capabilities,
    translation: Translation,
    allows_losses: bool,
    /// By the exchange they send through.
    sinks: HashMap<Option<String>, Box<dyn Sink>>,
    quarantine: Option<Arc<Mutex<Quarantine>>>,
    board: Arc<Board>,
}

impl RoutingSink {
    /// Sends by means of `sink`, which was opened at `base`; other exchanges there are opened when they are needed.
    #[must_use]
    pub fn new(
        (base, options): (Address, SinkOptions),
        sink: Box<dyn Sink>,
        board: Arc<Board>,
        quarantine: Option<Quarantine>,
        allows_losses: bool,
    ) -> Self {
        let carried = sink.capabilities();
        // A sink that was opened there has an address that can be used.
        let translation = translation(&base).unwrap_or_default();
        let sinks = HashMap::from([(None, sink)]);
        let quarantine = quarantine.map(|quarantine| Arc::new(Mutex::new(quarantine)));
        Self { base, options, carried, translation, allows_losses, sinks, quarantine, board }
    }

    async fn sink(&mut self, exchange: Option<&str>) -> Result<&mut Box<dyn Sink>, EndpointError> {
        let key = exchange.map(str::to_owned).filter(|_| self.base.scheme == Scheme::Amqp);
        let Self { sinks, base, options, .. } = self;
        if !sinks.contains_key(&key) {
            let opened = Box::pin(open_sink(&at_exchange(base, key.as_deref()), options)).await?;
            sinks.insert(key.clone(), opened);
        }
        sinks.get_mut(&key).ok_or_else(|| lost(base))
    }

    /// What the target would lose of an event.
    fn loss(&self, event: &Event) -> Option<EndpointError> {
        let losses = self.carried.losses(&self.translation.apply(event));
        if losses.is_empty() || self.allows_losses {
            return None;
        }
        let message = format!("{} cannot carry {} of an event", self.carried.name, losses.join(" and "));
        Some(
            EndpointError::new(EndpointErrorKind::Unsupported, message)
                .help("`--loss allow` sends the events without it"),
        )
    }

    /// The event as it goes: without our marks, and without what the target can only refuse where that may be lost.
    fn as_sent(&self, event: &Event) -> Event {
        let mut event = unmarked(event);
        if self.allows_losses {
            self.carried.narrow(&mut event);
        }
        event
    }

    async fn hand_over(&mut self, batch: &[Event]) -> Receipts {
        let mut outcomes: Vec<Option<Delivery>> = batch.iter().map(|_| None).collect();
        let mut ways: Vec<(Option<String>, Vec<usize>)> = Vec::new();
        let mut apart = Vec::new();
        for (at, event) in batch.iter().enumerate() {
            if event.attributes.contains_key(QUARANTINE) {
                apart.push(at);
                continue;
            }
            if let Some(error) = self.loss(event) {
                outcomes[at] = Some(Delivery::failed(error));
                continue;
            }
            let exchange = event.attributes.get(EXCHANGE).and_then(Value::as_str).map(str::to_owned);
            match ways.iter_mut().find(|(way, _)| *way == exchange) {
                Some((_, places)) => places.push(at),
                None => ways.push((exchange, vec![at])),
            }
        }
        let mut under_way = Vec::with_capacity(ways.len());
        for (exchange, places) in ways {
            let events: Vec<Event> = places.iter().map(|at| self.as_sent(&batch[*at])).collect();
            match self.sink(exchange.as_deref()).await {
                Ok(sink) => {
                    let receipts = sink.send(&events).await;
                    // The next batch waits for these, so nothing more comes that could go together with them.
                    sink.flush().await;
                    under_way.push((places, receipts));
                }
                Err(error) => {
                    for at in places {
                        outcomes[at] = Some(Delivery::failed(error.clone()));
                    }
                }
            }
        }
        let numbers = batch.iter().map(number_of).collect();
        let ending = Ending { board: Arc::clone(&self.board), quarantine: self.quarantine.clone(), numbers };
        // What is known to go there is handed over at once, so that it lies there in the order it was read.
        let apart = ending.put_apart(&apart).await;
        Box::pin(ending.receive(outcomes, under_way, apart))
    }
}

/// Places in a batch and the receipts to come for them.
type UnderWay = (Vec<usize>, Receipts);

/// What waits for the receipts of one batch.
struct Ending {
    board: Arc<Board>,
    quarantine: Option<Arc<Mutex<Quarantine>>>,
    numbers: Vec<usize>,
}

impl Ending {
    async fn receive(
        self,
        mut outcomes: Vec<Option<Delivery>>,
        under_way: Vec<UnderWay>,
        apart: Option<UnderWay>,
    ) -> Vec<Delivery> {
        for (places, receipts) in under_way {
            for (at, delivery) in places.into_iter().zip(receipts.await) {
                outcomes[at] = Some(delivery);
            }
        }
        let mut refused = Vec::new();
        for (at, outcome) in outcomes.iter().enumerate() {
            match outcome.as_ref().map(|delivery| &delivery.outcome) {
                Some(Ok(_)) => self.board.confirmed(self.numbers[at], |counts| &mut counts.redriven),
                Some(Err(error)) if !error.retryable() && self.quarantine.is_some() => refused.push(at),
                _ => {}
            }
        }
        let refused = self.put_apart(&refused).await;
        for (places, receipts) in apart.into_iter().chain(refused) {
            for (at, delivery) in places.into_iter().zip(receipts.await) {
                if delivery.outcome.is_ok() {
                    self.board.confirmed(self.numbers[at], |counts| &mut counts.quarantined);
                }
                outcomes[at] = Some(delivery);
            }
        }
        let told = |(at, outcome): (usize, Option<Delivery>)| {
            let delivery = outcome.unwrap_or_else(|| Delivery::failed(no_receipt()));
            if delivery.outcome.as_ref().is_err_and(|error| !error.retryable()) {
                self.board.refused(self.numbers[at]);
            }
            delivery
        };
        outcomes.into_iter().enumerate().map(told).collect()
    }

    /// Hands the events at these places to the quarantine, when there is one.
    async fn put_apart(&self, places: &[usize]) -> Option<UnderWay> {
        let quarantine = self.quarantine.as_ref()?;
        let known = |at: &usize| self.board.event(self.numbers[*at]).map(|event| (*at, event));
        let (places, events): (Vec<usize>, Vec<Event>) = places.iter().filter_map(known).unzip();
        if events.is_empty() {
            return None;
        }
        let receipts = quarantine.lock().await.put(&events).await;
        Some((places, receipts))
    }
}

fn unmarked(event: &Event) -> Event {
    let mut event = event.clone();
    for name in [NUMBER, EXCHANGE, QUARANTINE] {
        event.attributes.shift_remove(name);
    }
    event
}

/// The same virtual host with this exchange, or with the default one, which leads to queues by their names.
#[must_use]
pub fn at_exchange(base: &Address, exchange: Option<&str>) -> Address {
    let mut address = base.clone();
    let host = base.path.split('/').next().unwrap_or_default();
    let host = if host.is_empty() { "%2F" } else { host };
    address.path = format!("{host}/{}", exchange.map(encoded).unwrap_or_default());
    address
}

fn encoded(exchange: &str) -> String {
    percent::encode(exchange, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn lost(base: &Address) -> EndpointError {
    EndpointError::new(EndpointErrorKind::Disconnected, format!("the connection to `{base}` was lost"))
}

fn no_receipt() -> EndpointError {
    EndpointError::new(EndpointErrorKind::Timeout, "nothing was said about an event")
}

impl Sink for RoutingSink {
    fn capabilities(&self) -> Capabilities {
        self.carried
    }

    /// Of the ways opened so far: each may get the whole of a call.
    fn most_at_once(&self) -> usize {
        self.sinks.values().map(|sink| sink.most_at_once()).min().unwrap_or(usize::MAX)
    }

    fn best_at_once(&self) -> usize {
        self.sinks.values().map(|sink| sink.best_at_once()).min().unwrap_or(usize::MAX)
    }

    fn send<'a>(&'a mut self, batch: &'a [Event]) -> BoxFuture<'a, Receipts> {
        Box::pin(self.hand_over(batch))
    }

    fn flush(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            for sink in self.sinks.values_mut() {
                sink.flush().await;
            }
        })
    }

    /// As the one of them that is waited for the shortest; a quarantine holds nothing back.
    fn holds_back_for(&self) -> Option<Duration> {
        self.sinks.values().filter_map(|sink| sink.holds_back_for()).min()
    }

    /// Of whichever gave one last.
    fn last_receipt(&self) -> Option<Instant> {
        self.sinks.values().filter_map(|sink| sink.last_receipt()).max()
    }

    /// Only when all of them give all their receipts at once does the whole; each is told all the same. A quarantine that is
    /// being handed events to cannot be told.
    fn cut_short(&mut self) -> bool {
        let mut at_once = true;
        for sink in self.sinks.values_mut() {
            at_once &= sink.cut_short();
        }
        if let Some(quarantine) = &self.quarantine {
            at_once &= quarantine.try_lock().is_ok_and(|mut quarantine| match &mut quarantine.sink {
                Some(sink) => sink.cut_short(),
                None => true,
            });
        }
        at_once
    }

    fn resume(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            for sink in self.sinks.values_mut() {
                sink.resume().await;
            }
            if let Some(quarantine) = &self.quarantine {
                quarantine.lock().await.resume().await;
            }
        })
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
        Box::pin(async move {
            let mut failure = None;
            for (_, sink) in self.sinks.drain() {
                failure = sink.close().await.err().or(failure);
            }
            if let Some(quarantine) = self.quarantine.take()
                && let Some(sink) = quarantine.lock().await.sink.take()
            {
                failure = sink.close().await.err().or(failure);
            }
            failure.map_or(Ok(()), Err)
        })
    }
}

impl Drop for RoutingSink {
    /// Closed or not: nothing more is confirmed.
    fn drop(&mut self) {
        self.board.finish();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{Board, RoutingSink};
    use crate::endpoint::memory::MemorySink;
    use crate::endpoint::{Address, BoxFuture, Capabilities, EndpointError, Receipts, Sink, SinkOptions};
    use crate::event::Event;

    /// A target that wants few events at once and tells when it was cut short.
    struct Few {
        carried: Capabilities,
        most: usize,
        can_be_cut: bool,
        was_cut: Arc<AtomicBool>,
    }

    impl Sink for Few {
        fn capabilities(&self) -> Capabilities {
            self.carried
        }

        fn most_at_once(&self) -> usize {
            self.most
        }

        fn best_at_once(&self) -> usize {
            self.most / 2
        }

        fn send<'a>(&'a mut self, _: &'a [Event]) -> BoxFuture<'a, Receipts> {
            unreachable!("nothing is sent")
        }

        fn cut_short(&mut self) -> bool {
            self.was_cut.store(true, Ordering::Relaxed);
            self.can_be_cut
        }

        fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), EndpointError>> {
            Box::pin(std::future::ready(Ok(())))
        }
    }

    #[test]
    fn what_the_targets_want_and_can_is_what_the_whole_wants_and_can() {
        let base = (Address::parse("memory:any").expect("an address"), SinkOptions::default());
        let carried = MemorySink::open(&base.0, &base.1).expect("a sink").capabilities();
        let few = |most, can_be_cut| {
            let was_cut = Arc::new(AtomicBool::new(false));
            (Box::new(Few { carried, most, can_be_cut, was_cut: Arc::clone(&was_cut) }), was_cut)
        };
        let (first, first_cut) = few(8, true);
        let mut sink = RoutingSink::new(base, first, Arc::new(Board::default()), None, false);
        assert_eq!((sink.most_at_once(), sink.best_at_once()), (8, 4));
        assert!(sink.cut_short() && first_cut.swap(false, Ordering::Relaxed));
        // One way more, which wants fewer and cannot be cut short.
        let (second, second_cut) = few(2, false);
        sink.sinks.insert(Some("orders".to_owned()), second);
        assert_eq!((sink.most_at_once(), sink.best_at_once()), (2, 1));
        assert!(!sink.cut_short(), "the receipts of one do not come at once");
        assert!(first_cut.load(Ordering::Relaxed) && second_cut.load(Ordering::Relaxed));
    }
}
