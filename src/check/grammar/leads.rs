//! Which kind of object stands where a reference leads, by the section it is in.

use super::Grammar;
use super::notation::Shape;

/// What is wrong with a reference to an object of another kind: the message, and what to do.
pub(super) struct Misled {
    pub(super) message: String,
    pub(super) help: String,
}

/// Compares what a reference must lead to with the section of the document it leads to; nothing where that is no section
/// of reusable objects, or objects of the kind have none. `what` is what refers, `text` how it is written.
pub(super) fn misled(
    grammar: &'static Grammar,
    wanted: &str,
    pointer: &str,
    (what, text): (&str, &str),
) -> Option<Misled> {
    let (section, found) = section(grammar, pointer)?;
    let wanted = family(wanted);
    let own = sections(grammar).find(|(_, kind)| *kind == wanted).map(|(section, _)| section)?;
    if found == wanted {
        return None;
    }
    let message = format!("{what} must lead to {}, and `{text}` is {}", named(wanted), named(found));
    let help = match (wanted, found) {
        ("Message", "Schema") => {
            format!("let it lead to one of `#/components/{own}`, or write `payload: {{$ref: '{text}'}}`")
        }
        _ => format!("let it lead to one of `#/components/{own}`, not of `{section}`"),
    };
    Some(Misled { message, help })
}

/// The section of reusable objects a pointer leads right into, with the kind of its objects.
fn section<'p>(grammar: &'static Grammar, pointer: &'p str) -> Option<(&'p str, &'static str)> {
    let (section, name) = pointer.strip_prefix("/components/")?.split_once('/')?;
    let kind = sections(grammar).find(|(known, _)| *known == section)?.1;
    (!name.is_empty() && !name.contains('/')).then_some((section, kind))
}

/// The sections of reusable objects with their kinds.
fn sections(grammar: &'static Grammar) -> impl Iterator<Item = (&'static str, &'static str)> {
    grammar.fields("Components").iter().filter_map(|field| {
        let Shape::Map(_, inner) = &field.shape else { return None };
        match &**inner {
            Shape::Named(kind) | Shape::OrReference(kind) => Some((field.name.as_str(), family(kind))),
            _ => None,
        }
    })
}

/// Kinds that stand for each other: schemas with and without a format, traits and what they are traits of.
fn family(kind: &str) -> &str {
    match kind.strip_suffix("Trait").unwrap_or(kind) {
        kind if kind.ends_with("Schema") => "Schema",
        "OperationMessage" => "Message",
        kind => kind,
    }
}

/// A kind as the specification calls it, with its article.
fn named(kind: &str) -> String {
    let mut words = String::new();
    for sign in kind.chars() {
        if sign.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(sign);
    }
    let article = if words.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
    format!("{article} {words} Object")
}
