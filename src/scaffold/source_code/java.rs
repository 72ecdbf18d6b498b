//! Types as Java source with Jackson: records, enumerations and sealed interfaces, all inside one class `Events`.
//!
//! It needs the names of [`RESERVED_TYPES`] that Java does not know by itself to be imported.

use super::super::identifiers::{IdentifierKind, Language, identifier};
use super::super::types::{Definition, Field, REST, Shape, Type, Types};
use super::{any, literal, push_comment, push_line};

/// Names that stand for types of the language inside the class.
pub const RESERVED_TYPES: [&str; 39] = [
    "Boolean",
    "Branch",
    "DeserializationContext",
    "DeserializationFeature",
    "Double",
    "Enum",
    "Events",
    "FirstThatFits",
    "Function",
    "IOException",
    "Integer",
    "JsonAnyGetter",
    "JsonAnySetter",
    "JsonDeserialize",
    "JsonDeserializer",
    "JsonIgnoreProperties",
    "JsonInclude",
    "JsonMapper",
    "JsonMappingException",
    "JsonNode",
    "JsonParser",
    "JsonProperty",
    "JsonValue",
    "List",
    "Long",
    "Map",
    "MapperFeature",
    "Object",
    "ObjectCodec",
    "ObjectMapper",
    "Objects",
    "Override",
    "Record",
    "String",
    "StringBuilder",
    "SuppressWarnings",
    "System",
    "TypeReference",
    "Void",
];

/// What unions share, and how events are read and written.
const SUPPORT: &str = r#"
    private static final ObjectMapper MAPPER =
        JsonMapper.builder()
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
            .build();

    /** Reads and writes events: strictly, as the contract has them. */
    public static ObjectMapper mapper() {
        return MAPPER;
    }

    private Events() {
    }

    private record Branch<T, B>(TypeReference<B> type, Function<B, T> wrap) {
        T read(ObjectCodec codec, JsonNode node) throws IOException {
            try (JsonParser parser = node.traverse(codec)) {
                parser.nextToken();
                return wrap.apply(codec.readValue(parser, type));
            }
        }
    }

    private static <T, B> Branch<T, B> branch(TypeReference<B> type, Function<B, T> wrap) {
        return new Branch<>(type, wrap);
    }

    private static class FirstThatFits<T> extends JsonDeserializer<T> {
        private final String name;
        private final List<Branch<T, ?>> branches;

        FirstThatFits(String name, List<Branch<T, ?>> branches) {
            this.name = name;
            this.branches = branches;
        }

        @Override
        public T deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            JsonNode node = context.readTree(parser);
            StringBuilder reasons = new StringBuilder();
            for (Branch<T, ?> branch : branches) {
                try {
                    return branch.read(parser.getCodec(), node);
                } catch (JsonMappingException misfit) {
                    reasons.append("; ").append(misfit.getOriginalMessage());
                }
            }
            throw JsonMappingException.from(parser, "no type of " + name + " fits" + reasons);
        }
    }
"#;

/// The type as it is written where it is used; it may be null where the contract allows it.
#[must_use]
pub fn type_name(types: &Types<'_>, kind: &Type) -> String {
    match kind {
        Type::String(_) => "String".to_owned(),
        Type::Integer => "Long".to_owned(),
        Type::Number => "Double".to_owned(),
        Type::Bool => "Boolean".to_owned(),
        Type::Any => any(Language::Java).to_owned(),
        Type::List(item) => format!("List<{}>", type_name(types, item)),
        Type::Map(value) => format!("Map<String, {}>", type_name(types, value)),
        Type::Option(value) => type_name(types, value),
        Type::Named(index) => {
            format!("Events.{}", types.get(*index).map_or("", |found| found.name.as_str()))
        }
    }
}

/// Every definition as a member of the class, in order of discovery.
#[must_use]
pub fn definitions(types: &Types<'_>) -> String {
    let sources = types.definitions().into_iter().map(|definition| one(types, definition));
    sources.collect::<Vec<_>>().join("\n") + SUPPORT
}

fn one(types: &Types<'_>, definition: &Definition) -> String {
    let mut text = String::new();
    push_comment(&mut text, "    ", "//", definition.doc.as_deref());
    match &definition.shape {
        Shape::Struct { fields, rest, closed } => {
            push_record(&mut text, types, definition, (fields, rest.as_ref(), *closed));
        }
        Shape::Enum(variants) => {
            push_line(&mut text, format_args!("    public enum {} {{", definition.name));
            let constants: Vec<String> = variants
                .iter()
                .map(|(identifier, wire)| {
                    format!("        @JsonProperty({})\n        {identifier}", literal(wire))
                })
                .collect();
            push_line(&mut text, format_args!("{};\n    }}", constants.join(",\n")));
        }
        Shape::Union(variants) => push_union(&mut text, types, definition, variants),
    }
    text
}

fn push_record(
    text: &mut String,
    types: &Types<'_>,
    definition: &Definition,
    (fields, rest, closed): (&[Field], Option<&Type>, bool),
) {
    let name = &definition.name;
    if !closed && rest.is_none() {
        text.push_str("    @JsonIgnoreProperties(ignoreUnknown = true)\n");
    }
    push_line(text, format_args!("    public record {name}("));
    let mut components: Vec<String> = fields.iter().map(|field| component(types, field)).collect();
    let rest_name = identifier(REST, IdentifierKind::Field, Language::Java);
    if let Some(rest) = rest {
        components.push(format!(
            "            @JsonAnySetter\n            @JsonAnyGetter\n            Map<String, {}> {rest_name}",
            type_name(types, rest)
        ));
    }
    if !components.is_empty() {
        push_line(text, format_args!("{}", components.join(",\n")));
    }
    text.push_str("    ) {\n");
    let wanted: Vec<&Field> = fields
        .iter()
        .filter(|field| field.required && !matches!(field.kind, Type::Option(_) | Type::Any))
        .collect();
    if !wanted.is_empty() || rest.is_some() {
        push_line(text, format_args!("        public {name} {{"));
        for field in wanted {
            let message = literal(&format!("{} must be there", field.wire));
            push_line(
                text,
                format_args!("            Objects.requireNonNull({}, {message});", field.identifier),
            );
        }
        if rest.is_some() {
            push_line(
                text,
                format_args!("            {rest_name} = {rest_name} == null ? Map.of() : {rest_name};"),
            );
        }
        text.push_str("        }\n");
    }
    text.push_str("    }\n");
}

fn component(types: &Types<'_>, field: &Field) -> String {
    let mut text = String::new();
    push_comment(&mut text, "            ", "//", field.doc.as_deref());
    let inclusion = if field.required { "ALWAYS" } else { "NON_NULL" };
    text + &format!(
        "            @JsonInclude(JsonInclude.Include.{inclusion})\n            @JsonProperty(value = {}{})\n            {} {}",
        literal(&field.wire),
        if field.required { ", required = true" } else { "" },
        type_name(types, &field.kind),
        field.identifier
    )
}

/// A sealed interface with one record per branch; the first branch that fits is taken.
fn push_union(text: &mut String, types: &Types<'_>, definition: &Definition, variants: &[(String, Type)]) {
    let name = &definition.name;
    push_line(
        text,
        format_args!(
            "    @JsonDeserialize(using = {name}.Reader.class)\n    public sealed interface {name} {{"
        ),
    );
    for (identifier, kind) in variants {
        push_line(
            text,
            format_args!(
                "        @JsonDeserialize(using = JsonDeserializer.None.class)\n        record Of{identifier}(@JsonValue {} value) implements {name} {{\n        }}\n",
                type_name(types, kind)
            ),
        );
    }
    push_line(
        text,
        format_args!(
            "        final class Reader extends FirstThatFits<{name}> {{\n            public Reader() {{\n                super({}, List.of(",
            literal(name)
        ),
    );
    let branches: Vec<String> = variants
        .iter()
        .map(|(identifier, kind)| {
            format!(
                "                        branch(new TypeReference<{}>() {{ }}, Of{identifier}::new)",
                type_name(types, kind)
            )
        })
        .collect();
    push_line(text, format_args!("{}));\n            }}\n        }}\n    }}", branches.join(",\n")));
}
