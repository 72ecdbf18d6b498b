//! The path of an address that a system cannot use, with its wrong part underlined. It knows no system.

use std::ops::Range;

use super::masking::{hosts_part, mask};
use super::{Address, EndpointError, EndpointErrorKind};
use crate::event::percent;

impl Address {
    /// The error of an address whose path cannot be used, with these bytes of the path underlined; the whole path where they are
    /// none, or where it is written in another way.
    pub(super) fn refuse_path(&self, wrong: Range<usize>, error: EndpointError) -> EndpointError {
        EndpointError { kind: EndpointErrorKind::Unsupported, ..self.underline_path(wrong, error) }
    }

    /// The error with these bytes of the path underlined, as [`Self::refuse_path`] does.
    pub(super) fn underline_path(&self, wrong: Range<usize>, error: EndpointError) -> EndpointError {
        EndpointError { wrong: self.written_path(wrong).map(Box::new), ..error }
    }

    /// The address as it was written, masked, and where in it a part of the path stands; a path that was set elsewhere is not there.
    fn written_path(&self, part: Range<usize>) -> Option<(String, Range<usize>)> {
        let masked = mask(&self.written);
        let begin = hosts_part(&masked)?.end + 1;
        let end = masked.get(begin..)?.find('?').map_or(masked.len(), |length| begin + length);
        let written = &masked[begin..end];
        // Of AMQP, whose names may have a `/`, the path is as it was written.
        let is_ours = written == self.path || percent::decode_text(written) == self.path;
        if written.is_empty() || !is_ours {
            return None;
        }
        let is_plain = written == self.path && !part.is_empty();
        let range = if is_plain { begin + part.start..begin + part.end } else { begin..end };
        Some((masked, range))
    }
}

/// The parts of a path between separators, each with its place in the path.
#[cfg(any(feature = "mqtt", feature = "nats"))]
pub(super) fn parts(path: &str, separator: char) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut begin = 0;
    path.split(separator).map(move |part| {
        let range = begin..begin + part.len();
        begin = range.end + separator.len_utf8();
        (range, part)
    })
}

#[cfg(test)]
mod tests {
    use super::parts;
    use crate::endpoint::{Address, EndpointError, EndpointErrorKind};

    #[test]
    fn the_wrong_part_is_underlined_where_it_was_written() {
        let marked = |text: &str, range| {
            let error = EndpointError::new(EndpointErrorKind::Rejected, "no");
            let error = Address::parse(text).expect(text).refuse_path(range, error);
            assert_eq!(error.kind, EndpointErrorKind::Unsupported);
            error.wrong.map(|wrong| (wrong.0[wrong.1.clone()].to_owned(), wrong.0))
        };
        let at = |part: &str, whole: &str| Some((part.to_owned(), whole.to_owned()));
        assert_eq!(marked("nats://u:p@h/a b", 1..2), at(" ", "nats://u:***@h/a b"));
        assert_eq!(marked("nats://h/a%20b?queue=g", 1..2), at("a%20b", "nats://h/a%20b?queue=g"));
        assert_eq!(marked("kafka://h,i/^[", 1..1), at("^[", "kafka://h,i/^["));
        let mut of_a_workspace = Address::parse("mqtt://h").expect("an address");
        of_a_workspace.path = "a#".to_owned();
        let error = EndpointError::new(EndpointErrorKind::Rejected, "no");
        assert!(of_a_workspace.refuse_path(0..2, error).wrong.is_none());
    }

    #[test]
    fn parts_know_their_places() {
        assert_eq!(parts("a//bc", '/').collect::<Vec<_>>(), [(0..1, "a"), (2..2, ""), (3..5, "bc")]);
    }
}
