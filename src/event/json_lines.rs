//! The event as one JSON line, the form it has in archives, files and pipes. It knows nothing of files and frames.
//!
//! ```json
//! {"n":17,"t":1700000000123456,"src":"orders","part":3,"off":981,"ts":1700000000123000,"tst":"create",
//!  "k":"order-1","v":"{\"id\":1}","h":[["ce_type","x"],["bin",{"b64":"/wA="}],["n",null]],"m":{"qos":1}}
//! ```
//!
//! (one line; broken here for the eye). `n` is the number of the event in its file, `t` the time it was received,
//! `src` its channel, `part` and `off` its place on the broker, `ts` the time the producer (`tst` `create`) or the
//! broker (`append`) wrote on it, `k` the key, `v` the payload, `h` the headers, `m` facts of one protocol.
//! All times are whole microseconds since 1970, whatever precision the broker has. Bytes that are UTF-8 stand as text
//! in `k` and `v`; any others as base64 in `k64` and `v64`. No `k` is no key and `"k":""` the empty one; `"v":null` is
//! a null payload and `"v":""` the empty one. Readers ignore fields they do not know.

use thiserror::Error;

use super::{Event, Timestamp};

mod decode;
mod direct;
mod encode;

pub use encode::encode;

/// Bytes that one line may have, without its newline.
pub const MAX_LINE: usize = 64 * 1024 * 1024;

/// One line read.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The number of the event in its file, `n`; lines written by hand may have none.
    pub number: Option<u64>,
    /// The event.
    pub event: Event,
}

/// A line that is not an event: what is wrong, and at which byte of the line, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message} at column {column}")]
pub struct LineError {
    /// What is wrong, with the field where it is one.
    pub message: String,
    /// The byte of the line, from 1, after which reading stopped.
    pub column: usize,
}

/// Reads one line, with or without its newline.
///
/// A line without `t` takes `arrival` as the time of receipt, which is what lines written by hand need; with `None`,
/// as archives are read, it is an error.
///
/// # Errors
/// [`LineError`] when it is not JSON, a field has the wrong type, or `src` or the payload is missing.
pub fn decode(line: &[u8], arrival: Option<Timestamp>) -> Result<Line, LineError> {
    direct::decode(line).map_or_else(|| decode::decode(line, arrival), Ok)
}

#[cfg(test)]
pub(crate) mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::{Line, decode, encode};
    use crate::event::{BrokerTime, Event, Header, Place, TimeKind, Timestamp};

    fn any_bytes() -> impl Strategy<Value = Bytes> {
        prop_oneof![
            any::<String>().prop_map(Bytes::from),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from),
            "[\\x00-\\x1f\"\\\\\u{7f}\u{2028}\u{2029}\u{feff}\u{10ffff}]{0,8}".prop_map(Bytes::from),
        ]
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|pairs| Value::from(pairs.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    pub(crate) fn any_event() -> impl Strategy<Value = Event> {
        let names = prop_oneof![Just("same".to_owned()), any::<String>()];
        let headers =
            proptest::collection::vec((names, proptest::option::of(any_bytes())), 0..4).prop_map(|pairs| {
                pairs.into_iter().map(|(name, value)| Header { name: name.into(), value }).collect::<Vec<_>>()
            });
        let broker_time = (any::<i64>(), any::<bool>()).prop_map(|(time, created)| BrokerTime {
            time: Timestamp(time),
            kind: if created { TimeKind::Create } else { TimeKind::Append },
        });
        let place = (any::<Option<i32>>(), any::<Option<u64>>());
        let attributes = proptest::collection::vec((any::<String>(), any_value()), 0..3);
        let bytes = (proptest::option::of(any_bytes()), proptest::option::of(any_bytes()));
        let times = (any::<i64>(), proptest::option::of(broker_time));
        (any::<String>(), bytes, headers, times, place, attributes).prop_map(
            |(channel, (key, payload), headers, (received, broker_time), (partition, offset), attributes)| {
                Event {
                    channel: channel.into(),
                    key,
                    payload,
                    headers,
                    received: Timestamp(received),
                    broker_time,
                    place: Place { partition, offset },
                    attributes: attributes.into_iter().collect::<serde_json::Map<_, _>>().into(),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(event in any_event(), number in any::<u64>()) {
            let mut line = Vec::new();
            encode(&event, number, &mut line);
            prop_assert!(!line.contains(&b'\n'));
            let generic: Value = serde_json::from_slice(&line).expect("valid JSON");
            prop_assert_eq!(&generic["n"], &Value::from(number));
            prop_assert_eq!(decode(&line, None), Ok(Line { number: Some(number), event }));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode(&bytes, None);
        }

        #[test]
        fn a_cut_line_is_refused(event in any_event(), cut in any::<prop::sample::Index>()) {
            let mut line = Vec::new();
            encode(&event, 1, &mut line);
            line.truncate(cut.index(line.len()));
            prop_assert!(decode(&line, None).is_err());
        }
    }

    #[test]
    fn null_empty_and_absent_stay_apart() {
        let text = |event: &Event| {
            let mut line = Vec::new();
            encode(event, 1, &mut line);
            String::from_utf8(line).expect("text")
        };
        let mut event = Event { channel: "c".into(), ..Event::default() };
        assert_eq!(text(&event), r#"{"n":1,"t":0,"src":"c","v":null}"#);
        event.payload = Some(Bytes::new());
        event.key = Some(Bytes::new());
        assert_eq!(text(&event), r#"{"n":1,"t":0,"src":"c","k":"","v":""}"#);
        event.payload = Some(Bytes::from_static(&[0xff, 0x00]));
        event.key = None;
        event.headers = vec![
            Header { name: "b".into(), value: Some(Bytes::from_static(&[0xff, 0x00])) },
            Header { name: "n".into(), value: None },
        ];
        assert_eq!(
            text(&event),
            r#"{"n":1,"t":0,"src":"c","v64":"/wA=","h":[["b",{"b64":"/wA="}],["n",null]]}"#
        );
    }

    #[test]
    fn wrong_lines_name_the_field_and_the_column() {
        let cases = [
            (r#"{"n":1,"t":"soon","src":"c","v":null}"#, "`t`"),
            (r#"{"n":1,"t":1,"src":"c","v":{"a":1}}"#, "`v`"),
            (r#"{"n":1,"t":1,"src":"c"}"#, "neither `v` nor `v64`"),
            (r#"{"n":1,"t":1,"v":null}"#, "`src` is missing"),
            (r#"{"n":1,"src":"c","v":null}"#, "`t` is missing"),
            (r#"{"n":1,"t":1,"src":"c","v":"","v64":""}"#, "payload comes twice"),
            (r#"{"n":1,"t":1,"src":"c","k":"","k64":"","v":""}"#, "key comes twice"),
            (r#"{"n":1,"t":1,"src":"c","v64":"*"}"#, "`v64`: not base64"),
            (r#"{"n":1,"t":1,"ts":1,"tst":"never","src":"c","v":""}"#, "`tst`"),
            (r#"{"n":1,"t":1,"src":"c","v":"","h":[["a"]]}"#, "`h`"),
            (r#"{"n":1,"t":1,"src":"c","v":"","h":[["a",1]]}"#, "`h`"),
            (r#"{"n":1,"t":1,"src":"c","v":"","m":[]}"#, "`m`"),
            ("[1]", "an event is a JSON object"),
            ("", "ends"),
        ];
        for (line, expected) in cases {
            let error = decode(line.as_bytes(), None).expect_err(line);
            assert!(error.message.contains(expected), "{line}: {error}");
            assert!(!error.message.contains(" at line"), "{line}: {error}");
        }
        let error = decode(br#"{"n":1,"t":"soon","src":"c","v":null}"#, None).expect_err("wrong type");
        assert_eq!(error.column, 17);
    }

    #[test]
    fn unknown_fields_are_ignored_and_an_arrival_stands_in() {
        let line = br#"{"src":"c","v":"x","new":{"deep":[1,{"a":null}]}}"#;
        let read = decode(line, Some(Timestamp(7))).expect("readable");
        assert_eq!(read.number, None);
        assert_eq!(read.event.received, Timestamp(7));
        let spaced = json!({"src": "c", "v": null, "m": {"qos": 1}}).to_string() + " \r\n";
        let read = decode(spaced.as_bytes(), Some(Timestamp(7))).expect("readable");
        assert_eq!(read.event.payload, None);
        assert_eq!(read.event.attributes["qos"], 1);
    }
}
