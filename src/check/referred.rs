//! Which reusable objects of the files of a run are referred to, from wherever. It knows no rule.

use std::collections::HashSet;
use std::sync::Arc;

use crate::contract::Loaded;
use crate::source_text::FileId;
use crate::source_text::documents::Documents;
use crate::source_text::tree::{Node, NodeRef, Value, pointer_push};

/// Where reusable objects stand.
const COMPONENTS: &str = "/components/";

/// The reusable objects something refers to.
#[derive(Debug, Default)]
pub struct Referred {
    components: HashSet<(FileId, String)>,
}

impl Referred {
    /// Looks through every file of a run once.
    pub fn of(loaded: &Loaded) -> Self {
        let mut search = Search { files: &loaded.documents, seen: HashSet::new(), found: Self::default() };
        for (file, _) in loaded.sources.iter() {
            if let Some(root) = loaded.documents.root(file) {
                search.look(root, "", (file, ""));
            }
        }
        search.found
    }

    /// Whether something other than the object itself refers to it, or into it.
    pub fn contains(&self, file: FileId, pointer: &str) -> bool {
        // The set is asked for few pointers; owning one is cheap.
        self.components.contains(&(file, pointer.to_owned()))
    }
}

struct Search<'a> {
    files: &'a Documents,
    seen: HashSet<*const Node>,
    found: Referred,
}

impl Search<'_> {
    /// `within` is the reusable object the node belongs to; a reference to that does not count.
    fn look(&mut self, node: &NodeRef, pointer: &str, within: (FileId, &str)) {
        if matches!(node.value, Value::Object(_) | Value::Array(_)) && !self.seen.insert(Arc::as_ptr(node)) {
            return;
        }
        let within = (within.0, component(pointer).unwrap_or(within.1));
        for entry in node.entries() {
            if let Some(text) = entry.value.as_str().filter(|_| entry.key == "$ref") {
                self.note(text, within);
            } else if matches!(entry.value.value, Value::Object(_) | Value::Array(_)) {
                self.look(&entry.value, &pointer_push(pointer, &entry.key), within);
            }
        }
        for item in node.items() {
            self.look(item, pointer, within);
        }
    }

    fn note(&mut self, text: &str, within: (FileId, &str)) {
        let written = text.strip_prefix('#').map(|pointer| (within.0, pointer.to_owned()));
        let target = self.files.resolve(within.0, text).ok().map(|target| (target.file, target.pointer));
        for (file, pointer) in written.into_iter().chain(target) {
            if let Some(object) = component(&pointer).filter(|object| (file, *object) != within) {
                self.found.components.insert((file, object.to_owned()));
            }
        }
    }
}

/// The pointer of the reusable object a pointer leads to or into.
fn component(pointer: &str) -> Option<&str> {
    let rest = pointer.strip_prefix(COMPONENTS)?;
    let (kind, name) = rest.split_once('/')?;
    let name = name.split('/').next().unwrap_or_default();
    pointer.get(..COMPONENTS.len() + kind.len() + 1 + name.len())
}

#[cfg(test)]
mod tests {
    use super::component;

    #[test]
    fn an_object_is_found_from_inside() {
        assert_eq!(component("/components/schemas/Order/properties/id"), Some("/components/schemas/Order"));
        assert_eq!(component("/components/schemas/Order"), Some("/components/schemas/Order"));
        assert_eq!(component("/components/schemas"), None);
        assert_eq!(component("/channels/orders"), None);
    }
}
