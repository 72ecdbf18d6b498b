//! AsyncAPI 2 and 3 documents and plain event schemas, read into one model. It judges structure only as far as it must to read.

mod bare_schema;
mod draft;
pub mod event_schema;
pub mod kind;
mod language;
pub mod load;
pub mod model;
mod place;
mod references;
pub mod remote;
mod traits;
mod v2;
mod v3;

pub use load::{Loaded, load, load_text, load_text_with, load_with};
pub use model::{
    Action, Channel, ChannelIndex, Contract, Document, DocumentIndex, DocumentKind, Example, Message,
    MessageIndex, Operation, Parameter, Reply, SchemaFormat, SchemaRef, Server, Service,
};
