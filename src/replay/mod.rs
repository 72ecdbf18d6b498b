//! Carries events from a source to a sink: schedule, lanes, receipts, progress as data.
