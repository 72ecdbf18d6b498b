//! The embedded broker, in this process, through the MQTT endpoint.

use eddy::endpoint::embedded::EmbeddedBroker;
use eddy::endpoint::{SourceOptions, Start};
use eddy::event::{Event, Header};

use super::conformance::{Subject, collect, deliver, sink, source};

async fn broker() -> EmbeddedBroker {
    EmbeddedBroker::start(([127, 0, 0, 1], 0).into(), None).await.expect("a broker")
}

fn subject(broker: &EmbeddedBroker, options: &str) -> Subject {
    Subject {
        sink: format!("mqtt://{}{options}", broker.address()),
        source: format!("mqtt://{}/conformance/#{options}", broker.address()),
        prefix: "conformance",
        separator: '/',
        start: Start::Default,
        one_channel: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn version_5_conforms() {
    let broker = broker().await;
    subject(&broker, "").conforms().await;
    broker.shutdown().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_conforms() {
    let broker = broker().await;
    subject(&broker, "?version=3.1.1").conforms().await;
    broker.shutdown().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_is_an_attribute() {
    let broker = broker().await;
    let url = format!("mqtt://{}/who", broker.address());
    let mut reader = source(&url, SourceOptions::default()).await;
    let mut writer = sink(&format!("{url}?client-id=shop")).await;
    let mut event = Event::new("", "x");
    event.headers = vec![Header::text("a", "1")];
    deliver(&mut writer, std::slice::from_ref(&event)).await;
    let got = collect(&mut reader, 1).await.remove(0);
    assert_eq!(got.headers, event.headers);
    assert_eq!(got.attributes.get("sender"), Some(&serde_json::json!("shop")));
}
