//! What tests share: real servers and the certificates some of them show.

#[allow(dead_code, reason = "not every test binary needs it")]
pub mod browser;
#[allow(dead_code, reason = "not every test binary needs it")]
pub mod certificates;
#[allow(dead_code, reason = "not every test binary needs it")]
pub mod kafka;
#[allow(dead_code, reason = "not every test binary needs it")]
pub mod proxy;
#[cfg(feature = "amqp")]
#[allow(dead_code, reason = "not every test binary needs it")]
pub mod rabbitmq;
#[allow(dead_code, reason = "not every test binary needs it")]
pub mod redis;
#[allow(dead_code, reason = "not every test binary needs it")]
pub mod registry;
pub mod servers;
