//! Every endpoint through one conformance suite, against real servers.

mod support;

#[cfg(any(feature = "mqtt", feature = "nats"))]
#[path = "endpoint/access.rs"]
mod access;
#[cfg(feature = "amqp")]
#[path = "endpoint/amqp.rs"]
mod amqp;
#[cfg(any(feature = "amqp", feature = "kafka", feature = "mqtt", feature = "nats", feature = "redis"))]
#[path = "endpoint/cloud_events.rs"]
mod cloud_events;
#[path = "endpoint/conformance.rs"]
mod conformance;
#[cfg(feature = "broker")]
#[path = "endpoint/embedded.rs"]
mod embedded;
#[cfg(all(feature = "amqp", feature = "kafka", feature = "mqtt", feature = "redis"))]
#[path = "endpoint/handed_on.rs"]
mod handed_on;
#[cfg(feature = "http")]
#[path = "endpoint/http.rs"]
mod http;
#[cfg(feature = "http")]
#[path = "endpoint/http_others.rs"]
mod http_others;
#[cfg(feature = "kafka")]
#[path = "endpoint/kafka.rs"]
mod kafka;
#[path = "endpoint/local.rs"]
mod local;
#[cfg(feature = "mqtt")]
#[path = "endpoint/mqtt.rs"]
mod mqtt;
#[cfg(feature = "nats")]
#[path = "endpoint/nats.rs"]
mod nats;
#[cfg(feature = "nats")]
#[path = "endpoint/nats_publishing.rs"]
mod nats_publishing;
#[cfg(feature = "redis")]
#[path = "endpoint/redis_sentinel.rs"]
mod redis_sentinel;
#[cfg(feature = "redis")]
#[path = "endpoint/redis.rs"]
mod redis_streams;
#[cfg(all(unix, feature = "amqp", feature = "kafka", feature = "nats", feature = "redis"))]
#[path = "endpoint/redrive.rs"]
mod redrive;
#[cfg(all(feature = "kafka", feature = "nats", feature = "redis"))]
#[path = "endpoint/removed.rs"]
mod removed;
#[cfg(any(feature = "amqp", feature = "http", feature = "mqtt", feature = "nats", feature = "redis"))]
#[path = "endpoint/tls.rs"]
mod tls;
