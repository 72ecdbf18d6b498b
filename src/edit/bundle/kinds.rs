//! What stands where in an AsyncAPI document, as far as it decides which component a reference becomes.

/// What a place holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The document.
    Root,
    /// `components`.
    Components,
    /// Something that becomes a component of this group.
    Part(&'static str),
    /// A list or map of these.
    Many(&'static str),
    /// A schema in a language other than JSON Schema: it is put in its place.
    Foreign,
    /// Data, in which `$ref` is no reference.
    Data,
    /// Anything else.
    Other,
}

/// Groups of components with the version they came with: major and minor.
const GROUPS: [(&str, u8, u8); 19] = [
    ("schemas", 2, 0),
    ("servers", 2, 3),
    ("channels", 2, 3),
    ("operations", 3, 0),
    ("messages", 2, 0),
    ("securitySchemes", 2, 0),
    ("serverVariables", 2, 4),
    ("parameters", 2, 0),
    ("correlationIds", 2, 0),
    ("replies", 3, 0),
    ("replyAddresses", 3, 0),
    ("externalDocs", 3, 0),
    ("tags", 3, 0),
    ("operationTraits", 2, 0),
    ("messageTraits", 2, 0),
    ("serverBindings", 2, 0),
    ("channelBindings", 2, 0),
    ("operationBindings", 2, 0),
    ("messageBindings", 2, 0),
];

/// Whether components of a version have a group.
pub(super) fn has_group(group: &str, version: (u8, u8)) -> bool {
    GROUPS.iter().any(|(name, major, minor)| *name == group && (*major, *minor) <= version)
}

/// The kind of what stands under a key, or at an index, of something of a kind.
pub(super) fn below(kind: Kind, key: &str) -> Kind {
    match kind {
        Kind::Many(group) => Kind::Part(group),
        Kind::Components => {
            GROUPS.iter().find(|(name, ..)| *name == key).map_or(Kind::Other, |group| Kind::Many(group.0))
        }
        Kind::Root => match key {
            "components" => Kind::Components,
            "servers" => Kind::Many("servers"),
            "channels" => Kind::Many("channels"),
            "operations" => Kind::Many("operations"),
            _ => shared(key),
        },
        Kind::Part(group) => part(group, key),
        Kind::Foreign | Kind::Data => kind,
        Kind::Other => shared(key),
    }
}

fn shared(key: &str) -> Kind {
    match key {
        "tags" => Kind::Many("tags"),
        "externalDocs" => Kind::Part("externalDocs"),
        _ => Kind::Other,
    }
}

fn part(group: &str, key: &str) -> Kind {
    match (group, key) {
        ("schemas", "examples" | "example" | "default" | "const" | "enum")
        | ("messages" | "messageTraits", "examples") => Kind::Data,
        // A binding has schemas too, such as the key of a Kafka message.
        ("schemas" | "messageBindings" | "operationBindings" | "channelBindings" | "serverBindings", _)
        | ("messages" | "messageTraits", "payload" | "headers")
        | ("parameters", "schema") => Kind::Part("schemas"),
        ("servers", "variables") => Kind::Many("serverVariables"),
        ("servers" | "operations" | "operationTraits", "security") => Kind::Many("securitySchemes"),
        ("servers", "bindings") => Kind::Part("serverBindings"),
        ("channels", "bindings") => Kind::Part("channelBindings"),
        ("operations" | "operationTraits", "bindings") => Kind::Part("operationBindings"),
        ("messages" | "messageTraits", "bindings") => Kind::Part("messageBindings"),
        ("channels" | "operations" | "replies", "messages") | ("messages", "oneOf") => Kind::Many("messages"),
        ("channels", "parameters") => Kind::Many("parameters"),
        ("channels", "publish" | "subscribe") => Kind::Part("operations"),
        ("channels", "servers") => Kind::Many("servers"),
        ("operations" | "replies", "channel") => Kind::Part("channels"),
        ("operations", "message") => Kind::Part("messages"),
        ("operations", "traits") => Kind::Many("operationTraits"),
        ("operations", "reply") => Kind::Part("replies"),
        ("replies", "address") => Kind::Part("replyAddresses"),
        ("messages", "traits") => Kind::Many("messageTraits"),
        ("messages" | "messageTraits", "correlationId") => Kind::Part("correlationIds"),
        _ => shared(key),
    }
}

/// Whether a schema format is one of JSON Schema's family.
pub(super) fn is_json_schema(format: &str) -> bool {
    ["application/vnd.aai.asyncapi", "application/schema", "application/vnd.oai.openapi"]
        .iter()
        .any(|family| format.starts_with(family))
}
