//! Rules over contracts and events give Diagnostics; one file per rule.
