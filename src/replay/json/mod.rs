//! JSON changed as text: values are replaced or taken away where they stand, and everything else stays byte for byte.

mod path;
mod payload;
mod rewrite;

pub use path::{FieldPath, Followed, HELP as PATH_HELP, PathError};
pub use payload::{Unwrapped, rewrite_payload, unwrapped};
pub use rewrite::{Decision, MalformedJson, Scalar, Visitor, rewrite};
