//! The comments of a YAML text with their places, for those that speak to the program.

use std::ops::Range;

use granit_parser::{Event, Parser};

/// One comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// What stands after `#`, without the line end.
    pub text: String,
    /// Its bytes in the text, `#` included.
    pub bytes: Range<usize>,
    /// Whether nothing but space stands before it on its line.
    pub alone: bool,
}

/// The comments of a text in order. Text in quotes or in block scalars is none; after a mistake no more are found.
#[must_use]
pub fn comments(text: &str) -> Vec<Comment> {
    let options = granit_parser::options! { emit_comments: true, emit_unresolved_aliases: true };
    let events = Parser::new_from_str_with_options(text, options).map_while(Result::ok);
    let comment = |(event, place): (Event<'_>, granit_parser::Span)| {
        let Event::Comment(words, _) = event else {
            return None;
        };
        let bytes = place.byte_range()?;
        let line_start = text.get(..bytes.start)?.rfind('\n').map_or(0, |at| at + 1);
        let alone = text[line_start..bytes.start].trim_start_matches('\u{feff}').trim().is_empty();
        Some(Comment { text: words.into_owned(), bytes, alone })
    };
    events.filter_map(comment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_have_places_and_text_in_scalars_is_none() {
        let text = "# one\na: \"# not\" # two\nb: |\n  # not either\nc: é # three\n";
        let found = comments(text);
        let words: Vec<(&str, bool)> =
            found.iter().map(|comment| (comment.text.as_str(), comment.alone)).collect();
        assert_eq!(words, [(" one", true), (" two", false), (" three", false)]);
        assert!(found.iter().all(|comment| text[comment.bytes.clone()].starts_with('#')));
    }

    #[test]
    fn broken_text_gives_what_came_before() {
        assert_eq!(comments("# one\na: [\n").len(), 1);
        assert!(comments("{\"a\": 1}").is_empty());
    }
}
