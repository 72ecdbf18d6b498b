//! Compiles a Protobuf text with its imports, and chooses the message that is meant.

use miette::Diagnostic;
use prost_reflect::{FileDescriptor, Kind, MessageDescriptor};
use protox::file::{File, FileResolver, GoogleFileResolver};

use crate::schema::References;
use crate::schema::problem::{SchemaProblem, SchemaProblemKind};
use crate::schema::words::alternatives;
use crate::source_text::inside::span_inside;
use crate::source_text::reference::proto_imports;
use crate::source_text::tree::Node;
use crate::source_text::{Resolved, Sources, Span};

/// What the text itself is called while it is compiled.
const OWN_NAME: &str = "schema.proto";
/// Folders above that of the text in which an import is looked for.
const FOLDERS_ABOVE: usize = 8;
/// Files one text may import, directly and through others.
const IMPORTS: usize = 1_000;

/// Hands the compiler the text, what it imports, and the well-known types.
struct Texts {
    own: String,
    imports: Vec<(String, Resolved)>,
}

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == OWN_NAME {
            return File::from_source(name, &self.own);
        }
        if let Ok(known) = GoogleFileResolver::new().open_file(name) {
            return Ok(known);
        }
        match self.imports.iter().find(|(known, _)| known == name) {
            Some((_, found)) => File::from_source(name, found.node.as_str().unwrap_or_default()),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// What a text imports, directly and through others, as far as it is there: beside the file, or in the folders above.
fn imports(references: &dyn References, place: &Resolved, text: &str) -> Vec<(String, Resolved)> {
    let mut found: Vec<(String, Resolved)> = Vec::new();
    let mut open: Vec<String> = proto_imports(text).map(str::to_owned).collect();
    while let Some(name) = open.pop() {
        if found.len() >= IMPORTS || found.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let above = (0..=FOLDERS_ABOVE).map(|folders| format!("{}{name}", "../".repeat(folders)));
        let file = above
            .filter_map(|path| references.resolve(place.file, &path).ok())
            .find(|found| found.node.as_str().is_some());
        if let Some(file) = file {
            open.extend(proto_imports(file.node.as_str().unwrap_or_default()).map(str::to_owned));
            found.push((name, file));
        }
    }
    found
}

/// Compiles the text at `place` and chooses its message.
pub(super) fn message(
    references: &dyn References,
    sources: &Sources,
    place: &Resolved,
    name: &str,
) -> Result<MessageDescriptor, Vec<SchemaProblem>> {
    chosen(references, sources, place, |messages, text| choose(messages, name, text))
}

/// Compiles the text at `place` and takes its first message.
pub(super) fn first_message(
    references: &dyn References,
    sources: &Sources,
    place: &Resolved,
) -> Result<MessageDescriptor, Vec<SchemaProblem>> {
    chosen(references, sources, place, |messages, _| messages.first().cloned().ok_or_else(no_message))
}

type Choice = Result<MessageDescriptor, (String, &'static str)>;

fn chosen(
    references: &dyn References,
    sources: &Sources,
    place: &Resolved,
    choice: impl Fn(&[MessageDescriptor], &str) -> Choice,
) -> Result<MessageDescriptor, Vec<SchemaProblem>> {
    let Some(text) = place.node.as_str() else {
        let found = crate::schema::words::with_article(place.node.kind());
        let message = format!("a Protobuf schema is text, and this is {found}");
        let help = "write the text of the .proto file in a block: `schema: |`, or refer to the file";
        return Err(vec![problem(SchemaProblemKind::Protobuf, message, place, place.node.span, Some(help))]);
    };
    let imports = imports(references, place, text);
    let texts = Texts { own: text.to_owned(), imports: imports.clone() };
    let mut compiler = protox::Compiler::with_file_resolver(texts);
    compiler.include_source_info(true).include_imports(true);
    if let Err(error) = compiler.open_file(OWN_NAME) {
        return Err(problems(&error, error.file(), (place, &imports), sources));
    }
    let pool = compiler.descriptor_pool();
    let file = pool.get_file_by_name(OWN_NAME);
    let messages: Vec<MessageDescriptor> = file.iter().flat_map(FileDescriptor::messages).collect();
    choice(&messages, text).map_err(|(message, help)| {
        let start = text.find("message").map_or(0..1, |at| at..at + "message".len());
        let span = span_inside(sources, &place.node, start);
        vec![problem(SchemaProblemKind::ProtobufMessage, message, place, span, Some(help))]
    })
}

fn problem(
    kind: SchemaProblemKind,
    message: String,
    place: &Resolved,
    span: Span,
    help: Option<&str>,
) -> SchemaProblem {
    SchemaProblem {
        kind,
        message,
        span,
        pointer: place.pointer.clone(),
        expected: None,
        actual: None,
        help: help.map(str::to_owned),
    }
}

/// Every error the compiler has, at its place in the text or in the file imported.
fn problems(
    error: &dyn Diagnostic,
    file: Option<&str>,
    (place, imports): (&Resolved, &[(String, Resolved)]),
    sources: &Sources,
) -> Vec<SchemaProblem> {
    let own = file.is_none_or(|file| file == OWN_NAME);
    let import = imports.iter().find(|(name, _)| Some(name.as_str()) == file).map(|(_, found)| found);
    let target = import.filter(|_| !own).unwrap_or(place);
    let mut found = vec![one(error, target, sources)];
    for related in error.related().into_iter().flatten() {
        found.push(one(related, target, sources));
    }
    found
}

fn one(error: &dyn Diagnostic, place: &Resolved, sources: &Sources) -> SchemaProblem {
    // Of several labels the last one is the place at fault; those before it explain.
    let label = error.labels().and_then(Iterator::last);
    let span = label.map_or_else(
        || end_of(sources, &place.node),
        |label| span_inside(sources, &place.node, label.offset()..label.offset() + label.len().max(1)),
    );
    let words = error.to_string();
    let is_type = words.starts_with("name '") && words.ends_with("' is not defined");
    let kind = if is_type { SchemaProblemKind::ProtobufType } else { SchemaProblemKind::Protobuf };
    let name = words.split('\'').nth(1).unwrap_or_default();
    let help = if is_type {
        super::scalar::meant(name).or_else(|| Some("define it, or import its file".to_owned()))
    } else if words.starts_with("import '") {
        Some("imports are looked for beside the file and in the folders above it".to_owned())
    } else {
        error.help().map(|help| help.to_string())
    };
    let message = if is_type { format!("there is no type `{name}`") } else { words.replace('\'', "`") };
    SchemaProblem { kind, message, span, pointer: place.pointer.clone(), expected: None, actual: None, help }
}

/// The end of the text, for what is missing there.
fn end_of(sources: &Sources, node: &Node) -> Span {
    let text = node.as_str().unwrap_or_default().trim_end();
    let last = text.char_indices().next_back().map_or(0, |(at, _)| at);
    span_inside(sources, node, last..text.len())
}

/// The message that is the payload, or why none is.
fn choose(messages: &[MessageDescriptor], name: &str, text: &str) -> Choice {
    let marked = text.find("@RootNode").and_then(|at| {
        let mut words = text[at..].split_whitespace().skip_while(|word| *word != "message").skip(1);
        let name = words.next()?.trim_end_matches('{');
        messages.iter().find(|message| message.name() == name)
    });
    let plain = |name: &str| name.replace(['_', '-', '.'], "").to_lowercase();
    let named = || {
        let fits = |message: &&MessageDescriptor| {
            plain(message.name()) == plain(name) || message.full_name() == name
        };
        messages.iter().find(fits)
    };
    let outer: Vec<&MessageDescriptor> =
        messages.iter().filter(|message| !messages.iter().any(|other| uses(other, message))).collect();
    let only = || match (messages, outer.as_slice()) {
        ([only], _) => Some(only),
        (_, [only]) => Some(*only),
        _ => None,
    };
    match marked.or_else(named).or_else(only) {
        Some(message) => Ok(message.clone()),
        None if messages.is_empty() => Err(no_message()),
        None => {
            let outer = if outer.is_empty() { messages.iter().collect() } else { outer };
            let candidates: Vec<&str> = outer.iter().map(|message| message.name()).collect();
            let message =
                format!("which message is the payload is not said: it may be {}", alternatives(&candidates));
            Err((message, "set a comment `// @RootNode` before it, or call the message of the document so"))
        }
    }
}

fn no_message() -> (String, &'static str) {
    ("the Protobuf schema defines no message".to_owned(), "write `message Name { … }`")
}

fn uses(message: &MessageDescriptor, used: &MessageDescriptor) -> bool {
    message != used
        && message.fields().any(|field| match field.kind() {
            Kind::Message(inner) if inner.is_map_entry() => {
                inner.fields().any(|field| matches!(field.kind(), Kind::Message(inner) if inner == *used))
            }
            Kind::Message(inner) => inner == *used,
            _ => false,
        })
}
