//! The members of a saved graph that are read, as they stand in the JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Change, EvidenceKind, NodeKind, Relation};
use crate::topology::observed::{Live, Observation};

/// Edges of a saved graph at most.
pub(super) const EDGES: usize = 2_000_000;

#[derive(Deserialize)]
pub(super) struct Outer<'a> {
    #[serde(borrow)]
    pub graph: GraphForm<'a>,
}

#[derive(Deserialize)]
pub(super) struct GraphForm<'a> {
    #[serde(borrow)]
    pub metadata: GraphMetadata<'a>,
    #[serde(borrow)]
    pub nodes: Nodes<'a>,
    #[serde(borrow, default)]
    pub edges: Edges<'a, EDGES>,
}

/// So many edges at most: with one more the rest is not read.
#[derive(Default)]
pub(super) struct Edges<'a, const MOST: usize>(pub Vec<EdgeForm<'a>>);

impl<'de: 'a, 'a, const MOST: usize> Deserialize<'de> for Edges<'a, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<const MOST: usize>;
        impl<'de, const MOST: usize> Visitor<'de> for Items<MOST> {
            type Value = Edges<'de, MOST>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of edges")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut edges = Vec::new();
                while let Some(edge) = list.next_element()? {
                    if edges.len() == MOST {
                        let words = "more edges than can be drawn or compared";
                        return Err(A::Error::custom(format_args!("there are {words}: {MOST} at most")));
                    }
                    edges.push(edge);
                }
                Ok(Edges(edges))
            }
        }
        deserializer.deserialize_seq(Items::<MOST>)
    }
}

#[derive(Deserialize)]
pub(super) struct GraphMetadata<'a> {
    #[serde(borrow)]
    pub schema: Cow<'a, str>,
    #[serde(default)]
    pub sources: Vec<SourceForm>,
}

#[derive(Deserialize)]
pub(super) struct SourceForm {
    /// What a running system could tell.
    #[serde(default)]
    pub observation: Option<Observation>,
    pub id: String,
    pub kind: EvidenceKind,
    pub uri: String,
    #[serde(default)]
    pub version: Option<String>,
    #[serde(default)]
    pub sha256: String,
}

/// Nodes in the order of the file, those that are there twice included.
pub(super) struct Nodes<'a>(pub Vec<(Cow<'a, str>, NodeForm<'a>)>);

/// A key that is taken from the text when it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Nodes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Nodes<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map of nodes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut nodes = Vec::new();
                while let Some((Key(id), node)) = map.next_entry()? {
                    nodes.push((id, node));
                }
                Ok(Nodes(nodes))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[derive(Deserialize)]
pub(super) struct NodeForm<'a> {
    #[serde(borrow)]
    pub metadata: NodeMetadata<'a>,
}

#[derive(Deserialize)]
pub(super) struct NodeMetadata<'a> {
    pub kind: NodeKind,
    pub name: String,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub version: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub protocol: Option<String>,
    #[serde(default)]
    pub domain: Option<String>,
    #[serde(default)]
    pub owners: Vec<String>,
    #[serde(default)]
    pub schema_sha256: Option<String>,
    #[serde(borrow, default)]
    pub defined_at: Vec<PlaceForm<'a>>,
    #[serde(default)]
    pub change: Option<Change>,
}

#[derive(Deserialize)]
pub(super) struct PlaceForm<'a> {
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    #[serde(default)]
    pub pointer: String,
    #[serde(default)]
    pub line: u32,
}

#[derive(Deserialize)]
pub(super) struct EdgeForm<'a> {
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    #[serde(borrow)]
    pub target: Cow<'a, str>,
    pub relation: Relation,
    #[serde(borrow, default)]
    pub metadata: EdgeMetadata<'a>,
}

#[derive(Default, Deserialize)]
pub(super) struct EdgeMetadata<'a> {
    #[serde(borrow, default)]
    pub messages: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub evidence: Vec<EvidenceForm<'a>>,
    #[serde(default)]
    pub change: Option<Change>,
}

#[derive(Deserialize)]
pub(super) struct EvidenceForm<'a> {
    /// What a running system showed.
    #[serde(default)]
    pub live: Option<Live>,
    pub kind: EvidenceKind,
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    #[serde(default)]
    pub pointer: String,
    #[serde(default)]
    pub line: u32,
    #[serde(default)]
    pub count: Option<u64>,
    #[serde(borrow, default)]
    pub first: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub last: Option<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use super::Edges;

    #[test]
    fn edges_are_counted_while_they_are_read() {
        let edge = r#"{"source":"service:a","target":"channel:-/x","relation":"sends","metadata":{}}"#;
        let read = |count: usize| {
            let text = format!("[{}]", vec![edge; count].join(","));
            serde_json::from_str::<Edges<'_, 2>>(&text)
                .map(|edges| edges.0.len())
                .map_err(|error| error.to_string())
        };
        assert_eq!(read(2), Ok(2));
        let refused = read(3).unwrap_err();
        assert!(refused.contains("2 at most") && refused.contains("line 1"), "{refused}");
        // What comes behind is not looked at.
        let cut = format!("[{edge},{edge},{edge},");
        assert!(
            serde_json::from_str::<Edges<'_, 2>>(&cut)
                .is_err_and(|error| error.to_string().contains("at most"))
        );
    }
}
