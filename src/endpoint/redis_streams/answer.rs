//! Answers of the server taken apart: entries, streams with entries, and lists of names and values.

use redis::Value;

use super::entry::Field;
use super::id::EntryId;

/// An entry as read; without fields when it was deleted after it had been delivered to a group.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) id: EntryId,
    pub(super) fields: Option<Vec<Field>>,
}

/// The answer to `XRANGE`, and what `XREAD` says of each stream; `None` when it is something else.
pub(super) fn entries(value: Value) -> Option<Vec<Entry>> {
    list(value)?.into_iter().map(entry).collect()
}

fn entry(value: Value) -> Option<Entry> {
    let mut parts = list(value)?.into_iter();
    let id = id(parts.next()?)?;
    let fields = match parts.next()? {
        Value::Nil => None,
        fields => Some(pairs(list(fields)?)?),
    };
    Some(Entry { id, fields })
}

fn pairs(values: Vec<Value>) -> Option<Vec<Field>> {
    let mut fields = Vec::with_capacity(values.len() / 2);
    let mut values = values.into_iter();
    while let Some(name) = values.next() {
        fields.push((bytes(name)?, bytes(values.next()?)?));
    }
    Some(fields)
}

/// The answer to `XREAD` and `XREADGROUP`: streams with entries, no stream when nothing came.
pub(super) fn streams(value: Value) -> Option<Vec<(String, Vec<Entry>)>> {
    if value == Value::Nil {
        return Some(Vec::new());
    }
    let stream = |value: Value| {
        let mut parts = list(value)?.into_iter();
        Some((text(parts.next()?)?, entries(parts.next()?)?))
    };
    list(value)?.into_iter().map(stream).collect()
}

/// The values of an array.
pub(super) fn list(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

/// Bytes of a string.
fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        Value::Int(number) => Some(number.to_string().into_bytes()),
        Value::Okay => Some(b"OK".to_vec()),
        _ => None,
    }
}

/// A string, or a number as a string; bytes that are no text are replaced.
pub(super) fn text(value: Value) -> Option<String> {
    bytes(value).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The id of an entry.
pub(super) fn id(value: Value) -> Option<EntryId> {
    text(value).as_deref().and_then(EntryId::parse)
}

/// Some text, `None` for a refusal; used where what may not be asked is left out.
pub(super) fn text_or_refusal(value: Value) -> Option<String> {
    if matches!(value, Value::ServerError(_)) { None } else { text(value) }
}

/// The value of a name in a list of names and values, as `XINFO` answers.
pub(super) fn named<'a>(values: &'a [Value], name: &str) -> Option<&'a Value> {
    let mut pairs = values.chunks_exact(2);
    let found = pairs.find(|pair| matches!(&pair[0], Value::BulkString(bytes) if bytes == name.as_bytes()));
    found.map(|pair| &pair[1])
}

/// A number that is not negative.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::{EntryId, entries, named, number, streams};

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn entry(id: &str, fields: Value) -> Value {
        Value::Array(vec![bulk(id), fields])
    }

    #[test]
    fn answers_are_taken_apart() {
        let fields = Value::Array(vec![bulk("a"), bulk("1"), bulk("a"), bulk("2")]);
        let answer = Value::Array(vec![Value::Array(vec![
            bulk("s"),
            Value::Array(vec![entry("7-0", fields), entry("7-1", Value::Nil)]),
        ])]);
        let read = streams(answer).expect("streams");
        assert_eq!((read[0].0.as_str(), read[0].1.len()), ("s", 2));
        assert_eq!(read[0].1[0].fields.as_ref().map(Vec::len), Some(2));
        assert_eq!((read[0].1[1].id, &read[0].1[1].fields), (EntryId::parse("7-1").expect("an id"), &None));
        assert_eq!(streams(Value::Nil), Some(Vec::new()));
    }

    #[test]
    fn odd_answers_are_nothing() {
        let no_pair = Value::Array(vec![bulk("a")]);
        for odd in [
            Value::Int(1),
            Value::Array(vec![entry("x", Value::Nil)]),
            Value::Array(vec![entry("7-0", no_pair)]),
        ] {
            assert_eq!(entries(odd.clone()), None, "{odd:?}");
        }
        let list = [bulk("length"), Value::Int(3), bulk("lag"), Value::Nil];
        assert_eq!(named(&list, "length").and_then(number), Some(3));
        assert_eq!(named(&list, "lag").and_then(number), None);
        assert_eq!(named(&list, "other"), None);
    }
}
