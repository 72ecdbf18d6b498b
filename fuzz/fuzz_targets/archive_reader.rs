//! Any bytes as an archive: read, or refused with a named error; never a panic, never without end.
#![no_main]

use eddy::archive::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let stream = Box::new(std::io::Cursor::new(bytes.to_vec()));
    if let Ok(mut reader) = Reader::from_stream("input", stream) {
        while let Some(line) = reader.next() {
            // A broken line does not end reading; anything else does.
            if line.is_err() && !reader.has_ready_line() {
                break;
            }
        }
    }
});
