//! Schemas of payloads: compiled once, checking many values, with the place of whatever is wrong. It knows no document
//! kind around a schema; what a reference leads to is asked of [`References`].

mod branch;
mod bundle;
mod compiled;
mod dialect;
mod format;
pub mod generate;
mod keyword;
mod meta;
mod payload_json;
mod problem;
mod scope;
mod tree_json;
mod violation;
mod words;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bundle::{Bundle, Bundler};
pub use compiled::Compiled;
pub use dialect::Dialect;
pub use problem::{SchemaProblem, SchemaProblemKind};
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
}

impl References for Documents {
    fn resolve(&self, from: FileId, reference: &str) -> Result<Resolved, ReferenceError> {
        Documents::resolve(self, from, reference)
    }
}

/// Compiles the schemas of one run; what several of them share is looked at once.
pub struct Compiler<'a> {
    references: &'a dyn References,
    scopes: scope::Scopes,
    /// What the meta-schemas said, by the address of the node, which is kept alive.
    checked: HashMap<(usize, Dialect), (NodeRef, Vec<SchemaProblem>)>,
}

impl<'a> Compiler<'a> {
    /// A compiler that follows references by `references`.
    #[must_use]
    pub fn new(references: &'a dyn References) -> Self {
        Self { references, scopes: scope::Scopes::default(), checked: HashMap::new() }
    }

    /// Compiles the schema at `place`; a `$schema` in it, or at the root of its file, outranks `dialect`.
    ///
    /// # Errors
    /// All problems of the schema and of all it refers to, in order of place. Schemas that share a part each report
    /// what is wrong with it.
    pub fn compile(&mut self, place: &Resolved, dialect: Dialect) -> Result<Compiled, Vec<SchemaProblem>> {
        let dialect = self.scopes.dialect(self.references, place).unwrap_or(dialect);
        let mut bundler = Bundler::new(self.references, &mut self.scopes);
        let bundle = bundler.gather(place, dialect);
        let mut problems = bundler.problems;
        self.hold_against_meta_schemas(&bundle, &mut problems);
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
}

#[cfg(test)]
mod tests;
