//! Logical types: which there are, what they may annotate, and what they ask of it.

use super::Shape;
use crate::diagnostic::nearest;
use crate::source_text::tree::{Node, Number, Value};

/// A logical type that changes how values are written for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logical {
    /// A number with this many digits after the point.
    Decimal { scale: u32 },
    /// Any other.
    Other,
}

/// A fault of a logical type: the message, the key at fault, and what to do.
pub(super) struct LogicalFault {
    pub message: String,
    pub key: &'static str,
    pub help: Option<String>,
}

/// The logical types of versions 1.9 to 1.12 with what they annotate.
const KNOWN: [(&str, &str); 15] = [
    ("decimal", "bytes or fixed"),
    ("big-decimal", "bytes"),
    ("uuid", "string or fixed of 16 bytes"),
    ("date", "int"),
    ("time-millis", "int"),
    ("time-micros", "long"),
    ("timestamp-millis", "long"),
    ("timestamp-micros", "long"),
    ("timestamp-nanos", "long"),
    ("local-timestamp-millis", "long"),
    ("local-timestamp-micros", "long"),
    ("local-timestamp-nanos", "long"),
    ("duration", "fixed of 12 bytes"),
    ("iso-datetime", "string"),
    ("string", "string"),
];

/// The logical type of a schema, if it has one, and what is wrong with it. Readers ignore one that is wrong.
pub(super) fn read(node: &Node, shape: &Shape) -> (Option<Logical>, Option<LogicalFault>) {
    let Some(written) = node.get("logicalType") else {
        return (None, None);
    };
    let fault = |message: String, key, help| (None, Some(LogicalFault { message, key, help }));
    let Some(name) = written.as_str() else {
        return fault(
            format!("`logicalType` must be text, and this is {}", written.kind()),
            "logicalType",
            None,
        );
    };
    let Some((_, annotated)) = KNOWN.iter().find(|(known, _)| *known == name) else {
        // Anyone may add logical types; only a slip of the pen is told.
        return match nearest(name, KNOWN.iter().map(|(known, _)| *known)) {
            Some(near) => fault(
                format!("there is no logical type `{name}`"),
                "logicalType",
                Some(format!("did you mean `{near}`?")),
            ),
            None => (None, None),
        };
    };
    if !annotates(name, shape) {
        let message = format!("the logical type `{name}` annotates {annotated}, and this is {}", word(shape));
        return fault(message, "logicalType", Some("readers ignore it as it is".to_owned()));
    }
    if name == "decimal" { decimal(node, shape) } else { (Some(Logical::Other), None) }
}

fn annotates(name: &str, shape: &Shape) -> bool {
    match (name, shape) {
        (_, Shape::Unknown)
        | ("decimal", Shape::Bytes | Shape::Fixed { .. })
        | ("big-decimal", Shape::Bytes)
        | ("uuid", Shape::String | Shape::Fixed { size: 16, .. })
        | ("duration", Shape::Fixed { size: 12, .. })
        | ("date" | "time-millis", Shape::Int)
        | ("iso-datetime" | "string", Shape::String) => true,
        (_, Shape::Long) => name.contains("timestamp") || name == "time-micros",
        _ => false,
    }
}

/// What a type is called.
pub(super) fn word(shape: &Shape) -> &str {
    match shape {
        Shape::Null => "null",
        Shape::Boolean => "boolean",
        Shape::Int => "int",
        Shape::Long => "long",
        Shape::Float => "float",
        Shape::Double => "double",
        Shape::Bytes => "bytes",
        Shape::String => "string",
        Shape::Array(_) => "array",
        Shape::Map(_) => "map",
        Shape::Union(_) => "union",
        Shape::Record { name, .. } | Shape::Enum { name, .. } | Shape::Fixed { name, .. } => name,
        Shape::Unknown => "type",
    }
}

/// `precision` is needed and positive; `scale` is not negative and not above it; both must fit into a fixed.
fn decimal(node: &Node, shape: &Shape) -> (Option<Logical>, Option<LogicalFault>) {
    let fault = |message: String, key| (None, Some(LogicalFault { message, key, help: None }));
    let Some(precision) = node.get("precision") else {
        return fault("the logical type `decimal` needs `precision`".to_owned(), "logicalType");
    };
    let Some(precision) = whole(precision).filter(|number| *number > 0) else {
        return fault("the precision of a decimal must be a whole number above 0".to_owned(), "precision");
    };
    if let Shape::Fixed { size, .. } = shape
        && let most = digits(*size)
        && u64::from(precision) > most
    {
        let message =
            format!("a fixed of {size} bytes holds {most} digits, and the precision is {precision}");
        return fault(message, "precision");
    }
    let scale = match node.get("scale") {
        None => 0,
        Some(scale) => match whole(scale) {
            Some(scale) if scale <= precision => scale,
            Some(scale) => {
                let message = format!("the scale {scale} of a decimal is above its precision {precision}");
                return fault(message, "scale");
            }
            None => {
                return fault("the scale of a decimal must be a whole number from 0 on".to_owned(), "scale");
            }
        },
    };
    (Some(Logical::Decimal { scale }), None)
}

fn whole(node: &Node) -> Option<u32> {
    match &node.value {
        Value::Number(Number::Integer(number)) => u32::try_from(*number).ok(),
        _ => None,
    }
}

/// The decimal digits that always fit into a signed number of so many bytes: log10(2^(8 n - 1) - 1), rounded down.
fn digits(bytes: u64) -> u64 {
    let bits = bytes.saturating_mul(8).saturating_sub(1);
    // 30103 / 100000 is log10(2) from above by 4e-8 of it: exact for every size a schema will have.
    u64::try_from(u128::from(bits) * 301_029_995 / 1_000_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn digits_of_fixed_sizes() {
        let sizes: Vec<u64> = [1, 2, 4, 8, 12, 16].into_iter().map(digits).collect();
        assert_eq!(sizes, [2, 4, 9, 18, 28, 38]);
        assert_eq!(digits(0), 0);
    }
}
