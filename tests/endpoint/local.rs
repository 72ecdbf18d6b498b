//! Files and in-process logs: the endpoints that need no server.

use eddy::endpoint::Start;
use eddy::event::Event;

use super::conformance::{self, Subject};

#[tokio::test(flavor = "multi_thread")]
async fn memory_conforms() {
    let subject = Subject {
        sink: "memory:conforms".to_owned(),
        source: "memory:conforms".to_owned(),
        prefix: "c",
        separator: '.',
        start: Start::End,
        one_channel: false,
    };
    subject.conforms().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_files_seek() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let places = [("memory:seeks".to_owned(), 0), (path("a.eddy.ndjson.zst"), 1), (path("a.ndjson"), 1)];
    for (place, first) in places {
        let events: Vec<Event> = (0..100).map(|number| Event::new("c", number.to_string())).collect();
        let mut sink = conformance::sink(&place).await;
        conformance::deliver(&mut sink, &events).await;
        sink.close().await.expect("a clean close");
        conformance::seeks(&place, first).await;
    }
}
