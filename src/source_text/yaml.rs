//! Reads YAML 1.2 and JSON text into the span tree, within limits, reporting every problem with its place.

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};

use super::builder::{Builder, Scalar, Stop};
use super::problem::{Problem, ProblemKind};
use super::reading::Limits;
use super::tree::NodeRef;
use super::{FileId, Sources, Span};

/// A document as read: its tree, unless it could not be built, and what was wrong on the way, in order of place.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The root. Missing when the text is empty, not YAML, or past a limit.
    pub root: Option<NodeRef>,
    /// The problems.
    pub problems: Vec<Problem>,
}

/// Reads the first document of a file. JSON is read by the same rules, being a subset of YAML 1.2.
///
/// Of a stream of several documents the first is returned and the second reported. A syntax error or a limit leaves
/// no tree. Undefined aliases stand as null.
#[must_use]
pub fn parse(sources: &Sources, file: FileId, limits: &Limits) -> Parsed {
    let text = sources.get(file).text();
    let mut builder = Builder::new(file, text, limits);
    let whole = Span { file, start: 0, end: 0 };
    if text.len() as u64 > limits.bytes {
        builder.report(ProblemKind::TooLarge(limits.bytes), whole, None);
        return builder.finish(false);
    }
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: limits.depth,
        block_nesting_limit: limits.depth,
    };
    let mut complete = true;
    for step in Parser::new_from_str_with_options(text, options) {
        let outcome = match step {
            Ok((event, place)) => take(&mut builder, event, &place),
            Err(error) => {
                report_scan_error(&mut builder, &error, limits);
                Err(Stop::WithoutTree)
            }
        };
        if let Err(stop) = outcome {
            complete = stop == Stop::WithTree;
            break;
        }
    }
    if complete && !builder.has_root() {
        builder.report(ProblemKind::Empty, whole, None);
    }
    builder.finish(complete)
}

/// Hands one event of the parser to the builder.
fn take(builder: &mut Builder<'_>, event: Event<'_>, place: &granit_parser::Span) -> Result<(), Stop> {
    let span = builder.span(place.byte_range().unwrap_or_default());
    match event {
        Event::DocumentStart(..) => builder.start_document(span),
        Event::Scalar(text, style, anchor, tag) => {
            let text = if is_absent(style, &text, span.start == span.end) { "".into() } else { text };
            builder.scalar(&Scalar { text, plain: style == ScalarStyle::Plain, anchor, tag, span })
        }
        Event::SequenceStart(_, anchor, tag) => builder.open(false, anchor, tag.as_deref(), span),
        Event::MappingStart(_, anchor, tag) => builder.open(true, anchor, tag.as_deref(), span),
        Event::SequenceEnd | Event::MappingEnd => builder.close(span),
        Event::Alias(anchor) => builder.alias(anchor, span),
        Event::UnresolvedAlias(name) => builder.undefined_alias(&name, span),
        _ => Ok(()),
    }
}

/// The parser writes `~` for a value that is not there.
pub(super) fn is_absent(style: ScalarStyle, text: &str, takes_no_bytes: bool) -> bool {
    style == ScalarStyle::Plain && text == "~" && takes_no_bytes
}

fn report_scan_error(builder: &mut Builder<'_>, error: &ScanError, limits: &Limits) {
    let start = error.marker().byte_offset().unwrap_or_default();
    let span = builder.character_at(start);
    builder.report(reason(error, limits), span, None);
}

/// What a scan error is called here.
pub(super) fn reason(error: &ScanError, limits: &Limits) -> ProblemKind {
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => ProblemKind::TooDeep(limits.depth),
        kind => ProblemKind::Syntax(plain_words(kind)),
    }
}

/// The parser's reason, in words for someone who did not write a parser.
fn plain_words(kind: &ErrorKind) -> String {
    let words = match kind {
        ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabNotAllowed => {
            "a tab stands where only spaces may indent"
        }
        ErrorKind::MappingValueNotAllowed => {
            "a `:` that starts a value cannot stand here; quote the text before it"
        }
        ErrorKind::InvalidColonPlacement => {
            "a `:` cannot stand here; is a bracket or quote before it left open?"
        }
        ErrorKind::UnclosedQuotedScalar => "this quote is never closed",
        ErrorKind::UnclosedFlowCollection { open: '{' } => "this `{` is never closed",
        ErrorKind::UnclosedFlowCollection { .. } => "this `[` is never closed",
        ErrorKind::ExpectedBlockMappingKey => "a key was expected here; is the indentation right?",
        ErrorKind::ExpectedBlockSequenceEntry => "a `- ` was expected here; is the indentation right?",
        ErrorKind::ExpectedFlowMappingSeparator => "a `,` or `}` was expected here",
        ErrorKind::ExpectedFlowSequenceSeparator => "a `,` or `]` was expected here",
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => "a key without its `:`",
        ErrorKind::BlockSequenceEntryNotAllowed => {
            "a `- ` cannot start a sequence here; put it on its own line"
        }
        ErrorKind::InvalidIndentation => "the indentation does not fit the lines before it",
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            return format!("the character U+{:04X} cannot stand here", u32::from(*character));
        }
        ErrorKind::UnexpectedCharacter { character } => {
            return format!("`{character}` cannot start a value; quote it");
        }
        other => return other.to_string(),
    };
    words.to_owned()
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
