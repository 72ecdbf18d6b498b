//! Moments as headers of HTTP have them: whole seconds, in Greenwich (RFC 9110, 5.6.7).

use jiff::fmt::rfc2822::DateTimeParser;

use crate::event::Timestamp;

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`; the two older forms of the RFC are not read.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let moment = DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    Some(Timestamp(moment.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::event::Timestamp;

    #[test]
    fn the_form_of_the_rfc_is_read() {
        let moment = Some(Timestamp(784_111_777_000_000));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), moment);
        for other in ["", "784111777", "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
