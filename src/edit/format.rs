//! Lays a text out anew and proves that nothing but the layout changed.

use crate::source_text::written::{self, Step, Written};
use crate::source_text::{FileId, Limits};

use super::pieces::{Kind, Piece, cut};
use super::read::{Refusal, read};
use super::render::render;

/// Lays out a YAML or JSON text: indentation, spaces, blank lines and line ends.
///
/// Values, key order, quotes, comments, anchors, aliases, tags and the content of blocks stay as they are. The result
/// is read again and compared step by step; what would read differently is refused. A text whose lines all end with
/// `\r\n` keeps them, every other gets `\n`. A byte order mark goes.
///
/// # Errors
/// [`Refusal`]: the text is to be left as it is.
pub fn format(text: &str, limits: &Limits) -> Result<String, Refusal> {
    let (text, carriage_returns) = with_line_feeds(text)?;
    let file = FileId(0);
    let document = read(&text, file, limits)?;
    let printed = render(&document);
    if !means_the_same(&text, &printed, limits) {
        return Err(Refusal::Changed);
    }
    Ok(if carriage_returns { printed.replace('\n', "\r\n") } else { printed })
}

/// The text with `\n` for every `\r\n` and without byte order mark, and whether all of its lines ended with `\r\n`.
///
/// # Errors
/// When there is a bare `\r`.
pub fn with_line_feeds(text: &str) -> Result<(String, bool), Refusal> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.contains('\r') {
        return Ok((text.to_owned(), false));
    }
    let all = memchr::memchr_iter(b'\n', text.as_bytes()).count();
    let both = text.matches("\r\n").count();
    let unified = text.replace("\r\n", "\n");
    if unified.contains('\r') { Err(Refusal::CarriageReturn) } else { Ok((unified, all == both)) }
}

/// Whether two texts have the same values, written the same way, and the same comments at the same values.
#[must_use]
pub fn means_the_same(left: &str, right: &str, limits: &Limits) -> bool {
    let (Ok(left_steps), Ok(right_steps)) = (written::steps(left, limits), written::steps(right, limits))
    else {
        return false;
    };
    let same_steps = left_steps.len() == right_steps.len()
        && left_steps.iter().zip(&right_steps).all(|(left, right)| same_step(left, right));
    same_steps && marks(left, &cut(left, &left_steps)) == marks(right, &cut(right, &right_steps))
}

fn same_step(left: &Written, right: &Written) -> bool {
    // A value that is not there may be told at any place; everything else is there in both or in neither.
    let present = |written: &Written| !matches!(&written.step, Step::Scalar(text, _) if text.is_empty());
    left.step == right.step
        && left.properties == right.properties
        && (!present(left) || left.bytes.is_empty() == right.bytes.is_empty())
}

/// What the steps do not tell: comments, each with the number of the value it follows; anchors, tags, aliases by name.
fn marks<'a>(text: &'a str, pieces: &[Piece]) -> (Vec<(usize, &'a str)>, Vec<&'a str>) {
    let mut values = 0;
    let mut comments = Vec::new();
    let mut names = Vec::new();
    for piece in pieces {
        let slice = &text[piece.start..piece.end];
        match piece.kind {
            Kind::Comment => comments.push((values, slice.trim_end())),
            Kind::Property | Kind::Directive | Kind::Start | Kind::End => names.push(slice.trim_end()),
            Kind::Content if slice.starts_with('*') => {
                values += 1;
                names.push(slice);
            }
            Kind::Content | Kind::Header => values += 1,
            Kind::Indicator(_) => {}
        }
    }
    (comments, names)
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
