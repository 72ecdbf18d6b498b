//! What happens to a mapping when it is complete: merge keys are merged and repeated keys reported.

use std::collections::{HashMap, HashSet};

use super::{Builder, Stop};
use crate::source_text::problem::{Problem, ProblemKind};
use crate::source_text::tree::{Entry, Value, pointer_push};

impl Builder<'_> {
    /// Adds the entries of merged mappings that are not written out; of several mappings the first wins.
    pub(super) fn merge(&mut self, mut entries: Vec<Entry>, merges: Vec<Entry>) -> Result<Vec<Entry>, Stop> {
        if merges.is_empty() {
            return Ok(entries);
        }
        let mut known: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        for merge in merges {
            self.report(ProblemKind::MergeKey, merge.key_span, None);
            let mappings = match &merge.value.value {
                Value::Array(items) => items.as_slice(),
                _ => std::slice::from_ref(&merge.value),
            };
            for entry in mappings.iter().flat_map(|mapping| mapping.entries()) {
                // Merged entries are copied, so they are counted like what an alias adds.
                self.count_alias_nodes(1, merge.key_span)?;
                if known.insert(entry.key.clone()) {
                    entries.push(entry.clone());
                }
            }
        }
        Ok(entries)
    }

    pub(super) fn report_duplicates(&mut self, entries: &[Entry]) {
        // Few keys are compared pair by pair, which is cheaper than hashing them.
        if entries.len() <= 12 {
            for (index, entry) in entries.iter().enumerate().skip(1) {
                let first = entries[..index].iter().find(|first| first.key == entry.key);
                if let Some(first) = first {
                    self.report_duplicate(first, entry);
                }
            }
            return;
        }
        let mut seen: HashMap<&str, &Entry> = HashMap::with_capacity(entries.len());
        for entry in entries {
            if let Some(first) = seen.get(entry.key.as_str()) {
                self.report_duplicate(first, entry);
            } else {
                seen.insert(&entry.key, entry);
            }
        }
    }

    fn report_duplicate(&mut self, first: &Entry, second: &Entry) {
        if self.problems.len() >= self.limits.problems {
            return;
        }
        let pointer = pointer_push(&self.pointer(), &second.key);
        self.problems.push(Problem {
            kind: ProblemKind::DuplicateKey(second.key.clone()),
            span: second.key_span,
            related: Some(first.key_span),
            pointer,
        });
    }
}
