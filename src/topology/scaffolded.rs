//! What the locks of generated projects say: which services have been made into a project, and of which text of their contract.

use super::graph::{Edge, Evidence, EvidenceKind, Graph, Place, SourceFile};
use super::names::extend_new;

/// A project that was made of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The lock.
    pub source: SourceFile,
    /// The line in it that names the contract.
    pub line: u32,
    /// The path of the contract among the sources of the graph.
    pub contract: String,
}

impl Graph {
    /// The graph in which what a contract declares also has the lock of the project as evidence: it was made into code.
    #[must_use]
    pub fn made(mut self, locks: Vec<Made>) -> Self {
        for Made { source, line, contract } in locks {
            let Some(of) = self.sources.iter().position(|known| known.path == contract) else { continue };
            let place = Place { source: self.sources.len(), pointer: "/contract".to_owned(), line };
            self.sources.push(source);
            for node in &mut self.nodes {
                if node.defined_at.iter().any(|known| known.source == of && known.pointer == "/info") {
                    extend_new(&mut node.defined_at, [place.clone()]);
                }
            }
            let says_so = |edge: &&mut Edge| {
                edge.relation.is_flow() && edge.evidence.iter().any(|evidence| evidence.place.source == of)
            };
            for edge in self.edges.iter_mut().filter(says_so) {
                let evidence = Evidence {
                    kind: EvidenceKind::ScaffoldLock,
                    place: place.clone(),
                    seen: None,
                    live: None,
                };
                extend_new(&mut edge.evidence, [evidence]);
            }
        }
        self
    }
}
