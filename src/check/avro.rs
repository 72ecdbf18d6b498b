//! Reads an Avro schema from its tree: which types exist, and where it is wrong. It checks no events.

use std::collections::HashSet;

use crate::diagnostic::nearest;
use crate::source_text::Span;
use crate::source_text::tree::{Node, NodeRef, Number, Value};

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
const COMPLEX: [&str; 5] = ["record", "enum", "array", "map", "fixed"];

/// Something wrong in a schema.
#[derive(Debug)]
pub struct Fault {
    /// What, as a fragment.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to do.
    pub help: Option<String>,
    /// Whether a default is at fault, and not the schema itself.
    pub in_default: bool,
}

/// A schema as read.
#[derive(Debug, Default)]
pub struct Avro {
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    names: HashSet<String>,
}

/// Reads a schema.
pub fn read(schema: &NodeRef) -> Avro {
    let mut avro = Avro::default();
    avro.schema(schema, "");
    avro
}

impl Avro {
    fn fault(&mut self, message: String, span: Span) {
        self.faults.push(Fault { message, span, help: None, in_default: false });
    }

    fn schema(&mut self, node: &NodeRef, namespace: &str) {
        match &node.value {
            Value::String(name) => self.type_name(name, node, namespace),
            Value::Array(branches) => branches.iter().for_each(|branch| self.schema(branch, namespace)),
            // A reference is followed by nobody in Avro; the loader tells when it leads nowhere.
            Value::Object(_) if node.get("$ref").is_some() => {}
            Value::Object(_) => self.object(node, namespace),
            _ => self.fault(format!("an Avro type cannot be a {}", node.kind()), node.span),
        }
    }

    fn type_name(&mut self, name: &str, node: &Node, namespace: &str) {
        let full = qualified(name, namespace);
        if PRIMITIVES.contains(&name) || self.names.contains(&full) || self.names.contains(name) {
            return;
        }
        let known = PRIMITIVES.into_iter().chain(self.names.iter().map(String::as_str));
        let help = nearest(name, known).map_or_else(
            || format!("it is one of {}, or a type defined before", PRIMITIVES.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("there is no Avro type `{name}`");
        self.faults.push(Fault { message, span: node.span, help: Some(help), in_default: false });
    }

    fn object(&mut self, node: &NodeRef, namespace: &str) {
        let Some(kind) = node.get("type") else {
            self.fault("an Avro type has no `type`".to_owned(), node.span);
            return;
        };
        let Some(name) = kind.as_str() else {
            self.schema(kind, namespace);
            return;
        };
        match name {
            "record" | "error" => self.record(node, namespace),
            "enum" => {
                self.define(node, namespace);
                self.needs(node, "symbols");
            }
            "fixed" => {
                self.define(node, namespace);
                self.needs(node, "size");
            }
            "array" => self.inner(node, "items", namespace),
            "map" => self.inner(node, "values", namespace),
            _ if nearest(name, COMPLEX).is_some() && !PRIMITIVES.contains(&name) => {
                let near = nearest(name, COMPLEX).unwrap_or_default();
                let help = Some(format!("did you mean `{near}`?"));
                let message = format!("there is no Avro type `{name}`");
                self.faults.push(Fault { message, span: kind.span, help, in_default: false });
            }
            _ => self.type_name(name, kind, namespace),
        }
    }

    fn define(&mut self, node: &Node, namespace: &str) -> String {
        let own = node.get_str("namespace").unwrap_or(namespace);
        let Some(name) = node.get_str("name") else {
            self.fault("a named Avro type has no `name`".to_owned(), node.span);
            return own.to_owned();
        };
        let full = qualified(name, own);
        self.names.insert(full.clone());
        full.rsplit_once('.').map_or_else(String::new, |(space, _)| space.to_owned())
    }

    fn needs(&mut self, node: &Node, field: &str) {
        if node.get(field).is_none() {
            let kind = node.get_str("type").unwrap_or_default();
            self.fault(format!("an Avro {kind} needs `{field}`"), node.span);
        }
    }

    fn inner(&mut self, node: &Node, field: &str, namespace: &str) {
        match node.get(field) {
            Some(inner) => self.schema(inner, namespace),
            None => self.needs(node, field),
        }
    }

    fn record(&mut self, node: &NodeRef, namespace: &str) {
        let namespace = self.define(node, namespace);
        self.needs(node, "fields");
        for field in node.get("fields").map_or(&[][..], |fields| fields.items()) {
            if field.get_str("name").is_none() {
                self.fault("an Avro field has no `name`".to_owned(), field.span);
            }
            let Some(kind) = field.get("type") else {
                self.fault("an Avro field has no `type`".to_owned(), field.span);
                continue;
            };
            let before = self.faults.len();
            self.schema(kind, &namespace);
            if let (Some(default), true) = (field.get("default"), self.faults.len() == before) {
                self.judge_default(default, kind, field.get_str("name").unwrap_or_default());
            }
        }
    }

    fn judge_default(&mut self, default: &NodeRef, kind: &NodeRef, field: &str) {
        let first = if kind.items().is_empty() { kind } else { &kind.items()[0] };
        if fits(default, first) != Some(false) {
            return;
        }
        let name = first.as_str().or_else(|| first.get_str("type")).unwrap_or("type");
        let message = format!("the default of `{field}` is a {}, and its type is `{name}`", default.kind());
        self.faults.push(Fault { message, span: default.span, help: None, in_default: true });
    }
}

fn qualified(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

/// Whether a default is of the type; `None` for named types, which are defined elsewhere.
fn fits(default: &Node, kind: &Node) -> Option<bool> {
    let name = kind.as_str().or_else(|| kind.get_str("type"))?;
    let whole = matches!(default.value, Value::Number(Number::Integer(_) | Number::Unsigned(_)));
    Some(match name {
        "null" => default.value == Value::Null,
        "boolean" => default.as_bool().is_some(),
        "int" => matches!(&default.value, Value::Number(Number::Integer(n)) if i32::try_from(*n).is_ok()),
        "long" => whole,
        "float" | "double" => {
            let special =
                default.as_str().is_some_and(|text| matches!(text, "NaN" | "Infinity" | "-Infinity"));
            special || matches!(default.value, Value::Number(_))
        }
        "bytes" | "string" | "enum" | "fixed" => default.as_str().is_some(),
        "array" => matches!(default.value, Value::Array(_)),
        "map" | "record" => matches!(default.value, Value::Object(_)),
        _ => return None,
    })
}
