//! One event out of an archive together with its line, so that copies keep every byte that nobody changed.

use crate::event::Event;
use crate::event::json_lines::Line;

/// How lines of archives begin.
const NUMBER: &[u8] = b"{\"n\":";

/// An event on its way from one archive into another.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its number in the archive it comes from; lines written by hand may have none.
    pub number: Option<u64>,
    event: Event,
    /// Its line as it stood; none when it must be written anew.
    line: Option<Vec<u8>>,
}

impl Record {
    /// An event without a line of its own.
    #[must_use]
    pub fn new(number: Option<u64>, event: Event) -> Self {
        Self { number, event, line: None }
    }

    /// An event that was read of this line of an archive.
    pub(super) fn of_line(line: Line, text: &[u8]) -> Self {
        Self { number: line.number, event: line.event, line: Some(text.to_vec()) }
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// Gives the event away.
    #[must_use]
    pub fn into_event(self) -> Event {
        self.event
    }

    /// Appends the line, with this number in it, and says whether there is one.
    ///
    /// Fields that this program does not know stay, which writing the event anew would lose.
    pub(super) fn write_line(&self, number: u64, out: &mut Vec<u8>) -> bool {
        let Some(line) = &self.line else {
            return false;
        };
        if self.number == Some(number) {
            out.extend_from_slice(line);
            return true;
        }
        let Some(rest) = line.strip_prefix(NUMBER) else {
            return false;
        };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return false;
        }
        out.extend_from_slice(NUMBER);
        out.extend_from_slice(number.to_string().as_bytes());
        out.extend_from_slice(&rest[digits..]);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Record;
    use crate::event::json_lines::decode;

    fn written(line: &str, number: u64) -> Option<String> {
        let record = Record::of_line(decode(line.as_bytes(), None).expect("an event"), line.as_bytes());
        let mut out = Vec::new();
        record.write_line(number, &mut out).then(|| String::from_utf8(out).expect("text"))
    }

    #[test]
    fn a_new_number_leaves_the_rest_of_the_line_alone() {
        let line = r#"{"n":7,"t":1,"src":"c","v":"\u00e9","later":[1]}"#;
        assert_eq!(written(line, 7).as_deref(), Some(line));
        assert_eq!(
            written(line, 1234).as_deref(),
            Some(r#"{"n":1234,"t":1,"src":"c","v":"\u00e9","later":[1]}"#)
        );
        assert_eq!(written(r#"{"t":1,"n":7,"src":"c","v":""}"#, 8), None);
        assert_eq!(written(r#"{"n": 7,"t":1,"src":"c","v":""}"#, 8), None);
    }
}
