//! Looks at the systems again and again, each over a connection that stays.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::commands::graph::observing::{Asked, Asker, protocol, silent};
use crate::commands::target::Place;
use crate::commands::{CommandError, Context};
use crate::endpoint::inspect::Observed;
use crate::topology::live::Look;
use crate::topology::observed::System;

/// What one look at all systems showed.
#[derive(Debug)]
pub(super) struct Looked {
    /// All systems; one that does not answer now shows what it showed before.
    pub systems: Vec<System>,
    /// What they had counted.
    pub look: Look,
    /// Those that did not answer, and why.
    pub silent: Vec<String>,
}

/// The systems that are looked at.
pub(super) struct Looks {
    askers: Vec<Asker>,
    /// What each told last.
    last: Vec<Option<Observed>>,
}

impl Looks {
    /// Those that are named, else those of the environment.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn new(named: &[String], context: &Context) -> Result<Self, CommandError> {
        let askers = Asker::all(named, context.global.env.as_deref(), context)?;
        let last = askers.iter().map(|_| None).collect();
        Ok(Self { askers, last })
    }

    /// Where the systems are.
    pub(super) fn places(&self) -> Vec<Place> {
        self.askers.iter().map(|asker| asker.place.clone()).collect()
    }

    /// Looks until nobody wants to know any more.
    pub(super) async fn go_on(&mut self, every: Duration, out: mpsc::Sender<Looked>, context: &Context) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing: Vec<String> = Vec::new();
        loop {
            ticks.tick().await;
            let looked = self.once(context).await;
            for words in looked.silent.iter().filter(|words| !failing.contains(words)) {
                context.ui.warn(format!("could not be asked: {words}"));
            }
            failing.clone_from(&looked.silent);
            if out.send(looked).await.is_err() {
                return;
            }
        }
    }

    async fn once(&mut self, context: &Context) -> Looked {
        let asked = self.askers.iter_mut().map(|asker| asker.ask(context));
        let answers = futures_util::future::join_all(asked).await;
        let mut silent_ones = Vec::new();
        let mut systems = Vec::with_capacity(answers.len());
        for ((asker, last), answer) in self.askers.iter().zip(&mut self.last).zip(answers) {
            let address = &asker.place.address;
            let told = match answer {
                Ok(told) => {
                    *last = Some(told.clone());
                    told
                }
                Err(Asked::CannotTell(error)) => silent(&error),
                Err(Asked::Failed(error, nothing)) => {
                    silent_ones.push(format!("{address}: {}", error.message));
                    last.clone().unwrap_or(nothing)
                }
            };
            let protocol = protocol(address).to_owned();
            systems.push(System { address: address.to_string(), protocol, told });
        }
        let look = Look::new(Instant::now(), &systems);
        Looked { systems, look, silent: silent_ones }
    }
}
