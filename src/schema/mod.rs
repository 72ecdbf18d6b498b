//! Payload schemas: compile once, check many events, and make sample values. It knows trees, not contracts.
