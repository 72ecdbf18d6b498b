//! Any bytes as what a broker sends over AMQP 0-9-1: frames, methods, properties and tables; never a panic, never without end.
#![no_main]

use eddy::endpoint::amqp_events_in;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = amqp_events_in(bytes);
    // A frame with these bytes as its payload, so that what lies within is reached without guessing sizes and ends.
    for kind in 1..=3 {
        let mut framed = vec![kind, 0, 1];
        framed.extend(u32::try_from(bytes.len()).unwrap_or_default().to_be_bytes());
        framed.extend(bytes);
        framed.push(0xCE);
        let deliver = b"\x01\0\x01\0\0\0\x12\0\x3c\0\x3c\x01t\0\0\0\0\0\0\0\x01\0\x01e\0\xCE";
        let after_a_delivery = [deliver.as_slice(), &framed].concat();
        let _ = (amqp_events_in(&framed), amqp_events_in(&after_a_delivery));
    }
});
