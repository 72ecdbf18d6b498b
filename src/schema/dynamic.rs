//! Which place a dynamic reference means: the outermost of the resources entered on the way that has its anchor.
//!
//! Every way into a schema is known when it is gathered, so each dynamic scope gets definitions of its own, in which
//! dynamic references are plain ones.

use std::collections::HashMap;
use std::sync::Arc;

use super::scope::is_recursive;
use crate::source_text::Resolved;

/// The anchors of one dynamic scope with their names, those of outer resources before inner ones.
type Scope = Vec<(String, Resolved)>;

/// The dynamic scopes of one bundle; number 0 is the one outside all schemas.
pub(super) struct DynamicScopes {
    scopes: Vec<Scope>,
    /// Numbers of scopes by the names and nodes in them.
    known: HashMap<Vec<(String, usize)>, usize>,
    /// What entering a resource leads to.
    entered: HashMap<(usize, Arc<str>), usize>,
}

impl DynamicScopes {
    pub(super) fn new() -> Self {
        let known = HashMap::from([(Vec::new(), 0)]);
        Self { scopes: vec![Scope::new()], known, entered: HashMap::new() }
    }

    /// The scope inside a resource with these anchors.
    pub(super) fn enter(&mut self, scope: usize, base: &Arc<str>, anchors: &[(String, Resolved)]) -> usize {
        let is_recursive = anchors.iter().any(|(name, _)| name.is_empty());
        let is_led = self.find(scope, "").is_some();
        if anchors.is_empty() && !is_led {
            return scope;
        }
        let key = (scope, Arc::clone(base));
        if let Some(number) = self.entered.get(&key) {
            return *number;
        }
        let mut inner = self.scopes[scope].clone();
        if !is_recursive {
            // In 2019-09 a resource that does not take part ends the chain that leads outwards.
            inner.retain(|(name, _)| !name.is_empty());
        }
        for (name, place) in anchors {
            if inner.iter().all(|(known, _)| known != name) {
                inner.push((name.clone(), place.clone()));
            }
        }
        let nodes = inner.iter().map(|(name, place)| (name.clone(), Arc::as_ptr(&place.node) as usize));
        let number = *self.known.entry(nodes.collect()).or_insert(self.scopes.len());
        if number == self.scopes.len() {
            self.scopes.push(inner);
        }
        self.entered.insert(key, number);
        number
    }

    fn find(&self, scope: usize, name: &str) -> Option<&Resolved> {
        self.scopes[scope].iter().find(|(known, _)| known == name).map(|(_, place)| place)
    }

    /// What a reference means whose target, taken as a plain one, is `target`.
    pub(super) fn target(&self, keyword: &str, written: &str, scope: usize, target: Resolved) -> Resolved {
        let found = match keyword {
            "$dynamicRef" => {
                let name = written.split_once('#').map_or("", |(_, name)| name);
                let is_dynamic = !name.is_empty() && target.node.get_str("$dynamicAnchor") == Some(name);
                is_dynamic.then(|| self.find(scope, name)).flatten()
            }
            "$recursiveRef" => is_recursive(&target.node).then(|| self.find(scope, "")).flatten(),
            _ => None,
        };
        found.cloned().unwrap_or(target)
    }
}
