//! What tests share: real servers.

pub mod servers;
