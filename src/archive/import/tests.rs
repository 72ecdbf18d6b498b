//! Tests of imports: what each tool writes becomes the events it stands for, and what is broken is named by its line.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{BadInput, ImportFormat, Imported, Importer};
use crate::archive::ArchiveError;
use crate::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp, kcat};

fn read(path: &Path, format: Option<ImportFormat>, channel: Option<&str>) -> (Vec<Event>, Vec<BadInput>) {
    let mut importer = Importer::open(path, format, channel.map(str::to_owned)).expect("opened");
    let (mut events, mut bad) = (Vec::new(), Vec::new());
    while let Some(imported) = importer.next_imported().expect("read") {
        match imported {
            Imported::Event(line) => events.push(line.event),
            Imported::Bad(problem) => bad.push(problem),
        }
    }
    (events, bad)
}

fn guessed(name: &str, text: &[u8]) -> (Vec<Event>, Vec<BadInput>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, text).expect("written");
    read(&path, None, None)
}

fn stamped(time: i64, kind: TimeKind) -> BrokerTime {
    BrokerTime { time: Timestamp(time), kind }
}

#[test]
fn lines_of_kcat_come_back_as_they_went() {
    let event = |number: u64| Event {
        channel: "orders".into(),
        key: Some(format!("k{number}").into()),
        payload: (number != 2).then(|| format!("{{\"id\":{number}}}").into()),
        headers: vec![Header::text("a", "1"), Header::text("a", "2")],
        received: Timestamp(1_700_000_000_000_000),
        broker_time: Some(stamped(1_700_000_000_000_000, TimeKind::Create)),
        place: Place { partition: Some(3), offset: Some(number) },
        ..Event::default()
    };
    let events: Vec<Event> = (1..=4).map(event).collect();
    let mut text = Vec::new();
    for event in &events {
        assert!(kcat::encode(event, &mut text).is_empty());
        text.push(b'\n');
    }
    assert_eq!(guessed("orders.json", &text), (events.clone(), Vec::new()));
    let packed = zstd::encode_all(&text[..], 1).expect("packed");
    assert_eq!(guessed("orders.json.zst", &packed).0, events);
    text.extend_from_slice(b"{\"topic\":\"orders\",\n");
    let (_, bad) = guessed("orders.json", &text);
    assert_eq!((bad.len(), bad[0].line), (1, 5));
}

#[test]
fn objects_of_rpk_may_go_over_lines_and_a_broken_one_costs_no_other() {
    let text = br#"{
  "topic": "orders",
  "key": "k",
  "value": "{\n}",
  "headers": [
    {
      "key": "h",
      "value": "1"
    }
  ],
  "timestamp": 1700000000123,
  "partition": 2,
  "offset": 9
}
{
  "topic": "orders",
  "value": "cut
{
  "topic": "orders",
  "timestamp": 1700000000124,
  "partition": 2,
  "offset": 10
}
{"topic":"orders","value_size":3,"timestamp":1,"partition":0,"offset":1}
"#;
    let (events, bad) = guessed("orders.json", text);
    assert_eq!(events.len(), 2, "{bad:?}");
    let expected = Event {
        channel: "orders".into(),
        key: Some("k".into()),
        payload: Some("{\n}".into()),
        headers: vec![Header::text("h", "1")],
        received: Timestamp(1_700_000_000_123_000),
        broker_time: Some(stamped(1_700_000_000_123_000, TimeKind::Create)),
        place: Place { partition: Some(2), offset: Some(9) },
        ..Event::default()
    };
    assert_eq!(events[0], expected);
    assert_eq!((events[1].payload.as_ref(), events[1].key.as_ref()), (None, None));
    assert_eq!(bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [15, 24]);
    assert!(bad[1].reason.contains("--meta-only"), "{bad:?}");
}

#[test]
fn lines_of_kaf_need_a_channel() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("orders.json");
    let line = r#"{"headers":[{"Key":"aA==","Value":"/w=="}],"key":"","offset":9,"partition":2,"payload":{"id":1.50},"timestamp":"2026-11-01T00:00:00.5Z"}"#;
    fs::write(&path, format!("{line}\n{{\"offset\":\n")).expect("written");
    let refused = Importer::open(&path, None, None).err().expect("refused");
    assert!(matches!(refused, ArchiveError::ImportChannel { .. }), "{refused}");
    let (events, bad) = read(&path, None, Some("orders"));
    let time = "2026-11-01T00:00:00.5Z".parse::<Timestamp>().expect("a time");
    let expected = Event {
        channel: "orders".into(),
        payload: Some("{\"id\":1.50}".into()),
        headers: vec![Header { name: "h".into(), value: Some((&[0xff_u8][..]).into()) }],
        received: time,
        broker_time: Some(stamped(time.0, TimeKind::Create)),
        place: Place { partition: Some(2), offset: Some(9) },
        ..Event::default()
    };
    assert_eq!(events, [expected]);
    assert_eq!(bad[0].line, 2);
}

#[test]
fn later_forms_of_kaf_are_read_as_well() {
    let rows = concat!(
        r#"{"topic":"orders","partition":1,"offset":7,"timestamp":"2026-11-01T01:00:00+01:00","headers":[{"key":"h","value":"1"},"#,
        r#"{"key":"h","value":""}],"key":"k","payload":"{\"topic\": \"x\"}"}"#,
        "\n",
        r#"{"topic":"stock","partition":0,"offset":8,"timestamp":1793491200123,"headers":[],"key":"","payload":""}"#,
    );
    let (events, bad) = guessed("rows.json", rows.as_bytes());
    assert_eq!((events.len(), bad.len()), (2, 0), "{bad:?}");
    assert_eq!((events[0].channel.as_str(), events[1].channel.as_str()), ("orders", "stock"));
    assert_eq!(events[0].headers, [Header::text("h", "1"), Header::text("h", "")]);
    assert_eq!(events[0].payload.as_deref(), Some(&b"{\"topic\": \"x\"}"[..]));
    let midnight = "2026-11-01T00:00:00Z".parse::<Timestamp>().expect("a time");
    assert_eq!(events[0].received, midnight);
    assert_eq!(events[1].received, Timestamp(midnight.0 + 123_000));
    assert_eq!((events[1].key.as_ref(), events[1].place.offset), (None, Some(8)));

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("map.json");
    let line = r#"{"headers":{"a":"1","b":"ü"},"key":42,"offset":9,"partition":2,"payload":"text","timestamp":"2026-11-01T00:00:00Z"}"#;
    fs::write(&path, line).expect("written");
    let (events, bad) = read(&path, None, Some("orders"));
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!(events[0].headers, [Header::text("a", "1"), Header::text("b", "ü")]);
    assert_eq!(
        (events[0].key.as_deref(), events[0].payload.as_deref()),
        (Some(&b"42"[..]), Some(&b"text"[..]))
    );
    // A line without a topic behind one that has it.
    fs::write(&path, format!("{}\n{line}\n", rows.lines().next().expect("one"))).expect("written");
    let (events, bad) = read(&path, Some(ImportFormat::Kaf), None);
    assert_eq!((events.len(), bad.len()), (1, 1));
    assert!(bad[0].reason.contains("--channel"), "{bad:?}");
}

#[test]
fn captures_of_goreplay_are_requests_and_responses() {
    let text = "1 a00000000000000000000001 1700000000123456789 0\nPOST /orders/a%20b?x=1 HTTP/1.1\r\nHost: shop\r\n\
                Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nfirst\n🐵🙈🙉\n\
                2 a00000000000000000000001 1700000000223456789 5\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n\
                3\r\nabc\r\n0\r\n\r\n\n🐵🙈🙉\nnonsense\n🐵🙈🙉\n";
    let (events, bad) = guessed("requests.gor", text.as_bytes());
    assert_eq!(events.len(), 2, "{bad:?}");
    let (request, response) = (&events[0], &events[1]);
    assert_eq!((request.channel.as_str(), response.channel.as_str()), ("orders/a b", "orders/a b"));
    assert_eq!(request.payload.as_deref(), Some(&b"first"[..]));
    assert_eq!(response.payload.as_deref(), Some(&b"abc"[..]));
    assert_eq!(request.received, Timestamp(1_700_000_000_123_456));
    assert_eq!(request.headers, [Header::text("Content-Type", "text/plain")]);
    assert_eq!(request.attributes["host"], json!("shop"));
    let facts = |name: &str| request.attributes.get(name).cloned();
    assert_eq!(facts("method"), Some(json!("POST")));
    assert_eq!((facts("path"), facts("query")), (Some(json!("/orders/a%20b")), Some(json!("x=1"))));
    assert_eq!(response.attributes["status"], json!(201));
    assert_eq!(response.attributes["gor_kind"], json!("response"));
    assert_eq!(bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [19]);
}

#[test]
fn a_capture_that_is_cut_off_is_no_event() {
    let first = "1 a00000000000000000000001 1700000000123456789 0\nPOST /a HTTP/1.1\r\nHost: shop\r\n\r\nfirst\n🐵🙈🙉\n";
    let whole = format!("{first}{}", first.replace("/a", "/b"));
    let whole = whole.as_bytes();
    // The line break behind the last separator says nothing that is not known without it.
    for end in [whole.len(), whole.len() - 1] {
        assert_eq!(guessed("requests.gor", &whole[..end]).0.len(), 2);
    }
    for end in first.len() + 1..whole.len() - 1 {
        let (events, bad) = guessed("requests.gor", &whole[..end]);
        assert_eq!((events.len(), bad.len()), (1, 1), "{end}");
        assert_eq!(events[0].payload.as_deref(), Some(&b"first"[..]));
        assert_eq!((bad[0].line, bad[0].reason.contains("cut off")), (7, true), "{end}: {bad:?}");
    }
}

#[test]
fn entries_of_an_http_archive_are_requests() {
    let text = r#"{"log":{"version":"1.2","entries":[
{"startedDateTime":"2026-11-01T00:00:00.250Z","time":12.5,
 "request":{"method":"PUT","url":"https://shop.example/orders/1?x=1#y","headers":[{"name":":path","value":"/"},{"name":"accept","value":"*/*"}],
            "postData":{"mimeType":"application/json","text":"{}"}},
 "response":{"status":204}},
{"startedDateTime":"yesterday","request":{"method":"GET","url":"/"}}
]}}"#;
    let (events, bad) = guessed("browser.har", text.as_bytes());
    assert_eq!(events.len(), 1, "{bad:?}");
    let event = &events[0];
    assert_eq!((event.channel.as_str(), event.payload.as_deref()), ("orders/1", Some(&b"{}"[..])));
    assert_eq!(event.headers, [Header::text("accept", "*/*")]);
    let expected = json!({
        "method": "PUT", "path": "/orders/1", "query": "x=1", "host": "shop.example",
        "content_type": "application/json", "status": 204, "duration_ms": 12.5
    });
    assert_eq!(serde_json::Value::Object(event.attributes.clone().into()), expected);
    assert_eq!((bad[0].line, bad[0].reason.starts_with("entry 2:")), (6, true), "{bad:?}");
    assert!(importer_of("browser.har", text).lost().is_none());
    let (_, bad) = guessed("broken.har", b"{\"log\":{\"entries\":[\n{]}");
    assert_eq!(bad[0].line, 2);
}

#[test]
fn passwords_in_addresses_of_requests_are_not_kept() {
    for (url, headers) in [
        ("https://u:secret@ex.com:8443/a", ""),
        ("https://u:sec@ret@ex.com:8443?x=1", ""),
        ("https://u:secret@other/a", r#"{"name":"Host","value":"u:secret@ex.com:8443"}"#),
    ] {
        let text = format!(
            r#"{{"log":{{"entries":[{{"startedDateTime":"2026-11-01T00:00:00Z","request":{{"method":"GET","url":"{url}",
            "headers":[{headers}]}}}}]}}}}"#
        );
        let (events, bad) = guessed("browser.har", text.as_bytes());
        assert!(bad.is_empty(), "{bad:?}");
        assert_eq!(events[0].attributes["host"], json!("ex.com:8443"), "{url}");
        assert!(!format!("{events:?}").contains("ret@"), "{events:?}");
    }
    let (events, _) = guessed(
        "requests.gor",
        "1 a00000000000000000000001 1700000000123456789 0\nGET http://u:secret@shop/a HTTP/1.1\r\n\r\n\n🐵🙈🙉\n".as_bytes(),
    );
    assert_eq!((events[0].channel.as_str(), &events[0].attributes["host"]), ("a", &json!("shop")));
}

/// An importer that has read everything.
fn importer_of(name: &str, text: &str) -> Importer {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, text).expect("written");
    let mut importer = Importer::open(&path, None, None).expect("opened");
    while importer.next_imported().expect("read").is_some() {}
    importer
}

#[test]
fn bodies_that_a_browser_left_out_are_missed_and_headers_of_the_transfer_are_none_of_the_event() {
    let request = |length: u64, data: &str| {
        format!(
            r#"{{"startedDateTime":"2026-11-01T00:00:00Z","request":{{"method":"POST","url":"http://h/bin","bodySize":0,{data}
            "headers":[{{"name":"Connection","value":"keep-alive"}},{{"name":"Content-Length","value":"{length}"}},
            {{"name":"Host","value":"h:81"}},{{"name":"X-A","value":"1"}}]}},"response":{{"status":200}}}}"#
        )
    };
    let there = r#""postData":{"mimeType":"a/b","text":"x"},"#;
    let gone = r#""postData":{"mimeType":"a/b","text":""},"#;
    let entries = [request(1, there), request(5, gone), request(9, ""), request(0, "")].join(",");
    let text = format!(r#"{{"log":{{"entries":[{entries}]}}}}"#);
    let (events, bad) = guessed("browser.har", text.as_bytes());
    assert!(bad.is_empty(), "{bad:?}");
    let missing = events.iter().map(|event| event.attributes.contains_key("body_missing"));
    assert_eq!(missing.collect::<Vec<_>>(), [false, true, true, false]);
    assert!(events.iter().all(|event| event.headers == [Header::text("X-A", "1")]), "{events:?}");
    assert!(events.iter().all(|event| event.attributes["host"] == json!("h:81")));
    let lost = importer_of("browser.har", &text).lost().expect("something");
    assert!(lost.contains("2 requests"), "{lost}");
}

#[test]
fn dumps_of_nats_are_read_from_folders_and_streams() {
    let plain = r#"{"Subject":"a.b","Reply":"_INBOX.1","Header":{"h":["1","2"]},"Data":"AP8=","Sub":null}"#;
    let stored = r#"{"Subject":"a.c","Reply":"$JS.ACK.ORDERS.c1.1.17.17.1700000000123456789.0","Header":null,"Data":"e30="}"#;
    let (events, bad) = guessed("dump", format!("{plain}\0{stored}\0{{\0").as_bytes());
    assert_eq!(events.len(), 2, "{bad:?}");
    assert_eq!(events[0].headers, [Header::text("h", "1"), Header::text("h", "2")]);
    assert_eq!(events[0].payload.as_deref(), Some(&[0, 0xff][..]));
    assert_eq!(events[0].attributes["reply"], json!("_INBOX.1"));
    assert_eq!((events[1].place.offset, &events[1].attributes["stream"]), (Some(17), &json!("ORDERS")));
    assert_eq!(events[1].broker_time, Some(stamped(1_700_000_000_123_456, TimeKind::Append)));
    assert_eq!(bad[0].line, 3);
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("10.json", stored), ("9.json", plain), ("9_reply.json", stored), ("notes.txt", "")]
    {
        fs::write(folder.path().join(name), text).expect("written");
    }
    let (events, _) = read(folder.path(), None, None);
    let channels: Vec<&str> = events.iter().map(|event| event.channel.as_str()).collect();
    assert_eq!(channels, ["a.b", "a.c", "a.c"]);
    let mut importer = Importer::open(folder.path(), None, None).expect("opened");
    while importer.next_imported().expect("read").is_some() {}
    let lost = importer.lost().expect("a time");
    assert!(lost.starts_with("the dump does not hold the time of 1 message of core NATS"), "{lost}");
    assert_eq!(importer_of("dump", &format!("{stored}\0")).lost(), None);
    let backup = tempfile::tempdir().expect("a folder");
    let (description, blocks) = (backup.path().join("backup.json"), backup.path().join("stream.tar.s2"));
    fs::write(&description, r#"{"config": {"name": "ORDERS"}, "state": {"messages": 1}}"#).expect("written");
    fs::write(&blocks, b"\xff\x06\x00\x00S2sTwO\x00NATSARC1").expect("written");
    for path in [backup.path(), &description, &blocks] {
        let refused = Importer::open(path, None, None).err().expect("refused").to_string();
        assert!(refused.contains("nats stream restore"), "{refused}");
    }
}

#[test]
fn what_cannot_be_told_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.json");
    fs::write(&path, "{\"id\":1}\n").expect("written");
    let refused = Importer::open(&path, None, None).err().expect("refused");
    assert!(matches!(refused, ArchiveError::UnknownImport { .. }), "{refused}");
}

#[test]
fn columns_of_csv_that_an_event_has_no_place_for_are_not_lost_in_silence() {
    let rows = "channel,payload,note,mood\norders,1,late,good\n";
    let said = importer_of("events.csv", rows).lost();
    assert_eq!(said.as_deref(), Some("columns `note`, `mood` are left out: an event has no such part"));
    assert_eq!(importer_of("events.csv", "channel,payload\norders,1\n").lost(), None);
    let (events, bad) =
        guessed("events.csv", b"channel,payload\norders,1\norders,2,3\n\norders,4\n\"orders\"");
    assert_eq!(events.len(), 2);
    let found: Vec<(u64, &str)> = bad.iter().map(|bad| (bad.line, &*bad.reason)).collect();
    let expected =
        [(3, "it has 3 fields, and there are 2 columns"), (6, "it has 1 field, and there are 2 columns")];
    assert_eq!(found, expected);
}

#[test]
fn rows_of_csv_that_are_cut_off_are_no_events() {
    let whole = concat!(
        "number,received_us,channel,partition,offset,time_us,time_kind,key,key_form,payload,payload_form,headers,attributes\n",
        "1,5,orders,0,9,7,create,k,text,\"{\"\"id\"\":1}\",text,\"[[\"\"a\"\",\"\"1\"\"]]\",\n",
    );
    let (events, bad) = guessed("events.csv", whole.as_bytes());
    assert_eq!((events.len(), bad.len()), (1, 0), "{bad:?}");
    let second = whole.lines().nth(1).expect("a row").len();
    for cut in 2..=second + 1 {
        let text = &whole[..whole.len() - cut];
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.csv");
        fs::write(&path, text).expect("written");
        let mut importer = Importer::open(&path, None, None).expect("opened");
        match importer.next_imported() {
            Ok(Some(Imported::Bad(bad))) => assert_eq!(bad.line, 2),
            Ok(None) => assert!(text.ends_with('\n')),
            Err(error) => assert!(error.to_string().contains("line 2"), "{error}"),
            Ok(Some(Imported::Event(line))) => panic!("{cut}: {line:?}"),
        }
    }
}
