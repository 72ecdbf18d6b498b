//! AsyncAPI 2 and 3 documents and plain event schemas, read into one model. It judges structure only as far as it must to read.

pub mod model;

pub use model::{
    Action, Channel, ChannelIndex, Contract, Document, DocumentIndex, DocumentKind, Example, Message,
    MessageIndex, Operation, Parameter, Reply, SchemaFormat, SchemaRef, Server, Service,
};
