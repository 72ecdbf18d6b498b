//! A text as its writer wrote it: the parser's steps with their bytes and styles, for whoever wants to write it again.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

use super::problem::ProblemKind;
use super::reading::Limits;
use super::yaml::{is_absent, reason};

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// As a block whose line ends count, `|`.
    Literal,
    /// As a block whose line ends are spaces, `>`.
    Folded,
}

/// One step of the parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The document begins; whether by `---`.
    Document(bool),
    /// The document ends.
    DocumentEnd,
    /// A sequence begins; whether in brackets.
    Sequence(bool),
    /// A mapping begins; whether in braces, which a single pair in a sequence in brackets goes without.
    Mapping(bool),
    /// The innermost sequence or mapping ends.
    End,
    /// A scalar, with its text after quotes and escapes; empty and plain when nothing is written.
    Scalar(String, Style),
    /// An alias.
    Alias,
}

/// A step with what stands before its node and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What.
    pub step: Step,
    /// How many of an anchor and a tag stand before the node.
    pub properties: usize,
    /// Its bytes. Empty for what is not written; block scalars run from the first line of content, with no indentation.
    pub bytes: Range<usize>,
}

/// Reads the steps of the one document of a text.
///
/// # Errors
/// Why the text cannot be read, and the byte where; several documents count as such.
pub fn steps(text: &str, limits: &Limits) -> Result<Vec<Written>, (ProblemKind, usize)> {
    if text.len() as u64 > limits.bytes {
        return Err((ProblemKind::TooLarge(limits.bytes), 0));
    }
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: limits.depth,
        block_nesting_limit: limits.depth,
    };
    let mut steps: Vec<Written> = Vec::new();
    let mut documents = 0;
    let mut nodes: u64 = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, place) =
            event.map_err(|error| (reason(&error, limits), error.marker().byte_offset().unwrap_or(0)))?;
        let bytes = place.byte_range().unwrap_or_default();
        documents += usize::from(matches!(event, Event::DocumentStart(..)));
        nodes += u64::from(event.is_node());
        if documents > 1 {
            return Err((ProblemKind::SeveralDocuments, bytes.start));
        }
        if nodes > limits.nodes.saturating_mul(2) {
            return Err((ProblemKind::TooManyNodes(limits.nodes), bytes.start));
        }
        steps.extend(written(event, bytes));
    }
    Ok(steps)
}

fn written(event: Event<'_>, bytes: Range<usize>) -> Option<Written> {
    let count = |anchor: usize, tagged: bool| usize::from(anchor != 0) + usize::from(tagged);
    let (step, properties) = match event {
        Event::DocumentStart(explicit, _) => (Step::Document(explicit), 0),
        Event::DocumentEnd => (Step::DocumentEnd, 0),
        Event::SequenceStart(style, anchor, tag) => {
            (Step::Sequence(style == StructureStyle::Flow), count(anchor, tag.is_some()))
        }
        Event::MappingStart(style, anchor, tag) => {
            (Step::Mapping(style == StructureStyle::Flow), count(anchor, tag.is_some()))
        }
        Event::SequenceEnd | Event::MappingEnd => (Step::End, 0),
        Event::Alias(_) | Event::UnresolvedAlias(_) => (Step::Alias, 0),
        Event::Scalar(text, style, anchor, tag) => {
            let absent = is_absent(style, &text, bytes.start == bytes.end);
            let text = if absent { String::new() } else { text.into_owned() };
            (Step::Scalar(text, style_of(style)), count(anchor, tag.is_some()))
        }
        _ => return None,
    };
    Some(Written { step, properties, bytes })
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
        ScalarStyle::Plain => Style::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(text: &str) -> Vec<(Step, &str)> {
        let steps = steps(text, &Limits::default()).unwrap();
        steps.into_iter().map(|step| (step.step, &text[step.bytes])).collect()
    }

    #[test]
    fn styles_and_bytes_are_told() {
        let scalar = |text: &str, style| Step::Scalar(text.to_owned(), style);
        let found = slices("--- {a: 'x', b: [\"y\", *z]}\n...\n");
        let wanted = [
            (Step::Document(true), "---"),
            (Step::Mapping(true), "{"),
            (scalar("a", Style::Plain), "a"),
            (scalar("x", Style::Single), "'x'"),
            (scalar("b", Style::Plain), "b"),
            (Step::Sequence(true), "["),
            (scalar("y", Style::Double), "\"y\""),
            (Step::Alias, "*z"),
            (Step::End, "]"),
            (Step::End, "}"),
            (Step::DocumentEnd, "..."),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn properties_are_counted() {
        let steps = steps("--- !!map &a\n&k key: !!str\n", &Limits::default()).unwrap();
        let counts: Vec<usize> = steps.iter().map(|step| step.properties).collect();
        assert_eq!(counts, [0, 2, 1, 1, 0, 0]);
    }

    #[test]
    fn what_is_no_single_document_is_refused_at_its_place() {
        let refusal = |text: &str| steps(text, &Limits::default()).unwrap_err();
        assert_eq!(refusal("a: 1\n---\nb: 2\n"), (ProblemKind::SeveralDocuments, 5));
        assert!(matches!(refusal("a: [1\n"), (ProblemKind::Syntax(_), 3)));
        assert!(matches!(refusal(&"[".repeat(1000)), (ProblemKind::TooDeep(128), _)));
    }
}
