//! Rules over contracts and events give Diagnostics; one file per rule. Nothing is printed here.

use std::cell::OnceCell;

use crate::contract::{Document, DocumentKind, Loaded};
use crate::diagnostic::{Diagnostic, FixSafety, Label};
use crate::schema::Dialect;
use crate::source_text::documents::{Documents, Resolved};
use crate::source_text::tree::{Entry, Node, NodeRef};
use crate::source_text::{FileId, Sources, Span};

mod allowed;
pub mod baseline;
mod cloudevents;
pub mod events;
pub mod grammar;
mod legal_address;
mod naming;
pub mod own;
pub mod page;
mod presence;
mod referred;
mod removal;
mod report;
pub mod rules;
mod schemas;
mod shape;

use referred::Referred;
use removal::removal;
pub use report::{DEFAULT_CAP, Policy, Report, file_name, report};
use schemas::Schemas;

use grammar::{Grammar, Placed, PlacedReference, Start, Walk};

/// What a rule may look at: one document, walked, and the files around it.
pub struct CheckInput<'a> {
    /// The document as read into the model.
    pub document: &'a Document,
    /// 2 or 3; 0 for a plain event schema.
    pub major: u8,
    /// The minor version.
    pub minor: u8,
    /// Every object met by the walk, targets of references after the document itself.
    pub objects: Vec<Placed>,
    /// Every reference met by the walk.
    pub references: Vec<PlacedReference>,
    /// Follows references.
    pub files: &'a Documents,
    /// The texts.
    pub sources: &'a Sources,
    /// Where the walk found fault.
    pub faults: Vec<Span>,
    schemas: Schemas<'a>,
    referred: &'a OnceCell<Referred>,
    loaded: &'a Loaded,
}

impl<'a> CheckInput<'a> {
    /// Objects of one name in the grammar.
    pub fn named(&self, name: &'static str) -> impl Iterator<Item = &Placed> {
        self.objects.iter().filter(move |object| object.name == name)
    }

    /// The node behind references at its root.
    #[must_use]
    pub fn behind(&self, node: &NodeRef) -> Option<Resolved> {
        let place = Resolved { node: node.clone(), file: node.span.file, pointer: String::new() };
        self.files.follow(place).ok()
    }

    /// Whether the document is AsyncAPI of this major version.
    #[must_use]
    pub fn is_version(&self, major: u8) -> bool {
        self.major == major
    }

    /// The file of the document.
    #[must_use]
    pub fn file(&self) -> FileId {
        self.document.file
    }

    /// The text of a span.
    #[must_use]
    pub fn written(&self, span: Span) -> &str {
        let text = self.sources.get(span.file).text();
        text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The finding with a fix that removes `entry` from the mapping in `field` of `owner`, or all of `field` when nothing
    /// else is in it. Without one when the text does not part plainly there.
    #[must_use]
    pub fn with_removal(&self, finding: Diagnostic, owner: &Node, field: &str, entry: &Entry) -> Diagnostic {
        let Some(whole) = owner.entry(field) else {
            return finding;
        };
        let place = match whole.value.entries() {
            [_] if owner.entries().len() > 1 => removal(self.sources, owner, whole),
            [_, _, ..] => removal(self.sources, &whole.value, entry),
            _ => None,
        };
        match place {
            Some(span) => {
                let title = format!("remove `{}`", entry.key);
                finding.fix(title, FixSafety::Unsafe, vec![(span, String::new())])
            }
            None => finding,
        }
    }

    /// Where `word` first stands in the text of a scalar; the whole scalar when it is not found as it is.
    #[must_use]
    pub fn place_inside(&self, node: &Node, word: &str) -> Span {
        let written = self.written(node.span);
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let found = written.match_indices(word).map(|(at, _)| at).find(|at| {
            // Only at an end that is part of a word can a longer word go on.
            let goes_on =
                is_part(word.chars().next_back()) && is_part(written[at + word.len()..].chars().next());
            let began = is_part(word.chars().next()) && is_part(written[..*at].chars().next_back());
            !goes_on && !began
        });
        let place = |at: usize| u32::try_from(at).ok().map(|at| node.span.start + at);
        match found.and_then(|at| Some((place(at)?, place(at + word.len())?))) {
            Some((start, end)) => Span { file: node.span.file, start, end },
            None => node.span,
        }
    }

    /// Whether something in the files of the run refers to a reusable object.
    #[must_use]
    pub fn is_referred(&self, object: &Placed) -> bool {
        let referred = self.referred.get_or_init(|| Referred::of(self.loaded));
        referred.contains(object.node.span.file, &object.pointer)
    }

    fn new(
        document: &'a Document,
        loaded: &'a Loaded,
        referred: &'a OnceCell<Referred>,
    ) -> (Self, Vec<Diagnostic>) {
        let (files, sources) = (&loaded.documents, &loaded.sources);
        let (major, minor, name) = match document.kind {
            DocumentKind::AsyncApi2(minor) => (2, minor, "AsyncAPI"),
            DocumentKind::AsyncApi3(minor) => (3, minor, "AsyncAPI"),
            DocumentKind::EventSchema
            | DocumentKind::JsonSchema(_)
            | DocumentKind::Avro
            | DocumentKind::Protobuf => (0, 0, "Schema"),
        };
        let grammar = if major == 2 { Grammar::version2() } else { Grammar::version3() };
        let mut walk = Walk::new(grammar, minor, files);
        let is_schema = !matches!(document.kind, DocumentKind::Avro | DocumentKind::Protobuf);
        if is_schema {
            walk.run(&Start { node: document.root.clone(), name });
        }
        let Walk { mut findings, objects, references, .. } = walk;
        if document.kind == DocumentKind::JsonSchema(Dialect::Draft4) {
            // The grammar is that of later drafts; this one is held against its meta-schema alone.
            findings.clear();
        }
        // What an unknown alias stands for is not known, and that was said when the file was read.
        findings.retain(|finding| {
            let span = finding.primary.as_ref().map(|primary| primary.span);
            !span.is_some_and(|span| is_alias(sources, span))
        });
        let faults = findings.iter().filter_map(|finding| Some(finding.primary.as_ref()?.span)).collect();
        (
            Self {
                document,
                major,
                minor,
                objects,
                references,
                files,
                sources,
                faults,
                schemas: Schemas::new(files),
                referred,
                loaded,
            },
            findings,
        )
    }
}

/// Runs every rule that is not on request over every document of a run; in no particular order, repeats included.
#[must_use]
pub fn check_documents(loaded: &Loaded) -> Vec<Diagnostic> {
    check_documents_also(loaded, &|_| false)
}

/// As [`check_documents`], with those rules on request whose code is `asked` for.
#[must_use]
pub fn check_documents_also(loaded: &Loaded, asked: &dyn Fn(&str) -> bool) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let referred = OnceCell::new();
    for document in &loaded.contract.documents {
        let (input, mut found) = CheckInput::new(document, loaded, &referred);
        for rule in rules::all() {
            let runs = !rule.is_on_request() || asked(rule.code);
            if let Some(check) = rule.check.filter(|_| runs) {
                check(&input, &mut found);
            }
        }
        name_referring_places(&input, &mut found);
        findings.append(&mut found);
    }
    findings
}

/// Whether an alias stands there: a node that was found has the place of its anchor instead.
fn is_alias(sources: &Sources, span: Span) -> bool {
    let text = sources.get(span.file).text().as_bytes();
    text.get(span.start as usize) == Some(&b'*') && span.end > span.start
}

/// Findings of one document looked at for the reference that leads to them; more are left out of most reports anyway.
const REFERRED: usize = 2_000;

/// A finding in another file than the document's names the reference that leads there.
fn name_referring_places(input: &CheckInput, findings: &mut [Diagnostic]) {
    let strangers =
        findings.iter().filter_map(|finding| finding.primary.as_ref()).map(|label| label.span.file);
    if strangers.into_iter().all(|file| file == input.file()) {
        return;
    }
    let targets: Vec<(Resolved, Span)> = input
        .references
        .iter()
        .filter_map(|reference| {
            let span = reference.node.span;
            let target = input.files.resolve(span.file, reference.node.as_str()?).ok()?;
            (target.file != span.file).then_some((target, span))
        })
        .collect();
    for finding in findings.iter_mut().take(REFERRED) {
        let Some(place) = finding.primary.as_ref().map(|label| label.span) else {
            continue;
        };
        if place.file == input.file() || finding.related.iter().any(|label| label.span.file != place.file) {
            continue;
        }
        let holds = |target: &Resolved| {
            target.file == place.file && finding.pointer.starts_with(target.pointer.as_str())
        };
        let leading = targets.iter().filter(|(target, _)| target.file == place.file);
        let nearest = leading.max_by_key(|(target, _)| (holds(target), target.pointer.len()));
        if let Some((_, span)) = nearest {
            finding.related.push(Label { span: *span, text: "referred to here".to_owned() });
        }
    }
}
