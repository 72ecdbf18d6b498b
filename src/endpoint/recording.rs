//! A channel that its system keeps, read as a recording: up to its present end, its parts merged by time, and shared by
//! several processes where the system has consumer groups.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use super::End;

/// A channel's name and the number of one of its partitions.
pub type Part = (String, i32);

/// How a channel is read as a recording. Clones belong together: what one finds out, the others go by.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The offset behind the last event of each part, told when it is opened for the first time, so that whoever opens it
    /// again reads the same.
    pub ends: Arc<OnceLock<BTreeMap<Part, i64>>>,
    /// The consumer group from whose position on it is read.
    pub group: Option<String>,
    /// Who carries what the group shares out; without one the position of the group is looked at and nobody joins.
    pub carrier: Option<Arc<dyn Carrier>>,
}

/// Who carries the events of parts that come and go as a group shares them out anew.
pub trait Carrier: Debug + Send + Sync {
    /// These parts are ours from these offsets on.
    fn gained(&self, parts: &[End]);

    /// These parts are ours no more: nothing more of them goes. Waits for the receipts of what is on its way, but not for
    /// long, and says how far each was dealt with.
    fn lost(&self, parts: &[Part]) -> Vec<End>;

    /// How far each part of ours was dealt with.
    fn positions(&self) -> Vec<End>;

    /// Behind the event before offset `read`, which was given out last, nothing lies up to offset `end`.
    fn nothing_until(&self, part: &Part, read: i64, end: i64);
}
