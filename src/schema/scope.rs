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
    /// How many schemas carry a dynamic anchor of this name; the recursive one of 2019-09 has none.
    dynamic: HashMap<String, usize>,
}

impl Scopes {
    /// The dialect stated at a place, or by the file around it.
    pub(super) fn dialect(&mut self, references: &dyn References, place: &Resolved) -> Option<Dialect> {
        if let Some(dialect) = Dialect::stated_by(&place.node) {
            return Some(dialect);
        }
        self.look_at(references, place.file);
        self.files.get(&place.file).and_then(|scopes| scopes.dialect)
    }

    /// The address of the innermost resource around a place.
    pub(super) fn base(&mut self, references: &dyn References, place: &Resolved) -> Arc<str> {
        self.look_at(references, place.file);
        self.base_at(place.file, &place.pointer).unwrap_or_else(|| file_address(place.file))
    }

    /// The same, for a file looked at before.
    pub(super) fn base_at(&self, file: FileId, pointer: &str) -> Option<Arc<str>> {
        let bases = &self.files.get(&file)?.bases;
        let around = bases.iter().rev().find(|(start, _)| {
            pointer.strip_prefix(start.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        around.map(|(_, base)| Arc::clone(base))
    }

    /// How many places a dynamic reference may mean.
    pub(super) fn dynamic_anchors(&self, written: &str) -> usize {
        let name = written.split_once('#').map_or("", |(_, name)| name);
        self.dynamic.get(name).copied().unwrap_or_default()
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
    fn look_at(&mut self, references: &dyn References, file: FileId) {
        if self.files.contains_key(&file) {
            return;
        }
        self.files.insert(file, FileScopes::default());
        let Ok(root) = references.resolve(file, "#") else {
            return;
        };
        let dialect = Dialect::stated_by(&root.node);
        let base = file_address(file);
        self.resources.insert(Arc::clone(&base), root.clone());
        let mut bases = Vec::new();
        let language = dialect.unwrap_or(Dialect::Draft7);
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
            *self.dynamic.entry(name.to_owned()).or_default() += 1;
        }
        if node.get("$recursiveAnchor").and_then(|truth| truth.as_bool()) == Some(true) {
            *self.dynamic.entry(String::new()).or_default() += 1;
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

fn file_address(file: FileId) -> Arc<str> {
    Arc::from(format!("{OWN_SCHEME}file{}/document", file.0))
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
