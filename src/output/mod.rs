//! One file per format; each writes to the `Write` it is given and decides nothing.

pub mod archive_text;
pub mod backstage;
mod by_domain;
pub mod checkstyle;
pub mod cytoscape;
pub mod d2;
pub mod dot;
pub mod event_template;
pub mod eventcatalog;
pub mod events;
pub mod figures;
pub mod finding;
pub mod github;
pub mod gitlab;
pub mod graph_json;
pub mod graph_jsonl;
pub mod graph_text;
pub mod graphml;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hostile_graph;
mod inert;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod layout;
pub mod markdown;
pub mod mermaid;
pub mod openlineage;
pub mod page;
pub mod pages;
pub mod paths_text;
pub mod plan;
pub mod plantuml;
pub mod rdjson;
pub mod redrive;
pub mod replay;
pub mod sarif;
pub mod scene;
pub mod svg;
pub mod sync;
pub mod table;
pub mod text;
pub mod tree;
pub mod visible;
mod xml;
