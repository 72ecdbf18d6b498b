//! Any bytes as an event line; what is read must be written and read again as the same.
#![no_main]

use eddy::event::json_lines::{decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = decode(bytes, None) {
        let mut line = Vec::new();
        encode(&read.event, read.number.unwrap_or(1), &mut line);
        assert!(!line.contains(&b'\n'));
        assert_eq!(decode(&line, None).map(|again| again.event), Ok(read.event));
    }
});
