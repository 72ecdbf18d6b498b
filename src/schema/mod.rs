//! Schemas of payloads: compiled once, checking many values, with the place of whatever is wrong. It knows no document
//! kind around a schema; what a reference leads to is asked of [`References`].

pub mod avro;
mod binary;
mod branch;
mod bundle;
mod compiled;
pub mod contradiction;
mod dialect;
mod direct;
mod dynamic;
mod expanse;
mod format;
pub mod generate;
mod keyword;
mod meta;
mod payload;
mod payload_json;
mod problem;
#[cfg(feature = "protobuf")]
pub mod protobuf;
mod scope;
mod tree_json;
mod violation;
mod words;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bundle::{Bundle, Bundler};
pub use compiled::{Compiled, bare, nested_deeper};
pub use dialect::Dialect;
use expanse::{APPLIED, Excess, LEVELS};
pub use payload::{Language, PayloadSchema};
pub use problem::{AvroFault, SchemaProblem, SchemaProblemKind};
pub use violation::Violation;

use crate::source_text::tree::NodeRef;
use crate::source_text::{Documents, FileId, ReferenceError, Resolved};

/// Where references lead.
pub trait References {
    /// What a `$ref` written in the file `from` names; a target that is itself a reference is not followed.
    ///
    /// # Errors
    /// [`ReferenceError`]
    fn resolve(&self, from: FileId, reference: &str) -> Result<Resolved, ReferenceError>;

    /// The address a file was fetched from, which relative references in it count from; none for local files.
    fn address(&self, _file: FileId) -> Option<String> {
        None
    }
}

impl References for Documents {
    fn resolve(&self, from: FileId, reference: &str) -> Result<Resolved, ReferenceError> {
        Documents::resolve(self, from, reference)
    }

    fn address(&self, file: FileId) -> Option<String> {
        self.address_of(file).map(str::to_owned)
    }
}

/// Compiles the schemas of one run; what several of them share is looked at once.
pub struct Compiler<'a> {
    references: &'a dyn References,
    scopes: scope::Scopes,
    /// What the meta-schemas said, by the address of the node, which is kept alive.
    checked: HashMap<(usize, Dialect), (NodeRef, Vec<SchemaProblem>)>,
    /// Schemas that were seen to be too much within others, in the same way.
    refused: HashMap<(usize, Dialect), (NodeRef, SchemaProblem)>,
    formats: bool,
}

impl<'a> Compiler<'a> {
    /// A compiler that follows references by `references`.
    #[must_use]
    pub fn new(references: &'a dyn References) -> Self {
        let (checked, refused) = (HashMap::new(), HashMap::new());
        Self { references, scopes: scope::Scopes::default(), checked, refused, formats: true }
    }

    /// Lets `format` say something to readers only, as 2019-09 and 2020-12 do by default; else values must have it.
    #[must_use]
    pub fn with_formats_as_annotations(mut self) -> Self {
        self.formats = false;
        self
    }

    /// Compiles the schema at `place`; a `$schema` in it, or at the root of its file, outranks `dialect`.
    ///
    /// # Errors
    /// All problems of the schema and of all it refers to, in order of place. Schemas that share a part each report
    /// what is wrong with it.
    pub fn compile(&mut self, place: &Resolved, dialect: Dialect) -> Result<Compiled, Vec<SchemaProblem>> {
        let dialect = self.scopes.dialect(self.references, place, dialect);
        if let Some((_, problem)) = self.refused.get(&(Arc::as_ptr(&place.node) as usize, dialect)) {
            return Err(vec![problem.clone()]);
        }
        let mut bundler = Bundler::new(self.references, &mut self.scopes);
        let mut bundle = bundler.gather(place, dialect);
        bundle.formats = self.formats;
        let mut problems = bundler.problems;
        self.hold_against_meta_schemas(&bundle, &mut problems);
        if problems.is_empty() {
            problems.extend(self.too_much(&bundle));
        }
        problems.sort_by(|left, right| {
            (left.span, &left.pointer, &left.message).cmp(&(right.span, &right.pointer, &right.message))
        });
        problems.dedup_by(|left, right| left.span == right.span && left.message == right.message);
        if problems.is_empty() { Ok(Compiled::new(bundle)) } else { Err(problems) }
    }

    fn hold_against_meta_schemas(&mut self, bundle: &Bundle, problems: &mut Vec<SchemaProblem>) {
        let whole: HashSet<(FileId, &str)> =
            bundle.places.iter().map(|(place, _)| (place.file, place.pointer.as_str())).collect();
        for (place, dialect) in &bundle.places {
            // What stands inside another schema of the bundle is checked with it.
            let mut outer = place.pointer.as_str();
            let inside = std::iter::from_fn(|| {
                outer = outer.rsplit_once('/')?.0;
                Some(outer)
            });
            if inside.into_iter().any(|outer| whole.contains(&(place.file, outer))) {
                continue;
            }
            let key = (Arc::as_ptr(&place.node) as usize, *dialect);
            let found = self
                .checked
                .entry(key)
                .or_insert_with(|| (Arc::clone(&place.node), meta::problems(place, *dialect)));
            problems.extend(found.1.iter().cloned());
        }
    }

    /// What is wrong with a bundle that no validator could go through.
    fn too_much(&mut self, bundle: &Bundle) -> Option<SchemaProblem> {
        let found = expanse::excess(&bundle.schema);
        let (place, _) = bundle.places.get(found.first()?.0)?;
        let message = match found.first()?.1 {
            Excess::Applied => format!("more than {APPLIED} schemas apply to one value"),
            Excess::Levels => format!("more than {LEVELS} references lead on from each other to one value"),
        };
        let help = "refer to a schema once in `allOf`, `anyOf` and `oneOf`, and to the end of a chain";
        let problem = SchemaProblem {
            kind: SchemaProblemKind::TooMany,
            message,
            span: place.node.span,
            pointer: place.pointer.clone(),
            expected: None,
            actual: None,
            help: Some(help.to_owned()),
        };
        for (place, dialect) in found.iter().filter_map(|(number, _)| bundle.places.get(*number)) {
            let known = (Arc::clone(&place.node), problem.clone());
            self.refused.entry((Arc::as_ptr(&place.node) as usize, *dialect)).or_insert(known);
        }
        Some(problem)
    }
}

#[cfg(test)]
mod tests;
