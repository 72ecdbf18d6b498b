//! The task of one connection: it alone writes and reads, so that numbers, order and the window need no lock.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::flights::{Flight, Flights};
use crate::endpoint::dial::Stream;
use crate::endpoint::mqtt::connection::{Pulse, write};
use crate::endpoint::mqtt::packet::{Packet, take_answer};
use crate::endpoint::mqtt::settings::Version;
use crate::endpoint::mqtt::{failure, wire};
use crate::endpoint::{Address, EndpointError};

/// Bytes handed to the socket at once, roughly.
const WRITTEN_AT_ONCE: usize = 128 * 1024;
/// Bytes read at once, at least.
const READ_AT_ONCE: usize = 16 * 1024;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// A message as it goes out, but for its number.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) flight: Flight,
    /// Where it ends among the bytes of its part.
    pub(super) end: usize,
    /// Where its number goes, from the beginning of the part; none at quality 0.
    pub(super) number_at: Option<usize>,
}

/// Messages that were handed over together.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) bytes: BytesMut,
    pub(super) items: VecDeque<Item>,
    /// Bytes of those that have gone.
    gone: usize,
}

impl Part {
    /// Fails everything that has not gone.
    pub(super) fn fail(self, error: &EndpointError) {
        for item in self.items {
            item.flight.settle(Err(error.clone()));
        }
    }
}

/// One connection at work.
pub(super) struct Task {
    pub(super) address: Address,
    pub(super) version: Version,
    pub(super) reader: ReadHalf<Box<dyn Stream>>,
    pub(super) writer: WriteHalf<Box<dyn Stream>>,
    pub(super) arrived: BytesMut,
    pub(super) parts: mpsc::Receiver<Part>,
    pub(super) flights: Flights,
    /// Seconds in which something must be sent; 0 is for ever.
    pub(super) keep_alive: u16,
    pub(super) state: State,
}

/// What has not gone yet.
#[derive(Debug, Default)]
pub(super) struct State {
    part: Part,
    going: BytesMut,
    /// Bytes since the beginning that were put into `going`, and that have left it.
    put: u64,
    written: u64,
    /// Messages of quality 0: they have their receipt when the socket has their last byte.
    unwritten: VecDeque<(u64, Flight)>,
    unflushed: bool,
    leaving: bool,
    said_goodbye: bool,
}

impl Task {
    /// Works until the connection is lost, or until nobody hands anything over any more and all is settled.
    pub(super) async fn run(mut self) {
        let error = match self.work().await {
            Ok(()) => failure::session_reset(),
            Err(error) => error,
        };
        // Whoever hears of a failure finds the connection ended.
        self.parts.close();
        self.flights.end(&error);
        for (_, flight) in std::mem::take(&mut self.state.unwritten) {
            flight.settle(Err(error.clone()));
        }
        std::mem::take(&mut self.state.part).fail(&error);
        while let Some(part) = self.parts.recv().await {
            part.fail(&error);
        }
    }

    async fn work(&mut self) -> Result<(), EndpointError> {
        let lost = |_| failure::session_reset();
        let mut pulse = Pulse::new(self.keep_alive);
        let mut deadline = None;
        loop {
            self.fill();
            if self.state.is_over() {
                return Ok(());
            }
            if self.state.said_goodbye {
                deadline.get_or_insert_with(|| tokio::time::Instant::now() + GOODBYE);
            }
            let state = &mut self.state;
            tokio::select! {
                biased;
                () = pulse.tick() => {
                    if pulse.has_stopped() {
                        return Err(failure::timeout(&self.address));
                    }
                    if pulse.is_due() {
                        state.put(&wire::PING);
                    }
                }
                read = self.reader.read_buf(&mut self.arrived) => {
                    if read.map_err(lost)? == 0 {
                        return Err(failure::session_reset());
                    }
                    pulse.heard();
                    self.take_answers()?;
                }
                written = write(&mut self.writer, &mut state.going), if state.unflushed => {
                    pulse.sent();
                    state.wrote(written.map_err(lost)?);
                }
                part = self.parts.recv(), if state.part.items.is_empty() && !state.leaving => match part {
                    Some(part) => state.part = part,
                    None => state.leaving = true,
                },
                () = sleep_until(deadline), if deadline.is_some() => return Ok(()),
            }
        }
    }

    /// Moves messages on to the socket, as many as may be under way.
    fn fill(&mut self) {
        let state = &mut self.state;
        while state.going.len() < WRITTEN_AT_ONCE {
            if state.part.items.is_empty() {
                match self.parts.try_recv() {
                    Ok(part) => state.part = part,
                    Err(mpsc::error::TryRecvError::Disconnected) => {
                        state.leaving = true;
                        break;
                    }
                    Err(mpsc::error::TryRecvError::Empty) => break,
                }
            }
            let Some(item) = state.part.items.front() else { continue };
            let number = match item.number_at {
                None => None,
                Some(at) => match self.flights.enter(&item.flight) {
                    Some(id) => Some((at, id)),
                    None => break,
                },
            };
            state.go(number);
        }
        if state.leaving && state.part.items.is_empty() && self.flights.count() == 0 && !state.said_goodbye {
            state.said_goodbye = true;
            state.put(&wire::GOODBYE);
        }
    }

    fn take_answers(&mut self) -> Result<(), EndpointError> {
        loop {
            let packet = take_answer(&mut self.arrived, self.version);
            match packet.map_err(|what| failure::protocol(&what.to_string(), &self.address, true))? {
                None => break,
                Some(Packet::Acknowledged { id, reason }) => self.flights.settle(id, reason.of_event()),
                Some(Packet::Received { id, reason }) => {
                    if self.flights.received(id, &reason) {
                        let mut release = BytesMut::with_capacity(4);
                        wire::put_release(&mut release, id);
                        self.state.put(&release);
                    }
                }
                Some(Packet::Completed { id }) => self.flights.settle(id, Ok(())),
                Some(Packet::Goodbye { reason }) => return Err(reason.of_goodbye(&self.address)),
                // It subscribed to nothing.
                Some(_) => {}
            }
        }
        self.arrived.reserve(READ_AT_ONCE);
        Ok(())
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

impl State {
    fn put(&mut self, bytes: &[u8]) {
        self.going.put_slice(bytes);
        self.put += bytes.len() as u64;
        self.unflushed = true;
    }

    /// The first message of the part goes, under this number, which stands at this place of the part.
    fn go(&mut self, number: Option<(usize, u16)>) {
        let Some(item) = self.part.items.pop_front() else { return };
        let mut bytes = self.part.bytes.split_to(item.end - self.part.gone);
        if let Some((at, id)) = number {
            let at = at - self.part.gone;
            bytes[at..at + 2].copy_from_slice(&id.to_be_bytes());
            self.put(&bytes);
        } else {
            self.put(&bytes);
            self.unwritten.push_back((self.put, item.flight));
        }
        self.part.gone = item.end;
    }

    /// So many bytes went; with none left and none gone, the socket holds nothing back either.
    fn wrote(&mut self, count: usize) {
        self.unflushed = count > 0;
        self.written += count as u64;
        while self.unwritten.front().is_some_and(|(end, _)| *end <= self.written) {
            if let Some((_, flight)) = self.unwritten.pop_front() {
                flight.settle(Ok(()));
            }
        }
    }

    /// The goodbye has gone.
    fn is_over(&self) -> bool {
        self.said_goodbye && self.going.is_empty() && !self.unflushed
    }
}
