//! eddy: scaffold, validate, replay and see event-driven systems.
//!
//! The modules stand in dependency order: each knows only those above it (`tests/architecture.rs` decides).

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod atomic_file;
#[cfg(feature = "remote")]
pub mod download;
pub mod event;
pub mod source_text;

pub mod diagnostic;

pub mod schema;

pub mod contract;

pub mod archive;
pub mod registry;

pub mod endpoint;

pub mod check;
pub mod edit;
pub mod replay;
pub mod scaffold;
pub mod topology;

pub mod output;

pub mod settings;

pub mod ui;

pub mod commands;
