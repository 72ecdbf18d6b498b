//! From the text of a filter to the filter; what is wrong is pointed at.

use std::ops::Range;

use jaq_core::load::lex::Lexer;
use jaq_core::load::parse::{Def, Parser, Term};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, data};
use jaq_json::Val;
use thiserror::Error;

use super::sandbox;

pub(super) type Data = data::JustLut<Val>;
pub(super) type Filter = jaq_core::Filter<Data>;

/// The name under which the text of the user is compiled.
const MAIN: &str = "eddy_main";

/// A text that is no filter.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct JqError {
    /// What is wrong.
    pub message: String,
    /// The text as given.
    pub text: String,
    /// The bytes of it that are wrong.
    pub wrong: Range<usize>,
    /// What to do next.
    pub help: String,
}

const HELP: &str =
    "write a jq filter over the event, such as `.payload.total > 100 and .headers.source == \"shop\"`";

impl JqError {
    /// An error of the whole text.
    pub(super) fn whole(text: &str, what: &str) -> Self {
        Self::at(text, 0..text.len(), what, HELP)
    }

    fn at(text: &str, wrong: Range<usize>, what: &str, help: &str) -> Self {
        Self {
            message: format!("`{text}` is no jq filter: {what}"),
            text: text.to_owned(),
            wrong,
            help: help.to_owned(),
        }
    }
}

/// Compiles a filter into a sandbox.
///
/// # Errors
/// [`JqError`] with the part that is wrong.
pub(super) fn compile(text: &str) -> Result<Filter, JqError> {
    let body = parse(text)?;
    let main = Def { name: MAIN, args: Vec::new(), body };
    let mut definitions: Vec<Def<&str>> = sandbox::definitions().collect();
    definitions.push(main);
    for definition in &mut definitions {
        sandbox::meter(definition);
    }
    let arena = Arena::default();
    let modules = Loader::new(definitions)
        .load(&arena, File { path: (), code: MAIN })
        .map_err(|_| JqError::whole(text, "it cannot be loaded"))?;
    Compiler::default().with_funs(sandbox::functions()).compile(modules).map_err(|errors| {
        let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
        match first {
            Some((name, kind)) => undefined(text, name, kind.as_str()),
            None => JqError::whole(text, "it cannot be compiled"),
        }
    })
}

fn parse(text: &str) -> Result<Term<&str>, JqError> {
    let tokens = Lexer::new(text).lex().map_err(|errors| match errors.into_iter().next() {
        Some((expected, found)) => {
            let start = place(text, found).map_or(text.len(), |range| range.start);
            let width = text[start..].chars().next().map_or(0, char::len_utf8);
            JqError::at(
                text,
                start..start + width,
                &format!("{} is missing or wrong here", expected.as_str()),
                HELP,
            )
        }
        None => JqError::whole(text, "it cannot be read"),
    })?;
    Parser::new(&tokens).parse(Parser::term).map_err(|errors| match errors.into_iter().next() {
        Some((expected, found)) => {
            let range = found.and_then(|token| place(text, token.as_str())).unwrap_or(text.len()..text.len());
            let what = match expected.as_str() {
                "nothing" => "nothing more can stand here".to_owned(),
                expected => format!("{expected} is expected here"),
            };
            JqError::at(text, range, &what, HELP)
        }
        None => JqError::whole(text, "it cannot be read"),
    })
}

fn undefined(text: &str, name: &str, kind: &str) -> JqError {
    let range = place(text, name).unwrap_or(0..text.len());
    let known = sandbox::names();
    let near = crate::diagnostic::nearest(name, known.iter().map(String::as_str));
    let help = match (kind, near) {
        ("filter", Some(near)) => format!("did you mean `{near}`?"),
        ("filter", None) if super::FIELDS.contains(&name) => {
            format!("write `.{name}`: fields of the event begin with a dot")
        }
        _ => HELP.to_owned(),
    };
    JqError::at(text, range, &format!("the {kind} `{name}` is not known here"), &help)
}

/// Where a part lies in the text, when it was cut out of it.
fn place(text: &str, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let end = start + part.len();
    text.get(start..end).map(|_| start..end)
}
