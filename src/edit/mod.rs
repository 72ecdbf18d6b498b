//! Changes documents as texts: lays them out, converts them to another version, bundles them; comments stay.

pub mod format;
mod pieces;
pub mod read;
pub mod render;
pub mod save;
pub mod tree;
