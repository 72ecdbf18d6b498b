//! One file per format; each writes to the `Write` it is given and decides nothing.

pub mod graph_text;
pub mod json;
pub mod pages;
pub mod table;
pub mod text;
pub mod tree;
