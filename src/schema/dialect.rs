//! Which language of schemas a schema is written in, and what that language calls things.

use crate::source_text::tree::Node;

/// A language of schemas that can be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// JSON Schema draft-04.
    Draft4,
    /// JSON Schema draft-06.
    Draft6,
    /// JSON Schema draft-07.
    Draft7,
    /// JSON Schema 2019-09.
    Draft201909,
    /// JSON Schema 2020-12; OpenAPI 3.1 schemas are this.
    Draft202012,
    /// The Schema Object of AsyncAPI: draft-07 with `discriminator`, `externalDocs` and `deprecated`.
    AsyncApi,
    /// The Schema Object of OpenAPI 3.0: draft-04 with `nullable`.
    OpenApi30,
}

impl Dialect {
    /// The dialect a `$schema` address names; `None` when it is not one of ours.
    #[must_use]
    pub fn of_address(address: &str) -> Option<Self> {
        let bare = address.trim_end_matches('#').trim_end_matches('/');
        let bare = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://")).unwrap_or(bare);
        match bare {
            "json-schema.org/draft-04/schema" => Some(Self::Draft4),
            "json-schema.org/draft-06/schema" => Some(Self::Draft6),
            "json-schema.org/draft-07/schema" => Some(Self::Draft7),
            "json-schema.org/draft/2019-09/schema" => Some(Self::Draft201909),
            "json-schema.org/draft/2020-12/schema" | "json-schema.org/schema" => Some(Self::Draft202012),
            _ => None,
        }
    }

    /// The dialect a schema states in its own `$schema`.
    #[must_use]
    pub fn stated_by(schema: &Node) -> Option<Self> {
        schema.get_str("$schema").and_then(Self::of_address)
    }

    /// The draft of JSON Schema that decides its keywords.
    #[must_use]
    pub(super) fn draft(self) -> jsonschema::Draft {
        match self {
            Self::Draft4 | Self::OpenApi30 => jsonschema::Draft::Draft4,
            Self::Draft6 => jsonschema::Draft::Draft6,
            Self::Draft7 | Self::AsyncApi => jsonschema::Draft::Draft7,
            Self::Draft201909 => jsonschema::Draft::Draft201909,
            Self::Draft202012 => jsonschema::Draft::Draft202012,
        }
    }

    /// The address of the meta-schema of that draft.
    #[must_use]
    pub fn meta_schema(self) -> &'static str {
        match self {
            Self::Draft4 | Self::OpenApi30 => "http://json-schema.org/draft-04/schema#",
            Self::Draft6 => "http://json-schema.org/draft-06/schema#",
            Self::Draft7 | Self::AsyncApi => "http://json-schema.org/draft-07/schema#",
            Self::Draft201909 => "https://json-schema.org/draft/2019-09/schema",
            Self::Draft202012 => "https://json-schema.org/draft/2020-12/schema",
        }
    }

    /// Whether keywords beside a `$ref` are ignored, as they are up to draft-07.
    #[must_use]
    pub fn reference_stands_alone(self) -> bool {
        !matches!(self, Self::Draft201909 | Self::Draft202012)
    }

    /// The keyword that names a schema: `id` in draft-04, `$id` since.
    #[must_use]
    pub fn identifier(self) -> &'static str {
        match self {
            Self::Draft4 | Self::OpenApi30 => "id",
            _ => "$id",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft4 => "JSON Schema draft-04",
            Self::Draft6 => "JSON Schema draft-06",
            Self::Draft7 => "JSON Schema draft-07",
            Self::Draft201909 => "JSON Schema 2019-09",
            Self::Draft202012 => "JSON Schema 2020-12",
            Self::AsyncApi => "AsyncAPI schema",
            Self::OpenApi30 => "OpenAPI 3.0 schema",
        }
    }
}
