//! Names under which a service is known elsewhere: client identifiers, consumer groups, users, names in traces.

use std::collections::HashMap;

use regex::Regex;

use super::graph::{Graph, NodeIndex, NodeKind};
use super::names::encoded;

/// What kind of name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// `client.id`, the name of a connection.
    Client,
    /// A consumer group, a durable consumer, a queue group.
    Group,
    /// Who logs in.
    User,
    /// `service.name`, or the title of a document.
    Service,
}

impl Identity {
    /// Every kind with the word that limits an alias to it.
    const ALL: [(Self, &'static str); 4] =
        [(Self::Client, "client"), (Self::Group, "group"), (Self::User, "user"), (Self::Service, "service")];
}

/// Why an alias is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{alias}` of `{service}` is not a pattern: {reason}")]
pub struct AliasError {
    /// The service.
    pub service: String,
    /// What was written.
    pub alias: String,
    /// What is wrong with it.
    pub reason: String,
}

#[derive(Clone, Debug)]
enum Shape {
    Exact(String),
    Glob(glob::Pattern),
    Regex(Regex),
}

#[derive(Clone, Debug)]
struct Alias {
    service: String,
    kind: Option<Identity>,
    shape: Shape,
}

/// Aliases of all services.
///
/// An alias is a name, a glob (`billing-*`), or a regular expression between slashes (`/^bill-[0-9]+$/`); with `client:`,
/// `group:`, `user:` or `service:` before it, it counts for such names only.
#[derive(Clone, Debug, Default)]
pub struct Aliases {
    /// Exact names first, then globs, then regular expressions, each in order of services.
    aliases: Vec<Alias>,
}

impl Aliases {
    /// Reads the aliases of each service.
    ///
    /// # Errors
    /// When one is no pattern.
    pub fn new<'a>(
        services: impl IntoIterator<Item = (&'a String, &'a Vec<String>)>,
    ) -> Result<Self, AliasError> {
        let mut aliases = Vec::new();
        for (service, written) in services {
            for alias in written {
                let refused =
                    |reason: String| AliasError { service: service.clone(), alias: alias.clone(), reason };
                let (kind, name) = split(alias);
                let shape = shape(name).map_err(refused)?;
                aliases.push(Alias { service: service.clone(), kind, shape });
            }
        }
        aliases.sort_by_key(|alias| match alias.shape {
            Shape::Exact(_) => 0,
            Shape::Glob(_) => 1,
            Shape::Regex(_) => 2,
        });
        Ok(Self { aliases })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.aliases.is_empty()
    }

    /// The service that is known under a name of a kind.
    #[must_use]
    pub fn service(&self, kind: Identity, name: &str) -> Option<&str> {
        let counts = |alias: &&Alias| alias.kind.is_none_or(|only| only == kind);
        let fits = |alias: &&Alias| match &alias.shape {
            Shape::Exact(exact) => exact == name,
            Shape::Glob(pattern) => pattern.matches(name),
            Shape::Regex(regex) => regex.is_match(name),
        };
        let found = self.aliases.iter().filter(counts).find(fits);
        found.map(|alias| alias.service.as_str())
    }
}

fn split(alias: &str) -> (Option<Identity>, &str) {
    let limited = Identity::ALL.iter().find_map(|(kind, word)| {
        let rest = alias.strip_prefix(word)?.strip_prefix(':')?;
        Some((Some(*kind), rest))
    });
    limited.unwrap_or((None, alias))
}

fn shape(name: &str) -> Result<Shape, String> {
    if name.is_empty() {
        return Err("it is empty".to_owned());
    }
    if let Some(regex) = name.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        let regex = Regex::new(regex).map_err(|error| {
            let error = error.to_string();
            error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        });
        return regex.map(Shape::Regex);
    }
    if name.contains(['*', '?', '[']) {
        let pattern = glob::Pattern::new(name).map_err(|error| error.msg.to_owned());
        return pattern.map(Shape::Glob);
    }
    Ok(Shape::Exact(name.to_owned()))
}

impl Graph {
    /// The graph in which services that are known under several names are one.
    #[must_use]
    pub fn renamed(self, aliases: &Aliases) -> Self {
        if aliases.is_empty() {
            return self;
        }
        let mut names: HashMap<NodeIndex, String> = HashMap::new();
        for service in self.of_kind(NodeKind::Service) {
            let node = self.node(service);
            let by = |name: &str| aliases.service(Identity::Service, name);
            if let Some(name) = by(&node.name).or_else(|| node.title.as_deref().and_then(by)) {
                names.insert(service, name.to_owned());
            }
        }
        if names.is_empty() {
            return self;
        }
        let mut nodes = self.nodes;
        for (index, name) in names {
            let node = &mut nodes[index.0];
            node.id = format!("service:{}", encoded(&name, false));
            node.name = name;
        }
        Self::merged(self.sources, nodes, self.edges)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Aliases, Identity};
    use crate::topology::fixture::graph;

    fn aliases(list: &[(&str, &[&str])]) -> Aliases {
        let map: BTreeMap<String, Vec<String>> = list
            .iter()
            .map(|(service, names)| {
                ((*service).to_owned(), names.iter().map(|name| (*name).to_owned()).collect())
            })
            .collect();
        Aliases::new(&map).expect("patterns")
    }

    #[test]
    fn names_globs_expressions_and_kinds() {
        let aliases = aliases(&[
            ("billing", &["group:bill-*", "/^b[0-9]+$/", "user:bob"]),
            ("books", &["bill-exact", "b1?"]),
        ]);
        assert_eq!(aliases.service(Identity::Group, "bill-v1"), Some("billing"));
        assert_eq!(aliases.service(Identity::Client, "bill-v1"), None);
        assert_eq!(aliases.service(Identity::Group, "bill-exact"), Some("books"));
        assert_eq!(aliases.service(Identity::Client, "b7"), Some("billing"));
        assert_eq!(aliases.service(Identity::Client, "b12"), Some("books"));
        assert_eq!(aliases.service(Identity::User, "bob"), Some("billing"));
        assert_eq!(aliases.service(Identity::User, "alice"), None);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["/(/", "[a", "group:"] {
            let map = BTreeMap::from([("s".to_owned(), vec![bad.to_owned()])]);
            assert_eq!(Aliases::new(&map).expect_err(bad).alias, bad);
        }
    }

    #[test]
    fn services_of_many_names_are_one() {
        let aliases = aliases(&[("billing", &["bill-*"])]);
        let one = graph("bill-a > x > c\nbill-b > x > d\nbill-b > y > billing").renamed(&aliases);
        let expected = graph("billing > x > c d\nbilling > y > billing");
        assert_eq!(one.nodes.len(), expected.nodes.len());
        let ends = |graph: &crate::topology::Graph| -> Vec<(String, String)> {
            let id = |index| graph.node(index).id.clone();
            graph.edges.iter().map(|edge| (id(edge.source), id(edge.target))).collect()
        };
        assert_eq!(ends(&one), ends(&expected));
    }
}
