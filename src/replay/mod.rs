//! The heart: carries events from a source to a sink, in order, on time, with receipts. It draws nothing and parses no flags.
//!
//! `record`, `tail`, `inject` and `replay` are all [`carry`] with another [`Plan`]. The path of one event:
//! [`reader`] takes it from the source, [`select`] decides whether it goes, [`timing`] says when, [`writer`] (an OS
//! thread of its own) waits for that moment and hands it over, and [`tally`] counts its receipt in its lane.

pub mod backoff;
pub mod canary;
pub mod change;
pub mod checkpoint;
pub mod clock;
pub mod engine;
pub mod fault;
pub mod foreseen;
pub mod guard;
pub mod handover;
pub mod identity;
pub mod jq;
pub mod json;
pub mod keeper;
pub mod lane_merge;
pub mod lanes;
pub mod late;
pub mod ledger;
mod ledger_lock;
pub mod mask;
pub mod merge;
pub mod pace;
pub mod pattern;
pub mod preflight;
pub mod progress;
pub mod reach;
pub mod read_back;
pub mod reader;
pub mod recall;
pub mod recorded_clock;
pub mod redrive;
pub mod results;
pub mod retention;
pub mod rounds;
pub mod sample;
pub mod schedule;
pub mod select;
pub mod settled;
pub mod shard;
pub mod shard_report;
#[cfg(test)]
mod simulated;
pub mod size;
mod standing;
pub mod stop;
pub mod summary;
pub mod supply;
pub mod survey;
pub mod tally;
#[cfg(test)]
mod testing;
pub mod time_point;
pub mod time_range;
pub mod timing;
pub mod undelivered;
mod waiting;
mod word;
pub mod writer;

pub use canary::{Canary, FirstEvents};
pub use change::{Changes, Ids, InRun, NewIds, NewTimes, Repartition, Retime, UnusedNames};
pub use checkpoint::Committed;
pub use engine::{Limits, Plan, carry};
pub use fault::{Fault, FaultCount, Faults};
pub use guard::Guards;
pub use handover::Handover;
pub use identity::Identities;
pub use jq::{Jq, JqFailure};
pub use keeper::Keeper;
pub use late::Late;
pub use ledger::{ArchiveIdentity, Ledger, LedgerError};
pub use ledger_lock::LedgerLock;
pub use mask::{MaskCounts, MaskKey, Masker};
pub use merge::{MergedSource, Reading};
pub use pace::{Pace, Rate, Speed};
pub use pattern::{Condition, Pattern};
pub use progress::{Observer, Progress, Silent};
pub use recall::Recall;
pub use recorded_clock::RecordedClock;
pub use results::Results;
pub use rounds::Reopen;
pub use sample::{By, Sample, Share};
pub use schedule::Timetable;
pub use select::{Interpretation, Selection};
pub use shard::{Shard, ShardError};
pub use stop::{StopReason, StopToken};
pub use summary::{Ending, Outcome, Summary};
pub use survey::Survey;
pub use time_point::TimePoint;
pub use time_range::TimeRange;
pub use undelivered::Undelivered;
