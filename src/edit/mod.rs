//! Changes documents as texts: lays them out, converts them to another version, bundles them; comments stay.

pub mod add;
pub mod anchors;
mod block;
pub mod bundle;
pub mod convert;
pub mod format;
pub mod insert;
pub mod make;
mod pieces;
pub mod read;
pub mod render;
pub mod save;
pub mod tree;
