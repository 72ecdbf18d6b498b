//! One file per format; each writes to the `Write` it is given and decides nothing.

pub mod archive_text;
pub mod dot;
pub mod figures;
pub mod graph_json;
pub mod graph_text;
pub mod json;
pub mod mermaid;
pub mod pages;
pub mod plan;
pub mod replay;
pub mod svg;
pub mod table;
pub mod text;
pub mod tree;
