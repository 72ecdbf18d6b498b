//! Which resource a schema belongs to: `$id` moves the base that references are relative to, anchors name places in it.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Dialect, References};
use crate::source_text::tree::{NodeRef, Value, pointer_push};
use crate::source_text::{FileId, ReferenceError, Resolved};

/// How the addresses begin that we give to files without one.
const OWN_SCHEME: &str = "eddy://";

/// What a reference leads to.
pub(super) enum Target {
    /// A place in a file.
    Place(Resolved),
    /// A meta-schema the validator has built in, by its address.
    MetaSchema(String),
}

/// One file's resources and anchors.
#[derive(Default)]
struct FileScopes {
    dialect: Option<Dialect>,
    /// Pointers of the schemas that name themselves with their addresses, outer before inner.
    bases: Vec<(String, Arc<str>)>,
}

/// Resources and anchors of the files looked at so far.
#[derive(Default)]
pub(super) struct Scopes {
    files: HashMap<FileId, FileScopes>,
    resources: HashMap<Arc<str>, Resolved>,
    anchors: HashMap<(Arc<str>, String), Resolved>,
    /// Dynamic anchors of each resource by name; the recursive one of 2019-09 has none.
    dynamic: HashMap<Arc<str>, Vec<(String, Resolved)>>,
}

impl Scopes {
    /// The dialect stated at a place, or by the file around it; `inherited` when neither says.
    pub(super) fn dialect(
        &mut self,
        references: &dyn References,
        place: &Resolved,
        inherited: Dialect,
    ) -> Dialect {
        self.look_at(references, place.file, inherited);
        let stated = stated(references, place.file, &place.node);
        let of_file = || self.files.get(&place.file).and_then(|scopes| scopes.dialect);
        stated.or_else(of_file).unwrap_or(inherited)
    }

    /// The address of the innermost resource around a place.
    pub(super) fn base(
        &mut self,
        references: &dyn References,
        place: &Resolved,
        inherited: Dialect,
    ) -> Arc<str> {
        self.look_at(references, place.file, inherited);
        self.base_at(place.file, &place.pointer).unwrap_or_else(|| address_of(references, place.file))
    }

    /// The same, for a file looked at before.
    pub(super) fn base_at(&self, file: FileId, pointer: &str) -> Option<Arc<str>> {
        let bases = &self.files.get(&file)?.bases;
        let around = bases.iter().rev().find(|(start, _)| {
            pointer.strip_prefix(start.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        around.map(|(_, base)| Arc::clone(base))
    }

    /// The dynamic anchors of a resource with their names.
    pub(super) fn dynamic_anchors(&self, base: &str) -> &[(String, Resolved)] {
        self.dynamic.get(base).map_or(&[], Vec::as_slice)
    }

    /// Where a reference written in `file`, in the resource `base`, leads.
    pub(super) fn resolve(
        &self,
        references: &dyn References,
        file: FileId,
        base: &str,
        written: &str,
    ) -> Result<Target, ReferenceError> {
        let address = join(base, written);
        let (resource, fragment) = address.split_once('#').unwrap_or((&address, ""));
        if let Some(found) = self.within(resource, fragment) {
            return Ok(Target::Place(found));
        }
        // In a resource that names itself a relative reference means a neighbour of that name, in whatever file.
        let is_moved = !base.starts_with(OWN_SCHEME);
        if let Some(place) = is_moved.then(|| references.resolve(file, &address).ok()).flatten() {
            return Ok(Target::Place(place));
        }
        match references.resolve(file, written) {
            Ok(place) => Ok(Target::Place(place)),
            Err(_) if fragment.is_empty() && Dialect::of_address(resource).is_some() => {
                Ok(Target::MetaSchema(resource.to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    fn within(&self, resource: &str, fragment: &str) -> Option<Resolved> {
        let root = self.resources.get(resource)?;
        if fragment.is_empty() {
            return Some(root.clone());
        }
        if fragment.starts_with('/') {
            let decoded = crate::source_text::reference::parse(&format!("#{fragment}")).ok()?.fragment;
            let node = root.node.pointer(&decoded)?;
            let pointer = format!("{}{decoded}", root.pointer);
            return Some(Resolved { node: Arc::clone(node), file: root.file, pointer });
        }
        self.anchors.get(&(Arc::from(resource), fragment.to_owned())).cloned()
    }

    /// Notes the resources and anchors of a file, once.
    fn look_at(&mut self, references: &dyn References, file: FileId, inherited: Dialect) {
        if self.files.contains_key(&file) {
            return;
        }
        self.files.insert(file, FileScopes::default());
        let Ok(root) = references.resolve(file, "#") else {
            return;
        };
        let dialect = stated(references, file, &root.node);
        let base = address_of(references, file);
        self.resources.insert(Arc::clone(&base), root.clone());
        let mut bases = Vec::new();
        let language = dialect.unwrap_or(inherited);
        self.note(&root.node, (file, String::new()), &base, language, &mut bases);
        self.files.insert(file, FileScopes { dialect, bases });
    }

    fn note(
        &mut self,
        node: &NodeRef,
        (file, pointer): (FileId, String),
        base: &Arc<str>,
        dialect: Dialect,
        bases: &mut Vec<(String, Arc<str>)>,
    ) {
        let mut base = Arc::clone(base);
        let dialect = Dialect::stated_by(node).unwrap_or(dialect);
        let place = || Resolved { node: Arc::clone(node), file, pointer: pointer.clone() };
        // Up to draft-07 a `$ref` hides the identifier beside it.
        let hidden = dialect.reference_stands_alone() && node.get_str("$ref").is_some();
        if let Some(written) = node.get_str(dialect.identifier()).filter(|_| !hidden) {
            if let Some(name) = written.strip_prefix('#') {
                self.anchors.entry((Arc::clone(&base), name.to_owned())).or_insert_with(place);
            } else {
                base = Arc::from(join(&base, written).trim_end_matches('#'));
                self.resources.entry(Arc::clone(&base)).or_insert_with(place);
                bases.push((pointer.clone(), Arc::clone(&base)));
            }
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(name) = node.get_str(keyword) {
                self.anchors.entry((Arc::clone(&base), name.to_owned())).or_insert_with(place);
            }
        }
        if let Some(name) = node.get_str("$dynamicAnchor") {
            self.dynamic.entry(Arc::clone(&base)).or_default().push((name.to_owned(), place()));
        }
        if is_recursive(node) {
            self.dynamic.entry(Arc::clone(&base)).or_default().push((String::new(), place()));
        }
        match &node.value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let pointer = pointer_push(&pointer, &index.to_string());
                    self.note(item, (file, pointer), &base, dialect, bases);
                }
            }
            Value::Object(entries) => {
                for entry in entries.iter().filter(|entry| !matches!(entry.key.as_str(), "enum" | "const")) {
                    if matches!(entry.value.value, Value::Array(_) | Value::Object(_)) {
                        let pointer = pointer_push(&pointer, &entry.key);
                        self.note(&entry.value, (file, pointer), &base, dialect, bases);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether the recursive reference of 2019-09 may be led away from here.
pub(super) fn is_recursive(node: &NodeRef) -> bool {
    node.get("$recursiveAnchor").and_then(|truth| truth.as_bool()) == Some(true)
}

/// The dialect a schema states: by an address we know, or by a meta-schema of its own that builds on one.
fn stated(references: &dyn References, file: FileId, node: &NodeRef) -> Option<Dialect> {
    let written = node.get_str("$schema")?;
    Dialect::of_address(written)
        .or_else(|| Dialect::stated_by(&own_meta_schema(references, file, node)?.node))
}

/// The meta-schema of its own that a schema states, when it can be read.
pub(super) fn own_meta_schema(references: &dyn References, file: FileId, node: &NodeRef) -> Option<Resolved> {
    let written = node.get_str("$schema").filter(|written| Dialect::of_address(written).is_none())?;
    references.resolve(file, written).ok()
}

fn address_of(references: &dyn References, file: FileId) -> Arc<str> {
    let own = || format!("{OWN_SCHEME}file{}/document", file.0);
    Arc::from(references.address(file).unwrap_or_else(own))
}

/// A reference made absolute; one that cannot be joined stands for itself.
fn join(base: &str, written: &str) -> String {
    if let Some(fragment) = written.strip_prefix('#') {
        return format!("{}#{fragment}", base.split('#').next().unwrap_or(base));
    }
    match url::Url::parse(base).and_then(|base| base.join(written)) {
        Ok(joined) => joined.into(),
        Err(_) => written.to_owned(),
    }
}
